/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer.h - a client of the appliance: the engine over mbufs, frames by pointer in both directions.
 *
 * Context: one thread for all peers of an appliance.
 */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include <rte_mbuf.h>

#include <dpio/net.h>
#include <dpio/path.h>
#include <dpio/pool.h>
#include <protect/token.h>
#include <quantum/conn.h>

/* Of the clients' thread. */
struct peer_keys {
	const struct crypto_provider *provider;
	struct protect *issuer;
};

struct peer {
	const struct crypto_provider *provider;
	struct rte_mempool *mp; /* frames; borrowed */
	struct quantum_env *env;
	void *mem; /* of env; owned */
	struct quantum_conn *conn;
	struct net_local local;
	struct net_path path; /* to the server */
	bool connected, closed;
	uint64_t msgs_sent, msgs_received, bytes_received;
};

/**
 * Dial @p server as client number @p nr (2 to 250).
 *
 * @param unix_ms the server's wall clock, for the connect token
 * @return 0, or an error
 */
int peer_open(struct peer *p, unsigned nr, const struct peer_keys *keys,
              const struct net_local *server, struct rte_mempool *mp, uint64_t now_ns,
              uint64_t unix_ms);
void peer_close(struct peer *p);

/** Frames to send now. @return how many */
unsigned peer_tx(struct peer *p, struct rte_mbuf **ret_frames, unsigned max, uint64_t now_ns);

/** One frame from the server; takes the mbuf. @return false: of another peer, not taken */
bool peer_rx(struct peer *p, struct rte_mbuf *frame, uint64_t now_ns);

/** Timers and events. */
void peer_run(struct peer *p, uint64_t now_ns);

/** Queue one message out of static memory. @return as quantum_conn_send */
int peer_send(struct peer *p, uint16_t channel, const uint8_t *data, uint32_t len, uint64_t now_ns);

#endif
