/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/bytes.h>
#include <base/err.h>
#include <wire/handshake.h>

#include "harness.h"

static const struct aef_guuid cid = { { 0xc0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } };

static void
fill(void *mem, size_t len, uint8_t from)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)mem)[i] = (uint8_t)(from + i);
}

/* Flip each bit that must be zero; every one must be refused. */
static void
expect_zero(uint8_t *data, size_t first, size_t len, int (*decode)(const uint8_t *data))
{
	for (size_t i = first; i < first + len; i++) {
		data[i] ^= 1;
		ck_assert_msg(decode(data) == AEF_ERR_MALFORMED, "byte %zu", i);
		data[i] ^= 1;
	}
	ck_assert_int_eq(decode(data), 0);
}

static int
decode_syn(const uint8_t *data)
{
	struct wire_syn out;

	return wire_syn_decode(data, &out);
}

static int
decode_syn_ack(const uint8_t *data)
{
	struct wire_syn_ack out;

	return wire_syn_ack_decode(data, &out);
}

static int
decode_busy(const uint8_t *data)
{
	struct wire_busy out;

	return wire_busy_decode(data, &out);
}

static int
decode_ack(const uint8_t *data)
{
	struct wire_ack out;

	return wire_ack_decode(data, &out);
}

/* */
START_TEST(handshake_syn_round_trip_and_nonzero_padding_refused)
{
	uint8_t data[WIRE_SYN_BYTES];
	struct wire_syn in, out;
	struct wire_header hdr;

	fill(&in, sizeof(in), 1);
	wire_syn_encode(data, &cid, &in);
	ck_assert_int_eq(wire_classify(data, sizeof(data), &hdr), WIRE_CLASS_SYN);
	ck_assert_int_eq(wire_syn_decode(data, &out), 0);

	ck_assert_mem_eq(&in, &out, sizeof(in));
	ck_assert(aef_guuid_eq(&hdr.cid, &cid));
	expect_zero(data, 22, 8, decode_syn);
	expect_zero(data, WIRE_HEADER_BYTES + 204, WIRE_SYN_BYTES - WIRE_HEADER_BYTES - 204,
	            decode_syn);
}
END_TEST

/* */
START_TEST(handshake_syn_ack_round_trip_is_under_a_quarter_of_the_syn)
{
	uint8_t data[WIRE_SYN_ACK_BYTES];
	struct wire_syn_ack in, out;
	struct wire_header hdr;

	fill(&in, sizeof(in), 3);
	wire_syn_ack_encode(data, &cid, &in);
	ck_assert_int_eq(wire_classify(data, sizeof(data), &hdr), WIRE_CLASS_SYN_ACK);
	ck_assert_int_eq(wire_syn_ack_decode(data, &out), 0);

	ck_assert_mem_eq(&in, &out, sizeof(in));
	ck_assert_uint_lt(4 * sizeof(data), WIRE_SYN_BYTES);
	expect_zero(data, 22, 8, decode_syn_ack);
	expect_zero(data, WIRE_HEADER_BYTES + 34, 2, decode_syn_ack);
}
END_TEST

/* */
START_TEST(handshake_busy_round_trip)
{
	uint8_t data[WIRE_BUSY_BYTES];
	struct wire_busy in = { .reason = 3, .retry_after_ms = 1234567 }, out;
	struct wire_header hdr;

	fill(in.client_random, sizeof(in.client_random), 5);
	fill(in.mac, sizeof(in.mac), 6);
	wire_busy_encode(data, &cid, &in);
	ck_assert_int_eq(wire_classify(data, sizeof(data), &hdr), WIRE_CLASS_SYN_ACK);
	ck_assert_int_eq(wire_busy_decode(data, &out), 0);

	ck_assert_mem_eq(in.client_random, out.client_random, sizeof(in.client_random));
	ck_assert_mem_eq(in.mac, out.mac, sizeof(in.mac));
	ck_assert_uint_eq(out.reason, 3);
	ck_assert_uint_eq(out.retry_after_ms, 1234567);
	expect_zero(data, 22, 8, decode_busy);
	expect_zero(data, WIRE_HEADER_BYTES + 17, 3, decode_busy);
}
END_TEST

/* */
START_TEST(handshake_ack_round_trip)
{
	uint8_t data[WIRE_ACK_TEXT_AT];
	struct wire_ack in, out;

	fill(&in, sizeof(in), 9);
	wire_ack_encode(data, &cid, 77, &in);
	ck_assert_int_eq(wire_ack_decode(data, &out), 0);

	ck_assert_mem_eq(&in, &out, sizeof(in));
	ck_assert_uint_eq(aef_load_be32(data + 22), 77);
	expect_zero(data, 26, 4, decode_ack);
	expect_zero(data, WIRE_HEADER_BYTES + 222, 2, decode_ack);
}
END_TEST

/* */
START_TEST(handshake_reset_is_48_bytes_with_the_token)
{
	uint8_t data[WIRE_RST_BYTES], token[WIRE_RESET_BYTES];
	struct wire_header hdr;

	fill(token, sizeof(token), 11);
	wire_rst_encode(data, &cid, token);

	ck_assert_int_eq(wire_classify(data, sizeof(data), &hdr), WIRE_CLASS_RST);
	ck_assert_mem_eq(data + WIRE_HEADER_BYTES, token, sizeof(token));
}
END_TEST

TEST_SUITE(handshake, &handshake_syn_round_trip_and_nonzero_padding_refused,
           &handshake_syn_ack_round_trip_is_under_a_quarter_of_the_syn, &handshake_busy_round_trip,
           &handshake_ack_round_trip, &handshake_reset_is_48_bytes_with_the_token)
