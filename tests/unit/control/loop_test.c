/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/epoll.h>
#include <unistd.h>

#include <base/err.h>
#include <control/loop.h>

#include "harness.h"

static uint64_t clock_ns;

static uint64_t
now_ns(void)
{
	return clock_ns;
}

static struct control_loop *
loop_make(void)
{
	const struct control_loop_conf conf = { .fds_max = 2, .timers_max = 3, .now_ns = now_ns };
	struct control_loop *loop;

	clock_ns = 1000;
	ck_assert_int_eq(control_loop_create(&conf, &loop), 0);
	return loop;
}

struct seen {
	struct control_loop *loop;
	int calls;
	int fd_del; /* removed by the callback; -1: none */
	int fd_add; /* added by the callback then, for `added`; 0: none */
	struct seen *added;
	uint32_t events;
	uint32_t timer;
	uint64_t at_ns;
};

static void
on_fd(void *ctx, uint32_t events)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->events = events;
	if (seen->fd_del >= 0)
		control_loop_fd_del(seen->loop, seen->fd_del);
	if (seen->fd_add > 0)
		ck_assert_int_eq(
			control_loop_fd_add(seen->loop, seen->fd_add, EPOLLIN, on_fd, seen->added),
			0);
}

static void
on_timer(void *ctx, uint64_t at_ns)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->at_ns = at_ns;
}

START_TEST(loop_ready_descriptor_calls_until_it_is_removed)
{
	struct control_loop *loop = loop_make();
	struct seen seen = { .fd_del = -1 };
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(control_loop_fd_add(loop, fds[0], EPOLLIN, on_fd, &seen), 0);
	ck_assert_int_eq(control_loop_poll(loop, 0), 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(control_loop_poll(loop, 0), 1);
	ck_assert_int_eq(control_loop_poll(loop, 0), 1);
	ck_assert_uint_eq(seen.events, EPOLLIN);
	ck_assert_int_eq(control_loop_fd_mod(loop, fds[0], 0), 0);
	ck_assert_int_eq(control_loop_poll(loop, 0), 0);
	ck_assert_int_eq(control_loop_fd_mod(loop, fds[0], EPOLLIN), 0);
	control_loop_fd_del(loop, fds[0]);
	ck_assert_int_eq(control_loop_poll(loop, 0), 0);

	ck_assert_int_eq(seen.calls, 2);
	ck_assert_int_eq(control_loop_fd_mod(loop, fds[0], EPOLLIN), AEF_ERR_NOTFOUND);
	control_loop_fd_del(loop, fds[0]);
	close(fds[0]);
	close(fds[1]);
	control_loop_destroy(loop);
}
END_TEST

START_TEST(loop_descriptor_removed_by_an_earlier_callback_is_not_called)
{
	struct control_loop *loop = loop_make();
	int fds[2][2];
	struct seen a = { .loop = loop }, b = { .loop = loop };

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pipe(fds[i]), 0);
		ck_assert_int_eq(write(fds[i][1], "x", 1), 1);
	}
	a.fd_del = fds[1][0]; /* whichever is first removes the other one */
	b.fd_del = fds[0][0];
	ck_assert_int_eq(control_loop_fd_add(loop, fds[0][0], EPOLLIN, on_fd, &a), 0);
	ck_assert_int_eq(control_loop_fd_add(loop, fds[1][0], EPOLLIN, on_fd, &b), 0);
	ck_assert_int_eq(control_loop_poll(loop, 0), 1);

	ck_assert_int_eq(a.calls + b.calls, 1);
	for (int i = 0; i < 2; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
	control_loop_destroy(loop);
}
END_TEST

START_TEST(loop_event_of_a_removed_descriptor_is_not_its_successors)
{
	struct control_loop *loop = loop_make();
	struct seen c = { .fd_del = -1 };
	struct seen a = { .loop = loop, .added = &c }, b = a;
	int fds[3][2];

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pipe(fds[i]), 0);
		if (i < 2)
			ck_assert_int_eq(write(fds[i][1], "x", 1), 1);
	}
	a.fd_del = fds[1][0]; /* whichever is first puts the third one in the other's place */
	b.fd_del = fds[0][0];
	a.fd_add = b.fd_add = fds[2][0];
	ck_assert_int_eq(control_loop_fd_add(loop, fds[0][0], EPOLLIN, on_fd, &a), 0);
	ck_assert_int_eq(control_loop_fd_add(loop, fds[1][0], EPOLLIN, on_fd, &b), 0);
	ck_assert_int_eq(control_loop_poll(loop, 0), 1);

	ck_assert_int_eq(a.calls + b.calls, 1);
	ck_assert_int_eq(c.calls, 0);
	for (int i = 0; i < 3; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
	control_loop_destroy(loop);
}
END_TEST

