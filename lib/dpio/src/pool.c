/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <rte_errno.h>
#include <rte_lcore.h>

#include <base/err.h>
#include <dpio/pool.h>

#define CACHE_MBUFS 256

const struct aef_metric dpio_pool_metric_table[] = {
	{ "dpio_pool_mbufs", "buffers", "size of the pool", AEF_METRIC_GAUGE },
	{ "dpio_pool_in_use", "buffers", "buffers out of the pool, when last looked at",
	  AEF_METRIC_GAUGE },
	{ "dpio_pool_high_water", "buffers", "largest in_use seen", AEF_METRIC_GAUGE },
	{ 0 },
};

int
dpio_pool_create(struct dpio_pool *pool, const char *name, uint32_t nb_mbufs, uint16_t data_bytes,
                 struct aef_text *ret_error)
{
	const uint32_t cache = nb_mbufs >= 16 * CACHE_MBUFS ? CACHE_MBUFS : nb_mbufs / 16;

	*pool = (struct dpio_pool){ .nb_mbufs = nb_mbufs };
	pool->mp = rte_pktmbuf_pool_create(name, nb_mbufs, cache, 0,
	                                   (uint16_t)(data_bytes + DPIO_HEADROOM), SOCKET_ID_ANY);
	if (pool->mp != NULL)
		return 0;
	if (rte_errno == EEXIST) {
		aef_text_printf(ret_error, "A buffer pool named %s exists already.", name);
		return AEF_ERR_EXISTS;
	}
	aef_text_printf(ret_error,
	                "There is no memory for %u buffers of %u bytes; raise dpio.memory_mb or "
	                "lower dpio.mbufs (%s).",
	                nb_mbufs, data_bytes, rte_strerror(rte_errno));
	return AEF_ERR_NOMEM;
}

void
dpio_pool_destroy(struct dpio_pool *pool)
{
	rte_mempool_free(pool->mp);
	pool->mp = NULL;
}

void
dpio_pool_sample(struct dpio_pool *pool)
{
	const uint64_t in_use = rte_mempool_in_use_count(pool->mp);

	__atomic_store_n(&pool->in_use, in_use, __ATOMIC_RELAXED);
	if (in_use > pool->high_water)
		__atomic_store_n(&pool->high_water, in_use, __ATOMIC_RELAXED);
}

int
dpio_pool_metrics(const struct dpio_pool *pool, struct aef_metrics *metrics)
{
	const uint64_t *const values[] = { &pool->nb_mbufs, &pool->in_use, &pool->high_water };
	char labels[AEF_METRIC_LABELS_MAX];

	(void)snprintf(labels, sizeof(labels), "pool=\"%s\"", pool->mp->name); /* fits */
	for (unsigned i = 0; i < AEF_DIM(values); i++) {
		const int rc =
			aef_metrics_add(metrics, &dpio_pool_metric_table[i], labels, values[i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}
