/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

static struct pair p;
static const struct pair_craft repair_craft = { .flags = WIRE_FLAG_FEC };
static uint64_t dropped_bytes;
static unsigned drop_every, nb_large; /* or each so-manyth */
static int drop_nth;                  /* of the data packets from the client */
static uint8_t dropped[WIRE_MTU_BASE];
static uint32_t dropped_len;

static bool
drop_one(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)pair;
	if (!to_server || *len < 300 || (data[5] & WIRE_FLAG_FEC) != 0)
		return false;
	if (drop_every != 0 && ++nb_large % drop_every == 0) {
		dropped_bytes += *len;
		return true;
	}
	if (drop_nth < 0)
		return false;
	if (drop_nth-- != 0)
		return false;
	memcpy(dropped, data, *len);
	dropped_len = *len;
	return true;
}

static void
start(uint64_t seed, uint8_t k, uint8_t m)
{
	pair_init(&p, seed);
	p.conf.pmtud = false;
	p.conf.fec_always = true;
	p.conf.fec_k = k;
	p.conf.fec_m = m;
	p.delay_ns = 40 * MS;
	pair_establish(&p);
	pair_run(&p, 500 * MS);
	drop_nth = -1;
	p.filter = drop_one;
}

static unsigned
delivered(void)
{
	struct quantum_event ev;
	unsigned nb = 0;

	while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
		nb++;
	return nb;
}

/* Any one of a block, of every size, comes back without a retransmission. */
START_TEST(fec_block_lost_packet_is_delivered_without_retransmission)
{
	unsigned nb_total = 0;

	for (uint8_t k = 1; k <= 8; k++) /* more would wait for the pacer */
		for (int lost = 0; lost < k; lost++) {
			start(1, k, k == 2 ? 2 : 1);
			drop_nth = lost;
			for (unsigned i = 0; i < k; i++) {
				ck_assert_int_eq(pair_send(&p, &p.client, 0, 400 + i * 10, 0), 0);
				pair_run(&p, 100 * AEF_NS_PER_US);
			}
			/* One way and the flush: no time for an answer. */
			pair_run(&p, 79 * MS);
			ck_assert_uint_eq(delivered(), k);
			/* The queue may have packed several messages into fewer packets. */
			const unsigned nb = drop_nth < 0;

			nb_total += nb;
			ck_assert_uint_eq(p.server.conn->stats.fec_recovered_pkts, nb);
			pair_run(&p, AEF_NS_PER_S);
			/* It counts as lost, once; its data was not sent again. */
			ck_assert_uint_eq(p.client.conn->stats.lost_pkts, nb);
			ck_assert_uint_eq(p.client.conn->rtx.nb_recovered_total, nb);
			ck_assert_uint_eq(p.client.conn->chans.copied_bytes,
			                  p.client.conn->chans.flow_tx.charged);
			ck_assert(quantum_conn_drained(p.client.conn));
			pair_fini(&p);
		}
	ck_assert_uint_ge(nb_total, 25);
}
END_TEST

/* The recovered number stays a hole, its replay bit is not set, each ack lists it. */
START_TEST(fec_block_recovered_number_stays_a_hole_and_is_listed)
{
	struct conn_ack_out out;

	start(2, 3, 1);
	drop_nth = 1;
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 1000, 0), 0);
	pair_run(&p, 60 * MS);
	const uint64_t pn = p.server.conn->acktr.ack;

	ck_assert_uint_eq(p.server.conn->stats.fec_recovered_pkts, 1);
	ck_assert_uint_lt(pn, p.server.conn->acktr.end);
	ck_assert_int_eq(crypto_replay_check(&p.server.conn->replay, pn), 0);
	for (unsigned i = 0; i < 3; i++) {
		conn_ack_build(p.server.conn, &out, p.now_ns);
		ck_assert_uint_eq(out.ack.ack, pn);
		ck_assert(out.ack.need_info);
		ck_assert_uint_eq(out.ack.nb_recovered, 1);
		ck_assert_uint_eq(out.ack.recovered[0], pn);
		p.now_ns += MS;
	}
	pair_run(&p, AEF_NS_PER_S); /* until the floor has passed it */
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
	pair_run(&p, AEF_NS_PER_S);
	conn_ack_build(p.server.conn, &out, p.now_ns);
	ck_assert_uint_eq(out.ack.nb_recovered, 0);
	ck_assert_uint_gt(out.ack.ack, pn);
	pair_fini(&p);
}
END_TEST

/* Lost bytes that congestion control heard of, in percent of those that were lost. */
static uint64_t
loss_seen_by_bbr(bool with_fec)
{
	start(3, 10, with_fec ? 3 : 0);
	drop_every = 10;
	dropped_bytes = 0;
	for (unsigned i = 0; i < 200; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 1000, 0), 0);
		pair_run(&p, 2 * MS);
	}
	drop_every = 0;
	pair_run(&p, 2 * AEF_NS_PER_S);
	ck_assert_uint_eq(delivered(), 200);
	const uint64_t lost = p.client.conn->rate.lost_bytes * 100 / dropped_bytes;

	ck_assert_uint_gt(dropped_bytes, 10000);

	pair_fini(&p);
	return lost;
}

