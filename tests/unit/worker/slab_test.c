/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/rng.h>
#include <worker/slab.h>

#include "harness.h"

#define BYTES 65536u

static alignas(64) uint8_t mem[BYTES];

START_TEST(slab_block_that_was_given_back_is_used_again)
{
	struct worker_slab slab;
	struct aef_alloc alloc;
	void *a, *b;

	worker_slab_init(&slab, mem, BYTES);
	alloc = worker_slab_alloc(&slab);
	a = aef_alloc_get(&alloc, 100);
	ck_assert_ptr_nonnull(a);
	aef_alloc_put(&alloc, a, 100);
	b = aef_alloc_get(&alloc, 128);

	ck_assert_ptr_eq(a, b);
	ck_assert_uint_eq(slab.used, 128);
	ck_assert_uint_eq(alloc.used_bytes, 128);
}
END_TEST

START_TEST(slab_past_its_end_refuses)
{
	struct worker_slab slab;
	struct aef_alloc alloc;

	worker_slab_init(&slab, mem, BYTES);
	alloc = worker_slab_alloc(&slab);

	ck_assert_ptr_null(aef_alloc_get(&alloc, BYTES + 1));
	ck_assert_ptr_nonnull(aef_alloc_get(&alloc, BYTES));
	ck_assert_ptr_null(aef_alloc_get(&alloc, 1));
}
END_TEST

START_TEST(slab_blocks_never_overlap_on_random_work)
{
	struct worker_slab slab;
	struct aef_alloc alloc;
	struct aef_rng rng;
	uint8_t *blocks[64] = { NULL };
	uint32_t sizes[64];

	worker_slab_init(&slab, mem, BYTES);
	alloc = worker_slab_alloc(&slab);
	aef_rng_init(&rng, 5);
	for (unsigned step = 0; step < 20000; step++) {
		const unsigned i = (unsigned)aef_rng_below(&rng, 64);

		if (blocks[i] != NULL) {
			for (uint32_t b = 0; b < sizes[i]; b++)
				ck_assert_uint_eq(blocks[i][b], i);
			aef_alloc_put(&alloc, blocks[i], sizes[i]);
			blocks[i] = NULL;
			continue;
		}
		sizes[i] = (uint32_t)aef_rng_range(&rng, 1, 400);
		blocks[i] = aef_alloc_get(&alloc, sizes[i]);
		if (blocks[i] == NULL)
			continue;
		ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)i, sizes[i]);
	}
}
END_TEST

TEST_SUITE(slab, &slab_block_that_was_given_back_is_used_again, &slab_past_its_end_refuses,
           &slab_blocks_never_overlap_on_random_work)
