/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include "harness.h"

#define TURNS_MAX 5000u
#define TURN_NS   (1 * AEF_NS_PER_MS)

void
rig_init(struct rig *r)
{
	*r = (struct rig){ .listener = NULL };
	client_conf_default(&r->conf);
	client_listener_conf_default(&r->lconf);
	r->conf.server = r->address;
	r->lconf.local = "127.0.0.1:0";
	aef_rng_init(&r->rng, 1);
}

void
rig_open(struct rig *r)
{
	char why[200] = "";

	ck_assert_msg(client_listener_create(&r->lconf, &r->listener, why, sizeof(why)) == 0, "%s",
	              why);
	snprintf(r->address, sizeof(r->address), "127.0.0.1:%u", client_listener_port(r->listener));
	ck_assert_msg(client_create(&r->conf, &r->client, why, sizeof(why)) == 0, "%s", why);
}

void
rig_dial(struct rig *r)
{
	struct client_ticket ticket;

	if (r->listener != NULL)
		ck_assert_int_eq(client_listener_ticket(r->listener, 30000, &ticket), 0);
	else
		memset(&ticket, 7, sizeof(ticket)); /* nobody is there to refuse it */
	ck_assert_int_eq(client_connect(r->client, &ticket), 0);
}

void
rig_turn(struct rig *r)
{
	(void)client_run_once(r->client, 0);
	if (r->listener == NULL) {
		(void)client_run_once(r->client, TURN_NS);
		return;
	}
	ck_assert_int_eq(client_listener_run_once(r->listener, TURN_NS), 0);
	if (r->peer == NULL && r->lconf.on_accept == NULL)
		(void)!client_listener_accept(r->listener, &r->peer);
}

void
rig_until(struct rig *r, bool (*done)(struct rig *r))
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		if (done(r))
			return;
		rig_turn(r);
	}
	ck_abort_msg("nothing came of it after %u turns; client: %s", TURNS_MAX,
	             client_error(r->client));
}

void
rig_event(struct rig *r, struct client **client, enum client_event_type type,
          struct client_event *ret_event)
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		while (*client != NULL && client_poll(*client, ret_event) == 0) {
			if (ret_event->type == type)
				return;
			if (ret_event->type == CLIENT_EVENT_MESSAGE)
				client_msg_release(*client, &ret_event->msg);
		}
		rig_turn(r);
	}
	ck_abort_msg("no event %d after %u turns; client: %s", type, TURNS_MAX,
	             client_error(r->client));
}

void
rig_message(struct rig *r, struct client **client, struct client_msg *ret_msg)
{
	struct client_event ev;

	rig_event(r, client, CLIENT_EVENT_MESSAGE, &ev);
	*ret_msg = ev.msg;
}

void
rig_connect(struct rig *r)
{
	struct client_event ev;

	rig_open(r);
	rig_dial(r);
	rig_event(r, &r->client, CLIENT_EVENT_OPEN, &ev);
	rig_event(r, &r->peer, CLIENT_EVENT_OPEN, &ev);
}

void
rig_close(struct rig *r)
{
	client_destroy(r->client);
	client_listener_destroy(r->listener);
	r->client = NULL;
	r->listener = NULL;
}

bool
rig_lossy(void *arg, bool tx, const uint8_t *data, uint32_t len)
{
	struct rig *r = arg;

	(void)tx;
	(void)data;
	(void)len;
	if (!aef_rng_chance_ppm(&r->rng, r->loss_ppm))
		return false;
	r->nb_filtered++;
	return true;
}
