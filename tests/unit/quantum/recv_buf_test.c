/* SPDX-License-Identifier: BSD-3-Clause */
#include "chan_pair.h"

#define WINDOW      (64u << 10)
#define WINDOW_CHAN (32u << 10)
#define MESSAGE_MAX (20u << 10)

struct bench {
	struct pools pools;
	struct end e;
	struct buf *owner;
};

static void
setup(struct bench *t)
{
	pools_init_plenty(&t->pools);
	end_init(&t->e, &t->pools, WINDOW, WINDOW_CHAN, MESSAGE_MAX);
	t->owner = buf_new(MESSAGE_MAX);
}

static void
teardown(struct bench *t)
{
	end_fini(&t->e);
	pools_fini(&t->pools);
	ck_assert_uint_eq(t->owner->refs, 1);
	buf_put(NULL, t->owner);
	ck_assert_int_eq(buf_live, 0);
}

struct part {
	uint8_t order;
	uint16_t channel;
	uint64_t message, key;
	uint32_t offset, len, total;
};

/* Bytes of message `message` by the pattern, as the wire would bring them. */
static int
part(struct bench *t, struct part p)
{
	struct wire_frame_data data = {
		.order = p.order,
		.fragment = p.len<p.total, .channel = p.channel, .message = p.message, .key = p.key,
		                  .offset = p.offset, .total = p.total> 0
		                    ? p.total
		                    : p.len,
		.len = p.len,
		.data = t->owner->data + p.offset,
	};

	for (uint32_t i = 0; i < MESSAGE_MAX; i++)
		t->owner->data[i] = pattern(0, 0, i);
	return quantum_chans_on_data(&t->e.chs, &data, t->owner);
}

static struct quantum_chan *
chan(struct bench *t, uint16_t id)
{
	return quantum_window_get(&t->e.chs.table, id);
}

/* Number of the next message; discards it. UINT64_MAX: none. */
static uint64_t
take(struct bench *t)
{
	struct quantum_msg msg;
	uint32_t at = 0;

	if (!quantum_chans_poll(&t->e.chs, &msg))
		return UINT64_MAX;
	for (const struct quantum_seg *s = msg.segs; s != NULL; s = s->next)
		for (uint32_t i = 0; i < s->slice.len; i++, at++)
			ck_assert_uint_eq(s->slice.data[i], pattern(0, 0, at));
	ck_assert_uint_eq(at, msg.len);
	quantum_chans_discard(&t->e.chs, &msg);
	return msg.message;
}

START_TEST(recv_buf_ordered_channel_waits_for_the_hole)
{
	struct bench t;

	setup(&t);
	ck_assert_int_eq(part(&t, (struct part){ .message = 2, .len = 5 }), 0);
	ck_assert_int_eq(part(&t, (struct part){ .message = 1, .len = 0 }), 0);
	ck_assert_uint_eq(take(&t), UINT64_MAX);
	ck_assert_int_eq(part(&t, (struct part){ .message = 0, .len = 7 }), 0);

	for (uint64_t n = 0; n < 3; n++)
		ck_assert_uint_eq(take(&t), n);
	ck_assert_uint_eq(take(&t), UINT64_MAX);
	teardown(&t);
}
END_TEST

START_TEST(recv_buf_unordered_channel_delivers_at_once_and_only_once)
{
	struct bench t;

	setup(&t);
	for (unsigned round = 0; round < 3; round++) {
		ck_assert_int_eq(part(&t, (struct part){ WIRE_UNORDERED, 1, 5, .len = 5 }), 0);
		ck_assert_int_eq(part(&t, (struct part){ WIRE_UNORDERED, 1, 0, .len = 0 }), 0);
	}
	ck_assert_uint_eq(take(&t), 5);
	ck_assert_uint_eq(take(&t), 0);
	ck_assert_uint_eq(take(&t), UINT64_MAX);
	ck_assert_uint_eq(chan(&t, 1)->rx.flow.charged, 5);
	teardown(&t);
}
END_TEST

