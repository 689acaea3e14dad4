/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include <crypto_null/null_provider.h>

#include "conn_priv.h"
#include "server_priv.h"

#define START_NS      1000000000ull
#define START_UNIX_MS 1750000000000ull
#define TIMERS_MAX    12u
#define BURST_MAX     256u

struct rig_buf {
	int32_t refs;
	bool in_image;        /* held by a situation: it stays for ever */
	struct rig_buf *next; /* of those that stay */
	uint8_t *data;        /* a block of its own, of exactly its length */
};

static size_t block_bytes;
static struct rig_buf *in_images;
static bool is_building; /* between rig_create() and rig_image() */

static void
buf_get(void *ctx, void *owner)
{
	struct rig_end *end = ctx;

	end->refs++;
	if (owner != NULL && !((struct rig_buf *)owner)->in_image)
		((struct rig_buf *)owner)->refs++;
}

static void
buf_put(void *ctx, void *owner)
{
	struct rig_end *end = ctx;
	struct rig_buf *buf = owner;

	end->refs--;
	if (buf == NULL || buf->in_image)
		return;
	rig_require(buf->refs > 0);
	if (--buf->refs == 0) {
		free(buf->data);
		free(buf);
	}
}

static struct rig_buf *
buf_new(const uint8_t *data, uint32_t len)
{
	struct rig_buf *buf = malloc(sizeof(*buf));

	buf->refs = 1;
	buf->in_image = is_building;
	if (is_building) {
		buf->next = in_images;
		in_images = buf;
	}
	buf->data = malloc(len > 0 ? len : 1);
	if (data != NULL)
		memcpy(buf->data, data, len);
	return buf;
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct rig_end *end = ctx;
	struct rig_buf *buf = buf_new(NULL, bytes);

	rig_require(bytes <= WIRE_MTU_MAX);
	end->refs++;
	*ret_data = buf->data;
	return buf;
}

static void
env_sizes(struct quantum_env_conf *conf, bool roomy)
{
	const uint32_t n = roomy ? 4 : 1;

	*conf = (struct quantum_env_conf){
		.conns = 2,
		.sent_pkts = 16 * n,
		.frames = 24 * n,
		.msgs_out = 12 * n,
		.segs = 24 * n,
		.msgs_in = 12 * n,
		.ranges = 24 * n,
		.chans = 8 * n,
		.nodes = 8 * n,
		.keys = 2,
		.fec_tx = 1,
		.fec_rx = 1,
		.replays = 2 + 2 * n,
	};
}

