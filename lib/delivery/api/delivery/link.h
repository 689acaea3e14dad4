/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * delivery/link.h - the two rings between one transport lcore and one worker lcore, with credits.
 *
 *   transport end --- to worker: CONNECT MESSAGE SENT DISCONNECT --> worker end
 *                 <-- to transport: SEND OPEN CLOSE GONE -----------
 *
 * Both rings have one producer and one consumer. Descriptors come from a bounded pool per
 * direction. Each connection has a credit of bytes and messages per direction: what its receiver
 * has not yet settled. Nothing here ever waits: no room is an answer, and the caller leaves the
 * work where it is (the transport in the engine, which then withholds credit from the peer; the
 * worker in a backlog that the credit bounds).
 *
 * Source:  DESIGN 1; reference/transport.md section 6.
 * Context: init and fini on the main thread; an end on the lcore it belongs to; statistics read
 *          relaxed by anyone. After init no memory is taken but from the pools.
 */
#ifndef DELIVERY_LINK_H
#define DELIVERY_LINK_H

#include <stdatomic.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#include <delivery/desc.h>
#include <delivery/idle.h>
#include <runtime/metrics.h>
#include <runtime/text.h>

#define DELIVERY_BURST 32u

struct delivery_conf {
	const char *name;      /* unique in the process, at most 16 characters */
	uint32_t ring_size;    /* descriptors, a power of two; each direction */
	uint32_t descs;        /* pool of each direction */
	uint32_t slots;        /* connections of the transport lcore */
	uint32_t credit_bytes; /* of one connection in one direction */
	uint32_t credit_msgs;
};

/* Counters and gauges of one end; written by its lcore. */
struct delivery_stats {
	uint64_t descs_out;  /* descriptors (messages and notices) handed over */
	uint64_t descs_in;   /* taken */
	uint64_t bytes_out;  /* of messages handed over */
	uint64_t bytes_in;   /* of messages taken */
	uint64_t ring_full;  /* times there was no room in the ring */
	uint64_t no_desc;    /* times the pool of descriptors was empty */
	uint64_t no_credit;  /* times a connection had no credit */
	uint64_t ring_high;  /* most descriptors seen waiting in the outgoing ring */
	uint64_t descs_high; /* most descriptors of the outgoing pool seen in use */
	uint64_t descs_got;  /* taken from the pool */
	uint64_t descs_put;  /* given back, by this end to either pool of the link */
};

/* What the receiver of one connection's messages has settled so far; written by the receiver. */
struct delivery_meter {
	atomic_uint_fast64_t bytes;
	atomic_uint_fast64_t msgs;
};

/* What the sender has handed over so far; the sender's own. */
struct delivery_account {
	uint64_t bytes;
	uint64_t msgs;
};

struct delivery_end {
	/* Read every burst, written at init. */
	struct rte_ring *out, *in;
	struct rte_mempool *pool;           /* of what this end sends */
	struct delivery_bell *peer_bell;    /* of the lcore at the other end; or NULL */
	struct delivery_meter *settled;     /* [slots] written by the peer: messages of this end */
	struct delivery_meter *settling;    /* [slots] written here: messages of the peer */
	const struct delivery_stats *peer;  /* for the gauge of the pool */
	uint32_t credit_bytes, credit_msgs; /* of one connection */
	uint32_t slots;

	/* Written by the lcore of this end. */
	alignas(AEF_CACHE_LINE) uint32_t nb_staged;
	bool news; /* handed over or settled since the peer was last woken */
	struct delivery_desc *staged[DELIVERY_BURST];
	alignas(AEF_CACHE_LINE) struct delivery_stats stats;
};

struct delivery_link {
	struct delivery_end transport;
	struct delivery_end worker;
	char name[17];
	void *mem; /* meters; owned */
};

/** 1,024 descriptors a ring, 4,096 a pool, 256 KiB and 256 messages for each connection. */
void delivery_conf_default(struct delivery_conf *ret_conf);

/**
 * Take rings, pools and meters; EAL is running.
 *
 * @param link             storage of the caller, overwritten; must not move
 * @param transport_bell   of the lcores at both ends; borrowed; NULL: never sleeps
 * @param ret_error        one sentence on failure
 * @return 0, AEF_ERR_NOMEM, AEF_ERR_INVALID; nothing is left behind on failure
 */
AEF_MUST_CHECK int delivery_link_init(struct delivery_link *link, const struct delivery_conf *conf,
                                      struct delivery_bell *transport_bell,
                                      struct delivery_bell *worker_bell,
                                      struct aef_text *ret_error);

/** Drop what is still in the rings and give everything back; both lcores have stopped. Accepts a
 * zeroed link. */
void delivery_link_fini(struct delivery_link *link);

/**
 * A message or notice to fill in, able to hold @p nb_slices slices (nb_slices, nb_here of each part
 * and `more` are set; slices are the caller's to write, in order).
 *
 * @return NULL when the pool has not enough (counted), or nb_slices > DELIVERY_SLICES_MAX
 */
AEF_HOT struct delivery_desc *delivery_desc_get(struct delivery_end *end, uint32_t nb_slices);

/** Give all parts of @p desc back; the references to its mbufs have been passed on or dropped. */
AEF_HOT void delivery_desc_put(struct delivery_end *end, struct delivery_desc *desc);

/** Drop the references to its mbufs, then delivery_desc_put(). */
void delivery_desc_drop(struct delivery_end *end, struct delivery_desc *desc);

/** Descriptors (first parts) that delivery_push() would take now. */
AEF_HOT uint32_t delivery_room(const struct delivery_end *end);

/**
 * Stage @p desc for the peer; a full batch is handed over at once.
 *
 * @return 0 (then it is the peer's), or AEF_ERR_FULL (counted; it stays the caller's)
 */
AEF_HOT AEF_MUST_CHECK int delivery_push(struct delivery_end *end, struct delivery_desc *desc);

/** Hand over what is staged and wake the peer. At the end of every burst. */
AEF_HOT void delivery_flush(struct delivery_end *end);

/** Take up to @p nb descriptors that the peer handed over. */
AEF_HOT uint32_t delivery_pop(struct delivery_end *end, struct delivery_desc **ret_descs,
                              uint32_t nb);

/** True when a message of @p bytes fits the credit of slot @p slot. A message larger than the whole
 * credit may go when nothing else is outstanding. Not counted. */
AEF_HOT bool delivery_has_credit(const struct delivery_end *end,
                                 const struct delivery_account *account, uint32_t slot,
                                 uint32_t bytes);

/** Bytes of credit that are left. */
uint64_t delivery_credit_left(const struct delivery_end *end,
                              const struct delivery_account *account, uint32_t slot);

/** The receiver is done with a message of @p bytes: its sender may hand over as much again. */
AEF_HOT void delivery_settle(struct delivery_end *end, uint32_t slot, uint32_t bytes);

/** Start the account of a new connection in @p slot: nothing is outstanding. */
void delivery_account_init(const struct delivery_end *end, struct delivery_account *ret_account,
                           uint32_t slot);

/** Register the counters of both ends with label link="name". */
AEF_MUST_CHECK int delivery_link_metrics(const struct delivery_link *link,
                                         struct aef_metrics *metrics);

extern const struct aef_metric delivery_metric_table[];

#endif
