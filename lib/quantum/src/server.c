/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdatomic.h>
#include <string.h>

#include <base/err.h>
#include <base/siphash.h>
#include <quantum/server.h>

#include "conn_priv.h"

#define BUCKET_ENTRIES 8u
#define RESETS_PER_S   100u
#define BUSY_RETRY_MS  1000u

/* A token that was used; it stays until it would have expired anyway. */
struct used_token {
	uint8_t nonce[CRYPTO_NONCE_BYTES];
	bool used;
	uint64_t expires_ms;
	uint64_t transcript;    /* of the ACK that consumed it */
	struct aef_guuid cid_s; /* of the connection, zero until it exists */
};

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
	/* Of this server, or of one it shares with; entries only under the lock of their bucket. */
	struct used_token *tokens;
	atomic_flag *locks;  /* [nb_buckets] */
	uint32_t nb_buckets; /* power of two */
	uint8_t hash_key[16];
	struct reply_budget budget;
	uint64_t verdicts[QUANTUM_NB_VERDICTS];
};

static int
make_epoch(struct quantum_server_keys *keys, const struct crypto_provider *provider,
           const uint8_t random[64])
{
	const unsigned i = keys->epoch & 1;

	memcpy(keys->cookie_key[i], random, 16);
	return provider->dh_keygen(provider->ctx, random + 32, keys->dh_priv[i], keys->dh_pub[i]);
}

int
quantum_server_keys_init(struct quantum_server_keys *keys, const struct crypto_provider *provider,
                         const uint8_t random[64], const uint8_t reset_key[32])
{
	int err;

	*keys = (struct quantum_server_keys){ .epoch = 0 };
	memcpy(keys->reset_key, reset_key, sizeof(keys->reset_key));
	err = make_epoch(keys, provider, random);
	if (err != 0)
		return err;
	/* The epoch before the first one must not be all zero: fill it from the same random. */
	memcpy(keys->cookie_key[1], random + 16, 16);
	return provider->dh_keygen(provider->ctx, random + 32, keys->dh_priv[1], keys->dh_pub[1]);
}

int
quantum_server_keys_rotate(struct quantum_server_keys *keys, const struct crypto_provider *provider,
                           const uint8_t random[64])
{
	keys->epoch++;
	crypto_wipe(keys->dh_priv[keys->epoch & 1], sizeof(keys->dh_priv[0]));
	return make_epoch(keys, provider, random);
}

static uint32_t
buckets_for(uint32_t tokens_max)
{
	uint32_t nb = 1;

	while (nb * BUCKET_ENTRIES < tokens_max)
		nb *= 2;
	return nb;
}

size_t
quantum_server_bytes(uint32_t tokens_max)
{
	return sizeof(struct quantum_server) + AEF_CACHE_LINE +
	       (size_t)buckets_for(tokens_max) *
	               (BUCKET_ENTRIES * sizeof(struct used_token) + sizeof(atomic_flag));
}

struct quantum_server *
quantum_server_init(void *mem, uint32_t tokens_max, struct quantum_env *env,
                    struct quantum_table *table, const struct quantum_server_keys *keys,
                    const struct quantum_conn_conf *conf)
{
	struct quantum_server *server = mem;

	aef_assert(((uintptr_t)mem & (AEF_CACHE_LINE - 1)) == 0);
	memset(mem, 0, quantum_server_bytes(tokens_max));
	server->env = env;
	server->table = table;
	server->keys = keys;
	server->conf = conf;
	server->nb_buckets = buckets_for(tokens_max);
	server->tokens = (struct used_token *)((uint8_t *)mem + sizeof(*server));
	server->locks =
		(atomic_flag *)(server->tokens + (size_t)server->nb_buckets * BUCKET_ENTRIES);
	for (uint32_t i = 0; i < server->nb_buckets; i++)
		atomic_flag_clear_explicit(&server->locks[i], memory_order_relaxed);
	for (unsigned i = 0; i < sizeof(server->hash_key); i++)
		server->hash_key[i] = (uint8_t)aef_rng_u64(&env->rng);
	return server;
}

void
quantum_server_share_tokens(struct quantum_server *server, const struct quantum_server *owner)
{
	server->tokens = owner->tokens;
	server->locks = owner->locks;
	server->nb_buckets = owner->nb_buckets;
	memcpy(server->hash_key, owner->hash_key, sizeof(server->hash_key));
}

static enum quantum_verdict
count(struct quantum_server *server, enum quantum_verdict verdict)
{
	server->verdicts[verdict]++;
	return verdict;
}

