/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/bytes.h>
#include <base/err.h>
#include <base/rng.h>
#include <dpio/net.h>

#include "frames.h"
#include "harness.h"

/* Made by an independent program: ECT(0) over IPv4, CE over IPv6 in VLAN 7, 13 bytes of payload. */
static const uint8_t golden_ipv4[] = {
	0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x08, 0x00,
	0x45, 0x02, 0x00, 0x29, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb6, 0xbe, 0xc0, 0x00,
	0x02, 0x02, 0xc0, 0x00, 0x02, 0x01, 0x9c, 0x40, 0x11, 0x51, 0x00, 0x15, 0xbd, 0xc7,
	0x51, 0x55, 0x4e, 0x54, 0x20, 0x70, 0x61, 0x79, 0x6c, 0x6f, 0x61, 0x64, 0x21,
};
static const uint8_t golden_ipv6_vlan7[] = {
	0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x81, 0x00,
	0x00, 0x07, 0x86, 0xdd, 0x60, 0x30, 0x00, 0x00, 0x00, 0x15, 0x11, 0x40, 0x20, 0x01,
	0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
	0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x01, 0x9c, 0x40, 0x11, 0x51, 0x00, 0x15, 0xe6, 0x56, 0x51, 0x55, 0x4e, 0x54,
	0x20, 0x70, 0x61, 0x79, 0x6c, 0x6f, 0x61, 0x64, 0x21,
};

/* The frame in a heap block of exactly its size, so that a sanitizer sees a read past its end. */
static enum net_verdict
parse_exact(const struct net_local *local, const uint8_t *data, uint32_t len, uint32_t hw,
            struct net_meta *meta)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	enum net_verdict verdict;

	memcpy(copy, data, len);
	verdict = net_rx_parse(local, copy, len, hw, meta);
	free(copy);
	return verdict;
}

static enum net_verdict
parse(const struct net_local *local, const uint8_t *data, uint32_t len)
{
	struct net_meta meta;

	return parse_exact(local, data, len, 0, &meta);
}

START_TEST(net_golden_ipv4_frame_is_udp_with_all_fields)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	struct net_meta meta;

	ck_assert_int_eq(parse_exact(&us, golden_ipv4, sizeof(golden_ipv4), 0, &meta),
	                 NET_VERDICT_UDP);

	ck_assert(net_ip_eq(&meta.src, &peer.ipv4));
	ck_assert(net_ip_eq(&meta.dst, &us.ipv4));
	ck_assert_uint_eq(meta.src_port, 40000);
	ck_assert_uint_eq(meta.dst_port, 4433);
	ck_assert_mem_eq(meta.src_mac, peer.mac, 6);
	ck_assert_uint_eq(meta.ecn, 2);
	ck_assert_uint_eq(meta.ttl, 64);
	ck_assert(!meta.is_ipv6);
	ck_assert_uint_eq(meta.payload_off, 42);
	ck_assert_uint_eq(meta.payload_len, 13);
}
END_TEST

START_TEST(net_golden_ipv6_frame_in_our_vlan_is_udp)
{
	const struct net_local us = host(1, 7), peer = host(2, 7), other = host(1, 8);
	struct net_meta meta;

	ck_assert_int_eq(parse_exact(&us, golden_ipv6_vlan7, sizeof(golden_ipv6_vlan7), 0, &meta),
	                 NET_VERDICT_UDP);

	ck_assert(net_ip_eq(&meta.src, &peer.ipv6));
	ck_assert_uint_eq(meta.ecn, 3);
	ck_assert(meta.is_ipv6);
	ck_assert_uint_eq(meta.payload_off, 66);
	ck_assert_uint_eq(meta.payload_len, 13);
	ck_assert_int_eq(parse(&other, golden_ipv6_vlan7, sizeof(golden_ipv6_vlan7)),
	                 NET_VERDICT_DROP_VLAN);
}
END_TEST

START_TEST(net_built_frames_are_the_golden_ones)
{
	uint8_t buf[200], *payload = buf + 100;

	for (unsigned i = 0; i < 2; i++) {
		const bool v6 = i == 1;
		const struct net_local us = host(2, v6 ? 7 : 0), to = host(1, v6 ? 7 : 0);
		const uint8_t *golden = v6 ? golden_ipv6_vlan7 : golden_ipv4;
		const size_t len = v6 ? sizeof(golden_ipv6_vlan7) : sizeof(golden_ipv4);
		struct net_path path;

		ck_assert_int_eq(
			net_path_make(&path, &us, 40000, v6 ? &to.ipv6 : &to.ipv4, 4433, to.mac),
			0);
		memcpy(payload, "QUNT payload!", 13);
		ck_assert_uint_eq(net_tx_build(&path, payload, 13, v6 ? 3 : 2, false), len - 13);
		ck_assert_mem_eq(payload - path.hdr_len, golden, len);
	}
}
END_TEST

