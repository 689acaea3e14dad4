/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/hist.h - histogram of 64-bit values with bounded relative error, for latencies and sizes.
 *
 * Buckets are logarithmic with 32 linear steps per power of two: a reported percentile is at most
 * 1/32 (3.2 %) above the true one. Fixed size, no allocation.
 *
 * Context: one writer; readers may see a slightly stale count.
 */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <base/defs.h>

#define AEF_HIST_SUB_BITS 5
#define AEF_HIST_BUCKETS  ((64 - AEF_HIST_SUB_BITS + 1) << AEF_HIST_SUB_BITS)

struct aef_hist {
	uint64_t nb;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t bucket[AEF_HIST_BUCKETS];
};

/** Empty the histogram. */
void aef_hist_reset(struct aef_hist *hist);

/** Count one value. */
void aef_hist_add(struct aef_hist *hist, uint64_t value);

/** Add all of @p from to @p into. */
void aef_hist_merge(struct aef_hist *into, const struct aef_hist *from);

/**
 * Upper edge of the bucket that holds the given percentile, never above the maximum seen.
 *
 * @param per_100k percentile in thousandths of a per cent: 50000 = median, 99900 = p99.9
 * @return the value, 0 when the histogram is empty
 */
uint64_t aef_hist_percentile(const struct aef_hist *hist, uint32_t per_100k);

#endif
