/* SPDX-License-Identifier: BSD-3-Clause */
#include "statesync_priv.h"

static void
mark_lagging(struct statesync *st, struct replica *rep, bool lagging)
{
	const bool was = !aef_list_empty(&rep->in_lagging);

	if (lagging == was)
		return;
	if (lagging) {
		aef_list_append(&st->lagging, &rep->in_lagging);
		st->stats.lagging++;
	} else {
		aef_list_remove(&rep->in_lagging);
		st->stats.lagging--;
	}
}

static bool
takes_round(const struct replica *rep, uint64_t from)
{
	return rep->cursor == from && !rep->stopped && aef_list_empty(&rep->in_lagging);
}

static bool
anybody_at(const struct doc *doc, uint64_t from)
{
	aef_list_foreach (at, &doc->subs) {
		if (takes_round(aef_list_entry(at, struct replica, in_subs), from))
			return true;
	}
	return false;
}

/* Build and send one round to all at @p from. @return where it ended; @p from: it did not work */
static uint64_t
fanout_round(struct statesync *st, struct doc *doc, uint64_t from)
{
	const int r = sync_round_build(st, doc, from, doc->visible, ROUND_BYTES_MAX);
	const uint64_t to = st->round.to;

	aef_list_foreach (at, &doc->subs) {
		struct replica *rep = aef_list_entry(at, struct replica, in_subs);

		if (takes_round(rep, from) && (r != 0 || sync_round_send(st, rep) != 0))
			mark_lagging(st, rep, true);
	}
	sync_round_drop(st);
	return r == 0 ? to : from;
}

void
sync_fanout(struct statesync *st, struct doc *doc, uint64_t from)
{
	while (from < doc->visible && anybody_at(doc, from)) {
		const uint64_t to = fanout_round(st, doc, from);

		if (to == from)
			break;
		from = to;
	}
}

/* DocumentOpened, then the snapshot if there is one. 0: both sent; else something is left. */
static int
pump_opening(struct statesync *st, struct replica *rep)
{
	const struct docmsg msg = {
		.kind = DOCMSG_OPENED,
		.doc = rep->doc->id,
		.u.opened = rep->opened,
	};
	int r;

	if (rep->want_opened) {
		/* Text of versions that are not durable is not shown. */
		if (rep->opened.start_version > rep->doc->visible)
			return AEF_ERR_AGAIN;
		r = sync_event_send(st, rep->conn, rep->channel, &msg);
		if (r != 0)
			return r;
		rep->want_opened = false;
	}
	return rep->snap != NULL ? sync_snap_send(st, rep) : 0;
}

/* True when so much is waiting for it that a fresh start is better. Not while it catches up. */
static bool
is_too_slow(const struct statesync *st, const struct replica *rep)
{
	return rep->cursor >= rep->opened.version &&
	       rep->doc->cum_bytes - rep->cursor_bytes > st->conf.slow_bytes_max;
}

/* What a message to it may take, about: a large one would never fit into a small credit. */
static uint64_t
room_of(const struct statesync *st, const struct conn *conn)
{
	return aef_min_u64(ROUND_BYTES_MAX, st->env.reply.room(st->env.reply.ctx, conn->handle));
}

static int
pump_operations(struct statesync *st, struct replica *rep)
{
	struct doc *doc = rep->doc;

	while (rep->cursor < doc->visible) {
		/* A round ends where the opening's catch-up ends: see foreign_seq. */
		const uint64_t to =
			rep->cursor < rep->opened.version ? rep->opened.version : doc->visible;
		int r;

		if (is_too_slow(st, rep)) {
			sync_replica_resync(st, rep);
			return 0;
		}
		r = sync_round_build(st, doc, rep->cursor, aef_min_u64(to, doc->visible),
		                     room_of(st, rep->conn));
		if (r == AEF_ERR_GAP) {
			sync_replica_resync(st, rep);
			return 0;
		}
		if (r == 0)
			r = sync_round_send(st, rep);
		sync_round_drop(st);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Nack or Resync, the last words to a replica that was stopped. */
static int
pump_end(struct statesync *st, struct replica *rep)
{
	struct docmsg msg = { .doc = rep->doc->id };
	int r = 0;

	if (rep->want_nack) {
		msg.kind = DOCMSG_NACK;
		msg.u.refusal = rep->nack;
	} else if (rep->want_resync) {
		msg.kind = DOCMSG_RESYNC;
		msg.u.resync = (struct docmsg_resync){ rep->cursor, rep->doc->visible };
	} else {
		return 0;
	}
	r = sync_event_send(st, rep->conn, rep->channel, &msg);
	if (r == 0)
		rep->want_nack = rep->want_resync = false;
	return r;
}

void
sync_pump(struct statesync *st, struct replica *rep)
{
	int r = 0;

	if (rep->conn == NULL)
		return;
	if (rep->conn->blocked) {
		mark_lagging(st, rep, true);
		return;
	}
	if (rep->want_opened || rep->snap != NULL)
		r = pump_opening(st, rep);
	if (r == 0 && !rep->stopped)
		r = pump_operations(st, rep);
	if (r == 0 && rep->stopped)
		r = pump_end(st, rep);
	mark_lagging(st, rep, r != 0);
}

static int
send_late(struct statesync *st, struct conn *conn)
{
	const int r = sync_event_send(st, conn, conn->late_channel, &conn->late);

	if (r == 0)
		conn->has_late = false;
	return r;
}

void
sync_pump_conn(struct statesync *st, struct conn *conn)
{
	if (conn->has_late && send_late(st, conn) != 0)
		return;
	aef_list_foreach_safe (at, &conn->replicas) {
		struct replica *rep = aef_list_entry(at, struct replica, in_conn);

		if (!aef_list_empty(&rep->in_lagging) && !conn->blocked)
			sync_pump(st, rep);
	}
}

uint64_t
sync_pump_lagging(struct statesync *st)
{
	bool again = false;

	if (st->now_ns < st->retry_ns)
		return aef_list_empty(&st->lagging) ? AEF_TIME_NEVER : st->retry_ns;
	aef_list_foreach_safe (at, &st->lagging) {
		struct replica *rep = aef_list_entry(at, struct replica, in_lagging);

		/* Blocked ones wait for on_writable. */
		if (rep->conn->blocked)
			continue;
		sync_pump(st, rep);
		again = again || !aef_list_empty(&rep->in_lagging);
	}
	if (!again)
		return AEF_TIME_NEVER;
	st->retry_ns = st->now_ns + RETRY_NS;
	return st->retry_ns;
}

void
sync_answer(struct statesync *st, struct conn *conn, uint16_t channel, const struct docmsg *msg)
{
	if (msg->kind == DOCMSG_ERROR)
		st->stats.errors_sent++;
	if (!conn->blocked && sync_event_send(st, conn, channel, msg) == 0)
		return;
	if (conn->has_late) {
		st->stats.answers_dropped++;
		return;
	}
	conn->has_late = true;
	conn->late_channel = channel;
	conn->late = *msg;
}
