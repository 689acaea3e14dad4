/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flood - what strangers can do to an appliance with live sessions: nothing but cost a little.
 *
 *   flood syn|strangers|forged [--counts] [--sessions N] [--rounds N] [--ms N] [--connects N]
 * [--packets N]
 *
 * With --counts no gate depends on time. The last line is "N passed, N failed"; exit code 1 when
 * something failed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dpio/eal.h>

#include "bench.h"
#include "flood.h"

#define MEMORY_MB       1280u
#define MEMORY_SMALL_MB 640u

static unsigned nb_passed, nb_failed;
static uint32_t memory_mb = MEMORY_MB;

void
flood_expect(bool ok, const char *what, ...)
{
	va_list args;

	printf("%s  ", ok ? "ok    " : "FAILED");
	va_start(args, what);
	vprintf(what, args);
	va_end(args);
	putchar('\n');
	*(ok ? &nb_passed : &nb_failed) += 1;
}

uint64_t
flood_rss_kib(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f != NULL) {
		if (fscanf(f, "%lu %lu", &size, &resident) != 2)
			resident = 0;
		fclose(f);
	}
	return (uint64_t)resident * 4;
}

void *
bench_alloc(size_t bytes)
{
	void *mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (mem == NULL) {
		printf("flood: no memory for %zu bytes\n0 passed, 1 failed\n", bytes);
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
	conf.memory_mb = memory_mb;
	conf.lcores = 2; /* this thread with clients and generator; the appliance */
	return dpio_eal_start(&conf, &error) == 0 ? NULL : buf;
}

static int
usage(const char *name)
{
	printf("usage: %s syn|strangers|forged [--counts] [--sessions N] [--rounds N] [--ms N] "
	       "[--connects N] [--packets N]\n",
	       name);
	return 2;
}

static bool
parse(int argc, char **argv, struct flood_opts *opts)
{
	for (int i = 2; i < argc; i++) {
		uint64_t value;

		if (strcmp(argv[i], "--counts") == 0) {
			opts->counts = true;
			continue;
		}
		if (i + 1 == argc)
			return false;
		value = strtoull(argv[i + 1], NULL, 0);
		if (strcmp(argv[i], "--sessions") == 0)
			opts->sessions = (uint32_t)value;
		else if (strcmp(argv[i], "--rounds") == 0)
			opts->rounds = (uint32_t)value;
		else if (strcmp(argv[i], "--ms") == 0)
			opts->ms = (uint32_t)value;
		else if (strcmp(argv[i], "--connects") == 0)
			opts->connects = (uint32_t)value;
		else if (strcmp(argv[i], "--packets") == 0)
			opts->packets = value;
		else
			return false;
		i++;
	}
	return opts->sessions > 0 && opts->sessions <= 4096 && opts->rounds > 0 &&
	       opts->rounds <= BENCH_ROUNDS_MAX && opts->ms >= 100 && opts->connects > 0 &&
	       opts->connects <= 1000 && opts->packets > 0;
}

int
main(int argc, char **argv)
{
	const bool strangers = argc > 1 && strcmp(argv[1], "strangers") == 0;
	const bool syn = strangers || (argc > 1 && strcmp(argv[1], "syn") == 0);
	struct flood_opts opts = { .strangers = strangers,
		                   .sessions = 1000,
		                   .rounds = syn ? 5 : 15,
		                   .ms = 6000,
		                   .connects = 50,
		                   .packets = 10000000 };
	const char *why;

	if (argc < 2 || (!syn && strcmp(argv[1], "forged") != 0) || !parse(argc, argv, &opts))
		return usage(argv[0]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (opts.counts)
		memory_mb = MEMORY_SMALL_MB;
	why = bench_eal();
	if (why != NULL)
		flood_expect(false, "cannot start: %s", why);
	else if (syn)
		flood_syn(&opts);
	else
		flood_forged(&opts);
	dpio_eal_stop();
	printf("%u passed, %u failed\n", nb_passed, nb_failed);
	return nb_failed == 0 ? 0 : 1;
}
