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
	ck_assert_int_eq(pair_hand(&p, true, first, len), QUANTUM_VERDICT_ACK_ENDED);
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

/* One ACK, verified and not gone further: what a driver hands to another thread. */
struct verified {
	struct quantum_accept accept;
	struct quantum_conn *conn;
	uint8_t data[WIRE_MTU_BASE], out[WIRE_MTU_BASE];
	struct quantum_tx reply;
};

static enum quantum_verdict
verify(struct verified *v, const struct pair_tap *ack)
{
	const struct quantum_now now = { p.now_ns, PAIR_UNIX };
	struct quantum_rx rx = { .data = v->data, .len = ack->len, .from = p.client_addr };

	memcpy(v->data, ack->data, ack->len);
	v->reply = (struct quantum_tx){ .data = v->out, .cap = sizeof(v->out) };
	return quantum_server_on_ack(p.srv, &rx, &now, &v->accept, &v->conn, &v->reply);
}

static int
make_conn(struct verified *v)
{
	const struct quantum_now now = { p.now_ns, PAIR_UNIX };

	ck_assert_int_eq(quantum_accept_derive(crypto_null_provider(), &v->accept), 0);
	return quantum_server_accept(p.srv, &v->accept, &now, &p.server.conn);
}

static bool
holds_no_secret(const struct quantum_accept *accept)
{
	static const struct quantum_accept_secrets zero;
	static const uint8_t no_psk[32];

	return memcmp(&accept->secrets, &zero, sizeof(zero)) == 0 &&
	       memcmp(accept->token.psk, no_psk, sizeof(no_psk)) == 0;
}

/* Slot or pool taken between the look at it and the connection's birth: the token is unused again.
 */
START_TEST(server_accept_without_room_gives_the_token_back_and_leaks_nothing)
{
	const struct pair_tap *ack = held_ack(17);
	struct verified v;
	struct aef_guuid cid[8];

	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(quantum_table_add(&p.table, &cid[i], 1000, &cid[i]), 0);
	ck_assert_int_eq(make_conn(&v), AEF_ERR_FULL);
	ck_assert(holds_no_secret(&v.accept));
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_BUSY);
	quantum_table_remove(&p.table, &cid[0]);

	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	while (aef_pool_get(&p.server.env->replays) != NULL)
		;
	ck_assert_int_eq(make_conn(&v), AEF_ERR_FULL);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_BUSY);
	p.server.env->replays.in_use = 0; /* the rest of the memory is dropped with the env */

	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	while (aef_pool_get(&p.server.env->conns) != NULL)
		;
	ck_assert_int_eq(make_conn(&v), AEF_ERR_FULL);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_BUSY);
	p.server.env->conns.in_use = 0;
	ck_assert_uint_eq(quantum_server_pending(p.srv), 0);
	pair_fini(&p);
}
END_TEST

/* While keys are derived elsewhere a repeated ACK is ignored; then it finds its connection.
 */
START_TEST(server_repeated_ack_of_a_pending_handshake_changes_nothing)
{
	const struct pair_tap *ack = held_ack(19);
	struct verified v, again;

	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_int_eq(verify(&again, ack), QUANTUM_VERDICT_ACK_PENDING);
		ck_assert_uint_eq(again.reply.len, 0);
		ck_assert(holds_no_secret(&again.accept));
	}
	ck_assert_uint_eq(quantum_server_pending(p.srv), 1);
	ck_assert_int_eq(make_conn(&v), 0);
	ck_assert(holds_no_secret(&v.accept));
	ck_assert_uint_eq(quantum_server_pending(p.srv), 0);
	ck_assert_int_eq(verify(&again, ack), QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK);
	ck_assert_ptr_eq(again.conn, p.server.conn);
	pair_run(&p, 300 * MS); /* the client repeats its ACK until it hears ACCEPT */
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);
}
END_TEST

/* Room that is promised to an ACK whose keys are being derived is not given to another. */
START_TEST(server_reserves_room_for_pending_handshakes)
{
	const struct pair_tap *ack = held_ack(20);
	struct verified v, other;
	struct aef_guuid cid[7];

	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	for (unsigned i = 0; i < 7; i++)
		ck_assert_int_eq(quantum_table_add(&p.table, &cid[i], 1000, &cid[i]), 0);
	p.filter = drop_ack;
	pair_connect(&p);
	pair_run(&p, 50 * MS);
	p.filter = NULL;
	ck_assert_int_eq(verify(&other, ack), QUANTUM_VERDICT_BUSY);
	ck_assert_uint_eq(other.data[0], 'Q');
	ck_assert_int_eq(make_conn(&v), 0);
	for (unsigned i = 0; i < 7; i++)
		quantum_table_remove(&p.table, &cid[i]);
	pair_fini(&p);
}
END_TEST

static void
ck_busy(const struct quantum_tx *reply, unsigned reason)
{
	struct wire_busy busy;

	ck_assert_uint_eq(reply->len, WIRE_BUSY_BYTES);
	ck_assert_int_eq(wire_busy_decode(reply->data, &busy), 0);
	ck_assert_uint_eq(busy.reason, reason);
	ck_assert_uint_ge(busy.retry_after_ms, 1000);
	ck_assert_uint_lt(busy.retry_after_ms, 2000);
}

/* Each reason on the wire; the token stays unused, also after it was consumed. */
START_TEST(server_says_why_it_is_busy_and_leaves_the_token_unused)
{
	const struct pair_tap *ack = held_ack(21);
	struct verified v;

	quantum_server_set_busy(p.srv, QUANTUM_BUSY_QUEUE);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_BUSY_QUEUE);
	ck_busy(&v.reply, 2);
	quantum_server_set_busy(p.srv, QUANTUM_BUSY_SHUTDOWN);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_BUSY_SHUTDOWN);
	ck_busy(&v.reply, 3);
	quantum_server_set_busy(p.srv, QUANTUM_BUSY_NO);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(quantum_server_refuse(p.srv, &v.accept, QUANTUM_BUSY_QUEUE, &v.reply),
	                 QUANTUM_VERDICT_BUSY_QUEUE);
	ck_busy(&v.reply, 2);
	ck_assert(holds_no_secret(&v.accept));
	ck_assert_uint_eq(quantum_server_pending(p.srv), 0);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(make_conn(&v), 0);
	pair_fini(&p);
}
END_TEST

/* A handshake that came to nothing has used its token up all the same. */
START_TEST(server_abandoned_handshake_keeps_its_token_used)
{
	const struct pair_tap *ack = held_ack(22);
	struct verified v;

	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	quantum_server_abandon(p.srv, &v.accept);
	ck_assert(holds_no_secret(&v.accept));
	ck_assert_uint_eq(quantum_server_pending(p.srv), 0);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACK_ENDED);
	p.now_ns += 36 * AEF_NS_PER_S; /* its entry has been freed: the token itself has expired */
	ck_assert_int_eq(give(ack), QUANTUM_VERDICT_BAD_TOKEN);
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
           &server_accept_without_room_gives_the_token_back_and_leaks_nothing,
           &server_repeated_ack_of_a_pending_handshake_changes_nothing,
           &server_reserves_room_for_pending_handshakes,
           &server_says_why_it_is_busy_and_leaves_the_token_unused,
           &server_abandoned_handshake_keeps_its_token_used,
           &server_token_of_a_connection_is_readable_without_its_secret,
           &server_derive_refuses_a_low_order_key)
