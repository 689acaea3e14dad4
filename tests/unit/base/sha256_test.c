/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/sha256.h>

#include "harness.h"

static void
hex_of(const uint8_t digest[AEF_SHA256_BYTES], char ret_text[65])
{
	for (unsigned i = 0; i < AEF_SHA256_BYTES; i++)
		snprintf(ret_text + 2 * (size_t)i, 3, "%02x", digest[i]);
}

static void
sha_of(const void *data, size_t len, char ret_text[65])
{
	struct aef_sha256 sha;
	uint8_t digest[AEF_SHA256_BYTES];

	aef_sha256_init(&sha);
	aef_sha256_update(&sha, data, len);
	aef_sha256_final(&sha, digest);
	hex_of(digest, ret_text);
}

/* FIPS 180-4 examples and the empty message. */
START_TEST(sha256_of_the_standards_examples_is_theirs)
{
	static const struct {
		const char *text, *digest;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	char text[65];

	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		sha_of(cases[i].text, strlen(cases[i].text), text);
		ck_assert_str_eq(text, cases[i].digest);
	}
}
END_TEST

START_TEST(sha256_of_a_million_letters_is_the_standards)
{
	struct aef_sha256 sha;
	uint8_t digest[AEF_SHA256_BYTES];
	char block[1000], text[65];

	memset(block, 'a', sizeof(block));
	aef_sha256_init(&sha);
	for (unsigned i = 0; i < 1000; i++)
		aef_sha256_update(&sha, block, sizeof(block));
	aef_sha256_final(&sha, digest);
	hex_of(digest, text);

	ck_assert_str_eq(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

/* The bytes 00, 01, ...: lengths around the block and its padding, from another implementation. */
START_TEST(sha256_around_the_block_edges_agrees_with_another_implementation)
{
	static const struct {
		size_t len;
		const char *digest;
	} cases[] = {
		{ 55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59" },
		{ 56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562" },
		{ 63, "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488" },
		{ 64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108" },
		{ 65, "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781" },
		{ 119, "da18797ed7c3a777f0847f429724a2d8cd5138e6ed2895c3fa1a6d39d18f7ec6" },
		{ 120, "f52b23db1fbb6ded89ef42a23ce0c8922c45f25c50b568a93bf1c075420bbb7c" },
		{ 1000, "a8af099bf2e878609558dbf69d8f88f4a31040a8cf84b549a0cfa912f12ffc3f" },
	};
	uint8_t data[1000];
	char text[65];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		sha_of(data, cases[i].len, text);
		ck_assert_str_eq(text, cases[i].digest);
	}
}
END_TEST

START_TEST(sha256_fed_in_two_pieces_equals_one_piece_at_each_cut)
{
	uint8_t data[150], whole[AEF_SHA256_BYTES], digest[AEF_SHA256_BYTES];
	struct aef_sha256 sha;

	memset(data, 0x3c, sizeof(data));
	aef_sha256_init(&sha);
	aef_sha256_update(&sha, data, sizeof(data));
	aef_sha256_final(&sha, whole);

	for (size_t cut = 0; cut <= sizeof(data); cut++) {
		aef_sha256_init(&sha);
		aef_sha256_update(&sha, data, cut);
		aef_sha256_update(&sha, data + cut, sizeof(data) - cut);
		aef_sha256_final(&sha, digest);
		ck_assert_mem_eq(digest, whole, sizeof(whole));
	}
}
END_TEST

TEST_SUITE(sha256, &sha256_of_the_standards_examples_is_theirs,
           &sha256_of_a_million_letters_is_the_standards,
           &sha256_around_the_block_edges_agrees_with_another_implementation,
           &sha256_fed_in_two_pieces_equals_one_piece_at_each_cut)
