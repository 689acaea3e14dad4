/* SPDX-License-Identifier: BSD-3-Clause */
#include "direct.h"

#include <stdlib.h>

#include <base/err.h>
#include <base/rng.h>
#include <protect/mem.h>
#include <wire/header.h>

#include "direct_priv.h"

#define BURST      32u
#define SERVED_MAX 128u
#define BLOCKED_NS (100 * AEF_NS_PER_US)

struct sending {
	struct quantum_tx tx;
	struct rte_mbuf *mbuf;
	struct direct_conn *dc;
};

void
direct_push(struct direct_queue *queue, void *item)
{
	aef_assert(queue->tail - queue->head < DIRECT_QUEUE);
	queue->items[queue->tail++ % DIRECT_QUEUE] = item;
}

void *
direct_pop(struct direct_queue *queue)
{
	return queue->head != queue->tail ? queue->items[queue->head++ % DIRECT_QUEUE] : NULL;
}

struct direct_item *
direct_item_make(enum direct_kind kind, uint64_t conn, uint32_t nb_slices)
{
	struct direct_item *item = calloc(1, sizeof(*item));

	aef_assert(item != NULL);
	item->slices = calloc(nb_slices + 1, sizeof(*item->slices));
	aef_assert(item->slices != NULL);
	item->kind = kind;
	item->conn = conn;
	item->nb_slices = nb_slices;
	return item;
}

void
direct_item_free(struct direct_item *item, bool references)
{
	for (uint32_t i = 0; references && i < item->nb_slices; i++)
		lab_buf_put(NULL, item->slices[i].owner);
	free(item->slices);
	free(item);
}

struct direct_conn *
direct_find(struct lab_direct *d, uint64_t handle)
{
	struct direct_conn *dc = &d->conns[delivery_handle_slot(handle)];

	return dc->handle == handle ? dc : NULL;
}

static void
touch(struct lab_direct *d, struct direct_conn *dc)
{
	if (!aef_list_empty(&dc->touched))
		return;
	aef_list_append(&d->touched, &dc->touched);
	d->nb_touched++;
}

static struct quantum_now
now_of(const struct lab_direct *d)
{
	return (struct quantum_now){ d->now_ns, delivery_unix_ms(&d->conf.clock, d->now_ns) };
}

/* ---- datagrams in -----------------------------------------------------------------------------
 */

struct direct_rx {
	struct quantum_rx rx;
	struct net_meta meta;
	struct wire_header hdr;
	struct rte_mbuf *mbuf;
	enum wire_class clas;
	struct direct_conn *dc;
};

/* Header before the datagram in @p mbuf, then to the clients. */
static void
send_frame(struct lab_direct *d, struct rte_mbuf *mbuf, const struct net_path *path,
           const struct quantum_tx *tx)
{
	(void)rte_pktmbuf_append(mbuf, (uint16_t)tx->len); /* at most its tailroom */
	(void)rte_pktmbuf_prepend(mbuf,
	                          net_tx_build(path, tx->data, (uint16_t)tx->len, tx->ecn, false));
	direct_push(&d->tx, mbuf);
}

static struct direct_conn *
conn_start(struct lab_direct *d, struct quantum_conn *conn)
{
	struct direct_conn *dc = aef_list_entry(d->free.next, struct direct_conn, free);

	aef_list_remove(&dc->free);
	dc->generation++;
	dc->conn = conn;
	dc->handle = delivery_handle(0, dc->slot, dc->generation);
	dc->armed = dc->gone = dc->connected = false;
	dc->deadline_ns = AEF_TIME_NEVER;
	quantum_conn_set_user(conn, dc);
	return dc;
}

