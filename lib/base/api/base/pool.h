/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/pool.h - fixed number of objects of one size in memory that the caller provides.
 *
 * Source:  STYLE C6: all memory of the data path is taken at start; an empty pool is a counted
 *          refusal, never a fall-back to the heap.
 * Context: one thread per pool. get and put are O(1).
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <base/defs.h>

struct aef_pool {
	void *free_head; /* LIFO, so that the warm object is used next */
	uint32_t obj_size_bytes;
	uint32_t nb_objs;
	uint32_t in_use;
	uint32_t high_water;
	uint64_t failures; /* gets refused because the pool was empty */
	const char *name;
	uint8_t *mem;
};

/** Bytes of memory that @p nb_objs objects of @p obj_size_bytes take, rounding included. */
size_t aef_pool_mem_bytes(size_t obj_size_bytes, uint32_t nb_objs);

/**
 * Lay a pool out in @p mem.
 *
 * @param pool           storage of the caller, overwritten
 * @param name           for statistics; borrowed as long as the pool lives
 * @param mem            at least aef_pool_mem_bytes(...) bytes, 16-byte aligned; borrowed likewise
 * @param obj_size_bytes at least 1
 * @param nb_objs        at least 1
 */
void aef_pool_init(struct aef_pool *pool, const char *name, void *mem, size_t obj_size_bytes,
                   uint32_t nb_objs);

/** One object, contents undefined; NULL when all are in use (counted in `failures`). */
void *aef_pool_get(struct aef_pool *pool);

/** Give @p obj back to the pool it came from; NULL is accepted and ignored. */
void aef_pool_put(struct aef_pool *pool, void *obj);

/** Objects that can still be got. */
static inline uint32_t
aef_pool_left(const struct aef_pool *pool)
{
	return pool->nb_objs - pool->in_use;
}

#endif
