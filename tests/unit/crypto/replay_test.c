/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rng.h>
#include <crypto/epoch.h>
#include <crypto/replay.h>

#include "harness.h"
#include "seed.h"

#define NB_BLOCKS 140
#define SIZE      CRYPTO_REPLAY_BLOCK_BITS
#define WRAP      (1ull << 32)

static alignas(16) uint8_t mem[NB_BLOCKS * CRYPTO_REPLAY_BLOCK_BYTES];
static struct aef_pool pool;
static struct crypto_replay replay;

static void
setup(uint32_t blocks)
{
	memset(mem, 0xee, sizeof(mem)); /* blocks of a pool are dirty */
	aef_pool_init(&pool, "replay", mem, CRYPTO_REPLAY_BLOCK_BYTES, blocks);
	ck_assert_int_eq(crypto_replay_init(&replay, &pool), 0);
}

static int
commit(uint64_t pn)
{
	const int advice = crypto_replay_check(&replay, pn);
	const int verdict = crypto_replay_commit(&replay, &pool, pn);

	ck_assert_int_eq(advice, verdict);
	return verdict;
}

static void
teardown(void)
{
	crypto_replay_fini(&replay, &pool);
	crypto_replay_fini(&replay, &pool);
	ck_assert_uint_eq(pool.in_use, 0);
}

/* The sequence of WireGuard's self test of its replay counter, for a window that starts at `base`.
 */
static void
wireguard_vectors(uint64_t base)
{
	setup(NB_BLOCKS);
	ck_assert_int_eq(commit(base + 0), 0);
	ck_assert_int_eq(commit(base + 1), 0);
	ck_assert_int_eq(commit(base + 1), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(base + 9), 0);
	ck_assert_int_eq(commit(base + 8), 0);
	ck_assert_int_eq(commit(base + 7), 0);
	ck_assert_int_eq(commit(base + 7), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(base + SIZE), 0);
	ck_assert_int_eq(commit(base + SIZE - 1), 0);
	ck_assert_int_eq(commit(base + SIZE - 1), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(base + SIZE - 2), 0);
	ck_assert_int_eq(commit(base + 2), 0);
	ck_assert_int_eq(commit(base + 2), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(base + SIZE + 16), 0);
	ck_assert_int_eq(commit(base + 3), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(base + SIZE + 16), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(base + SIZE * 4), 0);
	ck_assert_int_eq(commit(base + SIZE * 4 - (SIZE - 1)), 0);
	ck_assert_int_eq(commit(base + 10), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(base + SIZE * 4 - SIZE), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(base + SIZE * 4 - (SIZE + 1)), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(base + SIZE * 4 - (SIZE - 2)), 0);
	ck_assert_int_eq(commit(base + SIZE * 4 + 1 - SIZE), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(base), AEF_ERR_RANGE);
	teardown();
}

START_TEST(replay_known_sequence_gives_the_known_verdicts)
{
	wireguard_vectors(0);
	wireguard_vectors(1);
	wireguard_vectors(WRAP);
	wireguard_vectors(CRYPTO_PN_MAX - SIZE * 5);
}
END_TEST

START_TEST(replay_each_number_of_a_window_is_accepted_once_in_either_direction)
{
	for (unsigned down = 0; down < 2; down++) {
		setup(NB_BLOCKS);
		for (uint64_t i = 0; i < SIZE; i++)
			ck_assert_int_eq(commit(down ? SIZE - 1 - i : i), 0);
		for (uint64_t i = 0; i < SIZE; i++)
			ck_assert_int_eq(commit(i), AEF_ERR_DUPLICATE);
		ck_assert_int_eq(commit(SIZE), 0);
		ck_assert_int_eq(commit(0), AEF_ERR_RANGE);
		ck_assert_int_eq(commit(1), AEF_ERR_DUPLICATE);
		teardown();
	}
}
END_TEST

