/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipeline/timer_wheel.h - hierarchical timer wheel: arm and cancel in O(1), exact expiry.
 *
 * A node remembers its own time to the nanosecond; the wheel only finds it again. So a driver with
 * a virtual clock that jumps from timer_wheel_next_ns() to the next sees each timer at its exact
 * time. Re-arming is lazy in the user: a node that fires too early is simply armed again.
 *
 * Source:  Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987; Carousel,
 *          SIGCOMM 2017.
 * Units:   nanoseconds; a slot of the lowest level is 2^13 ns.
 * Context: one lcore per wheel; pure arithmetic, no clock, no allocation.
 */
#ifndef PIPELINE_TIMER_WHEEL_H
#define PIPELINE_TIMER_WHEEL_H

#include <base/list.h>
#include <base/time.h>

#define TIMER_WHEEL_TICK_SHIFT 13u
#define TIMER_WHEEL_BITS       8u
#define TIMER_WHEEL_SLOTS      (1u << TIMER_WHEEL_BITS)
#define TIMER_WHEEL_LEVELS     5u /* 2^53 ns; what is further away fires early */

struct timer_node {
	struct aef_list link;
	uint64_t expires_ns; /* AEF_TIME_NEVER: not armed */
	uint16_t slot;       /* level * TIMER_WHEEL_SLOTS + index */
};

struct timer_wheel {
	uint64_t now_tick; /* everything before it has been handled */
	uint32_t nb_armed;
	uint64_t used[TIMER_WHEEL_LEVELS][TIMER_WHEEL_SLOTS / 64];
	struct aef_list slots[TIMER_WHEEL_LEVELS][TIMER_WHEEL_SLOTS];
};

/** Make an empty wheel at @p now_ns; it must not move. */
void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns);

/** Make a node that is not armed. */
void timer_node_init(struct timer_node *node);

/** Arm @p node, or move it if it is armed. A time in the past is due at once. */
void timer_wheel_arm(struct timer_wheel *wheel, struct timer_node *node, uint64_t expires_ns);

/** Take @p node out; no-op when it is not armed. */
void timer_wheel_cancel(struct timer_wheel *wheel, struct timer_node *node);

/**
 * Take one node that is due at @p now_ns, no longer armed then.
 *
 * @param now_ns never less than in the call before
 * @return NULL when none is due
 */
struct timer_node *timer_wheel_pop(struct timer_wheel *wheel, uint64_t now_ns);

/** Time of the earliest node, AEF_TIME_NEVER when none is armed. */
uint64_t timer_wheel_next_ns(const struct timer_wheel *wheel);

#endif
