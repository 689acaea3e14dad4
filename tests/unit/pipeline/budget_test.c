/* SPDX-License-Identifier: BSD-3-Clause */
#include "budget_priv.h"
#include "harness.h"

#define START   1000000000ull
#define MS      1000000ull
#define BURST   32u
#define COST_NS 1000u /* of one datagram at the start */

/* Bursts of which each takes its estimate, until there is no time left. @return datagrams */
static unsigned
spend(struct budget *b)
{
	unsigned nb = 0;

	while (budget_has(b, 0)) {
		unsigned n = 0;

		while (n < BURST && budget_has(b, n))
			n++;
		budget_charge(b, n, (uint64_t)n * COST_NS);
		nb += n;
	}
	return nb;
}

START_TEST(budget_saves_its_share_of_ten_milliseconds_and_no_more)
{
	struct budget b;
	unsigned first, second;

	budget_init(&b, 10, START);
	budget_refill(&b, START + 9 * MS); /* nothing was spent meanwhile */
	budget_refill(&b, START + 18 * MS);
	first = spend(&b);
	budget_refill(&b, START + 10000 * MS);
	second = spend(&b);

	/* 10 % of 10 ms at 1 us each; 10 % is 102/1024. */
	ck_assert_uint_ge(first, 995);
	ck_assert_uint_le(first, 1001);
	ck_assert_uint_ge(second, 995);
	ck_assert_uint_le(second, 1001);
}
END_TEST

START_TEST(budget_of_a_busy_second_is_its_share_in_steps_of_any_size)
{
	static const uint64_t steps_ns[] = { 100, 333, 5000, 1000000 };

	for (unsigned i = 0; i < AEF_DIM(steps_ns); i++) {
		struct budget b;
		uint64_t now = START;
		unsigned nb = 0;

		budget_init(&b, 10, now);
		(void)spend(&b);
		while (now < START + 1000 * MS) {
			now += steps_ns[i];
			budget_refill(&b, now);
			nb += spend(&b);
		}

		ck_assert_uint_ge(nb, 98000);
		ck_assert_uint_le(nb, 101000);
	}
}
END_TEST

START_TEST(budget_learns_what_a_datagram_costs)
{
	struct budget b;

	budget_init(&b, 10, START);
	for (unsigned i = 0; i < 100; i++)
		budget_charge(&b, BURST, BURST * 200);
	ck_assert_uint_ge(b.cost_x64 / 64, 195);
	ck_assert_uint_le(b.cost_x64 / 64, 205);

	for (unsigned i = 0; i < 100; i++)
		budget_charge(&b, 1, 3000);
	ck_assert_uint_ge(b.cost_x64 / 64, 1500);
}
END_TEST

START_TEST(budget_takes_a_pause_of_the_lcore_for_no_work)
{
	struct budget b;
	int64_t before;

	budget_init(&b, 10, START);
	before = b.left_x1024;
	budget_charge(&b, 10, 500 * MS); /* another program had the CPU */

	ck_assert_int_ge(b.left_x1024, before - 10ll * 4 * COST_NS * 1024);
	ck_assert_uint_le(b.cost_x64 / 64, 2 * COST_NS);
}
END_TEST

START_TEST(budget_learned_from_cheap_datagrams_is_charged_in_full_for_dear_ones)
{
	struct budget b;
	int64_t before;

	budget_init(&b, 10, START);
	for (unsigned i = 0; i < 100; i++)
		budget_charge(&b, BURST, BURST * 70); /* strangers: counted, no more */
	before = b.left_x1024;
	budget_charge(&b, BURST, BURST * 2000); /* then SYNs with a token to be opened */

	ck_assert_int_eq(before - b.left_x1024, BURST * 2000ll * 1024);
}
END_TEST

START_TEST(budget_of_a_clock_that_stands_counts_datagrams)
{
	struct budget b;
	unsigned nb = 0;

	budget_init(&b, 10, START);
	while (budget_has(&b, 0) && nb < 1000000) {
		unsigned n = 0;

		while (n < BURST && budget_has(&b, n))
			n++;
		budget_charge(&b, n, 0);
		nb += n;
		budget_refill(&b, START);
	}

	/* About 1 ms at 64 ns; the same number in every run. */
	ck_assert_uint_ge(nb, 12000);
	ck_assert_uint_le(nb, 16000);
}
END_TEST

START_TEST(budget_charged_with_nothing_stays_as_it_is)
{
	struct budget b, before;

	budget_init(&b, 10, START);
	before = b;
	budget_charge(&b, 0, 12345);

	ck_assert_int_eq(b.left_x1024, before.left_x1024);
	ck_assert_uint_eq(b.cost_x64, before.cost_x64);
}
END_TEST

TEST_SUITE(budget, &budget_saves_its_share_of_ten_milliseconds_and_no_more,
           &budget_of_a_busy_second_is_its_share_in_steps_of_any_size,
           &budget_learns_what_a_datagram_costs, &budget_takes_a_pause_of_the_lcore_for_no_work,
           &budget_learned_from_cheap_datagrams_is_charged_in_full_for_dear_ones,
           &budget_of_a_clock_that_stands_counts_datagrams,
           &budget_charged_with_nothing_stays_as_it_is)
