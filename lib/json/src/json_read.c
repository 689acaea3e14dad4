/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "json_priv.h"

void
json_reader_init(struct json_reader *reader, const uint8_t *text, size_t len)
{
	memset(reader, 0, offsetof(struct json_reader, cbor));
	reader->p = text;
	reader->end = text + len;
	reader->state = ST_VALUE;
	if (len > UINT32_MAX)
		reader->err = AEF_ERR_LIMIT;
}

void
json_reader_init_any(struct json_reader *reader, const uint8_t *data, size_t len)
{
	static const uint8_t self_described[] = { 0xd9, 0xd9, 0xf7 };

	json_reader_init(reader, data, len);
	if (len < sizeof(self_described) ||
	    memcmp(data, self_described, sizeof(self_described)) != 0)
		return;
	reader->p += sizeof(self_described);
	reader->is_cbor = true;
}

static inline void
skip_space(struct json_reader *reader)
{
	const uint8_t *p = reader->p;

	while (p < reader->end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	reader->p = p;
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
			return json_fail(reader, AEF_ERR_MALFORMED);
		if (*p == '"')
			break;
		if (*p == '\\') {
			uint32_t cp = 0;
			const unsigned len = json_unescape(p, reader->end, &cp);

			if (len == 0)
				return json_fail(reader, AEF_ERR_MALFORMED);
			saved_bytes += len - json_utf8_bytes(cp);
			saved_cps += len - 1;
			p += len;
		} else {
			const unsigned len = json_utf8_len(p, reader->end);

			if (len == 0)
				return json_fail(reader, AEF_ERR_MALFORMED);
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
		return json_fail(reader, AEF_ERR_MALFORMED);
	if (p < end && *p == '.') {
		digits = p + 1;
		p = skip_digits(digits, end);
		if (p == digits)
			return json_fail(reader, AEF_ERR_MALFORMED);
	}
	if (p < end && (*p | 0x20) == 'e') {
		digits = p + 1;
		if (digits < end && (*digits == '+' || *digits == '-'))
			digits++;
		p = skip_digits(digits, end);
		if (p == digits)
			return json_fail(reader, AEF_ERR_MALFORMED);
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
		return json_fail(reader, AEF_ERR_MALFORMED);
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
	if (!json_push(reader, object))
		return json_fail(reader, AEF_ERR_LIMIT);
	reader->p++;
	return object ? JSON_TOK_OBJECT_BEGIN : JSON_TOK_ARRAY_BEGIN;
}

static int
close_container(struct json_reader *reader)
{
	const int token = json_in_object(reader) ? JSON_TOK_OBJECT_END : JSON_TOK_ARRAY_END;

	reader->depth--;
	reader->p++;
	value_done(reader);
	return token;
}

static int
read_key(struct json_reader *reader)
{
	if (*reader->p != '"')
		return json_fail(reader, AEF_ERR_MALFORMED);
	if (scan_string(reader) != 0)
		return reader->err;
	skip_space(reader);
	if (reader->p == reader->end || *reader->p != ':')
		return json_fail(reader, AEF_ERR_MALFORMED);
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
	if (reader->is_cbor)
		return json_cbor_next(reader);
	skip_space(reader);
	if (reader->p == reader->end)
		return reader->state == ST_DONE ? JSON_TOK_END
		                                : json_fail(reader, AEF_ERR_MALFORMED);
	if (reader->state == ST_AFTER) {
		const uint8_t close = json_in_object(reader) ? '}' : ']';

		if (*reader->p == close)
			return close_container(reader);
		if (*reader->p != ',')
			return json_fail(reader, AEF_ERR_MALFORMED);
		reader->p++;
		reader->state = json_in_object(reader) ? ST_KEY : ST_VALUE;
		skip_space(reader);
		if (reader->p == reader->end)
			return json_fail(reader, AEF_ERR_MALFORMED);
	}
	switch (reader->state) {
	case ST_KEY_OR_END:
		if (*reader->p == '}')
			return close_container(reader);
		return read_key(reader);
	case ST_KEY:
		return read_key(reader);
	case ST_VALUE_OR_END:
		if (*reader->p == ']')
			return close_container(reader);
		return read_value(reader);
	case ST_VALUE:
		return read_value(reader);
	default: /* ST_DONE with something behind the value */
		return json_fail(reader, AEF_ERR_MALFORMED);
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
