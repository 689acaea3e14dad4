/* SPDX-License-Identifier: BSD-3-Clause */
#include "syn_host.h"

#include <stdlib.h>
#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "bench.h"
#include "echo.h"

#define CHANNEL        1u
#define MSG_BYTES      1100u
#define BURST          64u  /* of one kind in one turn of the loop */
#define LIVE_BURST     512u /* clients come before the generator when this CPU is short */
#define WIRE_SLOTS     8192u
#define SCAN_NS        1000000u /* timers of all clients */
#define IN_TIME_NS     3000000000u
#define TAIL_NS        5000000000u /* newcomers of the end of a phase */
#define TOKEN_LIFE_MS  60000u
#define STRANGER_BYTES 200u /* of a packet with a made-up id */
#define MBUFS          32767u
#define CONNECT_NS     60000000000u

static const uint8_t message[MSG_BYTES];

static uint64_t
now(const struct host *h)
{
	return delivery_now_ns(&h->clock);
}

/* ---- the appliance's side ---------------------------------------------------------------------
 */

static int
lcore_main(void *arg)
{
	struct host *h = arg;

	while (!atomic_load_explicit(&h->stop, memory_order_relaxed))
		if (pipeline_lcore_poll(h->appliance.lcore) + worker_poll(h->appliance.worker) == 0)
			rte_pause();
	return 0;
}

static void *
handshake_main(void *arg)
{
	struct host *h = arg;

	pipeline_handshaker_run(h->appliance.handshaker, protect_provider(h->protection.handshake),
	                        &h->stop_handshakes);
	return NULL;
}

bool
host_launch(struct host *h)
{
	if (pthread_create(&h->handshake_thread, NULL, handshake_main, h) != 0)
		return false;
	h->runs = rte_eal_remote_launch(lcore_main, h, rte_get_next_lcore(UINT32_MAX, 1, 0)) == 0;
	return h->runs;
}

static void
halt(struct host *h)
{
	if (!h->runs)
		return;
	atomic_store(&h->stop, true);
	rte_eal_mp_wait_lcore();
	atomic_store(&h->stop_handshakes, true);
	delivery_bell_ring(pipeline_handshaker_bell(h->appliance.handshaker));
	pthread_join(h->handshake_thread, NULL);
	h->runs = false;
}

/* ---- the other end ----------------------------------------------------------------------------
 */

static void
wire_rx(struct host *h, struct phase *p, uint64_t now_ns)
{
	void *frames[BURST];
	const unsigned nb = rte_ring_dequeue_burst(h->appliance.wire_out, frames, BURST, NULL);

	for (unsigned i = 0; i < nb; i++) {
		struct rte_mbuf *m = frames[i];

		if (crowd_rx(&h->crowd, m, now_ns))
			continue;
		p->reply_pkts++;
		p->reply_bytes += m->data_len - CROWD_HDR_BYTES;
		rte_pktmbuf_free(m);
	}
}

static void
live(struct host *h, struct phase *p, uint64_t passed_ns, uint64_t now_ns)
{
	const uint64_t due = passed_ns * p->live_pps / 1000000000u;

	for (unsigned i = 0; i < LIVE_BURST && p->offered < due; i++, p->offered++) {
		h->next_live = (h->next_live + 1) % h->sessions;
		(void)!crowd_send(&h->crowd, h->next_live, CHANNEL, message, MSG_BYTES, now_ns);
		(void)crowd_run(&h->crowd, h->next_live, now_ns);
	}
}

static void
token_renew(struct host *h)
{
	const uint64_t unix_ms = delivery_unix_ms(&h->clock, now(h));

	if (unix_ms < h->forged_unix_ms + TOKEN_LIFE_MS)
		return;
	h->forged_unix_ms = unix_ms;
	if (forge_open(&h->forge, h->protection.client, &h->appliance.port.local, h->pool.mp,
	               unix_ms) != 0)
		abort();
}

/* A third each: garbage, forged token, one good token; or the half each of two that are no SYN. */
static enum forge_kind
kind_of(const struct phase *p)
{
	static const enum forge_kind syns[] = { FORGE_GARBAGE, FORGE_TOKEN, FORGE_REPLAY };

	if (p->only_good)
		return FORGE_REPLAY;
	if (p->strangers)
		return p->flood_pkts % 2 == 0 ? FORGE_COOKIE : FORGE_UNKNOWN;
	return syns[p->flood_pkts % 3];
}

