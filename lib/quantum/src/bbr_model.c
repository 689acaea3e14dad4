/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr_model.c - the estimators: max_bw, min_rtt, ACK aggregation, short-term bounds after loss.
 * Source: draft-ietf-ccwg-bbr, section "Updating Network Path Model Parameters".
 */
#include "bbr_model_priv.h"

#define NS_PER_S 1000000000ull

#define MIN_RTT_FILTER_NS (10 * NS_PER_S)
#define MIN_PIPE_PKTS     4
/* Beta: a congested round takes at most 30 %. */
#define BETA_NUM 7
#define BETA_DEN 10
/* LossThresh: one part in 50. */
#define LOSS_THRESH_INV 50
/*
 * The draft takes any 2 % for congestion. Links that lose at random have 5 % and more with an empty
 * queue; slowing down does not help there (DESIGN 3). Without a standing queue it takes a sixth,
 * and three packets: in a small window each one is a large share.
 */
#define RANDOM_LOSS_INV  6
#define RANDOM_LOSS_PKTS 3
#define QUEUE_RTT_INV    8 /* a standing queue: min_rtt and an eighth, and a millisecond */
#define QUEUE_SLACK_NS   1000000ull
#define RECENT_RTTS      8
/* Half of ExtraAckedFilterLen: two windows together remember at most ten rounds. */
#define EXTRA_ACKED_ROUNDS 5
/* CE on more than half of a round's packets, twice in a row, fills the pipe in STARTUP. */
#define STARTUP_CE_ROUNDS 2

uint64_t
bbr_min_pipe_cwnd(const struct quantum_bbr *bbr)
{
	return (uint64_t)MIN_PIPE_PKTS * bbr->conf.mss_bytes;
}

uint64_t
bbr_bdp_multiple(const struct quantum_bbr *bbr, uint64_t bw, uint32_t gain_pct)
{
	if (bbr->min_rtt_ns == BBR_INFINITY)
		return bbr->conf.initial_cwnd_bytes;
	return aef_mul_div_u64(aef_mul_div_u64(bw, bbr->min_rtt_ns, NS_PER_S), gain_pct, 100);
}

uint64_t
bbr_quantization_budget(const struct quantum_bbr *bbr, uint64_t inflight_cap)
{
	uint64_t cap = aef_max_u64(inflight_cap, bbr->send_quantum_bytes);

	cap = aef_max_u64(cap, bbr_min_pipe_cwnd(bbr));
	if (bbr->state == QUANTUM_BBR_PROBE_BW_UP)
		cap = aef_add_sat_u64(cap, 2ull * bbr->conf.mss_bytes);
	return cap;
}

uint64_t
bbr_inflight(const struct quantum_bbr *bbr, uint64_t bw, uint32_t gain_pct)
{
	return bbr_quantization_budget(bbr, bbr_bdp_multiple(bbr, bw, gain_pct));
}

uint64_t
bbr_target_inflight(const struct quantum_bbr *bbr)
{
	return aef_min_u64(bbr_bdp_multiple(bbr, bbr->bw, 100), bbr->cwnd_bytes);
}

uint64_t
quantum_bbr_bdp_bytes(const struct quantum_bbr *bbr)
{
	return bbr_bdp_multiple(bbr, bbr->bw, 100);
}

bool
bbr_is_loss_too_high(uint64_t lost_bytes, uint64_t tx_in_flight_bytes)
{
	return lost_bytes > tx_in_flight_bytes / LOSS_THRESH_INV;
}

static bool
sees_queue(const struct quantum_bbr *bbr)
{
	const uint64_t rtt = aef_min_u64(bbr->recent_rtt_ns[0], bbr->recent_rtt_ns[1]);

	return rtt != BBR_INFINITY && bbr->min_rtt_ns != BBR_INFINITY &&
	       rtt > bbr->min_rtt_ns + bbr->min_rtt_ns / QUEUE_RTT_INV + QUEUE_SLACK_NS;
}

bool
bbr_is_loss_congestion(const struct quantum_bbr *bbr, uint64_t lost_bytes,
                       uint64_t tx_in_flight_bytes)
{
	if (!bbr_is_loss_too_high(lost_bytes, tx_in_flight_bytes))
		return false;
	return sees_queue(bbr) ||
	       lost_bytes > aef_max_u64(tx_in_flight_bytes / RANDOM_LOSS_INV,
	                                (uint64_t)RANDOM_LOSS_PKTS * bbr->conf.mss_bytes);
}

