/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr_probe_bw_test.c - the probing cycle and the long-term bound, over a simulated bottleneck.
 * Scenarios follow the appendix "BBR Example Test Cases" of draft-ietf-ccwg-bbr.
 */
#include "bbr_model_priv.h"
#include "bbr_sim.h"
#include "harness.h"

static struct sim s;

/* A shallow buffer, so that the long-term bound gets set by real losses. */
static void
run_shallow_until_bounded(void)
{
	sim_init(&s, 100 * SIM_MBIT, 40 * SIM_MS, 100000, 1200);
	sim_run(&s, 6 * SIM_S);
	ck_assert_uint_ne(s.bbr.inflight_longterm, UINT64_MAX);
}

START_TEST(bbr_probe_bw_up_ends_on_plateau)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 5 * SIM_S));
	const uint64_t round = s.bbr.round_count;

	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_BW_UP, SIM_S));

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_DOWN);
	ck_assert(s.bbr.full_bw_now);
	ck_assert_uint_eq(s.bbr.round_count, round + 3);
	ck_assert(!s.bbr.prev_probe_too_high);
	ck_assert_uint_eq(s.lost_pkts, 0);
}
END_TEST

START_TEST(bbr_probe_bw_up_app_limited_ends_on_loss)
{
	sim_init(&s, 100 * SIM_MBIT, 40 * SIM_MS, 1000000, 1200);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 5 * SIM_S));
	sim_set_app(&s, 50 * SIM_MBIT);
	sim_run(&s, 85 * SIM_MS);
	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_UP);

	s.loss_ppm = 300000; /* more than random loss explains */
	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_BW_UP, 200 * SIM_MS));

	/* DOWN, or already CRUISE by the same ACK: so little is in flight. */
	ck_assert_uint_ge(s.bbr.state, QUANTUM_BBR_PROBE_BW_DOWN);
	ck_assert_uint_le(s.bbr.state, QUANTUM_BBR_PROBE_BW_CRUISE);
	ck_assert(s.bbr.prev_probe_too_high);
	/* What an idle application had in flight is no bound of the path. */
	ck_assert_uint_eq(s.bbr.inflight_longterm, UINT64_MAX);
}
END_TEST

START_TEST(bbr_probe_bw_up_app_limited_without_loss_stays)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 5 * SIM_S));
	sim_set_app(&s, 3 * SIM_MBIT);

	sim_run(&s, 5 * SIM_S);

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_UP);
	ck_assert_near(s.bbr.max_bw, s.link_bytes_per_s,
	               20); /* the idle application ages nothing */
}
END_TEST

START_TEST(bbr_probe_bw_up_raises_no_bound_while_there_is_none)
{
	sim_init_usual(&s);

	sim_run(&s, 8 * SIM_S);

	ck_assert_uint_ge(s.nb_entries[QUANTUM_BBR_PROBE_BW_UP], 3);
	ck_assert_uint_eq(s.bbr.inflight_longterm, UINT64_MAX);
}
END_TEST

START_TEST(bbr_probe_bw_up_loss_sets_the_long_term_bound)
{
	run_shallow_until_bounded();
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 5 * SIM_S));
	s.bbr.prev_probe_too_high = false;
	const uint64_t target = bbr_target_inflight(&s.bbr);

	s.loss_ppm = 200000;
	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_BW_UP, 200 * SIM_MS));

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_DOWN);
	ck_assert(s.bbr.prev_probe_too_high);
	ck_assert_uint_ge(s.bbr.inflight_longterm, target * 7 / 10);
	ck_assert_uint_le(s.bbr.inflight_longterm, sim_bdp(&s) * 13 / 10);
}
END_TEST

START_TEST(bbr_probe_bw_after_too_high_probe_is_precautionary)
{
	sim_init(&s, 100 * SIM_MBIT, 40 * SIM_MS, 100000, 1200);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 5 * SIM_S));
	s.loss_ppm = 200000;
	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_BW_UP, 200 * SIM_MS));
	s.loss_ppm = 0;
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 5 * SIM_S));

	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_BW_UP, SIM_S));
	ck_assert(s.bbr.prev_probe_precautionary);
	const uint64_t round = s.bbr.round_count;

	/* It did no harm: the next probe follows at once, without a wait. */
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, SIM_S));
	ck_assert_uint_le(s.bbr.round_count, round + 3);
}
END_TEST

START_TEST(bbr_probe_bw_down_ends_with_headroom)
{
	run_shallow_until_bounded();
	do { /* a precautionary probe is followed by another one, not by CRUISE */
		ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 5 * SIM_S));
		ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_DOWN, 5 * SIM_S));
	} while (s.bbr.prev_probe_precautionary);
	ck_assert_uint_eq(quantum_bbr_pacing_gain_pct(&s.bbr), 90);

	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_BW_DOWN, 3 * SIM_S));

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_CRUISE);
	ck_assert_uint_le(s.in_flight, bbr_inflight_with_headroom(&s.bbr));
	ck_assert_uint_le(s.in_flight, bbr_inflight(&s.bbr, s.bbr.max_bw, 100));
}
END_TEST

