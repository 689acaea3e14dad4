/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * syn.c - S7: SYNs from random sources, a third garbage, a third with a forged token, a third with
 * one good token, at five times what the budget takes. Live sessions do not notice. Or, as many
 * ACKs with forged cookies and packets with made-up ids, which take nothing from SYNs.
 *
 * The budget is measured: SYNs with a good token that are answered in a second when there are more.
 * Baseline and flood take turns; in the baseline the generator does the same work and its frames go
 * nowhere.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "syn_host.h"

#define LIVE_SHARE    4u /* of the measured capacity: a quarter */
#define FLOOD_TIMES   5u
#define OVERLOAD_PPS  600000u
#define SETTLE_NS     300000000u
#define QUIET_NS      500000000u
#define QUIET_MAX_NS  30000000000u /* more than the idle time-out */
#define RSS_DRIFT_KIB 1024u
#define PACE_MIN      0.9 /* of what the generator is meant to send */
#define AGAIN         3u  /* rounds repeated for each one wanted, at most */

static const struct pipeline_stats *
stats_of(const struct host *h)
{
	return pipeline_lcore_stats(h->appliance.lcore);
}

/* SYNs with a good token that the budget takes in a second. */
static uint32_t
syn_budget(struct host *h)
{
	struct phase p = {
		.to_server = true, .only_good = true, .flood_pps = OVERLOAD_PPS, .ns = 1000000000u
	};
	const uint64_t before = stats_of(h)->quantum[QUANTUM_VERDICT_REPLIED_SYN];

	host_phase(h, &p);
	host_settle(h, SETTLE_NS);
	return (uint32_t)((stats_of(h)->quantum[QUANTUM_VERDICT_REPLIED_SYN] - before) *
	                  1000000000u / p.ns);
}

static void
print_phase(const char *what, const struct phase *p)
{
	const double s = (double)p->ns / 1e9;

	printf("figure: %-8s %8.0f of %8.0f messages/s, flood %8.0f/s (%" PRIu64
	       " lost on the wire), "
	       "%" PRIu64 " replies; newcomers %" PRIu64 " of %" PRIu64 " in 3 s\n",
	       what, (double)p->delivered / s, (double)p->offered / s, (double)p->flood_in_time / s,
	       p->lost_pkts, p->reply_pkts, p->in_time, p->started);
}

static void
add(struct phase *sum, const struct phase *p)
{
	sum->flood_pkts += p->flood_pkts;
	sum->flood_bytes += p->flood_bytes;
	sum->lost_pkts += p->lost_pkts;
	sum->reply_pkts += p->reply_pkts;
	sum->reply_bytes += p->reply_bytes;
	sum->started += p->started;
	sum->in_time += p->in_time;
	sum->late += p->late;
	sum->offered += p->offered;
	sum->delivered += p->delivered;
}

/* What was seen in each round. */
struct seen {
	double goodput[BENCH_ROUNDS_MAX]; /* with the flood / without */
	double pace[BENCH_ROUNDS_MAX];    /* of the flood / what was meant */
};

static void
one_round(struct host *h, struct phase like, unsigned round, struct phase *sum, struct seen *seen)
{
	double goodput[2], pace[2];

	for (unsigned i = 0; i < 2; i++) {
		struct phase p = like;

		p.to_server = ((i ^ round) & 1u) != 0; /* they take turns in being first */
		host_phase(h, &p);
		host_settle(h, SETTLE_NS);
		print_phase(p.to_server ? "flood" : "baseline", &p);
		goodput[p.to_server] = (double)p.delivered / (double)p.ns;
		pace[p.to_server] = (double)p.flood_in_time * 1e9 / (double)p.ns / like.flood_pps;
		if (p.to_server)
			add(sum, &p);
	}
	seen->pace[round] = pace[0] < pace[1] ? pace[0] : pace[1];
	seen->goodput[round] = goodput[0] > 0 ? goodput[1] / goodput[0] : 0;
}

