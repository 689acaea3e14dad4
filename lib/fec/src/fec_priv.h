/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fec_priv.h - what the three files of the codec share: the coefficient rule and pattern look-up.
 *
 * Source:  Intel ISA-L (gf_inv, gf_mul, gf_invert_matrix, ec_init_tables, ec_encode_data,
 *          ec_encode_data_update); nothing else of it is used.
 */
#ifndef FEC_FEC_PRIV_H
#define FEC_FEC_PRIV_H

#include <isa-l.h>

#include <fec/fec.h>

/* coefficient(repair r, source j): the Cauchy element of row 10 + r, column j of the (10 + 3)
 * layout. */
static inline uint8_t
fec_coef(unsigned r, unsigned j)
{
	return gf_inv((unsigned char)((FEC_K_MAX + r) ^ j));
}

/* a * b; for the two bytes of a length, where a call into ISA-L would cost more than the work. */
static inline uint8_t
fec_mul(const struct fec_codec *codec, uint8_t a, uint8_t b)
{
	return a == 0 || b == 0 ? 0 : codec->exp[codec->log[a] + codec->log[b]];
}

#define FEC_PATTERN(lost, rows) ((uint16_t)((lost) | ((rows) << FEC_K_MAX)))

/**
 * The decode matrix for a set of lost sources and as many repair rows, from the cache or computed.
 *
 * @param lost bit j: source j is lost; 1 to 3 bits
 * @param rows bit r: repair row r is used; as many bits as in @p lost
 * @return borrowed until the next call
 */
const struct fec_matrix *fec_codec_matrix(struct fec_codec *codec, unsigned lost, unsigned rows);

#endif
