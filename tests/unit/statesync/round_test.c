/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#define DOC 5

START_TEST(round_is_encoded_once_for_all_readers)
{
	struct world *world = world_create(8, NULL);
	const struct statesync_stats *stats = statesync_stats(world->svc);
	uint64_t runs;

	world_join(world, 20, 2);
	runs = stats->runs_encoded;
	for (uint32_t i = 0; i < 10; i++)
		world_type(world, 0, i, "q"); /* one burst: one run of one author */
	world_settle(world);

	ck_assert_uint_le(stats->runs_encoded - runs, 2);
	world_assert_in_sync(world, DOC, 20);
	world_destroy(world);
}
END_TEST

START_TEST(round_of_alternating_authors_reaches_each_in_order)
{
	struct world *world = world_create(16, NULL);

	world_join(world, 3, 0);
	for (uint32_t i = 0; i < 100; i++) {
		world_type(world, i & 1, 0, i % 3 ? "a" : "bb");
		if (i % 25 == 24)
			world_tick(world);
	}
	world_settle(world);

	world_assert_in_sync(world, DOC, 3);
	ck_assert_uint_eq(world->peers[2].changes, 100);
	world_destroy(world);
}
END_TEST

START_TEST(round_with_an_operation_larger_than_a_buffer_lies_across_several)
{
	struct world *world = world_create(17, NULL);
	char *word = malloc(30001);

	memset(word, '"', 30000); /* two bytes each in JSON */
	word[30000] = '\0';
	world_join(world, 2, 0);
	world_type(world, 0, 0, word);
	world_type(world, 0, 10, "small");
	world_settle(world);

	world_assert_in_sync(world, DOC, 2);
	free(word);
	world_destroy(world);
}
END_TEST

START_TEST(round_carries_a_digest_that_every_reader_checks)
{
	struct world *world = world_create(18, NULL);

	world_join(world, 2, 0);
	world_type(world, 0, 0, "a");
	world_settle(world);

	ck_assert_uint_ge(docclient_stats(world->peers[0].dc)->digests_checked, 1);
	ck_assert_uint_ge(docclient_stats(world->peers[1].dc)->digests_checked, 1);
	world_destroy(world);
}
END_TEST

TEST_SUITE(round, &round_is_encoded_once_for_all_readers,
           &round_of_alternating_authors_reaches_each_in_order,
           &round_with_an_operation_larger_than_a_buffer_lies_across_several,
           &round_carries_a_digest_that_every_reader_checks)
