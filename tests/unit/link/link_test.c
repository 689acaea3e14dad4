/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/siphash.h>
#include <link/link.h>

#include "harness.h"

#define SLOTS 4096u
#define MS    AEF_NS_PER_MS

/* For loops of millions: check writes a record for each of its own assertions. */
#define must(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond))                                                                       \
			ck_abort_msg("%s", #cond);                                                 \
	} while (0)

static struct link lk;
static void *mem;
static char err[256];

/* Start the link with settings in text form. */
static void
start(const char *settings, uint32_t slots, uint64_t now_ns)
{
	struct link_conf conf = link_conf_default();
	const char *seed = getenv("AEF_SEED");
	const uint64_t n = seed != NULL ? strtoull(seed, NULL, 0) : 42;

	if (settings[0] != '\0')
		ck_assert_msg(link_conf_set_list(&conf, settings, err, sizeof(err)) == 0, "%s",
		              err);
	if (seed != NULL)
		printf("seed %llu\n", (unsigned long long)n);
	free(mem);
	mem = aligned_alloc(16, link_mem_bytes(slots));
	ck_assert_int_eq(link_init(&lk, &conf, n, now_ns, mem, slots), 0);
}

static void
stop(void)
{
	free(mem);
	mem = NULL;
}

static void *
handle(uint64_t n)
{
	return (void *)(uintptr_t)n;
}

/* For the tests that look at the statistics only. */
static void
offer(uint64_t now_ns, void *pkt, uint32_t len, uint32_t flags)
{
	const enum link_verdict verdict = link_send(&lk, now_ns, pkt, len, flags);

	must(verdict < LINK_NB_VERDICTS);
}

static void
check_sum(void)
{
	const struct link_stats *st = &lk.stats;

	must(st->sent + st->duplicated ==
	     st->delivered + st->flushed + link_dropped(st) + link_in_flight(&lk));
	must(st->verdicts[LINK_TAKEN] + link_dropped(st) == st->sent);
}

/* @p value within @p tenths tenths of a per cent of @p expect. */
static void
check_near(uint64_t value, uint64_t expect, uint64_t tenths)
{
	const uint64_t off = value > expect ? value - expect : expect - value;

	ck_assert_msg(off * 1000 <= expect * tenths, "%llu instead of about %llu",
	              (unsigned long long)value, (unsigned long long)expect);
}

START_TEST(link_perfect_link_delivers_at_once_and_in_order)
{
	struct link_delivery d;

	start("", SLOTS, 5);
	ck_assert_uint_eq(link_next_ns(&lk), AEF_TIME_NEVER);
	for (uint64_t i = 1; i <= 100; i++)
		ck_assert_int_eq(link_send(&lk, 7, handle(i), 1200, 0), LINK_TAKEN);
	ck_assert_uint_eq(link_next_ns(&lk), 7);
	ck_assert(!link_pop(&lk, 6, &d));

	for (uint64_t i = 1; i <= 100; i++) {
		ck_assert(link_pop(&lk, 7, &d));
		ck_assert_ptr_eq(d.pkt, handle(i));
		ck_assert(d.last && !d.duplicate && !d.ce && d.nb_flips == 0);
		ck_assert_uint_eq(d.cut_len, 1200);
		ck_assert_uint_eq(d.deliver_ns, 7);
	}
	ck_assert(!link_pop(&lk, AEF_TIME_NEVER, &d));
	check_sum();
	stop();
}
END_TEST

