/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames.h"

#include <string.h>

#include "conn_priv.h"

#define FRAMES_MAX 8u

/* Small numbers as they are, large ones as four bits and a place. */
static uint64_t
number(struct aef_reader *r)
{
	const uint8_t b = aef_read_u8(r);

	if (b < 128)
		return b;
	return aef_min_u64((uint64_t)(b & 15) << ((b >> 4 & 7) * 8), AEF_VARINT_MAX);
}

static uint32_t
number32(struct aef_reader *r)
{
	return (uint32_t)aef_min_u64(number(r), UINT32_MAX);
}

static void
bytes(struct aef_reader *r, struct aef_writer *w, uint32_t nb)
{
	for (uint32_t i = 0; i < nb && aef_writer_left(w) > 0; i++)
		aef_write_u8(w, aef_read_u8(r));
}

static void
zeros(struct aef_writer *w, uint32_t nb)
{
	for (uint32_t i = 0; i < nb && aef_writer_left(w) > 0; i++)
		aef_write_u8(w, (uint8_t)i);
}

static struct wire_limits
limits(struct aef_reader *r)
{
	return (struct wire_limits){ .idle_timeout_ms = number32(r),
		                     .message_bytes_max = number32(r),
		                     .channels_max = number32(r),
		                     .credit_bytes = number(r),
		                     .credit_channel_bytes = number(r) };
}

static void
data(struct aef_reader *r, struct aef_writer *w)
{
	const uint8_t how = aef_read_u8(r), where = aef_read_u8(r);
	struct wire_frame_data d = { .order = how & 3,
		                     .fragment = (how & 4) != 0,
		                     .channel = where & 7,
		                     .message = where >> 3 };
	const bool to_end = (how & 8) != 0;

	if ((how & 0xc0) == 0xc0) { /* far away */
		d.channel = (uint16_t)(d.channel << 8 | aef_read_u8(r));
		d.message = number(r);
	}
	if (d.order == WIRE_LATEST)
		d.key = number(r);
	d.len = aef_read_u8(r) * ((how & 0x10) != 0 ? 4u : 1u);
	if (d.fragment) {
		d.offset = aef_read_u8(r) * ((how & 0x20) != 0 ? 256u : 16u);
		d.total = d.offset + d.len + number32(r) * 16u;
	}
	if (wire_data_header_len(&d, to_end) + d.len > aef_writer_left(w))
		return;
	wire_data_header_encode(w, &d, to_end);
	zeros(w, d.len);
	if (to_end) /* nothing can follow */
		w->end = w->p;
}

static void
ack_info(struct aef_reader *r, struct aef_writer *w, const struct quantum_conn *conn)
{
	const uint32_t next = conn != NULL ? (uint32_t)quantum_rtx_pn_peek(&conn->rtx) : 100;
	const uint8_t how = aef_read_u8(r);
	uint8_t ranges[16 * WIRE_SACK_BYTES], recovered[8 * 4];
	struct wire_frame_ack_info info = { .has_delay = (how & 1) != 0,
		                            .has_ce = (how & 2) != 0,
		                            .ranges = ranges,
		                            .recovered = recovered };

	if (info.has_delay)
		info.delay_us = number(r);
	if (info.has_ce)
		info.ce_count = number(r);
	info.nb_ranges = (how & 4) != 0 ? how >> 4 : 0;
	for (uint32_t i = 0; i < info.nb_ranges; i++) {
		const uint32_t first = next - aef_read_u8(r);

		aef_store_be32(ranges + (size_t)i * 8, first);
		aef_store_be32(ranges + (size_t)i * 8 + 4, first + (aef_read_u8(r) & 7));
	}
	info.nb_recovered = (how & 8) != 0 ? how >> 5 : 0;
	for (uint32_t i = 0; i < info.nb_recovered; i++)
		aef_store_be32(recovered + (size_t)i * 4, next - aef_read_u8(r));
	wire_ack_info_encode(w, &info);
}

static void
path(struct aef_reader *r, struct aef_writer *w, const struct quantum_conn *conn, bool response)
{
	uint8_t value[8] = { 0 };

	value[0] = aef_read_u8(r);
	if (conn != NULL && value[0] < 192) /* most answers are right */
		memcpy(value, conn->path.challenge, sizeof(value));
	wire_path_encode(w, response ? WIRE_FRAME_PATH_RESPONSE : WIRE_FRAME_PATH_CHALLENGE, value);
}

static void
accept(struct aef_reader *r, struct aef_writer *w, const struct quantum_conn *conn)
{
	static const uint8_t reset_token[WIRE_RESET_BYTES] = { 8 };
	const struct wire_limits l = limits(r);
	struct aef_guuid cid = { { 1 } };

	if (conn != NULL)
		cid = conn->cid_s;
	if (aef_read_u8(r) > 200)
		cid.b[15] ^= 1;
	wire_accept_encode(w, &cid, reset_token, &l);
}

