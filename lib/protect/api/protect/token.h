/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protect/token.h - issuing connect tokens: what CreateSession, aetherctl, the lab and tests call.
 *
 * Source:  docs/spec/quantum.md to.
 * Context: the thread of the provider.
 */
#ifndef PROTECT_TOKEN_H
#define PROTECT_TOKEN_H

#include <crypto/token.h>
#include <protect/provider.h>

/* What a client gets, over a channel that is encrypted already. Holds the psk: wipe it. */
struct protect_grant {
	uint8_t token[CRYPTO_TOKEN_BYTES];
	uint8_t psk[CRYPTO_PSK_BYTES];
	struct aef_guuid conn_id;
	struct aef_guuid session_id;
	uint64_t expires_ms;
};

/**
 * Issue a token under the current epoch of the provider's ring.
 *
 * @param want     session (zero: a new one is minted), tenant, subject, limits, capabilities,
 * address hint, session_epoch; epoch, group, nonce, psk, conn_id and times are made here
 * @param life_ms  0: CRYPTO_TOKEN_LIFE_DEFAULT_MS
 * @param now_unix_ms wall clock
 * @return 0; AEF_ERR_INVALID: life over 120 s or a bad address hint; AEF_ERR_NOTFOUND: no key;
 *         AEF_ERR_LIMIT: 2^31 tokens were sealed under this key by this process; AEF_ERR_IO: no
 * random
 */
AEF_MUST_CHECK int protect_token_issue(struct protect *protect, const struct crypto_token *want,
                                       uint32_t life_ms, uint64_t now_unix_ms,
                                       struct protect_grant *ret_grant);

#endif
