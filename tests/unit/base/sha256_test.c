/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/sha256.h>

#include "harness.h"

/* FIPS 180-4 examples (CSRC "SHA256.pdf") and the million times 'a'. */
static void
assert_sha256(const char *text, size_t times, size_t step, const char *hex)
{
	const size_t len = strlen(text);
	struct aef_sha256 sha;
	uint8_t got[AEF_SHA256_BYTES];
	char got_hex[2 * AEF_SHA256_BYTES + 1];

	aef_sha256_init(&sha);
	for (size_t i = 0; i < times; i++) {
		for (size_t k = 0; k < len; k += step)
			aef_sha256_update(&sha, text + k, len - k < step ? len - k : step);
	}
	aef_sha256_final(&sha, got);
	for (unsigned i = 0; i < AEF_SHA256_BYTES; i++)
		snprintf(got_hex + 2 * i, 3, "%02x", got[i]);
	ck_assert_str_eq(got_hex, hex);
}

START_TEST(sha256_gives_the_published_digests)
{
	for (size_t step = 1; step < 70; step += 13) {
		assert_sha256("", 1, step,
		              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		assert_sha256("abc", 1, step,
		              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		assert_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, step,
		              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	}
	assert_sha256("aaaaaaaaaa", 100000, 10,
	              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

TEST_SUITE(sha256, &sha256_gives_the_published_digests)
