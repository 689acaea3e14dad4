/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

static struct pair p;
static const uint8_t ping[] = { WIRE_FRAME_PING };

static void
start(uint64_t seed)
{
	pair_init(&p, seed);
	p.conf.pmtud = false;
	p.conf.fec_m = 0;
	pair_establish(&p);
	pair_run(&p, 500 * MS);
}

static unsigned
acks_for(unsigned nb_packets, uint64_t spacing_ns)
{
	const uint64_t before = p.nb_to_client;

	for (unsigned i = 0; i < nb_packets; i++) {
		ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1),
		                 QUANTUM_VERDICT_ACCEPTED);
		pair_run(&p, spacing_ns);
	}
	return (unsigned)(p.nb_to_client - before);
}

/* Every 2 of the first 100, every 10 later; no later than min(SRTT / 4, 25 ms). */
START_TEST(ack_every_second_at_first_then_every_tenth)
{
	start(1);
	const unsigned first = acks_for(80, 10 * AEF_NS_PER_US);

	ck_assert_uint_ge(first, 38);
	ck_assert_uint_le(first, 44);
	(void)acks_for(40, 10 * AEF_NS_PER_US);
	const unsigned later = acks_for(200, 10 * AEF_NS_PER_US);

	ck_assert_uint_ge(later, 20);
	ck_assert_uint_le(later, 26);
	ck_assert_uint_eq(acks_for(1, 26 * MS), 1);
	pair_fini(&p);
}
END_TEST

/* A gap, a CE mark, and PSH are answered at once; PSH 8 times per SRTT. */
START_TEST(ack_at_once_on_gap_mark_and_push)
{
	uint64_t before;

	start(2);
	(void)acks_for(130, AEF_NS_PER_US); /* past the first 100 */
	pair_run(&p, 100 * MS);
	before = p.nb_to_client;
	ck_assert_int_eq(
		pair_inject(&p, true, &(struct pair_craft){ .ecn = QUANTUM_ECN_CE }, ping, 1),
		QUANTUM_VERDICT_ACCEPTED);
	pair_run(&p, 0);
	ck_assert_uint_eq(p.nb_to_client, before + 1);
	quantum_rtx_on_sent_untracked(&p.client.conn->rtx, 0, 1u << 20);
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1),
	                 QUANTUM_VERDICT_ACCEPTED);
	pair_run(&p, 0);
	ck_assert_uint_eq(p.nb_to_client, before + 2);
	pair_run(&p, 200 * MS);
	before = p.nb_to_client;
	for (unsigned i = 0; i < 30; i++) {
		ck_assert_int_eq(pair_inject(&p, true,
		                             &(struct pair_craft){ .flags = WIRE_FLAG_PSH }, ping,
		                             1),
		                 QUANTUM_VERDICT_ACCEPTED);
		pair_run(&p, 0);
	}
	ck_assert_uint_le(p.nb_to_client - before, 8 + 30 / 10 + 1);
	ck_assert_uint_ge(p.nb_to_client - before, 8);
	pair_fini(&p);
}
END_TEST

