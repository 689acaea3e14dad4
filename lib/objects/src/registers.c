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
leaf_free(struct aef_alloc *alloc, struct registers_leaf *leaf)
{
	if (leaf != NULL)
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
		leaf_free(alloc, regs->leaves[i]);
	aef_alloc_put(alloc, regs->leaves, regs->cap * sizeof(*regs->leaves));
	registers_init(regs);
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
		const struct registers_edit *edit;
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
		const struct registers_edit *edit = walk->open[walk->nb_open - 1].edit;
		const bool filled = walk->open[walk->nb_open - 1].has_members;

		if (leaf != NULL && is_below(leaf, edit->leaf))
			return;
		walk->nb_open--;
		walk->on(walk->ctx, filled ? WALK_VOID : WALK_ADD, edit->leaf, edit);
		has_member(walk);
	}
}

static void
walk_edit(struct walk *walk, const struct registers_edit *edit)
{
	const struct registers *regs = walk->regs;

	leave(walk, edit->leaf);
	if (edit->kind == EDIT_OBJECT) {
		aef_assert(walk->nb_open < AEF_DIM(walk->open));
		walk->open[walk->nb_open].edit = edit;
		walk->open[walk->nb_open++].has_members = false;
	}
	for (; walk->at < regs->nb; walk->at++) {
		struct registers_leaf *old = regs->leaves[walk->at];

		if (edit->kind == EDIT_OBJECT
		            ? old->path_len != edit->leaf->path_len || !is_below(old, edit->leaf)
		            : !is_below(old, edit->leaf))
			break;
		walk->on(walk->ctx, WALK_DROP, old, edit);
	}
	if (edit->kind == EDIT_OBJECT)
		return;
	walk->on(walk->ctx, edit->kind == EDIT_SET ? WALK_ADD : WALK_VOID, edit->leaf, edit);
	if (edit->kind == EDIT_SET)
		has_member(walk);
}

void
registers_walk(const struct registers *regs, const struct registers_patch *patch, walk_fn *on,
               void *ctx)
{
	struct walk walk = { .regs = regs, .on = on, .ctx = ctx };

	for (uint32_t i = 0; i < patch->nb; i++) {
		const struct registers_edit *edit = &patch->edits[i];

		for (; walk.at < regs->nb; walk.at++) {
			struct registers_leaf *old = regs->leaves[walk.at];

			if (path_cmp(old->bytes, old->path_len, edit->leaf->bytes,
			             edit->leaf->path_len) >= 0)
				break;
			leave(&walk, old);
			on(ctx, WALK_KEEP, old, NULL);
			has_member(&walk);
		}
		walk_edit(&walk, edit);
	}
	for (; walk.at < regs->nb; walk.at++) {
		leave(&walk, regs->leaves[walk.at]);
		on(ctx, WALK_KEEP, regs->leaves[walk.at], NULL);
		has_member(&walk);
	}
	leave(&walk, NULL);
}

/* ---- what a patch would do ---- */

struct overwrites {
	void (*visit)(void *ctx, const struct registers_overwrite *what);
	void *ctx;
};

static void
on_overwrite(void *ctx, enum walk_event what, struct registers_leaf *leaf,
             const struct registers_edit *edit)
{
	const struct overwrites *o = ctx;
	const bool same_path =
		edit != NULL && edit->kind == EDIT_SET && edit->leaf->path_len == leaf->path_len;
	const struct registers_overwrite overwrite = {
		.path = leaf->bytes,
		.path_len = leaf->path_len,
		.before = leaf_value(leaf),
		.before_len = leaf->value_len,
		.after = same_path ? leaf_value(edit->leaf) : NULL,
		.after_len = same_path ? edit->leaf->value_len : 0,
		.written = leaf->written,
	};

	if (what != WALK_DROP)
		return;
	if (same_path && leaf->value_len == edit->leaf->value_len &&
	    memcmp(leaf_value(leaf), leaf_value(edit->leaf), leaf->value_len) == 0)
		return;
	/* An object without members is only filled: nobody's work. */
	if (edit->kind == EDIT_OBJECT && leaf_value(leaf)[0] == '{')
		return;
	o->visit(o->ctx, &overwrite);
}

void
registers_overwrites(const struct registers *regs, const struct registers_patch *patch,
                     void (*visit)(void *ctx, const struct registers_overwrite *what), void *ctx)
{
	struct overwrites o = { visit, ctx };

	registers_walk(regs, patch, on_overwrite, &o);
}

