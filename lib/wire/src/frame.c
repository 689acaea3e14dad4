/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <wire/frame.h>

enum ack_info_bit {
	ACK_INFO_DELAY = 1 << 0,
	ACK_INFO_CE = 1 << 1,
	ACK_INFO_RANGES = 1 << 2,
	ACK_INFO_RECOVERED = 1 << 3,
	ACK_INFO_BITS = 0x0f,
};

/* A varint that must fit 32 bits; anything larger breaks the frame. */
static uint32_t
read_varint32(struct aef_reader *r, uint32_t max)
{
	const uint64_t v = aef_read_varint(r);

	if (v > max) {
		r->err = true;
		return 0;
	}
	return (uint32_t)v;
}

/* Runs of PADDING are one frame. */
static void
decode_padding(struct aef_reader *r, struct wire_frame *f)
{
	f->padding_len = 1;
	while (r->p < r->end && *r->p == WIRE_FRAME_PADDING) {
		r->p++;
		f->padding_len++;
	}
}

/* */
static void
decode_ack_info(struct aef_reader *r, struct wire_frame_ack_info *info)
{
	const uint8_t bits = aef_read_u8(r);

	*info = (struct wire_frame_ack_info){ 0 };
	if ((bits & ~ACK_INFO_BITS) != 0)
		r->err = true;
	if (bits & ACK_INFO_DELAY) {
		info->has_delay = true;
		info->delay_us = aef_read_varint(r);
	}
	if (bits & ACK_INFO_CE) {
		info->has_ce = true;
		info->ce_count = aef_read_varint(r);
	}
	if (bits & ACK_INFO_RANGES) {
		info->nb_ranges = read_varint32(r, WIRE_ACK_INFO_RANGES_MAX);
		info->ranges = aef_read_bytes(r, (size_t)info->nb_ranges * WIRE_SACK_BYTES);
	}
	if (bits & ACK_INFO_RECOVERED) {
		info->nb_recovered = read_varint32(r, WIRE_ACK_INFO_RECOVERED_MAX);
		info->recovered = aef_read_bytes(r, (size_t)info->nb_recovered * 4);
	}
}

static void
decode_limits(struct aef_reader *r, struct wire_limits *limits)
{
	limits->idle_timeout_ms = read_varint32(r, UINT32_MAX);
	limits->message_bytes_max = read_varint32(r, UINT32_MAX);
	limits->channels_max = read_varint32(r, UINT32_MAX);
	limits->credit_bytes = aef_read_varint(r);
	limits->credit_channel_bytes = aef_read_varint(r);
}

static void
decode_close(struct aef_reader *r, struct wire_frame *f)
{
	f->close.code = aef_read_varint(r);
	f->close.reason_len = aef_read_u8(r);
	f->close.reason = aef_read_bytes(r, f->close.reason_len);
	if (f->close.reason_len > WIRE_CLOSE_REASON_MAX)
		r->err = true;
}

/* The symbol reaches to the end of the payload. */
static void
decode_fec_repair(struct aef_reader *r, struct wire_frame_fec_repair *rep)
{
	rep->block = aef_read_be16(r);
	rep->k = aef_read_u8(r);
	rep->m = aef_read_u8(r);
	rep->idx = aef_read_u8(r);
	if (rep->k < 1 || rep->k > WIRE_FEC_K_MAX || rep->m < 1 || rep->m > WIRE_FEC_M_MAX ||
	    rep->idx >= rep->m) {
		r->err = true;
		return;
	}
	rep->pn[0] = aef_read_be32(r);
	for (unsigned i = 1; i < rep->k; i++) {
		const uint16_t delta = aef_read_be16(r);

		if (delta == 0)
			r->err = true;
		rep->pn[i] = rep->pn[i - 1] + delta;
	}
	rep->symbol_len = (uint16_t)aef_reader_left(r);
	rep->symbol = aef_read_bytes(r, rep->symbol_len);
	if (rep->symbol_len < 2)
		r->err = true;
}

/* */
static void
decode_data(struct aef_reader *r, uint8_t type, struct wire_frame_data *d)
{
	d->order = type & WIRE_DATA_ORDER_MASK;
	d->fragment = (type & WIRE_DATA_FRAGMENT) != 0;
	d->channel = (uint16_t)read_varint32(r, WIRE_CHANNELS_MAX - 1);
	d->message = aef_read_varint(r);
	d->key = d->order == WIRE_LATEST ? aef_read_varint(r) : 0;
	d->offset = d->fragment ? read_varint32(r, WIRE_MESSAGE_BYTES_MAX) : 0;
	d->total = d->fragment ? read_varint32(r, WIRE_MESSAGE_BYTES_MAX) : 0;
	d->len = type & WIRE_DATA_TO_END ? (uint32_t)aef_reader_left(r)
	                                 : read_varint32(r, WIRE_MTU_MAX);
	d->data = aef_read_bytes(r, d->len);
	if (!d->fragment)
		d->total = d->len;
	/* A fragment has bytes and lies inside its message. */
	if (d->order > WIRE_LATEST || (d->fragment && d->len == 0) ||
	    (uint64_t)d->offset + d->len > d->total)
		r->err = true;
}

