/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * describe.c - what --list prints: keys of the file, metrics, verdicts; from the program's own
 * tables, so that docs/operations can be checked against them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <base/err.h>

#include "aetherflowd.h"

/* ---- keys: "path <tab> default <tab> range or words <tab> help"
 * ---------------------------------- */

static const struct {
	const char *at;
	const struct aef_config_number *table;
} tables[] = {
	{ "dpio", dpio_conf_numbers },     { "dpio.ports[]", dpio_port_conf_numbers },
	{ "limits", limits_numbers },      { "keys", keys_numbers },
	{ "pipeline", transport_numbers }, { "worker", worker_numbers },
};

static const struct aef_config_number *
number_find(const char *at, const char *key)
{
	for (size_t i = 0; i < AEF_DIM(tables); i++) {
		if (strcmp(tables[i].at, at) != 0)
			continue;
		for (const struct aef_config_number *n = tables[i].table; n->key != NULL; n++)
			if (strcmp(n->key, key) == 0)
				return n;
	}
	return NULL;
}

static void
print_words(const cyaml_schema_value_t *value)
{
	for (uint32_t i = 0; i < value->enumeration.count; i++)
		printf("%s%s", i > 0 ? ", " : "", value->enumeration.strings[i].str);
}

static void
print_key(const char *at, const cyaml_schema_field_t *field)
{
	const struct aef_config_number *n = number_find(at, field->key);

	printf("%s.%s\t", at, field->key);
	if (n != NULL && field->value.type == CYAML_BOOL)
		printf("%s\tfalse, true\t%s\n", n->def != 0 ? "true" : "false", n->help);
	else if (n != NULL)
		printf("%" PRIu64 "\t%" PRIu64 " to %" PRIu64 "\t%s\n", n->def, n->min, n->max,
		       n->help);
	else if (field->value.type == CYAML_ENUM) {
		printf("\t");
		print_words(&field->value);
		printf("\t\n");
	} else
		printf("\t%s\t\n", field->value.type == CYAML_SEQUENCE ? "list" : "text");
}

static void
list_keys(void)
{
	char at[64];

	for (const struct aef_module *const *m = modules; *m != NULL; m++) {
		const cyaml_schema_field_t *f = (*m)->conf->mapping.fields;

		for (; f->key != NULL; f++) {
			print_key((*m)->name, f);
			if (f->value.type != CYAML_SEQUENCE ||
			    f->value.sequence.entry->type != CYAML_MAPPING)
				continue;
			(void)snprintf(at, sizeof(at), "%s.%s[]", (*m)->name, f->key); /* fits */
			for (const cyaml_schema_field_t *e =
			             f->value.sequence.entry->mapping.fields;
			     e->key != NULL; e++)
				print_key(at, e);
		}
	}
}

/* ---- metrics: "name <tab> kind <tab> unit <tab> help", each name once
 * ---------------------------- */

/* The smallest node that starts anywhere: its registry has every name. */
static const char smallest[] = "dpio: {hugepages: never, memory_mb: 64, mbufs: 2048,\n"
			       "  ports: [{name: list0, device: net_ring0, ipv4: 192.0.2.1/24}]}\n"
			       "keys: {ephemeral: true}\n"
			       "pipeline: {conns: 1, conns_busy: 1}\n"
			       "worker: {memory_mb: 1, replies: 256, descs: 64}\n";

/* Metrics already printed: a name has many label sets. */
struct seen {
	const struct aef_metric *metrics[256];
	uint32_t nb;
};

static void
print_metric(void *ctx, const struct aef_metric *metric, const char *labels, uint64_t value)
{
	struct seen *seen = ctx;

	(void)labels;
	(void)value;
	for (uint32_t i = 0; i < seen->nb; i++)
		if (seen->metrics[i] == metric)
			return;
	aef_assert(seen->nb < AEF_DIM(seen->metrics));
	seen->metrics[seen->nb++] = metric;
	printf("%s\t%s\t%s\t%s\n", metric->name,
	       metric->kind == AEF_METRIC_GAUGE ? "gauge" : "counter", metric->unit, metric->help);
}

static int
list_metrics(void)
{
	struct aef_config config;
	struct aef_runtime rt;
	struct seen seen = { 0 };
	int rc = aef_config_parse(&config, "smallest", smallest, sizeof(smallest) - 1, modules);

	if (rc == 0)
		rc = node_plan(&config);
	if (rc == 0)
		rc = aef_runtime_start(&rt, modules, &config, &node);
	if (rc < 0) {
		fprintf(stderr, "aetherflowd: %s\n", config.error[0] ? config.error : rt.error);
		aef_config_free(&config);
		return 1;
	}
	aef_metrics_each(&rt.metrics, print_metric, &seen);
	aef_runtime_stop(&rt);
	aef_config_free(&config);
	return 0;
}

/* ---- verdicts: "layer <tab> name <tab> help", in the order a packet meets them
 * ------------------- */

static void
list_verdicts(void)
{
	for (unsigned i = 0; i < NET_NB_VERDICTS; i++)
		printf("dpio\t%s\t%s\n", net_verdict_name((enum net_verdict)i),
		       net_verdict_help((enum net_verdict)i));
	for (unsigned i = 0; i < PIPELINE_NB_VERDICTS; i++)
		printf("pipeline\t%s\t%s\n", pipeline_verdict_name((enum pipeline_verdict)i),
		       pipeline_verdict_help((enum pipeline_verdict)i));
	for (unsigned i = 0; i < QUANTUM_NB_VERDICTS; i++)
		printf("quantum\t%s\t%s\n", quantum_verdict_name((enum quantum_verdict)i),
		       quantum_verdict_text((enum quantum_verdict)i));
}

int
node_list(const char *what)
{
	int rc = 0;

	if (strcmp(what, "keys") == 0)
		list_keys();
	else if (strcmp(what, "metrics") == 0)
		rc = list_metrics();
	else if (strcmp(what, "verdicts") == 0)
		list_verdicts();
	else
		rc = 2;
	return rc;
}
