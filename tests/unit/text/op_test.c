/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/siphash.h>
#include <text/digest.h>

#include "fixture.h"

static struct aef_alloc alloc;
static struct text_op op, other, got;
static struct text_rope rope;

static void
setup(void)
{
	alloc = soak_alloc(UINT64_MAX);
	text_op_init(&op, &alloc);
	text_op_init(&other, &alloc);
	text_op_init(&got, &alloc);
	text_rope_init(&rope, &alloc);
}

static void
teardown(void)
{
	text_op_fini(&op);
	text_op_fini(&other);
	text_op_fini(&got);
	text_rope_fini(&rope);
	text_op_fini(NULL);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}

static int
parse(const char *json)
{
	return text_op_parse((const uint8_t *)json, strlen(json), NULL, &op);
}

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

START_TEST(op_parse_joins_neighbours_and_drops_a_keep_at_the_end)
{
	setup();

	ck_assert_int_eq(parse(" [ 1 , 2, \"a\",\"\\u0062\", {\"d\": 1},{\"d\":2}, 7 ] "), 0);

	ck_assert_str_eq(op_text(&op), "[3,\"ab\",{\"d\":3}]");
	ck_assert_int_eq(parse("[]"), 0);
	ck_assert(text_op_is_empty(&op));
	ck_assert_int_eq(parse("[4]"), 0);
	ck_assert(text_op_is_empty(&op));
	teardown();
}
END_TEST

START_TEST(op_parse_refuses_what_is_not_an_operation)
{
	static const char *const bad[] = {
		"",
		"{}",
		"3",
		"[0]",
		"[-1]",
		"[1.5]",
		"[1e2]",
		"[\"\"]",
		"[null]",
		"[true]",
		"[[1]]",
		"[{}]",
		"[{\"d\":0}]",
		"[{\"d\":\"\"}]",
		"[{\"x\":1}]",
		"[{\"d\":1,\"e\":2}]",
		"[{\"d\":[]}]",
		"[{\"d\":-1}]",
		"[1",
		"[1]]",
		"[1] 2",
		"[\"\\ud800\"]",
		"[\"\xff\"]",
		"[1073741824]",
		"[{\"dd\":1}]",
		"[{\"d\"",
		"[{\"d\":",
		"[{\"d\":1",
	};

	setup();
	for (size_t i = 0; i < AEF_DIM(bad); i++) {
		ck_assert_msg(parse(bad[i]) == AEF_ERR_MALFORMED, "accepted %s", bad[i]);
		ck_assert(text_op_is_empty(&op));
	}
	ck_assert_int_eq(parse("[1073741823,\"a\",{\"d\":1073741823},{\"d\":1}]"), AEF_ERR_LIMIT);
	teardown();
}
END_TEST

START_TEST(op_parse_truncated_at_any_length_is_refused)
{
	static const char json[] = "[5,\"h\\u00e9\\ud83e\\udd16\",{\"d\":\"x\\\"\"},3,{\"d\":12}]";

	setup();
	for (size_t len = 0; len < sizeof(json) - 1; len++)
		ck_assert_int_eq(text_op_parse((const uint8_t *)json, len, NULL, &op),
		                 AEF_ERR_MALFORMED);
	ck_assert_int_eq(parse(json), 0);
	teardown();
}
END_TEST