START_TEST(net_truncated_frames_are_dropped_at_every_length)
{
	for (unsigned i = 0; i < 4; i++) {
		const struct net_local us = host(1, i < 2 ? 0 : 5), peer = host(2, i < 2 ? 0 : 5);
		uint8_t buf[FRAME_ROOM];
		const uint32_t len = frame_udp(buf, &peer, &us, i % 2 == 1, 50);

		for (uint32_t cut = 0; cut < len; cut++)
			ck_assert_int_eq(parse(&us, buf, cut), NET_VERDICT_DROP_TRUNCATED);
		ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_UDP);
		memset(buf + len, 0, 20); /* Ethernet padding */
		ck_assert_int_eq(parse(&us, buf, len + 20), NET_VERDICT_UDP);
	}
}
END_TEST

START_TEST(net_wrong_checksums_have_their_own_verdicts)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	uint8_t buf[FRAME_ROOM];
	struct net_meta meta;
	uint32_t len = frame_udp(buf, &peer, &us, false, 31);

	buf[len - 1] ^= 1;
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_BAD_UDP_CSUM);
	ck_assert_int_eq(net_rx_parse(&us, buf, len, NET_HW_L4_CSUM_GOOD, &meta), NET_VERDICT_UDP);
	buf[len - 1] ^= 1;
	ck_assert_int_eq(net_rx_parse(&us, buf, len, NET_HW_L4_CSUM_BAD, &meta),
	                 NET_VERDICT_DROP_BAD_UDP_CSUM);
	ck_assert_int_eq(net_rx_parse(&us, buf, len, NET_HW_IP_CSUM_BAD, &meta),
	                 NET_VERDICT_DROP_BAD_IP_CSUM);
	buf[14 + 8] ^= 1; /* TTL */
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_BAD_IP_CSUM);
	ck_assert_int_eq(net_rx_parse(&us, buf, len, NET_HW_IP_CSUM_GOOD, &meta), NET_VERDICT_UDP);

	len = frame_udp(buf, &peer, &us, true, 31);
	buf[len - 2] ^= 0x80;
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_BAD_UDP_CSUM);
	len = frame_echo(buf, &peer, &us, false, 9);
	buf[len - 1] ^= 1;
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_BAD_ICMP_CSUM);
	len = frame_echo(buf, &peer, &us, true, 9);
	buf[len - 1] ^= 1;
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_BAD_ICMP_CSUM);
}
END_TEST

START_TEST(net_zero_udp_checksum_is_allowed_on_ipv4_only)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	uint8_t buf[FRAME_ROOM];
	uint32_t len = frame_udp(buf, &peer, &us, false, 20);

	aef_store_be16(buf + 14 + 20 + 6, 0);
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_UDP);
	len = frame_udp(buf, &peer, &us, true, 20);
	aef_store_be16(buf + 14 + 40 + 6, 0);
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_BAD_UDP_CSUM);
}
END_TEST

START_TEST(net_ipv4_fragments_and_odd_headers_are_dropped_by_name)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	static const struct {
		uint16_t off, value;
		enum net_verdict verdict;
	} changes[] = {
		{ 6, 0x2000, NET_VERDICT_DROP_FRAGMENT },    /* more fragments */
		{ 6, 0x0001, NET_VERDICT_DROP_FRAGMENT },    /* offset */
		{ 0, 0x4402, NET_VERDICT_DROP_MALFORMED },   /* header of 16 bytes */
		{ 0, 0x6502, NET_VERDICT_DROP_MALFORMED },   /* version 6 */
		{ 2, 10, NET_VERDICT_DROP_MALFORMED },       /* shorter than its header */
		{ 8, 0x4006, NET_VERDICT_DROP_PROTOCOL },    /* TCP */
		{ 12, 0xe000, NET_VERDICT_DROP_BAD_SOURCE }, /* multicast source */
		{ 12, 0x7f00, NET_VERDICT_DROP_BAD_SOURCE }, /* loopback source */
		{ 18, 0x0209, NET_VERDICT_DROP_NOT_OURS },
	};

	for (size_t i = 0; i < AEF_DIM(changes); i++) {
		uint8_t buf[FRAME_ROOM];
		const uint32_t len = frame_udp(buf, &peer, &us, false, 20);

		aef_store_be16(buf + 14 + changes[i].off, changes[i].value);
		frame_ipv4_seal(buf);
		ck_assert_int_eq(parse(&us, buf, len), changes[i].verdict);
	}
}
END_TEST

