/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store/mem.h - the log in memory: for tests and for a node that keeps nothing.
 *
 * Everything is durable at once and gone with the process. It outlives the service, so a service
 * that is taken down and started again finds its documents.
 *
 * Context: one thread per store.
 */
#ifndef STORE_MEM_H
#define STORE_MEM_H

#include <base/alloc.h>
#include <storeif/storeif.h>

struct store_mem;

struct store_mem_stats {
	uint64_t docs;
	uint64_t records;
	uint64_t record_bytes;
	uint64_t appends;        /* batches */
	uint64_t refused_epoch;  /* stale owner */
	uint64_t refused_order;  /* not head + 1 */
	uint64_t refused_memory; /* budget used up */
};

/**
 * Make a store.
 *
 * @param alloc    kept; its budget bounds the store
 * @param docs_max documents at most
 * @return 0 or AEF_ERR_NOMEM
 */
AEF_MUST_CHECK int store_mem_create(struct aef_alloc *alloc, uint32_t docs_max,
                                    struct store_mem **ret_store);

/** Give all memory back. NULL is accepted. */
void store_mem_destroy(struct store_mem *store);

/** The contract to hand to a service; valid as long as the store. */
struct storeif store_mem_if(struct store_mem *store);

/** Counters. */
const struct store_mem_stats *store_mem_stats(const struct store_mem *store);

#endif
