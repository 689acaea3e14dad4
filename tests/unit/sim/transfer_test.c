/* SPDX-License-Identifier: BSD-3-Clause */
#include <unit/harness.h>

#include "scene.h"

/* ---- loss and reordering --------------------------------------------------------------------- */

static void
no_false_loss(const char *link)
{
	struct scene scene;
	struct quantum_stats s;

	scene_plan(&scene, 1, 30 * MS);
	scene_link(&scene, link);
	scene_channel(&scene, WIRE_UNORDERED, QUANTUM_FULL);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, 5 * S));

	scene_stream(&scene, 0, 20000, 400, MS);
	scene_run(&scene, 2 * S);

	s = scene_stats(&scene, 0, 0);
	printf("figure: %s, no loss: %u of %u packets taken for lost, %u bytes sent again\n", link,
	       (unsigned)s.lost_pkts, (unsigned)s.tx_pkts, (unsigned)s.tx_retransmit_bytes);
	ck_assert_uint_eq(scene.nb_msgs[1], 20000);
	ck_assert_uint_lt(s.lost_pkts, s.tx_pkts / 100);
	ck_assert_uint_lt(s.tx_retransmit_bytes, s.tx_data_bytes / 100);
	scene_end(&scene);
}

START_TEST(transfer_jitter_of_10_ms_that_reorders_is_not_taken_for_loss)
{
	no_false_loss("jitter=10ms");
}
END_TEST

START_TEST(transfer_tenth_of_packets_15_ms_late_is_not_taken_for_loss)
{
	no_false_loss("reorder=10%/15ms");
}
END_TEST

/* ---- goodput --------------------------------------------------------------------------------- */

/* Keep the queue of side 0 full of 64 KiB messages. */
static void
fill_up(struct scene *scene)
{
	struct sim_end *end = scene_side(scene, 0, 0);

	if (end != NULL && end->blocked)
		return;
	while (end != NULL && sim_send(scene->world, end, 0, 65536) == 0)
		continue;
	if (end != NULL)
		sim_service(scene->world, end);
}

/* Percent of a 100 Mbit/s link that ordered messages fill in 20 s, after 5 s. */
static unsigned
goodput(const char *link, const struct quantum_conn_conf *conf)
{
	struct scene scene;
	uint64_t before;

	scene_plan(&scene, 1, 10 * MS);
	scene_link(&scene, link);
	scene_conf(&scene, conf);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, 5 * S));
	for (unsigned i = 0; i < 1000; i++) {
		fill_up(&scene);
		scene_run(&scene, 5 * MS);
	}
	before = scene.nb_bytes[1];
	for (unsigned i = 0; i < 4000; i++) {
		fill_up(&scene);
		scene_run(&scene, 5 * MS);
	}
	const uint64_t bytes = scene.nb_bytes[1] - before;
	const struct quantum_stats s = scene_stats(&scene, 0, 0);
	const unsigned percent = (unsigned)(bytes * 100 / (12500000ull * 20));

	printf("figure: 100 Mbit/s, 20 ms, %s: goodput %u %%, %u %% sent again, srtt %u ms\n", link,
	       percent, (unsigned)(100 * s.tx_retransmit_bytes / s.tx_data_bytes),
	       (unsigned)(s.srtt_ns / MS));
	scene_end(&scene);
	return percent;
}

static struct quantum_conn_conf
bulk_conf(void)
{
	struct quantum_conn_conf conf;

	quantum_conn_conf_default(&conf);
	conf.queue_bytes_max = 4 << 20;
	conf.fec_m = 0;
	return conf;
}

START_TEST(transfer_bulk_fills_100_mbit_at_0_1_and_5_percent_loss)
{
	const struct quantum_conn_conf conf = bulk_conf();

	ck_assert_uint_ge(goodput("rate=100mbit,queue=500kb,loss=0%", &conf), 85);
	ck_assert_uint_ge(goodput("rate=100mbit,queue=500kb,loss=1%", &conf), 75);
	ck_assert_uint_ge(goodput("rate=100mbit,queue=500kb,loss=5%", &conf), 60);
}
END_TEST

START_TEST(transfer_bulk_with_adaptive_fec_is_not_much_slower)
{
	struct quantum_conn_conf conf = bulk_conf();

	conf.fec_m = 3;
	ck_assert_uint_ge(goodput("rate=100mbit,queue=500kb,loss=1%", &conf), 70);
}
END_TEST

/* ---- latency under loss ---------------------------------------------------------------------- */

/* 200-byte messages at 1,000 a second, 20 ms one way, 5 % loss: what the reference tables measure.
 */
