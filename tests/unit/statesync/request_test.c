/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client may send wrong, and what it is told. */
#include "world.h"

#define DOC 5

/* Open, write "abc", then one more request; the reason of the refusal that follows. */
static enum docmsg_reason
reason_for(struct world *world, uint64_t base, uint64_t seq, const char *json)
{
	const struct docmsg *nack;
	char *text;

	world_open(world, 0, DOC, 77, true);
	world_apply(world, 0, DOC, 0, 1, "[\"abc\"]");
	world_apply(world, 0, DOC, base, seq, json);
	text = world_server_text(world, DOC);
	ck_assert_str_eq(text, "abc");
	free(text);
	nack = world_last(world, 0, DOCMSG_NACK);
	ck_assert_ptr_nonnull(nack);
	ck_assert_uint_eq(nack->u.refusal.seq, seq);
	ck_assert_uint_eq(nack->u.refusal.head, 1);
	return nack->u.refusal.reason;
}

START_TEST(request_operation_past_the_end_is_refused_as_out_of_range)
{
	struct world *world = world_create(1, NULL);

	ck_assert_int_eq(reason_for(world, 1, 2, "[4,\"x\"]"), DOCMSG_REASON_OUT_OF_RANGE);
	world_destroy(world);
}
END_TEST

START_TEST(request_operation_that_is_no_json_is_refused_as_malformed)
{
	struct world *world = world_create(1, NULL);

	ck_assert_int_eq(reason_for(world, 1, 2, "[4,"), DOCMSG_REASON_MALFORMED);
	world_destroy(world);
}
END_TEST

START_TEST(request_missing_sequence_number_is_refused_as_gap)
{
	struct world *world = world_create(1, NULL);

	ck_assert_int_eq(reason_for(world, 1, 3, "[\"x\"]"), DOCMSG_REASON_GAP);
	world_destroy(world);
}
END_TEST

START_TEST(request_base_that_was_never_sent_is_refused_as_protocol)
{
	struct world *world = world_create(1, NULL);

	ck_assert_int_eq(reason_for(world, 2, 2, "[\"x\"]"), DOCMSG_REASON_PROTOCOL);
	world_destroy(world);
}
END_TEST

START_TEST(request_operation_too_large_is_refused)
{
	const struct statesync_conf conf = { .op_bytes_max = 16 };
	struct world *world = world_create(1, &conf);

	ck_assert_int_eq(reason_for(world, 1, 2, "[\"seventeen bytes x\"]"),
	                 DOCMSG_REASON_OP_TOO_LARGE);
	world_destroy(world);
}
END_TEST

START_TEST(request_that_makes_the_document_too_large_is_refused)
{
	const struct statesync_conf conf = { .doc_bytes_max = 5 };
	struct world *world = world_create(1, &conf);

	ck_assert_int_eq(reason_for(world, 1, 2, "[\"def\"]"), DOCMSG_REASON_DOC_TOO_LARGE);
	world_destroy(world);
}
END_TEST

START_TEST(request_beyond_the_window_is_refused)
{
	const struct statesync_conf conf = { .window = 2 };
	struct world *world = world_create(1, &conf);

	world_open(world, 0, DOC, 77, true);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");
	world_apply(world, 0, DOC, 0, 2, "[\"b\"]");
	ck_assert_ptr_null(world_last(world, 0, DOCMSG_NACK));
	world_apply(world, 0, DOC, 0, 3, "[\"c\"]");

	ck_assert_int_eq(world_last(world, 0, DOCMSG_NACK)->u.refusal.reason, DOCMSG_REASON_WINDOW);
	world_destroy(world);
}
END_TEST

START_TEST(request_after_a_refusal_is_ignored_until_opened_again)
{
	struct world *world = world_create(1, NULL);
	char *text;

	(void)reason_for(world, 1, 2, "[9,\"x\"]");
	world_apply(world, 0, DOC, 1, 3, "[\"y\"]");
	ck_assert_uint_eq(world_count(world, 0, DOCMSG_NACK), 1);
	world_open(world, 0, DOC, 77, false);
	ck_assert_uint_eq(world_last(world, 0, DOCMSG_OPENED)->u.opened.last_seq, 1);
	world_apply(world, 0, DOC, 1, 2, "[\"z\"]");

	text = world_server_text(world, DOC);
	ck_assert_str_eq(text, "zabc");
	free(text);
	world_destroy(world);
}
END_TEST

