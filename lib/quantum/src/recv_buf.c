/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "chan_priv.h"

/* Stands in the window for a number that is done with; only its address matters. */
static uint8_t done_mark;

/* Objects of a pool that a connection may hold whatever the others hold. */
#define HELD_SURE 64u
#define KEYS_SURE 4u
/* Pieces of a message beyond one for every 256 bytes. */
#define CRUMBS_MAX 1024u

static struct quantum_seg_node *
node_of(struct quantum_seg *seg)
{
	return aef_container_of(seg, struct quantum_seg_node, seg);
}

static uint32_t
seg_end(struct quantum_seg *seg)
{
	return node_of(seg)->offset + seg->slice.len;
}

void
quantum_recv_half_init(struct quantum_chan_rx *rx, uint64_t window_bytes)
{
	*rx = (struct quantum_chan_rx){ 0 };
	quantum_window_init(&rx->window, QUANTUM_MSG_WINDOW_BITS);
	quantum_flow_rx_init(&rx->flow, window_bytes);
	aef_list_init(&rx->credit);
}

/* ---- credit --------------------------------------------------------------------------------- */

static void
credit_update(struct quantum_chans *chs, struct quantum_chan *chan)
{
	const struct wire_limits *limits = &chs->conf->limits;

	if (quantum_flow_rx_grant(&chan->rx.flow, limits->credit_channel_bytes,
	                          limits->message_bytes_max) &&
	    aef_list_empty(&chan->rx.credit))
		aef_list_append(&chs->credit_chans, &chan->rx.credit);
	if (quantum_flow_rx_grant(&chs->flow_rx, limits->credit_bytes, limits->message_bytes_max))
		chs->credit_pending = true;
}

void
quantum_recv_consumed(struct quantum_chans *chs, struct quantum_chan *chan, uint64_t bytes)
{
	chan->rx.flow.consumed += bytes;
	chs->flow_rx.consumed += bytes;
	credit_update(chs, chan);
}

static bool
credit_allows(const struct quantum_chans *chs, const struct quantum_chan *chan, uint64_t bytes)
{
	return quantum_flow_rx_allows(&chan->rx.flow, bytes) &&
	       quantum_flow_rx_allows(&chs->flow_rx, bytes);
}

static void
charge(struct quantum_chans *chs, struct quantum_chan *chan, uint64_t bytes)
{
	chan->rx.flow.charged += bytes;
	chs->flow_rx.charged += bytes;
}

static void
partial_add(struct quantum_chans *chs, struct quantum_chan *chan, uint64_t bytes)
{
	chan->rx.flow.partial += bytes;
	chs->flow_rx.partial += bytes;
}

static void
partial_sub(struct quantum_chans *chs, struct quantum_chan *chan, uint64_t bytes)
{
	chan->rx.flow.partial -= bytes;
	chs->flow_rx.partial -= bytes;
}

/* ---- segments of one message ---------------------------------------------------------------- */

static void
segs_drop(struct quantum_chans *chs, struct quantum_seg *seg)
{
	const struct quantum_buf_ops *buf = chs->pools->buf;

	while (seg != NULL) {
		struct quantum_seg *next = seg->next;

		buf->put(buf->ctx, seg->slice.owner);
		aef_pool_put(chs->pools->segs, node_of(seg));
		seg = next;
	}
}

static void
msg_drop(struct quantum_chans *chs, struct quantum_msg_in *msg)
{
	chs->nb_msgs_in--;
	chs->nb_segs_in -= msg->nb_segs;
	segs_drop(chs, msg->first);
	aef_pool_put(chs->pools->msgs_in, msg);
}

/* Last segment that begins at or before `offset`, or NULL. */
static struct quantum_seg *
seg_before(const struct quantum_msg_in *msg, uint32_t offset)
{
	struct quantum_seg *prev = NULL;
	struct quantum_seg *at = msg->first;

	if (msg->last != NULL && node_of(msg->last)->offset <= offset)
		return msg->last;
	/* Holes are repaired in ascending order as a rule: go on from the last place. */
	if (msg->hint != NULL && node_of(msg->hint)->offset <= offset)
		at = msg->hint;
	for (; at != NULL && node_of(at)->offset <= offset; at = at->next)
		prev = at;
	return prev;
}

