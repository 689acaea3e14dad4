/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio/port.h - one Ethernet port: any DPDK device by name, or a pair of our own rings.
 *
 * The only place, with burst.h, that calls rte_eth_*. A queue pair belongs to one lcore.
 *
 * Context: start, stop and text on the main thread; dpio_port_rx and dpio_port_tx on the lcore that
 *          owns the queue.
 */
#ifndef DPIO_PORT_H
#define DPIO_PORT_H

#include <rte_ethdev.h>
#include <rte_ring.h>

#include <dpio/conf.h>
#include <dpio/pool.h>

struct dpio_port {
	uint16_t port_id; /* DPDK's */
	uint16_t nb_queues;
	bool started;
	bool hw_rx_csum; /* RX checksum flags of its mbufs can be trusted */
	bool hw_tx_csum; /* IPv4 and UDP checksums are filled in by the device */
	bool rss;        /* the device spreads by 4-tuple */
	bool plugged;    /* probed by us: unplugged at stop */
	bool locked;     /* lock_fd is open */
	int lock_fd;     /* keeps other programs off the kernel interface behind it */
	char name[32];
	char devname[64];
	const char *driver;         /* DPDK's driver name */
	struct net_local local;     /* addresses; MAC as the device has it now */
	struct dpio_port_conf conf; /* strings borrowed */
};

/**
 * Probe the device, set up queues, RSS and checksums, start it; a PCI device gets up to 1 s
 * for its link.
 *
 * @param port      storage of the caller, overwritten
 * @param conf      its strings must live as long as the port
 * @param pool      RX buffers; borrowed
 * @param ret_error one sentence on failure, with what to do
 * @return 0; AEF_ERR_NOTFOUND (no such device or driver), AEF_ERR_STATE (busy, in use),
 *         AEF_ERR_CONFIG, AEF_ERR_NOMEM, AEF_ERR_UNSUPPORTED, AEF_ERR_IO; nothing is left behind
 */
AEF_MUST_CHECK int dpio_port_start(struct dpio_port *port, const struct dpio_port_conf *conf,
                                   const struct dpio_pool *pool, struct aef_text *ret_error);

/**
 * A port over rings of the caller: what is enqueued to rx[q] is received from queue q, what is sent
 * on queue q is found in tx[q]. Both arrays have conf->queues rings; mbufs pass by pointer, without
 * a copy. conf->device is the name of the port; the rings must outlive it.
 */
AEF_MUST_CHECK int dpio_port_start_rings(struct dpio_port *port, const struct dpio_port_conf *conf,
                                         struct rte_ring *const *rx, struct rte_ring *const *tx,
                                         const struct dpio_pool *pool, struct aef_text *ret_error);

/** Stop, close and unplug; accepts a zeroed or failed port. */
void dpio_port_stop(struct dpio_port *port);

/** True when the device reports a link. */
bool dpio_port_link_up(const struct dpio_port *port);

/** Basic and extended statistics, "port.name.counter value" a line; zero values left out if asked.
 */
void dpio_port_stats_text(const struct dpio_port *port, bool only_nonzero, struct aef_text *out);

/** One paragraph: device, driver, MAC, addresses, queues, offloads, link. */
void dpio_port_info_text(const struct dpio_port *port, struct aef_text *out);

/** Set the basic and extended counters of the device to 0. */
void dpio_port_stats_reset(const struct dpio_port *port);

/** Receive up to @p nb frames; the caller owns what it gets. */
AEF_HOT static inline uint16_t
dpio_port_rx(const struct dpio_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t nb)
{
	return rte_eth_rx_burst(port->port_id, queue, pkts, nb);
}

/** Send; the device owns the first n that it took, the caller keeps the others. @return n */
AEF_HOT static inline uint16_t
dpio_port_tx(const struct dpio_port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t nb)
{
	return rte_eth_tx_burst(port->port_id, queue, pkts, nb);
}

#endif
