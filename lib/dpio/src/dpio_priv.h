/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio_priv.h - what the files of this module share and nobody else needs.
 */
#ifndef DPIO_DPIO_PRIV_H
#define DPIO_DPIO_PRIV_H

#include <base/defs.h>
#include <runtime/metrics.h>

/* Metrics of a queue pair; ends with { 0 }. */
extern const struct aef_metric dpio_stats_metric_table[];

/** True for "0000:3b:00.0" and "3b:00.0", also with ",parameters" behind. */
bool dpio_device_is_pci(const char *device);

/** First line that DPDK logged since dpio_dpdk_forget_words, for error sentences; "" when none. */
const char *dpio_dpdk_words(void);

/** Forget it before a call that may fail. */
void dpio_dpdk_forget_words(void);

/**
 * Keep other AetherFlow programs off the kernel interface that @p device names with ",iface=".
 *
 * @param ret_fd to close when done; -1: the device names none, or an error
 * @return 0; AEF_ERR_STATE when another process has it; AEF_ERR_IO
 */
AEF_MUST_CHECK int dpio_iface_lock(const char *device, int *ret_fd);

#endif