START_TEST(net_ipv4_options_are_skipped)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	uint8_t buf[FRAME_ROOM];
	struct net_meta meta;
	const uint32_t len = frame_udp(buf, &peer, &us, false, 20);

	memmove(buf + 14 + 24, buf + 14 + 20, len - 14 - 20);
	memset(buf + 14 + 20, 1, 4); /* four NOPs */
	buf[14] = 0x46;
	aef_store_be16(buf + 14 + 2, (uint16_t)(len - 14 + 4));
	frame_ipv4_seal(buf);

	ck_assert_int_eq(parse_exact(&us, buf, len + 4, 0, &meta), NET_VERDICT_UDP);
	ck_assert_uint_eq(meta.payload_off, 14 + 24 + 8);
	ck_assert_uint_eq(meta.payload_len, 20);
}
END_TEST

/* An IPv6 frame with an extension header of @p ext bytes and number @p number before UDP. */
static enum net_verdict
parse_with_ext(uint8_t number, uint8_t next, uint32_t ext)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	uint8_t buf[FRAME_ROOM];
	const uint32_t len = frame_udp(buf, &peer, &us, true, 20);

	memmove(buf + 54 + ext, buf + 54, len - 54);
	memset(buf + 54, 0, ext);
	buf[54] = next;
	buf[55] = (uint8_t)(ext / 8 - 1);
	buf[20] = number;
	aef_store_be16(buf + 18, (uint16_t)(len - 54 + ext));
	return parse(&us, buf, len + ext);
}

START_TEST(net_ipv6_extension_headers_beyond_hop_by_hop_are_dropped)
{
	ck_assert_int_eq(parse_with_ext(0, 17, 8), NET_VERDICT_UDP);
	ck_assert_int_eq(parse_with_ext(0, 17, 24), NET_VERDICT_UDP);
	ck_assert_int_eq(parse_with_ext(0, 0, 8), NET_VERDICT_DROP_EXT_HEADER);
	ck_assert_int_eq(parse_with_ext(44, 17, 8), NET_VERDICT_DROP_FRAGMENT);
	ck_assert_int_eq(parse_with_ext(0, 44, 8), NET_VERDICT_DROP_FRAGMENT);
	ck_assert_int_eq(parse_with_ext(43, 17, 8), NET_VERDICT_DROP_EXT_HEADER);
	ck_assert_int_eq(parse_with_ext(60, 17, 8), NET_VERDICT_DROP_EXT_HEADER);
	ck_assert_int_eq(parse_with_ext(6, 17, 8), NET_VERDICT_DROP_PROTOCOL);
}
END_TEST

START_TEST(net_frames_for_others_and_odd_tags_are_dropped_by_name)
{
	const struct net_local us = host(1, 0), peer = host(2, 0), tagged = host(1, 7);
	uint8_t buf[FRAME_ROOM], tag[FRAME_ROOM];
	const uint32_t len = frame_udp(buf, &peer, &us, false, 20);
	struct net_local bare = us;

	buf[5] = 9;
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_NOT_OURS);
	memset(buf, 0xff, 6); /* broadcast Ethernet, unicast IP */
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_NOT_OURS);
	memcpy(buf, us.mac, 6);
	ck_assert_int_eq(parse(&tagged, buf, len), NET_VERDICT_DROP_VLAN);
	memcpy(tag, buf, 12);
	memcpy(tag + 16, buf + 12, len - 12);
	aef_store_be16(tag + 12, 0x8100);
	aef_store_be16(tag + 14, 0xe000); /* priority only */
	ck_assert_int_eq(parse(&us, tag, len + 4), NET_VERDICT_UDP);
	aef_store_be16(tag + 16, 0x8100); /* a second tag */
	ck_assert_int_eq(parse(&us, tag, len + 4), NET_VERDICT_DROP_VLAN);
	aef_store_be16(tag + 16, 0x88cc); /* LLDP */
	ck_assert_int_eq(parse(&us, tag, len + 4), NET_VERDICT_DROP_UNKNOWN_ETHERTYPE);
	bare.has_ipv4 = false;
	ck_assert_int_eq(parse(&bare, buf, len), NET_VERDICT_DROP_NO_ADDRESS);
	buf[6] |= 1; /* a group as source */
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_BAD_SOURCE);
}
END_TEST