static void
stray(struct lab_direct *d, struct direct_rx *in)
{
	const struct quantum_now now = now_of(d);
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(d->app->pool.mp);
	struct quantum_tx reply = { 0 };
	struct quantum_accept accept;
	struct quantum_conn *conn = NULL;
	struct net_path path;
	enum quantum_verdict verdict;

	aef_assert(mbuf != NULL);
	reply.data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	reply.cap = rte_pktmbuf_tailroom(mbuf);
	net_path_reply(&path, &d->app->port.local, &in->meta);
	if (in->clas == WIRE_CLASS_ACK) {
		verdict = quantum_server_on_ack(d->server, &in->rx, &now, &accept, &conn, &reply);
		if (verdict == QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK)
			in->dc = quantum_conn_user(conn);
		else if (verdict == QUANTUM_VERDICT_ACCEPTED &&
		         quantum_accept_derive(d->conf.provider, &accept) != 0)
			quantum_server_abandon(d->server, &accept);
		else if (verdict == QUANTUM_VERDICT_ACCEPTED &&
		         quantum_server_accept(d->server, &accept, &now, &conn) == 0)
			in->dc = conn_start(d, conn);
		if (in->dc != NULL)
			in->dc->path = path;
	} else {
		(void)quantum_server_on_stray(d->server, &in->rx, &in->hdr, in->clas, &now, &reply);
	}
	if (reply.len > 0)
		send_frame(d, mbuf, &path, &reply);
	else
		rte_pktmbuf_free(mbuf);
}

static void
rx_open(struct lab_direct *d, struct direct_rx *in)
{
	if (in->dc == NULL)
		return;
	if (quantum_conn_rx_prepare(in->dc->conn, &in->rx, d->now_ns) != QUANTUM_VERDICT_ACCEPTED)
		in->dc = NULL;
	else if (in->rx.needs_open)
		d->conf.provider->open(d->conf.provider->ctx, &in->rx.op, 1);
}

static bool
rx_parse(struct lab_direct *d, struct rte_mbuf *mbuf, struct direct_rx *in)
{
	memset(in, 0, sizeof(*in));
	if (net_rx_parse(&d->app->port.local, rte_pktmbuf_mtod(mbuf, uint8_t *),
	                 rte_pktmbuf_data_len(mbuf), 0, &in->meta) != NET_VERDICT_UDP) {
		rte_pktmbuf_free(mbuf);
		return false;
	}
	in->mbuf = mbuf;
	in->rx.data = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, in->meta.payload_off);
	in->rx.len = in->meta.payload_len;
	in->rx.ecn = in->meta.ecn;
	in->rx.owner = mbuf;
	memcpy(in->rx.from.ip, in->meta.src.b, sizeof(in->rx.from.ip));
	in->rx.from.port = in->meta.src_port;
	in->clas = wire_classify(in->rx.data, in->rx.len, &in->hdr);
	return true;
}

/* The stages of a burst, in the pipeline's order. */
static unsigned
receive(struct lab_direct *d)
{
	static struct direct_rx in[BURST];
	struct rte_mbuf *mbuf;
	unsigned nb = 0, frames = 0;

	while (frames < BURST && (mbuf = direct_pop(&d->rx)) != NULL) {
		frames++;
		nb += rx_parse(d, mbuf, &in[nb]);
	}
	for (unsigned i = 0; i < nb; i++) {
		const struct aef_guuid *cid = &in[i].hdr.cid;
		void *conn = NULL;
		int16_t lcore;

		if (in[i].clas == WIRE_CLASS_PROTECTED)
			quantum_table_lookup(&d->table, &cid, 1, &conn, &lcore);
		in[i].dc = conn != NULL ? quantum_conn_user(conn) : NULL;
	}
	for (unsigned i = 0; i < nb; i++)
		if (in[i].dc == NULL)
			stray(d, &in[i]);
	for (unsigned i = 0; i < nb; i++)
		rx_open(d, &in[i]);
	for (unsigned i = 0; i < nb; i++) {
		if (in[i].dc == NULL)
			continue;
		if (quantum_conn_rx_commit(in[i].dc->conn, &in[i].rx, d->now_ns) ==
		    QUANTUM_VERDICT_ACCEPTED)
			net_path_reply(&in[i].dc->path, &d->app->port.local, &in[i].meta);
		touch(d, in[i].dc);
	}
	for (unsigned i = 0; i < nb; i++)
		rte_pktmbuf_free(in[i].mbuf);
	return frames;
}

/* ---- between engine and service ---------------------------------------------------------------
 */

