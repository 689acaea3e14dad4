/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * equal: for each seed the same scenario against the engine called directly and against the
 * appliance over net_ring; every datagram and its time must be the same at both ends of the links.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "equal.h"

struct run {
	uint64_t hash;
	struct world world;
};

static struct run runs[2];

static void
run(struct run *r, uint64_t seed, uint32_t trouble_s, const struct server_ops *ops)
{
	world_open(&r->world, seed, trouble_s, ops);
	world_run(&r->world);
	r->hash = world_close(&r->world);
	if (r->world.failed)
		printf("seed %llu, %s: %s\n", (unsigned long long)seed, ops->name,
		       r->world.failure);
}

static void
print_record(const char *name, const struct world *w, uint64_t n)
{
	static const char *const what[] = { "up, sent", "up, arrived", "down, sent",
		                            "down, arrived" };
	const struct equal_record *r = &w->records[n];

	if (n >= w->nb_records) {
		printf("  %-6s nothing more\n", name);
		return;
	}
	printf("  %-6s %llu ns, %s, client %u, %u bytes, %016llx\n", name,
	       (unsigned long long)(r->at_ns - w->start_ns), what[r->what], r->client, r->len,
	       (unsigned long long)r->sum);
}

static bool
same(const struct equal_record *a, const struct equal_record *b)
{
	return a->at_ns == b->at_ns && a->sum == b->sum && a->len == b->len &&
	       a->client == b->client && a->what == b->what;
}

static void
print_difference(const struct world *a, const struct world *b)
{
	uint64_t n = 0;

	while (n < a->nb_records && n < b->nb_records && same(&a->records[n], &b->records[n]))
		n++;
	printf("  first difference: record %llu of %llu and %llu\n", (unsigned long long)n,
	       (unsigned long long)a->nb_records, (unsigned long long)b->nb_records);
	for (uint64_t i = n >= 4 ? n - 4 : 0; i < n + 4; i++) {
		print_record("direct", a, i);
		print_record("ring", b, i);
	}
}

static void
sum_add(struct totals *sum, const struct totals *t)
{
	sum->datagrams += t->datagrams;
	sum->delivered += t->delivered;
	sum->sessions += t->sessions;
	sum->restarts += t->restarts;
	sum->moves += t->moves;
	for (unsigned i = 0; i < AEF_DIM(sum->verdicts); i++)
		sum->verdicts[i] += t->verdicts[i];
}

static bool
run_both(uint64_t seed, uint32_t trouble_s, struct totals *sum)
{
	const struct totals *t = &runs[0].world.totals;
	bool ok;

	run(&runs[0], seed, trouble_s, &direct_server);
	run(&runs[1], seed, trouble_s, &ring_server);
	sum_add(sum, t);
	ok = runs[0].hash == runs[1].hash && !runs[0].world.failed && !runs[1].world.failed;
	printf("seed %llu: direct %016llx, ring %016llx: %s; %u clients, %llu datagrams, %llu "
	       "sessions, %llu messages out, %llu back; lost %llu, duplicated %llu, damaged %llu, "
	       "reordered %llu, moves %llu, restarts %llu\n",
	       (unsigned long long)seed, (unsigned long long)runs[0].hash,
	       (unsigned long long)runs[1].hash, ok ? "equal" : "DIFFERENT",
	       runs[0].world.plan.nb_clients, (unsigned long long)t->datagrams,
	       (unsigned long long)t->sessions, (unsigned long long)t->sent,
	       (unsigned long long)t->delivered, (unsigned long long)t->verdicts[0],
	       (unsigned long long)t->verdicts[1], (unsigned long long)t->verdicts[2],
	       (unsigned long long)t->verdicts[3], (unsigned long long)t->moves,
	       (unsigned long long)t->restarts);
	if (runs[0].hash != runs[1].hash)
		print_difference(&runs[0].world, &runs[1].world);
	world_forget(&runs[0].world);
	world_forget(&runs[1].world);
	return ok;
}

/* Links that do nothing would prove nothing. */
static bool
sum_check(const struct totals *sum, uint64_t seeds)
{
	bool ok = true;

	printf("together: %llu datagrams, %llu sessions; lost %llu, duplicated %llu, damaged %llu, "
	       "reordered %llu, moves %llu, restarts %llu\n",
	       (unsigned long long)sum->datagrams, (unsigned long long)sum->sessions,
	       (unsigned long long)sum->verdicts[0], (unsigned long long)sum->verdicts[1],
	       (unsigned long long)sum->verdicts[2], (unsigned long long)sum->verdicts[3],
	       (unsigned long long)sum->moves, (unsigned long long)sum->restarts);
	for (unsigned i = 0; i < AEF_DIM(sum->verdicts); i++)
		ok = ok && sum->verdicts[i] > 0;
	ok = ok && sum->delivered > 0 && sum->moves > 0;
	if (!ok && seeds >= 20)
		printf("an impairment never happened\n");
	return ok || seeds < 20;
}

static int
usage(FILE *to, int status)
{
	(void)fputs("equal: engine called directly and appliance over net_ring, byte for byte\n"
	            "  --seeds N    how many seeds (20)\n"
	            "  --seed S     first seed (1)\n"
	            "  --trouble T  simulated seconds of trouble in each (8)\n",
	            to);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "seeds", required_argument, NULL, 'n' },
		                                 { "seed", required_argument, NULL, 's' },
		                                 { "trouble", required_argument, NULL, 't' },
		                                 { "help", no_argument, NULL, 'h' },
		                                 { NULL, 0, NULL, 0 } };
	uint64_t seeds = 20, first = 1, passed = 0, failed = 0;
	uint32_t trouble_s = 8;
	struct totals sum = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'n')
			seeds = strtoull(optarg, NULL, 10);
		else if (opt == 's')
			first = strtoull(optarg, NULL, 10);
		else if (opt == 't')
			trouble_s = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return usage(opt == 'h' ? stdout : stderr, opt == 'h' ? 0 : 2);
	}
	if (ring_start() != 0)
		return 1;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		if (run_both(seed, trouble_s, &sum))
			passed++;
		else
			failed++;
	}
	ring_stop();
	failed += !sum_check(&sum, seeds);
	printf("%llu passed, %llu failed\n", (unsigned long long)passed,
	       (unsigned long long)failed);
	return failed == 0 ? 0 : 1;
}
