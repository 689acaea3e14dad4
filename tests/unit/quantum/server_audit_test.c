/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "harness.h"
#include "server_priv.h"

static struct quantum_now now;

static void
note(struct audit_queue *q, enum quantum_audit_type type, uint16_t epoch)
{
	const struct quantum_audit event = { .type = type, .epoch = epoch };

	audit_note(q, &event, &now);
}

/* Each reuse is an event of its own, in order. */
START_TEST(server_audit_tells_every_reuse)
{
	static struct audit_queue q;
	struct quantum_audit ev;

	memset(&q, 0, sizeof(q));
	now = (struct quantum_now){ 1000, 7 };
	ck_assert_int_eq(audit_take(&q, &ev), AEF_ERR_AGAIN);
	for (uint16_t round = 0; round < 1000; round++) {
		note(&q, QUANTUM_AUDIT_TOKEN_REUSED, round);
		note(&q, QUANTUM_AUDIT_TOKEN_REUSED, (uint16_t)(round + 1));
		for (uint16_t i = 0; i < 2; i++) {
			ck_assert_int_eq(audit_take(&q, &ev), 0);
			ck_assert_int_eq(ev.type, QUANTUM_AUDIT_TOKEN_REUSED);
			ck_assert_uint_eq(ev.epoch, round + i);
			ck_assert_uint_eq(ev.count, 1);
			ck_assert_uint_eq(ev.unix_ms, 7);
		}
	}
	ck_assert_int_eq(audit_take(&q, &ev), AEF_ERR_AGAIN);
}
END_TEST

/* What strangers can cause is told once a second, with its number. */
START_TEST(server_audit_bounds_what_strangers_can_cause)
{
	static struct audit_queue q;
	struct quantum_audit ev;

	memset(&q, 0, sizeof(q));
	now = (struct quantum_now){ AEF_NS_PER_S, 1 };
	for (unsigned i = 0; i < 100000; i++) {
		note(&q, QUANTUM_AUDIT_TOKEN_FOREIGN, 5);
		now.ns += 100 * AEF_NS_PER_US; /* 10 s in all */
	}
	note(&q, QUANTUM_AUDIT_TOKEN_REVOKED, 6);
	ck_assert_uint_eq(q.nb, 11);
	ck_assert_int_eq(audit_take(&q, &ev), 0);
	ck_assert_uint_eq(ev.count, 1);
	for (unsigned i = 0; i < 9; i++) {
		ck_assert_int_eq(audit_take(&q, &ev), 0);
		ck_assert_int_eq(ev.type, QUANTUM_AUDIT_TOKEN_FOREIGN);
		ck_assert_uint_eq(ev.count, 10000);
	}
	ck_assert_int_eq(audit_take(&q, &ev), 0);
	ck_assert_int_eq(ev.type, QUANTUM_AUDIT_TOKEN_REVOKED);
	ck_assert_uint_eq(ev.count, 1);
}
END_TEST

/* What is held back is told a second later at the latest, or at the end, not with the next one. */
START_TEST(server_audit_flush_tells_what_was_held_back)
{
	static struct audit_queue q;
	struct quantum_audit ev;

	memset(&q, 0, sizeof(q));
	now = (struct quantum_now){ AEF_NS_PER_S, 1 };
	audit_flush(&q, now.ns, true);
	ck_assert_int_eq(audit_take(&q, &ev), AEF_ERR_AGAIN);
	for (uint16_t i = 0; i < 10; i++)
		note(&q, QUANTUM_AUDIT_TOKEN_FOREIGN, i);
	ck_assert_int_eq(audit_take(&q, &ev), 0);
	audit_flush(&q, 2 * AEF_NS_PER_S - 1, false);
	ck_assert_int_eq(audit_take(&q, &ev), AEF_ERR_AGAIN);
	audit_flush(&q, 2 * AEF_NS_PER_S, false);
	ck_assert_int_eq(audit_take(&q, &ev), 0);
	ck_assert_uint_eq(ev.count, 9);
	ck_assert_uint_eq(ev.epoch, 9); /* the last of them */
	now.ns = 2 * AEF_NS_PER_S + 1;
	note(&q, QUANTUM_AUDIT_TOKEN_FOREIGN, 7);
	audit_flush(&q, now.ns, true);
	ck_assert_int_eq(audit_take(&q, &ev), 0);
	ck_assert_uint_eq(ev.count, 1);
	audit_flush(&q, UINT64_MAX / 2, true);
	ck_assert_int_eq(audit_take(&q, &ev), AEF_ERR_AGAIN);
}
END_TEST

START_TEST(server_audit_full_queue_keeps_the_first_and_counts_the_rest)
{
	static struct audit_queue q;
	struct quantum_audit ev;

	memset(&q, 0, sizeof(q));
	for (uint16_t i = 0; i < AUDIT_EVENTS_MAX + 10; i++)
		note(&q, QUANTUM_AUDIT_TOKEN_REUSED, i);
	ck_assert_uint_eq(q.nb_lost, 10);
	for (uint16_t i = 0; i < AUDIT_EVENTS_MAX; i++) {
		ck_assert_int_eq(audit_take(&q, &ev), 0);
		ck_assert_uint_eq(ev.epoch, i);
	}
	note(&q, QUANTUM_AUDIT_TOKEN_REUSED, 999);
	ck_assert_int_eq(audit_take(&q, &ev), 0);
	ck_assert_uint_eq(ev.count, 11); /* those that found no room, and itself */
}
END_TEST

START_TEST(server_audit_types_have_words)
{
	ck_assert_str_eq(quantum_audit_word(QUANTUM_AUDIT_TOKEN_REUSED), "token_reused");
	ck_assert_str_eq(quantum_audit_word(QUANTUM_NB_AUDITS), "?");
	for (unsigned i = 0; i < QUANTUM_NB_AUDITS; i++)
		ck_assert_uint_gt(strlen(quantum_audit_text((enum quantum_audit_type)i)), 10);
	ck_assert_str_eq(quantum_audit_text(QUANTUM_NB_AUDITS), "?");
}
END_TEST

TEST_SUITE(server_audit, &server_audit_tells_every_reuse,
           &server_audit_bounds_what_strangers_can_cause,
           &server_audit_flush_tells_what_was_held_back,
           &server_audit_full_queue_keeps_the_first_and_counts_the_rest,
           &server_audit_types_have_words)
