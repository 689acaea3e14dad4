/* SPDX-License-Identifier: BSD-3-Clause */
/* fixture.h - vectors and short forms for the tests of lib/text. */
#ifndef TESTS_UNIT_TEXT_FIXTURE_H
#define TESTS_UNIT_TEXT_FIXTURE_H

#include <jansson.h>

#include "harness.h"
#include "text-soak/soak.h"

/** Call @p fn for each line of a gzipped JSON-lines file of the vectors. @return lines, 0: skipped.
 */
unsigned each_vector(const char *name, void (*fn)(const json_t *vector));

/** Read an operation from a member of a vector. */
void op_of(const json_t *vector, const char *member, struct text_op *ret_op);

/** Assert that an operation reads as the JSON value. */
void assert_op_is(const struct text_op *op, const json_t *expected);

/** Parse JSON text into an operation that was initialised; it must be valid. */
void op_from(struct text_op *op, const char *json);

/** JSON text of an operation, static storage. */
const char *op_text(const struct text_op *op);

/** Load a rope with the string member of a vector. */
void rope_of(const json_t *vector, const char *member, struct text_rope *rope);

/** Assert that a rope holds these bytes and is sound. */
void assert_rope_is(const struct text_rope *rope, const char *utf8, size_t len);

#endif
