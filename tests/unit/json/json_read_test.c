/* SPDX-License-Identifier: BSD-3-Clause */
#include "json_work.h"

START_TEST(json_read_accepts_what_rfc_8259_allows)
{
	static const char *const good[] = {
		"0",
		"-0",
		"-12.5e+10",
		"1E2",
		"1e-7",
		"true",
		"false",
		"null",
		"\"\"",
		"[]",
		"{}",
		" [ 1 , { \"a\" : [ ] , \"b\":null } ]\r\n\t ",
		"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83e\\udd16\" ]",
		"\"\x7f\"",
		"\"\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80\"",
		"{\"a\":1,\"a\":2}",
		"\"\\u0000\"",
		"\"\\uFFFF\\uAbCd\"",
		"\t\r\n [\t1\r,\n2 ]",
		"1e400",
		"1e-400",
		"-0e-0",
		"0.00",
		"1.0E+00",
		"123456789012345678901234567890",
		"[0,-0.0,1E5]",
		"\"\\uD834\\uDd1e\"",
		"\"\\\\u0000\"",
		"\"\\u005C\\u0022\"",
		"{\"\":0}",
		"{\"\\u0000\":0}",
		"[[],{},[[]],[{}]]",
		"\"\xe2\x81\xa0\xef\xbf\xbf\"", /* U+2060, U+FFFF */
		"\"/*not a comment*/\"",
	};

	for (size_t i = 0; i < AEF_DIM(good); i++)
		ck_assert_msg(read_all(good[i], strlen(good[i])) == JSON_TOK_END, "refused %s",
		              good[i]);
}
END_TEST

static const char *const bad[] = {
	"",
	" ",
	"[",
	"]",
	"{",
	"}",
	"[1,]",
	"[,1]",
	"[1 2]",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{,}",
	"{1:2}",
	"{\"a\" 1}",
	"01",
	"-",
	"+1",
	"1.",
	".5",
	"1e",
	"1e+",
	"- 1",
	"tru",
	"True",
	"nul",
	"fals",
	"\"",
	"\"a",
	"\"\\\"",
	"\"\\x\"",
	"\"\\u12\"",
	"\"\\u12g4\"",
	"\"\\ud800\"",
	"\"\\udc00\"",
	"\"\\ud800\\u0041\"",
	"\"\\ud800x\"",
	"\"\\ud800\\n1234\"",
	"\"\\ud8",
	"\"\n\"",
	"\"\x1f\"",
	"\"\x80\"",
	"\"\xc3\"",
	"\"\xc0\x80\"",
	"\"\xe0\x80\x80\"",
	"\"\xed\xa0\x80\"",
	"\"\xf0\x80\x80\x80\"",
	"\"\xf4\x90\x80\x80\"",
	"\"\xf5\x80\x80\x80\"",
	"\"\xe2\x82\"",
	"\"\xff\"",
	"1 2",
	"[] []",
	"{} x",
	"'a'",
	"[1}",
	"{\"a\":1]",
	"[\"a\":1]",
	"\xef\xbb\xbf[]",
	"NaN",
	"-NaN",
	"Infinity",
	"-Infinity",
	"0x1",
	"-01",
	"00",
	"0.",
	"-.5",
	"1.e1",
	"1.5.5",
	"1e1.5",
	"1e++1",
	"1E",
	"0e",
	"--1",
	"1_000",
	"[1,,2]",
	"[,]",
	"[1",
	"[1,",
	"[[]",
	"[]]",
	"{\"a\":1 \"b\":2}",
	"{\"a\":1,,\"b\":2}",
	"{\"a\"::1}",
	"{\"a\":1,\"b\"}",
	"{\"a\",1}",
	"{a:1}",
	"{'a':1}",
	"{null:1}",
	"{[]:1}",
	"{\"a\":1}}",
	"\f1",
	"1\v",
	"[1]\xc2\xa0",
	"\xe2\x81\xa0[1]",
	"1 // one",
	"/* one */ 1",
	"truetrue",
	"true1",
	"nulll",
	"TRUE",
	"\"\\u\"",
	"\"\\uD8\"",
	"\"\\U0041\"",
	"\"\\a\"",
	"\"\\'\"",
	"\"\\\t\"",
	"\"\\uD800\\\"",
	"\"\\uD800\\uD800\"",
	"\"\\uDC00\\uD800\"",
	"\"\\ud800\\udc0g\"",
	"\"\t\"",
	"\"a\" \"b\"",
	"\"\xed\xbf\xbf\"",
	"\"\xfc\x80\x80\x80\x80\x80\"",
};

