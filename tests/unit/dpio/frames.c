/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames.h"

#include <base/bytes.h>

#include "harness.h"

struct net_local
host(uint8_t n, uint16_t vlan)
{
	struct net_local local = {
		.mac = { 2, 0, 0, 0, 0, n },
		.vlan_id = vlan,
		.udp_port = n == 1 ? 4433 : 40000,
		.has_ipv4 = true,
		.has_ipv6 = true,
		.ipv4_prefix = 24,
		.ipv6_prefix = 64,
		.ipv4 = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, n } },
		.ipv6 = { { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n } },
	};

	net_local_finish(&local);
	return local;
}

uint32_t
frame_udp(uint8_t *buf, const struct net_local *from, const struct net_local *to, bool is_ipv6,
          uint16_t len)
{
	struct net_path path;
	uint8_t work[FRAME_ROOM], *payload = work + NET_HDR_MAX_BYTES;

	ck_assert_int_eq(net_path_make(&path, from, from->udp_port, is_ipv6 ? &to->ipv6 : &to->ipv4,
	                               to->udp_port, to->mac),
	                 0);
	for (uint16_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(i * 7);
	net_tx_build(&path, payload, len, 2, false);
	memcpy(buf, payload - path.hdr_len, path.hdr_len + (uint32_t)len);
	return path.hdr_len + (uint32_t)len;
}

uint32_t
frame_l3(const uint8_t *buf)
{
	return buf[12] == 0x81 ? 18 : 14;
}

void
frame_icmpv6_seal(uint8_t *buf, uint32_t len)
{
	uint8_t *ip = buf + frame_l3(buf), *icmp = ip + 40;
	const uint32_t left = (uint32_t)(buf + len - icmp);

	aef_store_be16(icmp + 2, 0);
	aef_store_be16(icmp + 2, net_csum_fold(net_csum_add(net_csum_add(left + 58u, ip + 8, 32),
	                                                    icmp, left)));
}

void
frame_ipv4_seal(uint8_t *buf)
{
	uint8_t *ip = buf + frame_l3(buf);

	aef_store_be16(ip + 10, 0);
	aef_store_be16(ip + 10, net_csum_fold(net_csum_add(0, ip, (ip[0] & 15u) * 4)));
}

uint32_t
frame_echo(uint8_t *buf, const struct net_local *from, const struct net_local *to, bool is_ipv6,
           uint16_t len)
{
	const uint32_t total = frame_udp(buf, from, to, is_ipv6, len);
	const uint32_t l3 = frame_l3(buf);
	uint8_t *icmp = buf + l3 + (is_ipv6 ? 40 : 20);

	/* the UDP header becomes an ICMP header of the same 8 bytes */
	icmp[0] = is_ipv6 ? 128 : 8;
	icmp[1] = 0;
	aef_store_be32(icmp + 4, 0x12345678);
	if (is_ipv6) {
		buf[l3 + 6] = 58;
		frame_icmpv6_seal(buf, total);
		return total;
	}
	buf[l3 + 9] = 1;
	frame_ipv4_seal(buf);
	aef_store_be16(icmp + 2, 0);
	aef_store_be16(icmp + 2, net_csum_fold(net_csum_add(0, icmp, len + 8u)));
	return total;
}
