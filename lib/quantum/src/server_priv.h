/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/server_priv.h - parts of a server: used tokens, and what strangers may cost.
 *
 * Files: server.c start, strangers, looks; server_ack.c from ACK to connection; server_keys.c
 * cookie and handshake keys; server_token.c tokens that were used; server_limit.c rates by source;
 * server_audit.c events.
 *
 * Source:  docs/spec/quantum.md chapters 4 and 10.
 * Context: the thread that owns the env; the table of used tokens may be shared by many.
 */
#ifndef QUANTUM_SERVER_PRIV_H
#define QUANTUM_SERVER_PRIV_H

#include <stdatomic.h>

#include <quantum/server.h>

#include "conn_priv.h"

/* ---- used tokens ------------------------------------------------------------------------------
 */

#define TOKEN_REFUSED_MAX 2u
#define TOKEN_TOLD_MAX    16u /* audit events of the reuse of one token */
/* Public-key work in vain for one token, whoever sends the ACKs and from wherever. */
#define TOKEN_DERIVE_PER_S 10u
#define TOKEN_DERIVE_BURST 10u

enum token_state {
	TOKEN_FREE = 0,
	TOKEN_PENDING,  /* its ACK is verified, the connection does not exist yet */
	TOKEN_RETURNED, /* work was done for an ACK, in vain: the next one may open a connection */
	TOKEN_BOUND,    /* it opened `cid_s` */
	TOKEN_SPENT,    /* it came to nothing, and opens nothing more */
};

/* A token that was used; it stays until it would have expired anyway. */
struct used_token {
	uint8_t nonce[CRYPTO_NONCE_BYTES];
	uint8_t state;   /* enum token_state */
	uint8_t nb_told; /* times that it was TOKEN_REUSED */
	bool returned;   /* it was TOKEN_RETURNED before */
	uint64_t expires_ms;
	uint64_t transcript;                 /* of the ACK that consumed it */
	uint64_t refused[TOKEN_REFUSED_MAX]; /* transcripts that tried again; 0: none */
	union {
		struct aef_guuid cid_s; /* TOKEN_BOUND */
		uint64_t derive_due_ns; /* before that: when all the work would be due at the steady
		                           rate */
	};
};

/* Of one server, or of one that it shares with; entries only under the lock of their bucket. */
struct token_table {
	struct used_token *entries;
	uint64_t *past_ms;   /* [nb_buckets]: the latest expiry that was forgotten there */
	atomic_flag *locks;  /* [nb_buckets] */
	uint32_t nb_buckets; /* power of two */
	uint8_t hash_key[16];
};

enum token_found {
	TOKEN_NEW,          /* consumed now, by this ACK */
	TOKEN_OF_PENDING,   /* this handshake is being worked on */
	TOKEN_OF_CONN,      /* it opened a connection in this very handshake */
	TOKEN_OF_NOTHING,   /* this handshake failed before */
	TOKEN_REUSED,       /* another handshake has used it; the first time that this one tries */
	TOKEN_REUSED_AGAIN, /* as above, repeated; or it was told often enough */
	TOKEN_TOO_OFTEN,    /* unused, but its ACKs were worked on in vain too often just now */
	TOKEN_NO_ROOM,
	TOKEN_PAST, /* as old as one that was forgotten: only a clock that steps back brings it */
};

size_t token_table_bytes(uint32_t tokens_max);
void token_table_init(struct token_table *table, void *mem, uint32_t tokens_max,
                      struct aef_rng *rng);
/**
 * Consume the token of @p accept, or find it consumed; fills accept->slot, and @p ret_cid_s of
 * TOKEN_OF_CONN.
 */
enum token_found token_table_consume(struct token_table *table, struct quantum_accept *accept,
                                     const struct quantum_now *now, struct aef_guuid *ret_cid_s);
/** The token was not used after all, and no work was done for it. */
void token_table_give_back(struct token_table *table, const struct quantum_accept *accept);
/** The token was not used after all, and its public-key work was done in vain. */
void token_table_return(struct token_table *table, const struct quantum_accept *accept);
/** The token opened connection @p cid_s, or (NULL) nothing and never will. */
void token_table_bind(struct token_table *table, const struct quantum_accept *accept,
                      const struct aef_guuid *cid_s);

/* ---- rates by source ---------------------------------------------------------------------------
 */

