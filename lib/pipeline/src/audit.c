/* SPDX-License-Identifier: BSD-3-Clause */
#include "audit_priv.h"
#include "lcore_priv.h"

void
audit_ring_init(struct audit_ring *ring)
{
	atomic_init(&ring->nb_put, 0);
	atomic_init(&ring->nb_take, 0);
}

struct quantum_audit *
audit_ring_slot(struct audit_ring *ring)
{
	const unsigned put = atomic_load_explicit(&ring->nb_put, memory_order_relaxed);
	/* A2: the reader is done with the slot before it is filled again; pairs with A3. */
	const unsigned taken = atomic_load_explicit(&ring->nb_take, memory_order_acquire);

	return put - taken < AUDIT_RING ? &ring->events[put % AUDIT_RING] : NULL;
}

void
audit_ring_push(struct audit_ring *ring)
{
	const unsigned put = atomic_load_explicit(&ring->nb_put, memory_order_relaxed);

	/* A1: the event is complete before it is seen; pairs with A4. */
	atomic_store_explicit(&ring->nb_put, put + 1, memory_order_release);
}

int
audit_ring_take(struct audit_ring *ring, struct quantum_audit *ret_event)
{
	const unsigned taken = atomic_load_explicit(&ring->nb_take, memory_order_relaxed);
	/* A4: pairs with A1. */
	const unsigned put = atomic_load_explicit(&ring->nb_put, memory_order_acquire);

	if (put == taken)
		return AEF_ERR_AGAIN;
	*ret_event = ring->events[taken % AUDIT_RING];
	/* A3: pairs with A2. */
	atomic_store_explicit(&ring->nb_take, taken + 1, memory_order_release);
	return 0;
}

void
pipeline_audit_flush(struct pipeline_lcore *lc, bool last)
{
	struct quantum_audit *slot = audit_ring_slot(&lc->audit);

	quantum_server_flush_audit(lc->server, lc->now_ns, last);
	while (slot != NULL && quantum_server_poll_audit(lc->server, slot) == 0) {
		lc->stats.audit_events++;
		audit_ring_push(&lc->audit);
		slot = audit_ring_slot(&lc->audit);
	}
	lc->stats.audit_lost = quantum_server_audit_lost(lc->server);
}

int
pipeline_lcore_audit(struct pipeline_lcore *lc, struct quantum_audit *ret_event)
{
	return audit_ring_take(&lc->audit, ret_event);
}
