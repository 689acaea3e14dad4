/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seed.h - the seed of a random test: AEF_SEED in the environment, else 1; printed either way.
 */
#ifndef TESTS_UNIT_CRYPTO_SEED_H
#define TESTS_UNIT_CRYPTO_SEED_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static inline uint64_t
test_seed(const char *what)
{
	const char *text = getenv("AEF_SEED");
	const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 1;

	printf("%s: AEF_SEED=%" PRIu64 "\n", what, seed);
	return seed;
}

#endif
