/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rng.h>

#include "harness.h"
#include "rtx_priv.h"

#define MS         AEF_NS_PER_MS
#define RTT        (40 * MS)
#define NB_RECORDS 1024
#define NB_NODES   700
#define BYTES      1000u

static alignas(16) uint8_t mem[NB_RECORDS * 256];
static alignas(16) uint8_t node_mem[NB_NODES * 64];
static struct aef_pool pool, nodes;
static struct quantum_rtt rtt;
static struct aef_rng rng;
static struct quantum_rtx rtx;
static struct quantum_rtx_result res;
static uint64_t now;
static uint8_t fate[100000]; /* of each number from `base` on: what the last results said */
static uint64_t base;

enum { UNKNOWN, ACKED, LOST, SPURIOUS, RECOVERED };

static void
setup_at(uint64_t first_pn)
{
	const struct quantum_rtx_conf conf = {
		.first_pn = first_pn,
		.records_max = NB_RECORDS,
		.records = &pool,
		.rtt = &rtt,
		.rng = &rng,
	};

	aef_pool_init(&pool, "sent", mem, sizeof(struct quantum_sent), NB_RECORDS);
	aef_rng_init(&rng, 3);
	quantum_rtt_init(&rtt, QUANTUM_MAX_ACK_DELAY_NS);
	quantum_rtx_init(&rtx, &conf);
	rtx.skip_in = UINT32_MAX; /* a test that wants skips says so */
	now = AEF_NS_PER_S;
	base = first_pn;
	memset(fate, UNKNOWN, sizeof(fate));
}

/* As setup_at(0), with one round trip measured: SRTT 40 ms, window 10 ms. */
static void
setup(void)
{
	setup_at(0);
	ck_assert_int_eq(quantum_rtt_update(&rtt, RTT, 0, now), 0);
	now++;
}

static uint64_t
send_flags(uint32_t flags)
{
	struct quantum_sent *rec = quantum_rtx_sent_get(&rtx);
	const uint64_t pn = quantum_rtx_pn_peek(&rtx);

	ck_assert_ptr_nonnull(rec);
	rec->bytes = BYTES;
	rec->flags = (uint16_t)flags;
	rec->floor = quantum_rtx_floor(&rtx, now);
	quantum_rtx_on_sent(&rtx, rec, now, 32);
	return pn;
}

static void
send_many(unsigned n, uint64_t apart_ns)
{
	for (unsigned i = 0; i < n; i++) {
		send_flags(0);
		now += apart_ns;
	}
}

static void
note_fate(const struct quantum_sent *rec, uint8_t what)
{
	if (rec->pn - base < AEF_DIM(fate))
		fate[rec->pn - base] = what;
}

/* Do with a result what a connection does, and note each number's fate. */
static void
digest(void)
{
	uint32_t acked = 0, lost = 0, recovered = 0;

	aef_list_foreach_safe (node, &res.acked) {
		struct quantum_sent *rec = aef_list_entry(node, struct quantum_sent, out);

		note_fate(rec, rec->flags & QUANTUM_SENT_LOST ? SPURIOUS : ACKED);
		quantum_rtx_sent_put(&rtx, rec);
		acked++;
	}
	aef_list_foreach_safe (node, &res.lost) {
		note_fate(aef_list_entry(node, struct quantum_sent, out), LOST);
		lost++;
	}
	aef_list_foreach_safe (node, &res.recovered) {
		note_fate(aef_list_entry(node, struct quantum_sent, out), RECOVERED);
		recovered++;
	}
	ck_assert_uint_eq(acked, res.nb_acked);
	ck_assert_uint_eq(lost, res.nb_lost);
	ck_assert_uint_le(recovered, res.nb_recovered);
}

static int
take_ack(const struct quantum_ack_in *in)
{
	int rc;

	quantum_rtx_result_init(&res);
	rc = quantum_rtx_on_ack(&rtx, in, now, &res);
	digest();
	return rc;
}

/* ack and at most one block; first == end: none. */
static int
ack(uint64_t value, uint64_t first, uint64_t end)
{
	const struct quantum_ack_block block = { .first = first, .end = end };
	const struct quantum_ack_in in = {
		.ack = value,
		.blocks = &block,
		.nb_blocks = first < end,
	};

	return take_ack(&in);
}

static int
ack_recovered(uint64_t value, uint64_t first, uint64_t end, uint64_t pn)
{
	const struct quantum_ack_block block = { .first = first, .end = end };
	const struct quantum_ack_in in = {
		.ack = value,
		.blocks = &block,
		.nb_blocks = first < end,
		.recovered = &pn,
		.nb_recovered = 1,
	};

	return take_ack(&in);
}

