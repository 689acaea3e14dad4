/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include "harness.h"
#include "trace.c"
#include "trace_file.c"

static char words[400];

static int
parse(struct lab_trace *trace, const char *json)
{
	struct aef_text error = aef_text_make(words, sizeof(words));

	return lab_trace_parse(trace, json, strlen(json), &error);
}

START_TEST(trace_sequential_file_is_one_author_who_saw_all)
{
	struct lab_trace t;

	ck_assert_int_eq(
		parse(&t, "{\"startContent\":\"ab\",\"endContent\":\"xb\",\"txns\":[{\"time\":"
	                  "\"2021-01-01T00:00:01.250Z\",\"patches\":[[0,0,\"x\"]]},{\"time\":"
	                  "\"2021-01-01T00:00:02.000Z\",\"patches\":[[1,1,\"\"],[0,0,\"\"]]}]}"),
		0);

	ck_assert_uint_eq(t.nb_agents, 1);
	ck_assert_uint_eq(t.nb_txns, 2);
	ck_assert_uint_eq(t.nb_patches, 2); /* the empty one is left out */
	ck_assert_uint_eq(t.txns[1].seen[0], 1);
	ck_assert_uint_eq(t.txns[1].time_ms, 750);
	ck_assert(t.has_times);
	ck_assert(!t.concurrent);
	ck_assert_uint_eq(t.start_len, 2);
	lab_trace_fini(&t);
}
END_TEST

START_TEST(trace_concurrent_file_tells_what_each_author_had_seen)
{
	struct lab_trace t;

	ck_assert_int_eq(
		parse(&t, "{\"kind\":\"concurrent\",\"numAgents\":2,\"endContent\":\"\",\"txns\":["
	                  "{\"parents\":[],\"agent\":0,\"patches\":[[0,0,\"a\"],[1,0,\"b\"]]},"
	                  "{\"parents\":[],\"agent\":1,\"patches\":[[0,0,\"c\"]]},"
	                  "{\"parents\":[0],\"agent\":0,\"patches\":[[2,0,\"d\"]]},"
	                  "{\"parents\":[1,0],\"agent\":1,\"patches\":[[0,0,\"e\"]]},"
	                  "{\"parents\":[2,3],\"agent\":0,\"patches\":[[0,0,\"f\"]]}]}"),
		0);

	ck_assert_uint_eq(t.txns[1].seen[0], 0);
	ck_assert_uint_eq(t.txns[2].seen[1], 0);
	ck_assert_uint_eq(t.txns[3].seen[0], 2);
	ck_assert_uint_eq(t.txns[4].seen[0], 3);
	ck_assert_uint_eq(t.txns[4].seen[1], 2);
	ck_assert_uint_eq(t.patches_of[0], 4);
	ck_assert(!t.has_times);
	lab_trace_fini(&t);
}
END_TEST

START_TEST(trace_bad_file_is_refused_in_one_sentence)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"endContent\":1,\"txns\":[]}",
		"{\"endContent\":\"\"}",
		"{\"endContent\":\"\",\"txns\":[]}",
		"{\"endContent\":\"\",\"txns\":[{}]}",
		"{\"endContent\":\"\",\"txns\":[{\"patches\":[1]}]}",
		"{\"endContent\":\"\",\"txns\":[{\"patches\":[[0,0]]}]}",
		"{\"endContent\":\"\",\"txns\":[{\"patches\":[[-1,0,\"x\"]]}]}",
		"{\"endContent\":\"\",\"txns\":[{\"patches\":[[0,-1,\"x\"]]}]}",
		"{\"endContent\":\"\",\"txns\":[{\"patches\":[[0,99999999999,\"x\"]]}]}",
		"{\"endContent\":\"\",\"txns\":[{\"patches\":[[0.5,0,\"x\"]]}]}",
		"{\"endContent\":\"\",\"txns\":[{\"patches\":[[0,0,7]]}]}",
		"{\"kind\":\"concurrent\",\"endContent\":\"\",\"txns\":[{\"patches\":[]}]}",
		"{\"kind\":\"concurrent\",\"numAgents\":3,\"endContent\":\"\",\"txns\":[1]}",
		"{\"kind\":\"concurrent\",\"numAgents\":2,\"endContent\":\"\",\"txns\":["
		"{\"parents\":[],\"agent\":2,\"patches\":[]}]}",
		"{\"kind\":\"concurrent\",\"numAgents\":2,\"endContent\":\"\",\"txns\":["
		"{\"parents\":[0],\"agent\":0,\"patches\":[]}]}",
		"{\"kind\":\"concurrent\",\"numAgents\":2,\"endContent\":\"\",\"txns\":["
		"{\"parents\":[\"x\"],\"agent\":0,\"patches\":[]}]}",
		"{\"kind\":\"concurrent\",\"numAgents\":2,\"endContent\":\"\",\"txns\":["
		"{\"agent\":0,\"patches\":[]}]}",
		/* forgets what it typed before */
		"{\"kind\":\"concurrent\",\"numAgents\":2,\"endContent\":\"\",\"txns\":["
		"{\"parents\":[],\"agent\":0,\"patches\":[[0,0,\"x\"]]},"
		"{\"parents\":[],\"agent\":0,\"patches\":[[0,0,\"y\"]]}]}",
	};

	for (unsigned i = 0; i < AEF_DIM(bad); i++) {
		struct lab_trace t;

		ck_assert_msg(parse(&t, bad[i]) != 0, "taken: %s", bad[i]);
		ck_assert_uint_gt(strlen(words), 20);
		ck_assert_int_eq(words[strlen(words) - 1], '.');
		ck_assert_ptr_null(strchr(words, '\n'));
	}
}
END_TEST

START_TEST(trace_file_is_read_plain_and_gzipped_and_damage_is_told)
{
	static const char json[] = "{\"endContent\":\"x\",\"txns\":[{\"patches\":[[0,0,\"x\"]]}]}";
	char path[] = "trace_test_XXXXXX";
	struct aef_text error = aef_text_make(words, sizeof(words));
	const int fd = mkstemp(path);
	struct lab_trace t;
	gzFile gz;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, json, strlen(json)), (ssize_t)strlen(json));
	close(fd);
	ck_assert_int_eq(lab_trace_load(&t, path, &error), 0);
	lab_trace_fini(&t);
	gz = gzopen(path, "wb");
	ck_assert_int_eq(gzwrite(gz, json, (unsigned)strlen(json)), (int)strlen(json));
	gzclose(gz);
	ck_assert_int_eq(lab_trace_load(&t, path, &error), 0);
	ck_assert_uint_eq(t.nb_patches, 1);
	lab_trace_fini(&t);

	ck_assert_int_eq(truncate(path, 30), 0);

	ck_assert_int_ne(lab_trace_load(&t, path, &error), 0);
	ck_assert_uint_gt(error.len, 20);
	lab_trace_fini(&t);
	ck_assert_int_eq(unlink(path), 0);
	aef_text_clear(&error);
	ck_assert_int_ne(lab_trace_load(&t, path, &error), 0);
	ck_assert_ptr_nonnull(strstr(words, "check the name"));
}
END_TEST

TEST_SUITE(trace, &trace_sequential_file_is_one_author_who_saw_all,
           &trace_concurrent_file_tells_what_each_author_had_seen,
           &trace_bad_file_is_refused_in_one_sentence,
           &trace_file_is_read_plain_and_gzipped_and_damage_is_told)
