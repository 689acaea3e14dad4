/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched_priv.h"

static bool
before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static int32_t
turn_bytes(const struct quantum_sched_entry *entry)
{
	return (int32_t)entry->weight * QUANTUM_SCHED_TURN_BYTES;
}

void
quantum_sched_init(struct quantum_sched *sched)
{
	*sched = (struct quantum_sched){ 0 };
}

void
quantum_sched_entry_init(struct quantum_sched_entry *entry, unsigned priority, unsigned weight)
{
	aef_assert(priority < QUANTUM_PRIORITIES && weight <= UINT8_MAX);
	*entry = (struct quantum_sched_entry){
		.priority = (uint8_t)priority,
		.weight = (uint8_t)(weight > 0 ? weight : 1),
	};
}

void
quantum_sched_activate(struct quantum_sched *sched, struct quantum_sched_entry *entry)
{
	const unsigned p = entry->priority;
	struct quantum_sched_entry *tail = sched->tail[p];

	if (quantum_sched_is_active(entry))
		return;
	/* A debt is kept, unused bytes of an earlier turn are not. */
	entry->left_bytes = (entry->left_bytes < 0 ? entry->left_bytes : 0) + turn_bytes(entry);
	if (tail == NULL) {
		/*
		 * Time spent idle is no credit towards the levels that were sending. Nor may an
		 * old value of vtime be compared: 2^31 could have passed since.
		 */
		const uint32_t ahead = sched->vtime[p] - sched->vtime_now;
		const uint32_t ahead_max = (uint32_t)UINT16_MAX << p;

		if (ahead > ahead_max)
			sched->vtime[p] = sched->vtime_now;
		sched->active |= (uint8_t)(1u << p);
		entry->next = entry;
	} else {
		entry->next = tail->next;
		tail->next = entry;
	}
	sched->tail[p] = entry;
}

AEF_HOT struct quantum_sched_entry *
quantum_sched_next(struct quantum_sched *sched)
{
	unsigned left = sched->active;

	if (left == 0)
		return NULL;
	unsigned best = (unsigned)__builtin_ctz(left);

	for (left &= left - 1; left != 0; left &= left - 1) {
		const unsigned p = (unsigned)__builtin_ctz(left);

		if (before(sched->vtime[p], sched->vtime[best]))
			best = p;
	}
	sched->vtime_now = sched->vtime[best];
	return sched->tail[best]->next;
}

AEF_HOT void
quantum_sched_charge(struct quantum_sched *sched, struct quantum_sched_entry *entry, uint32_t bytes)
{
	const unsigned p = entry->priority;
	const int32_t turn = turn_bytes(entry);

	aef_assert_hot(sched->tail[p] != NULL && sched->tail[p]->next == entry);
	aef_assert_hot(bytes <= UINT16_MAX);
	sched->vtime[p] += bytes << p;
	entry->left_bytes -= (int32_t)bytes;
	if (entry->left_bytes > 0)
		return;
	/* Frames longer than a turn: the debt is bounded, so that each round serves everyone. */
	entry->left_bytes += turn;
	if (entry->left_bytes < -turn)
		entry->left_bytes = -turn;
	sched->tail[p] = entry;
}

void
quantum_sched_deactivate_next(struct quantum_sched *sched, struct quantum_sched_entry *entry)
{
	const unsigned p = entry->priority;
	struct quantum_sched_entry *tail = sched->tail[p];

	aef_assert_hot(tail != NULL && tail->next == entry);
	if (tail == entry) {
		sched->tail[p] = NULL;
		sched->active &= (uint8_t) ~(1u << p);
	} else {
		tail->next = entry->next;
	}
	entry->next = NULL;
}
