/* SPDX-License-Identifier: BSD-3-Clause */
#include "appliance.h"

#include <stdlib.h>
#include <unistd.h>

#include <rte_lcore.h>

#include <base/bytes.h>
#include <base/err.h>
#include <base/rng.h>
#include <msg/doc.h>
#include <protect/mem.h>
#include <protect/provider.h>

#define PORT_RING     4096u
#define MBUF_BYTES    2048u
#define MBUF_PAGE     4096u          /* without hugepages no buffer crosses a page */
#define SLAB_BYTES    (512ull << 20) /* touched only as far as it is used */
#define STORE_BUDGET  (2ull << 30)
#define BUSY_MAX      64u   /* of many clients, busy at one time */
#define KEYS_MAX      1024u /* expanded traffic keys held by one lcore, 1 KiB each */
#define GROUP         1u
#define HANDSHAKES    1024u /* in work at one time: fits what an ordinary user may lock */
#define REPLIES       16384u
#define VIRTUAL_START (1000 * AEF_NS_PER_S) /* not 0: the engine's times may look back */

static void *
heap_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void
heap_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

void
lab_conn_conf(const struct lab_opts *opts, struct quantum_conn_conf *ret_conf)
{
	quantum_conn_conf_default(ret_conf);
	if (opts->fec == LAB_FEC_OFF)
		ret_conf->fec_m = 0;
	ret_conf->fec_always = opts->fec == LAB_FEC_ALWAYS;
	ret_conf->ecn = opts->ecn;
	ret_conf->pmtud = opts->pmtud;
}

struct delivery_idle_conf
lab_idle_conf(const struct lab_opts *opts)
{
	struct delivery_idle_conf conf = delivery_idle_conf_default();

	conf.busy_poll = opts->busy_poll;
	return conf;
}

uint32_t
lab_worker_of(const struct lab_appliance *app, uint32_t doc_idx)
{
	return doc_idx % app->nb_workers;
}

uint64_t
lab_worker_seed(const struct lab_opts *opts, uint8_t idx)
{
	return opts->seed + 1000 + idx;
}

static uint32_t
mbufs_of(const struct lab_opts *opts)
{
	return opts->mbufs > 0 ? opts->mbufs : aef_min_u32(32768, 8192 + opts->clients * 512);
}

void
lab_pipeline_conf(const struct lab_appliance *app, const struct lab_opts *opts, uint8_t idx,
                  struct pipeline_conf *ret_conf)
{
	pipeline_conf_default(ret_conf);
	ret_conf->idx = idx;
	ret_conf->conns = opts->clients + 8;
	ret_conf->conns_busy = aef_min_u32(opts->clients, BUSY_MAX);
	ret_conf->seed = opts->seed + 77;
	lab_conn_conf(opts, &ret_conf->conn);
	ret_conf->idle = lab_idle_conf(opts);
	ret_conf->clock = app->clock;
	if (app->protect[idx] != NULL)
		ret_conf->provider = protect_provider(app->protect[idx]);
	ret_conf->codec = &app->codec;
	ret_conf->keys = app->keys;
	ret_conf->handshaker = app->handshaker;
}

/* DPDK sets up page tables for all it is given: far too much takes minutes before it fails. */
static uint32_t
machine_mb(void)
{
	const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);

	if (pages <= 0 || page_bytes <= 0)
		return UINT32_MAX;
	return (uint32_t)aef_min_u64((uint64_t)pages * (uint64_t)page_bytes >> 20, UINT32_MAX);
}

static int
start_eal(struct lab_appliance *app, const struct lab_opts *opts, struct aef_text *ret_error)
{
	struct pipeline_conf pc;
	struct dpio_conf conf;
	uint64_t bytes;

	lab_pipeline_conf(app, opts, 0, &pc);
	bytes = (2ull * mbufs_of(opts) + REPLIES) * MBUF_PAGE +
	        app->nb_lcores * (pipeline_lcore_bytes(&pc) + (16ull << 20)) +
	        (uint64_t)app->nb_lcores * app->nb_workers * (6ull << 20);
	dpio_conf_defaults(&conf);
	conf.hugepages = opts->no_huge ? DPIO_HUGEPAGES_NEVER : DPIO_HUGEPAGES_AUTO;
	conf.memory_mb = opts->memory_mb > 0 ? opts->memory_mb : (uint32_t)(bytes >> 20) + 128;
	if (conf.memory_mb > machine_mb()) {
		aef_text_printf(ret_error,
		                "%u MiB for DPDK are more than the %u MiB of this machine; lower "
		                "--memory, --mbufs or --clients.",
		                conf.memory_mb, machine_mb());
		return AEF_ERR_NOMEM;
	}
	/* In lockstep all run on the main thread; else main, clients, transport, workers,
	 * handshakes. */
	conf.lcores = opts->lockstep ? 1 : (uint16_t)(3 + app->nb_lcores + app->nb_workers);
	return dpio_eal_start(&conf, ret_error);
}

