/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/stats.h - counters and gauges of one connection, and the verdict of every datagram.
 *
 * Context: written by the thread that owns the connection.
 */
#ifndef QUANTUM_STATS_H
#define QUANTUM_STATS_H

#include <base/defs.h>

/*
 * Every datagram handed to the engine ends in exactly one of these.
 * X(name, text): the text fits after "dropped because" for all but the first two.
 */
#define QUANTUM_VERDICTS(X)                                                                        \
	X(ACCEPTED, "processed")                                                                   \
	X(ACCEPTED_DUPLICATE_ACK, "a repeated handshake ACK of a live connection")                 \
	X(NOT_QUANTUM, "it is not a Quantum datagram")                                             \
	X(BAD_LENGTH, "its lengths do not fit together")                                           \
	X(BAD_FLAGS, "its flags are no class")                                                     \
	X(BAD_VERSION, "its version is not spoken here")                                           \
	X(UNKNOWN_CID, "its connection id is unknown")                                             \
	X(WRONG_CLASS, "its class does not fit the state")                                         \
	X(NO_KEY, "its key epoch has no key")                                                      \
	X(OLD, "its packet number is below the replay window")                                     \
	X(DUPLICATE, "its packet number was received before")                                      \
	X(BAD_TAG, "its tag does not verify")                                                      \
	X(BAD_FRAME, "a frame is malformed")                                                       \
	X(BAD_ACK, "it acknowledges what was never sent")                                          \
	X(NO_ROOM, "a pool is empty")                                                              \
	X(PROTOCOL, "it breaks a rule of the protocol")                                            \
	X(CLOSED, "the connection is closed")                                                      \
	X(BAD_TOKEN, "its token is forged or belongs to another connection id")                    \
	X(TOKEN_EXPIRED, "its token has expired or is not valid yet")                              \
	X(TOKEN_FOREIGN, "its token is of a node group or key epoch that is not accepted here")    \
	X(TOKEN_REVOKED, "the key epoch of its token is revoked")                                  \
	X(TOKEN_ADDRESS, "its token is for another address")                                       \
	X(BAD_COOKIE, "its cookie does not prove the address")                                     \
	X(BAD_MAC, "its MAC does not verify")                                                      \
	X(TOKEN_USED, "its token was used before")                                                 \
	X(ACK_PENDING, "a repeated handshake ACK whose keys are still being derived")              \
	X(ACK_ENDED, "a repeated handshake ACK whose connection has ended")                        \
	X(TABLE_FULL, "the table of used tokens is full")                                          \
	X(BUSY, "no connection slot is free")                                                      \
	X(BUSY_QUEUE, "too many handshakes wait for public-key work")                              \
	X(BUSY_SHUTDOWN, "the node is shutting down")                                              \
	X(REPLIED_SYN, "answered with SYN+ACK, nothing kept")                                      \
	X(REPLIED_VERSION, "answered with a version reply")                                        \
	X(REPLIED_RESET, "answered with a reset")                                                  \
	X(RATE_LIMITED, "its answer is rate-limited")                                              \
	X(RATE_SYN, "its token asks too often from one source prefix")                             \
	X(RATE_ACK, "its source prefix sends too many handshake ACKs")                             \
	X(RATE_TOKEN, "too many handshake ACKs of its token were worked on in vain")

enum quantum_verdict {
#define QUANTUM_VERDICT_ENUM(name, text) QUANTUM_VERDICT_##name,
	QUANTUM_VERDICTS(QUANTUM_VERDICT_ENUM)
#undef QUANTUM_VERDICT_ENUM
		QUANTUM_NB_VERDICTS
};

/** Name of a verdict as it is written above, in upper case ("BAD_TAG"), static storage. */
const char *quantum_verdict_name(enum quantum_verdict verdict);

/** Its text of QUANTUM_VERDICTS, static storage. */
const char *quantum_verdict_text(enum quantum_verdict verdict);

struct quantum_stats {
	/* counters */
	uint64_t tx_pkts, tx_bytes;              /* datagrams built, UDP payload */
	uint64_t rx_pkts, rx_bytes;              /* authenticated datagrams */
	uint64_t tx_data_bytes;                  /* message bytes, first transmissions */
	uint64_t tx_retransmit_bytes;            /* message bytes sent again */
	uint64_t rx_data_bytes;                  /* message bytes delivered */
	uint64_t copied_bytes;                   /* message bytes copied: into packets, never out */
	uint64_t tx_msgs, rx_msgs, expired_msgs; /* given up here */
	uint64_t lost_pkts, spurious_pkts;       /* declared lost; of these acked later */
	uint64_t probes, rtos;
	uint64_t fec_source_pkts, fec_repair_pkts; /* sent */
	uint64_t fec_recovered_pkts;               /* payloads repaired here */
	uint64_t fec_peer_recovered_pkts;          /* payloads of ours that the peer repaired */
	uint64_t ce_pkts;                          /* received with a CE mark */
	uint64_t acks_only_pkts;
	uint64_t tx_dropped_pkts; /* built, but dropped by the driver */
	uint64_t path_changes;
	uint64_t verdicts[QUANTUM_NB_VERDICTS];
	/* gauges */
	uint64_t srtt_ns, rttvar_ns, min_rtt_ns, rto_ns;
	uint64_t cwnd_bytes, in_flight_bytes, pacing_bytes_per_s, bw_bytes_per_s;
	uint64_t reo_window_ns;
	uint32_t mtu_bytes;
	uint8_t bbr_state;
	uint8_t fec_m; /* repair symbols per block now in use; 0 = off */
};

/** Name of a congestion-control state of `bbr_state`, static storage. */
const char *quantum_bbr_state_name(uint8_t state);

#endif
