/* SPDX-License-Identifier: BSD-3-Clause */
#include <unit/harness.h>

#include <base/bytes.h>
#include <wire/frame.h>
#include <wire/header.h>

#include "scene.h"

#define ONE_WAY (40 * MS)
#define BLOCKS  65536u

/* What arrived of each repair block at the server, read from the wire (texts are in clear). */
struct groups {
	struct {
		uint8_t nb; /* symbols that will arrive */
		uint8_t k;
		uint64_t at_ns[16];
	} block[BLOCKS];
	struct aef_rng rng;
	uint32_t loss_ppm;
	bool burst;
	uint64_t nb_recovered, nb_late, worst_ns;
	uint64_t pn_lost[1 << 16];
};

static void
note(struct groups *g, uint16_t block, uint8_t k, uint64_t at_ns)
{
	if (g->block[block].nb < 16)
		g->block[block].at_ns[g->block[block].nb++] = at_ns;
	if (k > 0)
		g->block[block].k = k;
}

static void
read_symbols(struct scene *scene, const struct sim_buf *buf, bool lost)
{
	struct groups *g = scene->own;
	struct wire_header hdr;
	struct aef_reader r;
	struct wire_frame f;
	int nb;

	if (wire_classify(buf->data, buf->len, &hdr) != WIRE_CLASS_PROTECTED)
		return;
	nb = wire_protected_sacks(buf->len, hdr.payload_len);
	r = aef_reader_make(buf->data + WIRE_HEADER_BYTES + (size_t)nb * WIRE_SACK_BYTES,
	                    hdr.payload_len);
	while (wire_frame_decode(&r, &f) == 0) {
		if (lost)
			continue;
		if (f.type == WIRE_FRAME_FEC_SOURCE)
			note(g, f.fec_source.block, 0, scene->world->now_ns + ONE_WAY);
		if (f.type == WIRE_FRAME_FEC_REPAIR)
			note(g, f.fec_repair.block, f.fec_repair.k, scene->world->now_ns + ONE_WAY);
	}
}

static bool
lose_some(struct scene *scene, const struct sim_buf *buf)
{
	struct groups *g = scene->own;
	bool lost;

	if (!buf->up || !buf->has_pn)
		return false;
	lost = aef_rng_chance_ppm(&g->rng, g->loss_ppm);
	read_symbols(scene, buf, lost);
	return lost;
}

/* The moment when the k-th symbol of the block was there. */
static void
on_recovered(struct scene *scene, const struct quantum_conn *conn, enum quantum_trace what,
             uint64_t a, uint64_t b)
{
	struct groups *g = scene->own;
	const uint16_t id = (uint16_t)b;

	(void)conn;
	(void)a;
	if (what != QUANTUM_TRACE_FEC_RECOVERED || g->block[id].k == 0)
		return;
	g->nb_recovered++;
	ck_assert_uint_ge(g->block[id].nb, g->block[id].k);
	const uint64_t needed = g->block[id].at_ns[g->block[id].k - 1];
	const uint64_t late = aef_sub_sat_u64(scene->world->now_ns, needed);

	g->worst_ns = aef_max_u64(g->worst_ns, late);
	g->nb_late += late > 10 * MS;
}

static struct groups groups;

static void
fec_scene(struct scene *scene, uint32_t loss_ppm, bool always)
{
	struct quantum_conn_conf conf;

	memset(&groups, 0, sizeof(groups));
	aef_rng_init(&groups.rng, 5);
	groups.loss_ppm = loss_ppm;
	scene_plan(scene, 1, ONE_WAY);
	conf = scene->plan.server_conf;
	conf.fec_k = 10;
	conf.fec_m = 3;
	conf.fec_always = always;
	scene_conf(scene, &conf);
	scene_channel(scene, WIRE_UNORDERED, QUANTUM_FULL);
	scene->own = &groups;
	scene->lose = lose_some;
	scene->trace = on_recovered;
	scene_begin(scene);
	ck_assert(scene_connect(scene, 10 * S));
}

