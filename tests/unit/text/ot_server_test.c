/* SPDX-License-Identifier: BSD-3-Clause */
#include "ot_work.h"

START_TEST(ot_server_duplicate_answers_with_the_stored_version)
{
	uint64_t version = 99;

	setup();
	ck_assert_int_eq(arrive(0, 1, "[\"a\"]", 0, &version), 0);
	ck_assert_int_eq(foreign("[\"b\"]"), 0);
	ck_assert_int_eq(arrive(0, 2, "[1,\"c\"]", 2, &version), 0);

	ck_assert_int_eq(arrive(0, 1, "[\"a\"]", 3, &version), AEF_ERR_DUPLICATE);
	ck_assert_uint_eq(version, 1);
	ck_assert_int_eq(arrive(0, 2, "[\"a\"]", 3, &version), AEF_ERR_DUPLICATE);
	ck_assert_uint_eq(version, 3);
	ck_assert_int_eq(text_bridge_seen(&bridge, 3, head), 0);
	ck_assert_int_eq(arrive(0, 1, "[\"a\"]", 3, &version), AEF_ERR_DUPLICATE);
	ck_assert_uint_eq(version, 0);
	ck_assert_int_eq(arrive(0, 2, "[\"a\"]", 3, NULL), AEF_ERR_DUPLICATE);
	teardown();
}
END_TEST

