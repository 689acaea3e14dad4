/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio/path.h - the Ethernet, VLAN, IP and UDP header of one path, prepared once, put before
 * payloads.
 *
 * The constant part of the header and of its checksums is computed when the path is made; sending
 * stores it in front of the payload and adds what differs: lengths, ECN, the checksum.
 *
 * Source:  RFC 768, RFC 791, RFC 6864 (an atomic IPv4 datagram needs no identification), RFC 8200.
 * Units:   ports in host order.
 * Context: any thread; pure functions.
 */
#ifndef DPIO_PATH_H
#define DPIO_PATH_H

#include <dpio/net.h>

#define NET_TTL 64

struct net_path {
	uint8_t hdr[NET_HDR_MAX_BYTES]; /* template; lengths, ECN and checksums are 0 */
	uint8_t hdr_len;                /* 42 to 66 */
	uint8_t l2_len;                 /* 14 or 18 */
	uint8_t l3_len;                 /* 20 or 40 */
	bool is_ipv6;
	bool has_mac;    /* false: resolve the next hop, then net_path_set_mac */
	uint16_t ip_sum; /* IPv4 header template, folded, not complemented */
	uint16_t l4_sum; /* pseudo header without the length, likewise */
	uint16_t local_port, remote_port;
	struct net_ip local, remote;
};

/**
 * Make a path to @p remote; the source is the port's address of the same IP version.
 *
 * @param remote_mac MAC of the next hop, or NULL when it is not known yet
 * @return 0; AEF_ERR_UNSUPPORTED when the port has no address of that version; AEF_ERR_INVALID for
 *         port 0 or a group address
 */
AEF_MUST_CHECK int net_path_make(struct net_path *path, const struct net_local *local,
                                 uint16_t local_port, const struct net_ip *remote,
                                 uint16_t remote_port, const uint8_t *remote_mac);

/** The way back of a datagram with NET_VERDICT_UDP: its addresses, ports and MAC, swapped. */
void net_path_reply(struct net_path *path, const struct net_local *local,
                    const struct net_meta *meta);

/** Fill the destination MAC of a path. */
void net_path_set_mac(struct net_path *path, const uint8_t mac[NET_MAC_BYTES]);

/** True when a datagram came over this path (remote address and port; the MAC may have changed). */
static inline bool
net_path_matches(const struct net_path *path, const struct net_meta *meta)
{
	return path->remote_port == meta->src_port && path->local_port == meta->dst_port &&
	       net_ip_eq(&path->remote, &meta->src) && net_ip_eq(&path->local, &meta->dst);
}

/** Bytes a datagram with @p payload_len takes on the wire, without preamble and FCS. */
static inline uint32_t
net_path_frame_len(const struct net_path *path, uint32_t payload_len)
{
	return path->hdr_len + payload_len;
}

/**
 * Write the header in front of a payload.
 *
 * @param payload path->hdr_len bytes before it are written, the payload is only read
 * @param len     at most 65535 - 48
 * @param ecn     0 to 3, as in struct net_meta
 * @param hw_csum true: leave both checksums to the NIC (the pseudo-header sum is stored for it)
 * @return path->hdr_len
 */
AEF_HOT uint8_t net_tx_build(const struct net_path *path, uint8_t *payload, uint16_t len,
                             uint8_t ecn, bool hw_csum);

#endif
