/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rope_edit.c - the changes of the tree: insert, share, split; delete, merge, collapse.
 */
#include <string.h>

#include <text/utf8.h>

#include "rope_priv.h"

#define SHARE_NEED_MAX 48 /* larger inserts split at once: sharing would not make room enough */
#define SHARE_REACH    4  /* siblings further away are not asked for space */
#define SHARE_FAR_MAX  (TEXT_LEAF_CAP - 160) /* a sibling fuller than this has none to give */
#define SHARE_SLACK    64 /* two leaves share only while this many bytes stay free in them */
#define LEAF_LOW       (TEXT_LEAF_CAP / 2)
#define LEAF_MERGE_MAX (TEXT_LEAF_CAP * 9 / 10)
#define INNER_LOW      (ROPE_FANOUT / 4)
#define INNER_MERGE    (ROPE_FANOUT * 3 / 4)

/* ---- spare nodes: a list through `parent` ---- */

static bool
spare_add(struct text_rope *rope, struct text_node **list, size_t bytes)
{
	struct text_node *node = aef_alloc_get(rope->alloc, bytes);

	if (node == NULL)
		return false;
	node->parent = (struct text_inner *)*list;
	*list = node;
	return true;
}

static struct text_node *
spare_take(struct text_node **list, uint32_t *nb)
{
	struct text_node *node = *list;

	aef_assert(node != NULL); /* text_rope_reserve() counted wrong otherwise */
	*list = (struct text_node *)node->parent;
	(*nb)--;
	node->parent = NULL;
	node->idx = 0;
	node->nb = 0;
	return node;
}

static int
spare_fill(struct text_rope *rope, uint64_t leaves, uint64_t inners)
{
	while (rope->nb_spare_leaves < leaves) {
		if (!spare_add(rope, &rope->spare_leaves, sizeof(struct text_leaf)))
			goto full;
		rope->nb_spare_leaves++;
	}
	while (rope->nb_spare_inners < inners) {
		if (!spare_add(rope, &rope->spare_inners, sizeof(struct text_inner)))
			goto full;
		rope->nb_spare_inners++;
	}
	rope->reserved = true;
	return 0;
full:
	text_rope_release(rope);
	return AEF_ERR_FULL;
}

/* New leaves that one insert of `bytes` can need: the tail cut off, and full leaves but for the
 * last. */
static uint64_t
leaves_for(uint64_t bytes)
{
	return bytes / (TEXT_LEAF_CAP - 3) + 2;
}

int
text_rope_reserve(struct text_rope *rope, uint32_t nb_inserts, uint64_t bytes)
{
	const uint64_t leaves = leaves_for(bytes) + 2ull * nb_inserts;
	uint32_t levels = rope->height + 2;
	uint64_t inners = 2;

	for (uint64_t n = leaves; n > 1; n /= ROPE_FANOUT / 2)
		levels++;
	/* A full node splits in halves: per level at most one split per half fan-out of new
	 * children, one to begin with per insert, and one new root. */
	for (uint64_t n = leaves; levels > 0; levels--) {
		n = n / (ROPE_FANOUT / 2) + nb_inserts;
		inners += 2 * n;
	}
	return spare_fill(rope, leaves, inners);
}

/* Exactly what one insert at `leaf` needs when it makes few leaves, so that a tight budget is used
 * up. */
static int
reserve_at(struct text_rope *rope, const struct text_leaf *leaf, uint64_t bytes)
{
	const uint64_t leaves = leaves_for(bytes);
	uint64_t more = leaves, inners = 0;
	const struct text_inner *up;

	if (leaf == NULL && bytes <= TEXT_LEAF_CAP)
		return spare_fill(rope, 1, 0);
	if (leaf == NULL || leaves > ROPE_FANOUT / 2)
		return text_rope_reserve(rope, 1, bytes);
	up = leaf->node.parent;
	while (up != NULL && up->node.nb + more > ROPE_FANOUT) {
		inners++;
		more = 1;
		up = up->node.parent;
	}
	if (up == NULL)
		inners++;
	return spare_fill(rope, leaves, inners);
}

void
text_rope_release(struct text_rope *rope)
{
	while (rope->spare_leaves != NULL)
		aef_alloc_put(rope->alloc, spare_take(&rope->spare_leaves, &rope->nb_spare_leaves),
		              sizeof(struct text_leaf));
	while (rope->spare_inners != NULL)
		aef_alloc_put(rope->alloc, spare_take(&rope->spare_inners, &rope->nb_spare_inners),
		              sizeof(struct text_inner));
	rope->reserved = false;
}

