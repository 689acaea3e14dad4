/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/rng.h>
#include <pipeline/timer_wheel.h>

#include "harness.h"

#define NB 500u

static struct timer_wheel wheel;
static struct timer_node nodes[NB];

static void
setup(uint64_t now_ns)
{
	timer_wheel_init(&wheel, now_ns);
	for (unsigned i = 0; i < NB; i++)
		timer_node_init(&nodes[i]);
}

START_TEST(timer_wheel_fires_each_node_at_its_exact_time_when_time_jumps_to_the_next)
{
	static const uint64_t delays[] = {
		1,          8191,       8192,        100000,        5000000,
		1000000000, 7777777777, 60ull << 30, 3600ull << 30, 86400ull << 30
	};
	uint64_t now = 123456789;

	setup(now);
	for (unsigned i = 0; i < AEF_DIM(delays); i++)
		timer_wheel_arm(&wheel, &nodes[i], now + delays[AEF_DIM(delays) - 1 - i]);

	for (unsigned i = 0; i < AEF_DIM(delays); i++) {
		const uint64_t next = timer_wheel_next_ns(&wheel);

		ck_assert_uint_eq(next, 123456789 + delays[i]);
		ck_assert_ptr_null(timer_wheel_pop(&wheel, next - 1));
		ck_assert_ptr_eq(timer_wheel_pop(&wheel, next), &nodes[AEF_DIM(delays) - 1 - i]);
		ck_assert_ptr_null(timer_wheel_pop(&wheel, next));
	}
	ck_assert_uint_eq(timer_wheel_next_ns(&wheel), AEF_TIME_NEVER);
}
END_TEST

START_TEST(timer_wheel_time_in_the_past_is_due_at_once)
{
	setup(1000000000);

	timer_wheel_arm(&wheel, &nodes[0], 5);

	ck_assert_uint_eq(timer_wheel_next_ns(&wheel), 5);
	ck_assert_ptr_eq(timer_wheel_pop(&wheel, 1000000000), &nodes[0]);
	ck_assert_uint_eq(nodes[0].expires_ns, AEF_TIME_NEVER);
}
END_TEST

START_TEST(timer_wheel_cancelled_and_moved_nodes_fire_not_or_once)
{
	setup(0);
	timer_wheel_arm(&wheel, &nodes[0], 1000000);
	timer_wheel_arm(&wheel, &nodes[1], 2000000);
	timer_wheel_arm(&wheel, &nodes[2], 3000000);

	timer_wheel_cancel(&wheel, &nodes[0]);
	timer_wheel_cancel(&wheel, &nodes[0]);
	timer_wheel_arm(&wheel, &nodes[1], 9000000);
	timer_wheel_arm(&wheel, &nodes[2], AEF_TIME_NEVER);

	ck_assert_uint_eq(wheel.nb_armed, 1);
	ck_assert_ptr_null(timer_wheel_pop(&wheel, 8999999));
	ck_assert_ptr_eq(timer_wheel_pop(&wheel, 100000000), &nodes[1]);
	ck_assert_ptr_null(timer_wheel_pop(&wheel, 100000000));
}
END_TEST

START_TEST(timer_wheel_beyond_its_last_level_waits_for_the_turn_and_fires_in_time)
{
	const uint64_t span = 1ull
	                      << (TIMER_WHEEL_TICK_SHIFT + TIMER_WHEEL_LEVELS * TIMER_WHEEL_BITS);
	const uint64_t now = span - 5000000;

	setup(now);
	timer_wheel_arm(&wheel, &nodes[0], now + 10000000);   /* across the turn */
	timer_wheel_arm(&wheel, &nodes[1], span * 2 + 12345); /* a turn further */
	timer_wheel_arm(&wheel, &nodes[2], now + 1000);

	ck_assert_ptr_eq(timer_wheel_pop(&wheel, now + 2000), &nodes[2]);
	ck_assert_ptr_null(timer_wheel_pop(&wheel, now + 9999999));
	ck_assert_ptr_eq(timer_wheel_pop(&wheel, now + 10000000), &nodes[0]);
	ck_assert_ptr_null(timer_wheel_pop(&wheel, span * 2 + 12344));
	ck_assert_ptr_eq(timer_wheel_pop(&wheel, span * 2 + 12345), &nodes[1]);
}
END_TEST

START_TEST(timer_wheel_agrees_with_a_list_on_random_work)
{
	struct aef_rng rng;
	uint64_t now = 987654321;

	aef_rng_init(&rng, 3);
	setup(now);
	for (unsigned step = 0; step < 50000; step++) {
		struct timer_node *node = &nodes[aef_rng_below(&rng, NB)];
		uint64_t earliest = AEF_TIME_NEVER;

		if (aef_rng_below(&rng, 8) == 0)
			timer_wheel_cancel(&wheel, node);
		else
			timer_wheel_arm(
				&wheel, node,
				now + (aef_rng_u64(&rng) >> (20 + aef_rng_below(&rng, 44))));
		if (step % 4 != 0)
			continue;
		now += aef_rng_u64(&rng) >> (30 + aef_rng_below(&rng, 34));
		while ((node = timer_wheel_pop(&wheel, now)) != NULL)
			ck_assert_uint_eq(node->expires_ns, AEF_TIME_NEVER);
		for (unsigned i = 0; i < NB; i++)
			earliest = aef_min_u64(earliest, nodes[i].expires_ns);
		ck_assert_uint_gt(earliest, now);
		ck_assert_uint_eq(timer_wheel_next_ns(&wheel), earliest);
	}
}
END_TEST

TEST_SUITE(timer_wheel, &timer_wheel_fires_each_node_at_its_exact_time_when_time_jumps_to_the_next,
           &timer_wheel_time_in_the_past_is_due_at_once,
           &timer_wheel_cancelled_and_moved_nodes_fire_not_or_once,
           &timer_wheel_beyond_its_last_level_waits_for_the_turn_and_fires_in_time,
           &timer_wheel_agrees_with_a_list_on_random_work)
