/* SPDX-License-Identifier: BSD-3-Clause */
#include "registers_priv.h"

/*
 * Both sets in the order of paths. @p old is NULL for what is new, @p new for what is gone.
 * Leaves that both have are not told.
 */
typedef void diff_fn(void *ctx, const struct registers_leaf *old, const struct registers_leaf *new);

static void
diff(const struct registers *before, const struct registers *after, diff_fn *on, void *ctx)
{
	uint32_t i = 0, j = 0;

	while (i < before->nb || j < after->nb) {
		const struct registers_leaf *old = i < before->nb ? before->leaves[i] : NULL;
		const struct registers_leaf *new = j < after->nb ? after->leaves[j] : NULL;
		const int order = old == NULL   ? 1
		                  : new == NULL ? -1
		                  : old == new  ? 0
		                                : path_cmp(old->bytes, old->path_len, new->bytes,
		                                           new->path_len);

		if (order == 0 && old != new)
			on(ctx, old, new);
		else if (order < 0)
			on(ctx, old, NULL);
		else if (order > 0)
			on(ctx, NULL, new);
		i += order <= 0;
		j += order >= 0;
	}
}

static bool
same_value(const struct registers_leaf *a, const struct registers_leaf *b)
{
	return a->value_len == b->value_len &&
	       memcmp(leaf_value(a), leaf_value(b), a->value_len) == 0;
}

/* True when a register stands at the path or below it. */
static bool
is_something(const struct registers *regs, const uint8_t *path, uint32_t len)
{
	const uint32_t at = registers_at(regs, path, len);

	return at < regs->nb &&
	       path_is_below(regs->leaves[at]->bytes, regs->leaves[at]->path_len, path, len);
}

bool
registers_same(const struct registers *a, const struct registers *b)
{
	bool same = a->nb == b->nb;

	for (uint32_t i = 0; same && i < a->nb; i++)
		same = a->leaves[i]->path_len == b->leaves[i]->path_len &&
		       memcmp(a->leaves[i]->bytes, b->leaves[i]->bytes, a->leaves[i]->path_len) ==
		               0 &&
		       same_value(a->leaves[i], b->leaves[i]);
	return same;
}

/* ---- overwritten ---- */

struct overwrites {
	const struct registers *after;
	void (*visit)(void *ctx, const struct registers_overwrite *what);
	void *ctx;
};

static void
on_overwrite(void *ctx, const struct registers_leaf *old, const struct registers_leaf *new)
{
	const struct overwrites *o = ctx;

	if (old == NULL || (new != NULL &&same_value(old, new)))
		return;
	/* An object without members is nobody's work: it comes and goes with its members. */
	if (new == NULL && leaf_is_object(old) && is_something(o->after, old->bytes, old->path_len))
		return; /* filled */
	o->visit(o->ctx, &(struct registers_overwrite){
				 .path = old->bytes,
				 .path_len = old->path_len,
				 .before = leaf_value(old),
				 .before_len = old->value_len,
				 .after = new != NULL ? leaf_value(new) : NULL,
				 .after_len = new != NULL ? new->value_len : 0,
				 .written = old->written,
			 });
}

void
registers_overwrites(const struct registers *before, const struct registers *after,
                     void (*visit)(void *ctx, const struct registers_overwrite *what), void *ctx)
{
	struct overwrites o = { after, visit, ctx };

	diff(before, after, on_overwrite, &o);
}

/* ---- back ---- */

struct inverse {
	const struct registers *before, *after;
	struct tree tree;
	uint8_t gone[REGISTERS_PATH_MAX]; /* the last path that was said to go */
	uint32_t gone_len;
	bool any_gone;
};

/* The shortest path to @p leaf at which there was nothing; 0xffffffff: something else was on it. */
static uint32_t
new_from(const struct registers *before, const struct registers_leaf *leaf)
{
	uint32_t len = 0;

	for (;;) {
		const uint32_t at = registers_at(before, leaf->bytes, len);
		const struct registers_leaf *here = at < before->nb ? before->leaves[at] : NULL;

		if (here == NULL || !path_is_below(here->bytes, here->path_len, leaf->bytes, len))
			return len;
		/* What was there comes back, and takes the place of this. */
		if (len == leaf->path_len || (here->path_len == len && !leaf_is_object(here)))
			return UINT32_MAX;
		for (len++; len < leaf->path_len && leaf->bytes[len] != REGISTERS_SEP; len++)
			; /* one name further */
	}
}

static void
on_inverse(void *ctx, const struct registers_leaf *old, const struct registers_leaf *new)
{
	struct inverse *inv = ctx;
	uint32_t len;

	if (old != NULL) {
		if (new != NULL && same_value(old, new))
			return;
		if (new == NULL && leaf_is_object(old) &&
		    is_something(inv->after, old->bytes, old->path_len))
			return;
		tree_put(&inv->tree, old->bytes, old->path_len, leaf_value(old), old->value_len);
		return;
	}
	aef_assert(new != NULL); /* one of the two is there */
	len = new_from(inv->before, new);
	if (len == UINT32_MAX ||
	    (inv->any_gone && len == inv->gone_len && memcmp(inv->gone, new->bytes, len) == 0))
		return;
	inv->any_gone = true;
	inv->gone_len = len;
	memcpy(inv->gone, new->bytes, len);
	tree_put(&inv->tree, new->bytes, len, NULL, 0);
}

bool
registers_inverse(const struct registers *before, const struct registers *after,
                  struct json_writer *writer)
{
	struct inverse inv = { .before = before, .after = after };

	tree_init(&inv.tree, writer);
	diff(before, after, on_inverse, &inv);
	return tree_end(&inv.tree);
}
