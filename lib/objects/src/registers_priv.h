/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registers_priv.h - registers, the edits of a patch, and the walk over both in the order of paths.
 *
 *   registers.c  sets of leaves; the walk: what of a set stays, goes and comes by edits
 *   patch.c      a merge patch in JSON to edits, and edits into a set
 *   diff.c       two sets: what was overwritten, what leads back
 *   tree.c       paths and values to a JSON value: the state, and the inverse of a patch
 */
#ifndef OBJECTS_REGISTERS_PRIV_H
#define OBJECTS_REGISTERS_PRIV_H

#include "path_priv.h"

struct registers_leaf {
	uint32_t refs; /* sets that have it */
	struct registers_stamp written;
	uint32_t path_len, value_len;
	uint8_t bytes[]; /* path, value */
};

/*
 * An edit is a register that was read from a patch: what it writes. Without a value: it is removed,
 * with all below. "{}": an object is here, so whatever else is goes; its members have edits of
 * their own.
 */
struct edits {
	struct registers_stamp stamp;
	struct registers_leaf **leaves; /* in order of their paths; owned, one reference each */
	uint32_t nb, cap;
};

enum walk_event {
	WALK_KEEP, /* a register stays */
	WALK_DROP, /* a register goes */
	WALK_ADD,  /* an edit becomes a register */
	WALK_VOID, /* an edit is not needed any more */
};

typedef void walk_fn(void *ctx, enum walk_event what, struct registers_leaf *leaf);

/** Tell @p on what the patch does to each register, in the order of paths. */
void registers_walk(const struct registers *regs, const struct edits *patch, walk_fn *on,
                    void *ctx);

/** Index of the first register that does not stand before @p path. */
uint32_t registers_at(const struct registers *regs, const uint8_t *path, uint32_t len);

/** Make a register. @return NULL: memory */
struct registers_leaf *leaf_new(struct aef_alloc *alloc, const struct registers_stamp *stamp,
                                const uint8_t *path, uint32_t path_len, const uint8_t *value,
                                uint32_t value_len);
/** Give one reference back. */
void leaf_put(struct aef_alloc *alloc, struct registers_leaf *leaf);

static inline const uint8_t *
leaf_value(const struct registers_leaf *leaf)
{
	return leaf->bytes + leaf->path_len;
}

static inline bool
leaf_is_object(const struct registers_leaf *leaf)
{
	return leaf->value_len > 0 && leaf_value(leaf)[0] == '{';
}

/* Writes one JSON value out of paths in their order. */
struct tree {
	struct json_writer *writer;
	uint8_t open[REGISTERS_PATH_MAX]; /* path of the innermost open object */
	uint32_t open_len;
	bool is_object; /* the root is open */
	bool any;       /* something was put */
};

/** Begin; nothing is written yet. */
void tree_init(struct tree *tree, struct json_writer *writer);

/** The value at @p path, which stands behind all before; NULL: null. */
void tree_put(struct tree *tree, const uint8_t *path, uint32_t path_len, const uint8_t *value,
              uint32_t value_len);

/** Close what is open. @return false: there was nothing */
bool tree_end(struct tree *tree);

#endif
