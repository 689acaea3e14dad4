/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cache_test.c - expanded keys: each key gets its own expansion, whatever was evicted, released or
 * moved before.
 */
#include <base/err.h>
#include <base/rng.h>

#include "cache_priv.h"
#include "harness.h"

static struct protect_cache cache;

static void
start(uint32_t nb)
{
	ck_assert_int_eq(protect_aead_init(), 0);
	ck_assert_int_eq(protect_cache_init(&cache, nb), 0);
}

static void
set_key(struct crypto_key *key, uint8_t value)
{
	memset(key, value, sizeof(*key));
	key->slot = 0;
}

/* The expansion got is that of this key: its first round keys are the key. */
static void
use(struct crypto_key *key)
{
	const struct protect_aead_key *got = protect_cache_get(&cache, key);

	ck_assert_mem_eq(got->data.expanded_keys, key->key, CRYPTO_KEY_BYTES);
	ck_assert_uint_ne(key->slot, 0);
}

static bool
holds(const struct crypto_key *key)
{
	const uint32_t at = key->slot - 1;

	return at < cache.nb && cache.links[at].owner == key;
}

START_TEST(cache_evicts_the_key_used_longest_ago)
{
	struct crypto_key keys[4];

	start(3);
	for (unsigned i = 0; i < 4; i++)
		set_key(&keys[i], (uint8_t)(1 + i));
	use(&keys[0]);
	use(&keys[1]);
	use(&keys[2]);
	use(&keys[0]);
	use(&keys[3]);

	ck_assert(holds(&keys[0]) && !holds(&keys[1]) && holds(&keys[2]) && holds(&keys[3]));
	ck_assert_uint_eq(cache.evicted, 1);
	use(&keys[1]); /* comes back in place of 2 */
	ck_assert(holds(&keys[0]) && holds(&keys[1]) && !holds(&keys[2]) && holds(&keys[3]));
	ck_assert_uint_eq(cache.expanded, 5);
	protect_cache_fini(&cache);
}
END_TEST

/* A model keeps the keys in order of use. */
START_TEST(cache_agrees_with_a_list_of_uses_over_random_calls)
{
	enum { NB_KEYS = 40, NB = 16 };
	struct crypto_key keys[NB_KEYS];
	struct crypto_key *order[NB_KEYS];
	unsigned nb = 0;
	struct aef_rng rng;

	start(NB);
	aef_rng_init(&rng, 3);
	for (unsigned i = 0; i < NB_KEYS; i++)
		set_key(&keys[i], (uint8_t)(i + 1));
	for (unsigned round = 0; round < 20000; round++) {
		struct crypto_key *key = &keys[aef_rng_below(&rng, NB_KEYS)];
		const bool release = aef_rng_below(&rng, 8) == 0;
		unsigned at = 0;

		while (at < nb && order[at] != key)
			at++;
		ck_assert_int_eq(holds(key), at < nb);
		if (release)
			protect_cache_release(&cache, key);
		else
			use(key);
		if (at < nb)
			memmove(&order[at], &order[at + 1], (--nb - at) * sizeof(order[0]));
		if (release) {
			ck_assert_uint_eq(key->slot, 0);
			continue;
		}
		memmove(&order[1], &order[0], nb * sizeof(order[0]));
		order[0] = key;
		nb = nb < NB ? nb + 1 : NB;
	}
	protect_cache_fini(&cache);
}
END_TEST

START_TEST(cache_wipes_what_is_released)
{
	static const struct protect_aead_key zero;
	struct crypto_key key, other;

	start(2);
	set_key(&key, 9);
	set_key(&other, 8);
	use(&key);
	use(&other);
	const struct protect_aead_key *place = &cache.keys[key.slot - 1];

	ck_assert_mem_ne(place, &zero, sizeof(zero));
	protect_cache_release(&cache, &key);
	ck_assert_mem_eq(place, &zero, sizeof(zero));
	protect_cache_release(&cache, &key); /* a slot of 0 is accepted */
	ck_assert(holds(&other));
	protect_cache_fini(&cache);
}
END_TEST

START_TEST(cache_gives_a_copied_or_stale_slot_nobody_elses_key)
{
	struct crypto_key a, b, copy, wild;

	start(1);
	set_key(&a, 1);
	set_key(&b, 2);
	use(&a);
	copy = a; /* against the rule: with its slot */
	use(&copy);
	ck_assert(!holds(&a));
	use(&b);
	protect_cache_release(&cache, &copy); /* evicted: must not take b's place away */
	ck_assert(holds(&b));
	set_key(&wild, 3);
	wild.slot = UINT32_MAX;
	use(&wild);
	protect_cache_fini(&cache);
}
END_TEST

START_TEST(cache_of_no_keys_or_too_many_is_refused)
{
	ck_assert_int_eq(protect_cache_init(&cache, 0), AEF_ERR_INVALID);
	ck_assert_int_eq(protect_cache_init(&cache, (1u << 22) + 1), AEF_ERR_INVALID);
	protect_cache_fini(&cache);
}
END_TEST

TEST_SUITE(cache, &cache_evicts_the_key_used_longest_ago,
           &cache_agrees_with_a_list_of_uses_over_random_calls, &cache_wipes_what_is_released,
           &cache_gives_a_copied_or_stale_slot_nobody_elses_key,
           &cache_of_no_keys_or_too_many_is_refused)
