/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <text/op.h>
#include <text/utf8.h>

#include "op_priv.h"
#include "rope_priv.h"

void
text_op_fini(struct text_op *op)
{
	if (op == NULL)
		return;
	if (op->comps_cap > TEXT_OP_INLINE)
		aef_alloc_put(op->alloc, op->c.heap, op->comps_cap * sizeof(struct text_comp));
	if (op->text_cap > TEXT_OP_INLINE_TXT)
		aef_alloc_put(op->alloc, op->t.heap, op->text_cap);
	text_op_init(op, op->alloc);
}

/* ---- builder ---- */

static int
grow_comps(struct text_op *op)
{
	const uint32_t cap = op->comps_cap * 2;
	struct text_comp *comps;

	if (op->nb_comps >= TEXT_OP_COMPS_MAX)
		return AEF_ERR_LIMIT;
	comps = aef_alloc_get(op->alloc, cap * sizeof(*comps));
	if (comps == NULL)
		return AEF_ERR_FULL;
	memcpy(comps, text_op_comps(op), op->nb_comps * sizeof(*comps));
	if (op->comps_cap > TEXT_OP_INLINE)
		aef_alloc_put(op->alloc, op->c.heap, op->comps_cap * sizeof(*comps));
	op->c.heap = comps;
	op->comps_cap = cap;
	return 0;
}

static int
grow_text(struct text_op *op, uint32_t bytes)
{
	uint32_t cap = op->text_cap * 2;
	uint8_t *text;

	if (bytes > TEXT_OP_TEXT_MAX - op->text_bytes)
		return AEF_ERR_LIMIT;
	while (cap < op->text_bytes + bytes)
		cap *= 2;
	text = aef_alloc_get(op->alloc, cap);
	if (text == NULL)
		return AEF_ERR_FULL;
	memcpy(text, text_op_text(op), op->text_bytes);
	if (op->text_cap > TEXT_OP_INLINE_TXT)
		aef_alloc_put(op->alloc, op->t.heap, op->text_cap);
	op->t.heap = text;
	op->text_cap = cap;
	return 0;
}

int
text_op_room(struct text_op *op, uint32_t bytes, uint8_t **ret_at)
{
	if (bytes > op->text_cap - op->text_bytes) {
		const int r = grow_text(op, bytes);

		if (r != 0)
			return r;
	}
	*ret_at = (op->text_cap == TEXT_OP_INLINE_TXT ? op->t.in : op->t.heap) + op->text_bytes;
	return 0;
}

AEF_HOT int
text_op_push(struct text_op *op, enum text_comp_kind kind, uint32_t nb, uint32_t bytes)
{
	struct text_comp *last = text_op_comps(op) + op->nb_comps - 1;

	if (op->nb_comps > 0 && last->kind == kind) {
		if (nb > TEXT_DOC_CPS_MAX - last->nb)
			return AEF_ERR_LIMIT;
		/* A delete keeps its text only while all of it is known. */
		if (kind == TEXT_DELETE && (last->bytes == 0 || bytes == 0)) {
			op->text_bytes -= last->bytes;
			last->bytes = 0;
			bytes = 0;
		}
		last->nb = (last->nb + nb) & TEXT_DOC_CPS_MAX;
		last->bytes += bytes;
		op->text_bytes += bytes;
		return 0;
	}
	if (nb > TEXT_DOC_CPS_MAX)
		return AEF_ERR_LIMIT;
	if (op->nb_comps == op->comps_cap) {
		const int r = grow_comps(op);

		if (r != 0)
			return r;
	}
	last = text_op_comps(op) + op->nb_comps++;
	last->kind = kind;
	last->nb = nb & TEXT_DOC_CPS_MAX;
	last->bytes = bytes;
	op->text_bytes += bytes;
	return 0;
}

int
text_op_add(struct text_op *op, enum text_comp_kind kind, uint32_t nb, const uint8_t *text,
            uint32_t bytes)
{
	if (bytes > 0) {
		uint8_t *at;
		const int r = text_op_room(op, bytes, &at);

		if (r != 0)
			return r;
		memcpy(at, text, bytes);
	}
	return text_op_push(op, kind, nb, bytes);
}

int
text_op_keep(struct text_op *op, uint32_t nb)
{
	return nb == 0 ? 0 : text_op_push(op, TEXT_KEEP, nb, 0);
}

int
text_op_delete(struct text_op *op, uint32_t nb)
{
	return nb == 0 ? 0 : text_op_push(op, TEXT_DELETE, nb, 0);
}

static int
add_measured(struct text_op *op, enum text_comp_kind kind, const uint8_t *utf8, size_t len)
{
	struct text_count cnt;
	const int r = text_utf8_measure(utf8, len, &cnt);

	if (r != 0)
		return r;
	return len == 0 ? 0 : text_op_add(op, kind, cnt.cps, utf8, cnt.bytes);
}