static void
fire(void)
{
	quantum_rtx_result_init(&res);
	quantum_rtx_on_deadline(&rtx, now, &res);
	digest();
}

START_TEST(rtx_cumulative_ack_delivers_everything_and_gives_one_rtt_sample)
{
	setup();
	send_many(10, MS);
	now += 30 * MS;
	ck_assert_int_eq(ack(10, 0, 0), 0);

	ck_assert_uint_eq(res.nb_acked, 10);
	ck_assert_uint_eq(res.acked_bytes, 10 * BYTES);
	ck_assert_uint_eq(res.inflight_before_bytes, 10 * BYTES);
	ck_assert_uint_eq(res.rtt_ns, 31 * MS); /* of the newest, not of the oldest */
	ck_assert_uint_eq(rtx.bytes_in_flight, 0);
	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), AEF_TIME_NEVER);
}
END_TEST

START_TEST(rtx_repeated_and_older_acks_change_nothing)
{
	setup();
	send_many(10, 0);
	now += RTT;
	ck_assert_int_eq(ack(5, 6, 8), 0);
	ck_assert_uint_eq(res.nb_acked, 7);
	const uint64_t in_flight = rtx.bytes_in_flight;

	ck_assert_int_eq(ack(5, 6, 8), 0);
	ck_assert_uint_eq(res.nb_acked, 0);
	ck_assert_uint_eq(res.rtt_ns, 0);
	ck_assert(!res.moved);
	ck_assert_int_eq(ack(2, 3, 4), 0); /* overtaken on its way */
	ck_assert_uint_eq(res.nb_acked, 0);
	ck_assert_uint_eq(rtx.bytes_in_flight, in_flight);
	ck_assert_uint_eq(rtx.peer_ack, 5);
}
END_TEST

START_TEST(rtx_old_gap_filled_late_gives_no_rtt_sample)
{
	setup();
	send_many(3, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 3), 0);
	ck_assert_uint_eq(res.rtt_ns, RTT);
	now += 5 * MS;
	ck_assert_int_eq(ack(3, 0, 0), 0);

	ck_assert_uint_eq(res.nb_acked, 1);
	ck_assert_uint_eq(res.rtt_ns, 0);
	ck_assert(rtx.reordering_seen);
}
END_TEST

START_TEST(rtx_ack_of_a_number_never_sent_is_a_violation)
{
	setup();
	send_many(5, 0);

	ck_assert_int_eq(ack(6, 0, 0), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(0, 4, 6), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(UINT64_MAX, 0, 0), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(0, 3, UINT64_MAX), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack_recovered(0, 0, 0, 5), AEF_ERR_PROTOCOL);
	ck_assert_uint_eq(rtx.nb_bad_acks, 5);
	ck_assert_uint_eq(rtx.nb_sent, 5); /* nothing changed */
	ck_assert_int_eq(ack(5, 0, 0), 0);
}
END_TEST

START_TEST(rtx_malformed_blocks_are_violations_and_too_many_a_limit)
{
	struct quantum_ack_block blocks[QUANTUM_ACK_IN_MAX + 1];
	struct quantum_ack_in in = { .ack = 0, .blocks = blocks };
	const struct quantum_ack_block bad[] = {
		{ 3, 3 }, /* empty */
		{ 4, 2 }, /* backwards */
		{ 0, 3 }, /* begins at ack, which says that it is missing */
	};

	setup();
	send_many(100, 0);
	in.nb_blocks = 1;
	for (unsigned i = 0; i < AEF_DIM(bad); i++) {
		blocks[0] = bad[i];
		ck_assert_int_eq(take_ack(&in), AEF_ERR_PROTOCOL);
	}
	for (unsigned i = 0; i < AEF_DIM(blocks); i++)
		blocks[i] = (struct quantum_ack_block){ 2 * i + 1, 2 * i + 2 };
	in.nb_blocks = AEF_DIM(blocks);
	ck_assert_int_eq(take_ack(&in), AEF_ERR_LIMIT);
	in.nb_blocks--;
	ck_assert_int_eq(take_ack(&in), 0); /* more than 8, as ACK_INFO gives them */
	ck_assert_uint_eq(res.nb_acked, QUANTUM_ACK_IN_MAX);
}
END_TEST

START_TEST(rtx_overlapping_blocks_in_any_order_count_each_number_once)
{
	const struct quantum_ack_block blocks[] = { { 8, 12 }, { 3, 6 }, { 4, 9 }, { 8, 12 } };
	const struct quantum_ack_in in = { .ack = 1, .blocks = blocks, .nb_blocks = 4 };

	setup();
	send_many(20, 0);
	now += RTT;
	ck_assert_int_eq(take_ack(&in), 0);

	ck_assert_uint_eq(res.nb_acked, 10); /* 0 and 3 to 11 */
	ck_assert_uint_eq(res.acked_bytes, 10 * BYTES);
}
END_TEST

