/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/err.h>
#include <base/rng.h>
#include <base/time.h>
#include <control/server.h>

#include "folder.h"
#include "harness.h"

static uint64_t clock_ns;
static struct control_loop *loop;
static struct aef_commands commands;
static struct control_server *server;
static struct control_server_stats stats;
static char error_buf[512];
static struct control_caller caller;

static uint64_t
now_ns(void)
{
	return clock_ns;
}

static int
cmd_say(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	for (int i = 0; i < argc; i++)
		aef_text_printf(out, "%s%s", i > 0 ? " " : "", argv[i]);
	return 0;
}

static int
cmd_fail(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	(void)argv;
	aef_text_printf(out, "It is \"broken\"\n\x01\xff");
	return AEF_ERR_STATE;
}

/* Fills the text and one byte more. */
static int
cmd_much(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	(void)argv;
	while (!out->cut)
		aef_text_printf(out, "\n\n\n\n\n\n\n\xc3\xa4");
	return 0;
}

static int
cmd_who(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	(void)argv;
	(void)out;
	return control_server_caller(server, &caller);
}

static const struct aef_command table[] = {
	{ "say", "<words>", "say them", cmd_say, 0, 15 },
	{ "fail", "", "fail", cmd_fail, 0, 0 },
	{ "much", "", "say much", cmd_much, 0, 0 },
	{ "who", "", "who asks", cmd_who, 0, 0 },
	{ 0 },
};

static int
server_try(const char *name, uint32_t mode)
{
	struct aef_text error = aef_text_make(error_buf, sizeof(error_buf));
	const struct control_server_conf conf = { .loop = loop,
		                                  .commands = &commands,
		                                  .stats = &stats,
		                                  .path = folder_path(name),
		                                  .mode = mode,
		                                  .uid = geteuid() };

	return control_server_create(&conf, &server, &error);
}

static void
setup(uint32_t mode)
{
	const struct control_loop_conf conf = { .now_ns = now_ns };

	folder_make();
	clock_ns = 1000;
	stats = (struct control_server_stats){ 0 };
	ck_assert_int_eq(control_loop_create(&conf, &loop), 0);
	ck_assert_int_eq(aef_commands_init(&commands, 8), 0);
	ck_assert_int_eq(aef_commands_add(&commands, table, NULL), 0);
	ck_assert_int_eq(server_try("sock", mode), 0);
}

static void
teardown(void)
{
	control_server_destroy(server);
	server = NULL;
	ck_assert_int_ne(access(folder_path("sock"), F_OK), 0);
	control_loop_destroy(loop);
	aef_commands_fini(&commands);
	folder_remove();
}

static void
turn(void)
{
	for (int i = 0; i < 1000 && control_loop_poll(loop, 0) > 0; i++)
		;
}

static struct sockaddr_un
address(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", folder_path(name));
	return a;
}

static int
dial(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	const struct sockaddr_un a = address("sock");

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	turn();
	return fd;
}

static void
tell(int fd, const void *data, size_t len)
{
	size_t sent = 0;

	while (sent < len) {
		const ssize_t n = send(fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0) {
			ck_assert_int_eq(errno, EAGAIN);
			turn();
		} else
			sent += (size_t)n;
	}
	turn();
}

/* What came since, static storage. "EOF" when the other end has closed and nothing came. */
static const char *
hear(int fd)
{
	static char buf[3u << 20];
	size_t len = 0;
	ssize_t n;

	do {
		turn();
		n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0);
	buf[len] = '\0';
	return n == 0 && len == 0 ? "EOF" : buf;
}

static const char *
ask(int fd, const char *line)
{
	tell(fd, line, strlen(line));
	return hear(fd);
}

