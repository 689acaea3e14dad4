/* SPDX-License-Identifier: BSD-3-Clause */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <crypto_null/null_provider.h>

#include "conn_priv.h"

#define ROTATE_NS (60 * S)
#define TX_MAX    100000u
#define KEYS_MAX  4096u

_Noreturn void
siege_fail(const struct arena *a, const char *format, ...)
{
	va_list args;

	printf("siege: seed %llu, at %.6f s: ", (unsigned long long)a->conf.seed,
	       (double)(a->now_ns - ARENA_START_NS) / 1e9);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n0 passed, 1 failed\n");
	exit(1);
}

/* ---- buffers -----------------------------------------------------------------------------------
 */

struct buf {
	struct arena *a;
	int32_t refs;
	uint8_t data[WIRE_MTU_MAX];
};

static struct buf *
buf_new(struct arena *a)
{
	struct buf *buf = malloc(sizeof(*buf));

	aef_assert(buf != NULL);
	buf->a = a;
	buf->refs = 1;
	a->nb_bufs++;
	return buf;
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
	struct buf *buf = owner;

	(void)ctx;
	if (buf == NULL || --buf->refs > 0)
		return;
	buf->a->nb_bufs--;
	free(buf);
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct buf *buf = buf_new(ctx);

	aef_assert(bytes <= sizeof(buf->data));
	*ret_data = buf->data;
	return buf;
}

/* ---- start and end -----------------------------------------------------------------------------
 */

uint64_t
arena_below(struct arena *a, uint64_t bound)
{
	return aef_rng_below(&a->rng, bound);
}

static void
fill(struct arena *a, void *ret, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)ret)[i] = (uint8_t)aef_rng_u64(&a->rng);
}

static void *
take(size_t bytes)
{
	void *mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	aef_assert(mem != NULL);
	memset(mem, 0, bytes);
	return mem;
}

void
arena_conf_default(struct arena_conf *ret_conf, uint64_t seed, uint32_t clients)
{
	*ret_conf = (struct arena_conf){ .seed = seed,
		                         .clients = clients,
		                         .link = { .delay_ns = 20 * MS } };
	quantum_conn_conf_default(&ret_conf->conn[AT_CLIENT]);
	quantum_conn_conf_default(&ret_conf->conn[AT_SERVER]);
}

static void
protection_start(struct arena *a)
{
	struct protect_conf conf = { .keys_max = KEYS_MAX };

	if (a->conf.null_provider) {
		a->crypto = crypto_null_provider();
		return;
	}
	if (a->conf.ring == NULL && protect_ring_create(ARENA_GROUP, &a->ring) != 0)
		siege_fail(a, "no key ring");
	conf.ring = a->conf.ring != NULL ? a->conf.ring : a->ring;
	if (protect_create(&conf, &a->protect) != 0)
		siege_fail(a, "no protection");
	a->crypto = protect_provider(a->protect);
}

static void
make_env(struct arena *a, unsigned side, uint32_t conns)
{
	const struct quantum_buf_ops ops = { buf_get, buf_put, buf_alloc, a };
	struct quantum_env_conf conf;

	quantum_env_conf_scale(&conf, conns, aef_min_u32(conns, 16));
	a->env_mem[side] = take(quantum_env_bytes(&conf) + quantum_env_secret_bytes(&conf));
	a->env[side] = quantum_env_init(a->env_mem[side],
	                                (uint8_t *)a->env_mem[side] + quantum_env_bytes(&conf),
	                                &conf, a->crypto, &ops, aef_rng_u64(&a->rng));
}

