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

	for (unsigned i = 1; i < 1000; i++, p.now_ns += 100 * MS)
		ck_assert_int_eq(give(syn), i <= 351 ? QUANTUM_VERDICT_REPLIED_SYN
		                                     : QUANTUM_VERDICT_TOKEN_EXPIRED);

	ck_assert_uint_eq(p.tap[PAIR_TO_CLIENT][WIRE_CLASS_SYN_ACK].len, 116);
	ck_assert_uint_lt(4 * p.tap[PAIR_TO_CLIENT][WIRE_CLASS_SYN_ACK].len, syn->len);
	pools_are_untouched();
	ck_assert_uint_eq(quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_REPLIED_SYN], 351);
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
	ck_assert_int_eq(give(ack), QUANTUM_VERDICT_TOKEN_EXPIRED);
	ck_assert_int_eq(give(&p.tap[PAIR_TO_SERVER][WIRE_CLASS_SYN]),
	                 QUANTUM_VERDICT_TOKEN_EXPIRED);
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

/* 10 SYNs a second for one token from one prefix are answered; a new token has its own. */
START_TEST(server_answers_a_token_from_one_source_ten_times_a_second)
{
	const struct pair_tap *syn;
	unsigned answered = 0;

	pair_init(&p, 50);
	syn = &p.tap[PAIR_TO_SERVER][WIRE_CLASS_SYN];
	pair_connect(&p);
	pair_run(&p, 0);
	for (unsigned i = 0; i < 1000; i++)
		answered += give(syn) == QUANTUM_VERDICT_REPLIED_SYN ? 1 : 0;
	ck_assert_uint_eq(answered, 10);
	ck_assert_uint_eq(quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_RATE_SYN], 990);
	p.client_addr.port++; /* the same prefix */
	ck_assert_int_eq(give(syn), QUANTUM_VERDICT_RATE_SYN);
	p.client_addr.ip[0]++;
	ck_assert_int_eq(give(syn), QUANTUM_VERDICT_REPLIED_SYN);
	p.client_addr.ip[0]--;
	pair_connect(&p);
	pair_run(&p, 0);
	ck_assert_int_eq(give(syn), QUANTUM_VERDICT_REPLIED_SYN);
	pools_are_untouched();
	pair_fini(&p);
}
END_TEST

static void
connect_with_hint(uint8_t family, uint8_t prefix, const uint8_t *addr, size_t len)
{
	pair_connect(&p);
	p.token.addr_family = family;
	p.token.addr_prefix = prefix;
	memcpy(p.token.addr, addr, len);
	pair_seal_token(&p);
	pair_redial(&p);
	pair_run(&p, 100 * MS);
}

/* A token with an address hint opens nothing from elsewhere, IPv4 or IPv6. */
START_TEST(server_takes_a_token_only_from_the_address_that_it_names)
{
	static const uint8_t v4[4] = { 10, 1, 2, 0 }, v6[16] = { 0x20, 1, 0xd, 0xb8 };
	static const struct quantum_addr near4 = { { [10] = 0xff, 0xff, 10, 1, 2, 77 }, 9, 0 };
	static const struct quantum_addr far4 = { { [10] = 0xff, 0xff, 10, 1, 3, 77 }, 9, 0 };
	static const struct quantum_addr near6 = { { 0x20, 1, 0xd, 0xb8, [15] = 7 }, 9, 0 };
	static const struct quantum_addr far6 = { { 0x20, 1, 0xd, 0xb9, [15] = 7 }, 9, 0 };
	static const struct {
		uint8_t family, prefix;
		const uint8_t *hint;
		const struct quantum_addr *from;
		bool fits;
	} cases[] = {
		{ CRYPTO_ADDR_IPV4, 24, v4, &near4, true },
		{ CRYPTO_ADDR_IPV4, 24, v4, &far4, false },
		{ CRYPTO_ADDR_IPV4, 24, v4, &near6, false },
		{ CRYPTO_ADDR_IPV6, 32, v6, &near6, true },
		{ CRYPTO_ADDR_IPV6, 32, v6, &far6, false },
		{ CRYPTO_ADDR_IPV6, 32, v6, &near4, false },
	};
	uint64_t refused = 0;

	for (unsigned i = 0; i < AEF_DIM(cases); i++) {
		pair_init(&p, 60 + i);
		p.client_addr = *cases[i].from;
		connect_with_hint(cases[i].family, cases[i].prefix, cases[i].hint,
		                  cases[i].family == CRYPTO_ADDR_IPV4 ? 4 : 16);
		refused = quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_TOKEN_ADDRESS];
		ck_assert_int_eq(quantum_conn_established(p.client.conn), cases[i].fits);
		ck_assert_int_eq(refused > 0, !cases[i].fits);
		pair_fini(&p);
	}
}
END_TEST

static int open_says;

static int
open_refuses(void *ctx, const uint8_t token[CRYPTO_TOKEN_BYTES], uint64_t now_unix_ms,
             struct crypto_token *ret_token)
{
	(void)ctx;
	(void)token;
	(void)now_unix_ms;
	(void)ret_token;
	return open_says;
}

/* Each reason has its verdict; foreign and revoked epochs are audited. */
START_TEST(server_tells_why_a_token_is_refused_and_audits_epochs)
{
	static const struct {
		int err;
		enum quantum_verdict verdict;
		int audit; /* -1: none */
	} cases[] = {
		{ AEF_ERR_NOTFOUND, QUANTUM_VERDICT_TOKEN_FOREIGN, QUANTUM_AUDIT_TOKEN_FOREIGN },
		{ AEF_ERR_DENIED, QUANTUM_VERDICT_TOKEN_REVOKED, QUANTUM_AUDIT_TOKEN_REVOKED },
		{ AEF_ERR_TIMEOUT, QUANTUM_VERDICT_TOKEN_EXPIRED, -1 },
		{ AEF_ERR_AUTH, QUANTUM_VERDICT_BAD_TOKEN, -1 },
		{ AEF_ERR_MALFORMED, QUANTUM_VERDICT_BAD_TOKEN, -1 },
	};
	struct crypto_provider refusing = *crypto_null_provider();
	const struct pair_tap *ack = held_ack(51);
	struct quantum_audit ev;

	refusing.token_open = open_refuses;
	p.server.env->crypto = &refusing;
	for (unsigned i = 0; i < AEF_DIM(cases); i++) {
		open_says = cases[i].err;
		ck_assert_int_eq(give(&p.tap[PAIR_TO_SERVER][WIRE_CLASS_SYN]), cases[i].verdict);
		if (cases[i].audit >= 0) {
			ck_assert_int_eq(quantum_server_poll_audit(p.srv, &ev), 0);
			ck_assert_int_eq(ev.type, cases[i].audit);
			ck_assert(!ev.proven);
			p.now_ns += 2 * AEF_NS_PER_S;
		}
		ck_assert_int_eq(give(ack), cases[i].verdict);
		if (cases[i].audit >= 0) {
			ck_assert_int_eq(quantum_server_poll_audit(p.srv, &ev), 0);
			ck_assert(ev.proven);
		}
		ck_assert_int_eq(quantum_server_poll_audit(p.srv, &ev), AEF_ERR_AGAIN);
	}
	pools_are_untouched();
	p.server.env->crypto = crypto_null_provider();
	pair_fini(&p);
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
           &server_token_of_a_connection_is_readable_without_its_secret,
           &server_answers_a_token_from_one_source_ten_times_a_second,
           &server_takes_a_token_only_from_the_address_that_it_names,
           &server_tells_why_a_token_is_refused_and_audits_epochs)
