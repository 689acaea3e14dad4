/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipeline/pipeline.h - the transport lcore: bursts from NIC queues through the engine to workers,
 * and back.
 *
 *   rx burst -> classify, look up -> known connections: prepare -> open -> commit -> events to
 *                                    workers; then ACKs, then all else, within their budgets
 *   worker descriptors, timers, rx -> touched connections -> prepare -> seal -> commit -> tx burst
 *
 * A connection belongs to the lcore that accepted it; its id names that lcore, and a packet that
 * the NIC brings to another one is handed over in batches through the mesh.
 *
 * Source:  DESIGN 1 and 2; reference/transport.md section 6.
 * Units:   nanoseconds of conf.clock, read once per iteration, and around what a burst holds of
 *          ACKs or of strangers.
 * Context: create, add, destroy on the main thread before and after the lcore runs; poll and run on
 *          the lcore. After the first poll no allocation and, in the busy-poll profile, no system
 *          call.
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include <crypto/provider.h>
#include <delivery/clock.h>
#include <delivery/idle.h>
#include <delivery/link.h>
#include <dpio/burst.h>
#include <pipeline/handshaker.h>
#include <pipeline/stats.h>
#include <quantum/server.h>

#define PIPELINE_LCORES_MAX  16u
#define PIPELINE_PORTS_MAX   8u /* queue pairs of one lcore */
#define PIPELINE_WORKERS_MAX 16u

/*
 * The handshake keys now in force. The main thread writes them, lcores take a copy when the version
 * has changed. What a rotation ended is overwritten by it.
 */
struct pipeline_keys {
	atomic_flag lock; /* of `set` between main thread and lcores; held for a copy */
	_Atomic uint64_t version;
	struct quantum_server_keys set;
};

/* Rings between transport lcores, one for each ordered pair. */
struct pipeline_mesh {
	uint8_t nb_lcores;
	struct rte_ring *rings[PIPELINE_LCORES_MAX][PIPELINE_LCORES_MAX]; /* [from][to]; owned */
	struct delivery_bell *bells[PIPELINE_LCORES_MAX]; /* of the lcores; filled by create */
	/* Holds the table of used tokens of all: the first lcore made, the last one destroyed or
	 * all stopped by then. */
	const struct quantum_server *tokens;
};

struct pipeline_conf {
	uint8_t idx;              /* number of this lcore among the transport lcores; ids name it */
	uint32_t conns;           /* slots of connections */
	uint32_t conns_busy;      /* of these, busy at one time: what the pools are made for */
	uint32_t tokens_max;      /* used connect tokens remembered; with a mesh: for each lcore */
	uint16_t tx_per_conn;     /* datagrams of one connection in one iteration */
	uint16_t timers_per_poll; /* timers in one iteration */
	uint16_t payload_max;     /* UDP payload that the path of this node allows: MTU - 48 */
	uint8_t syn_share_pct;    /* of the lcore's time for SYNs */
	uint8_t ack_share_pct;    /* likewise for handshake ACKs */
	uint8_t stranger_share_pct; /* likewise for all else without a connection */
	uint32_t acks_per_source;   /* a second, from one source prefix */
	uint64_t seed;              /* unpredictable in production */
	struct quantum_conn_conf conn;
	struct delivery_idle_conf idle;
	struct delivery_clock clock;
	const struct crypto_provider *provider; /* borrowed, as all below */
	const struct quantum_cid_codec *codec;  /* one for all lcores of the process */
	struct pipeline_keys *keys;             /* likewise */
	struct pipeline_mesh *mesh;             /* NULL: the only lcore */
	const struct quantum_env_conf *pools;   /* NULL: made from conns and conns_busy */

	/* Where public-key work of handshakes goes; NULL: this lcore does it, as lockstep drivers
	 * want. It outlives the lcore. */
	struct pipeline_handshaker *handshaker;
	/* What does it here without a handshaker; NULL: quantum_accept_derive(). */
	int (*derive)(void *ctx, const struct crypto_provider *provider,
	              struct quantum_accept *accept);
	/* Index of the worker for a new connection; NULL: by tenant. */
	uint32_t (*place)(void *ctx, const struct crypto_token *token, uint32_t nb_workers);
	void *ctx; /* of derive and place */
};

struct pipeline_lcore;

/** Everything but provider, codec, keys and clock, which have no default. */
void pipeline_conf_default(struct pipeline_conf *ret_conf);

/** Make the first keys from 64 random bytes and publish them. @return 0 or what the provider says
 */
AEF_MUST_CHECK int pipeline_keys_init(struct pipeline_keys *keys,
                                      const struct crypto_provider *provider,
                                      const uint8_t random[64], const uint8_t reset_key[32]);

