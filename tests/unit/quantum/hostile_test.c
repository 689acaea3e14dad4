/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer with valid keys that grows what it can, and ends that must not spin, pin or starve. */
#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

static void
drain(struct pair *p, struct pair_end *end)
{
	struct quantum_event ev;

	while (pair_poll(p, end, QUANTUM_EVENT_MESSAGE, &ev))
		;
}

/* Inject packets of DATA frames made by `next` until the server refuses one. */
static void
flood(struct pair *p, bool (*next)(struct wire_frame_data *d, uint32_t i), uint32_t max)
{
	const struct pair_craft craft = { 0 };
	uint8_t payload[1400];
	enum quantum_verdict verdict = QUANTUM_VERDICT_ACCEPTED;

	for (uint32_t i = 0; i < max && verdict == QUANTUM_VERDICT_ACCEPTED;) {
		struct aef_writer w = aef_writer_make(payload, 1390);

		while (aef_writer_left(&w) > 24 && i < max) {
			struct wire_frame_data d = { .order = WIRE_UNORDERED };

			if (!next(&d, i++))
				continue;
			wire_data_header_encode(&w, &d, false);
			for (uint32_t b = 0; b < d.len; b++)
				aef_write_u8(&w, 1);
		}
		verdict = pair_inject(p, true, &craft, payload, (size_t)(w.p - payload));
	}
}

static bool
empty_message_on_a_new_channel(struct wire_frame_data *d, uint32_t i)
{
	d->channel = (uint16_t)i;
	return true;
}

START_TEST(hostile_peer_cannot_take_all_channels_of_the_lcore)
{
	struct pair p;

	pair_init_sized(&p, 1, 8, 16);
	pair_establish(&p);
	flood(&p, empty_message_on_a_new_channel, 65535);

	ck_assert_uint_ge(aef_pool_left(&p.server.env->chans), p.server.env->chans.nb_objs / 3);
	pair_fini(&p);
}
END_TEST

static bool
half_of_another_message(struct wire_frame_data *d, uint32_t i)
{
	d->channel = (uint16_t)(i / 4000);
	d->message = 1 + i % 4000;
	d->fragment = true;
	d->total = 2;
	d->len = 1;
	return true;
}

START_TEST(hostile_peer_cannot_take_all_messages_of_the_lcore)
{
	struct pair p;

	pair_init_sized(&p, 1, 8, 16);
	pair_establish(&p);
	flood(&p, half_of_another_message, 200000);

	ck_assert_uint_ge(aef_pool_left(&p.server.env->msgs_in), p.server.env->msgs_in.nb_objs / 2);
	pair_fini(&p);
}
END_TEST

static bool
every_other_byte(struct wire_frame_data *d, uint32_t i)
{
	d->fragment = true;
	d->total = 1u << 20;
	d->offset = 1 + 2 * i;
	d->len = 1;
	return true;
}

START_TEST(hostile_crumbs_of_one_message_are_bounded)
{
	struct pair p;

	pair_init_sized(&p, 1, 8, 16);
	pair_establish(&p);
	flood(&p, every_other_byte, 60000);

	/* One per 256 bytes of the message, and a thousand. */
	ck_assert_uint_le(p.server.env->segs.in_use, (1u << 20) / 256 + 1024 + 1);
	pair_fini(&p);
}
END_TEST

START_TEST(hostile_limits_of_nothing_do_not_repeat_connected)
{
	const struct pair_craft craft = { 0 };
	const struct wire_limits none = { 0 };
	struct quantum_event ev;
	struct pair p;

	pair_init(&p, 1);
	pair_establish(&p);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t payload[64];
		struct aef_writer w = aef_writer_make(payload, sizeof(payload));

		wire_limits_encode(&w, &none);
		(void)pair_inject(&p, true, &craft, payload, (size_t)(w.p - payload));
	}

	ck_assert(!pair_poll(&p, &p.server, QUANTUM_EVENT_CONNECTED, &ev));
	pair_fini(&p);
}
END_TEST

/* A driver whose buffers are smaller than the next probe ends the search. */
START_TEST(hostile_small_driver_buffers_end_the_mtu_search_without_spinning)
{
	struct pair p;
	struct quantum_conn *conn;
	uint8_t data[WIRE_MTU_BASE];
	unsigned wakeups = 0;

	pair_init(&p, 1);
	p.conf.pmtud = false;
	pair_establish(&p);
	conn = p.client.conn;
	conn->conf.pmtud = true;
	conn->now_ns = p.now_ns;
	pmtu_init(conn);
	for (uint64_t now = p.now_ns; now < p.now_ns + 10 * AEF_NS_PER_S; wakeups++) {
		struct quantum_tx tx = { .data = data, .cap = sizeof(data) };

		ck_assert_uint_lt(wakeups, 1000);
		while (quantum_conn_tx_prepare(conn, &tx, now) == 1)
			;
		now = aef_max_u64(now, quantum_conn_deadline_ns(conn));
		quantum_conn_on_deadline(conn, now);
	}
	pair_fini(&p);
}
END_TEST