START_TEST(json_read_refuses_what_rfc_8259_forbids)
{
	for (size_t i = 0; i < AEF_DIM(bad); i++)
		ck_assert_msg(read_all(bad[i], strlen(bad[i])) == AEF_ERR_MALFORMED, "accepted %s",
		              bad[i]);
}
END_TEST

START_TEST(json_read_a_zero_byte_is_nowhere_allowed)
{
	static const char text[] = "{\"a\":[1,true,\"x\"]}";

	for (size_t at = 0; at < sizeof(text); at++) {
		char with[sizeof(text)];

		memcpy(with, text, at);
		with[at] = 0;
		memcpy(with + at + 1, text + at, sizeof(text) - 1 - at);
		ck_assert_int_eq(read_all(with, sizeof(with)), AEF_ERR_MALFORMED);
	}
}
END_TEST

START_TEST(json_read_truncated_at_any_length_is_refused)
{
	static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83e\\udd16\xe6\x97\xa5\",true,"
				   "false,null],\"b\":{}}";

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		/* A block of exactly that length, so that a sanitizer sees a read past the end. */
		char *copy = malloc(len > 0 ? len : 1);

		memcpy(copy, text, len);
		ck_assert_int_eq(read_all(copy, len), AEF_ERR_MALFORMED);
		free(copy);
	}
	ck_assert_int_eq(read_all(text, sizeof(text) - 1), JSON_TOK_END);
}
END_TEST

START_TEST(json_read_depth_is_limited)
{
	char text[2 * JSON_DEPTH_MAX + 2];

	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	ck_assert_int_eq(read_all(text, 2ul * JSON_DEPTH_MAX), JSON_TOK_END);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	ck_assert_int_eq(read_all(text, sizeof(text)), AEF_ERR_LIMIT);
}
END_TEST

START_TEST(json_read_more_than_4_gib_is_refused)
{
	json_reader_init(&rd, (const uint8_t *)"1", (size_t)UINT32_MAX + 1);

	ck_assert_int_eq(json_next(&rd), AEF_ERR_LIMIT);
}
END_TEST

START_TEST(json_read_skip_passes_a_whole_value)
{
	static const char text[] = "{\"a\":{\"x\":[1,[2],{}]},\"b\":7}";
	uint64_t v = 0;

	json_reader_init(&rd, (const uint8_t *)text, sizeof(text) - 1);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_OBJECT_BEGIN);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_KEY);
	ck_assert_int_eq(json_skip(&rd, json_next(&rd)), 0);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_KEY);
	ck_assert(json_string_is(&rd, "b"));
	ck_assert_int_eq(json_next(&rd), JSON_TOK_NUMBER);
	ck_assert_int_eq(json_skip(&rd, JSON_TOK_NUMBER), 0);
	ck_assert_int_eq(json_number_u64(&rd, 10, &v), 0);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_OBJECT_END);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_END);
	json_reader_init(&rd, (const uint8_t *)"[1,", 3);
	ck_assert_int_eq(json_skip(&rd, json_next(&rd)), AEF_ERR_MALFORMED);
	ck_assert_int_eq(json_skip(&rd, AEF_ERR_MALFORMED), AEF_ERR_MALFORMED);
}
END_TEST

START_TEST(json_read_random_bytes_never_read_outside)
{
	static const char pieces[] = "{}[],:\"\\u0d8tfn1-.eE \xc3\xa9\xf0\x9f";
	struct aef_rng rng;

	aef_rng_init(&rng, 4);
	for (unsigned i = 0; i < 50000; i++) {
		const size_t len = aef_rng_below(&rng, 40);
		uint8_t *text = malloc(len > 0 ? len : 1);

		for (size_t k = 0; k < len; k++)
			text[k] = (uint8_t)pieces[aef_rng_below(&rng, sizeof(pieces) - 1)];
		ck_assert_int_le(read_all(text, len), 0);
		free(text);
	}
}
END_TEST

TEST_SUITE(json_read, &json_read_accepts_what_rfc_8259_allows,
           &json_read_refuses_what_rfc_8259_forbids, &json_read_a_zero_byte_is_nowhere_allowed,
           &json_read_truncated_at_any_length_is_refused, &json_read_depth_is_limited,
           &json_read_more_than_4_gib_is_refused, &json_read_skip_passes_a_whole_value,
           &json_read_random_bytes_never_read_outside)
