/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/err.h>
#include <control/audit.h>

#include "audit_priv.h"
#include "folder.h"
#include "harness.h"

static char error_buf[512];
static struct aef_text error;
static struct control_audit_stats stats;

/* 2026-01-02T03:04:05.678Z */
static uint64_t
fixed_ns(void)
{
	return 1767323045678000000ull;
}

static int
audit_try(const char *name, struct control_audit **ret_audit)
{
	const struct control_audit_conf conf = { .path = folder_path(name),
		                                 .unix_ns = fixed_ns,
		                                 .stats = &stats };

	error = aef_text_make(error_buf, sizeof(error_buf));
	return control_audit_open(&conf, ret_audit, &error);
}

static struct control_audit *
audit_open(const char *name)
{
	struct control_audit *audit;
	const int rc = audit_try(name, &audit);

	ck_assert_msg(rc == 0, "%s", error_buf);
	return audit;
}

static void
put(struct control_audit *audit, const char *event, uint64_t number)
{
	const struct control_audit_field fields[] = { { .name = "n", .number = number },
		                                      { .name = "who", .text = "some \"one\"" } };

	ck_assert_int_eq(control_audit_write(audit, event, fields, AEF_DIM(fields)), 0);
}

static struct control_audit_report
verify(const char *name)
{
	struct control_audit_report report;

	error = aef_text_make(error_buf, sizeof(error_buf));
	ck_assert_int_eq(control_audit_verify(folder_path(name), NULL, &report, &error), 0);
	return report;
}

/* Nothing is found, or the fault is on that line. */
static void
verify_says(const char *name, uint64_t lines, uint64_t bad_line)
{
	const struct control_audit_report r = verify(name);

	ck_assert_msg(r.lines == lines && r.bad_line == bad_line,
	              "%llu good lines, line %llu %s; wanted %llu and %llu",
	              (unsigned long long)r.lines, (unsigned long long)r.bad_line,
	              r.why != NULL ? r.why : "-", (unsigned long long)lines,
	              (unsigned long long)bad_line);
}

static void
log_of(const char *name, unsigned lines)
{
	struct control_audit *audit = audit_open(name);

	for (unsigned i = 0; i < lines; i++)
		put(audit, "test", i);
	control_audit_close(audit);
}

START_TEST(audit_line_has_the_documented_form_and_a_known_hash)
{
	/* Hash computed by sha256sum over the text before ,"hash". */
	static const char want[] = "{\"seq\":1,\"time\":\"2026-01-02T03:04:05.678Z\","
				   "\"event\":\"test\",\"n\":7,"
				   "\"who\":\"some \\\"one\\\"\","
				   "\"prev\":\"00000000000000000000000000000000"
				   "00000000000000000000000000000000\","
				   "\"hash\":\"74d5016c4e686cdffec9f51e880c75bb"
				   "a9d5a1640597291aaee3083233fc72d4\"}\n";
	struct control_audit *audit;
	char hash[65];
	char *text;

	folder_make();
	audit = audit_open("log");
	put(audit, "test", 7);
	ck_assert_uint_eq(control_audit_last(audit, hash), 1);
	ck_assert_int_eq(control_audit_sync(audit), 0);
	control_audit_close(audit);
	text = folder_read("log", NULL);

	ck_assert_str_eq(text, want);
	ck_assert_ptr_nonnull(strstr(text, hash));
	free(text);
	folder_remove();
}
END_TEST

START_TEST(audit_chain_goes_on_over_restarts)
{
	struct control_audit_report r;

	folder_make();
	log_of("log", 3);
	log_of("log", 2);
	log_of("log", 0);
	log_of("log", 1);
	r = verify("log");

	ck_assert_uint_eq(r.bad_line, 0);
	ck_assert_uint_eq(r.lines, 6);
	ck_assert_uint_eq(r.first_seq, 1);
	ck_assert_uint_eq(r.last_seq, 6);
	folder_remove();
}
END_TEST

START_TEST(audit_any_changed_byte_is_found_on_its_line)
{
	size_t len;
	char *text;

	folder_make();
	log_of("log", 3);
	text = folder_read("log", &len);
	for (size_t i = 0; i < len; i++) {
		uint64_t line = 1;

		for (size_t k = 0; k < i; k++)
			line += text[k] == '\n';
		text[i] ^= 1;
		folder_write("bad", text, len);
		/* Without its newline a last line is still whole; any other change shows. */
		if (i != len - 1)
			ck_assert_msg(verify("bad").bad_line == line, "byte %zu: line %llu", i,
			              (unsigned long long)verify("bad").bad_line);
		text[i] ^= 1;
	}
	free(text);
	folder_remove();
}
END_TEST

