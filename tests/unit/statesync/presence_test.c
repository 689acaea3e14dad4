/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * presence_test.c - what sessions show: overwritten in place, told once, bounded.
 */
#include <stdlib.h>

#include <base/bytes.h>
#include <base/time.h>

#include "harness.h"
#include "presence_priv.h"

#define BUDGET (4u << 20)

static void *
heap_get(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void
heap_put(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

static struct aef_alloc alloc;
static struct presence presence;
static struct presence_entry *slots[PRESENCE_MAX + 1];

static void
start(uint64_t budget)
{
	alloc = (struct aef_alloc){ .alloc = heap_get, .free = heap_put, .budget_bytes = budget };
	memset(slots, 0, sizeof(slots));
	presence_init(&presence);
}

static void
finish(void)
{
	presence_fini(&presence, &alloc);
	ck_assert_uint_eq(alloc.used_bytes, 0);
	for (unsigned i = 0; i < AEF_DIM(slots); i++)
		ck_assert_ptr_null(slots[i]);
}

static int
set(unsigned nr, const char *data, uint32_t len)
{
	struct presence_state state = { .session = { { 's' } },
		                        .user = { { 'u' } },
		                        .version = 100 + nr,
		                        .data = (const uint8_t *)data,
		                        .len = len };

	aef_store_be32(state.session.b + 12, nr);
	aef_store_be32(state.user.b + 12, nr);
	return presence_set(&presence, &alloc, &slots[nr], &state);
}

static unsigned
nr_of(const struct presence_entry *entry)
{
	return aef_load_be32(entry->session.b + 12);
}

/* What a subscriber is told, as "3 1 -2 " (!: forget all before, -: ended). */
static const char *
news(struct presence_cursor *cursor)
{
	static char text[256];
	size_t len;
	bool restart;
	const struct presence_entry *e = presence_first(&presence, cursor, &restart);

	len = (size_t)snprintf(text, sizeof(text), "%s", restart ? "!" : "");
	for (; e != NULL && len < sizeof(text) - 16; e = presence_next(&presence, e)) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u ",
		                        e->len == 0 ? "-" : "", nr_of(e));
		cursor->at = e->number;
	}
	return text;
}

START_TEST(presence_is_told_once_in_its_newest_state)
{
	struct presence_cursor cursor = { 0 }, late = { 0 };
	bool restart;

	start(BUDGET);
	ck_assert_str_eq(news(&cursor), "");
	ck_assert_int_eq(set(1, "a", 1), 0);
	ck_assert_int_eq(set(2, "b", 1), 0);
	ck_assert_int_eq(set(1, "cc", 2), 0);
	ck_assert_str_eq(news(&cursor), "2 1 ");
	ck_assert_str_eq(news(&cursor), "");
	ck_assert_uint_eq(slots[1]->version, 101);
	ck_assert_uint_eq(slots[1]->len, 2);
	ck_assert_mem_eq(slots[1]->data, "cc", 2);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(set(2, "x", 1), 0);
	ck_assert_uint_eq(presence.nb, 2);
	ck_assert_str_eq(news(&cursor), "2 ");

	presence_end(&presence, &slots[1], 5);
	ck_assert_ptr_null(slots[1]);
	presence_end(&presence, &slots[1], 5); /* nothing */
	ck_assert_str_eq(news(&cursor), "-1 ");
	ck_assert_str_eq(news(&late), "2 -1 "); /* that 1 is not there is no news, and no harm */
	ck_assert_ptr_null(presence_first(&presence, &cursor, &restart));
	ck_assert(!restart);
	finish();
}
END_TEST

START_TEST(presence_of_who_left_is_forgotten_and_the_late_start_over)
{
	struct presence_cursor cursor = { 0 }, all = { 0 };

	start(BUDGET);
	ck_assert_int_eq(set(1, "a", 1), 0);
	ck_assert_str_eq(news(&cursor), "1 ");
	ck_assert_int_eq(set(2, "b", 1), 0);
	presence_end(&presence, &slots[1], 10);
	ck_assert_uint_eq(presence_sweep(&presence, &alloc, 10), 10 + PRESENCE_ENDED_NS);
	ck_assert_uint_eq(presence_sweep(&presence, &alloc, 9 + PRESENCE_ENDED_NS),
	                  10 + PRESENCE_ENDED_NS);
	ck_assert_uint_eq(presence.nb, 2);
	ck_assert_uint_eq(presence_sweep(&presence, &alloc, 10 + PRESENCE_ENDED_NS),
	                  AEF_TIME_NEVER);
	ck_assert_uint_eq(presence.nb, 1);
	ck_assert_str_eq(news(&cursor), "!2 ");
	ck_assert_str_eq(news(&cursor), "");
	ck_assert_str_eq(news(&all), "2 ");
	ck_assert_int_eq(set(1, "back", 4), 0);
	ck_assert_str_eq(news(&all), "1 ");
	finish();
}
END_TEST

