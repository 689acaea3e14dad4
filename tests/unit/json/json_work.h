/* SPDX-License-Identifier: BSD-3-Clause */
/* json_work.h - one reader, run over a whole input; CBOR written as hex. */
#ifndef TESTS_UNIT_JSON_JSON_WORK_H
#define TESTS_UNIT_JSON_JSON_WORK_H

#include <base/rng.h>
#include <json/json.h>

#include "harness.h"

AEF_UNUSED static struct json_reader rd;

/* Read the tokens of a prepared reader; returns JSON_TOK_END or the error. */
AEF_UNUSED static int
read_on(struct json_reader *reader)
{
	int token;

	do
		token = json_next(reader);
	while (token > 0);
	ck_assert_int_eq(token < 0 ? json_next(reader) : token, token);
	return token;
}

/* Read all tokens of JSON; returns JSON_TOK_END or the error. */
AEF_UNUSED static int
read_all(const void *text, size_t len)
{
	json_reader_init(&rd, text, len);
	return read_on(&rd);
}

/* The self-describe tag and the bytes of @p hex, in a block of exactly their size; to be freed. */
AEF_UNUSED static uint8_t *
cbor_of(const char *hex, size_t *ret_len)
{
	const size_t len = strlen(hex) / 2;
	uint8_t *bytes = malloc(len + 3);

	memcpy(bytes, "\xd9\xd9\xf7", 3);
	for (size_t i = 0; i < len; i++) {
		const char byte[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		bytes[3 + i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	*ret_len = len + 3;
	return bytes;
}

/* Transcode either form to a C string in @p text; returns 0 or the error. */
AEF_UNUSED static int
transcode(const uint8_t *data, size_t len, char *text, size_t cap)
{
	struct json_writer w;
	int r;

	json_reader_init_any(&rd, data, len);
	json_writer_init(&w, (uint8_t *)text, cap - 1);
	r = json_transcode(&w, &rd, json_next(&rd));
	text[json_writer_bytes(&w)] = 0;
	return r == 0 ? json_next(&rd) : r;
}

#endif
