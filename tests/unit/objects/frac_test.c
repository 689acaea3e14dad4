/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * frac_test.c - fractional index: published vectors, order kept over any moves, the limit.
 */
#include <jansson.h>

#include <base/rng.h>
#include <objects/frac.h>

#include "harness.h"

static const struct frac_key *
key_of(const char *text, struct frac_key *key)
{
	if (text == NULL)
		return NULL;
	ck_assert_int_eq(frac_parse((const uint8_t *)text, strlen(text), key), 0);
	return key;
}

static const char *
text_of(const struct frac_key *key)
{
	static char text[FRAC_KEY_MAX + 1];

	memcpy(text, key->b, key->len);
	text[key->len] = '\0';
	return text;
}

static int
between(const char *a, const char *b, struct frac_key *ret)
{
	struct frac_key ka, kb;

	return frac_between(key_of(a, &ka), key_of(b, &kb), ret);
}

/* Keys that the vectors refuse as input are refused when they are read. */
static int
vector_between(const char *a, const char *b, struct frac_key *ret)
{
	struct frac_key key;

	if (a != NULL && frac_parse((const uint8_t *)a, strlen(a), &key) != 0)
		return AEF_ERR_MALFORMED;
	if (b != NULL && frac_parse((const uint8_t *)b, strlen(b), &key) != 0)
		return AEF_ERR_MALFORMED;
	return between(a, b, ret);
}

START_TEST(frac_makes_the_keys_of_the_published_vectors)
{
	const char *path = test_data_path("fractional-indexing/vectors.jsonl");
	char line[1024];
	unsigned nb = 0;
	FILE *f;

	if (path == NULL)
		return;
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		json_t *v = json_loads(line, 0, NULL);
		const char *expect = json_string_value(json_object_get(v, "expect"));
		struct frac_key key;
		int r;

		ck_assert_str_eq(json_string_value(json_object_get(v, "fn")), "between");
		r = vector_between(json_string_value(json_object_get(v, "a")),
		                   json_string_value(json_object_get(v, "b")), &key);
		if (expect == NULL) {
			ck_assert_int_lt(r, 0);
		} else {
			ck_assert_msg(r == 0, "%s: %d", line, r);
			ck_assert_str_eq(text_of(&key), expect);
		}
		json_decref(v);
		nb++;
	}
	fclose(f);
	ck_assert_uint_ge(nb, 20);
}
END_TEST

START_TEST(frac_refuses_what_is_no_key)
{
	static const char *const wrong[] = {
		"",   "a",  "b1", "a00", "a10", "0",   "!0",
		"a-", "aé", "A0", "Zz0", "c00", "a0 ", "A00000000000000000000000000"
	};
	struct frac_key key = { .len = 9 };
	char longest[FRAC_KEY_MAX + 2] = "a0";

	for (unsigned i = 0; i < AEF_DIM(wrong); i++)
		ck_assert_msg(frac_parse((const uint8_t *)wrong[i], strlen(wrong[i]), &key) ==
		                      AEF_ERR_MALFORMED,
		              "'%s'", wrong[i]);
	ck_assert_uint_eq(key.len, 9);
	memset(longest + 2, 'V', FRAC_KEY_MAX - 1);
	ck_assert_int_eq(frac_parse((uint8_t *)longest, FRAC_KEY_MAX + 1, &key), AEF_ERR_LIMIT);
	ck_assert_int_eq(frac_parse((uint8_t *)longest, FRAC_KEY_MAX, &key), 0);
}
END_TEST

START_TEST(frac_of_bounds_in_the_wrong_order_is_refused)
{
	struct frac_key key = { .len = 9 };

	ck_assert_int_eq(between("a1", "a1", &key), AEF_ERR_RANGE);
	ck_assert_int_eq(between("a1", "a0V", &key), AEF_ERR_RANGE);
	ck_assert_int_eq(between("a1", "Zz", &key), AEF_ERR_RANGE);
	ck_assert_uint_eq(key.len, 9);
}
END_TEST

/* The ends of the number line: keys grow, and stay keys in order. */
START_TEST(frac_beyond_the_last_integer_goes_on_in_the_fraction)
{
	struct frac_key high, low, next;

	key_of("zzzzzzzzzzzzzzzzzzzzzzzzzzz", &high);
	key_of("A00000000000000000000000001", &low);
	for (unsigned i = 0; i < 30; i++) {
		ck_assert_int_eq(frac_between(&high, NULL, &next), 0);
		ck_assert_int_gt(frac_cmp(&next, &high), 0);
		high = next;
		ck_assert_int_eq(frac_between(NULL, &low, &next), 0);
		ck_assert_int_lt(frac_cmp(&next, &low), 0);
		ck_assert_int_eq(frac_parse(next.b, next.len, &low), 0);
	}
}
END_TEST

