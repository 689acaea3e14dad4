/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pacer.c - token bucket in virtual-scheduling form: due_ns is when the bucket would be full again.
 * Time per byte is a 32.32 fixed-point number, so a packet costs a multiplication, not a division.
 */
#include "pacer_priv.h"

#define NS_PER_S 1000000000ull

/* Time that @p bytes take at the rate, in 2^-32 ns. Fits: at most 1e9 x 2^32 x 2^32 < 2^94. */
static aef_u128
cost_x2e32(const struct quantum_pacer *pacer, uint32_t bytes)
{
	return (aef_u128)pacer->ns_per_byte_x2e32 * bytes;
}

static void
set_rate(struct quantum_pacer *pacer, uint64_t rate_bytes_per_s)
{
	const uint64_t scaled = NS_PER_S << 32;

	pacer->rate_bytes_per_s = rate_bytes_per_s;
	pacer->ns_per_byte_x2e32 = scaled / rate_bytes_per_s + (scaled % rate_bytes_per_s != 0);
}

void
quantum_pacer_init(struct quantum_pacer *pacer, uint64_t rate_bytes_per_s, uint32_t burst_bytes,
                   uint64_t now_ns)
{
	*pacer = (struct quantum_pacer){ .due_ns = now_ns, .burst_bytes = burst_bytes };
	set_rate(pacer, aef_max_u64(rate_bytes_per_s, 1));
}

void
quantum_pacer_set(struct quantum_pacer *pacer, uint64_t rate_bytes_per_s, uint32_t burst_bytes,
                  uint64_t now_ns)
{
	const uint64_t rate = aef_max_u64(rate_bytes_per_s, 1);

	pacer->burst_bytes = burst_bytes;
	if (rate == pacer->rate_bytes_per_s)
		return;
	/* What was sent ahead is a debt of bytes: at a new rate it takes another time to settle. */
	if (pacer->due_ns > now_ns)
		pacer->due_ns =
			aef_add_sat_u64(now_ns, aef_mul_div_u64(pacer->due_ns - now_ns,
		                                                pacer->rate_bytes_per_s, rate));
	set_rate(pacer, rate);
}

AEF_HOT uint64_t
quantum_pacer_ready_ns(const struct quantum_pacer *pacer, uint64_t now_ns, uint32_t bytes)
{
	if (pacer->due_ns <= now_ns || pacer->burst_bytes <= bytes)
		return pacer->due_ns;

	/* Credit left for others in a full bucket, as time; a packet larger than it waits for all.
	 */
	const aef_u128 slack = cost_x2e32(pacer, pacer->burst_bytes - bytes) >> 32;

	return slack >= pacer->due_ns ? 0 : pacer->due_ns - (uint64_t)slack;
}

AEF_HOT void
quantum_pacer_on_send(struct quantum_pacer *pacer, uint64_t now_ns, uint32_t bytes)
{
	/* A full bucket stays full: idle time is not saved up. */
	if (pacer->due_ns < now_ns) {
		pacer->due_ns = now_ns;
		pacer->due_frac_x2e32 = 0;
	}
	const aef_u128 cost = cost_x2e32(pacer, bytes) + pacer->due_frac_x2e32;
	const aef_u128 whole = cost >> 32;

	pacer->due_frac_x2e32 = (uint32_t)cost;
	pacer->due_ns =
		aef_add_sat_u64(pacer->due_ns, whole > UINT64_MAX ? UINT64_MAX : (uint64_t)whole);
}
