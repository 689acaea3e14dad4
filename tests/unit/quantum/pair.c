/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

#include "conn_priv.h"
#include "harness.h"

struct pair_buf {
	int32_t refs;
	struct pair_end *end;
	uint8_t data[WIRE_MTU_MAX];
};

struct pair_dgram {
	uint64_t at_ns;
	bool to_server;
	uint32_t len;
	uint8_t ecn;
	uint8_t *data;
};

const struct crypto_provider *pair_provider;

static const struct crypto_provider *
pair_crypto(void)
{
	return pair_provider != NULL ? pair_provider : crypto_null_provider();
}

static void
buf_get(void *ctx, void *owner)
{
	struct pair_end *end = ctx;

	end->refs++;
	if (owner != NULL)
		((struct pair_buf *)owner)->refs++;
}

static void
buf_put(void *ctx, void *owner)
{
	struct pair_end *end = ctx;
	struct pair_buf *buf = owner;

	end->refs--;
	if (buf != NULL && --buf->refs == 0)
		free(buf);
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct pair_end *end = ctx;
	struct pair_buf *buf = malloc(sizeof(*buf));

	ck_assert_uint_le(bytes, sizeof(buf->data));
	buf->refs = 1;
	end->refs++;
	*ret_data = buf->data;
	return buf;
}

static void
end_init(struct pair_end *end, uint64_t seed, uint32_t conns, uint32_t busy)
{
	struct quantum_env_conf conf;
	const struct quantum_buf_ops ops = { buf_get, buf_put, buf_alloc, end };

	quantum_env_conf_scale(&conf, conns, busy);
	end->mem = aligned_alloc(64, quantum_env_bytes(&conf));
	end->secret_mem = aligned_alloc(64, quantum_env_secret_bytes(&conf));
	memset(end->secret_mem, 0, quantum_env_secret_bytes(&conf));
	end->env = quantum_env_init(end->mem, end->secret_mem, &conf, pair_crypto(), &ops, seed);
	end->conn = NULL;
	end->refs = 0;
}

void
pair_init(struct pair *p, uint64_t seed)
{
	pair_init_sized(p, seed, 8, 4);
}

