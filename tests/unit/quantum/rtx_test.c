/* SPDX-License-Identifier: BSD-3-Clause */
#include "rtx_fixture.h"

START_TEST(rtx_skipped_number_acknowledged_is_a_violation_until_the_floor_passes)
{
	setup();
	send_many(3, 0);
	rtx.skip_in = 1;
	send_many(3, 0); /* 3, then 5 and 6: 4 is skipped */
	ck_assert_uint_eq(rtx.nb_skips, 1);
	ck_assert_uint_eq(rtx.skips[0].first, 4);
	rtx.skip_in = UINT32_MAX;

	ck_assert_int_eq(ack(5, 0, 0), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(0, 2, 6), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack_recovered(0, 0, 0, 4), AEF_ERR_PROTOCOL);
	now += RTT;
	ck_assert_int_eq(ack(4, 5, 7), 0); /* the honest peer stops there */
	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now), 7);
	ck_assert(quantum_rtx_floor_due(&rtx, 7));
	send_many(1, 0); /* carries FLOOR 7 */
	ck_assert_uint_eq(rtx.nb_skips, 0);
	ck_assert_int_eq(ack(5, 0, 0), 0); /* below the floor it means nothing */
	ck_assert_int_eq(ack(8, 0, 0), 0);
	ck_assert_uint_eq(res.nb_acked, 1);
}
END_TEST

START_TEST(rtx_skips_are_spread_around_their_mean_and_bounded)
{
	uint64_t sent = 0;

	setup_at(0);
	rtx.skip_in = 5;
	while (rtx.nb_skips < QUANTUM_SKIPS_MAX) {
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
		sent++;
	}
	ck_assert_uint_gt(sent, (QUANTUM_SKIPS_MAX - 1) * 256 / 3);
	ck_assert_uint_lt(sent, QUANTUM_SKIPS_MAX * 511);
	ck_assert_uint_eq(rtx.next_pn, sent + QUANTUM_SKIPS_MAX);
	for (unsigned i = 0; i < 5000; i++)
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
	ck_assert_uint_eq(rtx.next_pn, sent + 5000 + QUANTUM_SKIPS_MAX);
}
END_TEST

START_TEST(rtx_forced_skip_to_a_new_epoch_is_one_skip)
{
	setup();
	send_many(2, 0);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, 1), AEF_ERR_RANGE);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, 1 << 22), 0);
	ck_assert_uint_eq(send_flags(0), 1 << 22);

	ck_assert_int_eq(ack(0, 1000, 1001), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(2, 1 << 22, (1 << 22) + 1), 0);
	ck_assert_uint_eq(res.nb_acked, 3);
}
END_TEST

START_TEST(rtx_numbers_end_cleanly_and_never_run_far_ahead)
{
	setup_at(QUANTUM_PN_LAST - 1);
	ck_assert_int_eq(quantum_rtx_pn_check(&rtx), 0);
	send_many(1, 0);
	ck_assert_int_eq(quantum_rtx_pn_check(&rtx), AEF_ERR_CLOSED);

	setup();
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, QUANTUM_PN_AHEAD_MAX - 1), 0);
	ck_assert_int_eq(quantum_rtx_pn_check(&rtx), 0);
	send_many(1, 0);
	ck_assert_int_eq(quantum_rtx_pn_check(&rtx), AEF_ERR_LIMIT);
}
END_TEST

START_TEST(rtx_silent_tail_is_probed_after_pto)
{
	setup();
	send_flags(QUANTUM_SENT_LAST_FRAG);
	const uint64_t deadline = now + quantum_rtt_pto_ns(&rtt);

	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), deadline); /* canary 5 */
	now = deadline - 1;
	fire();
	ck_assert_uint_eq(res.nb_probes, 0);
	now++;
	fire();
	ck_assert_uint_eq(res.nb_probes, 1);
	ck_assert(!res.is_rto);
	ck_assert_uint_eq(res.nb_lost, 0); /* a time-out marks nothing lost */
	ck_assert_uint_eq(quantum_rtx_oldest(&rtx)->pn, 0);

	send_flags(QUANTUM_SENT_PROBE);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 2), 0); /* the probe arrived, the tail did not */
	ck_assert_uint_eq(fate[0], LOST);
}
END_TEST

START_TEST(rtx_last_packet_with_psh_is_probed_without_the_ack_delay)
{
	setup();
	send_flags(QUANTUM_SENT_PSH);

	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx),
	                  now + quantum_rtt_pto_ns(&rtt) - QUANTUM_MAX_ACK_DELAY_NS);
}
END_TEST

