/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * null_provider.c - every function of a provider from SipHash and 61-bit arithmetic. Protects
 * nothing.
 */
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <base/siphash.h>
#include <crypto/token.h>
#include <crypto_null/null_provider.h>

#define DIGEST_BYTES 16u

/* The Mersenne prime 2^61 - 1; 37 generates its multiplicative group. */
#define DH_PRIME     ((1ull << 61) - 1)
#define DH_GENERATOR 37u

/* Not a secret: one key for all tokens, known to everybody. */
static const uint8_t token_key[CRYPTO_KEY_BYTES] = "aetherflow null provider, public";

/* A SipHash that depends on all 32 bytes of @p key: half as its key, half as its first input. */
static void
keyed_init(struct aef_siphash *sip, const uint8_t key[CRYPTO_KEY_BYTES])
{
	aef_siphash_init(sip, key, true);
	aef_siphash_update(sip, key + DIGEST_BYTES, CRYPTO_KEY_BYTES - DIGEST_BYTES);
}

/* Feed a part with its length, so that parts cannot be shifted into each other. */
static void
feed(struct aef_siphash *sip, const void *data, size_t len)
{
	uint8_t len_bytes[8];

	aef_store_be64(len_bytes, len);
	aef_siphash_update(sip, len_bytes, sizeof(len_bytes));
	if (len > 0)
		aef_siphash_update(sip, data, len);
}

static void
checksum(const struct crypto_op *op, uint8_t ret_tag[CRYPTO_TAG_BYTES])
{
	struct aef_siphash sip;
	uint8_t nonce[CRYPTO_NONCE_BYTES];
	/* Planted bug 3 for `make canary`: the tag no longer tells numbers 2^32 apart. */
	const uint64_t pn = AEF_PLANT == 3 ? (uint32_t)op->pn : op->pn;

	crypto_nonce(op->key->iv, pn, nonce);
	keyed_init(&sip, op->key->key);
	feed(&sip, nonce, sizeof(nonce));
	feed(&sip, op->aad, op->aad_len);
	feed(&sip, op->text, op->text_len);
	aef_siphash_final128(&sip, ret_tag);
}

static void
null_seal(void *ctx, struct crypto_op *ops, unsigned nb)
{
	(void)ctx;
	for (unsigned i = 0; i < nb; i++)
		checksum(&ops[i], ops[i].tag);
}

static void
null_open(void *ctx, struct crypto_op *ops, unsigned nb)
{
	uint8_t tag[CRYPTO_TAG_BYTES];

	(void)ctx;
	for (unsigned i = 0; i < nb; i++) {
		checksum(&ops[i], tag);
		ops[i].ok = crypto_equal(tag, ops[i].tag, sizeof(tag));
	}
}

/* Digest of any length up to 255 x 16 bytes of concatenated parts under a 32-byte key. */
static void
digest(const uint8_t key[CRYPTO_KEY_BYTES], const struct crypto_bytes *parts, unsigned nb,
       uint8_t *ret, size_t len)
{
	for (uint8_t block = 1; len > 0; block++) {
		struct aef_siphash sip;
		uint8_t out[DIGEST_BYTES];
		const size_t take = aef_min_u64(len, sizeof(out));

		keyed_init(&sip, key);
		aef_siphash_update(&sip, &block, 1);
		for (unsigned i = 0; i < nb; i++) {
			if (parts[i].len > 0)
				aef_siphash_update(&sip, parts[i].data, parts[i].len);
		}
		aef_siphash_final128(&sip, out);
		memcpy(ret, out, take);
		ret += take;
		len -= take;
	}
}

static void
null_hash(void *ctx, const struct crypto_bytes *parts, unsigned nb,
          uint8_t ret_hash[CRYPTO_HASH_BYTES])
{
	(void)ctx;
	digest(token_key, parts, nb, ret_hash, CRYPTO_HASH_BYTES);
}

static void
null_mac(void *ctx, const uint8_t key[CRYPTO_PSK_BYTES], const struct crypto_bytes *parts,
         unsigned nb, uint8_t ret_mac[CRYPTO_MAC_BYTES])
{
	(void)ctx;
	digest(key, parts, nb, ret_mac, CRYPTO_MAC_BYTES);
}

static void
null_hkdf_extract(void *ctx, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
                  uint8_t ret_prk[CRYPTO_SECRET_BYTES])
{
	const struct crypto_bytes salt_part = { salt, salt_len }, ikm_part = { ikm, ikm_len };
	uint8_t key[CRYPTO_KEY_BYTES];

	null_hash(ctx, &salt_part, 1, key);
	digest(key, &ikm_part, 1, ret_prk, CRYPTO_SECRET_BYTES);
}

static void
null_hkdf_expand(void *ctx, const uint8_t prk[CRYPTO_SECRET_BYTES], const void *label,
                 size_t label_len, uint8_t *ret, size_t len)
{
	const struct crypto_bytes part = { label, label_len };

	(void)ctx;
	aef_assert(label_len <= CRYPTO_LABEL_MAX_BYTES && len <= CRYPTO_EXPAND_MAX_BYTES);
	digest(prk, &part, 1, ret, len);
}

