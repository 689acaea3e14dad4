/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * epoch.c - derivation, rotation and destruction of the traffic keys of one direction.
 */
#include <string.h>

#include <base/err.h>
#include <base/time.h>
#include <crypto/epoch.h>

static const char label_key[] = "qts1 key";
static const char label_next[] = "qts1 ku";

/* Fill @p key from @p secret, then put the following epoch's secret in place of @p secret. */
static void
derive(const struct crypto_provider *crypto, uint8_t secret[CRYPTO_SECRET_BYTES],
       struct crypto_key *key)
{
	uint8_t out[CRYPTO_KEY_BYTES + CRYPTO_IV_BYTES];
	uint8_t next[CRYPTO_SECRET_BYTES];

	aef_assert(key->slot == 0);
	crypto->hkdf_expand(crypto->ctx, secret, label_key, sizeof(label_key) - 1, out,
	                    sizeof(out));
	memcpy(key->key, out, CRYPTO_KEY_BYTES);
	memcpy(key->iv, out + CRYPTO_KEY_BYTES, CRYPTO_IV_BYTES);
	crypto->hkdf_expand(crypto->ctx, secret, label_next, sizeof(label_next) - 1, next,
	                    sizeof(next));
	memcpy(secret, next, CRYPTO_SECRET_BYTES);
	crypto_wipe(out, sizeof(out));
	crypto_wipe(next, sizeof(next));
}

static void
destroy(const struct crypto_provider *crypto, struct crypto_key *key)
{
	if (key->slot != 0)
		crypto->key_release(crypto->ctx, key);
	crypto_wipe(key, sizeof(*key));
}

void
crypto_tx_keys_init(struct crypto_tx_keys *tx, const struct crypto_provider *crypto,
                    const uint8_t secret[CRYPTO_SECRET_BYTES])
{
	memset(tx, 0, sizeof(*tx));
	memcpy(tx->next_secret, secret, CRYPTO_SECRET_BYTES);
	derive(crypto, tx->next_secret, &tx->key[0]);
	tx->active = true;
}

void
crypto_tx_keys_fini(struct crypto_tx_keys *tx, const struct crypto_provider *crypto)
{
	destroy(crypto, &tx->key[0]);
	destroy(crypto, &tx->key[1]);
	crypto_wipe(tx, sizeof(*tx));
}

struct crypto_key *
crypto_tx_keys_get(struct crypto_tx_keys *tx, uint64_t pn)
{
	const uint64_t epoch = crypto_epoch(pn);

	if (!tx->active)
		return NULL;
	if (epoch == tx->epoch || (tx->has_prev && epoch + 1 == tx->epoch))
		return &tx->key[epoch & 1];
	return NULL;
}

void
crypto_tx_keys_on_acked(struct crypto_tx_keys *tx, uint64_t pn)
{
	if (crypto_epoch(pn) == tx->epoch)
		tx->acked = true;
}

bool
crypto_tx_keys_can_advance(const struct crypto_tx_keys *tx)
{
	return tx->acked && tx->epoch < CRYPTO_EPOCH_MAX;
}

int
crypto_tx_keys_advance(struct crypto_tx_keys *tx, const struct crypto_provider *crypto)
{
	if (!tx->acked)
		return AEF_ERR_STATE;
	if (tx->epoch >= CRYPTO_EPOCH_MAX)
		return AEF_ERR_LIMIT;
	crypto_tx_keys_drop_prev(tx, crypto);
	tx->epoch++;
	derive(crypto, tx->next_secret, &tx->key[tx->epoch & 1]);
	tx->acked = false;
	tx->has_prev = true;
	return 0;
}

void
crypto_tx_keys_drop_prev(struct crypto_tx_keys *tx, const struct crypto_provider *crypto)
{
	if (!tx->has_prev)
		return;
	destroy(crypto, &tx->key[(tx->epoch + 1) & 1]);
	tx->has_prev = false;
}

void
crypto_rx_keys_init(struct crypto_rx_keys *rx, const struct crypto_provider *crypto,
                    const uint8_t secret[CRYPTO_SECRET_BYTES])
{
	memset(rx, 0, sizeof(*rx));
	memcpy(rx->next_secret, secret, CRYPTO_SECRET_BYTES);
	derive(crypto, rx->next_secret, &rx->key[0]);
	derive(crypto, rx->next_secret, &rx->key[1]);
	rx->prev_until_ns = AEF_TIME_NEVER;
	rx->active = true;
}

void
crypto_rx_keys_fini(struct crypto_rx_keys *rx, const struct crypto_provider *crypto)
{
	for (unsigned i = 0; i < AEF_DIM(rx->key); i++)
		destroy(crypto, &rx->key[i]);
	crypto_wipe(rx, sizeof(*rx));
}

struct crypto_key *
crypto_rx_keys_get(struct crypto_rx_keys *rx, uint64_t pn)
{
	const uint64_t epoch = crypto_epoch(pn);

	if (!rx->active || epoch > CRYPTO_EPOCH_MAX)
		return NULL;
	if (epoch == rx->epoch || epoch == rx->epoch + 1 ||
	    (rx->has_prev && epoch + 1 == rx->epoch))
		return &rx->key[epoch % 3];
	return NULL;
}

bool
crypto_rx_keys_on_authenticated(struct crypto_rx_keys *rx, const struct crypto_provider *crypto,
                                uint64_t pn, uint64_t now_ns, uint64_t pto_ns)
{
	const uint64_t epoch = crypto_epoch(pn);

	if (epoch <= rx->epoch)
		return false;
	/* Only get() hands out keys, and it never goes beyond the next epoch. */
	aef_assert(epoch == rx->epoch + 1);

	struct crypto_key *oldest = &rx->key[(epoch + 1) % 3];

	destroy(crypto, oldest);
	derive(crypto, rx->next_secret, oldest);
	rx->epoch = epoch;
	rx->has_prev = true;
	rx->prev_until_ns = aef_add_sat_u64(now_ns, pto_ns > UINT64_MAX / CRYPTO_EPOCH_PREV_PTOS
	                                                    ? UINT64_MAX
	                                                    : pto_ns * CRYPTO_EPOCH_PREV_PTOS);
	return true;
}

bool
crypto_rx_keys_expire(struct crypto_rx_keys *rx, const struct crypto_provider *crypto,
                      uint64_t now_ns)
{
	if (!rx->has_prev || now_ns < rx->prev_until_ns)
		return false;
	destroy(crypto, &rx->key[(rx->epoch + 2) % 3]);
	rx->has_prev = false;
	rx->prev_until_ns = AEF_TIME_NEVER;
	return true;
}
