/* SPDX-License-Identifier: BSD-3-Clause */
/* Recorded editing sessions through server and clients to the exact final text. */
#include <base/sha256.h>

#include "soak.h"
#include "world.h"

#define DOC 5

static void
assert_sha(const struct text_rope *rope, const char *want)
{
	char *text = rope_string(rope);
	struct aef_sha256 sha;
	uint8_t digest[AEF_SHA256_BYTES];
	char hex[2 * AEF_SHA256_BYTES + 1];

	aef_sha256_init(&sha);
	aef_sha256_update(&sha, text, rope->total.bytes);
	aef_sha256_final(&sha, digest);
	for (unsigned i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	ck_assert_str_eq(hex, want);
	free(text);
}

static int
edit(struct world *world, uint32_t idx, const struct trace *trace, uint32_t at)
{
	const struct trace_op *t = &trace->ops[at];
	struct text_op op;
	int r;

	text_op_init(&op, &world->client_alloc);
	ck_assert_int_eq(
		text_op_parse((const uint8_t *)trace->json + t->json_off, t->json_len, NULL, &op),
		0);
	r = docclient_edit(world->peers[idx].dc, &op, world->now_ns);
	text_op_fini(&op);
	return r;
}

/* For each operation: how many operations of the other author its author had seen. */
static uint32_t *
foreign_seen(const struct trace *trace)
{
	uint32_t *seen = calloc(trace->nb_ops, sizeof(*seen));
	uint32_t *before[2]; /* operations of each author among the first n */

	for (unsigned a = 0; a < 2; a++) {
		before[a] = calloc(trace->nb_ops + 1, sizeof(uint32_t));
		for (uint32_t i = 0; i < trace->nb_ops; i++)
			before[a][i + 1] = before[a][i] + (trace->ops[i].agent == a);
	}
	for (uint32_t i = 0; i < trace->nb_ops; i++)
		seen[i] = before[1 - trace->ops[i].agent][trace->ops[i].base];
	free(before[0]);
	free(before[1]);
	return seen;
}

/* Type what the author may: everything whose foreign parents are there. @return next operation */
static uint32_t
type_on(struct world *world, uint32_t agent, const struct trace *trace, const uint32_t *seen,
        uint32_t next)
{
	struct docclient *dc = world->peers[agent].dc;
	const struct aef_guuid other = world_id(1000000 + (1 - agent));

	for (uint32_t typed = 0; next < trace->nb_ops && typed < 6; next++) {
		if (trace->ops[next].agent != agent)
			continue;
		docclient_allow(dc, &other, seen[next], world->now_ns);
		if (docclient_author_seq(dc, &other) < seen[next] ||
		    edit(world, agent, trace, next) == AEF_ERR_FULL)
			break;
		typed++;
	}
	return next;
}

START_TEST(trace_friendsforever_of_two_authors_ends_in_the_recorded_text)
{
	const char *path = test_data_path("editing-traces/friendsforever.json.gz");
	struct world *world;
	struct trace *trace;
	uint32_t *seen, next[2] = { 0, 0 };

	if (path == NULL)
		return;
	trace = trace_load(path);
	seen = foreign_seen(trace);
	world = world_create(1, NULL);
	world_join(world, 2, 40);
	for (uint32_t a = 0; a < 2; a++)
		docclient_hold(world->peers[a].dc, true, world->now_ns);
	for (uint32_t i = 0; i < 1000000 && next[0] + next[1] < 2 * trace->nb_ops; i++) {
		for (uint32_t a = 0; a < 2; a++)
			next[a] = type_on(world, a, trace, seen, next[a]);
		world_tick(world);
	}
	for (uint32_t a = 0; a < 2; a++) {
		ck_assert_uint_eq(next[a], trace->nb_ops);
		docclient_hold(world->peers[a].dc, false, world->now_ns);
	}
	world_settle(world);

	world_assert_in_sync(world, DOC, 2);
	for (uint32_t a = 0; a < 2; a++) {
		const struct docclient_stats *stats = docclient_stats(world->peers[a].dc);

		assert_sha(docclient_text(world->peers[a].dc),
		           "4720ec330c91e288c00b71cab318f7a1cdde689dfc401f269c353acfd6cb03f6");
		printf("friendsforever author %u: in flight mean %.1f max %u, held %llu (max %u)\n",
		       a, (double)stats->in_flight_sum / (double)stats->ops_made,
		       stats->in_flight_max, (unsigned long long)stats->held_ops, stats->held_max);
		ck_assert_uint_gt(stats->in_flight_max, 1);
	}
	world_destroy(world);
	free(seen);
	trace_free(trace);
}
END_TEST

START_TEST(trace_automerge_paper_reaches_three_readers_unchanged)
{
	const char *path = test_data_path("editing-traces/automerge-paper.json.gz");
	struct world *world;
	struct trace *trace;

	if (path == NULL)
		return;
	trace = trace_load(path);
	world = world_create(1, NULL);
	world_join(world, 4, 4);
	for (uint32_t i = 0; i < trace->nb_ops;) {
		while (i < trace->nb_ops && edit(world, 0, trace, i) != AEF_ERR_FULL)
			i++;
		world_tick(world);
	}
	world_settle(world);

	world_assert_in_sync(world, DOC, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_sha(docclient_text(world->peers[i].dc),
		           "a489e9022976c14e46627aea174d07797edcb3fd17df42605956d4cf01bf9039");
	ck_assert_uint_eq(statesync_stats(world->svc)->ops_applied, trace->nb_ops);
	world_destroy(world);
	trace_free(trace);
}
END_TEST

TEST_SUITE(trace, &trace_friendsforever_of_two_authors_ends_in_the_recorded_text,
           &trace_automerge_paper_reaches_three_readers_unchanged)
