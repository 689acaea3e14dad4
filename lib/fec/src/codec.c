/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * codec.c - encode tables and the bounded cache of decode matrices.
 */
#include <string.h>

#include "fec_priv.h"

void
fec_codec_init(struct fec_codec *codec)
{
	uint8_t power = 1;

	memset(codec, 0, sizeof(*codec));
	for (unsigned i = 0; i < 255; i++) {
		/* Twice in a row, so that a sum of two logarithms needs no reduction. */
		codec->exp[i] = codec->exp[i + 255] = power;
		codec->log[power] = (uint8_t)i;
		power = gf_mul(power, 2);
	}
	for (unsigned r = 0; r < FEC_M_MAX; r++) {
		for (unsigned j = 0; j < FEC_K_MAX; j++)
			codec->coef[r][j] = fec_coef(r, j);
	}
	ec_init_tables(FEC_K_MAX, FEC_M_MAX, codec->coef[0], codec->encode);
}

/*
 * With R = repairs used, L = lost, P = present sources:  R = A L + B P, so L = A^-1 R + (A^-1 B) P.
 * A is a Cauchy matrix, and every square part of one is regular.
 */
static void
matrix_compute(struct fec_matrix *ret, unsigned lost, unsigned rows)
{
	uint8_t lost_idx[FEC_M_MAX], row_idx[FEC_M_MAX];
	uint8_t a[FEC_M_MAX * FEC_M_MAX], inverse[FEC_M_MAX * FEC_M_MAX];
	unsigned n = 0, nb_rows = 0;

	memset(ret->source_coef, 0, sizeof(ret->source_coef));
	for (unsigned j = 0; j < FEC_K_MAX; j++) {
		if (lost & (1u << j))
			lost_idx[n++] = (uint8_t)j;
	}
	for (unsigned r = 0; r < FEC_M_MAX; r++) {
		if (rows & (1u << r))
			row_idx[nb_rows++] = (uint8_t)r;
	}
	aef_assert(n >= 1 && n == nb_rows);
	for (unsigned r = 0; r < n; r++) {
		for (unsigned c = 0; c < n; c++)
			a[r * n + c] = fec_coef(row_idx[r], lost_idx[c]);
	}

	const int singular = gf_invert_matrix(a, inverse, (int)n);

	aef_assert(singular == 0);
	for (unsigned l = 0; l < n; l++) {
		for (unsigned j = 0; j < FEC_K_MAX; j++) {
			for (unsigned r = 0; r < n; r++)
				ret->source_coef[l][j] ^=
					gf_mul(inverse[l * n + r], fec_coef(row_idx[r], j));
		}
	}
	ec_init_tables((int)n, (int)n, inverse, ret->from_repair);
	ec_init_tables(FEC_K_MAX, (int)n, ret->source_coef[0], ret->from_source);
	ret->pattern = FEC_PATTERN(lost, rows);
}

const struct fec_matrix *
fec_codec_matrix(struct fec_codec *codec, unsigned lost, unsigned rows)
{
	const uint16_t pattern = FEC_PATTERN(lost, rows);
	/* Fibonacci hashing: the top bits of the product depend on all bits of the pattern. */
	const unsigned set_idx = (pattern * 0x9e3779b1u >> 16) % FEC_CACHE_SETS;
	struct fec_matrix *set = codec->cache[set_idx];

	for (unsigned way = 0; way < FEC_CACHE_WAYS; way++) {
		if (set[way].pattern == pattern) {
			codec->hits++;
			return &set[way];
		}
	}

	struct fec_matrix *victim = &set[codec->victim[set_idx]];

	codec->victim[set_idx] = (uint8_t)((codec->victim[set_idx] + 1) % FEC_CACHE_WAYS);
	codec->inversions++;
	matrix_compute(victim, lost, rows);
	return victim;
}