/* */
START_TEST(recv_buf_random_overlapping_fragments_give_each_byte_once)
{
	struct aef_rng rng;

	aef_rng_init(&rng, 21);
	for (unsigned round = 0; round < 200; round++) {
		const uint32_t total = (uint32_t)aef_rng_range(&rng, 2, 3000);
		struct bench t;

		setup(&t);
		for (unsigned i = 0; i < 40; i++) {
			const uint32_t offset = (uint32_t)aef_rng_below(&rng, total);
			const uint32_t len =
				(uint32_t)aef_rng_range(&rng, 1, aef_min_u32(total - offset, 400));

			ck_assert_int_eq(
				part(&t,
			             (struct part){ .offset = offset, .len = len, .total = total }),
				0);
		}
		const uint64_t held = t.e.chs.flow_rx.charged;

		ck_assert_uint_le(held, total);
		/* The whole fills every hole. */
		ck_assert_int_eq(part(&t, (struct part){ .len = total, .total = total }), 0);
		ck_assert_uint_eq(t.e.chs.flow_rx.charged, total);
		ck_assert_uint_eq(take(&t), 0);
		ck_assert_uint_eq(t.e.chs.flow_rx.partial, 0);
		teardown(&t);
	}
}
END_TEST

START_TEST(recv_buf_peer_that_breaks_a_rule_is_named)
{
	struct bench t;
	const struct part first = {
		.channel = 3, .message = 4, .offset = 10, .len = 10, .total = 99
	};
	struct part p;

	setup(&t);
	ck_assert_int_eq(part(&t, first), 0);
	p = first, p.total = 98;
	ck_assert_int_eq(part(&t, p), AEF_ERR_PROTOCOL);
	p = first, p.order = WIRE_UNORDERED;
	ck_assert_int_eq(part(&t, p), AEF_ERR_PROTOCOL);
	p = first, p.message = QUANTUM_MSG_WINDOW;
	ck_assert_int_eq(part(&t, p), AEF_ERR_PROTOCOL);
	p = first, p.message = QUANTUM_MSG_WINDOW - 1;
	ck_assert_int_eq(part(&t, p), 0);
	p = first, p.message = 5, p.total = MESSAGE_MAX + 1;
	ck_assert_int_eq(part(&t, p), AEF_ERR_PROTOCOL);
	p = (struct part){ WIRE_LATEST, 5, 1, .key = 7, .len = 5, .total = 10 };
	ck_assert_int_eq(part(&t, p), 0);
	p.key = 8;
	ck_assert_int_eq(part(&t, p), AEF_ERR_PROTOCOL);
	teardown(&t);
}
END_TEST

START_TEST(recv_buf_expired_that_lies_is_named)
{
	struct bench t;

	setup(&t);
	ck_assert_int_eq(
		part(&t, (struct part){ .channel = 3, .message = 1, .len = 50, .total = 99 }), 0);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 3, 1, 49), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 3, 1, 100), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 3, QUANTUM_MSG_WINDOW, 0),
	                 AEF_ERR_PROTOCOL);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 3, 2, MESSAGE_MAX + 1),
	                 AEF_ERR_PROTOCOL);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 3, 2, MESSAGE_MAX), 0);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 3, 3, MESSAGE_MAX), 0);
	ck_assert_uint_eq(chan(&t, 3)->rx.flow.charged, 50 + 2 * MESSAGE_MAX);
	teardown(&t);
}
END_TEST

START_TEST(recv_buf_bytes_beyond_credit_are_refused)
{
	struct bench t;

	setup(&t);
	/* A channel's credit: complete messages that nobody takes. */
	for (uint64_t n = 0; n < 4; n++)
		ck_assert_int_eq(part(&t, (struct part){ .message = n, .len = 8 << 10 }), 0);
	ck_assert_int_eq(part(&t, (struct part){ .message = 4, .len = 1 }), AEF_ERR_LIMIT);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 0, 4, 1), AEF_ERR_LIMIT);
	ck_assert_int_eq(part(&t, (struct part){ .message = 4, .len = 0 }), 0);
	/* The connection's. */
	for (uint64_t n = 0; n < 4; n++)
		ck_assert_int_eq(
			part(&t, (struct part){ .channel = 1, .message = n, .len = 8 << 10 }), 0);
	ck_assert_int_eq(part(&t, (struct part){ .channel = 2, .len = 1 }), AEF_ERR_LIMIT);
	/* Taking one of 8 KiB on each gives no credit yet, half a window of a channel does. */
	ck_assert_uint_eq(take(&t), 0);
	ck_assert(!t.e.chs.credit_pending);
	ck_assert_uint_eq(take(&t), 1);
	ck_assert(!aef_list_empty(&chan(&t, 0)->rx.credit));
	ck_assert(!t.e.chs.credit_pending);
	ck_assert_uint_eq(take(&t), 2);
	ck_assert_uint_eq(take(&t), 3);
	ck_assert(t.e.chs.credit_pending);
	ck_assert_int_eq(part(&t, (struct part){ .channel = 2, .len = 1 }), 0);
	teardown(&t);
}
END_TEST

