/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include <stdlib.h>

#define S  AEF_NS_PER_S
#define MS AEF_NS_PER_MS

#define HEALTHY_RATE (12500000ull) /* bytes/s: 100 Mbit/s */

void
sim_rng(struct aef_rng *rng, uint64_t seed, enum sim_stream topic, uint32_t index)
{
	uint64_t mix = seed ^ ((uint64_t)topic << 56) ^ ((uint64_t)index << 40);

	aef_rng_init(rng, aef_splitmix64(&mix));
}

static uint64_t
range(struct aef_rng *rng, uint64_t lo, uint64_t hi)
{
	return aef_rng_range(rng, lo, hi);
}

/* Every octave of [lo, hi] is equally likely; integers only, so that every machine agrees. */
static uint64_t
log_uniform(struct aef_rng *rng, uint64_t lo, uint64_t hi)
{
	unsigned octaves = 0;

	while ((lo << (octaves + 1)) <= hi)
		octaves++;
	const uint64_t base = lo << aef_rng_below(rng, octaves + 1);
	const uint64_t v = base + aef_rng_below(rng, base);

	return v < hi ? v : hi;
}

static bool
chance(struct aef_rng *rng, unsigned percent)
{
	return aef_rng_below(rng, 100) < percent;
}

/* ---- links ----------------------------------------------------------------------------------- */

void
sim_plan_link(const struct sim_opts *opts, struct aef_rng *rng, struct link_conf *ret_conf)
{
	const uint32_t *on = opts->value;
	struct link_conf c = link_conf_default();
	struct aef_rng r;
	uint64_t v;

	/* One number of the outer stream feeds an inner one: the count of draws never matters. */
	aef_rng_init(&r, aef_rng_u64(rng));
	c.delay_ns = log_uniform(&r, MS, 150 * MS);
	v = chance(&r, 60) ? range(&r, 0, aef_min_u64(c.delay_ns, 50 * MS)) : 0;
	c.jitter_ns = on[SIM_JITTER] ? v : 0;
	c.keep_order = chance(&r, 50);
	v = chance(&r, 40) ? range(&r, 1, 100000) : 0;
	c.reorder_ppm = on[SIM_REORDER] ? (uint32_t)v : 0;
	c.reorder_ns = range(&r, MS, 200 * MS);
	v = chance(&r, 50) ? range(&r, 1, chance(&r, 40) ? 300000 : 50000) : 0;
	c.loss_ppm = on[SIM_LOSS] ? (uint32_t)v : 0;
	const uint32_t burst_ppm = (uint32_t)range(&r, 1000, 80000);
	const uint64_t burst_len = range(&r, 1500, 12000);

	if (chance(&r, 30) && on[SIM_BURST])
		(void)!link_conf_set_burst(&c, burst_ppm, burst_len);
	v = chance(&r, 40) ? log_uniform(&r, 1000, 500000) : 0;
	c.dup_ppm = on[SIM_DUP] ? (uint32_t)v : 0;
	c.dup_copies = (uint32_t)range(&r, 1, 3);
	v = chance(&r, 30) ? log_uniform(&r, 100, 50000) : 0;
	c.corrupt_ppm = on[SIM_CORRUPT] ? (uint32_t)v : 0;
	c.corrupt_bits = (uint32_t)range(&r, 1, LINK_CORRUPT_BITS_MAX);
	v = chance(&r, 30) ? log_uniform(&r, 100, 20000) : 0;
	c.truncate_ppm = on[SIM_TRUNCATE] ? (uint32_t)v : 0;
	v = chance(&r, 35) ? range(&r, 8 * S, 60 * S) : 0;
	c.outage_interval_ns = on[SIM_OUTAGE] ? v : 0;
	c.outage_max_ns = range(&r, 100 * MS, 5 * S);
	v = chance(&r, 15) ? range(&r, WIRE_MTU_BASE + 28, 1528) : 0;
	c.mtu_bytes = on[SIM_MTU] ? (uint32_t)v : 0;
	v = chance(&r, 70) ? log_uniform(&r, 62500, HEALTHY_RATE) : 0;
	c.rate_bytes_per_s = on[SIM_SLOW] ? v : 0;
	c.queue_bytes = log_uniform(&r, 16 << 10, 1 << 20);
	c.ecn_bytes = chance(&r, 30) ? c.queue_bytes / 4 : 0;
	*ret_conf = c;
}

