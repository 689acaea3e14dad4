/* SPDX-License-Identifier: BSD-3-Clause */
#include <wire/handshake.h>

#include "harness.h"
#include "rig.h"

#define FLOOD_POLLS 60u

static struct rig rig;

/* A SYN in every field but its token, which nobody sealed. */
static struct rte_mbuf *
forged_syn(uint8_t nr)
{
	uint8_t data[WIRE_SYN_BYTES];
	struct wire_syn syn = { 0 };

	memset(syn.token, nr, sizeof(syn.token));
	wire_syn_encode(data, &rig.clients[0].cid, &syn);
	return rig_frame(&rig.clients[0], data, sizeof(data));
}

/* Protected, of an id that nobody has. */
static struct rte_mbuf *
stranger(uint8_t nr)
{
	const struct wire_header hdr = { .version = WIRE_VERSION,
		                         .cid.b = { nr, 2, 3 },
		                         .payload_len = 100 };
	uint8_t data[WIRE_HEADER_BYTES + 100 + WIRE_TAG_BYTES] = { 0 };

	wire_header_encode(data, &hdr);
	return rig_frame(&rig.clients[0], data, sizeof(data));
}

/* A copy of the client's own: its cookie is right. */
static struct rte_mbuf *
client_ack(uint8_t nr)
{
	(void)nr;
	return rig_frame(&rig.clients[0], rig.ack, rig.ack_len);
}

static struct rte_mbuf *
forged_ack(uint8_t nr)
{
	uint8_t data[WIRE_ACK_TEXT_AT + WIRE_TAG_BYTES] = { 0 };
	struct wire_ack ack = { .cookie_epoch = 0 };

	ack.cookie[0] = nr;
	wire_ack_encode(data, &rig.clients[0].cid, 0, &ack);
	aef_store_be16(data + 30, WIRE_ACK_CLEAR_BYTES);
	return rig_frame(&rig.clients[0], data, sizeof(data));
}

static void
open_with_one_client(void)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);
	ck_assert(rig_run_until(&rig, rig_all_connected, 5 * AEF_NS_PER_S));
}

static void
close_all(void)
{
	quantum_conn_close(rig.clients[0].conn, 0, NULL, rig.now_ns);
	ck_assert(rig_run_until(&rig, rig_all_gone, 20 * AEF_NS_PER_S));
	rig_close(&rig);
}

/* Bursts of nothing but strangers' datagrams; each look at the clock takes 100 us. */
static void
flood(struct rte_mbuf *(*make)(uint8_t nr))
{
	rig.tick_ns = 100 * AEF_NS_PER_US;
	for (unsigned poll = 0; poll < FLOOD_POLLS; poll++) {
		for (unsigned i = 0; i < DPIO_BURST; i++)
			rig_inject(&rig, 0, make((uint8_t)i));
		(void)pipeline_lcore_poll(rig.lcores[0]);
	}
	rig.tick_ns = 0;
}

/* */
START_TEST(rx_syns_beyond_their_share_of_time_are_dropped_and_counted)
{
	uint64_t judged;

	open_with_one_client();

	flood(forged_syn);
	judged = rig_quantum(&rig, QUANTUM_VERDICT_BAD_TOKEN);

	/* 1 ms was saved, 60 polls of 3 looks bring 1.8 ms; a burst takes 0.1 ms at most. */
	ck_assert_uint_gt(judged, 10 * DPIO_BURST);
	ck_assert_uint_lt(judged, 32 * DPIO_BURST);
	ck_assert_uint_eq(judged + rig_verdict(&rig, PIPELINE_VERDICT_DROP_SYN_BUDGET),
	                  FLOOD_POLLS * DPIO_BURST);
	ck_assert_uint_eq(rig_verdict(&rig, PIPELINE_VERDICT_DROP_STRANGER_BUDGET), 0);
	close_all();
}
END_TEST

/* Strangers that were judged, not only dropped. */
static uint64_t
strangers_judged(void)
{
	return rig_quantum(&rig, QUANTUM_VERDICT_REPLIED_RESET) +
	       rig_quantum(&rig, QUANTUM_VERDICT_RATE_LIMITED);
}

