/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * (B) the appliance: frames on rings of a net_ring port, the pipeline, delivery rings, a worker;
 * all polled by this one thread on the world's clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <dpio/eal.h>
#include <pipeline/pipeline.h>
#include <worker/slab.h>
#include <worker/worker.h>

#include "equal.h"

#define WIRE_SLOTS  16384u
#define RX_MBUFS    24575u /* received messages stay in them until the server is done */
#define TX_MBUFS    4095u
#define REPLY_MBUFS 1023u
#define SLAB_BYTES  (1u << 20)
#define MEMORY_MB   320u
#define SERVER_IP   "10.0.0.1/8"

static_assert(DPIO_BURST == EQUAL_BURST && DELIVERY_BURST == EQUAL_BURST,
              "the direct server takes as much at a time");

/* Taken once: EAL starts once in a process. */
static struct {
	struct dpio_pool rx, tx, replies;
	struct rte_ring *in, *out;
	struct dpio_port port;
	void *slab_mem;
	bool port_up;
} node;

struct ring_server {
	struct world *world;
	struct delivery_clock clock;
	struct quantum_cid_codec codec;
	struct pipeline_keys keys;
	struct pipeline_lcore *lcore;
	struct delivery_link link;
	struct worker *worker;
	struct worker_slab slab;
	struct aef_alloc alloc;
};

