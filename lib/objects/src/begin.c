/* SPDX-License-Identifier: BSD-3-Clause */
#include "objects_priv.h"

/* ---- what a type may write ---- */

static bool
is_one_of(const struct json_reader *reader, const char *const *names, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++)
		if (json_string_is(reader, names[i]))
			return true;
	return false;
}

static bool
member_allowed(const struct objects *objs, const struct json_reader *name)
{
	static const char *const move[] = { "x", "y", "parent", "z" };
	static const char *const size[] = { "x", "y", "w", "h" };
	static const char *const sheet_size[] = { "width", "height" };
	const bool sheet = objs->conf.kind == OBJECTS_SHEET;

	switch (objs->op->type) {
	case OBJECTS_MOVE:
		return sheet ? json_string_is(name, "pos") : is_one_of(name, move, AEF_DIM(move));
	case OBJECTS_RESIZE:
		return sheet ? is_one_of(name, sheet_size, AEF_DIM(sheet_size))
		             : is_one_of(name, size, AEF_DIM(size));
	case OBJECTS_STYLE:
		return json_string_is(name, "style");
	default:
		return true;
	}
}

static bool
value_allowed(const struct objects *objs, bool is_place, int token)
{
	switch (objs->op->type) {
	case OBJECTS_MOVE: /* numbers, keys, and a parent or none */
		return is_place ? token == JSON_TOK_STRING || token == JSON_TOK_NULL
		                : token == JSON_TOK_NUMBER;
	case OBJECTS_RESIZE:
		return token == JSON_TOK_NUMBER;
	case OBJECTS_STYLE:
		return token == JSON_TOK_OBJECT_BEGIN;
	default:
		return true;
	}
}

/* Look ahead at the members of the object whose beginning was just read. */
static enum objects_reason
members_check(const struct objects *objs, struct json_reader ahead)
{
	static const char *const place[] = { "parent", "z", "pos" };
	unsigned nb = 0;
	int token;

	while ((token = json_next(&ahead)) == JSON_TOK_KEY) {
		const bool is_place = is_one_of(&ahead, place, AEF_DIM(place));

		if (!member_allowed(objs, &ahead))
			return OBJECTS_MEMBER;
		token = json_next(&ahead);
		if (token < 0)
			return reason_of(token);
		if (!value_allowed(objs, is_place, token))
			return OBJECTS_MEMBER;
		token = json_skip(&ahead, token);
		if (token < 0)
			return reason_of(token);
		nb++;
	}
	if (token < 0)
		return reason_of(token);
	/* A rectangle is always one user's. */
	return objs->op->type == OBJECTS_RESIZE && objs->conf.kind == OBJECTS_BOARD && nb != 4
	               ? OBJECTS_MEMBER
	               : OBJECTS_OK;
}

/* ---- one object ---- */

/* Rows, columns and sheets by their first letter; a cell has one of each of the first two. */
static bool
id_allowed(const struct objects *objs, const uint8_t *id, uint32_t len)
{
	const uint8_t *colon = memchr(id, ':', len);

	if (objs->conf.kind == OBJECTS_BOARD)
		return true;
	if (colon == NULL)
		return id[0] == 'r' || id[0] == 'c' || id[0] == 's';
	return id[0] == 'r' && colon + 1 < id + len && colon[1] == 'c' &&
	       memchr(colon + 1, ':', (size_t)(id + len - colon - 1)) == NULL;
}

/* Row and column of a cell exist. */
static enum objects_reason
cell_check(const struct objects *objs, const struct object *cell)
{
	const uint8_t *colon = memchr(cell->id, ':', cell->id_len);
	const uint32_t row_len = (uint32_t)(colon - cell->id);
	const struct object *row = object_find(objs, cell->id, row_len);
	const struct object *column = object_find(objs, colon + 1, cell->id_len - row_len - 1);

	if (row == NULL || column == NULL)
		return OBJECTS_NOT_FOUND;
	if (!object_will(row) || !object_will(column))
		return (!object_will(row) && row->gone == 0 && row->next_gone == 0) ||
		                       (!object_will(column) && column->gone == 0 &&
		                        column->next_gone == 0)
		               ? OBJECTS_NOT_FOUND
		               : OBJECTS_GONE;
	return OBJECTS_OK;
}

static bool
is_gone(const struct object *obj)
{
	return (obj->touched ? obj->next_gone : obj->gone) != 0;
}

