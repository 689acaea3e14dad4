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

/* What the runs met, so that nobody believes in runs that met nothing. */
struct met {
	uint64_t ops, resent, resyncs, resumes, held, transforms_max;
};

/* Lose and restore things at random; connections come back by themselves. */
static void
disturb(struct world *world, uint32_t nb, uint32_t who, bool cuts, bool restarts)
{
	struct aef_rng *rng = &world->rng;

	if (cuts && aef_rng_chance_ppm(rng, 20000) && world->peers[who].connected)
		world_cut(world, who);
	if (restarts && aef_rng_chance_ppm(rng, 5000))
		world_restart_service(world);
	for (uint32_t i = 0; i < nb; i++) {
		if (!world->peers[i].connected && aef_rng_chance_ppm(rng, 50000))
			world_connect(world, i);
	}
	if (aef_rng_chance_ppm(rng, 10000))
		docclient_hold(world->peers[who].dc, true, world->now_ns);
	if (aef_rng_chance_ppm(rng, 20000))
		docclient_hold(world->peers[who].dc, false, world->now_ns);
	if (aef_rng_chance_ppm(rng, 5000))
		world->bufs_max = world->bufs;
	if (aef_rng_chance_ppm(rng, 50000))
		world->bufs_max = UINT32_MAX;
}

static void
heal(struct world *world, uint32_t nb)
{
	world->bufs_max = UINT32_MAX;
	for (uint32_t i = 0; i < nb; i++) {
		docclient_hold(world->peers[i].dc, false, world->now_ns);
		if (!world->peers[i].connected)
			world_connect(world, i);
	}
	world_settle(world);
}

/* All equal, and every operation exactly once. */
static void
judge(struct world *world, uint32_t nb, struct met *met)
{
	const struct aef_guuid id = world_id(DOC);
	struct statesync_doc_info info;
	uint64_t made = 0;

	world_assert_in_sync(world, DOC, nb);
	for (uint32_t i = 0; i < nb; i++) {
		const struct docclient_stats *stats = docclient_stats(world->peers[i].dc);

		made += stats->ops_made;
		ck_assert_uint_eq(stats->ops_acked, stats->ops_made);
		ck_assert_uint_eq(stats->ops_lost, 0);
		met->resent += stats->ops_resent;
		met->resyncs += stats->resyncs;
		met->held += stats->held_ops;
	}
	ck_assert_int_eq(statesync_doc(world->svc, &id, &info), 0);
	ck_assert_uint_eq(info.version, made);
	met->ops += made;
	met->resumes += statesync_stats(world->svc)->resumes;
	met->transforms_max =
		aef_max_u64(met->transforms_max, statesync_stats(world->svc)->transforms_max);
}

/* A run of random edits with cuts, restarts, narrow channels and held operations. */
static void
random_run(uint64_t seed, struct met *met)
{
	const struct statesync_conf conf = {
		.linger_ns = (seed % 3) * 200 * AEF_NS_PER_MS, /* 0: the default */
		.slow_bytes_max = seed % 4 == 1 ? 300 : 0,
		.ring_ops_max = seed % 5 == 2 ? 512 : 0,
	};
	struct world *world = world_create(seed, &conf);
	const uint32_t nb = (uint32_t)aef_rng_range(&world->rng, 2, 8);
	const bool cuts = aef_rng_chance_ppm(&world->rng, 700000);
	const bool narrow = aef_rng_chance_ppm(&world->rng, 300000);
	const bool restarts = aef_rng_chance_ppm(&world->rng, 200000);

	world_join(world, nb, (uint32_t)aef_rng_range(&world->rng, 0, 80));
	for (uint32_t i = 0; i < nb && narrow; i++)
		world->peers[i].credit = 600;
	for (uint32_t step = 0; step < 400; step++) {
		const uint32_t who = (uint32_t)aef_rng_below(&world->rng, nb);

		(void)world_random_edit(world, who); /* refused while it starts over */
		disturb(world, nb, who, cuts, restarts);
		world_ticks(world, (uint32_t)aef_rng_below(&world->rng, 6));
	}
	heal(world, nb);
	judge(world, nb, met);
	world_destroy(world);
}

