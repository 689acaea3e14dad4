/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#define DOC 5

START_TEST(snapshot_reader_starts_from_whichever_is_smaller)
{
	struct world *world = world_create(5, NULL);
	const struct statesync_stats *stats = statesync_stats(world->svc);

	world_join(world, 1, 2);
	world_type(world, 0, 0, "a text that was typed at once and is longer than what frames it");
	world_settle(world);
	world_client(world, 1, DOC, 1);
	world_connect(world, 1);
	world_settle(world);
	ck_assert_uint_eq(stats->catchup_ops, 0); /* JSON of one insert is longer than its text */
	ck_assert_uint_eq(stats->catchup_snaps, 1);

	for (uint32_t i = 0; i < 50; i++)
		world_type(world, 0, 0, "y");
	world_settle(world);
	world_cut(world, 1);
	world_type(world, 0, 0, "z");
	world_settle(world);
	world_connect(world, 1); /* lacks one operation only */
	world_settle(world);

	ck_assert_uint_eq(stats->catchup_ops, 1);
	ck_assert_uint_eq(stats->catchup_snaps, 1);
	world_assert_in_sync(world, DOC, 2);
	world_destroy(world);
}
END_TEST

START_TEST(snapshot_large_snapshot_arrives_in_pieces_over_a_narrow_channel)
{
	struct world *world = world_create(6, NULL);
	char *word = malloc(20001);

	memset(word, 'w', 20000);
	word[20000] = '\0';
	world_join(world, 1, 2);
	for (uint32_t i = 0; i < 10; i++)
		world_type(world, 0, i * 1000, word);
	world_settle(world);
	world_client(world, 1, DOC, 1);
	world->peers[1].credit = 12000;
	world->peers[1].delay_max_ms = 3;
	world_connect(world, 1);
	world_ticks(world, 8);
	world_type(world, 0, 0, "while it loads");
	world_settle(world);

	ck_assert_uint_eq(world->peers[1].loads, 1);
	ck_assert_uint_gt(statesync_stats(world->svc)->sends_refused, 0);
	world_assert_in_sync(world, DOC, 2);
	free(word);
	world_destroy(world);
}
END_TEST

START_TEST(snapshot_long_log_is_cut_and_late_clients_get_a_snapshot)
{
	const struct statesync_conf conf = { .log_bytes_max = 20000, .ring_ops_max = 512 };
	struct world *world = world_create(10, &conf);
	const struct aef_guuid id = world_id(DOC);
	const struct storeif store = store_mem_if(world->store);
	struct storeif_head head;

	world_join(world, 1, 0);
	for (uint32_t i = 0; i < 6000; i++) {
		ck_assert_int_eq(docclient_replace(world->peers[0].dc, 0, i > 100 ? 1 : 0,
		                                   (const uint8_t *)"z", 1, world->now_ns),
		                 0);
		world_tick(world);
		world_tick(world);
	}
	world_settle(world);
	ck_assert_uint_gt(statesync_stats(world->svc)->logs_trimmed, 0);
	ck_assert_int_eq(store.ops->head(store.ctx, &id, &head), 0);
	ck_assert_uint_gt(head.first, 1);
	ck_assert_uint_lt(head.log_bytes, 60000);
	world_restart_service(world);
	world_client(world, 1, DOC, 1);
	world_connect(world, 0);
	world_connect(world, 1);
	world_settle(world);

	ck_assert_uint_eq(world->peers[1].loads, 1);
	world_assert_in_sync(world, DOC, 2);
	world_destroy(world);
}
END_TEST

TEST_SUITE(snapshot, &snapshot_reader_starts_from_whichever_is_smaller,
           &snapshot_large_snapshot_arrives_in_pieces_over_a_narrow_channel,
           &snapshot_long_log_is_cut_and_late_clients_get_a_snapshot)
