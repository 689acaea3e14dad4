/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

static struct pair p;

/* One payload byte copied per payload byte sent on a clean link, none on receive. */
START_TEST(conn_tx_copies_each_byte_once_and_receive_copies_nothing)
{
	struct quantum_event ev;
	uint64_t sent = 0;

	pair_init(&p, 1);
	p.conf.fec_m = 0;
	pair_establish(&p);
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, (uint16_t)(i % 5), 100 + i * 77, 0), 0);
		sent += 100 + i * 77;
		pair_run(&p, 20 * MS);
		while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
			;
	}
	ck_assert_uint_eq(p.client.conn->chans.copied_bytes, sent);
	ck_assert_uint_eq(p.server.conn->chans.copied_bytes, 0);
	ck_assert_uint_eq(p.server.conn->stats.rx_data_bytes, sent);
	pair_fini(&p);
}
END_TEST

static unsigned nb_seen;
static uint8_t all_flags;

/* What every protected datagram of ours must look like. */
static bool
check_form(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	struct wire_header hdr;
	struct wire_frame f;
	static uint32_t last[2];
	const enum wire_class clas = wire_classify(data, *len, &hdr);
	int nb;
	bool front = true;

	(void)pair;
	ck_assert(clas != WIRE_CLASS_BAD_FLAGS && clas != WIRE_CLASS_BAD_LENGTH);
	if (clas != WIRE_CLASS_PROTECTED)
		return false;
	if (nb_seen < 2)
		last[to_server] = 0;
	ck_assert(hdr.seq > last[to_server] || hdr.seq <= 1); /* a new number each time */
	last[to_server] = hdr.seq;
	nb = wire_protected_sacks(*len, hdr.payload_len); /* */
	ck_assert_int_ge(nb, 0);
	struct aef_reader r = aef_reader_make(data + WIRE_HEADER_BYTES + nb * 8, hdr.payload_len);

	while (wire_frame_decode(&r, &f) == 0) {
		const bool ack = f.type == WIRE_FRAME_ACK_INFO || f.type == WIRE_FRAME_FLOOR;

		ck_assert(front || !ack); /* */
		front = ack;
		/* FIN goes with CLOSE, FEC with a repair frame. */
		if (f.type == WIRE_FRAME_CLOSE)
			ck_assert(hdr.flags & WIRE_FLAG_FIN);
		if (f.type == WIRE_FRAME_FEC_REPAIR)
			ck_assert(hdr.flags & WIRE_FLAG_FEC);
	}
	ck_assert_ptr_eq(r.p, r.end); /* only known, whole frames */
	all_flags |= hdr.flags;
	nb_seen++;
	return (nb_seen * 2654435761u >> 16) % 9 == 0;
}

START_TEST(conn_tx_every_datagram_keeps_the_form_of_the_spec)
{
	struct quantum_event ev;
	const struct quantum_chan_conf urgent = { .expedited = true };

	pair_init(&p, 2);
	p.conf.fec_always = true;
	p.filter = check_form;
	pair_establish(&p);
	ck_assert_int_eq(quantum_conn_open(p.client.conn, 7, &urgent), 0);
	for (unsigned i = 0; i < 150; i++) {
		p.ecn_mark = i % 8 == 7 ? QUANTUM_ECN_CE : 0;
		ck_assert_int_eq(pair_send(&p, &p.client, i % 2 ? 7 : 1, 10 + i * 20, 0), 0);
		ck_assert_int_eq(pair_send(&p, &p.server, 1, 10 + i * 20, 0), 0);
		pair_run(&p, 15 * MS);
		while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
			;
		while (pair_poll(&p, &p.client, QUANTUM_EVENT_MESSAGE, &ev))
			;
	}
	quantum_conn_close(p.client.conn, 1, "bye", p.now_ns);
	pair_run(&p, AEF_NS_PER_S);
	/* The five flags of protected datagrams have all been on the wire. */
	ck_assert_uint_eq(all_flags, WIRE_FLAG_FIN | WIRE_FLAG_FEC | WIRE_FLAG_PSH | WIRE_FLAG_URG |
	                                     WIRE_FLAG_ECE);
	pair_fini(&p);
}
END_TEST

