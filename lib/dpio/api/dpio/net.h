/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio/net.h - Ethernet, VLAN, ARP, ND, IPv4, IPv6, ICMP and UDP of one received frame, over bytes.
 *
 * Every frame gets exactly one verdict. NET_VERDICT_UDP goes on to Quantum; a *_REPLY frame is
 * turned in place into its answer by net_reply_build; everything else is dropped by whoever owns
 * it.
 *
 * Source:  IEEE 802.1Q, RFC 826, RFC 4861, RFC 791, RFC 8200, RFC 792, RFC 4443, RFC 768, RFC 1624.
 * Units:   lengths in bytes; ports and VLAN ids in host order; addresses in network order.
 * Context: any thread; pure functions over the caller's bytes: no mbuf, clock, memory or log.
 */
#ifndef DPIO_NET_H
#define DPIO_NET_H

#include <string.h>

#include <base/defs.h>

#define NET_MAC_BYTES     6
#define NET_ETHER_BYTES   14
#define NET_VLAN_BYTES    4
#define NET_IPV4_BYTES    20
#define NET_IPV6_BYTES    40
#define NET_UDP_BYTES     8
#define NET_HDR_MAX_BYTES (NET_ETHER_BYTES + NET_VLAN_BYTES + NET_IPV6_BYTES + NET_UDP_BYTES)
#define NET_REPLY_GROWTH  8 /* room behind a frame that net_reply_build may need */

/* An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d. */
struct net_ip {
	uint8_t b[16];
};

/* What becomes of a frame: name, text, and one sentence for the operations handbook. */
#define NET_VERDICTS(X)                                                                            \
	X(UDP, "udp", "a datagram for our port, handed to Quantum")                                \
	X(ARP_REPLY, "arp_reply", "somebody asked for our IPv4 address and was answered")          \
	X(ARP_LEARNED, "arp_learned", "an ARP reply to our question was noted")                    \
	X(ND_REPLY, "nd_reply", "a neighbour solicitation for our address was answered")           \
	X(ND_LEARNED, "nd_learned", "a neighbour advertisement for our question was noted")        \
	X(ICMP_ECHO_REPLY, "icmp_echo_reply", "an IPv4 ping was answered")                         \
	X(ICMPV6_ECHO_REPLY, "icmpv6_echo_reply", "an IPv6 ping was answered")                     \
	X(DROP_TRUNCATED, "drop_truncated", "shorter than its headers say")                        \
	X(DROP_MALFORMED, "drop_malformed", "a header field contradicts another or its RFC")       \
	X(DROP_NOT_OURS, "drop_not_ours", "for another MAC or IP address")                         \
	X(DROP_VLAN, "drop_vlan", "not in the configured VLAN, or more than one tag")              \
	X(DROP_UNKNOWN_ETHERTYPE, "drop_unknown_ethertype", "neither ARP, IPv4 nor IPv6")          \
	X(DROP_BAD_SOURCE, "drop_bad_source", "a source address that cannot be answered")          \
	X(DROP_BAD_IP_CSUM, "drop_bad_ip_csum", "the IPv4 header checksum is wrong")               \
	X(DROP_BAD_UDP_CSUM, "drop_bad_udp_csum", "the UDP checksum is wrong, or 0 in IPv6")       \
	X(DROP_BAD_ICMP_CSUM, "drop_bad_icmp_csum", "the ICMP or ICMPv6 checksum is wrong")        \
	X(DROP_FRAGMENT, "drop_fragment", "an IP fragment; Quantum never needs one")               \
	X(DROP_EXT_HEADER, "drop_ext_header", "an IPv6 extension header beyond hop-by-hop")        \
	X(DROP_PROTOCOL, "drop_protocol", "neither UDP nor ICMP")                                  \
	X(DROP_UDP_PORT, "drop_udp_port", "UDP to a port nobody listens on, or from port 0")       \
	X(DROP_ICMP, "drop_icmp", "an ICMP or ICMPv6 type that is not answered")                   \
	X(DROP_RATE, "drop_rate", "an answer was due, but the rate limit of answers is used up")   \
	X(DROP_NO_ADDRESS, "drop_no_address", "of an IP version this port has no address for")     \
	X(DROP_CHAINED, "drop_chained", "spread over several mbufs; raise the buffer size")

enum net_verdict {
#define NET_VERDICT_ENUM(name, text, help) NET_VERDICT_##name,
	NET_VERDICTS(NET_VERDICT_ENUM)
#undef NET_VERDICT_ENUM
		NET_NB_VERDICTS,
};

/* Who we are on one port. Written before the lcores start, then only read. */
struct net_local {
	uint8_t mac[NET_MAC_BYTES];
	uint16_t vlan_id;  /* 0: untagged (priority tags accepted); else only that tag */
	uint16_t udp_port; /* 0: any destination port is ours */
	bool has_ipv4, has_ipv6, has_gateway4, has_gateway6;
	uint8_t ipv4_prefix, ipv6_prefix;
	struct net_ip ipv4, ipv6; /* ipv4 is v4-mapped */
	struct net_ip ipv6_ll;    /* link-local from the MAC; valid when has_ipv6 */
	struct net_ip gateway4, gateway6;
};

