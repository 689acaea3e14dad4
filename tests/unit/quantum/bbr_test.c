/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr_test.c - STARTUP, DRAIN, PROBE_RTT, idle, undo, over a simulated bottleneck. Scenarios follow
 * the appendix "BBR Example Test Cases" of draft-ietf-ccwg-bbr.
 */
#include "bbr_model_priv.h"
#include "bbr_sim.h"
#include "harness.h"

static struct sim s;

START_TEST(bbr_startup_leaves_on_bandwidth_plateau)
{
	sim_init_usual(&s);

	ck_assert(sim_run_to(&s, QUANTUM_BBR_DRAIN, 2 * SIM_S));

	ck_assert(s.bbr.full_bw_now && s.bbr.full_bw_reached);
	ck_assert_uint_eq(s.bbr.full_bw_count, 3);
	ck_assert_near(s.bbr.max_bw, s.link_bytes_per_s, 20);
	ck_assert_uint_le(s.bbr.round_count, 12);
	ck_assert_uint_eq(s.lost_pkts, 0);
	ck_assert_uint_le(s.max_queue_bytes, 2 * sim_bdp(&s));
}
END_TEST

START_TEST(bbr_startup_app_limited_leaves_on_loss)
{
	sim_init(&s, 100 * SIM_MBIT, 40 * SIM_MS, 1000000, 1200);
	sim_set_app(&s, 40 * SIM_MBIT);
	sim_run(&s, SIM_S);
	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_STARTUP);

	s.loss_ppm = 300000; /* more than random loss explains */
	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_STARTUP, SIM_S));

	ck_assert(s.bbr.full_bw_now && s.bbr.full_bw_reached);
	ck_assert_uint_eq(s.bbr.undo_state, QUANTUM_BBR_STARTUP);
	ck_assert_uint_ne(s.bbr.inflight_longterm, UINT64_MAX);
}
END_TEST

START_TEST(bbr_startup_app_limited_without_loss_stays)
{
	sim_init_usual(&s);
	sim_set_app(&s, 3 * SIM_MBIT);

	sim_run(&s, 9 * SIM_S);

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_STARTUP);
	ck_assert(!s.bbr.full_bw_reached);
}
END_TEST

/* Mistake 5 (s2n-quic 1543): one overflow is one sign of congestion, however long. */
START_TEST(bbr_bug5_one_burst_of_losses_does_not_end_startup)
{
	sim_init(&s, 100 * SIM_MBIT, 40 * SIM_MS, 2000000, 1200);
	ck_assert(sim_run_rounds(&s, 4, SIM_S));
	s.drop_from = s.tail + 5;
	s.drop_to = s.tail + 35;

	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_STARTUP, 2 * SIM_S));

	ck_assert_uint_eq(s.lost_pkts, 30);
	ck_assert_uint_eq(s.bbr.inflight_longterm,
	                  UINT64_MAX); /* a plateau ended it, not the loss */
	ck_assert_near(s.bbr.max_bw, s.link_bytes_per_s, 20);
}
END_TEST

START_TEST(bbr_bug5_six_bursts_above_the_threshold_end_startup)
{
	sim_init(&s, 1000 * SIM_MBIT, 40 * SIM_MS, 20000000, 1200);
	ck_assert(sim_run_rounds(&s, 3, SIM_S));
	s.loss_ppm = 300000;

	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_STARTUP, SIM_S));

	ck_assert_uint_ne(s.bbr.inflight_longterm, UINT64_MAX);
	ck_assert_uint_lt(s.bbr.max_bw, s.link_bytes_per_s / 2); /* long before the plateau */
}
END_TEST

/* Mistake 6 (hysteria 1105): an application a little faster than the link is not app-limited. */
START_TEST(bbr_bug6_busy_application_is_not_stuck_in_startup)
{
	sim_init_usual(&s);
	sim_set_app(&s, 12 * SIM_MBIT);

	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 5 * SIM_S));

	ck_assert_near(s.bbr.max_bw, s.link_bytes_per_s, 20);
}
END_TEST

