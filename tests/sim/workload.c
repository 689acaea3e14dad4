/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The applications: they send at their own pace, on all channels, and pause now and then. A message
 * is 12 bytes that say what it is and a piece of a table; empty ones are known by their number.
 */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>

#include "world.h"

#define TABLE_BYTES (4u << 20)
#define BODY_MAX    (2u << 20)

static uint8_t table[TABLE_BYTES];

static uint64_t
mix(const struct sim_session *ses, unsigned dir, unsigned chan, uint32_t idx)
{
	uint64_t x =
		((uint64_t)ses->uid << 40) ^ ((uint64_t)dir << 39) ^ ((uint64_t)chan << 33) ^ idx;

	return aef_splitmix64(&x);
}

static void
table_make(void)
{
	struct aef_rng rng;

	if (table[0] != 0)
		return;
	aef_rng_init(&rng, 42);
	for (size_t i = 0; i < TABLE_BYTES; i += 8) {
		const uint64_t v = aef_rng_u64(&rng);

		memcpy(table + i, &v, sizeof(v));
	}
	table[0] = 1;
}

const uint8_t *
sim_body(const struct sim_session *ses, unsigned dir, unsigned chan, uint32_t idx)
{
	return table + mix(ses, dir, chan, idx) % (TABLE_BYTES - BODY_MAX);
}

void
sim_head(const struct sim_session *ses, unsigned dir, unsigned chan, uint32_t idx,
         uint8_t ret_head[SIM_HEAD_BYTES])
{
	const struct sim_chan *c = &ses->chan[dir][chan];
	const uint32_t len = c->sent[idx].len;
	const uint32_t check = (uint32_t)(mix(ses, dir, chan, idx) >> 32) ^ c->sent[idx].key;

	memcpy(ret_head, &idx, 4);
	memcpy(ret_head + 4, &len, 4);
	memcpy(ret_head + 8, &check, 4);
}

/* ---- one message -------------------------------------------------------------------------------
 */

static void
note(struct sim_chan *chan, uint32_t len, uint8_t key, bool report)
{
	if (chan->nb == chan->cap) {
		chan->cap = chan->cap == 0 ? 64 : 2 * chan->cap;
		chan->sent = realloc(chan->sent, chan->cap * sizeof(*chan->sent));
		if (chan->sent == NULL)
			abort();
	}
	chan->sent[chan->nb] =
		(struct sim_sent){ .len = len, .key = key, .flags = report ? SIM_REPORT : 0 };
	chan->nb++;
}

static int
push(struct sim_world *world, struct sim_end *end, unsigned c, uint32_t idx)
{
	struct sim_chan *chan = &end->ses->chan[end->side][c];
	const uint32_t len = chan->sent[idx].len;
	struct quantum_slice slices[2] = { { 0 } };
	const struct quantum_send send = {
		.channel = chan->id,
		.key = 0x9e3779b97f4a7c15ull * (chan->sent[idx].key + 1),
		.cookie = (uint64_t)c << 32 | idx,
		.report = (chan->sent[idx].flags & SIM_REPORT) != 0,
	};
	struct sim_buf *head = NULL;
	int err;

	if (len > 0) {
		head = sim_buf_get(world, SIM_HEAD_BYTES);
		sim_head(end->ses, end->side, c, idx, head->data);
		slices[0] = (struct quantum_slice){ head->data, SIM_HEAD_BYTES, head };
		slices[1] = (struct quantum_slice){ sim_body(end->ses, end->side, c, idx),
			                            len - SIM_HEAD_BYTES, NULL };
	}
	err = quantum_conn_send(end->conn, &send, slices,
	                        len == 0               ? 0
	                        : len > SIM_HEAD_BYTES ? 2
	                                               : 1,
	                        world->now_ns);
	if (err != 0 && head != NULL)
		sim_buf_put(head);
	return err;
}

