/* SPDX-License-Identifier: BSD-3-Clause */
#include "crowd.h"

#include <stdlib.h>
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <protect/mem.h>

#define TX_BURST   16u
#define QUEUED_MAX 64u
#define IDLE_MS    10000u /* the server forgets one whose goodbye was lost */
#define DST_AT     30u    /* of the IPv4 destination in a frame */
#define UDP_LEN_AT 38u

/* ---- buffers ----------------------------------------------------------------------------------
 */

static void
buf_get(void *ctx, void *owner)
{
	(void)ctx;
	if (owner != NULL)
		rte_mbuf_refcnt_update(owner, 1);
}

static void
buf_put(void *ctx, void *owner)
{
	(void)ctx;
	if (owner != NULL)
		rte_pktmbuf_free_seg(owner);
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct crowd *c = ctx;
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->conf.mp);

	if (m == NULL)
		return NULL;
	if (rte_pktmbuf_tailroom(m) < bytes) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	*ret_data = rte_pktmbuf_mtod(m, uint8_t *);
	return m;
}

/* ---- open and close ---------------------------------------------------------------------------
 */

int
crowd_open(struct crowd *c, const struct crowd_conf *conf)
{
	const struct quantum_buf_ops bufs = { buf_get, buf_put, buf_alloc, c };
	struct quantum_env_conf pools;
	uint64_t seed;

	*c = (struct crowd){ .conf = *conf };
	quantum_env_conf_scale(&pools, conf->guests_max, conf->busy);
	c->env_mem = aligned_alloc(64, (quantum_env_bytes(&pools) + 63) & ~(size_t)63);
	c->secret_mem = aligned_alloc(64, (quantum_env_secret_bytes(&pools) + 63) & ~(size_t)63);
	c->guests = calloc(conf->guests_max, sizeof(*c->guests));
	if (c->env_mem == NULL || c->secret_mem == NULL || c->guests == NULL ||
	    protect_random(&seed, sizeof(seed)) != 0)
		return AEF_ERR_NOMEM;
	c->env = quantum_env_init(c->env_mem, c->secret_mem, &pools, conf->provider, &bufs, seed);
	return 0;
}

void
crowd_close(struct crowd *c)
{
	for (uint32_t i = 0; c->env != NULL && i < c->conf.guests_max; i++)
		crowd_drop(c, i);
	free(c->guests);
	free(c->env_mem);
	free(c->secret_mem);
	*c = (struct crowd){ 0 };
}

static int
path_make(struct crowd *c, uint32_t i)
{
	struct net_local local = { .mac = { 2, 0, 1 }, .has_ipv4 = true, .ipv4_prefix = 8 };
	uint8_t *ip = local.ipv4.b;

	ip[10] = ip[11] = 0xff;
	ip[12] = 10;
	ip[13] = (uint8_t)(i >> 16);
	ip[14] = (uint8_t)(i >> 8);
	ip[15] = (uint8_t)i;
	ip[13] |= 0x40; /* 10.64.0.0: neither network nor broadcast address */
	return net_path_make(&c->guests[i].path, &local, CROWD_PORT, &c->conf.server->ipv4,
	                     c->conf.server->udp_port, c->conf.server->mac);
}

int
crowd_dial(struct crowd *c, uint32_t i, uint64_t now_ns, uint64_t unix_ms)
{
	const struct crypto_token want = { .caps = 1, .tenant_id = { { 1 } } };
	struct quantum_client_conf client = { .server.port = c->conf.server->udp_port };
	struct quantum_conn_conf conf;
	struct protect_grant grant;
	struct guest *g = &c->guests[i];
	int rc;

	*g = (struct guest){ .dialled_ns = now_ns, .deadline_ns = now_ns };
	memcpy(client.server.ip, c->conf.server->ipv4.b, sizeof(client.server.ip));
	rc = path_make(c, i);
	if (rc == 0)
		rc = protect_token_issue(c->conf.issuer, &want, 0, unix_ms, &grant);
	if (rc == 0)
		rc = protect_random(client.random, sizeof(client.random));
	if (rc == 0)
		rc = protect_random(client.dh_seed, sizeof(client.dh_seed));
	if (rc != 0)
		return rc;
	memcpy(client.token, grant.token, sizeof(client.token));
	memcpy(client.psk, grant.psk, sizeof(client.psk));
	client.cid = grant.conn_id;
	quantum_conn_conf_default(&conf);
	conf.queue_msgs_max = QUEUED_MAX;
	conf.limits.idle_timeout_ms = IDLE_MS;
	conf.pmtud = false;
	conf.fec_m = 0;
	return quantum_conn_connect(c->env, &conf, &client, now_ns, &g->conn);
}

void
crowd_drop(struct crowd *c, uint32_t i)
{
	struct guest *g = &c->guests[i];

	if (g->conn != NULL)
		quantum_conn_free(g->conn);
	c->nb_connected -= g->connected;
	*g = (struct guest){ .deadline_ns = AEF_TIME_NEVER };
}

/* ---- running ----------------------------------------------------------------------------------
 */

