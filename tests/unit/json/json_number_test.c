/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>

#include "json_priv.h"
#include "json_work.h"

START_TEST(json_number_converts_only_from_unsigned_integers)
{
	static const struct {
		const char *text;
		int r;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", AEF_ERR_RANGE, 0 },
		{ "184467440737095516160", AEF_ERR_RANGE, 0 },
		{ "99999999999999999999", AEF_ERR_RANGE, 0 },
		{ "-1", AEF_ERR_MALFORMED, 0 },
		{ "1.0", AEF_ERR_MALFORMED, 0 },
		{ "1e3", AEF_ERR_MALFORMED, 0 },
		{ "18446744073709551616.5", AEF_ERR_MALFORMED, 0 },
		{ "99999999999999999999e1", AEF_ERR_MALFORMED, 0 },
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

static uint64_t
bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static double
double_of(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

START_TEST(json_number_doubles_are_written_as_rfc_8785_lists_them)
{
	static const struct {
		uint64_t bits;
		const char *text;
	} cases[] = {
		{ 0x0000000000000000, "0" },
		{ 0x8000000000000000, "0" },
		{ 0x0000000000000001, "5e-324" },
		{ 0x8000000000000001, "-5e-324" },
		{ 0x7fefffffffffffff, "1.7976931348623157e+308" },
		{ 0xffefffffffffffff, "-1.7976931348623157e+308" },
		{ 0x4340000000000000, "9007199254740992" },
		{ 0xc340000000000000, "-9007199254740992" },
		{ 0x4430000000000000, "295147905179352830000" },
		{ 0x7fffffffffffffff, "" },
		{ 0x7ff0000000000000, "" },
		{ 0xfff0000000000000, "" },
		{ 0x44b52d02c7e14af5, "9.999999999999997e+22" },
		{ 0x44b52d02c7e14af6, "1e+23" },
		{ 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
		{ 0x444b1ae4d6e2ef4e, "999999999999999700000" },
		{ 0x444b1ae4d6e2ef4f, "999999999999999900000" },
		{ 0x444b1ae4d6e2ef50, "1e+21" },
		{ 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
		{ 0x3eb0c6f7a0b5ed8d, "0.000001" },
		{ 0x41b3de4355555553, "333333333.3333332" },
		{ 0x41b3de4355555554, "333333333.33333325" },
		{ 0x41b3de4355555555, "333333333.3333333" },
		{ 0x41b3de4355555556, "333333333.3333334" },
		{ 0x41b3de4355555557, "333333333.33333343" },
		{ 0xbecbf647612f3696, "-0.0000033333333333333333" },
		{ 0x43143ff3c1cb0959, "1424953923781206.2" },
		/* Not in that list: one digit, all forms of layout, the longest, an uneven
		   interval. */
		{ 0x3ff0000000000000, "1" },
		{ 0x4024000000000000, "10" },
		{ 0x3fe0000000000000, "0.5" },
		{ 0xbff8000000000000, "-1.5" },
		{ 0x7e37e43c8800759c, "1e+300" },
		{ 0x0010000000000000, "2.2250738585072014e-308" },
		{ 0x000fffffffffffff, "2.225073858507201e-308" },
		{ 0x0000000000000002, "1e-323" },
		{ 0x0000000000000003, "1.5e-323" },
		{ 0x3d30000000000000, "5.684341886080802e-14" },
		{ 0x4430000000000001, "295147905179352900000" },
	};

	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		uint8_t text[JSON_F64_TEXT_MAX + 1] = { 0 };
		const unsigned len = json_f64_text(cases[i].bits, text);

		ck_assert_str_eq((char *)text, cases[i].text);
		ck_assert_uint_eq(len, strlen(cases[i].text));
	}
}
END_TEST

/* Try the p digits at @p e ("d.ddde+x", made longer or shorter by @p step in the last place). */
static bool
reads_back(const char *e, unsigned p, int step, double v, char digits[20], int *ret_exp)
{
	uint64_t d = 0;
	char text[48];

	for (const char *c = e; *c != 'e'; c++)
		if (*c != '.')
			d = d * 10 + (uint64_t)(*c - '0');
	d += (uint64_t)(int64_t)step;
	const int exp = atoi(strchr(e, 'e') + 1) - (int)p + 1;

	snprintf(text, sizeof(text), "%llue%d", (unsigned long long)d, exp);
	if (strtod(text, NULL) != v)
		return false;
	snprintf(digits, 20, "%llu", (unsigned long long)d);
	*ret_exp = exp + (int)strlen(digits);
	while (strlen(digits) > 1 && digits[strlen(digits) - 1] == '0')
		digits[strlen(digits) - 1] = 0;
	return true;
}

/* What libc says: the closest p digits that read back as v > 0; false when there are none. */
static bool
oracle_digits(double v, unsigned p, char digits[20], int *ret_exp)
{
	char e[48];

	snprintf(e, sizeof(e), "%.*e", (int)p - 1, v);
	/* Where the interval is uneven, the next digits can lie inside and the closest outside. */
	return reads_back(e, p, 0, v, digits, ret_exp) || reads_back(e, p, 1, v, digits, ret_exp) ||
	       reads_back(e, p, -1, v, digits, ret_exp);
}

/* The shortest digits, their point standing before the first one times 10^exp. */
static void
oracle(double v, char digits[20], int *ret_exp)
{
	unsigned p = 15;

	while (!oracle_digits(v, p, digits, ret_exp))
		p++;
	if (p > 15)
		return;
	while (p > 1 && oracle_digits(v, p - 1, digits, ret_exp))
		p--;
	ck_assert(oracle_digits(v, p, digits, ret_exp));
}

/* Digits and exponent of a JSON number, and whether its layout is what ECMAScript wants. */
static void
take_apart(const char *text, char digits[40], int *ret_exp)
{
	const char *const point = strchr(text, '.');
	const char *const e = strchr(text, 'e');
	const char *const end = e != NULL ? e : text + strlen(text);
	const char *first = text;
	unsigned nb = 0;

	while (*first == '0' || *first == '.')
		first++;
	for (const char *c = first; c < end; c++)
		if (*c != '.')
			digits[nb++] = *c;
	*ret_exp = (int)((point != NULL ? point : end) - first) + (point != NULL && point < first);
	if (e != NULL)
		*ret_exp += atoi(e + 1);
	while (nb > 1 && digits[nb - 1] == '0')
		nb--;
	digits[nb] = 0;
	ck_assert_msg((e != NULL) == (*ret_exp > 21 || *ret_exp <= -6), "layout of %s", text);
	if (e != NULL)
		ck_assert_msg(text[1] == 'e' || text[1] == '.', "layout of %s", text);
}

static void
check_double(uint64_t bits)
{
	char text[JSON_F64_TEXT_MAX + 1] = { 0 }, want[20], have[40];
	const double v = fabs(double_of(bits));
	int want_exp = 0, have_exp = 0;

	if (!isfinite(v) || v == 0)
		return;
	const unsigned len = json_f64_text(bits, (uint8_t *)text);

	ck_assert_uint_eq(len, strlen(text));
	ck_assert_msg(bits_of(strtod(text, NULL)) == bits, "%s is not %.17g", text, v);
	ck_assert_int_eq(read_all(text, len), JSON_TOK_END);
	oracle(v, want, &want_exp);
	take_apart(text + (text[0] == '-'), have, &have_exp);
	ck_assert_msg(strcmp(have, want) == 0 && have_exp == want_exp,
	              "%s (%016llx) should have digits %s, exponent %d", text,
	              (unsigned long long)bits, want, want_exp);
}

/* JSON_FLOATS=n in the environment: that many random ones. */
START_TEST(json_number_doubles_are_the_shortest_that_read_back)
{
	const char *const env = getenv("JSON_FLOATS");
	const uint64_t nb = env != NULL ? strtoull(env, NULL, 10) : 100000;
	struct aef_rng rng;

	/* Every power of two and its neighbours, short decimals, whole numbers, subnormals. */
	for (uint64_t exp = 0; exp < 0x7ff; exp++)
		for (int64_t d = -2; d <= 2; d++)
			check_double((exp << 52) + (uint64_t)d);
	for (int e = -30; e <= 30; e++)
		for (unsigned m = 1; m < 1000; m += 7)
			check_double(bits_of(m * pow(10, e)));
	aef_rng_init(&rng, 8785);
	for (uint64_t i = 0; i < nb; i++) {
		check_double(aef_rng_u64(&rng));
		if (i % 8 == 0)
			check_double(bits_of((double)aef_rng_below(&rng, 1ull << (i % 60 + 1))));
		if (i % 16 == 0)
			check_double(aef_rng_u64(&rng) >> (12 + i % 52));
	}
}
END_TEST

/* A whole number of at most 1,280 bits, lowest part first. */
struct big {
	uint32_t part[40];
};

static void
big_mul10(struct big *b)
{
	uint64_t carry = 0;

	for (unsigned i = 0; i < AEF_DIM(b->part); i++) {
		carry += (uint64_t)b->part[i] * 10;
		b->part[i] = (uint32_t)carry;
		carry >>= 32;
	}
	ck_assert_uint_eq(carry, 0);
}

static unsigned
big_bits(const struct big *b)
{
	unsigned i = AEF_DIM(b->part) * 32;

	while (i > 0 && (b->part[(i - 1) / 32] >> (i - 1) % 32 & 1) == 0)
		i--;
	return i;
}

static struct big
big_of(aef_u128 v)
{
	struct big b = { 0 };

	for (unsigned i = 0; i < 4; i++)
		b.part[i] = (uint32_t)(v >> 32 * i);
	return b;
}

START_TEST(json_number_powers_of_ten_are_exact_to_the_last_bit)
{
	struct big ten = big_of(1);

	for (int32_t e = 0; e <= 324; e++) {
		const unsigned nb = big_bits(&ten);
		aef_u128 want = 0;

		for (unsigned i = 0; i < 128; i++) {
			const unsigned at = nb - 1 - i;

			want <<= 1;
			if (i < nb)
				want |= ten.part[at / 32] >> at % 32 & 1;
		}
		ck_assert_msg(json_pow10(e) == want, "10^%d", e);
		big_mul10(&ten);
	}
	/* g <= 2^n / 10^-e < g + 1: a power of two stands between g and g + 1 times 10^-e. */
	for (int32_t e = -1; e >= -292; e--) {
		struct big low = big_of(json_pow10(e));
		struct big high = big_of(json_pow10(e) + 1);

		ck_assert_uint_eq(big_bits(&low), 128);
		for (int32_t i = 0; i > e; i--) {
			big_mul10(&low);
			big_mul10(&high);
		}
		ck_assert_msg(big_bits(&low) + 1 == big_bits(&high), "10^%d", e);
	}
}
END_TEST

TEST_SUITE(json_number, &json_number_converts_only_from_unsigned_integers,
           &json_number_doubles_are_written_as_rfc_8785_lists_them,
           &json_number_doubles_are_the_shortest_that_read_back,
           &json_number_powers_of_ten_are_exact_to_the_last_bit)
