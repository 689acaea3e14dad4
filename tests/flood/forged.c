/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forged.c - S8: packets of known connections with wrong tags, versions, lengths, epochs, ids, and
 * guessed resets to either side. None is believed, none costs much.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <base/bytes.h>

#include "flood.h"
#include "refuse.h"

#define CHUNK     4096u /* of one kind, before the next one's turn */
#define QUIET_NS  500000000u
#define RST_SHARE 8u /* one reset in so many goes to a client */

/* What the appliance knew before. */
struct before {
	uint64_t accepted, closed, from_guests;
	uint32_t pools[32];
};

struct moves {
	uint64_t nb_conns, path_changes;
};

static const enum forge_kind kinds[] = { FORGE_TAG,     FORGE_LENGTH, FORGE_EPOCH,
	                                 FORGE_VERSION, FORGE_RST,    FORGE_UNKNOWN };

#define NB_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct pipeline_stats *
stats_of(const struct refuse *r)
{
	return pipeline_lcore_stats(r->appliance.lcore);
}

static void
remember(const struct refuse *r, struct before *b)
{
	const struct quantum_env *env = pipeline_lcore_env(r->appliance.lcore);

	b->accepted = stats_of(r)->quantum[QUANTUM_VERDICT_ACCEPTED];
	b->closed = stats_of(r)->conns_closed;
	b->from_guests = r->crowd.tx_pkts;
	for (uint32_t i = 0; i < quantum_env_nb_pools(env) && i < 32; i++)
		b->pools[i] = quantum_env_pool(env, i)->in_use;
}

static void
add_moves(void *ctx, uint64_t handle, const struct quantum_conn *conn)
{
	struct moves *m = ctx;
	struct quantum_stats stats;

	(void)handle;
	quantum_conn_stats(conn, &stats);
	m->nb_conns++;
	m->path_changes += stats.path_changes;
}

/* A reset to a client, as if from the server. */
static void
reset_guest(struct refuse *r, uint32_t i)
{
	uint8_t token[WIRE_RESET_BYTES];
	struct rte_mbuf *m = rte_pktmbuf_alloc(r->pool.mp);
	const struct guest *g = &r->crowd.guests[i];
	uint8_t *frame;

	if (m == NULL)
		abort();
	frame = (uint8_t *)rte_pktmbuf_append(m, CROWD_HDR_BYTES + WIRE_RST_BYTES);
	memset(frame, 0, CROWD_HDR_BYTES);
	memcpy(frame + 30, g->path.local.b + 12, 4);
	aef_store_be16(frame + 38, 8 + WIRE_RST_BYTES);
	for (unsigned n = 0; n < sizeof(token); n++)
		token[n] = (uint8_t)aef_rng_below(&r->forge.rng, 256);
	wire_rst_encode(frame + CROWD_HDR_BYTES, quantum_conn_local_cid(g->conn), token);
	if (!crowd_rx(&r->crowd, m, delivery_now_ns(&r->clock)))
		rte_pktmbuf_free(m);
}

static void
forge_all(struct refuse *r, uint64_t packets)
{
	uint64_t left[NB_KINDS], resets = 0;
	bool any = true;

	for (unsigned k = 0; k < NB_KINDS; k++)
		left[k] = packets / NB_KINDS + 1;
	while (any) {
		any = false;
		for (unsigned k = 0; k < NB_KINDS; k++) {
			const uint64_t nb = left[k] < CHUNK ? left[k] : CHUNK;

			(void)refuse_forge(r, kinds[k], nb);
			left[k] -= nb;
			any = any || left[k] > 0;
			if (kinds[k] != FORGE_RST)
				continue;
			for (uint64_t i = 0; i < nb / RST_SHARE; i++, resets++)
				reset_guest(r, (uint32_t)(resets % r->guests));
		}
	}
	printf("figure: %" PRIu64 " resets to clients\n", resets);
}

static uint32_t
guests_gone(const struct refuse *r)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i < r->guests; i++)
		nb += r->crowd.guests[i].closed || !r->crowd.guests[i].connected;
	return nb;
}

