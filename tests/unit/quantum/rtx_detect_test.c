/* SPDX-License-Identifier: BSD-3-Clause */
#include <crypto/pn.h>

#include "rtx_fixture.h"

START_TEST(rtx_detect_cumulative_ack_delivers_everything_and_gives_one_rtt_sample)
{
	setup();
	send_many(10, MS);
	now += 30 * MS;
	ck_assert_int_eq(ack(10, 0, 0), 0);

	ck_assert_uint_eq(res.nb_acked, 10);
	ck_assert_uint_eq(res.acked_bytes, 10 * BYTES);
	ck_assert_uint_eq(res.inflight_before_bytes, 10 * BYTES);
	ck_assert_uint_eq(res.rtt_ns, 31 * MS); /* of the newest, not of the oldest */
	ck_assert_uint_eq(rtx.bytes_in_flight, 0);
	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), AEF_TIME_NEVER);
}
END_TEST

START_TEST(rtx_detect_repeated_and_older_acks_change_nothing)
{
	setup();
	send_many(10, 0);
	now += RTT;
	ck_assert_int_eq(ack(5, 6, 8), 0);
	ck_assert_uint_eq(res.nb_acked, 7);
	const uint64_t in_flight = rtx.bytes_in_flight;

	ck_assert_int_eq(ack(5, 6, 8), 0);
	ck_assert_uint_eq(res.nb_acked, 0);
	ck_assert_uint_eq(res.rtt_ns, 0);
	ck_assert(!res.moved);
	ck_assert_int_eq(ack(2, 3, 4), 0); /* overtaken on its way */
	ck_assert_uint_eq(res.nb_acked, 0);
	ck_assert_uint_eq(rtx.bytes_in_flight, in_flight);
	ck_assert_uint_eq(rtx.peer_ack, 5);
}
END_TEST

START_TEST(rtx_detect_old_gap_filled_late_gives_no_rtt_sample)
{
	setup();
	send_many(3, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 3), 0);
	ck_assert_uint_eq(res.rtt_ns, RTT);
	now += 5 * MS;
	ck_assert_int_eq(ack(3, 0, 0), 0);

	ck_assert_uint_eq(res.nb_acked, 1);
	ck_assert_uint_eq(res.rtt_ns, 0);
	ck_assert(rtx.reordering_seen);
}
END_TEST

START_TEST(rtx_detect_ack_of_a_number_never_sent_is_a_violation)
{
	setup();
	send_many(5, 0);

	ck_assert_int_eq(ack(6, 0, 0), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(0, 4, 6), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(UINT64_MAX, 0, 0), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(0, 3, UINT64_MAX), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack_recovered(0, 0, 0, 5), AEF_ERR_PROTOCOL);
	ck_assert_uint_eq(rtx.nb_bad_acks, 5);
	ck_assert_uint_eq(rtx.nb_sent, 5); /* nothing changed */
	ck_assert_int_eq(ack(5, 0, 0), 0);
}
END_TEST

START_TEST(rtx_detect_malformed_blocks_are_violations_and_too_many_a_limit)
{
	struct quantum_ack_block blocks[QUANTUM_ACK_IN_MAX + 1];
	struct quantum_ack_in in = { .ack = 0, .blocks = blocks };
	const struct quantum_ack_block bad[] = {
		{ 3, 3 }, /* empty */
		{ 4, 2 }, /* backwards */
		{ 0, 3 }, /* begins at ack, which says that it is missing */
	};

	setup();
	send_many(600, 0);
	in.nb_blocks = 1;
	for (unsigned i = 0; i < AEF_DIM(bad); i++) {
		blocks[0] = bad[i];
		ck_assert_int_eq(take_ack(&in), AEF_ERR_PROTOCOL);
	}
	for (unsigned i = 0; i < AEF_DIM(blocks); i++)
		blocks[i] = (struct quantum_ack_block){ 2 * i + 1, 2 * i + 2 };
	in.nb_blocks = AEF_DIM(blocks);
	ck_assert_int_eq(take_ack(&in), AEF_ERR_LIMIT);
	in.nb_blocks--;
	ck_assert_int_eq(take_ack(&in), 0); /* more than 8, as ACK_INFO gives them */
	ck_assert_uint_eq(res.nb_acked, QUANTUM_ACK_IN_MAX);
}
END_TEST

