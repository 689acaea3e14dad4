/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One author of a trace at work: which transaction comes next, what he must have seen before it,
 * when he types it.
 *
 * Positions in a trace are relative to the author's own version, so operations of the other author
 * that he had not seen at that moment are held back (docclient_hold), and he waits for those that
 * he had seen.
 *
 * Context: the thread that owns the author's document.
 */
#ifndef LAB_PLAYER_H
#define LAB_PLAYER_H

#include <docclient/docclient.h>

#include "trace.h"

struct lab_player {
	const struct lab_trace *trace; /* borrowed; NULL: no author */
	uint32_t agent;
	uint32_t next; /* transaction; nb_txns: done */
	uint32_t at;   /* patches of it typed already */
	/* Document sequence number of the author before the first patch of the trace: 1 where he
	 * typed the start content. */
	uint64_t seq_base[LAB_TRACE_AGENTS_MAX];
	struct aef_guuid authors[LAB_TRACE_AGENTS_MAX];
	uint64_t pace_milli; /* 0: flat */
	uint64_t gap_ns;     /* between transactions of a trace without times */
	uint64_t start_ns;   /* when time 0 of the trace was */
	uint64_t due_ns;     /* not before */
	bool started, prepared, waited, done;
	uint64_t waits;         /* transactions that had to wait for a parent */
	uint64_t behind_ns_max; /* typed later than the pace asks */
};

/** Begin at the author's first transaction. */
void lab_player_init(struct lab_player *player, const struct lab_trace *trace, uint32_t agent,
                     uint64_t pace_milli, uint64_t gap_ns);

/**
 * Type what can be typed now, at most @p burst patches.
 *
 * @param in_flight_max own operations not acknowledged
 * @return patches typed; a negative error of the document that is not "full"
 */
int lab_player_step(struct lab_player *player, struct docclient *doc, uint32_t in_flight_max,
                    uint32_t burst, uint64_t now_ns);

/** When a step may have something to do for reasons of time; AEF_TIME_NEVER: when something comes
 * in. */
uint64_t lab_player_next_ns(const struct lab_player *player);

#endif
