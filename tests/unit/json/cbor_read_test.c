/* SPDX-License-Identifier: BSD-3-Clause */
#include "json_tokens.h"
#include "json_work.h"

struct accepted {
	const char *hex;
	const char *json;
};

struct refused {
	const char *hex;
	int err;
};

/* The table of RFC 8949 appendix A, what has no counterpart in JSON excepted. */
static const struct accepted appendix_a[] = {
	{ "00", "0" },
	{ "01", "1" },
	{ "0a", "10" },
	{ "17", "23" },
	{ "1818", "24" },
	{ "1819", "25" },
	{ "1864", "100" },
	{ "1903e8", "1000" },
	{ "1a000f4240", "1000000" },
	{ "1b000000e8d4a51000", "1000000000000" },
	{ "1bffffffffffffffff", "18446744073709551615" },
	{ "3bffffffffffffffff", "-18446744073709551616" },
	{ "20", "-1" },
	{ "29", "-10" },
	{ "3863", "-100" },
	{ "3903e7", "-1000" },
	{ "f90000", "0" },
	{ "f98000", "0" },
	{ "f93c00", "1" },
	{ "fb3ff199999999999a", "1.1" },
	{ "f93e00", "1.5" },
	{ "f97bff", "65504" },
	{ "fa47c35000", "100000" },
	{ "fa7f7fffff", "3.4028234663852886e+38" },
	{ "fb7e37e43c8800759c", "1e+300" },
	{ "f90001", "5.960464477539063e-8" },
	{ "f90400", "0.00006103515625" },
	{ "f9c400", "-4" },
	{ "fbc010666666666666", "-4.1" },
	{ "f4", "false" },
	{ "f5", "true" },
	{ "f6", "null" },
	{ "60", "\"\"" },
	{ "6161", "\"a\"" },
	{ "6449455446", "\"IETF\"" },
	{ "62225c", "\"\\\"\\\\\"" },
	{ "62c3bc", "\"\xc3\xbc\"" },
	{ "63e6b0b4", "\"\xe6\xb0\xb4\"" },
	{ "64f0908591", "\"\xf0\x90\x85\x91\"" },
	{ "80", "[]" },
	{ "83010203", "[1,2,3]" },
	{ "8301820203820405", "[1,[2,3],[4,5]]" },
	{ "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
	  "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]" },
	{ "a0", "{}" },
	{ "a26161016162820203", "{\"a\":1,\"b\":[2,3]}" },
	{ "826161a161626163", "[\"a\",{\"b\":\"c\"}]" },
	{ "a56161614161626142616361436164614461656145",
	  "{\"a\":\"A\",\"b\":\"B\",\"c\":\"C\",\"d\":\"D\",\"e\":\"E\"}" },
	{ "7f657374726561646d696e67ff", "\"streaming\"" },
	{ "9fff", "[]" },
	{ "9f018202039f0405ffff", "[1,[2,3],[4,5]]" },
	{ "9f01820203820405ff", "[1,[2,3],[4,5]]" },
	{ "83018202039f0405ff", "[1,[2,3],[4,5]]" },
	{ "83019f0203ff820405", "[1,[2,3],[4,5]]" },
	{ "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
	  "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]" },
	{ "bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}" },
	{ "826161bf61626163ff", "[\"a\",{\"b\":\"c\"}]" },
	{ "bf6346756ef563416d7421ff", "{\"Fun\":true,\"Amt\":-2}" },
};

