/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <runtime/metrics.h>

struct aef_metric_item {
	const struct aef_metric *metric;
	const uint64_t *value;
	char labels[AEF_METRIC_LABELS_MAX];
};

int
aef_metrics_init(struct aef_metrics *metrics, uint32_t items_max)
{
	*metrics = (struct aef_metrics){ .items_max = items_max };
	metrics->items = calloc(items_max > 0 ? items_max : 1, sizeof(*metrics->items));
	return metrics->items != NULL ? 0 : AEF_ERR_NOMEM;
}

void
aef_metrics_fini(struct aef_metrics *metrics)
{
	free(metrics->items);
	*metrics = (struct aef_metrics){ 0 };
}

static bool
name_ok(const char *name)
{
	return name != NULL && name[0] != '\0' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

int
aef_metrics_add(struct aef_metrics *metrics, const struct aef_metric *metric, const char *labels,
                const uint64_t *value)
{
	struct aef_metric_item *item;

	if (labels == NULL)
		labels = "";
	if (!name_ok(metric->name) || value == NULL || strlen(labels) >= AEF_METRIC_LABELS_MAX)
		return AEF_ERR_INVALID;
	for (uint32_t i = 0; i < metrics->nb_items; i++) {
		item = &metrics->items[i];
		if (strcmp(item->metric->name, metric->name) == 0 &&
		    strcmp(item->labels, labels) == 0)
			return AEF_ERR_EXISTS;
	}
	if (metrics->nb_items == metrics->items_max)
		return AEF_ERR_FULL;
	item = &metrics->items[metrics->nb_items++];
	item->metric = metric;
	item->value = value;
	memcpy(item->labels, labels, strlen(labels) + 1);
	return 0;
}

static uint64_t
item_read(const struct aef_metric_item *item)
{
	return __atomic_load_n(item->value, __ATOMIC_RELAXED);
}

int
aef_metrics_get(const struct aef_metrics *metrics, const char *name, const char *labels,
                uint64_t *ret_value)
{
	for (uint32_t i = 0; i < metrics->nb_items; i++) {
		const struct aef_metric_item *item = &metrics->items[i];

		if (strcmp(item->metric->name, name) == 0 &&
		    (labels == NULL || strcmp(item->labels, labels) == 0)) {
			*ret_value = item_read(item);
			return 0;
		}
	}
	return AEF_ERR_NOTFOUND;
}

void
aef_metrics_dump(const struct aef_metrics *metrics, const char *prefix, struct aef_text *out)
{
	for (uint32_t i = 0; i < metrics->nb_items; i++) {
		const struct aef_metric_item *item = &metrics->items[i];
		const char *open = item->labels[0] != '\0' ? "{" : "";
		const char *close = item->labels[0] != '\0' ? "}" : "";

		if (strncmp(item->metric->name, prefix, strlen(prefix)) == 0)
			aef_text_printf(out, "%s%s%s%s %llu\n", item->metric->name, open,
			                item->labels, close, (unsigned long long)item_read(item));
	}
}

void
aef_metrics_each(const struct aef_metrics *metrics,
                 void (*fn)(void *ctx, const struct aef_metric *metric, const char *labels,
                            uint64_t value),
                 void *ctx)
{
	for (uint32_t i = 0; i < metrics->nb_items; i++) {
		const struct aef_metric_item *item = &metrics->items[i];

		fn(ctx, item->metric, item->labels, item_read(item));
	}
}
