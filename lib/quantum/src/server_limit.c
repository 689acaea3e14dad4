/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/rng.h>
#include <base/siphash.h>

#include "server_priv.h"

#define WAYS              8u
#define IPV6_PREFIX_BYTES 8u

size_t
limit_table_bytes(uint32_t nb_entries)
{
	return (size_t)nb_entries * sizeof(struct limit_entry);
}

void
limit_table_rate(struct limit_table *table, uint32_t per_s, uint32_t burst)
{
	table->every_ns = AEF_NS_PER_S / per_s;
	table->burst_ns = (burst - 1) * table->every_ns;
}

void
limit_table_init(struct limit_table *table, void *mem, uint32_t nb_entries, uint32_t per_s,
                 uint32_t burst, struct aef_rng *rng)
{
	aef_assert(nb_entries % WAYS == 0 && (nb_entries & (nb_entries - 1)) == 0);
	table->entries = mem;
	table->nb_buckets = nb_entries / WAYS;
	limit_table_rate(table, per_s, burst);
	for (unsigned i = 0; i < sizeof(table->hash_key); i++)
		table->hash_key[i] = (uint8_t)aef_rng_u64(rng);
}

/* An IPv4 address, or the first 64 bits of an IPv6 address. */
static size_t
prefix_bytes(const struct quantum_addr *from)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(from->ip, mapped, sizeof(mapped)) == 0 ? sizeof(from->ip) : IPV6_PREFIX_BYTES;
}

static uint64_t
key_of(const struct limit_table *table, const struct quantum_addr *from, const void *extra,
       size_t extra_len)
{
	struct aef_siphash sip;
	uint64_t key;

	aef_siphash_init(&sip, table->hash_key, false);
	aef_siphash_update(&sip, from->ip, prefix_bytes(from));
	aef_siphash_update(&sip, extra, extra_len);
	key = aef_siphash_final64(&sip);
	return key != 0 ? key : 1;
}

/* The entry of @p key in front of its bucket; a new one takes the place of the one used least
 * recently. */
static struct limit_entry *
entry_get(struct limit_table *table, uint64_t key)
{
	struct limit_entry *bucket =
		&table->entries[(key & (table->nb_buckets - 1)) * (size_t)WAYS];
	struct limit_entry hit = { .key = key };
	unsigned at = 0;

	while (at < WAYS - 1 && bucket[at].key != key)
		at++;
	if (bucket[at].key == key)
		hit = bucket[at];
	memmove(&bucket[1], &bucket[0], at * sizeof(*bucket));
	bucket[0] = hit;
	return &bucket[0];
}

bool
limit_table_take(struct limit_table *table, const struct quantum_addr *from, const void *extra,
                 size_t extra_len, uint64_t now_ns)
{
	struct limit_entry *e = entry_get(table, key_of(table, from, extra, extra_len));

	if (e->due_ns < now_ns)
		e->due_ns = now_ns;
	if (e->due_ns - now_ns > table->burst_ns)
		return false;
	e->due_ns += table->every_ns;
	return true;
}
