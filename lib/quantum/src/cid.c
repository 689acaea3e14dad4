/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <base/rng.h>
#include <quantum/cid.h>

/* 74 bits as two halves of 37; the first holds lcore, slot and the generation's top 5 bits. */
#define HALF_BITS     37u
#define HALF_MASK     ((1ull << HALF_BITS) - 1)
#define RESERVED_BITS 10u
#define RESERVED_MASK ((1u << RESERVED_BITS) - 1)
#define GEN_LOW_BITS  (HALF_BITS - RESERVED_BITS)
#define GEN_HIGH_BITS (32u - GEN_LOW_BITS)
#define SLOT_BITS     24u
#define LO_IN_RAND_A  25u /* bits of the left half that stand in rand_b */
#define LOOKUP_MAX    32u

#define NO_SLOT UINT32_MAX

static_assert(GEN_HIGH_BITS + SLOT_BITS + 8 == HALF_BITS, "74 bits are used up");

void
quantum_cid_codec_init(struct quantum_cid_codec *codec, const uint8_t key[16])
{
	uint64_t seed = aef_load_be64(key) ^ (aef_load_be64(key + 8) * 0x9e3779b97f4a7c15ull);

	for (unsigned i = 0; i < AEF_DIM(codec->round_key); i++)
		codec->round_key[i] = aef_splitmix64(&seed);
}

static inline uint64_t
round_fn(uint64_t half, uint64_t key)
{
	uint64_t z = (half + key) * 0xbf58476d1ce4e5b9ull;

	z ^= z >> 29;
	z *= 0x94d049bb133111ebull;
	return (z >> 27) & HALF_MASK;
}

/* The time in front stays readable; an id is a name, never a credential. */
struct aef_guuid
quantum_cid_encode(const struct quantum_cid_codec *codec, const struct quantum_cid_fields *fields,
                   uint64_t unix_ms)
{
	uint64_t left = (uint64_t)fields->lcore << (SLOT_BITS + GEN_HIGH_BITS) |
	                (uint64_t)fields->slot << GEN_HIGH_BITS |
	                fields->generation >> GEN_LOW_BITS;
	uint64_t right = (fields->generation & ((1ull << GEN_LOW_BITS) - 1)) << RESERVED_BITS;
	struct aef_guuid cid;

	for (unsigned i = 0; i < AEF_DIM(codec->round_key); i++) {
		const uint64_t next = left ^ round_fn(right, codec->round_key[i]);

		left = right;
		right = next;
	}
	aef_store_be64(cid.b, unix_ms << 16 | 0x7000u | left >> LO_IN_RAND_A);
	aef_store_be64(cid.b + 8, 0x8000000000000000ull |
	                                  (left & ((1ull << LO_IN_RAND_A) - 1)) << HALF_BITS |
	                                  right);
	return cid;
}

int
quantum_cid_decode(const struct quantum_cid_codec *codec, const struct aef_guuid *cid,
                   struct quantum_cid_fields *ret_fields)
{
	const uint64_t hi = aef_load_be64(cid->b);
	const uint64_t lo = aef_load_be64(cid->b + 8);
	uint64_t left =
		(hi & 0xfff) << LO_IN_RAND_A | (lo >> HALF_BITS & ((1ull << LO_IN_RAND_A) - 1));
	uint64_t right = lo & HALF_MASK;

	if ((hi & 0xf000) != 0x7000 || lo >> 62 != 2)
		return AEF_ERR_MALFORMED;
	for (unsigned i = AEF_DIM(codec->round_key); i-- > 0;) {
		const uint64_t prev = right ^ round_fn(left, codec->round_key[i]);

		right = left;
		left = prev;
	}
	if ((right & RESERVED_MASK) != 0)
		return AEF_ERR_MALFORMED;
	ret_fields->lcore = (uint8_t)(left >> (SLOT_BITS + GEN_HIGH_BITS));
	ret_fields->slot = (uint32_t)(left >> GEN_HIGH_BITS) & ((1u << SLOT_BITS) - 1);
	ret_fields->generation = (uint32_t)(left << GEN_LOW_BITS | right >> RESERVED_BITS);
	return 0;
}

