/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client end point of the lab: one Quantum connection, one document, and who types in it.
 *
 *   client.c      connection, document, typing
 *   client_net.c  frames in and out
 *   host.c        all clients on one lcore, and their links
 *
 * Context: the host's lcore; others reach it through lab_core_call().
 */
#ifndef LAB_CLIENT_H
#define LAB_CLIENT_H

#include <base/hist.h>
#include <delivery/clock.h>
#include <delivery/idle.h>
#include <docclient/docclient.h>
#include <dpio/path.h>
#include <dpio/port.h>
#include <protect/provider.h>
#include <quantum/conn.h>

#include "hub.h"
#include "player.h"
#include "typing.h"

#define LAB_CHANNEL     1u
#define LAB_QUEUES_MAX  8u
#define LAB_BATCH       64u
#define LAB_TYPED_SLOTS 32768u /* operations of one editor whose typing time is remembered */

enum lab_role { LAB_EDITOR, LAB_AUTHOR, LAB_READER };

struct lab_host;
struct lab_direct;

struct lab_client {
	struct lab_host *host;
	uint32_t idx, doc_idx;
	enum lab_role role;
	struct aef_guuid id; /* of the replica; its last 4 bytes are idx */
	uint64_t next_ns;    /* when it must be served without new input */

	/* connection */
	struct net_local local;
	struct net_path path;
	struct quantum_addr server;
	struct quantum_conn *conn; /* NULL: between two connections */
	uint64_t retry_ns;
	uint16_t queue; /* of the appliance that its frames go to */
	bool connected;
	uint64_t connects, closes;
	enum quantum_close last_close;
	struct quantum_stats ended; /* counters of the connections before this one */

	/* document */
	struct docclient *doc;
	struct aef_alloc alloc;
	struct lab_typing typing;
	struct lab_player player;
	uint64_t *typed_ns; /* [LAB_TYPED_SLOTS] by sequence number; NULL for readers */
	uint64_t lost;      /* operations */
	uint64_t blocked;   /* keystrokes put off: the window was full */
	int error;          /* of the document while typing; 0: none */
};

struct lab_host_conf {
	struct protect *protect; /* borrowed; its ring is the appliance's */
	struct quantum_conn_conf conn;
	struct delivery_clock clock;
	struct dpio_port *port;    /* the clients' side of the port pair */
	struct lab_direct *direct; /* instead of the port; NULL: the port */
	struct rte_mempool *pool;
	struct rte_mempool *clones;
	const struct net_local *server;              /* addresses of the appliance */
	struct delivery_bell *bells[LAB_QUEUES_MAX]; /* of the transport lcores */
	uint16_t nb_queues;
	struct delivery_idle_conf idle;

	uint32_t nb_clients, nb_docs;
	uint32_t nb_authors;           /* with a trace: the first clients; the others read */
	const struct lab_trace *trace; /* NULL: typing model */
	uint64_t pace_milli, rate_milli;
	uint32_t in_flight;
	bool ipv6, hashing;
	uint64_t seed;
	struct link_conf up, down;
};

struct lab_host {
	struct lab_host_conf conf;
	struct lab_client *clients;
	struct aef_guuid *docs; /* [nb_docs] */
	struct lab_hub hub;
	const struct crypto_provider *provider; /* of conf.protect */
	void *env_mem, *secret_mem;
	size_t secret_bytes;
	struct quantum_env *env;
	struct delivery_bell bell;
	struct aef_rng rng;
	struct docmsg_arena arena;
	uint8_t *scratch; /* one whole message */
	uint64_t now_ns;
	bool typing;  /* editors type; authors go on */
	bool parting; /* connections are being closed and stay closed */

	struct rte_mbuf *batch[LAB_QUEUES_MAX][LAB_BATCH];
	uint16_t nb_batch[LAB_QUEUES_MAX];

	/* figures */
	struct aef_hist latency_all, latency_now; /* ns; since the start, since the last look */
	uint64_t ops_acked, ops_applied;          /* own committed; those of others applied */
	uint64_t latency_unknown; /* applied after their typing time was forgotten */
	uint64_t rx_frames, rx_stray, rx_bad, tx_frames, tx_no_mbuf, tx_ring_full;
	uint64_t verdicts[QUANTUM_NB_VERDICTS];
};

/* client.c */
int lab_client_init(struct lab_client *client, struct lab_host *host, uint32_t idx);
void lab_client_fini(struct lab_client *client);
/** Timers, events, keystrokes, datagrams: whatever is due. @return work done */
unsigned lab_client_serve(struct lab_client *client, uint64_t now_ns);
/** True when nothing of its own is on its way. */
bool lab_client_idle(const struct lab_client *client);
/** Start over with typing from now on. */
void lab_client_type_from(struct lab_client *client, uint64_t now_ns);

/* client_net.c */
void lab_client_addresses(struct lab_client *client);
/** Datagrams that may leave now. @return number; LAB_BATCH: there may be more */
unsigned lab_client_transmit(struct lab_client *client, uint64_t now_ns);
/** One frame from its link; taken. */
void lab_client_receive(struct lab_client *client, struct rte_mbuf *mbuf, uint64_t now_ns);
/** Which client a frame of the appliance is for, or -1. */
int32_t lab_client_of_frame(const struct lab_host *host, struct rte_mbuf *mbuf);
/** Buffers of the engine: mbufs, or heap blocks. */
struct quantum_buf_ops lab_buf_ops(void);
/** A heap block that the engine may own, with one reference; NULL: no memory. */
void *lab_blob_make(const uint8_t *data, size_t len, const uint8_t **ret_data);
void lab_buf_put(void *ctx, void *owner);

/* host.c */
/** Make host, links and clients; nothing is sent before the first poll. */
AEF_MUST_CHECK int lab_host_init(struct lab_host *host, const struct lab_host_conf *conf,
                                 struct aef_text *ret_error);
void lab_host_fini(struct lab_host *host);
unsigned lab_host_poll(void *host);
uint64_t lab_host_next_ns(const void *host);
/** A GUUID out of the host's generator. */
struct aef_guuid lab_host_guuid(struct lab_host *host);
/** Put a frame into the batch for an appliance queue. */
void lab_host_push(struct lab_host *host, uint16_t queue, struct rte_mbuf *mbuf);

#endif
