/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>

#include "harness.h"
#include "rig.h"

static void
send_text(struct client *client, uint16_t channel, const char *text)
{
	ck_assert_int_eq(client_send(client, channel, text, (uint32_t)strlen(text), NULL), 0);
}

static void
expect_text(struct rig *r, struct client **client, const char *text)
{
	struct client_msg msg;

	rig_message(r, client, &msg);
	ck_assert_uint_eq(msg.len, strlen(text));
	ck_assert_mem_eq(msg.data, text, msg.len);
	client_msg_release(*client, &msg);
	client_msg_release(*client, &msg);
}

START_TEST(client_message_goes_both_ways)
{
	struct rig r;

	rig_init(&r);
	rig_connect(&r);
	send_text(r.client, 3, "there");
	expect_text(&r, &r.peer, "there");
	send_text(r.peer, 4, "and back");
	expect_text(&r, &r.client, "and back");
	ck_assert_int_eq(client_state(r.client), CLIENT_OPEN);
	ck_assert_uint_eq(client_peer(r.client).port, client_listener_port(r.listener));
	ck_assert_uint_eq(client_peer(r.peer).port, client_port(r.client));
	rig_close(&r);
}
END_TEST

START_TEST(client_message_queued_while_connecting_arrives)
{
	struct rig r;
	struct client_msg msg;

	rig_init(&r);
	rig_open(&r);
	ck_assert_int_eq(client_send(r.client, 0, "x", 1, NULL), AEF_ERR_STATE);
	rig_dial(&r);
	send_text(r.client, 0, "early");
	rig_message(&r, &r.peer, &msg);
	ck_assert_mem_eq(msg.data, "early", 5);
	client_msg_release(r.peer, &msg);
	rig_close(&r);
}
END_TEST

START_TEST(client_messages_of_all_sizes_arrive_whole)
{
	static uint8_t data[2 << 20];
	static const uint32_t sizes[] = { 0, 1, 1000, 1400, 20000, 65536, 300000, 2 << 20 };
	struct rig r;
	struct client_msg msg;

	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + (i >> 9));
	rig_init(&r);
	rig_connect(&r);
	for (unsigned i = 0; i < AEF_DIM(sizes); i++)
		ck_assert_int_eq(client_send(r.client, 1, data, sizes[i], NULL), 0);
	for (unsigned i = 0; i < AEF_DIM(sizes); i++) {
		rig_message(&r, &r.peer, &msg);
		ck_assert_uint_eq(msg.len, sizes[i]);
		ck_assert_uint_eq(msg.number, i);
		ck_assert_ptr_nonnull(msg.data);
		ck_assert(memcmp(msg.data, data, msg.len) == 0);
		client_msg_release(r.peer, &msg);
	}
	rig_close(&r);
}
END_TEST

START_TEST(client_messages_kept_by_the_application_stay_intact)
{
	struct rig r;
	struct client_msg msgs[100];
	struct client_stats stats;

	rig_init(&r);
	rig_connect(&r);
	for (uint32_t i = 0; i < 100; i++)
		ck_assert_int_eq(client_send(r.client, 0, &i, sizeof(i), NULL), 0);
	for (uint32_t i = 0; i < 100; i++)
		rig_message(&r, &r.peer, &msgs[i]);
	for (uint32_t i = 0; i < 100; i++) {
		ck_assert_mem_eq(msgs[i].data, &i, sizeof(i));
		client_msg_release(r.peer, &msgs[i]);
	}
	client_stats(r.peer, &stats);
	ck_assert_uint_eq(stats.rx_held_bytes, 0);
	ck_assert_uint_eq(stats.conn.rx_msgs, 100);
	rig_close(&r);
}
END_TEST

struct refs {
	unsigned nb_released;
};

static void
released(void *arg, const void *data, uint32_t len)
{
	struct refs *refs = arg;

	(void)data;
	ck_assert_uint_eq(len, 5000);
	refs->nb_released++;
}

