/* SPDX-License-Identifier: BSD-3-Clause */
#include "registers_priv.h"

static size_t
leaf_bytes(uint32_t path_len, uint32_t value_len)
{
	return sizeof(struct registers_leaf) + path_len + value_len;
}

struct registers_leaf *
leaf_new(struct aef_alloc *alloc, const struct registers_stamp *stamp, const uint8_t *path,
         uint32_t path_len, const uint8_t *value, uint32_t value_len)
{
	struct registers_leaf *leaf = aef_alloc_get(alloc, leaf_bytes(path_len, value_len));

	if (leaf == NULL)
		return NULL;
	leaf->refs = 1;
	leaf->written = *stamp;
	leaf->path_len = path_len;
	leaf->value_len = value_len;
	if (path_len > 0)
		memcpy(leaf->bytes, path, path_len);
	if (value_len > 0)
		memcpy(leaf->bytes + path_len, value, value_len);
	return leaf;
}

void
leaf_put(struct aef_alloc *alloc, struct registers_leaf *leaf)
{
	if (leaf != NULL && --leaf->refs == 0)
		aef_alloc_put(alloc, leaf, leaf_bytes(leaf->path_len, leaf->value_len));
}

void
registers_init(struct registers *regs)
{
	*regs = (struct registers){ .leaves = NULL };
}

void
registers_fini(struct registers *regs, struct aef_alloc *alloc)
{
	for (uint32_t i = 0; i < regs->nb; i++)
		leaf_put(alloc, regs->leaves[i]);
	aef_alloc_put(alloc, regs->leaves, regs->cap * sizeof(void *));
	registers_init(regs);
}

int
registers_copy(const struct registers *regs, struct aef_alloc *alloc, struct registers *ret_copy)
{
	registers_init(ret_copy);
	if (regs->nb == 0)
		return 0;
	ret_copy->leaves = aef_alloc_get(alloc, regs->nb * sizeof(void *));
	if (ret_copy->leaves == NULL)
		return AEF_ERR_FULL;
	ret_copy->nb = ret_copy->cap = regs->nb;
	for (uint32_t i = 0; i < regs->nb; i++) {
		ret_copy->leaves[i] = regs->leaves[i];
		ret_copy->leaves[i]->refs++;
	}
	return 0;
}

uint32_t
registers_at(const struct registers *regs, const uint8_t *path, uint32_t len)
{
	uint32_t low = 0, high = regs->nb;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;
		const struct registers_leaf *leaf = regs->leaves[mid];

		if (path_cmp(leaf->bytes, leaf->path_len, path, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- the walk ---- */

struct walk {
	const struct registers *regs;
	walk_fn *on;
	void *ctx;
	uint32_t at; /* of the next register */

	/* Objects of the patch that the walk is inside of. */
	struct {
		struct registers_leaf *edit;
		bool has_members;
	} open[JSON_DEPTH_MAX + 1];
	unsigned nb_open;
};

static bool
is_below(const struct registers_leaf *leaf, const struct registers_leaf *above)
{
	return path_is_below(leaf->bytes, leaf->path_len, above->bytes, above->path_len);
}

static void
has_member(struct walk *walk)
{
	if (walk->nb_open > 0)
		walk->open[walk->nb_open - 1].has_members = true;
}

/* Leave objects that do not hold @p leaf (NULL: all). One without members is a register. */
static void
leave(struct walk *walk, const struct registers_leaf *leaf)
{
	while (walk->nb_open > 0) {
		struct registers_leaf *edit = walk->open[walk->nb_open - 1].edit;

		if (leaf != NULL && is_below(leaf, edit))
			return;
		walk->nb_open--;
		walk->on(walk->ctx, walk->open[walk->nb_open].has_members ? WALK_VOID : WALK_ADD,
		         edit);
		has_member(walk);
	}
}

static void
walk_edit(struct walk *walk, struct registers_leaf *edit)
{
	const struct registers *regs = walk->regs;
	const bool is_object = leaf_is_object(edit);

	leave(walk, edit);
	if (is_object) {
		aef_assert(walk->nb_open < AEF_DIM(walk->open));
		walk->open[walk->nb_open].edit = edit;
		walk->open[walk->nb_open++].has_members = false;
	}
	for (; walk->at < regs->nb; walk->at++) {
		struct registers_leaf *old = regs->leaves[walk->at];

		if (!is_below(old, edit) || (is_object && old->path_len != edit->path_len))
			break;
		walk->on(walk->ctx, WALK_DROP, old);
	}
	if (is_object)
		return;
	if (edit->value_len > 0)
		has_member(walk);
	walk->on(walk->ctx, edit->value_len > 0 ? WALK_ADD : WALK_VOID, edit);
}

void
registers_walk(const struct registers *regs, const struct edits *patch, walk_fn *on, void *ctx)
{
	struct walk walk = { .regs = regs, .on = on, .ctx = ctx };

	for (uint32_t i = 0; i < patch->nb; i++) {
		struct registers_leaf *edit = patch->leaves[i];

		for (; walk.at < regs->nb; walk.at++) {
			struct registers_leaf *old = regs->leaves[walk.at];

			if (path_cmp(old->bytes, old->path_len, edit->bytes, edit->path_len) >= 0)
				break;
			leave(&walk, old);
			on(ctx, WALK_KEEP, old);
			has_member(&walk);
		}
		walk_edit(&walk, edit);
	}
	for (; walk.at < regs->nb; walk.at++) {
		leave(&walk, regs->leaves[walk.at]);
		on(ctx, WALK_KEEP, regs->leaves[walk.at]);
		has_member(&walk);
	}
	leave(&walk, NULL);
}

/* ---- read ---- */

void
registers_write(const struct registers *regs, struct json_writer *writer)
{
	struct tree tree;

	tree_init(&tree, writer);
	for (uint32_t i = 0; i < regs->nb; i++) {
		const struct registers_leaf *leaf = regs->leaves[i];

		tree_put(&tree, leaf->bytes, leaf->path_len, leaf_value(leaf), leaf->value_len);
	}
	(void)tree_end(&tree);
}

const uint8_t *
registers_get(const struct registers *regs, const uint8_t *path, uint32_t path_len,
              uint32_t *ret_len, struct registers_stamp *ret_written)
{
	const uint32_t at = registers_at(regs, path, path_len);
	const struct registers_leaf *leaf = at < regs->nb ? regs->leaves[at] : NULL;

	if (leaf == NULL || leaf->path_len != path_len ||
	    (path_len > 0 && memcmp(leaf->bytes, path, path_len) != 0))
		return NULL;
	*ret_len = leaf->value_len;
	if (ret_written != NULL)
		*ret_written = leaf->written;
	return leaf_value(leaf);
}
