/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/aether-lab/lab_fixture.h - DPDK without hugepages and a pool, once per process.
 */
#ifndef TESTS_UNIT_AETHER_LAB_FIXTURE_H
#define TESTS_UNIT_AETHER_LAB_FIXTURE_H

#include <dpio/eal.h>
#include <dpio/path.h>
#include <dpio/pool.h>

#define FIX_MBUFS 1023u

/** EAL running, a pool of FIX_MBUFS. */
struct dpio_pool *fix_pool(void);

/** A UDP frame with @p len bytes of @p byte, from client @p idx to the appliance. */
struct rte_mbuf *fix_frame(bool ipv6, uint8_t byte, uint16_t len, uint8_t ecn);

/** Judge a frame as its receiver would. @return a verdict of dpio */
enum net_verdict fix_receive(bool ipv6, struct rte_mbuf *mbuf, struct net_meta *ret_meta);

/** Every buffer is back in its pool. */
bool fix_all_back(void);

#endif
