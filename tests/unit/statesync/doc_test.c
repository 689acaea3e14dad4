/* SPDX-License-Identifier: BSD-3-Clause */
/* Documents against a store that refuses, or is slow. */
#include "world.h"

#define DOC 5

/* A store in front of the memory log: appends fail on demand, tickets become durable on demand. */
struct front {
	struct storeif behind;
	struct storeif_ops ops;
	int append_error;
	uint64_t durable; /* UINT64_MAX: at once */
};

static struct front front; /* each test sets it up anew */

static int
front_append(void *ctx, const struct aef_guuid *doc, uint64_t epoch,
             const struct storeif_record *records, uint32_t nb, uint64_t *ret_ticket)
{
	if (front.append_error != 0)
		return front.append_error;
	return front.behind.ops->append_batch(ctx, doc, epoch, records, nb, ret_ticket);
}

static uint64_t
front_durable(void *ctx)
{
	return aef_min_u64(front.durable, front.behind.ops->durable(ctx));
}

/* A world whose service sees the front. */
static struct world *
world_with_front(struct statesync_conf *conf)
{
	struct world *world;

	front = (struct front){ .durable = UINT64_MAX };
	conf->store.ops = &front.ops;
	world = world_create(1, conf);
	front.behind = store_mem_if(world->store);
	front.ops = *front.behind.ops;
	front.ops.append_batch = front_append;
	front.ops.durable = front_durable;
	world->conf.store.ctx = front.behind.ctx;
	world_restart_service(world);
	return world;
}

START_TEST(doc_nothing_is_acked_or_shown_before_it_is_durable)
{
	struct statesync_conf conf = { 0 };
	struct world *world = world_with_front(&conf);

	world_join(world, 2, 0);
	front.durable = 0;
	world_type(world, 0, 0, "abc");
	world_type(world, 0, 0, "def");
	world_ticks(world, 20);
	ck_assert_uint_eq(world->peers[0].acks, 0);
	ck_assert_uint_eq(world->peers[1].changes, 0);
	world_client(world, 2, DOC, 1);
	world_connect(world, 2);
	world_ticks(world, 20);
	ck_assert_uint_eq(docclient_text(world->peers[2].dc)->total.cps, 0);
	front.durable = UINT64_MAX;
	world_settle(world);

	ck_assert_uint_eq(world->peers[0].acks, 2);
	world_assert_in_sync(world, DOC, 3);
	world_destroy(world);
}
END_TEST

START_TEST(doc_append_refused_once_loses_only_what_was_not_acked)
{
	struct statesync_conf conf = { 0 };
	struct world *world = world_with_front(&conf);

	world_join(world, 2, 0);
	world_type(world, 0, 0, "kept");
	world_settle(world);
	front.append_error = AEF_ERR_IO;
	world_type(world, 0, 0, "void");
	world_ticks(world, 3);
	front.append_error = 0;
	world_settle(world);

	ck_assert_uint_eq(statesync_stats(world->svc)->store_errors, 1);
	ck_assert_uint_eq(world->peers[0].lost, 1);
	ck_assert_uint_eq(docclient_reason(world->peers[0].dc), DOCMSG_REASON_STORE);
	ck_assert_uint_eq(docclient_stats(world->peers[1].dc)->ops_lost, 0);
	world_assert_in_sync(world, DOC, 2);
	ck_assert_uint_eq(docclient_text(world->peers[0].dc)->total.cps, 4);
	world_destroy(world);
}
END_TEST

START_TEST(doc_of_a_shard_that_another_owner_claimed_cannot_be_written)
{
	struct world *world = world_create(2, NULL);
	const struct aef_guuid id = world_id(DOC);
	const struct storeif store = store_mem_if(world->store);
	struct storeif_head head;
	uint64_t epoch;

	world_open(world, 0, DOC, 77, true);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");
	ck_assert_int_eq(store.ops->own(store.ctx, storeif_shard(&id), &epoch), 0);
	world_apply(world, 0, DOC, 1, 2, "[\"b\"]");
	world_tick(world);

	ck_assert_int_eq(world_last(world, 0, DOCMSG_NACK)->u.refusal.reason, DOCMSG_REASON_STORE);
	ck_assert_int_eq(store.ops->head(store.ctx, &id, &head), 0);
	ck_assert_uint_eq(head.version, 1);
	world_destroy(world);
}
END_TEST

START_TEST(doc_limit_evicts_idle_documents_and_refuses_when_all_are_in_use)
{
	const struct statesync_conf conf = { .docs_max = 2 };
	struct world *world = world_create(3, &conf);

	world_open(world, 0, 1, 70, true);
	world_apply(world, 0, 1, 0, 1, "[\"a\"]");
	world_cut(world, 0);
	world_ticks(world, 31000); /* past the linger */
	world_open(world, 1, 2, 71, true);
	world_open(world, 2, 3, 72, true);
	ck_assert_ptr_nonnull(world_last(world, 2, DOCMSG_OPENED));
	world_open(world, 3, 4, 73, true);
	ck_assert_int_eq(world_last(world, 3, DOCMSG_ERROR)->u.refusal.reason,
	                 DOCMSG_REASON_TOO_MANY);
	world_cut(world, 1);
	world_open(world, 4, 1, 74, false); /* comes back from the store */

	ck_assert_uint_eq(world_last(world, 4, DOCMSG_OPENED)->u.opened.version, 1);
	world_destroy(world);
}
END_TEST

START_TEST(doc_without_memory_refuses_and_goes_on_when_there_is_some)
{
	struct world *world = world_create(4, NULL);
	uint64_t budget;

	world_open(world, 0, DOC, 77, true);
	world_apply(world, 0, DOC, 0, 1, "[\"a\"]");
	budget = world->service_alloc.budget_bytes;
	world->service_alloc.budget_bytes = world->service_alloc.used_bytes;
	world_apply(world, 0, DOC, 1, 2,
	            "[\"this text is longer than what fits into an operation itself\"]");
	ck_assert_int_eq(world_last(world, 0, DOCMSG_NACK)->u.refusal.reason,
	                 DOCMSG_REASON_NO_MEMORY);
	world->service_alloc.budget_bytes = budget;
	world_open(world, 0, DOC, 77, false);
	world_apply(world, 0, DOC, 1, 2, "[\"b\"]");

	ck_assert_uint_eq(world_last(world, 0, DOCMSG_APPLIED)->u.applied.first_version, 2);
	world_destroy(world);
}
END_TEST

TEST_SUITE(doc, &doc_nothing_is_acked_or_shown_before_it_is_durable,
           &doc_append_refused_once_loses_only_what_was_not_acked,
           &doc_of_a_shard_that_another_owner_claimed_cannot_be_written,
           &doc_limit_evicts_idle_documents_and_refuses_when_all_are_in_use,
           &doc_without_memory_refuses_and_goes_on_when_there_is_some)
