/* SPDX-License-Identifier: BSD-3-Clause */
#include "registers_priv.h"
#include "sort_priv.h"

#define EDITS_MIN 8u
#define EDITS_MAX (2u * REGISTERS_MAX)
#define CBOR_GROW 9u /* text of CBOR is at most so many times as long: see json_transcode() */

/* A patch while it is read. */
struct reading {
	struct aef_alloc *alloc;
	struct json_reader *reader;
	struct edits *patch;
	uint8_t path[REGISTERS_PATH_MAX];
	uint32_t path_len;
	uint16_t base[JSON_DEPTH_MAX + 1]; /* path length of each open object */
	unsigned depth;
	bool is_value; /* null is a value, not a removal */
};

static int
edit_add(struct reading *r, const uint8_t *value, uint32_t len)
{
	struct edits *patch = r->patch;
	const size_t size = sizeof(void *);
	struct registers_leaf *leaf;

	if (patch->nb == patch->cap) {
		const uint32_t cap = patch->cap == 0 ? EDITS_MIN : patch->cap * 2;
		struct registers_leaf **leaves;

		if (patch->nb == EDITS_MAX)
			return AEF_ERR_LIMIT;
		leaves = aef_alloc_grow(r->alloc, patch->leaves, patch->cap * size, cap * size,
		                        patch->nb * size);
		if (leaves == NULL)
			return AEF_ERR_FULL;
		patch->leaves = leaves;
		patch->cap = cap;
	}
	leaf = leaf_new(r->alloc, &patch->stamp, r->path, r->path_len, value, len);
	if (leaf == NULL)
		return AEF_ERR_FULL;
	patch->leaves[patch->nb++] = leaf;
	return 0;
}

/* A scalar or an array: its shortest text is at most as long as what is read. */
static int
read_value(struct reading *r, int token)
{
	struct json_reader ahead = *r->reader;
	struct json_writer writer;
	size_t cap;
	uint8_t *text;
	int rc = json_skip(&ahead, token);

	if (rc != 0)
		return rc;
	/* Of a token that was read already, its slice and quotes. */
	cap = (size_t)(ahead.p - r->reader->p) + r->reader->slice_bytes + sizeof("false");
	if (r->reader->is_cbor)
		cap *= CBOR_GROW;
	text = aef_alloc_get(r->alloc, cap);
	if (text == NULL)
		return AEF_ERR_FULL;
	json_writer_init(&writer, text, cap);
	rc = json_transcode(&writer, r->reader, token);
	if (rc == 0)
		rc = edit_add(r, text, (uint32_t)json_writer_bytes(&writer));
	aef_alloc_put(r->alloc, text, cap);
	return rc;
}

/* A name of the innermost object: the path leads to its value. */
static int
read_name(struct reading *r)
{
	const uint32_t base = r->base[r->depth - 1];
	const struct json_reader *reader = r->reader;

	if (reader->str_bytes >= REGISTERS_PATH_MAX - base)
		return AEF_ERR_LIMIT;
	r->path[base] = REGISTERS_SEP;
	json_string_copy(reader, r->path + base + 1);
	r->path_len = base + 1 + reader->str_bytes;
	return 0;
}

static int
read_token(struct reading *r, int token)
{
	switch (token) {
	case JSON_TOK_OBJECT_BEGIN:
		r->base[r->depth++] = (uint16_t)r->path_len;
		return edit_add(r, (const uint8_t *)"{}", 2);
	case JSON_TOK_OBJECT_END:
		r->depth--;
		return 0;
	case JSON_TOK_KEY:
		return read_name(r);
	case JSON_TOK_NULL:
		return r->is_value ? edit_add(r, (const uint8_t *)"null", 4) : edit_add(r, NULL, 0);
	default:
		return read_value(r, token);
	}
}

static int
read_all(struct reading *r)
{
	int rc;

	do {
		const int token = json_next(r->reader);

		rc = token < 0               ? token
		     : token == JSON_TOK_END ? AEF_ERR_MALFORMED
		                             : read_token(r, token);
	} while (rc == 0 && r->depth > 0);
	return rc;
}

/* ---- order ---- */

typedef struct registers_leaf *leaf_pointer;

static bool
edit_before(const struct registers_leaf *a, const struct registers_leaf *b)
{
	return path_cmp(a->bytes, a->path_len, b->bytes, b->path_len) < 0;
}

SORT_DEFINE(edits_sort, leaf_pointer, edit_before)

/* RFC 7493: no name twice in one object. */
static bool
has_double(const struct edits *patch)
{
	for (uint32_t i = 1; i < patch->nb; i++)
		if (!edit_before(patch->leaves[i - 1], patch->leaves[i]))
			return true;
	return false;
}