/* A list in which anything moves anywhere: each key between its neighbours, and valid. */
START_TEST(frac_keeps_the_order_over_random_moves)
{
	enum { ITEMS = 60 };
	static struct frac_key keys[ITEMS];
	struct aef_rng rng;
	unsigned nb = 0, longest = 0, limited = 0;

	aef_rng_init(&rng, 3);
	for (unsigned step = 0; step < 200000; step++) {
		const unsigned at = (unsigned)aef_rng_below(&rng, nb + 1);
		struct frac_key key, again;
		int r = frac_between(at > 0 ? &keys[at - 1] : NULL, at < nb ? &keys[at] : NULL,
		                     &key);

		if (r == AEF_ERR_LIMIT) { /* as the server does */
			limited++;
			ck_assert_int_eq(frac_spread(NULL, NULL, nb, keys), 0);
			continue;
		}
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(frac_parse(key.b, key.len, &again), 0);
		ck_assert(at == 0 || frac_cmp(&keys[at - 1], &key) < 0);
		ck_assert(at == nb || frac_cmp(&key, &keys[at]) < 0);
		longest = key.len > longest ? key.len : longest;
		if (nb == ITEMS) { /* something goes, so that this can come */
			const unsigned gone = (unsigned)aef_rng_below(&rng, nb);

			memmove(&keys[gone], &keys[gone + 1], (nb - gone - 1) * sizeof(keys[0]));
			nb--;
			continue;
		}
		memmove(&keys[at + 1], &keys[at], (nb - at) * sizeof(keys[0]));
		keys[at] = key;
		nb++;
	}
	ck_assert_uint_gt(longest, 4);
	ck_assert_uint_lt(limited, 200);
}
END_TEST

/* Always between the same two: a digit for about every six. */
START_TEST(frac_of_many_inserts_at_one_place_reaches_its_limit_and_says_so)
{
	struct frac_key low, high, key;
	unsigned nb = 0;

	key_of("a0", &low);
	key_of("a1", &high);
	key = high;
	while (frac_between(&low, &key, &key) == 0)
		nb++;
	ck_assert_uint_gt(nb, 5 * (FRAC_KEY_MAX - 3));
	ck_assert_int_eq(frac_between(&low, &key, &key), AEF_ERR_LIMIT);
	ck_assert_uint_eq(key.len, FRAC_KEY_MAX); /* untouched */
}
END_TEST

static void
expect_spread(const char *a, const char *b, uint32_t nb, unsigned longest)
{
	static struct frac_key keys[5000];
	struct frac_key ka, kb;
	const struct frac_key *low = key_of(a, &ka), *high = key_of(b, &kb);

	ck_assert_int_eq(frac_spread(low, high, nb, keys), 0);
	for (uint32_t i = 0; i < nb; i++) {
		const struct frac_key *before = i == 0 ? low : &keys[i - 1];

		ck_assert(before == NULL || frac_cmp(before, &keys[i]) < 0);
		ck_assert_uint_le(keys[i].len, longest);
	}
	ck_assert(nb == 0 || high == NULL || frac_cmp(&keys[nb - 1], high) < 0);
}

START_TEST(frac_spread_keys_are_in_order_and_short)
{
	expect_spread(NULL, NULL, 0, 0);
	expect_spread("a0", "a1", 1, 3);
	expect_spread("a0", "a1", 61, 4);
	expect_spread("a0", "a1", 5000, 6);
	expect_spread(NULL, NULL, 5000, 4);
	expect_spread("b00", NULL, 5000, 4);
	expect_spread(NULL, "a0", 5000, 4);
	expect_spread("a0V", "a0W", 100, 6);
}
END_TEST

TEST_SUITE(frac, &frac_makes_the_keys_of_the_published_vectors, &frac_refuses_what_is_no_key,
           &frac_of_bounds_in_the_wrong_order_is_refused,
           &frac_beyond_the_last_integer_goes_on_in_the_fraction,
           &frac_keeps_the_order_over_random_moves,
           &frac_of_many_inserts_at_one_place_reaches_its_limit_and_says_so,
           &frac_spread_keys_are_in_order_and_short)
