/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile.c - a peer with valid keys is closed or limited; what it takes is bounded, and the ones
 * beside it notice nothing. The same run without the attack is the measure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attacks.h"
#include "conn_priv.h"

#define NEIGHBOURS  8u
#define SAMPLES_MAX 200000u
#define POOLS_MAX   32u

/* What a run leaves to compare. */
struct outcome {
	uint64_t p99_ns;
	uint32_t used[POOLS_MAX]; /* most objects of each pool at a time */
	uint32_t size[POOLS_MAX];
	const char *name[POOLS_MAX];
	int64_t bufs;       /* most receive buffers */
	uint64_t closed_ns; /* from the first hostile packet; UINT64_MAX: not closed */
};

static uint64_t *ages;
static uint32_t nb_ages;
static struct villain villain;

static void
on_message(struct arena *a, uint32_t i, unsigned side, uint64_t age_ns)
{
	(void)a;
	(void)side;
	if (i != VILLAIN && nb_ages < SAMPLES_MAX)
		ages[nb_ages++] = age_ns;
}

static bool
watch(struct arena *a, struct arena_dgram *d)
{
	struct wire_header hdr;

	if (!d->up && d->client == VILLAIN) {
		villain.down_bytes += d->len;
		villain.down_pkts++;
	}
	/* Newcomers of an attack hear nothing after SYN+ACK, and say nothing after ACK. */
	return d->client > NEIGHBOURS &&
	       wire_classify(d->data, d->len, &hdr) == WIRE_CLASS_PROTECTED && a->user != NULL;
}

enum quantum_verdict
villain_send(struct arena *a, struct villain *v, uint64_t skip, uint32_t ack, const uint8_t *sacks,
             uint8_t nb_sacks, const uint8_t *payload, size_t len)
{
	const uint32_t aad_len = WIRE_HEADER_BYTES + nb_sacks * WIRE_SACK_BYTES;
	uint8_t data[WIRE_MTU_MAX];
	struct crypto_op op = { .key = &v->key,
		                .pn = v->pn + skip,
		                .aad = data,
		                .aad_len = aad_len,
		                .text = data + aad_len,
		                .text_len = (uint32_t)len,
		                .tag = data + aad_len + len };
	const struct wire_header hdr = { .version = WIRE_VERSION,
		                         .payload_len = (uint16_t)len,
		                         .seq = (uint32_t)op.pn,
		                         .ack = ack,
		                         .cid = v->cid };

	v->pn = op.pn + 1;
	wire_header_encode(data, &hdr);
	if (nb_sacks > 0)
		memcpy(data + WIRE_HEADER_BYTES, sacks, aad_len - WIRE_HEADER_BYTES);
	memcpy(data + aad_len, payload, len);
	a->crypto->seal(a->crypto->ctx, &op, 1);
	v->up_pkts++;
	v->up_bytes += aad_len + len + WIRE_TAG_BYTES;
	return arena_hand(a, VILLAIN, true, &a->clients[VILLAIN].addr, data,
	                  (uint32_t)(aad_len + len + WIRE_TAG_BYTES));
}

/* Takes what the client's engine knows, and throws the engine away. */
static void
turn(struct arena *a)
{
	const struct quantum_conn *conn = a->clients[VILLAIN].end[AT_CLIENT].conn;
	const struct crypto_key *key;

	SIEGE_CHECK(a, arena_up(a, VILLAIN), "the villain did not connect");
	key = crypto_tx_keys_get(&conn->keys->tx, quantum_rtx_pn_peek(&conn->rtx));
	memset(&villain, 0, sizeof(villain));
	memcpy(villain.key.key, key->key, sizeof(key->key));
	memcpy(villain.key.iv, key->iv, sizeof(key->iv));
	villain.pn = quantum_rtx_pn_peek(&conn->rtx);
	villain.cid = conn->cid_s;
	arena_hang_up(a, VILLAIN);
}

static void
note(struct arena *a, struct outcome *ret, uint64_t begin_ns)
{
	const struct quantum_conn *conn = a->clients[VILLAIN].end[AT_SERVER].conn;

	for (uint32_t i = 0; i < quantum_env_nb_pools(a->env[AT_SERVER]); i++) {
		const struct aef_pool *pool = quantum_env_pool(a->env[AT_SERVER], i);

		ret->used[i] = aef_max_u32(ret->used[i], pool->in_use);
		ret->size[i] = pool->nb_objs;
		ret->name[i] = pool->name;
	}
	if (a->nb_bufs > ret->bufs)
		ret->bufs = a->nb_bufs;
	if (ret->closed_ns == UINT64_MAX && (conn == NULL || !quantum_conn_established(conn)))
		ret->closed_ns = a->now_ns - begin_ns;
}

