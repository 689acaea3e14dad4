/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

static struct pair p;
static const uint8_t ping[] = { WIRE_FRAME_PING };
static uint32_t size_limit;

static bool
drop_large(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)pair;
	(void)to_server;
	(void)data;
	return *len > size_limit;
}

/* The next datagram of the server, or false. */
static bool
server_sends(struct quantum_tx *tx)
{
	static uint8_t data[WIRE_MTU_MAX];

	*tx = (struct quantum_tx){ .data = data, .cap = sizeof(data) };
	return quantum_conn_tx_prepare(p.server.conn, tx, p.now_ns) == 1;
}

static void
start(uint64_t seed)
{
	pair_init(&p, seed);
	p.conf.pmtud = false;
	pair_establish(&p);
	pair_run(&p, 500 * MS);
}

/* The same host behind another port: what was learnt stays. */
START_TEST(path_new_port_is_validated_and_keeps_what_was_learnt)
{
	struct quantum_event ev;
	uint64_t srtt;

	start(1);
	srtt = p.server.conn->rtt.srtt_ns;
	p.client_addr.port++;
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert(p.server.conn->path.validating);
	/* Data still goes to the old address. */
	ck_assert_uint_ne(quantum_conn_peer(p.server.conn)->port, p.client_addr.port);
	pair_run(&p, 100 * MS);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_PATH, &ev));
	ck_assert_uint_eq(quantum_conn_peer(p.server.conn)->port, p.client_addr.port);
	ck_assert_uint_eq(p.server.conn->stats.path_changes, 1);
	ck_assert_uint_ge(p.server.conn->rtt.srtt_ns, srtt / 2);
	ck_assert(quantum_rtt_has_sample(&p.server.conn->rtt));
	pair_fini(&p);
}
END_TEST

/* Another IP address: congestion control, RTT and path MTU start anew. */
START_TEST(path_new_address_starts_rtt_rate_and_mtu_anew)
{
	struct quantum_event ev;

	pair_init(&p, 2);
	pair_establish(&p);
	pair_run(&p, 2 * AEF_NS_PER_S);
	ck_assert_uint_eq(p.server.conn->pmtu.mtu, 1452);
	p.client_addr.ip[5]++;
	p.delay_ns = 100 * MS;
	ck_assert_int_eq(quantum_conn_migrate(p.client.conn, p.now_ns), 0);
	ck_assert_uint_eq(p.client.conn->pmtu.mtu, WIRE_MTU_BASE);
	pair_run(&p, 1 * AEF_NS_PER_S);

	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_PATH, &ev));
	ck_assert_uint_ge(p.client.conn->rtt.min_ns, 200 * MS);
	ck_assert_int_eq(pair_send(&p, &p.server, 0, 100000, 0), 0);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 100000, 0), 0);
	pair_run(&p, 5 * AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert_uint_ge(p.server.conn->rtt.min_ns, 200 * MS);
	pair_fini(&p);
}
END_TEST

/* The answered challenge is the first sample, so a loss right behind the move is repaired
 * as soon as this path allows. */
START_TEST(path_answer_to_the_first_challenge_measures_the_new_path)
{
	pair_init(&p, 20);
	pair_establish(&p);
	pair_run(&p, AEF_NS_PER_S);
	p.client_addr.ip[5]++;
	p.delay_ns = 15 * MS;
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
	for (unsigned i = 0; i < 500 && p.server.conn->stats.path_changes == 0; i++)
		pair_run(&p, MS);
	ck_assert_uint_eq(p.server.conn->stats.path_changes, 1);
	ck_assert_uint_ge(p.server.conn->rtt.srtt_ns, 30 * MS);
	ck_assert_uint_le(p.server.conn->rtt.srtt_ns, 31 * MS);
	pair_fini(&p);
}
END_TEST

/* Only a client moves, only once confirmed. */
START_TEST(path_migrate_needs_a_confirmed_client)
{
	pair_init(&p, 3);
	pair_connect(&p);
	ck_assert_int_eq(quantum_conn_migrate(p.client.conn, p.now_ns), AEF_ERR_STATE);
	pair_run(&p, 200 * MS);
	ck_assert_int_eq(quantum_conn_migrate(p.server.conn, p.now_ns), AEF_ERR_STATE);
	ck_assert_int_eq(quantum_conn_migrate(p.client.conn, p.now_ns), 0);
	pair_fini(&p);
}
END_TEST

