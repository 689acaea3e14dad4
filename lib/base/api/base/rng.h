/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/rng.h - seeded pseudo-random numbers for simulation, jitter and skips. Never for secrets.
 *
 * Source:  xoshiro256** 1.0 and splitmix64 (Blackman and Vigna, 2018), public algorithms.
 * Context: one thread per generator; the same seed gives the same sequence on every machine.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <base/defs.h>

struct aef_rng {
	uint64_t s[4];
};

/** One step of splitmix64: also a good mixer of seeds and indexes. */
static inline uint64_t
aef_splitmix64(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline void
aef_rng_init(struct aef_rng *rng, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		rng->s[i] = aef_splitmix64(&seed);
}

/** Next 64 bits of the sequence; mutates @p rng. */
static inline uint64_t
aef_rng_u64(struct aef_rng *rng)
{
	uint64_t *s = rng->s;
	const uint64_t m = s[1] * 5;
	const uint64_t r = ((m << 7) | (m >> 57)) * 9;
	const uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return r;
}

/** Uniform in [0, bound); @p bound must not be 0. Bias below 2^-64 x bound. */
static inline uint64_t
aef_rng_below(struct aef_rng *rng, uint64_t bound)
{
	return (uint64_t)(((aef_u128)aef_rng_u64(rng) * bound) >> 64);
}

/** Uniform in [lo, hi]. */
static inline uint64_t
aef_rng_range(struct aef_rng *rng, uint64_t lo, uint64_t hi)
{
	return lo + aef_rng_below(rng, hi - lo + 1);
}

/** True with probability @p ppm in a million. */
static inline bool
aef_rng_chance_ppm(struct aef_rng *rng, uint32_t ppm)
{
	return aef_rng_below(rng, 1000000) < ppm;
}

#endif