static void
on_message(struct lab_direct *d, struct direct_conn *dc, const struct quantum_msg *msg)
{
	struct direct_item *item = direct_item_make(DIRECT_MESSAGE, dc->handle, msg->nb_segs);
	uint32_t i = 0;

	for (const struct quantum_seg *s = msg->segs; s != NULL; s = s->next)
		item->slices[i++] = s->slice; /* its reference goes along */
	item->channel = msg->channel;
	item->order = msg->order;
	item->len = msg->len;
	item->key = msg->key;
	item->cookie = msg->message;
	direct_push(&d->to_service, item);
	quantum_conn_consume(dc->conn, msg);
}

static void
on_connected(struct lab_direct *d, struct direct_conn *dc)
{
	const struct crypto_token *token = quantum_server_token(dc->conn);
	const struct quantum_addr *peer = quantum_conn_peer(dc->conn);
	struct direct_item *item = direct_item_make(DIRECT_CONNECT, dc->handle, 0);

	item->identity = (struct service_identity){ .session_id = token->session_id,
		                                    .conn_id = token->conn_id,
		                                    .tenant_id = token->tenant_id,
		                                    .subject_id = token->subject_id,
		                                    .caps = token->caps,
		                                    .max_docs = token->max_docs,
		                                    .port = peer->port };
	memcpy(item->identity.ip, peer->ip, sizeof(item->identity.ip));
	dc->connected = true;
	direct_push(&d->to_service, item);
}

static void
events(struct lab_direct *d, struct direct_conn *dc)
{
	struct quantum_event ev;

	while (quantum_conn_poll(dc->conn, &ev) == 0) {
		if (ev.type == QUANTUM_EVENT_MESSAGE) {
			on_message(d, dc, &ev.msg);
		} else if (ev.type == QUANTUM_EVENT_CONNECTED) {
			on_connected(d, dc);
		} else if (ev.type == QUANTUM_EVENT_SENT) {
			struct direct_item *item = direct_item_make(DIRECT_SENT, dc->handle, 0);

			item->cookie = ev.sent.cookie;
			item->expired = ev.sent.expired;
			direct_push(&d->to_service, item);
		} else if (ev.type == QUANTUM_EVENT_CLOSED) {
			struct direct_item *item = direct_item_make(DIRECT_GONE, dc->handle, 0);

			item->why = ev.closed.why == QUANTUM_CLOSE_APP    ? SERVICE_GONE_CLOSED
			            : ev.closed.why == QUANTUM_CLOSE_IDLE ? SERVICE_GONE_IDLE
			                                                  : SERVICE_GONE_ERROR;
			direct_push(&d->to_service, item);
		}
	}
}

static void
conn_end(struct lab_direct *d, struct direct_conn *dc)
{
	if (dc->conn != NULL && quantum_conn_finished(dc->conn)) {
		quantum_server_release(d->server, dc->conn);
		dc->conn = NULL;
		dc->armed = false;
		if (!aef_list_empty(&dc->touched)) {
			aef_list_remove(&dc->touched);
			d->nb_touched--;
		}
	}
	if (dc->conn != NULL || !dc->gone)
		return;
	dc->handle = 0;
	aef_list_append(&d->free, &dc->free);
}

static unsigned
from_service(struct lab_direct *d)
{
	struct direct_item *item;
	unsigned nb = 0;

	for (; nb < BURST && (item = direct_pop(&d->to_engine)) != NULL; nb++) {
		struct direct_conn *dc = direct_find(d, item->conn);
		const struct quantum_send send = { .channel = item->channel,
			                           .key = item->key,
			                           .cookie = item->cookie,
			                           .report = item->report };
		bool taken = false;

		aef_assert(dc != NULL);
		if (item->kind == DIRECT_GONE) {
			dc->gone = true;
			conn_end(d, dc);
		} else if (dc->conn != NULL) {
			touch(d, dc);
			taken = quantum_conn_send(dc->conn, &send, item->slices, item->nb_slices,
			                          d->now_ns) == 0;
		}
		direct_item_free(item, !taken);
	}
	return nb;
}

/* ---- time and datagrams out -------------------------------------------------------------------
 */

static struct direct_conn *
next_due(struct lab_direct *d)
{
	struct direct_conn *first = NULL;

	for (uint32_t i = 0; i < d->conf.conns; i++) {
		struct direct_conn *dc = &d->conns[i];

		if (dc->armed && dc->deadline_ns <= d->now_ns &&
		    (first == NULL || dc->deadline_ns < first->deadline_ns))
			first = dc;
	}
	return first;
}

