/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * siege/arena.h - one server and some clients in virtual time, with a network that a scenario
 * bends.
 *
 * Each client sends numbered messages both ways over one ordered channel when told to; the arena
 * checks that each arrives once and in order, and keeps their latencies. Everything follows from
 * the seed. A broken rule ends the program with a sentence.
 *
 * Units:   nanoseconds of virtual time, bytes.
 * Context: one thread.
 */
#ifndef SIEGE_ARENA_H
#define SIEGE_ARENA_H

#include <base/rng.h>
#include <crypto/token.h>
#include <protect/provider.h>
#include <quantum/server.h>

#define ARENA_START_NS (1000 * AEF_NS_PER_S)
#define ARENA_UNIX_MS  1750000000000ull
#define ARENA_GROUP    1u
#define MS             AEF_NS_PER_MS
#define S              AEF_NS_PER_S

/* Which end of a session. */
enum { AT_CLIENT, AT_SERVER };

struct arena_dgram {
	uint64_t at_ns, order;
	uint32_t client; /* whose */
	bool up;         /* to the server */
	uint8_t ecn;
	uint32_t len;
	struct quantum_addr from, to;
	uint8_t data[];
};

struct arena_link {
	uint64_t delay_ns;          /* one way */
	uint32_t loss_ppm, dup_ppm; /* of all datagrams */
	uint32_t late_ppm;          /* held back by up to late_ns more */
	uint64_t late_ns;
};

/* Messages of one direction as their receiver sees them. */
struct arena_flow {
	uint64_t sent, arrived; /* messages */
	uint64_t every_ns;      /* 0: none */
	uint64_t next_ns;
	uint32_t bytes;   /* of each, at least 16 */
	uint64_t last_ns; /* of the last arrival */
};

struct arena_end {
	struct quantum_conn *conn;
	uint64_t deadline_ns;
	struct arena_flow flow; /* what this end sends */
	bool connected, closed;
	enum quantum_close why;
};

struct arena_client {
	struct quantum_addr addr; /* as the server sees it; datagrams to another are lost */
	struct quantum_client_conf dialed;
	struct crypto_token token;
	struct arena_end end[2];
	uint32_t nb_accepted; /* connections that its ids opened at the server */
	uint64_t busy_ms;     /* of the last BUSY, 0: none */
	struct aef_rng rng;   /* of its own network, whatever the others do */
};

struct arena;

struct arena_conf {
	uint64_t seed;
	uint32_t clients;
	uint32_t tokens_max;   /* 0: 4096 */
	uint32_t server_conns; /* 0: as many as clients, and 8 */
	struct arena_link link;
	struct quantum_conn_conf conn[2]; /* [AT_CLIENT], [AT_SERVER] */
	struct protect_ring *ring;        /* NULL: one of its own */
	bool null_provider;               /* where cryptography is not the question */
	/* May change or drop (true) any datagram as it is sent. */
	bool (*filter)(struct arena *a, struct arena_dgram *d);
	/* Every datagram that reaches the server. */
	void (*on_up)(struct arena *a, const struct arena_dgram *d);
	/* Every datagram that a client took. */
	void (*on_down)(struct arena *a, const struct arena_dgram *d);
	/* Every message that arrived, with its age. */
	void (*on_message)(struct arena *a, uint32_t client, unsigned side, uint64_t age_ns);
};

struct arena {
	struct arena_conf conf;
	uint64_t now_ns;
	struct aef_rng rng;
	const struct crypto_provider *crypto;
	struct protect *protect;
	struct protect_ring *ring;
	struct quantum_env *env[2];
	void *env_mem[2], *table_mem, *server_mem;
	struct quantum_server_keys keys;
	struct quantum_cid_codec codec;
	struct quantum_table table;
	struct quantum_server *server;
	uint64_t rotate_ns; /* of cookie and handshake keys */
	struct arena_client *clients;
	uint64_t nb_tokens;
	struct arena_dgram **heap; /* under way, earliest first */
	uint32_t nb_heap, cap_heap;
	uint64_t order;
	int64_t nb_bufs; /* receive buffers that are referenced */
	enum quantum_verdict last_verdict;
	uint64_t strays[QUANTUM_NB_VERDICTS]; /* final verdicts of what connections judged */
	uint64_t unverified_bytes[2];         /* scenario's own count */
	void *user;
};

