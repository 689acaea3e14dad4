/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker_priv.h"

#define WRITABLE_MAX 32u /* connections told in one iteration */

static_assert((int)SERVICE_GONE_CLOSED == (int)DELIVERY_WHY_CLOSED &&
                      (int)SERVICE_GONE_IDLE == (int)DELIVERY_WHY_IDLE &&
                      (int)SERVICE_GONE_ERROR == (int)DELIVERY_WHY_ERROR,
              "the two enumerations say the same");
static_assert(SERVICE_SLICES_MAX == DELIVERY_SLICES_MAX, "one bound on both sides");

struct worker_conn *
worker_conn_find(struct worker *worker, struct service_conn conn, struct worker_link **ret_link)
{
	const uint8_t nr = worker->link_of[delivery_handle_lcore(conn.id)];
	const uint32_t slot = delivery_handle_slot(conn.id);
	struct worker_link *link;

	if (nr == 0)
		return NULL;
	link = &worker->links[nr - 1];
	if (slot >= link->end->slots || link->conns[slot].handle != conn.id || conn.id == 0)
		return NULL;
	*ret_link = link;
	return &link->conns[slot];
}

static void
on_connect(struct worker *worker, struct worker_link *link, const struct delivery_desc *desc)
{
	const struct delivery_identity *from = &desc->identity;
	const uint32_t slot = delivery_handle_slot(desc->conn);
	const struct service_conn conn = { desc->conn };
	struct worker_conn *wc = &link->conns[slot];
	struct service_identity id = {
		.session_id = from->session_id,
		.conn_id = from->conn_id,
		.tenant_id = from->tenant_id,
		.subject_id = from->subject_id,
		.caps = from->caps,
		.max_docs = from->max_docs,
		.port = from->port,
	};

	aef_assert(wc->handle == 0); /* its slot is used again only after our GONE */
	memcpy(id.ip, from->ip, sizeof(id.ip));
	wc->handle = desc->conn;
	wc->user = NULL;
	delivery_account_init(link->end, &wc->account, slot);
	worker->stats.connects++;
	worker->conf.service->on_connect(worker->svc, conn, &id, &worker->now, &wc->user);
}

void
worker_note_refused(struct worker *worker, struct worker_conn *wc)
{
	if (aef_list_empty(&wc->refused))
		aef_list_append(&worker->refused, &wc->refused);
}

/* @return false: the service did not take it, so its credit stays in use */
AEF_HOT static bool
offer(struct worker *worker, struct worker_link *link, struct worker_conn *wc,
      const struct delivery_desc *desc)
{
	struct service_msg msg = {
		.channel = desc->channel,
		.order = desc->order,
		.len = desc->len,
		.number = desc->cookie,
		.key = desc->key,
		.slices = worker->slices,
	};

	for (const struct delivery_desc *d = desc; d != NULL; d = d->more)
		for (unsigned i = 0; i < d->nb_here; i++)
			worker->slices[msg.nb_slices++] =
				(struct service_slice){ .data = d->slices[i].data,
				                        .len = d->slices[i].len,
				                        .owner = d->slices[i].mbuf };
	worker->hold = false;
	worker->conf.service->on_message(worker->svc, (struct service_conn){ desc->conn }, wc->user,
	                                 &msg, &worker->now);
	if (worker->hold) {
		worker->stats.holds++;
		return false;
	}
	worker->stats.msgs_in++;
	worker->stats.bytes_in += desc->len;
	delivery_settle(link->end, delivery_handle_slot(desc->conn), desc->len);
	return true;
}

/* Takes the descriptor. What is held is bounded by the connection's credit. */
AEF_HOT static void
on_message(struct worker *worker, struct worker_link *link, struct worker_conn *wc,
           struct delivery_desc *desc)
{
	if (aef_likely(wc->held.nb == 0) && offer(worker, link, wc, desc)) {
		delivery_desc_drop(link->end, desc);
		return;
	}
	delivery_queue_push(&wc->held, desc);
	worker_note_refused(worker, wc);
}

/* @return true when nothing is held any more */
static bool
offer_held(struct worker *worker, struct worker_link *link, struct worker_conn *wc)
{
	while (wc->held.head != NULL) {
		if (!offer(worker, link, wc, wc->held.head))
			return false;
		delivery_desc_drop(link->end, delivery_queue_pop(&wc->held));
	}
	return true;
}

