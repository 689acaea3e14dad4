/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

static struct pair p;
static const uint8_t ping[] = { WIRE_FRAME_PING };
static const struct pair_craft plain = { 0 };

static void
start(uint64_t seed)
{
	pair_init(&p, seed);
	p.conf.pmtud = false;
	pair_establish(&p);
	pair_run(&p, 500 * MS);
}

/* The bytes of these messages are not the pattern that pair_poll() checks. */
static void
drop_unread(void)
{
	quantum_recv_drop_ready(&p.server.conn->chans);
}

/* What the server must have closed with, and that the client hears it. */
static void
must_close(enum quantum_close why)
{
	struct quantum_event ev;

	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, why);
	ck_assert(!ev.closed.by_peer);
	pair_run(&p, 200 * MS);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, why);
	ck_assert(ev.closed.by_peer);
	pair_fini(&p);
}

/* A packet with valid keys and broken frames closes the connection.
 */
START_TEST(conn_rx_broken_frames_close_with_protocol)
{
	static const struct {
		uint8_t len;
		uint8_t bytes[40];
	} cases[] = {
		{ 1, { 0x0e } },       /* unknown type */
		{ 2, { 0x01, 0x7f } }, /* behind a good one */
		{ 1, { 0x30 } },
		{ 3, { 0x09, 1, 2 } },                               /* cut short */
		{ 2, { 0x01, 0x02 } },                               /* ACK_INFO not first */
		{ 4, { 0x01, 0x02, 0x00, 0x00 } },                   /* the same, whole */
		{ 3, { 0x01, 0x03, 0x01 } },                         /* FLOOR not first */
		{ 5, { 0x02, 0x00, 0x02, 0x00, 0x01 } },             /* ACK_INFO twice */
		{ 5, { 0x03, 0x00, 0x03, 0x00, 0x01 } },             /* FLOOR twice */
		{ 5, { 0x03, 0x00, 0x02, 0x00, 0x01 } },             /* ACK_INFO behind FLOOR */
		{ 5, { 0x03, 0x80, 0xff, 0xff, 0xff } },             /* FLOOR above its packet */
		{ 2, { 0x02, 0x10 } },                               /* bit that must be zero */
		{ 2, { 0x02, 0x01 } },                               /* bits promise a delay */
		{ 4, { 0x23, 0x00, 0x00, 0x00 } },                   /* order 3 */
		{ 6, { 0x24, 0x00, 0x00, 0x05, 0x05, 0x00 } },       /* empty fragment */
		{ 7, { 0x24, 0x00, 0x00, 0x05, 0x05, 0x01, 0x01 } }, /* outside its message */
		{ 4, { 0x0c, 0x00, 0x00, 0x0a } },                   /* source 10 */
		{ 6, { 0x0d, 0x00, 0x00, 0x0b, 0x01, 0x00 } },       /* k = 11 */
	};

	for (unsigned i = 0; i < AEF_DIM(cases); i++) {
		start(100 + i);
		ck_assert_int_ne(pair_inject(&p, true, &plain, cases[i].bytes, cases[i].len),
		                 QUANTUM_VERDICT_ACCEPTED);
		must_close(QUANTUM_CLOSE_PROTOCOL);
	}
}
END_TEST

/* Any run of PADDING; a datagram of one byte of payload. */
START_TEST(conn_rx_padding_is_taken_and_asks_for_no_answer)
{
	static const uint8_t zeros[1000];
	uint64_t before;

	start(2);
	before = p.nb_to_client;
	ck_assert_int_eq(pair_inject(&p, true, &plain, zeros, sizeof(zeros)),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(pair_inject(&p, true, &plain, zeros, 1), QUANTUM_VERDICT_ACCEPTED);
	/* PSH on a passive packet is ignored. */
	ck_assert_int_eq(
		pair_inject(&p, true, &(struct pair_craft){ .flags = WIRE_FLAG_PSH }, zeros, 1),
		QUANTUM_VERDICT_ACCEPTED);
	pair_run(&p, AEF_NS_PER_S);
	ck_assert_uint_eq(p.nb_to_client, before);
	pair_fini(&p);
}
END_TEST

/* Never sent, or skipped on purpose: only a liar acknowledges it. */
START_TEST(conn_rx_ack_of_a_number_never_sent_closes)
{
	struct pair_craft craft = { .has_ack = true };

	start(3);
	craft.ack = (uint32_t)quantum_rtx_pn_peek(&p.server.conn->rtx) + 1;
	ck_assert_int_eq(pair_inject(&p, true, &craft, ping, 1), QUANTUM_VERDICT_BAD_ACK);
	must_close(QUANTUM_CLOSE_PROTOCOL);

	start(4);
	craft = (struct pair_craft){ .nb_sacks = 1 };
	aef_store_be32(craft.sacks, (uint32_t)quantum_rtx_pn_peek(&p.server.conn->rtx) + 3);
	aef_store_be32(craft.sacks + 4, (uint32_t)quantum_rtx_pn_peek(&p.server.conn->rtx) + 4);
	ck_assert_int_eq(pair_inject(&p, true, &craft, ping, 1), QUANTUM_VERDICT_BAD_ACK);
	must_close(QUANTUM_CLOSE_PROTOCOL);
}
END_TEST

START_TEST(conn_rx_ack_of_a_skipped_number_closes)
{
	struct pair_craft craft = { .has_ack = true };

	start(5);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&p.server.conn->rtx,
	                                        quantum_rtx_pn_peek(&p.server.conn->rtx) + 3),
	                 0);
	craft.ack = (uint32_t)quantum_rtx_pn_peek(&p.server.conn->rtx);
	ck_assert_int_eq(pair_inject(&p, true, &craft, ping, 1), QUANTUM_VERDICT_BAD_ACK);
	must_close(QUANTUM_CLOSE_PROTOCOL);
}
END_TEST

