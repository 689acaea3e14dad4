/* SPDX-License-Identifier: BSD-3-Clause */
#include "statesync_priv.h"

#define RING_MIN   64u
#define TRIM_EVERY 1024u /* versions between two looks at the length of the log */

struct doc *
sync_doc_find(const struct statesync *st, const struct aef_guuid *id)
{
	const uint64_t hash = table_hash(&st->docs, id, 0);

	for (struct table_node *at = table_first(&st->docs, hash); at != NULL; at = at->next) {
		struct doc *doc = aef_container_of(at, struct doc, node);

		if (at->hash == hash && aef_guuid_eq(&doc->id, id))
			return doc;
	}
	return NULL;
}

/* Epoch of the document's shard, claimed at the first use. */
static int
epoch_of(struct statesync *st, const struct aef_guuid *id, uint64_t *ret_epoch)
{
	const uint32_t shard = storeif_shard(id);
	int r = 0;

	if (st->epochs[shard] == 0)
		r = st->conf.store.ops->own(st->conf.store.ctx, shard, &st->epochs[shard]);
	*ret_epoch = st->epochs[shard];
	return r;
}

static struct doc *
doc_new(struct statesync *st, const struct aef_guuid *id, uint64_t epoch)
{
	struct doc *doc;

	if (st->stats.docs >= st->conf.docs_max && !aef_list_empty(&st->idle)) {
		doc = aef_list_entry(st->idle.next, struct doc, idle);
		if (doc->visible == doc->head)
			sync_doc_free(st, doc);
	}
	if (st->stats.docs >= st->conf.docs_max)
		return NULL;
	doc = aef_alloc_get(st->env.alloc, sizeof(*doc));
	if (doc == NULL)
		return NULL;
	memset(doc, 0, sizeof(*doc));
	doc->id = *id;
	doc->epoch = epoch;
	doc->ring_first = 1;
	text_rope_init(&doc->rope, st->env.alloc);
	text_digest_init(&doc->digest);
	aef_list_init(&doc->replicas);
	aef_list_init(&doc->live);
	aef_list_init(&doc->subs);
	aef_list_init(&doc->dirty);
	aef_list_init(&doc->idle);
	aef_list_append(&st->idle, &doc->idle);
	table_add(&st->docs, &doc->node, table_hash(&st->docs, id, 0));
	st->stats.docs++;
	return doc;
}

static void
ring_clear(struct statesync *st, struct doc *doc)
{
	for (uint64_t v = doc->ring_first; v <= doc->head; v++)
		text_opref_put(sync_doc_entry(doc, v)->ref);
	aef_alloc_put(st->env.alloc, doc->ring, doc->ring_cap * sizeof(*doc->ring));
	doc->ring = NULL;
}

void
sync_doc_free(struct statesync *st, struct doc *doc)
{
	aef_assert(aef_list_empty(&doc->replicas) && doc->snap == NULL);
	ring_clear(st, doc);
	text_rope_fini(&doc->rope);
	aef_list_remove(&doc->dirty);
	aef_list_remove(&doc->idle);
	table_del(&st->docs, &doc->node);
	if (st->load_doc == doc)
		st->load_doc = NULL;
	aef_alloc_put(st->env.alloc, doc, sizeof(*doc));
	st->stats.docs--;
}

/* ---- ring of committed operations ---- */

