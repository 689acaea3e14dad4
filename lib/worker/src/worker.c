/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_malloc.h>

#include "worker_priv.h"

void
worker_conf_default(struct worker_conf *ret_conf)
{
	*ret_conf = (struct worker_conf){ .idle = delivery_idle_conf_default() };
	ret_conf->idle.sleep_max_ns = 10 * AEF_NS_PER_MS;
}

struct worker *
worker_create(const struct worker_conf *conf, struct aef_text *ret_error)
{
	struct worker *worker = rte_zmalloc("worker", sizeof(*worker), RTE_CACHE_LINE_SIZE);

	aef_assert(conf->service != NULL && conf->alloc != NULL && conf->replies != NULL &&
	           conf->clock.now_ns != NULL);
	if (worker != NULL)
		worker->slices = rte_malloc("worker", SERVICE_SLICES_MAX * sizeof(*worker->slices),
		                            RTE_CACHE_LINE_SIZE);
	if (worker == NULL || worker->slices == NULL) {
		aef_text_printf(ret_error, "No memory for a worker; raise dpio.memory_mb.");
		rte_free(worker);
		return NULL;
	}
	worker->conf = *conf;
	aef_list_init(&worker->refused);
	worker->timer_ns = AEF_TIME_NEVER;
	return worker;
}

int
worker_add_link(struct worker *worker, struct delivery_end *end, uint8_t lcore)
{
	struct worker_link *link = &worker->links[worker->nb_links];

	if (worker->nb_links == WORKER_LINKS_MAX)
		return AEF_ERR_FULL;
	if (worker->link_of[lcore] != 0 || worker->started)
		return AEF_ERR_EXISTS;
	link->conns = rte_zmalloc("worker", end->slots * sizeof(*link->conns), RTE_CACHE_LINE_SIZE);
	if (link->conns == NULL)
		return AEF_ERR_NOMEM;
	link->end = end;
	for (uint32_t i = 0; i < end->slots; i++)
		aef_list_init(&link->conns[i].refused);
	worker->link_of[lcore] = (uint8_t)++worker->nb_links;
	return 0;
}

/* One clock read: the time since the last poll is what that poll took. */
static void
begin(struct worker *worker)
{
	const uint64_t now_ns = delivery_now_ns(&worker->conf.clock);

	if (worker->busy_since_ns != 0)
		worker->stats.busy_ns += now_ns - worker->busy_since_ns;
	worker->now.ns = now_ns;
	worker->now.unix_ms = delivery_unix_ms(&worker->conf.clock, now_ns);
}

int
worker_start(struct worker *worker, struct aef_text *ret_error)
{
	int rc;

	if (worker->started)
		return AEF_ERR_STATE;
	begin(worker);
	worker->env = (struct service_env){
		.alloc = worker->conf.alloc,
		.buf = worker_buf_ops(worker),
		.reply = worker_reply_ops(worker),
		.conf = worker->conf.service_conf,
		.seed = worker->conf.seed,
	};
	rc = worker->conf.service->init(&worker->env, &worker->now, &worker->svc);
	if (rc < 0) {
		aef_text_printf(ret_error, "Service %s does not start: %s.",
		                worker->conf.service->name, aef_err_text(rc));
		return rc;
	}
	worker->started = true;
	worker->timer_ns = 0; /* ask at the first poll */
	return 0;
}

void
worker_destroy(struct worker *worker)
{
	if (worker == NULL)
		return;
	if (worker->started)
		worker->conf.service->fini(worker->svc);
	for (uint32_t i = 0; i < worker->nb_links; i++) {
		struct worker_link *link = &worker->links[i];
		struct delivery_desc *desc;

		while ((desc = delivery_queue_pop(&link->backlog)) != NULL)
			delivery_desc_drop(link->end, desc);
		for (uint32_t slot = 0; slot < link->end->slots; slot++)
			worker_held_drop(link, &link->conns[slot]);
		rte_free(link->conns);
	}
	rte_free(worker->slices);
	rte_free(worker);
}

AEF_HOT static unsigned
links_rx(struct worker *worker)
{
	unsigned work = 0;

	for (uint32_t l = 0; l < worker->nb_links; l++) {
		struct worker_link *link = &worker->links[l];
		struct delivery_desc *descs[DELIVERY_BURST];
		const uint32_t nb = delivery_pop(link->end, descs, DELIVERY_BURST);

		for (uint32_t i = 0; i < nb; i++)
			worker_on_desc(worker, link, descs[i]);
		work += nb;
	}
	return work;
}

static unsigned
service_timer(struct worker *worker, unsigned work)
{
	const bool due = worker->now.ns >= worker->timer_ns;

	if (worker->conf.service->on_timer == NULL || (work == 0 && !due))
		return 0;
	worker->timer_ns = worker->conf.service->on_timer(worker->svc, &worker->now);
	return due;
}

AEF_HOT unsigned
worker_poll(struct worker *worker)
{
	unsigned work;

	begin(worker);
	work = worker_backlog(worker);
	work += links_rx(worker);
	work += worker_writable(worker);
	work += service_timer(worker, work);
	for (uint32_t l = 0; l < worker->nb_links; l++)
		delivery_flush(worker->links[l].end);
	worker->stats.service_bytes = worker->conf.alloc->used_bytes;
	worker->stats.polls++;
	worker->stats.busy_polls += work > 0;
	worker->busy_since_ns = work > 0 ? worker->now.ns : 0;
	return work;
}

uint64_t
worker_next_ns(const struct worker *worker)
{
	return worker->conf.service->on_timer != NULL ? worker->timer_ns : AEF_TIME_NEVER;
}

void
worker_run(struct worker *worker, const atomic_bool *stop)
{
	struct delivery_idle idle;

	delivery_idle_thread_init();
	delivery_idle_init(&idle, &worker->conf.idle);
	while (!atomic_load_explicit(stop, memory_order_relaxed)) {
		const unsigned work = worker_poll(worker);

		delivery_idle_step(&idle, &worker->bell, work, worker->now.ns,
		                   worker_next_ns(worker));
	}
}

struct delivery_bell *
worker_bell(struct worker *worker)
{
	return &worker->bell;
}

const struct worker_stats *
worker_stats(const struct worker *worker)
{
	return &worker->stats;
}

void *
worker_service(const struct worker *worker)
{
	return worker->svc;
}
