/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/harness.h - what every unit test includes: check, the data folder, counted skips.
 *
 * A file foo_test.c defines `Suite *foo_suite(void)`; test names are sentences.
 */
#ifndef TESTS_UNIT_HARNESS_H
#define TESTS_UNIT_HARNESS_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Check notes the place of every assertion that holds, in a file that it reads back byte by byte: a
 * test with a million of them spends minutes there. Only failures are told; they name their place.
 */
#define _mark_point(file, line) ((void)0)

/** Count a skipped test (missing data) and say why; the caller then returns. */
void test_skip(const char *why);

/**
 * Path of a file below the shared data folder ($AEF_DATA, else ../shared/data).
 *
 * @return static storage, or NULL when it is not there (then the skip has been counted)
 */
const char *test_data_path(const char *relative);

#define TEST_SUITE(name, ...)                                                                      \
	Suite *name##_suite(void);                                                                 \
	Suite *name##_suite(void)                                                                  \
	{                                                                                          \
		static const TTest *const *const tests[] = { __VA_ARGS__ };                        \
		Suite *suite = suite_create(#name);                                                \
		TCase *tcase = tcase_create(#name);                                                \
                                                                                                   \
		tcase_set_timeout(tcase, 120);                                                     \
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)                      \
			tcase_add_test(tcase, *tests[i]);                                          \
		suite_add_tcase(suite, tcase);                                                     \
		return suite;                                                                      \
	}

#endif
