/* SPDX-License-Identifier: BSD-3-Clause */
/* (A) the server as the simulator has it: the engine, called in the order that equal.h defines. */
#include "direct.h"

#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <pipeline/timer_wheel.h>

#define INBOX      16384u
#define BLOCKED_NS (100 * AEF_NS_PER_US)
#define RX_REPLY   2048u

static struct quantum_now
both_clocks(const struct direct *d)
{
	return (struct quantum_now){ d->world->now_ns, d->world->now_ns / AEF_NS_PER_MS };
}

static void *
direct_open(struct world *world, const struct server_seed *seed)
{
	static const uint8_t reset_key[32] = "the operator's, over restarts";
	struct direct *d = calloc(1, sizeof(*d));
	const struct quantum_buf_ops ops = buf_ops(world);
	uint64_t rng = seed->engine;

	if (d == NULL)
		abort();
	d->world = world;
	d->env_mem = mem_take(quantum_env_bytes(&world->plan.server_env) +
	                      quantum_env_secret_bytes(&world->plan.server_env));
	d->env = quantum_env_init(
		d->env_mem, (uint8_t *)d->env_mem + quantum_env_bytes(&world->plan.server_env),
		&world->plan.server_env, world->crypto, &ops, aef_splitmix64(&rng));
	quantum_cid_codec_init(&d->codec, seed->cid_key);
	d->table_mem = mem_take(quantum_table_bytes(world->plan.server_conns));
	quantum_table_init(&d->table, d->table_mem, world->plan.server_conns, 0, &d->codec,
	                   aef_splitmix64(&rng));
	if (quantum_server_keys_init(&d->keys, world->crypto, seed->handshake, reset_key) != 0)
		world_fail(world, "no server keys");
	d->server_mem = mem_take(quantum_server_bytes(EQUAL_TOKENS));
	d->server = quantum_server_init(d->server_mem, EQUAL_TOKENS, d->env, &d->table, &d->keys,
	                                &world->plan.server_conf);
	direct_app_open(d);
	return d;
}

static void
item_free(struct item *item)
{
	for (uint32_t i = 0; i < item->nb_slices; i++)
		if (item->slices[i].owner != NULL)
			buf_put(item->slices[i].owner);
	free(item);
}

static void
items_drop(struct items *items)
{
	struct item *item;

	while ((item = item_pop(items)) != NULL)
		item_free(item);
}

static void
direct_close(void *server)
{
	struct direct *d = server;

	direct_app_close(d);
	for (unsigned i = 0; i < DIRECT_CONNS; i++) {
		if (d->conns[i].used)
			items_drop(&d->conns[i].waiting);
		if (d->conns[i].conn != NULL)
			quantum_server_release(d->server, d->conns[i].conn);
	}
	items_drop(&d->events);
	items_drop(&d->commands);
	pools_check(d->world, d->env, "the direct server");
	free(d->env_mem);
	free(d->table_mem);
	free(d->server_mem);
	free(d);
}

static void
direct_rotate(void *server, const uint8_t random[64])
{
	struct direct *d = server;

	if (quantum_server_keys_rotate(&d->keys, d->world->crypto, random) != 0)
		world_fail(d->world, "server keys do not rotate");
}

static void
direct_arrive(void *server, struct equal_buf *buf)
{
	struct direct *d = server;

	buf->refs++;
	d->inbox[d->in_tail++ % INBOX] = buf;
}

static void
touch(struct direct *d, struct direct_conn *dc)
{
	if (dc->touched)
		return;
	dc->touched = true;
	d->touched[d->nb_touched++] = dc;
}

/* ---- timers: looked at in the order of their tick, then of arming; moved to an earlier time only
 * -- */

static uint64_t
tick_of(uint64_t ns)
{
	return ns >> TIMER_WHEEL_TICK_SHIFT;
}

static void
arm_at(struct direct *d, struct direct_conn *dc, uint64_t at_ns)
{
	dc->armed_ns = at_ns;
	dc->armed_seq = d->arm_seq++;
	dc->armed_tick = aef_max_u64(tick_of(at_ns), tick_of(d->world->now_ns));
}