static size_t
line_up(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

static void
conf_init(struct rig *rig, const struct rig_setup *setup)
{
	quantum_conn_conf_default(&rig->conf);
	rig->conf.first_pn = setup->first_pn;
	rig->conf.fec_always = setup->fec_always;
	rig->conf.queue_bytes_max = 1u << 16;
	rig->conf.queue_msgs_max = 32;
	rig->conf.sent_pkts_max = 48;
	rig->conf.limits.credit_bytes = 1u << 17;
	rig->conf.limits.credit_channel_bytes = 1u << 15;
	rig->conf.limits.message_bytes_max = 1u << 18;
}

struct rig *
rig_create(const struct rig_setup *setup)
{
	static const uint8_t random[64] = { 1, 2, 3 }, reset_key[32] = { 9 };
	const struct crypto_provider *crypto = crypto_null_provider();
	const size_t table_bytes = line_up(quantum_table_bytes(4));
	const size_t server_bytes = line_up(quantum_server_bytes(16));
	struct quantum_env_conf conf;
	struct rig *rig;
	uint8_t *at;

	is_building = true;
	env_sizes(&conf, true);
	const size_t env_bytes = line_up(quantum_env_bytes(&conf));
	const size_t secret_bytes = line_up(quantum_env_secret_bytes(&conf));

	block_bytes =
		line_up(sizeof(*rig)) + 2 * (env_bytes + secret_bytes) + table_bytes + server_bytes;
	rig = aligned_alloc(64, block_bytes);
	memset(rig, 0, block_bytes);
	at = (uint8_t *)rig + line_up(sizeof(*rig));
	rig->now_ns = START_NS;
	rig->client_addr = (struct quantum_addr){ .ip = { 1 }, .port = 1000 };
	rig->server_addr = (struct quantum_addr){ .ip = { 2 }, .port = 2000 };
	conf_init(rig, setup);
	env_sizes(&conf, setup->roomy);
	for (unsigned i = 0; i < 2; i++, at += env_bytes + secret_bytes) {
		const struct quantum_buf_ops ops = { buf_get, buf_put, buf_alloc, &rig->end[i] };

		rig->end[i].env = quantum_env_init(at, at + env_bytes, &conf, crypto, &ops, i + 1);
	}
	rig_require(quantum_server_keys_init(&rig->keys, crypto, random, reset_key) == 0);
	quantum_cid_codec_init(&rig->codec, random);
	quantum_table_init(&rig->table, at, 4, 3, &rig->codec, 1);
	rig->server = quantum_server_init(at + table_bytes, 16, rig->end[RIG_SERVER].env,
	                                  &rig->table, &rig->keys, &rig->conf);
	/* One bucket of each table of sources: entries push each other out, and little is copied.
	 */
	rig->server->syn_limit.nb_buckets = 1;
	rig->server->ack_limit.nb_buckets = 1;
	return rig;
}

/* Parts of the block that never change or are never read, in order; nearly all of it. */
struct span {
	const void *at;
	size_t bytes;
};

#define NB_SPANS 5u

static void
spans_of(const struct rig *rig, struct span ret_spans[NB_SPANS])
{
	const struct quantum_server *server = rig->server;
	const struct limit_entry *syn = server->syn_limit.entries, *ack = server->ack_limit.entries;

	for (unsigned i = 0; i < 2; i++)
		ret_spans[i] = (struct span){ &rig->end[i].env->fec, sizeof(struct fec_codec) };
	ret_spans[2] = (struct span){ server->audit.events, sizeof(server->audit.events) };
	ret_spans[3] = (struct span){ syn + 8, (LIMIT_SYN_ENTRIES - 8) * sizeof(*syn) };
	ret_spans[4] = (struct span){ ack + 8, (LIMIT_ACK_ENTRIES - 8) * sizeof(*ack) };
}

void *
rig_image(const struct rig *rig)
{
	void *image = malloc(block_bytes);

	memcpy(image, rig, block_bytes);
	is_building = false;
	return image;
}

void
rig_restore(struct rig *rig, const void *image)
{
	struct span spans[NB_SPANS];
	size_t at = 0;

	spans_of(rig, spans);
	for (unsigned i = 0; i < NB_SPANS; i++) {
		const size_t skip = (size_t)((const uint8_t *)spans[i].at - (const uint8_t *)rig);

		rig_require(skip >= at);
		memcpy((uint8_t *)rig + at, (const uint8_t *)image + at, skip - at);
		at = skip + spans[i].bytes;
	}
	memcpy((uint8_t *)rig + at, (const uint8_t *)image + at, block_bytes - at);
}

uint64_t
rig_unix_ms(const struct rig *rig)
{
	return START_UNIX_MS + (rig->now_ns - START_NS) / AEF_NS_PER_MS;
}

void
rig_dial(struct rig *rig)
{
	const struct crypto_provider *crypto = crypto_null_provider();
	static const uint8_t nonce[CRYPTO_NONCE_BYTES] = { 5 };

	rig->token = (struct crypto_token){ .issued_ms = rig_unix_ms(rig),
		                            .expires_ms = rig_unix_ms(rig) + 30000 };
	rig->token.conn_id.b[0] = 1;
	rig->token.conn_id.b[15] = 1;
	memset(rig->token.psk, 7, sizeof(rig->token.psk));
	rig->dialed = (struct quantum_client_conf){ .server = rig->server_addr,
		                                    .cid = rig->token.conn_id,
		                                    .random = { 3 },
		                                    .dh_seed = { 4 } };
	memcpy(rig->dialed.psk, rig->token.psk, sizeof(rig->dialed.psk));
	rig_require(crypto->token_seal(crypto->ctx, &rig->token, nonce, rig->dialed.token) == 0);
	rig_require(quantum_conn_connect(rig->end[RIG_CLIENT].env, &rig->conf, &rig->dialed,
	                                 rig->now_ns, &rig->end[RIG_CLIENT].conn) == 0);
}

/* ---- what must hold ---------------------------------------------------------------------------
 */

static struct rig_path *
path_of(struct rig_end *end, const struct quantum_addr *addr)
{
	for (uint32_t i = 0; i < end->nb_paths; i++)
		if (quantum_addr_eq(&end->paths[i].addr, addr))
			return &end->paths[i];
	if (end->nb_paths == RIG_ADDRS)
		return NULL;
	end->paths[end->nb_paths] = (struct rig_path){ .addr = *addr };
	return &end->paths[end->nb_paths++];
}

static bool
was_received(const struct rig_end *end, uint64_t pn)
{
	for (uint32_t i = 0; i < end->nb_rcvd; i++)
		if (end->rcvd[i] == pn)
			return true;
	return false;
}

static uint64_t
nb_received(const struct rig_end *end, uint64_t first, uint64_t last_end)
{
	uint64_t nb = 0;

	for (uint32_t i = 0; i < end->nb_rcvd; i++)
		nb += end->rcvd[i] >= first && end->rcvd[i] < last_end;
	return nb;
}

/* Every number of [first, end) was received. */
static void
check_range(const struct rig_end *end, uint32_t first32, uint32_t end32)
{
	const uint64_t near = end->conn->acktr.end;
	const uint64_t first = crypto_pn_expand(near, first32);
	const uint64_t last_end = crypto_pn_expand(near, end32);

	rig_require(first < last_end);
	rig_require(nb_received(end, first, last_end) == last_end - first);
}

/* ack, SACK blocks and ACK_INFO of a packet that @p end is about to seal. */
static void
check_acks(const struct rig *rig, const struct rig_end *end, const struct quantum_tx *tx)
{
	const struct quantum_acktr *at = &end->conn->acktr;
	const uint64_t base = aef_max_u64(at->floor, rig->conf.first_pn);
	struct aef_reader r = aef_reader_make(tx->op.text, tx->op.text_len);
	struct wire_header hdr;
	struct wire_frame f;

	rig_require(wire_classify(tx->data, tx->len, &hdr) == WIRE_CLASS_PROTECTED);
	const uint64_t ack = crypto_pn_expand(at->end, hdr.ack);

	if (ack > base)
		rig_require(nb_received(end, base, ack) == ack - base);
	for (uint32_t i = WIRE_HEADER_BYTES; i < tx->op.aad_len; i += WIRE_SACK_BYTES)
		check_range(end, aef_load_be32(tx->data + i), aef_load_be32(tx->data + i + 4));
	while (wire_frame_decode(&r, &f) == 0)
		for (uint32_t i = 0; f.type == WIRE_FRAME_ACK_INFO && i < f.ack_info.nb_ranges; i++)
			check_range(end, aef_load_be32(f.ack_info.ranges + (size_t)i * 8),
			            aef_load_be32(f.ack_info.ranges + (size_t)i * 8 + 4));
	rig_require(r.p == r.end); /* whatever an end sends decodes */
}

/* */
static void
check_amplification(struct rig_end *end, const struct quantum_tx *tx)
{
	struct rig_path *path = path_of(end, &tx->to);

	if (path == NULL)
		return;
	/* What went there while it was the peer's validated address counts no more. */
	if (quantum_addr_eq(&tx->to, &end->conn->path.peer) || !end->conn->is_server)
		return;
	path->tx_bytes += tx->len;
	rig_require(path->tx_bytes <= 3 * path->rx_bytes);
}

static uint64_t
nb_verdicts(const struct quantum_conn *conn)
{
	uint64_t nb = 0;

	for (unsigned i = 0; i < QUANTUM_NB_VERDICTS; i++)
		nb += conn->stats.verdicts[i];
	return nb;
}

/* What the forged datagram must leave as it was. */
struct before {
	struct quantum_conn conn;
	struct conn_keys keys;
	struct quantum_env env;
	uint32_t nb_used;
};

static struct before before;

static void
remember(const struct rig *rig, const struct rig_end *end, const struct quantum_conn *conn)
{
	memcpy(&before.conn, conn, sizeof(before.conn));
	memcpy(&before.keys, conn->keys, sizeof(before.keys));
	memcpy(&before.env, end->env, offsetof(struct quantum_env, fec));
	before.nb_used = rig->table.nb_used;
}

/* Nothing changed but counters and the time of the last call. */
static void
check_unchanged(const struct rig *rig, const struct rig_end *end, const struct quantum_conn *conn,
                enum quantum_verdict v)
{
	struct quantum_conn *was = &before.conn;

	was->nb_failed_opens += v == QUANTUM_VERDICT_BAD_TAG; /* */
	was->now_ns = conn->now_ns;
	memcpy(was->stats.verdicts, conn->stats.verdicts, sizeof(was->stats.verdicts));
	rig_require(memcmp(was, conn, sizeof(*was)) == 0);
	rig_require(memcmp(&before.keys, conn->keys, sizeof(before.keys)) == 0);
	rig_require(memcmp(&before.env, end->env, offsetof(struct quantum_env, fec)) == 0);
	rig_require(before.nb_used == rig->table.nb_used);
}

/* ---- datagrams in ------------------------------------------------------------------------------
 */

static enum quantum_verdict
conn_rx(struct rig *rig, struct rig_end *end, struct quantum_conn *conn, struct quantum_rx *rx)
{
	const struct crypto_provider *crypto = crypto_null_provider();
	const uint64_t nb_before = nb_verdicts(conn), nb_rx = conn->stats.rx_pkts;
	enum quantum_verdict v;

	if (rig->forged)
		remember(rig, end, conn);
	v = quantum_conn_rx_prepare(conn, rx, rig->now_ns);
	if (v == QUANTUM_VERDICT_ACCEPTED) {
		if (rx->needs_open)
			crypto->open(crypto->ctx, &rx->op, 1);
		v = quantum_conn_rx_commit(conn, rx, rig->now_ns);
	}
	rig_require(v < QUANTUM_NB_VERDICTS && nb_verdicts(conn) == nb_before + 1);
	if (conn->stats.rx_pkts != nb_rx && conn == end->conn) {
		rig_require(rx->needs_open && rx->op.ok && !was_received(end, rx->pn));
		rig_require(end->nb_rcvd < RIG_RCVD_MAX);
		end->rcvd[end->nb_rcvd++] = rx->pn;
	}
	if (rig->forged) {
		rig_require(v != QUANTUM_VERDICT_ACCEPTED);
		check_unchanged(rig, end, conn, v);
	}
	return v;
}

/* Another connection, or none, takes the place of the one whose numbers were noted. */
static void
forget(struct rig_end *end)
{
	end->conn = NULL;
	end->nb_rcvd = 0;
	end->nb_paths = 0;
}

/* A token opens one connection; its tag stands for all of it. */
static void
use_token(struct rig *rig, const struct quantum_accept *accept)
{
	const uint8_t *tag = accept->ack.token + CRYPTO_TOKEN_TAG_AT;

	for (uint32_t i = 0; i < rig->nb_used; i++)
		rig_require(memcmp(rig->used[i], tag, CRYPTO_TAG_BYTES) != 0);
	rig_require(rig->nb_used < RIG_TOKENS);
	memcpy(rig->used[rig->nb_used++], tag, CRYPTO_TAG_BYTES);
}

/* The connection, or NULL: a copy with other frames uses nothing up. */
static struct quantum_conn *
accept_conn(struct rig *rig, struct quantum_accept *accept)
{
	const struct quantum_now now = { rig->now_ns, rig_unix_ms(rig) };
	struct rig_end *end = &rig->end[RIG_SERVER];
	struct quantum_conn *conn = NULL;

	if (quantum_accept_derive(crypto_null_provider(), accept) != 0) {
		quantum_server_abandon(rig->server, accept);
		if (!accept->forged)
			use_token(rig, accept);
		return NULL;
	}
	if (quantum_server_accept(rig->server, accept, &now, &conn) != 0)
		return NULL;
	use_token(rig, accept);
	if (end->conn != NULL) { /* the older one is only kept */
		rig_require(rig->nb_others < RIG_OTHERS);
		rig->others[rig->nb_others++] = end->conn;
	}
	forget(end);
	end->conn = conn;
	return conn;
}

void
rig_settle(struct rig *rig, enum quantum_busy reason)
{
	if (!rig->has_pending)
		return;
	rig->has_pending = false;
	if (reason == QUANTUM_BUSY_NO) {
		(void)accept_conn(rig, &rig->pending);
		return;
	}
	rig->reply = (struct quantum_tx){ .data = rig->reply_data, .cap = RIG_DGRAM_MAX };
	(void)quantum_server_refuse(rig->server, &rig->pending, reason, &rig->reply);
	rig_require(rig->reply.len == WIRE_BUSY_BYTES);
}

void
rig_hang_up(struct rig *rig)
{
	rig_settle(rig, QUANTUM_BUSY_SHUTDOWN);
	rig_require(quantum_server_pending(rig->server) == 0);
	quantum_server_release(rig->server, rig->end[RIG_SERVER].conn);
	while (rig->nb_others > 0)
		quantum_server_release(rig->server, rig->others[--rig->nb_others]);
	forget(&rig->end[RIG_SERVER]);
}

static enum quantum_verdict
server_rx(struct rig *rig, struct quantum_rx *rx)
{
	const struct quantum_now now = { rig->now_ns, rig_unix_ms(rig) };
	struct wire_header hdr = { 0 };
	const enum wire_class clas = wire_classify(rx->data, rx->len, &hdr);
	const struct aef_guuid *cid = &hdr.cid;
	struct quantum_accept accept;
	struct quantum_conn *conn = NULL;
	void *found = NULL;
	int16_t lcore;
	enum quantum_verdict v;

	rig->reply = (struct quantum_tx){ .data = rig->reply_data, .cap = RIG_DGRAM_MAX };
	if (clas == WIRE_CLASS_PROTECTED) {
		quantum_table_lookup(&rig->table, &cid, 1, &found, &lcore);
		if (found != NULL)
			return conn_rx(rig, &rig->end[RIG_SERVER], found, rx);
	}
	if (clas != WIRE_CLASS_ACK) {
		v = quantum_server_on_stray(rig->server, rx, &hdr, clas, &now, &rig->reply);
		rig_require(rig->reply.len <= (clas == WIRE_CLASS_SYN ? rx->len / 4 : rx->len - 1));
		return v;
	}
	v = quantum_server_on_ack(rig->server, rx, &now, &accept, &conn, &rig->reply);
	rig_require(rig->reply.len < rx->len);
	if (v == QUANTUM_VERDICT_ACCEPTED) {
		rig_require(!rig->forged);
		if (rig->defer && !rig->has_pending) {
			rig->pending = accept;
			memcpy(rig->pending_data, rx->data, rx->len);
			rig->pending.data = rig->pending_data;
			rig->has_pending = true;
			return v;
		}
		conn = accept_conn(rig, &accept);
	}
	return conn != NULL ? conn_rx(rig, &rig->end[RIG_SERVER], conn, rx) : v;
}

enum quantum_verdict
rig_deliver(struct rig *rig, unsigned to, const uint8_t *data, uint32_t len, uint8_t ecn,
            const struct quantum_addr *from)
{
	struct rig_end *end = &rig->end[to];
	struct rig_buf *buf = buf_new(data, len);
	struct quantum_rx rx = { .data = buf->data, .len = len, .ecn = ecn, .owner = buf };
	struct rig_path *path;
	enum quantum_verdict v = QUANTUM_VERDICT_UNKNOWN_CID;

	rx.from = from != NULL ? *from : to == RIG_SERVER ? rig->client_addr : rig->server_addr;
	path = path_of(end, &rx.from);
	if (path != NULL)
		path->rx_bytes += len;
	if (to == RIG_SERVER)
		v = server_rx(rig, &rx);
	else if (end->conn != NULL)
		v = conn_rx(rig, end, end->conn, &rx);
	end->refs++; /* the driver's own */
	buf_put(end, buf);
	return v;
}

/* ---- datagrams out -----------------------------------------------------------------------------
 */

static void
keep(struct rig *rig, bool to_server, const struct quantum_tx *tx)
{
	struct rig_dgram *d = &rig->kept[rig->nb_kept++ % RIG_KEPT];

	d->to_server = to_server;
	d->ecn = tx->ecn;
	d->len = (uint16_t)tx->len;
	memcpy(d->data, tx->data, tx->len);
	if (to_server && (tx->data[5] & WIRE_FLAG_ACK) != 0)
		memcpy(rig->ack_clear, tx->data, sizeof(rig->ack_clear));
}

void
rig_transmit(struct rig *rig, unsigned idx)
{
	const struct crypto_provider *crypto = crypto_null_provider();
	struct rig_end *end = &rig->end[idx];
	uint8_t data[RIG_DGRAM_MAX];

	for (unsigned i = 0; end->conn != NULL; i++) {
		struct quantum_tx tx = { .data = data, .cap = sizeof(data) };

		rig_require(i < BURST_MAX);
		if (quantum_conn_tx_prepare(end->conn, &tx, rig->now_ns) != 1)
			return;
		rig_require(tx.len <= sizeof(data) && tx.ecn < 4);
		if (tx.needs_seal) {
			if ((tx.data[5] & WIRE_FLAG_ACK) == 0)
				check_acks(rig, end, &tx);
			crypto->seal(crypto->ctx, &tx.op, 1);
		}
		check_amplification(end, &tx);
		keep(rig, idx == RIG_CLIENT, &tx);
		quantum_conn_tx_commit(end->conn, &tx, true);
	}
}

void
rig_deliver_kept(struct rig *rig, unsigned nth)
{
	const uint32_t have = aef_min_u32(rig->nb_kept, RIG_KEPT);
	struct rig_dgram d;

	if (nth >= have)
		return;
	d = rig->kept[(rig->nb_kept - 1 - nth) % RIG_KEPT];
	(void)rig_deliver(rig, d.to_server ? RIG_SERVER : RIG_CLIENT, d.data, d.len, d.ecn, NULL);
}

static void
answer(struct rig *rig)
{
	if (rig->reply.len > 0)
		(void)rig_deliver(rig, RIG_CLIENT, rig->reply.data, rig->reply.len, 0, NULL);
	rig->reply.len = 0;
}

void
rig_exchange(struct rig *rig, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		rig_transmit(rig, RIG_CLIENT);
		rig_transmit(rig, RIG_SERVER);
		rig->now_ns += AEF_NS_PER_MS;
		for (; rig->nb_passed < rig->nb_kept; rig->nb_passed++) {
			rig_deliver_kept(rig, rig->nb_kept - rig->nb_passed - 1);
			answer(rig);
		}
	}
}

