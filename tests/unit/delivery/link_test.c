/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>

#include <rte_mbuf.h>

#include <base/err.h>
#include <base/time.h>
#include <delivery/clock.h>
#include <delivery/link.h>
#include <dpio/eal.h>
#include <dpio/pool.h>

#include "harness.h"

#define SLOT 3u

static struct dpio_pool pool;
static struct delivery_link link_;
static struct delivery_bell bells[2];

static void
end(void)
{
	dpio_pool_destroy(&pool);
	dpio_eal_stop();
}

static void
open_link(const struct delivery_conf *wanted)
{
	char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));

	if (!dpio_eal_running()) {
		struct dpio_conf conf;

		dpio_conf_defaults(&conf);
		conf.hugepages = DPIO_HUGEPAGES_NEVER;
		conf.memory_mb = 64;
		conf.lcores = 1;
		ck_assert_msg(dpio_eal_start(&conf, &error) == 0, "%s", buf);
		ck_assert_msg(dpio_pool_create(&pool, "test", 512, 2048, &error) == 0, "%s", buf);
		atexit(end);
	}
	ck_assert_msg(delivery_link_init(&link_, wanted, &bells[0], &bells[1], &error) == 0, "%s",
	              buf);
}

static struct delivery_conf
small(void)
{
	struct delivery_conf conf;

	delivery_conf_default(&conf);
	conf.ring_size = 32;
	conf.descs = 64;
	conf.slots = 8;
	conf.credit_bytes = 1000;
	conf.credit_msgs = 4;
	return conf;
}

/* A message of @p nb slices of one byte, each with an mbuf of its own. */
static struct delivery_desc *
message(uint32_t nb)
{
	struct delivery_desc *desc = delivery_desc_get(&link_.transport, nb);
	uint8_t i = 0;

	if (desc == NULL)
		return NULL;
	desc->kind = DELIVERY_MESSAGE;
	desc->len = nb;
	for (struct delivery_desc *d = desc; d != NULL; d = d->more) {
		for (unsigned s = 0; s < d->nb_here; s++) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(pool.mp);
			uint8_t *data;

			ck_assert_ptr_nonnull(m);
			data = (uint8_t *)rte_pktmbuf_append(m, 1);
			*data = i++;
			d->slices[s] = (struct delivery_slice){ .data = data, .mbuf = m, .len = 1 };
		}
	}
	return desc;
}

static void
close_link(void)
{
	delivery_link_fini(&link_);
	ck_assert_uint_eq(rte_mempool_in_use_count(pool.mp), 0);
}

START_TEST(link_message_of_many_slices_arrives_whole_and_in_order)
{
	const struct delivery_conf conf = small();
	struct delivery_slice slices[100];
	struct delivery_desc *in[4], *desc;

	open_link(&conf);
	desc = message(100);
	ck_assert_int_eq(delivery_push(&link_.transport, desc), 0);
	ck_assert_uint_eq(delivery_pop(&link_.worker, in, 4), 0); /* staged only */
	delivery_flush(&link_.transport);

	ck_assert_uint_eq(delivery_pop(&link_.worker, in, 4), 1);
	ck_assert_uint_eq(delivery_desc_gather(in[0], slices), 100);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_eq(*slices[i].data, i);
	ck_assert_uint_eq(link_.worker.stats.bytes_in, 100);
	ck_assert_uint_eq(link_.transport.stats.bytes_out, 100);
	ck_assert_uint_eq(link_.transport.stats.descs_high, 13);
	delivery_desc_drop(&link_.worker, in[0]);
	close_link();
}
END_TEST