static enum objects_reason
comes_into_being(struct objects *objs, struct object *obj)
{
	if (objs->nb_will == objs->conf.objects_max)
		return OBJECTS_LIMIT;
	if (object_is_cell(objs, obj)) {
		const enum objects_reason reason = cell_check(objs, obj);

		if (reason != OBJECTS_OK)
			return reason;
	}
	objs->nb_will++;
	obj->will = true;
	obj->next_gone = 0;
	return OBJECTS_OK;
}

/* A create of what there is already: nothing, if it has this very body. */
static enum objects_reason
same_body(struct objects *objs, struct object *obj, struct json_reader *reader)
{
	struct registers body;
	enum objects_reason reason;

	registers_init(&body);
	reason = reason_of(registers_patch(&body, objs->alloc, reader, &objs->op->stamp, 0));
	if (reason == OBJECTS_OK && !registers_same(&body, &obj->next))
		reason = OBJECTS_EXISTS;
	registers_fini(&body, objs->alloc);
	return reason;
}

static enum objects_reason
object_write(struct objects *objs, struct object *obj, struct json_reader *reader)
{
	const struct objects_op *op = objs->op;
	const bool undo = op->undo_from > 0;
	struct json_reader ahead = *reader;
	enum objects_reason reason;

	if (json_next(&ahead) != JSON_TOK_OBJECT_BEGIN)
		return ahead.err != 0 ? reason_of(ahead.err) : OBJECTS_MALFORMED;
	reason = undo ? OBJECTS_OK : members_check(objs, ahead);
	if (reason != OBJECTS_OK)
		return reason;
	if (!obj->will) {
		if (is_gone(obj) && !undo)
			return OBJECTS_GONE;
		if (op->type != OBJECTS_CREATE && !undo &&
		    !(op->type == OBJECTS_UPDATE && object_is_cell(objs, obj)))
			return OBJECTS_NOT_FOUND;
		reason = comes_into_being(objs, obj);
		if (reason != OBJECTS_OK)
			return reason;
	} else if (op->type == OBJECTS_CREATE && !undo) {
		return same_body(objs, obj, reader);
	}
	return reason_of(
		registers_patch(&obj->next, objs->alloc, reader, &op->stamp, op->undo_from));
}

/* ---- delete ---- */

/* Has somebody else written into it after the version that is undone? */
static bool
is_of_others(const struct objects *objs, const struct object *obj)
{
	const struct registers *regs = object_next(obj);

	for (uint32_t i = 0; i < regs->nb; i++)
		if (regs->leaves[i]->written.version > objs->op->undo_from &&
		    !aef_guuid_eq(&regs->leaves[i]->written.user, &objs->op->stamp.user))
			return true;
	return false;
}

static enum objects_reason
object_delete(struct objects *objs, struct object *obj, bool remember)
{
	const enum objects_reason reason = object_touch(objs, obj);

	if (reason != OBJECTS_OK)
		return reason;
	registers_fini(&obj->next, objs->alloc);
	obj->will = false;
	obj->next_parent = NULL;
	obj->next_gone = remember ? objs->op->stamp.version : 0;
	objs->nb_will--;
	return OBJECTS_OK;
}

/* Does it go with what this form deletes? */
static bool
goes_too(const struct objects *objs, const struct object *obj)
{
	const struct object *up = obj;

	if (object_is_cell(objs, obj))
		return cell_check(objs, obj) != OBJECTS_OK;
	for (unsigned depth = 0; depth <= OBJECTS_DEPTH_MAX && up != NULL; depth++) {
		up = object_next_parent(up);
		if (up != NULL && !object_will(up))
			return true;
	}
	return false;
}

struct follow {
	struct objects *objs;
	enum objects_reason reason;
};

static void
on_follower(void *ctx, struct object *obj)
{
	struct follow *f = ctx;

	if (f->reason != OBJECTS_OK || !goes_too(f->objs, obj))
		return;
	/* A cell is gone with its row or column, which are remembered. */
	f->reason = object_delete(f->objs, obj, !object_is_cell(f->objs, obj));
	obj->form = f->objs->form;
}

/* Children of what was deleted, and cells, until there are none: a child may come before its
 * parent. */
static enum objects_reason
delete_followers(struct objects *objs)
{
	struct follow f = { .objs = objs, .reason = OBJECTS_OK };
	uint32_t before;

	do {
		before = objs->nb_will;
		object_each(objs, on_follower, &f);
	} while (f.reason == OBJECTS_OK && objs->nb_will < before);
	return f.reason;
}

/* ---- forms ---- */

