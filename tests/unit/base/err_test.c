/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/defs.h>
#include <base/err.h>
#include <base/log.h>

#include "harness.h"

START_TEST(err_each_value_has_a_name_and_a_text_of_its_own)
{
	for (int a = AEF_OK; a >= AEF_ERR_DENIED; a--) {
		ck_assert_ptr_nonnull(aef_err_name(a));
		ck_assert_ptr_nonnull(aef_err_text(a));
		ck_assert_uint_gt(strlen(aef_err_text(a)), 3);
		ck_assert_str_ne(aef_err_name(a), "unknown");
		for (int b = AEF_OK; b > a; b--)
			ck_assert_str_ne(aef_err_name(a), aef_err_name(b));
	}
	ck_assert_str_eq(aef_err_name(AEF_ERR_FULL), "full");
}
END_TEST

START_TEST(err_of_a_value_outside_the_enumeration_is_unknown)
{
	ck_assert_str_eq(aef_err_name(1), "unknown");
	ck_assert_str_eq(aef_err_name(AEF_ERR_DENIED - 1), "unknown");
	ck_assert_str_eq(aef_err_name(INT32_MIN), "unknown");
	ck_assert_str_eq(aef_err_text(INT32_MAX), "the error is unknown");
}
END_TEST

struct seen {
	unsigned nb;
	char text[64];
};

static void
remember(void *ctx, enum aef_log_level level, const char *module, const char *text)
{
	struct seen *seen = ctx;

	seen->nb++;
	snprintf(seen->text, sizeof(seen->text), "%d %s %s", (int)level, module, text);
}

START_TEST(err_log_lines_reach_the_sink_and_vanish_without_one)
{
	struct seen seen = { 0 };

	aef_log_emit(AEF_LOG_INFO, "test", "nobody listens");
	aef_log_set_sink(remember, &seen);
	aef_log_emit(AEF_LOG_WARN, "test", "one line");
	aef_log_set_sink(NULL, NULL);
	aef_log_emit(AEF_LOG_WARN, "test", "another");

	ck_assert_uint_eq(seen.nb, 1);
	ck_assert_str_eq(seen.text, "2 test one line");
}
END_TEST

TEST_SUITE(err, &err_each_value_has_a_name_and_a_text_of_its_own,
           &err_of_a_value_outside_the_enumeration_is_unknown,
           &err_log_lines_reach_the_sink_and_vanish_without_one)
