/* SPDX-License-Identifier: BSD-3-Clause */
/* pacer_test.c - the token bucket: exact rate, bounded burst, no memory of idleness. */
#include <base/rng.h>

#include "harness.h"
#include "pacer_priv.h"

#define S  1000000000ull
#define MS 1000000ull

/* Send @p nb packets as early as allowed, the driver waking up to @p late_ns too late. */
static uint64_t
send_backlog(struct quantum_pacer *p, uint64_t now, uint32_t bytes, unsigned nb, uint64_t late_ns)
{
	struct aef_rng rng;

	aef_rng_init(&rng, 7);
	while (nb-- > 0) {
		const uint64_t at = quantum_pacer_ready_ns(p, now, bytes);

		if (at > now)
			now = at + (late_ns ? aef_rng_below(&rng, late_ns) : 0);
		quantum_pacer_on_send(p, now, bytes);
	}
	return now;
}

START_TEST(pacer_every_rate_is_kept_without_drift)
{
	static const uint64_t rates[] = { 8000, 12345, 1250000, 7654321, 125000000, 1250000000 };

	for (size_t i = 0; i < AEF_DIM(rates); i++) {
		struct quantum_pacer p;
		const unsigned nb = 100000;

		quantum_pacer_init(&p, rates[i], 2400, S);
		const uint64_t took = send_backlog(&p, S, 1200, nb, 0) - S;
		/* The first two leave at once; the rest at the rate, to a nanosecond in all. */
		const uint64_t exact = aef_mul_div_u64((nb - 2) * 1200ull, S, rates[i]);

		ck_assert_uint_ge(took, exact);
		ck_assert_uint_le(took - exact, 1 + exact / 100000000);
	}
}
END_TEST

START_TEST(pacer_burst_after_idle_is_one_quantum)
{
	struct quantum_pacer p;
	unsigned burst = 0;

	quantum_pacer_init(&p, 1250000, 12000, S);
	while (quantum_pacer_ready_ns(&p, 100 * S, 1200) <= 100 * S && burst < 1000) {
		quantum_pacer_on_send(&p, 100 * S, 1200);
		burst++;
	}

	ck_assert_uint_eq(burst, 10);
	ck_assert_uint_eq(quantum_pacer_ready_ns(&p, 100 * S, 1200), 100 * S + 960000);
}
END_TEST

START_TEST(pacer_late_driver_loses_no_rate_within_a_quantum)
{
	struct quantum_pacer p;

	quantum_pacer_init(&p, 1250000, 12000, S);

	/* 12000 bytes are 9.6 ms: waking up to 5 ms late is made good by the bucket. */
	const uint64_t took = send_backlog(&p, S, 1200, 10000, 5 * MS) - S;
	const uint64_t exact = aef_mul_div_u64(9990 * 1200ull, S, 1250000);

	ck_assert_uint_ge(took, exact);
	ck_assert_uint_le(took, exact + 15 * MS);
}
END_TEST

START_TEST(pacer_packet_larger_than_the_burst_waits_for_a_full_bucket)
{
	struct quantum_pacer p;

	quantum_pacer_init(&p, 1000000, 1000, S);
	ck_assert_uint_le(quantum_pacer_ready_ns(&p, S, 5000), S);

	quantum_pacer_on_send(&p, S, 5000);

	ck_assert_uint_eq(quantum_pacer_ready_ns(&p, S, 5000), S + 5 * MS);
}
END_TEST

START_TEST(pacer_rate_change_keeps_the_debt_in_bytes)
{
	struct quantum_pacer p;

	quantum_pacer_init(&p, 1000000, 1000, S);
	quantum_pacer_on_send(&p, S, 10000); /* 10 ms at this rate */

	quantum_pacer_set(&p, 10000000, 1000, S + 5 * MS); /* 5000 bytes are left */
	ck_assert_uint_eq(quantum_pacer_ready_ns(&p, S + 5 * MS, 1000), S + 5 * MS + MS / 2);
	quantum_pacer_set(&p, 10000000, 1000, S + 5 * MS);
	ck_assert_uint_eq(quantum_pacer_ready_ns(&p, S + 5 * MS, 1000), S + 5 * MS + MS / 2);
}
END_TEST

START_TEST(pacer_extremes_neither_wrap_nor_divide_by_zero)
{
	struct quantum_pacer p;

	quantum_pacer_init(&p, 0, 2400, S);
	for (unsigned i = 0; i < 100; i++)
		quantum_pacer_on_send(&p, S, UINT32_MAX);
	ck_assert_uint_gt(quantum_pacer_ready_ns(&p, S, 1), 1000 * S);

	quantum_pacer_set(&p, UINT64_MAX, 2400, S);
	ck_assert_uint_le(quantum_pacer_ready_ns(&p, 2 * S, 1200), 2 * S);
	quantum_pacer_set(&p, 1, UINT32_MAX, UINT64_MAX - 1);
	quantum_pacer_on_send(&p, UINT64_MAX - 1, UINT32_MAX);
	ck_assert_uint_eq(p.due_ns, UINT64_MAX);
}
END_TEST

TEST_SUITE(pacer, &pacer_every_rate_is_kept_without_drift, &pacer_burst_after_idle_is_one_quantum,
           &pacer_late_driver_loses_no_rate_within_a_quantum,
           &pacer_packet_larger_than_the_burst_waits_for_a_full_bucket,
           &pacer_rate_change_keeps_the_debt_in_bytes,
           &pacer_extremes_neither_wrap_nor_divide_by_zero)