static int
by_size(const void *x, const void *y)
{
	const uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

static void
start(struct arena *a, uint64_t seed, const struct attack *attack)
{
	struct arena_conf conf;

	arena_conf_default(&conf, seed, 1 + NEIGHBOURS + attack->newcomers);
	conf.on_message = on_message;
	conf.filter = watch;
	conf.link.loss_ppm = 30000;
	conf.server_conns = 48; /* fewer than a crowd of newcomers wants */
	conf.conn[AT_SERVER].queue_msgs_max = 1024;
	arena_open(a, &conf);
	for (uint32_t i = 0; i <= NEIGHBOURS; i++)
		arena_connect(a, i);
	arena_run(a, 500 * MS);
	for (uint32_t i = 1; i <= NEIGHBOURS; i++) {
		SIEGE_CHECK(a, arena_up(a, i), "neighbour %u did not connect", i);
		arena_talk(a, i, 5 * MS, 500);
	}
	arena_run(a, 200 * MS);
	if (attack->prepare != NULL)
		attack->prepare(a);
}

static void
run(uint64_t seed, const struct attack *attack, bool attacked, struct outcome *ret)
{
	static struct arena a;
	uint64_t begin_ns;

	*ret = (struct outcome){ .closed_ns = UINT64_MAX };
	start(&a, seed, attack);
	turn(&a);
	a.user = &villain;
	nb_ages = 0;
	begin_ns = a.now_ns;
	for (unsigned tick = 0; tick < 4000; tick++) {
		if (attacked)
			attack->act(&a, &villain, tick);
		note(&a, ret, begin_ns);
		arena_run(&a, MS);
		note(&a, ret, begin_ns);
	}
	qsort(ages, nb_ages, sizeof(ages[0]), by_size);
	SIEGE_CHECK(&a, nb_ages > 1000, "the neighbours are silent");
	ret->p99_ns = ages[(uint64_t)nb_ages * 99 / 100];
	/* Nobody gets more out of it than was put in. */
	if (attacked && villain.up_bytes > 0)
		SIEGE_CHECK(&a, villain.down_bytes <= 3 * villain.up_bytes + 65536,
		            "%s: %llu bytes for %llu", attack->name,
		            (unsigned long long)villain.down_bytes,
		            (unsigned long long)villain.up_bytes);
	for (unsigned side = 0; side < 2; side++) /* what it missed is its own business */
		a.clients[VILLAIN].end[side].flow = (struct arena_flow){ 0 };
	arena_forget(&a, VILLAIN);
	if (attack->newcomers > 0) { /* they are gone after 10 s */
		arena_run(&a, 12 * S);
		SIEGE_CHECK(&a, a.table.nb_used == NEIGHBOURS, "%u connections are held",
		            a.table.nb_used);
	}
	for (uint32_t i = 1; i <= NEIGHBOURS; i++)
		SIEGE_CHECK(&a, arena_up(&a, i), "%s: neighbour %u is gone", attack->name, i);
	arena_drain(&a, 20 * S);
	arena_close(&a);
}

static void
compare(const struct attack *attack, const struct outcome *calm, const struct outcome *hit)
{
	const struct arena none = { .now_ns = ARENA_START_NS };
	uint32_t most = 0, worst = 0;

	for (uint32_t i = 0; i < POOLS_MAX && hit->size[i] > 0; i++) {
		/* What it takes is its own share, and leaves the others theirs. */
		SIEGE_CHECK(&none, attack->newcomers > 0 || hit->used[i] <= hit->size[i] / 4 * 3,
		            "%s: takes %u of %u in pool %s", attack->name, hit->used[i],
		            hit->size[i], hit->name[i]);
		if (aef_sub_sat_u64(hit->used[i], calm->used[i]) > most) {
			most = hit->used[i] - calm->used[i];
			worst = i;
		}
	}
	printf("figure: hostile, %-20s %s; neighbours' p99 %.2f ms, without it %.2f ms; most "
	       "taken: %u "
	       "of %u %s, %lld buffers\n",
	       attack->name, hit->closed_ns == UINT64_MAX ? "limited" : "closed",
	       (double)hit->p99_ns / 1e6, (double)calm->p99_ns / 1e6, most, hit->size[worst],
	       hit->name[worst], (long long)(hit->bufs - calm->bufs));
	SIEGE_CHECK(&none, hit->p99_ns * 10 <= calm->p99_ns * 11, "%s: the neighbours notice it",
	            attack->name);
	SIEGE_CHECK(&none, !attack->must_close || hit->closed_ns <= 40 * MS,
	            "%s: not closed in a round trip", attack->name);
}

void
hostile_run(const struct siege_opts *o)
{
	struct outcome calm, hit;

	ages = malloc(SAMPLES_MAX * sizeof(*ages));
	aef_assert(ages != NULL);
	for (uint64_t seed = o->from; seed < o->from + o->seeds; seed++)
		for (unsigned i = 0; i < nb_attacks; i++) {
			run(seed, &attacks[i], false, &calm);
			run(seed, &attacks[i], true, &hit);
			compare(&attacks[i], &calm, &hit);
		}
	free(ages);
}
