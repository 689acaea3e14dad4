/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tree_test.c - paths in their order to one JSON value.
 */
#include "registers_work.h"

static struct tree tree;
static struct json_writer writer;
static uint8_t out[256];

static void
begin(size_t cap)
{
	json_writer_init(&writer, out, cap);
	tree_init(&tree, &writer);
}

/* @p path with / for the separator. */
static void
put(const char *path, const char *value)
{
	uint8_t p[64];
	const uint32_t len = (uint32_t)strlen(path);

	for (uint32_t i = 0; i < len; i++)
		p[i] = path[i] == '/' ? REGISTERS_SEP : (uint8_t)path[i];
	tree_put(&tree, p, len, (const uint8_t *)value,
	         value != NULL ? (uint32_t)strlen(value) : 0);
}

static const char *
end(void)
{
	static char text[sizeof(out) + 1];

	ck_assert(tree_end(&tree));
	ck_assert(!json_writer_failed(&writer));
	memcpy(text, out, json_writer_bytes(&writer));
	text[json_writer_bytes(&writer)] = '\0';
	return text;
}

START_TEST(tree_opens_and_closes_objects_as_paths_need)
{
	begin(sizeof(out));
	put("/a/b/c", "1");
	put("/a/b/d", NULL);
	put("/a/bb", "[]");
	put("/b", "{}");
	put("/c//x", "true");
	ck_assert_str_eq(end(),
	                 "{\"a\":{\"b\":{\"c\":1,\"d\":null},\"bb\":[]},\"b\":{},\"c\":{\"\":"
	                 "{\"x\":true}}}");
}
END_TEST

START_TEST(tree_of_the_root_alone_is_its_value)
{
	begin(sizeof(out));
	put("", "[1]");
	ck_assert_str_eq(end(), "[1]");
	begin(sizeof(out));
	put("", NULL);
	ck_assert_str_eq(end(), "null");
	begin(sizeof(out));
	ck_assert(!tree_end(&tree));
	ck_assert_uint_eq(json_writer_bytes(&writer), 0);
}
END_TEST

START_TEST(tree_without_room_is_told_by_the_writer)
{
	for (size_t cap = 0; cap < 17; cap++) {
		begin(cap);
		put("/a/b", "1");
		put("/c", "\"x\"");
		ck_assert(tree_end(&tree));
		ck_assert(json_writer_failed(&writer) ==
		          (cap < strlen("{\"a\":{\"b\":1},\"c\":\"x\"}")));
	}
}
END_TEST

START_TEST(tree_of_registers_is_in_canonical_order_and_keeps_digits)
{
	start(BUDGET);
	/* Order of UTF-16 units: U+1F600 (d83d ...) before U+FB33. */
	apply_as("{ \"\xef\xac\xb3\":1, \"\xf0\x9f\x98\x80\":2, \"b\":{\"z\":1.50,\"\":[1 , "
	         "{\"x\":null}]}, "
	         "\"a\":1e2, \"\\u0000\":true, \"ab\":\"\\u0041\\/\" }",
	         1, 1);
	ck_assert_str_eq(text(),
	                 "{\"\\u0000\":true,\"a\":1e2,\"ab\":\"A/\",\"b\":{\"\":[1,{\"x\":null}],"
	                 "\"z\":1.50},\"\xf0\x9f\x98\x80\":2,\"\xef\xac\xb3\":1}");
	finish();
}
END_TEST

TEST_SUITE(tree, &tree_opens_and_closes_objects_as_paths_need, &tree_of_the_root_alone_is_its_value,
           &tree_without_room_is_told_by_the_writer,
           &tree_of_registers_is_in_canonical_order_and_keeps_digits)
