/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * place_test.c - parents without cycles, and siblings of which no two have the same key.
 */
#include "objects_work.h"

START_TEST(place_of_a_parent_that_makes_a_cycle_is_refused)
{
	char text[256];

	start(OBJECTS_BOARD, 100, 10);
	EXPECT(CREATE, "{\"o\":{\"a\":{},\"b\":{\"parent\":\"a\"},\"c\":{\"parent\":\"b\"}}}", OK);
	EXPECT(MOVE, "{\"o\":{\"a\":{\"parent\":\"c\"}}}", CYCLE);
	EXPECT(MOVE, "{\"o\":{\"a\":{\"parent\":\"a\"}}}", CYCLE);
	EXPECT(CREATE, "{\"o\":{\"d\":{\"parent\":\"e\"},\"e\":{\"parent\":\"d\"}}}", CYCLE);
	EXPECT(MOVE, "{\"o\":{\"a\":{\"parent\":\"nobody\"}}}", NOT_FOUND);
	EXPECT(UPDATE, "{\"o\":{\"a\":{\"parent\":5}}}", MEMBER);
	EXPECT(UPDATE, "{\"o\":{\"a\":{\"parent\":\"\"}}}", MEMBER);
	EXPECT(MOVE, "{\"o\":{\"c\":{\"parent\":null},\"a\":{\"parent\":\"c\"}}}", OK);
	EXPECT(MOVE, "{\"o\":{\"c\":{\"parent\":\"b\"}}}", CYCLE);
	EXPECT(DELETE, "{\"o\":{\"b\":null}}", OK);
	EXPECT(MOVE, "{\"o\":{\"c\":{\"parent\":\"b\"}}}", GONE);
	EXPECT(CREATE, "{\"o\":{\"n0\":{}}}", OK);
	for (unsigned i = 1; i <= OBJECTS_DEPTH_MAX; i++) {
		sprintf(text, "{\"o\":{\"n%u\":{\"parent\":\"n%u\"}}}", i, i - 1);
		EXPECT(CREATE, text, OK);
	}
	sprintf(text, "{\"o\":{\"deep\":{\"parent\":\"n%u\"}}}", OBJECTS_DEPTH_MAX);
	EXPECT(CREATE, text, CYCLE);
	finish();
}
END_TEST

START_TEST(place_of_two_siblings_is_never_the_same)
{
	start(OBJECTS_BOARD, 20, 10);
	EXPECT(CREATE, "{\"o\":{\"p\":{},\"a\":{\"z\":\"a0\"},\"b\":{\"z\":\"a1\"}}}", OK);
	EXPECT(CREATE, "{\"o\":{\"c\":{\"z\":\"a0\"}}}", OK);
	ck_assert_str_eq(rekeyed_text, "c.z=a0V ");
	EXPECT(CREATE, "{\"o\":{\"d\":{\"z\":\"a0\",\"parent\":\"p\"}}}", OK); /* no sibling of a */
	ck_assert_str_eq(rekeyed_text, "");
	EXPECT(MOVE, "{\"o\":{\"d\":{\"parent\":null}}}", OK);
	ck_assert_str_eq(rekeyed_text, "d.z=a0G ");
	EXPECT(CREATE, "{\"o\":{\"e\":{\"z\":\"a1\"},\"f\":{\"z\":\"a1\"}}}", OK);
	ck_assert_str_eq(rekeyed_text, "e.z=a2 f.z=a1V ");
	EXPECT(MOVE, "{\"o\":{\"a\":{\"z\":\"a0\"}}}", OK); /* its own */
	ck_assert_str_eq(rekeyed_text, "");
	EXPECT(UPDATE, "{\"o\":{\"a\":{\"z\":\"b\"}}}", KEY);
	EXPECT(UPDATE, "{\"o\":{\"a\":{\"z\":1}}}", KEY);
	EXPECT(DELETE, "{\"o\":{\"b\":null}}", OK);
	EXPECT(MOVE, "{\"o\":{\"c\":{\"z\":\"a1\"}}}", OK); /* b's is free again */
	ck_assert_str_eq(rekeyed_text, "");
	finish();
}
END_TEST

START_TEST(place_of_rows_and_columns_stands_for_itself)
{
	start(OBJECTS_SHEET, 20, 10);
	EXPECT(CREATE, "{\"o\":{\"r1\":{\"pos\":\"a0\"},\"c1\":{\"pos\":\"a0\"}}}", OK);
	ck_assert_str_eq(rekeyed_text, "");
	EXPECT(CREATE, "{\"o\":{\"r2\":{\"pos\":\"a0\"}}}", OK);
	ck_assert_str_eq(rekeyed_text, "r2.pos=a1 ");
	EXPECT(UPDATE, "{\"o\":{\"r1:c1\":{\"pos\":\"not a key\"}}}",
	       OK); /* a cell's is any member */
	finish();
}
END_TEST

START_TEST(place_without_room_between_two_is_refused)
{
	char text[256], low[] = "a0";

	start(OBJECTS_BOARD, 20, 10);
	sprintf(text, "{\"o\":{\"a\":{\"z\":\"%s\"},\"b\":{\"z\":\"%s%.*s1\"}}}", low, low, 61,
	        "0000000000000000000000000000000000000000000000000000000000000000");
	EXPECT(CREATE, text, OK);
	EXPECT(CREATE, "{\"o\":{\"c\":{\"z\":\"a0\"}}}", KEY);
	finish();
}
END_TEST

TEST_SUITE(place, &place_of_a_parent_that_makes_a_cycle_is_refused,
           &place_of_two_siblings_is_never_the_same, &place_of_rows_and_columns_stands_for_itself,
           &place_without_room_between_two_is_refused)
