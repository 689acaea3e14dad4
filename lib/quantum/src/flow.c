/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_priv.h"

bool
quantum_flow_tx_raise(struct quantum_flow_tx *tx, uint64_t bytes)
{
	if (bytes <= tx->limit)
		return false;
	tx->limit = bytes;
	return true;
}

void
quantum_flow_rx_init(struct quantum_flow_rx *rx, uint64_t window_bytes)
{
	*rx = (struct quantum_flow_rx){ .granted = window_bytes };
}

bool
quantum_flow_rx_grant(struct quantum_flow_rx *rx, uint64_t window_bytes, uint64_t budget_bytes)
{
	const uint64_t target =
		rx->consumed + window_bytes + aef_min_u64(rx->partial, budget_bytes);

	/* Less than half a window is not worth a frame: the peer still has the other half. */
	if (target < rx->granted || target - rx->granted < aef_max_u64(window_bytes / 2, 1))
		return false;
	rx->granted = target;
	return true;
}