START_TEST(rtx_timeouts_double_and_become_rto_and_progress_resets_them)
{
	uint64_t last, gap = 0, pto;

	setup();
	pto = quantum_rtt_pto_ns(&rtt);
	send_many(2, 0);
	last = now;
	for (unsigned i = 0; i < 14; i++) {
		const uint64_t before = gap;

		now = quantum_rtx_deadline_ns(&rtx);
		gap = now - last;
		last = now;
		fire();
		ck_assert_uint_eq(res.nb_probes, i < 2 ? 1 : 2);
		ck_assert(res.is_rto == (i >= 2));
		ck_assert_uint_ge(gap, i < 2 ? pto : QUANTUM_RTO_MIN_NS);
		if (i == 1 || (i > 2 && gap < QUANTUM_BACKOFF_MAX_NS))
			ck_assert_uint_eq(gap, 2 * before);
		send_flags(QUANTUM_SENT_PROBE);
	}
	ck_assert_uint_eq(gap, QUANTUM_BACKOFF_MAX_NS);
	ck_assert_uint_eq(rtx.nb_lost_total, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 15, 16), 0);

	ck_assert_uint_eq(rtx.nb_timeouts, 0);
	ck_assert_uint_eq(rtx.nb_sent, 0); /* all older ones are lost now */
	ck_assert_uint_eq(res.nb_lost, 15);
}
END_TEST

START_TEST(rtx_timeout_without_a_probe_sent_does_not_spin)
{
	setup();
	send_flags(0);
	now = quantum_rtx_deadline_ns(&rtx);
	fire();

	ck_assert_uint_eq(res.nb_probes, 1);
	ck_assert_uint_gt(quantum_rtx_deadline_ns(&rtx), now);
}
END_TEST

START_TEST(rtx_only_repair_outstanding_is_lost_without_a_probe)
{
	setup();
	send_flags(QUANTUM_SENT_REPAIR);
	send_flags(QUANTUM_SENT_REPAIR);
	now = quantum_rtx_deadline_ns(&rtx);
	fire();
	ck_assert_uint_eq(res.nb_probes, 0);
	ck_assert_uint_eq(res.nb_lost, 2);
	ck_assert_uint_eq(res.lost_bytes, 2 * BYTES); /* congestion control sees it */
	ck_assert_uint_eq(rtx.bytes_in_flight, 0);

	send_flags(QUANTUM_SENT_REPAIR);
	send_flags(0);
	now = quantum_rtx_deadline_ns(&rtx);
	fire();
	ck_assert_uint_eq(res.nb_probes, 1); /* with data beside it there is something to probe */
	ck_assert_uint_eq(res.nb_lost, 0);
}
END_TEST

START_TEST(rtx_only_recovered_outstanding_needs_no_probe)
{
	setup();
	send_flags(0);
	now += RTT;
	ck_assert_int_eq(ack_recovered(0, 0, 0, 0), 0);
	now = quantum_rtx_deadline_ns(&rtx);
	fire();

	ck_assert_uint_eq(res.nb_probes, 0);
	ck_assert_uint_eq(res.nb_lost, 1);
}
END_TEST

START_TEST(rtx_floor_passes_a_loss_only_srtt_and_window_later)
{
	uint64_t keep;

	setup();
	send_many(5, 0);
	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now), 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 5), 0);
	ck_assert_uint_eq(res.nb_lost, 1);
	keep = rtt.srtt_ns + quantum_rtx_reo_wnd_ns(&rtx);

	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now + keep), 0);
	ck_assert_uint_eq(pool.in_use, 1);
	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now + keep + 1), 5);
	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert(quantum_rtx_floor_due(&rtx, 5));
	now += keep + 1;
	send_flags(0);                     /* carries FLOOR 5 */
	ck_assert_int_eq(ack(5, 0, 0), 0); /* the peer jumped: no delivery, no spurious loss */
	ck_assert_uint_eq(res.nb_acked, 0);
	ck_assert_uint_eq(res.nb_spurious, 0);
	ck_assert(!quantum_rtx_floor_due(&rtx, 5));
}
END_TEST

START_TEST(rtx_floor_is_not_due_while_the_peer_keeps_up)
{
	setup();
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack(3, 0, 0), 0);

	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now), 3);
	ck_assert(!quantum_rtx_floor_due(&rtx, 3));
}
END_TEST

