/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * provider_test.c - the provider through its table: what every user of it may rely on.
 */
#include <base/err.h>
#include <base/rng.h>
#include <crypto/token.h>
#include <protect/provider.h>

#include "hex.h"

#define BURST 32

struct rig {
	struct protect_ring *ring;
	struct protect *protect;
	const struct crypto_provider *crypto;
};

static struct rig rig;

static void
rig_start(uint32_t keys_max)
{
	ck_assert_int_eq(protect_ring_create(3, &rig.ring), 0);
	const struct protect_conf conf = { .keys_max = keys_max, .ring = rig.ring };

	ck_assert_int_eq(protect_create(&conf, &rig.protect), 0);
	rig.crypto = protect_provider(rig.protect);
}

static void
rig_stop(void)
{
	protect_destroy(rig.protect);
	protect_ring_close(rig.ring);
	memset(&rig, 0, sizeof(rig));
}

static void
random_key(struct aef_rng *rng, struct crypto_key *ret_key)
{
	for (unsigned i = 0; i < CRYPTO_KEY_BYTES; i++)
		ret_key->key[i] = (uint8_t)aef_rng_u64(rng);
	for (unsigned i = 0; i < CRYPTO_IV_BYTES; i++)
		ret_key->iv[i] = (uint8_t)aef_rng_u64(rng);
	ret_key->slot = 0;
}

START_TEST(provider_says_what_it_is)
{
	rig_start(4);

	ck_assert_str_eq(rig.crypto->name, "aes-256-gcm");
	ck_assert(!rig.crypto->is_null);
	rig_stop();
}
END_TEST

/* keys are fewer than the cache, equal, and three times as many. */
START_TEST(provider_bursts_of_mixed_keys_open_again_with_any_cache)
{
	static const uint32_t keys_max[] = { 1, 3, 8, 64 };
	static uint8_t text[BURST][1300], plain[BURST][1300];
	uint8_t aad[96], tag[BURST][CRYPTO_TAG_BYTES];
	struct crypto_key tx[8], rx[8];
	struct crypto_op ops[BURST];
	struct aef_rng rng;

	aef_rng_init(&rng, 5);
	for (unsigned c = 0; c < AEF_DIM(keys_max); c++) {
		rig_start(keys_max[c]);
		for (unsigned i = 0; i < 8; i++) {
			random_key(&rng, &tx[i]);
			rx[i] = tx[i];
		}
		for (unsigned round = 0; round < 50; round++) {
			for (unsigned i = 0; i < BURST; i++) {
				ops[i] = (struct crypto_op){
					.key = &tx[aef_rng_below(&rng, 8)],
					.pn = aef_rng_u64(&rng) >> 2,
					.aad = aad,
					.aad_len = 32 + 8 * (i % 9),
					.text = text[i],
					.text_len = (uint32_t)aef_rng_below(&rng, 1300),
					.tag = tag[i],
				};
				memset(plain[i], (int)aef_rng_u64(&rng), sizeof(plain[i]));
				memcpy(text[i], plain[i], sizeof(text[i]));
			}
			memset(aad, (int)round, sizeof(aad));
			rig.crypto->seal(rig.crypto->ctx, ops, BURST);
			for (unsigned i = 0; i < BURST; i++)
				ops[i].key = &rx[ops[i].key - tx];
			ops[round % BURST].tag[round % 16] ^= 4;
			rig.crypto->open(rig.crypto->ctx, ops, BURST);
			for (unsigned i = 0; i < BURST; i++) {
				ck_assert_int_eq(ops[i].ok, i != round % BURST);
				if (ops[i].ok)
					ck_assert_mem_eq(text[i], plain[i], sizeof(plain[i]));
			}
		}
		for (unsigned i = 0; i < 8; i++) {
			rig.crypto->key_release(rig.crypto->ctx, &tx[i]);
			rig.crypto->key_release(rig.crypto->ctx, &rx[i]);
			ck_assert_uint_eq(tx[i].slot, 0);
		}
		rig_stop();
	}
}
END_TEST

