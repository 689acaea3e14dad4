/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/bytes.h>
#include <base/rng.h>
#include <base/siphash.h>

#include "objects_priv.h"
#include "sort_priv.h"

const char *
objects_reason_name(enum objects_reason reason)
{
	static const char *const names[OBJECTS_NB_REASONS] = {
		[OBJECTS_OK] = "ok",
		[OBJECTS_MALFORMED] = "malformed",
		[OBJECTS_UNSUPPORTED] = "unsupported",
		[OBJECTS_EXISTS] = "exists",
		[OBJECTS_GONE] = "gone",
		[OBJECTS_NOT_FOUND] = "not_found",
		[OBJECTS_MEMBER] = "member",
		[OBJECTS_CYCLE] = "cycle",
		[OBJECTS_KEY] = "key",
		[OBJECTS_LIMIT] = "limit",
		[OBJECTS_MEMORY] = "memory",
	};

	return reason < OBJECTS_NB_REASONS ? names[reason] : "unknown";
}

enum objects_reason
reason_of(int err)
{
	switch (err) {
	case 0:
		return OBJECTS_OK;
	case AEF_ERR_LIMIT:
		return OBJECTS_LIMIT;
	case AEF_ERR_FULL:
		return OBJECTS_MEMORY;
	case AEF_ERR_UNSUPPORTED:
		return OBJECTS_UNSUPPORTED;
	default:
		return OBJECTS_MALFORMED;
	}
}

/* ---- the table ---- */

struct objects *
objects_create(struct aef_alloc *alloc, const struct objects_conf *conf)
{
	struct objects *objs = aef_alloc_get(alloc, sizeof(*objs));
	uint64_t slots = 16, seed = conf->seed;
	size_t bytes;

	aef_assert(conf->objects_max > 0 && conf->tombstones_max > 0);
	if (objs == NULL)
		return NULL;
	while (slots < conf->objects_max)
		slots *= 2;
	bytes = slots * sizeof(void *);
	*objs = (struct objects){ .alloc = alloc, .conf = *conf, .mask = slots - 1 };
	aef_store_be64(objs->hash_key, aef_splitmix64(&seed));
	aef_store_be64(objs->hash_key + 8, aef_splitmix64(&seed));
	aef_list_init(&objs->tombs);
	aef_list_init(&objs->touched);
	objs->slots = aef_alloc_get(alloc, bytes);
	objs->key_slots = aef_alloc_get(alloc, bytes);
	if (objs->slots == NULL || objs->key_slots == NULL) {
		aef_alloc_put(alloc, objs->slots, bytes);
		aef_alloc_put(alloc, objs->key_slots, bytes);
		aef_alloc_put(alloc, objs, sizeof(*objs));
		return NULL;
	}
	memset(objs->slots, 0, bytes);
	memset(objs->key_slots, 0, bytes);
	return objs;
}

static void
object_free(struct objects *objs, struct object *obj)
{
	registers_fini(&obj->now, objs->alloc);
	registers_fini(&obj->next, objs->alloc);
	aef_alloc_put(objs->alloc, obj, sizeof(*obj) + obj->id_len);
}

void
objects_destroy(struct objects *objs)
{
	size_t bytes;

	if (objs == NULL)
		return;
	bytes = (objs->mask + 1) * sizeof(void *);
	for (uint64_t i = 0; i <= objs->mask; i++) {
		struct object *next;

		for (struct object *obj = objs->slots[i]; obj != NULL; obj = next) {
			next = obj->chain;
			object_free(objs, obj);
		}
	}
	aef_alloc_put(objs->alloc, objs->slots, bytes);
	aef_alloc_put(objs->alloc, objs->key_slots, bytes);
	aef_alloc_put(objs->alloc, objs, sizeof(*objs));
}

static uint64_t
hash_of(const struct objects *objs, const uint8_t *id, uint32_t len)
{
	struct aef_siphash sip;

	aef_siphash_init(&sip, objs->hash_key, false);
	aef_siphash_update(&sip, id, len);
	return aef_siphash_final64(&sip);
}

struct object *
object_find(const struct objects *objs, const uint8_t *id, uint32_t id_len)
{
	const uint64_t hash = hash_of(objs, id, id_len);
	struct object *obj = objs->slots[hash & objs->mask];

	while (obj != NULL &&
	       (obj->hash != hash || obj->id_len != id_len || memcmp(obj->id, id, id_len) != 0))
		obj = obj->chain;
	return obj;
}

