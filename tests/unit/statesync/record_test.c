/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record_test.c - the envelope in the log: its bytes, which are for ever, and everything that is
 * none.
 */
#include "harness.h"
#include "record_priv.h"

#define BUF_BYTES 8192u

static const uint8_t op[] = { '[', '5', ']' };

static struct aef_guuid
id(uint8_t fill)
{
	struct aef_guuid g;

	memset(g.b, fill, sizeof(g.b));
	return g;
}

static struct record
sample(void)
{
	return (struct record){ .kind = RECORD_OPERATION,
		                .type = RECORD_TEXT,
		                .user = id(0xaa),
		                .session = id(0xbb),
		                .op = { op, sizeof(op) } };
}

/* All of it into @p buf. @return bytes */
static uint32_t
encode(const struct record *rec, uint8_t *buf)
{
	const int n = record_head_encode(rec, buf, BUF_BYTES);

	ck_assert_int_gt(n, 0);
	ck_assert_uint_eq((uint32_t)n, record_head_bytes(rec));
	memcpy(buf + n, rec->op.data, rec->op.len);
	return (uint32_t)n + rec->op.len;
}

static void
expect_bytes(const struct record_bytes *got, const struct record_bytes *want)
{
	ck_assert_uint_eq(got->len, want->len);
	if (want->len > 0)
		ck_assert_mem_eq(got->data, want->data, want->len);
}

static void
expect_same(const struct record *got, const struct record *want)
{
	ck_assert_uint_eq(got->kind, want->kind);
	ck_assert_uint_eq(got->type, want->type);
	ck_assert(aef_guuid_eq(&got->user, &want->user));
	ck_assert(aef_guuid_eq(&got->session, &want->session));
	ck_assert_uint_eq(got->undo_of, want->undo_of);
	expect_bytes(&got->metadata, &want->metadata);
	expect_bytes(&got->undo, &want->undo);
	expect_bytes(&got->op, &want->op);
}

START_TEST(record_bytes_are_what_they_were)
{
	/* format, kind, type, flags; user; session; undo_of 300; metadata "{}"; undo "u"; "[5]" */
	static const uint8_t plain[] = { 1, 1, 7, 0 };
	static const uint8_t rest[] = { 0x41, 0x2c, 2, '{', '}', 1, 'u', '[', '5', ']' };
	uint8_t buf[BUF_BYTES];
	struct record rec = sample();

	ck_assert_uint_eq(encode(&rec, buf), RECORD_HEAD_BYTES + 3);
	ck_assert_mem_eq(buf, plain, sizeof(plain));
	ck_assert_uint_eq(buf[4], 0xaa);
	ck_assert_uint_eq(buf[20], 0xbb);
	rec.undo_of = 300;
	rec.metadata = (struct record_bytes){ (const uint8_t *)"{}", 2 };
	rec.undo = (struct record_bytes){ (const uint8_t *)"u", 1 };
	ck_assert_uint_eq(encode(&rec, buf), RECORD_HEAD_BYTES + sizeof(rest));
	ck_assert_uint_eq(buf[3], 7);
	ck_assert_mem_eq(buf + RECORD_HEAD_BYTES, rest, sizeof(rest));
}
END_TEST

START_TEST(record_reads_back_as_it_was_written)
{
	static uint8_t blob[RECORD_METADATA_MAX];
	static const uint64_t versions[] = { 0, 1, 63, 64, 1u << 14, 1ull << 30, (1ull << 62) - 1 };
	static const uint32_t lengths[] = { 0, 1, 63, 64, RECORD_METADATA_MAX };
	uint8_t buf[BUF_BYTES];
	struct record got;

	memset(blob, 'x', sizeof(blob));
	for (unsigned i = 0; i < AEF_DIM(versions) * AEF_DIM(lengths) * 4 * 7; i++) {
		struct record rec = sample();
		const uint32_t len = lengths[i % AEF_DIM(lengths)];

		rec.kind = (uint8_t)(RECORD_OPERATION + i % 4);
		rec.type = (uint8_t)(RECORD_CREATE + i % 7);
		rec.undo_of = versions[i / 28 % AEF_DIM(versions)];
		rec.metadata = (struct record_bytes){ blob, len };
		rec.undo =
			(struct record_bytes){ blob, lengths[(i + 2) % AEF_DIM(lengths)] % 3000 };
		ck_assert_int_eq(record_decode(buf, encode(&rec, buf), &got), 0);
		expect_same(&got, &rec);
	}
}
END_TEST

