/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/handshake_fuzz.c - handshake datagrams with right cookies, tokens and MACs in which
 * single fields are wrong, and the replies to strangers.
 *
 * Input: situation 1, then steps. The harness plays the clients of a server (with tokens, keys and
 * addresses of its own), and the server of a client. A field is changed before the MAC is computed,
 * so that the change is authentic, or after, so that it is forged. rig.h lists what must hold.
 */
#include <stdlib.h>
#include <string.h>

#include <crypto_null/null_provider.h>

#include "conn_priv.h"
#include "frames.h"
#include "rig.h"

#define STEPS_MAX 16u
#define PEERS     4u

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

static const uint8_t token_key[CRYPTO_KEY_BYTES] = "aetherflow null provider, public";

/* A client that the harness plays. */
struct peer {
	struct quantum_addr addr;
	struct aef_guuid cid;
	uint8_t psk[32];
	uint8_t random[WIRE_RANDOM_BYTES];
	uint8_t token[WIRE_TOKEN_BYTES];
	uint8_t priv[32], pub[32];
	struct wire_syn_ack syn_ack; /* the server's last */
	bool has_syn_ack;
	uint64_t pn;
};

static struct peer peers[PEERS], peers_image[3][PEERS];

static const struct crypto_provider *
crypto(void)
{
	return crypto_null_provider();
}

/* A token of this peer; one byte of its body can be changed, and it is sealed all the same. */
static void
issue(const struct rig *rig, struct peer *p, unsigned idx, struct aef_reader *r, bool odd)
{
	struct crypto_token t = { .epoch = 1,
		                  .issued_ms = rig_unix_ms(rig),
		                  .expires_ms = rig_unix_ms(rig) + 30000,
		                  .conn_id = p->cid };
	uint8_t nonce[CRYPTO_NONCE_BYTES] = { (uint8_t)idx, aef_read_u8(r) & 3, 77 };

	memcpy(t.psk, p->psk, sizeof(t.psk));
	rig_require(crypto()->token_seal(crypto()->ctx, &t, nonce, p->token) == 0);
	if (odd) {
		const struct crypto_bytes part = { p->token, CRYPTO_TOKEN_TAG_AT };
		const uint8_t at = aef_read_u8(r) % CRYPTO_TOKEN_TAG_AT;

		p->token[at] ^= aef_read_u8(r);
		crypto()->mac(crypto()->ctx, token_key, &part, 1, p->token + CRYPTO_TOKEN_TAG_AT);
	}
}

static void
peers_init(const struct rig *rig)
{
	struct aef_reader none = aef_reader_make(token_key, 0);

	memset(peers, 0, sizeof(peers));
	for (unsigned i = 0; i < PEERS; i++) {
		struct peer *p = &peers[i];
		const uint8_t seed[32] = { (uint8_t)(i + 40) };

		p->addr = (struct quantum_addr){ .ip = { 1, (uint8_t)i }, .port = 900 };
		p->cid.b[0] = (uint8_t)(i + 100);
		memset(p->psk, (int)i + 1, sizeof(p->psk));
		p->random[0] = (uint8_t)i;
		rig_require(crypto()->dh_keygen(crypto()->ctx, seed, p->priv, p->pub) == 0);
		issue(rig, p, i, &none, false);
	}
}

/* ---- invariants of a server that refused -------------------------------------------------------
 */

struct server_state {
	uint32_t in_use[16];
	uint32_t nb_used;
	struct quantum_conn *conn;
};

static struct server_state
server_state(const struct rig *rig)
{
	struct server_state s = { .nb_used = rig->table.nb_used,
		                  .conn = rig->end[RIG_SERVER].conn };

	for (uint32_t i = 0; i < quantum_env_nb_pools(rig->end[RIG_SERVER].env); i++)
		s.in_use[i] = quantum_env_pool(rig->end[RIG_SERVER].env, i)->in_use;
	return s;
}

/* No memory for a stranger. */
static void
check_nothing_taken(const struct rig *rig, const struct server_state *before)
{
	const struct server_state after = server_state(rig);

	rig_require(memcmp(before, &after, sizeof(after)) == 0);
}

/* ---- the harness as a client -------------------------------------------------------------------
 */

/* The token that a peer holds names the secret that the peer uses; issue() can change that. */
static bool
knows_psk(const struct peer *p)
{
	struct crypto_token t = { 0 };

	return crypto_token_clear_decode(p->token, &t) == 0 &&
	       crypto_token_body_decode(p->token + CRYPTO_TOKEN_BODY_AT, &t) == 0 &&
	       memcmp(t.psk, p->psk, sizeof(t.psk)) == 0;
}