/* The lowest of the last 8 to 16 samples: jitter rarely raises all of them, a queue does. */
static void
note_recent_rtt(struct quantum_bbr *bbr, uint64_t rtt_ns)
{
	if (rtt_ns == QUANTUM_RATE_NONE)
		return;
	if (bbr->nb_recent_rtts++ == RECENT_RTTS) {
		bbr->nb_recent_rtts = 1;
		bbr->recent_rtt_ns[1] = bbr->recent_rtt_ns[0];
		bbr->recent_rtt_ns[0] = rtt_ns;
	}
	bbr->recent_rtt_ns[0] = aef_min_u64(bbr->recent_rtt_ns[0], rtt_ns);
}

void
bbr_reset_congestion_signals(struct quantum_bbr *bbr)
{
	bbr->is_loss_in_round = false;
	bbr->bw_latest = 0;
	bbr->inflight_latest = 0;
}

void
bbr_reset_short_term_model(struct quantum_bbr *bbr)
{
	bbr->bw_shortterm = BBR_INFINITY;
	bbr->inflight_shortterm = BBR_INFINITY;
}

void
bbr_note_loss(struct quantum_bbr *bbr, const struct quantum_rate *rate)
{
	if (!bbr->is_loss_in_round)
		bbr->loss_round_delivered = rate->delivered_bytes;
	bbr->is_loss_in_round = true;
	if (bbr->is_in_recovery)
		return;
	/* Once per episode, not per round: an undo gives back all that the episode took. */
	bbr_save_cwnd(bbr);
	bbr->undo_state = QUANTUM_BBR_NONE;
	bbr->undo_bw_shortterm = bbr->bw_shortterm;
	bbr->undo_inflight_shortterm = bbr->inflight_shortterm;
	bbr->undo_inflight_longterm = bbr->inflight_longterm;
	bbr->is_in_recovery = true;
}

void
bbr_update_latest_delivery(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	const struct quantum_rate_sample *sample = ack->sample;

	bbr->loss_round_start = false;
	note_recent_rtt(bbr, sample->rtt_ns);
	bbr->bw_latest = aef_max_u64(bbr->bw_latest, sample->delivery_rate_bytes_per_s);
	bbr->inflight_latest = aef_max_u64(bbr->inflight_latest, sample->delivered_bytes);
	if (sample->has_data && sample->prior_delivered_bytes >= bbr->loss_round_delivered) {
		bbr->loss_round_delivered = ack->rate->delivered_bytes;
		bbr->loss_round_start = true;
	}
}

void
bbr_advance_latest_delivery(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	if (!bbr->loss_round_start)
		return;
	bbr->bw_latest = ack->sample->delivery_rate_bytes_per_s;
	bbr->inflight_latest = ack->sample->delivered_bytes;
	bbr->loss_bursts_in_round = 0;
}

static void
update_round(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	bbr->round_start = ack->sample->has_data &&
	                   ack->sample->prior_delivered_bytes >= bbr->next_round_delivered;
	if (!bbr->round_start)
		return;
	bbr_start_round(bbr, ack->rate);
	bbr->round_count++;
	bbr->rounds_since_probe_up++;
	bbr->cwnd_limited_last_round = bbr->cwnd_limited_in_round;
	bbr->cwnd_limited_in_round = false;
}

static void
update_max_bw(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	const uint64_t rate = ack->sample->delivery_rate_bytes_per_s;

	update_round(bbr, ack);
	if (rate == 0 || (rate < bbr->max_bw && ack->sample->is_app_limited))
		return;
	bbr->max_bw_filter[1] = aef_max_u64(bbr->max_bw_filter[1], rate);
	bbr->max_bw = aef_max_u64(bbr->max_bw_filter[0], bbr->max_bw_filter[1]);
}

void
bbr_advance_max_bw_filter(struct quantum_bbr *bbr)
{
	/* A cycle without a sample says nothing: keep the old one. */
	if (bbr->max_bw_filter[1] == 0)
		return;
	bbr->max_bw_filter[0] = bbr->max_bw_filter[1];
	bbr->max_bw_filter[1] = 0;
	bbr->max_bw = bbr->max_bw_filter[0];
}

/* A round with loss, outside bandwidth probing: follow what was delivered, at most 30 % down. */
static void
adapt_lower_bounds(struct quantum_bbr *bbr)
{
	if (bbr->bw_shortterm == BBR_INFINITY)
		bbr->bw_shortterm = bbr->max_bw;
	if (bbr->inflight_shortterm == BBR_INFINITY)
		bbr->inflight_shortterm = bbr->cwnd_bytes;
	bbr->bw_shortterm =
		aef_max_u64(bbr->bw_latest, aef_mul_div_u64(bbr->bw_shortterm, BETA_NUM, BETA_DEN));
	bbr->inflight_shortterm = aef_max_u64(
		bbr->inflight_latest, aef_mul_div_u64(bbr->inflight_shortterm, BETA_NUM, BETA_DEN));
}

