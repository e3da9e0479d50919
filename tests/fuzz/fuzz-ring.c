/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel may write, and what it would not: pages to records, stacks to events, records to
 * JSON, JSON to the log and from there to a reader.
 *
 * The first byte says how long the pages are, the rest is pages. Everything is done twice: with
 * each page, record and text in memory of its own exact size, so that the sanitizer sees a byte too
 * far, and the way reader.c does it. Besides that: what is written is JSON, no longer than was
 * said, and what was appended is what a subscriber is given.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "decode.h"
#include "event-log.h"
#include "json-scan.h"
#include "ring.h"
#include "stream.h"
#include "subscription.h"

#define LOG_BYTES (1UL << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct stack_layout layout = {.type = 4, .size_offset = 8, .callers_offset = 16};

#define COMMON "ID: 100\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"

/* The first two are the recorded pages' (tests/unit/data). */
static const struct {
	const char *definition, *format;
} kinds[] = {
	{"p:a do_sys_openat2 a=%di:s32 b=+0(%si):ustring c=+0(%si):x8[4] d=+0(%sp):symbol "
	 "f=+0(%bx):string",
	 COMMON "\tfield:s32 a;\toffset:16;\tsize:4;\n"
		"\tfield:__data_loc char[] b;\toffset:20;\tsize:4;\n"
		"\tfield:u8 c[];\toffset:24;\tsize:4;\n\tfield:u64 d;\toffset:28;\tsize:8;\n"
		"\tfield:__data_loc char[] f;\toffset:36;\tsize:4;\n"
		"\tfield:__data_loc char[] __comm;\toffset:40;\tsize:4;\n"},
	{"r:r do_sys_openat2 ret=$retval:s32",
	 COMMON "\tfield:unsigned long __probe_ret_ip;\toffset:16;\tsize:8;\n"
		"\tfield:s32 ret;\toffset:24;\tsize:4;\n"
		"\tfield:__data_loc char[] __comm;\toffset:28;\tsize:4;\n"},
	{"r:x vfs_read a=+0(%di):u8 b=+0(%di):s16 c=+0(%di):x32 d=+0(%di):u64 e=+0(%di):s64 "
	 "f=+0(%di):char g=+0(%di):symbol[2] h=+0(+0(%di)):string[5] i=+0(%di):u16[5] "
	 "j=+0(%di):string k=+0(%di):x64[3] l=+0(%di):char[4] "
	 "m=%di:errno n=%di:bool o=%di:mode q=%di:dev s=%di:port t=%di:ip4 u=+0(%di):ip6[2] "
	 "v=+0(%di):mac w=%di:flags(open) x=+0(%di):flags(clone)/64[2]",
	 COMMON
	 "\tfield:unsigned long __probe_ret_ip;\toffset:8;\tsize:8;\n"
	 "\tfield:u8 a;\toffset:16;\tsize:1;\n\tfield:s16 b;\toffset:17;\tsize:2;\n"
	 "\tfield:u32 c;\toffset:19;\tsize:4;\n\tfield:u64 d;\toffset:23;\tsize:8;\n"
	 "\tfield:s64 e;\toffset:31;\tsize:8;\n\tfield:char f;\toffset:39;\tsize:1;\n"
	 "\tfield:u64 g[2];\toffset:40;\tsize:16;\n"
	 "\tfield:__data_loc char[][5] h;\toffset:56;\tsize:20;\n"
	 "\tfield:u16 i[5];\toffset:76;\tsize:10;\n"
	 "\tfield:__data_loc char[] j;\toffset:86;\tsize:4;\n"
	 "\tfield:u64 k[3];\toffset:90;\tsize:24;\n\tfield:char l[4];\toffset:114;\tsize:4;\n"
	 "\tfield:s32 m;\toffset:122;\tsize:4;\n\tfield:u8 n;\toffset:126;\tsize:1;\n"
	 "\tfield:u16 o;\toffset:127;\tsize:2;\n\tfield:u32 q;\toffset:129;\tsize:4;\n"
	 "\tfield:u16 s;\toffset:133;\tsize:2;\n\tfield:u32 t;\toffset:135;\tsize:4;\n"
	 "\tfield:u8 u[32];\toffset:139;\tsize:32;\n\tfield:u8 v[6];\toffset:171;\tsize:6;\n"
	 "\tfield:u32 w;\toffset:177;\tsize:4;\n\tfield:u64 x[2];\toffset:181;\tsize:16;\n"
	 "\tfield:__data_loc char[] __comm;\toffset:118;\tsize:4;\n"},
};

/* What stays from input to input. */
static struct {
	struct decoder *decoders[ARRAY_SIZE(kinds)];
	struct symbols *symbols;
	struct event_log *log;
	unsigned int slots[ARRAY_SIZE(kinds)];
	struct subscription view; /* of the last two kinds */
} all;

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

