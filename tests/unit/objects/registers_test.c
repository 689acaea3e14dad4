/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registers_test.c - merge patches on registers: the vectors of RFC 7396, whose work is
 * overwritten, inverse; random patches against a plain recursive merge of jansson values.
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

/* ---- whose work ---- */

static char seen[1024];

static void
on_seen(void *ctx, const struct registers_overwrite *what)
{
	char *at = seen + strlen(seen);

	(void)ctx;
	for (uint32_t i = 0; i < what->path_len; i++)
		*at++ = what->path[i] == REGISTERS_SEP ? '/' : (char)what->path[i];
	at += sprintf(at, ":%.*s>", (int)what->before_len, (const char *)what->before);
	if (what->after != NULL)
		at += sprintf(at, "%.*s", (int)what->after_len, (const char *)what->after);
	sprintf(at, "@%u.%u ", (unsigned)what->written.version, what->written.user.b[0]);
}

static const char *
overwritten(const char *patch)
{
	struct registers_patch p;

	seen[0] = '\0';
	ck_assert_int_eq(prepare_as(patch, 9, 9, 0, &p), 0);
	registers_overwrites(&regs, &p, on_seen, NULL);
	registers_abandon(&alloc, &p);
	return seen;
}

START_TEST(registers_say_whose_work_a_patch_overwrites)
{
	start(BUDGET);
	apply_as("{\"x\":1,\"y\":2,\"s\":{\"fill\":\"red\",\"w\":3},\"e\":{}}", 1, 1);
	apply_as("{\"y\":5,\"s\":{\"w\":4}}", 2, 2);

	ck_assert_str_eq(overwritten("{\"x\":7}"), "/x:1>7@1.1 ");
	ck_assert_str_eq(overwritten("{\"x\":1,\"new\":2}"), "");
	ck_assert_str_eq(overwritten("{\"s\":{\"fill\":null,\"w\":9}}"),
	                 "/s/fill:\"red\">@1.1 /s/w:4>9@2.2 ");
	ck_assert_str_eq(overwritten("{\"s\":null}"), "/s/fill:\"red\">@1.1 /s/w:4>@2.2 ");
	ck_assert_str_eq(overwritten("{\"s\":0}"), "/s/fill:\"red\">@1.1 /s/w:4>@2.2 ");
	ck_assert_str_eq(overwritten("{\"x\":{\"deep\":1}}"), "/x:1>@1.1 ");
	ck_assert_str_eq(overwritten("{\"e\":{\"a\":1}}"), "");
	finish();
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

/* ---- back again ---- */

static void
expect_inverse(const char *before, const char *patch, const char *want)
{
	struct registers_patch p;
	char kept[TEXT_MAX], back[TEXT_MAX];

	start(BUDGET);
	apply_as(before, 1, 1);
	strcpy(kept, text());
	ck_assert_int_eq(prepare_as(patch, 2, 1, 0, &p), 0);
	strcpy(back, inverse(&p));
	ck_assert_str_eq(back, want);
	registers_commit(&regs, &alloc, &p);
	if (back[0] != '\0')
		apply_as(back, 3, 1);
	ck_assert_str_eq(text(), kept);
	finish();
}

START_TEST(registers_inverse_takes_a_patch_back)
{
	expect_inverse("{\"a\":1}", "{\"a\":2}", "{\"a\":1}");
	expect_inverse("{\"a\":1}", "{\"b\":2}", "{\"b\":null}");
	expect_inverse("{\"a\":1}", "{\"b\":{\"c\":{\"d\":1,\"e\":2}}}", "{\"b\":null}");
	expect_inverse("{\"b\":{\"x\":1}}", "{\"b\":{\"c\":{\"d\":1}}}", "{\"b\":{\"c\":null}}");
	expect_inverse("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":null}", "{\"a\":{\"b\":1,\"c\":2}}");
	expect_inverse("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":5}", "{\"a\":{\"b\":1,\"c\":2}}");
	expect_inverse("{\"a\":5}", "{\"a\":{\"b\":1,\"c\":{\"d\":2}}}", "{\"a\":5}");
	expect_inverse("{\"a\":{}}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":null}}");
	expect_inverse("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":null}}", "{\"a\":{\"b\":1}}");
	expect_inverse("{\"a\":1}", "{\"b\":null}", "");
	expect_inverse("{\"a\":1}", "{}", "");
	expect_inverse("{\"a\":1}", "{\"b\":{}}", "{\"b\":null}");
	expect_inverse("{}", "{\"a\":1}", "{\"a\":null}");
	expect_inverse("{\"a\":1}", "{\"b\":{\"c\":null}}", "{\"b\":null}");
	expect_inverse("{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":[{}]}}",
	               "{\"a\":{\"b\":{\"c\":1}}}");
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
			char before[TEXT_MAX], back[TEXT_MAX];
			struct registers_patch p;

			if (json_is_null(patch)) { /* no document after it */
				json_decref(patch);
				continue;
			}
			next = merge(doc, patch);
			t = json_dumps(patch, JSON_ENCODE_ANY);
			strcpy(before, text());
			ck_assert_int_eq(prepare_as(t, step, 1, 0, &p), 0);
			strcpy(back, inverse(&p));
			registers_commit(&regs, &alloc, &p);
			got = json_loads(text(), JSON_DECODE_ANY, NULL);
			ck_assert_msg(json_equal(got, next), "%s + %s = %s", before, t, text());
			json_decref(got);
			if (back[0] != '\0')
				apply_as(back, step, 1);
			ck_assert_msg(strcmp(text(), before) == 0, "%s + %s, back by %s: %s",
			              before, t, back, text());
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
           &registers_say_whose_work_a_patch_overwrites, &registers_are_found_by_their_path,
           &registers_inverse_takes_a_patch_back,
           &registers_agree_with_a_plain_merge_and_inverse_goes_back)
