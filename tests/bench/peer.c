/* SPDX-License-Identifier: BSD-3-Clause */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>

#define QUEUED_MAX 256u

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
	struct peer *p = ctx;
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->mp);

	if (m == NULL)
		return NULL;
	if (rte_pktmbuf_tailroom(m) < bytes) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	*ret_data = rte_pktmbuf_mtod(m, uint8_t *);
	return m;
}

static int
token_make(struct protect *issuer, unsigned nr, uint64_t unix_ms, struct quantum_client_conf *ret)
{
	const struct crypto_token want = { .caps = 1, .tenant_id = { { 1 } } };
	struct protect_grant grant;
	const int rc = protect_token_issue(issuer, &want, 0, unix_ms, &grant);

	if (rc != 0)
		return rc;
	memcpy(ret->token, grant.token, sizeof(ret->token));
	memcpy(ret->psk, grant.psk, sizeof(ret->psk));
	ret->cid = grant.conn_id;
	memset(ret->random, (int)nr, sizeof(ret->random));
	memset(ret->dh_seed, (int)nr + 1, sizeof(ret->dh_seed));
	return 0;
}

static int
path_make(struct peer *p, unsigned nr, const struct net_local *server)
{
	char text[NET_IP_TEXT_BYTES];

	p->local.mac[0] = 2;
	p->local.mac[5] = (uint8_t)nr;
	p->local.udp_port = (uint16_t)(40000 + nr);
	p->local.has_ipv4 = true;
	p->local.ipv4_prefix = 24;
	(void)snprintf(text, sizeof(text), "192.0.2.%u", nr);
	if (net_ip_parse(text, &p->local.ipv4, NULL) != 0)
		return AEF_ERR_INVALID;
	net_local_finish(&p->local);
	return net_path_make(&p->path, &p->local, p->local.udp_port, &server->ipv4,
	                     server->udp_port, server->mac);
}

int
peer_open(struct peer *p, unsigned nr, const struct peer_keys *keys, const struct net_local *server,
          struct rte_mempool *mp, uint64_t now_ns, uint64_t unix_ms)
{
	const struct quantum_buf_ops bufs = { buf_get, buf_put, buf_alloc, p };
	struct quantum_client_conf client = { .server.port = server->udp_port };
	struct quantum_env_conf pools;
	struct quantum_conn_conf conf;
	int rc;

	memset(p, 0, sizeof(*p));
	p->provider = keys->provider;
	p->mp = mp;
	memcpy(client.server.ip, server->ipv4.b, sizeof(client.server.ip));
	rc = path_make(p, nr, server);
	if (rc == 0)
		rc = token_make(keys->issuer, nr, unix_ms, &client);
	if (rc != 0)
		return rc;
	quantum_env_conf_scale(&pools, 1, 1);
	p->mem = aligned_alloc(64, quantum_env_bytes(&pools) + quantum_env_secret_bytes(&pools));
	if (p->mem == NULL)
		return AEF_ERR_NOMEM;
	p->env = quantum_env_init(p->mem, (uint8_t *)p->mem + quantum_env_bytes(&pools), &pools,
	                          keys->provider, &bufs, nr);
	quantum_conn_conf_default(&conf);
	conf.queue_msgs_max = QUEUED_MAX;
	return quantum_conn_connect(p->env, &conf, &client, now_ns, &p->conn);
}

void
peer_close(struct peer *p)
{
	quantum_conn_free(p->conn);
	free(p->mem);
}

unsigned
peer_tx(struct peer *p, struct rte_mbuf **ret_frames, unsigned max, uint64_t now_ns)
{
	unsigned nb = 0;

	while (nb < max) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(p->mp);
		struct quantum_tx tx;

		if (m == NULL)
			break;
		tx.data = rte_pktmbuf_mtod(m, uint8_t *);
		tx.cap = WIRE_MTU_BASE;
		if (quantum_conn_tx_prepare(p->conn, &tx, now_ns) != 1) {
			rte_pktmbuf_free(m);
			break;
		}
		if (tx.needs_seal)
			p->provider->seal(p->provider->ctx, &tx.op, 1);
		quantum_conn_tx_commit(p->conn, &tx, true);
		(void)net_tx_build(&p->path, tx.data, (uint16_t)tx.len, tx.ecn, false);
		(void)rte_pktmbuf_append(m, (uint16_t)tx.len);
		(void)rte_pktmbuf_prepend(m, p->path.hdr_len);
		ret_frames[nb++] = m;
	}
	return nb;
}

bool
peer_rx(struct peer *p, struct rte_mbuf *frame, uint64_t now_ns)
{
	uint8_t *bytes = rte_pktmbuf_mtod(frame, uint8_t *);
	struct net_meta meta;
	struct quantum_rx rx;

	if (net_rx_parse(&p->local, bytes, frame->data_len, 0, &meta) != NET_VERDICT_UDP)
		return false;
	rx.data = bytes + meta.payload_off;
	rx.len = meta.payload_len;
	rx.ecn = meta.ecn;
	rx.owner = frame;
	memcpy(rx.from.ip, meta.src.b, sizeof(rx.from.ip));
	rx.from.port = meta.src_port;
	rx.from.zero = 0;
	if (quantum_conn_rx_prepare(p->conn, &rx, now_ns) == QUANTUM_VERDICT_ACCEPTED) {
		if (rx.needs_open)
			p->provider->open(p->provider->ctx, &rx.op, 1);
		(void)quantum_conn_rx_commit(p->conn, &rx, now_ns);
	}
	rte_pktmbuf_free_seg(frame);
	return true;
}

static void
on_event(struct peer *p, const struct quantum_event *ev)
{
	if (ev->type == QUANTUM_EVENT_CONNECTED)
		p->connected = true;
	else if (ev->type == QUANTUM_EVENT_CLOSED)
		p->closed = true;
	if (ev->type != QUANTUM_EVENT_MESSAGE)
		return;
	for (const struct quantum_seg *seg = ev->msg.segs; seg != NULL; seg = seg->next)
		buf_put(NULL, seg->slice.owner);
	p->msgs_received++;
	p->bytes_received += ev->msg.len;
	quantum_conn_consume(p->conn, &ev->msg);
}

void
peer_run(struct peer *p, uint64_t now_ns)
{
	struct quantum_event ev;

	if (quantum_conn_deadline_ns(p->conn) <= now_ns)
		quantum_conn_on_deadline(p->conn, now_ns);
	while (quantum_conn_poll(p->conn, &ev) == 0)
		on_event(p, &ev);
}

int
peer_send(struct peer *p, uint16_t channel, const uint8_t *data, uint32_t len, uint64_t now_ns)
{
	const struct quantum_send send = { .channel = channel };
	const struct quantum_slice slice = { data, len, NULL };
	const int rc = quantum_conn_send(p->conn, &send, &slice, 1, now_ns);

	p->msgs_sent += rc == 0;
	return rc;
}
