/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/rng.h>
#include <crypto/pn.h>

#include "acktr_priv.h"
#include "harness.h"

#define MS       AEF_NS_PER_MS
#define NB_NODES 512

static alignas(16) uint8_t mem[NB_NODES * 64];
static struct aef_pool pool;
static struct quantum_rtt rtt;

static void
setup(struct quantum_acktr *at, uint64_t first_pn, uint32_t nodes)
{
	aef_pool_init(&pool, "ranges", mem, sizeof(struct aef_range), nodes);
	quantum_rtt_init(&rtt, QUANTUM_MAX_ACK_DELAY_NS);
	quantum_acktr_init(at, first_pn, &pool, &rtt);
}

/* An ack-eliciting packet without marks. */
static int
got(struct quantum_acktr *at, uint64_t pn, uint64_t now_ns)
{
	const struct quantum_acktr_pkt pkt = { .pn = pn, .now_ns = now_ns, .eliciting = true };

	return quantum_acktr_on_packet(at, &pkt);
}

static struct quantum_ack
sent(struct quantum_acktr *at, uint64_t now_ns)
{
	struct quantum_ack ack;

	quantum_acktr_build(at, now_ns, &ack);
	quantum_acktr_on_sent(at, &ack);
	return ack;
}

START_TEST(acktr_in_order_packets_move_ack_and_take_no_node)
{
	struct quantum_acktr at;

	setup(&at, 0, 1);
	for (uint64_t pn = 0; pn < 50; pn++)
		ck_assert_int_eq(got(&at, pn, pn), 0);
	const struct quantum_ack ack = sent(&at, 50);

	ck_assert_uint_eq(ack.ack, 50);
	ck_assert_uint_eq(ack.nb_blocks, 0);
	ck_assert(!ack.need_info);
	ck_assert_uint_eq(pool.high_water, 0);
}
END_TEST

START_TEST(acktr_hole_stops_ack_and_block_begins_above_it)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, 0, 1), 0);
	ck_assert_int_eq(got(&at, 1, 1), 0);
	ck_assert_int_eq(got(&at, 4, 1), 0);
	ck_assert_int_eq(got(&at, 5, 1), 0);
	const struct quantum_ack ack = sent(&at, 2);

	ck_assert_uint_eq(ack.ack, 2); /* canary 2 */
	ck_assert_uint_eq(ack.nb_blocks, 1);
	ck_assert_uint_eq(ack.blocks[0].first, 4);
	ck_assert_uint_eq(ack.blocks[0].end, 6);
}
END_TEST

START_TEST(acktr_filled_hole_joins_everything_and_frees_nodes)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, 2, 1), 0);
	ck_assert_int_eq(got(&at, 1, 1), 0);
	ck_assert_int_eq(got(&at, 0, 1), 0);
	const struct quantum_ack ack = sent(&at, 2);

	ck_assert_uint_eq(ack.ack, 3);
	ck_assert_uint_eq(ack.nb_blocks, 0);
	ck_assert_uint_eq(pool.in_use, 0);
}
END_TEST

START_TEST(acktr_duplicate_and_old_number_are_told_apart_and_not_counted)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, 0, 1), 0);
	ck_assert_int_eq(got(&at, 2, 1), 0);
	sent(&at, 1);

	ck_assert_int_eq(got(&at, 0, 1), AEF_ERR_RANGE);
	ck_assert_int_eq(got(&at, 2, 1), AEF_ERR_DUPLICATE);
	ck_assert(!quantum_acktr_owes(&at));
}
END_TEST

START_TEST(acktr_blocks_begin_with_the_latest_arrival_then_highest_first)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	for (uint64_t i = 1; i <= 12; i++)
		ck_assert_int_eq(got(&at, i * 10, 1), 0);
	sent(&at, 1);
	ck_assert_int_eq(got(&at, 31, 2), 0);
	const struct quantum_ack ack = sent(&at, 2);

	ck_assert_uint_eq(ack.nb_blocks, 8);
	ck_assert_uint_eq(ack.blocks[0].first, 30);
	ck_assert_uint_eq(ack.blocks[0].end, 32);
	for (uint32_t i = 1; i < 8; i++)
		ck_assert_uint_eq(ack.blocks[i].first, 130 - i * 10);
	ck_assert_uint_eq(ack.nb_more, 0); /* the others were reported before */
}
END_TEST

