/* SPDX-License-Identifier: BSD-3-Clause */
#include <quantum/stats.h>

/* bbr_model_test.c - estimators: max_bw over the whole grid of paths, aggregation, loss, ECN. */
#include "bbr_model_priv.h"
#include "bbr_sim.h"
#include "harness.h"

static struct sim s;

START_TEST(bbr_model_max_bw_is_within_two_percent_on_every_path)
{
	static const uint64_t rates[] = { 8000,           SIM_MBIT / 2,    10 * SIM_MBIT,
		                          100 * SIM_MBIT, 1000 * SIM_MBIT, 10000 * SIM_MBIT };
	static const uint64_t rtts_ms[] = { 1, 10, 100, 1000 };

	for (size_t i = 0; i < AEF_DIM(rates) * AEF_DIM(rtts_ms); i++) {
		const uint64_t rate = rates[i % AEF_DIM(rates)];
		const uint64_t rtt_ns = rtts_ms[i / AEF_DIM(rates)] * SIM_MS;
		const uint64_t bdp = aef_mul_div_u64(rate, rtt_ns, SIM_S);
		/* One record per aggregate: what a fast path does with GSO. */
		const uint32_t mss = (uint32_t)aef_max_u64(1200, aef_min_u64(bdp / 1000, 64000));

		sim_init(&s, rate, rtt_ns, 3 * bdp + 20 * mss, mss);
		ck_assert_msg(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 120 * SIM_S),
		              "%llu B/s at %llu ns: in %s", (unsigned long long)rate,
		              (unsigned long long)rtt_ns, quantum_bbr_state_name(s.bbr.state));
		ck_assert_near(s.bbr.max_bw, rate, 20);
		ck_assert(sim_run_rounds(&s, 10, 60 * SIM_S));
		ck_assert_near(s.bbr.max_bw, rate, 20);
		ck_assert_uint_ge(s.bbr.cwnd_bytes, 4ull * mss);
		ck_assert_uint_eq(s.lost_pkts, 0);
	}
}
END_TEST

START_TEST(bbr_model_sub_packet_bdp_has_a_floor_of_four_packets)
{
	sim_init(&s, 8000, SIM_MS, 100000, 1200);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 60 * SIM_S));
	const uint64_t before = s.rate.delivered_bytes;

	for (unsigned i = 0; i < 300; i++) {
		sim_step(&s, s.now_ns + SIM_S);
		ck_assert_uint_ge(s.bbr.cwnd_bytes, 4 * 1200);
	}
	sim_run(&s, 1);

	ck_assert_near(s.bbr.max_bw, s.link_bytes_per_s, 20);
	ck_assert_uint_gt(s.rate.delivered_bytes, before);
	const uint64_t mark = s.rate.delivered_bytes;

	sim_run(&s, 60 * SIM_S);
	ck_assert_near(s.rate.delivered_bytes - mark, 60 * 8000, 50);
}
END_TEST

START_TEST(bbr_model_aggregation_in_startup_finds_the_bandwidth)
{
	sim_init_usual(&s);
	s.ack_batch_ns = 20 * SIM_MS;

	ck_assert(sim_run_to(&s, QUANTUM_BBR_DRAIN, 3 * SIM_S));

	ck_assert_uint_ge(s.bbr.extra_acked, 4 * s.mss);
	ck_assert_uint_gt(s.bbr.cwnd_bytes, 2 * sim_bdp(&s));
	ck_assert_near(s.bbr.max_bw, s.link_bytes_per_s, 50);
}
END_TEST

START_TEST(bbr_model_aggregation_in_cruise_keeps_the_link_busy)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 3 * SIM_S));
	const uint64_t extra = s.bbr.extra_acked;

	s.ack_batch_ns = 60 * SIM_MS;
	ck_assert(sim_run_rounds(&s, 4, SIM_S));
	ck_assert_uint_gt(s.bbr.extra_acked, extra + 30000); /* up to 75,000 bytes per batch */
	const uint64_t before = s.rate.delivered_bytes;

	sim_run(&s, 4 * SIM_S);
	ck_assert_uint_ge(s.rate.delivered_bytes - before, 4 * s.link_bytes_per_s * 95 / 100);

	/* An episode ends when ACKs fall behind bw; ten rounds later it is forgotten. */
	s.ack_batch_ns = 0;
	sim_run(&s, 6 * SIM_S);
	ck_assert_uint_lt(s.bbr.extra_acked, 30000);
}
END_TEST

START_TEST(bbr_model_loss_in_cruise_takes_at_most_thirty_percent_a_round)
{
	sim_init(&s, 100 * SIM_MBIT, 40 * SIM_MS, 1000000, 1200);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 3 * SIM_S));
	ck_assert(sim_run_rounds(&s, 2, SIM_S));
	const uint64_t bw = s.bbr.bw;

	s.loss_ppm = 400000;
	const uint64_t end = s.bbr.round_count + 6;
	uint64_t last = bw;

	while (s.bbr.round_count < end) {
		ck_assert(sim_step(&s, s.now_ns + SIM_S));
		ck_assert_uint_ge(s.bbr.bw, last * 7 / 10);
		last = s.bbr.bw;
	}
	s.loss_ppm = 0;

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_CRUISE);
	ck_assert_uint_ne(s.bbr.bw_shortterm, UINT64_MAX);
	ck_assert_uint_lt(s.bbr.bw, bw * 7 / 10);
	ck_assert_uint_eq(s.bbr.bw, s.bbr.bw_shortterm);
	/* The next probe forgets it. */
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_REFILL, 4 * SIM_S));
	ck_assert_uint_eq(s.bbr.bw_shortterm, UINT64_MAX);
}
END_TEST

