/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dh_test.c - X25519: RFC 7748 sections 5.2 and 6.1, and the points that must be refused.
 */
#include <base/err.h>

#include "dh_priv.h"
#include "hex.h"

static void
check_shared(const char *scalar_hex, const char *point_hex, const char *want_hex)
{
	uint8_t scalar[32], point[32], got[32];

	unhex(scalar_hex, scalar, sizeof(scalar));
	unhex(point_hex, point, sizeof(point));
	ck_assert_int_eq(protect_dh_shared(scalar, point, got), 0);
	ck_assert_hex(got, want_hex);
}

/* */
START_TEST(dh_of_rfc_7748_is_the_published_one)
{
	check_shared("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
	             "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
	             "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	check_shared("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
	             "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
	             "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}
END_TEST

START_TEST(dh_iterated_a_thousand_times_is_the_published_value)
{
	uint8_t k[32] = { 9 }, u[32] = { 9 }, r[32];

	for (unsigned i = 1; i <= 1000; i++) {
		ck_assert_int_eq(protect_dh_shared(k, u, r), 0);
		memcpy(u, k, sizeof(u));
		memcpy(k, r, sizeof(k));
		if (i == 1)
			ck_assert_hex(k, "422c8e7a6227d7bca1350b3e2bb7279f"
			                 "7897b87bb6854b783c60e80311ae3079");
	}
	ck_assert_hex(k, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}
END_TEST

START_TEST(dh_public_key_is_the_value_with_the_base_point)
{
	uint8_t priv[32], pub[32], want[32];
	const uint8_t base[32] = { 9 };

	for (unsigned i = 0; i < 50; i++) {
		for (unsigned k = 0; k < sizeof(priv); k++)
			priv[k] = (uint8_t)(i * 37 + k * 11 + 1);
		ck_assert_int_eq(protect_dh_public(priv, pub), 0);
		ck_assert_int_eq(protect_dh_shared(priv, base, want), 0);
		ck_assert_mem_eq(pub, want, sizeof(pub));
	}
}
END_TEST

/* The points of order 1, 2, 4 and 8, and their other spellings: a shared value of zeros.
 */
START_TEST(dh_with_a_point_of_low_order_is_refused_and_writes_nothing)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t priv[32], point[32], got[32], untouched[32];

	memset(priv, 0x42, sizeof(priv));
	memset(untouched, 0xee, sizeof(untouched));
	for (unsigned i = 0; i < 2 * AEF_DIM(points); i++) {
		unhex(points[i / 2], point, sizeof(point));
		point[31] |= i % 2 == 0 ? 0 : 0x80; /* the top bit is ignored */
		memset(got, 0xee, sizeof(got));
		ck_assert_msg(protect_dh_shared(priv, point, got) == AEF_ERR_AUTH, "point %u", i);
		ck_assert_mem_eq(got, untouched, sizeof(got));
	}
}
END_TEST

TEST_SUITE(dh, &dh_of_rfc_7748_is_the_published_one,
           &dh_iterated_a_thousand_times_is_the_published_value,
           &dh_public_key_is_the_value_with_the_base_point,
           &dh_with_a_point_of_low_order_is_refused_and_writes_nothing)