START_TEST(rtx_detect_overlapping_blocks_in_any_order_count_each_number_once)
{
	const struct quantum_ack_block blocks[] = { { 8, 12 }, { 3, 6 }, { 4, 9 }, { 8, 12 } };
	const struct quantum_ack_in in = { .ack = 1, .blocks = blocks, .nb_blocks = 4 };

	setup();
	send_many(20, 0);
	now += RTT;
	ck_assert_int_eq(take_ack(&in), 0);

	ck_assert_uint_eq(res.nb_acked, 10); /* 0 and 3 to 11 */
	ck_assert_uint_eq(res.acked_bytes, 10 * BYTES);
}
END_TEST

START_TEST(rtx_detect_reordering_within_the_window_is_no_loss)
{
	setup();
	rtx.reordering_seen = true; /* past the first discovery */
	send_many(10, 100 * AEF_NS_PER_US);
	now += RTT - MS;
	for (uint64_t end = 2; end <= 10; end++) { /* number 0 is late */
		ck_assert_int_eq(ack(0, 1, end), 0);
		ck_assert_uint_eq(res.nb_lost, 0); /* canary 1 */
		now += 100 * AEF_NS_PER_US;
	}
	ck_assert_uint_gt(quantum_rtx_deadline_ns(&rtx), now);
	ck_assert_int_eq(ack(10, 0, 0), 0);

	ck_assert_uint_eq(res.nb_acked, 1);
	ck_assert_uint_eq(rtx.nb_lost_total, 0);
}
END_TEST

START_TEST(rtx_detect_one_packet_reordered_before_any_was_seen_waits_for_the_third)
{
	setup();
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 3), 0); /* two above: canary 1 loses it here */
	ck_assert_uint_eq(res.nb_lost, 0);
	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), now + RTT / 4);
	ck_assert_int_eq(ack(0, 1, 4), 0); /* three: advice taken */

	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert_uint_eq(fate[0], LOST);
	ck_assert(res.recovery_started);
	ck_assert_uint_eq(res.lost_bytes, BYTES);
}
END_TEST

START_TEST(rtx_detect_packet_count_is_advice_over_ack_eliciting_packets_only)
{
	setup();
	send_flags(0);
	for (unsigned i = 0; i < 20; i++)
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
	send_many(2, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 23), 0);

	ck_assert_uint_eq(res.nb_acked, 2);
	ck_assert_uint_eq(res.nb_lost, 0);
}
END_TEST

START_TEST(rtx_detect_reordering_timer_declares_the_hole_lost)
{
	setup();
	send_many(3, 0);
	const uint64_t sent_at = now;

	now += RTT;
	ck_assert_int_eq(ack(0, 1, 3), 0);
	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), sent_at + RTT + RTT / 4);
	now = sent_at + RTT + RTT / 4 - 1;
	fire();
	ck_assert_uint_eq(res.nb_lost, 0);
	now++;
	fire();

	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert_uint_eq(res.nb_probes, 0);
	ck_assert_uint_eq(rtx.bytes_in_flight, 0);
	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), AEF_TIME_NEVER);
}
END_TEST

START_TEST(rtx_detect_spurious_loss_undoes_the_cut_and_widens_the_window)
{
	setup();
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 5), 0);
	ck_assert_uint_eq(res.nb_lost, 1);
	const uint64_t wnd = quantum_rtx_reo_wnd_ns(&rtx);

	now += 5 * MS;
	ck_assert_int_eq(ack(5, 0, 0), 0);
	ck_assert_uint_eq(res.nb_spurious, 1);
	ck_assert_uint_eq(res.spurious_bytes, BYTES);
	ck_assert(res.undo);
	ck_assert_uint_eq(fate[0], SPURIOUS);
	ck_assert_uint_eq(rtx.nb_lost, 0);
	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert_uint_eq(quantum_rtx_reo_wnd_ns(&rtx), 2 * wnd);

	send_many(5, 0); /* and the count is no reason any more */
	now += RTT;
	ck_assert_int_eq(ack(5, 6, 10), 0);
	ck_assert_uint_eq(res.nb_lost, 0);
}
END_TEST

START_TEST(rtx_detect_loss_after_an_undone_cut_is_a_new_recovery)
{
	setup();
	send_many(10, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 5), 0);
	now += MS;
	ck_assert_int_eq(ack(5, 0, 0), 0);
	ck_assert(res.undo);
	now += MS;
	ck_assert_int_eq(ack(5, 6, 10), 0);
	now = quantum_rtx_deadline_ns(&rtx);
	fire(); /* number 5 belongs to the same flight, but its cut was taken back */

	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert(res.recovery_started);
}
END_TEST

