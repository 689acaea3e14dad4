/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/metrics.h - registry of counters and gauges: name, unit, help, and where the value is.
 *
 * A value is a plain uint64_t that belongs to one writer (an lcore, usually); the registry only
 * keeps its address and reads it relaxed, so counting costs the writer one add and no atomic
 * operation.
 *
 * Source:  STYLE C9 (one writer per counter); the text form is `name{labels} value`.
 * Context: add on the main thread before any lcore is launched; reads from any thread afterwards.
 */
#ifndef RUNTIME_METRICS_H
#define RUNTIME_METRICS_H

#include <runtime/text.h>

#define AEF_METRIC_LABELS_MAX 96 /* bytes of a label text, NUL included */

enum aef_metric_kind {
	AEF_METRIC_COUNTER, /* never goes down */
	AEF_METRIC_GAUGE,
};

/* What a module declares, static storage; a table ends with { 0 }. */
struct aef_metric {
	const char *name; /* <module>_<what>_<unit>, as Prometheus likes it */
	const char *unit;
	const char *help;
	enum aef_metric_kind kind;
};

struct aef_metrics {
	struct aef_metric_item *items; /* owned */
	uint32_t nb_items;
	uint32_t items_max;
};

/** Start an empty registry for up to @p items_max values. @return 0 or AEF_ERR_NOMEM */
AEF_MUST_CHECK int aef_metrics_init(struct aef_metrics *metrics, uint32_t items_max);

/** Free the registry, not the values; accepts one that was never initialised but is zeroed. */
void aef_metrics_fini(struct aef_metrics *metrics);

/**
 * Register one value.
 *
 * @param metric description, static storage
 * @param labels e.g. `lcore="1"`, copied; NULL for none
 * @param value  read relaxed until aef_metrics_fini; must outlive the registry
 * @return 0; AEF_ERR_FULL; AEF_ERR_EXISTS when name and labels are taken; AEF_ERR_INVALID for a
 * name with other characters than a-z, 0-9 and _, or labels that are too long
 */
AEF_MUST_CHECK int aef_metrics_add(struct aef_metrics *metrics, const struct aef_metric *metric,
                                   const char *labels, const uint64_t *value);

/**
 * Value of the first metric with that name and labels (NULL: first with that name).
 *
 * @return 0 or AEF_ERR_NOTFOUND
 */
AEF_MUST_CHECK int aef_metrics_get(const struct aef_metrics *metrics, const char *name,
                                   const char *labels, uint64_t *ret_value);

/** Write one line per value whose name starts with @p prefix ("" for all): `name{labels} value`. */
void aef_metrics_dump(const struct aef_metrics *metrics, const char *prefix, struct aef_text *out);

/** Call @p fn for every value in order of registration; for exporters. */
void aef_metrics_each(const struct aef_metrics *metrics,
                      void (*fn)(void *ctx, const struct aef_metric *metric, const char *labels,
                                 uint64_t value),
                      void *ctx);

#endif
