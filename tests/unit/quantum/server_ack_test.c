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
	const struct quantum_now now = { p.now_ns, PAIR_UNIX + (p.now_ns - PAIR_NS) / MS };
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
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_TOKEN_EXPIRED);
	pair_fini(&p);
}
END_TEST

/* Whoever saw an ACK can be first with a copy: it makes nothing, and takes nothing away. */
START_TEST(server_ack_copy_with_changed_frames_makes_no_connection_and_leaves_the_token)
{
	const struct pair_tap *ack = held_ack(31);
	struct pair_tap copy = *ack;
	struct verified v;

	for (unsigned i = WIRE_ACK_TEXT_AT; i < ack->len; i++) {
		copy.data[i] ^= (uint8_t)(1u << (i % 8));
		p.now_ns += 100 * MS; /* its rate is another test's */
		ck_assert_int_eq(verify(&v, &copy), QUANTUM_VERDICT_ACCEPTED);
		ck_assert_int_eq(quantum_accept_derive(crypto_null_provider(), &v.accept),
		                 AEF_ERR_AUTH);
		quantum_server_abandon(p.srv, &v.accept);
		ck_assert(holds_no_secret(&v.accept));
		copy.data[i] = ack->data[i];
	}
	copy.data[23] = 0x80; /* a number of another key epoch */
	ck_assert_int_eq(verify(&v, &copy), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(quantum_accept_derive(crypto_null_provider(), &v.accept), AEF_ERR_AUTH);
	quantum_server_abandon(p.srv, &v.accept);

	ck_assert_uint_eq(quantum_server_pending(p.srv), 0);
	ck_assert_uint_eq(p.table.nb_used, 0);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(make_conn(&v), 0);
	pair_fini(&p);
}
END_TEST

/* Verify and derive; a forged one is abandoned. */
static enum quantum_verdict
work(const struct pair_tap *ack, struct verified *v)
{
	const enum quantum_verdict verdict = verify(v, ack);

	if (verdict == QUANTUM_VERDICT_ACCEPTED &&
	    quantum_accept_derive(crypto_null_provider(), &v->accept) != 0)
		quantum_server_abandon(p.srv, &v->accept);
	return verdict;
}

/* One ACK with a right cookie and MAC does not buy public-key work without end, also not
 * from many sources; the client comes through as soon as there is less of it. */
START_TEST(server_forged_acks_of_one_token_buy_ten_derivations_a_second)
{
	const struct pair_tap *ack = held_ack(34);
	struct pair_tap copy = *ack;
	struct verified v;
	unsigned nb = 0, nb_dropped = 0;

	copy.data[ack->len - 1] ^= 1;
	for (unsigned i = 0; i < 200; i++, p.now_ns += 10 * MS) {
		const enum quantum_verdict verdict = work(&copy, &v);

		nb += verdict == QUANTUM_VERDICT_ACCEPTED;
		nb_dropped += verdict == QUANTUM_VERDICT_RATE_TOKEN;
		ck_assert(holds_no_secret(&v.accept));
		ck_assert_uint_eq(v.reply.len, 0);
	}
	ck_assert_uint_ge(nb, 29);
	ck_assert_uint_le(nb, 30);
	ck_assert_uint_eq(nb + nb_dropped, 200);
	ck_assert_uint_eq(quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_RATE_TOKEN], nb_dropped);
	ck_assert_uint_eq(quantum_server_pending(p.srv), 0);

	p.now_ns += 100 * MS;
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(make_conn(&v), 0);
	pair_fini(&p);
}
END_TEST

/* Three damaged copies of each ACK are there before it, as often as it is sent. */
START_TEST(server_ack_is_worked_on_though_copies_of_it_come_first)
{
	static const unsigned sent_ms[] = { 0,    100,  300,  700,  1100, 1500, 1900,
		                            2300, 2700, 3100, 3500, 3900, 4300, 4700 };
	const struct pair_tap *ack = held_ack(35);
	struct pair_tap copy = *ack;
	const uint64_t start_ns = p.now_ns;
	struct verified v;

	copy.data[ack->len - 1] ^= 1;
	for (unsigned i = 0; i < sizeof(sent_ms) / sizeof(sent_ms[0]); i++) {
		p.now_ns = start_ns + sent_ms[i] * MS;
		for (unsigned k = 0; k < 3; k++)
			(void)work(&copy, &v);
		if (i == 0 || i % 3 == 1) { /* the others are lost on the way */
			ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
			quantum_server_refuse(p.srv, &v.accept, QUANTUM_BUSY_QUEUE, &v.reply);
		}
	}
	p.now_ns += 400 * MS;
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(make_conn(&v), 0);
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

/* 100 a second after a burst of 200, by source prefix; a source that is refused stays so.
 */
START_TEST(server_ack_rate_of_one_prefix_is_limited)
{
	const struct pair_tap *ack = held_ack(30);
	struct verified v;

	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	for (unsigned i = 1; i < 200; i++)
		ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACK_PENDING);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_RATE_ACK);
	ck_assert_uint_eq(v.reply.len, 0);
	p.now_ns += 10 * MS;
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACK_PENDING);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_RATE_ACK);
	pair_fini(&p);
}
END_TEST