/* Not 2^30 above the highest acknowledged; at 2^62 - 1 a clean close. */
START_TEST(conn_tx_numbers_end_in_a_clean_close)
{
	uint8_t data[WIRE_MTU_BASE];
	struct quantum_tx tx = { .data = data, .cap = sizeof(data) };
	struct wire_header hdr;
	struct quantum_event ev;

	pair_init(&p, 3);
	pair_establish(&p);
	pair_run(&p, 500 * MS);
	struct quantum_conn *conn = p.client.conn;

	conn->rtx.next_pn = conn->rtx.high_end + (1ull << 30);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 10, 0), 0);
	ck_assert_int_eq(quantum_conn_tx_prepare(conn, &tx, p.now_ns), 0);
	ck_assert(quantum_conn_established(conn));
	conn->rtx.next_pn = QUANTUM_PN_LAST;
	conn->keys->tx.epoch = crypto_epoch(QUANTUM_PN_LAST);
	ck_assert_int_eq(quantum_conn_tx_prepare(conn, &tx, p.now_ns), 1);
	ck_assert_int_eq(wire_classify(tx.data, tx.len, &hdr), WIRE_CLASS_PROTECTED);
	ck_assert_uint_eq(hdr.flags & WIRE_FLAG_FIN, WIRE_FLAG_FIN);
	ck_assert_uint_eq(tx.pn, QUANTUM_PN_LAST);
	ck_assert_int_eq(quantum_conn_tx_prepare(conn, &tx, p.now_ns), 0);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_NUMBERS);
	/* Nothing more, and no timer that never ends. */
	conn->close.send_due = true;
	ck_assert_int_eq(quantum_conn_tx_prepare(conn, &tx, p.now_ns), 0);
	ck_assert_uint_gt(quantum_conn_deadline_ns(conn), p.now_ns);
	pair_fini(&p);
}
END_TEST

START_TEST(conn_tx_dropped_by_the_driver_counts_and_is_made_good)
{
	uint8_t data[WIRE_MTU_BASE];
	struct quantum_tx tx = { .data = data, .cap = sizeof(data) };
	struct quantum_event ev;

	pair_init(&p, 4);
	pair_establish(&p);
	pair_run(&p, 500 * MS);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 10, 0), 0);
	ck_assert_int_eq(quantum_conn_tx_prepare(p.client.conn, &tx, p.now_ns), 1);
	quantum_conn_tx_commit(p.client.conn, &tx, false);
	ck_assert_uint_eq(p.client.conn->stats.tx_dropped_pkts, 1);
	pair_run(&p, AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	pair_fini(&p);
}
END_TEST

/*
 * Every pool of either end with 0 to 3 objects left, for a whole life of a connection: nothing
 * crashes, nothing leaks, and what was refused is counted.
 */
