/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_jansson_fuzz.c - the reader of JSON against jansson: both accept or both refuse, and what
 * they accept is the same value.
 *
 * Four differences are known. jansson refuses what C numbers cannot hold, and names with U+0000;
 * we keep numbers as text and count names as strings. We refuse below 64 containers, jansson below
 * 2,048. jansson does not see a zero byte behind a number or a word, as it stores what it pushed
 * back in a C string; it is never JSON. Doubled names are compared through json/names.h.
 */
#include <jansson.h>
#include <stdlib.h>

#include <json/names.h>

#include "json_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What json_next() and json_names_check() say of the whole text. */
static int
read_all(const uint8_t *data, size_t size)
{
	static const uint8_t key[16] = { 0 };
	const uint32_t names_max = (uint32_t)(size / 4 + 1); /* a member takes five bytes */
	struct json_name *const room = malloc(names_max * sizeof(*room));
	struct json_names names;
	struct json_reader r;
	bool doubled = false;
	int token, err = 0;

	json_reader_init(&r, data, size);
	json_names_init(&names, room, names_max, key);
	do {
		token = json_next(&r);
		if (token < 0) {
			err = token;
			break;
		}
		/* After a double the table is of no use, but the text may still be broken. */
		if (!doubled)
			err = json_names_check(&names, &r, token);
		if (err == AEF_ERR_FULL)
			abort();
		doubled = err == AEF_ERR_DUPLICATE;
	} while (token != JSON_TOK_END);
	free(room);
	return err;
}

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
compare_number(const struct json_reader *r, const json_t *value)
{
	char *const text = malloc((size_t)r->slice_bytes + 1);
	uint64_t u;

	memcpy(text, r->slice, r->slice_bytes);
	text[r->slice_bytes] = 0;
	if (json_is_integer(value)) {
		must(json_integer_value(value) == strtoll(text, NULL, 10));
		if (text[0] != '-')
			must(json_number_u64(r, UINT64_MAX, &u) == 0 &&
			     u == (uint64_t)json_integer_value(value));
	} else {
		must(json_is_real(value) && json_real_value(value) == strtod(text, NULL));
		must(json_number_u64(r, UINT64_MAX, &u) == AEF_ERR_MALFORMED);
	}
	free(text);
}

static char *
string_of(const struct json_reader *r)
{
	char *const text = malloc((size_t)r->str_bytes + 1);

	json_string_copy(r, (uint8_t *)text);
	text[r->str_bytes] = 0;
	return text;
}

static void
compare_value(const struct json_reader *r, int token, const json_t *value)
{
	char *text;

	switch (token) {
	case JSON_TOK_OBJECT_BEGIN:
		must(json_is_object(value));
		break;
	case JSON_TOK_ARRAY_BEGIN:
		must(json_is_array(value));
		break;
	case JSON_TOK_STRING:
		text = string_of(r);
		must(json_is_string(value) && json_string_length(value) == r->str_bytes &&
		     memcmp(json_string_value(value), text, r->str_bytes) == 0);
		free(text);
		break;
	case JSON_TOK_NUMBER:
		compare_number(r, value);
		break;
	case JSON_TOK_TRUE:
		must(json_is_true(value));
		break;
	case JSON_TOK_FALSE:
		must(json_is_false(value));
		break;
	case JSON_TOK_NULL:
		must(json_is_null(value));
		break;
	default:
		abort();
	}
}

/* Walk the tokens of a text without doubled names along jansson's tree. */
static void
compare_trees(const uint8_t *data, size_t size, const json_t *root)
{
	const json_t *open[JSON_DEPTH_MAX];
	size_t nb_seen[JSON_DEPTH_MAX];
	const json_t *member = NULL;
	struct json_reader r;
	int token;

	json_reader_init(&r, data, size);
	while ((token = json_next(&r)) > 0) {
		const unsigned depth = r.depth;
		const bool opens = token == JSON_TOK_OBJECT_BEGIN || token == JSON_TOK_ARRAY_BEGIN;
		const unsigned outer = opens ? depth - 1 : depth; /* containers around the token */
		const json_t *value = root;

		if (token == JSON_TOK_OBJECT_END || token == JSON_TOK_ARRAY_END) {
			must(nb_seen[depth] == (token == JSON_TOK_ARRAY_END
			                                ? json_array_size(open[depth])
			                                : json_object_size(open[depth])));
			continue;
		}
		if (token == JSON_TOK_KEY) {
			char *const key = string_of(&r);

			member = json_object_get(open[depth - 1], key);
			free(key);
			continue;
		}
		if (outer > 0 && json_is_array(open[outer - 1]))
			value = json_array_get(open[outer - 1], nb_seen[outer - 1]++);
		else if (outer > 0) {
			value = member;
			nb_seen[outer - 1]++;
		}
		must(value != NULL);
		compare_value(&r, token, value);
		if (opens) {
			open[depth - 1] = value;
			nb_seen[depth - 1] = 0;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int err = read_all(data, size);
	json_error_t error;

	if (size > 0 && memchr(data, 0, size) != NULL) {
		must(err < 0);
		return 0;
	}
	json_t *const root =
		json_loadb((const char *)data, size,
	                   JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);

	if (root != NULL) {
		must(err == 0 || err == AEF_ERR_LIMIT);
		if (err == 0)
			compare_trees(data, size, root);
		json_decref(root);
		return 0;
	}
	switch (json_error_code(&error)) {
	case json_error_numeric_overflow:
	case json_error_null_byte_in_key:
		break; /* jansson stopped there; what we say of the rest is not known */
	case json_error_duplicate_key:
		must(err < 0); /* a double, or another fault behind it */
		break;
	default:
		must(err < 0 && err != AEF_ERR_DUPLICATE);
		break;
	}
	return 0;
}
