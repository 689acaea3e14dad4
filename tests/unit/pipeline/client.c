/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <base/err.h>
#include <base/rng.h>
#include <crypto/token.h>
#include <crypto_null/null_provider.h>

#include "harness.h"

#define FRAME_CAP 1500u

struct rte_mempool *client_pool;

/* A message is one heap block with a count in front. */
struct block {
	uint32_t refs;
	uint8_t data[];
};

static void
buf_get(void *ctx, void *owner)
{
	(void)ctx;
	((struct block *)owner)->refs++;
}

static void
buf_put(void *ctx, void *owner)
{
	struct block *b = owner;

	(void)ctx;
	ck_assert_uint_gt(b->refs, 0);
	if (--b->refs == 0)
		free(b);
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct block *b = malloc(sizeof(*b) + bytes);

	(void)ctx;
	b->refs = 1;
	*ret_data = b->data;
	return b;
}

static uint8_t counter;

void
client_nonce_reset(void)
{
	counter = 0;
}

static void
token_make(struct client *c, unsigned nr, uint64_t now_ns, struct quantum_client_conf *ret)
{
	const struct crypto_provider *p = crypto_null_provider();
	struct crypto_token token = { .issued_ms = now_ns / AEF_NS_PER_MS,
		                      .expires_ms = now_ns / AEF_NS_PER_MS + 30000 };
	uint8_t nonce[CRYPTO_NONCE_BYTES] = { (uint8_t)nr, ++counter };

	memset(&c->cid, (int)nr, sizeof(c->cid));
	c->cid.b[1] = counter;
	c->cid.b[6] = 0x70;
	c->cid.b[8] = 0x80;
	token.conn_id = c->cid;
	token.tenant_id.b[0] = (uint8_t)nr;
	memset(token.psk, 7, sizeof(token.psk));
	ck_assert_int_eq(p->token_seal(p->ctx, &token, nonce, ret->token), 0);
	memcpy(ret->psk, token.psk, sizeof(ret->psk));
	ret->cid = c->cid;
	memset(ret->random, (int)nr, sizeof(ret->random));
	memset(ret->dh_seed, (int)nr + 1, sizeof(ret->dh_seed));
}

static void
path_make(struct client *c, unsigned nr, bool v6, const struct net_local *server)
{
	char text[NET_IP_TEXT_BYTES];

	memset(&c->local, 0, sizeof(c->local));
	c->local.mac[0] = 2;
	c->local.mac[5] = (uint8_t)nr;
	c->local.vlan_id = server->vlan_id;
	c->local.udp_port = (uint16_t)(40000 + nr);
	c->local.has_ipv4 = !v6;
	c->local.has_ipv6 = v6;
	c->local.ipv4_prefix = 24;
	c->local.ipv6_prefix = 64;
	(void)snprintf(text, sizeof(text), v6 ? "2001:db8::%x" : "192.0.2.%u", nr);
	ck_assert_int_eq(net_ip_parse(text, v6 ? &c->local.ipv6 : &c->local.ipv4, NULL), 0);
	net_local_finish(&c->local);
	ck_assert_int_eq(net_path_make(&c->path, &c->local, c->local.udp_port,
	                               v6 ? &server->ipv6 : &server->ipv4, server->udp_port,
	                               server->mac),
	                 0);
}

void
client_open(struct client *c, unsigned nr, bool v6, const struct net_local *server, uint64_t now_ns)
{
	const struct quantum_buf_ops bufs = { .get = buf_get, .put = buf_put, .alloc = buf_alloc };
	struct quantum_env_conf pools;
	struct quantum_conn_conf conf;
	struct quantum_client_conf client = { .server.port = server->udp_port };

	memset(c, 0, sizeof(*c));
	path_make(c, nr, v6, server);
	memcpy(client.server.ip, v6 ? server->ipv6.b : server->ipv4.b, 16);
	token_make(c, nr, now_ns, &client);
	quantum_env_conf_scale(&pools, 1, 1);
	c->mem = aligned_alloc(64, quantum_env_bytes(&pools) + quantum_env_secret_bytes(&pools));
	ck_assert_ptr_nonnull(c->mem);
	c->env = quantum_env_init(c->mem, (uint8_t *)c->mem + quantum_env_bytes(&pools), &pools,
	                          crypto_null_provider(), &bufs, nr);
	quantum_conn_conf_default(&conf);
	ck_assert_int_eq(quantum_conn_connect(c->env, &conf, &client, now_ns, &c->conn), 0);
}

void
client_close(struct client *c)
{
	quantum_conn_free(c->conn);
	for (uint32_t i = 0; i < quantum_env_nb_pools(c->env); i++) {
		const struct aef_pool *pool = quantum_env_pool(c->env, i);

		ck_assert_msg(pool->in_use == 0, "client pool %s: %u in use", pool->name,
		              pool->in_use);
	}
	free(c->mem);
}

