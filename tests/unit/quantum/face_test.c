/* SPDX-License-Identifier: BSD-3-Clause */
/* What a driver sees of a connection beside datagrams: looks, pointers, statistics, refusals. */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

START_TEST(face_event_is_announced_exactly_when_poll_has_one)
{
	struct quantum_event ev;
	struct pair p;

	pair_init(&p, 50);
	pair_connect(&p);
	ck_assert(!quantum_conn_has_event(p.client.conn));
	pair_run(&p, 200 * MS);
	for (unsigned i = 0; i < 3; i++) /* CONNECTED, then a message, then a result */
		for (unsigned e = 0; e < 2; e++) {
			struct pair_end *end = e != 0 ? &p.server : &p.client;

			if (i > 0) {
				ck_assert_int_eq(pair_send(&p, end, 0, 10, 0), 0);
				pair_run(&p, 200 * MS);
			}
			while (quantum_conn_has_event(p.client.conn))
				ck_assert_int_ne(
					pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev), 1);
			ck_assert_int_eq(quantum_conn_poll(p.client.conn, &ev), AEF_ERR_AGAIN);
			while (quantum_conn_has_event(p.server.conn))
				(void)pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev);
			ck_assert_int_eq(quantum_conn_poll(p.server.conn, &ev), AEF_ERR_AGAIN);
		}
	pair_fini(&p);
}
END_TEST

START_TEST(face_each_end_names_the_id_that_packets_to_it_carry)
{
	struct wire_header hdr;
	struct pair p;
	int user;

	pair_init(&p, 51);
	pair_establish(&p);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 10, 0), 0);
	pair_run(&p, 100 * MS);
	const struct pair_tap *t = &p.tap[PAIR_TO_SERVER][WIRE_CLASS_PROTECTED];

	ck_assert_int_eq(wire_classify(t->data, t->len, &hdr), WIRE_CLASS_PROTECTED);
	ck_assert(aef_guuid_eq(quantum_conn_local_cid(p.server.conn), &hdr.cid));
	ck_assert(aef_guuid_eq(quantum_conn_local_cid(p.client.conn), &p.dialed.cid));
	ck_assert_ptr_null(quantum_conn_user(p.server.conn));
	quantum_conn_set_user(p.server.conn, &user);
	ck_assert_ptr_eq(quantum_conn_user(p.server.conn), &user);
	pair_fini(&p);
}
END_TEST

START_TEST(face_gauges_of_the_path_are_zero_until_it_was_measured)
{
	struct quantum_stats stats;
	struct pair p;

	pair_init(&p, 52);
	p.conf.fec_always = true;
	pair_connect(&p);
	quantum_conn_stats(p.client.conn, &stats);
	ck_assert_uint_eq(stats.srtt_ns + stats.rttvar_ns + stats.min_rtt_ns, 0);
	ck_assert_uint_gt(stats.rto_ns, 0);
	ck_assert_uint_eq(stats.fec_m, p.conf.fec_m);
	pair_run(&p, 500 * MS);
	quantum_conn_stats(p.client.conn, &stats);
	ck_assert_uint_ge(stats.srtt_ns, 2 * p.delay_ns);
	ck_assert_uint_ge(stats.min_rtt_ns, 2 * p.delay_ns);
	pair_fini(&p);
}
END_TEST

/* */
START_TEST(face_finished_means_closed_and_its_last_event_polled)
{
	struct quantum_event ev;
	struct pair p;
	char reason[2 * WIRE_CLOSE_REASON_MAX];

	pair_init(&p, 53);
	pair_establish(&p);
	memset(reason, 'x', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	quantum_conn_close(p.client.conn, 5, reason, p.now_ns);
	ck_assert_uint_eq(p.client.conn->close.reason_len, WIRE_CLOSE_REASON_MAX);
	ck_assert(!quantum_conn_finished(p.client.conn));
	pair_run(&p, 50 * MS);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_uint_eq(ev.closed.code, 5);
	ck_assert(!quantum_conn_finished(p.server.conn)); /* still draining */
	pair_run(&p, 5 * AEF_NS_PER_S);
	ck_assert(quantum_conn_finished(p.server.conn));
	ck_assert(!quantum_conn_finished(p.client.conn)); /* its event waits */
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert(quantum_conn_finished(p.client.conn));
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 1, 0), AEF_ERR_CLOSED);
	pair_fini(&p);
}
END_TEST

static bool
drop_first_to_client(struct pair *p, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)len;
	return !to_server && (data[5] & (WIRE_FLAG_SYN | WIRE_FLAG_ACK)) == 0 &&
	       p->now_ns < PAIR_NS + 300 * MS;
}

/* All that the server sent first is lost, ACCEPT in it. */
START_TEST(face_lost_accept_comes_again_before_the_client_was_heard)
{
	struct quantum_event ev;
	struct pair p;

	pair_init(&p, 54);
	p.filter = drop_first_to_client;
	pair_connect(&p);
	pair_run(&p, 250 * MS);
	ck_assert_ptr_nonnull(p.server.conn);
	ck_assert(!quantum_conn_established(p.client.conn));
	pair_run(&p, 2 * AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CONNECTED, &ev));
	ck_assert(p.server.conn->confirmed);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(face, &face_event_is_announced_exactly_when_poll_has_one,
           &face_each_end_names_the_id_that_packets_to_it_carry,
           &face_gauges_of_the_path_are_zero_until_it_was_measured,
           &face_finished_means_closed_and_its_last_event_polled,
           &face_lost_accept_comes_again_before_the_client_was_heard)
