/* SPDX-License-Identifier: BSD-3-Clause */
#include "appliance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/err.h>

#define SLAB_BYTES (4u << 20)
#define MBUFS      16383u
#define REPLIES    1023u
#define MBUF_BYTES 2048u
#define WIRE_SLOTS 1024u

static uint32_t
or_default(uint32_t value, uint32_t otherwise)
{
	return value != 0 ? value : otherwise;
}

static struct rte_ring *
wire(struct appliance *a, unsigned idx)
{
	snprintf(a->names[idx], sizeof(a->names[idx]), "%s_w%u", a->conf.name, idx);
	return rte_ring_create(a->names[idx], or_default(a->conf.wire_slots, WIRE_SLOTS), 0,
	                       RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static int
port_open(struct appliance *a, struct aef_text *error)
{
	struct dpio_port_conf conf;

	a->wire_in = wire(a, 0);
	a->wire_out = wire(a, 1);
	if (a->wire_in == NULL || a->wire_out == NULL)
		return AEF_ERR_NOMEM;
	dpio_port_conf_defaults(&conf);
	conf.name = a->conf.name;
	conf.device = a->conf.name;
	conf.mac = "02:00:00:00:00:01";
	conf.ipv4 = "192.0.2.1/24";
	conf.queues = 1;
	return dpio_port_start_rings(&a->port, &conf, &a->wire_in, &a->wire_out, &a->pool, error);
}

static int
handshaker_open(struct appliance *a, struct aef_text *error)
{
	struct pipeline_handshaker_conf conf;

	pipeline_handshaker_conf_default(&conf);
	conf.name = a->conf.name;
	a->handshaker = pipeline_handshaker_create(&conf, error);
	return a->handshaker != NULL ? 0 : AEF_ERR_NOMEM;
}

static int
lcore_open(struct appliance *a, struct aef_text *error)
{
	struct pipeline_conf conf;

	pipeline_conf_default(&conf);
	conf.conns = a->conf.conns;
	conf.conns_busy = or_default(a->conf.busy, a->conf.conns);
	conf.tokens_max = or_default(a->conf.tokens, conf.tokens_max);
	conf.syn_share_pct = (uint8_t)or_default(a->conf.syn_share_pct, conf.syn_share_pct);
	conf.stranger_share_pct =
		(uint8_t)or_default(a->conf.syn_share_pct, conf.stranger_share_pct);
	conf.ack_share_pct = (uint8_t)or_default(a->conf.ack_share_pct, conf.ack_share_pct);
	conf.handshaker = a->handshaker;
	conf.clock = a->conf.clock;
	conf.provider = a->conf.provider;
	conf.codec = &a->codec;
	conf.keys = &a->keys;
	conf.seed = 1;
	conf.idle.busy_poll = true;
	a->lcore = pipeline_lcore_create(&conf, error);
	if (a->lcore == NULL)
		return AEF_ERR_NOMEM;
	return pipeline_lcore_add_port(a->lcore, &a->port, 0, &a->pool, 1000);
}

static int
worker_open(struct appliance *a, struct aef_text *error)
{
	struct worker_conf conf;
	struct delivery_conf link;
	int rc;

	worker_conf_default(&conf);
	conf.service = a->conf.service;
	conf.alloc = &a->alloc;
	conf.replies = a->replies.mp;
	conf.clock = a->conf.clock;
	conf.idle.busy_poll = true;
	a->worker = worker_create(&conf, error);
	if (a->worker == NULL)
		return AEF_ERR_NOMEM;
	delivery_conf_default(&link);
	link.name = a->names[2];
	link.slots = a->conf.conns;
	rc = delivery_link_init(&a->link, &link, pipeline_lcore_bell(a->lcore),
	                        worker_bell(a->worker), error);
	if (rc == 0)
		rc = pipeline_lcore_add_worker(a->lcore, &a->link.transport);
	if (rc == 0)
		rc = worker_add_link(a->worker, &a->link.worker, 0);
	return rc == 0 ? worker_start(a->worker, error) : rc;
}

static int
pools_open(struct appliance *a, struct aef_text *error)
{
	int rc;

	snprintf(a->names[2], sizeof(a->names[2]), "%s_r", a->conf.name);
	rc = dpio_pool_create(&a->pool, a->conf.name, or_default(a->conf.mbufs, MBUFS), MBUF_BYTES,
	                      error);
	if (rc != 0)
		return rc;
	return dpio_pool_create(&a->replies, a->names[2], REPLIES, MBUF_BYTES, error);
}

int
appliance_open(struct appliance *a, const struct appliance_conf *conf, struct aef_text *error)
{
	static const uint8_t random[64] = { 1, 2, 3 }, reset[32] = { 4 }, cid_key[16] = { 5 };
	int rc;

	memset(a, 0, sizeof(*a));
	a->conf = *conf;
	rc = pools_open(a, error);
	if (rc == 0)
		rc = port_open(a, error);
	if (rc == 0)
		rc = pipeline_keys_init(&a->keys, conf->provider, random, reset);
	if (rc != 0)
		return rc;
	quantum_cid_codec_init(&a->codec, cid_key);
	a->slab_mem = aligned_alloc(64, SLAB_BYTES);
	if (a->slab_mem == NULL)
		return AEF_ERR_NOMEM;
	worker_slab_init(&a->slab, a->slab_mem, SLAB_BYTES);
	a->alloc = worker_slab_alloc(&a->slab);
	rc = a->conf.handshaker ? handshaker_open(a, error) : 0;
	if (rc == 0)
		rc = lcore_open(a, error);
	return rc == 0 ? worker_open(a, error) : rc;
}

static void
wire_free(struct rte_ring *ring)
{
	void *mbuf;

	while (ring != NULL && rte_ring_dequeue(ring, &mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(ring);
}

void
appliance_close(struct appliance *a)
{
	worker_destroy(a->worker);
	pipeline_lcore_destroy(a->lcore);
	pipeline_handshaker_destroy(a->handshaker);
	delivery_link_fini(&a->link);
	dpio_port_stop(&a->port);
	wire_free(a->wire_in);
	wire_free(a->wire_out);
	dpio_pool_destroy(&a->pool);
	dpio_pool_destroy(&a->replies);
	free(a->slab_mem);
}