START_TEST(bbr_probe_bw_down_that_cannot_drain_refills_by_the_clock)
{
	sim_init(&s, 10 * SIM_MBIT, 100 * SIM_MS, 2000000, 1200);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 8 * SIM_S));
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_DOWN, SIM_S));
	const uint64_t entered_ns = s.now_ns, wait_ns = s.bbr.bw_probe_wait_ns;

	sim_set_link(&s, s.link_bytes_per_s * 85 / 100); /* slower than DOWN sends */
	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_BW_DOWN, 5 * SIM_S));

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_REFILL);
	ck_assert_uint_gt(s.now_ns - entered_ns, wait_ns);
	ck_assert_uint_ge(wait_ns, 2 * SIM_S);
	ck_assert_uint_le(wait_ns, 3 * SIM_S);
}
END_TEST

START_TEST(bbr_probe_bw_waits_at_most_63_rounds_for_reno)
{
	sim_init(&s, 1000 * SIM_MBIT, SIM_MS, 250000, 1200);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_DOWN, SIM_S));
	const uint64_t round = s.bbr.round_count;

	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_REFILL, SIM_S));

	ck_assert_uint_ge(s.bbr.round_count - round, 61);
	ck_assert_uint_le(s.bbr.round_count - round, 64);
}
END_TEST

START_TEST(bbr_probe_bw_refill_app_limited_keeps_max_bw)
{
	sim_init_usual(&s);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_REFILL, 5 * SIM_S));
	const uint64_t max_bw = s.bbr.max_bw;

	sim_set_app(&s, 2 * SIM_MBIT);
	ck_assert(sim_run_out_of(&s, QUANTUM_BBR_PROBE_BW_REFILL, SIM_S));
	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_UP);
	ck_assert(sim_run_rounds(&s, 4, SIM_S));
	ck_assert_uint_eq(s.bbr.max_bw, max_bw);

	sim_set_app(&s, UINT64_MAX);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 5 * SIM_S));
	ck_assert_near(s.bbr.max_bw, s.link_bytes_per_s, 20);
}
END_TEST

START_TEST(bbr_probe_bw_ten_times_the_bandwidth_is_found)
{
	sim_init(&s, 10 * SIM_MBIT, 40 * SIM_MS, 1000000, 1200);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 3 * SIM_S));
	sim_set_link(&s, 100 * SIM_MBIT);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 4 * SIM_S));
	const uint64_t round = s.bbr.round_count;

	while (s.bbr.max_bw < 98 * SIM_MBIT && s.bbr.round_count < round + 100)
		sim_step(&s, s.now_ns + SIM_S);

	ck_assert_near(s.bbr.max_bw, 100 * SIM_MBIT, 20);
	ck_assert_uint_le(s.bbr.round_count - round,
	                  20); /* ln 10 / ln 1.25 = 10.3 rounds of growth */
}
END_TEST

/* Mistake 3 (s2n-quic 1539): a window that was full at any time of the round lets the bound grow.
 */
START_TEST(bbr_probe_bw_bug3_long_term_bound_grows_by_doubling_steps)
{
	run_shallow_until_bounded();
	s.bbr.prev_probe_too_high = false;
	sim_set_link(&s, 1000 * SIM_MBIT);
	s.buffer_bytes = 10000000;
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_UP, 5 * SIM_S));
	const uint64_t bound = s.bbr.inflight_longterm;
	uint64_t last = bound, steps[8];

	for (unsigned i = 0; i < 8; i++) {
		ck_assert(sim_run_rounds(&s, 1, SIM_S));
		steps[i] = s.bbr.inflight_longterm - last;
		last = s.bbr.inflight_longterm;
	}

	ck_assert_uint_eq(s.bbr.state, QUANTUM_BBR_PROBE_BW_UP);
	ck_assert_uint_gt(steps[7], steps[5] * 3); /* doubles each round, near enough */
	ck_assert_uint_gt(last, bound + 60 * s.mss);
}
END_TEST

START_TEST(bbr_probe_bw_bug3_full_window_is_remembered_over_the_ack)
{
	struct quantum_rate_sample sample;
	struct quantum_rate_pkt pkt[10];

	sim_init_usual(&s);
	for (unsigned i = 0; i < 10; i++) {
		quantum_bbr_on_send(&s.bbr, &s.rate, i * 1200, 1200, s.now_ns);
		quantum_rate_on_send(&s.rate, &pkt[i], 1200, i * 1200, s.now_ns);
		ck_assert_int_eq(s.bbr.cwnd_limited_in_round, i == 9);
	}
	quantum_rate_sample_begin(&sample);
	for (unsigned i = 0; i < 10; i++)
		quantum_rate_on_ack(&s.rate, &sample, &pkt[i], i, s.now_ns + SIM_MS);
	quantum_rate_sample_finish(&s.rate, &sample, UINT64_MAX);

	quantum_bbr_on_ack(&s.bbr, &s.rate, &sample, 0, s.now_ns + SIM_MS);

	ck_assert(s.bbr.round_start);
	ck_assert(s.bbr.cwnd_limited_last_round);
}
END_TEST

