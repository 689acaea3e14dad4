/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance without DPDK's part: engine and document service called by hand, as the simulator
 * does it. No port, ring, descriptor, timer wheel or lcore is between them.
 *
 * In lockstep the same options and seed must give the same trace hash with it and with the real
 * pipeline over net_ring: then ports, rings and lcores change neither bytes nor times. It keeps the
 * pipeline's order within one instant (received, from the service, timers, sending in order of
 * touch), but none of its bounds: that holds as long as nothing there runs full.
 *
 * Context: main thread, lockstep only.
 */
#ifndef LAB_DIRECT_H
#define LAB_DIRECT_H

#include "appliance.h"

struct lab_direct;

/** Make it with the secrets and seeds that lab_appliance_init() uses. @return NULL: no memory */
struct lab_direct *lab_direct_create(struct lab_appliance *app, const struct lab_opts *opts);

/** Free everything. NULL is fine. */
void lab_direct_destroy(struct lab_direct *direct);

/** One iteration of the transport side, of the service side; both as struct lab_core wants them. */
unsigned lab_direct_transport_poll(void *direct);
uint64_t lab_direct_transport_next_ns(const void *direct);
unsigned lab_direct_service_poll(void *direct);
uint64_t lab_direct_service_next_ns(const void *direct);

/** A frame of a client; taken. */
void lab_direct_rx(struct lab_direct *direct, struct rte_mbuf *mbuf);

/** Frames for the clients; the caller owns them. @return number */
uint16_t lab_direct_tx(struct lab_direct *direct, struct rte_mbuf **ret_pkts, uint16_t nb);

/** The service's state. */
void *lab_direct_service(const struct lab_direct *direct);

#endif
