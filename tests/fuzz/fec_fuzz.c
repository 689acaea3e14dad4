/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fec_fuzz.c - a block as a peer could make it goes into fec_decode(); what comes out is encoded
 * again and must give the repair symbols that were used.
 *
 * Input: k | m | nb_repairs | 3 x index | symbol length 2 | 2 x lost bits | per source a length 2,
 * then bytes that fill the symbols and payloads; bytes that are missing count as zero.
 */
#include <stdlib.h>
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <fec/fec.h>

#define SYMBOL_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fec_codec codec;

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* The input's next @p len bytes in a heap block of their own, so that ASan sees each overrun. */
static uint8_t *
take(struct aef_reader *r, size_t len)
{
	uint8_t *mem = calloc(1, len > 0 ? len : 1);
	const size_t have = len < aef_reader_left(r) ? len : aef_reader_left(r);

	require(mem != NULL);
	if (have > 0)
		memcpy(mem, aef_read_bytes(r, have), have);
	return mem;
}

static void
read_block(struct aef_reader *r, struct fec_block *block)
{
	block->k = aef_read_u8(r) % (FEC_K_MAX + 2);
	block->m = aef_read_u8(r) % (FEC_M_MAX + 2);
	block->nb_repairs = aef_read_u8(r) % (FEC_M_MAX + 2);
	for (unsigned i = 0; i < FEC_M_MAX; i++)
		block->repair[i].idx = aef_read_u8(r);

	const uint16_t symbol_len = aef_read_be16(r) % SYMBOL_MAX;
	const uint16_t lost = aef_read_be16(r);
	const uint8_t odd = aef_read_u8(r); /* which repair has another length, if any */

	for (unsigned i = 0; i < FEC_M_MAX; i++) {
		block->repair[i].len = (uint16_t)(symbol_len + (odd == i));
		block->repair[i].data = take(r, block->repair[i].len);
	}
	for (unsigned j = 0; j < FEC_K_MAX; j++) {
		const uint16_t len = aef_read_u8(r);

		if (lost & (1u << j))
			continue;
		block->source[j].len = len;
		block->source[j].data = take(r, len);
	}
}

/* All sources are known now: encode them and compare with the repairs that served. */
static void
encode_again(const struct fec_block *block, unsigned nb)
{
	static uint8_t bufs[FEC_M_MAX][SYMBOL_MAX + FEC_LEN_BYTES];
	uint8_t *const buf[FEC_M_MAX] = { bufs[0], bufs[1], bufs[2] };
	struct fec_encoder enc;

	require(fec_encoder_init(&enc, buf, FEC_M_MAX, sizeof(bufs[0])) == 0);
	for (unsigned j = 0; j < block->k; j++)
		require(fec_encoder_add(&enc, &codec, block->source[j].data,
		                        block->source[j].len) == 0);

	const int len = fec_encoder_finish(&enc, FEC_M_MAX);
	unsigned used = 0;

	require(len > 0);
	for (unsigned r = 0; r < FEC_M_MAX && used < nb; r++) {
		for (unsigned i = 0; i < block->nb_repairs; i++) {
			if (block->repair[i].idx != r)
				continue;
			require(memcmp(block->repair[i].data, bufs[r], (size_t)len) == 0);
			used++;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aef_reader r = aef_reader_make(data, size);
	struct fec_block block = { 0 };
	struct fec_recovered ret[FEC_M_MAX] = { 0 };
	static bool ready;

	if (!ready) {
		fec_codec_init(&codec);
		ready = true;
	}
	read_block(&r, &block);
	for (unsigned i = 0; i < FEC_M_MAX; i++) {
		ret[i].buf_size = block.repair[0].len;
		ret[i].buf = calloc(1, block.repair[0].len + 1u);
		require(ret[i].buf != NULL);
	}

	const int rc = fec_decode(&codec, &block, ret, FEC_M_MAX);

	require(rc != 0 && rc <= (int)FEC_M_MAX);
	for (int i = 0; i < rc; i++) {
		require(ret[i].data == ret[i].buf + FEC_LEN_BYTES);
		require(ret[i].len + FEC_LEN_BYTES <= block.repair[0].len);
		require(ret[i].source_idx < block.k &&
		        block.source[ret[i].source_idx].data == NULL);
	}
	if (rc > 0 && block.k > 2) {
		struct fec_block whole = block;

		for (int i = 0; i < rc; i++) {
			whole.source[ret[i].source_idx].data = ret[i].data;
			whole.source[ret[i].source_idx].len = ret[i].len;
		}
		encode_again(&whole, (unsigned)rc);
	}
	for (unsigned i = 0; i < FEC_M_MAX; i++) {
		free(ret[i].buf);
		free((void *)(uintptr_t)block.repair[i].data);
	}
	for (unsigned j = 0; j < FEC_K_MAX; j++)
		free((void *)(uintptr_t)block.source[j].data);
	return 0;
}