START_TEST(loop_full_or_known_or_bad_descriptor_is_refused)
{
	struct control_loop *loop = loop_make();
	int fds[2][2];

	ck_assert_int_eq(pipe(fds[0]), 0);
	ck_assert_int_eq(pipe(fds[1]), 0);
	ck_assert_int_eq(control_loop_fd_add(loop, fds[0][0], EPOLLIN, on_fd, NULL), 0);
	ck_assert_int_eq(control_loop_fd_add(loop, fds[0][0], EPOLLIN, on_fd, NULL),
	                 AEF_ERR_EXISTS);
	ck_assert_int_eq(control_loop_fd_add(loop, 9999, EPOLLIN, on_fd, NULL), AEF_ERR_IO);
	ck_assert_int_eq(control_loop_fd_add(loop, fds[0][1], 0, on_fd, NULL), 0);
	ck_assert_int_eq(control_loop_fd_add(loop, fds[1][0], EPOLLIN, on_fd, NULL), AEF_ERR_FULL);
	for (int i = 0; i < 2; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
	control_loop_destroy(loop);
}
END_TEST

START_TEST(loop_timer_runs_when_due_and_misses_are_not_caught_up)
{
	struct control_loop *loop = loop_make();
	struct seen once = { .fd_del = -1 }, often = { .fd_del = -1 };
	uint32_t id, gone;

	ck_assert_int_eq(control_loop_timer_add(loop, 100, 0, on_timer, &once, &gone), 0);
	ck_assert_int_eq(control_loop_timer_add(loop, 50, 50, on_timer, &often, &id), 0);
	clock_ns += 49;
	ck_assert_int_eq(control_loop_poll(loop, 0), 0);
	clock_ns += 1;
	ck_assert_int_eq(control_loop_poll(loop, 0), 1);
	ck_assert_uint_eq(often.at_ns, 1050);
	clock_ns += 1000; /* twenty periods */
	ck_assert_int_eq(control_loop_poll(loop, 0), 2);
	ck_assert_int_eq(control_loop_poll(loop, 0), 0);
	ck_assert_int_eq(once.calls, 1);
	ck_assert_int_eq(often.calls, 2);
	control_loop_timer_del(loop, gone); /* is gone: nobody else's slot is freed */
	control_loop_timer_del(loop, 77u << 16 | 9999u);
	clock_ns += 50;
	ck_assert_int_eq(control_loop_poll(loop, 0), 1);
	control_loop_timer_del(loop, id);
	clock_ns += 1000;
	ck_assert_int_eq(control_loop_poll(loop, 0), 0);

	control_loop_destroy(loop);
}
END_TEST

START_TEST(loop_full_timer_table_is_refused_and_a_stale_id_removes_nothing)
{
	struct control_loop *loop = loop_make();
	struct seen seen = { .fd_del = -1 };
	uint32_t first;

	ck_assert_int_eq(control_loop_timer_add(loop, 10, 0, on_timer, &seen, &first), 0);
	ck_assert_int_eq(control_loop_timer_add(loop, 10, 0, on_timer, &seen, NULL), 0);
	ck_assert_int_eq(control_loop_timer_add(loop, 10, 0, on_timer, &seen, NULL), 0);
	ck_assert_int_eq(control_loop_timer_add(loop, 10, 0, on_timer, &seen, NULL), AEF_ERR_FULL);
	control_loop_timer_del(loop, first);
	ck_assert_int_eq(control_loop_timer_add(loop, 10, 0, on_timer, &seen, NULL), 0);
	control_loop_timer_del(loop, first); /* the slot has another owner */
	clock_ns += 10;
	ck_assert_int_eq(control_loop_poll(loop, 0), 3);

	control_loop_destroy(loop);
}
END_TEST

static void
on_stop(void *ctx, uint64_t at_ns)
{
	(void)at_ns;
	control_loop_stop(ctx);
}

START_TEST(loop_run_ends_at_stop_with_the_real_clock)
{
	struct control_loop *loop;

	ck_assert_int_eq(control_loop_create(NULL, &loop), 0);
	ck_assert_int_eq(control_loop_timer_add(loop, 1000000, 0, on_stop, loop, NULL), 0);

	ck_assert_int_eq(control_loop_run(loop), 0);

	control_loop_destroy(loop);
	control_loop_destroy(NULL);
}
END_TEST

TEST_SUITE(loop, &loop_ready_descriptor_calls_until_it_is_removed,
           &loop_descriptor_removed_by_an_earlier_callback_is_not_called,
           &loop_event_of_a_removed_descriptor_is_not_its_successors,
           &loop_full_or_known_or_bad_descriptor_is_refused,
           &loop_timer_runs_when_due_and_misses_are_not_caught_up,
           &loop_full_timer_table_is_refused_and_a_stale_id_removes_nothing,
           &loop_run_ends_at_stop_with_the_real_clock)
