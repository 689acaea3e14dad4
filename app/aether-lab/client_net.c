/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of a client: real Ethernet, IP and UDP headers by dpio, the client's own addresses.
 *
 * IPv4 clients are 10.1.0.0 + number + 1, IPv6 clients fd00::1:0 + number + 1, MAC addresses
 * 02:00:00:01:x:y. The engine's buffers are mbufs (received) or heap blocks (sent, repaired); a
 * block's owner pointer has its lowest bit set, which no mbuf has.
 */
#include <stdlib.h>

#include <base/bytes.h>

#include "client.h"

#define BLOB_TAG 1u

struct blob {
	uint32_t refs;
	alignas(16) uint8_t data[];
};

static struct blob *
blob_of(void *owner)
{
	return (struct blob *)((uintptr_t)owner & ~(uintptr_t)BLOB_TAG);
}

static bool
is_blob(const void *owner)
{
	return ((uintptr_t)owner & BLOB_TAG) != 0;
}

void *
lab_blob_make(const uint8_t *data, size_t len, const uint8_t **ret_data)
{
	struct blob *blob = malloc(sizeof(*blob) + len);

	if (blob == NULL)
		return NULL;
	blob->refs = 1;
	if (data != NULL)
		memcpy(blob->data, data, len);
	*ret_data = blob->data;
	return (void *)((uintptr_t)blob | BLOB_TAG);
}

static void
buf_get(void *ctx, void *owner)
{
	(void)ctx;
	if (owner == NULL)
		return;
	if (is_blob(owner))
		blob_of(owner)->refs++;
	else
		rte_mbuf_refcnt_update(owner, 1);
}

void
lab_buf_put(void *ctx, void *owner)
{
	(void)ctx;
	if (owner == NULL)
		return;
	if (!is_blob(owner))
		rte_pktmbuf_free_seg(owner);
	else if (--blob_of(owner)->refs == 0)
		free(blob_of(owner));
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	const uint8_t *data = NULL;
	void *owner = lab_blob_make(NULL, bytes, &data);

	(void)ctx;
	if (owner != NULL)
		*ret_data = blob_of(owner)->data;
	return owner;
}

struct quantum_buf_ops
lab_buf_ops(void)
{
	return (struct quantum_buf_ops){ .get = buf_get, .put = lab_buf_put, .alloc = buf_alloc };
}

static void
to_quantum_addr(const struct net_ip *ip, uint16_t port, struct quantum_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->ip, ip->b, sizeof(ret->ip));
	ret->port = port;
}

void
lab_client_addresses(struct lab_client *client)
{
	const struct net_local *server = client->host->conf.server;
	const uint16_t number = (uint16_t)(client->idx + 1);
	const uint16_t port = (uint16_t)(20000 + client->idx);
	struct net_local *local = &client->local;
	const bool v6 = client->host->conf.ipv6;
	const struct net_ip *remote = v6 ? &server->ipv6 : &server->ipv4;

	memset(local, 0, sizeof(*local));
	local->mac[0] = 2;
	local->mac[3] = 1;
	aef_store_be16(local->mac + 4, number);
	local->udp_port = port;
	local->has_ipv4 = !v6;
	local->has_ipv6 = v6;
	local->ipv4_prefix = 8;
	local->ipv6_prefix = 64;
	local->ipv4 = net_ip_from_v4(
		(const uint8_t[4]){ 10, 1, (uint8_t)(number >> 8), (uint8_t)number });
	local->ipv6 = (struct net_ip){
		{ 0xfd, [13] = 1, [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number }
	};
	net_local_finish(local);
	/* Both addresses are fixed and of the same version: this cannot fail. */
	aef_assert(net_path_make(&client->path, local, port, remote, server->udp_port,
	                         server->mac) == 0);
	to_quantum_addr(remote, server->udp_port, &client->server);
}

int32_t
lab_client_of_frame(const struct lab_host *host, struct rte_mbuf *mbuf)
{
	struct lab_frame frame;
	uint32_t number;

	if (!lab_frame_parse(mbuf, &frame))
		return -1;
	number = aef_load_be16(frame.payload - NET_UDP_BYTES - 2); /* end of the destination */
	return number >= 1 && number <= host->conf.nb_clients ? (int32_t)number - 1 : -1;
}

unsigned
lab_client_transmit(struct lab_client *client, uint64_t now_ns)
{
	struct lab_host *host = client->host;
	const struct crypto_provider *crypto = host->provider;
	unsigned nb = 0;

	for (; client->conn != NULL && nb < LAB_BATCH; nb++) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(host->conf.pool);
		struct quantum_tx tx = { 0 };
		uint8_t hdr_len;

		if (mbuf == NULL) {
			host->tx_no_mbuf++;
			break;
		}
		tx.data = rte_pktmbuf_mtod(mbuf, uint8_t *);
		tx.cap = rte_pktmbuf_tailroom(mbuf);
		if (quantum_conn_tx_prepare(client->conn, &tx, now_ns) != 1) {
			rte_pktmbuf_free(mbuf);
			break;
		}
		if (tx.needs_seal)
			crypto->seal(crypto->ctx, &tx.op, 1);
		(void)rte_pktmbuf_append(mbuf, (uint16_t)tx.len); /* at most its tailroom */
		hdr_len = net_tx_build(&client->path, tx.data, (uint16_t)tx.len, tx.ecn, false);
		(void)rte_pktmbuf_prepend(mbuf, hdr_len); /* the pool has DPIO_HEADROOM */
		lab_hub_offer(&host->hub, client->idx, LAB_UP, mbuf, now_ns);
		quantum_conn_tx_commit(client->conn, &tx, true);
		host->tx_frames++;
	}
	return nb;
}

void
lab_client_receive(struct lab_client *client, struct rte_mbuf *mbuf, uint64_t now_ns)
{
	struct lab_host *host = client->host;
	const struct crypto_provider *crypto = host->provider;
	struct net_meta meta;
	struct quantum_rx rx = { .owner = mbuf };
	enum quantum_verdict verdict;

	host->rx_frames++;
	if (net_rx_parse(&client->local, rte_pktmbuf_mtod(mbuf, uint8_t *),
	                 rte_pktmbuf_data_len(mbuf), 0, &meta) != NET_VERDICT_UDP ||
	    client->conn == NULL) {
		host->rx_bad++;
		rte_pktmbuf_free(mbuf);
		return;
	}
	rx.data = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, meta.payload_off);
	rx.len = meta.payload_len;
	rx.ecn = meta.ecn;
	to_quantum_addr(&meta.src, meta.src_port, &rx.from);
	verdict = quantum_conn_rx_prepare(client->conn, &rx, now_ns);
	if (verdict == QUANTUM_VERDICT_ACCEPTED) {
		if (rx.needs_open)
			crypto->open(crypto->ctx, &rx.op, 1);
		verdict = quantum_conn_rx_commit(client->conn, &rx, now_ns);
	}
	host->verdicts[verdict]++;
	rte_pktmbuf_free(mbuf); /* our reference; the engine has its own */
}
