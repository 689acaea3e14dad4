/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

static struct pair p;

/* The handshake up to the client's ACK, which is captured and not delivered. */
static bool
drop_ack(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	struct wire_header hdr;

	(void)pair;
	return to_server && wire_classify(data, *len, &hdr) == WIRE_CLASS_ACK;
}

static const struct pair_tap *
held_ack(uint64_t seed)
{
	pair_init(&p, seed);
	p.filter = drop_ack;
	pair_connect(&p);
	pair_run(&p, 50 * MS);
	p.filter = NULL;
	ck_assert_uint_eq(p.tap[PAIR_TO_SERVER][WIRE_CLASS_ACK].nb, 1);
	return &p.tap[PAIR_TO_SERVER][WIRE_CLASS_ACK];
}

static enum quantum_verdict
give(const struct pair_tap *t)
{
	return pair_hand(&p, true, t->data, t->len);
}

static void
pools_are_untouched(void)
{
	for (uint32_t i = 0; i < quantum_env_nb_pools(p.server.env); i++)
		ck_assert_uint_eq(quantum_env_pool(p.server.env, i)->high_water, 0);
	ck_assert_uint_eq(p.table.nb_used, 0);
}

/* The answer is under a quarter of the SYN, and nothing was kept. */
START_TEST(server_answers_syn_with_a_smaller_packet_and_keeps_no_state)
{
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, 0);
	const struct pair_tap *syn = &p.tap[PAIR_TO_SERVER][WIRE_CLASS_SYN];

	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(give(syn), QUANTUM_VERDICT_REPLIED_SYN);

	ck_assert_uint_eq(p.tap[PAIR_TO_CLIENT][WIRE_CLASS_SYN_ACK].len, 116);
	ck_assert_uint_lt(4 * p.tap[PAIR_TO_CLIENT][WIRE_CLASS_SYN_ACK].len, syn->len);
	pools_are_untouched();
	ck_assert_uint_eq(quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_REPLIED_SYN], 1000);
	pair_fini(&p);
}
END_TEST

/* Padding, sequence and ack of a SYN are zero; the GUUID is the token's. */
START_TEST(server_refuses_a_syn_with_anything_out_of_place)
{
	static const unsigned places[] = { 23, 27, 300, 511 };
	uint8_t data[WIRE_SYN_BYTES];

	pair_init(&p, 2);
	pair_connect(&p);
	pair_run(&p, 0);
	const struct pair_tap *syn = &p.tap[PAIR_TO_SERVER][WIRE_CLASS_SYN];

	for (unsigned i = 0; i < AEF_DIM(places); i++) {
		memcpy(data, syn->data, sizeof(data));
		data[places[i]] ^= 1;
		ck_assert_int_eq(pair_hand(&p, true, data, sizeof(data)),
		                 QUANTUM_VERDICT_BAD_LENGTH);
	}
	memcpy(data, syn->data, sizeof(data));
	data[6] ^= 1; /* C */
	ck_assert_int_eq(pair_hand(&p, true, data, sizeof(data)), QUANTUM_VERDICT_BAD_TOKEN);
	memcpy(data, syn->data, sizeof(data));
	data[60] ^= 1; /* inside the token */
	ck_assert_int_eq(pair_hand(&p, true, data, sizeof(data)), QUANTUM_VERDICT_BAD_TOKEN);
	ck_assert_int_eq(pair_hand(&p, true, data, 511), QUANTUM_VERDICT_BAD_LENGTH);
	ck_assert_uint_eq(p.tap[PAIR_TO_CLIENT][WIRE_CLASS_SYN_ACK].nb, 0);
	pair_fini(&p);
}
END_TEST