/* Past the credit: FLOW. */
START_TEST(conn_rx_data_past_the_credit_closes_with_flow)
{
	uint8_t frame[1100] = { 0x20, 0, 0, 0x44, 0x00 }; /* 1,024 bytes */
	enum quantum_verdict verdict = QUANTUM_VERDICT_ACCEPTED;

	pair_init(&p, 6);
	p.conf.pmtud = false;
	p.conf.limits.credit_channel_bytes = 1; /* is raised to 16,384 */
	p.conf.limits.credit_bytes = 1;
	pair_establish(&p);
	for (unsigned i = 0; i < 16; i++) {
		ck_assert_int_eq(verdict, QUANTUM_VERDICT_ACCEPTED);
		frame[2] = (uint8_t)i;
		verdict = pair_inject(&p, true, &plain, frame, 5 + 1024);
	}
	ck_assert_int_eq(verdict, QUANTUM_VERDICT_ACCEPTED);
	frame[2] = 16;
	ck_assert_int_eq(pair_inject(&p, true, &plain, frame, 5 + 1024), QUANTUM_VERDICT_PROTOCOL);
	drop_unread();
	must_close(QUANTUM_CLOSE_FLOW);
}
END_TEST

/* A message number outside the window. */
START_TEST(conn_rx_message_outside_the_window_closes)
{
	const uint8_t frame[] = { 0x20, 0x00, 0x50, 0x01, 0x01, 0xaa }; /* message 4097 */

	start(7);
	ck_assert_int_eq(pair_inject(&p, true, &plain, frame, sizeof(frame)),
	                 QUANTUM_VERDICT_PROTOCOL);
	must_close(QUANTUM_CLOSE_PROTOCOL);
}
END_TEST

/* ACCEPT is the server's alone, and names one S. */
START_TEST(conn_rx_accept_from_a_client_or_of_another_id_closes)
{
	uint8_t frame[128];
	struct aef_writer w = aef_writer_make(frame, sizeof(frame));
	struct aef_guuid other = { .b = { 1 } };
	struct quantum_event ev;

	start(8);
	wire_accept_encode(&w, &other, p.client.conn->reset_token, &p.conf.limits);
	ck_assert_int_eq(pair_inject(&p, false, &plain, frame, (size_t)(w.p - frame)),
	                 QUANTUM_VERDICT_PROTOCOL);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	pair_fini(&p);
	start(9);
	ck_assert_int_eq(pair_inject(&p, true, &plain, frame, (size_t)(w.p - frame)),
	                 QUANTUM_VERDICT_PROTOCOL);
	must_close(QUANTUM_CLOSE_PROTOCOL);
}
END_TEST

/* A copy is dropped; so is a number below the window; a forged tag changes nothing.
 */
