/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * presence_priv.h - who is looking at a document and where: cursors, selections, names, colours.
 *
 * Never logged and never queued: one entry for each session, overwritten in place, and a
 * subscriber is told what changed since it was told last. So a fast mouse costs one entry, and a
 * slow subscriber sees the newest state late instead of every state ever later.
 *
 * Every change has a number. Entries stand in the order of their last change; a subscriber's cursor
 * is the number up to which it was told. An entry that ended stays as empty for a while, so that
 * everybody is told; who was away for longer starts over.
 *
 * Source:  DESIGN 5; reference "State synchronisation" 1.1 and 4.3.
 * Units:   bytes, nanoseconds of the worker's clock.
 * Context: the worker that owns the document; pure.
 */
#ifndef STATESYNC_PRESENCE_PRIV_H
#define STATESYNC_PRESENCE_PRIV_H

#include <base/alloc.h>
#include <base/err.h>
#include <base/guuid.h>
#include <base/list.h>

#define PRESENCE_MAX       1024u /* entries of one document; ended ones give way */
#define PRESENCE_BYTES_MAX 1024u /* of one entry */
#define PRESENCE_ENDED_NS  (30ull * 1000 * 1000 * 1000)

struct presence_entry {
	struct aef_list in_order;
	struct presence_entry **slot; /* the session's pointer to it; NULL: ended */
	struct aef_guuid session, user;
	uint64_t number;  /* of the last change */
	uint64_t version; /* of the document that positions in `data` mean */
	uint64_t ended_ns;
	uint32_t len; /* 0: ended */
	uint32_t cap;
	uint8_t data[];
};

struct presence {
	struct aef_list order; /* the longest unchanged first */
	uint64_t number;       /* of the newest change */
	uint64_t forgotten;    /* newest change that is an end and was dropped */
	uint32_t nb;
};

/* Of a subscriber; all zero: knows nothing. */
struct presence_cursor {
	uint64_t at;    /* told up to here */
	uint64_t since; /* nothing that ended up to here was ever told */
};

/* What a session shows. */
struct presence_state {
	struct aef_guuid session, user;
	uint64_t version; /* of the document that positions in `data` mean */
	const uint8_t *data;
	uint32_t len;
};

/** Nobody is there. */
void presence_init(struct presence *presence);

/** Forget all, and clear the slots. */
void presence_fini(struct presence *presence, struct aef_alloc *alloc);

/**
 * Set or overwrite what a session shows.
 *
 * @param slot kept until the entry ends; *slot is NULL for the first time and belongs to this
 *             module after it
 * @return 0; AEF_ERR_LIMIT: longer than PRESENCE_BYTES_MAX, or empty; AEF_ERR_FULL: PRESENCE_MAX
 *         sessions show something, or memory. On error the entry stands as it was.
 */
AEF_MUST_CHECK int presence_set(struct presence *presence, struct aef_alloc *alloc,
                                struct presence_entry **slot, const struct presence_state *state);

/** The session shows nothing any more; *slot becomes NULL. Nothing happens when it is. */
void presence_end(struct presence *presence, struct presence_entry **slot, uint64_t now_ns);

/** Drop entries that ended PRESENCE_ENDED_NS ago. @return when to look again */
uint64_t presence_sweep(struct presence *presence, struct aef_alloc *alloc, uint64_t now_ns);

/**
 * The first change that a subscriber was not told, or NULL. The caller moves cursor->at to the
 * number of each entry that it tells.
 *
 * @param ret_restart it has missed an end: it has to forget all it was told, and begins anew
 */
const struct presence_entry *presence_first(const struct presence *presence,
                                            struct presence_cursor *cursor, bool *ret_restart);

/** The change after that of @p entry, or NULL. */
const struct presence_entry *presence_next(const struct presence *presence,
                                           const struct presence_entry *entry);

#endif
