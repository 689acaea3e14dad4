/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/rng.h>

#include "harness.h"

/* The sequence that xoshiro256** 1.0 gives from the state 1, 2, 3, 4. */
START_TEST(rng_from_a_known_state_gives_the_published_sequence)
{
	static const uint64_t expect[] = { 11520,
		                           0,
		                           1509978240,
		                           1215971899390074240ull,
		                           1216172134540287360ull,
		                           607988272756665600ull,
		                           16172922978634559625ull,
		                           8476171486693032832ull,
		                           10595114339597558777ull,
		                           2904607092377533576ull };
	struct aef_rng rng = { .s = { 1, 2, 3, 4 } };

	for (size_t i = 0; i < AEF_DIM(expect); i++)
		ck_assert_uint_eq(aef_rng_u64(&rng), expect[i]);
}
END_TEST

START_TEST(rng_seed_mixer_gives_the_published_sequence)
{
	static const uint64_t expect[] = { 6457827717110365317ull, 3203168211198807973ull,
		                           9817491932198370423ull, 4593380528125082431ull,
		                           16408922859458223821ull };
	uint64_t state = 1234567;

	for (size_t i = 0; i < AEF_DIM(expect); i++)
		ck_assert_uint_eq(aef_splitmix64(&state), expect[i]);
}
END_TEST

START_TEST(rng_same_seed_repeats_and_another_differs)
{
	struct aef_rng a, b, c;
	unsigned nb_same = 0;

	aef_rng_init(&a, 42);
	aef_rng_init(&b, 42);
	aef_rng_init(&c, 43);
	for (unsigned i = 0; i < 1000; i++) {
		const uint64_t v = aef_rng_u64(&a);

		ck_assert_uint_eq(v, aef_rng_u64(&b));
		nb_same += v == aef_rng_u64(&c);
	}

	ck_assert_uint_eq(nb_same, 0);
}
END_TEST

START_TEST(rng_below_and_range_stay_inside_and_reach_both_ends)
{
	struct aef_rng rng;
	unsigned seen[7] = { 0 };

	aef_rng_init(&rng, 1);
	for (unsigned i = 0; i < 7000; i++) {
		const uint64_t v = aef_rng_range(&rng, 10, 16);

		ck_assert(v >= 10 && v <= 16);
		seen[v - 10]++;
		ck_assert_uint_eq(aef_rng_below(&rng, 1), 0);
	}

	for (unsigned i = 0; i < 7; i++)
		ck_assert(seen[i] > 850 && seen[i] < 1150); /* 5 sigma around 1000 */
}
END_TEST

START_TEST(rng_chance_is_never_at_zero_always_at_a_million_and_near_between)
{
	struct aef_rng rng;
	unsigned hits = 0;

	aef_rng_init(&rng, 2);
	for (unsigned i = 0; i < 100000; i++) {
		ck_assert(!aef_rng_chance_ppm(&rng, 0));
		ck_assert(aef_rng_chance_ppm(&rng, 1000000));
		hits += aef_rng_chance_ppm(&rng, 20000);
	}

	ck_assert(hits > 1780 && hits < 2220); /* 5 sigma around 2000 */
}
END_TEST

TEST_SUITE(rng, &rng_from_a_known_state_gives_the_published_sequence,
           &rng_seed_mixer_gives_the_published_sequence, &rng_same_seed_repeats_and_another_differs,
           &rng_below_and_range_stay_inside_and_reach_both_ends,
           &rng_chance_is_never_at_zero_always_at_a_million_and_near_between)
