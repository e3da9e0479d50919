/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Varlink wire: JSON objects, each ended by a NUL byte.
 *
 * No sockets and no event loop: bytes go in, messages come out, and the other way round. What comes
 * from outside is refused rather than repaired: a parsed message is one JSON object to the letter,
 * without names that stand twice, without numbers that would change their value, and with strings
 * that are UTF-8 and, in requests, safe to use as C strings.
 */
#ifndef KP_WIRE_H
#define KP_WIRE_H

#include <stddef.h>

#include <json-c/json_types.h>

#define WIRE_DEPTH_MAX 32

/*
 * Objects and arrays in one request. json-c spends 800 bytes on an empty object, so that a message
 * of 1 MiB could otherwise cost 260 MiB.
 */
#define WIRE_CONTAINERS_MAX 16384

/* Finds the ends of messages in a stream; looks at each byte once. */
struct wire_framer {
	size_t max;	/* longest message that is taken, without its NUL */
	size_t scanned; /* bytes of the message under way that were looked at */
};

#define WIRE_FRAMER_INIT(max_) ((struct wire_framer){.max = (max_)})

/*
 * Looks for the end of the message that begins at @data, in the @len bytes received so far. Until a
 * message is found, each call passes the same bytes again, with more behind them.
 *
 * 1: found; *@ret_len is its length without the NUL, and the caller consumes *@ret_len + 1 bytes
 * before the next call. 0: not all there yet. -EMSGSIZE: longer than the framer's max; there is no
 * way to go on with this stream.
 */
int wire_framer_next(struct wire_framer *framer, const char *data, size_t len, size_t *ret_len);

/*
 * Parses a request, the @len bytes of @msg without the NUL. *@ret is the caller's. 0; -EBADMSG: not
 * a message as above; -E2BIG: too deep or too many containers; -ENOMEM.
 */
int wire_parse(const char *msg, size_t len, struct json_object **ret);

/*
 * As wire_parse(), for a reply from the daemon to its client: as many containers as it likes, and
 * \u0000 in string values.
 */
int wire_parse_reply(const char *msg, size_t len, struct json_object **ret);

/*
 * Writes @message as it goes over the wire: compact, the final NUL included in *@ret_len. *@ret is
 * the caller's. 0; -EILSEQ: it has a string that is no UTF-8; -EINVAL: it has a number that JSON
 * lacks (infinite, NaN); -ENOMEM.
 */
int wire_encode(struct json_object *message, char **ret, size_t *ret_len);

#endif