/* Neither an old number nor a handshake packet opens a candidate. */
START_TEST(path_only_the_highest_protected_packet_moves)
{
	struct pair_craft late = { 0 };

	start(4);
	late.pn = quantum_rtx_pn_peek(&p.client.conn->rtx);
	quantum_rtx_on_sent_untracked(&p.client.conn->rtx, 0, 1u << 20);
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1),
	                 QUANTUM_VERDICT_ACCEPTED);
	p.client_addr.port++;
	ck_assert_int_eq(pair_inject(&p, true, &late, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	ck_assert(!p.server.conn->path.validating);
	p.server.conn->confirmed = false;
	ck_assert_int_eq(pair_hand(&p, true, p.tap[PAIR_TO_SERVER][WIRE_CLASS_ACK].data,
	                           p.tap[PAIR_TO_SERVER][WIRE_CLASS_ACK].len),
	                 QUANTUM_VERDICT_BAD_COOKIE);
	ck_assert(!p.server.conn->path.validating);
	p.server.conn->confirmed = true;
	pair_fini(&p);
}
END_TEST

/* A pending validation stays; at most 5 begin in 10 s. */
START_TEST(path_apparent_moves_are_limited)
{
	unsigned nb_begun = 0;

	start(5);
	p.filter = drop_large;
	size_limit = 0;
	for (unsigned i = 0; i < 60; i++) {
		const bool was = p.server.conn->path.validating;
		const struct quantum_addr pending = p.server.conn->path.candidate;

		p.client_addr.port++;
		ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1),
		                 QUANTUM_VERDICT_ACCEPTED);
		if (was)
			ck_assert(quantum_addr_eq(&pending, &p.server.conn->path.candidate));
		else
			nb_begun += p.server.conn->path.validating;
		pair_run(&p, 150 * MS);
	}
	ck_assert_uint_eq(nb_begun, 5);
	ck_assert_uint_eq(p.server.conn->stats.path_changes, 0);
	pair_fini(&p);
}
END_TEST

/* Three challenges, one PTO apart, then it stays; never beyond three times. */
START_TEST(path_unanswered_challenges_end_where_it_was)
{
	struct quantum_tx tx;
	unsigned nb_challenges = 0;
	uint64_t sent_to_candidate = 0, last_ns = 0, got;

	start(6);
	const struct quantum_addr old = *quantum_conn_peer(p.server.conn);

	p.client_addr.port = 7777;
	for (unsigned i = 0; i < 6; i++)
		ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1),
		                 QUANTUM_VERDICT_ACCEPTED);
	got = p.server.conn->path.candidate_rx_bytes;
	ck_assert_uint_eq(got, 6 * 49);
	for (unsigned i = 0; i < 4000; i++) {
		while (server_sends(&tx)) {
			if (tx.to.port != 7777)
				continue;
			nb_challenges++;
			if (nb_challenges > 1)
				ck_assert_uint_ge(p.now_ns - last_ns,
				                  quantum_rtt_pto_ns(&p.server.conn->rtt));
			last_ns = p.now_ns;
			sent_to_candidate += tx.len;
		}
		p.now_ns += MS;
		quantum_conn_on_deadline(p.server.conn, p.now_ns);
	}
	ck_assert_uint_eq(nb_challenges, 3);
	ck_assert_uint_le(sent_to_candidate, 3 * got);
	ck_assert(!p.server.conn->path.validating);
	ck_assert(quantum_addr_eq(quantum_conn_peer(p.server.conn), &old));
	pair_fini(&p);
}
END_TEST

/* One small packet from a new address earns one challenge. */
START_TEST(path_unvalidated_address_gets_at_most_three_times_its_bytes)
{
	struct quantum_tx tx;
	uint64_t sent = 0;

	start(7);
	p.client_addr.port = 7777;
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1),
	                 QUANTUM_VERDICT_ACCEPTED);
	for (unsigned i = 0; i < 4000; i++) {
		while (server_sends(&tx))
			sent += tx.to.port == 7777 ? tx.len : 0;
		p.now_ns += MS;
		quantum_conn_on_deadline(p.server.conn, p.now_ns);
	}
	ck_assert_uint_gt(sent, 0);
	ck_assert_uint_le(sent, 3 * 49);
	pair_fini(&p);
}
END_TEST

