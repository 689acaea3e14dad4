/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_prefetch.h>

#include "lcore_priv.h"

AEF_HOT static void
classify_one(struct rx_pkt *pkt, struct rte_mbuf *mbuf, const struct net_meta *meta)
{
	pkt->mbuf = mbuf;
	pkt->pc = NULL;
	pkt->owner = -1;
	pkt->done = false;
	pkt->rx.data = dpio_payload(mbuf, meta);
	pkt->rx.len = meta->payload_len;
	pkt->rx.ecn = meta->ecn;
	pkt->rx.owner = mbuf;
	pkt->rx.from = pipeline_addr_of(meta);
	pkt->rx.needs_open = false;
	pkt->clas = wire_classify(pkt->rx.data, pkt->rx.len, &pkt->hdr);
}

/* Stage 1: class, id and source of each datagram. */
AEF_HOT static void
classify(struct rx_batch *batch)
{
	for (uint16_t i = 0; i < batch->nb; i++)
		rte_prefetch0(dpio_payload(batch->mbufs[i], &batch->metas[i]));
	for (uint16_t i = 0; i < batch->nb; i++)
		classify_one(&batch->pkts[i], batch->mbufs[i], &batch->metas[i]);
}

/* Stage 2: ids to connections; the id names the slot, so this is no hash. */
AEF_HOT static void
look_up(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	const struct aef_guuid *cids[DPIO_BURST];
	void *conns[DPIO_BURST];
	int16_t lcores[DPIO_BURST];
	uint8_t idx[DPIO_BURST];
	unsigned nb = 0;

	for (uint16_t i = 0; i < batch->nb; i++) {
		if (batch->pkts[i].clas != WIRE_CLASS_PROTECTED)
			continue;
		idx[nb] = (uint8_t)i;
		cids[nb++] = &batch->pkts[i].hdr.cid;
	}
	if (nb == 0)
		return;
	quantum_table_lookup(&lc->table, cids, nb, conns, lcores);
	for (unsigned i = 0; i < nb; i++)
		if (conns[i] != NULL)
			rte_prefetch0(conns[i]);
	for (unsigned i = 0; i < nb; i++) {
		if (conns[i] != NULL)
			batch->pkts[idx[i]].pc = quantum_conn_user(conns[i]);
		else
			batch->pkts[idx[i]].owner = lcores[i];
	}
}

/* True when another lcore of this process owns the id. */
static bool
owned_elsewhere(const struct pipeline_lcore *lc, const struct rx_batch *batch, int16_t owner)
{
	return owner >= 0 && owner != lc->conf.idx && !batch->handed && lc->conf.mesh != NULL &&
	       owner < lc->conf.mesh->nb_lcores;
}

/* Stage 3: what has no connection here is for another lcore, a handshake, or a stranger. */
AEF_HOT static void
sort_out(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	batch->nb_acks = batch->nb_syns = batch->nb_strangers = 0;
	for (uint16_t i = 0; i < batch->nb; i++) {
		struct rx_pkt *pkt = &batch->pkts[i];

		if (aef_likely(pkt->pc != NULL))
			continue;
		if (pkt->clas == WIRE_CLASS_ACK) {
			batch->nb_acks++;
		} else if (owned_elsewhere(lc, batch, pkt->owner)) {
			pipeline_handover(lc, (uint8_t)pkt->owner, pkt->mbuf, batch->port);
			pkt->mbuf = NULL;
		} else if (pkt->clas == WIRE_CLASS_SYN) {
			batch->nb_syns++;
		} else {
			batch->nb_strangers++;
		}
	}
}

/* Stage 4: name key, nonce and text of each, open the whole burst at once. */
AEF_HOT static void
open_all(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	const struct crypto_provider *provider = lc->conf.provider;
	struct crypto_op ops[DPIO_BURST];
	uint8_t idx[DPIO_BURST];
	unsigned nb = 0;

	for (uint16_t i = 0; i < batch->nb; i++) {
		struct rx_pkt *pkt = &batch->pkts[i];
		enum quantum_verdict verdict;

		if (pkt->pc == NULL)
			continue;
		verdict = quantum_conn_rx_prepare(pkt->pc->conn, &pkt->rx, lc->now_ns);
		if (verdict != QUANTUM_VERDICT_ACCEPTED) {
			pipeline_count(lc, verdict);
			pkt->pc = NULL;
			pkt->done = true;
		} else if (pkt->rx.needs_open) {
			idx[nb] = (uint8_t)i;
			ops[nb++] = pkt->rx.op;
		}
	}
	if (nb == 0)
		return;
	provider->open(provider->ctx, ops, nb);
	for (unsigned i = 0; i < nb; i++)
		batch->pkts[idx[i]].rx.op.ok = ops[i].ok;
}