START_TEST(conn_rx_copies_and_old_numbers_are_dropped_and_forgeries_change_nothing)
{
	uint8_t data[WIRE_MTU_BASE];
	uint64_t end;
	struct pair_craft old = { 0 };

	start(10);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
	pair_run(&p, 100 * MS);
	const struct pair_tap *t = &p.tap[PAIR_TO_SERVER][WIRE_CLASS_PROTECTED];

	ck_assert_int_eq(pair_hand(&p, true, t->data, t->len), QUANTUM_VERDICT_DUPLICATE);
	end = p.server.conn->acktr.end;
	old.pn = quantum_rtx_pn_peek(&p.client.conn->rtx);
	for (unsigned i = 0; i < 2100; i++)
		quantum_rtx_on_sent_untracked(&p.client.conn->rtx, 0, 1u << 20);
	ck_assert_int_eq(pair_inject(&p, true, &plain, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(pair_inject(&p, true, &old, ping, 1), QUANTUM_VERDICT_OLD);
	ck_assert_uint_gt(p.server.conn->acktr.end, end);

	end = p.server.conn->acktr.end;
	memcpy(data, t->data, t->len);
	aef_store_be32(data + 22, (uint32_t)end + 1000); /* the number is part of the nonce */
	ck_assert_int_eq(pair_hand(&p, true, data, t->len), QUANTUM_VERDICT_BAD_TAG);
	ck_assert_uint_eq(p.server.conn->acktr.end, end);
	/* Flags are only believed behind the tag. */
	memcpy(data, t->data, t->len);
	aef_store_be32(data + 22, (uint32_t)end + 1);
	data[5] ^= WIRE_FLAG_FIN | WIRE_FLAG_FEC | WIRE_FLAG_URG;
	ck_assert_int_eq(pair_hand(&p, true, data, t->len), QUANTUM_VERDICT_BAD_TAG);
	ck_assert(quantum_conn_established(p.server.conn));
	pair_fini(&p);
}
END_TEST

/* At a high rate the window grows: 3,000 numbers late is still no copy. */
START_TEST(conn_rx_replay_window_grows_with_the_rate)
{
	struct pair_craft late = { 0 };

	start(11);
	for (unsigned n = 0; n < 6000; n++) {
		if (n == 3000) {
			late.pn = quantum_rtx_pn_peek(&p.client.conn->rtx);
			quantum_rtx_on_sent_untracked(&p.client.conn->rtx, 0, 1u << 20);
		}
		ck_assert_int_eq(pair_inject(&p, true, &plain, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	}
	ck_assert_uint_ge(crypto_replay_bits(&p.server.conn->replay), 4096);
	ck_assert_int_eq(pair_inject(&p, true, &late, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	pair_fini(&p);
}
END_TEST

static void
start_at(uint64_t seed, uint64_t first_pn)
{
	pair_init(&p, seed);
	p.conf.first_pn = first_pn;
	p.conf.pmtud = false;
	pair_establish(&p);
}

/* Across 2^32 the number on the wire starts again, the real one does not. Planted bug 3. */
START_TEST(conn_rx_copy_after_the_32_bit_wrap_is_no_new_packet)
{
	static uint8_t copy[64][WIRE_MTU_BASE];
	uint32_t len[64];
	unsigned nb = 0;
	uint64_t msgs;
	struct quantum_event ev;

	start_at(12, (1ull << 32) - 200);
	for (unsigned i = 0; i < 64; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 50, 0), 0);
		pair_run(&p, 20 * MS);
		const struct pair_tap *t = &p.tap[PAIR_TO_SERVER][WIRE_CLASS_PROTECTED];

		memcpy(copy[nb], t->data, t->len);
		len[nb++] = t->len;
	}
	ck_assert_uint_lt(p.server.conn->acktr.end, 1ull << 32);
	/* A turn later the wire shows the same low halves, in the same key epoch schedule. */
	for (unsigned i = 0; i < 300; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 50, 0), 0);
		pair_run(&p, 20 * MS);
	}
	ck_assert_uint_gt(p.server.conn->acktr.end, 1ull << 32);
	msgs = p.server.conn->stats.rx_msgs;
	while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
		msgs++;
	ck_assert_uint_eq(msgs, 364);
	for (unsigned i = 0; i < nb; i++)
		ck_assert_int_ne(pair_hand(&p, true, copy[i], len[i]), QUANTUM_VERDICT_ACCEPTED);
	ck_assert(!pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	pair_fini(&p);
}
END_TEST

/*
 * The same 32 bits, a whole turn later: the receiver expands them to the new number, and
 * the tag of the old packet must not fit. Planted bug 3.
 */
START_TEST(conn_rx_packet_replayed_a_whole_turn_later_does_not_verify)
{
	static uint8_t copy[WIRE_MTU_BASE];
	const uint64_t turn = 1ull << 32;
	struct crypto_op op;
	const struct crypto_provider *crypto = crypto_null_provider();
	struct crypto_key key = { .slot = 0 };
	uint8_t tag[16];

	memset(key.key, 5, sizeof(key.key));
	op = (struct crypto_op){
		.key = &key, .pn = 77, .aad = copy, .aad_len = 32, .text = copy + 32, .text_len = 9
	};
	op.tag = tag;
	crypto->seal(crypto->ctx, &op, 1);
	crypto->open(crypto->ctx, &op, 1);
	ck_assert(op.ok);
	op.pn = 77 + turn;
	crypto->open(crypto->ctx, &op, 1);
	ck_assert(!op.ok);
}
END_TEST

/* Numbers cross 2^22: both ends go to the next keys, and data never stops. */
START_TEST(conn_rx_key_epochs_follow_the_numbers)
{
	struct quantum_event ev;
	unsigned nb = 0;

	start_at(13, (1ull << 22) - 40);
	for (unsigned i = 0; i < 200; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 500, 0), 0);
		ck_assert_int_eq(pair_send(&p, &p.server, 0, 500, 0), 0);
		pair_run(&p, 20 * MS);
		while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
			nb++;
		while (pair_poll(&p, &p.client, QUANTUM_EVENT_MESSAGE, &ev))
			nb++;
	}
	ck_assert_uint_eq(nb, 400);
	ck_assert_uint_eq(p.client.conn->keys->tx.epoch, 1);
	ck_assert_uint_eq(p.server.conn->keys->rx.epoch, 1);
	/* The keys of the epoch before live 3 PTO. */
	ck_assert(!p.server.conn->keys->rx.has_prev);
	pair_fini(&p);
}
END_TEST

/* A number of an epoch without keys is dropped before any cryptography. */
START_TEST(conn_rx_number_of_a_far_epoch_is_dropped_without_a_key)
{
	uint8_t data[60] = { 0 };
	struct wire_header hdr = { .version = 1, .payload_len = 12, .seq = 3u << 22 };

	start(14);
	hdr.cid = p.client.conn->cid_s;
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, true, data, sizeof(data)), QUANTUM_VERDICT_NO_KEY);
	ck_assert_uint_eq(p.server.conn->stats.verdicts[QUANTUM_VERDICT_NO_KEY], 1);
	hdr.seq = 1u << 22; /* the next epoch has its key already: a forgery fails at the tag */
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, true, data, sizeof(data)), QUANTUM_VERDICT_BAD_TAG);
	pair_fini(&p);
}
END_TEST