static int
port_start(struct aef_text *error)
{
	struct dpio_port_conf conf;

	dpio_port_conf_defaults(&conf);
	conf.name = "server";
	conf.device = "equal";
	conf.mac = "02:00:00:00:00:01";
	conf.ipv4 = SERVER_IP;
	conf.udp_port = EQUAL_UDP_PORT;
	node.in = rte_ring_create("equal_in", WIRE_SLOTS, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	node.out = rte_ring_create("equal_out", WIRE_SLOTS, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (node.in == NULL || node.out == NULL)
		return AEF_ERR_NOMEM;
	return dpio_port_start_rings(&node.port, &conf, &node.in, &node.out, &node.tx, error);
}

int
ring_start(void)
{
	char buf[300] = "";
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct dpio_conf conf;
	int rc;

	dpio_conf_defaults(&conf);
	conf.hugepages = DPIO_HUGEPAGES_NEVER;
	conf.memory_mb = MEMORY_MB;
	conf.lcores = 1;
	rc = dpio_eal_start(&conf, &error);
	if (rc == 0)
		rc = dpio_pool_create(&node.rx, "equal_rx", RX_MBUFS, 2048, &error);
	if (rc == 0)
		rc = dpio_pool_create(&node.tx, "equal_tx", TX_MBUFS, 2048, &error);
	if (rc == 0)
		rc = dpio_pool_create(&node.replies, "equal_rep", REPLY_MBUFS, EQUAL_BUF_BYTES,
		                      &error);
	if (rc == 0)
		rc = port_start(&error);
	node.slab_mem = mem_take(SLAB_BYTES);
	node.port_up = rc == 0;
	if (rc != 0)
		(void)fprintf(stderr, "equal: %s\n", buf);
	return rc;
}

void
ring_stop(void)
{
	if (node.port_up)
		dpio_port_stop(&node.port);
	rte_ring_free(node.in);
	rte_ring_free(node.out);
	dpio_pool_destroy(&node.rx);
	dpio_pool_destroy(&node.tx);
	dpio_pool_destroy(&node.replies);
	free(node.slab_mem);
	dpio_eal_stop();
}

/* ---- life --------------------------------------------------------------------------------------
 */

static int
lcore_open(struct ring_server *s, const struct server_seed *seed, struct aef_text *error)
{
	struct pipeline_conf conf;

	pipeline_conf_default(&conf);
	conf.conns = s->world->plan.server_conns;
	conf.tokens_max = EQUAL_TOKENS;
	conf.tx_per_conn = EQUAL_TX_PER_CONN;
	conf.payload_max = EQUAL_PAYLOAD_MAX;
	conf.timers_per_poll = UINT16_MAX;
	conf.clock = s->clock;
	conf.provider = s->world->crypto;
	conf.codec = &s->codec;
	conf.keys = &s->keys;
	conf.conn = s->world->plan.server_conf;
	conf.pools = &s->world->plan.server_env;
	conf.seed = seed->engine;
	s->lcore = pipeline_lcore_create(&conf, error);
	if (s->lcore == NULL)
		return AEF_ERR_NOMEM;
	return pipeline_lcore_add_port(s->lcore, &node.port, 0, &node.tx, 1000);
}

static int
worker_open(struct ring_server *s, struct aef_text *error)
{
	struct worker_conf conf;
	struct delivery_conf link;
	int rc;

	worker_conf_default(&conf);
	conf.service = &equal_service;
	conf.service_conf = &s->world->plan;
	conf.alloc = &s->alloc;
	conf.replies = node.replies.mp;
	conf.clock = s->clock;
	s->worker = worker_create(&conf, error);
	if (s->worker == NULL)
		return AEF_ERR_NOMEM;
	delivery_conf_default(&link);
	link.name = "equal";
	link.ring_size = 8192;
	link.descs = 16383;
	link.slots = s->world->plan.server_conns;
	link.credit_bytes = 64u << 20; /* the service has a window of its own */
	link.credit_msgs = 8192;
	rc = delivery_link_init(&s->link, &link, NULL, NULL, error);
	if (rc == 0)
		rc = pipeline_lcore_add_worker(s->lcore, &s->link.transport);
	if (rc == 0)
		rc = worker_add_link(s->worker, &s->link.worker, 0);
	return rc == 0 ? worker_start(s->worker, error) : rc;
}

static void *
ring_open(struct world *world, const struct server_seed *seed)
{
	static const uint8_t reset_key[32] = "the operator's, over restarts";
	struct ring_server *s = mem_take(sizeof(*s)); /* its parts ask for cache lines */
	char buf[300] = "";
	struct aef_text error = aef_text_make(buf, sizeof(buf));

	memset(s, 0, sizeof(*s));
	s->world = world;
	s->clock = delivery_clock_virtual(&world->now_ns);
	quantum_cid_codec_init(&s->codec, seed->cid_key);
	worker_slab_init(&s->slab, node.slab_mem, SLAB_BYTES);
	s->alloc = worker_slab_alloc(&s->slab);
	if (pipeline_keys_init(&s->keys, world->crypto, seed->handshake, reset_key) != 0 ||
	    lcore_open(s, seed, &error) != 0 || worker_open(s, &error) != 0) {
		(void)fprintf(stderr, "equal: %s\n", buf);
		abort();
	}
	return s;
}

/* The test is about order and time; what was refused for want of room would hide there. */
static void
refusals_check(const struct ring_server *s)
{
	const struct pipeline_stats *stats = pipeline_lcore_stats(s->lcore);
	const struct worker_stats *w = worker_stats(s->worker);
	const struct dpio_stats *port = &pipeline_lcore_burst(s->lcore, 0)->stats;
	uint64_t dropped = 0;

	for (unsigned v = 0; v < NET_NB_VERDICTS; v++)
		dropped += v == NET_VERDICT_UDP ? 0 : port->verdicts[v];
	if (stats->tx_no_mbuf + stats->tx_refused + stats->tx_no_path + stats->stalls +
	            w->refused_credit + w->refused_desc + w->no_buf + w->holds + dropped !=
	    0)
		world_fail(s->world,
		           "ring: no mbuf %llu, refused %llu, no path %llu, stalls %llu, frames "
		           "dropped %llu, worker %llu",
		           (unsigned long long)stats->tx_no_mbuf,
		           (unsigned long long)stats->tx_refused,
		           (unsigned long long)stats->tx_no_path, (unsigned long long)stats->stalls,
		           (unsigned long long)dropped,
		           (unsigned long long)(w->refused_credit + w->refused_desc + w->no_buf));
}

static void
ring_close(void *server)
{
	struct ring_server *s = server;

	refusals_check(s);
	worker_destroy(s->worker);
	pipeline_lcore_destroy(s->lcore);
	delivery_link_fini(&s->link);
	if (rte_mempool_in_use_count(node.rx.mp) + rte_mempool_in_use_count(node.tx.mp) +
	            rte_mempool_in_use_count(node.replies.mp) + s->alloc.used_bytes >
	    0)
		world_fail(s->world, "ring: %u + %u + %u mbufs in use at the end",
		           rte_mempool_in_use_count(node.rx.mp),
		           rte_mempool_in_use_count(node.tx.mp),
		           rte_mempool_in_use_count(node.replies.mp));
	free(s);
}

static void
ring_rotate(void *server, const uint8_t random[64])
{
	struct ring_server *s = server;

	if (pipeline_keys_rotate(&s->keys, s->world->crypto, random) != 0)
		world_fail(s->world, "server keys do not rotate");
}

/* ---- frames ------------------------------------------------------------------------------------
 */

static void
local_of(struct net_local *local, const uint8_t ip[16])
{
	*local = (struct net_local){ .mac = { 2, 0, 0, 0, 1, ip[14] },
		                     .has_ipv4 = true,
		                     .ipv4_prefix = 8 };
	memcpy(local->ipv4.b, ip, 16);
}

static void
ring_arrive(void *server, struct equal_buf *buf)
{
	struct ring_server *s = server;
	struct rte_mbuf *m = rte_pktmbuf_alloc(node.rx.mp);
	struct net_local local;
	struct net_path path;

	local_of(&local, buf->from.ip);
	if (m == NULL || net_path_make(&path, &local, buf->from.port, &node.port.local.ipv4,
	                               EQUAL_UDP_PORT, node.port.local.mac) != 0) {
		world_fail(s->world, "ring: no frame");
		rte_pktmbuf_free(m);
		return;
	}
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), buf->data, buf->len);
	(void)net_tx_build(&path, rte_pktmbuf_mtod(m, uint8_t *), (uint16_t)buf->len, buf->ecn,
	                   false);
	(void)rte_pktmbuf_append(m, (uint16_t)buf->len);
	(void)rte_pktmbuf_prepend(m, path.hdr_len);
	if (rte_ring_enqueue(node.in, m) != 0) {
		world_fail(s->world, "ring: no room on the wire");
		rte_pktmbuf_free(m);
	}
}

