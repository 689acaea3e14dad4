/* SPDX-License-Identifier: BSD-3-Clause */
#include "block.h"
#include "unit/crypto/seed.h"

static struct fec_codec codec;
static struct test_block tb;
static struct fec_recovered ret[FEC_M_MAX];

static void
setup(unsigned k, unsigned m, unsigned len)
{
	struct aef_rng rng;

	fec_codec_init(&codec);
	aef_rng_init(&rng, k * 16 + m);
	block_fill(&tb, &rng, k, len, true);
	block_encode(&tb, &codec, m, m);
	block_outputs(&tb, ret);
}

/* An error leaves no recovered payload behind: indexes untouched, buffers unused or zero. */
static void
assert_nothing_recovered(int rc, int want)
{
	ck_assert_int_eq(rc, want);
	for (unsigned i = 0; i < FEC_M_MAX; i++) {
		ck_assert_uint_eq(ret[i].source_idx, 99);
		ck_assert_uint_eq(ret[i].len, 0);
		ck_assert_ptr_null(ret[i].data);
		for (unsigned b = 0; b < SYMBOL_MAX; b++)
			ck_assert(tb.out[i][b] == 0xa5 || tb.out[i][b] == 0);
	}
}

/* Every set of lost sources and arrived repairs of one block. */
static void
all_patterns_of(struct aef_rng *rng, unsigned k, unsigned m, unsigned len_max)
{
	block_fill(&tb, rng, k, len_max, false);
	block_encode(&tb, &codec, m, m);
	for (unsigned lost = 0; lost < 1u << k; lost++) {
		for (unsigned rows = 0; rows < 1u << m; rows++) {
			const struct fec_block block = block_receive(&tb, lost, rows);
			const int nb_lost = __builtin_popcount(lost);

			block_outputs(&tb, ret);
			const int rc = fec_decode(&codec, &block, ret, FEC_M_MAX);

			if (lost == 0 || nb_lost > __builtin_popcount(rows))
				ck_assert_int_eq(rc, AEF_ERR_AGAIN);
			else
				block_assert_recovered(&tb, lost, ret, rc);
		}
	}
}

START_TEST(decoder_every_erasure_pattern_of_every_code_is_recovered)
{
	struct aef_rng rng;

	fec_codec_init(&codec);
	aef_rng_init(&rng, test_seed("decoder patterns"));
	for (unsigned k = 3; k <= FEC_K_MAX; k++) {
		for (unsigned m = 1; m <= FEC_M_MAX; m++)
			all_patterns_of(&rng, k, m, k == FEC_K_MAX ? 300 : 90);
	}
}
END_TEST

START_TEST(decoder_random_lengths_and_losses_are_recovered)
{
	struct aef_rng rng;

	fec_codec_init(&codec);
	aef_rng_init(&rng, test_seed("decoder random"));
	for (unsigned round = 0; round < 4000; round++) {
		const unsigned k = (unsigned)aef_rng_range(&rng, 3, FEC_K_MAX);
		const unsigned m = (unsigned)aef_rng_range(&rng, 1, FEC_M_MAX);
		const unsigned nb_lost = (unsigned)aef_rng_range(&rng, 1, m);
		unsigned lost = 0;

		block_fill(&tb, &rng, k, (unsigned)aef_rng_below(&rng, SYMBOL_MAX - 1), false);
		block_encode(&tb, &codec, m, m);
		while ((unsigned)__builtin_popcount(lost) < nb_lost)
			lost |= 1u << aef_rng_below(&rng, k);
		const struct fec_block block = block_receive(&tb, lost, (1u << m) - 1);

		block_outputs(&tb, ret);
		block_assert_recovered(&tb, lost, ret, fec_decode(&codec, &block, ret, FEC_M_MAX));
	}
}
END_TEST

START_TEST(decoder_repetition_gives_back_what_it_repeats_and_no_more)
{
	struct aef_rng rng;

	fec_codec_init(&codec);
	aef_rng_init(&rng, 8);
	for (unsigned k = 1; k <= 2; k++) {
		for (unsigned m = 1; m <= FEC_M_MAX; m++) {
			block_fill(&tb, &rng, k, 100, false);
			block_encode(&tb, &codec, m, m);
			for (unsigned lost = 1; lost < 1u << k; lost++) {
				for (unsigned rows = 0; rows < 1u << m; rows++) {
					const struct fec_block block =
						block_receive(&tb, lost, rows);
					unsigned want = 0;

					for (unsigned r = 0; r < m; r++)
						want |= rows & (1u << r) ? 1u << (r % k) : 0;
					want &= lost;
					block_outputs(&tb, ret);
					const int rc = fec_decode(&codec, &block, ret, FEC_M_MAX);

					if (want == 0)
						ck_assert_int_eq(rc, AEF_ERR_AGAIN);
					else
						block_assert_recovered(&tb, want, ret, rc);
				}
			}
		}
	}
}
END_TEST

START_TEST(decoder_pattern_seen_before_is_not_inverted_again)
{
	setup(10, 3, 500);
	for (unsigned round = 0; round < 50; round++) {
		const struct fec_block block = block_receive(&tb, 0x111, 7);

		block_outputs(&tb, ret);
		block_assert_recovered(&tb, 0x111, ret, fec_decode(&codec, &block, ret, FEC_M_MAX));
	}
	ck_assert_uint_eq(codec.inversions, 1);
	ck_assert_uint_eq(codec.hits, 49);
}
END_TEST

