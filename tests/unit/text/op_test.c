/* SPDX-License-Identifier: BSD-3-Clause */
#include "op_work.h"

START_TEST(op_builder_keeps_the_operation_canonical)
{
	setup();

	ck_assert_int_eq(text_op_keep(&op, 2), 0);
	ck_assert_int_eq(text_op_keep(&op, 0), 0);
	ck_assert_int_eq(text_op_keep(&op, 3), 0);
	ck_assert_int_eq(text_op_insert(&op, (const uint8_t *)"h", 1), 0);
	ck_assert_int_eq(text_op_insert(&op, (const uint8_t *)"", 0), 0);
	ck_assert_int_eq(text_op_insert(&op, (const uint8_t *)"i", 1), 0);
	ck_assert_int_eq(text_op_delete_text(&op, (const uint8_t *)"x", 1), 0);
	ck_assert_int_eq(text_op_delete_text(&op, (const uint8_t *)"é", 2), 0);
	ck_assert_int_eq(text_op_keep(&op, 9), 0);
	text_op_trim(&op);

	ck_assert_str_eq(op_text(&op), "[5,\"hi\",{\"d\":\"xé\"}]");
	teardown();
}
END_TEST

START_TEST(op_delete_with_text_joined_to_a_count_becomes_a_count)
{
	setup();

	ck_assert_int_eq(text_op_delete_text(&op, (const uint8_t *)"xy", 2), 0);
	ck_assert_int_eq(text_op_delete(&op, 3), 0);
	ck_assert_int_eq(text_op_delete_text(&op, (const uint8_t *)"z", 1), 0);
	ck_assert_int_eq(text_op_delete(&op, 0), 0);

	ck_assert_str_eq(op_text(&op), "[{\"d\":6}]");
	ck_assert_uint_eq(op.text_bytes, 0);
	teardown();
}
END_TEST

START_TEST(op_hard_limits_hold_for_the_builder)
{
	static uint8_t text[1 << 20];

	setup();
	memset(text, 'x', sizeof(text));
	for (uint32_t i = 0; i < TEXT_OP_COMPS_MAX / 2; i++) {
		ck_assert_int_eq(text_op_keep(&op, 1), 0);
		ck_assert_int_eq(text_op_delete(&op, 1), 0);
	}
	ck_assert_int_eq(text_op_keep(&op, 1), AEF_ERR_LIMIT);
	ck_assert_int_eq(text_op_keep(&got, TEXT_DOC_CPS_MAX), 0);
	ck_assert_int_eq(text_op_keep(&got, 1), AEF_ERR_LIMIT);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_int_eq(text_op_insert(&other, text, sizeof(text)), 0);
	ck_assert_int_eq(text_op_insert(&other, text, 1), AEF_ERR_LIMIT);
	teardown();
}
END_TEST

START_TEST(op_apply_past_the_end_is_refused_and_changes_nothing)
{
	setup();
	ck_assert_int_eq(text_rope_insert(&rope, 0, (const uint8_t *)"abc", 3), 0);

	op_from(&op, "[\"x\",3,{\"d\":1}]");
	ck_assert_int_eq(text_op_apply(&rope, &op, NULL), AEF_ERR_RANGE);
	op_from(&op, "[4,\"x\"]");
	ck_assert_int_eq(text_op_check(&op, 3), AEF_ERR_RANGE);
	ck_assert_int_eq(text_op_check(&op, 4), 0);
	ck_assert_int_eq(text_op_check(&op, TEXT_DOC_CPS_MAX), AEF_ERR_LIMIT);

	assert_rope_is(&rope, "abc", 3);
	teardown();
}
END_TEST

