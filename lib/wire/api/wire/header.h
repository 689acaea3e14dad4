/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/header.h - the 32-byte Quantum header, SACK blocks, and the class of a datagram.
 *
 * Source:  docs/spec/quantum.md chapters 2 and 3; multi-byte fields are in network byte order.
 * Units:   lengths in bytes of UDP payload.
 * Context: anywhere; no state. The decoder takes any bytes.
 */
#ifndef WIRE_HEADER_H
#define WIRE_HEADER_H

#include <base/guuid.h>

#define WIRE_MAGIC        0x51554e54u /* "QUNT" */
#define WIRE_VERSION      1u
#define WIRE_HEADER_BYTES 32u
#define WIRE_SACK_BYTES   8u
#define WIRE_SACKS_MAX    8u
#define WIRE_TAG_BYTES    16u

/* Full-length datagrams before a larger path MTU was found; UDP payload. */
#define WIRE_MTU_BASE 1200u
/* Largest datagram ever built or accepted: a 9000-byte frame less IPv4 and UDP headers. */
#define WIRE_MTU_MAX 8972u
/* Smallest protected datagram: header, one payload byte, tag. */
#define WIRE_PROTECTED_MIN (WIRE_HEADER_BYTES + 1u + WIRE_TAG_BYTES)

#define WIRE_SYN_BYTES     512u
#define WIRE_RST_BYTES     48u
#define WIRE_VERSION_FLOOR 512u /* an unknown version is answered only from this length on */

/* Order of the bits; from FIN on they count only behind a verified tag. */
enum wire_flag {
	WIRE_FLAG_SYN = 1 << 0, /* handshake 1; with ACK: handshake 2 */
	WIRE_FLAG_ACK = 1 << 1, /* handshake 3 */
	WIRE_FLAG_FIN = 1 << 2, /* goes with a CLOSE frame */
	WIRE_FLAG_RST = 1 << 3, /* stateless reset */
	WIRE_FLAG_FEC = 1 << 4, /* repair packet */
	WIRE_FLAG_PSH = 1 << 5, /* asks for an immediate ack */
	WIRE_FLAG_URG = 1 << 6, /* carries expedited messages */
	WIRE_FLAG_ECE = 1 << 7, /* the CE count rose since the last acknowledged one */
};

enum wire_class {
	WIRE_CLASS_PROTECTED,
	WIRE_CLASS_SYN,
	WIRE_CLASS_SYN_ACK, /* also BUSY, told apart by length */
	WIRE_CLASS_ACK,
	WIRE_CLASS_RST,
	WIRE_CLASS_VERSION_REPLY,   /* version 0 */
	WIRE_CLASS_UNKNOWN_VERSION, /* neither 0 nor WIRE_VERSION */
	WIRE_CLASS_BAD_FLAGS,
	WIRE_CLASS_BAD_LENGTH,
	WIRE_CLASS_NOT_QUANTUM, /* shorter than a header, or another magic */
};

struct wire_header {
	uint8_t version;
	uint8_t flags;
	uint16_t payload_len;
	uint32_t seq;
	uint32_t ack;
	struct aef_guuid cid;
};

/* [first, end) of received packet numbers, low 32 bits. */
struct wire_sack {
	uint32_t first;
	uint32_t end;
};

/**
 * Decode the header and classify the datagram by flags and length alone.
 *
 * @param data    @p len bytes of UDP payload, borrowed
 * @param ret_hdr written for every class but WIRE_CLASS_NOT_QUANTUM
 * @return the class; the lengths of the fixed-size classes have been checked
 */
enum wire_class wire_classify(const uint8_t *data, size_t len, struct wire_header *ret_hdr);

/**
 * Number of SACK blocks in a protected datagram.
 *
 * @return 0 to WIRE_SACKS_MAX, or AEF_ERR_MALFORMED when the lengths do not fit together
 */
AEF_MUST_CHECK int wire_protected_sacks(size_t datagram_len, uint16_t payload_len);

/** Write a header, 32 bytes. */
void wire_header_encode(uint8_t ret_data[WIRE_HEADER_BYTES], const struct wire_header *hdr);

/** Read @p nb blocks of 8 bytes each from @p data. */
void wire_sacks_decode(const uint8_t *data, unsigned nb, struct wire_sack *ret_sacks);

/** Write @p nb blocks, 8 bytes each. */
void wire_sacks_encode(uint8_t *ret_data, const struct wire_sack *sacks, unsigned nb);

/**
 * Build a version reply to a datagram of unknown version.
 *
 * @param ret_data at least 64 bytes
 * @return its length, always under a quarter of WIRE_VERSION_FLOOR
 */
size_t wire_version_reply_encode(uint8_t *ret_data, const struct aef_guuid *cid);

/** True when a version reply (already classified) lists @p version. */
bool wire_version_reply_has(const uint8_t *data, size_t len, uint8_t version);

#endif
