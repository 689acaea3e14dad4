/* SPDX-License-Identifier: BSD-3-Clause */
#include <text/ot_server.h>

#include "op_priv.h"

#define RING_KEEP 16 /* entries that stay allocated while the bridge is not live */

void
text_bridge_init(struct text_bridge *bridge, struct aef_alloc *alloc,
                 const struct text_bridge_conf *conf, uint64_t base, uint64_t last_seq,
                 uint64_t own_version)
{
	memset(bridge, 0, sizeof(*bridge));
	bridge->alloc = alloc;
	bridge->base = base;
	bridge->last_seq = last_seq;
	bridge->own_version = own_version;
	bridge->entries_max =
		conf != NULL && conf->entries_max > 0 ? conf->entries_max : TEXT_BRIDGE_ENTRIES_MAX;
	bridge->window = conf != NULL && conf->window > 0 ? conf->window : TEXT_BRIDGE_WINDOW;
}

static inline struct text_bridge_entry *
entry_at(const struct text_bridge *bridge, uint32_t idx)
{
	return &bridge->entries[(bridge->head + idx) & (bridge->cap - 1)];
}

static void
drop_first(struct text_bridge *bridge)
{
	text_opref_put(entry_at(bridge, 0)->ref);
	bridge->head = (bridge->head + 1) & (bridge->cap - 1);
	bridge->nb--;
}

static void
drop_ring(struct text_bridge *bridge)
{
	while (bridge->nb > 0)
		drop_first(bridge);
	aef_alloc_put(bridge->alloc, bridge->entries, bridge->cap * sizeof(*bridge->entries));
	bridge->entries = NULL;
	bridge->cap = 0;
	bridge->head = 0;
}

void
text_bridge_break(struct text_bridge *bridge)
{
	drop_ring(bridge);
	aef_alloc_put(bridge->alloc, bridge->own, bridge->own_cap * sizeof(*bridge->own));
	bridge->own = NULL;
	bridge->own_cap = 0;
	bridge->nb_own = 0;
	bridge->broken = true;
}

void
text_bridge_fini(struct text_bridge *bridge)
{
	if (bridge != NULL)
		text_bridge_break(bridge);
}

static int
grow_ring(struct text_bridge *bridge)
{
	const uint32_t cap = bridge->cap > 0 ? bridge->cap * 2 : RING_KEEP;
	struct text_bridge_entry *entries = aef_alloc_get(bridge->alloc, cap * sizeof(*entries));

	if (entries == NULL)
		return AEF_ERR_FULL;
	for (uint32_t i = 0; i < bridge->nb; i++)
		entries[i] = *entry_at(bridge, i);
	aef_alloc_put(bridge->alloc, bridge->entries, bridge->cap * sizeof(*entries));
	bridge->entries = entries;
	bridge->cap = cap;
	bridge->head = 0;
	return 0;
}

static int
append(struct text_bridge *bridge, uint64_t version, struct text_opref *ref)
{
	if (bridge->nb == bridge->entries_max)
		return AEF_ERR_LIMIT;
	if (bridge->nb == bridge->cap) {
		const int r = grow_ring(bridge);

		if (r != 0)
			return r;
	}
	bridge->nb++;
	*entry_at(bridge, bridge->nb - 1) =
		(struct text_bridge_entry){ version, text_opref_get(ref) };
	return 0;
}

/* Version of own operation number `seq`, which is one of the newest nb_own. */
static inline uint64_t *
own_at(const struct text_bridge *bridge, uint64_t seq)
{
	return &bridge->own[seq & (bridge->own_cap - 1)];
}