/* A sender may skip numbers to force a new epoch, once it may enter it. */
START_TEST(conn_rx_sender_may_skip_to_the_next_epoch)
{
	struct quantum_event ev;

	start(15);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&p.client.conn->rtx, 1u << 22), 0);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 500, 0), 0);
	pair_run(&p, 500 * MS);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert_uint_eq(p.server.conn->keys->rx.epoch, 1);
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);
}
END_TEST

/* Each class where it does not belong. */
START_TEST(conn_rx_classes_that_do_not_fit_the_state_are_counted_and_dropped)
{
	uint8_t data[WIRE_SYN_BYTES] = { 0 };
	struct wire_header hdr = { .version = 1, .payload_len = 480, .flags = WIRE_FLAG_SYN };

	start(16);
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, false, data, 512), QUANTUM_VERDICT_WRONG_CLASS);
	ck_assert_int_eq(pair_hand(&p, false, data, 511), QUANTUM_VERDICT_BAD_LENGTH);
	ck_assert_int_eq(pair_hand(&p, false, data, 5), QUANTUM_VERDICT_NOT_QUANTUM);
	hdr.flags = WIRE_FLAG_SYN | WIRE_FLAG_RST;
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, false, data, 512), QUANTUM_VERDICT_BAD_FLAGS);
	hdr = (struct wire_header){ .version = 3 };
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, false, data, 512), QUANTUM_VERDICT_BAD_VERSION);
	ck_assert_int_eq(pair_hand(&p, false, p.tap[PAIR_TO_SERVER][WIRE_CLASS_ACK].data,
	                           p.tap[PAIR_TO_SERVER][WIRE_CLASS_ACK].len),
	                 QUANTUM_VERDICT_WRONG_CLASS);
	ck_assert_uint_eq(p.client.conn->stats.verdicts[QUANTUM_VERDICT_WRONG_CLASS], 2);
	pair_fini(&p);
}
END_TEST

/* Longer than 8,972 bytes is dropped whatever it says. */
START_TEST(conn_rx_datagram_beyond_the_largest_is_dropped)
{
	static uint8_t data[WIRE_MTU_MAX + 1];
	const struct wire_header hdr = { .version = 1, .payload_len = WIRE_MTU_MAX + 1 - 48 };
	struct quantum_rx rx = { .data = data, .len = sizeof(data) };

	start(17);
	wire_header_encode(data, &hdr);
	memcpy(data + 6, p.client.conn->cid_s.b, 16);
	ck_assert_int_eq(quantum_conn_rx_prepare(p.server.conn, &rx, p.now_ns),
	                 QUANTUM_VERDICT_BAD_LENGTH);
	pair_fini(&p);
}
END_TEST

