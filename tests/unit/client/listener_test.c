/* SPDX-License-Identifier: BSD-3-Clause */
#include <crypto/token.h>
#include <protect/ring.h>

#include "harness.h"
#include "rig.h"

START_TEST(listener_busy_port_is_refused_with_a_sentence)
{
	struct rig r;
	struct client_listener *second = NULL;
	char why[200] = "";

	rig_init(&r);
	rig_open(&r);
	r.lconf.local = r.address;
	ck_assert_int_eq(client_listener_create(&r.lconf, &second, why, sizeof(why)),
	                 AEF_ERR_EXISTS);
	ck_assert_ptr_nonnull(strstr(why, "in use"));
	ck_assert_ptr_null(second);
	rig_close(&r);
}
END_TEST

START_TEST(listener_bad_configuration_is_refused_with_a_sentence)
{
	struct client_listener_conf conf;
	struct client_listener *l = NULL;
	char why[200] = "";

	client_listener_conf_default(&conf);
	ck_assert_int_eq(client_listener_create(&conf, &l, why, sizeof(why)), AEF_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(why, "host:port"));
	conf.local = "name.invalid:1";
	ck_assert_int_eq(client_listener_create(&conf, &l, why, sizeof(why)), AEF_ERR_NOTFOUND);
	conf.local = "203.0.113.1:0";
	ck_assert_int_eq(client_listener_create(&conf, &l, why, sizeof(why)), AEF_ERR_IO);
	conf.conns_max = 0;
	ck_assert_int_eq(client_listener_create(&conf, &l, why, sizeof(why)), AEF_ERR_INVALID);
	client_listener_destroy(NULL);
}
END_TEST

START_TEST(listener_full_tells_busy_and_admits_when_there_is_room)
{
	struct rig r;
	struct client *second = NULL;
	struct client_ticket ticket;
	struct client_event ev;

	rig_init(&r);
	r.lconf.conns_max = 1;
	r.conf.io.conn.handshake_ns = 300 * AEF_NS_PER_MS;
	rig_connect(&r);
	ck_assert_int_eq(client_create(&r.conf, &second, NULL, 0), 0);
	ck_assert_int_eq(client_listener_ticket(r.listener, 30000, &ticket), 0);
	ck_assert_int_eq(client_connect(second, &ticket), 0);
	for (unsigned i = 0; i < 3000 && client_state(second) != CLIENT_CLOSED; i++) {
		(void)client_run_once(second, 0);
		rig_turn(&r);
		while (client_poll(second, &ev) == 0)
			ck_assert_int_eq(ev.type, CLIENT_EVENT_CLOSED);
	}
	ck_assert_int_eq(client_ending(second).why, QUANTUM_CLOSE_REFUSED);
	ck_assert_ptr_nonnull(strstr(client_error(second), "busy"));
	ck_assert_uint_gt(client_listener_verdicts(r.listener)[QUANTUM_VERDICT_BUSY], 0);

	client_destroy(r.peer);
	r.peer = NULL;
	ck_assert_uint_eq(client_listener_nb(r.listener), 0);
	ck_assert_int_eq(client_listener_ticket(r.listener, 30000, &ticket), 0);
	ck_assert_int_eq(client_connect(second, &ticket), 0);
	for (unsigned i = 0; i < 3000 && client_state(second) == CLIENT_CONNECTING; i++) {
		(void)client_run_once(second, 0);
		rig_turn(&r);
		(void)!client_poll(second, &ev);
	}
	ck_assert_int_eq(client_state(second), CLIENT_OPEN);
	client_destroy(second);
	rig_close(&r);
}
END_TEST

START_TEST(listener_used_ticket_is_refused)
{
	struct rig r;
	struct client *second = NULL;
	struct client_ticket ticket;
	struct client_event ev;

	rig_init(&r);
	r.conf.io.conn.handshake_ns = 300 * AEF_NS_PER_MS;
	rig_open(&r);
	ck_assert_int_eq(client_listener_ticket(r.listener, 30000, &ticket), 0);
	ck_assert_int_eq(client_connect(r.client, &ticket), 0);
	rig_event(&r, &r.client, CLIENT_EVENT_OPEN, &ev);
	ck_assert_int_eq(client_create(&r.conf, &second, NULL, 0), 0);
	ck_assert_int_eq(client_connect(second, &ticket), 0);
	for (unsigned i = 0; i < 3000 && client_state(second) != CLIENT_CLOSED; i++) {
		(void)client_run_once(second, 0);
		rig_turn(&r);
		(void)!client_poll(second, &ev);
	}
	ck_assert_int_eq(client_ending(second).why, QUANTUM_CLOSE_HANDSHAKE);
	ck_assert_uint_gt(client_listener_verdicts(r.listener)[QUANTUM_VERDICT_TOKEN_USED], 0);
	ck_assert_uint_eq(client_listener_nb(r.listener), 1);
	client_destroy(second);
	rig_close(&r);
}
END_TEST

START_TEST(listener_ticket_of_another_listener_is_refused)
{
	struct rig r;
	struct client_listener *other = NULL;
	struct client_ticket ticket;
	struct client_event ev;

	rig_init(&r);
	r.conf.io.conn.handshake_ns = 300 * AEF_NS_PER_MS;
	rig_open(&r);
	ck_assert_int_eq(client_listener_create(&r.lconf, &other, NULL, 0), 0);
	ck_assert_int_eq(client_listener_ticket(other, 30000, &ticket), 0);
	ck_assert_int_eq(client_connect(r.client, &ticket), 0);
	rig_event(&r, &r.client, CLIENT_EVENT_CLOSED, &ev);

	ck_assert_int_eq(ev.end.why, QUANTUM_CLOSE_HANDSHAKE);
	ck_assert_uint_gt(client_listener_verdicts(r.listener)[QUANTUM_VERDICT_BAD_TOKEN], 0);
	ck_assert_int_eq(client_listener_ticket(other, CRYPTO_TOKEN_LIFE_MAX_MS + 1, &ticket),
	                 AEF_ERR_INVALID);
	client_listener_destroy(other);
	rig_close(&r);
}
END_TEST