START_TEST(link_serializer_takes_exactly_bytes_by_rate_even_where_it_does_not_divide)
{
	struct link_delivery d = { 0 };

	/* 7 Mbit/s = 875,000 B/s: 1000 bytes take 1,142,857 and 1/7 ns. */
	start("rate=7mbit,delay=10ms", SLOTS, 0);
	for (uint64_t i = 0; i < 700; i++)
		ck_assert_int_eq(link_send(&lk, 0, handle(i), 1000, 0), LINK_TAKEN);
	ck_assert_uint_eq(link_next_ns(&lk), 10 * MS + 1142857);

	for (uint64_t i = 0; i < 700; i++) {
		ck_assert(link_pop(&lk, AEF_TIME_NEVER, &d));
		ck_assert_uint_eq(d.deliver_ns, 10 * MS + (i + 1) * 8000000 / 7);
	}
	ck_assert_uint_eq(d.deliver_ns, 810 * MS);

	/* An idle serializer starts at the packet's own time. */
	ck_assert_int_eq(link_send(&lk, 900 * MS, NULL, 875, 0), LINK_TAKEN);
	ck_assert_uint_eq(link_next_ns(&lk), 911 * MS);
	stop();
}
END_TEST

START_TEST(link_queue_drops_at_its_limit_and_drains_at_the_rate)
{
	/* 1 MB/s: a 1000-byte packet takes 1 ms. */
	start("rate=8mbit,queue=5kb", SLOTS, 0);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(link_send(&lk, 0, NULL, 1000, 0), LINK_TAKEN);
	ck_assert_int_eq(link_send(&lk, 0, NULL, 1, 0), LINK_DROP_QUEUE);
	ck_assert_int_eq(link_send(&lk, MS - 1, NULL, 1000, 0), LINK_DROP_QUEUE);
	ck_assert_int_eq(link_send(&lk, MS, NULL, 1000, 0), LINK_TAKEN);
	ck_assert_uint_eq(lk.stats.queue_bytes_max, 5000);
	ck_assert_uint_eq(lk.stats.queue_pkts_max, 5);

	start("rate=8mbit,queue=2pkt", SLOTS, 0);
	ck_assert_int_eq(link_send(&lk, 0, NULL, 9000, 0), LINK_TAKEN);
	ck_assert_int_eq(link_send(&lk, 0, NULL, 1, 0), LINK_TAKEN);
	ck_assert_int_eq(link_send(&lk, 0, NULL, 1, 0), LINK_DROP_QUEUE);
	ck_assert_int_eq(link_send(&lk, 9 * MS, NULL, 1, 0), LINK_TAKEN);
	check_sum();

	/* A packet longer than the whole queue still passes an empty one. */
	start("rate=8mbit,queue=500", SLOTS, 0);
	ck_assert_int_eq(link_send(&lk, 0, NULL, 1000, 0), LINK_TAKEN);
	ck_assert_int_eq(link_send(&lk, 0, NULL, 1000, 0), LINK_DROP_QUEUE);
	stop();
}
END_TEST

START_TEST(link_ce_is_set_above_the_threshold_on_capable_packets_only)
{
	struct link_delivery d;

	start("rate=8mbit,ecn=2kb", SLOTS, 0);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_int_eq(link_send(&lk, 0, NULL, 1000, i % 2 ? LINK_SEND_ECT : 0),
		                 LINK_TAKEN);

	/* The 4th and 6th meet 3000 and 5000 bytes; the 2nd meets 1000, the others are not capable.
	 */
	for (unsigned i = 0; i < 6; i++) {
		ck_assert(link_pop(&lk, AEF_TIME_NEVER, &d));
		ck_assert_int_eq(d.ce, i == 3 || i == 5);
	}
	ck_assert_uint_eq(lk.stats.ce_marked, 2);
	stop();
}
END_TEST

START_TEST(link_random_loss_has_the_asked_rate)
{
	struct link_delivery d;

	start("loss=2%", SLOTS, 0);
	for (uint64_t i = 0; i < 2000000; i++) {
		offer(i, NULL, 100, 0); /* counted in the statistics */
		while (link_pop(&lk, i, &d))
			;
	}

	check_near(lk.stats.verdicts[LINK_DROP_RANDOM], 40000, 15); /* 3 sigma = 1.5 % */
	check_sum();
	stop();
}
END_TEST

