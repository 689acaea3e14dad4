/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text/op.h - the text operation of ot-text-unicode: keep, insert, delete over code points.
 *
 * An operation walks the document from the start. It is canonical: no empty component, no keep at
 * the end, neighbours of one kind joined. A delete next to an insert keeps the order it was given
 * in: the order decides ties in transform, so it belongs to the meaning. A delete may carry the
 * text it deletes (then the operation can be inverted without the document) or only a count.
 *
 * Source:  ot-text-unicode 4.0 (its vectors are the tests); transform property TP1 of Jupiter (UIST
 * 1995). Units:   lengths in code points; text in bytes of strict UTF-8. Context: one thread per
 * operation. An operation may be moved by struct assignment; the source is then no longer to be
 * used.
 */
#ifndef TEXT_OP_H
#define TEXT_OP_H

#include <base/alloc.h>
#include <json/json.h>
#include <text/rope.h>

#define TEXT_OP_COMPS_MAX  (1u << 16) /* hard limits of any operation, also of results */
#define TEXT_OP_TEXT_MAX   (16u << 20)
#define TEXT_OP_INLINE     4  /* components without memory of their own */
#define TEXT_OP_INLINE_TXT 32 /* bytes of text likewise */

enum text_comp_kind {
	TEXT_KEEP = 0,
	TEXT_INSERT = 1,
	TEXT_DELETE = 2,
};

struct text_comp {
	uint32_t kind : 2; /* enum text_comp_kind */
	uint32_t nb : 30;  /* code points, at least 1 */
	uint32_t bytes;    /* of its text; 0: keep, or a delete that is only a count */
};

struct text_op {
	struct aef_alloc *alloc;
	uint32_t nb_comps;
	uint32_t comps_cap; /* TEXT_OP_INLINE: `c.in` is used */
	uint32_t text_bytes;
	uint32_t text_cap; /* TEXT_OP_INLINE_TXT: `t.in` is used */
	union {
		struct text_comp in[TEXT_OP_INLINE];
		struct text_comp *heap;
	} c;
	union {
		uint8_t in[TEXT_OP_INLINE_TXT];
		uint8_t *heap;
	} t;
};

enum text_side {
	TEXT_LEFT,  /* at a tie this operation goes first: the one that reaches the server later */
	TEXT_RIGHT, /* at a tie the other goes first: the one that is committed already */
};

/* What a peer may send; zero fields mean the hard limits above. */
struct text_op_limits {
	uint32_t comps_max;
	uint32_t text_bytes_max;
};

/* Where an operation touches the document it applies to. */
struct text_op_extent {
	uint32_t start; /* first position touched; document length does not matter */
	uint32_t end;   /* one past the last code point walked over */
	int64_t delta;  /* inserted minus deleted */
};

/** Empty operation. @p alloc is kept, must outlive the operation. Takes no memory. */
static inline void
text_op_init(struct text_op *op, struct aef_alloc *alloc)
{
	op->alloc = alloc;
	op->nb_comps = 0;
	op->comps_cap = TEXT_OP_INLINE;
	op->text_bytes = 0;
	op->text_cap = TEXT_OP_INLINE_TXT;
}

/** Give memory back; the operation is then empty. NULL is accepted. */
void text_op_fini(struct text_op *op);

/** Empty the operation and keep its memory for reuse. */
static inline void
text_op_reset(struct text_op *op)
{
	op->nb_comps = 0;
	op->text_bytes = 0;
}

/** Its components, `nb_comps` of them; borrowed until the operation changes or moves. */
static inline struct text_comp *
text_op_comps(struct text_op *op)
{
	return op->comps_cap == TEXT_OP_INLINE ? op->c.in : op->c.heap;
}

static inline const struct text_comp *
text_op_ccomps(const struct text_op *op)
{
	return op->comps_cap == TEXT_OP_INLINE ? op->c.in : op->c.heap;
}

/** The text of all components in order, `text_bytes` long; borrowed likewise. */
static inline const uint8_t *
text_op_text(const struct text_op *op)
{
	return op->text_cap == TEXT_OP_INLINE_TXT ? op->t.in : op->t.heap;
}

/** True when it changes nothing. */
static inline bool
text_op_is_empty(const struct text_op *op)
{
	return op->nb_comps == 0;
}

/*
 * Builder: append at the end; every call keeps the operation canonical but for a keep at the end,
 * which text_op_trim() removes. All: 0, AEF_ERR_LIMIT, AEF_ERR_FULL; on failure unchanged.
 */

/** Append keep @p nb; 0 is nothing. */
AEF_MUST_CHECK int text_op_keep(struct text_op *op, uint32_t nb);

/** Append the insertion of @p utf8; also AEF_ERR_MALFORMED. Empty text is nothing. */
AEF_MUST_CHECK int text_op_insert(struct text_op *op, const uint8_t *utf8, size_t len);

/** Append the deletion of @p nb code points; 0 is nothing. */
AEF_MUST_CHECK int text_op_delete(struct text_op *op, uint32_t nb);

/** Append the deletion of exactly @p utf8; also AEF_ERR_MALFORMED. */
AEF_MUST_CHECK int text_op_delete_text(struct text_op *op, const uint8_t *utf8, size_t len);

