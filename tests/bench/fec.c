/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fec.c - Reed-Solomon (10, 3) over 1200-byte payloads beside plain ISA-L calls.
 *
 * Ours is the module as the engine uses it: payloads come one by one, each symbol carries its
 * length. The peer is what a program gets that calls ISA-L directly on ready blocks: encode tables
 * made once; for decode either tables kept ("warm") or the matrix inverted for each block.
 */
#include <isa-l.h>
#include <stdlib.h>
#include <string.h>

#include <base/rng.h>
#include <fec/fec.h>

#include "bench.h"

#define K       10u
#define M       3u
#define PAYLOAD 1200u
#define SYMBOL  (PAYLOAD + FEC_LEN_BYTES)
#define LOST    3u
#define REPEAT  64u

/* Lost sources by block; more patterns than our cache holds make every block an inversion. */
static const uint8_t warm_lost[LOST] = { 1, 4, 8 };

struct fec_bench {
	struct fec_codec codec;
	struct fec_encoder enc;
	uint8_t payload[K][PAYLOAD];
	uint8_t repair[M][SYMBOL + 6];
	uint8_t out[LOST][SYMBOL + 6];
	uint8_t matrix[(K + M) * K];
	uint8_t tables[K * M * FEC_TABLE_BYTES];
	uint8_t decode_tables[K * LOST * FEC_TABLE_BYTES];
	uint64_t blocks;
	bool cold;
};

/* Triples of sources in turn: 120 of them, so none is in a cache of 64 when it comes again. */
static void
losses(const struct fec_bench *b, uint8_t lost[LOST])
{
	uint64_t n = b->blocks % 120;

	memcpy(lost, warm_lost, LOST);
	if (!b->cold)
		return;
	for (uint8_t i = 0; i < K; i++)
		for (uint8_t j = (uint8_t)(i + 1); j < K; j++)
			for (uint8_t k = (uint8_t)(j + 1); k < K; k++, n--)
				if (n == 0) {
					lost[0] = i;
					lost[1] = j;
					lost[2] = k;
					return;
				}
}

static struct bench_sample
run(struct fec_bench *b, uint64_t round_ns, void (*block)(struct fec_bench *b))
{
	const uint64_t start = bench_now_ns();
	const uint64_t cpu = bench_cpu_ns();
	uint64_t now = start, ops = 0;

	while (now - start < round_ns) {
		for (unsigned i = 0; i < REPEAT; i++, b->blocks++)
			block(b);
		ops += REPEAT;
		now = bench_now_ns();
	}
	return (struct bench_sample){ ops, bench_cpu_ns() - cpu };
}

/* ---- encode ---- */

static void
encode_ours(struct fec_bench *b)
{
	fec_encoder_reset(&b->enc);
	for (unsigned i = 0; i < K; i++)
		if (fec_encoder_add(&b->enc, &b->codec, b->payload[i], PAYLOAD) != 0)
			abort();
	if (fec_encoder_finish(&b->enc, M) != (int)SYMBOL)
		abort();
}

static void
encode_isal(struct fec_bench *b)
{
	uint8_t *src[K], *dst[M];

	for (unsigned i = 0; i < K; i++)
		src[i] = b->payload[i];
	for (unsigned i = 0; i < M; i++)
		dst[i] = b->repair[i];
	ec_encode_data(PAYLOAD, K, M, b->tables, src, dst);
}

static struct bench_sample
run_encode_ours(void *ctx, uint64_t round_ns)
{
	return run(ctx, round_ns, encode_ours);
}

static struct bench_sample
run_encode_isal(void *ctx, uint64_t round_ns)
{
	return run(ctx, round_ns, encode_isal);
}

/* ---- decode ---- */

static void
decode_ours(struct fec_bench *b)
{
	struct fec_block block = { .k = K, .m = M, .nb_repairs = M };
	struct fec_recovered ret[LOST];
	uint8_t lost[LOST];

	losses(b, lost);
	for (unsigned i = 0; i < K; i++)
		block.source[i] = (struct fec_source){ b->payload[i], PAYLOAD };
	for (unsigned i = 0; i < LOST; i++) {
		block.source[lost[i]].data = NULL;
		block.repair[i] = (struct fec_repair){ b->repair[i], SYMBOL, (uint8_t)i };
		ret[i].buf = b->out[i];
		ret[i].buf_size = sizeof(b->out[i]);
	}
	if (fec_decode(&b->codec, &block, ret, LOST) != (int)LOST)
		abort();
}