/* a * b mod 2^61 - 1, for a and b below 2^61. */
static uint64_t
dh_mul(uint64_t a, uint64_t b)
{
	const aef_u128 product = (aef_u128)a * b;
	const uint64_t sum = (uint64_t)(product & DH_PRIME) + (uint64_t)(product >> 61);

	return sum >= DH_PRIME ? sum - DH_PRIME : sum;
}

static uint64_t
dh_pow(uint64_t base, uint64_t exponent)
{
	uint64_t result = 1;

	for (; exponent > 0; exponent >>= 1) {
		if (exponent & 1)
			result = dh_mul(result, base);
		base = dh_mul(base, base);
	}
	return result;
}

/* The exponent in a private key: 60 bits, never 0. */
static uint64_t
dh_exponent(const uint8_t priv[CRYPTO_PRIV_BYTES])
{
	return (aef_load_be64(priv) & ((1ull << 60) - 1)) | 1;
}

static int
null_dh_keygen(void *ctx, const uint8_t seed[32], uint8_t ret_priv[CRYPTO_PRIV_BYTES],
               uint8_t ret_pub[CRYPTO_PUB_BYTES])
{
	const struct crypto_bytes part = { seed, 32 };
	uint8_t pub[CRYPTO_PUB_BYTES] = { 0 };

	null_hash(ctx, &part, 1, ret_priv);
	aef_store_be64(pub, dh_pow(DH_GENERATOR, dh_exponent(ret_priv)));
	memcpy(ret_pub, pub, sizeof(pub));
	return 0;
}

static int
null_dh(void *ctx, const uint8_t priv[CRYPTO_PRIV_BYTES], const uint8_t peer_pub[CRYPTO_PUB_BYTES],
        uint8_t ret_shared[CRYPTO_SHARED_BYTES])
{
	const uint64_t peer = aef_load_be64(peer_pub);
	uint8_t value[8];
	const struct crypto_bytes part = { value, sizeof(value) };

	/* 0, 1 and p - 1 generate nothing: they stand for X25519's low-order points. */
	if (peer <= 1 || peer >= DH_PRIME - 1)
		return AEF_ERR_AUTH;
	aef_store_be64(value, dh_pow(peer, dh_exponent(priv)));
	null_hash(ctx, &part, 1, ret_shared);
	return 0;
}

static void
token_tag(const uint8_t token[CRYPTO_TOKEN_BYTES], uint8_t ret_tag[CRYPTO_TAG_BYTES])
{
	const struct crypto_bytes part = { token, CRYPTO_TOKEN_TAG_AT };

	digest(token_key, &part, 1, ret_tag, CRYPTO_TAG_BYTES);
}

static int
null_token_seal(void *ctx, const struct crypto_token *token,
                const uint8_t nonce[CRYPTO_NONCE_BYTES], uint8_t ret_token[CRYPTO_TOKEN_BYTES])
{
	const int rc = crypto_token_body_encode(token, ret_token + CRYPTO_TOKEN_BODY_AT);

	(void)ctx;
	if (rc != 0)
		return rc;
	crypto_token_clear_encode(token, ret_token);
	memcpy(ret_token + CRYPTO_TOKEN_NONCE_AT, nonce, CRYPTO_NONCE_BYTES);
	token_tag(ret_token, ret_token + CRYPTO_TOKEN_TAG_AT);
	return 0;
}

static int
null_token_open(void *ctx, const uint8_t token[CRYPTO_TOKEN_BYTES], uint64_t now_unix_ms,
                struct crypto_token *ret_token)
{
	struct crypto_token opened = { 0 };
	uint8_t tag[CRYPTO_TAG_BYTES];
	int rc;

	(void)ctx;
	if ((rc = crypto_token_clear_decode(token, &opened)) != 0)
		return rc;
	token_tag(token, tag);
	if (!crypto_equal(tag, token + CRYPTO_TOKEN_TAG_AT, sizeof(tag)))
		return AEF_ERR_AUTH;
	if ((rc = crypto_token_body_decode(token + CRYPTO_TOKEN_BODY_AT, &opened)) != 0 ||
	    (rc = crypto_token_check_time(&opened, now_unix_ms)) != 0)
		return rc;
	*ret_token = opened;
	return 0;
}

static void
null_key_release(void *ctx, struct crypto_key *key)
{
	(void)ctx;
	key->slot = 0;
}

/* A program that links this object is refused as a release. */
const char aef_test_only_null_provider[] = "null protection";

static const struct crypto_provider provider = {
	.name = "null",
	.is_null = true,
	.seal = null_seal,
	.open = null_open,
	.hash = null_hash,
	.mac = null_mac,
	.hkdf_extract = null_hkdf_extract,
	.hkdf_expand = null_hkdf_expand,
	.dh_keygen = null_dh_keygen,
	.dh = null_dh,
	.token_seal = null_token_seal,
	.token_open = null_token_open,
	.key_release = null_key_release,
};

const struct crypto_provider *
crypto_null_provider(void)
{
	return &provider;
}
