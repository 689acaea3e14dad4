/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio/neigh.h - small fixed table from next-hop address to MAC, for paths that we open ourselves.
 *
 * A path that answers a datagram takes the MAC from it (net_path_reply) and never looks here. Only
 * addresses that we asked for are learned, so a flood of ARP cannot push an entry out.
 *
 * Units:   ns. Context: one owner lcore per table.
 */
#ifndef DPIO_NEIGH_H
#define DPIO_NEIGH_H

#include <dpio/net.h>

#define NET_NEIGH_ENTRIES      64
#define NET_NEIGH_LIFE_NS      (600ull * 1000000000ull) /* then it is asked for again, still used */
#define NET_NEIGH_ASK_EVERY_NS (1000ull * 1000000ull)   /* between two questions for one address */

enum net_neigh_state { NET_NEIGH_FREE, NET_NEIGH_ASKED, NET_NEIGH_KNOWN };

struct net_neigh_entry {
	struct net_ip ip;
	uint8_t mac[NET_MAC_BYTES];
	uint8_t state; /* enum net_neigh_state */
	uint64_t asked_ns;
	uint64_t known_ns;
	uint64_t used_ns;
};

struct net_neigh {
	struct net_neigh_entry entries[NET_NEIGH_ENTRIES];
	uint64_t evictions;
};

/** Empty the table. */
void net_neigh_init(struct net_neigh *neigh);

/**
 * Look a next hop up.
 *
 * @param ret_mac written when known
 * @param ret_ask true when the caller should send net_solicit_build now (at most one a second
 * each); the table then remembers that it was asked
 * @return 0 or AEF_ERR_AGAIN (not known yet). When full the entry used longest ago goes.
 */
AEF_MUST_CHECK int net_neigh_lookup(struct net_neigh *neigh, const struct net_ip *hop,
                                    uint64_t now_ns, uint8_t ret_mac[NET_MAC_BYTES], bool *ret_ask);

/** Note the MAC of an address, if somebody looked it up before; else nothing happens. */
void net_neigh_learn(struct net_neigh *neigh, const struct net_ip *ip,
                     const uint8_t mac[NET_MAC_BYTES], uint64_t now_ns);

#endif
