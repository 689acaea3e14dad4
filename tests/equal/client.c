/* SPDX-License-Identifier: BSD-3-Clause */
/* The clients: the engine called directly, in both runs the same way. */
#include <string.h>

#include <base/err.h>
#include <crypto/token.h>

#include "equal.h"

#define TX_BURST       8u
#define IDLE_CALLS_MAX 8u
#define MESSAGE_MAX    (48u << 10)

static uint8_t body[MESSAGE_MAX];

static int
token_make(struct world *world, uint32_t i, struct quantum_client_conf *ret)
{
	struct aef_rng *rng = &world->client[i].secrets;
	const uint64_t unix_ms = world->now_ns / AEF_NS_PER_MS;
	struct crypto_token token = { .epoch = 1,
		                      .group = 1,
		                      .expires_ms = unix_ms + CRYPTO_TOKEN_LIFE_DEFAULT_MS,
		                      .issued_ms = unix_ms,
		                      .session_epoch = 1 };
	uint8_t nonce[CRYPTO_NONCE_BYTES];

	random_fill(rng, ret->cid.b, sizeof(ret->cid.b));
	ret->cid.b[6] = (uint8_t)(0x70 | (ret->cid.b[6] & 15));
	ret->cid.b[8] = (uint8_t)(0x80 | (ret->cid.b[8] & 63));
	token.conn_id = token.session_id = ret->cid;
	token.tenant_id.b[0] = (uint8_t)i;
	random_fill(rng, token.psk, sizeof(token.psk));
	random_fill(rng, nonce, sizeof(nonce));
	random_fill(rng, ret->random, sizeof(ret->random));
	random_fill(rng, ret->dh_seed, sizeof(ret->dh_seed));
	memcpy(ret->psk, token.psk, sizeof(ret->psk));
	ret->server = world->server_addr;
	return world->crypto->token_seal(world->crypto->ctx, &token, nonce, ret->token);
}

static void
channels_open(struct world *world, uint32_t i)
{
	for (uint32_t c = 0; c < world->plan.client[i].nb_chans; c++) {
		/* Before the peer's limits are known only low ids are allowed. */
		const int rc =
			quantum_conn_open(world->client[i].conn, world->plan.client[i].chan_id[c],
		                          &world->plan.client[i].chan[0][c]);

		if (rc != 0 && world->client[i].connected && rc != AEF_ERR_STATE)
			world_fail(world, "a channel cannot be opened: %s", aef_err_text(rc));
	}
}

void
client_connect(struct world *world, uint32_t i)
{
	struct client *c = &world->client[i];
	const struct quantum_buf_ops ops = buf_ops(world);
	struct quantum_client_conf conf = { 0 };

	if (c->env == NULL) {
		c->env_mem = mem_take(quantum_env_bytes(&world->plan.client_env) +
		                      quantum_env_secret_bytes(&world->plan.client_env));
		c->env = quantum_env_init(
			c->env_mem,
			(uint8_t *)c->env_mem + quantum_env_bytes(&world->plan.client_env),
			&world->plan.client_env, world->crypto, &ops, aef_rng_u64(&c->secrets));
	}
	if (token_make(world, i, &conf) != 0 ||
	    quantum_conn_connect(c->env, &world->plan.client[i].conf, &conf, world->now_ns,
	                         &c->conn) != 0) {
		world_fail(world, "client %u cannot connect", i);
		return;
	}
	world->totals.sessions++;
	c->connected = c->blocked = c->closed = false;
	c->send_ns = world->now_ns;
	channels_open(world, i);
	client_service(world, i);
}

void
client_drop(struct world *world, uint32_t i)
{
	struct client *c = &world->client[i];

	quantum_conn_free(c->conn);
	c->conn = NULL;
	c->deadline_ns = AEF_TIME_NEVER;
	c->connect_ns = aef_max_u64(c->connect_ns,
	                            world->now_ns + aef_rng_below(&c->rng, 300) * AEF_NS_PER_MS);
}

void
client_arrive(struct world *world, uint32_t i, struct equal_buf *buf)
{
	struct quantum_conn *conn = world->client[i].conn;
	struct quantum_rx rx = { .data = buf->data,
		                 .len = buf->len,
		                 .ecn = buf->ecn,
		                 .owner = buf,
		                 .from = world->server_addr };

	if (conn == NULL ||
	    quantum_conn_rx_prepare(conn, &rx, world->now_ns) != QUANTUM_VERDICT_ACCEPTED)
		return;
	if (rx.needs_open)
		world->crypto->open(world->crypto->ctx, &rx.op, 1);
	(void)quantum_conn_rx_commit(conn, &rx, world->now_ns);
}

