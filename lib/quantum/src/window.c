/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "window_priv.h"

#define SLOT_BITS  6u
#define HEIGHT_MAX 5u

static uint32_t
folded(const struct quantum_window *win, uint64_t num)
{
	return (uint32_t)(num & ((1ull << win->bits) - 1));
}

static unsigned
slot_at(uint32_t n, unsigned level)
{
	return (n >> (SLOT_BITS * (level - 1))) & (QUANTUM_WINDOW_SLOTS - 1);
}

/* 64-bit, because the shift is 30 at most but the value must not wrap for a full tree. */
static uint32_t
prefix_at(uint32_t n, unsigned height)
{
	return (uint32_t)((uint64_t)n >> (SLOT_BITS * height));
}

void
quantum_window_init(struct quantum_window *win, unsigned bits)
{
	aef_assert(bits >= SLOT_BITS && bits <= SLOT_BITS * HEIGHT_MAX);
	*win = (struct quantum_window){ .bits = (uint8_t)bits };
}

AEF_HOT void *
quantum_window_get(const struct quantum_window *win, uint64_t num)
{
	const uint32_t n = folded(win, num);
	void *at = win->root;

	if (at == NULL || prefix_at(n, win->height) != win->prefix)
		return NULL;
	for (unsigned level = win->height; level > 0 && at != NULL; level--)
		at = ((struct quantum_window_node *)at)->slot[slot_at(n, level)];
	return at;
}

static struct quantum_window_node *
node_get(struct aef_pool *nodes)
{
	struct quantum_window_node *node = aef_pool_get(nodes);

	aef_assert_hot(node != NULL); /* counted by nodes_missing() before */
	*node = (struct quantum_window_node){ 0 };
	return node;
}

/* Levels to add on top until `n` and the entries share a root. */
static unsigned
levels_missing(const struct quantum_window *win, uint32_t n)
{
	unsigned add = 0;

	while (prefix_at(n, win->height + add) != win->prefix >> (SLOT_BITS * add))
		add++;
	return add;
}

/* Nodes that an entry for `n` needs; 0 when its leaf is there. */
static unsigned
nodes_missing(const struct quantum_window *win, uint32_t n)
{
	const struct quantum_window_node *at = win->root;

	if (at == NULL)
		return 1;
	const unsigned add = levels_missing(win, n);

	if (add > 0) /* the new root and, below it, a branch of its own */
		return add + win->height + add - 1;
	for (unsigned level = win->height; level > 1; level--) {
		at = at->slot[slot_at(n, level)];
		if (at == NULL)
			return level - 1;
	}
	return 0;
}

static void
grow(struct quantum_window *win, struct aef_pool *nodes, uint32_t n)
{
	if (win->root == NULL) {
		win->root = node_get(nodes);
		win->height = 1;
		win->prefix = prefix_at(n, 1);
	}
	while (prefix_at(n, win->height) != win->prefix) {
		struct quantum_window_node *top = node_get(nodes);
		const unsigned slot = win->prefix & (QUANTUM_WINDOW_SLOTS - 1);

		top->slot[slot] = win->root;
		top->used = 1ull << slot;
		win->root = top;
		win->prefix >>= SLOT_BITS;
		win->height++;
	}
}

int
quantum_window_set(struct quantum_window *win, struct aef_pool *nodes, uint64_t num, void *ptr)
{
	const uint32_t n = folded(win, num);

	aef_assert_hot(ptr != NULL);
	if (nodes_missing(win, n) > aef_pool_left(nodes)) {
		nodes->failures++;
		return AEF_ERR_FULL;
	}
	grow(win, nodes, n);

	struct quantum_window_node *at = win->root;

	for (unsigned level = win->height; level > 1; level--) {
		const unsigned slot = slot_at(n, level);

		if (at->slot[slot] == NULL) {
			at->slot[slot] = node_get(nodes);
			at->used |= 1ull << slot;
		}
		at = at->slot[slot];
	}
	const unsigned slot = slot_at(n, 1);

	win->nb += at->slot[slot] == NULL;
	at->slot[slot] = ptr;
	at->used |= 1ull << slot;
	return 0;
}

void *
quantum_window_remove(struct quantum_window *win, struct aef_pool *nodes, uint64_t num)
{
	const uint32_t n = folded(win, num);
	struct quantum_window_node *path[HEIGHT_MAX + 1];
	void *ptr = quantum_window_get(win, num);

	if (ptr == NULL)
		return NULL;
	path[win->height] = win->root;
	for (unsigned level = win->height; level > 1; level--)
		path[level - 1] = path[level]->slot[slot_at(n, level)];
	win->nb--;
	for (unsigned level = 1; level <= win->height; level++) {
		const unsigned slot = slot_at(n, level);

		path[level]->slot[slot] = NULL;
		path[level]->used &= ~(1ull << slot);
		if (path[level]->used != 0)
			return ptr;
		aef_pool_put(nodes, path[level]);
	}
	win->root = NULL;
	win->height = 0;
	win->prefix = 0;
	return ptr;
}

void *
quantum_window_take_any(struct quantum_window *win, struct aef_pool *nodes)
{
	const struct quantum_window_node *at = win->root;
	uint32_t n = win->prefix;

	if (at == NULL)
		return NULL;
	for (unsigned level = win->height; level > 0; level--) {
		const unsigned slot = (unsigned)__builtin_ctzll(at->used);

		n = (n << SLOT_BITS) | slot;
		at = at->slot[slot];
	}
	return quantum_window_remove(win, nodes, n);
}
