/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/bytes.h>
#include <base/err.h>
#include <base/time.h>

#include "eal_fixture.h"
#include "frames.h"
#include "harness.h"

static struct fix_pair pair;
static struct rte_mbuf *pkts[DPIO_BURST];
static struct net_meta metas[DPIO_BURST];

/* Hand raw bytes to the far end's port. */
static void
inject(struct dpio_burst *burst, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *mbuf = dpio_burst_alloc(burst);

	ck_assert_ptr_nonnull(mbuf);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)len), frame, len);
	ck_assert_uint_eq(dpio_port_tx(burst->port, 0, &mbuf, 1), 1);
}

static struct net_path
path_to_host1(bool is_ipv6, uint16_t vlan)
{
	const struct net_local *from = &pair.ports[1].local;
	const struct net_local to = host(1, vlan);
	struct net_path path;

	ck_assert_int_eq(
		net_path_make(&path, from, 40000, is_ipv6 ? &to.ipv6 : &to.ipv4, 4433, to.mac), 0);
	return path;
}

static void
push_text(struct dpio_burst *burst, const struct net_path *path, const char *text, uint8_t ecn)
{
	struct rte_mbuf *mbuf = dpio_burst_alloc(burst);

	ck_assert_ptr_nonnull(mbuf);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)strlen(text)), text, strlen(text));
	ck_assert_int_eq(dpio_burst_push(burst, mbuf, path, ecn), 0);
}

START_TEST(burst_datagrams_go_there_and_back_without_a_copy)
{
	for (unsigned i = 0; i < 4; i++) {
		const uint16_t vlan = i < 2 ? 0 : 100;
		struct net_path path, back;
		uint16_t nb_rx;

		fix_pair_open(&pair, vlan, 64);
		path = path_to_host1(i % 2 == 1, vlan);
		push_text(&pair.bursts[1], &path, "there", 2);
		dpio_burst_flush(&pair.bursts[1]);
		ck_assert_uint_eq(dpio_burst_rx(&pair.bursts[0], pkts, metas, 1, &nb_rx), 1);
		ck_assert_uint_eq(nb_rx, 1);
		ck_assert_mem_eq(dpio_payload(pkts[0], &metas[0]), "there", 5);
		ck_assert_uint_eq(metas[0].payload_len, 5);
		ck_assert_uint_eq(metas[0].ecn, 2);
		net_path_reply(&back, &pair.ports[0].local, &metas[0]);
		ck_assert(net_path_matches(&back, &metas[0]));
		rte_pktmbuf_free(pkts[0]);

		push_text(&pair.bursts[0], &back, "back", 0);
		dpio_burst_flush(&pair.bursts[0]);
		ck_assert_uint_eq(dpio_burst_rx(&pair.bursts[1], pkts, metas, 1, NULL), 1);
		ck_assert_mem_eq(dpio_payload(pkts[0], &metas[0]), "back", 4);
		rte_pktmbuf_free(pkts[0]);
		ck_assert_uint_eq(pair.bursts[0].stats.verdicts[NET_VERDICT_UDP], 1);
		ck_assert_uint_eq(pair.bursts[0].stats.tx_pkts, 1);
		fix_pair_close(&pair);
	}
	dpio_pool_sample(fix_pool());
	ck_assert_uint_eq(fix_pool()->in_use, 0);
}
END_TEST

START_TEST(burst_path_is_resolved_by_arp_and_by_neighbour_discovery)
{
	fix_pair_open(&pair, 0, 64);
	for (unsigned i = 0; i < 2; i++) {
		struct net_path path = path_to_host1(i == 1, 0);

		path.has_mac = false;
		memset(path.hdr, 0, 6);
		ck_assert_int_eq(dpio_burst_resolve(&pair.bursts[1], &path, 1000), AEF_ERR_AGAIN);
		dpio_burst_flush(&pair.bursts[1]);
		ck_assert_uint_eq(dpio_burst_rx(&pair.bursts[0], pkts, metas, 1000, NULL), 0);
		dpio_burst_flush(&pair.bursts[0]);
		ck_assert_uint_eq(dpio_burst_rx(&pair.bursts[1], pkts, metas, 1000, NULL), 0);

		ck_assert_int_eq(dpio_burst_resolve(&pair.bursts[1], &path, 2000), 0);
		ck_assert(path.has_mac);
		ck_assert_mem_eq(path.hdr, pair.ports[0].local.mac, 6);
	}
	ck_assert_uint_eq(pair.bursts[0].stats.verdicts[NET_VERDICT_ARP_REPLY], 1);
	ck_assert_uint_eq(pair.bursts[0].stats.verdicts[NET_VERDICT_ND_REPLY], 1);
	ck_assert_uint_eq(pair.bursts[1].stats.verdicts[NET_VERDICT_ARP_LEARNED], 1);
	ck_assert_uint_eq(pair.bursts[1].stats.verdicts[NET_VERDICT_ND_LEARNED], 1);
	fix_pair_close(&pair);
}
END_TEST

