/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/heap.h - binary min-heap of (key, seq) pairs over memory of the caller: event queues.
 *
 * The order is total and stable: equal keys come out in the order in which they went in, because
 * every push takes the next sequence number. So a run that pushes the same things pops the same.
 *
 * Source:  Williams, "Algorithm 232: Heapsort", CACM 7 (1964).
 * Units:   the key is whatever the caller compares by, usually nanoseconds.
 * Context: one thread per heap. push and pop are O(log n); no allocation.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <base/defs.h>

struct aef_heap_node {
	uint64_t key;
	uint64_t seq;
	void *item; /* never looked at here */
};

struct aef_heap {
	struct aef_heap_node *nodes;
	uint32_t nb_nodes;
	uint32_t nodes_max;
	uint64_t next_seq;
};

/**
 * Make an empty heap.
 *
 * @param nodes     room for @p nodes_max nodes; borrowed as long as the heap lives
 * @param nodes_max at least 1
 */
void aef_heap_init(struct aef_heap *heap, struct aef_heap_node *nodes, uint32_t nodes_max);

/**
 * Put @p item in.
 *
 * @param ret_seq the sequence number it got; may be NULL
 * @return 0, or AEF_ERR_FULL (then the heap is unchanged)
 */
AEF_MUST_CHECK int aef_heap_push(struct aef_heap *heap, uint64_t key, void *item,
                                 uint64_t *ret_seq);

/**
 * Take the node with the lowest (key, seq) out.
 *
 * @return false when the heap is empty (then @p ret_node is untouched)
 */
bool aef_heap_pop(struct aef_heap *heap, struct aef_heap_node *ret_node);

/** The node that aef_heap_pop() would give, or NULL; valid until the next push or pop. */
static inline const struct aef_heap_node *
aef_heap_peek(const struct aef_heap *heap)
{
	return heap->nb_nodes > 0 ? &heap->nodes[0] : NULL;
}

#endif
