/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * delivery/desc.h - the descriptors that cross between a transport lcore and a worker lcore.
 *
 * A message is a chain: the first descriptor says what it is, the following hold only more slices.
 * A descriptor and one reference to each of its mbufs belong to whoever holds the pointer.
 *
 * Units:   bytes, nanoseconds.
 * Context: one owner at a time; passing it over a ring passes everything.
 */
#ifndef DELIVERY_DESC_H
#define DELIVERY_DESC_H

#include <rte_mbuf.h>

#include <base/guuid.h>

#define DELIVERY_SLICES       8u
#define DELIVERY_REASON_BYTES 64u
/* Most slices of one message. */
#define DELIVERY_SLICES_MAX 16384u

enum delivery_kind {
	/* transport to worker */
	DELIVERY_CONNECT,    /* `identity` */
	DELIVERY_MESSAGE,    /* `slices`; uses credit */
	DELIVERY_SENT,       /* cookie, flag EXPIRED */
	DELIVERY_DISCONNECT, /* last of a connection; answered by GONE; `close.code` = delivery_why
	                      */
	/* worker to transport */
	DELIVERY_SEND,  /* `slices`; uses credit */
	DELIVERY_OPEN,  /* `chan` */
	DELIVERY_CLOSE, /* `close` */
	DELIVERY_GONE,  /* last of a connection: its slot may be used again */
};

enum delivery_flag {
	DELIVERY_REPORT = 1 << 0,  /* SEND: answer with SENT */
	DELIVERY_EXPIRED = 1 << 1, /* SENT: given up */
};

enum delivery_why { DELIVERY_WHY_CLOSED, DELIVERY_WHY_IDLE, DELIVERY_WHY_ERROR };

struct delivery_slice {
	const uint8_t *data;
	struct rte_mbuf *mbuf; /* one reference; NULL: static memory */
	uint32_t len;
};

struct delivery_identity {
	struct aef_guuid session_id, conn_id, tenant_id, subject_id;
	uint32_t caps;
	uint16_t max_docs;
	uint16_t port;
	uint8_t ip[16];
};

struct delivery_chan {
	uint8_t order, reliability, priority, weight, tries;
	bool expedited;
	uint64_t deadline_ns;
};

struct delivery_desc {
	struct delivery_desc *more; /* next part of the same message */
	struct delivery_desc *next; /* free for the holder's own queue */
	uint64_t conn;              /* delivery_handle() */
	uint64_t key;
	uint64_t cookie;    /* SEND, SENT; number of a MESSAGE */
	uint32_t len;       /* of the whole message */
	uint32_t nb_slices; /* of the whole message */
	uint16_t channel;
	uint8_t kind; /* enum delivery_kind */
	uint8_t flags;
	uint8_t order;   /* MESSAGE: enum wire_order */
	uint8_t nb_here; /* slices in this part */
	union {
		struct delivery_slice slices[DELIVERY_SLICES];
		struct delivery_identity identity;
		struct delivery_chan chan;
		struct {
			uint64_t code;
			char reason[DELIVERY_REASON_BYTES]; /* NUL-ended */
		} close;
	};
};
static_assert(sizeof(struct delivery_desc) <= 256, "a descriptor is 4 cache lines");

/* A queue of first parts through `next`. */
struct delivery_queue {
	struct delivery_desc *head, *tail;
	uint32_t nb;
};

/** Name a connection: transport lcore, its slot there, and how often the slot was used before. */
static inline uint64_t
delivery_handle(uint8_t lcore, uint32_t slot, uint32_t generation)
{
	return (uint64_t)lcore << 56 | (uint64_t)(slot & 0xffffffu) << 32 | generation;
}

static inline uint8_t
delivery_handle_lcore(uint64_t conn)
{
	return (uint8_t)(conn >> 56);
}

static inline uint32_t
delivery_handle_slot(uint64_t conn)
{
	return (uint32_t)(conn >> 32) & 0xffffffu;
}

/** Append @p desc to @p queue. */
static inline void
delivery_queue_push(struct delivery_queue *queue, struct delivery_desc *desc)
{
	desc->next = NULL;
	if (queue->tail != NULL)
		queue->tail->next = desc;
	else
		queue->head = desc;
	queue->tail = desc;
	queue->nb++;
}

/** Take the oldest, or NULL. */
static inline struct delivery_desc *
delivery_queue_pop(struct delivery_queue *queue)
{
	struct delivery_desc *desc = queue->head;

	if (desc == NULL)
		return NULL;
	queue->head = desc->next;
	if (queue->head == NULL)
		queue->tail = NULL;
	queue->nb--;
	return desc;
}

/** Drop this holder's references to the mbufs of a message; the descriptors stay. */
void delivery_desc_release_mbufs(struct delivery_desc *desc);

/**
 * Walk the slices of a message.
 *
 * @param ret_slices room for desc->nb_slices (at most DELIVERY_SLICES_MAX)
 * @return desc->nb_slices
 */
uint32_t delivery_desc_gather(const struct delivery_desc *desc, struct delivery_slice *ret_slices);

#endif