void
worker_held_drop(struct worker_link *link, struct worker_conn *wc)
{
	struct delivery_desc *desc;

	while ((desc = delivery_queue_pop(&wc->held)) != NULL) {
		delivery_settle(link->end, delivery_handle_slot(desc->conn), desc->len);
		delivery_desc_drop(link->end, desc);
	}
}

/* The descriptor goes back as GONE: the last word can never fail for want of one. */
static void
on_disconnect(struct worker *worker, struct worker_link *link, struct worker_conn *wc,
              struct delivery_desc *desc)
{
	const struct service_conn conn = { desc->conn };

	worker->stats.disconnects++;
	worker_held_drop(link, wc);
	worker->conf.service->on_disconnect(worker->svc, conn, wc->user,
	                                    (enum service_gone)desc->close.code, &worker->now);
	wc->handle = 0;
	wc->user = NULL;
	aef_list_remove(&wc->refused);
	desc->kind = DELIVERY_GONE;
	worker_push(worker, link, desc);
}

AEF_HOT void
worker_on_desc(struct worker *worker, struct worker_link *link, struct delivery_desc *desc)
{
	const struct service_ops *service = worker->conf.service;
	const struct service_conn conn = { desc->conn };
	struct worker_conn *wc = &link->conns[delivery_handle_slot(desc->conn)];

	aef_assert_hot(delivery_handle_slot(desc->conn) < link->end->slots);
	if (desc->kind == DELIVERY_CONNECT) {
		on_connect(worker, link, desc);
	} else if (aef_unlikely(wc->handle != desc->conn)) {
		worker->stats.stale++;
	} else if (aef_likely(desc->kind == DELIVERY_MESSAGE)) {
		on_message(worker, link, wc, desc);
		return;
	} else if (desc->kind == DELIVERY_DISCONNECT) {
		on_disconnect(worker, link, wc, desc);
		return;
	} else if (desc->kind == DELIVERY_SENT && service->on_sent != NULL) {
		service->on_sent(worker->svc, conn, wc->user, desc->cookie,
		                 (desc->flags & DELIVERY_EXPIRED) != 0, &worker->now);
	}
	delivery_desc_drop(link->end, desc);
}

AEF_HOT void
worker_push(struct worker *worker, struct worker_link *link, struct delivery_desc *desc)
{
	if (aef_likely(link->backlog.nb == 0) && delivery_push(link->end, desc) == 0)
		return;
	delivery_queue_push(&link->backlog, desc);
	worker->stats.backlog++;
	worker->stats.backlog_high = aef_max_u64(worker->stats.backlog_high, worker->stats.backlog);
}

AEF_HOT unsigned
worker_backlog(struct worker *worker)
{
	unsigned nb = 0;

	for (uint32_t i = 0; i < worker->nb_links; i++) {
		struct worker_link *link = &worker->links[i];

		while (link->backlog.nb > 0 && delivery_room(link->end) > 0) {
			const int rc = delivery_push(link->end, delivery_queue_pop(&link->backlog));

			aef_assert(rc == 0); /* there was room */
			nb++;
		}
	}
	worker->stats.backlog -= nb;
	return nb;
}

/*
 * Half of the credit must be back: otherwise every small acknowledgement would wake the service. A
 * held message waits for room for an answer as long as itself, so that it is not offered in vain.
 */
static bool
has_room(const struct worker_link *link, const struct worker_conn *wc)
{
	const uint32_t slot = delivery_handle_slot(wc->handle);
	const uint32_t credit = link->end->credit_bytes;
	uint32_t need = credit / 2;

	if (wc->held.head != NULL)
		need = RTE_MAX(need, RTE_MIN(credit, wc->held.head->len));
	return link->backlog.nb == 0 && delivery_credit_left(link->end, &wc->account, slot) >= need;
}

unsigned
worker_writable(struct worker *worker)
{
	const struct service_ops *service = worker->conf.service;
	struct aef_list *at = worker->refused.next;
	unsigned nb = 0;

	for (unsigned i = 0; i < WRITABLE_MAX && at != &worker->refused; i++) {
		struct worker_conn *wc = aef_list_entry(at, struct worker_conn, refused);
		const struct service_conn conn = { wc->handle };
		struct worker_link *link;

		at = at->next;
		if (worker_conn_find(worker, conn, &link) == NULL || !has_room(link, wc))
			continue;
		aef_list_remove(&wc->refused);
		nb++;
		if (!offer_held(worker, link, wc))
			worker_note_refused(worker, wc);
		else if (service->on_writable != NULL)
			service->on_writable(worker->svc, conn, wc->user, &worker->now);
	}
	return nb;
}