static void
generate(struct host *h, struct phase *p, uint64_t passed_ns)
{
	const uint64_t due = passed_ns * p->flood_pps / 1000000000u;
	const uint64_t before = h->forge.bytes;

	for (unsigned i = 0; i < BURST && p->flood_pkts < due; i++, p->flood_pkts++) {
		struct rte_mbuf *m = forge_frame(&h->forge, kind_of(p), NULL, STRANGER_BYTES);

		if (m == NULL) {
			p->lost_pkts++;
		} else if (!p->to_server) {
			rte_pktmbuf_free(m);
		} else if (rte_ring_enqueue(h->appliance.wire_in, m) != 0) {
			p->lost_pkts++;
			rte_pktmbuf_free(m);
		}
	}
	p->flood_bytes += h->forge.bytes - before;
}

static void
newcomer_start(struct host *h, struct phase *p, uint64_t now_ns)
{
	const uint32_t slot = h->next_new++ % HOST_NEW_MAX;

	p->started++;
	if (h->newcomers[slot].there || crowd_dial(&h->crowd, h->sessions + slot, now_ns,
	                                           delivery_unix_ms(&h->clock, now_ns)) != 0) {
		p->late++;
		return;
	}
	h->newcomers[slot] = (struct newcomer){ true, now_ns };
	(void)crowd_run(&h->crowd, h->sessions + slot, now_ns);
}

/* Connected: count, say goodbye. Too late: count, forget. @return how many are under way */
static unsigned
newcomers_watch(struct host *h, struct phase *p, uint64_t now_ns)
{
	unsigned nb = 0;

	for (uint32_t i = 0; i < HOST_NEW_MAX; i++) {
		struct newcomer *n = &h->newcomers[i];
		const struct guest *g = &h->crowd.guests[h->sessions + i];

		if (!n->there)
			continue;
		if (!g->connected && now_ns - n->dialled_ns <= IN_TIME_NS && !g->closed) {
			nb++;
			continue;
		}
		*(g->connected ? &p->in_time : &p->late) += 1;
		if (g->connected) {
			quantum_conn_close(g->conn, 0, NULL, now_ns);
			(void)crowd_run(&h->crowd, h->sessions + i, now_ns);
		}
		crowd_drop(&h->crowd, h->sessions + i);
		n->there = false;
	}
	return nb;
}

static unsigned
scan(struct host *h, struct phase *p, uint64_t now_ns)
{
	if (now_ns < h->next_due_ns)
		return 1;
	h->next_due_ns = now_ns + SCAN_NS;
	crowd_run_due(&h->crowd, now_ns);
	return newcomers_watch(h, p, now_ns);
}

void
host_phase(struct host *h, struct phase *p)
{
	const uint64_t start = now(h), before = worker_stats(h->appliance.worker)->msgs_in;
	uint64_t now_ns = start;

	token_renew(h);
	for (; now_ns - start < p->ns; now_ns = now(h)) {
		wire_rx(h, p, now_ns);
		live(h, p, now_ns - start, now_ns);
		generate(h, p, now_ns - start);
		if (p->started < (now_ns - start) * p->connects / 1000000000u)
			newcomer_start(h, p, now_ns);
		(void)scan(h, p, now_ns);
	}
	p->delivered = worker_stats(h->appliance.worker)->msgs_in - before;
	p->ns = now_ns - start;
	p->flood_in_time = p->flood_pkts;
	/* The last newcomers have their three seconds, too, and the flood goes on meanwhile. */
	for (unsigned under_way = 1; under_way > 0 && now_ns - start < p->ns + TAIL_NS;
	     now_ns = now(h)) {
		const uint64_t offered = p->offered;

		wire_rx(h, p, now_ns);
		live(h, p, now_ns - start, now_ns);
		p->offered_later += p->offered - offered;
		generate(h, p, now_ns - start);
		under_way = scan(h, p, now_ns);
	}
	p->offered -= p->offered_later;
}

