/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * op_transform.c - transform, compose, cursors.
 */
#include <string.h>

#include <text/utf8.h>

#include "op_priv.h"

/* Walks an operation in pieces. */
struct taker {
	const struct text_comp *c;
	const struct text_comp *end;
	const uint8_t *text; /* of *c, what is left of it */
	uint32_t nb;         /* code points left of *c */
	uint32_t bytes;      /* bytes of text left of *c */
};

struct piece {
	enum text_comp_kind kind;
	uint32_t nb;
	uint32_t bytes;
	const uint8_t *text;
};

static inline void
taker_load(struct taker *t)
{
	if (t->c < t->end) {
		t->nb = t->c->nb;
		t->bytes = t->c->bytes;
	}
}

static inline struct taker
taker_make(const struct text_op *op)
{
	struct taker t = { .c = text_op_ccomps(op), .text = text_op_text(op) };

	t.end = t.c + op->nb_comps;
	taker_load(&t);
	return t;
}

static inline bool
taker_done(const struct taker *t)
{
	return t->c == t->end;
}

/* Up to `max` code points of the present component; there is one. */
static inline struct piece
take(struct taker *t, uint32_t max)
{
	struct piece p = { .kind = t->c->kind, .nb = t->nb, .bytes = t->bytes, .text = t->text };

	if (p.nb <= max) {
		t->text += p.bytes;
		t->c++;
		taker_load(t);
		return p;
	}
	p.nb = max;
	if (p.bytes > 0)
		p.bytes = (uint32_t)text_utf8_offset(p.text, p.bytes, max);
	t->text += p.bytes;
	t->bytes -= p.bytes;
	t->nb -= max;
	return p;
}

static inline int
push_piece(struct text_op *op, const struct piece *p)
{
	return text_op_add(op, p->kind, p->nb, p->text, p->bytes);
}

static int
push_rest(struct text_op *op, struct taker *t)
{
	int r = 0;

	while (r == 0 && !taker_done(t)) {
		const struct piece p = take(t, UINT32_MAX);

		r = push_piece(op, &p);
	}
	text_op_trim(op);
	return r;
}

/* Carry op over a component of the other that keeps (`keeps`) or deletes nb code points. */
static int
pass_over(struct text_op *ret_op, struct taker *t, uint32_t nb, bool keeps)
{
	while (nb > 0 && !taker_done(t)) {
		const bool insert = t->c->kind == TEXT_INSERT;
		const struct piece p = take(t, insert ? UINT32_MAX : nb);

		if (!insert)
			nb -= p.nb;
		if (insert || keeps) {
			const int r = push_piece(ret_op, &p);

			if (r != 0)
				return r;
		}
	}
	return 0;
}

int
text_op_transform(const struct text_op *op, const struct text_op *other, enum text_side side,
                  struct text_op *ret_op)
{
	const struct text_comp *o = text_op_ccomps(other);
	const struct text_comp *const end = o + other->nb_comps;
	struct taker t = taker_make(op);
	int r = 0;

	text_op_reset(ret_op);
	for (; r == 0 && o < end && !taker_done(&t); o++) {
		if (o->kind != TEXT_INSERT) {
			r = pass_over(ret_op, &t, o->nb, o->kind == TEXT_KEEP);
			continue;
		}
		if (side == TEXT_LEFT && t.c->kind == TEXT_INSERT) {
			const struct piece p = take(&t, UINT32_MAX);

			r = push_piece(ret_op, &p);
		}
		if (r == 0)
			r = text_op_push(ret_op, TEXT_KEEP, o->nb, 0);
	}
	return r != 0 ? r : push_rest(ret_op, &t);
}

int
text_op_shift(struct text_op *op, int64_t delta)
{
	struct text_comp *c = text_op_comps(op);
	const int64_t nb = c->nb + delta;

	aef_assert_hot(c->kind == TEXT_KEEP && nb > 0);
	if (nb > TEXT_DOC_CPS_MAX)
		return AEF_ERR_LIMIT;
	c->nb = (uint32_t)nb & TEXT_DOC_CPS_MAX;
	return 0;
}

