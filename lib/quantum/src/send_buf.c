/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rng.h>

#include "chan_priv.h"
#include "copy_priv.h"

static struct quantum_msg_out *
msg_of_node(struct aef_list *node)
{
	return aef_list_entry(node, struct quantum_msg_out, node);
}

static struct quantum_msg_out *
msg_of_aux(struct aef_list *node)
{
	return aef_list_entry(node, struct quantum_msg_out, aux);
}

void
quantum_send_half_init(struct quantum_chan_tx *tx, const struct quantum_chan_conf *conf,
                       uint64_t credit_bytes)
{
	*tx = (struct quantum_chan_tx){ .conf = *conf, .flow.limit = credit_bytes };
	quantum_sched_entry_init(&tx->sched, conf->priority, conf->weight);
	aef_list_init(&tx->queue);
	aef_list_init(&tx->unresolved);
	aef_list_init(&tx->timed);
	aef_list_init(&tx->timed_chan);
	aef_list_init(&tx->blocked);
}

static void
owner_put(const struct quantum_buf_ops *buf, const struct quantum_slice *slice)
{
	if (slice->owner != NULL)
		buf->put(buf->ctx, slice->owner);
}

static void
segs_put(struct quantum_chans *chs, struct quantum_seg *seg)
{
	while (seg != NULL) {
		struct quantum_seg *next = seg->next;

		aef_pool_put(chs->pools->segs, aef_container_of(seg, struct quantum_seg_node, seg));
		seg = next;
	}
}

/* The references go to the application's buffers; what was queued is queued no more. */
static void
payload_drop(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	owner_put(chs->pools->buf, &msg->slice);
	for (const struct quantum_seg *seg = msg->more; seg != NULL; seg = seg->next)
		owner_put(chs->pools->buf, &seg->slice);
	segs_put(chs, msg->more);
	msg->more = NULL;
	msg->slice = (struct quantum_slice){ 0 };
	chs->queued_bytes -= msg->total;
}

/* ---- live messages by key ------------------------------------------------------------------- */

static unsigned
key_slot(uint64_t key)
{
	return (unsigned)(aef_splitmix64(&key) & (QUANTUM_WINDOW_SLOTS - 1));
}

static struct quantum_msg_out *
key_find(const struct quantum_chan_tx *tx, uint64_t key)
{
	struct quantum_msg_out *msg = tx->keys->slot[key_slot(key)];

	while (msg != NULL && msg->key != key)
		msg = msg->key_next;
	return msg;
}

static void
key_insert(struct quantum_chan_tx *tx, struct quantum_msg_out *msg)
{
	void **slot = &tx->keys->slot[key_slot(msg->key)];

	msg->key_next = *slot;
	msg->in_key_table = true;
	*slot = msg;
}

static void
key_remove(struct quantum_msg_out *msg)
{
	if (!msg->in_key_table)
		return;
	void **slot = &msg->chan->tx.keys->slot[key_slot(msg->key)];
	struct quantum_msg_out *at = *slot;

	if (at == msg) {
		*slot = msg->key_next;
	} else {
		while (at->key_next != msg)
			at = at->key_next;
		at->key_next = msg->key_next;
	}
	msg->in_key_table = false;
}

/* ---- life of a message ---------------------------------------------------------------------- */

static void
msg_put_if_unused(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	if (msg->state != QUANTUM_MSG_RESOLVED || msg->nb_frames > 0 ||
	    !aef_list_empty(&msg->result))
		return;
	chs->nb_messages--;
	aef_pool_put(chs->pools->msgs_out, msg);
}

static void
untime(struct quantum_msg_out *msg)
{
	struct quantum_chan_tx *tx = &msg->chan->tx;

	aef_list_remove(&msg->aux);
	if (aef_list_empty(&tx->timed))
		aef_list_remove(&tx->timed_chan);
}

