/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wipe.c - overwriting secrets, and comparing them without telling where they differ.
 */
#include <string.h>

#include <crypto/provider.h>

/* Called through a volatile pointer: the compiler cannot know it is memset, so it cannot drop it.
 */
static void *(*const volatile fill)(void *, int, size_t) = memset;

void
crypto_wipe(void *mem, size_t len)
{
	if (len > 0)
		fill(mem, 0, len);
}

bool
crypto_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= (uint8_t)(x[i] ^ y[i]);
	return diff == 0;
}
