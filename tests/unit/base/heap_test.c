/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/heap.h>
#include <base/rng.h>

#include "harness.h"

#define NB_NODES 512

static struct aef_heap_node nodes[NB_NODES];

START_TEST(heap_equal_keys_come_out_in_the_order_they_went_in)
{
	static int items[8];
	struct aef_heap heap;
	struct aef_heap_node node;

	aef_heap_init(&heap, nodes, NB_NODES);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(aef_heap_push(&heap, i % 2, &items[i], NULL), 0);

	for (unsigned i = 0; i < 8; i++) {
		ck_assert(aef_heap_pop(&heap, &node));
		ck_assert_ptr_eq(node.item, &items[i < 4 ? 2 * i : 2 * (i - 4) + 1]);
	}
	ck_assert(!aef_heap_pop(&heap, &node));
	ck_assert_ptr_null(aef_heap_peek(&heap));
}
END_TEST

START_TEST(heap_full_refuses_and_stays_unchanged)
{
	struct aef_heap heap;
	struct aef_heap_node node;
	uint64_t seq;

	aef_heap_init(&heap, nodes, 2);
	ck_assert_int_eq(aef_heap_push(&heap, 5, NULL, &seq), 0);
	ck_assert_int_eq(aef_heap_push(&heap, 4, NULL, &seq), 0);
	ck_assert_int_eq(aef_heap_push(&heap, 3, NULL, NULL), AEF_ERR_FULL);

	ck_assert_uint_eq(seq, 1);
	ck_assert_uint_eq(heap.nb_nodes, 2);
	ck_assert(aef_heap_pop(&heap, &node));
	ck_assert_uint_eq(node.key, 4);
}
END_TEST

START_TEST(heap_random_pushes_and_pops_come_out_sorted)
{
	struct aef_heap heap;
	struct aef_heap_node node;
	struct aef_rng rng;
	uint64_t floor_key = 0;

	aef_rng_init(&rng, 11);
	aef_heap_init(&heap, nodes, NB_NODES);
	for (unsigned step = 0; step < 100000; step++) {
		const bool push = heap.nb_nodes == 0 ||
		                  (heap.nb_nodes < NB_NODES && aef_rng_below(&rng, 2) == 0);

		if (push) {
			/* As a simulator does: never before what was popped last. */
			ck_assert_int_eq(aef_heap_push(&heap, floor_key + aef_rng_below(&rng, 50),
			                               NULL, NULL),
			                 0);
			continue;
		}
		ck_assert(aef_heap_pop(&heap, &node));
		ck_assert_uint_ge(node.key, floor_key);
		floor_key = node.key;
	}
}
END_TEST

TEST_SUITE(heap, &heap_equal_keys_come_out_in_the_order_they_went_in,
           &heap_full_refuses_and_stays_unchanged, &heap_random_pushes_and_pops_come_out_sorted)
