/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One loop of the lab: a transport lcore, a worker lcore, or the host of the clients. It polls, and
 * between two polls runs what the main thread asks of its owner's state, so nothing else needs a
 * lock.
 *
 * Context: core_run on the lcore; core_call on the main thread.
 */
#ifndef LAB_CORE_H
#define LAB_CORE_H

#include <stdatomic.h>

#include <delivery/clock.h>
#include <delivery/idle.h>

struct lab_call {
	void (*fn)(void *ctx);
	void *ctx;
};

struct lab_core {
	const char *name;
	unsigned (*poll)(void *ctx);
	uint64_t (*next_ns)(const void *ctx);
	void *ctx;
	struct delivery_bell *bell;
	struct delivery_bell *peer; /* rung after work: the rings of the port have no bell */
	struct delivery_clock clock;
	struct delivery_idle idle;
	atomic_bool *stop; /* shared by all cores */
	bool threaded;     /* core_run is on its way: calls go through the mailbox */
	_Atomic(struct lab_call *) call;
	uint64_t busy_ns;
};

/** Body of an lcore (lcore_function_t): poll until the shared stop. @p core is a struct lab_core.
 */
int lab_core_run(void *core);

/** Have @p fn run by the core's own thread between two polls, and wait for it. Directly when the
 * core is not running in a thread of its own. */
void lab_core_call(struct lab_core *core, void (*fn)(void *ctx), void *ctx);

/** Poll all of @p cores until none has work; at most @p rounds rounds. @return work done */
unsigned lab_cores_drain(struct lab_core *cores, uint32_t nb, uint32_t rounds);

/** The earliest time at which one of them has something to do. */
uint64_t lab_cores_next_ns(const struct lab_core *cores, uint32_t nb);

#endif
