/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/siphash.h>

static inline uint64_t
rotl(uint64_t x, unsigned b)
{
	return (x << b) | (x >> (64 - b));
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void
sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

/* The algorithm reads little-endian words; so does every machine this runs on. */
static inline uint64_t
load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

void
aef_siphash_init(struct aef_siphash *sip, const uint8_t key[16], bool wide)
{
	const uint64_t k0 = load_le64(key);
	const uint64_t k1 = load_le64(key + 8);

	*sip = (struct aef_siphash){
		.v = { k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull,
		       k0 ^ 0x6c7967656e657261ull, k1 ^ 0x7465646279746573ull },
		.wide = wide,
	};
	if (wide)
		sip->v[1] ^= 0xee;
}

void
aef_siphash_update(struct aef_siphash *sip, const void *data, size_t len)
{
	const uint8_t *p = data;
	unsigned fill = (unsigned)(sip->total_bytes & 7);

	sip->total_bytes += len;
	while (len > 0 && fill != 0) {
		sip->tail |= (uint64_t)*p++ << (8 * fill);
		len--;
		fill = (fill + 1) & 7;
		if (fill == 0) {
			sip_word(sip->v, sip->tail);
			sip->tail = 0;
		}
	}
	for (; len >= 8; len -= 8, p += 8)
		sip_word(sip->v, load_le64(p));
	for (unsigned i = 0; len > 0; len--, i++)
		sip->tail |= (uint64_t)*p++ << (8 * (fill + i));
}

static uint64_t
sip_finish(struct aef_siphash *sip, uint64_t mark)
{
	sip->v[2] ^= mark;
	for (unsigned i = 0; i < 4; i++)
		sip_round(sip->v);
	return sip->v[0] ^ sip->v[1] ^ sip->v[2] ^ sip->v[3];
}

uint64_t
aef_siphash_final64(struct aef_siphash *sip)
{
	aef_assert_hot(!sip->wide);
	sip_word(sip->v, sip->tail | (sip->total_bytes << 56));
	return sip_finish(sip, 0xff);
}

void
aef_siphash_final128(struct aef_siphash *sip, uint8_t ret_digest[16])
{
	aef_assert_hot(sip->wide);
	sip_word(sip->v, sip->tail | (sip->total_bytes << 56));
	const uint64_t lo = sip_finish(sip, 0xee);

	sip->v[1] ^= 0xdd;
	const uint64_t hi = sip_finish(sip, 0);

	memcpy(ret_digest, &lo, 8);
	memcpy(ret_digest + 8, &hi, 8);
}

uint64_t
aef_siphash64(const uint8_t key[16], const void *data, size_t len)
{
	struct aef_siphash sip;

	aef_siphash_init(&sip, key, false);
	aef_siphash_update(&sip, data, len);
	return aef_siphash_final64(&sip);
}

void
aef_siphash128(const uint8_t key[16], const void *data, size_t len, uint8_t ret_digest[16])
{
	struct aef_siphash sip;

	aef_siphash_init(&sip, key, true);
	aef_siphash_update(&sip, data, len);
	aef_siphash_final128(&sip, ret_digest);
}
