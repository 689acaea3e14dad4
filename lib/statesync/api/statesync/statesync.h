/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * statesync/statesync.h - text documents that a worker lcore owns: a service (service/service.h).
 *
 * Clients open documents, send operations and get acknowledgements and the operations of others
 * (proto/statesync.proto). Operations are put in order here, transformed to the head, applied to a
 * rope and appended to the log; once per burst (on_timer) what was committed is encoded once and
 * sent by reference to every subscriber, each from its own cursor in the log. A subscriber that
 * does not take its messages only falls behind; too far behind it is told to open again.
 *
 * All replies about a document go over the channel on which it was opened.
 *
 * Source:  DESIGN 5 and 6; reference "State synchronisation" 3.1 to 3.3 and 4.3.
 * Units:   bytes, nanoseconds, operations.
 * Context: the worker thread that owns the service.
 */
#ifndef STATESYNC_STATESYNC_H
#define STATESYNC_STATESYNC_H

#include <docmsg/docmsg.h>
#include <service/service.h>
#include <storeif/storeif.h>
#include <text/rope.h>

/* Zero fields take the default in brackets. Passed as service_env.conf. */
struct statesync_conf {
	const struct docmsg_codec *codec; /* must be given; kept */
	struct storeif store;             /* must be given; kept */

	uint32_t docs_max;       /* documents in memory [4,096] */
	uint32_t replicas_max;   /* (document, client id) pairs in memory [65,536] */
	uint32_t window;         /* operations in flight per client [1,024] */
	uint32_t op_bytes_max;   /* of one operation as sent [65,536; at most DOCMSG_OP_MAX] */
	uint64_t doc_bytes_max;  /* of a document's text [8 MiB] */
	uint32_t ring_ops_max;   /* committed operations kept ready per document, a power of two
	                            [4,096] */
	uint64_t slow_bytes_max; /* a subscriber further behind has to open again [1 MiB] */
	uint64_t log_bytes_max;  /* of a document's records before snapshot and trim [64 MiB] */
	uint64_t linger_ns;      /* a client that went away can resume as it was [30 s] */
};

/* Counters and levels; read by the owning thread. */
struct statesync_stats {
	uint64_t msgs;         /* messages received */
	uint64_t msgs_refused; /* not decodable, too long */
	uint64_t ops_applied;
	uint64_t ops_resent; /* seen before, answered from the log */
	uint64_t ops_nacked;
	uint64_t transforms_max; /* most operations one had to be carried over */
	uint64_t opens;
	uint64_t resumes;       /* openings that went on from a version */
	uint64_t catchup_ops;   /* openings served by operations */
	uint64_t catchup_snaps; /* openings served by a snapshot */
	uint64_t errors_sent;
	uint64_t answers_dropped; /* of one connection without credit, beyond the first */
	uint64_t logs_trimmed;
	uint64_t resyncs;       /* subscribers that were too slow */
	uint64_t events_sent;   /* messages handed to connections */
	uint64_t sends_refused; /* no credit: tried again later */
	uint64_t bufs_refused;  /* no buffer: tried again later */
	uint64_t runs_encoded;  /* each once, however many subscribers */
	uint64_t store_errors;
	uint32_t docs;
	uint32_t replicas;
	uint32_t attached; /* replicas with a connection */
	uint32_t lagging;  /* subscribers behind the head */
};

/** The service: hand this table and a statesync_conf to a worker. */
extern const struct service_ops statesync_service;

/** Counters of a running service. @p svc is what init() returned. */
const struct statesync_stats *statesync_stats(const void *svc);

struct statesync_doc_info {
	uint64_t version;
	uint8_t digest[DOCMSG_DIGEST_BYTES];
	const struct text_rope *rope; /* borrowed until the next call on the service */
	uint32_t replicas;
};

/** Look at a document that is in memory: verdicts of lab and tests. 0 or AEF_ERR_NOTFOUND. */
AEF_MUST_CHECK int statesync_doc(const void *svc, const struct aef_guuid *doc,
                                 struct statesync_doc_info *ret_info);

/** Ids of documents in memory, at most @p max. @return number written */
uint32_t statesync_docs(const void *svc, struct aef_guuid *ret_ids, uint32_t max);

#endif
