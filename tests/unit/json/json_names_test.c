/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/siphash.h>
#include <json/names.h>

#include "json_work.h"

static const uint8_t key[16] = "a secret, if not";

/* Read @p data with a table of @p max names; returns JSON_TOK_END or the first error of either. */
static int
check_names(const void *data, size_t len, uint32_t max, struct json_name *room)
{
	struct json_names names;
	int token, r;

	json_names_init(&names, room, max, key);
	json_reader_init_any(&rd, data, len);
	do {
		token = json_next(&rd);
		if (token < 0)
			return token;
		r = json_names_check(&names, &rd, token);
		if (r != 0)
			return r;
	} while (token != JSON_TOK_END);
	ck_assert_uint_eq(names.nb_names, 0);
	for (uint32_t i = 0; i < max; i++)
		ck_assert_uint_eq(room[i].first, UINT32_MAX);
	return token;
}

static int
check_text(const char *json, uint32_t max, struct json_name *room)
{
	return check_names(json, strlen(json), max, room);
}

START_TEST(json_names_of_one_object_must_differ)
{
	static const struct {
		const char *json;
		int r;
	} cases[] = {
		{ "{}", 0 },
		{ "{\"a\":1,\"b\":2}", 0 },
		{ "{\"a\":1,\"a\":2}", AEF_ERR_DUPLICATE },
		{ "{\"a\":1,\"\\u0061\":2}", AEF_ERR_DUPLICATE },
		{ "{\"\xc3\xa9\":1,\"\\u00e9\":2}", AEF_ERR_DUPLICATE },
		{ "{\"a\\u0000\":1,\"a\":2}", 0 },
		{ "{\"\":1,\"\":2}", AEF_ERR_DUPLICATE },
		{ "{\"a\":{\"a\":{\"a\":1}}}", 0 },
		{ "{\"a\":{\"b\":1},\"b\":{\"a\":1}}", 0 },
		{ "{\"a\":{\"b\":1},\"a\":1}", AEF_ERR_DUPLICATE },
		{ "{\"a\":{\"b\":1,\"b\":2}}", AEF_ERR_DUPLICATE },
		{ "[{\"a\":1},{\"a\":1},[{\"a\":1}]]", 0 },
		{ "[{\"a\":1},{\"a\":1,\"c\":[{\"a\":1},{\"a\":[]}],\"a\":1}]", AEF_ERR_DUPLICATE },
		{ "{\"a\":1,\"b\":[\"a\",\"b\"],\"c\":\"a\"}", 0 },
		{ "{\"a\":1,", AEF_ERR_MALFORMED },
	};
	struct json_name room[16];

	for (size_t i = 0; i < AEF_DIM(cases); i++)
		ck_assert_msg(check_text(cases[i].json, 16, room) == cases[i].r, "%s",
		              cases[i].json);
}
END_TEST

START_TEST(json_names_of_cbor_are_compared_as_strings)
{
	static const struct {
		const char *hex;
		int r;
	} cases[] = {
		{ "a2616101616202", 0 },
		{ "a2616101616102", AEF_ERR_DUPLICATE },
		{ "a2626162017f61616162ff02", AEF_ERR_DUPLICATE },
		{ "a27f62616260ff017f61616162ff02", AEF_ERR_DUPLICATE },
		{ "a27f62616260ff017f61616163ff02", 0 },
		{ "a260017fff02", AEF_ERR_DUPLICATE },
	};
	struct json_name room[4];

	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		size_t len;
		uint8_t *const cbor = cbor_of(cases[i].hex, &len);

		ck_assert_msg(check_names(cbor, len, 4, room) == cases[i].r, "%s", cases[i].hex);
		free(cbor);
	}
}
END_TEST

START_TEST(json_names_past_the_room_are_told)
{
	struct json_name room[4];

	memset(room, 0xaa, sizeof(room));
	ck_assert_int_eq(check_text("{\"a\":1,\"b\":2,\"c\":3}", 3, room), 0);
	ck_assert_int_eq(check_text("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", 3, room), AEF_ERR_FULL);
	ck_assert_uint_eq(room[3].first, 0xaaaaaaaa);
	/* Full, but a double is still a double; closed objects give their room back. */
	ck_assert_int_eq(check_text("{\"a\":1,\"b\":2,\"c\":3,\"b\":4}", 3, room),
	                 AEF_ERR_DUPLICATE);
	ck_assert_int_eq(check_text("[{\"a\":1,\"b\":2},{\"a\":{\"c\":3}},{\"a\":1}]", 2, room), 0);
	ck_assert_int_eq(check_text("{\"a\":1}", 1, room), 0);
}
END_TEST

START_TEST(json_names_many_are_told_apart)
{
	enum { NB = 5000 };
	static struct json_name room[NB + 1];
	static char text[NB * 16];
	struct aef_rng rng;

	aef_rng_init(&rng, 7493);
	for (unsigned round = 0; round < 20; round++) {
		size_t len = 0;
		unsigned again = (unsigned)aef_rng_below(&rng, NB);

		len += (size_t)sprintf(text + len, "{");
		for (unsigned i = 0; i < NB; i++)
			len += (size_t)sprintf(text + len, "\"n%u\":{},", i * 7);
		ck_assert_int_eq((int)len, (int)strlen(text));
		text[len - 1] = '}';
		ck_assert_int_eq(check_names(text, len, NB, room), 0);
		len--;
		len += (size_t)sprintf(text + len, ",\"n%u\":1}", again * 7);
		ck_assert_int_eq(check_names(text, len, NB + 1, room), AEF_ERR_DUPLICATE);
	}
}
END_TEST

START_TEST(json_names_of_equal_hash_are_told_apart)
{
	static const char one[] = "n281350", two[] = "n358224";
	struct json_name room[4];

	ck_assert_uint_eq((uint32_t)aef_siphash64(key, one, 7),
	                  (uint32_t)aef_siphash64(key, two, 7));
	ck_assert_int_eq(check_text("{\"n281350\":1,\"n358224\":2}", 4, room), 0);
	ck_assert_int_eq(check_text("{\"n281350\":1,\"n358224\":2,\"n281350\":3}", 4, room),
	                 AEF_ERR_DUPLICATE);
}
END_TEST

TEST_SUITE(json_names, &json_names_of_one_object_must_differ,
           &json_names_of_cbor_are_compared_as_strings, &json_names_past_the_room_are_told,
           &json_names_many_are_told_apart, &json_names_of_equal_hash_are_told_apart)
