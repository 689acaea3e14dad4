/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/siphash.h>

#include "harness.h"

/*
 * SipHash-2-4-64 of the bytes 00, 00 01, ... under the key 00 01 .. 0f, for 0 to 63 bytes: computed
 * with a second implementation written from the paper; its appendix A gives the value for 15 bytes.
 */
static const uint64_t vectors[64] = {
	0x726fdb47dd0e0e31ull, 0x74f839c593dc67fdull, 0x0d6c8009d9a94f5aull, 0x85676696d7fb7e2dull,
	0xcf2794e0277187b7ull, 0x18765564cd99a68dull, 0xcbc9466e58fee3ceull, 0xab0200f58b01d137ull,
	0x93f5f5799a932462ull, 0x9e0082df0ba9e4b0ull, 0x7a5dbbc594ddb9f3ull, 0xf4b32f46226bada7ull,
	0x751e8fbc860ee5fbull, 0x14ea5627c0843d90ull, 0xf723ca908e7af2eeull, 0xa129ca6149be45e5ull,
	0x3f2acc7f57c29bdbull, 0x699ae9f52cbe4794ull, 0x4bc1b3f0968dd39cull, 0xbb6dc91da77961bdull,
	0xbed65cf21aa2ee98ull, 0xd0f2cbb02e3b67c7ull, 0x93536795e3a33e88ull, 0xa80c038ccd5ccec8ull,
	0xb8ad50c6f649af94ull, 0xbce192de8a85b8eaull, 0x17d835b85bbb15f3ull, 0x2f2e6163076bcfadull,
	0xde4daaaca71dc9a5ull, 0xa6a2506687956571ull, 0xad87a3535c49ef28ull, 0x32d892fad841c342ull,
	0x7127512f72f27cceull, 0xa7f32346f95978e3ull, 0x12e0b01abb051238ull, 0x15e034d40fa197aeull,
	0x314dffbe0815a3b4ull, 0x027990f029623981ull, 0xcadcd4e59ef40c4dull, 0x9abfd8766a33735cull,
	0x0e3ea96b5304a7d0ull, 0xad0c42d6fc585992ull, 0x187306c89bc215a9ull, 0xd4a60abcf3792b95ull,
	0xf935451de4f21df2ull, 0xa9538f0419755787ull, 0xdb9acddff56ca510ull, 0xd06c98cd5c0975ebull,
	0xe612a3cb9ecba951ull, 0xc766e62cfcadaf96ull, 0xee64435a9752fe72ull, 0xa192d576b245165aull,
	0x0a8787bf8ecb74b2ull, 0x81b3e73d20b49b6full, 0x7fa8220ba3b2eceaull, 0x245731c13ca42499ull,
	0xb78dbfaf3a8d83bdull, 0xea1ad565322a1a0bull, 0x60e61c23a3795013ull, 0x6606d7e446282b93ull,
	0x6ca4ecb15c5f91e1ull, 0x9f626da15c9625f3ull, 0xe51b38608ef25f57ull, 0x958a324ceb064572ull,
};

static const uint8_t key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void
fill(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)i;
}

START_TEST(siphash_of_the_papers_15_bytes_is_the_papers_value)
{
	uint8_t data[15];

	fill(data, sizeof(data));

	ck_assert_uint_eq(aef_siphash64(key, data, sizeof(data)), 0xa129ca6149be45e5ull);
}
END_TEST

START_TEST(siphash_of_each_length_agrees_with_its_vector)
{
	uint8_t data[64];

	fill(data, sizeof(data));

	for (size_t len = 0; len < AEF_DIM(vectors); len++)
		ck_assert_uint_eq(aef_siphash64(key, data, len), vectors[len]);
}
END_TEST

START_TEST(siphash_fed_in_two_pieces_equals_one_piece_at_each_cut)
{
	uint8_t data[64];

	fill(data, sizeof(data));
	for (size_t len = 0; len < sizeof(data); len++) {
		for (size_t cut = 0; cut <= len; cut++) {
			struct aef_siphash sip;

			aef_siphash_init(&sip, key, false);
			aef_siphash_update(&sip, data, cut);
			aef_siphash_update(&sip, data + cut, len - cut);
			ck_assert_uint_eq(aef_siphash_final64(&sip), vectors[len]);
		}
	}
}
END_TEST

START_TEST(siphash_wide_agrees_with_the_reference_vectors)
{
	static const uint8_t of_none[16] = { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
		                             0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 };
	static const uint8_t of_one[16] = { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
		                            0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 };
	const uint8_t zero = 0;
	uint8_t digest[16];

	aef_siphash128(key, &zero, 0, digest);
	ck_assert_mem_eq(digest, of_none, sizeof(digest));
	aef_siphash128(key, &zero, 1, digest);
	ck_assert_mem_eq(digest, of_one, sizeof(digest));
}
END_TEST

START_TEST(siphash_wide_changes_with_every_bit_of_the_input)
{
	uint8_t data[32], first[16], digest[16];

	fill(data, sizeof(data));
	aef_siphash128(key, data, sizeof(data), first);

	for (unsigned bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		aef_siphash128(key, data, sizeof(data), digest);
		ck_assert_mem_ne(digest, first, sizeof(digest));
		data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
}
END_TEST

TEST_SUITE(siphash, &siphash_of_the_papers_15_bytes_is_the_papers_value,
           &siphash_of_each_length_agrees_with_its_vector,
           &siphash_fed_in_two_pieces_equals_one_piece_at_each_cut,
           &siphash_wide_agrees_with_the_reference_vectors,
           &siphash_wide_changes_with_every_bit_of_the_input)