static struct text_leaf *
new_leaf(struct text_rope *rope)
{
	struct text_leaf *leaf =
		(struct text_leaf *)spare_take(&rope->spare_leaves, &rope->nb_spare_leaves);

	leaf->cps = 0;
	return leaf;
}

static struct text_inner *
new_inner(struct text_rope *rope)
{
	return (struct text_inner *)spare_take(&rope->spare_inners, &rope->nb_spare_inners);
}

/* ---- links ---- */

static void
set_child(struct text_inner *inner, uint32_t i, struct text_node *child,
          const struct text_count *cnt)
{
	inner->child[i] = child;
	inner->cnt[i] = *cnt;
	child->parent = inner;
	child->idx = (uint16_t)i;
}

static void
insert_child(struct text_inner *inner, uint32_t at, struct text_node *child,
             const struct text_count *cnt)
{
	for (uint32_t i = inner->node.nb; i > at; i--)
		set_child(inner, i, inner->child[i - 1], &inner->cnt[i - 1]);
	set_child(inner, at, child, cnt);
	inner->node.nb++;
}

/* Move the children [from, nb) of `inner` behind those of `to`; returns what they hold. */
static struct text_count
move_children(struct text_inner *inner, uint32_t from, struct text_inner *to)
{
	struct text_count sum = { 0 };

	for (uint32_t i = from; i < inner->node.nb; i++) {
		count_add(&sum, &inner->cnt[i]);
		set_child(to, to->node.nb++, inner->child[i], &inner->cnt[i]);
	}
	inner->node.nb = (uint16_t)from;
	return sum;
}

/* Link `node` to the right of `left`. It holds `cnt`, which is still counted in left's slot. */
static void
link_after(struct text_rope *rope, struct text_node *left, struct text_node *node,
           struct text_count cnt)
{
	for (;;) {
		struct text_inner *parent = left->parent;

		if (parent == NULL) {
			struct text_count rest = rope->total;

			count_sub(&rest, &cnt);
			parent = new_inner(rope);
			set_child(parent, 0, left, &rest);
			set_child(parent, 1, node, &cnt);
			parent->node.nb = 2;
			rope->root = &parent->node;
			rope->height++;
			return;
		}
		const uint32_t at = left->idx + 1u;

		count_sub(&parent->cnt[left->idx], &cnt);
		if (parent->node.nb < ROPE_FANOUT) {
			insert_child(parent, at, node, &cnt);
			return;
		}
		struct text_inner *half = new_inner(rope);
		struct text_count moved = move_children(parent, ROPE_FANOUT / 2, half);

		if (at <= ROPE_FANOUT / 2) {
			insert_child(parent, at, node, &cnt);
		} else {
			insert_child(half, at - ROPE_FANOUT / 2, node, &cnt);
			count_add(&moved, &cnt);
		}
		left = &parent->node;
		node = &half->node;
		cnt = moved;
	}
}

/* Add `d` to every count that covers `node`. */
static inline void
adjust(struct text_rope *rope, struct text_node *node, const struct text_count *d)
{
	while (node->parent != NULL) {
		count_add(&node->parent->cnt[node->idx], d);
		node = &node->parent->node;
	}
	count_add(&rope->total, d);
}

static inline void
adjust_down(struct text_rope *rope, struct text_node *node, const struct text_count *d)
{
	const struct text_count neg = { 0u - d->cps, 0u - d->bytes, 0u - d->utf16,
		                        0u - d->newlines };

	adjust(rope, node, &neg);
}

/* ---- insert ---- */

static inline void
leaf_open(struct text_leaf *leaf, size_t off, const uint8_t *data, size_t len, uint32_t cps)
{
	memmove(leaf->data + off + len, leaf->data + off, leaf->node.nb - off);
	memcpy(leaf->data + off, data, len);
	leaf->node.nb = (uint16_t)(leaf->node.nb + len);
	leaf->cps = (uint16_t)(leaf->cps + cps);
}

static inline void
leaf_close(struct text_leaf *leaf, size_t off, size_t len, uint32_t cps)
{
	memmove(leaf->data + off, leaf->data + off + len, leaf->node.nb - off - len);
	leaf->node.nb = (uint16_t)(leaf->node.nb - len);
	leaf->cps = (uint16_t)(leaf->cps - cps);
}

