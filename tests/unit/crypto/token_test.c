/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <crypto/token.h>

#include "harness.h"

#define NOW_MS 1700000000000ull

static struct crypto_token
sample(void)
{
	struct crypto_token t = { .epoch = 0x0102,
		                  .group = 0x0304,
		                  .expires_ms = NOW_MS + CRYPTO_TOKEN_LIFE_DEFAULT_MS,
		                  .issued_ms = NOW_MS,
		                  .session_epoch = 0x1122334455667788ull,
		                  .caps = 0xa1a2a3a4u,
		                  .max_kbps = 50000,
		                  .max_pps = 9000,
		                  .max_docs = 64,
		                  .addr_family = CRYPTO_ADDR_IPV4,
		                  .addr_prefix = 24,
		                  .addr = { 192, 0, 2 } };

	for (unsigned i = 0; i < 16; i++) {
		t.session_id.b[i] = (uint8_t)(0x10 + i);
		t.conn_id.b[i] = (uint8_t)(0x30 + i);
		t.tenant_id.b[i] = (uint8_t)(0x50 + i);
		t.subject_id.b[i] = (uint8_t)(0x70 + i);
		t.psk[i] = t.psk[16 + i] = (uint8_t)(0x90 + i);
	}
	return t;
}

START_TEST(token_clear_part_has_the_documented_bytes)
{
	static const uint8_t want[16] = { 'Q', 'T', 'K', '1',  1,    2,    3,    4,
		                          0,   0,   1,   0x8b, 0xcf, 0xe5, 0xdd, 0x30 };
	uint8_t bytes[CRYPTO_TOKEN_BYTES] = { 0 };
	struct crypto_token t = sample(), back = { 0 };

	crypto_token_clear_encode(&t, bytes);
	memset(bytes + CRYPTO_TOKEN_NONCE_AT, 7, CRYPTO_NONCE_BYTES);
	ck_assert_mem_eq(bytes, want, sizeof(want));

	ck_assert_int_eq(crypto_token_clear_decode(bytes, &back), 0);
	ck_assert_uint_eq(back.epoch, t.epoch);
	ck_assert_uint_eq(back.group, t.group);
	ck_assert_uint_eq(back.expires_ms, t.expires_ms);
	ck_assert_uint_eq(back.nonce[11], 7);
	for (unsigned i = 0; i < 4; i++) {
		bytes[i] ^= 1;
		ck_assert_int_eq(crypto_token_clear_decode(bytes, &back), AEF_ERR_MALFORMED);
		bytes[i] ^= 1;
	}
}
END_TEST

START_TEST(token_body_round_trips_every_field)
{
	struct crypto_token t = sample(), back = { .expires_ms = t.expires_ms };
	uint8_t body[CRYPTO_TOKEN_BODY_BYTES], again[CRYPTO_TOKEN_BODY_BYTES];

	ck_assert_int_eq(crypto_token_body_encode(&t, body), 0);
	ck_assert_int_eq(crypto_token_body_decode(body, &back), 0);
	ck_assert_int_eq(crypto_token_body_encode(&back, again), 0);

	ck_assert_mem_eq(body, again, sizeof(body));
	ck_assert(aef_guuid_eq(&t.conn_id, &back.conn_id));
	ck_assert_mem_eq(t.psk, back.psk, sizeof(t.psk));
	ck_assert_uint_eq(back.session_epoch, t.session_epoch);
	ck_assert_uint_eq(back.caps, t.caps);
	ck_assert_uint_eq(back.max_docs, 64);
	ck_assert_uint_eq(body[96 + 7], (uint8_t)NOW_MS); /* issued_ms ends 8 bytes after the psk */
	ck_assert_uint_eq(body[126], CRYPTO_ADDR_IPV4);
}
END_TEST

START_TEST(token_bits_beyond_the_address_prefix_are_refused)
{
	struct crypto_token t = sample(), back = { .expires_ms = t.expires_ms };
	uint8_t body[CRYPTO_TOKEN_BODY_BYTES];

	ck_assert_int_eq(crypto_token_body_encode(&t, body), 0);
	for (unsigned bit = 24; bit < 128; bit++) {
		body[128 + bit / 8] ^= (uint8_t)(0x80u >> (bit % 8));
		ck_assert_int_eq(crypto_token_body_decode(body, &back), AEF_ERR_MALFORMED);
		body[128 + bit / 8] ^= (uint8_t)(0x80u >> (bit % 8));
	}
	ck_assert_uint_eq(back.caps, 0); /* untouched by the refusals */
	ck_assert_int_eq(crypto_token_body_decode(body, &back), 0);
}
END_TEST

