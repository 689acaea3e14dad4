/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/rangeset.h - sorted set of disjoint half-open ranges [first, end) of 64-bit numbers.
 *
 * Nodes come from a shared bounded pool; neighbours that touch are joined. Used for received packet
 * numbers, for acknowledged bytes of a message and for reassembly.
 *
 * Context: one thread per set and pool. Insertion at either end is O(1), elsewhere O(ranges).
 */
#ifndef BASE_RANGESET_H
#define BASE_RANGESET_H

#include <base/list.h>
#include <base/pool.h>

struct aef_range {
	struct aef_list node; /* ascending */
	uint64_t first;
	uint64_t end;
};

struct aef_rangeset {
	struct aef_list ranges;
	uint32_t nb_ranges;
};

static inline struct aef_range *
aef_range_of(struct aef_list *node)
{
	return aef_list_entry(node, struct aef_range, node);
}

/** Make @p set empty. */
void aef_rangeset_init(struct aef_rangeset *set);

/** Give all nodes back to @p pool. */
void aef_rangeset_clear(struct aef_rangeset *set, struct aef_pool *pool);

/**
 * Add [first, end).
 *
 * @param ret_added numbers of the range that were not in the set before; may be NULL
 * @return 0, or AEF_ERR_FULL when a node was needed and @p pool is empty (the set is unchanged)
 */
AEF_MUST_CHECK int aef_rangeset_add(struct aef_rangeset *set, struct aef_pool *pool, uint64_t first,
                                    uint64_t end, uint64_t *ret_added);

/** True when every number of [first, end) is in the set. */
bool aef_rangeset_has(const struct aef_rangeset *set, uint64_t first, uint64_t end);

/** Numbers of [first, end) that are in the set. */
uint64_t aef_rangeset_overlap(const struct aef_rangeset *set, uint64_t first, uint64_t end);

/** Drop every number below @p bound. */
void aef_rangeset_drop_below(struct aef_rangeset *set, struct aef_pool *pool, uint64_t bound);

/** Lowest range, or NULL. */
static inline struct aef_range *
aef_rangeset_lowest(const struct aef_rangeset *set)
{
	return set->nb_ranges > 0 ? aef_range_of(set->ranges.next) : NULL;
}

/** Highest range, or NULL. */
static inline struct aef_range *
aef_rangeset_highest(const struct aef_rangeset *set)
{
	return set->nb_ranges > 0 ? aef_range_of(set->ranges.prev) : NULL;
}

#endif
