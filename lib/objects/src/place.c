/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/siphash.h>

#include "objects_priv.h"

static const char parent_path[] = "\xffparent";

const char *
place_member(const struct objects *objs)
{
	return objs->conf.kind == OBJECTS_SHEET ? "pos" : "z";
}

/* Text of a string register without escapes in @p buf. @return its length; -1: no string, or longer
 */
static int
string_of(const struct registers *regs, const char *path, uint8_t *buf, uint32_t cap, bool *ret_is)
{
	struct json_reader reader;
	uint32_t len;
	const uint8_t *text =
		registers_get(regs, (const uint8_t *)path, (uint32_t)strlen(path), &len, NULL);

	*ret_is = text != NULL;
	if (text == NULL)
		return 0;
	json_reader_init(&reader, text, len);
	if (json_next(&reader) != JSON_TOK_STRING || reader.str_bytes > cap)
		return -1;
	json_string_copy(&reader, buf);
	return (int)reader.str_bytes;
}

static int
key_of(const struct objects *objs, const struct registers *regs, struct frac_key *ret_key,
       bool *ret_is)
{
	uint8_t text[FRAC_KEY_MAX];
	const int len = string_of(regs, objs->conf.kind == OBJECTS_SHEET ? "\xffpos" : "\xffz",
	                          text, sizeof(text), ret_is);

	if (!*ret_is)
		return 0;
	return len < 0 ? AEF_ERR_MALFORMED : frac_parse(text, (size_t)len, ret_key);
}

bool
place_key(const struct objects *objs, const struct object *obj, struct frac_key *ret_key)
{
	bool is;

	return key_of(objs, object_next(obj), ret_key, &is) == 0 && is;
}

/* Siblings have one parent; in a sheet, rows, columns and sheets stand each for themselves. */
static uint8_t
row_or_column(const struct objects *objs, const struct object *obj)
{
	return objs->conf.kind == OBJECTS_SHEET ? obj->id[0] : 0;
}

static uint64_t
hash_of(const struct objects *objs, const struct object *parent, uint8_t group,
        const struct frac_key *key)
{
	const uint64_t above = parent != NULL ? parent->hash : 0;
	struct aef_siphash sip;

	aef_siphash_init(&sip, objs->hash_key, false);
	aef_siphash_update(&sip, &above, sizeof(above));
	aef_siphash_update(&sip, &group, 1);
	aef_siphash_update(&sip, key->b, key->len);
	return aef_siphash_final64(&sip);
}

bool
place_hash(const struct objects *objs, const struct object *obj, uint64_t *ret_hash)
{
	struct frac_key key;

	if (!place_key(objs, obj, &key))
		return false;
	*ret_hash = hash_of(objs, object_next_parent(obj), row_or_column(objs, obj), &key);
	return true;
}

/* ---- parents ---- */

/* The parent that its registers name. */
static enum objects_reason
parent_find(struct objects *objs, struct object *obj)
{
	uint8_t id[OBJECTS_ID_MAX];
	bool is;
	const int len = string_of(&obj->next, parent_path, id, sizeof(id), &is);

	if (!is) {
		obj->next_parent = NULL;
		return OBJECTS_OK;
	}
	if (len <= 0)
		return OBJECTS_MEMBER;
	obj->next_parent = object_find(objs, id, (uint32_t)len);
	if (obj->next_parent == NULL || !object_will(obj->next_parent))
		return obj->next_parent != NULL && obj->next_parent->gone != 0 ? OBJECTS_GONE
		                                                               : OBJECTS_NOT_FOUND;
	return OBJECTS_OK;
}

static enum objects_reason
parents_check(const struct object *obj)
{
	const struct object *up = obj;

	for (unsigned depth = 0; depth <= OBJECTS_DEPTH_MAX; depth++) {
		up = object_next_parent(up);
		if (up == NULL)
			return OBJECTS_OK;
		if (up == obj)
			return OBJECTS_CYCLE;
	}
	return OBJECTS_CYCLE;
}

/* ---- keys ---- */

