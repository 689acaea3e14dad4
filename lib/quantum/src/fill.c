/* SPDX-License-Identifier: BSD-3-Clause */
#include "chan_priv.h"

/* A fragment that does not end its message is not worth a packet's rest below this. */
#define FRAGMENT_BYTES_MIN 256u

static struct quantum_frame *
frame_of(struct aef_list *node)
{
	return aef_list_entry(node, struct quantum_frame, node);
}

/* The record of a lost frame of which nothing is worth sending any more. */
static void
lost_put(struct quantum_chans *chs, struct quantum_frame *lost)
{
	aef_list_remove(&lost->node);
	quantum_send_frame_put(chs, lost->data.msg);
	aef_pool_put(chs->pools->frames, lost);
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

	/* The usual end of a packet: neither whole nor as a fragment worth it. */
	if (want > left && left < FRAGMENT_BYTES_MIN && f->w->p != f->start)
		return false;
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
	if (!quantum_send_trim(msg, &lost->data.offset, &lost->data.len)) {
		lost_put(chs, lost);
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

	if (frame->tries >= quantum_send_tries_max(msg) || !quantum_send_trim(msg, &offset, &len) ||
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