START_TEST(bbr_drain_ends_when_the_queue_is_gone)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_DRAIN, 2 * SIM_S));
	ck_assert_uint_eq(quantum_bbr_pacing_gain_pct(&s.bbr), 50);
	const uint64_t round = s.bbr.round_count;

	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_DRAIN, SIM_S));

	ck_assert_uint_le(s.in_flight, bbr_inflight(&s.bbr, s.bbr.bw, 100));
	ck_assert_uint_le(s.bbr.round_count, round + 3);
	ck_assert(bbr_is_in_probe_bw(&s.bbr));
}
END_TEST

START_TEST(bbr_drain_ends_after_three_rounds_at_the_latest)
{
	sim_init_usual(&s);
	s.buffer_bytes = 1000000;
	ck_assert(sim_run_to(&s, QUANTUM_BBR_DRAIN, 2 * SIM_S));
	sim_set_link(&s, s.link_bytes_per_s * 4 / 10); /* slower than the drain */
	const uint64_t round = s.bbr.round_count;

	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_DRAIN, 5 * SIM_S));

	ck_assert_uint_eq(s.bbr.round_count, round + 4);
	ck_assert_uint_gt(s.in_flight, bbr_inflight(&s.bbr, s.bbr.bw, 100));
	ck_assert(bbr_is_in_probe_bw(&s.bbr));
}
END_TEST

/* Also the test that finds planted bug 8. */
START_TEST(bbr_probe_rtt_is_entered_after_ten_seconds_and_left)
{
	sim_init_usual(&s);
	sim_run(&s, 8 * SIM_S);
	const uint64_t min_rtt_ns = s.bbr.min_rtt_ns;

	s.rtt_ns += 30 * SIM_MS; /* as a standing queue of others would */
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_RTT, 3 * SIM_S));
	const uint64_t entered_ns = s.now_ns;
	const uint64_t cwnd = s.bbr.probe_rtt_cwnd;

	ck_assert_uint_eq(quantum_bbr_cwnd_gain_pct(&s.bbr), 50);
	ck_assert_near(cwnd, s.bbr.bw * (min_rtt_ns / 1000) / 2000000, 10);
	ck_assert_uint_gt(s.bbr.min_rtt_ns, min_rtt_ns);
	ck_assert(sim_run_rounds(&s, 2, SIM_S));
	ck_assert_uint_eq(s.bbr.probe_rtt_cwnd, cwnd);
	ck_assert_uint_le(s.in_flight, cwnd);

	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_RTT, SIM_S));
	ck_assert_uint_ge(s.now_ns - entered_ns, 200 * SIM_MS);
	ck_assert_uint_le(s.now_ns - entered_ns, 500 * SIM_MS);
	ck_assert(bbr_is_in_probe_bw(&s.bbr));
	const uint64_t before = s.rate.delivered_bytes;

	sim_run(&s, 2 * SIM_S);
	ck_assert_uint_ge(s.rate.delivered_bytes - before, 2 * s.link_bytes_per_s * 95 / 100);
}
END_TEST

/* Mistake 2 (ngtcp2 1857, quiche 1598): chatty traffic must not be punished with PROBE_RTT. */
START_TEST(bbr_bug2_restart_from_idle_skips_probe_rtt)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 2 * SIM_S));
	sim_set_app(&s, 0);
	sim_run(&s, 11 * SIM_S);
	ck_assert_uint_eq(s.in_flight, 0);

	sim_set_app(&s, UINT64_MAX);
	const uint64_t sent = s.sent_pkts;

	sim_send_all(&s);
	ck_assert_uint_gt(s.sent_pkts, sent);
	ck_assert(s.bbr.idle_restart);
	/* After idle: exactly bw less the margin, whatever the phase. */
	ck_assert_near(s.bbr.pacing_rate_bytes_per_s, s.bbr.bw * 99 / 100, 1);
	sim_run(&s, SIM_S);
	ck_assert_uint_eq(s.nb_entries[QUANTUM_BBR_PROBE_RTT], 0);
	ck_assert(!s.bbr.idle_restart);
}
END_TEST

START_TEST(bbr_burst_after_idle_is_one_quantum)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 2 * SIM_S));
	sim_set_app(&s, 0);
	sim_run(&s, SIM_S);
	sim_set_app(&s, UINT64_MAX);
	const uint64_t sent = s.sent_pkts;

	sim_send_all(&s);

	ck_assert_uint_le((s.sent_pkts - sent) * s.mss, s.bbr.send_quantum_bytes);
}
END_TEST