static void
cookie_make(const struct quantum_server_keys *keys, uint8_t epoch, const struct quantum_addr *from,
            const struct aef_guuid *cid, const uint8_t random[WIRE_RANDOM_BYTES],
            uint8_t ret_cookie[WIRE_COOKIE_BYTES])
{
	struct aef_siphash sip;
	uint8_t port[4] = { 0 };

	aef_store_be16(port, from->port);
	aef_siphash_init(&sip, keys->cookie_key[epoch & 1], true);
	aef_siphash_update(&sip, from->ip, sizeof(from->ip));
	aef_siphash_update(&sip, port, sizeof(port));
	aef_siphash_update(&sip, cid->b, sizeof(cid->b));
	aef_siphash_update(&sip, random, WIRE_RANDOM_BYTES);
	aef_siphash_update(&sip, &epoch, 1);
	aef_siphash_final128(&sip, ret_cookie);
}

static bool
epoch_valid(const struct quantum_server_keys *keys, uint8_t epoch)
{
	return epoch == keys->epoch || epoch == (uint8_t)(keys->epoch - 1);
}

static int
token_open(const struct quantum_server *server, const uint8_t *bytes, const struct aef_guuid *cid,
           const struct quantum_now *now, struct crypto_token *ret_token)
{
	const struct crypto_provider *crypto = server->env->crypto;
	const int err = crypto->token_open(crypto->ctx, bytes, now->unix_ms, ret_token);

	if (err != 0)
		return err;
	return aef_guuid_eq(&ret_token->conn_id, cid) ? 0 : AEF_ERR_AUTH;
}

/* Opens the token, keeps nothing, answers with a cookie that only the address can echo. */
static enum quantum_verdict
on_syn(struct quantum_server *server, const struct quantum_rx *rx, const struct wire_header *hdr,
       const struct quantum_now *now, struct quantum_tx *reply)
{
	const struct quantum_server_keys *keys = server->keys;
	const uint8_t epoch = keys->epoch;
	struct wire_syn syn;
	struct wire_syn_ack out;
	struct crypto_token token;

	if (wire_syn_decode(rx->data, &syn) != 0)
		return QUANTUM_VERDICT_BAD_LENGTH;
	if (token_open(server, syn.token, &hdr->cid, now, &token) != 0)
		return QUANTUM_VERDICT_BAD_TOKEN;
	memcpy(out.client_random, syn.client_random, sizeof(out.client_random));
	cookie_make(keys, epoch, &rx->from, &hdr->cid, syn.client_random, out.cookie);
	out.cookie_epoch = epoch;
	out.dh_epoch = epoch;
	memcpy(out.server_pub, keys->dh_pub[epoch & 1], sizeof(out.server_pub));
	memset(out.mac, 0, sizeof(out.mac));
	wire_syn_ack_encode(reply->data, &hdr->cid, &out);
	handshake_mac(server->env->crypto, token.psk, MAC_LABEL_SYN_ACK, reply->data,
	              WIRE_SYN_ACK_MAC_AT, reply->data + WIRE_SYN_ACK_MAC_AT);
	reply->len = WIRE_SYN_ACK_BYTES;
	crypto_wipe(token.psk, sizeof(token.psk));
	return QUANTUM_VERDICT_REPLIED_SYN;
}

static bool
budget_take(struct reply_budget *budget, uint64_t now_ns)
{
	if (now_ns - budget->start_ns >= AEF_NS_PER_S || budget->start_ns == 0) {
		budget->start_ns = now_ns;
		budget->left = RESETS_PER_S;
	}
	if (budget->left == 0)
		return false;
	budget->left--;
	return true;
}

static void
reset_token_make(const struct quantum_server *server, const struct aef_guuid *cid,
                 uint8_t ret_token[WIRE_RESET_BYTES])
{
	const struct crypto_provider *crypto = server->env->crypto;
	const struct crypto_bytes part = { cid->b, sizeof(cid->b) };

	crypto->mac(crypto->ctx, server->keys->reset_key, &part, 1, ret_token);
}

/* Only for a well-formed protected packet that is longer than the reset itself. */
static enum quantum_verdict
on_unknown(struct quantum_server *server, const struct quantum_rx *rx,
           const struct wire_header *hdr, const struct quantum_now *now, struct quantum_tx *reply)
{
	uint8_t token[WIRE_RESET_BYTES];

	if (rx->len <= WIRE_RST_BYTES)
		return QUANTUM_VERDICT_UNKNOWN_CID;
	if (!budget_take(&server->budget, now->ns))
		return QUANTUM_VERDICT_RATE_LIMITED;
	reset_token_make(server, &hdr->cid, token);
	wire_rst_encode(reply->data, &hdr->cid, token);
	reply->len = WIRE_RST_BYTES;
	return QUANTUM_VERDICT_REPLIED_RESET;
}

