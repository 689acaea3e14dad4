/* SPDX-License-Identifier: BSD-3-Clause */
#include <isa-l.h>

#include "block.h"
#include "fec_priv.h"

static struct fec_codec codec;

START_TEST(codec_coefficients_are_the_cauchy_rows_of_the_full_layout)
{
	uint8_t full[(FEC_K_MAX + FEC_M_MAX) * FEC_K_MAX];

	gf_gen_cauchy1_matrix(full, FEC_K_MAX + FEC_M_MAX, FEC_K_MAX);
	for (unsigned r = 0; r < FEC_M_MAX; r++) {
		for (unsigned j = 0; j < FEC_K_MAX; j++)
			ck_assert_uint_eq(fec_coef(r, j), full[(FEC_K_MAX + r) * FEC_K_MAX + j]);
	}
}
END_TEST

START_TEST(codec_first_coefficients_are_the_numbers_of_the_specification)
{
	/* 1/10, 1/11, 1/8 and 1/11, 1/10 in GF(2^8) with 0x11d: fixed for ever, they are on the
	 * wire. */
	ck_assert_uint_eq(gf_mul(fec_coef(0, 0), 10), 1);
	ck_assert_uint_eq(gf_mul(fec_coef(0, 1), 11), 1);
	ck_assert_uint_eq(gf_mul(fec_coef(0, 2), 8), 1);
	ck_assert_uint_eq(gf_mul(fec_coef(1, 0), 11), 1);
	ck_assert_uint_eq(gf_mul(fec_coef(2, 9), 12 ^ 9), 1);
	ck_assert_uint_eq(gf_mul(2, 128), 0x1d);
}
END_TEST

START_TEST(codec_all_285_erasure_patterns_have_a_matrix)
{
	unsigned patterns = 0;

	fec_codec_init(&codec);
	for (unsigned lost = 1; lost < 1u << FEC_K_MAX; lost++) {
		for (unsigned rows = 1; rows < 1u << FEC_M_MAX; rows++) {
			if (__builtin_popcount(lost) != __builtin_popcount(rows))
				continue;
			patterns++;
			ck_assert_uint_eq(fec_codec_matrix(&codec, lost, rows)->pattern,
			                  FEC_PATTERN(lost, rows));
		}
	}
	ck_assert_uint_eq(patterns, 285);
	ck_assert_uint_eq(codec.inversions, 285);
}
END_TEST

START_TEST(codec_pattern_seen_again_is_a_hit_and_not_inverted)
{
	fec_codec_init(&codec);
	const struct fec_matrix *first = fec_codec_matrix(&codec, 0x05, 3);

	ck_assert_ptr_eq(fec_codec_matrix(&codec, 0x05, 3), first);
	ck_assert_uint_eq(codec.inversions, 1);
	ck_assert_uint_eq(codec.hits, 1);
	ck_assert_ptr_ne(fec_codec_matrix(&codec, 0x05, 5), first);
	ck_assert_uint_eq(codec.inversions, 2);
}
END_TEST

START_TEST(codec_cache_keeps_all_single_and_first_row_losses)
{
	/* The patterns of ordinary loss: 1 source by row 0, 2 neighbours by rows 0 and 1. */
	fec_codec_init(&codec);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned j = 0; j < FEC_K_MAX; j++)
			fec_codec_matrix(&codec, 1u << j, 1);
		for (unsigned j = 0; j + 1 < FEC_K_MAX; j++)
			fec_codec_matrix(&codec, 3u << j, 3);
	}
	ck_assert_uint_eq(codec.inversions, 19);
	ck_assert_uint_eq(codec.hits, 19);
}
END_TEST

TEST_SUITE(codec, &codec_coefficients_are_the_cauchy_rows_of_the_full_layout,
           &codec_first_coefficients_are_the_numbers_of_the_specification,
           &codec_all_285_erasure_patterns_have_a_matrix,
           &codec_pattern_seen_again_is_a_hit_and_not_inverted,
           &codec_cache_keeps_all_single_and_first_row_losses)
