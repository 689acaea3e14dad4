/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forge.h - datagrams of somebody who has no keys: each is well made up to the one thing that is
 * wrong, with right checksums, so that it costs the server the most that such a one can.
 *
 * Context: one thread.
 */
#ifndef TESTS_BENCH_FORGE_H
#define TESTS_BENCH_FORGE_H

#include <base/rng.h>

#include "crowd.h"

enum forge_kind {
	FORGE_GARBAGE, /* random bytes as long as a SYN */
	FORGE_ZEROS,   /* a SYN whose padding is not zero */
	FORGE_TOKEN,   /* a SYN whose token nobody sealed */
	FORGE_REPLAY,  /* a SYN with a good token, used by all */
	FORGE_COOKIE,  /* an ACK whose cookie is made up */
	FORGE_UNKNOWN, /* an id that nobody has */
	FORGE_LENGTH,  /* lengths that do not fit, of a known id, as all below */
	FORGE_EPOCH,   /* a number whose epoch has no key */
	FORGE_VERSION, /* a version not spoken here, too short for an answer */
	FORGE_RST,     /* a guessed reset */
	FORGE_TAG,     /* a number in the window, a tag that is wrong */
	FORGE_NB_KINDS,
};

struct forge {
	struct aef_rng rng;
	const struct net_local *server;
	struct rte_mempool *mp;
	uint8_t token[CRYPTO_TOKEN_BYTES]; /* good */
	struct aef_guuid cid;              /* its C */
	uint64_t bytes;                    /* UDP payload made */
	uint8_t garbage[1024];
};

/** @p issuer seals the token that FORGE_REPLAY uses; call again when it expires. @return 0 or an
 * error */
int forge_open(struct forge *f, struct protect *issuer, const struct net_local *server,
               struct rte_mempool *mp, uint64_t unix_ms);

/**
 * One frame.
 *
 * @param victim whose id and numbers are known, and whose address is used; NULL: a random source
 * @param bytes  of a protected datagram (FORGE_UNKNOWN and on), at least 64
 * @return NULL when there is no mbuf
 */
struct rte_mbuf *forge_frame(struct forge *f, enum forge_kind kind, const struct guest *victim,
                             uint32_t bytes);

/** Name of a kind, static storage. */
const char *forge_name(enum forge_kind kind);

#endif