static void
judge_verdicts(const struct refuse *r, const struct pipeline_stats *was)
{
	const struct pipeline_stats *is = stats_of(r);
	uint64_t refused = 0, all = 0;

	for (unsigned i = 0; i < NB_KINDS; i++)
		all += r->made[kinds[i]];
	for (unsigned v = 0; v < QUANTUM_NB_VERDICTS; v++)
		if (v != QUANTUM_VERDICT_ACCEPTED)
			refused += is->quantum[v] - was->quantum[v];
	for (unsigned v = 0; v < PIPELINE_NB_VERDICTS; v++)
		if (v != PIPELINE_VERDICT_QUANTUM)
			refused += is->verdicts[v] - was->verdicts[v];
	flood_expect(refused == all, "%" PRIu64 " forged, %" PRIu64 " refused by a counted reason",
	             all, refused);
	flood_expect(is->quantum[QUANTUM_VERDICT_BAD_TAG] - was->quantum[QUANTUM_VERDICT_BAD_TAG] >=
	                     r->made[FORGE_TAG] * 9 / 10,
	             "%" PRIu64 " of %" PRIu64 " wrong tags went as far as the tag",
	             is->quantum[QUANTUM_VERDICT_BAD_TAG] - was->quantum[QUANTUM_VERDICT_BAD_TAG],
	             r->made[FORGE_TAG]);
}

static void
judge(struct refuse *r, const struct before *b)
{
	const struct quantum_env *env = pipeline_lcore_env(r->appliance.lcore);
	const uint64_t accepted = stats_of(r)->quantum[QUANTUM_VERDICT_ACCEPTED] - b->accepted;
	const uint64_t sent = r->crowd.tx_pkts - b->from_guests;
	struct moves moves = { 0 };
	bool pools = true;

	flood_expect(accepted == sent, "accepted %" PRIu64 ", and %" PRIu64 " came from clients",
	             accepted, sent);
	flood_expect(stats_of(r)->conns_closed == b->closed && guests_gone(r) == 0,
	             "%u sessions, none closed at either end", r->guests);
	pipeline_lcore_each(r->appliance.lcore, add_moves, &moves);
	flood_expect(moves.nb_conns == r->guests && moves.path_changes == 0,
	             "%" PRIu64 " moves to another address", moves.path_changes);
	for (uint32_t i = 0; i < quantum_env_nb_pools(env) && i < 32; i++) {
		const struct aef_pool *pool = quantum_env_pool(env, i);

		if (pool->in_use > b->pools[i]) {
			pools = false;
			printf("pool %s: %u, before %u\n", pool->name, pool->in_use, b->pools[i]);
		}
	}
	flood_expect(pools, "no pool holds more than before");
	flood_expect(refuse_all_alive(r), "every session still carries messages");
}

void
flood_forged(const struct flood_opts *opts)
{
	static const struct bench_row costs[] = { { "refuse", bench_refuse } };
	struct refuse *r = bench_alloc(sizeof(*r));
	const char *why = refuse_open(r, "s8", opts->sessions, 100, false);
	struct pipeline_stats was;
	struct before before;
	uint64_t rss;
	unsigned failed;

	if (why != NULL || !refuse_all_alive(r)) {
		flood_expect(false, "cannot start: %s", why != NULL ? why : "no messages");
	} else {
		forge_all(r, opts->packets / 20 + 1); /* so that memory is touched */
		(void)refuse_all_alive(r);
		refuse_quiet(r, QUIET_NS);
		remember(r, &before);
		was = *stats_of(r);
		memset(r->made, 0, sizeof(r->made));
		rss = flood_rss_kib();
		forge_all(r, opts->packets);
		refuse_quiet(r, QUIET_NS);
		flood_expect(flood_rss_kib() <= rss + 1024,
		             "resident memory %" PRIu64 " KiB, before %" PRIu64, flood_rss_kib(),
		             rss);
		judge_verdicts(r, &was);
		judge(r, &before);
	}
	refuse_close(r);
	free(r);
	if (opts->counts)
		return;
	bench_refuse_guests = opts->sessions;
	(void)bench_report(costs, 1,
	                   &(struct bench_opts){ .rounds = opts->rounds, .round_ns = 100000000 },
	                   &failed);
	flood_expect(failed == 0, "what a forged packet costs (gates above)");
}
