/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * encoder.c - one open block: sources go in one by one, repair symbols grow in the caller's
 * buffers.
 *
 * The length of a symbol and its payload are multiplied apart, so that the payload is read where it
 * lies and never copied.
 */
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>

#include "fec_priv.h"

/* Bytes of the first two sources that are converted at a time: fits the stack and the L1 cache. */
#define CHUNK_BYTES 512u

int
fec_encoder_init(struct fec_encoder *enc, uint8_t *const bufs[], uint8_t m_max, uint16_t symbol_max)
{
	if (m_max < 1 || m_max > FEC_M_MAX || symbol_max <= FEC_LEN_BYTES ||
	    symbol_max > FEC_SYMBOL_MAX)
		return AEF_ERR_INVALID;
	*enc = (struct fec_encoder){ .symbol_max = symbol_max, .m_max = m_max };
	for (unsigned i = 0; i < aef_max_u32(m_max, FEC_BUFS_MIN); i++)
		enc->buf[i] = bufs[i];
	return 0;
}

void
fec_encoder_reset(struct fec_encoder *enc)
{
	enc->symbol_len = 0;
	enc->nb_sources = 0;
}

/* Lengthen the symbols to @p len by zeros; @p nb_bufs of them hold something. */
static void
symbols_extend(struct fec_encoder *enc, uint16_t len, unsigned nb_bufs)
{
	if (len <= enc->symbol_len)
		return;
	for (unsigned i = 0; i < nb_bufs; i++)
		memset(enc->buf[i] + enc->symbol_len, 0, (size_t)len - enc->symbol_len);
	enc->symbol_len = len;
}

/* Buffer @p idx becomes the symbol of @p payload, padded to the block's symbol length. */
static void
symbol_hold(struct fec_encoder *enc, unsigned idx, const uint8_t *payload, uint16_t len)
{
	uint8_t *symbol = enc->buf[idx];

	aef_store_be16(symbol, len);
	if (len > 0)
		memcpy(symbol + FEC_LEN_BYTES, payload, len);
	memset(symbol + FEC_LEN_BYTES + len, 0, (size_t)enc->symbol_len - FEC_LEN_BYTES - len);
}

/* Turn the two held symbols into the first two terms of every row's sum. */
static void
symbols_to_sums(struct fec_encoder *enc, const struct fec_codec *codec)
{
	uint8_t held[FEC_BUFS_MIN][CHUNK_BYTES];
	uint8_t pair[FEC_M_MAX * FEC_BUFS_MIN * FEC_TABLE_BYTES];
	uint8_t *sources[FEC_BUFS_MIN] = { held[0], held[1] };

	/* ISA-L wants the tables of a row's sources side by side: take the first two of each row.
	 */
	for (unsigned r = 0; r < enc->m_max; r++)
		memcpy(pair + r * FEC_BUFS_MIN * FEC_TABLE_BYTES,
		       codec->encode + r * FEC_K_MAX * FEC_TABLE_BYTES,
		       FEC_BUFS_MIN * FEC_TABLE_BYTES);
	for (unsigned at = 0; at < enc->symbol_len; at += CHUNK_BYTES) {
		const unsigned len = aef_min_u32(CHUNK_BYTES, enc->symbol_len - at);
		uint8_t *sums[FEC_M_MAX] = { 0 };

		for (unsigned i = 0; i < FEC_BUFS_MIN; i++)
			memcpy(held[i], enc->buf[i] + at, len);
		for (unsigned r = 0; r < enc->m_max; r++)
			sums[r] = enc->buf[r] + at;
		ec_encode_data((int)len, FEC_BUFS_MIN, enc->m_max, pair, sources, sums);
	}
}

/* Add source number @p j to every row's sum. */
static void
symbols_add(struct fec_encoder *enc, const struct fec_codec *codec, const uint8_t *payload,
            uint16_t len)
{
	const unsigned j = enc->nb_sources;
	uint8_t *sums[FEC_M_MAX] = { 0 };

	for (unsigned r = 0; r < enc->m_max; r++) {
		const uint8_t coef = codec->coef[r][j];

		enc->buf[r][0] ^= fec_mul(codec, coef, (uint8_t)(len >> 8));
		enc->buf[r][1] ^= fec_mul(codec, coef, (uint8_t)len);
		sums[r] = enc->buf[r] + FEC_LEN_BYTES;
	}
	/* ISA-L takes its inputs as non-const and only reads them. */
	if (len > 0)
		ec_encode_data_update(len, FEC_K_MAX, enc->m_max, (int)j,
		                      (unsigned char *)codec->encode, (unsigned char *)payload,
		                      sums);
}

int
fec_encoder_add(struct fec_encoder *enc, const struct fec_codec *codec, const uint8_t *payload,
                uint16_t len)
{
	const uint32_t symbol_len = (uint32_t)len + FEC_LEN_BYTES;
	const unsigned j = enc->nb_sources;

	if (j >= FEC_K_MAX)
		return AEF_ERR_FULL;
	if (symbol_len > enc->symbol_max)
		return AEF_ERR_RANGE;
	if (j < FEC_BUFS_MIN) {
		symbols_extend(enc, (uint16_t)symbol_len, j);
		symbol_hold(enc, j, payload, len);
	} else {
		if (j == FEC_BUFS_MIN)
			symbols_to_sums(enc, codec);
		symbols_extend(enc, (uint16_t)symbol_len, enc->m_max);
		symbols_add(enc, codec, payload, len);
	}
	enc->nb_sources++;
	return 0;
}

int
fec_encoder_finish(struct fec_encoder *enc, uint8_t m)
{
	if (m < 1 || m > enc->m_max)
		return AEF_ERR_INVALID;
	if (enc->nb_sources == 0)
		return AEF_ERR_STATE;
	if (enc->nb_sources <= FEC_BUFS_MIN) {
		for (unsigned r = enc->nb_sources; r < m; r++)
			memcpy(enc->buf[r], enc->buf[r % enc->nb_sources], enc->symbol_len);
	}
	return enc->symbol_len;
}