/* Only the right value from the candidate itself validates. */
START_TEST(path_wrong_answers_do_not_validate)
{
	uint8_t response[9] = { WIRE_FRAME_PATH_RESPONSE };

	start(8);
	p.client_addr.port++;
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, response, 9),
	                 QUANTUM_VERDICT_ACCEPTED); /* wrong value */
	memcpy(response + 1, p.server.conn->path.challenge, 8);
	p.client_addr.port--;
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, response, 9),
	                 QUANTUM_VERDICT_ACCEPTED); /* from the old address */
	ck_assert(p.server.conn->path.validating);
	p.client_addr.port++;
	ck_assert_int_eq(pair_inject(&p, true, &(struct pair_craft){ 0 }, response, 9),
	                 QUANTUM_VERDICT_ACCEPTED);
	ck_assert(!p.server.conn->path.validating);
	ck_assert_uint_eq(p.server.conn->stats.path_changes, 1);
	pair_fini(&p);
}
END_TEST

/* 1,200 and up through the sizes; jumbo frames where the path has them. */
START_TEST(path_mtu_search_goes_up_to_what_the_path_carries)
{
	static const struct {
		uint32_t limit, expect;
	} cases[] = {
		{ 1200, 1200 }, { 1420, 1400 }, { 1452, 1452 }, { 4100, 4052 }, { 9000, 8972 }
	};

	for (unsigned i = 0; i < AEF_DIM(cases); i++) {
		pair_init(&p, 20 + i);
		p.conf.mtu_max_bytes = WIRE_MTU_MAX;
		p.filter = drop_large;
		size_limit = cases[i].limit;
		pair_establish(&p);
		for (unsigned k = 0; k < 40; k++) {
			ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
			pair_run(&p, 250 * MS);
		}
		ck_assert_uint_eq(p.client.conn->pmtu.mtu, cases[i].expect);
		pair_fini(&p);
	}
}
END_TEST

/* Three lost probes end the search for 10 minutes; they are no congestion. */
START_TEST(path_lost_mtu_probes_are_no_congestion_and_end_the_search)
{
	uint64_t nb_probes;

	pair_init(&p, 30);
	p.filter = drop_large;
	size_limit = 1300;
	pair_establish(&p);
	for (unsigned k = 0; k < 40; k++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
		pair_run(&p, 250 * MS);
	}
	ck_assert_uint_eq(p.client.conn->pmtu.mtu, WIRE_MTU_BASE);
	ck_assert_uint_ge(p.client.conn->stats.lost_pkts, 3);
	ck_assert_uint_eq(p.client.conn->bbr.bw_shortterm, UINT64_MAX);
	nb_probes = p.client.conn->stats.lost_pkts;
	for (unsigned k = 0; k < 300; k++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
		pair_run(&p, AEF_NS_PER_S);
	}
	ck_assert_uint_eq(p.client.conn->stats.lost_pkts, nb_probes);
	size_limit = 9000;
	for (unsigned k = 0; k < 400; k++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
		pair_run(&p, AEF_NS_PER_S);
	}
	ck_assert_uint_eq(p.client.conn->pmtu.mtu, 1452);
	pair_fini(&p);
}
END_TEST

/* A path that swallows large packets: back to 1,200, and all arrives. */
START_TEST(path_black_hole_falls_back_to_the_base_size)
{
	struct quantum_event ev;
	unsigned nb = 0;

	pair_init(&p, 31);
	pair_establish(&p);
	pair_run(&p, AEF_NS_PER_S);
	ck_assert_uint_eq(p.client.conn->pmtu.mtu, 1452);
	p.filter = drop_large;
	size_limit = 1300;
	for (unsigned k = 0; k < 100; k++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, k % 2 ? 100 : 5000, 0), 0);
		pair_run(&p, 50 * MS);
	}
	pair_run(&p, 5 * AEF_NS_PER_S);
	ck_assert_uint_eq(p.client.conn->pmtu.mtu, WIRE_MTU_BASE);
	while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
		nb++;
	ck_assert_uint_eq(nb, 100);
	ck_assert(quantum_conn_drained(p.client.conn));
	pair_fini(&p);
}
END_TEST

