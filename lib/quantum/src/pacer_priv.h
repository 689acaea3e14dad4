/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pacer_priv.h - when the next packet may leave: pacing rate and burst in, a time out.
 *
 * Source:  draft-ietf-ccwg-bbr, section "Pacing Rate"; ITU-T I.371 (virtual scheduling form of the
 *          token bucket). The bucket is one send quantum deep: after idleness at most a quantum
 * leaves back to back, and a driver that wakes late loses no rate as long as it is at most a
 *          quantum late.
 * Units:   nanoseconds, bytes, bytes per second.
 * Context: the thread that owns the connection. No lock, no allocation, no I/O.
 */
#ifndef QUANTUM_PACER_PRIV_H
#define QUANTUM_PACER_PRIV_H

#include <base/defs.h>

struct quantum_pacer {
	uint64_t due_ns;            /* when the bucket is full again */
	uint64_t ns_per_byte_x2e32; /* rounded up: never faster than the rate */
	uint64_t rate_bytes_per_s;
	uint32_t due_frac_x2e32; /* fraction of a nanosecond of due_ns: no drift */
	uint32_t burst_bytes;
};

/** Start with a full bucket at @p now_ns. A rate of 0 counts as 1 byte per second. */
void quantum_pacer_init(struct quantum_pacer *pacer, uint64_t rate_bytes_per_s,
                        uint32_t burst_bytes, uint64_t now_ns);

/**
 * Change rate and burst; what was sent ahead stays owed in bytes, not in time.
 *
 * Cheap when nothing changed, so it may be called after each ACK.
 */
void quantum_pacer_set(struct quantum_pacer *pacer, uint64_t rate_bytes_per_s, uint32_t burst_bytes,
                       uint64_t now_ns);

/**
 * Earliest time at which a packet of @p bytes may leave.
 *
 * @return a time at most @p now_ns when it may leave now (the bucket holds enough, or is full)
 */
uint64_t quantum_pacer_ready_ns(const struct quantum_pacer *pacer, uint64_t now_ns, uint32_t bytes);

/** Account a packet that leaves now; also for probes that ignore the pacer. */
void quantum_pacer_on_send(struct quantum_pacer *pacer, uint64_t now_ns, uint32_t bytes);

#endif