/* Lengths, cookie, token, MAC: each check comes before what is costlier. */
START_TEST(server_refuses_an_ack_at_the_first_check_that_fails)
{
	static const struct {
		unsigned at;
		enum quantum_verdict verdict;
	} cases[] = {
		{ 32, QUANTUM_VERDICT_BAD_COOKIE },                     /* client random */
		{ 32 + 16 + 188, QUANTUM_VERDICT_BAD_COOKIE },          /* cookie */
		{ 32 + 16 + 188 + 16, QUANTUM_VERDICT_BAD_COOKIE },     /* cookie epoch */
		{ 32 + 16 + 188 + 16 + 1, QUANTUM_VERDICT_BAD_COOKIE }, /* key epoch */
		{ 32 + 16 + 188 + 16 + 2, QUANTUM_VERDICT_BAD_LENGTH }, /* reserved */
		{ 32 + 16 + 60, QUANTUM_VERDICT_BAD_TOKEN },
		{ 32 + 16 + 188 + 16 + 4, QUANTUM_VERDICT_BAD_MAC }, /* public key */
		{ 32 + 16 + 188 + 16 + 4 + 32, QUANTUM_VERDICT_BAD_MAC },
	};
	const struct pair_tap *ack = held_ack(3);
	uint8_t data[WIRE_MTU_BASE];

	for (unsigned i = 0; i < AEF_DIM(cases); i++) {
		memcpy(data, ack->data, ack->len);
		data[cases[i].at] ^= 0x40;
		ck_assert_int_eq(pair_hand(&p, true, data, ack->len), cases[i].verdict);
	}
	pools_are_untouched();
	ck_assert_int_eq(give(ack), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_ptr_nonnull(p.server.conn);
	pair_fini(&p);
}
END_TEST

/* The cookie is bound to address and port: it proves them. */
START_TEST(server_refuses_an_ack_from_another_address)
{
	const struct pair_tap *ack = held_ack(4);

	p.client_addr.port++;
	ck_assert_int_eq(give(ack), QUANTUM_VERDICT_BAD_COOKIE);
	p.client_addr.port--;
	p.client_addr.ip[0]++;
	ck_assert_int_eq(give(ack), QUANTUM_VERDICT_BAD_COOKIE);
	pools_are_untouched();
	pair_fini(&p);
}
END_TEST

/* Keys rotate every 60 s: a cookie outlives one rotation, not two. */
START_TEST(server_takes_a_cookie_of_the_epoch_before_and_no_older_one)
{
	static const uint8_t random[64] = { 77 };
	const struct pair_tap *ack = held_ack(5);

	ck_assert_int_eq(quantum_server_keys_rotate(&p.keys, crypto_null_provider(), random), 0);
	ck_assert_int_eq(give(ack), QUANTUM_VERDICT_ACCEPTED);
	pair_run(&p, 100 * MS);
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);

	ack = held_ack(6);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(
			quantum_server_keys_rotate(&p.keys, crypto_null_provider(), random), 0);
	ck_assert_int_eq(give(ack), QUANTUM_VERDICT_BAD_COOKIE);
	pair_fini(&p);
}
END_TEST

START_TEST(server_refuses_an_expired_token)
{
	const struct pair_tap *ack = held_ack(7);

	p.now_ns += 36 * AEF_NS_PER_S; /* its 30 s and 5 s of skew */
	ck_assert_int_eq(give(ack), QUANTUM_VERDICT_BAD_TOKEN);
	ck_assert_int_eq(give(&p.tap[PAIR_TO_SERVER][WIRE_CLASS_SYN]), QUANTUM_VERDICT_BAD_TOKEN);
	pair_fini(&p);
}
END_TEST

