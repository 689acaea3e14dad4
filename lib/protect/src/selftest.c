/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * selftest.c - known answers of every primitive, and ipsec-mb against OpenSSL.
 *
 * A CPU, a library or a hypervisor that computes wrongly must be noticed before a key or a token is
 * used. Answers: FIPS 180-4 (abc), RFC 4231 test case 2, RFC 5869 A.1, RFC 7748 section 6.1, and
 * test case 16 of the GCM specification by McGrew and Viega.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include <base/err.h>

#include "selftest_priv.h"

#define TEXT_MAX 1500u
#define AAD_MAX  96u

static bool
same(const void *got, const void *want, size_t len)
{
	return memcmp(got, want, len) == 0; /* nothing here is secret */
}

static bool
hash_ok(const struct crypto_provider *crypto)
{
	static const uint8_t want[CRYPTO_HASH_BYTES] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
		0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	static const struct crypto_bytes parts[] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
	uint8_t got[CRYPTO_HASH_BYTES] = { 0 };

	crypto->hash(crypto->ctx, parts, AEF_DIM(parts), got);
	return same(got, want, sizeof(want));
}

/* RFC 4231 test case 2 has a key of 4 bytes, which HMAC fills up with zeros; so may we. */
static bool
mac_ok(const struct crypto_provider *crypto)
{
	static const uint8_t key[CRYPTO_PSK_BYTES] = "Jefe";
	static const uint8_t want[CRYPTO_MAC_BYTES] = {
		0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
		0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
	};
	static const struct crypto_bytes parts[] = { { "what do ya want ", 16 },
		                                     { "for nothing?", 12 } };
	uint8_t got[CRYPTO_MAC_BYTES] = { 0 };

	crypto->mac(crypto->ctx, key, parts, AEF_DIM(parts), got);
	return same(got, want, sizeof(want));
}

static bool
hkdf_ok(const struct crypto_provider *crypto)
{
	static const uint8_t salt[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	static const uint8_t info[] = {
		0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9
	};
	static const uint8_t want[] = {
		0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36,
		0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56,
		0xec, 0xc4, 0xc5, 0xbf, 0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65,
	};
	uint8_t ikm[22], prk[CRYPTO_SECRET_BYTES] = { 0 }, got[sizeof(want)] = { 0 };

	memset(ikm, 0x0b, sizeof(ikm));
	crypto->hkdf_extract(crypto->ctx, salt, sizeof(salt), ikm, sizeof(ikm), prk);
	crypto->hkdf_expand(crypto->ctx, prk, info, sizeof(info), got, sizeof(got));
	return same(got, want, sizeof(want));
}

static bool
dh_ok(const struct crypto_provider *crypto)
{
	static const uint8_t alice[CRYPTO_PRIV_BYTES] = {
		0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
		0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
		0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
	};
	static const uint8_t alice_pub[CRYPTO_PUB_BYTES] = {
		0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
		0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
		0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a,
	};
	static const uint8_t bob_pub[CRYPTO_PUB_BYTES] = {
		0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61,
		0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78,
		0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f,
	};
	static const uint8_t shared[CRYPTO_SHARED_BYTES] = {
		0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b,
		0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1,
		0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42,
	};
	static const uint8_t zero[CRYPTO_PUB_BYTES];
	uint8_t priv[CRYPTO_PRIV_BYTES], pub[CRYPTO_PUB_BYTES], got[CRYPTO_SHARED_BYTES];

	return crypto->dh_keygen(crypto->ctx, alice, priv, pub) == 0 &&
	       same(pub, alice_pub, sizeof(pub)) &&
	       crypto->dh(crypto->ctx, priv, bob_pub, got) == 0 && same(got, shared, sizeof(got)) &&
	       crypto->dh(crypto->ctx, priv, zero, got) == AEF_ERR_AUTH;
}

/* Packet number 0 leaves the IV as it is, so a published IV can be used. */
static bool
gcm_ok(const struct crypto_provider *crypto)
{
	static const uint8_t half[CRYPTO_KEY_BYTES / 2] = {
		0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
		0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
	};
	static const uint8_t iv[CRYPTO_IV_BYTES] = { 0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
		                                     0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88 };
	static const uint8_t aad[] = { 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
		                       0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2 };
	static const uint8_t plain[60] = {
		0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5,
		0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda,
		0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95,
		0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25,
		0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39,
	};
	static const uint8_t cipher[60] = {
		0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3,
		0x2a, 0x84, 0x42, 0x7d, 0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9,
		0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa, 0x8c, 0xb0, 0x8e, 0x48,
		0x59, 0x0d, 0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38,
		0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62,
	};
	static const uint8_t tag[CRYPTO_TAG_BYTES] = {
		0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e, 0x17, 0x68,
		0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b,
	};
	struct crypto_key key = { .slot = 0 };
	uint8_t text[sizeof(plain)], got[CRYPTO_TAG_BYTES] = { 0 };
	struct crypto_op op = { .key = &key,
		                .aad = aad,
		                .aad_len = sizeof(aad),
		                .text = text,
		                .text_len = sizeof(text),
		                .tag = got };

	memcpy(key.key, half, sizeof(half));
	memcpy(key.key + sizeof(half), half, sizeof(half));
	memcpy(key.iv, iv, sizeof(iv));
	memcpy(text, plain, sizeof(plain));
	crypto->seal(crypto->ctx, &op, 1);
	bool ok = same(text, cipher, sizeof(cipher)) && same(got, tag, sizeof(tag));

	crypto->open(crypto->ctx, &op, 1);
	ok = ok && op.ok && same(text, plain, sizeof(plain));
	got[CRYPTO_TAG_BYTES - 1] ^= 1;
	crypto->open(crypto->ctx, &op, 1);
	ok = ok && !op.ok;
	crypto->key_release(crypto->ctx, &key);
	return ok;
}

/* What OpenSSL makes of @p op; the text is copied to @p ret_text. */
static bool
openssl_seal(const struct crypto_op *op, uint8_t *ret_text, uint8_t ret_tag[CRYPTO_TAG_BYTES])
{
	uint8_t nonce[CRYPTO_NONCE_BYTES];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;

	crypto_nonce(op->key->iv, op->pn, nonce);
	const bool ok =
		ctx != NULL &&
		EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, op->key->key, nonce) == 1 &&
		EVP_EncryptUpdate(ctx, NULL, &len, op->aad, (int)op->aad_len) == 1 &&
		EVP_EncryptUpdate(ctx, ret_text, &len, op->text, (int)op->text_len) == 1 &&
		EVP_EncryptFinal_ex(ctx, ret_text + len, &len) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, CRYPTO_TAG_BYTES, ret_tag) == 1;

	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

