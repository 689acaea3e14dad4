/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "chan_priv.h"

#define CHANNEL_BITS 16u

/* A fragment that does not end its message is not worth a packet's rest below this. */
#define FRAGMENT_BYTES_MIN 256u

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

/* Initial credit may come after the first channels were opened. */
static void
credit_all(struct quantum_chans *chs)
{
	for (uint32_t id = 0; id < WIRE_CHANNELS_MAX; id++) {
		struct quantum_chan *chan = quantum_window_get(&chs->table, id);

		if (chan == NULL)
			continue;
		if (quantum_flow_tx_raise(&chan->tx.flow, chs->peer_chan_credit_bytes))
			quantum_send_activate(chs, chan);
	}
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
	if (more && chs->table.nb > 0)
		credit_all(chs);
	quantum_chans_on_credit(chs, limits->credit_bytes);
}

/* ---- sending -------------------------------------------------------------------------------- */

int
quantum_chans_send(struct quantum_chans *chs, uint16_t channel, const struct quantum_chan_send *send,
                   uint64_t now_ns)
{
	struct quantum_chan *chan = quantum_window_get(&chs->table, channel);

	if (chan == NULL || !chan->tx.open)
		return AEF_ERR_NOTFOUND;
	const int err = quantum_send_push(chs, chan, send, now_ns);

	if (err == AEF_ERR_FULL)
		chs->want_writable = true;
	return err;
}

unsigned
quantum_chans_peek(const struct quantum_chans *chs)
{
	unsigned bits = 0;

	if (chs->credit_pending || !aef_list_empty(&chs->expired) ||
	    !aef_list_empty(&chs->credit_chans))
		bits |= QUANTUM_PEEK_CONTROL;
	if (!aef_list_empty(&chs->lost))
		bits |= QUANTUM_PEEK_LOST;
	if (chs->sched.active != 0)
		bits |= QUANTUM_PEEK_NEW;
	return bits;
}

/* One call of fill: what its steps share. */
struct fill {
	struct quantum_chans *chs;
	struct aef_writer *w;
	struct aef_list *frames;
	const uint8_t *start;
	uint64_t now_ns;
	unsigned bits; /* enum quantum_fill_bit */
	bool to_end_ok;
	bool full; /* what comes next does not fit */
};

static struct quantum_frame *
frame_get(struct fill *f, uint8_t type)
{
	struct quantum_frame *frame = aef_pool_get(f->chs->pools->frames);

	if (frame == NULL) {
		f->bits |= QUANTUM_FILL_NO_FRAME;
		return NULL;
	}
	*frame = (struct quantum_frame){ .type = type };
	return frame;
}

static void
frame_written(struct fill *f, struct quantum_frame *frame)
{
	aef_list_append(f->frames, &frame->node);
	f->bits |= QUANTUM_FILL_WROTE;
}

/* Room check of the short frames: a writer that fails could not be used further. */
static bool
has_room(struct fill *f, size_t len)
{
	if (aef_writer_left(f->w) >= len)
		return true;
	f->full = true;
	return false;
}

static bool
write_expired(struct fill *f, struct quantum_msg_out *msg)
{
	const uint16_t channel = msg->chan->id;

	if (!has_room(f, 1u + aef_varint_len(channel) + aef_varint_len(msg->number) +
	                         aef_varint_len(msg->sent)))
		return false;
	struct quantum_frame *frame = frame_get(f, WIRE_FRAME_EXPIRED);

	if (frame == NULL)
		return false;
	frame->expired.msg = msg;
	msg->nb_frames++;
	wire_expired_encode(f->w, channel, msg->number, msg->sent);
	frame_written(f, frame);
	return true;
}

static bool
write_credit(struct fill *f, uint64_t bytes)
{
	if (!has_room(f, 1u + aef_varint_len(bytes)))
		return false;
	struct quantum_frame *frame = frame_get(f, WIRE_FRAME_CREDIT);

	if (frame == NULL)
		return false;
	frame->credit.bytes = bytes;
	wire_credit_encode(f->w, bytes);
	frame_written(f, frame);
	return true;
}

static bool
write_credit_channel(struct fill *f, uint16_t channel, uint64_t bytes)
{
	if (!has_room(f, 1u + aef_varint_len(channel) + aef_varint_len(bytes)))
		return false;
	struct quantum_frame *frame = frame_get(f, WIRE_FRAME_CREDIT_CHANNEL);

	if (frame == NULL)
		return false;
	frame->credit.channel = channel;
	frame->credit.bytes = bytes;
	wire_credit_channel_encode(f->w, channel, bytes);
	frame_written(f, frame);
	return true;
}