static void
small_messages(const char *link, bool fec, uint8_t order)
{
	struct scene scene;
	struct quantum_conn_conf conf;

	scene_plan(&scene, 1, 20 * MS);
	scene_link(&scene, link);
	conf = scene.plan.server_conf;
	conf.fec_m = fec ? 3 : 0;
	scene_conf(&scene, &conf);
	scene_channel(&scene, order, QUANTUM_FULL);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, 5 * S));

	scene_stream(&scene, 0, 10000, 200, MS);
	scene_run(&scene, 2 * S);

	const struct quantum_stats s = scene_stats(&scene, 0, 0);

	printf("figure: 1,000 small messages/s, %s, FEC %s: longest silence %u ms, %u bytes sent "
	       "again, %u repair packets\n",
	       link, fec ? "on" : "off", (unsigned)(scene.gap_ns[1] / MS),
	       (unsigned)s.tx_retransmit_bytes, (unsigned)s.fec_repair_pkts);
	ck_assert_uint_eq(scene.nb_msgs[1], 10000);
	ck_assert_uint_lt(scene.gap_ns[1], 500 * MS);
	scene_expect_drained(&scene, 0);
	scene_end(&scene);
}

START_TEST(transfer_small_messages_at_5_percent_loss_never_wait_long)
{
	small_messages("loss=5%", false, WIRE_ORDERED);
	small_messages("loss=5%", true, WIRE_ORDERED);
}
END_TEST

/* ---- every kind ------------------------------------------------------------------------------ */

static void
every_kind(uint8_t order, uint8_t reliability, const char *link, bool all)
{
	struct scene scene;

	scene_plan(&scene, 1, 20 * MS);
	scene_link(&scene, link);
	scene_channel(&scene, order, reliability);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, 5 * S));

	scene_stream(&scene, 0, 2000, 300, 2 * MS);
	scene_stream(&scene, 1, 200, 5000, 5 * MS);
	scene_run(&scene, 5 * S);

	if (all) {
		ck_assert_uint_eq(scene.nb_msgs[1], 2000);
		ck_assert_uint_eq(scene.nb_msgs[0], 200);
		ck_assert_uint_eq(scene.nb_expired_reports, 0);
	} else {
		ck_assert_uint_gt(scene.nb_msgs[1], 1000);
	}
	scene_expect_drained(&scene, 0);
	scene_end(&scene);
}

START_TEST(transfer_every_order_and_reliability_without_loss_delivers_all)
{
	for (uint8_t rel = QUANTUM_FULL; rel <= QUANTUM_NONE; rel++) {
		every_kind(WIRE_ORDERED, rel, "loss=0%", true);
		every_kind(WIRE_UNORDERED, rel, "loss=0%", true);
	}
}
END_TEST

START_TEST(transfer_every_order_and_reliability_with_loss_keeps_its_promise)
{
	for (uint8_t rel = QUANTUM_FULL; rel <= QUANTUM_NONE; rel++) {
		every_kind(WIRE_ORDERED, rel, "loss=10%,jitter=5ms", false);
		every_kind(WIRE_UNORDERED, rel, "loss=10%,jitter=5ms", false);
		every_kind(WIRE_LATEST, rel, "loss=10%,jitter=5ms", false);
	}
}
END_TEST

/* ---- reaction to a queue --------------------------------------------------------------------- */

START_TEST(transfer_min_rtt_is_probed_and_probing_ends)
{
	struct scene scene;
	uint64_t in_probe_rtt = 0;

	scene_plan(&scene, 1, 10 * MS);
	scene_link(&scene, "rate=20mbit,queue=250kb");
	const struct quantum_conn_conf conf = bulk_conf();

	scene_conf(&scene, &conf);
	scene_begin(&scene);
	ck_assert(scene_connect(&scene, 5 * S));

	for (unsigned i = 0; i < 6000; i++) {
		fill_up(&scene);
		scene_run(&scene, 5 * MS);
		in_probe_rtt += strcmp(quantum_bbr_state_name(scene_stats(&scene, 0, 0).bbr_state),
		                       "PROBE_RTT") == 0;
	}

	printf("figure: PROBE_RTT in %u of 6000 samples of a bulk transfer\n",
	       (unsigned)in_probe_rtt);
	ck_assert_uint_gt(in_probe_rtt, 0);
	ck_assert_uint_lt(in_probe_rtt, 600);
	ck_assert_uint_gt(scene.nb_bytes[1], 30 * 2500000ull * 80 / 100);
	scene_end(&scene);
}
END_TEST

TEST_SUITE(transfer, &transfer_jitter_of_10_ms_that_reorders_is_not_taken_for_loss,
           &transfer_tenth_of_packets_15_ms_late_is_not_taken_for_loss,
           &transfer_bulk_fills_100_mbit_at_0_1_and_5_percent_loss,
           &transfer_bulk_with_adaptive_fec_is_not_much_slower,
           &transfer_small_messages_at_5_percent_loss_never_wait_long,
           &transfer_every_order_and_reliability_without_loss_delivers_all,
           &transfer_every_order_and_reliability_with_loss_keeps_its_promise,
           &transfer_min_rtt_is_probed_and_probing_ends)