START_TEST(link_burst_loss_has_the_asked_mean_and_burst_length)
{
	static const struct {
		const char *settings;
		uint64_t lost_x1000, burst_x1000; /* expected: per thousand packets, mean length */
	} cases[] = { { "burst=5%/3", 50, 3000 },
		      { "burst=20%/10", 200, 10000 },
		      { "burst=1%/1.5", 10, 1500 } };
	const uint64_t nb_pkts = 6000000;

	for (size_t c = 0; c < AEF_DIM(cases); c++) {
		struct link_delivery d;
		uint64_t lost = 0, bursts = 0;
		bool before = false;

		start(cases[c].settings, 16, 0);
		for (uint64_t i = 0; i < nb_pkts; i++) {
			const bool gone = link_send(&lk, i, NULL, 100, 0) == LINK_DROP_BURST;

			lost += gone;
			bursts += gone && !before;
			before = gone;
			while (link_pop(&lk, i, &d))
				;
		}
		printf("%s: lost %.3f %%, burst %.3f\n", cases[c].settings,
		       100.0 * (double)lost / (double)nb_pkts, (double)lost / (double)bursts);
		check_near(lost * 1000 / nb_pkts * 1000 + lost * 1000 % nb_pkts * 1000 / nb_pkts,
		           cases[c].lost_x1000 * 1000, 20);
		check_near(lost * 1000 / bursts, cases[c].burst_x1000, 15);
		check_sum();
	}
	stop();
}
END_TEST

START_TEST(link_lost_packets_have_used_the_serializer)
{
	start("rate=8mbit,loss=100%", SLOTS, 0);
	ck_assert_int_eq(link_send(&lk, 0, NULL, 1000, 0), LINK_DROP_RANDOM);

	ck_assert_uint_eq(lk.busy_until_ns, MS);
	ck_assert_uint_eq(link_next_ns(&lk), AEF_TIME_NEVER);
	check_sum();
	stop();
}
END_TEST

static void
check_jitter(const char *settings, uint64_t mean_dev_expect)
{
	struct link_delivery d;
	uint64_t lowest = UINT64_MAX, highest = 0, sum = 0, dev = 0;
	const uint64_t nb = 200000;

	start(settings, SLOTS, 0);
	for (uint64_t i = 0; i < nb; i++) {
		must(link_send(&lk, i * MS, NULL, 100, 0) == LINK_TAKEN);
		while (link_pop(&lk, i * MS, &d)) {
			const uint64_t took = d.deliver_ns - d.sent_ns;

			lowest = aef_min_u64(lowest, took);
			highest = aef_max_u64(highest, took);
			sum += took;
			dev += took > 30 * MS ? took - 30 * MS : 30 * MS - took;
		}
	}
	ck_assert_uint_ge(lowest, 25 * MS);
	ck_assert_uint_le(highest, 35 * MS);
	ck_assert_uint_lt(lowest, 25 * MS + MS);
	ck_assert_uint_gt(highest, 35 * MS - MS);
	check_near(sum / lk.stats.delivered, 30 * MS, 2);
	check_near(dev / lk.stats.delivered, mean_dev_expect, 10);
	check_sum();
}

START_TEST(link_jitter_stays_in_its_bounds_and_has_its_shape)
{
	check_jitter("delay=30ms,jitter=5ms", 2500000);
	ck_assert_uint_gt(lk.stats.reordered, 0);
	/* Mean absolute deviation of the mean of four uniforms on +-5 ms: 7/30 of 5 ms. */
	check_jitter("delay=30ms,jitter=5ms/bell", 1166667);

	/* Jitter above the delay is cut at 0, never before the packet was sent. */
	struct link_delivery d;

	start("delay=1ms,jitter=5ms", SLOTS, 1000 * MS);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(link_send(&lk, 1000 * MS, NULL, 100, 0), LINK_TAKEN);
	while (link_pop(&lk, AEF_TIME_NEVER, &d))
		ck_assert_uint_ge(d.deliver_ns, 1000 * MS);
	stop();
}
END_TEST