START_TEST(listener_with_a_ring_takes_its_tickets_until_they_are_revoked)
{
	struct rig r;
	struct client_ticket ticket;
	struct client_event ev;
	struct protect_ring *ring = NULL;
	char error[PROTECT_ERROR_MAX];

	rig_init(&r);
	r.conf.io.conn.handshake_ns = 300 * AEF_NS_PER_MS;
	ck_assert_int_eq(protect_ring_create(7, &ring), 0);
	r.lconf.ring = ring;
	rig_connect(&r);
	client_close(r.client, 0, NULL, 0);
	rig_event(&r, &r.client, CLIENT_EVENT_CLOSED, &ev);
	ck_assert_int_eq(client_listener_ticket(r.listener, 30000, &ticket), 0);
	ck_assert_int_eq(protect_ring_revoke(ring, protect_ring_current(ring), error), 0);
	while (client_run_once(r.client, AEF_NS_PER_MS) != AEF_ERR_CLOSED)
		;
	ck_assert_int_eq(client_connect(r.client, &ticket), 0);
	rig_event(&r, &r.client, CLIENT_EVENT_CLOSED, &ev);

	ck_assert_int_eq(ev.end.why, QUANTUM_CLOSE_HANDSHAKE);
	rig_close(&r);
	protect_ring_close(ring);
}
END_TEST

START_TEST(listener_garbage_is_counted_and_leaves_connections_alone)
{
	struct rig r;
	struct client_msg msg;
	struct sockio *sock = NULL;
	const struct sockio_conf conf = { .buffer_bytes = 0 };
	uint8_t data[600] = { 'Q', 'U', 'N', 'T', 1 };
	struct sockio_dgram d = { .data = data };
	const uint64_t *verdicts;
	uint64_t nb = 0;

	rig_init(&r);
	rig_connect(&r);
	ck_assert_int_eq(sockio_open(&conf, &sock), 0);
	ck_assert_int_eq(sockio_addr_parse(r.address, &d.peer), 0);
	for (unsigned flags = 0; flags < 256; flags++)
		for (d.len = 0; d.len < 600; d.len += 61) {
			data[5] = (uint8_t)flags;
			data[4] = (uint8_t)(d.len % 3);
			(void)sockio_send(sock, &d, 1);
			if (d.len == 0)
				rig_turn(&r);
		}
	ck_assert_int_eq(client_send(r.client, 0, "alive", 5, NULL), 0);
	rig_message(&r, &r.peer, &msg);
	ck_assert_mem_eq(msg.data, "alive", 5);
	client_msg_release(r.peer, &msg);
	verdicts = client_listener_verdicts(r.listener);
	for (unsigned i = 2; i < QUANTUM_NB_VERDICTS; i++)
		nb += verdicts[i];
	ck_assert_uint_gt(nb, 1000);
	ck_assert_uint_eq(client_listener_nb(r.listener), 1);
	sockio_close(sock);
	rig_close(&r);
}
END_TEST

START_TEST(listener_serves_many_clients_at_once)
{
	enum { CLIENTS = 20 };
	struct rig r;
	struct client *clients[CLIENTS] = { NULL }, *peer;
	struct client_event ev;
	unsigned nb_got = 0;

	rig_init(&r);
	rig_open(&r);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct client_ticket ticket;

		ck_assert_int_eq(client_create(&r.conf, &clients[i], NULL, 0), 0);
		ck_assert_int_eq(client_listener_ticket(r.listener, 30000, &ticket), 0);
		ck_assert_int_eq(client_connect(clients[i], &ticket), 0);
		ck_assert_int_eq(client_send(clients[i], 0, &i, sizeof(i), NULL), 0);
	}
	struct client *peers[CLIENTS];
	unsigned nb_peers = 0;

	for (unsigned turn = 0; turn < 3000 && nb_got < CLIENTS; turn++) {
		for (unsigned i = 0; i < CLIENTS; i++)
			ck_assert_int_eq(client_run_once(clients[i], 0), 0);
		ck_assert_int_eq(client_listener_run_once(r.listener, AEF_NS_PER_MS), 0);
		while (client_listener_accept(r.listener, &peer) == 0)
			peers[nb_peers++] = peer;
		for (unsigned i = 0; i < nb_peers; i++)
			while (client_poll(peers[i], &ev) == 0)
				if (ev.type == CLIENT_EVENT_MESSAGE) {
					nb_got++;
					client_msg_release(peers[i], &ev.msg);
				}
	}
	ck_assert_uint_eq(nb_got, CLIENTS);
	ck_assert_uint_eq(client_listener_nb(r.listener), CLIENTS);
	for (unsigned i = 0; i < CLIENTS; i++)
		client_destroy(clients[i]);
	rig_close(&r);
}
END_TEST

TEST_SUITE(listener, &listener_busy_port_is_refused_with_a_sentence,
           &listener_bad_configuration_is_refused_with_a_sentence,
           &listener_full_tells_busy_and_admits_when_there_is_room,
           &listener_used_ticket_is_refused, &listener_ticket_of_another_listener_is_refused,
           &listener_with_a_ring_takes_its_tickets_until_they_are_revoked,
           &listener_garbage_is_counted_and_leaves_connections_alone,
           &listener_serves_many_clients_at_once)
