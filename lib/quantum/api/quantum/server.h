/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/server.h - accepting connections: nothing is stored before the handshake ACK.
 *
 *   SYN  quantum_server_on_stray(): token opened, cookie bound to the address, reply built; no
 * state ACK  quantum_server_on_ack(): cookie, token, MAC; the token is consumed, room is reserved
 *        quantum_accept_derive(): X25519 and key schedule; any thread, any time later
 *        quantum_server_accept(): the connection exists; its first packet carries ACCEPT
 *     or quantum_server_refuse(), quantum_server_abandon(): it came to nothing
 *
 * Each ACCEPTED of on_ack() ends in exactly one of the last three, on the thread of the env; until
 * then a repeated ACK of the same handshake is ACK_PENDING, and changes nothing.
 *
 * Source:  docs/spec/quantum.md chapter 4; DESIGN 4.
 * Context: the thread that owns the env, except quantum_accept_derive().
 */
#ifndef QUANTUM_SERVER_H
#define QUANTUM_SERVER_H

#include <crypto/token.h>
#include <quantum/cid.h>
#include <quantum/conn.h>

/* Secrets that change with time, shared by all lcores of a process; one writer (control thread). */
struct quantum_server_keys {
	uint8_t cookie_key[2][16]; /* index = epoch & 1: this one and the one before */
	uint8_t dh_priv[2][32], dh_pub[2][32];
	uint8_t epoch;
	uint8_t reset_key[32]; /* stable over restarts */
};

/** Derive the first keys from 64 random bytes; @p reset_key is the operator's. */
AEF_MUST_CHECK int quantum_server_keys_init(struct quantum_server_keys *keys,
                                            const struct crypto_provider *provider,
                                            const uint8_t random[64], const uint8_t reset_key[32]);

/** Go to the next epoch (every 60 s); the one before stays valid until the next call. */
AEF_MUST_CHECK int quantum_server_keys_rotate(struct quantum_server_keys *keys,
                                              const struct crypto_provider *provider,
                                              const uint8_t random[64]);

struct quantum_server;

#define QUANTUM_ACK_PER_S     100u /* unless set */
#define QUANTUM_ACK_PER_S_MAX 1000000u

/** Bytes of memory for a server with room for @p tokens_max used tokens. */
size_t quantum_server_bytes(uint32_t tokens_max);

/**
 * Lay a server out in 64-byte aligned @p mem.
 *
 * @param env, table, keys, conf borrowed as long as the server lives
 */
struct quantum_server *quantum_server_init(void *mem, uint32_t tokens_max, struct quantum_env *env,
                                           struct quantum_table *table,
                                           const struct quantum_server_keys *keys,
                                           const struct quantum_conn_conf *conf);

/**
 * Remember used tokens in the table of @p owner, so that a token opens one connection at all of
 * them together, whichever lcore its ACK comes to. Before the first datagram.
 *
 * @param owner borrowed: its memory outlives the last call on @p server
 */
void quantum_server_share_tokens(struct quantum_server *server, const struct quantum_server *owner);

/**
 * Take @p per_s handshake ACKs a second from one source prefix, in a burst twice as many: many
 * clients may share one address. 1 to QUANTUM_ACK_PER_S_MAX; holds from now on.
 */
void quantum_server_set_ack_rate(struct quantum_server *server, uint32_t per_s);

/* A time in both clocks: expiry of tokens is wall-clock, everything else is monotonic. */
struct quantum_now {
	uint64_t ns;
	uint64_t unix_ms;
};

/* Why a node does not take a verified ACK now: the reason on the wire. */
enum quantum_busy {
	QUANTUM_BUSY_NO = 0,
	QUANTUM_BUSY_CONNS = 1,    /* no connection free */
	QUANTUM_BUSY_QUEUE = 2,    /* handshakes wait for public-key work */
	QUANTUM_BUSY_SHUTDOWN = 3, /* the node is shutting down */
};

