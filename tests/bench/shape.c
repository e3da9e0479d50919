/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See shape.h. */
#include "shape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "filter-text.h"
#include "ring.h"

typedef void on_record(struct shape *s, unsigned int cpu, const struct ring_record *record);

/* Every record of our event, CPU after CPU, page by page. */
static inline __attribute__((__always_inline__)) void each_record(struct shape *s, on_record *on)
{
	for (unsigned int cpu = 0; cpu < s->recording.n_cpus; cpu++) {
		const struct recording_part *pages = &s->recording.cpus[cpu];

		for (size_t at = 0; at < pages->len; at += RECORDING_PAGE_SIZE) {
			struct ring_record record;
			struct ring_loss loss;
			struct ring_iter it;
			uint16_t type;

			if (ring_iter_init(&it, pages->data + at, RECORDING_PAGE_SIZE, &loss) < 0)
				continue;
			s->lost += loss.is_lost;
			while (ring_iter_next(&it, &record) == 1) {
				memcpy(&type, (const char *)record.data + RECORD_TYPE_OFFSET,
				       sizeof(type));
				if (type == s->type)
					on(s, cpu, &record);
			}
		}
	}
}

static void look(struct shape *s, unsigned int cpu, const struct ring_record *record)
{
	s->sum += record->ts ^ record->len;
}

static void run_ring(struct shape *s)
{
	each_record(s, look);
}

static struct record_context context_of(const struct shape *s, unsigned int cpu,
					const struct ring_record *record)
{
	return (struct record_context){
		.seq = event_log_next(s->log),
		.ts = record->ts,
		.cpu = cpu,
		.symbols = s->symbols,
	};
}

/* Always to the same place, as far as that is there. */
static void encode(struct shape *s, unsigned int cpu, const struct ring_record *record)
{
	static char text[1 << 16];
	struct record_context context = context_of(s, cpu, record);

	if (decoder_bound(s->decoder, record->len, 0) <= sizeof(text))
		s->sum += decoder_write(s->decoder, record->data, record->len, &context, text);
}

static void run_json(struct shape *s)
{
	each_record(s, encode);
}

static void append(struct shape *s, unsigned int cpu, const struct ring_record *record)
{
	struct record_context context = context_of(s, cpu, record);
	char *text = event_log_reserve(s->log, decoder_bound(s->decoder, record->len, 0) + 1);
	uint32_t tid;
	size_t len;

	if (!text)
		return;
	memcpy(&tid, (const char *)record->data + RECORD_PID_OFFSET, sizeof(tid));
	len = decoder_write(s->decoder, record->data, record->len, &context, text);
	event_log_commit(s->log, s->source, record->ts, tid, cpu, 0, len, 0);
}

static void run_log(struct shape *s)
{
	each_record(s, append);
}

static void prepare_reader(struct shape *s)
{
	for (unsigned int i = 0; i < s->recording.n_cpus; i++)
		lseek(s->fds[i], 0, SEEK_SET);
	reader_remove_instance(s->reader, &s->instance);
	if (reader_add_instance(s->reader, &s->instance) < 0)
		abort();
}

static void run_reader(struct shape *s)
{
	s->is_filtering = false;
	reader_drain(s->reader);
}

static void run_filter(struct shape *s)
{
	s->is_filtering = true;
	reader_drain(s->reader);
}

/* What is in the log of the shape, which the stages before have filled, judged by its text. */
static void run_text(struct shape *s)
{
	uint64_t seq = event_log_next(s->log) - s->n_events;

	for (seq = seq < event_log_first(s->log) ? event_log_first(s->log) : seq;
	     seq < event_log_next(s->log); seq++) {
		const struct log_entry *e = event_log_entry(s->log, seq);

		s->sum += filter_match_text(s->view->marks->filter, event_log_text(s->log, e),
					    e->text_len);
	}
}

/* As many bytes as the JSON has, an event at a time, from one hot place into the log's memory. */
static void run_copy(struct shape *s)
{
	size_t each = (size_t)(s->json_bytes / s->n_events), size = event_log_size(s->log), at = 0;
	char *ring = event_log_reserve(s->log, 1);
	char text[1024] = {0};

	/* The reserved place and one ring's length behind it are mapped. */
	each = each < sizeof(text) ? each : sizeof(text);
	for (uint64_t i = 0; i < s->n_events; i++) {
		memcpy(ring + at, text, each);
		at += each;
		if (at > size / 2)
			at = 0;
	}
}

const struct stage stages[] = {
	{"ring", "records in pages", NULL, run_ring},
	{"json", "the same, decoded to JSON", NULL, run_json},
	{"log", "the same, appended to the log", NULL, run_log},
	{"reader", "the daemon's reader: read(), merge by time, decode, log", prepare_reader,
	 run_reader},
	{"filter", "the same, and one view's condition of two comparisons", prepare_reader,
	 run_filter},
	{"text", "that condition on the texts in the log", NULL, run_text},
	{"copy", "memcpy of so many bytes into the log's memory", NULL, run_copy},
	{0},
};