START_TEST(rtx_detect_too_many_recovered_numbers_are_refused)
{
	uint64_t pns[QUANTUM_RECOVERED_IN_MAX + 1] = { 0 };
	struct quantum_ack_in in = { .recovered = pns, .nb_recovered = AEF_DIM(pns) };

	setup();
	send_many(3, 0);
	ck_assert_int_eq(take_ack(&in), AEF_ERR_LIMIT);
	in.nb_recovered--;
	ck_assert_int_eq(take_ack(&in), 0);

	ck_assert_uint_eq(res.nb_recovered, 1); /* the same number 64 times */
}
END_TEST

START_TEST(rtx_detect_one_of_two_losses_spurious_does_not_undo)
{
	setup();
	send_many(8, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 2, 8), 0);
	ck_assert_uint_eq(res.nb_lost, 2);
	now += MS;
	ck_assert_int_eq(ack(0, 1, 8), 0);
	ck_assert_uint_eq(res.nb_spurious, 1);
	ck_assert(!res.undo);
	now += MS;
	ck_assert_int_eq(ack(8, 0, 0), 0);

	ck_assert(res.undo);
}
END_TEST

START_TEST(rtx_detect_window_widens_once_per_round_up_to_srtt_and_shrinks_after_16_recoveries)
{
	setup();
	for (unsigned i = 0; i < 12; i++) { /* a spurious loss in each round */
		const uint64_t first = rtx.next_pn;

		send_many(6, 0);
		now += RTT;
		ck_assert_int_eq(ack(first, first + 1, first + 6), 0);
		while (res.nb_lost == 0) {
			now = quantum_rtx_deadline_ns(&rtx);
			fire();
		}
		ck_assert_int_eq(ack(first + 6, 0, 0), 0);
		ck_assert_uint_eq(res.nb_spurious, 1);
	}
	ck_assert_uint_eq(quantum_rtx_reo_wnd_ns(&rtx), rtt.srtt_ns);
	for (unsigned i = 0; i < QUANTUM_REO_PERSIST; i++) {
		const uint64_t first = rtx.next_pn;

		ck_assert_uint_eq(quantum_rtx_reo_wnd_ns(&rtx), rtt.srtt_ns);
		send_many(2, 0);
		now += RTT;
		ck_assert_int_eq(ack(first, first + 1, first + 2), 0);
		while (res.nb_lost == 0) { /* a tail probe may fall due before */
			now = quantum_rtx_deadline_ns(&rtx);
			fire();
		}
		send_many(1, 0);
		now += RTT;
		ck_assert_int_eq(ack(first, first + 1, first + 3), 0);
		ck_assert(res.recovery_ended);
		now += 3 * RTT; /* the next packet carries a FLOOR past the loss */
	}
	ck_assert_uint_eq(quantum_rtx_reo_wnd_ns(&rtx), RTT / 4);
}
END_TEST

START_TEST(rtx_detect_losses_of_one_flight_are_one_recovery)
{
	setup();
	send_many(20, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 6), 0);
	ck_assert(res.recovery_started);
	send_many(5, 0);
	ck_assert_int_eq(ack(0, 8, 12), 0);
	ck_assert_uint_gt(res.nb_lost, 0);
	ck_assert(!res.recovery_started);
	now += RTT;
	ck_assert_int_eq(ack(0, 15, 24), 0); /* 12 to 14 of the first flight, 20 and on are newer */
	ck_assert(res.recovery_ended);
	ck_assert_uint_eq(res.nb_lost, 3);
	ck_assert(!res.recovery_started);
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 26, 29), 0);

	ck_assert(res.recovery_started);
}
END_TEST

START_TEST(rtx_detect_lost_pmtu_probe_is_no_congestion)
{
	setup();
	send_flags(QUANTUM_SENT_PMTU);
	send_many(4, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 5), 0);

	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert_uint_eq(res.lost_bytes, 0);
	ck_assert_uint_eq(res.pmtu_lost_bytes, BYTES);
	ck_assert(!res.recovery_started);
}
END_TEST

START_TEST(rtx_detect_recovered_number_counts_lost_once_in_its_own_time)
{
	setup();
	rtx.reordering_seen = true;
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack_recovered(1, 2, 5, 1), 0);
	ck_assert_uint_eq(res.nb_recovered, 1);
	ck_assert_uint_eq(fate[1], RECOVERED);
	ck_assert_uint_eq(res.nb_lost, 0);
	ck_assert_uint_eq(rtx.bytes_in_flight, BYTES); /* not delivered */
	ck_assert_uint_eq(res.nb_acked, 4);
	now += MS;
	ck_assert_int_eq(ack_recovered(1, 2, 5, 1), 0); /* listed in each ack */
	ck_assert_uint_eq(res.nb_recovered, 0);

	now = quantum_rtx_deadline_ns(&rtx);
	fire();
	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert(res.recovery_started);
	ck_assert_uint_eq(res.lost_bytes, BYTES);
	const struct quantum_sent *rec = aef_list_entry(res.lost.next, struct quantum_sent, out);

	ck_assert(rec->flags & QUANTUM_SENT_RECOVERED);
	now += MS;
	ck_assert_int_eq(ack(5, 0, 0), 0); /* the late original */
	ck_assert(res.undo);
	ck_assert_uint_eq(res.rtt_ns, 0);
}
END_TEST