START_TEST(server_request_runs_a_command_and_echoes_its_id)
{
	int fd;

	setup(0);
	fd = dial();
	ck_assert_str_eq(ask(fd, "{\"id\":7,\"cmd\":\"say hello world\"}\n"),
	                 "{\"id\":7,\"ok\":true,\"text\":\"hello world\"}\n");
	ck_assert_str_eq(ask(fd, " { \"cmd\" : \"say\\u0020h\\u00e4\" , \"id\":\"a\\\"b\"} \r\n"),
	                 "{\"id\":\"a\\\"b\",\"ok\":true,\"text\":\"h\xc3\xa4\"}\n");
	ck_assert_str_eq(ask(fd, "{\"cmd\":\"say 1\",\"id\":null}\n{\"cmd\":\"\"}\n\n"),
	                 "{\"id\":null,\"ok\":true,\"text\":\"1\"}\n"
	                 "{\"id\":null,\"ok\":true,\"text\":\"\"}\n");
	ck_assert_str_eq(ask(fd, "{\"id\":1,\"cmd\":\"fail\"}\n"),
	                 "{\"id\":1,\"ok\":false,\"error\":\"state\","
	                 "\"text\":\"It is \\\"broken\\\"\\n??\"}\n");
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"cmd\":\"help\"}\n"), "say <words> - say them"));
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"cmd\":\"nosuch\"}\n"), "\"error\":\"not"));
	ck_assert_uint_eq(stats.requests, 7);
	ck_assert_uint_eq(stats.bad_requests, 0);
	close(fd);
	turn();
	ck_assert_uint_eq(stats.clients, 0);
	teardown();
}
END_TEST

START_TEST(server_line_that_is_no_request_is_answered_and_changes_nothing)
{
	static const struct {
		const char *line, *error;
	} lines[] = {
		{ "hello", "malformed" },
		{ "{", "malformed" },
		{ "[]", "malformed" },
		{ "{}", "invalid" },
		{ "{\"id\":1}", "invalid" },
		{ "{\"cmd\":1}", "invalid" },
		{ "{\"cmd\":null}", "invalid" },
		{ "{\"cmd\":[\"say\"]}", "invalid" },
		{ "{\"cmd\":\"say\",\"cmd\":\"say\"}", "invalid" },
		{ "{\"id\":1,\"id\":1,\"cmd\":\"say\"}", "invalid" },
		{ "{\"id\":{},\"cmd\":\"say\"}", "invalid" },
		{ "{\"id\":true,\"cmd\":\"say\"}", "invalid" },
		{ "{\"cmd\":\"say\",\"more\":1}", "invalid" },
		{ "{\"cmd\":\"say\"} x", "malformed" },
		{ "{\"cmd\":\"say\"}{\"cmd\":\"say\"}", "malformed" },
		{ "{\"cmd\":\"say\\u0000x\"}", "invalid" },
		{ "{\"cmd\":\"say\\nx\"}", "invalid" },
		{ "{\"cmd\":\"say \xff\"}", "malformed" },
		{ "{\"cmd\":\"\\ud800\"}", "malformed" },
		{ "\"say\"", "malformed" },
		{ "{\"id\":\"0123456789012345678901234567890123456789012345678901234567890123\","
		  "\"cmd\":\"say\"}",
		  "limit" },
	};
	int fd;

	setup(0);
	fd = dial();
	for (size_t i = 0; i < AEF_DIM(lines); i++) {
		char line[256], want[64];
		const char *got;

		snprintf(line, sizeof(line), "%s\n", lines[i].line);
		snprintf(want, sizeof(want), "\"ok\":false,\"error\":\"%s\"", lines[i].error);
		got = ask(fd, line);
		ck_assert_msg(strstr(got, want) != NULL, "%s: %s", lines[i].line, got);
	}
	ck_assert_uint_eq(stats.bad_requests, AEF_DIM(lines));
	ck_assert_uint_eq(stats.requests, 0);
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"cmd\":\"say 1\"}\n"), "\"text\":\"1\""));
	close(fd);
	teardown();
}
END_TEST

