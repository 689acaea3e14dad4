/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/crypto-soak - AES-256-GCM three ways: OpenSSL's EVP, the provider, and ipsec-mb's code for
 * each architecture level that this CPU can run. All must make the same bytes of the same packet.
 *
 * ipsec-mb chooses its code by CPU, so a machine of production runs another one than this;
 * therefore each level is tested, not only the one the provider takes. Every packet is also opened
 * again by each, and once more with one bit changed, which none may accept.
 *
 * Usage: crypto-soak [--seals N] [--seed N]     default 1000000 seals, seed 1
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>

#include <base/rng.h>
#include <protect/provider.h>

#define TEXT_MAX  8972u
#define AAD_MAX   304u
#define KEY_USES  16u /* packets per key */
#define LEVEL_MAX 4u

struct level {
	const char *name;
	uint64_t flags;
	void (*init)(IMB_MGR *mgr);
	IMB_MGR *mgr; /* NULL: this CPU cannot */
	alignas(64) struct gcm_key_data key;
	uint64_t nb_wrong;
};

static struct level levels[LEVEL_MAX] = {
	{ .name = "SSE", .flags = IMB_CPUFLAGS_SSE, .init = init_mb_mgr_sse },
	{ .name = "AVX", .flags = IMB_CPUFLAGS_AVX, .init = init_mb_mgr_avx },
	{ .name = "AVX2", .flags = IMB_CPUFLAGS_AVX2, .init = init_mb_mgr_avx2 },
	{ .name = "AVX512", .flags = IMB_CPUFLAGS_AVX512, .init = init_mb_mgr_avx512 },
};

/* One packet, and what OpenSSL makes of it. */
struct packet {
	struct crypto_key key;
	uint64_t pn;
	uint8_t nonce[CRYPTO_NONCE_BYTES];
	uint8_t aad[AAD_MAX];
	uint8_t plain[TEXT_MAX];
	uint8_t cipher[TEXT_MAX];
	uint8_t tag[CRYPTO_TAG_BYTES];
	uint32_t aad_len, text_len;
};

static struct packet packet;
static uint8_t work[TEXT_MAX];
static uint8_t work_tag[CRYPTO_TAG_BYTES];

static void
fill(struct aef_rng *rng, uint8_t *bytes, size_t len)
{
	for (; len >= 8; bytes += 8, len -= 8) {
		const uint64_t value = aef_rng_u64(rng);

		memcpy(bytes, &value, 8);
	}
	for (; len > 0; len--)
		*bytes++ = (uint8_t)aef_rng_u64(rng);
}

/* Lengths as they are on the wire, and any others. */
static void
draw(struct aef_rng *rng, struct packet *p)
{
	const uint64_t kind = aef_rng_below(rng, 100);

	p->aad_len = kind < 5    ? 304 /* a handshake ACK */
	             : kind < 90 ? 32 + 8 * (uint32_t)aef_rng_below(rng, 9)
	                         : (uint32_t)aef_rng_below(rng, AAD_MAX + 1);
	p->text_len = kind % 10 == 0  ? (uint32_t)aef_rng_below(rng, TEXT_MAX + 1)
	              : kind % 10 < 4 ? (uint32_t)aef_rng_below(rng, 96)
	                              : (uint32_t)aef_rng_below(rng, 1500);
	p->pn = aef_rng_u64(rng) >> (2 + aef_rng_below(rng, 60));
	fill(rng, p->aad, p->aad_len);
	fill(rng, p->plain, p->text_len);
	crypto_nonce(p->key.iv, p->pn, p->nonce);
}

static bool
openssl_seal(EVP_CIPHER_CTX *ctx, struct packet *p)
{
	int len = 0;

	return EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, p->nonce) == 1 &&
	       (p->aad_len == 0 ||
	        EVP_EncryptUpdate(ctx, NULL, &len, p->aad, (int)p->aad_len) == 1) &&
	       (p->text_len == 0 ||
	        EVP_EncryptUpdate(ctx, p->cipher, &len, p->plain, (int)p->text_len) == 1) &&
	       EVP_EncryptFinal_ex(ctx, p->cipher + p->text_len, &len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, CRYPTO_TAG_BYTES, p->tag) == 1;
}

static bool
as_openssl(const struct packet *p)
{
	return memcmp(work, p->cipher, p->text_len) == 0 &&
	       memcmp(work_tag, p->tag, sizeof(work_tag)) == 0;
}

/* Seal and open by one level. */
static bool
level_agrees(struct level *l, const struct packet *p)
{
	struct gcm_context_data ctx;

	memcpy(work, p->plain, p->text_len);
	IMB_AES256_GCM_ENC(l->mgr, &l->key, &ctx, work, work, p->text_len, p->nonce, p->aad,
	                   p->aad_len, work_tag, CRYPTO_TAG_BYTES);
	if (!as_openssl(p))
		return false;
	memset(work_tag, 0, sizeof(work_tag));
	IMB_AES256_GCM_DEC(l->mgr, &l->key, &ctx, work, work, p->text_len, p->nonce, p->aad,
	                   p->aad_len, work_tag, CRYPTO_TAG_BYTES);
	return memcmp(work, p->plain, p->text_len) == 0 &&
	       memcmp(work_tag, p->tag, sizeof(work_tag)) == 0;
}

