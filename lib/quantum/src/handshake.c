/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>

#include "conn_priv.h"

#define HS_FIRST_RETRY_NS (100 * AEF_NS_PER_MS)
#define HS_RETRY_MAX_NS   (400 * AEF_NS_PER_MS)

/* 100, 200, then every 400 ms. */
static uint64_t
retry_interval_ns(unsigned tries)
{
	return tries == 0   ? HS_FIRST_RETRY_NS
	       : tries == 1 ? 2 * HS_FIRST_RETRY_NS
	                    : HS_RETRY_MAX_NS;
}

void
handshake_mac(const struct crypto_provider *crypto, const uint8_t psk[32], uint8_t label,
              const uint8_t *datagram, size_t mac_at, uint8_t ret_mac[16])
{
	/* The connection id, then what stands between header and MAC: the sequence is left out,
	 * so that a resealed ACK keeps its MAC. */
	const struct crypto_bytes parts[] = {
		{ &label, 1 },
		{ datagram + 6, AEF_GUUID_BYTES },
		{ datagram + WIRE_HEADER_BYTES, mac_at - WIRE_HEADER_BYTES },
	};

	crypto->mac(crypto->ctx, psk, parts, AEF_DIM(parts), ret_mac);
}

void
handshake_secrets(const struct crypto_provider *crypto, const struct conn_transcript *t,
                  struct conn_secrets *ret)
{
	const uint8_t epochs[2] = { t->cookie_epoch, t->dh_epoch };
	const struct crypto_bytes parts[] = {
		{ "qts1", 4 },
		{ t->token, WIRE_TOKEN_BYTES },
		{ t->random, WIRE_RANDOM_BYTES },
		{ t->cookie, WIRE_COOKIE_BYTES },
		{ epochs, sizeof(epochs) },
		{ t->server_pub, WIRE_PUB_BYTES },
		{ t->client_pub, WIRE_PUB_BYTES },
	};
	uint8_t salt[CRYPTO_HASH_BYTES], ikm[64], prk[CRYPTO_SECRET_BYTES];

	crypto->hash(crypto->ctx, parts, AEF_DIM(parts), salt);
	memcpy(ikm, t->psk, 32);
	memcpy(ikm + 32, t->shared, 32);
	crypto->hkdf_extract(crypto->ctx, salt, sizeof(salt), ikm, sizeof(ikm), prk);
	crypto->hkdf_expand(crypto->ctx, prk, "c2s", 3, ret->c2s, sizeof(ret->c2s));
	crypto->hkdf_expand(crypto->ctx, prk, "s2c", 3, ret->s2c, sizeof(ret->s2c));
	crypto_wipe(ikm, sizeof(ikm));
	crypto_wipe(prk, sizeof(prk));
}

int
quantum_conn_connect(struct quantum_env *env, const struct quantum_conn_conf *conf,
                     const struct quantum_client_conf *client, uint64_t now_ns,
                     struct quantum_conn **ret_conn)
{
	struct quantum_conn *conn;

	if (conf->limits.message_bytes_max > WIRE_MESSAGE_BYTES_MAX ||
	    conf->limits.channels_max > WIRE_CHANNELS_MAX || conf->mtu_max_bytes < WIRE_MTU_BASE ||
	    conf->mtu_max_bytes > WIRE_MTU_MAX || conf->fec_k > FEC_K_MAX ||
	    conf->fec_m > FEC_M_MAX)
		return AEF_ERR_INVALID;
	conn = conn_create(env, conf, &client->server, false, now_ns);
	if (conn == NULL)
		return AEF_ERR_FULL;
	conn->cid_c = client->cid;
	conn->keys->client = *client;
	conn->hs.send_due = true;
	conn->hs.retry_ns = now_ns;
	conn->hs.give_up_ns = aef_add_sat_u64(now_ns, conf->handshake_ns);
	conn->state = CONN_SYN_SENT;
	*ret_conn = conn;
	return 0;
}

static enum quantum_verdict
on_busy(struct quantum_conn *conn, const struct quantum_rx *rx, uint64_t now_ns)
{
	struct wire_busy busy;
	uint8_t mac[WIRE_MAC_BYTES];

	/* Only who verified cookie and token may say it. */
	if (conn->state != CONN_ACK_SENT)
		return QUANTUM_VERDICT_WRONG_CLASS;
	if (wire_busy_decode(rx->data, &busy) != 0)
		return QUANTUM_VERDICT_BAD_LENGTH;
	handshake_mac(conn->env->crypto, conn->keys->client.psk, MAC_LABEL_BUSY, rx->data,
	              WIRE_BUSY_MAC_AT, mac);
	if (!crypto_equal(busy.client_random, conn->keys->client.random, WIRE_RANDOM_BYTES) ||
	    !crypto_equal(mac, busy.mac, sizeof(mac)))
		return QUANTUM_VERDICT_BAD_MAC;
	conn->hs.busy_ms = busy.retry_after_ms;
	conn->events |= EVENT_BUSY;
	conn_end(conn, QUANTUM_CLOSE_REFUSED, true, 0, now_ns);
	return QUANTUM_VERDICT_ACCEPTED;
}