START_TEST(link_full_ring_refuses_and_keeps_what_it_has)
{
	struct delivery_conf conf = small();
	struct delivery_desc *desc, *in[64];
	unsigned nb = 0;

	open_link(&conf);
	while ((desc = message(1)) != NULL && delivery_push(&link_.transport, desc) == 0)
		nb++;

	ck_assert_ptr_nonnull(desc);
	ck_assert_uint_eq(nb, 32);
	ck_assert_uint_eq(delivery_room(&link_.transport), 0);
	ck_assert_uint_eq(link_.transport.stats.ring_full, 1);
	delivery_desc_drop(&link_.transport, desc);
	delivery_flush(&link_.transport);
	ck_assert_uint_eq(link_.transport.stats.ring_high, 32);
	ck_assert_uint_eq(delivery_pop(&link_.worker, in, 64), 32);
	ck_assert_uint_eq(delivery_room(&link_.transport), 32);
	for (unsigned i = 0; i < 32; i++)
		delivery_desc_drop(&link_.worker, in[i]);
	close_link();
}
END_TEST

START_TEST(link_empty_pool_refuses_without_a_leak)
{
	struct delivery_conf conf = small();
	struct delivery_desc *desc, *all[64];
	unsigned nb = 0;

	open_link(&conf);
	while (nb < 64 && (desc = message(8)) != NULL)
		all[nb++] = desc;

	ck_assert_uint_eq(nb, 64);
	ck_assert_ptr_null(message(8));
	ck_assert_uint_eq(link_.transport.stats.no_desc, 1);
	for (unsigned i = 0; i < 10; i++)
		delivery_desc_drop(&link_.transport, all[--nb]);
	ck_assert_ptr_null(delivery_desc_get(&link_.transport, 11 * DELIVERY_SLICES));
	desc = message(10 * DELIVERY_SLICES);
	ck_assert_ptr_nonnull(desc);
	delivery_desc_drop(&link_.transport, desc);
	while (nb > 0)
		delivery_desc_drop(&link_.transport, all[--nb]);
	ck_assert_uint_eq(link_.transport.stats.descs_got, link_.transport.stats.descs_put);
	close_link();
}
END_TEST

START_TEST(link_more_slices_than_ever_allowed_are_refused)
{
	const struct delivery_conf conf = small();

	open_link(&conf);
	ck_assert_ptr_null(delivery_desc_get(&link_.transport, DELIVERY_SLICES_MAX + 1));
	close_link();
}
END_TEST

START_TEST(link_credit_bounds_bytes_and_messages_until_settled)
{
	const struct delivery_conf conf = small();
	struct delivery_account account;

	open_link(&conf);
	delivery_account_init(&link_.transport, &account, SLOT);

	ck_assert(delivery_has_credit(&link_.transport, &account, SLOT, 5000)); /* alone */
	account.bytes += 900;
	account.msgs++;
	ck_assert(delivery_has_credit(&link_.transport, &account, SLOT, 100));
	ck_assert(!delivery_has_credit(&link_.transport, &account, SLOT, 101));
	account.msgs += 3;
	ck_assert(!delivery_has_credit(&link_.transport, &account, SLOT, 0));
	ck_assert_uint_eq(delivery_credit_left(&link_.transport, &account, SLOT), 0);

	delivery_settle(&link_.worker, SLOT, 900);
	ck_assert(delivery_has_credit(&link_.transport, &account, SLOT, 1000));
	ck_assert_uint_eq(delivery_credit_left(&link_.transport, &account, SLOT), 1000);
	/* Another connection and the other direction have their own. */
	ck_assert_uint_eq(
		delivery_credit_left(&link_.worker, &(struct delivery_account){ 0 }, SLOT), 1000);
	close_link();
}
END_TEST

START_TEST(link_new_connection_in_a_slot_starts_with_full_credit)
{
	const struct delivery_conf conf = small();
	struct delivery_account account = { 0 };

	open_link(&conf);
	delivery_settle(&link_.worker, SLOT, 700);
	delivery_settle(&link_.worker, SLOT, 800);

	delivery_account_init(&link_.transport, &account, SLOT);

	ck_assert_uint_eq(account.bytes, 1500);
	ck_assert_uint_eq(delivery_credit_left(&link_.transport, &account, SLOT), 1000);
	close_link();
}
END_TEST

