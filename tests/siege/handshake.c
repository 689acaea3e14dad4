/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handshake.c - every client connects, whatever the network does to the first packets; one that
 * cannot with its token knows so after 5 s, and connects with the next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define ATTEMPTS_MAX 4u
#define GIVE_UP_NS   (5 * S)
#define STEP_NS      (10 * MS) /* of the table of times */
#define STEPS        600u

enum trouble {
	PLAIN,
	REORDERED,      /* every second datagram up to 300 ms late */
	REPEATED,       /* every second datagram twice */
	LATE_FIRST,     /* first SYN and first ACK come 1.5 s late */
	TWO_SYN_ACKS,   /* of two key epochs */
	FIRST_LOST,     /* the first packets under keys that the server sends */
	REBIND_SYN_ACK, /* the address changes before the ACK leaves */
	REBIND_ACK,     /* the address changes when the ACK is on its way */
	NO_LOSS,
	NB_TROUBLES,
};

static const char *const names[] = { "plain",      "reordered", "repeated", "late",   "two answers",
	                             "first lost", "rebind 1",  "rebind 2", "no loss" };

struct state {
	enum trouble trouble;
	unsigned nb[WIRE_CLASS_NOT_QUANTUM + 1];
	bool moved;
	uint64_t connect_ns; /* of the attempt that led there */
};

static bool
hold_back(struct arena *a, struct arena_dgram *d, uint64_t ns)
{
	net_push(a, net_copy(d), a->conf.link.delay_ns + ns);
	return true;
}

static void
move(struct arena *a, uint32_t client)
{
	struct state *st = a->user;

	if (!st->moved)
		a->clients[client].addr.port += 1000;
	st->moved = true;
}

static bool
bend(struct arena *a, struct arena_dgram *d)
{
	struct state *st = a->user;
	struct wire_header hdr;
	const enum wire_class clas = wire_classify(d->data, d->len, &hdr);
	const unsigned nb = st->nb[clas]++;

	switch (st->trouble) {
	case LATE_FIRST:
		return d->up && nb == 0 && clas != WIRE_CLASS_PROTECTED &&
		       hold_back(a, d, 1500 * MS);
	case TWO_SYN_ACKS:
		if (clas != WIRE_CLASS_SYN || nb > 0)
			return false;
		a->rotate_ns = a->now_ns + 60 * MS;
		net_push(a, net_copy(d), a->conf.link.delay_ns + 80 * MS);
		return false;
	case FIRST_LOST:
		return !d->up && clas == WIRE_CLASS_PROTECTED && nb < 3;
	case REBIND_SYN_ACK:
		if (clas == WIRE_CLASS_ACK && d->client == 0) {
			move(a, 0);
			d->from = a->clients[0].addr;
		}
		return false;
	case REBIND_ACK:
		if (clas == WIRE_CLASS_ACK && d->client == 0)
			move(a, 0);
		return false;
	default:
		return false;
	}
}

/* One attempt: up, or given up in time. */
static bool
attempt(struct arena *a, uint32_t i)
{
	const struct arena_end *end = &a->clients[i].end[AT_CLIENT];
	const uint64_t begin_ns = a->now_ns;

	arena_connect(a, i);
	while (!arena_up(a, i) && !end->closed) {
		SIEGE_CHECK(a, a->now_ns - begin_ns <= GIVE_UP_NS + 100 * MS,
		            "client %u neither connected nor gave up in 5 s", i);
		arena_run(a, 10 * MS);
	}
	((struct state *)a->user)->connect_ns = a->now_ns - begin_ns;
	return !end->closed;
}

/* @return attempts that it took */
static unsigned
one_seed(uint64_t seed, enum trouble trouble, uint64_t *ret_connect_ns)
{
	struct state st = { .trouble = trouble };
	struct arena_conf conf;
	struct arena a;
	uint32_t i = 0;

	arena_conf_default(&conf, seed, ATTEMPTS_MAX);
	conf.null_provider = seed % 16 != 0; /* real keys for some: 1 ms of CPU each */
	conf.filter = bend;
	if (trouble != NO_LOSS)
		conf.link.loss_ppm = 300000;
	if (trouble == REORDERED) {
		conf.link.late_ppm = 500000;
		conf.link.late_ns = 300 * MS;
	}
	if (trouble == REPEATED)
		conf.link.dup_ppm = 500000;
	arena_open(&a, &conf);
	a.conf.link.delay_ns = MS + arena_below(&a, 100 * MS);
	a.user = &st;
	while (!attempt(&a, i)) {
		SIEGE_CHECK(&a, a.clients[i].end[AT_CLIENT].why == QUANTUM_CLOSE_HANDSHAKE,
		            "%s: closed for reason %d", names[trouble],
		            (int)a.clients[i].end[AT_CLIENT].why);
		arena_hang_up(&a, i);
		SIEGE_CHECK(&a, ++i < ATTEMPTS_MAX, "%s: not connected with %u tokens",
		            names[trouble], ATTEMPTS_MAX);
	}
	*ret_connect_ns = st.connect_ns;
	arena_talk(&a, i, 50 * MS, 200);
	arena_run(&a, 300 * MS);
	arena_drain(&a, 60 * S);
	SIEGE_CHECK(&a, arena_up(&a, i), "%s: lost after it was connected", names[trouble]);
	for (uint32_t k = 0; k <= i; k++)
		SIEGE_CHECK(&a, a.clients[k].nb_accepted <= 1, "a token opened %u connections",
		            a.clients[k].nb_accepted);
	arena_close(&a);
	return i + 1;
}

/* Time within which @p pct of an attempt's times lie, in seconds. */
static double
within(const uint64_t times[STEPS], unsigned pct)
{
	uint64_t all = 0, sum = 0;

	for (unsigned i = 0; i < STEPS; i++)
		all += times[i];
	for (unsigned i = 0; i < STEPS; i++) {
		sum += times[i];
		if (sum * 100 >= all * pct)
			return (double)(i + 1) * STEP_NS / 1e9;
	}
	return 0;
}

void
handshake_run(const struct siege_opts *o)
{
	uint64_t nb[NB_TROUBLES][ATTEMPTS_MAX + 1] = { 0 };
	static uint64_t times[NB_TROUBLES][STEPS];
	uint64_t connect_ns;

	for (uint64_t seed = o->from; seed < o->from + o->seeds; seed++) {
		const enum trouble trouble = (enum trouble)(seed % NB_TROUBLES);
		const unsigned took = one_seed(seed, trouble, &connect_ns);
		const uint64_t step = aef_min_u64(connect_ns / STEP_NS, STEPS - 1);

		times[trouble][step]++;

		/* A moved address makes the cookie worthless; nothing else costs a token for sure.
		 */
		nb[trouble][took]++;
		if (trouble == NO_LOSS && took != 1) {
			printf("siege: seed %llu: a clean link took %u tokens\n",
			       (unsigned long long)seed, took);
			exit(1);
		}
	}
	for (unsigned t = 0; t < NB_TROUBLES; t++)
		printf("figure: handshake, %-11s connected with token 1: %llu, 2: %llu, 3: %llu, "
		       "4: %llu; within %.2f s half, %.2f s 99 %%, %.2f s all\n",
		       names[t], (unsigned long long)nb[t][1], (unsigned long long)nb[t][2],
		       (unsigned long long)nb[t][3], (unsigned long long)nb[t][4],
		       within(times[t], 50), within(times[t], 99), within(times[t], 100));
}
