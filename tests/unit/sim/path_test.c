/* SPDX-License-Identifier: BSD-3-Clause */
#include <unit/harness.h>

#include "scene.h"

#define ONE_WAY (20 * MS)

enum move { MOVE_PORT, MOVE_IP, MOVE_SAID };

/* Both sides send all the time; the client's address changes every 1.5 s, as often as allowed. */
static void
keeps_flowing(enum move move, const char *link)
{
	struct scene scene;

	scene_plan(&scene, 1, ONE_WAY);
	scene_link(&scene, link);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, 5 * S));
	scene_stream(&scene, 0, 100, 200, 10 * MS);
	for (unsigned i = 0; i < 5; i++) {
		scene.world->client[0].addr.port++;
		if (move != MOVE_PORT)
			scene.world->client[0].addr.ip[15]++;
		if (move == MOVE_SAID)
			ck_assert_int_eq(quantum_conn_migrate(scene_side(&scene, 0, 0)->conn,
			                                      scene.world->now_ns),
			                 0);
		for (unsigned k = 0; k < 75; k++) {
			scene_stream(&scene, 0, 1, 200, 10 * MS);
			scene_stream(&scene, 1, 1, 200, 10 * MS);
		}
	}
	scene_run(&scene, 5 * S);

	ck_assert_uint_eq(scene.nb_path, 5);
	ck_assert(quantum_addr_eq(quantum_conn_peer(scene_side(&scene, 0, 1)->conn),
	                          &scene.world->client[0].addr));
	ck_assert_uint_eq(scene.nb_msgs[1], 475);
	ck_assert_uint_eq(scene.nb_msgs[0], 375);
	ck_assert_uint_eq(scene.nb_closed[0] + scene.nb_closed[1], 0);
	scene_expect_drained(&scene, 0);
	printf("figure: %s with %s: longest silence at the client %u ms, at the server %u ms\n",
	       move == MOVE_PORT ? "port change"
	       : move == MOVE_IP ? "address change"
	                         : "announced change",
	       link, (unsigned)(scene.gap_ns[0] / MS), (unsigned)(scene.gap_ns[1] / MS));
	scene_end(&scene);
}

START_TEST(path_port_change_loses_no_message)
{
	keeps_flowing(MOVE_PORT, "loss=0");
	keeps_flowing(MOVE_PORT, "loss=5%");
}
END_TEST

START_TEST(path_address_change_loses_no_message)
{
	keeps_flowing(MOVE_IP, "loss=0");
	keeps_flowing(MOVE_IP, "loss=5%");
}
END_TEST

START_TEST(path_announced_change_loses_no_message)
{
	keeps_flowing(MOVE_SAID, "loss=0");
	keeps_flowing(MOVE_SAID, "loss=5%");
}
END_TEST

static bool
record_one(struct scene *scene, const struct sim_buf *buf)
{
	struct sim_buf **slot = scene->own;

	if (buf->up && *slot == NULL && buf->len > 150) {
		*slot = sim_buf_get(scene->world, buf->len);
		const uint32_t refs = (*slot)->refs;

		memcpy(*slot, buf, sizeof(*buf) + buf->len);
		(*slot)->refs = refs;
	}
	return false;
}

START_TEST(path_datagram_copied_from_elsewhere_moves_nothing)
{
	struct scene scene;
	struct sim_buf *copy = NULL;

	scene_plan(&scene, 1, ONE_WAY);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));
	scene_run(&scene, S);
	scene.own = &copy;
	scene.lose = record_one;
	scene_stream(&scene, 0, 20, 200, 10 * MS);
	ck_assert_ptr_nonnull(copy);

	copy->from.port = 666;
	for (unsigned i = 0; i < 50; i++)
		sim_arrive(scene.world, &copy, 1);
	scene_run(&scene, S);

	ck_assert_uint_eq(scene.nb_path, 0);
	ck_assert(quantum_addr_eq(quantum_conn_peer(scene_side(&scene, 0, 1)->conn),
	                          &scene.world->client[0].addr));
	sim_buf_put(copy);
	scene_end(&scene);
}
END_TEST

START_TEST(path_that_swallows_large_datagrams_midway_is_survived)
{
	struct scene scene;
	struct quantum_conn_conf conf;

	scene_plan(&scene, 1, ONE_WAY);
	conf = scene.plan.server_conf;
	conf.pmtud = true;
	conf.mtu_max_bytes = 4052;
	scene_conf(&scene, &conf);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));
	scene_stream(&scene, 0, 200, 3000, 10 * MS);
	ck_assert_uint_eq(scene_stats(&scene, 0, 0).mtu_bytes, 4052);

	for (unsigned dir = 0; dir < 2; dir++) {
		struct link_conf link = scene.world->client[0].link[dir].conf;

		link.mtu_bytes = 1300;
		ck_assert_int_eq(link_set_conf(&scene.world->client[0].link[dir], &link), 0);
	}
	scene_stream(&scene, 0, 200, 3000, 10 * MS);
	scene_run(&scene, 5 * S);

	ck_assert_uint_eq(scene_stats(&scene, 0, 0).mtu_bytes, WIRE_MTU_BASE);
	ck_assert_uint_eq(scene.nb_msgs[1], 400);
	ck_assert_uint_lt(scene.gap_ns[1], S);
	scene_expect_drained(&scene, 0);
	scene_end(&scene);
}
END_TEST

TEST_SUITE(path, &path_port_change_loses_no_message, &path_address_change_loses_no_message,
           &path_announced_change_loses_no_message,
           &path_datagram_copied_from_elsewhere_moves_nothing,
           &path_that_swallows_large_datagrams_midway_is_survived)
