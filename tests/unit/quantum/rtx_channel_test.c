/* SPDX-License-Identifier: BSD-3-Clause */
#include "rtx_fixture.h"

/* ---- acktr and rtx over a lossy, reordering channel, judged by a model ---- */

#define NB_NODES 700

static alignas(16) uint8_t node_mem[NB_NODES * 64];
static struct aef_pool nodes;

enum { NB_PKTS = 3000, WIRE_MAX = 4096 };

struct wire_pkt {
	uint64_t at_ns; /* arrival; AEF_TIME_NEVER: lost, the slot is free */
	uint64_t pn;
	uint64_t floor;
	bool is_ack;
	struct quantum_ack ack;
};

static struct wire_pkt wire[WIRE_MAX];
static bool arrived[AEF_DIM(fate)]; /* the model: what the peer really got */
static struct quantum_acktr at;
static uint32_t loss_ppm;
static uint64_t jitter_ns;

static struct wire_pkt *
wire_put(void)
{
	for (unsigned i = 0; i < WIRE_MAX; i++) {
		if (wire[i].at_ns != AEF_TIME_NEVER)
			continue;
		if (!aef_rng_chance_ppm(&rng, loss_ppm))
			wire[i].at_ns = now + RTT / 2 + aef_rng_below(&rng, jitter_ns + 1);
		return &wire[i];
	}
	ck_abort_msg("wire full");
	return NULL;
}

static struct wire_pkt *
wire_next(void)
{
	struct wire_pkt *next = &wire[0];

	for (unsigned i = 1; i < WIRE_MAX; i++)
		if (wire[i].at_ns < next->at_ns)
			next = &wire[i];
	return next;
}

/* The sender's end. A lost packet is sometimes repaired at the other end, as FEC would. */
static void
chan_send(uint32_t flags)
{
	struct wire_pkt *pkt = wire_put();

	pkt->is_ack = false;
	pkt->floor = quantum_rtx_floor(&rtx, now);
	pkt->pn = send_flags(flags);
	if (pkt->at_ns == AEF_TIME_NEVER && aef_rng_below(&rng, 4) == 0)
		quantum_acktr_on_recovered(&at, pkt->pn);
}

static void
chan_send_ack(void)
{
	struct wire_pkt *pkt = wire_put();

	pkt->is_ack = true;
	quantum_acktr_build(&at, now, &pkt->ack);
	quantum_acktr_on_sent(&at, &pkt->ack);
}

static void
chan_deliver_ack(const struct quantum_ack *said)
{
	struct quantum_ack_block blocks[QUANTUM_ACK_IN_MAX];
	const struct quantum_ack_in in = {
		.ack = said->ack,
		.blocks = blocks,
		.nb_blocks = said->nb_blocks + said->nb_more,
		.delay_ns = said->delay_ns,
		.recovered = said->recovered,
		.nb_recovered = said->nb_recovered,
	};

	memcpy(blocks, said->blocks, said->nb_blocks * sizeof(blocks[0]));
	memcpy(blocks + said->nb_blocks, said->more, said->nb_more * sizeof(blocks[0]));
	ck_assert_int_eq(take_ack(&in), 0);
}

static void
chan_deliver(struct wire_pkt *pkt)
{
	const struct quantum_acktr_pkt got = { .pn = pkt->pn, .now_ns = now, .eliciting = true };

	pkt->at_ns = AEF_TIME_NEVER;
	if (pkt->is_ack) {
		chan_deliver_ack(&pkt->ack);
		return;
	}
	quantum_acktr_on_floor(&at, pkt->floor);
	arrived[pkt->pn - base] = true;
	ck_assert_int_ne(quantum_acktr_on_packet(&at, &got), AEF_ERR_DUPLICATE);
}

