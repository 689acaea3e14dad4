/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim/world.h - one simulated world: a server, its clients, the links between them, and time.
 *
 * Everything happens on one thread. The clock is world->now_ns; nothing reads another one, so a
 * plan always gives the same run.
 *
 *   plan -> world (events, links) <-> host (the engine's driver) <-> workload, check (application)
 *                                          \-> oracle (numbers that really arrived)
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <base/siphash.h>
#include <quantum/server.h>

#include "guard.h"
#include "plan.h"

#define SIM_RECORDED   64u /* datagrams kept for replays */
#define SIM_BURST      8u
#define SIM_SESSIONS   128u
#define SIM_KEYS_MAX   64u
#define SIM_LINK_SLOTS 8192u
#define SIM_UNIX_MS    1760000000000ull

struct sim_world;
struct sim_session;

/* A datagram on its way, or the head of a message: the engine counts references to it. */
struct sim_buf {
	struct sim_world *world;
	uint32_t refs;
	uint32_t len;
	uint8_t ecn;
	bool up;       /* to the server */
	bool has_pn;   /* sealed by an end: pn and uid are true */
	bool tampered; /* no longer what was sealed */
	uint32_t uid;  /* session that sealed it */
	uint32_t client;
	uint64_t pn;
	struct quantum_addr from, to;
	uint8_t data[];
};

/* The packet numbers that one end was really handed, and what it may therefore acknowledge. */
struct sim_numbers {
	uint64_t base; /* number of bit 0 */
	uint64_t *bits;
	uint64_t nb_words;
	uint64_t cum;   /* all from the floor up to here arrived */
	uint64_t floor; /* highest FLOOR read */
	uint64_t end;   /* one above the highest that arrived */
};

/* One message that an application gave to the engine. */
struct sim_sent {
	uint32_t len;
	uint8_t key;
	uint8_t flags;
};

enum sim_sent_flag {
	SIM_DELIVERED = 1 << 0,
	SIM_REPORT = 1 << 1,
	SIM_REPORTED = 1 << 2,
	SIM_EXPIRED = 1 << 3,
};

/* One direction of one channel. */
struct sim_chan {
	uint16_t id;
	struct quantum_chan_conf conf;
	bool open;
	struct sim_sent *sent;
	uint32_t nb, cap;
	uint32_t nb_delivered;
	uint32_t next; /* ordered: lowest index that may still come */
	uint32_t keys;
	uint32_t key_sent[SIM_KEYS_MAX]; /* 1 + index of the latest, 0: none */
	uint32_t key_seen[SIM_KEYS_MAX];
};

/* One end of a connection. */
struct sim_end {
	struct quantum_conn *conn; /* NULL: not there (any more) */
	struct sim_session *ses;
	unsigned side; /* 0: client; sends direction 0 */
	bool connected;
	bool closed;  /* CLOSED was polled */
	bool blocked; /* a send was refused: WRITABLE is owed */
	bool dirty;
	uint64_t deadline_ns;
	uint64_t send_ns;  /* next message of the application */
	uint64_t phase_ns; /* the application pauses or goes on then */
	bool paused;
	uint64_t nb_delivered; /* messages polled here */
	uint64_t nb_prepared;  /* datagrams given to the engine */
	struct sim_numbers got;
	struct aef_rng rng;
};

/* One connection as both applications see it, from connect to the end of both ends. */
struct sim_session {
	uint32_t uid;
	uint32_t client;
	struct aef_guuid cid;
	bool accepted; /* the server made a connection of it */
	struct sim_end end[2];
	uint32_t nb_chans;
	struct sim_chan chan[2][SIM_CHANS_MAX];
};

struct sim_client {
	struct quantum_env *env;
	void *env_mem;
	struct link link[2]; /* 0: to the server */
	void *link_mem[2];
	struct quantum_addr addr; /* as the server sees it */
	struct sim_session *ses;  /* NULL: not connected nor trying */
	uint64_t connect_ns;
	struct aef_rng link_rng;
};

struct sim_server {
	struct quantum_env *env;
	void *env_mem;
	struct quantum_cid_codec codec;
	struct quantum_table table;
	void *table_mem;
	struct quantum_server_keys keys;
	struct quantum_server *server;
	void *server_mem;
	struct quantum_addr addr;
	uint32_t restarts;
};

struct sim_totals {
	uint64_t datagrams, bytes, messages, delivered, expired, refused, sessions, lost, spurious,
		recovered, retransmitted_bytes, data_bytes, nat_dropped, moves;
	uint64_t closes[16];
};

/** Called when something named by QUANTUM_TRACES or a delivery happens; tests hook in here. */
struct sim_hooks {
	void *ctx;
	/* Return true to swallow a datagram before it enters its link. */
	bool (*on_wire)(void *ctx, struct sim_world *world, const struct sim_buf *buf);
	void (*on_trace)(void *ctx, struct sim_world *world, const struct quantum_conn *conn,
	                 enum quantum_trace what, uint64_t a, uint64_t b);
	void (*on_event)(void *ctx, struct sim_world *world, struct sim_end *end,
	                 const struct quantum_event *event);
};

struct sim_world {
	struct sim_plan plan;
	const struct crypto_provider *crypto; /* the guard in front of the provider */
	struct guard guard;                   /* no key seals twice under one number */
	struct protect *protect;              /* NULL: the null provider is used */
	struct protect_ring *ring;
	const struct sim_hooks *hooks;
	uint64_t now_ns;
	struct sim_server server;
	struct sim_client client[SIM_CLIENTS_MAX];
	struct sim_session *session[SIM_SESSIONS];
	uint32_t nb_sessions;
	uint32_t next_uid;
	uint32_t next_action;
	uint64_t hostile_ns;
	bool sending; /* applications send */
	bool healthy;
	bool closing; /* no new connections */
	bool over;
	bool calm;          /* applications send a quarter as often */
	uint32_t tolerated; /* bits of enum quantum_close that are no violation */
	struct sim_buf *recorded[SIM_RECORDED];
	uint32_t nb_recorded;
	uint64_t nb_bufs; /* alive */
	struct aef_rng rng_secrets, rng_hostile, rng_driver;
	struct aef_siphash hash;
	struct sim_totals totals;
	bool failed;
	char failure[512];
};

/* ---- world.c */
struct sim_world *sim_world_create(const struct sim_plan *plan, const struct sim_hooks *hooks);
/** Run until the plan ends or something is wrong (world->failed). */
void sim_world_run(struct sim_world *world);
/** Run until @p until_ns at the latest. */
void sim_world_run_until(struct sim_world *world, uint64_t until_ns);
/** End: checks that everything was given back, then frees. */
void sim_world_destroy(struct sim_world *world);
/** Note the first violation. */
void sim_fail(struct sim_world *world, const char *fmt, ...) AEF_PRINTF(2, 3);
void sim_log(const struct sim_world *world, const char *fmt, ...) AEF_PRINTF(2, 3);
uint64_t sim_trace_hash(struct sim_world *world);

struct sim_buf *sim_buf_get(struct sim_world *world, uint32_t len);
void sim_buf_put(struct sim_buf *buf);
/** Put a datagram on its link; takes the reference. */
void sim_wire(struct sim_world *world, struct sim_buf *buf);
/** Make client @p i healthy or give it new conditions. */
void sim_relink(struct sim_world *world, uint32_t i, bool healthy);

/* ---- host.c */
void sim_server_start(struct sim_world *world);
void sim_server_stop(struct sim_world *world);
void sim_client_connect(struct sim_world *world, uint32_t i);
/** Drop the client's side at once. */
void sim_client_crash(struct sim_world *world, uint32_t i);
/** Datagrams arrive at the server or (all at one) client. The caller keeps its references. */
void sim_arrive(struct sim_world *world, struct sim_buf *const *bufs, unsigned nb);
/** Transmit, poll, and run timers until the end has nothing to do at this instant. */
void sim_service(struct sim_world *world, struct sim_end *end);
void sim_end_drop(struct sim_world *world, struct sim_end *end);
void sim_sessions_sweep(struct sim_world *world);
void sim_hostile(struct sim_world *world);

/* ---- oracle.c */
void sim_numbers_init(struct sim_numbers *set, uint64_t base);
void sim_numbers_fini(struct sim_numbers *set);
/** A datagram was accepted by @p end with number @p pn. */
void sim_oracle_accepted(struct sim_world *world, struct sim_end *end, const struct sim_buf *buf,
                         const struct quantum_rx *rx);
/** A datagram leaves @p end, not yet sealed: does it acknowledge only what arrived? */
void sim_oracle_sent(struct sim_world *world, struct sim_end *end, const struct quantum_tx *tx);

/* ---- workload.c */
void sim_load_start(struct sim_world *world, struct sim_end *end);
void sim_load_run(struct sim_world *world, struct sim_end *end);
/** Bytes of message @p idx at @p offset, in static memory. */
const uint8_t *sim_body(const struct sim_session *ses, unsigned dir, unsigned chan, uint32_t idx);
void sim_head(const struct sim_session *ses, unsigned dir, unsigned chan, uint32_t idx,
              uint8_t ret_head[12]);
/** Queue one message of @p len bytes; 0, or the engine's refusal. */
int sim_send(struct sim_world *world, struct sim_end *end, unsigned chan, uint32_t len);
#define SIM_HEAD_BYTES 12u

/* ---- check.c */
void sim_check_message(struct sim_world *world, struct sim_end *end, const struct quantum_msg *msg);
void sim_check_sent(struct sim_world *world, struct sim_end *end, const struct quantum_event *ev);
/** Everything that must have arrived has, and both engines agree that they are done. */
void sim_check_drained(struct sim_world *world);
void sim_check_session_drained(struct sim_world *world, struct sim_session *ses);
void sim_check_pools(struct sim_world *world, const struct quantum_env *env, const char *whose);
void sim_check_bounds(struct sim_world *world, const struct quantum_env *env);
void sim_check_stats(struct sim_world *world, struct sim_end *end);

#endif
