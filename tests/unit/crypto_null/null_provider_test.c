/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rng.h>
#include <crypto/token.h>
#include <crypto_null/null_provider.h>

#include "harness.h"

#define TEXT_LEN 300
#define AAD_LEN  40
#define NOW_MS   1700000000000ull

static const struct crypto_provider *crypto;
static struct crypto_key key;
static uint8_t text[TEXT_LEN], clear[TEXT_LEN], aad[AAD_LEN], tag[CRYPTO_TAG_BYTES];

static struct crypto_op
sealed(uint64_t pn)
{
	struct crypto_op op = { .key = &key,
		                .pn = pn,
		                .aad = aad,
		                .aad_len = AAD_LEN,
		                .text = text,
		                .text_len = TEXT_LEN,
		                .tag = tag };

	crypto = crypto_null_provider();
	for (unsigned i = 0; i < TEXT_LEN; i++)
		text[i] = clear[i] = (uint8_t)(i * 7);
	memset(aad, 3, sizeof(aad));
	memset(&key, 5, sizeof(key));
	key.slot = 0;
	memset(tag, 0, sizeof(tag));
	crypto->seal(crypto->ctx, &op, 1);
	return op;
}

static bool
opens(struct crypto_op *op)
{
	op->ok = !op->ok; /* must be overwritten */
	crypto->open(crypto->ctx, op, 1);
	return op->ok;
}

START_TEST(null_provider_says_that_it_is_null)
{
	ck_assert(crypto_null_provider()->is_null);
	ck_assert_str_eq(crypto_null_provider()->name, "null");
}
END_TEST

START_TEST(null_provider_sealed_text_stays_clear_and_opens)
{
	struct crypto_op op = sealed(77);

	ck_assert_mem_eq(text, clear, TEXT_LEN);
	ck_assert(opens(&op));
	ck_assert(opens(&op));
	ck_assert_mem_eq(text, clear, TEXT_LEN);
}
END_TEST

