/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

static void
engine_close(struct bench_group *g)
{
	engine_quantum_close(g->sides[0].ctx);
	engine_quantum_close(g->sides[1].ctx);
	engine_usrsctp_close(g->sides[2].ctx);
	engine_enet_close(g->sides[3].ctx);
}

static const char *
engine_open(uint32_t bytes, struct bench_group *g)
{
	g->unit = "msg";
	g->bytes_per_op = bytes;
	g->nb_sides = 4;
	g->sides[0] = (struct bench_side){ "quantum null-cost", true,
		                           engine_quantum_open(bytes, true), engine_quantum_run };
	g->sides[1] = (struct bench_side){ "quantum siphash", true,
		                           engine_quantum_open(bytes, false), engine_quantum_run };
	g->sides[2] = (struct bench_side){ "usrsctp (memory)", false, engine_usrsctp_open(bytes),
		                           engine_usrsctp_run };
	g->sides[3] = (struct bench_side){ "enet (loopback)", false, engine_enet_open(bytes),
		                           engine_enet_run };
	g->close = engine_close;
	for (unsigned i = 0; i < g->nb_sides; i++) {
		if (g->sides[i].ctx == NULL)
			return "two ends do not connect";
	}
	return NULL;
}

const char *
bench_engine_1200(const struct bench_opts *opts, struct bench_group *group)
{
	(void)opts;
	return engine_open(1200, group);
}

const char *
bench_engine_64(const struct bench_opts *opts, struct bench_group *group)
{
	(void)opts;
	group->note =
		"all: reliable, ordered, both ends in one thread, no checksum or encryption but "
		"SipHash where named; ENet goes through the kernel's loopback";
	return engine_open(64, group);
}
