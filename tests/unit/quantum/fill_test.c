/* SPDX-License-Identifier: BSD-3-Clause */
#include "send_bench.h"

START_TEST(fill_last_frame_goes_without_length_only_when_allowed)
{
	struct bench t;

	setup(&t, &ordered);
	put(&t, 1, 3000, 0, 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, true), 1);
	ck_assert_uint_eq(t.payload[0] & WIRE_DATA_TO_END, WIRE_DATA_TO_END);
	ck_assert_uint_eq(t.len, 1200);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert_uint_eq(t.payload[0] & WIRE_DATA_TO_END, 0);
	ck_assert_uint_eq(t.len, 1200);
	ck_assert_uint_eq(chan(&t)->tx.flow.charged, t.got[0].data.offset + t.got[0].data.len);
	teardown(&t);
}
END_TEST

START_TEST(fill_lost_data_goes_before_new_data_and_expedited_is_told)
{
	const struct quantum_chan_conf urgent = { .expedited = true };
	struct bench t;

	setup(&t, &urgent);
	put(&t, 1, 100, 0, 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert(t.bits & QUANTUM_FILL_URG);
	put(&t, 2, 100, 0, 0);
	lose(&t);
	ck_assert_uint_eq(quantum_chans_peek(&t.e.chs), QUANTUM_PEEK_LOST | QUANTUM_PEEK_NEW);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 2);
	ck_assert_uint_eq(t.got[0].data.message, 0);
	ck_assert_uint_eq(t.got[1].data.message, 1);
	teardown(&t);
}
END_TEST

START_TEST(fill_any_packet_size_is_filled_without_error)
{
	struct bench t;

	setup(&t, &ordered);
	put(&t, 1, 50000, 0, 0);
	for (uint32_t mtu = 0; mtu < 300; mtu++) {
		const uint64_t before = t.e.chs.flow_tx.charged;

		(void)fill(&t, mtu, 0, mtu % 2 == 0);
		ck_assert_uint_le(t.len, mtu);
		if (mtu > 16)
			ck_assert_uint_gt(t.e.chs.flow_tx.charged, before);
	}
	teardown(&t);
}
END_TEST

START_TEST(fill_rest_of_a_packet_is_not_used_for_a_scrap)
{
	struct bench t;

	setup(&t, &ordered);
	put(&t, 1, 1000, 0, 0);
	put(&t, 2, 1000, 0, 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert_uint_eq(fill(&t, 1400, 0, false), 1);
	ck_assert(!t.got[0].data.fragment);
	put(&t, 3, 1000, 0, 0);
	put(&t, 4, 1000, 0, 0);
	ck_assert_uint_eq(fill(&t, 1400, 0, false), 2);
	ck_assert(t.got[1].data.fragment);
	teardown(&t);
}
END_TEST

START_TEST(fill_without_records_stops_and_says_so)
{
	static void *hoard[32768];
	struct bench t;
	unsigned nb = 0;

	setup(&t, &ordered);
	put(&t, 1, 100, 0, 0);
	put(&t, 2, 100, 0, 0);
	while (aef_pool_left(&t.pools.pool[P_FRAMES]) > 1)
		hoard[nb++] = aef_pool_get(&t.pools.pool[P_FRAMES]);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert(t.bits & QUANTUM_FILL_NO_FRAME);
	lose(&t);
	/* The lost record itself would do, but only half of it fits. */
	ck_assert_uint_eq(fill(&t, 60, 0, false), 0);
	ck_assert(t.bits & QUANTUM_FILL_NO_FRAME);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	while (nb > 0)
		aef_pool_put(&t.pools.pool[P_FRAMES], hoard[--nb]);
	teardown(&t);
}
END_TEST

/* A message of the peer that was taken: both credits become due. */
static void
make_credit_due(struct bench *t)
{
	static const uint8_t bytes[100];
	struct wire_frame_data data = { .channel = 3, .total = 100, .len = 100, .data = bytes };
	struct buf *owner = buf_new(1);
	struct quantum_msg msg;

	t->e.conf.limits.credit_bytes = t->e.conf.limits.credit_channel_bytes = 100;
	quantum_flow_rx_init(&t->e.chs.flow_rx, 100);
	ck_assert_int_eq(quantum_chans_on_data(&t->e.chs, &data, owner), 0);
	buf_put(NULL, owner);
	ck_assert(quantum_chans_poll(&t->e.chs, &msg));
	quantum_chans_discard(&t->e.chs, &msg);
}

START_TEST(fill_lost_credit_is_sent_again_with_the_newest_value_only)
{
	struct bench t;

	setup(&t, &ordered);
	make_credit_due(&t);
	ck_assert_uint_eq(quantum_chans_peek(&t.e.chs), QUANTUM_PEEK_CONTROL);
	ck_assert_uint_eq(fill(&t, 1, 0, false), 0);
	ck_assert_uint_eq(fill(&t, 4, 0, false), 1);
	ck_assert_uint_eq(t.got[0].type, WIRE_FRAME_CREDIT);
	ck_assert_uint_eq(t.got[0].credit.bytes, 200);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert_uint_eq(t.got[0].type, WIRE_FRAME_CREDIT_CHANNEL);
	ck_assert_uint_eq(t.got[0].credit.channel, 3);
	lose(&t);
	lose(&t);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 2);
	/* A newer grant follows: the older one's loss no longer matters. */
	t.e.chs.flow_rx.granted += 50;
	lose(&t);
	ck_assert_uint_eq(quantum_chans_peek(&t.e.chs), 0);
	ack(&t);
	teardown(&t);
}
END_TEST

