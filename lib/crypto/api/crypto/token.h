/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crypto/token.h - the connect token: its fields, the layout of its clear part and of its body.
 *
 *   clear 16 (associated data)  "QTK1" 4 | epoch 2 | group 2 | expires_ms 8
 *   nonce 12
 *   body 144 (sealed)           session_id 16 | conn_id 16 | tenant_id 16 | subject_id 16 | psk 32
 *                               issued_ms 8 | session_epoch 8 | caps 4 | max_kbps 4 | max_pps 4
 *                               max_docs 2 | addr_family 1 | addr_prefix 1 | addr 16
 *   tag 16                      188 bytes in all, integers big-endian
 *
 * Source:  reference security, section 4.2; DESIGN section 4.
 * Units:   times are milliseconds since 1970.
 * Context: anywhere; pure functions. Sealing and opening are the provider's.
 */
#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include <base/guuid.h>
#include <crypto/provider.h>

#define CRYPTO_TOKEN_MAGIC       0x51544b31u /* "QTK1" */
#define CRYPTO_TOKEN_CLEAR_BYTES 16u
#define CRYPTO_TOKEN_BODY_BYTES  144u
#define CRYPTO_TOKEN_NONCE_AT    CRYPTO_TOKEN_CLEAR_BYTES
#define CRYPTO_TOKEN_BODY_AT     (CRYPTO_TOKEN_NONCE_AT + CRYPTO_NONCE_BYTES)
#define CRYPTO_TOKEN_TAG_AT      (CRYPTO_TOKEN_BODY_AT + CRYPTO_TOKEN_BODY_BYTES)

#define CRYPTO_TOKEN_LIFE_DEFAULT_MS 30000u
#define CRYPTO_TOKEN_LIFE_MAX_MS     120000u
#define CRYPTO_TOKEN_SKEW_MS         5000u

static_assert(CRYPTO_TOKEN_TAG_AT + CRYPTO_TAG_BYTES == CRYPTO_TOKEN_BYTES, "token: 188 bytes");

enum crypto_addr_family {
	CRYPTO_ADDR_NONE = 0, /* no hint: prefix and address are zero */
	CRYPTO_ADDR_IPV4 = 4, /* address in the first 4 bytes, the other 12 zero */
	CRYPTO_ADDR_IPV6 = 6,
};

struct crypto_token {
	/* Clear part: what a node needs to find the key and to refuse early. */
	uint16_t epoch; /* of the token key */
	uint16_t group; /* node group that accepts it */
	uint64_t expires_ms;
	uint8_t nonce[CRYPTO_NONCE_BYTES]; /* also the identity of the token: used once */

	/* Body. */
	struct aef_guuid session_id;
	struct aef_guuid conn_id; /* C of DESIGN section 2: the GUUID of SYN and handshake ACK */
	struct aef_guuid tenant_id;
	struct aef_guuid subject_id;
	uint8_t psk[CRYPTO_PSK_BYTES]; /* secret shared with the client */
	uint64_t issued_ms;
	uint64_t session_epoch; /* fence: a lower one than the session's is stale */
	uint32_t caps;          /* capability bits of the session */
	uint32_t max_kbps;      /* 0 = no limit */
	uint32_t max_pps;       /* 0 = no limit */
	uint16_t max_docs;      /* 0 = no limit */
	uint8_t addr_family;    /* enum crypto_addr_family: hint of the client's address */
	uint8_t addr_prefix;    /* bits of addr that must match */
	uint8_t addr[16];       /* bits beyond the prefix are zero */
};

/** Write the 16 clear bytes of @p token. */
void crypto_token_clear_encode(const struct crypto_token *token,
                               uint8_t ret_clear[CRYPTO_TOKEN_CLEAR_BYTES]);

/**
 * Read the clear bytes and the nonce that follows them (28 bytes at the start of a token).
 *
 * @param bytes     the whole token, CRYPTO_TOKEN_BYTES
 * @param ret_token only the fields of the clear part are written
 * @return 0, or AEF_ERR_MALFORMED when the magic is wrong (nothing written)
 */
AEF_MUST_CHECK int crypto_token_clear_decode(const uint8_t bytes[CRYPTO_TOKEN_BYTES],
                                             struct crypto_token *ret_token);

/**
 * Write the 144 plaintext bytes of the body.
 *
 * @return 0, or AEF_ERR_INVALID when the life exceeds 120 s or is negative, or the address hint
 *         breaks its format (nothing written)
 */
AEF_MUST_CHECK int crypto_token_body_encode(const struct crypto_token *token,
                                            uint8_t ret_body[CRYPTO_TOKEN_BODY_BYTES]);

/**
 * Read the body after its tag verified. The clear fields of @p token must be set already.
 *
 * @param token only the body fields are written, and only on success
 * @return 0, or AEF_ERR_MALFORMED: unknown address family, prefix too long, padding or bits beyond
 *         the prefix not zero, life longer than 120 s or negative
 */
AEF_MUST_CHECK int crypto_token_body_decode(const uint8_t body[CRYPTO_TOKEN_BODY_BYTES],
                                            struct crypto_token *token);

/**
 * Judge the times of a decoded token, allowing a skew of 5 s either way.
 *
 * @return 0, or AEF_ERR_TIMEOUT when it has expired or was issued in the future
 */
AEF_MUST_CHECK int crypto_token_check_time(const struct crypto_token *token, uint64_t now_unix_ms);

/**
 * True when @p addr fits the token's hint; a token without a hint fits every address.
 *
 * @param family CRYPTO_ADDR_IPV4 or CRYPTO_ADDR_IPV6
 * @param addr   4 or 16 bytes, network order
 */
AEF_MUST_CHECK bool crypto_token_fits_addr(const struct crypto_token *token, uint8_t family,
                                           const uint8_t *addr);

#endif