/* The same ACK again reaches the connection that it made, and makes no other. */
START_TEST(server_repeated_ack_reaches_its_connection)
{
	const struct pair_tap *ack = held_ack(8);
	uint8_t first[WIRE_MTU_BASE];
	const uint32_t len = ack->len;

	memcpy(first, ack->data, len);
	ck_assert_int_eq(give(ack), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(pair_hand(&p, true, first, len), QUANTUM_VERDICT_DUPLICATE);
	ck_assert_uint_eq(quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK],
	                  1);
	ck_assert_uint_eq(p.table.nb_used, 1);
	/* After the connection has gone the token stays used. */
	quantum_server_release(p.srv, p.server.conn);
	p.server.conn = NULL;
	ck_assert_int_eq(pair_hand(&p, true, first, len), QUANTUM_VERDICT_TOKEN_USED);
	pair_fini(&p);
}
END_TEST

/* Another handshake with the same token: from the same or another address, both refused. */
START_TEST(server_token_is_used_once)
{
	pair_init(&p, 9);
	pair_establish(&p);
	for (unsigned i = 0; i < 2; i++) {
		p.dialed.random[3]++;
		p.client_addr.port += (uint16_t)i;
		pair_redial(&p);
		pair_run(&p, 60 * MS);
		ck_assert_uint_eq(quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_TOKEN_USED],
		                  i + 1);
		ck_assert(!quantum_conn_established(p.client.conn));
	}
	ck_assert_uint_eq(p.table.nb_used, 1);
	pair_fini(&p);
}
END_TEST

/* When the table of used tokens has no room the ACK is refused, until tokens expire. */
START_TEST(server_full_token_table_refuses)
{
	unsigned nb_full = 0;
	struct quantum_event ev;

	pair_init(&p, 10);
	for (unsigned i = 0; i < 150 && nb_full == 0; i++) {
		p.client_addr.port++;
		pair_connect(&p);
		pair_run(&p, 45 * MS);
		nb_full = (unsigned)quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_TABLE_FULL];
		if (p.server.conn != NULL)
			while (pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev))
				;
		quantum_server_release(p.srv, p.server.conn);
		p.server.conn = NULL;
	}
	ck_assert_uint_eq(nb_full, 1);
	p.now_ns += 40 * AEF_NS_PER_S;
	pair_connect(&p);
	pair_run(&p, 100 * MS);
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);
}
END_TEST

/* BUSY comes after the token verified, leaves it unused, and the client believes it. */
START_TEST(server_without_a_free_slot_says_busy_and_leaves_the_token_unused)
{
	struct quantum_event ev;
	struct aef_guuid cid[8];

	pair_init(&p, 11);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(quantum_table_add(&p.table, &cid[i], 1000, &cid[i]), 0);
	pair_connect(&p);
	pair_run(&p, 200 * MS);

	ck_assert_uint_eq(quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_BUSY], 1);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_BUSY, &ev));
	ck_assert_uint_ge(ev.busy_ms, 1000);
	ck_assert_uint_lt(ev.busy_ms, 2000);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_REFUSED);
	ck_assert(quantum_conn_finished(p.client.conn));
	for (unsigned i = 0; i < 8; i++)
		quantum_table_remove(&p.table, &cid[i]);
	pair_redial(&p);
	pair_run(&p, 200 * MS);
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);
}
END_TEST

/* A server that lost the connection answers with its reset token; the client ends. */
START_TEST(server_that_forgot_a_connection_resets_it)
{
	struct quantum_event ev;

	pair_init(&p, 12);
	pair_establish(&p);
	quantum_server_release(p.srv, p.server.conn);
	p.server.conn = NULL;
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
	pair_run(&p, 300 * MS);

	ck_assert_uint_eq(p.tap[PAIR_TO_CLIENT][WIRE_CLASS_RST].len, 48);
	ck_assert_int_eq(memcmp(p.tap[PAIR_TO_CLIENT][WIRE_CLASS_RST].data + 6,
	                        p.tap[PAIR_TO_SERVER][WIRE_CLASS_PROTECTED].data + 6, 16),
	                 0);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_RESET);
	pair_fini(&p);
}
END_TEST

