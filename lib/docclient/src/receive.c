/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "docclient_priv.h"

/* ---- committed operations ---- */

static void
check_digest(struct docclient *dc, const struct item *item, uint64_t now_ns)
{
	if (!item->digest.present || item->version != dc->tc.version)
		return;
	dc->stats.digests_checked++;
	if (memcmp(item->digest.b, dc->tc.digest.b, sizeof(item->digest.b)) != 0)
		docclient_fail(dc, DOCCLIENT_DIVERGED, now_ns);
}

static void
take_own(struct docclient *dc, const struct item *item, uint64_t now_ns)
{
	struct docclient_change change = { .what = DOCCLIENT_ACKED, .seq = item->seq };
	const int r = text_client_ack(&dc->tc, item->version, item->seq, NULL);

	if (r == AEF_ERR_DUPLICATE) {
		dc->stats.ops_doubled++;
		return;
	}
	if (r == AEF_ERR_GAP) {
		dc->stats.resyncs++;
		docclient_reopen(dc, now_ns);
		return;
	}
	if (r != 0) {
		docclient_fail(dc, DOCCLIENT_PROTOCOL, now_ns);
		return;
	}
	if (dc->nb_sent > 0)
		dc->nb_sent--;
	change.edit_ns = dc->edit_ns[item->seq % dc->conf.window];
	dc->stats.ops_acked++;
	dc->stats.ack_ns_sum += aef_sub_sat_u64(now_ns, change.edit_ns);
	dc->stats.ack_ns_max =
		aef_max_u64(dc->stats.ack_ns_max, aef_sub_sat_u64(now_ns, change.edit_ns));
	check_digest(dc, item, now_ns);
	docclient_tell(dc, &change, now_ns);
}

/* Decode, transform over what is in flight, apply. */
static int
merge(struct docclient *dc, const struct item *item, struct text_op *op)
{
	int r = text_op_parse(item->data.data, item->data.len, NULL, op);

	if (r == 0)
		r = text_client_foreign(&dc->tc, item->version, op);
	if (r == 0)
		r = text_op_apply(&dc->rope, op, NULL);
	return r;
}

static void
take_foreign(struct docclient *dc, const struct item *item, uint64_t now_ns)
{
	struct docclient_change change = { .what = DOCCLIENT_CHANGED };
	struct text_op op;
	int r;

	text_op_init(&op, dc->conf.alloc);
	r = merge(dc, item, &op);
	if (r == 0) {
		dc->stats.ops_foreign++;
		docclient_hold_note(dc, item);
		change.author = item->author;
		change.seq = item->seq;
		change.op = &op;
		check_digest(dc, item, now_ns);
		docclient_tell(dc, &change, now_ns);
	} else if (r == AEF_ERR_DUPLICATE) {
		dc->stats.ops_doubled++;
	} else if (r == AEF_ERR_GAP) {
		dc->stats.resyncs++;
		docclient_reopen(dc, now_ns);
	} else {
		/* Out of range: our text is not the server's. */
		docclient_fail(dc,
		               r == AEF_ERR_FULL    ? DOCCLIENT_MEMORY
		               : r == AEF_ERR_RANGE ? DOCCLIENT_DIVERGED
		                                    : DOCCLIENT_PROTOCOL,
		               now_ns);
	}
	text_op_fini(&op);
}

void
docclient_take(struct docclient *dc, const struct item *item, uint64_t now_ns)
{
	if (dc->state != DOCCLIENT_LIVE && dc->state != DOCCLIENT_CATCHUP)
		return;
	if (item->own)
		take_own(dc, item, now_ns);
	else
		take_foreign(dc, item, now_ns);
	if (dc->state == DOCCLIENT_CATCHUP && dc->tc.version >= dc->opened.version)
		docclient_set_state(dc, DOCCLIENT_LIVE, now_ns);
}

/* Take it in, or keep it back behind what is kept back already. */
static void
arrive(struct docclient *dc, const struct item *item, uint64_t now_ns)
{
	if (dc->held_first == NULL && docclient_hold_lets(dc, item))
		docclient_take(dc, item, now_ns);
	else
		docclient_hold_put(dc, item, now_ns);
}

static bool
takes_items(const struct docclient *dc)
{
	return (dc->state == DOCCLIENT_LIVE || dc->state == DOCCLIENT_CATCHUP) && !dc->loading;
}

static void
on_operations(struct docclient *dc, const struct docmsg_operations *ops, uint64_t now_ns)
{
	const uint64_t own_first = dc->tc.next_seq - dc->tc.nb_out;
	const bool mine = aef_guuid_eq(&ops->client_id, &dc->conf.client_id);

	for (uint32_t i = 0; i < ops->nb && takes_items(dc); i++) {
		struct item item = {
			.version = ops->first_version + i,
			.seq = ops->first_seq + i,
			.author = ops->client_id,
			.data = ops->data[i],
		};

		/* Own operations come in full only to who does not know them any more. */
		item.own = mine && dc->tc.nb_out > 0 && item.seq >= own_first;
		if (i == ops->nb - 1)
			item.digest = ops->digest;
		dc->head = aef_max_u64(dc->head, item.version);
		arrive(dc, &item, now_ns);
	}
}

