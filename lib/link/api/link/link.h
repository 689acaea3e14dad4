/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link/link.h - one direction of an emulated link: packets in, the same packets out later, or not.
 *
 *            drop: mtu outage queue full      drop: random burst
 *                      |                            |
 *   link_send() -> [ FIFO queue ] -> serializer -> wire (delay, jitter, copies, bit errors) ->
 * link_pop()
 *
 * The model never touches the bytes of a packet: it holds a handle and a length, and tells the
 * receiver of a delivery which bits to flip, where to cut and whether to set CE.
 *
 * Ownership. link_send() takes the handle exactly when it returns LINK_TAKEN; with any other
 * verdict the caller still owns it. A taken packet comes back from link_pop() (or link_flush()) one
 * or more times; the delivery with `last` set hands the handle over, an earlier one (`last` false)
 * only lends it until the next call on the link, so a receiver that keeps the bytes must copy them.
 *
 * Source:  shape after tc-netem(8); Gilbert-Elliott loss as in conf.h; RFC 3168 section 5.
 * Units:   nanoseconds of the caller's clock, bytes.
 * Context: one thread per link. No allocation, clock or I/O; a run is a function of (seed,
 *          configuration, calls). Each impairment draws from its own random stream, so switching
 * one off does not change what the others do to the same packets.
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <base/heap.h>
#include <base/pool.h>
#include <base/rng.h>
#include <base/time.h>
#include <link/conf.h>

enum link_verdict {
	LINK_TAKEN = 0, /* the link holds the packet */
	LINK_DROP_RANDOM,
	LINK_DROP_BURST,
	LINK_DROP_QUEUE, /* tail drop at queue_bytes or queue_pkts */
	LINK_DROP_OUTAGE,
	LINK_DROP_MTU,
	LINK_DROP_FULL, /* the memory given at init holds no more packets */
	LINK_NB_VERDICTS,
};

#define LINK_SEND_ECT 1u /* flag of link_send(): ECN-capable, so mark it instead of nothing */

/* sent + duplicated = delivered + flushed + drops + in flight, at any time. */
struct link_stats {
	uint64_t sent; /* calls of link_send() */
	uint64_t sent_bytes;
	uint64_t delivered; /* copies included */
	uint64_t delivered_bytes;
	uint64_t flushed;
	uint64_t verdicts[LINK_NB_VERDICTS]; /* [LINK_TAKEN]: originals taken */
	uint64_t duplicated;                 /* extra copies made */
	uint64_t dup_skipped;                /* copies not made for want of memory */
	uint64_t held_back;                  /* given the extra delay of `reorder` */
	uint64_t reordered;                  /* originals delivered after one that was sent later */
	uint64_t corrupted;                  /* deliveries with flipped bits */
	uint64_t truncated;
	uint64_t ce_marked;
	uint64_t queue_bytes_max; /* high-water marks */
	uint32_t queue_pkts_max;
	uint32_t in_flight_max;
};

/* A change of the whole configuration at a time of the caller's clock. */
struct link_change {
	uint64_t at_ns;
	struct link_conf conf;
};

struct link_delivery {
	void *pkt;
	uint64_t sent_ns;
	uint64_t deliver_ns; /* when it was due; at most the `now_ns` of link_pop() */
	uint32_t len;        /* as sent */
	uint32_t cut_len;    /* bytes that arrive: `len`, or fewer where it was truncated */
	bool last;      /* `pkt` is the caller's now; false: another delivery of it will come */
	bool duplicate; /* an extra copy, not the original */
	bool ce;        /* set Congestion Experienced */
	uint8_t nb_flips;
	uint32_t flips[LINK_CORRUPT_BITS_MAX]; /* bit numbers, all different: byte n / 8, bit n % 8
	                                        */
};

struct link_queued {
	uint64_t depart_ns;
	uint32_t len;
};

struct link_entry {
	struct link_delivery delivery;
	uint64_t order; /* number of the packet in the order of sending */
};

struct link {
	struct link_conf conf;
	uint64_t origin_ns;
	uint64_t now_ns; /* latest time seen: a clock that steps back is held here */
	const struct link_change *changes;
	uint32_t nb_changes;

