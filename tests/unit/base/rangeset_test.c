/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rangeset.h>
#include <base/rng.h>

#include "harness.h"

#define NB_NODES 64

static alignas(16) uint8_t mem[NB_NODES * 64];
static struct aef_pool pool;

static void
setup(struct aef_rangeset *set, uint32_t nodes)
{
	aef_pool_init(&pool, "ranges", mem, sizeof(struct aef_range), nodes);
	aef_rangeset_init(set);
}

START_TEST(rangeset_touching_neighbours_become_one_range)
{
	struct aef_rangeset set;
	uint64_t added;

	setup(&set, NB_NODES);
	ck_assert_int_eq(aef_rangeset_add(&set, &pool, 10, 20, NULL), 0);
	ck_assert_int_eq(aef_rangeset_add(&set, &pool, 30, 40, NULL), 0);
	ck_assert_int_eq(aef_rangeset_add(&set, &pool, 15, 35, &added), 0);

	ck_assert_uint_eq(added, 10);
	ck_assert_uint_eq(set.nb_ranges, 1);
	ck_assert(aef_rangeset_has(&set, 10, 40));
	aef_rangeset_clear(&set, &pool);
	ck_assert_uint_eq(pool.in_use, 0);
}
END_TEST

START_TEST(rangeset_without_a_free_node_refuses_and_stays_unchanged)
{
	struct aef_rangeset set;

	setup(&set, 1);
	ck_assert_int_eq(aef_rangeset_add(&set, &pool, 10, 20, NULL), 0);
	ck_assert_int_eq(aef_rangeset_add(&set, &pool, 30, 40, NULL), AEF_ERR_FULL);

	ck_assert_uint_eq(set.nb_ranges, 1);
	ck_assert(!aef_rangeset_has(&set, 30, 31));
	ck_assert_uint_eq(pool.failures, 1);
}
END_TEST

START_TEST(rangeset_agrees_with_a_bitmap_on_random_work)
{
	struct aef_rng rng;
	struct aef_rangeset set;
	uint8_t model[128] = { 0 };

	aef_rng_init(&rng, 7);
	setup(&set, NB_NODES);
	for (unsigned step = 0; step < 20000; step++) {
		const uint64_t first = aef_rng_below(&rng, 120);
		const uint64_t end = first + 1 + aef_rng_below(&rng, 8);
		uint64_t added = 0, expect = 0, have = 0;

		if (step % 40 == 39) {
			aef_rangeset_drop_below(&set, &pool, first);
			memset(model, 0, first);
			continue;
		}
		for (uint64_t i = first; i < end; i++) {
			have += model[i];
			expect += !model[i];
		}
		ck_assert_uint_eq(aef_rangeset_overlap(&set, first, end), have);
		ck_assert(aef_rangeset_has(&set, first, end) == (have == end - first));
		if (step % 3 != 0)
			continue;
		ck_assert_int_eq(aef_rangeset_add(&set, &pool, first, end, &added), 0);
		ck_assert_uint_eq(added, expect);
		memset(model + first, 1, end - first);
	}
}
END_TEST

TEST_SUITE(rangeset, &rangeset_touching_neighbours_become_one_range,
           &rangeset_without_a_free_node_refuses_and_stays_unchanged,
           &rangeset_agrees_with_a_bitmap_on_random_work)
