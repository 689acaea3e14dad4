/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control/loop.h - the event loop of the control thread: descriptors and timers over epoll.
 *
 * Callbacks run one after another on the thread that polls; none may block. All tables are fixed
 * when the loop is made. A callback may add and remove descriptors and timers, also its own.
 *
 * Source:  epoll(7); timers by linear search, there are some dozen.
 * Units:   nanoseconds of conf.now_ns (CLOCK_MONOTONIC unless a test brings its own).
 * Context: one thread, the control thread.
 */
#ifndef CONTROL_LOOP_H
#define CONTROL_LOOP_H

#include <base/defs.h>

struct control_loop;

/** @param events EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as epoll reports them */
typedef void (*control_fd_fn)(void *ctx, uint32_t events);
typedef void (*control_timer_fn)(void *ctx, uint64_t now_ns);

struct control_loop_conf {
	uint32_t fds_max;         /* 0: 64 */
	uint32_t timers_max;      /* 0: 32 */
	uint64_t (*now_ns)(void); /* NULL: CLOCK_MONOTONIC */
};

/**
 * Make a loop.
 *
 * @param conf copied; NULL: all defaults
 * @return 0, AEF_ERR_NOMEM, AEF_ERR_IO (no epoll descriptor)
 */
AEF_MUST_CHECK int control_loop_create(const struct control_loop_conf *conf,
                                       struct control_loop **ret_loop);

/** Free; descriptors stay open, they are their owners'. NULL is accepted. */
void control_loop_destroy(struct control_loop *loop);

/**
 * Call @p fn when @p fd is ready for @p events (level triggered).
 *
 * @return 0, AEF_ERR_FULL, AEF_ERR_EXISTS (the descriptor is there), AEF_ERR_IO (epoll refuses it)
 */
AEF_MUST_CHECK int control_loop_fd_add(struct control_loop *loop, int fd, uint32_t events,
                                       control_fd_fn fn, void *ctx);

/** Wait for other events. @return 0, AEF_ERR_NOTFOUND, AEF_ERR_IO */
AEF_MUST_CHECK int control_loop_fd_mod(struct control_loop *loop, int fd, uint32_t events);

/** Forget @p fd, before it is closed; what epoll has already reported of it is dropped. */
void control_loop_fd_del(struct control_loop *loop, int fd);

/**
 * Call @p fn once after @p delay_ns, then every @p period_ns (0: never again, the timer is gone).
 * Periods that were missed are left out, not caught up with.
 *
 * @param ret_id for control_loop_timer_del(); NULL is fine
 * @return 0 or AEF_ERR_FULL
 */
AEF_MUST_CHECK int control_loop_timer_add(struct control_loop *loop, uint64_t delay_ns,
                                          uint64_t period_ns, control_timer_fn fn, void *ctx,
                                          uint32_t *ret_id);

/** Remove a timer; one that is gone already is fine. */
void control_loop_timer_del(struct control_loop *loop, uint32_t id);

/**
 * Wait at most @p timeout_ms (negative: for ever), or until the next timer, then call what is due.
 *
 * @return number of callbacks; AEF_ERR_IO when epoll fails. A signal ends the wait: 0.
 */
int control_loop_poll(struct control_loop *loop, int timeout_ms);

/** Poll until control_loop_stop(). @return 0 or AEF_ERR_IO */
AEF_MUST_CHECK int control_loop_run(struct control_loop *loop);

/** Make control_loop_run() return; from a callback, or before it is called. */
void control_loop_stop(struct control_loop *loop);

/** Now, by the loop's clock. */
uint64_t control_loop_now_ns(const struct control_loop *loop);

#endif
