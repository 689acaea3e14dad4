/* SPDX-License-Identifier: BSD-3-Clause */
/* direct.h - the server that calls the engine: its connections, and the queues of its application.
 */
#ifndef TESTS_EQUAL_DIRECT_H
#define TESTS_EQUAL_DIRECT_H

#include "equal.h"

#define DIRECT_CONNS 256u /* more than a table: an ended one rests until its application knows */

enum item_kind {
	ITEM_CONNECT,
	ITEM_MESSAGE,
	ITEM_SENT,
	ITEM_DISCONNECT,
	ITEM_SEND,
	ITEM_OPEN,
	ITEM_CLOSE,
	ITEM_GONE
};

/* One event for the application, or one command of it. */
struct item {
	struct item *next;
	enum item_kind kind;
	uint64_t conn; /* index of the connection and its generation */
	struct quantum_send send;
	struct quantum_chan_conf chan;
	struct service_identity identity;
	struct quantum_msg msg;
	uint64_t cookie;
	bool expired;
	char reason[64];
	uint32_t nb_slices;
	struct quantum_slice slices[];
};

struct items {
	struct item *head, **tail;
};

struct direct_conn {
	struct quantum_conn *conn; /* NULL: ended */
	uint64_t id;
	bool used, touched, connected, gone;
	uint64_t deadline_ns; /* of the engine */
	uint64_t armed_ns;    /* when it is looked at; never after deadline_ns */
	uint64_t armed_seq;
	uint64_t armed_tick;
	struct items waiting; /* messages that the engine has no room for */
	void *user;           /* of the application */
};

struct direct {
	struct world *world;
	struct quantum_env *env;
	void *env_mem, *table_mem, *server_mem;
	struct quantum_cid_codec codec;
	struct quantum_table table;
	struct quantum_server_keys keys;
	struct quantum_server *server;
	struct direct_conn conns[DIRECT_CONNS];
	uint32_t next_conn;
	uint64_t arm_seq;
	struct direct_conn *touched[DIRECT_CONNS];
	unsigned nb_touched;
	struct equal_buf *inbox[16384];
	uint32_t in_head, in_tail;
	struct items events, commands;

	/* the application */
	struct aef_alloc alloc;
	struct service_env service_env;
	void *svc;
};

struct item *item_make(struct items *to, enum item_kind kind, uint64_t conn, uint32_t nb_slices);
struct item *item_pop(struct items *from);
void items_init(struct items *items);

/* ---- direct_app.c */
void direct_app_open(struct direct *d);
void direct_app_close(struct direct *d);
/** Give the application up to EQUAL_BURST events. @return how many */
unsigned direct_app_step(struct direct *d);

#endif
