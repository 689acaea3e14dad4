/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "mem_priv.h"

void
mem_log_init(struct mem_log *log, const struct aef_guuid *id, uint32_t type)
{
	memset(log, 0, sizeof(*log));
	log->id = *id;
	log->type = type;
	log->first = 1;
	log->snapshot.type = type;
}

static void
free_block(struct mem_log *log, struct aef_alloc *alloc)
{
	struct mem_block *block = log->oldest;

	log->oldest = block->next;
	if (log->oldest == NULL)
		log->newest = NULL;
	aef_alloc_put(alloc, block, sizeof(*block) + block->cap);
}

void
mem_log_fini(struct mem_log *log, struct aef_alloc *alloc)
{
	while (log->oldest != NULL)
		free_block(log, alloc);
	aef_alloc_put(alloc, log->records, log->records_cap * sizeof(*log->records));
	aef_alloc_put(alloc, log->authors, log->authors_cap * sizeof(*log->authors));
	aef_alloc_put(alloc, log->snapshot_data, log->snapshot.len);
}

/* ---- authors ---- */

static struct mem_author *
author_slot(struct mem_author *authors, uint32_t cap, const struct aef_guuid *client)
{
	uint64_t state;

	memcpy(&state, client->b + 8, sizeof(state));
	for (uint64_t i = aef_splitmix64(&state);; i++) {
		struct mem_author *slot = &authors[i & (cap - 1)];

		if (slot->version == 0 || aef_guuid_eq(&slot->client, client))
			return slot;
	}
}

const struct mem_author *
mem_log_author(const struct mem_log *log, const struct aef_guuid *client)
{
	if (log->authors_cap == 0)
		return NULL;
	const struct mem_author *slot = author_slot(log->authors, log->authors_cap, client);

	return slot->version != 0 ? slot : NULL;
}

/* Room for @p nb more authors. */
static int
authors_room(struct mem_log *log, struct aef_alloc *alloc, uint32_t nb)
{
	uint32_t cap = log->authors_cap > 0 ? log->authors_cap : 8;
	struct mem_author *authors;

	while (cap < (log->nb_authors + nb) * 2)
		cap *= 2;
	if (cap == log->authors_cap)
		return 0;
	authors = aef_alloc_get(alloc, cap * sizeof(*authors));
	if (authors == NULL)
		return AEF_ERR_FULL;
	memset(authors, 0, cap * sizeof(*authors));
	for (uint32_t i = 0; i < log->authors_cap; i++) {
		const struct mem_author *old = &log->authors[i];

		if (old->version != 0)
			*author_slot(authors, cap, &old->client) = *old;
	}
	aef_alloc_put(alloc, log->authors, log->authors_cap * sizeof(*authors));
	log->authors = authors;
	log->authors_cap = cap;
	return 0;
}

static void
note_author(struct mem_log *log, const struct storeif_record *rec)
{
	struct mem_author *slot = author_slot(log->authors, log->authors_cap, &rec->client);

	if (slot->version == 0)
		log->nb_authors++;
	slot->client = rec->client;
	slot->seq = rec->seq;
	slot->version = rec->version;
}

/* How many authors of the batch differ from the record before: an upper bound of new ones. */
static uint32_t
author_changes(const struct storeif_record *records, uint32_t nb)
{
	uint32_t changes = 1;

	for (uint32_t i = 1; i < nb; i++)
		changes += !aef_guuid_eq(&records[i].client, &records[i - 1].client);
	return changes;
}

/* ---- records ---- */

static int
records_room(struct mem_log *log, struct aef_alloc *alloc, uint32_t nb)
{
	const uint64_t have = log->head + 1 - log->first;
	uint64_t cap = log->records_cap > 0 ? log->records_cap : 16;
	struct storeif_record *records;

	while (cap < have + nb)
		cap *= 2;
	if (cap == log->records_cap)
		return 0;
	if (cap > UINT32_MAX)
		return AEF_ERR_FULL;
	records = aef_alloc_grow(alloc, log->records, log->records_cap * sizeof(*records),
	                         cap * sizeof(*records), have * sizeof(*records));
	if (records == NULL)
		return AEF_ERR_FULL;
	log->records = records;
	log->records_cap = (uint32_t)cap;
	return 0;
}

