/* SPDX-License-Identifier: BSD-3-Clause */
#include "statesync_priv.h"

#define BIG_OP_COMPS 256u /* operations above either have their text form measured */
#define BIG_OP_BYTES 4096u

/* Reason to tell a client for an error of ours. */
static enum docmsg_reason
reason_of(int err)
{
	switch (err) {
	case AEF_ERR_MALFORMED:
		return DOCMSG_REASON_MALFORMED;
	case AEF_ERR_RANGE:
		return DOCMSG_REASON_OUT_OF_RANGE;
	case AEF_ERR_GAP:
		return DOCMSG_REASON_GAP;
	case AEF_ERR_LIMIT:
		return DOCMSG_REASON_TOO_MANY;
	case AEF_ERR_NOTFOUND:
		return DOCMSG_REASON_NOT_FOUND;
	case AEF_ERR_EXISTS:
		return DOCMSG_REASON_EXISTS;
	case AEF_ERR_PROTOCOL:
		return DOCMSG_REASON_PROTOCOL;
	case AEF_ERR_UNSUPPORTED:
		return DOCMSG_REASON_UNSUPPORTED;
	case AEF_ERR_DENIED:
		return DOCMSG_REASON_STORE;
	default:
		return DOCMSG_REASON_NO_MEMORY;
	}
}

static void
refuse(struct statesync *st, struct conn *conn, uint16_t channel, const struct aef_guuid *doc,
       enum docmsg_reason reason)
{
	const char *text = docmsg_reason_name(reason);
	const struct docmsg msg = {
		.kind = DOCMSG_ERROR,
		.doc = *doc,
		.u.refusal = { .reason = reason,
		               .text = { (const uint8_t *)text, (uint32_t)strlen(text) } },
	};

	sync_answer(st, conn, channel, &msg);
}

/* Say once per connection and channel how we send: ordered, reliable, middle priority. */
static void
open_channel(struct statesync *st, struct conn *conn, uint16_t channel)
{
	const struct service_chan chan = { .priority = 4, .weight = 1 };

	for (uint16_t i = 0; i < conn->nb_channels; i++) {
		if (conn->channels[i] == channel)
			return;
	}
	if (conn->nb_channels < CHANNELS_KNOWN)
		conn->channels[conn->nb_channels++] = channel;
	/* A refusal shows again at the first send. */
	(void)st->env.reply.open(st->env.reply.ctx, conn->handle, channel, &chan);
}

/* ---- create ---- */

static int
commit_content(struct statesync *st, struct doc *doc, const struct docmsg_bytes *content)
{
	static const struct aef_guuid server = { .b = { 0 } };
	struct text_opref *ref = NULL;
	struct text_op op;
	int r = sync_doc_room(st, doc);

	text_op_init(&op, st->env.alloc);
	if (r == 0)
		r = text_op_insert(&op, content->data, content->len);
	if (r == 0)
		r = text_op_apply(&doc->rope, &op, NULL);
	if (r == 0) {
		ref = text_opref_create(&op);
		if (ref == NULL) {
			text_rope_fini(&doc->rope);
			r = AEF_ERR_FULL;
		}
	}
	text_op_fini(&op);
	if (r == 0)
		sync_doc_commit(st, doc, &server, 1, ref);
	return r;
}

static void
do_create(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg)
{
	const struct docmsg_create *create = &msg->u.create;
	struct docmsg reply = { .kind = DOCMSG_CREATED, .doc = msg->doc };
	struct doc *doc;
	int r = create->type == DOCMSG_TYPE_TEXT ? 0 : AEF_ERR_UNSUPPORTED;

	/* Escaping may make six bytes of one. */
	if (r == 0 && create->content.len > st->conf.op_bytes_max / 6) {
		refuse(st, conn, channel, &msg->doc, DOCMSG_REASON_OP_TOO_LARGE);
		return;
	}
	if (r == 0)
		r = sync_doc_create(st, &msg->doc, &doc);
	if (r == 0 && create->content.len > 0)
		r = commit_content(st, doc, &create->content);
	if (r != 0) {
		refuse(st, conn, channel, &msg->doc, reason_of(r));
		return;
	}
	reply.u.version = doc->head;
	sync_doc_flush(st, doc);
	sync_answer(st, conn, channel, &reply);
}

/* ---- open ---- */

/* Has the client, at its version, the same history as we? */
static bool
same_history(const struct doc *doc, const struct docmsg_open *open)
{
	const uint64_t v = open->from_version;

	if (v > doc->visible)
		return false;
	if (!open->digest.present || v == 0)
		return true;
	if (v == doc->head)
		return memcmp(open->digest.b, doc->digest.b, sizeof(doc->digest.b)) == 0;
	return v < doc->ring_first || memcmp(open->digest.b, sync_doc_entry(doc, v)->digest.b,
	                                     sizeof(open->digest.b)) == 0;
}