START_TEST(acktr_ninth_unreported_range_is_reported_at_once_in_ack_info)
{
	struct quantum_acktr at;
	struct quantum_acktr_pkt pkt = { .now_ns = 1 };

	setup(&at, 0, NB_NODES);
	for (uint64_t i = 1; i <= 8; i++) { /* not ack-eliciting: nothing is owed */
		pkt.pn = i * 10;
		ck_assert_int_eq(quantum_acktr_on_packet(&at, &pkt), 0);
	}
	ck_assert(!quantum_acktr_owes(&at));
	ck_assert_int_eq(got(&at, 90, 1), 0);
	ck_assert(quantum_acktr_should_ack(&at, 1));
	const struct quantum_ack ack = sent(&at, 1);

	ck_assert_uint_eq(ack.nb_blocks, 8);
	ck_assert_uint_eq(ack.nb_more, 1);
	ck_assert_uint_eq(ack.more[0].first, 10);
	ck_assert(ack.need_info);
	ck_assert(!quantum_acktr_owes(&at));
	ck_assert_uint_eq(sent(&at, 1).nb_more, 0);
}
END_TEST

START_TEST(acktr_ranges_are_bounded_and_the_lowest_is_forgotten)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	for (uint64_t i = 1; i <= 1000; i++)
		ck_assert_int_eq(got(&at, i * 2, 1), 0);

	ck_assert_uint_eq(at.rcvd.nb_ranges, QUANTUM_ACK_RANGES_MAX);
	ck_assert_uint_eq(aef_rangeset_lowest(&at.rcvd)->first, 2 * (1000 - 255));
	ck_assert_uint_eq(at.nb_forgotten_ranges, 1000 - 256);
	ck_assert_uint_eq(sent(&at, 2).ack, 0); /* never past a hole above the floor */
	ck_assert_uint_le(pool.high_water, 256 + 1 + 40);
	quantum_acktr_fini(&at);
	ck_assert_uint_eq(pool.in_use, 0);
}
END_TEST

START_TEST(acktr_empty_pool_forgets_its_lowest_or_refuses)
{
	struct quantum_acktr at;
	struct aef_range *taken;

	setup(&at, 0, 3);
	ck_assert_int_eq(got(&at, 2, 1), 0); /* two nodes: received and unreported */
	ck_assert_int_eq(got(&at, 4, 1), 0);
	ck_assert_int_eq(got(&at, 6, 1), 0);
	ck_assert_uint_gt(at.nb_forgotten_ranges, 0);
	ck_assert(aef_rangeset_has(&at.rcvd, 6, 7));
	quantum_acktr_fini(&at);
	while ((taken = aef_pool_get(&pool)) != NULL)
		(void)taken;

	ck_assert_int_eq(got(&at, 8, 1), AEF_ERR_FULL);
	ck_assert_int_eq(got(&at, 0, 1), 0); /* in order needs no node */
	ck_assert_uint_eq(sent(&at, 2).ack, 1);
}
END_TEST

START_TEST(acktr_floor_passes_holes_and_never_goes_back)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, 5, 1), 0);
	ck_assert_int_eq(got(&at, 8, 1), 0);
	quantum_acktr_on_floor(&at, 5);
	ck_assert_uint_eq(sent(&at, 1).ack, 6);
	quantum_acktr_on_floor(&at, 3);
	ck_assert_uint_eq(sent(&at, 1).ack, 6);
	quantum_acktr_on_floor(&at, 20);

	ck_assert_uint_eq(sent(&at, 1).ack, 20);
	ck_assert_uint_eq(sent(&at, 1).nb_blocks, 0);
	ck_assert_int_eq(got(&at, 7, 1), AEF_ERR_RANGE);
	ck_assert_int_eq(got(&at, 20, 1), 0);
	ck_assert_uint_eq(sent(&at, 1).ack, 21);
}
END_TEST

