/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore_priv.h"

AEF_HOT struct rte_mbuf *
pipeline_spare(struct pipeline_lcore *lc)
{
	if (lc->spare == NULL && lc->nb_ports > 0) {
		lc->spare = dpio_burst_alloc(&lc->ports[0]);
		lc->stats.tx_no_mbuf += lc->spare == NULL;
	}
	return lc->spare;
}

AEF_HOT void
pipeline_spare_used(struct pipeline_lcore *lc)
{
	lc->spare = NULL;
}

/* Takes the mbuf. @return true when the port took it */
AEF_HOT static bool
push(struct pipeline_lcore *lc, uint8_t port, struct rte_mbuf *mbuf, const struct net_path *path,
     const struct quantum_tx *tx)
{
	mbuf->data_len = (uint16_t)tx->len;
	mbuf->pkt_len = tx->len;
	if (dpio_burst_push(&lc->ports[port], mbuf, path, tx->ecn) != 0) {
		lc->stats.tx_refused++;
		return false;
	}
	lc->stats.tx_pkts++;
	lc->stats.tx_bytes += tx->len;
	return true;
}

struct quantum_tx
pipeline_reply_make(struct pipeline_lcore *lc, uint8_t scratch[WIRE_SYN_BYTES])
{
	struct rte_mbuf *mbuf = pipeline_spare(lc);

	if (mbuf == NULL)
		return (struct quantum_tx){ .data = scratch, .cap = WIRE_SYN_BYTES };
	return (struct quantum_tx){ .data = rte_pktmbuf_mtod(mbuf, uint8_t *),
		                    .cap = rte_pktmbuf_tailroom(mbuf) };
}

void
pipeline_reply_send(struct pipeline_lcore *lc, uint8_t port, const struct net_meta *meta,
                    const struct quantum_tx *reply, const uint8_t *scratch)
{
	struct net_path path;
	struct rte_mbuf *mbuf = lc->spare;

	if (reply->len == 0 || reply->data == scratch)
		return;
	pipeline_spare_used(lc);
	net_path_reply(&path, lc->ports[port].local, meta);
	if (push(lc, port, mbuf, &path, reply))
		lc->stats.tx_replies++;
}

/* Seal what was built, put headers before it, queue it. */
AEF_HOT static void
seal_and_send(struct pipeline_lcore *lc)
{
	const struct crypto_provider *provider = lc->conf.provider;
	struct tx_batch *batch = &lc->txb;
	struct crypto_op ops[DPIO_BURST];
	unsigned nb = 0;

	for (uint16_t i = 0; i < batch->nb; i++)
		if (batch->pkts[i].tx.needs_seal)
			ops[nb++] = batch->pkts[i].tx.op;
	if (nb > 0)
		provider->seal(provider->ctx, ops, nb);
	for (uint16_t i = 0; i < batch->nb; i++) {
		const struct quantum_tx *tx = &batch->pkts[i].tx;
		struct pipeline_conn *pc = batch->pkts[i].pc;
		const int path = pipeline_path_find(pc, &tx->to);
		bool sent = false;

		if (aef_likely(path >= 0)) {
			sent = push(lc, pc->path_port[path], batch->pkts[i].mbuf, &pc->paths[path],
			            tx);
		} else {
			lc->stats.tx_no_path++;
			rte_pktmbuf_free(batch->pkts[i].mbuf);
		}
		quantum_conn_tx_commit(pc->conn, tx, sent);
	}
	batch->nb = 0;
}

/* Build what the connection may send now. @return false: there may be more */
AEF_HOT static bool
build(struct pipeline_lcore *lc, struct pipeline_conn *pc, uint16_t *ret_built)
{
	struct tx_batch *batch = &lc->txb;
	uint16_t built = 0;
	bool done = false;

	while (built < lc->conf.tx_per_conn) {
		struct rte_mbuf *mbuf = pipeline_spare(lc);
		struct quantum_tx *tx = &batch->pkts[batch->nb].tx;

		if (mbuf == NULL)
			break;
		tx->data = rte_pktmbuf_mtod(mbuf, uint8_t *);
		tx->cap = RTE_MIN((uint32_t)lc->conf.payload_max,
		                  (uint32_t)rte_pktmbuf_tailroom(mbuf));
		tx->len = 0;
		tx->needs_seal = false;
		if (quantum_conn_tx_prepare(pc->conn, tx, lc->now_ns) == 0) {
			done = true;
			break;
		}
		batch->pkts[batch->nb].mbuf = mbuf; /* the batch owns it */
		batch->pkts[batch->nb].pc = pc;
		pipeline_spare_used(lc);
		built++;
		if (++batch->nb == DPIO_BURST)
			seal_and_send(lc);
	}
	*ret_built = built;
	return done;
}

/* Lazily: a timer that fires too early asks again, so it is moved only to an earlier time. */
AEF_HOT static void
arm(struct pipeline_lcore *lc, struct pipeline_conn *pc, uint16_t built)
{
	uint64_t deadline = quantum_conn_deadline_ns(pc->conn);

	/* It would send, but a pool is empty or the peer's credit is: not in every iteration. */
	if (deadline <= lc->now_ns && built == 0)
		deadline = lc->now_ns + BLOCKED_NS;
	pc->deadline_ns = deadline;
	if (deadline < pc->timer.expires_ns)
		timer_wheel_arm(&lc->wheel, &pc->timer, deadline);
}

AEF_HOT unsigned
pipeline_serve(struct pipeline_lcore *lc)
{
	struct pipeline_conn *served[SERVICE_MAX];
	unsigned nb = 0;

	while (lc->nb_touched > 0 && nb < SERVICE_MAX) {
		struct pipeline_conn *pc =
			aef_list_entry(lc->touched.next, struct pipeline_conn, touched);

		aef_list_remove(&pc->touched);
		lc->nb_touched--;
		served[nb++] = pc;
	}
	for (unsigned i = 0; i < nb; i++) {
		struct pipeline_conn *pc = served[i];
		uint16_t built;

		pipeline_events(lc, pc);
		if (!build(lc, pc, &built))
			pipeline_touch(lc, pc); /* goes on in the next iteration */
		else
			arm(lc, pc, built);
	}
	if (lc->txb.nb > 0)
		seal_and_send(lc);
	/* Only now: a datagram in the batch points at its connection. */
	for (unsigned i = 0; i < nb; i++)
		if (aef_unlikely(quantum_conn_finished(served[i]->conn)))
			pipeline_conn_end(lc, served[i]);
	return nb;
}