START_TEST(net_udp_for_another_port_or_from_port_0_is_dropped)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	struct net_local any = us;
	uint8_t buf[FRAME_ROOM];
	const uint32_t len = frame_udp(buf, &peer, &us, false, 20);

	any.udp_port = 0;
	aef_store_be16(buf + 14 + 20 + 6, 0); /* no checksum */
	aef_store_be16(buf + 14 + 20 + 2, 4434);
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_UDP_PORT);
	ck_assert_int_eq(parse(&any, buf, len), NET_VERDICT_UDP);
	aef_store_be16(buf + 14 + 20, 0);
	ck_assert_int_eq(parse(&any, buf, len), NET_VERDICT_DROP_UDP_PORT);
	aef_store_be16(buf + 14 + 20, 1);
	aef_store_be16(buf + 14 + 20 + 4, 7);
	ck_assert_int_eq(parse(&any, buf, len), NET_VERDICT_DROP_MALFORMED);
}
END_TEST

START_TEST(net_v4_mapped_source_in_ipv6_is_refused)
{
	const struct net_local us = host(1, 0);
	struct net_local liar = host(2, 0);
	uint8_t buf[FRAME_ROOM];
	uint32_t len;

	liar.ipv6 = liar.ipv4;
	len = frame_udp(buf, &liar, &us, true, 20);

	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_BAD_SOURCE);
}
END_TEST

START_TEST(net_arp_request_is_answered_and_the_answer_is_learned)
{
	const struct net_local us = host(1, 0), peer = host(2, 0), third = host(3, 0);
	uint8_t buf[FRAME_ROOM];
	struct net_meta meta;
	uint32_t len = net_solicit_build(&peer, &us.ipv4, buf);

	ck_assert_uint_eq(len, 42);
	for (uint32_t cut = 0; cut < len; cut++)
		ck_assert_int_eq(parse(&us, buf, cut), NET_VERDICT_DROP_TRUNCATED);
	ck_assert_int_eq(parse(&third, buf, len), NET_VERDICT_DROP_NOT_OURS);
	ck_assert_int_eq(parse_exact(&us, buf, len, 0, &meta), NET_VERDICT_ARP_REPLY);
	len = net_reply_build(&us, NET_VERDICT_ARP_REPLY, &meta, buf, len, FRAME_ROOM);

	ck_assert_int_eq(parse_exact(&peer, buf, len, 0, &meta), NET_VERDICT_ARP_LEARNED);
	ck_assert(net_ip_eq(&meta.src, &us.ipv4));
	ck_assert_mem_eq(meta.src_mac, us.mac, 6);
	ck_assert_mem_eq(buf, peer.mac, 6);
}
END_TEST

START_TEST(net_neighbour_solicitation_is_answered_and_the_answer_is_learned)
{
	for (uint16_t vlan = 0; vlan < 8; vlan += 7) {
		const struct net_local us = host(1, vlan), peer = host(2, vlan);
		uint8_t buf[FRAME_ROOM];
		struct net_meta meta;
		uint32_t len = net_solicit_build(&peer, &us.ipv6, buf);

		ck_assert_uint_le(len, NET_SOLICIT_BYTES);
		for (uint32_t cut = 0; cut < len; cut++)
			ck_assert_int_eq(parse(&us, buf, cut), NET_VERDICT_DROP_TRUNCATED);
		ck_assert_int_eq(parse_exact(&us, buf, len, 0, &meta), NET_VERDICT_ND_REPLY);
		len = net_reply_build(&us, NET_VERDICT_ND_REPLY, &meta, buf, len, FRAME_ROOM);

		ck_assert_int_eq(parse_exact(&peer, buf, len, 0, &meta), NET_VERDICT_ND_LEARNED);
		ck_assert(net_ip_eq(&meta.src, &us.ipv6));
		ck_assert_mem_eq(meta.src_mac, us.mac, 6);
	}
}
END_TEST

