/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore_priv.h"

void
pipeline_conf_default(struct pipeline_conf *ret_conf)
{
	*ret_conf = (struct pipeline_conf){
		.conns = 1024,
		.conns_busy = 64,
		.tokens_max = 4096,
		.tx_per_conn = 32,
		.timers_per_poll = 64,
		.payload_max = 1452, /* Ethernet's 1500 less IPv6 and UDP headers */
		.syn_share_pct = 10,
		.ack_share_pct = 10,
		.acks_per_source = QUANTUM_ACK_PER_S,
		.idle = delivery_idle_conf_default(),
	};
	quantum_conn_conf_default(&ret_conf->conn);
}

int
pipeline_keys_init(struct pipeline_keys *keys, const struct crypto_provider *provider,
                   const uint8_t random[64], const uint8_t reset_key[32])
{
	const int rc = quantum_server_keys_init(&keys->sets[0], provider, random, reset_key);

	if (rc == 0)
		atomic_store_explicit(&keys->current, &keys->sets[0], memory_order_release);
	return rc;
}

int
pipeline_keys_rotate(struct pipeline_keys *keys, const struct crypto_provider *provider,
                     const uint8_t random[64])
{
	const struct quantum_server_keys *current =
		atomic_load_explicit(&keys->current, memory_order_relaxed);
	struct quantum_server_keys *next = &keys->sets[current == &keys->sets[0]];
	int rc;

	*next = *current;
	rc = quantum_server_keys_rotate(next, provider, random);
	if (rc == 0) /* K2: see K1 in lcore.c */
		atomic_store_explicit(&keys->current, next, memory_order_release);
	return rc;
}

void
pipeline_keys_retire(struct pipeline_keys *keys)
{
	const struct quantum_server_keys *current =
		atomic_load_explicit(&keys->current, memory_order_relaxed);
	struct quantum_server_keys *old = &keys->sets[current == &keys->sets[0]];
	const unsigned ended = (old->epoch + 1) & 1, kept = old->epoch & 1;

	if (old->epoch == current->epoch || current == old)
		return;
	/* Its 120 s are over. Not with zeros: a cookie under a key of zeros is anybody's,
	 * should a lcore still look here. */
	memcpy(old->cookie_key[ended], old->cookie_key[kept], sizeof(old->cookie_key[0]));
	memcpy(old->dh_priv[ended], old->dh_priv[kept], sizeof(old->dh_priv[0]));
	memcpy(old->dh_pub[ended], old->dh_pub[kept], sizeof(old->dh_pub[0]));
}
