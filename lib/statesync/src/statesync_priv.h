/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * statesync_priv.h - state of the document service and what its files offer each other.
 *
 *   request.c   a decoded request of a client: open, apply, ...
 *   doc.c       documents: ring of committed operations, commit, flush to the store, load
 *   replica.c   (document, client id) pairs: bridge, connection, linger
 *   round.c     operations encoded once: Operations for all, Applied for the author
 *   fanout.c    from a subscriber's cursor to its connection
 *   snapshot.c  frozen text of a document for those who start from it; trimming of the log
 */
#ifndef STATESYNC_PRIV_H
#define STATESYNC_PRIV_H

#include <base/list.h>
#include <statesync/statesync.h>
#include <text/digest.h>
#include <text/ot_server.h>

#include "table_priv.h"

#define PENDING_OPS_MAX  256u         /* committed in memory and not yet handed to the store */
#define JSON_SCRATCH     (160u << 10) /* operations of one round as text; at least DOCMSG_OP_MAX */
#define EVENT_SCRATCH    (JSON_SCRATCH + 16384)
#define ROUND_BUFS_MAX   512u
#define ROUND_SLICES_MAX 1536u
#define ROUND_BYTES_MAX  (64u << 10) /* of one message to everybody, about */
#define SNAPSHOT_BURST   16u         /* buffers of snapshot in one message */
#define SNAPSHOT_EVENT   (64u << 10)
#define RETRY_NS         AEF_NS_PER_MS /* when there was no buffer */
#define DURABLE_POLL_NS  (100 * AEF_NS_PER_US)
#define CHANNELS_KNOWN   32u

static_assert(JSON_SCRATCH >= DOCMSG_OP_MAX, "one operation always fits");
static_assert(DOCMSG_OPS_MAX >= PENDING_OPS_MAX, "a flush is one batch");

/* One committed operation, kept ready for transforms and for subscribers. */
struct entry {
	struct text_opref *ref;
	struct aef_guuid client;
	uint64_t seq;
	uint64_t cum_bytes; /* of records of all versions up to this, known once stored */
	struct text_digest digest;
};

/* A frozen text, shared by all who are being sent it. */
struct snap {
	uint32_t refs;
	uint64_t version;
	uint64_t len;
	uint8_t data[];
};

struct doc {
	struct table_node node;
	struct aef_guuid id;
	struct text_rope rope; /* text of `head` */
	struct text_digest digest;
	uint64_t head;      /* committed in memory */
	uint64_t stored;    /* handed to the store */
	uint64_t visible;   /* durable: shown and acknowledged */
	uint64_t ticket;    /* of `stored` */
	uint64_t cum_bytes; /* of records up to `stored` */
	uint64_t epoch;

	struct entry *ring; /* version v at v & (ring_cap - 1) */
	uint32_t ring_cap;
	uint64_t ring_first; /* lowest version in it; head + 1: empty */

	struct aef_list replicas;
	struct aef_list live;  /* replicas whose bridge must hear of commits */
	struct aef_list subs;  /* replicas with a connection */
	struct aef_list dirty; /* in statesync.dirty while visible < head */
	struct aef_list idle;  /* in statesync.idle while there is no replica */
	struct snap *snap;     /* newest frozen text that somebody still needs, or NULL */
};

struct conn {
	struct service_conn handle;
	struct aef_guuid subject;
	struct aef_list in_conns;
	struct aef_list replicas;
	bool blocked; /* a send was refused; on_writable follows */
	uint16_t nb_channels;
	uint16_t channels[CHANNELS_KNOWN]; /* that we opened */

	/* One answer without a replica that could not be sent. */
	bool has_late;
	uint16_t late_channel;
	struct docmsg late;
};

struct replica {
	struct table_node by_client; /* key: document, client id */
	struct table_node by_conn;   /* key: document, connection; only while attached */
	struct aef_list in_doc, in_live, in_subs, in_conn;
	struct aef_list in_lagging; /* attached: something could not be sent yet */
	struct aef_list in_away;    /* not attached: since when */
	struct doc *doc;
	struct aef_guuid client;
	struct aef_guuid subject;
	struct text_bridge bridge;
	struct conn *conn; /* NULL: away */
	uint64_t away_ns;
	uint16_t channel;

