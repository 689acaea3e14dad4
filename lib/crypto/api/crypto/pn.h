/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crypto/pn.h - packet numbers: 64 bits inside (0 to 2^62 - 1), the low 32 on the wire.
 *
 * Source:  DESIGN section 2 (Numbers); RFC 9000 appendix A.3 (nearest candidate).
 * Context: anywhere.
 */
#ifndef CRYPTO_PN_H
#define CRYPTO_PN_H

#include <base/defs.h>

#define CRYPTO_PN_MAX ((1ull << 62) - 1)

/**
 * The 64-bit number with low half @p wire that is nearest to @p expected.
 *
 * Of two equally near ones (exactly 2^31 away) the lower is taken; the result never leaves
 * 0 to CRYPTO_PN_MAX.
 *
 * @param expected the highest authenticated number plus one; at most CRYPTO_PN_MAX + 1
 */
static inline uint64_t
crypto_pn_expand(uint64_t expected, uint32_t wire)
{
	const uint64_t win = 1ull << 32, half = win >> 1;
	const uint64_t near = (expected & ~(win - 1)) | wire;

	/* Distances are taken lower from higher, so nothing wraps at 0. */
	if (near > CRYPTO_PN_MAX)
		return near - win;
	if (near < expected && expected - near > half && near <= CRYPTO_PN_MAX - win)
		return near + win;
	if (near > expected && near - expected >= half && near >= win)
		return near - win;
	return near;
}

#endif
