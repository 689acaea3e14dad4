/* SPDX-License-Identifier: BSD-3-Clause */
#include "describe.h"

#include <stdio.h>

#include <base/err.h>

static const char *const class_names[] = {
	"PROTECTED",       "SYN",       "SYN_ACK",    "ACK",         "RST", "VERSION_REPLY",
	"UNKNOWN_VERSION", "BAD_FLAGS", "BAD_LENGTH", "NOT_QUANTUM",
};

void
describe_datagram(const uint8_t *data, size_t len, char *ret_text, size_t size)
{
	struct wire_header h;
	const enum wire_class clas = wire_classify(data, len, &h);
	int at = snprintf(ret_text, size, "%s", class_names[clas]);

	if (clas == WIRE_CLASS_NOT_QUANTUM)
		return;
	at += snprintf(ret_text + at, size - (size_t)at,
	               " version=%u flags=%02x seq=%u ack=%u len=%u", h.version, h.flags, h.seq,
	               h.ack, h.payload_len);
	if (clas == WIRE_CLASS_PROTECTED)
		snprintf(ret_text + at, size - (size_t)at, " sacks=%d",
		         wire_protected_sacks(len, h.payload_len));
}

static int
describe_limits(const struct wire_limits *l, char *text, size_t size)
{
	return snprintf(text, size, "idle=%u message=%u channels=%u credit=%llu/%llu",
	                l->idle_timeout_ms, l->message_bytes_max, l->channels_max,
	                (unsigned long long)l->credit_bytes,
	                (unsigned long long)l->credit_channel_bytes);
}

static void
describe_ack_info(const struct wire_frame_ack_info *a, char *text, size_t size)
{
	int at = snprintf(text, size, "ACK_INFO");

	if (a->has_delay)
		at += snprintf(text + at, size - (size_t)at, " delay=%llu",
		               (unsigned long long)a->delay_us);
	if (a->has_ce)
		at += snprintf(text + at, size - (size_t)at, " ce=%llu",
		               (unsigned long long)a->ce_count);
	for (uint32_t i = 0; i < a->nb_ranges; i++) {
		struct wire_sack s;

		wire_sacks_decode(a->ranges + (size_t)i * WIRE_SACK_BYTES, 1, &s);
		at += snprintf(text + at, size - (size_t)at, " range=%u-%u", s.first, s.end);
	}
	for (uint32_t i = 0; i < a->nb_recovered; i++)
		at += snprintf(text + at, size - (size_t)at, " recovered=%u",
		               aef_load_be32(a->recovered + (size_t)i * 4));
}

static void
describe_data(const struct wire_frame_data *d, char *text, size_t size)
{
	static const char *const orders[] = { "ordered", "unordered", "latest" };

	snprintf(text, size, "DATA %s channel=%u message=%llu key=%llu offset=%u total=%u bytes=%u",
	         orders[d->order], d->channel, (unsigned long long)d->message,
	         (unsigned long long)d->key, d->offset, d->total, d->len);
}

