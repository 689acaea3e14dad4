/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory log through the contract. */
#include <store/mem.h>

#include "harness.h"

static void *
sys_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes > 0 ? bytes : 1);
}

static void
sys_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

struct fixture {
	struct aef_alloc alloc;
	struct store_mem *store;
	struct storeif s;
	uint64_t epoch;
};

static struct aef_guuid
id_of(uint64_t n)
{
	struct aef_guuid id = { .b = { 0 } };

	id.b[0] = (uint8_t)n;
	id.b[15] = 1;
	return id;
}

static void
setup(struct fixture *f, uint64_t budget)
{
	f->alloc = (struct aef_alloc){ sys_alloc, sys_free, NULL, 0, budget };
	ck_assert_int_eq(store_mem_create(&f->alloc, 8, &f->store), 0);
	f->s = store_mem_if(f->store);
}

static void
teardown(struct fixture *f)
{
	store_mem_destroy(f->store);
	ck_assert_uint_eq(f->alloc.used_bytes, 0);
}

static struct aef_guuid
make_doc(struct fixture *f, uint64_t n)
{
	const struct aef_guuid doc = id_of(n);

	ck_assert_int_eq(f->s.ops->own(f->s.ctx, storeif_shard(&doc), &f->epoch), 0);
	ck_assert_int_eq(f->s.ops->create(f->s.ctx, &doc, f->epoch, 1), 0);
	return doc;
}

static int
append(struct fixture *f, const struct aef_guuid *doc, uint64_t version, uint64_t client,
       const char *text)
{
	const struct storeif_record rec = {
		.version = version,
		.client = id_of(client),
		.seq = version * 10,
		.data = (const uint8_t *)text,
		.len = (uint32_t)strlen(text),
	};
	uint64_t ticket = 0;
	const int r = f->s.ops->append_batch(f->s.ctx, doc, f->epoch, &rec, 1, &ticket);

	if (r == 0)
		ck_assert_uint_ge(f->s.ops->durable(f->s.ctx), ticket);
	return r;
}

START_TEST(mem_records_come_back_in_order)
{
	struct fixture f;
	struct storeif_record recs[8];
	struct storeif_head head;

	setup(&f, 1u << 20);
	const struct aef_guuid doc = make_doc(&f, 1);

	ck_assert_int_eq(append(&f, &doc, 1, 7, "one"), 0);
	ck_assert_int_eq(append(&f, &doc, 2, 7, ""), 0);
	ck_assert_int_eq(append(&f, &doc, 3, 8, "three"), 0);

	ck_assert_int_eq(f.s.ops->read_ops(f.s.ctx, &doc, 2, recs, 8), 2);
	ck_assert_uint_eq(recs[1].version, 3);
	ck_assert_mem_eq(recs[1].data, "three", 5);
	ck_assert_int_eq(f.s.ops->read_ops(f.s.ctx, &doc, 4, recs, 8), 0);
	ck_assert_int_eq(f.s.ops->head(f.s.ctx, &doc, &head), 0);
	ck_assert_uint_eq(head.version, 3);
	ck_assert_uint_eq(head.log_bytes, 8);
	ck_assert_uint_eq(f.s.ops->ops_bytes(f.s.ctx, &doc, 2, 3), 5);
	ck_assert_uint_eq(f.s.ops->ops_bytes(f.s.ctx, &doc, 2, 4), UINT64_MAX);
	teardown(&f);
}
END_TEST

START_TEST(mem_append_that_does_not_follow_the_head_is_refused)
{
	struct fixture f;

	setup(&f, 1u << 20);
	const struct aef_guuid doc = make_doc(&f, 1), other = id_of(9);

	ck_assert_int_eq(append(&f, &doc, 2, 7, "x"), AEF_ERR_STATE);
	ck_assert_int_eq(append(&f, &doc, 1, 7, "x"), 0);
	ck_assert_int_eq(append(&f, &doc, 1, 7, "x"), AEF_ERR_STATE);
	ck_assert_int_eq(f.s.ops->own(f.s.ctx, storeif_shard(&other), &f.epoch), 0);
	ck_assert_int_eq(append(&f, &other, 1, 7, "x"), AEF_ERR_NOTFOUND);

	ck_assert_uint_eq(store_mem_stats(f.store)->refused_order, 2);
	teardown(&f);
}
END_TEST

