/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crowd.h - many clients of an appliance in one engine environment, frames by pointer; guest i has
 * the address 10.x.y.z that its number gives.
 *
 * Context: one thread.
 */
#ifndef TESTS_BENCH_CROWD_H
#define TESTS_BENCH_CROWD_H

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <dpio/net.h>
#include <dpio/path.h>
#include <quantum/conn.h>

#include "protection.h"

#define CROWD_PORT      40000u
#define CROWD_HDR_BYTES 42u /* Ethernet, IPv4, UDP */

struct guest {
	struct quantum_conn *conn; /* NULL: not there */
	struct net_path path;
	uint64_t dialled_ns;
	uint64_t deadline_ns;
	bool connected, closed;
	uint8_t last[WIRE_HEADER_BYTES]; /* header of its last datagram */
	uint64_t msgs_received;
};

struct crowd_conf {
	uint32_t guests_max;
	uint32_t busy; /* for which the pools are made */
	const struct crypto_provider *provider;
	struct protect *issuer; /* of this thread */
	const struct net_local *server;
	struct rte_mempool *mp;    /* of frames; borrowed */
	struct rte_ring *wire_out; /* where frames go: the server's input */
};

struct crowd {
	struct crowd_conf conf;
	struct quantum_env *env;
	struct guest *guests; /* [guests_max] */
	void *env_mem, *secret_mem;
	uint64_t tx_pkts, tx_refused; /* frames; of these: the ring was full */
	uint64_t rx_pkts, rx_bytes;
	uint32_t nb_connected;
};

/** @return 0 or AEF_ERR_NOMEM */
int crowd_open(struct crowd *c, const struct crowd_conf *conf);
void crowd_close(struct crowd *c);

/** Let guest @p i dial with a fresh token. @return 0 or an error */
int crowd_dial(struct crowd *c, uint32_t i, uint64_t now_ns, uint64_t unix_ms);

/** Forget guest @p i. */
void crowd_drop(struct crowd *c, uint32_t i);

/** Timers, events and datagrams of guest @p i. @return frames sent */
unsigned crowd_run(struct crowd *c, uint32_t i, uint64_t now_ns);

/** crowd_run() for every guest whose deadline has come. */
void crowd_run_due(struct crowd *c, uint64_t now_ns);

/** One frame from the server; takes the mbuf. @return false: for no guest, still the caller's */
bool crowd_rx(struct crowd *c, struct rte_mbuf *frame, uint64_t now_ns);

/** Queue a message of guest @p i out of static memory. @return as quantum_conn_send() */
int crowd_send(struct crowd *c, uint32_t i, uint16_t channel, const uint8_t *data, uint32_t len,
               uint64_t now_ns);

#endif
