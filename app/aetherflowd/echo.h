/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * echo.h - the smallest service: every message goes back as it came, on its channel.
 *
 * For quantum-cat, tests and benchmarks, and as the example of the service contract.
 *
 * Context: a worker lcore. Keeps no bytes: the answer is references to what was received.
 */
#ifndef AETHERFLOWD_ECHO_H
#define AETHERFLOWD_ECHO_H

#include <service/service.h>

/* Answers each message with itself. */
extern const struct service_ops echo_service;

/* Takes messages and answers nothing. */
extern const struct service_ops sink_service;

/* What both count; the service's state, for tests. */
struct echo_totals {
	uint64_t conns;
	uint64_t msgs;
	uint64_t bytes;
	uint64_t sent_reports;
};

#endif
