/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_prefetch.h>

#include <base/err.h>
#include <base/time.h>
#include <dpio/burst.h>

#define ANSWERS_AT_ONCE 32 /* burst of the token bucket */

void
dpio_burst_init(struct dpio_burst *burst, const struct dpio_port *port, uint16_t queue,
                const struct dpio_pool *pool, uint32_t answers_per_s)
{
	memset(burst, 0, sizeof(*burst));
	aef_assert(queue < port->nb_queues && answers_per_s > 0);
	burst->port = port;
	burst->local = &port->local;
	burst->mp = pool->mp;
	burst->queue = queue;
	burst->hw_rx_csum = port->hw_rx_csum;
	burst->hw_tx_csum = port->hw_tx_csum;
	burst->answers.cost_ns = AEF_NS_PER_S / answers_per_s;
	burst->answers.burst_ns = burst->answers.cost_ns * ANSWERS_AT_ONCE;
	burst->answers.tokens_ns = burst->answers.burst_ns;
	net_neigh_init(&burst->neigh);
}

void
dpio_burst_fini(struct dpio_burst *burst)
{
	rte_pktmbuf_free_bulk(burst->tx, burst->nb_tx);
	burst->nb_tx = 0;
	burst->tx_batch_bytes = 0;
}

/* Credit grows by the time that has passed; the clock may stand still between bursts. */
static bool
answer_allowed(struct dpio_rate *rate, uint64_t now_ns)
{
	const uint64_t passed = now_ns > rate->last_ns ? now_ns - rate->last_ns : 0;

	rate->last_ns = now_ns;
	rate->tokens_ns = aef_min_u64(aef_add_sat_u64(rate->tokens_ns, passed), rate->burst_ns);
	if (rate->tokens_ns < rate->cost_ns)
		return false;
	rate->tokens_ns -= rate->cost_ns;
	return true;
}

AEF_HOT static uint32_t
hw_flags(const struct rte_mbuf *mbuf)
{
	const uint64_t ip = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	const uint64_t l4 = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	return (ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD ? NET_HW_IP_CSUM_GOOD : 0u) |
	       (ip == RTE_MBUF_F_RX_IP_CKSUM_BAD ? NET_HW_IP_CSUM_BAD : 0u) |
	       (l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? NET_HW_L4_CSUM_GOOD : 0u) |
	       (l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD ? NET_HW_L4_CSUM_BAD : 0u);
}

/* Queue a finished frame; takes the mbuf. */
AEF_HOT static void
tx_queue(struct dpio_burst *burst, struct rte_mbuf *mbuf)
{
	burst->tx[burst->nb_tx++] = mbuf;
	burst->tx_batch_bytes += mbuf->pkt_len;
	if (burst->nb_tx == DPIO_BURST)
		dpio_burst_flush(burst);
}

/* Takes the mbuf, whose verdict is a *_REPLY: it becomes the answer, or is freed. */
static enum net_verdict
answer(struct dpio_burst *burst, struct rte_mbuf *mbuf, enum net_verdict verdict,
       const struct net_meta *meta, uint64_t now_ns)
{
	const uint32_t cap = (uint32_t)mbuf->data_len + rte_pktmbuf_tailroom(mbuf);
	uint32_t len = 0;

	/* a shared buffer is somebody else's too: it must not be written to */
	if (rte_mbuf_refcnt_read(mbuf) == 1 && answer_allowed(&burst->answers, now_ns))
		len = net_reply_build(burst->local, verdict, meta,
		                      rte_pktmbuf_mtod(mbuf, uint8_t *), mbuf->data_len, cap);
	if (len == 0) {
		rte_pktmbuf_free(mbuf);
		return NET_VERDICT_DROP_RATE;
	}
	mbuf->data_len = (uint16_t)len;
	mbuf->pkt_len = len;
	mbuf->ol_flags = 0; /* what the NIC said on receive is no order to transmit */
	tx_queue(burst, mbuf);
	return verdict;
}

/* Judge one frame. Takes the mbuf unless the verdict is UDP. */
AEF_HOT static enum net_verdict
rx_one(struct dpio_burst *burst, struct rte_mbuf *mbuf, struct net_meta *ret_meta, uint64_t now_ns)
{
	enum net_verdict verdict = NET_VERDICT_DROP_CHAINED;

	if (mbuf->nb_segs == 1)
		verdict = net_rx_parse(burst->local, rte_pktmbuf_mtod(mbuf, const uint8_t *),
		                       mbuf->data_len, burst->hw_rx_csum ? hw_flags(mbuf) : 0,
		                       ret_meta);
	if (verdict == NET_VERDICT_UDP)
		return verdict;
	switch (verdict) {
	case NET_VERDICT_ARP_REPLY:
	case NET_VERDICT_ND_REPLY:
		net_neigh_learn(&burst->neigh, &ret_meta->src, ret_meta->src_mac, now_ns);
		return answer(burst, mbuf, verdict, ret_meta, now_ns);
	case NET_VERDICT_ICMP_ECHO_REPLY:
	case NET_VERDICT_ICMPV6_ECHO_REPLY:
		return answer(burst, mbuf, verdict, ret_meta, now_ns);
	case NET_VERDICT_ARP_LEARNED:
	case NET_VERDICT_ND_LEARNED:
		net_neigh_learn(&burst->neigh, &ret_meta->src, ret_meta->src_mac, now_ns);
		break;
	default:
		break;
	}
	rte_pktmbuf_free(mbuf);
	return verdict;
}

