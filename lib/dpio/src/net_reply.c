/* SPDX-License-Identifier: BSD-3-Clause */
#include "net_priv.h"

/* Turn the Ethernet header round: the answer goes to whoever sent the frame. */
static void
ether_turn(const struct net_local *local, uint8_t *data)
{
	memcpy(data, data + NET_MAC_BYTES, NET_MAC_BYTES);
	memcpy(data + NET_MAC_BYTES, local->mac, NET_MAC_BYTES);
}

static uint32_t
arp_reply(const struct net_local *local, const struct net_meta *meta, uint8_t *data)
{
	uint8_t *arp = data + meta->l3_off;

	ether_turn(local, data);
	aef_store_be16(arp + 6, ARP_REPLY);
	memcpy(arp + 18, arp + 8, 10); /* target = who asked */
	memcpy(arp + 8, local->mac, NET_MAC_BYTES);
	memcpy(arp + 14, local->ipv4.b + 12, 4);
	return meta->l3_off + (uint32_t)ARP_BYTES;
}

static uint32_t
icmp_echo_reply(const struct net_local *local, const struct net_meta *meta, uint8_t *data)
{
	uint8_t *ip = data + meta->l3_off, *icmp = data + meta->l4_off;
	const uint32_t hdr_len = (uint32_t)(meta->l4_off - meta->l3_off);
	const uint32_t total = aef_load_be16(ip + 2);

	ether_turn(local, data);
	memcpy(ip + 16, ip + 12, 4);
	memcpy(ip + 12, local->ipv4.b + 12, 4);
	ip[8] = 64;
	aef_store_be16(ip + 10, 0);
	aef_store_be16(ip + 10, net_csum_fold(net_csum_add(0, ip, hdr_len)));
	icmp[0] = ICMP_ECHO_REPLY;
	aef_store_be16(icmp + 2, 0);
	aef_store_be16(icmp + 2, net_csum_fold(net_csum_add(0, icmp, total - hdr_len)));
	return meta->l3_off + total;
}

static void
icmpv6_seal(uint8_t *ip, uint8_t *icmp, uint32_t len)
{
	aef_store_be16(icmp + 2, 0);
	aef_store_be16(icmp + 2,
	               net_csum_fold(net_csum_add(
			       pseudo_sum(ip + 8, ip + 24, 16, len, PROTO_ICMPV6), icmp, len)));
}

static uint32_t
icmpv6_echo_reply(const struct net_local *local, const struct net_meta *meta, uint8_t *data)
{
	uint8_t *ip = data + meta->l3_off, *icmp = data + meta->l4_off;
	const uint32_t len = aef_load_be16(ip + 4) - (meta->l4_off - meta->l3_off - NET_IPV6_BYTES);

	ether_turn(local, data);
	memcpy(ip + 24, meta->src.b, 16);
	memcpy(ip + 8, meta->dst.b, 16);
	ip[7] = 64;
	icmp[0] = ICMPV6_ECHO_REPLY;
	icmpv6_seal(ip, icmp, len);
	return meta->l4_off + len;
}

