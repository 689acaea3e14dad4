/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_priv.h - what the two back ends of the reader, the strings and the writer share.
 *
 * Source:  RFC 3629 section 4 (UTF-8), RFC 8949 section 3 (heads).
 * Context: as json/json.h.
 */
#ifndef JSON_PRIV_H
#define JSON_PRIV_H

#include <json/json.h>

/* What may come next; ST_KEY and ST_AFTER are of JSON only. */
enum json_state {
	ST_VALUE,        /* a value */
	ST_VALUE_OR_END, /* a value, or the end of the array */
	ST_KEY_OR_END,   /* a name, or the end of the object */
	ST_KEY,          /* a name */
	ST_AFTER,        /* comma or end of the container */
	ST_DONE,         /* the end */
};

/* Longest text that json_u64_text() writes. */
#define JSON_U64_TEXT_MAX 20

static inline int
json_fail(struct json_reader *reader, int err)
{
	reader->err = err;
	return err;
}

static inline bool
json_in_object(const struct json_reader *reader)
{
	return reader->depth > 0 && (reader->is_object >> (reader->depth - 1) & 1) != 0;
}

/* Note a new container one level down; false when that is too deep. */
static inline bool
json_push(struct json_reader *reader, bool object)
{
	if (reader->depth == JSON_DEPTH_MAX)
		return false;
	if (object)
		reader->is_object |= 1ull << reader->depth;
	else
		reader->is_object &= ~(1ull << reader->depth);
	reader->depth++;
	reader->state = object ? ST_KEY_OR_END : ST_VALUE_OR_END;
	return true;
}

/* Length of the UTF-8 sequence above U+007F at p, 0 when it is not one. */
static inline unsigned
json_utf8_len(const uint8_t *p, const uint8_t *end)
{
	const size_t left = (size_t)(end - p);

	if (p[0] < 0xe0) {
		if (p[0] < 0xc2 || left < 2)
			return 0;
		return (p[1] & 0xc0) == 0x80 ? 2 : 0;
	}
	if (p[0] < 0xf0) {
		if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] > 0xf4 || left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
	    (p[3] & 0xc0) != 0x80)
		return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

/* Bytes of code point cp in UTF-8. */
static inline unsigned
json_utf8_bytes(uint32_t cp)
{
	return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
}

/*
 * Decode the escape whose backslash is at p. Returns its length, 0 when it is wrong; a surrogate
 * counts only as part of a pair.
 */
unsigned json_unescape(const uint8_t *p, const uint8_t *end, uint32_t *ret_cp);

/* A string being read piece by piece, whatever form it has. */
struct json_cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool plain; /* the slice is the string */
	bool cbor;
	uint8_t utf8[4]; /* what an escape stands for */
};

/* The string in @p slice_bytes at @p slice, as struct json_reader describes it. */
void json_cursor_init(struct json_cursor *cursor, const uint8_t *slice, uint32_t slice_bytes,
                      uint32_t str_bytes, bool cbor);

/* The next bytes of the string; returns how many, 0 at its end. They stand until the next call. */
size_t json_cursor_next(struct json_cursor *cursor, const uint8_t **ret_piece);

/* Initial byte and argument of a CBOR item. */
struct json_cbor_head {
	uint8_t major; /* 0 to 7 */
	uint8_t info;  /* 0 to 27, or 31: indefinite length or break */
	uint64_t arg;  /* 0 when info is 31 */
};

/* Read the head at p; returns what follows, NULL when it is broken or cut. */
const uint8_t *json_cbor_head(const uint8_t *p, const uint8_t *end,
                              struct json_cbor_head *ret_head);

/* json_next() of a CBOR reader whose err is 0. */
int json_cbor_next(struct json_reader *reader);

/* Decimal text of @p value; returns its length. */
unsigned json_u64_text(uint64_t value, uint8_t text[JSON_U64_TEXT_MAX]);

/*
 * 10^e for e in -292 to 324, as its first 128 bits, rounded down: 2^127 <= result, and
 * result x 2^(floor(log2(10^e)) - 127) <= 10^e.
 */
aef_u128 json_pow10(int32_t e);

#endif
