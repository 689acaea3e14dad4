/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio/burst.h - a queue pair seen by its lcore: frames in, UDP datagrams out, and the way back.
 *
 *   mbufs <- dpio_burst_rx: parse, answer ARP/ND/ping, drop and count; what is left is UDP
 *   header -> dpio_burst_push: put the path's header before a payload, queue it; flush at burst end
 *
 * mbuf ownership: every mbuf that dpio_burst_rx returns belongs to the caller; all others are sent
 * or freed here. dpio_burst_push takes the mbuf in every case.
 *
 * Source:  STYLE C8; reference/transport.md section 6 (staged bursts of 32).
 * Units:   now_ns of the caller, one clock read per burst.
 * Context: the one lcore that owns the queue. No lock, allocation from the heap, system call or
 * log.
 */
#ifndef DPIO_BURST_H
#define DPIO_BURST_H

#include <dpio/neigh.h>
#include <dpio/path.h>
#include <dpio/port.h>

#define DPIO_BURST 32

/* Counters of one queue pair; written by its lcore, read relaxed by anyone. */
struct dpio_stats {
	uint64_t rx_pkts; /* frames; the sum of `verdicts` */
	uint64_t rx_bytes;
	uint64_t tx_pkts; /* frames the device took */
	uint64_t tx_bytes;
	uint64_t tx_full;   /* dropped: the device took no more */
	uint64_t tx_bad;    /* dropped: no headroom for the header, or several segments */
	uint64_t tx_no_mac; /* dropped: the path's MAC is not known */
	uint64_t no_mbuf;   /* an mbuf was wanted and the pool was empty */
	uint64_t rx_polls, rx_empty;
	uint64_t verdicts[NET_NB_VERDICTS];
};

/* Token bucket of the answers (ARP, ND, ping). */
struct dpio_rate {
	uint64_t last_ns;
	uint64_t tokens_ns; /* credit in ns; one answer costs `cost_ns` */
	uint64_t cost_ns;
	uint64_t burst_ns;
};

struct dpio_burst {
	/* Read every burst, written at init. */
	const struct dpio_port *port;
	const struct net_local *local; /* of the port */
	struct rte_mempool *mp;
	uint16_t queue;
	bool hw_rx_csum, hw_tx_csum;

	/* Written by the owner lcore. */
	alignas(RTE_CACHE_LINE_SIZE) uint16_t nb_tx;
	uint64_t tx_batch_bytes;
	struct rte_mbuf *tx[DPIO_BURST];
	struct dpio_rate answers;
	struct net_neigh neigh;
	alignas(RTE_CACHE_LINE_SIZE) struct dpio_stats stats;
};

/** Bind to a queue of a started port. @param answers_per_s limit of ARP, ND and ping answers */
void dpio_burst_init(struct dpio_burst *burst, const struct dpio_port *port, uint16_t queue,
                     const struct dpio_pool *pool, uint32_t answers_per_s);

/** Drop what is queued for sending. */
void dpio_burst_fini(struct dpio_burst *burst);

/**
 * Receive one burst.
 *
 * @param ret_pkts  at most DPIO_BURST mbufs with a UDP datagram for us, single segment, the frame
 *                  untouched: payload at dpio_payload(mbuf, meta)
 * @param ret_metas one for each
 * @param ret_nb_rx frames taken from the device, all kinds; may be NULL
 * @return number of datagrams, owned by the caller. Answers are queued: call dpio_burst_flush.
 */
AEF_HOT uint16_t dpio_burst_rx(struct dpio_burst *burst, struct rte_mbuf **ret_pkts,
                               struct net_meta *ret_metas, uint64_t now_ns, uint16_t *ret_nb_rx);

/** Same for frames that did not come from the port's own queue (handed over, or from a test). */
AEF_HOT uint16_t dpio_burst_classify(struct dpio_burst *burst, struct rte_mbuf **pkts, uint16_t nb,
                                     struct net_meta *ret_metas, uint64_t now_ns);

/** The datagram in a received frame; @p meta->payload_len bytes. */
static inline uint8_t *
dpio_payload(struct rte_mbuf *mbuf, const struct net_meta *meta)
{
	return rte_pktmbuf_mtod_offset(mbuf, uint8_t *, meta->payload_off);
}

/**
 * An empty mbuf with DPIO_HEADROOM before its data; write the datagram at its data with
 * rte_pktmbuf_append. @return NULL when the pool is empty (counted)
 */
AEF_HOT struct rte_mbuf *dpio_burst_alloc(struct dpio_burst *burst);

/**
 * Put the path's header before the datagram in @p mbuf and queue it; a full batch is sent at once.
 *
 * @param mbuf taken in every case; one segment whose data is the UDP payload; its headroom gets the
 *             header, so nobody else may hold a reference to it
 * @param ecn  0 to 3
 * @return 0; AEF_ERR_AGAIN when the path has no MAC (freed, counted); AEF_ERR_INVALID when the mbuf
 * has several segments or no headroom (freed, counted)
 */
AEF_HOT int dpio_burst_push(struct dpio_burst *burst, struct rte_mbuf *mbuf,
                            const struct net_path *path, uint8_t ecn);

/** Hand everything queued to the device; what it does not take is freed and counted (tx_full). */
AEF_HOT void dpio_burst_flush(struct dpio_burst *burst);

/**
 * Find the MAC of a path that we open ourselves; asks by ARP or ND when it is not known (queued).
 *
 * @return 0 (path->has_mac), AEF_ERR_AGAIN (asked; try again later), AEF_ERR_NOTFOUND (no gateway),
 *         AEF_ERR_FULL (no mbuf for the question)
 */
AEF_MUST_CHECK int dpio_burst_resolve(struct dpio_burst *burst, struct net_path *path,
                                      uint64_t now_ns);

/** Register every counter with labels port="...",queue="...". */
AEF_MUST_CHECK int dpio_burst_metrics(const struct dpio_burst *burst, struct aef_metrics *metrics);

/** Counters as "name value" lines. */
void dpio_stats_text(const struct dpio_stats *stats, bool only_nonzero, struct aef_text *out);

/** Add @p from to @p into. */
void dpio_stats_add(struct dpio_stats *into, const struct dpio_stats *from);

#endif
