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

#endif
