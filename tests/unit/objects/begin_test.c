/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * begin_test.c - operations: what each type may do, deletion wins, batches, undo.
 */
#include "objects_work.h"

START_TEST(begin_create_makes_new_ids_only)
{
	start(OBJECTS_BOARD, 10, 10);
	EXPECT(CREATE, "{\"o\":{\"a\":{\"x\":1},\"b\":{}}}", OK);
	EXPECT(CREATE, "{\"o\":{\"a\":{\"x\":2}}}", EXISTS);
	EXPECT(CREATE, "{\"o\":{\"c\":{\"y\":1},\"a\":{\"x\":2}}}",
	       EXISTS);                                      /* c is not there either */
	EXPECT(CREATE, "{\"o\":{\"a\":{ \"x\" : 1 }}}", OK); /* identical */
	ck_assert_str_eq(undo_text, "");
	EXPECT(CREATE, "{\"o\":{\"d\":null}}", MALFORMED);
	EXPECT(CREATE, "{\"o\":{\"d\":5}}", MALFORMED);
	ck_assert_str_eq(state(), "{\"o\":{\"a\":{\"x\":1},\"b\":{}}}");
	ck_assert_uint_eq(objects_count(objs), 2);
	finish();
}
END_TEST

START_TEST(begin_types_write_only_what_is_theirs)
{
	start(OBJECTS_BOARD, 10, 10);
	EXPECT(CREATE, "{\"o\":{\"a\":{\"x\":1,\"y\":2,\"style\":{\"fill\":\"red\"}}}}", OK);
	EXPECT(MOVE, "{\"o\":{\"a\":{\"x\":5}}}", OK);
	EXPECT(MOVE, "{\"o\":{\"a\":{\"x\":5,\"w\":1}}}", MEMBER);
	EXPECT(MOVE, "{\"o\":{\"a\":{\"x\":null}}}", MEMBER);
	EXPECT(MOVE, "{\"o\":{\"a\":{\"x\":\"5\"}}}", MEMBER);
	EXPECT(RESIZE, "{\"o\":{\"a\":{\"x\":1,\"y\":1,\"w\":2}}}", MEMBER); /* not whole */
	EXPECT(RESIZE, "{\"o\":{\"a\":{\"x\":1,\"x\":1,\"w\":2,\"y\":0}}}", MALFORMED);
	EXPECT(RESIZE, "{\"o\":{\"a\":{\"x\":1,\"y\":1,\"w\":2,\"h\":3.50}}}", OK);
	EXPECT(STYLE, "{\"o\":{\"a\":{\"style\":{\"fill\":null,\"line\":2}}}}", OK);
	EXPECT(STYLE, "{\"o\":{\"a\":{\"style\":null}}}", MEMBER);
	EXPECT(STYLE, "{\"o\":{\"a\":{\"x\":0}}}", MEMBER);
	EXPECT(UPDATE, "{\"o\":{\"a\":{\"text\":\"t\",\"style\":null}}}", OK);
	EXPECT(UPDATE, "{\"o\":{\"b\":{\"x\":1}}}", NOT_FOUND);
	ck_assert_str_eq(state(),
	                 "{\"o\":{\"a\":{\"h\":3.50,\"text\":\"t\",\"w\":2,\"x\":1,\"y\":1}}}");
	finish();
}
END_TEST

START_TEST(begin_deleted_ids_are_gone_for_good)
{
	start(OBJECTS_BOARD, 10, 2);
	EXPECT(CREATE, "{\"o\":{\"a\":{\"x\":1},\"b\":{\"x\":2},\"c\":{\"x\":3}}}", OK);
	EXPECT(DELETE, "{\"o\":{\"a\":null}}", OK);
	EXPECT(DELETE, "{\"o\":{\"a\":null}}", GONE);
	EXPECT(UPDATE, "{\"o\":{\"a\":{\"x\":9}}}", GONE);
	EXPECT(CREATE, "{\"o\":{\"a\":{\"x\":1}}}", GONE);
	EXPECT(DELETE, "{\"o\":{\"zz\":null}}", NOT_FOUND);
	EXPECT(DELETE, "{\"o\":{\"b\":{}}}", MALFORMED);
	EXPECT(DELETE, "{\"o\":{\"b\":null}}", OK);
	EXPECT(DELETE, "{\"o\":{\"c\":null}}", OK); /* a is forgotten: two are remembered */
	EXPECT(UPDATE, "{\"o\":{\"b\":{\"x\":9}}}", GONE);
	EXPECT(CREATE, "{\"o\":{\"a\":{\"x\":1}}}", OK);
	ck_assert_str_eq(state(), "{\"o\":{\"a\":{\"x\":1}}}");
	finish();
}
END_TEST

