/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/token_fuzz.c - connect tokens behind their seal: whatever fields, the tag is right.
 *
 * Input: how 1, now 8, then 172 bytes of token (missing ones are zero) that are sealed here, or
 * not. What opens means the same when it is encoded again; what fails writes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <crypto/token.h>
#include <crypto_null/null_provider.h>

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

/* The null provider's one token key; a token's tag is its MAC. */
static const uint8_t token_key[CRYPTO_KEY_BYTES] = "aetherflow null provider, public";

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
check_opened(const struct crypto_provider *crypto, const uint8_t *bytes,
             const struct crypto_token *token, uint64_t now_ms)
{
	uint8_t again[CRYPTO_TOKEN_BYTES];
	uint8_t addr[16];

	require(crypto->token_seal(crypto->ctx, token, token->nonce, again) == 0);
	require(memcmp(again, bytes, sizeof(again)) == 0);
	/* */
	require(token->expires_ms >= token->issued_ms &&
	        token->expires_ms - token->issued_ms <= CRYPTO_TOKEN_LIFE_MAX_MS);
	require(now_ms <= aef_add_sat_u64(token->expires_ms, CRYPTO_TOKEN_SKEW_MS));
	require(token->issued_ms <= aef_add_sat_u64(now_ms, CRYPTO_TOKEN_SKEW_MS));
	/* The address of the hint itself always fits; one that differs in its last bit does not. */
	memcpy(addr, token->addr, sizeof(addr));
	const uint8_t family = token->addr_family != 0 ? token->addr_family : CRYPTO_ADDR_IPV6;

	require(crypto_token_fits_addr(token, family, addr));
	if (token->addr_prefix > 0) {
		addr[(token->addr_prefix - 1) / 8] ^=
			(uint8_t)(0x80u >> ((token->addr_prefix - 1) & 7));
		require(!crypto_token_fits_addr(token, family, addr));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	const struct crypto_provider *crypto = crypto_null_provider();
	const struct crypto_bytes part = { NULL, CRYPTO_TOKEN_TAG_AT };
	struct crypto_bytes sealed = part;
	struct aef_reader r = aef_reader_make(in, size);
	const uint8_t how = aef_read_u8(&r);
	uint64_t now_ms = aef_read_be64(&r);
	uint8_t *bytes = calloc(1, CRYPTO_TOKEN_BYTES);
	struct crypto_token token, was;
	const size_t len = aef_min_u64(aef_reader_left(&r), CRYPTO_TOKEN_TAG_AT);

	if (len > 0)
		memcpy(bytes, aef_read_bytes(&r, len), len);
	if ((how & 1) == 0) /* most would end at the magic */
		aef_store_be32(bytes, CRYPTO_TOKEN_MAGIC);
	if ((how & 2) == 0) /* near the time of issue */
		now_ms = aef_load_be64(bytes + CRYPTO_TOKEN_BODY_AT + 96) + (now_ms >> 46);
	if ((how & 4) == 0) /* a life that is not absurd */
		aef_store_be64(bytes + 8, aef_load_be64(bytes + CRYPTO_TOKEN_BODY_AT + 96) +
		                                  aef_load_be16(bytes + 8) * 2);
	sealed.data = bytes;
	crypto->mac(crypto->ctx, token_key, &sealed, 1, bytes + CRYPTO_TOKEN_TAG_AT);
	if ((how & 0xc0) == 0xc0) /* forged */
		bytes[CRYPTO_TOKEN_TAG_AT + (how & 15)] ^= 0x10;
	memset(&token, 0xa5, sizeof(token));
	memcpy(&was, &token, sizeof(was));

	const int err = crypto->token_open(crypto->ctx, bytes, now_ms, &token);

	require(err == 0 || memcmp(&was, &token, sizeof(was)) == 0);
	require((how & 0xc0) != 0xc0 || err != 0);
	if (err == 0)
		check_opened(crypto, bytes, &token, now_ms);
	else
		require(err == AEF_ERR_AUTH || err == AEF_ERR_MALFORMED || err == AEF_ERR_TIMEOUT);
	free(bytes);
	return 0;
}
