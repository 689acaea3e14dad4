/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <base/rng.h>

#include "harness.h"
#include "server_priv.h"

#define UNIX_MS 1750000000000ull

struct fixture {
	void *mem;
	struct token_table table;
	struct aef_guuid cid;
};

static void
set_up(struct fixture *f, uint32_t tokens)
{
	struct aef_rng rng;

	aef_rng_init(&rng, 77);
	f->mem = aligned_alloc(64, (token_table_bytes(tokens) + 63) & ~(size_t)63);
	memset(f->mem, 0, token_table_bytes(tokens));
	token_table_init(&f->table, f->mem, tokens, &rng);
}

static struct quantum_accept
ack_of(uint32_t token, uint32_t handshake)
{
	struct quantum_accept accept = { .token = { .expires_ms = UNIX_MS + 30000 } };

	memcpy(accept.token.nonce, &token, sizeof(token));
	memcpy(accept.ack.client_random, &handshake, sizeof(handshake));
	return accept;
}

static enum token_found
consume(struct fixture *f, struct quantum_accept *accept, uint64_t unix_ms)
{
	const struct quantum_now now = { (unix_ms - UNIX_MS) * AEF_NS_PER_MS + 1, unix_ms };

	return token_table_consume(&f->table, accept, &now, &f->cid);
}

/* The first handshake has it, whatever comes later and from wherever. */
START_TEST(server_token_is_consumed_by_one_handshake)
{
	struct fixture f;
	struct quantum_accept first = ack_of(1, 1), second = ack_of(1, 2), moved = ack_of(1, 1);
	const struct aef_guuid cid = { .b = { 9 } };

	set_up(&f, 64);
	moved.from.port = 7;
	ck_assert_int_eq(consume(&f, &first, UNIX_MS), TOKEN_NEW);
	ck_assert_int_eq(consume(&f, &first, UNIX_MS), TOKEN_OF_PENDING);
	ck_assert_int_eq(consume(&f, &second, UNIX_MS), TOKEN_REUSED);
	token_table_bind(&f.table, &first, &cid);
	ck_assert_int_eq(consume(&f, &first, UNIX_MS), TOKEN_OF_CONN);
	ck_assert(aef_guuid_eq(&f.cid, &cid));
	ck_assert_int_eq(consume(&f, &moved, UNIX_MS), TOKEN_REUSED);
	free(f.mem);
}
END_TEST

/* One event for each handshake that tries, however often it repeats its ACK. */
START_TEST(server_token_reuse_is_told_once_per_handshake)
{
	struct fixture f;
	struct quantum_accept first = ack_of(1, 1), second = ack_of(1, 2), third = ack_of(1, 3);

	set_up(&f, 64);
	ck_assert_int_eq(consume(&f, &first, UNIX_MS), TOKEN_NEW);
	ck_assert_int_eq(consume(&f, &second, UNIX_MS), TOKEN_REUSED);
	ck_assert_int_eq(consume(&f, &third, UNIX_MS), TOKEN_REUSED);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_int_eq(consume(&f, &second, UNIX_MS), TOKEN_REUSED_AGAIN);
		ck_assert_int_eq(consume(&f, &third, UNIX_MS), TOKEN_REUSED_AGAIN);
	}
	free(f.mem);
}
END_TEST

/* Who has a used token must not fill the audit log with it. */
START_TEST(server_token_reuse_is_told_sixteen_times_for_one_token_at_most)
{
	struct fixture f;
	struct quantum_accept first = ack_of(1, 1);
	unsigned told = 0;

	set_up(&f, 64);
	ck_assert_int_eq(consume(&f, &first, UNIX_MS), TOKEN_NEW);
	for (uint32_t i = 0; i < 100; i++) {
		struct quantum_accept other = ack_of(1, 2 + i);

		told += consume(&f, &other, UNIX_MS) == TOKEN_REUSED;
	}

	ck_assert_uint_eq(told, 16);
	free(f.mem);
}
END_TEST