static unsigned
timers(struct lab_direct *d)
{
	struct direct_conn *dc;
	unsigned nb = 0;

	for (; nb < d->conf.timers_per_poll && (dc = next_due(d)) != NULL; nb++) {
		dc->armed = false;
		quantum_conn_on_deadline(dc->conn, d->now_ns);
		touch(d, dc);
	}
	return nb;
}

static void
seal_and_send(struct lab_direct *d, struct sending *batch, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++) {
		if (batch[i].tx.needs_seal)
			d->conf.provider->seal(d->conf.provider->ctx, &batch[i].tx.op, 1);
		send_frame(d, batch[i].mbuf, &batch[i].dc->path, &batch[i].tx);
		quantum_conn_tx_commit(batch[i].dc->conn, &batch[i].tx, true);
	}
}

/* What one connection may send. @return false: there may be more */
static bool
build(struct lab_direct *d, struct direct_conn *dc, struct sending *batch, unsigned *nb_batch)
{
	uint16_t built = 0;

	for (; built < d->conf.tx_per_conn; built++) {
		struct sending *s = &batch[*nb_batch];

		s->mbuf = rte_pktmbuf_alloc(d->app->pool.mp);
		aef_assert(s->mbuf != NULL);
		s->dc = dc;
		s->tx = (struct quantum_tx){ .data = rte_pktmbuf_mtod(s->mbuf, uint8_t *),
			                     .cap = d->conf.payload_max };
		if (quantum_conn_tx_prepare(dc->conn, &s->tx, d->now_ns) == 0) {
			rte_pktmbuf_free(s->mbuf);
			dc->deadline_ns = quantum_conn_deadline_ns(dc->conn);
			if (dc->deadline_ns <= d->now_ns && built == 0)
				dc->deadline_ns = d->now_ns + BLOCKED_NS;
			dc->armed = dc->deadline_ns != AEF_TIME_NEVER;
			return true;
		}
		if (++*nb_batch == BURST) {
			seal_and_send(d, batch, *nb_batch);
			*nb_batch = 0;
		}
	}
	return false;
}

static void
serve(struct lab_direct *d)
{
	static struct sending batch[BURST];
	struct direct_conn *served[SERVED_MAX];
	unsigned nb = 0, nb_batch = 0;

	for (; d->nb_touched > 0 && nb < SERVED_MAX; d->nb_touched--) {
		served[nb] = aef_list_entry(d->touched.next, struct direct_conn, touched);
		aef_list_remove(&served[nb++]->touched);
	}
	for (unsigned i = 0; i < nb; i++) {
		events(d, served[i]);
		if (!build(d, served[i], batch, &nb_batch))
			touch(d, served[i]);
	}
	seal_and_send(d, batch, nb_batch);
	for (unsigned i = 0; i < nb; i++)
		if (quantum_conn_finished(served[i]->conn))
			conn_end(d, served[i]);
}

unsigned
lab_direct_transport_poll(void *arg)
{
	struct lab_direct *d = arg;
	unsigned work;

	d->now_ns = delivery_now_ns(&d->conf.clock);
	work = receive(d);
	work += from_service(d);
	work += timers(d);
	serve(d);
	return work + d->nb_touched;
}

uint64_t
lab_direct_transport_next_ns(const void *arg)
{
	const struct lab_direct *d = arg;
	uint64_t next = d->nb_touched > 0 ? d->now_ns : AEF_TIME_NEVER;

	for (uint32_t i = 0; i < d->conf.conns; i++)
		if (d->conns[i].armed)
			next = aef_min_u64(next, d->conns[i].deadline_ns);
	return next;
}

void
lab_direct_rx(struct lab_direct *direct, struct rte_mbuf *mbuf)
{
	direct_push(&direct->rx, mbuf);
}

uint16_t
lab_direct_tx(struct lab_direct *direct, struct rte_mbuf **ret_pkts, uint16_t nb)
{
	uint16_t n = 0;

	while (n < nb && (ret_pkts[n] = direct_pop(&direct->tx)) != NULL)
		n++;
	return n;
}