/* Until the newcomers' connections have ended at the appliance, too: the goodbye of one may be
 * lost.
 */
static void
quiet(struct host *h)
{
	const uint64_t end = bench_now_ns() + QUIET_MAX_NS;

	do
		host_settle(h, QUIET_NS);
	while (__atomic_load_n(&stats_of(h)->conns_open, __ATOMIC_RELAXED) > h->sessions &&
	       bench_now_ns() < end);
	host_settle(h, QUIET_NS);
}

struct memory {
	uint64_t rss_kib;
	uint32_t pools[32];
	unsigned mbufs, crowd_mbufs;
};

static void
memory_look(const struct host *h, struct memory *m)
{
	const struct quantum_env *env = pipeline_lcore_env(h->appliance.lcore);

	m->rss_kib = flood_rss_kib();
	for (uint32_t i = 0; i < quantum_env_nb_pools(env) && i < 32; i++)
		m->pools[i] = quantum_env_pool(env, i)->in_use;
	m->mbufs = rte_mempool_in_use_count(h->appliance.pool.mp);
	m->crowd_mbufs = rte_mempool_in_use_count(h->pool.mp);
}

/* Live sessions hold some of these as their last packets left them; at most one each. */
static bool
of_traffic(const char *pool)
{
	static const char *const pools[] = { "sent_pkts", "frames", "ranges", "nodes", "replays" };

	for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		if (strcmp(pool, pools[i]) == 0)
			return true;
	return false;
}

static void
judge_memory(const struct host *h, const struct memory *before)
{
	const struct quantum_env *env = pipeline_lcore_env(h->appliance.lcore);
	struct memory after;
	bool pools = true;

	memory_look(h, &after);
	flood_expect(after.rss_kib <= before->rss_kib + RSS_DRIFT_KIB,
	             "resident memory %" PRIu64 " KiB, before %" PRIu64, after.rss_kib,
	             before->rss_kib);
	for (uint32_t i = 0; i < quantum_env_nb_pools(env) && i < 32; i++) {
		const char *name = quantum_env_pool(env, i)->name;

		if (after.pools[i] <= before->pools[i] + (of_traffic(name) ? h->sessions : 0))
			continue;
		pools = false;
		printf("pool %s: %u, before %u\n", name, after.pools[i], before->pools[i]);
	}
	flood_expect(pools, "no pool of the engine holds more than before");
	flood_expect(after.mbufs <= before->mbufs + 2 * DPIO_BURST &&
	                     after.crowd_mbufs <= before->crowd_mbufs + 2 * DPIO_BURST,
	             "packet buffers in use %u and %u, before %u and %u", after.mbufs,
	             after.crowd_mbufs, before->mbufs, before->crowd_mbufs);
}

static void
judge_verdicts(const struct host *h)
{
	const struct pipeline_stats *s = stats_of(h);
	const struct dpio_stats *port = &pipeline_lcore_burst(h->appliance.lcore, 0)->stats;
	uint64_t sum = s->handshakes_held, engine = 0;

	for (unsigned v = 0; v < PIPELINE_NB_VERDICTS; v++)
		sum += s->verdicts[v];
	for (unsigned v = 0; v < QUANTUM_NB_VERDICTS; v++)
		engine += s->quantum[v];
	flood_expect(sum == port->verdicts[NET_VERDICT_UDP] &&
	                     engine == s->verdicts[PIPELINE_VERDICT_QUANTUM],
	             "every datagram has its verdict: %" PRIu64 " of %" PRIu64, sum,
	             port->verdicts[NET_VERDICT_UDP]);
	printf("figure: %" PRIu64 " SYNs answered, %" PRIu64 " tokens refused, %" PRIu64
	       " beyond the budget, %" PRIu64 " no Quantum, %" PRIu64 " cookies refused, %" PRIu64
	       " resets, %" PRIu64 " strangers beyond theirs\n",
	       s->quantum[QUANTUM_VERDICT_REPLIED_SYN], s->quantum[QUANTUM_VERDICT_BAD_TOKEN],
	       s->verdicts[PIPELINE_VERDICT_DROP_SYN_BUDGET],
	       s->quantum[QUANTUM_VERDICT_NOT_QUANTUM], s->quantum[QUANTUM_VERDICT_BAD_COOKIE],
	       s->quantum[QUANTUM_VERDICT_REPLIED_RESET],
	       s->verdicts[PIPELINE_VERDICT_DROP_STRANGER_BUDGET]);
}

