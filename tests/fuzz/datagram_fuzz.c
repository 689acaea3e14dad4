/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/datagram_fuzz.c - any bytes as a datagram: class, handshake decoders, and a server
 * that has no connection. The first byte says how the rest is prepared, so that deep checks are
 * reached.
 */
#include <stdlib.h>
#include <string.h>

#include <crypto_null/null_provider.h>
#include <quantum/server.h>

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

static struct quantum_server_keys keys;
static struct quantum_cid_codec codec;
static struct quantum_table table;
static struct quantum_conn_conf conf;
static struct quantum_server *server;
static struct quantum_env *env;

static void
buf_ref(void *ctx, void *owner)
{
	(void)ctx;
	(void)owner;
}

static void *
buf_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	(void)ctx;
	(void)bytes;
	*ret_data = NULL;
	return NULL;
}

static void
set_up(void)
{
	static const uint8_t random[64] = { 1 }, reset_key[32] = { 2 };
	const struct quantum_buf_ops ops = { buf_ref, buf_ref, buf_alloc, NULL };
	struct quantum_env_conf env_conf;

	quantum_env_conf_scale(&env_conf, 4, 1);
	env = quantum_env_init(aligned_alloc(64, quantum_env_bytes(&env_conf)),
	                       aligned_alloc(64, quantum_env_secret_bytes(&env_conf)), &env_conf,
	                       crypto_null_provider(), &ops, 1);
	if (quantum_server_keys_init(&keys, crypto_null_provider(), random, reset_key) != 0)
		abort();
	quantum_cid_codec_init(&codec, random);
	quantum_table_init(&table, aligned_alloc(64, (quantum_table_bytes(4) + 63) & ~63ull), 4, 3,
	                   &codec, 1);
	quantum_conn_conf_default(&conf);
	server = quantum_server_init(aligned_alloc(64, (quantum_server_bytes(16) + 63) & ~63ull),
	                             16, env, &table, &keys, &conf);
}

/* Everything that takes a datagram of its class must take any bytes of it. */
static void
decode(const uint8_t *data, size_t len, enum wire_class clas)
{
	union {
		struct wire_syn syn;
		struct wire_syn_ack syn_ack;
		struct wire_busy busy;
		struct wire_ack ack;
	} u;
	int err = 0;

	if (clas == WIRE_CLASS_SYN)
		err = wire_syn_decode(data, &u.syn);
	else if (clas == WIRE_CLASS_SYN_ACK)
		err = len == WIRE_BUSY_BYTES ? wire_busy_decode(data, &u.busy)
		                             : wire_syn_ack_decode(data, &u.syn_ack);
	else if (clas == WIRE_CLASS_ACK)
		err = wire_ack_decode(data, &u.ack);
	else if (clas == WIRE_CLASS_VERSION_REPLY)
		err = wire_version_reply_has(data, len, WIRE_VERSION);
	if (err > 1)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	const struct quantum_now now = { 1000000000ull, 1750000000000ull };
	struct wire_header hdr = { 0 };
	uint8_t out[WIRE_MTU_BASE];
	uint8_t *data;
	struct quantum_tx reply = { .data = out, .cap = sizeof(out) };
	struct quantum_accept accept;
	struct quantum_conn *conn = NULL;

	if (server == NULL)
		set_up();
	if (size == 0)
		return 0;
	data = malloc(size); /* of exactly this length, so that a read behind it is seen */
	memcpy(data, in + 1, size - 1);
	if ((in[0] & 1) != 0 && size > 6) { /* most inputs would end at the magic */
		memcpy(data, "QUNT\1", 5);
		if ((in[0] & 2) != 0 && size > 33) {
			data[30] = (uint8_t)((size - 33) >> 8);
			data[31] = (uint8_t)(size - 33);
		}
	}
	struct quantum_rx rx = { .data = data, .len = (uint32_t)size - 1 };
	const enum wire_class clas = wire_classify(rx.data, rx.len, &hdr);

	decode(data, rx.len, clas);
	if (clas == WIRE_CLASS_ACK && quantum_server_on_ack(server, &rx, &now, &accept, &conn,
	                                                    &reply) == QUANTUM_VERDICT_ACCEPTED)
		quantum_server_abandon(server, &accept);
	else if (clas != WIRE_CLASS_ACK)
		(void)quantum_server_on_stray(server, &rx, &hdr, clas, &now, &reply);
	/* Never an answer that is longer than its cause, and no memory taken by a stranger. */
	if (reply.len > rx.len || quantum_env_pool(env, 0)->in_use != 0)
		abort();
	free(data);
	return 0;
}