int
sync_doc_room(struct statesync *st, struct doc *doc)
{
	const uint64_t nb = doc->head + 1 - doc->ring_first;
	const uint32_t cap = doc->ring_cap > 0 ? doc->ring_cap * 2 : RING_MIN;
	struct entry *ring;

	if (nb < doc->ring_cap)
		return 0;
	if (doc->ring_cap >= st->conf.ring_ops_max) {
		/* What is not shown yet must stay. */
		if (doc->ring_first > doc->visible)
			return AEF_ERR_FULL;
		text_opref_put(sync_doc_entry(doc, doc->ring_first)->ref);
		doc->ring_first++;
		return 0;
	}
	ring = aef_alloc_get(st->env.alloc, cap * sizeof(*ring));
	if (ring == NULL)
		return AEF_ERR_FULL;
	for (uint64_t v = doc->ring_first; v <= doc->head; v++)
		ring[v & (cap - 1)] = *sync_doc_entry(doc, v);
	aef_alloc_put(st->env.alloc, doc->ring, doc->ring_cap * sizeof(*ring));
	doc->ring = ring;
	doc->ring_cap = cap;
	return 0;
}

AEF_HOT void
sync_doc_commit(struct statesync *st, struct doc *doc, const struct aef_guuid *client, uint64_t seq,
                struct text_opref *ref)
{
	struct entry *entry;

	text_digest_fold(&doc->digest, &ref->op);
	entry = sync_doc_entry(doc, ++doc->head);
	*entry = (struct entry){ ref, *client, seq, 0, doc->digest };
	if (aef_list_empty(&doc->dirty))
		aef_list_append(&st->dirty, &doc->dirty);
}

static struct text_opref *
log_get(void *ctx, uint64_t version)
{
	const struct doc *doc = ctx;

	return version >= doc->ring_first && version <= doc->head
	               ? sync_doc_entry(doc, version)->ref
	               : NULL;
}

struct text_log
sync_doc_log(struct doc *doc)
{
	return (struct text_log){ log_get, doc, doc->head, doc->rope.total.cps };
}

/* ---- to the store ---- */

/*
 * The store refuses: what is in memory beyond it is void. Everybody has to open again, authors of
 * void operations learn that they are lost, and the document leaves memory.
 */
static AEF_COLD void
doc_fail(struct statesync *st, struct doc *doc)
{
	st->stats.store_errors++;
	aef_list_foreach_safe (at, &doc->replicas) {
		struct replica *rep = aef_list_entry(at, struct replica, in_doc);
		uint64_t seq = 0;

		for (uint64_t v = doc->head; v > doc->stored; v--) {
			if (aef_guuid_eq(&sync_doc_entry(doc, v)->client, &rep->client))
				seq = sync_doc_entry(doc, v)->seq;
		}
		if (seq != 0)
			sync_replica_nack(st, rep, seq, DOCMSG_REASON_STORE);
		else
			sync_replica_resync(st, rep);
		sync_pump(st, rep);
		if (rep->conn != NULL && (rep->want_nack || rep->want_resync))
			/* It cannot be told; without a document it would wait for ever. */
			(void)st->env.reply.close(st->env.reply.ctx, rep->conn->handle, 0,
			                          "document store failed");
		sync_replica_free(st, rep);
	}
	sync_doc_free(st, doc);
}

/* Append (stored, head] as one batch. */
static int
doc_append(struct statesync *st, struct doc *doc)
{
	const int nb = sync_ops_load(st, doc, doc->stored, doc->head);
	int r;

	if (nb < 0)
		return nb;
	r = st->conf.store.ops->append_batch(st->conf.store.ctx, &doc->id, doc->epoch, st->records,
	                                     (uint32_t)nb, &doc->ticket);
	if (r != 0)
		return r;
	for (int i = 0; i < nb; i++) {
		doc->cum_bytes += st->records[i].len;
		sync_doc_entry(doc, ++doc->stored)->cum_bytes = doc->cum_bytes;
	}
	return 0;
}

void
sync_doc_flush(struct statesync *st, struct doc *doc)
{
	while (doc->visible < doc->head) {
		const uint64_t from = doc->visible;

		/* One batch at a time: while a slow store works, the next one collects. */
		if (doc->stored == doc->visible && doc_append(st, doc) != 0) {
			doc_fail(st, doc);
			return;
		}
		if (st->conf.store.ops->durable(st->conf.store.ctx) < doc->ticket)
			return;
		doc->visible = doc->stored;
		sync_fanout(st, doc, from);
		if (doc->visible / TRIM_EVERY != from / TRIM_EVERY)
			sync_snap_trim(st, doc);
	}
	aef_list_remove(&doc->dirty);
}

