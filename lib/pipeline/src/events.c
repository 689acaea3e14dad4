/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_prefetch.h>

#include "lcore_priv.h"

#define UNSTALL_MAX 32u /* stalled connections looked at in one iteration */
#define DESCS_AHEAD 4u  /* descriptors asked for before their turn */

/* ---- engine to worker -------------------------------------------------------------------------
 */

static bool
deliver_connect(struct pipeline_conn *pc)
{
	const struct crypto_token *token = quantum_server_token(pc->conn);
	const struct quantum_addr *peer = quantum_conn_peer(pc->conn);
	struct delivery_desc *desc = delivery_desc_get(pc->worker, 0);

	if (desc == NULL)
		return false;
	desc->kind = DELIVERY_CONNECT;
	desc->conn = pc->handle;
	desc->len = 0;
	desc->identity = (struct delivery_identity){
		.session_id = token->session_id,
		.conn_id = token->conn_id,
		.tenant_id = token->tenant_id,
		.subject_id = token->subject_id,
		.caps = token->caps,
		.max_docs = token->max_docs,
		.port = peer->port,
	};
	memcpy(desc->identity.ip, peer->ip, sizeof(peer->ip));
	if (delivery_push(pc->worker, desc) != 0) {
		delivery_desc_put(pc->worker, desc);
		return false;
	}
	pc->connected = true;
	return true;
}

/* The references of the segments pass to the descriptor; nothing is copied but 24 bytes each. */
static void
slices_from_segs(struct delivery_desc *desc, const struct quantum_seg *seg)
{
	for (; desc != NULL; desc = desc->more)
		for (unsigned i = 0; i < desc->nb_here; i++, seg = seg->next)
			desc->slices[i] = (struct delivery_slice){ .data = seg->slice.data,
				                                   .mbuf = seg->slice.owner,
				                                   .len = seg->slice.len };
}

/* In more pieces than a descriptor chain can hold: nobody could ever take it. */
static void
refuse_scattered(struct pipeline_lcore *lc, struct pipeline_conn *pc, const struct quantum_msg *msg)
{
	for (const struct quantum_seg *seg = msg->segs; seg != NULL; seg = seg->next)
		if (seg->slice.owner != NULL)
			rte_pktmbuf_free_seg(seg->slice.owner);
	quantum_conn_consume(pc->conn, msg);
	quantum_conn_close(pc->conn, 0, "message in too many pieces", lc->now_ns);
	lc->stats.msgs_scattered++;
}

/* Descriptors come back from another core, so writing one means waiting for its lines: ask for them
 * some messages before their turn. */
AEF_HOT static void
descs_prefetch(const struct delivery_end *end)
{
	const struct rte_mempool_cache *cache =
		rte_mempool_default_cache(end->pool, rte_lcore_id());
	const uint8_t *desc;

	if (cache == NULL || cache->len < DESCS_AHEAD)
		return;
	desc = cache->objs[cache->len - DESCS_AHEAD];
	rte_prefetch0(desc);
	rte_prefetch0(desc + RTE_CACHE_LINE_SIZE);
}

AEF_HOT static bool
deliver_message(struct pipeline_lcore *lc, struct pipeline_conn *pc, const struct quantum_msg *msg)
{
	struct delivery_desc *desc;

	if (aef_unlikely(msg->nb_segs > lc->slices_max)) {
		refuse_scattered(lc, pc, msg);
		return true;
	}
	if (!delivery_has_credit(pc->worker, &pc->account, pc->slot, msg->len)) {
		pc->worker->stats.no_credit++;
		return false;
	}
	desc = delivery_desc_get(pc->worker, msg->nb_segs);
	if (desc == NULL)
		return false;
	descs_prefetch(pc->worker);
	desc->kind = DELIVERY_MESSAGE;
	desc->conn = pc->handle;
	desc->channel = msg->channel;
	desc->order = msg->order;
	desc->len = msg->len;
	desc->key = msg->key;
	desc->cookie = msg->message;
	slices_from_segs(desc, msg->segs);
	if (delivery_push(pc->worker, desc) != 0) {
		delivery_desc_put(pc->worker, desc); /* the references are still the event's */
		return false;
	}
	pc->account.bytes += msg->len;
	pc->account.msgs++;
	lc->stats.msgs_in++;
	quantum_conn_consume(pc->conn, msg);
	return true;
}

static bool
deliver_notice(struct pipeline_conn *pc, uint8_t kind, uint8_t flags, uint64_t cookie,
               enum delivery_why why)
{
	struct delivery_desc *desc = delivery_desc_get(pc->worker, 0);