/* Many clients behind one address: the operator says how many. */
START_TEST(server_ack_rate_of_one_prefix_may_be_set)
{
	static const uint32_t rates[] = { 1, 5, 1000 };

	for (unsigned i = 0; i < AEF_DIM(rates); i++) {
		const struct pair_tap *ack = held_ack(40 + i);
		struct verified v;

		quantum_server_set_ack_rate(p.srv, rates[i]);
		ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
		for (unsigned n = 1; n < 2 * rates[i]; n++)
			ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACK_PENDING);
		ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_RATE_ACK);
		p.now_ns += AEF_NS_PER_S / rates[i];
		ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACK_PENDING);
		ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_RATE_ACK);
		pair_fini(&p);
	}
}
END_TEST

/* The cookie is judged before the rate: spoofed ACKs use nobody's share up. */
START_TEST(server_ack_with_a_wrong_cookie_costs_its_source_nothing)
{
	const struct pair_tap *ack = held_ack(31);
	struct pair_tap forged = *ack;
	struct verified v;

	forged.data[32] ^= 1;
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(verify(&v, &forged), QUANTUM_VERDICT_BAD_COOKIE);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	pair_fini(&p);
}
END_TEST

/* What a driver asks first takes nothing: no token, no share of the source, no
 * room; only what it turns away is counted. */
START_TEST(server_ack_admit_judges_the_cookie_and_keeps_nothing)
{
	const struct pair_tap *ack = held_ack(33);
	const uint64_t *verdicts = quantum_server_verdicts(p.srv);
	struct pair_tap copy = *ack;
	struct quantum_rx rx = { .data = copy.data, .len = copy.len, .from = p.client_addr };
	struct verified v;

	quantum_server_set_busy(p.srv, QUANTUM_BUSY_QUEUE);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(quantum_server_ack_admit(p.srv, &rx), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_uint_eq(verdicts[QUANTUM_VERDICT_ACCEPTED], 0);
	for (unsigned at = 16 + WIRE_HEADER_BYTES + WIRE_TOKEN_BYTES, i = 0; i < 18; i++) {
		copy.data[at + i] ^= 0x10; /* cookie, its epoch, epoch of the keys */
		ck_assert_int_eq(quantum_server_ack_admit(p.srv, &rx), QUANTUM_VERDICT_BAD_COOKIE);
		copy.data[at + i] ^= 0x10;
	}
	rx.from.port++;
	ck_assert_int_eq(quantum_server_ack_admit(p.srv, &rx), QUANTUM_VERDICT_BAD_COOKIE);
	rx.from.port--;
	ck_assert_uint_eq(verdicts[QUANTUM_VERDICT_BAD_COOKIE], 19);
	for (rx.len = 0; rx.len < WIRE_ACK_TEXT_AT + WIRE_TAG_BYTES; rx.len++)
		ck_assert_int_eq(quantum_server_ack_admit(p.srv, &rx), QUANTUM_VERDICT_BAD_LENGTH);
	ck_assert_uint_eq(quantum_server_pending(p.srv), 0);

	quantum_server_set_busy(p.srv, QUANTUM_BUSY_NO);
	ck_assert_int_eq(verify(&v, ack), QUANTUM_VERDICT_ACCEPTED);
	quantum_server_abandon(p.srv, &v.accept);
	pair_fini(&p);
}
END_TEST

/* One event for a reuse, however often it repeats; it names the session. */
START_TEST(server_ack_of_a_used_token_is_audited_once)
{
	const struct pair_tap *ack;
	struct quantum_audit ev;

	pair_init(&p, 32);
	pair_connect(&p);
	p.token.session_id.b[3] = 0x77;
	pair_seal_token(&p);
	pair_redial(&p);
	pair_run(&p, 100 * MS);
	ck_assert(quantum_conn_established(p.client.conn));
	p.dialed.random[3]++;
	pair_redial(&p);
	pair_run(&p, 2 * AEF_NS_PER_S);
	ack = &p.tap[PAIR_TO_SERVER][WIRE_CLASS_ACK];
	ck_assert_uint_gt(ack->nb, 3);

	ck_assert_int_eq(quantum_server_poll_audit(p.srv, &ev), 0);
	ck_assert_int_eq(ev.type, QUANTUM_AUDIT_TOKEN_REUSED);
	ck_assert(ev.proven);
	ck_assert_uint_eq(ev.session_id.b[3], 0x77);
	ck_assert(quantum_addr_eq(&ev.from, &p.client_addr));
	ck_assert_int_eq(quantum_server_poll_audit(p.srv, &ev), AEF_ERR_AGAIN);
	ck_assert_uint_eq(quantum_server_audit_lost(p.srv), 0);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(server_ack, &server_forged_acks_of_one_token_buy_ten_derivations_a_second,
           &server_ack_is_worked_on_though_copies_of_it_come_first,
           &server_ack_copy_with_changed_frames_makes_no_connection_and_leaves_the_token,
           &server_accept_without_room_gives_the_token_back_and_leaks_nothing,
           &server_repeated_ack_of_a_pending_handshake_changes_nothing,
           &server_reserves_room_for_pending_handshakes,
           &server_says_why_it_is_busy_and_leaves_the_token_unused,
           &server_abandoned_handshake_keeps_its_token_used, &server_derive_refuses_a_low_order_key,
           &server_ack_rate_of_one_prefix_is_limited, &server_ack_rate_of_one_prefix_may_be_set,
           &server_ack_with_a_wrong_cookie_costs_its_source_nothing,
           &server_ack_admit_judges_the_cookie_and_keeps_nothing,
           &server_ack_of_a_used_token_is_audited_once)