static bool
is_sibling(const struct objects *objs, const struct object *a, const struct object *b)
{
	return a != b && object_will(b) && object_next_parent(a) == object_next_parent(b) &&
	       row_or_column(objs, a) == row_or_column(objs, b) && !object_is_cell(objs, b);
}

static bool
has_key(const struct objects *objs, const struct object *obj, const struct frac_key *key)
{
	struct frac_key own;

	return place_key(objs, obj, &own) && frac_cmp(&own, key) == 0;
}

/* Has a sibling this key? Those that are not touched are found by it. */
static bool
is_taken(const struct objects *objs, const struct object *obj, const struct frac_key *key)
{
	const uint64_t hash = hash_of(objs, object_next_parent(obj), row_or_column(objs, obj), key);

	for (const struct object *other = objs->key_slots[hash & objs->mask]; other != NULL;
	     other = other->key_chain)
		if (!other->touched && other->key_hash == hash && is_sibling(objs, obj, other) &&
		    has_key(objs, other, key))
			return true;
	aef_list_foreach (at, &objs->touched) {
		const struct object *other = aef_list_entry(at, struct object, in_touched);

		if (is_sibling(objs, obj, other) && has_key(objs, other, key))
			return true;
	}
	return false;
}

struct neighbour {
	const struct objects *objs;
	const struct object *obj;
	struct frac_key key; /* of obj */
	struct frac_key right;
	bool has_right;
};

static void
on_sibling(void *ctx, struct object *other)
{
	struct neighbour *n = ctx;
	struct frac_key key;

	if (!is_sibling(n->objs, n->obj, other) || !place_key(n->objs, other, &key) ||
	    frac_cmp(&key, &n->key) <= 0 || (n->has_right && frac_cmp(&key, &n->right) >= 0))
		return;
	n->right = key;
	n->has_right = true;
}

/* The key between this one and the next. */
static enum objects_reason
rekey(struct objects *objs, struct object *obj, const struct frac_key *taken)
{
	struct neighbour n = { .objs = objs, .obj = obj, .key = *taken };
	uint8_t text[FRAC_KEY_MAX + 32];
	struct json_writer w;
	struct json_reader reader;
	struct frac_key key;

	object_each(objs, on_sibling, &n);
	if (frac_between(taken, n.has_right ? &n.right : NULL, &key) != 0)
		return OBJECTS_KEY;
	json_writer_init(&w, text, sizeof(text));
	json_write_object_begin(&w);
	json_write_key(&w, place_member(objs));
	json_write_string(&w, key.b, key.len);
	json_write_object_end(&w);
	json_reader_init(&reader, text, json_writer_bytes(&w));
	obj->rekeyed = true;
	return reason_of(registers_patch(&obj->next, objs->alloc, &reader, &objs->op->stamp, 0));
}

static enum objects_reason
key_settle(struct objects *objs, struct object *obj)
{
	struct frac_key key, old;
	bool is, was;

	if (key_of(objs, &obj->next, &key, &is) != 0)
		return OBJECTS_KEY;
	if (!is)
		return OBJECTS_OK;
	was = obj->is && obj->next_parent == obj->parent &&
	      key_of(objs, &obj->now, &old, &was) == 0 && was && frac_cmp(&old, &key) == 0;
	return was || !is_taken(objs, obj, &key) ? OBJECTS_OK : rekey(objs, obj, &key);
}

enum objects_reason
place_settle(struct objects *objs)
{
	enum objects_reason reason = OBJECTS_OK;

	aef_list_foreach (at, &objs->touched) {
		struct object *obj = aef_list_entry(at, struct object, in_touched);

		if (reason == OBJECTS_OK && obj->form == objs->form && obj->will &&
		    !object_is_cell(objs, obj))
			reason = parent_find(objs, obj);
	}
	aef_list_foreach (at, &objs->touched) {
		struct object *obj = aef_list_entry(at, struct object, in_touched);

		if (reason != OBJECTS_OK || obj->form != objs->form || !obj->will ||
		    object_is_cell(objs, obj))
			continue;
		reason = parents_check(obj);
		if (reason == OBJECTS_OK)
			reason = key_settle(objs, obj);
	}
	return reason;
}