/* ---- undo ---- */

/* Does the edit touch what another user wrote after that version? */
static bool
is_of_others(const struct registers *regs, const struct registers_leaf *edit, uint64_t version)
{
	const bool is_object = leaf_is_object(edit);

	for (uint32_t i = registers_at(regs, edit->bytes, edit->path_len); i < regs->nb; i++) {
		const struct registers_leaf *old = regs->leaves[i];

		if (!path_is_below(old->bytes, old->path_len, edit->bytes, edit->path_len))
			return false;
		/* An object without members is nobody's work; its members have their own edits. */
		if (is_object && (old->path_len != edit->path_len || leaf_is_object(old)))
			return false;
		if (old->written.version > version &&
		    !aef_guuid_eq(&old->written.user, &edit->written.user))
			return true;
	}
	return false;
}

/* Forget edits that touch the work of others, and with an object all that is in it. */
static void
leave_others(const struct registers *regs, struct aef_alloc *alloc, struct edits *patch,
             uint64_t version)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i < patch->nb;) {
		const struct registers_leaf *edit = patch->leaves[i];
		uint32_t end = i + 1;

		if (!is_of_others(regs, edit, version)) {
			patch->leaves[nb++] = patch->leaves[i++];
			continue;
		}
		while (end < patch->nb &&
		       path_is_below(patch->leaves[end]->bytes, patch->leaves[end]->path_len,
		                     edit->bytes, edit->path_len))
			end++;
		for (; i < end; i++)
			leaf_put(alloc, patch->leaves[i]);
	}
	patch->nb = nb;
}

/* ---- all of it ---- */

static void
on_count(void *ctx, enum walk_event what, struct registers_leaf *leaf)
{
	uint32_t *nb = ctx;

	(void)leaf;
	*nb += what == WALK_KEEP || what == WALK_ADD;
}

struct commit {
	struct aef_alloc *alloc;
	struct registers_leaf **next;
	uint32_t nb;
};

static void
on_commit(void *ctx, enum walk_event what, struct registers_leaf *leaf)
{
	struct commit *commit = ctx;

	if (what == WALK_KEEP || what == WALK_ADD)
		commit->next[commit->nb++] = leaf;
	else
		leaf_put(commit->alloc, leaf);
}

/* Edits into the set; their references go over to it. On error nothing has happened. */
static int
commit(struct registers *regs, struct aef_alloc *alloc, const struct edits *patch)
{
	struct commit c = { .alloc = alloc };
	const struct registers before = *regs;
	uint32_t nb = 0;

	registers_walk(regs, patch, on_count, &nb);
	if (nb > REGISTERS_MAX)
		return AEF_ERR_LIMIT;
	if (nb > 0)
		c.next = aef_alloc_get(alloc, nb * sizeof(void *));
	if (nb > 0 && c.next == NULL)
		return AEF_ERR_FULL;
	registers_walk(&before, patch, on_commit, &c);
	aef_assert(c.nb == nb);
	*regs = (struct registers){ c.next, nb, nb };
	aef_alloc_put(alloc, before.leaves, before.cap * sizeof(void *));
	return 0;
}

static int
read_and_commit(struct registers *regs, struct reading *r, const struct registers_stamp *stamp,
                uint64_t undo_from)
{
	struct edits patch = { .stamp = *stamp };
	int rc;

	r->patch = &patch;
	rc = read_all(r);
	if (rc == 0) {
		edits_sort(patch.leaves, patch.nb);
		rc = has_double(&patch) ? AEF_ERR_MALFORMED : 0;
	}
	if (rc == 0 && undo_from > 0)
		leave_others(regs, r->alloc, &patch, undo_from);
	if (rc == 0)
		rc = commit(regs, r->alloc, &patch);
	for (uint32_t i = 0; rc != 0 && i < patch.nb; i++)
		leaf_put(r->alloc, patch.leaves[i]);
	aef_alloc_put(r->alloc, patch.leaves, patch.cap * sizeof(void *));
	r->patch = NULL;
	return rc;
}

int
registers_load(struct registers *regs, struct aef_alloc *alloc, struct json_reader *reader,
               const struct registers_stamp *stamp)
{
	struct reading r = { .alloc = alloc, .reader = reader, .is_value = true };

	aef_assert(regs->nb == 0);
	return read_and_commit(regs, &r, stamp, 0);
}

int
registers_patch(struct registers *regs, struct aef_alloc *alloc, struct json_reader *reader,
                const struct registers_stamp *stamp, uint64_t undo_from)
{
	struct reading r = { .alloc = alloc, .reader = reader };

	return read_and_commit(regs, &r, stamp, undo_from);
}