static unsigned
timers(struct direct *d)
{
	unsigned nb = 0;

	for (;;) {
		struct direct_conn *first = NULL;

		for (unsigned i = 0; i < DIRECT_CONNS; i++) {
			struct direct_conn *dc = &d->conns[i];

			if (dc->conn == NULL || dc->armed_ns > d->world->now_ns)
				continue;
			if (first == NULL || dc->armed_tick < first->armed_tick ||
			    (dc->armed_tick == first->armed_tick &&
			     dc->armed_seq < first->armed_seq))
				first = dc;
		}
		if (first == NULL)
			return nb;
		nb++;
		first->armed_ns = AEF_TIME_NEVER;
		if (first->deadline_ns > d->world->now_ns) {
			if (first->deadline_ns != AEF_TIME_NEVER)
				arm_at(d, first, first->deadline_ns);
			continue;
		}
		quantum_conn_on_deadline(first->conn, d->world->now_ns);
		touch(d, first);
	}
}

static uint64_t
direct_next_ns(const void *server)
{
	const struct direct *d = server;
	uint64_t next = d->nb_touched > 0 ? d->world->now_ns : AEF_TIME_NEVER;

	for (unsigned i = 0; i < DIRECT_CONNS; i++)
		if (d->conns[i].conn != NULL)
			next = aef_min_u64(next, d->conns[i].armed_ns);
	return next;
}

/* ---- datagrams in ------------------------------------------------------------------------------
 */

static struct direct_conn *
conn_start(struct direct *d, struct quantum_conn *conn)
{
	for (unsigned n = 0; n < DIRECT_CONNS; n++) {
		struct direct_conn *dc = &d->conns[d->next_conn++ % DIRECT_CONNS];
		const uint64_t id = dc->id;

		if (dc->used)
			continue;
		*dc = (struct direct_conn){ .conn = conn,
			                    .used = true,
			                    .deadline_ns = AEF_TIME_NEVER,
			                    .armed_ns = AEF_TIME_NEVER };
		dc->id = id == 0 ? (uint64_t)(dc - d->conns) + DIRECT_CONNS : id + DIRECT_CONNS;
		items_init(&dc->waiting);
		quantum_conn_set_user(conn, dc);
		return dc;
	}
	abort();
}

/* A handshake ACK: the connection it makes, or the one it made before. */
static struct direct_conn *
on_ack(struct direct *d, const struct quantum_rx *rx, struct quantum_tx *reply)
{
	const struct quantum_now now = both_clocks(d);
	struct quantum_accept accept;
	struct quantum_conn *conn;

	switch (quantum_server_on_ack(d->server, rx, &now, &accept, &conn, reply)) {
	case QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK:
		return quantum_conn_user(conn);
	case QUANTUM_VERDICT_ACCEPTED:
		if (quantum_accept_derive(d->world->crypto, &accept) != 0) {
			quantum_server_abandon(d->server, &accept);
			return NULL;
		}
		if (quantum_server_accept(d->server, &accept, &now, &conn) != 0)
			return NULL;
		return conn_start(d, conn);
	default:
		return NULL;
	}
}

static struct direct_conn *
stray(struct direct *d, const struct quantum_rx *rx, const struct wire_header *hdr,
      enum wire_class clas)
{
	const struct quantum_now now = both_clocks(d);
	uint8_t data[RX_REPLY];
	struct quantum_tx reply = { .data = data, .cap = sizeof(data) };
	struct direct_conn *dc = NULL;

	if (clas == WIRE_CLASS_ACK)
		dc = on_ack(d, rx, &reply);
	else
		(void)quantum_server_on_stray(d->server, rx, hdr, clas, &now, &reply);
	if (reply.len > 0)
		world_from_server(d->world, &rx->from, reply.data, reply.len, reply.ecn);
	return dc;
}

static void
rx_burst(struct direct *d, struct quantum_rx *rx, unsigned nb)
{
	const struct crypto_provider *crypto = d->world->crypto;
	struct direct_conn *conns[EQUAL_BURST] = { 0 };
	struct wire_header hdrs[EQUAL_BURST];
	enum wire_class classes[EQUAL_BURST];

	for (unsigned i = 0; i < nb; i++) {
		const struct aef_guuid *cid = &hdrs[i].cid;
		void *conn = NULL;
		int16_t lcore;

		classes[i] = wire_classify(rx[i].data, rx[i].len, &hdrs[i]);
		if (classes[i] == WIRE_CLASS_PROTECTED)
			quantum_table_lookup(&d->table, &cid, 1, &conn, &lcore);
		if (conn != NULL)
			conns[i] = quantum_conn_user(conn);
	}
	for (unsigned i = 0; i < nb; i++)
		if (conns[i] == NULL)
			conns[i] = stray(d, &rx[i], &hdrs[i], classes[i]);
	for (unsigned i = 0; i < nb; i++)
		if (conns[i] != NULL &&
		    quantum_conn_rx_prepare(conns[i]->conn, &rx[i], d->world->now_ns) !=
		            QUANTUM_VERDICT_ACCEPTED)
			conns[i] = NULL;
	for (unsigned i = 0; i < nb; i++)
		if (conns[i] != NULL && rx[i].needs_open)
			crypto->open(crypto->ctx, &rx[i].op, 1);
	for (unsigned i = 0; i < nb; i++) {
		if (conns[i] == NULL)
			continue;
		(void)quantum_conn_rx_commit(conns[i]->conn, &rx[i], d->world->now_ns);
		touch(d, conns[i]);
	}
}

