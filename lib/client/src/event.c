/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>

#include "endpoint_priv.h"

/* Events that one run delivers per connection, so that one busy peer cannot hold the loop. */
#define DISPATCH_MAX 4096u

const char *
client_close_text(enum quantum_close why)
{
	switch (why) {
	case QUANTUM_CLOSE_NONE:
		return "it is not closed";
	case QUANTUM_CLOSE_APP:
		return "the application closed it";
	case QUANTUM_CLOSE_IDLE:
		return "nothing was heard from the peer for too long";
	case QUANTUM_CLOSE_RESET:
		return "the peer does not know the connection any more";
	case QUANTUM_CLOSE_HANDSHAKE:
		return "nobody answered in time, or the ticket was refused";
	case QUANTUM_CLOSE_REFUSED:
		return "the server is busy";
	case QUANTUM_CLOSE_VERSION:
		return "the server does not speak this version";
	case QUANTUM_CLOSE_PROTOCOL:
		return "a rule of the protocol was broken";
	case QUANTUM_CLOSE_FLOW:
		return "more was sent than was granted";
	case QUANTUM_CLOSE_NUMBERS:
		return "its packet numbers are used up";
	case QUANTUM_CLOSE_RESOURCES:
		return "memory set aside for it is used up";
	}
	return "of an unknown reason";
}

/* ---- messages ----------------------------------------------------------------------------------
 */

/* One piece is handed on as it is; several are put together. */
static bool
assemble(struct client_bufs *bufs, const struct quantum_msg *in, struct client_msg *ret_msg)
{
	struct client_buf *buf;
	uint32_t at = 0;

	if (in->nb_segs == 1) {
		ret_msg->data = in->segs->slice.data;
		ret_msg->hold = in->segs->slice.owner;
		return true;
	}
	buf = client_buf_get(bufs, in->len, false);
	for (struct quantum_seg *seg = in->segs; seg != NULL; seg = seg->next) {
		if (buf != NULL)
			memcpy(buf->data + at, seg->slice.data, seg->slice.len);
		at += seg->slice.len;
		client_buf_put(bufs, seg->slice.owner);
	}
	if (buf == NULL)
		return false;
	ret_msg->data = buf->data;
	ret_msg->hold = buf;
	return true;
}

static bool
take_message(struct client *client, const struct quantum_msg *in, struct client_msg *ret_msg)
{
	static const uint8_t nothing[1];
	bool ok = true;

	*ret_msg = (struct client_msg){ .data = nothing,
		                        .len = in->len,
		                        .channel = in->channel,
		                        .order = in->order,
		                        .number = in->message,
		                        .key = in->key };
	if (in->nb_segs > 0)
		ok = assemble(&client->ep->bufs, in, ret_msg);
	quantum_conn_consume(client->conn, in);
	if (!ok) {
		/* A reliable message cannot be dropped in silence. */
		client_set_why(client, "no memory for a message of %u bytes", in->len);
		quantum_conn_close(client->conn, 0, "no memory", client_os_ns());
	}
	return ok;
}

void
client_msg_release(struct client *client, struct client_msg *msg)
{
	client_buf_put(&client->ep->bufs, msg->hold);
	*msg = (struct client_msg){ .data = NULL };
}

/* ---- events ------------------------------------------------------------------------------------
 */

static void
explain_end(struct client *client)
{
	const struct client_end *end = &client->end;
	char server[56];

	if (client->why[0] != '\0' || (end->why == QUANTUM_CLOSE_APP && !end->by_peer))
		return;
	sockio_addr_format(&client->server, server);
	if (client->accepted)
		client_set_why(client, "the connection ended because %s",
		               client_close_text(end->why));
	else if (end->why == QUANTUM_CLOSE_HANDSHAKE &&
	         sockio_stats(client->ep->sock)->rx_unreachable > 0)
		client_set_why(client, "nothing listens at %s", server);
	else if (end->why == QUANTUM_CLOSE_REFUSED && client->busy_ms > 0)
		client_set_why(client, "%s is busy; come back in %u ms", server, client->busy_ms);
	else if (end->why == QUANTUM_CLOSE_APP)
		client_set_why(client, "%s closed the connection with code %llu", server,
		               (unsigned long long)end->code);
	else
		client_set_why(client, "the connection to %s ended because %s", server,
		               client_close_text(end->why));
}

