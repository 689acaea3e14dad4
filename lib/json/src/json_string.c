/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "json_priv.h"

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

unsigned
json_unescape(const uint8_t *p, const uint8_t *end, uint32_t *ret_cp)
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

/* Write code point cp at p as UTF-8; returns its length. */
static unsigned
put_utf8(uint8_t *p, uint32_t cp)
{
	const unsigned len = json_utf8_bytes(cp);

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
json_cursor_init(struct json_cursor *cursor, const uint8_t *slice, uint32_t slice_bytes,
                 uint32_t str_bytes, bool cbor)
{
	cursor->p = slice;
	cursor->end = slice + slice_bytes;
	cursor->plain = slice_bytes == str_bytes;
	cursor->cbor = cbor;
}

/* The next chunk that is not empty of a CBOR string of indefinite length, its break excluded. */
static size_t
next_chunk(struct json_cursor *cursor, const uint8_t **ret_piece)
{
	struct json_cbor_head head = { 0 };

	while (cursor->p < cursor->end && head.arg == 0)
		cursor->p = json_cbor_head(cursor->p, cursor->end, &head);
	*ret_piece = cursor->p;
	cursor->p += head.arg;
	return head.arg;
}

size_t
json_cursor_next(struct json_cursor *cursor, const uint8_t **ret_piece)
{
	const uint8_t *p = cursor->p;
	const uint8_t *stop;
	uint32_t cp = 0;

	if (p == cursor->end)
		return 0;
	if (!cursor->plain && cursor->cbor)
		return next_chunk(cursor, ret_piece);
	if (!cursor->plain && *p == '\\') {
		cursor->p += json_unescape(p, cursor->end, &cp);
		*ret_piece = cursor->utf8;
		return put_utf8(cursor->utf8, cp);
	}
	stop = cursor->plain ? NULL : memchr(p, '\\', (size_t)(cursor->end - p));
	cursor->p = stop != NULL ? stop : cursor->end;
	*ret_piece = p;
	return (size_t)(cursor->p - p);
}

void
json_string_copy(const struct json_reader *reader, uint8_t *buf)
{
	struct json_cursor cursor;
	const uint8_t *piece;
	size_t len;

	if (reader->str_bytes == reader->slice_bytes) {
		memcpy(buf, reader->slice, reader->slice_bytes);
		return;
	}
	json_cursor_init(&cursor, reader->slice, reader->slice_bytes, reader->str_bytes,
	                 reader->is_cbor);
	while ((len = json_cursor_next(&cursor, &piece)) > 0) {
		memcpy(buf, piece, len);
		buf += len;
	}
}

bool
json_string_is(const struct json_reader *reader, const char *text)
{
	struct json_cursor cursor;
	const uint8_t *piece;
	size_t len;

	if (strlen(text) != reader->str_bytes)
		return false;
	if (reader->str_bytes == reader->slice_bytes)
		return memcmp(reader->slice, text, reader->slice_bytes) == 0;
	json_cursor_init(&cursor, reader->slice, reader->slice_bytes, reader->str_bytes,
	                 reader->is_cbor);
	while ((len = json_cursor_next(&cursor, &piece)) > 0) {
		if (memcmp(piece, text, len) != 0)
			return false;
		text += len;
	}
	return true;
}