START_TEST(request_for_a_document_that_is_not_open_is_an_error)
{
	struct world *world = world_create(1, NULL);

	world_connect(world, 0);
	world_apply(world, 0, DOC, 0, 1, "[\"x\"]");

	ck_assert_int_eq(world_last(world, 0, DOCMSG_ERROR)->u.refusal.reason,
	                 DOCMSG_REASON_NOT_OPEN);
	world_destroy(world);
}
END_TEST

START_TEST(request_to_open_what_does_not_exist_is_an_error_without_create)
{
	struct world *world = world_create(1, NULL);

	world_open(world, 0, DOC, 77, false);

	ck_assert_int_eq(world_last(world, 0, DOCMSG_ERROR)->u.refusal.reason,
	                 DOCMSG_REASON_NOT_FOUND);
	world_destroy(world);
}
END_TEST

START_TEST(request_to_create_gives_the_content_as_version_1_and_only_once)
{
	struct world *world = world_create(1, NULL);
	const struct docmsg create = {
		.kind = DOCMSG_CREATE,
		.doc = world_id(DOC),
		.u.create = { DOCMSG_TYPE_TEXT, { (const uint8_t *)"start", 5 } },
	};
	char *text;

	world_connect(world, 0);
	world_request(world, 0, &create);
	ck_assert_uint_eq(world_last(world, 0, DOCMSG_CREATED)->u.version, 1);
	world_request(world, 0, &create);
	ck_assert_int_eq(world_last(world, 0, DOCMSG_ERROR)->u.refusal.reason,
	                 DOCMSG_REASON_EXISTS);

	text = world_server_text(world, DOC);
	ck_assert_str_eq(text, "start");
	free(text);
	world_destroy(world);
}
END_TEST

START_TEST(request_to_create_an_unknown_type_is_refused)
{
	struct world *world = world_create(1, NULL);
	const struct docmsg create = {
		.kind = DOCMSG_CREATE,
		.doc = world_id(DOC),
		.u.create = { .type = 9 },
	};

	world_connect(world, 0);
	world_request(world, 0, &create);

	ck_assert_int_eq(world_last(world, 0, DOCMSG_ERROR)->u.refusal.reason,
	                 DOCMSG_REASON_UNSUPPORTED);
	world_destroy(world);
}
END_TEST

START_TEST(request_several_operations_in_one_message_are_acknowledged_together)
{
	struct world *world = world_create(1, NULL);
	const struct docmsg_bytes ops[3] = {
		{ (const uint8_t *)"[\"a\"]", 5 },
		{ (const uint8_t *)"[1,\"b\"]", 7 },
		{ (const uint8_t *)"[2,\"c\"]", 7 },
	};
	const struct docmsg msg = {
		.kind = DOCMSG_APPLY,
		.doc = world_id(DOC),
		.u.apply = { 0, 1, ops, 3 },
	};
	const struct docmsg *ack;
	char *text;

	world_open(world, 0, DOC, 77, true);
	world_request(world, 0, &msg);

	text = world_server_text(world, DOC);
	ck_assert_str_eq(text, "abc");
	ck_assert_uint_eq(world_count(world, 0, DOCMSG_APPLIED), 1);
	ack = world_last(world, 0, DOCMSG_APPLIED);
	ck_assert_uint_eq(ack->u.applied.count, 3);
	ck_assert_uint_eq(ack->u.applied.first_version, 1);
	ck_assert(ack->u.applied.digest.present);
	free(text);
	world_destroy(world);
}
END_TEST

