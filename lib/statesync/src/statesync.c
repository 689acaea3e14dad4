/* SPDX-License-Identifier: BSD-3-Clause */
/* The service table: life cycle, connections, messages in, the tick after each burst. */
#include "statesync_priv.h"

static void
defaults(struct statesync_conf *conf)
{
	const struct statesync_conf def = {
		.docs_max = 4096,
		.replicas_max = 65536,
		.window = TEXT_BRIDGE_WINDOW,
		.op_bytes_max = 65536,
		.doc_bytes_max = 8u << 20,
		.ring_ops_max = TEXT_BRIDGE_ENTRIES_MAX,
		.slow_bytes_max = 1u << 20,
		.log_bytes_max = 64u << 20,
		.linger_ns = 30 * AEF_NS_PER_S,
	};

	conf->docs_max = conf->docs_max ? conf->docs_max : def.docs_max;
	conf->replicas_max = conf->replicas_max ? conf->replicas_max : def.replicas_max;
	conf->window = conf->window ? conf->window : def.window;
	conf->op_bytes_max = conf->op_bytes_max ? conf->op_bytes_max : def.op_bytes_max;
	conf->doc_bytes_max = conf->doc_bytes_max ? conf->doc_bytes_max : def.doc_bytes_max;
	conf->ring_ops_max = conf->ring_ops_max ? conf->ring_ops_max : def.ring_ops_max;
	conf->slow_bytes_max = conf->slow_bytes_max ? conf->slow_bytes_max : def.slow_bytes_max;
	conf->log_bytes_max = conf->log_bytes_max ? conf->log_bytes_max : def.log_bytes_max;
	conf->linger_ns = conf->linger_ns ? conf->linger_ns : def.linger_ns;
}

static bool
conf_ok(const struct statesync_conf *conf, const struct service_env *env)
{
	/* The ring must hold what waits for the store, and a version is found by its low bits. */
	return conf->codec != NULL && conf->store.ops != NULL &&
	       conf->op_bytes_max <= DOCMSG_OP_MAX && conf->ring_ops_max >= 2 * PENDING_OPS_MAX &&
	       (conf->ring_ops_max & (conf->ring_ops_max - 1)) == 0 &&
	       env->buf.cap_bytes >= 2 * DOCMSG_OVERHEAD_MAX;
}

static void
release(struct statesync *st)
{
	struct aef_alloc *alloc = st->env.alloc;

	table_fini(&st->docs, alloc);
	table_fini(&st->replicas, alloc);
	table_fini(&st->attached, alloc);
	aef_alloc_put(alloc, st->arena.mem, st->arena.bytes);
	aef_alloc_put(alloc, st->in, DOCMSG_MSG_MAX);
	aef_alloc_put(alloc, st->json, JSON_SCRATCH);
	aef_alloc_put(alloc, st->event, EVENT_SCRATCH);
	aef_alloc_put(alloc, st, sizeof(*st));
}

static void
keep_time(struct statesync *st, const struct service_now *now)
{
	st->now_ns = now->ns;
	st->unix_ms = now->unix_ms;
}

static int
init(const struct service_env *env, const struct service_now *now, void **ret_svc)
{
	const struct statesync_conf *conf = env->conf;
	struct statesync *st;
	uint64_t seed = env->seed;

	if (conf == NULL)
		return AEF_ERR_CONFIG;
	st = aef_alloc_get(env->alloc, sizeof(*st));
	if (st == NULL)
		return AEF_ERR_NOMEM;
	memset(st, 0, sizeof(*st));
	st->env = *env;
	st->conf = *conf;
	defaults(&st->conf);
	keep_time(st, now);
	aef_list_init(&st->conns);
	aef_list_init(&st->dirty);
	aef_list_init(&st->idle);
	aef_list_init(&st->lagging);
	aef_list_init(&st->away);
	st->arena.bytes = DOCMSG_ARENA_BYTES;
	st->arena.mem = aef_alloc_get(env->alloc, DOCMSG_ARENA_BYTES);
	st->in = aef_alloc_get(env->alloc, DOCMSG_MSG_MAX);
	st->json = aef_alloc_get(env->alloc, JSON_SCRATCH);
	st->event = aef_alloc_get(env->alloc, EVENT_SCRATCH);
	const bool tables =
		table_init(&st->docs, env->alloc, st->conf.docs_max, aef_splitmix64(&seed)) == 0 &&
		table_init(&st->replicas, env->alloc, st->conf.replicas_max,
	                   aef_splitmix64(&seed)) == 0 &&
		table_init(&st->attached, env->alloc, st->conf.replicas_max,
	                   aef_splitmix64(&seed)) == 0;

	if (!tables || st->arena.mem == NULL || st->in == NULL || st->json == NULL ||
	    st->event == NULL || !conf_ok(&st->conf, env)) {
		const int r = conf_ok(&st->conf, env) ? AEF_ERR_NOMEM : AEF_ERR_CONFIG;

		release(st);
		return r;
	}
	*ret_svc = st;
	return 0;
}

