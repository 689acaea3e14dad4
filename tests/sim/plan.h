/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim/plan.h - what will happen in a run, drawn from its seed before the run begins.
 *
 * Each topic draws from its own random stream: switching one off leaves the others as they were.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <base/rng.h>
#include <base/time.h>
#include <link/link.h>
#include <quantum/conn.h>

#include "opts.h"

#define SIM_CLIENTS_MAX  8u
#define SIM_ACTIONS_MAX  128u
#define SIM_CHANS_MAX    12u
#define SIM_SERVER_CONNS 64u

/* Random streams: one per topic and, where that makes sense, client. */
enum sim_stream {
	SIM_STREAM_PLAN = 1,
	SIM_STREAM_LINK,
	SIM_STREAM_ACTIONS,
	SIM_STREAM_CONF,
	SIM_STREAM_CHANS,
	SIM_STREAM_LOAD,
	SIM_STREAM_SECRETS,
	SIM_STREAM_HOSTILE,
	SIM_STREAM_DRIVER,
	SIM_STREAM_ENGINE,
};

enum sim_act {
	SIM_ACT_LINK, /* both directions get new conditions */
	SIM_ACT_RESTART_SERVER,
	SIM_ACT_CRASH_CLIENT,
	SIM_ACT_REBIND_PORT,
	SIM_ACT_REBIND_IP,
	SIM_ACT_MIGRATE,
	SIM_ACT_CLOSE_BY_CLIENT,
	SIM_ACT_CLOSE_BY_SERVER,
	SIM_ACT_ROTATE_KEYS,
	SIM_ACT_HOSTILE, /* garbage or a replay */
	SIM_ACT_HEAL,
	SIM_ACT_CHECK_DRAINED,
	SIM_ACT_SEND_AGAIN,
	SIM_ACT_STOP_SENDING,
	SIM_ACT_CLOSE_ALL,
	SIM_ACT_END,
};

struct sim_action {
	uint64_t at_ns;
	enum sim_act what;
	uint32_t client;
};

struct sim_plan {
	struct sim_opts opts;
	uint32_t nb_clients;
	uint64_t heal_ns, end_ns;
	uint32_t server_conns; /* slots of the connection table */
	struct quantum_conn_conf server_conf;
	struct quantum_env_conf server_env, client_env;
	uint32_t drop_ppm; /* built datagrams that the driver drops */
	struct {
		struct quantum_conn_conf conf;
		struct link_conf link[2]; /* 0: to the server */
		uint64_t mean_ns[2];      /* between messages, 0: client to server */
		uint32_t nb_chans;
		uint16_t chan_id[SIM_CHANS_MAX];
		struct quantum_chan_conf chan[2][SIM_CHANS_MAX];
		uint32_t big_ppm;
	} client[SIM_CLIENTS_MAX];
	struct sim_action action[SIM_ACTIONS_MAX]; /* ascending */
	uint32_t nb_actions;
};

/** Start the random stream of @p topic and @p index. */
void sim_rng(struct aef_rng *rng, uint64_t seed, enum sim_stream topic, uint32_t index);

/** Draw the plan of opts->seed. */
void sim_plan_make(struct sim_plan *plan, const struct sim_opts *opts);

/** Draw conditions of one direction of a link; @p rng advances the same way whatever is off. */
void sim_plan_link(const struct sim_opts *opts, struct aef_rng *rng, struct link_conf *ret_conf);

/** Turn @p conf into the healthy link it would be: its delay, rate enough, nothing else. */
void sim_plan_heal(struct link_conf *conf);

#endif