/* Later limits never fall below earlier ones. */
START_TEST(conn_rx_lower_limits_are_ignored)
{
	uint8_t frame[64];
	struct aef_writer w = aef_writer_make(frame, sizeof(frame));
	const struct wire_limits low = { .message_bytes_max = 10, .channels_max = 1 };

	start(18);
	wire_limits_encode(&w, &low);
	ck_assert_int_eq(pair_inject(&p, true, &plain, frame, (size_t)(w.p - frame)),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(pair_send(&p, &p.server, 20000, 100000, 0), 0);
	pair_run(&p, AEF_NS_PER_S);
	pair_fini(&p);
}
END_TEST

/* Control frames one by one, valid, from the other end: all taken. */
START_TEST(conn_rx_every_control_frame_is_taken)
{
	uint8_t frame[256];
	struct aef_writer w = aef_writer_make(frame, sizeof(frame));
	static const uint8_t value[8] = { 5 };

	start(19);
	ck_assert_int_eq(pair_send(&p, &p.server, 3, 10, 0), 0);
	aef_write_u8(&w, WIRE_FRAME_PING);
	wire_credit_encode(&w, 100u << 20);
	wire_credit_channel_encode(&w, 3, 50u << 20);
	wire_expired_encode(&w, 2, 0, 0);
	wire_path_encode(&w, WIRE_FRAME_PATH_CHALLENGE, value);
	ck_assert_int_eq(pair_inject(&p, true, &plain, frame, (size_t)(w.p - frame)),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert(p.server.conn->path.response_due);
	pair_run(&p, 100 * MS);
	ck_assert(!p.server.conn->path.response_due);
	pair_fini(&p);
}
END_TEST

/* Failed openings change nothing, up to the number at which the key is worn out. */
START_TEST(conn_rx_failed_openings_are_counted_and_end_the_connection_at_2_to_36)
{
	struct pair_tap forged;
	struct quantum_event ev;

	start(30);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
	pair_run(&p, 5 * MS);
	forged = p.tap[PAIR_TO_SERVER][WIRE_CLASS_PROTECTED];
	forged.data[forged.len - 1] ^= 1;
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(pair_hand(&p, true, forged.data, forged.len),
		                 QUANTUM_VERDICT_BAD_TAG);
	ck_assert_uint_eq(p.server.conn->nb_failed_opens, 1000);
	pair_run(&p, 50 * MS);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
	pair_run(&p, 5 * MS);
	forged = p.tap[PAIR_TO_SERVER][WIRE_CLASS_PROTECTED];
	forged.data[forged.len - 1] ^= 1;
	p.server.conn->nb_failed_opens = (1ull << 36) - 2;
	ck_assert_int_eq(pair_hand(&p, true, forged.data, forged.len), QUANTUM_VERDICT_BAD_TAG);
	ck_assert(quantum_conn_established(p.server.conn));
	ck_assert_int_eq(pair_hand(&p, true, forged.data, forged.len), QUANTUM_VERDICT_BAD_TAG);
	must_close(QUANTUM_CLOSE_PROTOCOL);
}
END_TEST

TEST_SUITE(conn_rx, &conn_rx_broken_frames_close_with_protocol,
           &conn_rx_padding_is_taken_and_asks_for_no_answer,
           &conn_rx_ack_of_a_number_never_sent_closes, &conn_rx_ack_of_a_skipped_number_closes,
           &conn_rx_data_past_the_credit_closes_with_flow,
           &conn_rx_message_outside_the_window_closes,
           &conn_rx_accept_from_a_client_or_of_another_id_closes,
           &conn_rx_copies_and_old_numbers_are_dropped_and_forgeries_change_nothing,
           &conn_rx_replay_window_grows_with_the_rate,
           &conn_rx_copy_after_the_32_bit_wrap_is_no_new_packet,
           &conn_rx_packet_replayed_a_whole_turn_later_does_not_verify,
           &conn_rx_key_epochs_follow_the_numbers,
           &conn_rx_number_of_a_far_epoch_is_dropped_without_a_key,
           &conn_rx_sender_may_skip_to_the_next_epoch,
           &conn_rx_classes_that_do_not_fit_the_state_are_counted_and_dropped,
           &conn_rx_datagram_beyond_the_largest_is_dropped, &conn_rx_lower_limits_are_ignored,
           &conn_rx_every_control_frame_is_taken,
           &conn_rx_failed_openings_are_counted_and_end_the_connection_at_2_to_36)
