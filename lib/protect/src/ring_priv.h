/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_priv.h - a ring in memory: cells of expanded token keys that readers use without a lock.
 *
 * A cell's number is odd while its key may be used, and goes up by one at each change. A reader
 * notes it, works, and believes the result only if the number is still the same: a key that was
 * revoked or wiped meanwhile opened nothing and sealed nothing. The writer changes a number before
 * it touches the key, so a wiped key (known to everybody: zeros) is never believed.
 */
#ifndef PROTECT_RING_PRIV_H
#define PROTECT_RING_PRIV_H

#include <limits.h>
#include <stdatomic.h>

#include <protect/ring.h>

#include "aead_priv.h"

#define PROTECT_RING_LIVE  3u /* e - 1, e, e + 1 */
#define PROTECT_RING_CELLS 8u /* the old set and the new one at once, as a power of two */
#define PROTECT_RING_WORDS (65536u / 64)

/** Tokens one process seals under one key, at most. */
#define PROTECT_RING_SEALS_MAX (1ull << 31)

struct protect_ring_cell {
	struct protect_aead_key key;
	alignas(AEF_CACHE_LINE) atomic_uint number; /* odd: usable; N1 */
	atomic_uint epoch;
	atomic_uint_fast64_t nb_seals;
	uint8_t raw[PROTECT_RING_KEY_BYTES]; /* writer only */
};

/* Which epochs a folder names; readers ask one bit at a time. */
struct protect_ring_bits {
	atomic_uint_fast64_t word[PROTECT_RING_WORDS];
};

struct protect_ring {
	struct protect_ring_cell cells[PROTECT_RING_CELLS];
	atomic_uint current;
	uint16_t group;
	bool has_dir;
	struct protect_ring_bits revoked; /* never cleared */
	struct protect_ring_bits stored;  /* a .key file stood in the folder when it was read */
	char dir[PATH_MAX];
};

/* What a folder holds of one group. Has keys in it: wipe it. */
struct protect_ring_set {
	uint16_t group;
	uint16_t current;
	bool has_current;
	unsigned nb;
	uint16_t epoch[PROTECT_RING_LIVE];
	uint8_t key[PROTECT_RING_LIVE][PROTECT_RING_KEY_BYTES];
	struct protect_ring_bits revoked;
	struct protect_ring_bits stored;
};

static inline bool
protect_ring_bit(const struct protect_ring_bits *bits, uint16_t epoch)
{
	return atomic_load_explicit(&bits->word[epoch / 64], memory_order_relaxed) >> (epoch % 64) &
	       1;
}

static inline void
protect_ring_bit_set(struct protect_ring_bits *bits, uint16_t epoch)
{
	atomic_fetch_or_explicit(&bits->word[epoch / 64], 1ull << (epoch % 64),
	                         memory_order_relaxed);
}

/** True when @p epoch is one of @p current - 1, @p current, @p current + 1, modulo 2^16. */
static inline bool
protect_ring_near(uint16_t current, uint16_t epoch)
{
	return (uint16_t)(epoch - current + 1) < PROTECT_RING_LIVE;
}

/** The epoch after @p epoch that is not revoked. @return false when there is none */
bool protect_ring_next(const struct protect_ring_bits *revoked, uint16_t epoch, uint16_t *ret_next);

/** An empty ring without a current epoch. @return 0, AEF_ERR_NOMEM, AEF_ERR_LIMIT, AEF_ERR_... */
AEF_MUST_CHECK int protect_ring_alloc(uint16_t group, struct protect_ring **ret_ring);

/** Make the ring hold what @p set holds, new keys first; what is revoked in memory stays so. */
void protect_ring_apply(struct protect_ring *ring, const struct protect_ring_set *set);

/**
 * Refuse @p epoch in memory, and make the next one current if it was.
 *
 * @param new_key    32 random bytes, for a next key that is not there
 * @param ret_made   true: new_key is now the key of *ret_next
 * @return 0; AEF_ERR_NOTFOUND: no such key; AEF_ERR_LIMIT: every epoch is revoked
 */
AEF_MUST_CHECK int protect_ring_refuse(struct protect_ring *ring, uint16_t epoch,
                                       const uint8_t new_key[PROTECT_RING_KEY_BYTES]);

/**
 * Seal the token whose clear part, nonce and plain body stand in @p token, in place. Any thread.
 *
 * @return 0; AEF_ERR_NOTFOUND: no usable key of that group and epoch (then the bytes are
 * undefined); AEF_ERR_LIMIT: PROTECT_RING_SEALS_MAX
 */
AEF_MUST_CHECK int protect_ring_seal(struct protect_ring *ring, uint16_t group, uint16_t epoch,
                                     struct protect_aead_work *work, uint8_t *token);

/** Open in place. @return 0; AEF_ERR_NOTFOUND; AEF_ERR_DENIED (the epoch is revoked); AEF_ERR_AUTH
 * (then the bytes are undefined) */
AEF_MUST_CHECK int protect_ring_unseal(struct protect_ring *ring, uint16_t group, uint16_t epoch,
                                       struct protect_aead_work *work, uint8_t *token);

#endif