/* Make sure one more own version can be noted. */
static int
own_room(struct text_bridge *bridge)
{
	const uint32_t cap = bridge->own_cap > 0 ? bridge->own_cap * 2 : RING_KEEP;
	uint64_t *own;

	if (bridge->nb_own < bridge->own_cap)
		return 0;
	own = aef_alloc_get(bridge->alloc, cap * sizeof(*own));
	if (own == NULL)
		return AEF_ERR_FULL;
	for (uint32_t i = 0; i < bridge->nb_own; i++)
		own[(bridge->last_seq - i) & (cap - 1)] = *own_at(bridge, bridge->last_seq - i);
	aef_alloc_put(bridge->alloc, bridge->own, bridge->own_cap * sizeof(*own));
	bridge->own = own;
	bridge->own_cap = cap;
	return 0;
}

/* Own operations that would still be newer than `base`. */
static uint32_t
own_newer(const struct text_bridge *bridge, uint64_t base)
{
	uint32_t nb = bridge->nb_own;

	while (nb > 0 && *own_at(bridge, bridge->last_seq - nb + 1) <= base)
		nb--;
	return nb;
}

static void
advance(struct text_bridge *bridge, uint64_t base)
{
	while (bridge->nb > 0 && entry_at(bridge, 0)->version <= base)
		drop_first(bridge);
	bridge->nb_own = own_newer(bridge, base);
	bridge->base = base;
}

/* Version stored for a resend, 0 when its ack is known to have arrived long ago. */
static uint64_t
stored_version(const struct text_bridge *bridge, uint64_t seq)
{
	if (bridge->last_seq - seq < bridge->nb_own)
		return *own_at(bridge, seq);
	return seq == bridge->last_seq ? bridge->own_version : 0;
}

/*
 * Length of the document that the session has, from the head's by taking back what it has not seen:
 * the entries of a live bridge, else the log. Its own operations are in both.
 */
static int
session_cps(const struct text_bridge *bridge, const struct text_log *log, uint64_t base,
            int64_t *ret_cps)
{
	int64_t cps = log->head_cps;

	if (text_bridge_is_live(bridge)) {
		for (uint32_t i = bridge->nb; i > 0; i--) {
			const struct text_bridge_entry *e = entry_at(bridge, i - 1);

			if (e->version <= base)
				break;
			cps -= text_op_extent(&e->ref->op).delta;
		}
	} else {
		if (log->head - base > bridge->entries_max)
			return AEF_ERR_LIMIT;
		for (uint64_t v = log->head; v > base; v--) {
			const struct text_opref *ref = log->get(log->ctx, v);

			if (ref == NULL)
				return AEF_ERR_LIMIT;
			cps -= text_op_extent(&ref->op).delta;
		}
	}
	*ret_cps = cps;
	return 0;
}

/* All that can be refused without a change. */
static int
check(const struct text_bridge *bridge, const struct text_log *log, uint64_t base,
      const struct text_op *op)
{
	const struct text_op_extent ext = text_op_extent(op);
	int64_t cps;
	int r;

	if (base < bridge->base || base > log->head)
		return AEF_ERR_PROTOCOL;
	if (own_newer(bridge, base) >= bridge->window)
		return AEF_ERR_LIMIT;
	r = session_cps(bridge, log, base, &cps);
	if (r != 0)
		return r;
	return ext.end > cps ? AEF_ERR_RANGE : 0;
}

/* Give the entry an operation of its own. */
static int
make_private(struct text_bridge *bridge, struct text_bridge_entry *e)
{
	struct text_opref *ref = NULL;
	struct text_op copy;
	int r;

	if (e->ref->refs == 1)
		return 0;
	text_op_init(&copy, bridge->alloc);
	r = text_op_copy(&e->ref->op, &copy);
	if (r == 0) {
		ref = text_opref_create(&copy);
		r = ref != NULL ? 0 : AEF_ERR_FULL;
	}
	text_op_fini(&copy);
	if (r != 0)
		return r;
	text_opref_put(e->ref);
	e->ref = ref;
	return 0;
}

