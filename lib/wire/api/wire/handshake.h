/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/handshake.h - clear parts of SYN, SYN+ACK, BUSY, handshake ACK and RST, all of fixed length.
 *
 * Source:  docs/spec/quantum.md chapter 4.
 * Context: anywhere; no state. Decoders take datagrams that wire_classify() has put in their class.
 */
#ifndef WIRE_HANDSHAKE_H
#define WIRE_HANDSHAKE_H

#include <wire/header.h>

#define WIRE_RANDOM_BYTES 16u
#define WIRE_TOKEN_BYTES  188u
#define WIRE_COOKIE_BYTES 16u
#define WIRE_PUB_BYTES    32u
#define WIRE_MAC_BYTES    16u
#define WIRE_RESET_BYTES  16u

#define WIRE_SYN_ACK_BYTES 116u /* under a quarter of WIRE_SYN_BYTES */
#define WIRE_BUSY_BYTES    72u
/* Clear part of the handshake ACK behind the header; the protected part follows. */
#define WIRE_ACK_CLEAR_BYTES                                                                       \
	(WIRE_RANDOM_BYTES + WIRE_TOKEN_BYTES + WIRE_COOKIE_BYTES + 4u + WIRE_PUB_BYTES +          \
	 WIRE_MAC_BYTES)

struct wire_syn {
	uint8_t client_random[WIRE_RANDOM_BYTES];
	uint8_t token[WIRE_TOKEN_BYTES];
};

struct wire_syn_ack {
	uint8_t client_random[WIRE_RANDOM_BYTES];
	uint8_t cookie[WIRE_COOKIE_BYTES];
	uint8_t cookie_epoch;
	uint8_t dh_epoch;
	uint8_t server_pub[WIRE_PUB_BYTES];
	uint8_t mac[WIRE_MAC_BYTES]; /* over everything before it */
};

struct wire_busy {
	uint8_t client_random[WIRE_RANDOM_BYTES];
	uint8_t reason;
	uint32_t retry_after_ms;
	uint8_t mac[WIRE_MAC_BYTES];
};

struct wire_ack {
	uint8_t client_random[WIRE_RANDOM_BYTES];
	uint8_t token[WIRE_TOKEN_BYTES];
	uint8_t cookie[WIRE_COOKIE_BYTES];
	uint8_t cookie_epoch;
	uint8_t dh_epoch;
	uint8_t client_pub[WIRE_PUB_BYTES];
	uint8_t mac[WIRE_MAC_BYTES]; /* over the connection id and the clear part before it
	                              */
};

/* Offset of the MAC, that is: length of what it covers. */
#define WIRE_SYN_ACK_MAC_AT (WIRE_SYN_ACK_BYTES - WIRE_MAC_BYTES)
#define WIRE_BUSY_MAC_AT    (WIRE_BUSY_BYTES - WIRE_MAC_BYTES)
#define WIRE_ACK_MAC_AT     (WIRE_HEADER_BYTES + WIRE_ACK_CLEAR_BYTES - WIRE_MAC_BYTES)
#define WIRE_ACK_TEXT_AT    (WIRE_HEADER_BYTES + WIRE_ACK_CLEAR_BYTES)

/**
 * Decode a SYN.
 *
 * @return 0, or AEF_ERR_MALFORMED when padding, sequence or ack are not zero
 */
AEF_MUST_CHECK int wire_syn_decode(const uint8_t data[WIRE_SYN_BYTES], struct wire_syn *ret_syn);

/** Encode a SYN of WIRE_SYN_BYTES. */
void wire_syn_encode(uint8_t ret_data[WIRE_SYN_BYTES], const struct aef_guuid *cid,
                     const struct wire_syn *syn);

/** Decode a SYN+ACK of WIRE_SYN_ACK_BYTES; AEF_ERR_MALFORMED when reserved bytes are not zero. */
AEF_MUST_CHECK int wire_syn_ack_decode(const uint8_t data[WIRE_SYN_ACK_BYTES],
                                       struct wire_syn_ack *ret_syn_ack);

/** Encode a SYN+ACK; the caller then computes the MAC over WIRE_SYN_ACK_MAC_AT bytes. */
void wire_syn_ack_encode(uint8_t ret_data[WIRE_SYN_ACK_BYTES], const struct aef_guuid *cid,
                         const struct wire_syn_ack *syn_ack);

/** Decode a BUSY of WIRE_BUSY_BYTES; AEF_ERR_MALFORMED when reserved bytes are not zero. */
AEF_MUST_CHECK int wire_busy_decode(const uint8_t data[WIRE_BUSY_BYTES],
                                    struct wire_busy *ret_busy);

/** Encode a BUSY; the caller then computes the MAC over WIRE_BUSY_MAC_AT bytes. */
void wire_busy_encode(uint8_t ret_data[WIRE_BUSY_BYTES], const struct aef_guuid *cid,
                      const struct wire_busy *busy);

/** Decode the clear part of a handshake ACK; AEF_ERR_MALFORMED when reserved bytes are not zero. */
AEF_MUST_CHECK int wire_ack_decode(const uint8_t *data, struct wire_ack *ret_ack);

/** Encode header and clear part of a handshake ACK with packet number @p seq; payload_len is set
 * later. */
void wire_ack_encode(uint8_t ret_data[WIRE_ACK_TEXT_AT], const struct aef_guuid *cid, uint32_t seq,
                     const struct wire_ack *ack);

/** Encode a stateless reset of WIRE_RST_BYTES. */
void wire_rst_encode(uint8_t ret_data[WIRE_RST_BYTES], const struct aef_guuid *cid,
                     const uint8_t reset_token[WIRE_RESET_BYTES]);

#endif
