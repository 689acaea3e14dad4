/* SPDX-License-Identifier: BSD-3-Clause */
#include "providers.h"

#include <intel-ipsec-mb.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define EVP_KEYS   256u
#define BARE_BURST 32u
#define BARE_BYTES 1200u
#define BARE_AAD   40u /* header and one SACK block */

/* ---- nothing -----------------------------------------------------------------------------------
 */

static void
seal_nothing(void *ctx, struct crypto_op *ops, unsigned nb)
{
	(void)ctx;
	(void)ops;
	(void)nb;
}

static void
open_nothing(void *ctx, struct crypto_op *ops, unsigned nb)
{
	(void)ctx;
	for (unsigned i = 0; i < nb; i++)
		ops[i].ok = true;
}

struct crypto_provider
bench_null_cost(const struct crypto_provider *base)
{
	struct crypto_provider provider = *base;

	provider.name = "null-cost (bench only)";
	provider.seal = seal_nothing;
	provider.open = open_nothing;
	return provider;
}

/* ---- OpenSSL EVP -------------------------------------------------------------------------------
 */

struct evp {
	struct crypto_provider provider; /* first: the handle is its address */
	const struct crypto_provider *base;
	EVP_CIPHER_CTX *keys[EVP_KEYS]; /* by slot - 1 */
};

/* The context of a key; made at its first use. A key is used in one direction only. */
static EVP_CIPHER_CTX *
evp_key(struct evp *e, struct crypto_key *key, int encrypt)
{
	unsigned i = 0;

	if (key->slot != 0)
		return e->keys[key->slot - 1];
	while (i < EVP_KEYS && e->keys[i] != NULL)
		i++;
	if (i == EVP_KEYS)
		abort();
	e->keys[i] = EVP_CIPHER_CTX_new();
	if (e->keys[i] == NULL ||
	    EVP_CipherInit_ex(e->keys[i], EVP_aes_256_gcm(), NULL, key->key, NULL, encrypt) != 1)
		abort();
	key->slot = i + 1;
	return e->keys[i];
}

static bool
evp_one(struct evp *e, struct crypto_op *op, int encrypt)
{
	EVP_CIPHER_CTX *ctx = evp_key(e, op->key, encrypt);
	uint8_t nonce[CRYPTO_NONCE_BYTES];
	int len, ok;

	crypto_nonce(op->key->iv, op->pn, nonce);
	ok = EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, encrypt) == 1 &&
	     EVP_CipherUpdate(ctx, NULL, &len, op->aad, (int)op->aad_len) == 1 &&
	     EVP_CipherUpdate(ctx, op->text, &len, op->text, (int)op->text_len) == 1 &&
	     (encrypt ||
	      EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CRYPTO_TAG_BYTES, op->tag) == 1) &&
	     EVP_CipherFinal_ex(ctx, op->text, &len) == 1;
	if (ok && encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_BYTES, op->tag);
	return ok == 1;
}

static void
evp_seal(void *ctx, struct crypto_op *ops, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++)
		if (!evp_one(ctx, &ops[i], 1))
			abort();
}

static void
evp_open(void *ctx, struct crypto_op *ops, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++)
		ops[i].ok = evp_one(ctx, &ops[i], 0);
}

static void
evp_release(void *ctx, struct crypto_key *key)
{
	struct evp *e = ctx;

	if (key->slot != 0) {
		EVP_CIPHER_CTX_free(e->keys[key->slot - 1]);
		e->keys[key->slot - 1] = NULL;
	}
	key->slot = 0;
}

/* The rest is the base's, whose context is another one. */
static void
evp_hash(void *ctx, const struct crypto_bytes *parts, unsigned nb, uint8_t ret[CRYPTO_HASH_BYTES])
{
	const struct crypto_provider *base = ((struct evp *)ctx)->base;

	base->hash(base->ctx, parts, nb, ret);
}

static void
evp_mac(void *ctx, const uint8_t key[CRYPTO_PSK_BYTES], const struct crypto_bytes *parts,
        unsigned nb, uint8_t ret[CRYPTO_MAC_BYTES])
{
	const struct crypto_provider *base = ((struct evp *)ctx)->base;

	base->mac(base->ctx, key, parts, nb, ret);
}

static void
evp_extract(void *ctx, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
            uint8_t ret[CRYPTO_SECRET_BYTES])
{
	const struct crypto_provider *base = ((struct evp *)ctx)->base;

	base->hkdf_extract(base->ctx, salt, salt_len, ikm, ikm_len, ret);
}

static void
evp_expand(void *ctx, const uint8_t prk[CRYPTO_SECRET_BYTES], const void *label, size_t label_len,
           uint8_t *ret, size_t len)
{
	const struct crypto_provider *base = ((struct evp *)ctx)->base;

	base->hkdf_expand(base->ctx, prk, label, label_len, ret, len);
}

static int
evp_keygen(void *ctx, const uint8_t seed[32], uint8_t ret_priv[CRYPTO_PRIV_BYTES],
           uint8_t ret_pub[CRYPTO_PUB_BYTES])
{
	const struct crypto_provider *base = ((struct evp *)ctx)->base;

	return base->dh_keygen(base->ctx, seed, ret_priv, ret_pub);
}

