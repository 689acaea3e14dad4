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

TEST_SUITE(fanout, &fanout_slow_subscriber_is_told_to_open_again_and_catches_up,
           &fanout_without_buffers_waits_and_goes_on)
