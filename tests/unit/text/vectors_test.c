/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/sha256.h>

#include "fixture.h"

static struct aef_alloc alloc;
static struct text_op op, other, got;
static struct text_rope rope;

static void
setup(void)
{
	alloc = soak_alloc(UINT64_MAX);
	text_op_init(&op, &alloc);
	text_op_init(&other, &alloc);
	text_op_init(&got, &alloc);
	text_rope_init(&rope, &alloc);
}

static void
teardown(void)
{
	text_op_fini(&op);
	text_op_fini(&other);
	text_op_fini(&got);
	text_rope_fini(&rope);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}

static void
assert_text(const struct text_rope *have, const json_t *expected)
{
	assert_rope_is(have, json_string_value(expected), json_string_length(expected));
}

static void
apply_vector(const json_t *v)
{
	rope_of(v, "doc", &rope);
	op_of(v, "op", &op);
	ck_assert_int_eq(text_op_apply(&rope, &op, NULL), 0);
	assert_text(&rope, json_object_get(v, "result"));
}

START_TEST(vectors_apply_gives_the_oracles_text)
{
	setup();
	(void)each_vector("ot-text-unicode/apply.jsonl.gz", apply_vector);
	teardown();
}
END_TEST

static void
transform_vector(const json_t *v)
{
	const bool left = strcmp(json_string_value(json_object_get(v, "side")), "left") == 0;

	op_of(v, "op", &op);
	op_of(v, "other", &other);
	ck_assert_int_eq(text_op_transform(&op, &other, left ? TEXT_LEFT : TEXT_RIGHT, &got), 0);
	assert_op_is(&got, json_object_get(v, "result"));
	ck_assert_int_eq(left ? text_op_transform_pair(&op, &other)
	                      : text_op_transform_pair(&other, &op),
	                 0);
	assert_op_is(&op, json_object_get(v, "result"));
}

START_TEST(vectors_transform_gives_the_oracles_operation)
{
	setup();
	(void)each_vector("ot-text-unicode/transform.jsonl.gz", transform_vector);
	teardown();
}
END_TEST

static void
compose_vector(const json_t *v)
{
	op_of(v, "op1", &op);
	op_of(v, "op2", &other);
	ck_assert_int_eq(text_op_compose(&op, &other, &got), 0);
	assert_op_is(&got, json_object_get(v, "result"));
	rope_of(v, "doc", &rope);
	ck_assert_int_eq(text_op_apply(&rope, &got, NULL), 0);
	assert_text(&rope, json_object_get(v, "text"));
}

START_TEST(vectors_compose_gives_the_oracles_operation)
{
	setup();
	(void)each_vector("ot-text-unicode/compose.jsonl.gz", compose_vector);
	teardown();
}
END_TEST

static void
invert_vector(const json_t *v)
{
	rope_of(v, "doc", &rope);
	op_of(v, "op", &op);
	ck_assert_int_eq(text_op_invert(&op, &rope, &got), 0);
	assert_op_is(&got, json_object_get(v, "result"));
	ck_assert_int_eq(text_op_apply(&rope, &op, &other), 0);
	assert_op_is(&other, json_object_get(v, "result"));
	ck_assert_int_eq(text_op_apply(&rope, &got, NULL), 0);
	assert_text(&rope, json_object_get(v, "doc"));
}

START_TEST(vectors_invert_gives_the_oracles_operation)
{
	setup();
	(void)each_vector("ot-text-unicode/invert.jsonl.gz", invert_vector);
	teardown();
}
END_TEST

static void
cursor_vector(const json_t *v)
{
	const json_t *sel = json_object_get(v, "sel");
	const struct text_selection from = {
		(uint32_t)json_integer_value(json_array_get(sel, 0)),
		(uint32_t)json_integer_value(json_array_get(sel, 1)),
	};

	op_of(v, "op", &op);
	const struct text_selection to = text_op_transform_selection(&op, from);

	for (unsigned i = 0; i < 2; i++) {
		const json_t *want = json_object_get(v, i == 0 ? "other" : "own");

		ck_assert_int_eq(to.anchor, json_integer_value(json_array_get(want, 0)));
		ck_assert_int_eq(to.head, json_integer_value(json_array_get(want, 1)));
	}
}

