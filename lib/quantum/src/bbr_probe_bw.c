/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr_probe_bw.c - the bandwidth-probing cycle DOWN, CRUISE, REFILL, UP and the long-term bound on
 * what may be in flight.
 * Source: draft-ietf-ccwg-bbr, sections "ProbeBW" and "Probing for Bandwidth In ProbeBW".
 */
#include "bbr_model_priv.h"

#define NS_PER_S 1000000000ull

#define PROBE_WAIT_MIN_NS (2 * NS_PER_S) /* plus up to one second, at random */
#define RENO_ROUNDS_MAX   63
#define UP_ROUNDS_MAX     30 /* keeps 1 << rounds within 32 bits */
/* Headroom: leave 15 % of the long-term bound to others. */
#define HEADROOM_NUM 15
#define HEADROOM_DEN 100
#define BETA_NUM     7
#define BETA_DEN     10
#define LOSS_NUM     1 /* LossThresh as a fraction: 1/50 */
#define LOSS_DEN     50

uint64_t
bbr_inflight_with_headroom(const struct quantum_bbr *bbr)
{
	if (bbr->inflight_longterm == BBR_INFINITY)
		return BBR_INFINITY;

	const uint64_t headroom =
		aef_max_u64(bbr->conf.mss_bytes,
	                    aef_mul_div_u64(bbr->inflight_longterm, HEADROOM_NUM, HEADROOM_DEN));

	return aef_max_u64(aef_sub_sat_u64(bbr->inflight_longterm, headroom),
	                   bbr_min_pipe_cwnd(bbr));
}

/* When to probe again: random, so that flows do not probe in step. */
static void
pick_probe_wait(struct quantum_bbr *bbr)
{
	bbr->rounds_since_probe_up = aef_rng_below(bbr->conf.rng, 2);
	bbr->bw_probe_wait_ns = PROBE_WAIT_MIN_NS + aef_rng_below(bbr->conf.rng, NS_PER_S + 1);
}

void
bbr_start_probe_bw_down(struct quantum_bbr *bbr, const struct quantum_rate *rate, uint64_t now_ns)
{
	bbr_reset_congestion_signals(bbr);
	bbr->probe_up_acked_per_inc = BBR_INFINITY;
	pick_probe_wait(bbr);
	bbr->cycle_stamp_ns = now_ns;
	bbr->ack_phase = QUANTUM_BBR_ACKS_PROBE_STOPPING;
	bbr_start_round(bbr, rate);
	bbr->state = QUANTUM_BBR_PROBE_BW_DOWN;
}

void
bbr_start_probe_bw_cruise(struct quantum_bbr *bbr)
{
	bbr->state = QUANTUM_BBR_PROBE_BW_CRUISE;
}

void
bbr_start_probe_bw_refill(struct quantum_bbr *bbr, const struct quantum_rate *rate)
{
	bbr_reset_short_term_model(bbr);
	bbr->bw_probe_up_rounds = 0;
	bbr->bw_probe_up_acked = 0;
	bbr->prev_probe_precautionary = false;
	bbr->ack_phase = QUANTUM_BBR_ACKS_REFILLING;
	bbr_start_round(bbr, rate);
	bbr->state = QUANTUM_BBR_PROBE_BW_REFILL;
}

/* The bound grows by 1, 2, 4 ... packets per round: slow at first, O(log BDP) rounds in all. */
static void
raise_inflight_longterm_slope(struct quantum_bbr *bbr)
{
	const uint64_t growth = 1ull << bbr->bw_probe_up_rounds;

	bbr->bw_probe_up_rounds = (uint8_t)aef_min_u32(bbr->bw_probe_up_rounds + 1u, UP_ROUNDS_MAX);
	bbr->probe_up_acked_per_inc = aef_max_u64(bbr->cwnd_bytes / growth, bbr->conf.mss_bytes);
}

static void
start_probe_bw_up(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	bbr->ack_phase = QUANTUM_BBR_ACKS_PROBE_STARTING;
	bbr_start_round(bbr, ack->rate);
	bbr_reset_full_bw(bbr);
	bbr->full_bw = ack->sample->delivery_rate_bytes_per_s;
	bbr->state = QUANTUM_BBR_PROBE_BW_UP;
	raise_inflight_longterm_slope(bbr);
}

