/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * siege/attacks.h - one peer with valid keys that does what no engine of ours would.
 *
 * It connects like anybody; then its engine is thrown away, and packets are made by hand.
 *
 * Context: one thread.
 */
#ifndef SIEGE_ATTACKS_H
#define SIEGE_ATTACKS_H

#include "arena.h"

#define VILLAIN 0u

struct villain {
	struct crypto_key key; /* of key epoch 0, client to server */
	uint64_t pn;
	struct aef_guuid cid; /* S */
	uint64_t up_bytes, up_pkts, down_bytes, down_pkts;
	uint64_t closed_ns; /* when the server's end stopped being open; 0: not yet */
};

struct attack {
	const char *name;
	/* Once a millisecond; `tick` from 0. */
	void (*act)(struct arena *a, struct villain *v, unsigned tick);
	/* While it is still an ordinary client; may be NULL. */
	void (*prepare)(struct arena *a);
	bool must_close;    /* at the first packet that breaks a rule */
	uint32_t newcomers; /* clients that are the attack's, too */
};

extern const struct attack attacks[];
extern const unsigned nb_attacks;

/** Send @p len bytes of frames under the next number, @p skip numbers left out. */
enum quantum_verdict villain_send(struct arena *a, struct villain *v, uint64_t skip, uint32_t ack,
                                  const uint8_t *sacks, uint8_t nb_sacks, const uint8_t *payload,
                                  size_t len);

#endif