/* Of our own: arguments longer than they need be, floats of all widths, chunks, empty things. */
static const struct accepted more[] = {
	{ "1800", "0" },
	{ "1900ff", "255" },
	{ "1a00000001", "1" },
	{ "1b0000000000000001", "1" },
	{ "3800", "-1" },
	{ "3b7fffffffffffffff", "-9223372036854775808" },
	{ "3b8000000000000000", "-9223372036854775809" },
	{ "3bfffffffffffffffe", "-18446744073709551615" },
	{ "780161", "\"a\"" },
	{ "7b000000000000000161", "\"a\"" },
	{ "9800", "[]" },
	{ "bb0000000000000000", "{}" },
	{ "f903ff", "0.00006097555160522461" },
	{ "f983ff", "-0.00006097555160522461" },
	{ "f93555", "0.333251953125" },
	{ "fa00000000", "0" },
	{ "fa80000000", "0" },
	{ "fa3dcccccd", "0.10000000149011612" },
	{ "fa00000001", "1.401298464324817e-45" },
	{ "fa007fffff", "1.1754942106924411e-38" },
	{ "fa00800000", "1.1754943508222875e-38" },
	{ "fb8000000000000000", "0" },
	{ "fb0000000000000001", "5e-324" },
	{ "fb7fefffffffffffff", "1.7976931348623157e+308" },
	{ "fb4340000000000000", "9007199254740992" },
	{ "7fff", "\"\"" },
	{ "7f60ff", "\"\"" },
	{ "7f6161606162780163ff", "\"abc\"" },
	{ "bf7f616160ff01ff", "{\"a\":1}" },
	{ "a2616101616102", "{\"a\":1,\"a\":2}" },
	{ "a1600a", "{\"\":10}" },
	{ "64005c0922", "\"\\u0000\\\\\\t\\\"\"" },
	{ "bfff", "{}" },
	{ "9f9fffbfffff", "[[],{}]" },
	{ "82a080", "[{},[]]" },
};

static const struct refused without_counterpart[] = {
	{ "c249010000000000000000", AEF_ERR_UNSUPPORTED }, /* bignums */
	{ "c349010000000000000000", AEF_ERR_UNSUPPORTED },
	{ "f97c00", AEF_ERR_UNSUPPORTED }, /* infinities, NaN */
	{ "f97e00", AEF_ERR_UNSUPPORTED },
	{ "f9fc00", AEF_ERR_UNSUPPORTED },
	{ "f97c01", AEF_ERR_UNSUPPORTED },
	{ "fa7f800000", AEF_ERR_UNSUPPORTED },
	{ "fa7fc00000", AEF_ERR_UNSUPPORTED },
	{ "faff800000", AEF_ERR_UNSUPPORTED },
	{ "fb7ff0000000000000", AEF_ERR_UNSUPPORTED },
	{ "fb7ff8000000000000", AEF_ERR_UNSUPPORTED },
	{ "fbfff0000000000000", AEF_ERR_UNSUPPORTED },
	{ "f7", AEF_ERR_UNSUPPORTED }, /* undefined */
	{ "f0", AEF_ERR_UNSUPPORTED }, /* other simple values */
	{ "e0", AEF_ERR_UNSUPPORTED },
	{ "f3", AEF_ERR_UNSUPPORTED },
	{ "f8ff", AEF_ERR_UNSUPPORTED },
	{ "f820", AEF_ERR_UNSUPPORTED },
	{ "c074323031332d30332d32315432303a30343a30305a", AEF_ERR_UNSUPPORTED }, /* tags */
	{ "c11a514b67b0", AEF_ERR_UNSUPPORTED },
	{ "c1fb41d452d9e8200000", AEF_ERR_UNSUPPORTED },
	{ "d74401020304", AEF_ERR_UNSUPPORTED },
	{ "d818456449455446", AEF_ERR_UNSUPPORTED },
	{ "d82076687474703a2f2f7777772e6578616d706c652e636f6d", AEF_ERR_UNSUPPORTED },
	{ "d9d9f700", AEF_ERR_UNSUPPORTED },
	{ "40", AEF_ERR_UNSUPPORTED }, /* byte strings */
	{ "4401020304", AEF_ERR_UNSUPPORTED },
	{ "5f42010243030405ff", AEF_ERR_UNSUPPORTED },
	{ "a201020304", AEF_ERR_UNSUPPORTED }, /* keys that are no text */
	{ "a12000", AEF_ERR_UNSUPPORTED },
	{ "a1f500", AEF_ERR_UNSUPPORTED },
	{ "a18000", AEF_ERR_UNSUPPORTED },
	{ "a1416100", AEF_ERR_UNSUPPORTED },
	{ "bf0102ff", AEF_ERR_UNSUPPORTED },
};

