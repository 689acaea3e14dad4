/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rotation.c - keys change under load: traffic keys each 1000 packets, both ways at once; token
 * keys while clients connect, and one is revoked.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "conn_priv.h"

/* ---- traffic keys ------------------------------------------------------------------------------
 */

static void
traffic(const struct siege_opts *o, uint64_t seed)
{
	const uint64_t want = o->full ? 1000000 : 40000;
	struct arena_conf conf;
	struct arena a;
	const struct quantum_conn *end[2];
	uint64_t pkts = 0, dropped = 0;

	arena_conf_default(&conf, seed, 1);
	for (unsigned side = 0; side < 2; side++)
		conf.conn[side].epoch_pkts = 1000;
	arena_open(&a, &conf);
	arena_connect(&a, 0);
	arena_run(&a, 500 * MS);
	SIEGE_CHECK(&a, arena_up(&a, 0), "not connected");
	a.conf.link.loss_ppm = 100000;
	arena_talk(&a, 0, 500 * AEF_NS_PER_US, 1000);
	for (unsigned side = 0; side < 2; side++)
		end[side] = a.clients[0].end[side].conn;
	while (pkts < want) {
		arena_run(&a, 100 * MS);
		SIEGE_CHECK(&a, arena_up(&a, 0), "the connection ended");
		pkts = end[0]->stats.tx_pkts + end[1]->stats.tx_pkts;
	}
	a.conf.link.loss_ppm = 0;
	arena_drain(&a, 60 * S);
	for (unsigned side = 0; side < 2; side++) {
		const uint64_t *v = end[side]->stats.verdicts;

		SIEGE_CHECK(&a, v[QUANTUM_VERDICT_BAD_TAG] == 0 && v[QUANTUM_VERDICT_NO_KEY] == 0,
		            "%llu packets did not open, %llu found no key",
		            (unsigned long long)v[QUANTUM_VERDICT_BAD_TAG],
		            (unsigned long long)v[QUANTUM_VERDICT_NO_KEY]);
		SIEGE_CHECK(&a, end[side]->keys->tx.epoch >= want / 2 / 1000 / 2,
		            "only %llu key epochs", (unsigned long long)end[side]->keys->tx.epoch);
		dropped += v[QUANTUM_VERDICT_OLD];
	}
	printf("figure: rotation, %llu packets at 10 %% loss: %llu and %llu key epochs, all "
	       "messages "
	       "arrived, 0 failed openings, %llu below the window\n",
	       (unsigned long long)pkts, (unsigned long long)end[0]->keys->tx.epoch,
	       (unsigned long long)end[1]->keys->tx.epoch, (unsigned long long)dropped);
	arena_close(&a);
}

/* ---- token keys --------------------------------------------------------------------------------
 */

#define CLIENTS   200u /* each connects once a second */
#define DIR_BYTES 64u

struct tokens {
	char dir[DIR_BYTES];
	struct protect_ring *ring;
	struct arena_client next[CLIENTS]; /* token and dialled of a second from now */
	uint16_t epoch[CLIENTS];           /* of the one in use */
	int32_t revoked;                   /* epoch, or -1 */
	uint64_t revoked_ns;
	uint64_t nb, nb_old, nb_refused, nb_late;
};

static void
must(const struct arena *a, int err, const char *what)
{
	SIEGE_CHECK(a, err == 0, "%s: error %d", what, err);
}

/* The token of one second later is sealed now, so that some cross each change of keys. */
static void
prepare(struct arena *a, struct tokens *t, uint32_t i)
{
	const struct arena_client kept = a->clients[i];

	arena_token(a, i);
	must(a, arena_seal(a, i), "sealing a token");
	t->next[i].token = a->clients[i].token;
	t->next[i].dialed = a->clients[i].dialed;
	a->clients[i].token = kept.token;
	a->clients[i].dialed = kept.dialed;
}

static void
judge(struct arena *a, struct tokens *t, uint32_t i)
{
	const bool up = arena_up(a, i);
	const bool revoked = t->epoch[i] == t->revoked;

	if (a->clients[i].end[AT_CLIENT].conn == NULL)
		return;
	t->nb++;
	t->nb_old += t->epoch[i] != protect_ring_current(t->ring);
	if (!revoked)
		SIEGE_CHECK(a, up, "a valid token of epoch %u was refused at epoch %u", t->epoch[i],
		            protect_ring_current(t->ring));
	t->nb_refused += revoked && !up;
}

static void
connect_next(struct arena *a, struct tokens *t, uint32_t i)
{
	const uint32_t before = a->clients[i].nb_accepted;

	judge(a, t, i);
	arena_hang_up(a, i);
	arena_forget(a, i);
	(void)before;
	a->clients[i].token = t->next[i].token;
	a->clients[i].dialed = t->next[i].dialed;
	t->epoch[i] = a->clients[i].token.epoch;
	a->clients[i].addr.port++;
	prepare(a, t, i);
	arena_dial(a, i);
}

