/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rng.h>
#include <quantum/cid.h>

#include "harness.h"

#define IDS 1000000u

static struct quantum_cid_codec codec;

static void
setup(void)
{
	static const uint8_t key[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

	quantum_cid_codec_init(&codec, key);
}

/* lcore, slot and generation come back; the id is a UUIDv7. */
START_TEST(cid_random_fields_come_back_from_a_valid_uuid)
{
	struct aef_rng rng;
	struct quantum_cid_fields in, out;

	setup();
	aef_rng_init(&rng, 11);
	for (unsigned i = 0; i < 200000; i++) {
		in.lcore = (uint8_t)aef_rng_u64(&rng);
		in.slot = (uint32_t)aef_rng_u64(&rng) & 0xffffff;
		in.generation = (uint32_t)aef_rng_u64(&rng);
		const struct aef_guuid cid = quantum_cid_encode(&codec, &in, 1750000000000ull + i);

		ck_assert_uint_eq(cid.b[6] >> 4, 7);
		ck_assert_uint_eq(cid.b[8] >> 6, 2);
		ck_assert_int_eq(quantum_cid_decode(&codec, &cid, &out), 0);
		ck_assert_uint_eq(out.lcore, in.lcore);
		ck_assert_uint_eq(out.slot, in.slot);
		ck_assert_uint_eq(out.generation, in.generation);
	}
}
END_TEST

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct aef_guuid));
}

START_TEST(cid_a_million_ids_of_one_moment_are_unique)
{
	struct aef_guuid *ids = malloc(IDS * sizeof(*ids));

	setup();
	for (uint32_t i = 0; i < IDS; i++)
		ids[i] = quantum_cid_encode(&codec,
		                            &(struct quantum_cid_fields){ .lcore = i & 3,
		                                                          .slot = i >> 8,
		                                                          .generation = i },
		                            1750000000000ull);
	qsort(ids, IDS, sizeof(*ids), by_bytes);
	for (uint32_t i = 1; i < IDS; i++)
		ck_assert_int_ne(memcmp(&ids[i - 1], &ids[i], sizeof(*ids)), 0);
	free(ids);
}
END_TEST

/* Reserved bits, version and variant are checked: a guess is no id but once in 1,024. */
START_TEST(cid_changed_bits_are_refused_but_by_chance)
{
	const struct quantum_cid_fields in = { .lcore = 3, .slot = 77, .generation = 12345 };
	struct aef_guuid cid;
	struct quantum_cid_fields out;
	unsigned nb_taken = 0, nb_tried = 0;

	setup();
	for (unsigned i = 0; i < 1000; i++)
		for (unsigned bit = 48; bit < 128; bit++) {
			cid = quantum_cid_encode(&codec, &in, i);
			cid.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			nb_tried++;
			if (quantum_cid_decode(&codec, &cid, &out) == 0) {
				nb_taken++;
				ck_assert(out.lcore != in.lcore || out.slot != in.slot ||
				          out.generation != in.generation);
			} else {
				ck_assert_int_eq(quantum_cid_decode(&codec, &cid, &out),
				                 AEF_ERR_MALFORMED);
			}
		}
	ck_assert_uint_lt(nb_taken, nb_tried / 256);
	cid = quantum_cid_encode(&codec, &in, 5);
	cid.b[6] ^= 0x10;
	ck_assert_int_eq(quantum_cid_decode(&codec, &cid, &out), AEF_ERR_MALFORMED);
}
END_TEST

/* The creation time is readable by anybody; another key's permutation is not. */
START_TEST(cid_creation_time_is_public_and_the_fields_are_not)
{
	const struct quantum_cid_fields in = { .lcore = 1, .slot = 2, .generation = 3 };
	const uint8_t key[16] = { 99 };
	struct quantum_cid_codec other;
	struct aef_guuid a, b;
	uint64_t ms = 0;

	setup();
	quantum_cid_codec_init(&other, key);
	a = quantum_cid_encode(&codec, &in, 0x0123456789ab);
	b = quantum_cid_encode(&other, &in, 0x0123456789ab);
	for (unsigned i = 0; i < 6; i++)
		ms = ms << 8 | a.b[i];

	ck_assert_uint_eq(ms, 0x0123456789ab);
	ck_assert_int_ne(memcmp(a.b + 6, b.b + 6, 10), 0);
}
END_TEST

TEST_SUITE(cid, &cid_random_fields_come_back_from_a_valid_uuid,
           &cid_a_million_ids_of_one_moment_are_unique, &cid_changed_bits_are_refused_but_by_chance,
           &cid_creation_time_is_public_and_the_fields_are_not)