START_TEST(replay_a_packet_from_before_the_32_bit_wrap_is_not_accepted_again)
{
	setup(NB_BLOCKS);
	for (uint64_t pn = WRAP - 100; pn < WRAP + 100; pn++)
		ck_assert_int_eq(commit(pn), 0);

	for (uint64_t pn = WRAP - 100; pn < WRAP + 100; pn++)
		ck_assert_int_ne(commit(pn), 0);
	ck_assert_int_eq(commit(WRAP - 101), 0);
	teardown();
}
END_TEST

START_TEST(replay_the_highest_number_is_accepted_once_and_the_one_after_never)
{
	setup(NB_BLOCKS);
	ck_assert_int_eq(commit(CRYPTO_PN_MAX), 0);
	ck_assert_int_eq(commit(CRYPTO_PN_MAX), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(CRYPTO_PN_MAX + 1), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(UINT64_MAX), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(CRYPTO_PN_MAX - SIZE + 1), 0);
	ck_assert_int_eq(commit(CRYPTO_PN_MAX - SIZE), AEF_ERR_RANGE);
	teardown();
}
END_TEST

START_TEST(replay_skipping_into_a_new_epoch_keeps_the_old_window_for_late_packets)
{
	const uint64_t next = crypto_epoch_first_pn(1);

	setup(NB_BLOCKS);
	for (uint64_t pn = 1000; pn < 1100; pn += 2)
		ck_assert_int_eq(commit(pn), 0);
	ck_assert_int_eq(commit(next + 5), 0);

	ck_assert_int_eq(commit(1000), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(1001), 0);
	ck_assert_int_eq(commit(1001), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(1200), 0); /* ahead inside the old epoch */
	ck_assert_int_eq(commit(next + 4), 0);
	ck_assert_int_eq(commit(next + 4), AEF_ERR_DUPLICATE);
	ck_assert_uint_eq(pool.in_use, 2);

	crypto_replay_drop_prev(&replay, &pool);
	ck_assert_uint_eq(pool.in_use, 1);
	ck_assert_int_eq(commit(1003), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(crypto_epoch_first_pn(2)), 0);
	ck_assert_int_eq(commit(1003), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(next + 4), AEF_ERR_DUPLICATE);
	teardown();
}
END_TEST

START_TEST(replay_new_epoch_with_an_empty_pool_accepts_nothing_twice)
{
	setup(1);
	ck_assert_int_eq(commit(10), 0);
	ck_assert_int_eq(commit(crypto_epoch_first_pn(1) + 10), 0);

	ck_assert_int_eq(commit(10), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(11), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(crypto_epoch_first_pn(1) + 10), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(crypto_epoch_first_pn(1) + 9), 0);
	ck_assert_uint_eq(pool.failures, 1);
	teardown();
}
END_TEST

START_TEST(replay_init_without_a_block_is_refused)
{
	struct crypto_replay second = { 0 };

	setup(1);
	ck_assert_int_eq(crypto_replay_init(&second, &pool), AEF_ERR_FULL);
	crypto_replay_fini(&second, &pool);
	teardown();
}
END_TEST

