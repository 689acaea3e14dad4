/* SPDX-License-Identifier: BSD-3-Clause */
#include "ot_work.h"

START_TEST(ot_client_window_is_bounded)
{
	struct text_client_msg msg;

	setup();
	for (unsigned i = 0; i < 4; i++) {
		op_from(&op, "[\"a\"]");
		ck_assert_int_eq(text_client_send(&client, &op, &msg), 0);
		ck_assert_uint_eq(msg.seq, i + 1);
		ck_assert_uint_eq(msg.base, 0);
	}
	op_from(&op, "[\"a\"]");

	ck_assert_int_eq(text_client_send(&client, &op, &msg), AEF_ERR_AGAIN);
	ck_assert_str_eq(op_text(&op), "[\"a\"]");
	ck_assert_uint_eq(text_client_in_flight(&client), 4);
	ck_assert_int_eq(text_client_pending(&client, 4, &msg), AEF_ERR_RANGE);
	teardown();
}
END_TEST

START_TEST(ot_client_refuses_versions_out_of_order)
{
	struct text_client_msg msg;

	setup();
	op_from(&op, "[\"a\"]");

	ck_assert_int_eq(text_client_foreign(&client, 2, &op), AEF_ERR_GAP);
	ck_assert_int_eq(text_client_foreign(&client, 1, &op), 0);
	ck_assert_int_eq(text_client_foreign(&client, 1, &op), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(text_client_ack(&client, 2, 1, NULL), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(text_client_send(&client, &op, &msg), 0);
	ck_assert_int_eq(text_client_ack(&client, 1, 1, NULL), AEF_ERR_DUPLICATE);
	ck_assert_int_eq(text_client_ack(&client, 3, 1, NULL), AEF_ERR_GAP);
	ck_assert_int_eq(text_client_ack(&client, 2, 2, NULL), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(text_client_ack(&client, 2, 1, &op), 0);
	ck_assert_str_eq(op_text(&op), "[\"a\"]");
	ck_assert_uint_eq(client.version, 2);
	teardown();
}
END_TEST

START_TEST(ot_client_without_memory_does_not_start)
{
	struct text_client poor;

	setup();
	alloc.budget_bytes = alloc.used_bytes;
	ck_assert_int_eq(text_client_init(&poor, &alloc, 0, 7, 3, NULL), AEF_ERR_FULL);
	text_client_fini(&poor);
	teardown();
}
END_TEST

START_TEST(ot_client_resends_what_is_in_flight_at_the_present_version)
{
	struct text_client_msg msg;

	setup();
	op_from(&op, "[5,\"a\"]");
	ck_assert_int_eq(text_client_send(&client, &op, &msg), 0);
	op_from(&op, "[\"xyz\"]");
	ck_assert_int_eq(text_client_foreign(&client, 1, &op), 0);

	ck_assert_int_eq(text_client_pending(&client, 0, &msg), 0);
	ck_assert_uint_eq(msg.base, 1);
	ck_assert_uint_eq(msg.seq, 1);
	ck_assert_str_eq(op_text(msg.op), "[8,\"a\"]");
	teardown();
}
END_TEST

TEST_SUITE(ot_client, &ot_client_window_is_bounded, &ot_client_refuses_versions_out_of_order,
           &ot_client_without_memory_does_not_start,
           &ot_client_resends_what_is_in_flight_at_the_present_version)
