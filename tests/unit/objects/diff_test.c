/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * diff_test.c - two sets of registers: whose work is overwritten, what leads back.
 */
#include "registers_work.h"

static char seen[1024];

static void
on_seen(void *ctx, const struct registers_overwrite *what)
{
	char *at = seen + strlen(seen);

	(void)ctx;
	for (uint32_t i = 0; i < what->path_len; i++)
		*at++ = what->path[i] == REGISTERS_SEP ? '/' : (char)what->path[i];
	at += sprintf(at, ":%.*s>", (int)what->before_len, (const char *)what->before);
	if (what->after != NULL)
		at += sprintf(at, "%.*s", (int)what->after_len, (const char *)what->after);
	sprintf(at, "@%u.%u ", (unsigned)what->written.version, what->written.user.b[0]);
}

static const char *
overwritten(const char *patch)
{
	seen[0] = '\0';
	remember();
	apply_as(patch, 9, 9);
	registers_overwrites(&before, &regs, on_seen, NULL);
	registers_fini(&regs, &alloc);
	ck_assert_int_eq(registers_copy(&before, &alloc, &regs), 0);
	return seen;
}

START_TEST(diff_says_whose_work_is_overwritten)
{
	start(BUDGET);
	apply_as("{\"x\":1,\"y\":2,\"s\":{\"fill\":\"red\",\"w\":3},\"e\":{}}", 1, 1);
	apply_as("{\"y\":5,\"s\":{\"w\":4}}", 2, 2);

	ck_assert_str_eq(overwritten("{\"x\":7}"), "/x:1>7@1.1 ");
	ck_assert_str_eq(overwritten("{\"x\":1,\"new\":2}"), "");
	ck_assert_str_eq(overwritten("{\"s\":{\"fill\":null,\"w\":9}}"),
	                 "/s/fill:\"red\">@1.1 /s/w:4>9@2.2 ");
	ck_assert_str_eq(overwritten("{\"s\":null}"), "/s/fill:\"red\">@1.1 /s/w:4>@2.2 ");
	ck_assert_str_eq(overwritten("{\"s\":0}"), "/s/fill:\"red\">@1.1 /s/w:4>@2.2 ");
	ck_assert_str_eq(overwritten("{\"x\":{\"deep\":1}}"), "/x:1>@1.1 ");
	ck_assert_str_eq(overwritten("{\"e\":{\"a\":1}}"), "");
	finish();
}
END_TEST

static void
expect_inverse(const char *doc, const char *patch, const char *want)
{
	char kept[TEXT_MAX], back[TEXT_MAX];

	start(BUDGET);
	apply_as(doc, 1, 1);
	strcpy(kept, text());
	remember();
	apply_as(patch, 2, 1);
	strcpy(back, inverse());
	ck_assert_str_eq(back, want);
	if (back[0] != '\0')
		apply_as(back, 3, 1);
	ck_assert_str_eq(text(), kept);
	finish();
}

START_TEST(diff_gives_the_patch_that_leads_back)
{
	expect_inverse("{\"a\":1}", "{\"a\":2}", "{\"a\":1}");
	expect_inverse("{\"a\":1}", "{\"b\":2}", "{\"b\":null}");
	expect_inverse("{\"a\":1}", "{\"b\":{\"c\":{\"d\":1,\"e\":2}}}", "{\"b\":null}");
	expect_inverse("{\"b\":{\"x\":1}}", "{\"b\":{\"c\":{\"d\":1}}}", "{\"b\":{\"c\":null}}");
	expect_inverse("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":null}", "{\"a\":{\"b\":1,\"c\":2}}");
	expect_inverse("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":5}", "{\"a\":{\"b\":1,\"c\":2}}");
	expect_inverse("{\"a\":5}", "{\"a\":{\"b\":1,\"c\":{\"d\":2}}}", "{\"a\":5}");
	expect_inverse("{\"a\":{}}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":null}}");
	expect_inverse("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":null}}", "{\"a\":{\"b\":1}}");
	expect_inverse("{\"a\":1}", "{\"b\":null}", "");
	expect_inverse("{\"a\":1}", "{}", "");
	expect_inverse("{\"a\":1}", "{\"b\":{}}", "{\"b\":null}");
	expect_inverse("{}", "{\"a\":1}", "{\"a\":null}");
	expect_inverse("{\"a\":1}", "{\"b\":{\"c\":null}}", "{\"b\":null}");
	expect_inverse("{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":[{}]}}",
	               "{\"a\":{\"b\":{\"c\":1}}}");
}
END_TEST

TEST_SUITE(diff, &diff_says_whose_work_is_overwritten, &diff_gives_the_patch_that_leads_back)