START_TEST(token_address_family_and_prefix_are_checked)
{
	static const struct {
		uint8_t family, prefix;
		int want;
	} cases[] = { { 0, 0, 0 },
		      { 0, 1, AEF_ERR_INVALID },
		      { 1, 0, AEF_ERR_INVALID },
		      { 4, 32, 0 },
		      { 4, 33, AEF_ERR_INVALID },
		      { 6, 128, 0 },
		      { 6, 129, AEF_ERR_INVALID },
		      { 255, 0, AEF_ERR_INVALID } };
	uint8_t body[CRYPTO_TOKEN_BODY_BYTES];

	for (unsigned i = 0; i < AEF_DIM(cases); i++) {
		struct crypto_token t = sample();

		memset(t.addr, 0, sizeof(t.addr));
		t.addr_family = cases[i].family;
		t.addr_prefix = cases[i].prefix;
		ck_assert_int_eq(crypto_token_body_encode(&t, body), cases[i].want);
	}
}
END_TEST

START_TEST(token_life_above_120_s_or_negative_is_refused)
{
	struct crypto_token t = sample(), back;
	uint8_t body[CRYPTO_TOKEN_BODY_BYTES];

	t.expires_ms = t.issued_ms + 120000;
	ck_assert_int_eq(crypto_token_body_encode(&t, body), 0);
	back = t;
	back.expires_ms++;
	ck_assert_int_eq(crypto_token_body_decode(body, &back), AEF_ERR_MALFORMED);
	t.expires_ms++;
	ck_assert_int_eq(crypto_token_body_encode(&t, body), AEF_ERR_INVALID);
	t.expires_ms = t.issued_ms - 1;
	ck_assert_int_eq(crypto_token_body_encode(&t, body), AEF_ERR_INVALID);
}
END_TEST

START_TEST(token_times_allow_a_skew_of_5_s)
{
	const struct crypto_token t = sample();

	ck_assert_int_eq(crypto_token_check_time(&t, NOW_MS), 0);
	ck_assert_int_eq(crypto_token_check_time(&t, NOW_MS - 5000), 0);
	ck_assert_int_eq(crypto_token_check_time(&t, NOW_MS - 5001), AEF_ERR_TIMEOUT);
	ck_assert_int_eq(crypto_token_check_time(&t, t.expires_ms + 5000), 0);
	ck_assert_int_eq(crypto_token_check_time(&t, t.expires_ms + 5001), AEF_ERR_TIMEOUT);
	ck_assert_int_eq(crypto_token_check_time(&t, UINT64_MAX), AEF_ERR_TIMEOUT);
	ck_assert_int_eq(crypto_token_check_time(&t, 0), AEF_ERR_TIMEOUT);
}
END_TEST

START_TEST(token_address_hint_is_compared_up_to_its_prefix)
{
	static const uint8_t in[4] = { 192, 0, 2, 200 }, out[4] = { 192, 0, 3, 1 };
	static const uint8_t six[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct crypto_token t = sample();

	ck_assert(crypto_token_fits_addr(&t, CRYPTO_ADDR_IPV4, in));
	ck_assert(!crypto_token_fits_addr(&t, CRYPTO_ADDR_IPV4, out));
	ck_assert(!crypto_token_fits_addr(&t, CRYPTO_ADDR_IPV6, six));
	t.addr_prefix = 23;
	ck_assert(crypto_token_fits_addr(&t, CRYPTO_ADDR_IPV4, out));
	t.addr_prefix = 32;
	ck_assert(!crypto_token_fits_addr(&t, CRYPTO_ADDR_IPV4, in));
	t.addr_family = CRYPTO_ADDR_NONE;
	ck_assert(crypto_token_fits_addr(&t, CRYPTO_ADDR_IPV6, six));
}
END_TEST

TEST_SUITE(token, &token_clear_part_has_the_documented_bytes, &token_body_round_trips_every_field,
           &token_bits_beyond_the_address_prefix_are_refused,
           &token_address_family_and_prefix_are_checked,
           &token_life_above_120_s_or_negative_is_refused, &token_times_allow_a_skew_of_5_s,
           &token_address_hint_is_compared_up_to_its_prefix)