START_TEST(net_address_probe_is_answered_to_all_nodes)
{
	const struct net_local us = host(1, 0);
	struct net_local nobody = host(2, 0);
	uint8_t buf[FRAME_ROOM];
	struct net_meta meta;
	uint32_t len;

	memset(&nobody.ipv6, 0, sizeof(nobody.ipv6));
	len = net_solicit_build(&nobody, &us.ipv6, buf);
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_MALFORMED); /* has an option */
	len -= 8;
	aef_store_be16(buf + 14 + 4, 24);
	frame_icmpv6_seal(buf, len);
	ck_assert_int_eq(parse_exact(&us, buf, len, 0, &meta), NET_VERDICT_ND_REPLY);

	ck_assert_uint_eq(net_reply_build(&us, NET_VERDICT_ND_REPLY, &meta, buf, len, len), 0);
	len = net_reply_build(&us, NET_VERDICT_ND_REPLY, &meta, buf, len, len + NET_REPLY_GROWTH);
	ck_assert_uint_eq(len, 14 + 40 + 32);
	ck_assert_mem_eq(buf, "\x33\x33\0\0\0\x01", 6);
	ck_assert_uint_eq(buf[14 + 24], 0xff);
}
END_TEST

START_TEST(net_neighbour_discovery_from_another_link_is_refused)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	uint8_t buf[FRAME_ROOM];
	const uint32_t len = net_solicit_build(&peer, &us.ipv6, buf);

	buf[14 + 7] = 254; /* hop limit: it was routed */
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_MALFORMED);
	buf[14 + 7] = 255;
	buf[len - 7] = 0; /* option of length 0 */
	frame_icmpv6_seal(buf, len);
	ck_assert_int_eq(parse(&us, buf, len), NET_VERDICT_DROP_MALFORMED);
}
END_TEST

START_TEST(net_echo_requests_are_answered_with_the_same_data)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct net_local us = host(1, 0), peer = host(2, 0);
		const bool v6 = i == 1;
		const enum net_verdict expect =
			v6 ? NET_VERDICT_ICMPV6_ECHO_REPLY : NET_VERDICT_ICMP_ECHO_REPLY;
		const uint32_t l4 = v6 ? 54 : 34;
		uint8_t buf[FRAME_ROOM], was[FRAME_ROOM];
		struct net_meta meta;
		uint32_t len = frame_echo(buf, &peer, &us, v6, 57);

		memcpy(was, buf, len);
		ck_assert_int_eq(parse_exact(&us, buf, len, 0, &meta), expect);
		ck_assert_uint_eq(net_reply_build(&us, expect, &meta, buf, len, FRAME_ROOM), len);

		ck_assert_uint_eq(buf[l4], v6 ? 129 : 0);
		ck_assert_mem_eq(buf + l4 + 4, was + l4 + 4, len - l4 - 4);
		/* the peer drops it as an unwanted type, after both checksums were found right */
		ck_assert_int_eq(parse(&peer, buf, len), NET_VERDICT_DROP_ICMP);
	}
}
END_TEST

START_TEST(net_random_bytes_and_mutations_always_get_a_verdict)
{
	const char *env = getenv("SEED");
	const uint64_t seed = env != NULL ? strtoull(env, NULL, 0) : 1;
	const struct net_local us = host(1, 0), peer = host(2, 0);
	uint64_t nb[NET_NB_VERDICTS] = { 0 };
	struct aef_rng rng;

	printf("net: SEED=%llu\n", (unsigned long long)seed);
	aef_rng_init(&rng, seed);
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t buf[FRAME_ROOM];
		struct net_meta meta;
		uint32_t len = i % 5 == 0
		                       ? net_solicit_build(&peer, i % 2 ? &us.ipv4 : &us.ipv6, buf)
		               : i % 3 == 0 ? frame_echo(buf, &peer, &us, i % 2, 30)
		                            : frame_udp(buf, &peer, &us, i % 2, 30);
		enum net_verdict v;

		for (unsigned n = 0; n < i % 4; n++)
			buf[12 + aef_rng_below(&rng, len - 12)] = (uint8_t)aef_rng_u64(&rng);
		len -= i % 7 == 0 ? (uint32_t)aef_rng_below(&rng, len) : 0;
		v = parse_exact(&us, buf, len,
		                i % 2 ? NET_HW_IP_CSUM_GOOD | NET_HW_L4_CSUM_GOOD : 0, &meta);
		ck_assert_uint_lt(v, NET_NB_VERDICTS);
		nb[v]++;
		if (v == NET_VERDICT_UDP)
			ck_assert_uint_le(meta.payload_off + (uint32_t)meta.payload_len, len);
		else
			ck_assert_uint_le(net_reply_build(&us, v, &meta, buf, len, len + 8),
			                  len + 8);
	}
	ck_assert_uint_gt(nb[NET_VERDICT_UDP], 1000);
	ck_assert_uint_gt(nb[NET_VERDICT_ND_REPLY], 1000);
}
END_TEST