static int
derive(struct quantum_conn *conn, const struct wire_syn_ack *in)
{
	const struct crypto_provider *crypto = conn->env->crypto;
	struct handshake_state *hs = &conn->hs;
	uint8_t priv[32], shared[32];
	struct conn_secrets secrets;
	int err = crypto->dh_keygen(crypto->ctx, conn->keys->client.dh_seed, priv, hs->dh_pub);

	if (err == 0)
		err = crypto->dh(crypto->ctx, priv, in->server_pub, shared);
	if (err == 0) {
		handshake_secrets(crypto,
		                  &(struct conn_transcript){
					  .token = conn->keys->client.token,
					  .random = conn->keys->client.random,
					  .cookie = in->cookie,
					  .server_pub = in->server_pub,
					  .client_pub = hs->dh_pub,
					  .psk = conn->keys->client.psk,
					  .shared = shared,
					  .cookie_epoch = in->cookie_epoch,
					  .dh_epoch = in->dh_epoch,
				  },
		                  &secrets);
		err = conn_set_keys(conn, secrets.c2s, secrets.s2c);
		crypto_wipe(&secrets, sizeof(secrets));
	}
	crypto_wipe(priv, sizeof(priv));
	crypto_wipe(shared, sizeof(shared));
	return err;
}

enum quantum_verdict
handshake_on_syn_ack(struct quantum_conn *conn, const struct quantum_rx *rx, uint64_t now_ns)
{
	struct wire_syn_ack in;
	uint8_t mac[WIRE_MAC_BYTES];
	int err;

	if (rx->len == WIRE_BUSY_BYTES)
		return on_busy(conn, rx, now_ns);
	/* The first valid SYN+ACK stands. */
	if (conn->state != CONN_SYN_SENT)
		return QUANTUM_VERDICT_WRONG_CLASS;
	if (wire_syn_ack_decode(rx->data, &in) != 0)
		return QUANTUM_VERDICT_BAD_LENGTH;
	if (!crypto_equal(in.client_random, conn->keys->client.random, WIRE_RANDOM_BYTES))
		return QUANTUM_VERDICT_BAD_MAC;
	handshake_mac(conn->env->crypto, conn->keys->client.psk, MAC_LABEL_SYN_ACK, rx->data,
	              WIRE_SYN_ACK_MAC_AT, mac);
	if (!crypto_equal(mac, in.mac, sizeof(mac)))
		return QUANTUM_VERDICT_BAD_MAC;
	err = derive(conn, &in);
	if (err == AEF_ERR_FULL)
		return QUANTUM_VERDICT_NO_ROOM;
	if (err != 0)
		return QUANTUM_VERDICT_BAD_MAC;
	crypto_wipe(conn->keys->client.dh_seed, sizeof(conn->keys->client.dh_seed));
	conn->hs.syn_ack = in;
	conn->hs.tries = 0;
	conn->hs.send_due = true;
	conn->hs.retry_ns = now_ns;
	conn_set_state(conn, CONN_ACK_SENT, now_ns);
	return QUANTUM_VERDICT_ACCEPTED;
}

int
handshake_on_accept(struct quantum_conn *conn, const struct wire_frame *f, uint64_t now_ns)
{
	if (conn->is_server)
		return AEF_ERR_PROTOCOL;
	if (conn->confirmed) /* it repeats until the server heard us under S */
		return aef_guuid_eq(&f->accept.cid, &conn->cid_s) ? 0 : AEF_ERR_PROTOCOL;
	conn->cid_s = f->accept.cid;
	memcpy(conn->reset_token, f->accept.reset_token, sizeof(conn->reset_token));
	conn->has_reset_token = true;
	conn->confirmed = true;
	conn_establish(conn, &f->accept.limits, now_ns);
	return 0;
}

/*
 * A hint, taken only while waiting for SYN+ACK: it has no MAC, so anybody on the path may
 * have sent it, and it must not end what a genuine SYN+ACK would go on with.
 */
void
handshake_on_version_reply(struct quantum_conn *conn, const struct quantum_rx *rx)
{
	if (conn->state == CONN_SYN_SENT &&
	    !wire_version_reply_has(rx->data, rx->len, WIRE_VERSION))
		conn->hs.other_version = true;
}

static void
sent_once(struct quantum_conn *conn, uint64_t now_ns)
{
	struct handshake_state *hs = &conn->hs;

	hs->send_due = false;
	hs->retry_ns = now_ns + retry_interval_ns(hs->tries);
	if (hs->tries < UINT8_MAX)
		hs->tries++;
}

static int
syn_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns)
{
	struct wire_syn syn;

	memcpy(syn.client_random, conn->keys->client.random, sizeof(syn.client_random));
	memcpy(syn.token, conn->keys->client.token, sizeof(syn.token));
	wire_syn_encode(tx->data, &conn->cid_c, &syn);
	tx->len = WIRE_SYN_BYTES;
	tx->needs_seal = false;
	tx->ecn = 0;
	tx->to = conn->path.peer;
	sent_once(conn, now_ns);
	conn->stats.tx_pkts++;
	conn->stats.tx_bytes += tx->len;
	return 1;
}

