/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "chan_priv.h"

#define CHANNEL_BITS 16u
/* Channels that a peer may always open while the pool has one. */
#define QUANTUM_CHANS_SURE 16u

void
quantum_chans_init(struct quantum_chans *chs, const struct quantum_chan_pools *pools,
                   const struct quantum_chans_conf *conf)
{
	*chs = (struct quantum_chans){
		.pools = pools,
		.conf = conf,
		.deadline_ns = AEF_TIME_NEVER,
	};
	quantum_window_init(&chs->table, CHANNEL_BITS);
	aef_list_init(&chs->lost);
	aef_list_init(&chs->expired);
	aef_list_init(&chs->results);
	aef_list_init(&chs->blocked);
	aef_list_init(&chs->timed_chans);
	aef_list_init(&chs->ready);
	aef_list_init(&chs->credit_chans);
	quantum_sched_init(&chs->sched);
	quantum_flow_rx_init(&chs->flow_rx, conf->limits.credit_bytes);
}

static struct quantum_frame *
frame_of(struct aef_list *node)
{
	return aef_list_entry(node, struct quantum_frame, node);
}

/* The record of a DATA or EXPIRED frame goes back. */
static void
data_frame_put(struct quantum_chans *chs, struct quantum_frame *frame)
{
	quantum_send_frame_put(chs, frame->type == WIRE_FRAME_DATA ? frame->data.msg
	                                                           : frame->expired.msg);
	aef_pool_put(chs->pools->frames, frame);
}

void
quantum_chans_fini(struct quantum_chans *chs)
{
	struct quantum_chan *chan;

	if (chs == NULL || chs->pools == NULL)
		return;
	while (!aef_list_empty(&chs->lost)) {
		struct quantum_frame *frame = frame_of(chs->lost.next);

		aef_list_remove(&frame->node);
		data_frame_put(chs, frame);
	}
	while (!aef_list_empty(&chs->results))
		quantum_send_result_put(
			chs, aef_list_entry(chs->results.next, struct quantum_msg_out, result));
	quantum_recv_drop_ready(chs);
	while ((chan = quantum_window_take_any(&chs->table, chs->pools->nodes)) != NULL) {
		quantum_send_half_fini(chs, chan);
		quantum_recv_half_fini(chs, chan);
		aef_pool_put(chs->pools->chans, chan);
	}
	quantum_sched_init(&chs->sched);
	chs->pools = NULL;
}

/* ---- channels ------------------------------------------------------------------------------- */

static struct quantum_chan *
chan_make(struct quantum_chans *chs, uint16_t id)
{
	static const struct quantum_chan_conf conf_default = { .order = WIRE_ORDERED };
	struct quantum_chan *chan = aef_pool_get(chs->pools->chans);

	if (chan == NULL)
		return NULL;
	if (quantum_window_set(&chs->table, chs->pools->nodes, id, chan) != 0) {
		aef_pool_put(chs->pools->chans, chan);
		return NULL;
	}
	chan->id = id;
	quantum_send_half_init(&chan->tx, &conf_default, 0);
	quantum_recv_half_init(&chan->rx, chs->conf->limits.credit_channel_bytes);
	return chan;
}

/* The channel of a frame of the peer. */
static int
chan_of_peer(struct quantum_chans *chs, uint16_t id, struct quantum_chan **ret_chan)
{
	struct quantum_chan *chan = quantum_window_get(&chs->table, id);

	if (id >= chs->conf->limits.channels_max)
		return AEF_ERR_PROTOCOL;
	/* No connection takes more than it leaves to the others. */
	if (chan == NULL && chs->conf->fair_share &&
	    chs->table.nb >= aef_max_u32(QUANTUM_CHANS_SURE, aef_pool_left(chs->pools->chans)))
		return AEF_ERR_FULL;
	if (chan == NULL)
		chan = chan_make(chs, id);
	if (chan == NULL)
		return AEF_ERR_FULL;
	chan->rx.open = true;
	*ret_chan = chan;
	return 0;
}

static bool
conf_is_valid(const struct quantum_chan_conf *conf)
{
	return conf->order <= WIRE_LATEST && conf->reliability <= QUANTUM_NONE &&
	       conf->priority < QUANTUM_PRIORITIES &&
	       (conf->reliability != QUANTUM_TRIES || conf->tries > 0);
}

/* The order of a channel is the sender's choice and never changes. */
int
quantum_chans_open(struct quantum_chans *chs, uint16_t channel,
                   const struct quantum_chan_conf *conf)
{
	struct quantum_chan *chan = quantum_window_get(&chs->table, channel);

	if (!conf_is_valid(conf))
		return AEF_ERR_INVALID;
	if (chs->peer_channels_max > 0 && channel >= chs->peer_channels_max)
		return AEF_ERR_INVALID;
	if (chan != NULL && chan->tx.open)
		return AEF_ERR_EXISTS;
	if (chan == NULL)
		chan = chan_make(chs, channel);
	if (chan == NULL)
		return AEF_ERR_FULL;
	quantum_send_half_init(&chan->tx, conf,
	                       aef_max_u64(chan->tx.flow.limit, chs->peer_chan_credit_bytes));
	chan->tx.open = true;
	return 0;
}