int
text_op_insert(struct text_op *op, const uint8_t *utf8, size_t len)
{
	return add_measured(op, TEXT_INSERT, utf8, len);
}

int
text_op_delete_text(struct text_op *op, const uint8_t *utf8, size_t len)
{
	return add_measured(op, TEXT_DELETE, utf8, len);
}

/* ---- whole operations ---- */

int
text_op_copy(const struct text_op *op, struct text_op *ret_op)
{
	uint8_t *at;
	int r = 0;

	text_op_reset(ret_op);
	while (r == 0 && ret_op->comps_cap < op->nb_comps)
		r = grow_comps(ret_op);
	if (r == 0)
		r = text_op_room(ret_op, op->text_bytes, &at);
	if (r != 0)
		return r;
	memcpy(text_op_comps(ret_op), text_op_ccomps(op), op->nb_comps * sizeof(struct text_comp));
	memcpy(at, text_op_text(op), op->text_bytes);
	ret_op->nb_comps = op->nb_comps;
	ret_op->text_bytes = op->text_bytes;
	return 0;
}

bool
text_op_eq(const struct text_op *a, const struct text_op *b)
{
	const struct text_comp *ca = text_op_ccomps(a), *cb = text_op_ccomps(b);

	if (a->nb_comps != b->nb_comps || a->text_bytes != b->text_bytes)
		return false;
	for (uint32_t i = 0; i < a->nb_comps; i++) {
		if (ca[i].kind != cb[i].kind || ca[i].nb != cb[i].nb || ca[i].bytes != cb[i].bytes)
			return false;
	}
	return memcmp(text_op_text(a), text_op_text(b), a->text_bytes) == 0;
}

void
text_op_drop_deleted(struct text_op *op)
{
	struct text_comp *c = text_op_comps(op);
	uint8_t *const text = op->text_cap == TEXT_OP_INLINE_TXT ? op->t.in : op->t.heap;
	uint32_t from = 0, to = 0;

	for (uint32_t i = 0; i < op->nb_comps; i++) {
		const uint32_t bytes = c[i].bytes;

		if (c[i].kind == TEXT_DELETE) {
			c[i].bytes = 0;
		} else {
			memmove(text + to, text + from, bytes);
			to += bytes;
		}
		from += bytes;
	}
	op->text_bytes = to;
}

AEF_HOT struct text_op_extent
text_op_extent(const struct text_op *op)
{
	const struct text_comp *c = text_op_ccomps(op);
	struct text_op_extent ext = { 0 };
	uint64_t end = 0;

	if (op->nb_comps > 0 && c[0].kind == TEXT_KEEP)
		ext.start = c[0].nb;
	for (uint32_t i = 0; i < op->nb_comps; i++) {
		if (c[i].kind == TEXT_INSERT) {
			ext.delta += c[i].nb;
		} else {
			end += c[i].nb;
			if (c[i].kind == TEXT_DELETE)
				ext.delta -= c[i].nb;
		}
	}
	ext.end = end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
	return ext;
}

int
text_op_check(const struct text_op *op, uint32_t doc_cps)
{
	const struct text_op_extent ext = text_op_extent(op);

	if (ext.end > doc_cps)
		return AEF_ERR_RANGE;
	return ext.delta + doc_cps > TEXT_DOC_CPS_MAX ? AEF_ERR_LIMIT : 0;
}

/*
 * Make sure that no insert can run out of memory once the first change was made. One insert alone
 * is safe because it is done first; so *ret_first says where, else UINT32_MAX.
 */
static int
prepare(struct text_rope *rope, const struct text_op *op, uint32_t *ret_first)
{
	const struct text_comp *c = text_op_ccomps(op);
	uint32_t nb_inserts = 0, pos = 0, first = 0;
	uint64_t bytes = 0, cps = 0;

	for (uint32_t i = 0; i < op->nb_comps; i++) {
		if (c[i].kind == TEXT_INSERT) {
			first = pos;
			nb_inserts++;
			bytes += c[i].bytes;
			cps += c[i].nb;
		} else {
			pos += c[i].nb;
		}
	}
	*ret_first = nb_inserts == 1 ? first : UINT32_MAX;
	/* Also half-way, when nothing was deleted yet, the limits must hold. */
	if (bytes > UINT32_MAX - rope->total.bytes || cps > TEXT_DOC_CPS_MAX - rope->total.cps)
		return AEF_ERR_LIMIT;
	return nb_inserts > 1 ? text_rope_reserve(rope, nb_inserts, bytes) : 0;
}