/* Translate; false: nothing that the application sees. */
static bool
translate(struct client *client, const struct quantum_event *in, struct client_event *ret_event)
{
	switch (in->type) {
	case QUANTUM_EVENT_CONNECTED:
		if (client->state != CLIENT_CONNECTING)
			return false;
		client->state = CLIENT_OPEN;
		ret_event->type = CLIENT_EVENT_OPEN;
		return true;
	case QUANTUM_EVENT_MESSAGE:
		ret_event->type = CLIENT_EVENT_MESSAGE;
		return take_message(client, &in->msg, &ret_event->msg);
	case QUANTUM_EVENT_SENT:
		ret_event->type = CLIENT_EVENT_SENT;
		ret_event->receipt = (struct client_receipt){ .channel = in->sent.channel,
			                                      .expired = in->sent.expired,
			                                      .number = in->sent.message,
			                                      .cookie = in->sent.cookie };
		return true;
	case QUANTUM_EVENT_WRITABLE:
		ret_event->type = CLIENT_EVENT_WRITABLE;
		return client->state == CLIENT_CONNECTING || client->state == CLIENT_OPEN;
	case QUANTUM_EVENT_BUSY:
		client->busy_ms = in->busy_ms;
		return false;
	case QUANTUM_EVENT_PATH:
		return false;
	case QUANTUM_EVENT_CLOSED:
		client->state = CLIENT_CLOSED;
		client->end = (struct client_end){ .why = in->closed.why,
			                           .by_peer = in->closed.by_peer,
			                           .code = in->closed.code };
		explain_end(client);
		ret_event->type = CLIENT_EVENT_CLOSED;
		ret_event->end = client->end;
		return true;
	}
	return false;
}

int
client_poll(struct client *client, struct client_event *ret_event)
{
	struct quantum_event in;

	if (client->conn == NULL)
		return AEF_ERR_AGAIN;
	while (quantum_conn_poll(client->conn, &in) == 0)
		if (translate(client, &in, ret_event))
			return 0;
	return AEF_ERR_AGAIN;
}

int
client_recv(struct client *client, struct client_msg *ret_msg)
{
	struct client_event ev;

	while (client_poll(client, &ev) == 0)
		if (ev.type == CLIENT_EVENT_MESSAGE) {
			*ret_msg = ev.msg;
			return 0;
		}
	return client->state == CLIENT_CLOSED ? AEF_ERR_CLOSED : AEF_ERR_AGAIN;
}

/* ---- callbacks ---------------------------------------------------------------------------------
 */

static void
call(struct client *client, struct client_event *ev)
{
	const struct client_callbacks *cb = &client->cb;

	switch (ev->type) {
	case CLIENT_EVENT_OPEN:
	case CLIENT_EVENT_CLOSED:
		if (cb->on_state != NULL)
			cb->on_state(cb->user, client, client->state);
		return;
	case CLIENT_EVENT_MESSAGE:
		if (cb->on_message != NULL)
			cb->on_message(cb->user, client, &ev->msg);
		client_msg_release(client, &ev->msg);
		return;
	case CLIENT_EVENT_SENT:
		if (cb->on_sent != NULL)
			cb->on_sent(cb->user, client, &ev->receipt);
		return;
	case CLIENT_EVENT_WRITABLE:
		if (cb->on_writable != NULL)
			cb->on_writable(cb->user, client);
		return;
	}
}

void
client_dispatch(struct client *client)
{
	struct client_event ev;

	for (unsigned i = 0; i < DISPATCH_MAX; i++) {
		if (client->doomed || !client->use_callbacks || client_poll(client, &ev) != 0)
			return;
		call(client, &ev);
	}
}
