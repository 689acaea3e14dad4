/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lcore_priv.h - state of a transport lcore and of one of its connections, and the stages of an
 * iteration.
 *
 * Context: the lcore that owns it.
 */
#ifndef PIPELINE_LCORE_PRIV_H
#define PIPELINE_LCORE_PRIV_H

#include <base/err.h>
#include <base/list.h>
#include <base/pool.h>
#include <pipeline/pipeline.h>
#include <pipeline/timer_wheel.h>

#include "audit_priv.h"
#include "budget_priv.h"
#include "handshaker_priv.h"

#define PATHS       3u   /* of a connection: as many as quantum_conn_may_send_to() says */
#define SERVICE_MAX 128u /* connections that one iteration sends for */
#define BLOCKED_NS  (100 * AEF_NS_PER_US) /* look again at one that may send but could not */

struct pipeline_conn {
	/* Read and written whenever the connection has something to do. */
	struct quantum_conn *conn;   /* owned; NULL: ended, the worker has not said GONE yet */
	struct delivery_end *worker; /* borrowed */
	struct aef_list touched;     /* in lcore->touched: to be served in this iteration */
	struct aef_list stalled;     /* in lcore->stalled: has events, its worker has no room */
	struct timer_node timer;
	uint64_t deadline_ns; /* of the engine; the timer may fire before it, never after */
	uint64_t handle;
	struct delivery_account account; /* messages handed to the worker */
	struct delivery_queue waiting;   /* messages from the worker, not yet taken by the engine */
	uint32_t slot;
	uint32_t generation;
	bool connected; /* CONNECT was handed over, so GONE will come */
	bool gone;
	bool waits; /* for room at its worker, since the last time it was counted */
	bool has_held;
	struct quantum_event held; /* polled, but its worker has no room */

	/* Where datagrams go. */
	uint8_t path_port[PATHS];
	bool has_path[PATHS];
	struct net_path paths[PATHS];
};

struct rx_pkt {
	struct rte_mbuf *mbuf;    /* one reference; NULL: handed over */
	struct pipeline_conn *pc; /* known, and not judged yet */
	bool done;                /* it had a connection, and has its verdict */
	struct wire_header hdr;
	enum wire_class clas;
	int16_t owner; /* lcore that its id names when that is another one, else -1 */
	struct quantum_rx rx;
};

/* One received burst between its stages. */
struct rx_batch {
	uint16_t nb;
	uint8_t port; /* index of the queue pair */
	bool handed;  /* by another lcore: not handed over again */
	/* Without a connection here: handshake ACKs, SYNs, all else. */
	uint16_t nb_acks, nb_syns, nb_strangers;
	struct rte_mbuf *mbufs[DPIO_BURST];
	struct net_meta metas[DPIO_BURST];
	struct rx_pkt pkts[DPIO_BURST];
};

/* Datagrams built and not yet sealed. */
struct tx_batch {
	uint16_t nb;
	struct {
		struct rte_mbuf *mbuf;
		struct pipeline_conn *pc;
		struct quantum_tx tx;
	} pkts[DPIO_BURST];
};

struct handover {
	uint16_t nb;
	struct rte_mbuf *mbufs[DPIO_BURST];
};

struct lcore_secrets {
	struct quantum_server_keys keys; /* its own copy of what is in force */
	struct handshake handshake;      /* scratch of one ACK */
};

struct pipeline_lcore {
	/* Read every iteration, written at init. */
	struct pipeline_conf conf;
	uint32_t nb_ports, nb_workers;
	struct dpio_burst *ports;                           /* [PIPELINE_PORTS_MAX]; owned */
	struct delivery_end *workers[PIPELINE_WORKERS_MAX]; /* borrowed */
	uint32_t slices_max;                                /* of one message to a worker */
	struct quantum_env *env;                            /* owned, as all below */
	struct quantum_server *server;
	struct quantum_table table;
	struct pipeline_conn *conns;
	struct quantum_slice *slices; /* [DELIVERY_SLICES_MAX] scratch of one send */
	struct lcore_secrets *own;    /* secret memory */
	void *table_mem, *env_mem, *server_mem;
	void *secret_mem; /* of the env; locked */
	size_t secret_bytes;

