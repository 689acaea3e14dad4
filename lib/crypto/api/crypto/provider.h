/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crypto/provider.h - the interface behind which all cryptographic values are made, real or null.
 *
 * The protocol engine names keys, numbers and texts; a driver hands bursts of them to a provider.
 * A provider is a constant table of functions and a context; every call is synchronous, bounded in
 * time and free of hidden state that depends on the order of calls, except its cache of keys.
 *
 * Source:  RFC 5116 (AEAD), RFC 5869 (HKDF), RFC 7748 (X25519), RFC 2104 (HMAC); DESIGN section 4.
 * Units:   lengths are in bytes.
 * Context: one thread per `ctx`. Two contexts share nothing, so each lcore has its own. Pointers
 * are borrowed for the call. All inputs may come from a peer: no value makes a call assert.
 */
#ifndef CRYPTO_PROVIDER_H
#define CRYPTO_PROVIDER_H

#include <base/defs.h>

#define CRYPTO_TAG_BYTES    16u
#define CRYPTO_KEY_BYTES    32u
#define CRYPTO_IV_BYTES     12u
#define CRYPTO_NONCE_BYTES  12u
#define CRYPTO_PUB_BYTES    32u
#define CRYPTO_PRIV_BYTES   32u
#define CRYPTO_SHARED_BYTES 32u
#define CRYPTO_PSK_BYTES    32u
#define CRYPTO_MAC_BYTES    16u
#define CRYPTO_SECRET_BYTES 32u
#define CRYPTO_HASH_BYTES   32u
#define CRYPTO_TOKEN_BYTES  188u

/** Most bytes of one hkdf_expand(), and of its label. */
#define CRYPTO_EXPAND_MAX_BYTES 255u
#define CRYPTO_LABEL_MAX_BYTES  64u

/** A traffic key as the schedule derives it. Copying the structure is allowed only while slot is 0.
 */
struct crypto_key {
	uint8_t key[CRYPTO_KEY_BYTES];
	uint8_t iv[CRYPTO_IV_BYTES];
	uint32_t slot; /* the provider's own: its cache of the expanded key; 0 = none */
};

/**
 * One packet to protect or to open, in place.
 *
 * The nonce is iv XOR (four zero bytes followed by pn, big-endian). The caller guarantees that one
 * key never seals twice under one pn.
 */
struct crypto_op {
	struct crypto_key *key; /* borrowed; only `slot` is written */
	uint64_t pn;            /* packet number, all 64 bits */
	const uint8_t *aad; /* header and SACK blocks as they are on the wire; NULL when empty */
	uint32_t aad_len;
	uint32_t text_len;
	uint8_t *text; /* plaintext becomes ciphertext or the reverse; NULL when empty */
	uint8_t *tag;  /* CRYPTO_TAG_BYTES: written by seal, read by open */
	bool ok;       /* written by open: the tag verified */
};

/** One part of a message that is hashed as the concatenation of its parts. */
struct crypto_bytes {
	const void *data; /* may be NULL when len is 0 */
	size_t len;
};

struct crypto_token;

struct crypto_provider {
	const char *name; /* for the start-up line and the statistics; static storage */
	bool is_null;     /* values protect nothing: a release refuses to link or start with it */
	void *ctx;        /* passed to every call; owned by whoever made the provider */

	/** Seal @p nb packets; cannot fail. Ops may use different keys; their order has no meaning.
	 */
	void (*seal)(void *ctx, struct crypto_op *ops, unsigned nb);

	/**
	 * Open @p nb packets and set `ok` of each. The comparison takes the same time wherever a
	 * tag differs. Where `ok` is false the text is undefined and must not be read.
	 */
	void (*open)(void *ctx, struct crypto_op *ops, unsigned nb);

	/** Hash (SHA-256) of the concatenated parts. */
	void (*hash)(void *ctx, const struct crypto_bytes *parts, unsigned nb,
	             uint8_t ret_hash[CRYPTO_HASH_BYTES]);

	/** HMAC-SHA-256 of the concatenated parts, truncated to 16 bytes. Compare with
	 * crypto_equal(). */
	void (*mac)(void *ctx, const uint8_t key[CRYPTO_PSK_BYTES],
	            const struct crypto_bytes *parts, unsigned nb,
	            uint8_t ret_mac[CRYPTO_MAC_BYTES]);