/* All of the first marked packets CE: the path mangles, marking stops. */
START_TEST(path_that_marks_everything_switches_ecn_off)
{
	pair_init(&p, 32);
	pair_establish(&p);
	p.ecn_mark = QUANTUM_ECN_CE;
	p.client.conn->ecn_acked = 0;
	for (unsigned k = 0; k < 40; k++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
		pair_run(&p, 50 * MS);
	}
	ck_assert(!p.client.conn->ecn_ok);
	ck_assert_uint_gt(p.server.conn->stats.ce_pkts, 5);
	/* A new address may be a clean path: old counts do not judge it. */
	p.ecn_mark = 0;
	ck_assert_int_eq(quantum_conn_migrate(p.client.conn, p.now_ns), 0);
	for (unsigned k = 0; k < 40; k++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
		pair_run(&p, 50 * MS);
	}
	ck_assert(p.client.conn->ecn_ok);
	pair_fini(&p);
}
END_TEST

/* Some marks are congestion, not mangling. */
START_TEST(path_that_marks_some_keeps_ecn)
{
	pair_init(&p, 33);
	pair_establish(&p);
	for (unsigned k = 0; k < 60; k++) {
		p.ecn_mark = k % 3 == 2 ? 0 : QUANTUM_ECN_CE;
		ck_assert_int_eq(pair_send(&p, &p.client, 0, 100, 0), 0);
		pair_run(&p, 50 * MS);
	}
	ck_assert(p.client.conn->ecn_ok);
	ck_assert_uint_gt(p.client.conn->peer_ce, 5);
	pair_fini(&p);
}
END_TEST

/* The idle client sends PING every 25 s; the server never does. */
START_TEST(path_idle_client_pings_every_25_s)
{
	uint64_t before;

	pair_init(&p, 34);
	p.conf.pmtud = false;
	pair_establish(&p);
	pair_run(&p, AEF_NS_PER_S);
	before = p.nb_to_server;
	pair_run(&p, 250 * AEF_NS_PER_S);
	ck_assert_uint_ge(p.nb_to_server - before, 9);
	ck_assert_uint_le(p.nb_to_server - before, 11);
	ck_assert_uint_eq(p.server.conn->conf.keepalive_ns, 0);
	pair_fini(&p);
}
END_TEST

/* S stays through a change of network: it links the packets, and is no credential. */
START_TEST(path_id_stays_through_a_move_and_gives_no_access)
{
	uint8_t data[60] = { 0 };
	struct wire_header hdr = { .version = 1, .payload_len = 12 };

	start(35);
	const struct aef_guuid before = p.client.conn->cid_s;

	p.client_addr.ip[3]++;
	ck_assert_int_eq(quantum_conn_migrate(p.client.conn, p.now_ns), 0);
	pair_run(&p, AEF_NS_PER_S);
	ck_assert_int_eq(memcmp(p.tap[PAIR_TO_SERVER][WIRE_CLASS_PROTECTED].data + 6, before.b, 16),
	                 0);
	hdr.cid = before;
	hdr.seq = 1000;
	wire_header_encode(data, &hdr);
	ck_assert_int_eq(pair_hand(&p, true, data, sizeof(data)), QUANTUM_VERDICT_BAD_TAG);
	pair_fini(&p);
}
END_TEST

/* After 10 s the places of the first moves are free again. */
START_TEST(path_moves_are_counted_in_any_10_s)
{
	start(40);
	for (unsigned i = 0; i < CANDIDATE_MOVES + 2; i++) {
		p.client_addr.port++;
		(void)pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1);
		ck_assert_int_eq(p.server.conn->path.validating, i < CANDIDATE_MOVES);
		pair_run(&p, 200 * MS);
	}
	pair_run(&p, 10 * AEF_NS_PER_S);
	p.client_addr.port++;
	(void)pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1);
	ck_assert(p.server.conn->path.validating);
	pair_fini(&p);
}
END_TEST

