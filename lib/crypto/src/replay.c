/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * replay.c - windows of accepted packet numbers: a ring of bits per live key epoch.
 */
#include <string.h>

#include <base/err.h>
#include <crypto/epoch.h>
#include <crypto/replay.h>

#define WORD_BITS   64u
#define BLOCK_WORDS (CRYPTO_REPLAY_BLOCK_BITS / WORD_BITS)

static_assert(CRYPTO_REPLAY_BLOCKS_MAX * sizeof(uint64_t *) <= CRYPTO_REPLAY_BLOCK_BYTES,
              "a block holds the pointers to all blocks");
static_assert(CRYPTO_REPLAY_BITS_MAX <= CRYPTO_EPOCH_PKTS, "a window never spans three epochs");

static uint64_t *
block_at(const struct crypto_replay_window *win, uint32_t idx)
{
	return win->nb_blocks == 1 ? win->mem : ((uint64_t **)win->mem)[idx];
}

/* The word that holds number @p pn; its bit in there is pn % 64. */
static uint64_t *
word_of(const struct crypto_replay_window *win, uint64_t pn)
{
	const uint64_t block = pn / CRYPTO_REPLAY_BLOCK_BITS;

	return block_at(win, (uint32_t)(block & (win->nb_blocks - 1))) +
	       pn / WORD_BITS % BLOCK_WORDS;
}

static uint64_t
bit_of(uint64_t pn)
{
	return 1ull << (pn % WORD_BITS);
}

static void
window_free(struct crypto_replay_window *win, struct aef_pool *pool)
{
	if (win->nb_blocks > 1) {
		for (uint32_t i = 0; i < win->nb_blocks; i++)
			aef_pool_put(pool, block_at(win, i));
	}
	if (win->nb_blocks > 0)
		aef_pool_put(pool, win->mem);
	memset(win, 0, sizeof(*win));
}

/* Keep the memory of @p win, forget its numbers. */
static void
window_restart(struct crypto_replay_window *win, uint64_t epoch)
{
	for (uint32_t i = 0; i < win->nb_blocks; i++)
		memset(block_at(win, i), 0, CRYPTO_REPLAY_BLOCK_BYTES);
	win->end = 0;
	win->floor = 0;
	win->epoch = epoch;
}

static int
window_alloc(struct crypto_replay_window *win, struct aef_pool *pool, uint64_t epoch)
{
	void *mem = aef_pool_get(pool);

	if (mem == NULL)
		return AEF_ERR_FULL;
	*win = (struct crypto_replay_window){ .mem = mem, .nb_blocks = 1 };
	window_restart(win, epoch);
	return 0;
}

/* Verdict of one window over a number of its epoch. */
static int
window_check(const struct crypto_replay_window *win, uint64_t pn)
{
	if (pn >= win->end)
		return 0;
	/* end - pn >= 1 here: how far pn lies behind, counted from the highest as 1. */
	if (win->end - pn > (uint64_t)win->nb_blocks * CRYPTO_REPLAY_BLOCK_BITS || pn < win->floor)
		return AEF_ERR_RANGE;
	return (*word_of(win, pn) & bit_of(pn)) != 0 ? AEF_ERR_DUPLICATE : 0;
}

/* Clear the bits of [first, end), which then take numbers that were never seen. */
static void
window_clear(struct crypto_replay_window *win, uint64_t first, uint64_t end)
{
	const uint64_t bits = (uint64_t)win->nb_blocks * CRYPTO_REPLAY_BLOCK_BITS;

	if (end - first > bits)
		first = end - bits; /* one full turn of the ring clears everything */
	while (first < end) {
		const uint64_t next = aef_min_u64(end, (first | (WORD_BITS - 1)) + 1);
		const uint64_t below_next = next % WORD_BITS == 0 ? ~0ull : bit_of(next) - 1;

		*word_of(win, first) &= ~(below_next & ~(bit_of(first) - 1));
		first = next;
	}
}

static void
window_mark(struct crypto_replay_window *win, uint64_t pn)
{
	if (pn >= win->end) {
		window_clear(win, win->end, pn + 1);
		win->end = pn + 1;
	}
	*word_of(win, pn) |= bit_of(pn);
}

int
crypto_replay_init(struct crypto_replay *replay, struct aef_pool *pool)
{
	aef_assert(pool->obj_size_bytes >= CRYPTO_REPLAY_BLOCK_BYTES);
	memset(replay, 0, sizeof(*replay));
	return window_alloc(&replay->cur, pool, 0);
}

