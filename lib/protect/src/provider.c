/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * provider.c - the table of functions behind crypto/provider.h.
 */
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <string.h>

#include <base/err.h>
#include <crypto/token.h>
#include <protect/mem.h>

#include "dh_priv.h"
#include "hash_priv.h"
#include "provider_priv.h"
#include "ring_priv.h"
#include "scrub_priv.h"
#include "selftest_priv.h"

/* 2 MiB of expanded keys. Measured with keys used at random: a key out of a larger cache comes from
 * memory and takes longer than expanding it anew (docs/adr/0012). */
#define KEYS_USEFUL 2048u

static inline struct protect_aead_text
text_of(const struct crypto_op *op)
{
	return (struct protect_aead_text){ op->aad, op->text, op->aad_len, op->text_len };
}

AEF_HOT static void
seal_burst(void *ctx, struct crypto_op *ops, unsigned nb)
{
	struct protect *p = ctx;

	for (unsigned i = 0; i < nb; i++) {
		const struct protect_aead_key *key = protect_cache_get(&p->cache, ops[i].key);
		const struct protect_aead_text text = text_of(&ops[i]);

		crypto_nonce(ops[i].key->iv, ops[i].pn, p->work.nonce);
		protect_aead_seal(key, &p->work, &text, ops[i].tag);
	}
	crypto_wipe(&p->work, sizeof(p->work));
	protect_registers_clear();
}

AEF_HOT static void
open_burst(void *ctx, struct crypto_op *ops, unsigned nb)
{
	struct protect *p = ctx;

	for (unsigned i = 0; i < nb; i++) {
		const struct protect_aead_key *key = protect_cache_get(&p->cache, ops[i].key);
		const struct protect_aead_text text = text_of(&ops[i]);

		crypto_nonce(ops[i].key->iv, ops[i].pn, p->work.nonce);
		ops[i].ok = protect_aead_open(key, &p->work, &text, ops[i].tag);
	}
	crypto_wipe(&p->work, sizeof(p->work)); /* among it the right tag of a forged packet */
	protect_registers_clear();
}

static void
hash(void *ctx, const struct crypto_bytes *parts, unsigned nb, uint8_t ret_hash[CRYPTO_HASH_BYTES])
{
	(void)ctx;
	protect_sha256(parts, nb, ret_hash);
}

static void
mac(void *ctx, const uint8_t key[CRYPTO_PSK_BYTES], const struct crypto_bytes *parts, unsigned nb,
    uint8_t ret_mac[CRYPTO_MAC_BYTES])
{
	uint8_t full[CRYPTO_HASH_BYTES];

	(void)ctx;
	protect_hmac(key, CRYPTO_PSK_BYTES, parts, nb, full);
	memcpy(ret_mac, full, CRYPTO_MAC_BYTES);
	crypto_wipe(full, sizeof(full));
	protect_registers_clear();
}

static void
hkdf_extract(void *ctx, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
             uint8_t ret_prk[CRYPTO_SECRET_BYTES])
{
	const struct crypto_bytes part = { ikm, ikm_len };

	(void)ctx;
	protect_hmac(salt, salt_len, &part, 1, ret_prk);
	protect_registers_clear();
}

static void
hkdf_expand(void *ctx, const uint8_t prk[CRYPTO_SECRET_BYTES], const void *label, size_t label_len,
            uint8_t *ret, size_t len)
{
	(void)ctx;
	protect_hkdf_expand(prk, label, label_len, ret, len);
	protect_registers_clear();
}

static int
dh_keygen(void *ctx, const uint8_t seed[32], uint8_t ret_priv[CRYPTO_PRIV_BYTES],
          uint8_t ret_pub[CRYPTO_PUB_BYTES])
{
	(void)ctx;
	/* RFC 7748: any 32 bytes are a private key; five of its bits are fixed where it is used. */
	memcpy(ret_priv, seed, CRYPTO_PRIV_BYTES);
	return protect_dh_public(ret_priv, ret_pub);
}

static int
dh(void *ctx, const uint8_t priv[CRYPTO_PRIV_BYTES], const uint8_t peer_pub[CRYPTO_PUB_BYTES],
   uint8_t ret_shared[CRYPTO_SHARED_BYTES])
{
	(void)ctx;
	return protect_dh_shared(priv, peer_pub, ret_shared);
}

static int
token_seal(void *ctx, const struct crypto_token *token, const uint8_t nonce[CRYPTO_NONCE_BYTES],
           uint8_t ret_token[CRYPTO_TOKEN_BYTES])
{
	struct protect *p = ctx;
	int rc;

	if (p->ring == NULL)
		return AEF_ERR_NOTFOUND;
	if ((rc = crypto_token_body_encode(token, p->body + CRYPTO_TOKEN_BODY_AT)) != 0)
		return rc;
	crypto_token_clear_encode(token, p->body);
	memcpy(p->body + CRYPTO_TOKEN_NONCE_AT, nonce, CRYPTO_NONCE_BYTES);
	rc = protect_ring_seal(p->ring, token->group, token->epoch, &p->work, p->body);
	if (rc == 0)
		memcpy(ret_token, p->body, CRYPTO_TOKEN_BYTES);
	crypto_wipe(p->body, sizeof(p->body));
	crypto_wipe(&p->work, sizeof(p->work));
	protect_registers_clear();
	return rc;
}