static unsigned
transmit(struct world *world, uint32_t i)
{
	uint8_t data[EQUAL_PAYLOAD_MAX];
	unsigned nb = 0;

	for (; nb < TX_BURST; nb++) {
		struct quantum_tx tx = { .data = data, .cap = sizeof(data) };

		if (quantum_conn_tx_prepare(world->client[i].conn, &tx, world->now_ns) != 1)
			break;
		if (tx.needs_seal)
			world->crypto->seal(world->crypto->ctx, &tx.op, 1);
		quantum_conn_tx_commit(world->client[i].conn, &tx, true);
		world_from_client(world, i, tx.data, tx.len, tx.ecn);
	}
	return nb;
}

static void
on_event(struct world *world, uint32_t i, struct quantum_event *ev)
{
	struct client *c = &world->client[i];

	switch (ev->type) {
	case QUANTUM_EVENT_CONNECTED:
		c->connected = true;
		channels_open(world, i);
		break;
	case QUANTUM_EVENT_MESSAGE:
		for (struct quantum_seg *seg = ev->msg.segs; seg != NULL; seg = seg->next)
			if (seg->slice.owner != NULL)
				buf_put(seg->slice.owner);
		world->totals.delivered++;
		quantum_conn_consume(c->conn, &ev->msg);
		break;
	case QUANTUM_EVENT_WRITABLE:
		c->blocked = false;
		break;
	case QUANTUM_EVENT_BUSY:
		c->connect_ns = world->now_ns + ev->busy_ms * AEF_NS_PER_MS;
		break;
	case QUANTUM_EVENT_CLOSED:
		c->closed = true;
		break;
	default:
		break;
	}
}

void
client_service(struct world *world, uint32_t i)
{
	struct client *c = &world->client[i];
	struct quantum_event ev;
	unsigned idle = 0;

	while (c->conn != NULL && !world->failed) {
		unsigned done = transmit(world, i);

		for (; quantum_conn_poll(c->conn, &ev) == 0; done++)
			on_event(world, i, &ev);
		if (quantum_conn_finished(c->conn)) {
			client_drop(world, i);
			return;
		}
		c->deadline_ns = quantum_conn_deadline_ns(c->conn);
		if (c->deadline_ns > world->now_ns && done == 0)
			return;
		idle = done > 0 ? 0 : idle + 1;
		if (idle > IDLE_CALLS_MAX) {
			world_fail(world, "client %u: a deadline makes no progress", i);
			return;
		}
		if (c->deadline_ns <= world->now_ns)
			quantum_conn_on_deadline(c->conn, world->now_ns);
	}
}

void
client_timer(struct world *world, uint32_t i)
{
	quantum_conn_on_deadline(world->client[i].conn, world->now_ns);
	client_service(world, i);
}

static uint32_t
draw_len(struct aef_rng *rng)
{
	const uint64_t kind = aef_rng_below(rng, 1000);

	if (kind < 4)
		return (uint32_t)aef_rng_range(rng, 8 << 10, MESSAGE_MAX);
	if (kind < 40)
		return (uint32_t)aef_rng_range(rng, 1200, 8 << 10);
	return (uint32_t)aef_rng_range(rng, kind < 250 ? 200 : 1, kind < 250 ? 1200 : 200);
}

void
client_send(struct world *world, uint32_t i)
{
	struct client *c = &world->client[i];
	const unsigned burst = aef_rng_below(&c->rng, 40) == 0 ? 12 : 1;

	for (unsigned n = 0; n < burst; n++) {
		const uint32_t chan =
			(uint32_t)aef_rng_below(&c->rng, world->plan.client[i].nb_chans);
		const uint32_t len = draw_len(&c->rng);
		const struct quantum_slice slice = {
			body + aef_rng_below(&c->rng, MESSAGE_MAX - len + 1), len, NULL
		};
		const struct quantum_send how = { .channel = world->plan.client[i].chan_id[chan],
			                          .key = aef_rng_below(&c->rng, 8) };
		int rc;

		if (body[0] == 0) {
			struct aef_rng fill;

			aef_rng_init(&fill, 42);
			random_fill(&fill, body, sizeof(body));
			body[0] = 1;
		}
		if (!c->connected || c->blocked || c->closed)
			continue;
		rc = quantum_conn_send(c->conn, &how, &slice, 1, world->now_ns);
		c->blocked = rc == AEF_ERR_FULL;
		world->totals.sent += rc == 0;
	}
	c->send_ns = world->now_ns + 1 +
	             burst * aef_rng_below(&c->rng, 2 * world->plan.client[i].mean_ns[0]);
	client_service(world, i);
}
