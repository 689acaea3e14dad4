/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>
#include <dpio/dpio.h>
#include <runtime/log.h>

#include "dpio_priv.h"

#define BURSTS_MAX (DPIO_PORTS_MAX * DPIO_QUEUES_MAX)

/* The one instance that the program's module list starts. */
static struct {
	struct dpio_port ports[DPIO_PORTS_MAX];
	uint32_t nb_ports;
	struct dpio_pool pool;
	const struct dpio_burst *bursts[BURSTS_MAX];
	uint32_t nb_bursts;
} dpio;

struct dpio_port *
dpio_port_at(uint32_t idx)
{
	return idx < dpio.nb_ports ? &dpio.ports[idx] : NULL;
}

struct dpio_port *
dpio_port_find(const char *name)
{
	for (uint32_t i = 0; i < dpio.nb_ports; i++)
		if (strcmp(dpio.ports[i].name, name) == 0)
			return &dpio.ports[i];
	return NULL;
}

struct dpio_pool *
dpio_pool_shared(void)
{
	return dpio.pool.mp != NULL ? &dpio.pool : NULL;
}

int
dpio_burst_register(const struct dpio_burst *burst)
{
	if (dpio.nb_bursts == BURSTS_MAX)
		return AEF_ERR_FULL;
	dpio.bursts[dpio.nb_bursts++] = burst;
	return 0;
}

static void
show_stats(const struct dpio_port *port, struct aef_text *out)
{
	dpio_port_stats_text(port, true, out);
	for (uint32_t i = 0; i < dpio.nb_bursts; i++) {
		if (dpio.bursts[i]->port != port)
			continue;
		aef_text_printf(out, "queue %u:\n", dpio.bursts[i]->queue);
		dpio_stats_text(&dpio.bursts[i]->stats, true, out);
	}
}

static void
show_info(const struct dpio_port *port, struct aef_text *out)
{
	dpio_port_info_text(port, out);
}

static void
clear_stats(const struct dpio_port *port, struct aef_text *out)
{
	dpio_port_stats_reset(port);
	aef_text_printf(out, "port %s: device counters are 0\n", port->name);
}

/* "all", or the name of a port. */
static int
each_port(const char *which, void (*fn)(const struct dpio_port *port, struct aef_text *out),
          struct aef_text *out)
{
	bool found = false;

	for (uint32_t i = 0; i < dpio.nb_ports; i++) {
		if (strcmp(which, "all") != 0 && strcmp(which, dpio.ports[i].name) != 0)
			continue;
		fn(&dpio.ports[i], out);
		found = true;
	}
	if (found || strcmp(which, "all") == 0)
		return 0;
	aef_text_printf(out, "There is no port '%s'; `show port info all` lists them.\n", which);
	return AEF_ERR_NOTFOUND;
}

static int
cmd_stats(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	return each_port(argv[0], show_stats, out);
}

static int
cmd_info(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	return each_port(argv[0], show_info, out);
}

static int
cmd_clear(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	return each_port(argv[0], clear_stats, out);
}

static int
cmd_pool(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	(void)argv;
	dpio_pool_sample(&dpio.pool);
	aef_text_printf(out, "buffers %llu, in use %llu, high water %llu\n",
	                (unsigned long long)dpio.pool.nb_mbufs,
	                (unsigned long long)dpio.pool.in_use,
	                (unsigned long long)dpio.pool.high_water);
	return 0;
}

static int
cmd_verdicts(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < NET_NB_VERDICTS; i++)
		aef_text_printf(out, "%-24s %s\n", net_verdict_name((enum net_verdict)i),
		                net_verdict_help((enum net_verdict)i));
	return 0;
}

static const struct aef_command commands[] = {
	{ "show port stats", "all|<port>", "counters of the device and of its queues", cmd_stats, 1,
	  1 },
	{ "show port info", "all|<port>", "device, addresses, queues, offloads", cmd_info, 1, 1 },
	{ "clear port stats", "all|<port>", "set the counters of the device to 0", cmd_clear, 1,
	  1 },
	{ "show pool", "", "packet buffers in use", cmd_pool, 0, 0 },
	{ "show verdicts", "", "what each receive verdict means", cmd_verdicts, 0, 0 },
	{ 0 },
};

static int
start(const struct dpio_conf *conf, struct aef_text *error)
{
	int rc = dpio_eal_start(conf, error);

	if (rc == 0)
		rc = dpio_pool_create(&dpio.pool, "dpio", conf->mbufs, conf->mbuf_bytes, error);
	for (uint32_t i = 0; rc == 0 && i < conf->nb_ports; i++) {
		rc = dpio_port_start(&dpio.ports[i], &conf->ports[i], &dpio.pool, error);
		dpio.nb_ports += rc == 0;
		if (rc == 0 && dpio.ports[i].nb_queues < conf->ports[i].queues)
			AEF_LOG(AEF_LOG_WARN, "dpio", "port %s has %u of the %u queues asked for",
			        dpio.ports[i].name, dpio.ports[i].nb_queues, conf->ports[i].queues);
		if (rc == 0 && !dpio_port_link_up(&dpio.ports[i]))
			AEF_LOG(AEF_LOG_WARN, "dpio",
			        "port %s has no link yet; is its interface up, its cable in?",
			        dpio.ports[i].name);
	}
	return rc;
}

static int
init(struct aef_runtime *rt, const void *conf)
{
	char buf[AEF_RUNTIME_ERROR_MAX];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	int rc;

	memset(&dpio, 0, sizeof(dpio));
	rc = start(conf, &error);
	if (rc == 0) {
		rc = dpio_pool_metrics(&dpio.pool, &rt->metrics);
		aef_text_printf(&error, "its metrics cannot be added.");
	}
	return rc < 0 ? aef_runtime_fail(rt, rc, "%s", buf) : 0;
}

static void
fini(struct aef_runtime *rt)
{
	(void)rt;
	dpio.nb_bursts = 0;
	while (dpio.nb_ports > 0)
		dpio_port_stop(&dpio.ports[--dpio.nb_ports]);
	dpio_pool_destroy(&dpio.pool);
	dpio_eal_stop();
}

const struct aef_module dpio_module = {
	.name = "dpio",
	.conf = &dpio_conf_schema,
	.metrics = dpio_stats_metric_table,
	.commands = commands,
	.validate = dpio_conf_validate,
	.init = init,
	.fini = fini,
};
