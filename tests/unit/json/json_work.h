/* SPDX-License-Identifier: BSD-3-Clause */
/* json_work.h - one reader, run over a whole text. */
#ifndef TESTS_UNIT_JSON_JSON_WORK_H
#define TESTS_UNIT_JSON_JSON_WORK_H

#include <base/rng.h>
#include <json/json.h>

#include "harness.h"

AEF_UNUSED static struct json_reader rd;

/* Read all tokens; returns JSON_TOK_END or the error. */
AEF_UNUSED static int
read_all(const void *text, size_t len)
{
	int token;

	json_reader_init(&rd, text, len);
	do
		token = json_next(&rd);
	while (token > 0);
	ck_assert_int_eq(token < 0 ? json_next(&rd) : token, token);
	return token;
}

#endif
