/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * provider_priv.h - what a provider holds; token.c adds the issuing side.
 */
#ifndef PROTECT_PROVIDER_PRIV_H
#define PROTECT_PROVIDER_PRIV_H

#include <base/guuid.h>
#include <protect/provider.h>

#include "cache_priv.h"

/* Stands in secret memory itself: `work` and `body` hold what a call leaves behind. */
struct protect {
	struct protect_aead_work work;
	uint8_t body[CRYPTO_TOKEN_BYTES]; /* a token while it is opened or sealed */
	struct protect_cache cache;
	struct protect_ring *ring; /* borrowed; may be NULL */
	struct aef_guuid_gen ids;  /* C and session ids of issued tokens */
	struct crypto_provider provider;
};

#endif
