/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cbor_read.c - the CBOR back end of json_next(): the same tokens from the bytes of RFC 8949.
 *
 * Every container on the way down has a count of what it still lacks. An element takes a byte at
 * least, so a count that passes the bytes left is refused at once and fits 32 bits.
 */
#include "json_priv.h"

#define INDEFINITE 31
#define BREAK      0xff

enum major { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

const uint8_t *
json_cbor_head(const uint8_t *p, const uint8_t *end, struct json_cbor_head *ret_head)
{
	unsigned nb;

	if (p == end)
		return NULL;
	ret_head->major = *p >> 5;
	ret_head->info = *p & 31;
	ret_head->arg = 0;
	p++;
	if (ret_head->info < 24) {
		ret_head->arg = ret_head->info;
		return p;
	}
	if (ret_head->info == INDEFINITE) /* no integer and no tag has one */
		return ret_head->major <= NEGATIVE || ret_head->major == TAG ? NULL : p;
	if (ret_head->info > 27)
		return NULL;
	nb = 1u << (ret_head->info - 24);
	if ((size_t)(end - p) < nb)
		return NULL;
	for (unsigned i = 0; i < nb; i++)
		ret_head->arg = ret_head->arg << 8 | *p++;
	/* A simple value below 32 has no second byte. */
	return ret_head->major == SIMPLE && nb == 1 && ret_head->arg < 32 ? NULL : p;
}

static inline void
value_done(struct json_reader *reader)
{
	if (reader->depth == 0)
		reader->state = ST_DONE;
	else
		reader->state = json_in_object(reader) ? ST_KEY_OR_END : ST_VALUE_OR_END;
}

/* Check len bytes of text at reader->p, count their code points, pass them. */
static int
scan_utf8(struct json_reader *reader, uint64_t len)
{
	const uint8_t *p = reader->p;
	const uint8_t *end;

	if (len > (uint64_t)(reader->end - p))
		return json_fail(reader, AEF_ERR_MALFORMED);
	end = p + len;
	while (p < end) {
		unsigned nb = 1;

		if (*p >= 0x80) {
			nb = json_utf8_len(p, end);
			if (nb == 0)
				return json_fail(reader, AEF_ERR_MALFORMED);
		}
		p += nb;
		reader->str_cps++;
	}
	reader->str_bytes += (uint32_t)len;
	reader->p = end;
	return 0;
}

/* Read the text string whose head has been passed; slice ends before the break of a chunked one. */
static int
scan_text(struct json_reader *reader, const struct json_cbor_head *head, int token)
{
	struct json_cbor_head chunk;

	reader->slice = reader->p;
	reader->str_bytes = 0;
	reader->str_cps = 0;
	if (head->info != INDEFINITE) {
		if (scan_utf8(reader, head->arg) != 0)
			return reader->err;
		reader->slice_bytes = reader->str_bytes;
		return token;
	}
	while (reader->p < reader->end && *reader->p != BREAK) {
		/* A character may not be split between two chunks (section 3.2.3). */
		const uint8_t *const p = json_cbor_head(reader->p, reader->end, &chunk);

		if (p == NULL || chunk.major != TEXT || chunk.info == INDEFINITE)
			return json_fail(reader, AEF_ERR_MALFORMED);
		reader->p = p;
		if (scan_utf8(reader, chunk.arg) != 0)
			return reader->err;
	}
	if (reader->p == reader->end)
		return json_fail(reader, AEF_ERR_MALFORMED);
	reader->slice_bytes = (uint32_t)(reader->p - reader->slice);
	reader->p++;
	return token;
}

static int
number_done(struct json_reader *reader, unsigned len)
{
	reader->slice = reader->cbor.number;
	reader->slice_bytes = len;
	return JSON_TOK_NUMBER;
}

static int
scan_integer(struct json_reader *reader, const struct json_cbor_head *head)
{
	uint8_t *const text = reader->cbor.number;
	unsigned len;

	if (head->major == UNSIGNED)
		return number_done(reader, json_u64_text(head->arg, text));
	/* -1 - arg. UINT64_MAX ends in 5, so its successor needs no carry. */
	text[0] = '-';
	len = 1 + json_u64_text(head->arg < UINT64_MAX ? head->arg + 1 : head->arg, text + 1);
	if (head->arg == UINT64_MAX)
		text[len - 1]++;
	return number_done(reader, len);
}

/* The double that equals a half (5 bits of exponent, 10 of fraction) or a single (8 and 23). */
static uint64_t
widen(uint64_t bits, unsigned exp_bits, unsigned frac_bits)
{
	const uint64_t sign = bits >> (exp_bits + frac_bits) << 63;
	const uint64_t exp_max = (1ull << exp_bits) - 1;
	uint64_t exp = bits >> frac_bits & exp_max;
	uint64_t frac = bits & ((1ull << frac_bits) - 1);
	uint64_t shift = 0;

	if (exp == exp_max)
		exp = 0x7ff;
	else if (exp == 0 && frac == 0)
		return sign;
	else if (exp == 0) {
		/* Subnormal there, normal here: move the first one out of the fraction. */
		while ((frac >> frac_bits) == 0) {
			frac <<= 1;
			shift++;
		}
		frac -= 1ull << frac_bits;
		exp = 1 - shift + 1023 - exp_max / 2;
	} else {
		exp += 1023 - exp_max / 2;
	}
	return sign | exp << 52 | frac << (52 - frac_bits);
}

static int
scan_float(struct json_reader *reader, const struct json_cbor_head *head)
{
	uint64_t bits = head->arg;
	unsigned len;

	if (head->info == 25)
		bits = widen(bits, 5, 10);
	else if (head->info == 26)
		bits = widen(bits, 8, 23);
	len = json_f64_text(bits, reader->cbor.number);
	if (len == 0)
		return json_fail(reader, AEF_ERR_UNSUPPORTED);
	return number_done(reader, len);
}

static int
scan_simple(struct json_reader *reader, const struct json_cbor_head *head)
{
	switch (head->info) {
	case 20:
		return JSON_TOK_FALSE;
	case 21:
		return JSON_TOK_TRUE;
	case 22:
		return JSON_TOK_NULL;
	case 25:
	case 26:
	case 27:
		return scan_float(reader, head);
	case INDEFINITE: /* a break where a value must stand */
		return json_fail(reader, AEF_ERR_MALFORMED);
	default: /* undefined, or unassigned */
		return json_fail(reader, AEF_ERR_UNSUPPORTED);
	}
}

static int
open_container(struct json_reader *reader, const struct json_cbor_head *head)
{
	const bool object = head->major == MAP;
	const uint8_t at = reader->depth;

	if (head->arg > (uint64_t)(reader->end - reader->p))
		return json_fail(reader, AEF_ERR_MALFORMED);
	if (!json_push(reader, object))
		return json_fail(reader, AEF_ERR_LIMIT);
	reader->cbor.left[at] = (uint32_t)head->arg;
	if (head->info == INDEFINITE)
		reader->cbor.is_indefinite |= 1ull << at;
	else
		reader->cbor.is_indefinite &= ~(1ull << at);
	return object ? JSON_TOK_OBJECT_BEGIN : JSON_TOK_ARRAY_BEGIN;
}

static int
close_container(struct json_reader *reader)
{
	const int token = json_in_object(reader) ? JSON_TOK_OBJECT_END : JSON_TOK_ARRAY_END;

	reader->depth--;
	value_done(reader);
	return token;
}

/* Count one member or element, unless the container ends here; true: it ends, its break passed. */
static bool
container_ends(struct json_reader *reader)
{
	const unsigned at = reader->depth - 1u;

	if ((reader->cbor.is_indefinite >> at & 1) == 0)
		return reader->cbor.left[at]-- == 0;
	if (reader->p == reader->end || *reader->p != BREAK)
		return false;
	reader->p++;
	return true;
}

static int
read_value(struct json_reader *reader, const struct json_cbor_head *head)
{
	int token;

	switch (head->major) {
	case ARRAY:
	case MAP:
		return open_container(reader, head);
	case UNSIGNED:
	case NEGATIVE:
		token = scan_integer(reader, head);
		break;
	case TEXT:
		token = scan_text(reader, head, JSON_TOK_STRING);
		break;
	case SIMPLE:
		token = scan_simple(reader, head);
		break;
	default: /* BYTES, TAG */
		return json_fail(reader, AEF_ERR_UNSUPPORTED);
	}
	if (token > 0)
		value_done(reader);
	return token;
}

AEF_HOT int
json_cbor_next(struct json_reader *reader)
{
	const bool key = reader->state == ST_KEY_OR_END;
	struct json_cbor_head head;
	const uint8_t *p;

	if (reader->state == ST_DONE)
		return reader->p == reader->end ? JSON_TOK_END
		                                : json_fail(reader, AEF_ERR_MALFORMED);
	if (reader->state != ST_VALUE && container_ends(reader))
		return close_container(reader);
	p = json_cbor_head(reader->p, reader->end, &head);
	if (p == NULL)
		return json_fail(reader, AEF_ERR_MALFORMED);
	reader->p = p;
	if (!key)
		return read_value(reader, &head);
	if (head.major != TEXT)
		return json_fail(reader, head.major == SIMPLE && head.info == INDEFINITE
		                                 ? AEF_ERR_MALFORMED
		                                 : AEF_ERR_UNSUPPORTED);
	reader->state = ST_VALUE;
	return scan_text(reader, &head, JSON_TOK_KEY);
}
