/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * leftover_test.c - what the provider leaves behind: nothing outside secret memory while it works,
 * and nothing at all when it has ended. The whole of the process's own memory is searched, the part
 * of the stack below us included.
 *
 * What is searched for is kept in complement, so that it does not find itself.
 */
#include <fcntl.h>
#include <unistd.h>

#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/sha.h>

#include <base/err.h>
#include <protect/mem.h>
#include <protect/token.h>

#include "harness.h"
#include "hash_priv.h"
#include "provider_priv.h"
#include "ring_priv.h"
#include "scrub_priv.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PLAIN_BUILD 0 /* shadow memory cannot be searched */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PLAIN_BUILD 0
#endif
#endif
#ifndef PLAIN_BUILD
#define PLAIN_BUILD 1
#endif

#define NEEDLE_BYTES 16
#define NEEDLES_MAX  256
#define MAPS_MAX     512
#define NOW          1700000000000ull

struct needle {
	const char *name;
	uint64_t not_lo, not_hi;
};

struct map {
	uintptr_t from, end;
	bool secret; /* locked and left out of dumps */
};

static struct needle needles[NEEDLES_MAX];
static bool begins[1 << 16]; /* the first two bytes of some needle */
static unsigned nb_needles;
static struct map maps[MAPS_MAX];
static unsigned nb_maps;
static char maps_text[1 << 20];

/* Everything the test itself knows of secrets stands here. */
struct vault {
	uint8_t seed[32], priv[CRYPTO_PRIV_BYTES], pub[CRYPTO_PUB_BYTES];
	uint8_t shared[CRYPTO_SHARED_BYTES];
	uint8_t psk[CRYPTO_PSK_BYTES];
	uint8_t prk[CRYPTO_SECRET_BYTES];
	uint8_t okm[44], more[64];
	uint8_t mac[CRYPTO_MAC_BYTES];
	uint8_t full_mac[CRYPTO_HASH_BYTES];
	uint8_t plain[1200], text[1200];
	struct crypto_key key;
	struct protect_aead_key expanded;
	struct protect_grant grant;
	struct crypto_token want, opened;
	SHA256_CTX sha;
	uint8_t block[64];
};

static struct vault *vault;
static void *nowhere; /* where a needle was found */

static __attribute__((noinline)) void
add_needle(const char *name, const uint8_t *bytes)
{
	uint64_t lo, hi;

	memcpy(&lo, bytes, 8);
	memcpy(&hi, bytes + 8, 8);
	if (lo == 0 && hi == 0)
		return; /* nothing to find */
	ck_assert_uint_lt(nb_needles, NEEDLES_MAX);
	begins[(uint16_t)lo] = true;
	needles[nb_needles++] = (struct needle){ name, ~lo, ~hi };
}

static void
add_needles(const char *name, const void *bytes, size_t len)
{
	for (size_t at = 0; at + NEEDLE_BYTES <= len; at += NEEDLE_BYTES)
		add_needle(name, (const uint8_t *)bytes + at);
}