START_TEST(link_order_is_kept_where_asked_and_broken_only_where_asked)
{
	static const struct {
		const char *settings;
		bool reorders;
	} cases[] = {
		{ "delay=30ms,jitter=20ms,order=keep", false },
		{ "rate=100mbit,delay=30ms,loss=5%,dup=3%", false },
		{ "delay=30ms,jitter=20ms", true },
		{ "delay=30ms,reorder=1%/50ms", true },
		{ "delay=30ms,jitter=20ms,order=keep,reorder=1%/50ms", true },
	};

	for (size_t c = 0; c < AEF_DIM(cases); c++) {
		struct link_delivery d;

		start(cases[c].settings, SLOTS, 0);
		for (uint64_t i = 0; i < 100000; i++) {
			offer(i * MS, handle(i), 100, 0); /* loss is welcome */
			while (link_pop(&lk, i * MS, &d))
				;
		}
		while (link_pop(&lk, AEF_TIME_NEVER, &d))
			;
		ck_assert_msg((lk.stats.reordered > 0) == cases[c].reorders, "%s: %llu",
		              cases[c].settings, (unsigned long long)lk.stats.reordered);
		check_sum();
	}
	/* The last case: held back is 1 %, and about all of these were overtaken. */
	check_near(lk.stats.held_back, 1000, 100);
	check_near(lk.stats.reordered, lk.stats.held_back, 100);
	stop();
}
END_TEST

START_TEST(link_copies_share_the_handle_and_exactly_the_last_one_owns_it)
{
	static uint8_t owned[50001], seen[50001];
	struct link_delivery d;
	uint64_t taken = 0;

	memset(owned, 0, sizeof(owned));
	memset(seen, 0, sizeof(seen));
	start("delay=30ms,jitter=20ms,dup=10%/4,reorder=5%/30ms", SLOTS, 0);
	for (uint64_t i = 1; i <= 50000; i++) {
		taken += link_send(&lk, i * MS, handle(i), 100, 0) == LINK_TAKEN;
		while (link_pop(&lk, i < 50000 ? i * MS : AEF_TIME_NEVER, &d)) {
			const uintptr_t n = (uintptr_t)d.pkt;

			must(owned[n] == 0); /* nothing arrives after the hand-over */
			owned[n] = d.last;
			seen[n]++;
		}
	}

	ck_assert_uint_eq(taken, 50000);
	for (uint64_t i = 1; i <= 50000; i++)
		ck_assert(owned[i] && seen[i] >= 1 && seen[i] <= 5);
	check_near(lk.stats.duplicated, 12500, 50); /* 10 % x mean of 1 to 4 */
	ck_assert_uint_eq(lk.stats.delivered, 50000 + lk.stats.duplicated);
	check_sum();
	stop();
}
END_TEST

START_TEST(link_duplication_has_the_asked_rate)
{
	struct link_delivery d;

	start("dup=1%", SLOTS, 0);
	for (uint64_t i = 0; i < 4000000; i++) {
		must(link_send(&lk, i, NULL, 100, 0) == LINK_TAKEN);
		while (link_pop(&lk, i, &d))
			;
	}

	check_near(lk.stats.duplicated, 40000, 15);
	ck_assert_uint_eq(lk.stats.dup_skipped, 0);
	stop();
}
END_TEST

