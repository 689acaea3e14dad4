/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * testpmd.h - dpdk-testpmd as a child process on a net_ring port, measured by its own counters.
 */
#ifndef TESTS_BENCH_TESTPMD_H
#define TESTS_BENCH_TESTPMD_H

#include "bench.h"

struct testpmd;

/** Start it on two CPUs without hugepages. @return NULL when it is not there or does not start */
struct testpmd *testpmd_open(void);

/** Forward in @p mode for @p ns. @return packets received, and its CPU time; 0 and 0: no answer */
struct bench_sample testpmd_run(struct testpmd *t, const char *mode, uint64_t ns);

/** Ask it to end; killed when it does not. NULL is fine. */
void testpmd_close(struct testpmd *t);

#endif