START_TEST(server_forged_reset_changes_nothing)
{
	uint8_t rst[WIRE_RST_BYTES];
	uint8_t token[WIRE_RESET_BYTES];

	pair_init(&p, 13);
	pair_establish(&p);
	memcpy(token, p.client.conn->reset_token, sizeof(token));
	for (unsigned i = 0; i < 16; i++) {
		token[i] ^= 0x10;
		wire_rst_encode(rst, &p.client.conn->cid_s, token);
		ck_assert_int_eq(pair_hand(&p, false, rst, sizeof(rst)), QUANTUM_VERDICT_BAD_TOKEN);
		token[i] ^= 0x10;
	}
	wire_rst_encode(rst, &p.client.conn->cid_s, token);
	ck_assert_int_eq(pair_hand(&p, true, rst, sizeof(rst)), QUANTUM_VERDICT_WRONG_CLASS);
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);
}
END_TEST

/* At most 100 answers per second; nothing to a packet as short as the reset. */
START_TEST(server_resets_are_limited_in_rate_and_never_longer_than_their_trigger)
{
	struct wire_header hdr = { .version = WIRE_VERSION, .payload_len = 1 };
	uint8_t data[100] = { 0 };

	pair_init(&p, 14);
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, true, data, 48), QUANTUM_VERDICT_BAD_LENGTH);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(pair_hand(&p, true, data, 49), QUANTUM_VERDICT_REPLIED_RESET);
	ck_assert_int_eq(pair_hand(&p, true, data, 49), QUANTUM_VERDICT_RATE_LIMITED);
	p.now_ns += AEF_NS_PER_S;
	ck_assert_int_eq(pair_hand(&p, true, data, 49), QUANTUM_VERDICT_REPLIED_RESET);
	pair_settle(&p);
	pair_fini(&p);
}
END_TEST

/* Long enough and unknown: the versions spoken here, in a small packet, at a limited rate.
 */
START_TEST(server_answers_an_unknown_version_with_its_own)
{
	struct wire_header hdr = { .version = 9, .flags = WIRE_FLAG_SYN };
	uint8_t data[WIRE_SYN_BYTES] = { 0 };

	pair_init(&p, 15);
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, true, data, 511), QUANTUM_VERDICT_BAD_VERSION);
	ck_assert_int_eq(pair_hand(&p, true, data, 512), QUANTUM_VERDICT_REPLIED_VERSION);
	ck_assert_uint_lt(4 * p.tap[PAIR_TO_CLIENT][WIRE_CLASS_VERSION_REPLY].len, 512);
	ck_assert(wire_version_reply_has(p.tap[PAIR_TO_CLIENT][WIRE_CLASS_VERSION_REPLY].data,
	                                 p.tap[PAIR_TO_CLIENT][WIRE_CLASS_VERSION_REPLY].len, 1));
	for (unsigned i = 0; i < 99; i++)
		(void)pair_hand(&p, true, data, 512);
	ck_assert_int_eq(pair_hand(&p, true, data, 512), QUANTUM_VERDICT_RATE_LIMITED);
	pair_fini(&p);
}
END_TEST

/* What is no datagram of ours is dropped without an answer. */
START_TEST(server_stays_silent_to_strangers_and_to_classes_of_a_client)
{
	struct wire_header hdr = { .version = WIRE_VERSION };
	uint8_t data[WIRE_SYN_BYTES] = { 0 };

	pair_init(&p, 16);
	ck_assert_int_eq(pair_hand(&p, true, data, sizeof(data)), QUANTUM_VERDICT_NOT_QUANTUM);
	ck_assert_int_eq(pair_hand(&p, true, data, 0), QUANTUM_VERDICT_NOT_QUANTUM);
	hdr.flags = WIRE_FLAG_SYN | WIRE_FLAG_FIN;
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, true, data, sizeof(data)), QUANTUM_VERDICT_BAD_FLAGS);
	hdr.flags = WIRE_FLAG_RST;
	hdr.payload_len = 16;
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, true, data, 48), QUANTUM_VERDICT_WRONG_CLASS);
	ck_assert_uint_eq(p.nb_to_client, 0);
	pair_fini(&p);
}
END_TEST

