/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/defs.h - compiler attributes, small arithmetic and the assertion macros of the program.
 *
 * Source:  STYLE C7 (assertions), C8 (hot and cold paths).
 * Context: anywhere. Nothing here allocates, locks or does I/O.
 */
#ifndef BASE_DEFS_H
#define BASE_DEFS_H

#include <assert.h> /* static_assert */
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEF_HOT          __attribute__((hot))
#define AEF_COLD         __attribute__((cold))
#define AEF_MUST_CHECK   __attribute__((warn_unused_result))
#define AEF_UNUSED       __attribute__((unused))
#define AEF_NORETURN     __attribute__((noreturn))
#define AEF_PRINTF(f, a) __attribute__((format(printf, f, a)))

#define aef_likely(x)   __builtin_expect(!!(x), 1)
#define aef_unlikely(x) __builtin_expect(!!(x), 0)

#define AEF_CACHE_LINE 64

#define AEF_DIM(a) (sizeof(a) / sizeof((a)[0]))

/** Pointer to the structure of type @p type whose member @p member is at @p ptr. */
#define aef_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* 128-bit arithmetic for rate x time products; never on the wire. */
__extension__ typedef unsigned __int128 aef_u128;

/** Report a broken internal invariant and abort; defined in err.c, replaceable by a hook in tests.
 */
AEF_NORETURN AEF_COLD void aef_assert_fail(const char *expr, const char *file, int line);

/*
 * aef_assert stays on in release: preconditions of cold functions and whatever corrupts data when
 * broken. aef_assert_hot is for the data path and is on in every flavour but release.
 * In the coverage flavour both expand to nothing, so that no branch of theirs is counted.
 */
#ifdef AEF_COVERAGE
#define aef_assert(x) ((void)sizeof(x))
#else
#define aef_assert(x) (aef_likely(x) ? (void)0 : aef_assert_fail(#x, __FILE__, __LINE__))
#endif
#if defined(AEF_ASSERT_HOT) && !defined(AEF_COVERAGE)
#define aef_assert_hot(x) aef_assert(x)
#else
#define aef_assert_hot(x) ((void)sizeof(x))
#endif

static inline uint64_t
aef_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t
aef_max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint32_t
aef_min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t
aef_max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/** a + b, or UINT64_MAX where the sum would wrap: deadlines never come out in the past. */
static inline uint64_t
aef_add_sat_u64(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/** a - b, or 0 where the difference would be negative. */
static inline uint64_t
aef_sub_sat_u64(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/** a * b / c in 128 bits, saturated to UINT64_MAX. @p c must not be 0. */
static inline uint64_t
aef_mul_div_u64(uint64_t a, uint64_t b, uint64_t c)
{
	if (aef_likely(a <= UINT32_MAX && b <= UINT32_MAX))
		return a * b / c;
	const aef_u128 q = (aef_u128)a * b / c;

	return q > UINT64_MAX ? UINT64_MAX : (uint64_t)q;
}

#endif