/* Change a byte of @p data by operands of the input; 0: leave it. */
static bool
change(struct aef_reader *r, uint8_t *data, uint32_t first, uint32_t end)
{
	const uint8_t what = aef_read_u8(r);
	const uint32_t at = first + aef_read_be16(r) % (end - first);

	data[at] ^= what;
	return what != 0;
}

static void
take_syn_ack(struct rig *rig, struct peer *p)
{
	uint8_t mac[WIRE_MAC_BYTES];

	if (rig->reply.len != WIRE_SYN_ACK_BYTES)
		return;
	rig_require(wire_syn_ack_decode(rig->reply.data, &p->syn_ack) == 0);
	handshake_mac(crypto(), p->psk, MAC_LABEL_SYN_ACK, rig->reply.data, WIRE_SYN_ACK_MAC_AT,
	              mac);
	rig_require(!knows_psk(p) || memcmp(mac, p->syn_ack.mac, sizeof(mac)) == 0);
	p->has_syn_ack = true; /* a client without the secret has the cookie all the same */
}

static void
syn(struct rig *rig, struct peer *p, struct aef_reader *r, uint8_t op)
{
	const struct server_state before = server_state(rig);
	struct wire_syn s;
	uint8_t data[WIRE_SYN_BYTES];
	enum quantum_verdict v;
	bool changed = false;

	memcpy(s.client_random, p->random, sizeof(s.client_random));
	memcpy(s.token, p->token, sizeof(s.token));
	wire_syn_encode(data, &p->cid, &s);
	if ((op & 0x40) != 0)
		changed = change(r, data, 0, sizeof(data));
	v = rig_deliver(rig, RIG_SERVER, data,
	                (op & 0x20) != 0 ? aef_read_be16(r) % sizeof(data) : sizeof(data), 0,
	                &p->addr);
	check_nothing_taken(rig, &before);
	rig_require(v != QUANTUM_VERDICT_ACCEPTED);
	if (!changed)
		take_syn_ack(rig, p);
}

/* Seal frames behind the clear part, with the keys that both would derive. */
static uint32_t
ack_seal(struct peer *p, const struct wire_ack *ack, struct aef_reader *r, uint8_t *data)
{
	uint8_t shared[32] = { 0 };
	struct conn_secrets secrets;
	struct crypto_tx_keys keys;
	uint8_t *text = data + WIRE_ACK_TEXT_AT;
	const uint32_t len = frames_write(r, NULL, p->pn, text, 600);

	aef_store_be16(data + 30, (uint16_t)(WIRE_ACK_CLEAR_BYTES + len));
	(void)crypto()->dh(crypto()->ctx, p->priv, p->syn_ack.server_pub, shared);
	handshake_secrets(crypto(),
	                  &(struct conn_transcript){ .token = ack->token,
	                                             .random = ack->client_random,
	                                             .cookie = ack->cookie,
	                                             .server_pub = p->syn_ack.server_pub,
	                                             .client_pub = ack->client_pub,
	                                             .psk = p->psk,
	                                             .shared = shared,
	                                             .cookie_epoch = ack->cookie_epoch,
	                                             .dh_epoch = ack->dh_epoch },
	                  &secrets);
	crypto_tx_keys_init(&keys, crypto(), secrets.c2s);
	struct crypto_op op = { .key = crypto_tx_keys_get(&keys, p->pn),
		                .pn = p->pn,
		                .aad = data,
		                .aad_len = WIRE_ACK_TEXT_AT,
		                .text = text,
		                .text_len = len,
		                .tag = text + len };

	crypto()->seal(crypto()->ctx, &op, 1);
	return WIRE_ACK_TEXT_AT + len + WIRE_TAG_BYTES;
}

/*
 * A handshake ACK. @p op: 0x40 a field is changed and authenticated, 0x20 a byte is changed behind
 * all MACs, 0x80 one of the sealed frames or their tag, 0x10 from another address.
 */
