/* SPDX-License-Identifier: BSD-3-Clause */
#include <unit/harness.h>

#include <wire/handshake.h>

#include "scene.h"

#define TOKEN_LIFE (30 * S)

static void
with_patience(struct scene *scene, uint64_t handshake_ns)
{
	struct quantum_conn_conf conf = scene->plan.server_conf;

	conf.handshake_ns = handshake_ns;
	scene_conf(scene, &conf);
}

START_TEST(handshake_at_30_percent_loss_connects_within_the_token_life_in_200_seeds)
{
	uint64_t worst = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct scene scene;

		scene_plan(&scene, 1, 15 * MS);
		scene.plan.opts.seed = seed;
		scene_link(&scene, "loss=30%,rate=10mbit,queue=25pkt");
		with_patience(&scene, TOKEN_LIFE);
		scene_begin(&scene);

		ck_assert_msg(scene_connect(&scene, TOKEN_LIFE), "seed %u did not connect",
		              (unsigned)seed);

		worst = aef_max_u64(worst, scene.connected_ns - S);
		ck_assert_uint_eq(scene.world->totals.sessions, 1);
		scene_end(&scene);
	}
	printf("figure: handshake at 30 %% loss both ways, 200 seeds: slowest %u ms\n",
	       (unsigned)(worst / MS));
}
END_TEST

static bool
lose_first_from_server(struct scene *scene, const struct sim_buf *buf)
{
	/* 1 is SYN+ACK. */
	return !buf->up && scene->nb_wire[1] == 2;
}

START_TEST(handshake_first_server_packet_lost_still_connects)
{
	struct scene scene;

	scene_plan(&scene, 1, 20 * MS);
	scene.lose = lose_first_from_server;
	scene_begin(&scene);

	ck_assert(scene_connect(&scene, S));
	scene_stream(&scene, 1, 1, 500, S);

	ck_assert_uint_eq(scene.nb_msgs[0], 1);
	scene_expect_drained(&scene, 0);
	scene_end(&scene);
}
END_TEST

/* The first SYN+ACK takes longer than the SYN is patient, and the keys change between the two. */
START_TEST(handshake_two_syn_acks_of_different_key_epochs_connect_once)
{
	const uint8_t random[64] = { 9 };
	struct scene scene;

	scene_plan(&scene, 1, 90 * MS);
	scene_begin(&scene);
	scene_run(&scene, 150 * MS);
	ck_assert_int_eq(
		quantum_server_keys_rotate(&scene.world->server.keys, scene.world->crypto, random),
		0);

	ck_assert(scene_connect(&scene, S));
	scene_run(&scene, S);
	scene_stream(&scene, 0, 10, 100, 10 * MS);
	scene_run(&scene, S);

	ck_assert_uint_ge(
		quantum_server_verdicts(scene.world->server.server)[QUANTUM_VERDICT_REPLIED_SYN],
		2);
	ck_assert_uint_eq(scene.nb_connected[0], 1);
	ck_assert_uint_eq(scene.nb_msgs[1], 10);
	scene_expect_drained(&scene, 0);
	scene_end(&scene);
}
END_TEST

START_TEST(handshake_full_server_says_busy_and_takes_the_client_later)
{
	struct scene scene;

	scene_plan(&scene, 2, 10 * MS);
	scene.plan.server_conns = 1;
	scene_begin(&scene);
	scene_run(&scene, S);
	ck_assert_uint_ge(scene.nb_busy, 1);
	ck_assert_int_eq(scene.why[0], QUANTUM_CLOSE_REFUSED);
	ck_assert_uint_eq(scene.nb_connected[1], 1);
	const uint32_t lucky = scene_side(&scene, 0, 1) != NULL ? 0 : 1;

	quantum_conn_close(scene_side(&scene, lucky, 0)->conn, 0, NULL, scene.world->now_ns);
	sim_service(scene.world, scene_side(&scene, lucky, 0));
	scene.world->client[lucky].connect_ns = AEF_TIME_NEVER;
	scene_run(&scene, 5 * S);

	ck_assert_ptr_nonnull(scene_side(&scene, 1 - lucky, 0));
	ck_assert(quantum_conn_established(scene_side(&scene, 1 - lucky, 0)->conn));
	scene_end(&scene);
}
END_TEST

