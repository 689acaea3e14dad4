/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * token.c - layout and validity rules of the connect token.
 */
#include <base/bytes.h>
#include <base/err.h>
#include <crypto/token.h>

#define MAGIC_AT   0
#define EPOCH_AT   4
#define GROUP_AT   6
#define EXPIRES_AT 8

static bool
addr_hint_valid(const struct crypto_token *token)
{
	unsigned addr_bits;

	switch (token->addr_family) {
	case CRYPTO_ADDR_NONE:
		addr_bits = 0;
		break;
	case CRYPTO_ADDR_IPV4:
		addr_bits = 32;
		break;
	case CRYPTO_ADDR_IPV6:
		addr_bits = 128;
		break;
	default:
		return false;
	}
	if (token->addr_prefix > addr_bits)
		return false;
	for (unsigned bit = token->addr_prefix; bit < 128; bit++) {
		if (token->addr[bit / 8] & (0x80u >> (bit % 8)))
			return false;
	}
	return true;
}

static bool
life_valid(const struct crypto_token *token)
{
	return token->expires_ms >= token->issued_ms &&
	       token->expires_ms - token->issued_ms <= CRYPTO_TOKEN_LIFE_MAX_MS;
}

void
crypto_token_clear_encode(const struct crypto_token *token,
                          uint8_t ret_clear[CRYPTO_TOKEN_CLEAR_BYTES])
{
	aef_store_be32(ret_clear + MAGIC_AT, CRYPTO_TOKEN_MAGIC);
	aef_store_be16(ret_clear + EPOCH_AT, token->epoch);
	aef_store_be16(ret_clear + GROUP_AT, token->group);
	aef_store_be64(ret_clear + EXPIRES_AT, token->expires_ms);
}

int
crypto_token_clear_decode(const uint8_t bytes[CRYPTO_TOKEN_BYTES], struct crypto_token *ret_token)
{
	if (aef_load_be32(bytes + MAGIC_AT) != CRYPTO_TOKEN_MAGIC)
		return AEF_ERR_MALFORMED;
	ret_token->epoch = aef_load_be16(bytes + EPOCH_AT);
	ret_token->group = aef_load_be16(bytes + GROUP_AT);
	ret_token->expires_ms = aef_load_be64(bytes + EXPIRES_AT);
	memcpy(ret_token->nonce, bytes + CRYPTO_TOKEN_NONCE_AT, CRYPTO_NONCE_BYTES);
	return 0;
}

/* Append @p len bytes at @p p; returns where the next field goes. */
static uint8_t *
put(uint8_t *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return p + len;
}

int
crypto_token_body_encode(const struct crypto_token *token,
                         uint8_t ret_body[CRYPTO_TOKEN_BODY_BYTES])
{
	uint8_t *p = ret_body;

	if (!addr_hint_valid(token) || !life_valid(token))
		return AEF_ERR_INVALID;
	p = put(p, token->session_id.b, AEF_GUUID_BYTES);
	p = put(p, token->conn_id.b, AEF_GUUID_BYTES);
	p = put(p, token->tenant_id.b, AEF_GUUID_BYTES);
	p = put(p, token->subject_id.b, AEF_GUUID_BYTES);
	p = put(p, token->psk, CRYPTO_PSK_BYTES);
	aef_store_be64(p, token->issued_ms);
	aef_store_be64(p + 8, token->session_epoch);
	aef_store_be32(p + 16, token->caps);
	aef_store_be32(p + 20, token->max_kbps);
	aef_store_be32(p + 24, token->max_pps);
	aef_store_be16(p + 28, token->max_docs);
	p[30] = token->addr_family;
	p[31] = token->addr_prefix;
	p = put(p + 32, token->addr, sizeof(token->addr));
	aef_assert(p == ret_body + CRYPTO_TOKEN_BODY_BYTES);
	return 0;
}

int
crypto_token_body_decode(const uint8_t body[CRYPTO_TOKEN_BODY_BYTES], struct crypto_token *token)
{
	struct aef_reader r = aef_reader_make(body, CRYPTO_TOKEN_BODY_BYTES);
	struct crypto_token t = *token;

	memcpy(t.session_id.b, aef_read_bytes(&r, AEF_GUUID_BYTES), AEF_GUUID_BYTES);
	memcpy(t.conn_id.b, aef_read_bytes(&r, AEF_GUUID_BYTES), AEF_GUUID_BYTES);
	memcpy(t.tenant_id.b, aef_read_bytes(&r, AEF_GUUID_BYTES), AEF_GUUID_BYTES);
	memcpy(t.subject_id.b, aef_read_bytes(&r, AEF_GUUID_BYTES), AEF_GUUID_BYTES);
	memcpy(t.psk, aef_read_bytes(&r, CRYPTO_PSK_BYTES), CRYPTO_PSK_BYTES);
	t.issued_ms = aef_read_be64(&r);
	t.session_epoch = aef_read_be64(&r);
	t.caps = aef_read_be32(&r);
	t.max_kbps = aef_read_be32(&r);
	t.max_pps = aef_read_be32(&r);
	t.max_docs = aef_read_be16(&r);
	t.addr_family = aef_read_u8(&r);
	t.addr_prefix = aef_read_u8(&r);
	memcpy(t.addr, aef_read_bytes(&r, sizeof(t.addr)), sizeof(t.addr));

	const bool valid = addr_hint_valid(&t) && life_valid(&t);

	if (valid)
		*token = t;
	crypto_wipe(&t, sizeof(t)); /* holds the psk */
	return valid ? 0 : AEF_ERR_MALFORMED;
}

int
crypto_token_check_time(const struct crypto_token *token, uint64_t now_unix_ms)
{
	if (aef_sub_sat_u64(now_unix_ms, token->expires_ms) > CRYPTO_TOKEN_SKEW_MS)
		return AEF_ERR_TIMEOUT;
	if (aef_sub_sat_u64(token->issued_ms, now_unix_ms) > CRYPTO_TOKEN_SKEW_MS)
		return AEF_ERR_TIMEOUT;
	return 0;
}

bool
crypto_token_fits_addr(const struct crypto_token *token, uint8_t family, const uint8_t *addr)
{
	if (token->addr_family == CRYPTO_ADDR_NONE)
		return true;
	if (token->addr_family != family)
		return false;
	const unsigned whole = token->addr_prefix / 8, rest = token->addr_prefix % 8;

	if (memcmp(token->addr, addr, whole) != 0)
		return false;
	return rest == 0 || ((token->addr[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}
