/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "world.h"

static struct sim_chan *
chan_by_id(struct sim_session *ses, unsigned dir, uint16_t id, unsigned *ret_idx)
{
	for (unsigned i = 0; i < ses->nb_chans; i++) {
		if (ses->chan[dir][i].id != id)
			continue;
		*ret_idx = i;
		return &ses->chan[dir][i];
	}
	return NULL;
}

/* ---- one message ----------------------------------------------------------------------------- */

struct gather {
	uint8_t head[SIM_HEAD_BYTES];
	uint32_t len;
};

static void
gather_head(const struct quantum_msg *msg, struct gather *g)
{
	*g = (struct gather){ 0 };
	for (const struct quantum_seg *seg = msg->segs; seg != NULL; seg = seg->next) {
		if (g->len < SIM_HEAD_BYTES) {
			const uint32_t n = aef_min_u32(seg->slice.len, SIM_HEAD_BYTES - g->len);

			memcpy(g->head + g->len, seg->slice.data, n);
		}
		g->len += seg->slice.len;
	}
}

static bool
same_body(const struct quantum_msg *msg, const uint8_t *body)
{
	uint32_t at = 0;

	for (const struct quantum_seg *seg = msg->segs; seg != NULL; seg = seg->next) {
		const uint32_t skip =
			at >= SIM_HEAD_BYTES ? 0 : aef_min_u32(SIM_HEAD_BYTES - at, seg->slice.len);

		if (memcmp(seg->slice.data + skip, body + (at + skip - SIM_HEAD_BYTES),
		           seg->slice.len - skip) != 0)
			return false;
		at += seg->slice.len;
	}
	return true;
}

static void
check_order(struct sim_world *world, struct sim_chan *chan, const struct quantum_msg *msg,
            uint32_t idx)
{
	const bool full = chan->conf.reliability == QUANTUM_FULL;
	const struct sim_sent *sent = &chan->sent[idx];

	if (full && chan->conf.order != WIRE_LATEST && msg->message != idx)
		sim_fail(world, "channel %u: message %u came as number %llu", chan->id, idx,
		         (unsigned long long)msg->message);
	if (chan->conf.order == WIRE_ORDERED) {
		if (full ? idx != chan->next : idx < chan->next)
			sim_fail(world, "channel %u: message %u out of order, %u was next",
			         chan->id, idx, chan->next);
		chan->next = idx + 1;
	}
	if (chan->conf.order == WIRE_LATEST) {
		if (chan->key_seen[sent->key] > idx)
			sim_fail(world, "channel %u key %u: value %u after the newer %u", chan->id,
			         sent->key, idx, chan->key_seen[sent->key] - 1);
		chan->key_seen[sent->key] = idx + 1;
	}
}

void
sim_check_message(struct sim_world *world, struct sim_end *end, const struct quantum_msg *msg)
{
	const unsigned dir = 1 - end->side;
	uint8_t expect[SIM_HEAD_BYTES];
	struct gather g;
	uint32_t idx;
	unsigned c = 0;
	struct sim_chan *chan = chan_by_id(end->ses, dir, msg->channel, &c);

	if (chan == NULL || msg->order != chan->conf.order) {
		sim_fail(world, "a message on channel %u, which is not used so", msg->channel);
		return;
	}
	gather_head(msg, &g);
	memcpy(&idx, g.head, sizeof(idx));
	if (g.len == 0)
		idx = (uint32_t)msg->message;
	if (idx >= chan->nb || g.len != msg->len || msg->len != chan->sent[idx].len) {
		sim_fail(world, "channel %u: message %u of %u bytes was never sent", chan->id, idx,
		         msg->len);
		return;
	}
	sim_head(end->ses, dir, c, idx, expect);
	if (g.len > 0 && (memcmp(expect, g.head, sizeof(expect)) != 0 ||
	                  !same_body(msg, sim_body(end->ses, dir, c, idx))))
		sim_fail(world, "channel %u: message %u of %u bytes has other content", chan->id,
		         idx, msg->len);
	if ((chan->sent[idx].flags & SIM_DELIVERED) != 0)
		sim_fail(world, "channel %u: message %u delivered twice", chan->id, idx);
	check_order(world, chan, msg, idx);
	chan->sent[idx].flags |= SIM_DELIVERED;
	chan->nb_delivered++;
	end->nb_delivered++;
	world->totals.delivered++;
}

void
sim_check_sent(struct sim_world *world, struct sim_end *end, const struct quantum_event *ev)
{
	const uint32_t c = (uint32_t)(ev->sent.cookie >> 32);
	const uint32_t idx = (uint32_t)ev->sent.cookie;
	struct sim_chan *chan = c < end->ses->nb_chans ? &end->ses->chan[end->side][c] : NULL;
	struct sim_sent *sent;

	if (chan == NULL || idx >= chan->nb || chan->id != ev->sent.channel ||
	    (chan->sent[idx].flags & SIM_REPORT) == 0) {
		sim_fail(world, "a report with cookie %llx that was never given",
		         (unsigned long long)ev->sent.cookie);
		return;
	}
	sent = &chan->sent[idx];
	if ((sent->flags & SIM_REPORTED) != 0)
		sim_fail(world, "channel %u: message %u reported twice", chan->id, idx);
	sent->flags |= SIM_REPORTED;
	if (ev->sent.expired) {
		sent->flags |= SIM_EXPIRED;
		world->totals.expired++;
		if (chan->conf.reliability == QUANTUM_FULL && chan->conf.order != WIRE_LATEST)
			sim_fail(world, "channel %u: reliable message %u expired", chan->id, idx);
	} else if (chan->conf.order == WIRE_UNORDERED && (sent->flags & SIM_DELIVERED) == 0) {
		sim_fail(world, "channel %u: message %u acknowledged before it was delivered",
		         chan->id, idx);
	}
}