START_TEST(fec_repaired_packet_is_delivered_within_10_ms_of_its_last_needed_symbol)
{
	struct scene scene;

	fec_scene(&scene, 50000, true);
	scene_stream(&scene, 0, 5000, 900, 2 * MS);
	scene_run(&scene, 2 * S);
	const struct quantum_stats s = scene_stats(&scene, 0, 0);

	printf("figure: FEC (10,3) at 5 %% loss: %u repaired, latest %u us after the last needed "
	       "symbol, %u of %u bytes sent again\n",
	       (unsigned)groups.nb_recovered, (unsigned)(groups.worst_ns / 1000),
	       (unsigned)s.tx_retransmit_bytes, (unsigned)s.tx_data_bytes);
	ck_assert_uint_gt(groups.nb_recovered, 100);
	ck_assert_uint_eq(groups.nb_late, 0);
	ck_assert_uint_eq(scene.nb_msgs[1], 5000);
	ck_assert_uint_lt(s.tx_retransmit_bytes, s.tx_data_bytes / 100);
	scene_expect_drained(&scene, 0);
	scene_end(&scene);
}
END_TEST

START_TEST(fec_repaired_packets_still_count_as_lost_for_congestion_control)
{
	struct scene scene;

	fec_scene(&scene, 50000, true);
	scene_stream(&scene, 0, 5000, 900, 2 * MS);
	scene_run(&scene, 2 * S);
	const struct quantum_stats s = scene_stats(&scene, 0, 0);

	/* About 250 data packets were lost, nearly all repaired, and each was declared lost. */
	ck_assert_uint_gt(s.fec_peer_recovered_pkts, 150);
	ck_assert_uint_ge(s.lost_pkts, s.fec_peer_recovered_pkts);
	scene_end(&scene);
}
END_TEST

/* Packets that a short queue dropped, per mille, while one side sends all it can for 20 s. */
static unsigned
dropped_by_queue(bool with_fec)
{
	struct scene scene;
	struct quantum_conn_conf conf;

	scene_plan(&scene, 1, 20 * MS);
	scene_link(&scene, "rate=20mbit,queue=12kb");
	conf = scene.plan.server_conf;
	conf.fec_m = with_fec ? 3 : 0;
	conf.fec_always = with_fec;
	conf.queue_bytes_max = 1 << 20;
	scene_conf(&scene, &conf);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, S));
	for (unsigned i = 0; i < 4000; i++) {
		struct sim_end *end = scene_side(&scene, 0, 0);

		while (sim_send(scene.world, end, 0, 16384) == 0)
			continue;
		sim_service(scene.world, end);
		scene_run(&scene, 5 * MS);
	}
	const struct link_stats *link = &scene.world->client[0].link[0].stats;
	const unsigned dropped =
		(unsigned)(link->verdicts[LINK_DROP_QUEUE] * 1000 / (link->sent + 1));

	scene_end(&scene);
	return dropped;
}

START_TEST(fec_does_not_make_a_sender_deaf_to_a_full_queue)
{
	const unsigned plain = dropped_by_queue(false);
	const unsigned with_fec = dropped_by_queue(true);

	printf("figure: bulk into a short queue drops %u per mille, with FEC %u\n", plain,
	       with_fec);
	ck_assert_uint_le(with_fec, plain + 20);
}
END_TEST

START_TEST(fec_adapts_to_loss_and_is_off_without_it)
{
	struct scene scene;

	fec_scene(&scene, 0, false);
	scene_stream(&scene, 0, 2000, 300, 5 * MS);
	ck_assert_uint_eq(scene_stats(&scene, 0, 0).fec_repair_pkts, 0);

	groups.loss_ppm = 50000;
	scene_stream(&scene, 0, 4000, 300, 5 * MS);
	const struct quantum_stats lossy = scene_stats(&scene, 0, 0);

	ck_assert_uint_gt(lossy.fec_repair_pkts, 100);
	ck_assert_uint_ge(lossy.fec_m, 1);
	ck_assert_uint_gt(groups.nb_recovered, 50);
	groups.loss_ppm = 0;
	scene_stream(&scene, 0, 6000, 300, 5 * MS);
	ck_assert_uint_eq(scene_stats(&scene, 0, 0).fec_m, 0);
	scene_run(&scene, 2 * S);
	scene_expect_drained(&scene, 0);
	scene_end(&scene);
}
END_TEST

TEST_SUITE(fec, &fec_repaired_packet_is_delivered_within_10_ms_of_its_last_needed_symbol,
           &fec_repaired_packets_still_count_as_lost_for_congestion_control,
           &fec_does_not_make_a_sender_deaf_to_a_full_queue,
           &fec_adapts_to_loss_and_is_off_without_it)