START_TEST(rtx_floor_stays_at_ack_while_nothing_is_missing)
{
	setup();
	for (unsigned i = 0; i < 10; i++) /* acknowledgements only: nobody answers them at once */
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
	ck_assert_int_eq(ack(4, 0, 0), 0);
	ck_assert(!quantum_rtx_floor_due(&rtx, quantum_rtx_floor(&rtx, now)));
	ck_assert_int_eq(ack(4, 6, 8), 0); /* two got lost */

	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now), 10);
	ck_assert(quantum_rtx_floor_due(&rtx, 10));
}
END_TEST

START_TEST(rtx_lost_untracked_packet_is_passed_by_the_floor_at_once)
{
	setup();
	quantum_rtx_on_sent_untracked(&rtx, 0, 32); /* number 0, a pure acknowledgement, lost */
	send_many(2, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 3), 0);

	ck_assert_uint_eq(res.nb_acked, 2);
	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now), 3);
	ck_assert(quantum_rtx_floor_due(&rtx, 3));
}
END_TEST

START_TEST(rtx_records_are_bounded_per_connection_and_by_the_pool)
{
	struct quantum_sent *rec;

	setup();
	rtx.records_max = 3;
	send_many(2, 0);
	rec = quantum_rtx_sent_get(&rtx);
	ck_assert_ptr_nonnull(rec);
	ck_assert_ptr_null(quantum_rtx_sent_get(&rtx));
	quantum_rtx_sent_put(&rtx, rec);
	ck_assert_ptr_nonnull(quantum_rtx_sent_get(&rtx));

	setup();
	send_many(NB_RECORDS, 0);
	rtx.records_max = UINT32_MAX;
	ck_assert_ptr_null(quantum_rtx_sent_get(&rtx));
	ck_assert_uint_eq(pool.failures, 1);
}
END_TEST

START_TEST(rtx_drain_gives_every_record_back)
{
	struct quantum_sent *rec;

	setup();
	send_many(10, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 2, 8), 0);
	while ((rec = quantum_rtx_drain(&rtx)) != NULL)
		quantum_rtx_sent_put(&rtx, rec);

	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert_uint_eq(rtx.bytes_in_flight, 0);
	ck_assert_uint_eq(rtx.nb_records, 0);
}
END_TEST

START_TEST(rtx_skips_that_touch_are_one_and_too_many_are_refused)
{
	setup();
	rtx.skip_in = UINT32_MAX;
	send_many(1, 0);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, 1), 0); /* nothing to skip */
	ck_assert_uint_eq(rtx.nb_skips, 0);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, 10), 0);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, 20), 0);
	ck_assert_uint_eq(rtx.nb_skips, 1);
	ck_assert_uint_eq(rtx.skips[0].first, 1);
	ck_assert_uint_eq(rtx.skips[0].end, 20);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, UINT64_MAX), AEF_ERR_RANGE);
	while (rtx.nb_skips < QUANTUM_SKIPS_MAX) {
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
		ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, rtx.next_pn + 5), 0);
	}
	quantum_rtx_on_sent_untracked(&rtx, 0, 32);
	const uint64_t next = rtx.next_pn;

	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, next + 5), AEF_ERR_FULL);
	ck_assert_uint_eq(rtx.next_pn, next);
}
END_TEST

TEST_SUITE(rtx, &rtx_skipped_number_acknowledged_is_a_violation_until_the_floor_passes,
           &rtx_skips_are_spread_around_their_mean_and_bounded,
           &rtx_forced_skip_to_a_new_epoch_is_one_skip,
           &rtx_numbers_end_cleanly_and_never_run_far_ahead, &rtx_silent_tail_is_probed_after_pto,
           &rtx_last_packet_with_psh_is_probed_without_the_ack_delay,
           &rtx_timeouts_double_and_become_rto_and_progress_resets_them,
           &rtx_timeout_without_a_probe_sent_does_not_spin,
           &rtx_only_repair_outstanding_is_lost_without_a_probe,
           &rtx_only_recovered_outstanding_needs_no_probe,
           &rtx_floor_passes_a_loss_only_srtt_and_window_later,
           &rtx_floor_is_not_due_while_the_peer_keeps_up,
           &rtx_floor_stays_at_ack_while_nothing_is_missing,
           &rtx_lost_untracked_packet_is_passed_by_the_floor_at_once,
           &rtx_records_are_bounded_per_connection_and_by_the_pool,
           &rtx_drain_gives_every_record_back,
           &rtx_skips_that_touch_are_one_and_too_many_are_refused)
