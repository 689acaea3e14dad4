/* SPDX-License-Identifier: BSD-3-Clause */
/* rate_test.c - delivery-rate samples; the sampling-order mistakes of other stacks by name. */
#include "harness.h"
#include "rate_priv.h"

#define MS   1000000ull
#define SIZE 1000u

static struct quantum_rate rate;
static struct quantum_rate_pkt pkts[64];
static struct quantum_rate_sample sample;

static void
start(void)
{
	memset(pkts, 0, sizeof(pkts));
	quantum_rate_init(&rate, 5 * MS);
}

/* Send packets [from, to) spaced by @p gap_ns from @p at_ns on; in flight counts from 0 at @p base.
 */
static void
send_range(unsigned from, unsigned to, unsigned base, uint64_t at_ns, uint64_t gap_ns)
{
	for (unsigned i = from; i < to; i++)
		quantum_rate_on_send(&rate, &pkts[i], SIZE, (uint64_t)(i - base) * SIZE,
		                     at_ns + (i - from) * gap_ns);
}

static void
ack_range(unsigned from, unsigned to, uint64_t now_ns, uint64_t min_rtt_ns)
{
	quantum_rate_sample_begin(&sample);
	for (unsigned i = from; i < to; i++)
		quantum_rate_on_ack(&rate, &sample, &pkts[i], i, now_ns);
	quantum_rate_sample_finish(&rate, &sample, min_rtt_ns);
}

START_TEST(rate_steady_flow_measures_the_ack_rate)
{
	start();
	send_range(0, 10, 0, 10 * MS, 2 * MS);

	/* 20 ms of RTT, a packet every 2 ms, ten in flight. */
	for (unsigned i = 0; i <= 20; i++) {
		ack_range(i, i + 1, 30 * MS + i * 2 * MS, 20 * MS);
		quantum_rate_on_send(&rate, &pkts[i + 10], SIZE, 9 * SIZE, 30 * MS + i * 2 * MS);
	}

	/* Packet 20 left at 50 ms with 11 delivered; 10 more by 70 ms. */
	ck_assert_uint_eq(sample.delivered_bytes, 10 * SIZE);
	ck_assert_uint_eq(sample.interval_ns, 20 * MS);
	ck_assert_uint_eq(sample.delivery_rate_bytes_per_s, 500000);
	ck_assert_uint_eq(sample.rtt_ns, 20 * MS);
	ck_assert_uint_eq(sample.newly_acked_bytes, SIZE);
}
END_TEST

START_TEST(rate_compressed_acks_are_capped_by_the_send_rate)
{
	start();
	send_range(0, 10, 0, 10 * MS, 10 * MS);
	ack_range(0, 1, 105 * MS, 95 * MS);

	ack_range(1, 10, 105 * MS + 1, 0);

	ck_assert_uint_eq(sample.send_elapsed_ns, 90 * MS);
	ck_assert_uint_ge(sample.interval_ns, 90 * MS);
	ck_assert_uint_le(sample.delivery_rate_bytes_per_s, 10ull * SIZE * 1000 / 90);
}
END_TEST

START_TEST(rate_interval_below_min_rtt_gives_no_rate)
{
	start();
	send_range(0, 2, 0, 10 * MS, 0);
	ack_range(0, 1, 30 * MS, 20 * MS);
	pkts[1].delivered_ns = 29 * MS; /* a span that no flight can have */
	pkts[1].sent_ns = 10 * MS;

	ack_range(1, 2, 31 * MS, 20 * MS);

	ck_assert(sample.has_data);
	ck_assert_uint_eq(sample.delivery_rate_bytes_per_s, 0);
	ck_assert_uint_eq(sample.delivered_bytes, 2 * SIZE);
}
END_TEST

START_TEST(rate_shorter_rtt_than_known_still_gives_a_rate)
{
	start();
	send_range(0, 1, 0, 10 * MS, 0);

	ack_range(0, 1, 20 * MS, 50 * MS); /* the path just became shorter */

	ck_assert_uint_eq(sample.delivery_rate_bytes_per_s, 100000);
}
END_TEST

