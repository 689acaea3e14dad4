/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * security.c - rows of what handshakes cost, and what it costs to refuse.
 */
#include <stdlib.h>

#include "providers.h"
#include "refuse.h"

#define GUESTS 64u

uint32_t bench_refuse_guests = GUESTS;

/* ---- connect -----------------------------------------------------------------------------------
 */

enum part { LCORE, DERIVE, BOTH, NB_PARTS };

struct connect_side {
	struct refuse *refuse;
	enum part part;
};

struct connect_group {
	struct refuse refuse;
	struct connect_side sides[NB_PARTS];
};

static struct bench_sample
connect_run(void *ctx, uint64_t round_ns)
{
	struct connect_side *side = ctx;
	struct bench_sample s = { 0 };
	uint64_t lcore = 0, derive = 0;

	while (lcore + derive < round_ns) {
		if (!refuse_connects(side->refuse, &lcore, &derive)) {
			printf("bench: clients do not connect\n");
			exit(1);
		}
		s.ops += REFUSE_EXTRA;
	}
	s.ns = side->part == LCORE ? lcore : side->part == DERIVE ? derive : lcore + derive;
	return s;
}

static void
connect_close(struct bench_group *g)
{
	struct connect_group *c = g->ctx;

	refuse_close(&c->refuse);
	free(c);
}

const char *
bench_connect(const struct bench_opts *opts, struct bench_group *g)
{
	static const char *const names[] = { "transport lcore", "handshake thread",
		                             "both on one core" };
	const char *why = bench_eal();
	struct connect_group *c;

	(void)opts;
	if (why != NULL)
		return why;
	c = bench_alloc(sizeof(*c));
	g->ctx = c;
	g->close = connect_close;
	g->unit = "connect";
	g->note = "SYN, SYN+ACK, ACK, ACCEPT and close, by whom; 64 live connections beside";
	g->nb_sides = NB_PARTS;
	for (unsigned i = 0; i < NB_PARTS; i++) {
		c->sides[i] = (struct connect_side){ &c->refuse, (enum part)i };
		g->sides[i] = (struct bench_side){ names[i], true, &c->sides[i], connect_run };
	}
	return refuse_open(&c->refuse, "cn", GUESTS, 100, true);
}

/* ---- refuse ------------------------------------------------------------------------------------
 */

#define CHEAP_MAX 0.2 /* of a genuine packet */

enum { GENUINE, FIRST_KIND, OVER_BUDGET = FIRST_KIND + FORGE_NB_KINDS, OPEN, NB_SIDES };

struct refuse_group {
	struct refuse refuse, starved; /* with all the time it wants, with nearly none */
	void *bare;
};

static void
refuse_group_close(struct bench_group *g)
{
	struct refuse_group *r = g->ctx;

	refuse_close(&r->refuse);
	refuse_close(&r->starved);
	bench_bare_close(r->bare);
	free(r);
}

/* Medians over rounds of (what it cost - @p free) / genuine. */
static double
share(const struct bench_rounds *rounds, unsigned side, bool less_open)
{
	double values[BENCH_ROUNDS_MAX];

	for (unsigned i = 0; i < rounds->nb; i++)
		values[i] = (rounds->ns[side][i] - (less_open ? rounds->ns[OPEN][i] : 0)) /
		            rounds->ns[GENUINE][i];
	return bench_median(values, rounds->nb);
}

static bool
judge(const struct bench_group *g, const struct bench_rounds *rounds)
{
	static const enum forge_kind cheap[] = { FORGE_UNKNOWN, FORGE_LENGTH, FORGE_EPOCH,
		                                 FORGE_VERSION, FORGE_RST };
	bool all = true;

	(void)g;
	for (unsigned i = 0; i <= sizeof(cheap) / sizeof(cheap[0]); i++) {
		const bool is_tag = i == sizeof(cheap) / sizeof(cheap[0]);
		const enum forge_kind kind = is_tag ? FORGE_TAG : cheap[i];
		const double value = share(rounds, FIRST_KIND + kind, is_tag);
		const bool ok = value <= CHEAP_MAX;

		printf("%-14s   gate: %s costs %.3f of a genuine packet%s (at most %.1f): %s\n", "",
		       forge_name(kind), value, is_tag ? " beside one opening" : "", CHEAP_MAX,
		       ok ? "ok" : "FAILED");
		all = all && ok;
	}
	return all;
}

const char *
bench_refuse(const struct bench_opts *opts, struct bench_group *g)
{
	const char *why = bench_eal();
	struct refuse_group *r;

	(void)opts;
	if (why != NULL)
		return why;
	r = bench_alloc(sizeof(*r));
	g->ctx = r;
	g->close = refuse_group_close;
	g->judge = judge;
	g->unit = "packet";
	g->note = "datagrams of 1,200 bytes, handshakes of their own size; checksums are right; "
		  "beyond budget: a SYN with a good token when there is no time for it";
	r->bare = bench_bare_open();
	if (r->bare == NULL)
		return "no memory";
	why = refuse_open(&r->refuse, "rf", bench_refuse_guests, 100, false);
	if (why == NULL)
		why = refuse_open(&r->starved, "rs", bench_refuse_guests, 1, false);
	g->nb_sides = NB_SIDES;
	g->sides[GENUINE] = (struct bench_side){ "genuine", true, &r->refuse.sides[0], refuse_run };
	for (unsigned i = 0; i < FORGE_NB_KINDS; i++)
		g->sides[FIRST_KIND + i] =
			(struct bench_side){ forge_name((enum forge_kind)i), true,
			                     &r->refuse.sides[i + 1], refuse_run };
	g->sides[OVER_BUDGET] =
		(struct bench_side){ "beyond budget", true, &r->starved.sides[FORGE_REPLAY + 1],
		                     refuse_run };
	g->sides[OPEN] = (struct bench_side){ "one opening", true, r->bare, bench_bare_open_run };
	return why;
}
