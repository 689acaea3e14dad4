/* SPDX-License-Identifier: BSD-3-Clause */
#include "refuse.h"

#include <stdio.h>
#include <stdlib.h>

#include "echo.h"

#define MSG_BYTES     1100u
#define CHANNEL       1u
#define FILL          128u  /* frames between two measurements */
#define WIRE_SLOTS    8192u /* for what all clients may send at once, too */
#define CONNECT_NS    20000000000u
#define TOKEN_LIFE_MS 60000u /* renewed before it expires */
#define CROWD_MBUFS   16383u
#define SPARE_CONNS   8192u      /* closed ones rest for a while */
#define TOKENS        (1u << 20) /* used ones stay until they expire; no bucket may fill up */

static const uint8_t message[MSG_BYTES];

static uint64_t
now(const struct refuse *r)
{
	return delivery_now_ns(&r->clock);
}

/* What the server sent: to guests, or to nobody. */
static void
take(struct refuse *r)
{
	const uint64_t now_ns = now(r);
	void *frame;

	while (rte_ring_dequeue(r->appliance.wire_out, &frame) == 0)
		if (!crowd_rx(&r->crowd, frame, now_ns))
			rte_pktmbuf_free(frame);
}

/* What is on its way, both ways; nothing is left to receive. */
static void
settle(struct refuse *r)
{
	while (worker_poll(r->appliance.worker) > 0)
		continue;
	(void)pipeline_lcore_poll(r->appliance.lcore);
	take(r);
	crowd_run_due(&r->crowd, now(r));
	while (!rte_ring_empty(r->appliance.wire_in))
		(void)pipeline_lcore_poll(r->appliance.lcore);
}

/* The timed part: polls until nothing is left to receive. */
static uint64_t
serve(struct refuse *r)
{
	const uint64_t start = bench_cpu_ns();

	do
		(void)pipeline_lcore_poll(r->appliance.lcore);
	while (!rte_ring_empty(r->appliance.wire_in));
	return bench_cpu_ns() - start;
}

static uint64_t
received(const struct refuse *r)
{
	return pipeline_lcore_burst(r->appliance.lcore, 0)->stats.rx_pkts;
}

static struct bench_sample
genuine(struct refuse *r)
{
	const uint64_t now_ns = now(r), before = received(r);
	struct bench_sample s;

	for (unsigned i = 0; i < FILL; i++) {
		r->next = (r->next + 1) % r->guests;
		(void)!crowd_send(&r->crowd, r->next, CHANNEL, message, MSG_BYTES, now_ns);
		(void)crowd_run(&r->crowd, r->next, now_ns);
	}
	s.ns = serve(r);
	s.ops = received(r) - before;
	settle(r);
	return s;
}

static void
token_renew(struct refuse *r)
{
	const uint64_t unix_ms = delivery_unix_ms(&r->clock, now(r));

	if (unix_ms < r->forged_unix_ms + TOKEN_LIFE_MS)
		return;
	r->forged_unix_ms = unix_ms;
	if (forge_open(&r->forge, r->protection.client, &r->appliance.port.local, r->pool.mp,
	               unix_ms) != 0)
		abort();
}

uint64_t
refuse_forge(struct refuse *r, enum forge_kind kind, uint64_t nb)
{
	uint64_t ns = 0;

	token_renew(r);
	while (nb > 0) {
		unsigned i = 0;

		for (; i < FILL && i < nb; i++) {
			const struct guest *victim = NULL;
			struct rte_mbuf *m;

			if (kind > FORGE_UNKNOWN) {
				r->next = (r->next + 1) % r->guests;
				victim = &r->crowd.guests[r->next];
			}
			m = forge_frame(&r->forge, kind, victim, REFUSE_BYTES);
			if (m == NULL || rte_ring_enqueue(r->appliance.wire_in, m) != 0)
				abort(); /* both are sized for it */
		}
		r->made[kind] += i;
		nb -= i;
		ns += serve(r);
		settle(r);
	}
	return ns;
}

struct bench_sample
refuse_run(void *ctx, uint64_t round_ns)
{
	struct refuse_side *side = ctx;
	struct bench_sample sum = { 0 };

	while (sum.ns < round_ns) {
		struct bench_sample s;

		if (side->kind < 0) {
			s = genuine(side->refuse);
		} else {
			s.ns = refuse_forge(side->refuse, (enum forge_kind)side->kind, FILL);
			s.ops = FILL;
		}
		sum.ns += s.ns;
		sum.ops += s.ops;
	}
	return sum;
}

void
refuse_quiet(struct refuse *r, uint64_t ns)
{
	const uint64_t end = bench_now_ns() + ns;

	while (bench_now_ns() < end)
		settle(r);
}

