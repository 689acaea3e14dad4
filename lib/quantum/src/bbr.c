/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr.c - events of the congestion controller and its states outside PROBE_BW: STARTUP, DRAIN,
 * PROBE_RTT, restart from idle, undo.
 * Source: draft-ietf-ccwg-bbr, sections "Algorithm Organization" and "State Machine Operation".
 */
#include "bbr_model_priv.h"

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

#define INITIAL_CWND_PKTS     10
#define FULL_BW_ROUNDS        3
#define DRAIN_ROUNDS_MAX      3
#define STARTUP_LOSS_BURSTS   6 /* discontiguous ranges in one round */
#define PROBE_RTT_DURATION_NS (200 * NS_PER_MS)

bool
bbr_is_in_probe_bw(const struct quantum_bbr *bbr)
{
	return bbr->state >= QUANTUM_BBR_PROBE_BW_DOWN && bbr->state <= QUANTUM_BBR_PROBE_BW_UP;
}

bool
bbr_is_probing(const struct quantum_bbr *bbr)
{
	return bbr->state == QUANTUM_BBR_STARTUP || bbr->state == QUANTUM_BBR_PROBE_BW_REFILL ||
	       bbr->state == QUANTUM_BBR_PROBE_BW_UP;
}

bool
quantum_bbr_wants_frequent_acks(const struct quantum_bbr *bbr)
{
	return bbr_is_probing(bbr) || bbr->state == QUANTUM_BBR_PROBE_RTT;
}

void
bbr_start_round(struct quantum_bbr *bbr, const struct quantum_rate *rate)
{
	bbr->next_round_delivered = rate->delivered_bytes;
}

void
bbr_reset_full_bw(struct quantum_bbr *bbr)
{
	bbr->full_bw = 0;
	bbr->full_bw_count = 0;
	bbr->full_bw_now = false;
}

void
quantum_bbr_init(struct quantum_bbr *bbr, const struct quantum_bbr_conf *conf, uint64_t now_ns)
{
	aef_assert(conf->mss_bytes > 0 && conf->rng != NULL);

	*bbr = (struct quantum_bbr){
		.state = QUANTUM_BBR_STARTUP,
		.ack_phase = QUANTUM_BBR_ACKS_INIT,
		.undo_state = QUANTUM_BBR_NONE,
		.min_rtt_ns = BBR_INFINITY,
		.recent_rtt_ns = { BBR_INFINITY, BBR_INFINITY },
		.min_rtt_stamp_ns = now_ns,
		.extra_acked_interval_start_ns = now_ns,
		.inflight_longterm = BBR_INFINITY,
		.probe_up_acked_per_inc = BBR_INFINITY,
		.last_lost_number = QUANTUM_RATE_NONE,
		.conf = *conf,
	};
	if (bbr->conf.initial_cwnd_bytes == 0)
		bbr->conf.initial_cwnd_bytes = INITIAL_CWND_PKTS * conf->mss_bytes;
	bbr->cwnd_bytes = bbr->conf.initial_cwnd_bytes;
	bbr->probe_rtt_cwnd = bbr->conf.initial_cwnd_bytes;
	bbr_reset_short_term_model(bbr);
	bbr_init_pacing_rate(bbr, conf->initial_rtt_ns);
	bbr_set_send_quantum(bbr);
}

void
quantum_bbr_on_path_change(struct quantum_bbr *bbr, uint64_t initial_rtt_ns, uint64_t now_ns)
{
	struct quantum_bbr_conf conf = bbr->conf;

	conf.initial_rtt_ns = initial_rtt_ns;
	quantum_bbr_init(bbr, &conf, now_ns);
}

void
quantum_bbr_set_mss(struct quantum_bbr *bbr, uint32_t mss_bytes)
{
	aef_assert(mss_bytes > 0);

	bbr->conf.mss_bytes = mss_bytes;
	bbr->cwnd_bytes = aef_max_u64(bbr->cwnd_bytes, bbr_min_pipe_cwnd(bbr));
	bbr_set_send_quantum(bbr);
}

static void
exit_probe_rtt(struct quantum_bbr *bbr, const struct quantum_rate *rate, uint64_t now_ns)
{
	bbr_reset_short_term_model(bbr);
	if (!bbr->full_bw_reached) {
		bbr->state = QUANTUM_BBR_STARTUP;
		return;
	}
	bbr_start_probe_bw_down(bbr, rate, now_ns);
	bbr_start_probe_bw_cruise(bbr); /* in flight is already below the BDP */
}

