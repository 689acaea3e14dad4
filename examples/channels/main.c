/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * example-channels HOST:PORT TICKET - four ways to send, side by side on one connection.
 *
 *   1  ordered, reliable     a document's operations: all of them, in order
 *   2  unordered, reliable   independent facts: all of them, each as soon as it is there
 *   3  latest-wins by key    cursors: an old position of a key never overtakes a newer one
 *   4  deadline              a video frame: worth nothing after 50 ms
 *
 * The peer echoes; receipts say what became of each message.
 */
#include <stdio.h>
#include <string.h>

#include <client/client.h>

enum { OPERATIONS = 1, FACTS, CURSORS, FRAMES, CHANNELS };

#define MSGS_PER_CHANNEL 20u
#define OPEN_NS          (6 * AEF_NS_PER_S)
#define TURN_NS          (AEF_NS_PER_S / 10)
#define TURNS_MAX        100u

struct tally {
	unsigned echoed[CHANNELS];
	unsigned acked[CHANNELS], expired[CHANNELS];
};

static void
on_message(void *user, struct client *client, const struct client_msg *msg)
{
	struct tally *tally = user;

	(void)client;
	if (msg->channel < CHANNELS)
		tally->echoed[msg->channel]++;
}

static void
on_sent(void *user, struct client *client, const struct client_receipt *receipt)
{
	struct tally *tally = user;

	(void)client;
	if (receipt->expired)
		tally->expired[receipt->channel]++;
	else
		tally->acked[receipt->channel]++;
}

/* The sender alone decides how a channel works; the receiver needs to know nothing. */
static bool
configure(struct client *client)
{
	const struct quantum_chan_conf conf[CHANNELS] = {
		[OPERATIONS] = { .order = WIRE_ORDERED, .priority = 2, .weight = 1 },
		[FACTS] = { .order = WIRE_UNORDERED, .priority = 4, .weight = 1 },
		[CURSORS] = { .order = WIRE_LATEST, .priority = 4, .weight = 1 },
		[FRAMES] = { .order = WIRE_UNORDERED,
		             .reliability = QUANTUM_DEADLINE,
		             .deadline_ns = 50 * AEF_NS_PER_MS,
		             .priority = 6,
		             .weight = 1 },
	};

	for (unsigned c = OPERATIONS; c < CHANNELS; c++)
		if (client_channel(client, (uint16_t)c, &conf[c]) != 0)
			return false;
	return true;
}

static bool
send_all(struct client *client)
{
	for (unsigned i = 0; i < MSGS_PER_CHANNEL; i++)
		for (unsigned c = OPERATIONS; c < CHANNELS; c++) {
			/* Two cursors take turns; other channels ignore the key. */
			const struct client_send_opt opt = { .key = i % 2, .report = true };
			char text[32];
			const int len = snprintf(text, sizeof(text), "channel %u no %u", c, i);

			if (client_send(client, (uint16_t)c, text, (uint32_t)len, &opt) != 0)
				return false;
		}
	return true;
}

static bool
all_known(const struct tally *t)
{
	for (unsigned c = OPERATIONS; c < CHANNELS; c++)
		if (t->acked[c] + t->expired[c] < MSGS_PER_CHANNEL)
			return false;
	return t->echoed[OPERATIONS] == MSGS_PER_CHANNEL && t->echoed[FACTS] == MSGS_PER_CHANNEL;
}

static int
talk(struct client *client, const struct tally *t)
{
	static const char *const names[CHANNELS] = { "", "operations", "facts", "cursors",
		                                     "frames" };

	if (client_wait_open(client, OPEN_NS) != 0 || !configure(client) || !send_all(client)) {
		fprintf(stderr, "example-channels: %s.\n", client_error(client));
		return 1;
	}
	for (unsigned i = 0; i < TURNS_MAX && !all_known(t); i++)
		if (client_run_once(client, TURN_NS) != 0)
			break;
	for (unsigned c = OPERATIONS; c < CHANNELS; c++)
		printf("%-10s %u sent, %u acknowledged, %u expired, %u came back\n", names[c],
		       MSGS_PER_CHANNEL, t->acked[c], t->expired[c], t->echoed[c]);
	(void)client_shutdown(client, 0, NULL, AEF_NS_PER_S);
	return all_known(t) ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct tally tally = { .echoed = { 0 } };
	struct client_conf conf;
	struct client_ticket ticket;
	struct client *client = NULL;
	char why[200] = "not enough memory";
	int rc = 1;

	if (argc != 3) {
		fprintf(stderr, "usage: example-channels HOST:PORT TICKET\n");
		return 2;
	}
	client_conf_default(&conf);
	conf.server = argv[1];
	conf.use_callbacks = true;
	conf.callbacks = (struct client_callbacks){ .on_message = on_message,
		                                    .on_sent = on_sent,
		                                    .user = &tally };
	if (client_ticket_parse(argv[2], strlen(argv[2]), &ticket) != 0)
		fprintf(stderr, "example-channels: the ticket is damaged.\n");
	else if (client_create(&conf, &client, why, sizeof(why)) != 0)
		fprintf(stderr, "example-channels: %s.\n", why);
	else
		rc = client_connect(client, &ticket) == 0 ? 0 : 1;
	client_ticket_wipe(&ticket);
	if (rc == 0)
		rc = talk(client, &tally);
	client_destroy(client);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "example-channels: standard output cannot be written.\n");
		rc = 1;
	}
	return rc;
}
