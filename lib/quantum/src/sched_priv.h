/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/sched_priv.h - which channel sends next: the only place that decides.
 *
 * Eight levels of priority share by virtual time: a byte of level p costs 2^p, so that each step
 * halves the share and no level starves. Within a level, surplus round robin: a channel sends
 * until its turn of weight x QUANTUM_SCHED_TURN_BYTES is used up, a deficit is carried over.
 *
 * Source:  deficit round robin (Shreedhar and Varghese, 1996), surplus variant (Adiseshu et al.,
 *          1996); start-time fair queuing among levels (Goyal et al., 1996).
 * Context: the thread that owns the connection. Every call is O(levels), never O(channels).
 */
#ifndef QUANTUM_SCHED_PRIV_H
#define QUANTUM_SCHED_PRIV_H

#include <quantum/types.h>

/* One packet of the base MTU: the least a channel gets per turn. */
#define QUANTUM_SCHED_TURN_BYTES 1200

/* Embedded in each channel. */
struct quantum_sched_entry {
	struct quantum_sched_entry *next; /* ring of one level; NULL when not active */
	int32_t left_bytes;               /* of this turn; a debt when negative */
	uint8_t priority;
	uint8_t weight; /* at least 1 */
};

struct quantum_sched {
	struct quantum_sched_entry *tail[QUANTUM_PRIORITIES]; /* ring by its last entry, or NULL */
	uint32_t vtime[QUANTUM_PRIORITIES]; /* compared modulo 2^32: active ones are close together
	                                     */
	uint32_t vtime_now;                 /* of the level served last */
	uint8_t active;                     /* bit p: level p has entries */
};

void quantum_sched_init(struct quantum_sched *sched);

void quantum_sched_entry_init(struct quantum_sched_entry *entry, unsigned priority,
                              unsigned weight);

static inline bool
quantum_sched_is_active(const struct quantum_sched_entry *entry)
{
	return entry->next != NULL;
}

/** Put @p entry at the end of its level; no effect when it is active already. */
void quantum_sched_activate(struct quantum_sched *sched, struct quantum_sched_entry *entry);

/** The entry whose turn it is, or NULL. It stays in place until charged or taken out. */
struct quantum_sched_entry *quantum_sched_next(struct quantum_sched *sched);

/** What quantum_sched_next() gave has sent @p bytes; the turn passes on when it is used up. */
void quantum_sched_charge(struct quantum_sched *sched, struct quantum_sched_entry *entry,
                          uint32_t bytes);

/** What quantum_sched_next() gave has nothing to send or may not: take it out. */
void quantum_sched_deactivate_next(struct quantum_sched *sched, struct quantum_sched_entry *entry);

#endif
