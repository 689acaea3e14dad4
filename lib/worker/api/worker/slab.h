/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker/slab.h - memory of one service: blocks of power-of-two sizes out of one region taken at
 * start.
 *
 * A block that is given back waits in the list of its size and is used again for that size only, so
 * get and put are O(1) and nothing is ever asked from the system. Rounding costs at most half of
 * the region.
 *
 * Units:   bytes.
 * Context: one thread per slab.
 */
#ifndef WORKER_SLAB_H
#define WORKER_SLAB_H

#include <base/alloc.h>

#define WORKER_SLAB_CLASSES 40u /* 2^4 to 2^43 */

struct worker_slab {
	uint8_t *mem;
	uint64_t mem_bytes;
	uint64_t used; /* of the region, never goes down */
	void *free_heads[WORKER_SLAB_CLASSES];
	uint64_t refusals;
};

/** Lay a slab out in @p mem, 64-byte aligned; borrowed as long as it is used. */
void worker_slab_init(struct worker_slab *slab, void *mem, uint64_t mem_bytes);

/** The allocator over it, with a budget of the whole region. */
struct aef_alloc worker_slab_alloc(struct worker_slab *slab);

#endif