START_TEST(acktr_first_packet_then_every_second_then_every_tenth_is_acknowledged)
{
	struct quantum_acktr at;
	uint64_t pn = 0;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, pn++, 0), 0);
	ck_assert(quantum_acktr_should_ack(&at, 0));
	sent(&at, 0);
	while (pn < 99) {
		ck_assert_int_eq(got(&at, pn++, 0), 0);
		ck_assert(!quantum_acktr_should_ack(&at, 0));
		ck_assert_int_eq(got(&at, pn++, 0), 0);
		ck_assert(quantum_acktr_should_ack(&at, 0));
		sent(&at, 0);
	}
	ck_assert_int_eq(got(&at, pn++, 0), 0);
	sent(&at, 0);
	for (unsigned i = 0; i < 9; i++) {
		ck_assert_int_eq(got(&at, pn++, 0), 0);
		ck_assert(!quantum_acktr_should_ack(&at, 0));
	}
	ck_assert_int_eq(got(&at, pn++, 0), 0);
	ck_assert(quantum_acktr_should_ack(&at, 0));
}
END_TEST

START_TEST(acktr_delayed_acknowledgement_waits_a_quarter_of_srtt_at_most_25_ms)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(quantum_rtt_update(&rtt, 40 * MS, 0, 0), 0);
	ck_assert_int_eq(got(&at, 0, 0), 0);
	sent(&at, 0);
	ck_assert_uint_eq(quantum_acktr_deadline_ns(&at), AEF_TIME_NEVER);
	ck_assert_int_eq(got(&at, 1, 100), 0);
	ck_assert_uint_eq(quantum_acktr_deadline_ns(&at), 100 + 10 * MS);
	ck_assert(!quantum_acktr_should_ack(&at, 99 + 10 * MS));
	ck_assert(quantum_acktr_should_ack(&at, 100 + 10 * MS));
	sent(&at, 100 + 10 * MS);
	quantum_rtt_init(&rtt, QUANTUM_MAX_ACK_DELAY_NS);
	ck_assert_int_eq(quantum_rtt_update(&rtt, 500 * MS, 0, 0), 0);
	ck_assert_int_eq(got(&at, 2, 200), 0);
	ck_assert_uint_eq(quantum_acktr_deadline_ns(&at), 200 + 25 * MS);
}
END_TEST

START_TEST(acktr_gap_fill_and_ce_are_acknowledged_at_once)
{
	struct quantum_acktr at;
	struct quantum_acktr_pkt pkt = { .pn = 3, .eliciting = true, .ecn = QUANTUM_ECN_CE };

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, 0, 0), 0);
	sent(&at, 0);
	ck_assert_int_eq(got(&at, 2, 0), 0); /* gap */
	ck_assert(quantum_acktr_should_ack(&at, 0));
	sent(&at, 0);
	ck_assert_int_eq(got(&at, 1, 0), 0); /* fills it */
	ck_assert(quantum_acktr_should_ack(&at, 0));
	sent(&at, 0);
	ck_assert_int_eq(quantum_acktr_on_packet(&at, &pkt), 0);
	ck_assert(quantum_acktr_should_ack(&at, 0));

	for (unsigned i = 0; i < QUANTUM_ACK_CE_REPEAT; i++) {
		const struct quantum_ack ack = sent(&at, 0);

		ck_assert(ack.ece && ack.need_info);
		ck_assert_uint_eq(ack.nb_ce_pkts, 1);
	}
	ck_assert(!sent(&at, 0).ece);
}
END_TEST

START_TEST(acktr_ecn_marks_are_counted_per_code_point)
{
	struct quantum_acktr at;
	struct quantum_acktr_pkt pkt = { .pn = 0, .eliciting = true };
	const uint8_t marks[] = { 0, 1, 2, 2, 3, 2, 0 };
	struct quantum_ack ack;

	setup(&at, 0, NB_NODES);
	for (; pkt.pn < sizeof(marks); pkt.pn++) {
		pkt.ecn = marks[pkt.pn];
		ck_assert_int_eq(quantum_acktr_on_packet(&at, &pkt), 0);
	}
	ack = sent(&at, 0);

	ck_assert_uint_eq(ack.nb_ect0_pkts, 3);
	ck_assert_uint_eq(ack.nb_ect1_pkts, 1);
	ck_assert_uint_eq(ack.nb_ce_pkts, 1);
	quantum_acktr_fini(NULL);
}
END_TEST