START_TEST(link_what_is_left_in_the_rings_goes_back_at_the_end)
{
	const struct delivery_conf conf = small();

	open_link(&conf);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(delivery_push(&link_.transport, message(3)), 0);
	delivery_flush(&link_.transport);
	ck_assert_int_eq(delivery_push(&link_.transport, message(3)), 0); /* staged */

	close_link();
}
END_TEST

START_TEST(link_wrong_sizes_are_refused_with_a_sentence)
{
	struct delivery_conf conf = small();
	char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));

	open_link(&conf);
	close_link();
	conf.ring_size = 100;

	ck_assert_int_eq(delivery_link_init(&link_, &conf, NULL, NULL, &error), AEF_ERR_INVALID);
	ck_assert_uint_gt(error.len, 0);
	delivery_link_fini(&link_);
}
END_TEST

START_TEST(idle_sleeper_is_armed_one_poll_before_it_sleeps_and_the_bell_disarms)
{
	struct delivery_idle idle;
	struct delivery_bell bell = { 0 };
	const struct delivery_idle_conf conf = { .spins = 2, .pauses = 2, .sleep_max_ns = 1 };

	delivery_idle_init(&idle, &conf);
	for (unsigned i = 0; i < 4; i++)
		delivery_idle_step(&idle, &bell, 0, 0, AEF_TIME_NEVER);
	ck_assert_uint_eq(bell.armed, 0);
	delivery_idle_step(&idle, &bell, 0, 0, AEF_TIME_NEVER);
	ck_assert_uint_eq(bell.armed, 1);
	ck_assert_uint_eq(idle.sleeps, 0);

	delivery_bell_ring(&bell); /* work came: the sleep ends before it begins */
	ck_assert_uint_eq(bell.armed, 0);
	delivery_idle_step(&idle, &bell, 0, 0, AEF_TIME_NEVER);
	ck_assert_uint_eq(idle.sleeps, 1);
	delivery_idle_step(&idle, &bell, 1, 0, AEF_TIME_NEVER);

	ck_assert_uint_eq(idle.empty, 0);
	ck_assert_uint_eq(bell.armed, 0);
}
END_TEST

START_TEST(idle_deadline_that_is_due_is_not_slept_over)
{
	struct delivery_idle idle;
	struct delivery_bell bell = { 0 };
	const struct delivery_idle_conf conf = { .sleep_max_ns = AEF_NS_PER_S };

	delivery_idle_init(&idle, &conf);
	for (unsigned i = 0; i < 10; i++)
		delivery_idle_step(&idle, &bell, 0, 1000, 1000);

	ck_assert_uint_eq(idle.sleeps, 0);
}
END_TEST

START_TEST(idle_busy_poll_never_sleeps)
{
	struct delivery_idle idle;
	struct delivery_bell bell = { 0 };
	const struct delivery_idle_conf conf = { .busy_poll = true, .sleep_max_ns = AEF_NS_PER_S };

	delivery_idle_init(&idle, &conf);
	for (unsigned i = 0; i < 1000; i++)
		delivery_idle_step(&idle, &bell, 0, 0, AEF_TIME_NEVER);

	ck_assert_uint_eq(idle.sleeps, 0);
	ck_assert_uint_eq(bell.armed, 0);
}
END_TEST

#define PING_PONGS 20000u

/* The worker's side of a ping-pong: sends every message back until it has seen all. */
static void *
pong_thread(void *arg)
{
	const struct delivery_idle_conf *conf = arg;
	struct delivery_idle idle;
	unsigned nb = 0;

	delivery_idle_init(&idle, conf);
	while (nb < PING_PONGS) {
		struct delivery_desc *desc;
		const uint32_t n = delivery_pop(&link_.worker, &desc, 1);

		if (n > 0) {
			nb++;
			desc->kind = DELIVERY_SEND;
			delivery_settle(&link_.worker, SLOT, desc->len);
			while (delivery_push(&link_.worker, desc) != 0)
				delivery_flush(&link_.worker);
		}
		delivery_flush(&link_.worker);
		delivery_idle_step(&idle, &bells[1], n, 0, AEF_TIME_NEVER);
	}
	return NULL;
}