static void
time_it(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	struct quantum_chan_tx *tx = &msg->chan->tx;

	if (msg->deadline_ns == AEF_TIME_NEVER)
		return;
	/* Ascending without a search: all messages of a channel live equally long. */
	aef_list_append(&tx->timed, &msg->aux);
	if (aef_list_empty(&tx->timed_chan))
		aef_list_append(&chs->timed_chans, &tx->timed_chan);
	chs->deadline_ns = aef_min_u64(chs->deadline_ns, msg->deadline_ns);
}

static void
report(struct quantum_chans *chs, struct quantum_msg_out *msg, bool expired)
{
	if (!msg->notify)
		return;
	msg->expired = expired;
	aef_list_append(&chs->results, &msg->result);
}

/* No byte of it will go out for the first time any more: the promise on credit ends. */
static void
leave_current(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	msg->chan->tx.current = NULL;
	chs->nb_unsent--;
	if (msg->covered)
		chs->reserved_bytes -= msg->total - msg->sent;
	else
		chs->oversize = NULL;
	quantum_send_unblock(chs);
}

static void
resolve(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	struct quantum_chan *chan = msg->chan;

	aef_list_remove(&msg->node);
	msg->state = QUANTUM_MSG_RESOLVED;
	msg_put_if_unused(chs, msg);
	/* The window of numbers may have moved. */
	quantum_send_activate(chs, chan);
}

/* Given up: what was sent of it is announced until the peer acknowledged that. */
void
quantum_send_give_up(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	aef_assert_hot(msg->state <= QUANTUM_MSG_SENT);
	chs->nb_expired++;
	if (msg->state == QUANTUM_MSG_SENDING)
		leave_current(chs, msg);
	key_remove(msg);
	untime(msg);
	aef_rangeset_clear(&msg->acked_ranges, chs->pools->ranges);
	payload_drop(chs, msg);
	report(chs, msg, true);
	if (msg->state == QUANTUM_MSG_QUEUED) {
		chs->nb_unsent--;
		resolve(chs, msg);
		return;
	}
	msg->state = QUANTUM_MSG_GIVEN_UP;
	aef_list_append(&chs->expired, &msg->aux);
}

void
quantum_send_expired_acked(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	if (msg->state != QUANTUM_MSG_GIVEN_UP)
		return;
	aef_list_remove(&msg->aux); /* a copy counted as lost may wait there */
	resolve(chs, msg);
}

bool
quantum_send_acked(struct quantum_chans *chs, struct quantum_msg_out *msg, uint32_t offset,
                   uint32_t len)
{
	uint64_t added = msg->total - msg->acked;

	if (msg->state > QUANTUM_MSG_SENT)
		return true;
	if (len < msg->total) {
		if (aef_rangeset_add(&msg->acked_ranges, chs->pools->ranges, offset,
		                     (uint64_t)offset + len, &added) != 0)
			return false;
	}
	msg->acked += (uint32_t)added;
	if (msg->acked < msg->total)
		return true;
	aef_assert_hot(msg->state == QUANTUM_MSG_SENT);
	key_remove(msg);
	untime(msg);
	aef_rangeset_clear(&msg->acked_ranges, chs->pools->ranges);
	payload_drop(chs, msg);
	report(chs, msg, false);
	resolve(chs, msg);
	return true;
}

void
quantum_send_frame_put(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	aef_assert_hot(msg->nb_frames > 0);
	msg->nb_frames--;
	msg_put_if_unused(chs, msg);
}

void
quantum_send_result_put(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	aef_list_remove(&msg->result);
	msg_put_if_unused(chs, msg);
}

void
quantum_send_expire(struct quantum_chans *chs, struct quantum_chan *chan, uint64_t now_ns)
{
	while (!aef_list_empty(&chan->tx.timed)) {
		struct quantum_msg_out *msg = msg_of_aux(chan->tx.timed.next);

		if (msg->deadline_ns > now_ns)
			return;
		quantum_send_give_up(chs, msg);
	}
}

/* ---- queueing ------------------------------------------------------------------------------- */

