/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <dpio/neigh.h>

void
net_neigh_init(struct net_neigh *neigh)
{
	memset(neigh, 0, sizeof(*neigh));
}

static struct net_neigh_entry *
entry_find(struct net_neigh *neigh, const struct net_ip *ip)
{
	for (uint32_t i = 0; i < NET_NEIGH_ENTRIES; i++) {
		struct net_neigh_entry *entry = &neigh->entries[i];

		if (entry->state != NET_NEIGH_FREE && net_ip_eq(&entry->ip, ip))
			return entry;
	}
	return NULL;
}

/* A free entry, or the one used longest ago. */
static struct net_neigh_entry *
entry_take(struct net_neigh *neigh)
{
	struct net_neigh_entry *oldest = &neigh->entries[0];

	for (uint32_t i = 0; i < NET_NEIGH_ENTRIES; i++) {
		struct net_neigh_entry *entry = &neigh->entries[i];

		if (entry->state == NET_NEIGH_FREE)
			return entry;
		if (entry->used_ns < oldest->used_ns)
			oldest = entry;
	}
	neigh->evictions++;
	return oldest;
}

int
net_neigh_lookup(struct net_neigh *neigh, const struct net_ip *hop, uint64_t now_ns,
                 uint8_t ret_mac[NET_MAC_BYTES], bool *ret_ask)
{
	struct net_neigh_entry *entry = entry_find(neigh, hop);
	bool stale;

	*ret_ask = false;
	if (entry == NULL) {
		entry = entry_take(neigh);
		*entry = (struct net_neigh_entry){ .ip = *hop, .state = NET_NEIGH_ASKED };
		entry->asked_ns = now_ns;
		entry->used_ns = now_ns;
		*ret_ask = true;
		return AEF_ERR_AGAIN;
	}
	entry->used_ns = now_ns;
	stale = entry->state == NET_NEIGH_ASKED || now_ns - entry->known_ns > NET_NEIGH_LIFE_NS;
	if (stale && now_ns - entry->asked_ns >= NET_NEIGH_ASK_EVERY_NS) {
		entry->asked_ns = now_ns;
		*ret_ask = true;
	}
	if (entry->state != NET_NEIGH_KNOWN)
		return AEF_ERR_AGAIN;
	memcpy(ret_mac, entry->mac, NET_MAC_BYTES);
	return 0;
}

void
net_neigh_learn(struct net_neigh *neigh, const struct net_ip *ip, const uint8_t mac[NET_MAC_BYTES],
                uint64_t now_ns)
{
	struct net_neigh_entry *entry = entry_find(neigh, ip);

	if (entry == NULL)
		return;
	memcpy(entry->mac, mac, NET_MAC_BYTES);
	entry->state = NET_NEIGH_KNOWN;
	entry->known_ns = now_ns;
}
