/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Client library and listener over loopback: connections that work, one over a change of key epoch
 * and of its port, one that is refused, one that nobody answers.
 */
#include <stdio.h>
#include <string.h>

#include <base/err.h>
#include <client/listener.h>
#include <protect/token.h>

#include "subject.h"

#define CLIENTS   3u
#define TURNS_MAX 5000u
#define TURN_NS   (1 * AEF_NS_PER_MS)
#define MSGS      30u
#define STEPS_MAX 40u
/* A few packets before the next key epoch. */
#define FIRST_PN ((1ull << 22) - 10)

static struct client_listener *listener;
static struct client *clients[CLIENTS], *refused, *unanswered, *peers[CLIENTS];
static unsigned nb_peers, nb_steps;
static struct protect_ring *ring;

static bool
open_all(void)
{
	struct client_listener_conf lconf;
	struct client_conf conf;
	char address[32];
	bool ok;

	client_listener_conf_default(&lconf);
	lconf.local = "127.0.0.1:0";
	lconf.io.conn.first_pn = FIRST_PN;
	ok = protect_ring_create(1, &ring) == 0;
	lconf.ring = ring;
	ok = ok && client_listener_create(&lconf, &listener, NULL, 0) == 0;
	if (!ok)
		return false;
	client_conf_default(&conf);
	conf.io.conn.first_pn = FIRST_PN;
	conf.io.conn.handshake_ns = 60 * AEF_NS_PER_S; /* the parent takes its time */
	snprintf(address, sizeof(address), "127.0.0.1:%u", client_listener_port(listener));
	conf.server = address;
	for (unsigned i = 0; i < CLIENTS; i++)
		ok = ok && client_create(&conf, &clients[i], NULL, 0) == 0;
	ok = ok && client_create(&conf, &refused, NULL, 0) == 0;
	conf.server = "127.0.0.1:9"; /* nobody is there */
	return ok && client_create(&conf, &unanswered, NULL, 0) == 0;
}

static bool
dial(struct client *client, bool spoil)
{
	struct client_ticket ticket;
	bool ok = client_listener_ticket(listener, CRYPTO_TOKEN_LIFE_MAX_MS, &ticket) == 0;

	if (spoil)
		ticket.token[40] ^= 1;
	ok = ok && client_connect(client, &ticket) == 0;
	client_ticket_wipe(&ticket);
	return ok;
}

/* The handshakes are looked at call by call. */
static void
step(void)
{
	if (nb_steps < STEPS_MAX) {
		nb_steps++;
		subject_stage(STAGE_STEP);
	}
}

static void
turn(void)
{
	struct client_msg msg;

	for (unsigned i = 0; i < CLIENTS; i++) {
		(void)client_run_once(clients[i], 0);
		step();
	}
	(void)client_run_once(refused, 0);
	(void)client_run_once(unanswered, 0);
	step();
	(void)client_listener_run_once(listener, TURN_NS);
	step();
	while (nb_peers < CLIENTS && client_listener_accept(listener, &peers[nb_peers]) == 0)
		nb_peers++;
	for (unsigned i = 0; i < nb_peers; i++)
		while (client_recv(peers[i], &msg) == 0) {
			(void)!client_send(peers[i], msg.channel, msg.data, msg.len, NULL);
			client_msg_release(peers[i], &msg);
		}
}

/* One message after the other, each waits for its echo: so the acks of an epoch let the next begin.
 */
static bool
talk(void)
{
	struct client_msg msg;

	for (unsigned n = 0; n < MSGS; n++)
		for (unsigned i = 0; i < CLIENTS; i++) {
			bool back = false;

			if (client_send(clients[i], 0, "nothing secret", 14, NULL) != 0)
				return false;
			for (unsigned t = 0; t < TURNS_MAX && !back; t++) {
				turn();
				back = client_recv(clients[i], &msg) == 0;
			}
			if (!back)
				return false;
			client_msg_release(clients[i], &msg);
		}
	return true;
}

static void
close_all(void)
{
	struct client_event ev;

	for (unsigned i = 0; i < CLIENTS; i++)
		client_close(clients[i], 0, "done", AEF_NS_PER_S);
	for (unsigned t = 0; t < 300; t++) {
		turn();
		for (unsigned i = 0; i < CLIENTS; i++)
			(void)!client_poll(clients[i], &ev);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		client_destroy(clients[i]);
	for (unsigned i = 0; i < nb_peers; i++)
		client_destroy(peers[i]);
	client_destroy(refused);
	client_destroy(unanswered);
}

int
subject_client(void)
{
	bool ok = open_all() && dial(refused, true) && dial(unanswered, false);

	for (unsigned i = 0; ok && i < CLIENTS; i++)
		ok = dial(clients[i], false);
	step();
	ok = ok && talk() && client_rebind(clients[0]) == 0 && talk();
	if (!ok) {
		fprintf(stderr, "secrets: the client's work failed: %s\n",
		        clients[0] != NULL ? client_error(clients[0]) : "not started");
		subject_stage(STAGE_FAILED);
		return 1;
	}
	subject_stage(STAGE_LIVE);
	close_all();
	subject_stage(STAGE_CLOSED);
	client_listener_destroy(listener);
	protect_ring_close(ring);
	subject_stage(STAGE_GONE);
	return 0;
}