static void
fill_control(struct fill *f)
{
	struct quantum_chans *chs = f->chs;

	while (!aef_list_empty(&chs->expired)) {
		struct quantum_msg_out *msg =
			aef_list_entry(chs->expired.next, struct quantum_msg_out, aux);

		if (!write_expired(f, msg))
			return;
		aef_list_remove(&msg->aux);
	}
	if (chs->credit_pending) {
		if (!write_credit(f, chs->flow_rx.granted))
			return;
		chs->credit_pending = false;
	}
	while (!aef_list_empty(&chs->credit_chans)) {
		struct quantum_chan *chan =
			aef_list_entry(chs->credit_chans.next, struct quantum_chan, rx.credit);

		if (!write_credit_channel(f, chan->id, chan->rx.flow.granted))
			return;
		aef_list_remove(&chan->rx.credit);
	}
}

/* How bytes of a message go into what is left of the packet. */
struct fit {
	struct wire_frame_data data; /* header fields; data.len is what fits */
	uint32_t header_len;
	bool to_end;
};

/* At most `want` bytes from `offset`; false when nothing worth it fits. */
static bool
fit_data(const struct fill *f, const struct quantum_msg_out *msg, uint32_t offset, uint32_t want,
         struct fit *ret_fit)
{
	const uint32_t left = (uint32_t)aef_writer_left(f->w);
	struct wire_frame_data *data = &ret_fit->data;

	*data = (struct wire_frame_data){
		.order = msg->chan->tx.conf.order,
		.channel = msg->chan->id,
		.message =
			msg->state == QUANTUM_MSG_QUEUED ? msg->chan->tx.next_number : msg->number,
		.key = msg->key,
		.offset = offset,
		.total = msg->total,
		.len = want,
		.fragment = want < msg->total,
	};
	for (unsigned to_end = 0; to_end <= (f->to_end_ok ? 1u : 0u); to_end++) {
		ret_fit->to_end = to_end != 0;
		ret_fit->header_len = wire_data_header_len(data, ret_fit->to_end);
		if (ret_fit->header_len + want <= left)
			return true;
	}
	/* Not whole: a fragment that fills the packet. Its length field is no longer than left's.
	 */
	data->fragment = true;
	data->len = aef_min_u32(want, left);
	ret_fit->header_len = wire_data_header_len(data, ret_fit->to_end);
	if (ret_fit->header_len >= left)
		return false;
	data->len = aef_min_u32(want, left - ret_fit->header_len);
	ret_fit->header_len = wire_data_header_len(data, ret_fit->to_end);
	return f->w->p == f->start || data->len == want || data->len >= FRAGMENT_BYTES_MIN;
}

static void
write_data(struct fill *f, struct quantum_msg_out *msg, const struct fit *fit)
{
	wire_data_header_encode(f->w, &fit->data, fit->to_end);
	uint8_t *dst = aef_write_room(f->w, fit->data.len);

	aef_assert_hot(dst != NULL && !f->w->err);
	quantum_send_copy(f->chs, msg, fit->data.offset, fit->data.len, dst);
	if (msg->chan->tx.conf.expedited)
		f->bits |= QUANTUM_FILL_URG;
	f->full = fit->to_end;
}

static void
note_data(struct fill *f, struct quantum_frame *frame, struct quantum_msg_out *msg,
          const struct fit *fit)
{
	frame->data.msg = msg;
	frame->data.offset = fit->data.offset;
	frame->data.len = fit->data.len;
	msg->nb_frames++;
	frame_written(f, frame);
}

static unsigned
tries_max(const struct quantum_msg_out *msg)
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

/* Bytes of a frame in flight or lost that are not acknowledged by another copy. */
static bool
trim_acked(const struct quantum_msg_out *msg, uint32_t *offset, uint32_t *len)
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

/* Send the front of a lost frame, or all of it. False: stop. */
static bool
fill_lost_one(struct fill *f, struct quantum_frame *lost)
{
	struct quantum_chans *chs = f->chs;
	struct quantum_msg_out *msg = lost->data.msg;
	struct quantum_frame *frame = lost;
	struct fit fit;

	if (msg->state <= QUANTUM_MSG_SENT && msg->deadline_ns <= f->now_ns)
		quantum_send_give_up(chs, msg);
	if (!trim_acked(msg, &lost->data.offset, &lost->data.len)) {
		aef_list_remove(&lost->node);
		data_frame_put(chs, lost);
		return true;
	}
	if (!fit_data(f, msg, lost->data.offset, lost->data.len, &fit)) {
		f->full = true;
		return false;
	}
	if (fit.data.len < lost->data.len) {
		frame = frame_get(f, WIRE_FRAME_DATA);
		if (frame == NULL)
			return false;
		frame->tries = lost->tries;
	}
	write_data(f, msg, &fit);
	if (frame == lost) {
		aef_list_remove(&lost->node);
		msg->nb_frames--; /* note_data() counts it again */
	} else {
		lost->data.offset += fit.data.len;
		lost->data.len -= fit.data.len;
	}
	frame->tries = (uint8_t)aef_min_u32(frame->tries + 1u, UINT8_MAX);
	note_data(f, frame, msg, &fit);
	return !f->full;
}