static void
events(struct crowd *c, struct guest *g)
{
	struct quantum_event ev;

	while (quantum_conn_poll(g->conn, &ev) == 0) {
		if (ev.type == QUANTUM_EVENT_CONNECTED) {
			g->connected = true;
			c->nb_connected++;
		} else if (ev.type == QUANTUM_EVENT_CLOSED) {
			g->closed = true;
		} else if (ev.type == QUANTUM_EVENT_MESSAGE) {
			for (struct quantum_seg *s = ev.msg.segs; s != NULL; s = s->next)
				buf_put(NULL, s->slice.owner);
			g->msgs_received++;
			quantum_conn_consume(g->conn, &ev.msg);
		}
	}
}

static unsigned
transmit(struct crowd *c, struct guest *g, uint64_t now_ns)
{
	const struct crypto_provider *crypto = c->conf.provider;
	struct rte_mbuf *frames[TX_BURST];
	struct quantum_tx tx[TX_BURST];
	struct crypto_op ops[TX_BURST];
	unsigned nb = 0, nb_ops = 0;

	for (; nb < TX_BURST; nb++) {
		frames[nb] = rte_pktmbuf_alloc(c->conf.mp);
		if (frames[nb] == NULL)
			break;
		tx[nb].data = rte_pktmbuf_mtod(frames[nb], uint8_t *);
		tx[nb].cap = WIRE_MTU_BASE;
		if (quantum_conn_tx_prepare(g->conn, &tx[nb], now_ns) != 1) {
			rte_pktmbuf_free(frames[nb]);
			break;
		}
		if (tx[nb].needs_seal)
			ops[nb_ops++] = tx[nb].op;
	}
	if (nb_ops > 0)
		crypto->seal(crypto->ctx, ops, nb_ops);
	for (unsigned i = 0; i < nb; i++) {
		struct rte_mbuf *m = frames[i];

		memcpy(g->last, tx[i].data, sizeof(g->last));
		quantum_conn_tx_commit(g->conn, &tx[i], true);
		(void)net_tx_build(&g->path, tx[i].data, (uint16_t)tx[i].len, tx[i].ecn, false);
		m->data_len = (uint16_t)tx[i].len;
		m->pkt_len = tx[i].len;
		(void)rte_pktmbuf_prepend(m, g->path.hdr_len);
		c->tx_pkts++;
		if (rte_ring_enqueue(c->conf.wire_out, m) != 0) {
			c->tx_refused++;
			rte_pktmbuf_free(m);
		}
	}
	return nb;
}

unsigned
crowd_run(struct crowd *c, uint32_t i, uint64_t now_ns)
{
	struct guest *g = &c->guests[i];
	unsigned nb;

	if (g->conn == NULL)
		return 0;
	if (quantum_conn_deadline_ns(g->conn) <= now_ns)
		quantum_conn_on_deadline(g->conn, now_ns);
	events(c, g);
	nb = transmit(c, g, now_ns);
	g->deadline_ns = quantum_conn_deadline_ns(g->conn);
	if (g->deadline_ns <= now_ns) /* it may, but cannot now */
		g->deadline_ns = now_ns + 1000;
	return nb;
}

void
crowd_run_due(struct crowd *c, uint64_t now_ns)
{
	for (uint32_t i = 0; i < c->conf.guests_max; i++)
		if (c->guests[i].conn != NULL && c->guests[i].deadline_ns <= now_ns)
			(void)crowd_run(c, i, now_ns);
}

bool
crowd_rx(struct crowd *c, struct rte_mbuf *frame, uint64_t now_ns)
{
	uint8_t *bytes = rte_pktmbuf_mtod(frame, uint8_t *);
	const uint32_t ip = frame->data_len > CROWD_HDR_BYTES ? aef_load_be32(bytes + DST_AT) : 0;
	const uint32_t i = ip & 0x3fffff;
	const struct crypto_provider *crypto = c->conf.provider;
	struct quantum_rx rx = { .owner = frame };

	if (ip >> 22 != (10u << 24 | 0x40u << 16) >> 22 || i >= c->conf.guests_max)
		return false;
	c->rx_pkts++;
	rx.data = bytes + CROWD_HDR_BYTES;
	rx.len = aef_load_be16(bytes + UDP_LEN_AT) - 8u;
	c->rx_bytes += rx.len;
	memcpy(rx.from.ip, c->conf.server->ipv4.b, sizeof(rx.from.ip));
	rx.from.port = c->conf.server->udp_port;
	if (c->guests[i].conn != NULL &&
	    quantum_conn_rx_prepare(c->guests[i].conn, &rx, now_ns) == QUANTUM_VERDICT_ACCEPTED) {
		if (rx.needs_open)
			crypto->open(crypto->ctx, &rx.op, 1);
		(void)quantum_conn_rx_commit(c->guests[i].conn, &rx, now_ns);
		c->guests[i].deadline_ns = 0;
	}
	rte_pktmbuf_free_seg(frame);
	return true;
}

int
crowd_send(struct crowd *c, uint32_t i, uint16_t channel, const uint8_t *data, uint32_t len,
           uint64_t now_ns)
{
	const struct quantum_send send = { .channel = channel };
	const struct quantum_slice slice = { data, len, NULL };

	c->guests[i].deadline_ns = 0;
	return quantum_conn_send(c->guests[i].conn, &send, &slice, 1, now_ns);
}
