/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/alloc.h - the allocator that a pure module is handed: two functions and a byte budget.
 *
 * Source:  STYLE C6: pure services take an allocator and a byte budget; full is an error code.
 * Units:   bytes as asked for; what the backing allocator rounds up to is its own affair.
 * Context: one thread per allocator; it must outlive all memory taken from it.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <string.h>

#include <base/defs.h>

struct aef_alloc {
	void *(*alloc)(void *ctx, size_t bytes); /* 16-byte aligned, or NULL */
	void (*free)(void *ctx, void *p,
	             size_t bytes); /* bytes as given to alloc; p is never NULL */
	void *ctx;
	uint64_t used_bytes;   /* taken and not yet given back */
	uint64_t budget_bytes; /* used_bytes never passes this */
};

/** @p bytes of memory, contents undefined; NULL past the budget or when the backing has none. */
static inline void *
aef_alloc_get(struct aef_alloc *alloc, size_t bytes)
{
	if (bytes > alloc->budget_bytes || alloc->used_bytes > alloc->budget_bytes - bytes)
		return NULL;
	void *p = alloc->alloc(alloc->ctx, bytes);

	if (p != NULL)
		alloc->used_bytes += bytes;
	return p;
}

/** Give back memory of aef_alloc_get(); NULL is accepted. @p bytes is the size that was asked for.
 */
static inline void
aef_alloc_put(struct aef_alloc *alloc, void *p, size_t bytes)
{
	if (p == NULL)
		return;
	aef_assert_hot(alloc->used_bytes >= bytes);
	alloc->used_bytes -= bytes;
	alloc->free(alloc->ctx, p, bytes);
}

/**
 * A larger block with the first @p keep_bytes of @p p in it; @p p is given back.
 *
 * @return the new block, or NULL (then @p p stands as it was)
 */
static inline void *
aef_alloc_grow(struct aef_alloc *alloc, void *p, size_t old_bytes, size_t new_bytes,
               size_t keep_bytes)
{
	void *q = aef_alloc_get(alloc, new_bytes);

	if (q == NULL)
		return NULL;
	if (keep_bytes > 0)
		memcpy(q, p, keep_bytes);
	aef_alloc_put(alloc, p, old_bytes);
	return q;
}

#endif