START_TEST(vectors_cursor_moves_as_the_oracles)
{
	setup();
	(void)each_vector("ot-text-unicode/cursor.jsonl.gz", cursor_vector);
	teardown();
}
END_TEST

/* ---- sessions: a server, bridges, and for each client a real client state ---- */

#define CLIENTS_MAX  16
#define ARRIVALS_MAX 200

struct session {
	struct text_opref *log[ARRIVALS_MAX + 1];
	uint32_t author[ARRIVALS_MAX + 1];
	uint64_t own_seq[ARRIVALS_MAX + 1];
	uint64_t head;
	struct text_digest digest;
	struct text_bridge bridge[CLIENTS_MAX];
	struct text_client client[CLIENTS_MAX];
	struct text_rope rope[CLIENTS_MAX];
};

static struct session ses;

static struct text_opref *
log_get(void *ctx, uint64_t version)
{
	return ((struct session *)ctx)->log[version];
}

/* Client k takes the log up to `version`. */
static void
catch_up(uint32_t k, uint64_t version)
{
	struct text_client *c = &ses.client[k];

	while (c->version < version) {
		const uint64_t v = c->version + 1;

		if (ses.author[v] == k) {
			ck_assert_int_eq(text_client_ack(c, v, ses.own_seq[v], NULL), 0);
			continue;
		}
		ck_assert_int_eq(text_op_copy(&ses.log[v]->op, &got), 0);
		ck_assert_int_eq(text_client_foreign(c, v, &got), 0);
		ck_assert_int_eq(text_op_apply(&ses.rope[k], &got, NULL), 0);
	}
}

static void
arrive(const json_t *arrival, const json_t *applied, uint32_t nb_clients)
{
	const struct text_log log = { log_get, &ses, ses.head, rope.total.cps };
	const uint32_t k = (uint32_t)json_integer_value(json_object_get(arrival, "client"));
	const uint64_t base = (uint64_t)json_integer_value(json_object_get(arrival, "base"));
	struct text_client_msg msg;

	catch_up(k, base);
	op_of(arrival, "op", &op);
	ck_assert_int_eq(text_op_copy(&op, &other), 0);
	ck_assert_int_eq(text_op_apply(&ses.rope[k], &op, NULL), 0);
	ck_assert_int_eq(text_client_send(&ses.client[k], &op, &msg), 0);
	ck_assert_int_eq(text_bridge_accept(&ses.bridge[k], &log, base, msg.seq, &other, NULL), 0);
	assert_op_is(&other, applied);
	ck_assert_int_eq(text_op_apply(&rope, &other, NULL), 0);
	text_digest_fold(&ses.digest, &other);
	ses.head++;
	ses.author[ses.head] = k;
	ses.own_seq[ses.head] = msg.seq;
	ses.log[ses.head] = text_opref_create(&other);
	text_bridge_committed(&ses.bridge[k], ses.head);
	for (uint32_t i = 0; i < nb_clients; i++) {
		if (i != k)
			ck_assert_int_eq(
				text_bridge_push(&ses.bridge[i], ses.head, ses.log[ses.head]), 0);
	}
}