START_TEST(replay_grown_window_keeps_what_it_knew_and_covers_its_new_size)
{
	setup(NB_BLOCKS);
	for (uint64_t pn = 10000; pn < 13000; pn++)
		ck_assert_int_eq(commit(pn), 0);
	ck_assert_int_eq(crypto_replay_grow(&replay, &pool, 5000), 0);
	ck_assert_uint_eq(crypto_replay_bits(&replay), 8192);
	ck_assert_uint_eq(pool.in_use, 5);
	ck_assert_int_eq(crypto_replay_grow(&replay, &pool, 8192), 0);
	ck_assert_uint_eq(pool.in_use, 5);

	for (uint64_t pn = 13000 - SIZE; pn < 13000; pn++)
		ck_assert_int_eq(commit(pn), AEF_ERR_DUPLICATE);
	/* What the small window had forgotten stays refused. */
	ck_assert_int_eq(commit(13000 - SIZE - 1), AEF_ERR_RANGE);
	ck_assert_int_eq(commit(20000), 0);
	ck_assert_int_eq(commit(13000), 0);
	ck_assert_int_eq(commit(20000 - 8191), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(commit(20000 - 8192), AEF_ERR_RANGE);
	teardown();
}
END_TEST

START_TEST(replay_growth_stops_at_the_maximum_and_is_refused_whole)
{
	setup(NB_BLOCKS);
	ck_assert_int_eq(crypto_replay_grow(&replay, &pool, UINT32_MAX), 0);
	ck_assert_uint_eq(crypto_replay_bits(&replay), CRYPTO_REPLAY_BITS_MAX);
	ck_assert_int_eq(commit(CRYPTO_REPLAY_BITS_MAX - 1), 0);
	ck_assert_int_eq(commit(0), 0);
	ck_assert_int_eq(commit(0), AEF_ERR_DUPLICATE);
	teardown();

	setup(20);
	ck_assert_int_eq(crypto_replay_grow(&replay, &pool, CRYPTO_REPLAY_BITS_MAX), AEF_ERR_FULL);
	ck_assert_uint_eq(pool.in_use, 1);
	ck_assert_uint_eq(pool.failures, 1);
	ck_assert_uint_eq(crypto_replay_bits(&replay), SIZE);
	teardown();
}
END_TEST

/* Random walk around `start` against a plain array: no number twice, none refused inside the
 * window. */
static void
sweep(struct aef_rng *rng, uint64_t start, uint32_t grow_bits)
{
	static uint8_t seen[1u << 20];
	uint64_t highest = start, floor = start;

	memset(seen, 0, sizeof(seen));
	setup(NB_BLOCKS);
	ck_assert_int_eq(commit(start), 0);
	seen[0] = 1;
	for (unsigned step = 0; step < 60000; step++) {
		uint64_t pn = highest + 1;

		if (step == 20000) {
			floor = aef_max_u64(start, aef_sub_sat_u64(highest + 1, SIZE));
			ck_assert_int_eq(crypto_replay_grow(&replay, &pool, grow_bits), 0);
		}
		const uint32_t size = crypto_replay_bits(&replay);

		if (aef_rng_chance_ppm(rng, 600000))
			pn = highest -
			     aef_rng_below(rng, aef_min_u64(highest - start + 1, size + 50));
		else if (aef_rng_chance_ppm(rng, 2000))
			pn = highest + aef_rng_below(rng, 3 * (uint64_t)SIZE);
		if (pn - start >= sizeof(seen) || pn > CRYPTO_PN_MAX)
			break;
		int want = 0;

		if (pn <= highest && (highest - pn >= size || (step >= 20000 && pn < floor)))
			want = AEF_ERR_RANGE;
		else if (seen[pn - start])
			want = AEF_ERR_DUPLICATE;
		ck_assert_int_eq(commit(pn), want);
		if (want == 0)
			seen[pn - start] = 1;
		highest = aef_max_u64(highest, pn);
	}
	teardown();
}

START_TEST(replay_random_walks_agree_with_a_plain_array)
{
	struct aef_rng rng;

	aef_rng_init(&rng, test_seed("replay"));
	sweep(&rng, 0, 4096);
	sweep(&rng, 1, SIZE);
	sweep(&rng, crypto_epoch_first_pn(7), 65536);
	sweep(&rng, WRAP, 16384);
	sweep(&rng, WRAP - CRYPTO_EPOCH_PKTS + 77, 8192);
	sweep(&rng, CRYPTO_PN_MAX - 30000, 16384);
}
END_TEST

TEST_SUITE(replay, &replay_known_sequence_gives_the_known_verdicts,
           &replay_each_number_of_a_window_is_accepted_once_in_either_direction,
           &replay_a_packet_from_before_the_32_bit_wrap_is_not_accepted_again,
           &replay_the_highest_number_is_accepted_once_and_the_one_after_never,
           &replay_skipping_into_a_new_epoch_keeps_the_old_window_for_late_packets,
           &replay_new_epoch_with_an_empty_pool_accepts_nothing_twice,
           &replay_init_without_a_block_is_refused,
           &replay_grown_window_keeps_what_it_knew_and_covers_its_new_size,
           &replay_growth_stops_at_the_maximum_and_is_refused_whole,
           &replay_random_walks_agree_with_a_plain_array)
