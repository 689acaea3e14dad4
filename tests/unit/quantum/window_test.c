/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rng.h>

#include "harness.h"
#include "window_priv.h"

#define NB_NODES 80

static alignas(16) uint8_t mem[NB_NODES * 544];
static struct aef_pool pool;
static int value[4096];

static void
setup(struct quantum_window *win, unsigned bits, uint32_t nodes)
{
	aef_pool_init(&pool, "nodes", mem, sizeof(struct quantum_window_node), nodes);
	quantum_window_init(win, bits);
}

START_TEST(window_one_block_of_64_takes_one_node)
{
	struct quantum_window win;

	setup(&win, 12, NB_NODES);
	for (uint64_t n = 128; n < 192; n++)
		ck_assert_int_eq(quantum_window_set(&win, &pool, n, &value[n]), 0);

	ck_assert_uint_eq(pool.in_use, 1);
	ck_assert_ptr_eq(quantum_window_get(&win, 150), &value[150]);
	ck_assert_ptr_null(quantum_window_get(&win, 192));
	ck_assert_ptr_null(quantum_window_get(&win, 22));
	while (quantum_window_take_any(&win, &pool) != NULL)
		;
	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert_uint_eq(win.nb, 0);
}
END_TEST

START_TEST(window_without_nodes_refuses_and_stays_unchanged)
{
	for (uint32_t nodes = 1; nodes < 5; nodes++) {
		struct quantum_window win;

		setup(&win, 18, nodes);
		ck_assert_int_eq(quantum_window_set(&win, &pool, 5, &value[5]), 0);
		/* A far number takes two roots on top and a branch of two. */
		ck_assert_int_eq(quantum_window_set(&win, &pool, 200000, &value[6]), AEF_ERR_FULL);

		ck_assert_uint_eq(pool.in_use, 1);
		ck_assert_uint_eq(pool.failures, 1);
		ck_assert_ptr_eq(quantum_window_get(&win, 5), &value[5]);
		ck_assert_ptr_null(quantum_window_get(&win, 200000));
		ck_assert_ptr_eq(quantum_window_remove(&win, &pool, 5), &value[5]);
		ck_assert_uint_eq(pool.in_use, 0);
	}
}
END_TEST

START_TEST(window_agrees_with_an_array_on_a_sliding_range)
{
	struct quantum_window win;
	struct aef_rng rng;
	void *model[4096] = { 0 };
	uint64_t base = 0;

	aef_rng_init(&rng, 11);
	setup(&win, 12, NB_NODES);
	for (unsigned step = 0; step < 200000; step++) {
		const uint64_t n = base + aef_rng_below(&rng, 4096);
		void **slot = &model[n & 4095];

		if (aef_rng_chance_ppm(&rng, 500000)) {
			ck_assert_int_eq(quantum_window_set(&win, &pool, n, &value[n & 4095]), 0);
			*slot = &value[n & 4095];
		} else {
			ck_assert_ptr_eq(quantum_window_remove(&win, &pool, n), *slot);
			*slot = NULL;
		}
		if (step % 4 == 0) {
			(void)quantum_window_remove(&win, &pool, base);
			model[base++ & 4095] = NULL;
		}
		const uint64_t q = base + aef_rng_below(&rng, 4096);

		ck_assert_ptr_eq(quantum_window_get(&win, q), model[q & 4095]);
	}
	uint32_t nb = 0;

	for (unsigned i = 0; i < 4096; i++)
		nb += model[i] != NULL;
	ck_assert_uint_eq(win.nb, nb);
	while (quantum_window_take_any(&win, &pool) != NULL)
		nb--;
	ck_assert_uint_eq(nb, 0);
	ck_assert_uint_eq(pool.in_use, 0);
}
END_TEST

START_TEST(window_width_of_30_bits_holds_both_of_its_ends)
{
	struct quantum_window win;

	setup(&win, 30, NB_NODES);
	ck_assert_int_eq(quantum_window_set(&win, &pool, (1u << 30) - 1, &value[1]), 0);
	ck_assert_int_eq(quantum_window_set(&win, &pool, 0, &value[2]), 0);
	ck_assert_ptr_eq(quantum_window_get(&win, (1ull << 40) - 1), &value[1]);
	ck_assert_ptr_eq(quantum_window_get(&win, 0), &value[2]);
	ck_assert_uint_eq(pool.in_use, 9);
	ck_assert_ptr_nonnull(quantum_window_take_any(&win, &pool));
	ck_assert_ptr_nonnull(quantum_window_take_any(&win, &pool));
	ck_assert_uint_eq(pool.in_use, 0);
}
END_TEST

TEST_SUITE(window, &window_one_block_of_64_takes_one_node,
           &window_without_nodes_refuses_and_stays_unchanged,
           &window_agrees_with_an_array_on_a_sliding_range,
           &window_width_of_30_bits_holds_both_of_its_ends)
