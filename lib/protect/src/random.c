/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * random.c - the one source of random bytes. An object of its own, so that a test can put a fixed
 * generator in its place (tests/support/rng_fixed).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/random.h>

#include <base/err.h>
#include <protect/mem.h>

int
protect_random(void *ret, size_t len)
{
	uint8_t *p = ret;

	while (len > 0) {
		const ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return AEF_ERR_IO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}