struct object *
object_get(struct objects *objs, const uint8_t *id, uint32_t id_len)
{
	struct object *obj = object_find(objs, id, id_len);
	struct object **slot;

	if (obj != NULL)
		return obj;
	obj = aef_alloc_get(objs->alloc, sizeof(*obj) + id_len);
	if (obj == NULL)
		return NULL;
	*obj = (struct object){ .hash = hash_of(objs, id, id_len), .id_len = id_len };
	memcpy(obj->id, id, id_len);
	aef_list_init(&obj->in_touched);
	aef_list_init(&obj->in_tombs);
	slot = &objs->slots[obj->hash & objs->mask];
	obj->chain = *slot;
	*slot = obj;
	return obj;
}

/* It is nobody's parent and neither touched nor remembered. */
static void
object_forget(struct objects *objs, struct object *obj)
{
	struct object **at = &objs->slots[obj->hash & objs->mask];

	while (*at != obj)
		at = &(*at)->chain;
	*at = obj->chain;
	object_free(objs, obj);
}

enum objects_reason
object_touch(struct objects *objs, struct object *obj)
{
	if (obj->touched)
		return OBJECTS_OK;
	if (registers_copy(&obj->now, objs->alloc, &obj->next) != 0)
		return OBJECTS_MEMORY;
	obj->touched = true;
	obj->rekeyed = false;
	obj->will = obj->is;
	obj->next_parent = obj->parent;
	obj->next_gone = obj->gone;
	aef_list_append(&objs->touched, &obj->in_touched);
	return OBJECTS_OK;
}

void
object_each(const struct objects *objs, void (*visit)(void *ctx, struct object *obj), void *ctx)
{
	for (uint64_t i = 0; i <= objs->mask; i++)
		for (struct object *obj = objs->slots[i]; obj != NULL; obj = obj->chain)
			if (object_will(obj))
				visit(ctx, obj);
}

/* ---- what has been begun ---- */

void
objects_changes(const struct objects *objs,
                void (*visit)(void *ctx, const struct objects_change *change), void *ctx)
{
	aef_list_foreach (at, &objs->touched) {
		const struct object *obj = aef_list_entry(at, struct object, in_touched);

		if (!obj->is && !obj->will)
			continue;
		visit(ctx, &(struct objects_change){ .id = obj->id,
		                                     .id_len = obj->id_len,
		                                     .before = obj->is ? &obj->now : NULL,
		                                     .after = obj->will ? &obj->next : NULL });
	}
}

static bool
write_inverse_of(const struct object *obj, struct json_writer *w)
{
	struct json_writer trial = *w;

	if (!obj->is && !obj->will)
		return false;
	json_write_name(&trial, obj->id, obj->id_len);
	if (!obj->is)
		json_write_null(&trial);
	else if (!obj->will)
		registers_write(&obj->now, &trial);
	else if (!registers_inverse(&obj->now, &obj->next, &trial))
		return false; /* no change: without its name, too */
	*w = trial;
	return true;
}

bool
objects_inverse(const struct objects *objs, struct json_writer *writer)
{
	struct json_writer w = *writer;
	bool any = false;

	json_write_object_begin(&w);
	json_write_key(&w, "o");
	json_write_object_begin(&w);
	aef_list_foreach (at, &objs->touched)
		any |= write_inverse_of(aef_list_entry(at, struct object, in_touched), &w);
	json_write_object_end(&w);
	json_write_object_end(&w);
	if (any)
		*writer = w;
	return any;
}

void
objects_rekeyed(const struct objects *objs,
                void (*visit)(void *ctx, const uint8_t *id, uint32_t id_len, const char *member,
                              const struct frac_key *key),
                void *ctx)
{
	const char *member = place_member(objs);

	aef_list_foreach (at, &objs->touched) {
		const struct object *obj = aef_list_entry(at, struct object, in_touched);
		struct frac_key key;

		if (obj->rekeyed && obj->will && place_key(objs, obj, &key))
			visit(ctx, obj->id, obj->id_len, member, &key);
	}
}

/* ---- commit ---- */

