/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hash_test.c - SHA-256, HMAC, HKDF: published answers, and OpenSSL's own HMAC and HKDF as oracle.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include <base/rng.h>
#include <base/sha256.h>

#include "hash_priv.h"
#include "hex.h"

static void
hash_text(const char *text, size_t len, uint8_t ret[CRYPTO_HASH_BYTES])
{
	const struct crypto_bytes part = { text, len };

	protect_sha256(&part, 1, ret);
}

/* FIPS 180-4 examples. */
START_TEST(hash_of_published_messages_is_the_published_one)
{
	uint8_t got[CRYPTO_HASH_BYTES];

	hash_text("", 0, got);
	ck_assert_hex(got, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_text("abc", 3, got);
	ck_assert_hex(got, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, got);
	ck_assert_hex(got, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

/* */
START_TEST(hash_of_parts_is_that_of_the_whole_however_it_is_cut)
{
	uint8_t text[400], want[CRYPTO_HASH_BYTES], got[CRYPTO_HASH_BYTES];
	struct aef_sha256 sha;
	struct aef_rng rng;

	aef_rng_init(&rng, 7);
	for (unsigned round = 0; round < 500; round++) {
		const size_t len = aef_rng_below(&rng, sizeof(text) + 1);
		const size_t a = aef_rng_below(&rng, len + 1), b = aef_rng_below(&rng, len - a + 1);
		const struct crypto_bytes parts[] = {
			{ text, a }, { NULL, 0 }, { text + a, b }, { text + a + b, len - a - b }
		};

		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (uint8_t)aef_rng_u64(&rng);
		protect_sha256(parts, AEF_DIM(parts), got);

		aef_sha256_init(&sha);
		aef_sha256_update(&sha, text, len);
		aef_sha256_final(&sha, want);
		ck_assert_mem_eq(got, want, sizeof(got));
	}
}
END_TEST

struct hmac_vector {
	const char *key, *data, *mac;
};

/* RFC 4231 sections 4.2 to 4.8; of case 5 the RFC prints 16 bytes. */
START_TEST(hash_mac_of_rfc_4231_is_the_published_one)
{
	static const char aa131[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				    "aaaaaaaaaaaaaaaaaaaaaa"
				    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				    "aaaaaaaaaaaaaaaaaaaaaa"
				    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				    "aaaaaaaaaaaaaaaaaaaaaa"
				    "aaaaaaaaaa";
	static const struct hmac_vector vectors[] = {
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "dddddddddddddddddddddddddddddddddddddddddddddddddd"
		  "dddddddddddddddddddddddddddddddddddddddddddddddddd",
		  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
		{ "0102030405060708090a0b0c0d0e0f10111213141516171819",
		  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
		  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
		  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
		{ "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
		  "546573742057697468205472756e636174696f6e", "a3b6167473100ee06e0c796c2955552b" },
		{ aa131,
		  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d20"
		  "48617368204b6579204669727374",
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		{ aa131,
		  "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b"
		  "2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a652064"
		  "6174612e20546865206b6579206e6565647320746f20626520686173686564206265666f72652062"
		  "65696e6720757365642062792074686520484d414320616c676f726974686d2e",
		  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
	};

	for (unsigned i = 0; i < AEF_DIM(vectors); i++) {
		uint8_t key[200], data[200], got[CRYPTO_HASH_BYTES];
		const size_t key_len = unhex(vectors[i].key, key, sizeof(key));
		const struct crypto_bytes part = { data,
			                           unhex(vectors[i].data, data, sizeof(data)) };

		protect_hmac(key, key_len, &part, 1, got);
		ck_assert_hex(got, vectors[i].mac);
	}
}
END_TEST

/* Extract and Expand; @p info_len at most CRYPTO_LABEL_MAX_BYTES. */
static void
check_hkdf(const char *ikm_hex, const char *salt_hex, const char *info_hex, const char *prk_hex,
           const char *okm_hex)
{
	uint8_t ikm[100], salt[100], info[100], okm[100], prk[CRYPTO_SECRET_BYTES], got[100];
	const struct crypto_bytes part = { ikm, unhex(ikm_hex, ikm, sizeof(ikm)) };
	const size_t salt_len = unhex(salt_hex, salt, sizeof(salt));
	const size_t info_len = unhex(info_hex, info, sizeof(info));
	const size_t okm_len = unhex(okm_hex, okm, sizeof(okm));

	protect_hmac(salt, salt_len, &part, 1, prk);
	protect_hkdf_expand(prk, info, info_len, got, okm_len);

	ck_assert_hex(prk, prk_hex);
	ck_assert_mem_eq(got, okm, okm_len);
}

START_TEST(hash_hkdf_of_rfc_5869_a1_and_a3_is_the_published_one)
{
	check_hkdf("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
	           "f0f1f2f3f4f5f6f7f8f9",
	           "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
	           "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	           "34007208d5b887185865");
	check_hkdf("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	           "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	           "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	           "9d201395faa4b61a96c8");
}
END_TEST

/* A.2 has an info of 80 bytes, longer than any label of ours: its Extract, and its Expand by the
 * HMAC that Expand is made of. */
START_TEST(hash_hkdf_of_rfc_5869_a2_is_the_published_one)
{
	uint8_t ikm[80], salt[80], info[80], prk[CRYPTO_SECRET_BYTES], block[CRYPTO_HASH_BYTES];
	uint8_t okm[96];

	for (unsigned i = 0; i < 80; i++) {
		ikm[i] = (uint8_t)i;
		salt[i] = (uint8_t)(0x60 + i);
		info[i] = (uint8_t)(0xb0 + i);
	}
	const struct crypto_bytes part = { ikm, sizeof(ikm) };

	protect_hmac(salt, sizeof(salt), &part, 1, prk);
	for (uint8_t n = 1; n <= 3; n++) {
		const struct crypto_bytes parts[] = { { block, n > 1 ? sizeof(block) : 0 },
			                              { info, sizeof(info) },
			                              { &n, 1 } };

		protect_hmac(prk, sizeof(prk), parts, 3, block);
		memcpy(okm + 32 * (n - 1), block, sizeof(block));
	}

	ck_assert_hex(prk, "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244");
	ck_assert_hex(okm, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	                   "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	                   "cc30c58179ec3e87c14c01d5c1f3434f1d87");
}
END_TEST

/* OpenSSL's HKDF-Expand. */
static void
openssl_expand(const uint8_t prk[CRYPTO_SECRET_BYTES], const uint8_t *info, size_t info_len,
               uint8_t *ret, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(EVP_PKEY_derive_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_hkdf_mode(ctx, EVP_PKEY_HKDEF_MODE_EXPAND_ONLY), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_set1_hkdf_key(ctx, prk, CRYPTO_SECRET_BYTES), 1);
	ck_assert_int_eq(EVP_PKEY_CTX_add1_hkdf_info(ctx, info, (int)info_len), 1);
	ck_assert_int_eq(EVP_PKEY_derive(ctx, ret, &len), 1);
	EVP_PKEY_CTX_free(ctx);
}

START_TEST(hash_equals_openssl_for_every_length_of_key_text_and_output)
{
	uint8_t key[150], text[300], info[CRYPTO_LABEL_MAX_BYTES], got[CRYPTO_EXPAND_MAX_BYTES];
	uint8_t want[CRYPTO_EXPAND_MAX_BYTES];
	struct aef_rng rng;
	unsigned len;

	aef_rng_init(&rng, 11);
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)aef_rng_u64(&rng);
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)aef_rng_u64(&rng);
	memcpy(info, text, sizeof(info));
	for (size_t i = 0; i <= sizeof(key); i++) {
		const struct crypto_bytes part = { text, 2 * i };

		protect_hmac(key, i, &part, 1, got);
		HMAC(EVP_sha256(), key, (int)i, text, 2 * i, want, &len);
		ck_assert_mem_eq(got, want, CRYPTO_HASH_BYTES);
	}
	for (size_t i = 1; i <= sizeof(got); i++) {
		const size_t info_len = 1 + i % sizeof(info);

		protect_hkdf_expand(key, info, info_len, got, i);
		openssl_expand(key, info, info_len, want, i);
		ck_assert_mem_eq(got, want, i);
	}
}
END_TEST

TEST_SUITE(hash, &hash_of_published_messages_is_the_published_one,
           &hash_of_parts_is_that_of_the_whole_however_it_is_cut,
           &hash_mac_of_rfc_4231_is_the_published_one,
           &hash_hkdf_of_rfc_5869_a1_and_a3_is_the_published_one,
           &hash_hkdf_of_rfc_5869_a2_is_the_published_one,
           &hash_equals_openssl_for_every_length_of_key_text_and_output)
