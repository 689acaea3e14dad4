/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * audit_priv.h - audit events from a transport lcore to the control thread: one writer, one reader.
 *
 * A full ring leaves events in the server's own queue, which counts what it loses.
 *
 * Context: put on the lcore, take on one other thread; neither waits.
 */
#ifndef PIPELINE_AUDIT_PRIV_H
#define PIPELINE_AUDIT_PRIV_H

#include <stdatomic.h>

#include <base/defs.h>
#include <quantum/server.h>

#define AUDIT_RING 256u /* a power of two */

static_assert((AUDIT_RING & (AUDIT_RING - 1)) == 0, "counts wrap");

struct audit_ring {
	alignas(AEF_CACHE_LINE) atomic_uint nb_put;  /* written by the lcore */
	alignas(AEF_CACHE_LINE) atomic_uint nb_take; /* written by the reader */
	struct quantum_audit events[AUDIT_RING];
};

/** An empty ring in zeroed or used memory, before any thread knows it. */
void audit_ring_init(struct audit_ring *ring);

/** A free place to fill, or NULL when the ring is full; audit_ring_push() hands it over. */
struct quantum_audit *audit_ring_slot(struct audit_ring *ring);
void audit_ring_push(struct audit_ring *ring);

/** Take the oldest. @return 0 or AEF_ERR_AGAIN */
AEF_MUST_CHECK int audit_ring_take(struct audit_ring *ring, struct quantum_audit *ret_event);

#endif