static bool
fill_new_one(struct fill *f)
{
	struct quantum_chans *chs = f->chs;
	struct quantum_sched_entry *entry = quantum_sched_next(&chs->sched);
	struct fit fit;
	uint32_t room = 0;

	if (entry == NULL)
		return false;
	struct quantum_chan *chan = aef_container_of(entry, struct quantum_chan, tx.sched);
	struct quantum_msg_out *msg = quantum_send_head(chs, chan, f->now_ns, &room);

	if (msg == NULL) {
		quantum_sched_deactivate_next(&chs->sched, entry);
		return true;
	}
	if (!fit_data(f, msg, msg->sent, room, &fit)) {
		f->full = true;
		return false;
	}
	struct quantum_frame *frame = frame_get(f, WIRE_FRAME_DATA);

	if (frame == NULL)
		return false;
	frame->tries = 1;
	write_data(f, msg, &fit);
	note_data(f, frame, msg, &fit);
	quantum_sched_charge(&chs->sched, entry, fit.header_len + fit.data.len);
	quantum_send_commit(chs, msg, fit.data.len);
	return !f->full;
}

unsigned
quantum_chans_fill(struct quantum_chans *chs, struct aef_writer *w, struct aef_list *frames,
                   uint64_t now_ns, bool to_end_ok)
{
	struct fill f = {
		.chs = chs,
		.w = w,
		.frames = frames,
		.start = w->p,
		.now_ns = now_ns,
		.to_end_ok = to_end_ok,
	};

	fill_control(&f);
	while (!f.full && !aef_list_empty(&chs->lost)) {
		if (!fill_lost_one(&f, frame_of(chs->lost.next)))
			break;
	}
	while (!f.full && aef_list_empty(&chs->lost)) {
		if (!fill_new_one(&f))
			break;
	}
	/* Giving up on the way may have left EXPIRED frames: then the caller comes again. */
	if (quantum_chans_peek(chs) == 0)
		f.bits |= chs->nb_unsent == 0 ? QUANTUM_FILL_IDLE : QUANTUM_FILL_BLOCKED;
	return f.bits;
}

bool
quantum_chans_resend(struct quantum_chans *chs, const struct quantum_frame *frame,
                     struct aef_writer *w, struct aef_list *frames, uint64_t now_ns)
{
	struct fill f = { .chs = chs, .w = w, .frames = frames, .start = w->p, .now_ns = now_ns };
	const struct quantum_chan *chan;

	switch (frame->type) {
	case WIRE_FRAME_EXPIRED:
		return frame->expired.msg->state == QUANTUM_MSG_GIVEN_UP &&
		       write_expired(&f, frame->expired.msg);
	case WIRE_FRAME_CREDIT:
		return write_credit(&f, chs->flow_rx.granted);
	case WIRE_FRAME_CREDIT_CHANNEL:
		chan = quantum_window_get(&chs->table, frame->credit.channel);
		return chan != NULL && write_credit_channel(&f, chan->id, chan->rx.flow.granted);
	case WIRE_FRAME_DATA:
		break;
	default:
		return false;
	}
	struct quantum_msg_out *msg = frame->data.msg;
	uint32_t offset = frame->data.offset;
	uint32_t len = frame->data.len;
	struct quantum_frame *copy;
	struct fit fit;

	if (frame->tries >= tries_max(msg) || !trim_acked(msg, &offset, &len) ||
	    msg->deadline_ns <= now_ns || !fit_data(&f, msg, offset, len, &fit))
		return false;
	copy = frame_get(&f, WIRE_FRAME_DATA);
	if (copy == NULL)
		return false;
	copy->tries = (uint8_t)aef_min_u32(frame->tries + 1u, UINT8_MAX);
	write_data(&f, msg, &fit);
	note_data(&f, copy, msg, &fit);
	return true;
}

/* ---- fate of frames ------------------------------------------------------------------------- */

static void
data_lost(struct quantum_chans *chs, struct quantum_frame *frame)
{
	struct quantum_msg_out *msg = frame->data.msg;

	if (trim_acked(msg, &frame->data.offset, &frame->data.len)) {
		if (frame->tries < tries_max(msg)) {
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
quantum_chans_poll_writable(struct quantum_chans *chs)
{
	if (!chs->want_writable || chs->queued_bytes > chs->conf->queue_bytes_max / 2 ||
	    chs->nb_messages > chs->conf->queue_messages_max / 2 ||
	    aef_pool_left(chs->pools->msgs_out) == 0)
		return false;
	chs->want_writable = false;
	return true;
}

/* ---- receiving ------------------------------------------------------------------------------ */

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
	if (quantum_flow_tx_raise(&chan->tx.flow, bytes))
		quantum_send_activate(chs, chan);
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
