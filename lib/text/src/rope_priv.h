/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rope_priv.h - nodes of the rope and what rope.c, rope_edit.c and op.c share.
 *
 * All leaves stand at the same depth (`height` inner levels). A slot `cnt[i]` of an inner node
 * counts all text below child i; the root's count is rope->total. No leaf is empty.
 */
#ifndef TEXT_ROPE_PRIV_H
#define TEXT_ROPE_PRIV_H

#include <text/rope.h>

#define ROPE_FANOUT     24
#define ROPE_HEIGHT_MAX 12 /* 12^8 half-full leaves pass TEXT_DOC_CPS_MAX already */

struct text_node {
	struct text_inner *parent; /* NULL: root */
	uint16_t idx;              /* its slot in the parent */
	uint16_t nb;               /* leaf: bytes; inner: children */
};

struct text_leaf {
	struct text_node node;
	uint16_t cps;
	uint8_t data[TEXT_LEAF_CAP];
};

struct text_inner {
	struct text_node node;
	struct text_count cnt[ROPE_FANOUT];
	struct text_node *child[ROPE_FANOUT];
};

static_assert(sizeof(struct text_leaf) == 1024, "a leaf is one kibibyte");

/* Counts are sums modulo 2^32, so that a difference may be added. */
static inline void
count_add(struct text_count *c, const struct text_count *d)
{
	c->cps += d->cps;
	c->bytes += d->bytes;
	c->utf16 += d->utf16;
	c->newlines += d->newlines;
}

static inline void
count_sub(struct text_count *c, const struct text_count *d)
{
	c->cps -= d->cps;
	c->bytes -= d->bytes;
	c->utf16 -= d->utf16;
	c->newlines -= d->newlines;
}

/* Slot that counts what is below `node`. */
static inline const struct text_count *
node_count(const struct text_rope *rope, const struct text_node *node)
{
	return node->parent != NULL ? &node->parent->cnt[node->idx] : &rope->total;
}

/* Byte offset of code point `cp` in the leaf. */
size_t text_leaf_offset(const struct text_leaf *leaf, uint32_t cp);

/* Leaf of position pos and where it starts. At a boundary: the right leaf if `right`, else the left
 * one. The rope is not empty. */
struct text_leaf *text_rope_find(const struct text_rope *rope, uint32_t pos, bool right,
                                 uint32_t *ret_start);

/* Neighbour leaf in text order, NULL at the end. */
struct text_leaf *text_leaf_next(const struct text_leaf *leaf);

/* Insert text that is known to be valid and counted; pos is in range. 0, LIMIT or FULL. */
int text_rope_put(struct text_rope *rope, uint32_t pos, const uint8_t *utf8,
                  const struct text_count *cnt);

/* Delete; the range is known to be inside. */
void text_rope_cut(struct text_rope *rope, uint32_t pos, uint32_t nb);

/* Set nodes aside for `nb_inserts` inserts of together `bytes`. 0 or FULL. */
int text_rope_reserve(struct text_rope *rope, uint32_t nb_inserts, uint64_t bytes);

/* Give what was set aside back. */
void text_rope_release(struct text_rope *rope);

#endif
