/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registers_test.c - merge patches on registers: the vectors of RFC 7396, random patches against a
 * plain recursive merge of jansson values.
 */
#include <jansson.h>

#include <base/rng.h>

#include "registers_work.h"

/* ---- vectors ---- */

START_TEST(registers_merge_as_the_vectors_of_rfc_7396)
{
	const char *path = test_data_path("json-merge-patch/rfc7396-appendix-a.jsonl");
	char line[1024];
	unsigned nb = 0;
	FILE *f;

	if (path == NULL)
		return;
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		json_t *v = json_loads(line, 0, NULL);
		const json_t *expected = json_object_get(v, "expected");
		char *doc = json_dumps(json_object_get(v, "doc"), JSON_ENCODE_ANY);
		char *patch = json_dumps(json_object_get(v, "patch"), JSON_ENCODE_ANY);
		json_t *got;

		start(BUDGET);
		load(doc);
		apply_as(patch, 2, 2);
		if (json_is_null(expected)) {
			ck_assert_uint_eq(regs.nb, 0);
		} else {
			got = json_loads(text(), JSON_DECODE_ANY, NULL);
			ck_assert_msg(json_equal(got, expected), "%s: %s", line, text());
			json_decref(got);
		}
		finish();
		free(doc);
		free(patch);
		json_decref(v);
		nb++;
	}
	fclose(f);
	ck_assert_uint_ge(nb, 15);
}
END_TEST

START_TEST(registers_are_found_by_their_path)
{
	struct registers_stamp s;
	uint32_t len;

	start(BUDGET);
	apply_as("{\"a\":{\"b\":[1]},\"\":5}", 3, 4);
	ck_assert_ptr_nonnull(registers_get(&regs,
	                                    (const uint8_t *)"\xff"
	                                                     "a\xff"
	                                                     "b",
	                                    4, &len, &s));
	ck_assert_uint_eq(len, 3);
	ck_assert_uint_eq(s.version, 3);
	ck_assert_uint_eq(s.user.b[0], 4);
	ck_assert_ptr_nonnull(registers_get(&regs, (const uint8_t *)"\xff", 1, &len, NULL));
	ck_assert_ptr_null(registers_get(&regs,
	                                 (const uint8_t *)"\xff"
	                                                  "a",
	                                 2, &len, NULL));
	ck_assert_ptr_null(registers_get(&regs, (const uint8_t *)"", 0, &len, NULL));
	finish();
}
END_TEST

START_TEST(registers_of_a_copy_change_alone)
{
	start(BUDGET);
	apply_as("{\"a\":1,\"b\":{\"c\":2}}", 1, 1);
	remember();
	apply_as("{\"a\":null,\"b\":{\"c\":3},\"d\":4}", 2, 2);
	ck_assert_str_eq(text(), "{\"b\":{\"c\":3},\"d\":4}");
	registers_fini(&regs, &alloc);
	alloc.budget_bytes = alloc.used_bytes;
	ck_assert_int_eq(registers_copy(&before, &alloc, &regs), AEF_ERR_FULL);
	ck_assert_uint_eq(regs.nb, 0);
	alloc.budget_bytes = BUDGET;
	ck_assert_int_eq(registers_copy(&before, &alloc, &regs), 0);
	ck_assert_str_eq(text(), "{\"a\":1,\"b\":{\"c\":2}}");
	finish();
}
END_TEST

/* ---- against another implementation ---- */

/* RFC 7396 section 2, word for word, on jansson values. Takes neither; returns a new one. */
static json_t *
merge(const json_t *target, const json_t *patch)
{
	json_t *result, *copy = json_deep_copy(patch);
	const char *name;
	json_t *value;

	if (!json_is_object(patch))
		return copy;
	result = json_is_object(target) ? json_deep_copy(target) : json_object();
	json_object_foreach(copy, name, value)
	{
		if (json_is_null(value))
			json_object_del(result, name);
		else
			json_object_set_new(result, name,
			                    merge(json_object_get(result, name), value));
	}
	json_decref(copy);
	return result;
}

static struct aef_rng rng;

static json_t *
random_value(unsigned depth, bool nulls)
{
	static const char *const names[] = { "a", "b", "c", "\xc3\xa4", "\xf0\x9f\x98\x80", "" };
	const unsigned what = (unsigned)aef_rng_below(&rng, depth > 0 ? 9 : 5);
	json_t *v;

	switch (what) {
	case 0:
		return nulls ? json_null() : json_true();
	case 1:
		return json_integer((json_int_t)aef_rng_below(&rng, 5));
	case 2:
		return json_string(aef_rng_below(&rng, 2) == 0 ? "x" : "y\n\"");
	case 3:
		return json_pack("[i,{s:i}]", (int)aef_rng_below(&rng, 3), "b", 1);
	case 4:
		return json_object();
	default:
		v = json_object();
		for (unsigned i = (unsigned)aef_rng_below(&rng, 5); i > 0; i--)
			json_object_set_new(v, names[aef_rng_below(&rng, AEF_DIM(names))],
			                    random_value(depth - 1, nulls));
		return v;
	}
}

START_TEST(registers_agree_with_a_plain_merge_and_inverse_goes_back)
{
	aef_rng_init(&rng, 42);
	for (unsigned round = 0; round < 2000; round++) {
		json_t *doc = random_value(3, false);
		char *t = json_dumps(doc, JSON_ENCODE_ANY);

		start(BUDGET);
		apply_as(t, 1, 1);
		free(t);
		for (unsigned step = 2; step < 12; step++) {
			json_t *patch = random_value(3, true), *next, *got;
			char kept[TEXT_MAX], back[TEXT_MAX];

			if (json_is_null(patch)) { /* no document after it */
				json_decref(patch);
				continue;
			}
			next = merge(doc, patch);
			t = json_dumps(patch, JSON_ENCODE_ANY);
			strcpy(kept, text());
			remember();
			apply_as(t, step, 1);
			strcpy(back, inverse());
			got = json_loads(text(), JSON_DECODE_ANY, NULL);
			ck_assert_msg(json_equal(got, next), "%s + %s = %s", kept, t, text());
			json_decref(got);
			if (back[0] != '\0')
				apply_as(back, step, 1);
			ck_assert_msg(strcmp(text(), kept) == 0, "%s + %s, back by %s: %s", kept, t,
			              back, text());
			apply_as(t, step, 1);
			free(t);
			json_decref(patch);
			json_decref(doc);
			doc = next;
		}
		json_decref(doc);
		finish();
	}
}
END_TEST

TEST_SUITE(registers, &registers_merge_as_the_vectors_of_rfc_7396,
           &registers_are_found_by_their_path, &registers_of_a_copy_change_alone,
           &registers_agree_with_a_plain_merge_and_inverse_goes_back)
