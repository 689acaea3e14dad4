/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <base/bytes.h>

#define ETHER_LEN 14u
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8
#define ECN_CE    3u

/* Offset of the IP header, 0 when there is none; @p ret_type gets the ether type. */
static uint32_t
find_ip(const uint8_t *data, uint32_t len, uint16_t *ret_type)
{
	uint32_t at = ETHER_LEN;

	if (len < at)
		return 0;
	uint16_t type = aef_load_be16(data + at - 2);

	for (unsigned tags = 0; tags < 2 && (type == TYPE_VLAN || type == TYPE_QINQ); tags++) {
		at += 4;
		if (len < at)
			return 0;
		type = aef_load_be16(data + at - 2);
	}
	*ret_type = type;
	if (type == TYPE_IPV4 && len >= at + 20 && data[at] >> 4 == 4)
		return at;
	if (type == TYPE_IPV6 && len >= at + 40 && data[at] >> 4 == 6)
		return at;
	return 0;
}

bool
frame_is_ect(const uint8_t *data, uint32_t len)
{
	uint16_t type;
	const uint32_t at = find_ip(data, len, &type);

	if (at == 0)
		return false;

	const unsigned ecn = type == TYPE_IPV4 ? data[at + 1] & 3u : (data[at + 1] >> 4) & 3u;

	return ecn == 1 || ecn == 2;
}

void
frame_set_ce(uint8_t *data, uint32_t len)
{
	uint16_t type;
	const uint32_t at = find_ip(data, len, &type);

	if (at == 0 || !frame_is_ect(data, len))
		return;
	if (type == TYPE_IPV6) {
		data[at + 1] |= ECN_CE << 4;
		return;
	}

	const uint16_t before = aef_load_be16(data + at);
	const uint16_t after = before | ECN_CE;
	/* RFC 1624 equation 3: HC' = ~(~HC + ~m + m'). */
	uint32_t sum =
		(uint16_t)~aef_load_be16(data + at + 10) + (uint32_t)(uint16_t)~before + after;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	aef_store_be16(data + at, after);
	aef_store_be16(data + at + 10, (uint16_t)~sum);
}

bool
frame_finish_checksum(uint8_t *data, uint32_t len, uint32_t start, uint32_t offset)
{
	uint64_t sum = 0;

	if (start >= len || offset > len - start || len - start - offset < 2)
		return false;
	for (uint32_t i = start; i + 1 < len; i += 2)
		sum += aef_load_be16(data + i);
	if ((len - start) % 2 != 0)
		sum += (uint32_t)data[len - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	/* 0 means "no checksum" in UDP; its other form, all ones, is right for every protocol. */
	aef_store_be16(data + start + offset, sum == 0xffff ? 0xffff : (uint16_t)~sum);
	return true;
}

uint32_t
frame_put_tag(struct frame *frame, uint32_t len, uint16_t tpid, uint16_t tci)
{
	if (frame->off < FRAME_HEADROOM || len < 12)
		return len;
	frame->off -= FRAME_HEADROOM;
	memmove(frame->buf + frame->off, frame->buf + frame->off + 4, 12);
	aef_store_be16(frame->buf + frame->off + 12, tpid);
	aef_store_be16(frame->buf + frame->off + 14, tci);
	return len + 4;
}