static unsigned
resend_oldest(struct bench *t, uint32_t room, uint64_t now_ns)
{
	struct aef_writer w = aef_writer_make(t->payload, room);
	struct aef_list frames;
	struct quantum_frame *frame = oldest(t);

	aef_list_init(&frames);
	const bool wrote = quantum_chans_resend(&t->e.chs, frame, &w, &frames, now_ns);

	ck_assert_int_eq(wrote, !aef_list_empty(&frames));
	parse(t, &w);
	aef_list_append(&t->frames, &frame->node);
	if (wrote) {
		struct aef_list *node = frames.next;

		aef_list_remove(node);
		aef_list_append(&t->frames, node);
	}
	return t->nb_got;
}

START_TEST(fill_probe_repeats_every_kind_of_frame)
{
	struct bench t;

	setup(&t, &latest);
	make_credit_due(&t);
	put(&t, 1, 100, 7, 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 3);
	ck_assert_uint_eq(resend_oldest(&t, 1200, 0), 1);
	ck_assert_uint_eq(t.got[0].type, WIRE_FRAME_CREDIT);
	ck_assert_uint_eq(resend_oldest(&t, 1200, 0), 1);
	ck_assert_uint_eq(t.got[0].type, WIRE_FRAME_CREDIT_CHANNEL);
	ck_assert_uint_eq(resend_oldest(&t, 1200, 0), 1);
	ck_assert_uint_eq(t.got[0].type, WIRE_FRAME_DATA);
	/* Given up: its data is not repeated, its EXPIRED frame is. */
	put(&t, 2, 100, 7, 0);
	for (unsigned i = 0; i < 6; i++)
		ack(&t);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 2);
	expired_frame(&t.got[0], 0, 100);
	ck_assert_uint_eq(resend_oldest(&t, 2, 0), 0);
	ack(&t); /* the new value; the EXPIRED record is at the end now */
	ck_assert_uint_eq(resend_oldest(&t, 1200, 0), 1);
	expired_frame(&t.got[0], 0, 100);
	ack(&t);
	ack(&t);
	ck_assert(aef_list_empty(&t.frames));
	teardown(&t);
}
END_TEST

TEST_SUITE(fill, &fill_last_frame_goes_without_length_only_when_allowed,
           &fill_lost_data_goes_before_new_data_and_expedited_is_told,
           &fill_any_packet_size_is_filled_without_error,
           &fill_rest_of_a_packet_is_not_used_for_a_scrap, &fill_without_records_stops_and_says_so,
           &fill_lost_credit_is_sent_again_with_the_newest_value_only,
           &fill_probe_repeats_every_kind_of_frame)
