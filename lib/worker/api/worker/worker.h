/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker/worker.h - the worker lcore: messages of its links to one service, replies back.
 *
 * Source:  DESIGN 1; STYLE B3 (rule 3).
 * Units:   nanoseconds of conf.clock, read once per iteration.
 * Context: create, add, destroy on the main thread before and after the lcore runs; poll and run on
 *          the lcore. The service's memory comes from its allocator only.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <delivery/clock.h>
#include <delivery/idle.h>
#include <delivery/link.h>
#include <service/service.h>

#define WORKER_LINKS_MAX 16u

/* Counters and gauges of a worker lcore. X(name, kind, "unit", "help") */
#define WORKER_COUNTERS(X)                                                                         \
	X(polls, COUNTER, "polls", "iterations of the loop")                                       \
	X(busy_polls, COUNTER, "polls", "iterations that had work")                                \
	X(busy_ns, COUNTER, "nanoseconds", "time spent in iterations that had work")               \
	X(connects, COUNTER, "connections", "connections given to the service")                    \
	X(disconnects, COUNTER, "connections", "connections that ended")                           \
	X(msgs_in, COUNTER, "messages", "messages given to the service")                           \
	X(bytes_in, COUNTER, "bytes", "their bytes")                                               \
	X(msgs_out, COUNTER, "messages", "messages of the service taken")                          \
	X(bytes_out, COUNTER, "bytes", "their bytes")                                              \
	X(refused_credit, COUNTER, "messages", "refused: the connection's credit is used up")      \
	X(holds, COUNTER, "times",                                                                 \
	  "the service did not take a message because it could not answer")                        \
	X(refused_desc, COUNTER, "messages", "refused: no descriptor left")                        \
	X(refused_closed, COUNTER, "messages", "refused: no such connection")                      \
	X(no_buf, COUNTER, "times", "the service wanted a buffer and the pool was empty")          \
	X(backlog, GAUGE, "messages", "waiting for room in a ring now")                            \
	X(backlog_high, GAUGE, "messages", "most waiting at one time")                             \
	X(stale, COUNTER, "messages", "descriptors about a connection that is gone")               \
	X(service_bytes, GAUGE, "bytes", "memory the service holds")

struct worker_stats {
#define WORKER_COUNTER_FIELD(name, kind, unit, help) uint64_t name;
	WORKER_COUNTERS(WORKER_COUNTER_FIELD)
#undef WORKER_COUNTER_FIELD
};

struct worker_conf {
	uint8_t idx; /* for metrics */
	const struct service_ops *service;
	const void *service_conf;    /* borrowed; NULL: defaults */
	struct aef_alloc *alloc;     /* the service's memory and budget; borrowed */
	struct rte_mempool *replies; /* buffers for replies; borrowed; not the pool of the ports */
	struct delivery_clock clock;
	struct delivery_idle_conf idle;
	uint64_t seed;
};

struct worker;

/** 10 ms of sleep at most: the bell wakes a worker. Service, alloc, replies, clock: no default. */
void worker_conf_default(struct worker_conf *ret_conf);

/**
 * Make a worker; its service is started by worker_start().
 *
 * @param ret_error one sentence on failure
 * @return NULL on failure
 */
struct worker *worker_create(const struct worker_conf *conf, struct aef_text *ret_error);

/** Serve one more transport lcore: @p end is the worker end of its link. @p lcore is the idx of
 * that transport lcore. @return 0, AEF_ERR_FULL, AEF_ERR_EXISTS, AEF_ERR_NOMEM */
AEF_MUST_CHECK int worker_add_link(struct worker *worker, struct delivery_end *end, uint8_t lcore);

/** Init the service; after all links were added. @return what its init returned, or AEF_ERR_STATE
 */
AEF_MUST_CHECK int worker_start(struct worker *worker, struct aef_text *ret_error);

/** End the service and free everything; the lcore has stopped. NULL is fine. */
void worker_destroy(struct worker *worker);

/** Exactly one iteration; never blocks. @return how much was done */
AEF_HOT unsigned worker_poll(struct worker *worker);

/** When a poll has something to do without new input; AEF_TIME_NEVER: never. */
uint64_t worker_next_ns(const struct worker *worker);

/** Poll until *@p stop, with the idle policy. */
void worker_run(struct worker *worker, const atomic_bool *stop);

/** Rung by the transport lcores; exists from create on. */
struct delivery_bell *worker_bell(struct worker *worker);

/** Counters; read relaxed. */
const struct worker_stats *worker_stats(const struct worker *worker);

/** The service's state; for the lab's checks, only while the worker is stopped or in lockstep. */
void *worker_service(const struct worker *worker);

/** "name value" lines. */
void worker_stats_text(const struct worker_stats *stats, bool only_nonzero, struct aef_text *out);

/** Register the counters with label worker="idx". */
AEF_MUST_CHECK int worker_metrics(const struct worker *worker, struct aef_metrics *metrics);

#endif