START_TEST(rate_newest_packet_wins_whatever_the_order)
{
	start();
	send_range(0, 4, 0, 10 * MS, 5 * MS);
	quantum_rate_sample_begin(&sample);

	quantum_rate_on_ack(&rate, &sample, &pkts[3], 3, 50 * MS);
	quantum_rate_on_ack(&rate, &sample, &pkts[1], 1, 50 * MS);
	quantum_rate_on_ack(&rate, &sample, &pkts[2], 2, 50 * MS);
	quantum_rate_sample_finish(&rate, &sample, QUANTUM_RATE_NONE);

	ck_assert_uint_eq(sample.rtt_ns, 25 * MS);
	ck_assert_uint_eq(sample.tx_in_flight_bytes, 4 * SIZE);
	ck_assert_uint_eq(sample.newly_acked_bytes, 3 * SIZE);
	ck_assert_uint_eq(rate.first_sent_ns, 25 * MS);
}
END_TEST

START_TEST(rate_packet_acked_twice_counts_once)
{
	start();
	send_range(0, 1, 0, 10 * MS, 0);
	ack_range(0, 1, 30 * MS, 0);

	ack_range(0, 1, 31 * MS, 0);

	ck_assert(!sample.has_data);
	ck_assert_uint_eq(rate.delivered_bytes, SIZE);
	ck_assert_uint_eq(sample.rtt_ns, QUANTUM_RATE_NONE);
}
END_TEST

/* Mistake 2 (ngtcp2 1857, quiche 1598): in flight read after the packet was added. */
START_TEST(rate_bug2_send_after_idle_restarts_the_interval)
{
	start();
	send_range(0, 1, 0, 10 * MS, 0);
	ack_range(0, 1, 30 * MS, 20 * MS);

	quantum_rate_on_send(&rate, &pkts[1], SIZE, 0, 5000 * MS);
	ack_range(1, 2, 5020 * MS, 20 * MS);

	ck_assert_uint_eq(pkts[1].tx_in_flight_bytes, SIZE);
	ck_assert_uint_eq(sample.interval_ns, 20 * MS);
	ck_assert_uint_eq(sample.delivery_rate_bytes_per_s, 50000);
}
END_TEST

/* Mistake 4 (s2n-quic 1452): volume at send and losses between send and ACK. */
START_TEST(rate_bug4_sample_has_volume_at_send_and_losses_since)
{
	start();
	send_range(0, 10, 0, 10 * MS, MS);
	quantum_rate_on_loss(&rate, NULL, &pkts[0]); /* a timer, before the last send */
	quantum_rate_on_send(&rate, &pkts[10], SIZE, 9 * SIZE, 25 * MS);

	quantum_rate_sample_begin(&sample);
	quantum_rate_on_ack(&rate, &sample, &pkts[10], 10, 45 * MS);
	for (unsigned i = 1; i < 4; i++)
		quantum_rate_on_loss(&rate, &sample, &pkts[i]);
	quantum_rate_sample_finish(&rate, &sample, 20 * MS);

	ck_assert_uint_eq(sample.tx_in_flight_bytes, 10 * SIZE); /* the lost one is not in it */
	ck_assert_uint_eq(sample.newly_lost_bytes, 3 * SIZE);
	ck_assert_uint_eq(sample.lost_bytes, 3 * SIZE); /* not the loss before it was sent */
	ck_assert_uint_eq(rate.lost_bytes, 4 * SIZE);
}
END_TEST

