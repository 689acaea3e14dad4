/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients and service together: convergence, resume, restart. */
#include <base/sha256.h>

#include "world.h"

#define DOC 5

static uint64_t
seed_of_run(uint64_t otherwise)
{
	const char *env = getenv("AEF_SEED");

	return env != NULL ? strtoull(env, NULL, 0) : otherwise;
}

static void
join(struct world *world, uint32_t nb, uint32_t delay_ms)
{
	for (uint32_t i = 0; i < nb; i++) {
		world_client(world, i, DOC, 0);
		world->peers[i].delay_min_ms = delay_ms / 2;
		world->peers[i].delay_max_ms = delay_ms;
		world_connect(world, i);
	}
	world_settle(world);
}

static void
type(struct world *world, uint32_t idx, uint32_t pos, const char *text)
{
	ck_assert_int_eq(docclient_insert(world->peers[idx].dc, pos, (const uint8_t *)text,
	                                  strlen(text), world->now_ns),
	                 0);
}

START_TEST(statesync_two_writers_see_each_others_words)
{
	struct world *world = world_create(1, NULL);
	char *text;

	join(world, 2, 10);
	type(world, 0, 0, "hello");
	type(world, 1, 0, "world");
	world_settle(world);

	world_assert_in_sync(world, DOC, 2);
	text = world_server_text(world, DOC);
	ck_assert_uint_eq(strlen(text), 10);
	ck_assert_uint_eq(world->peers[0].acks, 1);
	ck_assert_uint_eq(world->peers[0].changes, 1);
	free(text);
	world_destroy(world);
}
END_TEST

/* A run of random edits with cuts; all must end equal, every operation exactly once. */
static void
random_run(uint64_t seed)
{
	struct world *world = world_create(seed, NULL);
	const uint32_t nb = (uint32_t)aef_rng_range(&world->rng, 2, 8);
	const bool cuts = aef_rng_chance_ppm(&world->rng, 700000);
	const bool narrow = aef_rng_chance_ppm(&world->rng, 300000);
	const bool restarts = aef_rng_chance_ppm(&world->rng, 200000);
	uint64_t made = 0;

	join(world, nb, (uint32_t)aef_rng_range(&world->rng, 0, 80));
	for (uint32_t i = 0; i < nb && narrow; i++)
		world->peers[i].credit = 3000;
	for (uint32_t step = 0; step < 400; step++) {
		const uint32_t who = (uint32_t)aef_rng_below(&world->rng, nb);

		if (world_random_edit(world, who) == 0)
			made++;
		if (cuts && aef_rng_chance_ppm(&world->rng, 20000) && world->peers[who].connected)
			world_cut(world, who);
		if (restarts && aef_rng_chance_ppm(&world->rng, 5000))
			world_restart_service(world);
		for (uint32_t i = 0; i < nb; i++) {
			if (!world->peers[i].connected && aef_rng_chance_ppm(&world->rng, 50000))
				world_connect(world, i);
		}
		world_ticks(world, (uint32_t)aef_rng_below(&world->rng, 6));
	}
	for (uint32_t i = 0; i < nb; i++) {
		if (!world->peers[i].connected)
			world_connect(world, i);
	}
	world_settle(world);
	world_assert_in_sync(world, DOC, nb);

	uint64_t ops_made = 0, lost = 0;
	struct statesync_doc_info info;
	const struct aef_guuid id = world_id(DOC);

	for (uint32_t i = 0; i < nb; i++) {
		ops_made += docclient_stats(world->peers[i].dc)->ops_made;
		lost += docclient_stats(world->peers[i].dc)->ops_lost;
		ck_assert_uint_eq(docclient_stats(world->peers[i].dc)->ops_acked,
		                  docclient_stats(world->peers[i].dc)->ops_made);
	}
	ck_assert_int_eq(statesync_doc(world->svc, &id, &info), 0);
	ck_assert_uint_le(ops_made, made);
	ck_assert_uint_eq(lost, 0);
	ck_assert_uint_eq(info.version, ops_made);
	world_destroy(world);
}

START_TEST(statesync_random_editors_converge_through_cuts_and_restarts)
{
	const uint64_t seed = seed_of_run(1);

	printf("statesync seeds %llu..%llu\n", (unsigned long long)seed,
	       (unsigned long long)seed + 59);
	for (uint64_t i = 0; i < 60; i++)
		random_run(seed + i);
}
END_TEST

