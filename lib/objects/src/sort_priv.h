/* SPDX-License-Identifier: BSD-3-Clause */
/* sort_priv.h - heap sort: in place, and never slow, since clients choose the order. */
#ifndef OBJECTS_SORT_PRIV_H
#define OBJECTS_SORT_PRIV_H

#include <base/defs.h>

/* Defines `static void name(type *items, uint32_t nb)`; before(a, b): does a belong before b? */
#define SORT_DEFINE(name, type, before)                                                            \
	static void name##_sift(type *items, uint32_t at, uint32_t nb)                             \
	{                                                                                          \
		type item = items[at];                                                             \
                                                                                                   \
		for (uint32_t child = 2 * at + 1; child < nb; child = 2 * at + 1) {                \
			if (child + 1 < nb && before(items[child], items[child + 1]))              \
				child++;                                                           \
			if (!before(item, items[child]))                                           \
				break;                                                             \
			items[at] = items[child];                                                  \
			at = child;                                                                \
		}                                                                                  \
		items[at] = item;                                                                  \
	}                                                                                          \
                                                                                                   \
	static void name(type *items, uint32_t nb)                                                 \
	{                                                                                          \
		for (uint32_t i = nb / 2; i-- > 0;)                                                \
			name##_sift(items, i, nb);                                                 \
		for (uint32_t end = nb; end-- > 1;) {                                              \
			type last = items[end];                                                    \
                                                                                                   \
			items[end] = items[0];                                                     \
			items[0] = last;                                                           \
			name##_sift(items, 0, end);                                                \
		}                                                                                  \
	}

#endif
