/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which connection a secret belongs to is learned on the way: a MAC names C beside the psk, the
 * psk goes into prk, prk into the secrets, each secret into its key and the next secret. What is
 * remembered of a secret is a hash of it, so that this object leaves nothing to be found.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <base/siphash.h>
#include <crypto/token.h>
#include <keylog/tap.h>
#include <protect/provider.h>

/* A program that links this object is refused as a release. */
const char aef_test_only_tap[] = "hears every secret of a provider";

#define KNOWN_MAX 4096u /* psk, prk and secrets that are remembered; the oldest make room */

struct tapped {
	struct crypto_provider provider; /* its ctx is this structure */
	const struct crypto_provider *real;
	struct tapped *next;
};

struct known {
	uint64_t hash; /* of psk, prk or traffic secret */
	struct aef_guuid conn_id;
	bool by_server;
	uint32_t epoch;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tapped *all;
static struct known known[KNOWN_MAX];
static uint32_t nb_known; /* ever */
static keylog_tap_fn tap_fn;
static void *tap_arg;

static uint64_t
hash_of(const uint8_t bytes[32])
{
	static const uint8_t key[16] = "keylog, tests 1";

	return aef_siphash64(key, bytes, 32);
}

static void
remember(const uint8_t bytes[32], const struct known *as)
{
	struct known *slot = &known[nb_known++ % KNOWN_MAX];

	*slot = *as;
	slot->hash = hash_of(bytes);
}

static struct known
recall(const uint8_t bytes[32])
{
	const uint64_t hash = hash_of(bytes);

	for (uint32_t i = aef_min_u32(nb_known, KNOWN_MAX); i > 0; i--)
		if (known[(nb_known - aef_min_u32(nb_known, KNOWN_MAX) + i - 1) % KNOWN_MAX].hash ==
		    hash)
			return known[(nb_known - aef_min_u32(nb_known, KNOWN_MAX) + i - 1) %
			             KNOWN_MAX];
	return (struct known){ .hash = hash };
}

static void
tell(enum keylog_kind kind, const uint8_t *bytes, size_t len, const struct known *of)
{
	const struct keylog_secret secret = { .kind = kind,
		                              .bytes = bytes,
		                              .len = len,
		                              .conn_id = of->conn_id,
		                              .by_server = of->by_server,
		                              .epoch = of->epoch };

	if (tap_fn != NULL)
		tap_fn(tap_arg, &secret);
}

static void
tell_plain(enum keylog_kind kind, const uint8_t *bytes, size_t len)
{
	static const struct known nobody;

	pthread_mutex_lock(&lock);
	tell(kind, bytes, len, &nobody);
	pthread_mutex_unlock(&lock);
}

/* ---- a provider between its user and the real one ----------------------------------------------
 */

static const struct crypto_provider *
real_of(void *ctx)
{
	return ((struct tapped *)ctx)->real;
}

static void
tap_seal(void *ctx, struct crypto_op *ops, unsigned nb)
{
	real_of(ctx)->seal(real_of(ctx)->ctx, ops, nb);
}

static void
tap_open(void *ctx, struct crypto_op *ops, unsigned nb)
{
	real_of(ctx)->open(real_of(ctx)->ctx, ops, nb);
}

static void
tap_hash(void *ctx, const struct crypto_bytes *parts, unsigned nb, uint8_t ret[CRYPTO_HASH_BYTES])
{
	real_of(ctx)->hash(real_of(ctx)->ctx, parts, nb, ret);
}

/* A MAC is over a label of one byte, C, and the rest. */
static void
tap_mac(void *ctx, const uint8_t key[CRYPTO_PSK_BYTES], const struct crypto_bytes *parts,
        unsigned nb, uint8_t ret_mac[CRYPTO_MAC_BYTES])
{
	real_of(ctx)->mac(real_of(ctx)->ctx, key, parts, nb, ret_mac);
	if (nb < 2 || parts[0].len != 1 || parts[1].len != AEF_GUUID_BYTES)
		return;
	pthread_mutex_lock(&lock);
	struct known of = recall(key);

	memcpy(of.conn_id.b, parts[1].data, AEF_GUUID_BYTES);
	remember(key, &of);
	tell(KEYLOG_PSK, key, CRYPTO_PSK_BYTES, &of);
	pthread_mutex_unlock(&lock);
}

/* What goes in is psk || X25519. */
static void
tap_extract(void *ctx, const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
            uint8_t ret_prk[CRYPTO_SECRET_BYTES])
{
	real_of(ctx)->hkdf_extract(real_of(ctx)->ctx, salt, salt_len, ikm, ikm_len, ret_prk);
	if (ikm_len != CRYPTO_PSK_BYTES + CRYPTO_SHARED_BYTES)
		return;
	pthread_mutex_lock(&lock);
	const struct known of = recall(ikm);

	remember(ret_prk, &of);
	tell(KEYLOG_PSK, ikm, CRYPTO_PSK_BYTES, &of);
	tell(KEYLOG_PRK, ret_prk, CRYPTO_SECRET_BYTES, &of);
	pthread_mutex_unlock(&lock);
}

static bool
is_label(const void *label, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(label, text, len) == 0;
}

static void
tap_expand(void *ctx, const uint8_t prk[CRYPTO_SECRET_BYTES], const void *label, size_t label_len,
           uint8_t *ret, size_t len)
{
	const bool c2s = is_label(label, label_len, "c2s"), s2c = is_label(label, label_len, "s2c");

	real_of(ctx)->hkdf_expand(real_of(ctx)->ctx, prk, label, label_len, ret, len);
	pthread_mutex_lock(&lock);
	struct known of = recall(prk);

	if (c2s || s2c) {
		of.by_server = s2c;
	} else if (is_label(label, label_len, "qts1 ku")) {
		of.epoch++;
	} else {
		if (is_label(label, label_len, "qts1 key"))
			tell(KEYLOG_KEY, ret, len, &of);
		pthread_mutex_unlock(&lock);
		return;
	}
	remember(ret, &of);
	tell(KEYLOG_SECRET, ret, len, &of);
	pthread_mutex_unlock(&lock);
}

static int
tap_keygen(void *ctx, const uint8_t seed[32], uint8_t ret_priv[CRYPTO_PRIV_BYTES],
           uint8_t ret_pub[CRYPTO_PUB_BYTES])
{
	const int rc = real_of(ctx)->dh_keygen(real_of(ctx)->ctx, seed, ret_priv, ret_pub);

	tell_plain(KEYLOG_PRIV, seed, 32);
	tell_plain(KEYLOG_PRIV, ret_priv, CRYPTO_PRIV_BYTES);
	return rc;
}

static int
tap_dh(void *ctx, const uint8_t priv[CRYPTO_PRIV_BYTES], const uint8_t peer_pub[CRYPTO_PUB_BYTES],
       uint8_t ret_shared[CRYPTO_SHARED_BYTES])
{
	const int rc = real_of(ctx)->dh(real_of(ctx)->ctx, priv, peer_pub, ret_shared);

	tell_plain(KEYLOG_PRIV, priv, CRYPTO_PRIV_BYTES);
	if (rc == 0)
		tell_plain(KEYLOG_SHARED, ret_shared, CRYPTO_SHARED_BYTES);
	return rc;
}

static int
tap_token_seal(void *ctx, const struct crypto_token *token, const uint8_t nonce[CRYPTO_NONCE_BYTES],
               uint8_t ret_token[CRYPTO_TOKEN_BYTES])
{
	tell_plain(KEYLOG_PSK, token->psk, CRYPTO_PSK_BYTES);
	return real_of(ctx)->token_seal(real_of(ctx)->ctx, token, nonce, ret_token);
}

static int
tap_token_open(void *ctx, const uint8_t token[CRYPTO_TOKEN_BYTES], uint64_t now_unix_ms,
               struct crypto_token *ret_token)
{
	const int rc = real_of(ctx)->token_open(real_of(ctx)->ctx, token, now_unix_ms, ret_token);

