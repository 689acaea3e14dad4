/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_priv.h"
#include "harness.h"

START_TEST(flow_lower_credit_is_old_news)
{
	struct quantum_flow_tx tx = { .limit = 100, .charged = 40 };

	ck_assert(!quantum_flow_tx_raise(&tx, 99));
	ck_assert(!quantum_flow_tx_raise(&tx, 100));
	ck_assert(quantum_flow_tx_raise(&tx, 101));
	ck_assert_uint_eq(quantum_flow_tx_room(&tx), 61);
}
END_TEST

START_TEST(flow_grant_waits_for_half_a_window)
{
	struct quantum_flow_rx rx;

	quantum_flow_rx_init(&rx, 1000);
	ck_assert(quantum_flow_rx_allows(&rx, 1000));
	ck_assert(!quantum_flow_rx_allows(&rx, 1001));
	rx.charged = 1000;
	rx.consumed = 499;
	ck_assert(!quantum_flow_rx_grant(&rx, 1000, 0));
	rx.consumed = 500;
	ck_assert(quantum_flow_rx_grant(&rx, 1000, 0));
	ck_assert_uint_eq(rx.granted, 1500);
	ck_assert(!quantum_flow_rx_allows(&rx, 501));
}
END_TEST

START_TEST(flow_partial_messages_raise_the_grant_up_to_the_budget)
{
	struct quantum_flow_rx rx;

	quantum_flow_rx_init(&rx, 1000);
	rx.charged = rx.partial = 1000;
	ck_assert(quantum_flow_rx_grant(&rx, 1000, 5000));
	ck_assert_uint_eq(rx.granted, 2000);
	rx.partial = 9000;
	ck_assert(quantum_flow_rx_grant(&rx, 1000, 5000));
	ck_assert_uint_eq(rx.granted, 6000);
	/* Complete now: what was granted stays granted, nothing more comes before it is used. */
	rx.partial = 0;
	ck_assert(!quantum_flow_rx_grant(&rx, 1000, 5000));
	ck_assert_uint_eq(rx.granted, 6000);
}
END_TEST

START_TEST(flow_window_of_one_byte_still_moves)
{
	struct quantum_flow_rx rx;

	quantum_flow_rx_init(&rx, 1);
	rx.charged = rx.consumed = 1;
	ck_assert(quantum_flow_rx_grant(&rx, 1, 0));
	ck_assert_uint_eq(rx.granted, 2);
}
END_TEST

TEST_SUITE(flow, &flow_lower_credit_is_old_news, &flow_grant_waits_for_half_a_window,
           &flow_partial_messages_raise_the_grant_up_to_the_budget,
           &flow_window_of_one_byte_still_moves)