START_TEST(audit_removed_added_or_moved_line_is_found)
{
	char *text, *line[4], *end;
	char made[8192];

	folder_make();
	log_of("log", 4);
	text = folder_read("log", NULL);
	line[0] = text;
	for (int i = 0; i < 4; i++) {
		end = strchr(line[i], '\n');
		*end = '\0';
		if (i < 3)
			line[i + 1] = end + 1;
	}
	snprintf(made, sizeof(made), "%s\n%s\n%s\n", line[0], line[2], line[3]);
	folder_write("bad", made, strlen(made));
	verify_says("bad", 1, 2);
	snprintf(made, sizeof(made), "%s\n%s\n%s\n", line[0], line[0], line[1]);
	folder_write("bad", made, strlen(made));
	verify_says("bad", 1, 2);
	snprintf(made, sizeof(made), "%s\n%s\n%s\n%s\n", line[0], line[1], line[3], line[2]);
	folder_write("bad", made, strlen(made));
	verify_says("bad", 2, 3);
	snprintf(made, sizeof(made), "%s\n%s\nhello\n%s\n", line[0], line[1], line[2]);
	folder_write("bad", made, strlen(made));
	verify_says("bad", 2, 3);
	snprintf(made, sizeof(made), "%s\n%s\n", line[2], line[3]); /* what rotation leaves */
	folder_write("bad", made, strlen(made));
	verify_says("bad", 2, 0);
	free(text);
	folder_remove();
}
END_TEST

START_TEST(audit_torn_last_line_is_recorded_at_each_length)
{
	size_t len, whole;
	char *text;

	folder_make();
	log_of("log", 2);
	text = folder_read("log", &len);
	whole = (size_t)(strchr(text, '\n') - text) + 1;
	for (size_t cut = 1; cut < len; cut++) {
		struct control_audit *audit;
		const bool torn = cut < whole - 1 || (cut > whole && cut < len - 1);
		struct control_audit_report r;

		folder_write("torn", text, cut);
		if (torn)
			ck_assert_uint_ne(verify("torn").bad_line, 0);
		audit = audit_open("torn");
		ck_assert_int_eq(control_audit_torn_bytes(audit) > 0, torn);
		put(audit, "after", cut);
		put(audit, "after", cut);
		control_audit_close(audit);
		r = verify("torn");
		ck_assert_msg(r.bad_line == 0, "cut at %zu: line %llu %s", cut,
		              (unsigned long long)r.bad_line, r.why);
		ck_assert_uint_eq(r.torn_bytes, torn ? cut - (cut > whole ? whole : 0) : 0);
	}
	free(text);
	folder_remove();
}
END_TEST

START_TEST(audit_torn_bytes_that_were_changed_later_are_found)
{
	struct control_audit *audit;
	char *text;
	size_t len;

	folder_make();
	log_of("log", 1);
	folder_append("log", "{\"seq\":2,\"ti", 12);
	audit = audit_open("log");
	put(audit, "after", 1);
	control_audit_close(audit);
	verify_says("log", 3, 0);
	text = folder_read("log", &len);
	*strstr(text, "{\"seq\":2,\"ti\n") = '[';
	folder_write("log", text, len);

	verify_says("log", 1, 2);
	free(text);
	folder_remove();
}
END_TEST

/* The file may not grow beyond @p room bytes, then a little, then at will. */
static void
full_disk(rlim_t room)
{
	const struct rlimit tight = { room, RLIM_INFINITY };
	const struct rlimit wider = { room + 150, RLIM_INFINITY };
	const struct rlimit before = { RLIM_INFINITY, RLIM_INFINITY };
	struct control_audit *audit;
	struct control_audit_report r;
	unsigned failed = 0;

	folder_make();
	stats = (struct control_audit_stats){ 0 };
	audit = audit_open("log");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
	for (unsigned i = 0; i < 6; i++)
		failed += control_audit_write(audit, "test", NULL, 0) < 0;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &wider), 0);
	failed += control_audit_write(audit, "test", NULL, 0) < 0;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert_int_eq(control_audit_write(audit, "room", NULL, 0), 0);
	ck_assert_uint_ge(failed, 1);
	ck_assert_uint_eq(stats.lost_events, failed);
	ck_assert_uint_ge(stats.write_errors, failed);
	control_audit_close(audit);
	log_of("log", 1);

	r = verify("log");
	ck_assert_msg(r.bad_line == 0, "room %lu: line %llu %s", (unsigned long)room,
	              (unsigned long long)r.bad_line, r.why);
	ck_assert_uint_eq(r.lost_events, failed);
	folder_remove();
}

