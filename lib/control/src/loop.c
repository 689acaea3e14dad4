/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>
#include <base/time.h>
#include <control/loop.h>

#define FDS_DEFAULT    64u
#define TIMERS_DEFAULT 32u
#define EVENTS_MAX     16

struct fd_slot {
	control_fd_fn fn; /* NULL: free */
	void *ctx;
	int fd;
	uint32_t gen; /* an event of an earlier owner of this slot is recognised by it */
};

struct timer_slot {
	control_timer_fn fn; /* NULL: free */
	void *ctx;
	uint64_t due_ns;
	uint64_t period_ns;
	uint32_t gen;
};

struct control_loop {
	int epoll;
	bool stop;
	uint32_t fds_max, timers_max;
	uint64_t (*now_ns)(void);
	struct fd_slot *fds;
	struct timer_slot *timers;
};

static uint64_t
monotonic_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with this clock */
	return (uint64_t)ts.tv_sec * AEF_NS_PER_S + (uint64_t)ts.tv_nsec;
}

int
control_loop_create(const struct control_loop_conf *conf, struct control_loop **ret_loop)
{
	static const struct control_loop_conf none;
	const struct control_loop_conf *c = conf != NULL ? conf : &none;
	struct control_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return AEF_ERR_NOMEM;
	loop->fds_max = c->fds_max != 0 ? c->fds_max : FDS_DEFAULT;
	loop->timers_max = c->timers_max != 0 ? c->timers_max : TIMERS_DEFAULT;
	loop->now_ns = c->now_ns != NULL ? c->now_ns : monotonic_ns;
	loop->fds = calloc(loop->fds_max, sizeof(*loop->fds));
	loop->timers = calloc(loop->timers_max, sizeof(*loop->timers));
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->fds == NULL || loop->timers == NULL || loop->epoll < 0) {
		const int rc = loop->epoll < 0 ? AEF_ERR_IO : AEF_ERR_NOMEM;

		control_loop_destroy(loop);
		return rc;
	}
	*ret_loop = loop;
	return 0;
}

void
control_loop_destroy(struct control_loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
	free(loop->fds);
	free(loop->timers);
	free(loop);
}

static struct fd_slot *
fd_find(const struct control_loop *loop, int fd)
{
	for (uint32_t i = 0; i < loop->fds_max; i++)
		if (loop->fds[i].fn != NULL && loop->fds[i].fd == fd)
			return &loop->fds[i];
	return NULL;
}

static int
fd_ctl(struct control_loop *loop, int op, const struct fd_slot *slot, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	ev.data.u64 = (uint64_t)slot->gen << 32 | (uint64_t)(slot - loop->fds);
	return epoll_ctl(loop->epoll, op, slot->fd, &ev) == 0 ? 0 : AEF_ERR_IO;
}

int
control_loop_fd_add(struct control_loop *loop, int fd, uint32_t events, control_fd_fn fn, void *ctx)
{
	if (fd_find(loop, fd) != NULL)
		return AEF_ERR_EXISTS;
	for (uint32_t i = 0; i < loop->fds_max; i++) {
		struct fd_slot *slot = &loop->fds[i];
		int rc;

		if (slot->fn != NULL)
			continue;
		*slot = (struct fd_slot){ .fn = fn, .ctx = ctx, .fd = fd, .gen = slot->gen + 1 };
		rc = fd_ctl(loop, EPOLL_CTL_ADD, slot, events);
		if (rc < 0)
			slot->fn = NULL;
		return rc;
	}
	return AEF_ERR_FULL;
}

int
control_loop_fd_mod(struct control_loop *loop, int fd, uint32_t events)
{
	const struct fd_slot *slot = fd_find(loop, fd);

	return slot != NULL ? fd_ctl(loop, EPOLL_CTL_MOD, slot, events) : AEF_ERR_NOTFOUND;
}

void
control_loop_fd_del(struct control_loop *loop, int fd)
{
	struct fd_slot *slot = fd_find(loop, fd);

	if (slot == NULL)
		return;
	(void)fd_ctl(loop, EPOLL_CTL_DEL, slot, 0); /* fails when it was closed first: gone, too */
	slot->fn = NULL;
}

