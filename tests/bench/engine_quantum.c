/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine_quantum.c - the engine's two ends: datagrams pass by pointer in bursts of 32, each buffer
 * is used again at once (LIFO), so that what is in flight stays in the near caches.
 *
 * The clock of a pair stands while its peers are measured.
 */
#include <stdlib.h>
#include <string.h>

#include <quantum/server.h>

#include "engine.h"

#define BURST      32u
#define BUF_BYTES  2048u
#define NB_BUFS    4096u
#define SEND_BURST 64u
#define MTU_MAX    1400u /* ENet has 1392, usrsctp 1280 */
#define STEP_NS    100000u
#define QUEUED_MAX 512u /* messages: what waits and is in flight stays in L2 too */
#define CHANNEL    1u
#define UNIX_MS    1000000000000u

struct buf {
	uint32_t refs;
	uint8_t data[BUF_BYTES];
};

struct ends {
	const struct crypto_provider *provider; /* of both ends: one thread */
	struct quantum_env *env[2];
	struct quantum_conn *conn[2]; /* client, server */
	struct quantum_server *server;
	struct quantum_table table;
	struct quantum_cid_codec codec;
	struct quantum_server_keys keys;
	struct quantum_conn_conf conf;
	void *mem[8];
	uint32_t nb_mem;
	uint64_t paused_ns; /* clock of the pair = real clock - this */
	uint64_t stopped_ns;
	uint64_t received;
	uint32_t bytes;
	uint32_t nb_free;
	struct buf *free_bufs[NB_BUFS];
	struct buf *bufs;
	uint8_t msg[ENGINE_MSG_MAX];
};

static void *
take(struct ends *e, size_t bytes)
{
	return e->mem[e->nb_mem++] = bench_alloc(bytes);
}

static struct buf *
buf_take(struct ends *e)
{
	struct buf *b;

	if (e->nb_free == 0)
		return NULL;
	b = e->free_bufs[--e->nb_free];
	b->refs = 1;
	return b;
}

static void
buf_get(void *ctx, void *owner)
{
	(void)ctx;
	if (owner != NULL)
		((struct buf *)owner)->refs++;
}

static void
buf_put(void *ctx, void *owner)
{
	struct ends *e = ctx;
	struct buf *b = owner;

	if (b != NULL && --b->refs == 0)
		e->free_bufs[e->nb_free++] = b;
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct buf *b = bytes <= BUF_BYTES ? buf_take(ctx) : NULL;

	if (b != NULL)
		*ret_data = b->data;
	return b;
}

static uint64_t
clock_ns(const struct ends *e)
{
	return bench_now_ns() - e->paused_ns;
}

/* The server's side of a datagram that belongs to no connection yet: SYN, then ACK. */
static void
on_stray(struct ends *e, struct quantum_rx *rx, uint64_t now_ns)
{
	const struct quantum_now now = { now_ns, UNIX_MS + 500 };
	uint8_t reply_data[BUF_BYTES];
	struct quantum_tx reply = { .data = reply_data, .cap = sizeof(reply_data) };
	struct quantum_accept accept;
	struct quantum_conn *known;
	struct wire_header hdr;
	const enum wire_class clas = wire_classify(rx->data, rx->len, &hdr);

	if (clas == WIRE_CLASS_ACK) {
		if (quantum_server_on_ack(e->server, rx, &now, &accept, &known, &reply) ==
		            QUANTUM_VERDICT_ACCEPTED &&
		    quantum_accept_derive(e->provider, &accept) == 0)
			(void)!quantum_server_accept(e->server, &accept, &now, &e->conn[1]);
		return;
	}
	quantum_server_on_stray(e->server, rx, &hdr, clas, &now, &reply);

	struct quantum_rx answer = { .data = reply_data, .len = reply.len, .from.port = 1 };

	if (reply.len > 0 &&
	    quantum_conn_rx_prepare(e->conn[0], &answer, now_ns) == QUANTUM_VERDICT_ACCEPTED)
		quantum_conn_rx_commit(e->conn[0], &answer, now_ns);
}

