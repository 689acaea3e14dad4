/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report.c - rounds in turn, medians and spread, one line for each pair, and the JSON file.
 *
 * The ratio is the median over rounds of peer time / our time of that same round, so that noise of
 * the machine that lasts longer than a round hits both.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct result {
	double ns[BENCH_ROUNDS_MAX]; /* per op, by round */
	double median, min, max;
};

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_median(const double *values, unsigned nb)
{
	double sorted[BENCH_ROUNDS_MAX];

	memcpy(sorted, values, nb * sizeof(*values));
	qsort(sorted, nb, sizeof(*sorted), by_value);
	return nb % 2 != 0 ? sorted[nb / 2] : (sorted[nb / 2 - 1] + sorted[nb / 2]) / 2;
}

static void
summarize(struct result *r, unsigned nb)
{
	r->median = bench_median(r->ns, nb);
	r->min = r->max = r->ns[0];
	for (unsigned i = 1; i < nb; i++) {
		r->min = r->ns[i] < r->min ? r->ns[i] : r->min;
		r->max = r->ns[i] > r->max ? r->ns[i] : r->max;
	}
}

/* One round that does not count, then the rounds, every side once in each. */
static void
measure(struct bench_group *g, const struct bench_opts *opts, struct result *results)
{
	for (unsigned i = 0; i < g->nb_sides; i++)
		(void)g->sides[i].run(g->sides[i].ctx, opts->round_ns);
	for (unsigned round = 0; round < opts->rounds; round++) {
		for (unsigned i = 0; i < g->nb_sides; i++) {
			const struct bench_sample s =
				g->sides[i].run(g->sides[i].ctx, opts->round_ns);

			results[i].ns[round] =
				s.ops > 0 ? (double)s.ns / (double)s.ops : (double)s.ns;
		}
	}
	for (unsigned i = 0; i < g->nb_sides; i++)
		summarize(&results[i], opts->rounds);
}

/* "unit 1.63 M/s 15.7 Gbit/s 612 ns [590-700]" */
static void
print_side(const struct bench_group *g, const struct bench_side *side, const struct result *r)
{
	char rate[32], gbit[32] = "", ns[64];

	if (g->whole) {
		printf("%-18s %8.1f ms [%.1f-%.1f]", side->name, r->median / 1e6, r->min / 1e6,
		       r->max / 1e6);
		return;
	}
	snprintf(rate, sizeof(rate), "%.2f M/s", 1e3 / r->median);
	if (g->bytes_per_op > 0)
		snprintf(gbit, sizeof(gbit), "%.2f Gbit/s",
		         (double)g->bytes_per_op * 8 / r->median);
	snprintf(ns, sizeof(ns), r->median < 100 ? "%.1f ns [%.1f-%.1f]" : "%.0f ns [%.0f-%.0f]",
	         r->median, r->min, r->max);
	printf("%-18s %10s %12s %-20s", side->name, rate, gbit, ns);
}

static double
ratio(const struct result *ours, const struct result *peer, unsigned nb)
{
	double ratios[BENCH_ROUNDS_MAX];

	for (unsigned i = 0; i < nb; i++)
		ratios[i] = peer->ns[i] / ours->ns[i];
	return bench_median(ratios, nb);
}

static void
print_group(const char *name, const struct bench_group *g, const struct result *results,
            unsigned rounds)
{
	for (unsigned i = 0; i < g->nb_sides; i++) {
		bool alone = true;

		if (!g->sides[i].ours)
			continue;
		for (unsigned p = 0; p < g->nb_sides; p++) {
			if (g->sides[p].ours)
				continue;
			alone = false;
			printf("%-14s ", name);
			print_side(g, &g->sides[i], &results[i]);
			printf(" | ");
			print_side(g, &g->sides[p], &results[p]);
			printf(" | %.3gx\n", ratio(&results[i], &results[p], rounds));
		}
		if (!alone)
			continue;
		printf("%-14s ", name);
		print_side(g, &g->sides[i], &results[i]);
		printf(" | no peer here\n");
	}
	if (g->note != NULL)
		printf("%-14s   %s\n", "", g->note);
}

