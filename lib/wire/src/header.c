/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <wire/handshake.h>
#include <wire/header.h>

#define CLASS_FLAGS (WIRE_FLAG_SYN | WIRE_FLAG_ACK | WIRE_FLAG_RST)

static enum wire_class
classify_protected(size_t len, const struct wire_header *hdr)
{
	return wire_protected_sacks(len, hdr->payload_len) < 0 ? WIRE_CLASS_BAD_LENGTH
	                                                       : WIRE_CLASS_PROTECTED;
}

/* The class is decided by flags before any look-up; any other mix is dropped. */
static enum wire_class
classify_flags(size_t len, const struct wire_header *hdr)
{
	const size_t body = len - WIRE_HEADER_BYTES;

	if ((hdr->flags & CLASS_FLAGS) == 0)
		return classify_protected(len, hdr);
	switch (hdr->flags) {
	case WIRE_FLAG_SYN: /* */
		return len == WIRE_SYN_BYTES && hdr->payload_len == body ? WIRE_CLASS_SYN
		                                                         : WIRE_CLASS_BAD_LENGTH;
	case WIRE_FLAG_SYN | WIRE_FLAG_ACK: /* */
		return (len == WIRE_SYN_ACK_BYTES || len == WIRE_BUSY_BYTES) &&
		                       hdr->payload_len == body
		               ? WIRE_CLASS_SYN_ACK
		               : WIRE_CLASS_BAD_LENGTH;
	case WIRE_FLAG_ACK: /* the payload length leaves the tag out */
		return body >= WIRE_ACK_CLEAR_BYTES + WIRE_TAG_BYTES &&
		                       hdr->payload_len == body - WIRE_TAG_BYTES
		               ? WIRE_CLASS_ACK
		               : WIRE_CLASS_BAD_LENGTH;
	case WIRE_FLAG_RST: /* */
		return len == WIRE_RST_BYTES && hdr->payload_len == body && hdr->seq == 0 &&
		                       hdr->ack == 0
		               ? WIRE_CLASS_RST
		               : WIRE_CLASS_BAD_LENGTH;
	default:
		return WIRE_CLASS_BAD_FLAGS;
	}
}

enum wire_class
wire_classify(const uint8_t *data, size_t len, struct wire_header *ret_hdr)
{
	/* */
	if (len < WIRE_HEADER_BYTES || aef_load_be32(data) != WIRE_MAGIC)
		return WIRE_CLASS_NOT_QUANTUM;
	ret_hdr->version = data[4];
	ret_hdr->flags = data[5];
	memcpy(ret_hdr->cid.b, data + 6, AEF_GUUID_BYTES);
	ret_hdr->seq = aef_load_be32(data + 22);
	ret_hdr->ack = aef_load_be32(data + 26);
	ret_hdr->payload_len = aef_load_be16(data + 30);
	if (aef_unlikely(len > WIRE_MTU_MAX))
		return WIRE_CLASS_BAD_LENGTH;
	if (aef_unlikely(ret_hdr->version == 0)) /* */
		return ret_hdr->flags == 0 && ret_hdr->payload_len == len - WIRE_HEADER_BYTES
		               ? WIRE_CLASS_VERSION_REPLY
		               : WIRE_CLASS_BAD_LENGTH;
	if (aef_unlikely(ret_hdr->version != WIRE_VERSION))
		return WIRE_CLASS_UNKNOWN_VERSION;
	return classify_flags(len, ret_hdr);
}

int
wire_protected_sacks(size_t datagram_len, uint16_t payload_len)
{
	/* Checked signed before dividing. */
	const int64_t rest =
		(int64_t)datagram_len - WIRE_HEADER_BYTES - payload_len - WIRE_TAG_BYTES;

	if (payload_len == 0 || rest < 0 || rest % WIRE_SACK_BYTES != 0 ||
	    rest > (int64_t)(WIRE_SACKS_MAX * WIRE_SACK_BYTES))
		return AEF_ERR_MALFORMED;
	return (int)(rest / WIRE_SACK_BYTES);
}

void
wire_header_encode(uint8_t ret_data[WIRE_HEADER_BYTES], const struct wire_header *hdr)
{
	aef_store_be32(ret_data, WIRE_MAGIC);
	ret_data[4] = hdr->version;
	ret_data[5] = hdr->flags;
	memcpy(ret_data + 6, hdr->cid.b, AEF_GUUID_BYTES);
	aef_store_be32(ret_data + 22, hdr->seq);
	aef_store_be32(ret_data + 26, hdr->ack);
	aef_store_be16(ret_data + 30, hdr->payload_len);
}

void
wire_sacks_decode(const uint8_t *data, unsigned nb, struct wire_sack *ret_sacks)
{
	for (unsigned i = 0; i < nb; i++, data += WIRE_SACK_BYTES)
		ret_sacks[i] = (struct wire_sack){ .first = aef_load_be32(data),
			                           .end = aef_load_be32(data + 4) };
}

void
wire_sacks_encode(uint8_t *ret_data, const struct wire_sack *sacks, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++, ret_data += WIRE_SACK_BYTES) {
		aef_store_be32(ret_data, sacks[i].first);
		aef_store_be32(ret_data + 4, sacks[i].end);
	}
}

size_t
wire_version_reply_encode(uint8_t *ret_data, const struct aef_guuid *cid)
{
	wire_header_encode(ret_data,
	                   &(struct wire_header){ .version = 0, .cid = *cid, .payload_len = 1 });
	ret_data[WIRE_HEADER_BYTES] = WIRE_VERSION;
	return WIRE_HEADER_BYTES + 1;
}

bool
wire_version_reply_has(const uint8_t *data, size_t len, uint8_t version)
{
	for (size_t i = WIRE_HEADER_BYTES; i < len; i++)
		if (data[i] == version)
			return true;
	return false;
}