void
quantum_chans_set_peer_limits(struct quantum_chans *chs, const struct wire_limits *limits)
{
	const bool more = limits->credit_channel_bytes > chs->peer_chan_credit_bytes;

	chs->peer_message_bytes_max =
		aef_max_u32(chs->peer_message_bytes_max, limits->message_bytes_max);
	chs->peer_channels_max = aef_max_u32(chs->peer_channels_max, limits->channels_max);
	chs->peer_chan_credit_bytes =
		aef_max_u64(chs->peer_chan_credit_bytes, limits->credit_channel_bytes);
	quantum_chans_on_credit(chs, limits->credit_bytes);
	if (more)
		quantum_send_unblock(chs);
}

/* ---- sending -------------------------------------------------------------------------------- */

int
quantum_chans_send(struct quantum_chans *chs, uint16_t channel,
                   const struct quantum_chan_send *send, uint64_t now_ns)
{
	struct quantum_chan *chan = quantum_window_get(&chs->table, channel);

	if (chan == NULL || !chan->tx.open)
		return AEF_ERR_NOTFOUND;
	const int err = quantum_send_push(chs, chan, send, now_ns);

	if (err == AEF_ERR_FULL)
		chs->want_writable = true;
	return err;
}

/* ---- fate of frames ------------------------------------------------------------------------- */

static void
data_lost(struct quantum_chans *chs, struct quantum_frame *frame)
{
	struct quantum_msg_out *msg = frame->data.msg;

	if (quantum_send_trim(msg, &frame->data.offset, &frame->data.len)) {
		if (frame->tries < quantum_send_tries_max(msg)) {
			aef_list_append(&chs->lost, &frame->node);
			return;
		}
		quantum_send_give_up(chs, msg);
	}
	data_frame_put(chs, frame);
}

static void
expired_lost(struct quantum_chans *chs, struct quantum_frame *frame)
{
	struct quantum_msg_out *msg = frame->expired.msg;

	if (msg->state == QUANTUM_MSG_GIVEN_UP && aef_list_empty(&msg->aux))
		aef_list_append(&chs->expired, &msg->aux);
	data_frame_put(chs, frame);
}

/* Only the newest value is worth sending again; an older one has been followed by it. */
static void
credit_lost(struct quantum_chans *chs, struct quantum_frame *frame)
{
	if (frame->type == WIRE_FRAME_CREDIT) {
		if (frame->credit.bytes == chs->flow_rx.granted)
			chs->credit_pending = true;
	} else {
		struct quantum_chan *chan = quantum_window_get(&chs->table, frame->credit.channel);

		if (chan != NULL && frame->credit.bytes == chan->rx.flow.granted &&
		    aef_list_empty(&chan->rx.credit))
			aef_list_append(&chs->credit_chans, &chan->rx.credit);
	}
	aef_pool_put(chs->pools->frames, frame);
}

bool
quantum_chans_on_acked(struct quantum_chans *chs, struct quantum_frame *frame)
{
	switch (frame->type) {
	case WIRE_FRAME_DATA:
		if (quantum_send_acked(chs, frame->data.msg, frame->data.offset, frame->data.len))
			data_frame_put(chs, frame);
		else /* no memory to remember it: the bytes go again and are noted then */
			aef_list_append(&chs->lost, &frame->node);
		return true;
	case WIRE_FRAME_EXPIRED:
		quantum_send_expired_acked(chs, frame->expired.msg);
		data_frame_put(chs, frame);
		return true;
	case WIRE_FRAME_CREDIT:
	case WIRE_FRAME_CREDIT_CHANNEL:
		aef_pool_put(chs->pools->frames, frame);
		return true;
	default:
		return false;
	}
}

bool
quantum_chans_on_lost(struct quantum_chans *chs, struct quantum_frame *frame)
{
	switch (frame->type) {
	case WIRE_FRAME_DATA:
		data_lost(chs, frame);
		return true;
	case WIRE_FRAME_EXPIRED:
		expired_lost(chs, frame);
		return true;
	case WIRE_FRAME_CREDIT:
	case WIRE_FRAME_CREDIT_CHANNEL:
		credit_lost(chs, frame);
		return true;
	default:
		return false;
	}
}