START_TEST(client_referenced_memory_is_released_after_the_receipt_or_at_destroy)
{
	static const uint8_t data[5000] = { 1 };
	struct refs refs = { 0 };
	const struct client_ref ref = { data, sizeof(data), released, &refs };
	const struct client_send_opt opt = { .report = true, .cookie = 77 };
	struct rig r;
	struct client_event ev;
	struct client_msg msg;

	rig_init(&r);
	rig_open(&r);
	ck_assert_int_eq(client_send_ref(r.client, 0, &ref, &opt), AEF_ERR_STATE);
	ck_assert_uint_eq(refs.nb_released, 0);
	rig_dial(&r);
	ck_assert_int_eq(client_send_ref(r.client, 0, &ref, &opt), 0);
	rig_message(&r, &r.peer, &msg);
	ck_assert_uint_eq(msg.len, sizeof(data));
	client_msg_release(r.peer, &msg);
	rig_event(&r, &r.client, CLIENT_EVENT_SENT, &ev);
	ck_assert_uint_eq(ev.receipt.cookie, 77);
	ck_assert(!ev.receipt.expired);
	ck_assert_uint_eq(refs.nb_released, 1);
	ck_assert_int_eq(client_send_ref(r.client, 0, &ref, NULL), 0);
	rig_close(&r);
	ck_assert_uint_eq(refs.nb_released, 2);
}
END_TEST

START_TEST(client_full_queue_refuses_then_says_writable)
{
	static uint8_t data[65536];
	struct rig r;
	struct client_event ev;
	unsigned nb = 0, got = 0;
	int err;

	rig_init(&r);
	r.conf.io.conn.queue_bytes_max = 1 << 20;
	rig_connect(&r);
	while ((err = client_send(r.client, 0, data, sizeof(data), NULL)) == 0)
		nb++;
	ck_assert_int_eq(err, AEF_ERR_FULL);
	ck_assert_uint_ge(nb, 8);
	rig_event(&r, &r.client, CLIENT_EVENT_WRITABLE, &ev);
	ck_assert_int_eq(client_send(r.client, 0, data, sizeof(data), NULL), 0);
	for (; got <= nb; got++) {
		struct client_msg msg;

		rig_message(&r, &r.peer, &msg);
		client_msg_release(r.peer, &msg);
	}
	rig_close(&r);
}
END_TEST

START_TEST(client_unread_messages_hold_the_sender_back)
{
	static uint8_t data[65536];
	struct rig r;
	struct client_stats stats;
	struct client_msg msg;
	unsigned nb = 0;

	rig_init(&r);
	r.conf.io.conn.queue_bytes_max = 64u << 20;
	rig_connect(&r);
	while (nb < 320 && client_send(r.client, 0, data, sizeof(data), NULL) == 0)
		nb++;
	ck_assert_uint_eq(nb, 320);
	for (unsigned i = 0; i < 300; i++)
		rig_turn(&r);
	client_stats(r.peer, &stats);
	/* A channel's credit of 1 MiB, in buffers of 2 KiB for some 1400 bytes, and some more. */
	ck_assert_uint_le(stats.rx_held_bytes, 3u << 20);
	ck_assert(!client_drained(r.client));
	for (unsigned i = 0; i < nb; i++) {
		rig_message(&r, &r.peer, &msg);
		client_msg_release(r.peer, &msg);
	}
	rig_close(&r);
}
END_TEST

START_TEST(client_close_delivers_the_queue_first_and_passes_the_code)
{
	static uint8_t data[500000];
	struct rig r;
	struct client_event ev;
	unsigned got = 0;

	rig_init(&r);
	rig_connect(&r);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(client_send(r.client, 0, data, sizeof(data), NULL), 0);
	client_close(r.client, 42, "done", 10 * AEF_NS_PER_S);
	ck_assert_int_eq(client_state(r.client), CLIENT_CLOSING);
	ck_assert_int_eq(client_send(r.client, 0, data, 1, NULL), AEF_ERR_CLOSED);
	do {
		while (client_poll(r.peer, &ev) != 0)
			rig_turn(&r);
		if (ev.type == CLIENT_EVENT_MESSAGE) {
			got++;
			client_msg_release(r.peer, &ev.msg);
		}
	} while (ev.type != CLIENT_EVENT_CLOSED);
	ck_assert_uint_eq(got, 10);
	ck_assert(ev.end.why == QUANTUM_CLOSE_APP && ev.end.by_peer && ev.end.code == 42);
	rig_event(&r, &r.client, CLIENT_EVENT_CLOSED, &ev);
	ck_assert(ev.end.why == QUANTUM_CLOSE_APP && !ev.end.by_peer);
	ck_assert_str_eq(client_error(r.client), "");
	rig_close(&r);
}
END_TEST

