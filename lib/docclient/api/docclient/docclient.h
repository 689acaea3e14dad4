/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * docclient/docclient.h - one text document as a client sees it: edits show at once, those of
 * others are merged in, a lost connection is picked up where it was.
 *
 *   create -> connected -> (receive | insert | delete | edit | poll)* -> disconnected -> connected
 * ...
 *
 * A local edit is applied to the own text at once and sent with the version it was made on; many
 * may be in flight. Operations of others are transformed over those in flight and applied. After a
 * reconnect the client goes on from its version and sends again what was not acknowledged; the
 * server applies each once. Digests of the server are compared; a difference is an error with a
 * name.
 *
 * Source:  DESIGN 5; reference "State synchronisation" 3.3; proto/statesync.proto.
 * Units:   positions in code points, times in nanoseconds of the caller's clock.
 * Context: one thread per document; nothing blocks, no clock is read. Callbacks must not call back
 *          into the same document but for the docclient_text(), _stats() and other readers.
 */
#ifndef DOCCLIENT_DOCCLIENT_H
#define DOCCLIENT_DOCCLIENT_H

#include <docmsg/docmsg.h>
#include <text/op.h>
#include <text/rope.h>

struct docclient;

enum docclient_state {
	DOCCLIENT_OFFLINE, /* no connection; edits are kept, up to the window */
	DOCCLIENT_OPENING, /* asked the server */
	DOCCLIENT_CATCHUP, /* its answer is coming in: snapshot or operations */
	DOCCLIENT_LIVE,    /* up to date when it was opened, follows since */
	DOCCLIENT_FAILED,  /* see docclient_error(); the text stands as it was */
};

enum docclient_error {
	DOCCLIENT_OK = 0,
	DOCCLIENT_DIVERGED, /* digest differs from the server's: a bug somewhere, text not to be
	                       trusted */
	DOCCLIENT_REFUSED,  /* the server refused to open; see docclient_reason() */
	DOCCLIENT_PROTOCOL, /* the server sent what it must not */
	DOCCLIENT_MEMORY,   /* the budget is used up */
};

enum docclient_what {
	DOCCLIENT_CHANGED, /* an operation of somebody else was applied */
	DOCCLIENT_ACKED,   /* an own operation was committed */
	DOCCLIENT_LOADED,  /* the whole text was replaced by a snapshot */
	DOCCLIENT_LOST, /* `count` own operations were refused or could not be resumed: they are not
	                   in the text after the LOADED that follows */
	DOCCLIENT_STATE, /* docclient_state() changed */
};

/* What happened. Borrowed for the call. */
struct docclient_change {
	enum docclient_what what;
	uint64_t version;
	struct aef_guuid author;  /* CHANGED */
	uint64_t seq;             /* CHANGED, ACKED: of its author; LOST: of the first */
	const struct text_op *op; /* CHANGED: as applied to the local text */
	uint32_t count;           /* LOST */
	uint32_t reason;          /* LOST: enum docmsg_reason, 0: log too short */
	uint64_t edit_ns;         /* ACKED: when the edit was made */
	uint64_t now_ns;
};

/* How the document reaches its surroundings. */
struct docclient_io {
	/* Hand over one message for the ordered channel; the bytes are borrowed.
	 * @return 0, or a negative error: no room now; it is tried again by docclient_poll() */
	int (*send)(void *ctx, const uint8_t *data, size_t len);
	/* Told of every change; may be NULL. */
	void (*on_change)(void *ctx, const struct docclient_change *change);
	void *ctx;
};

struct docclient_conf {
	struct aef_guuid doc;
	struct aef_guuid client_id;       /* of this replica, never shared; random */
	const struct docmsg_codec *codec; /* kept */
	struct aef_alloc *alloc;          /* kept */
	struct docclient_io io;
	uint32_t window;         /* operations in flight at most; 0: 1,024; readers do with 1 */
	uint32_t coalesce;       /* operations in one message at most; 0: 64 */
	uint64_t doc_bytes_max;  /* larger snapshots are refused; 0: 64 MiB */
	uint64_t held_bytes_max; /* of held operations; 0: 16 MiB */
	bool create;             /* create the document if there is none */
	bool manual_flush; /* edits go out on docclient_flush() or _poll(), several in one message
	                    */
};

struct docclient_stats {
	uint64_t ops_made;
	uint64_t ops_acked;
	uint64_t ops_resent;  /* after a reconnect */
	uint64_t ops_lost;    /* refused, or not resumable */
	uint64_t ops_foreign; /* applied, of others */
	uint64_t ops_doubled; /* came again and were ignored */
	uint64_t msgs_sent;
	uint64_t bytes_sent;
	uint64_t msgs_received;
	uint64_t bytes_received;
	uint64_t sends_refused;
	uint64_t opens;
	uint64_t snapshots;
	uint64_t resyncs;
	uint64_t digests_checked;
	uint64_t in_flight_sum; /* over all edits: in flight just after it; mean = sum / ops_made */
	uint32_t in_flight_max;
	uint32_t held_max;   /* operations held at one time */
	uint64_t held_ops;   /* operations that had to wait */
	uint64_t ack_ns_sum; /* edit to ack; mean = sum / ops_acked */
	uint64_t ack_ns_max;
};