static int
make_pools(struct lab_appliance *app, const struct lab_opts *opts, struct aef_text *ret_error)
{
	const uint32_t nb = mbufs_of(opts);
	int rc = dpio_pool_create(&app->pool, "lab-appliance", nb, MBUF_BYTES, ret_error);

	if (rc == 0)
		rc = dpio_pool_create(&app->client_pool, "lab-clients", nb, MBUF_BYTES, ret_error);
	if (rc == 0)
		rc = dpio_pool_create(&app->replies, "lab-replies", REPLIES, MBUF_BYTES, ret_error);
	return rc;
}

static int
make_rings(struct lab_appliance *app, struct aef_text *ret_error)
{
	for (uint32_t i = 0; i < app->nb_lcores; i++) {
		char up[24], down[24];

		(void)snprintf(up, sizeof(up), "lab-up%u", i);
		(void)snprintf(down, sizeof(down), "lab-down%u", i);
		app->to_appliance[i] =
			rte_ring_create(up, PORT_RING, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
		app->to_clients[i] =
			rte_ring_create(down, PORT_RING, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (app->to_appliance[i] == NULL || app->to_clients[i] == NULL) {
			aef_text_printf(ret_error, "No memory for the rings; raise --memory.");
			return AEF_ERR_NOMEM;
		}
	}
	return 0;
}

static int
make_ports(struct lab_appliance *app, struct aef_text *ret_error)
{
	struct dpio_port_conf conf;
	int rc = make_rings(app, ret_error);

	if (rc != 0)
		return rc;
	dpio_port_conf_defaults(&conf);
	conf.name = conf.device = "appliance";
	conf.mac = "02:00:00:00:00:01";
	conf.ipv4 = "10.0.0.1/8";
	conf.ipv6 = "fd00::1/64";
	conf.udp_port = 4433;
	conf.queues = (uint16_t)app->nb_lcores;
	rc = dpio_port_start_rings(&app->port, &conf, app->to_appliance, app->to_clients,
	                           &app->pool, ret_error);
	if (rc != 0)
		return rc;
	conf.name = conf.device = "clients";
	conf.mac = "02:00:00:00:00:02";
	conf.ipv4 = "10.0.0.2/8";
	conf.ipv6 = "fd00::2/64";
	conf.udp_port = 0;
	conf.promiscuous = true; /* every client has a MAC of its own */
	return dpio_port_start_rings(&app->client_port, &conf, app->to_clients, app->to_appliance,
	                             &app->client_pool, ret_error);
}

static uint32_t
place(void *ctx, const struct crypto_token *token, uint32_t nb_workers)
{
	(void)nb_workers;
	return lab_worker_of(ctx, aef_load_be32(token->tenant_id.b + 12) - 1);
}

/*
 * Keys are random in every run, also in lockstep: they change the bytes of what is sent, but
 * neither its length nor its time.
 */
static int
make_protection(struct lab_appliance *app, const struct lab_opts *opts, struct aef_text *ret_error)
{
	struct protect_conf conf = { .keys_max = aef_min_u32(KEYS_MAX, 4 * opts->clients + 32) };
	uint8_t random[64], reset_key[32], codec_key[16];
	void *mem = NULL;
	int rc = protect_ring_create(GROUP, &app->ring);

	conf.ring = app->ring;
	if (rc == 0)
		rc = protect_create(&conf, &app->client_protect);
	if (rc == 0)
		rc = protect_create(&conf, &app->handshake_protect);
	for (uint32_t i = 0; rc == 0 && i < app->nb_lcores; i++)
		rc = protect_create(&conf, &app->protect[i]);
	if (rc == 0)
		rc = protect_mem_alloc(sizeof(*app->keys), &mem);
	app->keys = mem;
	if (rc == 0 && (protect_random(random, sizeof(random)) != 0 ||
	                protect_random(reset_key, sizeof(reset_key)) != 0 ||
	                protect_random(codec_key, sizeof(codec_key)) != 0))
		rc = AEF_ERR_IO;
	if (rc == 0) {
		quantum_cid_codec_init(&app->codec, codec_key);
		rc = pipeline_keys_init(app->keys, protect_provider(app->protect[0]), random,
		                        reset_key);
	}
	crypto_wipe(random, sizeof(random));
	crypto_wipe(reset_key, sizeof(reset_key));
	crypto_wipe(codec_key, sizeof(codec_key));
	if (rc != 0)
		aef_text_printf(ret_error, "No packet protection: %s.", protect_create_text(rc));
	return rc;
}

static int
make_handshaker(struct lab_appliance *app, struct aef_text *ret_error)
{
	struct pipeline_handshaker_conf conf;

	pipeline_handshaker_conf_default(&conf);
	conf.name = "lab";
	conf.nb_lcores = (uint8_t)app->nb_lcores;
	conf.slots = HANDSHAKES;
	app->handshaker = pipeline_handshaker_create(&conf, ret_error);
	return app->handshaker != NULL ? 0 : AEF_ERR_NOMEM;
}

static int
make_lcores(struct lab_appliance *app, const struct lab_opts *opts, struct aef_text *ret_error)
{
	int rc = opts->lockstep ? 0 : make_handshaker(app, ret_error);

	if (rc == 0 && app->nb_lcores > 1) {
		rc = pipeline_mesh_init(&app->mesh, "lab", (uint8_t)app->nb_lcores, 1024,
		                        ret_error);
		app->mesh_made = rc == 0;
	}
	for (uint32_t i = 0; rc == 0 && i < app->nb_lcores && !opts->direct; i++) {
		struct pipeline_conf conf;

		lab_pipeline_conf(app, opts, (uint8_t)i, &conf);
		conf.mesh = app->mesh_made ? &app->mesh : NULL;
		conf.place = place;
		conf.ctx = app;
		app->lcores[i] = pipeline_lcore_create(&conf, ret_error);
		rc = app->lcores[i] == NULL
		             ? AEF_ERR_NOMEM
		             : pipeline_lcore_add_port(app->lcores[i], &app->port, (uint16_t)i,
		                                       &app->pool, 1000);
	}
	return rc;
}

static int
make_worker(struct lab_appliance *app, const struct lab_opts *opts, uint8_t idx,
            struct aef_text *ret_error)
{
	struct lab_worker *w = &app->workers[idx];
	struct worker_conf conf;
	int rc;

	w->slab_mem = aligned_alloc(64, SLAB_BYTES);
	if (w->slab_mem == NULL) {
		aef_text_printf(ret_error, "No memory for a worker's documents; "
		                           "give fewer --workers.");
		return AEF_ERR_NOMEM;
	}
	worker_slab_init(&w->slab, w->slab_mem, SLAB_BYTES);
	w->alloc = worker_slab_alloc(&w->slab);
	w->store_alloc = (struct aef_alloc){ .alloc = heap_alloc,
		                             .free = heap_free,
		                             .budget_bytes = STORE_BUDGET };
	rc = store_mem_create(&w->store_alloc, LAB_DOCS_MAX, &w->store);
	if (rc != 0) {
		aef_text_printf(ret_error, "No memory for a worker's log; give fewer --workers.");
		return rc;
	}
	w->conf = (struct statesync_conf){ .codec = &msg_doc_codec,
		                           .store = store_mem_if(w->store),
		                           .docs_max = LAB_DOCS_MAX };
	if (opts->direct)
		return 0;
	worker_conf_default(&conf);
	conf.idx = idx;
	conf.service = &statesync_service;
	conf.service_conf = &w->conf;
	conf.alloc = &w->alloc;
	conf.replies = app->replies.mp;
	conf.clock = app->clock;
	conf.idle.busy_poll = opts->busy_poll;
	conf.seed = lab_worker_seed(opts, idx);
	w->worker = worker_create(&conf, ret_error);
	return w->worker != NULL ? 0 : AEF_ERR_NOMEM;
}

static int
join(struct lab_appliance *app, uint32_t l, uint32_t w, const struct lab_opts *opts,
     struct aef_text *ret_error)
{
	struct delivery_link *link = &app->links[l][w];
	struct worker *worker = app->workers[w].worker;
	struct delivery_conf conf;
	char name[17];
	int rc;

	delivery_conf_default(&conf);
	(void)snprintf(name, sizeof(name), "lab%u-%u", (uint8_t)l, (uint8_t)w);
	conf.name = name;
	conf.slots = opts->clients + 8;
	rc = delivery_link_init(link, &conf, pipeline_lcore_bell(app->lcores[l]),
	                        worker_bell(worker), ret_error);
	if (rc == 0)
		rc = pipeline_lcore_add_worker(app->lcores[l], &link->transport);
	if (rc == 0)
		rc = worker_add_link(worker, &link->worker, (uint8_t)l);
	return rc;
}

static int
make_workers(struct lab_appliance *app, const struct lab_opts *opts, struct aef_text *ret_error)
{
	int rc = 0;

	for (uint32_t w = 0; rc == 0 && w < app->nb_workers; w++) {
		rc = make_worker(app, opts, (uint8_t)w, ret_error);
		if (opts->direct)
			continue;
		for (uint32_t l = 0; rc == 0 && l < app->nb_lcores; l++)
			rc = join(app, l, w, opts, ret_error);
		if (rc == 0)
			rc = worker_start(app->workers[w].worker, ret_error);
	}
	return rc;
}

int
lab_appliance_init(struct lab_appliance *app, const struct lab_opts *opts,
                   struct aef_text *ret_error)
{
	int rc;

	memset(app, 0, sizeof(*app));
	app->nb_lcores = opts->lcores;
	app->nb_workers = opts->workers;
	app->virtual_ns = VIRTUAL_START;
	app->clock = delivery_clock_virtual(&app->virtual_ns);
	rc = start_eal(app, opts, ret_error);
	if (rc != 0)
		return rc;
	if (!opts->lockstep)
		app->clock = delivery_clock_tsc(&app->tsc);
	rc = make_pools(app, opts, ret_error);
	if (rc == 0)
		rc = make_ports(app, ret_error);
	if (rc == 0)
		rc = make_protection(app, opts, ret_error);
	if (rc == 0)
		rc = make_lcores(app, opts, ret_error);
	if (rc == 0)
		rc = make_workers(app, opts, ret_error);
	if (rc != 0 && strstr(ret_error->buf, "memory_mb") != NULL)
		aef_text_printf(ret_error, " In the lab that is --memory MB.");
	else if (rc != 0 && ret_error->len == 0)
		aef_text_printf(ret_error, "The appliance does not start: %s; try more --memory.",
		                aef_err_text(rc));
	return rc;
}

static void
drain(struct rte_ring *ring)
{
	void *left;

	while (ring != NULL && rte_ring_dequeue(ring, &left) == 0)
		rte_pktmbuf_free(left);
	rte_ring_free(ring);
}

void
lab_appliance_fini(struct lab_appliance *app)
{
	for (uint32_t w = 0; w < app->nb_workers; w++) {
		struct lab_worker *lw = &app->workers[w];

		worker_destroy(lw->worker);
		store_mem_destroy(lw->store);
		free(lw->slab_mem);
	}
	for (uint32_t l = 0; l < app->nb_lcores; l++)
		pipeline_lcore_destroy(app->lcores[l]);
	for (uint32_t l = 0; l < app->nb_lcores; l++)
		for (uint32_t w = 0; w < app->nb_workers; w++)
			delivery_link_fini(&app->links[l][w]);
	if (app->mesh_made)
		pipeline_mesh_fini(&app->mesh);
	for (uint32_t l = 0; l < app->nb_lcores; l++)
		protect_destroy(app->protect[l]);
	pipeline_handshaker_destroy(app->handshaker);
	protect_destroy(app->handshake_protect);
	protect_destroy(app->client_protect);
	protect_ring_close(app->ring);
	protect_mem_free(app->keys, sizeof(*app->keys));
	dpio_port_stop(&app->port);
	dpio_port_stop(&app->client_port);
	for (uint32_t l = 0; l < app->nb_lcores; l++) {
		drain(app->to_appliance[l]);
		drain(app->to_clients[l]);
	}
	dpio_pool_destroy(&app->replies);
	dpio_pool_destroy(&app->client_pool);
	dpio_pool_destroy(&app->pool);
	dpio_eal_stop();
	memset(app, 0, sizeof(*app));
}
