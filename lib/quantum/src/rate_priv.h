/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rate_priv.h - delivery-rate samples: what was sent and acknowledged in, bytes per second out.
 *
 * Source:  draft-ietf-ccwg-bbr, section "Delivery Rate Samples" (per-packet snapshot, send rate and
 *          ack rate, application-limited bubble).
 * Units:   bytes are UDP payload bytes of data packets; every time is in nanoseconds and comes from
 *          the caller; rates are bytes per second.
 * Context: the thread that owns the connection. No lock, no allocation, no I/O.
 *
 * Order of calls, each with a reason in transport history (tests rate_test.c name them):
 *   send:  on_send() with the bytes in flight BEFORE this packet is added;
 *   ACK:   check_app_limited() with the old in-flight, sample_begin(), on_ack() for each newly
 * acked packet, on_loss() for each packet this ACK shows lost, then sample_finish(); timer:
 * check_app_limited(), on_loss() with a NULL sample.
 */
#ifndef QUANTUM_RATE_PRIV_H
#define QUANTUM_RATE_PRIV_H

#include <base/defs.h>

/** No packet number, no time, no bound. */
#define QUANTUM_RATE_NONE UINT64_MAX

/** Per connection (draft: C). */
struct quantum_rate {
	uint64_t delivered_bytes; /* acknowledged so far */
	uint64_t delivered_ns;    /* when delivered_bytes last rose, or the send time after idle */
	uint64_t first_sent_ns;   /* send time of the packet delivered last, or of the first after
	                             idle */
	uint64_t lost_bytes;      /* declared lost so far; a spurious loss is not taken back */
	uint64_t app_limited_at_bytes; /* bubble leaves the pipe past this delivered count; 0: none
	                                */
	uint64_t path_start_ns; /* packets sent before belong to another path and count for nothing
	                         */
};

/** Per sent packet or per aggregate (draft: P); embedded in the sent record. */
struct quantum_rate_pkt {
	uint64_t sent_ns;
	uint64_t first_sent_ns;
	uint64_t delivered_ns;
	uint64_t delivered_bytes;
	uint64_t lost_bytes;
	uint32_t tx_in_flight_bytes; /* in flight just after it was sent, itself included */
	uint32_t size_bytes : 24;
	uint32_t is_app_limited : 1;
	uint32_t is_acked : 1;
};
static_assert(sizeof(struct quantum_rate_pkt) == 48, "one per sent record: keep it small");

/** Per ACK (draft: RS). Valid after quantum_rate_sample_finish(). */
struct quantum_rate_sample {
	uint64_t delivery_rate_bytes_per_s; /* 0: no reliable rate in this ACK */
	uint64_t interval_ns;
	uint64_t delivered_bytes;       /* over the interval */
	uint64_t prior_delivered_bytes; /* delivered when the newest acked packet was sent */
	uint64_t rtt_ns;                /* of the newest acked packet; QUANTUM_RATE_NONE: none */
	uint64_t newly_acked_bytes;
	uint64_t newly_lost_bytes;
	uint64_t lost_bytes;         /* lost since the newest acked packet was sent */
	uint64_t tx_in_flight_bytes; /* in flight when the newest acked packet was sent */
	uint64_t newly_ce_pkts;      /* rise of the peer's CE count; set by the caller, else 0 */
	bool is_app_limited;
	bool has_data; /* at least one packet was newly acknowledged */
	/* Work of this module. */
	uint64_t newest_number;
	uint64_t send_elapsed_ns;
	uint64_t ack_elapsed_ns;
	uint64_t prior_lost_bytes;
};

/** Start a connection: nothing delivered, nothing lost. */
void quantum_rate_init(struct quantum_rate *rate, uint64_t now_ns);

/**
 * The path changed: ACKs and losses of packets sent before @p now_ns no longer count (RFC 9000
 * section 9.4: another path's packets say nothing about this one).
 *
 * Totals go on, so that records still in flight need not be touched.
 */
void quantum_rate_on_path_change(struct quantum_rate *rate, uint64_t now_ns);

/**
 * Take the snapshot of one packet that is being sent now.
 *
 * @param rate             connection part, mutated when nothing is in flight
 * @param pkt              per-packet part, written whole
 * @param size_bytes       of this packet, below 2^24; counts as in flight from now on
 * @param in_flight_before bytes in flight before this packet; lost and acked ones are not in it
 * @param now_ns           departure time
 */
void quantum_rate_on_send(struct quantum_rate *rate, struct quantum_rate_pkt *pkt,
                          uint32_t size_bytes, uint64_t in_flight_before, uint64_t now_ns);

/** Start the sample of one ACK. */
void quantum_rate_sample_begin(struct quantum_rate_sample *sample);

/**
 * Count one newly acknowledged packet; a second call for the same packet changes nothing.
 *
 * @param number  its packet number: a later transmission has a higher one
 *
 * A packet that was declared lost and arrives after all is passed here as well.
 */
void quantum_rate_on_ack(struct quantum_rate *rate, struct quantum_rate_sample *sample,
                         struct quantum_rate_pkt *pkt, uint64_t number, uint64_t now_ns);

/** Count one packet that was declared lost. @p sample is NULL when a timer found it. */
void quantum_rate_on_loss(struct quantum_rate *rate, struct quantum_rate_sample *sample,
                          const struct quantum_rate_pkt *pkt);

/**
 * Complete the sample after all on_ack() and on_loss() of this ACK.
 *
 * @param min_rtt_ns  lowest RTT known, QUANTUM_RATE_NONE if none; a shorter interval gives no rate
 */
void quantum_rate_sample_finish(struct quantum_rate *rate, struct quantum_rate_sample *sample,
                                uint64_t min_rtt_ns);

/** Mark everything in flight as application-limited (draft: MarkConnectionAppLimited). */
void quantum_rate_mark_app_limited(struct quantum_rate *rate, uint64_t in_flight_bytes);

/**
 * Mark only when the application is what limits us: nothing to send and window to spare.
 *
 * @param unsent_bytes  new data, retransmissions and repair packets that wait, also for the pacer
 *
 * Call it at the start of ACK and timer processing, before the in-flight count or the window
 * changes, and before new application data is queued. Never call it because the pacer delays.
 */
void quantum_rate_check_app_limited(struct quantum_rate *rate, uint64_t unsent_bytes,
                                    uint64_t in_flight_bytes, uint64_t cwnd_bytes);

/** True while a bubble of application idleness is in the pipe. */
static inline bool
quantum_rate_is_app_limited(const struct quantum_rate *rate)
{
	return rate->app_limited_at_bytes != 0;
}

#endif
