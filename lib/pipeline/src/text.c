/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "lcore_priv.h"

static const char *const verdict_names[] = {
#define VERDICT_NAME(name, text, help) text,
	PIPELINE_VERDICTS(VERDICT_NAME)
#undef VERDICT_NAME
};
static const char *const verdict_helps[] = {
#define VERDICT_HELP(name, text, help) help,
	PIPELINE_VERDICTS(VERDICT_HELP)
#undef VERDICT_HELP
};

struct counter {
	struct aef_metric metric;
	size_t offset;
};

static const struct counter counters[] = {
#define COUNTER(name, kind, unit, help)                                                            \
	{ { "pipeline_" #name, unit, help, AEF_METRIC_##kind },                                    \
	  offsetof(struct pipeline_stats, name) },
	PIPELINE_COUNTERS(COUNTER)
#undef COUNTER
};

static const struct aef_metric verdict_metric = { "pipeline_datagrams", "datagrams",
	                                          "by verdict of the pipeline",
	                                          AEF_METRIC_COUNTER };
static const struct aef_metric quantum_metric = { "quantum_datagrams", "datagrams",
	                                          "by verdict of the engine", AEF_METRIC_COUNTER };

const char *
pipeline_verdict_name(enum pipeline_verdict verdict)
{
	return (unsigned)verdict < PIPELINE_NB_VERDICTS ? verdict_names[verdict] : "unknown";
}

const char *
pipeline_verdict_help(enum pipeline_verdict verdict)
{
	return (unsigned)verdict < PIPELINE_NB_VERDICTS ? verdict_helps[verdict] : "unknown";
}

static void
line(struct aef_text *out, const char *prefix, const char *name, uint64_t value, bool only_nonzero)
{
	if (value != 0 || !only_nonzero)
		aef_text_printf(out, "%s%s %" PRIu64 "\n", prefix, name, value);
}

void
pipeline_stats_text(const struct pipeline_stats *stats, bool only_nonzero, struct aef_text *out)
{
	for (size_t i = 0; i < AEF_DIM(counters); i++)
		line(out, "", counters[i].metric.name + sizeof("pipeline_") - 1,
		     *(const uint64_t *)((const char *)stats + counters[i].offset), only_nonzero);
	for (unsigned i = 0; i < PIPELINE_NB_VERDICTS; i++)
		line(out, "datagrams.", verdict_names[i], stats->verdicts[i], only_nonzero);
	for (unsigned i = 0; i < QUANTUM_NB_VERDICTS; i++)
		line(out, "datagrams.quantum.", quantum_verdict_name((enum quantum_verdict)i),
		     stats->quantum[i], only_nonzero);
}

int
pipeline_lcore_metrics(const struct pipeline_lcore *lc, struct aef_metrics *metrics)
{
	char labels[AEF_METRIC_LABELS_MAX];
	int rc = 0;

	(void)snprintf(labels, sizeof(labels), "lcore=\"%u\"", lc->conf.idx);
	for (size_t i = 0; rc == 0 && i < AEF_DIM(counters); i++)
		rc = aef_metrics_add(
			metrics, &counters[i].metric, labels,
			(const uint64_t *)((const char *)&lc->stats + counters[i].offset));
	for (unsigned i = 0; rc == 0 && i < PIPELINE_NB_VERDICTS; i++) {
		(void)snprintf(labels, sizeof(labels), "lcore=\"%u\",verdict=\"%s\"", lc->conf.idx,
		               verdict_names[i]);
		rc = aef_metrics_add(metrics, &verdict_metric, labels, &lc->stats.verdicts[i]);
	}
	for (unsigned i = 0; rc == 0 && i < QUANTUM_NB_VERDICTS; i++) {
		(void)snprintf(labels, sizeof(labels), "lcore=\"%u\",verdict=\"%s\"", lc->conf.idx,
		               quantum_verdict_name((enum quantum_verdict)i));
		rc = aef_metrics_add(metrics, &quantum_metric, labels, &lc->stats.quantum[i]);
	}
	return rc;
}