	/* Written by the lcore. */
	alignas(AEF_CACHE_LINE) uint64_t now_ns;
	uint64_t busy_since_ns; /* time of the last poll if it had work, else 0 */
	uint64_t keys_seen;     /* version of own->keys */
	struct aef_list touched, stalled, free_slots;
	uint32_t nb_touched, next_shut;
	bool shutting;
	struct rte_mbuf *spare; /* empty, ours: the next datagram is built into it */
	struct dpio_burst *spare_from;
	struct handover handovers[PIPELINE_LCORES_MAX];
	struct tx_batch txb;
	struct rx_batch rxb;
	struct budget syn_budget, ack_budget, stranger_budget;
	struct timer_wheel wheel;
	struct pipeline_stats stats;
	struct audit_ring audit; /* nb_take is its reader's */

	/* Written by others. */
	struct delivery_bell bell;
	alignas(AEF_CACHE_LINE) atomic_bool want_shut;
};

/* ---- conns.c: slots, paths, the end of a connection ---------------------------------------------
 */

/** A free slot, or NULL. */
struct pipeline_conn *pipeline_slot_get(struct pipeline_lcore *lc);
/** Give back a slot that is in no list. */
void pipeline_slot_put(struct pipeline_lcore *lc, struct pipeline_conn *pc);
/** Bind an accepted engine connection to a slot and choose its worker. */
void pipeline_conn_start(struct pipeline_lcore *lc, struct pipeline_conn *pc,
                         struct quantum_conn *conn);
/** Have the connection served in this iteration, or the next if that part is over. */
void pipeline_touch(struct pipeline_lcore *lc, struct pipeline_conn *pc);
/** Give up an event that no worker will get. */
void pipeline_held_drop(struct pipeline_conn *pc);
/** The engine is done with it: free what is free; the slot when the worker is done too. */
void pipeline_conn_end(struct pipeline_lcore *lc, struct pipeline_conn *pc);
/** Remember the way an authenticated datagram came, if the engine may answer there. */
void pipeline_path_learn(struct pipeline_lcore *lc, struct pipeline_conn *pc, uint8_t port,
                         const struct net_meta *meta);
/** Index of the path to @p to, -1 when none is known. */
int pipeline_path_find(const struct pipeline_conn *pc, const struct quantum_addr *to);
/** Close a few connections of a server that shuts down. @return how many */
unsigned pipeline_shut_step(struct pipeline_lcore *lc);

/* ---- rx.c, acks.c, strays.c: datagrams in ------------------------------------------------------
 */

/**
 * Take over the handshake keys when they changed; nothing waits, so it may be the next call that
 * does.
 * @param seen version of @p ret_set; 0: none yet. @return the version that it has now
 */
uint64_t keys_take(struct pipeline_keys *keys, uint64_t seen, struct quantum_server_keys *ret_set);
/** Receive from every queue and from the other lcores. @return frames */
unsigned pipeline_rx(struct pipeline_lcore *lc);
/** Refuse the ACKs of a burst whose cookie is wrong: they reach neither budget nor slot.
 */
void pipeline_acks_admit(struct pipeline_lcore *lc, struct rx_batch *batch);
/** Handshake ACKs that were admitted; pkt->pc is set when its protected part goes on. @return how
 * many were judged, not only dropped */
unsigned pipeline_acks(struct pipeline_lcore *lc, struct rx_batch *batch);
/** Handshakes whose keys are there: connections, and their held ACKs. @return how many */
unsigned pipeline_derived(struct pipeline_lcore *lc);
/** A held ACK through the engine; takes the mbuf. @p pc is NULL when nothing came of it. */
void pipeline_rx_held(struct pipeline_lcore *lc, struct pipeline_conn *pc, struct rte_mbuf *mbuf,
                      const struct net_meta *meta, uint8_t port);