START_TEST(recv_buf_hostile_fragments_hold_no_more_than_window_and_budget)
{
	struct bench t;
	uint64_t held = 0;
	int err = 0;

	/* Incomplete messages on ever new channels: the connection's bound stops them. */
	setup(&t);
	for (uint16_t id = 0; err == 0; id++) {
		err = part(&t, (struct part){ .channel = id, .len = 1000, .total = 1001 });
		held += err == 0 ? 1000 : 0;
	}
	ck_assert_int_eq(err, AEF_ERR_LIMIT);
	ck_assert_uint_le(held, WINDOW + MESSAGE_MAX);
	teardown(&t);
}
END_TEST

START_TEST(recv_buf_expired_settles_exactly_what_never_came)
{
	struct bench t;

	setup(&t);
	/* 1: partly here. 2: complete but waiting. 3: nothing here. */
	ck_assert_int_eq(part(&t, (struct part){ .message = 1, .len = 100, .total = 900 }), 0);
	ck_assert_int_eq(part(&t, (struct part){ .message = 2, .len = 40 }), 0);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 0, 1, 600), 0);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 0, 2, 40), 0);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 0, 3, 70), 0);
	ck_assert_int_eq(quantum_chans_on_expired(&t.e.chs, 0, 3, 70), 0);

	ck_assert_uint_eq(chan(&t, 0)->rx.flow.charged, 600 + 40 + 70);
	ck_assert_uint_eq(chan(&t, 0)->rx.flow.consumed, 600 + 70);
	ck_assert_uint_eq(chan(&t, 0)->rx.flow.partial, 0);
	/* Late fragments of an abandoned message change nothing. */
	ck_assert_int_eq(
		part(&t, (struct part){ .message = 1, .offset = 500, .len = 100, .total = 900 }),
		0);
	ck_assert_uint_eq(chan(&t, 0)->rx.flow.charged, 600 + 40 + 70);
	/* Delivery goes past what is abandoned. */
	ck_assert_int_eq(part(&t, (struct part){ .message = 0, .len = 1 }), 0);
	ck_assert_uint_eq(take(&t), 0);
	ck_assert_uint_eq(take(&t), 2);
	ck_assert_uint_eq(chan(&t, 0)->rx.next, 4);
	ck_assert_uint_eq(chan(&t, 0)->rx.flow.consumed, chan(&t, 0)->rx.flow.charged);
	ck_assert_uint_eq(chan(&t, 0)->rx.window.nb, 0);
	teardown(&t);
}
END_TEST

static int
latest(struct bench *t, uint64_t message, uint64_t key)
{
	return part(t, (struct part){ WIRE_LATEST, 0, message, key, .len = 10 });
}

/* */
START_TEST(recv_buf_latest_channel_never_goes_back)
{
	struct bench t;

	setup(&t);
	ck_assert_int_eq(latest(&t, 3, 1), 0);
	ck_assert_uint_eq(take(&t), 3);
	ck_assert_int_eq(latest(&t, 2, 1), 0); /* stale: credited, not delivered */
	ck_assert_int_eq(latest(&t, 1, 2), 0); /* another key */
	ck_assert_uint_eq(take(&t), 1);
	ck_assert_int_eq(latest(&t, 4, 2), 0);
	ck_assert_int_eq(latest(&t, 5, 2), 0); /* overtakes 4 before it is taken */
	ck_assert_uint_eq(take(&t), 5);
	ck_assert_int_eq(latest(&t, 0, 1), 0);
	ck_assert_uint_eq(take(&t), UINT64_MAX);
	ck_assert_uint_eq(chan(&t, 0)->rx.flow.consumed, 60);
	ck_assert_uint_eq(chan(&t, 0)->rx.next, 6);
	teardown(&t);
}
END_TEST

