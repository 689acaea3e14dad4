/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <dpio/eal.h>
#include <dpio/pool.h>
#include <worker/worker.h>

#include "harness.h"

#define CONNS 4u

/* A service that notes what it is told and does what the test says. */
static struct {
	const struct service_env *env;
	unsigned connects, disconnects, writables, sents, timers, finis;
	unsigned msgs, offered;
	uint8_t last;     /* first byte of the last message taken */
	bool hold;        /* take nothing */
	uint64_t next_ns; /* what on_timer returns */
	uint64_t last_cookie;
	enum service_gone why;
	int init_rc;
} svc;

static struct dpio_pool pool;
static struct delivery_link link_;
static struct worker *worker;
static struct aef_alloc alloc;
static uint64_t now_ns;

static int
svc_init(const struct service_env *env, const struct service_now *now, void **ret_svc)
{
	(void)now;
	svc.env = env;
	*ret_svc = &svc;
	return svc.init_rc;
}

static void
svc_fini(void *s)
{
	(void)s;
	svc.finis++;
}

static void
svc_on_connect(void *s, struct service_conn conn, const struct service_identity *id,
               const struct service_now *now, void **ret_user)
{
	(void)s;
	(void)now;
	ck_assert_uint_eq(id->caps, 77);
	*ret_user = (void *)(uintptr_t)conn.id;
	svc.connects++;
}

static void
svc_on_message(void *s, struct service_conn conn, void *user, const struct service_msg *msg,
               const struct service_now *now)
{
	(void)s;
	(void)now;
	ck_assert_uint_eq((uintptr_t)user, conn.id);
	svc.offered++;
	if (svc.hold) {
		svc.env->reply.hold(svc.env->reply.ctx);
		return;
	}
	svc.msgs++;
	svc.last = msg->slices[0].data[0];
}

static void
svc_on_disconnect(void *s, struct service_conn conn, void *user, enum service_gone why,
                  const struct service_now *now)
{
	(void)s;
	(void)conn;
	(void)user;
	(void)now;
	svc.disconnects++;
	svc.why = why;
}

static void
svc_on_writable(void *s, struct service_conn conn, void *user, const struct service_now *now)
{
	(void)s;
	(void)conn;
	(void)user;
	(void)now;
	svc.writables++;
}

static void
svc_on_sent(void *s, struct service_conn conn, void *user, uint64_t cookie, bool expired,
            const struct service_now *now)
{
	(void)s;
	(void)conn;
	(void)user;
	(void)now;
	svc.sents += !expired;
	svc.last_cookie = cookie;
}

static uint64_t
svc_on_timer(void *s, const struct service_now *now)
{
	(void)s;
	(void)now;
	svc.timers++;
	return svc.next_ns;
}

static const struct service_ops ops = {
	.name = "test",
	.init = svc_init,
	.fini = svc_fini,
	.on_connect = svc_on_connect,
	.on_message = svc_on_message,
	.on_disconnect = svc_on_disconnect,
	.on_writable = svc_on_writable,
	.on_sent = svc_on_sent,
	.on_timer = svc_on_timer,
};

static void
end(void)
{
	dpio_pool_destroy(&pool);
	dpio_eal_stop();
}

static void
eal_once(struct aef_text *error)
{
	struct dpio_conf conf;

	if (dpio_eal_running())
		return;
	dpio_conf_defaults(&conf);
	conf.hugepages = DPIO_HUGEPAGES_NEVER;
	conf.memory_mb = 64;
	conf.lcores = 1;
	ck_assert_msg(dpio_eal_start(&conf, error) == 0, "%s", error->buf);
	ck_assert_msg(dpio_pool_create(&pool, "test", 256, 2048, error) == 0, "%s", error->buf);
	atexit(end);
}

static void
open_worker(uint32_t ring_size, uint32_t descs)
{
	char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct worker_conf conf;
	struct delivery_conf link;

	eal_once(&error);
	memset(&svc, 0, sizeof(svc));
	svc.next_ns = AEF_TIME_NEVER;
	now_ns = 1000;
	worker_conf_default(&conf);
	conf.service = &ops;
	conf.alloc = &alloc;
	conf.replies = pool.mp;
	conf.clock = delivery_clock_virtual(&now_ns);
	worker = worker_create(&conf, &error);
	ck_assert_msg(worker != NULL, "%s", buf);
	delivery_conf_default(&link);
	link.ring_size = ring_size;
	link.descs = descs;
	link.slots = CONNS;
	link.credit_bytes = 1000;
	link.credit_msgs = 40;
	ck_assert_msg(delivery_link_init(&link_, &link, NULL, worker_bell(worker), &error) == 0,
	              "%s", buf);
	ck_assert_int_eq(worker_add_link(worker, &link_.worker, 0), 0);
	ck_assert_int_eq(worker_add_link(worker, &link_.worker, 0), AEF_ERR_EXISTS);
	ck_assert_int_eq(worker_start(worker, &error), 0);
}

