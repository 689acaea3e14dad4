/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/bytes.h>
#include <base/sha256.h>

/* FIPS 180-4 section 4.2.2: first 32 bits of the fractional parts of the cube roots of 64 primes.
 */
static const uint32_t k256[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static inline uint32_t
rotr(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void
compress(uint32_t h[8], const uint8_t block[64])
{
	uint32_t w[64], s[8];

	for (unsigned i = 0; i < 16; i++)
		w[i] = aef_load_be32(block + 4 * i);
	for (unsigned i = 16; i < 64; i++) {
		const uint32_t s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
		const uint32_t s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;

		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	memcpy(s, h, sizeof(s));
	for (unsigned i = 0; i < 64; i++) {
		const uint32_t s1 = rotr(s[4], 6) ^ rotr(s[4], 11) ^ rotr(s[4], 25);
		const uint32_t ch = (s[4] & s[5]) ^ (~s[4] & s[6]);
		const uint32_t t1 = s[7] + s1 + ch + k256[i] + w[i];
		const uint32_t s0 = rotr(s[0], 2) ^ rotr(s[0], 13) ^ rotr(s[0], 22);
		const uint32_t maj = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);

		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + s0 + maj;
	}
	for (unsigned i = 0; i < 8; i++)
		h[i] += s[i];
}

void
aef_sha256_init(struct aef_sha256 *sha)
{
	static const uint32_t h0[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

	memcpy(sha->h, h0, sizeof(h0));
	sha->total_bytes = 0;
}

void
aef_sha256_update(struct aef_sha256 *sha, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t fill = sha->total_bytes % 64;

	sha->total_bytes += len;
	while (len > 0) {
		const size_t take = 64 - fill < len ? 64 - fill : len;

		memcpy(sha->block + fill, p, take);
		p += take;
		len -= take;
		fill += take;
		if (fill == 64) {
			compress(sha->h, sha->block);
			fill = 0;
		}
	}
}

void
aef_sha256_final(struct aef_sha256 *sha, uint8_t ret_digest[AEF_SHA256_BYTES])
{
	size_t fill = sha->total_bytes % 64;

	sha->block[fill++] = 0x80;
	if (fill > 56) {
		memset(sha->block + fill, 0, 64 - fill);
		compress(sha->h, sha->block);
		fill = 0;
	}
	memset(sha->block + fill, 0, 56 - fill);
	aef_store_be64(sha->block + 56, sha->total_bytes * 8);
	compress(sha->h, sha->block);
	for (unsigned i = 0; i < 8; i++)
		aef_store_be32(ret_digest + 4 * i, sha->h[i]);
}