/* All slices of `send` into records; on failure nothing is kept. */
static int
payload_take(struct quantum_chans *chs, struct quantum_msg_out *msg,
             const struct quantum_chan_send *send)
{
	struct quantum_seg **link = &msg->more;

	if (send->nb_slices > 0)
		msg->slice = send->slices[0];
	for (uint32_t i = 1; i < send->nb_slices; i++) {
		struct quantum_seg_node *node = aef_pool_get(chs->pools->segs);

		if (node == NULL) {
			segs_put(chs, msg->more);
			return AEF_ERR_FULL;
		}
		node->seg = (struct quantum_seg){ .slice = send->slices[i] };
		*link = &node->seg;
		link = &node->seg.next;
	}
	return 0;
}

static struct quantum_msg_out *
msg_make(struct quantum_chans *chs, struct quantum_chan *chan, const struct quantum_chan_send *send,
         uint32_t total, uint64_t now_ns)
{
	const struct quantum_chan_conf *conf = &chan->tx.conf;
	struct quantum_msg_out *msg = aef_pool_get(chs->pools->msgs_out);

	if (msg == NULL)
		return NULL;
	*msg = (struct quantum_msg_out){
		.chan = chan,
		.number = QUANTUM_MSG_UNNUMBERED,
		.key = send->key,
		.cookie = send->cookie,
		.deadline_ns = conf->reliability == QUANTUM_DEADLINE
		                       ? aef_add_sat_u64(now_ns, conf->deadline_ns)
		                       : AEF_TIME_NEVER,
		.total = total,
		.state = QUANTUM_MSG_QUEUED,
		.notify = send->notify,
	};
	aef_list_init(&msg->node);
	aef_list_init(&msg->aux);
	aef_list_init(&msg->result);
	aef_rangeset_init(&msg->acked_ranges);
	if (payload_take(chs, msg, send) != 0) {
		aef_pool_put(chs->pools->msgs_out, msg);
		return NULL;
	}
	return msg;
}

static int
keys_prepare(struct quantum_chans *chs, struct quantum_chan_tx *tx)
{
	if (tx->conf.order != WIRE_LATEST || tx->keys != NULL)
		return 0;
	tx->keys = aef_pool_get(chs->pools->nodes);
	if (tx->keys == NULL)
		return AEF_ERR_FULL;
	*tx->keys = (struct quantum_window_node){ 0 };
	return 0;
}

static bool
queue_is_full(const struct quantum_chans *chs)
{
	return chs->queued_bytes >= chs->conf->queue_bytes_max ||
	       chs->nb_messages >= chs->conf->queue_messages_max;
}

int
quantum_send_push(struct quantum_chans *chs, struct quantum_chan *chan,
                  const struct quantum_chan_send *send, uint64_t now_ns)
{
	struct quantum_chan_tx *tx = &chan->tx;
	const uint32_t max = aef_min_u32(WIRE_MESSAGE_BYTES_MAX,
	                                 chs->peer_channels_max > 0 ? chs->peer_message_bytes_max
	                                                            : WIRE_MESSAGE_BYTES_MAX);
	uint64_t total = 0;

	for (uint32_t i = 0; i < send->nb_slices; i++)
		total += send->slices[i].len;
	if (total > max)
		return AEF_ERR_LIMIT;
	if (keys_prepare(chs, tx) != 0)
		return AEF_ERR_FULL;

	struct quantum_msg_out *old = tx->keys != NULL ? key_find(tx, send->key) : NULL;
	const bool in_place = old != NULL && old->state == QUANTUM_MSG_QUEUED;

	if (!in_place && queue_is_full(chs))
		return AEF_ERR_FULL;
	struct quantum_msg_out *msg = msg_make(chs, chan, send, (uint32_t)total, now_ns);

	if (msg == NULL)
		return AEF_ERR_FULL;
	chs->nb_messages++;
	chs->nb_unsent++;
	chs->queued_bytes += total;
	/* Latest wins: the new value takes the old one's turn, or follows it when that was sent. */
	aef_list_insert_before(in_place ? &old->node : &tx->queue, &msg->node);
	time_it(chs, msg);
	if (old != NULL)
		quantum_send_give_up(chs, old);
	if (tx->keys != NULL)
		key_insert(tx, msg);
	quantum_send_activate(chs, chan);
	return 0;
}

/* ---- transmitting --------------------------------------------------------------------------- */

