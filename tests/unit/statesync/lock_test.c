/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lock_test.c - the lock of a document: who holds it, when it passes, and that nothing made under
 * one that has passed gets through.
 */
#include <base/bytes.h>

#include "harness.h"
#include "lock_priv.h"

#define TTL_NS  1000u
#define HOLDERS 1000u

static struct aef_guuid
session(unsigned nr)
{
	struct aef_guuid id = { .b = { 1 } };

	aef_store_be32(id.b + 12, nr);
	return id;
}

static int
acquire(struct lock *lock, unsigned nr, uint64_t now_ns, uint64_t *ret_token)
{
	const struct aef_guuid id = session(nr);

	return lock_acquire(lock, 3, &id, TTL_NS, now_ns, ret_token);
}

START_TEST(lock_has_one_holder_until_it_expires_or_is_released)
{
	struct lock lock = { .token = LOCK_NONE };
	uint64_t first, second, again;

	ck_assert(!lock_held(&lock, 0));
	ck_assert_int_eq(acquire(&lock, 1, 0, &first), 0);
	ck_assert_int_eq(acquire(&lock, 2, TTL_NS - 1, &second), AEF_ERR_EXISTS);
	ck_assert_int_eq(acquire(&lock, 1, TTL_NS - 1, &again), 0); /* extends */
	ck_assert_uint_eq(again, first);
	ck_assert_int_eq(acquire(&lock, 2, 2 * TTL_NS - 2, &second), AEF_ERR_EXISTS);
	ck_assert_int_eq(acquire(&lock, 2, 2 * TTL_NS - 1, &second), 0);
	ck_assert_uint_gt(second, first);

	ck_assert_int_eq(lock_release(&lock, first, 2 * TTL_NS), AEF_ERR_TIMEOUT);
	ck_assert_int_eq(lock_release(&lock, LOCK_NONE, 2 * TTL_NS), AEF_ERR_DENIED);
	ck_assert_int_eq(lock_release(&lock, second, 2 * TTL_NS), 0);
	ck_assert(!lock_held(&lock, 2 * TTL_NS));
	ck_assert_int_eq(lock_release(&lock, second, 2 * TTL_NS), AEF_ERR_TIMEOUT);
	ck_assert_int_eq(acquire(&lock, 1, 2 * TTL_NS, &again), 0);
	ck_assert_uint_gt(again, second); /* never one that was given before */
}
END_TEST

START_TEST(lock_lets_only_the_holder_write)
{
	struct lock lock = { .token = LOCK_NONE };
	uint64_t token;

	ck_assert_int_eq(lock_check(&lock, LOCK_NONE, 0), 0);
	ck_assert_int_eq(lock_check(&lock, 7, 0), AEF_ERR_TIMEOUT);
	ck_assert_int_eq(acquire(&lock, 1, 0, &token), 0);
	ck_assert_int_eq(lock_check(&lock, token, TTL_NS - 1), 0);
	ck_assert_int_eq(lock_check(&lock, LOCK_NONE, 0), AEF_ERR_DENIED);
	ck_assert_int_eq(lock_check(&lock, token - 1, 0), AEF_ERR_TIMEOUT);
	ck_assert_int_eq(lock_check(&lock, token + 1, 0), AEF_ERR_DENIED);
	ck_assert_int_eq(lock_check(&lock, token, TTL_NS), AEF_ERR_TIMEOUT); /* nobody took it */
	ck_assert_int_eq(lock_check(&lock, LOCK_NONE, TTL_NS), 0);
}
END_TEST

START_TEST(lock_ends_with_its_session_or_its_time)
{
	struct lock lock = { .token = LOCK_NONE };
	const struct aef_guuid one = session(1), two = session(2);
	uint64_t token;

	ck_assert(!lock_session_gone(&lock, &one, 0));
	ck_assert(!lock_expire(&lock, 0));
	ck_assert_int_eq(acquire(&lock, 1, 0, &token), 0);
	ck_assert(!lock_session_gone(&lock, &two, 0));
	ck_assert(!lock_expire(&lock, TTL_NS - 1));
	ck_assert(lock_session_gone(&lock, &one, 0));
	ck_assert(!lock_held(&lock, 0));
	ck_assert_int_eq(acquire(&lock, 2, 0, &token), 0);
	ck_assert(!lock_session_gone(&lock, &two, TTL_NS)); /* it is told as expired */
	ck_assert(lock_expire(&lock, TTL_NS));
	ck_assert(!lock_expire(&lock, TTL_NS)); /* once */
}
END_TEST

START_TEST(lock_tokens_grow_with_the_epoch_and_end_with_it)
{
	struct lock lock = { .token = LOCK_NONE };
	const struct aef_guuid id = session(1);
	uint64_t old, token;

	ck_assert_int_eq(lock_acquire(&lock, 3, &id, TTL_NS, 0, &old), 0);
	lock = (struct lock){ .token = LOCK_NONE }; /* a restart */
	ck_assert_int_eq(lock_acquire(&lock, 4, &id, TTL_NS, 0, &token), 0);
	ck_assert_uint_gt(token, old);
	ck_assert_int_eq(lock_check(&lock, old, 0), AEF_ERR_TIMEOUT);

	lock = (struct lock){ .last = (5ull << LOCK_COUNT_BITS) - 2 };
	ck_assert_int_eq(lock_acquire(&lock, 4, &id, TTL_NS, 0, &token), 0);
	ck_assert_uint_eq(token, (5ull << LOCK_COUNT_BITS) - 1);
	ck_assert_int_eq(lock_release(&lock, token, 0), 0);
	ck_assert_int_eq(lock_acquire(&lock, 4, &id, TTL_NS, 0, &token), AEF_ERR_LIMIT);
	ck_assert_int_eq(lock_acquire(&lock, 5, &id, UINT64_MAX, 9, &token), 0);
	ck_assert(lock_held(&lock, UINT64_MAX - 1));
}
END_TEST

/* Each takes the lock, sleeps past its time, and writes: once at once, once much later. */
START_TEST(lock_of_a_thousand_paused_holders_lets_no_stale_write_through)
{
	struct lock lock = { .token = LOCK_NONE };
	static uint64_t tokens[HOLDERS];
	uint64_t now_ns = 0;
	unsigned written = 0, stale = 0;

	for (unsigned i = 0; i < HOLDERS; i++) {
		ck_assert_int_eq(acquire(&lock, i, now_ns, &tokens[i]), 0);
		written += lock_check(&lock, tokens[i], now_ns) == 0;
		now_ns += TTL_NS + i % 3;
		stale += lock_check(&lock, tokens[i], now_ns) == 0;
	}
	ck_assert_int_eq(acquire(&lock, HOLDERS, now_ns, &(uint64_t){ 0 }), 0);
	for (unsigned i = 0; i < HOLDERS; i++)
		stale += lock_check(&lock, tokens[i], now_ns) == 0;
	ck_assert_uint_eq(written, HOLDERS);
	ck_assert_uint_eq(stale, 0);
}
END_TEST

TEST_SUITE(lock, &lock_has_one_holder_until_it_expires_or_is_released,
           &lock_lets_only_the_holder_write, &lock_ends_with_its_session_or_its_time,
           &lock_tokens_grow_with_the_epoch_and_end_with_it,
           &lock_of_a_thousand_paused_holders_lets_no_stale_write_through)
