/* SPDX-License-Identifier: BSD-3-Clause */
#include <isa-l.h>

#include <base/bytes.h>

#include "block.h"
#include "unit/crypto/seed.h"

static struct fec_codec codec;
static struct test_block tb;

/* The repair symbols by one plain ISA-L call over padded symbols, coefficients by its own
 * generator. */
static void
assert_plain_isal_agrees(unsigned m)
{
	static uint8_t symbol[FEC_K_MAX][SYMBOL_MAX], want[FEC_M_MAX][SYMBOL_MAX];
	uint8_t full[(FEC_K_MAX + FEC_M_MAX) * FEC_K_MAX];
	uint8_t tables[FEC_M_MAX * FEC_K_MAX * FEC_TABLE_BYTES];
	uint8_t *sources[FEC_K_MAX], *repairs[FEC_M_MAX];

	memset(symbol, 0, sizeof(symbol)); /* also the virtual sources of a shortened block */
	for (unsigned j = 0; j < FEC_K_MAX; j++) {
		sources[j] = symbol[j];
		if (j < tb.k) {
			aef_store_be16(symbol[j], tb.len[j]);
			memcpy(symbol[j] + FEC_LEN_BYTES, tb.payload[j], tb.len[j]);
		}
	}
	for (unsigned r = 0; r < FEC_M_MAX; r++)
		repairs[r] = want[r];
	gf_gen_cauchy1_matrix(full, FEC_K_MAX + FEC_M_MAX, FEC_K_MAX);
	ec_init_tables(FEC_K_MAX, FEC_M_MAX, full + FEC_K_MAX * FEC_K_MAX, tables);
	ec_encode_data(tb.symbol_len, FEC_K_MAX, FEC_M_MAX, tables, sources, repairs);
	for (unsigned r = 0; r < m; r++)
		ck_assert_int_eq(memcmp(tb.repair[r], want[r], tb.symbol_len), 0);
}

START_TEST(encoder_full_block_equals_plain_isal)
{
	struct aef_rng rng;

	fec_codec_init(&codec);
	aef_rng_init(&rng, test_seed("encoder full"));
	for (unsigned len = 0; len <= 1300; len += 1 + len / 16) {
		block_fill(&tb, &rng, FEC_K_MAX, len, true);
		block_encode(&tb, &codec, FEC_M_MAX, FEC_M_MAX);
		ck_assert_uint_eq(tb.symbol_len, len + FEC_LEN_BYTES);
		assert_plain_isal_agrees(FEC_M_MAX);
	}
}
END_TEST

START_TEST(encoder_shortened_blocks_of_mixed_lengths_equal_plain_isal_with_zero_sources)
{
	struct aef_rng rng;

	fec_codec_init(&codec);
	aef_rng_init(&rng, test_seed("encoder mixed"));
	for (unsigned round = 0; round < 60; round++) {
		for (unsigned k = 3; k <= FEC_K_MAX; k++) {
			for (unsigned m = 1; m <= FEC_M_MAX; m++) {
				block_fill(&tb, &rng, k, 1 + round * 22, false);
				block_encode(&tb, &codec, m, m + round % (FEC_M_MAX - m + 1));
				assert_plain_isal_agrees(m);
			}
		}
	}
}
END_TEST

START_TEST(encoder_one_or_two_sources_are_repeated_with_padding)
{
	struct aef_rng rng;

	fec_codec_init(&codec);
	aef_rng_init(&rng, 5);
	for (unsigned round = 0; round < 200; round++) {
		const unsigned k = 1 + round % 2, m = 1 + round % FEC_M_MAX;

		block_fill(&tb, &rng, k, 200, false);
		block_encode(&tb, &codec, m, m);
		for (unsigned r = 0; r < m; r++) {
			const unsigned j = r % k;

			ck_assert_uint_eq(aef_load_be16(tb.repair[r]), tb.len[j]);
			ck_assert_int_eq(memcmp(tb.repair[r] + 2, tb.payload[j], tb.len[j]), 0);
			for (unsigned i = 2u + tb.len[j]; i < tb.symbol_len; i++)
				ck_assert_uint_eq(tb.repair[r][i], 0);
		}
	}
}
END_TEST