static void
close_worker(void)
{
	worker_destroy(worker);
	delivery_link_fini(&link_);
	ck_assert_uint_eq(svc.finis, 1);
	ck_assert_uint_eq(rte_mempool_in_use_count(pool.mp), 0);
}

static uint64_t
handle(uint32_t slot)
{
	return delivery_handle(0, slot, 9);
}

static void
push(struct delivery_desc *desc)
{
	ck_assert_int_eq(delivery_push(&link_.transport, desc), 0);
	delivery_flush(&link_.transport);
}

static struct delivery_desc *
notice(uint8_t kind, uint32_t slot)
{
	struct delivery_desc *desc = delivery_desc_get(&link_.transport, 0);

	ck_assert_ptr_nonnull(desc);
	desc->kind = kind;
	desc->conn = handle(slot);
	desc->len = 0;
	desc->identity.caps = 77;
	return desc;
}

static void
connect(uint32_t slot)
{
	push(notice(DELIVERY_CONNECT, slot));
	ck_assert_uint_gt(worker_poll(worker), 0);
}

static void
message(uint32_t slot, uint8_t value)
{
	struct delivery_desc *desc = delivery_desc_get(&link_.transport, 1);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool.mp);

	ck_assert(desc != NULL && m != NULL);
	desc->kind = DELIVERY_MESSAGE;
	desc->conn = handle(slot);
	desc->len = 10;
	desc->slices[0] = (struct delivery_slice){ .data = rte_pktmbuf_mtod(m, uint8_t *),
		                                   .mbuf = m,
		                                   .len = 10 };
	rte_pktmbuf_mtod(m, uint8_t *)[0] = value;
	push(desc);
}

static void
disconnect(uint32_t slot)
{
	struct delivery_desc *desc = notice(DELIVERY_DISCONNECT, slot);

	desc->close.code = DELIVERY_WHY_IDLE;
	push(desc);
	ck_assert_uint_gt(worker_poll(worker), 0);
}

static int
reply(uint32_t slot, void *buf, const uint8_t *data, uint32_t len)
{
	const struct service_send send = { .channel = 5, .report = true, .cookie = slot };

	return service_send_buf(svc.env, (struct service_conn){ handle(slot) }, &send, buf, data,
	                        len);
}

/* What the transport finds; settles sends as the engine would. */
static unsigned
take(uint8_t *ret_kinds, unsigned max)
{
	struct delivery_desc *descs[DELIVERY_BURST];
	const unsigned nb = delivery_pop(&link_.transport, descs, RTE_MIN(max, DELIVERY_BURST));

	for (unsigned i = 0; i < nb; i++) {
		ret_kinds[i] = descs[i]->kind;
		if (descs[i]->kind == DELIVERY_SEND)
			delivery_settle(&link_.transport, delivery_handle_slot(descs[i]->conn),
			                descs[i]->len);
		delivery_desc_drop(&link_.transport, descs[i]);
	}
	delivery_flush(&link_.transport);
	return nb;
}

START_TEST(worker_service_sees_connect_messages_and_disconnect_and_gone_goes_back)
{
	uint8_t kinds[8];

	open_worker(32, 64);
	connect(1);
	message(1, 42);
	message(1, 43);
	ck_assert_uint_gt(worker_poll(worker), 0);
	disconnect(1);

	ck_assert_uint_eq(svc.connects, 1);
	ck_assert_uint_eq(svc.msgs, 2);
	ck_assert_uint_eq(svc.last, 43);
	ck_assert_uint_eq(svc.disconnects, 1);
	ck_assert_int_eq(svc.why, SERVICE_GONE_IDLE);
	ck_assert_uint_eq(take(kinds, 8), 1);
	ck_assert_uint_eq(kinds[0], DELIVERY_GONE);
	close_worker();
}
END_TEST

