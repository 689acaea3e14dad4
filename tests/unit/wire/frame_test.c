/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "describe.h"
#include "harness.h"

/* An encoder that has no room says so and writes nothing behind the end. */
START_TEST(frame_encoders_stop_at_the_end_of_their_buffer)
{
	const struct wire_limits limits = { 60000, 65536, 16, 65536, 16384 };
	const struct wire_frame_data data = { .order = WIRE_LATEST,
		                              .fragment = true,
		                              .channel = 300,
		                              .message = 70000,
		                              .key = 1ull << 40,
		                              .offset = 5,
		                              .total = 99,
		                              .len = 7 };
	uint8_t full[64], buf[64];
	struct aef_writer w = aef_writer_make(full, sizeof(full));

	wire_limits_encode(&w, &limits);
	wire_data_header_encode(&w, &data, false);
	ck_assert(!w.err);
	ck_assert_uint_eq(wire_data_header_len(&data, false),
	                  wire_data_header_len(&data, true) + 1);
	for (size_t size = 0; size < (size_t)(w.p - full); size++) {
		struct aef_writer s = aef_writer_make(buf, size);

		memset(buf, 0xee, sizeof(buf));
		wire_limits_encode(&s, &limits);
		wire_data_header_encode(&s, &data, false);
		ck_assert(s.err);
		ck_assert_uint_eq(buf[size], 0xee);
	}
}
END_TEST

/* */
START_TEST(frame_passive_types_are_the_four_of_the_spec)
{
	for (unsigned type = 0; type < 256; type++)
		ck_assert_int_eq(wire_frame_is_passive((uint8_t)type),
		                 type == WIRE_FRAME_ACK_INFO || type == WIRE_FRAME_FLOOR ||
		                         type == WIRE_FRAME_PADDING || type == WIRE_FRAME_CLOSE);
}
END_TEST

/* Every prefix of a frame that is cut short is malformed, never a shorter frame. */
START_TEST(frame_cut_short_is_malformed)
{
	uint8_t buf[64];
	struct aef_writer w = aef_writer_make(buf, sizeof(buf));
	struct wire_frame f;

	wire_close_encode(&w, 4711, "gone away", 9);
	for (size_t len = 1; len <= (size_t)(w.p - buf); len++) {
		struct aef_reader r = aef_reader_make(buf, len);

		ck_assert_int_eq(wire_frame_decode(&r, &f),
		                 len == (size_t)(w.p - buf) ? 0 : AEF_ERR_MALFORMED);
	}
}
END_TEST

TEST_SUITE(frame, &frame_encoders_stop_at_the_end_of_their_buffer,
           &frame_passive_types_are_the_four_of_the_spec, &frame_cut_short_is_malformed)
