/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab.h"

#include <stdlib.h>
#include <time.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include <base/err.h>

#define SLEEP_NS     (10 * AEF_NS_PER_MS) /* at most; whatever brings work rings */
#define CONNECT_NS   (20 * AEF_NS_PER_S)
#define STALL_NS     (120 * AEF_NS_PER_S) /* flat out and nothing typed: longer than any time-out */
#define DRAIN_ROUNDS 100000u /* polls at one virtual time: beyond this something spins */

uint64_t
lab_now_ns(const struct lab *lab)
{
	return delivery_now_ns(&lab->app.clock);
}

/* A trace brings its own number of people. */
static void
cast_of_trace(struct lab *lab)
{
	struct lab_opts *opts = &lab->opts;

	opts->docs = 1;
	if (opts->clients_set && opts->clients >= lab->trace.nb_agents && !opts->readers_set)
		opts->readers = opts->clients - lab->trace.nb_agents;
	else if (!opts->readers_set)
		opts->readers = lab->trace.concurrent ? 0 : 2;
	opts->clients = lab->trace.nb_agents + opts->readers;
	if (!opts->duration_set)
		opts->duration_ns = AEF_TIME_NEVER;
}

static void
add_core(struct lab *lab, const char *name, unsigned (*poll)(void *),
         uint64_t (*next_ns)(const void *), void *ctx, struct delivery_bell *bell)
{
	struct lab_core *core = &lab->cores[lab->nb_cores++];
	struct delivery_idle_conf idle = lab_idle_conf(&lab->opts);

	core->name = name;
	core->poll = poll;
	core->next_ns = next_ns;
	core->ctx = ctx;
	core->bell = bell;
	core->clock = lab->app.clock;
	core->stop = &lab->stop;
	idle.sleep_max_ns = SLEEP_NS;
	delivery_idle_init(&core->idle, &idle);
}

static unsigned
lcore_poll(void *ctx)
{
	return pipeline_lcore_poll(ctx);
}

static uint64_t
lcore_next_ns(const void *ctx)
{
	return pipeline_lcore_next_ns(ctx);
}

static unsigned
service_poll(void *ctx)
{
	return worker_poll(ctx);
}

static uint64_t
service_next_ns(const void *ctx)
{
	return worker_next_ns(ctx);
}

static unsigned
handshake_poll(void *ctx)
{
	const struct lab_appliance *app = ctx;

	return pipeline_handshaker_poll(app->handshaker, protect_provider(app->handshake_protect));
}

static uint64_t
handshake_next_ns(const void *ctx)
{
	(void)ctx;
	return AEF_TIME_NEVER; /* the transport lcores ring */
}

static void
make_cores(struct lab *lab)
{
	struct lab_appliance *app = &lab->app;

	add_core(lab, "clients", lab_host_poll, lab_host_next_ns, &lab->host, &lab->host.bell);
	if (lab->direct != NULL) {
		add_core(lab, "transport", lab_direct_transport_poll, lab_direct_transport_next_ns,
		         lab->direct, NULL);
		add_core(lab, "worker", lab_direct_service_poll, lab_direct_service_next_ns,
		         lab->direct, NULL);
		return;
	}
	for (uint32_t i = 0; i < app->nb_lcores; i++) {
		add_core(lab, "transport", lcore_poll, lcore_next_ns, app->lcores[i],
		         pipeline_lcore_bell(app->lcores[i]));
		lab->cores[lab->nb_cores - 1].peer = &lab->host.bell;
	}
	for (uint32_t i = 0; i < app->nb_workers; i++)
		add_core(lab, "worker", service_poll, service_next_ns, app->workers[i].worker,
		         worker_bell(app->workers[i].worker));
	if (app->handshaker != NULL)
		add_core(lab, "handshakes", handshake_poll, handshake_next_ns, app,
		         pipeline_handshaker_bell(app->handshaker));
}

static void
host_conf(struct lab *lab, struct lab_host_conf *ret_conf)
{
	const struct lab_opts *opts = &lab->opts;
	struct lab_appliance *app = &lab->app;

	*ret_conf = (struct lab_host_conf){
		.protect = app->client_protect,
		.clock = app->clock,
		.port = &app->client_port,
		.pool = app->client_pool.mp,
		.clones = app->client_pool.mp,
		.server = &app->port.local,
		.nb_queues = (uint16_t)app->nb_lcores,
		.nb_clients = opts->clients,
		.nb_docs = opts->docs,
		.nb_authors = opts->trace != NULL ? lab->trace.nb_agents : 0,
		.trace = opts->trace != NULL ? &lab->trace : NULL,
		.pace_milli = opts->pace_milli,
		.rate_milli = opts->rate_milli,
		.in_flight = opts->in_flight,
		.ipv6 = opts->ipv6,
		.hashing = opts->lockstep,
		.seed = opts->seed,
		.up = opts->up,
		.down = opts->down,
	};
	lab_conn_conf(opts, &ret_conf->conn);
	ret_conf->direct = lab->direct;
	for (uint32_t i = 0; lab->direct == NULL && i < app->nb_lcores; i++)
		ret_conf->bells[i] = pipeline_lcore_bell(app->lcores[i]);
}

