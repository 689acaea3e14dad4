/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * docclient_priv.h - state of one replica and what its files offer each other.
 *
 *   docclient.c  life, opening, sending, what readers ask
 *   edit.c       local edits
 *   receive.c    events of the server
 *   hold.c       operations of others that are kept back
 */
#ifndef DOCCLIENT_PRIV_H
#define DOCCLIENT_PRIV_H

#include <docclient/docclient.h>
#include <text/ot_client.h>

#define AUTHORS_MAX   64u
#define SEND_BYTES    (64u << 10) /* of operations in one message, about */
#define SEND_ON_STACK 2048u

/* One committed operation as it arrived. */
struct item {
	uint64_t version;
	uint64_t seq;
	struct aef_guuid author;
	struct docmsg_digest digest;
	struct docmsg_bytes data; /* of others; own: empty */
	bool own;
};

struct held {
	struct held *next;
	struct item item; /* its data follows this structure */
};

struct author {
	struct aef_guuid id;
	uint64_t allowed_seq;
	uint64_t applied_seq;
};

struct docclient {
	struct docclient_conf conf;
	enum docclient_state state;
	enum docclient_error error;
	uint32_t reason;
	struct text_rope rope;
	struct text_client tc;
	uint64_t head;
	uint32_t nb_sent;  /* of those in flight: handed to the connection */
	uint64_t *edit_ns; /* when the edit with this number was made, by seq % window */

	/* The opening. */
	bool want_open;     /* could not be sent yet */
	bool fresh;         /* without state: the text will be replaced */
	bool asked_pending; /* told the server that operations are in flight */
	struct docmsg_opened opened;
	uint8_t *snap; /* being received; snapshot_bytes of `opened` */
	uint64_t snap_len;
	bool loading;

	/* Operations of others that are kept back. */
	bool hold;
	uint64_t release_version;
	struct held *held_first, *held_last;
	uint32_t nb_held;
	uint64_t held_bytes;
	struct author *authors; /* AUTHORS_MAX; NULL until hold is used */
	uint32_t nb_authors;

	struct docclient_stats stats;
};

/* ---- docclient.c ---- */

/** Change the state and tell. */
void docclient_set_state(struct docclient *dc, enum docclient_state state, uint64_t now_ns);

/** Give up, with a name. */
void docclient_fail(struct docclient *dc, enum docclient_error error, uint64_t now_ns);

/** Tell of a change. */
void docclient_tell(struct docclient *dc, struct docclient_change *change, uint64_t now_ns);

/** Ask the server to open, again if need be; keeps text and operations in flight unless `fresh`. */
void docclient_reopen(struct docclient *dc, uint64_t now_ns);

/** Start from nothing at @p version: the text is empty, nothing is in flight. 0 or AEF_ERR_FULL */
int docclient_start_over(struct docclient *dc, uint64_t version, uint64_t last_seq,
                         const struct docmsg_digest *digest);

/** Own operations from @p seq on are lost: tell, before they are dropped. */
void docclient_tell_lost(struct docclient *dc, uint64_t seq, uint32_t reason, uint64_t now_ns);

/** Send what has not been sent, if it may. */
void docclient_send_pending(struct docclient *dc);

/* ---- receive.c ---- */

/** Take a committed operation in: the next version, and nothing holds it back. */
void docclient_take(struct docclient *dc, const struct item *item, uint64_t now_ns);

/* ---- hold.c ---- */

/** True when it, next in order, may change the text now. */
bool docclient_hold_lets(struct docclient *dc, const struct item *item);

/** Keep a copy for later. */
void docclient_hold_put(struct docclient *dc, const struct item *item, uint64_t now_ns);

/** Forget all that is held. */
void docclient_hold_drop(struct docclient *dc);

/** An operation of somebody was applied. */
void docclient_hold_note(struct docclient *dc, const struct item *item);

#endif
