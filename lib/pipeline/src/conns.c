/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/rng.h>

#include "lcore_priv.h"

#define SHUT_STEP 64u /* connections closed in one iteration while shutting down */

struct pipeline_conn *
pipeline_slot_get(struct pipeline_lcore *lc)
{
	struct aef_list *link = lc->free_slots.next;

	if (link == &lc->free_slots)
		return NULL;
	aef_list_remove(link);
	return aef_list_entry(link, struct pipeline_conn, touched);
}

void
pipeline_slot_put(struct pipeline_lcore *lc, struct pipeline_conn *pc)
{
	aef_assert(aef_list_empty(&pc->touched) && aef_list_empty(&pc->stalled));
	pc->conn = NULL;
	pc->handle = 0;
	/* At the end: a slot rests before it is used again. */
	aef_list_append(&lc->free_slots, &pc->touched);
}

static uint32_t
place_by_tenant(const struct crypto_token *token, uint32_t nb_workers)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < sizeof(token->tenant_id.b); i++)
		x = x << 5 ^ x >> 59 ^ token->tenant_id.b[i];
	return (uint32_t)(aef_splitmix64(&x) % nb_workers);
}

void
pipeline_conn_start(struct pipeline_lcore *lc, struct pipeline_conn *pc, struct quantum_conn *conn)
{
	const struct crypto_token *token = quantum_server_token(conn);
	uint32_t worker = 0;

	if (lc->nb_workers > 0)
		worker = (lc->conf.place != NULL
		                  ? lc->conf.place(lc->conf.ctx, token, lc->nb_workers)
		                  : place_by_tenant(token, lc->nb_workers)) %
		         lc->nb_workers;
	pc->generation++;
	pc->conn = conn;
	pc->worker = lc->workers[worker];
	pc->handle = delivery_handle(lc->conf.idx, pc->slot, pc->generation);
	pc->waiting = (struct delivery_queue){ 0 };
	pc->deadline_ns = AEF_TIME_NEVER;
	pc->connected = pc->gone = pc->has_held = pc->waits = false;
	for (unsigned i = 0; i < PATHS; i++)
		pc->has_path[i] = false;
	aef_list_init(&pc->touched);
	aef_list_init(&pc->stalled);
	timer_node_init(&pc->timer);
	if (pc->worker != NULL)
		delivery_account_init(pc->worker, &pc->account, pc->slot);
	quantum_conn_set_user(conn, pc);
	lc->stats.conns_accepted++;
	lc->stats.conns_open++;
	lc->stats.conns_high = aef_max_u64(lc->stats.conns_high, lc->stats.conns_open);
}

AEF_HOT void
pipeline_touch(struct pipeline_lcore *lc, struct pipeline_conn *pc)
{
	if (!aef_list_empty(&pc->touched))
		return;
	aef_list_append(&lc->touched, &pc->touched);
	lc->nb_touched++;
}

void
pipeline_held_drop(struct pipeline_conn *pc)
{
	if (!pc->has_held)
		return;
	pc->has_held = false;
	if (pc->held.type != QUANTUM_EVENT_MESSAGE)
		return;
	for (const struct quantum_seg *seg = pc->held.msg.segs; seg != NULL; seg = seg->next)
		if (seg->slice.owner != NULL)
			rte_pktmbuf_free_seg(seg->slice.owner);
	quantum_conn_consume(pc->conn, &pc->held.msg);
}

static void
untouch(struct pipeline_lcore *lc, struct pipeline_conn *pc)
{
	if (!aef_list_empty(&pc->touched)) {
		aef_list_remove(&pc->touched);
		lc->nb_touched--;
	}
	aef_list_remove(&pc->stalled);
}

void
pipeline_conn_end(struct pipeline_lcore *lc, struct pipeline_conn *pc)
{
	if (pc->conn != NULL && quantum_conn_finished(pc->conn) && !pc->has_held) {
		timer_wheel_cancel(&lc->wheel, &pc->timer);
		quantum_server_release(lc->server, pc->conn);
		pc->conn = NULL;
		pipeline_waiting_drop(lc, pc);
		untouch(lc, pc);
		lc->stats.conns_closed++;
		lc->stats.conns_open--;
	}
	if (pc->conn != NULL || (pc->connected && !pc->gone))
		return;
	pipeline_slot_put(lc, pc);
}

/* ---- paths
 * --------------------------------------------------------------------------------------- */

static bool
path_is_to(const struct net_path *path, const struct quantum_addr *to)
{
	return path->remote_port == to->port && memcmp(path->remote.b, to->ip, 16) == 0;
}

/* One that is not needed: empty, an older way to the same address, or to one that is given up. */
static unsigned
path_to_replace(const struct pipeline_conn *pc, const struct quantum_addr *from)
{
	for (unsigned i = 0; i < PATHS - 1; i++) {
		struct quantum_addr to = { .port = pc->paths[i].remote_port };

		memcpy(to.ip, pc->paths[i].remote.b, sizeof(to.ip));
		if (!pc->has_path[i] || quantum_addr_eq(&to, from) ||
		    !quantum_conn_may_send_to(pc->conn, &to))
			return i;
	}
	return PATHS - 1;
}

AEF_HOT void
pipeline_path_learn(struct pipeline_lcore *lc, struct pipeline_conn *pc, uint8_t port,
                    const struct net_meta *meta)
{
	struct quantum_addr from;
	unsigned i = 0;

	for (; i < PATHS; i++) {
		if (!pc->has_path[i] || !net_path_matches(&pc->paths[i], meta))
			continue;
		/* A gateway may have been replaced: its address is the first of the header. */
		if (aef_unlikely(memcmp(pc->paths[i].hdr, meta->src_mac, NET_MAC_BYTES) != 0))
			net_path_set_mac(&pc->paths[i], meta->src_mac);
		pc->path_port[i] = port;
		return;
	}
	from = pipeline_addr_of(meta);
	/* An apparent move while another is being validated: nothing goes there. */
	if (!quantum_conn_may_send_to(pc->conn, &from))
		return;
	i = path_to_replace(pc, &from);
	net_path_reply(&pc->paths[i], lc->ports[port].local, meta);
	pc->path_port[i] = port;
	pc->has_path[i] = true;
}

AEF_HOT int
pipeline_path_find(const struct pipeline_conn *pc, const struct quantum_addr *to)
{
	for (unsigned i = 0; i < PATHS; i++)
		if (pc->has_path[i] && path_is_to(&pc->paths[i], to))
			return (int)i;
	return -1;
}

/* ---- shutting down
 * ---------------------------------------------------------------------------------- */

unsigned
pipeline_shut_step(struct pipeline_lcore *lc)
{
	unsigned nb = 0;

	for (; lc->next_shut < lc->conf.conns && nb < SHUT_STEP; lc->next_shut++) {
		struct pipeline_conn *pc = &lc->conns[lc->next_shut];

		if (pc->conn == NULL)
			continue;
		quantum_conn_close(pc->conn, 0, "server shuts down", lc->now_ns);
		pipeline_touch(lc, pc);
		nb++;
	}
	return nb;
}
