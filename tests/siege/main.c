/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arena.h"

static const struct scenario {
	const char *name, *text;
	void (*run)(const struct siege_opts *o);
	uint64_t seeds, full_seeds;
} scenarios[] = {
	{ "handshake", "connecting at 30 % loss both ways, and worse", handshake_run, 300, 10000 },
	{ "tokens", "abuse of connect tokens", tokens_run, 1, 1 },
	{ "paths", "moves, copies, floods of addresses", paths_run, 1, 5 },
	{ "hostile", "peers with valid keys", hostile_run, 1, 5 },
	{ "rotation", "key epochs and token keys that change under load", rotation_run, 1, 1 },
};

static int
usage(int code)
{
	printf("siege: attacks, moves and rotations on the real engine, in virtual time\n"
	       "usage: siege [SCENARIO] [--full] [--seeds N] [--from N]\n");
	for (unsigned i = 0; i < AEF_DIM(scenarios); i++)
		printf("  %-10s %s\n", scenarios[i].name, scenarios[i].text);
	return code;
}

static double
cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

int
main(int argc, char **argv)
{
	struct siege_opts opts = { .from = 1 };
	const char *only = NULL;
	uint64_t seeds = 0;
	unsigned passed = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--full") == 0)
			opts.full = true;
		else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
			seeds = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc)
			opts.from = strtoull(argv[++i], NULL, 10);
		else if (argv[i][0] != '-' && only == NULL)
			only = argv[i];
		else
			return usage(strcmp(argv[i], "--help") == 0 ? 0 : 2);
	}
	for (unsigned i = 0; i < AEF_DIM(scenarios); i++) {
		const double begin_s = cpu_s();

		if (only != NULL && strcmp(only, scenarios[i].name) != 0)
			continue;
		opts.seeds = seeds != 0  ? seeds
		             : opts.full ? scenarios[i].full_seeds
		                         : scenarios[i].seeds;
		scenarios[i].run(&opts);
		printf("%s: holds (%.1f s of CPU)\n", scenarios[i].name, cpu_s() - begin_s);
		fflush(stdout);
		passed++;
	}
	if (passed == 0)
		return usage(2);
	printf("%u passed, 0 failed, 0 skipped\n", passed);
	return 0;
}
