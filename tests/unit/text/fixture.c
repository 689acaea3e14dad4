/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <zlib.h>

#define LINE_MAX_BYTES (1 << 20)

unsigned
each_vector(const char *name, void (*fn)(const json_t *vector))
{
	const char *path = test_data_path(name);
	gzFile f = path != NULL ? gzopen(path, "rb") : NULL;
	char *line = malloc(LINE_MAX_BYTES);
	unsigned nb = 0;

	while (f != NULL && gzgets(f, line, LINE_MAX_BYTES) != NULL) {
		json_t *vector = json_loads(line, JSON_ALLOW_NUL, NULL);

		ck_assert_ptr_nonnull(vector);
		fn(vector);
		json_decref(vector);
		nb++;
	}
	if (f != NULL)
		gzclose(f);
	free(line);
	return nb;
}

static void
parse(struct text_op *op, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	ck_assert_int_eq(text_op_parse((uint8_t *)text, strlen(text), NULL, op), 0);
	free(text);
}

void
op_of(const json_t *vector, const char *member, struct text_op *ret_op)
{
	parse(ret_op, json_object_get(vector, member));
}

void
assert_op_is(const struct text_op *op, const json_t *expected)
{
	struct text_op want;

	text_op_init(&want, op->alloc);
	parse(&want, expected);
	if (!text_op_eq(op, &want)) {
		soak_print("got", NULL, op);
		soak_print("want", NULL, &want);
	}
	ck_assert(text_op_eq(op, &want));
	text_op_fini(&want);
}

void
op_from(struct text_op *op, const char *json)
{
	ck_assert_int_eq(text_op_parse((const uint8_t *)json, strlen(json), NULL, op), 0);
}

const char *
op_text(const struct text_op *op)
{
	static char buf[4096];
	struct json_writer w;

	json_writer_init(&w, (uint8_t *)buf, sizeof(buf) - 1);
	text_op_write(op, &w);
	ck_assert(!json_writer_failed(&w));
	buf[json_writer_bytes(&w)] = 0;
	return buf;
}

void
rope_of(const json_t *vector, const char *member, struct text_rope *rope)
{
	const json_t *s = json_object_get(vector, member);

	ck_assert_int_eq(
		text_rope_load(rope, (const uint8_t *)json_string_value(s), json_string_length(s)),
		0);
}

void
assert_rope_is(const struct text_rope *rope, const char *utf8, size_t len)
{
	static struct soak_text got;

	ck_assert(text_rope_is_sound(rope));
	ck_assert_uint_eq(rope->total.bytes, len);
	soak_of_rope(rope, &got);
	ck_assert_mem_eq(got.data, utf8, len);
}