/* The kinds of RFC 8949 appendix F, subkind by subkind, and text that is no UTF-8. */
static const char *const broken[] = {
	/* nothing; the end inside a head */
	"",
	"18",
	"19",
	"1a",
	"1b",
	"1901",
	"1a0102",
	"1b01020304050607",
	"38",
	"78",
	"98",
	"9a01ff00",
	"b8",
	"d8",
	"f8",
	"f900",
	"fa0000",
	"fb000000",
	/* the end inside a string, an array, a map */
	"61",
	"62c3",
	"7affffffff00",
	"7b7fffffffffffffff010203",
	"7bffffffffffffffff61",
	"81",
	"818181818181818181",
	"8200",
	"9a7fffffff00",
	"9b0000000100000000",
	"bb0000000100000000",
	"9bffffffffffffffff00",
	"a1",
	"a16161",
	"a2616100",
	"a3616100616200",
	"bbffffffffffffffff6161",
	"bb800000000000000061610061620061",
	/* the end inside an indefinite length */
	"7f",
	"7f6100",
	"7f61",
	"9f",
	"9f0102",
	"bf",
	"bf616101",
	"bf6161",
	"819f",
	"9f8000",
	"9f9f9f9f9fffffffff",
	"9f819f819f9fffffff",
	/* reserved lengths */
	"1c",
	"1d",
	"1e",
	"3c",
	"3d",
	"3e",
	"5c",
	"5d",
	"5e",
	"7c",
	"7d",
	"7e",
	"9c",
	"9d",
	"9e",
	"bc",
	"bd",
	"be",
	"dc",
	"dd",
	"de",
	"fc",
	"fd",
	"fe",
	"1c00000000000000000000000000000000",
	"7c0000000000000000000000000000000161",
	/* simple values that must not have a second byte */
	"f800",
	"f801",
	"f814",
	"f818",
	"f81f",
	/* chunks of another type, or not of definite length */
	"7f00ff",
	"7f20ff",
	"7f4100ff",
	"7f80ff",
	"7fa0ff",
	"7fc000ff",
	"7fe0ff",
	"7f7f6100ffff",
	"7f7fff",
	"7f7f6161ff",
	/* a break where none may stand */
	"ff",
	"81ff",
	"8200ff",
	"a1ff",
	"a16161ff",
	"a1ff00",
	"a26161006162ff",
	"9f81ff",
	"9f829f819f9fffffffff",
	"bf6161ff",
	"bf6161006162ff",
	/* indefinite length of what has none */
	"1f",
	"3f",
	"df00ff",
	/* something behind the value */
	"0000",
	"80ff",
	"9fffff",
	"a000",
	/* text that is no UTF-8, also split between chunks */
	"6180",
	"62c080",
	"63eda080",
	"64f4908080",
	"61ff",
	"63e28261",
	"64f09f98ff",
	"7f61c361bcff",
	"7f63f09f9861806161ff",
	"a161ff00",
};

START_TEST(cbor_read_appendix_a_is_read)
{
	for (size_t i = 0; i < AEF_DIM(appendix_a); i++) {
		char text[256];
		size_t len;
		uint8_t *const cbor = cbor_of(appendix_a[i].hex, &len);

		ck_assert_msg(transcode(cbor, len, text, sizeof(text)) == JSON_TOK_END,
		              "refused %s", appendix_a[i].hex);
		ck_assert_str_eq(text, appendix_a[i].json);
		free(cbor);
	}
}
END_TEST

START_TEST(cbor_read_every_length_of_a_head_is_read)
{
	for (size_t i = 0; i < AEF_DIM(more); i++) {
		char text[256];
		size_t len;
		uint8_t *const cbor = cbor_of(more[i].hex, &len);

		ck_assert_msg(transcode(cbor, len, text, sizeof(text)) == JSON_TOK_END,
		              "refused %s", more[i].hex);
		ck_assert_str_eq(text, more[i].json);
		free(cbor);
	}
}
END_TEST

START_TEST(cbor_read_what_json_cannot_say_is_unsupported)
{
	for (size_t i = 0; i < AEF_DIM(without_counterpart); i++) {
		size_t len;
		uint8_t *const cbor = cbor_of(without_counterpart[i].hex, &len);

		json_reader_init_any(&rd, cbor, len);
		ck_assert_msg(read_on(&rd) == without_counterpart[i].err, "%s",
		              without_counterpart[i].hex);
		free(cbor);
	}
}
END_TEST