static int
token_open(void *ctx, const uint8_t token[CRYPTO_TOKEN_BYTES], uint64_t now_unix_ms,
           struct crypto_token *ret_token)
{
	struct protect *p = ctx;
	struct crypto_token opened = { 0 };
	int rc;

	if ((rc = crypto_token_clear_decode(token, &opened)) != 0)
		return rc;
	if (p->ring == NULL)
		return AEF_ERR_NOTFOUND;
	memcpy(p->body, token, sizeof(p->body));
	rc = protect_ring_unseal(p->ring, opened.group, opened.epoch, &p->work, p->body);
	if (rc == AEF_ERR_NOTFOUND && opened.group == protect_ring_group(p->ring) &&
	    protect_ring_state(p->ring, opened.epoch) == PROTECT_KEY_REVOKED)
		rc = AEF_ERR_DENIED;
	if (rc == 0)
		rc = crypto_token_body_decode(p->body + CRYPTO_TOKEN_BODY_AT, &opened);
	if (rc == 0)
		rc = crypto_token_check_time(&opened, now_unix_ms);
	if (rc == 0)
		*ret_token = opened;
	crypto_wipe(&opened, sizeof(opened)); /* holds the psk */
	crypto_wipe(p->body, sizeof(p->body));
	crypto_wipe(&p->work, sizeof(p->work));
	protect_registers_clear();
	return rc;
}

static void
key_release(void *ctx, struct crypto_key *key)
{
	struct protect *p = ctx;

	protect_cache_release(&p->cache, key);
}

static const struct crypto_provider functions = {
	.name = "aes-256-gcm",
	.is_null = false,
	.seal = seal_burst,
	.open = open_burst,
	.hash = hash,
	.mac = mac,
	.hkdf_extract = hkdf_extract,
	.hkdf_expand = hkdf_expand,
	.dh_keygen = dh_keygen,
	.dh = dh,
	.token_seal = token_seal,
	.token_open = token_open,
	.key_release = key_release,
};

/* Once per process; several threads may run it at the same time, which does no harm. */
static int
self_test(const struct crypto_provider *crypto)
{
	static atomic_bool done;

	if (atomic_load_explicit(&done, memory_order_relaxed))
		return 0;
	const int rc = protect_selftest(crypto);

	atomic_store_explicit(&done, rc == 0, memory_order_relaxed);
	return rc;
}

int
protect_create(const struct protect_conf *conf, struct protect **ret_protect)
{
	struct protect *p;
	uint64_t seed;
	void *mem;
	int rc;

	*ret_protect = NULL;
	/* No configuration file decides which code OpenSSL runs. It answers 0 when the process has
	 * begun to use it already; then that is so. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if ((rc = protect_aead_init()) != 0 || (rc = protect_mem_alloc(sizeof(*p), &mem)) != 0)
		return rc;
	p = mem;
	p->ring = conf->ring;
	p->provider = functions;
	p->provider.ctx = p;
	if ((rc = protect_cache_init(&p->cache, aef_min_u32(conf->keys_max, KEYS_USEFUL))) != 0 ||
	    (rc = protect_random(&seed, sizeof(seed))) != 0 ||
	    (rc = self_test(&p->provider)) != 0) {
		protect_destroy(p);
		return rc;
	}
	aef_guuid_gen_init(&p->ids, seed);
	*ret_protect = p;
	return 0;
}

void
protect_destroy(struct protect *protect)
{
	if (protect == NULL)
		return;
	protect_cache_fini(&protect->cache);
	protect_mem_free(protect, sizeof(*protect));
}

const struct crypto_provider *
protect_provider(const struct protect *protect)
{
	return &protect->provider;
}

const char *
protect_create_text(int err)
{
	switch (err) {
	case 0:
		return "packet protection is ready";
	case AEF_ERR_UNSUPPORTED:
		return "this CPU lacks AES or carry-less multiply instructions, which packet "
		       "protection needs: use a machine that has them, or let the hypervisor "
		       "pass them on";
	case AEF_ERR_STATE:
		return "the self-test of packet protection failed: do not use this machine before "
		       "its libipsec-mb, libcrypto and CPU are checked";
	case AEF_ERR_LIMIT:
		return "memory for keys cannot be locked: raise the limit (ulimit -l, "
		       "LimitMEMLOCK) "
		       "or configure fewer keys";
	case AEF_ERR_NOMEM:
		return "there is no memory for keys: free some, or configure fewer keys";
	case AEF_ERR_INVALID:
		return "the number of keys must not be 0: correct the configuration";
	case AEF_ERR_IO:
		return "the system gives no random bytes: do not start before it does";
	default:
		return "packet protection cannot start";
	}
}
