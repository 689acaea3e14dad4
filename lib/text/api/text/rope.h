/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text/rope.h - the text of one document: a B-tree of UTF-8 chunks, addressed by code point.
 *
 * A chunk (leaf) holds at most TEXT_LEAF_CAP bytes; every inner node knows code points, bytes,
 * UTF-16 units and newlines below each child, so a position is found in O(log n). The leaf of the
 * last edit is remembered: typing on does not descend. A full leaf first shares with a neighbour
 * and only then splits, which keeps a document that was typed in about 80 to 90 % full.
 *
 * Source:  Bayer and McCreight, B-trees, 1972; reference "State synchronisation" 3.2.
 * Units:   positions and lengths in Unicode code points unless the name ends in _bytes.
 * Context: one thread per rope. Memory comes from the allocator given at init, never from
 * elsewhere.
 */
#ifndef TEXT_ROPE_H
#define TEXT_ROPE_H

#include <base/alloc.h>
#include <base/err.h>

#define TEXT_LEAF_CAP    1006             /* bytes of text in one leaf of 1,024 */
#define TEXT_DOC_CPS_MAX ((1u << 30) - 1) /* code points in one document, also in one component */

struct text_count {
	uint32_t cps;
	uint32_t bytes;
	uint32_t utf16;
	uint32_t newlines; /* U+000A */
};

struct text_node;
struct text_leaf;
struct text_inner;

struct text_rope {
	struct aef_alloc *alloc;
	struct text_node *root; /* NULL: empty document that holds no memory */
	uint32_t height;        /* inner levels above the leaves */
	struct text_count total;

	/* Leaf of the last edit; NULL: none. Start of that leaf in code points. */
	struct text_leaf *hot;
	uint32_t hot_start;

	/* Nodes set aside so that an operation cannot run out of memory half-way. */
	struct text_node *spare_leaves;
	struct text_node *spare_inners;
	uint32_t nb_spare_leaves;
	uint32_t nb_spare_inners;
	bool reserved; /* an operation has set its nodes aside: inserts take from there */
};

/** Empty rope. @p alloc is kept and must outlive the rope. No memory is taken yet. */
void text_rope_init(struct text_rope *rope, struct aef_alloc *alloc);

/** Give all memory back; the rope is then empty and usable again. NULL is accepted. */
void text_rope_fini(struct text_rope *rope);

/**
 * Replace the contents by @p utf8, packed into full leaves.
 *
 * @return 0; AEF_ERR_MALFORMED: not UTF-8; AEF_ERR_LIMIT: above TEXT_DOC_CPS_MAX; AEF_ERR_FULL: no
 *         memory. On failure the rope is unchanged.
 */
AEF_MUST_CHECK int text_rope_load(struct text_rope *rope, const uint8_t *utf8, size_t len);

/**
 * Insert @p utf8 before code point @p pos.
 *
 * @return 0; AEF_ERR_RANGE: pos past the end; AEF_ERR_MALFORMED; AEF_ERR_LIMIT; AEF_ERR_FULL.
 *         On failure the rope is unchanged.
 */
AEF_MUST_CHECK int text_rope_insert(struct text_rope *rope, uint32_t pos, const uint8_t *utf8,
                                    size_t len);

/** Delete @p nb code points from @p pos on. @return 0 or AEF_ERR_RANGE (rope unchanged). */
AEF_MUST_CHECK int text_rope_delete(struct text_rope *rope, uint32_t pos, uint32_t nb);

/**
 * Copy @p nb code points from @p pos on into @p buf.
 *
 * @return bytes written, AEF_ERR_RANGE, or AEF_ERR_FULL when @p cap_bytes is too small
 */
AEF_MUST_CHECK int64_t text_rope_read(const struct text_rope *rope, uint32_t pos, uint32_t nb,
                                      uint8_t *buf, size_t cap_bytes);

/** Bytes that the code points [pos, pos + nb) take in UTF-8; AEF_ERR_RANGE past the end. */
AEF_MUST_CHECK int64_t text_rope_range_bytes(const struct text_rope *rope, uint32_t pos,
                                             uint32_t nb);

/** Position in UTF-16 units of code point @p pos (at most total.cps): what JavaScript counts in. */
uint32_t text_rope_utf16_of(const struct text_rope *rope, uint32_t pos);

/** Code point at UTF-16 position @p unit (at most total.utf16); inside a pair: that code point. */
uint32_t text_rope_pos_of_utf16(const struct text_rope *rope, uint32_t unit);

/** Newlines before code point @p pos (at most total.cps): the line number, from 0. */
uint32_t text_rope_line_of(const struct text_rope *rope, uint32_t pos);

struct text_rope_iter {
	const struct text_leaf *leaf;
	uint32_t off_bytes;
};

/** Start at code point @p pos (at most total.cps). Any edit of the rope ends the iteration. */
void text_rope_iter_init(struct text_rope_iter *it, const struct text_rope *rope, uint32_t pos);

/** Next run of bytes, cut at a code point; borrowed. False at the end of the text. */
bool text_rope_iter_next(struct text_rope_iter *it, const uint8_t **ret_data, size_t *ret_len);

/** Check every internal count and link; false: a bug of ours. O(document), for tests. */
bool text_rope_is_sound(const struct text_rope *rope);

#endif