/* The other half: prepare all, open all at once, act on each. */
static void
receive(struct ends *e, unsigned to, struct buf **bufs, const struct quantum_tx *tx, unsigned nb,
        uint64_t now_ns)
{
	struct quantum_rx rx[BURST];
	struct crypto_op ops[BURST];
	uint8_t idx[BURST];
	bool ok[BURST];
	unsigned nb_ops = 0;

	for (unsigned i = 0; i < nb; i++) {
		rx[i].data = bufs[i]->data;
		rx[i].len = tx[i].len;
		rx[i].ecn = tx[i].ecn;
		rx[i].owner = bufs[i];
		rx[i].from = (struct quantum_addr){ .port = to == 1 ? 2 : 1 };
		if (aef_unlikely(e->conn[1] == NULL))
			on_stray(e, &rx[i], now_ns);
		ok[i] = e->conn[to] != NULL &&
		        quantum_conn_rx_prepare(e->conn[to], &rx[i], now_ns) ==
		                QUANTUM_VERDICT_ACCEPTED;
		if (ok[i] && rx[i].needs_open) {
			idx[nb_ops] = (uint8_t)i;
			ops[nb_ops++] = rx[i].op;
		}
	}
	if (nb_ops > 0)
		e->provider->open(e->provider->ctx, ops, nb_ops);
	for (unsigned i = 0; i < nb_ops; i++)
		rx[idx[i]].op.ok = ops[i].ok;
	for (unsigned i = 0; i < nb; i++) {
		if (ok[i])
			quantum_conn_rx_commit(e->conn[to], &rx[i], now_ns);
		buf_put(e, bufs[i]);
	}
}

/* One burst from end `from` to the other one: prepare, seal, pass on, prepare, open, commit. */
static unsigned
burst(struct ends *e, unsigned from, uint64_t now_ns)
{
	struct buf *bufs[BURST];
	struct quantum_tx tx[BURST];
	struct crypto_op ops[BURST];
	struct quantum_conn *conn = e->conn[from];
	unsigned nb = 0, nb_ops = 0;

	for (; nb < BURST; nb++) {
		bufs[nb] = buf_take(e);
		if (bufs[nb] == NULL)
			break;
		tx[nb].data = bufs[nb]->data;
		tx[nb].cap = BUF_BYTES;
		if (quantum_conn_tx_prepare(conn, &tx[nb], now_ns) != 1) {
			buf_put(e, bufs[nb]);
			break;
		}
		if (tx[nb].needs_seal)
			ops[nb_ops++] = tx[nb].op;
	}
	if (nb_ops > 0)
		e->provider->seal(e->provider->ctx, ops, nb_ops);
	for (unsigned i = 0; i < nb; i++)
		quantum_conn_tx_commit(conn, &tx[i], true);
	receive(e, 1 - from, bufs, tx, nb, now_ns);
	return nb;
}

static void
poll_events(struct ends *e, unsigned end)
{
	struct quantum_conn *conn = e->conn[end];
	struct quantum_event ev;

	while (conn != NULL && quantum_conn_poll(conn, &ev) == 0) {
		if (ev.type != QUANTUM_EVENT_MESSAGE)
			continue;
		e->received++;
		for (const struct quantum_seg *s = ev.msg.segs; s != NULL; s = s->next)
			buf_put(e, s->slice.owner);
		quantum_conn_consume(conn, &ev.msg);
	}
}

static void
step(struct ends *e, uint64_t now_ns)
{
	for (unsigned end = 0; end < 2; end++) {
		if (e->conn[end] == NULL)
			continue;
		if (quantum_conn_deadline_ns(e->conn[end]) <= now_ns)
			quantum_conn_on_deadline(e->conn[end], now_ns);
		(void)burst(e, end, now_ns);
		poll_events(e, end);
		poll_events(e, 1 - end);
	}
}

static void
make_env(struct ends *e, unsigned end)
{
	struct quantum_env_conf conf;
	const struct quantum_buf_ops ops = { buf_get, buf_put, buf_alloc, e };

	quantum_env_conf_scale(&conf, 4, 4);
	e->env[end] = quantum_env_init(take(e, quantum_env_bytes(&conf)),
	                               take(e, quantum_env_secret_bytes(&conf)), &conf, e->provider,
	                               &ops, end + 1);
}