void
bbr_update_congestion_signals(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	update_max_bw(bbr, ack);
	if (!bbr->loss_round_start)
		return;
	if (bbr->is_loss_in_round) {
		if (!bbr_is_probing(bbr) &&
		    (bbr->is_ce_in_round ||
		     bbr_is_loss_congestion(bbr, ack->sample->lost_bytes,
		                            ack->sample->tx_in_flight_bytes)))
			adapt_lower_bounds(bbr);
	} else if (bbr->is_in_recovery) {
		/* A whole round without a loss: the last good window, within today's bounds. */
		bbr->is_in_recovery = false;
		if (bbr->state != QUANTUM_BBR_PROBE_RTT)
			bbr_restore_cwnd(bbr);
	}
	bbr->is_loss_in_round = false;
	bbr->is_ce_in_round = false;
}

void
bbr_note_ce(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	const struct quantum_rate_sample *sample = ack->sample;

	bbr->ce_pkts_in_round += sample->newly_ce_pkts;
	bbr->acked_bytes_in_round += sample->newly_acked_bytes;
	if (sample->newly_ce_pkts > 0) {
		bbr_note_loss(bbr, ack->rate);
		bbr->is_ce_in_round = true;
	}
	if (!bbr->round_start)
		return;

	const bool is_too_high =
		bbr->ce_pkts_in_round * bbr->conf.mss_bytes > bbr->acked_bytes_in_round / 2;

	bbr->ce_pkts_in_round = 0;
	bbr->acked_bytes_in_round = 0;
	if (!is_too_high) {
		bbr->startup_ce_rounds = 0;
		return;
	}
	if (bbr->state == QUANTUM_BBR_STARTUP && ++bbr->startup_ce_rounds >= STARTUP_CE_ROUNDS) {
		bbr->full_bw_now = true;
		bbr->full_bw_reached = true;
		bbr->inflight_longterm =
			aef_max_u64(quantum_bbr_bdp_bytes(bbr), bbr->inflight_latest);
	}
	if (bbr->is_bw_probe_sample) {
		const struct bbr_too_high what = { .tx_in_flight = sample->tx_in_flight_bytes,
			                           .is_app_limited = sample->is_app_limited };

		bbr_handle_inflight_too_high(bbr, ack->rate, &what, ack->now_ns);
	}
}

void
bbr_update_ack_aggregation(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	const uint64_t interval = aef_sub_sat_u64(ack->now_ns, bbr->extra_acked_interval_start_ns);
	uint64_t expected = aef_mul_div_u64(bbr->bw, interval, NS_PER_S);

	/* ACKs came no faster than bw: the episode is over, the next one starts here. */
	if (bbr->extra_acked_delivered <= expected) {
		bbr->extra_acked_delivered = 0;
		bbr->extra_acked_interval_start_ns = ack->now_ns;
		expected = 0;
	}
	bbr->extra_acked_delivered += ack->sample->newly_acked_bytes;

	const uint64_t extra = aef_min_u64(bbr->extra_acked_delivered - expected, bbr->cwnd_bytes);

	if (bbr->round_start &&
	    ++bbr->extra_acked_rounds >= (bbr->full_bw_reached ? EXTRA_ACKED_ROUNDS : 1)) {
		bbr->extra_acked_rounds = 0;
		bbr->extra_acked_filter[0] = bbr->extra_acked_filter[1];
		bbr->extra_acked_filter[1] = 0;
	}
	bbr->extra_acked_filter[1] = aef_max_u64(bbr->extra_acked_filter[1], extra);
	bbr->extra_acked = aef_max_u64(bbr->extra_acked_filter[0], bbr->extra_acked_filter[1]);
}

void
bbr_update_min_rtt(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	const uint64_t rtt = aef_max_u64(ack->sample->rtt_ns, 1);

	bbr->min_rtt_expired =
		ack->now_ns > aef_add_sat_u64(bbr->min_rtt_stamp_ns, MIN_RTT_FILTER_NS);
	/* The target comes from the estimate that expires, not from the inflated one after it. */
	if (bbr->min_rtt_expired && bbr->state != QUANTUM_BBR_PROBE_RTT)
		bbr->probe_rtt_cwnd =
			aef_max_u64(bbr_bdp_multiple(bbr, bbr->bw, 50), bbr_min_pipe_cwnd(bbr));
	if (rtt != QUANTUM_RATE_NONE && (rtt < bbr->min_rtt_ns || bbr->min_rtt_expired)) {
		bbr->min_rtt_ns = rtt;
		bbr->min_rtt_stamp_ns = ack->now_ns;
	}
}
