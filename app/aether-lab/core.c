/* SPDX-License-Identifier: BSD-3-Clause */
#include "core.h"

#include <time.h>

#include <base/time.h>

static void
serve_call(struct lab_core *core)
{
	/* C1: the call is complete before it is posted; pairs with C2 */
	struct lab_call *call = atomic_load_explicit(&core->call, memory_order_acquire);

	if (aef_likely(call == NULL))
		return;
	call->fn(call->ctx);
	/* C3: what the call wrote is visible before it is taken away; pairs with C4 */
	atomic_store_explicit(&core->call, NULL, memory_order_release);
}

int
lab_core_run(void *arg)
{
	struct lab_core *core = arg;
	uint64_t before_ns = delivery_now_ns(&core->clock), now_ns;

	delivery_idle_thread_init();
	while (!atomic_load_explicit(core->stop, memory_order_relaxed)) {
		const unsigned work = core->poll(core->ctx);

		serve_call(core);
		now_ns = delivery_now_ns(&core->clock);
		if (work > 0) {
			core->busy_ns += now_ns - before_ns;
			if (core->peer != NULL)
				delivery_bell_ring(core->peer);
		}
		delivery_idle_step(&core->idle, core->bell, work, now_ns, core->next_ns(core->ctx));
		before_ns = work > 0 ? now_ns : delivery_now_ns(&core->clock);
	}
	serve_call(core);
	return 0;
}

void
lab_core_call(struct lab_core *core, void (*fn)(void *ctx), void *ctx)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	struct lab_call call = { fn, ctx };

	if (!core->threaded) {
		fn(ctx);
		return;
	}
	atomic_store_explicit(&core->call, &call, memory_order_release); /* C2 */
	delivery_bell_ring(core->bell);
	/* C4: pairs with C3 */
	while (atomic_load_explicit(&core->call, memory_order_acquire) != NULL)
		(void)nanosleep(&nap, NULL);
}

unsigned
lab_cores_drain(struct lab_core *cores, uint32_t nb, uint32_t rounds)
{
	unsigned total = 0, work = 1;

	for (uint32_t r = 0; r < rounds && work > 0; r++) {
		work = 0;
		for (uint32_t i = 0; i < nb; i++)
			work += cores[i].poll(cores[i].ctx);
		total += work;
	}
	return total;
}

uint64_t
lab_cores_next_ns(const struct lab_core *cores, uint32_t nb)
{
	uint64_t next_ns = AEF_TIME_NEVER;

	for (uint32_t i = 0; i < nb; i++)
		next_ns = aef_min_u64(next_ns, cores[i].next_ns(cores[i].ctx));
	return next_ns;
}