START_TEST(burst_pings_are_answered_up_to_the_rate_limit)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	const struct dpio_stats *stats = &pair.bursts[0].stats;
	uint8_t frame[FRAME_ROOM];

	fix_pair_open(&pair, 0, 256); /* 1000 answers a second, 32 at once */
	for (unsigned i = 0; i < 40; i++) {
		const uint32_t len = frame_echo(frame, &peer, &us, i % 2, 100);

		inject(&pair.bursts[1], frame, len);
	}
	(void)dpio_burst_rx(&pair.bursts[0], pkts, metas, 5000, NULL);
	(void)dpio_burst_rx(&pair.bursts[0], pkts, metas, 5000, NULL);
	dpio_burst_flush(&pair.bursts[0]);

	ck_assert_uint_eq(stats->verdicts[NET_VERDICT_ICMP_ECHO_REPLY], 16);
	ck_assert_uint_eq(stats->verdicts[NET_VERDICT_ICMPV6_ECHO_REPLY], 16);
	ck_assert_uint_eq(stats->verdicts[NET_VERDICT_DROP_RATE], 8);
	ck_assert_uint_eq(stats->tx_pkts, 32);
	inject(&pair.bursts[1], frame, frame_echo(frame, &peer, &us, false, 100));
	(void)dpio_burst_rx(&pair.bursts[0], pkts, metas, 5000 + AEF_NS_PER_MS, NULL);
	ck_assert_uint_eq(stats->verdicts[NET_VERDICT_ICMP_ECHO_REPLY], 17);
	fix_pair_close(&pair);
}
END_TEST

START_TEST(burst_every_bad_frame_is_counted_freed_and_none_passes)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	const uint64_t *verdicts = pair.bursts[0].stats.verdicts;
	uint8_t frame[FRAME_ROOM];
	uint64_t sum = 0;

	fix_pair_open(&pair, 0, 64);
	const uint32_t len = frame_udp(frame, &peer, &us, false, 40);

	frame[len - 1] ^= 1;
	inject(&pair.bursts[1], frame, len); /* UDP checksum */
	frame[len - 1] ^= 1;
	inject(&pair.bursts[1], frame, len - 1); /* truncated */
	frame[20] = 0x20;
	frame_ipv4_seal(frame);
	inject(&pair.bursts[1], frame, len); /* fragment */
	frame[25] ^= 1;
	inject(&pair.bursts[1], frame, len); /* IP checksum */
	frame[0] = 4;
	inject(&pair.bursts[1], frame, len); /* another MAC */
	ck_assert_uint_eq(dpio_burst_rx(&pair.bursts[0], pkts, metas, 1, NULL), 0);

	ck_assert_uint_eq(verdicts[NET_VERDICT_DROP_BAD_UDP_CSUM], 1);
	ck_assert_uint_eq(verdicts[NET_VERDICT_DROP_TRUNCATED], 1);
	ck_assert_uint_eq(verdicts[NET_VERDICT_DROP_FRAGMENT], 1);
	ck_assert_uint_eq(verdicts[NET_VERDICT_DROP_BAD_IP_CSUM], 1);
	ck_assert_uint_eq(verdicts[NET_VERDICT_DROP_NOT_OURS], 1);
	for (unsigned v = 0; v < NET_NB_VERDICTS; v++)
		sum += verdicts[v];
	ck_assert_uint_eq(sum, pair.bursts[0].stats.rx_pkts);
	fix_pair_close(&pair);
	dpio_pool_sample(fix_pool());
	ck_assert_uint_eq(fix_pool()->in_use, 0);
}
END_TEST