static void
decode_accept(struct aef_reader *r, struct wire_frame *f)
{
	const uint8_t *cid = aef_read_bytes(r, AEF_GUUID_BYTES);
	const uint8_t *token = aef_read_bytes(r, WIRE_RESET_BYTES);

	if (cid == NULL || token == NULL)
		return;
	memcpy(f->accept.cid.b, cid, AEF_GUUID_BYTES);
	memcpy(f->accept.reset_token, token, WIRE_RESET_BYTES);
	decode_limits(r, &f->accept.limits);
}

static void
decode_path(struct aef_reader *r, struct wire_frame *f)
{
	const uint8_t *p = aef_read_bytes(r, sizeof(f->path));

	if (p != NULL)
		memcpy(f->path, p, sizeof(f->path));
}

static void
decode_expired(struct aef_reader *r, struct wire_frame *f)
{
	f->expired.channel = (uint16_t)read_varint32(r, WIRE_CHANNELS_MAX - 1);
	f->expired.message = aef_read_varint(r);
	f->expired.bytes = read_varint32(r, WIRE_MESSAGE_BYTES_MAX);
}

static void
decode_body(struct aef_reader *r, struct wire_frame *f)
{
	switch (f->type) {
	case WIRE_FRAME_PADDING:
		decode_padding(r, f);
		break;
	case WIRE_FRAME_PING:
		break;
	case WIRE_FRAME_ACK_INFO:
		decode_ack_info(r, &f->ack_info);
		break;
	case WIRE_FRAME_FLOOR:
		f->floor = aef_read_varint(r);
		break;
	case WIRE_FRAME_ACCEPT:
		decode_accept(r, f);
		break;
	case WIRE_FRAME_LIMITS:
		decode_limits(r, &f->limits);
		break;
	case WIRE_FRAME_CREDIT:
		f->credit.channel = 0;
		f->credit.bytes = aef_read_varint(r);
		break;
	case WIRE_FRAME_CREDIT_CHANNEL:
		f->credit.channel = (uint16_t)read_varint32(r, WIRE_CHANNELS_MAX - 1);
		f->credit.bytes = aef_read_varint(r);
		break;
	case WIRE_FRAME_EXPIRED:
		decode_expired(r, f);
		break;
	case WIRE_FRAME_PATH_CHALLENGE:
	case WIRE_FRAME_PATH_RESPONSE:
		decode_path(r, f);
		break;
	case WIRE_FRAME_CLOSE:
		decode_close(r, f);
		break;
	case WIRE_FRAME_FEC_SOURCE:
		f->fec_source.block = aef_read_be16(r);
		f->fec_source.idx = aef_read_u8(r);
		r->err |= f->fec_source.idx >= WIRE_FEC_K_MAX;
		break;
	case WIRE_FRAME_FEC_REPAIR:
		decode_fec_repair(r, &f->fec_repair);
		break;
	default: /* an unknown type breaks the packet */
		r->err = true;
		break;
	}
}

int
wire_frame_decode(struct aef_reader *r, struct wire_frame *ret_frame)
{
	if (r->p == r->end)
		return r->err ? AEF_ERR_MALFORMED : AEF_ERR_AGAIN;
	const uint8_t type = aef_read_u8(r);

	if (aef_likely((type & 0xf0) == WIRE_FRAME_DATA)) {
		ret_frame->type = WIRE_FRAME_DATA;
		decode_data(r, type, &ret_frame->data);
	} else {
		ret_frame->type = type;
		decode_body(r, ret_frame);
	}
	return aef_unlikely(r->err) ? AEF_ERR_MALFORMED : 0;
}

void
wire_ack_info_encode(struct aef_writer *w, const struct wire_frame_ack_info *info)
{
	aef_write_u8(w, WIRE_FRAME_ACK_INFO);
	aef_write_u8(w, (uint8_t)((info->has_delay ? ACK_INFO_DELAY : 0) |
	                          (info->has_ce ? ACK_INFO_CE : 0) |
	                          (info->nb_ranges > 0 ? ACK_INFO_RANGES : 0) |
	                          (info->nb_recovered > 0 ? ACK_INFO_RECOVERED : 0)));
	if (info->has_delay)
		aef_write_varint(w, info->delay_us);
	if (info->has_ce)
		aef_write_varint(w, info->ce_count);
	if (info->nb_ranges > 0) {
		aef_write_varint(w, info->nb_ranges);
		aef_write_bytes(w, info->ranges, (size_t)info->nb_ranges * WIRE_SACK_BYTES);
	}
	if (info->nb_recovered > 0) {
		aef_write_varint(w, info->nb_recovered);
		aef_write_bytes(w, info->recovered, (size_t)info->nb_recovered * 4);
	}
}