START_TEST(conn_tx_empty_pools_refuse_and_leak_nothing)
{
	for (uint32_t idx = 0; idx < 13; idx++)
		for (uint32_t left = 0; left < 4; left++) {
			void *held[20000];
			uint32_t nb_held = 0, nb_refused = 0;
			struct aef_pool *pool[2];
			struct quantum_event ev;

			pair_init_sized(&p, 50 + idx, 2, 0);
			p.conf.fec_always = true;
			for (unsigned side = 0; side < 2; side++) {
				struct pair_end *end = side != 0 ? &p.server : &p.client;

				pool[side] = (struct aef_pool *)(uintptr_t)quantum_env_pool(
					end->env, idx);
			}
			struct aef_pool *const victim = pool[left & 1];

			while (aef_pool_left(victim) > left)
				held[nb_held++] = aef_pool_get(victim);
			const uint32_t in_use = victim->in_use;
			if (idx == 0 && left == 0) { /* no client at all */
				for (uint32_t i = 0; i < nb_held; i++)
					aef_pool_put(victim, held[i]);
				pair_fini(&p);
				continue;
			}
			pair_connect(&p);
			for (unsigned i = 0; i < 40; i++) {
				if (p.client.conn != NULL)
					nb_refused += pair_send(&p, &p.client, (uint16_t)(i % 3),
					                        400 + i * 90, i) != 0;
				if (p.server.conn != NULL)
					nb_refused += pair_send(&p, &p.server, (uint16_t)(i % 3),
					                        400 + i * 90, i) != 0;
				pair_run(&p, 40 * MS);
				while (p.server.conn != NULL &&
				       pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
					;
				while (pair_poll(&p, &p.client, QUANTUM_EVENT_MESSAGE, &ev))
					;
			}
			ck_assert_uint_ge(victim->in_use, in_use);
			ck_assert_msg(nb_refused == 0 || victim->failures > 0,
			              "%s with %u left: %u refused", victim->name, left,
			              nb_refused);
			for (uint32_t i = 0; i < nb_held; i++)
				aef_pool_put(victim, held[i]);
			pair_run(&p, 5 * AEF_NS_PER_S);
			pair_fini(&p);
		}
}
END_TEST

/* Everything ack-eliciting is paced and in flight; what is not is neither. */
START_TEST(conn_tx_flight_counts_ack_eliciting_packets_only)
{
	struct quantum_stats stats;

	pair_init(&p, 5);
	p.conf.pmtud = false;
	pair_establish(&p);
	pair_run(&p, 500 * MS);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 200000, 0), 0);
	for (unsigned i = 0; i < 10; i++) {
		pair_run(&p, MS);
		quantum_conn_stats(p.client.conn, &stats);
		ck_assert_uint_le(stats.in_flight_bytes, stats.cwnd_bytes + 1452);
	}
	ck_assert_uint_gt(stats.in_flight_bytes, 1200);
	ck_assert_uint_lt(stats.in_flight_bytes, 200000);
	pair_run(&p, 2 * AEF_NS_PER_S);
	quantum_conn_stats(p.client.conn, &stats);
	ck_assert_uint_eq(stats.in_flight_bytes, 0);
	quantum_conn_stats(p.server.conn, &stats);
	ck_assert_uint_eq(stats.in_flight_bytes, 0);
	ck_assert_uint_gt(stats.acks_only_pkts, 5); /* */
	pair_fini(&p);
}
END_TEST

/* An end that only acknowledges asks for an acknowledgement in time, and goes on. */
START_TEST(conn_tx_end_that_only_acknowledges_enters_the_next_key_epoch)
{
	struct quantum_conn *server;
	struct quantum_event ev;
	unsigned arrived = 0;

	pair_init(&p, 60);
	p.conf.pmtud = false;
	pair_establish(&p);
	pair_run(&p, 500 * MS);
	server = p.server.conn;
	/* As after half an epoch of acknowledgements, and close before its end. */
	server->keys->tx.acked = false;
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&server->rtx, (1u << 22) - 40), 0);
	for (unsigned i = 0; i < 600; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 20, 0), 0);
		pair_run(&p, 10 * MS);
		while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
			arrived++;
	}
	pair_run(&p, 100 * MS);
	while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
		arrived++;
	ck_assert_uint_eq(arrived, 600);
	ck_assert(quantum_conn_drained(p.client.conn));
	ck_assert_uint_eq(server->keys->tx.epoch, 1);
	ck_assert_uint_eq(p.client.conn->keys->rx.epoch, 1);
	pair_fini(&p);
}
END_TEST

static bool
drop_upward(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)pair;
	(void)data;
	(void)len;
	return to_server;
}

/* A peer that sends and never acknowledges: only what is injected comes from it. */
static void
deaf_client(uint64_t seed)
{
	pair_init(&p, seed);
	p.conf.pmtud = false;
	pair_establish(&p);
	pair_run(&p, 500 * MS);
	p.filter = drop_upward;
	p.server.conn->keys->tx.acked = false;
}

static void
ping_it(unsigned nb)
{
	static const uint8_t ping = WIRE_FRAME_PING;
	const struct pair_craft craft = { .has_ack = true };

	for (unsigned i = 0; i < nb && quantum_conn_established(p.server.conn); i++) {
		(void)pair_inject(&p, true, &craft, &ping, 1);
		pair_run(&p, 30 * MS);
	}
}