START_TEST(server_deep_or_long_values_are_refused)
{
	char *line = malloc(CONTROL_LINE_MAX + 1);
	int fd;

	setup(0);
	fd = dial();
	memset(line, '[', CONTROL_LINE_MAX);
	memcpy(line, "{\"id\":", 6);
	line[CONTROL_LINE_MAX - 1] = '\n';
	tell(fd, line, CONTROL_LINE_MAX);
	ck_assert_ptr_nonnull(strstr(hear(fd), "\"error\":\"invalid\""));
	memset(line, 'a', CONTROL_LINE_MAX);
	memcpy(line, "{\"cmd\":\"", 8);
	memcpy(line + CONTROL_LINE_MAX - 3, "\"}\n", 3);
	tell(fd, line, CONTROL_LINE_MAX);
	ck_assert_ptr_nonnull(strstr(hear(fd), "\"error\":\"limit\""));
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"cmd\":\"say 1\"}\n"), "\"text\":\"1\""));
	memset(line, 'a', CONTROL_LINE_MAX); /* no newline: the connection ends */
	tell(fd, line, CONTROL_LINE_MAX);
	ck_assert_ptr_nonnull(strstr(hear(fd), "The line is too long"));
	ck_assert_str_eq(hear(fd), "EOF");
	ck_assert_uint_eq(stats.clients, 0);
	close(fd);
	free(line);
	teardown();
}
END_TEST

START_TEST(server_pieces_and_pipelines_of_requests_are_answered_in_order)
{
	const char line[] = "{\"id\":1,\"cmd\":\"say x\"}\n";
	char many[200 * 32];
	size_t len = 0, nb = 0;
	int fd;

	setup(0);
	fd = dial();
	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		ck_assert_uint_eq(stats.requests, 0);
		tell(fd, line + i, 1);
	}
	ck_assert_str_eq(hear(fd), "{\"id\":1,\"ok\":true,\"text\":\"x\"}\n");
	for (unsigned i = 0; i < 200; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len,
		                        "{\"id\":%u,\"cmd\":\"say\"}\n", i);
	tell(fd, many, len);
	for (const char *p = hear(fd); *p != '\0'; nb++) {
		char want[64];
		const int n = snprintf(want, sizeof(want), "{\"id\":%zu,", nb);

		ck_assert_msg(strncmp(p, want, (size_t)n) == 0, "%zu: %.40s", nb, p);
		p = strchr(p, '\n') + 1;
	}
	ck_assert_uint_eq(nb, 200);
	close(fd);
	teardown();
}
END_TEST

START_TEST(server_half_closed_client_still_gets_its_answers)
{
	int fd;

	setup(0);
	fd = dial();
	tell(fd, "{\"cmd\":\"say 1\"}\n{\"cmd\":\"say 2\"}", 31); /* the last without newline */
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_ptr_nonnull(strstr(hear(fd), "\"text\":\"2\""));
	ck_assert_str_eq(hear(fd), "EOF");
	close(fd);
	fd = dial();
	tell(fd, "{\"cmd\":\"say", 11); /* cut off: must not run */
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_ptr_nonnull(strstr(hear(fd), "malformed"));
	close(fd);
	turn();
	ck_assert_uint_eq(stats.clients, 0);
	ck_assert_uint_eq(stats.requests, 2);
	teardown();
}
END_TEST

START_TEST(server_clients_beyond_sixteen_are_refused_with_a_sentence)
{
	int fds[CONTROL_CLIENTS_MAX], more;

	setup(0);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = dial();
	more = dial();
	ck_assert_ptr_nonnull(strstr(hear(more), "\"error\":\"full\""));
	ck_assert_str_eq(hear(more), "EOF");
	close(more);
	ck_assert_uint_eq(stats.clients, CONTROL_CLIENTS_MAX);
	ck_assert_uint_eq(stats.refused_full, 1);
	close(fds[3]);
	turn();
	fds[3] = dial();
	ck_assert_ptr_nonnull(strstr(ask(fds[3], "{\"cmd\":\"say 1\"}\n"), "\"text\":\"1\""));
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	teardown();
}
END_TEST

START_TEST(server_long_text_is_cut_and_arrives_whole)
{
	const char *got;
	int fd;

	setup(0);
	fd = dial();
	got = ask(fd, "{\"cmd\":\"much\"}\n");
	ck_assert_uint_gt(strlen(got), CONTROL_TEXT_MAX);
	ck_assert_ptr_nonnull(strstr(got, "\",\"cut\":true}\n"));
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"cmd\":\"say 1\"}\n"), "\"text\":\"1\""));
	close(fd);
	teardown();
}
END_TEST

