/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/frame.h - frames inside a protected payload: one decoder, one encoder per frame.
 *
 * Source:  docs/spec/quantum.md chapter 5; integers marked varint are those of RFC 9000 section 16.
 * Units:   lengths in bytes; packet numbers are the low 32 bits unless 64 is said.
 * Context: anywhere; no state, no allocation. A decoded frame points into the payload.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <base/bytes.h>
#include <base/guuid.h>
#include <wire/handshake.h>
#include <wire/header.h>

enum wire_frame_type {
	WIRE_FRAME_PADDING = 0x00,
	WIRE_FRAME_PING = 0x01,
	WIRE_FRAME_ACK_INFO = 0x02,
	WIRE_FRAME_FLOOR = 0x03,
	WIRE_FRAME_ACCEPT = 0x04,
	WIRE_FRAME_LIMITS = 0x05,
	WIRE_FRAME_CREDIT = 0x06,         /* connection */
	WIRE_FRAME_CREDIT_CHANNEL = 0x07, /* one channel */
	WIRE_FRAME_EXPIRED = 0x08,
	WIRE_FRAME_PATH_CHALLENGE = 0x09,
	WIRE_FRAME_PATH_RESPONSE = 0x0a,
	WIRE_FRAME_CLOSE = 0x0b,
	WIRE_FRAME_FEC_SOURCE = 0x0c,
	WIRE_FRAME_FEC_REPAIR = 0x0d,
	WIRE_FRAME_DATA = 0x20, /* 0x20 to 0x2f: low bits are enum wire_data_bit */
};

enum wire_data_bit {
	WIRE_DATA_ORDER_MASK = 0x03, /* enum wire_order */
	WIRE_DATA_FRAGMENT = 0x04,   /* offset and total length are present */
	WIRE_DATA_TO_END = 0x08,     /* no length: the bytes reach to the end of the payload */
};

enum wire_order { WIRE_ORDERED = 0, WIRE_UNORDERED = 1, WIRE_LATEST = 2 };

#define WIRE_MESSAGE_BYTES_MAX      (16u << 20)
#define WIRE_CHANNELS_MAX           65536u
#define WIRE_CLOSE_REASON_MAX       64u
#define WIRE_ACK_INFO_RANGES_MAX    248u /* beside the 8 of the header: 256 together */
#define WIRE_ACK_INFO_RECOVERED_MAX 64u
#define WIRE_FEC_K_MAX              10u
#define WIRE_FEC_M_MAX              3u
/* type, block, k, m, index, first number, nine deltas. */
#define WIRE_FEC_REPAIR_HEADER_MAX (1u + 2u + 3u + 4u + 2u * (WIRE_FEC_K_MAX - 1))
#define WIRE_FEC_SOURCE_BYTES      4u

struct wire_limits {
	uint32_t idle_timeout_ms;
	uint32_t message_bytes_max;
	uint32_t channels_max;
	uint64_t credit_bytes;         /* connection, initial */
	uint64_t credit_channel_bytes; /* each channel, initial */
};

struct wire_frame_ack_info {
	bool has_delay;
	uint64_t delay_us; /* of the highest number reported */
	bool has_ce;
	uint64_t ce_count; /* packets received with a CE mark, total */
	uint32_t nb_ranges;
	const uint8_t
		*ranges; /* nb_ranges x 8 bytes, as SACK blocks; read with wire_sacks_decode */
	uint32_t nb_recovered;
	const uint8_t *recovered; /* nb_recovered x 4 bytes, packet numbers */
};

struct wire_frame_data {
	uint8_t order; /* enum wire_order */
	bool fragment;
	uint16_t channel;
	uint64_t message; /* number within the channel */
	uint64_t key;     /* WIRE_LATEST only */
	uint32_t offset;
	uint32_t total; /* bytes of the whole message */
	uint32_t len;
	const uint8_t *data;
};

struct wire_frame_fec_repair {
	uint16_t block;
	uint8_t k, m, idx;
	uint32_t pn[WIRE_FEC_K_MAX]; /* of the k source packets, ascending modulo 2^32 */
	uint16_t symbol_len;
	const uint8_t *symbol;
};

struct wire_frame {
	uint8_t type; /* WIRE_FRAME_DATA for all of its variants */
	union {
		uint32_t padding_len;
		struct wire_frame_ack_info ack_info;
		uint64_t floor; /* 64-bit packet number */
		struct {
			struct aef_guuid cid; /* S */
			uint8_t reset_token[WIRE_RESET_BYTES];
			struct wire_limits limits;
		} accept;
		struct wire_limits limits;
		struct {
			uint16_t channel; /* 0 for the connection's credit */
			uint64_t bytes;   /* cumulative */
		} credit;
		struct {
			uint16_t channel;
			uint64_t message;
			uint64_t bytes; /* of this message that were charged to credit */
		} expired;
		uint8_t path[8];
		struct {
			uint64_t code;
			uint8_t reason_len;
			const uint8_t *reason;
		} close;
		struct {
			uint16_t block;
			uint8_t idx;
		} fec_source;
		struct wire_frame_fec_repair fec_repair;
		struct wire_frame_data data;
	};
};

/**
 * Decode the next frame of a payload.
 *
 * @param r         cursor over the payload; advanced behind the frame
 * @param ret_frame written on success
 * @return 0, AEF_ERR_AGAIN at the end of the payload, AEF_ERR_MALFORMED (unknown type included)
 */
AEF_MUST_CHECK int wire_frame_decode(struct aef_reader *r, struct wire_frame *ret_frame);

/** Encoders: a frame that does not fit sets w->err and leaves the bytes before it in place. */
void wire_ack_info_encode(struct aef_writer *w, const struct wire_frame_ack_info *info);
void wire_floor_encode(struct aef_writer *w, uint64_t floor);
void wire_accept_encode(struct aef_writer *w, const struct aef_guuid *cid,
                        const uint8_t reset_token[WIRE_RESET_BYTES],
                        const struct wire_limits *limits);
void wire_limits_encode(struct aef_writer *w, const struct wire_limits *limits);
void wire_credit_encode(struct aef_writer *w, uint64_t bytes);
void wire_credit_channel_encode(struct aef_writer *w, uint16_t channel, uint64_t bytes);
void wire_expired_encode(struct aef_writer *w, uint16_t channel, uint64_t message, uint64_t bytes);
void wire_path_encode(struct aef_writer *w, enum wire_frame_type type, const uint8_t value[8]);
void wire_close_encode(struct aef_writer *w, uint64_t code, const char *reason, size_t reason_len);
void wire_fec_source_encode(struct aef_writer *w, uint16_t block, uint8_t idx);
/** Everything of a repair frame but the symbol, which the caller appends; it reaches to the end. */
void wire_fec_repair_encode(struct aef_writer *w, const struct wire_frame_fec_repair *repair);

/** Bytes in front of the data of a DATA frame, with the length field when @p to_end is false. */
unsigned wire_data_header_len(const struct wire_frame_data *data, bool to_end);

/** Header of a DATA frame; the caller appends data->len bytes. */
void wire_data_header_encode(struct aef_writer *w, const struct wire_frame_data *data, bool to_end);

/** True for frames that do not make a packet ack-eliciting: ACK_INFO, FLOOR, PADDING, CLOSE. */
/* */
static inline bool
wire_frame_is_passive(uint8_t type)
{
	return type == WIRE_FRAME_ACK_INFO || type == WIRE_FRAME_FLOOR ||
	       type == WIRE_FRAME_PADDING || type == WIRE_FRAME_CLOSE;
}

#endif
