/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rx.c - the whole receive path of a transport lcore beside testpmd, which only moves packets.
 *
 * 64 established connections; one message of 64 bytes in each packet. The clients fill the port's
 * ring (not timed), then the lcore polls until it is empty (timed: parse, check sums, look up,
 * open, engine, acknowledgements, delivery to the worker's ring), then worker and clients take what
 * came (not timed). testpmd's packets are 64 bytes, too, and go round in the same kind of ring.
 */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>

#include "appliance.h"
#include "bench.h"
#include "echo.h"
#include "peer.h"
#include "protection.h"
#include "providers.h"
#include "testpmd.h"

#define NB_PEERS      64u
#define PKTS_PER_PEER 8u
#define MSG_BYTES     64u
#define CHANNEL       1u

struct rx_bench {
	struct appliance appliance;
	struct delivery_tsc tsc;
	struct delivery_clock clock;
	struct peer peers[NB_PEERS];
	uint8_t msg[MSG_BYTES];
	bool open;
};

struct rx_group {
	struct protection protection;
	struct crypto_provider null_cost[2]; /* of server and clients */
	struct rx_bench sides[2];            /* protected, not */
	struct testpmd *testpmd;
};

static void
peers_take(struct rx_bench *b, uint64_t now_ns)
{
	void *frame;

	while (rte_ring_dequeue(b->appliance.wire_out, &frame) == 0) {
		unsigned p = 0;

		while (p < NB_PEERS && !peer_rx(&b->peers[p], frame, now_ns))
			p++;
		if (p == NB_PEERS)
			rte_pktmbuf_free(frame);
	}
	for (unsigned p = 0; p < NB_PEERS; p++)
		peer_run(&b->peers[p], now_ns);
}

/* Round robin over the connections: packets of one connection do not stand together. */
static void
peers_fill(struct rx_bench *b, uint64_t now_ns)
{
	for (unsigned k = 0; k < PKTS_PER_PEER; k++) {
		for (unsigned p = 0; p < NB_PEERS; p++) {
			struct rte_mbuf *frame;

			if (b->peers[p].connected)
				(void)!peer_send(&b->peers[p], CHANNEL, b->msg, MSG_BYTES, now_ns);
			if (peer_tx(&b->peers[p], &frame, 1, now_ns) == 1 &&
			    rte_ring_enqueue(b->appliance.wire_in, frame) != 0)
				rte_pktmbuf_free(frame);
		}
	}
}

/* The timed part. */
static void
serve(struct rx_bench *b, struct bench_sample *s)
{
	const uint64_t before = pipeline_lcore_burst(b->appliance.lcore, 0)->stats.rx_pkts;
	const uint64_t start = bench_cpu_ns();

	do
		(void)pipeline_lcore_poll(b->appliance.lcore);
	while (!rte_ring_empty(b->appliance.wire_in));
	s->ns += bench_cpu_ns() - start;
	s->ops += pipeline_lcore_burst(b->appliance.lcore, 0)->stats.rx_pkts - before;
}

static struct bench_sample
run_rx(void *ctx, uint64_t round_ns)
{
	struct rx_bench *b = ctx;
	struct bench_sample s = { 0 };

	while (s.ns < round_ns) {
		const uint64_t now_ns = delivery_now_ns(&b->clock);

		peers_fill(b, now_ns);
		serve(b, &s);
		while (worker_poll(b->appliance.worker) > 0)
			continue;
		/* Answers that wait for a timer, and credit that the worker gave back. */
		(void)pipeline_lcore_poll(b->appliance.lcore);
		peers_take(b, delivery_now_ns(&b->clock));
	}
	return s;
}

static struct bench_sample
run_io(void *ctx, uint64_t round_ns)
{
	return testpmd_run(ctx, "io", round_ns);
}

static struct bench_sample
run_5tswap(void *ctx, uint64_t round_ns)
{
	return testpmd_run(ctx, "5tswap", round_ns);
}

static bool
all_connected(const struct rx_bench *b)
{
	for (unsigned p = 0; p < NB_PEERS; p++)
		if (!b->peers[p].connected)
			return false;
	return true;
}

static int
rx_open(struct rx_bench *b, const char *name, const struct crypto_provider *server,
        const struct peer_keys *clients, struct aef_text *error)
{
	struct appliance_conf conf = {
		.name = name, .service = &sink_service, .provider = server, .conns = NB_PEERS
	};
	const uint64_t end = bench_now_ns() + 10000000000u;
	int rc;

	b->clock = delivery_clock_tsc(&b->tsc);
	conf.clock = b->clock;
	b->open = true;
	rc = appliance_open(&b->appliance, &conf, error);
	for (unsigned p = 0; rc == 0 && p < NB_PEERS; p++) {
		const uint64_t now_ns = delivery_now_ns(&b->clock);

		rc = peer_open(&b->peers[p], p + 2, clients, &b->appliance.port.local,
		               b->appliance.pool.mp, now_ns, delivery_unix_ms(&b->clock, now_ns));
	}
	while (rc == 0 && !all_connected(b)) {
		(void)run_rx(b, 1);
		if (bench_now_ns() > end)
			rc = AEF_ERR_TIMEOUT;
	}
	return rc;
}

static void
rx_close(struct bench_group *g)
{
	struct rx_group *r = g->ctx;

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned p = 0; r->sides[i].open && p < NB_PEERS; p++)
			if (r->sides[i].peers[p].conn != NULL)
				peer_close(&r->sides[i].peers[p]);
		if (r->sides[i].open)
			appliance_close(&r->sides[i].appliance);
	}
	testpmd_close(r->testpmd);
	protection_close(&r->protection);
	free(r);
}

const char *
bench_rx(const struct bench_opts *opts, struct bench_group *g)
{
	static char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	const char *why = bench_eal();
	struct peer_keys keys;
	struct rx_group *r;
	int rc;

	(void)opts;
	if (why != NULL)
		return why;
	r = bench_alloc(sizeof(*r));
	g->ctx = r;
	g->close = rx_close;
	g->unit = "packet";
	g->note = "whole receive path of one lcore: 64 connections, 64-byte messages, their "
		  "acknowledgements, delivery; testpmd moves packets and does nothing with them";
	rc = protection_open(&r->protection, 4 * NB_PEERS);
	if (rc != 0)
		return protect_create_text(rc);
	keys.provider = protect_provider(r->protection.client);
	keys.issuer = r->protection.client;
	r->null_cost[0] = bench_null_cost(protect_provider(r->protection.server));
	r->null_cost[1] = bench_null_cost(keys.provider);
	if (rx_open(&r->sides[0], "rx0", protect_provider(r->protection.server), &keys, &error) !=
	    0)
		return buf[0] != '\0' ? buf : "clients do not connect";
	keys.provider = &r->null_cost[1];
	if (rx_open(&r->sides[1], "rx1", &r->null_cost[0], &keys, &error) != 0)
		return buf[0] != '\0' ? buf : "clients do not connect";
	r->testpmd = testpmd_open();
	g->nb_sides = r->testpmd != NULL ? 4 : 2;
	if (r->testpmd == NULL)
		g->note = "dpdk-testpmd is not installed or does not start (package dpdk)";
	g->sides[0] = (struct bench_side){ "pipeline", true, &r->sides[0], run_rx };
	g->sides[1] = (struct bench_side){ "without protection", true, &r->sides[1], run_rx };
	g->sides[2] = (struct bench_side){ "testpmd 5tswap", false, r->testpmd, run_5tswap };
	g->sides[3] = (struct bench_side){ "testpmd io", false, r->testpmd, run_io };
	return NULL;
}