START_TEST(rtx_skipped_number_acknowledged_is_a_violation_until_the_floor_passes)
{
	setup();
	send_many(3, 0);
	rtx.skip_in = 1;
	send_many(3, 0); /* 3, then 5 and 6: 4 is skipped */
	ck_assert_uint_eq(rtx.nb_skips, 1);
	ck_assert_uint_eq(rtx.skips[0].first, 4);
	rtx.skip_in = UINT32_MAX;

	ck_assert_int_eq(ack(5, 0, 0), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(0, 2, 6), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack_recovered(0, 0, 0, 4), AEF_ERR_PROTOCOL);
	now += RTT;
	ck_assert_int_eq(ack(4, 5, 7), 0); /* the honest peer stops there */
	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now), 7);
	ck_assert(quantum_rtx_floor_due(&rtx, 7));
	send_many(1, 0); /* carries FLOOR 7 */
	ck_assert_uint_eq(rtx.nb_skips, 0);
	ck_assert_int_eq(ack(5, 0, 0), 0); /* below the floor it means nothing */
	ck_assert_int_eq(ack(8, 0, 0), 0);
	ck_assert_uint_eq(res.nb_acked, 1);
}
END_TEST

START_TEST(rtx_skips_are_spread_around_their_mean_and_bounded)
{
	uint64_t sent = 0;

	setup_at(0);
	rtx.skip_in = 5;
	while (rtx.nb_skips < QUANTUM_SKIPS_MAX) {
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
		sent++;
	}
	ck_assert_uint_gt(sent, (QUANTUM_SKIPS_MAX - 1) * 256 / 3);
	ck_assert_uint_lt(sent, QUANTUM_SKIPS_MAX * 511);
	ck_assert_uint_eq(rtx.next_pn, sent + QUANTUM_SKIPS_MAX);
	for (unsigned i = 0; i < 5000; i++)
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
	ck_assert_uint_eq(rtx.next_pn, sent + 5000 + QUANTUM_SKIPS_MAX);
}
END_TEST

START_TEST(rtx_forced_skip_to_a_new_epoch_is_one_skip)
{
	setup();
	send_many(2, 0);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, 1), AEF_ERR_RANGE);
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, 1 << 22), 0);
	ck_assert_uint_eq(send_flags(0), 1 << 22);

	ck_assert_int_eq(ack(0, 1000, 1001), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(ack(2, 1 << 22, (1 << 22) + 1), 0);
	ck_assert_uint_eq(res.nb_acked, 3);
}
END_TEST

START_TEST(rtx_numbers_end_cleanly_and_never_run_far_ahead)
{
	setup_at(QUANTUM_PN_LAST - 1);
	ck_assert_int_eq(quantum_rtx_pn_check(&rtx), 0);
	send_many(1, 0);
	ck_assert_int_eq(quantum_rtx_pn_check(&rtx), AEF_ERR_CLOSED);

	setup();
	ck_assert_int_eq(quantum_rtx_pn_skip_to(&rtx, QUANTUM_PN_AHEAD_MAX - 1), 0);
	ck_assert_int_eq(quantum_rtx_pn_check(&rtx), 0);
	send_many(1, 0);
	ck_assert_int_eq(quantum_rtx_pn_check(&rtx), AEF_ERR_LIMIT);
}
END_TEST

START_TEST(rtx_reordering_within_the_window_is_no_loss)
{
	setup();
	rtx.reordering_seen = true; /* past the first discovery */
	send_many(10, 100 * AEF_NS_PER_US);
	now += RTT - MS;
	for (uint64_t end = 2; end <= 10; end++) { /* number 0 is late */
		ck_assert_int_eq(ack(0, 1, end), 0);
		ck_assert_uint_eq(res.nb_lost, 0); /* canary 1 */
		now += 100 * AEF_NS_PER_US;
	}
	ck_assert_uint_gt(quantum_rtx_deadline_ns(&rtx), now);
	ck_assert_int_eq(ack(10, 0, 0), 0);

	ck_assert_uint_eq(res.nb_acked, 1);
	ck_assert_uint_eq(rtx.nb_lost_total, 0);
}
END_TEST

START_TEST(rtx_one_packet_reordered_before_any_was_seen_waits_for_the_third)
{
	setup();
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 3), 0); /* two above: canary 1 loses it here */
	ck_assert_uint_eq(res.nb_lost, 0);
	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), now + RTT / 4);
	ck_assert_int_eq(ack(0, 1, 4), 0); /* three: advice taken */

	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert_uint_eq(fate[0], LOST);
	ck_assert(res.recovery_started);
	ck_assert_uint_eq(res.lost_bytes, BYTES);
}
END_TEST

