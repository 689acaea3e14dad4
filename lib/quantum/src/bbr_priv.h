/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr_priv.h - congestion control of one path: delivery-rate samples and losses in; congestion
 * window, pacing rate and send quantum out.
 *
 * Source:  draft-ietf-ccwg-bbr (BBRv3), the working group's text after revision 06; function and
 *          field names follow its pseudocode. Three choices where it leaves room:
 *          - loss recovery ends with the first packet-timed round without a loss;
 *          - ECN: the draft asks that CE counts as congestion. A round with CE lowers the
 * short-term model like a round with loss; more than half of a round marked counts as "in flight
 * too high" while probing, and twice in a row as a full pipe in STARTUP (as BBRv2 did);
 *          - a path that idled or was application-limited keeps max_bw (no aging without samples).
 * Units:   nanoseconds, bytes (UDP payload), bytes per second. "Infinity" is UINT64_MAX.
 * Context: the thread that owns the connection. No lock, no allocation, no I/O.
 *
 * Order of calls:
 *   send:  quantum_bbr_on_send() with the bytes in flight BEFORE the packet, then
 *          quantum_rate_on_send();
 *   ACK:   the sample as rate_priv.h says, with quantum_bbr_on_loss() after each
 *          quantum_rate_on_loss(); after quantum_rate_sample_finish() and with in-flight already
 *          reduced: quantum_bbr_on_ack() if sample.has_data or newly_ce_pkts;
 *   timer: quantum_rate_on_loss() and quantum_bbr_on_loss() per lost packet.
 */
#ifndef QUANTUM_BBR_PRIV_H
#define QUANTUM_BBR_PRIV_H

#include <base/defs.h>
#include <base/rng.h>

#include "rate_priv.h"

enum quantum_bbr_state {
	QUANTUM_BBR_STARTUP,
	QUANTUM_BBR_DRAIN,
	QUANTUM_BBR_PROBE_BW_DOWN,
	QUANTUM_BBR_PROBE_BW_CRUISE,
	QUANTUM_BBR_PROBE_BW_REFILL,
	QUANTUM_BBR_PROBE_BW_UP,
	QUANTUM_BBR_PROBE_RTT,
	QUANTUM_BBR_NONE, /* only as undo_state: nothing to return to */
};

/** What the ACKs that arrive now say about bandwidth probing. */
enum quantum_bbr_ack_phase {
	QUANTUM_BBR_ACKS_INIT,
	QUANTUM_BBR_ACKS_REFILLING,
	QUANTUM_BBR_ACKS_PROBE_STARTING,
	QUANTUM_BBR_ACKS_PROBE_FEEDBACK,
	QUANTUM_BBR_ACKS_PROBE_STOPPING,
};

struct quantum_bbr_conf {
	struct aef_rng *rng;     /* borrowed for the life of the controller; spreads the probes */
	uint64_t initial_rtt_ns; /* of the handshake, paces the first window; 0: unknown */
	uint32_t initial_cwnd_bytes; /* 0: 10 packets (RFC 6928) */
	uint32_t mss_bytes;          /* largest datagram of this path (or aggregate), > 0 */
};

struct quantum_bbr {
	/* Outputs: the send path reads these and nothing else. */
	uint64_t cwnd_bytes;
	uint64_t pacing_rate_bytes_per_s;
	uint32_t send_quantum_bytes;
	uint8_t state; /* enum quantum_bbr_state */

	/* Flags, all of one ACK or one phase. */
	uint8_t ack_phase;
	uint8_t undo_state;
	uint8_t full_bw_count;
	bool round_start;
	bool loss_round_start;
	bool is_loss_in_round;
	bool is_bw_probe_sample;
	bool is_in_recovery;
	bool full_bw_now;
	bool full_bw_reached;
	bool idle_restart;
	bool min_rtt_expired;
	bool probe_rtt_round_done;
	bool prev_probe_too_high;
	bool prev_probe_precautionary;
	bool cwnd_limited_in_round;   /* at any time in this round: never sampled after an ACK */
	bool cwnd_limited_last_round; /* the same for the round before */
	bool has_seen_rtt;
	uint8_t bw_probe_up_rounds;
	uint8_t loss_bursts_in_round;
	uint8_t startup_ce_rounds;
	uint8_t extra_acked_rounds;

	/* Path model: rate. */
	uint64_t bw;
	uint64_t max_bw;
	uint64_t max_bw_filter[2]; /* previous and current probing cycle */
	uint64_t bw_shortterm;
	uint64_t bw_latest;
	uint64_t full_bw;

	/* Path model: volume. */
	uint64_t min_rtt_ns;
	uint64_t min_rtt_stamp_ns;
	uint64_t recent_rtt_ns[2]; /* lowest of the present and of the last few samples */
	uint64_t inflight_shortterm;
	uint64_t inflight_longterm;
	uint64_t inflight_latest;
	uint64_t max_inflight;
	uint64_t extra_acked;
	uint64_t extra_acked_filter[2]; /* two windows of 5 rounds: 6 to 10 rounds of memory */
	uint64_t extra_acked_delivered;
	uint64_t extra_acked_interval_start_ns;