/* RFC 9265: what repair makes good is still a loss to congestion control. Planted bug 4. */
START_TEST(fec_block_repair_hides_no_loss_from_congestion_control)
{
	ck_assert_uint_ge(loss_seen_by_bbr(false), 95);
	ck_assert_uint_ge(loss_seen_by_bbr(true), 95);
}
END_TEST

/* A late original fills the hole, changes nothing else, and undoes the cut. */
START_TEST(fec_block_late_original_undoes_the_loss)
{
	start(4, 3, 1);
	drop_nth = 0;
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 1000, 0), 0);
	pair_run(&p, 62 * MS);
	ck_assert_uint_eq(delivered(), 3);
	for (unsigned i = 0; i < 8; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
		pair_run(&p, 10 * MS);
	}
	ck_assert_uint_eq(p.client.conn->stats.lost_pkts, 1);
	const unsigned before = delivered();

	ck_assert_uint_ge(before, 1);
	ck_assert_int_eq(pair_hand(&p, true, dropped, dropped_len), QUANTUM_VERDICT_ACCEPTED);
	pair_run(&p, 300 * MS);
	ck_assert_uint_eq(before + delivered(), 8);
	ck_assert_uint_eq(p.client.conn->stats.spurious_pkts, 1);
	ck_assert_uint_eq(p.server.conn->acktr.ack, p.server.conn->acktr.end);
	pair_fini(&p);
}
END_TEST

static size_t
repair_frame(uint8_t *ret, uint16_t block, uint8_t k, uint8_t m, uint8_t idx, uint16_t symbol_len)
{
	struct aef_writer w = aef_writer_make(ret, 512);
	struct wire_frame_fec_repair rep = { .block = block, .k = k, .m = m, .idx = idx };

	for (unsigned i = 0; i < k; i++)
		rep.pn[i] = 5000 + i;
	wire_fec_repair_encode(&w, &rep);
	memset(w.p, 0x5a, symbol_len);
	return (size_t)(w.p - ret) + symbol_len;
}

/* Symbols of a block that differ in k, m or length close the connection. */
START_TEST(fec_block_contradicting_symbols_close)
{
	static const struct {
		uint8_t k, m;
		uint16_t len;
	} cases[] = { { 4, 2, 100 }, { 3, 3, 100 }, { 3, 2, 101 } };
	uint8_t frame[512];
	struct quantum_event ev;

	for (unsigned i = 0; i < AEF_DIM(cases); i++) {
		start(5, 10, 3);
		ck_assert_int_eq(pair_inject(&p, true, &repair_craft, frame,
		                             repair_frame(frame, 9, 3, 2, 0, 100)),
		                 QUANTUM_VERDICT_ACCEPTED);
		ck_assert_int_eq(pair_inject(&p, true, &repair_craft, frame,
		                             repair_frame(frame, 9, cases[i].k, cases[i].m, 1,
		                                          cases[i].len)),
		                 QUANTUM_VERDICT_PROTOCOL);
		ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
		ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_PROTOCOL);
		pair_fini(&p);
	}
}
END_TEST

static size_t
source_frame(uint8_t *ret, uint16_t block, uint8_t idx)
{
	struct aef_writer w = aef_writer_make(ret, 512);

	wire_fec_source_encode(&w, block, idx);
	aef_write_u8(&w, WIRE_FRAME_PING);
	return (size_t)(w.p - ret);
}

/* A repair symbol that decodes to nonsense: a lie of the peer, the end of the connection. */
START_TEST(fec_block_symbol_that_decodes_to_nonsense_closes)
{
	uint8_t frame[512];
	struct quantum_event ev;

	start(6, 10, 3);
	for (uint8_t i = 0; i < 2; i++)
		ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, frame,
		                             source_frame(frame, 9, i)),
		                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(
		pair_inject(&p, true, &repair_craft, frame, repair_frame(frame, 9, 3, 1, 0, 40)),
		QUANTUM_VERDICT_PROTOCOL);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	pair_fini(&p);
}
END_TEST