int
control_loop_timer_add(struct control_loop *loop, uint64_t delay_ns, uint64_t period_ns,
                       control_timer_fn fn, void *ctx, uint32_t *ret_id)
{
	for (uint32_t i = 0; i < loop->timers_max; i++) {
		struct timer_slot *t = &loop->timers[i];

		if (t->fn != NULL)
			continue;
		*t = (struct timer_slot){ .fn = fn,
			                  .ctx = ctx,
			                  .due_ns = loop->now_ns() + delay_ns,
			                  .period_ns = period_ns,
			                  .gen = t->gen + 1 };
		if (ret_id != NULL)
			*ret_id = (t->gen & 0xffffu) << 16 | i;
		return 0;
	}
	return AEF_ERR_FULL;
}

void
control_loop_timer_del(struct control_loop *loop, uint32_t id)
{
	struct timer_slot *t = &loop->timers[id & 0xffffu];

	if ((id & 0xffffu) < loop->timers_max && (t->gen & 0xffffu) == id >> 16)
		t->fn = NULL;
}

/* Milliseconds until the next timer, rounded up; at most @p timeout_ms, negative: for ever. */
static int
wait_ms(const struct control_loop *loop, int timeout_ms)
{
	const uint64_t now_ns = loop->now_ns();
	uint64_t due_ns = UINT64_MAX;
	uint64_t ms;

	for (uint32_t i = 0; i < loop->timers_max; i++)
		if (loop->timers[i].fn != NULL && loop->timers[i].due_ns < due_ns)
			due_ns = loop->timers[i].due_ns;
	if (due_ns == UINT64_MAX)
		return timeout_ms;
	ms = due_ns <= now_ns ? 0 : (due_ns - now_ns + AEF_NS_PER_MS - 1) / AEF_NS_PER_MS;
	if (timeout_ms >= 0 && ms > (uint64_t)timeout_ms)
		return timeout_ms;
	return ms > 1000000 ? 1000000 : (int)ms; /* the caller waits again */
}

static int
timers_run(struct control_loop *loop)
{
	const uint64_t now_ns = loop->now_ns();
	int nb = 0;

	for (uint32_t i = 0; i < loop->timers_max; i++) {
		struct timer_slot *t = &loop->timers[i];
		const struct timer_slot due = *t;

		if (due.fn == NULL || due.due_ns > now_ns)
			continue;
		/* Before the call: the callback may remove it, or take the slot again. */
		if (due.period_ns == 0)
			t->fn = NULL;
		else if (due.due_ns + due.period_ns > now_ns)
			t->due_ns = due.due_ns + due.period_ns;
		else
			t->due_ns = now_ns + due.period_ns;
		due.fn(due.ctx, now_ns);
		nb++;
	}
	return nb;
}

int
control_loop_poll(struct control_loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	const int nb_events =
		epoll_wait(loop->epoll, events, EVENTS_MAX, wait_ms(loop, timeout_ms));
	int nb = 0;

	if (nb_events < 0 && errno != EINTR)
		return AEF_ERR_IO;
	for (int i = 0; i < nb_events; i++) {
		const struct fd_slot slot = loop->fds[events[i].data.u64 & 0xffffffffu];

		if (slot.fn == NULL || slot.gen != (uint32_t)(events[i].data.u64 >> 32))
			continue; /* removed by a callback of this round */
		slot.fn(slot.ctx, events[i].events);
		nb++;
	}
	return nb + timers_run(loop);
}

int
control_loop_run(struct control_loop *loop)
{
	int rc = 0;

	while (!loop->stop && rc >= 0)
		rc = control_loop_poll(loop, -1);
	loop->stop = false;
	return rc < 0 ? rc : 0;
}

void
control_loop_stop(struct control_loop *loop)
{
	loop->stop = true;
}

uint64_t
control_loop_now_ns(const struct control_loop *loop)
{
	return loop->now_ns();
}