START_TEST(begin_children_go_with_their_parents)
{
	start(OBJECTS_BOARD, 10, 10);
	EXPECT(CREATE,
	       "{\"o\":{\"c2\":{\"parent\":\"c1\"},\"c1\":{\"parent\":\"p\"},\"p\":{},\"q\":{},"
	       "\"c3\":{\"parent\":\"q\"}}}",
	       OK);
	EXPECT(MOVE, "{\"o\":{\"c2\":{\"parent\":\"q\"}}}", OK);
	EXPECT(MOVE, "{\"o\":{\"c2\":{\"parent\":\"c1\"}}}", OK);
	EXPECT(DELETE, "{\"o\":{\"p\":null}}", OK);
	ck_assert_str_eq(state(), "{\"o\":{\"c3\":{\"parent\":\"q\"},\"q\":{}}}");
	EXPECT(UPDATE, "{\"o\":{\"c2\":{\"x\":1}}}", GONE);
	ck_assert_int_eq(act(OBJECTS_UPDATE,
	                     "{\"o\":{\"c1\":{\"parent\":\"p\"},\"c2\":{\"parent\":\"c1\"},"
	                     "\"p\":{}}}",
	                     1, 4),
	                 OBJECTS_OK);
	ck_assert_uint_eq(objects_count(objs), 5);
	finish();
}
END_TEST

START_TEST(begin_cells_live_where_row_and_column_are)
{
	start(OBJECTS_SHEET, 20, 20);
	EXPECT(CREATE,
	       "{\"o\":{\"r1\":{\"pos\":\"a0\"},\"r2\":{\"pos\":\"a1\"},\"c1\":{\"pos\":\"a0\"}}}",
	       OK);
	EXPECT(CREATE, "{\"o\":{\"x1\":{}}}", MEMBER);
	EXPECT(CREATE, "{\"o\":{\"r1:x\":{}}}", MEMBER);
	EXPECT(CREATE, "{\"o\":{\"r1:c1:c1\":{}}}", MEMBER);
	EXPECT(UPDATE, "{\"o\":{\"r1:c1\":{\"v\":5}}}", OK); /* appears */
	EXPECT(UPDATE, "{\"o\":{\"r2:c1\":{\"f\":\"=A1\"},\"r1:c1\":{\"v\":6}}}", OK);
	EXPECT(UPDATE, "{\"o\":{\"r3:c1\":{\"v\":1}}}", NOT_FOUND);
	EXPECT(MOVE, "{\"o\":{\"r1\":{\"x\":1}}}", MEMBER);
	EXPECT(RESIZE, "{\"o\":{\"r1\":{\"height\":20}}}", OK);
	EXPECT(STYLE, "{\"o\":{\"r1:c1\":{\"style\":{\"bold\":true}}}}", OK);
	EXPECT(STYLE, "{\"o\":{\"r1:c2\":{\"style\":{\"bold\":true}}}}", NOT_FOUND);
	EXPECT(DELETE, "{\"o\":{\"r1\":null}}", OK);
	ck_assert_str_eq(state(), "{\"o\":{\"c1\":{\"pos\":\"a0\"},\"r2\":{\"pos\":\"a1\"},\"r2:"
	                          "c1\":{\"f\":\"=A1\"}}}");
	EXPECT(UPDATE, "{\"o\":{\"r1:c1\":{\"v\":5}}}", GONE);
	finish();
}
END_TEST

START_TEST(begin_batches_are_all_or_nothing)
{
	start(OBJECTS_BOARD, 10, 10);
	EXPECT(CREATE, "{\"all\":[{\"o\":{\"a\":{\"x\":1}}},{\"o\":{\"b\":{\"parent\":\"a\"}}}]}",
	       OK);
	EXPECT(UPDATE, "{\"all\":[{\"o\":{\"a\":{\"x\":2}}},{\"o\":{\"a\":{\"y\":3},\"zz\":{}}}]}",
	       NOT_FOUND);
	EXPECT(UPDATE, "{\"all\":[{\"o\":{\"a\":{\"x\":2}}},{\"o\":{\"a\":{\"x\":4,\"y\":3}}}]}",
	       OK);
	ck_assert_str_eq(undo_text, "{\"o\":{\"a\":{\"x\":1,\"y\":null}}}");
	EXPECT(UPDATE, "{\"all\":[]}", OK);
	EXPECT(UPDATE, "{\"all\":{}}", MALFORMED);
	EXPECT(UPDATE, "{\"all\":[{\"t\":1}]}", MALFORMED);
	ck_assert_str_eq(state(), "{\"o\":{\"a\":{\"x\":4,\"y\":3},\"b\":{\"parent\":\"a\"}}}");
	finish();
}
END_TEST