struct pieces {
	uint32_t nb;
	uint32_t bytes;
};

static void
seg_insert(struct quantum_chans *chs, struct quantum_msg_in *msg, struct quantum_seg *prev,
           const struct quantum_slice *slice, uint32_t offset)
{
	const struct quantum_buf_ops *buf = chs->pools->buf;
	struct quantum_seg_node *node = aef_pool_get(chs->pools->segs);
	struct quantum_seg **link = prev != NULL ? &prev->next : &msg->first;

	aef_assert_hot(node != NULL); /* counted before */
	*node = (struct quantum_seg_node){
		.seg = { .next = *link, .slice = *slice },
		.offset = offset,
	};
	*link = &node->seg;
	/* Appends must not move the place of repairs. */
	if (node->seg.next == NULL)
		msg->last = &node->seg;
	else
		msg->hint = &node->seg;
	msg->nb_segs++;
	chs->nb_segs_in++;
	msg->have += slice->len;
	buf->get(buf->ctx, slice->owner);
}

/*
 * Walk the parts of a fragment that are not held yet. With `owner` they are inserted; without it
 * they are only counted, so that memory and credit can be checked before anything changes.
 */
static struct pieces
pieces_walk(struct quantum_chans *chs, struct quantum_msg_in *msg,
            const struct wire_frame_data *data, void *owner, bool insert)
{
	const uint32_t end = data->offset + data->len;
	struct quantum_seg *prev = seg_before(msg, data->offset);
	uint32_t at = data->offset;
	struct pieces pieces = { 0 };

	if (prev != NULL)
		at = aef_max_u32(at, seg_end(prev));
	while (at < end) {
		struct quantum_seg *next = prev != NULL ? prev->next : msg->first;
		const uint32_t piece_end =
			next != NULL ? aef_min_u32(end, node_of(next)->offset) : end;

		if (piece_end > at) {
			pieces.nb++;
			pieces.bytes += piece_end - at;
		}
		if (piece_end > at && insert) {
			const struct quantum_slice slice = { .data = data->data +
				                                     (at - data->offset),
				                             .len = piece_end - at,
				                             .owner = owner };

			seg_insert(chs, msg, prev, &slice, at);
		}
		if (next == NULL)
			break;
		at = aef_max_u32(piece_end, seg_end(next));
		prev = next;
	}
	return pieces;
}

/* ---- latest wins ---------------------------------------------------------------------------- */

static unsigned
key_index(const struct quantum_key_table *keys, uint64_t key)
{
	unsigned i = 0;

	while (i < keys->nb && keys->entry[i].key != key)
		i++;
	return i;
}

/* Place for a key that is not in the table; QUANTUM_KEYS when every entry is still needed. */
static unsigned
key_place(const struct quantum_chan_rx *rx)
{
	const struct quantum_key_table *keys = rx->keys;

	if (keys->nb < QUANTUM_KEYS)
		return keys->nb;
	unsigned i = 0;

	/* Below `next` everything is done with: nothing older than such an entry can arrive. */
	while (i < QUANTUM_KEYS && keys->entry[i].message >= rx->next)
		i++;
	return i;
}

/* */
static bool
key_is_stale(const struct quantum_chan_rx *rx, const struct quantum_msg_in *msg)
{
	const unsigned i = key_index(rx->keys, msg->key);

	return i < rx->keys->nb && rx->keys->entry[i].message > msg->number;
}

/* Note what is delivered. False: no room, and an older value may still come. */
static bool
key_note(struct quantum_chan_rx *rx, const struct quantum_msg_in *msg)
{
	struct quantum_key_table *keys = rx->keys;
	unsigned i = key_index(keys, msg->key);

	if (i == keys->nb)
		i = key_place(rx);
	if (i == QUANTUM_KEYS)
		return msg->number < rx->next;
	keys->entry[i].key = msg->key;
	keys->entry[i].message = msg->number;
	keys->nb += i == keys->nb;
	return true;
}