START_TEST(op_parse_keeps_the_limits_it_is_given)
{
	const struct text_op_limits limits = { .comps_max = 3, .text_bytes_max = 4 };
	static const char ok[] = "[1,\"abcd\",2,\"\"]";

	setup();
	ck_assert_int_eq(text_op_parse((const uint8_t *)"[1,\"abcd\",{\"d\":1}]", 18, &limits, &op),
	                 0);
	ck_assert_int_eq(text_op_parse((const uint8_t *)"[1,\"abcde\"]", 11, &limits, &op),
	                 AEF_ERR_LIMIT);
	ck_assert_int_eq(text_op_parse((const uint8_t *)"[1,\"a\",1,\"b\"]", 13, &limits, &op),
	                 AEF_ERR_LIMIT);
	ck_assert_int_eq(text_op_parse((const uint8_t *)ok, sizeof(ok) - 1, &limits, &op),
	                 AEF_ERR_MALFORMED);
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

START_TEST(op_without_memory_is_an_error_and_leaves_both_unchanged)
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

START_TEST(op_cursor_follows_a_marker_through_apply)
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

START_TEST(op_digest_does_not_depend_on_deleted_text_but_on_all_else)
{
	static const char *const ops[] = { "[]",        "[\"a\"]",           "[\"b\"]",
		                           "[1,\"a\"]", "[{\"d\":1}]",       "[{\"d\":2}]",
		                           "[\"ab\"]",  "[\"a\",{\"d\":1}]", "[{\"d\":1},\"a\"]" };
	struct text_digest d[AEF_DIM(ops)], x, y;

	setup();
	for (size_t i = 0; i < AEF_DIM(ops); i++) {
		text_digest_init(&d[i]);
		op_from(&op, ops[i]);
		text_digest_fold(&d[i], &op);
		for (size_t k = 0; k < i; k++)
			ck_assert(!text_digest_eq(&d[i], &d[k]));
	}
	text_digest_init(&x);
	text_digest_init(&y);
	op_from(&op, "[{\"d\":\"x\"}]");
	text_digest_fold(&x, &op);
	ck_assert(text_digest_eq(&x, &d[4]));
	teardown();
}
END_TEST

START_TEST(op_digest_is_the_documented_chain)
{
	/* SipHash-2-4-128, key 0, of 0x0c 0x09 0x02 'h' 'i' 0x0e: keep 3, insert "hi", delete 3. */
	static const uint8_t code[] = { 0x0c, 0x09, 0x02, 'h', 'i', 0x0e };
	uint8_t zero[16] = { 0 }, want[16];
	struct text_digest d;
	static char big[100];
	static uint8_t message[8000];
	uint8_t expected[16];
	size_t nb = 0;

	setup();
	text_digest_init(&d);
	op_from(&op, "[3,\"hi\",{\"d\":3}]");
	text_digest_fold(&d, &op);
	aef_siphash128(zero, code, sizeof(code), want);
	ck_assert_mem_eq(d.b, want, 16);

	/* Long texts and many components are fed in parts: the same chain. */
	text_op_reset(&op);
	for (unsigned i = 0; i < 200; i++) {
		const size_t len = i % 10 == 0 ? 100 : 8;

		ck_assert_int_eq(text_op_keep(&op, 3), 0);
		ck_assert_int_eq(text_op_insert(&op, (const uint8_t *)big, len), 0);
		/* Keep 3; insert 8 or 100, the latter as varints of two bytes. */
		static const uint8_t small[] = { 0x0c, 0x21, 0x08 };
		static const uint8_t large[] = { 0x0c, 0x41, 0x91, 0x40, 0x64 };
		const size_t code_len = len == 100 ? sizeof(large) : sizeof(small);

		memcpy(message + nb, len == 100 ? large : small, code_len);
		nb += code_len;
		memcpy(message + nb, big, len);
		nb += len;
	}
	text_digest_fold(&d, &op);
	aef_siphash128(want, message, nb, expected);
	ck_assert_mem_eq(d.b, expected, 16);
	teardown();
}
END_TEST

TEST_SUITE(op, &op_builder_keeps_the_operation_canonical,
           &op_delete_with_text_joined_to_a_count_becomes_a_count,
           &op_parse_joins_neighbours_and_drops_a_keep_at_the_end,
           &op_parse_refuses_what_is_not_an_operation, &op_parse_truncated_at_any_length_is_refused,
           &op_parse_keeps_the_limits_it_is_given, &op_hard_limits_hold_for_the_builder,
           &op_apply_past_the_end_is_refused_and_changes_nothing,
           &op_apply_without_memory_changes_nothing,
           &op_apply_of_many_large_edits_keeps_a_tall_tree_sound,
           &op_invert_without_document_needs_the_deleted_text,
           &op_drop_deleted_keeps_the_inserted_text, &op_transform_tie_goes_to_the_left,
           &op_transform_past_the_length_limit_is_refused,
           &op_without_memory_is_an_error_and_leaves_both_unchanged,
           &op_cursor_follows_a_marker_through_apply,
           &op_digest_does_not_depend_on_deleted_text_but_on_all_else,
           &op_digest_is_the_documented_chain)
