/* SPDX-License-Identifier: BSD-3-Clause */
/* Every field of every message there and back, and what is refused. */
#include <base/rng.h>
#include <msg/doc.h>

#include "harness.h"

#define NB_OPS 3

static uint8_t *arena_mem;
static struct docmsg_arena arena;

static void
setup(void)
{
	arena_mem = aligned_alloc(16, DOCMSG_ARENA_BYTES);
	arena = (struct docmsg_arena){ arena_mem, DOCMSG_ARENA_BYTES };
}

static void
teardown(void)
{
	free(arena_mem);
}

static struct aef_guuid
id_of(uint8_t n)
{
	struct aef_guuid id;

	memset(id.b, n, sizeof(id.b));
	return id;
}

static const struct docmsg_bytes ops[NB_OPS] = {
	{ (const uint8_t *)"[\"a\"]", 5 },
	{ (const uint8_t *)"[5,\"hi\",{\"d\":3}]", 16 },
	{ (const uint8_t *)"[]", 2 },
};

static const struct docmsg_digest digest = { { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, true };
static const struct docmsg_bytes text = { (const uint8_t *)"because", 7 };

/* One message of each kind with every field set. */
static struct docmsg
full(enum docmsg_kind kind)
{
	struct docmsg m = { .kind = kind, .doc = id_of(7) };

	switch (kind) {
	case DOCMSG_CREATE:
		m.u.create = (struct docmsg_create){ DOCMSG_TYPE_TEXT, text };
		break;
	case DOCMSG_OPEN:
		m.u.open = (struct docmsg_open){ id_of(8), 1ull << 40, digest, true,
			                         true,     true,       true };
		break;
	case DOCMSG_APPLY:
		m.u.apply = (struct docmsg_apply){ 1ull << 41, 1ull << 42, ops, NB_OPS };
		break;
	case DOCMSG_SUBSCRIBE:
		m.u.from_version = 12;
		break;
	case DOCMSG_CREATED:
		m.u.version = 13;
		break;
	case DOCMSG_OPENED:
		m.u.opened = (struct docmsg_opened){ 1,          2,    3,     4,      5,
			                             1ull << 33, 1024, 65536, digest, true };
		break;
	case DOCMSG_SNAPSHOT:
		m.u.snapshot = (struct docmsg_snapshot){ 1ull << 34, text };
		break;
	case DOCMSG_OPERATIONS:
		m.u.operations =
			(struct docmsg_operations){ 100, 200, id_of(9), digest, ops, NB_OPS };
		break;
	case DOCMSG_APPLIED:
		m.u.applied = (struct docmsg_applied){ 300, 400, digest, 256 };
		break;
	case DOCMSG_NACK:
		m.u.refusal = (struct docmsg_refusal){ 5, 6, DOCMSG_REASON_GAP, text };
		break;
	case DOCMSG_RESYNC:
		m.u.resync = (struct docmsg_resync){ 10, 20 };
		break;
	case DOCMSG_ERROR:
		m.u.refusal = (struct docmsg_refusal){ 0, 0, DOCMSG_REASON_STORE, text };
		break;
	default: /* no fields */
		break;
	}
	return m;
}

static void
assert_bytes(struct docmsg_bytes a, struct docmsg_bytes b)
{
	ck_assert_uint_eq(a.len, b.len);
	ck_assert_mem_eq(a.data, b.data, a.len);
}

static void
assert_ops(const struct docmsg_bytes *data, uint32_t nb)
{
	ck_assert_uint_eq(nb, NB_OPS);
	for (uint32_t i = 0; i < nb; i++)
		assert_bytes(data[i], ops[i]);
}

/* Compare bodies; what has pointers is compared by contents, then made equal. */
static void
assert_same(const struct docmsg *have, const struct docmsg *want)
{
	struct docmsg h = *have;

	ck_assert_int_eq(h.kind, want->kind);
	ck_assert(aef_guuid_eq(&h.doc, &want->doc));
	switch (h.kind) {
	case DOCMSG_CREATE:
		assert_bytes(h.u.create.content, want->u.create.content);
		ck_assert_uint_eq(h.u.create.type, want->u.create.type);
		return;
	case DOCMSG_SNAPSHOT:
		assert_bytes(h.u.snapshot.data, want->u.snapshot.data);
		ck_assert_uint_eq(h.u.snapshot.offset, want->u.snapshot.offset);
		return;
	case DOCMSG_APPLY:
		assert_ops(h.u.apply.data, h.u.apply.nb);
		ck_assert_uint_eq(h.u.apply.base, want->u.apply.base);
		ck_assert_uint_eq(h.u.apply.first_seq, want->u.apply.first_seq);
		return;
	case DOCMSG_OPERATIONS:
		assert_ops(h.u.operations.data, h.u.operations.nb);
		ck_assert_uint_eq(h.u.operations.first_version, want->u.operations.first_version);
		ck_assert_uint_eq(h.u.operations.first_seq, want->u.operations.first_seq);
		ck_assert(aef_guuid_eq(&h.u.operations.client_id, &want->u.operations.client_id));
		ck_assert(h.u.operations.digest.present);
		ck_assert_mem_eq(h.u.operations.digest.b, digest.b, sizeof(digest.b));
		return;
	case DOCMSG_NACK:
	case DOCMSG_ERROR:
		assert_bytes(h.u.refusal.text, want->u.refusal.text);
		ck_assert_uint_eq(h.u.refusal.seq, want->u.refusal.seq);
		ck_assert_uint_eq(h.u.refusal.head, want->u.refusal.head);
		ck_assert_uint_eq(h.u.refusal.reason, want->u.refusal.reason);
		return;
	case DOCMSG_OPEN:
		ck_assert_mem_eq(&h.u.open, &want->u.open, sizeof(h.u.open.client_id));
		ck_assert_uint_eq(h.u.open.from_version, want->u.open.from_version);
		ck_assert_mem_eq(h.u.open.digest.b, digest.b, sizeof(digest.b));
		ck_assert(h.u.open.have_state && h.u.open.has_pending && h.u.open.create &&
		          h.u.open.ack_only);
		return;
	case DOCMSG_OPENED:
		ck_assert_mem_eq(&h.u.opened, &want->u.opened,
		                 offsetof(struct docmsg_opened, digest));
		ck_assert_mem_eq(h.u.opened.digest.b, digest.b, sizeof(digest.b));
		ck_assert(h.u.opened.snapshot);
		return;
	case DOCMSG_APPLIED:
		ck_assert_uint_eq(h.u.applied.first_version, want->u.applied.first_version);
		ck_assert_uint_eq(h.u.applied.first_seq, want->u.applied.first_seq);
		ck_assert_uint_eq(h.u.applied.count, want->u.applied.count);
		ck_assert_mem_eq(h.u.applied.digest.b, digest.b, sizeof(digest.b));
		return;
	case DOCMSG_RESYNC:
		ck_assert_uint_eq(h.u.resync.from, want->u.resync.from);
		ck_assert_uint_eq(h.u.resync.head, want->u.resync.head);
		return;
	case DOCMSG_SUBSCRIBE:
	case DOCMSG_CREATED:
		ck_assert_uint_eq(h.u.version, want->u.version);
		return;
	default:
		return;
	}
}

static bool
from_client(enum docmsg_kind kind)
{
	return kind < DOCMSG_CREATED;
}

START_TEST(doc_every_message_comes_back_as_it_was)
{
	uint8_t buf[1024];

	setup();
	for (int kind = DOCMSG_CREATE; kind <= DOCMSG_ERROR; kind++) {
		const struct docmsg msg = full((enum docmsg_kind)kind);
		const struct docmsg *got;
		const int64_t n = msg_doc_codec.encode(&msg, buf, sizeof(buf));

		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(
			msg_doc_codec.decode(&arena, from_client(msg.kind), buf, (size_t)n, &got),
			1);
		assert_same(got, &msg);
	}
	teardown();
}
END_TEST

START_TEST(doc_joined_encodings_are_one_message)
{
	uint8_t buf[2048];
	size_t at = 0;
	const struct docmsg *got;

	setup();
	for (int kind = DOCMSG_CREATED; kind <= DOCMSG_ERROR; kind++) {
		const struct docmsg msg = full((enum docmsg_kind)kind);

		at += (size_t)msg_doc_codec.encode(&msg, buf + at, sizeof(buf) - at);
	}
	ck_assert_int_eq(msg_doc_codec.decode(&arena, false, buf, at, &got),
	                 DOCMSG_ERROR - DOCMSG_CREATED + 1);

	for (int kind = DOCMSG_CREATED; kind <= DOCMSG_ERROR; kind++) {
		const struct docmsg want = full((enum docmsg_kind)kind);

		assert_same(&got[kind - DOCMSG_CREATED], &want);
	}
	teardown();
}
END_TEST

START_TEST(doc_overhead_stays_within_its_stated_bound)
{
	uint8_t buf[1024];

	for (int kind = DOCMSG_CREATE; kind <= DOCMSG_ERROR; kind++) {
		struct docmsg msg = full((enum docmsg_kind)kind);
		int64_t n, data = 0;

		/* The largest numbers. */
		if (kind == DOCMSG_OPERATIONS) {
			msg.u.operations.first_version = msg.u.operations.first_seq = UINT64_MAX;
			data = 5 + 16 + 2 + NB_OPS * DOCMSG_OP_OVERHEAD;
		} else if (kind == DOCMSG_APPLY) {
			msg.u.apply.base = msg.u.apply.first_seq = UINT64_MAX;
			data = 5 + 16 + 2 + NB_OPS * DOCMSG_OP_OVERHEAD;
		} else if (kind == DOCMSG_OPENED) {
			msg.u.opened = (struct docmsg_opened){ UINT64_MAX, UINT64_MAX, UINT64_MAX,
				                               UINT64_MAX, UINT64_MAX, UINT64_MAX,
				                               UINT32_MAX, UINT32_MAX, digest,
				                               true };
		}
		n = msg_doc_codec.encode(&msg, buf, sizeof(buf));
		ck_assert_int_gt(n, 0);
		ck_assert_int_le(n - data, DOCMSG_OVERHEAD_MAX);
	}
}
END_TEST

START_TEST(doc_truncated_at_any_length_is_refused_or_shorter)
{
	uint8_t buf[1024];

	setup();
	for (int kind = DOCMSG_CREATE; kind <= DOCMSG_ERROR; kind++) {
		const struct docmsg msg = full((enum docmsg_kind)kind);
		const int64_t n = msg_doc_codec.encode(&msg, buf, sizeof(buf));

		for (int64_t len = 1; len < n; len++) {
			uint8_t *cut = malloc((size_t)len); /* exact: ASan sees an overrun */
			const struct docmsg *got;

			memcpy(cut, buf, (size_t)len);
			ck_assert_int_eq(msg_doc_codec.decode(&arena, from_client(msg.kind), cut,
			                                      (size_t)len, &got),
			                 AEF_ERR_MALFORMED);
			free(cut);
		}
	}
	teardown();
}
END_TEST

START_TEST(doc_encode_into_too_little_room_is_refused)
{
	const struct docmsg msg = full(DOCMSG_OPERATIONS);
	uint8_t buf[1024];
	const int64_t n = msg_doc_codec.encode(&msg, buf, sizeof(buf));

	for (int64_t cap = 0; cap < n; cap++)
		ck_assert_int_eq(msg_doc_codec.encode(&msg, buf, (size_t)cap), AEF_ERR_FULL);
	ck_assert_int_eq(msg_doc_codec.encode(&msg, buf, (size_t)n), n);
}
END_TEST

START_TEST(doc_encode_of_what_is_no_message_is_refused)
{
	struct docmsg msg = full(DOCMSG_APPLY);
	uint8_t buf[64];

	msg.u.apply.nb = DOCMSG_OPS_MAX + 1;
	ck_assert_int_eq(msg_doc_codec.encode(&msg, buf, sizeof(buf)), AEF_ERR_INVALID);
	msg.kind = (enum docmsg_kind)0;
	ck_assert_int_eq(msg_doc_codec.encode(&msg, buf, sizeof(buf)), AEF_ERR_INVALID);
	msg.kind = (enum docmsg_kind)99;
	ck_assert_int_eq(msg_doc_codec.encode(&msg, buf, sizeof(buf)), AEF_ERR_INVALID);
}
END_TEST

START_TEST(doc_ids_and_digests_of_wrong_length_are_refused)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\x0a\x03\x0a\x01x", 5 }, /* document of one byte, no body */
		{ "\x0a\x02\x3a\x00", 4 },  /* close without a document */
		{ "\x0a\x14\x0a\x10"        /* document, then an open without client id */
		  "0123456789abcdef\x1a\x00",
		  22 },
		{ "\x0a\x14\x0a\x10" /* document, then an apply without operations */
		  "0123456789abcdef\x22\x00",
		  22 },
		{ "\x0a\x12\x0a\x10" /* document without a body */
		  "0123456789abcdef",
		  20 },
	};
	const struct docmsg *got;

	setup();
	for (size_t i = 0; i < AEF_DIM(bad); i++)
		ck_assert_int_eq(msg_doc_codec.decode(&arena, true, (const uint8_t *)bad[i].bytes,
		                                      bad[i].len, &got),
		                 AEF_ERR_MALFORMED);
	teardown();
}
END_TEST

