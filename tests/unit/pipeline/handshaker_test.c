/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <sched.h>

#include <base/err.h>
#include <crypto_null/null_provider.h>
#include <wire/handshake.h>

#include "handshaker_priv.h"
#include "harness.h"
#include "lcore_priv.h"
#include "rig.h"

static struct rig rig;

static void
open_rig(uint8_t lcores, uint32_t slots, uint32_t mark)
{
	rig_open(&rig, &(struct rig_conf){
			       .lcores = lcores, .handshakes = slots, .handshakes_mark = mark });
}

static void
close_all(void)
{
	for (uint32_t i = 0; i < rig.nb_clients; i++)
		quantum_conn_close(rig.clients[i].conn, 0, NULL, rig.now_ns);
	ck_assert(rig_run_until(&rig, rig_all_gone, 20 * AEF_NS_PER_S));
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->handshakes_held, 0);
	rig_close(&rig);
}

START_TEST(handshaker_derives_and_the_held_ack_brings_its_first_message)
{
	open_rig(1, 16, 8);
	rig_dial(&rig, 0, false);
	rig_dial(&rig, 0, true);
	for (unsigned i = 0; i < 2; i++) /* goes with the ACK */
		ck_assert_int_eq(client_send(&rig.clients[i], 1, i, 300, rig.now_ns), 0);

	ck_assert(rig_run_until(&rig, rig_all_echoed, AEF_NS_PER_S));

	ck_assert_uint_eq(pipeline_handshaker_stats(rig.handshaker)->derived, 2);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->conns_accepted, 2);
	close_all();
}
END_TEST

START_TEST(handshaker_repeated_ack_is_ignored_while_keys_are_pending)
{
	open_rig(1, 16, 8);
	rig.handshaker_stopped = true;
	rig_dial(&rig, 0, false);
	rig_run(&rig, 2 * AEF_NS_PER_S);

	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->handshakes_held, 1);
	ck_assert_uint_ge(rig_quantum(&rig, QUANTUM_VERDICT_ACK_PENDING), 3);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->conns_accepted, 0);

	rig.handshaker_stopped = false;
	ck_assert(rig_run_until(&rig, rig_all_connected, AEF_NS_PER_S));
	ck_assert_uint_eq(pipeline_handshaker_stats(rig.handshaker)->derived, 1);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->conns_accepted, 1);
	close_all();
}
END_TEST

/* The token of the first client that was told BUSY opens a connection later. */
static void
busy_then_back(void)
{
	rig.handshaker_stopped = true;
	rig_dial(&rig, 0, false);
	rig_run(&rig, 50 * AEF_NS_PER_MS);
	rig_dial(&rig, 0, false);
	rig_run(&rig, 50 * AEF_NS_PER_MS);

	ck_assert_uint_ge(rig_quantum(&rig, QUANTUM_VERDICT_BUSY_QUEUE), 1);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->handshakes_held, 1);

	rig.handshaker_stopped = false;
	rig_run(&rig, 10 * AEF_NS_PER_MS);
	client_close(&rig.clients[1]);
	client_nonce_reset();
	rig.nb_clients = 0;
	/* The same token as before from the same address, after another one's. */
	client_open(&rig.clients[1], 3, false, &rig.port.local, rig.now_ns);
	client_close(&rig.clients[1]);
	client_open(&rig.clients[1], 3, false, &rig.port.local, rig.now_ns);
	rig.nb_clients = 2;
	ck_assert(rig_run_until(&rig, rig_all_connected, 2 * AEF_NS_PER_S));
}

START_TEST(handshaker_past_its_mark_says_busy_and_the_token_stays_good)
{
	client_nonce_reset();
	open_rig(1, 16, 1);
	busy_then_back();
	close_all();
}
END_TEST

START_TEST(handshaker_without_a_slot_says_busy_and_the_token_stays_good)
{
	client_nonce_reset();
	open_rig(1, 1, 1);
	busy_then_back();
	close_all();
}
END_TEST

static int
dh_refuses(void *ctx, const uint8_t priv[CRYPTO_PRIV_BYTES],
           const uint8_t peer_pub[CRYPTO_PUB_BYTES], uint8_t ret_shared[CRYPTO_SHARED_BYTES])
{
	(void)ctx;
	(void)priv;
	(void)peer_pub;
	(void)ret_shared;
	return AEF_ERR_AUTH;
}

