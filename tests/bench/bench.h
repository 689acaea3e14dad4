/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench.h - rows of the benchmark: sides that are measured in turn, A-B-A-B, within one run.
 *
 * Units:   nanoseconds; rounds end by CLOCK_MONOTONIC, costs are CPU time of the working thread.
 * Context: one thread; child processes only for testpmd.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define BENCH_SIDES_MAX  16u
#define BENCH_ROUNDS_MAX 101u

struct bench_opts {
	unsigned rounds;
	uint64_t round_ns;
	const char *only; /* a group whose name begins with this; NULL: all */
	const char *json; /* file, or NULL */
	const char *data; /* folder of the shared test data */
};

/* What one round of one side did. */
struct bench_sample {
	uint64_t ops;
	uint64_t ns; /* CPU time spent on them */
};

struct bench_side {
	const char *name;
	bool ours;
	void *ctx;
	/* Work for about round_ns. */
	struct bench_sample (*run)(void *ctx, uint64_t round_ns);
};

/* What was measured: nanoseconds for one op, by side and round. */
struct bench_rounds {
	unsigned nb;
	double ns[BENCH_SIDES_MAX][BENCH_ROUNDS_MAX];
};

struct bench_group;

/* One thing that several sides do; printed as one line for each pair (ours, peer). */
struct bench_group {
	const char *unit;      /* what is counted: "msg", "id" */
	uint32_t bytes_per_op; /* for Gbit/s; 0: not shown */
	bool whole;            /* show the time of a whole run in ms, not of one op */
	const char *note;      /* printed under the lines, or NULL */
	unsigned nb_sides;
	struct bench_side sides[BENCH_SIDES_MAX];
	void (*close)(struct bench_group *group);
	/* A gate over the rounds, which it prints; NULL: the row only reports. @return passed */
	bool (*judge)(const struct bench_group *group, const struct bench_rounds *rounds);
	void *ctx;
};

/* Name and how to open: NULL on success, else the reason why it is skipped (static storage). */
struct bench_row {
	const char *name;
	const char *(*open)(const struct bench_opts *opts, struct bench_group *group);
};

/** Measure and print every row that the options ask for. @return rows that ran
 * @param ret_failed gates that failed */
unsigned bench_report(const struct bench_row *rows, unsigned nb_rows, const struct bench_opts *opts,
                      unsigned *ret_failed);

/** Median of @p nb values, 1 to BENCH_ROUNDS_MAX. */
double bench_median(const double *values, unsigned nb);

static inline uint64_t
bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/** CPU time of this thread: what other programs of a busy machine take is not in it. */
static inline uint64_t
bench_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/** Zeroed memory aligned to 64 bytes; ends the program when there is none. */
void *bench_alloc(size_t bytes);

/** Start EAL once, without hugepages. @return NULL or a reason to skip */
const char *bench_eal(void);

/* ---- rows ---- */

const char *bench_engine_1200(const struct bench_opts *opts, struct bench_group *group);
const char *bench_engine_64(const struct bench_opts *opts, struct bench_group *group);
const char *bench_lookup(const struct bench_opts *opts, struct bench_group *group);
const char *bench_fec_encode(const struct bench_opts *opts, struct bench_group *group);
const char *bench_fec_decode(const struct bench_opts *opts, struct bench_group *group);
const char *bench_fec_invert(const struct bench_opts *opts, struct bench_group *group);
const char *bench_text_automerge(const struct bench_opts *opts, struct bench_group *group);
const char *bench_text_friends(const struct bench_opts *opts, struct bench_group *group);
const char *bench_rx(const struct bench_opts *opts, struct bench_group *group);
const char *bench_refuse(const struct bench_opts *opts, struct bench_group *group);
const char *bench_connect(const struct bench_opts *opts, struct bench_group *group);
const char *bench_guuid(const struct bench_opts *opts, struct bench_group *group);

#endif