void
arena_open(struct arena *a, const struct arena_conf *conf)
{
	const uint32_t tokens = conf->tokens_max != 0 ? conf->tokens_max : 4096;
	const uint32_t slots = conf->server_conns != 0 ? conf->server_conns : conf->clients + 8;
	uint8_t random[64], key[32];

	memset(a, 0, sizeof(*a));
	a->conf = *conf;
	a->now_ns = ARENA_START_NS;
	a->rotate_ns = a->now_ns + ROTATE_NS;
	aef_rng_init(&a->rng, conf->seed);
	protection_start(a);
	make_env(a, AT_CLIENT, conf->clients);
	make_env(a, AT_SERVER, slots);
	fill(a, random, sizeof(random));
	fill(a, key, sizeof(key));
	if (quantum_server_keys_init(&a->keys, a->crypto, random, key) != 0)
		siege_fail(a, "no server keys");
	quantum_cid_codec_init(&a->codec, key);
	a->table_mem = take(quantum_table_bytes(slots));
	quantum_table_init(&a->table, a->table_mem, slots, 0, &a->codec, aef_rng_u64(&a->rng));
	a->server_mem = take(quantum_server_bytes(tokens));
	a->server = quantum_server_init(a->server_mem, tokens, a->env[AT_SERVER], &a->table,
	                                &a->keys, &a->conf.conn[AT_SERVER]);
	a->clients = take(conf->clients * sizeof(*a->clients));
	for (uint32_t i = 0; i < conf->clients; i++) {
		a->clients[i].addr = arena_addr(i);
		aef_rng_init(&a->clients[i].rng, conf->seed * 65536 + i);
	}
}

void
arena_hang_up(struct arena *a, uint32_t i)
{
	struct arena_end *end = &a->clients[i].end[AT_CLIENT];

	quantum_conn_free(end->conn);
	end->conn = NULL;
	end->connected = end->closed = false;
}

void
arena_forget(struct arena *a, uint32_t i)
{
	struct arena_end *end = &a->clients[i].end[AT_SERVER];

	quantum_server_release(a->server, end->conn);
	end->conn = NULL;
	end->connected = end->closed = false;
}

void
arena_close(struct arena *a)
{
	for (uint32_t i = 0; i < a->conf.clients; i++) {
		arena_hang_up(a, i);
		arena_forget(a, i);
	}
	net_clear(a);
	for (unsigned side = 0; side < 2; side++)
		for (uint32_t i = 0; i < quantum_env_nb_pools(a->env[side]); i++) {
			const struct aef_pool *pool = quantum_env_pool(a->env[side], i);

			SIEGE_CHECK(a, pool->in_use == 0, "%u objects of pool %s are not back",
			            pool->in_use, pool->name);
		}
	SIEGE_CHECK(a, a->nb_bufs == 0, "%lld buffers are not back", (long long)a->nb_bufs);
	SIEGE_CHECK(a, quantum_server_pending(a->server) == 0, "handshakes are pending");
	for (unsigned side = 0; side < 2; side++)
		free(a->env_mem[side]);
	free(a->table_mem);
	free(a->server_mem);
	free(a->clients);
	protect_destroy(a->protect);
	protect_ring_close(a->ring);
}

/* ---- tokens ------------------------------------------------------------------------------------
 */

uint64_t
arena_unix_ms(const struct arena *a)
{
	return ARENA_UNIX_MS + (a->now_ns - ARENA_START_NS) / MS;
}

struct quantum_addr
arena_addr(uint32_t nr)
{
	struct quantum_addr addr = { .ip = { [10] = 0xff, [11] = 0xff }, .port = 4000 };

	aef_store_be32(addr.ip + 12, 0x0a000000u + nr);
	return addr;
}

void
arena_token(struct arena *a, uint32_t i)
{
	struct crypto_token *token = &a->clients[i].token;

	*token = (struct crypto_token){
		.group = ARENA_GROUP,
		.epoch = a->conf.null_provider
		                 ? 0
		                 : protect_ring_current(a->conf.ring != NULL ? a->conf.ring
		                                                             : a->ring),
		.issued_ms = arena_unix_ms(a)
	};
	token->expires_ms = token->issued_ms + CRYPTO_TOKEN_LIFE_DEFAULT_MS;
	fill(a, token->conn_id.b, sizeof(token->conn_id.b));
	fill(a, token->session_id.b, sizeof(token->session_id.b));
	fill(a, token->psk, sizeof(token->psk));
}

