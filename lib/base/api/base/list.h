/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/list.h - intrusive doubly linked list with a sentinel head.
 *
 * Context: anywhere; one writer. Nodes are borrowed: a list never frees them.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <base/defs.h>

struct aef_list {
	struct aef_list *next, *prev;
};

/** Make @p head an empty list, or @p head a node that is in no list. */
static inline void
aef_list_init(struct aef_list *head)
{
	head->next = head->prev = head;
}

/** True when the list is empty, or when a node that was initialised is in no list. */
static inline bool
aef_list_empty(const struct aef_list *head)
{
	return head->next == head;
}

/** Put @p node in front of @p at; with the head as @p at this appends. */
static inline void
aef_list_insert_before(struct aef_list *at, struct aef_list *node)
{
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}

static inline void
aef_list_append(struct aef_list *head, struct aef_list *node)
{
	aef_list_insert_before(head, node);
}

static inline void
aef_list_prepend(struct aef_list *head, struct aef_list *node)
{
	aef_list_insert_before(head->next, node);
}

/** Take @p node out of whatever list it is in; it is then an empty list of its own. */
static inline void
aef_list_remove(struct aef_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	aef_list_init(node);
}

#define aef_list_entry(node, type, member) aef_container_of(node, type, member)

#define aef_list_foreach(node, head)                                                               \
	for (struct aef_list *node = (head)->next; node != (head); node = node->next)

/* The body may remove `node`. */
#define aef_list_foreach_safe(node, head)                                                          \
	for (struct aef_list *node = (head)->next, *node##_next = node->next; node != (head);      \
	     node = node##_next, node##_next = node->next)

#endif
