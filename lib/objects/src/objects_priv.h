/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * objects_priv.h - objects by id, as they are and as they will be after the operation that has been
 * begun.
 *
 *   objects.c  the table; commit; read
 *   begin.c    an operation: form, rules of its type, deletion
 *   place.c    parents and fractional indices
 */
#ifndef OBJECTS_OBJECTS_PRIV_H
#define OBJECTS_OBJECTS_PRIV_H

#include <base/list.h>
#include <objects/objects.h>

#include "registers_priv.h"

struct object {
	struct object *chain; /* of its slot by id */
	uint64_t hash;
	struct aef_list in_touched, in_tombs;
	struct object *key_chain; /* of its slot by parent and key, while is_keyed */
	uint64_t key_hash;

	/* As it is, and as it will be if it is touched. */
	struct registers now, next;
	struct object *parent, *next_parent; /* NULL: the top */
	uint64_t gone, next_gone;            /* version that deleted it; 0: none */
	bool is, will;
	bool touched, is_keyed, rekeyed;
	uint32_t form; /* of the operation that named it last */

	uint32_t id_len;
	uint8_t id[];
};

struct objects {
	struct aef_alloc *alloc;
	struct objects_conf conf;
	uint8_t hash_key[16];
	struct object **slots, **key_slots;
	uint64_t mask;
	uint32_t nb, nb_will; /* that exist */
	uint32_t nb_tombs;
	struct aef_list tombs;   /* deleted ones, the oldest first */
	struct aef_list touched; /* in the order in which they were first touched */
	uint32_t form;           /* forms read so far */
	const struct objects_op *op;
};

/** The object of this id, deleted ones too, or NULL. */
struct object *object_find(const struct objects *objs, const uint8_t *id, uint32_t id_len);

/** The same; a new one that does not exist yet if there is none. NULL: memory */
struct object *object_get(struct objects *objs, const uint8_t *id, uint32_t id_len);

/** From now on it has a state that it will have. */
enum objects_reason object_touch(struct objects *objs, struct object *obj);

/** Exists it, after what has been read so far? */
static inline bool
object_will(const struct object *obj)
{
	return obj->touched ? obj->will : obj->is;
}

static inline const struct registers *
object_next(const struct object *obj)
{
	return obj->touched ? &obj->next : &obj->now;
}

static inline struct object *
object_next_parent(const struct object *obj)
{
	return obj->touched ? obj->next_parent : obj->parent;
}

static inline bool
object_is_cell(const struct objects *objs, const struct object *obj)
{
	return objs->conf.kind == OBJECTS_SHEET && memchr(obj->id, ':', obj->id_len) != NULL;
}

/** Call @p visit for every object that exists after what has been read so far. */
void object_each(const struct objects *objs, void (*visit)(void *ctx, struct object *obj),
                 void *ctx);

/** Name of the member that orders siblings. */
const char *place_member(const struct objects *objs);

/** Its key as it will be. @return false: it has none */
bool place_key(const struct objects *objs, const struct object *obj, struct frac_key *ret_key);

/** Hash of parent and key of a touched object as it will be. @return false: it has no key */
bool place_hash(const struct objects *objs, const struct object *obj, uint64_t *ret_hash);

/** After a form: parents of the objects it named exist and make no cycle; keys differ. */
enum objects_reason place_settle(struct objects *objs);

/** What registers or JSON say, as a reason. */
enum objects_reason reason_of(int err);

#endif