int
lab_init(struct lab *lab, const struct lab_opts *opts, struct aef_text *ret_error)
{
	struct lab_host_conf conf;
	int rc;

	memset(lab, 0, sizeof(*lab));
	lab->opts = *opts;
	if (opts->trace != NULL) {
		rc = lab_trace_load(&lab->trace, opts->trace, ret_error);
		if (rc != 0)
			return rc;
		cast_of_trace(lab);
		if (lab->opts.clients > LAB_CLIENTS_MAX) {
			aef_text_printf(ret_error, "Too many clients: give at most %u --readers.",
			                LAB_CLIENTS_MAX - lab->trace.nb_agents);
			return AEF_ERR_INVALID;
		}
	}
	rc = lab_appliance_init(&lab->app, &lab->opts, ret_error);
	if (rc != 0)
		return rc;
	if (opts->direct) {
		lab->direct = lab_direct_create(&lab->app, &lab->opts);
		if (lab->direct == NULL) {
			aef_text_printf(ret_error, "No memory for the engine; give fewer "
			                           "--clients.");
			return AEF_ERR_NOMEM;
		}
	}
	host_conf(lab, &conf);
	rc = lab_host_init(&lab->host, &conf, ret_error);
	if (rc != 0)
		return rc;
	make_cores(lab);
	lab->begin_ns = lab->phase_ns = lab_now_ns(lab);
	return 0;
}

void *
lab_service_of(const struct lab *lab, uint32_t doc_idx)
{
	return lab->direct != NULL
	               ? lab_direct_service(lab->direct)
	               : worker_service(lab->app.workers[lab_worker_of(&lab->app, doc_idx)].worker);
}

int
lab_launch(struct lab *lab, struct aef_text *ret_error)
{
	unsigned lcore = rte_get_next_lcore(-1, 1, 0);

	for (uint32_t i = 0; i < lab->nb_cores; i++) {
		struct lab_core *core = &lab->cores[i];

		if (lcore >= RTE_MAX_LCORE ||
		    rte_eal_remote_launch(lab_core_run, core, lcore) != 0) {
			aef_text_printf(ret_error, "An lcore does not start; give fewer --lcores "
			                           "and --workers.");
			return AEF_ERR_IO;
		}
		core->threaded = true;
		lab->threaded = true;
		lab->lcore_ids[i] = lcore;
		lcore = rte_get_next_lcore(lcore, 1, 0);
	}
	return 0;
}

void
lab_halt(struct lab *lab)
{
	atomic_store(&lab->stop, true);
	for (uint32_t i = 0; i < lab->nb_cores; i++) {
		if (!lab->cores[i].threaded)
			continue;
		delivery_bell_ring(lab->cores[i].bell);
		(void)rte_eal_wait_lcore(lab->lcore_ids[i]);
		lab->cores[i].threaded = false;
	}
	lab->threaded = false;
}

void
lab_fini(struct lab *lab)
{
	lab_halt(lab);
	lab_host_fini(&lab->host);
	lab_direct_destroy(lab->direct);
	lab_appliance_fini(&lab->app);
	lab_trace_fini(&lab->trace);
}

bool
lab_advance(struct lab *lab, uint64_t ns)
{
	const struct timespec nap = { .tv_sec = (time_t)(ns / AEF_NS_PER_S),
		                      .tv_nsec = (long)(ns % AEF_NS_PER_S) };
	const uint64_t end_ns = lab->app.virtual_ns + ns;

	if (!lab->opts.lockstep) {
		(void)nanosleep(&nap, NULL); /* a signal cuts it short, as it should */
		return true;
	}
	for (unsigned stuck = 0; stuck < DRAIN_ROUNDS;) {
		uint64_t next_ns;

		if (lab_cores_drain(lab->cores, lab->nb_cores, DRAIN_ROUNDS) >= DRAIN_ROUNDS)
			stuck++;
		next_ns = lab_cores_next_ns(lab->cores, lab->nb_cores);
		if (next_ns > end_ns) {
			lab->app.virtual_ns = end_ns;
			return true;
		}
		stuck = next_ns > lab->app.virtual_ns ? 0 : stuck + 1;
		lab->app.virtual_ns = aef_max_u64(next_ns, lab->app.virtual_ns);
	}
	return false;
}

/* ---- phases -----------------------------------------------------------------------------------
 */

static bool
replica_has(const struct lab_client *client, uint64_t version)
{
	return docclient_state(client->doc) == DOCCLIENT_LIVE &&
	       docclient_in_flight(client->doc) == 0 && docclient_version(client->doc) == version;
}