struct inverse {
	const struct registers *regs;
	struct tree tree;
	uint8_t gone[REGISTERS_PATH_MAX]; /* the last path that was said to go */
	uint32_t gone_len;
	bool any_gone;
};

/* True when a register stands at the path or below it. */
static bool
is_something(const struct registers *regs, const uint8_t *path, uint32_t len)
{
	const uint32_t at = registers_at(regs, path, len);

	return at < regs->nb &&
	       path_is_below(regs->leaves[at]->bytes, regs->leaves[at]->path_len, path, len);
}

/* A new register: its place goes, from the highest path on at which there was nothing. */
static void
inverse_of_new(struct inverse *inv, const struct registers_leaf *leaf)
{
	uint32_t len = 0;

	if (is_something(inv->regs, leaf->bytes, leaf->path_len))
		return; /* what was there comes back */
	do {
		const uint32_t at = registers_at(inv->regs, leaf->bytes, len);
		const struct registers_leaf *here =
			at < inv->regs->nb ? inv->regs->leaves[at] : NULL;

		if (here != NULL && len < leaf->path_len && here->path_len == len &&
		    memcmp(here->bytes, leaf->bytes, len) == 0 && leaf_value(here)[0] != '{')
			return; /* a scalar was there, and comes back */
		if (here == NULL || !path_is_below(here->bytes, here->path_len, leaf->bytes, len))
			break;
		for (len++; len < leaf->path_len && leaf->bytes[len] != REGISTERS_SEP; len++)
			; /* one name further */
	} while (len < leaf->path_len);
	if (inv->any_gone && len == inv->gone_len && memcmp(inv->gone, leaf->bytes, len) == 0)
		return;
	inv->any_gone = true;
	inv->gone_len = len;
	memcpy(inv->gone, leaf->bytes, len);
	tree_put(&inv->tree, leaf->bytes, len, NULL, 0);
}

static void
on_inverse(void *ctx, enum walk_event what, struct registers_leaf *leaf,
           const struct registers_edit *edit)
{
	struct inverse *inv = ctx;

	if (what == WALK_ADD)
		inverse_of_new(inv, leaf);
	/* An object without members comes back by itself, when what fills it goes. */
	else if (what == WALK_DROP && (edit->kind != EDIT_OBJECT || leaf_value(leaf)[0] != '{'))
		tree_put(&inv->tree, leaf->bytes, leaf->path_len, leaf_value(leaf),
		         leaf->value_len);
}

bool
registers_inverse(const struct registers *regs, const struct registers_patch *patch,
                  struct json_writer *writer)
{
	struct inverse inv = { .regs = regs };

	tree_init(&inv.tree, writer);
	registers_walk(regs, patch, on_inverse, &inv);
	return tree_end(&inv.tree);
}

/* ---- commit ---- */

struct commit {
	struct aef_alloc *alloc;
	struct registers_leaf **next;
	uint32_t nb;
};

static void
on_commit(void *ctx, enum walk_event what, struct registers_leaf *leaf,
          const struct registers_edit *edit)
{
	struct commit *commit = ctx;

	(void)edit;
	if (what == WALK_KEEP || what == WALK_ADD)
		commit->next[commit->nb++] = leaf;
	else
		leaf_free(commit->alloc, leaf);
}

static void
patch_forget(struct aef_alloc *alloc, struct registers_patch *patch)
{
	aef_alloc_put(alloc, patch->edits, patch->cap * sizeof(*patch->edits));
	aef_alloc_put(alloc, patch->next, patch->nb_next * sizeof(struct registers_leaf *));
	*patch = (struct registers_patch){ .edits = NULL };
}

void
registers_commit(struct registers *regs, struct aef_alloc *alloc, struct registers_patch *patch)
{
	struct commit commit = { alloc, patch->next, 0 };
	const struct registers before = *regs;

	registers_walk(&before, patch, on_commit, &commit);
	aef_assert(commit.nb == patch->nb_next);
	regs->leaves = commit.next;
	regs->nb = regs->cap = commit.nb;
	patch->next = NULL;
	patch->nb_next = 0;
	aef_alloc_put(alloc, before.leaves, before.cap * sizeof(*before.leaves));
	patch_forget(alloc, patch);
}

void
registers_abandon(struct aef_alloc *alloc, struct registers_patch *patch)
{
	for (uint32_t i = 0; i < patch->nb; i++)
		leaf_free(alloc, patch->edits[i].leaf);
	patch_forget(alloc, patch);
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