START_TEST(audit_full_disk_tears_lines_and_the_chain_goes_on_with_a_record)
{
	struct control_audit *audit;
	size_t line;

	folder_make();
	audit = audit_open("log");
	ck_assert_int_eq(control_audit_write(audit, "test", NULL, 0), 0);
	control_audit_close(audit);
	free(folder_read("log", &line));
	folder_remove();

	signal(SIGXFSZ, SIG_IGN);
	for (rlim_t room = 250; room < 1050; room += 9)
		full_disk(room);
	for (rlim_t nb = 1; nb <= 2; nb++) /* all but the newline fits; exactly; one byte more */
		for (rlim_t room = nb * line - 2; room <= nb * line + 2; room++)
			full_disk(room);
	signal(SIGXFSZ, SIG_DFL);
}
END_TEST

/* A line with the right number and a hash of its own, but of another chain. */
START_TEST(audit_line_of_another_chain_is_found)
{
	struct audit_hash none, hash;
	struct audit_event ev = { .seq = 1, .event = "test", .prev = &none };
	char text[AUDIT_LINE_MAX];
	size_t len;

	folder_make();
	audit_hash_none(&none);
	for (ev.seq = 1; ev.seq <= 2; ev.seq++) {
		len = audit_line_make(text, &ev, &hash);
		text[len] = '\n';
		folder_append("log", text, len + 1);
	}
	verify_says("log", 1, 2);
	folder_remove();
}
END_TEST

START_TEST(audit_files_that_are_not_ours_are_left_alone)
{
	static const char *const texts[] = { "root:x:0:0\n", "root:x:0:0", "{}\n", "\n",
		                             "{\"seq\":1}\nx\n" };
	struct control_audit *audit;
	char *big, *text;
	size_t len;

	folder_make();
	for (size_t i = 0; i + 1 < AEF_DIM(texts); i++) {
		folder_write("other", texts[i], strlen(texts[i]));
		ck_assert_msg(audit_try("other", &audit) == AEF_ERR_MALFORMED, "%s", texts[i]);
		text = folder_read("other", &len);
		ck_assert_str_eq(text, texts[i]);
		free(text);
	}
	big = malloc(300000);
	memset(big, 'x', 300000);
	memcpy(big, AUDIT_HEAD, sizeof(AUDIT_HEAD) - 1);
	folder_write("big", big, 300000);
	ck_assert_int_eq(audit_try("big", &audit), AEF_ERR_MALFORMED);
	free(big);
	log_of("log", 2);
	text = folder_read("log", &len);
	strstr(strchr(text, '\n'), "\"n\":1")[4] = '2'; /* somebody edits the last line */
	folder_write("log", text, len);
	free(text);
	ck_assert_int_eq(audit_try("log", &audit), AEF_ERR_MALFORMED);
	ck_assert_ptr_nonnull(strstr(error_buf, "aetherctl audit verify"));
	folder_remove();
}
END_TEST