void
crypto_replay_fini(struct crypto_replay *replay, struct aef_pool *pool)
{
	window_free(&replay->cur, pool);
	window_free(&replay->prev, pool);
}

/* The window of the number's epoch; NULL when there is none (a later epoch, or one gone). */
static const struct crypto_replay_window *
window_of(const struct crypto_replay *replay, uint64_t epoch)
{
	if (epoch == replay->cur.epoch)
		return &replay->cur;
	if (epoch == replay->prev.epoch && replay->prev.nb_blocks > 0)
		return &replay->prev;
	return NULL;
}

int
crypto_replay_check(const struct crypto_replay *replay, uint64_t pn)
{
	const uint64_t epoch = crypto_epoch(pn);
	const struct crypto_replay_window *win = window_of(replay, epoch);
	int rc;

	aef_assert_hot(replay->cur.nb_blocks > 0);
	if (pn > CRYPTO_PN_MAX)
		return AEF_ERR_RANGE;
	if (win != NULL)
		rc = window_check(win, pn);
	else
		rc = epoch > replay->cur.epoch ? 0 : AEF_ERR_RANGE;
	/* Planted bug 3 for `make canary`: "ahead" is judged by the low 32 bits. */
	if (AEF_PLANT == 3 && rc != 0 && (uint32_t)pn > (uint32_t)(replay->cur.end - 1))
		return 0;
	return rc;
}

/* Make the window of @p epoch current; see the header for an empty pool. */
static void
rotate(struct crypto_replay *replay, struct aef_pool *pool, uint64_t epoch)
{
	struct crypto_replay_window fresh;

	/* The one before the previous epoch goes first, so that its block serves the new one. */
	window_free(&replay->prev, pool);
	if (window_alloc(&fresh, pool, epoch) == 0) {
		replay->prev = replay->cur;
		replay->cur = fresh;
	} else {
		window_restart(&replay->cur, epoch);
	}
}

int
crypto_replay_commit(struct crypto_replay *replay, struct aef_pool *pool, uint64_t pn)
{
	const uint64_t epoch = crypto_epoch(pn);
	const int rc = crypto_replay_check(replay, pn);

	if (rc != 0)
		return rc;
	if (epoch > replay->cur.epoch)
		rotate(replay, pool, epoch);
	if (epoch == replay->cur.epoch)
		window_mark(&replay->cur, pn);
	else if (epoch == replay->prev.epoch && replay->prev.nb_blocks > 0)
		window_mark(&replay->prev, pn);
	return 0;
}

/* Copy the bits of @p from, number by number of words, into the larger empty ring @p to. */
static void
window_copy(struct crypto_replay_window *to, const struct crypto_replay_window *from)
{
	const uint64_t bits = (uint64_t)from->nb_blocks * CRYPTO_REPLAY_BLOCK_BITS;
	const uint64_t first = aef_max_u64(from->floor, aef_sub_sat_u64(from->end, bits));

	to->end = from->end;
	to->floor = first;
	to->epoch = from->epoch;
	for (uint64_t pn = first; pn < from->end; pn++)
		*word_of(to, pn) |= *word_of(from, pn) & bit_of(pn);
}

int
crypto_replay_grow(struct crypto_replay *replay, struct aef_pool *pool, uint32_t bits)
{
	struct crypto_replay_window *win = &replay->cur, grown = { 0 };
	uint32_t nb_blocks = win->nb_blocks;

	if (bits > CRYPTO_REPLAY_BITS_MAX)
		bits = CRYPTO_REPLAY_BITS_MAX;
	if (aef_likely(nb_blocks * CRYPTO_REPLAY_BLOCK_BITS >= bits))
		return 0;
	while (nb_blocks * CRYPTO_REPLAY_BLOCK_BITS < bits)
		nb_blocks *= 2;
	if (aef_pool_left(pool) < nb_blocks + 1) {
		pool->failures++; /* refused as a whole, counted like a single refusal */
		return AEF_ERR_FULL;
	}
	uint64_t **dir = aef_pool_get(pool);

	for (uint32_t i = 0; i < nb_blocks; i++)
		dir[i] = aef_pool_get(pool);
	grown.mem = dir;
	grown.nb_blocks = nb_blocks;
	window_restart(&grown, win->epoch);
	window_copy(&grown, win);
	window_free(win, pool);
	*win = grown;
	return 0;
}

void
crypto_replay_drop_prev(struct crypto_replay *replay, struct aef_pool *pool)
{
	window_free(&replay->prev, pool);
}