START_TEST(acktr_psh_is_honoured_eight_times_per_srtt)
{
	struct quantum_acktr at;
	struct quantum_acktr_pkt pkt = { .eliciting = true, .psh = true };
	unsigned at_once = 0;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, pkt.pn++, 0), 0);
	sent(&at, 0);
	for (unsigned i = 0; i < 20; i++) {
		pkt.now_ns = 1000 + i;
		ck_assert_int_eq(quantum_acktr_on_packet(&at, &pkt), 0);
		pkt.pn++;
		if (at.nb_pending == 1 && quantum_acktr_should_ack(&at, pkt.now_ns))
			at_once++;
		sent(&at, pkt.now_ns);
	}
	ck_assert_uint_eq(at_once, 8);
	pkt.now_ns = 1000 + rtt.srtt_ns; /* the next round trip */
	ck_assert_int_eq(quantum_acktr_on_packet(&at, &pkt), 0);
	ck_assert(quantum_acktr_should_ack(&at, pkt.now_ns));
	sent(&at, pkt.now_ns);
	pkt.pn++;
	pkt.eliciting = false; /* PSH means nothing on an acknowledgement */
	ck_assert_int_eq(quantum_acktr_on_packet(&at, &pkt), 0);
	ck_assert(!quantum_acktr_owes(&at));
}
END_TEST

START_TEST(acktr_delay_is_reported_once_and_only_above_100_us)
{
	struct quantum_acktr at;
	struct quantum_ack ack;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, 0, 1000), 0);
	quantum_acktr_build(&at, 1000 + 100 * AEF_NS_PER_US, &ack);
	ck_assert(!ack.has_delay && !ack.need_info);
	ack = sent(&at, 1001 + 100 * AEF_NS_PER_US);
	ck_assert(ack.has_delay && ack.need_info);
	ck_assert_uint_eq(ack.delay_ns, 1 + 100 * AEF_NS_PER_US);
	ck_assert_uint_eq(ack.highest, 0);

	ack = sent(&at, 5 * MS);
	ck_assert(!ack.has_delay);
}
END_TEST

START_TEST(acktr_recovered_number_stays_a_hole_and_is_listed_until_the_floor)
{
	struct quantum_acktr at;
	struct quantum_ack ack;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, 0, 0), 0);
	ck_assert_int_eq(got(&at, 3, 0), 0);
	sent(&at, 0);
	quantum_acktr_on_recovered(&at, 1);
	quantum_acktr_on_recovered(&at, 2);
	quantum_acktr_on_recovered(&at, 3); /* was received: not listed */
	ck_assert(quantum_acktr_should_ack(&at, 0));
	for (unsigned i = 0; i < 3; i++) {
		ack = sent(&at, 0);
		ck_assert_uint_eq(ack.ack, 1);
		ck_assert_uint_eq(ack.nb_recovered, 2);
		ck_assert_uint_eq(ack.recovered[0], 1);
		ck_assert_uint_eq(ack.recovered[1], 2);
		ck_assert(ack.need_info);
	}
	ck_assert_int_eq(got(&at, 2, 0), 0); /* late original */
	ack = sent(&at, 0);
	ck_assert_uint_eq(ack.nb_recovered, 1);
	quantum_acktr_on_floor(&at, 2);
	ack = sent(&at, 0);

	ck_assert_uint_eq(ack.ack, 4);
	ck_assert_uint_eq(ack.nb_recovered, 0);
	ck_assert_uint_eq(pool.in_use, 0);
}
END_TEST

START_TEST(acktr_recovered_numbers_are_bounded)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	for (uint64_t pn = 1; pn <= 200; pn++)
		quantum_acktr_on_recovered(&at, pn * (pn % 2 ? 2 : 3));
	const struct quantum_ack ack = sent(&at, 0);

	ck_assert_uint_le(ack.nb_recovered, QUANTUM_ACK_RECOVERED_MAX);
	ck_assert_uint_le(at.recovered.nb_ranges, QUANTUM_ACK_RECOVERED_MAX);
}
END_TEST

START_TEST(acktr_numbers_expand_to_the_nearest_across_the_32_bit_wrap)
{
	const uint64_t turn = 1ull << 32;

	ck_assert_uint_eq(crypto_pn_expand(0, 0), 0);
	ck_assert_uint_eq(crypto_pn_expand(5, 3), 3);
	ck_assert_uint_eq(crypto_pn_expand(turn - 2, 1), turn + 1);
	ck_assert_uint_eq(crypto_pn_expand(turn + 1, 0xfffffffe), turn - 2);
	ck_assert_uint_eq(crypto_pn_expand(7 * turn + 5, 5), 7 * turn + 5);
	ck_assert_uint_eq(crypto_pn_expand(0, 0xffffffff), 0xffffffff); /* nothing below 0 */
}
END_TEST