START_TEST(request_ack_only_gets_no_operations_until_it_subscribes)
{
	struct world *world = world_create(1, NULL);
	struct docmsg msg = {
		.kind = DOCMSG_OPEN,
		.doc = world_id(DOC),
		.u.open = { .client_id = world_id(78), .ack_only = true },
	};

	world_open(world, 0, DOC, 77, true);
	world_connect(world, 1);
	world_request(world, 1, &msg);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");
	world_tick(world);
	ck_assert_uint_eq(world_count(world, 1, DOCMSG_OPERATIONS), 0);
	msg.kind = DOCMSG_SUBSCRIBE;
	msg.u.from_version = 0;
	world_request(world, 1, &msg);
	ck_assert_uint_eq(world_count(world, 1, DOCMSG_OPERATIONS), 1);
	msg.kind = DOCMSG_UNSUBSCRIBE;
	world_request(world, 1, &msg);
	world_apply(world, 0, DOC, 1, 2, "[\"b\"]");
	world_tick(world);

	ck_assert_uint_eq(world_count(world, 1, DOCMSG_OPERATIONS), 1);
	world_destroy(world);
}
END_TEST

START_TEST(request_close_ends_the_opening_and_keeps_the_number)
{
	struct world *world = world_create(1, NULL);
	const struct docmsg close = { .kind = DOCMSG_CLOSE, .doc = world_id(DOC) };

	world_open(world, 0, DOC, 77, true);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");
	world_request(world, 0, &close);
	ck_assert_uint_eq(statesync_stats(world->svc)->replicas, 0);
	world_open(world, 0, DOC, 77, false);

	ck_assert_uint_eq(world_last(world, 0, DOCMSG_OPENED)->u.opened.last_seq, 1);
	world_destroy(world);
}
END_TEST

START_TEST(request_bytes_that_are_no_message_are_answered_once_and_counted)
{
	struct world *world = world_create(1, NULL);
	const struct service_now now = { world->now_ns, 0 };
	const struct service_slice slice = { (const uint8_t *)"\xff\xff\xff", 3, NULL };
	const struct service_msg msg = { .channel = 1, .len = 3, .nb_slices = 1, .slices = &slice };

	world_connect(world, 0);
	statesync_service.on_message(world->svc, world->peers[0].conn, world->peers[0].user, &msg,
	                             &now);
	world_tick(world);

	ck_assert_uint_eq(statesync_stats(world->svc)->msgs_refused, 1);
	ck_assert_int_eq(world_last(world, 0, DOCMSG_ERROR)->u.refusal.reason,
	                 DOCMSG_REASON_MALFORMED);
	world_destroy(world);
}
END_TEST

START_TEST(request_concurrent_insert_is_transformed_later_one_left)
{
	struct world *world = world_create(1, NULL);
	char *text;

	world_open(world, 0, DOC, 77, true);
	world_open(world, 1, DOC, 78, false);
	world_apply(world, 0, DOC, 0, 1, "[\"A\"]");
	world_apply(world, 1, DOC, 0, 1, "[\"B\"]");

	text = world_server_text(world, DOC);
	ck_assert_str_eq(text, "BA");
	free(text);
	world_destroy(world);
}
END_TEST

TEST_SUITE(request, &request_operation_past_the_end_is_refused_as_out_of_range,
           &request_operation_that_is_no_json_is_refused_as_malformed,
           &request_missing_sequence_number_is_refused_as_gap,
           &request_base_that_was_never_sent_is_refused_as_protocol,
           &request_operation_too_large_is_refused,
           &request_that_makes_the_document_too_large_is_refused,
           &request_beyond_the_window_is_refused,
           &request_after_a_refusal_is_ignored_until_opened_again,
           &request_for_a_document_that_is_not_open_is_an_error,
           &request_to_open_what_does_not_exist_is_an_error_without_create,
           &request_to_create_gives_the_content_as_version_1_and_only_once,
           &request_to_create_an_unknown_type_is_refused,
           &request_several_operations_in_one_message_are_acknowledged_together,
           &request_ack_only_gets_no_operations_until_it_subscribes,
           &request_close_ends_the_opening_and_keeps_the_number,
           &request_bytes_that_are_no_message_are_answered_once_and_counted,
           &request_concurrent_insert_is_transformed_later_one_left)