START_TEST(server_slow_client_is_dropped_and_others_are_served_meanwhile)
{
	const char much[] = "{\"cmd\":\"much\"}\n{\"cmd\":\"much\"}\n{\"cmd\":\"much\"}\n";
	int slow, fast;

	setup(0);
	slow = dial();
	fast = dial();
	tell(slow, much, sizeof(much) - 1); /* takes nothing */
	ck_assert_uint_eq(stats.requests, 1);
	ck_assert_ptr_nonnull(strstr(ask(fast, "{\"cmd\":\"say 1\"}\n"), "\"text\":\"1\""));
	clock_ns += (CONTROL_TAKE_S - 1) * AEF_NS_PER_S;
	turn();
	ck_assert_uint_eq(stats.clients, 2);
	clock_ns += 2 * AEF_NS_PER_S;
	turn();
	ck_assert_uint_eq(stats.clients, 1);
	ck_assert_uint_eq(stats.dropped_slow, 1);
	ck_assert_uint_eq(stats.requests, 2);
	clock_ns += CONTROL_IDLE_S * AEF_NS_PER_S;
	turn();
	ck_assert_uint_eq(stats.dropped_silent, 1);
	ck_assert_str_eq(hear(fast), "EOF");
	close(slow);
	close(fast);
	teardown();
}
END_TEST

START_TEST(server_client_that_vanishes_at_any_point_leaves_nothing)
{
	const char much[] = "{\"cmd\":\"much\"}\n{\"cmd\":\"say\"}\n";

	setup(0);
	for (size_t cut = 0; cut < sizeof(much); cut++) {
		const int fd = dial();

		tell(fd, much, cut);
		close(fd);
		turn();
		ck_assert_uint_eq(stats.clients, 0);
	}
	teardown();
}
END_TEST

START_TEST(server_random_bytes_never_stop_it)
{
	struct aef_rng rng;
	uint64_t answered;
	int fd;

	setup(0);
	printf("seed 11\n");
	aef_rng_init(&rng, 11);
	fd = dial();
	for (unsigned i = 0; i < 3000; i++) {
		char line[64] = "{\"id\":1,\"cmd\":\"say x\"}\n";
		const size_t len = strlen(line);

		for (uint64_t k = aef_rng_below(&rng, 4); k < 4; k++)
			line[aef_rng_below(&rng, len - 1)] = (char)aef_rng_below(&rng, 256);
		tell(fd, line, len);
		ck_assert_str_ne(hear(fd), "EOF");
	}
	answered = stats.bad_requests + stats.requests;
	ck_assert_uint_ge(answered, 3000 - 3000 / 10);
	tell(fd, "\n", 1);
	(void)hear(fd);
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"cmd\":\"say 1\"}\n"), "\"text\":\"1\""));
	close(fd);
	teardown();
}
END_TEST

START_TEST(server_names_who_asked_only_within_a_command)
{
	struct control_caller none;
	int fd;

	setup(0);
	fd = dial();
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"cmd\":\"who\"}\n"), "\"ok\":true"));
	ck_assert_uint_eq(caller.uid, geteuid());
	ck_assert_int_eq(caller.pid, getpid());
	ck_assert_int_eq(control_server_caller(server, &none), AEF_ERR_STATE);
	ck_assert_int_eq(control_server_caller(NULL, &none), AEF_ERR_STATE);
	close(fd);
	teardown();
}
END_TEST

/* In a process of another user; the exit status is 0 when it was refused with a sentence. */
static int
other_user(void)
{
	const struct sockaddr_un a = address("sock");
	char buf[256] = "";
	int fd;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
		return 3;
	if (recv(fd, buf, sizeof(buf) - 1, 0) <= 0 || strstr(buf, "\"error\":\"denied\"") == NULL)
		return 4;
	return recv(fd, buf, sizeof(buf), 0) == 0 ? 0 : 5;
}