static void
fini(void *svc)
{
	struct statesync *st = svc;

	if (st == NULL)
		return;
	for (uint64_t i = 0; i <= st->docs.mask; i++) {
		while (st->docs.slots[i] != NULL) {
			struct doc *doc = aef_container_of(st->docs.slots[i], struct doc, node);

			/* What is committed in memory belongs into the log, nobody is told. */
			aef_list_foreach_safe (at, &doc->replicas)
				sync_replica_free(st, aef_list_entry(at, struct replica, in_doc));
			sync_doc_flush(st, doc); /* if the store refuses, this frees it */
			if (st->docs.slots[i] == &doc->node)
				sync_doc_free(st, doc);
		}
	}
	aef_list_foreach_safe (at, &st->conns)
		aef_alloc_put(st->env.alloc, aef_list_entry(at, struct conn, in_conns),
		              sizeof(struct conn));
	release(st);
}

static void
on_connect(void *svc, struct service_conn handle, const struct service_identity *id,
           const struct service_now *now, void **ret_user)
{
	struct statesync *st = svc;
	struct conn *conn = aef_alloc_get(st->env.alloc, sizeof(*conn));

	keep_time(st, now);
	if (conn == NULL) {
		(void)st->env.reply.close(st->env.reply.ctx, handle, 0, "no memory");
		return;
	}
	memset(conn, 0, sizeof(*conn));
	conn->handle = handle;
	if (id != NULL)
		conn->subject = id->subject_id;
	aef_list_init(&conn->replicas);
	aef_list_append(&st->conns, &conn->in_conns);
	*ret_user = conn;
}

static void
on_message(void *svc, struct service_conn handle, void *user, const struct service_msg *msg,
           const struct service_now *now)
{
	struct statesync *st = svc;
	const struct docmsg *reqs;
	const uint8_t *data;
	int nb;

	(void)handle;
	if (user == NULL)
		return;
	keep_time(st, now);
	st->stats.msgs++;
	if (msg->len > DOCMSG_MSG_MAX) {
		nb = AEF_ERR_LIMIT;
	} else {
		data = st->in;
		if (msg->nb_slices == 1)
			data = msg->slices[0].data;
		else
			(void)service_msg_copy(msg, st->in, DOCMSG_MSG_MAX);
		nb = st->conf.codec->decode(&st->arena, true, data, msg->len, &reqs);
	}
	if (nb < 0) {
		const struct docmsg error = {
			.kind = DOCMSG_ERROR,
			.u.refusal = { .reason = DOCMSG_REASON_MALFORMED },
		};

		st->stats.msgs_refused++;
		sync_answer(st, user, msg->channel, &error);
		return;
	}
	for (int i = 0; i < nb; i++)
		sync_request(st, user, msg->channel, &reqs[i]);
}

static void
on_disconnect(void *svc, struct service_conn handle, void *user, enum service_gone why,
              const struct service_now *now)
{
	struct statesync *st = svc;
	struct conn *conn = user;

	(void)handle;
	(void)why;
	if (conn == NULL)
		return;
	keep_time(st, now);
	aef_list_foreach_safe (at, &conn->replicas)
		sync_replica_detach(st, aef_list_entry(at, struct replica, in_conn));
	aef_list_remove(&conn->in_conns);
	aef_alloc_put(st->env.alloc, conn, sizeof(*conn));
}

static void
on_writable(void *svc, struct service_conn handle, void *user, const struct service_now *now)
{
	struct statesync *st = svc;
	struct conn *conn = user;

	(void)handle;
	if (conn == NULL)
		return;
	keep_time(st, now);
	conn->blocked = false;
	sync_pump_conn(st, conn);
}

static uint64_t
on_timer(void *svc, const struct service_now *now)
{
	struct statesync *st = svc;
	uint64_t next;

	keep_time(st, now);
	aef_list_foreach_safe (at, &st->dirty)
		sync_doc_flush(st, aef_list_entry(at, struct doc, dirty));
	next = sync_replica_expire(st);
	next = aef_min_u64(next, sync_pump_lagging(st));
	if (!aef_list_empty(&st->dirty))
		next = aef_min_u64(next, st->now_ns + DURABLE_POLL_NS);
	return next;
}

const struct service_ops statesync_service = {
	.name = "statesync",
	.init = init,
	.fini = fini,
	.on_connect = on_connect,
	.on_message = on_message,
	.on_disconnect = on_disconnect,
	.on_writable = on_writable,
	.on_timer = on_timer,
};

const struct statesync_stats *
statesync_stats(const void *svc)
{
	return &((const struct statesync *)svc)->stats;
}

int
statesync_doc(const void *svc, const struct aef_guuid *id, struct statesync_doc_info *ret_info)
{
	const struct doc *doc = sync_doc_find(svc, id);

	if (doc == NULL)
		return AEF_ERR_NOTFOUND;
	ret_info->version = doc->head;
	memcpy(ret_info->digest, doc->digest.b, sizeof(ret_info->digest));
	ret_info->rope = &doc->rope;
	ret_info->replicas = 0;
	aef_list_foreach (at, &doc->replicas)
		ret_info->replicas++;
	return 0;
}

uint32_t
statesync_docs(const void *svc, struct aef_guuid *ret_ids, uint32_t max)
{
	const struct statesync *st = svc;
	uint32_t nb = 0;

	for (uint64_t i = 0; i <= st->docs.mask; i++) {
		for (const struct table_node *at = st->docs.slots[i]; at != NULL && nb < max;
		     at = at->next)
			ret_ids[nb++] = aef_container_of(at, struct doc, node)->id;
	}
	return nb;
}
