/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path: transport lcore, handshake thread and worker over net_ring, as aether-lab runs
 * them.
 */
#include <stdio.h>
#include <string.h>

#include <base/err.h>

#include "lab.h"
#include "options.h"
#include "subject.h"

#define STEP_NS    (AEF_NS_PER_S / 10)
#define STEPS_MAX  600u
#define TYPE_STEPS 10u

static struct lab lab;

static bool
start(void)
{
	static char *argv[] = { "secrets", "--no-huge", "--clients", "6",          "--docs",
		                "2",       "--link",    "delay=2ms", "--duration", "60s" };
	static struct lab_opts opts;
	char buf[4096] = "";
	struct aef_text text = aef_text_make(buf, sizeof(buf));

	if (lab_opts_parse(&opts, AEF_DIM(argv), argv, &text) == LAB_PARSE_RUN &&
	    lab_init(&lab, &opts, &text) == 0 && lab_launch(&lab, &text) == 0)
		return true;
	fprintf(stderr, "secrets: the lab does not start: %s\n", buf);
	return false;
}

static bool
type(void)
{
	unsigned typed = 0;

	for (unsigned i = 0; i < STEPS_MAX && typed < TYPE_STEPS; i++) {
		if (!lab_advance(&lab, STEP_NS))
			return false;
		lab_step(&lab);
		typed += lab.phase == LAB_TYPE;
	}
	return typed == TYPE_STEPS;
}

static void
part(void *ctx)
{
	struct lab_host *host = ctx;

	host->typing = false;
	host->parting = true; /* nobody dials again */
	for (uint32_t i = 0; i < host->conf.nb_clients; i++)
		if (host->clients[i].conn != NULL) {
			quantum_conn_close(host->clients[i].conn, 0, "done", host->now_ns);
			host->clients[i].next_ns = 0;
		}
}

static bool
hang_up(void)
{
	bool open = true;

	lab_core_call(&lab.cores[0], part, &lab.host);
	for (unsigned i = 0; i < STEPS_MAX && open; i++) {
		(void)lab_advance(&lab, STEP_NS);
		open = pipeline_lcore_stats(lab.app.lcores[0])->conns_open > 0;
		for (uint32_t c = 0; c < lab.host.conf.nb_clients; c++)
			open = open || lab.host.clients[c].conn != NULL;
	}
	return !open;
}

int
subject_lab(void)
{
	if (!start() || !type()) {
		fprintf(stderr, "secrets: nobody types in the lab\n");
		subject_stage(STAGE_FAILED);
		return 1;
	}
	subject_stage(STAGE_LIVE);
	if (!hang_up()) {
		fprintf(stderr, "secrets: connections of the lab do not end\n");
		subject_stage(STAGE_FAILED);
		return 1;
	}
	subject_stage(STAGE_CLOSED);
	lab_fini(&lab);
	subject_stage(STAGE_GONE);
	return 0;
}
