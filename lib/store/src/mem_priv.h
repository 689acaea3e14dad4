/* SPDX-License-Identifier: BSD-3-Clause */
/* mem_priv.h - the log of one document in memory. */
#ifndef STORE_MEM_PRIV_H
#define STORE_MEM_PRIV_H

#include <store/mem.h>

#define MEM_BLOCK_MIN 1024u
#define MEM_BLOCK_MAX (64u << 10)

/* Record data lies in blocks, freed from the front when the log is trimmed. */
struct mem_block {
	struct mem_block *next;
	uint64_t last_version; /* newest record with data here */
	uint32_t cap;
	uint32_t used;
	uint8_t data[];
};

struct mem_author {
	struct aef_guuid client;
	uint64_t seq;
	uint64_t version; /* 0: slot is free */
};

struct mem_log {
	struct aef_guuid id;
	uint32_t type;
	uint64_t head;

	struct storeif_record *records; /* versions first .. head */
	uint64_t first;
	uint32_t records_cap;
	uint64_t log_bytes;
	struct mem_block *oldest, *newest;

	struct mem_author *authors; /* open addressing, at most half full */
	uint32_t authors_cap;
	uint32_t nb_authors;

	struct storeif_snapshot snapshot;
	uint8_t *snapshot_data;
};

/** Empty log at version 0 with an empty snapshot. */
void mem_log_init(struct mem_log *log, const struct aef_guuid *id, uint32_t type);

/** Give all memory back. */
void mem_log_fini(struct mem_log *log, struct aef_alloc *alloc);

/** storeif_ops.append_batch, without epoch. */
int mem_log_append(struct mem_log *log, struct aef_alloc *alloc,
                   const struct storeif_record *records, uint32_t nb);

/** storeif_ops.read_ops */
int mem_log_read(const struct mem_log *log, uint64_t from, struct storeif_record *ret_records,
                 uint32_t max);

/** storeif_ops.ops_bytes */
uint64_t mem_log_bytes(const struct mem_log *log, uint64_t from, uint64_t to);

/** storeif_ops.put_snapshot, without epoch. */
int mem_log_put_snapshot(struct mem_log *log, struct aef_alloc *alloc,
                         const struct storeif_snapshot *snapshot);

/** storeif_ops.trim, without epoch. */
int mem_log_trim(struct mem_log *log, struct aef_alloc *alloc, uint64_t version);

/** storeif_ops.dedup: the author's slot, or NULL. */
const struct mem_author *mem_log_author(const struct mem_log *log, const struct aef_guuid *client);

#endif
