/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/list.h>

#include "harness.h"

struct item {
	int value;
	struct aef_list node;
};

static int
values_of(const struct aef_list *head)
{
	int digits = 0;

	for (const struct aef_list *at = head->next; at != head; at = at->next)
		digits = digits * 10 +
		         ((const struct item *)((const char *)at - offsetof(struct item, node)))
		                 ->value;
	return digits;
}

START_TEST(list_append_and_prepend_keep_their_order)
{
	struct aef_list head;
	struct item items[4] = { { .value = 1 }, { .value = 2 }, { .value = 3 }, { .value = 4 } };

	aef_list_init(&head);
	ck_assert(aef_list_empty(&head));
	aef_list_append(&head, &items[1].node);
	aef_list_append(&head, &items[2].node);
	aef_list_prepend(&head, &items[0].node);
	ck_assert_int_eq(values_of(&head), 123);

	aef_list_insert_before(&items[1].node, &items[3].node);
	ck_assert_int_eq(values_of(&head), 1423);
}
END_TEST

START_TEST(list_removed_node_is_in_no_list_and_may_be_removed_again)
{
	struct aef_list head;
	struct item items[2] = { { .value = 1 }, { .value = 2 } };

	aef_list_init(&head);
	aef_list_append(&head, &items[0].node);
	aef_list_append(&head, &items[1].node);
	aef_list_remove(&items[0].node);
	aef_list_remove(&items[0].node);

	ck_assert(aef_list_empty(&items[0].node));
	ck_assert_int_eq(values_of(&head), 2);
}
END_TEST

START_TEST(list_foreach_safe_survives_the_removal_of_each_node)
{
	struct aef_list head;
	struct item items[5];
	int sum = 0;

	aef_list_init(&head);
	for (int i = 0; i < 5; i++) {
		items[i].value = i;
		aef_list_append(&head, &items[i].node);
	}
	aef_list_foreach_safe (node, &head) {
		sum += aef_list_entry(node, struct item, node)->value;
		aef_list_remove(node);
	}

	ck_assert_int_eq(sum, 10);
	ck_assert(aef_list_empty(&head));
	aef_list_foreach (node, &head)
		ck_abort_msg("an empty list has no node %p", (void *)node);
}
END_TEST

TEST_SUITE(list, &list_append_and_prepend_keep_their_order,
           &list_removed_node_is_in_no_list_and_may_be_removed_again,
           &list_foreach_safe_survives_the_removal_of_each_node)