static void
key_remove(struct objects *objs, struct object *obj)
{
	struct object **at = &objs->key_slots[obj->key_hash & objs->mask];

	if (!obj->is_keyed)
		return;
	while (*at != obj)
		at = &(*at)->key_chain;
	*at = obj->key_chain;
	obj->is_keyed = false;
}

static void
key_add(struct objects *objs, struct object *obj)
{
	struct object **slot;

	obj->is_keyed = obj->will && place_hash(objs, obj, &obj->key_hash);
	if (!obj->is_keyed)
		return;
	slot = &objs->key_slots[obj->key_hash & objs->mask];
	obj->key_chain = *slot;
	*slot = obj;
}

static void
become(struct objects *objs, struct object *obj)
{
	registers_fini(&obj->now, objs->alloc);
	obj->now = obj->next;
	registers_init(&obj->next);
	obj->parent = obj->next_parent;
	objs->nb += obj->will;
	objs->nb -= obj->is;
	obj->is = obj->will;
	obj->touched = false;
	aef_list_remove(&obj->in_touched);
	if (obj->next_gone != obj->gone) {
		objs->nb_tombs += obj->next_gone != 0;
		objs->nb_tombs -= obj->gone != 0;
		aef_list_remove(&obj->in_tombs);
		if (obj->next_gone != 0)
			aef_list_append(&objs->tombs, &obj->in_tombs);
		obj->gone = obj->next_gone;
	}
	if (!obj->is && obj->gone == 0)
		object_forget(objs, obj);
}

void
objects_commit(struct objects *objs)
{
	aef_list_foreach (at, &objs->touched)
		key_remove(objs, aef_list_entry(at, struct object, in_touched));
	aef_list_foreach (at, &objs->touched)
		key_add(objs, aef_list_entry(at, struct object, in_touched));
	aef_list_foreach_safe (at, &objs->touched)
		become(objs, aef_list_entry(at, struct object, in_touched));
	while (objs->nb_tombs > objs->conf.tombstones_max) {
		struct object *oldest = aef_list_entry(objs->tombs.next, struct object, in_tombs);

		aef_list_remove(&oldest->in_tombs);
		objs->nb_tombs--;
		object_forget(objs, oldest);
	}
	objs->op = NULL;
}

void
objects_abandon(struct objects *objs)
{
	aef_list_foreach_safe (at, &objs->touched) {
		struct object *obj = aef_list_entry(at, struct object, in_touched);

		registers_fini(&obj->next, objs->alloc);
		obj->touched = false;
		aef_list_remove(&obj->in_touched);
		if (!obj->is && obj->gone == 0)
			object_forget(objs, obj);
	}
	objs->op = NULL;
}

/* ---- read ---- */

uint32_t
objects_count(const struct objects *objs)
{
	return objs->nb;
}

const struct registers *
objects_get(const struct objects *objs, const uint8_t *id, uint32_t id_len)
{
	const struct object *obj = object_find(objs, id, id_len);

	return obj != NULL && obj->is ? &obj->now : NULL;
}

struct order {
	struct object **objs;
	uint32_t nb;
};

static void
on_order(void *ctx, struct object *obj)
{
	struct order *order = ctx;

	order->objs[order->nb++] = obj;
}

typedef struct object *object_pointer;

static bool
id_before(const struct object *a, const struct object *b)
{
	return path_cmp(a->id, a->id_len, b->id, b->id_len) < 0;
}

SORT_DEFINE(order_sort, object_pointer, id_before)

int
objects_write(const struct objects *objs, struct json_writer *writer)
{
	const size_t bytes = objs->nb * sizeof(struct object *);
	struct order order = { NULL, 0 };

	aef_assert(objs->op == NULL);
	if (bytes > 0 && (order.objs = aef_alloc_get(objs->alloc, bytes)) == NULL)
		return AEF_ERR_FULL;
	object_each(objs, on_order, &order);
	order_sort(order.objs, order.nb);
	json_write_object_begin(writer);
	json_write_key(writer, "o");
	json_write_object_begin(writer);
	for (uint32_t i = 0; i < order.nb; i++) {
		json_write_name(writer, order.objs[i]->id, order.objs[i]->id_len);
		registers_write(&order.objs[i]->now, writer);
	}
	json_write_object_end(writer);
	json_write_object_end(writer);
	aef_alloc_put(objs->alloc, order.objs, bytes);
	return 0;
}