/* Move the boundary between two neighbours of one parent so that s bytes stand in the left one. */
static void
leaf_share(struct text_leaf *left, struct text_leaf *right, size_t s)
{
	struct text_count *const cl = &left->node.parent->cnt[left->node.idx];
	struct text_count *const cr = &right->node.parent->cnt[right->node.idx];
	struct text_count moved;

	if (s < left->node.nb) {
		const size_t len = left->node.nb - s;

		moved = text_utf8_count(left->data + s, len);
		leaf_open(right, 0, left->data + s, len, moved.cps);
		leaf_close(left, s, len, moved.cps);
		count_sub(cl, &moved);
		count_add(cr, &moved);
	} else if (s > left->node.nb) {
		const size_t len = s - left->node.nb;

		moved = text_utf8_count(right->data, len);
		leaf_open(left, left->node.nb, right->data, len, moved.cps);
		leaf_close(right, 0, len, moved.cps);
		count_add(cl, &moved);
		count_sub(cr, &moved);
	}
}

/* Byte i of two neighbouring leaves taken as one. */
static inline uint8_t
pair_byte(const struct text_leaf *left, const struct text_leaf *right, size_t i)
{
	return i < left->node.nb ? left->data[i] : right->data[i - left->node.nb];
}

/*
 * Make room for `need` bytes by sharing with the neighbour `right` of `left`; the insert is at byte
 * `o` of both taken as one. Returns the leaf to insert in and moves *off there; NULL: too full.
 */
static struct text_leaf *
share_pair(struct text_leaf *left, struct text_leaf *right, size_t o, size_t need, size_t *off)
{
	const size_t all = (size_t)left->node.nb + right->node.nb;
	const bool goes_left = o <= all / 2;
	size_t s;

	if (all + need > 2 * TEXT_LEAF_CAP - SHARE_SLACK)
		return NULL;
	if (goes_left)
		s = o > (all - need) / 2 ? o : (all - need) / 2;
	else
		s = o < (all + need) / 2 ? o : (all + need) / 2;
	while ((pair_byte(left, right, s) & 0xc0) == 0x80)
		s--; /* never past o, which is a boundary */
	leaf_share(left, right, s);
	*off = goes_left ? o : o - s;
	return goes_left ? left : right;
}

/* Share with a direct neighbour of the same parent; NULL: both too full. */
static struct text_leaf *
share_near(struct text_leaf *leaf, size_t *off, size_t need)
{
	const struct text_inner *parent = leaf->node.parent;
	const uint32_t i = leaf->node.idx;
	struct text_leaf *got = NULL;

	if (i + 1u < parent->node.nb)
		got = share_pair(leaf, (struct text_leaf *)parent->child[i + 1], *off, need, off);
	if (got == NULL && i > 0) {
		struct text_leaf *left = (struct text_leaf *)parent->child[i - 1];

		got = share_pair(left, leaf, left->node.nb + *off, need, off);
	}
	return got;
}

/*
 * Bring free space from a sibling up to SHARE_REACH away to the neighbour of `leaf`, by filling up
 * the leaves between them. False: none has enough.
 */
static bool
bring_space(const struct text_leaf *leaf)
{
	const struct text_inner *parent = leaf->node.parent;
	const int32_t i = leaf->node.idx;
	struct text_leaf *const *child = (struct text_leaf *const *)parent->child;

	for (int32_t step = 2; step <= 2 * SHARE_REACH + 1; step++) {
		const int32_t dir = step & 1 ? -1 : 1;
		int32_t k = i + dir * (step / 2);

		if (k < 0 || k >= parent->node.nb || child[k]->node.nb > SHARE_FAR_MAX)
			continue;
		for (; k != i + dir; k -= dir) {
			struct text_leaf *left = child[dir > 0 ? k - 1 : k];
			struct text_leaf *right = child[dir > 0 ? k : k + 1];
			const size_t all = (size_t)left->node.nb + right->node.nb;
			size_t s = dir > 0 ? all - (TEXT_LEAF_CAP - 8) : TEXT_LEAF_CAP - 8;

			if (all <= TEXT_LEAF_CAP - 8)
				return true; /* space enough between them already */
			while ((pair_byte(left, right, s) & 0xc0) == 0x80)
				s--;
			leaf_share(left, right, s);
		}
		return true;
	}
	return false;
}

