/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.h - the document service with clients on simulated ordered channels, in virtual time.
 *
 * A tick is a millisecond. Each direction of a client delivers in order, each message after a
 * random number of ticks. Nothing here is shared between tests: a world is made and destroyed by
 * each.
 */
#ifndef TESTS_UNIT_STATESYNC_WORLD_H
#define TESTS_UNIT_STATESYNC_WORLD_H

#include <base/rng.h>
#include <docclient/docclient.h>
#include <msg/doc.h>
#include <statesync/statesync.h>
#include <store/mem.h>

#include "harness.h"

#define WORLD_CLIENTS 24
#define WORLD_EVENTS  4096
#define WORLD_OWN     UINT32_MAX

struct packet {
	struct packet *next;
	uint64_t due_ns;
	size_t len;
	uint8_t data[];
};

struct pipe_end {
	struct packet *first, *last;
	uint64_t bytes;
};

struct world;

/* One connection, with a document client behind it or raw (then its events are kept decoded). */
struct peer {
	struct world *world;
	struct docclient *dc;
	struct service_conn conn;
	void *user; /* of the service */
	bool connected;
	bool refused; /* the service was told FULL */
	struct pipe_end up, down;
	uint32_t subject; /* of its connections; WORLD_OWN: one of its own */
	uint64_t credit;  /* bytes that may wait towards it; 0: no limit */
	uint32_t delay_min_ms, delay_max_ms;
	uint64_t closed; /* times the service closed it */

	/* What was told to a document client. */
	uint64_t changes, acks, loads, lost;
	uint64_t last_version;

	/* What a raw peer got, oldest first; their pointers are not valid any more. */
	struct docmsg events[WORLD_EVENTS];
	uint32_t nb_events;
};

struct world {
	struct aef_rng rng;
	uint64_t now_ns;
	uint64_t next_conn;
	struct aef_alloc service_alloc, store_alloc, client_alloc;
	struct service_env env;
	struct statesync_conf conf;
	struct store_mem *store;
	void *svc;
	uint32_t bufs; /* in use */
	uint32_t bufs_max;
	uint64_t sends;
	uint64_t bytes_down;
	struct docmsg_arena arena;
	struct peer peers[WORLD_CLIENTS];
};

/** Allocator over malloc. */
struct aef_alloc test_alloc(uint64_t budget_bytes);

/** A world without clients. @p conf may be NULL; codec and store are filled in. */
struct world *world_create(uint64_t seed, const struct statesync_conf *conf);

/** Take it down; everything must have been given back. */
void world_destroy(struct world *world);

/** Take the service down and start it again over the same store: all connections are gone. */
void world_restart_service(struct world *world);

/** Id number @p n: documents, clients. */
struct aef_guuid world_id(uint64_t n);

/** Give peer @p idx a document client, with the window or 0. Not connected. */
struct docclient *world_client(struct world *world, uint32_t idx, uint64_t doc, uint32_t window);

/** Connect, or cut with everything on its way lost. */
void world_connect(struct world *world, uint32_t idx);
void world_cut(struct world *world, uint32_t idx);

/** Let time pass. */
void world_tick(struct world *world);
void world_ticks(struct world *world, uint32_t nb);

/** Let time pass until nothing is on its way and all connected clients are live. */
void world_settle(struct world *world);

/** Send a raw request; delivered at once and the service ticked. */
void world_request(struct world *world, uint32_t idx, const struct docmsg *msg);

/** Raw requests in short. */
void world_open(struct world *world, uint32_t idx, uint64_t doc, uint64_t client, bool create);
void world_apply(struct world *world, uint32_t idx, uint64_t doc, uint64_t base, uint64_t seq,
                 const char *json);

/** Last event of a kind that a raw peer got, NULL: none. */
const struct docmsg *world_last(const struct world *world, uint32_t idx, enum docmsg_kind kind);

/** Events of a kind that a raw peer got. */
uint32_t world_count(const struct world *world, uint32_t idx, enum docmsg_kind kind);

/** Text of a rope as a string; to be freed. */
char *rope_string(const struct text_rope *rope);

/** Text of the server's document; to be freed. */
char *world_server_text(const struct world *world, uint64_t doc);

/** Assert that the connected clients of peers [0, nb) have the server's text, version and digest.
 */
void world_assert_in_sync(const struct world *world, uint64_t doc, uint32_t nb);

/** Give peers [0, nb) clients of document 5 with a delay and connect them. */
void world_join(struct world *world, uint32_t nb, uint32_t delay_ms);

/** Insert a text into a client's own text; it must be taken. */
void world_type(struct world *world, uint32_t idx, uint32_t pos, const char *text);

/** A random edit on a client's own text. @return as docclient_replace() */
int world_random_edit(struct world *world, uint32_t idx);

#endif