static int
make_server(struct ends *e)
{
	static const uint8_t random[64] = { 1 }, reset_key[32] = { 2 };

	if (quantum_server_keys_init(&e->keys, e->provider, random, reset_key) != 0)
		return -1;
	quantum_cid_codec_init(&e->codec, random);
	quantum_table_init(&e->table, take(e, quantum_table_bytes(8)), 8, 0, &e->codec, 1);
	e->server = quantum_server_init(take(e, quantum_server_bytes(64)), 64, e->env[1], &e->table,
	                                &e->keys, &e->conf);
	return 0;
}

static int
make_client(struct ends *e, struct protect *issuer)
{
	const struct crypto_token want = { .caps = 1 };
	struct protect_grant grant;
	struct quantum_client_conf client = { .server.port = 1, .dh_seed = { 7 } };

	if (protect_token_issue(issuer, &want, 0, UNIX_MS, &grant) != 0)
		return -1;
	memcpy(client.token, grant.token, sizeof(client.token));
	memcpy(client.psk, grant.psk, sizeof(client.psk));
	client.cid = grant.conn_id;
	return quantum_conn_connect(e->env[0], &e->conf, &client, clock_ns(e), &e->conn[0]);
}

/* Both ends stand, and path MTU discovery has found its size. */
static bool
is_ready(const struct ends *e)
{
	struct quantum_stats stats;

	if (!quantum_conn_established(e->conn[0]) || e->conn[1] == NULL)
		return false;
	quantum_conn_stats(e->conn[0], &stats);
	return stats.mtu_bytes == MTU_MAX;
}

void *
engine_quantum_open(uint32_t bytes, const struct crypto_provider *provider, struct protect *issuer)
{
	struct ends *e = bench_alloc(sizeof(*e));
	const uint64_t end = bench_now_ns() + 10000000000u;

	e->bytes = bytes;
	e->provider = provider;
	e->bufs = take(e, NB_BUFS * sizeof(*e->bufs));
	for (uint32_t i = 0; i < NB_BUFS; i++)
		e->free_bufs[e->nb_free++] = &e->bufs[i];
	quantum_conn_conf_default(&e->conf);
	e->conf.fec_m = 0; /* nothing is lost here, and no peer has it */
	e->conf.mtu_max_bytes = MTU_MAX;
	e->conf.sent_pkts_max = 2000;
	e->conf.queue_msgs_max = QUEUED_MAX;
	make_env(e, 0);
	make_env(e, 1);
	if (make_server(e) != 0 || make_client(e, issuer) != 0)
		return NULL;
	while (!is_ready(e) && bench_now_ns() < end) {
		step(e, clock_ns(e));
		e->paused_ns -= STEP_NS; /* the wait before the first MTU probe is not waited */
	}
	e->stopped_ns = bench_now_ns();
	return is_ready(e) ? e : NULL;
}

struct bench_sample
engine_quantum_run(void *ctx, uint64_t round_ns)
{
	struct ends *e = ctx;
	const struct quantum_send send = { .channel = CHANNEL };
	const struct quantum_slice slice = { e->msg, e->bytes, NULL };
	const uint64_t before = e->received, start = bench_now_ns();
	const uint64_t cpu = bench_cpu_ns();
	uint64_t now = start;

	e->paused_ns += start - e->stopped_ns;
	while (now - start < round_ns) {
		for (unsigned i = 0; i < SEND_BURST; i++)
			if (quantum_conn_send(e->conn[0], &send, &slice, 1, now - e->paused_ns) !=
			    0)
				break;
		step(e, now - e->paused_ns);
		now = bench_now_ns();
	}
	e->stopped_ns = now;
	return (struct bench_sample){ e->received - before, bench_cpu_ns() - cpu };
}

void
engine_quantum_close(void *ctx)
{
	struct ends *e = ctx;

	if (e == NULL)
		return;
	for (uint32_t i = 0; i < e->nb_mem; i++)
		free(e->mem[i]);
	free(e);
}
