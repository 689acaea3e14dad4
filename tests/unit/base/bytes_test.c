/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/bytes.h>
#include <base/rng.h>

#include "harness.h"

START_TEST(bytes_stores_are_big_endian)
{
	static const uint8_t expect[14] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };
	uint8_t buf[14];

	aef_store_be16(buf, 0x0102);
	aef_store_be32(buf + 2, 0x03040506);
	aef_store_be64(buf + 6, 0x0708090a0b0c0d0eull);

	ck_assert_mem_eq(buf, expect, sizeof(expect));
	ck_assert_uint_eq(aef_load_be16(buf), 0x0102);
	ck_assert_uint_eq(aef_load_be32(buf + 2), 0x03040506);
	ck_assert_uint_eq(aef_load_be64(buf + 6), 0x0708090a0b0c0d0eull);
}
END_TEST

/* RFC 9000 appendix A.1, and the last one of them in a longer encoding. */
START_TEST(bytes_varint_reads_the_examples_of_rfc_9000)
{
	static const struct {
		uint8_t data[8];
		size_t len;
		uint64_t value;
	} cases[] = {
		{ { 0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c }, 8, 151288809941952652ull },
		{ { 0x9d, 0x7f, 0x3e, 0x7d }, 4, 494878333 },
		{ { 0x7b, 0xbd }, 2, 15293 },
		{ { 0x25 }, 1, 37 },
		{ { 0x40, 0x25 }, 2, 37 },
	};

	for (size_t i = 0; i < AEF_DIM(cases); i++) {
		struct aef_reader r = aef_reader_make(cases[i].data, cases[i].len);

		ck_assert_uint_eq(aef_read_varint(&r), cases[i].value);
		ck_assert(!r.err);
		ck_assert_uint_eq(aef_reader_left(&r), 0);
	}
}
END_TEST

START_TEST(bytes_varint_at_each_edge_takes_its_shortest_form_and_comes_back)
{
	static const struct {
		uint64_t value;
		unsigned len;
	} edges[] = {
		{ 0, 1 },        { 63, 1 },         { 64, 2 },
		{ 16383, 2 },    { 16384, 4 },      { (1u << 30) - 1, 4 },
		{ 1u << 30, 8 }, { UINT32_MAX, 8 }, { AEF_VARINT_MAX, 8 },
	};

	for (size_t i = 0; i < AEF_DIM(edges); i++) {
		uint8_t buf[8];
		struct aef_writer w = aef_writer_make(buf, sizeof(buf));

		aef_write_varint(&w, edges[i].value);
		ck_assert_uint_eq((size_t)(w.p - buf), edges[i].len);
		ck_assert_uint_eq(aef_varint_len(edges[i].value), edges[i].len);

		struct aef_reader r = aef_reader_make(buf, edges[i].len);

		ck_assert_uint_eq(aef_read_varint(&r), edges[i].value);
	}
}
END_TEST

START_TEST(bytes_varint_cut_at_any_length_is_an_error_and_reads_nothing)
{
	uint8_t buf[8];
	static const uint64_t values[] = { 5, 500, 500000, 5000000000ull };

	for (size_t i = 0; i < AEF_DIM(values); i++) {
		struct aef_writer w = aef_writer_make(buf, sizeof(buf));

		aef_write_varint(&w, values[i]);
		for (size_t len = 0; len < aef_varint_len(values[i]); len++) {
			struct aef_reader r = aef_reader_make(buf, len);

			ck_assert_uint_eq(aef_read_varint(&r), 0);
			ck_assert(r.err);
			ck_assert_uint_eq(aef_reader_left(&r), 0);
		}
	}
}
END_TEST

START_TEST(bytes_reader_cut_at_each_length_sets_err_and_stays_there)
{
	uint8_t data[31];

	memset(data, 0x2a, sizeof(data));
	for (size_t len = 0; len <= sizeof(data); len++) {
		struct aef_reader r = aef_reader_make(data, len);

		(void)aef_read_u8(&r);
		(void)aef_read_be16(&r);
		(void)aef_read_be32(&r);
		(void)aef_read_be64(&r);
		(void)aef_read_bytes(&r, 15);
		(void)aef_read_varint(&r);
		ck_assert(r.err == (len < sizeof(data)));
		if (r.err) {
			ck_assert_uint_eq(aef_read_u8(&r), 0);
			ck_assert_ptr_null(aef_read_bytes(&r, 1));
			ck_assert(r.err);
		}
	}
}
END_TEST

START_TEST(bytes_writer_without_room_writes_no_byte_and_stays_failed)
{
	uint8_t buf[32];

	for (size_t len = 0; len < 8; len++) {
		struct aef_writer w = aef_writer_make(buf, len);

		memset(buf, 0xee, sizeof(buf));
		aef_write_be64(&w, 1);
		ck_assert(w.err);
		aef_write_u8(&w, 1); /* would fit, but the message is broken already */
		for (size_t i = 0; i < sizeof(buf); i++)
			ck_assert_uint_eq(buf[i], 0xee);
		ck_assert_uint_eq(aef_writer_left(&w), 0);
	}
}
END_TEST

START_TEST(bytes_a_huge_length_neither_reads_nor_writes)
{
	uint8_t buf[4] = { 0 };
	struct aef_reader r = aef_reader_make(buf, sizeof(buf));
	struct aef_writer w = aef_writer_make(buf, sizeof(buf));

	ck_assert_ptr_null(aef_read_bytes(&r, SIZE_MAX));
	ck_assert_ptr_null(aef_write_room(&w, SIZE_MAX));
	ck_assert(r.err && w.err);
}
END_TEST

START_TEST(bytes_random_messages_come_back_as_written)
{
	struct aef_rng rng;
	uint8_t buf[1024];

	aef_rng_init(&rng, 11);
	for (unsigned round = 0; round < 2000; round++) {
		struct aef_writer w = aef_writer_make(buf, sizeof(buf));
		const struct aef_rng start = rng;
		const unsigned nb = (unsigned)aef_rng_below(&rng, 60);

		for (unsigned i = 0; i < nb; i++) {
			const uint64_t v = aef_rng_u64(&rng) >> aef_rng_range(&rng, 2, 63);

			aef_write_varint(&w, v);
			aef_write_be16(&w, (uint16_t)v);
			aef_write_be32(&w, (uint32_t)v);
		}
		ck_assert(!w.err);
		rng = start;
		struct aef_reader r = aef_reader_make(buf, (size_t)(w.p - buf));

		(void)aef_rng_below(&rng, 60);
		for (unsigned i = 0; i < nb; i++) {
			const uint64_t v = aef_rng_u64(&rng) >> aef_rng_range(&rng, 2, 63);

			ck_assert_uint_eq(aef_read_varint(&r), v);
			ck_assert_uint_eq(aef_read_be16(&r), (uint16_t)v);
			ck_assert_uint_eq(aef_read_be32(&r), (uint32_t)v);
		}
		ck_assert(!r.err);
		ck_assert_uint_eq(aef_reader_left(&r), 0);
	}
}
END_TEST

TEST_SUITE(bytes, &bytes_stores_are_big_endian, &bytes_varint_reads_the_examples_of_rfc_9000,
           &bytes_varint_at_each_edge_takes_its_shortest_form_and_comes_back,
           &bytes_varint_cut_at_any_length_is_an_error_and_reads_nothing,
           &bytes_reader_cut_at_each_length_sets_err_and_stays_there,
           &bytes_writer_without_room_writes_no_byte_and_stays_failed,
           &bytes_a_huge_length_neither_reads_nor_writes,
           &bytes_random_messages_come_back_as_written)
