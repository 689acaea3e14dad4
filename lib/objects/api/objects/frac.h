/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * objects/frac.h - fractional index: keys between any two keys, compared as bytes.
 *
 * The order of siblings (z of a shape, pos of a row) is a string. To move one, write a key between
 * its new neighbours; nobody else changes. Keys are those of the published scheme: a head letter
 * that says how many digits the integer part has (a: 1 ... z: 26 counting up, Z: 1 ... A: 26
 * counting down), that part, and a fraction that does not end in 0; digits 0-9 A-Z a-z. So
 * appending at either end makes keys longer by a digit only with each 62-fold growth.
 *
 * Two who insert between the same neighbours at the same time make the same key; the total order is
 * (key, id), and the server gives the later one the key between it and its right neighbour.
 *
 * Source:  reference "State synchronisation" 3.5; the key format of rocicorp/fractional-indexing.
 * Units:   bytes.
 * Context: anywhere; pure.
 */
#ifndef OBJECTS_FRAC_H
#define OBJECTS_FRAC_H

#include <base/defs.h>
#include <base/err.h>

#define FRAC_KEY_MAX 64u /* bytes of a key; longer: give the siblings new keys */

struct frac_key {
	uint8_t len;
	uint8_t b[FRAC_KEY_MAX];
};

/**
 * Take a key in.
 *
 * @return 0; AEF_ERR_LIMIT: longer than FRAC_KEY_MAX; AEF_ERR_MALFORMED: no key of this format
 * (then
 *         @p ret_key is untouched)
 */
AEF_MUST_CHECK int frac_parse(const uint8_t *text, size_t len, struct frac_key *ret_key);

/** Order of two keys: negative, 0, positive. */
int frac_cmp(const struct frac_key *a, const struct frac_key *b);

/**
 * A key between two.
 *
 * @param a       NULL: no lower bound
 * @param b       NULL: no upper bound
 * @param ret_key may be the storage of @p a or @p b
 * @return 0; AEF_ERR_RANGE: @p a is not below @p b, or nothing is below @p b; AEF_ERR_LIMIT: it
 * would be longer than FRAC_KEY_MAX (then @p ret_key is untouched)
 */
AEF_MUST_CHECK int frac_between(const struct frac_key *a, const struct frac_key *b,
                                struct frac_key *ret_key);

/**
 * @p nb keys in ascending order between two, spread evenly, so that they are short: for new
 * siblings, and to give all of them new keys when one has become too long.
 *
 * @return as frac_between(); on error the contents of @p ret_keys are undefined
 */
AEF_MUST_CHECK int frac_spread(const struct frac_key *a, const struct frac_key *b, uint32_t nb,
                               struct frac_key *ret_keys);

#endif