void
sim_plan_heal(struct link_conf *conf)
{
	const uint64_t delay = conf->delay_ns;

	*conf = link_conf_default();
	conf->delay_ns = delay;
	conf->rate_bytes_per_s = HEALTHY_RATE;
	conf->queue_bytes = 4 << 20;
}

/* ---- actions --------------------------------------------------------------------------------- */

static void
add(struct sim_plan *plan, uint64_t at_ns, enum sim_act what, uint32_t client)
{
	uint32_t i = plan->nb_actions;

	if (i == SIM_ACTIONS_MAX)
		return;
	for (; i > 0 && plan->action[i - 1].at_ns > at_ns; i--)
		plan->action[i] = plan->action[i - 1];
	plan->action[i] = (struct sim_action){ at_ns, what, client };
	plan->nb_actions++;
}

/* Up to `max` times in the time of trouble, in `percent` of the runs. */
static void
add_some(struct sim_plan *plan, struct aef_rng *rng, enum sim_act what, unsigned percent,
         unsigned max)
{
	static const uint8_t feature[] = {
		[SIM_ACT_LINK] = SIM_CHANGE,
		[SIM_ACT_RESTART_SERVER] = SIM_RESTART,
		[SIM_ACT_CRASH_CLIENT] = SIM_CRASH,
		[SIM_ACT_REBIND_PORT] = SIM_REBIND,
		[SIM_ACT_REBIND_IP] = SIM_REBIND,
		[SIM_ACT_MIGRATE] = SIM_MIGRATE,
		[SIM_ACT_CLOSE_BY_CLIENT] = SIM_REOPEN,
		[SIM_ACT_CLOSE_BY_SERVER] = SIM_REOPEN,
	};
	struct aef_rng r;

	aef_rng_init(&r, aef_rng_u64(rng));
	if (!chance(&r, percent) || !plan->opts.value[feature[what]])
		return;
	for (uint64_t n = range(&r, 1, max); n > 0; n--) {
		const uint64_t at = range(&r, S, plan->heal_ns - 1);

		add(plan, at, what, (uint32_t)aef_rng_below(&r, SIM_CLIENTS_MAX));
	}
}