int
arena_seal(struct arena *a, uint32_t i)
{
	struct arena_client *c = &a->clients[i];
	uint8_t nonce[CRYPTO_NONCE_BYTES] = { 0 };
	int err;

	a->nb_tokens++;
	memcpy(nonce, &a->nb_tokens, sizeof(a->nb_tokens));
	nonce[11] = (uint8_t)a->conf.seed;
	c->dialed = (struct quantum_client_conf){ .cid = c->token.conn_id,
		                                  .server = arena_addr(0xffff00) };
	err = a->crypto->token_seal(a->crypto->ctx, &c->token, nonce, c->dialed.token);
	memcpy(c->dialed.psk, c->token.psk, sizeof(c->dialed.psk));
	return err;
}

static void pump(struct arena *a, uint32_t i, unsigned side);

void
arena_dial(struct arena *a, uint32_t i)
{
	struct arena_client *c = &a->clients[i];
	struct arena_end *end = &c->end[AT_CLIENT];

	arena_hang_up(a, i);
	fill(a, c->dialed.random, sizeof(c->dialed.random));
	fill(a, c->dialed.dh_seed, sizeof(c->dialed.dh_seed));
	c->busy_ms = 0;
	*end = (struct arena_end){ .flow = end->flow };
	if (quantum_conn_connect(a->env[AT_CLIENT], &a->conf.conn[AT_CLIENT], &c->dialed, a->now_ns,
	                         &end->conn) != 0)
		siege_fail(a, "client %u cannot connect", i);
	pump(a, i, AT_CLIENT);
}

void
arena_connect(struct arena *a, uint32_t i)
{
	arena_token(a, i);
	if (arena_seal(a, i) != 0)
		siege_fail(a, "a token cannot be sealed");
	arena_dial(a, i);
}

/* ---- an end ------------------------------------------------------------------------------------
 */

static void
transmit(struct arena *a, uint32_t i, unsigned side)
{
	struct arena_end *end = &a->clients[i].end[side];
	const struct quantum_addr server = arena_addr(0xffff00);
	uint8_t data[WIRE_MTU_MAX];

	for (unsigned nb = 0; nb < TX_MAX; nb++) {
		struct quantum_tx tx = { .data = data, .cap = sizeof(data) };

		if (quantum_conn_tx_prepare(end->conn, &tx, a->now_ns) != 1)
			return;
		if (tx.needs_seal)
			a->crypto->seal(a->crypto->ctx, &tx.op, 1);
		net_send(a, i, side == AT_CLIENT, side == AT_CLIENT ? &a->clients[i].addr : &server,
		         &tx);
		quantum_conn_tx_commit(end->conn, &tx, true);
	}
	siege_fail(a, "an end of client %u transmits without end", i);
}

/* A message is its number and the time it was sent, then zeros. */
static void
on_message(struct arena *a, uint32_t i, unsigned side, const struct quantum_msg *msg)
{
	struct arena_flow *flow = &a->clients[i].end[1 - side].flow;
	uint8_t head[16];
	uint32_t at = 0;

	for (const struct quantum_seg *seg = msg->segs; seg != NULL; seg = seg->next) {
		const uint32_t nb = aef_min_u32(seg->slice.len, sizeof(head) - at);

		memcpy(head + at, seg->slice.data, nb);
		at += nb;
		buf_put(a, seg->slice.owner);
	}
	if (at < sizeof(head))
		return; /* not one of ours: a hostile end's */
	SIEGE_CHECK(a, aef_load_be64(head) == flow->arrived,
	            "message %llu of client %u came instead of %llu",
	            (unsigned long long)aef_load_be64(head), i, (unsigned long long)flow->arrived);
	flow->arrived++;
	flow->last_ns = a->now_ns;
	if (a->conf.on_message != NULL)
		a->conf.on_message(a, i, side, a->now_ns - aef_load_be64(head + 8));
}