static void
check_probe_rtt_done(struct quantum_bbr *bbr, const struct quantum_rate *rate, uint64_t now_ns)
{
	if (AEF_PLANT == 8)
		return;
	if (bbr->probe_rtt_done_ns == 0 || now_ns <= bbr->probe_rtt_done_ns)
		return;
	bbr->min_rtt_stamp_ns = now_ns;
	bbr_restore_cwnd(bbr);
	exit_probe_rtt(bbr, rate, now_ns);
}

AEF_HOT void
quantum_bbr_on_send(struct quantum_bbr *bbr, struct quantum_rate *rate, uint64_t in_flight_before,
                    uint32_t size_bytes, uint64_t now_ns)
{
	if (in_flight_before == 0 && quantum_rate_is_app_limited(rate)) {
		bbr->idle_restart = true;
		bbr->extra_acked_interval_start_ns = now_ns;
		bbr->extra_acked_delivered = 0;
		if (bbr_is_in_probe_bw(bbr))
			bbr_set_pacing_rate(bbr, 100);
		else if (bbr->state == QUANTUM_BBR_PROBE_RTT)
			check_probe_rtt_done(bbr, rate, now_ns);
	}
	/* Limited when another full packet would not fit: noted now, an ACK only hides it. */
	if (in_flight_before + size_bytes + bbr->conf.mss_bytes > bbr->cwnd_bytes)
		bbr->cwnd_limited_in_round = true;
}

static void
check_full_bw_reached(struct quantum_bbr *bbr, const struct quantum_rate_sample *sample)
{
	const uint64_t rate = sample->delivery_rate_bytes_per_s;

	/* A round without a usable sample is no evidence of a plateau. */
	if (bbr->full_bw_now || !bbr->round_start || sample->is_app_limited || rate == 0)
		return;
	if (rate >= aef_mul_div_u64(bbr->full_bw, 5, 4)) {
		bbr_reset_full_bw(bbr);
		bbr->full_bw = rate;
		return;
	}
	bbr->full_bw_count++;
	bbr->full_bw_now = bbr->full_bw_count >= FULL_BW_ROUNDS;
	if (bbr->full_bw_now)
		bbr->full_bw_reached = true;
}

/* One full round after the first loss: more than 2 % lost, in at least six places. */
static void
check_startup_high_loss(struct quantum_bbr *bbr, const struct quantum_rate_sample *sample)
{
	if (bbr->full_bw_reached || !bbr->loss_round_start ||
	    bbr->loss_bursts_in_round < STARTUP_LOSS_BURSTS ||
	    !bbr_is_loss_congestion(bbr, sample->lost_bytes, sample->tx_in_flight_bytes))
		return;
	bbr->undo_state = QUANTUM_BBR_STARTUP;
	bbr->full_bw_now = true;
	bbr->full_bw_reached = true;
	bbr->inflight_longterm = aef_max_u64(quantum_bbr_bdp_bytes(bbr), bbr->inflight_latest);
}

static void
check_startup_and_drain(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	if (bbr->state == QUANTUM_BBR_STARTUP) {
		check_startup_high_loss(bbr, ack->sample);
		if (bbr->full_bw_reached) {
			bbr->state = QUANTUM_BBR_DRAIN;
			bbr->drain_start_round = bbr->round_count;
		}
	}
	if (bbr->state == QUANTUM_BBR_DRAIN &&
	    (ack->in_flight <= bbr_inflight(bbr, bbr->bw, 100) ||
	     bbr->round_count > bbr->drain_start_round + DRAIN_ROUNDS_MAX))
		bbr_start_probe_bw_down(bbr, ack->rate, ack->now_ns);
}

static void
handle_probe_rtt(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	/* The low rates of this state are ours, not the path's. */
	quantum_rate_mark_app_limited(ack->rate, ack->in_flight);
	if (bbr->probe_rtt_done_ns == 0) {
		if (ack->in_flight > bbr->probe_rtt_cwnd)
			return;
		bbr->probe_rtt_done_ns = ack->now_ns + PROBE_RTT_DURATION_NS;
		bbr->probe_rtt_round_done = false;
		bbr_start_round(bbr, ack->rate);
		return;
	}
	if (bbr->round_start)
		bbr->probe_rtt_round_done = true;
	if (bbr->probe_rtt_round_done)
		check_probe_rtt_done(bbr, ack->rate, ack->now_ns);
}

