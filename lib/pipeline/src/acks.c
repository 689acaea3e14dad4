/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * acks.c - handshake ACKs: to the handshake thread and back, to a connection or a refusal.
 */
#include <protect/mem.h>

#include "lcore_priv.h"

#define DERIVED_MAX 8u /* connections made in one iteration */

/* What a further client is told. */
static enum quantum_busy
busy_reason(const struct pipeline_lcore *lc, const struct handshake *slot)
{
	const struct pipeline_handshaker *hs = lc->conf.handshaker;

	if (lc->shutting)
		return QUANTUM_BUSY_SHUTDOWN;
	if (aef_list_empty(&lc->free_slots) || lc->nb_workers == 0)
		return QUANTUM_BUSY_CONNS;
	if (hs != NULL && (slot == NULL || handshaker_loaded(hs)))
		return QUANTUM_BUSY_QUEUE;
	return QUANTUM_BUSY_NO;
}

/* Keys are there, or none came of it. @return NULL: final, counted; the slot is free again */
static struct pipeline_conn *
finish(struct pipeline_lcore *lc, struct handshake *h, const struct quantum_now *now)
{
	struct pipeline_conn *pc = h->pc;
	struct quantum_conn *conn;
	int rc = h->rc;

	if (rc < 0) {
		quantum_server_abandon(lc->server, &h->accept);
		pipeline_drop(lc, PIPELINE_VERDICT_DROP_KEYS);
	} else {
		rc = quantum_server_accept(lc->server, &h->accept, now, &conn);
		protect_forget();
		if (rc < 0)
			pipeline_drop(lc, PIPELINE_VERDICT_DROP_NO_SLOT);
	}
	if (rc < 0) {
		pipeline_slot_put(lc, pc);
		return NULL;
	}
	pipeline_conn_start(lc, pc, conn);
	return pc;
}

/* Keys by this lcore, at once: without a handshake thread. */
static struct pipeline_conn *
derive_here(struct pipeline_lcore *lc, struct handshake *h, const struct quantum_now *now)
{
	h->rc = lc->conf.derive != NULL
	                ? lc->conf.derive(lc->conf.ctx, lc->conf.provider, &h->accept)
	                : quantum_accept_derive(lc->conf.provider, &h->accept);
	return finish(lc, h, now);
}

/* To the handshake thread, and the datagram with it. */
static void
hold(struct pipeline_lcore *lc, struct rx_batch *batch, uint16_t i, struct handshake *h)
{
	h->mbuf = batch->pkts[i].mbuf; /* the slot owns it */
	h->meta = batch->metas[i];
	h->port = batch->port;
	h->lcore = lc->conf.idx;
	batch->pkts[i].mbuf = NULL;
	lc->stats.handshakes_held++;
	handshaker_push(lc->conf.handshaker, h);
}

/*
 * @return the connection whose protected part goes on through the burst, or NULL: it has its
 *         verdict, or is held
 */
static struct pipeline_conn *
on_ack(struct pipeline_lcore *lc, struct rx_batch *batch, uint16_t i, struct quantum_tx *reply)
{
	struct pipeline_handshaker *hs = lc->conf.handshaker;
	const struct quantum_now now = pipeline_now(lc);
	struct handshake *slot = hs != NULL ? handshaker_get(hs) : NULL;
	struct handshake *h = slot != NULL ? slot : &lc->own->handshake;
	struct pipeline_conn *pc = NULL;
	struct quantum_conn *conn;
	enum quantum_verdict verdict;

	quantum_server_set_busy(lc->server, busy_reason(lc, slot));
	verdict = quantum_server_on_ack(lc->server, &batch->pkts[i].rx, &now, &h->accept, &conn,
	                                reply);
	if (verdict == QUANTUM_VERDICT_ACCEPTED) {
		h->pc = pipeline_slot_get(lc);
		aef_assert(h->pc != NULL); /* busy_reason() looked */
		if (slot != NULL) {
			hold(lc, batch, i, slot);
			return NULL;
		}
		pc = derive_here(lc, h, &now);
	} else if (verdict == QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK) {
		pc = quantum_conn_user(conn);
	} else {
		pipeline_count(lc, verdict);
	}
	if (slot != NULL)
		handshaker_put(hs, slot);
	else
		crypto_wipe(h, sizeof(*h));
	return pc;
}

/* The server began to shut down while the ACK was held. */
static void
refuse_held(struct pipeline_lcore *lc, struct handshake *h)
{
	uint8_t scratch[WIRE_SYN_BYTES];
	struct quantum_tx reply = pipeline_reply_make(lc, scratch);

	pipeline_count(
		lc, quantum_server_refuse(lc->server, &h->accept, QUANTUM_BUSY_SHUTDOWN, &reply));
	pipeline_reply_send(lc, h->port, &h->meta, &reply, scratch);
	pipeline_slot_put(lc, h->pc);
}

unsigned
pipeline_derived(struct pipeline_lcore *lc)
{
	struct pipeline_handshaker *hs = lc->conf.handshaker;
	struct handshake *done[DERIVED_MAX];
	const struct quantum_now now = pipeline_now(lc);
	const uint64_t start_ns = delivery_now_ns(&lc->conf.clock);
	const unsigned nb = handshaker_done(hs, lc->conf.idx, done, DERIVED_MAX);

	for (unsigned i = 0; i < nb; i++) {
		struct handshake *h = done[i];
		struct pipeline_conn *pc = NULL;

		if (h->rc == 0 && lc->shutting)
			refuse_held(lc, h);
		else
			pc = finish(lc, h, &now);
		lc->stats.handshakes_held--;
		pipeline_rx_held(lc, pc, h->mbuf, &h->meta, h->port);
		handshaker_put(hs, h);
	}
	budget_charge(&lc->ack_budget, nb, delivery_now_ns(&lc->conf.clock) - start_ns);
	return nb;
}

void
pipeline_acks_admit(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	for (uint16_t i = 0; i < batch->nb; i++) {
		struct rx_pkt *pkt = &batch->pkts[i];
		enum quantum_verdict verdict;

		if (pkt->clas != WIRE_CLASS_ACK)
			continue;
		verdict = quantum_server_ack_admit(lc->server, &pkt->rx);
		if (verdict == QUANTUM_VERDICT_ACCEPTED)
			continue;
		pipeline_count(lc, verdict);
		pkt->done = true;
		batch->nb_acks--;
	}
}

unsigned
pipeline_acks(struct pipeline_lcore *lc, struct rx_batch *batch)
{
	const uint64_t held = lc->stats.handshakes_held;
	uint8_t scratch[WIRE_SYN_BYTES];
	unsigned nb = 0;

	for (uint16_t i = 0; i < batch->nb; i++) {
		struct rx_pkt *pkt = &batch->pkts[i];
		struct quantum_tx reply;

		if (pkt->clas != WIRE_CLASS_ACK || pkt->done)
			continue;
		if (!budget_has(&lc->ack_budget, nb)) {
			pipeline_drop(lc, PIPELINE_VERDICT_DROP_ACK_BUDGET);
			continue;
		}
		nb++;
		reply = pipeline_reply_make(lc, scratch);
		pkt->pc = on_ack(lc, batch, i, &reply);
		if (pkt->pc != NULL) /* the cookie proved the address */
			pipeline_path_learn(lc, pkt->pc, batch->port, &batch->metas[i]);
		pipeline_reply_send(lc, batch->port, &batch->metas[i], &reply, scratch);
	}
	if (lc->stats.handshakes_held > held) /* not for a forged one: this is a system call */
		handshaker_wake(lc->conf.handshaker);
	return nb;
}
