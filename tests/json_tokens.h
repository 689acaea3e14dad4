/* SPDX-License-Identifier: BSD-3-Clause */
/* json_tokens.h - do two readers give the same tokens? For unit tests and fuzz targets. */
#ifndef TESTS_JSON_TOKENS_H
#define TESTS_JSON_TOKENS_H

#include <stdlib.h>
#include <string.h>

#include <json/json.h>

/* True when the last strings of @p a and @p b are the same. */
static inline bool
strings_equal(const struct json_reader *a, const struct json_reader *b)
{
	uint8_t *const buf = malloc(2 * (size_t)a->str_bytes + 1);
	bool equal = a->str_bytes == b->str_bytes && a->str_cps == b->str_cps;

	if (equal) {
		json_string_copy(a, buf);
		json_string_copy(b, buf + a->str_bytes);
		equal = memcmp(buf, buf + a->str_bytes, a->str_bytes) == 0;
	}
	free(buf);
	return equal;
}

/*
 * Read both to the end. Returns 0 when all tokens, strings and texts of numbers are the same, else
 * the number of the first token, from 1, that differs or is an error.
 */
static inline unsigned
tokens_differ(struct json_reader *a, struct json_reader *b)
{
	unsigned nb = 0;
	int token;

	do {
		nb++;
		token = json_next(a);
		if (token != json_next(b) || token < 0)
			return nb;
		if ((token == JSON_TOK_KEY || token == JSON_TOK_STRING) && !strings_equal(a, b))
			return nb;
		if (token == JSON_TOK_NUMBER && (a->slice_bytes != b->slice_bytes ||
		                                 memcmp(a->slice, b->slice, a->slice_bytes) != 0))
			return nb;
	} while (token != JSON_TOK_END);
	return 0;
}

#endif