START_TEST(recv_buf_latest_channel_with_too_many_keys_waits_but_loses_none)
{
	struct bench t;

	setup(&t);
	/* Message 0 is missing; 100 keys arrive above it, twice each. */
	for (uint64_t n = 1; n <= 200; n++)
		ck_assert_int_eq(latest(&t, n, n % 100), 0);
	unsigned nb = 0;

	while (take(&t) != UINT64_MAX)
		nb++;
	ck_assert_uint_eq(nb, QUANTUM_KEYS);
	ck_assert_int_eq(latest(&t, 0, 55), 0);
	uint64_t last = 0;

	for (uint64_t n; (n = take(&t)) != UINT64_MAX; last = n, nb++)
		ck_assert_uint_gt(n, last);
	/* The others, both values or the newer one; the old value of key 55 never. */
	ck_assert_uint_eq(last, 200);
	ck_assert_uint_ge(nb, 100);
	ck_assert_uint_eq(chan(&t, 0)->rx.next, 201);
	ck_assert_uint_eq(chan(&t, 0)->rx.flow.consumed, 2010);
	teardown(&t);
}
END_TEST

START_TEST(recv_buf_last_memory_is_kept_for_the_hole)
{
	static const uint32_t nb[NB_POOLS] = { 1, 1, 16, 16, 1, 1, 8, 1 };
	struct bench t;
	uint64_t n = 1;

	pools_init(&t.pools, nb);
	end_init(&t.e, &t.pools, WINDOW, WINDOW_CHAN, MESSAGE_MAX);
	t.owner = buf_new(MESSAGE_MAX);
	while (part(&t, (struct part){ .message = n, .len = 10 }) == 0)
		n++;
	ck_assert_uint_eq(n, 15);
	ck_assert_uint_eq(t.e.chs.flow_rx.charged, 140);
	/* Refused frames changed nothing and are welcome later. */
	ck_assert_int_eq(part(&t, (struct part){ .message = n, .len = 10 }), AEF_ERR_FULL);
	ck_assert_int_eq(part(&t, (struct part){ .message = 0, .len = 10 }), 0);
	for (uint64_t i = 0; i < 15; i++)
		ck_assert_uint_eq(take(&t), i);
	ck_assert_int_eq(part(&t, (struct part){ .message = n, .len = 10 }), 0);
	ck_assert_uint_eq(take(&t), 15);
	teardown(&t);
}
END_TEST

START_TEST(recv_buf_segments_outlive_the_connection)
{
	struct bench t;
	struct quantum_msg msg;

	setup(&t);
	ck_assert_int_eq(part(&t, (struct part){ .len = 10, .total = 20 }), 0);
	ck_assert_int_eq(part(&t, (struct part){ .offset = 10, .len = 10, .total = 20 }), 0);
	ck_assert(quantum_chans_poll(&t.e.chs, &msg));
	ck_assert_uint_eq(msg.nb_segs, 2);
	end_fini(&t.e);
	for (const struct quantum_seg *s = msg.segs; s != NULL; s = s->next)
		buf_put(NULL, s->slice.owner);
	quantum_chans_free_segs(&t.pools.face, &msg);
	teardown(&t);
}
END_TEST

TEST_SUITE(recv_buf, &recv_buf_ordered_channel_waits_for_the_hole,
           &recv_buf_unordered_channel_delivers_at_once_and_only_once,
           &recv_buf_random_overlapping_fragments_give_each_byte_once,
           &recv_buf_peer_that_breaks_a_rule_is_named, &recv_buf_expired_that_lies_is_named,
           &recv_buf_bytes_beyond_credit_are_refused,
           &recv_buf_hostile_fragments_hold_no_more_than_window_and_budget,
           &recv_buf_expired_settles_exactly_what_never_came,
           &recv_buf_latest_channel_never_goes_back,
           &recv_buf_latest_channel_with_too_many_keys_waits_but_loses_none,
           &recv_buf_last_memory_is_kept_for_the_hole, &recv_buf_segments_outlive_the_connection)
