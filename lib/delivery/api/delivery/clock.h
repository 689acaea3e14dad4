/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * delivery/clock.h - where an lcore takes its time from: the cycle counter, or a virtual clock.
 *
 * Source:  DESIGN 1 (time comes in as an argument); one read per burst.
 * Units:   nanoseconds of one monotonic clock; milliseconds since 1970.
 * Context: now_ns on any lcore; init and sync on the main thread. The real one makes no system
 *          call on the lcore.
 */
#ifndef DELIVERY_CLOCK_H
#define DELIVERY_CLOCK_H

#include <stdatomic.h>

#include <base/defs.h>

struct delivery_clock {
	uint64_t (*now_ns)(void *ctx);
	uint64_t (*unix_ms)(void *ctx, uint64_t now_ns); /* wall clock at now_ns */
	void *ctx;                                       /* borrowed */
};

/* State behind the real clock, shared by all lcores of the process. */
struct delivery_tsc {
	uint64_t start_cycles;
	uint64_t start_ns;
	uint64_t ns_x2_32; /* nanoseconds per cycle times 2^32 */
	atomic_uint_fast64_t unix_minus_ns_ms;
};

/**
 * The real clock: cycle counter scaled to CLOCK_MONOTONIC; EAL is running.
 *
 * @param tsc overwritten; borrowed as long as the clock is used
 */
struct delivery_clock delivery_clock_tsc(struct delivery_tsc *tsc);

/** Follow the wall clock; call about once a second from the main thread. */
void delivery_tsc_sync(struct delivery_tsc *tsc);

/** A clock that stands still until somebody writes *@p now_ns; 1970 began at its 0. */
struct delivery_clock delivery_clock_virtual(uint64_t *now_ns);

static inline uint64_t
delivery_now_ns(const struct delivery_clock *clock)
{
	return clock->now_ns(clock->ctx);
}

static inline uint64_t
delivery_unix_ms(const struct delivery_clock *clock, uint64_t now_ns)
{
	return clock->unix_ms(clock->ctx, now_ns);
}

#endif
