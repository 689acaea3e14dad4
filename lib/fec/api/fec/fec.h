/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fec/fec.h - repair symbols over a block of k payloads: any k of k + m symbols give the rest back.
 *
 * A symbol is the payload's length (2 bytes, big-endian), the payload, and zeros up to the longest
 * symbol of the block. For k >= 3 the code is Reed-Solomon over GF(2^8) with polynomial 0x11d and
 * the Cauchy coefficients of one fixed (10 + 3) layout:
 *
 *     coefficient(repair r, source j) = 1 / ((10 + r) xor j)
 *
 * A shortened block (k < 10) uses the same rows; the sources that it lacks count as zeros and are
 * never computed with. For k = 1 and 2, repair r repeats source r % k, so that a repair packet
 * alone gives its payload back.
 *
 * Source:  DESIGN section 3; RFC 5510 (Reed-Solomon for erasures); ISA-L erasure_code.h.
 * Units:   lengths are in bytes.
 * Context: a codec belongs to one thread; encoders of that thread borrow it. No allocation.
 */
#ifndef FEC_FEC_H
#define FEC_FEC_H

#include <base/defs.h>

#define FEC_K_MAX 10u
#define FEC_M_MAX 3u

/** Bytes that a symbol adds to its payload. */
#define FEC_LEN_BYTES 2u
/** Largest symbol, an upper bound of every symbol_max. */
#define FEC_SYMBOL_MAX 9216u
/** Buffers that an encoder needs even for m = 1: the first two sources wait in them. */
#define FEC_BUFS_MIN 2u

/** ISA-L expands one coefficient to this many bytes. */
#define FEC_TABLE_BYTES 32u

/* Decode matrices kept: 16 sets of 4; there are 285 erasure patterns, few of them are usual. */
#define FEC_CACHE_SETS 16u
#define FEC_CACHE_WAYS 4u

/** One decode matrix, expanded: what each lost source takes from each repair and each source. */
struct fec_matrix {
	uint8_t from_repair[FEC_M_MAX * FEC_M_MAX * FEC_TABLE_BYTES];
	uint8_t from_source[FEC_M_MAX * FEC_K_MAX * FEC_TABLE_BYTES];
	uint8_t source_coef[FEC_M_MAX][FEC_K_MAX]; /* the same as from_source, not expanded */
	uint16_t pattern; /* lost sources (bits 0 to 9), repair rows used (bits 10 to 12); 0: empty
	                   */
};

/** Tables and cache of one thread, about 82 KiB; nothing in it depends on a connection. */
struct fec_codec {
	uint8_t encode[FEC_M_MAX * FEC_K_MAX * FEC_TABLE_BYTES];
	uint8_t coef[FEC_M_MAX][FEC_K_MAX]; /* the same as encode, not expanded */
	uint8_t log[256];                   /* of GF(2^8) to the base 2; log[0] is unused */
	uint8_t exp[512];
	struct fec_matrix cache[FEC_CACHE_SETS][FEC_CACHE_WAYS];
	uint8_t victim[FEC_CACHE_SETS]; /* way to overwrite next */
	uint64_t inversions;            /* matrices computed: cache misses */
	uint64_t hits;
};

/** Fill the encode tables and empty the cache. */
void fec_codec_init(struct fec_codec *codec);

/* ---- encoder ------------------------------------------------------------------------------- */

/**
 * State of one open block. The number of sources is not known in advance: the first two are held as
 * they are, the third turns the buffers into Reed-Solomon sums.
 */
struct fec_encoder {
	uint8_t *buf[FEC_M_MAX]; /* borrowed from init to the end of the block */
	uint16_t symbol_max;
	uint16_t symbol_len; /* longest symbol so far; 0: empty block */
	uint8_t nb_sources;  /* k so far */
	uint8_t m_max;
};

/**
 * Open a block.
 *
 * @param enc        overwritten
 * @param bufs       max(m_max, FEC_BUFS_MIN) buffers of @p symbol_max bytes, contents irrelevant;
 *                   borrowed until the block's repair symbols are no longer needed
 * @param m_max      most repair symbols that will be asked for, 1 to FEC_M_MAX
 * @param symbol_max 3 to FEC_SYMBOL_MAX
 * @return 0, or AEF_ERR_INVALID when a parameter is out of its range
 */
AEF_MUST_CHECK int fec_encoder_init(struct fec_encoder *enc, uint8_t *const bufs[], uint8_t m_max,
                                    uint16_t symbol_max);

/** Open the next block in the same buffers. */
void fec_encoder_reset(struct fec_encoder *enc);

/**
 * Add the next source payload, number enc->nb_sources of its block.
 *
 * @param payload borrowed for the call; may be NULL when @p len is 0
 * @return 0; AEF_ERR_FULL when the block has FEC_K_MAX sources; AEF_ERR_RANGE when @p len + 2
 * exceeds symbol_max (the block is unchanged)
 */
AEF_MUST_CHECK int fec_encoder_add(struct fec_encoder *enc, const struct fec_codec *codec,
                                   const uint8_t *payload, uint16_t len);

/**
 * Close the block: buffers 0 to @p m - 1 now hold the repair symbols. Add nothing more before a
 * reset.
 *
 * @param m 1 to m_max
 * @return the length of each repair symbol; AEF_ERR_STATE for an empty block; AEF_ERR_INVALID
 */
AEF_MUST_CHECK int fec_encoder_finish(struct fec_encoder *enc, uint8_t m);

/* ---- decoder ------------------------------------------------------------------------------- */

struct fec_source {
	const uint8_t *data; /* payload without length; NULL: lost. An empty one needs a non-NULL
	                        pointer */
	uint16_t len;
};

struct fec_repair {
	const uint8_t *data;
	uint16_t len; /* equal in all symbols of a block */
	uint8_t idx;  /* row r: 0 to m - 1 */
};

/** What arrived of one block. Every value may come from a peer; only the pointers must be valid. */
struct fec_block {
	uint8_t k;
	uint8_t m;
	uint8_t nb_repairs;
	struct fec_source source[FEC_K_MAX]; /* the first k count */
	struct fec_repair repair[FEC_M_MAX];
};

/** One recovered payload. */
struct fec_recovered {
	uint8_t *buf; /* in: buf_size bytes of the caller, overlapping nothing else */
	uint16_t buf_size;
	uint8_t source_idx;  /* out: which source */
	uint16_t len;        /* out: payload length */
	const uint8_t *data; /* out: payload, inside buf */
};

/**
 * Recover lost payloads of one block.
 *
 * With k >= 3 all lost sources come back or none; with k = 1 or 2 those for which a repetition is
 * here.
 *
 * @param codec  its cache is used and filled; a pattern that is in it costs no inversion
 * @param block  borrowed
 * @param ret    as many as there are lost sources, at most FEC_M_MAX, each with a buffer of at
 * least the repair symbols' length; filled from 0 in ascending source order
 * @param nb_ret entries of @p ret
 * @return number recovered, 1 to FEC_M_MAX; AEF_ERR_AGAIN: nothing is lost or too little is here;
 *         AEF_ERR_MALFORMED: k, m, an index or a length is out of range, symbols differ in length,
 * an index is double, or a recovered symbol is no valid one; AEF_ERR_FULL: @p nb_ret or a buffer is
 * too small. On an error no `data`, `len` or `source_idx` is written, and buffers that were used
 * are zero.
 */
AEF_MUST_CHECK int fec_decode(struct fec_codec *codec, const struct fec_block *block,
                              struct fec_recovered *ret, unsigned nb_ret);

#endif
