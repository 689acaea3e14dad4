/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/path_priv.h - addresses of the peer and what a path carries.
 *
 * Source:  docs/spec/quantum.md chapter 8; RFC 9000 8.1 and 9; RFC 8899.
 * Units:   bytes of datagrams, nanoseconds.
 * Context: the thread that owns the connection.
 */
#ifndef QUANTUM_PATH_PRIV_H
#define QUANTUM_PATH_PRIV_H

#include <quantum/conn.h>

#include "rtx_priv.h"

#define PATH_TRIES_MAX  3u
#define CANDIDATE_MOVES 5u /* path validations begun per 10 s */

struct path_state {
	struct quantum_addr peer;      /* validated */
	struct quantum_addr candidate; /* being validated */
	bool validating;
	uint8_t tries;
	uint8_t next_move;
	uint64_t moves_ns[CANDIDATE_MOVES]; /* when the last ones began; 0: none */
	uint64_t candidate_rx_bytes, candidate_tx_bytes;
	uint64_t retry_ns; /* next challenge, AEF_TIME_NEVER */
	uint64_t asked_ns; /* when the last challenge left */
	uint8_t challenge[8];
	bool challenge_due;
	bool response_due;
	uint8_t answers;     /* in this round trip */
	uint64_t answers_ns; /* when it began */
	struct quantum_addr response_to;
	uint8_t response[8];
};

struct pmtu_state {
	uint16_t mtu;   /* datagram size in use */
	uint16_t probe; /* size being probed; 0: search finished */
	uint8_t tries;
	bool in_flight;
	uint8_t lost_full; /* losses above the base size with no ack of such a size between */
	uint64_t next_ns;
	uint64_t passed_end; /* newest number above the base size that arrived, plus one */
};

void path_init(struct quantum_conn *conn, const struct quantum_addr *peer);
/** Forget what was learnt about the path: RTT, rate model, MTU. */
void path_reset(struct quantum_conn *conn, uint64_t now_ns);
void path_on_packet(struct quantum_conn *conn, const struct quantum_rx *rx, bool is_highest,
                    uint64_t now_ns);
void path_on_challenge(struct quantum_conn *conn, const struct quantum_rx *rx,
                       const uint8_t value[8]);
void path_on_response(struct quantum_conn *conn, const struct quantum_rx *rx,
                      const uint8_t value[8], uint64_t now_ns);
/** A packet for another address than the peer's, if one is due: 1 when built. */
int path_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns);
uint64_t path_deadline_ns(const struct quantum_conn *conn);
void path_on_deadline(struct quantum_conn *conn, uint64_t now_ns);

void pmtu_init(struct quantum_conn *conn);
/** Size of the probe to send now, or 0. */
uint16_t pmtu_probe_due(const struct quantum_conn *conn, uint64_t now_ns);
void pmtu_on_probe_sent(struct quantum_conn *conn);
void pmtu_on_acked(struct quantum_conn *conn, const struct quantum_sent *rec, uint64_t now_ns);
void pmtu_on_lost(struct quantum_conn *conn, const struct quantum_sent *rec, uint64_t now_ns);
void pmtu_on_timeout(struct quantum_conn *conn, uint64_t now_ns);
uint64_t pmtu_deadline_ns(const struct quantum_conn *conn);

#endif
