/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text/ot_server.h - server side of streaming Jupiter: one bridge per (document, writing session).
 *
 * A bridge holds the committed operations that the session had not seen when it made its own newest
 * ones, in the session's context. It exists only while the session has own operations newer than
 * its base ("live"); before and after, it is derived from the log. Entries are references to the
 * operations of the log until a transform really changes one.
 *
 *   on (session, base, seq, op):
 *     r = text_bridge_accept(bridge, log, base, seq, op)   op is now in the head's
 * context r == 0: apply, append to the log as version v, text_bridge_committed(bridge, v), ack; for
 * every other bridge: text_bridge_push(other, v, ref)
 *
 * Source:  Nichols et al., Jupiter, UIST 1995; reference "State synchronisation" 3.3. The later op
 * goes left of the committed one (ShareDB's rule and the vectors'). Context: the thread that owns
 * the document. Documents and log belong to the caller.
 */
#ifndef TEXT_OT_SERVER_H
#define TEXT_OT_SERVER_H

#include <text/op.h>

#define TEXT_BRIDGE_ENTRIES_MAX 4096
#define TEXT_BRIDGE_WINDOW      1024 /* own operations newer than the base */

/* The caller's log of committed text operations of one document. */
struct text_log {
	/* Committed operation of version 1 <= v <= head; borrowed; NULL: no longer in the log. A
	 * version that does not touch the text is an empty operation. */
	struct text_opref *(*get)(void *ctx, uint64_t version);
	void *ctx;
	uint64_t head;
	uint32_t head_cps; /* length of the document at the head in code points */
};

struct text_bridge_entry {
	uint64_t version;
	struct text_opref *ref;
};

struct text_bridge {
	struct aef_alloc *alloc;
	uint64_t base;        /* committed operations the session is known to have seen */
	uint64_t last_seq;    /* newest own sequence number committed */
	uint64_t own_version; /* version it got; 0: none */
	bool broken;          /* only a resync (init anew) helps */

	/* Ring of foreign operations with version > base, oldest first. */
	struct text_bridge_entry *entries;
	uint32_t cap;
	uint32_t head;
	uint32_t nb;
	uint32_t entries_max;

	/* Versions of the newest own operations, by seq % own_cap: answers for resends. */
	uint64_t *own;
	uint32_t own_cap;
	uint32_t nb_own; /* own operations newer than base */
	uint32_t window;
};

struct text_bridge_conf {
	uint32_t entries_max; /* 0: TEXT_BRIDGE_ENTRIES_MAX */
	uint32_t window;      /* 0: TEXT_BRIDGE_WINDOW */
};

/**
 * Start a bridge for a session that has seen @p base committed operations.
 *
 * @param alloc       kept; more than a few hundred bytes are held only while the bridge is live
 * @param last_seq    newest sequence number of this client in the log; 0: none
 * @param own_version version of that one (answer to its resend); 0: none
 */
void text_bridge_init(struct text_bridge *bridge, struct aef_alloc *alloc,
                      const struct text_bridge_conf *conf, uint64_t base, uint64_t last_seq,
                      uint64_t own_version);

/** Give all memory and references back. NULL is accepted. */
void text_bridge_fini(struct text_bridge *bridge);

/** True when commits of others must be pushed to it. */
static inline bool
text_bridge_is_live(const struct text_bridge *bridge)
{
	return bridge->own_version > bridge->base && !bridge->broken;
}

/**
 * Bring an operation of the session into the context of the head.
 *
 * Checks first, then changes: after AEF_ERR_DUPLICATE, _GAP, _PROTOCOL, _RANGE, or _LIMIT for a
 * base below the log, neither bridge nor operation has changed. When the caller cannot commit an
 * accepted operation it must call text_bridge_break().
 *
 * @param op          in: as sent; out: to be committed as head + 1
 * @param ret_version of the stored commit, for AEF_ERR_DUPLICATE; 0: too old to be known (its ack
 * was seen); may be NULL
 * @return 0; AEF_ERR_DUPLICATE: resend, answer with the stored version; AEF_ERR_GAP: an own
 * sequence number is missing; AEF_ERR_PROTOCOL: base went back or is above the head; AEF_ERR_RANGE:
 * walks past the end of the session's document; AEF_ERR_LIMIT: too far behind, AEF_ERR_STATE:
 * broken, AEF_ERR_FULL: no memory (all three: resync)
 */
AEF_MUST_CHECK int text_bridge_accept(struct text_bridge *bridge, const struct text_log *log,
                                      uint64_t base, uint64_t seq, struct text_op *op,
                                      uint64_t *ret_version);

/** The operation just accepted was committed as @p version, above all the bridge knows. */
void text_bridge_committed(struct text_bridge *bridge, uint64_t version);

/**
 * A commit of another session. Does nothing while the bridge is not live.
 *
 * @param ref a reference is taken, not the caller's
 * @return 0; AEF_ERR_LIMIT or AEF_ERR_FULL: the bridge is broken, resync the session
 */
AEF_MUST_CHECK int text_bridge_push(struct text_bridge *bridge, uint64_t version,
                                    struct text_opref *ref);

/** The session tells, without an operation, that it has seen @p base. 0 or AEF_ERR_PROTOCOL. */
AEF_MUST_CHECK int text_bridge_seen(struct text_bridge *bridge, uint64_t base, uint64_t head);

/** Drop everything; only fini, or init after a resync, is left. */
void text_bridge_break(struct text_bridge *bridge);

#endif