/* Room for @p bytes in one block, at the end. */
static int
block_room(struct mem_log *log, struct aef_alloc *alloc, uint64_t bytes)
{
	uint64_t cap = log->newest != NULL ? (uint64_t)log->newest->cap * 2 : MEM_BLOCK_MIN;
	struct mem_block *block;

	if (log->newest != NULL && bytes <= log->newest->cap - log->newest->used)
		return 0;
	cap = aef_max_u64(aef_min_u64(cap, MEM_BLOCK_MAX), bytes);
	if (cap > UINT32_MAX)
		return AEF_ERR_FULL;
	block = aef_alloc_get(alloc, sizeof(*block) + cap);
	if (block == NULL)
		return AEF_ERR_FULL;
	*block = (struct mem_block){ .cap = (uint32_t)cap, .last_version = log->head };
	if (log->newest != NULL)
		log->newest->next = block;
	else
		log->oldest = block;
	log->newest = block;
	return 0;
}

int
mem_log_append(struct mem_log *log, struct aef_alloc *alloc, const struct storeif_record *records,
               uint32_t nb)
{
	uint64_t bytes = 0;
	int r;

	for (uint32_t i = 0; i < nb; i++) {
		if (records[i].version != log->head + 1 + i)
			return AEF_ERR_STATE;
		bytes += records[i].len;
	}
	/* All memory first, so that nothing is half done. */
	r = records_room(log, alloc, nb);
	if (r == 0)
		r = authors_room(log, alloc, author_changes(records, nb));
	if (r == 0)
		r = block_room(log, alloc, bytes);
	if (r != 0)
		return r;
	for (uint32_t i = 0; i < nb; i++) {
		struct storeif_record *rec = &log->records[records[i].version - log->first];

		*rec = records[i];
		rec->data = log->newest->data + log->newest->used;
		if (rec->len > 0)
			memcpy(log->newest->data + log->newest->used, records[i].data, rec->len);
		log->newest->used += rec->len;
		log->newest->last_version = rec->version;
		note_author(log, rec);
	}
	log->head += nb;
	log->log_bytes += bytes;
	return 0;
}

int
mem_log_read(const struct mem_log *log, uint64_t from, struct storeif_record *ret_records,
             uint32_t max)
{
	if (from < log->first)
		return AEF_ERR_GAP;
	if (from > log->head)
		return 0;
	const uint32_t nb = (uint32_t)aef_min_u64(max, log->head - from + 1);

	memcpy(ret_records, &log->records[from - log->first], nb * sizeof(*ret_records));
	return (int)nb;
}

uint64_t
mem_log_bytes(const struct mem_log *log, uint64_t from, uint64_t to)
{
	uint64_t bytes = 0;

	if (from < log->first || to > log->head)
		return UINT64_MAX;
	if (from == log->first && to == log->head)
		return log->log_bytes;
	for (uint64_t v = from; v <= to; v++)
		bytes += log->records[v - log->first].len;
	return bytes;
}

/* ---- snapshots ---- */

int
mem_log_put_snapshot(struct mem_log *log, struct aef_alloc *alloc,
                     const struct storeif_snapshot *snapshot)
{
	uint8_t *data = NULL;

	if (snapshot->version > log->head || snapshot->version < log->snapshot.version)
		return AEF_ERR_STATE;
	if (snapshot->len > 0) {
		data = aef_alloc_get(alloc, snapshot->len);
		if (data == NULL)
			return AEF_ERR_FULL;
		memcpy(data, snapshot->data, snapshot->len);
	}
	aef_alloc_put(alloc, log->snapshot_data, log->snapshot.len);
	log->snapshot = *snapshot;
	log->snapshot.data = data;
	log->snapshot_data = data;
	return 0;
}

int
mem_log_trim(struct mem_log *log, struct aef_alloc *alloc, uint64_t version)
{
	if (version > log->snapshot.version + 1)
		return AEF_ERR_STATE;
	if (version <= log->first)
		return 0;
	const uint64_t drop = version - log->first;

	for (uint64_t i = 0; i < drop; i++)
		log->log_bytes -= log->records[i].len;
	memmove(log->records, log->records + drop,
	        (log->head + 1 - version) * sizeof(*log->records));
	log->first = version;
	while (log->oldest != NULL && log->oldest->last_version < version &&
	       log->oldest != log->newest)
		free_block(log, alloc);
	return 0;
}