/* Lengths around every block and unrolling of ipsec-mb, with and without partial blocks. */
static bool
equal_to_openssl(const struct crypto_provider *crypto)
{
	static const uint16_t lens[] = { 1,   15,  16,  17,   31,   47,   64,
		                         127, 128, 129, 255,  256,  300,  511,
		                         512, 767, 769, 1024, 1200, 1447, TEXT_MAX };
	uint8_t text[TEXT_MAX], want[TEXT_MAX], aad[AAD_MAX];
	uint8_t tag[CRYPTO_TAG_BYTES], want_tag[CRYPTO_TAG_BYTES];
	bool ok = true;

	for (unsigned i = 0; i < AEF_DIM(lens) && ok; i++) {
		struct crypto_key key = { .slot = 0 };
		struct crypto_op op = { .key = &key,
			                .pn = ~0ull >> (2 + i),
			                .aad = aad,
			                .aad_len = 32 + 8 * (i % 9),
			                .text = text,
			                .text_len = lens[i],
			                .tag = tag };

		memset(key.key, (int)(0x11 * i + 1), sizeof(key.key));
		memset(key.iv, (int)(0x29 * i + 3), sizeof(key.iv));
		for (unsigned k = 0; k < TEXT_MAX; k++)
			text[k] = (uint8_t)(k * 7 + i);
		for (unsigned k = 0; k < AAD_MAX; k++)
			aad[k] = (uint8_t)(k * 13 + i);
		ok = openssl_seal(&op, want, want_tag);
		crypto->seal(crypto->ctx, &op, 1);
		ok = ok && same(text, want, lens[i]) && same(tag, want_tag, sizeof(tag));
		crypto->key_release(crypto->ctx, &key);
	}
	return ok;
}

int
protect_selftest(const struct crypto_provider *crypto)
{
	const bool ok = hash_ok(crypto) && mac_ok(crypto) && hkdf_ok(crypto) && dh_ok(crypto) &&
	                gcm_ok(crypto) && equal_to_openssl(crypto);

	return ok ? 0 : AEF_ERR_STATE;
}
