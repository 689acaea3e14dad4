/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/guuid.h - 128-bit identifiers: UUID version 7, ordered by millisecond and monotonic within
 * one.
 *
 * Layout (RFC 9562 section 5.7): unix_ts_ms 48 | version 4 | rand_a 12 | variant 2 | rand_b 62.
 * Within one millisecond, and while the clock stands still or steps back, rand_a and rand_b count
 * up as one 74-bit number (RFC 9562 section 6.2, method 2) by a random step, so ids of one
 * generator never repeat and never descend.
 *
 * Context: one generator per thread, no lock. Time and randomness are arguments.
 */
#ifndef BASE_GUUID_H
#define BASE_GUUID_H

#include <base/defs.h>
#include <base/rng.h>

#define AEF_GUUID_BYTES    16
#define AEF_GUUID_TEXT_LEN 36 /* without the terminating NUL */

struct aef_guuid {
	uint8_t b[AEF_GUUID_BYTES];
};

struct aef_guuid_gen {
	uint64_t last_ms;
	uint64_t rand_hi; /* 12 bits, rand_a */
	uint64_t rand_lo; /* 62 bits, rand_b */
	struct aef_rng rng;
};

/** Start a generator. @p seed must differ between generators (and be unpredictable in production).
 */
void aef_guuid_gen_init(struct aef_guuid_gen *gen, uint64_t seed);

/**
 * Next id of this generator; greater than every id it gave before.
 *
 * @param unix_ms wall clock in milliseconds since 1970; may stand still or step back
 */
struct aef_guuid aef_guuid_next(struct aef_guuid_gen *gen, uint64_t unix_ms);

/** Canonical lower-case text form, 36 characters and a NUL. */
void aef_guuid_format(const struct aef_guuid *id, char ret_text[AEF_GUUID_TEXT_LEN + 1]);

/**
 * Parse the canonical form, either case, of any UUID version.
 *
 * @param text need not be terminated
 * @param len  must be AEF_GUUID_TEXT_LEN
 * @return 0, or AEF_ERR_MALFORMED (then @p ret_id is untouched)
 */
AEF_MUST_CHECK int aef_guuid_parse(const char *text, size_t len, struct aef_guuid *ret_id);

/** Milliseconds since 1970 that a version-7 id carries. */
uint64_t aef_guuid_unix_ms(const struct aef_guuid *id);

/** Order of the bytes: negative, 0 or positive. */
int aef_guuid_cmp(const struct aef_guuid *a, const struct aef_guuid *b);

/** True when all 16 bytes are equal. Not constant in time: ids are not secrets. */
static inline bool
aef_guuid_eq(const struct aef_guuid *a, const struct aef_guuid *b)
{
	uint64_t x[2], y[2];

	__builtin_memcpy(x, a->b, 16);
	__builtin_memcpy(y, b->b, 16);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

#endif
