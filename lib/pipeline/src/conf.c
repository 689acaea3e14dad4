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
		.stranger_share_pct = 2,
		.acks_per_source = QUANTUM_ACK_PER_S,
		.idle = delivery_idle_conf_default(),
	};
	quantum_conn_conf_default(&ret_conf->conn);
}

/* Copied under the lock and published with the version. Only the main thread writes. */
static void
keys_publish(struct pipeline_keys *keys, const struct quantum_server_keys *set)
{
	while (atomic_flag_test_and_set_explicit(&keys->lock, memory_order_acquire))
		; /* a lcore copies a few hundred bytes */
	keys->set = *set;
	atomic_fetch_add_explicit(&keys->version, 1, memory_order_relaxed);
	atomic_flag_clear_explicit(&keys->lock, memory_order_release);
}

int
pipeline_keys_init(struct pipeline_keys *keys, const struct crypto_provider *provider,
                   const uint8_t random[64], const uint8_t reset_key[32])
{
	struct quantum_server_keys set;
	const int rc = quantum_server_keys_init(&set, provider, random, reset_key);

	atomic_flag_clear_explicit(&keys->lock, memory_order_relaxed);
	atomic_init(&keys->version, 0);
	if (rc == 0)
		keys_publish(keys, &set);
	crypto_wipe(&set, sizeof(set));
	return rc;
}

int
pipeline_keys_rotate(struct pipeline_keys *keys, const struct crypto_provider *provider,
                     const uint8_t random[64])
{
	struct quantum_server_keys next = keys->set;
	const int rc = quantum_server_keys_rotate(&next, provider, random);

	if (rc == 0)
		keys_publish(keys, &next);
	crypto_wipe(&next, sizeof(next));
	return rc;
}

uint64_t
keys_take(struct pipeline_keys *keys, uint64_t seen, struct quantum_server_keys *ret_set)
{
	if (aef_likely(atomic_load_explicit(&keys->version, memory_order_relaxed) == seen))
		return seen;
	/* Being written just now: the ones before are good for a minute more. */
	if (atomic_flag_test_and_set_explicit(&keys->lock, memory_order_acquire))
		return seen;
	*ret_set = keys->set;
	seen = atomic_load_explicit(&keys->version, memory_order_relaxed);
	atomic_flag_clear_explicit(&keys->lock, memory_order_release);
	return seen;
}