START_TEST(worker_fan_out_shares_one_buffer_and_frees_it_with_the_last)
{
	uint8_t kinds[8], *data;
	uint32_t cap;
	void *buf;

	open_worker(32, 64);
	for (uint32_t i = 0; i < CONNS; i++)
		connect(i);
	buf = svc.env->buf.alloc(svc.env->buf.ctx, &data, &cap);
	ck_assert_ptr_nonnull(buf);
	ck_assert_uint_eq(cap, svc.env->buf.cap_bytes);

	for (uint32_t i = 0; i < CONNS; i++)
		ck_assert_int_eq(reply(i, buf, data, 100), 0);
	ck_assert_uint_eq(rte_mbuf_refcnt_read(buf), 1 + CONNS);
	svc.env->buf.put(svc.env->buf.ctx, buf);
	(void)worker_poll(worker);

	ck_assert_uint_eq(rte_mempool_in_use_count(pool.mp), 1);
	ck_assert_uint_eq(take(kinds, 8), CONNS);
	ck_assert_uint_eq(rte_mempool_in_use_count(pool.mp), 0);
	close_worker();
}
END_TEST

START_TEST(worker_send_past_the_credit_is_refused_and_on_writable_follows)
{
	static const uint8_t bytes[600];
	uint8_t kinds[8];
	struct service_conn conn = { delivery_handle(0, 0, 9) };

	open_worker(32, 64);
	connect(0);
	connect(1);

	ck_assert_int_eq(reply(0, NULL, bytes, 600), 0);
	ck_assert_int_eq(reply(0, NULL, bytes, 600), AEF_ERR_FULL);
	ck_assert_int_eq(reply(1, NULL, bytes, 600), 0); /* the other has its own */
	ck_assert_uint_eq(svc.env->reply.room(svc.env->reply.ctx, conn), 400);
	ck_assert_uint_eq(worker_stats(worker)->refused_credit, 1);
	(void)worker_poll(worker);
	ck_assert_uint_eq(svc.writables, 0);

	ck_assert_uint_eq(take(kinds, 8), 2);
	(void)worker_poll(worker);
	ck_assert_uint_eq(svc.writables, 1);
	ck_assert_int_eq(reply(0, NULL, bytes, 600), 0);
	close_worker();
}
END_TEST

START_TEST(worker_full_ring_becomes_a_backlog_that_keeps_the_order)
{
	static const uint8_t bytes[1];
	uint8_t kinds[DELIVERY_BURST];
	unsigned got = 0;

	open_worker(32, 128);
	connect(0);
	connect(1);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_int_eq(reply(0, NULL, bytes, 1), 0);
		ck_assert_int_eq(reply(1, NULL, bytes, 1), 0);
	}
	disconnect(0);

	ck_assert_uint_eq(worker_stats(worker)->backlog, 49);
	for (unsigned i = 0; i < 10 && got < 81; i++) {
		got += take(kinds, DELIVERY_BURST);
		(void)worker_poll(worker);
	}
	ck_assert_uint_eq(got, 81);
	ck_assert_uint_eq(worker_stats(worker)->backlog, 0);
	ck_assert_uint_eq(kinds[(81 - 1) % 32], DELIVERY_GONE); /* the last of all */
	close_worker();
}
END_TEST

START_TEST(worker_without_descriptors_refuses_and_still_says_gone)
{
	static const uint8_t bytes[1];
	uint8_t kinds[DELIVERY_BURST];
	unsigned nb = 0;

	open_worker(32, 16);
	connect(0);
	while (reply(0, NULL, bytes, 1) == 0)
		nb++;

	ck_assert_uint_eq(nb, 16);
	ck_assert_uint_eq(worker_stats(worker)->refused_desc, 1);
	disconnect(0);
	ck_assert_uint_eq(take(kinds, DELIVERY_BURST), 17);
	ck_assert_uint_eq(kinds[16], DELIVERY_GONE);
	close_worker();
}
END_TEST

START_TEST(worker_held_message_keeps_its_credit_and_is_offered_again_in_order)
{
	struct delivery_account account = { 0 };

	open_worker(32, 64);
	connect(0);
	svc.hold = true;
	message(0, 1);
	message(0, 2);
	message(0, 3);
	account.bytes = 30;
	account.msgs = 3;
	(void)worker_poll(worker);

	ck_assert_uint_eq(svc.msgs, 0);
	ck_assert_uint_ge(svc.offered, 1);
	ck_assert_uint_eq(delivery_credit_left(&link_.transport, &account, 0), 970);
	svc.hold = false;
	(void)worker_poll(worker);
	ck_assert_uint_eq(svc.msgs, 3);
	ck_assert_uint_eq(svc.last, 3);
	ck_assert_uint_eq(delivery_credit_left(&link_.transport, &account, 0), 1000);
	close_worker();
}
END_TEST