START_TEST(bbr_idle_in_probe_rtt_ends_it_at_the_next_send)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_RTT, 12 * SIM_S));
	ck_assert(sim_run_rounds(&s, 1, SIM_S));
	sim_set_app(&s, 0);
	sim_run(&s, 2 * SIM_S);
	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_RTT);
	const uint64_t prior = s.bbr.prior_cwnd;

	sim_set_app(&s, UINT64_MAX);
	sim_send_all(&s);

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_CRUISE);
	ck_assert_uint_eq(s.bbr.cwnd_bytes, prior);
}
END_TEST

START_TEST(bbr_probe_rtt_in_startup_returns_to_startup)
{
	sim_init_usual(&s);
	sim_set_app(&s, 4 * SIM_MBIT);

	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_RTT, 11 * SIM_S));
	ck_assert(!s.bbr.full_bw_reached);
	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_RTT, SIM_S));
	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_STARTUP);

	sim_set_app(&s, UINT64_MAX);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 3 * SIM_S));
	ck_assert_near(s.bbr.max_bw, s.link_bytes_per_s, 20);
}
END_TEST

START_TEST(bbr_spurious_recovery_in_probe_up_is_undone)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 4 * SIM_S));
	ck_assert(sim_run_rounds(&s, 1, SIM_S));
	const uint64_t longterm = s.bbr.inflight_longterm;
	const uint64_t shortterm = s.bbr.inflight_shortterm;
	const uint64_t cwnd = s.bbr.cwnd_bytes;

	sim_declare_spuriously(&s, 16);
	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_DOWN);
	ck_assert_uint_eq(s.bbr.undo_state, QUANTUM_BBR_PROBE_BW_UP);
	ck_assert_uint_ne(s.bbr.inflight_longterm, longterm);

	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_REFILL, 100 * SIM_MS));
	ck_assert_uint_eq(s.bbr.inflight_longterm, longterm);
	ck_assert_uint_eq(s.bbr.inflight_shortterm, shortterm);
	ck_assert_uint_eq(s.bbr.bw_shortterm, UINT64_MAX);
	ck_assert_uint_ge(s.bbr.cwnd_bytes, cwnd * 85 / 100); /* UP has a higher gain */
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 200 * SIM_MS));
}
END_TEST

START_TEST(bbr_spurious_recovery_in_cruise_gives_back_the_short_term_model)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 4 * SIM_S));
	ck_assert(sim_run_rounds(&s, 2, SIM_S));
	const uint64_t cwnd = s.bbr.cwnd_bytes;

	sim_declare_spuriously(&s, 6);
	ck_assert(s.bbr.is_in_recovery);
	ck_assert(sim_run_rounds(&s, 2, SIM_S));

	ck_assert(!s.bbr.is_in_recovery);
	ck_assert_uint_eq(s.bbr.bw_shortterm, UINT64_MAX);
	ck_assert_uint_eq(s.bbr.inflight_shortterm, UINT64_MAX);
	ck_assert_uint_ge(s.bbr.cwnd_bytes, cwnd);
}
END_TEST

START_TEST(bbr_spurious_loss_returns_to_startup)
{
	sim_init(&s, 1000 * SIM_MBIT, 40 * SIM_MS, 20000000, 1200);
	ck_assert(sim_run_rounds(&s, 3, SIM_S));
	s.loss_ppm = 100000;
	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_STARTUP, SIM_S));
	s.loss_ppm = 0;
	ck_assert(sim_run_rounds(&s, 2, SIM_S)); /* the last losses of that flight come in */
	ck_assert_uint_eq(s.bbr.undo_state, QUANTUM_BBR_STARTUP);

	quantum_bbr_on_spurious_loss(&s.bbr, &s.rate, s.now_ns);

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_STARTUP);
	ck_assert(!s.bbr.full_bw_reached);
	ck_assert_uint_eq(s.bbr.inflight_longterm, UINT64_MAX);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 3 * SIM_S));
	ck_assert_near(s.bbr.max_bw, s.link_bytes_per_s, 20);
}
END_TEST

