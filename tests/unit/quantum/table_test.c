/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <quantum/cid.h>

#include "harness.h"

#define SLOTS 16u

static struct quantum_cid_codec codec;
static struct quantum_table table;
static void *mem;
static int conns[64];

static void
setup(uint64_t seed)
{
	static const uint8_t key[16] = { 7 };

	quantum_cid_codec_init(&codec, key);
	mem = aligned_alloc(64, (quantum_table_bytes(SLOTS) + 63) & ~63ull);
	quantum_table_init(&table, mem, SLOTS, 3, &codec, seed);
}

static void *
look_up(const struct aef_guuid *cid, int16_t *ret_lcore)
{
	void *conn;

	quantum_table_lookup(&table, &cid, 1, &conn, ret_lcore);
	return conn;
}

START_TEST(table_full_refuses_and_takes_again_after_a_removal)
{
	struct aef_guuid cid[SLOTS + 1];
	int16_t lcore;

	setup(1);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_int_eq(quantum_table_add(&table, &conns[i], 1000, &cid[i]), 0);
	ck_assert_int_eq(quantum_table_add(&table, &conns[SLOTS], 1000, &cid[SLOTS]), AEF_ERR_FULL);
	quantum_table_remove(&table, &cid[5]);
	ck_assert_uint_eq(table.nb_used, SLOTS - 1);
	ck_assert_int_eq(quantum_table_add(&table, &conns[SLOTS], 1000, &cid[SLOTS]), 0);

	ck_assert_ptr_eq(look_up(&cid[SLOTS], &lcore), &conns[SLOTS]);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_ptr_eq(look_up(&cid[i], &lcore), i == 5 ? NULL : &conns[i]);
	free(mem);
}
END_TEST

/* A slot rests as long as possible before it is used again. */
START_TEST(table_freed_slots_are_used_in_the_order_of_their_removal)
{
	struct aef_guuid cid[SLOTS], again;
	struct quantum_cid_fields was, is;

	setup(2);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_int_eq(quantum_table_add(&table, &conns[i], 1000, &cid[i]), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		quantum_table_remove(&table, &cid[(i * 5) % SLOTS]);
	ck_assert_uint_eq(table.nb_used, 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		ck_assert_int_eq(quantum_table_add(&table, &conns[i], 1000, &again), 0);
		ck_assert_int_eq(quantum_cid_decode(&codec, &cid[(i * 5) % SLOTS], &was), 0);
		ck_assert_int_eq(quantum_cid_decode(&codec, &again, &is), 0);
		ck_assert_uint_eq(is.slot, was.slot);
		ck_assert_uint_eq(is.generation, was.generation + 1);
	}
	free(mem);
}
END_TEST

/* The generation is one more at each use; the earlier id is unknown. Planted bug 7. */
START_TEST(table_id_of_an_earlier_generation_does_not_reach_the_successor)
{
	struct aef_guuid old[SLOTS], new[SLOTS];
	int16_t lcore;

	setup(3);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_int_eq(quantum_table_add(&table, &conns[i], 1000, &old[i]), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		quantum_table_remove(&table, &old[i]);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_int_eq(quantum_table_add(&table, &conns[32 + i], 1000, &new[i]), 0);

	for (unsigned i = 0; i < SLOTS; i++) {
		ck_assert_ptr_null(look_up(&old[i], &lcore));
		ck_assert_int_eq(lcore, -1);
		ck_assert_ptr_nonnull(look_up(&new[i], &lcore));
		quantum_table_remove(&table, &old[i]); /* nothing happens */
	}
	ck_assert_uint_eq(table.nb_used, SLOTS);
	free(mem);
}
END_TEST

/* The creation time is not part of the fields, but all 16 bytes are compared. */
START_TEST(table_id_with_another_time_is_unknown)
{
	struct aef_guuid cid;
	int16_t lcore;

	setup(4);
	ck_assert_int_eq(quantum_table_add(&table, &conns[0], 1000, &cid), 0);
	cid.b[5] ^= 1;
	ck_assert_ptr_null(look_up(&cid, &lcore));
	free(mem);
}
END_TEST

START_TEST(table_id_of_another_lcore_names_its_owner)
{
	struct aef_guuid away;
	int16_t lcore;

	setup(5);
	away = quantum_cid_encode(&codec, &(struct quantum_cid_fields){ .lcore = 9, .slot = 1 },
	                          1000);
	ck_assert_ptr_null(look_up(&away, &lcore));
	ck_assert_int_eq(lcore, 9);
	away = quantum_cid_encode(&codec, &(struct quantum_cid_fields){ .lcore = 3, .slot = SLOTS },
	                          1000);
	ck_assert_ptr_null(look_up(&away, &lcore)); /* the slot is range-checked */
	ck_assert_int_eq(lcore, -1);
	quantum_table_remove(&table, &away);
	free(mem);
}
END_TEST

START_TEST(table_burst_of_32_gives_each_id_its_own_answer)
{
	struct aef_guuid cid[32];
	const struct aef_guuid *cids[32];
	void *found[32];
	int16_t lcore[32];

	setup(6);
	memset(cid, 0, sizeof(cid));
	for (unsigned i = 0; i < 32; i++) {
		if (i % 2 == 0)
			ck_assert_int_eq(quantum_table_add(&table, &conns[i], 1000, &cid[i]), 0);
		cids[i] = &cid[i];
	}
	quantum_table_lookup(&table, cids, 32, found, lcore);

	for (unsigned i = 0; i < 32; i++)
		ck_assert_ptr_eq(found[i], i % 2 == 0 ? &conns[i] : NULL);
	quantum_table_remove(&table, &cid[1]); /* no id at all */
	free(mem);
}
END_TEST

/* Random start: two processes do not begin with the same generations. */
START_TEST(table_generations_start_at_random)
{
	struct aef_guuid cid;
	struct quantum_cid_fields a, b;

	setup(7);
	ck_assert_int_eq(quantum_table_add(&table, &conns[0], 1000, &cid), 0);
	ck_assert_int_eq(quantum_cid_decode(&codec, &cid, &a), 0);
	free(mem);
	setup(8);
	ck_assert_int_eq(quantum_table_add(&table, &conns[0], 1000, &cid), 0);
	ck_assert_int_eq(quantum_cid_decode(&codec, &cid, &b), 0);
	ck_assert_uint_ne(a.generation, b.generation);
	free(mem);
}
END_TEST

TEST_SUITE(table, &table_full_refuses_and_takes_again_after_a_removal,
           &table_freed_slots_are_used_in_the_order_of_their_removal,
           &table_id_of_an_earlier_generation_does_not_reach_the_successor,
           &table_id_with_another_time_is_unknown, &table_id_of_another_lcore_names_its_owner,
           &table_burst_of_32_gives_each_id_its_own_answer, &table_generations_start_at_random)