static unsigned
receive(struct direct *d)
{
	struct quantum_rx rx[EQUAL_BURST];
	struct equal_buf *bufs[EQUAL_BURST];
	unsigned nb = 0;

	for (; nb < EQUAL_BURST && d->in_head != d->in_tail; nb++) {
		struct equal_buf *buf = d->inbox[d->in_head++ % INBOX];

		bufs[nb] = buf;
		rx[nb] = (struct quantum_rx){ .data = buf->data,
			                      .len = buf->len,
			                      .ecn = buf->ecn,
			                      .owner = buf,
			                      .from = buf->from };
	}
	rx_burst(d, rx, nb);
	for (unsigned i = 0; i < nb; i++)
		buf_put(bufs[i]);
	return nb;
}

/* ---- commands of the application
 * ----------------------------------------------------------------- */

/* @return false: the engine has no room now, WRITABLE will follow */
static bool
send_one(struct direct *d, struct direct_conn *dc, struct item *item)
{
	const int rc = quantum_conn_send(dc->conn, &item->send, item->slices, item->nb_slices,
	                                 d->world->now_ns);

	if (rc == AEF_ERR_FULL)
		return false;
	if (rc == 0)
		free(item); /* the references are the engine's now */
	else
		item_free(item);
	return true;
}

static void
waiting_retry(struct direct *d, struct direct_conn *dc)
{
	while (dc->waiting.head != NULL) {
		struct item *next = dc->waiting.head->next;

		if (!send_one(d, dc, dc->waiting.head))
			return;
		dc->waiting.head = next;
		if (next == NULL)
			dc->waiting.tail = &dc->waiting.head;
	}
}

static void
conn_end(struct direct *d, struct direct_conn *dc)
{
	if (dc->conn != NULL && quantum_conn_finished(dc->conn)) {
		quantum_server_release(d->server, dc->conn);
		dc->conn = NULL;
		items_drop(&dc->waiting);
	}
	if (dc->conn == NULL && (!dc->connected || dc->gone))
		dc->used = false;
}

static void
on_send(struct direct *d, struct direct_conn *dc, struct item *item)
{
	touch(d, dc);
	if (dc->waiting.head == NULL && send_one(d, dc, item))
		return;
	item->next = NULL;
	*dc->waiting.tail = item;
	dc->waiting.tail = &item->next;
}

static unsigned
commands(struct direct *d)
{
	struct item *item;
	unsigned nb = 0;

	for (; nb < EQUAL_BURST && (item = item_pop(&d->commands)) != NULL; nb++) {
		struct direct_conn *dc = &d->conns[item->conn % DIRECT_CONNS];

		if (item->kind == ITEM_GONE) {
			dc->gone = true;
			conn_end(d, dc);
		} else if (dc->conn != NULL && item->kind == ITEM_OPEN) {
			(void)!quantum_conn_open(dc->conn, item->send.channel, &item->chan);
		} else if (dc->conn != NULL && item->kind == ITEM_CLOSE) {
			quantum_conn_close(dc->conn, item->cookie, item->reason, d->world->now_ns);
			touch(d, dc);
		} else if (dc->conn != NULL) {
			on_send(d, dc, item);
			continue;
		}
		item_free(item);
	}
	return nb;
}

/* ---- events and datagrams out
 * --------------------------------------------------------------------- */

static void
deliver_message(struct direct *d, struct direct_conn *dc, const struct quantum_event *ev)
{
	struct item *item = item_make(&d->events, ITEM_MESSAGE, dc->id, ev->msg.nb_segs);
	uint32_t n = 0;

	item->msg = ev->msg;
	for (const struct quantum_seg *seg = ev->msg.segs; seg != NULL; seg = seg->next)
		item->slices[n++] = seg->slice;
	quantum_conn_consume(dc->conn, &ev->msg);
}

static void
deliver_connect(struct direct *d, struct direct_conn *dc)
{
	const struct crypto_token *token = quantum_server_token(dc->conn);
	struct item *item = item_make(&d->events, ITEM_CONNECT, dc->id, 0);

	item->identity.tenant_id = token->tenant_id;
	dc->connected = true;
}