static void
check_probe_rtt(struct quantum_bbr *bbr, const struct bbr_ack *ack)
{
	if (bbr->state != QUANTUM_BBR_PROBE_RTT && bbr->min_rtt_expired && !bbr->idle_restart) {
		bbr_save_cwnd(bbr);
		bbr->state = QUANTUM_BBR_PROBE_RTT;
		bbr->probe_rtt_done_ns = 0;
		bbr->ack_phase = QUANTUM_BBR_ACKS_PROBE_STOPPING;
		bbr_start_round(bbr, ack->rate);
	}
	if (bbr->state == QUANTUM_BBR_PROBE_RTT)
		handle_probe_rtt(bbr, ack);
	if (ack->sample->delivered_bytes > 0)
		bbr->idle_restart = false;
}

/* draft-ietf-ccwg-bbr: the four states and what each acknowledgement changes. */
AEF_HOT void
quantum_bbr_on_ack(struct quantum_bbr *bbr, struct quantum_rate *rate,
                   const struct quantum_rate_sample *sample, uint64_t in_flight_bytes,
                   uint64_t now_ns)
{
	const struct bbr_ack ack = {
		.rate = rate, .sample = sample, .in_flight = in_flight_bytes, .now_ns = now_ns
	};

	if (!bbr->has_seen_rtt && sample->rtt_ns != QUANTUM_RATE_NONE) {
		bbr->has_seen_rtt = true;
		if (bbr->conf.initial_rtt_ns == 0)
			bbr_init_pacing_rate(bbr, sample->rtt_ns);
	}
	bbr_update_latest_delivery(bbr, &ack);
	bbr_update_congestion_signals(bbr, &ack);
	bbr_note_ce(bbr, &ack);
	bbr_update_ack_aggregation(bbr, &ack);
	check_full_bw_reached(bbr, sample);
	check_startup_and_drain(bbr, &ack);
	bbr_update_probe_bw(bbr, &ack);
	bbr_update_min_rtt(bbr, &ack);
	check_probe_rtt(bbr, &ack);
	bbr_advance_latest_delivery(bbr, &ack);
	bbr->bw = aef_min_u64(bbr->max_bw, bbr->bw_shortterm);

	bbr_set_pacing_rate(bbr, quantum_bbr_pacing_gain_pct(bbr));
	bbr_set_send_quantum(bbr);
	bbr_set_cwnd(bbr, &ack);
}

void
quantum_bbr_on_loss(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                    const struct quantum_rate_pkt *pkt, uint64_t number, uint64_t now_ns)
{
	if (pkt->sent_ns < rate->path_start_ns)
		return;
	bbr_note_loss(bbr, rate);
	/* Neighbours are one burst: a single overflow is not six signs of congestion. */
	if ((bbr->last_lost_number == QUANTUM_RATE_NONE || number != bbr->last_lost_number + 1) &&
	    bbr->loss_bursts_in_round < UINT8_MAX)
		bbr->loss_bursts_in_round++;
	bbr->last_lost_number = number;
	bbr_handle_lost_packet(bbr, rate, pkt, now_ns);
}

void
quantum_bbr_on_spurious_loss(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                             uint64_t now_ns)
{
	(void)now_ns;
	if (bbr->state != QUANTUM_BBR_PROBE_RTT)
		bbr_restore_cwnd(bbr);
	bbr->is_loss_in_round = false;
	bbr->is_in_recovery = false;
	bbr->loss_bursts_in_round = 0;
	bbr_reset_full_bw(bbr);
	bbr->bw_shortterm = aef_max_u64(bbr->bw_shortterm, bbr->undo_bw_shortterm);
	bbr->inflight_shortterm =
		aef_max_u64(bbr->inflight_shortterm, bbr->undo_inflight_shortterm);
	bbr->inflight_longterm = aef_max_u64(bbr->inflight_longterm, bbr->undo_inflight_longterm);

	if (bbr->undo_state == QUANTUM_BBR_STARTUP && bbr->state != QUANTUM_BBR_STARTUP) {
		bbr->full_bw_reached = false;
		if (bbr->state != QUANTUM_BBR_PROBE_RTT)
			bbr->state = QUANTUM_BBR_STARTUP;
	} else if (bbr->undo_state == QUANTUM_BBR_PROBE_BW_UP && bbr_is_in_probe_bw(bbr) &&
	           bbr->state != QUANTUM_BBR_PROBE_BW_UP) {
		/* The verdict on that probe is withdrawn with its loss. */
		bbr->prev_probe_too_high = false;
		bbr_start_probe_bw_refill(bbr, rate);
	}
	bbr->undo_state = QUANTUM_BBR_NONE;
}

void
quantum_bbr_on_persistent_congestion(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                                     uint64_t in_flight_bytes)
{
	bbr_note_loss(bbr, rate);
	bbr_save_cwnd(bbr);
	bbr->cwnd_bytes = in_flight_bytes + bbr->conf.mss_bytes;
}