/* One second of connects. */
static void
second(struct arena *a, struct tokens *t)
{
	for (uint32_t i = 0; i < CLIENTS; i++) {
		connect_next(a, t, i);
		arena_run(a, S / CLIENTS);
	}
}

static void
promote(struct arena *a, struct tokens *t)
{
	char why[PROTECT_ERROR_MAX];
	uint16_t epoch;

	must(a, protect_ring_dir_add(t->dir, ARENA_GROUP, &epoch, why), why);
	must(a, protect_ring_reload(t->ring, why), why);
	second(a, t);
	must(a, protect_ring_dir_promote(t->dir, ARENA_GROUP, &epoch, why), why);
	must(a, protect_ring_reload(t->ring, why), why);
}

/* At once; connections that exist go on, and so do clients with tokens of the next key. */
static void
revoke_now(struct arena *a, struct tokens *t)
{
	uint64_t audits[QUANTUM_NB_AUDITS];
	char why[PROTECT_ERROR_MAX];
	uint32_t up = 0;

	arena_audits(a, audits);
	t->revoked = protect_ring_current(t->ring);
	must(a, protect_ring_revoke(t->ring, (uint16_t)t->revoked, why), why);
	for (uint32_t i = 0; i < CLIENTS; i++)
		up += arena_up(a, i);
	/* All that dial now do it with tokens of the key that is revoked. */
	for (uint32_t i = 0; i < CLIENTS; i++) {
		SIEGE_CHECK(a, t->next[i].token.epoch == t->revoked, "a token of epoch %u",
		            t->next[i].token.epoch);
		connect_next(a, t, i);
		arena_run(a, S / CLIENTS);
		t->nb_late += arena_up(a, i);
	}
	arena_run(a, 100 * MS);
	for (uint32_t i = 0; i < CLIENTS; i++)
		t->nb_late += arena_up(a, i);
	SIEGE_CHECK(a, up > CLIENTS * 9 / 10, "the revocation ended connections");
	SIEGE_CHECK(a, t->nb_late == 0, "%llu tokens of a revoked key were taken",
	            (unsigned long long)t->nb_late);
	SIEGE_CHECK(a, arena_verdicts(a, QUANTUM_VERDICT_TOKEN_REVOKED) >= CLIENTS,
	            "refused for another reason");
	arena_audits(a, audits);
	SIEGE_CHECK(a, audits[QUANTUM_AUDIT_TOKEN_REVOKED] > 0, "revoked tokens were not told");
	second(a, t); /* with the key that has taken its place */
}

static void
remove_dir(const char *dir)
{
	char path[DIR_BYTES + NAME_MAX + 2];
	DIR *files = opendir(dir);
	const struct dirent *entry;

	while (files != NULL && (entry = readdir(files)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		(void)unlink(path);
	}
	if (files != NULL)
		(void)closedir(files);
	(void)rmdir(dir);
}

static void
token_keys(const struct siege_opts *o, uint64_t seed)
{
	static struct tokens t;
	const unsigned seconds = o->full ? 10 : 2;
	struct arena a = { .now_ns = ARENA_START_NS };
	struct arena_conf conf;
	char why[PROTECT_ERROR_MAX];

	memset(&t, 0, sizeof(t));
	t.revoked = -1;
	snprintf(t.dir, sizeof(t.dir), P_tmpdir "/siege-rotation-XXXXXX");
	SIEGE_CHECK(&a, mkdtemp(t.dir) != NULL, "no folder for keys");
	must(&a, protect_ring_dir_init(t.dir, ARENA_GROUP, why), why);
	must(&a, protect_ring_open(t.dir, ARENA_GROUP, &t.ring, why), why);
	arena_conf_default(&conf, seed, CLIENTS);
	conf.ring = t.ring;
	conf.link.delay_ns = MS;
	conf.tokens_max = 65536;
	arena_open(&a, &conf);
	for (uint32_t i = 0; i < CLIENTS; i++)
		prepare(&a, &t, i);
	for (unsigned change = 0; change < 3; change++) {
		for (unsigned k = 0; k < seconds; k++)
			second(&a, &t);
		promote(&a, &t);
	}
	second(&a, &t);
	SIEGE_CHECK(&a, t.nb_old >= 3 * CLIENTS / 2, "few tokens crossed a change: %llu",
	            (unsigned long long)t.nb_old);
	revoke_now(&a, &t);
	for (uint32_t i = 0; i < CLIENTS; i++)
		judge(&a, &t, i);
	printf("figure: rotation, %llu connects at 200 a second over 3 changes of the token key "
	       "(%llu "
	       "with the key before): 0 valid refused; revoked: %llu refused at once, 0 taken\n",
	       (unsigned long long)t.nb, (unsigned long long)t.nb_old,
	       (unsigned long long)t.nb_refused);
	arena_close(&a);
	protect_ring_close(t.ring);
	remove_dir(t.dir);
}

void
rotation_run(const struct siege_opts *o)
{
	for (uint64_t seed = o->from; seed < o->from + o->seeds; seed++) {
		traffic(o, seed);
		token_keys(o, seed);
	}
}