/* Stage 5: act. */
AEF_HOT static void
commit_all(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	for (uint16_t i = 0; i < batch->nb; i++) {
		struct rx_pkt *pkt = &batch->pkts[i];
		enum quantum_verdict verdict;

		if (pkt->pc == NULL)
			continue;
		verdict = quantum_conn_rx_commit(pkt->pc->conn, &pkt->rx, lc->now_ns);
		pipeline_count(lc, verdict);
		if (verdict == QUANTUM_VERDICT_ACCEPTED)
			pipeline_path_learn(lc, pkt->pc, batch->port, &batch->metas[i]);
		/* A tag that is wrong changes nothing, so there is nothing to do, unless it
		 * was the last one borne. */
		if (aef_likely(verdict != QUANTUM_VERDICT_BAD_TAG) ||
		    !quantum_conn_established(pkt->pc->conn))
			pipeline_touch(lc, pkt->pc);
		pkt->pc = NULL; /* done with */
		pkt->done = true;
	}
}

static void
serve_acks(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	const uint64_t start_ns = delivery_now_ns(&lc->conf.clock);
	const unsigned nb = pipeline_acks(lc, batch);

	open_all(lc, batch);
	commit_all(lc, batch);
	budget_charge(&lc->ack_budget, nb, delivery_now_ns(&lc->conf.clock) - start_ns);
}

static void
serve_syns(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	const uint64_t start_ns = delivery_now_ns(&lc->conf.clock);
	const unsigned nb = pipeline_syns(lc, batch);

	budget_charge(&lc->syn_budget, nb, delivery_now_ns(&lc->conf.clock) - start_ns);
}

static void
serve_strangers(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	const uint64_t start_ns = delivery_now_ns(&lc->conf.clock);
	const unsigned nb = pipeline_strangers(lc, batch);

	budget_charge(&lc->stranger_budget, nb, delivery_now_ns(&lc->conf.clock) - start_ns);
}

AEF_HOT void
pipeline_rx_burst(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	classify(batch);
	look_up(lc, batch);
	sort_out(lc, batch);
	/* Known connections first, then ACKs, then SYNs, then all else. */
	open_all(lc, batch);
	commit_all(lc, batch);
	if (aef_unlikely(batch->nb_acks > 0))
		pipeline_acks_admit(lc, batch);
	if (aef_unlikely(batch->nb_acks > 0))
		serve_acks(lc, batch);
	if (aef_unlikely(batch->nb_syns > 0))
		serve_syns(lc, batch);
	if (aef_unlikely(batch->nb_strangers > 0))
		serve_strangers(lc, batch);
	/* The engine holds references of its own to what it keeps. */
	for (uint16_t i = 0; i < batch->nb; i++)
		if (batch->pkts[i].mbuf != NULL)
			rte_pktmbuf_free_seg(batch->pkts[i].mbuf);
}

void
pipeline_rx_held(struct pipeline_lcore *lc, struct pipeline_conn *pc, struct rte_mbuf *mbuf,
                 const struct net_meta *meta, uint8_t port)
{
	struct rx_batch *batch = &lc->rxb;

	batch->nb = 1;
	batch->port = port;
	batch->mbufs[0] = mbuf;
	batch->metas[0] = *meta;
	classify_one(&batch->pkts[0], mbuf, meta);
	batch->pkts[0].pc = pc;
	if (pc != NULL)
		pipeline_path_learn(lc, pc, port, meta);
	open_all(lc, batch);
	commit_all(lc, batch);
	rte_pktmbuf_free_seg(mbuf);
}

AEF_HOT static unsigned
rx_port(struct pipeline_lcore *lc, uint8_t port)
{
	struct rx_batch *batch = &lc->rxb;
	uint16_t nb_rx;

	batch->nb = dpio_burst_rx(&lc->ports[port], batch->mbufs, batch->metas, lc->now_ns, &nb_rx);
	batch->port = port;
	batch->handed = false;
	if (batch->nb > 0)
		pipeline_rx_burst(lc, batch);
	return nb_rx;
}

/* Handed-over frames are parsed again: cheaper than to carry what was found out. */
static unsigned
rx_mesh(struct pipeline_lcore *lc, uint8_t from)
{
	struct rx_batch *batch = &lc->rxb;
	struct rte_mbuf *mbufs[DPIO_BURST];
	const uint16_t nb = pipeline_handover_rx(lc, from, mbufs);

	for (uint32_t port = 0; nb > 0 && port < lc->nb_ports; port++) {
		uint16_t n = 0;

		for (uint16_t i = 0; i < nb; i++)
			if (mbufs[i]->port == port)
				batch->mbufs[n++] = mbufs[i];
		if (n == 0)
			continue;
		batch->nb = dpio_burst_classify(&lc->ports[port], batch->mbufs, n, batch->metas,
		                                lc->now_ns);
		batch->port = (uint8_t)port;
		batch->handed = true;
		pipeline_rx_burst(lc, batch);
	}
	return nb;
}

AEF_HOT unsigned
pipeline_rx(struct pipeline_lcore *lc)
{
	const struct pipeline_mesh *mesh = lc->conf.mesh;
	unsigned work = 0;

	for (uint32_t port = 0; port < lc->nb_ports; port++)
		work += rx_port(lc, (uint8_t)port);
	for (uint8_t from = 0; mesh != NULL && from < mesh->nb_lcores; from++)
		if (from != lc->conf.idx)
			work += rx_mesh(lc, from);
	return work;
}
