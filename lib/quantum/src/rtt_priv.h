/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/rtt_priv.h - round-trip time of one path: samples in, smoothed RTT and timeouts out.
 *
 * Source:  RFC 6298 section 2 (SRTT, RTTVAR, RTO); RFC 9002 sections 5.2, 5.3 and 6.2.1 (min_rtt,
 *          acknowledgement delay, probe timeout).
 * Units:   every time is in nanoseconds; every clock value comes from the caller.
 * Context: the thread that owns the connection. No lock, no allocation, no I/O.
 */
#ifndef QUANTUM_RTT_PRIV_H
#define QUANTUM_RTT_PRIV_H

#include <base/defs.h>
#include <base/time.h>

#define QUANTUM_RTT_INITIAL_NS     (100 * AEF_NS_PER_MS) /* before the first sample */
#define QUANTUM_RTO_MIN_NS         (200 * AEF_NS_PER_MS) /* DESIGN 3 */
#define QUANTUM_RTO_MAX_NS         (60 * AEF_NS_PER_S)   /* RFC 6298 2.5 */
#define QUANTUM_BACKOFF_MAX_NS     (3 * AEF_NS_PER_S)    /* longest silence */
#define QUANTUM_RTT_GRANULARITY_NS AEF_NS_PER_MS         /* RFC 9002 6.1.2 */
#define QUANTUM_MAX_ACK_DELAY_NS   (25 * AEF_NS_PER_MS)  /* RFC 9000 18.2; both ends use it */
#define QUANTUM_RTT_MIN_WINDOW_NS  (60 * AEF_NS_PER_S)   /* half of the window of min_ns */

struct quantum_rtt {
	uint64_t srtt_ns;    /* QUANTUM_RTT_INITIAL_NS until the first sample */
	uint64_t rttvar_ns;  /* mean deviation */
	uint64_t latest_ns;  /* last sample, acknowledgement delay included; 0 before the first */
	uint64_t min_ns;     /* lowest sample of the last one to two windows; UINT64_MAX before the
	                        first */
	uint64_t min_cur_ns; /* lowest sample of the running window */
	uint64_t min_start_ns;       /* when the running window began */
	uint64_t max_ack_delay_ns;   /* the peer's limit */
	uint64_t first_sample_at_ns; /* clock at the first sample; AEF_TIME_NEVER before */
};

/**
 * Start without a sample; also on a new path.
 *
 * @param max_ack_delay_ns longest time the peer holds an acknowledgement back
 */
void quantum_rtt_init(struct quantum_rtt *rtt, uint64_t max_ack_delay_ns);

/**
 * Feed one sample (RFC 6298 2.2 and 2.3, RFC 9002 5.3).
 *
 * @param sample_ns    now minus the send time of the newest newly acknowledged packet; > 0
 * @param ack_delay_ns delay the peer reports; clamped here, so any wire value is safe
 * @param now_ns       clock
 * @return 0, or AEF_ERR_MALFORMED when sample_ns is 0 (then rtt is untouched)
 */
AEF_MUST_CHECK int quantum_rtt_update(struct quantum_rtt *rtt, uint64_t sample_ns,
                                      uint64_t ack_delay_ns, uint64_t now_ns);

/** Retransmission timeout: SRTT + max(granularity, 4 RTTVAR), 200 ms to 60 s (RFC 6298 2). */
uint64_t quantum_rtt_rto_ns(const struct quantum_rtt *rtt);

/** Probe timeout without backoff: SRTT + max(4 RTTVAR, 1 ms) + max_ack_delay (RFC 9002 6.2.1). */
uint64_t quantum_rtt_pto_ns(const struct quantum_rtt *rtt);

static inline bool
quantum_rtt_has_sample(const struct quantum_rtt *rtt)
{
	return rtt->latest_ns != 0;
}

#endif
