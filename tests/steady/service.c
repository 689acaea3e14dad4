/* SPDX-License-Identifier: BSD-3-Clause */
#include "service.h"

#include <base/err.h>

struct steady {
	const struct service_env *env;
	uint64_t msgs;
};

static int
steady_init(const struct service_env *env, const struct service_now *now, void **ret_svc)
{
	struct steady *s = aef_alloc_get(env->alloc, sizeof(*s));

	(void)now;
	if (s == NULL)
		return AEF_ERR_NOMEM;
	*s = (struct steady){ .env = env };
	*ret_svc = s;
	return 0;
}

static void
steady_fini(void *svc)
{
	struct steady *s = svc;

	aef_alloc_put(s->env->alloc, s, sizeof(*s));
}

static void
steady_on_connect(void *svc, struct service_conn conn, const struct service_identity *id,
                  const struct service_now *now, void **ret_user)
{
	(void)conn;
	(void)id;
	(void)now;
	*ret_user = svc;
}

static void
steady_on_message(void *svc, struct service_conn conn, void *user, const struct service_msg *msg,
                  const struct service_now *now)
{
	struct steady *s = svc;
	const struct service_reply_ops *reply = &s->env->reply;
	const struct service_send send = { .channel = msg->channel };

	(void)user;
	(void)now;
	s->msgs++;
	if (msg->channel == STEADY_ECHO &&
	    reply->send(reply->ctx, conn, &send, msg->slices, msg->nb_slices) == AEF_ERR_FULL)
		reply->hold(reply->ctx);
}

static void
steady_on_disconnect(void *svc, struct service_conn conn, void *user, enum service_gone why,
                     const struct service_now *now)
{
	(void)svc;
	(void)conn;
	(void)user;
	(void)why;
	(void)now;
}

const struct service_ops steady_service = {
	.name = "steady",
	.init = steady_init,
	.fini = steady_fini,
	.on_connect = steady_on_connect,
	.on_message = steady_on_message,
	.on_disconnect = steady_on_disconnect,
};
