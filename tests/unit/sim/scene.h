/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scene.h - a simulated world set up by hand: one named situation instead of a random one.
 *
 * The simulator's own checks (exactly once, in order, no false ack, no leak) hold throughout;
 * scene_end() fails the test when one of them was violated.
 */
#ifndef TESTS_UNIT_SIM_SCENE_H
#define TESTS_UNIT_SIM_SCENE_H

#include <sim/world.h>

#define MS AEF_NS_PER_MS
#define S  AEF_NS_PER_S

struct scene {
	struct sim_plan plan;
	struct sim_hooks hooks;
	struct sim_world *world;
	/* Filled by hooks. */
	uint32_t nb_connected[2];
	uint32_t nb_closed[2];
	enum quantum_close why[2];
	uint32_t nb_busy, nb_path;
	uint64_t connected_ns;   /* of the last client */
	uint64_t last_msg_ns[2]; /* last delivery at that side */
	uint64_t gap_ns[2];      /* longest time between deliveries at that side */
	uint64_t nb_msgs[2];
	uint64_t nb_bytes[2];
	uint64_t nb_sent_reports, nb_expired_reports;
	uint64_t traces[QUANTUM_NB_TRACES];
	/* A test's own hook: return true to lose the datagram. */
	bool (*lose)(struct scene *scene, const struct sim_buf *buf);
	void (*trace)(struct scene *scene, const struct quantum_conn *conn, enum quantum_trace what,
	              uint64_t a, uint64_t b);
	uint64_t nb_wire[2]; /* datagrams put on the wire to the server, to the client */
	void *own;
};

/** Defaults: @p nb_clients clients, perfect links of @p delay_ns one way, nobody sends. */
void scene_plan(struct scene *scene, uint32_t nb_clients, uint64_t delay_ns);

/** Apply to both directions of every link: "loss=5%,jitter=10ms". */
void scene_link(struct scene *scene, const char *text);

/** Give every client and the server this behaviour. */
void scene_conf(struct scene *scene, const struct quantum_conn_conf *conf);

/** One channel of every client, both ways. */
void scene_channel(struct scene *scene, uint8_t order, uint8_t reliability);

void scene_begin(struct scene *scene);
void scene_run(struct scene *scene, uint64_t ns);

/** Run until every client is connected at both ends; false when that takes longer than @p ns. */
bool scene_connect(struct scene *scene, uint64_t ns);

/** End @p side of client @p i; NULL: not there. */
struct sim_end *scene_side(struct scene *scene, uint32_t i, unsigned side);

/** Send @p nb messages of @p len bytes from @p side of client 0 on channel 0, one each @p gap_ns.
 */
void scene_stream(struct scene *scene, unsigned side, uint32_t nb, uint32_t len, uint64_t gap_ns);

/** Fails the test unless client @p i is connected and all was delivered. */
void scene_expect_drained(struct scene *scene, uint32_t i);

struct quantum_stats scene_stats(struct scene *scene, uint32_t i, unsigned side);

/** Tear down; fails the test when a check was violated. */
void scene_end(struct scene *scene);

#endif