/* Mistake 6 (hysteria 1105): marked while data or window was not free. */
START_TEST(rate_bug6_app_limited_needs_no_data_and_free_window)
{
	start();

	quantum_rate_check_app_limited(&rate, 1, 0, 10 * SIZE);
	ck_assert(!quantum_rate_is_app_limited(&rate));
	quantum_rate_check_app_limited(&rate, 0, 10 * SIZE, 10 * SIZE);
	ck_assert(!quantum_rate_is_app_limited(&rate));
	quantum_rate_check_app_limited(&rate, 0, 9 * SIZE, 10 * SIZE);
	ck_assert(quantum_rate_is_app_limited(&rate));
}
END_TEST

START_TEST(rate_app_limited_bubble_leaves_after_one_round)
{
	start();
	send_range(0, 4, 0, 10 * MS, MS);
	quantum_rate_check_app_limited(&rate, 0, 4 * SIZE, 100 * SIZE);
	send_range(4, 8, 0, 20 * MS, MS);

	ack_range(0, 4, 30 * MS, 0);
	ck_assert(!sample.is_app_limited);
	ck_assert(quantum_rate_is_app_limited(&rate)); /* exactly the bubble, not past it */
	ack_range(4, 5, 40 * MS, 0);

	ck_assert(sample.is_app_limited);
	ck_assert(!quantum_rate_is_app_limited(&rate));
	send_range(8, 9, 5, 41 * MS, 0);
	ck_assert_uint_eq(pkts[8].is_app_limited, 0);
}
END_TEST

START_TEST(rate_mark_on_a_new_connection_is_not_zero)
{
	start();

	quantum_rate_mark_app_limited(&rate, 0);

	ck_assert(quantum_rate_is_app_limited(&rate));
}
END_TEST

START_TEST(rate_huge_flight_saturates_instead_of_wrapping)
{
	start();

	quantum_rate_on_send(&rate, &pkts[0], SIZE, (1ull << 40), 10 * MS);

	ck_assert_uint_eq(pkts[0].tx_in_flight_bytes, UINT32_MAX);
	ack_range(0, 1, 10 * MS, QUANTUM_RATE_NONE); /* no time passed: no rate, no division by 0 */
	ck_assert_uint_eq(sample.delivery_rate_bytes_per_s, sample.interval_ns == 0 ? 0 : 200000);
}
END_TEST

START_TEST(rate_packets_of_the_old_path_count_for_nothing)
{
	start();
	send_range(0, 8, 0, 10 * MS, MS);
	quantum_rate_on_path_change(&rate, 20 * MS);
	send_range(8, 9, 0, 25 * MS, 0);

	quantum_rate_sample_begin(&sample);
	for (unsigned i = 0; i < 7; i++)
		quantum_rate_on_ack(&rate, &sample, &pkts[i], i, 30 * MS);
	quantum_rate_on_loss(&rate, &sample, &pkts[7]);
	quantum_rate_sample_finish(&rate, &sample, 0);
	ck_assert(!sample.has_data);
	ck_assert_uint_eq(rate.delivered_bytes + rate.lost_bytes, 0);

	ack_range(8, 9, 75 * MS, 0);
	ck_assert_uint_eq(sample.interval_ns, 55 * MS); /* from the change on: never too high */
	ck_assert_uint_eq(sample.delivered_bytes, SIZE);
}
END_TEST

TEST_SUITE(rate, &rate_packets_of_the_old_path_count_for_nothing,
           &rate_steady_flow_measures_the_ack_rate,
           &rate_compressed_acks_are_capped_by_the_send_rate,
           &rate_interval_below_min_rtt_gives_no_rate,
           &rate_shorter_rtt_than_known_still_gives_a_rate,
           &rate_newest_packet_wins_whatever_the_order, &rate_packet_acked_twice_counts_once,
           &rate_bug2_send_after_idle_restarts_the_interval,
           &rate_bug4_sample_has_volume_at_send_and_losses_since,
           &rate_bug6_app_limited_needs_no_data_and_free_window,
           &rate_app_limited_bubble_leaves_after_one_round,
           &rate_mark_on_a_new_connection_is_not_zero,
           &rate_huge_flight_saturates_instead_of_wrapping)
