/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * patch_test.c - merge patches read: what is none, limits, memory, and undo beside others.
 */
#include "registers_work.h"

START_TEST(patch_that_is_bad_is_refused_and_changes_nothing)
{
	static const struct {
		const char *patch;
		int err;
	} cases[] = {
		{ "", AEF_ERR_MALFORMED },
		{ "{\"a\":1", AEF_ERR_MALFORMED },
		{ "{\"a\":1,\"a\":2}", AEF_ERR_MALFORMED },
		{ "{\"a\":{\"b\":1},\"a\":null}", AEF_ERR_MALFORMED },
		{ "{\"a\":{\"b\":1},\"a\":{\"c\":1}}", AEF_ERR_MALFORMED },
		{ "{\"x\":{\"a\":1,\"\\u0061\":2}}", AEF_ERR_MALFORMED },
		{ "{\"a\":tru}", AEF_ERR_MALFORMED },
		{ "[1,", AEF_ERR_MALFORMED },
	};
	uint64_t used;

	start(BUDGET);
	apply_as("{\"a\":{\"b\":1},\"c\":2}", 1, 1);
	used = alloc.used_bytes;
	for (unsigned i = 0; i < AEF_DIM(cases); i++) {
		ck_assert_msg(patch_as(cases[i].patch, 2, 2, 0) == cases[i].err, "%s",
		              cases[i].patch);
		ck_assert_uint_eq(alloc.used_bytes, used);
	}
	ck_assert_str_eq(text(), "{\"a\":{\"b\":1},\"c\":2}");
	finish();
}
END_TEST

/* A patch of so many members, so deep, with so long a name. */
static void
expect_shape(unsigned members, unsigned depth, unsigned name, int err)
{
	static char buf[1u << 20];
	char *at = buf;

	for (unsigned i = 0; i < depth; i++)
		at += sprintf(at, "{\"d\":");
	*at++ = '{';
	for (unsigned i = 0; i < members; i++)
		at += sprintf(at, "%s\"m%u\":%u", i > 0 ? "," : "", i, i);
	if (name > 0)
		at += sprintf(at, "%s\"%0*u\":1", members > 0 ? "," : "", (int)name, 7);
	*at++ = '}';
	for (unsigned i = 0; i < depth; i++)
		*at++ = '}';
	*at = '\0';
	ck_assert_int_eq(patch_as(buf, 1, 1, 0), err);
}

START_TEST(patch_has_limits_of_number_depth_and_path)
{
	start(BUDGET);
	expect_shape(REGISTERS_MAX, 0, 0, 0);
	expect_shape(REGISTERS_MAX, 0, 0, 0); /* the same ones */
	expect_shape(0, 0, 5, AEF_ERR_LIMIT);
	ck_assert_uint_eq(regs.nb, REGISTERS_MAX);
	apply_as("{\"m0\":null}", 2, 2);
	expect_shape(0, 0, 5, 0);
	registers_fini(&regs, &alloc);
	expect_shape(2 * REGISTERS_MAX + 1, 0, 0, AEF_ERR_LIMIT);
	expect_shape(1, JSON_DEPTH_MAX - 1, 0, 0);
	expect_shape(1, JSON_DEPTH_MAX, 0, AEF_ERR_LIMIT);
	expect_shape(0, 0, REGISTERS_PATH_MAX - 1, 0);
	expect_shape(0, 0, REGISTERS_PATH_MAX, AEF_ERR_LIMIT);
	finish();
}
END_TEST

START_TEST(patch_without_memory_is_refused_and_changes_nothing)
{
	uint64_t used;
	unsigned nb = 0;

	start(BUDGET);
	apply_as("{\"a\":1,\"b\":{\"c\":\"x\"}}", 1, 1);
	used = alloc.used_bytes;
	for (uint64_t more = 0;; more += 8) {
		int r;

		alloc.budget_bytes = used + more;
		r = patch_as(
			"{\"a\":{\"q\":[1,2,3]},\"b\":{\"c\":null,\"d\":\"\\u00e9\"},\"e\":{}}", 2,
			2, 0);
		if (r == 0)
			break;
		ck_assert_int_eq(r, AEF_ERR_FULL);
		ck_assert_uint_eq(alloc.used_bytes, used);
		nb++;
	}
	ck_assert_uint_gt(nb, 20);
	ck_assert_str_eq(text(), "{\"a\":{\"q\":[1,2,3]},\"b\":{\"d\":\"\xc3\xa9\"},\"e\":{}}");
	finish();
}
END_TEST

START_TEST(patch_of_undo_leaves_what_others_have_written_since)
{
	char back[TEXT_MAX];

	start(BUDGET);
	apply_as("{\"x\":1,\"y\":1,\"s\":{\"f\":1,\"g\":1}}", 1, 1);
	remember();
	apply_as("{\"x\":2,\"y\":2,\"s\":null,\"n\":{\"k\":1}}", 2, 1);
	strcpy(back, inverse());
	apply_as("{\"y\":3,\"s\":{\"f\":9}}", 3, 2); /* another user */
	apply_as("{\"x\":4}", 4, 1);                 /* the same user, later: goes too */
	apply_as("{\"n\":{\"k\":7}}", 5, 2);

	ck_assert_int_eq(patch_as(back, 6, 1, 2), 0);
	ck_assert_str_eq(text(), "{\"n\":{\"k\":7},\"s\":{\"f\":9,\"g\":1},\"x\":1,\"y\":3}");
	finish();
}
END_TEST

START_TEST(patch_of_undo_does_not_break_an_object_in_two)
{
	char back[TEXT_MAX];

	start(BUDGET);
	apply_as("{\"a\":{\"b\":1,\"c\":2}}", 1, 1);
	remember();
	apply_as("{\"a\":null}", 2, 1);
	strcpy(back, inverse());
	apply_as("{\"a\":\"text\"}", 3, 2);
	ck_assert_int_eq(patch_as(back, 4, 1, 2), 0);
	ck_assert_str_eq(text(), "{\"a\":\"text\"}");
	finish();
}
END_TEST

TEST_SUITE(patch, &patch_that_is_bad_is_refused_and_changes_nothing,
           &patch_has_limits_of_number_depth_and_path,
           &patch_without_memory_is_refused_and_changes_nothing,
           &patch_of_undo_leaves_what_others_have_written_since,
           &patch_of_undo_does_not_break_an_object_in_two)
