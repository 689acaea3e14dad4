/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>

#include <rte_cycles.h>

#include <base/time.h>
#include <delivery/clock.h>

static uint64_t
posix_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * AEF_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t
tsc_now_ns(void *ctx)
{
	const struct delivery_tsc *tsc = ctx;
	const aef_u128 cycles = rte_rdtsc() - tsc->start_cycles;

	return tsc->start_ns + (uint64_t)(cycles * tsc->ns_x2_32 >> 32);
}

static uint64_t
tsc_unix_ms(void *ctx, uint64_t now_ns)
{
	const struct delivery_tsc *tsc = ctx;

	return now_ns / AEF_NS_PER_MS +
	       atomic_load_explicit(&tsc->unix_minus_ns_ms, memory_order_relaxed);
}

void
delivery_tsc_sync(struct delivery_tsc *tsc)
{
	const uint64_t unix_ms = posix_ns(CLOCK_REALTIME) / AEF_NS_PER_MS;

	atomic_store_explicit(&tsc->unix_minus_ns_ms, unix_ms - tsc_now_ns(tsc) / AEF_NS_PER_MS,
	                      memory_order_relaxed);
}

struct delivery_clock
delivery_clock_tsc(struct delivery_tsc *tsc)
{
	tsc->start_cycles = rte_rdtsc();
	tsc->start_ns = posix_ns(CLOCK_MONOTONIC);
	tsc->ns_x2_32 = (uint64_t)(((aef_u128)AEF_NS_PER_S << 32) / rte_get_tsc_hz());
	delivery_tsc_sync(tsc);
	return (struct delivery_clock){ .now_ns = tsc_now_ns, .unix_ms = tsc_unix_ms, .ctx = tsc };
}

static uint64_t
virtual_now_ns(void *ctx)
{
	return *(const uint64_t *)ctx;
}

static uint64_t
virtual_unix_ms(void *ctx, uint64_t now_ns)
{
	(void)ctx;
	return now_ns / AEF_NS_PER_MS;
}

struct delivery_clock
delivery_clock_virtual(uint64_t *now_ns)
{
	return (struct delivery_clock){ .now_ns = virtual_now_ns,
		                        .unix_ms = virtual_unix_ms,
		                        .ctx = now_ns };
}
