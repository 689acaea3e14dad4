/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/quantum/pair.h - a server and a client in one process, joined by hand: each test says
 * what is carried over, dropped or changed. Virtual time; null provider; every buffer is counted.
 */
#ifndef TESTS_UNIT_QUANTUM_PAIR_H
#define TESTS_UNIT_QUANTUM_PAIR_H

#include <crypto/token.h>
#include <crypto_null/null_provider.h>
#include <quantum/server.h>

#define PAIR_DGRAMS 4096u
#define PAIR_NS     1000000000ull /* where virtual time starts */
#define PAIR_UNIX   1750000000000ull

/* What both ends compute with, when set before pair_init(): a provider of group 0; else the null
 * one. */
extern const struct crypto_provider *pair_provider;

#define PAIR_TO_CLIENT 0
#define PAIR_TO_SERVER 1

struct pair_end {
	void *mem, *secret_mem;
	struct quantum_env *env;
	struct quantum_conn *conn;
	int64_t refs; /* buffer references held by the engine */
};

struct pair {
	uint64_t now_ns;
	uint64_t delay_ns;
	struct quantum_conn_conf conf; /* both ends; change before pair_start() */
	struct quantum_addr client_addr, server_addr;
	struct pair_end client, server;
	void *server_mem, *table_mem;
	struct quantum_server_keys keys;
	struct quantum_cid_codec codec;
	struct quantum_table table;
	struct quantum_server *srv;
	uint64_t seed;
	uint32_t tokens;                   /* made so far */
	struct crypto_token token;         /* of pair_connect(); change before pair_retry() */
	struct quantum_client_conf dialed; /* of the last client connection */
	/* Return true to drop the datagram; may change its bytes. */
	bool (*filter)(struct pair *p, bool to_server, uint8_t *data, uint32_t *len);
	void *filter_ctx;
	uint64_t nb_to_server, nb_to_client;
	enum quantum_verdict last_verdict; /* of the last datagram handed over */
	/* The last datagram of each class, also when it was dropped; index by PAIR_TO_*. */
	struct pair_tap {
		uint32_t len;
		uint32_t nb;
		uint8_t data[WIRE_MTU_MAX];
	} (*tap)[WIRE_CLASS_NOT_QUANTUM + 1];
	uint8_t ecn_mark; /* IP bits that the network puts on marked packets; 0: as sent */
	struct pair_dgram *queue;
	uint32_t nb_queue;
};

/** Lay both ends out; then change p->conf; then pair_connect(). */
void pair_init(struct pair *p, uint64_t seed);

/** As pair_init() with pools for @p conns connections, @p busy of them busy. */
void pair_init_sized(struct pair *p, uint64_t seed, uint32_t conns, uint32_t busy);

/** Create the client connection with a new token. */
void pair_connect(struct pair *p);

/** Free the client connection and dial again with p->dialed as it is now. */
void pair_redial(struct pair *p);

/** Seal p->token under the next nonce into p->dialed. */
void pair_seal_token(struct pair *p);

/** Run for @p ns of virtual time, moving datagrams and running timers. */
void pair_run(struct pair *p, uint64_t ns);

/** pair_init, pair_connect and run until both are established. */
void pair_establish(struct pair *p);

/** Send a message of @p len patterned bytes from one end. */
AEF_MUST_CHECK int pair_send(struct pair *p, struct pair_end *end, uint16_t channel, uint32_t len,
                             uint64_t key);

/** Poll one event of @p type, discarding others; false when there is none. MESSAGE is consumed. */
bool pair_poll(struct pair *p, struct pair_end *end, enum quantum_event_type type,
               struct quantum_event *ret_event);

/** Hand one datagram to an end as if it had arrived. */
enum quantum_verdict pair_hand(struct pair *p, bool to_server, const uint8_t *data, uint32_t len);

/** Let all that is under way arrive, without timers: at most @p ns. */
void pair_settle(struct pair *p);

/** Number of the next packet of an end, and seal a payload under it with flags and ack. */
struct pair_craft {
	uint64_t pn; /* 0: the sender's next number, which is then used up */
	uint32_t ack;
	bool has_ack; /* else what the sender would say */
	uint8_t flags;
	uint8_t ecn;
	uint8_t sacks[64];
	uint8_t nb_sacks;
	bool under_c; /* to the client: the header carries C */
};

/** Seal @p len bytes of frames as the other end would and hand them over. */
enum quantum_verdict pair_inject(struct pair *p, bool to_server, const struct pair_craft *craft,
                                 const uint8_t *payload, size_t len);

/** Free everything and check that every pool is empty again and every reference is back. */
void pair_fini(struct pair *p);

#endif