static void
deliver(struct direct *d, struct direct_conn *dc, const struct quantum_event *ev)
{
	struct item *item;

	switch (ev->type) {
	case QUANTUM_EVENT_CONNECTED:
		deliver_connect(d, dc);
		break;
	case QUANTUM_EVENT_MESSAGE:
		deliver_message(d, dc, ev);
		break;
	case QUANTUM_EVENT_SENT:
		item = item_make(&d->events, ITEM_SENT, dc->id, 0);
		item->cookie = ev->sent.cookie;
		item->expired = ev->sent.expired;
		break;
	case QUANTUM_EVENT_WRITABLE:
		waiting_retry(d, dc);
		break;
	case QUANTUM_EVENT_CLOSED:
		(void)item_make(&d->events, ITEM_DISCONNECT, dc->id, 0);
		break;
	default:
		break;
	}
}

struct batch {
	unsigned nb;
	struct direct_conn *conns[EQUAL_BURST];
	struct quantum_tx tx[EQUAL_BURST];
	uint8_t data[EQUAL_BURST][EQUAL_PAYLOAD_MAX];
};

static struct batch batch;

static void
seal_and_send(struct direct *d)
{
	const struct crypto_provider *crypto = d->world->crypto;

	for (unsigned i = 0; i < batch.nb; i++)
		if (batch.tx[i].needs_seal)
			crypto->seal(crypto->ctx, &batch.tx[i].op, 1);
	for (unsigned i = 0; i < batch.nb; i++) {
		const struct quantum_tx *tx = &batch.tx[i];

		world_from_server(d->world, &tx->to, tx->data, tx->len, tx->ecn);
		quantum_conn_tx_commit(batch.conns[i]->conn, tx, true);
	}
	batch.nb = 0;
}

/* @return false: there may be more */
static bool
build(struct direct *d, struct direct_conn *dc, unsigned *ret_built)
{
	bool done = false;

	*ret_built = 0;
	while (*ret_built < EQUAL_TX_PER_CONN && !done) {
		batch.tx[batch.nb] = (struct quantum_tx){ .data = batch.data[batch.nb],
			                                  .cap = EQUAL_PAYLOAD_MAX };
		if (quantum_conn_tx_prepare(dc->conn, &batch.tx[batch.nb], d->world->now_ns) == 0) {
			done = true;
			break;
		}
		batch.conns[batch.nb] = dc;
		++*ret_built;
		if (++batch.nb == EQUAL_BURST)
			seal_and_send(d);
	}
	return done;
}

static void
arm(struct direct *d, struct direct_conn *dc, unsigned built)
{
	uint64_t deadline = quantum_conn_deadline_ns(dc->conn);

	if (deadline <= d->world->now_ns && built == 0)
		deadline = d->world->now_ns + BLOCKED_NS;
	dc->deadline_ns = deadline;
	if (deadline < dc->armed_ns)
		arm_at(d, dc, deadline);
}

static void
serve(struct direct *d)
{
	struct direct_conn *served[DIRECT_CONNS];
	const unsigned nb = d->nb_touched;
	struct quantum_event ev;

	memcpy(served, d->touched, nb * sizeof(served[0]));
	d->nb_touched = 0;
	for (unsigned i = 0; i < nb; i++)
		served[i]->touched = false;
	for (unsigned i = 0; i < nb; i++) {
		unsigned built;

		if (served[i]->conn == NULL)
			continue;
		waiting_retry(d, served[i]);
		while (quantum_conn_poll(served[i]->conn, &ev) == 0)
			deliver(d, served[i], &ev);
		if (!build(d, served[i], &built))
			touch(d, served[i]);
		else
			arm(d, served[i], built);
	}
	seal_and_send(d);
	for (unsigned i = 0; i < nb; i++)
		if (served[i]->conn != NULL && quantum_conn_finished(served[i]->conn)) {
			conn_end(d, served[i]);
		}
}

static unsigned
direct_step(void *server)
{
	struct direct *d = server;
	unsigned work = receive(d);

	work += commands(d);
	work += timers(d);
	serve(d);
	work += d->nb_touched;
	work += direct_app_step(d);
	return work;
}

const struct server_ops direct_server = {
	.name = "direct",
	.open = direct_open,
	.close = direct_close,
	.rotate = direct_rotate,
	.arrive = direct_arrive,
	.step = direct_step,
	.next_ns = direct_next_ns,
};
