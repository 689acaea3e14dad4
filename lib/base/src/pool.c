/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/pool.h>

#define POOL_ALIGN 16u

static size_t
slot_bytes(size_t obj_size_bytes)
{
	const size_t size = obj_size_bytes < sizeof(void *) ? sizeof(void *) : obj_size_bytes;

	return (size + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
}

size_t
aef_pool_mem_bytes(size_t obj_size_bytes, uint32_t nb_objs)
{
	return slot_bytes(obj_size_bytes) * nb_objs;
}

void
aef_pool_init(struct aef_pool *pool, const char *name, void *mem, size_t obj_size_bytes,
              uint32_t nb_objs)
{
	const size_t slot = slot_bytes(obj_size_bytes);

	aef_assert(mem != NULL && ((uintptr_t)mem & (POOL_ALIGN - 1)) == 0);
	aef_assert(obj_size_bytes > 0 && nb_objs > 0);
	*pool = (struct aef_pool){
		.obj_size_bytes = (uint32_t)slot,
		.nb_objs = nb_objs,
		.name = name,
		.mem = mem,
	};
	for (uint32_t i = nb_objs; i-- > 0;) {
		void *obj = pool->mem + (size_t)i * slot;

		memcpy(obj, &pool->free_head, sizeof(void *));
		pool->free_head = obj;
	}
}

AEF_HOT void *
aef_pool_get(struct aef_pool *pool)
{
	void *obj = pool->free_head;

	if (aef_unlikely(obj == NULL)) {
		pool->failures++;
		return NULL;
	}
	memcpy(&pool->free_head, obj, sizeof(void *));
	pool->in_use++;
	if (pool->in_use > pool->high_water)
		pool->high_water = pool->in_use;
	return obj;
}

AEF_HOT void
aef_pool_put(struct aef_pool *pool, void *obj)
{
	if (obj == NULL)
		return;
	aef_assert_hot((uint8_t *)obj >= pool->mem &&
	               (uint8_t *)obj < pool->mem + (size_t)pool->nb_objs * pool->obj_size_bytes);
	aef_assert_hot(((size_t)((uint8_t *)obj - pool->mem)) % pool->obj_size_bytes == 0);
	aef_assert_hot(pool->in_use > 0);
#ifdef AEF_ASSERT_HOT
	/* Use after put shows up at once in every flavour but release. */
	memset(obj, 0xdd, pool->obj_size_bytes);
#endif
	memcpy(obj, &pool->free_head, sizeof(void *));
	pool->free_head = obj;
	pool->in_use--;
}