/* */
static enum quantum_verdict
on_unknown_version(struct quantum_server *server, const struct quantum_rx *rx,
                   const struct wire_header *hdr, const struct quantum_now *now,
                   struct quantum_tx *reply)
{
	if (rx->len < WIRE_VERSION_FLOOR)
		return QUANTUM_VERDICT_BAD_VERSION;
	if (!budget_take(&server->budget, now->ns))
		return QUANTUM_VERDICT_RATE_LIMITED;
	reply->len = (uint32_t)wire_version_reply_encode(reply->data, &hdr->cid);
	return QUANTUM_VERDICT_REPLIED_VERSION;
}

enum quantum_verdict
quantum_server_on_stray(struct quantum_server *server, const struct quantum_rx *rx,
                        const struct wire_header *hdr, enum wire_class clas,
                        const struct quantum_now *now, struct quantum_tx *reply)
{
	aef_assert_hot(reply->cap >= WIRE_SYN_ACK_BYTES);
	reply->len = 0;
	reply->ecn = 0;
	reply->needs_seal = false;
	reply->to = rx->from;
	switch (clas) {
	case WIRE_CLASS_SYN:
		return count(server, on_syn(server, rx, hdr, now, reply));
	case WIRE_CLASS_PROTECTED:
		return count(server, on_unknown(server, rx, hdr, now, reply));
	case WIRE_CLASS_UNKNOWN_VERSION:
		return count(server, on_unknown_version(server, rx, hdr, now, reply));
	case WIRE_CLASS_BAD_FLAGS:
		return count(server, QUANTUM_VERDICT_BAD_FLAGS);
	case WIRE_CLASS_BAD_LENGTH:
		return count(server, QUANTUM_VERDICT_BAD_LENGTH);
	case WIRE_CLASS_NOT_QUANTUM:
		return count(server, QUANTUM_VERDICT_NOT_QUANTUM);
	default:
		/* SYN+ACK, RST, version reply: never meant for a server. */
		return count(server, QUANTUM_VERDICT_WRONG_CLASS);
	}
}

static uint64_t
transcript_hash(const struct quantum_server *server, const struct wire_ack *ack,
                const struct quantum_addr *from)
{
	struct aef_siphash sip;

	aef_siphash_init(&sip, server->hash_key, false);
	aef_siphash_update(&sip, ack->client_random, sizeof(ack->client_random));
	aef_siphash_update(&sip, ack->cookie, sizeof(ack->cookie));
	aef_siphash_update(&sip, ack->client_pub, sizeof(ack->client_pub));
	aef_siphash_update(&sip, from, sizeof(*from));
	return aef_siphash_final64(&sip);
}

static uint32_t
bucket_of(const struct quantum_server *server, const uint8_t *nonce)
{
	return (uint32_t)aef_siphash64(server->hash_key, nonce, CRYPTO_NONCE_BYTES) &
	       (server->nb_buckets - 1);
}

/* Held for a few entries, once or twice in a handshake, so another lcore is never here for long. */
static void
bucket_lock(struct quantum_server *server, uint32_t bucket)
{
	while (atomic_flag_test_and_set_explicit(&server->locks[bucket], memory_order_acquire))
		;
}

static void
bucket_unlock(struct quantum_server *server, uint32_t bucket)
{
	atomic_flag_clear_explicit(&server->locks[bucket], memory_order_release);
}

/* The entry of the token, or a free one for it, or NULL. Under the lock. */
static struct used_token *
entry_find(struct quantum_server *server, uint32_t bucket, const uint8_t *nonce, uint64_t unix_ms)
{
	struct used_token *room = NULL;

	for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
		struct used_token *e = &server->tokens[(size_t)bucket * BUCKET_ENTRIES + i];

		if (e->used && unix_ms > e->expires_ms + CRYPTO_TOKEN_SKEW_MS)
			e->used = false;
		if (e->used && memcmp(e->nonce, nonce, sizeof(e->nonce)) == 0)
			return e;
		if (!e->used && room == NULL)
			room = e;
	}
	return room;
}

/*
 * Consume the token, or find it consumed. A full bucket refuses: evicting would let a used
 * token in again.
 *
 * @param ret_cid_s of the connection that it opened, when the verdict is ACCEPTED_DUPLICATE_ACK
 */