START_TEST(rtx_packet_count_is_advice_over_ack_eliciting_packets_only)
{
	setup();
	send_flags(0);
	for (unsigned i = 0; i < 20; i++)
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
	send_many(2, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 23), 0);

	ck_assert_uint_eq(res.nb_acked, 2);
	ck_assert_uint_eq(res.nb_lost, 0);
}
END_TEST

START_TEST(rtx_reordering_timer_declares_the_hole_lost)
{
	setup();
	send_many(3, 0);
	const uint64_t sent_at = now;

	now += RTT;
	ck_assert_int_eq(ack(0, 1, 3), 0);
	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), sent_at + RTT + RTT / 4);
	now = sent_at + RTT + RTT / 4 - 1;
	fire();
	ck_assert_uint_eq(res.nb_lost, 0);
	now++;
	fire();

	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert_uint_eq(res.nb_probes, 0);
	ck_assert_uint_eq(rtx.bytes_in_flight, 0);
	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), AEF_TIME_NEVER);
}
END_TEST

START_TEST(rtx_spurious_loss_undoes_the_cut_and_widens_the_window)
{
	setup();
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 5), 0);
	ck_assert_uint_eq(res.nb_lost, 1);
	const uint64_t wnd = quantum_rtx_reo_wnd_ns(&rtx);

	now += 5 * MS;
	ck_assert_int_eq(ack(5, 0, 0), 0);
	ck_assert_uint_eq(res.nb_spurious, 1);
	ck_assert_uint_eq(res.spurious_bytes, BYTES);
	ck_assert(res.undo);
	ck_assert_uint_eq(fate[0], SPURIOUS);
	ck_assert_uint_eq(rtx.nb_lost, 0);
	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert_uint_eq(quantum_rtx_reo_wnd_ns(&rtx), 2 * wnd);

	send_many(5, 0); /* and the count is no reason any more */
	now += RTT;
	ck_assert_int_eq(ack(5, 6, 10), 0);
	ck_assert_uint_eq(res.nb_lost, 0);
}
END_TEST

START_TEST(rtx_one_of_two_losses_spurious_does_not_undo)
{
	setup();
	send_many(8, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 2, 8), 0);
	ck_assert_uint_eq(res.nb_lost, 2);
	now += MS;
	ck_assert_int_eq(ack(0, 1, 8), 0);
	ck_assert_uint_eq(res.nb_spurious, 1);
	ck_assert(!res.undo);
	now += MS;
	ck_assert_int_eq(ack(8, 0, 0), 0);

	ck_assert(res.undo);
}
END_TEST

START_TEST(rtx_window_widens_once_per_round_up_to_srtt_and_shrinks_after_16_recoveries)
{
	setup();
	for (unsigned i = 0; i < 12; i++) { /* a spurious loss in each round */
		const uint64_t first = rtx.next_pn;

		send_many(6, 0);
		now += RTT;
		ck_assert_int_eq(ack(first, first + 1, first + 6), 0);
		while (res.nb_lost == 0) {
			now = quantum_rtx_deadline_ns(&rtx);
			fire();
		}
		ck_assert_int_eq(ack(first + 6, 0, 0), 0);
		ck_assert_uint_eq(res.nb_spurious, 1);
	}
	ck_assert_uint_eq(quantum_rtx_reo_wnd_ns(&rtx), rtt.srtt_ns);
	for (unsigned i = 0; i < QUANTUM_REO_PERSIST; i++) {
		const uint64_t first = rtx.next_pn;

		ck_assert_uint_eq(quantum_rtx_reo_wnd_ns(&rtx), rtt.srtt_ns);
		send_many(2, 0);
		now += RTT;
		ck_assert_int_eq(ack(first, first + 1, first + 2), 0);
		while (res.nb_lost == 0) { /* a tail probe may fall due before */
			now = quantum_rtx_deadline_ns(&rtx);
			fire();
		}
		send_many(1, 0);
		now += RTT;
		ck_assert_int_eq(ack(first, first + 1, first + 3), 0);
		ck_assert(res.recovery_ended);
		now += 3 * RTT; /* the next packet carries a FLOOR past the loss */
	}
	ck_assert_uint_eq(quantum_rtx_reo_wnd_ns(&rtx), RTT / 4);
}
END_TEST