	if (rc == 0)
		tell_plain(KEYLOG_PSK, ret_token->psk, CRYPTO_PSK_BYTES);
	return rc;
}

static void
tap_release(void *ctx, struct crypto_key *key)
{
	real_of(ctx)->key_release(real_of(ctx)->ctx, key);
}

/* ---- installing it ------------------------------------------------------------------------------
 */

void
keylog_tap(keylog_tap_fn fn, void *arg)
{
	pthread_mutex_lock(&lock);
	tap_fn = fn;
	tap_arg = arg;
	pthread_mutex_unlock(&lock);
}

static struct tapped *
make(const struct crypto_provider *real)
{
	struct tapped *t = calloc(1, sizeof(*t));

	aef_assert(t != NULL);
	t->real = real;
	t->provider = (struct crypto_provider){ .name = real->name,
		                                .is_null = real->is_null,
		                                .ctx = t,
		                                .seal = tap_seal,
		                                .open = tap_open,
		                                .hash = tap_hash,
		                                .mac = tap_mac,
		                                .hkdf_extract = tap_extract,
		                                .hkdf_expand = tap_expand,
		                                .dh_keygen = tap_keygen,
		                                .dh = tap_dh,
		                                .token_seal = tap_token_seal,
		                                .token_open = tap_token_open,
		                                .key_release = tap_release };
	t->next = all;
	all = t;
	return t;
}

const struct crypto_provider *
keylog_wrap(const struct crypto_provider *real)
{
	struct tapped *t;

	pthread_mutex_lock(&lock);
	for (t = all; t != NULL && t->real != real; t = t->next)
		;
	if (t == NULL)
		t = make(real);
	pthread_mutex_unlock(&lock);
	return &t->provider;
}

/* Names of the linker's --wrap. */
const struct crypto_provider *__real_protect_provider(const struct protect *protect);
const struct crypto_provider *__wrap_protect_provider(const struct protect *protect);

const struct crypto_provider *
__wrap_protect_provider(const struct protect *protect)
{
	return keylog_wrap(__real_protect_provider(protect));
}

const char *
keylog_kind_name(enum keylog_kind kind)
{
	static const char *const names[] = { "psk", "X25519 private key", "shared value",
		                             "prk", "traffic secret",     "traffic key" };

	return names[kind];
}
