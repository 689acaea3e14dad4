/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker_priv.h"

static int
refuse(struct worker *worker, struct worker_conn *wc, uint64_t *counter)
{
	worker_note_refused(worker, wc);
	(*counter)++;
	return AEF_ERR_FULL;
}

/* One reference of each owner goes with the descriptor. */
AEF_HOT static void
slices_fill(struct delivery_desc *desc, const struct service_slice *slices)
{
	for (; desc != NULL; desc = desc->more) {
		for (unsigned i = 0; i < desc->nb_here; i++, slices++) {
			if (slices->owner != NULL)
				rte_mbuf_refcnt_update(slices->owner, 1);
			desc->slices[i] = (struct delivery_slice){ .data = slices->data,
				                                   .mbuf = slices->owner,
				                                   .len = slices->len };
		}
	}
}

AEF_HOT static int
reply_send(void *ctx, struct service_conn conn, const struct service_send *send,
           const struct service_slice *slices, uint32_t nb)
{
	struct worker *worker = ctx;
	struct worker_link *link;
	struct worker_conn *wc = worker_conn_find(worker, conn, &link);
	struct delivery_desc *desc;
	uint64_t len = 0;

	if (wc == NULL) {
		worker->stats.refused_closed++;
		return AEF_ERR_CLOSED;
	}
	for (uint32_t i = 0; i < nb; i++)
		len += slices[i].len;
	if (nb > SERVICE_SLICES_MAX || len > UINT32_MAX)
		return AEF_ERR_LIMIT;
	if (!delivery_has_credit(link->end, &wc->account, delivery_handle_slot(conn.id),
	                         (uint32_t)len)) {
		link->end->stats.no_credit++;
		return refuse(worker, wc, &worker->stats.refused_credit);
	}
	desc = delivery_desc_get(link->end, nb);
	if (desc == NULL)
		return refuse(worker, wc, &worker->stats.refused_desc);
	desc->kind = DELIVERY_SEND;
	desc->conn = conn.id;
	desc->channel = send->channel;
	desc->flags = send->report ? DELIVERY_REPORT : 0;
	desc->key = send->key;
	desc->cookie = send->cookie;
	desc->len = (uint32_t)len;
	slices_fill(desc, slices);
	wc->account.bytes += len;
	wc->account.msgs++;
	worker->stats.msgs_out++;
	worker->stats.bytes_out += len;
	worker_push(worker, link, desc);
	return 0;
}

/* A notice about a live connection: no bytes, no credit. @return NULL: @p ret_err says why */
static struct delivery_desc *
notice(struct worker *worker, struct service_conn conn, enum delivery_kind kind,
       struct worker_link **ret_link, int *ret_err)
{
	struct worker_conn *wc = worker_conn_find(worker, conn, ret_link);
	struct delivery_desc *desc;

	*ret_err = 0;
	if (wc == NULL) {
		*ret_err = AEF_ERR_CLOSED;
		return NULL;
	}
	desc = delivery_desc_get((*ret_link)->end, 0);
	if (desc == NULL) {
		*ret_err = refuse(worker, wc, &worker->stats.refused_desc);
		return NULL;
	}
	desc->kind = (uint8_t)kind;
	desc->conn = conn.id;
	desc->len = 0;
	return desc;
}

static int
reply_open(void *ctx, struct service_conn conn, uint16_t channel, const struct service_chan *chan)
{
	struct worker_link *link;
	int err;
	struct delivery_desc *desc = notice(ctx, conn, DELIVERY_OPEN, &link, &err);

	if (desc == NULL)
		return err;
	desc->channel = channel;
	desc->chan = (struct delivery_chan){
		.order = chan->order,
		.reliability = chan->reliability,
		.priority = chan->priority,
		.weight = chan->weight,
		.tries = chan->tries,
		.expedited = chan->expedited,
		.deadline_ns = chan->deadline_ns,
	};
	worker_push(ctx, link, desc);
	return 0;
}

static int
reply_close(void *ctx, struct service_conn conn, uint64_t code, const char *reason)
{
	struct worker_link *link;
	int err;
	struct delivery_desc *desc = notice(ctx, conn, DELIVERY_CLOSE, &link, &err);
	size_t len = reason != NULL ? strlen(reason) : 0;

	if (desc == NULL)
		return err;
	if (len >= sizeof(desc->close.reason))
		len = sizeof(desc->close.reason) - 1;
	desc->close.code = code;
	if (len > 0)
		memcpy(desc->close.reason, reason, len);
	desc->close.reason[len] = '\0';
	worker_push(ctx, link, desc);
	return 0;
}

static void
reply_hold(void *ctx)
{
	struct worker *worker = ctx;

	worker->hold = true;
}

static uint64_t
reply_room(void *ctx, struct service_conn conn)
{
	struct worker_link *link;
	const struct worker_conn *wc = worker_conn_find(ctx, conn, &link);

	return wc != NULL ? delivery_credit_left(link->end, &wc->account,
	                                         delivery_handle_slot(conn.id))
	                  : 0;
}

struct service_reply_ops
worker_reply_ops(struct worker *worker)
{
	return (struct service_reply_ops){ .send = reply_send,
		                           .open = reply_open,
		                           .close = reply_close,
		                           .room = reply_room,
		                           .hold = reply_hold,
		                           .ctx = worker };
}

static void *
buf_alloc(void *ctx, uint8_t **ret_data, uint32_t *ret_cap)
{
	struct worker *worker = ctx;
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->conf.replies);

	if (mbuf == NULL) {
		worker->stats.no_buf++;
		return NULL;
	}
	*ret_data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	*ret_cap = rte_pktmbuf_tailroom(mbuf);
	return mbuf;
}

static void
buf_ref(void *ctx, void *buf)
{
	(void)ctx;
	rte_mbuf_refcnt_update(buf, 1);
}

static void
buf_put(void *ctx, void *buf)
{
	(void)ctx;
	rte_pktmbuf_free_seg(buf);
}

struct service_buf_ops
worker_buf_ops(struct worker *worker)
{
	return (struct service_buf_ops){
		.alloc = buf_alloc,
		.ref = buf_ref,
		.put = buf_put,
		.cap_bytes = (uint32_t)rte_pktmbuf_data_room_size(worker->conf.replies) -
		             RTE_PKTMBUF_HEADROOM,
		.ctx = worker,
	};
}