START_TEST(acktr_across_the_32_bit_wrap_ranges_stay_in_order)
{
	const uint64_t base = (1ull << 32) - 3;
	struct quantum_acktr at;

	setup(&at, base, NB_NODES);
	for (uint64_t i = 0; i < 8; i++)
		if (i != 2)
			ck_assert_int_eq(got(&at, base + i, 1), 0);
	const struct quantum_ack ack = sent(&at, 1);

	ck_assert_uint_eq(ack.ack, base + 2);
	ck_assert_uint_eq(ack.blocks[0].first, base + 3);
	ck_assert_uint_eq(ack.blocks[0].end, base + 8);
}
END_TEST

/* What an acknowledgement says of number pn. */
static bool
reports(const struct quantum_ack *ack, uint64_t pn)
{
	if (pn < ack->ack)
		return true;
	for (uint32_t i = 0; i < ack->nb_blocks; i++)
		if (ack->blocks[i].first <= pn && pn < ack->blocks[i].end)
			return true;
	for (uint32_t i = 0; i < ack->nb_more; i++)
		if (ack->more[i].first <= pn && pn < ack->more[i].end)
			return true;
	return false;
}

START_TEST(acktr_random_arrivals_never_report_what_was_not_received)
{
	enum { NB = 4000 };
	static bool received[NB], reported[NB];
	struct aef_rng rng;

	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct quantum_acktr at;
		uint64_t floor = 0, top = 0;

		aef_rng_init(&rng, seed);
		setup(&at, 0, NB_NODES);
		memset(received, 0, sizeof(received));
		memset(reported, 0, sizeof(reported));
		while (top < NB - 64) {
			const uint64_t pn = floor + aef_rng_below(&rng, top + 16 - floor);

			if (got(&at, pn, top) == 0)
				received[pn] = true;
			top = aef_max_u64(top, pn + 1);
			if (aef_rng_below(&rng, 50) == 0) {
				floor = aef_max_u64(floor, top - aef_min_u64(top, 40));
				quantum_acktr_on_floor(&at, floor);
			}
			if (!quantum_acktr_should_ack(&at, top))
				continue;
			const struct quantum_ack ack = sent(&at, top);

			for (uint64_t i = floor; i < top + 20; i++) {
				ck_assert_msg(!reports(&ack, i) || received[i],
				              "seed %u, number %u", (unsigned)seed, (unsigned)i);
				reported[i] |= reports(&ack, i);
			}
			for (uint32_t i = 0; i < ack.nb_blocks; i++)
				ck_assert_uint_gt(ack.blocks[i].first, ack.ack);
			for (uint64_t i = floor; i < top; i++)
				ck_assert(received[i] == reported[i]);
		}
		quantum_acktr_fini(&at);
		ck_assert_uint_eq(pool.in_use, 0);
	}
}
END_TEST

START_TEST(acktr_recovered_without_a_node_is_counted_and_acknowledged_all_the_same)
{
	struct quantum_acktr at;

	setup(&at, 0, 2);
	ck_assert_int_eq(got(&at, 0, 1), 0);
	ck_assert_int_eq(got(&at, 5, 1), 0); /* takes both nodes, as received and as unreported */
	quantum_acktr_on_recovered(&at, 3);

	ck_assert_uint_eq(at.nb_unlisted, 1);
	ck_assert(quantum_acktr_should_ack(&at, 1));
	ck_assert_uint_eq(sent(&at, 1).nb_recovered, 0);
	quantum_acktr_fini(&at);
}
END_TEST

