/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <protect/mem.h>

#include "line.h"

#define CONNS      4u
#define TOKENS_MAX 4096u

/* Buffers are counted by the engine and freed with the last reference. */
struct buf {
	uint32_t refs;
	uint8_t data[WIRE_MTU_MAX];
};

static void
buf_get(void *ctx, void *owner)
{
	(void)ctx;
	if (owner != NULL)
		((struct buf *)owner)->refs++;
}

static void
buf_put(void *ctx, void *owner)
{
	struct buf *buf = owner;

	(void)ctx;
	if (buf != NULL && --buf->refs == 0)
		free(buf);
}

static struct buf *
buf_new(void)
{
	struct buf *buf = calloc(1, sizeof(*buf));

	if (buf == NULL)
		line_fail("no memory");
	buf->refs = 1;
	return buf;
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct buf *buf = buf_new();

	(void)ctx;
	(void)bytes; /* a datagram at most */
	*ret_data = buf->data;
	return buf;
}

static void *
room(size_t bytes)
{
	const size_t whole = (bytes + AEF_CACHE_LINE - 1) & ~((size_t)AEF_CACHE_LINE - 1);
	void *mem = aligned_alloc(AEF_CACHE_LINE, whole);

	if (mem == NULL)
		line_fail("no memory");
	return memset(mem, 0, whole);
}

void
world_provider(struct world *world, const char *dir, uint16_t group)
{
	char error[PROTECT_ERROR_MAX];
	struct protect_conf conf = { .keys_max = 64 };
	int err = protect_ring_open(dir, group, &world->ring, error);

	if (err != 0)
		line_fail(error);
	conf.ring = world->ring;
	err = protect_create(&conf, &world->protect);
	if (err != 0)
		line_fail(protect_create_text(err));
	world->crypto = protect_provider(world->protect);
	quantum_conn_conf_default(&world->conf);
	/* What is sent does not depend on how fast the test is. */
	world->conf.pmtud = false;
	world->conf.fec_m = 0;
	world->conf.ecn = false;
}

static void
env_end(struct world *world)
{
	if (world->server != NULL)
		quantum_server_release(world->server, world->conn);
	else
		quantum_conn_free(world->conn);
	free(world->server_mem);
	free(world->table_mem);
	free(world->env_mem);
	protect_mem_free(world->secret_mem, world->secret_bytes);
	world->secret_mem = NULL;
	world->server_mem = world->table_mem = world->env_mem = NULL;
	world->server = NULL;
	world->conn = NULL;
}

static void
env_begin(struct world *world, uint64_t seed)
{
	const struct quantum_buf_ops ops = { buf_get, buf_put, buf_alloc, NULL };
	struct quantum_env_conf conf;

	if (world->crypto == NULL)
		line_fail("the provider comes first");
	env_end(world);
	quantum_env_conf_scale(&conf, CONNS, 1);
	world->env_mem = room(quantum_env_bytes(&conf));
	world->secret_bytes = quantum_env_secret_bytes(&conf);
	if (protect_mem_alloc(world->secret_bytes, &world->secret_mem) != 0)
		line_fail("no memory for secrets");
	world->env = quantum_env_init(world->env_mem, world->secret_mem, &conf, world->crypto, &ops,
	                              seed);
}

void
world_serve(struct world *world, uint64_t seed, const struct world_random *random)
{
	env_begin(world, seed);
	if (quantum_server_keys_init(&world->keys, world->crypto, random->keys,
	                             random->reset_key) != 0)
		line_fail("the server's keys cannot be made");
	quantum_cid_codec_init(&world->codec, random->cid_key);
	world->table_mem = room(quantum_table_bytes(CONNS));
	quantum_table_init(&world->table, world->table_mem, CONNS, 0, &world->codec, seed);
	world->server_mem = room(quantum_server_bytes(TOKENS_MAX));
	world->server = quantum_server_init(world->server_mem, TOKENS_MAX, world->env,
	                                    &world->table, &world->keys, &world->conf);
}

void
world_dial(struct world *world, uint64_t seed, const struct quantum_client_conf *client)
{
	env_begin(world, seed);
	if (quantum_conn_connect(world->env, &world->conf, client, world->now.ns, &world->conn) !=
	    0)
		line_fail("the connection cannot begin");
}