static void
json_group(FILE *f, const char *name, const struct bench_group *g, const struct result *results,
           const struct bench_opts *opts, bool first)
{
	fprintf(f,
	        "%s\n    {\"name\": \"%s\", \"unit\": \"%s\", \"bytes_per_op\": %u, \"sides\": [",
	        first ? "" : ",", name, g->unit, g->bytes_per_op);
	for (unsigned i = 0; i < g->nb_sides; i++) {
		fprintf(f, "%s\n      {\"name\": \"%s\", \"ours\": %s, \"median_ns\": %.2f, ",
		        i > 0 ? "," : "", g->sides[i].name, g->sides[i].ours ? "true" : "false",
		        results[i].median);
		fprintf(f, "\"min_ns\": %.2f, \"max_ns\": %.2f, \"rounds_ns\": [", results[i].min,
		        results[i].max);
		for (unsigned r = 0; r < opts->rounds; r++)
			fprintf(f, "%s%.2f", r > 0 ? ", " : "", results[i].ns[r]);
		fprintf(f, "]}");
	}
	fprintf(f, "]}");
}

static void
load(double ret[3])
{
	if (getloadavg(ret, 3) != 3)
		memset(ret, 0, 3 * sizeof(*ret));
}

static bool
gate(const struct bench_group *g, const struct result *results, unsigned nb_rounds)
{
	static struct bench_rounds rounds;

	if (g->judge == NULL)
		return true;
	rounds.nb = nb_rounds;
	for (unsigned i = 0; i < g->nb_sides; i++)
		memcpy(rounds.ns[i], results[i].ns, nb_rounds * sizeof(results[i].ns[0]));
	return g->judge(g, &rounds);
}

static bool
run_row(const struct bench_row *row, const struct bench_opts *opts, FILE *json, bool first,
        unsigned *failed)
{
	static struct result results[BENCH_SIDES_MAX];
	struct bench_group g = { .nb_sides = 0 };
	const char *why = row->open(opts, &g);

	if (why != NULL) {
		printf("%-14s %s: %s\n", row->name,
		       g.judge != NULL ? "gate FAILED, not measured" : "skipped", why);
		*failed += g.judge != NULL;
		if (g.close != NULL)
			g.close(&g);
		return false;
	}
	measure(&g, opts, results);
	print_group(row->name, &g, results, opts->rounds);
	*failed += !gate(&g, results, opts->rounds);
	if (json != NULL)
		json_group(json, row->name, &g, results, opts, first);
	if (g.close != NULL)
		g.close(&g);
	return true;
}

unsigned
bench_report(const struct bench_row *rows, unsigned nb_rows, const struct bench_opts *opts,
             unsigned *ret_failed)
{
	FILE *json = opts->json != NULL ? fopen(opts->json, "w") : NULL;
	unsigned nb = 0;
	double before[3], after[3];

	*ret_failed = 0;
	if (opts->json != NULL && json == NULL)
		printf("bench: cannot write %s; going on without\n", opts->json);
	load(before);
	printf("aetherflow bench %s: %u rounds of %.0f ms, sides in turn; medians [min-max]; last: "
	       "peer time / our time; load %.2f %.2f %.2f\n",
	       AEF_VERSION, opts->rounds, (double)opts->round_ns / 1e6, before[0], before[1],
	       before[2]);
	if (json != NULL)
		fprintf(json,
		        "{\n  \"version\": \"%s\", \"rounds\": %u, \"round_ms\": %.0f,\n"
		        "  \"load_begin\": %.2f, \"rows\": [",
		        AEF_VERSION, opts->rounds, (double)opts->round_ns / 1e6, before[0]);
	for (unsigned i = 0; i < nb_rows; i++) {
		if (opts->only == NULL ||
		    strncmp(rows[i].name, opts->only, strlen(opts->only)) == 0)
			nb += run_row(&rows[i], opts, json, nb == 0, ret_failed);
	}
	load(after);
	printf("load at the end %.2f %.2f %.2f\n", after[0], after[1], after[2]);
	if (json != NULL) {
		fprintf(json, "],\n  \"load_end\": %.2f\n}\n", after[0]);
		fclose(json);
	}
	return nb;
}