START_TEST(net_checksum_sum_agrees_with_the_plain_algorithm)
{
	struct aef_rng rng;
	uint8_t buf[300];

	aef_rng_init(&rng, 5);
	for (uint32_t len = 0; len < sizeof(buf); len++) {
		uint32_t plain = 0x1234;

		for (uint32_t i = 0; i < len; i++) {
			buf[i] = len % 3 == 0 ? 0xff : (uint8_t)aef_rng_u64(&rng);
			plain += i % 2 == 0 ? (uint32_t)buf[i] << 8 : buf[i];
		}
		plain = (plain & 0xffff) + (plain >> 16);
		plain = (plain & 0xffff) + (plain >> 16);
		ck_assert_uint_eq(net_csum_fold(net_csum_add(0x1234, buf, len)), (uint16_t)~plain);
	}
}
END_TEST

START_TEST(net_text_forms_are_strict)
{
	struct net_ip ip;
	uint8_t prefix, mac[6];
	char text[NET_IP_TEXT_BYTES];

	ck_assert_int_eq(net_ip_parse("192.0.2.1/24", &ip, &prefix), 0);
	ck_assert_uint_eq(prefix, 24);
	net_ip_format(&ip, text);
	ck_assert_str_eq(text, "192.0.2.1");
	ck_assert_int_eq(net_ip_parse("2001:db8::1/128", &ip, &prefix), 0);
	net_ip_format(&ip, text);
	ck_assert_str_eq(text, "2001:db8::1");
	ck_assert_int_eq(net_ip_parse("192.0.2.1", &ip, &prefix), AEF_ERR_MALFORMED);
	ck_assert_int_eq(net_ip_parse("192.0.2.1/33", &ip, &prefix), AEF_ERR_MALFORMED);
	ck_assert_int_eq(net_ip_parse("192.0.2.1/2x", &ip, &prefix), AEF_ERR_MALFORMED);
	ck_assert_int_eq(net_ip_parse("192.0.2.1/24", &ip, NULL), AEF_ERR_MALFORMED);
	ck_assert_int_eq(net_ip_parse("192.0.2", &ip, NULL), AEF_ERR_MALFORMED);
	ck_assert_int_eq(net_mac_parse("02:00:00:00:00:0a", mac), 0);
	ck_assert_uint_eq(mac[5], 10);
	ck_assert_int_eq(net_mac_parse("02-00-00-00-00-0a", mac), AEF_ERR_MALFORMED);
	ck_assert_int_eq(net_mac_parse("03:00:00:00:00:0a", mac), AEF_ERR_MALFORMED);
	ck_assert_int_eq(net_mac_parse("00:00:00:00:00:00", mac), AEF_ERR_MALFORMED);
	ck_assert_str_eq(net_verdict_name(NET_VERDICT_DROP_FRAGMENT), "drop_fragment");
	ck_assert_str_eq(net_verdict_name(NET_NB_VERDICTS), "unknown");
}
END_TEST

TEST_SUITE(net, &net_golden_ipv4_frame_is_udp_with_all_fields,
           &net_golden_ipv6_frame_in_our_vlan_is_udp, &net_built_frames_are_the_golden_ones,
           &net_truncated_frames_are_dropped_at_every_length,
           &net_wrong_checksums_have_their_own_verdicts,
           &net_zero_udp_checksum_is_allowed_on_ipv4_only,
           &net_ipv4_fragments_and_odd_headers_are_dropped_by_name, &net_ipv4_options_are_skipped,
           &net_ipv6_extension_headers_beyond_hop_by_hop_are_dropped,
           &net_frames_for_others_and_odd_tags_are_dropped_by_name,
           &net_udp_for_another_port_or_from_port_0_is_dropped,
           &net_v4_mapped_source_in_ipv6_is_refused,
           &net_arp_request_is_answered_and_the_answer_is_learned,
           &net_neighbour_solicitation_is_answered_and_the_answer_is_learned,
           &net_address_probe_is_answered_to_all_nodes,
           &net_neighbour_discovery_from_another_link_is_refused,
           &net_echo_requests_are_answered_with_the_same_data,
           &net_random_bytes_and_mutations_always_get_a_verdict,
           &net_checksum_sum_agrees_with_the_plain_algorithm, &net_text_forms_are_strict)
