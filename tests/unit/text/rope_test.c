/* SPDX-License-Identifier: BSD-3-Clause */
#include "rope_work.h"

START_TEST(rope_positions_past_the_end_are_refused)
{
	uint8_t buf[4];

	setup(UINT64_MAX);
	ck_assert_int_eq(insert(0, "abc"), 0);

	ck_assert_int_eq(insert(4, "x"), AEF_ERR_RANGE);
	ck_assert_int_eq(text_rope_delete(&rope, 4, 0), AEF_ERR_RANGE);
	ck_assert_int_eq(text_rope_delete(&rope, 2, 2), AEF_ERR_RANGE);
	ck_assert_int_eq(text_rope_delete(&rope, 2, UINT32_MAX), AEF_ERR_RANGE);
	ck_assert_int_eq(text_rope_read(&rope, 1, 3, buf, 4), AEF_ERR_RANGE);
	ck_assert_int_eq(text_rope_read(&rope, 0, 3, buf, 2), AEF_ERR_FULL);
	assert_rope_is(&rope, "abc", 3);
	teardown();
}
END_TEST

START_TEST(rope_loaded_document_takes_at_most_1_3_times_its_bytes)
{
	static uint8_t text[300000];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)('a' + i % 26);
	for (size_t len = 0; len <= sizeof(text); len += 9973) {
		setup(UINT64_MAX);
		ck_assert_int_eq(text_rope_load(&rope, text, len), 0);
		ck_assert_uint_le(alloc.used_bytes, len * 13 / 10 + 2048);
		ck_assert_uint_eq(rope.total.bytes, len);
		ck_assert(text_rope_is_sound(&rope));
		teardown();
	}
}
END_TEST

START_TEST(rope_iteration_starts_at_any_code_point)
{
	struct text_rope_iter it;
	const uint8_t *data;
	size_t len;

	setup(UINT64_MAX);
	text_rope_iter_init(&it, &rope, 0);
	ck_assert(!text_rope_iter_next(&it, &data, &len));
	ck_assert_int_eq(insert(0, "é𝒳z"), 0);
	text_rope_iter_init(&it, &rope, 1);
	ck_assert(text_rope_iter_next(&it, &data, &len));
	ck_assert_uint_eq(len, 5);
	ck_assert(!text_rope_iter_next(&it, &data, &len));
	text_rope_fini(NULL);
	teardown();
}
END_TEST

TEST_SUITE(rope, &rope_positions_past_the_end_are_refused,
           &rope_loaded_document_takes_at_most_1_3_times_its_bytes,
           &rope_iteration_starts_at_any_code_point)