static void
judge(const struct host *h, const struct flood_opts *opts, const struct seen *seen,
      const struct phase *sum)
{
	const double goodput = bench_median(seen->goodput, opts->rounds);
	const double pace = bench_median(seen->pace, opts->rounds);
	uint32_t gone = 0;

	for (uint32_t i = 0; i < h->sessions; i++)
		gone += h->crowd.guests[i].closed || !h->crowd.guests[i].connected;
	flood_expect(gone == 0, "%u live sessions, %u gone", h->sessions, gone);
	flood_expect(sum->reply_bytes * 4 <= sum->flood_bytes && sum->reply_pkts > 0,
	             "%" PRIu64 " bytes of answers to %" PRIu64 " of flood: %.3f", sum->reply_bytes,
	             sum->flood_bytes, (double)sum->reply_bytes / (double)sum->flood_bytes);
	flood_expect(sum->delivered > 0 && sum->in_time > 0,
	             "messages and newcomers got through the flood: %" PRIu64 " and %" PRIu64,
	             sum->delivered, sum->in_time);
	if (opts->counts)
		return;
	flood_expect(pace >= PACE_MIN,
	             "the generator kept %.2f of its pace (else: the machine is busy)", pace);
	flood_expect(goodput >= 0.95, "goodput under the flood is %.3f of the baseline", goodput);
	flood_expect(sum->in_time * 100 >= sum->started * 99,
	             "%" PRIu64 " of %" PRIu64 " newcomers were in within 3 s", sum->in_time,
	             sum->started);
}

static void
run(struct host *h, const struct flood_opts *opts)
{
	const uint64_t message_ns = host_message_ns(h);
	struct phase like = { .ns = (uint64_t)opts->ms * 1000000u,
		              .connects = opts->connects,
		              .strangers = opts->strangers };
	static struct seen seen;
	struct phase sum = { 0 };
	struct memory before;
	uint32_t budget, again = AGAIN * opts->rounds;

	if (message_ns == 0 || !host_launch(h)) {
		flood_expect(false, "the appliance does not run");
		return;
	}
	budget = syn_budget(h);
	like.live_pps = (uint32_t)(1000000000u / message_ns / LIVE_SHARE);
	like.flood_pps = FLOOD_TIMES * budget;
	printf("figure: %" PRIu64 " ns for a message: capacity %.0f/s, live load %u/s; budget %u "
	       "SYN/s, flood %u/s\n",
	       message_ns, 1e9 / (double)message_ns, like.live_pps, budget, like.flood_pps);
	one_round(h, like, 0, &(struct phase){ 0 }, &seen); /* touches all memory */
	quiet(h);
	memory_look(h, &before);
	for (unsigned round = 0; round < opts->rounds; round++) {
		one_round(h, like, round, &sum, &seen);
		/* One in which the machine had other work says nothing: again, with a bound. */
		if (!opts->counts && seen.pace[round] < PACE_MIN && again > 0) {
			printf("figure: pace %.2f; this round is repeated\n", seen.pace[round]);
			again--;
			round--;
		}
	}
	quiet(h);
	judge_memory(h, &before);
	judge_verdicts(h);
	judge(h, opts, &seen, &sum);
}

void
flood_syn(const struct flood_opts *opts)
{
	struct host *h = bench_alloc(sizeof(*h));
	const char *why = host_open(h, opts);

	if (why != NULL)
		flood_expect(false, "cannot start: %s", why);
	else
		run(h, opts);
	host_close(h);
	free(h);
}