START_TEST(op_apply_without_memory_changes_nothing)
{
	static struct soak_text before, after;
	static uint8_t block[900];
	unsigned refused = 0;
	struct aef_rng rng;

	setup();
	aef_rng_init(&rng, 9);
	memset(block, 'k', sizeof(block));
	for (unsigned i = 0; i < 30; i++)
		ck_assert_int_eq(text_rope_insert(&rope, i, block, sizeof(block)), 0);
	for (unsigned i = 0; i < 500; i++) {
		const uint64_t used = alloc.used_bytes;

		text_op_reset(&op);
		for (unsigned k = 0; k < 4; k++) {
			ck_assert_int_eq(text_op_keep(&op, 1 + (uint32_t)aef_rng_below(&rng, 1500)),
			                 0);
			ck_assert_int_eq(
				text_op_delete(&op, 1 + (uint32_t)aef_rng_below(&rng, 500)), 0);
			ck_assert_int_eq(
				text_op_insert(&op, block, 1 + aef_rng_below(&rng, sizeof(block))),
				0);
		}
		soak_of_rope(&rope, &before);
		alloc.budget_bytes = alloc.used_bytes + aef_rng_below(&rng, 60000);
		const int r = text_op_apply(&rope, &op, NULL);

		alloc.budget_bytes = UINT64_MAX;
		ck_assert(text_rope_is_sound(&rope));
		if (r == 0) {
			ck_assert_int_eq(text_rope_load(&rope, before.data, before.bytes), 0);
			continue;
		}
		if (r == AEF_ERR_FULL)
			refused++;
		soak_of_rope(&rope, &after);
		ck_assert(soak_text_eq(&before, &after));
		ck_assert_uint_le(alloc.used_bytes, used + 65536);
	}
	ck_assert_uint_gt(refused, 10);
	teardown();
}
END_TEST

START_TEST(op_apply_of_many_large_edits_keeps_a_tall_tree_sound)
{
	static uint8_t block[40000];
	struct aef_rng rng;

	setup();
	aef_rng_init(&rng, 17);
	memset(block, 'm', sizeof(block));
	for (unsigned i = 0; i < 400; i++) {
		int64_t want = rope.total.cps;

		text_op_reset(&op);
		for (uint32_t at = 0, k = 0; k < 8; k++) {
			const uint32_t keep = (uint32_t)aef_rng_below(&rng, rope.total.cps / 4 + 1);
			uint32_t del = (uint32_t)aef_rng_below(&rng, rope.total.cps / 4 + 1);

			if (i % 3 == 0)
				del /= 1000;
			if ((uint64_t)at + keep + del > rope.total.cps)
				break;
			at += keep + del;
			ck_assert_int_eq(text_op_keep(&op, keep), 0);
			ck_assert_int_eq(text_op_delete(&op, del), 0);
			ck_assert_int_eq(
				text_op_insert(&op, block, aef_rng_below(&rng, sizeof(block))), 0);
		}
		text_op_trim(&op);
		want += text_op_extent(&op).delta;
		ck_assert_int_eq(text_op_apply(&rope, &op, NULL), 0);
		ck_assert_int_eq(rope.total.cps, want);
		ck_assert(text_rope_is_sound(&rope));
	}
	teardown();
}
END_TEST

START_TEST(op_invert_without_document_needs_the_deleted_text)
{
	setup();

	op_from(&op, "[1,\"x\",{\"d\":\"bc\"}]");
	ck_assert_int_eq(text_op_invert(&op, NULL, &got), 0);
	ck_assert_str_eq(op_text(&got), "[1,{\"d\":\"x\"},\"bc\"]");
	text_op_drop_deleted(&op);
	ck_assert_str_eq(op_text(&op), "[1,\"x\",{\"d\":2}]");
	ck_assert_int_eq(text_op_invert(&op, NULL, &got), AEF_ERR_STATE);
	ck_assert_int_eq(text_op_invert(&op, &rope, &got), AEF_ERR_RANGE);
	teardown();
}
END_TEST

START_TEST(op_drop_deleted_keeps_the_inserted_text)
{
	setup();

	op_from(&op, "[{\"d\":\"xyz\"},\"a\",1,{\"d\":\"q\"},\"éb\"]");
	text_op_drop_deleted(&op);

	ck_assert_str_eq(op_text(&op), "[{\"d\":3},\"a\",1,{\"d\":1},\"éb\"]");
	teardown();
}
END_TEST

TEST_SUITE(op, &op_builder_keeps_the_operation_canonical,
           &op_delete_with_text_joined_to_a_count_becomes_a_count,
           &op_hard_limits_hold_for_the_builder,
           &op_apply_past_the_end_is_refused_and_changes_nothing,
           &op_apply_without_memory_changes_nothing,
           &op_apply_of_many_large_edits_keeps_a_tall_tree_sound,
           &op_invert_without_document_needs_the_deleted_text,
           &op_drop_deleted_keeps_the_inserted_text)
