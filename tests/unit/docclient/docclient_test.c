/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening, resuming, states. */
#include "script.h"

static void
type(struct script *script, uint32_t pos, const char *text)
{
	ck_assert_int_eq(docclient_insert(script->dc, pos, (const uint8_t *)text, strlen(text),
	                                  script->now_ns),
	                 0);
}

START_TEST(docclient_connected_asks_for_its_document)
{
	struct script *script = script_create(0, false);

	docclient_connected(script->dc, 1);

	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_OPENING);
	ck_assert_int_eq(script->sent.kind, DOCMSG_OPEN);
	ck_assert(script->sent.u.open.create);
	ck_assert_uint_eq(script->sent.u.open.from_version, 0);
	ck_assert(!script->sent.u.open.has_pending);
	script_destroy(script);
}
END_TEST

START_TEST(docclient_opening_that_does_not_fit_is_sent_by_poll)
{
	struct script *script = script_create(0, false);

	script->send_error = AEF_ERR_FULL;
	docclient_connected(script->dc, 1);
	ck_assert_uint_eq(script->nb_sent, 0);
	script->send_error = 0;
	docclient_poll(script->dc, 2);

	ck_assert_int_eq(script->sent.kind, DOCMSG_OPEN);
	ck_assert_uint_eq(docclient_stats(script->dc)->sends_refused, 1);
	script_destroy(script);
}
END_TEST

START_TEST(docclient_edits_made_offline_are_sent_after_opening)
{
	struct script *script = script_create(0, false);

	type(script, 0, "hi");
	ck_assert_uint_eq(script->nb_sent, 0);
	docclient_connected(script->dc, 1);
	ck_assert(script->sent.u.open.has_pending);
	script_opened(script, 0, 0, 0);

	ck_assert_int_eq(script->sent.kind, DOCMSG_APPLY);
	ck_assert_uint_eq(script->sent.u.apply.first_seq, 1);
	ck_assert_str_eq(script->ops[0], "[\"hi\"]");
	script_destroy(script);
}
END_TEST

START_TEST(docclient_resume_sends_again_only_what_is_not_committed)
{
	struct script *script = script_live(0);

	for (uint32_t i = 0; i < 4; i++)
		type(script, i, "x");
	docclient_disconnected(script->dc, 2);
	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_OFFLINE);
	docclient_connected(script->dc, 3);
	script_opened(script, 0, 2, 2); /* two of the four were committed */

	ck_assert_int_eq(script->sent.kind, DOCMSG_APPLY);
	ck_assert_uint_eq(script->sent.u.apply.first_seq, 3);
	ck_assert_uint_eq(script->sent.u.apply.nb, 2);
	ck_assert_uint_eq(docclient_stats(script->dc)->ops_resent, 2);
	script_acked(script, 1, 1, 2);
	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_LIVE);
	script_acked(script, 3, 3, 2);
	ck_assert_uint_eq(docclient_in_flight(script->dc), 0);
	script_destroy(script);
}
END_TEST

START_TEST(docclient_waits_for_min_base_before_it_sends)
{
	struct script *script = script_live(0);

	type(script, 0, "a");
	docclient_disconnected(script->dc, 2);
	type(script, 1, "b");
	docclient_connected(script->dc, 3);
	script->nb_sent = 0;
	script_event(script, (struct docmsg){ .kind = DOCMSG_OPENED,
	                                      .u.opened = { .version = 2,
	                                                    .last_seq = 1,
	                                                    .min_base = 2,
	                                                    .window = 1024 } });
	ck_assert_uint_eq(script->nb_sent, 0);
	script_foreign(script, 1, 2, 1, "[\"F\"]");
	ck_assert_uint_eq(script->nb_sent, 0);
	script_acked(script, 2, 1, 1);

	ck_assert_uint_eq(script->nb_sent, 1);
	ck_assert_uint_eq(script->sent.u.apply.base, 2);
	ck_assert_uint_eq(script->sent.u.apply.first_seq, 2);
	script_text_is(script, "abF");
	script_destroy(script);
}
END_TEST

START_TEST(docclient_snapshot_in_pieces_replaces_the_text)
{
	struct script *script = script_create(1, false);
	struct docmsg piece = { .kind = DOCMSG_SNAPSHOT };

	docclient_connected(script->dc, 1);
	script_event(script, (struct docmsg){ .kind = DOCMSG_OPENED,
	                                      .u.opened = { .version = 7,
	                                                    .start_version = 7,
	                                                    .snapshot = true,
	                                                    .snapshot_bytes = 5,
	                                                    .window = 16 } });
	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_CATCHUP);
	ck_assert_int_eq(docclient_insert(script->dc, 0, (const uint8_t *)"x", 1, 1),
	                 AEF_ERR_STATE);
	piece.u.snapshot.data = (struct docmsg_bytes){ (const uint8_t *)"he", 2 };
	script_event(script, piece);
	piece.u.snapshot.offset = 2;
	piece.u.snapshot.data = (struct docmsg_bytes){ (const uint8_t *)"llo", 3 };
	script_event(script, piece);

	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_LIVE);
	ck_assert_uint_eq(docclient_version(script->dc), 7);
	ck_assert_uint_eq(script->what[DOCCLIENT_LOADED], 1);
	script_text_is(script, "hello");
	script_destroy(script);
}
END_TEST

