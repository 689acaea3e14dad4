/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <link/conf.h>

#include "harness.h"

static char err[256];

static int
set(struct link_conf *conf, const char *key, const char *value)
{
	return link_conf_set(conf, key, value, err, sizeof(err));
}

START_TEST(conf_every_key_is_understood_with_its_units)
{
	struct link_conf c = link_conf_default();

	ck_assert_int_eq(set(&c, "rate", "100mbit"), 0);
	ck_assert_int_eq(set(&c, "delay", "30ms"), 0);
	ck_assert_int_eq(set(&c, "jitter", "2.5ms/bell"), 0);
	ck_assert_int_eq(set(&c, "order", "keep"), 0);
	ck_assert_int_eq(set(&c, "queue", "64KB/100pkt"), 0);
	ck_assert_int_eq(set(&c, "ecn", "30kib"), 0);
	ck_assert_int_eq(set(&c, "loss", "2%"), 0);
	ck_assert_int_eq(set(&c, "burst", "5%/3"), 0);
	ck_assert_int_eq(set(&c, "reorder", "1%/50ms"), 0);
	ck_assert_int_eq(set(&c, "dup", "0.5%/2"), 0);
	ck_assert_int_eq(set(&c, "corrupt", "100ppm/3"), 0);
	ck_assert_int_eq(set(&c, "truncate", "0.1"), 0);
	ck_assert_int_eq(set(&c, "skip", "14"), 0);
	ck_assert_int_eq(set(&c, "outage", "30s/2s"), 0);
	ck_assert_int_eq(set(&c, "outage", "@10s/500ms"), 0);
	ck_assert_int_eq(set(&c, "mtu", "1400"), 0);

	ck_assert_uint_eq(c.rate_bytes_per_s, 12500000);
	ck_assert_uint_eq(c.delay_ns, 30000000);
	ck_assert_uint_eq(c.jitter_ns, 2500000);
	ck_assert_int_eq(c.jitter_shape, LINK_JITTER_BELL);
	ck_assert(c.keep_order);
	ck_assert_uint_eq(c.queue_bytes, 64000);
	ck_assert_uint_eq(c.queue_pkts, 100);
	ck_assert_uint_eq(c.ecn_bytes, 30720);
	ck_assert_uint_eq(c.loss_ppm, 20000);
	ck_assert_uint_eq(c.ge_r_ppb, 333333333);
	ck_assert_uint_eq(c.ge_p_ppb, 17543860); /* 1/3 x 0.05 / 0.95 */
	ck_assert_uint_eq(c.ge_loss_bad_ppm, 1000000);
	ck_assert_uint_eq(c.reorder_ppm, 10000);
	ck_assert_uint_eq(c.reorder_ns, 50000000);
	ck_assert_uint_eq(c.dup_ppm, 5000);
	ck_assert_uint_eq(c.dup_copies, 2);
	ck_assert_uint_eq(c.corrupt_ppm, 100);
	ck_assert_uint_eq(c.corrupt_bits, 3);
	ck_assert_uint_eq(c.truncate_ppm, 1000);
	ck_assert_uint_eq(c.corrupt_skip_bytes, 14);
	ck_assert_uint_eq(c.outage_interval_ns, 30000000000ull);
	ck_assert_uint_eq(c.outage_max_ns, 2000000000);
	ck_assert_uint_eq(c.nb_outages, 1);
	ck_assert_uint_eq(c.outages[0].start_ns, 10000000000ull);
	ck_assert_uint_eq(c.outages[0].duration_ns, 500000000);
	ck_assert_uint_eq(c.mtu_bytes, 1400);
}
END_TEST

START_TEST(conf_off_restores_the_default_of_every_key)
{
	const struct link_conf none = link_conf_default();
	struct link_conf c = none;

	ck_assert_int_eq(
		link_conf_set_list(&c,
	                           "rate=1gbit, delay=1, jitter=5us,order=keep , queue=9pkt,"
	                           "ecn=1,loss=100%,burst=1%,reorder=1/1,dup=1,corrupt=1,"
	                           "truncate=1,skip=1,outage=1s/1s,mtu=1",
	                           err, sizeof(err)),
		0);
	ck_assert_int_ne(memcmp(&c, &none, sizeof(c)), 0);

	for (unsigned i = 0; link_conf_key(i) != NULL; i++) {
		ck_assert_ptr_nonnull(link_conf_key_help(i));
		ck_assert_int_eq(set(&c, link_conf_key(i), "off"), 0);
	}

	ck_assert_int_eq(memcmp(&c, &none, sizeof(c)), 0);
}
END_TEST