	/* Rounds and phases. */
	uint64_t round_count;
	uint64_t next_round_delivered;
	uint64_t loss_round_delivered;
	uint64_t last_lost_number; /* to count discontiguous ranges */
	uint64_t drain_start_round;
	uint64_t cycle_stamp_ns;
	uint64_t bw_probe_wait_ns;
	uint64_t probe_up_acked_per_inc;
	uint64_t bw_probe_up_acked;
	uint64_t rounds_since_probe_up;
	uint64_t probe_rtt_done_ns; /* 0: in flight not yet low enough */
	uint64_t probe_rtt_cwnd;
	uint64_t ce_pkts_in_round;
	uint64_t acked_bytes_in_round;
	uint8_t nb_recent_rtts;
	bool is_ce_in_round; /* since the loss round began */

	/* Saved for recovery, PROBE_RTT and undo. */
	uint64_t prior_cwnd;
	uint64_t undo_bw_shortterm;
	uint64_t undo_inflight_shortterm;
	uint64_t undo_inflight_longterm;

	struct quantum_bbr_conf conf;
};

/** Start a connection. @p conf is copied; its rng is borrowed until the controller is gone. */
void quantum_bbr_init(struct quantum_bbr *bbr, const struct quantum_bbr_conf *conf,
                      uint64_t now_ns);

/**
 * Forget the path: new address, or a path that was validated anew (RFC 9000 section 9.4).
 *
 * The caller also calls quantum_rate_on_path_change() and sets the pacer.
 */
void quantum_bbr_on_path_change(struct quantum_bbr *bbr, uint64_t initial_rtt_ns, uint64_t now_ns);

/** The datagram size changed (DPLPMTUD): floors and quanta follow. */
void quantum_bbr_set_mss(struct quantum_bbr *bbr, uint32_t mss_bytes);

/**
 * A data packet is about to leave: notes restart from idle and a full window.
 *
 * @param in_flight_before  bytes in flight WITHOUT this packet; with it the restart from idle would
 *                          never be seen (draft: HandleRestartFromIdle)
 * @param size_bytes        of the packet
 *
 * The pacing rate may change here: set the pacer after this call when restarting from idle.
 */
void quantum_bbr_on_send(struct quantum_bbr *bbr, struct quantum_rate *rate,
                         uint64_t in_flight_before, uint32_t size_bytes, uint64_t now_ns);

/**
 * Feed one ACK that newly acknowledged a packet or raised the CE count.
 *
 * @param rate             borrowed, mutated: PROBE_RTT marks its samples application-limited
 * @param sample           finished by quantum_rate_sample_finish()
 * @param in_flight_bytes  after acknowledged and lost packets of this ACK were taken out
 */
void quantum_bbr_on_ack(struct quantum_bbr *bbr, struct quantum_rate *rate,
                        const struct quantum_rate_sample *sample, uint64_t in_flight_bytes,
                        uint64_t now_ns);

/**
 * Feed one packet declared lost, in ascending packet number, after quantum_rate_on_loss().
 *
 * @param number  packet number: neighbours count as one burst
 *
 * Not for lost path-MTU probes. Packets of an earlier path are ignored.
 */
void quantum_bbr_on_loss(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                         const struct quantum_rate_pkt *pkt, uint64_t number, uint64_t now_ns);

/**
 * The last loss episode was spurious: give back what it took, return to the interrupted probe.
 *
 * Call it once every packet of the episode that was declared lost has arrived after all.
 *
 * @param now_ns  of the ACK that proved it; every event has its time, this one needs none today
 */
void quantum_bbr_on_spurious_loss(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                                  uint64_t now_ns);

/**
 * Persistent congestion (RFC 9002 section 7.6): the window shrinks to what is in flight plus one
 * packet, and grows back with ACKs; restored when recovery ends or the loss proves spurious.
 */
void quantum_bbr_on_persistent_congestion(struct quantum_bbr *bbr, const struct quantum_rate *rate,
                                          uint64_t in_flight_bytes);

/** Estimated bandwidth-delay product; the initial window before the first RTT sample. */
uint64_t quantum_bbr_bdp_bytes(const struct quantum_bbr *bbr);

/** True in states where the peer should acknowledge at least four times per round trip. */
bool quantum_bbr_wants_frequent_acks(const struct quantum_bbr *bbr);

/** Gain that scales bw to the pacing rate in the current state, in percent. */
uint32_t quantum_bbr_pacing_gain_pct(const struct quantum_bbr *bbr);

/** Gain that scales the bandwidth-delay product to the window in the current state, in percent. */
uint32_t quantum_bbr_cwnd_gain_pct(const struct quantum_bbr *bbr);

#endif