static struct text_leaf *
share(struct text_leaf *leaf, size_t *off, size_t need)
{
	struct text_leaf *got;

	if (leaf->node.parent == NULL || need > SHARE_NEED_MAX)
		return NULL;
	got = share_near(leaf, off, need);
	if (got == NULL && bring_space(leaf))
		got = share_near(leaf, off, need);
	return got;
}

/* Largest cut of at most `room` bytes that does not part a code point. */
static size_t
cut_at(const uint8_t *utf8, size_t len, size_t room)
{
	if (len <= room)
		return len;
	while (room > 0 && (utf8[room] & 0xc0) == 0x80)
		room--;
	return room;
}

/* Insert by cutting the leaf at `off`: its front and new leaves take the text, the tail follows. */
static void
split_insert(struct text_rope *rope, struct text_leaf *leaf, size_t off, const uint8_t *utf8,
             size_t len)
{
	static const struct text_count none = { 0 };
	struct text_leaf *tail = NULL;

	if (off < leaf->node.nb) {
		const size_t nb = leaf->node.nb - off;
		const struct text_count c = text_utf8_count(leaf->data + off, nb);

		tail = new_leaf(rope);
		leaf_open(tail, 0, leaf->data + off, nb, c.cps);
		leaf_close(leaf, off, nb, c.cps);
		link_after(rope, &leaf->node, &tail->node, c);
	}
	while (len > 0) {
		size_t take = cut_at(utf8, len, (size_t)TEXT_LEAF_CAP - leaf->node.nb);
		size_t at = leaf->node.nb;

		if (take < len && tail != NULL && len <= (size_t)TEXT_LEAF_CAP - tail->node.nb) {
			leaf = tail;
			take = len;
			at = 0;
		}
		if (take == 0) {
			struct text_leaf *next = new_leaf(rope);

			link_after(rope, &leaf->node, &next->node, none);
			leaf = next;
			continue;
		}
		const struct text_count c = text_utf8_count(utf8, take);

		leaf_open(leaf, at, utf8, take, c.cps);
		adjust(rope, &leaf->node, &c);
		utf8 += take;
		len -= take;
	}
}

static int
put_slow(struct text_rope *rope, struct text_leaf *leaf, size_t off, const uint8_t *utf8,
         const struct text_count *cnt)
{
	struct text_leaf *into = leaf != NULL ? share(leaf, &off, cnt->bytes) : NULL;

	rope->hot = NULL;
	if (into != NULL) {
		leaf_open(into, off, utf8, cnt->bytes, cnt->cps);
		adjust(rope, &into->node, cnt);
		return 0;
	}
	const bool outer = rope->reserved;

	if (!outer) {
		const int r = reserve_at(rope, leaf, cnt->bytes);

		if (r != 0)
			return r;
	}
	if (leaf == NULL) {
		leaf = new_leaf(rope);
		rope->root = &leaf->node;
	}
	split_insert(rope, leaf, off, utf8, cnt->bytes);
	if (!outer)
		text_rope_release(rope);
	return 0;
}

AEF_HOT int
text_rope_put(struct text_rope *rope, uint32_t pos, const uint8_t *utf8,
              const struct text_count *cnt)
{
	struct text_leaf *leaf = NULL;
	uint32_t start = 0;
	size_t off = 0;

	if (cnt->bytes == 0)
		return 0;
	if (cnt->cps > TEXT_DOC_CPS_MAX - rope->total.cps ||
	    cnt->bytes > UINT32_MAX - rope->total.bytes)
		return AEF_ERR_LIMIT;
	if (rope->root != NULL) {
		leaf = text_rope_find(rope, pos, false, &start);
		off = text_leaf_offset(leaf, pos - start);
	}
	if (aef_unlikely(leaf == NULL || cnt->bytes > (uint32_t)TEXT_LEAF_CAP - leaf->node.nb))
		return put_slow(rope, leaf, off, utf8, cnt);
	leaf_open(leaf, off, utf8, cnt->bytes, cnt->cps);
	adjust(rope, &leaf->node, cnt);
	rope->hot = leaf;
	rope->hot_start = start;
	return 0;
}

/* ---- delete ---- */

/* Unlink a child whose slot counts nothing any more. */
static void
remove_child(struct text_inner *inner, uint32_t at)
{
	for (uint32_t i = at; i + 1u < inner->node.nb; i++)
		set_child(inner, i, inner->child[i + 1], &inner->cnt[i + 1]);
	inner->node.nb--;
}