static void load_symbols(void)
{
	static const char text[] =
		"ffffffff88000000 t some_function\nffffffff88f63fa0 T vfs_read\n";
	char path[] = "/tmp/fuzz-ring-XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);

	require(fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	require(symbols_load(path, &all.symbols) == 0);
	unlink(path);
}

static void set_up(void)
{
	load_symbols();
	require(event_log_new(LOG_BYTES, -1, &all.log) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct event_format format;
		struct probe_spec spec;

		require(probe_spec_parse(kinds[i].definition, &spec, NULL) == 0);
		require(event_format_parse(kinds[i].format, &format) == 0);
		require(decoder_new(&spec, &format, spec.name, "vfs_read+0x0", &all.decoders[i]) ==
			0);
		event_format_done(&format);
		probe_spec_done(&spec);
		require(event_log_source_open(all.log, LOG_SOURCE_PROBE, "x", i, &all.slots[i]) ==
			0);
	}
	subscription_init(&all.view, all.log, 1);
	for (size_t i = 1; i < ARRAY_SIZE(kinds); i++)
		require(subscription_add_source(&all.view, all.slots[i]) == 0);
}

static void require_json(const char *text, size_t len)
{
	static const struct json_scan_limits limits = {.depth = 4, .containers = 64};
	size_t members;

	require(json_scan(text, len, &limits, &members) == 0);
}

/* Which decoder is for the record; -1: none. */
static int kind_of(const struct ring_record *record)
{
	uint16_t type;

	memcpy(&type, (const char *)record->data + RECORD_TYPE_OFFSET, sizeof(type));
	return type % 4 < ARRAY_SIZE(kinds) ? type % 4 : -1;
}

/* With everything in memory of its own size. */
static void decode_alone(const struct ring_record *record)
{
	struct record_context context = {.seq = 7, .ts = record->ts, .symbols = all.symbols};
	const struct decoder *d = all.decoders[kind_of(record)];
	size_t bound = decoder_bound(d, record->len, 0), n;
	_cleanup_free_ char *copy = malloc(record->len), *out = malloc(bound);

	require(copy && out);
	memcpy(copy, record->data, record->len);
	n = decoder_write(d, copy, record->len, &context, out);
	require(n <= bound);
	require_json(out, n);
}

static void read_page_alone(const uint8_t *bytes, size_t size)
{
	_cleanup_free_ uint8_t *copy = malloc(size);
	struct ring_record record;
	struct ring_loss loss;
	struct ring_iter it;
	size_t total = 0;

	require(copy);
	memcpy(copy, bytes, size);
	if (ring_iter_init(&it, copy, size, &loss) < 0)
		return;
	while (ring_iter_next(&it, &record) == 1) {
		total += record.len + 4;
		require(total <= size);
		if (record.len >= RECORD_HEADER_SIZE && kind_of(&record) >= 0)
			decode_alone(&record);
	}
}

/* As reader.c does. */
static void append(const struct stream_item *item)
{
	struct record_context context = {
		.seq = event_log_next(all.log),
		.ts = item->ts,
		.stack = item->has_stack ? &item->stack : NULL,
		.symbols = all.symbols,
	};
	int kind = kind_of(&item->record);
	size_t bound, n;
	char *text;

	if (kind < 0)
		return;
	bound = decoder_bound(all.decoders[kind], item->record.len,
			      item->has_stack ? item->stack.n : 0);
	text = event_log_reserve(all.log, bound + 1);
	require(text);
	n = decoder_write(all.decoders[kind], item->record.data, item->record.len, &context, text);
	require(n <= bound);
	require_json(text, n);
	subscription_note(&all.view, all.slots[kind],
			  event_log_commit(all.log, all.slots[kind], item->ts, 1, 0, 0, n, 0));
}

static void read_stream(const uint8_t *data, size_t size, size_t page_size)
{
	static int no_fds[1] = {-1};
	static const struct instance instance = {.n_cpus = 1, .fds = no_fds, .has_stacks = true};
	struct stream *s;

	require(stream_new(&instance, 0, &s) == 0);
	for (; size > 0 && s->n_pages < STREAM_PAGES; s->n_pages++) {
		struct stream_page *page = &s->pages[s->n_pages];

		page->size = (uint32_t)(size < page_size ? size : page_size);
		memcpy(page->bytes, data, page->size);
		data += page->size;
		size -= page->size;
	}
	for (stream_peek(s, &layout); s->front.kind != ITEM_NONE; stream_peek(s, &layout)) {
		if (s->front.kind == ITEM_RECORD || s->front.kind == ITEM_WAITS)
			append(&s->front);
		stream_pop(s);
	}
	require(s->n_pages == 0);
	stream_free(s);
}

static void read_log(void)
{
	static struct batch b;
	uint64_t before = event_log_next(all.log);

	while (batch_compose(&all.view, 100, 100000, &b)) {
		require(b.end > all.view.position && b.end <= before);
		for (size_t i = 0; i < b.n_runs; i++)
			require(((const char *)b.runs[i].iov_base)[0] == '{');
		subscription_consume(&all.view, &b, b.end);
	}
	subscription_consume(&all.view, &b, event_log_next(all.log));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t page_size;

	if (!all.log)
		set_up();
	if (size < 2)
		return 0;
	page_size = (size_t)64 << data[0] % 7;
	data++;
	size--;
	for (size_t at = 0; at < size; at += page_size)
		read_page_alone(data + at, size - at < page_size ? size - at : page_size);
	read_stream(data, size, page_size);
	read_log();
	return 0;
}
