/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr_model_priv.h - inside of the congestion controller: what its four files call of each other.
 *
 * Source:  draft-ietf-ccwg-bbr; bbr.c events and the states outside PROBE_BW, bbr_probe_bw.c the
 * probing cycle and the long-term model, bbr_model.c the estimators, bbr_control.c the outputs.
 * Context: the thread that owns the connection. Not for other files.
 */
#ifndef QUANTUM_BBR_MODEL_PRIV_H
#define QUANTUM_BBR_MODEL_PRIV_H

#include "bbr_priv.h"

#define BBR_INFINITY UINT64_MAX

/* One ACK with everything the steps need. */
struct bbr_ack {
	struct quantum_rate *rate;
	const struct quantum_rate_sample *sample;
	uint64_t in_flight;
	uint64_t now_ns;
};

/* bbr.c */
bool bbr_is_in_probe_bw(const struct quantum_bbr *bbr);
bool bbr_is_probing(const struct quantum_bbr *bbr);
void bbr_start_round(struct quantum_bbr *bbr, const struct quantum_rate *rate);
void bbr_reset_full_bw(struct quantum_bbr *bbr);

/* bbr_model.c */
void bbr_reset_congestion_signals(struct quantum_bbr *bbr);
void bbr_reset_short_term_model(struct quantum_bbr *bbr);
void bbr_update_latest_delivery(struct quantum_bbr *bbr, const struct bbr_ack *ack);
void bbr_update_congestion_signals(struct quantum_bbr *bbr, const struct bbr_ack *ack);
void bbr_update_ack_aggregation(struct quantum_bbr *bbr, const struct bbr_ack *ack);
void bbr_update_min_rtt(struct quantum_bbr *bbr, const struct bbr_ack *ack);
void bbr_advance_latest_delivery(struct quantum_bbr *bbr, const struct bbr_ack *ack);
void bbr_advance_max_bw_filter(struct quantum_bbr *bbr);
void bbr_note_loss(struct quantum_bbr *bbr, const struct quantum_rate *rate);
void bbr_note_ce(struct quantum_bbr *bbr, const struct bbr_ack *ack);
/* More than LossThresh (2 %) of what was in flight is lost. */
bool bbr_is_loss_too_high(uint64_t lost_bytes, uint64_t tx_in_flight_bytes);
/*
 * The loss means congestion: too high, and either a queue stands (RTT above its minimum) or it is
 * so high that no random loss explains it.
 */
bool bbr_is_loss_congestion(const struct quantum_bbr *bbr, uint64_t lost_bytes,
                            uint64_t tx_in_flight_bytes);
/* Volume for @p gain_pct of the bandwidth-delay product at @p bw, with the floors of the send path.
 */
uint64_t bbr_inflight(const struct quantum_bbr *bbr, uint64_t bw, uint32_t gain_pct);
uint64_t bbr_bdp_multiple(const struct quantum_bbr *bbr, uint64_t bw, uint32_t gain_pct);
uint64_t bbr_quantization_budget(const struct quantum_bbr *bbr, uint64_t inflight_cap);
uint64_t bbr_min_pipe_cwnd(const struct quantum_bbr *bbr);
uint64_t bbr_target_inflight(const struct quantum_bbr *bbr);

/* bbr_probe_bw.c */
void bbr_start_probe_bw_down(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                             uint64_t now_ns);
void bbr_start_probe_bw_cruise(struct quantum_bbr *bbr);
void bbr_start_probe_bw_refill(struct quantum_bbr *bbr, const struct quantum_rate *rate);
void bbr_update_probe_bw(struct quantum_bbr *bbr, const struct bbr_ack *ack);
/* What one lost packet, or a round full of CE, says about the volume that was in flight. */
struct bbr_too_high {
	uint64_t tx_in_flight;
	bool is_app_limited;
};
void bbr_handle_inflight_too_high(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                                  const struct bbr_too_high *what, uint64_t now_ns);
void bbr_handle_lost_packet(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                            const struct quantum_rate_pkt *pkt, uint64_t now_ns);
uint64_t bbr_inflight_with_headroom(const struct quantum_bbr *bbr);

/* bbr_control.c */
void bbr_init_pacing_rate(struct quantum_bbr *bbr, uint64_t rtt_ns);
void bbr_set_pacing_rate(struct quantum_bbr *bbr, uint32_t gain_pct);
void bbr_set_send_quantum(struct quantum_bbr *bbr);
void bbr_set_cwnd(struct quantum_bbr *bbr, const struct bbr_ack *ack);
void bbr_save_cwnd(struct quantum_bbr *bbr);
void bbr_restore_cwnd(struct quantum_bbr *bbr);

#endif