START_TEST(server_token_given_back_opens_again_and_a_spent_one_does_not)
{
	struct fixture f;
	struct quantum_accept first = ack_of(1, 1), second = ack_of(1, 2);

	set_up(&f, 64);
	ck_assert_int_eq(consume(&f, &first, UNIX_MS), TOKEN_NEW);
	token_table_give_back(&f.table, &first);
	ck_assert_int_eq(consume(&f, &second, UNIX_MS), TOKEN_NEW);
	token_table_bind(&f.table, &second, NULL);
	ck_assert_int_eq(consume(&f, &second, UNIX_MS), TOKEN_OF_NOTHING);
	ck_assert_int_eq(consume(&f, &first, UNIX_MS), TOKEN_REUSED);
	free(f.mem);
}
END_TEST

/* Ten at once, then ten a second, whatever the handshake; then one handshake has
 * it. */
START_TEST(server_token_worked_on_in_vain_ten_times_a_second_is_still_used_once)
{
	struct fixture f;
	const struct aef_guuid cid = { .b = { 9 } };
	struct quantum_accept accept, last = ack_of(1, 7);
	unsigned nb = 0;

	set_up(&f, 64);
	for (uint32_t ms = 0; ms < 10000; ms++) {
		const enum token_found found =
			(accept = ack_of(1, ms), consume(&f, &accept, UNIX_MS + ms));

		ck_assert(found == TOKEN_NEW || found == TOKEN_TOO_OFTEN);
		ck_assert(ms >= 10 || found == TOKEN_NEW);
		nb += found == TOKEN_NEW;
		if (found == TOKEN_NEW)
			token_table_return(&f.table, &accept);
	}
	ck_assert_uint_ge(nb, 109);
	ck_assert_uint_le(nb, 110);
	ck_assert_int_eq(consume(&f, &last, UNIX_MS + 10100), TOKEN_NEW);
	token_table_bind(&f.table, &last, &cid);
	ck_assert_int_eq(consume(&f, &last, UNIX_MS + 10100), TOKEN_OF_CONN);
	ck_assert_int_eq(consume(&f, &accept, UNIX_MS + 20000), TOKEN_REUSED);
	free(f.mem);
}
END_TEST

/* BUSY does no work and is not charged; it takes no charge away either. */
START_TEST(server_token_given_back_keeps_what_was_charged_before)
{
	struct fixture f;
	struct quantum_accept accept = ack_of(1, 1);

	set_up(&f, 64);
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(consume(&f, &accept, UNIX_MS), TOKEN_NEW);
		token_table_give_back(&f.table, &accept);
	}
	for (unsigned i = 0; i < TOKEN_DERIVE_BURST; i++) {
		ck_assert_int_eq(consume(&f, &accept, UNIX_MS), TOKEN_NEW);
		token_table_give_back(&f.table, &accept);
		ck_assert_int_eq(consume(&f, &accept, UNIX_MS), TOKEN_NEW);
		token_table_return(&f.table, &accept);
	}
	ck_assert_int_eq(consume(&f, &accept, UNIX_MS), TOKEN_TOO_OFTEN);
	ck_assert_int_eq(consume(&f, &accept, UNIX_MS + 99), TOKEN_TOO_OFTEN);
	ck_assert_int_eq(consume(&f, &accept, UNIX_MS + 100), TOKEN_NEW);
	token_table_give_back(&f.table, &accept);
	ck_assert_int_eq(consume(&f, &accept, UNIX_MS + 100), TOKEN_NEW);
	token_table_return(&f.table, &accept);
	ck_assert_int_eq(consume(&f, &accept, UNIX_MS + 100), TOKEN_TOO_OFTEN);
	free(f.mem);
}
END_TEST

static uint32_t
tokens_taken(uint32_t tokens_max, uint32_t salt)
{
	struct fixture f;
	uint32_t nb = 0;

	for (set_up(&f, tokens_max);; nb++) {
		struct quantum_accept accept = ack_of(nb, salt);

		memcpy(accept.token.nonce + 4, &salt, sizeof(salt));
		if (consume(&f, &accept, UNIX_MS) != TOKEN_NEW)
			break;
		accept = ack_of(nb, salt); /* wherever it stands, it is found again */
		memcpy(accept.token.nonce + 4, &salt, sizeof(salt));
		ck_assert_int_eq(consume(&f, &accept, UNIX_MS), TOKEN_OF_PENDING);
	}
	ck_assert_uint_le(nb, f.table.nb_buckets * 8);
	free(f.mem);
	return nb;
}

