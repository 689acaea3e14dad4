/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/conn.h - one Quantum connection as a function of (state, input, now).
 *
 * A driver moves datagrams: receive is split in prepare (parse; name key, nonce, associated data
 * and text) and commit (act), transmit likewise, so that a whole burst is opened or sealed between
 * the two. Events are polled; the engine never calls back into the driver but for buffer
 * references.
 *
 *   rx: prepare each datagram -> provider->open(burst) -> commit each
 *   tx: prepare until it returns 0 -> provider->seal(burst) -> commit each
 *   then: poll events, ask for the deadline, arm one timer per connection.
 *
 * Source:  docs/spec/quantum.md.
 * Units:   bytes, nanoseconds of one monotonic clock.
 * Context: one thread owns the env and all of its connections.
 */
#ifndef QUANTUM_CONN_H
#define QUANTUM_CONN_H

#include <quantum/env.h>

/* Behaviour of this end. quantum_conn_conf_default() first, then change what matters. */
struct quantum_conn_conf {
	struct wire_limits limits; /* what this end grants: idle time-out, message size, credit */
	uint64_t keepalive_ns;     /* PING after this silence; 0 = never. Client: 25 s */
	uint64_t handshake_ns;     /* client: give up after this */
	uint64_t first_pn;         /* tests of number wrap; 0 in production */
	uint64_t epoch_pkts;      /* leave a key epoch after so many packets; 0: at its end, 2^22 */
	uint32_t mtu_max_bytes;   /* highest datagram that path MTU discovery tries */
	uint32_t queue_bytes_max; /* outgoing messages queued, before send is refused */
	uint32_t queue_msgs_max;
	uint32_t sent_pkts_max; /* share of the env's pool one connection may hold */
	uint8_t fec_k, fec_m;   /* largest block; m = 0 turns FEC off */
	bool fec_always;        /* no adaptation: m repair symbols for each block */
	bool ecn;               /* send ECT(0) */
	bool pmtud;
};

struct quantum_client_conf {
	struct aef_guuid cid; /* C of the token */
	uint8_t token[WIRE_TOKEN_BYTES];
	uint8_t psk[32];
	uint8_t random[WIRE_RANDOM_BYTES];
	uint8_t dh_seed[32];
	struct quantum_addr server;
};

/** Defaults of chapter 9 of the spec. */
void quantum_conn_conf_default(struct quantum_conn_conf *ret_conf);

/**
 * Start a client connection: SYN is the next datagram.
 *
 * @param ret_conn the connection, owned by the env until quantum_conn_free()
 * @return 0, AEF_ERR_FULL (no connection free), AEF_ERR_INVALID (limits outside the spec)
 */
AEF_MUST_CHECK int quantum_conn_connect(struct quantum_env *env,
                                        const struct quantum_conn_conf *conf,
                                        const struct quantum_client_conf *client, uint64_t now_ns,
                                        struct quantum_conn **ret_conn);

/** Drop a connection at once, in any state, sending nothing; all it held goes back. NULL is fine.
 */
void quantum_conn_free(struct quantum_conn *conn);

/* ---- datagrams in ---------------------------------------------------------------------------- */

/* One datagram between prepare and commit. The caller fills the first group. */
struct quantum_rx {
	uint8_t *data; /* UDP payload, mutable: it is decrypted in place */
	uint32_t len;
	uint8_t ecn; /* IP ECN bits, 0 to 3 */
	void *owner; /* the caller's buffer; the engine takes references of its own */
	struct quantum_addr from;

	struct crypto_op op; /* out: hand to provider->open() when `needs_open` */
	bool needs_open;
	bool under_s; /* its header carries S */
	uint8_t flags;
	uint8_t nb_sacks;
	uint8_t clas; /* enum wire_class */
	uint32_t ack;
	uint64_t pn;
};

/**
 * First half of receiving a datagram that belongs to @p conn. Changes nothing but counters.
 *
 * @return QUANTUM_VERDICT_ACCEPTED: go on with open (if rx->needs_open) and commit; anything else
 *         is final (already counted)
 */
AEF_MUST_CHECK enum quantum_verdict quantum_conn_rx_prepare(struct quantum_conn *conn,
                                                            struct quantum_rx *rx, uint64_t now_ns);

/**
 * Second half: act on the datagram. `rx->op.ok` is the provider's verdict.
 *
 * @return the final verdict, counted; the caller keeps (and drops) its own reference to rx->owner
 */
enum quantum_verdict quantum_conn_rx_commit(struct quantum_conn *conn, struct quantum_rx *rx,
                                            uint64_t now_ns);

/* ---- datagrams out --------------------------------------------------------------------------- */

struct quantum_tx {
	uint8_t *data; /* caller: room for `cap` bytes */
	uint32_t cap;  /* at least WIRE_MTU_BASE; larger allows path MTU discovery to grow */
	uint32_t len;  /* out: UDP payload length */
	uint8_t ecn;   /* out: IP ECN bits */
	struct quantum_addr to;
	struct crypto_op op; /* out: hand to provider->seal() when `needs_seal` */
	bool needs_seal;
	uint64_t pn;
};

