/* SPDX-License-Identifier: BSD-3-Clause */
#include "send_bench.h"

START_TEST(send_buf_unsent_value_is_replaced_in_place)
{
	struct bench t;

	setup(&t, &latest);
	put(&t, 1, 20, 7, 0);
	put(&t, 2, 20, 8, 0);
	put(&t, 3, 30, 7, 0);
	result(&t, 1, true);

	ck_assert_uint_eq(fill(&t, 1200, 0, false), 2);
	ck_assert_uint_eq(t.got[0].data.key, 7);
	ck_assert_uint_eq(t.got[0].data.len, 30);
	ck_assert_uint_eq(t.got[0].data.message, 0);
	ck_assert_uint_eq(t.got[1].data.key, 8);
	ck_assert(t.bits & QUANTUM_FILL_IDLE);
	ack(&t);
	ack(&t);
	result(&t, 3, false);
	result(&t, 2, false);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_newer_value_gives_up_the_one_in_flight)
{
	struct bench t;

	setup(&t, &latest);
	put(&t, 1, 2000, 7, 0);
	ck_assert_uint_eq(fill(&t, 600, 0, false), 1);
	const uint32_t charged = t.got[0].data.len;

	put(&t, 2, 50, 7, 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 2);
	expired_frame(&t.got[0], 0, charged);
	ck_assert_uint_eq(t.got[1].data.message, 1);
	ck_assert_uint_eq(t.e.chs.reserved_bytes, 0);
	/* The fragment's fate no longer matters; the EXPIRED frame's does. */
	lose(&t);
	ck_assert_uint_eq(quantum_chans_peek(&t.e.chs), 0);
	lose(&t);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	expired_frame(&t.got[0], 0, charged);
	ack(&t);
	ack(&t);
	result(&t, 1, true);
	result(&t, 2, false);
	ck_assert_uint_eq(t.e.chs.nb_messages, 0);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_fragment_goes_out_at_most_as_often_as_allowed)
{
	for (unsigned tries = 1; tries < 5; tries++) {
		const struct quantum_chan_conf conf = {
			.reliability = tries == 1 ? QUANTUM_NONE : QUANTUM_TRIES,
			.tries = (uint8_t)tries,
		};
		struct bench t;

		setup(&t, &conf);
		put(&t, 9, 300, 0, 0);
		for (unsigned i = 0; i < tries; i++) {
			ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
			ck_assert_uint_eq(t.got[0].type, WIRE_FRAME_DATA);
			lose(&t);
		}
		ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
		expired_frame(&t.got[0], 0, 300);
		result(&t, 9, true);
		ack(&t);
		ck_assert_uint_eq(t.e.chs.nb_messages, 0);
		teardown(&t);
	}
}
END_TEST

