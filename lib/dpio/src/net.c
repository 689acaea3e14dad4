/* SPDX-License-Identifier: BSD-3-Clause */
#include "net_priv.h"

/* What the steps of one parse share. */
struct frame {
	const struct net_local *local;
	const uint8_t *data;
	uint32_t len; /* cut to the IP total length once that is known */
	uint32_t hw;
	struct net_meta *meta;
	bool to_group_mac; /* destination MAC is broadcast or multicast, not ours */
};

static const uint8_t zero[16];

uint16_t
net_csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Eight 16-bit words as they lie in memory. */
typedef uint32_t lanes __attribute__((vector_size(16)));

static inline lanes
load_lanes(const uint8_t *p)
{
	lanes v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * The sum does not depend on the byte order (RFC 1071 section 2 B), so words are added as they lie
 * in memory and swapped once at the end. Both halves of four 32-bit lanes are added up apart: a
 * datagram's 2^16 bytes cannot overflow one.
 */
uint64_t
net_csum_add(uint64_t sum, const uint8_t *data, uint32_t len)
{
	lanes lo = { 0 }, hi = { 0 }, lo2 = { 0 }, hi2 = { 0 };
	uint64_t rest = 0;
	uint32_t left = len;

	aef_assert_hot(len <= UINT16_MAX);
	for (; left >= 32; left -= 32, data += 32) {
		const lanes v = load_lanes(data), w = load_lanes(data + 16);

		lo += v & 0xffff;
		hi += v >> 16;
		lo2 += w & 0xffff;
		hi2 += w >> 16;
	}
	if (left >= 16) {
		lo += load_lanes(data) & 0xffff;
		hi += load_lanes(data) >> 16;
		left -= 16;
		data += 16;
	}
	for (; left >= 2; left -= 2, data += 2) {
		uint16_t word;

		memcpy(&word, data, sizeof(word));
		rest += word;
	}
	if (left > 0) { /* padded with a zero byte (RFC 1071), as it lies in memory */
		const uint8_t last[2] = { *data, 0 };
		uint16_t word;

		memcpy(&word, last, sizeof(word));
		rest += word;
	}
	lo += hi + lo2 + hi2;
	return sum +
	       __builtin_bswap16((uint16_t)~net_csum_fold(rest + lo[0] + lo[1] + lo[2] + lo[3]));
}

static bool
is_local_ipv6(const struct net_local *local, const uint8_t *ip)
{
	return memcmp(ip, local->ipv6.b, 16) == 0 || memcmp(ip, local->ipv6_ll.b, 16) == 0;
}

/* Frames that are merely flooded to us are not judged further; groups are, for ARP and ND. */
static bool
mac_is_ours(struct frame *f)
{
	f->to_group_mac = (f->data[0] & 1) != 0;
	memcpy(f->meta->src_mac, f->data + NET_MAC_BYTES, NET_MAC_BYTES);
	return f->to_group_mac || memcmp(f->data, f->local->mac, NET_MAC_BYTES) == 0;
}

static enum net_verdict
arp_parse(struct frame *f)
{
	static const uint8_t ether_ipv4[6] = { 0, 1, 8, 0, 6, 4 };
	const uint8_t *arp = f->data + f->meta->l3_off;
	uint16_t op;

	if (f->len < f->meta->l3_off + (uint32_t)ARP_BYTES)
		return NET_VERDICT_DROP_TRUNCATED;
	if (memcmp(arp, ether_ipv4, sizeof(ether_ipv4)) != 0)
		return NET_VERDICT_DROP_MALFORMED;
	if (!f->local->has_ipv4)
		return NET_VERDICT_DROP_NO_ADDRESS;
	if (memcmp(arp + 24, f->local->ipv4.b + 12, 4) != 0)
		return NET_VERDICT_DROP_NOT_OURS;
	if ((arp[8] & 1) != 0 || memcmp(arp + 14, arp + 24, 4) == 0)
		return NET_VERDICT_DROP_BAD_SOURCE; /* a group MAC, or somebody uses our address */
	f->meta->src = net_ip_from_v4(arp + 14);
	f->meta->dst = f->local->ipv4;
	memcpy(f->meta->src_mac, arp + 8, NET_MAC_BYTES);
	op = aef_load_be16(arp + 6);
	if (op == ARP_REQUEST)
		return NET_VERDICT_ARP_REPLY;
	return op == ARP_REPLY && !f->to_group_mac ? NET_VERDICT_ARP_LEARNED
	                                           : NET_VERDICT_DROP_MALFORMED;
}

static bool
ipv4_source_ok(const struct net_local *local, const uint8_t *src)
{
	return src[0] != 0 && src[0] != 127 && src[0] < 224 &&
	       memcmp(src, local->ipv4.b + 12, 4) != 0;
}

static bool
ipv6_source_ok(const struct net_local *local, const uint8_t *src)
{
	/* ::/80 holds ::, ::1 and the v4-mapped ones, which would be taken for IPv4 addresses */
	return src[0] != 0xff && memcmp(src, zero, 10) != 0 && !is_local_ipv6(local, src);
}

static enum net_verdict
udp_parse(struct frame *f, const uint8_t *src, const uint8_t *dst, uint32_t addr_bytes)
{
	const uint32_t off = f->meta->l4_off;
	const uint8_t *udp = f->data + off;
	uint16_t len, csum;

	if (f->len < off + NET_UDP_BYTES)
		return NET_VERDICT_DROP_TRUNCATED;
	len = aef_load_be16(udp + 4);
	if (len < NET_UDP_BYTES)
		return NET_VERDICT_DROP_MALFORMED;
	if (len > f->len - off)
		return NET_VERDICT_DROP_TRUNCATED;
	f->meta->src_port = aef_load_be16(udp);
	f->meta->dst_port = aef_load_be16(udp + 2);
	if (f->meta->src_port == 0 ||
	    (f->local->udp_port != 0 && f->meta->dst_port != f->local->udp_port))
		return NET_VERDICT_DROP_UDP_PORT;
	csum = aef_load_be16(udp + 6);
	if (csum == 0 && addr_bytes != 4)
		return NET_VERDICT_DROP_BAD_UDP_CSUM; /* RFC 8200 section 8.1 */
	if ((f->hw & NET_HW_L4_CSUM_BAD) != 0)
		return NET_VERDICT_DROP_BAD_UDP_CSUM;
	if (csum != 0 && (f->hw & NET_HW_L4_CSUM_GOOD) == 0 &&
	    net_csum_fold(
		    net_csum_add(pseudo_sum(src, dst, addr_bytes, len, PROTO_UDP), udp, len)) != 0)
		return NET_VERDICT_DROP_BAD_UDP_CSUM;
	f->meta->payload_off = (uint16_t)(off + NET_UDP_BYTES);
	f->meta->payload_len = (uint16_t)(len - NET_UDP_BYTES);
	return NET_VERDICT_UDP;
}

static enum net_verdict
icmp_parse(struct frame *f)
{
	const uint8_t *icmp = f->data + f->meta->l4_off;
	const uint32_t len = f->len - f->meta->l4_off;

	if (len < ICMP_BYTES)
		return NET_VERDICT_DROP_TRUNCATED;
	if (net_csum_fold(net_csum_add(0, icmp, len)) != 0)
		return NET_VERDICT_DROP_BAD_ICMP_CSUM;
	if (icmp[0] != ICMP_ECHO || icmp[1] != 0)
		return NET_VERDICT_DROP_ICMP;
	return NET_VERDICT_ICMP_ECHO_REPLY;
}

static enum net_verdict
ipv4_header(struct frame *f, const uint8_t *ip)
{
	const uint32_t off = f->meta->l3_off;
	const uint32_t left = f->len - off;
	uint32_t hdr_len, total;

	if (left < NET_IPV4_BYTES)
		return NET_VERDICT_DROP_TRUNCATED;
	hdr_len = (ip[0] & 15u) * 4;
	total = aef_load_be16(ip + 2);
	if (ip[0] >> 4 != 4 || hdr_len < NET_IPV4_BYTES || total < hdr_len)
		return NET_VERDICT_DROP_MALFORMED;
	if (total > left)
		return NET_VERDICT_DROP_TRUNCATED;
	if ((f->hw & NET_HW_IP_CSUM_BAD) != 0 || ((f->hw & NET_HW_IP_CSUM_GOOD) == 0 &&
	                                          net_csum_fold(net_csum_add(0, ip, hdr_len)) != 0))
		return NET_VERDICT_DROP_BAD_IP_CSUM;
	f->len = off + total; /* what follows is Ethernet padding */
	f->meta->l4_off = (uint16_t)(off + hdr_len);
	f->meta->ecn = ip[1] & 3;
	f->meta->ttl = ip[8];
	f->meta->src = net_ip_from_v4(ip + 12);
	f->meta->dst = net_ip_from_v4(ip + 16);
	return NET_VERDICT_UDP;
}

static enum net_verdict
ipv4_parse(struct frame *f)
{
	const uint8_t *ip = f->data + f->meta->l3_off;
	enum net_verdict verdict;

	if (!f->local->has_ipv4)
		return NET_VERDICT_DROP_NO_ADDRESS;
	verdict = ipv4_header(f, ip);
	if (verdict != NET_VERDICT_UDP)
		return verdict;
	if (f->to_group_mac || memcmp(ip + 16, f->local->ipv4.b + 12, 4) != 0)
		return NET_VERDICT_DROP_NOT_OURS; /* no IPv4 group is ours */
	if (!ipv4_source_ok(f->local, ip + 12))
		return NET_VERDICT_DROP_BAD_SOURCE;
	if ((aef_load_be16(ip + 6) & 0x3fff) != 0) /* more fragments, or an offset */
		return NET_VERDICT_DROP_FRAGMENT;
	if (ip[9] == PROTO_UDP)
		return udp_parse(f, ip + 12, ip + 16, 4);
	return ip[9] == PROTO_ICMP ? icmp_parse(f) : NET_VERDICT_DROP_PROTOCOL;
}

/* A link-layer address option of the given type in the options of an ND message, or NULL. */
static const uint8_t *
nd_option(const uint8_t *opt, uint32_t len, uint8_t type, bool *ret_bad)
{
	const uint8_t *found = NULL;

	while (len > 0) {
		const uint32_t size = len >= 2 ? opt[1] * 8u : 0;

		if (size == 0 || size > len) { /* RFC 4861 section 4.6: length 0 is invalid */
			*ret_bad = true;
			return NULL;
		}
		if (opt[0] == type && size == ND_OPTION_BYTES)
			found = opt + 2;
		opt += size;
		len -= size;
	}
	return found;
}

/* RFC 4861 section 7.1: hop limit 255 proves that the sender is on this link. */
static enum net_verdict
nd_parse(struct frame *f, const uint8_t *nd, uint32_t len)
{
	const bool is_solicit = nd[0] == ND_SOLICIT;
	const uint8_t type = is_solicit ? ND_OPT_SRC_LINK : ND_OPT_DST_LINK;
	const uint8_t *target = nd + 8, *mac;
	bool bad = false;

	if (len < ND_BYTES)
		return NET_VERDICT_DROP_TRUNCATED;
	mac = nd_option(nd + ND_BYTES, len - ND_BYTES, type, &bad);
	if (bad || f->meta->ttl != 255 || nd[1] != 0 || target[0] == 0xff)
		return NET_VERDICT_DROP_MALFORMED;
	if (mac != NULL && (mac[0] & 1) != 0)
		return NET_VERDICT_DROP_BAD_SOURCE;
	if (mac != NULL)
		memcpy(f->meta->src_mac, mac, NET_MAC_BYTES);
	if (is_solicit) {
		const bool probe = memcmp(f->meta->src.b, zero, 16) == 0;

		if (probe && (mac != NULL || !f->meta->dst_is_group))
			return NET_VERDICT_DROP_MALFORMED;
		return is_local_ipv6(f->local, target) ? NET_VERDICT_ND_REPLY
		                                       : NET_VERDICT_DROP_NOT_OURS;
	}
	if (is_local_ipv6(f->local, target))
		return NET_VERDICT_DROP_BAD_SOURCE; /* somebody else claims our address */
	if (f->meta->dst_is_group || mac == NULL)
		return NET_VERDICT_DROP_ICMP; /* unsolicited: nobody asked */
	memcpy(f->meta->src.b, target, 16);
	return NET_VERDICT_ND_LEARNED;
}

static enum net_verdict
icmpv6_parse(struct frame *f, const uint8_t *ip)
{
	const uint8_t *icmp = f->data + f->meta->l4_off;
	const uint32_t len = f->len - f->meta->l4_off;
	const uint64_t pseudo = pseudo_sum(ip + 8, ip + 24, 16, len, PROTO_ICMPV6);

	if (len < ICMP_BYTES)
		return NET_VERDICT_DROP_TRUNCATED;
	if (net_csum_fold(net_csum_add(pseudo, icmp, len)) != 0)
		return NET_VERDICT_DROP_BAD_ICMP_CSUM;
	if (icmp[0] == ND_SOLICIT || icmp[0] == ND_ADVERT)
		return nd_parse(f, icmp, len);
	if (memcmp(ip + 8, zero, 16) == 0)
		return NET_VERDICT_DROP_BAD_SOURCE;
	if (icmp[0] != ICMPV6_ECHO || icmp[1] != 0 || f->meta->dst_is_group)
		return NET_VERDICT_DROP_ICMP;
	return NET_VERDICT_ICMPV6_ECHO_REPLY;
}

/* Only a neighbour solicitation may come to a group, and only one may come from "::". */
static enum net_verdict
ipv6_addresses(struct frame *f, const uint8_t *ip, uint8_t proto)
{
	uint8_t group[16], group_ll[16];
	const bool probe = proto == PROTO_ICMPV6 && memcmp(ip + 8, zero, 16) == 0;

	f->meta->dst_is_group = ip[24] == 0xff;
	if (f->meta->dst_is_group) {
		solicited_node(&f->local->ipv6, group);
		solicited_node(&f->local->ipv6_ll, group_ll);
		if (proto != PROTO_ICMPV6 ||
		    (memcmp(ip + 24, group, 16) != 0 && memcmp(ip + 24, group_ll, 16) != 0))
			return NET_VERDICT_DROP_NOT_OURS;
	} else if (f->to_group_mac || !is_local_ipv6(f->local, ip + 24)) {
		return NET_VERDICT_DROP_NOT_OURS;
	}
	return probe || ipv6_source_ok(f->local, ip + 8) ? NET_VERDICT_UDP
	                                                 : NET_VERDICT_DROP_BAD_SOURCE;
}

static bool
is_ext_header(uint8_t proto)
{
	switch (proto) {
	case PROTO_HOP_BY_HOP: /* a second one, RFC 8200 section 4.1 */
	case PROTO_ROUTING:
	case PROTO_ESP:
	case PROTO_AH:
	case PROTO_NONE:
	case PROTO_DST_OPTS:
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
		return true;
	default:
		return false;
	}
}

static enum net_verdict
ipv6_header(struct frame *f, const uint8_t *ip, uint8_t *ret_proto)
{
	const uint32_t off = f->meta->l3_off;
	uint32_t hdr_len = NET_IPV6_BYTES;

	if (f->len - off < NET_IPV6_BYTES)
		return NET_VERDICT_DROP_TRUNCATED;
	if (ip[0] >> 4 != 6)
		return NET_VERDICT_DROP_MALFORMED;
	if (aef_load_be16(ip + 4) > f->len - off - NET_IPV6_BYTES)
		return NET_VERDICT_DROP_TRUNCATED;
	f->len = off + NET_IPV6_BYTES + aef_load_be16(ip + 4);
	*ret_proto = ip[6];
	if (*ret_proto == PROTO_HOP_BY_HOP) {
		if (f->len - off < NET_IPV6_BYTES + 8)
			return NET_VERDICT_DROP_TRUNCATED;
		*ret_proto = ip[NET_IPV6_BYTES];
		hdr_len += (ip[NET_IPV6_BYTES + 1] + 1u) * 8;
		if (hdr_len > f->len - off)
			return NET_VERDICT_DROP_TRUNCATED;
	}
	f->meta->is_ipv6 = true;
	f->meta->l4_off = (uint16_t)(off + hdr_len);
	f->meta->ecn = (ip[1] >> 4) & 3;
	f->meta->ttl = ip[7];
	memcpy(f->meta->src.b, ip + 8, 16);
	memcpy(f->meta->dst.b, ip + 24, 16);
	return NET_VERDICT_UDP;
}

static enum net_verdict
ipv6_parse(struct frame *f)
{
	const uint8_t *ip = f->data + f->meta->l3_off;
	enum net_verdict verdict;
	uint8_t proto;

	if (!f->local->has_ipv6)
		return NET_VERDICT_DROP_NO_ADDRESS;
	verdict = ipv6_header(f, ip, &proto);
	if (verdict == NET_VERDICT_UDP)
		verdict = ipv6_addresses(f, ip, proto);
	if (verdict != NET_VERDICT_UDP)
		return verdict;
	if (proto == PROTO_UDP)
		return udp_parse(f, ip + 8, ip + 24, 16);
	if (proto == PROTO_ICMPV6)
		return icmpv6_parse(f, ip);
	if (proto == PROTO_FRAGMENT)
		return NET_VERDICT_DROP_FRAGMENT;
	return is_ext_header(proto) ? NET_VERDICT_DROP_EXT_HEADER : NET_VERDICT_DROP_PROTOCOL;
}

/* At most one tag. Untagged port: only VLAN 0 (priority). Tagged port: only its own. */
static enum net_verdict
ether_parse(struct frame *f, uint16_t *ret_type)
{
	uint16_t vlan = 0;

	if (f->len < NET_ETHER_BYTES)
		return NET_VERDICT_DROP_TRUNCATED;
	if (!mac_is_ours(f))
		return NET_VERDICT_DROP_NOT_OURS;
	if ((f->meta->src_mac[0] & 1) != 0)
		return NET_VERDICT_DROP_BAD_SOURCE;
	f->meta->l3_off = NET_ETHER_BYTES;
	*ret_type = aef_load_be16(f->data + 12);
	if (*ret_type == ETHERTYPE_VLAN) {
		if (f->len < NET_ETHER_BYTES + NET_VLAN_BYTES)
			return NET_VERDICT_DROP_TRUNCATED;
		vlan = aef_load_be16(f->data + 14) & 0xfff;
		*ret_type = aef_load_be16(f->data + 16);
		f->meta->l3_off += NET_VLAN_BYTES;
	}
	if (vlan != f->local->vlan_id || *ret_type == ETHERTYPE_VLAN || *ret_type == ETHERTYPE_QINQ)
		return NET_VERDICT_DROP_VLAN;
	return NET_VERDICT_UDP;
}

AEF_HOT enum net_verdict
net_rx_parse(const struct net_local *local, const uint8_t *data, uint32_t len, uint32_t hw,
             struct net_meta *ret_meta)
{
	struct frame f = { .local = local, .data = data, .len = len, .hw = hw, .meta = ret_meta };
	enum net_verdict verdict;
	uint16_t type = 0;

	ret_meta->is_ipv6 = false;
	ret_meta->dst_is_group = false;
	verdict = ether_parse(&f, &type);
	if (verdict != NET_VERDICT_UDP)
		return verdict;
	switch (type) {
	case ETHERTYPE_IPV4:
		return ipv4_parse(&f);
	case ETHERTYPE_IPV6:
		return ipv6_parse(&f);
	case ETHERTYPE_ARP:
		return arp_parse(&f);
	default:
		return NET_VERDICT_DROP_UNKNOWN_ETHERTYPE;
	}
}