static bool
is_over(struct rig *r)
{
	struct client_event ev;

	while (client_poll(r->client, &ev) == 0)
		if (ev.type == CLIENT_EVENT_MESSAGE)
			client_msg_release(r->client, &ev.msg);
	return client_run_once(r->client, 0) == AEF_ERR_CLOSED;
}

START_TEST(client_close_without_flush_abandons_the_queue)
{
	static uint8_t data[1000000];
	struct rig r;

	rig_init(&r);
	rig_connect(&r);
	ck_assert_int_eq(client_send(r.client, 0, data, sizeof(data), NULL), 0);
	client_close(r.client, 1, NULL, 0);
	rig_until(&r, is_over);
	ck_assert(!client_drained(r.client));
	rig_close(&r);
}
END_TEST

START_TEST(client_connects_again_with_a_new_ticket_after_the_end)
{
	struct rig r;
	struct client_event ev;
	struct client_ticket ticket;

	rig_init(&r);
	rig_connect(&r);
	ck_assert_int_eq(client_listener_ticket(r.listener, 1000, &ticket), 0);
	ck_assert_int_eq(client_connect(r.client, &ticket), AEF_ERR_STATE);
	client_close(r.client, 0, NULL, 0);
	rig_until(&r, is_over);
	client_destroy(r.peer);
	r.peer = NULL;
	rig_dial(&r);
	rig_event(&r, &r.client, CLIENT_EVENT_OPEN, &ev);
	send_text(r.client, 0, "again");
	expect_text(&r, &r.peer, "again");
	rig_close(&r);
}
END_TEST

START_TEST(client_without_a_server_ends_with_a_sentence)
{
	struct rig r;
	struct client_event ev;

	rig_init(&r);
	r.conf.io.conn.handshake_ns = 300 * AEF_NS_PER_MS;
	rig_open(&r);
	client_listener_destroy(r.listener);
	r.listener = NULL;
	rig_dial(&r);
	rig_event(&r, &r.client, CLIENT_EVENT_CLOSED, &ev);
	ck_assert_int_eq(ev.end.why, QUANTUM_CLOSE_HANDSHAKE);
	ck_assert_msg(strstr(client_error(r.client), "nothing listens at 127.0.0.1:") != NULL, "%s",
	              client_error(r.client));
	ck_assert_int_eq(client_run_once(r.client, 0), AEF_ERR_CLOSED);
	ck_assert_int_eq(client_send(r.client, 0, "x", 1, NULL), AEF_ERR_CLOSED);
	rig_close(&r);
}
END_TEST

START_TEST(client_expired_ticket_is_refused)
{
	struct rig r;
	struct client_event ev;
	struct client_ticket ticket;

	rig_init(&r);
	r.conf.io.conn.handshake_ns = 300 * AEF_NS_PER_MS;
	rig_open(&r);
	ck_assert_int_eq(client_listener_ticket(r.listener, 1000, &ticket), 0);
	ticket.token[30] ^= 1;
	ck_assert_int_eq(client_connect(r.client, &ticket), 0);
	rig_event(&r, &r.client, CLIENT_EVENT_CLOSED, &ev);
	ck_assert_int_eq(ev.end.why, QUANTUM_CLOSE_HANDSHAKE);
	ck_assert_uint_gt(client_listener_verdicts(r.listener)[QUANTUM_VERDICT_BAD_TOKEN], 0);
	rig_close(&r);
}
END_TEST