bool
quantum_chans_on_dropped(struct quantum_chans *chs, struct quantum_frame *frame)
{
	switch (frame->type) {
	case WIRE_FRAME_DATA:
	case WIRE_FRAME_EXPIRED:
		data_frame_put(chs, frame);
		return true;
	case WIRE_FRAME_CREDIT:
	case WIRE_FRAME_CREDIT_CHANNEL:
		aef_pool_put(chs->pools->frames, frame);
		return true;
	default:
		return false;
	}
}

void
quantum_chans_on_timer(struct quantum_chans *chs, uint64_t now_ns)
{
	if (chs->deadline_ns > now_ns)
		return;
	chs->deadline_ns = AEF_TIME_NEVER;
	aef_list_foreach_safe (node, &chs->timed_chans) {
		struct quantum_chan *chan =
			aef_list_entry(node, struct quantum_chan, tx.timed_chan);

		quantum_send_expire(chs, chan, now_ns);
		if (aef_list_empty(&chan->tx.timed))
			continue;
		chs->deadline_ns =
			aef_min_u64(chs->deadline_ns,
		                    aef_list_entry(chan->tx.timed.next, struct quantum_msg_out, aux)
		                            ->deadline_ns);
	}
}

bool
quantum_chans_poll_sent(struct quantum_chans *chs, struct quantum_chan_result *ret_sent)
{
	if (aef_list_empty(&chs->results))
		return false;
	struct quantum_msg_out *msg =
		aef_list_entry(chs->results.next, struct quantum_msg_out, result);

	*ret_sent = (struct quantum_chan_result){
		.channel = msg->chan->id,
		.expired = msg->expired,
		.message = msg->number,
		.cookie = msg->cookie,
	};
	quantum_send_result_put(chs, msg);
	return true;
}

bool
quantum_chans_is_writable(const struct quantum_chans *chs)
{
	return chs->want_writable && chs->queued_bytes <= chs->conf->queue_bytes_max / 2 &&
	       chs->nb_messages <= chs->conf->queue_messages_max / 2 &&
	       aef_pool_left(chs->pools->msgs_out) > 0;
}

bool
quantum_chans_poll_writable(struct quantum_chans *chs)
{
	if (!quantum_chans_is_writable(chs))
		return false;
	chs->want_writable = false;
	return true;
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* Bytes may come again and cut anew: each is taken once. */
int
quantum_chans_on_data(struct quantum_chans *chs, const struct wire_frame_data *data, void *owner)
{
	struct quantum_chan *chan;
	const int err = chan_of_peer(chs, data->channel, &chan);

	return err != 0 ? err : quantum_recv_data(chs, chan, data, owner);
}

int
quantum_chans_on_expired(struct quantum_chans *chs, uint16_t channel, uint64_t message,
                         uint64_t bytes)
{
	struct quantum_chan *chan;
	const int err = chan_of_peer(chs, channel, &chan);

	return err != 0 ? err : quantum_recv_expired(chs, chan, message, bytes);
}

void
quantum_chans_on_credit(struct quantum_chans *chs, uint64_t bytes)
{
	if (quantum_flow_tx_raise(&chs->flow_tx, bytes))
		quantum_send_unblock(chs);
}

int
quantum_chans_on_credit_channel(struct quantum_chans *chs, uint16_t channel, uint64_t bytes)
{
	struct quantum_chan *chan = quantum_window_get(&chs->table, channel);

	/* Credit answers data, so a peer can only name a channel that we opened. */
	if (chan == NULL || !chan->tx.open)
		return AEF_ERR_PROTOCOL;
	if (quantum_flow_tx_raise(&chan->tx.flow, bytes)) {
		aef_list_remove(&chan->tx.blocked);
		quantum_send_activate(chs, chan);
	}
	return 0;
}

bool
quantum_chans_poll(struct quantum_chans *chs, struct quantum_msg *ret_msg)
{
	return quantum_recv_poll(chs, ret_msg);
}

void
quantum_chans_free_segs(const struct quantum_chan_pools *pools, const struct quantum_msg *msg)
{
	struct quantum_seg *seg = msg->segs;

	while (seg != NULL) {
		struct quantum_seg *next = seg->next;

		aef_pool_put(pools->segs, aef_container_of(seg, struct quantum_seg_node, seg));
		seg = next;
	}
}

void
quantum_chans_consume(struct quantum_chans *chs, const struct quantum_msg *msg)
{
	struct quantum_chan *chan = quantum_window_get(&chs->table, msg->channel);

	quantum_chans_free_segs(chs->pools, msg);
	if (chan != NULL)
		quantum_recv_consumed(chs, chan, msg->len);
}

void
quantum_chans_discard(struct quantum_chans *chs, const struct quantum_msg *msg)
{
	const struct quantum_buf_ops *buf = chs->pools->buf;

	for (const struct quantum_seg *seg = msg->segs; seg != NULL; seg = seg->next)
		buf->put(buf->ctx, seg->slice.owner);
	quantum_chans_consume(chs, msg);
}
