/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cache_priv.h - expanded traffic keys of one provider, in secret memory.
 *
 * A crypto_key's slot is its place in the cache plus one. The cache remembers the address of the
 * key that a place belongs to and never writes through it: a key that was evicted notices when it
 * is used next, because the place belongs to another one, and is expanded again.
 *
 * Context: the thread of the provider.
 */
#ifndef PROTECT_CACHE_PRIV_H
#define PROTECT_CACHE_PRIV_H

#include "aead_priv.h"

/* Links of the list of use and of the free list; 16 bytes, so that four stand in a cache line. */
struct protect_cache_link {
	const struct crypto_key *owner; /* NULL: free. Compared, never followed */
	uint32_t prev, next;            /* places; the last one of the array is the list's head */
};

struct protect_cache {
	struct protect_aead_key *keys;    /* nb of them, in secret memory; owned */
	struct protect_cache_link *links; /* nb + 1, behind the keys */
	size_t bytes;
	uint32_t nb;
	uint32_t free;              /* place of the first free one, linked by `next`; nb: none */
	uint64_t expanded, evicted; /* how often; for tests and tuning */
};

/** @return 0, AEF_ERR_INVALID (@p nb is 0 or over 2^22), AEF_ERR_NOMEM, AEF_ERR_LIMIT */
AEF_MUST_CHECK int protect_cache_init(struct protect_cache *cache, uint32_t nb);

/** Wipe and free; a zeroed cache is accepted. */
void protect_cache_fini(struct protect_cache *cache);

/** The expansion of @p key, made if need be; valid until the next call. */
const struct protect_aead_key *protect_cache_get(struct protect_cache *cache,
                                                 struct crypto_key *key);

/** Wipe the expansion of @p key, if it is there, and set its slot to 0. */
void protect_cache_release(struct protect_cache *cache, struct crypto_key *key);

#endif
