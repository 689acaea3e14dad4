/* SPDX-License-Identifier: BSD-3-Clause */
#include "figures.h"

#include <stdlib.h>

#define FIELDS(type) (sizeof(type) / sizeof(uint64_t))

/* Structures of nothing but 64-bit counters are added field by field. */
static void
add_u64(void *into, const void *from, size_t nb)
{
	uint64_t *a = into;
	const uint64_t *b = from;

	for (size_t i = 0; i < nb; i++)
		a[i] += b[i];
}

static_assert(sizeof(struct pipeline_stats) % sizeof(uint64_t) == 0, "only counters");
static_assert(sizeof(struct worker_stats) % sizeof(uint64_t) == 0, "only counters");

/* Counters come first in struct quantum_stats; gauges are not added. */
#define NB_CONN_COUNTERS (offsetof(struct quantum_stats, srtt_ns) / sizeof(uint64_t))

static int
order_u64(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct gather {
	struct lab_side *side;
	uint64_t cwnd[LAB_CLIENTS_MAX], pacing[LAB_CLIENTS_MAX], srtt[LAB_CLIENTS_MAX];
	uint32_t nb;
};

static void
gather_conn(struct gather *g, const struct quantum_conn *conn)
{
	struct quantum_stats stats;

	if (conn == NULL || g->nb == LAB_CLIENTS_MAX)
		return;
	quantum_conn_stats(conn, &stats);
	add_u64(&g->side->sum, &stats, NB_CONN_COUNTERS);
	g->cwnd[g->nb] = stats.cwnd_bytes;
	g->pacing[g->nb] = stats.pacing_bytes_per_s;
	g->srtt[g->nb++] = stats.srtt_ns;
}

static uint64_t
median(uint64_t *values, uint32_t nb)
{
	if (nb == 0)
		return 0;
	qsort(values, nb, sizeof(*values), order_u64);
	return values[nb / 2];
}

static void
gather_done(struct gather *g)
{
	g->side->nb_conns = g->nb;
	g->side->cwnd_bytes = median(g->cwnd, g->nb);
	g->side->pacing_bytes_per_s = median(g->pacing, g->nb);
	g->side->srtt_ns = median(g->srtt, g->nb);
}

struct job {
	struct lab *lab;
	struct lab_figures *f;
	struct gather *g;
	uint32_t idx;
};

static void
take_client(struct lab_figures *f, const struct lab_client *c)
{
	const struct docclient_stats *s = docclient_stats(c->doc);

	f->ops_made += s->ops_made;
	f->ops_lost += s->ops_lost;
	f->ops_resent += s->ops_resent;
	f->ops_held += s->held_ops;
	f->in_flight_sum += s->in_flight_sum;
	f->in_flight_max = aef_max_u64(f->in_flight_max, s->in_flight_max);
	f->held_max = aef_max_u64(f->held_max, s->held_max);
	f->digests += s->digests_checked;
	f->resyncs += s->resyncs;
	f->snapshots += s->snapshots;
	f->ack_ns_sum += s->ack_ns_sum;
	f->ack_ns_max = aef_max_u64(f->ack_ns_max, s->ack_ns_max);
	f->waits += c->player.waits;
	f->behind_ns_max = aef_max_u64(f->behind_ns_max, c->player.behind_ns_max);
	f->blocked += c->blocked;
	f->client_bytes += c->alloc.used_bytes;
	f->connects += c->connects;
	f->closes += c->closes;
}

static void
take_host(void *arg)
{
	const struct job *job = arg;
	struct lab_figures *f = job->f;
	struct lab_host *host = &job->lab->host;

	job->g->side = &f->clients;
	job->g->nb = 0;
	for (uint32_t i = 0; i < host->conf.nb_clients; i++) {
		take_client(f, &host->clients[i]);
		add_u64(&f->clients.sum, &host->clients[i].ended, NB_CONN_COUNTERS);
		gather_conn(job->g, host->clients[i].conn);
	}
	gather_done(job->g);
	f->latency = host->latency_all;
	f->latency_now = host->latency_now;
	aef_hist_reset(&host->latency_now);
	f->ops_acked = host->ops_acked;
	f->ops_applied = host->ops_applied;
	f->latency_unknown = host->latency_unknown;
	lab_hub_stats(&host->hub, LAB_UP, &f->up);
	lab_hub_stats(&host->hub, LAB_DOWN, &f->down);
	f->hashed = host->hub.hashed;
	lab_hub_hash(&host->hub, f->hash);
	f->rx_bad = host->rx_bad;
	f->rx_stray = host->rx_stray;
	f->tx_no_mbuf = host->tx_no_mbuf;
	f->tx_ring_full = host->tx_ring_full;
}

static void
each_conn(void *ctx, uint64_t handle, const struct quantum_conn *conn)
{
	(void)handle;
	gather_conn(ctx, conn);
}

static void
take_lcore(void *arg)
{
	const struct job *job = arg;
	const struct pipeline_lcore *lc = job->lab->app.lcores[job->idx];

	add_u64(&job->f->pipeline, pipeline_lcore_stats(lc), FIELDS(struct pipeline_stats));
	pipeline_lcore_each(lc, each_conn, job->g);
}

static void
take_worker(void *arg)
{
	const struct job *job = arg;
	const struct worker *worker = job->lab->app.workers[job->idx].worker;
	const struct statesync_stats *s = statesync_stats(worker_service(worker));

	add_u64(&job->f->worker, worker_stats(worker), FIELDS(struct worker_stats));
	job->f->service.ops_applied += s->ops_applied;
	job->f->service.ops_resent += s->ops_resent;
	job->f->service.ops_nacked += s->ops_nacked;
	job->f->service.resyncs += s->resyncs;
	job->f->service.events_sent += s->events_sent;
	job->f->service.sends_refused += s->sends_refused;
	job->f->service.bufs_refused += s->bufs_refused;
	job->f->service.runs_encoded += s->runs_encoded;
	job->f->service.store_errors += s->store_errors;
	job->f->service.transforms_max =
		aef_max_u64(job->f->service.transforms_max, s->transforms_max);
}

static void
take_links(struct lab *lab, struct lab_figures *f)
{
	for (uint32_t l = 0; l < lab->app.nb_lcores; l++)
		for (uint32_t w = 0; w < lab->app.nb_workers; w++) {
			const struct delivery_link *link = &lab->app.links[l][w];
			const struct delivery_stats *a = &link->transport.stats;
			const struct delivery_stats *b = &link->worker.stats;

			f->ring_high = aef_max_u64(f->ring_high, a->ring_high);
			f->ring_high = aef_max_u64(f->ring_high, b->ring_high);
			f->descs_high = aef_max_u64(f->descs_high, a->descs_high);
			f->descs_high = aef_max_u64(f->descs_high, b->descs_high);
		}
	dpio_pool_sample(&lab->app.pool);
	dpio_pool_sample(&lab->app.client_pool);
	f->pool_high = aef_max_u64(lab->app.pool.high_water, lab->app.client_pool.high_water);
	f->pool_size = lab->app.pool.nb_mbufs;
}

void
lab_figures_take(struct lab *lab, struct lab_figures *ret_figures)
{
	static struct gather gather; /* of the main thread; too large for its stack */
	struct job job = { .lab = lab, .f = ret_figures, .g = &gather };

	memset(ret_figures, 0, sizeof(*ret_figures));
	ret_figures->at_ns = lab_now_ns(lab);
	lab_core_call(&lab->cores[0], take_host, &job);
	ret_figures->client_busy_ns = lab->cores[0].busy_ns;
	gather.side = &ret_figures->appliance;
	gather.nb = 0;
	for (job.idx = 0; lab->direct == NULL && job.idx < lab->app.nb_lcores; job.idx++)
		lab_core_call(&lab->cores[1 + job.idx], take_lcore, &job);
	gather_done(&gather);
	for (job.idx = 0; lab->direct == NULL && job.idx < lab->app.nb_workers; job.idx++)
		lab_core_call(&lab->cores[1 + lab->app.nb_lcores + job.idx], take_worker, &job);
	take_links(lab, ret_figures);
}

static void
clear_host(void *arg)
{
	struct lab_host *host = arg;

	aef_hist_reset(&host->latency_all);
	aef_hist_reset(&host->latency_now);
	host->rx_frames = host->rx_stray = host->rx_bad = 0;
	host->tx_frames = host->tx_no_mbuf = host->tx_ring_full = 0;
}

void
lab_figures_clear(struct lab *lab)
{
	lab_core_call(&lab->cores[0], clear_host, &lab->host);
}

uint64_t
lab_in_flight_milli(const struct lab_figures *figures)
{
	return figures->ops_made > 0 ? figures->in_flight_sum * 1000 / figures->ops_made : 0;
}

uint64_t
lab_ns_per_packet(const struct lab_figures *now, const struct lab_figures *before)
{
	uint64_t pkts = now->pipeline.tx_pkts, ns = now->pipeline.busy_ns;

	for (unsigned v = 0; v < PIPELINE_NB_VERDICTS; v++)
		pkts += now->pipeline.verdicts[v];
	if (before != NULL) {
		pkts -= before->pipeline.tx_pkts;
		ns -= before->pipeline.busy_ns;
		for (unsigned v = 0; v < PIPELINE_NB_VERDICTS; v++)
			pkts -= before->pipeline.verdicts[v];
	}
	return pkts > 0 ? ns / pkts : 0;
}
