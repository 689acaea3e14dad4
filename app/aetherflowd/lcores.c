/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lcores.c - who runs where.
 *
 *   EAL lcore 0               main: signals, statistics, keys; on its CPU the handshake thread
 *   1 to T                    transport lcore 0 to T - 1: queue i of every port
 *   T + 1 to T + W            worker lcore 0 to W - 1
 *
 * Each pair of transport and worker has a link; each pair of transport lcores a ring. Several
 * lcores may share a CPU (dpio.cpus).
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include <base/err.h>
#include <protect/mem.h>

#include "aetherflowd.h"

#define KEYS_LIFE_S   60u
#define KEYS_PER_CONN 4u /* traffic keys: both directions, and the next epoch of each */

struct node node;

/* ---- before anything is started -----------------------------------------------------------------
 */

int
node_plan(struct aef_config *config)
{
	/* Ours to fill in: the file's silence about lcores and queues means "what is needed". */
	struct dpio_conf *dpio = (struct dpio_conf *)(uintptr_t)aef_config_section(config, "dpio");
	const struct transport_conf *t = aef_config_section(config, "pipeline");
	const struct workers_conf *w = aef_config_section(config, "worker");
	const uint16_t needed = (uint16_t)(1 + t->lcores + w->lcores);

	if (dpio->nb_ports > PIPELINE_PORTS_MAX)
		return aef_config_fail(config, "dpio.ports", "may list at most %u ports",
		                       PIPELINE_PORTS_MAX);
	if (dpio->nb_ports == 0)
		return aef_config_fail(config, "dpio.ports",
		                       "is empty; at least one port is needed");
	if (dpio->lcores == 0)
		dpio->lcores = needed;
	if (dpio->lcores < needed)
		return aef_config_fail(config, "dpio.lcores",
		                       "must be at least %u: 1 main, %u transport, %u worker",
		                       needed, t->lcores, w->lcores);
	for (uint32_t i = 0; i < dpio->nb_ports; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "dpio.ports[%u].queues", i);
		if (!aef_config_has(config, path))
			dpio->ports[i].queues = t->lcores;
		if (dpio->ports[i].queues != t->lcores)
			return aef_config_fail(config, path,
			                       "must be %u: one for each transport lcore",
			                       t->lcores);
	}
	return 0;
}

/* ---- transport lcores
 * ------------------------------------------------------------------------------- */

static int
keys_init(struct aef_text *error)
{
	uint8_t random[64], cid_key[16], reset[32];
	void *mem = NULL;
	int rc = protect_mem_alloc(sizeof(*node.keys), &mem);

	if (rc < 0)
		return rc;
	node.keys = mem;
	rc = keys_reset_key(reset, error);
	if (rc == 0 && (protect_random(random, sizeof(random)) < 0 ||
	                protect_random(cid_key, sizeof(cid_key)) < 0))
		rc = AEF_ERR_IO;
	if (rc == 0) {
		quantum_cid_codec_init(&node.codec, cid_key);
		rc = pipeline_keys_init(node.keys, protect_provider(node.protect), random, reset);
	}
	crypto_wipe(random, sizeof(random));
	crypto_wipe(cid_key, sizeof(cid_key));
	crypto_wipe(reset, sizeof(reset));
	return rc;
}

/* A provider for each transport lcore, the main and the handshake thread; handshake keys. */
static int
protection_init(const struct transport_conf *t, struct aef_text *error)
{
	struct protect_conf conf = { .keys_max = KEYS_PER_CONN * t->conns_busy, .ring = node.ring };
	int rc = 0;

	for (uint8_t i = 0; rc == 0 && i < t->lcores; i++)
		rc = protect_create(&conf, &node.lcore_protect[i]);
	conf.keys_max = 1;
	if (rc == 0)
		rc = protect_create(&conf, &node.protect);
	if (rc == 0)
		rc = protect_create(&conf, &node.handshake_protect);
	if (rc == 0)
		rc = keys_init(error);
	if (rc < 0 && error->len == 0)
		aef_text_printf(error, "There is no packet protection: %s.",
		                protect_create_text(rc));
	return rc;
}

static void
conn_conf_fill(struct quantum_conn_conf *conn, uint16_t payload_max)
{
	const struct limits_conf *l = node.limits;

	conn->limits = (struct wire_limits){
		.idle_timeout_ms = l->idle_ms,
		.message_bytes_max = l->message_bytes,
		.channels_max = l->channels,
		.credit_bytes = l->credit_bytes,
		.credit_channel_bytes = l->channel_credit_bytes,
	};
	conn->queue_bytes_max = l->queue_bytes;
	conn->keepalive_ns = 0; /* the client's business */
	conn->mtu_max_bytes = payload_max;
}