START_TEST(client_bad_addresses_are_refused_with_a_sentence)
{
	static const char *const bad[] = { NULL, "", "nowhere", "127.0.0.1:0", "name.invalid:5" };
	struct client_conf conf;
	struct client *client = NULL;
	char why[200];

	client_conf_default(&conf);
	for (unsigned i = 0; i < AEF_DIM(bad); i++) {
		why[0] = '\0';
		conf.server = bad[i];
		ck_assert_int_lt(client_create(&conf, &client, why, sizeof(why)), 0);
		ck_assert_msg(why[0] != '\0', "%u", i);
	}
	conf.server = "127.0.0.1:5";
	conf.local = "203.0.113.1:0";
	ck_assert_int_eq(client_create(&conf, &client, why, sizeof(why)), AEF_ERR_IO);
	ck_assert_int_eq(client_create(&conf, &client, NULL, 0), AEF_ERR_IO);
	ck_assert_ptr_null(client);
	client_destroy(NULL);
}
END_TEST

START_TEST(client_loss_of_a_tenth_both_ways_loses_nothing)
{
	enum { MSGS = 3000 };
	struct rig r;
	struct client_msg msg;
	struct client_stats stats;
	const char *seed = getenv("AEF_SEED");

	rig_init(&r);
	aef_rng_init(&r.rng, seed != NULL ? strtoull(seed, NULL, 10) : 7);
	r.loss_ppm = 100000;
	r.conf.io.filter = rig_lossy;
	r.conf.io.filter_arg = &r;
	rig_connect(&r);
	for (uint32_t i = 0; i < MSGS; i++) {
		uint8_t data[400] = { 0 };

		memcpy(data, &i, sizeof(i));
		ck_assert_int_eq(client_send(r.client, 0, data, sizeof(data), NULL), 0);
	}
	for (uint32_t i = 0; i < MSGS; i++) {
		uint32_t got;

		rig_message(&r, &r.peer, &msg);
		memcpy(&got, msg.data, sizeof(got));
		ck_assert_uint_eq(got, i);
		client_msg_release(r.peer, &msg);
	}
	client_stats(r.client, &stats);
	ck_assert_uint_eq(stats.filtered, r.nb_filtered);
	ck_assert_uint_gt(r.nb_filtered, 20);
	ck_assert_uint_gt(stats.conn.lost_pkts, 0);
	rig_close(&r);
}
END_TEST

START_TEST(client_rebind_moves_the_connection_to_a_new_port)
{
	struct rig r;
	uint16_t was;

	rig_init(&r);
	rig_connect(&r);
	send_text(r.client, 0, "before");
	expect_text(&r, &r.peer, "before");
	was = client_port(r.client);
	ck_assert_int_eq(client_rebind(r.client), 0);
	ck_assert_uint_ne(client_port(r.client), was);
	send_text(r.client, 0, "after");
	expect_text(&r, &r.peer, "after");
	send_text(r.peer, 0, "back");
	expect_text(&r, &r.client, "back");
	ck_assert_int_eq(client_rebind(r.peer), AEF_ERR_STATE);
	rig_close(&r);
}
END_TEST

START_TEST(client_own_loop_by_descriptor_and_timer_works)
{
	struct rig r;
	struct client_event ev;
	bool open = false;

	rig_init(&r);
	rig_open(&r);
	ck_assert(client_timeout_ns(r.client) == UINT64_MAX);
	rig_dial(&r);
	ck_assert_uint_eq(client_timeout_ns(r.client), 0); /* SYN is due */
	for (unsigned i = 0; i < 5000 && !open; i++) {
		struct pollfd fds[2] = { { .fd = client_fd(r.client), .events = POLLIN },
			                 { .fd = client_listener_fd(r.listener),
			                   .events = POLLIN } };
		const uint64_t ns = aef_min_u64(client_timeout_ns(r.client),
		                                client_listener_timeout_ns(r.listener));

		ck_assert_int_ge(poll(fds, 2, (int)aef_min_u64(ns / AEF_NS_PER_MS, 1000)), 0);
		ck_assert_int_eq(client_run_once(r.client, 0), 0);
		ck_assert_int_eq(client_listener_run_once(r.listener, 0), 0);
		while (client_poll(r.client, &ev) == 0)
			open |= ev.type == CLIENT_EVENT_OPEN;
	}
	ck_assert(open);
	rig_close(&r);
}
END_TEST