static void
plan_actions(struct sim_plan *plan)
{
	const uint64_t heal = plan->heal_ns, end = plan->end_ns;
	struct aef_rng rng;

	sim_rng(&rng, plan->opts.seed, SIM_STREAM_ACTIONS, 0);
	add_some(plan, &rng, SIM_ACT_LINK, 50, 16);
	add_some(plan, &rng, SIM_ACT_RESTART_SERVER, 20, 2);
	add_some(plan, &rng, SIM_ACT_CRASH_CLIENT, 30, 6);
	add_some(plan, &rng, SIM_ACT_REBIND_PORT, 40, 12);
	add_some(plan, &rng, SIM_ACT_REBIND_IP, 30, 12);
	add_some(plan, &rng, SIM_ACT_MIGRATE, 30, 12);
	add_some(plan, &rng, SIM_ACT_CLOSE_BY_CLIENT, 30, 8);
	add_some(plan, &rng, SIM_ACT_CLOSE_BY_SERVER, 30, 8);
	for (uint64_t at = 55 * S; at < end; at += 55 * S)
		add(plan, at, SIM_ACT_ROTATE_KEYS, 0);
	add(plan, heal, SIM_ACT_HEAL, 0);
	add(plan, heal + 10 * S, SIM_ACT_CHECK_DRAINED, 0);
	if (end - heal >= 45 * S) {
		add(plan, heal + 12 * S, SIM_ACT_SEND_AGAIN, 0);
		add(plan, heal + 22 * S, SIM_ACT_STOP_SENDING, 0);
		add(plan, heal + 32 * S, SIM_ACT_CHECK_DRAINED, 0);
	}
	add(plan, end - 5 * S, SIM_ACT_CLOSE_ALL, 0);
	add(plan, end, SIM_ACT_END, 0);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static uint64_t
first_pn(struct aef_rng *rng)
{
	switch (aef_rng_below(rng, 8)) {
	case 0:
		return (1ull << 32) - range(rng, 64, 20000);
	case 1:
		return (1ull << 31) - range(rng, 64, 20000);
	case 2:
	case 3:
		return (range(rng, 1, 5) << 22) - range(rng, 64, 20000);
	case 4:
		return (1ull << 33) - range(rng, 64, 5000);
	default:
		return 0;
	}
}

static void
draw_conf(const struct sim_opts *opts, struct aef_rng *rng, struct quantum_conn_conf *ret)
{
	static const uint32_t mtus[] = { 1200, 1400, 1452, 1452, 4052, WIRE_MTU_MAX };
	const uint32_t *on = opts->value;
	struct quantum_conn_conf *c = ret;
	uint64_t v;

	quantum_conn_conf_default(c);
	c->limits.idle_timeout_ms = (uint32_t)range(rng, 12000, 25000);
	c->limits.message_bytes_max = 2u << 20;
	c->limits.credit_channel_bytes = log_uniform(rng, 32 << 10, 2 << 20);
	c->limits.credit_bytes = log_uniform(rng, 64 << 10, 8 << 20);
	c->keepalive_ns = range(rng, 2, 5) * S;
	c->mtu_max_bytes = mtus[aef_rng_below(rng, AEF_DIM(mtus))];
	c->queue_bytes_max = (uint32_t)log_uniform(rng, 16 << 10, 128 << 10);
	c->queue_msgs_max = (uint32_t)log_uniform(rng, 64, 4096);
	c->sent_pkts_max = (uint32_t)log_uniform(rng, 128, 2048);
	v = range(rng, 1, 10);
	c->fec_k = (uint8_t)v;
	c->fec_m = (uint8_t)range(rng, 0, 3);
	c->fec_always = chance(rng, 25);
	if (!on[SIM_FEC])
		c->fec_m = 0;
	c->ecn = chance(rng, 50);
	c->pmtud = chance(rng, 70) && on[SIM_PMTUD];
	if (!on[SIM_TIGHT]) {
		c->queue_bytes_max = 128u << 10;
		c->queue_msgs_max = 4096;
		c->sent_pkts_max = 2048;
		c->limits.credit_channel_bytes = 1 << 20;
		c->limits.credit_bytes = 4 << 20;
	}
}

static void
draw_chan(const struct sim_opts *opts, struct aef_rng *rng, unsigned kind,
          struct quantum_chan_conf *ret)
{
	const uint32_t *on = opts->value;
	struct quantum_chan_conf c = {
		.order = (uint8_t)(kind % 3),
		.reliability = (uint8_t)(kind / 3 % 4),
		.priority = (uint8_t)aef_rng_below(rng, QUANTUM_PRIORITIES),
		.weight = (uint8_t)range(rng, 0, 255),
		.tries = (uint8_t)range(rng, 1, 5),
		.expedited = chance(rng, 15),
		.deadline_ns = log_uniform(rng, 5 * MS, 4 * S),
	};

	if (c.order == WIRE_LATEST && !on[SIM_LATEST])
		c.order = WIRE_ORDERED;
	if (c.order == WIRE_UNORDERED && !on[SIM_UNORDERED])
		c.order = WIRE_ORDERED;
	if (!on[SIM_EXPIRE])
		c.reliability = QUANTUM_FULL;
	*ret = c;
}

static void
plan_client(struct sim_plan *plan, uint32_t i)
{
	const struct sim_opts *opts = &plan->opts;
	struct aef_rng rng;
	uint64_t rate_mhz, share;

	sim_rng(&rng, opts->seed, SIM_STREAM_LINK, i);
	sim_plan_link(opts, &rng, &plan->client[i].link[0]);
	sim_plan_link(opts, &rng, &plan->client[i].link[1]);
	sim_rng(&rng, opts->seed, SIM_STREAM_CONF, i + 1);
	draw_conf(opts, &rng, &plan->client[i].conf);
	plan->client[i].conf.first_pn = plan->server_conf.first_pn;

	sim_rng(&rng, opts->seed, SIM_STREAM_CHANS, i);
	plan->client[i].nb_chans = (uint32_t)range(&rng, 1, SIM_CHANS_MAX);
	for (uint32_t c = 0; c < SIM_CHANS_MAX; c++) {
		const uint16_t step = (uint16_t)aef_rng_below(&rng, chance(&rng, 50) ? 5000 : 3);

		plan->client[i].chan_id[c] =
			(uint16_t)(c == 0 ? step : plan->client[i].chan_id[c - 1] + 1 + step);
		/* The first is always ordered and reliable one way; the rest is any kind. */
		draw_chan(opts, &rng, c == 0 ? 0 : (unsigned)aef_rng_below(&rng, 12),
		          &plan->client[i].chan[0][c]);
		draw_chan(opts, &rng, (unsigned)aef_rng_below(&rng, 12),
		          &plan->client[i].chan[1][c]);
	}
	rate_mhz = 1000 * log_uniform(&rng, 10, 1000);
	if (opts->value[SIM_RATE] != 0)
		rate_mhz = 1000ull * opts->value[SIM_RATE];
	share = range(&rng, 100, 900);
	plan->client[i].mean_ns[0] = S * 1000 * 1000 / (rate_mhz * share);
	plan->client[i].mean_ns[1] = S * 1000 * 1000 / (rate_mhz * (1000 - share));
	plan->client[i].big_ppm = opts->value[SIM_BIG] && chance(&rng, 70) ? 6000 : 0;
}

void
sim_plan_make(struct sim_plan *plan, const struct sim_opts *opts)
{
	struct aef_rng rng;

	*plan = (struct sim_plan){ .opts = *opts };
	sim_rng(&rng, opts->seed, SIM_STREAM_PLAN, 0);
	plan->nb_clients = (uint32_t)range(&rng, 1, SIM_CLIENTS_MAX);
	if (opts->value[SIM_CLIENTS] != 0)
		plan->nb_clients = aef_min_u32(opts->value[SIM_CLIENTS], SIM_CLIENTS_MAX);
	plan->heal_ns = (opts->value[SIM_TROUBLE] + 1) * S + 2; /* time begins at 1 s */
	plan->end_ns = plan->heal_ns + aef_max_u32(opts->value[SIM_HEALTH], 20) * S;
	plan->drop_ppm = chance(&rng, 20) ? (uint32_t)range(&rng, 1, 20000) : 0;
	if (!opts->value[SIM_DROP])
		plan->drop_ppm = 0;
	plan->server_conns = SIM_SERVER_CONNS;
	if (opts->value[SIM_CONNS] != 0)
		plan->server_conns = aef_min_u32(opts->value[SIM_CONNS], SIM_SERVER_CONNS);
	sim_rng(&rng, opts->seed, SIM_STREAM_CONF, 0);
	draw_conf(opts, &rng, &plan->server_conf);
	const uint64_t pn = first_pn(&rng);

	plan->server_conf.first_pn = opts->value[SIM_WRAP] ? pn : 0;
	quantum_env_conf_scale(&plan->server_env, plan->server_conns, 2 * plan->nb_clients);
	quantum_env_conf_scale(&plan->client_env, 2, 2);
	for (uint32_t i = 0; i < plan->nb_clients; i++)
		plan_client(plan, i);
	plan_actions(plan);
}
