/* SPDX-License-Identifier: BSD-3-Clause */
#include "op_work.h"

START_TEST(op_json_parse_joins_neighbours_and_drops_a_keep_at_the_end)
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

START_TEST(op_json_parse_refuses_what_is_not_an_operation)
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

START_TEST(op_json_parse_truncated_at_any_length_is_refused)
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

START_TEST(op_json_parse_keeps_the_limits_it_is_given)
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

START_TEST(op_json_read_takes_the_name_and_strings_in_any_form)
{
	static const struct {
		const char *data;
		size_t len;
		int r;
	} cases[] = {
		{ "[5,\"hi\",{\"\\u0064\":3}]", 21, 0 },
		{ "[5,\"hi\",{\"\\u0065\":3}]", 21, AEF_ERR_MALFORMED },
		{ "[5,\"hi\",{\"dd\":3}]", 17, AEF_ERR_MALFORMED },
		{ "\xd9\xd9\xf7\x83\x05\x62hi\xa1\x61\x64\x03", 12, 0 },
		{ "\xd9\xd9\xf7\x9f\x18\x05\x7f\x61h\x61i\xff\xbf\x7f\x60\x61\x64\xff\xf9\x42\x00"
		  "\xff\xff",
		  23, 0 },
		{ "\xd9\xd9\xf7\x83\x05\x62hi\xa1\x61\x65\x03", 12, AEF_ERR_MALFORMED },
		{ "\xd9\xd9\xf7\x83\x05\x62hi\xa1\x41\x64\x03", 12, AEF_ERR_UNSUPPORTED },
	};

	setup();
	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		struct json_reader reader;

		json_reader_init_any(&reader, (const uint8_t *)cases[i].data, cases[i].len);
		ck_assert_int_eq(text_op_read(&reader, NULL, &op), cases[i].r);
		if (cases[i].r == 0) {
			ck_assert_int_eq(json_next(&reader), JSON_TOK_END);
			ck_assert_str_eq(op_text(&op), "[5,\"hi\",{\"d\":3}]");
		}
	}
	teardown();
}
END_TEST

TEST_SUITE(op_json, &op_json_parse_joins_neighbours_and_drops_a_keep_at_the_end,
           &op_json_parse_refuses_what_is_not_an_operation,
           &op_json_parse_truncated_at_any_length_is_refused,
           &op_json_parse_keeps_the_limits_it_is_given,
           &op_json_read_takes_the_name_and_strings_in_any_form)