START_TEST(provider_opens_nothing_that_differs_in_one_bit)
{
	uint8_t aad[40] = { 1 }, text[50] = { 2 }, tag[CRYPTO_TAG_BYTES], copy[50];
	struct crypto_key key;
	struct aef_rng rng;

	rig_start(2);
	aef_rng_init(&rng, 6);
	random_key(&rng, &key);
	struct crypto_op op = { .key = &key,
		                .pn = 77,
		                .aad = aad,
		                .aad_len = sizeof(aad),
		                .text = text,
		                .text_len = sizeof(text),
		                .tag = tag };

	rig.crypto->seal(rig.crypto->ctx, &op, 1);
	memcpy(copy, text, sizeof(copy));
	for (unsigned bit = 0; bit < 8 * (40 + 50 + 16 + 8); bit++) {
		const unsigned at = bit / 8, mask = 1u << (bit % 8);

		if (at < 40)
			aad[at] ^= (uint8_t)mask;
		else if (at < 90)
			text[at - 40] ^= (uint8_t)mask;
		else if (at < 106)
			tag[at - 90] ^= (uint8_t)mask;
		else
			op.pn ^= 1ull << (bit - 8 * 106);
		rig.crypto->open(rig.crypto->ctx, &op, 1);
		ck_assert_msg(!op.ok, "bit %u", bit);
		if (at < 40)
			aad[at] ^= (uint8_t)mask;
		else if (at >= 90 && at < 106)
			tag[at - 90] ^= (uint8_t)mask;
		else if (at >= 106)
			op.pn ^= 1ull << (bit - 8 * 106);
		memcpy(text, copy, sizeof(text));
	}
	rig.crypto->open(rig.crypto->ctx, &op, 1);
	ck_assert(op.ok);
	rig_stop();
}
END_TEST

START_TEST(provider_seals_and_opens_without_text_or_without_associated_data)
{
	uint8_t aad[32] = { 9 }, text[20] = { 1, 2, 3 }, tag[CRYPTO_TAG_BYTES] = { 0 };
	struct crypto_key key = { .slot = 0 };

	rig_start(1);
	struct crypto_op none = { .key = &key, .pn = 1, .tag = tag };
	struct crypto_op only_aad = { .key = &key, .pn = 1, .aad = aad, .aad_len = 32, .tag = tag };
	struct crypto_op only_text = {
		.key = &key, .pn = 1, .text = text, .text_len = 20, .tag = tag
	};
	struct crypto_op *const all[] = { &none, &only_aad, &only_text };

	for (unsigned i = 0; i < AEF_DIM(all); i++) {
		memset(tag, 0, sizeof(tag));
		rig.crypto->open(rig.crypto->ctx, all[i], 1);
		ck_assert_msg(!all[i]->ok, "%u: a tag of zeros verified", i);
		memset(text, 7, sizeof(text));
		rig.crypto->seal(rig.crypto->ctx, all[i], 1);
		rig.crypto->open(rig.crypto->ctx, all[i], 1);
		ck_assert_msg(all[i]->ok, "%u", i);
		tag[15] ^= 1;
		rig.crypto->open(rig.crypto->ctx, all[i], 1);
		ck_assert_msg(!all[i]->ok, "%u", i);
	}
	ck_assert_uint_eq(text[19], text[19]);
	rig_stop();
}
END_TEST

static struct crypto_token
some_token(void)
{
	struct crypto_token token = { .epoch = 1,
		                      .group = 3,
		                      .issued_ms = 1700000000000,
		                      .expires_ms = 1700000030000,
		                      .caps = 5,
		                      .max_docs = 9 };

	memset(token.conn_id.b, 0xc0, sizeof(token.conn_id.b));
	memset(token.psk, 0x5e, sizeof(token.psk));
	return token;
}

