/* SPDX-License-Identifier: BSD-3-Clause */
/* op_priv.h - how op.c, op_transform.c and op_json.c build operations. */
#ifndef TEXT_OP_PRIV_H
#define TEXT_OP_PRIV_H

#include <text/op.h>

/* Room for `bytes` behind the text, which are not yet counted; 0, LIMIT or FULL. */
int text_op_room(struct text_op *op, uint32_t bytes, uint8_t **ret_at);

/* Append a component whose text was just written where text_op_room() said. nb > 0. */
int text_op_push(struct text_op *op, enum text_comp_kind kind, uint32_t nb, uint32_t bytes);

/* Append a component with a copy of its text. nb > 0. */
int text_op_add(struct text_op *op, enum text_comp_kind kind, uint32_t nb, const uint8_t *text,
                uint32_t bytes);

/* Move the start of an operation that begins with a keep; 0 or LIMIT (then unchanged). */
int text_op_shift(struct text_op *op, int64_t delta);

/* Swap two initialised operations. */
static inline void
text_op_swap(struct text_op *a, struct text_op *b)
{
	const struct text_op t = *a;

	*a = *b;
	*b = t;
}

#endif