START_TEST(conf_bad_values_are_refused_with_a_sentence_and_change_nothing)
{
	static const char *const bad[][2] = {
		{ "rate", "100" },
		{ "rate", "" },
		{ "rate", "fast" },
		{ "rate", "7bit" },
		{ "rate", "99999gbit" },
		{ "delay", "-5ms" },
		{ "delay", "5 ms" },
		{ "delay", "5msx" },
		{ "delay", "1.ms" },
		{ "delay", "99999999s" },
		{ "delay", "99999999999999999999999999s" },
		{ "delay", "1.0123456789s" },
		{ "jitter", "5ms/gauss" },
		{ "jitter", "" },
		{ "order", "maybe" },
		{ "queue", "64"
		           "kbit" },
		{ "queue", "0" },
		{ "queue", "64kb/" },
		{ "queue", "64kb/1pkt/2" },
		{ "ecn", "x" },
		{ "loss", "101%" },
		{ "loss", "2%%" },
		{ "loss", "nan" },
		{ "burst", "95%/3" },
		{ "burst", "5%/0.5" },
		{ "burst", "80%/1" },
		{ "burst", "5%/" },
		{ "reorder", "1%" },
		{ "reorder", "1%/" },
		{ "dup", "1%/5" },
		{ "dup", "1%/0" },
		{ "corrupt", "1%/9" },
		{ "truncate", "" },
		{ "skip", "65536" },
		{ "outage", "1s" },
		{ "outage", "0s/1s" },
		{ "outage", "@1s/0s" },
		{ "outage", "@/1s" },
		{ "mtu", "0" },
		{ "mtu", "5000000000" },
		{ "", "1" },
		{ "colour", "red" },
		{ "loss ", "1" },
	};
	const struct link_conf none = link_conf_default();
	struct link_conf c = none;

	for (size_t i = 0; i < AEF_DIM(bad); i++) {
		err[0] = '\0';
		ck_assert_msg(set(&c, bad[i][0], bad[i][1]) < 0, "%s %s", bad[i][0], bad[i][1]);
		ck_assert_msg(strlen(err) > 20 && err[strlen(err) - 1] == '.', "%s %s: %s",
		              bad[i][0], bad[i][1], err);
		ck_assert_int_eq(memcmp(&c, &none, sizeof(c)), 0);
	}
	ck_assert_int_eq(set(&c, "colour", "red"), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(link_conf_set_list(&c, "loss=1%,delay", err, sizeof(err)), AEF_ERR_CONFIG);
	ck_assert_int_eq(link_conf_set_list(&c, "", err, sizeof(err)), AEF_ERR_CONFIG);
	ck_assert_int_eq(link_conf_set_list(&c, "loss=1%,", err, sizeof(err)), AEF_ERR_CONFIG);
	ck_assert_int_eq(link_conf_set_list(&c, "loss=1%,mtu=0", err, sizeof(err)), AEF_ERR_CONFIG);
	ck_assert_int_eq(memcmp(&c, &none, sizeof(c)), 0);
}
END_TEST

START_TEST(conf_error_sentence_never_leaves_its_buffer)
{
	struct link_conf c = link_conf_default();
	char small[8];

	for (size_t size = 0; size <= sizeof(small); size++) {
		memset(small, '#', sizeof(small));
		ck_assert_int_lt(link_conf_set(&c, "loss", "\x1b[2J", small, size), 0);
		for (size_t i = size; i < sizeof(small); i++)
			ck_assert_int_eq(small[i], '#');
		if (size > 0)
			ck_assert_uint_eq(strlen(small), size - 1);
	}
	ck_assert_int_lt(link_conf_set(&c, "loss", "x", NULL, 0), 0);
	ck_assert_int_lt(set(&c, "loss", "\x1b[2J"), 0);
	ck_assert_ptr_null(strchr(err, '\x1b'));
}
END_TEST

START_TEST(conf_check_names_what_is_out_of_range)
{
	struct link_conf c = link_conf_default();

	c.ge_p_ppb = 5;
	ck_assert_int_eq(link_conf_check(&c, err, sizeof(err)), AEF_ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err, "burst"));
	c = link_conf_default();
	c.outage_interval_ns = 5;
	ck_assert_int_eq(link_conf_check(&c, err, sizeof(err)), AEF_ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err, "outages"));
	c = link_conf_default();
	c.corrupt_bits = LINK_CORRUPT_BITS_MAX + 1;
	ck_assert_int_eq(link_conf_check(&c, NULL, 0), AEF_ERR_CONFIG);
	c.corrupt_bits = LINK_CORRUPT_BITS_MAX;
	ck_assert_int_eq(link_conf_check(&c, NULL, 0), 0);
}
END_TEST

TEST_SUITE(conf, &conf_every_key_is_understood_with_its_units,
           &conf_off_restores_the_default_of_every_key,
           &conf_bad_values_are_refused_with_a_sentence_and_change_nothing,
           &conf_error_sentence_never_leaves_its_buffer, &conf_check_names_what_is_out_of_range)
