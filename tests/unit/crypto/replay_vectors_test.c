/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * replay_vectors_test.c - the replay window by hand: verdicts written down for each step, at both
 * ends of the number space, and sweeps through the window in every direction.
 *
 * The kinds of sweep are those that implementations of RFC 6479 are known to run: upwards,
 * downwards, downwards from an accepted top, with the lowest left for the end, and the same around
 * a jump.
 */
#include <base/err.h>
#include <crypto/epoch.h>
#include <crypto/replay.h>

#include "harness.h"

#define WIN  CRYPTO_REPLAY_BLOCK_BITS
#define LAST CRYPTO_PN_MAX
#define WRAP (1ull << 32)

static alignas(16) uint8_t mem[64 * (CRYPTO_REPLAY_BLOCK_BYTES + 16) + 4096];
static struct aef_pool pool;
static struct crypto_replay replay;

static void
start(uint64_t epoch)
{
	ck_assert_uint_le(aef_pool_mem_bytes(CRYPTO_REPLAY_BLOCK_BYTES, 8), sizeof(mem));
	aef_pool_init(&pool, "windows", mem, CRYPTO_REPLAY_BLOCK_BYTES, 8);
	ck_assert_int_eq(crypto_replay_init(&replay, &pool), 0);
	replay.cur.epoch = epoch;
}

/* Y accepted, D seen before, O too old or beyond the end. The advice must be the verdict. */
struct step {
	uint64_t pn;
	char want;
};

static void
walk(uint64_t epoch, const struct step *steps, unsigned nb)
{
	start(epoch);
	for (unsigned i = 0; i < nb; i++) {
		const int want = steps[i].want == 'Y'   ? 0
		                 : steps[i].want == 'D' ? AEF_ERR_DUPLICATE
		                                        : AEF_ERR_RANGE;

		ck_assert_msg(crypto_replay_check(&replay, steps[i].pn) == want, "step %u", i);
		ck_assert_msg(crypto_replay_commit(&replay, &pool, steps[i].pn) == want, "step %u",
		              i);
	}
	crypto_replay_fini(&replay, &pool);
	ck_assert_uint_eq(aef_pool_left(&pool), 8);
}

/* */
START_TEST(replay_vectors_near_zero_have_the_written_verdicts)
{
	static const struct step steps[] = {
		{ 0, 'Y' },
		{ 0, 'D' },
		{ 1, 'Y' },
		{ 1, 'D' },
		{ 9, 'Y' },
		{ 8, 'Y' },
		{ 7, 'Y' },
		{ 7, 'D' },
		{ WIN - 1, 'Y' },
		{ WIN - 2, 'Y' },
		{ WIN - 2, 'D' },
		{ 2, 'Y' }, /* the window still begins at 0 */
		{ 0, 'D' },
		{ WIN, 'Y' },
		{ 0, 'O' }, /* now at 1 */
		{ 1, 'D' },
		{ 3, 'Y' },
		{ WIN + 16, 'Y' },
		{ 3, 'O' },
		{ 16, 'O' },
		{ 17, 'Y' },
		{ 17, 'D' },
		{ 4 * WIN, 'Y' },
		{ 4 * WIN - (WIN - 1), 'Y' },
		{ 10, 'O' },
		{ 4 * WIN - WIN, 'O' },
		{ 4 * WIN - (WIN + 1), 'O' },
		{ 4 * WIN - (WIN - 2), 'Y' },
		{ 4 * WIN + 1 - WIN, 'D' },
		{ 0, 'O' },
	};

	walk(0, steps, AEF_DIM(steps));
}
END_TEST

START_TEST(replay_vectors_around_2_to_the_32_have_the_written_verdicts)
{
	static const struct step steps[] = {
		{ WRAP - 2, 'Y' },       { WRAP - 1, 'Y' }, { WRAP - 1, 'D' }, { WRAP - WIN, 'Y' },
		{ WRAP - WIN - 1, 'O' }, { WRAP - 3, 'Y' }, { 0, 'O' },        { 5, 'O' },
		{ WRAP - 2, 'D' },
	};

	walk(crypto_epoch(WRAP - 1), steps, AEF_DIM(steps));
}
END_TEST

START_TEST(replay_vectors_around_2_to_the_32_across_the_epochs_have_the_written_verdicts)
{
	static const struct step steps[] = {
		{ WRAP - 5, 'Y' }, { WRAP, 'Y' },      { WRAP - 1, 'Y' }, /* of the epoch before */
		{ WRAP - 1, 'D' }, { WRAP, 'D' },      { WRAP - 5, 'D' },
		{ WRAP + 9, 'Y' }, { WRAP + 1, 'Y' },  { WRAP - 4 - WIN, 'O' },
		{ 0, 'O' },        { WRAP - 2, 'Y' },  { WRAP + WIN + 9, 'Y' },
		{ WRAP + 9, 'O' }, { WRAP + 10, 'Y' }, { WRAP - 3, 'Y' }, /* its own window stays */
		{ WRAP - 3, 'D' }, { WRAP + 10, 'D' },
	};

	walk(crypto_epoch(WRAP - 1), steps, AEF_DIM(steps));
}
END_TEST

