/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "rtt_priv.h"

/* No path of ours is longer; keeps every sum below 2^63 whatever the clock did. */
#define SAMPLE_MAX_NS (1ull << 40)

void
quantum_rtt_init(struct quantum_rtt *rtt, uint64_t max_ack_delay_ns)
{
	*rtt = (struct quantum_rtt){
		.srtt_ns = QUANTUM_RTT_INITIAL_NS,
		.rttvar_ns = QUANTUM_RTT_INITIAL_NS / 2,
		.min_ns = UINT64_MAX,
		.min_cur_ns = UINT64_MAX,
		.max_ack_delay_ns = aef_min_u64(max_ack_delay_ns, SAMPLE_MAX_NS),
		.first_sample_at_ns = AEF_TIME_NEVER,
	};
}

/* Two half windows, so that a minimum lives one to two of them and costs two words. */
static void
update_min(struct quantum_rtt *rtt, uint64_t sample_ns, uint64_t now_ns)
{
	rtt->min_cur_ns = aef_min_u64(rtt->min_cur_ns, sample_ns);
	rtt->min_ns = aef_min_u64(rtt->min_ns, sample_ns);
	if (aef_sub_sat_u64(now_ns, rtt->min_start_ns) < QUANTUM_RTT_MIN_WINDOW_NS)
		return;
	rtt->min_ns = rtt->min_cur_ns;
	rtt->min_cur_ns = sample_ns;
	rtt->min_start_ns = now_ns;
}

int
quantum_rtt_update(struct quantum_rtt *rtt, uint64_t sample_ns, uint64_t ack_delay_ns,
                   uint64_t now_ns)
{
	if (sample_ns == 0)
		return AEF_ERR_MALFORMED;
	sample_ns = aef_min_u64(sample_ns, SAMPLE_MAX_NS);
	if (!quantum_rtt_has_sample(rtt)) {
		rtt->latest_ns = rtt->srtt_ns = sample_ns;
		rtt->rttvar_ns = sample_ns / 2;
		rtt->min_ns = rtt->min_cur_ns = sample_ns;
		rtt->min_start_ns = now_ns;
		rtt->first_sample_at_ns = now_ns;
		return 0;
	}
	rtt->latest_ns = sample_ns;
	update_min(rtt, sample_ns, now_ns);

	/* The delay is the peer's word: never below the minimum that we measured ourselves. */
	const uint64_t delay_ns = aef_min_u64(ack_delay_ns, rtt->max_ack_delay_ns);
	const uint64_t adjusted_ns =
		sample_ns >= rtt->min_ns + delay_ns ? sample_ns - delay_ns : sample_ns;
	const uint64_t error_ns = rtt->srtt_ns > adjusted_ns ? rtt->srtt_ns - adjusted_ns
	                                                     : adjusted_ns - rtt->srtt_ns;

	rtt->rttvar_ns = (3 * rtt->rttvar_ns + error_ns) / 4;
	rtt->srtt_ns = (7 * rtt->srtt_ns + adjusted_ns) / 8;
	return 0;
}

uint64_t
quantum_rtt_rto_ns(const struct quantum_rtt *rtt)
{
	const uint64_t rto_ns =
		rtt->srtt_ns + aef_max_u64(QUANTUM_RTT_GRANULARITY_NS, 4 * rtt->rttvar_ns);

	return aef_min_u64(aef_max_u64(rto_ns, QUANTUM_RTO_MIN_NS), QUANTUM_RTO_MAX_NS);
}

uint64_t
quantum_rtt_pto_ns(const struct quantum_rtt *rtt)
{
	const uint64_t var_ns = aef_max_u64(4 * rtt->rttvar_ns, QUANTUM_RTT_GRANULARITY_NS);

	return aef_min_u64(rtt->srtt_ns + var_ns + rtt->max_ack_delay_ns, QUANTUM_RTO_MAX_NS);
}
