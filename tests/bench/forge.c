/* SPDX-License-Identifier: BSD-3-Clause */
#include "forge.h"

#include <string.h>

#include <base/bytes.h>
#include <protect/mem.h>
#include <wire/handshake.h>

#define VERSION_AT 4u
#define CID_AT     6u
#define SEQ_AT     22u
#define LEN_AT     30u
#define WINDOW     64u /* numbers ahead of the victim's last one */

static const char *const names[] = {
	[FORGE_GARBAGE] = "garbage",
	[FORGE_ZEROS] = "SYN, zeros wrong",
	[FORGE_TOKEN] = "SYN, forged token",
	[FORGE_REPLAY] = "SYN, good token",
	[FORGE_COOKIE] = "ACK, forged cookie",
	[FORGE_UNKNOWN] = "unknown id",
	[FORGE_LENGTH] = "wrong length",
	[FORGE_EPOCH] = "wrong epoch",
	[FORGE_VERSION] = "old version",
	[FORGE_RST] = "guessed reset",
	[FORGE_TAG] = "wrong tag",
};

const char *
forge_name(enum forge_kind kind)
{
	return names[kind];
}

static void
random_fill(struct forge *f, uint8_t *ret, uint32_t len)
{
	uint64_t x = 0;

	for (uint32_t i = 0; i < len; i++, x >>= 8) {
		if (i % 8 == 0)
			x = aef_rng_u64(&f->rng);
		ret[i] = (uint8_t)x;
	}
}

int
forge_open(struct forge *f, struct protect *issuer, const struct net_local *server,
           struct rte_mempool *mp, uint64_t unix_ms)
{
	const struct crypto_token want = { .caps = 1 };
	struct protect_grant grant;
	uint64_t seed;
	int rc = protect_random(&seed, sizeof(seed));

	if (rc == 0)
		rc = protect_token_issue(issuer, &want, CRYPTO_TOKEN_LIFE_MAX_MS, unix_ms, &grant);
	if (rc != 0)
		return rc;
	aef_rng_init(&f->rng, seed);
	f->server = server;
	f->mp = mp;
	memcpy(f->token, grant.token, sizeof(f->token));
	f->cid = grant.conn_id;
	random_fill(f, f->garbage, sizeof(f->garbage));
	return 0;
}

static uint32_t
syn_make(struct forge *f, enum forge_kind kind, uint8_t *data)
{
	struct wire_syn syn;

	if (kind == FORGE_GARBAGE) { /* from a random place of what was random once */
		memcpy(data, f->garbage + aef_rng_below(&f->rng, WIRE_SYN_BYTES), WIRE_SYN_BYTES);
		return WIRE_SYN_BYTES;
	}
	random_fill(f, syn.client_random, sizeof(syn.client_random));
	memcpy(syn.token, f->token, sizeof(syn.token));
	if (kind == FORGE_TOKEN) /* its clear part stands, nonce, body and tag do not */
		random_fill(f, syn.token + CRYPTO_TOKEN_CLEAR_BYTES,
		            CRYPTO_NONCE_BYTES + CRYPTO_TAG_BYTES);
	wire_syn_encode(data, &f->cid, &syn);
	if (kind == FORGE_ZEROS)
		data[WIRE_SYN_BYTES - 1] = 1;
	return WIRE_SYN_BYTES;
}

static uint32_t
ack_make(struct forge *f, uint8_t *data)
{
	struct wire_ack ack = { .cookie_epoch = 0 };

	random_fill(f, ack.cookie, sizeof(ack.cookie));
	memcpy(ack.token, f->token, sizeof(ack.token));
	wire_ack_encode(data, &f->cid, 0, &ack);
	random_fill(f, data + WIRE_ACK_TEXT_AT, 32 + WIRE_TAG_BYTES);
	aef_store_be16(data + LEN_AT, WIRE_ACK_CLEAR_BYTES + 32);
	return WIRE_ACK_TEXT_AT + 32 + WIRE_TAG_BYTES;
}

/* What a live connection sends, but for one thing. The body is whatever the buffer holds. */
static uint32_t
protected_make(struct forge *f, enum forge_kind kind, const struct guest *victim, uint8_t *data,
               uint32_t bytes)
{
	const uint32_t seq = victim != NULL ? aef_load_be32(victim->last + SEQ_AT) : 0;

	if (victim != NULL)
		memcpy(data, victim->last, WIRE_HEADER_BYTES);
	if (kind == FORGE_UNKNOWN || victim == NULL) {
		wire_header_encode(data, &(struct wire_header){ .version = WIRE_VERSION });
		random_fill(f, data + CID_AT, sizeof(f->cid.b));
		/* As a GUUID of version 7 is: only the look-up can tell. */
		data[CID_AT + 6] = (uint8_t)(0x70 | (data[CID_AT + 6] & 0x0f));
		data[CID_AT + 8] = (uint8_t)(0x80 | (data[CID_AT + 8] & 0x3f));
	}
	aef_store_be32(data + SEQ_AT, seq + 1 + (uint32_t)aef_rng_below(&f->rng, WINDOW));
	aef_store_be16(data + LEN_AT, (uint16_t)(bytes - WIRE_HEADER_BYTES - WIRE_TAG_BYTES));
	random_fill(f, data + bytes - WIRE_TAG_BYTES, WIRE_TAG_BYTES);
	switch (kind) {
	case FORGE_LENGTH:
		aef_store_be16(data + LEN_AT, (uint16_t)(bytes - WIRE_HEADER_BYTES - 3));
		break;
	case FORGE_EPOCH:
		aef_store_be32(data + SEQ_AT, seq + (3u << 22));
		break;
	case FORGE_VERSION:
		data[VERSION_AT] = 2;
		break;
	case FORGE_RST:
		wire_rst_encode(data, (const struct aef_guuid *)(const void *)(data + CID_AT),
		                data + bytes - WIRE_TAG_BYTES);
		return WIRE_RST_BYTES;
	default:
		break;
	}
	return bytes;
}

static void
random_source(struct forge *f, struct net_path *path)
{
	struct net_local local = { .mac = { 2, 0, 2 }, .has_ipv4 = true, .ipv4_prefix = 8 };

	random_fill(f, local.ipv4.b + 13, 3);
	local.ipv4.b[10] = local.ipv4.b[11] = 0xff;
	local.ipv4.b[12] = (uint8_t)(11 + aef_rng_below(&f->rng, 100)); /* no guest's, no special */
	local.ipv4.b[15] |= 1;
	(void)!net_path_make(path, &local, (uint16_t)(1024 + aef_rng_below(&f->rng, 60000)),
	                     &f->server->ipv4, f->server->udp_port, f->server->mac);
}

struct rte_mbuf *
forge_frame(struct forge *f, enum forge_kind kind, const struct guest *victim, uint32_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->mp);
	struct net_path random;
	const struct net_path *path = victim != NULL ? &victim->path : &random;
	uint8_t *data;
	uint32_t len;

	if (m == NULL)
		return NULL;
	data = rte_pktmbuf_mtod(m, uint8_t *);
	if (kind <= FORGE_REPLAY)
		len = syn_make(f, kind, data);
	else if (kind == FORGE_COOKIE)
		len = ack_make(f, data);
	else
		len = protected_make(f, kind, victim, data, bytes);
	if (victim == NULL)
		random_source(f, &random);
	(void)net_tx_build(path, data, (uint16_t)len, 0, false);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	(void)rte_pktmbuf_prepend(m, path->hdr_len);
	f->bytes += len;
	return m;
}
