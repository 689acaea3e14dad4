/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hash_priv.h - SHA-256, HMAC and HKDF over OpenSSL's compression function.
 *
 * Source:  FIPS 180-4; RFC 2104; RFC 5869. Why OpenSSL and not ipsec-mb: docs/adr/0012.
 * Context: any thread; no state between calls, nothing secret left behind.
 */
#ifndef PROTECT_HASH_PRIV_H
#define PROTECT_HASH_PRIV_H

#include <crypto/provider.h>

/** Longest HMAC key taken as it is; a longer one is hashed first. */
#define PROTECT_HMAC_BLOCK_BYTES 64u

/** SHA-256 of the concatenated parts. */
void protect_sha256(const struct crypto_bytes *parts, unsigned nb,
                    uint8_t ret_hash[CRYPTO_HASH_BYTES]);

/** HMAC-SHA-256 of the concatenated parts, all 32 bytes. */
void protect_hmac(const void *key, size_t key_len, const struct crypto_bytes *parts, unsigned nb,
                  uint8_t ret_mac[CRYPTO_HASH_BYTES]);

/** HKDF-Expand; @p len at most CRYPTO_EXPAND_MAX_BYTES. */
void protect_hkdf_expand(const uint8_t prk[CRYPTO_SECRET_BYTES], const void *label,
                         size_t label_len, uint8_t *ret, size_t len);

#endif