START_TEST(rtx_losses_of_one_flight_are_one_recovery)
{
	setup();
	send_many(20, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 6), 0);
	ck_assert(res.recovery_started);
	send_many(5, 0);
	ck_assert_int_eq(ack(0, 8, 12), 0);
	ck_assert_uint_gt(res.nb_lost, 0);
	ck_assert(!res.recovery_started);
	now += RTT;
	ck_assert_int_eq(ack(0, 15, 24), 0); /* 12 to 14 of the first flight, 20 and on are newer */
	ck_assert(res.recovery_ended);
	ck_assert_uint_eq(res.nb_lost, 3);
	ck_assert(!res.recovery_started);
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 26, 29), 0);

	ck_assert(res.recovery_started);
}
END_TEST

START_TEST(rtx_silent_tail_is_probed_after_pto)
{
	setup();
	send_flags(QUANTUM_SENT_LAST_FRAG);
	const uint64_t deadline = now + quantum_rtt_pto_ns(&rtt);

	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx), deadline); /* canary 5 */
	now = deadline - 1;
	fire();
	ck_assert_uint_eq(res.nb_probes, 0);
	now++;
	fire();
	ck_assert_uint_eq(res.nb_probes, 1);
	ck_assert(!res.is_rto);
	ck_assert_uint_eq(res.nb_lost, 0); /* a time-out marks nothing lost */
	ck_assert_uint_eq(quantum_rtx_oldest(&rtx)->pn, 0);

	send_flags(QUANTUM_SENT_PROBE);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 2), 0); /* the probe arrived, the tail did not */
	ck_assert_uint_eq(fate[0], LOST);
}
END_TEST

START_TEST(rtx_last_packet_with_psh_is_probed_without_the_ack_delay)
{
	setup();
	send_flags(QUANTUM_SENT_PSH);

	ck_assert_uint_eq(quantum_rtx_deadline_ns(&rtx),
	                  now + quantum_rtt_pto_ns(&rtt) - QUANTUM_MAX_ACK_DELAY_NS);
}
END_TEST

START_TEST(rtx_timeouts_double_and_become_rto_and_progress_resets_them)
{
	uint64_t last, gap = 0, pto;

	setup();
	pto = quantum_rtt_pto_ns(&rtt);
	send_many(2, 0);
	last = now;
	for (unsigned i = 0; i < 14; i++) {
		const uint64_t before = gap;

		now = quantum_rtx_deadline_ns(&rtx);
		gap = now - last;
		last = now;
		fire();
		ck_assert_uint_eq(res.nb_probes, i < 2 ? 1 : 2);
		ck_assert(res.is_rto == (i >= 2));
		ck_assert_uint_ge(gap, i < 2 ? pto : QUANTUM_RTO_MIN_NS);
		if (i == 1 || (i > 2 && gap < QUANTUM_RTO_MAX_NS))
			ck_assert_uint_eq(gap, 2 * before);
		send_flags(QUANTUM_SENT_PROBE);
	}
	ck_assert_uint_eq(gap, QUANTUM_RTO_MAX_NS);
	ck_assert_uint_eq(rtx.nb_lost_total, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 15, 16), 0);

	ck_assert_uint_eq(rtx.nb_timeouts, 0);
	ck_assert_uint_eq(rtx.nb_sent, 0); /* all older ones are lost now */
	ck_assert_uint_eq(res.nb_lost, 15);
}
END_TEST

START_TEST(rtx_timeout_without_a_probe_sent_does_not_spin)
{
	setup();
	send_flags(0);
	now = quantum_rtx_deadline_ns(&rtx);
	fire();

	ck_assert_uint_eq(res.nb_probes, 1);
	ck_assert_uint_gt(quantum_rtx_deadline_ns(&rtx), now);
}
END_TEST

START_TEST(rtx_only_repair_outstanding_is_lost_without_a_probe)
{
	setup();
	send_flags(QUANTUM_SENT_REPAIR);
	send_flags(QUANTUM_SENT_REPAIR);
	now = quantum_rtx_deadline_ns(&rtx);
	fire();
	ck_assert_uint_eq(res.nb_probes, 0);
	ck_assert_uint_eq(res.nb_lost, 2);
	ck_assert_uint_eq(res.lost_bytes, 2 * BYTES); /* congestion control sees it */
	ck_assert_uint_eq(rtx.bytes_in_flight, 0);

	send_flags(QUANTUM_SENT_REPAIR);
	send_flags(0);
	now = quantum_rtx_deadline_ns(&rtx);
	fire();
	ck_assert_uint_eq(res.nb_probes, 1); /* with data beside it there is something to probe */
	ck_assert_uint_eq(res.nb_lost, 0);
}
END_TEST