	/** HKDF-Extract (RFC 5869 section 2.2). */
	void (*hkdf_extract)(void *ctx, const void *salt, size_t salt_len, const void *ikm,
	                     size_t ikm_len, uint8_t ret_prk[CRYPTO_SECRET_BYTES]);

	/**
	 * HKDF-Expand (RFC 5869 section 2.3) with @p label as info.
	 *
	 * @param label_len at most CRYPTO_LABEL_MAX_BYTES (longer is a bug of ours)
	 * @param ret       @p len bytes, at most CRYPTO_EXPAND_MAX_BYTES; must not overlap @p prk
	 */
	void (*hkdf_expand)(void *ctx, const uint8_t prk[CRYPTO_SECRET_BYTES], const void *label,
	                    size_t label_len, uint8_t *ret, size_t len);

	/**
	 * Key pair of X25519 from 32 random bytes of the caller.
	 *
	 * @return 0, or AEF_ERR_IO when the library failed (outputs are then undefined)
	 */
	int (*dh_keygen)(void *ctx, const uint8_t seed[32], uint8_t ret_priv[CRYPTO_PRIV_BYTES],
	                 uint8_t ret_pub[CRYPTO_PUB_BYTES]);

	/**
	 * Shared value of X25519. Slow (about 41 us): never on a transport lcore's fast path.
	 *
	 * @return 0; AEF_ERR_AUTH when the result is all zero (a low-order public key), with
	 * nothing written; AEF_ERR_IO when the library failed
	 */
	int (*dh)(void *ctx, const uint8_t priv[CRYPTO_PRIV_BYTES],
	          const uint8_t peer_pub[CRYPTO_PUB_BYTES],
	          uint8_t ret_shared[CRYPTO_SHARED_BYTES]);

	/**
	 * Seal a connect token under the key of (token->group, token->epoch).
	 *
	 * @param token its `nonce` field is ignored
	 * @param nonce random and never used before under that key
	 * @return 0; AEF_ERR_NOTFOUND when there is no such key here; AEF_ERR_INVALID when a field
	 * is out of its range (crypto_token_body_encode())
	 */
	int (*token_seal)(void *ctx, const struct crypto_token *token,
	                  const uint8_t nonce[CRYPTO_NONCE_BYTES],
	                  uint8_t ret_token[CRYPTO_TOKEN_BYTES]);

	/**
	 * Open and check a connect token; consumes nothing.
	 *
	 * @param now_unix_ms wall clock
	 * @return 0; AEF_ERR_NOTFOUND: no key of that epoch and group; AEF_ERR_DENIED: that epoch
	 * is revoked; AEF_ERR_AUTH: the tag is wrong; AEF_ERR_MALFORMED: fields or reserved bytes
	 * break the format; AEF_ERR_TIMEOUT: expired or not valid yet. @p ret_token is written only
	 * on 0.
	 */
	int (*token_open)(void *ctx, const uint8_t token[CRYPTO_TOKEN_BYTES], uint64_t now_unix_ms,
	                  struct crypto_token *ret_token);

	/** Forget the cached expansion of @p key and set its slot to 0; a slot of 0 is accepted. */
	void (*key_release)(void *ctx, struct crypto_key *key);
};

/** Overwrite @p len bytes with zeros in a way that the compiler cannot drop. */
void crypto_wipe(void *mem, size_t len);

/** True when @p len bytes are equal; the time taken depends on @p len only. */
AEF_MUST_CHECK bool crypto_equal(const void *a, const void *b, size_t len);

/** Nonce of packet @p pn under @p iv: iv XOR (0^4 || pn big-endian). */
static inline void
crypto_nonce(const uint8_t iv[CRYPTO_IV_BYTES], uint64_t pn, uint8_t ret_nonce[CRYPTO_NONCE_BYTES])
{
	for (unsigned i = 0; i < 4; i++)
		ret_nonce[i] = iv[i];
	for (unsigned i = 0; i < 8; i++)
		ret_nonce[4 + i] = (uint8_t)(iv[4 + i] ^ (pn >> (56 - 8 * i)));
}

#endif
