/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore_priv.h"

static struct quantum_now
now_of(const struct pipeline_lcore *lc)
{
	return (struct quantum_now){ .ns = lc->now_ns,
		                     .unix_ms = delivery_unix_ms(&lc->conf.clock, lc->now_ns) };
}

static void
drop(struct pipeline_lcore *lc, enum pipeline_verdict verdict)
{
	lc->stats.verdicts[verdict]++;
}

/* The ACK is verified: keys, then the connection. @return NULL: dropped and counted */
static struct pipeline_conn *
accept_conn(struct pipeline_lcore *lc, struct quantum_accept *accept, const struct quantum_now *now)
{
	struct pipeline_conn *pc = pipeline_slot_get(lc);
	struct quantum_conn *conn;
	int rc;

	aef_assert(pc != NULL); /* on_ack looked */
	rc = lc->conf.derive != NULL ? lc->conf.derive(lc->conf.ctx, lc->conf.provider, accept)
	                             : quantum_accept_derive(lc->conf.provider, accept);
	if (rc < 0) {
		drop(lc, PIPELINE_VERDICT_DROP_KEYS);
	} else {
		rc = quantum_server_accept(lc->server, accept, now, &conn);
		if (rc < 0)
			drop(lc, PIPELINE_VERDICT_DROP_NO_SLOT);
	}
	if (rc < 0) {
		pipeline_slot_put(lc, pc);
		return NULL;
	}
	pipeline_conn_start(lc, pc, conn);
	return pc;
}

/* @return the connection whose protected part goes on through the burst, or NULL: final */
static struct pipeline_conn *
on_ack(struct pipeline_lcore *lc, const struct rx_pkt *pkt, struct quantum_tx *reply)
{
	const struct quantum_now now = now_of(lc);
	struct quantum_accept accept;
	struct pipeline_conn *pc = NULL;
	struct quantum_conn *conn;
	enum quantum_verdict verdict;

	if (aef_list_empty(&lc->free_slots) || lc->nb_workers == 0) {
		drop(lc, PIPELINE_VERDICT_DROP_NO_SLOT); /* before its token is consumed */
		return NULL;
	}
	verdict = quantum_server_on_ack(lc->server, &pkt->rx, &now, &accept, &conn, reply);
	if (verdict == QUANTUM_VERDICT_ACCEPTED)
		pc = accept_conn(lc, &accept, &now);
	else if (verdict == QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK)
		pc = quantum_conn_user(conn);
	else
		pipeline_count(lc, verdict);
	crypto_wipe(&accept, sizeof(accept));
	return pc;
}

void
pipeline_stray(struct pipeline_lcore *lc, struct rx_batch *batch, uint16_t i)
{
	struct rx_pkt *pkt = &batch->pkts[i];
	struct rte_mbuf *mbuf = pipeline_spare(lc);
	struct quantum_tx reply;
	uint8_t scratch[WIRE_SYN_BYTES];

	if (lc->shutting && (pkt->clas == WIRE_CLASS_SYN || pkt->clas == WIRE_CLASS_ACK)) {
		drop(lc, PIPELINE_VERDICT_DROP_SHUTTING);
		return;
	}
	/* Without a buffer the datagram is judged all the same; only the answer is lost. */
	reply = (struct quantum_tx){ .data = scratch, .cap = sizeof(scratch) };
	if (mbuf != NULL) {
		reply.data = rte_pktmbuf_mtod(mbuf, uint8_t *);
		reply.cap = rte_pktmbuf_tailroom(mbuf);
	}
	if (pkt->clas == WIRE_CLASS_ACK) {
		pkt->pc = on_ack(lc, pkt, &reply);
		if (pkt->pc != NULL) /* the cookie proved the address */
			pipeline_path_learn(lc, pkt->pc, batch->port, &batch->metas[i]);
	} else {
		const struct quantum_now now = now_of(lc);

		pipeline_count(lc, quantum_server_on_stray(lc->server, &pkt->rx, &pkt->hdr,
		                                           pkt->clas, &now, &reply));
	}
	if (reply.len > 0 && mbuf != NULL)
		pipeline_reply(lc, batch->port, &batch->metas[i], &reply);
}