/* Mistake 4, second half (s2n-quic 1452, picoquic): headroom is 15 %, the target 85 %. */
START_TEST(bbr_probe_bw_bug4_headroom_leaves_85_percent)
{
	sim_init_usual(&s);
	ck_assert_uint_eq(bbr_inflight_with_headroom(&s.bbr), UINT64_MAX);

	s.bbr.inflight_longterm = 1000000;
	ck_assert_uint_eq(bbr_inflight_with_headroom(&s.bbr), 850000);
	s.bbr.inflight_longterm = 6000; /* at least one packet of headroom, at least four left */
	ck_assert_uint_eq(bbr_inflight_with_headroom(&s.bbr), 4800);
}
END_TEST

START_TEST(bbr_probe_bw_tenth_of_the_bandwidth_is_accepted)
{
	sim_init(&s, 100 * SIM_MBIT, 40 * SIM_MS, 300000, 1200);
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 3 * SIM_S));
	ck_assert(sim_run_rounds(&s, 5, SIM_S));

	sim_set_link(&s, 10 * SIM_MBIT);
	const uint64_t until_ns = s.now_ns + 2 * SIM_S;
	uint64_t lowest = UINT64_MAX;

	while (sim_step(&s, until_ns))
		lowest = aef_min_u64(lowest, s.bbr.bw);
	ck_assert_uint_lt(lowest, 40 * SIM_MBIT); /* the short-term model: 0.7 a round */
	const uint64_t cycles = s.nb_entries[QUANTUM_BBR_PROBE_BW_UP];

	while (s.nb_entries[QUANTUM_BBR_PROBE_BW_UP] < cycles + 3)
		ck_assert(sim_step(&s, s.now_ns + SIM_S));
	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 3 * SIM_S));
	ck_assert_near(s.bbr.max_bw, 10 * SIM_MBIT, 20);
	const uint64_t before = s.rate.delivered_bytes;

	sim_run(&s, 3 * SIM_S);
	ck_assert_uint_ge(s.rate.delivered_bytes - before, 3 * s.link_bytes_per_s * 90 / 100);
}
END_TEST

START_TEST(bbr_probe_bw_token_bucket_policer_is_obeyed)
{
	sim_init(&s, 1000 * SIM_MBIT, 40 * SIM_MS, 10000000, 1200);
	s.policer_bytes_per_s = 10 * SIM_MBIT;
	s.policer_burst_bytes = 200000;
	s.policer_tokens_x1e9 = 200000 * SIM_S;
	sim_run(&s, 10 * SIM_S);
	const uint64_t sent = s.sent_pkts, dropped = s.dropped_pkts, had = s.rate.delivered_bytes;

	sim_run(&s, 20 * SIM_S);

	ck_assert_uint_le((s.dropped_pkts - dropped) * 100, (s.sent_pkts - sent) * 5);
	ck_assert_uint_ge(s.rate.delivered_bytes - had, 20 * 10 * SIM_MBIT * 80 / 100);
}
END_TEST

START_TEST(bbr_probe_bw_half_percent_random_loss_keeps_most_of_the_rate)
{
	sim_init(&s, 10 * SIM_MBIT, 40 * SIM_MS, 100000, 1200);
	s.loss_ppm = 5000;
	sim_run(&s, 5 * SIM_S);
	const uint64_t before = s.rate.delivered_bytes;

	sim_run(&s, 20 * SIM_S);

	ck_assert_uint_ge(s.rate.delivered_bytes - before, 20 * s.link_bytes_per_s * 80 / 100);
}
END_TEST

TEST_SUITE(bbr_probe_bw, &bbr_probe_bw_up_ends_on_plateau,
           &bbr_probe_bw_up_app_limited_ends_on_loss,
           &bbr_probe_bw_up_app_limited_without_loss_stays,
           &bbr_probe_bw_up_raises_no_bound_while_there_is_none,
           &bbr_probe_bw_up_loss_sets_the_long_term_bound,
           &bbr_probe_bw_after_too_high_probe_is_precautionary,
           &bbr_probe_bw_down_ends_with_headroom,
           &bbr_probe_bw_down_that_cannot_drain_refills_by_the_clock,
           &bbr_probe_bw_waits_at_most_63_rounds_for_reno,
           &bbr_probe_bw_refill_app_limited_keeps_max_bw,
           &bbr_probe_bw_ten_times_the_bandwidth_is_found,
           &bbr_probe_bw_bug3_long_term_bound_grows_by_doubling_steps,
           &bbr_probe_bw_bug3_full_window_is_remembered_over_the_ack,
           &bbr_probe_bw_bug4_headroom_leaves_85_percent,
           &bbr_probe_bw_tenth_of_the_bandwidth_is_accepted,
           &bbr_probe_bw_token_bucket_policer_is_obeyed,
           &bbr_probe_bw_half_percent_random_loss_keeps_most_of_the_rate)