static bool
is_cwnd_limited(const struct quantum_bbr *bbr)
{
	return bbr->cwnd_limited_in_round || bbr->cwnd_limited_last_round;
}

static void
probe_inflight_longterm_upward(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	if (!is_cwnd_limited(bbr) || bbr->cwnd_bytes < bbr->inflight_longterm)
		return;
	bbr->bw_probe_up_acked += ack->sample->newly_acked_bytes;
	if (bbr->bw_probe_up_acked >= bbr->probe_up_acked_per_inc) {
		const uint64_t delta = bbr->bw_probe_up_acked / bbr->probe_up_acked_per_inc;

		bbr->bw_probe_up_acked -= delta * bbr->probe_up_acked_per_inc;
		bbr->inflight_longterm =
			aef_add_sat_u64(bbr->inflight_longterm, delta * bbr->conf.mss_bytes);
	}
	if (bbr->round_start)
		raise_inflight_longterm_slope(bbr);
}

void
bbr_handle_inflight_too_high(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                             const struct bbr_too_high *what, uint64_t now_ns)
{
	bbr->prev_probe_too_high = true;
	bbr->is_bw_probe_sample = false; /* one reaction per probe */
	if (!what->is_app_limited)
		bbr->inflight_longterm =
			aef_max_u64(what->tx_in_flight,
		                    aef_mul_div_u64(bbr_target_inflight(bbr), BETA_NUM, BETA_DEN));
	if (bbr->state == QUANTUM_BBR_PROBE_BW_UP) {
		bbr->undo_state = QUANTUM_BBR_PROBE_BW_UP;
		bbr_start_probe_bw_down(bbr, rate, now_ns);
	}
}

/*
 * At which volume in flight did the losses pass the threshold? The packet may be an aggregate, of
 * which a part was still safe: solve (lost_prev + x) / (inflight_prev + x) = 1/50 for x.
 */
static uint64_t
inflight_at_loss(const struct quantum_rate_pkt *pkt, uint64_t lost_bytes)
{
	const uint64_t inflight_prev = aef_sub_sat_u64(pkt->tx_in_flight_bytes, pkt->size_bytes);
	const uint64_t lost_prev = aef_sub_sat_u64(lost_bytes, pkt->size_bytes);
	const uint64_t budget = inflight_prev * LOSS_NUM;
	const uint64_t used = lost_prev * LOSS_DEN;

	return inflight_prev + aef_sub_sat_u64(budget, used) / (LOSS_DEN - LOSS_NUM);
}

void
bbr_handle_lost_packet(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                       const struct quantum_rate_pkt *pkt, uint64_t now_ns)
{
	const uint64_t lost = aef_sub_sat_u64(rate->lost_bytes, pkt->lost_bytes);

	if (!bbr->is_bw_probe_sample || !bbr_is_loss_congestion(bbr, lost, pkt->tx_in_flight_bytes))
		return;

	const struct bbr_too_high what = { .tx_in_flight = inflight_at_loss(pkt, lost),
		                           .is_app_limited = pkt->is_app_limited != 0 };

	bbr_handle_inflight_too_high(bbr, rate, &what, now_ns);
}

/* Follow what the ACKs mean and move the long-term bounds; true when it changed the state. */
static bool
adapt_long_term_model(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	if (bbr->ack_phase == QUANTUM_BBR_ACKS_PROBE_STARTING && bbr->round_start)
		bbr->ack_phase = QUANTUM_BBR_ACKS_PROBE_FEEDBACK;
	if (bbr->ack_phase == QUANTUM_BBR_ACKS_PROBE_STOPPING && bbr->round_start) {
		bbr->is_bw_probe_sample = false;
		bbr->ack_phase = QUANTUM_BBR_ACKS_INIT;
		if (bbr_is_in_probe_bw(bbr) && !ack->sample->is_app_limited)
			bbr_advance_max_bw_filter(bbr);
		/* The cautious probe did no harm: probe again at once, in earnest. */
		if (bbr_is_in_probe_bw(bbr) && bbr->prev_probe_precautionary &&
		    !bbr->prev_probe_too_high) {
			bbr_start_probe_bw_refill(bbr, ack->rate);
			return true;
		}
	}
	if (bbr_is_loss_congestion(bbr, ack->sample->lost_bytes, ack->sample->tx_in_flight_bytes) ||
	    bbr->inflight_longterm == BBR_INFINITY)
		return false;
	bbr->inflight_longterm =
		aef_max_u64(bbr->inflight_longterm, ack->sample->tx_in_flight_bytes);
	if (bbr->state == QUANTUM_BBR_PROBE_BW_UP)
		probe_inflight_longterm_upward(bbr, ack);
	return false;
}

