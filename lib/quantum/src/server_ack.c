/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>

#include "conn_priv.h"
#include "server_priv.h"

#define BUSY_RETRY_MS 1000u

static struct quantum_conn *
conn_of(const struct quantum_server *server, const struct aef_guuid *cid)
{
	void *conn;
	int16_t lcore;

	quantum_table_lookup(server->table, &cid, 1, &conn, &lcore);
	return conn;
}

/* Lengths and cookie: does it come from where it says? Needs no memory but @p ret_ack. */
static enum quantum_verdict
cookie_verify(const struct quantum_server_keys *keys, const struct quantum_rx *rx,
              struct wire_header *ret_hdr, struct wire_ack *ret_ack)
{
	uint8_t expect[WIRE_COOKIE_BYTES];

	if (wire_classify(rx->data, rx->len, ret_hdr) != WIRE_CLASS_ACK ||
	    wire_ack_decode(rx->data, ret_ack) != 0)
		return QUANTUM_VERDICT_BAD_LENGTH;
	if (!server_epoch_valid(keys, ret_ack->cookie_epoch) ||
	    ret_ack->dh_epoch != ret_ack->cookie_epoch)
		return QUANTUM_VERDICT_BAD_COOKIE;
	server_cookie_make(keys, ret_ack->cookie_epoch, &rx->from, &ret_hdr->cid,
	                   ret_ack->client_random, expect);
	return crypto_equal(expect, ret_ack->cookie, sizeof(expect)) ? QUANTUM_VERDICT_ACCEPTED
	                                                             : QUANTUM_VERDICT_BAD_COOKIE;
}

enum quantum_verdict
quantum_server_ack_admit(struct quantum_server *server, const struct quantum_rx *rx)
{
	struct wire_header hdr;
	struct wire_ack ack;
	const enum quantum_verdict verdict = cookie_verify(server->keys, rx, &hdr, &ack);

	return verdict == QUANTUM_VERDICT_ACCEPTED ? verdict : server_count(server, verdict);
}

/* Order of checks: cheap ones first, cookie before token, token before MAC. */
static enum quantum_verdict
ack_verify(struct quantum_server *server, const struct quantum_rx *rx,
           const struct quantum_now *now, struct quantum_accept *accept)
{
	const struct crypto_provider *crypto = server->env->crypto;
	struct wire_header hdr;
	const struct server_token_from source = { &rx->from, &accept->cid, true };
	uint8_t expect[WIRE_MAC_BYTES];
	enum quantum_verdict verdict = cookie_verify(server->keys, rx, &hdr, &accept->ack);

	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return verdict;
	accept->cid = hdr.cid;
	accept->from = rx->from;
	accept->data = rx->data;
	accept->len = rx->len;
	accept->forged = false;
	accept->first_pn = server->conf->first_pn;
	accept->pn = crypto_pn_expand(accept->first_pn, hdr.seq);
	if (!limit_table_take(&server->ack_limit, &rx->from, NULL, 0, now->ns))
		return QUANTUM_VERDICT_RATE_ACK;
	verdict = server_token_open(server, accept->ack.token, &source, now, &accept->token);
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return verdict;
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

	if (reason != QUANTUM_BUSY_NO) {
		token_table_give_back(&server->tokens, accept);
		return refuse(server, accept, reason, reply);
	}
	server->nb_pending++;
	memcpy(accept->secrets.dh_priv, server->keys->dh_priv[i], CRYPTO_PRIV_BYTES);
	memcpy(accept->dh_pub, server->keys->dh_pub[i], sizeof(accept->dh_pub));
	return QUANTUM_VERDICT_ACCEPTED;
}

static void
note(struct quantum_server *server, enum quantum_audit_type type,
     const struct quantum_accept *accept, const struct quantum_now *now)
{
	const struct quantum_audit event = { .type = type,
		                             .proven = true,
		                             .group = accept->token.group,
		                             .epoch = accept->token.epoch,
		                             .session_id = accept->token.session_id,
		                             .from = accept->from };

	audit_note(&server->audit, &event, now);
}

