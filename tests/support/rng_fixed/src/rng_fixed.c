/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdatomic.h>

#include <base/rng.h>
#include <protect/mem.h>
#include <rng_fixed/rng_fixed.h>

/* A program that links this object is refused as a release. */
const char aef_test_only_rng_fixed[] = "random bytes that anybody can compute";

static _Atomic uint64_t start;
static _Atomic uint64_t drawn; /* bytes given out since */

void
rng_fixed_seed(uint64_t seed)
{
	atomic_store(&start, seed);
	atomic_store(&drawn, 0);
}

/* Instead of the system's generator: byte n of the sequence depends on seed and n alone. */
int
protect_random(void *ret, size_t len)
{
	const uint64_t at = atomic_fetch_add(&drawn, len), seed = atomic_load(&start);
	uint8_t *out = ret;

	for (size_t i = 0; i < len; i++) {
		uint64_t state = seed + 0x9e3779b97f4a7c15ull * ((at + i) / 8);

		out[i] = (uint8_t)(aef_splitmix64(&state) >> (8 * ((at + i) % 8)));
	}
	return 0;
}