int
sim_send(struct sim_world *world, struct sim_end *end, unsigned c, uint32_t len)
{
	struct sim_chan *chan = &end->ses->chan[end->side][c];
	const uint8_t key = (uint8_t)aef_rng_below(&end->rng, chan->keys);
	const bool report = aef_rng_below(&end->rng, 4) == 0;
	int err;

	note(chan, len, chan->conf.order == WIRE_LATEST ? key : 0, report);
	err = push(world, end, c, chan->nb - 1);
	if (err != 0) {
		chan->nb--;
		return err;
	}
	if (chan->conf.order == WIRE_LATEST)
		chan->key_sent[key] = chan->nb;
	world->totals.messages++;
	return 0;
}

/* ---- pace --------------------------------------------------------------------------------------
 */

static uint32_t
draw_len(struct sim_world *world, struct sim_end *end, const struct sim_chan *chan)
{
	struct aef_rng *rng = &end->rng;
	const uint32_t big_ppm = world->plan.client[end->ses->client].big_ppm;
	const uint64_t kind = aef_rng_below(rng, 1000000);
	const bool may_be_empty =
		chan->conf.reliability == QUANTUM_FULL && chan->conf.order != WIRE_LATEST;
	uint32_t len;

	/* A megabyte takes its time: none of these just before everything must be drained. */
	if (kind < big_ppm / 16 && chan->conf.reliability == QUANTUM_FULL &&
	    world->now_ns + 60 * AEF_NS_PER_S < world->plan.heal_ns)
		return (uint32_t)aef_rng_range(rng, 64 << 10, 1 << 20);
	if (kind < big_ppm)
		len = (uint32_t)aef_rng_range(rng, 8 << 10, 64 << 10);
	else if (kind < 40000)
		len = (uint32_t)aef_rng_range(rng, 1200, 8 << 10);
	else if (kind < 250000)
		len = (uint32_t)aef_rng_range(rng, 200, 1200);
	else
		len = (uint32_t)aef_rng_range(rng, SIM_HEAD_BYTES, 200);
	if (kind >= 250000 && kind < 252000 && may_be_empty)
		len = 0;
	return len;
}

static uint64_t
mean_ns(const struct sim_world *world, const struct sim_end *end)
{
	return world->plan.client[end->ses->client].mean_ns[end->side] * (world->calm ? 4 : 1);
}

void
sim_load_start(struct sim_world *world, struct sim_end *end)
{
	table_make();
	end->send_ns = world->now_ns + aef_rng_below(&end->rng, 2 * mean_ns(world, end));
	end->phase_ns = end->send_ns + aef_rng_range(&end->rng, 1, 30) * AEF_NS_PER_S;
	end->paused = false;
}

static void
send_one(struct sim_world *world, struct sim_end *end)
{
	const unsigned c = (unsigned)aef_rng_below(&end->rng, end->ses->nb_chans);
	const uint32_t len = draw_len(world, end, &end->ses->chan[end->side][c]);
	int err;

	if (end->blocked || !end->ses->chan[end->side][c].open) {
		world->totals.refused++;
		return;
	}
	err = sim_send(world, end, c, len);
	if (err == AEF_ERR_FULL) {
		end->blocked = true;
		world->totals.refused++;
	} else if (err != 0 && err != AEF_ERR_CLOSED &&
	           !(err == AEF_ERR_LIMIT && len > 65536 && !end->connected)) {
		sim_fail(world, "session %u side %u: send of %u bytes returns %d", end->ses->uid,
		         end->side, len, err);
	}
}

void
sim_load_run(struct sim_world *world, struct sim_end *end)
{
	const uint64_t mean = mean_ns(world, end);
	const unsigned nb =
		aef_rng_below(&end->rng, 40) == 0 ? (unsigned)aef_rng_range(&end->rng, 2, 20) : 1;

	if (end->phase_ns <= world->now_ns) {
		end->paused = !end->paused;
		end->phase_ns =
			world->now_ns + (end->paused ? aef_rng_range(&end->rng, 100, 8000)
		                                     : aef_rng_range(&end->rng, 1000, 30000)) *
						AEF_NS_PER_MS;
	}
	if (end->paused) {
		end->send_ns = end->phase_ns;
		return;
	}
	for (unsigned i = 0; i < nb && !end->closed; i++)
		send_one(world, end);
	end->send_ns = world->now_ns + nb * aef_rng_below(&end->rng, 2 * mean) + 1;
	sim_service(world, end);
}
