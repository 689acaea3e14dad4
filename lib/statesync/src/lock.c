/* SPDX-License-Identifier: BSD-3-Clause */
#include "lock_priv.h"

#define COUNT_MASK ((1ull << LOCK_COUNT_BITS) - 1)

/* 0: the epoch has given all of its tokens. */
static uint64_t
next_token(const struct lock *lock, uint64_t epoch)
{
	const uint64_t first = epoch << LOCK_COUNT_BITS | 1;

	if (lock->last < first)
		return first;
	return (lock->last & COUNT_MASK) == COUNT_MASK ? LOCK_NONE : lock->last + 1;
}

int
lock_acquire(struct lock *lock, uint64_t epoch, const struct aef_guuid *session, uint64_t ttl_ns,
             uint64_t now_ns, uint64_t *ret_token)
{
	const bool held = lock_held(lock, now_ns);
	uint64_t token;

	aef_assert(epoch >> (64 - LOCK_COUNT_BITS) == 0);
	if (held && !aef_guuid_eq(&lock->session, session))
		return AEF_ERR_EXISTS;
	token = held ? lock->token : next_token(lock, epoch);
	if (token == LOCK_NONE)
		return AEF_ERR_LIMIT;
	lock->session = *session;
	lock->token = token;
	lock->last = aef_max_u64(lock->last, token);
	lock->expires_ns = ttl_ns < UINT64_MAX - now_ns ? now_ns + ttl_ns : UINT64_MAX;
	*ret_token = token;
	return 0;
}

int
lock_check(const struct lock *lock, uint64_t token, uint64_t now_ns)
{
	if (!lock_held(lock, now_ns))
		return token == LOCK_NONE ? 0 : AEF_ERR_TIMEOUT;
	if (token == lock->token)
		return 0;
	/* Tokens that were never given out are no lock that has passed. */
	return token != LOCK_NONE && token < lock->token ? AEF_ERR_TIMEOUT : AEF_ERR_DENIED;
}

int
lock_release(struct lock *lock, uint64_t token, uint64_t now_ns)
{
	const int r = token == LOCK_NONE ? AEF_ERR_DENIED : lock_check(lock, token, now_ns);

	if (r == 0)
		lock->token = LOCK_NONE;
	return r;
}

bool
lock_session_gone(struct lock *lock, const struct aef_guuid *session, uint64_t now_ns)
{
	const bool held = lock_held(lock, now_ns) && aef_guuid_eq(&lock->session, session);

	if (held)
		lock->token = LOCK_NONE;
	return held;
}

bool
lock_expire(struct lock *lock, uint64_t now_ns)
{
	const bool passed = lock->token != LOCK_NONE && !lock_held(lock, now_ns);

	if (passed)
		lock->token = LOCK_NONE;
	return passed;
}
