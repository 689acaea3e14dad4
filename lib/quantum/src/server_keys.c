/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/bytes.h>
#include <base/siphash.h>

#include "server_priv.h"

/* On failure nothing has changed. */
static int
make_epoch(struct quantum_server_keys *keys, uint8_t epoch, const struct crypto_provider *provider,
           const uint8_t random[64])
{
	const unsigned i = epoch & 1;
	uint8_t priv[CRYPTO_PRIV_BYTES], pub[CRYPTO_PUB_BYTES];
	const int err = provider->dh_keygen(provider->ctx, random + 32, priv, pub);

	if (err == 0) {
		memcpy(keys->cookie_key[i], random, sizeof(keys->cookie_key[i]));
		memcpy(keys->dh_priv[i], priv, sizeof(priv));
		memcpy(keys->dh_pub[i], pub, sizeof(pub));
		keys->epoch = epoch;
	}
	crypto_wipe(priv, sizeof(priv));
	return err;
}

int
quantum_server_keys_init(struct quantum_server_keys *keys, const struct crypto_provider *provider,
                         const uint8_t random[64], const uint8_t reset_key[32])
{
	int err;

	*keys = (struct quantum_server_keys){ .epoch = 0 };
	memcpy(keys->reset_key, reset_key, sizeof(keys->reset_key));
	err = make_epoch(keys, 0, provider, random);
	if (err != 0)
		return err;
	/* The epoch before the first one must not be all zero: fill it from the same random. */
	memcpy(keys->cookie_key[1], random + 16, 16);
	return provider->dh_keygen(provider->ctx, random + 32, keys->dh_priv[1], keys->dh_pub[1]);
}

int
quantum_server_keys_rotate(struct quantum_server_keys *keys, const struct crypto_provider *provider,
                           const uint8_t random[64])
{
	return make_epoch(keys, (uint8_t)(keys->epoch + 1), provider, random);
}

bool
server_epoch_valid(const struct quantum_server_keys *keys, uint8_t epoch)
{
	return epoch == keys->epoch || epoch == (uint8_t)(keys->epoch - 1);
}

void
server_cookie_make(const struct quantum_server_keys *keys, uint8_t epoch,
                   const struct quantum_addr *from, const struct aef_guuid *cid,
                   const uint8_t random[WIRE_RANDOM_BYTES], uint8_t ret_cookie[WIRE_COOKIE_BYTES])
{
	struct aef_siphash sip;
	uint8_t port[4] = { 0 };

	aef_store_be16(port, from->port);
	aef_siphash_init(&sip, keys->cookie_key[epoch & 1], true);
	aef_siphash_update(&sip, from->ip, sizeof(from->ip));
	aef_siphash_update(&sip, port, sizeof(port));
	aef_siphash_update(&sip, cid->b, sizeof(cid->b));
	aef_siphash_update(&sip, random, WIRE_RANDOM_BYTES);
	aef_siphash_update(&sip, &epoch, 1);
	aef_siphash_final128(&sip, ret_cookie);
}
