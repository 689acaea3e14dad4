/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rng_fixed/rng_fixed.h - protect_random() from a seed: keys, nonces and tokens of a test are the
 * same in every run. Linking this object replaces the system's generator in the whole program.
 *
 * Context: any thread; the sequence is the same only when the calls come in the same order.
 */
#ifndef RNG_FIXED_RNG_FIXED_H
#define RNG_FIXED_RNG_FIXED_H

#include <base/defs.h>

/** Begin the sequence of @p seed anew. Before the first call the seed is 0. */
void rng_fixed_seed(uint64_t seed);

#endif