unsigned
client_tx(struct client *c, struct rte_mbuf **ret_frames, unsigned max, uint64_t now_ns)
{
	const struct crypto_provider *p = crypto_null_provider();
	unsigned nb = 0;

	while (nb < max) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(client_pool);
		struct quantum_tx tx;

		ck_assert_ptr_nonnull(m);
		tx = (struct quantum_tx){ .data = rte_pktmbuf_mtod(m, uint8_t *), .cap = 1452 };
		if (quantum_conn_tx_prepare(c->conn, &tx, now_ns) == 0) {
			rte_pktmbuf_free(m);
			break;
		}
		if (tx.needs_seal)
			p->seal(p->ctx, &tx.op, 1);
		quantum_conn_tx_commit(c->conn, &tx, true);
		(void)net_tx_build(&c->path, tx.data, (uint16_t)tx.len, tx.ecn, false);
		ck_assert_ptr_nonnull(rte_pktmbuf_append(m, (uint16_t)tx.len));
		ck_assert_ptr_nonnull(rte_pktmbuf_prepend(m, c->path.hdr_len));
		ret_frames[nb++] = m;
	}
	return nb;
}

bool
client_rx(struct client *c, struct rte_mbuf *frame, uint64_t now_ns)
{
	const struct crypto_provider *p = crypto_null_provider();
	const uint8_t *bytes = rte_pktmbuf_mtod(frame, const uint8_t *);
	struct net_meta meta;
	struct quantum_rx rx = { 0 };
	struct block *b;

	if (net_rx_parse(&c->local, bytes, frame->data_len, 0, &meta) != NET_VERDICT_UDP)
		return false;
	b = malloc(sizeof(*b) + meta.payload_len);
	b->refs = 1;
	memcpy(b->data, bytes + meta.payload_off, meta.payload_len);
	rx.data = b->data;
	rx.len = meta.payload_len;
	rx.ecn = meta.ecn;
	rx.owner = b;
	memcpy(rx.from.ip, meta.src.b, 16);
	rx.from.port = meta.src_port;
	if (quantum_conn_rx_prepare(c->conn, &rx, now_ns) == QUANTUM_VERDICT_ACCEPTED) {
		if (rx.needs_open)
			p->open(p->ctx, &rx.op, 1);
		(void)quantum_conn_rx_commit(c->conn, &rx, now_ns);
	}
	buf_put(NULL, b);
	rte_pktmbuf_free(frame);
	return true;
}

static uint64_t
add(uint64_t sum, const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		sum = (sum ^ data[i]) * 0x100000001b3ull;
	return sum;
}

static void
on_event(struct client *c, const struct quantum_event *ev)
{
	switch (ev->type) {
	case QUANTUM_EVENT_CONNECTED:
		c->connected = true;
		break;
	case QUANTUM_EVENT_MESSAGE:
		for (struct quantum_seg *seg = ev->msg.segs; seg != NULL; seg = seg->next) {
			c->sum = add(c->sum, seg->slice.data, seg->slice.len);
			buf_put(NULL, seg->slice.owner);
		}
		c->msgs++;
		c->bytes += ev->msg.len;
		quantum_conn_consume(c->conn, &ev->msg);
		break;
	case QUANTUM_EVENT_CLOSED:
		c->closed = true;
		c->why = ev->closed.why;
		break;
	default:
		break;
	}
}

uint64_t
client_run(struct client *c, uint64_t now_ns)
{
	struct quantum_event ev;

	if (quantum_conn_deadline_ns(c->conn) <= now_ns)
		quantum_conn_on_deadline(c->conn, now_ns);
	while (quantum_conn_poll(c->conn, &ev) == 0)
		on_event(c, &ev);
	return quantum_conn_deadline_ns(c->conn);
}

int
client_send(struct client *c, uint16_t channel, uint32_t seed, uint32_t len, uint64_t now_ns)
{
	const struct quantum_send send = { .channel = channel };
	struct block *b = malloc(sizeof(*b) + len);
	struct quantum_slice slice = { .data = b->data, .len = len, .owner = b };
	uint64_t x = seed;
	int rc;

	b->refs = 1;
	for (uint32_t i = 0; i < len; i++)
		b->data[i] = (uint8_t)aef_splitmix64(&x);
	rc = quantum_conn_send(c->conn, &send, &slice, 1, now_ns);
	if (rc == 0) {
		c->sent_bytes += len;
		c->sent_sum = add(c->sent_sum, b->data, len);
	} else {
		free(b);
	}
	return rc;
}