START_TEST(statesync_operations_typed_offline_are_applied_once_after_resume)
{
	struct world *world = world_create(2, NULL);

	join(world, 2, 20);
	type(world, 0, 0, "abc");
	world_ticks(world, 21); /* the server has it, the ack is on its way */
	world_cut(world, 0);
	type(world, 0, 3, "def");
	type(world, 1, 0, "xyz");
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

START_TEST(statesync_client_away_longer_than_the_linger_still_resumes)
{
	const struct statesync_conf conf = { .linger_ns = AEF_NS_PER_S };
	struct world *world = world_create(3, &conf);

	join(world, 2, 4);
	type(world, 0, 0, "abc");
	world_ticks(world, 5);
	world_cut(world, 0);
	for (uint32_t i = 0; i < 30; i++)
		type(world, 0, i, "0");
	type(world, 1, 0, "xyz");
	world_ticks(world, 3000);
	ck_assert_uint_eq(statesync_stats(world->svc)->replicas, 1);
	world_connect(world, 0);
	world_settle(world);

	world_assert_in_sync(world, DOC, 2);
	ck_assert_uint_eq(docclient_version(world->peers[0].dc), 32);
	world_destroy(world);
}
END_TEST

START_TEST(statesync_documents_survive_a_restart_of_the_service)
{
	struct world *world = world_create(4, NULL);
	char *text;

	join(world, 2, 4);
	for (uint32_t i = 0; i < 300; i++)
		type(world, i & 1, 0, "x");
	world_settle(world);
	world_restart_service(world);
	world_client(world, 2, DOC, 1);
	for (uint32_t i = 0; i < 3; i++)
		world_connect(world, i);
	world_settle(world);

	world_assert_in_sync(world, DOC, 3);
	text = world_server_text(world, DOC);
	ck_assert_uint_eq(strlen(text), 300);
	free(text);
	world_destroy(world);
}
END_TEST

START_TEST(statesync_reader_starts_from_whichever_is_smaller)
{
	struct world *world = world_create(5, NULL);
	const struct statesync_stats *stats = statesync_stats(world->svc);

	join(world, 1, 2);
	type(world, 0, 0, "a text that was typed at once and is longer than what frames it");
	world_settle(world);
	world_client(world, 1, DOC, 1);
	world_connect(world, 1);
	world_settle(world);
	ck_assert_uint_eq(stats->catchup_ops, 0); /* JSON of one insert is longer than its text */
	ck_assert_uint_eq(stats->catchup_snaps, 1);

	for (uint32_t i = 0; i < 50; i++)
		type(world, 0, 0, "y");
	world_settle(world);
	world_cut(world, 1);
	type(world, 0, 0, "z");
	world_settle(world);
	world_connect(world, 1); /* lacks one operation only */
	world_settle(world);

	ck_assert_uint_eq(stats->catchup_ops, 1);
	ck_assert_uint_eq(stats->catchup_snaps, 1);
	world_assert_in_sync(world, DOC, 2);
	world_destroy(world);
}
END_TEST

START_TEST(statesync_large_snapshot_arrives_in_pieces_over_a_narrow_channel)
{
	struct world *world = world_create(6, NULL);
	char *word = malloc(20001);

	memset(word, 'w', 20000);
	word[20000] = '\0';
	join(world, 1, 2);
	for (uint32_t i = 0; i < 10; i++)
		type(world, 0, i * 1000, word);
	world_settle(world);
	world_client(world, 1, DOC, 1);
	world->peers[1].credit = 12000;
	world->peers[1].delay_max_ms = 3;
	world_connect(world, 1);
	world_ticks(world, 8);
	type(world, 0, 0, "while it loads");
	world_settle(world);

	ck_assert_uint_eq(world->peers[1].loads, 1);
	ck_assert_uint_gt(statesync_stats(world->svc)->sends_refused, 0);
	world_assert_in_sync(world, DOC, 2);
	free(word);
	world_destroy(world);
}
END_TEST

START_TEST(statesync_slow_subscriber_is_told_to_open_again_and_catches_up)
{
	const struct statesync_conf conf = { .slow_bytes_max = 2000 };
	struct world *world = world_create(7, &conf);

	join(world, 2, 0);
	world->peers[1].credit = 1500;
	world->peers[1].delay_min_ms = world->peers[1].delay_max_ms = 200;
	for (uint32_t i = 0; i < 600; i++) {
		type(world, 0, 0, "0123456789");
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

START_TEST(statesync_run_is_encoded_once_for_all_readers)
{
	struct world *world = world_create(8, NULL);
	const struct statesync_stats *stats = statesync_stats(world->svc);
	uint64_t runs;

	join(world, 20, 2);
	runs = stats->runs_encoded;
	for (uint32_t i = 0; i < 10; i++)
		type(world, 0, i, "q"); /* one burst: one run of one author */
	world_settle(world);

	ck_assert_uint_le(stats->runs_encoded - runs, 2);
	world_assert_in_sync(world, DOC, 20);
	world_destroy(world);
}
END_TEST

START_TEST(statesync_without_buffers_waits_and_goes_on)
{
	struct world *world = world_create(9, NULL);

	join(world, 3, 2);
	world->bufs_max = 0;
	type(world, 0, 0, "first");
	world_ticks(world, 50);
	ck_assert_uint_gt(statesync_stats(world->svc)->bufs_refused, 0);
	ck_assert_uint_eq(world->peers[1].changes, 0);
	world->bufs_max = 100;
	world_settle(world);

	world_assert_in_sync(world, DOC, 3);
	world_destroy(world);
}
END_TEST

START_TEST(statesync_long_log_is_cut_and_late_clients_get_a_snapshot)
{
	const struct statesync_conf conf = { .log_bytes_max = 20000, .ring_ops_max = 512 };
	struct world *world = world_create(10, &conf);
	const struct aef_guuid id = world_id(DOC);
	const struct storeif store = store_mem_if(world->store);
	struct storeif_head head;

	join(world, 1, 0);
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

TEST_SUITE(statesync, &statesync_two_writers_see_each_others_words,
           &statesync_random_editors_converge_through_cuts_and_restarts,
           &statesync_operations_typed_offline_are_applied_once_after_resume,
           &statesync_client_away_longer_than_the_linger_still_resumes,
           &statesync_documents_survive_a_restart_of_the_service,
           &statesync_reader_starts_from_whichever_is_smaller,
           &statesync_large_snapshot_arrives_in_pieces_over_a_narrow_channel,
           &statesync_slow_subscriber_is_told_to_open_again_and_catches_up,
           &statesync_run_is_encoded_once_for_all_readers,
           &statesync_without_buffers_waits_and_goes_on,
           &statesync_long_log_is_cut_and_late_clients_get_a_snapshot)
