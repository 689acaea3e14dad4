/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/hist.h>
#include <base/rng.h>

#include "harness.h"

static struct aef_hist hist;

START_TEST(hist_empty_reports_zero)
{
	aef_hist_reset(&hist);

	ck_assert_uint_eq(aef_hist_percentile(&hist, 50000), 0);
	ck_assert_uint_eq(aef_hist_percentile(&hist, 100000), 0);
	ck_assert_uint_eq(hist.nb, 0);
}
END_TEST

START_TEST(hist_of_small_values_is_exact)
{
	aef_hist_reset(&hist);
	for (uint64_t v = 0; v < 32; v++)
		aef_hist_add(&hist, v);

	ck_assert_uint_eq(aef_hist_percentile(&hist, 50000), 15);
	ck_assert_uint_eq(aef_hist_percentile(&hist, 100000), 31);
	ck_assert_uint_eq(hist.min, 0);
	ck_assert_uint_eq(hist.max, 31);
	ck_assert_uint_eq(hist.sum, 496);
}
END_TEST

START_TEST(hist_one_value_is_every_percentile)
{
	static const uint64_t values[] = { 0, 1, 31, 32, 33, 1000, 1ull << 40, UINT64_MAX };

	for (size_t i = 0; i < AEF_DIM(values); i++) {
		aef_hist_reset(&hist);
		aef_hist_add(&hist, values[i]);
		ck_assert_uint_eq(aef_hist_percentile(&hist, 1), values[i]);
		ck_assert_uint_eq(aef_hist_percentile(&hist, 100000), values[i]);
	}
}
END_TEST

START_TEST(hist_of_any_size_of_value_errs_by_less_than_a_thirtysecond)
{
	struct aef_rng rng;

	aef_rng_init(&rng, 3);
	for (unsigned i = 0; i < 20000; i++) {
		const uint64_t v = aef_rng_u64(&rng) >> aef_rng_below(&rng, 60);

		aef_hist_reset(&hist);
		aef_hist_add(&hist, v);
		aef_hist_add(&hist, UINT64_MAX); /* so that the maximum does not clip the bucket */
		const uint64_t got = aef_hist_percentile(&hist, 50000);

		ck_assert_uint_ge(got, v);
		ck_assert_uint_le(got - v, v / 32);
	}
}
END_TEST

START_TEST(hist_percentiles_of_a_ramp_are_near_and_ascend)
{
	uint64_t last = 0;

	aef_hist_reset(&hist);
	for (uint64_t v = 1; v <= 100000; v++)
		aef_hist_add(&hist, v);

	for (uint32_t p = 1000; p <= 100000; p += 1000) {
		const uint64_t got = aef_hist_percentile(&hist, p);

		ck_assert_uint_ge(got, p);
		ck_assert_uint_le(got, p + p / 32 + 1);
		ck_assert_uint_ge(got, last);
		last = got;
	}
}
END_TEST

START_TEST(hist_merge_equals_adding_all_to_one)
{
	static struct aef_hist a, b;
	struct aef_rng rng;

	aef_rng_init(&rng, 4);
	aef_hist_reset(&a);
	aef_hist_reset(&b);
	aef_hist_reset(&hist);
	for (unsigned i = 0; i < 5000; i++) {
		const uint64_t v = aef_rng_below(&rng, 1000000);

		aef_hist_add(i % 3 == 0 ? &a : &b, v);
		aef_hist_add(&hist, v);
	}
	aef_hist_merge(&a, &b);

	ck_assert_mem_eq(&a, &hist, sizeof(hist));
}
END_TEST

TEST_SUITE(hist, &hist_empty_reports_zero, &hist_of_small_values_is_exact,
           &hist_one_value_is_every_percentile,
           &hist_of_any_size_of_value_errs_by_less_than_a_thirtysecond,
           &hist_percentiles_of_a_ramp_are_near_and_ascend, &hist_merge_equals_adding_all_to_one)