static enum objects_reason
member_read(struct objects *objs, struct json_reader *reader, bool *ret_deleted)
{
	struct json_reader ahead = *reader;
	const bool undo = objs->op->undo_from > 0;
	uint8_t id[OBJECTS_ID_MAX];
	const uint32_t len = reader->str_bytes;
	enum objects_reason reason;
	struct object *obj;
	int token;

	if (len == 0 || len > OBJECTS_ID_MAX)
		return OBJECTS_LIMIT;
	json_string_copy(reader, id);
	if (!id_allowed(objs, id, len))
		return OBJECTS_MEMBER;
	obj = object_get(objs, id, len);
	reason = obj != NULL ? object_touch(objs, obj) : OBJECTS_MEMORY;
	if (reason != OBJECTS_OK)
		return reason;
	if (obj->form == objs->form)
		return OBJECTS_MALFORMED; /* named twice */
	obj->form = objs->form;
	token = json_next(&ahead);
	if (token < 0)
		return reason_of(token);
	if (token != JSON_TOK_NULL)
		return objs->op->type == OBJECTS_DELETE && !undo ? OBJECTS_MALFORMED
		                                                 : object_write(objs, obj, reader);
	*reader = ahead;
	if (objs->op->type != OBJECTS_DELETE && !undo)
		return OBJECTS_MALFORMED;
	if (!obj->will)
		return undo ? OBJECTS_OK : is_gone(obj) ? OBJECTS_GONE : OBJECTS_NOT_FOUND;
	if (undo && is_of_others(objs, obj))
		return OBJECTS_OK;
	*ret_deleted = true;
	return object_delete(objs, obj, true);
}

/* {"o": {id: patch, ...}}, of which the beginning was read. */
static enum objects_reason
form_read(struct objects *objs, struct json_reader *reader)
{
	enum objects_reason reason = OBJECTS_OK;
	bool deleted = false;
	int token;

	if (json_next(reader) != JSON_TOK_OBJECT_BEGIN)
		return reader->err != 0 ? reason_of(reader->err) : OBJECTS_MALFORMED;
	objs->form++;
	while ((token = json_next(reader)) == JSON_TOK_KEY && reason == OBJECTS_OK)
		reason = member_read(objs, reader, &deleted);
	if (reason != OBJECTS_OK)
		return reason;
	if (token < 0)
		return reason_of(token);
	if (deleted)
		reason = delete_followers(objs);
	if (reason == OBJECTS_OK)
		reason = place_settle(objs);
	/* The end of the form's own object. */
	if (reason == OBJECTS_OK && json_next(reader) != JSON_TOK_OBJECT_END)
		reason = reader->err != 0 ? reason_of(reader->err) : OBJECTS_MALFORMED;
	return reason;
}

static enum objects_reason
batch_read(struct objects *objs, struct json_reader *reader)
{
	enum objects_reason reason = OBJECTS_OK;
	int token;

	if (json_next(reader) != JSON_TOK_ARRAY_BEGIN)
		return reader->err != 0 ? reason_of(reader->err) : OBJECTS_MALFORMED;
	while ((token = json_next(reader)) == JSON_TOK_OBJECT_BEGIN && reason == OBJECTS_OK) {
		token = json_next(reader);
		if (token != JSON_TOK_KEY || !json_string_is(reader, "o"))
			return token < 0 ? reason_of(token) : OBJECTS_MALFORMED;
		reason = form_read(objs, reader);
	}
	if (reason != OBJECTS_OK)
		return reason;
	if (token != JSON_TOK_ARRAY_END || json_next(reader) != JSON_TOK_OBJECT_END)
		return reader->err != 0 ? reason_of(reader->err) : OBJECTS_MALFORMED;
	return OBJECTS_OK;
}

enum objects_reason
objects_begin(struct objects *objs, const struct objects_op *op, struct json_reader *reader)
{
	enum objects_reason reason = OBJECTS_MALFORMED;
	int token;

	aef_assert(objs->op == NULL && op->type >= OBJECTS_CREATE && op->type <= OBJECTS_STYLE);
	objs->op = op;
	objs->nb_will = objs->nb;
	token = json_next(reader);
	if (token == JSON_TOK_OBJECT_BEGIN)
		token = json_next(reader);
	if (token == JSON_TOK_KEY && json_string_is(reader, "o"))
		reason = form_read(objs, reader);
	else if (token == JSON_TOK_KEY && json_string_is(reader, "all"))
		reason = batch_read(objs, reader);
	else if (token < 0)
		reason = reason_of(token);
	if (reason == OBJECTS_OK && (token = json_next(reader)) != JSON_TOK_END)
		reason = token < 0 ? reason_of(token) : OBJECTS_MALFORMED;
	if (reason != OBJECTS_OK)
		objects_abandon(objs);
	return reason;
}
