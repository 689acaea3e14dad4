/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <dpio/path.h>

#include "net_priv.h"

static bool
is_group(const struct net_ip *ip)
{
	if (net_ip_is_v4(ip))
		return ip->b[12] >= 224 || ip->b[12] == 0;
	return ip->b[0] == 0xff;
}

static uint16_t
folded(uint64_t sum)
{
	return (uint16_t)~net_csum_fold(sum);
}

static void
put_ipv4(struct net_path *path, uint8_t *ip)
{
	ip[0] = 0x45;
	aef_store_be16(ip + 6, 0x4000); /* do not fragment: identification may stay 0 */
	ip[8] = NET_TTL;
	ip[9] = PROTO_UDP;
	memcpy(ip + 12, path->local.b + 12, 4);
	memcpy(ip + 16, path->remote.b + 12, 4);
	path->l3_len = NET_IPV4_BYTES;
	path->ip_sum = folded(net_csum_add(0, ip, NET_IPV4_BYTES));
	path->l4_sum = folded(pseudo_sum(ip + 12, ip + 16, 4, 0, PROTO_UDP));
}

static void
put_ipv6(struct net_path *path, uint8_t *ip)
{
	ip[0] = 0x60;
	ip[6] = PROTO_UDP;
	ip[7] = NET_TTL;
	memcpy(ip + 8, path->local.b, 16);
	memcpy(ip + 24, path->remote.b, 16);
	path->l3_len = NET_IPV6_BYTES;
	path->l4_sum = folded(pseudo_sum(ip + 8, ip + 24, 16, 0, PROTO_UDP));
}

/* Addresses and ports are set; lay the template out. */
static void
path_finish(struct net_path *path, const struct net_local *local)
{
	uint8_t *at = path->hdr;

	path->is_ipv6 = !net_ip_is_v4(&path->remote);
	memcpy(at + NET_MAC_BYTES, local->mac, NET_MAC_BYTES);
	at += 2 * NET_MAC_BYTES;
	if (local->vlan_id != 0) {
		aef_store_be16(at, ETHERTYPE_VLAN);
		aef_store_be16(at + 2, local->vlan_id);
		at += NET_VLAN_BYTES;
	}
	aef_store_be16(at, path->is_ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	at += 2;
	path->l2_len = (uint8_t)(at - path->hdr);
	if (path->is_ipv6)
		put_ipv6(path, at);
	else
		put_ipv4(path, at);
	at += path->l3_len;
	aef_store_be16(at, path->local_port);
	aef_store_be16(at + 2, path->remote_port);
	path->hdr_len = (uint8_t)(at + NET_UDP_BYTES - path->hdr);
}

int
net_path_make(struct net_path *path, const struct net_local *local, uint16_t local_port,
              const struct net_ip *remote, uint16_t remote_port, const uint8_t *remote_mac)
{
	const bool v4 = net_ip_is_v4(remote);

	if (local_port == 0 || remote_port == 0 || is_group(remote))
		return AEF_ERR_INVALID;
	if (v4 ? !local->has_ipv4 : !local->has_ipv6)
		return AEF_ERR_UNSUPPORTED;
	*path = (struct net_path){
		.local_port = local_port,
		.remote_port = remote_port,
		.local = v4 ? local->ipv4 : local->ipv6,
		.remote = *remote,
	};
	if (!v4 && remote->b[0] == 0xfe && (remote->b[1] & 0xc0) == 0x80)
		path->local = local->ipv6_ll;
	path_finish(path, local);
	if (remote_mac != NULL)
		net_path_set_mac(path, remote_mac);
	return 0;
}

void
net_path_reply(struct net_path *path, const struct net_local *local, const struct net_meta *meta)
{
	*path = (struct net_path){
		.local_port = meta->dst_port,
		.remote_port = meta->src_port,
		.local = meta->dst,
		.remote = meta->src,
	};
	path_finish(path, local);
	net_path_set_mac(path, meta->src_mac);
}

void
net_path_set_mac(struct net_path *path, const uint8_t mac[NET_MAC_BYTES])
{
	memcpy(path->hdr, mac, NET_MAC_BYTES);
	path->has_mac = true;
}

AEF_HOT uint8_t
net_tx_build(const struct net_path *path, uint8_t *payload, uint16_t len, uint8_t ecn, bool hw_csum)
{
	uint8_t *hdr = payload - path->hdr_len;
	uint8_t *ip = hdr + path->l2_len, *udp = ip + path->l3_len;
	const uint16_t udp_len = (uint16_t)(len + NET_UDP_BYTES);
	uint64_t sum = (uint64_t)path->l4_sum + udp_len;

	memcpy(hdr, path->hdr, path->hdr_len);
	if (path->is_ipv6) {
		ip[1] = (uint8_t)(ecn << 4);
		aef_store_be16(ip + 4, udp_len);
	} else {
		const uint16_t total = (uint16_t)(udp_len + NET_IPV4_BYTES);

		ip[1] = ecn;
		aef_store_be16(ip + 2, total);
		if (!hw_csum)
			aef_store_be16(ip + 10,
			               net_csum_fold((uint64_t)path->ip_sum + total + ecn));
	}
	aef_store_be16(udp + 4, udp_len);
	if (hw_csum) { /* the NIC adds header and payload to the pseudo header's sum */
		aef_store_be16(udp + 6, folded(sum));
		return path->hdr_len;
	}
	sum += (uint64_t)path->local_port + path->remote_port + udp_len;
	sum = net_csum_fold(net_csum_add(sum, payload, len));
	aef_store_be16(udp + 6, sum != 0 ? (uint16_t)sum : 0xffff); /* 0 would mean none */
	return path->hdr_len;
}

int
net_next_hop(const struct net_local *local, const struct net_ip *remote, struct net_ip *ret_hop)
{
	const bool v4 = net_ip_is_v4(remote);
	const struct net_ip *own = v4 ? &local->ipv4 : &local->ipv6;
	const uint32_t bits = v4 ? 96u + local->ipv4_prefix : local->ipv6_prefix;
	const uint32_t whole = bits / 8;
	const uint8_t mask = (uint8_t)(0xff00 >> (bits % 8));
	const bool link_local = !v4 && remote->b[0] == 0xfe && (remote->b[1] & 0xc0) == 0x80;

	if (link_local || (memcmp(own->b, remote->b, whole) == 0 &&
	                   (whole == 16 || ((own->b[whole] ^ remote->b[whole]) & mask) == 0))) {
		*ret_hop = *remote;
		return 0;
	}
	if (v4 ? !local->has_gateway4 : !local->has_gateway6)
		return AEF_ERR_NOTFOUND;
	*ret_hop = v4 ? local->gateway4 : local->gateway6;
	return 0;
}