START_TEST(burst_chained_mbufs_are_dropped_by_name_and_refused_for_sending)
{
	struct rte_mbuf *head, *tail;
	struct net_path path;

	fix_pair_open(&pair, 0, 64);
	path = path_to_host1(false, 0);
	for (unsigned i = 0; i < 2; i++) {
		head = dpio_burst_alloc(&pair.bursts[1]);
		tail = dpio_burst_alloc(&pair.bursts[1]);
		(void)rte_pktmbuf_append(head, 60);
		(void)rte_pktmbuf_append(tail, 60);
		ck_assert_int_eq(rte_pktmbuf_chain(head, tail), 0);
		if (i == 0)
			ck_assert_uint_eq(dpio_port_tx(&pair.ports[1], 0, &head, 1), 1);
		else
			ck_assert_int_eq(dpio_burst_push(&pair.bursts[1], head, &path, 0),
			                 AEF_ERR_INVALID);
	}
	ck_assert_uint_eq(dpio_burst_rx(&pair.bursts[0], pkts, metas, 1, NULL), 0);

	ck_assert_uint_eq(pair.bursts[0].stats.verdicts[NET_VERDICT_DROP_CHAINED], 1);
	ck_assert_uint_eq(pair.bursts[1].stats.tx_bad, 1);
	fix_pair_close(&pair);
}
END_TEST

START_TEST(burst_full_device_and_unknown_mac_are_counted_drops)
{
	struct net_path path;
	struct rte_mbuf *mbuf;

	fix_pair_open(&pair, 0, 16); /* 15 slots */
	path = path_to_host1(false, 0);
	for (unsigned i = 0; i < 20; i++)
		push_text(&pair.bursts[1], &path, "0123456789", 0);
	dpio_burst_flush(&pair.bursts[1]);
	ck_assert_uint_eq(pair.bursts[1].stats.tx_pkts, 15);
	ck_assert_uint_eq(pair.bursts[1].stats.tx_full, 5);
	ck_assert_uint_eq(pair.bursts[1].stats.tx_bytes, 15 * 52);

	path.has_mac = false;
	mbuf = dpio_burst_alloc(&pair.bursts[1]);
	ck_assert_int_eq(dpio_burst_push(&pair.bursts[1], mbuf, &path, 0), AEF_ERR_AGAIN);
	ck_assert_uint_eq(pair.bursts[1].stats.tx_no_mac, 1);
	fix_pair_close(&pair);
	dpio_pool_sample(fix_pool());
	ck_assert_uint_eq(fix_pool()->in_use, 0);
}
END_TEST

START_TEST(burst_empty_pool_is_a_counted_refusal)
{
	static struct rte_mbuf *all[FIX_MBUFS + 1];
	unsigned nb = 0;

	fix_pair_open(&pair, 0, 16);
	while (nb <= FIX_MBUFS && (all[nb] = dpio_burst_alloc(&pair.bursts[0])) != NULL)
		nb++;
	ck_assert_uint_eq(nb, FIX_MBUFS);
	ck_assert_uint_eq(pair.bursts[0].stats.no_mbuf, 1);
	dpio_pool_sample(fix_pool());
	ck_assert_uint_eq(fix_pool()->high_water, FIX_MBUFS);
	rte_pktmbuf_free_bulk(all, nb);
	fix_pair_close(&pair);
}
END_TEST