/* Catch-up by operations or by snapshot, whichever is smaller; with operations of its own on the
 * way the client needs operations if there are any. */
static bool
by_operations(struct statesync *st, const struct doc *doc, uint64_t from, bool has_pending)
{
	const struct storeif *store = &st->conf.store;
	struct storeif_head head;
	uint64_t bytes;

	if (from == doc->visible)
		return true;
	if (store->ops->head(store->ctx, &doc->id, &head) != 0 || head.first > from + 1)
		return false;
	if (has_pending)
		return true;
	bytes = store->ops->ops_bytes(store->ctx, &doc->id, from + 1, doc->visible);
	return bytes != UINT64_MAX &&
	       bytes + (doc->visible - from) * DOCMSG_OP_OVERHEAD <= doc->rope.total.bytes;
}

/* Bytes of records up to version @p from, on the scale of doc->cum_bytes (which may wrap). */
static uint64_t
bytes_at(const struct statesync *st, const struct doc *doc, uint64_t from)
{
	const struct storeif *store = &st->conf.store;

	if (from >= doc->stored)
		return doc->cum_bytes;
	if (from >= doc->ring_first)
		return sync_doc_entry(doc, from)->cum_bytes;
	return doc->cum_bytes - store->ops->ops_bytes(store->ctx, &doc->id, from + 1, doc->stored);
}

/* Set the bridge up: as it was when the client only lost its connection, else from the log. */
static void
open_bridge(struct statesync *st, struct replica *rep, const struct docmsg_open *open,
            struct docmsg_opened *opened)
{
	const struct storeif *store = &st->conf.store;
	const struct text_bridge_conf conf = { st->conf.ring_ops_max, st->conf.window };
	struct text_bridge *bridge = &rep->bridge;
	uint64_t last_seq = 0, last_version = 0;

	if (!opened->snapshot && open->has_pending && !bridge->broken &&
	    opened->start_version >= bridge->base) {
		opened->last_seq = bridge->last_seq;
		opened->min_base = opened->start_version;
		st->stats.resumes++;
		return;
	}
	/* A document in memory may be ahead of its log by what is not flushed: ask the bridge. */
	if (!bridge->broken) {
		last_seq = bridge->last_seq;
		last_version = bridge->own_version;
	} else if (store->ops->dedup(store->ctx, &rep->doc->id, &rep->client, &last_seq,
	                             &last_version) != 0) {
		last_seq = last_version = 0;
	}
	text_bridge_fini(bridge);
	aef_list_remove(&rep->in_live);
	opened->last_seq = last_seq;
	opened->min_base = aef_max_u64(opened->start_version, last_version);
	text_bridge_init(bridge, st->env.alloc, &conf, opened->min_base, last_seq, last_version);
}

/* Fill in rep->opened and the snapshot that goes with it. 0 or AEF_ERR_FULL */
static int
open_start(struct statesync *st, struct replica *rep, const struct docmsg_open *open)
{
	struct doc *doc = rep->doc;
	struct docmsg_opened *opened = &rep->opened;
	uint64_t from = open->have_state ? open->from_version : 0;
	bool has_pending = open->have_state && open->has_pending;

	if (open->have_state && !same_history(doc, open)) {
		from = 0;
		has_pending = false;
	}
	*opened = (struct docmsg_opened){
		.version = doc->visible,
		.start_version = from,
		.window = st->conf.window,
		.op_bytes_max = st->conf.op_bytes_max,
		.doc_bytes_max = st->conf.doc_bytes_max,
	};
	if (!by_operations(st, doc, from, has_pending)) {
		rep->snap = sync_snap_get(st, doc);
		if (rep->snap == NULL)
			return AEF_ERR_FULL;
		rep->snap_off = 0;
		opened->snapshot = true;
		opened->snapshot_bytes = rep->snap->len;
		opened->version = opened->start_version = doc->head;
		opened->digest.present = true;
		memcpy(opened->digest.b, doc->digest.b, sizeof(doc->digest.b));
		st->stats.catchup_snaps++;
	} else if (from < doc->visible) {
		st->stats.catchup_ops++;
	}
	open_bridge(st, rep, open, opened);
	/* Without operations in flight the client does not know those that it once wrote. */
	rep->foreign_seq = has_pending && !opened->snapshot ? 0 : opened->last_seq;
	rep->cursor = opened->start_version;
	rep->cursor_bytes = bytes_at(st, doc, rep->cursor);
	return 0;
}

static int
open_doc(struct statesync *st, const struct docmsg *msg, struct doc **ret_doc)
{
	int r = sync_doc_get(st, &msg->doc, ret_doc);

	if (r == AEF_ERR_NOTFOUND && msg->u.open.create)
		r = sync_doc_create(st, &msg->doc, ret_doc);
	return r;
}