static void measure(struct shape *s, unsigned int cpu, const struct ring_record *record)
{
	struct record_context context = context_of(s, cpu, record);
	char *text = event_log_reserve(s->log, decoder_bound(s->decoder, record->len, 0) + 1);

	s->n_events++;
	s->record_bytes += record->len;
	if (text)
		s->json_bytes +=
			decoder_write(s->decoder, record->data, record->len, &context, text);
}

static int make_file(const char *name, const struct recording_part *part)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	for (size_t at = 0; fd >= 0 && at < part->len;) {
		ssize_t n = write(fd, part->data + at, part->len - at);

		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	return fd;
}

static int load_symbols(struct shape *s)
{
	_cleanup_close_ int fd = make_file("kallsyms", &s->recording.kallsyms);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return symbols_load(path, &s->symbols);
}

static void on_pass(void *data)
{
}

static void on_append(unsigned int source, uint64_t seq, const struct raw_record *record,
		      void *data)
{
	struct shape *s = data;

	if (s->is_filtering)
		views_append(s->views, source, seq, record);
}

/* Two comparisons of what every record has, the first of a string. */
#define CONDITION "comm == \"nobody\" || tid < 0"

static int make_view(struct shape *s)
{
	struct filter *filter;
	int r;

	r = views_new(s->log, &s->views);
	if (r == 0)
		r = filter_parse(CONDITION, &filter, NULL);
	if (r < 0)
		return r;
	r = views_get(s->views, CONDITION, sizeof(CONDITION), &filter, &s->view);
	if (r < 0) {
		filter_free(filter);
		return r;
	}
	return shared_view_add_source(s->view, s->source);
}

static int make_reader(struct shape *s)
{
	struct reader_options options = {
		.log = s->log,
		.tick_msec = 10,
		.on_pass = on_pass,
		.on_append = on_append,
		.data = s,
	};
	int r;

	s->base = options.base = event_base_new();
	if (!s->base)
		return -ENOMEM;
	r = reader_new(&options, &s->reader);
	if (r < 0)
		return r;
	reader_set_symbols(s->reader, s->symbols);
	reader_bind(s->reader, s->type, s->decoder, s->source);
	s->instance = (struct instance){
		.n_cpus = s->recording.n_cpus, .fds = s->fds, .stats_fds = s->stats_fds};
	for (unsigned int i = 0; i < s->recording.n_cpus; i++) {
		s->fds[i] = make_file("pages", &s->recording.cpus[i]);
		s->stats_fds[i] = -1;
	}
	return 0;
}

static int open_recording(struct shape *s)
{
	_cleanup_free_ char *text = NULL;
	struct event_format format;
	char site[128];
	int r;

	r = recording_open(s->path, &s->recording);
	if (r < 0)
		return r;
	text = strndup(s->recording.format.data, s->recording.format.len);
	if (!text)
		return -ENOMEM;
	r = load_symbols(s);
	if (r == 0)
		r = event_format_parse(text, &format);
	if (r < 0)
		return r;
	s->type = format.id;
	snprintf(site, sizeof(site), "%.100s+0x0", s->spec.symbol);
	r = decoder_new(&s->spec, &format, s->spec.name, site, &s->decoder);
	event_format_done(&format);
	if (r == 0)
		r = event_log_source_open(s->log, LOG_SOURCE_PROBE, s->spec.name, 0, &s->source);
	if (r == 0)
		r = make_reader(s);
	if (r == 0)
		r = make_view(s);
	return r;
}

bool shape_open(const char *folder, const char *definition, struct event_log *log,
		struct shape **ret)
{
	_cleanup_(shape_closep) struct shape *s = calloc(1, sizeof(*s));
	struct kp_error error = KP_ERROR_INIT;
	int r;

	if (!s)
		return false;
	s->log = log;
	s->spec = PROBE_SPEC_INIT;
	if (probe_spec_parse(definition, &s->spec, &error) < 0) {
		fprintf(stderr, "%s: %s\n", definition, error.message);
		return false;
	}
	snprintf(s->path, sizeof(s->path), "%s/%s.dat", folder, s->spec.name);
	r = open_recording(s);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", s->path, strerror(-r));
		return false;
	}
	each_record(s, measure);
	if (s->n_events == 0) {
		fprintf(stderr, "%s: holds no event\n", s->path);
		return false;
	}
	*ret = take_ptr(s);
	return true;
}

struct shape *shape_close(struct shape *s)
{
	if (s->reader) {
		reader_remove_instance(s->reader, &s->instance);
		reader_free(s->reader);
	}
	for (unsigned int i = 0; i < s->instance.n_cpus; i++)
		close(s->fds[i]);
	if (s->view)
		shared_view_unref(s->view);
	if (s->views)
		views_free(s->views);
	if (s->base)
		event_base_free(s->base);
	if (s->decoder)
		decoder_free(s->decoder);
	if (s->symbols)
		symbols_free(s->symbols);
	if (s->recording.map)
		recording_close(&s->recording);
	probe_spec_done(&s->spec);
	free(s);
	return NULL;
}