START_TEST(docclient_snapshot_asked_without_pending_is_asked_again_after_an_edit)
{
	struct script *script = script_create(0, false);

	docclient_connected(script->dc, 1);
	type(script, 0, "typed while opening");
	script->nb_sent = 0;
	script_event(script, (struct docmsg){ .kind = DOCMSG_OPENED,
	                                      .u.opened = { .version = 7,
	                                                    .start_version = 7,
	                                                    .snapshot = true,
	                                                    .snapshot_bytes = 5 } });

	ck_assert_uint_eq(script->nb_sent, 1);
	ck_assert_int_eq(script->sent.kind, DOCMSG_OPEN);
	ck_assert(script->sent.u.open.has_pending);
	ck_assert_uint_eq(script->what[DOCCLIENT_LOST], 0);
	script_destroy(script);
}
END_TEST

START_TEST(docclient_snapshot_although_pending_tells_what_is_lost)
{
	struct script *script = script_live(0);

	type(script, 0, "a");
	type(script, 1, "b");
	docclient_disconnected(script->dc, 2);
	docclient_connected(script->dc, 3);
	script_event(script, (struct docmsg){ .kind = DOCMSG_OPENED,
	                                      .u.opened = { .version = 9,
	                                                    .start_version = 9,
	                                                    .last_seq = 1,
	                                                    .snapshot = true,
	                                                    .window = 16 } });

	ck_assert_uint_eq(script->what[DOCCLIENT_LOST], 1);
	ck_assert_uint_eq(docclient_stats(script->dc)->ops_lost, 1);
	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_LIVE);
	script_text_is(script, "");
	type(script, 0, "next");
	ck_assert_uint_eq(script->sent.u.apply.first_seq, 2);
	script_destroy(script);
}
END_TEST

START_TEST(docclient_refused_opening_fails_with_the_reason_and_may_be_tried_again)
{
	struct script *script = script_create(0, false);

	docclient_connected(script->dc, 1);
	script_event(script, (struct docmsg){ .kind = DOCMSG_ERROR,
	                                      .u.refusal = { .reason = DOCMSG_REASON_TOO_MANY } });
	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_FAILED);
	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_REFUSED);
	ck_assert_uint_eq(docclient_reason(script->dc), DOCMSG_REASON_TOO_MANY);
	docclient_connected(script->dc, 2);

	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_OPENING);
	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_OK);
	script_destroy(script);
}
END_TEST

START_TEST(docclient_without_memory_is_not_created)
{
	struct script *script = script_create(0, false);
	struct docclient *dc = NULL;

	script->alloc.budget_bytes = script->alloc.used_bytes + 100;
	ck_assert_int_eq(docclient_create(&script->conf, &dc), AEF_ERR_FULL);
	script->conf.codec = NULL;
	ck_assert_int_eq(docclient_create(&script->conf, &dc), AEF_ERR_INVALID);

	ck_assert_ptr_null(dc);
	script_destroy(script);
}
END_TEST

START_TEST(docclient_every_error_has_a_name)
{
	for (int i = DOCCLIENT_OK; i <= DOCCLIENT_MEMORY; i++)
		ck_assert_uint_gt(strlen(docclient_error_name((enum docclient_error)i)), 1);
	ck_assert_str_eq(docclient_error_name((enum docclient_error)99), "unknown");
}
END_TEST

TEST_SUITE(docclient, &docclient_connected_asks_for_its_document,
           &docclient_opening_that_does_not_fit_is_sent_by_poll,
           &docclient_edits_made_offline_are_sent_after_opening,
           &docclient_resume_sends_again_only_what_is_not_committed,
           &docclient_waits_for_min_base_before_it_sends,
           &docclient_snapshot_in_pieces_replaces_the_text,
           &docclient_snapshot_asked_without_pending_is_asked_again_after_an_edit,
           &docclient_snapshot_although_pending_tells_what_is_lost,
           &docclient_refused_opening_fails_with_the_reason_and_may_be_tried_again,
           &docclient_without_memory_is_not_created, &docclient_every_error_has_a_name)