START_TEST(handshaker_hostile_public_key_is_counted_and_leaves_nothing)
{
	struct crypto_provider provider = *crypto_null_provider();
	unsigned nb_free = 0;
	struct handshake *h;

	provider.dh = dh_refuses;
	rig_open(&rig, &(struct rig_conf){ .conns = 1, .handshakes = 4, .handshakes_mark = 4 });
	rig.handshaker_provider = &provider;
	rig_dial(&rig, 0, false);
	rig_run(&rig, AEF_NS_PER_S);

	ck_assert_uint_eq(rig_verdict(&rig, PIPELINE_VERDICT_DROP_KEYS), 1);
	ck_assert_uint_eq(pipeline_handshaker_stats(rig.handshaker)->refused, 1);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->handshakes_held, 0);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->conns_accepted, 0);
	while ((h = handshaker_get(rig.handshaker)) != NULL) {
		static const struct handshake zero;

		ck_assert_mem_eq(h, &zero, sizeof(zero)); /* wiped */
		nb_free++;
	}
	ck_assert_uint_eq(nb_free, 4);
	rig_close(&rig);
}
END_TEST

START_TEST(handshaker_hostile_public_key_takes_no_room_from_the_next_client)
{
	struct crypto_provider provider = *crypto_null_provider();

	provider.dh = dh_refuses;
	rig_open(&rig, &(struct rig_conf){ .conns = 1, .handshakes = 4, .handshakes_mark = 4 });
	rig.handshaker_provider = &provider;
	rig_dial(&rig, 0, false);
	rig_run(&rig, 6 * AEF_NS_PER_S); /* it has given up */
	ck_assert(rig.clients[0].closed);
	client_close(&rig.clients[0]);
	rig.nb_clients = 0;

	rig.handshaker_provider = crypto_null_provider();
	rig_dial(&rig, 0, false);

	ck_assert(rig_run_until(&rig, rig_all_connected, AEF_NS_PER_S));
	ck_assert_uint_eq(rig_verdict(&rig, PIPELINE_VERDICT_DROP_KEYS), 1);
	close_all();
}
END_TEST

START_TEST(handshaker_token_used_at_two_lcores_opens_one_connection)
{
	uint64_t accepted = 0;

	open_rig(2, 16, 8);
	rig.handshaker_stopped = true;
	rig_dial(&rig, 0, false);
	rig_run(&rig, 20 * AEF_NS_PER_MS);
	rig.client_queue[0] = 1; /* its ACK again, by the other lcore, before the keys are there */
	rig_run(&rig, AEF_NS_PER_S);
	rig.handshaker_stopped = false;
	ck_assert(rig_run_until(&rig, rig_all_connected, AEF_NS_PER_S));

	for (uint8_t i = 0; i < 2; i++)
		accepted += pipeline_lcore_stats(rig.lcores[i])->conns_accepted;
	ck_assert_uint_eq(accepted, 1);
	ck_assert_uint_eq(pipeline_handshaker_stats(rig.handshaker)->derived, 1);
	close_all();
}
END_TEST

START_TEST(handshaker_ack_held_when_the_server_shuts_down_is_told_so)
{
	rig_open(&rig, &(struct rig_conf){
			       .lcores = 1, .conns = 1, .handshakes = 16, .handshakes_mark = 8 });
	rig.handshaker_stopped = true;
	rig_dial(&rig, 0, false);
	rig_run(&rig, 20 * AEF_NS_PER_MS);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->handshakes_held, 1);
	ck_assert(aef_list_empty(&rig.lcores[0]->free_slots));

	pipeline_lcore_shut(rig.lcores[0]);
	rig_run(&rig, AEF_NS_PER_MS);
	rig.handshaker_stopped = false;
	rig_run(&rig, 10 * AEF_NS_PER_MS);

	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_BUSY_SHUTDOWN), 1);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->conns_accepted, 0);
	ck_assert(rig.clients[0].closed);
	ck_assert_int_eq(rig.clients[0].why, QUANTUM_CLOSE_REFUSED);
	ck_assert(!aef_list_empty(&rig.lcores[0]->free_slots));
	rig_close(&rig);
}
END_TEST

/* The pools are checked for leaks by rig_close(). */
START_TEST(handshaker_ended_with_an_ack_held_gives_its_datagram_back)
{
	open_rig(1, 16, 8);
	rig.handshaker_stopped = true;
	rig_dial(&rig, 0, false);
	rig_run(&rig, 20 * AEF_NS_PER_MS);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->handshakes_held, 1);

	rig_close(&rig);
}
END_TEST

static atomic_bool stop;

static void *
thread_main(void *arg)
{
	(void)arg;
	pipeline_handshaker_run(rig.handshaker, crypto_null_provider(), &stop);
	return NULL;
}