static void
do_open(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg)
{
	const struct docmsg_open *open = &msg->u.open;
	struct replica *rep;
	struct doc *doc;
	int r = open_doc(st, msg, &doc);

	if (r == 0) { /* the head is what a snapshot would show */
		sync_doc_flush(st, doc);
		doc = sync_doc_find(st, &msg->doc);
		r = doc != NULL ? 0 : AEF_ERR_DENIED;
	}
	if (r != 0) {
		refuse(st, conn, channel, &msg->doc, reason_of(r));
		return;
	}
	rep = sync_replica_find(st, doc, &open->client_id);
	if (rep != NULL && !aef_guuid_eq(&rep->subject, &conn->subject)) {
		/* An id is not a secret: nobody takes over the replica of somebody else. */
		refuse(st, conn, channel, &msg->doc, DOCMSG_REASON_PROTOCOL);
		return;
	}
	if (rep == NULL)
		rep = sync_replica_create(st, doc, &open->client_id);
	if (rep == NULL) {
		refuse(st, conn, channel, &msg->doc, DOCMSG_REASON_TOO_MANY);
		return;
	}
	rep->subject = conn->subject;
	sync_replica_attach(st, rep, conn, channel);
	rep->ack_only = open->ack_only;
	st->stats.opens++;
	if (open_start(st, rep, open) != 0) {
		sync_replica_free(st, rep);
		refuse(st, conn, channel, &msg->doc, DOCMSG_REASON_NO_MEMORY);
		return;
	}
	rep->want_opened = true;
	sync_pump(st, rep);
}

/* ---- apply ---- */

/* Its ack again, if it has been shown on this connection; else it is on its way anyhow. */
static void
ack_again(struct statesync *st, struct replica *rep, uint64_t seq, uint64_t version)
{
	const struct docmsg msg = {
		.kind = DOCMSG_APPLIED,
		.doc = rep->doc->id,
		.u.applied = { .first_version = version, .first_seq = seq, .count = 1 },
	};

	st->stats.ops_resent++;
	if (version != 0 && version <= rep->cursor && aef_list_empty(&rep->in_lagging))
		sync_answer(st, rep->conn, rep->channel, &msg);
}

/* The committed form must fit where text forms are made later. */
static bool
text_form_fits(struct statesync *st, const struct text_op *op)
{
	struct json_writer w;

	if (op->nb_comps <= BIG_OP_COMPS && op->text_bytes <= BIG_OP_BYTES)
		return true;
	st->load_doc = NULL; /* its memory is used here */
	json_writer_init(&w, st->json, DOCMSG_OP_MAX);
	text_op_write(op, &w);
	return !json_writer_failed(&w);
}

/* Apply the operation, now in the head's context, and commit it. */
static enum docmsg_reason
commit_op(struct statesync *st, struct replica *rep, struct text_op *op)
{
	struct doc *doc = rep->doc;
	struct text_opref *ref;

	if (!text_form_fits(st, op))
		return DOCMSG_REASON_OP_TOO_LARGE;
	ref = text_opref_create(op);
	if (ref == NULL)
		return DOCMSG_REASON_NO_MEMORY;
	if (text_op_apply(&doc->rope, &ref->op, NULL) != 0) {
		text_opref_put(ref);
		return DOCMSG_REASON_NO_MEMORY;
	}
	sync_doc_commit(st, doc, &rep->client, rep->bridge.last_seq + 1, ref);
	text_bridge_committed(&rep->bridge, doc->head);
	if (aef_list_empty(&rep->in_live))
		aef_list_append(&doc->live, &rep->in_live);
	sync_replica_push(st, doc, rep, doc->head, ref);
	st->stats.ops_applied++;
	return DOCMSG_REASON_NONE;
}

static enum docmsg_reason
accept_reason(const struct statesync *st, const struct replica *rep, int err)
{
	if (err != AEF_ERR_LIMIT)
		return reason_of(err);
	return rep->bridge.nb_own >= st->conf.window ? DOCMSG_REASON_WINDOW
	                                             : DOCMSG_REASON_TOO_FAR_BEHIND;
}

