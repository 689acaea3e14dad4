/* SPDX-License-Identifier: BSD-3-Clause */
#include "statesync_priv.h"

static uint64_t
conn_hash(const struct statesync *st, const struct conn *conn, const struct aef_guuid *doc)
{
	return table_hash(&st->attached, doc, conn->handle.id);
}

static uint64_t
client_hash(const struct statesync *st, const struct doc *doc, const struct aef_guuid *client)
{
	return table_hash(&st->replicas, client, doc->node.hash);
}

struct replica *
sync_replica_find(const struct statesync *st, const struct doc *doc, const struct aef_guuid *client)
{
	const uint64_t hash = client_hash(st, doc, client);

	for (struct table_node *at = table_first(&st->replicas, hash); at != NULL; at = at->next) {
		struct replica *rep = aef_container_of(at, struct replica, by_client);

		if (at->hash == hash && rep->doc == doc && aef_guuid_eq(&rep->client, client))
			return rep;
	}
	return NULL;
}

struct replica *
sync_replica_attached(const struct statesync *st, const struct conn *conn,
                      const struct aef_guuid *doc)
{
	const uint64_t hash = conn_hash(st, conn, doc);

	for (struct table_node *at = table_first(&st->attached, hash); at != NULL; at = at->next) {
		struct replica *rep = aef_container_of(at, struct replica, by_conn);

		if (at->hash == hash && rep->conn == conn && aef_guuid_eq(&rep->doc->id, doc))
			return rep;
	}
	return NULL;
}

struct replica *
sync_replica_create(struct statesync *st, struct doc *doc, const struct aef_guuid *client)
{
	struct replica *rep;

	if (st->stats.replicas >= st->conf.replicas_max && !aef_list_empty(&st->away)) {
		rep = aef_list_entry(st->away.next, struct replica, in_away);
		/* Freeing the last replica only makes its document idle. */
		sync_replica_free(st, rep);
	}
	if (st->stats.replicas >= st->conf.replicas_max)
		return NULL;
	rep = aef_alloc_get(st->env.alloc, sizeof(*rep));
	if (rep == NULL)
		return NULL;
	memset(rep, 0, sizeof(*rep));
	rep->doc = doc;
	rep->client = *client;
	aef_list_init(&rep->in_live);
	aef_list_init(&rep->in_subs);
	aef_list_init(&rep->in_conn);
	aef_list_init(&rep->in_lagging);
	aef_list_append(&doc->replicas, &rep->in_doc);
	aef_list_append(&st->away, &rep->in_away);
	rep->away_ns = st->now_ns;
	aef_list_remove(&doc->idle);
	table_add(&st->replicas, &rep->by_client, client_hash(st, doc, client));
	/* Broken until an opening sets it up. */
	text_bridge_init(&rep->bridge, st->env.alloc, NULL, 0, 0, 0);
	text_bridge_break(&rep->bridge);
	st->stats.replicas++;
	return rep;
}

static void
cut(struct statesync *st, struct replica *rep)
{
	if (rep->conn == NULL)
		return;
	table_del(&st->attached, &rep->by_conn);
	aef_list_remove(&rep->in_conn);
	aef_list_remove(&rep->in_subs);
	if (!aef_list_empty(&rep->in_lagging))
		st->stats.lagging--;
	aef_list_remove(&rep->in_lagging);
	sync_snap_put(st, rep->doc, rep->snap);
	rep->snap = NULL;
	rep->want_opened = rep->want_nack = rep->want_resync = false;
	rep->conn = NULL;
	st->stats.attached--;
}

void
sync_replica_free(struct statesync *st, struct replica *rep)
{
	struct doc *doc = rep->doc;

	cut(st, rep);
	text_bridge_fini(&rep->bridge);
	aef_list_remove(&rep->in_live);
	aef_list_remove(&rep->in_away);
	aef_list_remove(&rep->in_doc);
	table_del(&st->replicas, &rep->by_client);
	if (aef_list_empty(&doc->replicas))
		aef_list_append(&st->idle, &doc->idle);
	aef_alloc_put(st->env.alloc, rep, sizeof(*rep));
	st->stats.replicas--;
}

void
sync_replica_detach(struct statesync *st, struct replica *rep)
{
	cut(st, rep);
	/* Who never wrote, or has to start over, has nothing worth keeping: the log knows the rest.
	 */
	if (rep->bridge.broken || rep->bridge.last_seq == 0) {
		sync_replica_free(st, rep);
		return;
	}
	rep->away_ns = st->now_ns;
	aef_list_append(&st->away, &rep->in_away);
}

void
sync_replica_attach(struct statesync *st, struct replica *rep, struct conn *conn, uint16_t channel)
{
	struct replica *other = sync_replica_attached(st, conn, &rep->doc->id);

	if (other != NULL && other != rep)
		sync_replica_detach(st, other);
	cut(st, rep);
	aef_list_remove(&rep->in_away);
	rep->conn = conn;
	rep->channel = channel;
	rep->stopped = false;
	aef_list_append(&conn->replicas, &rep->in_conn);
	aef_list_append(&rep->doc->subs, &rep->in_subs);
	table_add(&st->attached, &rep->by_conn, conn_hash(st, conn, &rep->doc->id));
	st->stats.attached++;
}

uint64_t
sync_replica_expire(struct statesync *st)
{
	while (!aef_list_empty(&st->away)) {
		struct replica *rep = aef_list_entry(st->away.next, struct replica, in_away);
		const uint64_t due = aef_add_sat_u64(rep->away_ns, st->conf.linger_ns);

		if (due > st->now_ns)
			return due;
		sync_replica_free(st, rep);
	}
	return AEF_TIME_NEVER;
}

AEF_HOT void
sync_replica_push(struct statesync *st, struct doc *doc, const struct replica *author,
                  uint64_t version, struct text_opref *ref)
{
	aef_list_foreach_safe (at, &doc->live) {
		struct replica *rep = aef_list_entry(at, struct replica, in_live);

		if (rep == author)
			continue;
		if (!text_bridge_is_live(&rep->bridge))
			aef_list_remove(&rep->in_live);
		else if (text_bridge_push(&rep->bridge, version, ref) != 0)
			sync_replica_resync(st, rep);
	}
}

static void
stop(struct statesync *st, struct replica *rep)
{
	text_bridge_break(&rep->bridge);
	aef_list_remove(&rep->in_live);
	rep->stopped = true;
	if (rep->conn == NULL)
		return;
	sync_snap_put(st, rep->doc, rep->snap);
	rep->snap = NULL;
	if (aef_list_empty(&rep->in_lagging)) {
		aef_list_append(&st->lagging, &rep->in_lagging);
		st->stats.lagging++;
	}
}

void
sync_replica_nack(struct statesync *st, struct replica *rep, uint64_t seq,
                  enum docmsg_reason reason)
{
	const char *text = docmsg_reason_name(reason);

	st->stats.ops_nacked++;
	stop(st, rep);
	rep->want_nack = rep->conn != NULL;
	rep->nack = (struct docmsg_refusal){
		.seq = seq,
		.head = rep->doc->visible,
		.reason = reason,
		.text = { (const uint8_t *)text, (uint32_t)strlen(text) },
	};
}

void
sync_replica_resync(struct statesync *st, struct replica *rep)
{
	st->stats.resyncs++;
	stop(st, rep);
	rep->want_resync = rep->conn != NULL;
}
