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
	};

	for (size_t i = 0; i < AEF_DIM(good); i++)
		ck_assert_msg(read_all(good[i], strlen(good[i])) == JSON_TOK_END, "refused %s",
		              good[i]);
}
END_TEST

START_TEST(json_read_refuses_what_rfc_8259_forbids)
{
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
	};

	for (size_t i = 0; i < AEF_DIM(bad); i++)
		ck_assert_msg(read_all(bad[i], strlen(bad[i])) == AEF_ERR_MALFORMED, "accepted %s",
		              bad[i]);
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

START_TEST(json_read_strings_are_measured_and_unescaped)
{
	static const char text[] = "[\"a\\n\\u00e9\\u65e5\\ud83e\\udd16\xc3\xa9\",\"plain\"]";
	static const char want[] = "a\n\xc3\xa9\xe6\x97\xa5\xf0\x9f\xa4\x96\xc3\xa9";
	uint8_t buf[64];

	json_reader_init(&rd, (const uint8_t *)text, sizeof(text) - 1);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_ARRAY_BEGIN);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_STRING);
	ck_assert_uint_eq(rd.str_bytes, sizeof(want) - 1);
	ck_assert_uint_eq(rd.str_cps, 6);
	json_string_copy(&rd, buf);
	ck_assert_mem_eq(buf, want, sizeof(want) - 1);
	ck_assert(json_string_is(&rd, want));
	ck_assert(!json_string_is(&rd, "a\n"));
	ck_assert(!json_string_is(&rd, "a\n\xc3\xa9\xe6\x97\xa5\xf0\x9f\xa4\x96\xc3\xa9z"));
	ck_assert_int_eq(json_next(&rd), JSON_TOK_STRING);
	json_string_copy(&rd, buf);
	ck_assert_mem_eq(buf, "plain", 5);
	ck_assert(json_string_is(&rd, "plain"));
	ck_assert(!json_string_is(&rd, "plaim"));
}
END_TEST

START_TEST(json_read_numbers_convert_only_when_they_are_unsigned_integers)
{
	static const struct {
		const char *text;
		int r;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", AEF_ERR_RANGE, 0 },
		{ "99999999999999999999", AEF_ERR_RANGE, 0 },
		{ "-1", AEF_ERR_MALFORMED, 0 },
		{ "1.0", AEF_ERR_MALFORMED, 0 },
		{ "1e3", AEF_ERR_MALFORMED, 0 },
	};

	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		uint64_t v = 0;

		json_reader_init(&rd, (const uint8_t *)cases[i].text, strlen(cases[i].text));
		ck_assert_int_eq(json_next(&rd), JSON_TOK_NUMBER);
		ck_assert_int_eq(json_number_u64(&rd, UINT64_MAX, &v), cases[i].r);
		ck_assert_uint_eq(v, cases[i].value);
	}
	json_reader_init(&rd, (const uint8_t *)"11", 2);
	uint64_t v;

	ck_assert_int_eq(json_next(&rd), JSON_TOK_NUMBER);
	ck_assert_int_eq(json_number_u64(&rd, 10, &v), AEF_ERR_RANGE);
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
           &json_read_refuses_what_rfc_8259_forbids, &json_read_truncated_at_any_length_is_refused,
           &json_read_depth_is_limited, &json_read_more_than_4_gib_is_refused,
           &json_read_strings_are_measured_and_unescaped,
           &json_read_numbers_convert_only_when_they_are_unsigned_integers,
           &json_read_skip_passes_a_whole_value, &json_read_random_bytes_never_read_outside)
