/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protection.h - a ring of token keys in memory, and the real provider for each thread.
 */
#ifndef TESTS_BENCH_PROTECTION_H
#define TESTS_BENCH_PROTECTION_H

#include <protect/token.h>

struct protection {
	struct protect_ring *ring;
	struct protect *server, *client, *handshake; /* of one thread each */
};

/** @p keys_max traffic keys on either side. @return 0, or an error with protect_create_text() */
int protection_open(struct protection *p, uint32_t keys_max);
void protection_close(struct protection *p);

#endif
