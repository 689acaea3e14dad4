/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text.c - real editing traces through the text module, from the JSON form of each operation.
 *
 * The end text is compared with the trace's own after every replay; the program ends on a
 * difference.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "soak.h"

static bool
is_end(const struct trace *trace, const struct text_rope *rope)
{
	struct text_rope_iter it;
	const uint8_t *data;
	size_t len, at = 0;

	text_rope_iter_init(&it, rope, 0);
	while (text_rope_iter_next(&it, &data, &len)) {
		if (at + len > trace->end_bytes || memcmp(trace->end + at, data, len) != 0)
			return false;
		at += len;
	}
	return at == trace->end_bytes;
}

/* Whole replays; ops of a whole-run row are runs, else operations. */
static struct bench_sample
replay(const struct trace *trace, uint64_t ops_per_run)
{
	struct aef_alloc alloc = soak_alloc(UINT64_MAX);
	struct bench_sample s = { .ops = ops_per_run };
	struct text_rope rope;
	const uint64_t start = bench_cpu_ns();

	text_rope_init(&rope, &alloc);

	const int err = trace_replay(trace, &alloc, &rope);

	s.ns = bench_cpu_ns() - start;
	if (err != 0 || !is_end(trace, &rope)) {
		printf("bench: the end text of an editing trace is wrong\n");
		exit(1);
	}
	text_rope_fini(&rope);
	return s;
}

static struct bench_sample
run_ops(void *ctx, uint64_t round_ns)
{
	const struct trace *trace = ctx;

	(void)round_ns;
	return replay(trace, trace->nb_ops);
}

static struct bench_sample
run_whole(void *ctx, uint64_t round_ns)
{
	(void)round_ns;
	return replay(ctx, 1);
}

static void
text_close(struct bench_group *g)
{
	trace_free(g->ctx);
}

static const char *
open_trace(const struct bench_opts *opts, const char *name, struct bench_group *g)
{
	static char why[512];
	char path[400];

	snprintf(path, sizeof(path), "%s/editing-traces/%s.json.gz", opts->data, name);
	g->ctx = trace_load(path);
	g->close = text_close;
	g->nb_sides = 1;
	if (g->ctx != NULL)
		return NULL;
	snprintf(why, sizeof(why), "cannot read %s (AEF_DATA or --data names the folder)", path);
	return why;
}

const char *
bench_text_automerge(const struct bench_opts *opts, struct bench_group *g)
{
	g->unit = "op";
	g->note = "automerge-paper, 259,778 operations from JSON; end text equal to the trace's in "
		  "every round";
	g->sides[0] = (struct bench_side){ "text apply", true, NULL, run_ops };

	const char *why = open_trace(opts, "automerge-paper", g);

	g->sides[0].ctx = g->ctx;
	return why;
}

const char *
bench_text_friends(const struct bench_opts *opts, struct bench_group *g)
{
	g->unit = "run";
	g->whole = true;
	g->note = "friendsforever, two authors, with transforms; end text equal to the trace's in "
		  "every round";
	g->sides[0] = (struct bench_side){ "text transform", true, NULL, run_whole };

	const char *why = open_trace(opts, "friendsforever", g);

	g->sides[0].ctx = g->ctx;
	return why;
}