AEF_HOT int
text_op_transform_pair(struct text_op *left, struct text_op *right)
{
	struct text_op l2, r2;
	int r;

	if (left->nb_comps == 0 || right->nb_comps == 0)
		return 0;
	const struct text_op_extent el = text_op_extent(left), er = text_op_extent(right);

	if (el.end < er.start)
		return text_op_shift(right, el.delta);
	if (er.end < el.start)
		return text_op_shift(left, er.delta);
	text_op_init(&l2, left->alloc);
	text_op_init(&r2, right->alloc);
	r = text_op_transform(left, right, TEXT_LEFT, &l2);
	if (r == 0)
		r = text_op_transform(right, left, TEXT_RIGHT, &r2);
	if (r == 0) {
		text_op_swap(left, &l2);
		text_op_swap(right, &r2);
	}
	text_op_fini(&l2);
	text_op_fini(&r2);
	return r;
}

/* Carry `first` over nb code points that the second keeps. */
static int
compose_keep(struct text_op *ret_op, struct taker *t, uint32_t nb)
{
	int r = 0;

	while (r == 0 && nb > 0) {
		if (taker_done(t))
			return text_op_push(ret_op, TEXT_KEEP, nb, 0);
		const bool gone = t->c->kind == TEXT_DELETE;
		const struct piece p = take(t, gone ? UINT32_MAX : nb);

		if (!gone)
			nb -= p.nb;
		r = push_piece(ret_op, &p);
	}
	return r;
}

/* Carry `first` over the deletion `d` of the second. */
static int
compose_delete(struct text_op *ret_op, struct taker *t, struct taker *d)
{
	const struct text_comp *const until = d->c + 1;
	int r = 0;

	while (r == 0 && d->c < until) {
		struct piece p;

		if (taker_done(t)) {
			p = take(d, UINT32_MAX);
			r = push_piece(ret_op, &p);
			continue;
		}
		if (t->c->kind == TEXT_DELETE) {
			p = take(t, UINT32_MAX);
			r = push_piece(ret_op, &p);
			continue;
		}
		/* What the first inserted is simply gone; what it kept is deleted. */
		const struct piece mine = take(t, d->nb);

		p = take(d, mine.nb);
		if (mine.kind == TEXT_KEEP)
			r = push_piece(ret_op, &p);
	}
	return r;
}

int
text_op_compose(const struct text_op *first, const struct text_op *second, struct text_op *ret_op)
{
	struct taker t = taker_make(first);
	struct taker s = taker_make(second);
	int r = 0;

	text_op_reset(ret_op);
	while (r == 0 && !taker_done(&s)) {
		if (s.c->kind == TEXT_DELETE) {
			r = compose_delete(ret_op, &t, &s);
			continue;
		}
		const struct piece p = take(&s, UINT32_MAX);

		r = p.kind == TEXT_KEEP ? compose_keep(ret_op, &t, p.nb) : push_piece(ret_op, &p);
	}
	return r != 0 ? r : push_rest(ret_op, &t);
}

uint32_t
text_op_transform_pos(const struct text_op *op, uint32_t pos)
{
	const struct text_comp *c = text_op_ccomps(op);
	uint32_t at = 0;

	for (uint32_t i = 0; i < op->nb_comps && pos > at; i++) {
		switch (c[i].kind) {
		case TEXT_KEEP:
			at += c[i].nb;
			break;
		case TEXT_INSERT:
			at += c[i].nb;
			pos += c[i].nb;
			break;
		default:
			pos -= c[i].nb < pos - at ? c[i].nb : pos - at;
			break;
		}
	}
	return pos;
}

struct text_selection
text_op_transform_selection(const struct text_op *op, struct text_selection sel)
{
	return (struct text_selection){ text_op_transform_pos(op, sel.anchor),
		                        text_op_transform_pos(op, sel.head) };
}

uint32_t
text_op_end_pos(const struct text_op *op)
{
	const struct text_comp *c = text_op_ccomps(op);
	uint32_t at = 0;

	for (uint32_t i = 0; i < op->nb_comps; i++) {
		if (c[i].kind != TEXT_DELETE)
			at += c[i].nb;
	}
	return at;
}
