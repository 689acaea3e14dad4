/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

static int
type(struct script *script, uint32_t pos, const char *text)
{
	return docclient_insert(script->dc, pos, (const uint8_t *)text, strlen(text),
	                        script->now_ns);
}

START_TEST(edit_shows_at_once_and_is_sent_with_its_base)
{
	struct script *script = script_live(0);

	ck_assert_int_eq(type(script, 0, "ab"), 0);
	script_foreign(script, 1, 2, 1, "[\"F\"]");
	ck_assert_int_eq(type(script, 2, "c"), 0);

	script_text_is(script, "abcF");
	ck_assert_uint_eq(script->sent.u.apply.base, 1);
	ck_assert_uint_eq(script->sent.u.apply.first_seq, 2);
	ck_assert_str_eq(script->ops[0], "[2,\"c\"]");
	ck_assert_uint_eq(docclient_in_flight(script->dc), 2);
	ck_assert_uint_eq(docclient_last_seq(script->dc), 2);
	script_destroy(script);
}
END_TEST

START_TEST(edit_replace_is_one_operation)
{
	struct script *script = script_live(0);

	ck_assert_int_eq(type(script, 0, "hello"), 0);
	ck_assert_int_eq(docclient_replace(script->dc, 1, 3, (const uint8_t *)"ipp", 3, 1), 0);
	ck_assert_str_eq(script->ops[0], "[1,\"ipp\",{\"d\":3}]");
	ck_assert_int_eq(docclient_delete(script->dc, 0, 1, 1), 0);

	script_text_is(script, "ippo");
	ck_assert_uint_eq(docclient_stats(script->dc)->ops_made, 3);
	script_destroy(script);
}
END_TEST

START_TEST(edit_beyond_the_window_is_refused_and_changes_nothing)
{
	struct script *script = script_live(2);

	ck_assert_int_eq(type(script, 0, "a"), 0);
	ck_assert_int_eq(type(script, 1, "b"), 0);
	ck_assert_int_eq(type(script, 2, "c"), AEF_ERR_FULL);
	script_text_is(script, "ab");
	script_acked(script, 1, 1, 1);

	ck_assert_int_eq(type(script, 2, "c"), 0);
	ck_assert_uint_eq(docclient_stats(script->dc)->in_flight_max, 2);
	script_destroy(script);
}
END_TEST

START_TEST(edit_past_the_end_or_of_bad_text_is_refused)
{
	struct script *script = script_live(0);

	ck_assert_int_eq(type(script, 1, "a"), AEF_ERR_RANGE);
	ck_assert_int_eq(docclient_delete(script->dc, 0, 1, 1), AEF_ERR_RANGE);
	ck_assert_int_eq(docclient_insert(script->dc, 0, (const uint8_t *)"\xff", 1, 1),
	                 AEF_ERR_MALFORMED);

	ck_assert_uint_eq(docclient_stats(script->dc)->ops_made, 0);
	script_destroy(script);
}
END_TEST

START_TEST(edit_that_changes_nothing_is_not_sent)
{
	struct script *script = script_live(0);

	script->nb_sent = 0;
	ck_assert_int_eq(docclient_replace(script->dc, 0, 0, NULL, 0, 1), 0);

	ck_assert_uint_eq(script->nb_sent, 0);
	script_destroy(script);
}
END_TEST

START_TEST(edit_larger_than_the_server_takes_is_refused)
{
	struct script *script = script_create(0, false);
	char text[65];

	memset(text, '"', sizeof(text)); /* two bytes each as JSON */
	text[64] = '\0';
	docclient_connected(script->dc, 1);
	script_event(script, (struct docmsg){ .kind = DOCMSG_OPENED,
	                                      .u.opened = { .window = 16, .op_bytes_max = 100 } });

	ck_assert_int_eq(type(script, 0, text), AEF_ERR_LIMIT);
	ck_assert_int_eq(type(script, 0, text + 24), 0);
	script_destroy(script);
}
END_TEST

START_TEST(edit_with_manual_flush_goes_out_together)
{
	struct script *script = script_create(0, true);

	docclient_connected(script->dc, 1);
	script_opened(script, 0, 0, 0);
	script->nb_sent = 0;
	for (uint32_t i = 0; i < 5; i++)
		ck_assert_int_eq(type(script, i, "x"), 0);
	ck_assert_uint_eq(script->nb_sent, 0);
	docclient_flush(script->dc, 2);

	ck_assert_uint_eq(script->nb_sent, 1);
	ck_assert_uint_eq(script->sent.u.apply.nb, 5);
	ck_assert_str_eq(script->ops[4], "[4,\"x\"]");
	script_destroy(script);
}
END_TEST

START_TEST(edit_without_room_in_the_channel_is_sent_later_as_it_reads_then)
{
	struct script *script = script_live(0);

	script->send_error = AEF_ERR_FULL;
	ck_assert_int_eq(type(script, 0, "a"), 0);
	script_foreign(script, 1, 2, 1, "[\"F\"]");
	ck_assert_int_eq(type(script, 2, "b"), 0);
	script->send_error = 0;
	docclient_poll(script->dc, 2);

	ck_assert_uint_eq(script->sent.u.apply.nb, 2);
	ck_assert_uint_eq(script->sent.u.apply.base, 1);
	ck_assert_str_eq(script->ops[1], "[2,\"b\"]");
	script_text_is(script, "aFb");
	script_destroy(script);
}
END_TEST

START_TEST(edit_ack_tells_how_long_it_took)
{
	struct script *script = script_live(0);

	script->now_ns = 5000;
	ck_assert_int_eq(type(script, 0, "a"), 0);
	script->now_ns = 8000;
	script_acked(script, 1, 1, 1);

	ck_assert_int_eq(script->last.what, DOCCLIENT_ACKED);
	ck_assert_uint_eq(script->last.edit_ns, 5000);
	ck_assert_uint_eq(docclient_stats(script->dc)->ack_ns_max, 3000);
	ck_assert_uint_eq(docclient_stats(script->dc)->ack_ns_sum, 3000);
	script_destroy(script);
}
END_TEST

TEST_SUITE(edit, &edit_shows_at_once_and_is_sent_with_its_base, &edit_replace_is_one_operation,
           &edit_beyond_the_window_is_refused_and_changes_nothing,
           &edit_past_the_end_or_of_bad_text_is_refused, &edit_that_changes_nothing_is_not_sent,
           &edit_larger_than_the_server_takes_is_refused, &edit_with_manual_flush_goes_out_together,
           &edit_without_room_in_the_channel_is_sent_later_as_it_reads_then,
           &edit_ack_tells_how_long_it_took)