static void
ack(struct rig *rig, struct peer *p, struct aef_reader *r, uint8_t op)
{
	const struct server_state before = server_state(rig);
	struct quantum_addr from = p->addr;
	struct wire_ack a = { .cookie_epoch = p->syn_ack.cookie_epoch,
		              .dh_epoch = p->syn_ack.dh_epoch };
	uint8_t data[RIG_DGRAM_MAX];
	bool forged = (op & 0x10) != 0 || !p->has_syn_ack || !knows_psk(p);
	uint32_t len;

	memcpy(a.client_random, p->random, sizeof(a.client_random));
	memcpy(a.token, p->token, sizeof(a.token));
	memcpy(a.cookie, p->syn_ack.cookie, sizeof(a.cookie));
	memcpy(a.client_pub, p->pub, sizeof(a.client_pub));
	if ((op & 0x40) != 0 && aef_read_u8(r) > 128)
		memset(a.client_pub, aef_read_u8(r) & 1, sizeof(a.client_pub)); /* low order */
	wire_ack_encode(data, &p->cid, (uint32_t)p->pn, &a);
	if ((op & 0x40) != 0) {
		(void)change(r, data, 6, WIRE_ACK_MAC_AT);
		forged |= wire_ack_decode(data, &a) != 0;
	}
	handshake_mac(crypto(), p->psk, MAC_LABEL_ACK, data, WIRE_ACK_MAC_AT,
	              data + WIRE_ACK_MAC_AT);
	len = ack_seal(p, &a, r, data);
	/* Behind the sequence and the ack field, which only the tag covers. */
	if ((op & 0x20) != 0)
		forged |= change(r, data, WIRE_HEADER_BYTES, WIRE_ACK_TEXT_AT);
	if ((op & 0x80) != 0)
		forged |= change(r, data, WIRE_ACK_TEXT_AT, len);
	if ((op & 0x10) != 0)
		from.ip[5] ^= 1;
	p->pn += aef_read_u8(r) & 3;
	(void)rig_deliver(rig, RIG_SERVER, data, len, 0, &from);
	if (forged)
		check_nothing_taken(rig, &before);
	if (rig->end[RIG_SERVER].conn != NULL)
		rig_drain(rig, RIG_SERVER);
}

/* ---- the harness as a server -------------------------------------------------------------------
 */

static void
syn_ack(struct rig *rig, struct aef_reader *r, uint8_t op)
{
	const struct quantum_conn *conn = rig->end[RIG_CLIENT].conn;
	struct wire_syn_ack s = { .cookie_epoch = rig->keys.epoch, .dh_epoch = rig->keys.epoch };
	uint8_t data[WIRE_SYN_ACK_BYTES];

	if (conn == NULL)
		return;
	memcpy(s.client_random, rig->dialed.random, sizeof(s.client_random));
	memcpy(s.server_pub, rig->keys.dh_pub[0], sizeof(s.server_pub));
	memset(s.cookie, aef_read_u8(r), sizeof(s.cookie));
	wire_syn_ack_encode(data, &conn->cid_c, &s);
	if ((op & 0x40) != 0)
		(void)change(r, data, 0, WIRE_SYN_ACK_MAC_AT);
	handshake_mac(crypto(), rig->dialed.psk, MAC_LABEL_SYN_ACK, data, WIRE_SYN_ACK_MAC_AT,
	              data + WIRE_SYN_ACK_MAC_AT);
	if ((op & 0x20) != 0)
		rig->forged = change(r, data, WIRE_HEADER_BYTES, sizeof(data));
	(void)rig_deliver(rig, RIG_CLIENT, data, sizeof(data), 0, NULL);
	rig->forged = false;
}

static void
busy(struct rig *rig, struct aef_reader *r, uint8_t op)
{
	const struct quantum_conn *conn = rig->end[RIG_CLIENT].conn;
	struct wire_busy b = { .reason = aef_read_u8(r) & 7, .retry_after_ms = aef_read_be16(r) };
	uint8_t data[WIRE_BUSY_BYTES];

	if (conn == NULL)
		return;
	memcpy(b.client_random, rig->dialed.random, sizeof(b.client_random));
	wire_busy_encode(data, &conn->cid_c, &b);
	if ((op & 0x40) != 0)
		(void)change(r, data, 0, WIRE_BUSY_MAC_AT);
	handshake_mac(crypto(), rig->dialed.psk, MAC_LABEL_BUSY, data, WIRE_BUSY_MAC_AT,
	              data + WIRE_BUSY_MAC_AT);
	rig->forged = conn->state != CONN_ACK_SENT; /* */
	if ((op & 0x20) != 0)
		rig->forged |= change(r, data, WIRE_HEADER_BYTES, sizeof(data));
	(void)rig_deliver(rig, RIG_CLIENT, data, sizeof(data), 0, NULL);
	rig->forged = false;
}

static void
version_reply(struct rig *rig, struct aef_reader *r)
{
	struct wire_header hdr = { .cid = rig->dialed.cid };
	uint8_t data[WIRE_HEADER_BYTES + 8];
	const uint32_t nb = aef_read_u8(r) & 7;

	hdr.payload_len = (uint16_t)nb;
	wire_header_encode(data, &hdr);
	for (uint32_t i = 0; i < nb; i++)
		data[WIRE_HEADER_BYTES + i] = aef_read_u8(r) & 3;
	(void)rig_deliver(rig, RIG_CLIENT, data, WIRE_HEADER_BYTES + nb, 0, NULL);
}

/* ---- strangers ---------------------------------------------------------------------------------
 */

