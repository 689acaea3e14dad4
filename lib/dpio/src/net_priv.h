/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_priv.h - offsets and numbers of the headers, shared by parse, reply and build.
 */
#ifndef DPIO_NET_PRIV_H
#define DPIO_NET_PRIV_H

#include <base/bytes.h>
#include <dpio/net.h>

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_IPV6 = 0x86dd,
};

enum { PROTO_HOP_BY_HOP = 0, PROTO_ICMP = 1, PROTO_UDP = 17, PROTO_ICMPV6 = 58 };

/* IPv6 extension headers that are named in a verdict (RFC 8200, RFC 4302, RFC 4303, RFC 7045). */
enum {
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_ESP = 50,
	PROTO_AH = 51,
	PROTO_NONE = 59,
	PROTO_DST_OPTS = 60,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
};

enum { ARP_BYTES = 28, ARP_REQUEST = 1, ARP_REPLY = 2 };
enum { ICMP_BYTES = 8, ICMP_ECHO = 8, ICMP_ECHO_REPLY = 0 };
enum { ICMPV6_ECHO = 128, ICMPV6_ECHO_REPLY = 129, ND_SOLICIT = 135, ND_ADVERT = 136 };
enum { ND_BYTES = 24, ND_OPTION_BYTES = 8, ND_OPT_SRC_LINK = 1, ND_OPT_DST_LINK = 2 };

/** Pseudo header of IPv4 or IPv6: both addresses, the length of what follows, and its protocol. */
static inline uint64_t
pseudo_sum(const uint8_t *src, const uint8_t *dst, uint32_t addr_bytes, uint32_t len, uint8_t proto)
{
	return net_csum_add(net_csum_add((uint64_t)len + proto, src, addr_bytes), dst, addr_bytes);
}

/** The solicited-node multicast address of an IPv6 address (RFC 4291 section 2.7.1). */
static inline void
solicited_node(const struct net_ip *ip, uint8_t ret[16])
{
	static const uint8_t prefix[13] = { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff };

	memcpy(ret, prefix, sizeof(prefix));
	memcpy(ret + 13, ip->b + 13, 3);
}

#endif