/* */
START_TEST(rx_strangers_beyond_their_share_take_nothing_from_syns)
{
	uint64_t judged;

	open_with_one_client();

	flood(stranger);
	judged = strangers_judged();

	/* A fifth of what SYNs have: 0.2 ms was saved, 60 polls of 3 looks bring 0.36 ms. */
	ck_assert_uint_gt(judged, 2 * DPIO_BURST);
	ck_assert_uint_lt(judged, 8 * DPIO_BURST);
	ck_assert_uint_eq(judged + rig_verdict(&rig, PIPELINE_VERDICT_DROP_STRANGER_BUDGET),
	                  FLOOD_POLLS * DPIO_BURST);

	rig_inject(&rig, 0, forged_syn(1));
	(void)pipeline_lcore_poll(rig.lcores[0]);
	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_BAD_TOKEN), 1);
	ck_assert_uint_eq(rig_verdict(&rig, PIPELINE_VERDICT_DROP_SYN_BUDGET), 0);
	close_all();
}
END_TEST

/* A client whose server lost its connection is told so while SYNs flood in. */
START_TEST(rx_syns_beyond_their_share_take_nothing_from_strangers)
{
	open_with_one_client();

	flood(forged_syn);
	ck_assert_uint_gt(rig_verdict(&rig, PIPELINE_VERDICT_DROP_SYN_BUDGET), 0);

	rig_inject(&rig, 0, stranger(1));
	(void)pipeline_lcore_poll(rig.lcores[0]);
	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_REPLIED_RESET), 1);
	ck_assert_uint_eq(rig_verdict(&rig, PIPELINE_VERDICT_DROP_STRANGER_BUDGET), 0);
	close_all();
}
END_TEST

START_TEST(rx_budget_comes_back_with_time_and_lets_a_client_in)
{
	open_with_one_client();
	flood(forged_syn);

	rig_dial(&rig, 0, false);

	ck_assert(rig_run_until(&rig, rig_all_connected, AEF_NS_PER_S));
	quantum_conn_close(rig.clients[1].conn, 0, NULL, rig.now_ns);
	close_all();
}
END_TEST

/* SYNs judged or dropped by now. */
static uint64_t
syns_done(void)
{
	return rig_quantum(&rig, QUANTUM_VERDICT_BAD_TOKEN) +
	       rig_verdict(&rig, PIPELINE_VERDICT_DROP_SYN_BUDGET);
}

static uint64_t done_at_packet;

static void
on_trace(void *ctx, const struct quantum_conn *conn, uint64_t now_ns, enum quantum_trace what,
         uint64_t a, uint64_t b)
{
	(void)ctx;
	(void)conn;
	(void)now_ns;
	(void)a;
	(void)b;
	if (what == QUANTUM_TRACE_PKT_RECEIVED)
		done_at_packet = syns_done();
}

START_TEST(rx_known_connection_is_served_first_in_a_burst_of_strangers)
{
	struct rte_mbuf *frames[4];
	uint64_t before;
	unsigned nb;

	open_with_one_client();
	flood(forged_syn);
	before = syns_done();
	pipeline_lcore_trace(rig.lcores[0], on_trace, NULL);
	ck_assert_int_eq(client_send(&rig.clients[0], 1, 1, 1000, rig.now_ns), 0);
	nb = client_tx(&rig.clients[0], frames, 4, rig.now_ns);
	ck_assert_uint_ge(nb, 1);

	rig.tick_ns = 100 * AEF_NS_PER_US;
	for (unsigned i = 0; i < DPIO_BURST - nb; i++)
		rig_inject(&rig, 0, forged_syn((uint8_t)i));
	for (unsigned i = 0; i < nb; i++)
		rig_inject(&rig, 0, frames[i]);
	(void)pipeline_lcore_poll(rig.lcores[0]);
	rig.tick_ns = 0;

	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->msgs_in, 1);
	ck_assert_uint_eq(done_at_packet, before);
	ck_assert_uint_eq(syns_done(), before + DPIO_BURST - nb);
	ck_assert(rig_run_until(&rig, rig_all_echoed, 20 * AEF_NS_PER_S));
	close_all();
}
END_TEST

