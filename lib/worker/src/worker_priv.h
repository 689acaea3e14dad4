/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker_priv.h - state of a worker lcore.
 *
 * Context: the lcore that owns it.
 */
#ifndef WORKER_WORKER_PRIV_H
#define WORKER_WORKER_PRIV_H

#include <base/err.h>
#include <base/list.h>
#include <worker/worker.h>

/* What a worker knows of one connection of a transport lcore. */
struct worker_conn {
	uint64_t handle;                 /* 0: none */
	void *user;                      /* the service's */
	struct delivery_account account; /* messages handed to the transport */
	struct aef_list refused;         /* in worker->refused: to be told when there is room */
	struct delivery_queue held;      /* messages that the service did not take yet */
};

struct worker_link {
	struct delivery_end *end;      /* borrowed */
	struct worker_conn *conns;     /* [end->slots]; owned */
	struct delivery_queue backlog; /* bounded by the credit of the connections */
};

struct worker {
	/* Read every iteration, written at init. */
	struct worker_conf conf;
	struct service_env env;
	void *svc;
	bool started;
	uint32_t nb_links;
	struct worker_link links[WORKER_LINKS_MAX];
	uint8_t link_of[256];         /* transport lcore to link + 1; 0: none */
	bool hold;                    /* the service asked for it in this on_message */
	struct service_slice *slices; /* [SERVICE_SLICES_MAX] scratch of one message; owned */

	/* Written by the lcore. */
	alignas(AEF_CACHE_LINE) struct service_now now;
	uint64_t busy_since_ns;
	uint64_t timer_ns;
	struct aef_list refused;
	struct worker_stats stats;

	/* Written by others. */
	struct delivery_bell bell;
};

/** The connection of a handle, NULL when it is gone. @param ret_link its link */
struct worker_conn *worker_conn_find(struct worker *worker, struct service_conn conn,
                                     struct worker_link **ret_link);
/** Act on a descriptor; takes it. */
void worker_on_desc(struct worker *worker, struct worker_link *link, struct delivery_desc *desc);
/** Hand over or, where the ring has no room, remember. Takes the descriptor. */
void worker_push(struct worker *worker, struct worker_link *link, struct delivery_desc *desc);
/** Have the service told when the connection has room again. */
void worker_note_refused(struct worker *worker, struct worker_conn *wc);
/** Drop the messages that the service did not take. */
void worker_held_drop(struct worker_link *link, struct worker_conn *wc);
/** Move what waits into the rings as far as there is room. @return how many */
unsigned worker_backlog(struct worker *worker);
/** Tell the service about connections that have room again. @return how many */
unsigned worker_writable(struct worker *worker);
/** The two tables that the service gets. */
struct service_reply_ops worker_reply_ops(struct worker *worker);
struct service_buf_ops worker_buf_ops(struct worker *worker);

#endif