START_TEST(link_full_memory_is_a_counted_drop_and_skips_copies_first)
{
	struct link_delivery d;

	start("delay=1s,dup=100%/4", 4, 0);
	unsigned taken = 0;

	while (link_send(&lk, 0, NULL, 10, 0) == LINK_TAKEN)
		taken++;
	ck_assert_uint_ge(taken, 1);
	ck_assert_uint_eq(link_in_flight(&lk), 4);
	ck_assert_uint_eq(lk.stats.verdicts[LINK_DROP_FULL], 1);
	check_sum();
	while (link_flush(&lk, &d))
		check_sum();
	ck_assert_uint_eq(lk.stats.flushed, 4);

	/* Lost packets fill no slot of the wire, yet the queue is bounded too. */
	start("rate=8kbit,loss=100%", 4, 0);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(link_send(&lk, 0, NULL, 1000, 0), LINK_DROP_RANDOM);
	ck_assert_int_eq(link_send(&lk, 0, NULL, 1000, 0), LINK_DROP_FULL);
	ck_assert(!link_flush(&lk, &d));
	ck_assert_int_eq(link_send(&lk, 0, NULL, 1000, 0), LINK_DROP_RANDOM);
	stop();
}
END_TEST

START_TEST(link_flipped_bits_are_different_in_range_and_at_the_asked_rate)
{
	uint8_t data[64], twin[64];
	struct link_delivery d;
	uint64_t flips = 0;

	memset(data, 0x5a, sizeof(data));
	memcpy(twin, data, sizeof(data));
	start("corrupt=10%/8,truncate=5%,skip=14", SLOTS, 0);
	for (uint64_t i = 0; i < 400000; i++) {
		const uint32_t len = 8 + (uint32_t)(i % 57);

		must(link_send(&lk, i, NULL, len, 0) == LINK_TAKEN);
		must(link_pop(&lk, i, &d));
		must(d.cut_len <= len);
		must(d.cut_len == len || d.cut_len >= 14);
		for (unsigned f = 0; f < d.nb_flips; f++) {
			must(d.flips[f] >= 14 * 8);
			must(d.flips[f] < d.cut_len * 8);
		}
		link_flip(&d, data, d.cut_len);
		unsigned changed = 0;

		for (size_t b = 0; b < sizeof(data); b++)
			changed += (unsigned)__builtin_popcount(data[b] ^ twin[b]);
		must(changed == d.nb_flips);
		flips += d.nb_flips;
		link_flip(&d, data, d.cut_len);
	}

	/* 50 of 57 lengths reach beyond the 14 bytes; a cut right at 14 leaves nothing to flip. */
	check_near(lk.stats.truncated, 400000 / 20 * 50 / 57, 30);
	check_near(lk.stats.corrupted, 400000 / 10 * 50 / 57, 30);
	check_near(flips * 10 / lk.stats.corrupted, 45, 20);
	stop();
}
END_TEST

START_TEST(link_bit_errors_reach_every_bit_of_a_one_byte_packet)
{
	struct link_delivery d;
	unsigned seen = 0;

	start("corrupt=100%/8", SLOTS, 0);
	for (unsigned i = 0; i < 1000; i++) {
		must(link_send(&lk, i, NULL, i % 2, 0) == LINK_TAKEN);
		must(link_pop(&lk, i, &d));
		ck_assert_int_eq(d.nb_flips > 0, i % 2); /* an empty packet has no bit */
		for (unsigned f = 0; f < d.nb_flips; f++)
			seen |= 1u << d.flips[f];
	}
	ck_assert_uint_eq(seen, 0xff);
	stop();
}
END_TEST

START_TEST(link_scheduled_outages_drop_exactly_their_window)
{
	start("outage=@10ms/5ms,outage=@100ms/1ms,mtu=100", SLOTS, 1000 * MS);

	ck_assert_int_eq(link_send(&lk, 1010 * MS - 1, NULL, 1, 0), LINK_TAKEN);
	ck_assert_int_eq(link_send(&lk, 1010 * MS, NULL, 1, 0), LINK_DROP_OUTAGE);
	ck_assert_int_eq(link_send(&lk, 1010 * MS, NULL, 101, 0), LINK_DROP_MTU);
	ck_assert_int_eq(link_send(&lk, 1015 * MS - 1, NULL, 1, 0), LINK_DROP_OUTAGE);
	ck_assert_int_eq(link_send(&lk, 1015 * MS, NULL, 1, 0), LINK_TAKEN);
	ck_assert_int_eq(link_send(&lk, 1100 * MS, NULL, 1, 0), LINK_DROP_OUTAGE);
	ck_assert_int_eq(link_send(&lk, 1101 * MS, NULL, 100, 0), LINK_TAKEN);
	check_sum();
	stop();
}
END_TEST

