/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>

#include "conn_priv.h"
#include "server_priv.h"

#define RESETS_PER_S  100u
#define BUSY_RETRY_MS 1000u

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
	uint32_t nb_pending; /* accepted, neither a connection nor given up yet */
	enum quantum_busy busy;
	struct reply_budget budget;
	uint64_t verdicts[QUANTUM_NB_VERDICTS];
};

size_t
quantum_server_bytes(uint32_t tokens_max)
{
	return sizeof(struct quantum_server) + AEF_CACHE_LINE + token_table_bytes(tokens_max);
}

struct quantum_server *
quantum_server_init(void *mem, uint32_t tokens_max, struct quantum_env *env,
                    struct quantum_table *table, const struct quantum_server_keys *keys,
                    const struct quantum_conn_conf *conf)
{
	struct quantum_server *server = mem;
	uintptr_t at;

	aef_assert(((uintptr_t)mem & (AEF_CACHE_LINE - 1)) == 0);
	memset(mem, 0, quantum_server_bytes(tokens_max));
	server->env = env;
	server->table = table;
	server->keys = keys;
	server->conf = conf;
	at = (uintptr_t)mem + sizeof(*server);
	token_table_init(&server->tokens,
	                 (void *)((at + AEF_CACHE_LINE - 1) & ~(uintptr_t)(AEF_CACHE_LINE - 1)),
	                 tokens_max, &env->rng);
	return server;
}

void
quantum_server_share_tokens(struct quantum_server *server, const struct quantum_server *owner)
{
	server->tokens = owner->tokens;
}

static enum quantum_verdict
count(struct quantum_server *server, enum quantum_verdict verdict)
{
	server->verdicts[verdict]++;
	return verdict;
}