START_TEST(client_channel_kinds_reach_the_receiver)
{
	static const uint8_t orders[] = { WIRE_ORDERED, WIRE_UNORDERED, WIRE_LATEST };
	struct rig r;
	struct client_msg msg;

	rig_init(&r);
	rig_open(&r);
	ck_assert_int_eq(client_channel(r.client, 0, &(struct quantum_chan_conf){ .order = 0 }),
	                 AEF_ERR_STATE);
	rig_dial(&r);
	for (uint16_t i = 0; i < AEF_DIM(orders); i++) {
		const struct quantum_chan_conf conf = { .order = orders[i], .weight = 1 };
		const struct client_send_opt opt = { .key = 5u + i };

		ck_assert_int_eq(client_channel(r.client, i, &conf), 0);
		ck_assert_int_eq(client_send(r.client, i, "v", 1, &opt), 0);
	}
	for (unsigned i = 0; i < AEF_DIM(orders); i++) {
		rig_message(&r, &r.peer, &msg);
		ck_assert_uint_lt(msg.channel, AEF_DIM(orders));
		ck_assert_uint_eq(msg.order, orders[msg.channel]);
		if (msg.order == WIRE_LATEST)
			ck_assert_uint_eq(msg.key, 7);
		client_msg_release(r.peer, &msg);
	}
	rig_close(&r);
}
END_TEST

/* ---- callbacks ---- */

struct seen {
	struct client *destroy; /* in the next message */
	unsigned states[5], msgs, receipts;
};

static void
on_state(void *user, struct client *client, enum client_state state)
{
	struct seen *seen = user;

	ck_assert_int_eq(client_state(client), state);
	seen->states[state]++;
}

static void
on_message(void *user, struct client *client, const struct client_msg *msg)
{
	struct seen *seen = user;
	const struct client_send_opt opt = { .report = true };

	seen->msgs++;
	if (msg->data[0] == '1')
		ck_assert_int_eq(client_send(client, msg->channel, "2", 1, &opt), 0);
	if (seen->destroy == client) {
		seen->destroy = NULL;
		client_destroy(client);
	}
}

static void
on_sent(void *user, struct client *client, const struct client_receipt *receipt)
{
	struct seen *seen = user;

	(void)client;
	ck_assert(!receipt->expired);
	seen->receipts++;
}

static const struct client_callbacks cb_none;

static void
on_accept(void *user, struct client *client)
{
	struct client_callbacks cb = {
		.on_state = on_state, .on_message = on_message, .on_sent = on_sent, .user = user
	};

	client_set_callbacks(client, &cb);
}

static struct seen server_seen, client_seen;

static bool
got_answer(struct rig *r)
{
	(void)r;
	return client_seen.msgs == 1 && server_seen.receipts == 1;
}

static bool
server_got_one(struct rig *r)
{
	(void)r;
	return server_seen.msgs == 1;
}

static bool
both_closed(struct rig *r)
{
	(void)r;
	return client_seen.states[CLIENT_CLOSED] == 1 && server_seen.states[CLIENT_CLOSED] == 1;
}

static void
open_with_callbacks(struct rig *r)
{
	client_seen = server_seen = (struct seen){ .msgs = 0 };
	rig_init(r);
	r->conf.use_callbacks = true;
	r->conf.callbacks = (struct client_callbacks){ .on_state = on_state,
		                                       .on_message = on_message,
		                                       .on_sent = on_sent,
		                                       .user = &client_seen };
	r->lconf.on_accept = on_accept;
	r->lconf.user = &server_seen;
	rig_open(r);
	rig_dial(r);
}