START_TEST(bbr_model_recovery_ends_after_a_round_without_loss)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 3 * SIM_S));
	s.drop_from = s.tail;
	s.drop_to = s.tail + 2;
	ck_assert(sim_run_rounds(&s, 2, SIM_S));
	ck_assert(s.bbr.is_in_recovery);

	ck_assert(sim_run_rounds(&s, 3, SIM_S));

	ck_assert(!s.bbr.is_in_recovery);
}
END_TEST

START_TEST(bbr_model_loss_threshold_is_two_percent)
{
	ck_assert(!bbr_is_loss_too_high(0, 0));
	ck_assert(!bbr_is_loss_too_high(2000, 100000));
	ck_assert(bbr_is_loss_too_high(2001, 100000));
}
END_TEST

/* Random loss with an empty queue is no congestion up to a sixth; with a standing queue 2 % is. */
START_TEST(bbr_model_loss_without_a_queue_is_not_congestion)
{
	struct quantum_bbr bbr = { .min_rtt_ns = 40000000,
		                   .recent_rtt_ns = { 41000000, UINT64_MAX },
		                   .conf.mss_bytes = 1200 };

	ck_assert(!bbr_is_loss_congestion(&bbr, 2001, 100000));
	ck_assert(!bbr_is_loss_congestion(&bbr, 16666, 100000));
	ck_assert(bbr_is_loss_congestion(&bbr, 16667, 100000));
	ck_assert(!bbr_is_loss_congestion(&bbr, 3600, 4800)); /* three packets of a small window */
	ck_assert(bbr_is_loss_congestion(&bbr, 3601, 4800));

	bbr.recent_rtt_ns[0] = 46000001;

	ck_assert(bbr_is_loss_congestion(&bbr, 2001, 100000));
	ck_assert(!bbr_is_loss_congestion(&bbr, 2000, 100000));
}
END_TEST

START_TEST(bbr_model_max_bw_window_is_two_cycles)
{
	sim_init_usual(&s);
	s.bbr.max_bw_filter[1] = s.bbr.max_bw = 1000;

	bbr_advance_max_bw_filter(&s.bbr);
	ck_assert_uint_eq(s.bbr.max_bw, 1000);
	bbr_advance_max_bw_filter(&s.bbr); /* a cycle without samples forgets nothing */
	ck_assert_uint_eq(s.bbr.max_bw, 1000);
	s.bbr.max_bw_filter[1] = 400;
	bbr_advance_max_bw_filter(&s.bbr);
	ck_assert_uint_eq(s.bbr.max_bw, 400);
}
END_TEST

START_TEST(bbr_model_ce_marks_hold_the_queue_without_loss)
{
	sim_init(&s, 100 * SIM_MBIT, 20 * SIM_MS, 10000000, 1200);
	s.ce_queue_bytes = 60000;
	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_STARTUP, 2 * SIM_S));
	sim_run(&s, 3 * SIM_S);
	s.max_queue_bytes = 0;
	const uint64_t before = s.rate.delivered_bytes;

	sim_run(&s, 5 * SIM_S);

	ck_assert_uint_eq(s.lost_pkts, 0);
	ck_assert_uint_ne(s.bbr.inflight_longterm, UINT64_MAX);
	ck_assert_uint_le(s.max_queue_bytes, sim_bdp(&s));
	ck_assert_uint_ge(s.rate.delivered_bytes - before, 5 * s.link_bytes_per_s * 80 / 100);
}
END_TEST

START_TEST(bbr_model_min_rtt_follows_down_at_once_and_up_after_ten_seconds)
{
	sim_init_usual(&s);
	sim_run(&s, 2 * SIM_S);
	s.rtt_ns = 20 * SIM_MS;
	sim_run(&s, 500 * SIM_MS);
	ck_assert_uint_lt(s.bbr.min_rtt_ns, 23 * SIM_MS);

	s.rtt_ns = 60 * SIM_MS;
	sim_run(&s, 5 * SIM_S);
	ck_assert_uint_lt(s.bbr.min_rtt_ns, 23 * SIM_MS);
	sim_run(&s, 7 * SIM_S);
	ck_assert_uint_gt(s.bbr.min_rtt_ns, 59 * SIM_MS);
	ck_assert_uint_lt(s.bbr.min_rtt_ns, 65 * SIM_MS);
}
END_TEST

TEST_SUITE(bbr_model, &bbr_model_loss_without_a_queue_is_not_congestion,
           &bbr_model_max_bw_is_within_two_percent_on_every_path,
           &bbr_model_sub_packet_bdp_has_a_floor_of_four_packets,
           &bbr_model_aggregation_in_startup_finds_the_bandwidth,
           &bbr_model_aggregation_in_cruise_keeps_the_link_busy,
           &bbr_model_loss_in_cruise_takes_at_most_thirty_percent_a_round,
           &bbr_model_recovery_ends_after_a_round_without_loss,
           &bbr_model_loss_threshold_is_two_percent, &bbr_model_max_bw_window_is_two_cycles,
           &bbr_model_ce_marks_hold_the_queue_without_loss,
           &bbr_model_min_rtt_follows_down_at_once_and_up_after_ten_seconds)