static void
ack_clear_part(struct quantum_conn *conn, uint8_t *data, uint32_t seq)
{
	const struct handshake_state *hs = &conn->hs;
	struct wire_ack ack = { .cookie_epoch = hs->syn_ack.cookie_epoch,
		                .dh_epoch = hs->syn_ack.dh_epoch };

	memcpy(ack.client_random, conn->keys->client.random, sizeof(ack.client_random));
	memcpy(ack.token, conn->keys->client.token, sizeof(ack.token));
	memcpy(ack.cookie, hs->syn_ack.cookie, sizeof(ack.cookie));
	memcpy(ack.client_pub, hs->dh_pub, sizeof(ack.client_pub));
	wire_ack_encode(data, &conn->cid_c, seq, &ack);
	handshake_mac(conn->env->crypto, conn->keys->client.psk, MAC_LABEL_ACK, data,
	              WIRE_ACK_MAC_AT, data + WIRE_ACK_MAC_AT);
}

/*
 * The handshake's third packet: clear part, then protected frames under a new number each
 * time. What an earlier one carried is queued again first, so that the first to arrive has it all.
 */
static int
ack_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns)
{
	const uint64_t pn = quantum_rtx_pn_peek(&conn->rtx);
	struct crypto_key *key = crypto_tx_keys_get(&conn->keys->tx, pn);
	struct quantum_sent *rec = quantum_rtx_sent_get(&conn->rtx);
	struct aef_writer w = aef_writer_make(tx->data + WIRE_ACK_TEXT_AT,
	                                      WIRE_MTU_BASE - WIRE_ACK_TEXT_AT - WIRE_TAG_BYTES);
	struct quantum_frame *frame = aef_pool_get(&conn->env->frames);

	if (rec == NULL || frame == NULL || key == NULL) {
		quantum_rtx_sent_put(&conn->rtx, rec);
		aef_pool_put(&conn->env->frames, frame);
		sent_once(conn, now_ns);
		return 0;
	}
	ack_clear_part(conn, tx->data, (uint32_t)pn);
	wire_limits_encode(&w, &conn->conf.limits);
	*frame = (struct quantum_frame){ .type = WIRE_FRAME_LIMITS };
	aef_list_append(&rec->frames, &frame->node);
	(void)quantum_chans_fill(&conn->chans, &w, &rec->frames, now_ns, true);

	const uint32_t text_len = (uint32_t)(w.p - (tx->data + WIRE_ACK_TEXT_AT));

	aef_store_be16(tx->data + 30, (uint16_t)(WIRE_ACK_CLEAR_BYTES + text_len));
	tx->len = WIRE_ACK_TEXT_AT + text_len + WIRE_TAG_BYTES;
	tx->op = (struct crypto_op){ .key = key,
		                     .pn = pn,
		                     .aad = tx->data,
		                     .aad_len = WIRE_ACK_TEXT_AT,
		                     .text = tx->data + WIRE_ACK_TEXT_AT,
		                     .text_len = text_len,
		                     .tag = tx->data + tx->len - WIRE_TAG_BYTES };
	tx->needs_seal = true;
	tx->pn = pn;
	tx->ecn = 0;
	tx->to = conn->path.peer;
	rec->bytes = tx->len;
	quantum_bbr_on_send(&conn->bbr, &conn->rate, conn->rtx.bytes_in_flight, tx->len, now_ns);
	quantum_rate_on_send(&conn->rate, &rec->rate, tx->len, conn->rtx.bytes_in_flight, now_ns);
	quantum_rtx_on_sent(&conn->rtx, rec, now_ns, 1);
	sent_once(conn, now_ns);
	conn->stats.tx_pkts++;
	conn->stats.tx_bytes += tx->len;
	return 1;
}

int
handshake_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns)
{
	if (!conn->hs.send_due)
		return 0;
	return conn->state == CONN_SYN_SENT ? syn_tx(conn, tx, now_ns) : ack_tx(conn, tx, now_ns);
}

void
handshake_on_deadline(struct quantum_conn *conn, uint64_t now_ns)
{
	if (now_ns >= conn->hs.give_up_ns) {
		const bool other = conn->state == CONN_SYN_SENT && conn->hs.other_version;

		conn_end(conn, other ? QUANTUM_CLOSE_VERSION : QUANTUM_CLOSE_HANDSHAKE, other, 0,
		         now_ns);
		return;
	}
	if (now_ns < conn->hs.retry_ns || conn->hs.send_due)
		return;
	conn->hs.send_due = true;
	if (conn->state != CONN_ACK_SENT)
		return;
	for (struct aef_list *at = conn->rtx.sent.next; at != &conn->rtx.sent; at = at->next)
		conn_requeue(conn, aef_list_entry(at, struct quantum_sent, node), now_ns);
}