size_t
quantum_table_bytes(uint32_t nb_slots)
{
	return (size_t)nb_slots * sizeof(struct quantum_table_slot);
}

void
quantum_table_init(struct quantum_table *table, void *mem, uint32_t nb_slots, uint8_t lcore,
                   const struct quantum_cid_codec *codec, uint64_t seed)
{
	aef_assert(nb_slots > 0 && nb_slots <= 1u << SLOT_BITS);
	*table = (struct quantum_table){ .codec = codec,
		                         .slots = mem,
		                         .nb_slots = nb_slots,
		                         .free_tail = nb_slots - 1,
		                         .lcore = lcore };
	for (uint32_t i = 0; i < nb_slots; i++)
		table->slots[i] = (struct quantum_table_slot){
			.generation = (uint32_t)aef_splitmix64(&seed),
			.next_free = i + 1 < nb_slots ? i + 1 : NO_SLOT,
		};
}

int
quantum_table_add(struct quantum_table *table, void *conn, uint64_t unix_ms,
                  struct aef_guuid *ret_cid)
{
	const uint32_t idx = table->free_head;

	if (idx == NO_SLOT)
		return AEF_ERR_FULL;
	struct quantum_table_slot *slot = &table->slots[idx];

	table->free_head = slot->next_free;
	if (table->free_head == NO_SLOT)
		table->free_tail = NO_SLOT;
	table->nb_used++;
	slot->generation++;
	slot->conn = conn;
	slot->cid = quantum_cid_encode(
		table->codec,
		&(struct quantum_cid_fields){
			.lcore = table->lcore, .slot = idx, .generation = slot->generation },
		unix_ms);
	*ret_cid = slot->cid;
	return 0;
}

/* Range-checked slot of this table that holds exactly this id, or NULL. */
static struct quantum_table_slot *
slot_of(const struct quantum_table *table, const struct quantum_cid_fields *fields)
{
	return fields->lcore == table->lcore && fields->slot < table->nb_slots
	               ? &table->slots[fields->slot]
	               : NULL;
}

void
quantum_table_remove(struct quantum_table *table, const struct aef_guuid *cid)
{
	struct quantum_cid_fields fields;
	struct quantum_table_slot *slot;

	if (quantum_cid_decode(table->codec, cid, &fields) != 0)
		return;
	slot = slot_of(table, &fields);
	if (slot == NULL || slot->conn == NULL || !aef_guuid_eq(&slot->cid, cid))
		return;
	slot->conn = NULL;
	slot->next_free = NO_SLOT;
	if (table->free_tail != NO_SLOT)
		table->slots[table->free_tail].next_free = fields.slot;
	else
		table->free_head = fields.slot;
	table->free_tail = fields.slot;
	table->nb_used--;
}

/* Planted bug 7: the slot alone decides, so an id of an earlier generation reaches its successor.
 */
static inline bool
matches(const struct quantum_table_slot *slot, const struct aef_guuid *cid)
{
	if (AEF_PLANT == 7)
		return true;
	return aef_guuid_eq(&slot->cid, cid);
}

AEF_HOT void
quantum_table_lookup(const struct quantum_table *table, const struct aef_guuid *const *cids,
                     unsigned nb, void **ret_conns, int16_t *ret_lcore)
{
	struct quantum_table_slot *slots[LOOKUP_MAX];

	aef_assert_hot(nb <= LOOKUP_MAX);
	for (unsigned i = 0; i < nb; i++) {
		struct quantum_cid_fields fields;

		ret_lcore[i] = -1;
		slots[i] = NULL;
		if (quantum_cid_decode(table->codec, cids[i], &fields) != 0)
			continue;
		if (fields.lcore != table->lcore) {
			ret_lcore[i] = fields.lcore;
			continue;
		}
		slots[i] = slot_of(table, &fields);
		__builtin_prefetch(slots[i]);
	}
	for (unsigned i = 0; i < nb; i++) {
		const struct quantum_table_slot *slot = slots[i];

		ret_conns[i] = slot != NULL && slot->conn != NULL && matches(slot, cids[i])
		                       ? slot->conn
		                       : NULL;
	}
}