void
quantum_send_activate(struct quantum_chans *chs, struct quantum_chan *chan)
{
	struct quantum_chan_tx *tx = &chan->tx;

	if (tx->current == NULL && aef_list_empty(&tx->queue))
		return;
	if (aef_list_empty(&tx->blocked))
		quantum_sched_activate(&chs->sched, &tx->sched);
}

void
quantum_send_unblock(struct quantum_chans *chs)
{
	while (!aef_list_empty(&chs->blocked)) {
		struct quantum_chan *chan =
			aef_list_entry(chs->blocked.next, struct quantum_chan, tx.blocked);

		aef_list_remove(&chan->tx.blocked);
		quantum_send_activate(chs, chan);
	}
}

/* Connection credit that no message begun so far counts on. */
static uint64_t
unreserved(const struct quantum_chans *chs)
{
	return quantum_flow_tx_room(&chs->flow_tx) - chs->reserved_bytes;
}

/*
 * A message is begun when the connection's credit covers it whole, or as the only one that it does
 * not cover. So every message begun but one can be finished without a further grant, and for the
 * one the receiver grants beyond its window (flow_priv.h): messages in progress never starve each
 * other of credit.
 */
static bool
message_may_start(const struct quantum_chans *chs, const struct quantum_msg_out *msg)
{
	const uint64_t left = unreserved(chs);

	return msg->total <= left || (chs->oversize == NULL && left > 0);
}

static uint64_t
connection_room(const struct quantum_chans *chs, const struct quantum_msg_out *msg)
{
	if (msg->state == QUANTUM_MSG_QUEUED)
		return message_may_start(chs, msg) ? unreserved(chs) : 0;
	return msg->covered ? msg->total - msg->sent : unreserved(chs);
}

/* [Q] Numbers span at most QUANTUM_MSG_WINDOW from the lowest unresolved one. */
static bool
number_allowed(const struct quantum_chan_tx *tx)
{
	if (aef_list_empty(&tx->unresolved))
		return true;
	return tx->next_number - msg_of_node(tx->unresolved.next)->number < QUANTUM_MSG_WINDOW;
}

struct quantum_msg_out *
quantum_send_head(struct quantum_chans *chs, struct quantum_chan *chan, uint64_t now_ns,
                  uint32_t *ret_room)
{
	struct quantum_chan_tx *tx = &chan->tx;
	struct quantum_msg_out *msg;

	quantum_send_expire(chs, chan, now_ns);
	if (tx->current != NULL)
		msg = tx->current;
	else if (aef_list_empty(&tx->queue) || !number_allowed(tx))
		return NULL;
	else
		msg = msg_of_node(tx->queue.next);

	/* Limits may come after the channel was opened. */
	(void)quantum_flow_tx_raise(&tx->flow, chs->peer_chan_credit_bytes);
	const uint32_t rest = msg->total - msg->sent;
	const uint64_t room_chan = aef_min_u64(rest, quantum_flow_tx_room(&tx->flow));
	const uint64_t room = aef_min_u64(room_chan, connection_room(chs, msg));

	if (rest > 0 && room == 0) {
		/*
		 * CREDIT_CHANNEL wakes the channel by itself; the connection's credit, and the
		 * initial credit that comes with the peer's limits, wake all that wait here.
		 */
		if (room_chan > 0 || tx->flow.limit <= chs->peer_chan_credit_bytes)
			aef_list_append(&chs->blocked, &tx->blocked);
		return NULL;
	}
	*ret_room = (uint32_t)room;
	return msg;
}

static void
begin(struct quantum_chans *chs, struct quantum_msg_out *msg)
{
	struct quantum_chan_tx *tx = &msg->chan->tx;

	aef_list_remove(&msg->node);
	aef_list_append(&tx->unresolved, &msg->node);
	msg->number = tx->next_number++;
	msg->state = QUANTUM_MSG_SENDING;
	tx->current = msg;
	msg->covered = msg->total <= unreserved(chs);
	if (msg->covered)
		chs->reserved_bytes += msg->total;
	else
		chs->oversize = msg;
}

