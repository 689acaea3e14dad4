/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <stdio.h>

#include "cat.h"

#define FLUSH_NS (10 * AEF_NS_PER_S)
#define OPEN_NS  (6 * AEF_NS_PER_S)

static bool
receive_all(struct stream *s, struct client *client)
{
	struct client_event ev;

	while (client_poll(client, &ev) == 0) {
		bool ok = true;

		if (ev.type == CLIENT_EVENT_MESSAGE) {
			ok = stream_take(s, &ev.msg);
			client_msg_release(client, &ev.msg);
		}
		if (!ok)
			return false;
	}
	return true;
}

/* Wait for network, timer or input, whichever is first. */
static void
wait_any(const struct stream *s, struct client *client)
{
	const uint64_t timer_ns = aef_min_u64(client_timeout_ns(client), AEF_NS_PER_S / 4);
	const bool want_input = s->in_fd >= 0 && !s->in_ended && s->buf_len == 0;
	struct pollfd fds[2] = { { .fd = client_fd(client), .events = POLLIN },
		                 { .fd = want_input ? s->in_fd : -1, .events = POLLIN } };
	const struct timespec ts = { .tv_sec = 0, .tv_nsec = (long)timer_ns };

	/* A full queue empties with the network; generated input never waits. */
	if (s->in_fd < 0 && !s->in_ended && s->buf_len == 0)
		return;
	(void)ppoll(fds, 2, &ts, NULL);
}

static bool
input_ready(const struct stream *s)
{
	struct pollfd fd = { .fd = s->in_fd, .events = POLLIN };

	return s->in_fd < 0 || s->buf_len > 0 || poll(&fd, 1, 0) > 0;
}

/* Everything is sent; is there a reason to stay? */
static bool
is_done(struct stream *s, const struct client *client, uint64_t *quiet_ns, uint64_t *rx_seen)
{
	if (stream_has_input(s) || !client_drained(client))
		return false;
	if (s->o->verify)
		return s->rx_bytes >= s->tx_bytes;
	if (*quiet_ns == 0 || *rx_seen != s->rx_bytes) {
		*quiet_ns = now_ns();
		*rx_seen = s->rx_bytes;
	}
	return now_ns() - *quiet_ns >= s->o->linger_s * AEF_NS_PER_S;
}

/* 0 done; 1 failed, said why. */
static int
transfer(struct stream *s, struct client *client)
{
	uint64_t quiet_ns = 0, rx_seen = 0;

	while (!is_done(s, client, &quiet_ns, &rx_seen)) {
		int err;

		if (stream_has_input(s) && input_ready(s) && !stream_pump(s, client))
			return 1;
		err = client_run_once(client, 0);
		if (!receive_all(s, client))
			return 1;
		if (err != 0 || client_state(client) == CLIENT_CLOSED) {
			fprintf(stderr, "quantum-cat: %s.\n", client_error(client));
			return 1;
		}
		if (cat_stopped() || cat_late(s)) {
			fprintf(stderr,
			        "quantum-cat: stopped %s after %llu bytes sent and %llu "
			        "received.\n",
			        cat_stopped() ? "by a signal" : "by --timeout",
			        (unsigned long long)s->tx_bytes, (unsigned long long)s->rx_bytes);
			return 1;
		}
		stream_progress(s, false);
		wait_any(s, client);
	}
	return 0;
}

static int
converse(struct stream *s, struct client *client)
{
	int rc;

	if (client_wait_open(client, OPEN_NS) != 0) {
		fprintf(stderr, "quantum-cat: %s.\n", client_error(client));
		return 1;
	}
	s->start_ns = now_ns();
	rc = transfer(s, client);
	s->end_ns = now_ns();
	stream_progress(s, true);
	if (client_state(client) != CLIENT_CLOSED &&
	    client_shutdown(client, 0, NULL, FLUSH_NS) != 0 && rc == 0) {
		fprintf(stderr, "quantum-cat: the end of the input was not acknowledged.\n");
		rc = 1;
	}
	if (s->o->verify && !stream_verify(s))
		rc = 1;
	return rc;
}

int
cat_dial(const struct options *o, struct stream *s)
{
	struct aef_rng rng;
	struct client_conf conf;
	struct client_ticket ticket;
	struct client *client = NULL;
	char why[200] = "not enough memory";
	int rc = 1, err;

	client_conf_default(&conf);
	cat_io_conf(o, &rng, &conf.io);
	conf.server = o->address;
	if (!cat_ticket_get(o, &ticket))
		return 1;
	err = client_create(&conf, &client, why, sizeof(why));
	if (err == 0) {
		err = client_connect(client, &ticket);
		if (err != 0)
			snprintf(why, sizeof(why), "%s", client_error(client));
	}
	client_ticket_wipe(&ticket); /* used, or of no use */
	if (err != 0) {
		fprintf(stderr, "quantum-cat: %s.\n", why);
	} else {
		rc = converse(s, client);
		if (o->stats)
			stream_stats(s, client);
	}
	client_destroy(client);
	return rc;
}
