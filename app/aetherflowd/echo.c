/* SPDX-License-Identifier: BSD-3-Clause */
#include "echo.h"

#include <base/err.h>

struct echo {
	struct echo_totals totals; /* first: the state seen from outside */
	const struct service_env *env;
};

static int
echo_init(const struct service_env *env, const struct service_now *now, void **ret_svc)
{
	struct echo *echo = aef_alloc_get(env->alloc, sizeof(*echo));

	(void)now;
	if (echo == NULL)
		return AEF_ERR_NOMEM;
	*echo = (struct echo){ .env = env };
	*ret_svc = echo;
	return 0;
}

static void
echo_fini(void *svc)
{
	struct echo *echo = svc;

	aef_alloc_put(echo->env->alloc, echo, sizeof(*echo));
}

static void
echo_on_connect(void *svc, struct service_conn conn, const struct service_identity *id,
                const struct service_now *now, void **ret_user)
{
	struct echo *echo = svc;

	(void)conn;
	(void)id;
	(void)now;
	*ret_user = echo;
	echo->totals.conns++;
}

static void
echo_on_disconnect(void *svc, struct service_conn conn, void *user, enum service_gone why,
                   const struct service_now *now)
{
	struct echo *echo = svc;

	(void)conn;
	(void)user;
	(void)why;
	(void)now;
	echo->totals.conns--;
}

static void
count(struct echo *echo, const struct service_msg *msg)
{
	echo->totals.msgs++;
	echo->totals.bytes += msg->len;
}

static void
echo_on_message(void *svc, struct service_conn conn, void *user, const struct service_msg *msg,
                const struct service_now *now)
{
	struct echo *echo = svc;
	const struct service_reply_ops *reply = &echo->env->reply;
	const struct service_send send = { .channel = msg->channel, .key = msg->key };
	const int rc = reply->send(reply->ctx, conn, &send, msg->slices, msg->nb_slices);

	(void)user;
	(void)now;
	if (rc == AEF_ERR_FULL) {
		/* Not taken, so not counted: the client gets no credit for it until it is. */
		reply->hold(reply->ctx);
		return;
	}
	count(echo, msg);
}

static void
sink_on_message(void *svc, struct service_conn conn, void *user, const struct service_msg *msg,
                const struct service_now *now)
{
	(void)conn;
	(void)user;
	(void)now;
	count(svc, msg);
}

static void
echo_on_sent(void *svc, struct service_conn conn, void *user, uint64_t cookie, bool expired,
             const struct service_now *now)
{
	struct echo *echo = svc;

	(void)conn;
	(void)user;
	(void)cookie;
	(void)expired;
	(void)now;
	echo->totals.sent_reports++;
}

const struct service_ops echo_service = {
	.name = "echo",
	.init = echo_init,
	.fini = echo_fini,
	.on_connect = echo_on_connect,
	.on_message = echo_on_message,
	.on_disconnect = echo_on_disconnect,
	.on_sent = echo_on_sent,
};

const struct service_ops sink_service = {
	.name = "sink",
	.init = echo_init,
	.fini = echo_fini,
	.on_connect = echo_on_connect,
	.on_message = sink_on_message,
	.on_disconnect = echo_on_disconnect,
	.on_sent = echo_on_sent,
};