/* ---- delivery ------------------------------------------------------------------------------- */

static void
make_ready(struct quantum_chans *chs, struct quantum_msg_in *msg)
{
	aef_list_append(&chs->ready, &msg->ready);
}

static void
drop_stale(struct quantum_chans *chs, struct quantum_msg_in *msg)
{
	struct quantum_chan *chan = msg->chan;
	const uint32_t total = msg->total;

	msg_drop(chs, msg);
	quantum_recv_consumed(chs, chan, total);
}

/* A complete message whose number `next` has just passed. */
static void
deliver_passed(struct quantum_chans *chs, struct quantum_msg_in *msg)
{
	struct quantum_chan_rx *rx = &msg->chan->rx;

	if (rx->order == WIRE_LATEST) {
		if (key_is_stale(rx, msg)) {
			drop_stale(chs, msg);
			return;
		}
		(void)key_note(rx, msg); /* nothing older can come: needs no entry */
	}
	make_ready(chs, msg);
}

/* `next` goes past everything that is complete or done with. At most QUANTUM_MSG_WINDOW steps. */
static void
advance(struct quantum_chans *chs, struct quantum_chan *chan)
{
	struct quantum_chan_rx *rx = &chan->rx;

	while (rx->window.nb > 0) {
		void *at = quantum_window_remove(&rx->window, chs->pools->nodes, rx->next);
		struct quantum_msg_in *msg = at;

		if (at == NULL)
			return;
		if (at != &done_mark && msg->have < msg->total) {
			rx->head = msg;
			return;
		}
		rx->next++;
		if (at != &done_mark)
			deliver_passed(chs, msg);
	}
}

/* A message above `next` is complete; its place in the window exists. */
static void
deliver_ahead(struct quantum_chans *chs, struct quantum_msg_in *msg)
{
	struct quantum_chan_rx *rx = &msg->chan->rx;
	const uint64_t number = msg->number;

	if (rx->order == WIRE_ORDERED)
		return;
	if (rx->order == WIRE_LATEST && key_is_stale(rx, msg)) {
		drop_stale(chs, msg);
	} else if (rx->order == WIRE_LATEST && !key_note(rx, msg)) {
		return; /* waits until `next` comes */
	} else {
		make_ready(chs, msg);
	}
	const int err = quantum_window_set(&rx->window, chs->pools->nodes, number, &done_mark);

	aef_assert_hot(err == 0); /* replaces an entry */
	(void)err;
}

static void
complete(struct quantum_chans *chs, struct quantum_chan *chan, struct quantum_msg_in *msg)
{
	struct quantum_chan_rx *rx = &chan->rx;

	if (msg->number != rx->next) {
		deliver_ahead(chs, msg);
		return;
	}
	rx->head = NULL;
	rx->next++;
	deliver_passed(chs, msg);
	advance(chs, chan);
}

/* ---- frames --------------------------------------------------------------------------------- */

/* Rules that hold whatever is known of the message. */
static int
data_check(const struct quantum_chans *chs, struct quantum_chan_rx *rx,
           const struct wire_frame_data *data)
{
	if (data->total > chs->conf->limits.message_bytes_max)
		return AEF_ERR_PROTOCOL;
	if (rx->order_known && rx->order != data->order)
		return AEF_ERR_PROTOCOL;
	if (data->message >= rx->next && data->message - rx->next >= QUANTUM_MSG_WINDOW)
		return AEF_ERR_PROTOCOL;
	return 0;
}

/*
 * Objects that only the message at `next` may take: what is ahead of it waits for it, so it must
 * not use up the memory that the hole needs to be filled.
 */
static uint64_t
kept_back(const struct quantum_chans *chs, const struct aef_pool *pool,
          const struct quantum_chan_rx *rx, uint64_t message, uint32_t held)
{
	const uint64_t share = chs->conf->fair_share && held > HELD_SURE ? held : 0;

	/* Nor does one connection take more than it leaves to the others: dynamic thresholds. */
	return message == rx->next ? share : aef_max_u64(2 * share, pool->nb_objs / 8);
}