START_TEST(decoder_shortened_blocks_share_the_matrix_of_the_full_one)
{
	setup(10, 2, 50);
	struct fec_block block = block_receive(&tb, 6, 3);

	block_assert_recovered(&tb, 6, ret, fec_decode(&codec, &block, ret, FEC_M_MAX));
	struct aef_rng rng;

	aef_rng_init(&rng, 1);
	block_fill(&tb, &rng, 5, 50, false);
	block_encode(&tb, &codec, 2, 2);
	block = block_receive(&tb, 6, 3);
	block_outputs(&tb, ret);
	block_assert_recovered(&tb, 6, ret, fec_decode(&codec, &block, ret, FEC_M_MAX));
	ck_assert_uint_eq(codec.inversions, 1);
}
END_TEST

START_TEST(decoder_counts_and_indexes_out_of_range_are_malformed)
{
	setup(10, 3, 40);
	struct fec_block block = block_receive(&tb, 3, 7);
	const struct fec_block good = block;

	block.k = 0;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block.k = FEC_K_MAX + 1;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block = good;
	block.m = 0;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block.m = FEC_M_MAX + 1;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block = good;
	block.nb_repairs = FEC_M_MAX + 1;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block = good;
	block.m = 2; /* an index beyond m */
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block = good;
	block.repair[1].idx = 0; /* double */
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block.repair[1].idx = 200;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block = good;
	block.repair[2].data = NULL;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
}
END_TEST

START_TEST(decoder_lengths_out_of_range_are_malformed)
{
	setup(10, 3, 40);
	struct fec_block block = block_receive(&tb, 3, 3);
	const struct fec_block good = block;

	block.repair[1].len--; /* unequal */
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block = good;
	block.source[5].len = 41; /* longer than the symbol allows */
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block.source[5].len = UINT16_MAX;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block = good;
	block.repair[0].len = block.repair[1].len = 1;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	block.repair[0].len = block.repair[1].len = FEC_SYMBOL_MAX + 1;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
}
END_TEST

START_TEST(decoder_symbols_truncated_anywhere_are_malformed)
{
	setup(10, 3, 40);
	struct fec_block block = block_receive(&tb, 0x30, 3);

	for (uint16_t len = 0; len < tb.symbol_len; len++) {
		block.repair[0].len = block.repair[1].len = len;
		block_outputs(&tb, ret);
		assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX),
		                         AEF_ERR_MALFORMED);
	}
}
END_TEST

START_TEST(decoder_recovered_length_or_padding_that_is_wrong_is_malformed)
{
	setup(10, 3, 40);
	struct fec_block block = block_receive(&tb, 0x200, 1);

	/* The high byte of a 40-byte payload's length is 0; any other value leaves the symbol. */
	tb.repair[0][0] ^= 0x80;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	tb.repair[0][0] ^= 0x80;

	setup(1, 1, 40);
	tb.repair[0][1] = 10; /* a shorter length: what follows is no longer padding */
	block = block_receive(&tb, 1, 1);
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
	tb.repair[0][1] = 41;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_MALFORMED);
}
END_TEST

START_TEST(decoder_outputs_that_are_too_few_or_small_are_refused)
{
	setup(10, 3, 40);
	const struct fec_block block = block_receive(&tb, 7, 7);

	assert_nothing_recovered(fec_decode(&codec, &block, ret, 2), AEF_ERR_FULL);
	ret[2].buf_size = 41;
	assert_nothing_recovered(fec_decode(&codec, &block, ret, FEC_M_MAX), AEF_ERR_FULL);
	ret[2].buf_size = 42;
	block_assert_recovered(&tb, 7, ret, fec_decode(&codec, &block, ret, FEC_M_MAX));
	for (unsigned i = 0; i < FEC_M_MAX; i++) {
		for (unsigned b = tb.symbol_len; b < SYMBOL_MAX; b++)
			ck_assert_uint_eq(tb.out[i][b], 0xa5);
	}
}
END_TEST

START_TEST(decoder_garbage_symbols_never_give_a_payload_outside_its_buffer)
{
	struct aef_rng rng;

	setup(10, 3, 60);
	aef_rng_init(&rng, test_seed("decoder garbage"));
	for (unsigned round = 0; round < 20000; round++) {
		const unsigned lost = (unsigned)aef_rng_range(&rng, 1, 1023);
		const struct fec_block block =
			block_receive(&tb, lost, (unsigned)aef_rng_below(&rng, 8));

		for (unsigned i = 0; i < sizeof(tb.repair[0]) && i < tb.symbol_len; i++)
			tb.repair[aef_rng_below(&rng, 3)][i] = (uint8_t)aef_rng_u64(&rng);
		block_outputs(&tb, ret);
		const int rc = fec_decode(&codec, &block, ret, FEC_M_MAX);

		for (int i = 0; i < rc; i++)
			ck_assert_uint_le(ret[i].len + FEC_LEN_BYTES, tb.symbol_len);
		if (rc < 0)
			ck_assert_uint_eq(ret[0].source_idx, 99);
	}
}
END_TEST

TEST_SUITE(decoder, &decoder_every_erasure_pattern_of_every_code_is_recovered,
           &decoder_random_lengths_and_losses_are_recovered,
           &decoder_repetition_gives_back_what_it_repeats_and_no_more,
           &decoder_pattern_seen_before_is_not_inverted_again,
           &decoder_shortened_blocks_share_the_matrix_of_the_full_one,
           &decoder_counts_and_indexes_out_of_range_are_malformed,
           &decoder_lengths_out_of_range_are_malformed,
           &decoder_symbols_truncated_anywhere_are_malformed,
           &decoder_recovered_length_or_padding_that_is_wrong_is_malformed,
           &decoder_outputs_that_are_too_few_or_small_are_refused,
           &decoder_garbage_symbols_never_give_a_payload_outside_its_buffer)
