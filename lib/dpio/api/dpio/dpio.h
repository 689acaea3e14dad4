/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpio/dpio.h - the module: EAL, one buffer pool and the configured ports, started from section
 * `dpio`.
 *
 * Source:  STYLE B6. Context: main thread.
 */
#ifndef DPIO_DPIO_H
#define DPIO_DPIO_H

#include <dpio/burst.h>
#include <dpio/eal.h>
#include <runtime/module.h>

/* Register in the program's list; owns EAL, the pool "dpio" and all ports of its section. */
extern const struct aef_module dpio_module;

/** Ports started by the module; NULL past the last one. */
struct dpio_port *dpio_port_at(uint32_t idx);

/** Port by its configured name, or NULL. */
struct dpio_port *dpio_port_find(const char *name);

/** The pool of the module; NULL when it is not started. */
struct dpio_pool *dpio_pool_shared(void);

/**
 * Make a queue pair known to `show port stats`; up to DPIO_PORTS_MAX x DPIO_QUEUES_MAX.
 *
 * @param burst borrowed until the module is stopped
 * @return 0 or AEF_ERR_FULL
 */
AEF_MUST_CHECK int dpio_burst_register(const struct dpio_burst *burst);

#endif
