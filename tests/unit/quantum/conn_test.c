/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

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

	/* Results come before messages: a driver without room for one must not miss them. */
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_SENT, &ev));
	ck_assert(!ev.sent.expired);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert_uint_eq(ev.msg.len, 5);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert_uint_eq(ev.msg.len, 300000);
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

#define NB_SENT 120u

static uint32_t lossy_n;

static bool
drop_12_percent(struct pair *p, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)p;
	(void)to_server;
	(void)data;
	(void)len;
	return (++lossy_n * 2654435761u >> 9) % 100 < 12;
}

/* Deliveries of one run: order and count as the channel promises. */
static unsigned
take_all(struct pair *p, uint8_t order, bool *seen, uint64_t *last, uint64_t *last_of_key)
{
	struct quantum_event ev;
	unsigned nb = 0;

	while (pair_poll(p, &p->server, QUANTUM_EVENT_MESSAGE, &ev)) {
		ck_assert_uint_lt(ev.msg.message, NB_SENT);
		ck_assert(!seen[ev.msg.message]); /* once */
		seen[ev.msg.message] = true;
		ck_assert_uint_eq(ev.msg.order, order);
		if (order == WIRE_ORDERED)
			ck_assert(*last == UINT64_MAX || ev.msg.message > *last);
		if (order == WIRE_LATEST) {
			uint64_t *k = &last_of_key[ev.msg.key];

			ck_assert(*k == UINT64_MAX || ev.msg.message > *k);
			*k = ev.msg.message;
		}
		*last = ev.msg.message;
		nb++;
	}
	return nb;
}

static void
run_kind(uint8_t order, uint8_t reliability)
{
	const struct quantum_chan_conf conf = { .order = order,
		                                .reliability = reliability,
		                                .tries = 2,
		                                .deadline_ns = 60 * AEF_NS_PER_MS };
	bool seen[NB_SENT] = { false };
	uint64_t last = UINT64_MAX, last_of_key[5];
	unsigned nb = 0, nb_reports = 0, nb_expired = 0;
	struct quantum_event ev;
	struct pair p;

	memset(last_of_key, 0xff, sizeof(last_of_key));
	pair_init(&p, 20 + order * 4u + reliability);
	pair_establish(&p);
	ck_assert_int_eq(quantum_conn_open(p.client.conn, 5, &conf), 0);
	ck_assert_int_eq(quantum_conn_open(p.client.conn, 5, &conf), AEF_ERR_STATE);
	p.filter = drop_12_percent;
	for (unsigned i = 0; i < NB_SENT; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 5, 200 + i * 20, i % 5), 0);
		pair_run(&p, 10 * AEF_NS_PER_MS);
		nb += take_all(&p, order, seen, &last, last_of_key);
	}
	pair_run(&p, 20 * AEF_NS_PER_S);
	nb += take_all(&p, order, seen, &last, last_of_key);
	while (pair_poll(&p, &p.client, QUANTUM_EVENT_SENT, &ev)) {
		nb_reports++;
		nb_expired += ev.sent.expired;
	}
	ck_assert_uint_eq(nb_reports, NB_SENT);
	ck_assert_uint_ge(nb + nb_expired + (order == WIRE_LATEST ? NB_SENT : 0), NB_SENT);
	ck_assert_uint_gt(nb, NB_SENT / 2);
	if (reliability == QUANTUM_FULL && order != WIRE_LATEST)
		ck_assert_uint_eq(nb, NB_SENT);
	if (reliability == QUANTUM_NONE)
		ck_assert_uint_gt(nb_expired, 0);
	ck_assert(quantum_conn_drained(p.client.conn));
	pair_fini(&p);
}

/* Every order with every reliability over a lossy path. */
START_TEST(conn_each_channel_kind_keeps_its_promise_under_loss)
{
	for (uint8_t order = WIRE_ORDERED; order <= WIRE_LATEST; order++)
		for (uint8_t reliability = QUANTUM_FULL; reliability <= QUANTUM_NONE; reliability++)
			run_kind(order, reliability);
}
END_TEST

/* Both close at the same time: both end, each with its own reason. */
START_TEST(conn_crossing_closes_end_both)
{
	struct pair p;
	struct quantum_event ev;

	pair_init(&p, 40);
	pair_establish(&p);
	quantum_conn_close(p.client.conn, 1, NULL, p.now_ns);
	quantum_conn_close(p.server.conn, 2, NULL, p.now_ns);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 1, 0), AEF_ERR_CLOSED);
	pair_run(&p, 2 * AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert(!ev.closed.by_peer);
	ck_assert_uint_eq(ev.closed.code, 1);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_uint_eq(ev.closed.code, 2);
	ck_assert(quantum_conn_finished(p.client.conn) && quantum_conn_finished(p.server.conn));
	pair_fini(&p);
}
END_TEST

static unsigned closes_lost;

static bool
drop_closes(struct pair *p, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)p;
	(void)len;
	if (!to_server || (data[5] & WIRE_FLAG_FIN) == 0)
		return false;
	return closes_lost++ < 2;
}