/* Insert the text of component i at `pos`. */
static inline int
put_comp(struct text_rope *rope, const struct text_comp *c, uint32_t pos, const uint8_t *text)
{
	struct text_count cnt;

	if (c->bytes == 1)
		cnt = (struct text_count){ 1, 1, 1, *text == '\n' };
	else
		cnt = text_utf8_count(text, c->bytes);
	return text_rope_put(rope, pos, text, &cnt);
}

/* The only insert comes first: deletes cannot fail, so all or nothing holds. */
static int
apply_one_insert(struct text_rope *rope, const struct text_op *op, uint32_t first)
{
	const struct text_comp *c = text_op_ccomps(op);
	const uint8_t *text = text_op_text(op);
	uint32_t pos = 0, i;
	int r;

	for (i = 0; c[i].kind != TEXT_INSERT; i++)
		text += c[i].bytes;
	r = put_comp(rope, &c[i], first, text);
	if (r != 0)
		return r;
	for (i = 0; i < op->nb_comps; i++) {
		if (c[i].kind == TEXT_DELETE)
			text_rope_cut(rope, pos, c[i].nb);
		else
			pos += c[i].nb;
	}
	return 0;
}

AEF_HOT int
text_op_apply(struct text_rope *rope, const struct text_op *op, struct text_op *ret_inverse)
{
	const struct text_comp *c = text_op_ccomps(op);
	const uint8_t *text = text_op_text(op);
	uint32_t pos = 0, first;
	int r = text_op_check(op, rope->total.cps);

	if (r == 0 && ret_inverse != NULL)
		r = text_op_invert(op, rope, ret_inverse);
	if (r == 0)
		r = prepare(rope, op, &first);
	if (r != 0)
		return r;
	if (first != UINT32_MAX)
		return apply_one_insert(rope, op, first);
	for (uint32_t i = 0; r == 0 && i < op->nb_comps; i++) {
		if (c[i].kind == TEXT_DELETE) {
			text_rope_cut(rope, pos, c[i].nb);
		} else {
			if (c[i].kind == TEXT_INSERT)
				r = put_comp(rope, &c[i], pos, text);
			pos += c[i].nb;
		}
		text += c[i].bytes;
	}
	aef_assert(r == 0); /* limits were checked and nodes set aside */
	if (rope->reserved)
		text_rope_release(rope);
	return r;
}

/* Append the insertion of nb code points that `rope` has at pos. */
static int
insert_from(struct text_op *op, const struct text_rope *rope, uint32_t pos, uint32_t nb)
{
	const int64_t bytes = text_rope_range_bytes(rope, pos, nb);
	uint8_t *at;
	int r;

	if (bytes < 0)
		return AEF_ERR_RANGE;
	if (bytes > TEXT_OP_TEXT_MAX)
		return AEF_ERR_LIMIT;
	r = text_op_room(op, (uint32_t)bytes, &at);
	if (r != 0)
		return r;
	if (text_rope_read(rope, pos, nb, at, (size_t)bytes) != bytes)
		return AEF_ERR_RANGE;
	return text_op_push(op, TEXT_INSERT, nb, (uint32_t)bytes);
}

int
text_op_invert(const struct text_op *op, const struct text_rope *rope, struct text_op *ret_op)
{
	const struct text_comp *c = text_op_ccomps(op);
	const uint8_t *text = text_op_text(op);
	uint32_t pos = 0;
	int r = 0;

	text_op_reset(ret_op);
	for (uint32_t i = 0; r == 0 && i < op->nb_comps; i++) {
		switch (c[i].kind) {
		case TEXT_KEEP:
			r = text_op_push(ret_op, TEXT_KEEP, c[i].nb, 0);
			pos += c[i].nb;
			break;
		case TEXT_INSERT:
			r = text_op_add(ret_op, TEXT_DELETE, c[i].nb, text, c[i].bytes);
			break;
		default:
			if (rope != NULL)
				r = insert_from(ret_op, rope, pos, c[i].nb);
			else if (c[i].bytes > 0)
				r = text_op_add(ret_op, TEXT_INSERT, c[i].nb, text, c[i].bytes);
			else
				r = AEF_ERR_STATE;
			pos += c[i].nb;
			break;
		}
		text += c[i].bytes;
	}
	return r;
}

/* ---- shared operations ---- */

struct text_opref *
text_opref_create(struct text_op *op)
{
	struct text_opref *ref = aef_alloc_get(op->alloc, sizeof(*ref));

	if (ref == NULL)
		return NULL;
	ref->refs = 1;
	ref->op = *op;
	text_op_init(op, op->alloc);
	return ref;
}

void
text_opref_put(struct text_opref *ref)
{
	if (ref == NULL || --ref->refs > 0)
		return;
	struct aef_alloc *const alloc = ref->op.alloc;

	text_op_fini(&ref->op);
	aef_alloc_put(alloc, ref, sizeof(*ref));
}
