/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/nocheck/check.h - the assertions of the check framework for a fuzz target: a failed
 * one aborts, so that the fuzzer keeps the input.
 */
#ifndef TESTS_FUZZ_NOCHECK_CHECK_H
#define TESTS_FUZZ_NOCHECK_CHECK_H

#include <stdlib.h>

#define ck_assert(x)                                                                               \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)
#define ck_assert_msg(x, ...)    ck_assert(x)
#define ck_abort_msg(...)        abort()
#define ck_assert_int_eq(a, b)   ck_assert((a) == (b))
#define ck_assert_uint_eq(a, b)  ck_assert((a) == (b))
#define ck_assert_uint_le(a, b)  ck_assert((a) <= (b))
#define ck_assert_uint_lt(a, b)  ck_assert((a) < (b))
#define ck_assert_ptr_nonnull(a) ck_assert((a) != NULL)

#endif