START_TEST(begin_other_forms_are_refused)
{
	static const char *const wrong[] = {
		"",
		"5",
		"[]",
		"{}",
		"{\"p\":{}}",
		"{\"o\":5}",
		"{\"o\":{\"a\":{}}",
		"{\"o\":{\"a\":{}}}x",
		"{\"o\":{\"a\":{}},\"o\":{}}",
		"{\"o\":{\"a\":{},\"a\":{}}}",
		"{\"o\":{\"a\":{\"x\":1,\"x\":1}}}",
		"{\"all\":[{\"o\":{}}],\"o\":{}}",
		"{\"all\":[{\"o\":{}}",
	};

	start(OBJECTS_BOARD, 10, 10);
	for (unsigned i = 0; i < AEF_DIM(wrong); i++)
		ck_assert_msg(act_as_1(OBJECTS_CREATE, wrong[i]) == OBJECTS_MALFORMED, "%s",
		              wrong[i]);
	EXPECT(CREATE, "{\"o\":{\"\":{}}}", LIMIT);
	EXPECT(CREATE, "{\"o\":{}}", OK);
	finish();
}
END_TEST

START_TEST(begin_has_a_limit_of_objects_and_of_ids)
{
	char text[256];

	start(OBJECTS_BOARD, 2, 10);
	EXPECT(CREATE, "{\"o\":{\"a\":{},\"b\":{},\"c\":{}}}", LIMIT);
	EXPECT(CREATE, "{\"o\":{\"a\":{},\"b\":{}}}", OK);
	EXPECT(CREATE, "{\"o\":{\"c\":{}}}", LIMIT);
	EXPECT(DELETE, "{\"o\":{\"a\":null}}", OK);
	sprintf(text, "{\"o\":{\"%065d\":{}}}", 1);
	EXPECT(CREATE, text, LIMIT);
	sprintf(text, "{\"o\":{\"%064d\":{}}}", 1);
	EXPECT(CREATE, text, OK);
	finish();
}
END_TEST

START_TEST(begin_without_memory_changes_nothing)
{
	unsigned nb = 0;

	start(OBJECTS_BOARD, 10, 10);
	EXPECT(CREATE, "{\"o\":{\"a\":{\"x\":1},\"b\":{\"parent\":\"a\",\"z\":\"a0\"}}}", OK);
	for (uint64_t more = 0;; more += 16) {
		enum objects_reason reason;
		const uint64_t used = alloc.used_bytes;
		const struct objects_op op = { OBJECTS_UPDATE, { 9, { { 1 } } }, 3 };
		static const char text[] =
			"{\"o\":{\"c\":{\"z\":\"a0\",\"parent\":\"a\"},\"a\":{\"y\":[1,2]}}}";
		struct json_reader reader;

		json_reader_init(&reader, (const uint8_t *)text, strlen(text));
		alloc.budget_bytes = used + more;
		reason = objects_begin(objs, &op, &reader);
		alloc.budget_bytes = BUDGET;
		if (reason == OBJECTS_OK)
			break;
		ck_assert_int_eq(reason, OBJECTS_MEMORY);
		ck_assert_uint_eq(alloc.used_bytes, used);
		nb++;
	}
	ck_assert_uint_gt(nb, 20);
	objects_commit(objs);
	ck_assert_str_eq(
		state(),
		"{\"o\":{\"a\":{\"x\":1,\"y\":[1,2]},\"b\":{\"parent\":\"a\",\"z\":\"a0\"},"
		"\"c\":{\"parent\":\"a\",\"z\":\"a1\"}}}");
	finish();
}
END_TEST

START_TEST(begin_undo_takes_back_what_nobody_has_touched_since)
{
	char undo[TEXT_MAX];

	start(OBJECTS_BOARD, 10, 10);
	EXPECT(CREATE, "{\"o\":{\"a\":{\"x\":1,\"y\":1},\"b\":{\"x\":1}}}", OK);
	strcpy(undo, undo_text);
	ck_assert_str_eq(undo, "{\"o\":{\"a\":null,\"b\":null}}");
	ck_assert_int_eq(act(OBJECTS_UPDATE, "{\"o\":{\"a\":{\"y\":7}}}", 2, 0), OBJECTS_OK);
	ck_assert_int_eq(act(OBJECTS_UPDATE, undo, 1, 1), OBJECTS_OK);
	ck_assert_str_eq(state(),
	                 "{\"o\":{\"a\":{\"x\":1,\"y\":7}}}"); /* a has another's work in it */

	EXPECT(DELETE, "{\"o\":{\"a\":null}}", OK);
	strcpy(undo, undo_text);
	ck_assert_str_eq(undo, "{\"o\":{\"a\":{\"x\":1,\"y\":7}}}");
	ck_assert_int_eq(act(OBJECTS_UPDATE, undo, 1, version), OBJECTS_OK);
	ck_assert_str_eq(state(), "{\"o\":{\"a\":{\"x\":1,\"y\":7}}}");
	finish();
}
END_TEST

TEST_SUITE(begin, &begin_create_makes_new_ids_only, &begin_types_write_only_what_is_theirs,
           &begin_deleted_ids_are_gone_for_good, &begin_children_go_with_their_parents,
           &begin_cells_live_where_row_and_column_are, &begin_batches_are_all_or_nothing,
           &begin_other_forms_are_refused, &begin_has_a_limit_of_objects_and_of_ids,
           &begin_without_memory_changes_nothing,
           &begin_undo_takes_back_what_nobody_has_touched_since)