/* 60 holes at once: 40 unreported ranges are noted, the others are the sender's to send again. */
START_TEST(acktr_more_unreported_ranges_than_fit_are_counted_and_the_noted_ones_reported)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	for (uint64_t i = 1; i <= 60; i++)
		ck_assert_int_eq(got(&at, i * 10, 1), 0);
	const struct quantum_ack first = sent(&at, 1);

	ck_assert_uint_eq(first.nb_blocks, QUANTUM_ACK_BLOCKS_MAX);
	ck_assert_uint_eq(first.nb_more, QUANTUM_ACK_MORE_MAX);
	ck_assert_uint_eq(first.blocks[0].first, 600);
	for (uint32_t i = 0; i < first.nb_more; i++)
		ck_assert_uint_eq(first.more[i].first, 400 - 10 * i);
	ck_assert_uint_eq(at.nb_unlisted, 60 - QUANTUM_ACK_BLOCKS_MAX - QUANTUM_ACK_MORE_MAX);
	quantum_acktr_fini(&at);
	ck_assert_uint_eq(pool.in_use, 0);
}
END_TEST

/* A floor that passes the latest arrival leaves no range to put first. */
START_TEST(acktr_latest_arrival_below_the_floor_gives_the_highest_range_first)
{
	struct quantum_acktr at;

	setup(&at, 0, NB_NODES);
	ck_assert_int_eq(got(&at, 20, 1), 0);
	ck_assert_int_eq(got(&at, 30, 1), 0);
	ck_assert_int_eq(got(&at, 5, 1), 0);
	quantum_acktr_on_floor(&at, 10);
	const struct quantum_ack ack = sent(&at, 2);

	ck_assert_uint_eq(ack.ack, 10);
	ck_assert_uint_eq(ack.nb_blocks, 2);
	ck_assert_uint_eq(ack.blocks[0].first, 30);
	ck_assert_uint_eq(ack.blocks[1].first, 20);
	quantum_acktr_fini(&at);
}
END_TEST

START_TEST(acktr_owes_from_the_first_ack_eliciting_packet_until_it_is_sent)
{
	struct quantum_acktr at;

	quantum_acktr_fini(NULL);
	memset(&at, 0, sizeof(at));
	quantum_acktr_fini(&at); /* never began */
	setup(&at, 0, NB_NODES);
	ck_assert(!quantum_acktr_owes(&at));
	ck_assert_int_eq(got(&at, 0, 1), 0);
	sent(&at, 1);
	ck_assert_int_eq(got(&at, 1, 1), 0); /* not at once: by the timer */
	ck_assert(!at.ack_now);
	ck_assert(quantum_acktr_owes(&at));
	at.nb_eliciting = UINT32_MAX; /* saturates: the pace stays at every tenth */
	ck_assert_int_eq(got(&at, 2, 1), 0);
	ck_assert_uint_eq(at.nb_eliciting, UINT32_MAX);
	quantum_acktr_fini(&at);
}
END_TEST

TEST_SUITE(acktr, &acktr_in_order_packets_move_ack_and_take_no_node,
           &acktr_hole_stops_ack_and_block_begins_above_it,
           &acktr_filled_hole_joins_everything_and_frees_nodes,
           &acktr_duplicate_and_old_number_are_told_apart_and_not_counted,
           &acktr_blocks_begin_with_the_latest_arrival_then_highest_first,
           &acktr_ninth_unreported_range_is_reported_at_once_in_ack_info,
           &acktr_ranges_are_bounded_and_the_lowest_is_forgotten,
           &acktr_empty_pool_forgets_its_lowest_or_refuses,
           &acktr_floor_passes_holes_and_never_goes_back,
           &acktr_first_packet_then_every_second_then_every_tenth_is_acknowledged,
           &acktr_delayed_acknowledgement_waits_a_quarter_of_srtt_at_most_25_ms,
           &acktr_gap_fill_and_ce_are_acknowledged_at_once,
           &acktr_ecn_marks_are_counted_per_code_point, &acktr_psh_is_honoured_eight_times_per_srtt,
           &acktr_delay_is_reported_once_and_only_above_100_us,
           &acktr_recovered_number_stays_a_hole_and_is_listed_until_the_floor,
           &acktr_recovered_numbers_are_bounded,
           &acktr_numbers_expand_to_the_nearest_across_the_32_bit_wrap,
           &acktr_across_the_32_bit_wrap_ranges_stay_in_order,
           &acktr_random_arrivals_never_report_what_was_not_received,
           &acktr_recovered_without_a_node_is_counted_and_acknowledged_all_the_same,
           &acktr_more_unreported_ranges_than_fit_are_counted_and_the_noted_ones_reported,
           &acktr_latest_arrival_below_the_floor_gives_the_highest_range_first,
           &acktr_owes_from_the_first_ack_eliciting_packet_until_it_is_sent)