static void
on_event(struct arena *a, uint32_t i, unsigned side, const struct quantum_event *ev)
{
	struct arena_end *end = &a->clients[i].end[side];

	switch (ev->type) {
	case QUANTUM_EVENT_CONNECTED:
		end->connected = true;
		break;
	case QUANTUM_EVENT_MESSAGE:
		on_message(a, i, side, &ev->msg);
		quantum_conn_consume(end->conn, &ev->msg);
		break;
	case QUANTUM_EVENT_BUSY:
		a->clients[i].busy_ms = ev->busy_ms;
		break;
	case QUANTUM_EVENT_CLOSED:
		end->closed = true;
		end->why = ev->closed.why;
		break;
	default:
		break;
	}
}

static void
pump(struct arena *a, uint32_t i, unsigned side)
{
	struct arena_end *end = &a->clients[i].end[side];
	struct quantum_event ev;

	if (end->conn == NULL)
		return;
	do {
		transmit(a, i, side);
		while (quantum_conn_poll(end->conn, &ev) == 0)
			on_event(a, i, side, &ev);
	} while (quantum_conn_has_event(end->conn));
	transmit(a, i, side); /* consumed messages gave credit */
	end->deadline_ns = quantum_conn_deadline_ns(end->conn);
	if (!quantum_conn_finished(end->conn))
		return;
	for (unsigned v = 0; v < QUANTUM_NB_VERDICTS; v++)
		a->strays[v] += end->conn->stats.verdicts[v];
	if (side == AT_CLIENT)
		quantum_conn_free(end->conn);
	else
		quantum_server_release(a->server, end->conn);
	end->conn = NULL;
}

static void
send_one(struct arena *a, uint32_t i, unsigned side)
{
	struct arena_end *end = &a->clients[i].end[side];
	struct buf *buf;

	end->flow.next_ns += end->flow.every_ns;
	if (end->conn == NULL || !end->connected || end->closed)
		return;
	buf = buf_new(a);
	memset(buf->data, 0, end->flow.bytes);
	aef_store_be64(buf->data, end->flow.sent);
	aef_store_be64(buf->data + 8, a->now_ns);

	const struct quantum_slice slice = { buf->data, end->flow.bytes, buf };

	if (quantum_conn_send(end->conn, &(struct quantum_send){ 0 }, &slice, 1, a->now_ns) == 0)
		end->flow.sent++;
	else
		buf_put(a, buf);
}

/* ---- receiving ---------------------------------------------------------------------------------
 */

static enum quantum_verdict
conn_rx(struct arena *a, struct quantum_conn *conn, struct quantum_rx *rx)
{
	enum quantum_verdict v = quantum_conn_rx_prepare(conn, rx, a->now_ns);

	if (v != QUANTUM_VERDICT_ACCEPTED)
		return v;
	if (rx->needs_open)
		a->crypto->open(a->crypto->ctx, &rx->op, 1);
	return quantum_conn_rx_commit(conn, rx, a->now_ns);
}

static enum quantum_verdict
server_ack(struct arena *a, uint32_t i, struct quantum_rx *rx, struct quantum_conn **ret_conn,
           struct quantum_tx *reply)
{
	const struct quantum_now now = { a->now_ns, arena_unix_ms(a) };
	struct quantum_accept accept;
	enum quantum_verdict v =
		quantum_server_on_ack(a->server, rx, &now, &accept, ret_conn, reply);

	if (v != QUANTUM_VERDICT_ACCEPTED)
		return v;
	if (quantum_accept_derive(a->crypto, &accept) != 0) {
		quantum_server_abandon(a->server, &accept);
		return QUANTUM_VERDICT_BAD_TOKEN;
	}
	if (quantum_server_accept(a->server, &accept, &now, ret_conn) != 0)
		return QUANTUM_VERDICT_BUSY;
	SIEGE_CHECK(a, a->clients[i].end[AT_SERVER].conn == NULL,
	            "a second connection of client %u", i);
	a->clients[i].nb_accepted++;
	a->clients[i].end[AT_SERVER].conn = *ret_conn;
	a->clients[i].end[AT_SERVER].connected = a->clients[i].end[AT_SERVER].closed = false;
	quantum_conn_set_user(*ret_conn, &a->clients[i]);
	return v;
}

