/* SPDX-License-Identifier: BSD-3-Clause */
#include "harness.h"
#include "options.c"

static char words[8192];

static enum lab_parse
parse(struct lab_opts *opts, const char *line)
{
	static char copy[400];
	char *argv[32] = { "aether-lab" };
	int argc = 1;
	struct aef_text out = aef_text_make(words, sizeof(words));

	(void)snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word != NULL && argc < 31; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return lab_opts_parse(opts, argc, argv, &out);
}

START_TEST(options_none_are_the_defaults_of_the_issue)
{
	struct lab_opts o;

	ck_assert_int_eq(parse(&o, ""), LAB_PARSE_RUN);

	ck_assert_uint_eq(o.clients, 8);
	ck_assert_uint_eq(o.docs, 4);
	ck_assert_uint_eq(o.duration_ns, 20 * AEF_NS_PER_S);
	ck_assert_uint_eq(o.up.delay_ns, 30 * AEF_NS_PER_MS);
	ck_assert_uint_eq(o.down.jitter_ns, 5 * AEF_NS_PER_MS);
	ck_assert_uint_eq(o.up.loss_ppm, 20000);
}
END_TEST

START_TEST(options_values_are_taken)
{
	struct lab_opts o;

	ck_assert_int_eq(parse(&o, "--clients 3 --docs 2 --duration 1.5s --rate 8.5 --seed 0x10 "
	                           "--fec always --link loss=1% --link-down "
	                           "delay=5ms,loss=off --in-flight 64 --ip 6 --ecn off --json -"),
	                 LAB_PARSE_RUN);

	ck_assert_uint_eq(o.clients, 3);
	ck_assert_uint_eq(o.duration_ns, 1500 * AEF_NS_PER_MS);
	ck_assert_uint_eq(o.rate_milli, 8500);
	ck_assert_uint_eq(o.seed, 16);
	ck_assert_int_eq(o.fec, LAB_FEC_ALWAYS);
	ck_assert_uint_eq(o.up.loss_ppm, 10000);
	ck_assert_uint_eq(o.up.delay_ns, 30 * AEF_NS_PER_MS);
	ck_assert_uint_eq(o.up.jitter_ns, 0);
	ck_assert_uint_eq(o.down.loss_ppm, 0);
	ck_assert_uint_eq(o.down.delay_ns, 5 * AEF_NS_PER_MS);
	ck_assert_uint_eq(o.in_flight, 64);
	ck_assert(o.ipv6 && !o.ecn);
	ck_assert_str_eq(o.json, "-");
}
END_TEST

START_TEST(options_a_link_list_starts_clean_and_further_ones_add)
{
	struct lab_opts o;

	ck_assert_int_eq(parse(&o, "--link-up delay=1ms --link-up loss=3% --trace f --pace 10x"),
	                 LAB_PARSE_RUN);

	ck_assert_uint_eq(o.up.delay_ns, AEF_NS_PER_MS);
	ck_assert_uint_eq(o.up.jitter_ns, 0);
	ck_assert_uint_eq(o.up.loss_ppm, 30000);
	ck_assert_uint_eq(o.down.jitter_ns, 5 * AEF_NS_PER_MS);
	ck_assert_uint_eq(o.down.loss_ppm, 20000);
	ck_assert_uint_eq(o.pace_milli, 10000);
}
END_TEST

START_TEST(options_wrong_ones_are_refused_with_a_sentence)
{
	static const char *const bad[] = {
		"--bogus",
		"--clients",
		"--clients 0",
		"--clients x",
		"--clients 1025",
		"--docs 9",
		"--duration 5h",
		"--duration -1s",
		"--duration 1..5",
		"--rate 0",
		"--pace 0x",
		"--pace fast",
		"--fec maybe",
		"--link los=2%",
		"--link loss=200%",
		"--in-flight 1025",
		"--ip 5",
		"--ecn perhaps",
		"--lcores 0",
		"--workers 99",
		"--seed abc",
		"--interval 1ns",
		"file.json",
		"--readers 2",
		"--pace 10x",
		"--trace f --docs 3",
		"--lockstep --console",
		"--direct",
		"--lockstep --direct --workers 2",
		"--datagrams f",
		"--mbufs 1",
		"--memory 1",
	};

	for (unsigned i = 0; i < AEF_DIM(bad); i++) {
		struct lab_opts o;

		ck_assert_msg(parse(&o, bad[i]) == LAB_PARSE_BAD, "taken: %s", bad[i]);
		ck_assert_msg(strlen(words) > 15 && words[strlen(words) - 1] == '.', "%s: %s",
		              bad[i], words);
	}
}
END_TEST

START_TEST(options_help_and_version_say_so)
{
	struct lab_opts o;

	ck_assert_int_eq(parse(&o, "--help"), LAB_PARSE_DONE);
	ck_assert_ptr_nonnull(strstr(words, "--lockstep"));
	ck_assert_ptr_nonnull(strstr(words, "burst"));
	ck_assert_int_eq(parse(&o, "--version"), LAB_PARSE_DONE);
	ck_assert_ptr_nonnull(strstr(words, AEF_VERSION));
}
END_TEST

TEST_SUITE(options, &options_none_are_the_defaults_of_the_issue, &options_values_are_taken,
           &options_a_link_list_starts_clean_and_further_ones_add,
           &options_wrong_ones_are_refused_with_a_sentence, &options_help_and_version_say_so)
