/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "json_priv.h"

void
json_writer_init(struct json_writer *writer, uint8_t *buf, size_t cap_bytes)
{
	writer->start = writer->p = buf;
	writer->end = buf + cap_bytes;
	writer->comma = false;
	writer->full = false;
}

static void
put(struct json_writer *writer, const void *data, size_t len)
{
	if (writer->full || (size_t)(writer->end - writer->p) < len) {
		writer->full = true;
		return;
	}
	if (len > 0)
		memcpy(writer->p, data, len);
	writer->p += len;
}

static void
value_begin(struct json_writer *writer)
{
	if (writer->comma)
		put(writer, ",", 1);
	writer->comma = true;
}

void
json_write_object_begin(struct json_writer *writer)
{
	value_begin(writer);
	put(writer, "{", 1);
	writer->comma = false;
}

void
json_write_object_end(struct json_writer *writer)
{
	put(writer, "}", 1);
	writer->comma = true;
}

void
json_write_array_begin(struct json_writer *writer)
{
	value_begin(writer);
	put(writer, "[", 1);
	writer->comma = false;
}

void
json_write_array_end(struct json_writer *writer)
{
	put(writer, "]", 1);
	writer->comma = true;
}

/* The escape of c (RFC 8785 section 3.2.2.2) and its length; 0: stands for itself. */
static unsigned
escape(uint8_t c, char ret[6])
{
	static const char digits[] = "0123456789abcdef";
	static const char named[] = "btn\0fr"; /* U+0008 to U+000D */

	ret[0] = '\\';
	if (c == '"' || c == '\\') {
		ret[1] = (char)c;
		return 2;
	}
	if (c >= 0x20)
		return 0;
	if (c >= 8 && c <= 13 && named[c - 8] != 0) {
		ret[1] = named[c - 8];
		return 2;
	}
	ret[1] = 'u';
	ret[2] = '0';
	ret[3] = '0';
	ret[4] = digits[c >> 4];
	ret[5] = digits[c & 15];
	return 6;
}

static void
put_escaped(struct json_writer *writer, const uint8_t *utf8, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		char esc[6];
		const unsigned nb = escape(utf8[i], esc);

		if (nb == 0)
			continue;
		put(writer, utf8 + from, i - from);
		put(writer, esc, nb);
		from = i + 1;
	}
	put(writer, utf8 + from, len - from);
}

static void
put_string(struct json_writer *writer, const uint8_t *utf8, size_t len)
{
	put(writer, "\"", 1);
	put_escaped(writer, utf8, len);
	put(writer, "\"", 1);
}

void
json_write_name(struct json_writer *writer, const uint8_t *utf8, size_t len)
{
	value_begin(writer);
	put_string(writer, utf8, len);
	put(writer, ":", 1);
	writer->comma = false;
}

void
json_write_key(struct json_writer *writer, const char *utf8)
{
	size_t len = 0;

	while (utf8[len] != 0)
		len++;
	json_write_name(writer, (const uint8_t *)utf8, len);
}

void
json_write_string(struct json_writer *writer, const uint8_t *utf8, size_t len)
{
	value_begin(writer);
	put_string(writer, utf8, len);
}

void
json_write_u64(struct json_writer *writer, uint64_t value)
{
	uint8_t text[JSON_U64_TEXT_MAX];

	json_write_raw(writer, text, json_u64_text(value, text));
}

void
json_write_bool(struct json_writer *writer, bool value)
{
	json_write_raw(writer, (const uint8_t *)(value ? "true" : "false"), value ? 4 : 5);
}

void
json_write_null(struct json_writer *writer)
{
	json_write_raw(writer, (const uint8_t *)"null", 4);
}

void
json_write_raw(struct json_writer *writer, const uint8_t *json, size_t len)
{
	value_begin(writer);
	put(writer, json, len);
}

/* The reader's last string. */
static void
write_string_of(struct json_writer *writer, const struct json_reader *reader)
{
	struct json_cursor cursor;
	const uint8_t *piece;
	size_t len;

	value_begin(writer);
	put(writer, "\"", 1);
	json_cursor_init(&cursor, reader->slice, reader->slice_bytes, reader->str_bytes,
	                 reader->is_cbor);
	while ((len = json_cursor_next(&cursor, &piece)) > 0)
		put_escaped(writer, piece, len);
	put(writer, "\"", 1);
}

static void
write_token(struct json_writer *writer, const struct json_reader *reader, int token)
{
	switch (token) {
	case JSON_TOK_OBJECT_BEGIN:
		json_write_object_begin(writer);
		break;
	case JSON_TOK_OBJECT_END:
		json_write_object_end(writer);
		break;
	case JSON_TOK_ARRAY_BEGIN:
		json_write_array_begin(writer);
		break;
	case JSON_TOK_ARRAY_END:
		json_write_array_end(writer);
		break;
	case JSON_TOK_KEY:
		write_string_of(writer, reader);
		put(writer, ":", 1);
		writer->comma = false;
		break;
	case JSON_TOK_STRING:
		write_string_of(writer, reader);
		break;
	case JSON_TOK_NUMBER:
		json_write_raw(writer, reader->slice, reader->slice_bytes);
		break;
	case JSON_TOK_TRUE:
	case JSON_TOK_FALSE:
		json_write_bool(writer, token == JSON_TOK_TRUE);
		break;
	case JSON_TOK_NULL:
		json_write_null(writer);
		break;
	default: /* JSON_TOK_END */
		break;
	}
}

int
json_transcode(struct json_writer *writer, struct json_reader *reader, int token)
{
	const bool container = token == JSON_TOK_OBJECT_BEGIN || token == JSON_TOK_ARRAY_BEGIN;
	const uint8_t depth = reader->depth;

	if (token < 0)
		return token;
	write_token(writer, reader, token);
	while (container && reader->depth >= depth && !writer->full) {
		token = json_next(reader);
		if (token < 0)
			return token;
		write_token(writer, reader, token);
	}
	return writer->full ? AEF_ERR_FULL : 0;
}