/* @return the connection that took it, or NULL */
static struct quantum_conn *
server_rx(struct arena *a, uint32_t i, struct quantum_rx *rx)
{
	const struct quantum_now now = { a->now_ns, arena_unix_ms(a) };
	const struct quantum_addr server = arena_addr(0xffff00);
	uint8_t data[WIRE_MTU_BASE];
	struct quantum_tx reply = { .data = data, .cap = sizeof(data) };
	struct wire_header hdr = { 0 };
	const enum wire_class clas = wire_classify(rx->data, rx->len, &hdr);
	const struct aef_guuid *cid = &hdr.cid;
	struct quantum_conn *conn = NULL;
	void *found = NULL;
	int16_t lcore;

	if (clas == WIRE_CLASS_PROTECTED)
		quantum_table_lookup(&a->table, &cid, 1, &found, &lcore);
	if (found != NULL)
		conn = found;
	else if (clas == WIRE_CLASS_ACK)
		a->last_verdict = server_ack(a, i, rx, &conn, &reply);
	else
		a->last_verdict = quantum_server_on_stray(a->server, rx, &hdr, clas, &now, &reply);
	if (reply.len > 0)
		net_send(a, i, false, &server, &reply);
	if (conn != NULL)
		a->last_verdict = conn_rx(a, conn, rx);
	return conn;
}

enum quantum_verdict
arena_hand(struct arena *a, uint32_t client, bool up, const struct quantum_addr *from,
           const uint8_t *data, uint32_t len)
{
	struct arena_client *c = &a->clients[client];
	struct buf *buf = buf_new(a);
	struct quantum_rx rx = { .data = buf->data, .len = len, .owner = buf, .from = *from };

	memcpy(buf->data, data, len);
	if (up) {
		struct quantum_conn *conn = server_rx(a, client, &rx);

		if (conn != NULL) { /* of whoever it belongs to: an id may be stolen */
			struct arena_client *owner = quantum_conn_user(conn);

			pump(a, (uint32_t)(owner - a->clients), AT_SERVER);
		}
	} else if (c->end[AT_CLIENT].conn != NULL) {
		a->last_verdict = conn_rx(a, c->end[AT_CLIENT].conn, &rx);
		pump(a, client, AT_CLIENT);
	}
	buf_put(a, buf);
	return a->last_verdict;
}

/* ---- time --------------------------------------------------------------------------------------
 */

static void
arrive(struct arena *a, struct arena_dgram *d)
{
	if (d->up && a->conf.on_up != NULL)
		a->conf.on_up(a, d);
	/* What goes to an address that the client has left falls off the net. */
	if (d->up || quantum_addr_eq(&d->to, &a->clients[d->client].addr)) {
		if (arena_hand(a, d->client, d->up, &d->from, d->data, d->len) ==
		            QUANTUM_VERDICT_ACCEPTED &&
		    !d->up && a->conf.on_down != NULL)
			a->conf.on_down(a, d);
	}
	free(d);
}

static uint64_t
end_next_ns(const struct arena_end *end)
{
	const uint64_t timer = end->conn != NULL ? end->deadline_ns : AEF_TIME_NEVER;

	return end->flow.every_ns != 0 ? aef_min_u64(timer, end->flow.next_ns) : timer;
}

