/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/heap.h>

static bool
is_before(const struct aef_heap_node *a, const struct aef_heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

void
aef_heap_init(struct aef_heap *heap, struct aef_heap_node *nodes, uint32_t nodes_max)
{
	aef_assert(nodes != NULL && nodes_max > 0);
	*heap = (struct aef_heap){ .nodes = nodes, .nodes_max = nodes_max };
}

int
aef_heap_push(struct aef_heap *heap, uint64_t key, void *item, uint64_t *ret_seq)
{
	const struct aef_heap_node node = { .key = key, .seq = heap->next_seq, .item = item };

	if (heap->nb_nodes == heap->nodes_max)
		return AEF_ERR_FULL;
	heap->next_seq++;

	uint64_t at = heap->nb_nodes++; /* 64 bits: 2 x at + 2 must not wrap */

	while (at > 0 && is_before(&node, &heap->nodes[(at - 1) / 2])) {
		heap->nodes[at] = heap->nodes[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->nodes[at] = node;
	if (ret_seq != NULL)
		*ret_seq = node.seq;
	return 0;
}

bool
aef_heap_pop(struct aef_heap *heap, struct aef_heap_node *ret_node)
{
	if (heap->nb_nodes == 0)
		return false;
	*ret_node = heap->nodes[0];

	const struct aef_heap_node last = heap->nodes[--heap->nb_nodes];
	const uint64_t nb = heap->nb_nodes;
	uint64_t at = 0;

	while (2 * at + 1 < nb) {
		uint64_t child = 2 * at + 1;

		if (child + 1 < nb && is_before(&heap->nodes[child + 1], &heap->nodes[child]))
			child++;
		if (!is_before(&heap->nodes[child], &last))
			break;
		heap->nodes[at] = heap->nodes[child];
		at = child;
	}
	heap->nodes[at] = last;
	return true;
}
