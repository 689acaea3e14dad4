/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "worker_priv.h"

static const struct {
	struct aef_metric metric;
	size_t offset;
} counters[] = {
#define COUNTER(name, kind, unit, help)                                                            \
	{ { "worker_" #name, unit, help, AEF_METRIC_##kind }, offsetof(struct worker_stats, name) },
	WORKER_COUNTERS(COUNTER)
#undef COUNTER
};

static const uint64_t *
value_of(const struct worker_stats *stats, size_t i)
{
	return (const uint64_t *)((const char *)stats + counters[i].offset);
}

void
worker_stats_text(const struct worker_stats *stats, bool only_nonzero, struct aef_text *out)
{
	for (size_t i = 0; i < AEF_DIM(counters); i++)
		if (!only_nonzero || *value_of(stats, i) != 0)
			aef_text_printf(out, "%s %" PRIu64 "\n",
			                counters[i].metric.name + sizeof("worker_") - 1,
			                *value_of(stats, i));
}

int
worker_metrics(const struct worker *worker, struct aef_metrics *metrics)
{
	char labels[AEF_METRIC_LABELS_MAX];

	(void)snprintf(labels, sizeof(labels), "worker=\"%u\"", worker->conf.idx);
	for (size_t i = 0; i < AEF_DIM(counters); i++) {
		const int rc = aef_metrics_add(metrics, &counters[i].metric, labels,
		                               value_of(&worker->stats, i));

		if (rc < 0)
			return rc;
	}
	return 0;
}