START_TEST(cbor_read_what_is_not_well_formed_is_malformed)
{
	for (size_t i = 0; i < AEF_DIM(broken); i++) {
		size_t len;
		uint8_t *const cbor = cbor_of(broken[i], &len);

		json_reader_init_any(&rd, cbor, len);
		ck_assert_msg(read_on(&rd) == AEF_ERR_MALFORMED, "%s", broken[i]);
		free(cbor);
	}
}
END_TEST

START_TEST(cbor_read_truncated_at_any_length_is_refused)
{
	static const char sample[] =
		"bf61618a01181819010039270f1a000f42403b00000001000000006378c3a9"
		"f93c00fa7f7fffff7f6161627878ff61629fa1616bf6f4fbc010666666666666ff"
		"ff";
	size_t len;
	uint8_t *const cbor = cbor_of(sample, &len);

	for (size_t cut = 3; cut < len; cut++) {
		/* A block of exactly that length, so that a sanitizer sees a read past the end. */
		uint8_t *copy = malloc(cut);

		memcpy(copy, cbor, cut);
		json_reader_init_any(&rd, copy, cut);
		ck_assert(rd.is_cbor);
		ck_assert_int_eq(read_on(&rd), AEF_ERR_MALFORMED);
		free(copy);
	}
	json_reader_init_any(&rd, cbor, len);
	ck_assert_int_eq(read_on(&rd), JSON_TOK_END);
	free(cbor);
}
END_TEST

/* @p nb times @p open, then @p inner, then @p nb times @p shut; returns what the reader says. */
static int
nested(const char *open, const char *inner, const char *shut, unsigned nb)
{
	char hex[1024] = "";
	size_t len;
	uint8_t *cbor;
	int r;

	for (unsigned i = 0; i < nb; i++)
		strcat(hex, open);
	strcat(hex, inner);
	for (unsigned i = 0; i < nb; i++)
		strcat(hex, shut);
	cbor = cbor_of(hex, &len);
	json_reader_init_any(&rd, cbor, len);
	r = read_on(&rd);
	free(cbor);
	return r;
}

START_TEST(cbor_read_depth_is_limited)
{
	static const char *const forms[][2] = {
		{ "81", "" }, { "9f", "ff" }, { "a16161", "" }, { "bf6161", "ff" }
	};

	for (size_t i = 0; i < AEF_DIM(forms); i++) {
		ck_assert_int_eq(nested(forms[i][0], "00", forms[i][1], JSON_DEPTH_MAX),
		                 JSON_TOK_END);
		ck_assert_int_eq(nested(forms[i][0], "80", forms[i][1], JSON_DEPTH_MAX - 1),
		                 JSON_TOK_END);
		ck_assert_int_eq(nested(forms[i][0], "80", forms[i][1], JSON_DEPTH_MAX),
		                 AEF_ERR_LIMIT);
		ck_assert_int_eq(nested(forms[i][0], "00", forms[i][1], JSON_DEPTH_MAX + 1),
		                 AEF_ERR_LIMIT);
	}
}
END_TEST

START_TEST(cbor_read_only_behind_the_self_describe_tag)
{
	json_reader_init_any(&rd, (const uint8_t *)"\xd9\xd9\xf7\xf6", 4);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_NULL);
	json_reader_init_any(&rd, (const uint8_t *)"null", 4);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_NULL);
	json_reader_init_any(&rd, (const uint8_t *)"\xd9\xd9", 2);
	ck_assert_int_eq(json_next(&rd), AEF_ERR_MALFORMED);
	json_reader_init_any(&rd, (const uint8_t *)"\xf6", 1);
	ck_assert_int_eq(json_next(&rd), AEF_ERR_MALFORMED);
	json_reader_init_any(&rd, (const uint8_t *)"", 0);
	ck_assert_int_eq(json_next(&rd), AEF_ERR_MALFORMED);
	/* A caller that takes JSON only gets no CBOR. */
	json_reader_init(&rd, (const uint8_t *)"\xd9\xd9\xf7\xf6", 4);
	ck_assert_int_eq(json_next(&rd), AEF_ERR_MALFORMED);
	json_reader_init_any(&rd, (const uint8_t *)"\xd9\xd9\xf7\xf6", (size_t)UINT32_MAX + 1);
	ck_assert_int_eq(json_next(&rd), AEF_ERR_LIMIT);
}
END_TEST