START_TEST(doc_message_beyond_the_limits_is_refused_by_name)
{
	uint8_t *large = calloc(1, DOCMSG_MSG_MAX + 1);
	struct docmsg_arena small = { NULL, 0 };
	const struct docmsg msg = full(DOCMSG_OPERATIONS);
	const struct docmsg *got;
	uint8_t buf[1024], mem[64] __attribute__((aligned(16)));
	const int64_t n = msg_doc_codec.encode(&msg, buf, sizeof(buf));

	setup();
	ck_assert_int_eq(msg_doc_codec.decode(&arena, true, large, DOCMSG_MSG_MAX + 1, &got),
	                 AEF_ERR_LIMIT);
	small = (struct docmsg_arena){ mem, sizeof(mem) };
	ck_assert_int_eq(msg_doc_codec.decode(&small, false, buf, (size_t)n, &got), AEF_ERR_LIMIT);
	free(large);
	teardown();
}
END_TEST

START_TEST(doc_bomb_of_tiny_fields_ends_at_the_arena)
{
	uint8_t *bomb = malloc(DOCMSG_MSG_MAX);
	const struct docmsg *got;
	int r;

	setup();
	for (size_t i = 0; i + 1 < DOCMSG_MSG_MAX; i += 2) {
		bomb[i] = 0x0a; /* an empty request */
		bomb[i + 1] = 0;
	}
	r = msg_doc_codec.decode(&arena, true, bomb, DOCMSG_MSG_MAX, &got);
	ck_assert_int_eq(r, AEF_ERR_LIMIT);
	free(bomb);
	teardown();
}
END_TEST