static void
stranger(struct rig *rig, struct aef_reader *r, uint8_t op)
{
	const struct server_state before = server_state(rig);
	struct wire_header hdr = { .version = (op & 0x40) != 0 ? aef_read_u8(r) : 1,
		                   .flags = (op & 0x20) != 0 ? aef_read_u8(r) : 0,
		                   .seq = aef_read_u8(r) };
	const uint32_t len = WIRE_HEADER_BYTES + aef_read_be16(r) % 700;
	uint8_t data[WIRE_HEADER_BYTES + 700] = { 0 };

	hdr.cid.b[3] = aef_read_u8(r);
	hdr.payload_len = (uint16_t)(len - WIRE_HEADER_BYTES -
	                             ((op & 0x10) == 0 && len > 48 ? WIRE_TAG_BYTES : 0));
	wire_header_encode(data, &hdr);
	(void)rig_deliver(rig, RIG_SERVER, data, len, 0, &peers[op & 3].addr);
	check_nothing_taken(rig, &before);
	if (rig->reply.len == WIRE_RST_BYTES && rig->end[RIG_CLIENT].conn != NULL)
		(void)rig_deliver(rig, RIG_CLIENT, rig->reply.data, rig->reply.len, 0, NULL);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

static struct rig *
rig_of(unsigned nth)
{
	static struct rig *rigs[3];
	static void *images[3];
	static const struct rig_setup setup = { .roomy = true };

	for (unsigned i = 0; i < AEF_DIM(rigs) && rigs[AEF_DIM(rigs) - 1] == NULL; i++) {
		rigs[i] = rig_create(&setup);
		if (i >= 1)
			rig_dial(rigs[i]);
		if (i >= 1)
			rig_transmit(rigs[i], RIG_CLIENT);
		if (i == 2) {
			rig_exchange(rigs[i], 1);
			rig_transmit(rigs[i], RIG_CLIENT);
		}
		images[i] = rig_image(rigs[i]);
		peers_init(rigs[i]);
		memcpy(peers_image[i], peers, sizeof(peers));
	}
	rig_restore(rigs[nth], images[nth]);
	memcpy(peers, peers_image[nth], sizeof(peers));
	return rigs[nth];
}

/* What the node around the server does: load, handshakes that wait, the audit log. */
static void
server_mood(struct rig *rig, struct aef_reader *r, uint8_t op)
{
	struct quantum_audit audit;

	switch (op >> 5) {
	case 0:
		quantum_server_set_busy(rig->server, aef_read_u8(r) & 3);
		break;
	case 1:
		rig->defer = !rig->defer;
		break;
	case 2:
	case 3:
		rig_settle(rig, aef_read_u8(r) & 3);
		break;
	case 4:
		while (quantum_server_poll_audit(rig->server, &audit) == 0)
			rig_require(audit.type < QUANTUM_NB_AUDITS && audit.count > 0);
		break;
	default:
		rig_deliver_kept(rig, op >> 4 & 3);
		break;
	}
}

static void
step(struct rig *rig, struct aef_reader *r)
{
	static const uint8_t random[64] = { 31, 7 };
	const uint8_t op = aef_read_u8(r);
	struct peer *p = &peers[aef_read_u8(r) % PEERS];

	switch (op & 15) {
	case 0:
	case 1:
		syn(rig, p, r, op);
		break;
	case 2:
	case 3:
	case 4:
		ack(rig, p, r, op);
		break;
	case 5:
		issue(rig, p, (unsigned)(p - peers), r, (op & 0x80) != 0);
		break;
	case 6:
		syn_ack(rig, r, op);
		break;
	case 7:
		busy(rig, r, op);
		break;
	case 8:
		version_reply(rig, r);
		break;
	case 9:
		stranger(rig, r, op);
		break;
	case 10:
		if (quantum_server_keys_rotate(&rig->keys, crypto(), random) != 0)
			abort();
		break;
	case 11:
		rig_hang_up(rig);
		break;
	case 12:
		server_mood(rig, r, op);
		break;
	case 13:
		rig_exchange(rig, 1 + (op >> 6));
		break;
	default:
		rig_pass(rig, (uint64_t)(aef_read_u8(r) + 1) << (15 + (op >> 4) * 2));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	struct aef_reader r = aef_reader_make(in, size);
	struct rig *rig = rig_of(aef_read_u8(&r) % 3);

	for (unsigned i = 0; i < STEPS_MAX && aef_reader_left(&r) > 0; i++)
		if (rig->end[0].nb_rcvd < 200 && rig->end[1].nb_rcvd < 200)
			step(rig, &r);
	rig_transmit(rig, RIG_CLIENT);
	rig_transmit(rig, RIG_SERVER);
	rig_drain(rig, RIG_CLIENT);
	rig_drain(rig, RIG_SERVER);
	rig_finish(rig);
	return 0;
}
