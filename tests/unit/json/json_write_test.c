/* SPDX-License-Identifier: BSD-3-Clause */
#include "json_work.h"

static size_t
write_sample(uint8_t *buf, size_t cap, bool *ret_failed)
{
	struct json_writer w;

	json_writer_init(&w, buf, cap);
	json_write_object_begin(&w);
	json_write_key(&w, "a\"b");
	json_write_array_begin(&w);
	json_write_u64(&w, 0);
	json_write_u64(&w, UINT64_MAX);
	json_write_string(&w, (const uint8_t *)"\0\b\t\n\v\f\r\"\\/\x1f\x7f\xc3\xa9", 14);
	json_write_bool(&w, true);
	json_write_bool(&w, false);
	json_write_null(&w);
	json_write_array_end(&w);
	json_write_key(&w, "n");
	json_write_raw(&w, (const uint8_t *)"-1.5", 4);
	json_write_key(&w, "o");
	json_write_object_begin(&w);
	json_write_object_end(&w);
	json_write_object_end(&w);
	*ret_failed = json_writer_failed(&w);
	return json_writer_bytes(&w);
}

START_TEST(json_write_escapes_as_rfc_8785)
{
	static const char want[] =
		"{\"a\\\"b\":[0,18446744073709551615,"
		"\"\\u0000\\b\\t\\n\\u000b\\f\\r\\\"\\\\/\\u001f\x7f\xc3\xa9\",true,false,null],"
		"\"n\":-1.5,\"o\":{}}";
	uint8_t buf[256];
	bool failed;
	const size_t len = write_sample(buf, sizeof(buf), &failed);

	ck_assert(!failed);
	ck_assert_uint_eq(len, sizeof(want) - 1);
	ck_assert_mem_eq(buf, want, len);
	ck_assert_int_eq(read_all(buf, len), JSON_TOK_END);
}
END_TEST

START_TEST(json_write_too_small_a_buffer_is_told_and_never_passed)
{
	uint8_t buf[256];
	bool failed;
	const size_t len = write_sample(buf, sizeof(buf), &failed);

	for (size_t cap = 0; cap < len; cap++) {
		memset(buf, 0xaa, sizeof(buf));
		(void)write_sample(buf, cap, &failed);
		ck_assert(failed);
		ck_assert_uint_eq(buf[cap], 0xaa);
	}
}
END_TEST

TEST_SUITE(json_write, &json_write_escapes_as_rfc_8785,
           &json_write_too_small_a_buffer_is_told_and_never_passed)
