/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rng.h>

#include "harness.h"
#include "rtt_priv.h"

#define MS AEF_NS_PER_MS

START_TEST(rtt_without_a_sample_uses_the_defaults)
{
	struct quantum_rtt rtt;

	quantum_rtt_init(&rtt, 25 * MS);

	ck_assert(!quantum_rtt_has_sample(&rtt));
	ck_assert_uint_eq(rtt.srtt_ns, 100 * MS);
	ck_assert_uint_eq(quantum_rtt_rto_ns(&rtt), 300 * MS);
	ck_assert_uint_eq(quantum_rtt_pto_ns(&rtt), 325 * MS);
}
END_TEST

START_TEST(rtt_first_sample_sets_srtt_and_half_of_it_as_variation)
{
	struct quantum_rtt rtt;

	quantum_rtt_init(&rtt, 25 * MS);
	ck_assert_int_eq(quantum_rtt_update(&rtt, 40 * MS, 10 * MS, 5), 0);

	ck_assert_uint_eq(rtt.srtt_ns, 40 * MS);
	ck_assert_uint_eq(rtt.rttvar_ns, 20 * MS);
	ck_assert_uint_eq(rtt.min_ns, 40 * MS);
	ck_assert_uint_eq(rtt.first_sample_at_ns, 5);
	ck_assert_uint_eq(quantum_rtt_rto_ns(&rtt), 200 * MS);
	ck_assert_uint_eq(quantum_rtt_pto_ns(&rtt), 145 * MS);
}
END_TEST

START_TEST(rtt_steady_samples_converge_and_the_floors_hold)
{
	struct quantum_rtt rtt;

	quantum_rtt_init(&rtt, 0);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(quantum_rtt_update(&rtt, 20 * MS, 0, i * MS), 0);

	ck_assert_uint_eq(rtt.srtt_ns, 20 * MS);
	ck_assert_uint_eq(quantum_rtt_rto_ns(&rtt), QUANTUM_RTO_MIN_NS);
	ck_assert_uint_eq(quantum_rtt_pto_ns(&rtt), 21 * MS); /* variation counts at least 1 ms */
}
END_TEST

START_TEST(rtt_overstated_ack_delay_keeps_min_rtt_floor)
{
	struct quantum_rtt rtt;

	quantum_rtt_init(&rtt, 25 * MS);
	ck_assert_int_eq(quantum_rtt_update(&rtt, 10 * MS, 0, 0), 0);
	for (unsigned i = 0; i < 100; i++) /* hostile peer */
		ck_assert_int_eq(quantum_rtt_update(&rtt, 12 * MS, UINT64_MAX, i), 0);

	ck_assert_uint_ge(rtt.srtt_ns, rtt.min_ns);
	ck_assert_uint_eq(rtt.min_ns, 10 * MS);
}
END_TEST

START_TEST(rtt_honest_ack_delay_is_taken_off)
{
	struct quantum_rtt rtt;

	quantum_rtt_init(&rtt, 25 * MS);
	ck_assert_int_eq(quantum_rtt_update(&rtt, 10 * MS, 0, 0), 0);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(quantum_rtt_update(&rtt, 30 * MS, 20 * MS, i), 0);

	ck_assert_uint_eq(rtt.srtt_ns, 10 * MS);
	ck_assert_uint_eq(rtt.latest_ns, 30 * MS);
}
END_TEST

START_TEST(rtt_sample_of_zero_is_refused_and_changes_nothing)
{
	struct quantum_rtt rtt, before;

	quantum_rtt_init(&rtt, 25 * MS);
	before = rtt;

	ck_assert_int_eq(quantum_rtt_update(&rtt, 0, 0, 7), AEF_ERR_MALFORMED);
	ck_assert_mem_eq(&rtt, &before, sizeof(rtt));
}
END_TEST

START_TEST(rtt_absurd_samples_never_overflow_a_timeout)
{
	struct quantum_rtt rtt;

	quantum_rtt_init(&rtt, UINT64_MAX);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(
			quantum_rtt_update(&rtt, i % 2 ? UINT64_MAX : 1, UINT64_MAX, UINT64_MAX),
			0);

	ck_assert_uint_eq(quantum_rtt_rto_ns(&rtt), QUANTUM_RTO_MAX_NS);
	ck_assert_uint_eq(quantum_rtt_pto_ns(&rtt), QUANTUM_RTO_MAX_NS);
}
END_TEST

START_TEST(rtt_minimum_forgets_a_path_that_became_longer)
{
	struct quantum_rtt rtt;

	quantum_rtt_init(&rtt, 25 * MS);
	ck_assert_int_eq(quantum_rtt_update(&rtt, 10 * MS, 0, 0), 0);
	for (uint64_t t = AEF_NS_PER_S; t <= 59 * AEF_NS_PER_S; t += AEF_NS_PER_S)
		ck_assert_int_eq(quantum_rtt_update(&rtt, 50 * MS, 0, t), 0);
	ck_assert_uint_eq(rtt.min_ns, 10 * MS);
	for (uint64_t t = 60 * AEF_NS_PER_S; t <= 121 * AEF_NS_PER_S; t += AEF_NS_PER_S)
		ck_assert_int_eq(quantum_rtt_update(&rtt, 50 * MS, 0, t), 0);

	ck_assert_uint_eq(rtt.min_ns, 50 * MS);
}
END_TEST

START_TEST(rtt_random_samples_keep_every_invariant)
{
	struct aef_rng rng;
	struct quantum_rtt rtt;

	aef_rng_init(&rng, 11);
	quantum_rtt_init(&rtt, 25 * MS);
	for (uint64_t i = 0; i < 100000; i++) {
		const uint64_t sample = 1 + aef_rng_below(&rng, 300 * MS);

		ck_assert_int_eq(quantum_rtt_update(&rtt, sample, aef_rng_u64(&rng) >> 20, i * MS),
		                 0);
		ck_assert_uint_le(rtt.min_ns, rtt.latest_ns);
		ck_assert_uint_ge(rtt.srtt_ns, 0);
		ck_assert_uint_le(rtt.srtt_ns, 300 * MS);
		ck_assert_uint_ge(quantum_rtt_rto_ns(&rtt), QUANTUM_RTO_MIN_NS);
		ck_assert_uint_ge(quantum_rtt_pto_ns(&rtt), rtt.srtt_ns + MS);
	}
}
END_TEST

TEST_SUITE(rtt, &rtt_without_a_sample_uses_the_defaults,
           &rtt_first_sample_sets_srtt_and_half_of_it_as_variation,
           &rtt_steady_samples_converge_and_the_floors_hold,
           &rtt_overstated_ack_delay_keeps_min_rtt_floor, &rtt_honest_ack_delay_is_taken_off,
           &rtt_sample_of_zero_is_refused_and_changes_nothing,
           &rtt_absurd_samples_never_overflow_a_timeout,
           &rtt_minimum_forgets_a_path_that_became_longer, &rtt_random_samples_keep_every_invariant)