/* What a NIC already said about the checksums, or may be asked for (RX: in, TX: wanted). */
enum net_hw {
	NET_HW_IP_CSUM_GOOD = 1 << 0,
	NET_HW_IP_CSUM_BAD = 1 << 1,
	NET_HW_L4_CSUM_GOOD = 1 << 2,
	NET_HW_L4_CSUM_BAD = 1 << 3,
};

/* A received frame, as far as the verdict needed it; for NET_VERDICT_UDP all of it is set. */
struct net_meta {
	struct net_ip src, dst; /* for *_LEARNED: src and src_mac are the neighbour */
	uint16_t src_port, dst_port;
	uint8_t src_mac[NET_MAC_BYTES];
	uint8_t ecn; /* 0 not-ECT, 1 ECT(1), 2 ECT(0), 3 CE */
	bool is_ipv6;
	bool dst_is_group; /* sent to a multicast or broadcast address (ND, ARP) */
	uint8_t ttl;
	uint16_t l3_off;      /* of the IP or ARP header */
	uint16_t l4_off;      /* of the UDP or ICMP header */
	uint16_t payload_off; /* from the start of the frame */
	uint16_t payload_len; /* UDP length - 8 */
};

/**
 * Judge one frame.
 *
 * @param data     the frame from its destination MAC on; only read, @p len bytes; any bytes are
 * safe
 * @param hw       what the NIC says (enum net_hw bits); 0 = verify everything here
 * @param ret_meta written for UDP, *_REPLY and *_LEARNED; partly for drops
 * @return its verdict; never NET_VERDICT_DROP_RATE or DROP_CHAINED, which burst.c decides
 */
AEF_HOT enum net_verdict net_rx_parse(const struct net_local *local, const uint8_t *data,
                                      uint32_t len, uint32_t hw, struct net_meta *ret_meta);

/**
 * Turn a frame with a *_REPLY verdict into its answer, in place.
 *
 * @param cap bytes that may be used from @p data on; at least len + NET_REPLY_GROWTH
 * @return length of the answer, 0 when it cannot be given (no room)
 */
uint32_t net_reply_build(const struct net_local *local, enum net_verdict verdict,
                         const struct net_meta *meta, uint8_t *data, uint32_t len, uint32_t cap);

/**
 * An ARP request or neighbour solicitation for @p target; for our own address: an announcement.
 *
 * @param target the next hop (net_next_hop), IPv4 v4-mapped
 * @param data   at least NET_SOLICIT_BYTES
 * @return its length, 0 when the port has no address of that IP version
 */
#define NET_SOLICIT_BYTES 90
uint32_t net_solicit_build(const struct net_local *local, const struct net_ip *target,
                           uint8_t *data);

/** The on-link address to resolve for @p remote. @return 0 or AEF_ERR_NOTFOUND (no gateway) */
AEF_MUST_CHECK int net_next_hop(const struct net_local *local, const struct net_ip *remote,
                                struct net_ip *ret_hop);

/** Name of a verdict ("drop_fragment") and its one-line help; static storage. */
const char *net_verdict_name(enum net_verdict verdict);
const char *net_verdict_help(enum net_verdict verdict);

/** Fill `ipv6_ll` from the MAC (RFC 4291 appendix A). */
void net_local_finish(struct net_local *local);

/**
 * Parse "10.0.0.1" or "fd00::1"; with @p ret_prefix also "10.0.0.1/24" (the prefix is then needed).
 *
 * @return 0 or AEF_ERR_MALFORMED
 */
AEF_MUST_CHECK int net_ip_parse(const char *text, struct net_ip *ret_ip, uint8_t *ret_prefix);

/** Parse "02:00:00:00:00:01", unicast and not all zero. @return 0 or AEF_ERR_MALFORMED */
AEF_MUST_CHECK int net_mac_parse(const char *text, uint8_t ret_mac[NET_MAC_BYTES]);

/** Text of an address, without a port; v4-mapped ones as IPv4. */
#define NET_IP_TEXT_BYTES 46
void net_ip_format(const struct net_ip *ip, char ret_text[NET_IP_TEXT_BYTES]);

/** One's-complement sum of @p len bytes added to @p sum, not folded (RFC 1071). */
uint64_t net_csum_add(uint64_t sum, const uint8_t *data, uint32_t len);

/** Fold a sum to the 16 bits that go on the wire, complemented, in host order. */
uint16_t net_csum_fold(uint64_t sum);

static inline bool
net_ip_eq(const struct net_ip *a, const struct net_ip *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool
net_ip_is_v4(const struct net_ip *ip)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	return memcmp(ip->b, mapped, sizeof(mapped)) == 0;
}

/** a.b.c.d given as four bytes in network order. */
static inline struct net_ip
net_ip_from_v4(const uint8_t v4[4])
{
	struct net_ip ip = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff } };

	memcpy(ip.b + 12, v4, 4);
	return ip;
}

#endif
