/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench - our parts beside their peers, interleaved in one run, medians of rounds.
 *
 *   bench [--rounds N] [--round-ms N] [--only NAME] [--json FILE] [--data DIR]
 *
 * Exit code 0 when everything asked for ran or said why it did not, and every gate passed.
 */
#include <stdlib.h>
#include <string.h>

#include <dpio/eal.h>

#include "bench.h"

static const struct bench_row rows[] = {
	{ "engine-1200", bench_engine_1200 },
	{ "engine-64", bench_engine_64 },
	{ "lookup-1M", bench_lookup },
	{ "fec-encode", bench_fec_encode },
	{ "fec-decode", bench_fec_decode },
	{ "fec-invert", bench_fec_invert },
	{ "text-automerge", bench_text_automerge },
	{ "text-friends", bench_text_friends },
	{ "guuid", bench_guuid },
	{ "connect", bench_connect },
	{ "refuse", bench_refuse },
	{ "receive-path", bench_rx },
};

#define NB_ROWS (sizeof(rows) / sizeof(rows[0]))

static int
usage(const char *name)
{
	printf("usage: %s [--rounds N] [--round-ms N] [--only NAME] [--json FILE] [--data DIR]\n"
	       "  --rounds N    rounds of each side, 1 to %u; default 15\n"
	       "  --round-ms N  length of one, 1 to 10000; default 200\n"
	       "  --only NAME   rows whose name begins so:",
	       name, BENCH_ROUNDS_MAX);
	for (unsigned i = 0; i < NB_ROWS; i++)
		printf(" %s", rows[i].name);
	printf("\n  --data DIR    editing traces; default $AEF_DATA or ../shared/data\n");
	return 2;
}

static bool
parse(int argc, char **argv, struct bench_opts *opts)
{
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return false;
		if (strcmp(argv[i], "--rounds") == 0)
			opts->rounds = (unsigned)strtoul(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--round-ms") == 0)
			opts->round_ns = strtoull(argv[i + 1], NULL, 0) * 1000000u;
		else if (strcmp(argv[i], "--only") == 0)
			opts->only = argv[i + 1];
		else if (strcmp(argv[i], "--json") == 0)
			opts->json = argv[i + 1];
		else if (strcmp(argv[i], "--data") == 0)
			opts->data = argv[i + 1];
		else
			return false;
	}
	return opts->rounds >= 1 && opts->rounds <= BENCH_ROUNDS_MAX && opts->round_ns >= 1000000 &&
	       opts->round_ns <= 10000000000u;
}

void *
bench_alloc(size_t bytes)
{
	void *mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (mem == NULL) {
		printf("bench: no memory for %zu bytes\n", bytes);
		exit(1);
	}
	memset(mem, 0, bytes);
	return mem;
}

const char *
bench_eal(void)
{
	static char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct dpio_conf conf;

	if (dpio_eal_running())
		return NULL;
	dpio_conf_defaults(&conf);
	conf.hugepages = DPIO_HUGEPAGES_NEVER;
	conf.memory_mb = 768;
	conf.lcores = 1;
	return dpio_eal_start(&conf, &error) == 0 ? NULL : buf;
}

int
main(int argc, char **argv)
{
	const char *env = getenv("AEF_DATA");
	struct bench_opts opts = { .rounds = 15,
		                   .round_ns = 200000000,
		                   .data = env != NULL ? env : "../shared/data" };
	unsigned failed;

	if (!parse(argc, argv, &opts))
		return usage(argv[0]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (bench_report(rows, NB_ROWS, &opts, &failed) == 0) {
		printf("bench: no row ran\n");
		return 1;
	}
	dpio_eal_stop();
	if (failed > 0)
		printf("bench: %u gate%s failed\n", failed, failed == 1 ? "" : "s");
	return failed > 0 ? 1 : 0;
}
