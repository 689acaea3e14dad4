/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipeline/handshaker.h - the thread that does the public-key work of handshakes, so that no
 * transport lcore does.
 *
 *   lcore: ACK verified -> slot with secrets, key exchange, the held datagram -> ring of work
 *   this thread:           X25519 and key schedule                            -> ring of that lcore
 *   lcore: the connection; the held datagram goes through prepare, open, commit
 *
 * Slots are fixed, in secret memory, and wiped when they are given back. When more than `mark` wait
 * the server is under load: a further client is told to come back (BUSY, reason 2), its token stays
 * unused. With no slot left likewise.
 *
 * Source: , [Q-10.9]; DESIGN 4; reference security, section 4.4.
 * Context: create and destroy on the main thread, before the lcores are made and after they are
 *          destroyed; poll and run on one thread with a provider of its own.
 */
#ifndef PIPELINE_HANDSHAKER_H
#define PIPELINE_HANDSHAKER_H

#include <stdatomic.h>

#include <crypto/provider.h>
#include <delivery/idle.h>
#include <runtime/metrics.h>

#define PIPELINE_HANDSHAKES      4096u /* slots: ACKs on their way, of all lcores together */
#define PIPELINE_HANDSHAKES_MARK 512u  /* waiting for public-key work: under load */

struct pipeline_handshaker_conf {
	const char *name; /* at most 12 characters; copied */
	uint8_t nb_lcores;
	uint32_t slots; /* power of two */
	uint32_t mark;
};

/* X(name, kind, "unit", "help") */
#define PIPELINE_HANDSHAKER_COUNTERS(X)                                                            \
	X(derived, COUNTER, "handshakes", "public-key work done")                                  \
	X(refused, COUNTER, "handshakes", "no keys came of it: a hostile public key")              \
	X(busy_ns, COUNTER, "nanoseconds", "time of this thread's CPU that it took")               \
	X(waiting, GAUGE, "handshakes", "verified, waiting for it")                                \
	X(waiting_high, GAUGE, "handshakes", "most waiting at one time")

struct pipeline_handshaker_stats {
#define PIPELINE_HANDSHAKER_FIELD(name, kind, unit, help) uint64_t name;
	PIPELINE_HANDSHAKER_COUNTERS(PIPELINE_HANDSHAKER_FIELD)
#undef PIPELINE_HANDSHAKER_FIELD
};

struct pipeline_handshaker;

/** 4,096 slots, mark 512, one lcore. */
void pipeline_handshaker_conf_default(struct pipeline_handshaker_conf *ret_conf);

/**
 * Take rings and slots.
 *
 * @param ret_error one sentence on failure
 * @return NULL: out of limits, no memory, or memory that cannot be locked, as the sentence says
 */
struct pipeline_handshaker *pipeline_handshaker_create(const struct pipeline_handshaker_conf *conf,
                                                       struct aef_text *ret_error);

/** Wipe and free, with datagrams that are still held; thread and lcores ended. NULL is fine. */
void pipeline_handshaker_destroy(struct pipeline_handshaker *hs);

/**
 * Do what waits, a few at most; never blocks.
 *
 * @param provider of the calling thread
 * @return how many
 */
unsigned pipeline_handshaker_poll(struct pipeline_handshaker *hs,
                                  const struct crypto_provider *provider);

/** Poll until *@p stop, asleep while nothing waits: pipeline_handshaker_bell() wakes it. */
void pipeline_handshaker_run(struct pipeline_handshaker *hs, const struct crypto_provider *provider,
                             const atomic_bool *stop);

/** Rung by lcores; ring it after *stop was set. */
struct delivery_bell *pipeline_handshaker_bell(struct pipeline_handshaker *hs);

/** Counters; read relaxed. */
const struct pipeline_handshaker_stats *
pipeline_handshaker_stats(const struct pipeline_handshaker *hs);

/** "name value" lines. */
void pipeline_handshaker_stats_text(const struct pipeline_handshaker_stats *stats,
                                    bool only_nonzero, struct aef_text *out);

/** Register the counters. */
AEF_MUST_CHECK int pipeline_handshaker_metrics(const struct pipeline_handshaker *hs,
                                               struct aef_metrics *metrics);

#endif