START_TEST(bbr_spurious_persistent_congestion_restores_the_window)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 4 * SIM_S));
	ck_assert(sim_run_rounds(&s, 2, SIM_S));
	const uint64_t cwnd = s.bbr.cwnd_bytes;

	sim_declare_spuriously(&s, 1000);
	ck_assert_uint_eq(s.in_flight, 0);
	quantum_bbr_on_persistent_congestion(&s.bbr, &s.rate, s.in_flight);
	ck_assert_uint_eq(s.bbr.cwnd_bytes, s.mss);
	ck_assert(sim_run_rounds(&s, 2, SIM_S));

	ck_assert_uint_ge(s.bbr.cwnd_bytes, cwnd);
	ck_assert_uint_eq(s.bbr.inflight_shortterm, UINT64_MAX);
}
END_TEST

START_TEST(bbr_blackout_is_followed_by_full_rate)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 4 * SIM_S));
	s.loss_ppm = 1000000;
	sim_run(&s, 500 * SIM_MS);
	quantum_bbr_on_persistent_congestion(&s.bbr, &s.rate, s.in_flight);
	sim_run(&s, 1500 * SIM_MS);
	s.loss_ppm = 0;

	sim_run(&s, 3 * SIM_S);
	const uint64_t before = s.rate.delivered_bytes;

	sim_run(&s, 2 * SIM_S);
	ck_assert_uint_ge(s.rate.delivered_bytes - before, 2 * s.link_bytes_per_s * 95 / 100);
}
END_TEST

START_TEST(bbr_path_change_forgets_the_old_path)
{
	sim_init_usual(&s);
	sim_run(&s, 2 * SIM_S);

	quantum_bbr_on_path_change(&s.bbr, 100 * SIM_MS, s.now_ns);
	quantum_rate_on_path_change(&s.rate, s.now_ns);

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_STARTUP);
	ck_assert_uint_eq(s.bbr.max_bw, 0);
	ck_assert_uint_eq(s.bbr.min_rtt_ns, UINT64_MAX);
	ck_assert_uint_eq(s.bbr.cwnd_bytes, 10 * s.mss);
	ck_assert_uint_eq(s.bbr.pacing_rate_bytes_per_s, 10ull * s.mss * 10 * 277 / 100);
	ck_assert_ptr_eq(s.bbr.conf.rng, &s.rng);
	sim_set_link(&s,
	             SIM_MBIT); /* the new path is slower; the old one's flight still comes in */
	sim_run(&s, 100 * SIM_MS);
	ck_assert_uint_le(s.bbr.max_bw, 2 * SIM_MBIT);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 5 * SIM_S));
	ck_assert_near(s.bbr.max_bw, SIM_MBIT, 20);
}
END_TEST

START_TEST(bbr_larger_datagrams_raise_the_floors)
{
	sim_init(&s, 8000, 10 * SIM_MS, 50000, 1200);
	sim_run(&s, 5 * SIM_S);

	quantum_bbr_set_mss(&s.bbr, 9000);

	ck_assert_uint_ge(s.bbr.cwnd_bytes, 4 * 9000);
	ck_assert_uint_eq(s.bbr.send_quantum_bytes, 2 * 9000);
}
END_TEST

TEST_SUITE(bbr, &bbr_startup_leaves_on_bandwidth_plateau, &bbr_startup_app_limited_leaves_on_loss,
           &bbr_startup_app_limited_without_loss_stays,
           &bbr_bug5_one_burst_of_losses_does_not_end_startup,
           &bbr_bug5_six_bursts_above_the_threshold_end_startup,
           &bbr_bug6_busy_application_is_not_stuck_in_startup,
           &bbr_drain_ends_when_the_queue_is_gone, &bbr_drain_ends_after_three_rounds_at_the_latest,
           &bbr_probe_rtt_is_entered_after_ten_seconds_and_left,
           &bbr_bug2_restart_from_idle_skips_probe_rtt, &bbr_burst_after_idle_is_one_quantum,
           &bbr_idle_in_probe_rtt_ends_it_at_the_next_send,
           &bbr_probe_rtt_in_startup_returns_to_startup,
           &bbr_spurious_recovery_in_probe_up_is_undone,
           &bbr_spurious_recovery_in_cruise_gives_back_the_short_term_model,
           &bbr_spurious_loss_returns_to_startup,
           &bbr_spurious_persistent_congestion_restores_the_window,
           &bbr_blackout_is_followed_by_full_rate, &bbr_path_change_forgets_the_old_path,
           &bbr_larger_datagrams_raise_the_floors)