void
quantum_send_commit(struct quantum_chans *chs, struct quantum_msg_out *msg, uint32_t len)
{
	struct quantum_chan_tx *tx = &msg->chan->tx;

	if (msg->state == QUANTUM_MSG_QUEUED)
		begin(chs, msg);
	msg->sent += len;
	tx->flow.charged += len;
	chs->flow_tx.charged += len;
	if (msg->covered)
		chs->reserved_bytes -= len;
	aef_assert_hot(tx->flow.charged <= tx->flow.limit);
	aef_assert_hot(chs->flow_tx.charged + chs->reserved_bytes <= chs->flow_tx.limit);
	if (msg->sent < msg->total)
		return;
	msg->state = QUANTUM_MSG_SENT;
	leave_current(chs, msg);
}

void
quantum_send_copy(struct quantum_chans *chs, struct quantum_msg_out *msg, uint32_t offset,
                  uint32_t len, uint8_t *dst)
{
	struct quantum_seg *seg = NULL; /* NULL stands for msg->slice */
	uint32_t at = 0;

	if (msg->cursor_offset <= offset) {
		seg = msg->cursor;
		at = msg->cursor_offset;
	}
	while (len > 0) {
		const struct quantum_slice *slice = seg != NULL ? &seg->slice : &msg->slice;

		if (offset < at + slice->len) {
			const uint32_t n = aef_min_u32(len, at + slice->len - offset);

			quantum_copy(dst, slice->data + (offset - at), n, &chs->copied_bytes);
			dst += n;
			offset += n;
			len -= n;
			msg->cursor = seg;
			msg->cursor_offset = at;
			if (len == 0)
				return;
		}
		at += slice->len;
		seg = seg != NULL ? seg->next : msg->more;
		aef_assert_hot(seg != NULL);
	}
}

/* ---- transmitting again ---------------------------------------------------------------------- */

unsigned
quantum_send_tries_max(const struct quantum_msg_out *msg)
{
	switch (msg->chan->tx.conf.reliability) {
	case QUANTUM_NONE:
		return 1;
	case QUANTUM_TRIES:
		return msg->chan->tx.conf.tries;
	default:
		return UINT8_MAX + 1;
	}
}

bool
quantum_send_trim(const struct quantum_msg_out *msg, uint32_t *offset, uint32_t *len)
{
	const uint32_t end = *offset + *len;

	if (msg->state > QUANTUM_MSG_SENT)
		return false;
	aef_list_foreach (node, &msg->acked_ranges.ranges) {
		const struct aef_range *range = aef_range_of(node);

		if (range->end <= *offset)
			continue;
		/* A range in the middle is sent again with what surrounds it. */
		if (range->first > *offset) {
			if (range->end >= end)
				*len = (uint32_t)aef_min_u64(*len, range->first - *offset);
			return true;
		}
		if (range->end >= end)
			return false;
		*offset = (uint32_t)range->end;
		*len = end - *offset;
	}
	return true;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void
list_drop(struct quantum_chans *chs, struct aef_list *list)
{
	while (!aef_list_empty(list)) {
		struct quantum_msg_out *msg = msg_of_node(list->next);

		aef_assert(msg->nb_frames == 0); /* records in flight are handed back first */
		if (msg->state <= QUANTUM_MSG_SENT) {
			aef_rangeset_clear(&msg->acked_ranges, chs->pools->ranges);
			payload_drop(chs, msg);
		}
		aef_list_remove(&msg->node);
		aef_list_remove(&msg->aux);
		msg->state = QUANTUM_MSG_RESOLVED;
		msg_put_if_unused(chs, msg);
	}
}

void
quantum_send_half_fini(struct quantum_chans *chs, struct quantum_chan *chan)
{
	struct quantum_chan_tx *tx = &chan->tx;

	tx->current = NULL;
	list_drop(chs, &tx->queue);
	list_drop(chs, &tx->unresolved);
	aef_list_remove(&tx->timed_chan);
	aef_list_remove(&tx->blocked);
	aef_pool_put(chs->pools->nodes, tx->keys);
	tx->keys = NULL;
}
