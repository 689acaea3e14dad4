/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text-soak - random TP1 pairs and streaming sessions without end; a failing one is shrunk.
 *
 *   text-soak [--pairs N] [--sessions N] [--seed S] [--trace FILE.json.gz]
 *
 * The last line is "N passed, N failed"; exit code 1 when something failed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/sha256.h>

#include "soak.h"

#define FAILURES_SHOWN 3

struct totals {
	uint64_t passed;
	uint64_t failed;
};

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void
run_pairs(uint64_t seed, uint64_t nb, struct totals *totals)
{
	const double t0 = seconds();

	for (uint64_t i = 0; i < nb; i++) {
		const char *bad = soak_pair(seed, i);

		if (bad == NULL) {
			totals->passed++;
			continue;
		}
		if (totals->failed++ < FAILURES_SHOWN) {
			printf("pair %" PRIu64 " of seed %" PRIu64 ": %s\n", i, seed, bad);
			soak_pair_shrink(seed, i);
		}
	}
	if (nb > 0)
		printf("%" PRIu64 " pairs in %.1f s\n", nb, seconds() - t0);
}

static void
run_sessions(uint64_t seed, uint64_t nb, struct totals *totals)
{
	const double t0 = seconds();
	uint64_t ops = 0, shown = 0;
	uint32_t in_flight = 0;

	for (uint64_t i = 0; i < nb; i++) {
		const struct soak_session_conf conf = { .seed = seed + i };
		struct soak_session_stats stats;
		const char *bad = soak_session(&conf, &stats);

		ops += stats.ops;
		if (stats.in_flight_max > in_flight)
			in_flight = stats.in_flight_max;
		if (bad == NULL) {
			totals->passed++;
			continue;
		}
		totals->failed++;
		if (shown++ < FAILURES_SHOWN) {
			printf("session of seed %" PRIu64 ": %s\n", conf.seed, bad);
			soak_session_shrink(conf.seed);
		}
	}
	if (nb > 0)
		printf("%" PRIu64 " sessions, %" PRIu64
		       " operations, up to %u in flight, in %.1f s\n",
		       nb, ops, in_flight, seconds() - t0);
}

static bool
is_end_text(const struct trace *trace, const struct text_rope *rope)
{
	struct text_rope_iter it;
	struct aef_sha256 a, b;
	uint8_t da[AEF_SHA256_BYTES], db[AEF_SHA256_BYTES];
	const uint8_t *data;
	size_t len;

	aef_sha256_init(&a);
	aef_sha256_init(&b);
	aef_sha256_update(&a, trace->end, trace->end_bytes);
	text_rope_iter_init(&it, rope, 0);
	while (text_rope_iter_next(&it, &data, &len))
		aef_sha256_update(&b, data, len);
	aef_sha256_final(&a, da);
	aef_sha256_final(&b, db);
	return memcmp(da, db, sizeof(da)) == 0;
}

/* Replay a trace a few times and print the best: decode, transform where concurrent, apply. */
static void
run_trace(const char *path, struct totals *totals)
{
	struct trace *trace = trace_load(path);
	double best = 1e9;

	if (trace == NULL) {
		printf("cannot read %s\n", path);
		totals->failed++;
		return;
	}
	for (unsigned round = 0; round < 15; round++) {
		struct aef_alloc alloc = soak_alloc(UINT64_MAX);
		struct text_rope rope;
		double took = seconds();

		text_rope_init(&rope, &alloc);
		const int r = trace_replay(trace, &alloc, &rope);

		took = seconds() - took;
		if (took < best)
			best = took;
		if (r != 0 || !is_end_text(trace, &rope))
			totals->failed++;
		else
			totals->passed++;
		if (round == 0)
			printf("%s: %u operations, %u bytes of text in %" PRIu64
			       " bytes of memory (x %.3f)\n",
			       path, trace->nb_ops, rope.total.bytes, alloc.used_bytes,
			       (double)alloc.used_bytes / rope.total.bytes);
		text_rope_fini(&rope);
	}
	printf("%s: %.1f ms, %.2f M operations/s (best of 15)\n", path, best * 1e3,
	       trace->nb_ops / best * 1e-6);
	trace_free(trace);
}

static int
usage(const char *name)
{
	printf("usage: %s [--pairs N] [--sessions N] [--seed S] [--trace FILE.json.gz]\n", name);
	return 2;
}

int
main(int argc, char **argv)
{
	uint64_t pairs = 0, sessions = 0, seed = 1;
	struct totals totals = { 0 };

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage(argv[0]);
		if (strcmp(argv[i], "--pairs") == 0)
			pairs = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--sessions") == 0)
			sessions = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--trace") == 0)
			run_trace(argv[i + 1], &totals);
		else
			return usage(argv[0]);
	}
	printf("seed %" PRIu64 "\n", seed);
	run_pairs(seed, pairs, &totals);
	run_sessions(seed, sessions, &totals);
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", totals.passed, totals.failed);
	return totals.failed == 0 ? 0 : 1;
}
