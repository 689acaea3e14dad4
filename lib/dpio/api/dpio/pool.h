/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio/pool.h - packet buffers, all taken at start, with gauges for use and high water.
 *
 * Context: create and destroy on the main thread; buffers from any lcore (per-lcore caches);
 *          sample from the one thread that watches (control).
 */
#ifndef DPIO_POOL_H
#define DPIO_POOL_H

#include <rte_mbuf.h>

#include <runtime/metrics.h>
#include <runtime/text.h>

/* Bytes in front of an empty buffer: every header of ours fits (66), and so do descriptors. */
#define DPIO_HEADROOM RTE_PKTMBUF_HEADROOM

struct dpio_pool {
	struct rte_mempool *mp; /* owned */
	uint64_t nb_mbufs;
	uint64_t in_use; /* gauges, written by dpio_pool_sample */
	uint64_t high_water;
};

/**
 * Take @p nb_mbufs buffers of @p data_bytes behind DPIO_HEADROOM.
 *
 * @param name      unique, at most 25 characters
 * @param ret_error one sentence on failure
 * @return 0, AEF_ERR_NOMEM, AEF_ERR_EXISTS
 */
AEF_MUST_CHECK int dpio_pool_create(struct dpio_pool *pool, const char *name, uint32_t nb_mbufs,
                                    uint16_t data_bytes, struct aef_text *ret_error);

/** Give the memory back; all ports that use it closed before. Accepts a zeroed pool. */
void dpio_pool_destroy(struct dpio_pool *pool);

/** Update `in_use` and `high_water`; walks the caches, so a few times a second at most. */
void dpio_pool_sample(struct dpio_pool *pool);

/** Register the gauges with label pool="name". */
AEF_MUST_CHECK int dpio_pool_metrics(const struct dpio_pool *pool, struct aef_metrics *metrics);

extern const struct aef_metric dpio_pool_metric_table[];

#endif
