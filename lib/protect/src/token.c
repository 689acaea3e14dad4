/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * token.c - issuing connect tokens.
 */
#include <string.h>

#include <base/err.h>
#include <protect/mem.h>
#include <protect/token.h>

#include "provider_priv.h"

/* A ring changes its current epoch while we seal at most this often in practice: once. */
#define TRIES 4

/* Fill the fields that the issuer decides; @p token holds what the caller wants. */
static int
complete(struct protect *p, uint32_t life_ms, uint64_t now_unix_ms, struct crypto_token *token)
{
	static const struct aef_guuid zero;
	int rc;

	token->group = protect_ring_group(p->ring);
	token->issued_ms = now_unix_ms;
	token->expires_ms = aef_add_sat_u64(now_unix_ms, life_ms);
	if (aef_guuid_eq(&token->session_id, &zero))
		token->session_id = aef_guuid_next(&p->ids, now_unix_ms);
	token->conn_id = aef_guuid_next(&p->ids, now_unix_ms);
	if ((rc = protect_random(token->nonce, sizeof(token->nonce))) != 0)
		return rc;
	return protect_random(token->psk, sizeof(token->psk));
}

int
protect_token_issue(struct protect *protect, const struct crypto_token *want, uint32_t life_ms,
                    uint64_t now_unix_ms, struct protect_grant *ret_grant)
{
	const struct crypto_provider *crypto = &protect->provider;
	struct crypto_token token = *want;
	int rc;

	if (life_ms > CRYPTO_TOKEN_LIFE_MAX_MS)
		return AEF_ERR_INVALID;
	if (protect->ring == NULL)
		return AEF_ERR_NOTFOUND;
	rc = complete(protect, life_ms != 0 ? life_ms : CRYPTO_TOKEN_LIFE_DEFAULT_MS, now_unix_ms,
	              &token);
	if (rc == 0) {
		unsigned tries = 0;

		do { /* again when the epoch was revoked between the two calls */
			token.epoch = protect_ring_current(protect->ring); /* */
			rc = crypto->token_seal(crypto->ctx, &token, token.nonce, ret_grant->token);
		} while (rc == AEF_ERR_NOTFOUND && ++tries < TRIES &&
		         token.epoch != protect_ring_current(protect->ring));
	}
	if (rc == 0) {
		memcpy(ret_grant->psk, token.psk, sizeof(ret_grant->psk));
		ret_grant->conn_id = token.conn_id;
		ret_grant->session_id = token.session_id;
		ret_grant->expires_ms = token.expires_ms;
	}
	crypto_wipe(&token, sizeof(token));
	return rc;
}
