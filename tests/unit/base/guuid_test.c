/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/guuid.h>

#include "harness.h"

#define NOW_MS 1700000000000ull

START_TEST(guuid_layout_is_that_of_version_7)
{
	struct aef_guuid_gen gen;

	aef_guuid_gen_init(&gen, 1);
	for (unsigned i = 0; i < 1000; i++) {
		const struct aef_guuid id = aef_guuid_next(&gen, NOW_MS + i / 10);

		ck_assert_uint_eq(id.b[6] >> 4, 7);
		ck_assert_uint_eq(id.b[8] >> 6, 2);
		ck_assert_uint_eq(aef_guuid_unix_ms(&id), NOW_MS + i / 10);
	}
}
END_TEST

/* RFC 9562 appendix A.6. */
START_TEST(guuid_parses_and_prints_the_example_of_rfc_9562)
{
	static const uint8_t bytes[16] = { 0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3,
		                           0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f };
	struct aef_guuid id;
	char text[AEF_GUUID_TEXT_LEN + 1];

	ck_assert_int_eq(aef_guuid_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", 36, &id), 0);
	aef_guuid_format(&id, text);

	ck_assert_mem_eq(id.b, bytes, sizeof(bytes));
	ck_assert_uint_eq(aef_guuid_unix_ms(&id), 0x017f22e279b0ull);
	ck_assert_str_eq(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}
END_TEST

START_TEST(guuid_random_ids_survive_print_and_parse)
{
	struct aef_rng rng;

	aef_rng_init(&rng, 5);
	for (unsigned i = 0; i < 1000; i++) {
		struct aef_guuid id, back;
		char text[AEF_GUUID_TEXT_LEN + 1];

		for (unsigned k = 0; k < AEF_GUUID_BYTES; k++)
			id.b[k] = (uint8_t)aef_rng_u64(&rng);
		aef_guuid_format(&id, text);
		ck_assert_int_eq(aef_guuid_parse(text, strlen(text), &back), 0);
		ck_assert(aef_guuid_eq(&id, &back));
		ck_assert_int_eq(aef_guuid_cmp(&id, &back), 0);
	}
}
END_TEST

START_TEST(guuid_bad_text_is_malformed_and_leaves_the_result_alone)
{
	static const char *const bad[] = {
		"",
		"0",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
		"017f22e2079b0-7cc3-98c4-dc0c0c07398f",
		"017f22e-279b0-7cc3-98c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
		"017f22e2-79b0-7cc3-98c4 dc0c0c07398f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
		"017f22e279b07cc398c4dc0c0c07398f0000",
		"------------------------------------",
		" 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
		"+17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
	};
	struct aef_guuid id, before;

	memset(&id, 0x5a, sizeof(id));
	before = id;
	for (size_t i = 0; i < AEF_DIM(bad); i++)
		ck_assert_int_eq(aef_guuid_parse(bad[i], strlen(bad[i]), &id), AEF_ERR_MALFORMED);
	ck_assert(aef_guuid_eq(&id, &before));
}
END_TEST

START_TEST(guuid_any_wrong_character_at_any_place_is_malformed)
{
	char text[AEF_GUUID_TEXT_LEN + 1] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
	struct aef_guuid id;

	for (unsigned at = 0; at < AEF_GUUID_TEXT_LEN; at++) {
		const char was = text[at];

		for (int c = 0; c < 256; c++) {
			const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			                 (c >= 'A' && c <= 'F');

			text[at] = (char)c;
			ck_assert_int_eq(aef_guuid_parse(text, AEF_GUUID_TEXT_LEN, &id) == 0,
			                 was == '-' ? c == '-' : hex);
		}
		text[at] = was;
	}
}
END_TEST

/* One million ids whose clock does what @p step says; every id must be above the one before. */
static void
ascend(uint64_t seed, uint64_t (*clock_ms)(struct aef_rng *rng, unsigned i))
{
	struct aef_guuid_gen gen;
	struct aef_guuid last = { { 0 } };
	struct aef_rng rng;

	aef_rng_init(&rng, seed);
	aef_guuid_gen_init(&gen, seed);
	for (unsigned i = 0; i < 1000000; i++) {
		const struct aef_guuid id = aef_guuid_next(&gen, clock_ms(&rng, i));

		if (aef_guuid_cmp(&id, &last) <= 0)
			ck_abort_msg("seed %llu: id %u does not ascend", (unsigned long long)seed,
			             i);
		last = id;
	}
}

static uint64_t
clock_still(struct aef_rng *rng, unsigned i)
{
	(void)rng;
	(void)i;
	return NOW_MS;
}

static uint64_t
clock_back(struct aef_rng *rng, unsigned i)
{
	(void)rng;
	return NOW_MS + 1000 - i / 1000;
}

static uint64_t
clock_jumps(struct aef_rng *rng, unsigned i)
{
	(void)i;
	return NOW_MS + aef_rng_below(rng, 100000);
}

START_TEST(guuid_ascends_while_the_clock_stands_still)
{
	ascend(6, clock_still);
}
END_TEST

START_TEST(guuid_ascends_while_the_clock_steps_back)
{
	ascend(7, clock_back);
}
END_TEST

START_TEST(guuid_ascends_while_the_clock_jumps_about)
{
	ascend(8, clock_jumps);
}
END_TEST

START_TEST(guuid_carries_from_rand_b_into_rand_a)
{
	struct aef_guuid_gen gen;

	aef_guuid_gen_init(&gen, 9);
	const struct aef_guuid first = aef_guuid_next(&gen, NOW_MS);

	gen.rand_hi = 5;
	gen.rand_lo = (1ull << 62) - 1;
	const struct aef_guuid id = aef_guuid_next(&gen, NOW_MS);

	ck_assert_uint_eq(gen.rand_hi, 6);
	ck_assert_uint_eq(aef_guuid_unix_ms(&id), NOW_MS);
	ck_assert_uint_eq(id.b[6] >> 4, 7);
	ck_assert_uint_eq(id.b[8] >> 6, 2);
	ck_assert(!aef_guuid_eq(&first, &id));
}
END_TEST

START_TEST(guuid_with_all_74_bits_used_borrows_the_next_millisecond)
{
	struct aef_guuid_gen gen;

	aef_guuid_gen_init(&gen, 10);
	(void)aef_guuid_next(&gen, NOW_MS);
	gen.rand_hi = 0xfff;
	gen.rand_lo = (1ull << 62) - 1;
	const struct aef_guuid id = aef_guuid_next(&gen, NOW_MS);

	ck_assert_uint_eq(aef_guuid_unix_ms(&id), NOW_MS + 1);
	ck_assert_uint_eq(id.b[6] >> 4, 7);
}
END_TEST

START_TEST(guuid_generators_of_different_seeds_share_no_id)
{
	struct aef_guuid_gen a, b;

	aef_guuid_gen_init(&a, 1);
	aef_guuid_gen_init(&b, 2);
	for (unsigned i = 0; i < 100000; i++) {
		const struct aef_guuid x = aef_guuid_next(&a, NOW_MS);
		const struct aef_guuid y = aef_guuid_next(&b, NOW_MS);

		ck_assert(!aef_guuid_eq(&x, &y));
	}
}
END_TEST

TEST_SUITE(guuid, &guuid_layout_is_that_of_version_7,
           &guuid_parses_and_prints_the_example_of_rfc_9562,
           &guuid_random_ids_survive_print_and_parse,
           &guuid_bad_text_is_malformed_and_leaves_the_result_alone,
           &guuid_any_wrong_character_at_any_place_is_malformed,
           &guuid_ascends_while_the_clock_stands_still, &guuid_ascends_while_the_clock_steps_back,
           &guuid_ascends_while_the_clock_jumps_about, &guuid_carries_from_rand_b_into_rand_a,
           &guuid_with_all_74_bits_used_borrows_the_next_millisecond,
           &guuid_generators_of_different_seeds_share_no_id)