/** SYNs of a burst. @return how many were judged, not only dropped */
unsigned pipeline_syns(struct pipeline_lcore *lc, const struct rx_batch *batch);
/** Whatever else has no connection. @return how many were judged that may be answered */
unsigned pipeline_strangers(struct pipeline_lcore *lc, const struct rx_batch *batch);
/** Hand over what is staged for other lcores. */
void pipeline_handover_flush(struct pipeline_lcore *lc);
/** Stage a datagram for its owner; takes the mbuf. */
void pipeline_handover(struct pipeline_lcore *lc, uint8_t to, struct rte_mbuf *mbuf, uint8_t port);
/** Datagrams that other lcores handed over. @return number of mbufs in @p ret_mbufs */
uint16_t pipeline_handover_rx(struct pipeline_lcore *lc, uint8_t from,
                              struct rte_mbuf *ret_mbufs[DPIO_BURST]);
/** A parsed burst through the engine. Takes the mbufs. */
void pipeline_rx_burst(struct pipeline_lcore *lc, struct rx_batch *batch);

/** Hand audit events to the control thread; @p last: nothing is held back any more. */
void pipeline_audit_flush(struct pipeline_lcore *lc, bool last);

/* ---- events.c: between engine and worker --------------------------------------------------------
 */

/** Hand events to the worker until there are none, or there is no room (then it is stalled). */
void pipeline_events(struct pipeline_lcore *lc, struct pipeline_conn *pc);
/** Look again at stalled connections. */
void pipeline_unstall(struct pipeline_lcore *lc);
/** Act on descriptors of every worker. @return how many */
unsigned pipeline_workers_rx(struct pipeline_lcore *lc);
/** Drop messages of a worker that the engine will not take any more. */
void pipeline_waiting_drop(struct pipeline_lcore *lc, struct pipeline_conn *pc);

/* ---- tx.c: datagrams out
 * ------------------------------------------------------------------------- */

/** Serve touched connections: events, datagrams, timer, end. @return how many */
unsigned pipeline_serve(struct pipeline_lcore *lc);
/** An empty buffer for a datagram, or NULL; pipeline_spare_used() when it was taken. */
struct rte_mbuf *pipeline_spare(struct pipeline_lcore *lc);
void pipeline_spare_used(struct pipeline_lcore *lc);
/** Where an answer that belongs to no connection is built: the spare buffer, or @p scratch when
 * there is none, so that the datagram is judged all the same. */
struct quantum_tx pipeline_reply_make(struct pipeline_lcore *lc, uint8_t scratch[WIRE_SYN_BYTES]);
/** Send the answer to a datagram received on @p port, if there is one and it stands in a buffer. */
void pipeline_reply_send(struct pipeline_lcore *lc, uint8_t port, const struct net_meta *meta,
                         const struct quantum_tx *reply, const uint8_t *scratch);

/** Source address of a datagram as the engine writes it. */
static inline struct quantum_addr
pipeline_addr_of(const struct net_meta *meta)
{
	struct quantum_addr addr = { .port = meta->src_port };

	memcpy(addr.ip, meta->src.b, sizeof(addr.ip));
	return addr;
}

/** The time of this iteration as the server of the engine wants it. */
static inline struct quantum_now
pipeline_now(const struct pipeline_lcore *lc)
{
	return (struct quantum_now){ .ns = lc->now_ns,
		                     .unix_ms = delivery_unix_ms(&lc->conf.clock, lc->now_ns) };
}

static inline void
pipeline_drop(struct pipeline_lcore *lc, enum pipeline_verdict verdict)
{
	lc->stats.verdicts[verdict]++;
}

static inline void
pipeline_count(struct pipeline_lcore *lc, enum quantum_verdict verdict)
{
	lc->stats.verdicts[PIPELINE_VERDICT_QUANTUM]++;
	lc->stats.quantum[verdict]++;
}

#endif
