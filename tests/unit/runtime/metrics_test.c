/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <runtime/metrics.h>

#include "harness.h"

static const struct aef_metric rx = { "dpio_rx_pkts", "packets", "received frames", 0 };
static const struct aef_metric up = { "dpio_link_up", "bool", "link", AEF_METRIC_GAUGE };
static const struct aef_metric odd = { "dpio rx", "packets", "bad name", 0 };

START_TEST(metrics_dump_prints_name_labels_and_current_value)
{
	struct aef_metrics metrics;
	uint64_t a = 1, b = 2, c = 3, got;
	char buf[200];
	struct aef_text out = aef_text_make(buf, sizeof(buf));

	ck_assert_int_eq(aef_metrics_init(&metrics, 3), 0);
	ck_assert_int_eq(aef_metrics_add(&metrics, &rx, "queue=\"0\"", &a), 0);
	ck_assert_int_eq(aef_metrics_add(&metrics, &rx, "queue=\"1\"", &b), 0);
	ck_assert_int_eq(aef_metrics_add(&metrics, &up, NULL, &c), 0);
	a = 41;
	aef_metrics_dump(&metrics, "", &out);

	ck_assert_str_eq(buf, "dpio_rx_pkts{queue=\"0\"} 41\ndpio_rx_pkts{queue=\"1\"} 2\n"
	                      "dpio_link_up 3\n");
	ck_assert_int_eq(aef_metrics_get(&metrics, "dpio_rx_pkts", "queue=\"1\"", &got), 0);
	ck_assert_uint_eq(got, 2);
	ck_assert_int_eq(aef_metrics_get(&metrics, "nothing", NULL, &got), AEF_ERR_NOTFOUND);
	aef_text_clear(&out);
	aef_metrics_dump(&metrics, "dpio_link", &out);
	ck_assert_str_eq(buf, "dpio_link_up 3\n");
	aef_metrics_fini(&metrics);
}
END_TEST

START_TEST(metrics_bad_repeated_and_excess_values_are_refused)
{
	struct aef_metrics metrics;
	uint64_t v = 0;

	ck_assert_int_eq(aef_metrics_init(&metrics, 1), 0);
	ck_assert_int_eq(aef_metrics_add(&metrics, &odd, NULL, &v), AEF_ERR_INVALID);
	ck_assert_int_eq(aef_metrics_add(&metrics, &rx, NULL, &v), 0);
	ck_assert_int_eq(aef_metrics_add(&metrics, &rx, NULL, &v), AEF_ERR_EXISTS);
	ck_assert_int_eq(aef_metrics_add(&metrics, &up, NULL, &v), AEF_ERR_FULL);
	aef_metrics_fini(&metrics);
}
END_TEST

START_TEST(metrics_dump_into_a_small_text_is_cut_not_overrun)
{
	struct aef_metrics metrics;
	uint64_t v = 7;
	char buf[8];
	struct aef_text out = aef_text_make(buf, sizeof(buf));

	ck_assert_int_eq(aef_metrics_init(&metrics, 1), 0);
	ck_assert_int_eq(aef_metrics_add(&metrics, &rx, NULL, &v), 0);
	aef_metrics_dump(&metrics, "", &out);

	ck_assert(out.cut);
	ck_assert_str_eq(buf, "dpio_rx");
	aef_metrics_fini(&metrics);
}
END_TEST

TEST_SUITE(metrics, &metrics_dump_prints_name_labels_and_current_value,
           &metrics_bad_repeated_and_excess_values_are_refused,
           &metrics_dump_into_a_small_text_is_cut_not_overrun)
