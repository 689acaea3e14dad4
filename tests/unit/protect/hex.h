/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hex.h - published vectors as they are printed.
 */
#ifndef TESTS_UNIT_PROTECT_HEX_H
#define TESTS_UNIT_PROTECT_HEX_H

#include "harness.h"

/* Bytes of @p text, blanks left out; at most @p max. @return how many */
static inline size_t
unhex(const char *text, uint8_t *ret, size_t max)
{
	size_t nb = 0;

	for (unsigned half = 0, value = 0; *text != '\0'; text++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, *text);

		if (*text == ' ' || *text == '\n')
			continue;
		ck_assert_ptr_nonnull(at);
		value = value << 4 | (unsigned)(at - digits);
		if (half++ % 2 == 1) {
			ck_assert_uint_lt(nb, max);
			ret[nb++] = (uint8_t)value;
		}
	}
	return nb;
}

#define ck_assert_hex(bytes, text)                                                                 \
	do {                                                                                       \
		uint8_t want_[512];                                                                \
		const size_t nb_ = unhex(text, want_, sizeof(want_));                              \
                                                                                                   \
		ck_assert_mem_eq(bytes, want_, nb_);                                               \
	} while (0)

#endif