/* Nothing of an epoch acknowledged: closed with the last numbers, not stuck for ever. */
START_TEST(conn_tx_peer_that_acknowledges_nothing_of_an_epoch_is_closed)
{
	struct quantum_event ev;

	deaf_client(62);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&p.server.conn->rtx, (1u << 22) - 100), 0);
	ping_it(100);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_PROTOCOL);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert(ev.closed.by_peer);
	pair_fini(&p);
}
END_TEST

/* At the end of an epoch that waits for an ack no timer spins, and the ack opens the way. */
START_TEST(conn_tx_wait_for_the_next_key_epoch_costs_nothing_and_ends_with_an_ack)
{
	struct quantum_conn *server;
	uint64_t before;

	deaf_client(63);
	server = p.server.conn;
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&server->rtx, (1u << 22) - 3), 0);
	server->rtx.high_end = (1u << 22) - 3; /* as if the epoch had just begun */
	ping_it(20);
	ck_assert_ptr_null(
		crypto_tx_keys_get(&server->keys->tx, quantum_rtx_pn_peek(&server->rtx)));
	ck_assert_uint_gt(quantum_conn_deadline_ns(server), p.now_ns);
	before = p.nb_to_client;
	crypto_tx_keys_on_acked(&server->keys->tx, (1u << 22) - 1);
	ping_it(1);
	ck_assert_uint_gt(p.nb_to_client, before);
	ck_assert_uint_eq(server->keys->tx.epoch, 1);
	pair_fini(&p);
}
END_TEST

/* An end may leave epochs early; nothing is lost, and the key of the one left is wiped. */
START_TEST(conn_tx_short_key_epochs_follow_each_other)
{
	struct quantum_event ev;
	unsigned arrived = 0, wiped = 0;

	pair_init(&p, 61);
	p.conf.pmtud = false;
	p.conf.epoch_pkts = 20;
	p.conf.fec_always = true;
	pair_establish(&p);
	for (unsigned i = 0; i < 500; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 1000, 0), 0);
		ck_assert_int_eq(pair_send(&p, &p.server, 0, 1000, 0), 0);
		pair_run(&p, 10 * MS);
		wiped += p.client.conn->keys->tx.has_prev ? 0 : 1;
		while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
			arrived++;
		while (pair_poll(&p, &p.client, QUANTUM_EVENT_MESSAGE, &ev))
			arrived++;
	}
	pair_run(&p, 200 * MS);
	while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev) ||
	       pair_poll(&p, &p.client, QUANTUM_EVENT_MESSAGE, &ev))
		arrived++;
	ck_assert_uint_eq(arrived, 1000);
	ck_assert_uint_gt(p.client.conn->keys->tx.epoch, 15);
	ck_assert_uint_gt(p.server.conn->keys->tx.epoch, 15);
	ck_assert_uint_gt(wiped, 100);
	ck_assert_uint_eq(p.server.conn->stats.verdicts[QUANTUM_VERDICT_BAD_TAG], 0);
	ck_assert_uint_eq(p.server.conn->stats.verdicts[QUANTUM_VERDICT_NO_KEY], 0);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(conn_tx, &conn_tx_copies_each_byte_once_and_receive_copies_nothing,
           &conn_tx_every_datagram_keeps_the_form_of_the_spec,
           &conn_tx_numbers_end_in_a_clean_close,
           &conn_tx_dropped_by_the_driver_counts_and_is_made_good,
           &conn_tx_empty_pools_refuse_and_leak_nothing,
           &conn_tx_flight_counts_ack_eliciting_packets_only,
           &conn_tx_end_that_only_acknowledges_enters_the_next_key_epoch,
           &conn_tx_short_key_epochs_follow_each_other,
           &conn_tx_peer_that_acknowledges_nothing_of_an_epoch_is_closed,
           &conn_tx_wait_for_the_next_key_epoch_costs_nothing_and_ends_with_an_ack)