/* Both sides sleep after every empty poll, for a minute: a lost ring would hang this test. */
START_TEST(idle_bell_loses_no_message_between_two_sleeping_threads)
{
	const struct delivery_conf conf = small();
	const struct delivery_idle_conf lazy = { .sleep_max_ns = 60 * AEF_NS_PER_S };
	struct delivery_idle idle;
	struct delivery_account account;
	unsigned sent = 0, got = 0;
	pthread_t thread;

	open_link(&conf);
	delivery_account_init(&link_.transport, &account, SLOT);
	delivery_idle_init(&idle, &lazy);
	ck_assert_int_eq(pthread_create(&thread, NULL, pong_thread, (void *)(uintptr_t)&lazy), 0);
	while (got < PING_PONGS) {
		struct delivery_desc *desc;
		unsigned work = 0;

		while (sent < PING_PONGS &&
		       delivery_has_credit(&link_.transport, &account, SLOT, 10)) {
			desc = delivery_desc_get(&link_.transport, 0);
			ck_assert_ptr_nonnull(desc);
			desc->kind = DELIVERY_MESSAGE;
			desc->len = 10;
			desc->cookie = sent++;
			account.bytes += 10;
			account.msgs++;
			ck_assert_int_eq(delivery_push(&link_.transport, desc), 0);
			work++;
		}
		delivery_flush(&link_.transport);
		while (delivery_pop(&link_.transport, &desc, 1) == 1) {
			ck_assert_uint_eq(desc->cookie, got++);
			delivery_desc_put(&link_.transport, desc);
			work++;
		}
		if (got < PING_PONGS)
			delivery_idle_step(&idle, &bells[0], work, 0, AEF_TIME_NEVER);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);

	ck_assert_uint_gt(idle.sleeps, 0);
	close_link();
}
END_TEST

START_TEST(clock_virtual_stands_still_and_the_real_one_does_not_go_back)
{
	uint64_t now = 5000000;
	const struct delivery_clock clock = delivery_clock_virtual(&now);
	struct delivery_tsc tsc;
	struct delivery_clock real;
	uint64_t last;

	ck_assert_uint_eq(delivery_now_ns(&clock), 5000000);
	ck_assert_uint_eq(delivery_unix_ms(&clock, now), 5);
	real = delivery_clock_tsc(&tsc);
	last = delivery_now_ns(&real);
	for (unsigned i = 0; i < 10000; i++) {
		const uint64_t t = delivery_now_ns(&real);

		ck_assert_uint_ge(t, last);
		last = t;
	}
	ck_assert_uint_gt(delivery_unix_ms(&real, last), 1600000000000ull);
}
END_TEST

TEST_SUITE(link, &link_message_of_many_slices_arrives_whole_and_in_order,
           &link_full_ring_refuses_and_keeps_what_it_has, &link_empty_pool_refuses_without_a_leak,
           &link_more_slices_than_ever_allowed_are_refused,
           &link_credit_bounds_bytes_and_messages_until_settled,
           &link_new_connection_in_a_slot_starts_with_full_credit,
           &link_what_is_left_in_the_rings_goes_back_at_the_end,
           &link_wrong_sizes_are_refused_with_a_sentence,
           &idle_sleeper_is_armed_one_poll_before_it_sleeps_and_the_bell_disarms,
           &idle_deadline_that_is_due_is_not_slept_over, &idle_busy_poll_never_sleeps,
           &idle_bell_loses_no_message_between_two_sleeping_threads,
           &clock_virtual_stands_still_and_the_real_one_does_not_go_back)
