/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#define DOC 5

START_TEST(replica_operations_typed_offline_are_applied_once_after_resume)
{
	struct world *world = world_create(2, NULL);

	world_join(world, 2, 20);
	world_type(world, 0, 0, "abc");
	world_ticks(world, 21); /* the server has it, the ack is on its way */
	world_cut(world, 0);
	world_type(world, 0, 3, "def");
	world_type(world, 1, 0, "xyz");
	world_ticks(world, 100);
	world_connect(world, 0);
	world_settle(world);

	world_assert_in_sync(world, DOC, 2);
	ck_assert_uint_eq(docclient_version(world->peers[0].dc), 3);
	ck_assert_uint_eq(world->peers[0].acks, 2);
	ck_assert_uint_eq(world->peers[0].lost, 0);
	world_destroy(world);
}
END_TEST

START_TEST(replica_client_away_longer_than_the_linger_still_resumes)
{
	const struct statesync_conf conf = { .linger_ns = AEF_NS_PER_S };
	struct world *world = world_create(3, &conf);

	world_join(world, 2, 4);
	world_type(world, 0, 0, "abc");
	world_ticks(world, 5);
	world_cut(world, 0);
	for (uint32_t i = 0; i < 30; i++)
		world_type(world, 0, i, "0");
	world_type(world, 1, 0, "xyz");
	world_ticks(world, 3000);
	ck_assert_uint_eq(statesync_stats(world->svc)->replicas, 1);
	world_connect(world, 0);
	world_settle(world);

	world_assert_in_sync(world, DOC, 2);
	ck_assert_uint_eq(docclient_version(world->peers[0].dc), 32);
	world_destroy(world);
}
END_TEST

START_TEST(replica_opened_elsewhere_is_taken_over_without_a_double)
{
	struct world *world = world_create(11, NULL);
	const struct docmsg *opened;

	/* The same subject on two connections: one half dead, one new. */
	world_open(world, 0, DOC, 77, true);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");
	world->peers[1].subject = 0;
	world_open(world, 1, DOC, 77, false);
	world_apply(world, 0, DOC, 1, 2, "[\"lost\"]");

	opened = world_last(world, 1, DOCMSG_OPENED);
	ck_assert_ptr_nonnull(opened);
	ck_assert_uint_eq(opened->u.opened.last_seq, 1);
	ck_assert_uint_eq(world_last(world, 0, DOCMSG_ERROR)->u.refusal.reason,
	                  DOCMSG_REASON_NOT_OPEN);
	ck_assert_uint_eq(statesync_stats(world->svc)->replicas, 1);
	world_destroy(world);
}
END_TEST

START_TEST(replica_of_somebody_else_is_refused)
{
	struct world *world = world_create(12, NULL);

	world_open(world, 0, DOC, 77, true);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");
	world->peers[1].subject = 1;
	world_open(world, 1, DOC, 77, false);

	ck_assert_ptr_null(world_last(world, 1, DOCMSG_OPENED));
	ck_assert_uint_eq(world_last(world, 1, DOCMSG_ERROR)->u.refusal.reason,
	                  DOCMSG_REASON_PROTOCOL);
	world_destroy(world);
}
END_TEST

START_TEST(replica_that_only_reads_is_forgotten_with_its_connection)
{
	struct world *world = world_create(13, NULL);

	world_open(world, 0, DOC, 77, true);
	ck_assert_uint_eq(statesync_stats(world->svc)->replicas, 1);
	world_cut(world, 0);

	ck_assert_uint_eq(statesync_stats(world->svc)->replicas, 0);
	ck_assert_uint_eq(statesync_stats(world->svc)->docs, 1);
	world_destroy(world);
}
END_TEST

START_TEST(replica_limit_forgets_the_longest_away_first)
{
	const struct statesync_conf conf = { .replicas_max = 2 };
	struct world *world = world_create(14, &conf);

	world_open(world, 0, DOC, 70, true);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");
	world_cut(world, 0);
	world_open(world, 1, DOC, 71, false);
	world_open(world, 2, DOC, 72, false);
	world_open(world, 3, DOC, 73, false);

	ck_assert_ptr_nonnull(world_last(world, 2, DOCMSG_OPENED));
	ck_assert_uint_eq(world_last(world, 3, DOCMSG_ERROR)->u.refusal.reason,
	                  DOCMSG_REASON_TOO_MANY);
	world_destroy(world);
}
END_TEST

START_TEST(replica_that_resends_is_answered_and_applied_once)
{
	struct world *world = world_create(15, NULL);
	char *text;

	world_open(world, 0, DOC, 77, true);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");

	text = world_server_text(world, DOC);
	ck_assert_str_eq(text, "a");
	ck_assert_uint_eq(world_count(world, 0, DOCMSG_APPLIED), 2);
	ck_assert_uint_eq(world_last(world, 0, DOCMSG_APPLIED)->u.applied.first_version, 1);
	ck_assert_uint_eq(statesync_stats(world->svc)->ops_resent, 1);
	free(text);
	world_destroy(world);
}
END_TEST

START_TEST(replica_that_forgot_its_own_operations_gets_them_in_full)
{
	struct world *world = world_create(16, NULL);
	struct docmsg open = {
		.kind = DOCMSG_OPEN,
		.doc = world_id(DOC),
		.u.open = { .client_id = world_id(77), .from_version = 1, .have_state = true },
	};

	/* It kept version 1 and lost what it wrote since, as after a crash. */
	world_open(world, 0, DOC, 77, true);
	world_apply(world, 0, DOC, 0, 1, "[\"a text that is longer than an operation\"]");
	world_apply(world, 0, DOC, 1, 2, "[\"x\"]");
	world_cut(world, 0);
	world_connect(world, 0);
	world->peers[0].nb_events = 0;
	world_request(world, 0, &open);

	ck_assert_uint_eq(world_last(world, 0, DOCMSG_OPENED)->u.opened.last_seq, 2);
	ck_assert_uint_eq(world_count(world, 0, DOCMSG_APPLIED), 0);
	ck_assert_uint_eq(world_count(world, 0, DOCMSG_OPERATIONS), 1);
	ck_assert_uint_eq(world_last(world, 0, DOCMSG_OPERATIONS)->u.operations.first_version, 2);
	world_destroy(world);
}
END_TEST

TEST_SUITE(replica, &replica_operations_typed_offline_are_applied_once_after_resume,
           &replica_client_away_longer_than_the_linger_still_resumes,
           &replica_opened_elsewhere_is_taken_over_without_a_double,
           &replica_of_somebody_else_is_refused,
           &replica_that_only_reads_is_forgotten_with_its_connection,
           &replica_limit_forgets_the_longest_away_first,
           &replica_that_resends_is_answered_and_applied_once,
           &replica_that_forgot_its_own_operations_gets_them_in_full)
