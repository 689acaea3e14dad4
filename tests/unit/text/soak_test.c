/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

static uint64_t
seed_of(uint64_t otherwise)
{
	const char *env = getenv("AEF_SEED");
	const uint64_t seed = env != NULL ? strtoull(env, NULL, 0) : otherwise;

	printf("seed %llu (AEF_SEED sets it)\n", (unsigned long long)seed);
	return seed;
}

START_TEST(soak_20000_random_pairs_obey_tp1)
{
	const uint64_t seed = seed_of(1);

	for (uint64_t i = 0; i < 20000; i++) {
		const char *bad = soak_pair(seed, i);

		if (bad != NULL)
			soak_pair_shrink(seed, i);
		ck_assert_msg(bad == NULL, "pair %llu: %s", (unsigned long long)i, bad);
	}
}
END_TEST

START_TEST(soak_100_random_streaming_sessions_converge)
{
	const uint64_t seed = seed_of(1000);
	struct soak_session_stats stats;
	uint32_t in_flight = 0;

	for (uint64_t i = 0; i < 100; i++) {
		const struct soak_session_conf conf = { .seed = seed + i };
		const char *bad = soak_session(&conf, &stats);

		if (bad != NULL)
			soak_session_shrink(conf.seed);
		ck_assert_msg(bad == NULL, "session %llu: %s", (unsigned long long)conf.seed, bad);
		if (stats.in_flight_max > in_flight)
			in_flight = stats.in_flight_max;
	}
	ck_assert_uint_gt(in_flight, 8);
}
END_TEST

TEST_SUITE(soak, &soak_20000_random_pairs_obey_tp1, &soak_100_random_streaming_sessions_converge)