/** Make a replica, offline and empty. @return 0, AEF_ERR_INVALID or AEF_ERR_FULL */
AEF_MUST_CHECK int docclient_create(const struct docclient_conf *conf,
                                    struct docclient **ret_client);

/** Give all memory back. NULL is accepted. */
void docclient_destroy(struct docclient *client);

/** A connection with an ordered reliable channel is there: opens, or resumes, the document. */
void docclient_connected(struct docclient *client, uint64_t now_ns);

/** The connection is gone. Text and operations in flight are kept. */
void docclient_disconnected(struct docclient *client, uint64_t now_ns);

/**
 * One message of the channel. Events of other documents in it are ignored.
 *
 * @param arena scratch memory for this call, DOCMSG_ARENA_BYTES; may be shared by all documents of
 *              a thread
 * @return 0; AEF_ERR_MALFORMED or AEF_ERR_LIMIT: not a message (the document fails with PROTOCOL)
 */
int docclient_receive(struct docclient *client, struct docmsg_arena *arena, const uint8_t *data,
                      size_t len, uint64_t now_ns);

/** One decoded event, for an owner of several documents that decodes itself. */
void docclient_event(struct docclient *client, const struct docmsg *event, uint64_t now_ns);

/** Send what could not be sent, and what manual_flush kept back. Call when the channel has room. */
void docclient_poll(struct docclient *client, uint64_t now_ns);

/** The same: everything typed so far goes out, several operations in one message. */
void docclient_flush(struct docclient *client, uint64_t now_ns);

/**
 * Insert @p utf8 before code point @p pos of the own text.
 *
 * @return 0; AEF_ERR_FULL: the window is full or no memory; AEF_ERR_RANGE; AEF_ERR_MALFORMED;
 *         AEF_ERR_LIMIT: larger than the server takes; AEF_ERR_STATE: no text yet, or failed
 */
AEF_MUST_CHECK int docclient_insert(struct docclient *client, uint32_t pos, const uint8_t *utf8,
                                    size_t len, uint64_t now_ns);

/** Delete @p nb code points from @p pos on. As docclient_insert(). */
AEF_MUST_CHECK int docclient_delete(struct docclient *client, uint32_t pos, uint32_t nb,
                                    uint64_t now_ns);

/** Replace @p nb code points at @p pos by @p utf8, as one operation. As docclient_insert(). */
AEF_MUST_CHECK int docclient_replace(struct docclient *client, uint32_t pos, uint32_t nb,
                                     const uint8_t *utf8, size_t len, uint64_t now_ns);

/** Any operation, on the own text; it is copied. As docclient_insert(). */
AEF_MUST_CHECK int docclient_edit(struct docclient *client, const struct text_op *op,
                                  uint64_t now_ns);

/**
 * Hold operations of others back: they are kept in order and change nothing until they are let in.
 * Own acknowledgements behind a held operation wait with it. For replaying recorded sessions.
 * After a resume a holding replica stays in DOCCLIENT_CATCHUP until what came meanwhile is let in:
 * wait for the version, not for DOCCLIENT_LIVE.
 */
void docclient_hold(struct docclient *client, bool on, uint64_t now_ns);

/** Let in all that is held, up to @p version. */
void docclient_release(struct docclient *client, uint64_t version, uint64_t now_ns);

/** Let in operations of @p author up to its number @p seq, now or when they come. */
void docclient_allow(struct docclient *client, const struct aef_guuid *author, uint64_t seq,
                     uint64_t now_ns);

/** Newest operation of @p author that was applied here; 0: none (of the last 64 authors). */
uint64_t docclient_author_seq(const struct docclient *client, const struct aef_guuid *author);

/** The text, borrowed until the next call that may change it. */
const struct text_rope *docclient_text(const struct docclient *client);

/** Committed operations that are in the text (own ones in flight come on top). */
uint64_t docclient_version(const struct docclient *client);

/** Head of the document as far as known; version < head: something is on its way or held. */
uint64_t docclient_head(const struct docclient *client);

/** Running digest of docclient_version(). */
void docclient_digest(const struct docclient *client, uint8_t ret_digest[DOCMSG_DIGEST_BYTES]);

/** Own operations that are not acknowledged. */
uint32_t docclient_in_flight(const struct docclient *client);

/** Number of the newest own operation. */
uint64_t docclient_last_seq(const struct docclient *client);

/** Where it stands, and why it failed. */
enum docclient_state docclient_state(const struct docclient *client);
enum docclient_error docclient_error(const struct docclient *client);

/** Name of an error, static storage. */
const char *docclient_error_name(enum docclient_error error);

/** Reason the server gave for the last refusal: enum docmsg_reason. */
uint32_t docclient_reason(const struct docclient *client);

/** Counters. */
const struct docclient_stats *docclient_stats(const struct docclient *client);

#endif
