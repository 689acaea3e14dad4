/* SPDX-License-Identifier: BSD-3-Clause */
#include "harness.h"
#include "pair.h"

START_TEST(conn_handshake_establishes_both_ends_in_three_packets)
{
	struct pair p;

	pair_init(&p, 1);
	pair_establish(&p);

	ck_assert(quantum_conn_established(p.client.conn));
	ck_assert(quantum_conn_established(p.server.conn));
	pair_fini(&p);
}
END_TEST

START_TEST(conn_message_arrives_whole_and_is_reported_as_sent)
{
	struct pair p;
	struct quantum_event ev;

	pair_init(&p, 2);
	pair_establish(&p);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 5, 0), 0);
	ck_assert_int_eq(pair_send(&p, &p.server, 0, 300000, 0), 0);
	pair_run(&p, 2 * AEF_NS_PER_S);

	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert_uint_eq(ev.msg.len, 5);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert_uint_eq(ev.msg.len, 300000);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_SENT, &ev));
	ck_assert(!ev.sent.expired);
	ck_assert(quantum_conn_drained(p.client.conn));
	ck_assert(quantum_conn_drained(p.server.conn));
	pair_fini(&p);
}
END_TEST

static bool
drop_some(struct pair *p, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)data;
	(void)len;
	return (p->nb_to_server + p->nb_to_client * 7 + to_server) % 5 == 0;
}

START_TEST(conn_every_fifth_packet_lost_still_delivers_everything_once)
{
	struct pair p;
	struct quantum_event ev;
	unsigned nb = 0;

	pair_init(&p, 3);
	pair_establish(&p);
	p.filter = drop_some;
	for (unsigned i = 0; i < 200; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 1, 1000 + i, 0), 0);
		pair_run(&p, 5 * AEF_NS_PER_MS);
	}
	pair_run(&p, 5 * AEF_NS_PER_S);

	while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev)) {
		ck_assert_uint_eq(ev.msg.message, nb);
		ck_assert_uint_eq(ev.msg.len, 1000 + nb);
		nb++;
	}
	ck_assert_uint_eq(nb, 200);
	ck_assert(quantum_conn_drained(p.client.conn));
	pair_fini(&p);
}
END_TEST

START_TEST(conn_close_reaches_the_peer_with_its_code)
{
	struct pair p;
	struct quantum_event ev;

	pair_init(&p, 4);
	pair_establish(&p);
	quantum_conn_close(p.client.conn, 4711, "done", p.now_ns);
	pair_run(&p, 2 * AEF_NS_PER_S);

	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_APP);
	ck_assert(ev.closed.by_peer);
	ck_assert_uint_eq(ev.closed.code, 4711);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert(quantum_conn_finished(p.client.conn));
	ck_assert(quantum_conn_finished(p.server.conn));
	pair_fini(&p);
}
END_TEST

START_TEST(conn_silence_ends_in_idle_time_out)
{
	struct pair p;
	struct quantum_event ev;

	pair_init(&p, 5);
	p.conf.limits.idle_timeout_ms = 5000;
	p.conf.keepalive_ns = 0;
	pair_establish(&p);
	pair_run(&p, 6 * AEF_NS_PER_S);

	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_IDLE);
	pair_fini(&p);
}
END_TEST

START_TEST(conn_keepalive_of_the_client_prevents_the_idle_time_out)
{
	struct pair p;

	pair_init(&p, 6);
	p.conf.limits.idle_timeout_ms = 60000;
	pair_establish(&p);
	pair_run(&p, 300 * AEF_NS_PER_S);

	ck_assert(quantum_conn_established(p.client.conn));
	ck_assert(quantum_conn_established(p.server.conn));
	ck_assert_uint_lt(p.nb_to_server, 60);
	pair_fini(&p);
}
END_TEST

START_TEST(conn_rebound_port_is_validated_before_data_follows)
{
	struct pair p;
	struct quantum_event ev;

	pair_init(&p, 7);
	pair_establish(&p);
	p.client_addr.port = 1001;
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
	pair_run(&p, AEF_NS_PER_S);

	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_PATH, &ev));
	ck_assert_uint_eq(ev.path.port, 1001);
	ck_assert_uint_eq(quantum_conn_peer(p.server.conn)->port, 1001);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(conn, &conn_handshake_establishes_both_ends_in_three_packets,
           &conn_message_arrives_whole_and_is_reported_as_sent,
           &conn_every_fifth_packet_lost_still_delivers_everything_once,
           &conn_close_reaches_the_peer_with_its_code, &conn_silence_ends_in_idle_time_out,
           &conn_keepalive_of_the_client_prevents_the_idle_time_out,
           &conn_rebound_port_is_validated_before_data_follows)
