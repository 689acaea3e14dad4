/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lock_priv.h - the lock of a document: a holder, an expiry and a fencing token.
 *
 * A lock expires, and whoever held it may not know: it slept, or its network did. So every
 * operation on a locked document names the token it was given, and tokens only grow: what was made
 * under a lock that has passed is refused, however late it comes.
 *
 * A token is the epoch of the document's owner and a count, so it also grows when the document
 * moves to another node or the node restarts. Locks are not in the log: a restart ends them all.
 *
 * Source:  DESIGN 5 and 6; reference "State synchronisation" 4.3.
 * Units:   nanoseconds of the worker's clock.
 * Context: the worker that owns the document; pure.
 */
#ifndef STATESYNC_LOCK_PRIV_H
#define STATESYNC_LOCK_PRIV_H

#include <base/defs.h>
#include <base/err.h>
#include <base/guuid.h>

#define LOCK_NONE       0u  /* no token: the operation claims no lock */
#define LOCK_COUNT_BITS 24u /* of a token; above them the epoch */

struct lock {
	struct aef_guuid session; /* of the holder; only while token != LOCK_NONE */
	uint64_t token;           /* of the holder; LOCK_NONE: nobody ever, or released */
	uint64_t expires_ns;
	uint64_t last; /* highest token given out */
};

/** True while somebody holds it. */
static inline bool
lock_held(const struct lock *lock, uint64_t now_ns)
{
	return lock->token != LOCK_NONE && now_ns < lock->expires_ns;
}

/**
 * Take the lock, or extend it when this session holds it (the token stays the same).
 *
 * @param epoch of the document's shard, below 2^40
 * @return 0; AEF_ERR_EXISTS: another session holds it; AEF_ERR_LIMIT: this epoch has no further
 *         token
 */
AEF_MUST_CHECK int lock_acquire(struct lock *lock, uint64_t epoch, const struct aef_guuid *session,
                                uint64_t ttl_ns, uint64_t now_ns, uint64_t *ret_token);

/**
 * May an operation that names @p token (LOCK_NONE: none) pass?
 *
 * @return 0; AEF_ERR_DENIED: somebody holds the lock and it is not this token; AEF_ERR_TIMEOUT: the
 *         lock of this token has passed
 */
AEF_MUST_CHECK int lock_check(const struct lock *lock, uint64_t token, uint64_t now_ns);

/** Give it back. 0, or as lock_check() for a token that is not the holder's. */
AEF_MUST_CHECK int lock_release(struct lock *lock, uint64_t token, uint64_t now_ns);

/** The session has ended. @return true when it held the lock */
bool lock_session_gone(struct lock *lock, const struct aef_guuid *session, uint64_t now_ns);

/** Forget a holder whose time has passed. @return true when there was one */
bool lock_expire(struct lock *lock, uint64_t now_ns);

#endif
