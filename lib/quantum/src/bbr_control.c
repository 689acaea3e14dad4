/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr_control.c - from the model to the three outputs: pacing rate, send quantum, window.
 * Source: draft-ietf-ccwg-bbr, section "Updating Control Parameters".
 */
#include <quantum/stats.h>

#include "bbr_model_priv.h"

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

#define STARTUP_PACING_GAIN_PCT 277       /* 4 ln 2: the rate doubles each round */
#define PACING_MARGIN_PCT       1         /* pace below bw on average, so that queues drain */
#define QUANTUM_MAX_BYTES       (1 << 16) /* one GSO aggregate */

/* Pacing and window gain by state, in percent. */
static const struct {
	uint16_t pacing_pct;
	uint16_t cwnd_pct;
	const char *name;
} states[] = {
	[QUANTUM_BBR_STARTUP] = { STARTUP_PACING_GAIN_PCT, 200, "STARTUP" },
	[QUANTUM_BBR_DRAIN] = { 50, 200, "DRAIN" },
	[QUANTUM_BBR_PROBE_BW_DOWN] = { 90, 200, "PROBE_BW_DOWN" },
	[QUANTUM_BBR_PROBE_BW_CRUISE] = { 100, 200, "PROBE_BW_CRUISE" },
	[QUANTUM_BBR_PROBE_BW_REFILL] = { 100, 200, "PROBE_BW_REFILL" },
	[QUANTUM_BBR_PROBE_BW_UP] = { 125, 225, "PROBE_BW_UP" },
	[QUANTUM_BBR_PROBE_RTT] = { 100, 50, "PROBE_RTT" },
};

uint32_t
quantum_bbr_pacing_gain_pct(const struct quantum_bbr *bbr)
{
	return states[bbr->state].pacing_pct;
}

uint32_t
quantum_bbr_cwnd_gain_pct(const struct quantum_bbr *bbr)
{
	return states[bbr->state].cwnd_pct;
}

const char *
quantum_bbr_state_name(uint8_t state)
{
	return state < AEF_DIM(states) ? states[state].name : "NONE";
}

void
bbr_init_pacing_rate(struct quantum_bbr *bbr, uint64_t rtt_ns)
{
	const uint64_t nominal = aef_mul_div_u64(bbr->conf.initial_cwnd_bytes, NS_PER_S,
	                                         rtt_ns ? rtt_ns : NS_PER_MS);

	bbr->pacing_rate_bytes_per_s =
		aef_max_u64(aef_mul_div_u64(nominal, STARTUP_PACING_GAIN_PCT, 100), 1);
}

void
bbr_set_pacing_rate(struct quantum_bbr *bbr, uint32_t gain_pct)
{
	const uint64_t rate = aef_mul_div_u64(
		bbr->bw, (uint64_t)gain_pct * (100 - PACING_MARGIN_PCT), (uint64_t)100 * 100);

	/* Until the pipe was full once, a slow application must not talk the rate down. */
	if (rate > 0 && (bbr->full_bw_reached || rate > bbr->pacing_rate_bytes_per_s))
		bbr->pacing_rate_bytes_per_s = rate;
}

void
bbr_set_send_quantum(struct quantum_bbr *bbr)
{
	const uint64_t one_ms = bbr->pacing_rate_bytes_per_s / 1000;
	const uint64_t quantum = aef_min_u64(one_ms, QUANTUM_MAX_BYTES);

	bbr->send_quantum_bytes = (uint32_t)aef_max_u64(quantum, 2ull * bbr->conf.mss_bytes);
}

void
bbr_save_cwnd(struct quantum_bbr *bbr)
{
	if (!bbr->is_in_recovery && bbr->state != QUANTUM_BBR_PROBE_RTT)
		bbr->prior_cwnd = bbr->cwnd_bytes;
	else
		bbr->prior_cwnd = aef_max_u64(bbr->prior_cwnd, bbr->cwnd_bytes);
}

void
bbr_restore_cwnd(struct quantum_bbr *bbr)
{
	bbr->cwnd_bytes = aef_max_u64(bbr->cwnd_bytes, bbr->prior_cwnd);
}

static void
bound_cwnd_for_model(struct quantum_bbr *bbr)
{
	uint64_t cap = BBR_INFINITY;

	if (bbr->state == QUANTUM_BBR_PROBE_RTT || bbr->state == QUANTUM_BBR_PROBE_BW_CRUISE)
		cap = bbr_inflight_with_headroom(bbr);
	else if (bbr_is_in_probe_bw(bbr))
		cap = bbr->inflight_longterm;
	cap = aef_min_u64(cap, bbr->inflight_shortterm);
	cap = aef_max_u64(cap, bbr_min_pipe_cwnd(bbr));
	bbr->cwnd_bytes = aef_min_u64(bbr->cwnd_bytes, cap);
}

void
bbr_set_cwnd(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	const uint64_t acked = ack->sample->newly_acked_bytes;
	uint64_t wanted = bbr_bdp_multiple(bbr, bbr->bw, quantum_bbr_cwnd_gain_pct(bbr));

	wanted = aef_add_sat_u64(wanted, bbr->extra_acked);
	bbr->max_inflight = bbr_quantization_budget(bbr, wanted);

	if (bbr->full_bw_reached)
		bbr->cwnd_bytes = aef_min_u64(bbr->cwnd_bytes + acked, bbr->max_inflight);
	else if (bbr->cwnd_bytes < bbr->max_inflight ||
	         ack->rate->delivered_bytes < bbr->conf.initial_cwnd_bytes)
		bbr->cwnd_bytes += acked;
	bbr->cwnd_bytes = aef_max_u64(bbr->cwnd_bytes, bbr_min_pipe_cwnd(bbr));
	if (bbr->state == QUANTUM_BBR_PROBE_RTT)
		bbr->cwnd_bytes = aef_min_u64(bbr->cwnd_bytes, bbr->probe_rtt_cwnd);
	bound_cwnd_for_model(bbr);
}
