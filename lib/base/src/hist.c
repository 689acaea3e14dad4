/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/hist.h>

#define SUB (1u << AEF_HIST_SUB_BITS)

static unsigned
bucket_of(uint64_t value)
{
	if (value < SUB)
		return (unsigned)value;
	const unsigned exp = 63u - (unsigned)__builtin_clzll(value) - AEF_HIST_SUB_BITS;

	return (exp + 1) * SUB + (unsigned)((value >> exp) - SUB);
}

/* Highest value that falls into a bucket. */
static uint64_t
bucket_top(unsigned idx)
{
	if (idx < SUB)
		return idx;
	const unsigned exp = idx / SUB - 1;

	return (((uint64_t)(idx % SUB) + SUB) << exp) + ((1ull << exp) - 1);
}

void
aef_hist_reset(struct aef_hist *hist)
{
	memset(hist, 0, sizeof(*hist));
	hist->min = UINT64_MAX;
}

AEF_HOT void
aef_hist_add(struct aef_hist *hist, uint64_t value)
{
	hist->nb++;
	hist->sum += value;
	hist->min = aef_min_u64(hist->min, value);
	hist->max = aef_max_u64(hist->max, value);
	hist->bucket[bucket_of(value)]++;
}

void
aef_hist_merge(struct aef_hist *into, const struct aef_hist *from)
{
	into->nb += from->nb;
	into->sum += from->sum;
	into->min = aef_min_u64(into->min, from->min);
	into->max = aef_max_u64(into->max, from->max);
	for (unsigned i = 0; i < AEF_HIST_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

uint64_t
aef_hist_percentile(const struct aef_hist *hist, uint32_t per_100k)
{
	const uint64_t rank = aef_max_u64(1, aef_mul_div_u64(hist->nb, per_100k, 100000));
	uint64_t seen = 0;

	if (hist->nb == 0)
		return 0;
	for (unsigned i = 0; i < AEF_HIST_BUCKETS; i++) {
		seen += hist->bucket[i];
		if (seen >= rank)
			return aef_min_u64(bucket_top(i), hist->max);
	}
	return hist->max;
}