void
pair_init_sized(struct pair *p, uint64_t seed, uint32_t conns, uint32_t busy)
{
	uint8_t random[64];
	uint8_t reset_key[32] = { 9 };

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->now_ns = PAIR_NS;
	p->delay_ns = 10 * AEF_NS_PER_MS;
	p->client_addr = (struct quantum_addr){ .ip = { 1 }, .port = 1000 };
	p->server_addr = (struct quantum_addr){ .ip = { 2 }, .port = 2000 };
	for (unsigned i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(i + seed);
	quantum_conn_conf_default(&p->conf);
	end_init(&p->client, seed + 1, conns, busy);
	end_init(&p->server, seed + 2, conns, busy);
	p->tap = calloc(2, sizeof(*p->tap));
	ck_assert_int_eq(quantum_server_keys_init(&p->keys, pair_crypto(), random, reset_key), 0);
	quantum_cid_codec_init(&p->codec, random);
	p->table_mem = aligned_alloc(64, quantum_table_bytes(8));
	quantum_table_init(&p->table, p->table_mem, 8, 3, &p->codec, seed);
	p->server_mem = aligned_alloc(64, (quantum_server_bytes(64) + 63) & ~63ull);
	p->srv = quantum_server_init(p->server_mem, 64, p->server.env, &p->table, &p->keys,
	                             &p->conf);
	p->queue = calloc(PAIR_DGRAMS, sizeof(*p->queue));
}

static uint64_t
unix_ms(const struct pair *p)
{
	return PAIR_UNIX + (p->now_ns - PAIR_NS) / AEF_NS_PER_MS;
}

void
pair_seal_token(struct pair *p)
{
	const struct crypto_provider *crypto = pair_crypto();
	uint8_t nonce[CRYPTO_NONCE_BYTES] = { (uint8_t)++p->tokens, (uint8_t)p->seed };

	ck_assert_int_eq(crypto->token_seal(crypto->ctx, &p->token, nonce, p->dialed.token), 0);
	p->dialed.cid = p->token.conn_id;
	memcpy(p->dialed.psk, p->token.psk, sizeof(p->dialed.psk));
	p->dialed.random[0] = (uint8_t)p->tokens;
	p->dialed.dh_seed[0] = (uint8_t)(p->tokens + 1);
}

void
pair_connect(struct pair *p)
{
	p->dialed = (struct quantum_client_conf){ .server = p->server_addr };
	p->token =
		(struct crypto_token){ .issued_ms = unix_ms(p), .expires_ms = unix_ms(p) + 30000 };
	p->token.epoch = pair_provider != NULL ? 1 : 0; /* of a ring in memory */
	p->token.conn_id.b[0] = (uint8_t)(p->tokens + 1);
	p->token.conn_id.b[15] = 1;
	memset(p->token.psk, 7, sizeof(p->token.psk));
	pair_seal_token(p);
	pair_redial(p);
}

void
pair_redial(struct pair *p)
{
	struct quantum_event ev;

	if (p->client.conn != NULL)
		while (pair_poll(p, &p->client, QUANTUM_EVENT_CLOSED, &ev))
			;
	quantum_conn_free(p->client.conn);
	ck_assert_int_eq(quantum_conn_connect(p->client.env, &p->conf, &p->dialed, p->now_ns,
	                                      &p->client.conn),
	                 0);
}

static void
tap(struct pair *p, bool to_server, const struct quantum_tx *tx)
{
	struct wire_header hdr;
	struct pair_tap *t = &p->tap[to_server][wire_classify(tx->data, tx->len, &hdr)];

	memcpy(t->data, tx->data, tx->len);
	t->len = tx->len;
	t->nb++;
}

static void
queue_push(struct pair *p, bool to_server, const struct quantum_tx *tx)
{
	struct pair_dgram *d = &p->queue[p->nb_queue];

	ck_assert_uint_lt(p->nb_queue, PAIR_DGRAMS);
	*d = (struct pair_dgram){ .at_ns = p->now_ns + p->delay_ns,
		                  .to_server = to_server,
		                  .len = tx->len,
		                  .ecn = tx->ecn,
		                  .data = malloc(tx->len) };
	memcpy(d->data, tx->data, tx->len);
	tap(p, to_server, tx);
	if (to_server)
		p->nb_to_server++;
	else
		p->nb_to_client++;
	if (p->filter != NULL && p->filter(p, to_server, d->data, &d->len)) {
		free(d->data);
		return;
	}
	p->nb_queue++;
}

static void
transmit(struct pair *p, struct pair_end *end, bool to_server)
{
	uint8_t data[WIRE_MTU_MAX];

	if (end->conn == NULL)
		return;
	for (unsigned i = 0; i < 1000; i++) {
		struct quantum_tx tx = { .data = data, .cap = sizeof(data) };
		const struct crypto_provider *crypto = pair_crypto();

		if (quantum_conn_tx_prepare(end->conn, &tx, p->now_ns) != 1)
			return;
		if (tx.needs_seal)
			crypto->seal(crypto->ctx, &tx.op, 1);
		queue_push(p, to_server, &tx);
		quantum_conn_tx_commit(end->conn, &tx, true);
	}
	ck_abort_msg("a connection transmits without end");
}

static enum quantum_verdict
conn_rx(struct pair *p, struct quantum_conn *conn, struct quantum_rx *rx)
{
	const struct crypto_provider *crypto = pair_crypto();
	const enum quantum_verdict v = quantum_conn_rx_prepare(conn, rx, p->now_ns);

	if (v != QUANTUM_VERDICT_ACCEPTED)
		return v;
	if (rx->needs_open)
		crypto->open(crypto->ctx, &rx->op, 1);
	return quantum_conn_rx_commit(conn, rx, p->now_ns);
}

static enum quantum_verdict
server_rx(struct pair *p, struct quantum_rx *rx)
{
	const struct quantum_now now = { p->now_ns, unix_ms(p) };
	uint8_t reply[WIRE_MTU_MAX];
	struct quantum_tx tx = { .data = reply, .cap = sizeof(reply) };
	struct quantum_accept accept;
	struct wire_header hdr = { 0 };
	const enum wire_class clas = wire_classify(rx->data, rx->len, &hdr);
	const struct aef_guuid *cid = &hdr.cid;
	struct quantum_conn *conn = NULL;
	void *found = NULL;
	int16_t lcore;
	enum quantum_verdict v;

	if (clas == WIRE_CLASS_PROTECTED) {
		quantum_table_lookup(&p->table, &cid, 1, &found, &lcore);
		if (found != NULL)
			return conn_rx(p, found, rx);
	}
	if (clas != WIRE_CLASS_ACK) {
		v = quantum_server_on_stray(p->srv, rx, &hdr, clas, &now, &tx);
		if (tx.len > 0)
			queue_push(p, false, &tx);
		return v;
	}
	v = quantum_server_on_ack(p->srv, rx, &now, &accept, &conn, &tx);
	if (tx.len > 0)
		queue_push(p, false, &tx);
	if (v == QUANTUM_VERDICT_ACCEPTED) {
		if (quantum_accept_derive(pair_crypto(), &accept) != 0) {
			quantum_server_abandon(p->srv, &accept);
			return v;
		}
		ck_assert_int_eq(quantum_server_accept(p->srv, &accept, &now, &conn), 0);
		p->server.conn = conn;
	}
	return conn != NULL ? conn_rx(p, conn, rx) : v;
}

static enum quantum_verdict
hand(struct pair *p, bool to_server, const uint8_t *data, uint32_t len, uint8_t ecn)
{
	struct pair_end *end = to_server ? &p->server : &p->client;
	struct pair_buf *buf = malloc(sizeof(*buf));
	struct quantum_rx rx = { .data = buf->data, .len = len, .ecn = ecn, .owner = buf };

	buf->refs = 1;
	buf->end = end;
	memcpy(buf->data, data, len);
	rx.from = to_server ? p->client_addr : p->server_addr;
	if (to_server)
		p->last_verdict = server_rx(p, &rx);
	else
		p->last_verdict = end->conn != NULL ? conn_rx(p, end->conn, &rx)
		                                    : QUANTUM_VERDICT_UNKNOWN_CID;
	if (--buf->refs == 0)
		free(buf);
	return p->last_verdict;
}

enum quantum_verdict
pair_hand(struct pair *p, bool to_server, const uint8_t *data, uint32_t len)
{
	return hand(p, to_server, data, len, 0);
}

enum quantum_verdict
pair_inject(struct pair *p, bool to_server, const struct pair_craft *craft, const uint8_t *payload,
            size_t len)
{
	const struct crypto_provider *crypto = pair_crypto();
	struct quantum_conn *from = to_server ? p->client.conn : p->server.conn;
	const uint64_t pn = craft->pn != 0 ? craft->pn : quantum_rtx_pn_peek(&from->rtx);
	const uint32_t aad_len = WIRE_HEADER_BYTES + craft->nb_sacks * WIRE_SACK_BYTES;
	const struct wire_header hdr = {
		.version = WIRE_VERSION,
		.flags = craft->flags,
		.payload_len = (uint16_t)len,
		.seq = (uint32_t)pn,
		.ack = craft->has_ack ? craft->ack : (uint32_t)from->acktr.ack,
		.cid = craft->under_c ? from->cid_c : from->cid_s,
	};
	uint8_t data[WIRE_MTU_MAX];
	struct crypto_op op = { .key = crypto_tx_keys_get(&from->keys->tx, pn),
		                .pn = pn,
		                .aad = data,
		                .aad_len = aad_len,
		                .text = data + aad_len,
		                .text_len = (uint32_t)len,
		                .tag = data + aad_len + len };

	ck_assert_ptr_nonnull(op.key);
	if (craft->pn == 0)
		quantum_rtx_on_sent_untracked(&from->rtx, 0, 1u << 20);
	wire_header_encode(data, &hdr);
	memcpy(data + WIRE_HEADER_BYTES, craft->sacks, aad_len - WIRE_HEADER_BYTES);
	memcpy(data + aad_len, payload, len);
	crypto->seal(crypto->ctx, &op, 1);
	return hand(p, to_server, data, (uint32_t)(aad_len + len + WIRE_TAG_BYTES), craft->ecn);
}

static void
deliver_due(struct pair *p)
{
	for (uint32_t i = 0; i < p->nb_queue;) {
		struct pair_dgram d = p->queue[i];

		if (d.at_ns > p->now_ns) {
			i++;
			continue;
		}
		memmove(&p->queue[i], &p->queue[i + 1], (p->nb_queue - i - 1) * sizeof(d));
		p->nb_queue--;
		(void)hand(p, d.to_server, d.data, d.len,
		           d.ecn != 0 && p->ecn_mark != 0 ? p->ecn_mark : d.ecn);
		free(d.data);
		transmit(p, &p->client, true);
		transmit(p, &p->server, false);
	}
}

static uint64_t
next_ns(const struct pair *p)
{
	uint64_t next = AEF_TIME_NEVER;

	if (p->client.conn != NULL)
		next = quantum_conn_deadline_ns(p->client.conn);
	if (p->server.conn != NULL)
		next = aef_min_u64(next, quantum_conn_deadline_ns(p->server.conn));
	for (uint32_t i = 0; i < p->nb_queue; i++)
		next = aef_min_u64(next, p->queue[i].at_ns);
	return next;
}

void
pair_run(struct pair *p, uint64_t ns)
{
	const uint64_t end_ns = p->now_ns + ns;
	unsigned stuck = 0;

	for (;;) {
		transmit(p, &p->client, true);
		transmit(p, &p->server, false);
		const uint64_t next = next_ns(p);

		if (next > end_ns)
			break;
		stuck = next <= p->now_ns ? stuck + 1 : 0;
		ck_assert_msg(stuck < 10000, "time stands still");
		p->now_ns = aef_max_u64(next, p->now_ns);
		deliver_due(p);
		if (p->client.conn != NULL && quantum_conn_deadline_ns(p->client.conn) <= p->now_ns)
			quantum_conn_on_deadline(p->client.conn, p->now_ns);
		if (p->server.conn != NULL && quantum_conn_deadline_ns(p->server.conn) <= p->now_ns)
			quantum_conn_on_deadline(p->server.conn, p->now_ns);
	}
	p->now_ns = end_ns;
}

void
pair_settle(struct pair *p)
{
	for (unsigned i = 0; i < 1000 && p->nb_queue > 0; i++) {
		p->now_ns = aef_max_u64(p->now_ns, p->queue[0].at_ns);
		deliver_due(p);
	}
}

void
pair_establish(struct pair *p)
{
	struct quantum_event ev;

	pair_connect(p);
	pair_run(p, 200 * AEF_NS_PER_MS);
	ck_assert(pair_poll(p, &p->client, QUANTUM_EVENT_CONNECTED, &ev));
	ck_assert(p->server.conn != NULL);
	ck_assert(pair_poll(p, &p->server, QUANTUM_EVENT_CONNECTED, &ev));
}

int
pair_send(struct pair *p, struct pair_end *end, uint16_t channel, uint32_t len, uint64_t key)
{
	static uint8_t pattern[1 << 20];
	const struct quantum_send send = { .channel = channel, .key = key, .report = true };
	const struct quantum_slice slice = { .data = pattern, .len = len, .owner = NULL };

	ck_assert_uint_le(len, sizeof(pattern));
	if (pattern[1] == 0)
		for (unsigned i = 0; i < sizeof(pattern); i++)
			pattern[i] = (uint8_t)(i * 31 + (i >> 8));
	return quantum_conn_send(end->conn, &send, &slice, 1, p->now_ns);
}

bool
pair_poll(struct pair *p, struct pair_end *end, enum quantum_event_type type,
          struct quantum_event *ret_event)
{
	(void)p;
	while (quantum_conn_poll(end->conn, ret_event) == 0) {
		if (ret_event->type == QUANTUM_EVENT_MESSAGE) {
			uint32_t at = 0;

			for (struct quantum_seg *s = ret_event->msg.segs; s != NULL; s = s->next) {
				for (uint32_t i = 0; i < s->slice.len; i++, at++)
					ck_assert_uint_eq(s->slice.data[i],
					                  (uint8_t)(at * 31 + (at >> 8)));
				buf_put(end, s->slice.owner);
			}
			ck_assert_uint_eq(at, ret_event->msg.len);
			quantum_conn_consume(end->conn, &ret_event->msg);
		}
		if (ret_event->type == type)
			return true;
	}
	return false;
}

/* What stands in the memory for secrets is a list of free objects, and nothing else. */
static void
no_secret_is_left(const struct pair_end *end)
{
	const struct aef_pool *pool = &end->env->secrets;

	ck_assert_ptr_eq(pool->mem, end->secret_mem);
	for (size_t i = 0; i < (size_t)pool->nb_objs * pool->obj_size_bytes; i++)
		if (i % pool->obj_size_bytes >= sizeof(void *))
			/* 0xdd: the pool overwrote it when it came back (AEF_ASSERT_HOT). */
			ck_assert_msg(pool->mem[i] == 0 || pool->mem[i] == 0xdd,
			              "byte %zu of object %zu is not wiped",
			              i % pool->obj_size_bytes, i / pool->obj_size_bytes);
}

static void
end_fini(struct pair_end *end)
{
	for (uint32_t i = 0; i < quantum_env_nb_pools(end->env); i++)
		ck_assert_msg(quantum_env_pool(end->env, i)->in_use == 0, "pool %s: %u in use",
		              quantum_env_pool(end->env, i)->name,
		              quantum_env_pool(end->env, i)->in_use);
	ck_assert_int_eq(end->refs, 0);
	no_secret_is_left(end);
	free(end->secret_mem);
	free(end->mem);
}

void
pair_fini(struct pair *p)
{
	struct quantum_event ev;

	if (p->client.conn != NULL)
		while (pair_poll(p, &p->client, QUANTUM_EVENT_CLOSED, &ev))
			;
	if (p->server.conn != NULL)
		while (pair_poll(p, &p->server, QUANTUM_EVENT_CLOSED, &ev))
			;
	quantum_conn_free(p->client.conn);
	quantum_server_release(p->srv, p->server.conn);
	for (uint32_t i = 0; i < p->nb_queue; i++)
		free(p->queue[i].data);
	free(p->queue);
	free(p->tap);
	end_fini(&p->client);
	end_fini(&p->server);
	free(p->server_mem);
	free(p->table_mem);
}