	if (desc == NULL)
		return false;
	desc->kind = kind;
	desc->conn = pc->handle;
	desc->flags = flags;
	desc->len = 0;
	desc->cookie = cookie;
	desc->close.code = why;
	if (delivery_push(pc->worker, desc) == 0)
		return true;
	delivery_desc_put(pc->worker, desc);
	return false;
}

static enum delivery_why
why_of(enum quantum_close why)
{
	switch (why) {
	case QUANTUM_CLOSE_APP:
		return DELIVERY_WHY_CLOSED;
	case QUANTUM_CLOSE_IDLE:
		return DELIVERY_WHY_IDLE;
	default:
		return DELIVERY_WHY_ERROR;
	}
}

static void waiting_retry(struct pipeline_lcore *lc, struct pipeline_conn *pc);

/* @return false: no room, the event stays held */
AEF_HOT static bool
deliver(struct pipeline_lcore *lc, struct pipeline_conn *pc, const struct quantum_event *event)
{
	switch (event->type) {
	case QUANTUM_EVENT_MESSAGE:
		return deliver_message(lc, pc, &event->msg);
	case QUANTUM_EVENT_CONNECTED:
		return deliver_connect(pc);
	case QUANTUM_EVENT_SENT:
		return deliver_notice(pc, DELIVERY_SENT, event->sent.expired ? DELIVERY_EXPIRED : 0,
		                      event->sent.cookie, DELIVERY_WHY_CLOSED);
	case QUANTUM_EVENT_WRITABLE:
		waiting_retry(lc, pc);
		return true;
	case QUANTUM_EVENT_CLOSED:
		return deliver_notice(pc, DELIVERY_DISCONNECT, 0, 0, why_of(event->closed.why));
	default: /* PATH: learned from the packets themselves; BUSY: of clients only */
		return true;
	}
}

static void
stall(struct pipeline_lcore *lc, struct pipeline_conn *pc)
{
	if (!aef_list_empty(&pc->stalled))
		return;
	aef_list_append(&lc->stalled, &pc->stalled);
	lc->stats.stalls += !pc->waits;
	pc->waits = true;
}

AEF_HOT void
pipeline_events(struct pipeline_lcore *lc, struct pipeline_conn *pc)
{
	/*
	 * WRITABLE stands behind messages, and a message may wait for the worker, which waits for
	 * its replies to leave: so these are tried without being asked.
	 */
	if (aef_unlikely(pc->waiting.head != NULL))
		waiting_retry(lc, pc);
	for (;;) {
		if (!pc->has_held) {
			if (!quantum_conn_has_event(pc->conn))
				return;
			/* No room: leave the event where it is, so that the engine's credit,
			 * and with it the peer, feels it. */
			if (delivery_room(pc->worker) == 0) {
				stall(lc, pc);
				return;
			}
			if (quantum_conn_poll(pc->conn, &pc->held) != 0)
				return;
			pc->has_held = true;
		}
		if (!deliver(lc, pc, &pc->held)) {
			stall(lc, pc);
			return;
		}
		pc->has_held = false;
		pc->waits = false;
	}
}

void
pipeline_unstall(struct pipeline_lcore *lc)
{
	for (unsigned i = 0; i < UNSTALL_MAX && !aef_list_empty(&lc->stalled); i++) {
		struct pipeline_conn *pc =
			aef_list_entry(lc->stalled.next, struct pipeline_conn, stalled);

		aef_list_remove(&pc->stalled);
		if (pc->conn != NULL)
			pipeline_touch(lc, pc); /* stalls again when there still is no room */
	}
}

/* ---- worker to engine ---------------------------------------------------------------------------
 */

/* The engine has the message, or nobody wants it any more. */
static void
settle(struct pipeline_conn *pc, struct delivery_desc *desc)
{
	delivery_settle(pc->worker, pc->slot, desc->len);
	delivery_desc_put(pc->worker, desc);
}

/* @return false: the engine has no room now, WRITABLE will follow */
AEF_HOT static bool
send_one(struct pipeline_lcore *lc, struct pipeline_conn *pc, struct delivery_desc *desc)
{
	const struct quantum_send send = {
		.channel = desc->channel,
		.key = desc->key,
		.cookie = desc->cookie,
		.report = (desc->flags & DELIVERY_REPORT) != 0,
	};
	uint32_t nb = 0;
	int rc;

	for (const struct delivery_desc *d = desc; d != NULL; d = d->more)
		for (unsigned i = 0; i < d->nb_here; i++)
			lc->slices[nb++] = (struct quantum_slice){ .data = d->slices[i].data,
				                                   .len = d->slices[i].len,
				                                   .owner = d->slices[i].mbuf };
	rc = quantum_conn_send(pc->conn, &send, lc->slices, nb, lc->now_ns);
	if (rc == AEF_ERR_FULL)
		return false;
	if (rc == 0) {
		lc->stats.msgs_out++; /* the references are the engine's now */
	} else {
		lc->stats.msgs_refused += rc != AEF_ERR_CLOSED;
		lc->stats.msgs_late += rc == AEF_ERR_CLOSED;
		delivery_desc_release_mbufs(desc);
	}
	settle(pc, desc);
	return true;
}

