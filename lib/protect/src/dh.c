/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dh.c - X25519 by OpenSSL's EVP_PKEY.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include <base/err.h>
#include <protect/mem.h>

#include "dh_priv.h"
#include "scrub_priv.h"

static EVP_PKEY *
private_key(const uint8_t priv[CRYPTO_PRIV_BYTES])
{
	return EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, priv, CRYPTO_PRIV_BYTES);
}

/*
 * A private key for derivation only. OpenSSL computes the public part of one that comes without,
 * which costs as much as the derivation itself, and then looks at the private part alone: so it is
 * given @p any_pub in its place.
 */
static EVP_PKEY *
derive_key(const uint8_t priv[CRYPTO_PRIV_BYTES], const uint8_t any_pub[CRYPTO_PUB_BYTES])
{
	/* OSSL_PARAM knows no const; fromdata only reads. */
	OSSL_PARAM parts[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, (void *)(uintptr_t)priv,
		                                  CRYPTO_PRIV_BYTES),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
		                                  (void *)(uintptr_t)any_pub, CRYPTO_PUB_BYTES),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
	EVP_PKEY *key = NULL;

	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, parts) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Freeing an EVP_PKEY wipes its private part; what it left on the stack and in its queue of errors
 * goes here. */
static int
finish(int rc)
{
	ERR_clear_error();
	protect_forget();
	return rc;
}

int
protect_dh_public(const uint8_t priv[CRYPTO_PRIV_BYTES], uint8_t ret_pub[CRYPTO_PUB_BYTES])
{
	EVP_PKEY *key = private_key(priv);
	size_t len = CRYPTO_PUB_BYTES;
	int rc = AEF_ERR_IO;

	if (key != NULL && EVP_PKEY_get_raw_public_key(key, ret_pub, &len) == 1 &&
	    len == CRYPTO_PUB_BYTES)
		rc = 0;
	EVP_PKEY_free(key);
	return finish(rc);
}

int
protect_dh_shared(const uint8_t priv[CRYPTO_PRIV_BYTES], const uint8_t peer_pub[CRYPTO_PUB_BYTES],
                  uint8_t ret_shared[CRYPTO_SHARED_BYTES])
{
	static const uint8_t zero[CRYPTO_SHARED_BYTES];
	uint8_t shared[CRYPTO_SHARED_BYTES] = { 0 };
	size_t len = sizeof(shared);
	int rc = AEF_ERR_IO;
	EVP_PKEY *key = derive_key(priv, peer_pub);
	EVP_PKEY *peer =
		EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer_pub, CRYPTO_PUB_BYTES);
	EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;

	if (peer != NULL && ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, peer) == 1) {
		/* All that is left to fail is the value itself: OpenSSL refuses zero, too.
		 */
		const bool derived =
			EVP_PKEY_derive(ctx, shared, &len) == 1 && len == sizeof(shared);

		rc = derived && !crypto_equal(shared, zero, sizeof(zero)) ? 0 : AEF_ERR_AUTH;
	}
	if (rc == 0)
		memcpy(ret_shared, shared, sizeof(shared));
	crypto_wipe(shared, sizeof(shared));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(key);
	return finish(rc);
}
