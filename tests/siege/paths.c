/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paths.c - clients move, NATs rebind, strangers copy: sessions go on, data goes only where a
 * challenge was answered, and an address that did not answer gets little.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "conn_priv.h"

#define CLIENTS       10u
#define MESSAGE_BYTES 300u
#define EVERY_NS      (10 * MS)
#define ADDRS         65536u /* power of two */
#define ONE_WAY_NS    (20 * MS)
#define RTT_NS        (2 * ONE_WAY_NS)
#define GAPS_MAX      4096u

/* What came from an address, and what went to it before it was the validated one. */
struct account {
	struct quantum_addr addr;
	uint64_t up_bytes, down_bytes;
};

struct state {
	struct account accounts[ADDRS];
	uint64_t rebound_ns[CLIENTS]; /* 0: the gap after it is closed */
	uint32_t lost[CLIENTS];       /* of the exchange since then: on the new path, and answers */
	uint64_t pto_ns[CLIENTS];     /* when it rebound */
	uint64_t gaps_ns[GAPS_MAX];
	uint32_t nb_gaps, nb_beyond, nb_limited;
	uint64_t max_ns;
	uint64_t copies, copied_ahead; /* datagrams from the third address */
	bool copying;
	uint64_t unvalidated_bytes;
};

static struct state st;

static struct account *
account_of(struct arena *a, const struct quantum_addr *addr)
{
	uint32_t at = (uint32_t)(addr->ip[13] * 7919u + addr->ip[14] * 263u + addr->ip[15] * 31u +
	                         addr->port * 127u) &
	              (ADDRS - 1);

	for (uint32_t nb = 0; nb < ADDRS; nb++, at = (at + 1) & (ADDRS - 1)) {
		if (quantum_addr_eq(&st.accounts[at].addr, addr))
			return &st.accounts[at];
		if (st.accounts[at].addr.port == 0) {
			st.accounts[at].addr = *addr;
			return &st.accounts[at];
		}
	}
	siege_fail(a, "too many addresses");
}

static void
on_up(struct arena *a, const struct arena_dgram *d)
{
	account_of(a, &d->from)->up_bytes += d->len;
}

static const struct quantum_addr third = { { [10] = 0xff, [11] = 0xff, [12] = 66 }, 6666, 0 };

/* A stranger on the way sends copies from his own address; some come before the original. */
static void
copy_it(struct arena *a, const struct arena_dgram *d)
{
	struct arena_dgram *copy = net_copy(d);
	const bool ahead = arena_below(a, 2) == 0;

	copy->from = third;
	st.copies++;
	st.copied_ahead += ahead;
	net_push(a, copy, ahead ? 5 * MS : ONE_WAY_NS + arena_below(a, 100 * MS));
}

/* The server knows where the client has gone. */
static bool
heard(const struct arena *a, uint32_t i)
{
	const struct quantum_conn *conn = a->clients[i].end[AT_SERVER].conn;
	const struct quantum_addr *addr = &a->clients[i].addr;

	return conn != NULL &&
	       (quantum_addr_eq(&conn->path.peer, addr) ||
	        (conn->path.validating && quantum_addr_eq(&conn->path.candidate, addr)));
}

static bool
watch(struct arena *a, struct arena_dgram *d)
{
	const struct quantum_conn *conn = a->clients[d->client].end[AT_SERVER].conn;
	struct account *account;
	struct wire_header hdr;
	const bool lost = a->conf.link.loss_ppm > 0 && arena_below(a, 20) == 0;
	const bool small = d->len < 200;

	if (d->up) {
		if (st.copying && wire_classify(d->data, d->len, &hdr) == WIRE_CLASS_PROTECTED)
			copy_it(a, d);
		st.lost[d->client] += lost && (small || !heard(a, d->client));
		return lost;
	}
	st.lost[d->client] += lost && quantum_addr_eq(&d->to, &a->clients[d->client].addr);
	if (conn == NULL || quantum_addr_eq(&d->to, quantum_conn_peer(conn)))
		return lost;
	/* */
	account = account_of(a, &d->to);
	account->down_bytes += d->len;
	st.unvalidated_bytes += d->len;
	SIEGE_CHECK(a, account->down_bytes <= 3 * account->up_bytes,
	            "%llu bytes to an address from which %llu came",
	            (unsigned long long)account->down_bytes, (unsigned long long)account->up_bytes);
	SIEGE_CHECK(a, small, "data to an address that is not validated");
	return lost;
}