START_TEST(presence_of_too_many_or_too_much_is_refused_and_changes_nothing)
{
	static char data[PRESENCE_BYTES_MAX + 1];
	uint64_t number;

	start(BUDGET);
	memset(data, 'x', sizeof(data));
	ck_assert_int_eq(set(0, data, PRESENCE_BYTES_MAX), 0);
	number = presence.number;
	ck_assert_int_eq(set(0, data, PRESENCE_BYTES_MAX + 1), AEF_ERR_LIMIT);
	ck_assert_int_eq(set(0, data, 0), AEF_ERR_LIMIT);
	for (unsigned i = 1; i < PRESENCE_MAX; i++)
		ck_assert_int_eq(set(i, data, 1 + i % 100), 0);
	number = presence.number;
	ck_assert_int_eq(set(PRESENCE_MAX, "a", 1), AEF_ERR_FULL);
	ck_assert_uint_eq(presence.number, number);
	ck_assert_uint_eq(slots[0]->len, PRESENCE_BYTES_MAX);
	presence_end(&presence, &slots[7], 1); /* gives way at once */
	ck_assert_int_eq(set(PRESENCE_MAX, "a", 1), 0);
	ck_assert_uint_eq(presence.nb, PRESENCE_MAX);
	finish();
}
END_TEST

START_TEST(presence_without_memory_stays_as_it_was)
{
	static char data[PRESENCE_BYTES_MAX];

	start(sizeof(struct presence_entry) + 64);
	ck_assert_int_eq(set(1, "abc", 3), 0);
	ck_assert_int_eq(set(2, "abc", 3), AEF_ERR_FULL);
	ck_assert_int_eq(set(1, data, 65), AEF_ERR_FULL);
	ck_assert_uint_eq(slots[1]->len, 3);
	ck_assert_mem_eq(slots[1]->data, "abc", 3);
	ck_assert_ptr_null(slots[2]);
	finish();
}
END_TEST

/* Subscribers who look at random times know, in the end, exactly what is shown. */
START_TEST(presence_told_at_any_times_ends_as_what_is_shown)
{
	enum { SESSIONS = 40, SUBSCRIBERS = 5 };
	static bool known[SUBSCRIBERS][SESSIONS];
	static char text[SUBSCRIBERS][SESSIONS];
	struct presence_cursor cursors[SUBSCRIBERS] = { 0 };
	uint64_t now_ns = 0;
	struct aef_rng rng;

	start(BUDGET);
	aef_rng_init(&rng, 11);
	memset(known, 0, sizeof(known));
	for (unsigned step = 0; step < 30000; step++) {
		const unsigned nr = (unsigned)aef_rng_below(&rng, SESSIONS);
		const unsigned sub = (unsigned)aef_rng_below(&rng, SUBSCRIBERS);
		char c = (char)('a' + aef_rng_below(&rng, 26));
		bool restart = false;

		now_ns += aef_rng_below(&rng, PRESENCE_ENDED_NS / 100);
		if (step < 29990 && aef_rng_below(&rng, 4) == 0)
			presence_end(&presence, &slots[nr], now_ns);
		else if (step < 29990)
			ck_assert_int_eq(set(nr, &c, 1), 0);
		(void)presence_sweep(&presence, &alloc, now_ns);
		if (aef_rng_below(&rng, 1 + sub * 40) != 0 && step < 29990)
			continue;
		for (unsigned s = sub; s < (step < 29990 ? sub + 1 : SUBSCRIBERS); s++) {
			const struct presence_entry *e =
				presence_first(&presence, &cursors[s], &restart);
			/* Some take only a part at a time. */
			unsigned room = step < 29990 && s > 2 ? 3 : SESSIONS * 2;

			if (restart)
				memset(known[s], 0, sizeof(known[s]));
			for (; e != NULL && room > 0; e = presence_next(&presence, e), room--) {
				known[s][nr_of(e)] = e->len > 0;
				text[s][nr_of(e)] = e->len > 0 ? (char)e->data[0] : 0;
				cursors[s].at = e->number;
			}
		}
	}
	for (unsigned s = 0; s < SUBSCRIBERS; s++)
		for (unsigned nr = 0; nr < SESSIONS; nr++) {
			ck_assert(known[s][nr] == (slots[nr] != NULL));
			if (known[s][nr])
				ck_assert_int_eq(text[s][nr], slots[nr]->data[0]);
		}
	finish();
}
END_TEST

TEST_SUITE(presence, &presence_is_told_once_in_its_newest_state,
           &presence_of_who_left_is_forgotten_and_the_late_start_over,
           &presence_of_too_many_or_too_much_is_refused_and_changes_nothing,
           &presence_without_memory_stays_as_it_was,
           &presence_told_at_any_times_ends_as_what_is_shown)
