/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refuse.h - what a datagram costs a transport lcore, by what is wrong with it: the CPU time of the
 * polls that receive bursts of one kind, with live connections beside.
 *
 * Context: one thread; EAL runs.
 */
#ifndef TESTS_BENCH_REFUSE_H
#define TESTS_BENCH_REFUSE_H

#include "appliance.h"
#include "bench.h"
#include "crowd.h"
#include "forge.h"

#define REFUSE_BYTES 1200u /* of a datagram */
#define REFUSE_EXTRA 64u

struct refuse;

/** Live connections of the row `refuse`; 64. */
extern uint32_t bench_refuse_guests;

/* One kind of datagram; the ctx of refuse_run(). */
struct refuse_side {
	struct refuse *refuse;
	int kind; /* enum forge_kind; -1: genuine */
};

struct refuse {
	struct appliance appliance;
	struct protection protection;
	struct delivery_tsc tsc;
	struct delivery_clock clock;
	struct crowd crowd;
	struct forge forge;
	struct dpio_pool pool; /* of the crowd and the forger */
	uint64_t forged_unix_ms;
	char pool_name[24];
	uint32_t guests, next; /* live ones; REFUSE_EXTRA more may dial */
	uint64_t made[FORGE_NB_KINDS];
	struct refuse_side sides[FORGE_NB_KINDS + 1]; /* [0] genuine, then by kind */
};

/**
 * Start with @p guests live connections.
 *
 * @param syn_share_pct 100: none is refused for want of budget; 1: nearly all
 * @param connects      room for many that come and go: refuse_connects()
 * @return NULL, or why not (static storage)
 */
const char *refuse_open(struct refuse *r, const char *name, uint32_t guests, uint8_t syn_share_pct,
                        bool connects);
void refuse_close(struct refuse *r);

/** Work for about @p round_ns of CPU time of the lcore; @p ctx is a struct refuse_side. */
struct bench_sample refuse_run(void *ctx, uint64_t round_ns);

/** Exactly @p nb frames of @p kind. @return CPU time of the lcore */
uint64_t refuse_forge(struct refuse *r, enum forge_kind kind, uint64_t nb);

/** Connect and close REFUSE_EXTRA guests. @return false when one does not
 * @param ret_lcore_ns, ret_derive_ns CPU time of the lcore and of the handshake thread, added to */
bool refuse_connects(struct refuse *r, uint64_t *ret_lcore_ns, uint64_t *ret_derive_ns);

/** Serve what is on its way, for @p ns. */
void refuse_quiet(struct refuse *r, uint64_t ns);

/** Let every guest send a message and wait for all. @return true when all arrived */
bool refuse_all_alive(struct refuse *r);

#endif
