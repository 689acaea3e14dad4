/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/guuid-soak - ids of several threads at once: unique over all of them, ascending in each
 * one, also with a clock that stands still, steps back or jumps.
 *
 * Each thread has its own generator, as aef_guuid asks for. Its ids ascend, so the main thread
 * merges the streams as they come: in the merged stream every id must be above the one before,
 * which shows both properties at once and needs no memory for 4 x 10^7 ids.
 *
 * Usage: guuid-soak [--ids N] [--seed N]     per thread; default 10000000 ids, seed 1
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/guuid.h>
#include <base/time.h>

#define NB_THREADS  4
#define CHUNK_IDS   4096
#define RING_CHUNKS 8
#define IDS_PER_MS  5000
#define START_MS    1700000000000ull
#define MAX_BACK_MS 50

enum clock_kind { CLOCK_RUNS, CLOCK_STANDS, CLOCK_STEPS_BACK, CLOCK_JUMPS };

struct stream {
	pthread_t thread;
	uint64_t seed;
	uint64_t nb_ids;
	enum clock_kind clock;
	uint64_t cpu_ns; /* of generating alone; read after the join */
	struct aef_guuid (*ring)[CHUNK_IDS];
	alignas(AEF_CACHE_LINE) atomic_uint_fast64_t nb_written; /* chunks; W1 */
	alignas(AEF_CACHE_LINE) atomic_uint_fast64_t nb_read;    /* chunks; R1 */
	/* Main thread only. */
	alignas(AEF_CACHE_LINE) uint64_t at; /* ids consumed */
	uint64_t chunks_seen;
};

static uint64_t
thread_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * AEF_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t
wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / AEF_NS_PER_MS;
}

static uint64_t
clock_ms(enum clock_kind kind, struct aef_rng *rng, uint64_t i)
{
	const uint64_t steady = START_MS + i / IDS_PER_MS;

	switch (kind) {
	case CLOCK_RUNS:
		return steady;
	case CLOCK_STANDS:
		return START_MS;
	case CLOCK_STEPS_BACK: /* a correction of up to 50 ms, every so often */
		return i / 1000 % 3 == 2 ? steady - 1 - i / 3000 % MAX_BACK_MS : steady;
	default:
		return steady + aef_rng_below(rng, MAX_BACK_MS);
	}
}

static void *
generate(void *arg)
{
	struct stream *s = arg;
	struct aef_guuid_gen gen;
	struct aef_rng rng;
	uint64_t i = 0;

	aef_rng_init(&rng, ~s->seed);
	aef_guuid_gen_init(&gen, s->seed);
	for (uint64_t chunk = 0; i < s->nb_ids; chunk++) {
		/* W2: pairs with R1; the main thread is done with the slot. */
		while (chunk - atomic_load_explicit(&s->nb_read, memory_order_acquire) >=
		       RING_CHUNKS)
			sched_yield();
		struct aef_guuid *ids = s->ring[chunk % RING_CHUNKS];
		const uint64_t start_ns = thread_cpu_ns();

		for (unsigned k = 0; k < CHUNK_IDS && i < s->nb_ids; k++, i++)
			ids[k] = aef_guuid_next(&gen, clock_ms(s->clock, &rng, i));
		s->cpu_ns += thread_cpu_ns() - start_ns;
		/* W1: pairs with R2; the ids are written before they are counted. */
		atomic_store_explicit(&s->nb_written, chunk + 1, memory_order_release);
	}
	return NULL;
}

/* The stream's next id, waiting for it if need be; NULL at its end. */
static const struct aef_guuid *
head(struct stream *s)
{
	const uint64_t chunk = s->at / CHUNK_IDS;

	if (s->at == s->nb_ids)
		return NULL;
	while (s->chunks_seen <= chunk) {
		/* R2: pairs with W1. */
		s->chunks_seen = atomic_load_explicit(&s->nb_written, memory_order_acquire);
		if (s->chunks_seen <= chunk)
			sched_yield();
	}
	return &s->ring[chunk % RING_CHUNKS][s->at % CHUNK_IDS];
}

static void
advance(struct stream *s)
{
	s->at++;
	if (s->at % CHUNK_IDS == 0) /* R1: pairs with W2; the chunk may be written over. */
		atomic_store_explicit(&s->nb_read, s->at / CHUNK_IDS, memory_order_release);
}

