/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cache.c - expanded traffic keys: list of use, eviction, wiping.
 */
#include <string.h>

#include <base/err.h>
#include <protect/mem.h>

#include "cache_priv.h"

#define NB_MAX (1u << 22) /* 4 GiB; also keeps place + 1 in 32 bits */

int
protect_cache_init(struct protect_cache *cache, uint32_t nb)
{
	void *mem;

	memset(cache, 0, sizeof(*cache));
	if (nb == 0 || nb > NB_MAX)
		return AEF_ERR_INVALID;
	const size_t key_bytes = (size_t)nb * sizeof(*cache->keys);
	const size_t bytes = key_bytes + ((size_t)nb + 1) * sizeof(*cache->links);
	const int rc = protect_mem_alloc(bytes, &mem);

	if (rc != 0)
		return rc;
	cache->keys = mem;
	cache->links = (void *)((uint8_t *)mem + key_bytes);
	cache->bytes = bytes;
	cache->nb = nb;
	for (uint32_t i = 0; i < nb; i++)
		cache->links[i].next = i + 1; /* all free; the last one ends the list with nb */
	cache->links[nb].prev = cache->links[nb].next = nb;
	return 0;
}

void
protect_cache_fini(struct protect_cache *cache)
{
	protect_mem_free(cache->keys, cache->bytes);
	memset(cache, 0, sizeof(*cache));
}

static void
unlink_place(struct protect_cache *cache, uint32_t at)
{
	struct protect_cache_link *link = &cache->links[at];

	cache->links[link->prev].next = link->next;
	cache->links[link->next].prev = link->prev;
}

/* Put a place to the front of the list of use. */
static void
link_first(struct protect_cache *cache, uint32_t at)
{
	struct protect_cache_link *head = &cache->links[cache->nb];

	cache->links[at].prev = cache->nb;
	cache->links[at].next = head->next;
	cache->links[head->next].prev = at;
	head->next = at;
}

/* A place for a new key: a free one, or that of the key used longest ago. */
static uint32_t
take_place(struct protect_cache *cache)
{
	uint32_t at = cache->free;

	if (at < cache->nb) {
		cache->free = cache->links[at].next;
		return at;
	}
	at = cache->links[cache->nb].prev;
	unlink_place(cache, at);
	cache->evicted++;
	return at; /* the old expansion is written over by the new one, all of it */
}

static const struct protect_aead_key *
expand(struct protect_cache *cache, struct crypto_key *key)
{
	const uint32_t at = take_place(cache);

	protect_aead_expand(key->key, &cache->keys[at]);
	cache->links[at].owner = key;
	link_first(cache, at);
	key->slot = at + 1;
	cache->expanded++;
	return &cache->keys[at];
}

AEF_HOT const struct protect_aead_key *
protect_cache_get(struct protect_cache *cache, struct crypto_key *key)
{
	const uint32_t at = key->slot - 1;

	/* Slot 0 becomes the largest number and fails the first comparison. */
	if (aef_unlikely(at >= cache->nb || cache->links[at].owner != key))
		return expand(cache, key);
	/* The first two round keys of AES-256 are the key itself. */
	aef_assert_hot(
		crypto_equal(cache->keys[at].data.expanded_keys, key->key, CRYPTO_KEY_BYTES));
	if (cache->links[cache->nb].next != at) {
		unlink_place(cache, at);
		link_first(cache, at);
	}
	return &cache->keys[at];
}

void
protect_cache_release(struct protect_cache *cache, struct crypto_key *key)
{
	const uint32_t at = key->slot - 1;

	key->slot = 0;
	if (at >= cache->nb || cache->links[at].owner != key)
		return; /* evicted meanwhile */
	unlink_place(cache, at);
	crypto_wipe(&cache->keys[at], sizeof(cache->keys[at]));
	cache->links[at].owner = NULL;
	cache->links[at].next = cache->free;
	cache->free = at;
}
