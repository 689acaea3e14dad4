/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guard.c - every sealed packet is looked at.
 */
#include "guard.h"

#include <stdlib.h>
#include <string.h>

struct guard_key {
	uint8_t key[CRYPTO_KEY_BYTES];
	uint8_t iv[CRYPTO_IV_BYTES];
	bool used;
	uint64_t last_pn;
};

/* The place of @p key: its own, or a free one; NULL when there is neither. */
static struct guard_key *
place(struct guard *guard, const struct crypto_key *key)
{
	uint64_t at;

	memcpy(&at, key->key, sizeof(at)); /* keys are random, so they are their own hash */
	for (uint64_t i = 0; i < guard->nb_places; i++) {
		struct guard_key *k = &guard->keys[(at + i) & (guard->nb_places - 1)];

		if (!k->used || memcmp(k->key, key->key, sizeof(k->key)) == 0)
			return k;
	}
	return NULL;
}

static void
look(struct guard *guard, const struct crypto_op *op)
{
	struct guard_key *k = place(guard, op->key);

	guard->nb_seals++;
	if (k == NULL) {
		guard->full = true;
		return;
	}
	if (!k->used) {
		memcpy(k->key, op->key->key, sizeof(k->key));
		memcpy(k->iv, op->key->iv, sizeof(k->iv));
		k->used = true;
		guard->nb_keys++;
	} else {
		guard->nb_repeats += op->pn <= k->last_pn;
		guard->nb_iv_changes += memcmp(k->iv, op->key->iv, sizeof(k->iv)) != 0;
	}
	k->last_pn = op->pn;
}

static void
guard_seal(void *ctx, struct crypto_op *ops, unsigned nb)
{
	struct guard *guard = ctx;

	for (unsigned i = 0; i < nb; i++)
		look(guard, &ops[i]);
	guard->real->seal(guard->real->ctx, ops, nb);
}

/* The rest goes through as it is. */
static void
guard_open(void *ctx, struct crypto_op *ops, unsigned nb)
{
	const struct guard *guard = ctx;

	guard->real->open(guard->real->ctx, ops, nb);
}

static void
guard_hash(void *ctx, const struct crypto_bytes *parts, unsigned nb,
           uint8_t ret_hash[CRYPTO_HASH_BYTES])
{
	const struct guard *guard = ctx;

	guard->real->hash(guard->real->ctx, parts, nb, ret_hash);
}

static void
guard_mac(void *ctx, const uint8_t key[CRYPTO_PSK_BYTES], const struct crypto_bytes *parts,
          unsigned nb, uint8_t ret_mac[CRYPTO_MAC_BYTES])
{
	const struct guard *guard = ctx;

	guard->real->mac(guard->real->ctx, key, parts, nb, ret_mac);
}

static int
guard_token_seal(void *ctx, const struct crypto_token *token,
                 const uint8_t nonce[CRYPTO_NONCE_BYTES], uint8_t ret_token[CRYPTO_TOKEN_BYTES])
{
	const struct guard *guard = ctx;

	return guard->real->token_seal(guard->real->ctx, token, nonce, ret_token);
}

static int
guard_token_open(void *ctx, const uint8_t token[CRYPTO_TOKEN_BYTES], uint64_t now_unix_ms,
                 struct crypto_token *ret_token)
{
	const struct guard *guard = ctx;

	return guard->real->token_open(guard->real->ctx, token, now_unix_ms, ret_token);
}

static void
guard_hkdf_extract(void *ctx, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
                   uint8_t ret_prk[CRYPTO_SECRET_BYTES])
{
	const struct guard *guard = ctx;

	guard->real->hkdf_extract(guard->real->ctx, salt, salt_len, ikm, ikm_len, ret_prk);
}

static void
guard_hkdf_expand(void *ctx, const uint8_t prk[CRYPTO_SECRET_BYTES], const void *label,
                  size_t label_len, uint8_t *ret, size_t len)
{
	const struct guard *guard = ctx;

	guard->real->hkdf_expand(guard->real->ctx, prk, label, label_len, ret, len);
}

static int
guard_dh_keygen(void *ctx, const uint8_t seed[32], uint8_t ret_priv[CRYPTO_PRIV_BYTES],
                uint8_t ret_pub[CRYPTO_PUB_BYTES])
{
	const struct guard *guard = ctx;

	return guard->real->dh_keygen(guard->real->ctx, seed, ret_priv, ret_pub);
}

static int
guard_dh(void *ctx, const uint8_t priv[CRYPTO_PRIV_BYTES], const uint8_t peer_pub[CRYPTO_PUB_BYTES],
         uint8_t ret_shared[CRYPTO_SHARED_BYTES])
{
	const struct guard *guard = ctx;

	return guard->real->dh(guard->real->ctx, priv, peer_pub, ret_shared);
}

static void
guard_key_release(void *ctx, struct crypto_key *key)
{
	const struct guard *guard = ctx;

	guard->real->key_release(guard->real->ctx, key);
}

bool
guard_init(struct guard *guard, const struct crypto_provider *real, uint64_t max_keys)
{
	memset(guard, 0, sizeof(*guard));
	guard->nb_places = 1024;
	while (guard->nb_places < 2 * max_keys)
		guard->nb_places *= 2;
	guard->keys = calloc(guard->nb_places, sizeof(*guard->keys));
	guard->real = real;
	guard->provider = (struct crypto_provider){
		.name = real->name,
		.is_null = real->is_null,
		.ctx = guard,
		.hash = guard_hash,
		.mac = guard_mac,
		.token_seal = guard_token_seal,
		.token_open = guard_token_open,
		.seal = guard_seal,
		.open = guard_open,
		.hkdf_extract = guard_hkdf_extract,
		.hkdf_expand = guard_hkdf_expand,
		.dh_keygen = guard_dh_keygen,
		.dh = guard_dh,
		.key_release = guard_key_release,
	};
	return guard->keys != NULL;
}

void
guard_fini(struct guard *guard)
{
	free(guard->keys);
	guard->keys = NULL;
}

bool
guard_notices(const struct crypto_provider *real)
{
	static const uint64_t numbers[] = { 5, 6, 6, 7, 3, 8 }; /* 6 again; 3 falls back */
	struct crypto_key key = { .key = { 1 }, .iv = { 2 } }, twin;
	uint8_t aad[32] = { 0 }, tag[CRYPTO_TAG_BYTES];
	struct crypto_op op = { .key = &key, .aad = aad, .aad_len = sizeof(aad), .tag = tag };
	struct guard guard;

	if (!guard_init(&guard, real, 10))
		return false;
	for (unsigned i = 0; i < AEF_DIM(numbers); i++) {
		op.pn = numbers[i];
		guard.provider.seal(&guard, &op, 1);
	}
	bool good = guard.nb_keys == 1 && guard.nb_repeats == 2 && guard.nb_iv_changes == 0;

	twin = key; /* the same key in another object, as after a restart from one seed */
	twin.slot = 0;
	op.key = &twin;
	op.pn = 0;
	guard.provider.seal(&guard, &op, 1);
	good = good && guard.nb_keys == 1 && guard.nb_repeats == 3;
	twin.iv[0] ^= 1;
	op.pn = 100;
	guard.provider.seal(&guard, &op, 1);
	good = good && guard.nb_iv_changes == 1;
	real->key_release(real->ctx, &twin);
	real->key_release(real->ctx, &key);
	guard_fini(&guard);
	return good;
}