static enum quantum_verdict
token_consume(struct quantum_server *server, struct quantum_accept *accept,
              const struct quantum_now *now, struct aef_guuid *ret_cid_s)
{
	const uint32_t bucket = bucket_of(server, accept->token.nonce);
	const uint64_t transcript = transcript_hash(server, &accept->ack, &accept->from);
	enum quantum_verdict verdict = QUANTUM_VERDICT_TABLE_FULL;
	struct used_token *e;

	bucket_lock(server, bucket);
	e = entry_find(server, bucket, accept->token.nonce, now->unix_ms);
	if (e != NULL && e->used) {
		*ret_cid_s = e->cid_s;
		verdict = e->transcript == transcript ? QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK
		                                      : QUANTUM_VERDICT_TOKEN_USED;
	} else if (e != NULL) {
		*e = (struct used_token){ .used = true,
			                  .expires_ms = accept->token.expires_ms,
			                  .transcript = transcript };
		memcpy(e->nonce, accept->token.nonce, sizeof(e->nonce));
		accept->slot = (uint64_t)(e - server->tokens);
		verdict = QUANTUM_VERDICT_ACCEPTED;
	}
	bucket_unlock(server, bucket);
	return verdict;
}

/* The token was not used after all. */
static void
token_give_back(struct quantum_server *server, const struct quantum_accept *accept)
{
	const uint32_t bucket = (uint32_t)(accept->slot / BUCKET_ENTRIES);

	bucket_lock(server, bucket);
	server->tokens[accept->slot].used = false;
	bucket_unlock(server, bucket);
}

/* The token opened this connection: a repeated ACK finds it. */
static void
token_bind(struct quantum_server *server, const struct quantum_accept *accept,
           const struct aef_guuid *cid_s)
{
	const uint32_t bucket = (uint32_t)(accept->slot / BUCKET_ENTRIES);

	bucket_lock(server, bucket);
	server->tokens[accept->slot].cid_s = *cid_s;
	bucket_unlock(server, bucket);
}

static struct quantum_conn *
conn_of(const struct quantum_server *server, const struct aef_guuid *cid)
{
	void *conn;
	int16_t lcore;

	quantum_table_lookup(server->table, &cid, 1, &conn, &lcore);
	return conn;
}

/* Order of checks: cheap ones first, cookie before token, token before MAC. */
static enum quantum_verdict
ack_verify(struct quantum_server *server, const struct quantum_rx *rx,
           const struct quantum_now *now, struct quantum_accept *accept)
{
	const struct crypto_provider *crypto = server->env->crypto;
	struct wire_header hdr;
	uint8_t expect[WIRE_COOKIE_BYTES];

	if (wire_classify(rx->data, rx->len, &hdr) != WIRE_CLASS_ACK ||
	    wire_ack_decode(rx->data, &accept->ack) != 0)
		return QUANTUM_VERDICT_BAD_LENGTH;
	accept->cid = hdr.cid;
	accept->from = rx->from;
	if (!epoch_valid(server->keys, accept->ack.cookie_epoch) ||
	    accept->ack.dh_epoch != accept->ack.cookie_epoch)
		return QUANTUM_VERDICT_BAD_COOKIE;
	cookie_make(server->keys, accept->ack.cookie_epoch, &rx->from, &hdr.cid,
	            accept->ack.client_random, expect);
	if (!crypto_equal(expect, accept->ack.cookie, sizeof(expect)))
		return QUANTUM_VERDICT_BAD_COOKIE;
	if (token_open(server, accept->ack.token, &hdr.cid, now, &accept->token) != 0)
		return QUANTUM_VERDICT_BAD_TOKEN;
	handshake_mac(crypto, accept->token.psk, MAC_LABEL_ACK, rx->data, WIRE_ACK_MAC_AT, expect);
	return crypto_equal(expect, accept->ack.mac, sizeof(expect)) ? QUANTUM_VERDICT_ACCEPTED
	                                                             : QUANTUM_VERDICT_BAD_MAC;
}

static void
busy_reply(struct quantum_server *server, const struct quantum_accept *accept,
           struct quantum_tx *reply)
{
	struct wire_busy busy = { .retry_after_ms =
		                          BUSY_RETRY_MS + (uint32_t)aef_rng_below(&server->env->rng,
		                                                                  BUSY_RETRY_MS) };

	memcpy(busy.client_random, accept->ack.client_random, sizeof(busy.client_random));
	wire_busy_encode(reply->data, &accept->cid, &busy);
	handshake_mac(server->env->crypto, accept->token.psk, MAC_LABEL_BUSY, reply->data,
	              WIRE_BUSY_MAC_AT, reply->data + WIRE_BUSY_MAC_AT);
	reply->len = WIRE_BUSY_BYTES;
}