START_TEST(rtx_lost_pmtu_probe_is_no_congestion)
{
	setup();
	send_flags(QUANTUM_SENT_PMTU);
	send_many(4, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 5), 0);

	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert_uint_eq(res.lost_bytes, 0);
	ck_assert_uint_eq(res.pmtu_lost_bytes, BYTES);
	ck_assert(!res.recovery_started);
}
END_TEST

START_TEST(rtx_recovered_number_counts_lost_once_in_its_own_time)
{
	setup();
	rtx.reordering_seen = true;
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack_recovered(1, 2, 5, 1), 0);
	ck_assert_uint_eq(res.nb_recovered, 1);
	ck_assert_uint_eq(fate[1], RECOVERED);
	ck_assert_uint_eq(res.nb_lost, 0);
	ck_assert_uint_eq(rtx.bytes_in_flight, BYTES); /* not delivered */
	ck_assert_uint_eq(res.nb_acked, 4);
	now += MS;
	ck_assert_int_eq(ack_recovered(1, 2, 5, 1), 0); /* listed in each ack */
	ck_assert_uint_eq(res.nb_recovered, 0);

	now = quantum_rtx_deadline_ns(&rtx);
	fire();
	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert(res.recovery_started);
	ck_assert_uint_eq(res.lost_bytes, BYTES);
	const struct quantum_sent *rec = aef_list_entry(res.lost.next, struct quantum_sent, out);

	ck_assert(rec->flags & QUANTUM_SENT_RECOVERED);
	now += MS;
	ck_assert_int_eq(ack(5, 0, 0), 0); /* the late original */
	ck_assert(res.undo);
	ck_assert_uint_eq(res.rtt_ns, 0);
}
END_TEST

START_TEST(rtx_recovered_and_lost_by_the_same_ack_is_in_the_lost_list_once)
{
	setup();
	send_many(6, 0);
	now += RTT;
	ck_assert_int_eq(ack_recovered(1, 2, 6, 1), 0);

	ck_assert_uint_eq(res.nb_recovered, 1);
	ck_assert(aef_list_empty(&res.recovered));
	ck_assert_uint_eq(res.nb_lost, 1);
	ck_assert_uint_eq(fate[1], LOST);
}
END_TEST

START_TEST(rtx_recovered_after_the_loss_is_still_told)
{
	setup();
	send_many(6, 0);
	now += RTT;
	ck_assert_int_eq(ack(1, 2, 6), 0);
	ck_assert_uint_eq(fate[1], LOST);
	ck_assert_int_eq(ack_recovered(1, 2, 6, 1), 0);

	ck_assert_uint_eq(res.nb_recovered, 1);
	ck_assert_uint_eq(rtx.nb_quiet, 0);
}
END_TEST

START_TEST(rtx_only_recovered_outstanding_needs_no_probe)
{
	setup();
	send_flags(0);
	now += RTT;
	ck_assert_int_eq(ack_recovered(0, 0, 0, 0), 0);
	now = quantum_rtx_deadline_ns(&rtx);
	fire();

	ck_assert_uint_eq(res.nb_probes, 0);
	ck_assert_uint_eq(res.nb_lost, 1);
}
END_TEST

START_TEST(rtx_floor_passes_a_loss_only_srtt_and_window_later)
{
	uint64_t keep;

	setup();
	send_many(5, 0);
	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now), 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 5), 0);
	ck_assert_uint_eq(res.nb_lost, 1);
	keep = rtt.srtt_ns + quantum_rtx_reo_wnd_ns(&rtx);

	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now + keep), 0);
	ck_assert_uint_eq(pool.in_use, 1);
	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now + keep + 1), 5);
	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert(quantum_rtx_floor_due(&rtx, 5));
	now += keep + 1;
	send_flags(0);                     /* carries FLOOR 5 */
	ck_assert_int_eq(ack(5, 0, 0), 0); /* the peer jumped: no delivery, no spurious loss */
	ck_assert_uint_eq(res.nb_acked, 0);
	ck_assert_uint_eq(res.nb_spurious, 0);
	ck_assert(!quantum_rtx_floor_due(&rtx, 5));
}
END_TEST

START_TEST(rtx_floor_is_not_due_while_the_peer_keeps_up)
{
	setup();
	send_many(5, 0);
	now += RTT;
	ck_assert_int_eq(ack(3, 0, 0), 0);

	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now), 3);
	ck_assert(!quantum_rtx_floor_due(&rtx, 3));
}
END_TEST

START_TEST(rtx_lost_untracked_packet_is_passed_by_the_floor_at_once)
{
	setup();
	quantum_rtx_on_sent_untracked(&rtx, 0, 32); /* number 0, a pure acknowledgement, lost */
	send_many(2, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 1, 3), 0);

	ck_assert_uint_eq(res.nb_acked, 2);
	ck_assert_uint_eq(quantum_rtx_floor(&rtx, now), 3);
	ck_assert(quantum_rtx_floor_due(&rtx, 3));
}
END_TEST