/* A validation that failed counts too: the fifth in 10 s makes the next move wait. */
static bool
at_limit(const struct arena *a, uint32_t i)
{
	const struct path_state *path = &a->clients[i].end[AT_SERVER].conn->path;
	const uint64_t fifth_ns = path->moves_ns[path->next_move];

	return fifth_ns != 0 && a->now_ns - fifth_ns < 11 * S;
}

/* The first data behind a move: what was lost on the way there is repaired in its own time. */
static void
on_down(struct arena *a, const struct arena_dgram *d)
{
	const uint32_t i = d->client;
	uint64_t gap_ns;

	if (d->len < MESSAGE_BYTES || st.rebound_ns[i] == 0)
		return;
	gap_ns = a->now_ns - st.rebound_ns[i];
	st.rebound_ns[i] = 0;
	st.max_ns = aef_max_u64(st.max_ns, gap_ns);
	if (st.nb_gaps < GAPS_MAX)
		st.gaps_ns[st.nb_gaps++] = gap_ns;
	/* Two round trips and a probe time-out, which doubles for each packet of the exchange lost.
	 */
	if (gap_ns <=
	    2 * RTT_NS + EVERY_NS + st.pto_ns[i] * ((2ull << aef_min_u32(st.lost[i], 3)) - 1))
		return;
	if (at_limit(a, i))
		st.nb_limited++;
	else
		st.nb_beyond++;
}

static void
rebind(struct arena *a, uint32_t i, bool address)
{
	struct arena_client *c = &a->clients[i];

	SIEGE_CHECK(a, arena_up(a, i), "client %u is gone", i);
	if (address)
		c->addr.ip[13]++;
	c->addr.port++;
	st.rebound_ns[i] = a->now_ns;
	st.lost[i] = 0;
	st.pto_ns[i] = quantum_rtt_pto_ns(&c->end[AT_SERVER].conn->rtt);
	if (address) { /* behind the move the round trip is not known yet */
		struct quantum_rtt fresh;

		quantum_rtt_init(&fresh, QUANTUM_MAX_ACK_DELAY_NS);
		st.pto_ns[i] = aef_max_u64(st.pto_ns[i], quantum_rtt_pto_ns(&fresh));
	}
}

static int
by_size(const void *x, const void *y)
{
	const uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

static void
start(struct arena *a, const struct siege_opts *o, uint64_t seed, bool lossy)
{
	struct arena_conf conf;

	(void)o;
	memset(&st, 0, sizeof(st));
	arena_conf_default(&conf, seed, CLIENTS);
	conf.link.delay_ns = ONE_WAY_NS;
	conf.null_provider = true;
	conf.on_up = on_up;
	conf.on_down = on_down;
	arena_open(a, &conf);
	for (uint32_t i = 0; i < CLIENTS; i++)
		arena_connect(a, i);
	arena_run(a, 500 * MS);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		SIEGE_CHECK(a, arena_up(a, i), "client %u did not connect", i);
		arena_talk(a, i, EVERY_NS, MESSAGE_BYTES);
	}
	a->conf.filter = watch;
	a->conf.link.loss_ppm = lossy ? 1 : 0; /* the filter's business */
	arena_run(a, S);
}

static void
finish(struct arena *a)
{
	a->conf.link.loss_ppm = 0;
	st.copying = false;
	arena_drain(a, 60 * S);
	for (uint32_t i = 0; i < CLIENTS; i++)
		SIEGE_CHECK(a, arena_up(a, i), "client %u is gone", i);
	arena_close(a);
}