/* Four blocks at most are held; what is far behind is ignored; copies are harmless. */
START_TEST(fec_block_held_blocks_are_bounded)
{
	uint8_t frame[512];
	int64_t highest = 0;

	start(7, 10, 3);
	for (unsigned block = 0; block < 300; block++)
		for (uint8_t idx = 0; idx < 3; idx++) {
			ck_assert_int_eq(
				pair_inject(&p, true, &(struct pair_craft){ 0 }, frame,
			                    source_frame(frame, (uint16_t)(65400 + block), idx)),
				QUANTUM_VERDICT_ACCEPTED);
			ck_assert_int_eq(
				pair_inject(&p, true, &(struct pair_craft){ 0 }, frame,
			                    source_frame(frame, (uint16_t)(65400 + block), idx)),
				QUANTUM_VERDICT_ACCEPTED);
			if (p.server.refs > highest)
				highest = p.server.refs;
		}
	ck_assert_int_le(highest, 4 * 3);
	const int64_t refs = p.server.refs;

	/* 9 behind the newest, and one that a newer block has replaced. */
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, frame,
	                             source_frame(frame, (uint16_t)(65400 + 290), 7)),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, frame,
	                             source_frame(frame, (uint16_t)(65400 + 294), 7)),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(p.server.refs, refs);
	/* The same symbol twice; and one that shows a block to be whole. */
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(
			pair_inject(&p, true, &repair_craft, frame,
		                    repair_frame(frame, (uint16_t)(65400 + 299), 6, 2, 0, 40)),
			QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(pair_inject(&p, true, &repair_craft, frame,
	                             repair_frame(frame, (uint16_t)(65400 + 298), 3, 2, 0, 40)),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_lt(p.server.refs, refs + 1);
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, frame,
	                             source_frame(frame, (uint16_t)(65400 + 298), 5)),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert(quantum_conn_established(p.server.conn));
	pair_fini(&p);
}
END_TEST

/* Of a recovered payload only DATA and EXPIRED count: a CLOSE in it does nothing. */
START_TEST(fec_block_recovered_control_frames_are_not_obeyed)
{
	uint8_t payload[64], frame[512];
	struct aef_writer w = aef_writer_make(payload, sizeof(payload));
	struct aef_writer f = aef_writer_make(frame, sizeof(frame));
	const struct wire_frame_fec_repair rep = { .block = 40, .k = 1, .m = 1, .pn = { 9000 } };
	const uint8_t data[] = { 0x20, 0, 0, 5, 0, 31, 62, 93, 124 };
	size_t len;

	start(8, 10, 3);
	wire_close_encode(&w, 16, "no", 2);
	aef_write_bytes(&w, data, sizeof(data));
	len = (size_t)(w.p - payload);
	wire_fec_repair_encode(&f, &rep);
	aef_write_be16(&f, (uint16_t)len);
	aef_write_bytes(&f, payload, len);
	ck_assert_int_eq(pair_inject(&p, true, &repair_craft, frame, (size_t)(f.p - frame)),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert_uint_eq(p.server.conn->stats.fec_recovered_pkts, 1);
	ck_assert(quantum_conn_established(p.server.conn));
	ck_assert_uint_eq(delivered(), 1);
	pair_fini(&p);
}
END_TEST

static uint32_t loss_pct;

static bool
drop_share(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	static uint32_t n;

	(void)pair;
	(void)data;
	(void)len;
	return to_server && (++n * 2654435761u >> 7) % 100 < loss_pct;
}

static uint8_t
level_after(uint64_t delay_ns, uint32_t loss)
{
	struct quantum_stats stats;

	pair_init(&p, 9);
	p.conf.pmtud = false;
	p.delay_ns = delay_ns;
	pair_establish(&p);
	loss_pct = loss;
	p.filter = drop_share;
	for (unsigned i = 0; i < 1500; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 300, 0), 0);
		pair_run(&p, 4 * MS);
		(void)delivered();
	}
	quantum_conn_stats(p.client.conn, &stats);
	pair_run(&p, 5 * AEF_NS_PER_S);
	(void)delivered();
	ck_assert(quantum_conn_drained(p.client.conn));
	pair_fini(&p);
	return stats.fec_m;
}

/* Off without loss and on a short path; more with more random loss. */
START_TEST(fec_block_level_follows_random_loss)
{
	ck_assert_uint_eq(level_after(30 * MS, 0), 0);
	ck_assert_uint_eq(level_after(2 * MS, 8), 0);
	ck_assert_uint_ge(level_after(30 * MS, 3), 1);
	ck_assert_uint_ge(level_after(30 * MS, 12), 2);
}
END_TEST

/* A block closes min(SRTT / 4, 5 ms) after its first source; repair is never resent. */
START_TEST(fec_block_closes_after_its_flush_time)
{
	uint64_t before;

	start(10, 10, 1);
	before = p.nb_to_server;
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 200, 0), 0);
	pair_run(&p, 4900 * AEF_NS_PER_US);
	ck_assert_uint_eq(p.nb_to_server, before + 1);
	pair_run(&p, 200 * AEF_NS_PER_US);
	ck_assert_uint_eq(p.nb_to_server, before + 2);
	ck_assert_uint_eq(p.client.conn->stats.fec_repair_pkts, 1);
	pair_run(&p, 5 * AEF_NS_PER_S);
	ck_assert_uint_eq(p.client.conn->stats.fec_repair_pkts, 1);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(fec_block, &fec_block_lost_packet_is_delivered_without_retransmission,
           &fec_block_recovered_number_stays_a_hole_and_is_listed,
           &fec_block_repair_hides_no_loss_from_congestion_control,
           &fec_block_late_original_undoes_the_loss, &fec_block_contradicting_symbols_close,
           &fec_block_symbol_that_decodes_to_nonsense_closes, &fec_block_held_blocks_are_bounded,
           &fec_block_recovered_control_frames_are_not_obeyed, &fec_block_level_follows_random_loss,
           &fec_block_closes_after_its_flush_time)