void
rig_establish(struct rig *rig)
{
	rig_dial(rig);
	rig_exchange(rig, 12);
	rig_pass(rig, 30 * AEF_NS_PER_MS); /* acknowledgements that were put off */
	rig_exchange(rig, 2);
	rig_drain(rig, RIG_CLIENT);
	rig_drain(rig, RIG_SERVER);
	rig_require(quantum_conn_established(rig->end[RIG_CLIENT].conn));
	rig_require(quantum_conn_established(rig->end[RIG_SERVER].conn));
	rig_require(rig->end[RIG_SERVER].conn->confirmed);
}

static uint64_t
next_ns(const struct rig *rig)
{
	uint64_t next = AEF_TIME_NEVER;

	for (unsigned i = 0; i < 2; i++)
		if (rig->end[i].conn != NULL)
			next = aef_min_u64(next, quantum_conn_deadline_ns(rig->end[i].conn));
	return next;
}

void
rig_pass(struct rig *rig, uint64_t ns)
{
	const uint64_t until_ns = rig->now_ns + ns;
	unsigned stuck = 0;

	for (unsigned n = 0; n < TIMERS_MAX && next_ns(rig) <= until_ns; n++) {
		const uint64_t at_ns = aef_max_u64(next_ns(rig), rig->now_ns);

		stuck = at_ns == rig->now_ns ? stuck + 1 : 0;
		rig_require(stuck < TIMERS_MAX - 2); /* a timer that is due for ever */
		rig->now_ns = at_ns;
		for (unsigned i = 0; i < 2; i++)
			if (rig->end[i].conn != NULL &&
			    quantum_conn_deadline_ns(rig->end[i].conn) <= at_ns)
				quantum_conn_on_deadline(rig->end[i].conn, at_ns);
		rig_transmit(rig, RIG_CLIENT);
		rig_transmit(rig, RIG_SERVER);
	}
	rig->now_ns = until_ns;
}