/* One event of the channel; `sent` counts packets that are no probes. */
static void
chan_step(unsigned *sent, uint64_t *next_send_ns)
{
	struct wire_pkt *pkt = wire_next();
	const bool may_send = *sent < NB_PKTS && rtx.nb_sent < 400;
	const uint64_t send_at = may_send ? *next_send_ns : AEF_TIME_NEVER;
	const uint64_t ack_at = aef_max_u64(quantum_acktr_deadline_ns(&at), now);
	const uint64_t timer_at = quantum_rtx_deadline_ns(&rtx);

	now = aef_max_u64(
		now, aef_min_u64(aef_min_u64(pkt->at_ns, ack_at), aef_min_u64(send_at, timer_at)));
	ck_assert_uint_ne(now, AEF_TIME_NEVER); /* packets outstanding and no timer */
	if (pkt->at_ns <= now) {
		chan_deliver(pkt);
	} else if (ack_at <= now) {
		chan_send_ack();
	} else if (send_at <= now) {
		chan_send(0);
		*next_send_ns = now + aef_rng_below(&rng, MS);
		++*sent;
	}
	if (now >= quantum_rtx_deadline_ns(&rtx)) {
		fire();
		for (uint32_t i = 0; i < res.nb_probes; i++)
			chan_send(QUANTUM_SENT_PROBE);
	}
}

static void
run_channel(uint64_t seed, uint64_t start)
{
	struct quantum_rtt peer_rtt;
	uint64_t next_send_ns;

	setup_at(start);
	aef_rng_init(&rng, seed);
	rtx.skip_in = 50;
	aef_pool_init(&nodes, "ranges", node_mem, sizeof(struct aef_range), NB_NODES);
	quantum_rtt_init(&peer_rtt, QUANTUM_MAX_ACK_DELAY_NS);
	quantum_acktr_init(&at, start, &nodes, &peer_rtt);
	memset(arrived, 0, sizeof(arrived));
	for (unsigned i = 0; i < WIRE_MAX; i++)
		wire[i].at_ns = AEF_TIME_NEVER;
	next_send_ns = now;
	for (unsigned sent = 0; sent < NB_PKTS || rtx.nb_sent > 0;)
		chan_step(&sent, &next_send_ns);

	for (uint64_t i = 0; i < rtx.next_pn - base; i++)
		ck_assert_msg((fate[i] != ACKED && fate[i] != SPURIOUS) || arrived[i],
		              "seed %u: %u acked, never arrived", (unsigned)seed, (unsigned)i);
	/* Every packet ended in one verdict. */
	ck_assert_uint_eq(rtx.nb_acked_total + rtx.nb_lost_total - rtx.nb_spurious_total,
	                  rtx.nb_sent_total);
	if (jitter_ns == 0 && loss_ppm == 0)
		ck_assert_uint_eq(rtx.nb_lost_total, 0);
	quantum_rtx_floor(&rtx, now + 100 * AEF_NS_PER_S);
	ck_assert_uint_eq(pool.in_use, 0);
	quantum_acktr_fini(&at);
	ck_assert_uint_eq(nodes.in_use, 0);
}

START_TEST(rtx_channel_with_loss_and_reordering_agrees_with_the_model)
{
	const char *given = getenv("AEF_SEED");
	const uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 1;

	const uint32_t losses[] = { 0, 10000, 50000, 300000 };
	const uint64_t jitters[] = { 0, 5 * MS, 60 * MS };

	for (unsigned i = 0; i < AEF_DIM(losses) * AEF_DIM(jitters); i++) {
		loss_ppm = losses[i / AEF_DIM(jitters)];
		jitter_ns = jitters[i % AEF_DIM(jitters)];
		run_channel(seed + i, i % 2 ? (1ull << 32) - 1500 : 0);
		if (getenv("AEF_VERBOSE") == NULL)
			continue;
		printf("seed %u loss %u ppm jitter %u ms: lost %u spurious %u recovered %u pto %u "
		       "rto %u window %u us\n",
		       (unsigned)(seed + i), loss_ppm, (unsigned)(jitter_ns / MS),
		       (unsigned)rtx.nb_lost_total, (unsigned)rtx.nb_spurious_total,
		       (unsigned)rtx.nb_recovered_total, (unsigned)rtx.nb_pto_total,
		       (unsigned)rtx.nb_rto_total, (unsigned)(quantum_rtx_reo_wnd_ns(&rtx) / 1000));
	}
}
END_TEST

TEST_SUITE(rtx_channel, &rtx_channel_with_loss_and_reordering_agrees_with_the_model)