bool
refuse_all_alive(struct refuse *r)
{
	const uint64_t end = bench_now_ns() + CONNECT_NS;
	const uint64_t before = worker_stats(r->appliance.worker)->msgs_in;

	for (uint32_t i = 0; i < r->guests; i++)
		while (crowd_send(&r->crowd, i, CHANNEL, message, MSG_BYTES, now(r)) != 0) {
			if (bench_now_ns() > end)
				return false;
			(void)crowd_run(&r->crowd, i, now(r));
			settle(r);
		}
	while (worker_stats(r->appliance.worker)->msgs_in < before + r->guests) {
		if (bench_now_ns() > end)
			return false;
		settle(r);
	}
	return true;
}

static uint64_t
derive(struct refuse *r)
{
	const uint64_t start = bench_cpu_ns();

	while (pipeline_handshaker_poll(r->appliance.handshaker,
	                                protect_provider(r->protection.handshake)) > 0)
		continue;
	return bench_cpu_ns() - start;
}

static bool
extra_connected(const struct refuse *r)
{
	for (uint32_t i = 0; i < REFUSE_EXTRA; i++)
		if (!r->crowd.guests[r->guests + i].connected)
			return false;
	return true;
}

bool
refuse_connects(struct refuse *r, uint64_t *ret_lcore_ns, uint64_t *ret_derive_ns)
{
	const uint64_t end = bench_now_ns() + CONNECT_NS;

	for (uint32_t i = 0; i < REFUSE_EXTRA; i++) {
		const uint64_t now_ns = now(r);

		if (crowd_dial(&r->crowd, r->guests + i, now_ns,
		               delivery_unix_ms(&r->clock, now_ns)) != 0)
			return false;
	}
	while (!extra_connected(r)) {
		if (bench_now_ns() > end)
			return false;
		crowd_run_due(&r->crowd, now(r));
		*ret_lcore_ns += serve(r);
		*ret_derive_ns += derive(r);
		*ret_lcore_ns += serve(r);
		take(r);
	}
	for (uint32_t i = 0; i < REFUSE_EXTRA; i++) {
		quantum_conn_close(r->crowd.guests[r->guests + i].conn, 0, NULL, now(r));
		(void)crowd_run(&r->crowd, r->guests + i, now(r));
		crowd_drop(&r->crowd, r->guests + i);
	}
	settle(r);
	return true;
}

static bool
connect_all(struct refuse *r)
{
	const uint64_t end = bench_now_ns() + CONNECT_NS;

	for (uint32_t i = 0; i < r->guests; i++) {
		const uint64_t now_ns = now(r);

		if (crowd_dial(&r->crowd, i, now_ns, delivery_unix_ms(&r->clock, now_ns)) != 0)
			return false;
		while (!r->crowd.guests[i].connected) {
			if (bench_now_ns() > end)
				return false;
			settle(r);
			(void)derive(r);
		}
	}
	return true;
}

const char *
refuse_open(struct refuse *r, const char *name, uint32_t guests, uint8_t syn_share_pct,
            bool connects)
{
	static char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct appliance_conf conf = { .name = name,
		                       .service = &sink_service,
		                       .conns = guests + (connects ? SPARE_CONNS : 64),
		                       .busy = 64,
		                       .tokens = connects ? TOKENS : 0,
		                       .handshaker = true,
		                       .wire_slots = WIRE_SLOTS,
		                       .syn_share_pct = syn_share_pct,
		                       .ack_share_pct = syn_share_pct };
	struct crowd_conf crowd = { .guests_max = guests + REFUSE_EXTRA, .busy = 64 };
	int rc;

	r->guests = guests;
	r->clock = delivery_clock_tsc(&r->tsc);
	rc = protection_open(&r->protection, 4 * guests);
	if (rc != 0)
		return protect_create_text(rc);
	conf.clock = r->clock;
	conf.provider = protect_provider(r->protection.server);
	snprintf(r->pool_name, sizeof(r->pool_name), "%s_c", name);
	if (dpio_pool_create(&r->pool, r->pool_name, CROWD_MBUFS, 2048, &error) != 0 ||
	    appliance_open(&r->appliance, &conf, &error) != 0)
		return buf[0] != '\0' ? buf : "the appliance does not start";
	crowd.provider = protect_provider(r->protection.client);
	crowd.issuer = r->protection.client;
	crowd.server = &r->appliance.port.local;
	crowd.mp = r->pool.mp;
	crowd.wire_out = r->appliance.wire_in;
	if (crowd_open(&r->crowd, &crowd) != 0)
		return "no memory";
	if (!connect_all(r))
		return "clients do not connect";
	for (int kind = -1; kind < (int)FORGE_NB_KINDS; kind++)
		r->sides[kind + 1] = (struct refuse_side){ r, kind };
	return NULL;
}

void
refuse_close(struct refuse *r)
{
	crowd_close(&r->crowd);
	if (r->appliance.lcore != NULL)
		appliance_close(&r->appliance);
	dpio_pool_destroy(&r->pool);
	protection_close(&r->protection);
}