START_TEST(ot_server_gap_and_bases_out_of_range_are_refused_unchanged)
{
	setup();
	ck_assert_int_eq(foreign("[\"abc\"]"), 0);

	ck_assert_int_eq(arrive(0, 2, "[\"a\"]", 3, NULL), AEF_ERR_GAP);
	ck_assert_int_eq(arrive(2, 1, "[\"a\"]", 3, NULL), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(arrive(0, 1, "[1,\"a\"]", 3, NULL), AEF_ERR_RANGE);
	ck_assert_int_eq(text_bridge_seen(&bridge, 2, head), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(arrive(1, 1, "[3,\"d\"]", 3, NULL), 0);
	ck_assert_int_eq(arrive(0, 2, "[\"a\"]", 4, NULL), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(text_bridge_seen(&bridge, 0, head), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(arrive(1, 2, "[4,\"e\",{\"d\":1}]", 4, NULL), AEF_ERR_RANGE);
	ck_assert_int_eq(arrive(1, 2, "[4,\"e\"]", 4, NULL), 0);
	teardown();
}
END_TEST

START_TEST(ot_server_range_is_that_of_the_sessions_document)
{
	setup();
	ck_assert_int_eq(foreign("[\"0123456789\"]"), 0);
	ck_assert_int_eq(arrive(1, 1, "[10,\"x\"]", 10, NULL), 0);
	ck_assert_int_eq(foreign("[{\"d\":8}]"), 0); /* head: 3 */

	/* The session still sees 11 code points. */
	ck_assert_int_eq(arrive(1, 2, "[12,\"y\"]", 3, NULL), AEF_ERR_RANGE);
	ck_assert_int_eq(arrive(1, 2, "[11,\"y\"]", 3, NULL), 0);
	ck_assert_str_eq(op_text(&op), "[3,\"y\"]");
	teardown();
}
END_TEST

START_TEST(ot_server_too_far_behind_must_resync)
{
	const struct text_bridge_conf conf = { .entries_max = 3, .window = 2 };

	setup();
	text_bridge_init(&bridge, &alloc, &conf, 0, 0, 0);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(foreign("[\"a\"]"), 0);
	ck_assert_int_eq(arrive(0, 1, "[\"x\"]", 4, NULL), AEF_ERR_LIMIT);
	first = 3;
	ck_assert_int_eq(arrive(1, 1, "[\"x\"]", 4, NULL), AEF_ERR_LIMIT);
	ck_assert_int_eq(arrive(2, 1, "[\"x\"]", 4, NULL), 0);
	ck_assert_int_eq(arrive(2, 2, "[\"x\"]", 5, NULL), 0);
	ck_assert_int_eq(arrive(2, 3, "[\"x\"]", 6, NULL), AEF_ERR_LIMIT);
	ck_assert_int_eq(foreign("[\"a\"]"), 0);
	ck_assert_int_eq(foreign("[\"a\"]"), AEF_ERR_LIMIT);

	ck_assert(bridge.broken);
	ck_assert_int_eq(arrive(2, 3, "[\"x\"]", 6, NULL), AEF_ERR_STATE);
	ck_assert_int_eq(foreign("[\"a\"]"), 0);
	teardown();
}
END_TEST

START_TEST(ot_server_shares_operations_until_a_transform_changes_one)
{
	setup();
	ck_assert_int_eq(foreign("[\"0123456789\"]"), 0);
	ck_assert_int_eq(arrive(1, 1, "[5,\"x\"]", 10, NULL), 0);
	ck_assert_int_eq(foreign("[8,\"b\"]"), 0);
	ck_assert_int_eq(foreign("[1,\"a\"]"), 0);
	ck_assert_uint_eq(refs[3]->refs, 2);
	ck_assert_uint_eq(refs[4]->refs, 2);

	/* Behind the one, before the other: only the one behind it gets a copy of its own. */
	ck_assert_int_eq(arrive(1, 2, "[4,\"yy\"]", 13, NULL), 0);
	ck_assert_str_eq(op_text(&op), "[5,\"yy\"]");
	ck_assert_uint_eq(refs[3]->refs, 1);
	ck_assert_uint_eq(refs[4]->refs, 2);
	ck_assert_str_eq(op_text(&refs[3]->op), "[8,\"b\"]");

	/* Overlapping: both change; the log's stays as committed. */
	ck_assert_int_eq(arrive(1, 3, "[{\"d\":3}]", 15, NULL), 0);
	ck_assert_str_eq(op_text(&op), "[{\"d\":1},1,{\"d\":2}]");
	ck_assert_uint_eq(refs[4]->refs, 1);
	ck_assert_str_eq(op_text(&refs[4]->op), "[1,\"a\"]");
	teardown();
}
END_TEST

START_TEST(ot_server_bridge_sleeps_when_the_session_has_seen_its_own)
{
	setup();
	ck_assert_int_eq(arrive(0, 1, "[\"a\"]", 0, NULL), 0);
	ck_assert(text_bridge_is_live(&bridge));
	for (unsigned i = 0; i < 40; i++)
		ck_assert_int_eq(foreign("[\"b\"]"), 0);
	ck_assert_uint_eq(bridge.nb, 40);
	ck_assert_int_eq(text_bridge_seen(&bridge, 5, head), 0);

	ck_assert(!text_bridge_is_live(&bridge));
	ck_assert_uint_eq(bridge.nb, 0);
	ck_assert_int_eq(foreign("[\"b\"]"), 0);
	ck_assert_uint_eq(bridge.nb, 0);
	ck_assert_int_eq(arrive(5, 2, "[1,\"c\"]", 42, NULL), 0);
	ck_assert_uint_eq(bridge.nb, 37);
	ck_assert_str_eq(op_text(&op), "[38,\"c\"]");
	teardown();
}
END_TEST

START_TEST(ot_server_without_memory_breaks_the_bridge)
{
	setup();
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(foreign("[\"a\"]"), 0);
	for (uint64_t room = 0; room < 1000; room += 24) {
		const struct text_log log = { log_get, NULL, head, 3 };
		int r;

		text_bridge_fini(&bridge);
		text_bridge_init(&bridge, &alloc, NULL, 0, 0, 0);
		op_from(&op, "[\"x\"]");
		alloc.budget_bytes = alloc.used_bytes + room;
		r = text_bridge_accept(&bridge, &log, 0, 1, &op, NULL);
		alloc.budget_bytes = UINT64_MAX;
		ck_assert(r == 0 || (r == AEF_ERR_FULL && bridge.broken));
	}
	teardown();
}
END_TEST

START_TEST(ot_server_many_own_operations_in_flight_are_remembered)
{
	uint64_t version;

	setup();
	for (uint64_t i = 1; i <= 50; i++)
		ck_assert_int_eq(arrive(0, i, "[\"a\"]", (uint32_t)i - 1, NULL), 0);
	for (uint64_t i = 1; i <= 50; i++) {
		ck_assert_int_eq(arrive(0, i, "[\"a\"]", 50, &version), AEF_ERR_DUPLICATE);
		ck_assert_uint_eq(version, i);
	}
	teardown();
}
END_TEST

TEST_SUITE(ot_server, &ot_server_duplicate_answers_with_the_stored_version,
           &ot_server_gap_and_bases_out_of_range_are_refused_unchanged,
           &ot_server_range_is_that_of_the_sessions_document, &ot_server_too_far_behind_must_resync,
           &ot_server_shares_operations_until_a_transform_changes_one,
           &ot_server_bridge_sleeps_when_the_session_has_seen_its_own,
           &ot_server_without_memory_breaks_the_bridge,
           &ot_server_many_own_operations_in_flight_are_remembered)
