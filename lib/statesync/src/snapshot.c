/* SPDX-License-Identifier: BSD-3-Clause */
#include "statesync_priv.h"

static void
copy_rope(const struct text_rope *rope, uint8_t *dst)
{
	struct text_rope_iter it;
	const uint8_t *data;
	size_t len;

	text_rope_iter_init(&it, rope, 0);
	while (text_rope_iter_next(&it, &data, &len)) {
		memcpy(dst, data, len);
		dst += len;
	}
}

static struct snap *
snap_new(struct statesync *st, const struct doc *doc)
{
	struct snap *snap = aef_alloc_get(st->env.alloc, sizeof(*snap) + doc->rope.total.bytes);

	if (snap == NULL)
		return NULL;
	snap->refs = 1;
	snap->version = doc->head;
	snap->len = doc->rope.total.bytes;
	copy_rope(&doc->rope, snap->data);
	return snap;
}

struct snap *
sync_snap_get(struct statesync *st, struct doc *doc)
{
	struct snap *snap = doc->snap;

	if (snap != NULL && snap->version == doc->head) {
		snap->refs++;
		return snap;
	}
	snap = snap_new(st, doc);
	if (snap != NULL)
		doc->snap = snap;
	return snap;
}

void
sync_snap_put(struct statesync *st, struct doc *doc, struct snap *snap)
{
	if (snap == NULL || --snap->refs > 0)
		return;
	if (doc->snap == snap)
		doc->snap = NULL;
	aef_alloc_put(st->env.alloc, snap, sizeof(*snap) + snap->len);
}

/* Fill buffers with pieces from @p at on. @return bytes of text in them, or an error */
static int64_t
fill(struct statesync *st, const struct replica *rep, uint64_t at, uint32_t *ret_nb)
{
	const struct service_buf_ops *buf = &st->env.buf;
	const uint64_t piece = buf->cap_bytes - DOCMSG_OVERHEAD_MAX;
	const uint64_t first = at;
	const uint64_t room = st->env.reply.room(st->env.reply.ctx, rep->conn->handle);
	const uint64_t nb_max = aef_max_u64(1, aef_min_u64(SNAPSHOT_BURST, room / buf->cap_bytes));
	uint32_t nb = 0;

	while (nb < nb_max && at < rep->snap->len) {
		const uint64_t len = aef_min_u64(piece, rep->snap->len - at);
		const struct docmsg msg = {
			.kind = DOCMSG_SNAPSHOT,
			.doc = rep->doc->id,
			.u.snapshot = { at, { rep->snap->data + at, (uint32_t)len } },
		};
		uint32_t cap;
		uint8_t *data;
		void *owner = buf->alloc(buf->ctx, &data, &cap);
		int64_t n;

		if (owner == NULL) {
			st->stats.bufs_refused++;
			break;
		}
		n = st->conf.codec->encode(&msg, data, cap);
		aef_assert(n > 0);
		st->slices[nb++] = (struct service_slice){ data, (uint32_t)n, owner };
		at += len;
	}
	*ret_nb = nb;
	return nb > 0 ? (int64_t)(at - first) : AEF_ERR_FULL;
}

int
sync_snap_send(struct statesync *st, struct replica *rep)
{
	const struct service_send send = { .channel = rep->channel };

	while (rep->snap_off < rep->snap->len) {
		uint32_t nb;
		const int64_t bytes = fill(st, rep, rep->snap_off, &nb);
		int r = bytes < 0 ? (int)bytes : 0;

		if (r == 0)
			r = st->env.reply.send(st->env.reply.ctx, rep->conn->handle, &send,
			                       st->slices, nb);
		for (uint32_t i = 0; i < nb; i++)
			st->env.buf.put(st->env.buf.ctx, st->slices[i].owner);
		if (r != 0) {
			if (bytes > 0) {
				st->stats.sends_refused++;
				rep->conn->blocked = true;
			}
			return r;
		}
		st->stats.events_sent++;
		rep->snap_off += (uint64_t)bytes;
	}
	sync_snap_put(st, rep->doc, rep->snap);
	rep->snap = NULL;
	return 0;
}

void
sync_snap_trim(struct statesync *st, struct doc *doc)
{
	const struct storeif *store = &st->conf.store;
	struct storeif_snapshot snapshot = { .type = DOCMSG_TYPE_TEXT };
	struct storeif_head head;
	struct snap *snap;
	int r;

	/* The text is the head's: wait until all of it is durable. */
	if (doc->visible != doc->head || store->ops->head(store->ctx, &doc->id, &head) != 0 ||
	    head.log_bytes <= st->conf.log_bytes_max)
		return;
	snap = sync_snap_get(st, doc);
	if (snap == NULL)
		return;
	snapshot.version = snap->version;
	snapshot.data = snap->data;
	snapshot.len = snap->len;
	memcpy(snapshot.digest, doc->digest.b, sizeof(snapshot.digest));
	r = store->ops->put_snapshot(store->ctx, &doc->id, doc->epoch, &snapshot);
	/* Transforms still want what the ring has. */
	if (r == 0)
		r = store->ops->trim(store->ctx, &doc->id, doc->epoch, doc->ring_first);
	if (r == 0)
		st->stats.logs_trimmed++;
	sync_snap_put(st, doc, snap);
}