AEF_HOT uint16_t
dpio_burst_classify(struct dpio_burst *burst, struct rte_mbuf **pkts, uint16_t nb,
                    struct net_meta *ret_metas, uint64_t now_ns)
{
	uint16_t nb_udp = 0;

	for (uint16_t i = 0; i < nb; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const void *));
	burst->stats.rx_pkts += nb;
	for (uint16_t i = 0; i < nb; i++) {
		struct rte_mbuf *mbuf = pkts[i];
		enum net_verdict verdict;

		burst->stats.rx_bytes += mbuf->pkt_len;
		verdict = rx_one(burst, mbuf, &ret_metas[nb_udp], now_ns);
		burst->stats.verdicts[verdict]++;
		if (verdict == NET_VERDICT_UDP) /* stays the caller's */
			pkts[nb_udp++] = mbuf;
	}
	return nb_udp;
}

AEF_HOT uint16_t
dpio_burst_rx(struct dpio_burst *burst, struct rte_mbuf **ret_pkts, struct net_meta *ret_metas,
              uint64_t now_ns, uint16_t *ret_nb_rx)
{
	const uint16_t nb = dpio_port_rx(burst->port, burst->queue, ret_pkts, DPIO_BURST);

	burst->stats.rx_polls++;
	burst->stats.rx_empty += nb == 0;
	if (ret_nb_rx != NULL)
		*ret_nb_rx = nb;
	return nb > 0 ? dpio_burst_classify(burst, ret_pkts, nb, ret_metas, now_ns) : 0;
}

AEF_HOT struct rte_mbuf *
dpio_burst_alloc(struct dpio_burst *burst)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(burst->mp);

	burst->stats.no_mbuf += mbuf == NULL;
	return mbuf;
}

AEF_HOT int
dpio_burst_push(struct dpio_burst *burst, struct rte_mbuf *mbuf, const struct net_path *path,
                uint8_t ecn)
{
	const bool usable = mbuf->nb_segs == 1 && rte_mbuf_refcnt_read(mbuf) == 1 &&
	                    rte_pktmbuf_headroom(mbuf) >= path->hdr_len;

	aef_assert_hot(mbuf->data_len <= UINT16_MAX - NET_IPV6_BYTES - NET_UDP_BYTES);
	if (!usable || !path->has_mac) {
		burst->stats.tx_bad += !usable;
		burst->stats.tx_no_mac += usable;
		rte_pktmbuf_free(mbuf);
		return usable ? AEF_ERR_AGAIN : AEF_ERR_INVALID;
	}
	(void)net_tx_build(path, rte_pktmbuf_mtod(mbuf, uint8_t *), mbuf->data_len, ecn,
	                   burst->hw_tx_csum);
	(void)rte_pktmbuf_prepend(mbuf, path->hdr_len); /* checked above */
	mbuf->ol_flags = 0;
	if (burst->hw_tx_csum) {
		mbuf->l2_len = path->l2_len;
		mbuf->l3_len = path->l3_len;
		mbuf->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM |
		                 (path->is_ipv6 ? RTE_MBUF_F_TX_IPV6
		                                : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	}
	tx_queue(burst, mbuf);
	return 0;
}

AEF_HOT void
dpio_burst_flush(struct dpio_burst *burst)
{
	uint64_t unsent_bytes = 0;
	uint16_t sent;

	if (burst->nb_tx == 0)
		return;
	sent = dpio_port_tx(burst->port, burst->queue, burst->tx, burst->nb_tx);
	for (uint16_t i = sent; i < burst->nb_tx; i++)
		unsent_bytes += burst->tx[i]->pkt_len;
	rte_pktmbuf_free_bulk(burst->tx + sent, burst->nb_tx - sent);
	burst->stats.tx_pkts += sent;
	burst->stats.tx_bytes += burst->tx_batch_bytes - unsent_bytes;
	burst->stats.tx_full += burst->nb_tx - sent;
	burst->nb_tx = 0;
	burst->tx_batch_bytes = 0;
}

int
dpio_burst_resolve(struct dpio_burst *burst, struct net_path *path, uint64_t now_ns)
{
	struct net_ip hop;
	struct rte_mbuf *mbuf;
	uint8_t mac[NET_MAC_BYTES];
	uint32_t len;
	bool ask;
	int rc = net_next_hop(burst->local, &path->remote, &hop);

	if (rc < 0)
		return rc;
	rc = net_neigh_lookup(&burst->neigh, &hop, now_ns, mac, &ask);
	if (rc == 0)
		net_path_set_mac(path, mac);
	if (!ask)
		return rc;
	mbuf = dpio_burst_alloc(burst);
	if (mbuf == NULL)
		return rc == 0 ? 0 : AEF_ERR_FULL;
	len = net_solicit_build(burst->local, &hop, rte_pktmbuf_mtod(mbuf, uint8_t *));
	if (len == 0) {
		rte_pktmbuf_free(mbuf);
		return AEF_ERR_NOTFOUND;
	}
	mbuf->data_len = (uint16_t)len;
	mbuf->pkt_len = len;
	tx_queue(burst, mbuf);
	return rc;
}