/*
 * What a verified handshake ACK asks for. About 700 bytes; may be passed to another thread. It
 * holds secrets: keep it in memory for secrets when it outlives the call, and wipe it in the end.
 */
struct quantum_accept {
	struct crypto_token token; /* its psk is zero: see below */
	struct wire_ack ack;
	struct aef_guuid cid; /* C */
	struct quantum_addr from;
	uint64_t slot;       /* of the used-token table */
	const uint8_t *data; /* the ACK itself, borrowed until derive() has returned */
	uint32_t len;
	bool forged; /* derive(): its frames do not verify */
	uint64_t first_pn, pn;
	uint8_t dh_pub[32];
	struct quantum_accept_secrets {
		uint8_t psk[CRYPTO_PSK_BYTES];
		uint8_t dh_priv[CRYPTO_PRIV_BYTES];
		uint8_t c2s[CRYPTO_SECRET_BYTES],
			s2c[CRYPTO_SECRET_BYTES]; /* derive() fills them */
	} secrets;
};

/** Overwrite the secrets of @p accept; a zeroed or wiped one is accepted. */
void quantum_accept_wipe(struct quantum_accept *accept);

/**
 * Answer a datagram that belongs to no connection: SYN, or unknown version, or unknown id.
 *
 * @param rx       datagram and source; classified here
 * @param hdr, clas what wire_classify() said
 * @param reply    `data` and `cap` set; `len` > 0 on return: send it to rx->from, nothing to seal
 * @return the verdict, counted in the server's statistics
 */
enum quantum_verdict quantum_server_on_stray(struct quantum_server *server,
                                             const struct quantum_rx *rx,
                                             const struct wire_header *hdr, enum wire_class clas,
                                             const struct quantum_now *now,
                                             struct quantum_tx *reply);

/**
 * What is said to verified ACKs from now on: QUANTUM_BUSY_NO, or the reason why they cannot be
 * taken. Lack of connections is noticed without it.
 */
void quantum_server_set_busy(struct quantum_server *server, enum quantum_busy reason);

/**
 * Is @p rx a handshake ACK whose cookie proves its source address? Looks at the datagram
 * and the cookie keys only: no token, no limit by source, no room, nothing kept but a counter. For
 * a driver that wants to know before it spends anything on the sender.
 *
 * quantum_server_on_ack() asks the same again, so that no driver can forget to: one SipHash, a
 * small part of what an ACK with the right cookie costs.
 *
 * @return ACCEPTED: go on with quantum_server_on_ack(); or BAD_LENGTH, BAD_COOKIE: final, counted
 */
AEF_MUST_CHECK enum quantum_verdict quantum_server_ack_admit(struct quantum_server *server,
                                                             const struct quantum_rx *rx);

/**
 * Verify a handshake ACK.
 *
 * @param rx         its data is borrowed until quantum_accept_derive() has returned
 * @param ret_accept filled when the verdict is ACCEPTED: derive, then quantum_server_accept(); on
 *                   any other verdict it holds no secrets
 * @param ret_conn   set when the verdict is ACCEPTED_DUPLICATE_ACK: the live connection, which will
 *                   repeat ACCEPT
 * @param reply      BUSY when its `len` > 0
 */
enum quantum_verdict
quantum_server_on_ack(struct quantum_server *server, const struct quantum_rx *rx,
                      const struct quantum_now *now, struct quantum_accept *ret_accept,
                      struct quantum_conn **ret_conn, struct quantum_tx *reply);

/**
 * Public-key work, key schedule, and whether the ACK's own frames verify; pure function of its
 * argument, of which it overwrites the private key. Any thread.
 *
 * The datagram that quantum_server_on_ack() was given must still be there, as it came.
 *
 * @param provider of the thread that calls
 * @return 0, or an error: then quantum_server_abandon()
 */
AEF_MUST_CHECK int quantum_accept_derive(const struct crypto_provider *provider,
                                         struct quantum_accept *accept);