/* Slot or pool taken between BUSY's look and the connection's birth: a plain refusal. */
START_TEST(server_accept_without_room_refuses_and_leaks_nothing)
{
	const struct pair_tap *ack = held_ack(17);
	const struct quantum_now now = { p.now_ns, PAIR_UNIX };
	struct quantum_accept accept;
	struct quantum_conn *conn = NULL;
	uint8_t data[WIRE_MTU_BASE], out[WIRE_MTU_BASE];
	struct quantum_rx rx = { .data = data, .len = ack->len, .from = p.client_addr };
	struct quantum_tx reply = { .data = out, .cap = sizeof(out) };
	struct aef_guuid cid[8];

	memcpy(data, ack->data, ack->len);
	ck_assert_int_eq(quantum_server_on_ack(p.srv, &rx, &now, &accept, &conn, &reply),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(quantum_accept_derive(crypto_null_provider(), &accept), 0);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(quantum_table_add(&p.table, &cid[i], 1000, &cid[i]), 0);
	ck_assert_int_eq(quantum_server_accept(p.srv, &accept, &now, &conn), AEF_ERR_FULL);
	quantum_table_remove(&p.table, &cid[0]);
	while (aef_pool_get(&p.server.env->replays) != NULL)
		;
	ck_assert_int_eq(quantum_server_accept(p.srv, &accept, &now, &conn), AEF_ERR_FULL);
	p.server.env->replays.in_use = 0; /* the rest of the memory is dropped with the env */
	while (aef_pool_get(&p.server.env->conns) != NULL)
		;
	ck_assert_int_eq(quantum_server_accept(p.srv, &accept, &now, &conn), AEF_ERR_FULL);
	p.server.env->conns.in_use = 0;
	pair_fini(&p);
}
END_TEST

START_TEST(server_token_of_a_connection_is_readable_without_its_secret)
{
	pair_init(&p, 18);
	pair_establish(&p);
	const struct crypto_token *token = quantum_server_token(p.server.conn);
	static const uint8_t zero[32];

	ck_assert(aef_guuid_eq(&token->conn_id, &p.token.conn_id));
	ck_assert_int_eq(memcmp(token->psk, zero, sizeof(zero)), 0);
	quantum_server_release(p.srv, NULL);
	pair_fini(&p);
}
END_TEST

/* A public key that gives no secret ends the attempt; both ends derive the same keys. */
START_TEST(server_derive_refuses_a_low_order_key)
{
	struct quantum_accept accept = { 0 };

	ck_assert_int_ne(quantum_accept_derive(crypto_null_provider(), &accept), 0);
}
END_TEST

TEST_SUITE(server, &server_answers_syn_with_a_smaller_packet_and_keeps_no_state,
           &server_refuses_a_syn_with_anything_out_of_place,
           &server_refuses_an_ack_at_the_first_check_that_fails,
           &server_refuses_an_ack_from_another_address,
           &server_takes_a_cookie_of_the_epoch_before_and_no_older_one,
           &server_refuses_an_expired_token, &server_repeated_ack_reaches_its_connection,
           &server_token_is_used_once, &server_full_token_table_refuses,
           &server_without_a_free_slot_says_busy_and_leaves_the_token_unused,
           &server_that_forgot_a_connection_resets_it, &server_forged_reset_changes_nothing,
           &server_resets_are_limited_in_rate_and_never_longer_than_their_trigger,
           &server_answers_an_unknown_version_with_its_own,
           &server_stays_silent_to_strangers_and_to_classes_of_a_client,
           &server_accept_without_room_refuses_and_leaks_nothing,
           &server_token_of_a_connection_is_readable_without_its_secret,
           &server_derive_refuses_a_low_order_key)