START_TEST(record_cut_anywhere_is_refused_or_has_a_shorter_operation)
{
	const uint8_t meta[] = "{\"k\":1}", undo[] = "[3,\"abc\"]";
	struct record rec = sample(), got;
	uint8_t buf[BUF_BYTES];
	uint32_t head, len;

	rec.undo_of = 70000;
	rec.metadata = (struct record_bytes){ meta, sizeof(meta) };
	rec.undo = (struct record_bytes){ undo, sizeof(undo) };
	len = encode(&rec, buf);
	head = record_head_bytes(&rec);
	for (uint32_t n = 0; n < len; n++) {
		const int r = record_decode(buf, n, &got);

		ck_assert_int_eq(r, n < head ? AEF_ERR_MALFORMED : 0);
		if (r == 0)
			ck_assert_uint_eq(got.op.len, n - head);
	}
}
END_TEST

START_TEST(record_of_another_form_is_refused_by_name)
{
	struct record rec = sample(), got = { .kind = 99 };
	uint8_t buf[BUF_BYTES], bad[BUF_BYTES];
	const uint32_t len = encode(&rec, buf);
	static const struct {
		uint8_t at, value;
		int err;
	} cases[] = {
		{ 0, 0, AEF_ERR_MALFORMED },    { 0, 2, AEF_ERR_VERSION },
		{ 0, 255, AEF_ERR_VERSION },    { 1, 0, AEF_ERR_MALFORMED },
		{ 1, 5, AEF_ERR_MALFORMED },    { 2, 0, AEF_ERR_MALFORMED },
		{ 2, 8, AEF_ERR_MALFORMED },    { 3, 0x08, AEF_ERR_MALFORMED },
		{ 3, 0x80, AEF_ERR_MALFORMED },
	};

	for (unsigned i = 0; i < AEF_DIM(cases); i++) {
		memcpy(bad, buf, len);
		bad[cases[i].at] = cases[i].value;
		ck_assert_int_eq(record_decode(bad, len, &got), cases[i].err);
	}
	/* Announced and empty; longer than there is; a length that is not in its shortest form. */
	static const uint8_t undo_of[] = { 0x01, 0x02, 0x04 };
	static const uint8_t tails[][3] = { { 0, 0, 0 }, { 0x7f, 0xff, 0 }, { 0x40, 0x01, 'x' } };

	for (unsigned i = 0; i < AEF_DIM(undo_of); i++)
		for (unsigned t = 0; t < AEF_DIM(tails); t++) {
			if (undo_of[i] == 0x01 && t == 1)
				continue; /* a version of two bytes */
			memcpy(bad, buf, RECORD_HEAD_BYTES);
			bad[3] = undo_of[i];
			memcpy(bad + RECORD_HEAD_BYTES, tails[t], 3);
			ck_assert_int_eq(record_decode(bad, RECORD_HEAD_BYTES + 3, &got),
			                 AEF_ERR_MALFORMED);
		}
	ck_assert_uint_eq(got.kind, 99); /* untouched */
}
END_TEST

START_TEST(record_that_cannot_be_written_is_refused)
{
	static uint8_t blob[RECORD_METADATA_MAX + 1];
	uint8_t buf[BUF_BYTES] = { 0 };
	struct record rec = sample();

	ck_assert_int_eq(record_head_encode(&rec, buf, RECORD_HEAD_BYTES - 1), AEF_ERR_FULL);
	ck_assert_uint_eq(buf[0], 0); /* nothing written */
	rec.type = 0;
	ck_assert_int_eq(record_head_encode(&rec, buf, BUF_BYTES), AEF_ERR_INVALID);
	rec = sample();
	rec.kind = RECORD_RESOLUTION + 1;
	ck_assert_int_eq(record_head_encode(&rec, buf, BUF_BYTES), AEF_ERR_INVALID);
	rec = sample();
	rec.undo_of = UINT64_MAX;
	ck_assert_int_eq(record_head_encode(&rec, buf, BUF_BYTES), AEF_ERR_INVALID);
	rec = sample();
	rec.metadata = (struct record_bytes){ blob, sizeof(blob) };
	ck_assert_int_eq(record_head_encode(&rec, buf, BUF_BYTES), AEF_ERR_INVALID);
}
END_TEST

TEST_SUITE(record, &record_bytes_are_what_they_were, &record_reads_back_as_it_was_written,
           &record_cut_anywhere_is_refused_or_has_a_shorter_operation,
           &record_of_another_form_is_refused_by_name, &record_that_cannot_be_written_is_refused)
