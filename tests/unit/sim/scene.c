/* SPDX-License-Identifier: BSD-3-Clause */
#include "scene.h"

#include <stdlib.h>
#include <unit/harness.h>

static bool
on_wire(void *ctx, struct sim_world *world, const struct sim_buf *buf)
{
	struct scene *scene = ctx;

	(void)world;
	scene->nb_wire[buf->up ? 0 : 1]++;
	return scene->lose != NULL && scene->lose(scene, buf);
}

static void
on_trace(void *ctx, struct sim_world *world, const struct quantum_conn *conn,
         enum quantum_trace what, uint64_t a, uint64_t b)
{
	struct scene *scene = ctx;

	(void)world;
	scene->traces[what]++;
	if (scene->trace != NULL)
		scene->trace(scene, conn, what, a, b);
}

static void
on_message(struct scene *scene, uint64_t now_ns, unsigned side, uint32_t len)
{
	if (scene->nb_msgs[side]++ > 0)
		scene->gap_ns[side] =
			aef_max_u64(scene->gap_ns[side], now_ns - scene->last_msg_ns[side]);
	scene->last_msg_ns[side] = now_ns;
	scene->nb_bytes[side] += len;
}

static void
on_event(void *ctx, struct sim_world *world, struct sim_end *end, const struct quantum_event *ev)
{
	struct scene *scene = ctx;

	switch (ev->type) {
	case QUANTUM_EVENT_CONNECTED:
		scene->nb_connected[end->side]++;
		scene->connected_ns = world->now_ns;
		break;
	case QUANTUM_EVENT_MESSAGE:
		on_message(scene, world->now_ns, end->side, ev->msg.len);
		break;
	case QUANTUM_EVENT_SENT:
		scene->nb_sent_reports++;
		scene->nb_expired_reports += ev->sent.expired;
		break;
	case QUANTUM_EVENT_CLOSED:
		scene->nb_closed[end->side]++;
		scene->why[end->side] = ev->closed.why;
		break;
	case QUANTUM_EVENT_BUSY:
		scene->nb_busy++;
		break;
	case QUANTUM_EVENT_PATH:
		scene->nb_path++;
		break;
	default:
		break;
	}
}

void
scene_plan(struct scene *scene, uint32_t nb_clients, uint64_t delay_ns)
{
	struct sim_opts opts;

	*scene = (struct scene){ 0 };
	sim_opts_default(&opts);
	opts.seed = 1;
	opts.value[SIM_CLIENTS] = nb_clients;
	for (unsigned k = SIM_FIRST_FEATURE; k < SIM_NB_KEYS; k++)
		opts.value[k] = 0;
	sim_plan_make(&scene->plan, &opts);
	scene->plan.nb_actions = 0;
	for (uint32_t i = 0; i < nb_clients; i++) {
		struct quantum_conn_conf conf;

		quantum_conn_conf_default(&conf);
		conf.fec_m = 0;
		conf.pmtud = false;
		scene_conf(scene, &conf);
		for (unsigned dir = 0; dir < 2; dir++) {
			scene->plan.client[i].link[dir] = link_conf_default();
			scene->plan.client[i].link[dir].delay_ns = delay_ns;
		}
	}
	scene_channel(scene, WIRE_ORDERED, QUANTUM_FULL);
	quantum_env_conf_scale(&scene->plan.client_env, 2, 8);
	quantum_env_conf_scale(&scene->plan.server_env, SIM_SERVER_CONNS, 8 * nb_clients);
}

void
scene_link(struct scene *scene, const char *text)
{
	char err[128];

	for (uint32_t i = 0; i < scene->plan.nb_clients; i++)
		for (unsigned dir = 0; dir < 2; dir++)
			ck_assert_msg(link_conf_set_list(&scene->plan.client[i].link[dir], text,
			                                 err, sizeof(err)) == 0,
			              "%s", err);
}

void
scene_conf(struct scene *scene, const struct quantum_conn_conf *conf)
{
	scene->plan.server_conf = *conf;
	for (uint32_t i = 0; i < scene->plan.nb_clients; i++)
		scene->plan.client[i].conf = *conf;
}

void
scene_channel(struct scene *scene, uint8_t order, uint8_t reliability)
{
	const struct quantum_chan_conf conf = {
		.order = order,
		.reliability = reliability,
		.priority = 4,
		.tries = 3,
		.deadline_ns = 100 * MS,
	};

	for (uint32_t i = 0; i < scene->plan.nb_clients; i++) {
		scene->plan.client[i].nb_chans = 1;
		scene->plan.client[i].chan_id[0] = 7;
		scene->plan.client[i].chan[0][0] = conf;
		scene->plan.client[i].chan[1][0] = conf;
	}
}

void
scene_begin(struct scene *scene)
{
	scene->hooks = (struct sim_hooks){ scene, on_wire, on_trace, on_event };
	scene->world = sim_world_create(&scene->plan, &scene->hooks);
	scene->world->sending = false;
	for (uint32_t i = 0; i < scene->plan.nb_clients; i++)
		scene->world->client[i].connect_ns = scene->world->now_ns;
}

void
scene_run(struct scene *scene, uint64_t ns)
{
	sim_world_run_until(scene->world, scene->world->now_ns + ns);
}

bool
scene_connect(struct scene *scene, uint64_t ns)
{
	const uint64_t until = scene->world->now_ns + ns;

	while (scene->nb_connected[0] < scene->plan.nb_clients ||
	       scene->nb_connected[1] < scene->plan.nb_clients) {
		if (scene->world->now_ns >= until || scene->world->failed)
			return false;
		scene_run(scene, MS);
	}
	return true;
}

struct sim_end *
scene_side(struct scene *scene, uint32_t i, unsigned side)
{
	struct sim_session *ses = scene->world->client[i].ses;

	return ses != NULL && ses->end[side].conn != NULL ? &ses->end[side] : NULL;
}

void
scene_stream(struct scene *scene, unsigned side, uint32_t nb, uint32_t len, uint64_t gap_ns)
{
	for (uint32_t i = 0; i < nb && !scene->world->failed; i++) {
		struct sim_end *end = scene_side(scene, 0, side);

		if (end != NULL && sim_send(scene->world, end, 0, len) == 0)
			sim_service(scene->world, end);
		scene_run(scene, gap_ns);
	}
}

void
scene_expect_drained(struct scene *scene, uint32_t i)
{
	ck_assert_ptr_nonnull(scene->world->client[i].ses);
	sim_check_session_drained(scene->world, scene->world->client[i].ses);
	ck_assert_msg(!scene->world->failed, "%s", scene->world->failure);
}

struct quantum_stats
scene_stats(struct scene *scene, uint32_t i, unsigned side)
{
	struct quantum_stats s = { 0 };
	const struct sim_end *end = scene_side(scene, i, side);

	ck_assert_ptr_nonnull(end);
	quantum_conn_stats(end->conn, &s);
	return s;
}

void
scene_end(struct scene *scene)
{
	char failure[sizeof(scene->world->failure)];
	bool failed;

	sim_world_destroy(scene->world);
	failed = scene->world->failed;
	memcpy(failure, scene->world->failure, sizeof(failure));
	free(scene->world);
	ck_assert_msg(!failed, "%s", failure);
}
