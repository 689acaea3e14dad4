/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include <base/err.h>
#include <base/time.h>
#include <runtime/log.h>

#include "harness.h"

static uint64_t now_ns;

static uint64_t
fake_clock(void)
{
	return now_ns;
}

/* What was written to the pipe since the last call. */
static const char *
drain(int fd)
{
	static char buf[4096];
	const ssize_t n = read(fd, buf, sizeof(buf) - 1);

	ck_assert_int_ge((int)n, 0);
	buf[n] = '\0';
	return buf;
}

START_TEST(log_line_has_time_level_module_and_no_control_bytes)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	struct aef_log_sink sink = { .fd = fds[1], .level = AEF_LOG_INFO, .unix_ns = fake_clock };

	now_ns = 1767323045ull * AEF_NS_PER_S + 678 * AEF_NS_PER_MS;
	aef_log_sink_install(&sink);
	aef_log_emit(AEF_LOG_WARN, "dpio", "port \x1b[2J is\nbusy");
	aef_log_emit(AEF_LOG_DEBUG, "dpio", "not shown");

	ck_assert_str_eq(drain(fds[0]), "2026-01-02T03:04:05.678Z warn dpio: port ?[2J is?busy\n");
	ck_assert_uint_eq(atomic_load(&sink.nb_lines), 1);
	aef_log_sink_install(NULL);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(log_call_site_is_limited_per_second_and_tells_the_rest)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	struct aef_log_sink sink = { .fd = fds[1], .level = AEF_LOG_INFO, .unix_ns = fake_clock };

	now_ns = 1000 * AEF_NS_PER_S;
	aef_log_sink_install(&sink);
	for (unsigned i = 0; i < 12; i++) {
		if (i == 11)
			now_ns += AEF_NS_PER_S;
		AEF_LOG_RATE(3, AEF_LOG_INFO, "t", "n %u", i);
	}

	ck_assert_uint_eq(atomic_load(&sink.nb_lines), 4);
	ck_assert_ptr_nonnull(strstr(drain(fds[0]), "n 11 (8 more not shown)"));
	aef_log_sink_install(NULL);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(log_levels_have_names_both_ways)
{
	enum aef_log_level level;

	ck_assert_int_eq(aef_log_level_parse("warn", &level), 0);
	ck_assert_int_eq(level, AEF_LOG_WARN);
	ck_assert_str_eq(aef_log_level_name(level), "warn");
	ck_assert_int_eq(aef_log_level_parse("loud", &level), AEF_ERR_NOTFOUND);
	ck_assert_str_eq(aef_log_level_name((enum aef_log_level)77), "unknown");
}
END_TEST

TEST_SUITE(log, &log_line_has_time_level_module_and_no_control_bytes,
           &log_call_site_is_limited_per_second_and_tells_the_rest,
           &log_levels_have_names_both_ways)
