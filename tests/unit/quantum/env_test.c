/* SPDX-License-Identifier: BSD-3-Clause */
#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

static struct pair p;

START_TEST(env_names_are_unique_and_texts_are_sentences)
{
	for (unsigned i = 0; i < QUANTUM_NB_VERDICTS; i++) {
		ck_assert_uint_gt(strlen(quantum_verdict_text((enum quantum_verdict)i)), 3);
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(quantum_verdict_name((enum quantum_verdict)i),
			                 quantum_verdict_name((enum quantum_verdict)k));
	}
	for (unsigned i = 0; i < QUANTUM_NB_TRACES; i++)
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(quantum_trace_name((enum quantum_trace)i),
			                 quantum_trace_name((enum quantum_trace)k));
	ck_assert_str_eq(quantum_verdict_name(QUANTUM_VERDICT_BAD_TAG), "BAD_TAG");
	ck_assert_str_eq(quantum_verdict_name(QUANTUM_NB_VERDICTS), "?");
	ck_assert_str_eq(quantum_verdict_text(QUANTUM_NB_VERDICTS), "?");
	ck_assert_str_eq(quantum_trace_name(QUANTUM_NB_TRACES), "?");
}
END_TEST

START_TEST(env_pools_have_names_sizes_and_do_not_overlap)
{
	pair_init(&p, 1);
	const uint32_t nb = quantum_env_nb_pools(p.client.env);

	for (uint32_t i = 0; i < nb; i++) {
		const struct aef_pool *a = quantum_env_pool(p.client.env, i);

		ck_assert_uint_gt(a->nb_objs, 0);
		ck_assert_uint_gt(strlen(a->name), 2);
		for (uint32_t k = 0; k < i; k++) {
			const struct aef_pool *b = quantum_env_pool(p.client.env, k);

			ck_assert_str_ne(a->name, b->name);
			ck_assert(b->mem + (size_t)b->obj_size_bytes * b->nb_objs <= a->mem ||
			          a->mem + (size_t)a->obj_size_bytes * a->nb_objs <= b->mem);
		}
	}
	pair_fini(&p);
}
END_TEST

static uint64_t seen[QUANTUM_NB_TRACES];
static uint64_t last_ns;

static void
on_trace(void *ctx, const struct quantum_conn *conn, uint64_t now_ns, enum quantum_trace what,
         uint64_t a, uint64_t b)
{
	(void)a;
	(void)b;
	ck_assert_ptr_eq(ctx, &p);
	ck_assert_ptr_nonnull(conn);
	ck_assert_uint_ge(now_ns, last_ns);
	last_ns = now_ns;
	seen[what]++;
}

static bool
drop_some(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	static uint32_t n;

	(void)pair;
	(void)to_server;
	(void)data;
	(void)len;
	return (++n * 2654435761u >> 16) % 8 == 0;
}

static bool
drop_all(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	(void)pair;
	(void)to_server;
	(void)data;
	(void)len;
	return true;
}

/* A life with everything in it: each trace event occurs, and agrees with the counters. */
START_TEST(env_trace_tells_of_everything_once)
{
	const struct quantum_chan_conf tries = { .reliability = QUANTUM_NONE };
	struct quantum_event ev;
	struct quantum_stats stats;

	memset(seen, 0, sizeof(seen));
	pair_init(&p, 2);
	last_ns = 0;
	pair_establish(&p);
	quantum_env_set_trace(p.client.env, on_trace, &p);
	quantum_env_set_trace(p.server.env, on_trace, &p);
	ck_assert_int_eq(quantum_conn_open(p.client.conn, 3, &tries), 0);
	ck_assert_int_eq(pair_send(&p, &p.client, 1, 1 << 20, 0), 0);
	pair_run(&p, 5 * AEF_NS_PER_S);
	p.filter = drop_some;
	for (unsigned i = 0; i < 400; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, i % 4 == 0 ? 3 : 1, 500, 0), 0);
		pair_run(&p, 20 * AEF_NS_PER_MS);
		while (pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev))
			;
		while (pair_poll(&p, &p.client, QUANTUM_EVENT_SENT, &ev))
			;
	}
	p.filter = drop_all;
	ck_assert_int_eq(pair_send(&p, &p.client, 1, 500, 0), 0);
	pair_run(&p, AEF_NS_PER_S);
	p.filter = NULL;
	p.delay_ns *= 2; /* the lowest RTT is not seen again: PROBE_RTT */
	for (unsigned i = 0; i < 800; i++) {
		ck_assert_int_eq(pair_send(&p, &p.client, 1, 500, 0), 0);
		pair_run(&p, 10 * AEF_NS_PER_MS);
	}
	p.client_addr.port++;
	ck_assert_int_eq(pair_send(&p, &p.client, 1, 500, 0), 0);
	pair_run(&p, AEF_NS_PER_S);
	quantum_conn_stats(p.client.conn, &stats);
	ck_assert_uint_eq(seen[QUANTUM_TRACE_PKT_LOST],
	                  stats.lost_pkts + p.server.conn->stats.lost_pkts);
	ck_assert_uint_gt(stats.expired_msgs, 0);
	ck_assert_uint_gt(stats.tx_retransmit_bytes, 0);
	ck_assert_uint_gt(stats.srtt_ns, 0);
	ck_assert_uint_gt(stats.rto_ns, stats.srtt_ns);
	ck_assert_uint_ge(stats.srtt_ns + stats.rttvar_ns, stats.min_rtt_ns);
	quantum_conn_close(p.client.conn, 3, "x", p.now_ns);
	pair_run(&p, AEF_NS_PER_S);
	for (unsigned i = 0; i < QUANTUM_NB_TRACES; i++)
		ck_assert_msg(seen[i] > 0 || i == QUANTUM_TRACE_PKT_SPURIOUS ||
		                      i == QUANTUM_TRACE_FEC_RECOVERED ||
		                      i == QUANTUM_TRACE_FEC_LEVEL,
		              "%s never traced", quantum_trace_name((enum quantum_trace)i));
	quantum_env_set_trace(p.client.env, NULL, NULL);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(env, &env_names_are_unique_and_texts_are_sentences,
           &env_pools_have_names_sizes_and_do_not_overlap, &env_trace_tells_of_everything_once)