START_TEST(handshaker_asleep_on_its_own_thread_is_woken_by_an_ack)
{
	pthread_t thread;
	unsigned turns = 0;

	atomic_store(&stop, false);
	open_rig(1, 16, 8);
	rig.handshaker_stopped = true; /* not polled by the rig */
	ck_assert_int_eq(pthread_create(&thread, NULL, thread_main, NULL), 0);
	while (atomic_load(&pipeline_handshaker_bell(rig.handshaker)->armed) == 0)
		sched_yield();
	rig_dial(&rig, 0, false);
	while (pipeline_handshaker_stats(rig.handshaker)->derived == 0) {
		rig_run(&rig, AEF_NS_PER_MS / 10);
		sched_yield();
		ck_assert_uint_lt(++turns, 30000); /* 3 s of virtual time */
	}
	ck_assert(rig_run_until(&rig, rig_all_connected, AEF_NS_PER_S));

	atomic_store(&stop, true);
	delivery_bell_ring(pipeline_handshaker_bell(rig.handshaker));
	pthread_join(thread, NULL);
	close_all();
}
END_TEST

/* Not by its longest sleep, which would hide a bell that nobody rings. */
START_TEST(handshaker_bell_is_rung_for_an_ack_that_is_held)
{
	struct delivery_bell *bell;

	open_rig(1, 16, 8);
	rig.handshaker_stopped = true;
	bell = pipeline_handshaker_bell(rig.handshaker);
	atomic_store(&bell->armed, 1);
	rig_dial(&rig, 0, false);
	rig_run(&rig, 20 * AEF_NS_PER_MS);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->handshakes_held, 1);

	ck_assert_uint_eq(atomic_load(&bell->armed), 0);

	rig.handshaker_stopped = false;
	ck_assert(rig_run_until(&rig, rig_all_connected, AEF_NS_PER_S));
	close_all();
}
END_TEST

/* Whoever has no cookie must not cost a system call and a turn of another thread. */
START_TEST(handshaker_asleep_is_not_woken_by_a_forged_ack)
{
	uint8_t data[WIRE_ACK_TEXT_AT + WIRE_TAG_BYTES] = { 0 };
	const struct wire_ack ack = { .cookie_epoch = 0 };
	struct delivery_bell *bell;

	open_rig(1, 16, 8);
	rig_dial(&rig, 0, false);
	ck_assert(rig_run_until(&rig, rig_all_connected, AEF_NS_PER_S));
	wire_ack_encode(data, &rig.clients[0].cid, 0, &ack);
	aef_store_be16(data + 30, WIRE_ACK_CLEAR_BYTES);
	bell = pipeline_handshaker_bell(rig.handshaker);
	atomic_store(&bell->armed, 1);

	rig_inject(&rig, 0, rig_frame(&rig.clients[0], data, sizeof(data)));
	(void)pipeline_lcore_poll(rig.lcores[0]);

	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_BAD_COOKIE), 1);
	ck_assert_uint_eq(atomic_load(&bell->armed), 1);
	close_all();
}
END_TEST

START_TEST(handshaker_out_of_its_limits_is_refused_with_a_sentence)
{
	static const struct pipeline_handshaker_conf bad[] = {
		{ "a", 0, 16, 8 },       { "a", PIPELINE_LCORES_MAX + 1, 16, 8 },
		{ "a", 1, 0, 1 },        { "a", 1, 17, 8 },
		{ "a", 1, 1u << 17, 8 }, { "a", 1, 16, 0 },
		{ "a", 1, 16, 17 },      { "abcdefghijklm", 1, 16, 8 },
	};

	for (unsigned i = 0; i < AEF_DIM(bad); i++) {
		char buf[300] = "";
		struct aef_text error = aef_text_make(buf, sizeof(buf));

		ck_assert_ptr_null(pipeline_handshaker_create(&bad[i], &error));
		ck_assert_uint_gt(error.len, 20);
	}
}
END_TEST

TEST_SUITE(handshaker, &handshaker_derives_and_the_held_ack_brings_its_first_message,
           &handshaker_repeated_ack_is_ignored_while_keys_are_pending,
           &handshaker_past_its_mark_says_busy_and_the_token_stays_good,
           &handshaker_without_a_slot_says_busy_and_the_token_stays_good,
           &handshaker_hostile_public_key_is_counted_and_leaves_nothing,
           &handshaker_hostile_public_key_takes_no_room_from_the_next_client,
           &handshaker_token_used_at_two_lcores_opens_one_connection,
           &handshaker_ack_held_when_the_server_shuts_down_is_told_so,
           &handshaker_ended_with_an_ack_held_gives_its_datagram_back,
           &handshaker_asleep_on_its_own_thread_is_woken_by_an_ack,
           &handshaker_bell_is_rung_for_an_ack_that_is_held,
           &handshaker_asleep_is_not_woken_by_a_forged_ack,
           &handshaker_out_of_its_limits_is_refused_with_a_sentence)
