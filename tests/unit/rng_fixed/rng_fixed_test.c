/* SPDX-License-Identifier: BSD-3-Clause */
#include <protect/mem.h>
#include <rng_fixed/rng_fixed.h>

#include "harness.h"

START_TEST(rng_fixed_same_seed_gives_the_same_bytes_however_they_are_drawn)
{
	uint8_t once[40], parts[40];

	rng_fixed_seed(7);
	ck_assert_int_eq(protect_random(once, sizeof(once)), 0);
	rng_fixed_seed(7);
	ck_assert_int_eq(protect_random(parts, 13), 0);
	ck_assert_int_eq(protect_random(parts + 13, 27), 0);

	ck_assert_mem_eq(once, parts, sizeof(once));
}
END_TEST

START_TEST(rng_fixed_another_seed_or_place_gives_other_bytes)
{
	uint8_t one[32], next[32], other[32];

	rng_fixed_seed(7);
	ck_assert_int_eq(protect_random(one, sizeof(one)), 0);
	ck_assert_int_eq(protect_random(next, sizeof(next)), 0);
	rng_fixed_seed(8);
	ck_assert_int_eq(protect_random(other, sizeof(other)), 0);

	ck_assert_mem_ne(one, next, sizeof(one));
	ck_assert_mem_ne(one, other, sizeof(one));
}
END_TEST

TEST_SUITE(rng_fixed, &rng_fixed_same_seed_gives_the_same_bytes_however_they_are_drawn,
           &rng_fixed_another_seed_or_place_gives_other_bytes)