/* A lost CLOSE comes again when the peer goes on, at most once per SRTT, for 3 PTO. */
START_TEST(conn_lost_close_is_repeated_on_demand)
{
	struct pair p;
	struct quantum_event ev;

	pair_init(&p, 41);
	pair_establish(&p);
	pair_run(&p, AEF_NS_PER_S);
	closes_lost = 0;
	p.filter = drop_closes;
	quantum_conn_close(p.client.conn, 9, NULL, p.now_ns);
	for (unsigned i = 0; i < 60; i++) {
		if (quantum_conn_established(p.server.conn))
			ck_assert_int_eq(pair_send(&p, &p.server, 0, 10, 0), 0);
		pair_run(&p, 2 * AEF_NS_PER_MS);
	}
	ck_assert_uint_ge(closes_lost, 3);
	ck_assert_uint_le(closes_lost, 7);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_uint_eq(ev.closed.code, 9);
	pair_fini(&p);
}
END_TEST

static bool
all_zero(const void *mem, size_t len)
{
	const uint8_t *at = mem;
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= at[i];
	return any == 0;
}

/* Token, psk and seed end with the handshake, the keys with the connection. */
START_TEST(conn_secrets_are_overwritten_as_soon_as_they_end)
{
	const struct conn_keys *client, *server;
	struct pair p;

	pair_init(&p, 40);
	pair_connect(&p);
	client = p.client.conn->keys;
	ck_assert(!all_zero(&client->client, sizeof(client->client)));
	pair_run(&p, 25 * MS); /* SYN+ACK is here, ACCEPT is not */
	ck_assert_int_eq(p.client.conn->state, CONN_ACK_SENT);
	ck_assert(all_zero(client->client.dh_seed, sizeof(client->client.dh_seed)));
	ck_assert(!all_zero(client->client.psk, sizeof(client->client.psk)));
	pair_run(&p, 100 * MS);
	ck_assert(quantum_conn_established(p.client.conn));
	server = p.server.conn->keys;
	ck_assert(all_zero(&client->client, sizeof(client->client)));
	ck_assert(all_zero(p.server.conn->token.psk, 32));
	ck_assert(!all_zero(&client->tx, sizeof(client->tx)));
	ck_assert(!all_zero(&server->rx, sizeof(server->rx)));

	quantum_conn_close(p.client.conn, 0, NULL, p.now_ns);
	pair_run(&p, 15 * MS);
	ck_assert_int_eq(p.server.conn->state, CONN_DRAINING);
	ck_assert(all_zero(server, sizeof(*server)));
	ck_assert(!all_zero(client, sizeof(*client))); /* it may have to repeat its CLOSE */
	pair_run(&p, 5 * AEF_NS_PER_S);
	ck_assert_int_eq(p.client.conn->state, CONN_CLOSED);
	ck_assert(all_zero(client, sizeof(*client)));
	pair_fini(&p);
}
END_TEST

static bool
drop_all(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)pair;
	(void)to_server;
	(void)data;
	(void)len;
	return true;
}

/* Ends without a CLOSE leave nothing either: no answer at all, and silence later. */
START_TEST(conn_secrets_of_silent_ends_are_overwritten)
{
	struct pair p;

	pair_init(&p, 41);
	p.filter = drop_all;
	pair_connect(&p);
	pair_run(&p, 6 * AEF_NS_PER_S);
	ck_assert_int_eq(p.client.conn->state, CONN_CLOSED);
	ck_assert(all_zero(p.client.conn->keys, sizeof(*p.client.conn->keys)));
	pair_fini(&p);

	pair_init(&p, 42);
	p.conf.limits.idle_timeout_ms = 5000;
	pair_establish(&p);
	p.filter = drop_all;
	pair_run(&p, 10 * AEF_NS_PER_S);
	ck_assert_int_eq(p.client.conn->state, CONN_CLOSED);
	ck_assert_int_eq(p.server.conn->state, CONN_CLOSED);
	ck_assert(all_zero(p.client.conn->keys, sizeof(*p.client.conn->keys)));
	ck_assert(all_zero(p.server.conn->keys, sizeof(*p.server.conn->keys)));
	pair_fini(&p);
}
END_TEST

TEST_SUITE(conn, &conn_handshake_establishes_both_ends_in_three_packets,
           &conn_message_arrives_whole_and_is_reported_as_sent,
           &conn_every_fifth_packet_lost_still_delivers_everything_once,
           &conn_close_reaches_the_peer_with_its_code, &conn_silence_ends_in_idle_time_out,
           &conn_keepalive_of_the_client_prevents_the_idle_time_out,
           &conn_rebound_port_is_validated_before_data_follows,
           &conn_each_channel_kind_keeps_its_promise_under_loss, &conn_crossing_closes_end_both,
           &conn_lost_close_is_repeated_on_demand,
           &conn_secrets_are_overwritten_as_soon_as_they_end,
           &conn_secrets_of_silent_ends_are_overwritten)