static void
rebinds(const struct siege_opts *o, uint64_t seed, bool lossy)
{
	const uint32_t each = o->full ? 100 : 20;
	struct arena a;

	start(&a, o, seed, lossy);
	for (uint32_t round = 0; round < each; round++) {
		for (uint32_t i = 0; i < CLIENTS; i++) {
			rebind(&a, i, (round + i) % 2 == 0);
			arena_run(&a, 280 * MS); /* a client: 4 in 10 s, one more may fail */
		}
		arena_run(&a, arena_below(&a, 100 * MS));
	}
	arena_run(&a, 2 * S);
	for (uint32_t i = 0; i < CLIENTS; i++)
		SIEGE_CHECK(&a, st.rebound_ns[i] == 0, "client %u hears nothing after a rebind", i);
	qsort(st.gaps_ns, st.nb_gaps, sizeof(st.gaps_ns[0]), by_size);
	printf("figure: paths, %s: %u rebinds, all survive; gap median %.1f ms, p99 %.1f ms, max "
	       "%.1f "
	       "ms; %u beyond 2 RTT + 1 PTO, doubled for each packet of the exchange lost; %u "
	       "waited for the limit\n",
	       lossy ? "5 % lost" : "clean", st.nb_gaps, (double)st.gaps_ns[st.nb_gaps / 2] / 1e6,
	       (double)st.gaps_ns[st.nb_gaps * 99 / 100] / 1e6, (double)st.max_ns / 1e6,
	       st.nb_beyond, st.nb_limited);
	SIEGE_CHECK(&a, st.nb_limited <= st.nb_gaps / 100, "%u moves waited", st.nb_limited);
	SIEGE_CHECK(&a, st.nb_beyond == 0, "%u gaps are too long", st.nb_beyond);
	finish(&a);
}

static uint64_t
path_changes(const struct arena *a)
{
	uint64_t nb = 0;

	for (uint32_t i = 0; i < CLIENTS; i++)
		nb += a->clients[i].end[AT_SERVER].conn->stats.path_changes;
	return nb;
}

/* Copies move nobody, and draw no more than three times their bytes. */
static void
copies(const struct siege_opts *o, uint64_t seed)
{
	const uint64_t want = o->full ? 10000 : 2000;
	struct account *account;
	struct arena a;

	start(&a, o, seed, false);
	st.copying = true;
	while (st.copies < want)
		arena_run(&a, 100 * MS);
	account = account_of(&a, &third);
	SIEGE_CHECK(&a, path_changes(&a) == 0, "a copied packet moved a session");
	SIEGE_CHECK(&a, account->down_bytes > 0, "no copy was ahead of its original");
	for (uint32_t i = 0; i < CLIENTS; i++)
		SIEGE_CHECK(&a,
		            quantum_addr_eq(quantum_conn_peer(a.clients[i].end[AT_SERVER].conn),
		                            &a.clients[i].addr),
		            "client %u was moved", i);
	printf("figure: paths, %llu copies from a third address, %llu of them first: 0 moves, %llu "
	       "bytes came, %llu went there\n",
	       (unsigned long long)st.copies, (unsigned long long)st.copied_ahead,
	       (unsigned long long)account->up_bytes, (unsigned long long)account->down_bytes);
	finish(&a);
}

/* Five validations in 10 s at most, and the session stands when the moving ends. */
static void
restless(const struct siege_opts *o, uint64_t seed)
{
	uint64_t before, begun = 0;
	struct arena a;

	start(&a, o, seed, false);
	before = path_changes(&a);
	for (uint32_t move = 0; move < 400; move++) {
		const struct path_state *path = &a.clients[0].end[AT_SERVER].conn->path;
		const uint8_t next = path->next_move;

		rebind(&a, 0, move % 2 == 0);
		arena_run(&a, 50 * MS);
		begun += (uint64_t)(path->next_move - next + CANDIDATE_MOVES) % CANDIDATE_MOVES;
	}
	printf("figure: paths, 20 moves a second for 20 s: %llu validations begun, %llu moves\n",
	       (unsigned long long)begun, (unsigned long long)(path_changes(&a) - before));
	SIEGE_CHECK(&a, begun >= 5 && begun <= 15, "%llu validations in 20 s",
	            (unsigned long long)begun);
	arena_run(&a, 12 * S);
	SIEGE_CHECK(&a, st.rebound_ns[0] == 0, "nothing is heard after the last move");
	finish(&a);
}

void
paths_run(const struct siege_opts *o)
{
	for (uint64_t seed = o->from; seed < o->from + o->seeds; seed++) {
		rebinds(o, seed, false);
		rebinds(o, seed, true);
		copies(o, seed);
		restless(o, seed);
	}
}
