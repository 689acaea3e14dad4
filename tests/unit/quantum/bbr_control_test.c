/* SPDX-License-Identifier: BSD-3-Clause */
#include <quantum/stats.h>

/* bbr_control_test.c - from model to pacing rate, send quantum and window. */
#include "bbr_model_priv.h"
#include "bbr_sim.h"
#include "harness.h"

static struct sim s;

START_TEST(bbr_control_first_rtt_sets_the_initial_pacing_rate)
{
	sim_init(&s, 1000 * SIM_MBIT, 100 * SIM_MS, 1000000, 1200);
	/* Unknown RTT: as if 1 ms, so that the first window leaves at once. */
	ck_assert_uint_eq(s.bbr.pacing_rate_bytes_per_s, 12000ull * 1000 * 277 / 100);

	ck_assert(sim_run_rounds(&s, 1, SIM_S));

	ck_assert_uint_lt(s.bbr.pacing_rate_bytes_per_s, 12000ull * 10 * 300 / 100);
}
END_TEST

START_TEST(bbr_control_handshake_rtt_paces_the_first_window)
{
	const struct quantum_bbr_conf conf = { .rng = &s.rng,
		                               .mss_bytes = 1200,
		                               .initial_rtt_ns = 50 * SIM_MS,
		                               .initial_cwnd_bytes = 24000 };

	quantum_bbr_init(&s.bbr, &conf, 0);

	ck_assert_uint_eq(s.bbr.cwnd_bytes, 24000);
	ck_assert_uint_eq(s.bbr.pacing_rate_bytes_per_s, 24000ull * 20 * 277 / 100);
	ck_assert_uint_eq(s.bbr.min_rtt_ns, UINT64_MAX); /* the handshake's RTT is no sample */
}
END_TEST

START_TEST(bbr_control_pacing_is_one_percent_below_bw)
{
	sim_init_usual(&s);
	s.bbr.full_bw_reached = true;
	s.bbr.bw = 1000000;

	bbr_set_pacing_rate(&s.bbr, 100);
	ck_assert_uint_eq(s.bbr.pacing_rate_bytes_per_s, 990000);
	bbr_set_pacing_rate(&s.bbr, 125);
	ck_assert_uint_eq(s.bbr.pacing_rate_bytes_per_s, 1237500);
}
END_TEST

START_TEST(bbr_control_pacing_never_falls_before_the_pipe_was_full)
{
	sim_init_usual(&s);
	s.bbr.pacing_rate_bytes_per_s = 500000;
	s.bbr.bw = 1000;

	bbr_set_pacing_rate(&s.bbr, 277);
	ck_assert_uint_eq(s.bbr.pacing_rate_bytes_per_s, 500000);
	s.bbr.full_bw_reached = true;
	s.bbr.bw = 0; /* and never to zero: a connection would not send again */
	bbr_set_pacing_rate(&s.bbr, 100);
	ck_assert_uint_eq(s.bbr.pacing_rate_bytes_per_s, 500000);
}
END_TEST

START_TEST(bbr_control_quantum_is_a_millisecond_between_two_packets_and_64k)
{
	static const struct {
		uint64_t rate;
		uint32_t quantum;
	} cases[] = { { 1, 2400 }, { 2400000, 2400 }, { 10000000, 10000 }, { 1250000000, 65536 } };

	sim_init_usual(&s);
	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		s.bbr.pacing_rate_bytes_per_s = cases[i].rate;
		bbr_set_send_quantum(&s.bbr);
		ck_assert_uint_eq(s.bbr.send_quantum_bytes, cases[i].quantum);
	}
}
END_TEST

START_TEST(bbr_control_cruise_window_keeps_headroom)
{
	sim_init(&s, 100 * SIM_MBIT, 40 * SIM_MS, 100000, 1200);
	sim_run(&s, 6 * SIM_S);

	ck_assert(sim_run_to(&s, QUANTUM_BBR_PROBE_BW_CRUISE, 3 * SIM_S));

	ck_assert_uint_ne(s.bbr.inflight_longterm, UINT64_MAX);
	ck_assert_uint_le(s.bbr.cwnd_bytes, s.bbr.inflight_longterm * 85 / 100 + 1);
}
END_TEST

START_TEST(bbr_control_states_have_names_and_gains)
{
	ck_assert_str_eq(quantum_bbr_state_name(QUANTUM_BBR_STARTUP), "STARTUP");
	ck_assert_str_eq(quantum_bbr_state_name(QUANTUM_BBR_PROBE_RTT), "PROBE_RTT");
	ck_assert_str_eq(quantum_bbr_state_name(200), "NONE");
	sim_init_usual(&s);
	ck_assert_uint_eq(quantum_bbr_pacing_gain_pct(&s.bbr), 277);
	ck_assert(quantum_bbr_wants_frequent_acks(&s.bbr));
	s.bbr.state = QUANTUM_BBR_PROBE_BW_CRUISE;
	ck_assert(!quantum_bbr_wants_frequent_acks(&s.bbr));
	s.bbr.state = QUANTUM_BBR_PROBE_BW_UP;
	ck_assert_uint_eq(quantum_bbr_cwnd_gain_pct(&s.bbr), 225);
}
END_TEST

START_TEST(bbr_control_window_never_falls_below_four_packets)
{
	sim_init_usual(&s);
	s.loss_ppm = 300000;

	for (unsigned i = 0; i < 3000; i++) {
		sim_step(&s, s.now_ns + SIM_S);
		ck_assert_uint_ge(s.bbr.cwnd_bytes, 4 * 1200);
		ck_assert_uint_gt(s.bbr.pacing_rate_bytes_per_s, 0);
	}
}
END_TEST

TEST_SUITE(bbr_control, &bbr_control_first_rtt_sets_the_initial_pacing_rate,
           &bbr_control_handshake_rtt_paces_the_first_window,
           &bbr_control_pacing_is_one_percent_below_bw,
           &bbr_control_pacing_never_falls_before_the_pipe_was_full,
           &bbr_control_quantum_is_a_millisecond_between_two_packets_and_64k,
           &bbr_control_cruise_window_keeps_headroom, &bbr_control_states_have_names_and_gains,
           &bbr_control_window_never_falls_below_four_packets)
