/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "mem_priv.h"

struct store_mem {
	struct aef_alloc *alloc;
	struct mem_log **docs; /* ascending by id */
	uint32_t nb_docs;
	uint32_t docs_max;
	uint64_t ticket;
	uint64_t epochs[STOREIF_SHARDS];
	struct store_mem_stats stats;
};

/* Index of the first document that is not below @p doc. */
static uint32_t
lower_bound(const struct store_mem *store, const struct aef_guuid *doc)
{
	uint32_t lo = 0, hi = store->nb_docs;

	while (lo < hi) {
		const uint32_t mid = lo + (hi - lo) / 2;

		if (aef_guuid_cmp(&store->docs[mid]->id, doc) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct mem_log *
find(const struct store_mem *store, const struct aef_guuid *doc)
{
	const uint32_t at = lower_bound(store, doc);

	return at < store->nb_docs && aef_guuid_eq(&store->docs[at]->id, doc) ? store->docs[at]
	                                                                      : NULL;
}

/* Only the newest owner of the document's shard may write. */
static int
fence(struct store_mem *store, const struct aef_guuid *doc, uint64_t epoch)
{
	if (epoch == store->epochs[storeif_shard(doc)])
		return 0;
	store->stats.refused_epoch++;
	return AEF_ERR_DENIED;
}

static int
counted(struct store_mem *store, int r)
{
	if (r == AEF_ERR_FULL)
		store->stats.refused_memory++;
	if (r == AEF_ERR_STATE)
		store->stats.refused_order++;
	return r;
}

static int
mem_own(void *ctx, uint32_t shard, uint64_t *ret_epoch)
{
	struct store_mem *store = ctx;

	if (shard >= STOREIF_SHARDS)
		return AEF_ERR_RANGE;
	*ret_epoch = ++store->epochs[shard];
	return 0;
}

static int
mem_create(void *ctx, const struct aef_guuid *doc, uint64_t epoch, uint32_t type)
{
	struct store_mem *store = ctx;
	const uint32_t at = lower_bound(store, doc);
	const int r = fence(store, doc, epoch);
	struct mem_log *log;

	if (r != 0)
		return r;
	if (at < store->nb_docs && aef_guuid_eq(&store->docs[at]->id, doc))
		return AEF_ERR_EXISTS;
	log = store->nb_docs < store->docs_max ? aef_alloc_get(store->alloc, sizeof(*log)) : NULL;
	if (log == NULL)
		return counted(store, AEF_ERR_FULL);
	mem_log_init(log, doc, type);
	memmove(store->docs + at + 1, store->docs + at,
	        (store->nb_docs - at) * sizeof(struct mem_log *));
	store->docs[at] = log;
	store->nb_docs++;
	store->stats.docs++;
	return 0;
}

static int
mem_head(void *ctx, const struct aef_guuid *doc, struct storeif_head *ret_head)
{
	const struct mem_log *log = find(ctx, doc);

	if (log == NULL)
		return AEF_ERR_NOTFOUND;
	*ret_head = (struct storeif_head){ log->head, log->first, log->snapshot.version,
		                           log->log_bytes };
	return 0;
}

static int
mem_append(void *ctx, const struct aef_guuid *doc, uint64_t epoch,
           const struct storeif_record *records, uint32_t nb, uint64_t *ret_ticket)
{
	struct store_mem *store = ctx;
	struct mem_log *log = find(store, doc);
	const uint64_t before = log != NULL ? log->log_bytes : 0;
	int r = fence(store, doc, epoch);

	if (r == 0)
		r = log == NULL ? AEF_ERR_NOTFOUND
		                : counted(store, mem_log_append(log, store->alloc, records, nb));
	if (r != 0)
		return r;
	store->stats.appends++;
	store->stats.records += nb;
	store->stats.record_bytes += log->log_bytes - before;
	*ret_ticket = ++store->ticket;
	return 0;
}

static uint64_t
mem_durable(void *ctx)
{
	return ((const struct store_mem *)ctx)->ticket;
}

static int
mem_read_ops(void *ctx, const struct aef_guuid *doc, uint64_t from,
             struct storeif_record *ret_records, uint32_t max)
{
	const struct mem_log *log = find(ctx, doc);

	return log == NULL ? AEF_ERR_NOTFOUND : mem_log_read(log, from, ret_records, max);
}

static uint64_t
mem_ops_bytes(void *ctx, const struct aef_guuid *doc, uint64_t from, uint64_t to)
{
	const struct mem_log *log = find(ctx, doc);

	return log == NULL ? UINT64_MAX : mem_log_bytes(log, from, to);
}

static int
mem_put_snapshot(void *ctx, const struct aef_guuid *doc, uint64_t epoch,
                 const struct storeif_snapshot *snapshot)
{
	struct store_mem *store = ctx;
	struct mem_log *log = find(store, doc);
	const int r = fence(store, doc, epoch);

	if (r != 0)
		return r;
	return log == NULL ? AEF_ERR_NOTFOUND
	                   : counted(store, mem_log_put_snapshot(log, store->alloc, snapshot));
}

static int
mem_get_snapshot(void *ctx, const struct aef_guuid *doc, uint64_t version,
                 struct storeif_snapshot *ret_snapshot)
{
	const struct mem_log *log = find(ctx, doc);

	if (log == NULL || log->snapshot.version > version)
		return AEF_ERR_NOTFOUND;
	*ret_snapshot = log->snapshot;
	return 0;
}

static int
mem_trim(void *ctx, const struct aef_guuid *doc, uint64_t epoch, uint64_t version)
{
	struct store_mem *store = ctx;
	struct mem_log *log = find(store, doc);
	const int r = fence(store, doc, epoch);

	if (r != 0)
		return r;
	return log == NULL ? AEF_ERR_NOTFOUND
	                   : counted(store, mem_log_trim(log, store->alloc, version));
}

static int
mem_dedup(void *ctx, const struct aef_guuid *doc, const struct aef_guuid *client, uint64_t *ret_seq,
          uint64_t *ret_version)
{
	const struct mem_log *log = find(ctx, doc);
	const struct mem_author *author = log != NULL ? mem_log_author(log, client) : NULL;

	if (author == NULL)
		return AEF_ERR_NOTFOUND;
	*ret_seq = author->seq;
	*ret_version = author->version;
	return 0;
}

static int
mem_list(void *ctx, const struct aef_guuid *after, struct aef_guuid *ret_docs, uint32_t max)
{
	const struct store_mem *store = ctx;
	uint32_t at = after != NULL ? lower_bound(store, after) : 0;
	uint32_t nb = 0;

	if (after != NULL && at < store->nb_docs && aef_guuid_eq(&store->docs[at]->id, after))
		at++;
	while (nb < max && at < store->nb_docs)
		ret_docs[nb++] = store->docs[at++]->id;
	return (int)nb;
}

int
store_mem_create(struct aef_alloc *alloc, uint32_t docs_max, struct store_mem **ret_store)
{
	struct store_mem *store = aef_alloc_get(alloc, sizeof(*store));

	if (store == NULL)
		return AEF_ERR_NOMEM;
	memset(store, 0, sizeof(*store));
	store->alloc = alloc;
	store->docs_max = docs_max;
	store->docs = aef_alloc_get(alloc, docs_max * sizeof(struct mem_log *));
	if (store->docs == NULL) {
		aef_alloc_put(alloc, store, sizeof(*store));
		return AEF_ERR_NOMEM;
	}
	*ret_store = store;
	return 0;
}

void
store_mem_destroy(struct store_mem *store)
{
	if (store == NULL)
		return;
	for (uint32_t i = 0; i < store->nb_docs; i++) {
		mem_log_fini(store->docs[i], store->alloc);
		aef_alloc_put(store->alloc, store->docs[i], sizeof(struct mem_log));
	}
	aef_alloc_put(store->alloc, store->docs, store->docs_max * sizeof(struct mem_log *));
	aef_alloc_put(store->alloc, store, sizeof(*store));
}

struct storeif
store_mem_if(struct store_mem *store)
{
	static const struct storeif_ops ops = {
		.own = mem_own,
		.create = mem_create,
		.head = mem_head,
		.append_batch = mem_append,
		.durable = mem_durable,
		.read_ops = mem_read_ops,
		.ops_bytes = mem_ops_bytes,
		.put_snapshot = mem_put_snapshot,
		.get_snapshot = mem_get_snapshot,
		.trim = mem_trim,
		.dedup = mem_dedup,
		.list = mem_list,
	};

	return (struct storeif){ &ops, store };
}

const struct store_mem_stats *
store_mem_stats(const struct store_mem *store)
{
	return &store->stats;
}
