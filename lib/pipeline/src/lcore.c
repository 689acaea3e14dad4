/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_malloc.h>

#include <base/rng.h>
#include <protect/mem.h>

#include "lcore_priv.h"

/* ---- buffers of the engine: mbufs, counted by DPDK ----------------------------------------------
 */

static void
buf_get(void *ctx, void *owner)
{
	(void)ctx;
	rte_mbuf_refcnt_update(owner, 1);
}

static void
buf_put(void *ctx, void *owner)
{
	(void)ctx;
	rte_pktmbuf_free_seg(owner);
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct pipeline_lcore *lc = ctx;
	struct rte_mbuf *mbuf = lc->nb_ports > 0 ? dpio_burst_alloc(&lc->ports[0]) : NULL;

	if (mbuf == NULL)
		return NULL;
	if (rte_pktmbuf_tailroom(mbuf) < bytes) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	*ret_data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	return mbuf;
}

/* ---- create and destroy
 * ---------------------------------------------------------------------------- */

static void
pools_conf(const struct pipeline_conf *conf, struct quantum_env_conf *ret_pools)
{
	if (conf->pools != NULL)
		*ret_pools = *conf->pools;
	else
		quantum_env_conf_scale(ret_pools, conf->conns, conf->conns_busy);
}

/* One table for all lcores of a mesh: a client chooses where its datagrams go by its port,
 * and a token must not open a connection at each. */
static uint32_t
tokens_of(const struct pipeline_conf *conf)
{
	if (conf->mesh == NULL)
		return conf->tokens_max;
	return conf->mesh->tokens != NULL ? 1 : conf->tokens_max * conf->mesh->nb_lcores;
}

size_t
pipeline_lcore_bytes(const struct pipeline_conf *conf)
{
	struct quantum_env_conf pools;

	pools_conf(conf, &pools);
	return sizeof(struct pipeline_lcore) + quantum_env_bytes(&pools) +
	       quantum_server_bytes(tokens_of(conf)) + quantum_table_bytes(conf->conns) +
	       PIPELINE_PORTS_MAX * sizeof(struct dpio_burst) +
	       (size_t)conf->conns * sizeof(struct pipeline_conn) +
	       (size_t)DELIVERY_SLICES_MAX * sizeof(struct quantum_slice);
}

static bool
conf_valid(const struct pipeline_conf *conf, struct aef_text *ret_error)
{
	if (conf->conns == 0 || conf->conns > 1u << 24 || conf->tokens_max == 0 ||
	    conf->tokens_max > 1u << 26 || conf->payload_max < WIRE_MTU_BASE ||
	    conf->payload_max > WIRE_MTU_MAX || conf->tx_per_conn == 0 ||
	    conf->timers_per_poll == 0 || conf->syn_share_pct == 0 || conf->syn_share_pct > 100 ||
	    conf->ack_share_pct == 0 || conf->ack_share_pct > 100 ||
	    conf->stranger_share_pct == 0 || conf->stranger_share_pct > 100 ||
	    conf->acks_per_source == 0 || conf->acks_per_source > QUANTUM_ACK_PER_S_MAX) {
		aef_text_printf(ret_error,
		                "A transport lcore needs 1 to 2^24 connections, room for used "
		                "tokens, a payload of %u to %u bytes, 1 to 100 percent of its "
		                "time for SYNs, ACKs and strangers each, and 1 to %u ACKs a "
		                "second of one source.",
		                WIRE_MTU_BASE, WIRE_MTU_MAX, QUANTUM_ACK_PER_S_MAX);
		return false;
	}
	aef_assert(conf->provider != NULL && conf->codec != NULL && conf->keys != NULL &&
	           conf->clock.now_ns != NULL);
	aef_assert(conf->mesh == NULL || conf->idx < conf->mesh->nb_lcores);
	return true;
}

static void *
take(size_t bytes)
{
	return rte_zmalloc("pipeline", bytes, RTE_CACHE_LINE_SIZE);
}

static bool
memory_take(struct pipeline_lcore *lc, const struct quantum_env_conf *pools)
{
	const struct pipeline_conf *conf = &lc->conf;

	lc->env_mem = take(quantum_env_bytes(pools));
	lc->server_mem = take(quantum_server_bytes(tokens_of(conf)));
	lc->table_mem = take(quantum_table_bytes(conf->conns));
	lc->ports = take(PIPELINE_PORTS_MAX * sizeof(*lc->ports));
	lc->conns = take((size_t)conf->conns * sizeof(*lc->conns));
	lc->slices = take((size_t)DELIVERY_SLICES_MAX * sizeof(*lc->slices));
	return lc->env_mem != NULL && lc->server_mem != NULL && lc->table_mem != NULL &&
	       lc->ports != NULL && lc->conns != NULL && lc->slices != NULL;
}

