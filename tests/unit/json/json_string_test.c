/* SPDX-License-Identifier: BSD-3-Clause */
#include "json_work.h"

START_TEST(json_string_escapes_are_measured_and_unescaped)
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
	ck_assert(!json_string_is(&rd, "a\n\xc3\xa9\xe6\x97\xa5\xf0\x9f\xa4\x96\xc3\xaa"));
	ck_assert(!json_string_is(&rd, "a\t\xc3\xa9\xe6\x97\xa5\xf0\x9f\xa4\x96\xc3\xa9"));
	ck_assert(!json_string_is(&rd, "a\n\xc3\xa9\xe6\x97\xa5\xf0\x9f\xa4\x96\xc3\xa9z"));
	ck_assert_int_eq(json_next(&rd), JSON_TOK_STRING);
	json_string_copy(&rd, buf);
	ck_assert_mem_eq(buf, "plain", 5);
	ck_assert(json_string_is(&rd, "plain"));
	ck_assert(!json_string_is(&rd, "plaim"));
	ck_assert_int_eq(read_all("\"\\u0000\"", 8), JSON_TOK_END);
	ck_assert(!json_string_is(&rd, ""));
}
END_TEST

START_TEST(json_string_of_chunks_is_joined)
{
	size_t len;
	uint8_t *const cbor = cbor_of("827f6061616062c3a960ff7f6060ff", &len);
	uint8_t buf[8];

	json_reader_init_any(&rd, cbor, len);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_ARRAY_BEGIN);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_STRING);
	ck_assert_uint_eq(rd.str_bytes, 3);
	ck_assert_uint_eq(rd.str_cps, 2);
	json_string_copy(&rd, buf);
	ck_assert_mem_eq(buf, "a\xc3\xa9", 3);
	ck_assert(json_string_is(&rd, "a\xc3\xa9"));
	ck_assert(!json_string_is(&rd, "a"));
	ck_assert(!json_string_is(&rd, "a\xc3\xa9x"));
	ck_assert(!json_string_is(&rd, "a\xc3\xaa"));
	ck_assert(!json_string_is(&rd, "b\xc3\xa9"));
	ck_assert_int_eq(json_next(&rd), JSON_TOK_STRING);
	ck_assert_uint_eq(rd.str_bytes, 0);
	ck_assert(json_string_is(&rd, ""));
	json_string_copy(&rd, buf);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_ARRAY_END);
	free(cbor);
}
END_TEST

START_TEST(json_string_of_cbor_has_no_escapes)
{
	size_t len;
	uint8_t *const cbor = cbor_of("645c6e5c22", &len);
	uint8_t buf[4];

	json_reader_init_any(&rd, cbor, len);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_STRING);
	ck_assert_uint_eq(rd.str_bytes, 4);
	json_string_copy(&rd, buf);
	ck_assert_mem_eq(buf, "\\n\\\"", 4);
	ck_assert(json_string_is(&rd, "\\n\\\""));
	free(cbor);
}
END_TEST

TEST_SUITE(json_string, &json_string_escapes_are_measured_and_unescaped,
           &json_string_of_chunks_is_joined, &json_string_of_cbor_has_no_escapes)
