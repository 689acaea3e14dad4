/* SPDX-License-Identifier: BSD-3-Clause */
#include "op_work.h"

START_TEST(op_transform_tie_goes_to_the_left)
{
	setup();
	op_from(&op, "[2,\"L\"]");
	op_from(&other, "[2,\"R\"]");

	ck_assert_int_eq(text_op_transform_pair(&op, &other), 0);

	ck_assert_str_eq(op_text(&op), "[2,\"L\"]");
	ck_assert_str_eq(op_text(&other), "[3,\"R\"]");
	teardown();
}
END_TEST

START_TEST(op_transform_past_the_length_limit_is_refused)
{
	setup();
	op_from(&op, "[\"abc\"]");
	op_from(&other, "[1073741823,\"x\"]");

	ck_assert_int_eq(text_op_transform_pair(&op, &other), AEF_ERR_LIMIT);
	ck_assert_int_eq(text_op_transform(&other, &op, TEXT_RIGHT, &got), AEF_ERR_LIMIT);
	ck_assert_str_eq(op_text(&other), "[1073741823,\"x\"]");
	teardown();
}
END_TEST

START_TEST(op_transform_without_memory_is_an_error_and_leaves_both_unchanged)
{
	setup();
	op_from(&op,
	        "[1,\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",{\"d\":2},1,\"b\",{\"d\":1}]");
	op_from(&other, "[2,\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",{\"d\":4}]");
	alloc.budget_bytes = alloc.used_bytes;

	ck_assert_int_eq(text_op_transform_pair(&op, &other), AEF_ERR_FULL);
	ck_assert_int_eq(text_op_copy(&op, &got), AEF_ERR_FULL);
	ck_assert(text_op_is_empty(&got));
	ck_assert_ptr_null(text_opref_create(&op));
	ck_assert_uint_eq(op.nb_comps, 6);
	ck_assert_int_eq(
		text_op_insert(&got, (const uint8_t *)"0123456789012345678901234567890123", 34),
		AEF_ERR_FULL);
	ck_assert(!text_op_eq(&op, &other));
	teardown();
}
END_TEST

START_TEST(op_transform_cursor_follows_a_marker_through_apply)
{
	struct aef_rng rng;
	static struct soak_text doc, after;

	setup();
	aef_rng_init(&rng, 21);
	for (unsigned i = 0; i < 3000; i++) {
		doc.bytes = 0;
		soak_random_text(&rng, &doc, 20);
		const uint32_t cps = soak_cps(&doc);
		const uint32_t pos = (uint32_t)aef_rng_below(&rng, cps + 1);

		/* A marker insert that goes left of everything lands where the cursor does. */
		soak_random_op(&rng, &doc, 3, &op);
		text_op_reset(&other);
		ck_assert_int_eq(text_op_keep(&other, pos), 0);
		ck_assert_int_eq(text_op_insert(&other, (const uint8_t *)"\x02", 1), 0);
		ck_assert_int_eq(text_op_transform(&other, &op, TEXT_LEFT, &got), 0);
		const struct text_op_extent ext = text_op_extent(&got);

		ck_assert(soak_apply(&doc, &op, &after));
		ck_assert_uint_eq(text_op_transform_pos(&op, pos), ext.start);
		ck_assert_uint_le(text_op_end_pos(&op), soak_cps(&after));
	}
	teardown();
}
END_TEST

TEST_SUITE(op_transform, &op_transform_tie_goes_to_the_left,
           &op_transform_past_the_length_limit_is_refused,
           &op_transform_without_memory_is_an_error_and_leaves_both_unchanged,
           &op_transform_cursor_follows_a_marker_through_apply)
