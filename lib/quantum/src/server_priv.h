/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/server_priv.h - parts of a server: used tokens, and what strangers may cost.
 *
 * Files: server.c order of work and the public face; server_keys.c cookie and handshake keys;
 * server_token.c tokens that were used.
 *
 * Source:  docs/spec/quantum.md chapters 4 and 10.
 * Context: the thread that owns the env; the table of used tokens may be shared by many.
 */
#ifndef QUANTUM_SERVER_PRIV_H
#define QUANTUM_SERVER_PRIV_H

#include <stdatomic.h>

#include <quantum/server.h>

/* ---- used tokens ------------------------------------------------------------------------------
 */

#define TOKEN_REFUSED_MAX 2u

enum token_state {
	TOKEN_FREE = 0,
	TOKEN_PENDING, /* its ACK is verified, the connection does not exist yet */
	TOKEN_BOUND,   /* it opened `cid_s` */
	TOKEN_SPENT,   /* it came to nothing, and opens nothing more */
};

/* A token that was used; it stays until it would have expired anyway. */
struct used_token {
	uint8_t nonce[CRYPTO_NONCE_BYTES];
	uint8_t state; /* enum token_state */
	uint8_t next_refused;
	uint64_t expires_ms;
	uint64_t transcript;                 /* of the ACK that consumed it */
	uint64_t refused[TOKEN_REFUSED_MAX]; /* transcripts that tried again; 0: none */
	struct aef_guuid cid_s;              /* TOKEN_BOUND */
};

/* Of one server, or of one that it shares with; entries only under the lock of their bucket. */
struct token_table {
	struct used_token *entries;
	atomic_flag *locks;  /* [nb_buckets] */
	uint32_t nb_buckets; /* power of two */
	uint8_t hash_key[16];
};

enum token_found {
	TOKEN_NEW,        /* consumed now, by this ACK */
	TOKEN_OF_PENDING, /* this handshake is being worked on */
	TOKEN_OF_CONN,    /* it opened a connection in this very handshake */
	TOKEN_OF_NOTHING, /* this handshake failed before */
	TOKEN_REUSED,     /* another handshake has used it; the first time that this one tries */
	TOKEN_REUSED_AGAIN /* as above, repeated */,
	TOKEN_NO_ROOM,
};

size_t token_table_bytes(uint32_t tokens_max);
void token_table_init(struct token_table *table, void *mem, uint32_t tokens_max,
                      struct aef_rng *rng);
/** Consume the token of @p accept, or find it consumed; fills accept->slot and @p ret_cid_s. */
enum token_found token_table_consume(struct token_table *table, struct quantum_accept *accept,
                                     uint64_t unix_ms, struct aef_guuid *ret_cid_s);
/** The token was not used after all. */
void token_table_give_back(struct token_table *table, const struct quantum_accept *accept);
/** The token opened connection @p cid_s, or (NULL) nothing and never will. */
void token_table_bind(struct token_table *table, const struct quantum_accept *accept,
                      const struct aef_guuid *cid_s);

/* ---- keys --------------------------------------------------------------------------------------
 */

/** Is @p epoch the current one or the one before? */
bool server_epoch_valid(const struct quantum_server_keys *keys, uint8_t epoch);
void server_cookie_make(const struct quantum_server_keys *keys, uint8_t epoch,
                        const struct quantum_addr *from, const struct aef_guuid *cid,
                        const uint8_t random[WIRE_RANDOM_BYTES],
                        uint8_t ret_cookie[WIRE_COOKIE_BYTES]);

#endif