START_TEST(client_callbacks_see_states_messages_and_receipts)
{
	struct rig r;

	open_with_callbacks(&r);
	ck_assert_int_eq(client_wait_open(r.client, 0), AEF_ERR_TIMEOUT);
	send_text(r.client, 0, "1");
	rig_until(&r, got_answer);
	ck_assert_uint_eq(client_seen.states[CLIENT_OPEN], 1);
	ck_assert_uint_eq(server_seen.states[CLIENT_OPEN], 1);
	ck_assert_uint_eq(server_seen.msgs, 1);
	client_close(r.client, 0, NULL, AEF_NS_PER_S);
	rig_until(&r, both_closed);
	client_set_callbacks(r.client, &cb_none);
	client_set_callbacks(r.client, NULL);
	rig_close(&r);
}
END_TEST

static bool
nobody_left(struct rig *r)
{
	return server_seen.msgs > 0 && client_listener_nb(r->listener) == 0;
}

static void
destroy_first(void *user, struct client *client)
{
	on_accept(user, client);
	((struct seen *)user)->destroy = client;
}

START_TEST(client_destroyed_in_a_callback_is_freed_when_the_run_ends)
{
	struct rig r;

	open_with_callbacks(&r);
	client_listener_destroy(r.listener);
	client_destroy(r.client);
	r.lconf.on_accept = destroy_first;
	rig_open(&r);
	rig_dial(&r);
	send_text(r.client, 0, "x");
	rig_until(&r, nobody_left);
	rig_close(&r);
}
END_TEST

static void
destroy_at_closing(void *user, struct client *client, enum client_state state)
{
	struct seen *seen = user;

	seen->states[state]++;
	if (state == CLIENT_OPEN)
		ck_assert_int_eq(client_send(client, 0, "x", 1, NULL), 0);
	if (seen->destroy != NULL && state == CLIENT_CLOSED) {
		seen->destroy = NULL;
		client_destroy(client);
	}
}

START_TEST(client_destroyed_inside_shutdown_is_freed_once)
{
	struct rig r;

	open_with_callbacks(&r);
	r.conf.callbacks.on_state = destroy_at_closing;
	client_set_callbacks(r.client, &r.conf.callbacks);
	rig_until(&r, server_got_one);
	client_seen.destroy = r.client;
	(void)client_shutdown(r.client, 0, NULL, 0);
	r.client = NULL;
	ck_assert_uint_eq(client_seen.states[CLIENT_CLOSED], 1);
	rig_close(&r);
}
END_TEST

START_TEST(client_close_reasons_all_have_a_phrase)
{
	for (int why = QUANTUM_CLOSE_NONE; why <= QUANTUM_CLOSE_RESOURCES; why++)
		ck_assert_uint_gt(strlen(client_close_text((enum quantum_close)why)), 10);
	ck_assert_str_eq(client_close_text((enum quantum_close)99), "of an unknown reason");
}
END_TEST

TEST_SUITE(client, &client_message_goes_both_ways, &client_message_queued_while_connecting_arrives,
           &client_messages_of_all_sizes_arrive_whole,
           &client_messages_kept_by_the_application_stay_intact,
           &client_referenced_memory_is_released_after_the_receipt_or_at_destroy,
           &client_full_queue_refuses_then_says_writable,
           &client_unread_messages_hold_the_sender_back,
           &client_close_delivers_the_queue_first_and_passes_the_code,
           &client_close_without_flush_abandons_the_queue,
           &client_connects_again_with_a_new_ticket_after_the_end,
           &client_without_a_server_ends_with_a_sentence, &client_expired_ticket_is_refused,
           &client_bad_addresses_are_refused_with_a_sentence,
           &client_loss_of_a_tenth_both_ways_loses_nothing,
           &client_rebind_moves_the_connection_to_a_new_port,
           &client_own_loop_by_descriptor_and_timer_works, &client_channel_kinds_reach_the_receiver,
           &client_callbacks_see_states_messages_and_receipts,
           &client_destroyed_in_a_callback_is_freed_when_the_run_ends,
           &client_destroyed_inside_shutdown_is_freed_once, &client_close_reasons_all_have_a_phrase)