/* They touch: op := T(op, e, left), e := T(e, op, right). */
static int
cross_overlapping(struct text_bridge *bridge, struct text_op *op, struct text_bridge_entry *e)
{
	struct text_opref *ref = NULL;
	struct text_op mine, theirs;
	int r;

	text_op_init(&mine, op->alloc);
	text_op_init(&theirs, bridge->alloc);
	r = text_op_transform(op, &e->ref->op, TEXT_LEFT, &mine);
	if (r == 0)
		r = text_op_transform(&e->ref->op, op, TEXT_RIGHT, &theirs);
	if (r == 0 && e->ref->refs > 1) {
		ref = text_opref_create(&theirs);
		r = ref != NULL ? 0 : AEF_ERR_FULL;
	}
	if (r == 0) {
		text_op_swap(op, &mine);
		if (ref != NULL) {
			text_opref_put(e->ref);
			e->ref = ref;
		} else {
			text_op_swap(&e->ref->op, &theirs);
		}
	}
	text_op_fini(&mine);
	text_op_fini(&theirs);
	return r;
}

/* Carry op over all entries and them over it. */
static int
cross(struct text_bridge *bridge, struct text_op *op)
{
	struct text_op_extent eo = text_op_extent(op);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < bridge->nb && op->nb_comps > 0; i++) {
		struct text_bridge_entry *e = entry_at(bridge, i);
		const struct text_op_extent ee = text_op_extent(&e->ref->op);

		if (e->ref->op.nb_comps == 0)
			continue;
		if (eo.end < ee.start) {
			if (eo.delta == 0)
				continue;
			r = make_private(bridge, e);
			if (r == 0)
				r = text_op_shift(&e->ref->op, eo.delta);
		} else if (ee.end < eo.start) {
			r = text_op_shift(op, ee.delta);
			eo.start = (uint32_t)(eo.start + ee.delta);
			eo.end = (uint32_t)(eo.end + ee.delta);
		} else {
			r = cross_overlapping(bridge, op, e);
			eo = text_op_extent(op);
		}
	}
	return r;
}

int
text_bridge_accept(struct text_bridge *bridge, const struct text_log *log, uint64_t base,
                   uint64_t seq, struct text_op *op, uint64_t *ret_version)
{
	const bool was_live = text_bridge_is_live(bridge);
	int r;

	if (bridge->broken)
		return AEF_ERR_STATE;
	if (seq <= bridge->last_seq) {
		if (ret_version != NULL)
			*ret_version = stored_version(bridge, seq);
		return AEF_ERR_DUPLICATE;
	}
	if (seq != bridge->last_seq + 1)
		return AEF_ERR_GAP;
	r = check(bridge, log, base, op);
	if (r != 0)
		return r;
	advance(bridge, base);
	r = own_room(bridge);
	for (uint64_t v = base + 1; r == 0 && !was_live && v <= log->head; v++)
		r = append(bridge, v, log->get(log->ctx, v));
	if (r == 0)
		r = cross(bridge, op);
	if (r != 0)
		text_bridge_break(bridge);
	return r;
}

void
text_bridge_committed(struct text_bridge *bridge, uint64_t version)
{
	aef_assert(!bridge->broken && bridge->nb_own < bridge->own_cap && version > bridge->base);
	bridge->last_seq++;
	bridge->nb_own++;
	bridge->own_version = version;
	*own_at(bridge, bridge->last_seq) = version;
}

int
text_bridge_push(struct text_bridge *bridge, uint64_t version, struct text_opref *ref)
{
	int r;

	if (!text_bridge_is_live(bridge))
		return 0;
	r = append(bridge, version, ref);
	if (r != 0)
		text_bridge_break(bridge);
	return r;
}

int
text_bridge_seen(struct text_bridge *bridge, uint64_t base, uint64_t head)
{
	if (base < bridge->base || base > head)
		return AEF_ERR_PROTOCOL;
	advance(bridge, base);
	if (!text_bridge_is_live(bridge) && bridge->cap > RING_KEEP)
		drop_ring(bridge);
	while (!text_bridge_is_live(bridge) && bridge->nb > 0)
		drop_first(bridge);
	return 0;
}
