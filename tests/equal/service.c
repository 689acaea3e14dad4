/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server's application. Half of the channels come back as they are, the others are counted, and
 * every eighth message on them is answered by a few bytes. Never more than a window is under way.
 */
#include <string.h>

#include <base/err.h>
#include <base/list.h>

#include "equal.h"

#define WINDOW_MSGS  64u
#define WINDOW_BYTES (256u << 10)
#define CLOSE_AFTER  400u /* messages; in some runs the server closes then */

struct peer {
	struct aef_list link;
	uint32_t client;
	uint32_t out_msgs, in_msgs;
	uint64_t out_bytes;
};

struct service {
	const struct service_env *env;
	const struct sim_plan *plan;
	struct aef_list peers;
};

static int
service_init(const struct service_env *env, const struct service_now *now, void **ret_svc)
{
	struct service *s = aef_alloc_get(env->alloc, sizeof(*s));

	(void)now;
	if (s == NULL)
		return AEF_ERR_NOMEM;
	*s = (struct service){ .env = env, .plan = env->conf };
	aef_list_init(&s->peers);
	*ret_svc = s;
	return 0;
}

static void
peer_free(struct service *s, struct peer *peer)
{
	aef_list_remove(&peer->link);
	aef_alloc_put(s->env->alloc, peer, sizeof(*peer));
}

static void
service_fini(void *svc)
{
	struct service *s = svc;

	aef_list_foreach_safe (link, &s->peers)
		peer_free(s, aef_list_entry(link, struct peer, link));
	aef_alloc_put(s->env->alloc, s, sizeof(*s));
}

static void
on_connect(void *svc, struct service_conn conn, const struct service_identity *id,
           const struct service_now *now, void **ret_user)
{
	struct service *s = svc;
	const struct service_reply_ops *reply = &s->env->reply;
	struct peer *peer = aef_alloc_get(s->env->alloc, sizeof(*peer));
	const uint32_t i = id->tenant_id.b[0];

	(void)now;
	*ret_user = peer;
	if (peer == NULL)
		return;
	*peer = (struct peer){ .client = i };
	aef_list_append(&s->peers, &peer->link);
	if (i >= s->plan->nb_clients)
		return;
	for (uint32_t c = 0; c < s->plan->client[i].nb_chans; c++) {
		const struct quantum_chan_conf *q = &s->plan->client[i].chan[1][c];
		const struct service_chan chan = {
			.order = q->order,
			.reliability = q->reliability,
			.priority = q->priority,
			.weight = q->weight,
			.tries = q->tries,
			.expedited = q->expedited,
			.deadline_ns = q->deadline_ns,
		};

		(void)reply->open(reply->ctx, conn, s->plan->client[i].chan_id[c], &chan);
	}
}

static void
send(struct service *s, struct service_conn conn, struct peer *peer, const struct service_msg *msg,
     const struct service_slice *slices, uint32_t nb)
{
	const struct service_reply_ops *reply = &s->env->reply;
	uint32_t len = 0;

	for (uint32_t i = 0; i < nb; i++)
		len += slices[i].len;
	if (peer->out_msgs >= WINDOW_MSGS || peer->out_bytes + len > WINDOW_BYTES)
		return;
	const struct service_send how = {
		.channel = msg->channel, .key = msg->key, .report = true, .cookie = len
	};

	if (reply->send(reply->ctx, conn, &how, slices, nb) != 0)
		return;
	peer->out_msgs++;
	peer->out_bytes += len;
}

static void
answer(struct service *s, struct service_conn conn, struct peer *peer,
       const struct service_msg *msg)
{
	const struct service_buf_ops *bufs = &s->env->buf;
	uint8_t *data;
	uint32_t cap;
	void *buf = bufs->alloc(bufs->ctx, &data, &cap);

	if (buf == NULL)
		return;
	const struct service_slice slice = { data, 16, buf };

	memset(data, (int)msg->channel, 16);
	memcpy(data, &peer->in_msgs, sizeof(peer->in_msgs));
	send(s, conn, peer, msg, &slice, 1);
	bufs->put(bufs->ctx, buf);
}

static void
on_message(void *svc, struct service_conn conn, void *user, const struct service_msg *msg,
           const struct service_now *now)
{
	struct service *s = svc;
	struct peer *peer = user;

	(void)now;
	if (peer == NULL)
		return;
	peer->in_msgs++;
	if (msg->channel % 2 == 0)
		send(s, conn, peer, msg, msg->slices, msg->nb_slices);
	else if (peer->in_msgs % 8 == 0)
		answer(s, conn, peer, msg);
	if (peer->in_msgs == CLOSE_AFTER && (s->plan->opts.seed + peer->client) % 5 == 0)
		(void)s->env->reply.close(s->env->reply.ctx, conn, 77, "enough");
}

static void
on_sent(void *svc, struct service_conn conn, void *user, uint64_t cookie, bool expired,
        const struct service_now *now)
{
	struct peer *peer = user;

	(void)svc;
	(void)conn;
	(void)expired;
	(void)now;
	if (peer == NULL)
		return;
	peer->out_msgs--;
	peer->out_bytes -= cookie;
}

static void
on_disconnect(void *svc, struct service_conn conn, void *user, enum service_gone why,
              const struct service_now *now)
{
	struct service *s = svc;

	(void)conn;
	(void)why;
	(void)now;
	if (user != NULL)
		peer_free(s, user);
}

const struct service_ops equal_service = {
	.name = "equal",
	.init = service_init,
	.fini = service_fini,
	.on_connect = on_connect,
	.on_message = on_message,
	.on_disconnect = on_disconnect,
	.on_sent = on_sent,
};
