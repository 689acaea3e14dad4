/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <text/rope.h>
#include <text/utf8.h>

#include "rope_priv.h"

void
text_rope_init(struct text_rope *rope, struct aef_alloc *alloc)
{
	memset(rope, 0, sizeof(*rope));
	rope->alloc = alloc;
}

void
text_rope_fini(struct text_rope *rope)
{
	if (rope == NULL)
		return;
	struct text_node *node = rope->root;
	uint32_t level = rope->height;

	/* Post-order without a stack: an inner node counts down its children as they go. */
	while (node != NULL) {
		if (level > 0 && node->nb > 0) {
			node = ((struct text_inner *)node)->child[--node->nb];
			level--;
			continue;
		}
		struct text_node *const up = node->parent != NULL ? &node->parent->node : NULL;

		aef_alloc_put(rope->alloc, node,
		              level == 0 ? sizeof(struct text_leaf) : sizeof(struct text_inner));
		node = up;
		level++;
	}
	text_rope_release(rope);
	text_rope_init(rope, rope->alloc);
}

int
text_rope_load(struct text_rope *rope, const uint8_t *utf8, size_t len)
{
	struct text_rope fresh;
	struct text_count cnt;
	int r = text_utf8_measure(utf8, len, &cnt);

	if (r != 0)
		return r;
	text_rope_init(&fresh, rope->alloc);
	r = text_rope_put(&fresh, 0, utf8, &cnt);
	if (r != 0)
		return r;
	text_rope_fini(rope);
	*rope = fresh;
	return 0;
}

int
text_rope_insert(struct text_rope *rope, uint32_t pos, const uint8_t *utf8, size_t len)
{
	struct text_count cnt;
	const int r = text_utf8_measure(utf8, len, &cnt);

	if (r != 0)
		return r;
	if (pos > rope->total.cps)
		return AEF_ERR_RANGE;
	return text_rope_put(rope, pos, utf8, &cnt);
}

int
text_rope_delete(struct text_rope *rope, uint32_t pos, uint32_t nb)
{
	if (pos > rope->total.cps || nb > rope->total.cps - pos)
		return AEF_ERR_RANGE;
	text_rope_cut(rope, pos, nb);
	return 0;
}

AEF_HOT size_t
text_leaf_offset(const struct text_leaf *leaf, uint32_t cp)
{
	if (leaf->cps == leaf->node.nb)
		return cp; /* one byte each */
	return cp == leaf->cps ? leaf->node.nb : text_utf8_offset(leaf->data, leaf->node.nb, cp);
}

AEF_HOT struct text_leaf *
text_rope_find(const struct text_rope *rope, uint32_t pos, bool right, uint32_t *ret_start)
{
	struct text_node *node = rope->root;
	uint32_t rem = pos;

	if (rope->hot != NULL && pos >= rope->hot_start &&
	    pos - rope->hot_start + right <= rope->hot->cps &&
	    (right || pos > rope->hot_start || pos == 0)) {
		*ret_start = rope->hot_start;
		return rope->hot;
	}
	for (uint32_t level = rope->height; level > 0; level--) {
		const struct text_inner *inner = (const struct text_inner *)node;
		uint32_t i = 0;

		while (i + 1u < node->nb && rem + right > inner->cnt[i].cps)
			rem -= inner->cnt[i++].cps;
		node = inner->child[i];
	}
	*ret_start = pos - rem;
	return (struct text_leaf *)node;
}

struct text_leaf *
text_leaf_next(const struct text_leaf *leaf)
{
	const struct text_node *node = &leaf->node;
	uint32_t down = 0;

	while (node->parent != NULL && node->idx + 1u == node->parent->node.nb) {
		node = &node->parent->node;
		down++;
	}
	if (node->parent == NULL)
		return NULL;
	node = node->parent->child[node->idx + 1u];
	for (; down > 0; down--)
		node = ((const struct text_inner *)node)->child[0];
	return (struct text_leaf *)node;
}

void
text_rope_iter_init(struct text_rope_iter *it, const struct text_rope *rope, uint32_t pos)
{
	uint32_t start;

	it->leaf = NULL;
	it->off_bytes = 0;
	if (pos >= rope->total.cps)
		return;
	it->leaf = text_rope_find(rope, pos, true, &start);
	it->off_bytes = (uint32_t)text_leaf_offset(it->leaf, pos - start);
}

bool
text_rope_iter_next(struct text_rope_iter *it, const uint8_t **ret_data, size_t *ret_len)
{
	if (it->leaf == NULL)
		return false;
	*ret_data = it->leaf->data + it->off_bytes;
	*ret_len = it->leaf->node.nb - it->off_bytes;
	it->leaf = text_leaf_next(it->leaf);
	it->off_bytes = 0;
	return true;
}

