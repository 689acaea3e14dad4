/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "soak.h"

struct pair {
	struct aef_alloc alloc;
	struct soak_text doc;
	struct text_op a;
	struct text_op b;
};

static void
pair_make(struct pair *p, uint64_t seed, uint64_t idx)
{
	struct aef_rng rng;

	aef_rng_init(&rng, seed + idx * 0x9e3779b97f4a7c15ull);
	p->alloc = soak_alloc(UINT64_MAX);
	text_op_init(&p->a, &p->alloc);
	text_op_init(&p->b, &p->alloc);
	p->doc.bytes = 0;
	soak_random_text(&rng, &p->doc, 12);
	soak_random_op(&rng, &p->doc, 3, &p->a);
	soak_random_op(&rng, &p->doc, 3, &p->b);
}

static void
pair_free(struct pair *p)
{
	text_op_fini(&p->a);
	text_op_fini(&p->b);
}

static bool
is_canonical(const struct text_op *op)
{
	const struct text_comp *c = text_op_ccomps(op);

	for (uint32_t i = 0; i < op->nb_comps; i++) {
		if (c[i].nb == 0 || (i > 0 && c[i].kind == c[i - 1].kind))
			return false;
	}
	return op->nb_comps == 0 || c[op->nb_comps - 1].kind != TEXT_KEEP;
}

/* What check_* share: results of one pair. */
struct results {
	struct text_op a2, b2, t1, t2;
	struct soak_text da, db, dab, dba;
};

/* apply(apply(d, a), T(b, a, right)) = apply(apply(d, b), T(a, b, left)) */
static const char *
check_tp1(const struct pair *p, struct results *r)
{
	if (text_op_transform(&p->a, &p->b, TEXT_LEFT, &r->a2) != 0 ||
	    text_op_transform(&p->b, &p->a, TEXT_RIGHT, &r->b2) != 0)
		return "transform failed";
	if (!is_canonical(&r->a2) || !is_canonical(&r->b2))
		return "transform is not canonical";
	if (!soak_apply(&p->doc, &p->a, &r->da) || !soak_apply(&p->doc, &p->b, &r->db) ||
	    !soak_apply(&r->da, &r->b2, &r->dab) || !soak_apply(&r->db, &r->a2, &r->dba))
		return "walks past the end";
	if (!soak_text_eq(&r->dab, &r->dba))
		return "TP1";
	if (text_op_copy(&p->a, &r->t1) != 0 || text_op_copy(&p->b, &r->t2) != 0 ||
	    text_op_transform_pair(&r->t1, &r->t2) != 0)
		return "transform_pair failed";
	return text_op_eq(&r->t1, &r->a2) && text_op_eq(&r->t2, &r->b2) ? NULL
	                                                                : "transform_pair differs";
}

static const char *
check_compose(const struct pair *p, struct results *r)
{
	struct soak_text d;

	if (text_op_compose(&p->a, &r->b2, &r->t1) != 0)
		return "compose failed";
	if (!is_canonical(&r->t1))
		return "compose is not canonical";
	if (!soak_apply(&p->doc, &r->t1, &d) || !soak_text_eq(&d, &r->dab))
		return "compose";
	return NULL;
}

/* The rope, the inverse, the JSON form. */
static const char *
check_rope(struct pair *p, struct results *r)
{
	struct text_rope rope;
	struct soak_text d;
	struct json_writer w;
	uint8_t buf[4096];
	const char *bad = NULL;

	text_rope_init(&rope, &p->alloc);
	if (text_rope_load(&rope, p->doc.data, p->doc.bytes) != 0 ||
	    text_op_apply(&rope, &p->a, &r->t1) != 0)
		bad = "apply failed";
	soak_of_rope(&rope, &d);
	if (bad == NULL && (!text_rope_is_sound(&rope) || !soak_text_eq(&d, &r->da)))
		bad = "rope differs";
	if (bad == NULL && text_op_apply(&rope, &r->t1, NULL) != 0)
		bad = "inverse failed";
	soak_of_rope(&rope, &d);
	if (bad == NULL && !soak_text_eq(&d, &p->doc))
		bad = "inverse";
	text_rope_fini(&rope);
	json_writer_init(&w, buf, sizeof(buf));
	text_op_write(&p->a, &w);
	if (bad == NULL && (text_op_parse(buf, json_writer_bytes(&w), NULL, &r->t1) != 0 ||
	                    !text_op_eq(&r->t1, &p->a)))
		bad = "JSON form";
	return bad;
}