/* Keys of connections, and of handshakes. */
static int
secrets_take(struct pipeline_lcore *lc, const struct quantum_env_conf *pools)
{
	void *own = NULL;
	int rc;

	lc->secret_bytes = quantum_env_secret_bytes(pools);
	rc = protect_mem_alloc(lc->secret_bytes, &lc->secret_mem);
	if (rc == 0)
		rc = protect_mem_alloc(sizeof(*lc->own), &own);
	lc->own = own;
	return rc;
}

static void
slots_init(struct pipeline_lcore *lc)
{
	aef_list_init(&lc->touched);
	aef_list_init(&lc->stalled);
	aef_list_init(&lc->free_slots);
	for (uint32_t i = 0; i < lc->conf.conns; i++) {
		struct pipeline_conn *pc = &lc->conns[i];

		pc->slot = i;
		timer_node_init(&pc->timer);
		aef_list_init(&pc->touched);
		aef_list_init(&pc->stalled);
		aef_list_append(&lc->free_slots, &pc->touched);
	}
}

static void
mesh_join(struct pipeline_lcore *lc)
{
	struct pipeline_mesh *mesh = lc->conf.mesh;

	mesh->bells[lc->conf.idx] = &lc->bell;
	if (mesh->tokens == NULL)
		mesh->tokens = lc->server;
	else
		quantum_server_share_tokens(lc->server, mesh->tokens);
}

static void
mesh_leave(struct pipeline_lcore *lc)
{
	struct pipeline_mesh *mesh = lc->conf.mesh;

	mesh->bells[lc->conf.idx] = NULL;
	if (mesh->tokens == lc->server)
		mesh->tokens = NULL;
}

struct pipeline_lcore *
pipeline_lcore_create(const struct pipeline_conf *conf, struct aef_text *ret_error)
{
	struct quantum_buf_ops ops = { .get = buf_get, .put = buf_put, .alloc = buf_alloc };
	struct quantum_env_conf pools;
	struct pipeline_lcore *lc;
	uint64_t seed = conf->seed + conf->idx;

	if (!conf_valid(conf, ret_error))
		return NULL;
	pools_conf(conf, &pools);
	lc = take(sizeof(*lc));
	if (lc != NULL)
		lc->conf = *conf;
	if (lc == NULL || !memory_take(lc, &pools)) {
		aef_text_printf(ret_error,
		                "A transport lcore for %u connections needs %zu MiB of DPDK memory "
		                "in one piece; raise dpio.memory_mb or lower "
		                "pipeline.conns, conns_busy or tokens.",
		                conf->conns, pipeline_lcore_bytes(conf) >> 20);
		pipeline_lcore_destroy(lc);
		return NULL;
	}
	if (secrets_take(lc, &pools) < 0) {
		aef_text_printf(ret_error,
		                "A transport lcore for %u connections locks %zu KiB for keys; "
		                "raise the limit of locked memory (ulimit -l) or lower "
		                "pipeline.conns.",
		                conf->conns, lc->secret_bytes >> 10);
		pipeline_lcore_destroy(lc);
		return NULL;
	}
	ops.ctx = lc;
	lc->now_ns = delivery_now_ns(&conf->clock);
	aef_assert(atomic_load(&conf->keys->version) > 0); /* pipeline_keys_init() went well */
	while (lc->keys_seen == 0)                         /* another lcore may be copying */
		lc->keys_seen = keys_take(conf->keys, 0, &lc->own->keys);
	slots_init(lc);
	timer_wheel_init(&lc->wheel, lc->now_ns);
	audit_ring_init(&lc->audit);
	budget_init(&lc->syn_budget, conf->syn_share_pct, lc->now_ns);
	budget_init(&lc->ack_budget, conf->ack_share_pct, lc->now_ns);
	budget_init(&lc->stranger_budget, conf->stranger_share_pct, lc->now_ns);
	lc->env = quantum_env_init(lc->env_mem, lc->secret_mem, &pools, conf->provider, &ops,
	                           aef_splitmix64(&seed));
	quantum_table_init(&lc->table, lc->table_mem, conf->conns, conf->idx, conf->codec,
	                   aef_splitmix64(&seed));
	lc->server = quantum_server_init(lc->server_mem, tokens_of(conf), lc->env, &lc->table,
	                                 &lc->own->keys, &lc->conf.conn);
	quantum_server_set_ack_rate(lc->server, conf->acks_per_source);
	if (conf->mesh != NULL)
		mesh_join(lc);
	if (conf->handshaker != NULL)
		handshaker_bell_set(conf->handshaker, conf->idx, &lc->bell);
	return lc;
}