/* Put a poor inner node together with a neighbour where both fit well; false: nothing done. */
static bool
merge_inner(struct text_inner *inner, struct text_inner **ret_empty)
{
	struct text_inner *parent = inner->node.parent;
	const uint32_t i = inner->node.idx;
	struct text_inner *left = NULL, *right = NULL;

	if (parent == NULL || inner->node.nb > INNER_LOW)
		return false;
	if (i + 1u < parent->node.nb) {
		left = inner;
		right = (struct text_inner *)parent->child[i + 1];
	}
	if ((right == NULL || left->node.nb + right->node.nb > INNER_MERGE) && i > 0) {
		left = (struct text_inner *)parent->child[i - 1];
		right = inner;
	}
	if (right == NULL || left->node.nb + right->node.nb > INNER_MERGE)
		return false;
	const struct text_count moved = move_children(right, 0, left);

	count_add(&parent->cnt[left->node.idx], &moved);
	count_sub(&parent->cnt[right->node.idx], &moved);
	*ret_empty = right;
	return true;
}

/* Take the leaf, which counts nothing any more, out of the tree and tidy up above it. */
static void
drop_leaf(struct text_rope *rope, struct text_leaf *leaf)
{
	struct text_inner *inner = leaf->node.parent;
	struct text_inner *empty = NULL;

	rope->hot = NULL;
	if (inner == NULL)
		rope->root = NULL;
	else
		remove_child(inner, leaf->node.idx);
	aef_alloc_put(rope->alloc, leaf, sizeof(*leaf));
	while (inner != NULL) {
		struct text_inner *const up = inner->node.parent;

		if (inner->node.nb == 0)
			empty = inner;
		else if (!merge_inner(inner, &empty))
			break;
		/* Not the last child of `up`: a root has at least two. */
		remove_child(empty->node.parent, empty->node.idx);
		aef_alloc_put(rope->alloc, empty, sizeof(*empty));
		inner = up;
	}
	while (rope->height > 0 && rope->root->nb == 1) {
		struct text_inner *old = (struct text_inner *)rope->root;

		rope->root = old->child[0];
		rope->root->parent = NULL;
		rope->root->idx = 0;
		rope->height--;
		aef_alloc_put(rope->alloc, old, sizeof(*old));
	}
}

/* A leaf has become small: give its text to a neighbour of the same parent that has room. */
static void
merge_leaf(struct text_rope *rope, struct text_leaf *leaf)
{
	struct text_inner *parent = leaf->node.parent;
	const uint32_t i = leaf->node.idx;
	struct text_leaf *left = NULL, *right = NULL;

	if (parent == NULL)
		return;
	if (i + 1u < parent->node.nb) {
		left = leaf;
		right = (struct text_leaf *)parent->child[i + 1];
	}
	if ((right == NULL || left->node.nb + right->node.nb > LEAF_MERGE_MAX) && i > 0) {
		left = (struct text_leaf *)parent->child[i - 1];
		right = leaf;
	}
	if (right == NULL || left->node.nb + right->node.nb > LEAF_MERGE_MAX)
		return;
	leaf_share(left, right, (size_t)left->node.nb + right->node.nb);
	drop_leaf(rope, right);
}

AEF_HOT void
text_rope_cut(struct text_rope *rope, uint32_t pos, uint32_t nb)
{
	while (nb > 0) {
		uint32_t start;
		struct text_leaf *leaf = text_rope_find(rope, pos, true, &start);
		const uint32_t in = pos - start;
		const uint32_t take = nb < leaf->cps - in ? nb : leaf->cps - in;

		nb -= take;
		if (take == leaf->cps) {
			const struct text_count all = *node_count(rope, &leaf->node);

			adjust_down(rope, &leaf->node, &all);
			drop_leaf(rope, leaf);
			continue;
		}
		const size_t off = text_leaf_offset(leaf, in);
		const size_t len = text_leaf_offset(leaf, in + take) - off;
		const struct text_count c = text_utf8_count(leaf->data + off, len);

		leaf_close(leaf, off, len, take);
		adjust_down(rope, &leaf->node, &c);
		rope->hot = leaf;
		rope->hot_start = start;
		if (leaf->node.nb < LEAF_LOW)
			merge_leaf(rope, leaf);
	}
}