static bool
has_left(struct aef_pool *pool, uint64_t nb)
{
	if (aef_pool_left(pool) >= nb)
		return true;
	pool->failures++;
	return false;
}

/* What is known of a number at or above `next`: a message, the mark, or NULL. */
static void *
number_get(const struct quantum_chan_rx *rx, uint64_t number)
{
	return number == rx->next ? rx->head : quantum_window_get(&rx->window, number);
}

/* First frame of a message: a record and, unless it is the one at `next`, a place in the window. */
static int
msg_make(struct quantum_chans *chs, struct quantum_chan *chan, const struct wire_frame_data *data,
         struct quantum_msg_in **ret_msg)
{
	struct quantum_chan_rx *rx = &chan->rx;
	const struct quantum_chan_pools *pools = chs->pools;

	if (data->order == WIRE_LATEST && rx->keys == NULL) {
		if (chs->conf->fair_share && chs->nb_keys_in >= KEYS_SURE &&
		    chs->nb_keys_in >= aef_pool_left(pools->keys))
			return AEF_ERR_FULL;
		rx->keys = aef_pool_get(pools->keys);
		if (rx->keys == NULL)
			return AEF_ERR_FULL;
		rx->keys->nb = 0;
		chs->nb_keys_in++;
	}
	if (!has_left(pools->msgs_in,
	              1u + kept_back(chs, pools->msgs_in, rx, data->message, chs->nb_msgs_in)))
		return AEF_ERR_FULL;
	struct quantum_msg_in *msg = aef_pool_get(pools->msgs_in);

	if (data->message == rx->next) {
		rx->head = msg;
	} else if (quantum_window_set(&rx->window, pools->nodes, data->message, msg) != 0) {
		aef_pool_put(pools->msgs_in, msg);
		return AEF_ERR_FULL;
	}
	*msg = (struct quantum_msg_in){
		.chan = chan,
		.number = data->message,
		.key = data->key,
		.total = data->total,
	};
	aef_list_init(&msg->ready);
	chs->nb_msgs_in++;
	*ret_msg = msg;
	return 0;
}

/* Keep the new bytes of a fragment; memory and credit have been checked. */
static void
data_apply(struct quantum_chans *chs, struct quantum_chan *chan, struct quantum_msg_in *msg,
           const struct wire_frame_data *data, void *owner)
{
	const uint32_t held = msg->have;
	const struct pieces pieces = pieces_walk(chs, msg, data, owner, true);

	chan->rx.order = data->order;
	chan->rx.order_known = true;
	charge(chs, chan, pieces.bytes);
	if (msg->have < msg->total) {
		partial_add(chs, chan, pieces.bytes);
		credit_update(chs, chan);
		return;
	}
	partial_sub(chs, chan, held);
	complete(chs, chan, msg);
}

int
quantum_recv_data(struct quantum_chans *chs, struct quantum_chan *chan,
                  const struct wire_frame_data *data, void *owner)
{
	struct quantum_chan_rx *rx = &chan->rx;
	const int err = data_check(chs, rx, data);

	if (err != 0)
		return err;
	if (data->message < rx->next)
		return 0;

	void *at = number_get(rx, data->message);
	struct quantum_msg_in *msg = at;
	struct pieces pieces = { .nb = data->len > 0, .bytes = data->len };

	if (at == &done_mark)
		return 0;
	if (at != NULL) {
		if (msg->total != data->total || msg->key != data->key)
			return AEF_ERR_PROTOCOL;
		pieces = pieces_walk(chs, msg, data, owner, false);
		if (pieces.nb == 0)
			return 0;
	}
	if (!credit_allows(chs, chan, pieces.bytes))
		return AEF_ERR_LIMIT;
	/* Honest fragments have 256 bytes; crumbs would make every search long. */
	if (at != NULL && msg->nb_segs + pieces.nb > data->total / 256 + CRUMBS_MAX)
		return AEF_ERR_FULL;
	if (!has_left(chs->pools->segs, pieces.nb + kept_back(chs, chs->pools->segs, rx,
	                                                      data->message, chs->nb_segs_in)))
		return AEF_ERR_FULL;
	if (at == NULL && msg_make(chs, chan, data, &msg) != 0)
		return AEF_ERR_FULL;
	data_apply(chs, chan, msg, data, owner);
	return 0;
}