/** Print the sentence and end the program. */
_Noreturn void siege_fail(const struct arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
#define SIEGE_CHECK(a, cond, ...)                                                                  \
	do {                                                                                       \
		if (!(cond))                                                                       \
			siege_fail(a, __VA_ARGS__);                                                \
	} while (0)

/** Defaults: 20 ms one way, nothing lost; then change and arena_open(). */
void arena_conf_default(struct arena_conf *ret_conf, uint64_t seed, uint32_t clients);
void arena_open(struct arena *a, const struct arena_conf *conf);
/** Free everything; checks that every pool object and buffer came back. */
void arena_close(struct arena *a);

/** A token for client @p i, in a->clients[i].token, with its own address; not sealed yet. */
void arena_token(struct arena *a, uint32_t i);
/** Seal it under the next nonce into a->clients[i].dialed. */
AEF_MUST_CHECK int arena_seal(struct arena *a, uint32_t i);
/** Dial with what stands in `dialed`: a new attempt, with the same token. */
void arena_dial(struct arena *a, uint32_t i);
/** arena_token(), arena_seal(), arena_dial(). */
void arena_connect(struct arena *a, uint32_t i);
/** Drop client @p i's end at once, in silence. */
void arena_hang_up(struct arena *a, uint32_t i);
/** Free the server's end of client @p i as well. */
void arena_forget(struct arena *a, uint32_t i);

void arena_run(struct arena *a, uint64_t ns);
/** True when both ends of client @p i are connected and open. */
bool arena_up(const struct arena *a, uint32_t i);
/** Let client and server of @p i send messages of @p bytes each @p every_ns; 0 stops. */
void arena_talk(struct arena *a, uint32_t i, uint64_t every_ns, uint32_t bytes);
/** Run until all messages sent arrived, at most @p ns; what is missing then is lost. */
void arena_drain(struct arena *a, uint64_t ns);

uint64_t arena_unix_ms(const struct arena *a);
/** An address of its own for each @p nr: IPv4. */
struct quantum_addr arena_addr(uint32_t nr);
/** A random 64-bit number below @p bound. */
uint64_t arena_below(struct arena *a, uint64_t bound);
uint64_t arena_verdicts(const struct arena *a, enum quantum_verdict verdict);
/** Events of the server's audit queue since the last call, by type. */
void arena_audits(struct arena *a, uint64_t ret[QUANTUM_NB_AUDITS]);

/** Hand a datagram over now, as if it came from @p from. */
enum quantum_verdict arena_hand(struct arena *a, uint32_t client, bool up,
                                const struct quantum_addr *from, const uint8_t *data, uint32_t len);

/* ---- arena_net.c -------------------------------------------------------------------------------
 */

void net_send(struct arena *a, uint32_t client, bool up, const struct quantum_addr *from,
              const struct quantum_tx *tx);
/** Put a datagram on the wire as it is; owned by the network from here on. */
void net_push(struct arena *a, struct arena_dgram *d, uint64_t delay_ns);
struct arena_dgram *net_copy(const struct arena_dgram *d);
/** The earliest datagram that has arrived, or NULL; the caller frees it. */
struct arena_dgram *net_pop(struct arena *a);
uint64_t net_next_ns(const struct arena *a);
void net_clear(struct arena *a);

/* ---- scenarios ---------------------------------------------------------------------------------
 */

struct siege_opts {
	uint64_t from, seeds;
	bool full; /* the long form */
};

void handshake_run(const struct siege_opts *o);
void tokens_run(const struct siege_opts *o);
void paths_run(const struct siege_opts *o);
void rotation_run(const struct siege_opts *o);
void hostile_run(const struct siege_opts *o);

#endif
