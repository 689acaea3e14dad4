/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guuid.c - minting ids, the time given by the caller as on an lcore.
 */
#include <stdlib.h>

#include <base/guuid.h>

#include "bench.h"

#define IDS_PER_MS 5000u

struct mint {
	struct aef_guuid_gen gen;
	uint64_t ms;
	uint64_t sum;
};

static struct bench_sample
run_mint(void *ctx, uint64_t round_ns)
{
	struct mint *m = ctx;
	const uint64_t start = bench_now_ns();
	const uint64_t cpu = bench_cpu_ns();
	uint64_t now = start, ops = 0;

	while (now - start < round_ns) {
		m->ms++;
		for (unsigned i = 0; i < IDS_PER_MS; i++)
			m->sum += aef_guuid_next(&m->gen, m->ms).b[15];
		ops += IDS_PER_MS;
		now = bench_now_ns();
	}
	return (struct bench_sample){ ops, bench_cpu_ns() - cpu };
}

static void
guuid_close(struct bench_group *g)
{
	free(g->ctx);
}

const char *
bench_guuid(const struct bench_opts *opts, struct bench_group *g)
{
	struct mint *m = bench_alloc(sizeof(*m));

	(void)opts;
	aef_guuid_gen_init(&m->gen, 1);
	m->ms = 1700000000000ull;
	g->ctx = m;
	g->close = guuid_close;
	g->unit = "id";
	g->nb_sides = 1;
	g->sides[0] = (struct bench_side){ "aef_guuid_next", true, m, run_mint };
	return NULL;
}
