/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include <stdio.h>
#include <string.h>

#include <base/err.h>
#include <client/listener.h>

#include "capture.h"

#define TURNS_MAX 5000u
#define TURN_NS   (1 * AEF_NS_PER_MS)
#define MSGS      40u
#define CHANNEL   3u
/* A few packets before the second key epoch. */
#define FIRST_PN ((1ull << 22) - 10)

struct side {
	const uint8_t *addrs;
	uint16_t from, to;
};

static struct side client_side, server_side;
static struct client_listener *listener;
static struct client *client, *peer;

static bool
record(void *arg, bool tx, const uint8_t *data, uint32_t len)
{
	const struct side *side = arg;

	if (tx)
		capture_put(side->addrs, side->from, side->to, data, len);
	return false;
}

static int
open_both(uint16_t port)
{
	static const uint8_t there[8] = { 10, 0, 0, 1, 10, 0, 0, 2 };
	static const uint8_t back[8] = { 10, 0, 0, 2, 10, 0, 0, 1 };
	struct client_listener_conf lconf;
	struct client_conf conf;
	char address[32], why[200] = "";
	int rc;

	client_side = (struct side){ there, 50000, port };
	server_side = (struct side){ back, port, 50000 };
	client_listener_conf_default(&lconf);
	lconf.local = "127.0.0.1:0";
	lconf.io.conn.first_pn = FIRST_PN;
	lconf.io.filter = record;
	lconf.io.filter_arg = &server_side;
	rc = client_listener_create(&lconf, &listener, why, sizeof(why));
	if (rc == 0) {
		client_conf_default(&conf);
		snprintf(address, sizeof(address), "127.0.0.1:%u", client_listener_port(listener));
		conf.server = address;
		conf.io.conn.first_pn = FIRST_PN;
		conf.io.filter = record;
		conf.io.filter_arg = &client_side;
		rc = client_create(&conf, &client, why, sizeof(why));
	}
	if (rc != 0)
		fprintf(stderr, "quantum-pcap: %s\n", why);
	return rc;
}

/* Run both until @p nb messages came back to the client; the listener's side echoes. */
static bool
echoes(unsigned nb)
{
	struct client_msg msg;

	for (unsigned turn = 0; nb > 0 && turn < TURNS_MAX; turn++) {
		(void)client_run_once(client, 0);
		(void)client_listener_run_once(listener, TURN_NS);
		if (peer == NULL)
			(void)!client_listener_accept(listener, &peer);
		while (peer != NULL && client_recv(peer, &msg) == 0) {
			if (client_send(peer, msg.channel, msg.data, msg.len, NULL) != 0)
				return false;
			client_msg_release(peer, &msg);
		}
		while (nb > 0 && client_recv(client, &msg) == 0) {
			nb--;
			client_msg_release(client, &msg);
		}
	}
	return nb == 0;
}

static bool
say(const char *what)
{
	for (unsigned i = 0; i < MSGS; i++) {
		char text[64];
		const int len = snprintf(text, sizeof(text), "%s %u", what, i);

		if (client_send(client, CHANNEL, text, (uint32_t)len, NULL) != 0 || !echoes(1))
			return false;
	}
	return true;
}

static bool
converse(void)
{
	struct client_ticket ticket;
	int rc = client_listener_ticket(listener, 30000, &ticket);

	if (rc == 0)
		rc = client_connect(client, &ticket);
	client_ticket_wipe(&ticket);
	if (rc != 0 || !say("at home"))
		return false;
	client_side.from = 50001;
	server_side.to = 50001;
	if (client_rebind(client) != 0 || !say("on the way"))
		return false;
	client_close(client, 42, "gone fishing", AEF_NS_PER_S);
	for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
		struct client_event ev;

		(void)!client_poll(client, &ev); /* the end must be seen */
		if (client_run_once(client, TURN_NS) == AEF_ERR_CLOSED)
			return true;
		(void)client_listener_run_once(listener, 0);
	}
	return false;
}

int
talk(uint16_t port)
{
	int rc = open_both(port);

	if (rc == 0 && !converse()) {
		fprintf(stderr, "quantum-pcap: the conversation failed: %s\n",
		        client_error(client));
		rc = AEF_ERR_CLOSED;
	}
	client_destroy(client);
	client_listener_destroy(listener);
	return rc;
}
