/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <base/err.h>
#include <control/call.h>
#include <control/server.h>

#include "folder.h"
#include "harness.h"

static char error_buf[512];

static int
call(const char *name, const char *cmd, uint32_t ms, struct control_answer *ret_answer)
{
	struct aef_text error = aef_text_make(error_buf, sizeof(error_buf));

	return control_call(folder_path(name), cmd, ms, ret_answer, &error);
}

static int
cmd_much(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	(void)argv;
	while (!out->cut)
		aef_text_printf(out, "\n");
	return 0;
}

static const struct aef_command table[] = { { "much", "", "say much", cmd_much, 0, 0 }, { 0 } };

struct world {
	struct control_loop *loop;
	struct aef_commands commands;
	struct control_server *server;
	struct control_server_stats stats;
	atomic_bool stop;
	pthread_t thread;
};

static void
on_look(void *ctx, uint64_t now_ns)
{
	struct world *w = ctx;

	(void)now_ns;
	if (atomic_load(&w->stop))
		control_loop_stop(w->loop);
}

static void *
world_main(void *arg)
{
	struct world *w = arg;

	ck_assert_int_eq(control_loop_run(w->loop), 0);
	return NULL;
}

static void
world_start(struct world *w)
{
	struct aef_text error = aef_text_make(error_buf, sizeof(error_buf));
	struct control_server_conf conf = { .uid = geteuid() };

	*w = (struct world){ 0 };
	folder_make();
	ck_assert_int_eq(control_loop_create(NULL, &w->loop), 0);
	ck_assert_int_eq(aef_commands_init(&w->commands, 4), 0);
	ck_assert_int_eq(aef_commands_add(&w->commands, table, NULL), 0);
	conf.loop = w->loop;
	conf.commands = &w->commands;
	conf.stats = &w->stats;
	conf.path = folder_path("sock");
	ck_assert_int_eq(control_server_create(&conf, &w->server, &error), 0);
	ck_assert_int_eq(control_loop_timer_add(w->loop, 0, 1000000, on_look, w, NULL), 0);
	ck_assert_int_eq(pthread_create(&w->thread, NULL, world_main, w), 0);
}

static void
world_stop(struct world *w)
{
	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	control_server_destroy(w->server);
	control_loop_destroy(w->loop);
	aef_commands_fini(&w->commands);
	folder_remove();
}

START_TEST(call_answer_comes_back_whole)
{
	struct control_answer a;
	struct world w;

	world_start(&w);
	ck_assert_int_eq(call("sock", "help", 10000, &a), 0);
	ck_assert(a.ok && !a.cut);
	ck_assert_str_eq(a.text, "  much - say much\n");
	control_answer_free(&a);
	ck_assert_int_eq(call("sock", "say \"h\\i\" \xc3\xa4", 10000, &a), 0);
	ck_assert(!a.ok);
	ck_assert_str_eq(a.error, aef_err_name(AEF_ERR_NOTFOUND));
	control_answer_free(&a);
	ck_assert_int_eq(call("sock", "much", 10000, &a), 0);
	ck_assert(a.ok && a.cut);
	ck_assert_uint_eq(a.text_len, CONTROL_TEXT_MAX - 1);
	control_answer_free(&a);
	world_stop(&w);
}
END_TEST

START_TEST(call_nobody_there_or_a_bad_command_is_said)
{
	struct control_answer a;
	char cmd[600];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	folder_make();
	ck_assert_int_eq(call("sock", "help", 1000, &a), AEF_ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(error_buf, "No program listens"));
	memset(cmd, 'a', sizeof(cmd));
	cmd[599] = '\0';
	ck_assert_int_eq(call("sock", cmd, 1000, &a), AEF_ERR_LIMIT);
	ck_assert_int_eq(call("sock", "say \xff", 1000, &a), AEF_ERR_INVALID);
	folder_write("sock", "x", 1);
	ck_assert_int_eq(call("sock", "help", 1000, &a), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(unlink(folder_path("sock")), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", folder_path("sock"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	ck_assert_int_eq(call("sock", "help", 1, &a), AEF_ERR_TIMEOUT); /* it never accepts */
	close(fd);
	folder_remove();
}
END_TEST

struct other {
	int fd;
	const char *says;
};

static void *
other_main(void *arg)
{
	const struct other *o = arg;
	const int fd = accept(o->fd, NULL, NULL);
	char buf[256];

	ck_assert_int_gt(recv(fd, buf, sizeof(buf), 0), 0);
	ck_assert_int_eq(send(fd, o->says, strlen(o->says), MSG_NOSIGNAL), (int)strlen(o->says));
	close(fd);
	return NULL;
}

START_TEST(call_other_program_behind_the_socket_is_said)
{
	static const struct {
		const char *says;
		int rc;
	} cases[] = {
		{ "220 hello\n", AEF_ERR_MALFORMED },
		{ "{\"ok\":true}\n", AEF_ERR_MALFORMED },
		{ "{\"ok\":true,\"text\":\"x\"", AEF_ERR_IO },
		{ "{\"ok\":true,\"text\":\"x\"} y\n", AEF_ERR_MALFORMED },
		{ "", AEF_ERR_IO },
		{ "{\"ok\":true,\"text\":\"x\",\"new\":[1,{}],\"text\":\"y\"}\n", 0 },
	};

	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		struct other o = { .says = cases[i].says };
		struct control_answer a = { 0 };
		pthread_t thread;

		folder_make();
		o.fd = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", folder_path("sock"));
		ck_assert_int_eq(bind(o.fd, (struct sockaddr *)&address, sizeof(address)), 0);
		ck_assert_int_eq(listen(o.fd, 4), 0);
		ck_assert_int_eq(pthread_create(&thread, NULL, other_main, &o), 0);
		ck_assert_msg(call("sock", "help", 10000, &a) == cases[i].rc, "%s", cases[i].says);
		pthread_join(thread, NULL);
		if (cases[i].rc == 0)
			ck_assert_str_eq(a.text, "x");
		control_answer_free(&a);
		close(o.fd);
		folder_remove();
	}
}
END_TEST

TEST_SUITE(call, &call_answer_comes_back_whole, &call_nobody_there_or_a_bad_command_is_said,
           &call_other_program_behind_the_socket_is_said)