static void
conns_free(struct pipeline_lcore *lc)
{
	for (uint32_t i = 0; lc->server != NULL && i < lc->conf.conns; i++) {
		struct pipeline_conn *pc = &lc->conns[i];

		if (pc->conn == NULL)
			continue;
		pipeline_held_drop(pc);
		pipeline_waiting_drop(lc, pc);
		quantum_server_release(lc->server, pc->conn);
	}
}

void
pipeline_lcore_destroy(struct pipeline_lcore *lc)
{
	if (lc == NULL)
		return;
	if (lc->conns != NULL)
		conns_free(lc);
	for (uint32_t i = 0; i < lc->nb_ports; i++)
		dpio_burst_fini(&lc->ports[i]);
	for (unsigned to = 0; to < PIPELINE_LCORES_MAX; to++)
		rte_pktmbuf_free_bulk(lc->handovers[to].mbufs, lc->handovers[to].nb);
	rte_pktmbuf_free(lc->spare);
	if (lc->conf.mesh != NULL)
		mesh_leave(lc);
	if (lc->conf.handshaker != NULL)
		handshaker_bell_set(lc->conf.handshaker, lc->conf.idx, NULL);
	rte_free(lc->slices);
	rte_free(lc->conns);
	rte_free(lc->ports);
	rte_free(lc->table_mem);
	rte_free(lc->server_mem);
	rte_free(lc->env_mem);
	protect_mem_free(lc->secret_mem, lc->secret_bytes);
	protect_mem_free(lc->own, sizeof(*lc->own));
	rte_free(lc);
}

int
pipeline_lcore_add_port(struct pipeline_lcore *lc, const struct dpio_port *port, uint16_t queue,
                        const struct dpio_pool *pool, uint32_t answers_per_s)
{
	if (lc->nb_ports == PIPELINE_PORTS_MAX)
		return AEF_ERR_FULL;
	if (queue >= port->nb_queues || answers_per_s == 0)
		return AEF_ERR_INVALID;
	dpio_burst_init(&lc->ports[lc->nb_ports++], port, queue, pool, answers_per_s);
	return 0;
}

int
pipeline_lcore_add_worker(struct pipeline_lcore *lc, struct delivery_end *end)
{
	/* Half of the pool is the most that one message may take: others must be able to pass. */
	const uint32_t slices = end->pool->size / 2 * DELIVERY_SLICES;

	if (lc->nb_workers == PIPELINE_WORKERS_MAX)
		return AEF_ERR_FULL;
	if (end->slots < lc->conf.conns)
		return AEF_ERR_INVALID;
	if (lc->nb_workers == 0 || slices < lc->slices_max)
		lc->slices_max = RTE_MIN(slices, DELIVERY_SLICES_MAX);
	lc->workers[lc->nb_workers++] = end;
	return 0;
}

/* ---- the loop
 * ------------------------------------------------------------------------------------ */

AEF_HOT static unsigned
timers(struct pipeline_lcore *lc)
{
	unsigned nb = 0;

	while (nb < lc->conf.timers_per_poll) {
		struct timer_node *node = timer_wheel_pop(&lc->wheel, lc->now_ns);
		struct pipeline_conn *pc;

		if (node == NULL)
			break;
		nb++;
		pc = aef_list_entry(node, struct pipeline_conn, timer);
		if (pc->deadline_ns > lc->now_ns) { /* it was moved back since */
			timer_wheel_arm(&lc->wheel, node, pc->deadline_ns);
			continue;
		}
		quantum_conn_on_deadline(pc->conn, lc->now_ns);
		pipeline_touch(lc, pc);
	}
	lc->stats.timers += nb;
	return nb;
}

static void
shut_begin(struct pipeline_lcore *lc)
{
	if (lc->shutting || !atomic_load_explicit(&lc->want_shut, memory_order_relaxed))
		return;
	lc->shutting = true;
	lc->next_shut = 0;
}