static const char *
pair_check(struct pair *p, bool with_rope)
{
	struct results r;
	const char *bad;

	text_op_init(&r.a2, &p->alloc);
	text_op_init(&r.b2, &p->alloc);
	text_op_init(&r.t1, &p->alloc);
	text_op_init(&r.t2, &p->alloc);
	bad = check_tp1(p, &r);
	if (bad == NULL)
		bad = check_compose(p, &r);
	if (bad == NULL && with_rope)
		bad = check_rope(p, &r);
	text_op_fini(&r.a2);
	text_op_fini(&r.b2);
	text_op_fini(&r.t1);
	text_op_fini(&r.t2);
	return bad;
}

const char *
soak_pair(uint64_t seed, uint64_t idx)
{
	struct pair p;
	const char *bad;

	pair_make(&p, seed, idx);
	bad = pair_check(&p, idx % 16 == 0);
	pair_free(&p);
	if (bad == NULL && p.alloc.used_bytes != 0)
		bad = "memory leaked";
	return bad;
}

/* Copy of op without component `drop`, or with one code point less in it (`less`). */
static int
reduce(const struct text_op *op, uint32_t drop, bool less, struct text_op *ret_op)
{
	const struct text_comp *c = text_op_ccomps(op);
	const uint8_t *text = text_op_text(op);
	int r = 0;

	text_op_reset(ret_op);
	for (uint32_t i = 0; r == 0 && i < op->nb_comps; i++) {
		const uint32_t nb = i != drop ? c[i].nb : less ? c[i].nb - 1u : 0u;

		if (c[i].kind == TEXT_INSERT && nb > 0) {
			uint32_t len = c[i].bytes;

			if (nb < c[i].nb) {
				do
					len--;
				while (len > 0 && (text[len] & 0xc0) == 0x80);
			}
			r = text_op_insert(ret_op, text, len);
		} else if (c[i].kind == TEXT_KEEP) {
			r = text_op_keep(ret_op, nb);
		} else if (c[i].kind == TEXT_DELETE) {
			r = text_op_delete(ret_op, nb);
		}
		text += c[i].bytes;
	}
	text_op_trim(ret_op);
	return r;
}

/* Try one reduction of one operation; true: it still fails and was kept. */
static bool
try_op(struct pair *p, struct text_op *op, uint32_t i, bool less)
{
	struct text_op was = *op, smaller;

	text_op_init(&smaller, &p->alloc);
	if (reduce(&was, i, less, &smaller) == 0 && !text_op_eq(&smaller, &was)) {
		*op = smaller;
		if (pair_check(p, true) != NULL) {
			text_op_fini(&was);
			return true;
		}
		smaller = *op;
	}
	*op = was;
	text_op_fini(&smaller);
	return false;
}

static bool
shrink_step(struct pair *p)
{
	struct text_op *const ops[2] = { &p->a, &p->b };
	const uint32_t bytes = p->doc.bytes;

	for (unsigned k = 0; k < 4; k++) {
		for (uint32_t i = 0; i < ops[k & 1]->nb_comps; i++) {
			if (try_op(p, ops[k & 1], i, k >= 2))
				return true;
		}
	}
	/* The last code point of the document, unless an operation then walks past the end. */
	while (p->doc.bytes > 0 && (p->doc.data[--p->doc.bytes] & 0xc0) == 0x80)
		;
	const uint32_t cps = soak_cps(&p->doc);

	if (p->doc.bytes < bytes && text_op_check(&p->a, cps) == 0 &&
	    text_op_check(&p->b, cps) == 0 && pair_check(p, true) != NULL)
		return true;
	p->doc.bytes = bytes;
	return false;
}

void
soak_pair_shrink(uint64_t seed, uint64_t idx)
{
	struct pair p;
	const char *bad;

	pair_make(&p, seed, idx);
	while (shrink_step(&p))
		;
	bad = pair_check(&p, true);
	printf("smallest form of pair %llu of seed %llu fails: %s\n", (unsigned long long)idx,
	       (unsigned long long)seed, bad != NULL ? bad : "no longer");
	soak_print("doc", &p.doc, NULL);
	soak_print("left", NULL, &p.a);
	soak_print("right", NULL, &p.b);
	pair_free(&p);
}