static void
frame_out(struct ring_server *s, struct rte_mbuf *m)
{
	const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct net_ip to = net_ip_from_v4(bytes + NET_ETHER_BYTES + 16);
	struct quantum_addr addr = { 0 };
	struct net_local local;
	struct net_meta meta;

	local_of(&local, to.b);
	if (net_rx_parse(&local, bytes, m->data_len, 0, &meta) != NET_VERDICT_UDP ||
	    meta.src_port != EQUAL_UDP_PORT || m->nb_segs != 1) {
		world_fail(s->world, "ring: the server sent a frame that nobody would take");
	} else {
		memcpy(addr.ip, to.b, sizeof(addr.ip));
		addr.port = meta.dst_port;
		world_from_server(s->world, &addr, bytes + meta.payload_off, meta.payload_len,
		                  meta.ecn);
	}
	rte_pktmbuf_free(m);
}

static unsigned
ring_step(void *server)
{
	struct ring_server *s = server;
	unsigned work = pipeline_lcore_poll(s->lcore);
	void *m;

	while (rte_ring_dequeue(node.out, &m) == 0)
		frame_out(s, m);
	return work + worker_poll(s->worker);
}

static uint64_t
ring_next_ns(const void *server)
{
	const struct ring_server *s = server;

	return pipeline_lcore_next_ns(s->lcore);
}

const struct server_ops ring_server = {
	.name = "ring",
	.open = ring_open,
	.close = ring_close,
	.rotate = ring_rotate,
	.arrive = ring_arrive,
	.step = ring_step,
	.next_ns = ring_next_ns,
};