/* The number is done with; its reassembly, if any, has been freed. */
static int
number_done(struct quantum_chans *chs, struct quantum_chan_rx *rx, uint64_t number)
{
	if (number != rx->next)
		return quantum_window_set(&rx->window, chs->pools->nodes, number, &done_mark);
	rx->head = NULL;
	rx->next++;
	return 0;
}

int
quantum_recv_expired(struct quantum_chans *chs, struct quantum_chan *chan, uint64_t message,
                     uint64_t bytes)
{
	struct quantum_chan_rx *rx = &chan->rx;

	if (message < rx->next)
		return 0;
	if (message - rx->next >= QUANTUM_MSG_WINDOW || bytes > chs->conf->limits.message_bytes_max)
		return AEF_ERR_PROTOCOL;
	void *at = number_get(rx, message);
	struct quantum_msg_in *msg = at;

	/* Complete messages were charged in full; the sender did not know yet. */
	if (at == &done_mark || (at != NULL && msg->have == msg->total))
		return 0;
	const uint32_t held = at != NULL ? msg->have : 0;

	if (bytes < held || (at != NULL && bytes > msg->total))
		return AEF_ERR_PROTOCOL;
	if (!credit_allows(chs, chan, bytes - held))
		return AEF_ERR_LIMIT;
	if (number_done(chs, rx, message) != 0)
		return AEF_ERR_FULL;
	if (at != NULL) {
		partial_sub(chs, chan, held);
		msg_drop(chs, msg);
	}
	charge(chs, chan, bytes - held);
	/* Planted bug 6: what was abandoned is never given back as credit. */
	if (AEF_PLANT != 6)
		quantum_recv_consumed(chs, chan, bytes);
	advance(chs, chan);
	return 0;
}

bool
quantum_recv_poll(struct quantum_chans *chs, struct quantum_msg *ret_msg)
{
	while (!aef_list_empty(&chs->ready)) {
		struct quantum_msg_in *msg =
			aef_list_entry(chs->ready.next, struct quantum_msg_in, ready);
		const struct quantum_chan_rx *rx = &msg->chan->rx;

		aef_list_remove(&msg->ready);
		if (rx->order == WIRE_LATEST && key_is_stale(rx, msg)) {
			drop_stale(chs, msg); /* overtaken while it waited to be taken */
			continue;
		}
		*ret_msg = (struct quantum_msg){
			.channel = msg->chan->id,
			.order = rx->order,
			.len = msg->total,
			.message = msg->number,
			.key = msg->key,
			.nb_segs = msg->nb_segs,
			.segs = msg->first,
		};
		chs->nb_msgs_in--;
		chs->nb_segs_in -= msg->nb_segs;
		aef_pool_put(chs->pools->msgs_in, msg);
		return true;
	}
	return false;
}

void
quantum_recv_drop_ready(struct quantum_chans *chs)
{
	while (!aef_list_empty(&chs->ready)) {
		struct quantum_msg_in *msg =
			aef_list_entry(chs->ready.next, struct quantum_msg_in, ready);

		aef_list_remove(&msg->ready);
		msg_drop(chs, msg);
	}
}

void
quantum_recv_half_fini(struct quantum_chans *chs, struct quantum_chan *chan)
{
	struct quantum_chan_rx *rx = &chan->rx;
	void *at;

	while ((at = quantum_window_take_any(&rx->window, chs->pools->nodes)) != NULL) {
		if (at != &done_mark)
			msg_drop(chs, at);
	}
	if (rx->head != NULL)
		msg_drop(chs, rx->head);
	rx->head = NULL;
	aef_list_remove(&rx->credit);
	aef_pool_put(chs->pools->keys, rx->keys);
	rx->keys = NULL;
}