	bool ack_only;
	bool stopped; /* refused or too slow: nothing until it opens again */
	bool want_opened, want_nack, want_resync;
	uint64_t cursor;       /* versions handed to the connection */
	uint64_t cursor_bytes; /* doc.cum_bytes at the cursor */
	uint64_t
		foreign_seq; /* own operations up to here are unknown to the client: sent in full */
	struct docmsg_opened opened;
	struct docmsg_refusal nack;
	struct snap *snap; /* being sent */
	uint64_t snap_off;
};

/* Consecutive operations of one author in a round, and where their encodings lie. */
struct run {
	uint64_t first_version;
	uint64_t first_seq;
	uint32_t count;
	uint64_t bytes; /* of the records */
	struct aef_guuid client;
	uint64_t ops_at, ops_end; /* offsets in round.ops */
	uint64_t ack_at, ack_end; /* offsets in round.acks */
};

/* Buffers filled one after the other; an encoding may lie across two. */
struct chain {
	uint64_t bytes;
	uint32_t nb;
	struct {
		void *buf;
		uint8_t *data;
		uint32_t len, cap;
	} b[ROUND_BUFS_MAX];
};

struct round {
	struct doc *doc;
	uint64_t from, to; /* versions (from, to] */
	uint32_t nb_runs;
	struct run runs[DOCMSG_OPS_MAX];
	struct chain ops;
	struct chain acks;
};

struct statesync {
	struct service_env env;
	struct statesync_conf conf;
	struct statesync_stats stats;
	uint64_t now_ns;
	uint64_t unix_ms;
	uint64_t retry_ns; /* when what has been put off is tried again */

	struct table docs;
	struct table replicas;
	struct table attached;
	struct aef_list conns;
	struct aef_list dirty;   /* documents to flush */
	struct aef_list idle;    /* documents without replicas, longest first */
	struct aef_list lagging; /* replicas that could not be sent everything */
	struct aef_list away;    /* replicas without a connection, longest first */

	uint64_t epochs[STOREIF_SHARDS]; /* 0: not claimed yet */

	/* Operations of (load_doc, load_from ..], as loaded last. */
	const struct doc *load_doc;
	uint64_t load_from;
	uint32_t nb_load;
	struct docmsg_bytes load_data[DOCMSG_OPS_MAX];
	struct storeif_record records[DOCMSG_OPS_MAX];

	struct round round;
	struct service_slice slices[ROUND_SLICES_MAX];
	struct docmsg_arena arena;
	uint8_t *in;    /* DOCMSG_MSG_MAX: a message in pieces is put together here */
	uint8_t *json;  /* JSON_SCRATCH */
	uint8_t *event; /* EVENT_SCRATCH */
};

/* ---- doc.c ---- */

/** Document in memory, or NULL. */
struct doc *doc_find(const struct statesync *st, const struct aef_guuid *id);

/** Document in memory or from the store. 0, AEF_ERR_NOTFOUND, AEF_ERR_LIMIT: too many, or the
 *  store's error. */
int doc_get(struct statesync *st, const struct aef_guuid *id, struct doc **ret_doc);

/** Make a document in store and memory. 0, AEF_ERR_EXISTS, AEF_ERR_LIMIT, AEF_ERR_FULL */
int doc_create(struct statesync *st, const struct aef_guuid *id, struct doc **ret_doc);

/** Drop it from memory; it must have no replicas. */
void doc_free(struct statesync *st, struct doc *doc);

/** The entry of a version that is in the ring. */
static inline struct entry *
doc_entry(const struct doc *doc, uint64_t version)
{
	return &doc->ring[version & (doc->ring_cap - 1)];
}

/** Make sure one more operation can be committed. 0 or AEF_ERR_FULL */
int doc_room(struct statesync *st, struct doc *doc);