/**
 * Create the connection and give it its id. The caller then runs the same datagram through
 * quantum_conn_rx_prepare() and commit, which opens the protected part of the ACK.
 *
 * @param accept its secrets are overwritten
 * @return 0, or AEF_ERR_FULL: a pool ran empty since on_ack(). Then the token is unused again, and
 *         the next repetition of the ACK finds room or is told BUSY.
 */
AEF_MUST_CHECK int quantum_server_accept(struct quantum_server *server,
                                         struct quantum_accept *accept,
                                         const struct quantum_now *now,
                                         struct quantum_conn **ret_conn);

/**
 * Give an accepted ACK up after all, and say so: the token is unused again.
 *
 * @param reason not QUANTUM_BUSY_NO
 * @param reply  as in quantum_server_on_ack(): receives BUSY
 * @return the verdict, counted
 */
enum quantum_verdict quantum_server_refuse(struct quantum_server *server,
                                           struct quantum_accept *accept, enum quantum_busy reason,
                                           struct quantum_tx *reply);

/**
 * Give an accepted ACK up in silence: its keys could not be derived. The token stays used, but not
 * by a copy whose frames do not verify: then it is unused still, and the work for such copies is
 * limited: RATE_TOKEN.
 */
void quantum_server_abandon(struct quantum_server *server, struct quantum_accept *accept);

/** Accepted ACKs that were neither made a connection nor given up yet. */
uint32_t quantum_server_pending(const struct quantum_server *server);

/** Remove @p conn from the table and free it. */
void quantum_server_release(struct quantum_server *server, struct quantum_conn *conn);

/** Token that a connection was accepted with: session, tenant, subject, limits. */
const struct crypto_token *quantum_server_token(const struct quantum_conn *conn);

/* What an audit log wants to know: X(name, word, text), the text after "refused because".
 */
#define QUANTUM_AUDITS(X)                                                                          \
	X(TOKEN_REUSED, "token_reused", "another handshake has used this token before")            \
	X(TOKEN_REVOKED, "token_revoked", "the key epoch of the token is revoked")                 \
	X(TOKEN_FOREIGN, "token_foreign", "the token is of another node group or key epoch")       \
	X(TABLE_FULL, "token_table_full", "the table of used tokens is full")

enum quantum_audit_type {
#define QUANTUM_AUDIT_ENUM(name, word, text) QUANTUM_AUDIT_##name,
	QUANTUM_AUDITS(QUANTUM_AUDIT_ENUM)
#undef QUANTUM_AUDIT_ENUM
		QUANTUM_NB_AUDITS
};

/*
 * One event. TOKEN_REUSED comes once for each handshake that tries, at most 16 times for one token;
 * the others, which a stranger can cause at will, at most once a second each, with the number of
 * times since the one before.
 */
struct quantum_audit {
	enum quantum_audit_type type;
	bool proven;                 /* a cookie proved the source address */
	uint16_t group, epoch;       /* of the token's key */
	uint32_t count;              /* times that it happened */
	uint64_t unix_ms;            /* of the last time */
	struct aef_guuid session_id; /* zero: the token could not be opened */
	struct quantum_addr from;
};

/** Word and text of an audit type, static storage. */
const char *quantum_audit_word(enum quantum_audit_type type);
const char *quantum_audit_text(enum quantum_audit_type type);

/**
 * Take the oldest event that was not taken yet.
 *
 * @return 0, or AEF_ERR_AGAIN when there is none
 */
AEF_MUST_CHECK int quantum_server_poll_audit(struct quantum_server *server,
                                             struct quantum_audit *ret_audit);

/**
 * Make events of what was held back: else their number is told with the next event of that type,
 * which may never come.
 *
 * @param all also what came less than a second ago: the server ends
 */
void quantum_server_flush_audit(struct quantum_server *server, uint64_t now_ns, bool all);

/** Events that were lost because nobody took the 256 before them. */
uint64_t quantum_server_audit_lost(const struct quantum_server *server);

/** Counts of the datagrams that the server itself decided, by verdict. */
const uint64_t *quantum_server_verdicts(const struct quantum_server *server);

#endif