/* Seal, open, and refuse with one bit changed, by the provider. */
static bool
provider_agrees(const struct crypto_provider *crypto, struct packet *p, struct aef_rng *rng)
{
	struct crypto_op op = { .key = &p->key,
		                .pn = p->pn,
		                .aad = p->aad,
		                .aad_len = p->aad_len,
		                .text = work,
		                .text_len = p->text_len,
		                .tag = work_tag };
	const uint32_t bits = 8 * (p->aad_len + p->text_len + CRYPTO_TAG_BYTES);
	const uint32_t bit = (uint32_t)aef_rng_below(rng, bits), at = bit / 8;
	const uint8_t mask = (uint8_t)(1u << (bit % 8));
	uint8_t *flip = at < p->aad_len ? p->aad + at
	                : at < p->aad_len + p->text_len
	                        ? work + (at - p->aad_len)
	                        : work_tag + (at - p->aad_len - p->text_len);

	memcpy(work, p->plain, p->text_len);
	crypto->seal(crypto->ctx, &op, 1);
	if (!as_openssl(p))
		return false;
	crypto->open(crypto->ctx, &op, 1);
	if (!op.ok || memcmp(work, p->plain, p->text_len) != 0)
		return false;
	memcpy(work, p->cipher, p->text_len);
	*flip ^= mask;
	crypto->open(crypto->ctx, &op, 1);
	if (at < p->aad_len)
		*flip ^= mask;
	return !op.ok;
}

static unsigned
start_levels(void)
{
	unsigned nb = 0;

	for (unsigned i = 0; i < LEVEL_MAX; i++) {
		IMB_MGR *mgr = alloc_mb_mgr(0);

		if (mgr == NULL || (mgr->features & levels[i].flags) != levels[i].flags) {
			printf("note: this CPU cannot run the %s code of ipsec-mb\n",
			       levels[i].name);
			free_mb_mgr(mgr);
			continue;
		}
		levels[i].init(mgr);
		levels[i].mgr = mgr;
		nb++;
	}
	return nb;
}

static void
new_key(struct aef_rng *rng, const struct crypto_provider *crypto, EVP_CIPHER_CTX *ctx)
{
	crypto->key_release(crypto->ctx, &packet.key);
	fill(rng, packet.key.key, sizeof(packet.key.key));
	fill(rng, packet.key.iv, sizeof(packet.key.iv));
	if (EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, packet.key.key, NULL) != 1)
		abort();
	for (unsigned i = 0; i < LEVEL_MAX; i++) {
		if (levels[i].mgr != NULL)
			IMB_AES256_GCM_PRE(levels[i].mgr, packet.key.key, &levels[i].key);
	}
}

/* @return packets that somebody saw differently */
static uint64_t
run(const struct crypto_provider *crypto, uint64_t seed, uint64_t nb)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	struct aef_rng rng;
	uint64_t nb_wrong = 0;

	aef_rng_init(&rng, seed);
	for (uint64_t i = 0; i < nb; i++) {
		bool good;

		if (i % KEY_USES == 0)
			new_key(&rng, crypto, ctx);
		draw(&rng, &packet);
		if (!openssl_seal(ctx, &packet))
			abort();
		good = provider_agrees(crypto, &packet, &rng);
		for (unsigned l = 0; l < LEVEL_MAX; l++) {
			if (levels[l].mgr == NULL || level_agrees(&levels[l], &packet))
				continue;
			levels[l].nb_wrong++;
			good = false;
		}
		nb_wrong += !good;
		if (!good && nb_wrong <= 10)
			printf("packet %llu (seed %llu): %u bytes, %u of associated data, number "
			       "%llu differs\n",
			       (unsigned long long)i, (unsigned long long)seed, packet.text_len,
			       packet.aad_len, (unsigned long long)packet.pn);
	}
	crypto->key_release(crypto->ctx, &packet.key);
	EVP_CIPHER_CTX_free(ctx);
	return nb_wrong;
}

int
main(int argc, char **argv)
{
	const struct protect_conf conf = { .keys_max = 2 };
	uint64_t nb = 1000000, seed = 1;
	struct protect *protect;

	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t *to = strcmp(argv[i], "--seals") == 0  ? &nb
		               : strcmp(argv[i], "--seed") == 0 ? &seed
		                                                : NULL;

		if (to == NULL) {
			argc = 0;
			break;
		}
		*to = strtoull(argv[i + 1], NULL, 10);
	}
	if (argc % 2 != 1 || nb == 0) {
		fprintf(stderr, "usage: crypto-soak [--seals N] [--seed N], N at least 1\n");
		return 2;
	}
	const int rc = protect_create(&conf, &protect);

	if (rc != 0) {
		fprintf(stderr, "crypto-soak: %s\n", protect_create_text(rc));
		return 2;
	}
	const unsigned nb_levels = start_levels();
	const uint64_t nb_wrong = run(protect_provider(protect), seed, nb);

	for (unsigned l = 0; l < LEVEL_MAX; l++) {
		if (levels[l].mgr != NULL)
			printf("figure: crypto-soak %s: %llu packets, %llu differ from OpenSSL\n",
			       levels[l].name, (unsigned long long)nb,
			       (unsigned long long)levels[l].nb_wrong);
		free_mb_mgr(levels[l].mgr);
	}
	protect_destroy(protect);
	printf("figure: crypto-soak: %llu random packets, seed %llu, %u levels and the provider, "
	       "%llu "
	       "differ\n",
	       (unsigned long long)nb, (unsigned long long)seed, nb_levels,
	       (unsigned long long)nb_wrong);
	printf("%d passed, %d failed, 0 skipped\n", nb_wrong == 0, nb_wrong != 0);
	return nb_wrong == 0 ? 0 : 1;
}
