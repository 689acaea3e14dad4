/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

static struct pair p;

static bool
drop_all(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)pair;
	(void)to_server;
	(void)data;
	(void)len;
	return true;
}

/* The smaller of both time-outs counts, at both ends; neither says a word. */
START_TEST(conn_timer_smaller_idle_timeout_of_both_ends_counts)
{
	struct quantum_event ev;
	uint64_t before;

	pair_init(&p, 1);
	p.conf.keepalive_ns = 0;
	p.conf.limits.idle_timeout_ms = 4000;
	pair_establish(&p);
	p.client.conn->conf.limits.idle_timeout_ms = 60000; /* what the server said counts */
	pair_run(&p, 2 * AEF_NS_PER_S);
	p.filter = drop_all;
	before = p.nb_to_client + p.nb_to_server;
	pair_run(&p, 5 * AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_IDLE);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_IDLE);
	ck_assert_uint_eq(p.nb_to_client + p.nb_to_server, before);
	ck_assert_uint_eq(quantum_conn_deadline_ns(p.client.conn), AEF_TIME_NEVER);
	pair_fini(&p);
}
END_TEST

/* At least 3 PTO: a long path is not cut off by a short time-out. */
START_TEST(conn_timer_idle_timeout_is_at_least_3_pto)
{
	pair_init(&p, 2);
	p.conf.limits.idle_timeout_ms = 1;
	pair_establish(&p);
	ck_assert_uint_ge(conn_idle_ns(p.client.conn), 3 * quantum_rtt_pto_ns(&p.client.conn->rtt));
	pair_fini(&p);
}
END_TEST

START_TEST(conn_timer_without_idle_timeouts_silence_is_no_end)
{
	pair_init(&p, 3);
	p.conf.limits.idle_timeout_ms = 0;
	p.conf.keepalive_ns = 0;
	pair_establish(&p);
	pair_run(&p, 3600 * AEF_NS_PER_S);
	ck_assert(quantum_conn_established(p.client.conn));
	ck_assert_uint_eq(conn_idle_ns(p.client.conn), AEF_TIME_NEVER);
	pair_fini(&p);
}
END_TEST

/* A tail probe after a PTO, then the RTO that doubles; probes declare nothing lost. */
START_TEST(conn_timer_silence_is_probed_and_nothing_is_declared_lost)
{
	struct quantum_event ev;
	uint64_t from;

	pair_init(&p, 4);
	p.conf.pmtud = false;
	pair_establish(&p);
	pair_run(&p, AEF_NS_PER_S);
	p.filter = drop_all;
	from = p.nb_to_server;
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 10, 0), 0);
	pair_run(&p, quantum_rtt_pto_ns(&p.client.conn->rtt) + MS);
	ck_assert_uint_eq(p.nb_to_server - from, 2);
	ck_assert_uint_eq(p.client.conn->stats.probes, 1);
	pair_run(&p, 10 * AEF_NS_PER_S);
	ck_assert_uint_ge(p.client.conn->stats.rtos, 2);
	ck_assert_uint_le(p.nb_to_server - from, 30);
	ck_assert_uint_eq(p.client.conn->stats.lost_pkts, 0);
	p.filter = NULL;
	pair_run(&p, 10 * AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert(quantum_conn_drained(p.client.conn));
	pair_fini(&p);
}
END_TEST

/* The deadline never lies in the past without something to do: a driver must not spin. */
START_TEST(conn_timer_deadline_moves_on_in_every_state)
{
	struct quantum_event ev;

	pair_init(&p, 5);
	pair_connect(&p);
	for (unsigned i = 0; i < 400; i++) {
		if (i > 10)
			ck_assert_int_eq(pair_send(&p, &p.client, 0, 3000, 0), 0);
		pair_run(&p, 7 * MS);
		ck_assert_uint_gt(quantum_conn_deadline_ns(p.client.conn), p.now_ns);
		while (p.server.conn != NULL &&
		       pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
			;
	}
	quantum_conn_close(p.client.conn, 0, NULL, p.now_ns);
	pair_run(&p, 7 * MS);
	ck_assert_uint_gt(quantum_conn_deadline_ns(p.client.conn), p.now_ns);
	quantum_conn_on_deadline(p.client.conn, p.now_ns); /* early: nothing happens */
	pair_run(&p, 10 * AEF_NS_PER_S);
	quantum_conn_on_deadline(p.client.conn, p.now_ns);
	ck_assert_uint_eq(quantum_conn_deadline_ns(p.client.conn), AEF_TIME_NEVER);
	ck_assert_uint_eq(quantum_conn_deadline_ns(p.server.conn), AEF_TIME_NEVER);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(conn_timer, &conn_timer_smaller_idle_timeout_of_both_ends_counts,
           &conn_timer_idle_timeout_is_at_least_3_pto,
           &conn_timer_without_idle_timeouts_silence_is_no_end,
           &conn_timer_silence_is_probed_and_nothing_is_declared_lost,
           &conn_timer_deadline_moves_on_in_every_state)
