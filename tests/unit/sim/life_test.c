/* SPDX-License-Identifier: BSD-3-Clause */
#include <unit/harness.h>

#include "scene.h"

static bool
lose_all(struct scene *scene, const struct sim_buf *buf)
{
	(void)scene;
	(void)buf;
	return true;
}

START_TEST(life_silence_ends_both_sides_at_the_idle_time_out)
{
	struct scene scene;
	struct quantum_conn_conf conf;

	scene_plan(&scene, 1, 10 * MS);
	conf = scene.plan.server_conf;
	conf.limits.idle_timeout_ms = 8000;
	conf.keepalive_ns = 0;
	scene_conf(&scene, &conf);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));
	scene_run(&scene, S);

	scene.lose = lose_all;
	scene_run(&scene, 6500 * MS);
	ck_assert_uint_eq(scene.nb_closed[0] + scene.nb_closed[1], 0);
	scene_run(&scene, 1600 * MS);

	ck_assert_uint_eq(scene.nb_closed[0], 1);
	ck_assert_uint_eq(scene.nb_closed[1], 1);
	ck_assert_int_eq(scene.why[0], QUANTUM_CLOSE_IDLE);
	ck_assert_int_eq(scene.why[1], QUANTUM_CLOSE_IDLE);
	scene_end(&scene);
}
END_TEST

START_TEST(life_keepalive_holds_an_idle_connection)
{
	struct scene scene;
	struct quantum_conn_conf conf;

	scene_plan(&scene, 1, 10 * MS);
	conf = scene.plan.server_conf;
	conf.limits.idle_timeout_ms = 8000;
	conf.keepalive_ns = 3 * S;
	scene_conf(&scene, &conf);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));

	scene_run(&scene, 100 * S);

	ck_assert_uint_eq(scene.nb_closed[0] + scene.nb_closed[1], 0);
	ck_assert_uint_lt(scene.nb_wire[0] + scene.nb_wire[1], 200);
	scene_end(&scene);
}
END_TEST

static void
close_from(unsigned side)
{
	struct scene scene;

	scene_plan(&scene, 1, 20 * MS);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));
	scene_stream(&scene, 0, 20, 300, 5 * MS);
	scene.world->client[0].connect_ns = AEF_TIME_NEVER;

	quantum_conn_close(scene_side(&scene, 0, side)->conn, 77, "done", scene.world->now_ns);
	sim_service(scene.world, scene_side(&scene, 0, side));
	scene.world->closing = true;
	scene_run(&scene, 2 * S);

	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(scene.nb_closed[i], 1);
		ck_assert_int_eq(scene.why[i], QUANTUM_CLOSE_APP);
	}
	ck_assert_uint_eq(scene.world->nb_sessions, 0);
	ck_assert_uint_eq(scene.world->server.table.nb_used, 0);
	scene_end(&scene);
}

START_TEST(life_close_by_the_client_ends_both_sides)
{
	close_from(0);
}
END_TEST

START_TEST(life_close_by_the_server_ends_both_sides)
{
	close_from(1);
}
END_TEST

START_TEST(life_close_from_both_sides_at_once_ends_both)
{
	struct scene scene;

	scene_plan(&scene, 1, 20 * MS);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));
	scene_run(&scene, S);

	scene.world->closing = true;
	for (unsigned i = 0; i < 2; i++) {
		quantum_conn_close(scene_side(&scene, 0, i)->conn, i, NULL, scene.world->now_ns);
		sim_service(scene.world, scene_side(&scene, 0, i));
	}
	scene_run(&scene, 2 * S);

	ck_assert_uint_eq(scene.world->nb_sessions, 0);
	scene_end(&scene);
}
END_TEST

START_TEST(life_restarted_server_resets_its_client_within_a_round_trip)
{
	struct scene scene;

	scene_plan(&scene, 1, 20 * MS);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));
	scene_stream(&scene, 0, 10, 300, 5 * MS);
	scene_run(&scene, S);

	sim_server_stop(scene.world);
	sim_server_start(scene.world);
	ck_assert_int_eq(sim_send(scene.world, scene_side(&scene, 0, 0), 0, 100), 0);
	sim_service(scene.world, scene_side(&scene, 0, 0));
	scene_run(&scene, 41 * MS);

	ck_assert_uint_eq(scene.nb_closed[0], 1);
	ck_assert_int_eq(scene.why[0], QUANTUM_CLOSE_RESET);
	scene_run(&scene, S);
	ck_assert_uint_eq(scene.nb_connected[0], 2);
	scene_stream(&scene, 0, 1, 300, S);
	scene_expect_drained(&scene, 0);
	scene_end(&scene);
}
END_TEST

static bool
record_one(struct scene *scene, const struct sim_buf *buf)
{
	struct sim_buf **slot = scene->own;

	if (buf->up && *slot == NULL && buf->len > 150) {
		*slot = sim_buf_get(scene->world, buf->len);
		memcpy((*slot)->data, buf->data, buf->len);
		(*slot)->up = true;
		(*slot)->from = buf->from;
	}
	return false;
}

START_TEST(life_stale_id_of_a_slot_that_is_used_again_is_unknown)
{
	struct scene scene;
	struct sim_buf *old = NULL;

	scene_plan(&scene, 1, 10 * MS);
	scene.plan.server_conns = 1;
	scene.own = &old;
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));
	scene_run(&scene, S);
	scene.lose = record_one;
	scene_stream(&scene, 0, 1, 200, S);
	ck_assert_ptr_nonnull(old);
	quantum_conn_close(scene_side(&scene, 0, 0)->conn, 0, NULL, scene.world->now_ns);
	sim_service(scene.world, scene_side(&scene, 0, 0));
	scene_run(&scene, 5 * S);
	ck_assert_uint_eq(scene.nb_connected[1], 2); /* in the only slot there is */

	const uint64_t resets =
		quantum_server_verdicts(scene.world->server.server)[QUANTUM_VERDICT_REPLIED_RESET];

	sim_arrive(scene.world, &old, 1);

	ck_assert_uint_eq(
		quantum_server_verdicts(scene.world->server.server)[QUANTUM_VERDICT_REPLIED_RESET],
		resets + 1);
	sim_buf_put(old);
	scene_end(&scene);
}
END_TEST

TEST_SUITE(life, &life_stale_id_of_a_slot_that_is_used_again_is_unknown,
           &life_silence_ends_both_sides_at_the_idle_time_out,
           &life_keepalive_holds_an_idle_connection, &life_close_by_the_client_ends_both_sides,
           &life_close_by_the_server_ends_both_sides, &life_close_from_both_sides_at_once_ends_both,
           &life_restarted_server_resets_its_client_within_a_round_trip)