/* Two losses with `apart` between them, then a delivery; returns whether that was persistent. */
static bool
silence(uint64_t apart, bool between)
{
	uint64_t first, next;

	setup();
	send_flags(0);
	now += RTT;
	ck_assert_int_eq(ack(1, 0, 0), 0);
	now++;
	first = send_flags(0);
	now += apart / 2;
	if (between)
		quantum_rtx_on_sent_untracked(&rtx, 0, 32);
	now += apart - apart / 2;
	send_flags(0);
	next = rtx.next_pn;
	now += MS;
	send_many(3, 0);
	now += RTT;
	if (between) {
		const struct quantum_ack_block blocks[] = {
			{ first + 1, first + 2 },
			{ next, next + 3 },
		};
		const struct quantum_ack_in in = { .ack = 1, .blocks = blocks, .nb_blocks = 2 };

		ck_assert_int_eq(take_ack(&in), 0);
	} else {
		ck_assert_int_eq(ack(1, next, next + 3), 0);
	}
	if (rtx.nb_lost_total < 2) {
		now = quantum_rtx_deadline_ns(&rtx);
		fire();
	}
	ck_assert_uint_eq(rtx.nb_lost_total, 2);
	return res.persistent;
}

START_TEST(rtx_long_silence_is_persistent_congestion_short_or_broken_is_not)
{
	setup();
	const uint64_t pto = quantum_rtt_pto_ns(&rtt);

	ck_assert(silence(4 * pto, false));
	ck_assert(!silence(pto, false));
	ck_assert(!silence(4 * pto, true)); /* an acknowledgement of ours got through in between */
}
END_TEST

START_TEST(rtx_silence_before_the_first_sample_is_not_persistent)
{
	setup_at(0);
	send_many(2, 30 * AEF_NS_PER_S);
	send_many(4, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 2, 6), 0);

	ck_assert_uint_eq(res.nb_lost, 2);
	ck_assert(!res.persistent);
}
END_TEST

START_TEST(rtx_records_are_bounded_per_connection_and_by_the_pool)
{
	struct quantum_sent *rec;

	setup();
	rtx.records_max = 3;
	send_many(2, 0);
	rec = quantum_rtx_sent_get(&rtx);
	ck_assert_ptr_nonnull(rec);
	ck_assert_ptr_null(quantum_rtx_sent_get(&rtx));
	quantum_rtx_sent_put(&rtx, rec);
	ck_assert_ptr_nonnull(quantum_rtx_sent_get(&rtx));

	setup();
	send_many(NB_RECORDS, 0);
	rtx.records_max = UINT32_MAX;
	ck_assert_ptr_null(quantum_rtx_sent_get(&rtx));
	ck_assert_uint_eq(pool.failures, 1);
}
END_TEST

START_TEST(rtx_drain_gives_every_record_back)
{
	struct quantum_sent *rec;

	setup();
	send_many(10, 0);
	now += RTT;
	ck_assert_int_eq(ack(0, 2, 8), 0);
	while ((rec = quantum_rtx_drain(&rtx)) != NULL)
		quantum_rtx_sent_put(&rtx, rec);

	ck_assert_uint_eq(pool.in_use, 0);
	ck_assert_uint_eq(rtx.bytes_in_flight, 0);
	ck_assert_uint_eq(rtx.nb_records, 0);
}
END_TEST

START_TEST(rtx_across_the_32_bit_wrap_everything_goes_on)
{
	const uint64_t first = (1ull << 32) - 5;

	setup_at(first);
	send_many(10, 0);
	now += RTT;
	ck_assert_int_eq(ack(quantum_pn_expand(rtx.high_end, (uint32_t)(first + 2)),
	                     quantum_pn_expand(rtx.high_end, (uint32_t)(first + 3)),
	                     quantum_pn_expand(rtx.high_end, (uint32_t)(first + 10))),
	                 0);

	ck_assert_uint_eq(res.nb_acked, 9);
	ck_assert_uint_eq(fate[2], LOST);
	ck_assert_int_eq(ack(first + 11, 0, 0), AEF_ERR_PROTOCOL);
}
END_TEST

