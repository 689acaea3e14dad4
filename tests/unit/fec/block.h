/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * block.h - a block of random payloads, its repair symbols, and what a test needs to lose some of
 * them.
 */
#ifndef TESTS_UNIT_FEC_BLOCK_H
#define TESTS_UNIT_FEC_BLOCK_H

#include <base/err.h>
#include <base/rng.h>
#include <fec/fec.h>

#include "harness.h"

#define SYMBOL_MAX 1400u

struct test_block {
	uint8_t k, m;
	uint16_t symbol_len;
	uint16_t len[FEC_K_MAX];
	uint8_t payload[FEC_K_MAX][SYMBOL_MAX];
	uint8_t repair[FEC_M_MAX][SYMBOL_MAX];
	uint8_t out[FEC_M_MAX][SYMBOL_MAX];
};

/** Random payloads of 0 to @p len_max bytes; with @p fixed all of them have len_max. */
static inline void
block_fill(struct test_block *tb, struct aef_rng *rng, unsigned k, unsigned len_max, bool fixed)
{
	tb->k = (uint8_t)k;
	for (unsigned j = 0; j < k; j++) {
		tb->len[j] = (uint16_t)(fixed ? len_max : aef_rng_below(rng, len_max + 1));
		for (unsigned i = 0; i < tb->len[j]; i++)
			tb->payload[j][i] = (uint8_t)aef_rng_u64(rng);
	}
}

/** Encode with an encoder that could make @p m_max symbols; buffers are dirty on purpose. */
static inline void
block_encode(struct test_block *tb, const struct fec_codec *codec, unsigned m, unsigned m_max)
{
	uint8_t *bufs[FEC_M_MAX] = { tb->repair[0], tb->repair[1], tb->repair[2] };
	struct fec_encoder enc;

	memset(tb->repair, 0x5a, sizeof(tb->repair));
	ck_assert_int_eq(fec_encoder_init(&enc, bufs, (uint8_t)m_max, SYMBOL_MAX), 0);
	for (unsigned j = 0; j < tb->k; j++)
		ck_assert_int_eq(fec_encoder_add(&enc, codec, tb->payload[j], tb->len[j]), 0);
	const int symbol_len = fec_encoder_finish(&enc, (uint8_t)m);

	ck_assert_int_gt(symbol_len, 0);
	tb->m = (uint8_t)m;
	tb->symbol_len = (uint16_t)symbol_len;
}

/** What a receiver holds when the sources of @p lost are gone and the repairs of @p rows came. */
static inline struct fec_block
block_receive(const struct test_block *tb, unsigned lost, unsigned rows)
{
	struct fec_block block = { .k = tb->k, .m = tb->m };

	for (unsigned j = 0; j < tb->k; j++) {
		if (!(lost & (1u << j)))
			block.source[j] = (struct fec_source){ tb->payload[j], tb->len[j] };
	}
	for (unsigned r = 0; r < tb->m; r++) {
		if (rows & (1u << r))
			block.repair[block.nb_repairs++] =
				(struct fec_repair){ tb->repair[r], tb->symbol_len, (uint8_t)r };
	}
	return block;
}

/** Output buffers inside @p tb. */
static inline void
block_outputs(struct test_block *tb, struct fec_recovered ret[FEC_M_MAX])
{
	memset(tb->out, 0xa5, sizeof(tb->out));
	for (unsigned i = 0; i < FEC_M_MAX; i++)
		ret[i] = (struct fec_recovered){ .buf = tb->out[i],
			                         .buf_size = SYMBOL_MAX,
			                         .source_idx = 99 };
}

/** All lost payloads came back, byte for byte, in order. */
static inline void
block_assert_recovered(const struct test_block *tb, unsigned lost, const struct fec_recovered *ret,
                       int nb)
{
	ck_assert_int_eq(nb, __builtin_popcount(lost));
	for (int i = 0; i < nb; i++) {
		const unsigned j = (unsigned)__builtin_ctz(lost);

		lost &= lost - 1;
		ck_assert_uint_eq(ret[i].source_idx, j);
		ck_assert_uint_eq(ret[i].len, tb->len[j]);
		ck_assert_ptr_eq(ret[i].data, ret[i].buf + FEC_LEN_BYTES);
		ck_assert_int_eq(memcmp(ret[i].data, tb->payload[j], tb->len[j]), 0);
	}
}

#endif