START_TEST(mem_stale_epoch_cannot_write)
{
	struct fixture f;
	uint64_t newer;
	const struct storeif_snapshot snap = { .version = 0 };

	setup(&f, 1u << 20);
	const struct aef_guuid doc = make_doc(&f, 1);

	ck_assert_int_eq(f.s.ops->own(f.s.ctx, storeif_shard(&doc), &newer), 0);
	ck_assert_uint_gt(newer, f.epoch);
	ck_assert_int_eq(append(&f, &doc, 1, 7, "x"), AEF_ERR_DENIED);
	ck_assert_int_eq(f.s.ops->put_snapshot(f.s.ctx, &doc, f.epoch, &snap), AEF_ERR_DENIED);
	ck_assert_int_eq(f.s.ops->trim(f.s.ctx, &doc, f.epoch, 1), AEF_ERR_DENIED);
	ck_assert_int_eq(f.s.ops->create(f.s.ctx, &doc, f.epoch, 1), AEF_ERR_DENIED);

	ck_assert_uint_eq(store_mem_stats(f.store)->refused_epoch, 4);
	ck_assert_int_eq(f.s.ops->own(f.s.ctx, STOREIF_SHARDS, &newer), AEF_ERR_RANGE);
	teardown(&f);
}
END_TEST

START_TEST(mem_dedup_knows_the_newest_of_each_author)
{
	struct fixture f;
	uint64_t seq, version;

	setup(&f, 1u << 20);
	const struct aef_guuid doc = make_doc(&f, 1), a = id_of(3), nobody = id_of(99);

	for (uint64_t v = 1; v <= 60; v++)
		ck_assert_int_eq(append(&f, &doc, v, v % 20, "x"), 0);

	ck_assert_int_eq(f.s.ops->dedup(f.s.ctx, &doc, &a, &seq, &version), 0);
	ck_assert_uint_eq(version, 43);
	ck_assert_uint_eq(seq, 430);
	ck_assert_int_eq(f.s.ops->dedup(f.s.ctx, &doc, &nobody, &seq, &version), AEF_ERR_NOTFOUND);
	teardown(&f);
}
END_TEST