/* The table is worth its memory: no refusal before three quarters of it are used. */
START_TEST(server_token_table_takes_most_of_its_size_before_it_refuses)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t salt = 0; salt < 8; salt++)
		least = aef_min_u32(least, tokens_taken(1u << 14, salt));
	ck_assert_uint_ge(least, (1u << 14) / 4 * 3);
}
END_TEST

/* A full bucket refuses; expired entries make room, with the skew; a pending one never. */
START_TEST(server_token_full_bucket_refuses_until_entries_expire)
{
	struct fixture f;
	const struct aef_guuid cid = { .b = { 9 } };
	struct quantum_accept pending = ack_of(0, 0), accept;

	set_up(&f, 8);
	ck_assert_uint_eq(f.table.nb_buckets, 1);
	ck_assert_int_eq(consume(&f, &pending, UNIX_MS), TOKEN_NEW);
	for (uint32_t i = 1; i < 8; i++) {
		accept = ack_of(i, i);
		ck_assert_int_eq(consume(&f, &accept, UNIX_MS), TOKEN_NEW);
		token_table_bind(&f.table, &accept, &cid);
	}
	accept = ack_of(8, 8);
	ck_assert_int_eq(consume(&f, &accept, UNIX_MS), TOKEN_NO_ROOM);
	ck_assert_int_eq(consume(&f, &accept, UNIX_MS + 35000), TOKEN_NO_ROOM);
	for (uint32_t i = 10; i < 17; i++) {
		accept = ack_of(i, i);
		accept.token.expires_ms += 10000;
		ck_assert_int_eq(consume(&f, &accept, UNIX_MS + 35001), TOKEN_NEW);
	}
	accept = ack_of(20, 20);
	accept.token.expires_ms += 10000;
	ck_assert_int_eq(consume(&f, &accept, UNIX_MS + 35001), TOKEN_NO_ROOM);
	ck_assert_int_eq(consume(&f, &pending, UNIX_MS + 35001), TOKEN_OF_PENDING);
	free(f.mem);
}
END_TEST

/*
 * The clock goes forward beyond the life of a token, its entry is forgotten, the clock goes
 * back: the captured ACK would open a second connection with the keys of the first.
 */
START_TEST(server_token_stays_used_when_the_wall_clock_steps_back)
{
	struct fixture f;
	const struct aef_guuid cid = { .b = { 9 } };
	struct quantum_accept used = ack_of(1, 1), later = ack_of(2, 2), fresh = ack_of(3, 3);

	set_up(&f, 8);
	later.token.expires_ms = UNIX_MS + 3630000;
	fresh.token.expires_ms = UNIX_MS + 30001;
	ck_assert_int_eq(consume(&f, &used, UNIX_MS), TOKEN_NEW);
	token_table_bind(&f.table, &used, &cid);
	ck_assert_int_eq(consume(&f, &later, UNIX_MS + 3600000), TOKEN_NEW);

	ck_assert_int_eq(consume(&f, &used, UNIX_MS + 10), TOKEN_PAST);
	ck_assert_int_eq(consume(&f, &fresh, UNIX_MS + 10), TOKEN_NEW);
	ck_assert_int_eq(consume(&f, &later, UNIX_MS + 10), TOKEN_OF_PENDING);
	free(f.mem);
}
END_TEST

TEST_SUITE(server_token, &server_token_stays_used_when_the_wall_clock_steps_back,
           &server_token_is_consumed_by_one_handshake,
           &server_token_reuse_is_told_once_per_handshake,
           &server_token_reuse_is_told_sixteen_times_for_one_token_at_most,
           &server_token_worked_on_in_vain_ten_times_a_second_is_still_used_once,
           &server_token_given_back_keeps_what_was_charged_before,
           &server_token_given_back_opens_again_and_a_spent_one_does_not,
           &server_token_table_takes_most_of_its_size_before_it_refuses,
           &server_token_full_bucket_refuses_until_entries_expire)