#define LIMIT_SYN_ENTRIES 8192u
#define LIMIT_ACK_ENTRIES 65536u

struct limit_entry {
	uint64_t key;    /* keyed hash; 0: free */
	uint64_t due_ns; /* when all that was let through would have come at the steady rate */
};

/* Buckets of 8, the one used last in front. */
struct limit_table {
	struct limit_entry *entries;
	uint32_t nb_buckets; /* power of two */
	uint64_t every_ns;   /* steady rate: one in this time */
	uint64_t burst_ns;   /* how far ahead of it one may be */
	uint8_t hash_key[16];
};

size_t limit_table_bytes(uint32_t nb_entries);
/** @p mem is zeroed, 64-byte aligned; @p per_s and @p burst at least 1. */
void limit_table_init(struct limit_table *table, void *mem, uint32_t nb_entries, uint32_t per_s,
                      uint32_t burst, struct aef_rng *rng);
/** Another rate from now on. */
void limit_table_rate(struct limit_table *table, uint32_t per_s, uint32_t burst);
/**
 * May another one come from the prefix of @p from? Then it is counted.
 *
 * @param extra @p extra_len bytes that tell sources of one prefix apart; NULL when 0
 */
AEF_MUST_CHECK bool limit_table_take(struct limit_table *table, const struct quantum_addr *from,
                                     const void *extra, size_t extra_len, uint64_t now_ns);

/* ---- events ------------------------------------------------------------------------------------
 */

#define AUDIT_EVENTS_MAX 256u

struct audit_queue {
	struct quantum_audit events[AUDIT_EVENTS_MAX];
	uint32_t head, nb;
	uint64_t nb_lost;
	uint32_t held[QUANTUM_NB_AUDITS]; /* times since the last event of the type */
	uint64_t next_ns[QUANTUM_NB_AUDITS];
	struct quantum_audit last[QUANTUM_NB_AUDITS];
};

/** Note that @p event happened; its `count` and `unix_ms` are filled in here. */
void audit_note(struct audit_queue *queue, const struct quantum_audit *event,
                const struct quantum_now *now);
/** Tell what was held back and may be told now, or (@p all) everything. */
void audit_flush(struct audit_queue *queue, uint64_t now_ns, bool all);
AEF_MUST_CHECK int audit_take(struct audit_queue *queue, struct quantum_audit *ret_audit);

/* ---- keys --------------------------------------------------------------------------------------
 */

/** Is @p epoch the current one or the one before? */
bool server_epoch_valid(const struct quantum_server_keys *keys, uint8_t epoch);
void server_cookie_make(const struct quantum_server_keys *keys, uint8_t epoch,
                        const struct quantum_addr *from, const struct aef_guuid *cid,
                        const uint8_t random[WIRE_RANDOM_BYTES],
                        uint8_t ret_cookie[WIRE_COOKIE_BYTES]);

/* ---- the server --------------------------------------------------------------------------------
 */

/* Answers to strangers per second: resets and version replies. */
struct reply_budget {
	uint64_t start_ns;
	uint32_t left;
};

struct quantum_server {
	struct quantum_env *env;
	struct quantum_table *table;
	const struct quantum_server_keys *keys;
	const struct quantum_conn_conf *conf;
	struct token_table tokens;
	struct limit_table syn_limit, ack_limit;
	struct audit_queue audit;
	uint32_t nb_pending; /* accepted, neither a connection nor given up yet */
	enum quantum_busy busy;
	struct reply_budget budget;
	uint64_t verdicts[QUANTUM_NB_VERDICTS];
};

/* Where a token came from. */
struct server_token_from {
	const struct quantum_addr *addr;
	const struct aef_guuid *cid; /* of the header */
	bool proven;                 /* by a cookie */
};

/** Open a token and judge it; ACCEPTED, or why not: then @p ret_token is wiped. */
enum quantum_verdict server_token_open(struct quantum_server *server, const uint8_t *bytes,
                                       const struct server_token_from *source,
                                       const struct quantum_now *now,
                                       struct crypto_token *ret_token);
enum quantum_verdict server_count(struct quantum_server *server, enum quantum_verdict verdict);
void server_reply_start(struct quantum_tx *reply, const struct quantum_addr *to);
void server_reset_token(const struct quantum_server *server, const struct aef_guuid *cid,
                        uint8_t ret_token[WIRE_RESET_BYTES]);

#endif
