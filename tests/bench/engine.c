/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include <stdlib.h>

#include "providers.h"

#define KEYS_MAX 64u

#define RATE_MIN 0.6 /* of the rate without protection */
#define OVER_MAX 1.2 /* times what ipsec-mb alone takes, on top of the time without */

enum side { PROTECTED, NULL_COST, EVP, BARE, USRSCTP, ENET, NB_SIDES };

struct engine {
	struct protection protection;
	struct crypto_provider null_cost;
	const struct crypto_provider *evp;
};

static void
engine_close(struct bench_group *g)
{
	struct engine *e = g->ctx;

	engine_quantum_close(g->sides[PROTECTED].ctx);
	engine_quantum_close(g->sides[NULL_COST].ctx);
	engine_quantum_close(g->sides[EVP].ctx);
	bench_bare_close(g->sides[BARE].ctx);
	engine_usrsctp_close(g->sides[USRSCTP].ctx);
	engine_enet_close(g->sides[ENET].ctx);
	bench_evp_close(e->evp);
	protection_close(&e->protection);
	free(e);
}

static const char *
engine_open(uint32_t bytes, struct bench_group *g)
{
	struct engine *e = bench_alloc(sizeof(*e));
	const struct crypto_provider *real;
	struct protect *issuer;
	int rc;

	g->ctx = e;
	g->close = engine_close;
	rc = protection_open(&e->protection, KEYS_MAX);
	if (rc != 0)
		return protect_create_text(rc);
	issuer = e->protection.client;
	real = protect_provider(e->protection.server);
	e->null_cost = bench_null_cost(real);
	e->evp = bench_evp_open(real);
	if (e->evp == NULL)
		return "no memory";
	g->unit = "msg";
	g->bytes_per_op = bytes;
	g->nb_sides = NB_SIDES;
	g->sides[PROTECTED] =
		(struct bench_side){ "quantum", true, engine_quantum_open(bytes, real, issuer),
		                     engine_quantum_run };
	g->sides[NULL_COST] =
		(struct bench_side){ "without protection", true,
		                     engine_quantum_open(bytes, &e->null_cost, issuer),
		                     engine_quantum_run };
	g->sides[EVP] = (struct bench_side){ "quantum over EVP", false,
		                             engine_quantum_open(bytes, e->evp, issuer),
		                             engine_quantum_run };
	g->sides[BARE] =
		(struct bench_side){ "ipsec-mb, 1200 B", false, bench_bare_open(), bench_bare_run };
	g->sides[USRSCTP] = (struct bench_side){ "usrsctp (memory)", false,
		                                 engine_usrsctp_open(bytes), engine_usrsctp_run };
	g->sides[ENET] = (struct bench_side){ "enet (loopback)", false, engine_enet_open(bytes),
		                              engine_enet_run };
	for (unsigned i = 0; i < g->nb_sides; i++) {
		if (g->sides[i].ctx == NULL)
			return "two ends do not connect";
	}
	return NULL;
}

/* Medians over rounds of what one round gave, so that noise longer than a round hits both. */
static bool
judge(const struct bench_group *g, const struct bench_rounds *rounds)
{
	double rate[BENCH_ROUNDS_MAX], over[BENCH_ROUNDS_MAX];
	double rate_median, over_median;
	bool ok;

	(void)g;
	for (unsigned i = 0; i < rounds->nb; i++) {
		const double with = rounds->ns[PROTECTED][i], without = rounds->ns[NULL_COST][i];

		rate[i] = without / with;
		over[i] = (with - without) / rounds->ns[BARE][i];
	}
	rate_median = bench_median(rate, rounds->nb);
	over_median = bench_median(over, rounds->nb);
	ok = rate_median >= RATE_MIN || over_median <= OVER_MAX;
	printf("%-14s   gate: %.2f of the rate without protection (at least %.1f), or %.2f times "
	       "what ipsec-mb alone takes on top (at most %.1f): %s\n",
	       "", rate_median, RATE_MIN, over_median, OVER_MAX, ok ? "ok" : "FAILED");
	return ok;
}

const char *
bench_engine_1200(const struct bench_opts *opts, struct bench_group *group)
{
	(void)opts;
	group->judge = judge;
	return engine_open(1200, group);
}

const char *
bench_engine_64(const struct bench_opts *opts, struct bench_group *group)
{
	(void)opts;
	group->note = "all: reliable, ordered, both ends in one thread, no checksum; quantum is "
		      "encrypted and authenticated, the peers are not; ENet goes through the "
		      "kernel's loopback";
	return engine_open(64, group);
}
