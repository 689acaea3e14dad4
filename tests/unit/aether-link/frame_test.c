/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.c"
#include "harness.h"

/* Header checksum of IPv4, 0 when right. */
static uint16_t
ip_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += aef_load_be16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint32_t
make_ipv4(uint8_t *data, unsigned tags, uint8_t tos)
{
	const uint32_t at = ETHER_LEN + 4 * tags;

	memset(data, 0, at + 28);
	for (unsigned t = 0; t < tags; t++)
		aef_store_be16(data + 12 + 4 * t, t == 0 && tags == 2 ? TYPE_QINQ : TYPE_VLAN);
	aef_store_be16(data + at - 2, TYPE_IPV4);
	data[at] = 0x45;
	data[at + 1] = tos;
	aef_store_be16(data + at + 2, 28);
	data[at + 8] = 64;
	data[at + 9] = 17;
	aef_store_be32(data + at + 12, 0x0a090001);
	aef_store_be32(data + at + 16, 0x0a090002);
	aef_store_be16(data + at + 10, ip_sum(data + at));
	return at + 28;
}

START_TEST(frame_ce_is_set_on_capable_ipv4_and_its_checksum_follows)
{
	uint8_t data[64];

	for (unsigned tags = 0; tags <= 2; tags++) {
		for (unsigned tos = 0; tos < 256; tos++) {
			const uint32_t len = make_ipv4(data, tags, (uint8_t)tos);
			const uint8_t *ip = data + ETHER_LEN + 4 * tags;
			const bool ect = (tos & 3) == 1 || (tos & 3) == 2;

			ck_assert_int_eq(frame_is_ect(data, len), ect);
			frame_set_ce(data, len);
			ck_assert_uint_eq(ip[1], ect ? tos | 3 : tos);
			ck_assert_uint_eq(ip_sum(ip), 0);
		}
	}
}
END_TEST

START_TEST(frame_ce_is_set_on_capable_ipv6)
{
	uint8_t data[54] = { [12] = 0x86, [13] = 0xdd, [14] = 0x60, [15] = 0x20 };

	ck_assert(frame_is_ect(data, sizeof(data)));
	frame_set_ce(data, sizeof(data));

	ck_assert_uint_eq(data[15], 0x30);
	ck_assert(!frame_is_ect(data, sizeof(data)));
}
END_TEST

START_TEST(frame_cut_at_any_length_is_never_read_past_its_end)
{
	uint8_t data[64];
	const uint32_t len = make_ipv4(data, 2, 1);

	for (uint32_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1); /* the address sanitizer watches its end */

		memcpy(exact, data, cut);
		ck_assert_int_eq(frame_is_ect(exact, cut), cut >= ETHER_LEN + 8 + 20);
		frame_set_ce(exact, cut);
		(void)frame_finish_checksum(exact, cut, cut / 2, cut / 4);
		free(exact);
	}
}
END_TEST

START_TEST(frame_checksum_left_to_hardware_is_finished)
{
	/* Pseudo-header sum 0x1234 in place, then bytes up to an odd end. */
	uint8_t data[9] = { 0xff, 0xff, 0x00, 0x01, 0x12, 0x34, 0xab, 0xcd, 0xef };
	uint8_t zero[4] = { 0xff, 0xff, 0x00, 0x00 };

	ck_assert(frame_finish_checksum(data, sizeof(data), 2, 2));
	/* 0x0001 + 0x1234 + 0xabcd + 0xef00 = 0x1ad02, folded 0xad03. */
	ck_assert_uint_eq(aef_load_be16(data + 4), 0x52fc);

	/* A sum that would come out as 0 is written as all ones. */
	ck_assert(frame_finish_checksum(zero, sizeof(zero), 0, 2));
	ck_assert_uint_eq(aef_load_be16(zero + 2), 0xffff);

	ck_assert(!frame_finish_checksum(data, sizeof(data), 9, 0));
	ck_assert(!frame_finish_checksum(data, sizeof(data), 2, 6));
	ck_assert(!frame_finish_checksum(data, sizeof(data), 2, UINT32_MAX));
	ck_assert(frame_finish_checksum(data, sizeof(data), 2, 5));
}
END_TEST

START_TEST(frame_tag_kept_beside_the_frame_is_put_back)
{
	static struct frame frame = { .off = FRAME_HEADROOM };
	uint8_t *data = frame.buf + FRAME_HEADROOM;

	for (uint8_t i = 0; i < 20; i++)
		data[i] = i;
	ck_assert_uint_eq(frame_put_tag(&frame, 11, TYPE_VLAN, 5),
	                  11); /* too short for addresses */
	ck_assert_uint_eq(frame_put_tag(&frame, 20, TYPE_VLAN, 5), 24);

	ck_assert_uint_eq(frame.off, 0);
	for (uint8_t i = 0; i < 12; i++)
		ck_assert_uint_eq(frame.buf[i], i);
	ck_assert_uint_eq(aef_load_be32(frame.buf + 12), 0x81000005);
	for (uint8_t i = 12; i < 20; i++)
		ck_assert_uint_eq(frame.buf[i + 4], i);
	ck_assert_uint_eq(frame_put_tag(&frame, 24, TYPE_VLAN, 6), 24); /* no headroom left */
}
END_TEST

TEST_SUITE(frame, &frame_ce_is_set_on_capable_ipv4_and_its_checksum_follows,
           &frame_ce_is_set_on_capable_ipv6, &frame_cut_at_any_length_is_never_read_past_its_end,
           &frame_checksum_left_to_hardware_is_finished,
           &frame_tag_kept_beside_the_frame_is_put_back)