void *
lab_direct_service(const struct lab_direct *direct)
{
	return direct->svc;
}

/* ---- life -------------------------------------------------------------------------------------
 */

static void *
take(size_t bytes)
{
	void *mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (mem != NULL)
		memset(mem, 0, bytes);
	return mem;
}

static bool
memory(struct lab_direct *d)
{
	struct direct_queue *queues[] = { &d->rx, &d->tx, &d->to_service, &d->to_engine };
	struct quantum_env_conf pools;
	bool ok = true;

	quantum_env_conf_scale(&pools, d->conf.conns, d->conf.conns_busy);
	d->env_mem = take(quantum_env_bytes(&pools));
	d->secret_bytes = quantum_env_secret_bytes(&pools);
	if (protect_mem_alloc(d->secret_bytes, &d->secret_mem) != 0)
		return false;
	d->table_mem = take(quantum_table_bytes(d->conf.conns));
	d->server_mem = take(quantum_server_bytes(d->conf.tokens_max));
	d->conns = take(d->conf.conns * sizeof(*d->conns));
	for (unsigned i = 0; i < AEF_DIM(queues); i++) {
		queues[i]->items = calloc(DIRECT_QUEUE, sizeof(void *));
		ok = ok && queues[i]->items != NULL;
	}
	return ok && d->env_mem != NULL && d->table_mem != NULL && d->server_mem != NULL &&
	       d->conns != NULL;
}

/* Seeds in the order in which pipeline_lcore_create() draws them. */
static void
engine(struct lab_direct *d)
{
	const struct quantum_buf_ops ops = lab_buf_ops();
	struct quantum_env_conf pools;
	uint64_t seed = d->conf.seed;

	quantum_env_conf_scale(&pools, d->conf.conns, d->conf.conns_busy);
	d->env = quantum_env_init(d->env_mem, d->secret_mem, &pools, d->conf.provider, &ops,
	                          aef_splitmix64(&seed));
	quantum_table_init(&d->table, d->table_mem, d->conf.conns, 0, &d->app->codec,
	                   aef_splitmix64(&seed));
	d->server = quantum_server_init(d->server_mem, d->conf.tokens_max, d->env, &d->table,
	                                &d->app->keys->set, &d->conf.conn);
	for (uint32_t i = 0; i < d->conf.conns; i++) {
		d->conns[i].slot = i;
		aef_list_init(&d->conns[i].touched);
		aef_list_append(&d->free, &d->conns[i].free);
	}
}

struct lab_direct *
lab_direct_create(struct lab_appliance *app, const struct lab_opts *opts)
{
	struct lab_direct *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->app = app;
	aef_list_init(&d->touched);
	aef_list_init(&d->free);
	lab_pipeline_conf(app, opts, 0, &d->conf);
	d->now_ns = delivery_now_ns(&app->clock);
	if (!memory(d)) {
		lab_direct_destroy(d);
		return NULL;
	}
	engine(d);
	if (direct_service_init(d, &app->workers[0].conf, &app->workers[0].alloc,
	                        lab_worker_seed(opts, 0)) != 0) {
		lab_direct_destroy(d);
		return NULL;
	}
	return d;
}

static void
items_free(struct direct_queue *queue, bool items)
{
	void *item;

	while (queue->items != NULL && (item = direct_pop(queue)) != NULL) {
		if (items)
			direct_item_free(item, true);
		else
			rte_pktmbuf_free(item);
	}
	free(queue->items);
}

void
lab_direct_destroy(struct lab_direct *d)
{
	if (d == NULL)
		return;
	if (d->svc != NULL)
		statesync_service.fini(d->svc);
	for (uint32_t i = 0; d->server != NULL && i < d->conf.conns; i++)
		if (d->conns[i].conn != NULL)
			quantum_server_release(d->server, d->conns[i].conn);
	items_free(&d->rx, false);
	items_free(&d->tx, false);
	items_free(&d->to_service, true);
	items_free(&d->to_engine, true);
	free(d->conns);
	free(d->server_mem);
	free(d->table_mem);
	free(d->env_mem);
	protect_mem_free(d->secret_mem, d->secret_bytes);
	free(d);
}