/* ---- from the store ---- */

static int
load_one(struct statesync *st, struct doc *doc, const struct storeif_record *rec)
{
	struct text_opref *ref = NULL;
	struct text_op op;
	int r = sync_doc_room(st, doc);

	text_op_init(&op, st->env.alloc);
	if (r == 0)
		r = text_op_parse(rec->data, rec->len, NULL, &op);
	if (r == 0)
		r = text_op_apply(&doc->rope, &op, NULL);
	if (r == 0) {
		ref = text_opref_create(&op);
		r = ref != NULL ? 0 : AEF_ERR_FULL;
	}
	text_op_fini(&op);
	if (r != 0)
		return r;
	sync_doc_commit(st, doc, &rec->client, rec->seq, ref);
	doc->cum_bytes += rec->len;
	sync_doc_entry(doc, doc->head)->cum_bytes = doc->cum_bytes;
	doc->stored = doc->visible = doc->head;
	return 0;
}

/* Snapshot, then all operations behind it. */
static int
doc_load(struct statesync *st, struct doc *doc, const struct storeif_head *head)
{
	const struct storeif *store = &st->conf.store;
	struct storeif_snapshot snapshot;
	int r = store->ops->get_snapshot(store->ctx, &doc->id, head->version, &snapshot);

	if (r == 0 && snapshot.type != DOCMSG_TYPE_TEXT)
		r = AEF_ERR_UNSUPPORTED;
	if (r == 0 && snapshot.len > 0)
		r = text_rope_load(&doc->rope, snapshot.data, snapshot.len);
	if (r != 0)
		return r;
	memcpy(doc->digest.b, snapshot.digest, sizeof(doc->digest.b));
	doc->head = doc->stored = doc->visible = snapshot.version;
	doc->ring_first = snapshot.version + 1;
	while (r == 0 && doc->head < head->version) {
		const int nb = store->ops->read_ops(store->ctx, &doc->id, doc->head + 1,
		                                    st->records, DOCMSG_OPS_MAX);

		if (nb <= 0)
			return nb < 0 ? nb : AEF_ERR_GAP;
		for (int i = 0; r == 0 && i < nb; i++)
			r = load_one(st, doc, &st->records[i]);
	}
	st->load_doc = NULL;
	aef_list_remove(&doc->dirty);
	return r;
}

int
sync_doc_get(struct statesync *st, const struct aef_guuid *id, struct doc **ret_doc)
{
	struct doc *doc = sync_doc_find(st, id);
	struct storeif_head head;
	uint64_t epoch;
	int r;

	if (doc != NULL) {
		*ret_doc = doc;
		return 0;
	}
	/* The epoch first: it fences an earlier owner before we look. */
	r = epoch_of(st, id, &epoch);
	if (r == 0)
		r = st->conf.store.ops->head(st->conf.store.ctx, id, &head);
	if (r != 0)
		return r;
	doc = doc_new(st, id, epoch);
	if (doc == NULL)
		return AEF_ERR_LIMIT;
	r = doc_load(st, doc, &head);
	if (r != 0) {
		sync_doc_free(st, doc);
		return r;
	}
	*ret_doc = doc;
	return 0;
}

int
sync_doc_create(struct statesync *st, const struct aef_guuid *id, struct doc **ret_doc)
{
	uint64_t epoch;
	int r = epoch_of(st, id, &epoch);

	if (r == 0)
		r = st->conf.store.ops->create(st->conf.store.ctx, id, epoch, DOCMSG_TYPE_TEXT);
	return r != 0 ? r : sync_doc_get(st, id, ret_doc);
}