/* What a driver may keep a way for: the peer, who is validated, who asked; nobody else. */
START_TEST(path_engine_names_the_addresses_that_it_may_send_to)
{
	static const uint8_t challenge[9] = { WIRE_FRAME_PATH_CHALLENGE, 1 };
	const struct quantum_addr nobody = { .ip = { 77 }, .port = 7 };
	struct quantum_addr old, asker;

	start(41);
	old = p.client_addr;
	ck_assert(quantum_conn_may_send_to(p.server.conn, &old));
	ck_assert(!quantum_conn_may_send_to(p.server.conn, &nobody));
	p.client_addr.port++;
	ck_assert(!quantum_conn_may_send_to(p.server.conn, &p.client_addr));
	(void)pair_inject(&p, true, &(struct pair_craft){ 0 }, ping, 1);
	ck_assert(quantum_conn_may_send_to(p.server.conn, &p.client_addr));
	asker = p.client_addr;
	asker.port++;
	const struct quantum_addr moved = p.client_addr;

	p.client_addr = asker;
	(void)pair_inject(&p, true, &(struct pair_craft){ 0 }, challenge, sizeof(challenge));
	ck_assert(quantum_conn_may_send_to(p.server.conn, &asker));
	ck_assert(quantum_conn_may_send_to(p.server.conn, &moved));
	ck_assert(quantum_conn_may_send_to(p.server.conn, &old));
	ck_assert(!quantum_conn_may_send_to(p.server.conn, &nobody));
	p.client_addr = old;
	pair_run(&p, 5 * AEF_NS_PER_S);
	ck_assert(!quantum_conn_may_send_to(p.server.conn, &asker));
	pair_fini(&p);
}
END_TEST

/* Where less than the first step is allowed, that is tried alone. */
START_TEST(path_mtu_search_stops_at_a_configured_size_below_the_first_step)
{
	pair_init(&p, 42);
	p.conf.mtu_max_bytes = 1300;
	pair_establish(&p);
	pair_run(&p, 2 * AEF_NS_PER_S);

	ck_assert_uint_eq(p.client.conn->pmtu.mtu, 1300);
	ck_assert_uint_eq(p.server.conn->pmtu.mtu, 1300);
	ck_assert_uint_eq(p.client.conn->pmtu.probe, 0);
	pair_fini(&p);
}
END_TEST

/* An answer takes no record, so it leaves although the pool of them is empty. */
START_TEST(path_answer_needs_no_record)
{
	static const uint8_t challenge[9] = { WIRE_FRAME_PATH_CHALLENGE, 1 };
	static struct quantum_sent *taken[16384];
	struct quantum_tx tx;
	unsigned nb = 0;

	start(43);
	while ((taken[nb] = aef_pool_get(&p.server.env->sent_pkts)) != NULL)
		ck_assert_uint_lt(++nb, AEF_DIM(taken));
	(void)pair_inject(&p, true, &(struct pair_craft){ 0 }, challenge, sizeof(challenge));
	ck_assert(p.server.conn->path.response_due);
	ck_assert(server_sends(&tx));
	ck_assert(!p.server.conn->path.response_due);
	while (nb > 0)
		aef_pool_put(&p.server.env->sent_pkts, taken[--nb]);
	pair_run(&p, 100 * MS);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(path, &path_new_port_is_validated_and_keeps_what_was_learnt,
           &path_new_address_starts_rtt_rate_and_mtu_anew, &path_migrate_needs_a_confirmed_client,
           &path_only_the_highest_protected_packet_moves, &path_apparent_moves_are_limited,
           &path_unanswered_challenges_end_where_it_was,
           &path_unvalidated_address_gets_at_most_three_times_its_bytes,
           &path_wrong_answers_do_not_validate, &path_mtu_search_goes_up_to_what_the_path_carries,
           &path_lost_mtu_probes_are_no_congestion_and_end_the_search,
           &path_black_hole_falls_back_to_the_base_size,
           &path_that_marks_everything_switches_ecn_off, &path_that_marks_some_keeps_ecn,
           &path_idle_client_pings_every_25_s, &path_id_stays_through_a_move_and_gives_no_access,
           &path_moves_are_counted_in_any_10_s,
           &path_engine_names_the_addresses_that_it_may_send_to,
           &path_mtu_search_stops_at_a_configured_size_below_the_first_step,
           &path_answer_needs_no_record, &path_answer_to_the_first_challenge_measures_the_new_path)