static int
token_open(const struct quantum_server *server, const uint8_t *bytes, const struct aef_guuid *cid,
           const struct quantum_now *now, struct crypto_token *ret_token)
{
	const struct crypto_provider *crypto = server->env->crypto;
	const int err = crypto->token_open(crypto->ctx, bytes, now->unix_ms, ret_token);

	if (err != 0)
		return err;
	if (aef_guuid_eq(&ret_token->conn_id, cid))
		return 0;
	crypto_wipe(ret_token->psk, sizeof(ret_token->psk));
	return AEF_ERR_AUTH;
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
	server_cookie_make(keys, epoch, &rx->from, &hdr->cid, syn.client_random, out.cookie);
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

static void
reply_start(struct quantum_tx *reply, const struct quantum_addr *to)
{
	reply->len = 0;
	reply->ecn = 0;
	reply->needs_seal = false;
	reply->to = *to;
}

enum quantum_verdict
quantum_server_on_stray(struct quantum_server *server, const struct quantum_rx *rx,
                        const struct wire_header *hdr, enum wire_class clas,
                        const struct quantum_now *now, struct quantum_tx *reply)
{
	aef_assert_hot(reply->cap >= WIRE_SYN_ACK_BYTES);
	reply_start(reply, &rx->from);
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
	if (!server_epoch_valid(server->keys, accept->ack.cookie_epoch) ||
	    accept->ack.dh_epoch != accept->ack.cookie_epoch)
		return QUANTUM_VERDICT_BAD_COOKIE;
	server_cookie_make(server->keys, accept->ack.cookie_epoch, &rx->from, &hdr.cid,
	                   accept->ack.client_random, expect);
	if (!crypto_equal(expect, accept->ack.cookie, sizeof(expect)))
		return QUANTUM_VERDICT_BAD_COOKIE;
	if (token_open(server, accept->ack.token, &hdr.cid, now, &accept->token) != 0)
		return QUANTUM_VERDICT_BAD_TOKEN;
	memcpy(accept->secrets.psk, accept->token.psk, sizeof(accept->secrets.psk));
	crypto_wipe(accept->token.psk, sizeof(accept->token.psk));
	handshake_mac(crypto, accept->secrets.psk, MAC_LABEL_ACK, rx->data, WIRE_ACK_MAC_AT,
	              expect);
	return crypto_equal(expect, accept->ack.mac, sizeof(expect)) ? QUANTUM_VERDICT_ACCEPTED
	                                                             : QUANTUM_VERDICT_BAD_MAC;
}

static enum quantum_verdict
verdict_of_busy(enum quantum_busy reason)
{
	return reason == QUANTUM_BUSY_QUEUE      ? QUANTUM_VERDICT_BUSY_QUEUE
	       : reason == QUANTUM_BUSY_SHUTDOWN ? QUANTUM_VERDICT_BUSY_SHUTDOWN
	                                         : QUANTUM_VERDICT_BUSY;
}

/* The client may come back with its token, not all of them at once. */
static enum quantum_verdict
refuse(struct quantum_server *server, struct quantum_accept *accept, enum quantum_busy reason,
       struct quantum_tx *reply)
{
	struct wire_busy busy = { .reason = (uint8_t)reason,
		                  .retry_after_ms =
		                          BUSY_RETRY_MS + (uint32_t)aef_rng_below(&server->env->rng,
		                                                                  BUSY_RETRY_MS) };

	memcpy(busy.client_random, accept->ack.client_random, sizeof(busy.client_random));
	wire_busy_encode(reply->data, &accept->cid, &busy);
	handshake_mac(server->env->crypto, accept->secrets.psk, MAC_LABEL_BUSY, reply->data,
	              WIRE_BUSY_MAC_AT, reply->data + WIRE_BUSY_MAC_AT);
	reply->len = WIRE_BUSY_BYTES;
	token_table_give_back(&server->tokens, accept);
	quantum_accept_wipe(accept);
	return verdict_of_busy(reason);
}

/* What is promised to accepted ACKs already is not free. */
static enum quantum_busy
room(const struct quantum_server *server)
{
	const uint32_t pending = server->nb_pending;

	if (server->busy != QUANTUM_BUSY_NO)
		return server->busy;
	return server->table->nb_slots - server->table->nb_used <= pending ||
	                       aef_pool_left(&server->env->conns) <= pending ||
	                       aef_pool_left(&server->env->secrets) <= pending ||
	                       aef_pool_left(&server->env->replays) <= pending
	               ? QUANTUM_BUSY_CONNS
	               : QUANTUM_BUSY_NO;
}

/* The token was consumed by this ACK: take it, or say BUSY. */
static enum quantum_verdict
take(struct quantum_server *server, struct quantum_accept *accept, struct quantum_tx *reply)
{
	const enum quantum_busy reason = room(server);
	const unsigned i = accept->ack.dh_epoch & 1;

	if (reason != QUANTUM_BUSY_NO)
		return refuse(server, accept, reason, reply);
	server->nb_pending++;
	memcpy(accept->secrets.dh_priv, server->keys->dh_priv[i], CRYPTO_PRIV_BYTES);
	memcpy(accept->dh_pub, server->keys->dh_pub[i], sizeof(accept->dh_pub));
	return QUANTUM_VERDICT_ACCEPTED;
}

static enum quantum_verdict
single_use(struct quantum_server *server, struct quantum_accept *accept,
           const struct quantum_now *now, struct quantum_conn **ret_conn, struct quantum_tx *reply)
{
	struct aef_guuid cid_s;

	switch (token_table_consume(&server->tokens, accept, now->unix_ms, &cid_s)) {
	case TOKEN_NEW:
		return take(server, accept, reply);
	case TOKEN_OF_PENDING:
		return QUANTUM_VERDICT_ACK_PENDING;
	case TOKEN_OF_CONN:
		*ret_conn = conn_of(server, &cid_s);
		return *ret_conn != NULL ? QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK
		                         : QUANTUM_VERDICT_ACK_ENDED;
	case TOKEN_OF_NOTHING:
		return QUANTUM_VERDICT_ACK_ENDED;
	case TOKEN_REUSED:
	case TOKEN_REUSED_AGAIN:
		return QUANTUM_VERDICT_TOKEN_USED;
	default:
		return QUANTUM_VERDICT_TABLE_FULL;
	}
}

enum quantum_verdict
quantum_server_on_ack(struct quantum_server *server, const struct quantum_rx *rx,
                      const struct quantum_now *now, struct quantum_accept *ret_accept,
                      struct quantum_conn **ret_conn, struct quantum_tx *reply)
{
	enum quantum_verdict verdict = ack_verify(server, rx, now, ret_accept);

	reply_start(reply, &rx->from);
	*ret_conn = NULL;
	if (verdict == QUANTUM_VERDICT_ACCEPTED)
		verdict = single_use(server, ret_accept, now, ret_conn, reply);
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		quantum_accept_wipe(ret_accept);
	return count(server, verdict);
}

void
quantum_server_set_busy(struct quantum_server *server, enum quantum_busy reason)
{
	server->busy = reason;
}

void
quantum_accept_wipe(struct quantum_accept *accept)
{
	crypto_wipe(&accept->secrets, sizeof(accept->secrets));
}

int
quantum_accept_derive(const struct crypto_provider *provider, struct quantum_accept *accept)
{
	struct quantum_accept_secrets *sec = &accept->secrets;
	uint8_t shared[CRYPTO_SHARED_BYTES];
	struct conn_secrets secrets;
	const int err = provider->dh(provider->ctx, sec->dh_priv, accept->ack.client_pub, shared);

	crypto_wipe(sec->dh_priv, sizeof(sec->dh_priv));
	if (err != 0)
		return err;
	handshake_secrets(provider,
	                  &(struct conn_transcript){
				  .token = accept->ack.token,
				  .random = accept->ack.client_random,
				  .cookie = accept->ack.cookie,
				  .server_pub = accept->dh_pub,
				  .client_pub = accept->ack.client_pub,
				  .psk = sec->psk,
				  .shared = shared,
				  .cookie_epoch = accept->ack.cookie_epoch,
				  .dh_epoch = accept->ack.dh_epoch,
			  },
	                  &secrets);
	memcpy(sec->c2s, secrets.c2s, sizeof(sec->c2s));
	memcpy(sec->s2c, secrets.s2c, sizeof(sec->s2c));
	crypto_wipe(&secrets, sizeof(secrets));
	crypto_wipe(shared, sizeof(shared));
	return 0;
}

static void
settle(struct quantum_server *server, struct quantum_accept *accept)
{
	aef_assert(server->nb_pending > 0);
	server->nb_pending--;
	quantum_accept_wipe(accept);
}

int
quantum_server_accept(struct quantum_server *server, struct quantum_accept *accept,
                      const struct quantum_now *now, struct quantum_conn **ret_conn)
{
	struct quantum_conn *conn =
		conn_create(server->env, server->conf, &accept->from, true, now->ns);
	int err = conn == NULL ? AEF_ERR_FULL
	                       : conn_set_keys(conn, accept->secrets.s2c, accept->secrets.c2s);

	settle(server, accept);
	if (err == 0)
		err = quantum_table_add(server->table, conn, now->unix_ms, &conn->cid_s);
	if (err != 0) {
		token_table_give_back(&server->tokens, accept);
		quantum_conn_free(conn);
		return err;
	}
	conn->cid_c = accept->cid;
	conn->token = accept->token;
	reset_token_make(server, &conn->cid_s, conn->reset_token);
	conn->want |= WANT_ACCEPT;
	token_table_bind(&server->tokens, accept, &conn->cid_s);
	conn_set_state(conn, CONN_ESTABLISHED, now->ns); /* CONNECTED follows with its LIMITS */
	*ret_conn = conn;
	return 0;
}

enum quantum_verdict
quantum_server_refuse(struct quantum_server *server, struct quantum_accept *accept,
                      enum quantum_busy reason, struct quantum_tx *reply)
{
	enum quantum_verdict verdict;

	reply_start(reply, &accept->from);
	verdict = refuse(server, accept, reason, reply);
	settle(server, accept);
	return count(server, verdict);
}

void
quantum_server_abandon(struct quantum_server *server, struct quantum_accept *accept)
{
	settle(server, accept);
	token_table_bind(&server->tokens, accept, NULL);
}

uint32_t
quantum_server_pending(const struct quantum_server *server)
{
	return server->nb_pending;
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
