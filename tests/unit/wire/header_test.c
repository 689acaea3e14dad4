/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rng.h>
#include <wire/handshake.h>
#include <wire/header.h>

#include "harness.h"

/* */
START_TEST(header_layout_is_the_missions_byte_for_byte)
{
	static const uint8_t expect[WIRE_HEADER_BYTES] = {
		0x51, 0x55, 0x4e, 0x54, 1,    0x24, 0xa0, 1,    2,    3,    4,
		5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x04, 0xb0,
	};
	const struct wire_header hdr = {
		.version = 1,
		.flags = WIRE_FLAG_PSH | WIRE_FLAG_FIN,
		.cid = { { 0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } },
		.seq = 0x11223344,
		.ack = 0x55667788,
		.payload_len = 1200,
	};
	uint8_t data[WIRE_HEADER_BYTES];

	wire_header_encode(data, &hdr);

	ck_assert_mem_eq(data, expect, sizeof(expect));
}
END_TEST

/* */
START_TEST(header_each_of_the_256_flag_bytes_has_one_class)
{
	uint8_t data[600] = { 0x51, 0x55, 0x4e, 0x54, 1 };
	struct wire_header hdr;

	for (unsigned flags = 0; flags < 256; flags++) {
		enum wire_class clas;

		data[5] = (uint8_t)flags;
		data[31] = 1;
		clas = wire_classify(data, WIRE_PROTECTED_MIN, &hdr);
		if ((flags & (WIRE_FLAG_SYN | WIRE_FLAG_ACK | WIRE_FLAG_RST)) == 0)
			ck_assert_int_eq(clas, WIRE_CLASS_PROTECTED);
		else if (flags == 1 || flags == 2 || flags == 3 || flags == 8)
			ck_assert_int_eq(clas, WIRE_CLASS_BAD_LENGTH);
		else
			ck_assert_int_eq(clas, WIRE_CLASS_BAD_FLAGS);
	}
}
END_TEST

/* */
START_TEST(header_block_count_is_a_whole_number_from_0_to_8)
{
	for (size_t len = 0; len < 200; len++)
		for (unsigned payload = 0; payload < 260; payload++) {
			const int64_t rest = (int64_t)len - 32 - payload - 16;
			const int nb = wire_protected_sacks(len, (uint16_t)payload);

			if (payload > 0 && rest >= 0 && rest <= 64 && rest % 8 == 0)
				ck_assert_int_eq(nb, rest / 8);
			else
				ck_assert_int_eq(nb, AEF_ERR_MALFORMED);
		}
}
END_TEST

/* */
START_TEST(header_version_reply_echoes_the_id_and_is_small)
{
	uint8_t data[64];
	const struct aef_guuid cid = { { 7, 8, 9 } };
	const size_t len = wire_version_reply_encode(data, &cid);
	struct wire_header hdr;

	ck_assert_int_eq(wire_classify(data, len, &hdr), WIRE_CLASS_VERSION_REPLY);
	ck_assert(aef_guuid_eq(&hdr.cid, &cid));
	ck_assert(wire_version_reply_has(data, len, WIRE_VERSION));
	ck_assert(!wire_version_reply_has(data, len, 9));
	ck_assert_uint_lt(4 * len, WIRE_VERSION_FLOOR);
}
END_TEST

/* */
START_TEST(header_longer_than_the_largest_datagram_is_refused)
{
	static uint8_t data[WIRE_MTU_MAX + 1] = { 0x51, 0x55, 0x4e, 0x54, 1 };
	struct wire_header hdr;

	ck_assert_int_eq(wire_classify(data, sizeof(data), &hdr), WIRE_CLASS_BAD_LENGTH);
}
END_TEST

START_TEST(header_random_bytes_never_read_past_their_end)
{
	struct aef_rng rng;
	struct wire_header hdr;

	aef_rng_init(&rng, 99);
	for (unsigned i = 0; i < 20000; i++) {
		const size_t len = aef_rng_below(&rng, 80);
		uint8_t *data = malloc(len + 1);

		for (size_t j = 0; j < len; j++)
			data[j] = (uint8_t)aef_rng_u64(&rng);
		if (len >= 5 && i % 2 == 0)
			memcpy(data, "QUNT\1", 5);
		(void)wire_classify(data, len, &hdr);
		free(data);
	}
}
END_TEST

START_TEST(header_sack_blocks_round_trip)
{
	const struct wire_sack in[2] = { { 1, 2 }, { 4294967295u, 3 } };
	struct wire_sack out[2];
	uint8_t data[16];

	wire_sacks_encode(data, in, 2);
	wire_sacks_decode(data, 2, out);

	ck_assert_mem_eq(in, out, sizeof(in));
}
END_TEST