START_TEST(link_random_outages_come_at_their_mean_interval_and_never_last_too_long)
{
	struct link_delivery d;
	uint64_t begun = 0, longest = 0, since = 0, down = 0;
	bool before = false;

	start("outage=1s/200ms", SLOTS, 0);
	for (uint64_t now = 0; now < 2000 * AEF_NS_PER_S; now += MS) {
		const bool out = link_send(&lk, now, NULL, 1, 0) == LINK_DROP_OUTAGE;

		if (out && !before) {
			begun++;
			since = now;
		}
		if (out)
			longest = aef_max_u64(longest, now - since);
		down += out;
		before = out;
		while (link_pop(&lk, now, &d))
			;
	}

	check_near(begun, 2000 * 1000 / 1100, 50); /* a cycle is 1 s and half of 200 ms */
	check_near(down, begun * 100, 50);
	ck_assert_uint_le(longest, 200 * MS);

	/* A silence of a year costs a bounded number of steps. */
	offer(31536000 * AEF_NS_PER_S, NULL, 1, 0); /* either answer is right */
	check_sum();
	stop();
}
END_TEST

START_TEST(link_scheduled_change_applies_from_its_time_on)
{
	static struct link_change changes[2];

	changes[0] = (struct link_change){ .at_ns = 10 * MS, .conf = { .delay_ns = 7 * MS } };
	changes[1] = (struct link_change){ .at_ns = 20 * MS, .conf = { .loss_ppm = 1000000 } };
	start("delay=100ms", SLOTS, 0);
	ck_assert_int_eq(link_schedule(&lk, changes, 2), 0);
	ck_assert_int_eq(link_send(&lk, 10 * MS - 1, NULL, 1, 0), LINK_TAKEN);
	ck_assert_uint_eq(link_next_ns(&lk), 110 * MS - 1);
	ck_assert_int_eq(link_send(&lk, 10 * MS, NULL, 1, 0), LINK_TAKEN);
	ck_assert_uint_eq(link_next_ns(&lk), 17 * MS);
	ck_assert_int_eq(link_send(&lk, 20 * MS, NULL, 1, 0), LINK_DROP_RANDOM);

	changes[1].at_ns = 9 * MS;
	ck_assert_int_eq(link_schedule(&lk, changes, 2), AEF_ERR_CONFIG);
	changes[0].conf.loss_ppm = 1000001;
	ck_assert_int_eq(link_schedule(&lk, changes, 1), AEF_ERR_CONFIG);
	ck_assert_int_eq(link_set_conf(&lk, &changes[0].conf), AEF_ERR_CONFIG);
	check_sum();
	stop();
}
END_TEST

START_TEST(link_clock_that_steps_back_is_held)
{
	start("delay=1ms", SLOTS, 50 * MS);
	ck_assert_int_eq(link_send(&lk, 60 * MS, NULL, 1, 0), LINK_TAKEN);
	ck_assert_int_eq(link_send(&lk, 10 * MS, NULL, 1, 0), LINK_TAKEN);

	struct link_delivery d;

	ck_assert(link_pop(&lk, 61 * MS, &d));
	ck_assert(link_pop(&lk, 61 * MS, &d));
	ck_assert_uint_eq(d.sent_ns, 60 * MS);
	stop();
}
END_TEST