/* Bring one operation to the head and commit it. */
static enum docmsg_reason
apply_one(struct statesync *st, struct replica *rep, uint64_t base, uint64_t seq,
          const struct docmsg_bytes *data)
{
	struct doc *doc = rep->doc;
	const struct text_log log = sync_doc_log(doc);
	enum docmsg_reason reason = DOCMSG_REASON_NONE;
	struct text_op op;
	uint64_t stored = 0;
	int r;

	if (data->len > st->conf.op_bytes_max)
		return DOCMSG_REASON_OP_TOO_LARGE;
	text_op_init(&op, st->env.alloc);
	r = text_op_parse(data->data, data->len, NULL, &op);
	if (r != 0) {
		reason = r == AEF_ERR_LIMIT ? DOCMSG_REASON_OP_TOO_LARGE : reason_of(r);
		goto out;
	}
	text_op_drop_deleted(&op);
	if (seq > rep->bridge.last_seq &&
	    doc->rope.total.bytes + (uint64_t)op.text_bytes > st->conf.doc_bytes_max) {
		reason = DOCMSG_REASON_DOC_TOO_LARGE;
		goto out;
	}
	r = sync_doc_room(st, doc);
	if (r == 0)
		r = text_bridge_accept(&rep->bridge, &log, base, seq, &op, &stored);
	st->stats.transforms_max = aef_max_u64(st->stats.transforms_max, rep->bridge.nb);
	if (r == AEF_ERR_DUPLICATE)
		ack_again(st, rep, seq, stored);
	else if (r != 0)
		reason = accept_reason(st, rep, r);
	else
		reason = commit_op(st, rep, &op);
out:
	text_op_fini(&op);
	return reason;
}

static void
do_apply(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg)
{
	const struct docmsg_apply *apply = &msg->u.apply;
	struct replica *rep = sync_replica_attached(st, conn, &msg->doc);

	if (rep == NULL) {
		refuse(st, conn, channel, &msg->doc, DOCMSG_REASON_NOT_OPEN);
		return;
	}
	for (uint32_t i = 0; rep != NULL && !rep->stopped && i < apply->nb; i++) {
		struct doc *doc = rep->doc;
		const uint64_t seq = apply->first_seq + i;
		/* Nobody has seen what was not sent to him. */
		const bool lies = rep->want_opened || apply->base > rep->cursor;
		const enum docmsg_reason reason =
			lies ? DOCMSG_REASON_PROTOCOL
			     : apply_one(st, rep, apply->base, seq, &apply->data[i]);

		if (reason == DOCMSG_REASON_TOO_FAR_BEHIND) {
			/* Once it has caught up it can send the same again. */
			sync_replica_resync(st, rep);
			sync_pump(st, rep);
		} else if (reason != DOCMSG_REASON_NONE) {
			sync_replica_nack(st, rep, seq, reason);
			sync_pump(st, rep);
		} else if (doc->head - doc->visible >= PENDING_OPS_MAX) {
			sync_doc_flush(st, doc);
			rep = sync_replica_attached(st, conn,
			                            &msg->doc); /* the store may have failed */
		}
	}
}

/* ---- the rest ---- */

static void
do_subscribe(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg)
{
	struct replica *rep = sync_replica_attached(st, conn, &msg->doc);

	if (rep == NULL) {
		refuse(st, conn, channel, &msg->doc, DOCMSG_REASON_NOT_OPEN);
		return;
	}
	if (rep->stopped || !rep->ack_only)
		return;
	rep->ack_only = false;
	if (msg->u.from_version >= rep->cursor)
		return;
	/* Go back to what it has; acks it got since come again as such and mean nothing new. */
	rep->cursor = msg->u.from_version;
	rep->cursor_bytes = bytes_at(st, rep->doc, rep->cursor);
	rep->opened.version = rep->doc->visible;
	sync_pump(st, rep);
}

static void
do_unsubscribe(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg)
{
	struct replica *rep = sync_replica_attached(st, conn, &msg->doc);

	(void)channel;
	if (rep != NULL)
		rep->ack_only = true;
}

static void
do_close(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg)
{
	struct replica *rep = sync_replica_attached(st, conn, &msg->doc);

	(void)channel;
	if (rep == NULL)
		return;
	/* The log must know its newest number before the bridge is gone. */
	sync_doc_flush(st, rep->doc);
	rep = sync_replica_attached(st, conn, &msg->doc);
	if (rep != NULL && rep->doc->visible == rep->doc->head)
		sync_replica_free(st, rep);
	else if (rep != NULL)
		sync_replica_detach(st, rep);
}

void
sync_request(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg)
{
	switch (msg->kind) {
	case DOCMSG_CREATE:
		open_channel(st, conn, channel);
		do_create(st, conn, channel, msg);
		break;
	case DOCMSG_OPEN:
		open_channel(st, conn, channel);
		do_open(st, conn, channel, msg);
		break;
	case DOCMSG_APPLY:
		do_apply(st, conn, channel, msg);
		break;
	case DOCMSG_SUBSCRIBE:
		do_subscribe(st, conn, channel, msg);
		break;
	case DOCMSG_UNSUBSCRIBE:
		do_unsubscribe(st, conn, channel, msg);
		break;
	case DOCMSG_CLOSE:
		do_close(st, conn, channel, msg);
		break;
	default: /* the codec gives only requests */
		break;
	}
}
