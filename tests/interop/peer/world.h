/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/interop/peer/world.h - one end of one connection, of the library, with everything that is
 * random or a clock given from outside.
 */
#ifndef TESTS_INTEROP_PEER_WORLD_H
#define TESTS_INTEROP_PEER_WORLD_H

#include <protect/provider.h>
#include <quantum/server.h>

struct world {
	struct protect_ring *ring;
	struct protect *protect;
	const struct crypto_provider *crypto;
	struct quantum_now now;
	struct quantum_conn_conf conf;
	struct quantum_addr peer;
	void *env_mem, *secret_mem, *table_mem, *server_mem;
	size_t secret_bytes;
	struct quantum_env *env;
	struct quantum_server_keys keys;
	struct quantum_cid_codec codec;
	struct quantum_table table;
	struct quantum_server *server; /* NULL: a client */
	struct quantum_conn *conn;     /* NULL: none yet */
};

/* What only a server draws. */
struct world_random {
	uint8_t keys[64];      /* cookie keys and X25519 key */
	uint8_t cid_key[16];   /* of the permutation of connection ids */
	uint8_t reset_key[32]; /* of reset tokens */
};

/** Make the provider, and the ring from folder @p dir; once. */
void world_provider(struct world *world, const char *dir, uint16_t group);

/** Begin anew as a server or as a client; what was before is freed. */
void world_serve(struct world *world, uint64_t seed, const struct world_random *random);
void world_dial(struct world *world, uint64_t seed, const struct quantum_client_conf *client);

/**
 * Take one datagram from @p from.
 *
 * @param ret_reply the server's own answer, when its len is not 0
 */
enum quantum_verdict world_in(struct world *world, const struct quantum_addr *from,
                              const uint8_t *data, uint32_t len, struct quantum_tx *ret_reply);

/** Build and seal the next datagram into @p ret_tx; false when there is none. */
bool world_out(struct world *world, struct quantum_tx *ret_tx);

/** Send a message; a negative error when it is refused. */
int world_send(struct world *world, uint16_t channel, const uint8_t *data, uint32_t len);

/** Give a polled message back, references and credit. */
void world_consume(struct world *world, const struct quantum_msg *msg);

/** Free everything. */
void world_fini(struct world *world);

#endif
