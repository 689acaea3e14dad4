/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore_priv.h"

#define SYN_NUMBERS_AT 22u /* sequence and ack */
#define SYN_ZEROS_AT   (WIRE_HEADER_BYTES + WIRE_RANDOM_BYTES + WIRE_TOKEN_BYTES)
#define SYN_ZEROS_TAIL ((WIRE_SYN_BYTES - SYN_ZEROS_AT) % 8u)

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
		quantum_server_abandon(lc->server, accept);
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

/* An empty buffer to answer from; without one the datagram is judged all the same. */
static struct quantum_tx
reply_make(struct pipeline_lcore *lc, uint8_t scratch[WIRE_SYN_BYTES])
{
	struct rte_mbuf *mbuf = pipeline_spare(lc);

	if (mbuf == NULL)
		return (struct quantum_tx){ .data = scratch, .cap = WIRE_SYN_BYTES };
	return (struct quantum_tx){ .data = rte_pktmbuf_mtod(mbuf, uint8_t *),
		                    .cap = rte_pktmbuf_tailroom(mbuf) };
}

static void
reply_send(struct pipeline_lcore *lc, const struct rx_batch *batch, uint16_t i,
           const struct quantum_tx *reply, const uint8_t *scratch)
{
	if (reply->len > 0 && reply->data != scratch)
		pipeline_reply(lc, batch->port, &batch->metas[i], reply);
}

unsigned
pipeline_acks(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	uint8_t scratch[WIRE_SYN_BYTES];
	unsigned nb = 0;

	for (uint16_t i = 0; i < batch->nb; i++) {
		struct rx_pkt *pkt = &batch->pkts[i];
		struct quantum_tx reply;

		if (pkt->clas != WIRE_CLASS_ACK)
			continue;
		if (lc->shutting) {
			drop(lc, PIPELINE_VERDICT_DROP_SHUTTING);
			continue;
		}
		if (!budget_has(&lc->ack_budget, nb)) {
			drop(lc, PIPELINE_VERDICT_DROP_ACK_BUDGET);
			continue;
		}
		nb++;
		reply = reply_make(lc, scratch);
		pkt->pc = on_ack(lc, pkt, &reply);
		if (pkt->pc != NULL) /* the cookie proved the address */
			pipeline_path_learn(lc, pkt->pc, batch->port, &batch->metas[i]);
		reply_send(lc, batch, i, &reply, scratch);
	}
	return nb;
}

/* What is no SYN by its zero fields is refused before the budget: it costs less than that.
 */
static bool
syn_zeros(const uint8_t *data)
{
	uint64_t any = 0, word;

	static_assert((WIRE_SYN_BYTES - SYN_ZEROS_AT) % sizeof(word) == SYN_ZEROS_TAIL, "no rest");
	memcpy(&word, data + SYN_NUMBERS_AT, sizeof(word));
	any |= word;
	memcpy(&word, data + SYN_ZEROS_AT, sizeof(word));
	any |= word;
	for (unsigned at = SYN_ZEROS_AT + SYN_ZEROS_TAIL; at < WIRE_SYN_BYTES; at += sizeof(word)) {
		memcpy(&word, data + at, sizeof(word));
		any |= word;
	}
	return any == 0;
}

/* What may be answered costs something; all else is counted for less than a drop would save. */
static bool
stray_may_cost(enum wire_class clas)
{
	return clas == WIRE_CLASS_SYN || clas == WIRE_CLASS_PROTECTED ||
	       clas == WIRE_CLASS_UNKNOWN_VERSION;
}

/* What is decided before the budget, and by it. @return false: it has its verdict */
static bool
stray_admit(struct pipeline_lcore *lc, const struct rx_pkt *pkt, unsigned nb)
{
	const bool is_syn = pkt->clas == WIRE_CLASS_SYN;

	if (lc->shutting && is_syn) {
		drop(lc, PIPELINE_VERDICT_DROP_SHUTTING);
	} else if (is_syn && !syn_zeros(pkt->rx.data)) {
		pipeline_count(lc, QUANTUM_VERDICT_BAD_LENGTH);
	} else if (stray_may_cost(pkt->clas) && !budget_has(&lc->syn_budget, nb)) {
		drop(lc, is_syn ? PIPELINE_VERDICT_DROP_SYN_BUDGET
		                : PIPELINE_VERDICT_DROP_STRANGER_BUDGET);
	} else {
		return true;
	}
	return false;
}

unsigned
pipeline_strays(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	const struct quantum_now now = now_of(lc);
	uint8_t scratch[WIRE_SYN_BYTES];
	unsigned nb = 0;

	for (uint16_t i = 0; i < batch->nb; i++) {
		const struct rx_pkt *pkt = &batch->pkts[i];
		struct quantum_tx reply;

		if (pkt->done || pkt->mbuf == NULL || pkt->clas == WIRE_CLASS_ACK ||
		    !stray_admit(lc, pkt, nb))
			continue;
		nb += stray_may_cost(pkt->clas);
		reply = reply_make(lc, scratch);
		pipeline_count(lc, quantum_server_on_stray(lc->server, &pkt->rx, &pkt->hdr,
		                                           pkt->clas, &now, &reply));
		reply_send(lc, batch, i, &reply, scratch);
	}
	return nb;
}