/* ---- at rest --------------------------------------------------------------------------------- */

static void
check_chan_drained(struct sim_world *world, const struct sim_session *ses,
                   const struct sim_chan *chan, unsigned dir)
{
	const bool full = chan->conf.reliability == QUANTUM_FULL;
	const bool latest = chan->conf.order == WIRE_LATEST;

	for (uint32_t i = 0; i < chan->nb && !world->failed; i++) {
		const uint8_t flags = chan->sent[i].flags;
		const bool there = (flags & SIM_DELIVERED) != 0;

		if (!there && full && !latest)
			sim_fail(world,
			         "session %u dir %u channel %u: reliable message %u of %u (%u "
			         "bytes) "
			         "was not delivered",
			         ses->uid, dir, chan->id, i, chan->nb, chan->sent[i].len);
		if ((flags & SIM_REPORT) != 0 && (flags & SIM_REPORTED) == 0)
			sim_fail(world,
			         "session %u dir %u channel %u: message %u was never reported",
			         ses->uid, dir, chan->id, i);
		if (!there && !latest && (flags & SIM_REPORTED) != 0 && (flags & SIM_EXPIRED) == 0)
			sim_fail(world,
			         "session %u dir %u channel %u: message %u was acknowledged, not "
			         "delivered",
			         ses->uid, dir, chan->id, i);
	}
	for (uint32_t k = 0; latest && full && k < chan->keys; k++)
		if (chan->key_sent[k] != chan->key_seen[k])
			sim_fail(world,
			         "session %u dir %u channel %u key %u: last value %u, seen %u",
			         ses->uid, dir, chan->id, k, chan->key_sent[k], chan->key_seen[k]);
}

void
sim_check_session_drained(struct sim_world *world, struct sim_session *ses)
{
	for (unsigned side = 0; side < 2; side++) {
		struct sim_end *end = &ses->end[side];

		if (end->conn == NULL || !end->connected || !quantum_conn_established(end->conn)) {
			sim_fail(world, "session %u: side %u is not connected on a healthy link",
			         ses->uid, side);
			return;
		}
		for (unsigned c = 0; c < ses->nb_chans && !world->failed; c++)
			check_chan_drained(world, ses, &ses->chan[side][c], side);
		if (!quantum_conn_drained(end->conn))
			sim_fail(world, "session %u: the engine of side %u is not drained",
			         ses->uid, side);
		if (end->blocked)
			sim_fail(world, "session %u: side %u still waits to be writable", ses->uid,
			         side);
		sim_check_stats(world, end);
	}
}

void
sim_check_drained(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->plan.nb_clients && !world->failed; i++) {
		if (world->client[i].ses == NULL)
			sim_fail(world, "client %u is not connected on a healthy link", i);
		else
			sim_check_session_drained(world, world->client[i].ses);
	}
}

void
sim_check_stats(struct sim_world *world, struct sim_end *end)
{
	struct quantum_stats s;
	uint64_t verdicts = 0, sent = 0;

	quantum_conn_stats(end->conn, &s);
	for (unsigned i = 0; i < QUANTUM_NB_VERDICTS; i++)
		verdicts += s.verdicts[i];
	for (unsigned c = 0; c < end->ses->nb_chans; c++)
		sent += end->ses->chan[end->side][c].nb;
	if (s.rx_msgs != end->nb_delivered || s.tx_msgs != sent)
		sim_fail(world,
		         "session %u side %u: counts %llu and %llu messages, there were %llu and "
		         "%llu",
		         end->ses->uid, end->side, (unsigned long long)s.rx_msgs,
		         (unsigned long long)s.tx_msgs, (unsigned long long)end->nb_delivered,
		         (unsigned long long)sent);
	if (verdicts != end->nb_prepared)
		sim_fail(world, "session %u side %u: %llu verdicts for %llu datagrams",
		         end->ses->uid, end->side, (unsigned long long)verdicts,
		         (unsigned long long)end->nb_prepared);
}

void
sim_check_pools(struct sim_world *world, const struct quantum_env *env, const char *whose)
{
	for (uint32_t i = 0; i < quantum_env_nb_pools(env); i++) {
		const struct aef_pool *pool = quantum_env_pool(env, i);

		if (pool->in_use != 0)
			sim_fail(world, "pool %s of %s: %u objects never came back", pool->name,
			         whose, pool->in_use);
	}
}

void
sim_check_bounds(struct sim_world *world, const struct quantum_env *env)
{
	for (uint32_t i = 0; i < quantum_env_nb_pools(env); i++) {
		const struct aef_pool *pool = quantum_env_pool(env, i);

		if (pool->in_use > pool->nb_objs)
			sim_fail(world, "pool %s: %u of %u objects in use", pool->name,
			         pool->in_use, pool->nb_objs);
	}
}
