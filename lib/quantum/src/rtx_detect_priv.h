/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/rtx_detect_priv.h - what rtx.c and rtx_detect.c share and nobody else calls.
 *
 * Context: the thread that owns the connection.
 */
#ifndef QUANTUM_RTX_DETECT_PRIV_H
#define QUANTUM_RTX_DETECT_PRIV_H

#include "rtx_priv.h"

/* Canary number of this build (docs/testing.md); 0: none planted. */
#ifndef AEF_PLANT
#define AEF_PLANT 0
#endif

/* Received ranges at or above the highest FLOOR sent: ascending, disjoint. */
struct quantum_rtx_ranges {
	uint32_t nb;
	struct quantum_ack_block r[QUANTUM_ACK_IN_MAX + 1];
};

/** Record that @p node links by number. */
static inline struct quantum_sent *
quantum_sent_of(struct aef_list *node)
{
	return aef_list_entry(node, struct quantum_sent, node);
}

/** Count @p rec out of what is in flight; it is in no list by number afterwards. */
void quantum_rtx_unsend(struct quantum_rtx *rtx, struct quantum_sent *rec);

/** When the oldest undecided record counts as lost; AEF_TIME_NEVER: nothing newer was delivered. */
uint64_t quantum_rtx_reo_deadline_ns(const struct quantum_rtx *rtx);

/**
 * Declare lost whatever is due (RFC 8985 6.2 step 5).
 *
 * @param got what the acknowledgement at hand reports, or NULL on a timer
 */
void quantum_rtx_detect_lost(struct quantum_rtx *rtx, uint64_t now_ns,
                             const struct quantum_rtx_ranges *got, struct quantum_rtx_result *res);

/** Declare the oldest undecided record lost. */
void quantum_rtx_declare_oldest(struct quantum_rtx *rtx, uint64_t now_ns,
                                const struct quantum_rtx_ranges *got,
                                struct quantum_rtx_result *res);

#endif
