/* SPDX-License-Identifier: BSD-3-Clause */
#include <protect/mem.h>

#include "lcore_priv.h"

#define DERIVED_MAX    8u  /* connections made in one iteration */
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
		drop(lc, PIPELINE_VERDICT_DROP_KEYS);
	} else {
		rc = quantum_server_accept(lc->server, &h->accept, now, &conn);
		protect_forget();
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
	const struct quantum_now now = now_of(lc);
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

/* The server began to shut down while the ACK was held. */
static void
refuse_held(struct pipeline_lcore *lc, struct handshake *h)
{
	uint8_t scratch[WIRE_SYN_BYTES];
	struct quantum_tx reply = reply_make(lc, scratch);

	pipeline_count(
		lc, quantum_server_refuse(lc->server, &h->accept, QUANTUM_BUSY_SHUTDOWN, &reply));
	if (reply.len > 0 && reply.data != scratch)
		pipeline_reply(lc, h->port, &h->meta, &reply);
	pipeline_slot_put(lc, h->pc);
}

unsigned
pipeline_derived(struct pipeline_lcore *lc)
{
	struct pipeline_handshaker *hs = lc->conf.handshaker;
	struct handshake *done[DERIVED_MAX];
	const struct quantum_now now = now_of(lc);
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
			drop(lc, PIPELINE_VERDICT_DROP_ACK_BUDGET);
			continue;
		}
		nb++;
		reply = reply_make(lc, scratch);
		pkt->pc = on_ack(lc, batch, i, &reply);
		if (pkt->pc != NULL) /* the cookie proved the address */
			pipeline_path_learn(lc, pkt->pc, batch->port, &batch->metas[i]);
		reply_send(lc, batch, i, &reply, scratch);
	}
	if (lc->stats.handshakes_held > held) /* not for a forged one: this is a system call */
		handshaker_wake(lc->conf.handshaker);
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
