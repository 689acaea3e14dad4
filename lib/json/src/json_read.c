/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <json/json.h>

/* What may come next. */
enum state {
	ST_VALUE,       /* a value */
	ST_FIRST_VALUE, /* a value, or the end of an empty array */
	ST_FIRST_KEY,   /* a name, or the end of an empty object */
	ST_KEY,         /* a name */
	ST_AFTER,       /* comma or end of the container */
	ST_DONE,        /* white space until the end of the text */
};

void
json_reader_init(struct json_reader *reader, const uint8_t *text, size_t len)
{
	memset(reader, 0, sizeof(*reader));
	reader->p = text;
	reader->end = text + len;
	reader->state = ST_VALUE;
	if (len > UINT32_MAX)
		reader->err = AEF_ERR_LIMIT;
}

static int
fail(struct json_reader *reader, int err)
{
	reader->err = err;
	return err;
}

static inline void
skip_space(struct json_reader *reader)
{
	const uint8_t *p = reader->p;

	while (p < reader->end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	reader->p = p;
}

/* Length of the UTF-8 sequence at p, 0 when it is not one (RFC 3629 section 4). */
static unsigned
utf8_len(const uint8_t *p, const uint8_t *end)
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

/* Value of four hexadecimal digits, -1 when they are not. */
static int32_t
hex4(const uint8_t *p)
{
	int32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		const uint8_t c = p[i];
		const uint8_t low = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v * 16 + (low - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/*
 * Decode the escape whose backslash is at p. Returns its length, 0 when it is wrong; a surrogate
 * counts only as part of a pair.
 */
static unsigned
unescape(const uint8_t *p, const uint8_t *end, uint32_t *ret_cp)
{
	static const char names[] = "\"\\/bfnrt";
	static const uint8_t values[] = { '"', '\\', '/', 8, 12, 10, 13, 9 };

	if (end - p < 2)
		return 0;
	if (p[1] != 'u') {
		for (unsigned i = 0; i < sizeof(values); i++) {
			if ((uint8_t)names[i] == p[1]) {
				*ret_cp = values[i];
				return 2;
			}
		}
		return 0;
	}
	if (end - p < 6)
		return 0;
	const int32_t hi = hex4(p + 2);

	if (hi < 0 || (hi >= 0xdc00 && hi <= 0xdfff))
		return 0;
	*ret_cp = (uint32_t)hi;
	if (hi < 0xd800 || hi > 0xdfff)
		return 6;
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return 0;
	const int32_t lo = hex4(p + 8);

	if (lo < 0xdc00 || lo > 0xdfff)
		return 0;
	*ret_cp = 0x10000u + (((uint32_t)hi - 0xd800u) << 10) + ((uint32_t)lo - 0xdc00u);
	return 12;
}

static inline unsigned
utf8_bytes(uint32_t cp)
{
	return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
}

/* Scan the string whose opening quote is at reader->p. */
static int
scan_string(struct json_reader *reader)
{
	const uint8_t *const start = reader->p + 1;
	const uint8_t *p = start;
	uint32_t saved_bytes = 0, saved_cps = 0; /* raw bytes that are not in the result */

	for (;;) {
		while (p < reader->end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
			p++;
		if (p == reader->end || *p < 0x20)
			return fail(reader, AEF_ERR_MALFORMED);
		if (*p == '"')
			break;
		if (*p == '\\') {
			uint32_t cp = 0;
			const unsigned len = unescape(p, reader->end, &cp);

			if (len == 0)
				return fail(reader, AEF_ERR_MALFORMED);
			saved_bytes += len - utf8_bytes(cp);
			saved_cps += len - 1;
			p += len;
		} else {
			const unsigned len = utf8_len(p, reader->end);

			if (len == 0)
				return fail(reader, AEF_ERR_MALFORMED);
			saved_cps += len - 1;
			p += len;
		}
	}
	reader->slice = start;
	reader->slice_bytes = (uint32_t)(p - start);
	reader->str_bytes = reader->slice_bytes - saved_bytes;
	reader->str_cps = reader->slice_bytes - saved_cps;
	reader->p = p + 1;
	return 0;
}

static const uint8_t *
skip_digits(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static int
scan_number(struct json_reader *reader)
{
	const uint8_t *const end = reader->end;
	const uint8_t *p = reader->p;
	const uint8_t *digits;

	if (*p == '-')
		p++;
	digits = p;
	p = skip_digits(p, end);
	if (p == digits || (*digits == '0' && p - digits > 1))
		return fail(reader, AEF_ERR_MALFORMED);
	if (p < end && *p == '.') {
		digits = p + 1;
		p = skip_digits(digits, end);
		if (p == digits)
			return fail(reader, AEF_ERR_MALFORMED);
	}
	if (p < end && (*p | 0x20) == 'e') {
		digits = p + 1;
		if (digits < end && (*digits == '+' || *digits == '-'))
			digits++;
		p = skip_digits(digits, end);
		if (p == digits)
			return fail(reader, AEF_ERR_MALFORMED);
	}
	reader->slice = reader->p;
	reader->slice_bytes = (uint32_t)(p - reader->p);
	reader->p = p;
	return JSON_TOK_NUMBER;
}

static int
scan_word(struct json_reader *reader, const char *word, size_t len, int token)
{
	if ((size_t)(reader->end - reader->p) < len || memcmp(reader->p, word, len) != 0)
		return fail(reader, AEF_ERR_MALFORMED);
	reader->p += len;
	return token;
}

static inline void
value_done(struct json_reader *reader)
{
	reader->state = reader->depth == 0 ? ST_DONE : ST_AFTER;
}

static int
open_container(struct json_reader *reader, bool object)
{
	if (reader->depth == JSON_DEPTH_MAX)
		return fail(reader, AEF_ERR_LIMIT);
	if (object)
		reader->is_object |= 1ull << reader->depth;
	else
		reader->is_object &= ~(1ull << reader->depth);
	reader->depth++;
	reader->p++;
	reader->state = object ? ST_FIRST_KEY : ST_FIRST_VALUE;
	return object ? JSON_TOK_OBJECT_BEGIN : JSON_TOK_ARRAY_BEGIN;
}

static inline bool
in_object(const struct json_reader *reader)
{
	return reader->depth > 0 && (reader->is_object >> (reader->depth - 1) & 1) != 0;
}

static int
close_container(struct json_reader *reader)
{
	const int token = in_object(reader) ? JSON_TOK_OBJECT_END : JSON_TOK_ARRAY_END;

	reader->depth--;
	reader->p++;
	value_done(reader);
	return token;
}

static int
read_key(struct json_reader *reader)
{
	if (*reader->p != '"')
		return fail(reader, AEF_ERR_MALFORMED);
	if (scan_string(reader) != 0)
		return reader->err;
	skip_space(reader);
	if (reader->p == reader->end || *reader->p != ':')
		return fail(reader, AEF_ERR_MALFORMED);
	reader->p++;
	reader->state = ST_VALUE;
	return JSON_TOK_KEY;
}

static int
read_value(struct json_reader *reader)
{
	int token;

	switch (*reader->p) {
	case '{':
		return open_container(reader, true);
	case '[':
		return open_container(reader, false);
	case '"':
		token = scan_string(reader) == 0 ? JSON_TOK_STRING : reader->err;
		break;
	case 't':
		token = scan_word(reader, "true", 4, JSON_TOK_TRUE);
		break;
	case 'f':
		token = scan_word(reader, "false", 5, JSON_TOK_FALSE);
		break;
	case 'n':
		token = scan_word(reader, "null", 4, JSON_TOK_NULL);
		break;
	default:
		token = scan_number(reader);
		break;
	}
	if (token > 0)
		value_done(reader);
	return token;
}

AEF_HOT int
json_next(struct json_reader *reader)
{
	if (reader->err != 0)
		return reader->err;
	skip_space(reader);
	if (reader->p == reader->end)
		return reader->state == ST_DONE ? JSON_TOK_END : fail(reader, AEF_ERR_MALFORMED);
	if (reader->state == ST_AFTER) {
		const uint8_t close = in_object(reader) ? '}' : ']';

		if (*reader->p == close)
			return close_container(reader);
		if (*reader->p != ',')
			return fail(reader, AEF_ERR_MALFORMED);
		reader->p++;
		reader->state = in_object(reader) ? ST_KEY : ST_VALUE;
		skip_space(reader);
		if (reader->p == reader->end)
			return fail(reader, AEF_ERR_MALFORMED);
	}
	switch (reader->state) {
	case ST_FIRST_KEY:
		if (*reader->p == '}')
			return close_container(reader);
		return read_key(reader);
	case ST_KEY:
		return read_key(reader);
	case ST_FIRST_VALUE:
		if (*reader->p == ']')
			return close_container(reader);
		return read_value(reader);
	case ST_VALUE:
		return read_value(reader);
	default: /* ST_DONE with something behind the value */
		return fail(reader, AEF_ERR_MALFORMED);
	}
}

int
json_skip(struct json_reader *reader, int token)
{
	if (token < 0)
		return token;
	if (token != JSON_TOK_OBJECT_BEGIN && token != JSON_TOK_ARRAY_BEGIN)
		return 0;
	const uint8_t outer = (uint8_t)(reader->depth - 1);

	while (reader->depth > outer) {
		token = json_next(reader);
		if (token < 0)
			return token;
	}
	return 0;
}

/* Write code point cp at p as UTF-8; returns its length. */
static unsigned
put_utf8(uint8_t *p, uint32_t cp)
{
	const unsigned len = utf8_bytes(cp);

	switch (len) {
	case 1:
		p[0] = (uint8_t)cp;
		break;
	case 2:
		p[0] = (uint8_t)(0xc0 | cp >> 6);
		p[1] = (uint8_t)(0x80 | (cp & 0x3f));
		break;
	case 3:
		p[0] = (uint8_t)(0xe0 | cp >> 12);
		p[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		p[2] = (uint8_t)(0x80 | (cp & 0x3f));
		break;
	default:
		p[0] = (uint8_t)(0xf0 | cp >> 18);
		p[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
		p[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		p[3] = (uint8_t)(0x80 | (cp & 0x3f));
		break;
	}
	return len;
}

void
json_string_copy(const struct json_reader *reader, uint8_t *buf)
{
	const uint8_t *p = reader->slice;
	const uint8_t *const end = p + reader->slice_bytes;

	if (reader->str_bytes == reader->slice_bytes) {
		memcpy(buf, p, reader->slice_bytes);
		return;
	}
	while (p < end) {
		uint32_t cp = 0;

		if (*p != '\\') {
			*buf++ = *p++;
			continue;
		}
		p += unescape(p, end, &cp);
		buf += put_utf8(buf, cp);
	}
}

bool
json_string_is(const struct json_reader *reader, const char *text)
{
	const uint8_t *p = reader->slice;
	const uint8_t *const end = p + reader->slice_bytes;
	const uint8_t *t = (const uint8_t *)text;

	while (p < end) {
		uint8_t utf8[4];
		unsigned len = 1;

		utf8[0] = *p;
		if (*p == '\\') {
			uint32_t cp = 0;

			p += unescape(p, end, &cp);
			len = put_utf8(utf8, cp);
		} else {
			p++;
		}
		for (unsigned i = 0; i < len; i++) {
			if (*t == 0 || *t != utf8[i])
				return false;
			t++;
		}
	}
	return *t == 0;
}

int
json_number_u64(const struct json_reader *reader, uint64_t max, uint64_t *ret_value)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < reader->slice_bytes; i++) {
		const uint8_t c = reader->slice[i];

		if (c < '0' || c > '9')
			return AEF_ERR_MALFORMED;
		if (v > (UINT64_MAX - (uint64_t)(c - '0')) / 10)
			return AEF_ERR_RANGE;
		v = v * 10 + (uint64_t)(c - '0');
	}
	if (v > max)
		return AEF_ERR_RANGE;
	*ret_value = v;
	return 0;
}
