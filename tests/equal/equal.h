/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * equal.h - one scenario, two servers: the engine called directly, and the whole appliance over
 * net_ring. Both must send and receive the same bytes at the same nanosecond.
 *
 *   plan (of the simulator) -> world: clients, links, time, hash
 *                                |-- direct: engine, no ring, no frame          (A)
 *                                `-- ring:   frames, port, pipeline, worker     (B)
 *
 * The order of work at one instant, which both servers follow: up to EQUAL_BURST datagrams through
 * look-up, handshake, prepare, open, commit; up to EQUAL_BURST commands of the application; timers
 * that are due; then for each connection that was touched, in that order, its events to the
 * application and its datagrams; then up to EQUAL_BURST events in the application. Again until
 * nothing is left.
 */
#ifndef TESTS_EQUAL_EQUAL_H
#define TESTS_EQUAL_EQUAL_H

#include <base/siphash.h>
#include <quantum/server.h>
#include <service/service.h>

#include "plan.h"

#define EQUAL_BURST       32u
#define EQUAL_LINK_SLOTS  8192u
#define EQUAL_TX_PER_CONN 32u
#define EQUAL_PAYLOAD_MAX 1452u
#define EQUAL_TOKENS      4096u
#define EQUAL_UDP_PORT    4433u
#define EQUAL_BUF_BYTES   2048u /* of a reply of the service */
#define EQUAL_STEPS_MAX   100000u

struct world;

/* A datagram or message head; the engine counts references to it. */
struct equal_buf {
	struct world *world;
	uint32_t refs;
	uint32_t len;
	uint32_t client;
	uint8_t ecn;
	struct quantum_addr from;
	uint8_t data[];
};

/* What makes a server what it is; both are given the same. */
struct server_seed {
	uint64_t engine;
	uint8_t cid_key[16], handshake[64];
};

struct server_ops {
	const char *name;
	void *(*open)(struct world *world, const struct server_seed *seed);
	/* Checks that nothing is left in use. */
	void (*close)(void *server);
	void (*rotate)(void *server, const uint8_t random[64]);
	/* A datagram arrives; the caller keeps its reference. */
	void (*arrive)(void *server, struct equal_buf *buf);
	/* One step; @return 0 when nothing was done. */
	unsigned (*step)(void *server);
	uint64_t (*next_ns)(const void *server);
};

/* For the first difference of two runs. */
struct equal_record {
	uint64_t at_ns, sum;
	uint32_t len;
	uint8_t client, what; /* enum equal_what */
};

enum equal_what { EQUAL_UP_IN, EQUAL_UP_OUT, EQUAL_DOWN_IN, EQUAL_DOWN_OUT };

struct client {
	struct quantum_env *env;
	void *env_mem;
	struct link link[2]; /* 0: to the server */
	void *link_mem[2];
	struct quantum_addr addr; /* as the server sees it */
	struct quantum_conn *conn;
	uint64_t connect_ns, deadline_ns, send_ns;
	bool connected, blocked, closed;
	struct aef_rng rng, link_rng, secrets;
};

struct totals {
	uint64_t datagrams, bytes, sent, delivered, sessions, restarts, moves;
	uint64_t verdicts[4]; /* of links: lost, duplicated, corrupted, reordered */
};

struct world {
	struct sim_plan plan;
	uint64_t start_ns; /* added to all times of the plan */
	uint64_t now_ns;
	const struct crypto_provider *crypto; /* the real one, under keys of the seed */
	struct protect *protect;
	struct protect_ring *ring;
	const struct server_ops *ops;
	void *server;
	struct quantum_addr server_addr;
	struct client client[SIM_CLIENTS_MAX];
	uint32_t next_action;
	bool sending, closing, over;
	uint64_t nb_bufs;
	struct aef_rng rng_server;
	struct aef_siphash hash;
	struct equal_record *records;
	uint64_t nb_records, cap_records;
	struct totals totals;
	bool failed;
	char failure[256];
};

/* ---- world.c */
void world_open(struct world *world, uint64_t seed, uint32_t trouble_s,
                const struct server_ops *ops);
void world_run(struct world *world);
/** @return hash of all datagrams and times; the records stay until world_forget(). */
uint64_t world_close(struct world *world);
void world_forget(struct world *world);
void world_fail(struct world *world, const char *fmt, ...) AEF_PRINTF(2, 3);
/** The server sends a datagram to @p to. */
void world_from_server(struct world *world, const struct quantum_addr *to, const uint8_t *data,
                       uint32_t len, uint8_t ecn);
/** Client @p i sends. */
void world_from_client(struct world *world, uint32_t i, const uint8_t *data, uint32_t len,
                       uint8_t ecn);
struct equal_buf *buf_get(struct world *world, uint32_t len);
void buf_put(struct equal_buf *buf);
struct quantum_buf_ops buf_ops(struct world *world);
void *mem_take(size_t bytes);
void pools_check(struct world *world, const struct quantum_env *env, const char *whose);
void random_fill(struct aef_rng *rng, uint8_t *bytes, size_t len);

/* ---- client.c */
void client_connect(struct world *world, uint32_t i);
void client_arrive(struct world *world, uint32_t i, struct equal_buf *buf);
/** Transmit, poll, run timers until nothing is left at this instant. */
void client_service(struct world *world, uint32_t i);
void client_timer(struct world *world, uint32_t i);
void client_send(struct world *world, uint32_t i);
void client_drop(struct world *world, uint32_t i);

/* ---- servers */
extern const struct server_ops direct_server, ring_server;
/** Bring EAL, pools and port up, once. @return 0 or an error, with a sentence on stderr */
int ring_start(void);
void ring_stop(void);

/* ---- service.c: the application of the server: echo and sink; conf is the world's plan. */
extern const struct service_ops equal_service;

#endif
