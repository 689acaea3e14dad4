/* SPDX-License-Identifier: BSD-3-Clause */
#include "rope_work.h"

START_TEST(utf8_malformed_utf8_is_refused)
{
	static const char *const bad[] = {
		"\x80",
		"\xc3",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xe2\x82",
		"\xf0\x9f\xa4",
		"a\xc3(",
		"\xe2\x28\xa1",
		"\xf0\x9f\x28\x96",
		"\xf0\x28\x9f\x96",
	};

	setup(UINT64_MAX);
	for (size_t i = 0; i < AEF_DIM(bad); i++) {
		ck_assert_int_eq(insert(0, bad[i]), AEF_ERR_MALFORMED);
		ck_assert_int_eq(text_rope_load(&rope, (const uint8_t *)bad[i], strlen(bad[i])),
		                 AEF_ERR_MALFORMED);
	}
	ck_assert_int_eq(insert(0, "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"), 0);
	ck_assert_uint_eq(rope.total.cps, 3);
	teardown();
}
END_TEST

TEST_SUITE(utf8, &utf8_malformed_utf8_is_refused)
