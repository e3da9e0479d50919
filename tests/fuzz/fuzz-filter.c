/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions as anybody may write them, on records as the kernel may: what is taken is judged alike
 * by record and by text, and the text of any event, whole or cut anywhere, is read without a step
 * beyond it.
 *
 * The condition up to the first newline, then the kind of probe, one byte, then the record's bytes.
 */
#include "../unit/filter-world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct decoder *decoders[WORLD_KINDS];

static char *copy(const void *p, size_t n)
{
	char *s = malloc(n + 1);

	if (!s)
		abort();
	memcpy(s, p, n);
	s[n] = '\0';
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size);
	_cleanup_free_ char *condition = copy(data, newline ? (size_t)(newline - data) : size);
	const uint8_t *rest = newline ? newline + 1 : data + size;
	size_t n = (size_t)(data + size - rest), kind = n ? *rest % WORLD_KINDS : 0, len;
	_cleanup_(filter_freep) struct filter *f = NULL;
	struct kp_error e = KP_ERROR_INIT;
	unsigned char record[WORLD_RECORD_MAX];
	_cleanup_free_ char *exact = NULL, *text = NULL;
	int r = filter_parse(condition, &f, &e);

	for (size_t i = 0; i < WORLD_KINDS; i++)
		if (!decoders[i])
			decoders[i] = world_decoder(i);
	if (r < 0) {
		if (e.code != KP_INVALID_FILTER || !e.reason[0] || !e.message[0] ||
		    e.position < 0 || (size_t)e.position > strlen(condition))
			abort();
		return 0;
	}
	filter_check(f, (const struct decoder *const *)decoders, WORLD_KINDS, &e);
	if (n) {
		rest++;
		n--;
	}
	len = world_record(kind, rest, n, record);
	exact = copy(record, len);
	if (world_judge(f, decoders[kind], exact, len, &text) < 0)
		abort();
	/* What is no event, too: the record's bytes, and the event cut short. */
	filter_match_text(f, (const char *)rest, n);
	if (n) {
		size_t cut = (size_t)rest[n - 1] * strlen(text) / 256;
		_cleanup_free_ char *part = malloc(cut + 1);

		if (!part)
			abort();
		memcpy(part, text, cut);
		filter_match_text(f, part, cut);
	}
	return 0;
}