void
wire_floor_encode(struct aef_writer *w, uint64_t floor)
{
	aef_write_u8(w, WIRE_FRAME_FLOOR);
	aef_write_varint(w, floor);
}

static void
encode_limits(struct aef_writer *w, const struct wire_limits *limits)
{
	aef_write_varint(w, limits->idle_timeout_ms);
	aef_write_varint(w, limits->message_bytes_max);
	aef_write_varint(w, limits->channels_max);
	aef_write_varint(w, limits->credit_bytes);
	aef_write_varint(w, limits->credit_channel_bytes);
}

void
wire_accept_encode(struct aef_writer *w, const struct aef_guuid *cid,
                   const uint8_t reset_token[WIRE_RESET_BYTES], const struct wire_limits *limits)
{
	aef_write_u8(w, WIRE_FRAME_ACCEPT);
	aef_write_bytes(w, cid->b, AEF_GUUID_BYTES);
	aef_write_bytes(w, reset_token, WIRE_RESET_BYTES);
	encode_limits(w, limits);
}

void
wire_limits_encode(struct aef_writer *w, const struct wire_limits *limits)
{
	aef_write_u8(w, WIRE_FRAME_LIMITS);
	encode_limits(w, limits);
}

void
wire_credit_encode(struct aef_writer *w, uint64_t bytes)
{
	aef_write_u8(w, WIRE_FRAME_CREDIT);
	aef_write_varint(w, bytes);
}

void
wire_credit_channel_encode(struct aef_writer *w, uint16_t channel, uint64_t bytes)
{
	aef_write_u8(w, WIRE_FRAME_CREDIT_CHANNEL);
	aef_write_varint(w, channel);
	aef_write_varint(w, bytes);
}

void
wire_expired_encode(struct aef_writer *w, uint16_t channel, uint64_t message, uint64_t bytes)
{
	aef_write_u8(w, WIRE_FRAME_EXPIRED);
	aef_write_varint(w, channel);
	aef_write_varint(w, message);
	aef_write_varint(w, bytes);
}

void
wire_path_encode(struct aef_writer *w, enum wire_frame_type type, const uint8_t value[8])
{
	aef_write_u8(w, (uint8_t)type);
	aef_write_bytes(w, value, 8);
}

void
wire_close_encode(struct aef_writer *w, uint64_t code, const char *reason, size_t reason_len)
{
	aef_write_u8(w, WIRE_FRAME_CLOSE);
	aef_write_varint(w, code);
	aef_write_u8(w, (uint8_t)reason_len);
	aef_write_bytes(w, reason, reason_len);
}

void
wire_fec_source_encode(struct aef_writer *w, uint16_t block, uint8_t idx)
{
	aef_write_u8(w, WIRE_FRAME_FEC_SOURCE);
	aef_write_be16(w, block);
	aef_write_u8(w, idx);
}

void
wire_fec_repair_encode(struct aef_writer *w, const struct wire_frame_fec_repair *repair)
{
	aef_write_u8(w, WIRE_FRAME_FEC_REPAIR);
	aef_write_be16(w, repair->block);
	aef_write_u8(w, repair->k);
	aef_write_u8(w, repair->m);
	aef_write_u8(w, repair->idx);
	aef_write_be32(w, repair->pn[0]);
	for (unsigned i = 1; i < repair->k; i++)
		aef_write_be16(w, (uint16_t)(repair->pn[i] - repair->pn[i - 1]));
}

unsigned
wire_data_header_len(const struct wire_frame_data *data, bool to_end)
{
	unsigned len = 1 + aef_varint_len(data->channel) + aef_varint_len(data->message);

	if (data->order == WIRE_LATEST)
		len += aef_varint_len(data->key);
	if (data->fragment)
		len += aef_varint_len(data->offset) + aef_varint_len(data->total);
	return to_end ? len : len + aef_varint_len(data->len);
}

void
wire_data_header_encode(struct aef_writer *w, const struct wire_frame_data *data, bool to_end)
{
	aef_write_u8(w, (uint8_t)(WIRE_FRAME_DATA | data->order |
	                          (data->fragment ? WIRE_DATA_FRAGMENT : 0) |
	                          (to_end ? WIRE_DATA_TO_END : 0)));
	aef_write_varint(w, data->channel);
	aef_write_varint(w, data->message);
	if (data->order == WIRE_LATEST)
		aef_write_varint(w, data->key);
	if (data->fragment) {
		aef_write_varint(w, data->offset);
		aef_write_varint(w, data->total);
	}
	if (!to_end)
		aef_write_varint(w, data->len);
}