START_TEST(encoder_never_writes_beyond_the_symbol_or_a_buffer_it_was_not_given)
{
	struct aef_rng rng;

	fec_codec_init(&codec);
	aef_rng_init(&rng, 6);
	for (unsigned k = 1; k <= FEC_K_MAX; k++) {
		block_fill(&tb, &rng, k, 64, false);
		block_encode(&tb, &codec, 1, 1);
		for (unsigned r = 0; r < FEC_M_MAX; r++) {
			for (unsigned i = r < FEC_BUFS_MIN ? tb.symbol_len : 0; i < SYMBOL_MAX; i++)
				ck_assert_uint_eq(tb.repair[r][i], 0x5a);
		}
	}
}
END_TEST

START_TEST(encoder_limits_are_errors_and_change_nothing)
{
	uint8_t *bufs[FEC_M_MAX] = { tb.repair[0], tb.repair[1], tb.repair[2] };
	static const uint8_t payload[SYMBOL_MAX] = { 1 };
	struct fec_encoder enc;

	fec_codec_init(&codec);
	ck_assert_int_eq(fec_encoder_init(&enc, bufs, 0, 100), AEF_ERR_INVALID);
	ck_assert_int_eq(fec_encoder_init(&enc, bufs, FEC_M_MAX + 1, 100), AEF_ERR_INVALID);
	ck_assert_int_eq(fec_encoder_init(&enc, bufs, 1, 2), AEF_ERR_INVALID);
	ck_assert_int_eq(fec_encoder_init(&enc, bufs, 1, FEC_SYMBOL_MAX + 1), AEF_ERR_INVALID);
	ck_assert_int_eq(fec_encoder_init(&enc, bufs, 2, 100), 0);
	ck_assert_int_eq(fec_encoder_finish(&enc, 1), AEF_ERR_STATE);
	ck_assert_int_eq(fec_encoder_add(&enc, &codec, payload, 99), AEF_ERR_RANGE);
	ck_assert_int_eq(fec_encoder_add(&enc, &codec, payload, UINT16_MAX), AEF_ERR_RANGE);
	ck_assert_uint_eq(enc.nb_sources, 0);
	for (unsigned j = 0; j < FEC_K_MAX; j++)
		ck_assert_int_eq(fec_encoder_add(&enc, &codec, payload, 98), 0);
	ck_assert_int_eq(fec_encoder_add(&enc, &codec, payload, 1), AEF_ERR_FULL);
	ck_assert_int_eq(fec_encoder_finish(&enc, 0), AEF_ERR_INVALID);
	ck_assert_int_eq(fec_encoder_finish(&enc, 3), AEF_ERR_INVALID);
	ck_assert_int_eq(fec_encoder_finish(&enc, 2), 100);
	fec_encoder_reset(&enc);
	ck_assert_int_eq(fec_encoder_add(&enc, &codec, NULL, 0), 0);
	ck_assert_int_eq(fec_encoder_finish(&enc, 2), 2);
}
END_TEST

START_TEST(encoder_state_is_small)
{
	ck_assert_uint_le(sizeof(struct fec_encoder), 32);
}
END_TEST

TEST_SUITE(encoder, &encoder_full_block_equals_plain_isal,
           &encoder_shortened_blocks_of_mixed_lengths_equal_plain_isal_with_zero_sources,
           &encoder_one_or_two_sources_are_repeated_with_padding,
           &encoder_never_writes_beyond_the_symbol_or_a_buffer_it_was_not_given,
           &encoder_limits_are_errors_and_change_nothing, &encoder_state_is_small)