START_TEST(rtx_detect_recovered_and_lost_by_the_same_ack_is_in_the_lost_list_once)
{
	setup();
	send_many(6, 0);
	now += RTT;
	ck_assert_int_eq(ack_recovered(1, 2, 6, 1), 0);

	ck_assert_uint_eq(res.nb_recovered, 1);
	ck_assert(aef_list_empty(&res.recovered));
	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert_uint_eq(fate[1], LOST);
}
END_TEST

START_TEST(rtx_detect_recovered_after_the_loss_is_still_told)
{
	setup();
	send_many(6, 0);
	now += RTT;
	ck_assert_int_eq(ack(1, 2, 6), 0);
	ck_assert_uint_eq(fate[1], LOST);
	ck_assert_int_eq(ack_recovered(1, 2, 6, 1), 0);

	ck_assert_uint_eq(res.nb_recovered, 1);
	ck_assert_uint_eq(rtx.nb_quiet, 0);
}
END_TEST

/* Two losses with `apart` between them, then a delivery; returns whether that was persistent. */
static bool
silence(uint64_t apart, bool between)
{
	uint64_t first, next;

	setup();
	send_flags(0);
	now += RTT;
	ck_assert_int_eq(ack(1, 0, 0), 0);
	now++;
	first = send_flags(0);
	now += apart / 2;
	if (between)
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
	now += apart - apart / 2;
	send_flags(0);
	next = rtx.next_pn;
	now += MS;
	send_many(3, 0);
	now += RTT;
	if (between) {
		const struct quantum_ack_block blocks[] = {
			{ first + 1, first + 2 },
			{ next, next + 3 },
		};
		const struct quantum_ack_in in = { .ack = 1, .blocks = blocks, .nb_blocks = 2 };

		ck_assert_int_eq(take_ack(&in), 0);
	} else {
		ck_assert_int_eq(ack(1, next, next + 3), 0);
	}
	if (rtx.nb_lost_total < 2) {
		now = quantum_rtx_deadline_ns(&rtx);
		fire();
	}
	ck_assert_uint_eq(rtx.nb_lost_total, 2);
	return res.persistent;
}

START_TEST(rtx_detect_long_silence_is_persistent_congestion_short_or_broken_is_not)
{
	setup();
	const uint64_t pto = quantum_rtt_pto_ns(&rtt);

	ck_assert(silence(4 * pto, false));
	ck_assert(!silence(pto, false));
	ck_assert(!silence(4 * pto, true)); /* an acknowledgement of ours got through in between */
}
END_TEST

START_TEST(rtx_detect_silence_before_the_first_sample_is_not_persistent)
{
	setup_at(0);
	send_many(2, 30 * AEF_NS_PER_S);
	send_many(4, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 2, 6), 0);

	ck_assert_uint_eq(res.nb_lost, 2);
	ck_assert(!res.persistent);
}
END_TEST

START_TEST(rtx_detect_across_the_32_bit_wrap_everything_goes_on)
{
	const uint64_t first = (1ull << 32) - 5;

	setup_at(first);
	send_many(10, 0);
	now += RTT;
	ck_assert_int_eq(ack(crypto_pn_expand(rtx.high_end, (uint32_t)(first + 2)),
	                     crypto_pn_expand(rtx.high_end, (uint32_t)(first + 3)),
	                     crypto_pn_expand(rtx.high_end, (uint32_t)(first + 10))),
	                 0);

	ck_assert_uint_eq(res.nb_acked, 9);
	ck_assert_uint_eq(fate[2], LOST);
	ck_assert_int_eq(ack(first + 11, 0, 0), AEF_ERR_PROTOCOL);
}
END_TEST

