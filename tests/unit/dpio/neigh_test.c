/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/time.h>
#include <dpio/neigh.h>
#include <dpio/path.h>

#include "frames.h"
#include "harness.h"

static struct net_neigh neigh;

START_TEST(neigh_unknown_address_is_asked_for_once_a_second)
{
	const struct net_local peer = host(2, 0);
	uint8_t mac[6];
	bool ask;

	net_neigh_init(&neigh);
	ck_assert_int_eq(net_neigh_lookup(&neigh, &peer.ipv4, 5, mac, &ask), AEF_ERR_AGAIN);
	ck_assert(ask);
	ck_assert_int_eq(net_neigh_lookup(&neigh, &peer.ipv4, 6, mac, &ask), AEF_ERR_AGAIN);
	ck_assert(!ask);
	ck_assert_int_eq(net_neigh_lookup(&neigh, &peer.ipv4, 5 + AEF_NS_PER_S, mac, &ask),
	                 AEF_ERR_AGAIN);
	ck_assert(ask);
}
END_TEST

START_TEST(neigh_answer_is_learned_and_asked_again_when_old)
{
	const struct net_local peer = host(2, 0), stranger = host(3, 0);
	const uint64_t later = NET_NEIGH_LIFE_NS + 10;
	uint8_t mac[6];
	bool ask;

	net_neigh_init(&neigh);
	ck_assert_int_eq(net_neigh_lookup(&neigh, &peer.ipv4, 1, mac, &ask), AEF_ERR_AGAIN);
	net_neigh_learn(&neigh, &peer.ipv4, peer.mac, 2);
	net_neigh_learn(&neigh, &stranger.ipv4, stranger.mac, 2); /* nobody asked */

	ck_assert_int_eq(net_neigh_lookup(&neigh, &peer.ipv4, 3, mac, &ask), 0);
	ck_assert(!ask);
	ck_assert_mem_eq(mac, peer.mac, 6);
	ck_assert_int_eq(net_neigh_lookup(&neigh, &peer.ipv4, later, mac, &ask), 0);
	ck_assert(ask); /* still used meanwhile */
	ck_assert_int_eq(net_neigh_lookup(&neigh, &stranger.ipv4, 3, mac, &ask), AEF_ERR_AGAIN);
}
END_TEST

START_TEST(neigh_full_table_gives_up_the_entry_used_longest_ago)
{
	struct net_local peer = host(2, 0);
	uint8_t mac[6];
	bool ask;

	net_neigh_init(&neigh);
	for (uint8_t i = 0; i < NET_NEIGH_ENTRIES + 1; i++) {
		peer.ipv4.b[15] = i;
		ck_assert_int_eq(net_neigh_lookup(&neigh, &peer.ipv4, 100 + i, mac, &ask),
		                 AEF_ERR_AGAIN);
		net_neigh_learn(&neigh, &peer.ipv4, peer.mac, 100 + i);
	}

	ck_assert_uint_eq(neigh.evictions, 1);
	peer.ipv4.b[15] = 1;
	ck_assert_int_eq(net_neigh_lookup(&neigh, &peer.ipv4, 300, mac, &ask), 0);
	peer.ipv4.b[15] = 0;
	ck_assert_int_eq(net_neigh_lookup(&neigh, &peer.ipv4, 300, mac, &ask), AEF_ERR_AGAIN);
}
END_TEST

START_TEST(neigh_next_hop_is_the_gateway_outside_the_network)
{
	struct net_local us = host(1, 0);
	const struct net_local peer = host(2, 0);
	struct net_ip far4 = peer.ipv4, far6 = peer.ipv6, hop;
	struct net_local other = host(9, 0);

	far4.b[14] = 3; /* 192.0.3.2 */
	far6.b[7] = 1;
	ck_assert_int_eq(net_next_hop(&us, &peer.ipv4, &hop), 0);
	ck_assert(net_ip_eq(&hop, &peer.ipv4));
	ck_assert_int_eq(net_next_hop(&us, &peer.ipv6, &hop), 0);
	ck_assert_int_eq(net_next_hop(&us, &other.ipv6_ll, &hop), 0);
	ck_assert(net_ip_eq(&hop, &other.ipv6_ll));
	ck_assert_int_eq(net_next_hop(&us, &far4, &hop), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(net_next_hop(&us, &far6, &hop), AEF_ERR_NOTFOUND);
	us.has_gateway4 = us.has_gateway6 = true;
	us.gateway4 = other.ipv4;
	us.gateway6 = other.ipv6;
	ck_assert_int_eq(net_next_hop(&us, &far4, &hop), 0);
	ck_assert(net_ip_eq(&hop, &other.ipv4));
	ck_assert_int_eq(net_next_hop(&us, &far6, &hop), 0);
	ck_assert(net_ip_eq(&hop, &other.ipv6));
	us.ipv4_prefix = 32;
	ck_assert_int_eq(net_next_hop(&us, &peer.ipv4, &hop), 0);
	ck_assert(net_ip_eq(&hop, &other.ipv4));
	us.ipv4_prefix = 23; /* 192.0.2.0 to 192.0.3.255 */
	ck_assert_int_eq(net_next_hop(&us, &far4, &hop), 0);
	ck_assert(net_ip_eq(&hop, &far4));
}
END_TEST

TEST_SUITE(neigh, &neigh_unknown_address_is_asked_for_once_a_second,
           &neigh_answer_is_learned_and_asked_again_when_old,
           &neigh_full_table_gives_up_the_entry_used_longest_ago,
           &neigh_next_hop_is_the_gateway_outside_the_network)