/* Smallest MTU of all ports, less IPv6 and UDP headers. */
static uint16_t
payload_max(void)
{
	uint16_t mtu = UINT16_MAX;

	for (uint32_t i = 0; dpio_port_at(i) != NULL; i++)
		mtu = RTE_MIN(mtu, dpio_port_at(i)->conf.mtu);
	return RTE_MIN((uint16_t)(mtu - NET_IPV6_BYTES - NET_UDP_BYTES), (uint16_t)WIRE_MTU_MAX);
}

static int
lcore_make(const struct transport_conf *t, uint8_t idx, struct aef_text *error)
{
	struct pipeline_conf conf;
	int rc = 0;

	pipeline_conf_default(&conf);
	conf.idx = idx;
	conf.conns = t->conns;
	conf.conns_busy = RTE_MIN(t->conns_busy, t->conns);
	conf.tokens_max = t->tokens;
	conf.syn_share_pct = (uint8_t)t->syn_percent;
	conf.ack_share_pct = (uint8_t)t->ack_percent;
	conf.stranger_share_pct = (uint8_t)t->stranger_percent;
	conf.acks_per_source = t->acks_per_source;
	conf.payload_max = payload_max();
	conf.idle.busy_poll = t->busy_poll;
	conf.idle.sleep_max_ns = t->sleep_us * AEF_NS_PER_US;
	conf.clock = node.clock;
	conf.provider = protect_provider(node.lcore_protect[idx]);
	conf.codec = &node.codec;
	conf.keys = node.keys;
	conf.mesh = t->lcores > 1 ? &node.mesh : NULL;
	conf.handshaker = node.handshaker;
	conn_conf_fill(&conf.conn, conf.payload_max);
	if (protect_random(&conf.seed, sizeof(conf.seed)) < 0)
		return AEF_ERR_IO;
	node.lcores[idx] = pipeline_lcore_create(&conf, error);
	if (node.lcores[idx] == NULL)
		return AEF_ERR_NOMEM;
	for (uint32_t i = 0; rc == 0 && dpio_port_at(i) != NULL; i++) {
		rc = pipeline_lcore_add_port(node.lcores[idx], dpio_port_at(i), idx,
		                             dpio_pool_shared(), node.dpio->icmp_per_s);
		if (rc == AEF_ERR_INVALID)
			aef_text_printf(error,
			                "Port %s has only %u queues; set pipeline.lcores to that.",
			                dpio_port_at(i)->name, dpio_port_at(i)->nb_queues);
	}
	for (uint32_t i = 0; rc == 0 && pipeline_lcore_burst(node.lcores[idx], i) != NULL; i++)
		rc = dpio_burst_register(pipeline_lcore_burst(node.lcores[idx], i));
	return rc;
}

static int
lcore_metrics(struct pipeline_lcore *lc, struct aef_metrics *metrics)
{
	int rc = pipeline_lcore_metrics(lc, metrics);

	for (uint32_t i = 0; rc == 0 && pipeline_lcore_burst(lc, i) != NULL; i++)
		rc = dpio_burst_metrics(pipeline_lcore_burst(lc, i), metrics);
	return rc;
}

static int
handshaker_make(const struct transport_conf *t, struct aef_metrics *metrics, struct aef_text *error)
{
	struct pipeline_handshaker_conf conf;

	pipeline_handshaker_conf_default(&conf);
	conf.nb_lcores = (uint8_t)t->lcores;
	node.handshaker = pipeline_handshaker_create(&conf, error);
	return node.handshaker != NULL ? pipeline_handshaker_metrics(node.handshaker, metrics)
	                               : AEF_ERR_NOMEM;
}

int
transport_init(struct aef_runtime *rt, const void *conf)
{
	const struct transport_conf *t = conf;
	char buf[AEF_RUNTIME_ERROR_MAX];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	int rc;

	node.transport = t;
	node.dpio = aef_config_section(rt->config, "dpio");
	node.clock = delivery_clock_tsc(&node.tsc);
	rc = protection_init(t, &error);
	if (rc == 0)
		rc = pipeline_mesh_init(&node.mesh, "node", (uint8_t)t->lcores, NODE_RING_MESH,
		                        &error);
	if (rc == 0)
		rc = handshaker_make(t, &rt->metrics, &error);
	for (uint8_t i = 0; rc == 0 && i < t->lcores; i++) {
		rc = lcore_make(t, i, &error);
		if (rc == 0)
			rc = lcore_metrics(node.lcores[i], &rt->metrics);
	}
	return rc < 0 ? aef_runtime_fail(rt, rc, "%s", error.len > 0 ? buf : aef_err_text(rc)) : 0;
}