static void
on_applied(struct docclient *dc, const struct docmsg_applied *applied, uint64_t now_ns)
{
	/* More than can be in flight is a lie; do not count that far. */
	if (applied->count > dc->conf.window) {
		docclient_fail(dc, DOCCLIENT_PROTOCOL, now_ns);
		return;
	}
	for (uint32_t i = 0; i < applied->count && takes_items(dc); i++) {
		struct item item = {
			.version = applied->first_version + i,
			.seq = applied->first_seq + i,
			.author = dc->conf.client_id,
			.own = true,
		};

		if (i == applied->count - 1)
			item.digest = applied->digest;
		dc->head = aef_max_u64(dc->head, item.version);
		arrive(dc, &item, now_ns);
	}
}

/* ---- opening ---- */

static void
loaded(struct docclient *dc, uint64_t now_ns)
{
	struct docclient_change change = { .what = DOCCLIENT_LOADED };
	int r = docclient_start_over(dc, dc->opened.start_version, dc->opened.last_seq,
	                             &dc->opened.digest);

	if (r == 0 && dc->snap_len > 0)
		r = text_rope_load(&dc->rope, dc->snap, dc->snap_len);
	if (dc->snap != NULL)
		aef_alloc_put(dc->conf.alloc, dc->snap, dc->opened.snapshot_bytes);
	dc->snap = NULL;
	dc->loading = false;
	dc->fresh = false;
	if (r != 0) {
		docclient_fail(dc, r == AEF_ERR_FULL ? DOCCLIENT_MEMORY : DOCCLIENT_PROTOCOL,
		               now_ns);
		return;
	}
	dc->stats.snapshots++;
	docclient_tell(dc, &change, now_ns);
	if (dc->tc.version >= dc->opened.version)
		docclient_set_state(dc, DOCCLIENT_LIVE, now_ns);
}

/* A snapshot will come: what is in flight cannot be carried over it. */
static void
opened_by_snapshot(struct docclient *dc, const struct docmsg_opened *opened, uint64_t now_ns)
{
	if (dc->tc.nb_out > 0 && !dc->fresh && !dc->asked_pending) {
		/* Typed since we asked: ask again and say so. */
		docclient_reopen(dc, now_ns);
		return;
	}
	if (opened->snapshot_bytes > dc->conf.doc_bytes_max) {
		docclient_fail(dc, DOCCLIENT_MEMORY, now_ns);
		return;
	}
	docclient_tell_lost(dc, opened->last_seq + 1, 0, now_ns);
	dc->loading = true;
	dc->snap_len = 0;
	docclient_set_state(dc, DOCCLIENT_CATCHUP, now_ns);
	if (opened->snapshot_bytes == 0) {
		loaded(dc, now_ns);
		return;
	}
	dc->snap = aef_alloc_get(dc->conf.alloc, opened->snapshot_bytes);
	if (dc->snap == NULL) {
		dc->loading = false;
		docclient_fail(dc, DOCCLIENT_MEMORY, now_ns);
	}
}

/* Go on from where we are. 0, or AEF_ERR_PROTOCOL: the server's numbers do not fit ours */
static int
resume(struct docclient *dc, const struct docmsg_opened *opened)
{
	const uint64_t first = dc->tc.next_seq - dc->tc.nb_out;
	const uint32_t sent_before = dc->nb_sent;

	if (dc->tc.nb_out == 0) {
		dc->tc.next_seq = opened->last_seq + 1;
		dc->nb_sent = 0;
		return 0;
	}
	if (opened->last_seq + 1 < first || opened->last_seq >= dc->tc.next_seq)
		return AEF_ERR_PROTOCOL;
	/* These are committed, their acks are coming; the others have to be sent again. */
	dc->nb_sent = (uint32_t)(opened->last_seq + 1 - first);
	dc->stats.ops_resent += sent_before > dc->nb_sent ? sent_before - dc->nb_sent : 0;
	return 0;
}

static void
opened_by_operations(struct docclient *dc, const struct docmsg_opened *opened, uint64_t now_ns)
{
	struct docclient_change change = { .what = DOCCLIENT_LOADED };
	const bool anew = dc->fresh || opened->start_version != dc->tc.version;
	int r = 0;

	if (anew && opened->start_version != 0) {
		docclient_fail(dc, DOCCLIENT_PROTOCOL, now_ns);
		return;
	}
	if (anew) {
		docclient_tell_lost(dc, opened->last_seq + 1, 0, now_ns);
		r = docclient_start_over(dc, 0, opened->last_seq, NULL);
		dc->fresh = false;
	} else {
		r = resume(dc, opened);
	}
	if (r != 0) {
		docclient_fail(dc, r == AEF_ERR_FULL ? DOCCLIENT_MEMORY : DOCCLIENT_PROTOCOL,
		               now_ns);
		return;
	}
	docclient_set_state(dc, DOCCLIENT_CATCHUP, now_ns);
	if (anew)
		docclient_tell(dc, &change, now_ns);
	if (dc->tc.version >= opened->version)
		docclient_set_state(dc, DOCCLIENT_LIVE, now_ns);
}