START_TEST(null_provider_any_flipped_bit_is_refused)
{
	struct crypto_op op = sealed(77);
	const struct {
		uint8_t *at;
		unsigned len;
	} parts[] = { { text, TEXT_LEN },
		      { aad, AAD_LEN },
		      { tag, sizeof(tag) },
		      { key.key, sizeof(key.key) },
		      { key.iv, sizeof(key.iv) } };

	for (unsigned p = 0; p < AEF_DIM(parts); p++) {
		for (unsigned bit = 0; bit < parts[p].len * 8; bit++) {
			parts[p].at[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			ck_assert(!opens(&op));
			parts[p].at[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		}
	}
	ck_assert(opens(&op));
}
END_TEST

START_TEST(null_provider_another_number_is_refused_also_2_to_the_32_away)
{
	struct crypto_op op = sealed(77);

	op.pn = 78;
	ck_assert(!opens(&op));
	op.pn = 77 + (1ull << 32);
	ck_assert(!opens(&op));
	op.pn = 77;
	ck_assert(opens(&op));
}
END_TEST

START_TEST(null_provider_bytes_moved_between_header_and_text_are_refused)
{
	static uint8_t both[AAD_LEN + TEXT_LEN];
	struct crypto_op op = { .key = &key,
		                .aad = both,
		                .aad_len = AAD_LEN,
		                .text = both + AAD_LEN,
		                .text_len = TEXT_LEN,
		                .tag = tag };

	crypto = crypto_null_provider();
	crypto->seal(crypto->ctx, &op, 1);
	op.aad_len += 8;
	op.text += 8;
	op.text_len -= 8;
	ck_assert(!opens(&op));
}
END_TEST

START_TEST(null_provider_burst_judges_each_packet_alone)
{
	uint8_t texts[8][20], tags[8][CRYPTO_TAG_BYTES];
	struct crypto_op ops[8];

	crypto = crypto_null_provider();
	for (unsigned i = 0; i < 8; i++) {
		memset(texts[i], (int)i, sizeof(texts[i]));
		ops[i] = (struct crypto_op){
			.key = &key, .pn = i, .text = texts[i], .tag = tags[i]
		};
		ops[i].text_len = i == 7 ? 0 : (uint32_t)sizeof(texts[i]);
	}
	crypto->seal(crypto->ctx, ops, 8);
	tags[3][0] ^= 1;
	texts[5][19] ^= 1;
	crypto->open(crypto->ctx, ops, 8);
	for (unsigned i = 0; i < 8; i++)
		ck_assert(ops[i].ok == (i != 3 && i != 5));
}
END_TEST

START_TEST(null_provider_hashes_see_only_the_concatenation)
{
	const struct crypto_bytes one = { "abcdef", 6 };
	const struct crypto_bytes three[] = { { "ab", 2 }, { NULL, 0 }, { "cdef", 4 } };
	const struct crypto_bytes other = { "abcdeg", 6 };
	uint8_t a[32], b[32], k[32] = { 1 };

	crypto = crypto_null_provider();
	crypto->hash(crypto->ctx, &one, 1, a);
	crypto->hash(crypto->ctx, three, 3, b);
	ck_assert_mem_eq(a, b, 32);
	crypto->hash(crypto->ctx, &other, 1, b);
	ck_assert_mem_ne(a, b, 32);
	crypto->mac(crypto->ctx, k, &one, 1, a);
	crypto->mac(crypto->ctx, k, three, 3, b);
	ck_assert_mem_eq(a, b, 16);
	k[31] ^= 1;
	crypto->mac(crypto->ctx, k, &one, 1, b);
	ck_assert_mem_ne(a, b, 16);
}
END_TEST

START_TEST(null_provider_hkdf_depends_on_salt_key_and_label)
{
	uint8_t a[32], b[32], long_a[255], short_a[44];

	crypto = crypto_null_provider();
	crypto->hkdf_extract(crypto->ctx, "salt", 4, "ikm", 3, a);
	crypto->hkdf_extract(crypto->ctx, "salt", 4, "ikm", 3, b);
	ck_assert_mem_eq(a, b, 32);
	crypto->hkdf_extract(crypto->ctx, "sals", 4, "ikm", 3, b);
	ck_assert_mem_ne(a, b, 32);
	crypto->hkdf_extract(crypto->ctx, NULL, 0, "ikm", 3, b);
	ck_assert_mem_ne(a, b, 32);

	crypto->hkdf_expand(crypto->ctx, a, "c2s", 3, long_a, sizeof(long_a));
	crypto->hkdf_expand(crypto->ctx, a, "c2s", 3, short_a, sizeof(short_a));
	ck_assert_mem_eq(long_a, short_a, sizeof(short_a)); /* as of HKDF: a prefix */
	crypto->hkdf_expand(crypto->ctx, a, "s2c", 3, b, sizeof(b));
	ck_assert_mem_ne(long_a, b, sizeof(b));
}
END_TEST

START_TEST(null_provider_key_agreement_gives_both_sides_the_same_value)
{
	struct aef_rng rng;

	crypto = crypto_null_provider();
	aef_rng_init(&rng, 11);
	for (unsigned i = 0; i < 200; i++) {
		uint8_t seed[2][32], priv[2][32], pub[2][32], shared[2][32];

		for (unsigned s = 0; s < 2; s++) {
			for (unsigned b = 0; b < 32; b++)
				seed[s][b] = (uint8_t)aef_rng_u64(&rng);
			ck_assert_int_eq(crypto->dh_keygen(crypto->ctx, seed[s], priv[s], pub[s]),
			                 0);
		}
		ck_assert_mem_ne(pub[0], pub[1], 32);
		ck_assert_int_eq(crypto->dh(crypto->ctx, priv[0], pub[1], shared[0]), 0);
		ck_assert_int_eq(crypto->dh(crypto->ctx, priv[1], pub[0], shared[1]), 0);
		ck_assert_mem_eq(shared[0], shared[1], 32);
		ck_assert_mem_ne(shared[0], pub[0], 32);
	}
}
END_TEST

START_TEST(null_provider_low_order_public_key_is_refused)
{
	uint8_t priv[32] = { 9 }, pub[32] = { 0 }, shared[32], before[32];

	crypto = crypto_null_provider();
	memset(shared, 0xcc, sizeof(shared));
	memcpy(before, shared, sizeof(before));
	ck_assert_int_eq(crypto->dh(crypto->ctx, priv, pub, shared), AEF_ERR_AUTH);
	memset(pub, 0xff, sizeof(pub));
	ck_assert_int_eq(crypto->dh(crypto->ctx, priv, pub, shared), AEF_ERR_AUTH);
	ck_assert_mem_eq(shared, before, sizeof(shared));
}
END_TEST

static struct crypto_token
token_sample(void)
{
	return (struct crypto_token){ .epoch = 3,
		                      .group = 4,
		                      .issued_ms = NOW_MS,
		                      .expires_ms = NOW_MS + 30000,
		                      .caps = 77 };
}

START_TEST(null_provider_token_opens_with_its_fields)
{
	static const uint8_t nonce[12] = { 1, 2, 3 };
	struct crypto_token t = token_sample(), back = { 0 };
	uint8_t bytes[CRYPTO_TOKEN_BYTES];

	crypto = crypto_null_provider();
	ck_assert_int_eq(crypto->token_seal(crypto->ctx, &t, nonce, bytes), 0);
	ck_assert_int_eq(crypto->token_open(crypto->ctx, bytes, NOW_MS + 100, &back), 0);
	ck_assert_uint_eq(back.caps, 77);
	ck_assert_uint_eq(back.group, 4);
	ck_assert_mem_eq(back.nonce, nonce, 12);

	ck_assert_int_eq(crypto->token_open(crypto->ctx, bytes, NOW_MS + 35001, &back),
	                 AEF_ERR_TIMEOUT);
	t.expires_ms = NOW_MS + 120001;
	ck_assert_int_eq(crypto->token_seal(crypto->ctx, &t, nonce, bytes), AEF_ERR_INVALID);
}
END_TEST

START_TEST(null_provider_changed_token_is_refused_at_every_byte)
{
	static const uint8_t nonce[12] = { 1, 2, 3 };
	struct crypto_token t = token_sample(), back = { .caps = 1 };
	uint8_t bytes[CRYPTO_TOKEN_BYTES];

	crypto = crypto_null_provider();
	ck_assert_int_eq(crypto->token_seal(crypto->ctx, &t, nonce, bytes), 0);
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		bytes[i] ^= 0x10;
		ck_assert_int_eq(crypto->token_open(crypto->ctx, bytes, NOW_MS, &back),
		                 i < 4 ? AEF_ERR_MALFORMED : AEF_ERR_AUTH);
		bytes[i] ^= 0x10;
	}
	ck_assert_uint_eq(back.caps, 1);
}
END_TEST

START_TEST(null_provider_released_key_has_no_slot)
{
	struct crypto_key k = { .slot = 4 };

	crypto = crypto_null_provider();
	crypto->key_release(crypto->ctx, &k);
	crypto->key_release(crypto->ctx, &k);
	ck_assert_uint_eq(k.slot, 0);
}
END_TEST

TEST_SUITE(null_provider, &null_provider_says_that_it_is_null,
           &null_provider_sealed_text_stays_clear_and_opens,
           &null_provider_any_flipped_bit_is_refused,
           &null_provider_another_number_is_refused_also_2_to_the_32_away,
           &null_provider_bytes_moved_between_header_and_text_are_refused,
           &null_provider_burst_judges_each_packet_alone,
           &null_provider_hashes_see_only_the_concatenation,
           &null_provider_hkdf_depends_on_salt_key_and_label,
           &null_provider_key_agreement_gives_both_sides_the_same_value,
           &null_provider_low_order_public_key_is_refused,
           &null_provider_token_opens_with_its_fields,
           &null_provider_changed_token_is_refused_at_every_byte,
           &null_provider_released_key_has_no_slot)
