/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/rng.h>
#include <crypto/pn.h>

#include "harness.h"
#include "seed.h"

#define WIN  (1ull << 32)
#define HALF (1ull << 31)

START_TEST(pn_near_zero_never_goes_below_it)
{
	ck_assert_uint_eq(crypto_pn_expand(0, 0), 0);
	ck_assert_uint_eq(crypto_pn_expand(0, UINT32_MAX), UINT32_MAX);
	ck_assert_uint_eq(crypto_pn_expand(5, 0xfffffff0u), 0xfffffff0u);
	ck_assert_uint_eq(crypto_pn_expand(HALF, 0), 0);
	ck_assert_uint_eq(crypto_pn_expand(HALF + 1, 0), WIN);
}
END_TEST

START_TEST(pn_around_the_32_bit_wrap_takes_the_nearest)
{
	ck_assert_uint_eq(crypto_pn_expand(WIN - 1, UINT32_MAX), WIN - 1);
	ck_assert_uint_eq(crypto_pn_expand(WIN - 1, 3), WIN + 3);
	ck_assert_uint_eq(crypto_pn_expand(WIN, 0), WIN);
	ck_assert_uint_eq(crypto_pn_expand(WIN + 3, 0xfffffff0u), 0xfffffff0u);
	ck_assert_uint_eq(crypto_pn_expand(5 * WIN + 3, 0xfffffff0u), 4 * WIN + 0xfffffff0u);
}
END_TEST

START_TEST(pn_exactly_half_a_window_away_takes_the_lower)
{
	ck_assert_uint_eq(crypto_pn_expand(3 * WIN, (uint32_t)HALF), 2 * WIN + HALF);
	ck_assert_uint_eq(crypto_pn_expand(3 * WIN, (uint32_t)HALF - 1), 3 * WIN + HALF - 1);
	ck_assert_uint_eq(crypto_pn_expand(3 * WIN + HALF, 0), 3 * WIN);
	ck_assert_uint_eq(crypto_pn_expand(3 * WIN + HALF + 1, 0), 4 * WIN);
}
END_TEST

START_TEST(pn_near_its_maximum_never_goes_beyond_it)
{
	ck_assert_uint_eq(crypto_pn_expand(CRYPTO_PN_MAX, UINT32_MAX), CRYPTO_PN_MAX);
	ck_assert_uint_eq(crypto_pn_expand(CRYPTO_PN_MAX, 0), CRYPTO_PN_MAX - UINT32_MAX);
	ck_assert_uint_eq(crypto_pn_expand(CRYPTO_PN_MAX + 1, 0), CRYPTO_PN_MAX + 1 - WIN);
	ck_assert_uint_eq(crypto_pn_expand(CRYPTO_PN_MAX + 1, UINT32_MAX), CRYPTO_PN_MAX);
}
END_TEST

START_TEST(pn_random_numbers_within_half_a_window_come_back)
{
	struct aef_rng rng;

	aef_rng_init(&rng, test_seed("pn"));
	for (unsigned i = 0; i < 200000; i++) {
		const uint64_t expected = aef_rng_u64(&rng) >> (2 + aef_rng_below(&rng, 40));
		const uint64_t low = expected > HALF - 1 ? expected - (HALF - 1) : 0;
		const uint64_t high = aef_min_u64(expected + HALF - 1, CRYPTO_PN_MAX);
		const uint64_t pn = aef_rng_range(&rng, low, high);

		ck_assert_uint_eq(crypto_pn_expand(expected, (uint32_t)pn), pn);
	}
}
END_TEST

TEST_SUITE(pn, &pn_near_zero_never_goes_below_it, &pn_around_the_32_bit_wrap_takes_the_nearest,
           &pn_exactly_half_a_window_away_takes_the_lower,
           &pn_near_its_maximum_never_goes_beyond_it,
           &pn_random_numbers_within_half_a_window_come_back)