START_TEST(rtx_random_claims_never_break_an_invariant)
{
	setup();
	for (unsigned step = 0; step < 20000; step++) {
		struct quantum_ack_block blocks[QUANTUM_ACK_IN_MAX];
		uint64_t pns[4];
		struct quantum_ack_in in = { .blocks = blocks, .recovered = pns };
		const uint64_t lo = aef_sub_sat_u64(rtx.next_pn, 200);

		now += aef_rng_below(&rng, MS);
		if (pool.in_use < 300 && rtx.next_pn < AEF_DIM(fate) - 8)
			send_many(1 + (unsigned)aef_rng_below(&rng, 3), 0);
		in.ack = lo + aef_rng_below(&rng, aef_rng_below(&rng, 8) ? 20 : 220);
		in.nb_blocks = (uint32_t)aef_rng_below(&rng, 5);
		in.nb_recovered = (uint32_t)aef_rng_below(&rng, 4);
		for (uint32_t i = 0; i < in.nb_blocks; i++) {
			blocks[i].first = in.ack + 1 + aef_rng_below(&rng, 100);
			blocks[i].end = blocks[i].first + aef_rng_below(&rng, 20);
		}
		for (uint32_t i = 0; i < in.nb_recovered; i++)
			pns[i] = lo + aef_rng_below(&rng, 205);
		const int rc = take_ack(&in);

		ck_assert(rc == 0 || rc == AEF_ERR_PROTOCOL);
		if (now >= quantum_rtx_deadline_ns(&rtx))
			fire();
		ck_assert_uint_eq(rtx.nb_sent + rtx.nb_lost, pool.in_use);
		ck_assert_uint_eq(rtx.bytes_in_flight, (uint64_t)rtx.nb_sent * BYTES);
		ck_assert_uint_le(rtx.nb_quiet, rtx.nb_sent);
		ck_assert_uint_le(rtx.floor_sent, rtx.next_pn);
	}
	ck_assert_uint_gt(rtx.nb_spurious_total, 0);
}
END_TEST

/* ---- acktr and rtx over a lossy, reordering channel, judged by a model ---- */

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

START_TEST(rtx_and_acktr_over_a_lossy_reordering_channel_agree_with_the_model)
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

TEST_SUITE(
	rtx, &rtx_cumulative_ack_delivers_everything_and_gives_one_rtt_sample,
	&rtx_repeated_and_older_acks_change_nothing, &rtx_old_gap_filled_late_gives_no_rtt_sample,
	&rtx_ack_of_a_number_never_sent_is_a_violation,
	&rtx_malformed_blocks_are_violations_and_too_many_a_limit,
	&rtx_overlapping_blocks_in_any_order_count_each_number_once,
	&rtx_skipped_number_acknowledged_is_a_violation_until_the_floor_passes,
	&rtx_skips_are_spread_around_their_mean_and_bounded,
	&rtx_forced_skip_to_a_new_epoch_is_one_skip,
	&rtx_numbers_end_cleanly_and_never_run_far_ahead,
	&rtx_reordering_within_the_window_is_no_loss,
	&rtx_one_packet_reordered_before_any_was_seen_waits_for_the_third,
	&rtx_packet_count_is_advice_over_ack_eliciting_packets_only,
	&rtx_reordering_timer_declares_the_hole_lost,
	&rtx_spurious_loss_undoes_the_cut_and_widens_the_window,
	&rtx_one_of_two_losses_spurious_does_not_undo,
	&rtx_window_widens_once_per_round_up_to_srtt_and_shrinks_after_16_recoveries,
	&rtx_losses_of_one_flight_are_one_recovery, &rtx_silent_tail_is_probed_after_pto,
	&rtx_last_packet_with_psh_is_probed_without_the_ack_delay,
	&rtx_timeouts_double_and_become_rto_and_progress_resets_them,
	&rtx_timeout_without_a_probe_sent_does_not_spin,
	&rtx_only_repair_outstanding_is_lost_without_a_probe, &rtx_lost_pmtu_probe_is_no_congestion,
	&rtx_recovered_number_counts_lost_once_in_its_own_time,
	&rtx_recovered_and_lost_by_the_same_ack_is_in_the_lost_list_once,
	&rtx_recovered_after_the_loss_is_still_told, &rtx_only_recovered_outstanding_needs_no_probe,
	&rtx_floor_passes_a_loss_only_srtt_and_window_later,
	&rtx_floor_is_not_due_while_the_peer_keeps_up,
	&rtx_lost_untracked_packet_is_passed_by_the_floor_at_once,
	&rtx_long_silence_is_persistent_congestion_short_or_broken_is_not,
	&rtx_silence_before_the_first_sample_is_not_persistent,
	&rtx_records_are_bounded_per_connection_and_by_the_pool, &rtx_drain_gives_every_record_back,
	&rtx_across_the_32_bit_wrap_everything_goes_on, &rtx_random_claims_never_break_an_invariant,
	&rtx_and_acktr_over_a_lossy_reordering_channel_agree_with_the_model)
