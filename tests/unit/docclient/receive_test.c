/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

START_TEST(receive_operation_twice_is_applied_once)
{
	struct script *script = script_live(0);

	script_foreign(script, 1, 2, 1, "[\"a\"]");
	script_foreign(script, 1, 2, 1, "[\"a\"]");

	script_text_is(script, "a");
	ck_assert_uint_eq(docclient_stats(script->dc)->ops_doubled, 1);
	script_destroy(script);
}
END_TEST

START_TEST(receive_ack_twice_counts_once)
{
	struct script *script = script_live(0);

	ck_assert_int_eq(docclient_insert(script->dc, 0, (const uint8_t *)"x", 1, 1), 0);
	script_acked(script, 1, 1, 1);
	script_acked(script, 1, 1, 1);

	ck_assert_uint_eq(docclient_stats(script->dc)->ops_acked, 1);
	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_OK);
	script_destroy(script);
}
END_TEST

START_TEST(receive_gap_opens_again_from_the_last_version)
{
	struct script *script = script_live(0);

	script_foreign(script, 1, 2, 1, "[\"a\"]");
	script_foreign(script, 3, 2, 3, "[\"c\"]");

	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_OPENING);
	ck_assert_int_eq(script->sent.kind, DOCMSG_OPEN);
	ck_assert_uint_eq(script->sent.u.open.from_version, 1);
	ck_assert_uint_eq(docclient_stats(script->dc)->resyncs, 1);
	script_destroy(script);
}
END_TEST

START_TEST(receive_resync_opens_again_and_keeps_what_is_in_flight)
{
	struct script *script = script_live(0);

	ck_assert_int_eq(docclient_insert(script->dc, 0, (const uint8_t *)"x", 1, 1), 0);
	script_event(script, (struct docmsg){ .kind = DOCMSG_RESYNC, .u.resync = { .head = 9 } });
	ck_assert(script->sent.u.open.has_pending);
	script_opened(script, 0, 0, 0);

	ck_assert_int_eq(script->sent.kind, DOCMSG_APPLY);
	ck_assert_uint_eq(script->sent.u.apply.first_seq, 1);
	script_destroy(script);
}
END_TEST

START_TEST(receive_wrong_digest_is_named_diverged)
{
	struct script *script = script_live(0);
	const struct docmsg_bytes data = { (const uint8_t *)"[\"a\"]", 5 };

	script_event(script, (struct docmsg){ .kind = DOCMSG_OPERATIONS,
	                                      .u.operations = { .first_version = 1,
	                                                        .first_seq = 1,
	                                                        .client_id = script_id(2),
	                                                        .data = &data,
	                                                        .nb = 1,
	                                                        .digest = { { 1 }, true } } });

	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_FAILED);
	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_DIVERGED);
	ck_assert_int_eq(docclient_insert(script->dc, 0, (const uint8_t *)"x", 1, 1),
	                 AEF_ERR_STATE);
	script_destroy(script);
}
END_TEST

START_TEST(receive_operation_past_the_end_is_named_diverged)
{
	struct script *script = script_live(0);

	script_foreign(script, 1, 2, 1, "[5,\"a\"]");

	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_DIVERGED);
	script_destroy(script);
}
END_TEST

START_TEST(receive_operation_that_is_no_json_is_a_protocol_error)
{
	struct script *script = script_live(0);

	script_foreign(script, 1, 2, 1, "{}");

	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_PROTOCOL);
	script_destroy(script);
}
END_TEST

START_TEST(receive_ack_of_what_was_never_sent_is_a_protocol_error)
{
	struct script *script = script_live(0);

	script_acked(script, 1, 1, 1);

	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_PROTOCOL);
	script_destroy(script);
}
END_TEST