START_TEST(statesync_random_editors_converge_through_cuts_and_restarts)
{
	const uint64_t seed = seed_of_run(1);
	struct met met = { 0 };

	for (uint64_t i = 0; i < 60; i++)
		random_run(seed + i, &met);
	printf("statesync seeds %llu..%llu: %llu operations, %llu resent, %llu resyncs, "
	       "%llu bridges resumed, %llu held, at most %llu transforms\n",
	       (unsigned long long)seed, (unsigned long long)seed + 59, (unsigned long long)met.ops,
	       (unsigned long long)met.resent, (unsigned long long)met.resyncs,
	       (unsigned long long)met.resumes, (unsigned long long)met.held,
	       (unsigned long long)met.transforms_max);
	ck_assert_uint_gt(met.resent, 0);
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

/* Start a service with this configuration and budget; what init() says. */
static int
start(struct world *world, const struct statesync_conf *conf, uint64_t budget)
{
	struct aef_alloc alloc = test_alloc(budget);
	struct service_env env = world->env;
	const struct service_now now = { 1, 1 };
	void *svc = NULL;
	int r;

	env.alloc = &alloc;
	env.conf = conf;
	r = statesync_service.init(&env, &now, &svc);
	if (r == 0)
		statesync_service.fini(svc);
	ck_assert_uint_eq(alloc.used_bytes, 0);
	return r;
}

START_TEST(statesync_wrong_configuration_is_refused_and_leaves_nothing)
{
	struct world *world = world_create(20, NULL);
	struct statesync_conf conf = world->conf;

	ck_assert_int_eq(start(world, NULL, 1u << 30), AEF_ERR_CONFIG);
	ck_assert_int_eq(start(world, &conf, 1u << 30), 0);
	for (uint64_t budget = 0; budget < 4000000; budget += 250000)
		ck_assert_int_eq(start(world, &conf, budget), AEF_ERR_NOMEM);
	conf.ring_ops_max = 1000; /* not a power of two */
	ck_assert_int_eq(start(world, &conf, 1u << 30), AEF_ERR_CONFIG);
	conf = world->conf;
	conf.op_bytes_max = DOCMSG_OP_MAX + 1;
	ck_assert_int_eq(start(world, &conf, 1u << 30), AEF_ERR_CONFIG);
	conf = world->conf;
	conf.codec = NULL;
	ck_assert_int_eq(start(world, &conf, 1u << 30), AEF_ERR_CONFIG);
	world_destroy(world);
}
END_TEST

START_TEST(statesync_lists_the_documents_it_holds)
{
	struct world *world = world_create(21, NULL);
	struct aef_guuid ids[8];
	struct statesync_doc_info info;

	for (uint64_t doc = 1; doc <= 5; doc++)
		world_open(world, (uint32_t)doc, doc, 77, true);

	ck_assert_uint_eq(statesync_docs(world->svc, ids, 8), 5);
	ck_assert_uint_eq(statesync_docs(world->svc, ids, 3), 3);
	ck_assert_int_eq(statesync_doc(world->svc, &ids[0], &info), 0);
	ck_assert_uint_eq(info.replicas, 1);
	world_destroy(world);
}
END_TEST

START_TEST(statesync_connection_without_memory_is_closed_and_ignored)
{
	struct world *world = world_create(22, NULL);

	world->service_alloc.budget_bytes = world->service_alloc.used_bytes;
	world_open(world, 0, DOC, 77, true);

	ck_assert_uint_eq(world->peers[0].closed, 1);
	ck_assert_uint_eq(world->peers[0].nb_events, 0);
	world_destroy(world);
}
END_TEST

TEST_SUITE(statesync, &statesync_two_writers_see_each_others_words,
           &statesync_random_editors_converge_through_cuts_and_restarts,
           &statesync_documents_survive_a_restart_of_the_service,
           &statesync_wrong_configuration_is_refused_and_leaves_nothing,
           &statesync_lists_the_documents_it_holds,
           &statesync_connection_without_memory_is_closed_and_ignored)
