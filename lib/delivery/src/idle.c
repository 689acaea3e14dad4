/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_pause.h>

#include <base/time.h>
#include <delivery/idle.h>

/* The first sleep after work is a quarter of the longest: traffic that pauses is likely to go on.
 */
#define FIRST_SLEEP 8u

static_assert(sizeof(atomic_uint) == 4, "a futex is 32 bits");

struct delivery_idle_conf
delivery_idle_conf_default(void)
{
	return (struct delivery_idle_conf){ .spins = 64,
		                            .pauses = 64,
		                            .sleep_max_ns = 200 * AEF_NS_PER_US };
}

void
delivery_idle_init(struct delivery_idle *idle, const struct delivery_idle_conf *conf)
{
	*idle = (struct delivery_idle){ .conf = *conf,
		                        .sleep_ns = conf->sleep_max_ns / FIRST_SLEEP };
}

static void
bell_wait(struct delivery_bell *bell, uint64_t ns)
{
	const struct timespec ts = { .tv_sec = (time_t)(ns / AEF_NS_PER_S),
		                     .tv_nsec = (long)(ns % AEF_NS_PER_S) };

	/* Rung, timed out or interrupted: all mean "poll again". */
	(void)syscall(SYS_futex, &bell->armed, FUTEX_WAIT_PRIVATE, 1u, &ts, NULL, 0);
	atomic_store_explicit(&bell->armed, 0, memory_order_relaxed);
}

AEF_HOT void
delivery_idle_step(struct delivery_idle *idle, struct delivery_bell *bell, unsigned work,
                   uint64_t now_ns, uint64_t until_ns)
{
	const struct delivery_idle_conf *conf = &idle->conf;
	uint64_t ns;

	if (conf->busy_poll)
		return;
	if (work > 0) {
		idle->sleep_ns = conf->sleep_max_ns / FIRST_SLEEP;
		if (idle->empty > conf->spins + conf->pauses)
			atomic_store_explicit(&bell->armed, 0, memory_order_relaxed);
		idle->empty = 0;
		return;
	}
	if (idle->empty <= conf->spins + conf->pauses) {
		if (idle->empty >= conf->spins)
			rte_pause();
		if (idle->empty++ == conf->spins + conf->pauses) {
			atomic_store_explicit(&bell->armed, 1, memory_order_relaxed);
			/* B1: armed before the next poll looks; pairs with B2 in the ringer */
			atomic_thread_fence(memory_order_seq_cst);
		}
		return;
	}
	/* The poll since the bell was armed found nothing. */
	idle->sleep_ns = aef_min_u64(conf->sleep_max_ns, aef_max_u64(2 * idle->sleep_ns, 1));
	ns = aef_min_u64(idle->sleep_ns, aef_sub_sat_u64(until_ns, now_ns));
	if (ns > 0) {
		idle->sleeps++;
		idle->slept_ns += ns;
		bell_wait(bell, ns);
	}
	/* Arm again before the next poll: it may be the one before another sleep. */
	atomic_store_explicit(&bell->armed, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); /* B1 */
}

AEF_HOT void
delivery_bell_ring(struct delivery_bell *bell)
{
	atomic_thread_fence(memory_order_seq_cst); /* B2: work is visible before armed is read */
	if (aef_likely(atomic_load_explicit(&bell->armed, memory_order_relaxed) == 0))
		return;
	if (atomic_exchange_explicit(&bell->armed, 0, memory_order_relaxed) == 1)
		(void)syscall(SYS_futex, &bell->armed, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void
delivery_idle_thread_init(void)
{
	/* The kernel's default slack of 50 us would double every short sleep. */
	(void)prctl(PR_SET_TIMERSLACK, 1000ul, 0, 0, 0);
}