START_TEST(audit_file_that_others_may_touch_is_refused)
{
	struct control_audit *audit, *other;
	struct stat st;

	folder_make();
	audit = audit_open("log");
	ck_assert_int_eq(stat(folder_path("log"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(audit_try("log", &other), AEF_ERR_EXISTS);
	control_audit_close(audit);
	ck_assert_int_eq(chmod(folder_path("log"), 0640), 0);
	ck_assert_int_eq(audit_try("log", &audit), AEF_ERR_AUTH);
	ck_assert_int_eq(symlink("log", folder_path("link")), 0);
	ck_assert_int_eq(audit_try("link", &audit), AEF_ERR_IO);
	ck_assert_int_eq(mkfifo(folder_path("fifo"), 0600), 0);
	ck_assert_int_eq(audit_try("fifo", &audit), AEF_ERR_IO);
	ck_assert_int_eq(audit_try(".", &audit), AEF_ERR_IO);
	ck_assert_int_eq(audit_try("none/log", &audit), AEF_ERR_IO);
	ck_assert_ptr_nonnull(strstr(error_buf, "cannot be opened"));
	control_audit_close(NULL);
	folder_remove();
}
END_TEST

START_TEST(audit_rotated_file_goes_on_with_the_chain_of_the_one_before)
{
	struct control_audit *audit;
	struct control_audit_report a, b;

	folder_make();
	audit = audit_open("log");
	put(audit, "test", 1);
	put(audit, "test", 2);
	ck_assert_int_eq(control_audit_reopen(audit, &error), 0); /* still the same file */
	ck_assert_int_eq(rename(folder_path("log"), folder_path("log.1")), 0);
	put(audit, "test", 3); /* goes where the old one went */
	ck_assert_int_eq(control_audit_reopen(audit, &error), 0);
	put(audit, "test", 4);
	control_audit_close(audit);

	a = verify("log.1");
	ck_assert_uint_eq(a.lines, 3);
	ck_assert_int_eq(control_audit_verify(folder_path("log"), &a, &b, &error), 0);
	ck_assert_uint_eq(b.bad_line, 0);
	ck_assert_uint_eq(b.first_seq, 4);
	ck_assert_str_eq(b.first_prev, a.last_hash);
	ck_assert_int_eq(control_audit_verify(folder_path("log.1"), &b, &a, &error), 0);
	ck_assert_uint_eq(a.bad_line, 1); /* in the wrong order */
	folder_remove();
}
END_TEST

START_TEST(audit_chain_of_files_goes_on_over_an_empty_one_in_one_report)
{
	struct control_audit *audit;
	struct control_audit_report r;

	folder_make();
	audit = audit_open("log");
	put(audit, "test", 1);
	ck_assert_int_eq(rename(folder_path("log"), folder_path("log.2")), 0);
	ck_assert_int_eq(control_audit_reopen(audit, &error), 0); /* nothing came before the next */
	ck_assert_int_eq(rename(folder_path("log"), folder_path("log.1")), 0);
	ck_assert_int_eq(control_audit_reopen(audit, &error), 0);
	put(audit, "test", 2);
	control_audit_close(audit);

	r = verify("log.2");
	ck_assert_int_eq(control_audit_verify(folder_path("log.1"), &r, &r, &error), 0);
	ck_assert_uint_eq(r.lines, 0);
	ck_assert_int_eq(control_audit_verify(folder_path("log"), &r, &r, &error), 0);
	ck_assert_uint_eq(r.bad_line, 0);
	ck_assert_uint_eq(r.first_seq, 2);
	folder_remove();
}
END_TEST

START_TEST(audit_reopen_that_fails_keeps_the_file)
{
	struct control_audit *audit;

	folder_make();
	audit = audit_open("log");
	put(audit, "test", 1);
	ck_assert_int_eq(rename(folder_path("log"), folder_path("log.1")), 0);
	folder_write("log", "hello\n", 6);
	ck_assert_int_eq(control_audit_reopen(audit, &error), AEF_ERR_MALFORMED);
	put(audit, "test", 2);
	control_audit_close(audit);

	verify_says("log.1", 2, 0);
	folder_remove();
}
END_TEST

START_TEST(audit_hostile_text_stays_one_line)
{
	char text[400];
	struct control_audit *audit;
	const struct control_audit_field fields[] = { { .name = "t", .text = text } };
	char *data;
	size_t len;

	folder_make();
	audit = audit_open("log");
	for (unsigned c = 1; c < 256; c++)
		text[c - 1] = (char)c;
	memset(text + 255, 0xff, 144);
	text[399] = '\0';
	ck_assert_int_eq(control_audit_write(audit, "test", fields, 1), 0);
	memmove(text, text + 120, 280);
	ck_assert_int_eq(control_audit_write(audit, "test", fields, 1), 0);
	control_audit_close(audit);
	data = folder_read("log", &len);

	verify_says("log", 2, 0);
	for (size_t i = 0; i < len; i++)
		ck_assert((uint8_t)data[i] >= 0x20 || data[i] == '\n');
	free(data);
	folder_remove();
}
END_TEST

START_TEST(audit_verify_of_other_files_says_what_they_are)
{
	struct control_audit_report r;

	folder_make();
	folder_write("empty", "", 0);
	folder_write("other", "a\nb\n", 4);
	verify_says("empty", 0, 0);
	verify_says("other", 0, 1);
	error = aef_text_make(error_buf, sizeof(error_buf));
	ck_assert_int_eq(control_audit_verify(folder_path("none"), NULL, &r, &error), AEF_ERR_IO);
	ck_assert_int_eq(control_audit_verify(folder_path("."), NULL, &r, &error), AEF_ERR_IO);
	folder_remove();
}
END_TEST

TEST_SUITE(audit, &audit_line_has_the_documented_form_and_a_known_hash,
           &audit_chain_goes_on_over_restarts, &audit_any_changed_byte_is_found_on_its_line,
           &audit_removed_added_or_moved_line_is_found,
           &audit_torn_last_line_is_recorded_at_each_length,
           &audit_torn_bytes_that_were_changed_later_are_found,
           &audit_full_disk_tears_lines_and_the_chain_goes_on_with_a_record,
           &audit_line_of_another_chain_is_found, &audit_files_that_are_not_ours_are_left_alone,
           &audit_file_that_others_may_touch_is_refused,
           &audit_rotated_file_goes_on_with_the_chain_of_the_one_before,
           &audit_chain_of_files_goes_on_over_an_empty_one_in_one_report,
           &audit_reopen_that_fails_keeps_the_file, &audit_hostile_text_stays_one_line,
           &audit_verify_of_other_files_says_what_they_are)