/* Read the list of mappings with their flags, without any buffer of stdio's. */
static void
read_maps(void)
{
	const int fd = open("/proc/self/smaps", O_RDONLY);
	size_t nb = 0;
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	while ((n = read(fd, maps_text + nb, sizeof(maps_text) - 1 - nb)) > 0)
		nb += (size_t)n;
	close(fd);
	maps_text[nb] = '\0';
	nb_maps = 0;
	bool listed = false; /* what the line belongs to is in maps[] */

	for (char *line = strtok(maps_text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char *end, *flags;
		const unsigned long from = strtoul(line, &end, 16);

		if (*end == '-' && end > line) {
			const unsigned long to = strtoul(end + 1, &end, 16);

			listed = strncmp(end, " r", 2) == 0 && strstr(end, "[v") == NULL;
			if (!listed)
				continue; /* not readable, or the kernel's */
			ck_assert_uint_lt(nb_maps, MAPS_MAX);
			maps[nb_maps++] = (struct map){ from, to, false };
		} else if ((flags = strstr(line, "VmFlags:")) == line && listed) {
			maps[nb_maps - 1].secret =
				strstr(flags, " lo") != NULL && strstr(flags, " dd") != NULL;
		}
	}
}

/* How often a needle stands in the process; @p everywhere: in secret memory, too. */
static __attribute__((noinline)) unsigned
search(bool everywhere, bool say)
{
	unsigned nb = 0;

	read_maps();
	for (unsigned m = 0; m < nb_maps; m++) {
		if (maps[m].secret && !everywhere)
			continue;
		for (const uint8_t *p = (const uint8_t *)maps[m].from;
		     p + NEEDLE_BYTES <= (const uint8_t *)maps[m].end; p++) {
			uint64_t lo, hi;

			memcpy(&lo, p, 8);
			for (unsigned i = 0; begins[(uint16_t)lo] && i < nb_needles; i++) {
				if (lo != ~needles[i].not_lo)
					continue;
				memcpy(&hi, p + 8, 8);
				if (hi != ~needles[i].not_hi)
					continue;
				nb++;
				nowhere = (void *)(uintptr_t)p;
				if (say)
					printf("leftover: %s at %p, map %lx-%lx\n", needles[i].name,
					       nowhere, (unsigned long)maps[m].from,
					       (unsigned long)maps[m].end);
			}
		}
	}
	return nb;
}

/* SHA-256 keeps its state, which ends as the output, in words of the host. */
static void
add_words(const char *name, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		vault->block[i] = bytes[i ^ 3];
	add_needles(name, vault->block, len);
}

/* Each value that a call makes and no caller gets; and each that callers keep in the vault. */
static void
name_needles(const struct protect_ring *ring)
{
	add_needles("private key", vault->priv, 32);
	add_needles("shared value", vault->shared, 32);
	add_needles("psk", vault->psk, 32);
	add_needles("prk", vault->prk, 32);
	add_needles("traffic key", vault->okm, 32);
	add_needles("mac beyond its 16 bytes", vault->full_mac + 16, 16);
	add_words("words of the prk", vault->prk, 32);
	add_words("words of the traffic key", vault->okm, 32);
	add_words("words of a mac", vault->full_mac, 32);
	add_needles("iv and what follows", vault->more + 32, 32);
	add_needles("plain text", vault->plain, 64);
	add_needles("round keys", vault->expanded.data.expanded_keys,
	            sizeof(vault->expanded.data.expanded_keys));
	add_needles("powers of the hash key", &vault->expanded.data.ghash_keys, 8 * 16);
	add_needles("token key", ring->cells[0].raw, 32);
	add_needles("round keys of the token key", ring->cells[0].key.data.expanded_keys, 15 * 16);
	for (unsigned pad = 0x36; pad <= 0x5c; pad += 0x5c - 0x36) {
		memset(vault->block, (int)pad, sizeof(vault->block));
		for (unsigned i = 0; i < 32; i++)
			vault->block[i] ^= vault->prk[i];
		add_needles("padded prk", vault->block, 32);
		SHA256_Init(&vault->sha);
		SHA256_Update(&vault->sha, vault->block, sizeof(vault->block));
		add_needles("hash state of a prk", vault->sha.h, 32);
	}
	protect_stack_scrub(); /* of what this function itself left */
}

static struct protect *protect;

/* One call. No assertion here: check's own bookkeeping would write over what was left behind. */
static int
step(unsigned nr)
{
	const struct crypto_provider *c = protect_provider(protect);
	const struct crypto_bytes parts[] = { { "label", 5 }, { vault->plain, 200 } };
	static uint8_t aad[32] = { 1 }, tag[CRYPTO_TAG_BYTES];
	struct crypto_op op = { .key = &vault->key,
		                .pn = 5,
		                .aad = aad,
		                .aad_len = sizeof(aad),
		                .text = vault->text,
		                .text_len = sizeof(vault->text),
		                .tag = tag };
	int rc = 0;

	switch (nr) {
	case 0:
		rc = c->dh_keygen(c->ctx, vault->seed, vault->priv, vault->pub);
		break;
	case 1:
		rc = c->dh(c->ctx, vault->priv, vault->pub, vault->shared);
		break;
	case 2:
		c->hkdf_extract(c->ctx, vault->shared, 32, vault->psk, 32, vault->prk);
		break;
	case 3:
		c->hkdf_expand(c->ctx, vault->prk, "qts1 key", 8, vault->okm, sizeof(vault->okm));
		break;
	case 4:
		c->mac(c->ctx, vault->psk, parts, 2, vault->mac);
		break;
	case 5:
		memcpy(&vault->key, vault->okm, sizeof(vault->okm)); /* key and iv stand in a row */
		memcpy(vault->text, vault->plain, sizeof(vault->plain));
		c->seal(c->ctx, &op, 1);
		break;
	case 6:
		tag[0] ^= 1; /* a forged one: the right tag is made, and compared with */
		c->open(c->ctx, &op, 1);
		rc = op.ok;
		break;
	case 7:
		rc = protect_token_issue(protect, &vault->want, 0, NOW, &vault->grant);
		break;
	default:
		rc = c->token_open(c->ctx, vault->grant.token, NOW, &vault->opened);
		break;
	}
	return rc;
}

#define STEPS 9

/* A step further down the stack than our own searching reaches, so that it does not tidy up. */
static __attribute__((noinline)) int
step_below(unsigned nr)
{
	volatile uint8_t room[16384];

	room[0] = room[sizeof(room) - 1] = 0;
	const int rc = step(nr);

	room[0] = room[sizeof(room) - 1]; /* no tail call */
	return rc;
}

/* */
START_TEST(leftover_secrets_stand_nowhere_but_in_secret_memory_and_end_with_it)
{
	struct protect_conf conf = { .keys_max = 4 };
	struct protect_ring *ring;

	if (!PLAIN_BUILD)
		return;
	ck_assert_int_eq(protect_ring_create(1, &ring), 0);
	conf.ring = ring;
	ck_assert_int_eq(protect_create(&conf, &protect), 0);
	ck_assert_int_eq(protect_mem_alloc(sizeof(*vault), (void **)&vault), 0);
	ck_assert_int_eq(protect_random(vault->seed, sizeof(vault->seed)), 0);
	ck_assert_int_eq(protect_random(vault->psk, sizeof(vault->psk)), 0);
	ck_assert_int_eq(protect_random(vault->plain, sizeof(vault->plain)), 0);

	for (unsigned i = 0; i < STEPS; i++)
		ck_assert_int_eq(step(i), 0);
	const unsigned leaked =
		search(false, false); /* before anything else runs: no needles yet */

	ck_assert_uint_eq(leaked, 0);
	protect_aead_expand(vault->okm, &vault->expanded);
	protect_hmac(vault->psk, 32,
	             (struct crypto_bytes[]){ { "label", 5 }, { vault->plain, 200 } }, 2,
	             vault->full_mac);
	protect_hkdf_expand(vault->prk, "qts1 key", 8, vault->more, sizeof(vault->more));
	name_needles(ring);
	ck_assert_uint_gt(search(true, false), 20); /* the search finds what is there */
	for (unsigned i = 0; i < STEPS; i++) {
		const int rc = step_below(i);

		if (i == 7) { /* a new one each time */
			add_needles("psk of a token", vault->grant.psk, 32);
			protect_stack_scrub();
		}
		const unsigned nb = search(false, true);

		ck_assert_msg(rc == 0 && nb == 0, "after step %u", i);
	}
	protect_provider(protect)->key_release(protect_provider(protect)->ctx, &vault->key);
	protect_destroy(protect);
	protect_ring_close(ring);
	protect_mem_free(vault, sizeof(*vault));
	ck_assert_uint_eq(search(true, true), 0);
}
END_TEST

TEST_SUITE(leftover, &leftover_secrets_stand_nowhere_but_in_secret_memory_and_end_with_it)