void
transport_fini(struct aef_runtime *rt)
{
	(void)rt;
	for (uint8_t i = 0; i < PIPELINE_LCORES_MAX; i++) {
		pipeline_lcore_destroy(node.lcores[i]);
		node.lcores[i] = NULL;
		/* Links outlive both of their ends. */
		for (uint8_t w = 0; w < PIPELINE_WORKERS_MAX; w++)
			delivery_link_fini(&node.links[i][w]);
	}
	pipeline_mesh_fini(&node.mesh);
	pipeline_handshaker_destroy(node.handshaker);
	node.handshaker = NULL;
	for (uint8_t i = 0; i < PIPELINE_LCORES_MAX; i++) {
		protect_destroy(node.lcore_protect[i]);
		node.lcore_protect[i] = NULL;
	}
	protect_destroy(node.protect);
	protect_destroy(node.handshake_protect);
	protect_mem_free(node.keys, sizeof(*node.keys));
	node.protect = node.handshake_protect = NULL;
	node.keys = NULL;
}

/* ---- worker lcores
 * ------------------------------------------------------------------------------- */

static int
link_make(const struct workers_conf *w, uint8_t lcore, uint8_t idx, struct aef_text *error)
{
	struct delivery_link *link = &node.links[lcore][idx];
	struct delivery_conf conf;
	char name[17];
	int rc;

	delivery_conf_default(&conf);
	(void)snprintf(name, sizeof(name), "t%u_w%u", lcore, idx);
	conf.name = name;
	conf.ring_size = w->ring;
	conf.descs = w->descs;
	conf.slots = node.transport->conns;
	conf.credit_bytes = w->credit_bytes;
	conf.credit_msgs = w->credit_msgs;
	rc = delivery_link_init(link, &conf, pipeline_lcore_bell(node.lcores[lcore]),
	                        worker_bell(node.worker[idx]), error);
	if (rc == 0)
		rc = pipeline_lcore_add_worker(node.lcores[lcore], &link->transport);
	if (rc == 0)
		rc = worker_add_link(node.worker[idx], &link->worker, lcore);
	return rc;
}

/* A private mapping: pages are touched as the service grows into them. */
static int
slab_make(const struct workers_conf *w, uint8_t idx, struct aef_text *error)
{
	const size_t bytes = (size_t)w->memory_mb << 20;
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED) {
		aef_text_printf(error, "No memory for a service of %u MiB; lower worker.memory_mb.",
		                w->memory_mb);
		return AEF_ERR_NOMEM;
	}
	node.slab_mem[idx] = mem;
	worker_slab_init(&node.slabs[idx], mem, bytes);
	node.allocs[idx] = worker_slab_alloc(&node.slabs[idx]);
	return 0;
}

static int
worker_make(const struct workers_conf *w, uint8_t idx, struct aef_text *error)
{
	struct worker_conf conf;
	int rc = slab_make(w, idx, error);

	if (rc < 0)
		return rc;
	worker_conf_default(&conf);
	conf.idx = idx;
	rc = service_open(w->service != NULL ? w->service : "echo", idx, &node.slabs[idx],
	                  &conf.service, &conf.service_conf);
	if (rc < 0)
		return rc;
	conf.alloc = &node.allocs[idx];
	conf.replies = node.replies.mp;
	conf.clock = node.clock;
	conf.idle.busy_poll = w->busy_poll;
	conf.idle.sleep_max_ns = w->sleep_us * AEF_NS_PER_US;
	if (protect_random(&conf.seed, sizeof(conf.seed)) < 0)
		return AEF_ERR_IO;
	node.worker[idx] = worker_create(&conf, error);
	if (node.worker[idx] == NULL)
		return AEF_ERR_NOMEM;
	for (uint8_t i = 0; rc == 0 && i < node.transport->lcores; i++)
		rc = link_make(w, i, idx, error);
	return rc == 0 ? worker_start(node.worker[idx], error) : rc;
}

static int
replies_make(const struct workers_conf *w, struct aef_runtime *rt, struct aef_text *error)
{
	const int rc = dpio_pool_create(&node.replies, "replies", w->replies, 2048, error);

	if (rc == AEF_ERR_NOMEM) { /* the key to lower is another one than the pool believes */
		aef_text_clear(error);
		aef_text_printf(error,
		                "There is no memory for %u buffers for replies; raise "
		                "dpio.memory_mb or lower worker.replies.",
		                w->replies);
	}
	return rc == 0 ? dpio_pool_metrics(&node.replies, &rt->metrics) : rc;
}