START_TEST(mem_trim_needs_a_snapshot_and_gives_memory_back)
{
	struct fixture f;
	struct storeif_snapshot snap = { .version = 900,
		                         .data = (const uint8_t *)"text",
		                         .len = 4 };
	struct storeif_record rec;
	struct storeif_head head;
	char text[200];
	uint64_t used;

	memset(text, 'x', sizeof(text));
	text[199] = '\0';
	setup(&f, 1u << 24);
	const struct aef_guuid doc = make_doc(&f, 1);

	for (uint64_t v = 1; v <= 1000; v++)
		ck_assert_int_eq(append(&f, &doc, v, 7, text), 0);
	ck_assert_int_eq(f.s.ops->trim(f.s.ctx, &doc, f.epoch, 901), AEF_ERR_STATE);
	ck_assert_int_eq(f.s.ops->put_snapshot(f.s.ctx, &doc, f.epoch, &snap), 0);
	used = f.alloc.used_bytes;
	ck_assert_int_eq(f.s.ops->trim(f.s.ctx, &doc, f.epoch, 901), 0);

	ck_assert_uint_lt(f.alloc.used_bytes, used);
	ck_assert_int_eq(f.s.ops->read_ops(f.s.ctx, &doc, 900, &rec, 1), AEF_ERR_GAP);
	ck_assert_int_eq(f.s.ops->read_ops(f.s.ctx, &doc, 901, &rec, 1), 1);
	ck_assert_mem_eq(rec.data, text, 199);
	ck_assert_int_eq(f.s.ops->head(f.s.ctx, &doc, &head), 0);
	ck_assert_uint_eq(head.first, 901);
	ck_assert_uint_eq(head.snapshot, 900);
	ck_assert_int_eq(f.s.ops->get_snapshot(f.s.ctx, &doc, 1000, &snap), 0);
	ck_assert_mem_eq(snap.data, "text", 4);
	ck_assert_int_eq(f.s.ops->get_snapshot(f.s.ctx, &doc, 899, &snap), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(append(&f, &doc, 1001, 7, "on"), 0);
	teardown(&f);
}
END_TEST

START_TEST(mem_without_memory_refuses_and_stays_as_it_was)
{
	struct fixture f;
	struct storeif_head head;
	uint64_t v = 1;

	setup(&f, 40000);
	const struct aef_guuid doc = make_doc(&f, 1);

	while (append(&f, &doc, v, v, "some text of some length") == 0)
		v++;
	ck_assert_uint_gt(v, 10);
	ck_assert_int_eq(append(&f, &doc, v, v, "some text of some length"), AEF_ERR_FULL);
	ck_assert_int_eq(f.s.ops->head(f.s.ctx, &doc, &head), 0);

	ck_assert_uint_eq(head.version, v - 1);
	ck_assert_uint_eq(store_mem_stats(f.store)->refused_memory, 2);
	teardown(&f);
}
END_TEST

START_TEST(mem_lists_documents_in_order_of_id)
{
	struct fixture f;
	struct aef_guuid ids[8];
	uint64_t n[] = { 5, 1, 9, 3 };

	setup(&f, 1u << 20);
	for (size_t i = 0; i < AEF_DIM(n); i++)
		(void)make_doc(&f, n[i]);

	ck_assert_int_eq(f.s.ops->list(f.s.ctx, NULL, ids, 3), 3);
	ck_assert_uint_eq(ids[0].b[0], 1);
	ck_assert_uint_eq(ids[2].b[0], 5);
	ck_assert_int_eq(f.s.ops->list(f.s.ctx, &ids[2], ids, 8), 1);
	ck_assert_uint_eq(ids[0].b[0], 9);
	teardown(&f);
}
END_TEST

START_TEST(mem_full_of_documents_refuses_one_more_and_doubles)
{
	struct fixture f;
	struct aef_guuid doc = id_of(20);
	struct storeif_head head;

	setup(&f, 1u << 20);
	for (uint64_t n = 0; n < 8; n++)
		(void)make_doc(&f, n);
	ck_assert_int_eq(f.s.ops->head(f.s.ctx, &doc, &head), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(f.s.ops->own(f.s.ctx, storeif_shard(&doc), &f.epoch), 0);
	ck_assert_int_eq(f.s.ops->create(f.s.ctx, &doc, f.epoch, 1), AEF_ERR_FULL);
	doc = id_of(3);
	ck_assert_int_eq(f.s.ops->own(f.s.ctx, storeif_shard(&doc), &f.epoch), 0);

	ck_assert_int_eq(f.s.ops->create(f.s.ctx, &doc, f.epoch, 1), AEF_ERR_EXISTS);
	teardown(&f);
}
END_TEST

TEST_SUITE(mem, &mem_records_come_back_in_order,
           &mem_append_that_does_not_follow_the_head_is_refused, &mem_stale_epoch_cannot_write,
           &mem_dedup_knows_the_newest_of_each_author,
           &mem_trim_needs_a_snapshot_and_gives_memory_back,
           &mem_without_memory_refuses_and_stays_as_it_was, &mem_lists_documents_in_order_of_id,
           &mem_full_of_documents_refuses_one_more_and_doubles)
