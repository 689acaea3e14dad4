/* SPDX-License-Identifier: BSD-3-Clause */
/* state_priv.h - what the document service keeps: documents, replicas, connections, the round. */
#ifndef STATESYNC_STATE_PRIV_H
#define STATESYNC_STATE_PRIV_H

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

#endif