START_TEST(rx_acks_have_a_budget_of_their_own)
{
	open_with_one_client();
	ck_assert_uint_gt(rig.ack_len, 0);

	flood(client_ack);

	ck_assert_uint_gt(rig_verdict(&rig, PIPELINE_VERDICT_DROP_ACK_BUDGET), 20 * DPIO_BURST);
	ck_assert_uint_gt(rig_quantum(&rig, QUANTUM_VERDICT_RATE_ACK), 0);
	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_BAD_COOKIE), 0);

	rig_inject(&rig, 0, forged_syn(1)); /* whose budget is untouched */
	(void)pipeline_lcore_poll(rig.lcores[0]);
	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_BAD_TOKEN), 1);
	close_all();
}
END_TEST

/* */
START_TEST(rx_acks_of_one_source_are_taken_as_often_as_the_operator_says)
{
	const unsigned copies = 10, burst = 2;

	rig_open(&rig, &(struct rig_conf){ .acks_per_source = burst / 2 });
	rig_dial(&rig, 0, false);
	ck_assert(rig_run_until(&rig, rig_all_connected, 5 * AEF_NS_PER_S));

	for (unsigned i = 0; i < copies; i++)
		rig_inject(&rig, 0, client_ack(0));
	(void)pipeline_lcore_poll(rig.lcores[0]);

	/* The client's own was one of the two. */
	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_RATE_ACK), copies + 1 - burst);
	close_all();
}
END_TEST

/* Whoever has no cookie takes nothing from those who have, nor from SYNs. */
START_TEST(rx_acks_with_a_wrong_cookie_take_from_no_budget)
{
	open_with_one_client();
	flood(forged_ack);

	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_BAD_COOKIE), FLOOD_POLLS * DPIO_BURST);
	ck_assert_uint_eq(rig_verdict(&rig, PIPELINE_VERDICT_DROP_ACK_BUDGET), 0);

	rig_inject(&rig, 0, forged_syn(1));
	(void)pipeline_lcore_poll(rig.lcores[0]);
	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_BAD_TOKEN), 1);
	rig_dial(&rig, 0, false); /* whose ACK is judged in time */
	ck_assert(rig_run_until(&rig, rig_all_connected, AEF_NS_PER_S));
	for (uint32_t i = 1; i < rig.nb_clients; i++)
		quantum_conn_close(rig.clients[i].conn, 0, NULL, rig.now_ns);
	close_all();
}
END_TEST

/* */
START_TEST(rx_syn_with_a_bit_where_zeros_belong_is_refused_before_the_budget)
{
	static const uint16_t at[] = { 22, 25, 26, 29, 236, 239, 240, 300, 503, 504, 511 };

	open_with_one_client();
	flood(forged_syn); /* uses the budget up */
	rig.tick_ns = 0;
	for (unsigned i = 0; i < AEF_DIM(at); i++) {
		uint8_t data[WIRE_SYN_BYTES];
		struct wire_syn syn = { 0 };

		wire_syn_encode(data, &rig.clients[0].cid, &syn);
		data[at[i]] ^= 0x10;
		rig_inject(&rig, 0, rig_frame(&rig.clients[0], data, sizeof(data)));
		(void)pipeline_lcore_poll(rig.lcores[0]);
	}

	ck_assert_uint_eq(rig_quantum(&rig, QUANTUM_VERDICT_BAD_LENGTH), AEF_DIM(at));
	close_all();
}
END_TEST

TEST_SUITE(rx, &rx_syns_beyond_their_share_of_time_are_dropped_and_counted,
           &rx_strangers_beyond_their_share_take_nothing_from_syns,
           &rx_syns_beyond_their_share_take_nothing_from_strangers,
           &rx_budget_comes_back_with_time_and_lets_a_client_in,
           &rx_known_connection_is_served_first_in_a_burst_of_strangers,
           &rx_acks_have_a_budget_of_their_own,
           &rx_acks_of_one_source_are_taken_as_often_as_the_operator_says,
           &rx_acks_with_a_wrong_cookie_take_from_no_budget,
           &rx_syn_with_a_bit_where_zeros_belong_is_refused_before_the_budget)