/* Everything at once; hash of every delivery and verdict. */
static uint64_t
trace_hash(uint64_t seed, const char *settings, uint64_t *ret_lost)
{
	static const uint8_t key[16];
	struct link_conf conf = link_conf_default();
	struct aef_siphash sip;
	struct aef_rng rng;
	struct link_delivery d;
	uint64_t now = 0;

	ck_assert_msg(link_conf_set_list(&conf, settings, err, sizeof(err)) == 0, "%s", err);
	mem = aligned_alloc(16, link_mem_bytes(256));
	memset(mem, (int)(seed & 0xff), link_mem_bytes(256)); /* what was there must not matter */
	ck_assert_int_eq(link_init(&lk, &conf, seed, 0, mem, 256), 0);
	aef_siphash_init(&sip, key, false);
	aef_rng_init(&rng, 1);
	for (uint64_t i = 0; i < 100000; i++) {
		const uint32_t len = (uint32_t)aef_rng_below(&rng, 1500);
		const uint8_t verdict = (uint8_t)link_send(&lk, now, handle(i), len, LINK_SEND_ECT);

		aef_siphash_update(&sip, &verdict, 1);
		now += aef_rng_below(&rng, 2 * MS);
		while (link_pop(&lk, now, &d)) {
			aef_siphash_update(&sip, &d.pkt, sizeof(d.pkt));
			aef_siphash_update(&sip, &d.deliver_ns, sizeof(d.deliver_ns));
			aef_siphash_update(&sip, &d.cut_len, sizeof(d.cut_len));
			aef_siphash_update(&sip, d.flips, d.nb_flips * sizeof(d.flips[0]));
		}
		check_sum();
	}
	*ret_lost = lk.stats.verdicts[LINK_DROP_RANDOM];
	stop();
	return aef_siphash_final64(&sip);
}

START_TEST(link_same_seed_gives_the_same_trace_and_streams_are_independent)
{
	static const char all[] = "rate=10mbit,delay=30ms,jitter=10ms,queue=64kb,ecn=8kb,loss=3%,"
				  "burst=2%/3,reorder=2%/40ms,dup=5%/3,corrupt=1%/4,truncate=1%,"
				  "outage=5s/500ms,mtu=1450";
	uint64_t lost[4];
	const uint64_t a = trace_hash(1, all, &lost[0]);
	const uint64_t b = trace_hash(1, all, &lost[1]);
	const uint64_t c = trace_hash(2, all, &lost[2]);

	ck_assert_uint_eq(a, b);
	ck_assert_uint_ne(a, c);

	/* Without jitter and bit errors the same packets are lost: only the queue could differ. */
	(void)trace_hash(1, "delay=5ms,loss=3%,dup=50%", &lost[2]);
	(void)trace_hash(1, "delay=5ms,jitter=5ms,corrupt=9%,loss=3%", &lost[3]);
	ck_assert_uint_eq(lost[2], lost[3]);
}
END_TEST

TEST_SUITE(link, &link_perfect_link_delivers_at_once_and_in_order,
           &link_serializer_takes_exactly_bytes_by_rate_even_where_it_does_not_divide,
           &link_queue_drops_at_its_limit_and_drains_at_the_rate,
           &link_ce_is_set_above_the_threshold_on_capable_packets_only,
           &link_random_loss_has_the_asked_rate,
           &link_burst_loss_has_the_asked_mean_and_burst_length,
           &link_lost_packets_have_used_the_serializer,
           &link_jitter_stays_in_its_bounds_and_has_its_shape,
           &link_order_is_kept_where_asked_and_broken_only_where_asked,
           &link_copies_share_the_handle_and_exactly_the_last_one_owns_it,
           &link_duplication_has_the_asked_rate,
           &link_full_memory_is_a_counted_drop_and_skips_copies_first,
           &link_flipped_bits_are_different_in_range_and_at_the_asked_rate,
           &link_bit_errors_reach_every_bit_of_a_one_byte_packet,
           &link_scheduled_outages_drop_exactly_their_window,
           &link_random_outages_come_at_their_mean_interval_and_never_last_too_long,
           &link_scheduled_change_applies_from_its_time_on, &link_clock_that_steps_back_is_held,
           &link_same_seed_gives_the_same_trace_and_streams_are_independent)