/*
 * Time to refill and probe: by the clock, or as often as Reno would have recovered. A window never
 * falls below four packets, so Reno's rounds do not either: a tiny BDP must not probe all the time.
 */
static bool
is_time_to_probe_bw(const struct quantum_bbr *bbr, uint64_t now_ns)
{
	const uint64_t target = aef_max_u64(bbr_target_inflight(bbr), bbr_min_pipe_cwnd(bbr));
	const uint64_t reno_rounds = aef_min_u64(target / bbr->conf.mss_bytes, RENO_ROUNDS_MAX);

	return now_ns > aef_add_sat_u64(bbr->cycle_stamp_ns, bbr->bw_probe_wait_ns) ||
	       bbr->rounds_since_probe_up >= reno_rounds;
}

static bool
is_time_to_cruise(const struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	return ack->in_flight <= bbr_inflight_with_headroom(bbr) &&
	       ack->in_flight <= bbr_inflight(bbr, bbr->max_bw, 100);
}

static bool
is_time_to_go_down(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	/* What was in flight before this ACK, and whether one packet more would have fitted: after
	 * it the count is always below a bound that the window obeys, and the caution never acts.
	 */
	const uint64_t reached = ack->in_flight + ack->sample->newly_acked_bytes +
	                         ack->sample->newly_lost_bytes + bbr->conf.mss_bytes;

	if (bbr->prev_probe_too_high && reached > bbr->inflight_longterm) {
		bbr->prev_probe_precautionary = true;
		return true;
	}
	if (is_cwnd_limited(bbr) && bbr->cwnd_bytes >= bbr->inflight_longterm) {
		/* Our own bound limits the rate: a plateau now says nothing about the path. */
		bbr_reset_full_bw(bbr);
		bbr->full_bw = ack->sample->delivery_rate_bytes_per_s;
		return false;
	}
	return bbr->full_bw_now;
}

void
bbr_update_probe_bw(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	if (!bbr->full_bw_reached || !ack->sample->has_data)
		return;
	if (adapt_long_term_model(bbr, ack))
		return;
	switch ((enum quantum_bbr_state)bbr->state) {
	case QUANTUM_BBR_PROBE_BW_DOWN:
		if (is_time_to_probe_bw(bbr, ack->now_ns))
			bbr_start_probe_bw_refill(bbr, ack->rate);
		else if (is_time_to_cruise(bbr, ack))
			bbr_start_probe_bw_cruise(bbr);
		break;
	case QUANTUM_BBR_PROBE_BW_CRUISE:
		if (is_time_to_probe_bw(bbr, ack->now_ns))
			bbr_start_probe_bw_refill(bbr, ack->rate);
		break;
	case QUANTUM_BBR_PROBE_BW_REFILL:
		/* One full round: what is acknowledged from here was sent with a full pipe. */
		if (bbr->round_start) {
			bbr->is_bw_probe_sample = true;
			start_probe_bw_up(bbr, ack);
		}
		break;
	case QUANTUM_BBR_PROBE_BW_UP:
		if (is_time_to_go_down(bbr, ack)) {
			bbr->prev_probe_too_high = false;
			bbr_start_probe_bw_down(bbr, ack->rate, ack->now_ns);
		}
		break;
	case QUANTUM_BBR_STARTUP:
	case QUANTUM_BBR_DRAIN:
	case QUANTUM_BBR_PROBE_RTT:
	case QUANTUM_BBR_NONE:
		break;
	}
}