START_TEST(doc_random_bytes_never_get_past_the_decoder)
{
	struct aef_rng rng;
	uint8_t buf[256];

	setup();
	aef_rng_init(&rng, 3);
	for (unsigned i = 0; i < 20000; i++) {
		const struct docmsg msg =
			full((enum docmsg_kind)aef_rng_range(&rng, DOCMSG_CREATE, DOCMSG_ERROR));
		const int64_t n = msg_doc_codec.encode(&msg, buf, sizeof(buf));
		const struct docmsg *got;
		int r;

		for (unsigned flips = 0; flips < 3; flips++)
			buf[aef_rng_below(&rng, (uint64_t)n)] ^= (uint8_t)(1u << (i % 8));
		r = msg_doc_codec.decode(&arena, from_client(msg.kind), buf, (size_t)n, &got);
		ck_assert(r >= 0 || r == AEF_ERR_MALFORMED || r == AEF_ERR_LIMIT);
	}
	teardown();
}
END_TEST

TEST_SUITE(doc, &doc_every_message_comes_back_as_it_was, &doc_joined_encodings_are_one_message,
           &doc_overhead_stays_within_its_stated_bound,
           &doc_truncated_at_any_length_is_refused_or_shorter,
           &doc_encode_into_too_little_room_is_refused,
           &doc_encode_of_what_is_no_message_is_refused,
           &doc_ids_and_digests_of_wrong_length_are_refused,
           &doc_message_beyond_the_limits_is_refused_by_name,
           &doc_bomb_of_tiny_fields_ends_at_the_arena, &doc_random_bytes_never_get_past_the_decoder)