/* @return ids that are not above the one before them in the merged order */
static uint64_t
merge(struct stream *streams, uint64_t *ret_nb)
{
	struct aef_guuid last = { { 0 } };
	uint64_t nb_bad = 0;

	*ret_nb = 0;
	for (;;) {
		struct stream *lowest = NULL;
		const struct aef_guuid *low = NULL;

		for (unsigned t = 0; t < NB_THREADS; t++) {
			const struct aef_guuid *id = head(&streams[t]);

			if (id != NULL && (low == NULL || aef_guuid_cmp(id, low) < 0)) {
				low = id;
				lowest = &streams[t];
			}
		}
		if (low == NULL)
			return nb_bad;
		nb_bad += aef_guuid_cmp(low, &last) <= 0;
		last = *low;
		advance(lowest);
		(*ret_nb)++;
	}
}

static void
print_single_thread_figures(uint64_t nb_ids)
{
	struct aef_guuid_gen gen;
	uint8_t sink = 0;

	aef_guuid_gen_init(&gen, 99);
	uint64_t start_ns = thread_cpu_ns();

	for (uint64_t i = 0; i < nb_ids; i++)
		sink ^= aef_guuid_next(&gen, START_MS + i / IDS_PER_MS).b[15];
	const uint64_t given_ns = thread_cpu_ns() - start_ns;

	start_ns = thread_cpu_ns();
	for (uint64_t i = 0; i < nb_ids; i++)
		sink ^= aef_guuid_next(&gen, wall_ms()).b[15];
	const uint64_t read_ns = thread_cpu_ns() - start_ns;

	printf("figure: guuid 1 thread x %llu: %.1f ns per id, %.1f ns with a clock read for each "
	       "(%u)\n",
	       (unsigned long long)nb_ids, (double)given_ns / (double)nb_ids,
	       (double)read_ns / (double)nb_ids, sink & 1u);
}

static bool
parse_args(int argc, char **argv, uint64_t *ret_ids, uint64_t *ret_seed)
{
	for (int i = 1; i < argc; i++) {
		uint64_t *to = strcmp(argv[i], "--ids") == 0    ? ret_ids
		               : strcmp(argv[i], "--seed") == 0 ? ret_seed
		                                                : NULL;
		char *end = NULL;

		if (to == NULL || i + 1 == argc)
			return false;
		*to = strtoull(argv[++i], &end, 10);
		if (*end != '\0' || *to == 0)
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	static struct stream streams[NB_THREADS];
	uint64_t nb_ids = 10000000, seed = 1, nb_merged, cpu_ns = 0;

	if (!parse_args(argc, argv, &nb_ids, &seed)) {
		fprintf(stderr, "usage: guuid-soak [--ids N] [--seed N], both at least 1\n");
		return 2;
	}
	printf("guuid-soak: %d threads x %llu ids, seed %llu\n", NB_THREADS,
	       (unsigned long long)nb_ids, (unsigned long long)seed);
	for (unsigned t = 0; t < NB_THREADS; t++) {
		struct stream *s = &streams[t];

		s->seed = seed * NB_THREADS + t;
		s->nb_ids = nb_ids;
		s->clock = (enum clock_kind)t;
		s->ring = calloc(RING_CHUNKS, sizeof(*s->ring));
		if (s->ring == NULL || pthread_create(&s->thread, NULL, generate, s) != 0) {
			fprintf(stderr, "guuid-soak: no memory or no thread\n");
			return 2;
		}
	}
	const uint64_t nb_bad = merge(streams, &nb_merged);

	for (unsigned t = 0; t < NB_THREADS; t++) {
		pthread_join(streams[t].thread, NULL);
		cpu_ns += streams[t].cpu_ns;
		free(streams[t].ring);
	}
	printf("figure: guuid %d threads x %llu: %llu ids, %llu out of order or repeated, %.1f ns "
	       "per id\n",
	       NB_THREADS, (unsigned long long)nb_ids, (unsigned long long)nb_merged,
	       (unsigned long long)nb_bad, (double)cpu_ns / (double)nb_merged);
	print_single_thread_figures(nb_ids);
	const bool good = nb_bad == 0 && nb_merged == NB_THREADS * nb_ids;

	printf("%d passed, %d failed, 0 skipped\n", good, !good);
	return good ? 0 : 1;
}
