/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include <base/err.h>
#include <client/listener.h>
#include <crypto/token.h>

#include "cat.h"

#define PEERS_MAX      64u
#define TICKET_LIFE_MS CRYPTO_TOKEN_LIFE_MAX_MS

/* One connection: with --echo a message that the queue did not take waits here. */
struct peer {
	struct client *client;
	struct client_msg held;
	bool has_held;
};

struct serve {
	const struct options *o;
	struct stream *s;
	struct client_listener *listener;
	struct peer peers[PEERS_MAX];
	struct protect_ring *ring; /* of --ring; NULL: the listener has a key of its own */
	uint64_t ticket_ns;        /* when the next ticket is printed, if nobody comes before */
	uint64_t nb_ended;
	int rc;
};

static void
print_peer(const struct serve *sv, const struct client *client, const char *what)
{
	char text[56];
	const struct sockio_addr peer = client_peer(client);

	if (sv->o->quiet)
		return;
	sockio_addr_format(&peer, text);
	fprintf(stderr, "quantum-cat: %s %s\n", text, what);
}

/* Without --ring nobody else can make a ticket: there is always a printed one to connect with. */
static void
print_ticket(struct serve *sv)
{
	struct client_ticket ticket;
	char text[CLIENT_TICKET_TEXT_LEN + 1];

	if (sv->ring != NULL || now_ns() < sv->ticket_ns)
		return;
	sv->ticket_ns = now_ns() + TICKET_LIFE_MS * AEF_NS_PER_MS;
	if (client_listener_ticket(sv->listener, TICKET_LIFE_MS, &ticket) != 0) {
		fprintf(stderr, "quantum-cat: cannot make a ticket.\n");
		return;
	}
	client_ticket_format(&ticket, text);
	fprintf(stderr, "quantum-cat: ticket %s\n", text);
	client_ticket_wipe(&ticket);
	crypto_wipe(text, sizeof(text));
}

static void
read_ring_again(const struct serve *sv)
{
	char error[PROTECT_ERROR_MAX] = "";

	if (sv->ring == NULL || !cat_reload())
		return;
	if (protect_ring_reload(sv->ring, error) != 0)
		fprintf(stderr, "quantum-cat: the old keys stay: %s\n", error);
	else if (!sv->o->quiet)
		fprintf(stderr, "quantum-cat: keys read again, current epoch %u\n",
		        protect_ring_current(sv->ring));
}

static void
welcome(struct serve *sv)
{
	struct client *client;

	while (client_listener_accept(sv->listener, &client) == 0) {
		struct peer *p = sv->peers;

		while (p < sv->peers + PEERS_MAX && p->client != NULL)
			p++;
		aef_assert(p < sv->peers + PEERS_MAX); /* the listener has conns_max of these */
		*p = (struct peer){ .client = client };
		if (client_listener_nb(sv->listener) == 1)
			sv->s->start_ns = now_ns();
		print_peer(sv, client, "connected");
		sv->ticket_ns = 0; /* it used the ticket */
	}
}

struct bounce {
	struct client *client;
	struct client_msg msg;
};

static void
bounced(void *arg, const void *data, uint32_t len)
{
	struct bounce *b = arg;

	(void)data;
	(void)len;
	client_msg_release(b->client, &b->msg);
	free(b);
}

/* Send the message back from the memory that it came in. */
static bool
echo(struct serve *sv, struct peer *p, struct client_msg *msg)
{
	struct bounce *b = malloc(sizeof(*b));
	struct client_ref ref = {
		.data = msg->data, .len = msg->len, .release = bounced, .arg = b
	};
	int err = AEF_ERR_NOMEM;

	if (b != NULL) {
		*b = (struct bounce){ .client = p->client, .msg = *msg };
		err = client_send_ref(p->client, msg->channel, &ref, NULL);
	}
	if (err == 0) {
		sv->s->tx_bytes += msg->len;
		return true;
	}
	free(b);
	if (err == AEF_ERR_FULL) {
		p->held = *msg;
		p->has_held = true;
		return false;
	}
	client_msg_release(p->client, msg);
	return true;
}

