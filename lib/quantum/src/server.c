/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>

#include "conn_priv.h"
#include "server_priv.h"

#define RESETS_PER_S 100u
/* */
#define SYN_PER_S        10u
#define SYN_BURST        10u
#define ACK_BURST(per_s) (2 * (per_s))

static size_t
line_up(size_t bytes)
{
	return (bytes + AEF_CACHE_LINE - 1) & ~(size_t)(AEF_CACHE_LINE - 1);
}

size_t
quantum_server_bytes(uint32_t tokens_max)
{
	return line_up(sizeof(struct quantum_server)) + limit_table_bytes(LIMIT_SYN_ENTRIES) +
	       limit_table_bytes(LIMIT_ACK_ENTRIES) + token_table_bytes(tokens_max);
}

struct quantum_server *
quantum_server_init(void *mem, uint32_t tokens_max, struct quantum_env *env,
                    struct quantum_table *table, const struct quantum_server_keys *keys,
                    const struct quantum_conn_conf *conf)
{
	struct quantum_server *server = mem;
	uint8_t *at = (uint8_t *)mem + line_up(sizeof(*server));

	aef_assert(((uintptr_t)mem & (AEF_CACHE_LINE - 1)) == 0);
	memset(mem, 0, quantum_server_bytes(tokens_max));
	server->env = env;
	server->table = table;
	server->keys = keys;
	server->conf = conf;
	limit_table_init(&server->syn_limit, at, LIMIT_SYN_ENTRIES, SYN_PER_S, SYN_BURST,
	                 &env->rng);
	at += limit_table_bytes(LIMIT_SYN_ENTRIES);
	limit_table_init(&server->ack_limit, at, LIMIT_ACK_ENTRIES, QUANTUM_ACK_PER_S,
	                 ACK_BURST(QUANTUM_ACK_PER_S), &env->rng);
	at += limit_table_bytes(LIMIT_ACK_ENTRIES);
	token_table_init(&server->tokens, at, tokens_max, &env->rng);
	return server;
}

void
quantum_server_share_tokens(struct quantum_server *server, const struct quantum_server *owner)
{
	server->tokens = owner->tokens;
}

void
quantum_server_set_ack_rate(struct quantum_server *server, uint32_t per_s)
{
	aef_assert(per_s > 0 && per_s <= QUANTUM_ACK_PER_S_MAX);
	limit_table_rate(&server->ack_limit, per_s, ACK_BURST(per_s));
}

enum quantum_verdict
server_count(struct quantum_server *server, enum quantum_verdict verdict)
{
	server->verdicts[verdict]++;
	return verdict;
}

static void
note_token(struct quantum_server *server, enum quantum_audit_type type,
           const struct server_token_from *source, const uint8_t *bytes,
           const struct quantum_now *now)
{
	struct quantum_audit event = { .type = type,
		                       .from = *source->addr,
		                       .proven = source->proven };
	struct crypto_token clear = { 0 };

	if (crypto_token_clear_decode(bytes, &clear) == 0) {
		event.group = clear.group;
		event.epoch = clear.epoch;
	}
	audit_note(&server->audit, &event, now);
}

static enum quantum_verdict
verdict_of_open(struct quantum_server *server, int err, const struct server_token_from *source,
                const uint8_t *bytes, const struct quantum_now *now)
{
	switch (err) {
	case AEF_ERR_NOTFOUND:
		note_token(server, QUANTUM_AUDIT_TOKEN_FOREIGN, source, bytes, now);
		return QUANTUM_VERDICT_TOKEN_FOREIGN;
	case AEF_ERR_DENIED:
		note_token(server, QUANTUM_AUDIT_TOKEN_REVOKED, source, bytes, now);
		return QUANTUM_VERDICT_TOKEN_REVOKED;
	case AEF_ERR_TIMEOUT:
		return QUANTUM_VERDICT_TOKEN_EXPIRED;
	default:
		return QUANTUM_VERDICT_BAD_TOKEN;
	}
}

static bool
fits_address(const struct crypto_token *token, const struct quantum_addr *from)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(from->ip, mapped, sizeof(mapped)) == 0
	               ? crypto_token_fits_addr(token, CRYPTO_ADDR_IPV4, from->ip + sizeof(mapped))
	               : crypto_token_fits_addr(token, CRYPTO_ADDR_IPV6, from->ip);
}

enum quantum_verdict
server_token_open(struct quantum_server *server, const uint8_t *bytes,
                  const struct server_token_from *source, const struct quantum_now *now,
                  struct crypto_token *ret_token)
{
	const struct crypto_provider *crypto = server->env->crypto;
	const int err = crypto->token_open(crypto->ctx, bytes, now->unix_ms, ret_token);
	enum quantum_verdict verdict = QUANTUM_VERDICT_ACCEPTED;

	if (err != 0)
		verdict = verdict_of_open(server, err, source, bytes, now);
	else if (!aef_guuid_eq(&ret_token->conn_id, source->cid))
		verdict = QUANTUM_VERDICT_BAD_TOKEN;
	else if (!fits_address(ret_token, source->addr))
		verdict = QUANTUM_VERDICT_TOKEN_ADDRESS;
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		crypto_wipe(ret_token, sizeof(*ret_token));
	return verdict;
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
	const struct server_token_from source = { &rx->from, &hdr->cid, false };
	enum quantum_verdict verdict;

	if (wire_syn_decode(rx->data, &syn) != 0)
		return QUANTUM_VERDICT_BAD_LENGTH;
	verdict = server_token_open(server, syn.token, &source, now, &token);
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return verdict;
	/* Who has a token may ask with it, not make us answer others at will. */
	if (!limit_table_take(&server->syn_limit, &rx->from, token.nonce, sizeof(token.nonce),
	                      now->ns)) {
		crypto_wipe(&token, sizeof(token));
		return QUANTUM_VERDICT_RATE_SYN;
	}
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
	crypto_wipe(&token, sizeof(token));
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

void
server_reset_token(const struct quantum_server *server, const struct aef_guuid *cid,
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
	server_reset_token(server, &hdr->cid, token);
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

void
server_reply_start(struct quantum_tx *reply, const struct quantum_addr *to)
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
	server_reply_start(reply, &rx->from);
	switch (clas) {
	case WIRE_CLASS_SYN:
		return server_count(server, on_syn(server, rx, hdr, now, reply));
	case WIRE_CLASS_PROTECTED:
		return server_count(server, on_unknown(server, rx, hdr, now, reply));
	case WIRE_CLASS_UNKNOWN_VERSION:
		return server_count(server, on_unknown_version(server, rx, hdr, now, reply));
	case WIRE_CLASS_BAD_FLAGS:
		return server_count(server, QUANTUM_VERDICT_BAD_FLAGS);
	case WIRE_CLASS_BAD_LENGTH:
		return server_count(server, QUANTUM_VERDICT_BAD_LENGTH);
	case WIRE_CLASS_NOT_QUANTUM:
		return server_count(server, QUANTUM_VERDICT_NOT_QUANTUM);
	default:
		/* SYN+ACK, RST, version reply: never meant for a server. */
		return server_count(server, QUANTUM_VERDICT_WRONG_CLASS);
	}
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

int
quantum_server_poll_audit(struct quantum_server *server, struct quantum_audit *ret_audit)
{
	return audit_take(&server->audit, ret_audit);
}

void
quantum_server_flush_audit(struct quantum_server *server, uint64_t now_ns, bool all)
{
	audit_flush(&server->audit, now_ns, all);
}

uint64_t
quantum_server_audit_lost(const struct quantum_server *server)
{
	return server->audit.nb_lost;
}
