/* SPDX-License-Identifier: BSD-3-Clause */
#include <text/utf8.h>

#include "harness.h"
#include "typing.c"

START_TEST(typing_same_seed_types_the_same)
{
	struct lab_typing a, b;
	uint32_t cps = 0;

	lab_typing_init(&a, 5, 7000, 0);
	lab_typing_init(&b, 5, 7000, 0);

	for (unsigned i = 0; i < 2000; i++) {
		struct lab_edit x, y;

		lab_typing_next(&a, cps, a.next_ns, &x);
		lab_typing_next(&b, cps, b.next_ns, &y);
		ck_assert_int_eq(memcmp(&x, &y, sizeof(x)), 0);
		cps += codepoints(x.ins, x.ins_len) - x.del;
	}
	ck_assert_uint_eq(a.next_ns, b.next_ns);
}
END_TEST

START_TEST(typing_edits_fit_the_document_and_change_it)
{
	struct lab_typing t;
	uint32_t cps = 0, erased = 0, jumps = 0, last = 0;

	lab_typing_init(&t, 6, 7000, 0);
	for (unsigned i = 0; i < 50000; i++) {
		struct lab_edit e;

		lab_typing_next(&t, cps, t.next_ns, &e);
		ck_assert_uint_le(e.pos + e.del, cps);
		ck_assert(e.del > 0 || e.ins_len > 0);
		ck_assert_uint_le(e.ins_len, LAB_TYPING_TEXT_MAX);
		erased += e.del;
		jumps += e.pos > last + 1 || e.pos + 1 < last;
		last = t.cursor;
		cps += codepoints(e.ins, e.ins_len) - e.del;
	}

	ck_assert_uint_gt(erased, 1000);
	ck_assert_uint_gt(jumps, 100);
	ck_assert_uint_lt(cps, 2 * DOC_LARGE);
}
END_TEST

START_TEST(typing_long_run_rate_is_near_what_was_asked)
{
	static const uint64_t rates[] = { 1000, 7000, 100000 };

	for (unsigned r = 0; r < AEF_DIM(rates); r++) {
		struct lab_typing t;
		const unsigned nb = 20000;
		double rate;

		lab_typing_init(&t, 9, rates[r], 0);
		for (unsigned i = 0; i < nb; i++) {
			struct lab_edit e;

			lab_typing_next(&t, 1000, t.next_ns, &e);
		}
		rate = nb / ((double)t.next_ns / 1e9) * 1000;
		ck_assert_msg(rate > 0.9 * (double)rates[r] && rate < 1.1 * (double)rates[r],
		              "%f for %f", rate, (double)rates[r]);
	}
}
END_TEST

START_TEST(typing_after_a_long_stop_does_not_catch_up_all_of_it)
{
	struct lab_typing t;
	struct lab_edit e;
	unsigned nb = 0;

	lab_typing_init(&t, 3, 10000, 0);
	for (const uint64_t now = 3600 * AEF_NS_PER_S; t.next_ns <= now; nb++)
		lab_typing_next(&t, 100, now, &e);

	ck_assert_uint_lt(nb, 20);
}
END_TEST

TEST_SUITE(typing, &typing_same_seed_types_the_same, &typing_edits_fit_the_document_and_change_it,
           &typing_long_run_rate_is_near_what_was_asked,
           &typing_after_a_long_stop_does_not_catch_up_all_of_it)
