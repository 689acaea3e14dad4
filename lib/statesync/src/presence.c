/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/time.h>

#include "presence_priv.h"

#define CAP_MIN 64u

static size_t
entry_bytes(uint32_t cap)
{
	return sizeof(struct presence_entry) + cap;
}

static uint32_t
cap_for(uint32_t len)
{
	uint32_t cap = CAP_MIN;

	while (cap < len)
		cap *= 2;
	return cap;
}

void
presence_init(struct presence *presence)
{
	*presence = (struct presence){ 0 };
	aef_list_init(&presence->order);
}

static void
drop(struct presence *presence, struct aef_alloc *alloc, struct presence_entry *entry)
{
	if (entry->slot != NULL)
		*entry->slot = NULL;
	aef_list_remove(&entry->in_order);
	aef_alloc_put(alloc, entry, entry_bytes(entry->cap));
	presence->nb--;
}

void
presence_fini(struct presence *presence, struct aef_alloc *alloc)
{
	aef_list_foreach_safe (at, &presence->order)
		drop(presence, alloc, aef_list_entry(at, struct presence_entry, in_order));
}

static void
changed(struct presence *presence, struct presence_entry *entry)
{
	entry->number = ++presence->number;
	aef_list_remove(&entry->in_order);
	aef_list_append(&presence->order, &entry->in_order);
}

static void
forget(struct presence *presence, struct aef_alloc *alloc, struct presence_entry *ended)
{
	presence->forgotten = aef_max_u64(presence->forgotten, ended->number);
	drop(presence, alloc, ended);
}

/* The one that ended first gives way. @return false: there is none */
static bool
forget_one(struct presence *presence, struct aef_alloc *alloc)
{
	aef_list_foreach (at, &presence->order) {
		struct presence_entry *entry = aef_list_entry(at, struct presence_entry, in_order);

		if (entry->len == 0) {
			forget(presence, alloc, entry);
			return true;
		}
	}
	return false;
}

/* An entry with room for @p len bytes in *slot. */
static int
make_room(struct presence *presence, struct aef_alloc *alloc, struct presence_entry **slot,
          uint32_t len)
{
	struct presence_entry *old = *slot, *entry;
	const uint32_t cap = cap_for(len);

	if (old != NULL && len <= old->cap)
		return 0;
	if (old == NULL && presence->nb == PRESENCE_MAX && !forget_one(presence, alloc))
		return AEF_ERR_FULL;
	entry = aef_alloc_get(alloc, entry_bytes(cap));
	if (entry == NULL)
		return AEF_ERR_FULL;
	*entry = (struct presence_entry){ .cap = cap };
	aef_list_init(&entry->in_order);
	if (old != NULL)
		drop(presence, alloc, old);
	presence->nb++;
	entry->slot = slot;
	*slot = entry;
	return 0;
}

int
presence_set(struct presence *presence, struct aef_alloc *alloc, struct presence_entry **slot,
             const struct presence_state *state)
{
	struct presence_entry *entry;
	int r;

	if (state->len == 0 || state->len > PRESENCE_BYTES_MAX)
		return AEF_ERR_LIMIT;
	r = make_room(presence, alloc, slot, state->len);
	if (r != 0)
		return r;
	entry = *slot;
	entry->session = state->session;
	entry->user = state->user;
	entry->version = state->version;
	entry->len = state->len;
	memcpy(entry->data, state->data, state->len);
	changed(presence, entry);
	return 0;
}

void
presence_end(struct presence *presence, struct presence_entry **slot, uint64_t now_ns)
{
	struct presence_entry *entry = *slot;

	if (entry == NULL)
		return;
	entry->slot = NULL;
	*slot = NULL;
	entry->len = 0;
	entry->ended_ns = now_ns;
	changed(presence, entry);
}

uint64_t
presence_sweep(struct presence *presence, struct aef_alloc *alloc, uint64_t now_ns)
{
	uint64_t next_ns = AEF_TIME_NEVER;

	aef_list_foreach_safe (at, &presence->order) {
		struct presence_entry *entry = aef_list_entry(at, struct presence_entry, in_order);

		if (entry->len > 0)
			continue;
		if (now_ns - entry->ended_ns >= PRESENCE_ENDED_NS) {
			forget(presence, alloc, entry);
		} else {
			next_ns = aef_min_u64(next_ns, entry->ended_ns + PRESENCE_ENDED_NS);
		}
	}
	return next_ns;
}

const struct presence_entry *
presence_first(const struct presence *presence, struct presence_cursor *cursor, bool *ret_restart)
{
	const struct presence_entry *found = NULL;

	*ret_restart =
		cursor->at > 0 && aef_max_u64(cursor->at, cursor->since) < presence->forgotten;
	if (*ret_restart)
		cursor->at = 0;
	if (cursor->at == 0)
		cursor->since = presence->number;
	/* From the newest back: what is new to a subscriber is a few entries at the end. */
	for (const struct aef_list *at = presence->order.prev; at != &presence->order;
	     at = at->prev) {
		const struct presence_entry *entry =
			aef_list_entry(at, struct presence_entry, in_order);

		if (entry->number <= cursor->at)
			break;
		found = entry;
	}
	return found;
}

const struct presence_entry *
presence_next(const struct presence *presence, const struct presence_entry *entry)
{
	return entry->in_order.next == &presence->order
	               ? NULL
	               : aef_list_entry(entry->in_order.next, struct presence_entry, in_order);
}