static int
evp_dh(void *ctx, const uint8_t priv[CRYPTO_PRIV_BYTES], const uint8_t pub[CRYPTO_PUB_BYTES],
       uint8_t ret[CRYPTO_SHARED_BYTES])
{
	const struct crypto_provider *base = ((struct evp *)ctx)->base;

	return base->dh(base->ctx, priv, pub, ret);
}

static int
evp_token_open(void *ctx, const uint8_t token[CRYPTO_TOKEN_BYTES], uint64_t now_unix_ms,
               struct crypto_token *ret)
{
	const struct crypto_provider *base = ((struct evp *)ctx)->base;

	return base->token_open(base->ctx, token, now_unix_ms, ret);
}

const struct crypto_provider *
bench_evp_open(const struct crypto_provider *base)
{
	struct evp *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->base = base;
	e->provider = (struct crypto_provider){
		.name = "evp (bench only)",
		.ctx = e,
		.seal = evp_seal,
		.open = evp_open,
		.hash = evp_hash,
		.mac = evp_mac,
		.hkdf_extract = evp_extract,
		.hkdf_expand = evp_expand,
		.dh_keygen = evp_keygen,
		.dh = evp_dh,
		.token_open = evp_token_open,
		.key_release = evp_release,
	};
	return &e->provider;
}

void
bench_evp_close(const struct crypto_provider *evp)
{
	struct evp *e = evp != NULL ? evp->ctx : NULL;

	for (unsigned i = 0; e != NULL && i < EVP_KEYS; i++)
		EVP_CIPHER_CTX_free(e->keys[i]);
	free(e);
}

/* ---- ipsec-mb alone ----------------------------------------------------------------------------
 */

struct bare {
	IMB_MGR *mgr;
	alignas(64) struct gcm_key_data key;
	alignas(64) struct gcm_context_data gcm;
	uint64_t pn;
	uint8_t text[BARE_BURST][BARE_BYTES + 80]; /* not all at one offset within a page */
	uint8_t tags[BARE_BURST][CRYPTO_TAG_BYTES];
	uint8_t aad[BARE_AAD];
};

void *
bench_bare_open(void)
{
	static const uint8_t key[CRYPTO_KEY_BYTES] = { 1, 2, 3 };
	struct bare *b = bench_alloc(sizeof(*b));

	b->mgr = alloc_mb_mgr(0);
	if (b->mgr == NULL)
		return NULL;
	init_mb_mgr_auto(b->mgr, NULL);
	IMB_AES256_GCM_PRE(b->mgr, key, &b->key);
	return b;
}

static void
bare_seal(struct bare *b)
{
	uint8_t iv[CRYPTO_NONCE_BYTES];

	for (unsigned i = 0; i < BARE_BURST; i++) {
		crypto_nonce(b->aad, b->pn + i, iv);
		IMB_AES256_GCM_ENC(b->mgr, &b->key, &b->gcm, b->text[i], b->text[i], BARE_BYTES, iv,
		                   b->aad, BARE_AAD, b->tags[i], CRYPTO_TAG_BYTES);
	}
}

/* @return packets whose tag is right */
static unsigned
bare_open(struct bare *b)
{
	uint8_t iv[CRYPTO_NONCE_BYTES], tag[CRYPTO_TAG_BYTES];
	unsigned nb = 0;

	for (unsigned i = 0; i < BARE_BURST; i++) {
		crypto_nonce(b->aad, b->pn + i, iv);
		IMB_AES256_GCM_DEC(b->mgr, &b->key, &b->gcm, b->text[i], b->text[i], BARE_BYTES, iv,
		                   b->aad, BARE_AAD, tag, CRYPTO_TAG_BYTES);
		nb += crypto_equal(tag, b->tags[i], sizeof(tag));
	}
	return nb;
}

struct bench_sample
bench_bare_run(void *ctx, uint64_t round_ns)
{
	struct bare *b = ctx;
	struct bench_sample s = { 0 };
	const uint64_t start = bench_cpu_ns();

	while (s.ns < round_ns) {
		bare_seal(b);
		if (bare_open(b) != BARE_BURST)
			abort();
		b->pn += BARE_BURST;
		s.ops += BARE_BURST;
		s.ns = bench_cpu_ns() - start;
	}
	return s;
}

/* What is opened was never sealed: that takes as long. */
struct bench_sample
bench_bare_open_run(void *ctx, uint64_t round_ns)
{
	struct bare *b = ctx;
	struct bench_sample s = { 0 };
	const uint64_t start = bench_cpu_ns();

	while (s.ns < round_ns) {
		if (bare_open(b) == BARE_BURST)
			abort();
		s.ops += BARE_BURST;
		s.ns = bench_cpu_ns() - start;
	}
	return s;
}

void
bench_bare_close(void *ctx)
{
	struct bare *b = ctx;

	if (b == NULL)
		return;
	free_mb_mgr(b->mgr);
	free(b);
}