START_TEST(send_buf_deadline_drops_before_sending_and_before_sending_again)
{
	const struct quantum_chan_conf conf = { .reliability = QUANTUM_DEADLINE,
		                                .deadline_ns = 100 };
	struct bench t;

	setup(&t, &conf);
	put(&t, 1, 10, 0, 0);
	put(&t, 2, 10, 0, 50);
	ck_assert_uint_eq(quantum_chans_deadline(&t.e.chs), 100);
	/* Never transmitted: no number is used up, the peer need not know. */
	ck_assert_uint_eq(fill(&t, 1200, 100, false), 1);
	ck_assert_uint_eq(t.got[0].data.message, 0);
	result(&t, 1, true);
	/* Lost, and too late when its turn comes. */
	lose(&t);
	ck_assert_uint_eq(fill(&t, 1200, 150, false), 0);
	ck_assert_uint_eq(fill(&t, 1200, 150, false), 1);
	expired_frame(&t.got[0], 0, 10);
	result(&t, 2, true);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_timer_expires_what_is_in_flight)
{
	const struct quantum_chan_conf conf = { .reliability = QUANTUM_DEADLINE,
		                                .deadline_ns = 100 };
	struct bench t;

	setup(&t, &conf);
	put(&t, 1, 10, 0, 0);
	put(&t, 2, 10, 0, 60);
	ck_assert_uint_eq(fill(&t, 1200, 60, false), 2);
	quantum_chans_on_timer(&t.e.chs, 99);
	ck_assert_uint_eq(quantum_chans_peek(&t.e.chs), 0);
	quantum_chans_on_timer(&t.e.chs, 100);
	result(&t, 1, true);
	ck_assert_uint_eq(quantum_chans_deadline(&t.e.chs), 160);
	ck_assert_uint_eq(quantum_chans_peek(&t.e.chs), QUANTUM_PEEK_CONTROL);
	/* The acknowledgement that comes after all changes nothing. */
	ack(&t);
	ck_assert_uint_eq(fill(&t, 1200, 110, false), 1);
	expired_frame(&t.got[0], 0, 10);
	ack(&t);
	result(&t, 2, false);
	quantum_chans_on_timer(&t.e.chs, 160);
	ck_assert_uint_eq(quantum_chans_deadline(&t.e.chs), AEF_TIME_NEVER);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_numbers_stay_within_the_window)
{
	struct bench t;
	unsigned nb = 0;

	setup(&t, &ordered);
	for (unsigned i = 0; i < QUANTUM_MSG_WINDOW + 5; i++)
		put(&t, i, 0, 0, 0);
	do {
		nb += fill(&t, 200, 0, false);
	} while (t.bits & QUANTUM_FILL_WROTE);
	ck_assert_uint_eq(nb, QUANTUM_MSG_WINDOW);
	ck_assert(t.bits & QUANTUM_FILL_BLOCKED);
	/* Others than the lowest do not help. */
	struct quantum_frame *first = oldest(&t);

	ack(&t);
	ck_assert_uint_eq(fill(&t, 200, 0, false), 0);
	ck_assert(quantum_chans_on_acked(&t.e.chs, first));
	ck_assert_uint_eq(fill(&t, 200, 0, false), 2);
	ck_assert_uint_eq(t.got[1].data.message, QUANTUM_MSG_WINDOW + 1);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_lost_fragment_is_split_again_and_both_copies_may_be_acked)
{
	struct bench t;
	struct quantum_frame *spurious;

	setup(&t, &ordered);
	put(&t, 1, 1000, 0, 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert(!t.got[0].data.fragment);
	lose(&t);
	ck_assert_uint_eq(fill(&t, 500, 0, false), 1);
	ck_assert(t.got[0].data.fragment);
	ck_assert_uint_eq(t.got[0].data.total, 1000);
	ck_assert_uint_eq(fill(&t, 500, 0, false), 1);
	ck_assert_uint_eq(fill(&t, 500, 0, false), 1);
	ck_assert_uint_eq(t.got[0].data.offset + t.got[0].data.len, 1000);
	/* The middle one is called lost, sent again, and then both copies arrive. */
	ack(&t);
	spurious = aef_pool_get(&t.pools.pool[P_FRAMES]);
	*spurious = *aef_list_entry(t.frames.next, struct quantum_frame, node);
	spurious->data.msg->nb_frames++;
	aef_list_init(&spurious->node);
	lose(&t);
	ck_assert(quantum_chans_on_acked(&t.e.chs, spurious));
	ck_assert_uint_eq(fill(&t, 500, 0, false), 0); /* acked meanwhile: not sent again */
	ack(&t);
	result(&t, 1, false);
	ck_assert_uint_eq(t.e.chs.flow_tx.charged, 1000);
	ck_assert_uint_eq(t.e.chs.copied_bytes, 2000);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_only_unacked_ends_are_sent_again)
{
	struct bench t;
	struct quantum_frame *probe;

	setup(&t, &ordered);
	put(&t, 1, 1000, 0, 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	/* A probe of the first half is acked, then the whole is lost. */
	struct aef_writer w = aef_writer_make(t.payload, 500);
	struct aef_list frames;

	aef_list_init(&frames);
	ck_assert(quantum_chans_resend(&t.e.chs,
	                               aef_list_entry(t.frames.next, struct quantum_frame, node),
	                               &w, &frames, 0));
	parse(&t, &w);
	const uint32_t half = t.got[0].data.len;

	probe = aef_list_entry(frames.next, struct quantum_frame, node);
	ck_assert_uint_eq(probe->tries, 2);
	aef_list_remove(&probe->node);
	ck_assert(quantum_chans_on_acked(&t.e.chs, probe));
	lose(&t);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert_uint_eq(t.got[0].data.offset, half);
	ck_assert_uint_eq(t.got[0].data.len, 1000 - half);
	ack(&t);
	result(&t, 1, false);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_ack_without_memory_for_it_sends_again)
{
	struct bench t;
	void *hoard[4096];
	unsigned nb = 0;

	setup(&t, &ordered);
	put(&t, 1, 1000, 0, 0);
	ck_assert_uint_eq(fill(&t, 600, 0, false), 1);
	ck_assert_uint_eq(fill(&t, 600, 0, false), 1);
	while (aef_pool_left(&t.pools.pool[P_RANGES]) > 0)
		hoard[nb++] = aef_pool_get(&t.pools.pool[P_RANGES]);
	ack(&t);
	ck_assert_uint_eq(quantum_chans_peek(&t.e.chs), QUANTUM_PEEK_LOST);
	while (nb > 0)
		aef_pool_put(&t.pools.pool[P_RANGES], hoard[--nb]);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert_uint_eq(t.got[0].data.offset, 0);
	ack(&t);
	ack(&t);
	result(&t, 1, false);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_full_queue_refuses_until_half_is_free)
{
	struct bench t;
	struct quantum_chan_send send = { 0 };

	setup(&t, &ordered);
	t.e.conf.queue_bytes_max = 1000;
	put(&t, 1, 999, 0, 0);
	put(&t, 2, 600, 0, 0); /* overshoots once */
	ck_assert(!quantum_chans_poll_writable(&t.e.chs));
	ck_assert_int_eq(quantum_chans_send(&t.e.chs, 1, &send, 0), AEF_ERR_FULL);
	ck_assert_uint_eq(fill(&t, 1500, 0, false), 2);
	ck_assert_uint_eq(fill(&t, 1500, 0, false), 1);
	ack(&t);
	ck_assert(!quantum_chans_poll_writable(&t.e.chs));
	ack(&t);
	ack(&t);
	ck_assert(quantum_chans_poll_writable(&t.e.chs));
	ck_assert(!quantum_chans_poll_writable(&t.e.chs));
	ck_assert_int_eq(quantum_chans_send(&t.e.chs, 1, &send, 0), 0);
	t.e.conf.queue_messages_max = 1;
	ck_assert_int_eq(quantum_chans_send(&t.e.chs, 1, &send, 0), AEF_ERR_FULL);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_credit_of_channel_and_connection_both_bind)
{
	struct bench t;

	setup_with(&t, 150, 100, &ordered);
	put(&t, 1, 90, 0, 0);
	put(&t, 2, 90, 0, 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 2);
	ck_assert_uint_eq(t.got[1].data.len, 10);
	ck_assert(t.bits & QUANTUM_FILL_BLOCKED);
	ck_assert_int_eq(quantum_chans_on_credit_channel(&t.e.chs, 1, 99), 0);
	ck_assert_uint_eq(quantum_chans_peek(&t.e.chs), 0);
	ck_assert_int_eq(quantum_chans_on_credit_channel(&t.e.chs, 1, 1000), 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert_uint_eq(t.got[0].data.len, 50);
	ck_assert(t.bits & QUANTUM_FILL_BLOCKED);
	quantum_chans_on_credit(&t.e.chs, 1000);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert_uint_eq(t.got[0].data.len, 30);
	ck_assert(t.bits & QUANTUM_FILL_IDLE);
	ck_assert_int_eq(quantum_chans_on_credit_channel(&t.e.chs, 2, 5), AEF_ERR_PROTOCOL);
	teardown(&t);
}
END_TEST

START_TEST(send_buf_nothing_goes_before_the_peers_limits_are_known)
{
	const struct wire_limits limits = { .message_bytes_max = 1000,
		                            .channels_max = 16,
		                            .credit_bytes = 1000,
		                            .credit_channel_bytes = 1000 };
	struct bench t;

	pools_init_plenty(&t.pools);
	end_init(&t.e, &t.pools, 1000, 1000, 1000);
	aef_list_init(&t.frames);
	ck_assert_int_eq(quantum_chans_open(&t.e.chs, 1, &ordered), 0);
	put(&t, 1, 500, 0, 0);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 0);
	quantum_chans_set_peer_limits(&t.e.chs, &limits);
	ck_assert_uint_eq(fill(&t, 1200, 0, false), 1);
	ck_assert_int_eq(quantum_chans_open(&t.e.chs, 16, &ordered), AEF_ERR_INVALID);
	teardown(&t);
}
END_TEST

TEST_SUITE(send_buf, &send_buf_unsent_value_is_replaced_in_place,
           &send_buf_newer_value_gives_up_the_one_in_flight,
           &send_buf_fragment_goes_out_at_most_as_often_as_allowed,
           &send_buf_deadline_drops_before_sending_and_before_sending_again,
           &send_buf_timer_expires_what_is_in_flight, &send_buf_numbers_stay_within_the_window,
           &send_buf_lost_fragment_is_split_again_and_both_copies_may_be_acked,
           &send_buf_only_unacked_ends_are_sent_again,
           &send_buf_ack_without_memory_for_it_sends_again,
           &send_buf_full_queue_refuses_until_half_is_free,
           &send_buf_credit_of_channel_and_connection_both_bind,
           &send_buf_nothing_goes_before_the_peers_limits_are_known)
