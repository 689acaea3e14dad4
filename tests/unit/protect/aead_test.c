/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aead_test.c - AES-256-GCM: published answers, buffers of the exact size, the CPU's part.
 */
#include <protect/mem.h>

#include "aead_priv.h"
#include "hex.h"

struct gcm_vector {
	const char *key, *iv, *aad, *plain, *cipher, *tag;
};

/*
 * Test cases 13 to 16 of the GCM specification (McGrew and Viega), then the first ones of four
 * groups of NIST's CAVS gcmEncryptExtIV256.
 */
static const struct gcm_vector vectors[] = {
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "00000000000000000000000000000000",
	  "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
	  "b094dac5d93471bdec1a502270e3cc6c" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
	{ "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
	  "516c33929df5a3284ff463d7", "", "", "", "bdc1ac884d332457a1d2664f168c76f0" },
	{ "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
	  "d79cf22d504cc793c3fb6c8a", "b96baa8c1c75a671bfb2d08d06be5f36", "", "",
	  "3e5d486aa2e30b22e040b85723a06e76" },
	{ "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
	  "0d18e06c7c725ac9e362e1ce", "", "2db5168e932556f8089a0622981d017d",
	  "fa4362189661d163fcd6a56d8bf0405a", "d636ac1bbedd5cc3ee727dc2ab4a9489" },
	{ "92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b",
	  "ac93a1a6145299bde902f21a", "1e0889016f67601c8ebea4943bc23ad6",
	  "2d71bcfa914e4ac045b2aa60955fad24", "8995ae2e6df3dbf96fac7b7137bae67f",
	  "eca5aa77d51d4a0a14d9c51e1da474ab" },
};

/* */
START_TEST(aead_of_published_vectors_is_the_published_one_and_opens)
{
	ck_assert_int_eq(protect_aead_init(), 0);
	printf("note: AES-256-GCM by the %s code of ipsec-mb\n", protect_aead_arch());
	for (unsigned i = 0; i < AEF_DIM(vectors); i++) {
		const struct gcm_vector *v = &vectors[i];
		uint8_t raw[32], aad[32], text[64], plain[64], tag[CRYPTO_TAG_BYTES];
		struct protect_aead_key key;
		struct protect_aead_work work;
		const uint32_t aad_len = (uint32_t)unhex(v->aad, aad, sizeof(aad));
		const uint32_t len = (uint32_t)unhex(v->plain, text, sizeof(text));
		const struct protect_aead_text t = { aad, text, aad_len, len };

		memcpy(plain, text, sizeof(plain));
		unhex(v->key, raw, sizeof(raw));
		unhex(v->iv, work.nonce, sizeof(work.nonce));
		protect_aead_expand(raw, &key);
		ck_assert_mem_eq(key.data.expanded_keys, raw,
		                 sizeof(raw)); /* cache.c relies on it */
		protect_aead_seal(&key, &work, &t, tag);
		ck_assert_hex(text, v->cipher);
		ck_assert_hex(tag, v->tag);
		ck_assert(protect_aead_open(&key, &work, &t, tag));
		ck_assert_mem_eq(text, plain, len);
	}
}
END_TEST

START_TEST(aead_refuses_a_tag_that_differs_in_any_bit)
{
	const uint8_t raw[CRYPTO_KEY_BYTES] = { 3 };
	uint8_t text[33] = { 1 }, aad[9] = { 2 }, tag[CRYPTO_TAG_BYTES];
	const struct protect_aead_text t = { aad, text, sizeof(aad), sizeof(text) };
	struct protect_aead_key key;
	struct protect_aead_work work = { .nonce = { 7 } };

	ck_assert_int_eq(protect_aead_init(), 0);
	protect_aead_expand(raw, &key);
	protect_aead_seal(&key, &work, &t, tag);
	for (unsigned bit = 0; bit < 8 * CRYPTO_TAG_BYTES; bit++) {
		uint8_t sealed[sizeof(text)];

		memcpy(sealed, text, sizeof(sealed));
		tag[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		ck_assert_msg(!protect_aead_open(&key, &work, &t, tag), "bit %u", bit);
		tag[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		memcpy(text, sealed, sizeof(text));
	}
	ck_assert(protect_aead_open(&key, &work, &t, tag));
}
END_TEST

/* The library's code is not instrumented. Text, associated data and tag end where a page ends
 * behind which nothing is, so a byte too far faults; marks stand in front. */
START_TEST(aead_touches_no_byte_beyond_its_buffers)
{
	enum { PAGE = 4096, AAD_MAX = 96 };
	const uint8_t raw[CRYPTO_KEY_BYTES] = { 5 };
	struct protect_aead_key key;
	struct protect_aead_work work = { .nonce = { 8 } };
	uint8_t *text, *aad, *tag;

	ck_assert_int_eq(protect_aead_init(), 0);
	ck_assert_int_eq(protect_mem_alloc(PAGE, (void **)&text), 0);
	ck_assert_int_eq(protect_mem_alloc(PAGE, (void **)&aad), 0);
	ck_assert_int_eq(protect_mem_alloc(PAGE, (void **)&tag), 0);
	protect_aead_expand(raw, &key);
	tag += PAGE - CRYPTO_TAG_BYTES;
	for (uint32_t len = 0; len <= 1600; len += len < 300 ? 1 : 13) {
		const uint32_t aad_len = 32 + 8 * (len % 9);
		const struct protect_aead_text t = { aad + PAGE - aad_len, text + PAGE - len,
			                             aad_len, len };

		memset(text, 0xa5, PAGE);
		memset(tag - 16, 0xa5, 16);
		protect_aead_seal(&key, &work, &t, tag);
		ck_assert(protect_aead_open(&key, &work, &t, tag));
		for (unsigned i = 0; i < PAGE; i++)
			ck_assert_msg(text[i] == 0xa5, "length %u, byte %u", len, i);
		for (unsigned i = 1; i <= 16; i++)
			ck_assert_uint_eq(*(tag - i), 0xa5);
	}
	protect_mem_free(text, PAGE);
	protect_mem_free(aad, PAGE);
	protect_mem_free(tag - (PAGE - CRYPTO_TAG_BYTES), PAGE);
}
END_TEST

START_TEST(aead_needs_both_aes_and_carry_less_multiply)
{
	const uint64_t both = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;

	ck_assert(protect_aead_features_ok(both));
	ck_assert(protect_aead_features_ok(~0ull));
	ck_assert(!protect_aead_features_ok(~(uint64_t)IMB_FEATURE_AESNI));
	ck_assert(!protect_aead_features_ok(~(uint64_t)IMB_FEATURE_PCLMULQDQ));
	ck_assert(!protect_aead_features_ok(0));
}
END_TEST

TEST_SUITE(aead, &aead_of_published_vectors_is_the_published_one_and_opens,
           &aead_refuses_a_tag_that_differs_in_any_bit, &aead_touches_no_byte_beyond_its_buffers,
           &aead_needs_both_aes_and_carry_less_multiply)