static void
waiting_retry(struct pipeline_lcore *lc, struct pipeline_conn *pc)
{
	while (pc->waiting.head != NULL) {
		struct delivery_desc *next = pc->waiting.head->next;

		if (!send_one(lc, pc, pc->waiting.head))
			return;
		pc->waiting.head = next;
		pc->waiting.nb--;
		lc->stats.msgs_waiting--;
		if (next == NULL)
			pc->waiting.tail = NULL;
	}
}

void
pipeline_waiting_drop(struct pipeline_lcore *lc, struct pipeline_conn *pc)
{
	struct delivery_desc *desc;

	while ((desc = delivery_queue_pop(&pc->waiting)) != NULL) {
		lc->stats.msgs_waiting--;
		lc->stats.msgs_late++;
		delivery_desc_release_mbufs(desc);
		settle(pc, desc);
	}
}

AEF_HOT static void
on_send(struct pipeline_lcore *lc, struct pipeline_conn *pc, struct delivery_desc *desc)
{
	if (aef_unlikely(pc->conn == NULL)) {
		lc->stats.msgs_late++;
		delivery_desc_release_mbufs(desc);
		settle(pc, desc);
		return;
	}
	pipeline_touch(lc, pc);
	if (pc->waiting.head == NULL && send_one(lc, pc, desc))
		return;
	delivery_queue_push(&pc->waiting, desc); /* bounded by the connection's credit */
	lc->stats.msgs_waiting++;
}

static void
on_open(struct pipeline_lcore *lc, struct pipeline_conn *pc, struct delivery_desc *desc)
{
	const struct delivery_chan *c = &desc->chan;
	const struct quantum_chan_conf conf = {
		.order = c->order,
		.reliability = c->reliability,
		.priority = c->priority,
		.weight = c->weight,
		.tries = c->tries,
		.expedited = c->expedited,
		.deadline_ns = c->deadline_ns,
	};

	if (pc->conn != NULL && quantum_conn_open(pc->conn, desc->channel, &conf) != 0)
		lc->stats.opens_refused++;
	delivery_desc_put(pc->worker, desc);
}

static void
on_close(struct pipeline_lcore *lc, struct pipeline_conn *pc, struct delivery_desc *desc)
{
	if (pc->conn != NULL) {
		quantum_conn_close(pc->conn, desc->close.code, desc->close.reason, lc->now_ns);
		pipeline_touch(lc, pc);
	}
	delivery_desc_put(pc->worker, desc);
}

AEF_HOT static void
on_desc(struct pipeline_lcore *lc, struct delivery_desc *desc)
{
	const uint32_t slot = delivery_handle_slot(desc->conn);
	struct pipeline_conn *pc = &lc->conns[slot];

	/* A slot is used again only after GONE, the worker's last word about it. */
	aef_assert(slot < lc->conf.conns && pc->handle == desc->conn);
	switch (desc->kind) {
	case DELIVERY_SEND:
		on_send(lc, pc, desc);
		break;
	case DELIVERY_OPEN:
		on_open(lc, pc, desc);
		break;
	case DELIVERY_CLOSE:
		on_close(lc, pc, desc);
		break;
	default: /* GONE */
		delivery_desc_put(pc->worker, desc);
		pc->gone = true;
		pipeline_conn_end(lc, pc);
		break;
	}
}

AEF_HOT unsigned
pipeline_workers_rx(struct pipeline_lcore *lc)
{
	unsigned work = 0;

	for (uint32_t w = 0; w < lc->nb_workers; w++) {
		struct delivery_desc *descs[DELIVERY_BURST];
		const uint32_t nb = delivery_pop(lc->workers[w], descs, DELIVERY_BURST);

		for (uint32_t i = 0; i < nb; i++)
			rte_prefetch0(&lc->conns[delivery_handle_slot(descs[i]->conn)]);
		for (uint32_t i = 0; i < nb; i++)
			on_desc(lc, descs[i]);
		work += nb;
	}
	return work;
}