/* */
START_TEST(provider_token_opens_as_it_was_sealed_and_only_then)
{
	static const uint8_t nonce[CRYPTO_NONCE_BYTES] = { 1, 2, 3 };
	const struct crypto_token token = some_token();
	const uint64_t now = token.issued_ms;
	uint8_t bytes[CRYPTO_TOKEN_BYTES];
	struct crypto_token got, untouched;

	rig_start(1);
	const struct crypto_provider *c = rig.crypto;

	ck_assert_int_eq(c->token_seal(c->ctx, &token, nonce, bytes), 0);
	ck_assert_int_eq(c->token_open(c->ctx, bytes, now, &got), 0);
	ck_assert_mem_eq(&got.conn_id, &token.conn_id, sizeof(token.conn_id));
	ck_assert_mem_eq(got.psk, token.psk, sizeof(token.psk));
	ck_assert_mem_eq(got.nonce, nonce, sizeof(nonce));
	ck_assert_uint_eq(got.max_docs, 9);
	memset(&got, 0xee, sizeof(got));
	untouched = got;
	for (unsigned bit = 0; bit < 8 * CRYPTO_TOKEN_BYTES; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		const int rc = c->token_open(c->ctx, bytes, now, &got);

		ck_assert_int_eq(rc, bit < 32   ? AEF_ERR_MALFORMED
		                     : bit < 64 ? AEF_ERR_NOTFOUND
		                                : AEF_ERR_AUTH);
		ck_assert_mem_eq(&got, &untouched, sizeof(got));
		bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	ck_assert_int_eq(c->token_open(c->ctx, bytes, token.expires_ms + 5000, &got), 0);
	ck_assert_int_eq(c->token_open(c->ctx, bytes, token.expires_ms + 5001, &got),
	                 AEF_ERR_TIMEOUT);
	ck_assert_int_eq(c->token_open(c->ctx, bytes, token.issued_ms - 5000, &got), 0);
	ck_assert_int_eq(c->token_open(c->ctx, bytes, token.issued_ms - 5001, &got),
	                 AEF_ERR_TIMEOUT);
	rig_stop();
}
END_TEST

START_TEST(provider_token_of_another_group_epoch_or_form_is_not_sealed)
{
	static const uint8_t nonce[CRYPTO_NONCE_BYTES];
	uint8_t bytes[CRYPTO_TOKEN_BYTES];
	struct crypto_token token = some_token();

	rig_start(1);
	const struct crypto_provider *c = rig.crypto;

	token.group = 4;
	ck_assert_int_eq(c->token_seal(c->ctx, &token, nonce, bytes), AEF_ERR_NOTFOUND);
	token.group = 3;
	token.epoch = 2;
	ck_assert_int_eq(c->token_seal(c->ctx, &token, nonce, bytes), AEF_ERR_NOTFOUND);
	token.epoch = 1;
	token.expires_ms = token.issued_ms + 120001;
	ck_assert_int_eq(c->token_seal(c->ctx, &token, nonce, bytes), AEF_ERR_INVALID);
	rig_stop();
}
END_TEST

START_TEST(provider_without_a_ring_knows_no_token)
{
	static const uint8_t nonce[CRYPTO_NONCE_BYTES];
	const struct protect_conf conf = { .keys_max = 1 };
	const struct crypto_token token = some_token();
	uint8_t bytes[CRYPTO_TOKEN_BYTES] = "QTK1";
	struct crypto_token got;
	struct protect *p;

	ck_assert_int_eq(protect_create(&conf, &p), 0);
	const struct crypto_provider *c = protect_provider(p);

	ck_assert_int_eq(c->token_seal(c->ctx, &token, nonce, bytes), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(c->token_open(c->ctx, bytes, 0, &got), AEF_ERR_NOTFOUND);
	protect_destroy(p);
	protect_destroy(NULL);
}
END_TEST

START_TEST(provider_refuses_no_keys_says_what_to_do_and_takes_no_more_than_are_of_use)
{
	struct protect_conf conf = { .keys_max = 0 };
	struct protect *p = (void *)&conf;

	ck_assert_int_eq(protect_create(&conf, &p), AEF_ERR_INVALID);
	ck_assert_ptr_null(p);
	conf.keys_max = UINT32_MAX; /* as many as are of use */
	ck_assert_int_eq(protect_create(&conf, &p), 0);
	protect_destroy(p);
	ck_assert_ptr_nonnull(strstr(protect_create_text(AEF_ERR_INVALID), "correct"));
	for (int err = 0; err > -30; err--)
		ck_assert_uint_gt(strlen(protect_create_text(err)), 20);
}
END_TEST

/* RFC 7748 section 6.1. */
START_TEST(provider_x25519_agrees_with_the_published_exchange)
{
	uint8_t a[32], b[32], a_priv[32], b_priv[32], a_pub[32], b_pub[32], shared[32];

	rig_start(1);
	const struct crypto_provider *c = rig.crypto;

	unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", a, 32);
	unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", b, 32);
	ck_assert_int_eq(c->dh_keygen(c->ctx, a, a_priv, a_pub), 0);
	ck_assert_int_eq(c->dh_keygen(c->ctx, b, b_priv, b_pub), 0);
	ck_assert_hex(a_pub, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	ck_assert_hex(b_pub, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	ck_assert_int_eq(c->dh(c->ctx, a_priv, b_pub, shared), 0);
	ck_assert_hex(shared, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	ck_assert_int_eq(c->dh(c->ctx, b_priv, a_pub, shared), 0);
	ck_assert_hex(shared, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	rig_stop();
}
END_TEST

TEST_SUITE(provider, &provider_says_what_it_is,
           &provider_bursts_of_mixed_keys_open_again_with_any_cache,
           &provider_opens_nothing_that_differs_in_one_bit,
           &provider_seals_and_opens_without_text_or_without_associated_data,
           &provider_token_opens_as_it_was_sealed_and_only_then,
           &provider_token_of_another_group_epoch_or_form_is_not_sealed,
           &provider_without_a_ring_knows_no_token,
           &provider_refuses_no_keys_says_what_to_do_and_takes_no_more_than_are_of_use,
           &provider_x25519_agrees_with_the_published_exchange)