START_TEST(worker_held_messages_of_a_connection_that_ends_are_dropped)
{
	open_worker(32, 64);
	connect(0);
	svc.hold = true;
	message(0, 1);
	message(0, 2);
	(void)worker_poll(worker);

	disconnect(0);

	ck_assert_uint_eq(rte_mempool_in_use_count(pool.mp), 0);
	ck_assert_uint_eq(svc.disconnects, 1);
	close_worker();
}
END_TEST

START_TEST(worker_handle_of_a_gone_connection_is_refused)
{
	static const uint8_t bytes[1];
	struct service_conn gone = { handle(0) };

	open_worker(32, 64);
	connect(0);
	disconnect(0);

	ck_assert_int_eq(reply(0, NULL, bytes, 1), AEF_ERR_CLOSED);
	ck_assert_int_eq(svc.env->reply.close(svc.env->reply.ctx, gone, 0, NULL), AEF_ERR_CLOSED);
	ck_assert_uint_eq(svc.env->reply.room(svc.env->reply.ctx, gone), 0);
	ck_assert_int_eq(reply(3, NULL, bytes, 1), AEF_ERR_CLOSED);
	close_worker();
}
END_TEST

START_TEST(worker_timer_runs_when_due_and_after_work)
{
	open_worker(32, 64);
	svc.next_ns = 5000;

	(void)worker_poll(worker);
	ck_assert_uint_eq(svc.timers, 1); /* the first poll asks */
	ck_assert_uint_eq(worker_next_ns(worker), 5000);
	(void)worker_poll(worker);
	ck_assert_uint_eq(svc.timers, 1);
	connect(0);
	ck_assert_uint_eq(svc.timers, 2);
	now_ns = 5000;
	ck_assert_uint_gt(worker_poll(worker), 0);

	ck_assert_uint_eq(svc.timers, 3);
	close_worker();
}
END_TEST

START_TEST(worker_passes_reports_channels_and_close)
{
	const struct service_chan chan = { .order = 2, .priority = 3, .deadline_ns = 99 };
	const struct service_conn conn = { handle(2) };
	struct delivery_desc *descs[4], *sent;
	const struct service_reply_ops *r;

	open_worker(32, 64);
	connect(2);
	r = &svc.env->reply;
	sent = notice(DELIVERY_SENT, 2);
	sent->cookie = 1234;
	push(sent);
	(void)worker_poll(worker);
	ck_assert_uint_eq(svc.sents, 1);
	ck_assert_uint_eq(svc.last_cookie, 1234);

	ck_assert_int_eq(r->open(r->ctx, conn, 7, &chan), 0);
	ck_assert_int_eq(r->close(r->ctx, conn, 5, "enough"), 0);
	(void)worker_poll(worker);
	ck_assert_uint_eq(delivery_pop(&link_.transport, descs, 4), 2);
	ck_assert_uint_eq(descs[0]->kind, DELIVERY_OPEN);
	ck_assert_uint_eq(descs[0]->channel, 7);
	ck_assert_uint_eq(descs[0]->chan.deadline_ns, 99);
	ck_assert_uint_eq(descs[1]->kind, DELIVERY_CLOSE);
	ck_assert_str_eq(descs[1]->close.reason, "enough");
	delivery_desc_drop(&link_.transport, descs[0]);
	delivery_desc_drop(&link_.transport, descs[1]);
	close_worker();
}
END_TEST

TEST_SUITE(worker, &worker_service_sees_connect_messages_and_disconnect_and_gone_goes_back,
           &worker_fan_out_shares_one_buffer_and_frees_it_with_the_last,
           &worker_send_past_the_credit_is_refused_and_on_writable_follows,
           &worker_full_ring_becomes_a_backlog_that_keeps_the_order,
           &worker_without_descriptors_refuses_and_still_says_gone,
           &worker_held_message_keeps_its_credit_and_is_offered_again_in_order,
           &worker_held_messages_of_a_connection_that_ends_are_dropped,
           &worker_handle_of_a_gone_connection_is_refused,
           &worker_timer_runs_when_due_and_after_work, &worker_passes_reports_channels_and_close)