static void
session_vector(const json_t *v)
{
	const uint32_t nb = (uint32_t)json_integer_value(json_object_get(v, "clients"));
	const json_t *arrivals = json_object_get(v, "arrivals");
	const json_t *applied = json_object_get(v, "applied");
	const json_t *text = json_object_get(v, "text");

	ck_assert_uint_le(nb, CLIENTS_MAX);
	ck_assert_uint_le(json_array_size(arrivals), ARRIVALS_MAX);
	memset(&ses, 0, sizeof(ses));
	rope_of(v, "init", &rope);
	for (uint32_t k = 0; k < nb; k++) {
		ck_assert_int_eq(text_client_init(&ses.client[k], &alloc, 0, 0, 0, NULL), 0);
		text_bridge_init(&ses.bridge[k], &alloc, NULL, 0, 0, 0);
		text_rope_init(&ses.rope[k], &alloc);
		rope_of(v, "init", &ses.rope[k]);
	}
	for (size_t i = 0; i < json_array_size(arrivals); i++)
		arrive(json_array_get(arrivals, i), json_array_get(applied, i), nb);
	assert_text(&rope, text);
	for (uint32_t k = 0; k < nb; k++) {
		catch_up(k, ses.head);
		assert_text(&ses.rope[k], text);
		ck_assert(text_digest_eq(&ses.client[k].digest, &ses.digest));
		text_client_fini(&ses.client[k]);
		text_bridge_fini(&ses.bridge[k]);
		text_rope_fini(&ses.rope[k]);
	}
	for (uint64_t i = 1; i <= ses.head; i++)
		text_opref_put(ses.log[i]);
}

START_TEST(vectors_sessions_commit_the_oracles_operations)
{
	setup();
	(void)each_vector("ot-text-unicode/sessions.jsonl.gz", session_vector);
	teardown();
}
END_TEST

START_TEST(vectors_streaming_sessions_commit_the_oracles_operations)
{
	setup();
	(void)each_vector("ot-text-unicode/sessions-stream.jsonl.gz", session_vector);
	teardown();
}
END_TEST

/* ---- traces ---- */

static void
assert_trace(const char *name, const char *sha256)
{
	const char *path = test_data_path(name);
	struct text_rope_iter it;
	struct aef_sha256 sha;
	uint8_t digest[AEF_SHA256_BYTES];
	char hex[2 * AEF_SHA256_BYTES + 1];
	const uint8_t *data;
	struct trace *trace;
	size_t len;

	if (path == NULL)
		return;
	setup();
	trace = trace_load(path);
	ck_assert_ptr_nonnull(trace);
	ck_assert_int_eq(trace_replay(trace, &alloc, &rope), 0);
	ck_assert(text_rope_is_sound(&rope));
	ck_assert_uint_le(alloc.used_bytes, rope.total.bytes * 13ull / 10 + 2048);
	aef_sha256_init(&sha);
	text_rope_iter_init(&it, &rope, 0);
	while (text_rope_iter_next(&it, &data, &len))
		aef_sha256_update(&sha, data, len);
	aef_sha256_final(&sha, digest);
	for (unsigned i = 0; i < AEF_SHA256_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	ck_assert_str_eq(hex, sha256);
	trace_free(trace);
	teardown();
}

START_TEST(vectors_trace_automerge_paper_ends_in_the_known_text)
{
	assert_trace("editing-traces/automerge-paper.json.gz",
	             "a489e9022976c14e46627aea174d07797edcb3fd17df42605956d4cf01bf9039");
}
END_TEST

START_TEST(vectors_trace_sveltecomponent_ends_in_the_known_text)
{
	assert_trace("editing-traces/sveltecomponent.json.gz",
	             "d8bb93b7cf87b4c3a0394fddc028284a093d90d5794a213d1ccb0794eb4ede8f");
}
END_TEST

START_TEST(vectors_trace_friendsforever_merges_to_the_known_text)
{
	assert_trace("editing-traces/friendsforever.json.gz",
	             "4720ec330c91e288c00b71cab318f7a1cdde689dfc401f269c353acfd6cb03f6");
}
END_TEST

TEST_SUITE(vectors, &vectors_apply_gives_the_oracles_text,
           &vectors_transform_gives_the_oracles_operation,
           &vectors_compose_gives_the_oracles_operation,
           &vectors_invert_gives_the_oracles_operation, &vectors_cursor_moves_as_the_oracles,
           &vectors_sessions_commit_the_oracles_operations,
           &vectors_streaming_sessions_commit_the_oracles_operations,
           &vectors_trace_automerge_paper_ends_in_the_known_text,
           &vectors_trace_sveltecomponent_ends_in_the_known_text,
           &vectors_trace_friendsforever_merges_to_the_known_text)