static void
end_peer(struct serve *sv, struct peer *p)
{
	const struct client_end end = client_ending(p->client);

	if (end.why != QUANTUM_CLOSE_APP) {
		fprintf(stderr, "quantum-cat: %s.\n", client_error(p->client));
		sv->rc = 1;
	}
	print_peer(sv, p->client, "ended");
	sv->s->end_ns = now_ns();
	if (sv->o->stats)
		stream_stats(sv->s, p->client);
	if (p->has_held)
		client_msg_release(p->client, &p->held);
	client_destroy(p->client);
	*p = (struct peer){ .client = NULL };
	sv->nb_ended++;
}

/* Events of one connection, until one must wait. */
static bool
serve_peer(struct serve *sv, struct peer *p)
{
	struct client_event ev;

	if (p->has_held) {
		struct client_msg msg = p->held;

		p->has_held = false;
		if (!echo(sv, p, &msg))
			return true;
	}
	while (client_poll(p->client, &ev) == 0) {
		if (ev.type == CLIENT_EVENT_CLOSED) {
			end_peer(sv, p);
			return true;
		}
		if (ev.type != CLIENT_EVENT_MESSAGE)
			continue;
		if (!stream_take(sv->s, &ev.msg))
			return false;
		if (!sv->o->echo)
			client_msg_release(p->client, &ev.msg);
		else if (!echo(sv, p, &ev.msg))
			return true;
	}
	/* Without --echo the input goes to whoever is connected. */
	return sv->o->echo || client_state(p->client) != CLIENT_OPEN || !stream_has_input(sv->s) ||
	       sv->s->in_fd == 0 || stream_pump(sv->s, p->client);
}

static bool
serve_all(struct serve *sv)
{
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (sv->peers[i].client != NULL && !serve_peer(sv, &sv->peers[i]))
			return false;
	return true;
}

static int
serve(struct serve *sv)
{
	while (!cat_stopped() && !(sv->o->once && sv->nb_ended > 0)) {
		if (client_listener_run_once(sv->listener, AEF_NS_PER_S / 10) != 0) {
			fprintf(stderr, "quantum-cat: the socket is broken.\n");
			return 1;
		}
		welcome(sv);
		if (!sv->o->once)
			print_ticket(sv);
		read_ring_again(sv);
		if (!serve_all(sv))
			return 1;
		if (cat_late(sv->s)) {
			fprintf(stderr, "quantum-cat: stopped by --timeout.\n");
			return 1;
		}
		stream_progress(sv->s, false);
	}
	return sv->rc;
}

int
cat_serve(const struct options *o, struct stream *s)
{
	static struct serve sv;
	struct aef_rng rng;
	struct client_listener_conf conf;
	char why[200] = "not enough memory";
	int rc;

	sv = (struct serve){ .o = o, .s = s };
	client_listener_conf_default(&conf);
	cat_io_conf(o, &rng, &conf.io);
	conf.local = o->address;
	conf.conns_max = PEERS_MAX;
	if (o->ring != NULL && (sv.ring = cat_ring_open(o)) == NULL)
		return 1;
	conf.ring = sv.ring;
	if (client_listener_create(&conf, &sv.listener, why, sizeof(why)) != 0) {
		fprintf(stderr, "quantum-cat: %s.\n", why);
		protect_ring_close(sv.ring);
		return 1;
	}
	/* Scripts that asked for port 0 read this line. */
	fprintf(stderr, "quantum-cat: listening at port %u\n", client_listener_port(sv.listener));
	print_ticket(&sv);
	rc = serve(&sv);
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (sv.peers[i].has_held)
			client_msg_release(sv.peers[i].client, &sv.peers[i].held);
	client_listener_destroy(sv.listener);
	protect_ring_close(sv.ring);
	return rc;
}