/* ack is the lowest hole; the range with the latest arrival stands first. */
START_TEST(ack_names_the_lowest_hole_and_the_latest_range_first)
{
	struct pair_craft craft = { 0 };
	uint64_t base;
	struct conn_ack_out out;

	start(3);
	base = quantum_rtx_pn_peek(&p.client.conn->rtx);
	for (unsigned i = 0; i < 10; i++)
		quantum_rtx_on_sent_untracked(&p.client.conn->rtx, 0, 1u << 20);
	craft.pn = base + 5;
	ck_assert_int_eq(pair_inject(&p, true, &craft, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	craft.pn = base + 9;
	ck_assert_int_eq(pair_inject(&p, true, &craft, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	craft.pn = base + 2;
	ck_assert_int_eq(pair_inject(&p, true, &craft, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	conn_ack_build(p.server.conn, &out, p.now_ns);
	ck_assert_uint_eq(out.ack.ack, base);
	ck_assert_uint_eq(out.ack.nb_blocks, 3);
	ck_assert_uint_eq(out.ack.blocks[0].first, base + 2);
	ck_assert_uint_eq(out.ack.blocks[1].first, base + 9);
	ck_assert_uint_eq(out.ack.blocks[2].first, base + 5);
	/* A FLOOR of the peer ends the waiting. */
	uint8_t frame[10];
	struct aef_writer w = aef_writer_make(frame, sizeof(frame));

	wire_floor_encode(&w, base + 9);
	ck_assert_int_eq(
		pair_inject(&p, true, &(struct pair_craft){ 0 }, frame, (size_t)(w.p - frame)),
		QUANTUM_VERDICT_ACCEPTED);
	conn_ack_build(p.server.conn, &out, p.now_ns);
	ck_assert_uint_ge(out.ack.ack, base + 10);
	/* A late packet below the floor is still accepted. */
	craft.pn = base + 1;
	ck_assert_int_eq(pair_inject(&p, true, &craft, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	pair_fini(&p);
}
END_TEST

/* More than 8 ranges: the rest goes into ACK_INFO, and the sender takes them all. */
START_TEST(ack_of_many_holes_uses_ack_info)
{
	struct pair_craft craft = { 0 };
	struct conn_ack_out out;
	uint64_t base;
	uint8_t buf[512];
	struct aef_writer w = aef_writer_make(buf, sizeof(buf));
	struct aef_reader r;
	struct wire_frame f;

	start(4);
	base = quantum_rtx_pn_peek(&p.client.conn->rtx);
	for (unsigned i = 0; i < 60; i++)
		quantum_rtx_on_sent_untracked(&p.client.conn->rtx, 0, 1u << 20);
	for (unsigned i = 1; i < 40; i += 2) {
		craft.pn = base + i;
		ck_assert_int_eq(pair_inject(&p, true, &craft, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	}
	p.now_ns += MS;
	conn_ack_build(p.server.conn, &out, p.now_ns);
	ck_assert(out.ack.need_info);
	conn_ack_write(&out, &w);
	r = aef_reader_make(buf, (size_t)(w.p - buf));
	ck_assert_int_eq(wire_frame_decode(&r, &f), 0);
	ck_assert_uint_eq(f.type, WIRE_FRAME_ACK_INFO);
	ck_assert_uint_eq(f.ack_info.nb_ranges, 12);
	/* More than 100 us after the arrival of the highest: the delay is told. */
	ck_assert(f.ack_info.has_delay);
	ck_assert_uint_eq(f.ack_info.delay_us, 1000);
	pair_run(&p, 300 * MS);
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);
}
END_TEST

static unsigned nb_dropped;

static bool
drop_two(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)pair;
	(void)data;
	if (!to_server || *len < 600 || nb_dropped >= 2)
		return false;
	nb_dropped++;
	return true;
}

/* FLOOR passes what was declared lost, in every packet until the peer's ack is there. */
START_TEST(ack_floor_frees_the_peer_from_waiting)
{
	struct quantum_event ev;

	start(5);
	p.filter = drop_two;
	nb_dropped = 0;
	for (unsigned i = 0; i < 60; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 700, 0), 0);
		pair_run(&p, 10 * MS);
		while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
			;
	}
	ck_assert_uint_eq(p.client.conn->stats.lost_pkts, 2);
	ck_assert_uint_eq(p.server.conn->acktr.ack, p.server.conn->acktr.end);
	ck_assert_uint_gt(p.server.conn->acktr.floor, 0);
	ck_assert_uint_eq(p.server.conn->acktr.rcvd.nb_ranges, 0);
	pair_fini(&p);
}
END_TEST

/* Reordering beyond the window is taken for loss; the late ack undoes the cut. */
START_TEST(ack_of_a_packet_declared_lost_counts_as_spurious)
{
	uint8_t held[WIRE_MTU_BASE];
	uint32_t held_len;

	start(6);
	for (unsigned i = 0; i < 5; i++)
		(void)acks_for(1, 30 * MS);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 700, 0), 0);
	nb_dropped = 1;
	p.filter = drop_two;
	pair_run(&p, 0);
	held_len = p.tap[PAIR_TO_SERVER][WIRE_CLASS_PROTECTED].len;
	memcpy(held, p.tap[PAIR_TO_SERVER][WIRE_CLASS_PROTECTED].data, held_len);
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
		pair_run(&p, 8 * MS);
	}
	ck_assert_uint_eq(p.client.conn->stats.lost_pkts, 1);
	ck_assert_int_eq(pair_hand(&p, true, held, held_len), QUANTUM_VERDICT_ACCEPTED);
	pair_run(&p, 100 * MS);
	ck_assert_uint_eq(p.client.conn->stats.spurious_pkts, 1);
	ck_assert(p.client.conn->rtx.reordering_seen);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(ack, &ack_every_second_at_first_then_every_tenth, &ack_at_once_on_gap_mark_and_push,
           &ack_names_the_lowest_hole_and_the_latest_range_first, &ack_of_many_holes_uses_ack_info,
           &ack_floor_frees_the_peer_from_waiting,
           &ack_of_a_packet_declared_lost_counts_as_spurious)