/** Publish the next keys; every 60 s from the main thread. On error the ones before stay. */
AEF_MUST_CHECK int pipeline_keys_rotate(struct pipeline_keys *keys,
                                        const struct crypto_provider *provider,
                                        const uint8_t random[64]);

/** Rings of @p ring_size (power of two) between @p nb_lcores; @p name at most 12 characters. */
AEF_MUST_CHECK int pipeline_mesh_init(struct pipeline_mesh *mesh, const char *name,
                                      uint8_t nb_lcores, uint32_t ring_size,
                                      struct aef_text *ret_error);

/** Free the rings and what is in them; all lcores destroyed before. Accepts a zeroed mesh. */
void pipeline_mesh_fini(struct pipeline_mesh *mesh);

/** Bytes of EAL memory that an lcore takes with @p conf. */
size_t pipeline_lcore_bytes(const struct pipeline_conf *conf);

/**
 * Make a transport lcore.
 *
 * @param conf      copied; what it points at is borrowed
 * @param ret_error one sentence on failure
 * @return NULL: AEF_ERR_NOMEM or a configuration out of its limits, as the sentence says
 */
struct pipeline_lcore *pipeline_lcore_create(const struct pipeline_conf *conf,
                                             struct aef_text *ret_error);

/** Free connections, rings' contents and memory; the lcore has stopped. NULL is fine. */
void pipeline_lcore_destroy(struct pipeline_lcore *lc);

/**
 * Serve a queue of a port. All lcores add the same ports in the same order.
 *
 * @param pool borrowed; buffers for sending
 * @return 0, AEF_ERR_FULL, AEF_ERR_INVALID (no such queue)
 */
AEF_MUST_CHECK int pipeline_lcore_add_port(struct pipeline_lcore *lc, const struct dpio_port *port,
                                           uint16_t queue, const struct dpio_pool *pool,
                                           uint32_t answers_per_s);

/** Deliver to one more worker: @p end is the transport end of its link, with conf.slots >= conns.
 * @return 0, AEF_ERR_FULL, AEF_ERR_INVALID (too few slots) */
AEF_MUST_CHECK int pipeline_lcore_add_worker(struct pipeline_lcore *lc, struct delivery_end *end);

/**
 * Exactly one iteration; never blocks.
 *
 * @return how much was done (packets, descriptors, timers); 0 = nothing
 */
AEF_HOT unsigned pipeline_lcore_poll(struct pipeline_lcore *lc);

/** When a poll has something to do without new input; AEF_TIME_NEVER: never. A time that is not
 * after the last poll's: at once. For lockstep drivers: exact. */
uint64_t pipeline_lcore_next_ns(const struct pipeline_lcore *lc);

/** Poll until *@p stop, with the idle policy. */
void pipeline_lcore_run(struct pipeline_lcore *lc, const atomic_bool *stop);

/** Ask for a graceful end: at its next poll the lcore closes every connection and accepts no more.
 * Any thread. conns_open goes to 0 after that. */
void pipeline_lcore_shut(struct pipeline_lcore *lc);

/** Rung by whoever brings work: rings of a virtual port, delivery links. Needed before links are
 * made, so it exists from create on. */
struct delivery_bell *pipeline_lcore_bell(struct pipeline_lcore *lc);

/** Take the oldest event for an audit log; on one thread. @return 0 or AEF_ERR_AGAIN */
AEF_MUST_CHECK int pipeline_lcore_audit(struct pipeline_lcore *lc, struct quantum_audit *ret_event);

/** Counters; read relaxed. */
const struct pipeline_stats *pipeline_lcore_stats(const struct pipeline_lcore *lc);

/** Counters of the @p i-th queue pair, NULL past the last. */
const struct dpio_burst *pipeline_lcore_burst(const struct pipeline_lcore *lc, uint32_t i);

/** The env with its pools, for gauges and leak checks; read by others only while stopped. */
const struct quantum_env *pipeline_lcore_env(const struct pipeline_lcore *lc);

/** Install a tracer of the engine (NULL: none), before the first poll. */
void pipeline_lcore_trace(struct pipeline_lcore *lc, quantum_trace_fn fn, void *ctx);

/**
 * Statistics of connections, for `show conn`: a snapshot that the lcore writes on demand.
 * Only while the lcore is stopped, or from its own thread (lockstep).
 *
 * @param fn called for each connection
 */
void pipeline_lcore_each(const struct pipeline_lcore *lc,
                         void (*fn)(void *ctx, uint64_t handle, const struct quantum_conn *conn),
                         void *ctx);

/** "lcore 0: name value" lines. */
void pipeline_stats_text(const struct pipeline_stats *stats, bool only_nonzero,
                         struct aef_text *out);

/** Register counters, verdicts and pools with label lcore="idx". */
AEF_MUST_CHECK int pipeline_lcore_metrics(const struct pipeline_lcore *lc,
                                          struct aef_metrics *metrics);

#endif
