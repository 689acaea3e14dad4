/* SPDX-License-Identifier: BSD-3-Clause */
#include <crypto/provider.h>

#include "harness.h"

START_TEST(wipe_overwrites_exactly_the_bytes_given)
{
	uint8_t mem[8];

	memset(mem, 0xaa, sizeof(mem));
	crypto_wipe(mem + 2, 4);
	crypto_wipe(mem, 0);

	ck_assert_mem_eq(mem, "\xaa\xaa\0\0\0\0\xaa\xaa", 8);
}
END_TEST

START_TEST(wipe_equal_sees_a_difference_in_any_bit)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	ck_assert(crypto_equal(a, b, sizeof(a)));
	ck_assert(crypto_equal(a, b, 0));
	for (unsigned bit = 0; bit < 8 * sizeof(a); bit++) {
		b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		ck_assert(!crypto_equal(a, b, sizeof(a)));
		b[bit / 8] = 0;
	}
}
END_TEST

START_TEST(wipe_nonce_is_the_iv_with_the_number_in_its_last_8_bytes)
{
	const uint8_t iv[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	const uint8_t want[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ^ 0x12, 11 ^ 0x34, 12 ^ 0x56 };
	uint8_t nonce[12];

	crypto_nonce(iv, 0x123456, nonce);
	ck_assert_mem_eq(nonce, want, 12);
	crypto_nonce(iv, 0, nonce);
	ck_assert_mem_eq(nonce, iv, 12);
}
END_TEST

TEST_SUITE(wipe, &wipe_overwrites_exactly_the_bytes_given, &wipe_equal_sees_a_difference_in_any_bit,
           &wipe_nonce_is_the_iv_with_the_number_in_its_last_8_bytes)
