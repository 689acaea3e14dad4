/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cbor_fuzz.c - any bytes behind the self-describe tag; what the reader accepts must be the same in
 * JSON: tokens, strings, numbers, doubled names.
 */
#include <stdlib.h>

#include <json/names.h>

#include "json_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read to the end with a small table of names; returns JSON_TOK_END or the first error of either.
 */
static int
check_names(const uint8_t *data, size_t len)
{
	static const uint8_t key[16] = { 0 };
	struct json_name room[8];
	struct json_names names;
	struct json_reader r;
	int token, err;

	json_reader_init_any(&r, data, len);
	json_names_init(&names, room, AEF_DIM(room), key);
	do {
		token = json_next(&r);
		err = token < 0 ? token : json_names_check(&names, &r, token);
	} while (err == 0 && token != JSON_TOK_END);
	if (err == 0 && names.nb_names != 0)
		abort();
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t len = size + 3;
	const size_t cap = size * 9 + 1;
	uint8_t *const cbor = malloc(len);
	uint8_t *const text = malloc(cap);
	struct json_reader r, json;
	struct json_writer w;
	int err;

	memcpy(cbor, "\xd9\xd9\xf7", 3);
	if (size > 0)
		memcpy(cbor + 3, data, size);
	json_writer_init(&w, text, cap);
	json_reader_init_any(&r, cbor, len);
	err = json_transcode(&w, &r, json_next(&r));
	if (err == 0)
		err = json_next(&r);
	if (err == AEF_ERR_FULL || r.p > r.end || json_next(&r) != err)
		abort();
	if (err == 0) {
		json_reader_init_any(&r, cbor, len);
		json_reader_init(&json, text, json_writer_bytes(&w));
		if (tokens_differ(&r, &json) != 0 ||
		    check_names(cbor, len) != check_names(text, json_writer_bytes(&w)))
			abort();
	}
	free(text);
	free(cbor);
	return 0;
}