static void
look(void *arg)
{
	struct lab *lab = arg;
	const struct lab_host *host = &lab->host;
	struct lab_progress *p = &lab->progress;
	uint64_t made[LAB_DOCS_MAX] = { 0 };

	memset(p, 0, sizeof(*p));
	p->authors_done = true;
	p->in_sync = true;
	p->ops_total = lab->trace.nb_patches;
	for (uint32_t i = 0; i < host->conf.nb_clients; i++) {
		const struct lab_client *c = &host->clients[i];
		const uint64_t ops = docclient_last_seq(c->doc);

		p->nb_live += docclient_state(c->doc) == DOCCLIENT_LIVE;
		p->nb_failed += docclient_state(c->doc) == DOCCLIENT_FAILED || c->error != 0;
		p->authors_done = p->authors_done && (c->role != LAB_AUTHOR || c->player.done);
		p->ops_made += ops;
		made[c->doc_idx] += ops - aef_min_u64(ops, c->lost);
	}
	for (uint32_t i = 0; i < host->conf.nb_clients; i++)
		p->in_sync = p->in_sync &&
		             replica_has(&host->clients[i], made[host->clients[i].doc_idx]);
}

static void
type_on(void *arg)
{
	struct lab_host *host = arg;
	const uint64_t now_ns = delivery_now_ns(&host->conf.clock);

	host->typing = true;
	for (uint32_t i = 0; i < host->conf.nb_clients; i++)
		lab_client_type_from(&host->clients[i], now_ns);
}

/* Nothing is held back any more: convergence needs all of it. */
static void
type_off(void *arg)
{
	struct lab_host *host = arg;
	const uint64_t now_ns = delivery_now_ns(&host->conf.clock);

	host->typing = false;
	for (uint32_t i = 0; i < host->conf.nb_clients; i++)
		if (host->clients[i].role == LAB_AUTHOR && !host->clients[i].player.done)
			docclient_hold(host->clients[i].doc, false, now_ns);
}

static void
enter(struct lab *lab, enum lab_phase phase)
{
	const uint64_t now_ns = lab_now_ns(lab);

	if (lab->phase == LAB_TYPE)
		lab->typed_ns_sum += now_ns - lab->phase_ns;
	if (lab->phase == LAB_SETTLE)
		lab->settled_ns = now_ns - lab->phase_ns;
	lab->phase = phase;
	lab->phase_ns = now_ns;
}

void
lab_start_typing(struct lab *lab, uint64_t ns)
{
	lab->type_for_ns = ns;
	lab_core_call(&lab->cores[0], type_on, &lab->host);
	enter(lab, LAB_TYPE);
}

void
lab_stop_typing(struct lab *lab)
{
	lab_core_call(&lab->cores[0], type_off, &lab->host);
	enter(lab, LAB_SETTLE);
}

/* A replay at its own pace may rest for days; flat out it must move. */
static bool
stalled(struct lab *lab)
{
	const uint64_t now_ns = lab_now_ns(lab);

	if (lab->progress.ops_made != lab->moved_ops || lab->phase != LAB_TYPE) {
		lab->moved_ops = lab->progress.ops_made;
		lab->moved_ns = now_ns;
	}
	return lab->opts.trace != NULL && lab->opts.pace_milli == 0 &&
	       now_ns - lab->moved_ns > STALL_NS + lab->opts.settle_ns;
}

void
lab_step(struct lab *lab)
{
	struct lab_progress *p = &lab->progress;
	uint64_t for_ns;

	lab_core_call(&lab->cores[0], look, lab);
	for_ns = lab_now_ns(lab) - lab->phase_ns;
	if (lab->phase != LAB_TYPE)
		(void)stalled(lab); /* the time starts with typing */
	switch (lab->phase) {
	case LAB_CONNECT:
		if (p->nb_live == lab->opts.clients && lab->opts.console)
			enter(lab, LAB_IDLE);
		else if (p->nb_live == lab->opts.clients)
			lab_start_typing(lab, lab->opts.duration_ns);
		else if (for_ns > CONNECT_NS + lab->opts.settle_ns) {
			lab->timed_out = true;
			enter(lab, LAB_END);
		}
		break;
	case LAB_TYPE:
		if (p->nb_failed > 0 || for_ns >= lab->type_for_ns || stalled(lab) ||
		    (lab->opts.trace != NULL && p->authors_done))
			lab_stop_typing(lab);
		break;
	case LAB_SETTLE:
		if (p->in_sync || p->nb_failed > 0 || for_ns > lab->opts.settle_ns) {
			lab->timed_out = !p->in_sync;
			enter(lab, lab->opts.console ? LAB_IDLE : LAB_END);
		}
		break;
	default:
		break;
	}
}
