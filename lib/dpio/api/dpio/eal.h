/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio/eal.h - start and stop DPDK's environment, with or without hugepages, lcores sharing CPUs.
 *
 * With free hugepages: --in-memory (no file is left, nobody else can map it). Without: --no-huge,
 * which DPDK 22.11 refuses together with --in-memory, so --no-shconf. No telemetry socket, no PCI
 * scan unless a port names a PCI device. The file prefix holds the process id.
 *
 * Context: main thread, once per process: DPDK cannot be started again after dpio_eal_stop.
 */
#ifndef DPIO_EAL_H
#define DPIO_EAL_H

#include <dpio/conf.h>

/**
 * Start EAL. The calling thread becomes lcore 0 and is bound to its CPU. Ports are not probed here.
 *
 * @param conf      memory, lcores, hugepages; its ports only decide about the PCI bus
 * @param ret_error one sentence on failure
 * @return 0; AEF_ERR_NOMEM (memory or hugepages), AEF_ERR_STATE (was started before),
 * AEF_ERR_CONFIG (a CPU that is not ours), AEF_ERR_IO (anything else DPDK refused)
 */
AEF_MUST_CHECK int dpio_eal_start(const struct dpio_conf *conf, struct aef_text *ret_error);

/** Stop EAL; all ports closed, all lcores joined before. No-op when it is not running. */
void dpio_eal_stop(void);

/** True between a successful start and stop. */
bool dpio_eal_running(void);

/** True when packet memory is in hugepages. */
bool dpio_eal_has_hugepages(void);

/** Free hugepage memory of the machine in MiB, all sizes together. */
uint64_t dpio_hugepages_free_mb(void);

#endif