enum quantum_verdict
quantum_server_on_ack(struct quantum_server *server, const struct quantum_rx *rx,
                      const struct quantum_now *now, struct quantum_accept *ret_accept,
                      struct quantum_conn **ret_conn, struct quantum_tx *reply)
{
	struct aef_guuid cid_s;
	enum quantum_verdict verdict = ack_verify(server, rx, now, ret_accept);
	unsigned i;

	reply->len = 0;
	reply->ecn = 0;
	reply->needs_seal = false;
	reply->to = rx->from;
	*ret_conn = NULL;
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return count(server, verdict);
	verdict = token_consume(server, ret_accept, now, &cid_s);
	if (verdict == QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK) {
		*ret_conn = conn_of(server, &cid_s);
		/* The connection is gone or still being derived: nothing to repeat. */
		return count(server, *ret_conn != NULL ? verdict : QUANTUM_VERDICT_TOKEN_USED);
	}
	if (verdict == QUANTUM_VERDICT_ACCEPTED &&
	    (server->table->nb_used == server->table->nb_slots ||
	     aef_pool_left(&server->env->conns) == 0)) {
		/* The client may come back with it. */
		token_give_back(server, ret_accept);
		busy_reply(server, ret_accept, reply);
		return count(server, QUANTUM_VERDICT_BUSY);
	}
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return count(server, verdict);
	i = ret_accept->ack.dh_epoch & 1;
	memcpy(ret_accept->dh_priv, server->keys->dh_priv[i], 32);
	memcpy(ret_accept->dh_pub, server->keys->dh_pub[i], 32);
	return count(server, verdict);
}

int
quantum_accept_derive(const struct crypto_provider *provider, struct quantum_accept *accept)
{
	uint8_t shared[CRYPTO_SHARED_BYTES];
	struct conn_secrets secrets;
	const int err =
		provider->dh(provider->ctx, accept->dh_priv, accept->ack.client_pub, shared);

	crypto_wipe(accept->dh_priv, sizeof(accept->dh_priv));
	if (err != 0)
		return err;
	handshake_secrets(provider,
	                  &(struct conn_transcript){
				  .token = accept->ack.token,
				  .random = accept->ack.client_random,
				  .cookie = accept->ack.cookie,
				  .server_pub = accept->dh_pub,
				  .client_pub = accept->ack.client_pub,
				  .psk = accept->token.psk,
				  .shared = shared,
				  .cookie_epoch = accept->ack.cookie_epoch,
				  .dh_epoch = accept->ack.dh_epoch,
			  },
	                  &secrets);
	memcpy(accept->secret_c2s, secrets.c2s, 32);
	memcpy(accept->secret_s2c, secrets.s2c, 32);
	crypto_wipe(&secrets, sizeof(secrets));
	crypto_wipe(shared, sizeof(shared));
	return 0;
}

int
quantum_server_accept(struct quantum_server *server, const struct quantum_accept *accept,
                      const struct quantum_now *now, struct quantum_conn **ret_conn)
{
	struct quantum_conn *conn =
		conn_create(server->env, server->conf, &accept->from, true, now->ns);
	int err;

	if (conn == NULL)
		return AEF_ERR_FULL;
	conn->cid_c = accept->cid;
	conn->token = accept->token;
	conn->token_slot = accept->slot;
	crypto_wipe(conn->token.psk, sizeof(conn->token.psk));
	err = conn_set_keys(conn, accept->secret_s2c, accept->secret_c2s);
	if (err == 0)
		err = quantum_table_add(server->table, conn, now->unix_ms, &conn->cid_s);
	if (err != 0) {
		quantum_conn_free(conn);
		return err;
	}
	reset_token_make(server, &conn->cid_s, conn->reset_token);
	conn->want |= WANT_ACCEPT;
	token_bind(server, accept, &conn->cid_s);
	conn_set_state(conn, CONN_ESTABLISHED, now->ns); /* CONNECTED follows with its LIMITS */
	*ret_conn = conn;
	return 0;
}

void
quantum_server_release(struct quantum_server *server, struct quantum_conn *conn)
{
	if (conn == NULL)
		return;
	quantum_table_remove(server->table, &conn->cid_s);
	quantum_conn_free(conn);
}

const struct crypto_token *
quantum_server_token(const struct quantum_conn *conn)
{
	return &conn->token;
}

const uint64_t *
quantum_server_verdicts(const struct quantum_server *server)
{
	return server->verdicts;
}
