/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal_fixture.h - DPDK for the unit tests: started once per process, without hugepages.
 */
#ifndef TESTS_UNIT_DPIO_EAL_FIXTURE_H
#define TESTS_UNIT_DPIO_EAL_FIXTURE_H

#include <dpio/dpio.h>

#define FIX_MBUFS 8191 /* net_af_xdp alone fills 4,096 */

/** Start EAL at the first call; stopped when the process ends. @return a pool of FIX_MBUFS buffers
 */
struct dpio_pool *fix_pool(void);

/** Defaults with a name, a device and the addresses of host @p n (see frames.h). */
struct dpio_port_conf fix_port_conf(const char *name, const char *device, unsigned n);

/* Two ports of our own rings, each the other's far end. */
struct fix_pair {
	struct rte_ring *rings[2];
	struct dpio_port ports[2];
	struct dpio_burst bursts[2];
};

/** Hosts 1 and 2 back to back. */
void fix_pair_open(struct fix_pair *pair, uint16_t vlan, uint32_t ring_slots);
void fix_pair_close(struct fix_pair *pair);

#endif