void
host_settle(struct host *h, uint64_t ns)
{
	struct phase nothing = { 0 };
	const uint64_t start = now(h);

	for (uint64_t now_ns = start; now_ns - start < ns; now_ns = now(h)) {
		wire_rx(h, &nothing, now_ns);
		(void)scan(h, &nothing, now_ns);
	}
}

/* ---- before it runs by itself -----------------------------------------------------------------
 */

static void
turn(struct host *h, struct phase *p)
{
	while (pipeline_lcore_poll(h->appliance.lcore) + worker_poll(h->appliance.worker) > 0)
		continue;
	while (pipeline_handshaker_poll(h->appliance.handshaker,
	                                protect_provider(h->protection.handshake)) > 0)
		continue;
	wire_rx(h, p, now(h));
	crowd_run_due(&h->crowd, now(h));
}

uint64_t
host_message_ns(struct host *h)
{
	struct phase nothing = { 0 };
	uint64_t ns = 0, nb = 0;

	while (ns < 200000000u) {
		const uint64_t before = worker_stats(h->appliance.worker)->msgs_in;
		uint64_t start;

		for (unsigned i = 0; i < 512; i++) {
			h->next_live = (h->next_live + 1) % h->sessions;
			(void)!crowd_send(&h->crowd, h->next_live, CHANNEL, message, MSG_BYTES,
			                  now(h));
			(void)crowd_run(&h->crowd, h->next_live, now(h));
		}
		start = bench_cpu_ns();
		do
			(void)worker_poll(h->appliance.worker);
		while (pipeline_lcore_poll(h->appliance.lcore) > 0 ||
		       !rte_ring_empty(h->appliance.wire_in));
		ns += bench_cpu_ns() - start;
		nb += worker_stats(h->appliance.worker)->msgs_in - before;
		turn(h, &nothing);
	}
	return nb > 0 ? ns / nb : 0;
}

static bool
connect_all(struct host *h)
{
	const uint64_t end = bench_now_ns() + CONNECT_NS;
	struct phase nothing = { 0 };

	for (uint32_t i = 0; i < h->sessions; i++) {
		if (crowd_dial(&h->crowd, i, now(h), delivery_unix_ms(&h->clock, now(h))) != 0)
			return false;
		while (!h->crowd.guests[i].connected) {
			if (bench_now_ns() > end)
				return false;
			turn(h, &nothing);
		}
	}
	return true;
}

const char *
host_open(struct host *h, const struct flood_opts *opts)
{
	static char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct appliance_conf conf = { .name = "s7",
		                       .service = &sink_service,
		                       .conns = opts->sessions + (opts->counts ? 512 : 4096),
		                       .busy = opts->counts ? 64 : 256,
		                       .tokens = 1u << 16,
		                       .mbufs = MBUFS,
		                       .wire_slots = WIRE_SLOTS,
		                       .handshaker = true };
	struct crowd_conf crowd = { .guests_max = opts->sessions + HOST_NEW_MAX,
		                    .busy = opts->counts ? 64 : 256 };
	int rc;

	h->sessions = opts->sessions;
	h->clock = delivery_clock_tsc(&h->tsc);
	rc = protection_open(&h->protection, 4 * (opts->sessions + HOST_NEW_MAX));
	if (rc != 0)
		return protect_create_text(rc);
	conf.clock = h->clock;
	conf.provider = protect_provider(h->protection.server);
	if (dpio_pool_create(&h->pool, "s7_c", MBUFS, 2048, &error) != 0 ||
	    appliance_open(&h->appliance, &conf, &error) != 0)
		return buf[0] != '\0' ? buf : "the appliance does not start";
	crowd.provider = protect_provider(h->protection.client);
	crowd.issuer = h->protection.client;
	crowd.server = &h->appliance.port.local;
	crowd.mp = h->pool.mp;
	crowd.wire_out = h->appliance.wire_in;
	if (crowd_open(&h->crowd, &crowd) != 0)
		return "no memory";
	return connect_all(h) ? NULL : "clients do not connect";
}

void
host_close(struct host *h)
{
	halt(h);
	crowd_close(&h->crowd);
	if (h->appliance.lcore != NULL)
		appliance_close(&h->appliance);
	dpio_pool_destroy(&h->pool);
	protection_close(&h->protection);
}
