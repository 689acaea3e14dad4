/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * budget_priv.h - the share of an lcore's time that one class of datagrams may take.
 *
 * A token bucket of time: it fills with a share of what passes and is charged with what the class
 * took, by the clock, once for each burst. Within a burst a running estimate of the cost of one
 * datagram stands in for the clock, so there is no clock read for each.
 *
 * Source: ; reference security, section 4.4.
 * Units:   nanoseconds, scaled by 1024 inside, so that no share is lost to rounding.
 * Context: the lcore that owns it; pure arithmetic.
 */
#ifndef PIPELINE_BUDGET_PRIV_H
#define PIPELINE_BUDGET_PRIV_H

#include <base/defs.h>

#define BUDGET_SAVED_NS (10ull * 1000 * 1000) /* an unused share is kept no longer than this */
#define BUDGET_COST_NS  64u                   /* of one datagram, at least */

struct budget {
	int64_t left_x1024; /* time left, times 1024; below 0: to be made up for */
	uint64_t last_ns;
	uint64_t cost_x64; /* of one datagram, running, times 64 */
	uint32_t share_x1024;
};

/** A full budget of @p share_pct percent. */
void budget_init(struct budget *budget, uint32_t share_pct, uint64_t now_ns);

/** Let it grow by its share of the time since the last call; once for each iteration. */
static inline void
budget_refill(struct budget *budget, uint64_t now_ns)
{
	const uint64_t passed = now_ns - budget->last_ns;
	const int64_t most = (int64_t)(BUDGET_SAVED_NS * budget->share_x1024);

	budget->last_ns = now_ns;
	/* A clock that jumps gives no more than what may be saved. */
	budget->left_x1024 +=
		passed < BUDGET_SAVED_NS ? (int64_t)(passed * budget->share_x1024) : most;
	if (budget->left_x1024 > most)
		budget->left_x1024 = most;
}

/** True when there is time for one more after @p nb of this burst, which are not charged yet. */
static inline bool
budget_has(const struct budget *budget, unsigned nb)
{
	return budget->left_x1024 > (int64_t)(nb * budget->cost_x64 * (1024 / 64));
}

/**
 * Charge @p nb datagrams that took @p took_ns together.
 *
 * What exceeds four times the estimate, and 4 us for each, is taken for time in which the lcore did
 * not run; a clock that stands (lockstep) leaves BUDGET_COST_NS for each.
 */
void budget_charge(struct budget *budget, unsigned nb, uint64_t took_ns);

#endif
