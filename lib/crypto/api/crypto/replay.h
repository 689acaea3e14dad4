/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crypto/replay.h - which packet numbers of one direction were accepted already.
 *
 * Two windows: one of the current key epoch, one of the epoch before. Numbers are unique over all
 * epochs, so a single window would be correct too; but a sender that forces a new epoch skips up to
 * 2^22 numbers at once, and a single window would then call every packet still in flight too old.
 * Epoch e + 1 needs no window: its first accepted packet makes it the current epoch.
 *
 * A window covers exactly its size (2,048 numbers, or 2,048 x 2^n up to 65,536), ending at the
 * highest number accepted. Bits live in blocks of a pool, 256 bytes each; a grown window has one
 * more block that points at its blocks. All comparisons subtract the lower from the higher number,
 * so nothing wraps at 0, 2^32 or 2^62.
 *
 * Source:  RFC 6479 (ring of bits, no shifting); RFC 4303 section 3.4.3; DESIGN section 4.
 * Context: the thread that owns the connection and the pool.
 */
#ifndef CRYPTO_REPLAY_H
#define CRYPTO_REPLAY_H

#include <base/pool.h>
#include <crypto/pn.h>

#define CRYPTO_REPLAY_BLOCK_BITS  2048u
#define CRYPTO_REPLAY_BLOCK_BYTES (CRYPTO_REPLAY_BLOCK_BITS / 8)
#define CRYPTO_REPLAY_BLOCKS_MAX  32u
#define CRYPTO_REPLAY_BITS_MAX    (CRYPTO_REPLAY_BLOCK_BITS * CRYPTO_REPLAY_BLOCKS_MAX)

struct crypto_replay_window {
	uint64_t end;       /* highest accepted number + 1; 0: none yet */
	uint64_t floor;     /* below it everything counts as seen: the window was smaller once */
	uint64_t epoch;     /* of all numbers in here */
	void *mem;          /* one block of bits, or a block of pointers to nb_blocks blocks */
	uint32_t nb_blocks; /* power of two; 0: no window */
};

struct crypto_replay {
	struct crypto_replay_window cur;
	struct crypto_replay_window prev;
};

/**
 * Start empty at epoch 0 with a window of 2,048.
 *
 * @param replay overwritten
 * @param pool   objects of CRYPTO_REPLAY_BLOCK_BYTES; borrowed for each call, always the same one
 * @return 0, or AEF_ERR_FULL when the pool is empty
 */
AEF_MUST_CHECK int crypto_replay_init(struct crypto_replay *replay, struct aef_pool *pool);

/** Give all blocks back; a zeroed or finished object is accepted. */
void crypto_replay_fini(struct crypto_replay *replay, struct aef_pool *pool);

/**
 * Advice before a packet is opened: would commit accept @p pn? Changes nothing.
 *
 * @return 0; AEF_ERR_DUPLICATE: seen before; AEF_ERR_RANGE: below the window, or above
 * CRYPTO_PN_MAX
 */
AEF_MUST_CHECK int crypto_replay_check(const struct crypto_replay *replay, uint64_t pn);

/**
 * Accept @p pn; call it only after the tag verified.
 *
 * The first number of a later epoch makes its window current and the current one previous. When the
 * pool is empty then, the new window takes over the old one's memory and late packets of the old
 * epoch are refused: less reordering is tolerated, nothing is ever accepted twice.
 *
 * @return as crypto_replay_check(): not 0 means that the packet must be dropped
 */
AEF_MUST_CHECK int crypto_replay_commit(struct crypto_replay *replay, struct aef_pool *pool,
                                        uint64_t pn);

/**
 * Grow the current window to at least @p bits numbers (the packets of 10 ms), rounded up to a power
 * of two and cut to CRYPTO_REPLAY_BITS_MAX. Never shrinks; a new epoch starts again at 2,048, so
 * call this whenever the rate asks for it: a window that is large enough costs one comparison.
 *
 * @return 0, or AEF_ERR_FULL (the window stays as it was)
 */
AEF_MUST_CHECK int crypto_replay_grow(struct crypto_replay *replay, struct aef_pool *pool,
                                      uint32_t bits);

/** The previous epoch has no key any more: give its window back. */
void crypto_replay_drop_prev(struct crypto_replay *replay, struct aef_pool *pool);

/** Numbers that the current window covers. */
static inline uint32_t
crypto_replay_bits(const struct crypto_replay *replay)
{
	return replay->cur.nb_blocks * CRYPTO_REPLAY_BLOCK_BITS;
}

#endif