/* */
START_TEST(hostile_burst_of_losses_is_no_black_hole_when_a_later_full_packet_arrived)
{
	struct quantum_sent rec = { .bytes = 1452 };
	struct pair p;
	struct quantum_conn *conn;

	pair_init(&p, 1);
	pair_establish(&p);
	conn = p.client.conn;
	conn->pmtu.mtu = 1452;
	rec.pn = 100;
	pmtu_on_acked(conn, &rec, p.now_ns);
	for (rec.pn = 80; rec.pn < 99; rec.pn++)
		pmtu_on_lost(conn, &rec, p.now_ns);
	ck_assert_uint_eq(conn->pmtu.mtu, 1452);

	for (rec.pn = 101; rec.pn < 105; rec.pn++)
		pmtu_on_lost(conn, &rec, p.now_ns);
	ck_assert_uint_eq(conn->pmtu.mtu, WIRE_MTU_BASE);
	pair_fini(&p);
}
END_TEST

static bool
drop_repairs(struct pair *p, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)p;
	(void)len;
	return to_server && (data[5] & WIRE_FLAG_FEC) != 0;
}

/* */
START_TEST(hostile_silence_gives_repair_blocks_and_their_buffers_back)
{
	struct pair p;

	pair_init(&p, 1);
	p.conf.fec_always = true;
	p.conf.pmtud = false;
	pair_establish(&p);
	p.filter = drop_repairs;
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 1000, 0), 0);
		pair_run(&p, 300 * AEF_NS_PER_US);
	}
	pair_run(&p, 3 * AEF_NS_PER_S);
	drain(&p, &p.server);

	ck_assert_int_eq(p.server.refs, 0);
	ck_assert_uint_eq(p.server.env->fec_rx.in_use, 0);
	ck_assert_uint_eq(p.client.env->fec_tx.in_use, 0);
	pair_fini(&p);
}
END_TEST

static bool
one_way(struct pair *p, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)data;
	(void)len;
	if (to_server && p->filter_ctx == NULL)
		p->filter_ctx = p;
	return !to_server;
}

START_TEST(hostile_window_of_the_old_path_does_not_delay_the_first_packet_of_the_new_one)
{
	struct pair p;

	pair_init(&p, 1);
	p.conf.pmtud = false;
	pair_establish(&p);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 20000, 0), 0);
		pair_run(&p, 10 * AEF_NS_PER_MS);
		drain(&p, &p.server);
	}
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 60000, 0), 0);
	pair_run(&p, 2 * AEF_NS_PER_MS);
	p.filter = one_way;
	ck_assert_int_eq(quantum_conn_migrate(p.client.conn, p.now_ns), 0);
	p.client_addr.ip[0] = 9;
	pair_run(&p, 2 * AEF_NS_PER_MS);

	ck_assert_ptr_nonnull(p.filter_ctx);
	pair_fini(&p);
}
END_TEST

/* Challenges are answered a few times in a round trip, the last one surely, and leave no
 * record behind that an ack would have to free. */
START_TEST(hostile_flood_of_challenges_is_answered_a_few_times)
{
	const struct pair_craft craft = { 0 };
	struct pair p;
	uint8_t frame[9] = { WIRE_FRAME_PATH_CHALLENGE };
	uint64_t before;

	pair_init(&p, 9);
	p.conf.pmtud = false;
	pair_establish(&p);
	pair_run(&p, AEF_NS_PER_S);
	before = p.nb_to_client;
	for (unsigned i = 0; i < 1000; i++) {
		aef_store_be64(frame + 1, i);
		ck_assert_int_eq(pair_inject(&p, true, &craft, frame, sizeof(frame)),
		                 QUANTUM_VERDICT_ACCEPTED);
		pair_run(&p, 10 * AEF_NS_PER_US); /* 10 ms in all, half a round trip */
	}
	ck_assert_uint_ge(p.nb_to_client - before, 8);
	ck_assert_uint_le(p.nb_to_client - before, 200); /* with acknowledgements */
	ck_assert_uint_eq(p.server.conn->path.answers, 8);
	ck_assert(p.server.conn->path.response_due);
	ck_assert_uint_eq(p.server.conn->rtx.nb_sent, 0);
	pair_run(&p, 50 * AEF_NS_PER_MS);
	ck_assert(!p.server.conn->path.response_due);
	ck_assert_uint_eq(p.server.conn->path.answers, 1);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(hostile, &hostile_peer_cannot_take_all_channels_of_the_lcore,
           &hostile_peer_cannot_take_all_messages_of_the_lcore,
           &hostile_crumbs_of_one_message_are_bounded,
           &hostile_limits_of_nothing_do_not_repeat_connected,
           &hostile_small_driver_buffers_end_the_mtu_search_without_spinning,
           &hostile_burst_of_losses_is_no_black_hole_when_a_later_full_packet_arrived,
           &hostile_silence_gives_repair_blocks_and_their_buffers_back,
           &hostile_window_of_the_old_path_does_not_delay_the_first_packet_of_the_new_one,
           &hostile_flood_of_challenges_is_answered_a_few_times)