/**
 * Build the next datagram, if one may leave now.
 *
 * @return 1 when built (the packet counts as sent now), 0 when there is nothing to send or pacing,
 *         window or credit forbid it (then see the deadline)
 */
AEF_MUST_CHECK int quantum_conn_tx_prepare(struct quantum_conn *conn, struct quantum_tx *tx,
                                           uint64_t now_ns);

/** Tell what became of a built datagram: @p sent is false when the driver had to drop it. */
void quantum_conn_tx_commit(struct quantum_conn *conn, const struct quantum_tx *tx, bool sent);

/* ---- time ------------------------------------------------------------------------------------ */

/** When quantum_conn_on_deadline() must run next; AEF_TIME_NEVER: no timer. */
uint64_t quantum_conn_deadline_ns(const struct quantum_conn *conn);

/** Run every timer that is due at @p now_ns; then transmit and poll again. */
void quantum_conn_on_deadline(struct quantum_conn *conn, uint64_t now_ns);

/* ---- messages -------------------------------------------------------------------------------- */

/**
 * Configure sending on a channel; without it a channel is ordered, full, priority 4.
 *
 * @return 0, AEF_ERR_INVALID, AEF_ERR_STATE (already used with another order), AEF_ERR_FULL
 */
AEF_MUST_CHECK int quantum_conn_open(struct quantum_conn *conn, uint16_t channel,
                                     const struct quantum_chan_conf *conf);

struct quantum_send {
	uint16_t channel;
	uint64_t key;    /* WIRE_LATEST channels */
	uint64_t cookie; /* comes back in QUANTUM_EVENT_SENT */
	bool report;     /* ask for QUANTUM_EVENT_SENT */
};

/**
 * Queue one message given as @p nb slices.
 *
 * On success one reference of each slice's owner passes to the engine, which puts it when the
 * message is acknowledged or given up; on failure nothing is taken.
 *
 * @return 0, AEF_ERR_FULL (queue bound or pool; QUANTUM_EVENT_WRITABLE follows), AEF_ERR_LIMIT
 *         (longer than the peer accepts), AEF_ERR_CLOSED
 */
AEF_MUST_CHECK int quantum_conn_send(struct quantum_conn *conn, const struct quantum_send *send,
                                     const struct quantum_slice *slices, uint32_t nb,
                                     uint64_t now_ns);

/**
 * Next event. A MESSAGE must be given back with quantum_conn_consume() before the next poll.
 *
 * @return 0, or AEF_ERR_AGAIN when there is none
 */
AEF_MUST_CHECK int quantum_conn_poll(struct quantum_conn *conn, struct quantum_event *ret_event);

/** True when quantum_conn_poll() would return an event: lets a driver wait for room first. */
bool quantum_conn_has_event(const struct quantum_conn *conn);

/**
 * The message of a MESSAGE event was taken: its credit is granted again. The references of its
 * segments belong to the caller since the poll.
 */
void quantum_conn_consume(struct quantum_conn *conn, const struct quantum_msg *msg);

/**
 * Close gracefully: queued messages are abandoned, CLOSE is sent (and repeated on demand for 3
 * PTO).
 *
 * @param code   of the application, at most AEF_VARINT_MAX
 * @param reason text, or NULL; cut to WIRE_CLOSE_REASON_MAX bytes
 */
void quantum_conn_close(struct quantum_conn *conn, uint64_t code, const char *reason,
                        uint64_t now_ns);

/** True when nothing is queued, in flight or unacknowledged on the sending side. */
bool quantum_conn_drained(const struct quantum_conn *conn);

/** True when the connection has ended and its last event was polled: free it. */
bool quantum_conn_finished(const struct quantum_conn *conn);

/** The local address changed (client): probe and go on from there; needs a confirmed connection. */
AEF_MUST_CHECK int quantum_conn_migrate(struct quantum_conn *conn, uint64_t now_ns);

/** True between QUANTUM_EVENT_CONNECTED and the begin of closing. */
bool quantum_conn_established(const struct quantum_conn *conn);

/* ---- looking at it --------------------------------------------------------------------------- */

/** Fill @p ret_stats with counters and present gauges. */
void quantum_conn_stats(const struct quantum_conn *conn, struct quantum_stats *ret_stats);

/** The id that packets to this end carry: C at a client, S at a server. */
const struct aef_guuid *quantum_conn_local_cid(const struct quantum_conn *conn);

/** The peer's validated address. */
const struct quantum_addr *quantum_conn_peer(const struct quantum_conn *conn);

/**
 * True when the engine may still build a datagram to @p addr: its validated peer, an address under
 * validation, one whose challenge is not answered yet; three at most. A driver keeps its ways to
 * these.
 */
bool quantum_conn_may_send_to(const struct quantum_conn *conn, const struct quantum_addr *addr);

/** One pointer for the driver's own use. */
void quantum_conn_set_user(struct quantum_conn *conn, void *user);
void *quantum_conn_user(const struct quantum_conn *conn);

#endif
