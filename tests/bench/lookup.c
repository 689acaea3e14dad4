/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lookup.c - id of a packet to the state of its connection: a million connections in random order,
 * 32 at a time, two lines of the state touched as a receive path does.
 *
 * Both sides look the same ids up in the same order; both tables stand in the same EAL heap, in
 * ordinary pages. rte_hash is given its best: lock-free readers and its bulk call.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#include <base/rng.h>
#include <quantum/cid.h>

#include "bench.h"

#define NB_CONNS    1000000u
#define BATCH       32u
#define STATE_BYTES 512u
#define HUGE_BYTES  ((size_t)2 << 20)
#define UNIX_MS     1700000000000ull

struct state {
	uint64_t line0[8];
	uint64_t line1[8];
	uint8_t rest[STATE_BYTES - 128];
};

struct lookup {
	struct quantum_cid_codec codec;
	struct quantum_table table;
	struct rte_hash *hash;
	struct state *states;
	struct aef_guuid *order; /* ids as the packets bring them */
	void *table_mem;
	uint32_t at[2]; /* next packet, by side */
	uint64_t sum;   /* keeps the compiler from dropping the work */
};

static void
touch(struct lookup *l, void *const *conns)
{
	for (unsigned i = 0; i < BATCH; i++)
		__builtin_prefetch(&((struct state *)conns[i])->line0[0], 1);
	for (unsigned i = 0; i < BATCH; i++)
		__builtin_prefetch(&((struct state *)conns[i])->line1[0], 1);
	for (unsigned i = 0; i < BATCH; i++) {
		struct state *s = conns[i];

		s->line0[0]++;
		l->sum += s->line1[0]++;
	}
}

static const struct aef_guuid *
next_batch(struct lookup *l, unsigned side)
{
	const struct aef_guuid *ids = &l->order[l->at[side]];

	l->at[side] += BATCH;
	if (l->at[side] + BATCH > NB_CONNS)
		l->at[side] = 0;
	return ids;
}

static struct bench_sample
run_table(void *ctx, uint64_t round_ns)
{
	struct lookup *l = ctx;
	const uint64_t start = bench_now_ns();
	const uint64_t cpu = bench_cpu_ns();
	uint64_t now = start, ops = 0;
	const struct aef_guuid *ids[BATCH];
	void *conns[BATCH];
	int16_t lcores[BATCH];

	while (now - start < round_ns) {
		for (unsigned k = 0; k < 64; k++) {
			const struct aef_guuid *batch = next_batch(l, 0);

			for (unsigned i = 0; i < BATCH; i++)
				ids[i] = &batch[i];
			quantum_table_lookup(&l->table, ids, BATCH, conns, lcores);
			touch(l, conns);
		}
		ops += 64 * BATCH;
		now = bench_now_ns();
	}
	return (struct bench_sample){ ops, bench_cpu_ns() - cpu };
}

static struct bench_sample
run_hash(void *ctx, uint64_t round_ns)
{
	struct lookup *l = ctx;
	const uint64_t start = bench_now_ns();
	const uint64_t cpu = bench_cpu_ns();
	uint64_t now = start, ops = 0, hits;
	const void *keys[BATCH];
	void *conns[BATCH];

	while (now - start < round_ns) {
		for (unsigned k = 0; k < 64; k++) {
			const struct aef_guuid *batch = next_batch(l, 1);

			for (unsigned i = 0; i < BATCH; i++)
				keys[i] = &batch[i];
			if (rte_hash_lookup_bulk_data(l->hash, keys, BATCH, &hits, conns) !=
			    (int)BATCH)
				abort();
			touch(l, conns);
		}
		ops += 64 * BATCH;
		now = bench_now_ns();
	}
	return (struct bench_sample){ ops, bench_cpu_ns() - cpu };
}

static void
lookup_close(struct bench_group *g)
{
	struct lookup *l = g->ctx;

	rte_hash_free(l->hash);
	free(l->states);
	rte_free(l->table_mem);
	rte_free(l->order);
	free(l);
}

static void
shuffle(struct aef_guuid *ids, uint32_t nb)
{
	struct aef_rng rng;

	aef_rng_init(&rng, 1);
	for (uint32_t i = nb - 1; i > 0; i--) {
		const uint32_t k = (uint32_t)(aef_rng_u64(&rng) % (i + 1));
		const struct aef_guuid id = ids[i];

		ids[i] = ids[k];
		ids[k] = id;
	}
}

/* Touched before anything is measured, and in huge pages where the kernel gives them: an appliance
 * has them, and the cost of finding a page is not what is compared here. */
static struct state *
states_take(void)
{
	const size_t bytes = (size_t)NB_CONNS * sizeof(struct state);
	void *mem = aligned_alloc(HUGE_BYTES, (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));

	if (mem == NULL)
		return NULL;
	(void)madvise(mem, bytes, MADV_HUGEPAGE);
	memset(mem, 0, bytes);
	return mem;
}

const char *
bench_lookup(const struct bench_opts *opts, struct bench_group *g)
{
	static const uint8_t key[16] = { 7 };
	const struct rte_hash_parameters params = {
		.name = "bench",
		.entries = NB_CONNS + NB_CONNS / 4,
		.key_len = sizeof(struct aef_guuid),
		.hash_func = rte_hash_crc,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};
	const char *why = bench_eal();
	struct lookup *l;

	(void)opts;
	if (why != NULL)
		return why;
	l = bench_alloc(sizeof(*l));
	l->states = states_take();
	l->order = rte_malloc(NULL, NB_CONNS * sizeof(*l->order), 64);
	l->table_mem = rte_malloc(NULL, quantum_table_bytes(NB_CONNS), 64);
	l->hash = rte_hash_create(&params);
	g->ctx = l;
	g->close = lookup_close;
	if (l->states == NULL || l->order == NULL || l->table_mem == NULL || l->hash == NULL)
		return "no EAL memory for a million connections";
	quantum_cid_codec_init(&l->codec, key);
	quantum_table_init(&l->table, l->table_mem, NB_CONNS, 0, &l->codec, 1);
	for (uint32_t i = 0; i < NB_CONNS; i++) {
		if (quantum_table_add(&l->table, &l->states[i], UNIX_MS + i / 1000, &l->order[i]) !=
		            0 ||
		    rte_hash_add_key_data(l->hash, &l->order[i], &l->states[i]) != 0)
			return "a table does not take a million connections";
	}
	shuffle(l->order, NB_CONNS);
	g->unit = "id";
	g->nb_sides = 2;
	g->sides[0] = (struct bench_side){ "quantum_table", true, l, run_table };
	g->sides[1] = (struct bench_side){ "rte_hash bulk", false, l, run_hash };
	return NULL;
}