START_TEST(rtx_detect_random_claims_never_break_an_invariant)
{
	setup();
	for (unsigned step = 0; step < 20000; step++) {
		struct quantum_ack_block blocks[QUANTUM_ACK_IN_MAX];
		uint64_t pns[4];
		struct quantum_ack_in in = { .blocks = blocks, .recovered = pns };
		const uint64_t lo = aef_sub_sat_u64(rtx.next_pn, 200);

		now += aef_rng_below(&rng, MS);
		if (pool.in_use < 300 && rtx.next_pn < AEF_DIM(fate) - 8)
			send_many(1 + (unsigned)aef_rng_below(&rng, 3), 0);
		in.ack = lo + aef_rng_below(&rng, aef_rng_below(&rng, 8) ? 20 : 220);
		in.nb_blocks = (uint32_t)aef_rng_below(&rng, 5);
		in.nb_recovered = (uint32_t)aef_rng_below(&rng, 4);
		for (uint32_t i = 0; i < in.nb_blocks; i++) {
			blocks[i].first = in.ack + 1 + aef_rng_below(&rng, 100);
			blocks[i].end = blocks[i].first + aef_rng_below(&rng, 20);
		}
		for (uint32_t i = 0; i < in.nb_recovered; i++)
			pns[i] = lo + aef_rng_below(&rng, 205);
		const int rc = take_ack(&in);

		ck_assert(rc == 0 || rc == AEF_ERR_PROTOCOL);
		if (now >= quantum_rtx_deadline_ns(&rtx))
			fire();
		ck_assert_uint_eq(rtx.nb_sent + rtx.nb_lost, pool.in_use);
		ck_assert_uint_eq(rtx.bytes_in_flight, (uint64_t)rtx.nb_sent * BYTES);
		ck_assert_uint_le(rtx.nb_quiet, rtx.nb_sent);
		ck_assert_uint_le(rtx.floor_sent, rtx.next_pn);
	}
	ck_assert_uint_gt(rtx.nb_spurious_total, 0);
}
END_TEST

/* What was sent on the path that was left says nothing about the new one's round trip. */
START_TEST(rtx_detect_packets_of_the_path_left_give_no_rtt_sample)
{
	setup();
	send_many(5, 0);
	rtx.path_pn = 5;
	quantum_rtt_init(&rtt, QUANTUM_MAX_ACK_DELAY_NS);
	now += 3 * AEF_NS_PER_S;
	ck_assert_int_eq(ack(5, 0, 0), 0);
	ck_assert_uint_eq(res.nb_acked, 5);
	ck_assert_uint_eq(res.rtt_ns, 0);
	ck_assert(!quantum_rtt_has_sample(&rtt));
	send_many(1, 0);
	now += RTT;
	ck_assert_int_eq(ack(6, 0, 0), 0);
	ck_assert_uint_eq(res.rtt_ns, RTT);
	ck_assert_uint_eq(rtt.srtt_ns, RTT);
}
END_TEST

TEST_SUITE(rtx_detect, &rtx_detect_cumulative_ack_delivers_everything_and_gives_one_rtt_sample,
           &rtx_detect_repeated_and_older_acks_change_nothing,
           &rtx_detect_old_gap_filled_late_gives_no_rtt_sample,
           &rtx_detect_ack_of_a_number_never_sent_is_a_violation,
           &rtx_detect_malformed_blocks_are_violations_and_too_many_a_limit,
           &rtx_detect_overlapping_blocks_in_any_order_count_each_number_once,
           &rtx_detect_reordering_within_the_window_is_no_loss,
           &rtx_detect_one_packet_reordered_before_any_was_seen_waits_for_the_third,
           &rtx_detect_packet_count_is_advice_over_ack_eliciting_packets_only,
           &rtx_detect_reordering_timer_declares_the_hole_lost,
           &rtx_detect_spurious_loss_undoes_the_cut_and_widens_the_window,
           &rtx_detect_loss_after_an_undone_cut_is_a_new_recovery,
           &rtx_detect_too_many_recovered_numbers_are_refused,
           &rtx_detect_one_of_two_losses_spurious_does_not_undo,
           &rtx_detect_window_widens_once_per_round_up_to_srtt_and_shrinks_after_16_recoveries,
           &rtx_detect_losses_of_one_flight_are_one_recovery,
           &rtx_detect_lost_pmtu_probe_is_no_congestion,
           &rtx_detect_recovered_number_counts_lost_once_in_its_own_time,
           &rtx_detect_recovered_and_lost_by_the_same_ack_is_in_the_lost_list_once,
           &rtx_detect_recovered_after_the_loss_is_still_told,
           &rtx_detect_long_silence_is_persistent_congestion_short_or_broken_is_not,
           &rtx_detect_silence_before_the_first_sample_is_not_persistent,
           &rtx_detect_across_the_32_bit_wrap_everything_goes_on,
           &rtx_detect_random_claims_never_break_an_invariant,
           &rtx_detect_packets_of_the_path_left_give_no_rtt_sample)
