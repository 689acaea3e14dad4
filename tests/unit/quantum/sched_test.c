/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/rng.h>

#include "harness.h"
#include "sched_priv.h"

/* Serve `rounds` packets; bytes per entry come back. */
static void
serve(struct quantum_sched *sched, struct quantum_sched_entry *entries, uint64_t *bytes,
      unsigned rounds, uint32_t packet)
{
	for (unsigned i = 0; i < rounds; i++) {
		struct quantum_sched_entry *e = quantum_sched_next(sched);

		ck_assert_ptr_nonnull(e);
		bytes[e - entries] += packet;
		quantum_sched_charge(sched, e, packet);
	}
}

START_TEST(sched_each_priority_step_halves_the_share)
{
	struct quantum_sched sched;
	struct quantum_sched_entry e[QUANTUM_PRIORITIES];
	uint64_t bytes[QUANTUM_PRIORITIES] = { 0 };

	quantum_sched_init(&sched);
	for (unsigned p = 0; p < QUANTUM_PRIORITIES; p++) {
		quantum_sched_entry_init(&e[p], p, 1);
		quantum_sched_activate(&sched, &e[p]);
	}
	serve(&sched, e, bytes, 25500, 1000);

	for (unsigned p = 1; p < QUANTUM_PRIORITIES; p++) {
		ck_assert_uint_ge(bytes[p] * 21 / 10, bytes[p - 1]);
		ck_assert_uint_le(bytes[p] * 19 / 10, bytes[p - 1]);
	}
}
END_TEST

START_TEST(sched_weights_share_one_priority)
{
	struct quantum_sched sched;
	struct quantum_sched_entry e[3];
	uint64_t bytes[3] = { 0 };
	static const unsigned weight[3] = { 0, 2, 5 };

	quantum_sched_init(&sched);
	for (unsigned i = 0; i < 3; i++) {
		quantum_sched_entry_init(&e[i], 3, weight[i]);
		quantum_sched_activate(&sched, &e[i]);
	}
	serve(&sched, e, bytes, 8000, 700);

	ck_assert_uint_ge(bytes[1] * 100, bytes[0] * 195);
	ck_assert_uint_le(bytes[1] * 100, bytes[0] * 205);
	ck_assert_uint_ge(bytes[2] * 100, bytes[0] * 490);
	ck_assert_uint_le(bytes[2] * 100, bytes[0] * 510);
}
END_TEST

START_TEST(sched_heaviest_channel_starves_nobody)
{
	struct quantum_sched sched;
	struct quantum_sched_entry e[4];
	uint64_t bytes[4] = { 0 };

	quantum_sched_init(&sched);
	quantum_sched_entry_init(&e[0], 0, 255);
	quantum_sched_entry_init(&e[1], 0, 1);
	quantum_sched_entry_init(&e[2], 7, 1);
	quantum_sched_entry_init(&e[3], 7, 255);
	for (unsigned i = 0; i < 4; i++)
		quantum_sched_activate(&sched, &e[i]);
	serve(&sched, e, bytes, 200000, 1200);

	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_gt(bytes[i], 0);
}
END_TEST

START_TEST(sched_idle_time_is_no_credit_later)
{
	struct quantum_sched sched;
	struct quantum_sched_entry e[2];
	uint64_t bytes[2] = { 0 };

	quantum_sched_init(&sched);
	quantum_sched_entry_init(&e[0], 2, 1);
	quantum_sched_entry_init(&e[1], 3, 1);
	quantum_sched_activate(&sched, &e[0]);
	serve(&sched, e, bytes, 100000, 1200);
	quantum_sched_activate(&sched, &e[1]);
	bytes[0] = 0;
	serve(&sched, e, bytes, 300, 1200);

	/* Two to one at once, not 100000 packets of catching up. */
	ck_assert_uint_ge(bytes[0], 195 * 1200);
	ck_assert_uint_le(bytes[0], 205 * 1200);
}
END_TEST

START_TEST(sched_long_frames_and_short_frames_get_equal_bytes)
{
	struct quantum_sched sched;
	struct quantum_sched_entry e[2];
	uint64_t bytes[2] = { 0 };

	quantum_sched_init(&sched);
	for (unsigned i = 0; i < 2; i++) {
		quantum_sched_entry_init(&e[i], 1, 2);
		quantum_sched_activate(&sched, &e[i]);
	}
	for (unsigned i = 0; i < 20000; i++) {
		struct quantum_sched_entry *at = quantum_sched_next(&sched);
		const uint32_t len = at == &e[0] ? 1400 : 60;

		bytes[at - e] += len;
		quantum_sched_charge(&sched, at, len);
	}

	ck_assert_uint_le(bytes[0] * 98, bytes[1] * 100);
	ck_assert_uint_ge(bytes[0] * 102, bytes[1] * 100);
}
END_TEST

START_TEST(sched_random_use_serves_only_active_entries)
{
	struct quantum_sched sched;
	struct quantum_sched_entry e[40];
	struct aef_rng rng;
	unsigned active = 0;

	aef_rng_init(&rng, 3);
	quantum_sched_init(&sched);
	for (unsigned i = 0; i < 40; i++)
		quantum_sched_entry_init(&e[i], i % 8, 1 + i);
	for (unsigned step = 0; step < 100000; step++) {
		struct quantum_sched_entry *pick = &e[aef_rng_below(&rng, 40)];
		struct quantum_sched_entry *at = quantum_sched_next(&sched);

		ck_assert_int_eq(at != NULL, active > 0);
		if (at != NULL && aef_rng_chance_ppm(&rng, 400000)) {
			quantum_sched_deactivate_next(&sched, at);
			ck_assert(!quantum_sched_is_active(at));
			active--;
		} else if (at != NULL) {
			quantum_sched_charge(&sched, at, (uint32_t)aef_rng_below(&rng, 9000));
		}
		active += !quantum_sched_is_active(pick);
		quantum_sched_activate(&sched, pick);
	}
}
END_TEST

TEST_SUITE(sched, &sched_each_priority_step_halves_the_share, &sched_weights_share_one_priority,
           &sched_heaviest_channel_starves_nobody, &sched_idle_time_is_no_credit_later,
           &sched_long_frames_and_short_frames_get_equal_bytes,
           &sched_random_use_serves_only_active_entries)
