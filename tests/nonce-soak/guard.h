/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guard.h - stands between the code under test and the provider, and looks at every packet that is
 * sealed: under one key the numbers must rise strictly and the IV must stay, so that no pair of key
 * and nonce comes twice. It knows keys by their bytes, so two objects with one key are one key.
 */
#ifndef NONCE_SOAK_GUARD_H
#define NONCE_SOAK_GUARD_H

#include <crypto/provider.h>

struct guard {
	struct crypto_provider provider; /* use this one; valid as long as the real one */
	uint64_t nb_seals;
	uint64_t nb_keys;
	uint64_t nb_repeats; /* a number not above the one before it under the same key */
	uint64_t nb_iv_changes;
	const struct crypto_provider *real;
	struct guard_key *keys; /* open addressing, nb_places a power of two */
	uint64_t nb_places;
	bool full;
};

/** @return false without memory */
bool guard_init(struct guard *guard, const struct crypto_provider *real, uint64_t max_keys);

void guard_fini(struct guard *guard);

/** Feed it repeats of every kind. @return true when it saw them all */
bool guard_notices(const struct crypto_provider *real);

#endif
