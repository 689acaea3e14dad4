/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <runtime/command.h>

#include "harness.h"

static char buf[1024];
static struct aef_text out;

static int
say(void *ctx, int argc, char *const *argv, struct aef_text *text)
{
	aef_text_printf(text, "%s", (const char *)ctx);
	for (int i = 0; i < argc; i++)
		aef_text_printf(text, " %s", argv[i]);
	return 0;
}

static const struct aef_command table1[] = {
	{ "show port stats", "all|<port>", "counters of ports", say, 1, 1 },
	{ 0 },
};
static const struct aef_command table2[] = {
	{ "show port info", "all|<port>", "what ports are", say, 1, 1 },
	{ 0 },
};
static const struct aef_command table3[] = {
	{ "start", "", "start traffic", say, 0, 0 },
	{ "stop", "", "stop traffic", say, 0, 0 },
	{ "st", "", "short one", say, 0, 0 },
	{ 0 },
};

static int
run(const struct aef_commands *cmds, const char *line)
{
	out = aef_text_make(buf, sizeof(buf));
	return aef_commands_run(cmds, line, &out);
}

static void
setup(struct aef_commands *cmds)
{
	static char stats[] = "stats", info[] = "info", go[] = "go";

	ck_assert_int_eq(aef_commands_init(cmds, 5), 0);
	ck_assert_int_eq(aef_commands_add(cmds, table1, stats), 0);
	ck_assert_int_eq(aef_commands_add(cmds, table2, info), 0);
	ck_assert_int_eq(aef_commands_add(cmds, table3, go), 0);
}

START_TEST(command_words_match_by_prefix_and_the_rest_are_arguments)
{
	struct aef_commands cmds;

	setup(&cmds);
	ck_assert_int_eq(run(&cmds, "show port stats all"), 0);
	ck_assert_str_eq(buf, "stats all");
	ck_assert_int_eq(run(&cmds, "  sh p i  lab0\n"), 0);
	ck_assert_str_eq(buf, "info lab0");
	ck_assert_int_eq(run(&cmds, "st"), 0); /* spelled out beats a prefix */
	ck_assert_str_eq(buf, "go");
	ck_assert_int_eq(run(&cmds, ""), 0);
	aef_commands_fini(&cmds);
}
END_TEST

START_TEST(command_bad_lines_say_what_to_do)
{
	struct aef_commands cmds;
	char line[AEF_COMMAND_LINE_MAX + 10];

	setup(&cmds);
	ck_assert_int_eq(run(&cmds, "jump"), AEF_ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(buf, "type help"));
	ck_assert_int_eq(run(&cmds, "s"), AEF_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(buf, "start - start traffic"));
	ck_assert_int_eq(run(&cmds, "show port"), AEF_ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(buf, "show port info all|<port> - what ports are"));
	ck_assert_int_eq(run(&cmds, "show port stats"), AEF_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(buf, "Wrong number"));
	ck_assert_int_eq(run(&cmds, "1 2 3 4 5 6 7 8 9 a b c d e f g h"), AEF_ERR_LIMIT);
	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	ck_assert_int_eq(run(&cmds, line), AEF_ERR_LIMIT);
	aef_commands_fini(&cmds);
}
END_TEST

START_TEST(command_help_lists_what_begins_with_the_words)
{
	struct aef_commands cmds;

	setup(&cmds);
	ck_assert_int_eq(run(&cmds, "help"), 0);
	ck_assert_ptr_nonnull(strstr(buf, "stop - stop traffic"));
	ck_assert_int_eq(run(&cmds, "help show"), 0);
	ck_assert_ptr_null(strstr(buf, "stop"));
	ck_assert_int_eq(run(&cmds, "help jump"), AEF_ERR_NOTFOUND);
	aef_commands_fini(&cmds);
}
END_TEST

START_TEST(command_taken_path_and_full_registry_are_refused)
{
	struct aef_commands cmds;
	static const struct aef_command more[] = { { "quit", "", "leave", say, 0, 0 }, { 0 } };

	setup(&cmds);
	ck_assert_int_eq(aef_commands_add(&cmds, table1, NULL), AEF_ERR_EXISTS);
	ck_assert_int_eq(aef_commands_add(&cmds, more, NULL), AEF_ERR_FULL);
	aef_commands_fini(&cmds);
}
END_TEST

TEST_SUITE(command, &command_words_match_by_prefix_and_the_rest_are_arguments,
           &command_bad_lines_say_what_to_do, &command_help_lists_what_begins_with_the_words,
           &command_taken_path_and_full_registry_are_refused)
