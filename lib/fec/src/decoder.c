/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decoder.c - recovery of lost payloads from whatever arrived of a block.
 *
 * Order of work: judge every number of the block, choose repairs, compute into the caller's
 * buffers, judge the recovered symbols, and only then say what they are.
 */
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>

#include "fec_priv.h"

/* What the checks found out about a block. */
struct plan {
	uint16_t symbol_len;
	uint16_t lost; /* bit j: source j is lost */
	uint8_t nb_lost;
	uint8_t lost_idx[FEC_K_MAX];        /* ascending */
	const uint8_t *row_data[FEC_M_MAX]; /* by row; NULL: did not arrive */
	uint8_t nb_use;                     /* payloads that will be recovered */
	uint8_t source_idx[FEC_M_MAX];      /* which ones */
};

static int
check_repairs(const struct fec_block *block, struct plan *plan)
{
	if (block->nb_repairs > FEC_M_MAX)
		return AEF_ERR_MALFORMED;
	for (unsigned i = 0; i < block->nb_repairs; i++) {
		const struct fec_repair *repair = &block->repair[i];

		if (repair->data == NULL || repair->idx >= block->m ||
		    plan->row_data[repair->idx] != NULL)
			return AEF_ERR_MALFORMED;
		if (repair->len < FEC_LEN_BYTES || repair->len > FEC_SYMBOL_MAX ||
		    repair->len != block->repair[0].len)
			return AEF_ERR_MALFORMED;
		plan->row_data[repair->idx] = repair->data;
	}
	plan->symbol_len = block->nb_repairs > 0 ? block->repair[0].len : 0;
	return 0;
}

static int
check_sources(const struct fec_block *block, struct plan *plan)
{
	for (unsigned j = 0; j < block->k; j++) {
		const struct fec_source *source = &block->source[j];

		if (source->data == NULL) {
			plan->lost |= (uint16_t)(1u << j);
			plan->lost_idx[plan->nb_lost++] = (uint8_t)j;
		} else if (block->nb_repairs > 0 &&
		           (uint32_t)source->len + FEC_LEN_BYTES > plan->symbol_len) {
			return AEF_ERR_MALFORMED;
		}
	}
	return 0;
}

/* Which payloads can come back: of repetitions those that are here, of the real code all or none.
 */
static int
choose(const struct fec_block *block, struct plan *plan)
{
	if (block->k > FEC_BUFS_MIN) {
		if (plan->nb_lost > block->nb_repairs)
			return AEF_ERR_AGAIN;
		plan->nb_use = plan->nb_lost;
		memcpy(plan->source_idx, plan->lost_idx, plan->nb_lost);
	} else {
		for (unsigned i = 0; i < plan->nb_lost; i++) {
			const uint8_t j = plan->lost_idx[i];
			bool here = false;

			for (unsigned r = j; r < FEC_M_MAX; r += block->k)
				here |= plan->row_data[r] != NULL;
			if (here)
				plan->source_idx[plan->nb_use++] = j;
		}
	}
	return plan->nb_use > 0 ? 0 : AEF_ERR_AGAIN;
}

static void
copy_repetitions(const struct fec_block *block, const struct plan *plan, struct fec_recovered *ret)
{
	for (unsigned i = 0; i < plan->nb_use; i++) {
		unsigned r = plan->source_idx[i];

		while (plan->row_data[r] == NULL)
			r += block->k;
		memcpy(ret[i].buf, plan->row_data[r], plan->symbol_len);
	}
}

/* Add what source @p j takes part in to the @p nb symbols in @p out. */
static void
add_source(const struct fec_codec *codec, const struct fec_matrix *matrix, unsigned j,
           const struct fec_source *source, struct fec_recovered *out, unsigned nb)
{
	uint8_t *payloads[FEC_M_MAX] = { 0 };

	for (unsigned i = 0; i < nb; i++) {
		const uint8_t coef = matrix->source_coef[i][j];

		out[i].buf[0] ^= fec_mul(codec, coef, (uint8_t)(source->len >> 8));
		out[i].buf[1] ^= fec_mul(codec, coef, (uint8_t)source->len);
		payloads[i] = out[i].buf + FEC_LEN_BYTES;
	}
	/* ISA-L takes its inputs as non-const and only reads them. */
	if (source->len > 0)
		ec_encode_data_update(source->len, FEC_K_MAX, (int)nb, (int)j,
		                      (unsigned char *)matrix->from_source,
		                      (unsigned char *)source->data, payloads);
}

static void
solve(struct fec_codec *codec, const struct fec_block *block, const struct plan *plan,
      struct fec_recovered *ret)
{
	uint8_t *repairs[FEC_M_MAX] = { 0 }, *out[FEC_M_MAX] = { 0 };
	const unsigned nb = plan->nb_use;
	unsigned rows = 0, nb_rows = 0;

	/* The lowest rows that arrived, as many as there are lost sources. */
	for (unsigned r = 0; r < FEC_M_MAX && nb_rows < nb; r++) {
		if (plan->row_data[r] == NULL)
			continue;
		rows |= 1u << r;
		repairs[nb_rows++] = (uint8_t *)plan->row_data[r];
	}
	for (unsigned i = 0; i < nb; i++)
		out[i] = ret[i].buf;

	const struct fec_matrix *matrix = fec_codec_matrix(codec, plan->lost, rows);

	ec_encode_data(plan->symbol_len, (int)nb, (int)nb, (unsigned char *)matrix->from_repair,
	               repairs, out);
	for (unsigned j = 0; j < block->k; j++) {
		if (block->source[j].data != NULL)
			add_source(codec, matrix, j, &block->source[j], ret, nb);
	}
}

/* A symbol is valid when its length fits and everything beyond the payload is zero. */
static bool
symbol_valid(const uint8_t *symbol, uint16_t symbol_len)
{
	const uint32_t used = (uint32_t)aef_load_be16(symbol) + FEC_LEN_BYTES;
	uint8_t rest = 0;

	if (used > symbol_len)
		return false;
	for (uint32_t i = used; i < symbol_len; i++)
		rest |= symbol[i];
	return rest == 0;
}

int
fec_decode(struct fec_codec *codec, const struct fec_block *block, struct fec_recovered *ret,
           unsigned nb_ret)
{
	struct plan plan = { 0 };
	bool valid = true;
	int rc;

	if (block->k < 1 || block->k > FEC_K_MAX || block->m < 1 || block->m > FEC_M_MAX)
		return AEF_ERR_MALFORMED;
	if ((rc = check_repairs(block, &plan)) != 0 || (rc = check_sources(block, &plan)) != 0 ||
	    (rc = choose(block, &plan)) != 0)
		return rc;
	if (nb_ret < plan.nb_use)
		return AEF_ERR_FULL;
	for (unsigned i = 0; i < plan.nb_use; i++) {
		if (ret[i].buf_size < plan.symbol_len)
			return AEF_ERR_FULL;
	}
	if (block->k <= FEC_BUFS_MIN)
		copy_repetitions(block, &plan, ret);
	else
		solve(codec, block, &plan, ret);
	for (unsigned i = 0; i < plan.nb_use; i++)
		valid &= symbol_valid(ret[i].buf, plan.symbol_len);
	for (unsigned i = 0; i < plan.nb_use; i++) {
		if (!valid) {
			memset(ret[i].buf, 0, plan.symbol_len);
			continue;
		}
		ret[i].source_idx = plan.source_idx[i];
		ret[i].len = aef_load_be16(ret[i].buf);
		ret[i].data = ret[i].buf + FEC_LEN_BYTES;
	}
	return valid ? plan.nb_use : AEF_ERR_MALFORMED;
}