static void
expired(struct aef_reader *r, struct aef_writer *w)
{
	const uint8_t where = aef_read_u8(r);
	const uint64_t message = where < 224 ? where >> 3 : number(r);

	wire_expired_encode(w, where & 7, message, number(r));
}

static void
close_frame(struct aef_reader *r, struct aef_writer *w)
{
	char reason[WIRE_CLOSE_REASON_MAX] = "";
	const size_t len = aef_read_u8(r) % sizeof(reason);

	wire_close_encode(w, number(r), reason, len);
}

static void one(struct aef_reader *r, struct aef_writer *w, const struct quantum_conn *conn,
                uint64_t pn, uint8_t kind);

/*
 * A repair symbol reaches to the end. With one or two sources it repeats one of them, so it can
 * hold frames of any kind, which the receiver then takes out of the repaired payload.
 */
static void
fec_repair(struct aef_reader *r, struct aef_writer *w, uint64_t pn)
{
	const uint8_t how = aef_read_u8(r), where = aef_read_u8(r);
	struct wire_frame_fec_repair rep = { .block = how >> 5,
		                             .k = (uint8_t)(1 + (how & 1)),
		                             .m = (uint8_t)(1 + (where & 1)),
		                             .idx = where >> 1 & 1 };
	uint8_t inner[256];
	struct aef_writer in = aef_writer_make(inner, sizeof(inner));

	if ((how & 2) != 0)
		rep.k = (uint8_t)(how >> 2 & 15);
	if ((where & 4) != 0)
		rep.m = where >> 4;
	for (unsigned i = 0; i < WIRE_FEC_K_MAX; i++)
		rep.pn[i] = (uint32_t)pn + i - (where >> 3);
	for (unsigned i = aef_read_u8(r) & 3; i > 0 && aef_reader_left(r) > 0; i--) {
		const uint8_t kind = aef_read_u8(r) % 12;

		one(r, &in, NULL, pn, kind);
	}
	const size_t len = (size_t)(in.p - inner);

	if (rep.k == 0 || rep.k > WIRE_FEC_K_MAX || rep.m == 0 || rep.m > WIRE_FEC_M_MAX ||
	    aef_writer_left(w) < WIRE_FEC_REPAIR_HEADER_MAX + 2 + len)
		return;
	wire_fec_repair_encode(w, &rep);
	aef_write_be16(w, (uint16_t)(len + (how == 255)));
	memcpy(w->p, inner, len);
	w->p += len;
	zeros(w, where & 31);
	w->end = w->p;
}

static void
one(struct aef_reader *r, struct aef_writer *w, const struct quantum_conn *conn, uint64_t pn,
    uint8_t kind)
{
	struct wire_limits l;
	uint8_t channel;

	switch (kind) {
	case 2:
		wire_floor_encode(w,
		                  aef_min_u64(aef_sub_sat_u64(pn + 2, number(r)), AEF_VARINT_MAX));
		break;
	case 3:
		ack_info(r, w, conn);
		break;
	case 4:
		accept(r, w, conn);
		break;
	case 5:
		l = limits(r);
		wire_limits_encode(w, &l);
		break;
	case 6:
		wire_credit_encode(w, number(r));
		break;
	case 7:
		channel = aef_read_u8(r) & 15;
		wire_credit_channel_encode(w, channel, number(r));
		break;
	case 8:
		expired(r, w);
		break;
	case 9:
		path(r, w, conn, aef_read_u8(r) & 1);
		break;
	case 10:
		bytes(r, w, aef_read_u8(r));
		break;
	case 11:
		aef_write_u8(w, WIRE_FRAME_PING);
		break;
	case 12:
		close_frame(r, w);
		break;
	case 13: {
		const uint8_t b = aef_read_u8(r);

		wire_fec_source_encode(w, b >> 4, b & 15);
		break;
	}
	case 14:
		fec_repair(r, w, pn);
		break;
	case 15:
		zeros(w, 0);
		aef_write_u8(w, WIRE_FRAME_PADDING);
		break;
	default:
		data(r, w);
		break;
	}
}

uint32_t
frames_write(struct aef_reader *r, const struct quantum_conn *conn, uint64_t pn, uint8_t *ret,
             uint32_t cap)
{
	struct aef_writer w = aef_writer_make(ret, cap);
	const uint8_t how = aef_read_u8(r);

	for (unsigned i = how & (FRAMES_MAX - 1); i > 0 && aef_writer_left(&w) > 0; i--) {
		const uint8_t kind = aef_read_u8(r);

		one(r, &w, conn, pn, kind & 15);
	}
	if (w.p == ret)
		*w.p++ = WIRE_FRAME_PING;
	const uint32_t len = (uint32_t)(w.p - ret);

	if ((how & 0xc0) == 0xc0) {
		const uint32_t at = aef_read_u8(r) % len;

		ret[at] ^= aef_read_u8(r);
	}
	return len;
}