static void
end_run(struct arena *a, uint32_t i, unsigned side)
{
	struct arena_end *end = &a->clients[i].end[side];
	bool due = false;

	while (end->flow.every_ns != 0 && end->flow.next_ns <= a->now_ns) {
		send_one(a, i, side);
		due = true;
	}
	if (end->conn != NULL && end->deadline_ns <= a->now_ns) {
		quantum_conn_on_deadline(end->conn, a->now_ns);
		due = true;
	}
	if (due)
		pump(a, i, side);
}

static void
rotate(struct arena *a)
{
	uint8_t random[64];

	if (a->now_ns < a->rotate_ns)
		return;
	fill(a, random, sizeof(random));
	if (quantum_server_keys_rotate(&a->keys, a->crypto, random) != 0)
		siege_fail(a, "the server's keys cannot be renewed");
	a->rotate_ns += ROTATE_NS;
}

void
arena_run(struct arena *a, uint64_t ns)
{
	const uint64_t end_ns = a->now_ns + ns;
	struct arena_dgram *d;
	uint64_t next;

	for (;;) {
		while ((d = net_pop(a)) != NULL)
			arrive(a, d);
		next = net_next_ns(a);
		for (uint32_t i = 0; i < a->conf.clients; i++)
			for (unsigned side = 0; side < 2; side++) {
				end_run(a, i, side);
				next = aef_min_u64(next, end_next_ns(&a->clients[i].end[side]));
			}
		next = aef_min_u64(next, net_next_ns(a));
		if (next > end_ns)
			break;
		a->now_ns = aef_max_u64(next, a->now_ns);
		rotate(a);
	}
	a->now_ns = end_ns;
	rotate(a);
}

bool
arena_up(const struct arena *a, uint32_t i)
{
	const struct arena_client *c = &a->clients[i];

	for (unsigned side = 0; side < 2; side++)
		if (c->end[side].conn == NULL || !c->end[side].connected || c->end[side].closed)
			return false;
	return true;
}

void
arena_talk(struct arena *a, uint32_t i, uint64_t every_ns, uint32_t bytes)
{
	for (unsigned side = 0; side < 2; side++) {
		struct arena_flow *flow = &a->clients[i].end[side].flow;

		flow->every_ns = every_ns;
		flow->next_ns = a->now_ns + (every_ns > 0 ? arena_below(a, every_ns) : 0);
		flow->bytes = aef_max_u32(bytes, 16);
	}
}

static bool
all_arrived(const struct arena *a)
{
	for (uint32_t i = 0; i < a->conf.clients; i++)
		for (unsigned side = 0; side < 2; side++)
			if (a->clients[i].end[side].flow.sent !=
			    a->clients[i].end[side].flow.arrived)
				return false;
	return true;
}

void
arena_drain(struct arena *a, uint64_t ns)
{
	for (uint32_t i = 0; i < a->conf.clients; i++)
		arena_talk(a, i, 0, 0);
	for (uint64_t t = 0; t < ns && !all_arrived(a); t += 100 * MS)
		arena_run(a, 100 * MS);
	for (uint32_t i = 0; i < a->conf.clients; i++)
		for (unsigned side = 0; side < 2; side++) {
			const struct arena_flow *flow = &a->clients[i].end[side].flow;

			SIEGE_CHECK(a, flow->sent == flow->arrived,
			            "%llu of %llu messages of client %u, side %u, arrived",
			            (unsigned long long)flow->arrived,
			            (unsigned long long)flow->sent, i, side);
		}
}

/* ---- looking -----------------------------------------------------------------------------------
 */

uint64_t
arena_verdicts(const struct arena *a, enum quantum_verdict verdict)
{
	return quantum_server_verdicts(a->server)[verdict];
}

void
arena_audits(struct arena *a, uint64_t ret[QUANTUM_NB_AUDITS])
{
	struct quantum_audit ev;

	memset(ret, 0, QUANTUM_NB_AUDITS * sizeof(ret[0]));
	while (quantum_server_poll_audit(a->server, &ev) == 0)
		ret[ev.type] += ev.count;
	SIEGE_CHECK(a, quantum_server_audit_lost(a->server) == 0, "audit events were lost");
}
