/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/flow_priv.h - credit: how many bytes one direction of a channel or connection may carry.
 *
 * Every figure is a running total of payload bytes since the connection began. A byte is charged
 * when it is transmitted for the first time; the receiver charges it when it first arrives, or when
 * an EXPIRED frame settles it. Both totals are equal once nothing is in flight.
 *
 * Grant:   granted = consumed + window + min(partial, reassembly budget). `partial` counts bytes
 *          held of incomplete messages, so a message larger than the window cannot stall; a
 *          receiver thus holds at most window + budget bytes per connection. The other half of the
 *          argument is the sender's (send_buf.c, message_may_start): at most one message at a time
 *          is begun that the connection's credit does not cover whole.
 * Source:  DESIGN section 2; the shape of RFC 9000 section 4.
 * Context: the thread that owns the connection.
 */
#ifndef QUANTUM_FLOW_PRIV_H
#define QUANTUM_FLOW_PRIV_H

#include <base/defs.h>

struct quantum_flow_tx {
	uint64_t limit;   /* granted by the peer */
	uint64_t charged; /* transmitted for the first time; never above limit */
};

struct quantum_flow_rx {
	uint64_t charged;  /* arrived or settled; never above granted */
	uint64_t consumed; /* done with: taken by the application, dropped or settled */
	uint64_t granted;  /* told to the peer, initial credit included */
	uint64_t partial;  /* held of incomplete messages */
};

/** Bytes that may still be charged. */
static inline uint64_t
quantum_flow_tx_room(const struct quantum_flow_tx *tx)
{
	return tx->limit - tx->charged;
}

/** The peer grants up to @p bytes in total; a lower value is old news. True when it was raised. */
bool quantum_flow_tx_raise(struct quantum_flow_tx *tx, uint64_t bytes);

/** Begin with the credit that our limits announced. */
void quantum_flow_rx_init(struct quantum_flow_rx *rx, uint64_t window_bytes);

/** True when the peer may send @p bytes more than it has. */
static inline bool
quantum_flow_rx_allows(const struct quantum_flow_rx *rx, uint64_t bytes)
{
	return bytes <= rx->granted - rx->charged;
}

/**
 * Raise `granted` when that is worth a frame: at least half of the window is new.
 *
 * @param window_bytes what the peer may have beyond the consumed bytes
 * @param budget_bytes how much of `partial` may be held on top
 * @return true when `granted` was raised and must be told to the peer
 */
bool quantum_flow_rx_grant(struct quantum_flow_rx *rx, uint64_t window_bytes,
                           uint64_t budget_bytes);

#endif
