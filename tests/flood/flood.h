/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flood.h - the two scenarios, and how they say what they saw.
 *
 * Context: the main thread.
 */
#ifndef TESTS_FLOOD_FLOOD_H
#define TESTS_FLOOD_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

struct flood_opts {
	bool counts;       /* gates that are counts only: for a machine that does other things */
	bool strangers;    /* S7 with what is no SYN */
	uint32_t sessions; /* live ones */
	uint32_t rounds;   /* S7: pairs of baseline and flood; S8: of the cost of each kind */
	uint32_t ms;       /* S7: of one side of a round */
	uint32_t connects; /* S7: legitimate ones a second */
	uint64_t packets;  /* S8: forged ones */
};

/** S7: a flood of SYNs from random sources. */
void flood_syn(const struct flood_opts *opts);

/** S8: forged packets and resets on known connections. */
void flood_forged(const struct flood_opts *opts);

/** Count and print a verdict; @p what is a sentence with the figure in it. */
void flood_expect(bool ok, const char *what, ...) __attribute__((format(printf, 2, 3)));

/** Resident memory of this process, KiB. */
uint64_t flood_rss_kib(void);

#endif