START_TEST(server_another_user_is_refused_whatever_the_mode)
{
	int status = 0;
	pid_t pid;

	if (geteuid() != 0) {
		test_skip("needs root, to be another user");
		return;
	}
	setup(0666);
	pid = fork();
	if (pid == 0)
		_exit(other_user());
	for (int i = 0; i < 3000 && waitpid(pid, &status, WNOHANG) == 0; i++)
		(void)control_loop_poll(loop, 10);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_uint_eq(stats.refused_peers, 1);
	ck_assert_uint_eq(stats.accepted, 0);
	teardown();
}
END_TEST

START_TEST(server_socket_has_the_mode_and_a_stale_one_is_replaced)
{
	struct sockaddr_un a;
	struct stat st;
	int fd;

	setup(0660);
	ck_assert_int_eq(stat(folder_path("sock"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	control_server_destroy(server);
	fd = socket(AF_UNIX, SOCK_STREAM, 0); /* bound, nobody listens any more */
	a = address("sock");
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	ck_assert_int_eq(server_try("sock", 0), 0);
	ck_assert_int_eq(stat(folder_path("sock"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	close(dial());
	teardown();
}
END_TEST

START_TEST(server_live_socket_other_file_or_bad_path_is_refused)
{
	char name[200];
	struct control_server *first;

	setup(0);
	first = server;
	ck_assert_int_eq(server_try("sock", 0), AEF_ERR_EXISTS);
	ck_assert_ptr_nonnull(strstr(error_buf, "Another program listens"));
	close(dial()); /* the first one is not disturbed */
	folder_write("file", "x", 1);
	ck_assert_int_eq(server_try("file", 0), AEF_ERR_EXISTS);
	ck_assert_ptr_nonnull(strstr(error_buf, "is not a socket"));
	ck_assert_int_eq(access(folder_path("file"), F_OK), 0);
	ck_assert_int_eq(server_try("none/sock", 0), AEF_ERR_IO);
	ck_assert_ptr_nonnull(strstr(error_buf, "cannot be opened"));
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(server_try(name, 0), AEF_ERR_LIMIT);
	server = first;
	teardown();
}
END_TEST

START_TEST(server_file_that_replaced_the_socket_is_not_removed)
{
	setup(0);
	ck_assert_int_eq(unlink(folder_path("sock")), 0);
	folder_write("sock", "x", 1);
	control_server_destroy(server);
	server = NULL;
	ck_assert_int_eq(unlink(folder_path("sock")), 0);
	control_server_destroy(NULL);
	teardown();
}
END_TEST

START_TEST(server_without_descriptors_waits_and_goes_on)
{
	struct rlimit old, tight;
	int fd;

	setup(0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)fd + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	{
		const struct sockaddr_un a = address("sock");

		ck_assert_int_eq(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	}
	turn();
	ck_assert_int_eq(control_loop_poll(loop, 0), 0); /* it does not spin */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	clock_ns += AEF_NS_PER_S;
	turn();
	ck_assert_ptr_nonnull(strstr(ask(fd, "{\"cmd\":\"say 1\"}\n"), "\"text\":\"1\""));
	close(fd);
	teardown();
}
END_TEST

TEST_SUITE(server, &server_request_runs_a_command_and_echoes_its_id,
           &server_line_that_is_no_request_is_answered_and_changes_nothing,
           &server_deep_or_long_values_are_refused,
           &server_pieces_and_pipelines_of_requests_are_answered_in_order,
           &server_half_closed_client_still_gets_its_answers,
           &server_clients_beyond_sixteen_are_refused_with_a_sentence,
           &server_long_text_is_cut_and_arrives_whole,
           &server_slow_client_is_dropped_and_others_are_served_meanwhile,
           &server_client_that_vanishes_at_any_point_leaves_nothing,
           &server_random_bytes_never_stop_it, &server_names_who_asked_only_within_a_command,
           &server_another_user_is_refused_whatever_the_mode,
           &server_socket_has_the_mode_and_a_stale_one_is_replaced,
           &server_live_socket_other_file_or_bad_path_is_refused,
           &server_file_that_replaced_the_socket_is_not_removed,
           &server_without_descriptors_waits_and_goes_on)
