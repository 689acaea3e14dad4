/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * delivery/idle.h - what an lcore does when there is no work, and the bell that wakes it.
 *
 * Work resets the ladder: poll, then poll with a pause instruction, then sleep until the bell, the
 * next deadline or the configured maximum. The bell is armed one poll before the sleep, so what
 * came in between is seen by that poll or has rung.
 *
 * Source:  DESIGN 1 (idle lcores back off under a configured policy).
 * Units:   nanoseconds.
 * Context: delivery_idle_step on the lcore that owns it; delivery_bell_ring on any thread.
 */
#ifndef DELIVERY_IDLE_H
#define DELIVERY_IDLE_H

#include <stdatomic.h>

#include <base/defs.h>

/* Written by the sleeper (arm) and by whoever wakes it. */
struct delivery_bell {
	alignas(AEF_CACHE_LINE) atomic_uint armed; /* 1: asleep or about to be */
};

struct delivery_idle_conf {
	bool busy_poll;        /* never pause, never sleep: an lcore with a CPU of its own */
	uint32_t spins;        /* empty polls before a pause instruction goes between two */
	uint32_t pauses;       /* of these, before sleeping */
	uint64_t sleep_max_ns; /* one sleep; what a NIC receives meanwhile waits that long */
};

struct delivery_idle {
	struct delivery_idle_conf conf;
	uint32_t empty;    /* polls in a row without work */
	uint64_t sleep_ns; /* the last one; doubles up to the maximum */
	uint64_t sleeps;
	uint64_t slept_ns; /* asked for, not measured */
};

/** 64 polls, 64 with a pause, then sleeps of at most 200 us; for several lcores on one CPU. */
struct delivery_idle_conf delivery_idle_conf_default(void);

/** Start at the top of the ladder. */
void delivery_idle_init(struct delivery_idle *idle, const struct delivery_idle_conf *conf);

/**
 * One step after a poll. Makes no system call in the busy-poll profile.
 *
 * @param bell     rung by whoever gives this lcore work
 * @param work     what the poll did; 0 = nothing
 * @param now_ns   time of that poll
 * @param until_ns next deadline of this lcore; AEF_TIME_NEVER: none
 */
AEF_HOT void delivery_idle_step(struct delivery_idle *idle, struct delivery_bell *bell,
                                unsigned work, uint64_t now_ns, uint64_t until_ns);

/** Wake the sleeper if there is one; cheap when it is awake. After the work was made visible. */
AEF_HOT void delivery_bell_ring(struct delivery_bell *bell);

/** Make the calling thread's sleeps exact to about 1 us instead of 50 us; once at its start. */
void delivery_idle_thread_init(void);

#endif
