/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_number.c - numbers between text and bits, in integer arithmetic.
 *
 * Source:  Giulietti, "The Schubfach way to render doubles", 2020 (shortest digits), ECMA-262
 *          Number::toString (layout of digits; RFC 8785 section 3.2.2.3 refers to it).
 */
#include <string.h>

#include "json_priv.h"

int
json_number_u64(const struct json_reader *reader, uint64_t max, uint64_t *ret_value)
{
	uint64_t v = 0;
	bool too_large = false;

	for (uint32_t i = 0; i < reader->slice_bytes; i++) {
		const uint8_t c = reader->slice[i];

		if (c < '0' || c > '9')
			return AEF_ERR_MALFORMED;
		/* Read on: a fraction may follow. */
		too_large |= v > (UINT64_MAX - (uint64_t)(c - '0')) / 10;
		v = v * 10 + (uint64_t)(c - '0');
	}
	if (too_large || v > max)
		return AEF_ERR_RANGE;
	*ret_value = v;
	return 0;
}

unsigned
json_u64_text(uint64_t value, uint8_t text[JSON_U64_TEXT_MAX])
{
	uint8_t digits[JSON_U64_TEXT_MAX];
	unsigned i = sizeof(digits);

	do {
		digits[--i] = (uint8_t)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	memcpy(text, digits + i, sizeof(digits) - i);
	return (unsigned)sizeof(digits) - i;
}

#define POW10_STEP 19 /* 10^0 to 10^18 fit 64 bits */
#define POW10_LOW  16 /* rows below 10^0 */

/* The first 192 bits of 10^(19 i), i = -16 to 17, rounded down. */
static const uint64_t pow10_rows[][3] = {
	{ 0x8c71dcd9ba0b4925, 0x9ff0c08b7f1d0b14, 0x855abfaa06f9495a }, /* 10^-304 */
	{ 0x9845418c345644d6, 0x830a13896b78aaa9, 0x8e8099545106eb7d }, /* 10^-285 */
	{ 0xa5178fff668ae0b6, 0x626e974dbe39a872, 0xf9c7d4dfb43b34a2 }, /* 10^-266 */
	{ 0xb2fe3f0b8599ef07, 0x861fa7e6dcb4aa15, 0x006af8def44a7719 }, /* 10^-247 */
	{ 0xc21094364dfb5636, 0x985915fc12f542e4, 0xc7ea6ee34de81232 }, /* 10^-228 */
	{ 0xd267caa862a12d66, 0xd072df63c324fd7b, 0xf45911f7ebaa346a }, /* 10^-209 */
	{ 0xe41f3d6a7377eeca, 0x20caba5f1d9e4a93, 0x9c4d04e3536873fc }, /* 10^-190 */
	{ 0xf7549530e188c128, 0xd12bee59e68ef47c, 0xe56fd515c9ec542d }, /* 10^-171 */
	{ 0x8613fd0145877585, 0xbd06742ce95f5f36, 0xa448fa82aaa3716a }, /* 10^-152 */
	{ 0x915e2486ef32cd60, 0x0ace1474dc1d122e, 0xf24512f07cc4ef84 }, /* 10^-133 */
	{ 0x9d9ba7832936edc0, 0xd54b944b84aa4c0d, 0xdd7699ac6221b181 }, /* 10^-114 */
	{ 0xaae103b5fcd2a881, 0xd652bdc29f26a119, 0x834f111ecdb12b6a }, /* 10^-95 */
	{ 0xb94470938fa89bce, 0xf808e40e8d5b3e69, 0xbf953486d9966117 }, /* 10^-76 */
	{ 0xc8de047564d20a8b, 0xf245825a5a445275, 0x568b727823fbdcd5 }, /* 10^-57 */
	{ 0xd9c7dced53c72255, 0x96e7bd358c904a21, 0x2cca49a15e8a0683 }, /* 10^-38 */
	{ 0xec1e4a7db69561a5, 0x2b31e9e3d06c32e5, 0x1e2652070753e7f4 }, /* 10^-19 */
	{ 0x8000000000000000, 0x0000000000000000, 0x0000000000000000 }, /* 10^0 */
	{ 0x8ac7230489e80000, 0x0000000000000000, 0x0000000000000000 }, /* 10^19 */
	{ 0x96769950b50d88f4, 0x1314448000000000, 0x0000000000000000 }, /* 10^38 */
	{ 0xa321f2d7226895c7, 0xaff72d52192b6a0d, 0x2800000000000000 }, /* 10^57 */
	{ 0xb0de65388cc8ada8, 0x3b25a55f43294bcb, 0xbbad2f8b8ca88000 }, /* 10^76 */
	{ 0xbfc2ef456ae276e8, 0x9e3fedd8c321a67e, 0x93a4802b07278393 }, /* 10^95 */
	{ 0xcfe87f7cef46ff16, 0xe612641865679a63, 0xb64665727e3d29ec }, /* 10^114 */
	{ 0xe16a1dc9d8545e94, 0xf4296dd6fef3d67a, 0x8fbe0ccca7dc668f }, /* 10^133 */
	{ 0xf46518c2ef5b8cd1, 0x7eb258665fc25d69, 0x6c57abeaec94e5af }, /* 10^152 */
	{ 0x847c9b5d7c2e09b7, 0x69956135febada11, 0x692f266b078b1407 }, /* 10^171 */
	{ 0x8fa475791a569d10, 0xf96e017d694487bc, 0xd671a0192ea53fcd }, /* 10^190 */
	{ 0x9bbcc7a142b17ccb, 0x88a66076400bb691, 0x9403eb49f68edc8b }, /* 10^209 */
	{ 0xa8d9d1535ce3b396, 0x7f1839a741a14d0d, 0x6512796bf58d648b }, /* 10^228 */
	{ 0xb7118682dbb66a77, 0x3fbc8c33221dc2a1, 0xe74cb8835ed07a2e }, /* 10^247 */
	{ 0xc67bb4597ce2ce48, 0xb143c6053edcd0d5, 0x306c5ac4c253346a }, /* 10^266 */
	{ 0xd732290fbacaf133, 0xa97c177947ad4095, 0x627133f713d832b2 }, /* 10^285 */
	{ 0xe950df20247c83fd, 0x47c6b82ef32a2069, 0x6dfd4ec02564b6b9 }, /* 10^304 */
	{ 0xfcf62c1dee382c42, 0x46729e03dd9ed7b5, 0x4207c321e14e3137 }, /* 10^323 */
};

/* floor(log2(10^e)) for |e| below 1200, floor(log10(2^q)) for |q| below 1500. */
static inline int32_t
floor_log2_pow10(int32_t e)
{
	return (e * 1741647) >> 19;
}

static inline int32_t
floor_log10_pow2(int32_t q)
{
	return (q * 1262611) >> 22;
}

/* floor(log10(3/4 x 2^q)), same range. */
static inline int32_t
floor_log10_pow2_34(int32_t q)
{
	return (q * 1262611 - 524031) >> 22;
}

aef_u128
json_pow10(int32_t e)
{
	const int32_t row = (e + POW10_STEP * POW10_LOW) / POW10_STEP;
	const uint64_t *const r = pow10_rows[row];
	uint64_t small = 1;
	aef_u128 low, mid, high;

	for (int32_t i = (row - POW10_LOW) * POW10_STEP; i < e; i++)
		small *= 10;
	small <<= __builtin_clzll(small);
	/* 192 x 64 bits; the error of the row is less than the 64 bits that are cut off. */
	low = (aef_u128)r[2] * small;
	mid = (aef_u128)r[1] * small + (uint64_t)(low >> 64);
	high = (aef_u128)r[0] * small + (uint64_t)(mid >> 64);
	if (high >> 127 == 0)
		high = high << 1 | ((uint64_t)mid >> 63);
	return high;
}

/*
 * The upper half of pow x c, its last bit also standing for what is below (round to odd). That pow
 * is up to 1 too large does not reach the 64 bits that are looked at, as c has 60 at most; and that
 * no product is closer to a whole number than they show is a theorem of the paper.
 */
static uint64_t
mul_round_odd(aef_u128 pow, uint64_t c)
{
	const aef_u128 low = (aef_u128)(uint64_t)pow * c;
	const aef_u128 high = (aef_u128)(uint64_t)(pow >> 64) * c + (uint64_t)(low >> 64);

	return (uint64_t)(high >> 64) | ((uint64_t)high != 0);
}

/*
 * The shortest digits d and exponent k, d x 10^k being closest to c x 2^q of those that read back
 * as it. @p lowest: c is the first of its binade, so that the next smaller double is only half as
 * far as the next greater.
 *
 * 10^k is the greatest power that is not above the width of the interval of all that reads back, so
 * of its multiples one or more lie inside, of those of 10^(k+1) at most one: if there is one, it is
 * the shortest. Everything is in quarters of 10^k, as limits lie halfway between doubles, or a
 * quarter below the lowest.
 */
static uint64_t
shortest(uint64_t c, int32_t q, bool lowest, int32_t *ret_k)
{
	const int32_t k = lowest ? floor_log10_pow2_34(q) : floor_log10_pow2(q);
	const int32_t h = q + floor_log2_pow10(-k) + 1;
	const aef_u128 pow = json_pow10(-k) + 1;
	const uint64_t lower = mul_round_odd(pow, (4 * c - (lowest ? 1 : 2)) << h);
	const uint64_t value = mul_round_odd(pow, (4 * c) << h);
	const uint64_t upper = mul_round_odd(pow, (4 * c + 2) << h);
	const uint64_t odd = c & 1; /* what lies halfway reads back as the even neighbour */
	const uint64_t d = value / 4;
	const uint64_t tens = d / 10;

	*ret_k = k + 1;
	if (tens > 0 && lower + odd <= 40 * tens)
		return tens;
	if (tens > 0 && 40 * (tens + 1) + odd <= upper)
		return tens + 1;
	*ret_k = k;
	/* The closer one, of equally close ones the even one. Only the lower may lie outside. */
	return d + (lower > 4 * d || value > 4 * d + 2 || (value == 4 * d + 2 && (d & 1) != 0));
}

static uint8_t *
put_zeros(uint8_t *p, int32_t nb)
{
	for (int32_t i = 0; i < nb; i++)
		*p++ = '0';
	return p;
}

static uint8_t *
put_bytes(uint8_t *p, const uint8_t *bytes, int32_t nb)
{
	memcpy(p, bytes, (size_t)nb);
	return p + nb;
}

/* Write nb digits whose point stands behind the first n of them. */
static uint8_t *
put_decimal(uint8_t *p, const uint8_t *digits, int32_t nb, int32_t n)
{
	if (-6 < n && n <= 0) {
		*p++ = '0';
		*p++ = '.';
		return put_bytes(put_zeros(p, -n), digits, nb);
	}
	if (0 < n && n < nb) {
		p = put_bytes(p, digits, n);
		*p++ = '.';
		return put_bytes(p, digits + n, nb - n);
	}
	if (0 < n && n <= 21)
		return put_zeros(put_bytes(p, digits, nb), n - nb);
	*p++ = digits[0];
	if (nb > 1) {
		*p++ = '.';
		p = put_bytes(p, digits + 1, nb - 1);
	}
	*p++ = 'e';
	*p++ = n > 0 ? '+' : '-';
	return p + json_u64_text((uint64_t)(n > 0 ? n - 1 : 1 - n), p);
}

unsigned
json_f64_text(uint64_t bits, uint8_t text[JSON_F64_TEXT_MAX])
{
	const uint64_t frac = bits & ((1ull << 52) - 1);
	const int32_t exp = (int32_t)(bits >> 52 & 0x7ff);
	uint8_t digits[JSON_U64_TEXT_MAX];
	uint8_t *p = text;
	uint64_t d;
	int32_t k, nb;

	if (exp == 0x7ff)
		return 0;
	if (exp == 0 && frac == 0) {
		text[0] = '0';
		return 1;
	}
	if (exp == 0)
		d = shortest(frac, -1074, false, &k);
	else
		d = shortest(frac | 1ull << 52, exp - 1075, frac == 0 && exp > 1, &k);
	nb = (int32_t)json_u64_text(d, digits);
	k += nb;
	while (digits[nb - 1] == '0')
		nb--;
	if (bits >> 63 != 0)
		*p++ = '-';
	return (unsigned)(put_decimal(p, digits, nb, k) - text);
}