START_TEST(receive_nack_tells_what_is_lost_and_starts_over)
{
	struct script *script = script_live(0);

	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(docclient_insert(script->dc, i, (const uint8_t *)"x", 1, 1), 0);
	script_acked(script, 1, 1, 1);
	script_event(
		script,
		(struct docmsg){ .kind = DOCMSG_NACK,
	                         .u.refusal = { 2, 1, DOCMSG_REASON_DOC_TOO_LARGE, { NULL, 0 } } });
	ck_assert_uint_eq(docclient_stats(script->dc)->ops_lost, 2);
	ck_assert_uint_eq(docclient_reason(script->dc), DOCMSG_REASON_DOC_TOO_LARGE);
	ck_assert(!script->sent.u.open.have_state);
	script_opened(script, 0, 1, 1);
	script_foreign(script, 1, 1, 1, "[\"x\"]"); /* our own, which we no longer know */

	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_LIVE);
	script_text_is(script, "x");
	script_destroy(script);
}
END_TEST

START_TEST(receive_own_operation_in_full_while_in_flight_is_its_ack)
{
	struct script *script = script_live(0);

	ck_assert_int_eq(docclient_insert(script->dc, 0, (const uint8_t *)"x", 1, 1), 0);
	script_foreign(script, 1, 1, 1, "[\"x\"]");

	script_text_is(script, "x");
	ck_assert_uint_eq(docclient_in_flight(script->dc), 0);
	script_destroy(script);
}
END_TEST

START_TEST(receive_bytes_that_are_no_message_fail_the_document)
{
	struct script *script = script_live(0);

	ck_assert_int_eq(
		docclient_receive(script->dc, &script->arena, (const uint8_t *)"\xff", 1, 1),
		AEF_ERR_MALFORMED);

	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_PROTOCOL);
	script_destroy(script);
}
END_TEST

START_TEST(receive_event_of_another_document_is_ignored)
{
	struct script *script = script_live(0);
	const struct docmsg other = {
		.kind = DOCMSG_NACK,
		.doc = script_id(6),
		.u.refusal = { .seq = 1 },
	};
	uint8_t buf[256];
	const int64_t n = msg_doc_codec.encode(&other, buf, sizeof(buf));

	ck_assert_int_eq(docclient_receive(script->dc, &script->arena, buf, (size_t)n, 1), 0);

	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_LIVE);
	script_destroy(script);
}
END_TEST

START_TEST(receive_snapshot_with_a_hole_is_a_protocol_error)
{
	struct script *script = script_create(1, false);

	docclient_connected(script->dc, 1);
	script_event(script, (struct docmsg){ .kind = DOCMSG_OPENED,
	                                      .u.opened = { .version = 7,
	                                                    .start_version = 7,
	                                                    .snapshot = true,
	                                                    .snapshot_bytes = 5 } });
	script_event(script, (struct docmsg){ .kind = DOCMSG_SNAPSHOT,
	                                      .u.snapshot = { 1, { (const uint8_t *)"x", 1 } } });

	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_PROTOCOL);
	script_destroy(script);
}
END_TEST

START_TEST(receive_history_that_is_not_ours_starts_over)
{
	struct script *script = script_live(0);

	script_foreign(script, 1, 2, 1, "[\"old\"]");
	docclient_disconnected(script->dc, 2);
	docclient_connected(script->dc, 3);
	ck_assert(script->sent.u.open.digest.present);
	script_opened(script, 0, 1, 0); /* the server lost its memory and begins at 0 */
	script_foreign(script, 1, 3, 1, "[\"new\"]");

	script_text_is(script, "new");
	ck_assert_uint_eq(script->what[DOCCLIENT_LOADED], 1);
	script_destroy(script);
}
END_TEST

TEST_SUITE(receive, &receive_operation_twice_is_applied_once, &receive_ack_twice_counts_once,
           &receive_gap_opens_again_from_the_last_version,
           &receive_resync_opens_again_and_keeps_what_is_in_flight,
           &receive_wrong_digest_is_named_diverged,
           &receive_operation_past_the_end_is_named_diverged,
           &receive_operation_that_is_no_json_is_a_protocol_error,
           &receive_ack_of_what_was_never_sent_is_a_protocol_error,
           &receive_nack_tells_what_is_lost_and_starts_over,
           &receive_own_operation_in_full_while_in_flight_is_its_ack,
           &receive_bytes_that_are_no_message_fail_the_document,
           &receive_event_of_another_document_is_ignored,
           &receive_snapshot_with_a_hole_is_a_protocol_error,
           &receive_history_that_is_not_ours_starts_over)