/* A datagram of a class, as long as the class asks for. */
static enum wire_class
classify_fixed(uint8_t flags, size_t len, uint16_t payload_len, uint32_t seq, uint32_t ack)
{
	static uint8_t data[700];
	struct wire_header hdr = {
		.version = 1, .flags = flags, .payload_len = payload_len, .seq = seq, .ack = ack
	};

	wire_header_encode(data, &hdr);
	return wire_classify(data, len, &hdr);
}

/* [Q-4.1] Every length but the right ones, and every payload length
 * that does not say the same. */
START_TEST(header_fixed_classes_have_their_lengths_and_say_so)
{
	const uint8_t syn = WIRE_FLAG_SYN, ack = WIRE_FLAG_ACK, rst = WIRE_FLAG_RST;
	const size_t ack_min = WIRE_ACK_TEXT_AT + WIRE_TAG_BYTES;

	for (size_t len = WIRE_HEADER_BYTES; len < 700; len++) {
		const uint16_t body = (uint16_t)(len - WIRE_HEADER_BYTES);

		ck_assert_int_eq(classify_fixed(syn, len, body, 0, 0),
		                 len == WIRE_SYN_BYTES ? WIRE_CLASS_SYN : WIRE_CLASS_BAD_LENGTH);
		ck_assert_int_eq(classify_fixed(syn | ack, len, body, 0, 0),
		                 len == WIRE_SYN_ACK_BYTES || len == WIRE_BUSY_BYTES
		                         ? WIRE_CLASS_SYN_ACK
		                         : WIRE_CLASS_BAD_LENGTH);
		ck_assert_int_eq(classify_fixed(rst, len, body, 0, 0),
		                 len == WIRE_RST_BYTES ? WIRE_CLASS_RST : WIRE_CLASS_BAD_LENGTH);
		ck_assert_int_eq(classify_fixed(ack, len, (uint16_t)(body - WIRE_TAG_BYTES), 0, 0),
		                 len >= ack_min ? WIRE_CLASS_ACK : WIRE_CLASS_BAD_LENGTH);
		for (int off = -1; off <= 1; off += 2) {
			const uint16_t lie = (uint16_t)(body + off);

			ck_assert_int_eq(classify_fixed(syn, len, lie, 0, 0),
			                 WIRE_CLASS_BAD_LENGTH);
			ck_assert_int_eq(classify_fixed(syn | ack, len, lie, 0, 0),
			                 WIRE_CLASS_BAD_LENGTH);
			ck_assert_int_eq(classify_fixed(rst, len, lie, 0, 0),
			                 WIRE_CLASS_BAD_LENGTH);
			ck_assert_int_eq(
				classify_fixed(ack, len, (uint16_t)(lie - WIRE_TAG_BYTES), 0, 0),
				WIRE_CLASS_BAD_LENGTH);
		}
	}
}
END_TEST

/* */
START_TEST(header_reset_has_no_numbers_and_version_reply_no_flags)
{
	uint8_t data[64];
	const struct aef_guuid cid = { { 1 } };
	const size_t len = wire_version_reply_encode(data, &cid);
	struct wire_header hdr;

	ck_assert_int_eq(classify_fixed(WIRE_FLAG_RST, WIRE_RST_BYTES, 16, 0, 0), WIRE_CLASS_RST);
	ck_assert_int_eq(classify_fixed(WIRE_FLAG_RST, WIRE_RST_BYTES, 16, 1, 0),
	                 WIRE_CLASS_BAD_LENGTH);
	ck_assert_int_eq(classify_fixed(WIRE_FLAG_RST, WIRE_RST_BYTES, 16, 0, 1),
	                 WIRE_CLASS_BAD_LENGTH);
	data[5] = WIRE_FLAG_PSH;
	ck_assert_int_eq(wire_classify(data, len, &hdr), WIRE_CLASS_BAD_LENGTH);
	data[5] = 0;
	data[31]++;
	ck_assert_int_eq(wire_classify(data, len, &hdr), WIRE_CLASS_BAD_LENGTH);
}
END_TEST

TEST_SUITE(header, &header_layout_is_the_missions_byte_for_byte,
           &header_each_of_the_256_flag_bytes_has_one_class,
           &header_block_count_is_a_whole_number_from_0_to_8,
           &header_version_reply_echoes_the_id_and_is_small,
           &header_longer_than_the_largest_datagram_is_refused,
           &header_random_bytes_never_read_past_their_end, &header_sack_blocks_round_trip,
           &header_fixed_classes_have_their_lengths_and_say_so,
           &header_reset_has_no_numbers_and_version_reply_no_flags)
