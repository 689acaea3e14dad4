/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * syn_host.h - the appliance of S7 on a CPU of its own, its handshake thread, and all that is at
 * the other end of the wire: live clients, legitimate newcomers, the generator.
 *
 *   CPU 0 (main thread): clients, generator, handshake thread     CPU 1: transport lcore, worker
 */
#ifndef TESTS_FLOOD_SYN_HOST_H
#define TESTS_FLOOD_SYN_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include "appliance.h"
#include "crowd.h"
#include "flood.h"
#include "forge.h"

#define HOST_NEW_MAX 512u /* legitimate newcomers at one time */

struct newcomer {
	bool there;
	uint64_t dialled_ns;
};

/* What one side of a round saw. */
struct phase {
	bool to_server;         /* else the generator sends into nothing */
	bool only_good;         /* the flood's tokens are all good: the dearest kind */
	bool strangers;         /* no SYNs: ACKs with a forged cookie, and ids that nobody has */
	uint32_t flood_pps;     /* 0: no generator */
	uint32_t live_pps;      /* messages of live sessions a second */
	uint32_t connects;      /* newcomers a second */
	uint64_t ns;            /* asked for, then what it took */
	uint64_t offered;       /* messages of live sessions */
	uint64_t offered_later; /* while the last newcomers had their time; not in the above */
	uint64_t delivered;     /* to the service */
	uint64_t flood_pkts;    /* made */
	uint64_t flood_in_time; /* of these: before the last newcomers had their time */
	uint64_t flood_bytes;
	uint64_t lost_pkts; /* of these: the wire was full */
	uint64_t reply_pkts, reply_bytes;
	uint64_t started, in_time, late; /* newcomers */
};

struct host {
	struct protection protection;
	struct delivery_tsc tsc;
	struct delivery_clock clock;
	struct appliance appliance;
	struct dpio_pool pool; /* of everything but the appliance */
	struct crowd crowd;
	struct forge forge;
	struct newcomer newcomers[HOST_NEW_MAX];
	uint32_t sessions, next_live, next_new;
	uint64_t forged_unix_ms, next_due_ns;
	atomic_bool stop, stop_handshakes;
	bool runs;
	pthread_t handshake_thread;
};

/** Start, connect every session. @return NULL, or why not (static storage) */
const char *host_open(struct host *h, const struct flood_opts *opts);
void host_close(struct host *h);

/** CPU time of the appliance's CPU for one message, nanoseconds; before host_launch(). */
uint64_t host_message_ns(struct host *h);

/** The appliance goes to its CPU, the handshake thread starts. @return false: no lcore */
bool host_launch(struct host *h);

/** Run one side of a round. */
void host_phase(struct host *h, struct phase *p);

/** Until nothing is on its way, or @p ns have passed. */
void host_settle(struct host *h, uint64_t ns);

#endif