/* RFC 4861 sections 4.4 and 7.2.4; a probe from "::" is answered to all nodes. */
static uint32_t
nd_reply(const struct net_local *local, const struct net_meta *meta, uint8_t *data, uint32_t cap)
{
	static const uint8_t all_nodes[16] = { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	static const struct net_ip any;
	const bool probe = net_ip_eq(&meta->src, &any);
	const uint32_t l3_off = meta->l3_off, len = ND_BYTES + ND_OPTION_BYTES;
	uint8_t *ip = data + l3_off, *nd = ip + NET_IPV6_BYTES;
	uint8_t target[16];

	if (cap < l3_off + NET_IPV6_BYTES + len)
		return 0;
	memcpy(target, data + meta->l4_off + 8,
	       16); /* before a hop-by-hop header is written over */
	memcpy(data, probe ? all_nodes_mac : meta->src_mac, NET_MAC_BYTES);
	memcpy(data + NET_MAC_BYTES, local->mac, NET_MAC_BYTES);
	aef_store_be32(ip, 6u << 28);
	aef_store_be16(ip + 4, (uint16_t)len);
	ip[6] = PROTO_ICMPV6;
	ip[7] = 255;
	memcpy(ip + 8, target, 16);
	memcpy(ip + 24, probe ? all_nodes : meta->src.b, 16);
	memset(nd, 0, ND_BYTES);
	nd[0] = ND_ADVERT;
	nd[4] = probe ? 0x20 : 0x60; /* override, solicited */
	memcpy(nd + 8, target, 16);
	nd[ND_BYTES] = ND_OPT_DST_LINK;
	nd[ND_BYTES + 1] = 1;
	memcpy(nd + ND_BYTES + 2, local->mac, NET_MAC_BYTES);
	icmpv6_seal(ip, nd, len);
	return l3_off + NET_IPV6_BYTES + len;
}

uint32_t
net_reply_build(const struct net_local *local, enum net_verdict verdict,
                const struct net_meta *meta, uint8_t *data, uint32_t len, uint32_t cap)
{
	aef_assert_hot(cap >= len);
	(void)len;
	switch (verdict) {
	case NET_VERDICT_ARP_REPLY:
		return arp_reply(local, meta, data);
	case NET_VERDICT_ICMP_ECHO_REPLY:
		return icmp_echo_reply(local, meta, data);
	case NET_VERDICT_ICMPV6_ECHO_REPLY:
		return icmpv6_echo_reply(local, meta, data);
	case NET_VERDICT_ND_REPLY:
		return nd_reply(local, meta, data, cap);
	default:
		return 0;
	}
}

static uint8_t *
ether_put(const struct net_local *local, const uint8_t *dst, uint16_t type, uint8_t *data)
{
	memcpy(data, dst, NET_MAC_BYTES);
	memcpy(data + NET_MAC_BYTES, local->mac, NET_MAC_BYTES);
	data += 2 * NET_MAC_BYTES;
	if (local->vlan_id != 0) {
		aef_store_be16(data, ETHERTYPE_VLAN);
		aef_store_be16(data + 2, local->vlan_id);
		data += NET_VLAN_BYTES;
	}
	aef_store_be16(data, type);
	return data + 2;
}

static uint32_t
arp_solicit(const struct net_local *local, const struct net_ip *target, uint8_t *data)
{
	static const uint8_t request[8] = { 0, 1, 8, 0, 6, 4, 0, ARP_REQUEST };
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t *arp = ether_put(local, broadcast, ETHERTYPE_ARP, data);

	memcpy(arp, request, sizeof(request));
	memcpy(arp + 8, local->mac, NET_MAC_BYTES);
	memcpy(arp + 14, local->ipv4.b + 12, 4);
	memset(arp + 18, 0, NET_MAC_BYTES);
	memcpy(arp + 24, target->b + 12, 4);
	return (uint32_t)(arp + ARP_BYTES - data);
}

static uint32_t
nd_solicit(const struct net_local *local, const struct net_ip *target, uint8_t *data)
{
	const uint32_t len = ND_BYTES + ND_OPTION_BYTES;
	const bool link_local = target->b[0] == 0xfe && (target->b[1] & 0xc0) == 0x80;
	uint8_t group[16], mac[6] = { 0x33, 0x33, 0xff };
	uint8_t *ip, *nd;

	solicited_node(target, group);
	memcpy(mac + 3, group + 13, 3);
	ip = ether_put(local, mac, ETHERTYPE_IPV6, data);
	nd = ip + NET_IPV6_BYTES;
	aef_store_be32(ip, 6u << 28);
	aef_store_be16(ip + 4, (uint16_t)len);
	ip[6] = PROTO_ICMPV6;
	ip[7] = 255;
	memcpy(ip + 8, link_local ? local->ipv6_ll.b : local->ipv6.b, 16);
	memcpy(ip + 24, group, 16);
	memset(nd, 0, ND_BYTES);
	nd[0] = ND_SOLICIT;
	memcpy(nd + 8, target->b, 16);
	nd[ND_BYTES] = ND_OPT_SRC_LINK;
	nd[ND_BYTES + 1] = 1;
	memcpy(nd + ND_BYTES + 2, local->mac, NET_MAC_BYTES);
	icmpv6_seal(ip, nd, len);
	return (uint32_t)(nd + len - data);
}

uint32_t
net_solicit_build(const struct net_local *local, const struct net_ip *target, uint8_t *data)
{
	static_assert(NET_SOLICIT_BYTES == NET_ETHER_BYTES + NET_VLAN_BYTES + NET_IPV6_BYTES +
	                                           ND_BYTES + ND_OPTION_BYTES,
	              "the largest question");

	if (net_ip_is_v4(target))
		return local->has_ipv4 ? arp_solicit(local, target, data) : 0;
	return local->has_ipv6 ? nd_solicit(local, target, data) : 0;
}
