/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <base/err.h>
#include <dpio/burst.h>

#include "dpio_priv.h"

/* The counters before `verdicts`, in the order of their fields. */
const struct aef_metric dpio_stats_metric_table[] = {
	{ "dpio_rx_pkts", "packets", "frames received", AEF_METRIC_COUNTER },
	{ "dpio_rx_bytes", "bytes", "of these frames", AEF_METRIC_COUNTER },
	{ "dpio_tx_pkts", "packets", "frames the device took", AEF_METRIC_COUNTER },
	{ "dpio_tx_bytes", "bytes", "of these frames", AEF_METRIC_COUNTER },
	{ "dpio_tx_full", "packets", "dropped: the device took no more; raise tx_desc",
	  AEF_METRIC_COUNTER },
	{ "dpio_tx_bad", "packets", "dropped: no headroom or several segments; a bug of ours",
	  AEF_METRIC_COUNTER },
	{ "dpio_tx_no_mac", "packets", "dropped: the next hop's MAC is not known",
	  AEF_METRIC_COUNTER },
	{ "dpio_no_mbuf", "packets", "a buffer was wanted and the pool was empty; raise mbufs",
	  AEF_METRIC_COUNTER },
	{ "dpio_rx_polls", "polls", "looks at the queue", AEF_METRIC_COUNTER },
	{ "dpio_rx_empty", "polls", "looks that found nothing", AEF_METRIC_COUNTER },
	{ "dpio_rx_verdict_pkts", "packets", "what became of received frames", AEF_METRIC_COUNTER },
	{ 0 },
};
#define NB_PLAIN (AEF_DIM(dpio_stats_metric_table) - 2)
static_assert(offsetof(struct dpio_stats, verdicts) == NB_PLAIN * sizeof(uint64_t),
              "one description for each counter");

/* The counters as an array: the structure is nothing but uint64_t. */
static const uint64_t *
values(const struct dpio_stats *stats)
{
	return &stats->rx_pkts;
}

int
dpio_burst_metrics(const struct dpio_burst *burst, struct aef_metrics *metrics)
{
	char labels[AEF_METRIC_LABELS_MAX];
	int rc = 0;

	(void)snprintf(labels, sizeof(labels), "port=\"%s\",queue=\"%u\"", burst->port->name,
	               burst->queue); /* fits: the name has at most 31 */
	for (unsigned i = 0; rc == 0 && i < NB_PLAIN; i++)
		rc = aef_metrics_add(metrics, &dpio_stats_metric_table[i], labels,
		                     values(&burst->stats) + i);
	for (unsigned i = 0; rc == 0 && i < NET_NB_VERDICTS; i++) {
		(void)snprintf(labels, sizeof(labels), "port=\"%s\",queue=\"%u\",verdict=\"%s\"",
		               burst->port->name, burst->queue,
		               net_verdict_name((enum net_verdict)i)); /* fits */
		rc = aef_metrics_add(metrics, &dpio_stats_metric_table[NB_PLAIN], labels,
		                     &burst->stats.verdicts[i]);
	}
	return rc;
}

void
dpio_stats_text(const struct dpio_stats *stats, bool only_nonzero, struct aef_text *out)
{
	for (unsigned i = 0; i < NB_PLAIN + NET_NB_VERDICTS; i++) {
		const uint64_t value = __atomic_load_n(values(stats) + i, __ATOMIC_RELAXED);
		const char *name = i < NB_PLAIN
		                           ? dpio_stats_metric_table[i].name + sizeof("dpio_") - 1
		                           : net_verdict_name((enum net_verdict)(i - NB_PLAIN));

		if (value != 0 || !only_nonzero)
			aef_text_printf(out, "%s %llu\n", name, (unsigned long long)value);
	}
}

void
dpio_stats_add(struct dpio_stats *into, const struct dpio_stats *from)
{
	uint64_t *to = &into->rx_pkts;

	for (unsigned i = 0; i < NB_PLAIN + NET_NB_VERDICTS; i++)
		to[i] += __atomic_load_n(values(from) + i, __ATOMIC_RELAXED);
}
