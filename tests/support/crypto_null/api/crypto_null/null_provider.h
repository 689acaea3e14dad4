/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crypto_null/null_provider.h - a provider whose values have the right shape and protect nothing.
 *
 * Text stays clear; the tag is a keyed SipHash-2-4-128 over nonce, associated data and text, so
 * corruption and a wrong key or number are still found. Hash, MAC, HKDF, key agreement and tokens
 * are built from SipHash and small arithmetic: both sides agree, anybody can compute them.
 * For tests only; a release refuses the object null_provider.o.
 *
 * Source:  docs/adr/0008-null-provider.md; base/siphash.h.
 * Context: any thread: no state.
 */
#ifndef CRYPTO_NULL_NULL_PROVIDER_H
#define CRYPTO_NULL_NULL_PROVIDER_H

#include <crypto/provider.h>

/** The null provider; static storage, is_null is true, ctx is NULL. Accepts every token epoch and
 * group. */
const struct crypto_provider *crypto_null_provider(void);

#endif