START_TEST(cbor_read_skip_and_numbers_work_as_with_json)
{
	size_t len;
	uint8_t *const cbor = cbor_of("a361619f0182028060ff6162f9450061631bffffffffffffffff", &len);
	uint64_t v = 0;

	json_reader_init_any(&rd, cbor, len);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_OBJECT_BEGIN);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_KEY);
	ck_assert_int_eq(json_skip(&rd, json_next(&rd)), 0);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_KEY);
	ck_assert(json_string_is(&rd, "b"));
	ck_assert_int_eq(json_next(&rd), JSON_TOK_NUMBER);
	ck_assert_int_eq(json_number_u64(&rd, 10, &v), 0);
	ck_assert_uint_eq(v, 5);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_KEY);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_NUMBER);
	ck_assert_int_eq(json_number_u64(&rd, UINT64_MAX, &v), 0);
	ck_assert_uint_eq(v, UINT64_MAX);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_OBJECT_END);
	ck_assert_int_eq(json_next(&rd), JSON_TOK_END);
	free(cbor);
}
END_TEST

/* One value written in both forms, CBOR by chance definite or not, wide or narrow. */
struct twin {
	struct aef_rng rng;
	struct json_writer json;
	uint8_t cbor[1u << 16];
	size_t len;
};

static void
twin_head(struct twin *t, unsigned major, uint64_t arg)
{
	const unsigned need = arg < 24         ? 0
	                      : arg < 256      ? 1
	                      : arg < 65536    ? 2
	                      : arg >> 32 == 0 ? 3
	                                       : 4;
	const unsigned form = need + (unsigned)aef_rng_below(&t->rng, 5 - need);

	t->cbor[t->len++] = (uint8_t)(major << 5 | (form == 0 ? (unsigned)arg : 23 + form));
	for (unsigned nb = form == 0 ? 0 : 1u << (form - 1); nb > 0; nb--)
		t->cbor[t->len++] = (uint8_t)(arg >> 8 * (nb - 1));
}

static void
twin_text(struct twin *t, bool key)
{
	static const char *const pieces[] = { "a",  "\"", "\\", "\xc3\xa9", "\xf0\x9f\x98\x80",
		                              "\n", "z" };
	const bool chunked = aef_rng_below(&t->rng, 2) == 0;
	char text[128] = "";
	size_t from = 0;

	if (chunked)
		t->cbor[t->len++] = 0x7f;
	for (uint64_t nb = aef_rng_below(&t->rng, 20); nb > 0; nb--) {
		strcat(text, pieces[aef_rng_below(&t->rng, AEF_DIM(pieces))]);
		if (chunked && aef_rng_below(&t->rng, 3) == 0) {
			twin_head(t, 3, strlen(text + from));
			memcpy(t->cbor + t->len, text + from, strlen(text + from));
			t->len += strlen(text + from);
			from = strlen(text);
		}
	}
	if (!chunked || from < strlen(text)) {
		twin_head(t, 3, strlen(text + from));
		memcpy(t->cbor + t->len, text + from, strlen(text + from));
		t->len += strlen(text + from);
	}
	if (chunked)
		t->cbor[t->len++] = 0xff;
	if (key)
		json_write_key(&t->json, text);
	else
		json_write_string(&t->json, (const uint8_t *)text, strlen(text));
}

static void
twin_scalar(struct twin *t)
{
	const uint64_t v = aef_rng_u64(&t->rng) >> aef_rng_below(&t->rng, 64);
	char text[32];

	switch (aef_rng_below(&t->rng, 6)) {
	case 0:
		twin_head(t, 0, v);
		json_write_u64(&t->json, v);
		break;
	case 1:
		twin_head(t, 1, v / 2);
		snprintf(text, sizeof(text), "-%llu", (unsigned long long)(v / 2 + 1));
		json_write_raw(&t->json, (const uint8_t *)text, strlen(text));
		break;
	case 2:
		t->cbor[t->len++] = 0xf6;
		json_write_null(&t->json);
		break;
	case 3:
		t->cbor[t->len++] = (uint8_t)(0xf4 + v % 2);
		json_write_bool(&t->json, v % 2 != 0);
		break;
	default:
		twin_text(t, false);
		break;
	}
}