void
rig_drain(struct rig *rig, unsigned idx)
{
	struct rig_end *end = &rig->end[idx];
	struct quantum_event ev;

	if (end->conn == NULL)
		return;
	while (quantum_conn_poll(end->conn, &ev) == 0)
		if (ev.type == QUANTUM_EVENT_MESSAGE)
			quantum_chans_discard(&end->conn->chans, &ev.msg);
}

void
rig_finish(struct rig *rig)
{
	quantum_conn_free(rig->end[RIG_CLIENT].conn);
	rig_hang_up(rig);
	rig_require(rig->table.nb_used == 0);
	for (unsigned e = 0; e < 2; e++) {
		for (uint32_t i = 0; i < quantum_env_nb_pools(rig->end[e].env); i++)
			rig_require(quantum_env_pool(rig->end[e].env, i)->in_use == 0);
		rig_require(rig->end[e].refs == 0);
	}
}

/* ---- the peer that holds the keys --------------------------------------------------------------
 */

uint64_t
rig_expected_pn(const struct rig *rig, unsigned to)
{
	return aef_max_u64(rig->end[to].conn->acktr.end, rig->conf.first_pn);
}

/* Change one byte of the finished datagram, so that it cannot verify any more. */
static void
spoil(const struct rig_craft *c, uint8_t *data, uint32_t aad_len, uint32_t text_len)
{
	const uint8_t bit = (uint8_t)(1u << (c->spoil_at & 7));
	/* Of the header only ack: all else would select another class, key or connection. */
	const uint32_t aad_at =
		c->nb_sacks > 0 && !c->as_ack
			? WIRE_HEADER_BYTES + c->spoil_at % (c->nb_sacks * WIRE_SACK_BYTES)
			: 26u + (c->spoil_at & 3u);

	if (c->spoil == RIG_SPOIL_TAG)
		data[aad_len + text_len + c->spoil_at % WIRE_TAG_BYTES] ^= bit;
	else if (c->spoil == RIG_SPOIL_TEXT && text_len > 0)
		data[aad_len + c->spoil_at % text_len] ^= bit;
	else if (c->spoil == RIG_SPOIL_AAD || c->spoil == RIG_SPOIL_TEXT)
		data[aad_at] ^= bit;
}

