/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * selftest_test.c - the self-test passes what is right and notices each function that is wrong.
 */
#include <base/err.h>
#include <protect/provider.h>

#include "harness.h"
#include "selftest_priv.h"

static const struct crypto_provider *real;

static void
bad_seal(void *ctx, struct crypto_op *ops, unsigned nb)
{
	real->seal(ctx, ops, nb);
	if (ops[0].text_len > 1000) /* only the long ones, which take another path */
		ops[0].text[999] ^= 1;
}

static void
bad_tag(void *ctx, struct crypto_op *ops, unsigned nb)
{
	real->seal(ctx, ops, nb);
	ops[0].tag[15] ^= 1;
}

static void
open_all(void *ctx, struct crypto_op *ops, unsigned nb)
{
	real->open(ctx, ops, nb);
	ops[0].ok = true;
}

static void
open_none(void *ctx, struct crypto_op *ops, unsigned nb)
{
	real->open(ctx, ops, nb);
	ops[0].ok = false;
}

static void
bad_hash(void *ctx, const struct crypto_bytes *parts, unsigned nb,
         uint8_t ret_hash[CRYPTO_HASH_BYTES])
{
	real->hash(ctx, parts, nb, ret_hash);
	ret_hash[31] ^= 1;
}

static void
bad_mac(void *ctx, const uint8_t key[CRYPTO_PSK_BYTES], const struct crypto_bytes *parts,
        unsigned nb, uint8_t ret_mac[CRYPTO_MAC_BYTES])
{
	real->mac(ctx, key, parts, nb - 1, ret_mac); /* the last part is left out */
}

static void
bad_extract(void *ctx, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
            uint8_t ret_prk[CRYPTO_SECRET_BYTES])
{
	real->hkdf_extract(ctx, ikm, ikm_len, salt, salt_len, ret_prk); /* the wrong way round */
}

static void
bad_expand(void *ctx, const uint8_t prk[CRYPTO_SECRET_BYTES], const void *label, size_t label_len,
           uint8_t *ret, size_t len)
{
	real->hkdf_expand(ctx, prk, label, label_len, ret, len < 32 ? len : 32);
}

static int
bad_keygen(void *ctx, const uint8_t seed[32], uint8_t ret_priv[CRYPTO_PRIV_BYTES],
           uint8_t ret_pub[CRYPTO_PUB_BYTES])
{
	const int rc = real->dh_keygen(ctx, seed, ret_priv, ret_pub);

	ret_pub[0] ^= 1;
	return rc;
}

static int
bad_dh(void *ctx, const uint8_t priv[CRYPTO_PRIV_BYTES], const uint8_t peer_pub[CRYPTO_PUB_BYTES],
       uint8_t ret_shared[CRYPTO_SHARED_BYTES])
{
	return real->dh(ctx, priv, peer_pub, ret_shared) != 0 ? 0 : 0; /* zero is not refused */
}

START_TEST(selftest_notices_each_function_that_is_wrong)
{
	const struct protect_conf conf = { .keys_max = 2 };
	struct protect *p;

	ck_assert_int_eq(protect_create(&conf, &p), 0);
	real = protect_provider(p);
	ck_assert_int_eq(protect_selftest(real), 0);
	for (unsigned i = 0; i < 11; i++) {
		struct crypto_provider broken = *real;

		switch (i) {
		case 0:
			broken.seal = bad_seal;
			break;
		case 1:
			broken.seal = bad_tag;
			break;
		case 2:
			broken.open = open_all;
			break;
		case 3:
			broken.open = open_none;
			break;
		case 4:
			broken.hash = bad_hash;
			break;
		case 5:
			broken.mac = bad_mac;
			break;
		case 6:
			broken.hkdf_extract = bad_extract;
			break;
		case 7:
			broken.hkdf_expand = bad_expand;
			break;
		case 8:
			broken.dh_keygen = bad_keygen;
			break;
		case 9:
			broken.dh = bad_dh;
			break;
		default:
			broken.open = real->seal; /* neither opens nor sets ok */
			break;
		}
		ck_assert_msg(protect_selftest(&broken) == AEF_ERR_STATE, "fault %u", i);
	}
	ck_assert_int_eq(protect_selftest(real), 0);
	ck_assert_ptr_nonnull(strstr(protect_create_text(AEF_ERR_STATE), "self-test"));
	ck_assert_ptr_nonnull(strstr(protect_create_text(AEF_ERR_UNSUPPORTED), "AES"));
	protect_destroy(p);
}
END_TEST

TEST_SUITE(selftest, &selftest_notices_each_function_that_is_wrong)