	/* Serializer. */
	uint64_t busy_until_ns;
	uint64_t busy_carry; /* byte-nanoseconds x rate left over by integer division, < rate */
	uint64_t queued_bytes;
	struct link_queued *queue; /* ring, ascending depart_ns */
	uint32_t queue_head, nb_queued;
	uint32_t slots;

	/* Wire. */
	struct aef_heap heap;
	struct aef_pool entries;
	uint64_t order_last_ns; /* latest delivery that keep_order must not come before */
	uint64_t next_order;
	uint64_t order_seen; /* 1 + highest order delivered */
	bool ge_bad;
	struct link_outage
		outage; /* next or current random one, absolute; duration 0: not drawn yet */

	struct aef_rng rng_loss, rng_burst, rng_jitter, rng_reorder, rng_dup, rng_corrupt,
		rng_outage;
	struct link_stats stats;
};

/** Bytes of memory that link_init() needs for @p slots packets in flight. */
size_t link_mem_bytes(uint32_t slots);

/**
 * Start a link with the default configuration's or @p conf's behaviour.
 *
 * @param link   storage of the caller, overwritten
 * @param conf   copied
 * @param seed   the same seed, configuration and calls give the same run
 * @param now_ns origin of the scheduled outages
 * @param mem    link_mem_bytes(slots) bytes, 16-byte aligned; borrowed as long as the link lives
 * @param slots  deliveries in flight, and packets in the queue, at most; at least 1
 * @return 0, or AEF_ERR_CONFIG when link_conf_check() refuses @p conf
 */
AEF_MUST_CHECK int link_init(struct link *link, const struct link_conf *conf, uint64_t seed,
                             uint64_t now_ns, void *mem, uint32_t slots);

/**
 * Replace the configuration; packets already taken keep their times and fates.
 *
 * @return 0, or AEF_ERR_CONFIG (the old one then stays)
 */
AEF_MUST_CHECK int link_set_conf(struct link *link, const struct link_conf *conf);

/**
 * Give the configurations to come; each replaces the whole configuration for packets sent from its
 * time on.
 *
 * @param changes ascending times; borrowed until the last is due or another list is given
 * @return 0, or AEF_ERR_CONFIG for a bad configuration or order (then nothing changes)
 */
AEF_MUST_CHECK int link_schedule(struct link *link, const struct link_change *changes,
                                 uint32_t nb_changes);

/**
 * Offer one packet.
 *
 * @param now_ns not before an earlier call's time (held there if it is)
 * @param pkt    handle, never looked at; the link owns it exactly when LINK_TAKEN is returned
 * @param len    bytes; 0 is allowed
 * @param flags  LINK_SEND_ECT or 0
 * @return LINK_TAKEN or the reason why it was dropped, counted
 */
AEF_MUST_CHECK enum link_verdict link_send(struct link *link, uint64_t now_ns, void *pkt,
                                           uint32_t len, uint32_t flags);

/** Time of the next delivery, AEF_TIME_NEVER when nothing is in flight. */
static inline uint64_t
link_next_ns(const struct link *link)
{
	const struct aef_heap_node *node = aef_heap_peek(&link->heap);

	return node != NULL ? node->key : AEF_TIME_NEVER;
}

/** Deliveries in flight, copies included. */
static inline uint32_t
link_in_flight(const struct link *link)
{
	return link->heap.nb_nodes;
}

/**
 * Take the next delivery that is due.
 *
 * Deliveries come ordered by time, equal times in the order of link_send().
 *
 * @return false when nothing is due at @p now_ns (then @p ret_delivery is untouched)
 */
bool link_pop(struct link *link, uint64_t now_ns, struct link_delivery *ret_delivery);

/**
 * Take the next delivery whether due or not, counted as flushed: to empty a link before its end or
 * at a restart of what is behind it. Ownership as with link_pop(): release handles that are `last`.
 *
 * @return false when nothing is in flight; then the queue and serializer are idle as well
 */
bool link_flush(struct link *link, struct link_delivery *ret_delivery);

/** All drops together. */
uint64_t link_dropped(const struct link_stats *stats);

/** One lower-case word for @p verdict, static storage. */
const char *link_verdict_name(enum link_verdict verdict);

/** Invert the bits that @p delivery names in @p data (@p len bytes); a second call undoes it. */
void link_flip(const struct link_delivery *delivery, uint8_t *data, uint32_t len);

#endif