/* Tables that give the lost sources from the first k present symbols, as ISA-L's examples do. */
static void
isal_tables(struct fec_bench *b, const uint8_t lost[LOST])
{
	uint8_t rows[K * K], inverse[K * K], decode[LOST * K];
	unsigned nb = 0;

	for (unsigned i = 0; i < K + M && nb < K; i++)
		if (i != lost[0] && i != lost[1] && i != lost[2])
			memcpy(&rows[K * nb++], &b->matrix[K * i], K);
	if (gf_invert_matrix(rows, inverse, K) != 0)
		abort();
	for (unsigned i = 0; i < LOST; i++)
		memcpy(&decode[K * i], &inverse[K * lost[i]], K);
	ec_init_tables(K, LOST, decode, b->decode_tables);
}

static void
decode_isal(struct fec_bench *b)
{
	uint8_t *src[K], *dst[LOST], lost[LOST];
	unsigned nb = 0;

	losses(b, lost);
	if (b->cold)
		isal_tables(b, lost);
	for (unsigned i = 0; i < K; i++)
		if (i != lost[0] && i != lost[1] && i != lost[2])
			src[nb++] = b->payload[i];
	for (unsigned i = 0; nb < K; i++)
		src[nb++] = b->repair[i];
	for (unsigned i = 0; i < LOST; i++)
		dst[i] = b->out[i];
	ec_encode_data(PAYLOAD, K, LOST, b->decode_tables, src, dst);
}

static struct bench_sample
run_decode_ours(void *ctx, uint64_t round_ns)
{
	return run(ctx, round_ns, decode_ours);
}

static struct bench_sample
run_decode_isal(void *ctx, uint64_t round_ns)
{
	return run(ctx, round_ns, decode_isal);
}

/* ---- rows ---- */

static void
fec_close(struct bench_group *g)
{
	free(g->ctx);
}

static struct fec_bench *
open_both(struct bench_group *g)
{
	struct fec_bench *b = bench_alloc(sizeof(*b));
	struct aef_rng rng;
	uint8_t *bufs[M] = { b->repair[0], b->repair[1], b->repair[2] };

	aef_rng_init(&rng, 1);
	for (unsigned i = 0; i < K; i++)
		for (unsigned j = 0; j < PAYLOAD; j++)
			b->payload[i][j] = (uint8_t)aef_rng_u64(&rng);
	fec_codec_init(&b->codec);
	if (fec_encoder_init(&b->enc, bufs, M, SYMBOL) != 0)
		abort();
	gf_gen_cauchy1_matrix(b->matrix, K + M, K);
	ec_init_tables(K, M, &b->matrix[K * K], b->tables);
	encode_ours(b);
	isal_tables(b, warm_lost);
	g->ctx = b;
	g->close = fec_close;
	g->unit = "block";
	g->bytes_per_op = K * PAYLOAD;
	g->nb_sides = 2;
	g->sides[0] = (struct bench_side){ "fec_encoder", true, b, run_encode_ours };
	g->sides[1] = (struct bench_side){ "isa-l", false, b, run_encode_isal };
	return b;
}

const char *
bench_fec_encode(const struct bench_opts *opts, struct bench_group *g)
{
	(void)opts;
	(void)open_both(g);
	return NULL;
}

static const char *
open_decode(struct bench_group *g, bool cold)
{
	struct fec_bench *b = open_both(g);

	b->cold = cold;
	g->sides[0] = (struct bench_side){ cold ? "fec_decode invert" : "fec_decode warm", true, b,
		                           run_decode_ours };
	g->sides[1] = (struct bench_side){ cold ? "isa-l invert" : "isa-l kept tables", false, b,
		                           run_decode_isal };
	return NULL;
}

const char *
bench_fec_decode(const struct bench_opts *opts, struct bench_group *g)
{
	(void)opts;
	return open_decode(g, false);
}

const char *
bench_fec_invert(const struct bench_opts *opts, struct bench_group *g)
{
	(void)opts;
	return open_decode(g, true);
}