static void
twin_make(struct twin *t, uint8_t *text, size_t cap)
{
	uint64_t left[8];
	bool object[8], open[8];
	unsigned depth = 0;

	json_writer_init(&t->json, text, cap);
	memcpy(t->cbor, "\xd9\xd9\xf7", 3);
	t->len = 3;
	do {
		if (depth > 0 && left[depth - 1]-- == 0) {
			depth--;
			if (open[depth])
				t->cbor[t->len++] = 0xff;
			if (object[depth])
				json_write_object_end(&t->json);
			else
				json_write_array_end(&t->json);
			continue;
		}
		if (depth > 0 && object[depth - 1])
			twin_text(t, true);
		if (depth == 8 || (depth > 0 && aef_rng_below(&t->rng, 3) > 0)) {
			twin_scalar(t);
			continue;
		}
		object[depth] = aef_rng_below(&t->rng, 2) == 0;
		open[depth] = aef_rng_below(&t->rng, 2) == 0;
		left[depth] = aef_rng_below(&t->rng, 4);
		if (open[depth])
			t->cbor[t->len++] = object[depth] ? 0xbf : 0x9f;
		else
			twin_head(t, object[depth] ? 5 : 4, left[depth]);
		if (object[depth])
			json_write_object_begin(&t->json);
		else
			json_write_array_begin(&t->json);
		depth++;
	} while (depth > 0);
}

START_TEST(cbor_read_gives_the_tokens_of_the_same_json)
{
	static struct twin t;
	static uint8_t text[1u << 18];
	static char again[1u << 18];
	struct json_reader json, cbor;

	aef_rng_init(&t.rng, 8949);
	for (unsigned i = 0; i < 5000; i++) {
		twin_make(&t, text, sizeof(text));
		ck_assert(!json_writer_failed(&t.json));
		json_reader_init_any(&json, text, json_writer_bytes(&t.json));
		json_reader_init_any(&cbor, t.cbor, t.len);
		ck_assert_int_eq(tokens_differ(&json, &cbor), 0);
		ck_assert_int_eq(transcode(t.cbor, t.len, again, sizeof(again)), JSON_TOK_END);
		ck_assert_uint_eq(strlen(again), json_writer_bytes(&t.json));
		ck_assert_mem_eq(again, text, strlen(again));
	}
}
END_TEST

START_TEST(cbor_read_random_bytes_never_read_outside)
{
	static const uint8_t pieces[] =
		"\x9f\xbf\xff\x7f\x5f\xf4\xf6\xf9\xfa\xfb\x61\x62\x63\xc3\xa9"
		"\x81\x82\xa1\xa2\x18\x19\x1a\x1b\x3b\xd9\x00\x7c\x9b\xbb";
	struct aef_rng rng;

	aef_rng_init(&rng, 4);
	for (unsigned i = 0; i < 50000; i++) {
		const size_t len = 3 + aef_rng_below(&rng, 40);
		uint8_t *data = malloc(len);

		memcpy(data, "\xd9\xd9\xf7", 3);
		for (size_t k = 3; k < len; k++)
			data[k] = pieces[aef_rng_below(&rng, sizeof(pieces) - 1)];
		json_reader_init_any(&rd, data, len);
		ck_assert_int_le(read_on(&rd), 0);
		free(data);
	}
}
END_TEST

TEST_SUITE(cbor_read, &cbor_read_appendix_a_is_read, &cbor_read_every_length_of_a_head_is_read,
           &cbor_read_what_json_cannot_say_is_unsupported,
           &cbor_read_what_is_not_well_formed_is_malformed,
           &cbor_read_truncated_at_any_length_is_refused, &cbor_read_depth_is_limited,
           &cbor_read_only_behind_the_self_describe_tag,
           &cbor_read_skip_and_numbers_work_as_with_json,
           &cbor_read_gives_the_tokens_of_the_same_json, &cbor_read_random_bytes_never_read_outside)
