/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/rig.h - a server, a client and a peer that holds their keys, for fuzz targets.
 *
 * All state stands in one block of memory: a situation (established, closing, moving ...) is built
 * once with the real engine, kept as an image, and copied back in for each input. The datagrams of
 * an input are heap blocks of exactly their length, so that AddressSanitizer sees a read behind.
 *
 * Checked with every datagram, whatever it holds:
 *  - it is counted by one verdict;
 *  - when its tag, MAC, cookie or token is wrong, nothing changed but counters;
 *  - an end acknowledges only what it received; sends at most three times what came from an
 *    address that is not validated; answers a stranger with at most one datagram, shorter than its
 *    cause, and a SYN with at most a quarter of it;
 * and at the end every pool is empty and every buffer reference is back.
 */
#ifndef TESTS_FUZZ_RIG_H
#define TESTS_FUZZ_RIG_H

#include <base/bytes.h>
#include <crypto/token.h>
#include <quantum/server.h>

#define RIG_CLIENT 0u
#define RIG_SERVER 1u

#define RIG_DGRAM_MAX 1500u
#define RIG_KEPT      16u  /* datagrams that the ends sent and that are still to be had */
#define RIG_RCVD_MAX  512u /* numbers that one end can receive in one input */
#define RIG_ADDRS     8u
#define RIG_TOKENS    32u
#define RIG_OTHERS    2u

struct rig_path {
	struct quantum_addr addr;
	uint64_t rx_bytes, tx_bytes;
};

struct rig_end {
	struct quantum_env *env;
	struct quantum_conn *conn;
	int64_t refs; /* buffer references that the engine holds */
	uint32_t nb_rcvd;
	uint64_t rcvd[RIG_RCVD_MAX]; /* authenticated numbers */
	uint32_t nb_paths;
	struct rig_path paths[RIG_ADDRS]; /* addresses that datagrams came from */
};

struct rig_dgram {
	bool to_server;
	uint8_t ecn;
	uint16_t len;
	uint8_t data[RIG_DGRAM_MAX];
};

struct rig {
	uint64_t now_ns;
	struct quantum_conn_conf conf;
	struct rig_end end[2];
	struct quantum_addr client_addr, server_addr;
	struct quantum_server_keys keys;
	struct quantum_cid_codec codec;
	struct quantum_table table;
	struct quantum_server *server;
	struct quantum_client_conf dialed;
	struct crypto_token token;
	uint32_t nb_kept, nb_passed;     /* of these delivered by rig_exchange() */
	struct rig_dgram kept[RIG_KEPT]; /* a ring: the newest is kept[(nb_kept - 1) % RIG_KEPT] */
	struct quantum_tx reply;         /* of the server, to the last datagram; len 0: none */
	uint8_t reply_data[RIG_DGRAM_MAX];
	uint8_t ack_clear[WIRE_ACK_TEXT_AT]; /* the client's last handshake ACK */
	struct quantum_conn
		*others[RIG_OTHERS]; /* of the server: accepted before its present one */
	uint32_t nb_others;
	uint32_t nb_used;
	uint8_t used[RIG_TOKENS][CRYPTO_TAG_BYTES]; /* tokens that opened a connection */
	bool defer, has_pending; /* the next verified ACK waits for rig_settle() */
	struct quantum_accept pending;
	uint8_t pending_data[RIG_DGRAM_MAX]; /* its datagram, until its keys are derived */
	bool forged;                         /* what is delivered must change nothing */
};

/* How a rig differs from the default. */
struct rig_setup {
	uint64_t first_pn;
	bool fec_always;
	bool roomy; /* pools for a busy connection; else they run out early */
};

/** Stop here: the input broke what must hold. */
#define rig_require(x)                                                                             \
	do {                                                                                       \
		if (!(x))                                                                          \
			__builtin_trap();                                                          \
	} while (0)

/** A rig with both ends laid out and no connection, in memory of its own. */
struct rig *rig_create(const struct rig_setup *setup);

/** Keep what @p rig is now; the situation is built. */
void *rig_image(const struct rig *rig);

/** Make @p rig again what it was when @p image was taken of it. */
void rig_restore(struct rig *rig, const void *image);

/** A client with a fresh token that has sent nothing yet. */
void rig_dial(struct rig *rig);

/** Move all that is due both ways until nothing is (handshake, acks); at most @p rounds. */
void rig_exchange(struct rig *rig, unsigned rounds);

/** rig_dial() and run until both ends are established and confirmed. */
void rig_establish(struct rig *rig);

/** Hand bytes to an end. @p from NULL: the other end's address. */
enum quantum_verdict rig_deliver(struct rig *rig, unsigned to, const uint8_t *data, uint32_t len,
                                 uint8_t ecn, const struct quantum_addr *from);

/** Let an end send what it has; its datagrams are kept. */
void rig_transmit(struct rig *rig, unsigned end);

/** Deliver the n-th newest kept datagram to where it was sent (again). */
void rig_deliver_kept(struct rig *rig, unsigned nth);

/** Advance time and run the timers that come due, at most a fixed number of them. */
void rig_pass(struct rig *rig, uint64_t ns);

/** Poll all events; messages are given back. */
void rig_drain(struct rig *rig, unsigned end);

/** What becomes of the ACK that waits: a connection, or BUSY (then it is in `reply`). */
void rig_settle(struct rig *rig, enum quantum_busy reason);

/** Free the server's connections. */
void rig_hang_up(struct rig *rig);

/** Free all connections and check that nothing is left. */
void rig_finish(struct rig *rig);

/** Wall clock of the rig. */
uint64_t rig_unix_ms(const struct rig *rig);

/* A protected datagram as a peer with the keys makes it. */
struct rig_craft {
	uint64_t pn;
	uint32_t ack;
	uint8_t flags;
	uint8_t ecn;
	uint8_t nb_sacks;
	uint8_t sacks[WIRE_SACKS_MAX * WIRE_SACK_BYTES];
	uint8_t spoil; /* enum rig_spoil */
	uint8_t spoil_at;
	bool under_c;
	bool as_ack; /* to the server: as a handshake ACK under C */
	struct quantum_addr from;
};

enum rig_spoil {
	RIG_GENUINE,
	RIG_SPOIL_TAG,
	RIG_SPOIL_TEXT, /* changed after it was sealed */
	RIG_SPOIL_AAD,  /* likewise header (not what selects class and key) and SACK blocks */
	RIG_SPOIL_KEY,  /* sealed under the key of another epoch */
	RIG_SPOIL_PN,   /* sealed under another number */
	RIG_NB_SPOILS
};

/** The number that @p to would expect next, and the next of its own. */
uint64_t rig_expected_pn(const struct rig *rig, unsigned to);

/** Seal @p len bytes of frames with a key of the receiver and deliver them. */
enum quantum_verdict rig_inject(struct rig *rig, unsigned to, const struct rig_craft *craft,
                                const uint8_t *payload, uint32_t len);

#endif
