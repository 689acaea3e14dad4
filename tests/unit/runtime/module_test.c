/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <runtime/module.h>

#include "conf_fixture.h"
#include "harness.h"

static char trace[64];

static void
note(const char *what)
{
	strncat(trace, what, sizeof(trace) - strlen(trace) - 1);
}

static int
a_init(struct aef_runtime *rt, const void *conf)
{
	(void)rt;
	note(conf == NULL ? "a" : "?");
	return 0;
}

static void
a_fini(struct aef_runtime *rt)
{
	(void)rt;
	note("A");
}

static int
net_init(struct aef_runtime *rt, const void *conf)
{
	const struct fix_conf *fix = conf;

	(void)rt;
	note(fix->queues == 3 ? "n" : "?");
	return 0;
}

static void
net_fini(struct aef_runtime *rt)
{
	(void)rt;
	note("N");
}

static int
bad_init(struct aef_runtime *rt, const void *conf)
{
	(void)conf;
	note("b");
	return aef_runtime_fail(rt, AEF_ERR_IO, "the port %d is busy.", 80);
}

static void
bad_fini(struct aef_runtime *rt)
{
	(void)rt;
	note("B");
}

static int
mute_init(struct aef_runtime *rt, const void *conf)
{
	(void)rt;
	(void)conf;
	return AEF_ERR_NOMEM;
}

static const char *const needs_a[] = { "a", NULL };
static const struct aef_module mod_a = { .name = "a", .init = a_init, .fini = a_fini };
static const struct aef_module mod_bad = {
	.name = "bad", .needs = needs_a, .init = bad_init, .fini = bad_fini
};
static const struct aef_module mod_mute = { .name = "mute", .init = mute_init };

START_TEST(module_start_and_stop_are_in_opposite_order)
{
	struct aef_module net = fix_module;
	const struct aef_module *const list[] = { &mod_a, &net, NULL };
	struct aef_config config;
	struct aef_runtime rt;

	trace[0] = '\0';
	net.needs = needs_a;
	net.init = net_init;
	net.fini = net_fini;
	ck_assert_int_eq(aef_config_parse(&config, "t", "net: {queues: 3}", 16, list), 0);
	ck_assert_int_eq(aef_runtime_start(&rt, list, &config, NULL), 0);
	ck_assert_str_eq(trace, "an");

	aef_runtime_stop(&rt);
	ck_assert_str_eq(trace, "anNA");
	aef_config_free(&config);
}
END_TEST

START_TEST(module_that_fails_is_named_and_all_is_taken_back)
{
	const struct aef_module *const list[] = { &mod_a, &mod_bad, NULL };
	struct aef_config config = { .modules = list };
	struct aef_runtime rt;

	trace[0] = '\0';
	ck_assert_int_eq(aef_runtime_start(&rt, list, &config, NULL), AEF_ERR_IO);

	ck_assert_str_eq(rt.error, "bad: the port 80 is busy.");
	ck_assert_str_eq(trace, "abBA");
}
END_TEST

START_TEST(module_that_fails_without_a_word_still_gets_a_sentence)
{
	const struct aef_module *const list[] = { &mod_mute, NULL };
	struct aef_config config = { .modules = list };
	struct aef_runtime rt;

	ck_assert_int_eq(aef_runtime_start(&rt, list, &config, NULL), AEF_ERR_NOMEM);

	ck_assert_str_eq(rt.error, "mute: it cannot start because there is not enough memory.");
}
END_TEST

START_TEST(module_needs_must_stand_earlier)
{
	const struct aef_module *const list[] = { &mod_bad, &mod_a, NULL };
	struct aef_config config = { .modules = list };
	struct aef_runtime rt;

	ck_assert_int_eq(aef_runtime_start(&rt, list, &config, NULL), AEF_ERR_INVALID);

	ck_assert_str_eq(rt.error, "Module bad needs a, which must stand earlier in the list.");
}
END_TEST

START_TEST(module_listed_twice_is_refused)
{
	const struct aef_module *const list[] = { &mod_a, &mod_a, NULL };
	char buf[200];
	struct aef_text error = aef_text_make(buf, sizeof(buf));

	ck_assert_int_eq(aef_modules_verify(list, &error), AEF_ERR_INVALID);

	ck_assert_str_eq(buf, "Module a is listed twice.");
}
END_TEST

TEST_SUITE(module, &module_start_and_stop_are_in_opposite_order,
           &module_that_fails_is_named_and_all_is_taken_back,
           &module_that_fails_without_a_word_still_gets_a_sentence,
           &module_needs_must_stand_earlier, &module_listed_twice_is_refused)
