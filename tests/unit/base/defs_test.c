/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/defs.h>
#include <base/rng.h>

#include "harness.h"

START_TEST(defs_saturating_sum_and_difference_stop_at_the_ends)
{
	ck_assert_uint_eq(aef_add_sat_u64(1, 2), 3);
	ck_assert_uint_eq(aef_add_sat_u64(UINT64_MAX, 0), UINT64_MAX);
	ck_assert_uint_eq(aef_add_sat_u64(UINT64_MAX, 1), UINT64_MAX);
	ck_assert_uint_eq(aef_add_sat_u64(UINT64_MAX - 5, 5), UINT64_MAX);
	ck_assert_uint_eq(aef_add_sat_u64(UINT64_MAX, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(aef_sub_sat_u64(3, 2), 1);
	ck_assert_uint_eq(aef_sub_sat_u64(2, 3), 0);
	ck_assert_uint_eq(aef_sub_sat_u64(0, UINT64_MAX), 0);
	ck_assert_uint_eq(aef_sub_sat_u64(UINT64_MAX, 0), UINT64_MAX);
}
END_TEST

START_TEST(defs_mul_div_is_exact_beyond_64_bits_and_saturates)
{
	ck_assert_uint_eq(aef_mul_div_u64(6, 7, 2), 21);
	ck_assert_uint_eq(aef_mul_div_u64(0, UINT64_MAX, 1), 0);
	ck_assert_uint_eq(aef_mul_div_u64(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(aef_mul_div_u64(1ull << 40, 1ull << 40, 1ull << 41), 1ull << 39);
	ck_assert_uint_eq(aef_mul_div_u64(UINT64_MAX, 2, 1), UINT64_MAX);
	ck_assert_uint_eq(aef_mul_div_u64(UINT64_MAX, 3, 4), 13835058055282163711ull);
}
END_TEST

START_TEST(defs_mul_div_short_and_long_way_agree)
{
	struct aef_rng rng;

	aef_rng_init(&rng, 12);
	for (unsigned i = 0; i < 10000; i++) {
		const uint64_t a = aef_rng_u64(&rng) >> 32, b = aef_rng_u64(&rng) >> 32;
		const uint64_t c = 1 + aef_rng_below(&rng, 1000000);

		/* The common factor pushes the second call onto its 128-bit way. */
		ck_assert_uint_eq(aef_mul_div_u64(a, b, c), aef_mul_div_u64(a << 20, b, c << 20));
	}
}
END_TEST

START_TEST(defs_min_max_and_container_hold)
{
	struct {
		int before;
		int member;
	} object = { 1, 2 };

	ck_assert_uint_eq(aef_min_u64(1, UINT64_MAX), 1);
	ck_assert_uint_eq(aef_max_u64(1, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(aef_min_u32(7, 7), 7);
	ck_assert_uint_eq(aef_max_u32(7, UINT32_MAX), UINT32_MAX);
	ck_assert_ptr_eq(aef_container_of(&object.member, __typeof__(object), member), &object);
	ck_assert_uint_eq(AEF_DIM("abc"), 4);
}
END_TEST

TEST_SUITE(defs, &defs_saturating_sum_and_difference_stop_at_the_ends,
           &defs_mul_div_is_exact_beyond_64_bits_and_saturates,
           &defs_mul_div_short_and_long_way_agree, &defs_min_max_and_container_hold)
