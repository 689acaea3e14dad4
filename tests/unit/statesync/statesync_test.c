/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients and service together: convergence, restart. */
#include "world.h"

#define DOC 5

static uint64_t
seed_of_run(uint64_t otherwise)
{
	const char *env = getenv("AEF_SEED");

	return env != NULL ? strtoull(env, NULL, 0) : otherwise;
}

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

	world_join(world, nb, (uint32_t)aef_rng_range(&world->rng, 0, 80));
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

START_TEST(statesync_two_writers_see_each_others_words)
{
	struct world *world = world_create(1, NULL);
	char *text;

	world_join(world, 2, 10);
	world_type(world, 0, 0, "hello");
	world_type(world, 1, 0, "world");
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

START_TEST(statesync_random_editors_converge_through_cuts_and_restarts)
{
	const uint64_t seed = seed_of_run(1);

	printf("statesync seeds %llu..%llu\n", (unsigned long long)seed,
	       (unsigned long long)seed + 59);
	for (uint64_t i = 0; i < 60; i++)
		random_run(seed + i);
}
END_TEST

START_TEST(statesync_documents_survive_a_restart_of_the_service)
{
	struct world *world = world_create(4, NULL);
	char *text;

	world_join(world, 2, 4);
	for (uint32_t i = 0; i < 300; i++)
		world_type(world, i & 1, 0, "x");
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

TEST_SUITE(statesync, &statesync_two_writers_see_each_others_words,
           &statesync_random_editors_converge_through_cuts_and_restarts,
           &statesync_documents_survive_a_restart_of_the_service)