static enum quantum_verdict
single_use(struct quantum_server *server, struct quantum_accept *accept,
           const struct quantum_now *now, struct quantum_conn **ret_conn, struct quantum_tx *reply)
{
	struct aef_guuid cid_s;

	switch (token_table_consume(&server->tokens, accept, now, &cid_s)) {
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
		note(server, QUANTUM_AUDIT_TOKEN_REUSED, accept, now);
		return QUANTUM_VERDICT_TOKEN_USED;
	case TOKEN_REUSED_AGAIN:
		return QUANTUM_VERDICT_TOKEN_USED;
	case TOKEN_TOO_OFTEN:
		return QUANTUM_VERDICT_RATE_TOKEN;
	case TOKEN_PAST:
		return QUANTUM_VERDICT_TOKEN_EXPIRED;
	default:
		note(server, QUANTUM_AUDIT_TABLE_FULL, accept, now);
		return QUANTUM_VERDICT_TABLE_FULL;
	}
}

enum quantum_verdict
quantum_server_on_ack(struct quantum_server *server, const struct quantum_rx *rx,
                      const struct quantum_now *now, struct quantum_accept *ret_accept,
                      struct quantum_conn **ret_conn, struct quantum_tx *reply)
{
	enum quantum_verdict verdict = ack_verify(server, rx, now, ret_accept);

	server_reply_start(reply, &rx->from);
	*ret_conn = NULL;
	if (verdict == QUANTUM_VERDICT_ACCEPTED)
		verdict = single_use(server, ret_accept, now, ret_conn, reply);
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		quantum_accept_wipe(ret_accept);
	return server_count(server, verdict);
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

/*
 * Does the protected part verify? Who saw an ACK can send a copy with other frames before
 * it; that must make no connection. Opened in a copy: the connection opens it again.
 */
static bool
frames_verify(const struct crypto_provider *crypto, const struct quantum_accept *accept,
              const uint8_t secret[CRYPTO_SECRET_BYTES])
{
	const uint64_t epoch = crypto_epoch(accept->first_pn);
	struct crypto_tx_keys keys;
	uint8_t text[WIRE_MTU_MAX];
	struct crypto_op op = { .pn = accept->pn,
		                .aad = accept->data,
		                .aad_len = WIRE_ACK_TEXT_AT,
		                .text = text,
		                .text_len = accept->len - WIRE_ACK_TEXT_AT - WIRE_TAG_BYTES };

	if (crypto_epoch(accept->pn) != epoch)
		return false;
	memcpy(text, accept->data + WIRE_ACK_TEXT_AT, op.text_len + WIRE_TAG_BYTES);
	op.tag = text + op.text_len;
	crypto_tx_keys_init(&keys, crypto, secret);
	for (uint64_t e = 0; e < epoch; e++) { /* tests begin elsewhere than at 0 */
		crypto_tx_keys_on_acked(&keys, crypto_epoch_first_pn(e));
		if (crypto_tx_keys_advance(&keys, crypto) != 0)
			break;
	}
	op.key = crypto_tx_keys_get(&keys, accept->pn);
	if (op.key != NULL)
		crypto->open(crypto->ctx, &op, 1);
	crypto_tx_keys_fini(&keys, crypto);
	crypto_wipe(text, sizeof(text));
	return op.ok;
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
	accept->forged = !frames_verify(provider, accept, secrets.c2s);
	memcpy(sec->c2s, secrets.c2s, sizeof(sec->c2s));
	memcpy(sec->s2c, secrets.s2c, sizeof(sec->s2c));
	crypto_wipe(&secrets, sizeof(secrets));
	crypto_wipe(shared, sizeof(shared));
	return accept->forged ? AEF_ERR_AUTH : 0;
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
		token_table_return(&server->tokens, accept);
		quantum_conn_free(conn);
		return err;
	}
	conn->cid_c = accept->cid;
	conn->token = accept->token;
	server_reset_token(server, &conn->cid_s, conn->reset_token);
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

	server_reply_start(reply, &accept->from);
	verdict = refuse(server, accept, reason, reply);
	token_table_return(&server->tokens, accept);
	settle(server, accept);
	return server_count(server, verdict);
}

void
quantum_server_abandon(struct quantum_server *server, struct quantum_accept *accept)
{
	settle(server, accept);
	if (accept->forged)
		token_table_return(&server->tokens, accept);
	else
		token_table_bind(&server->tokens, accept, NULL);
}

uint32_t
quantum_server_pending(const struct quantum_server *server)
{
	return server->nb_pending;
}
