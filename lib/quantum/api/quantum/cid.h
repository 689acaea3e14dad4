/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/cid.h - server-minted connection ids that are indexes, and the table behind them.
 *
 * S is a UUIDv7 whose 74 free bits are lcore 8 | slot 24 | generation 32 | reserved 10 under a
 * permutation keyed anew per process. The receive path computes the slot from the id: no hash.
 * All 16 bytes are compared; a mismatch is an unknown id.
 *
 * Source:  DESIGN 2 (connection ids); docs/spec/quantum.md chapter 3; quicly's encrypted id idea.
 * Context: the codec is read-only after init and may be shared; a table has one owner thread.
 */
#ifndef QUANTUM_CID_H
#define QUANTUM_CID_H

#include <quantum/types.h>

struct quantum_cid_codec {
	uint64_t round_key[4];
};

struct quantum_cid_fields {
	uint8_t lcore;
	uint32_t slot; /* 24 bits */
	uint32_t generation;
};

/** Key the permutation; @p key is random per process. */
void quantum_cid_codec_init(struct quantum_cid_codec *codec, const uint8_t key[16]);

/** Mint an id. @p unix_ms is only its visible creation time. */
struct aef_guuid quantum_cid_encode(const struct quantum_cid_codec *codec,
                                    const struct quantum_cid_fields *fields, uint64_t unix_ms);

/**
 * Invert quantum_cid_encode().
 *
 * @return 0, or AEF_ERR_MALFORMED when version, variant or reserved bits are wrong
 */
AEF_MUST_CHECK int quantum_cid_decode(const struct quantum_cid_codec *codec,
                                      const struct aef_guuid *cid,
                                      struct quantum_cid_fields *ret_fields);

/* One entry: what the look-up touches, 32 bytes. */
struct quantum_table_slot {
	struct aef_guuid cid;
	void *conn; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct quantum_table {
	const struct quantum_cid_codec *codec;
	struct quantum_table_slot *slots;
	uint32_t nb_slots;
	uint32_t nb_used;
	uint32_t free_head;
	uint32_t free_tail; /* FIFO: a slot rests before it is used again */
	uint8_t lcore;
};

/** Bytes of memory for @p nb_slots (at most 2^24). */
size_t quantum_table_bytes(uint32_t nb_slots);

/** Lay a table out in 64-byte aligned @p mem; generations start at random from @p seed. */
void quantum_table_init(struct quantum_table *table, void *mem, uint32_t nb_slots, uint8_t lcore,
                        const struct quantum_cid_codec *codec, uint64_t seed);

/**
 * Put @p conn into a free slot and mint its id.
 *
 * @return 0, or AEF_ERR_FULL
 */
AEF_MUST_CHECK int quantum_table_add(struct quantum_table *table, void *conn, uint64_t unix_ms,
                                     struct aef_guuid *ret_cid);

/** Take the entry of @p cid out; its generation is never accepted again (until 2^32 later). */
void quantum_table_remove(struct quantum_table *table, const struct aef_guuid *cid);

/**
 * Look @p nb ids up at once (stages with prefetch; at most 32).
 *
 * @param cids      pointers to the ids
 * @param ret_conns the connection, or NULL for an unknown id
 * @param ret_lcore for a NULL: the lcore that the id names when it is another one, else -1
 */
void quantum_table_lookup(const struct quantum_table *table, const struct aef_guuid *const *cids,
                          unsigned nb, void **ret_conns, int16_t *ret_lcore);

#endif
