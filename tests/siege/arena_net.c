/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "arena.h"

static bool
earlier(const struct arena_dgram *a, const struct arena_dgram *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void
net_push(struct arena *a, struct arena_dgram *d, uint64_t delay_ns)
{
	uint32_t i = a->nb_heap++;

	d->at_ns = a->now_ns + delay_ns;
	d->order = a->order++;
	if (a->nb_heap > a->cap_heap) {
		a->cap_heap = 2 * a->cap_heap + 64;
		a->heap = realloc(a->heap, a->cap_heap * sizeof(*a->heap));
		aef_assert(a->heap != NULL);
	}
	for (; i > 0 && earlier(d, a->heap[(i - 1) / 2]); i = (i - 1) / 2)
		a->heap[i] = a->heap[(i - 1) / 2];
	a->heap[i] = d;
}

struct arena_dgram *
net_copy(const struct arena_dgram *d)
{
	struct arena_dgram *copy = malloc(sizeof(*d) + d->len);

	aef_assert(copy != NULL);
	memcpy(copy, d, sizeof(*d) + d->len);
	return copy;
}

static struct arena_dgram *
heap_take(struct arena *a)
{
	struct arena_dgram *top = a->heap[0], *last = a->heap[--a->nb_heap];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < a->nb_heap) {
		if (child + 1 < a->nb_heap && earlier(a->heap[child + 1], a->heap[child]))
			child++;
		if (earlier(last, a->heap[child]))
			break;
		a->heap[i] = a->heap[child];
		i = child;
	}
	if (a->nb_heap > 0)
		a->heap[i] = last;
	return top;
}

uint64_t
net_next_ns(const struct arena *a)
{
	return a->nb_heap > 0 ? a->heap[0]->at_ns : AEF_TIME_NEVER;
}

struct arena_dgram *
net_pop(struct arena *a)
{
	return net_next_ns(a) <= a->now_ns ? heap_take(a) : NULL;
}

void
net_clear(struct arena *a)
{
	while (a->nb_heap > 0)
		free(heap_take(a));
	free(a->heap);
	a->heap = NULL;
	a->cap_heap = 0;
}

static bool
happens(struct aef_rng *rng, uint32_t ppm)
{
	return ppm > 0 && aef_rng_below(rng, 1000000) < ppm;
}

static uint64_t
delay_of(const struct arena_link *l, struct aef_rng *rng)
{
	return l->delay_ns + (happens(rng, l->late_ppm) ? aef_rng_below(rng, l->late_ns) : 0);
}

void
net_send(struct arena *a, uint32_t client, bool up, const struct quantum_addr *from,
         const struct quantum_tx *tx)
{
	const struct arena_link *l = &a->conf.link;
	struct aef_rng *rng = &a->clients[client].rng;
	struct arena_dgram *d = malloc(sizeof(*d) + tx->len);

	aef_assert(d != NULL);
	*d = (struct arena_dgram){ .client = client,
		                   .up = up,
		                   .ecn = tx->ecn,
		                   .len = tx->len,
		                   .from = *from,
		                   .to = tx->to };
	memcpy(d->data, tx->data, tx->len);
	if ((a->conf.filter != NULL && a->conf.filter(a, d)) || happens(rng, l->loss_ppm)) {
		free(d);
		return;
	}
	if (happens(rng, l->dup_ppm))
		net_push(a, net_copy(d), delay_of(l, rng));
	net_push(a, d, delay_of(l, rng));
}