static void
on_opened(struct docclient *dc, const struct docmsg_opened *opened, uint64_t now_ns)
{
	/* An answer to an opening that we have given up; ours is still to come. */
	if (dc->state != DOCCLIENT_OPENING || dc->want_open)
		return;
	dc->opened = *opened;
	dc->head = opened->version;
	if (opened->snapshot)
		opened_by_snapshot(dc, opened, now_ns);
	else
		opened_by_operations(dc, opened, now_ns);
}

static void
on_snapshot(struct docclient *dc, const struct docmsg_snapshot *piece, uint64_t now_ns)
{
	if (!dc->loading)
		return;
	if (piece->offset != dc->snap_len ||
	    piece->data.len > dc->opened.snapshot_bytes - dc->snap_len) {
		dc->loading = false;
		docclient_fail(dc, DOCCLIENT_PROTOCOL, now_ns);
		return;
	}
	if (piece->data.len > 0)
		memcpy(dc->snap + dc->snap_len, piece->data.data, piece->data.len);
	dc->snap_len += piece->data.len;
	if (dc->snap_len == dc->opened.snapshot_bytes)
		loaded(dc, now_ns);
}

/* ---- refusals ---- */

static void
on_nack(struct docclient *dc, const struct docmsg_refusal *nack, uint64_t now_ns)
{
	if (dc->state != DOCCLIENT_LIVE && dc->state != DOCCLIENT_CATCHUP)
		return;
	dc->reason = nack->reason;
	docclient_tell_lost(dc, nack->seq, nack->reason, now_ns);
	/* What came before it is committed and part of what we get now. */
	dc->fresh = true;
	if (docclient_start_over(dc, 0, 0, NULL) != 0) {
		docclient_fail(dc, DOCCLIENT_MEMORY, now_ns);
		return;
	}
	docclient_reopen(dc, now_ns);
}

static void
on_error(struct docclient *dc, const struct docmsg_refusal *error, uint64_t now_ns)
{
	const bool not_open = error->reason == DOCMSG_REASON_NOT_OPEN;

	/* While we open, that is about an operation sent before. */
	if (not_open && takes_items(dc)) {
		dc->stats.resyncs++;
		docclient_reopen(dc, now_ns);
	} else if (!not_open && dc->state == DOCCLIENT_OPENING) {
		dc->reason = error->reason;
		docclient_fail(dc, DOCCLIENT_REFUSED, now_ns);
	}
}

void
docclient_event(struct docclient *dc, const struct docmsg *event, uint64_t now_ns)
{
	if (dc->state == DOCCLIENT_OFFLINE || dc->state == DOCCLIENT_FAILED)
		return;
	switch (event->kind) {
	case DOCMSG_OPENED:
		on_opened(dc, &event->u.opened, now_ns);
		break;
	case DOCMSG_SNAPSHOT:
		on_snapshot(dc, &event->u.snapshot, now_ns);
		break;
	case DOCMSG_OPERATIONS:
		on_operations(dc, &event->u.operations, now_ns);
		break;
	case DOCMSG_APPLIED:
		on_applied(dc, &event->u.applied, now_ns);
		break;
	case DOCMSG_NACK:
		on_nack(dc, &event->u.refusal, now_ns);
		break;
	case DOCMSG_RESYNC:
		if (takes_items(dc) || dc->loading) {
			dc->stats.resyncs++;
			docclient_reopen(dc, now_ns);
		}
		break;
	case DOCMSG_ERROR:
		on_error(dc, &event->u.refusal, now_ns);
		break;
	default: /* nothing that an open document waits for */
		break;
	}
	if (!dc->conf.manual_flush)
		docclient_send_pending(dc);
}

int
docclient_receive(struct docclient *dc, struct docmsg_arena *arena, const uint8_t *data, size_t len,
                  uint64_t now_ns)
{
	const struct docmsg *events;
	const int nb = dc->conf.codec->decode(arena, false, data, len, &events);

	dc->stats.msgs_received++;
	dc->stats.bytes_received += len;
	if (nb < 0) {
		docclient_fail(dc, DOCCLIENT_PROTOCOL, now_ns);
		return nb;
	}
	for (int i = 0; i < nb; i++) {
		if (aef_guuid_eq(&events[i].doc, &dc->conf.doc))
			docclient_event(dc, &events[i], now_ns);
	}
	return 0;
}
