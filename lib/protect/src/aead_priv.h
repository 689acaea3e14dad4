/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aead_priv.h - AES-256-GCM by ipsec-mb: one packet at a time, with an expanded key.
 *
 * Source:  NIST SP 800-38D; intel-ipsec-mb.h (direct GCM calls).
 * Context: any thread. The library's table of functions is made once per process and then only
 * read. Expanded keys and work areas belong in secret memory.
 */
#ifndef PROTECT_AEAD_PRIV_H
#define PROTECT_AEAD_PRIV_H

/* Without the names of its version 0.53, some of which collide with OpenSSL's. */
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>

#include <crypto/provider.h>

/** Bytes that GCM adds for itself: expanded round keys and powers of the hash key. */
struct protect_aead_key {
	alignas(AEF_CACHE_LINE) struct gcm_key_data data;
};

/** What one call leaves behind: counters, the hash so far, a block of key stream, the tag. */
struct protect_aead_work {
	alignas(AEF_CACHE_LINE) struct gcm_context_data gcm;
	uint8_t tag[CRYPTO_TAG_BYTES];
	uint8_t nonce[CRYPTO_NONCE_BYTES];
};

/** One text with its associated data, in place. */
struct protect_aead_text {
	const uint8_t *aad;
	uint8_t *text;
	uint32_t aad_len;
	uint32_t text_len;
};

/**
 * Find the fastest code for this CPU; the first call of the process decides.
 *
 * @return 0; AEF_ERR_UNSUPPORTED: no AES or no carry-less multiply; AEF_ERR_NOMEM
 */
AEF_MUST_CHECK int protect_aead_init(void);

/** True when @p features (IMB_FEATURE_*) are enough. */
bool protect_aead_features_ok(uint64_t features);

/** "SSE", "AVX", "AVX2" or "AVX512": which code protect_aead_init() took. */
const char *protect_aead_arch(void);

/** Expand @p key. */
void protect_aead_expand(const uint8_t key[CRYPTO_KEY_BYTES], struct protect_aead_key *ret_key);

/** Seal @p text under @p work->nonce; the tag goes to @p ret_tag. */
void protect_aead_seal(const struct protect_aead_key *key, struct protect_aead_work *work,
                       const struct protect_aead_text *text, uint8_t ret_tag[CRYPTO_TAG_BYTES]);

/**
 * Open @p text under @p work->nonce and compare with @p tag in constant time.
 *
 * @return true when it verified; otherwise the text must not be read
 */
AEF_MUST_CHECK bool protect_aead_open(const struct protect_aead_key *key,
                                      struct protect_aead_work *work,
                                      const struct protect_aead_text *text,
                                      const uint8_t tag[CRYPTO_TAG_BYTES]);

#endif