START_TEST(replay_vectors_at_the_last_number_have_the_written_verdicts)
{
	static const struct step steps[] = {
		{ LAST - 1, 'Y' },
		{ LAST, 'Y' },
		{ LAST, 'D' },
		{ LAST + 1, 'O' },
		{ UINT64_MAX, 'O' },
		{ UINT64_MAX - 1, 'O' },
		{ LAST - 2, 'Y' },
		{ LAST - (WIN - 1), 'Y' },
		{ LAST - WIN, 'O' },
		{ LAST - (WIN - 1), 'D' },
		{ LAST - (WIN + 1), 'O' },
		{ 0, 'O' },
		{ LAST - 1, 'D' },
		{ 1ull << 63, 'O' },
		{ LAST - (WIN - 2), 'Y' },
	};

	walk(crypto_epoch(LAST), steps, AEF_DIM(steps));
}
END_TEST

/* Where a sweep begins, and the epoch of it. */
static const uint64_t bases[] = { 0, 1, 63, 64, WIN - 1, WRAP - 3 * WIN, LAST - 3 * WIN };

static int
commit(uint64_t pn)
{
	return crypto_replay_commit(&replay, &pool, pn);
}

START_TEST(replay_vectors_sweep_upwards_accepts_each_once)
{
	for (unsigned b = 0; b < AEF_DIM(bases); b++) {
		start(crypto_epoch(bases[b]));
		for (uint64_t i = 0; i < 2 * WIN; i++) {
			ck_assert_int_eq(commit(bases[b] + i), 0);
			ck_assert_int_eq(commit(bases[b] + i), AEF_ERR_DUPLICATE);
		}
		for (uint64_t i = 0; i < WIN; i++)
			ck_assert_int_eq(commit(bases[b] + i), AEF_ERR_RANGE);
		for (uint64_t i = WIN; i < 2 * WIN; i++)
			ck_assert_int_eq(commit(bases[b] + i), AEF_ERR_DUPLICATE);
		crypto_replay_fini(&replay, &pool);
	}
}
END_TEST

START_TEST(replay_vectors_sweep_downwards_accepts_exactly_a_window)
{
	for (unsigned b = 0; b < AEF_DIM(bases); b++) {
		const uint64_t top = bases[b] + 2 * WIN;

		start(crypto_epoch(bases[b]));
		for (uint64_t i = 0; i < WIN; i++)
			ck_assert_int_eq(commit(top - i), 0);
		for (uint64_t i = WIN; i <= 2 * WIN; i++)
			ck_assert_int_eq(commit(top - i), AEF_ERR_RANGE);
		for (uint64_t i = 0; i < WIN; i++)
			ck_assert_int_eq(commit(top - i), AEF_ERR_DUPLICATE);
		crypto_replay_fini(&replay, &pool);
	}
}
END_TEST

START_TEST(replay_vectors_sweep_downwards_leaves_the_lowest_for_the_end)
{
	for (unsigned b = 0; b < AEF_DIM(bases); b++) {
		const uint64_t top = bases[b] + WIN - 1;

		start(crypto_epoch(bases[b]));
		for (uint64_t i = 0; i < WIN - 1; i++)
			ck_assert_int_eq(commit(top - i), 0);
		ck_assert_int_eq(commit(bases[b]), 0); /* just inside */
		ck_assert_int_eq(commit(bases[b]), AEF_ERR_DUPLICATE);
		ck_assert_int_eq(commit(top + 1), 0);
		ck_assert_int_eq(commit(bases[b]), AEF_ERR_RANGE); /* just outside */
		crypto_replay_fini(&replay, &pool);
	}
}
END_TEST

/* A jump of every size around words and windows must clear what it jumps over, and no more. */
START_TEST(replay_vectors_jump_of_any_size_forgets_nothing_and_remembers_nothing_wrong)
{
	static const uint64_t jumps[] = { 1,       2,        31,       63,       64,          65,
		                          127,     128,      WIN - 65, WIN - 64, WIN - 1,     WIN,
		                          WIN + 1, WIN + 64, 2 * WIN,  5 * WIN,  20 * WIN + 7 };

	for (unsigned b = 0; b < 5; b++) { /* the last bases have no room in their epoch */
		for (unsigned j = 0; j < AEF_DIM(jumps); j++) {
			const uint64_t mid = bases[b] + WIN, to = mid + jumps[j];

			start(0);
			for (uint64_t i = 0; i < WIN; i += 3) /* every third below the middle */
				ck_assert_int_eq(commit(mid - WIN + 1 + i), 0);
			ck_assert_int_eq(commit(to), 0);
			for (uint64_t pn = to - 1; pn + 2 * WIN > to && pn > mid - WIN; pn--) {
				const bool old = to - pn >= WIN;
				const bool seen = pn <= mid && (pn - (mid - WIN + 1)) % 3 == 0;

				ck_assert_int_eq(crypto_replay_check(&replay, pn),
				                 old    ? AEF_ERR_RANGE
				                 : seen ? AEF_ERR_DUPLICATE
				                        : 0);
			}
			crypto_replay_fini(&replay, &pool);
		}
	}
}
END_TEST

TEST_SUITE(replay_vectors, &replay_vectors_near_zero_have_the_written_verdicts,
           &replay_vectors_around_2_to_the_32_have_the_written_verdicts,
           &replay_vectors_around_2_to_the_32_across_the_epochs_have_the_written_verdicts,
           &replay_vectors_at_the_last_number_have_the_written_verdicts,
           &replay_vectors_sweep_upwards_accepts_each_once,
           &replay_vectors_sweep_downwards_accepts_exactly_a_window,
           &replay_vectors_sweep_downwards_leaves_the_lowest_for_the_end,
           &replay_vectors_jump_of_any_size_forgets_nothing_and_remembers_nothing_wrong)
