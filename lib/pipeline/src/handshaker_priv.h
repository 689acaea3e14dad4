/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handshaker_priv.h - the lcores' side of the handshake thread.
 *
 * A slot goes round: free ring -> lcore -> work ring -> handshake thread -> ring of the lcore ->
 * free ring. Each ring holds all slots, so nothing of this is ever refused but a slot.
 *
 * Context: any lcore; slots belong to whoever took them out of a ring.
 */
#ifndef PIPELINE_HANDSHAKER_PRIV_H
#define PIPELINE_HANDSHAKER_PRIV_H

#include <rte_mbuf.h>

#include <dpio/net.h>
#include <pipeline/handshaker.h>
#include <quantum/server.h>

struct pipeline_conn;

/* One verified ACK on its way; in secret memory. */
struct handshake {
	struct quantum_accept accept;
	struct pipeline_conn *pc; /* kept free for it */
	struct rte_mbuf *mbuf;    /* the ACK, one reference */
	struct net_meta meta;
	uint8_t port; /* index of the queue pair it came by */
	uint8_t lcore;
	int rc; /* of the derivation */
};

/** True when a further client should come back later. */
bool handshaker_loaded(const struct pipeline_handshaker *hs);

/** A slot, or NULL when none is left. */
struct handshake *handshaker_get(struct pipeline_handshaker *hs);

/** Wipe a slot and give it back; its datagram is the caller's. */
void handshaker_put(struct pipeline_handshaker *hs, struct handshake *h);

/** Have it worked on; takes the slot. handshaker_wake() after the last of a burst. */
void handshaker_push(struct pipeline_handshaker *hs, struct handshake *h);
void handshaker_wake(struct pipeline_handshaker *hs);

/** Slots of @p lcore that are done. @return number in @p ret, at most @p max */
unsigned handshaker_done(struct pipeline_handshaker *hs, uint8_t lcore, struct handshake **ret,
                         unsigned max);

/** True when handshaker_done() would return some. */
bool handshaker_has_done(const struct pipeline_handshaker *hs, uint8_t lcore);

/** Who is to be woken for @p lcore; NULL: nobody any more. */
void handshaker_bell_set(struct pipeline_handshaker *hs, uint8_t lcore, struct delivery_bell *bell);

#endif
