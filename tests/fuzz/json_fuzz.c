/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_fuzz.c - any bytes through the reader; what it accepts is written out and must read back.
 */
#include <stdlib.h>

#include "json_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The shortest text of @p data has the same tokens, is not longer and is its own shortest text. */
static void
transcode_twice(const uint8_t *data, size_t size, uint8_t *buf)
{
	struct json_reader r, again;
	struct json_writer w;
	int err;

	json_reader_init(&r, data, size);
	json_writer_init(&w, buf, size);
	err = json_transcode(&w, &r, json_next(&r));
	if (err == AEF_ERR_FULL)
		abort();
	if (err != 0 || json_next(&r) != JSON_TOK_END)
		return;
	json_reader_init(&r, data, size);
	json_reader_init(&again, buf, json_writer_bytes(&w));
	if (tokens_differ(&r, &again) != 0)
		abort();
	json_reader_init(&again, buf, json_writer_bytes(&w));
	json_writer_init(&w, buf + size, size);
	if (json_transcode(&w, &again, json_next(&again)) != 0 ||
	    json_writer_bytes(&w) != (size_t)(again.end - buf) ||
	    memcmp(buf, buf + size, json_writer_bytes(&w)) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t cap = size * 6 + 16; /* every byte may become an escape */
	uint8_t *buf = malloc(cap);
	uint8_t *text = malloc(size + 1);
	struct json_reader r;
	struct json_writer w;
	uint64_t value;
	int token;

	json_reader_init(&r, data, size);
	json_writer_init(&w, buf, cap);
	while ((token = json_next(&r)) > 0) {
		if (token == JSON_TOK_NUMBER) {
			(void)!json_number_u64(&r, UINT64_MAX, &value);
			w.comma = false;
			json_write_raw(&w, r.slice, r.slice_bytes);
		} else if (token == JSON_TOK_STRING || token == JSON_TOK_KEY) {
			struct json_reader again;
			uint8_t *at = w.p;

			json_string_copy(&r, text);
			(void)json_string_is(&r, "d");
			w.comma = false;
			json_write_string(&w, text, r.str_bytes);
			json_reader_init(&again, at, (size_t)(w.p - at));
			if (w.full || json_next(&again) != JSON_TOK_STRING ||
			    again.str_bytes != r.str_bytes || again.str_cps != r.str_cps)
				abort();
		}
	}
	if (token < 0 && json_next(&r) != token)
		abort();
	transcode_twice(data, size, buf);
	free(text);
	free(buf);
	return 0;
}
