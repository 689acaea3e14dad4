/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table_priv.h - intrusive hash table with chains; the number of slots is fixed at start.
 *
 * Keys are ids of 16 bytes mixed with a secret of the process, so a client cannot choose them to
 * meet in one slot.
 */
#ifndef STATESYNC_TABLE_PRIV_H
#define STATESYNC_TABLE_PRIV_H

#include <base/alloc.h>
#include <base/guuid.h>

struct table_node {
	struct table_node *next;
	uint64_t hash;
};

struct table {
	struct table_node **slots;
	uint64_t mask;
	uint64_t seed;
};

/** Slots for about @p nb_max entries. 0 or AEF_ERR_NOMEM (-4). */
static inline int
table_init(struct table *table, struct aef_alloc *alloc, uint32_t nb_max, uint64_t seed)
{
	uint64_t cap = 64;

	while (cap < nb_max)
		cap *= 2;
	table->mask = cap - 1;
	table->seed = seed;
	table->slots = aef_alloc_get(alloc, cap * sizeof(*table->slots));
	if (table->slots == NULL)
		return -4;
	memset(table->slots, 0, cap * sizeof(*table->slots));
	return 0;
}

static inline void
table_fini(struct table *table, struct aef_alloc *alloc)
{
	if (table->slots != NULL)
		aef_alloc_put(alloc, table->slots, (table->mask + 1) * sizeof(*table->slots));
	table->slots = NULL;
}

/** Hash of an id and a number; @p extra distinguishes keys that share the id. */
static inline uint64_t
table_hash(const struct table *table, const struct aef_guuid *id, uint64_t extra)
{
	uint64_t x[2], h = table->seed ^ extra;

	memcpy(x, id->b, sizeof(x));
	h = aef_splitmix64(&h) ^ x[0];
	h = aef_splitmix64(&h) ^ x[1];
	return aef_splitmix64(&h);
}

static inline void
table_add(struct table *table, struct table_node *node, uint64_t hash)
{
	struct table_node **slot = &table->slots[hash & table->mask];

	node->hash = hash;
	node->next = *slot;
	*slot = node;
}

static inline void
table_del(struct table *table, struct table_node *node)
{
	struct table_node **at = &table->slots[node->hash & table->mask];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
}

/** First node of @p hash's slot; follow `next` and compare hash and key. */
static inline struct table_node *
table_first(const struct table *table, uint64_t hash)
{
	return table->slots[hash & table->mask];
}

#endif
