/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/window_priv.h - 64-way radix index from a number to a pointer.
 *
 * Numbers are taken modulo 2^bits, so the live ones must lie within a window of that width. Height
 * follows what is stored: entries of one aligned block of 64 take one node, 4096 take two levels.
 *
 * Context: one thread per index and pool. Every call is O(bits / 6).
 */
#ifndef QUANTUM_WINDOW_PRIV_H
#define QUANTUM_WINDOW_PRIV_H

#include <base/pool.h>

#define QUANTUM_WINDOW_SLOTS 64u

/* Objects of the pool `nodes`. */
struct quantum_window_node {
	uint64_t used; /* bit i: slot[i] is not NULL */
	void *slot[QUANTUM_WINDOW_SLOTS];
};

struct quantum_window {
	struct quantum_window_node *root; /* NULL when empty */
	uint32_t prefix;                  /* number >> 6 * height, common to all entries */
	uint32_t nb;                      /* entries */
	uint8_t height;                   /* levels; 0 when empty */
	uint8_t bits;                     /* numbers count modulo 2^bits */
};

/** Make @p win empty; @p bits is 6 to 30. */
void quantum_window_init(struct quantum_window *win, unsigned bits);

/** Pointer stored for @p num, or NULL. */
void *quantum_window_get(const struct quantum_window *win, uint64_t num);

/**
 * Store @p ptr, which is not NULL, for @p num; an older entry is replaced.
 *
 * @return 0, or AEF_ERR_FULL when a node was needed and the pool is empty (nothing changed)
 */
AEF_MUST_CHECK int quantum_window_set(struct quantum_window *win, struct aef_pool *nodes,
                                      uint64_t num, void *ptr);

/** Take the entry of @p num out and return it; NULL when there is none. */
void *quantum_window_remove(struct quantum_window *win, struct aef_pool *nodes, uint64_t num);

/** Take any entry out and return it; NULL when empty. For cleaning up. */
void *quantum_window_take_any(struct quantum_window *win, struct aef_pool *nodes);

#endif
