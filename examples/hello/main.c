/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * example-hello HOST:PORT TICKET - connect, send one message, print what comes back, close.
 */
#include <stdio.h>
#include <string.h>

#include <client/client.h>

#define OPEN_NS   (6 * AEF_NS_PER_S)
#define TURN_NS   (AEF_NS_PER_S / 10)
#define TURNS_MAX 100u

/* Wait for one message: as many turns as a reply may take. */
static bool
print_reply(struct client *client)
{
	struct client_msg msg;

	for (unsigned i = 0; client_recv(client, &msg) != 0; i++)
		/* Send, receive, run timers; returns when something came or the turn is over. */
		if (i == TURNS_MAX || client_run_once(client, TURN_NS) != 0)
			return false;
	printf("channel %u, message %llu: %.*s\n", msg.channel, (unsigned long long)msg.number,
	       (int)msg.len, (const char *)msg.data);
	client_msg_release(client, &msg);
	return true;
}

static int
talk(struct client *client)
{
	static const char text[] = "hello over Quantum";

	if (client_wait_open(client, OPEN_NS) != 0 ||
	    client_send(client, 0, text, (uint32_t)strlen(text), NULL) != 0 ||
	    !print_reply(client)) {
		fprintf(stderr, "example-hello: %s.\n",
		        client_error(client)[0] != '\0' ? client_error(client) : "no reply came");
		return 1;
	}
	/* Everything was acknowledged, then the peer was told: nothing is lost by leaving. */
	return client_shutdown(client, 0, "bye", AEF_NS_PER_S) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct client_conf conf;
	struct client_ticket ticket;
	struct client *client = NULL;
	char why[200] = "not enough memory";
	int rc = 1;

	if (argc != 3) {
		fprintf(stderr, "usage: example-hello HOST:PORT TICKET\n");
		return 2;
	}
	client_conf_default(&conf);
	conf.server = argv[1];
	if (client_ticket_parse(argv[2], strlen(argv[2]), &ticket) != 0) {
		fprintf(stderr, "example-hello: the ticket is damaged.\n");
	} else if (client_create(&conf, &client, why, sizeof(why)) != 0) {
		fprintf(stderr, "example-hello: %s.\n", why);
	} else {
		const int err = client_connect(client, &ticket);

		client_ticket_wipe(&ticket); /* it was a secret, and opens nothing any more */
		rc = err == 0 ? talk(client) : 1;
	}
	client_destroy(client);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "example-hello: standard output cannot be written.\n");
		rc = 1;
	}
	return rc;
}
