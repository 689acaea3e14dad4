/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

START_TEST(hold_keeps_others_back_until_released)
{
	struct script *script = script_live(0);

	docclient_hold(script->dc, true, 1);
	script_foreign(script, 1, 2, 1, "[\"a\"]");
	script_foreign(script, 2, 2, 2, "[1,\"b\"]");
	script_foreign(script, 3, 2, 3, "[2,\"c\"]");
	script_text_is(script, "");
	ck_assert_uint_eq(docclient_head(script->dc), 3);
	docclient_release(script->dc, 2, 1);
	script_text_is(script, "ab");
	docclient_hold(script->dc, false, 1);

	script_text_is(script, "abc");
	ck_assert_uint_eq(docclient_stats(script->dc)->held_max, 3);
	ck_assert_uint_eq(docclient_version(script->dc), 3);
	script_destroy(script);
}
END_TEST

START_TEST(hold_lets_in_an_author_up_to_a_number_also_in_advance)
{
	struct script *script = script_live(0);
	const struct aef_guuid author = script_id(2);

	docclient_hold(script->dc, true, 1);
	script_foreign(script, 1, 2, 1, "[\"a\"]");
	docclient_allow(script->dc, &author, 2, 1);
	ck_assert_uint_eq(docclient_author_seq(script->dc, &author), 1);
	script_foreign(script, 2, 2, 2, "[1,\"b\"]");
	script_foreign(script, 3, 2, 3, "[2,\"c\"]");

	script_text_is(script, "ab");
	ck_assert_uint_eq(docclient_author_seq(script->dc, &author), 2);
	script_destroy(script);
}
END_TEST

START_TEST(hold_own_ack_waits_behind_a_held_operation_only)
{
	struct script *script = script_live(0);

	docclient_hold(script->dc, true, 1);
	ck_assert_int_eq(docclient_insert(script->dc, 0, (const uint8_t *)"x", 1, 1), 0);
	ck_assert_int_eq(docclient_insert(script->dc, 1, (const uint8_t *)"y", 1, 1), 0);
	script_acked(script, 1, 1, 1);
	ck_assert_uint_eq(docclient_in_flight(script->dc), 1);
	script_foreign(script, 2, 2, 1, "[1,\"F\"]");
	script_acked(script, 3, 2, 1);
	ck_assert_uint_eq(docclient_in_flight(script->dc), 1);
	docclient_release(script->dc, 2, 1);

	ck_assert_uint_eq(docclient_in_flight(script->dc), 0);
	script_text_is(script, "xyF");
	script_destroy(script);
}
END_TEST

START_TEST(hold_is_empty_after_a_reconnect_and_fills_again)
{
	struct script *script = script_live(0);

	docclient_hold(script->dc, true, 1);
	script_foreign(script, 1, 2, 1, "[\"a\"]");
	docclient_disconnected(script->dc, 2);
	docclient_connected(script->dc, 3);
	ck_assert_uint_eq(script->sent.u.open.from_version, 0);
	script_opened(script, 0, 1, 0);
	script_foreign(script, 1, 2, 1, "[\"a\"]");
	docclient_hold(script->dc, false, 4);

	script_text_is(script, "a");
	ck_assert_int_eq(docclient_state(script->dc), DOCCLIENT_LIVE);
	script_destroy(script);
}
END_TEST

START_TEST(hold_has_a_budget)
{
	struct script *script = script_create(0, false);

	docclient_destroy(script->dc);
	script->conf.held_bytes_max = 200;
	ck_assert_int_eq(docclient_create(&script->conf, &script->dc), 0);
	docclient_connected(script->dc, 1);
	script_opened(script, 0, 0, 0);
	docclient_hold(script->dc, true, 1);
	for (uint64_t v = 1; v < 10; v++)
		script_foreign(script, v, 2, v, "[\"a\"]");

	ck_assert_int_eq(docclient_error(script->dc), DOCCLIENT_MEMORY);
	script_destroy(script);
}
END_TEST

START_TEST(hold_knows_the_newest_authors)
{
	struct script *script = script_live(0);
	const struct aef_guuid first = script_id(100), last = script_id(199);

	docclient_hold(script->dc, true, 1);
	docclient_release(script->dc, 1000, 1);
	for (uint64_t v = 1; v <= 100; v++)
		script_foreign(script, v, 99 + v, 1, "[\"a\"]");

	ck_assert_uint_eq(docclient_author_seq(script->dc, &first), 0);
	ck_assert_uint_eq(docclient_author_seq(script->dc, &last), 1);
	script_destroy(script);
}
END_TEST

TEST_SUITE(hold, &hold_keeps_others_back_until_released,
           &hold_lets_in_an_author_up_to_a_number_also_in_advance,
           &hold_own_ack_waits_behind_a_held_operation_only,
           &hold_is_empty_after_a_reconnect_and_fills_again, &hold_has_a_budget,
           &hold_knows_the_newest_authors)