int
workers_init(struct aef_runtime *rt, const void *conf)
{
	const struct workers_conf *w = conf;
	char buf[AEF_RUNTIME_ERROR_MAX];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	int rc = replies_make(w, rt, &error);

	node.workers = w;
	for (uint8_t i = 0; rc == 0 && i < w->lcores; i++) {
		rc = worker_make(w, i, &error);
		if (rc == 0)
			rc = worker_metrics(node.worker[i], &rt->metrics);
		for (uint8_t t = 0; rc == 0 && t < node.transport->lcores; t++)
			rc = delivery_link_metrics(&node.links[t][i], &rt->metrics);
	}
	return rc < 0 ? aef_runtime_fail(rt, rc, "%s", error.len > 0 ? buf : aef_err_text(rc)) : 0;
}

void
workers_fini(struct aef_runtime *rt)
{
	(void)rt;
	for (uint8_t i = 0; i < PIPELINE_WORKERS_MAX; i++) {
		worker_destroy(node.worker[i]);
		node.worker[i] = NULL;
		service_close(i);
		if (node.slab_mem[i] != NULL)
			(void)munmap(node.slab_mem[i], node.slabs[i].mem_bytes);
		node.slab_mem[i] = NULL;
	}
}

/* ---- running
 * ----------------------------------------------------------------------------------------- */

static int
transport_main(void *arg)
{
	pipeline_lcore_run(arg, &node.stop_transport);
	return 0;
}

static int
worker_main(void *arg)
{
	worker_run(arg, &node.stop_workers);
	return 0;
}

static void *
handshake_main(void *arg)
{
	pipeline_handshaker_run(arg, protect_provider(node.handshake_protect),
	                        &node.stop_handshakes);
	return NULL;
}

int
node_launch(void)
{
	unsigned lcore = 1;

	/* It inherits the main thread's CPU and its blocked signals. */
	if (pthread_create(&node.handshake_thread, NULL, handshake_main, node.handshaker) != 0)
		return AEF_ERR_STATE;
	node.handshake_runs = true;
	for (uint8_t i = 0; i < node.workers->lcores; i++)
		if (rte_eal_remote_launch(worker_main, node.worker[i],
		                          1u + node.transport->lcores + i) != 0)
			return AEF_ERR_STATE;
	for (uint8_t i = 0; i < node.transport->lcores; i++, lcore++)
		if (rte_eal_remote_launch(transport_main, node.lcores[i], lcore) != 0)
			return AEF_ERR_STATE;
	return 0;
}

void
node_tick(uint64_t now_s)
{
	static uint64_t keys_s;
	static bool failing;
	bool renewed;
	uint8_t random[64];

	delivery_tsc_sync(&node.tsc);
	dpio_pool_sample(dpio_pool_shared());
	dpio_pool_sample(&node.replies);
	if (keys_s == 0)
		keys_s = now_s;
	if (now_s - keys_s < KEYS_LIFE_S)
		return;
	renewed = protect_random(random, sizeof(random)) == 0 &&
	          pipeline_keys_rotate(node.keys, protect_provider(node.protect), random) == 0;
	crypto_wipe(random, sizeof(random));
	if (renewed)
		keys_s = now_s;
	else if (!failing) /* tried again with every tick, said once */
		AEF_LOG(AEF_LOG_ERROR, "pipeline",
		        "handshake keys could not be renewed; trying again every second");
	failing = !renewed;
}

/* Connections that close, and held ACKs whose clients are told BUSY. */
static uint64_t
nb_unfinished(void)
{
	uint64_t sum = 0;

	for (uint8_t i = 0; i < node.transport->lcores; i++) {
		const struct pipeline_stats *s = pipeline_lcore_stats(node.lcores[i]);

		sum += __atomic_load_n(&s->conns_open, __ATOMIC_RELAXED);
		sum += __atomic_load_n(&s->handshakes_held, __ATOMIC_RELAXED);
	}
	return sum;
}

void
node_shut(uint32_t ms)
{
	const struct timespec step = { .tv_nsec = 10000000 };

	for (uint8_t i = 0; i < node.transport->lcores; i++)
		pipeline_lcore_shut(node.lcores[i]);
	for (uint32_t waited = 0; waited < ms && (waited == 0 || nb_unfinished() > 0); waited += 10)
		(void)nanosleep(&step, NULL);
	atomic_store(&node.stop_transport, true);
	atomic_store(&node.stop_workers, true);
	rte_eal_mp_wait_lcore();
	if (!node.handshake_runs)
		return;
	atomic_store(&node.stop_handshakes, true);
	delivery_bell_ring(pipeline_handshaker_bell(node.handshaker));
	(void)pthread_join(node.handshake_thread, NULL); /* cannot fail: ours, joined once */
	node.handshake_runs = false;
}