static void
describe_decoded(const struct wire_frame *f, char *t, size_t n)
{
	switch (f->type) {
	case WIRE_FRAME_PADDING:
		snprintf(t, n, "PADDING bytes=%u", f->padding_len);
		break;
	case WIRE_FRAME_PING:
		snprintf(t, n, "PING");
		break;
	case WIRE_FRAME_ACK_INFO:
		describe_ack_info(&f->ack_info, t, n);
		break;
	case WIRE_FRAME_FLOOR:
		snprintf(t, n, "FLOOR %llu", (unsigned long long)f->floor);
		break;
	case WIRE_FRAME_ACCEPT:
		n -= (size_t)snprintf(t, n, "ACCEPT cid=%02x..%02x token=%02x..%02x ",
		                      f->accept.cid.b[0], f->accept.cid.b[15],
		                      f->accept.reset_token[0], f->accept.reset_token[15]);
		describe_limits(&f->accept.limits, t + strlen(t), n);
		break;
	case WIRE_FRAME_LIMITS:
		n -= (size_t)snprintf(t, n, "LIMITS ");
		describe_limits(&f->limits, t + strlen(t), n);
		break;
	case WIRE_FRAME_CREDIT:
		snprintf(t, n, "CREDIT %llu", (unsigned long long)f->credit.bytes);
		break;
	case WIRE_FRAME_CREDIT_CHANNEL:
		snprintf(t, n, "CREDIT_CHANNEL channel=%u %llu", f->credit.channel,
		         (unsigned long long)f->credit.bytes);
		break;
	case WIRE_FRAME_EXPIRED:
		snprintf(t, n, "EXPIRED channel=%u message=%llu bytes=%llu", f->expired.channel,
		         (unsigned long long)f->expired.message,
		         (unsigned long long)f->expired.bytes);
		break;
	case WIRE_FRAME_PATH_CHALLENGE:
	case WIRE_FRAME_PATH_RESPONSE:
		snprintf(t, n, "%s %02x..%02x",
		         f->type == WIRE_FRAME_PATH_CHALLENGE ? "PATH_CHALLENGE" : "PATH_RESPONSE",
		         f->path[0], f->path[7]);
		break;
	case WIRE_FRAME_CLOSE:
		snprintf(t, n, "CLOSE code=%llu reason=%.*s", (unsigned long long)f->close.code,
		         f->close.reason_len, (const char *)f->close.reason);
		break;
	case WIRE_FRAME_FEC_SOURCE:
		snprintf(t, n, "FEC_SOURCE block=%u index=%u", f->fec_source.block,
		         f->fec_source.idx);
		break;
	case WIRE_FRAME_FEC_REPAIR:
		snprintf(t, n, "FEC_REPAIR block=%u k=%u m=%u index=%u first=%u last=%u symbol=%u",
		         f->fec_repair.block, f->fec_repair.k, f->fec_repair.m, f->fec_repair.idx,
		         f->fec_repair.pn[0], f->fec_repair.pn[f->fec_repair.k - 1],
		         f->fec_repair.symbol_len);
		break;
	default:
		describe_data(&f->data, t, n);
		break;
	}
}

void
describe_frame(const uint8_t *data, size_t len, char *ret_text, size_t size)
{
	struct aef_reader r = aef_reader_make(data, len);
	struct wire_frame f;
	const int err = wire_frame_decode(&r, &f);

	if (err != 0)
		snprintf(ret_text, size, "error %s", aef_err_name(err));
	else
		describe_decoded(&f, ret_text, size);
}

static void
encode_data(struct aef_writer *w, const struct wire_frame_data *d)
{
	wire_data_header_encode(w, d, false);
	aef_write_bytes(w, d->data, d->len);
}

size_t
reencode_frame(const struct wire_frame *f, uint8_t *ret_data, size_t size)
{
	struct aef_writer w = aef_writer_make(ret_data, size);

	switch (f->type) {
	case WIRE_FRAME_PADDING:
		for (uint32_t i = 0; i < f->padding_len; i++)
			aef_write_u8(&w, WIRE_FRAME_PADDING);
		break;
	case WIRE_FRAME_PING:
		aef_write_u8(&w, WIRE_FRAME_PING);
		break;
	case WIRE_FRAME_ACK_INFO:
		wire_ack_info_encode(&w, &f->ack_info);
		break;
	case WIRE_FRAME_FLOOR:
		wire_floor_encode(&w, f->floor);
		break;
	case WIRE_FRAME_ACCEPT:
		wire_accept_encode(&w, &f->accept.cid, f->accept.reset_token, &f->accept.limits);
		break;
	case WIRE_FRAME_LIMITS:
		wire_limits_encode(&w, &f->limits);
		break;
	case WIRE_FRAME_CREDIT:
		wire_credit_encode(&w, f->credit.bytes);
		break;
	case WIRE_FRAME_CREDIT_CHANNEL:
		wire_credit_channel_encode(&w, f->credit.channel, f->credit.bytes);
		break;
	case WIRE_FRAME_EXPIRED:
		wire_expired_encode(&w, f->expired.channel, f->expired.message, f->expired.bytes);
		break;
	case WIRE_FRAME_PATH_CHALLENGE:
	case WIRE_FRAME_PATH_RESPONSE:
		wire_path_encode(&w, f->type, f->path);
		break;
	case WIRE_FRAME_CLOSE:
		wire_close_encode(&w, f->close.code, (const char *)f->close.reason,
		                  f->close.reason_len);
		break;
	case WIRE_FRAME_FEC_SOURCE:
		wire_fec_source_encode(&w, f->fec_source.block, f->fec_source.idx);
		break;
	case WIRE_FRAME_FEC_REPAIR:
		wire_fec_repair_encode(&w, &f->fec_repair);
		aef_write_bytes(&w, f->fec_repair.symbol, f->fec_repair.symbol_len);
		break;
	default:
		encode_data(&w, &f->data);
		break;
	}
	return w.err ? 0 : (size_t)(w.p - ret_data);
}
