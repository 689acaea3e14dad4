/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#define DOC 5

START_TEST(fanout_slow_subscriber_is_told_to_open_again_and_catches_up)
{
	const struct statesync_conf conf = { .slow_bytes_max = 2000 };
	struct world *world = world_create(7, &conf);

	world_join(world, 2, 0);
	world->peers[1].credit = 1500;
	world->peers[1].delay_min_ms = world->peers[1].delay_max_ms = 200;
	for (uint32_t i = 0; i < 600; i++) {
		world_type(world, 0, 0, "0123456789");
		if (i % 10 == 0)
			world_tick(world);
	}
	world_settle(world);

	ck_assert_uint_gt(statesync_stats(world->svc)->resyncs, 0);
	ck_assert_uint_gt(docclient_stats(world->peers[1].dc)->resyncs, 0);
	ck_assert_uint_eq(world->peers[0].loads, 0); /* the writer never noticed */
	world_assert_in_sync(world, DOC, 2);
	world_destroy(world);
}
END_TEST

START_TEST(fanout_without_buffers_waits_and_goes_on)
{
	struct world *world = world_create(9, NULL);

	world_join(world, 3, 2);
	world->bufs_max = 0;
	world_type(world, 0, 0, "first");
	world_ticks(world, 50);
	ck_assert_uint_gt(statesync_stats(world->svc)->bufs_refused, 0);
	ck_assert_uint_eq(world->peers[1].changes, 0);
	world->bufs_max = 100;
	world_settle(world);

	world_assert_in_sync(world, DOC, 3);
	world_destroy(world);
}
END_TEST

START_TEST(fanout_answer_without_room_is_kept_and_sent_later)
{
	struct world *world = world_create(12, NULL);

	world->peers[0].credit = 10;
	world_open(world, 0, DOC, 77, false); /* not found, and no room to say so */
	ck_assert_uint_eq(world->peers[0].nb_events, 0);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]"); /* a second one is dropped and counted */
	world->peers[0].credit = 10000;
	world_ticks(world, 3);

	ck_assert_uint_eq(world_count(world, 0, DOCMSG_ERROR), 1);
	ck_assert_int_eq(world_last(world, 0, DOCMSG_ERROR)->u.refusal.reason,
	                 DOCMSG_REASON_NOT_FOUND);
	ck_assert_uint_eq(statesync_stats(world->svc)->answers_dropped, 1);
	world_destroy(world);
}
END_TEST

START_TEST(fanout_refusal_without_room_reaches_its_client_later)
{
	struct world *world = world_create(13, NULL);

	world_open(world, 0, DOC, 77, true);
	world->peers[0].credit = 10;
	world_apply(world, 0, DOC, 0, 1, "[9,\"a\"]");
	ck_assert_ptr_null(world_last(world, 0, DOCMSG_NACK));
	world->peers[0].credit = 10000;
	world_ticks(world, 3);

	ck_assert_int_eq(world_last(world, 0, DOCMSG_NACK)->u.refusal.reason,
	                 DOCMSG_REASON_OUT_OF_RANGE);
	ck_assert_uint_eq(statesync_stats(world->svc)->lagging, 0);
	world_destroy(world);
}
END_TEST

TEST_SUITE(fanout, &fanout_slow_subscriber_is_told_to_open_again_and_catches_up,
           &fanout_without_buffers_waits_and_goes_on,
           &fanout_answer_without_room_is_kept_and_sent_later,
           &fanout_refusal_without_room_reaches_its_client_later)
