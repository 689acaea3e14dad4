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

START_TEST(json_write_transcodes_json_to_its_shortest_text)
{
	static const char text[] =
		" { \"a\\u0062\\/\" : [ 1.50 , -0 , 1E+2 , 123456789012345678901 ] ,\n"
		"\"\\u00e9\\ud83d\\ude00\" : { } , \"\\u001f\\u000a\" : [ true ,false, null "
		"] , \"x\" : \"\\u007f\xc3\xa9\" } ";
	static const char want[] =
		"{\"ab/\":[1.50,-0,1E+2,123456789012345678901],\"\xc3\xa9\xf0\x9f\x98\x80\":{},"
		"\"\\u001f\\n\":[true,false,null],\"x\":\"\x7f\xc3\xa9\"}";
	char out[sizeof(text)], again[sizeof(text)];

	ck_assert_int_eq(transcode((const uint8_t *)text, sizeof(text) - 1, out, sizeof(out)), 0);
	ck_assert_str_eq(out, want);
	ck_assert_int_eq(transcode((const uint8_t *)out, strlen(out), again, strlen(out) + 1), 0);
	ck_assert_str_eq(again, want);
}
END_TEST

START_TEST(json_write_transcoding_tells_a_buffer_too_small_at_any_size)
{
	static const char text[] = "{\"a\":[1,\"x\\u0001y\",true,null,{\"b\":-2.5}],\"c\":\"\"}";
	const size_t len = sizeof(text) - 1;
	uint8_t out[sizeof(text)];

	for (size_t cap = 0; cap <= len; cap++) {
		struct json_writer w;

		memset(out, 0xaa, sizeof(out));
		json_writer_init(&w, out, cap);
		json_reader_init_any(&rd, (const uint8_t *)text, len);
		ck_assert_int_eq(json_transcode(&w, &rd, json_next(&rd)),
		                 cap < len ? AEF_ERR_FULL : 0);
		ck_assert_uint_eq(out[cap], 0xaa);
	}
}
END_TEST

START_TEST(json_write_transcodes_one_value_inside_another)
{
	static const char text[] = "{\"skip\":1,\"take\":[{\"a\":[]},2],\"rest\":3}";
	struct json_writer w;
	uint8_t out[64];

	json_writer_init(&w, out, sizeof(out));
	json_reader_init(&rd, (const uint8_t *)text, sizeof(text) - 1);
	json_write_object_begin(&w);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_gt(json_next(&rd), 0);
	ck_assert_int_eq(json_transcode(&w, &rd, json_next(&rd)), 0); /* the name */
	ck_assert_int_eq(json_transcode(&w, &rd, json_next(&rd)), 0);
	json_write_object_end(&w);
	ck_assert_uint_eq(json_writer_bytes(&w), 21);
	ck_assert_mem_eq(out, "{\"take\":[{\"a\":[]},2]}", 21);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_KEY);
	ck_assert(json_string_is(&rd, "rest"));
}
END_TEST

START_TEST(json_write_transcoding_passes_on_what_the_reader_says)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "[1,2", AEF_ERR_MALFORMED },
		{ "", AEF_ERR_MALFORMED },
		{ "{\"a\":nul}", AEF_ERR_MALFORMED },
		{ "\xd9\xd9\xf7\x82\x01\xf7", AEF_ERR_UNSUPPORTED },
	};

	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		char out[16];

		ck_assert_int_eq(transcode((const uint8_t *)cases[i].text, strlen(cases[i].text),
		                           out, sizeof(out)),
		                 cases[i].r);
	}
}
END_TEST

/* Halves are the worst: three bytes, and a comma behind them. */
START_TEST(json_write_text_of_cbor_is_at_most_9_times_as_long)
{
	unsigned longest = 0;

	for (unsigned half = 0; half <= 0xffff; half++) {
		const uint8_t cbor[] = {
			0xd9, 0xd9, 0xf7, 0xf9, (uint8_t)(half >> 8), (uint8_t)half
		};
		char out[JSON_F64_TEXT_MAX + 1];
		const int r = transcode(cbor, sizeof(cbor), out, sizeof(out));

		ck_assert_int_eq(r, (half & 0x7c00) == 0x7c00 ? AEF_ERR_UNSUPPORTED : 0);
		if (r == 0 && strlen(out) > longest)
			longest = (unsigned)strlen(out);
	}
	ck_assert_uint_eq(longest, JSON_F64_TEXT_MAX);
}
END_TEST

TEST_SUITE(json_write, &json_write_escapes_as_rfc_8785,
           &json_write_too_small_a_buffer_is_told_and_never_passed,
           &json_write_transcodes_json_to_its_shortest_text,
           &json_write_transcoding_tells_a_buffer_too_small_at_any_size,
           &json_write_transcodes_one_value_inside_another,
           &json_write_transcoding_passes_on_what_the_reader_says,
           &json_write_text_of_cbor_is_at_most_9_times_as_long)