static bool
lose_all(struct scene *scene, const struct sim_buf *buf)
{
	(void)scene;
	(void)buf;
	return true;
}

START_TEST(handshake_without_an_answer_is_given_up_in_time)
{
	struct scene scene;

	scene_plan(&scene, 1, 10 * MS);
	with_patience(&scene, 2 * S);
	scene.lose = lose_all;
	scene_begin(&scene);

	scene_run(&scene, 1900 * MS);
	scene.world->closing = true;
	ck_assert_uint_eq(scene.nb_closed[0], 0);
	scene_run(&scene, 200 * MS);

	ck_assert_uint_eq(scene.nb_closed[0], 1);
	ck_assert_int_eq(scene.why[0], QUANTUM_CLOSE_HANDSHAKE);
	/* 0, 100, 300, 700, 1100, 1500, 1900 ms */
	ck_assert_uint_eq(scene.nb_wire[0], 7);
	scene_end(&scene);
}
END_TEST

static struct sim_buf *
datagram_to_client(struct scene *scene, uint32_t len)
{
	struct sim_buf *buf = sim_buf_get(scene->world, len);

	memset(buf->data, 0, len);
	buf->from = scene->world->server.addr;
	return buf;
}

START_TEST(handshake_version_reply_without_our_version_is_a_hint)
{
	struct scene scene;
	struct sim_buf *buf;
	uint32_t len;

	scene_plan(&scene, 1, 50 * MS);
	scene_begin(&scene);
	scene_run(&scene, 10 * MS);
	buf = datagram_to_client(&scene, 256);
	len = (uint32_t)wire_version_reply_encode(buf->data, &scene.world->client[0].ses->cid);

	/* One that lists our version is no news. */
	buf->len = len;
	sim_arrive(scene.world, &buf, 1);
	ck_assert_uint_eq(scene.nb_closed[0], 0);
	for (uint32_t i = WIRE_HEADER_BYTES; i < len; i++)
		buf->data[i] = 99;
	sim_arrive(scene.world, &buf, 1);

	/* It may be forged: the SYN+ACK that is under way still opens the connection. */
	ck_assert_uint_eq(scene.nb_closed[0], 0);
	ck_assert(scene_connect(&scene, S));
	sim_buf_put(buf);
	scene_end(&scene);
}
END_TEST

START_TEST(handshake_unknown_version_is_answered_only_when_long_enough)
{
	struct scene scene;
	struct sim_buf *buf;

	scene_plan(&scene, 1, 10 * MS);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));
	buf = datagram_to_client(&scene, 1200);
	buf->up = true;
	memcpy(buf->data, "QUNT", 4);
	buf->data[4] = 77;
	const uint64_t before = scene.nb_wire[1];

	buf->len = WIRE_VERSION_FLOOR - 1;
	sim_arrive(scene.world, &buf, 1);
	ck_assert_uint_eq(scene.nb_wire[1], before);
	buf->len = WIRE_VERSION_FLOOR;
	sim_arrive(scene.world, &buf, 1);

	ck_assert_uint_eq(scene.nb_wire[1], before + 1);
	sim_buf_put(buf);
	scene_end(&scene);
}
END_TEST

TEST_SUITE(handshake, &handshake_at_30_percent_loss_connects_within_the_token_life_in_200_seeds,
           &handshake_first_server_packet_lost_still_connects,
           &handshake_two_syn_acks_of_different_key_epochs_connect_once,
           &handshake_full_server_says_busy_and_takes_the_client_later,
           &handshake_without_an_answer_is_given_up_in_time,
           &handshake_version_reply_without_our_version_is_a_hint,
           &handshake_unknown_version_is_answered_only_when_long_enough)
