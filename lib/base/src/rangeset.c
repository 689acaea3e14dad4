/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rangeset.h>

void
aef_rangeset_init(struct aef_rangeset *set)
{
	aef_list_init(&set->ranges);
	set->nb_ranges = 0;
}

static void
drop(struct aef_rangeset *set, struct aef_pool *pool, struct aef_range *range)
{
	aef_list_remove(&range->node);
	set->nb_ranges--;
	aef_pool_put(pool, range);
}

void
aef_rangeset_clear(struct aef_rangeset *set, struct aef_pool *pool)
{
	while (set->nb_ranges > 0)
		drop(set, pool, aef_range_of(set->ranges.next));
}

/* Last range that begins at or below `first`, or the head. Searched from the top: new is high. */
static struct aef_list *
find_at_or_below(const struct aef_rangeset *set, uint64_t first)
{
	struct aef_list *at = set->ranges.prev;

	while (at != &set->ranges && aef_range_of(at)->first > first)
		at = at->prev;
	return at;
}

/* Swallow the ranges after `range` that it now touches; returns the numbers both had. */
static uint64_t
join_right(struct aef_rangeset *set, struct aef_pool *pool, struct aef_range *range)
{
	uint64_t both = 0;

	while (range->node.next != &set->ranges) {
		struct aef_range *right = aef_range_of(range->node.next);

		if (right->first > range->end)
			break;
		both += aef_min_u64(range->end, right->end) - right->first;
		range->end = aef_max_u64(range->end, right->end);
		drop(set, pool, right);
	}
	return both;
}

int
aef_rangeset_add(struct aef_rangeset *set, struct aef_pool *pool, uint64_t first, uint64_t end,
                 uint64_t *ret_added)
{
	uint64_t added = end - first;
	struct aef_list *at = find_at_or_below(set, first);
	struct aef_range *left = aef_range_of(at); /* one only when `at` is not the head */

	aef_assert_hot(first < end);
	if (at != &set->ranges && left->end >= first) {
		added -= aef_min_u64(left->end, end) - first;
		if (end > left->end) {
			left->end = end;
			/* What the right ones hold was counted as new above. */
			added -= join_right(set, pool, left);
		}
	} else if (at->next != &set->ranges && aef_range_of(at->next)->first <= end) {
		struct aef_range *right = aef_range_of(at->next);

		added -= aef_min_u64(end, right->end) - right->first;
		right->first = first;
		if (end > right->end) {
			right->end = end;
			added -= join_right(set, pool, right);
		}
	} else {
		struct aef_range *range = aef_pool_get(pool);

		if (range == NULL)
			return AEF_ERR_FULL;
		range->first = first;
		range->end = end;
		aef_list_insert_before(at->next, &range->node);
		set->nb_ranges++;
	}
	if (ret_added != NULL)
		*ret_added = added;
	return 0;
}

bool
aef_rangeset_has(const struct aef_rangeset *set, uint64_t first, uint64_t end)
{
	struct aef_list *at = find_at_or_below(set, first);

	return at != &set->ranges && aef_range_of(at)->end >= end;
}

uint64_t
aef_rangeset_overlap(const struct aef_rangeset *set, uint64_t first, uint64_t end)
{
	uint64_t sum = 0;

	aef_list_foreach (node, &set->ranges) {
		const struct aef_range *range = aef_range_of(node);
		const uint64_t lo = aef_max_u64(range->first, first);
		const uint64_t hi = aef_min_u64(range->end, end);

		if (range->first >= end)
			break;
		if (lo < hi)
			sum += hi - lo;
	}
	return sum;
}

void
aef_rangeset_drop_below(struct aef_rangeset *set, struct aef_pool *pool, uint64_t bound)
{
	while (set->nb_ranges > 0) {
		struct aef_range *range = aef_range_of(set->ranges.next);

		if (range->end <= bound) {
			drop(set, pool, range);
			continue;
		}
		range->first = aef_max_u64(range->first, bound);
		break;
	}
}
