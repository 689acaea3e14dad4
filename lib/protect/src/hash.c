/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hash.c - SHA-256, HMAC and HKDF.
 *
 * OpenSSL's SHA256_* calls and not its EVP ones: they cannot fail, which a provider's void
 * functions rely on, and their state stands in our frame, where we wipe it; EVP keeps it on its
 * heap.
 */
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/sha.h>
#include <string.h>

#include "hash_priv.h"

#define IPAD 0x36u
#define OPAD 0x5cu

/* The two states of an HMAC after its key: a key that is used more than once is worked in once. */
struct hmac_key {
	SHA256_CTX inner;
	SHA256_CTX outer;
};

static void
update_parts(SHA256_CTX *sha, const struct crypto_bytes *parts, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++) {
		if (parts[i].len > 0)
			SHA256_Update(sha, parts[i].data, parts[i].len);
	}
}

/* Fill @p ret in one go, and wipe the state. */
static void
finish(SHA256_CTX *sha, uint8_t ret_hash[CRYPTO_HASH_BYTES])
{
	SHA256_Final(ret_hash, sha);
	crypto_wipe(sha, sizeof(*sha));
}

void
protect_sha256(const struct crypto_bytes *parts, unsigned nb, uint8_t ret_hash[CRYPTO_HASH_BYTES])
{
	SHA256_CTX sha;

	SHA256_Init(&sha);
	update_parts(&sha, parts, nb);
	finish(&sha, ret_hash);
}

static void
hmac_key_init(struct hmac_key *hmac, const void *key, size_t key_len)
{
	uint8_t block[PROTECT_HMAC_BLOCK_BYTES] = { 0 };

	if (key_len > sizeof(block)) {
		const struct crypto_bytes part = { key, key_len };

		protect_sha256(&part, 1, block);
	} else if (key_len > 0) {
		memcpy(block, key, key_len);
	}
	for (unsigned i = 0; i < sizeof(block); i++)
		block[i] ^= IPAD;
	SHA256_Init(&hmac->inner);
	SHA256_Update(&hmac->inner, block, sizeof(block));
	for (unsigned i = 0; i < sizeof(block); i++)
		block[i] ^= IPAD ^ OPAD;
	SHA256_Init(&hmac->outer);
	SHA256_Update(&hmac->outer, block, sizeof(block));
	crypto_wipe(block, sizeof(block));
}

static void
hmac_run(const struct hmac_key *hmac, const struct crypto_bytes *parts, unsigned nb,
         uint8_t ret_mac[CRYPTO_HASH_BYTES])
{
	SHA256_CTX sha = hmac->inner;
	uint8_t inner[CRYPTO_HASH_BYTES];

	update_parts(&sha, parts, nb);
	finish(&sha, inner);
	sha = hmac->outer;
	SHA256_Update(&sha, inner, sizeof(inner));
	finish(&sha, ret_mac);
	crypto_wipe(inner, sizeof(inner));
}

void
protect_hmac(const void *key, size_t key_len, const struct crypto_bytes *parts, unsigned nb,
             uint8_t ret_mac[CRYPTO_HASH_BYTES])
{
	struct hmac_key hmac;

	hmac_key_init(&hmac, key, key_len);
	hmac_run(&hmac, parts, nb, ret_mac);
	crypto_wipe(&hmac, sizeof(hmac));
}

void
protect_hkdf_expand(const uint8_t prk[CRYPTO_SECRET_BYTES], const void *label, size_t label_len,
                    uint8_t *ret, size_t len)
{
	struct hmac_key hmac;
	uint8_t block[CRYPTO_HASH_BYTES], counter = 1;

	aef_assert(label_len <= CRYPTO_LABEL_MAX_BYTES && len <= CRYPTO_EXPAND_MAX_BYTES);
	hmac_key_init(&hmac, prk, CRYPTO_SECRET_BYTES);
	for (size_t at = 0; at < len; counter++) {
		/* T(n) = HMAC(prk, T(n - 1) || info || n); T(0) is empty. */
		const struct crypto_bytes parts[3] = { { block, counter > 1 ? sizeof(block) : 0 },
			                               { label, label_len },
			                               { &counter, 1 } };
		const size_t take = len - at < sizeof(block) ? len - at : sizeof(block);

		hmac_run(&hmac, parts, AEF_DIM(parts), block);
		memcpy(ret + at, block, take);
		at += take;
	}
	crypto_wipe(block, sizeof(block));
	crypto_wipe(&hmac, sizeof(hmac));
}
