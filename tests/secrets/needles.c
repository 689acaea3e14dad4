/* SPDX-License-Identifier: BSD-3-Clause */
#include "needles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/rng.h>
#include <crypto/provider.h>
#include <keylog/tap.h>

#define TABLE      (1u << 20) /* slots; a few hundred secrets have some 10,000 runs */
#define FILTER     (1u << 22) /* bits */
#define AES_WORDS  60u
#define NAMES_MAX  8192u
#define NAME_BYTES 48u

struct slot {
	uint64_t run;
	uint32_t name; /* index + 1; 0: free */
};

struct needles {
	struct slot table[TABLE];
	uint64_t filter[FILTER / 64];
	char names[NAMES_MAX][NAME_BYTES];
	unsigned nb_names, nb_runs;
};

void
needles_destroy(struct needles *needles)
{
	free(needles);
}

static uint64_t
mix(uint64_t run)
{
	return run * 0x9e3779b97f4a7c15ull;
}

static const struct slot *
lookup(const struct needles *n, uint64_t run)
{
	const uint64_t h = mix(run);

	if ((n->filter[h % FILTER / 64] >> (h % 64) & 1) == 0)
		return NULL;
	for (uint32_t i = (uint32_t)(h >> 40); n->table[i % TABLE].name != 0; i++)
		if (n->table[i % TABLE].run == run)
			return &n->table[i % TABLE];
	return NULL;
}

/* Runs of one secret; @return true when any of them is new. */
static bool
add_runs(struct needles *n, const uint8_t *bytes, size_t len, uint32_t name)
{
	bool new = false;

	for (size_t i = 0; i + NEEDLE_BYTES <= len; i++) {
		uint64_t run, h;
		uint32_t at;

		memcpy(&run, bytes + i, sizeof(run));
		if (lookup(n, run) != NULL)
			continue;
		aef_assert(n->nb_runs++ < TABLE / 2);
		h = mix(run);
		n->filter[h % FILTER / 64] |= 1ull << (h % 64);
		for (at = (uint32_t)(h >> 40); n->table[at % TABLE].name != 0; at++)
			;
		n->table[at % TABLE] = (struct slot){ run, name };
		new = true;
	}
	return new;
}

static uint8_t
gf_mul(uint8_t a, uint8_t b)
{
	uint8_t out = 0;

	for (; b != 0; b >>= 1) {
		if (b & 1)
			out ^= a;
		a = (uint8_t)((a << 1) ^ (a & 0x80 ? 0x1b : 0));
	}
	return out;
}

/* FIPS 197: the inverse in GF(2^8), then the affine map. */
static uint8_t
sbox(uint8_t x)
{
	uint8_t inverse = 1, out = 0x63;

	for (unsigned i = 0; i < 254; i++)
		inverse = gf_mul(inverse, x);
	for (unsigned turn = 0; turn < 5; turn++)
		out ^= (uint8_t)((inverse << turn) | (inverse >> (8 - turn)));
	return out;
}

/* Round keys after the key itself, in memory order. */
static void
aes256_expand(const uint8_t key[CRYPTO_KEY_BYTES], uint8_t ret[4 * AES_WORDS])
{
	uint8_t rcon = 1;

	memcpy(ret, key, CRYPTO_KEY_BYTES);
	for (unsigned w = 8; w < AES_WORDS; w++) {
		uint8_t t[4];

		memcpy(t, ret + 4 * (w - 1), 4);
		if (w % 8 == 0) {
			const uint8_t first = t[0];

			for (unsigned i = 0; i < 4; i++)
				t[i] = sbox(i < 3 ? t[i + 1] : first);
			t[0] ^= rcon;
			rcon = gf_mul(rcon, 2);
		} else if (w % 8 == 4) {
			for (unsigned i = 0; i < 4; i++)
				t[i] = sbox(t[i]);
		}
		for (unsigned i = 0; i < 4; i++)
			ret[4 * w + i] = ret[4 * (w - 8) + i] ^ t[i];
	}
}

struct needles *
needles_create(void)
{
	/* FIPS 197, appendix A.3: the last of its words is 706c631e. */
	static const uint8_t key[CRYPTO_KEY_BYTES] = { 0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71,
		                                       0xbe, 0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d,
		                                       0x77, 0x81, 0x1f, 0x35, 0x2c, 0x07, 0x3b,
		                                       0x61, 0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3,
		                                       0x09, 0x14, 0xdf, 0xf4 };
	struct needles *n = calloc(1, sizeof(*n));
	uint8_t words[4 * AES_WORDS];

	aef_assert(n != NULL);
	aes256_expand(key, words);
	aef_assert(memcmp(words + 236, "\x70\x6c\x63\x1e", 4) == 0);
	return n;
}

void
needles_add(struct needles *needles, const struct secret_record *record)
{
	uint8_t bytes[SECRET_BYTES_MAX], schedule[4 * AES_WORDS];
	const uint32_t name = needles->nb_names + 1;
	bool new;

	for (unsigned i = 0; i < record->len; i++)
		bytes[i] = record->masked[i] ^ SECRET_MASK(i);
	if (record->kind == KEYLOG_KEY) {
		aes256_expand(bytes, schedule);
		new = add_runs(needles, schedule, sizeof(schedule), name);
		new = add_runs(needles, bytes + CRYPTO_KEY_BYTES, CRYPTO_IV_BYTES, name) || new;
	} else {
		/* A token key is expanded, too. */
		new = add_runs(needles, bytes, record->len, name);
		if (record->kind == KIND_RANDOM && record->len == CRYPTO_KEY_BYTES) {
			aes256_expand(bytes, schedule);
			(void)add_runs(needles, schedule, sizeof(schedule), name);
		}
	}
	if (!new)
		return;
	aef_assert(needles->nb_names < NAMES_MAX);
	if (record->kind == KEYLOG_KEY || record->kind == KEYLOG_SECRET)
		snprintf(needles->names[needles->nb_names++], NAME_BYTES, "%s %u, %s epoch %u",
		         keylog_kind_name(record->kind), name, record->by_server ? "s2c" : "c2s",
		         record->epoch);
	else
		snprintf(needles->names[needles->nb_names++], NAME_BYTES, "%s %u",
		         record->kind == KIND_RANDOM ? "random secret"
		                                     : keylog_kind_name(record->kind),
		         name);
}

unsigned
needles_nb(const struct needles *needles)
{
	return needles->nb_names;
}

unsigned
needles_search(const struct needles *needles, const uint8_t *bytes, size_t len, uint64_t at,
               needles_found_fn fn, void *arg)
{
	unsigned nb = 0;

	for (size_t i = 0; i + NEEDLE_BYTES <= len; i++) {
		const struct slot *slot;
		uint64_t run;

		memcpy(&run, bytes + i, sizeof(run));
		slot = lookup(needles, run);
		if (slot == NULL)
			continue;
		nb++;
		fn(arg, at + i, needles->names[slot->name - 1]);
	}
	return nb;
}