/* What stands before `pos`, found by code points, or by UTF-16 units. */
static struct text_count
count_before(const struct text_rope *rope, uint32_t pos, bool by_utf16)
{
	struct text_node *node = rope->root;
	struct text_count sum = { 0 };
	const struct text_leaf *leaf;
	size_t off = 0;

	if (pos >= (by_utf16 ? rope->total.utf16 : rope->total.cps))
		return rope->total;
	for (uint32_t level = rope->height; level > 0; level--) {
		const struct text_inner *inner = (const struct text_inner *)node;
		uint32_t i = 0;

		for (; i + 1u < node->nb; i++) {
			const uint32_t have = by_utf16 ? sum.utf16 + inner->cnt[i].utf16
			                               : sum.cps + inner->cnt[i].cps;

			if (have > pos)
				break;
			count_add(&sum, &inner->cnt[i]);
		}
		node = inner->child[i];
	}
	leaf = (const struct text_leaf *)node;
	if (!by_utf16) {
		off = text_leaf_offset(leaf, pos - sum.cps);
	} else {
		for (uint32_t units = sum.utf16; off < leaf->node.nb; off++) {
			const uint8_t b = leaf->data[off];

			if ((b & 0xc0) == 0x80)
				continue;
			units += b >= 0xf0 ? 2 : 1;
			if (units > pos)
				break;
		}
	}
	const struct text_count head = text_utf8_count(leaf->data, off);

	count_add(&sum, &head);
	return sum;
}

int64_t
text_rope_range_bytes(const struct text_rope *rope, uint32_t pos, uint32_t nb)
{
	uint32_t start, end_start;

	if (pos > rope->total.cps || nb > rope->total.cps - pos)
		return AEF_ERR_RANGE;
	if (nb == 0)
		return 0;
	const struct text_leaf *leaf = text_rope_find(rope, pos, true, &start);
	const size_t off = text_leaf_offset(leaf, pos - start);

	/* The whole of it in one leaf is the rule; the tree answers the rest. */
	if (pos + nb - start <= leaf->cps)
		return (int64_t)(text_leaf_offset(leaf, pos + nb - start) - off);
	end_start = count_before(rope, pos + nb, false).bytes;
	return (int64_t)end_start - (int64_t)count_before(rope, pos, false).bytes;
}

int64_t
text_rope_read(const struct text_rope *rope, uint32_t pos, uint32_t nb, uint8_t *buf,
               size_t cap_bytes)
{
	const int64_t bytes = text_rope_range_bytes(rope, pos, nb);
	struct text_rope_iter it;
	const uint8_t *data;
	size_t len, done = 0;

	if (bytes < 0)
		return bytes;
	if ((uint64_t)bytes > cap_bytes)
		return AEF_ERR_FULL;
	text_rope_iter_init(&it, rope, pos);
	while (done < (size_t)bytes && text_rope_iter_next(&it, &data, &len)) {
		if (len > (size_t)bytes - done)
			len = (size_t)bytes - done;
		memcpy(buf + done, data, len);
		done += len;
	}
	return bytes;
}

uint32_t
text_rope_utf16_of(const struct text_rope *rope, uint32_t pos)
{
	return count_before(rope, pos, false).utf16;
}

uint32_t
text_rope_pos_of_utf16(const struct text_rope *rope, uint32_t unit)
{
	return count_before(rope, unit, true).cps;
}

uint32_t
text_rope_line_of(const struct text_rope *rope, uint32_t pos)
{
	return count_before(rope, pos, false).newlines;
}

static bool
count_eq(const struct text_count *a, const struct text_count *b)
{
	return a->cps == b->cps && a->bytes == b->bytes && a->utf16 == b->utf16 &&
	       a->newlines == b->newlines;
}

static bool
inner_is_sound(const struct text_rope *rope, const struct text_inner *inner)
{
	struct text_count sum = { 0 };

	if (inner->node.nb == 0 || inner->node.nb > ROPE_FANOUT)
		return false;
	for (uint32_t i = 0; i < inner->node.nb; i++) {
		if (inner->child[i]->parent != inner || inner->child[i]->idx != i)
			return false;
		count_add(&sum, &inner->cnt[i]);
	}
	return count_eq(&sum, node_count(rope, &inner->node));
}

bool
text_rope_is_sound(const struct text_rope *rope)
{
	const struct text_leaf *leaf;
	const struct text_node *node = rope->root;
	struct text_count sum = { 0 };
	uint32_t start = 0;

	if (node == NULL)
		return rope->total.bytes == 0 && rope->height == 0 && rope->hot == NULL;
	for (uint32_t level = rope->height; level > 0; level--)
		node = ((const struct text_inner *)node)->child[0];
	for (leaf = (const struct text_leaf *)node; leaf != NULL; leaf = text_leaf_next(leaf)) {
		struct text_count c;

		if (leaf->node.nb == 0 || leaf->node.nb > TEXT_LEAF_CAP ||
		    text_utf8_measure(leaf->data, leaf->node.nb, &c) != 0 || c.cps != leaf->cps ||
		    !count_eq(&c, node_count(rope, &leaf->node)))
			return false;
		if (leaf == rope->hot && start != rope->hot_start)
			return false;
		/* Each inner node is checked when its leftmost leaf comes by. */
		for (node = &leaf->node; node->idx == 0 && node->parent != NULL;
		     node = &node->parent->node) {
			if (!inner_is_sound(rope, node->parent))
				return false;
		}
		start += c.cps;
		count_add(&sum, &c);
	}
	return count_eq(&sum, &rope->total);
}