/** Remove a keep at the end: the last call of a builder. */
static inline void
text_op_trim(struct text_op *op)
{
	if (op->nb_comps > 0 && text_op_comps(op)[op->nb_comps - 1].kind == TEXT_KEEP)
		op->nb_comps--;
}

/** Make @p ret_op (initialised) equal to @p op. 0 or AEF_ERR_FULL (then @p ret_op is empty). */
AEF_MUST_CHECK int text_op_copy(const struct text_op *op, struct text_op *ret_op);

/** Same components and text; a delete by count differs from a delete with text. */
bool text_op_eq(const struct text_op *a, const struct text_op *b);

/** Forget the text of deletes: they become counts, as the log and the digest see them. */
void text_op_drop_deleted(struct text_op *op);

/** Start, end and change of length. O(components). */
struct text_op_extent text_op_extent(const struct text_op *op);

/** 0, or AEF_ERR_RANGE when it walks past a document of @p doc_cps code points; AEF_ERR_LIMIT when
 *  the result would pass TEXT_DOC_CPS_MAX. */
AEF_MUST_CHECK int text_op_check(const struct text_op *op, uint32_t doc_cps);

/**
 * Apply to @p rope, all or nothing.
 *
 * @param ret_inverse initialised, overwritten with the operation that undoes this one; or NULL
 * @return 0, AEF_ERR_RANGE, AEF_ERR_LIMIT, AEF_ERR_FULL; on failure the rope is unchanged
 */
AEF_MUST_CHECK int text_op_apply(struct text_rope *rope, const struct text_op *op,
                                 struct text_op *ret_inverse);

/**
 * Inverse of @p op against the document it applies to, which is not changed.
 *
 * @param rope the document before @p op; NULL when every delete carries its text
 * @return 0, AEF_ERR_STATE (no rope and a delete by count), AEF_ERR_RANGE, AEF_ERR_LIMIT,
 * AEF_ERR_FULL
 */
AEF_MUST_CHECK int text_op_invert(const struct text_op *op, const struct text_rope *rope,
                                  struct text_op *ret_op);

/**
 * @p op as it must read after @p other, both made on the same document.
 *
 * @param ret_op initialised, neither of the arguments; overwritten
 * @return 0, AEF_ERR_LIMIT, AEF_ERR_FULL (then @p ret_op is undefined but may be finished)
 */
AEF_MUST_CHECK int text_op_transform(const struct text_op *op, const struct text_op *other,
                                     enum text_side side, struct text_op *ret_op);

/**
 * Both at once, in place: a := T(a, b, left), b := T(b, a, right). Operations that do not touch
 * cost no copy.
 *
 * @return 0, AEF_ERR_LIMIT, AEF_ERR_FULL; on failure both are unchanged
 */
AEF_MUST_CHECK int text_op_transform_pair(struct text_op *left, struct text_op *right);

/** One operation that does @p first, then @p second. As text_op_transform() for the rest. */
AEF_MUST_CHECK int text_op_compose(const struct text_op *first, const struct text_op *second,
                                   struct text_op *ret_op);

/**
 * Where a cursor stands after @p op. An insertion exactly at the cursor leaves it in front: the
 * author of an insertion places his own cursor with text_op_end_pos().
 */
uint32_t text_op_transform_pos(const struct text_op *op, uint32_t pos);

struct text_selection {
	uint32_t anchor;
	uint32_t head;
};

/** Both ends of a selection, each as text_op_transform_pos(). */
struct text_selection text_op_transform_selection(const struct text_op *op,
                                                  struct text_selection sel);

/** Position behind the last change of @p op, in the document after it: its author's cursor. */
uint32_t text_op_end_pos(const struct text_op *op);

/**
 * Read the JSON form, `[5,"hi",{"d":3}]`, or the same in CBOR, that is the next value of @p reader.
 *
 * Empty components are refused; neighbours of one kind are joined and a keep at the end is dropped.
 *
 * @param limits or NULL: the hard limits
 * @param ret_op initialised; overwritten, empty on failure
 * @return 0, AEF_ERR_MALFORMED, AEF_ERR_UNSUPPORTED (CBOR only), AEF_ERR_LIMIT, AEF_ERR_FULL
 */
AEF_MUST_CHECK int text_op_read(struct json_reader *reader, const struct text_op_limits *limits,
                                struct text_op *ret_op);

/** As text_op_read() for a buffer that holds one value of JSON and nothing else. */
AEF_MUST_CHECK int text_op_parse(const uint8_t *json, size_t len,
                                 const struct text_op_limits *limits, struct text_op *ret_op);

/** Write the JSON form; json_writer_failed() tells when it did not fit. */
void text_op_write(const struct text_op *op, struct json_writer *writer);

/* An operation that several owners hold: log, bridges, subscriber queues. */
struct text_opref {
	uint32_t refs;
	struct text_op op; /* constant while refs > 1 */
};

/** Take over @p op (moved, then empty) with one reference; memory from the allocator of @p op.
 * NULL: none. */
struct text_opref *text_opref_create(struct text_op *op);

/** One more reference. */
static inline struct text_opref *
text_opref_get(struct text_opref *ref)
{
	ref->refs++;
	return ref;
}

/** One reference less; the last one frees. NULL is accepted. */
void text_opref_put(struct text_opref *ref);

#endif