START_TEST(burst_hardware_checksum_order_carries_the_pseudo_header)
{
	struct net_path path;

	for (unsigned i = 0; i < 2; i++) {
		struct rte_mbuf *mbuf;
		uint8_t *frame;
		uint16_t csum;

		fix_pair_open(&pair, 0, 16);
		path = path_to_host1(i == 1, 0);
		pair.bursts[1].hw_tx_csum = true; /* as a NIC would offer */
		push_text(&pair.bursts[1], &path, "sum me", 1);
		dpio_burst_flush(&pair.bursts[1]);
		ck_assert_uint_eq(dpio_port_rx(&pair.ports[0], 0, &mbuf, 1), 1);
		ck_assert_uint_eq(mbuf->l2_len, 14);
		ck_assert_uint_eq(mbuf->l3_len, i == 1 ? 40 : 20);
		ck_assert((mbuf->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM);
		frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
		/* what a NIC does: sum the UDP part with the stored value and put the result */
		csum = net_csum_fold(net_csum_add(0, frame + 14 + mbuf->l3_len, 8 + 6));
		aef_store_be16(frame + 14 + mbuf->l3_len + 6, csum);
		if (i == 0)
			frame_ipv4_seal(frame);
		ck_assert_uint_eq(dpio_burst_classify(&pair.bursts[0], &mbuf, 1, metas, 1), 1);
		rte_pktmbuf_free(mbuf);
		fix_pair_close(&pair);
	}
}
END_TEST

START_TEST(burst_received_checksum_flags_count_only_where_the_port_offers_them)
{
	const struct net_local us = host(1, 0), peer = host(2, 0);
	uint8_t frame[FRAME_ROOM];
	uint32_t len;

	fix_pair_open(&pair, 0, 16);
	len = frame_udp(frame, &peer, &us, false, 8);
	frame[len - 1] ^= 1;
	for (unsigned i = 0; i < 2; i++) {
		struct rte_mbuf *mbuf;

		inject(&pair.bursts[1], frame, len);
		ck_assert_uint_eq(dpio_port_rx(&pair.ports[0], 0, &mbuf, 1), 1);
		mbuf->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		pair.bursts[0].hw_rx_csum = i == 1;
		ck_assert_uint_eq(dpio_burst_classify(&pair.bursts[0], &mbuf, 1, metas, 1), i);
		if (i == 1)
			rte_pktmbuf_free(mbuf);
	}
	fix_pair_close(&pair);
}
END_TEST

START_TEST(burst_counters_are_metrics_and_text)
{
	static char buf[8192];
	struct aef_text out = aef_text_make(buf, sizeof(buf));
	struct aef_metrics metrics;
	struct dpio_stats sum = { 0 };
	struct net_path path;
	uint64_t value;

	fix_pair_open(&pair, 0, 16);
	path = path_to_host1(false, 0);
	ck_assert_int_eq(aef_metrics_init(&metrics, 100), 0);
	ck_assert_int_eq(dpio_burst_metrics(&pair.bursts[0], &metrics), 0);
	push_text(&pair.bursts[1], &path, "x", 0);
	dpio_burst_flush(&pair.bursts[1]);
	ck_assert_uint_eq(dpio_burst_rx(&pair.bursts[0], pkts, metas, 1, NULL), 1);
	rte_pktmbuf_free(pkts[0]);

	ck_assert_int_eq(aef_metrics_get(&metrics, "dpio_rx_verdict_pkts",
	                                 "port=\"p0\",queue=\"0\",verdict=\"udp\"", &value),
	                 0);
	ck_assert_uint_eq(value, 1);
	dpio_stats_text(&pair.bursts[0].stats, true, &out);
	ck_assert_str_eq(buf, "rx_pkts 1\nrx_bytes 43\nrx_polls 1\nudp 1\n");
	dpio_stats_add(&sum, &pair.bursts[0].stats);
	dpio_stats_add(&sum, &pair.bursts[0].stats);
	ck_assert_uint_eq(sum.verdicts[NET_VERDICT_UDP], 2);
	aef_metrics_fini(&metrics);
	fix_pair_close(&pair);
}
END_TEST

TEST_SUITE(burst, &burst_datagrams_go_there_and_back_without_a_copy,
           &burst_path_is_resolved_by_arp_and_by_neighbour_discovery,
           &burst_pings_are_answered_up_to_the_rate_limit,
           &burst_every_bad_frame_is_counted_freed_and_none_passes,
           &burst_chained_mbufs_are_dropped_by_name_and_refused_for_sending,
           &burst_full_device_and_unknown_mac_are_counted_drops,
           &burst_empty_pool_is_a_counted_refusal,
           &burst_hardware_checksum_order_carries_the_pseudo_header,
           &burst_received_checksum_flags_count_only_where_the_port_offers_them,
           &burst_counters_are_metrics_and_text)