/** Put the operation of @p ref, which the rope has, behind the head. Takes the reference. */
void doc_commit(struct statesync *st, struct doc *doc, const struct aef_guuid *client, uint64_t seq,
                struct text_opref *ref);

/** Log for transforms. */
struct text_log doc_log(struct doc *doc);

/** Hand what is committed to the store, and show what is durable. */
void doc_flush(struct statesync *st, struct doc *doc);

/* ---- replica.c ---- */

/** The replica of this client id, or NULL. */
struct replica *replica_find(const struct statesync *st, const struct doc *doc,
                             const struct aef_guuid *client);

/** The replica of a document on this connection, or NULL. */
struct replica *replica_attached(const struct statesync *st, const struct conn *conn,
                                 const struct aef_guuid *doc);

/** Make one, away. NULL: limit or memory. */
struct replica *replica_create(struct statesync *st, struct doc *doc,
                               const struct aef_guuid *client);

/** Tie it to a connection; ties of either to another are cut. */
void replica_attach(struct statesync *st, struct replica *rep, struct conn *conn, uint16_t channel);

/** Cut the tie; the bridge stays for a while. */
void replica_detach(struct statesync *st, struct replica *rep);

/** Forget it. */
void replica_free(struct statesync *st, struct replica *rep);

/** Forget those that were away for too long. @return when to look again */
uint64_t replica_expire(struct statesync *st);

/** A commit of @p author (NULL: the server): tell the bridges of all others. */
void replica_push(struct statesync *st, struct doc *doc, const struct replica *author,
                  uint64_t version, struct text_opref *ref);

/** Refuse operation @p seq and all later ones of this replica until it opens again. */
void replica_nack(struct statesync *st, struct replica *rep, uint64_t seq,
                  enum docmsg_reason reason);

/** The client has to open again; nothing of it is lost. */
void replica_resync(struct statesync *st, struct replica *rep);

/* ---- round.c ---- */

/** Load operations (from, to], as many as fit, into st->records and st->load_data.
 *  @return number, or a negative error */
int ops_load(struct statesync *st, const struct doc *doc, uint64_t from, uint64_t to);

/** Encode operations (from, to], or the first of them, about @p bytes_max but one at least;
 * round.to says how far it got. 0, AEF_ERR_FULL: no buffer, AEF_ERR_GAP: no longer in the log */
int round_build(struct statesync *st, struct doc *doc, uint64_t from, uint64_t to,
                uint64_t bytes_max);

/** Give the buffers back. */
void round_drop(struct statesync *st);

/** Send the round to one replica, whose cursor is at its start. @return as reply send */
int round_send(struct statesync *st, struct replica *rep);

/** Encode one message into buffers of its own and send it. */
int event_send(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg);

/* ---- fanout.c ---- */

/** Show versions (from, visible] of a document to all who are at @p from. */
void fanout(struct statesync *st, struct doc *doc, uint64_t from);

/** Send a replica what it lacks, as far as it goes. */
void pump(struct statesync *st, struct replica *rep);

/** Send what all replicas of a connection lack. */
void pump_conn(struct statesync *st, struct conn *conn);

/** Send what has been put off. @return when to try again */
uint64_t pump_lagging(struct statesync *st);

/** An answer that belongs to no replica; kept and sent later if there is no room. */
void answer(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg);

/* ---- request.c ---- */

/** Do what a decoded request asks. */
void request(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg);

/** Reason to tell a client for an error of ours. */
enum docmsg_reason reason_of(int err);

/* ---- snapshot.c ---- */

/** Frozen text of the head, with one reference. NULL: no memory. */
struct snap *snap_get(struct statesync *st, struct doc *doc);

/** Give one reference back. NULL is accepted. */
void snap_put(struct statesync *st, struct doc *doc, struct snap *snap);

/** Send the next part of a replica's snapshot. 0: all sent; else as reply send. */
int snap_send(struct statesync *st, struct replica *rep);

/** Cut the log of a document that has grown too long. */
void snap_trim(struct statesync *st, struct doc *doc);

#endif
