/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.h - an appliance (transport lcores, one worker) on a port of rings, and clients at the other
 * end, all run by one thread on a virtual clock.
 *
 *   clients -> wire_in[lcore] -> pipeline -> worker (service) -> pipeline -> wire_out[lcore]
 */
#ifndef TESTS_PIPELINE_RIG_H
#define TESTS_PIPELINE_RIG_H

#include <pipeline/pipeline.h>
#include <service/service.h>
#include <worker/slab.h>
#include <worker/worker.h>

#include "client.h"

#define RIG_LCORES_MAX  2u
#define RIG_CLIENTS_MAX 4u

/* What a test wants different from the usual. */
struct rig_conf {
	const struct service_ops *service; /* NULL: echo */
	uint8_t lcores;                    /* 0: one */
	uint16_t vlan;
	uint32_t conns;     /* 0: 16 */
	uint32_t ring_size; /* of delivery; 0: 64 */
	uint32_t descs;     /* 0: 256 */
	uint32_t credit_bytes;
	uint32_t credit_msgs;
	uint32_t mbufs;      /* of the server's port; 0: 4096 */
	uint32_t mesh_ring;  /* 0: 64 */
	uint32_t handshakes; /* slots of a handshake thread; 0: keys by the lcores */
	uint32_t handshakes_mark;
	uint32_t acks_per_source; /* 0: the default */
};

struct rig {
	struct rig_conf conf;
	uint64_t now_ns;
	uint64_t tick_ns; /* that each look at the clock of an lcore takes */
	struct delivery_clock clock;
	struct dpio_pool pool, replies;
	struct rte_ring *wire_in[RIG_LCORES_MAX], *wire_out[RIG_LCORES_MAX];
	struct dpio_port port;
	struct quantum_cid_codec codec;
	struct pipeline_keys keys;
	struct pipeline_mesh mesh;
	struct pipeline_handshaker *handshaker; /* or NULL; polled between lcores and worker */
	const struct crypto_provider *handshaker_provider;
	bool handshaker_stopped;
	struct pipeline_lcore *lcores[RIG_LCORES_MAX];
	struct delivery_link links[RIG_LCORES_MAX];
	struct worker *worker;
	struct worker_slab slab;
	struct aef_alloc alloc;
	void *slab_mem;
	struct client clients[RIG_CLIENTS_MAX];
	uint32_t nb_clients;
	uint8_t client_queue[RIG_CLIENTS_MAX]; /* where the NIC's hash would bring its datagrams */
	uint64_t frames_in, frames_out;
	uint64_t wire_hash; /* of every frame to and from the server and its time */
	bool worker_stopped;
	uint8_t ack[WIRE_MTU_MAX]; /* the first handshake ACK that a client sent, kept for copies */
	uint16_t ack_len;
	unsigned drop_every; /* n: every n-th frame to the server is lost; 0: none */
};

/** Start; everything is checked. */
void rig_open(struct rig *rig, const struct rig_conf *conf);

/** Stop; checks that nothing leaked and that every datagram has its verdict. */
void rig_close(struct rig *rig);

/** Replace lcores and worker by new ones that know nothing. */
void rig_restart(struct rig *rig);

/** A client whose datagrams arrive at queue @p queue. @return its index */
unsigned rig_dial(struct rig *rig, uint8_t queue, bool v6);

/** Run until @p ns of virtual time have passed. */
void rig_run(struct rig *rig, uint64_t ns);

/** Run until @p done or @p ns have passed. @return done */
bool rig_run_until(struct rig *rig, bool (*done)(const struct rig *rig), uint64_t ns);

/** For rig_run_until: every client is connected; has back what it sent; is closed, as the server.
 */
bool rig_all_connected(const struct rig *rig);
bool rig_all_echoed(const struct rig *rig);
bool rig_all_gone(const struct rig *rig);

/** A frame as if from the wire; takes the mbuf. */
void rig_inject(struct rig *rig, uint8_t queue, struct rte_mbuf *frame);

/** A UDP frame from client @p nr with @p len bytes of @p data. */
struct rte_mbuf *rig_frame(const struct client *c, const void *data, uint16_t len);

/** Sum of a verdict over all lcores. */
uint64_t rig_verdict(const struct rig *rig, enum pipeline_verdict verdict);
uint64_t rig_quantum(const struct rig *rig, enum quantum_verdict verdict);

#endif
