/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/env.h - what the connections of one thread share: bounded pools, key provider, buffers.
 *
 * Fixed hot state is in each connection; all that varies comes from here. An empty pool is a named,
 * counted refusal. All memory is the caller's and is taken at start.
 *
 * Source:  DESIGN 1; docs/adr/0004-fixed-memory.md.
 * Context: one thread (lcore, client thread, simulator) per env.
 */
#ifndef QUANTUM_ENV_H
#define QUANTUM_ENV_H

#include <base/pool.h>
#include <crypto/provider.h>
#include <quantum/stats.h>
#include <quantum/types.h>

/* Sizes of the pools, in objects. quantum_env_conf_scale() fills them for a number of connections.
 */
struct quantum_env_conf {
	uint32_t conns;
	uint32_t sent_pkts; /* packets sent and not yet forgotten */
	uint32_t frames;    /* retransmittable frames in them */
	uint32_t msgs_out;  /* outgoing messages queued or in flight */
	uint32_t segs;      /* slices of outgoing and incoming messages */
	uint32_t msgs_in;   /* incoming messages in reassembly or not yet consumed */
	uint32_t ranges;    /* ranges of numbers and bytes */
	uint32_t chans;     /* open channels, both directions */
	uint32_t nodes;     /* index nodes of 520 bytes */
	uint32_t keys;      /* latest-wins channels received */
	uint32_t fec_tx;    /* connections with an open repair block on transmit */
	uint32_t fec_rx;    /* repair blocks held on receive */
	uint32_t replays;   /* replay windows beyond the built-in 2048 numbers */
};

/* Trace events: name, and the meaning of its two values. The one definition of all of them. */
#define QUANTUM_TRACES(X)                                                                          \
	X(STATE, "state", "previous")                                                              \
	X(PKT_SENT, "pn", "bytes")                                                                 \
	X(PKT_RECEIVED, "pn", "bytes")                                                             \
	X(PKT_ACKED, "pn", "rtt_ns")                                                               \
	X(PKT_LOST, "pn", "bytes")                                                                 \
	X(PKT_SPURIOUS, "pn", "bytes")                                                             \
	X(PROBE, "count", "backoff")                                                               \
	X(BBR_STATE, "state", "cwnd_bytes")                                                        \
	X(FEC_RECOVERED, "pn", "block")                                                            \
	X(FEC_LEVEL, "m", "previous")                                                              \
	X(MSG_DELIVERED, "message", "channel")                                                     \
	X(MSG_EXPIRED, "message", "channel")                                                       \
	X(MTU, "bytes", "previous")                                                                \
	X(PATH, "port", "previous port")                                                           \
	X(CLOSED, "why", "code")

enum quantum_trace {
#define QUANTUM_TRACE_ENUM(name, a, b) QUANTUM_TRACE_##name,
	QUANTUM_TRACES(QUANTUM_TRACE_ENUM)
#undef QUANTUM_TRACE_ENUM
		QUANTUM_NB_TRACES
};

struct quantum_conn;

/** Called for every trace event when set; must not call back into the engine. */
typedef void (*quantum_trace_fn)(void *ctx, const struct quantum_conn *conn, uint64_t now_ns,
                                 enum quantum_trace what, uint64_t a, uint64_t b);

/** Name of a trace event, static storage. */
const char *quantum_trace_name(enum quantum_trace what);

struct quantum_env;

/** Fill @p ret_conf with pool sizes for @p nb_conns connections, @p busy of them busy at a time. */
void quantum_env_conf_scale(struct quantum_env_conf *ret_conf, uint32_t nb_conns, uint32_t busy);

/** Bytes of memory that quantum_env_init() needs for @p conf. */
size_t quantum_env_bytes(const struct quantum_env_conf *conf);

/**
 * Bytes of memory for secrets that quantum_env_init() needs for @p conf: all key material of the
 * connections. Give it locked memory that is left out of core dumps.
 */
size_t quantum_env_secret_bytes(const struct quantum_env_conf *conf);

/**
 * Lay out an env in caller memory.
 *
 * @param mem      quantum_env_bytes(conf) bytes, 64-byte aligned; borrowed until the env is dropped
 * @param secret_mem quantum_env_secret_bytes(conf) bytes, 64-byte aligned; borrowed likewise. What
 *                 stands in it is overwritten as soon as it ends, so an env without connections
 *                 leaves no key behind
 * @param provider packet protection and handshake values; borrowed likewise
 * @param buf      reference counting of the driver's buffers; copied
 * @param seed     for skips, challenges, jitter and generations; unpredictable in production
 * @return the env, inside @p mem
 */
struct quantum_env *quantum_env_init(void *mem, void *secret_mem,
                                     const struct quantum_env_conf *conf,
                                     const struct crypto_provider *provider,
                                     const struct quantum_buf_ops *buf, uint64_t seed);

/** Install or remove (NULL) the tracer. */
void quantum_env_set_trace(struct quantum_env *env, quantum_trace_fn fn, void *ctx);

/** Number of pools and the i-th one, for gauges and leak checks. */
uint32_t quantum_env_nb_pools(const struct quantum_env *env);
const struct aef_pool *quantum_env_pool(const struct quantum_env *env, uint32_t idx);

#endif
