/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * direct_priv.h - what direct.c (transport side) and direct_service.c share.
 */
#ifndef LAB_DIRECT_PRIV_H
#define LAB_DIRECT_PRIV_H

#include <base/list.h>

#include "client.h"
#include "direct.h"

#define DIRECT_QUEUE 65536u /* items in one queue; a power of two */

enum direct_kind { DIRECT_CONNECT, DIRECT_MESSAGE, DIRECT_SENT, DIRECT_GONE };

/* What goes over between the two sides: a descriptor of the pipeline, without its bounds. */
struct direct_item {
	enum direct_kind kind;
	uint64_t conn;
	struct service_identity identity;
	struct quantum_slice *slices; /* owned array, one reference each */
	uint32_t nb_slices, len;
	uint16_t channel;
	uint8_t order;
	bool report, expired;
	uint64_t key, cookie;
	enum service_gone why;
};

struct direct_queue {
	void **items; /* [DIRECT_QUEUE] */
	uint32_t head, tail;
};

struct direct_conn {
	struct quantum_conn *conn;
	uint32_t slot, generation;
	uint64_t handle;
	struct aef_list touched, free;
	uint64_t deadline_ns;
	bool armed, gone, connected;
	struct net_path path;
	void *user; /* of the service */
	bool known; /* to the service */
};

struct lab_direct {
	struct lab_appliance *app;
	struct pipeline_conf conf;
	struct quantum_env *env;
	void *env_mem, *secret_mem, *table_mem, *server_mem;
	size_t secret_bytes;
	struct quantum_table table;
	struct quantum_server *server;
	struct direct_conn *conns;
	struct aef_list touched, free;
	uint32_t nb_touched;
	uint64_t now_ns;
	struct direct_queue rx, tx;                /* mbufs */
	struct direct_queue to_service, to_engine; /* struct direct_item */

	struct service_env env_service;
	void *svc;
	uint64_t timer_ns;
	bool hold;
};

/** Append; the queue is large enough for anything the lab does. */
void direct_push(struct direct_queue *queue, void *item);
/** Take the oldest, or NULL. */
void *direct_pop(struct direct_queue *queue);
/** An item with room for @p nb_slices. */
struct direct_item *direct_item_make(enum direct_kind kind, uint64_t conn, uint32_t nb_slices);
/** Free an item and, if asked, its references. */
void direct_item_free(struct direct_item *item, bool references);
/** The connection of a handle; NULL when it is another one now. */
struct direct_conn *direct_find(struct lab_direct *d, uint64_t handle);
/** Start the service. @return 0 or an error */
int direct_service_init(struct lab_direct *d, const struct statesync_conf *conf,
                        struct aef_alloc *alloc, uint64_t seed);

#endif
