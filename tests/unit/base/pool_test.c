/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/pool.h>

#include "harness.h"

#define NB_OBJS 8

static alignas(16) uint8_t mem[NB_OBJS * 32];

START_TEST(pool_gives_distinct_aligned_objects_until_it_is_empty)
{
	struct aef_pool pool;
	uint8_t *objs[NB_OBJS];

	aef_pool_init(&pool, "test", mem, 24, NB_OBJS);
	for (unsigned i = 0; i < NB_OBJS; i++) {
		objs[i] = aef_pool_get(&pool);
		ck_assert_ptr_nonnull(objs[i]);
		ck_assert_uint_eq((uintptr_t)objs[i] % 16, 0);
		memset(objs[i], (int)i, 24);
	}

	for (unsigned i = 0; i < NB_OBJS; i++)
		for (unsigned k = 0; k < 24; k++)
			ck_assert_uint_eq(objs[i][k], i);
	ck_assert_uint_eq(aef_pool_left(&pool), 0);
}
END_TEST

START_TEST(pool_empty_refuses_and_counts)
{
	struct aef_pool pool;

	aef_pool_init(&pool, "test", mem, 32, 1);
	ck_assert_ptr_nonnull(aef_pool_get(&pool));

	ck_assert_ptr_null(aef_pool_get(&pool));
	ck_assert_ptr_null(aef_pool_get(&pool));
	ck_assert_uint_eq(pool.failures, 2);
	ck_assert_uint_eq(pool.in_use, 1);
}
END_TEST

START_TEST(pool_gives_the_object_put_last_first)
{
	struct aef_pool pool;

	aef_pool_init(&pool, "test", mem, 32, 4);
	void *a = aef_pool_get(&pool);
	void *b = aef_pool_get(&pool);

	aef_pool_put(&pool, a);
	aef_pool_put(&pool, b);
	ck_assert_ptr_eq(aef_pool_get(&pool), b);
	ck_assert_ptr_eq(aef_pool_get(&pool), a);
}
END_TEST

START_TEST(pool_high_water_keeps_the_largest_use)
{
	struct aef_pool pool;
	void *objs[3];

	aef_pool_init(&pool, "test", mem, 16, 4);
	for (unsigned i = 0; i < AEF_DIM(objs); i++)
		objs[i] = aef_pool_get(&pool);
	for (unsigned i = 0; i < AEF_DIM(objs); i++)
		aef_pool_put(&pool, objs[i]);

	ck_assert_uint_eq(pool.high_water, 3);
	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert_uint_eq(aef_pool_left(&pool), 4);
}
END_TEST

START_TEST(pool_put_of_null_changes_nothing)
{
	struct aef_pool pool;

	aef_pool_init(&pool, "test", mem, 16, 4);
	aef_pool_put(&pool, NULL);

	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert_uint_eq(aef_pool_left(&pool), 4);
}
END_TEST

START_TEST(pool_memory_covers_the_rounding_of_every_size)
{
	for (size_t size = 1; size <= 100; size++) {
		const size_t need = aef_pool_mem_bytes(size, 10);

		ck_assert_uint_ge(need, 10 * size);
		ck_assert_uint_eq(need % 160, 0);
		ck_assert_uint_lt(need, 10 * (size + 16));
	}
}
END_TEST

TEST_SUITE(pool, &pool_gives_distinct_aligned_objects_until_it_is_empty,
           &pool_empty_refuses_and_counts, &pool_gives_the_object_put_last_first,
           &pool_high_water_keeps_the_largest_use, &pool_put_of_null_changes_nothing,
           &pool_memory_covers_the_rounding_of_every_size)
