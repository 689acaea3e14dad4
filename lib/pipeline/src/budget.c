/* SPDX-License-Identifier: BSD-3-Clause */
#include "budget_priv.h"

#define COST_FIRST_NS 1000u /* before anything was measured */
#define FAR           4u    /* times the estimate, or COST_FIRST_NS if that is more: not our work */
#define WEIGHT        64    /* of the past against one datagram */

void
budget_init(struct budget *budget, uint32_t share_pct, uint64_t now_ns)
{
	*budget = (struct budget){ .last_ns = now_ns,
		                   .cost_x64 = COST_FIRST_NS * 64,
		                   .share_x1024 = share_pct * 1024 / 100 };
	budget->left_x1024 = (int64_t)(BUDGET_SAVED_NS * budget->share_x1024);
}

void
budget_charge(struct budget *budget, unsigned nb, uint64_t took_ns)
{
	const uint64_t expected_x64 = nb * budget->cost_x64;
	const uint64_t least_x64 = (uint64_t)nb * BUDGET_COST_NS * 64;
	/* Cheap datagrams before dear ones must not make these cheap, too. */
	const uint64_t most_x64 =
		FAR * aef_max_u64(expected_x64, (uint64_t)nb * COST_FIRST_NS * 64);
	uint64_t took_x64 = took_ns * 64;

	if (nb == 0)
		return;
	if (took_x64 > most_x64)
		took_x64 = most_x64;
	if (took_x64 < least_x64)
		took_x64 = least_x64;
	budget->left_x1024 -= (int64_t)(took_x64 * (1024 / 64));
	/* A burst counts for its size; 32 of WEIGHT move the estimate half way. */
	budget->cost_x64 = (uint64_t)((int64_t)budget->cost_x64 +
	                              ((int64_t)took_x64 - (int64_t)expected_x64) / WEIGHT);
}