static enum quantum_verdict
conn_in(struct world *world, struct quantum_conn *conn, struct quantum_rx *rx)
{
	const enum quantum_verdict verdict = quantum_conn_rx_prepare(conn, rx, world->now.ns);

	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return verdict;
	if (rx->needs_open)
		world->crypto->open(world->crypto->ctx, &rx->op, 1);
	return quantum_conn_rx_commit(conn, rx, world->now.ns);
}

static enum quantum_verdict
ack_in(struct world *world, struct quantum_rx *rx, struct quantum_tx *reply)
{
	struct quantum_accept accept;
	struct quantum_conn *conn = NULL;
	enum quantum_verdict verdict =
		quantum_server_on_ack(world->server, rx, &world->now, &accept, &conn, reply);

	if (verdict == QUANTUM_VERDICT_ACCEPTED) {
		if (quantum_accept_derive(world->crypto, &accept) != 0) {
			quantum_server_abandon(world->server, &accept);
			return accept.forged ? QUANTUM_VERDICT_BAD_TAG : QUANTUM_VERDICT_BAD_MAC;
		}
		if (quantum_server_accept(world->server, &accept, &world->now, &conn) != 0)
			return QUANTUM_VERDICT_NO_ROOM;
		world->conn = conn;
	}
	return conn != NULL ? conn_in(world, conn, rx) : verdict;
}

static enum quantum_verdict
server_in(struct world *world, struct quantum_rx *rx, struct quantum_tx *reply)
{
	struct wire_header hdr = { 0 };
	const enum wire_class clas = wire_classify(rx->data, rx->len, &hdr);
	const struct aef_guuid *cid = &hdr.cid;
	void *found = NULL;
	int16_t lcore;

	if (clas == WIRE_CLASS_PROTECTED)
		quantum_table_lookup(&world->table, &cid, 1, &found, &lcore);
	if (found != NULL)
		return conn_in(world, found, rx);
	if (clas == WIRE_CLASS_ACK)
		return ack_in(world, rx, reply);
	return quantum_server_on_stray(world->server, rx, &hdr, clas, &world->now, reply);
}

enum quantum_verdict
world_in(struct world *world, const struct quantum_addr *from, const uint8_t *data, uint32_t len,
         struct quantum_tx *ret_reply)
{
	struct buf *buf = buf_new();
	struct quantum_rx rx = { .data = buf->data, .len = len, .owner = buf, .from = *from };
	enum quantum_verdict verdict = QUANTUM_VERDICT_BAD_LENGTH;

	ret_reply->len = 0;
	if (len <= sizeof(buf->data)) {
		memcpy(buf->data, data, len);
		verdict = world->server != NULL ? server_in(world, &rx, ret_reply)
		                                : conn_in(world, world->conn, &rx);
	}
	buf_put(NULL, buf);
	return verdict;
}

bool
world_out(struct world *world, struct quantum_tx *ret_tx)
{
	if (world->conn == NULL || quantum_conn_tx_prepare(world->conn, ret_tx, world->now.ns) != 1)
		return false;
	if (ret_tx->needs_seal)
		world->crypto->seal(world->crypto->ctx, &ret_tx->op, 1);
	quantum_conn_tx_commit(world->conn, ret_tx, true);
	return true;
}

int
world_send(struct world *world, uint16_t channel, const uint8_t *data, uint32_t len)
{
	const struct quantum_send send = { .channel = channel };
	struct buf *buf;
	struct quantum_slice slice;
	int err;

	if (world->conn == NULL)
		return AEF_ERR_STATE;
	buf = buf_new();
	if (len > sizeof(buf->data))
		line_fail("the message is too long");
	memcpy(buf->data, data, len);
	slice = (struct quantum_slice){ buf->data, len, buf };
	err = quantum_conn_send(world->conn, &send, &slice, 1, world->now.ns);
	if (err != 0)
		buf_put(NULL, buf);
	return err;
}

void
world_consume(struct world *world, const struct quantum_msg *msg)
{
	for (struct quantum_seg *seg = msg->segs; seg != NULL; seg = seg->next)
		buf_put(NULL, seg->slice.owner);
	quantum_conn_consume(world->conn, msg);
}

void
world_fini(struct world *world)
{
	env_end(world);
	protect_destroy(world->protect);
	protect_ring_close(world->ring);
}