/* A key of the receiver; the caller's copy, so that nothing of the connection is touched. */
static struct crypto_key
key_for(struct quantum_conn *conn, const struct rig_craft *c)
{
	static const struct crypto_key other = { .key = { 0x55 } };
	const struct crypto_key *key = crypto_rx_keys_get(&conn->keys->rx, c->pn);

	if (c->spoil == RIG_SPOIL_KEY)
		key = crypto_rx_keys_get(&conn->keys->rx, c->pn + CRYPTO_EPOCH_PKTS);
	return key != NULL ? *key : other;
}

enum quantum_verdict
rig_inject(struct rig *rig, unsigned to, const struct rig_craft *c, const uint8_t *payload,
           uint32_t len)
{
	const struct crypto_provider *crypto = crypto_null_provider();
	struct quantum_conn *conn = rig->end[to].conn;
	const uint32_t aad_len =
		c->as_ack ? WIRE_ACK_TEXT_AT : WIRE_HEADER_BYTES + c->nb_sacks * WIRE_SACK_BYTES;
	struct wire_header hdr = {
		.version = WIRE_VERSION,
		.flags = c->flags,
		.payload_len = (uint16_t)len,
		.seq = (uint32_t)c->pn,
		.ack = c->ack,
		.cid = c->under_c ? conn->cid_c : conn->cid_s,
	};
	uint8_t data[RIG_DGRAM_MAX];
	struct crypto_key key = key_for(conn, c);
	struct crypto_op op = { .key = &key,
		                .pn = c->pn ^ (c->spoil == RIG_SPOIL_PN),
		                .aad = data,
		                .aad_len = aad_len,
		                .text = data + aad_len,
		                .text_len = len,
		                .tag = data + aad_len + len };
	enum quantum_verdict v;

	rig_require(aad_len + len + WIRE_TAG_BYTES <= sizeof(data));
	if (c->as_ack) {
		memcpy(data, rig->ack_clear, sizeof(rig->ack_clear));
		aef_store_be32(data + 22, (uint32_t)c->pn);
		aef_store_be16(data + 30, (uint16_t)(WIRE_ACK_CLEAR_BYTES + len));
	} else {
		wire_header_encode(data, &hdr);
		memcpy(data + WIRE_HEADER_BYTES, c->sacks, c->nb_sacks * WIRE_SACK_BYTES);
	}
	memcpy(data + aad_len, payload, len);
	crypto->seal(crypto->ctx, &op, 1);
	spoil(c, data, aad_len, len);
	rig->forged = c->spoil != RIG_GENUINE;
	v = rig_deliver(rig, to, data, aad_len + len + WIRE_TAG_BYTES, c->ecn, &c->from);
	rig->forged = false;
	return v;
}
