/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "docclient_priv.h"

static struct author *
author_find(const struct docclient *dc, const struct aef_guuid *id)
{
	for (uint32_t i = 0; i < dc->nb_authors; i++) {
		if (aef_guuid_eq(&dc->authors[i].id, id))
			return &dc->authors[i];
	}
	return NULL;
}

/* Its slot, a new one if need be; with all in use the first is forgotten. NULL: hold never used. */
static struct author *
author_get(struct docclient *dc, const struct aef_guuid *id)
{
	struct author *author = author_find(dc, id);

	if (author != NULL || dc->authors == NULL)
		return author;
	if (dc->nb_authors == AUTHORS_MAX) {
		memmove(dc->authors, dc->authors + 1, (AUTHORS_MAX - 1) * sizeof(*author));
		dc->nb_authors--;
	}
	author = &dc->authors[dc->nb_authors++];
	*author = (struct author){ .id = *id };
	return author;
}

bool
docclient_hold_lets(struct docclient *dc, const struct item *item)
{
	const struct author *author;

	if (!dc->hold || item->own || item->version <= dc->release_version)
		return true;
	author = author_find(dc, &item->author);
	return author != NULL && item->seq <= author->allowed_seq;
}

void
docclient_hold_put(struct docclient *dc, const struct item *item, uint64_t now_ns)
{
	const size_t bytes = sizeof(struct held) + item->data.len;
	struct held *held = NULL;

	if (dc->held_bytes + bytes <= dc->conf.held_bytes_max)
		held = aef_alloc_get(dc->conf.alloc, bytes);
	if (held == NULL) {
		docclient_fail(dc, DOCCLIENT_MEMORY, now_ns);
		return;
	}
	held->next = NULL;
	held->item = *item;
	held->item.data.data = (const uint8_t *)(held + 1);
	if (item->data.len > 0)
		memcpy(held + 1, item->data.data, item->data.len);
	if (dc->held_last != NULL)
		dc->held_last->next = held;
	else
		dc->held_first = held;
	dc->held_last = held;
	dc->held_bytes += bytes;
	dc->nb_held++;
	dc->stats.held_ops++;
	dc->stats.held_max = aef_max_u32(dc->stats.held_max, dc->nb_held);
}

static struct held *
pop(struct docclient *dc)
{
	struct held *held = dc->held_first;

	dc->held_first = held->next;
	if (dc->held_first == NULL)
		dc->held_last = NULL;
	dc->held_bytes -= sizeof(*held) + held->item.data.len;
	dc->nb_held--;
	return held;
}

void
docclient_hold_drop(struct docclient *dc)
{
	while (dc->held_first != NULL) {
		struct held *held = pop(dc);

		aef_alloc_put(dc->conf.alloc, held, sizeof(*held) + held->item.data.len);
	}
}

void
docclient_hold_note(struct docclient *dc, const struct item *item)
{
	struct author *author = author_get(dc, &item->author);

	if (author != NULL)
		author->applied_seq = item->seq;
}

/* Take in what is no longer held back. */
static void
drain(struct docclient *dc, uint64_t now_ns)
{
	while (dc->held_first != NULL && docclient_hold_lets(dc, &dc->held_first->item)) {
		struct held *held = pop(dc);

		docclient_take(dc, &held->item, now_ns);
		aef_alloc_put(dc->conf.alloc, held, sizeof(*held) + held->item.data.len);
	}
	if (!dc->conf.manual_flush)
		docclient_send_pending(dc);
}

void
docclient_hold(struct docclient *dc, bool on, uint64_t now_ns)
{
	if (on && dc->authors == NULL)
		dc->authors = aef_alloc_get(dc->conf.alloc, AUTHORS_MAX * sizeof(*dc->authors));
	if (on && dc->authors == NULL) {
		docclient_fail(dc, DOCCLIENT_MEMORY, now_ns);
		return;
	}
	dc->hold = on;
	drain(dc, now_ns);
}

void
docclient_release(struct docclient *dc, uint64_t version, uint64_t now_ns)
{
	dc->release_version = aef_max_u64(dc->release_version, version);
	drain(dc, now_ns);
}

void
docclient_allow(struct docclient *dc, const struct aef_guuid *id, uint64_t seq, uint64_t now_ns)
{
	struct author *author = author_get(dc, id);

	if (author == NULL)
		return;
	author->allowed_seq = aef_max_u64(author->allowed_seq, seq);
	drain(dc, now_ns);
}

uint64_t
docclient_author_seq(const struct docclient *dc, const struct aef_guuid *id)
{
	const struct author *author = author_find(dc, id);

	return author != NULL ? author->applied_seq : 0;
}