/* One clock read: the time since the last poll is what that poll took. */
AEF_HOT static void
begin(struct pipeline_lcore *lc)
{
	const uint64_t now_ns = delivery_now_ns(&lc->conf.clock);

	if (lc->busy_since_ns != 0)
		lc->stats.busy_ns += now_ns - lc->busy_since_ns;
	lc->now_ns = now_ns;
	budget_refill(&lc->syn_budget, now_ns);
	budget_refill(&lc->ack_budget, now_ns);
	budget_refill(&lc->stranger_budget, now_ns);
	lc->keys_seen = keys_take(lc->conf.keys, lc->keys_seen, &lc->own->keys);
	shut_begin(lc);
}

/* The handshake thread has returned something. */
AEF_HOT static bool
has_derived(const struct pipeline_lcore *lc)
{
	return lc->conf.handshaker != NULL &&
	       handshaker_has_done(lc->conf.handshaker, lc->conf.idx);
}

AEF_HOT unsigned
pipeline_lcore_poll(struct pipeline_lcore *lc)
{
	unsigned work = 0;

	begin(lc);
	work += pipeline_rx(lc);
	if (has_derived(lc))
		work += pipeline_derived(lc);
	work += pipeline_workers_rx(lc);
	work += timers(lc);
	if (aef_unlikely(lc->shutting))
		work += pipeline_shut_step(lc);
	pipeline_audit_flush(lc, false);
	pipeline_unstall(lc);
	(void)pipeline_serve(lc); /* of stalled ones too, so it is no measure of work */

	pipeline_handover_flush(lc);
	for (uint32_t i = 0; i < lc->nb_workers; i++)
		delivery_flush(lc->workers[i]);
	for (uint32_t i = 0; i < lc->nb_ports; i++)
		dpio_burst_flush(&lc->ports[i]);
	work += lc->nb_touched; /* to be gone on with */
	lc->stats.polls++;
	lc->stats.busy_polls += work > 0;
	lc->busy_since_ns = work > 0 ? lc->now_ns : 0;
	return work;
}

uint64_t
pipeline_lcore_next_ns(const struct pipeline_lcore *lc)
{
	return lc->nb_touched > 0 || has_derived(lc) ? lc->now_ns : timer_wheel_next_ns(&lc->wheel);
}

void
pipeline_lcore_run(struct pipeline_lcore *lc, const atomic_bool *stop)
{
	struct delivery_idle idle;

	delivery_idle_thread_init();
	delivery_idle_init(&idle, &lc->conf.idle);
	while (!atomic_load_explicit(stop, memory_order_relaxed)) {
		const unsigned work = pipeline_lcore_poll(lc);

		if (!lc->conf.idle.busy_poll)
			delivery_idle_step(&idle, &lc->bell, work, lc->now_ns,
			                   work > 0 ? lc->now_ns : pipeline_lcore_next_ns(lc));
	}
	pipeline_audit_flush(lc, true);
}

void
pipeline_lcore_shut(struct pipeline_lcore *lc)
{
	atomic_store_explicit(&lc->want_shut, true, memory_order_relaxed);
	delivery_bell_ring(&lc->bell);
}

struct delivery_bell *
pipeline_lcore_bell(struct pipeline_lcore *lc)
{
	return &lc->bell;
}

const struct pipeline_stats *
pipeline_lcore_stats(const struct pipeline_lcore *lc)
{
	return &lc->stats;
}

const struct dpio_burst *
pipeline_lcore_burst(const struct pipeline_lcore *lc, uint32_t i)
{
	return i < lc->nb_ports ? &lc->ports[i] : NULL;
}

const struct quantum_env *
pipeline_lcore_env(const struct pipeline_lcore *lc)
{
	return lc->env;
}

void
pipeline_lcore_trace(struct pipeline_lcore *lc, quantum_trace_fn fn, void *ctx)
{
	quantum_env_set_trace(lc->env, fn, ctx);
}

void
pipeline_lcore_each(const struct pipeline_lcore *lc,
                    void (*fn)(void *ctx, uint64_t handle, const struct quantum_conn *conn),
                    void *ctx)
{
	for (uint32_t i = 0; i < lc->conf.conns; i++)
		if (lc->conns[i].conn != NULL)
			fn(ctx, lc->conns[i].handle, lc->conns[i].conn);
}
