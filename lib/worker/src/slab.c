/* SPDX-License-Identifier: BSD-3-Clause */
#include <worker/slab.h>

#define SHIFT_MIN 4u

/* Blocks of class c have 2^(c + SHIFT_MIN) bytes; the first word of a free one is the next. */
static uint32_t
class_of(uint64_t bytes)
{
	return bytes <= 1u << SHIFT_MIN ? 0
	                                : 64u - (uint32_t)__builtin_clzll(bytes - 1) - SHIFT_MIN;
}

static void *
slab_get(void *ctx, size_t bytes)
{
	struct worker_slab *slab = ctx;
	const uint32_t c = class_of(bytes);
	const uint64_t size = 1ull << (c + SHIFT_MIN);
	void *p;

	if (c >= WORKER_SLAB_CLASSES) {
		slab->refusals++;
		return NULL;
	}
	p = slab->free_heads[c];
	if (p != NULL) {
		memcpy(&slab->free_heads[c], p, sizeof(void *));
		return p;
	}
	if (size > slab->mem_bytes - slab->used) {
		slab->refusals++;
		return NULL;
	}
	p = slab->mem + slab->used;
	slab->used += size;
	return p;
}

static void
slab_put(void *ctx, void *p, size_t bytes)
{
	struct worker_slab *slab = ctx;
	const uint32_t c = class_of(bytes);

	memcpy(p, &slab->free_heads[c], sizeof(void *));
	slab->free_heads[c] = p;
}

void
worker_slab_init(struct worker_slab *slab, void *mem, uint64_t mem_bytes)
{
	aef_assert(((uintptr_t)mem & (AEF_CACHE_LINE - 1)) == 0);
	*slab = (struct worker_slab){ .mem = mem, .mem_bytes = mem_bytes };
}

struct aef_alloc
worker_slab_alloc(struct worker_slab *slab)
{
	return (struct aef_alloc){
		.alloc = slab_get, .free = slab_put, .ctx = slab, .budget_bytes = slab->mem_bytes
	};
}
