/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tokens.c - each token opens one connection at most; whatever else is tried with it is refused, by
 * the name that fits, and reuse is told to the audit log once.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"

#define DIR_MAX    64u
#define NODE_EPOCH 3u

enum abuse {
	GOOD,
	REUSED_AFTER,  /* when the connection has ended */
	REUSED_BESIDE, /* while it lives */
	TWO_ADDRESSES, /* both at once */
	EXPIRED,       /* more than 5 s ago */
	EXPIRED_SKEW,  /* less than 5 s ago */
	FUTURE,        /* issued 10 s ahead */
	FUTURE_SKEW,   /* issued less than 5 s ahead */
	OTHER_GROUP,   /* sealed by the key of another group */
	OLD_EPOCH,     /* e - 2 */
	NEW_EPOCH,     /* e + 2 */
	NEAR_EPOCH,    /* e - 1 or e + 1 */
	CUT,           /* its end is missing */
	OTHER_TENANT,  /* a field of the sealed body is changed */
	OTHER_CID,     /* dialled under another connection id */
	NB_ABUSES,
};

/* What became of the tokens, by abuse. */
struct tally {
	uint64_t nb, opened, refused;
};

struct ring {
	struct protect_ring *ring;
	struct protect *keys;
};

struct world {
	char dir[DIR_MAX], ahead_dir[DIR_MAX], other_dir[DIR_MAX];
	struct ring behind, node, ahead, other;
	struct tally tally[NB_ABUSES];
	uint64_t reuses, audits[QUANTUM_NB_AUDITS];
};

/* ---- keys: a node at epoch 3, an issuer two ahead, one that stayed at 1, one of another group
 * ---- */

static void
must(const struct arena *a, int err, const char *what)
{
	SIEGE_CHECK(a, err == 0, "%s: error %d", what, err);
}

static void
make_dir(const struct arena *a, char *ret_dir, const char *name)
{
	snprintf(ret_dir, DIR_MAX, P_tmpdir "/siege-%s-XXXXXX", name);
	SIEGE_CHECK(a, mkdtemp(ret_dir) != NULL, "no folder for keys");
}

static void
remove_dir(const char *dir)
{
	char path[DIR_MAX + NAME_MAX + 2];
	DIR *files = opendir(dir);
	const struct dirent *entry;

	while (files != NULL && (entry = readdir(files)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		(void)unlink(path);
	}
	if (files != NULL)
		(void)closedir(files);
	(void)rmdir(dir);
}

static void
add(const struct arena *a, const char *dir, unsigned nb_promoted)
{
	char why[PROTECT_ERROR_MAX];
	uint16_t epoch;

	must(a, protect_ring_dir_add(dir, ARENA_GROUP, &epoch, why), why);
	if (nb_promoted > 0)
		must(a, protect_ring_dir_promote(dir, ARENA_GROUP, &epoch, why), why);
}

static void
open_ring(const struct arena *a, const char *dir, uint16_t group, struct ring *ret)
{
	const struct protect_conf conf = { .keys_max = 8 };
	struct protect_conf with = conf;
	char why[PROTECT_ERROR_MAX];

	must(a, protect_ring_open(dir, group, &ret->ring, why), why);
	with.ring = ret->ring;
	must(a, protect_create(&with, &ret->keys), "provider");
}

static void
open_rings(const struct arena *a, struct world *w)
{
	char why[PROTECT_ERROR_MAX];

	make_dir(a, w->dir, "node");
	must(a, protect_ring_dir_init(w->dir, ARENA_GROUP, why), why);
	open_ring(a, w->dir, ARENA_GROUP, &w->behind); /* stays at epoch 1 */
	add(a, w->dir, 1);
	add(a, w->dir, 1);
	add(a, w->dir, 0); /* handed out, not current yet */
	open_ring(a, w->dir, ARENA_GROUP, &w->node);
	SIEGE_CHECK(a, protect_ring_current(w->node.ring) == NODE_EPOCH, "the node's epoch is %u",
	            protect_ring_current(w->node.ring));
	make_dir(a, w->ahead_dir, "ahead");
	must(a, protect_ring_dir_init(w->ahead_dir, ARENA_GROUP, why), why);
	for (unsigned e = 1; e < NODE_EPOCH + 2; e++)
		add(a, w->ahead_dir, 1);
	open_ring(a, w->ahead_dir, ARENA_GROUP, &w->ahead);
	make_dir(a, w->other_dir, "other");
	must(a, protect_ring_dir_init(w->other_dir, ARENA_GROUP + 1, why), why);
	open_ring(a, w->other_dir, ARENA_GROUP + 1, &w->other);
}

static void
close_rings(struct world *w)
{
	struct ring *rings[] = { &w->behind, &w->node, &w->ahead, &w->other };

	for (unsigned i = 0; i < AEF_DIM(rings); i++) {
		protect_destroy(rings[i]->keys);
		protect_ring_close(rings[i]->ring);
	}
	remove_dir(w->dir);
	remove_dir(w->ahead_dir);
	remove_dir(w->other_dir);
}

/* ---- one token ---------------------------------------------------------------------------------
 */

static bool
tries(struct arena *a, uint32_t i)
{
	arena_dial(a, i);
	arena_run(a, 150 * MS);
	return arena_up(a, i);
}

static void
part(struct arena *a)
{
	for (uint32_t i = 0; i < 2; i++) {
		arena_hang_up(a, i);
		arena_forget(a, i);
	}
	arena_run(a, 20 * MS);
}

/* The token of an abuse, sealed by whom it takes. */
static void
make_token(struct arena *a, struct world *w, enum abuse abuse)
{
	struct crypto_token *token = &a->clients[0].token;
	const struct crypto_provider *mine = a->crypto;

	arena_token(a, 0);
	memset(token->tenant_id.b, 0x5a, sizeof(token->tenant_id.b));
	switch (abuse) {
	case EXPIRED:
		token->issued_ms -= 35001 + arena_below(a, 60000);
		break;
	case EXPIRED_SKEW:
		token->issued_ms -= 34800 - arena_below(a, 4700);
		break;
	case FUTURE:
		token->issued_ms += 10000;
		break;
	case FUTURE_SKEW:
		token->issued_ms += 4900;
		break;
	case OTHER_GROUP:
		a->crypto = protect_provider(w->other.keys);
		token->group = ARENA_GROUP + 1;
		token->epoch = 1;
		break;
	case OLD_EPOCH:
		a->crypto = protect_provider(w->behind.keys);
		token->epoch = NODE_EPOCH - 2;
		break;
	case NEW_EPOCH:
		a->crypto = protect_provider(w->ahead.keys);
		token->epoch = NODE_EPOCH + 2;
		break;
	case NEAR_EPOCH:
		token->epoch = (uint16_t)(NODE_EPOCH - 1 + 2 * arena_below(a, 2));
		break;
	default:
		break;
	}
	token->expires_ms = token->issued_ms + CRYPTO_TOKEN_LIFE_DEFAULT_MS;
	must(a, arena_seal(a, 0), "sealing a token");
	a->crypto = mine;
}

static void
spoil(struct arena *a, enum abuse abuse)
{
	struct quantum_client_conf *dialed = &a->clients[0].dialed;

	const size_t cut = 1 + arena_below(a, 150);

	if (abuse == CUT)
		memset(dialed->token + CRYPTO_TOKEN_BYTES - cut, 0, cut);
	if (abuse == OTHER_TENANT)
		dialed->token[CRYPTO_TOKEN_BODY_AT + 32 + arena_below(a, 16)] ^= 1;
	if (abuse == OTHER_CID)
		dialed->cid.b[arena_below(a, 16)] ^= 1;
}

/* What the node must say to an abuse that it refuses before there is a session. */
static enum quantum_verdict
verdict_for(enum abuse abuse)
{
	switch (abuse) {
	case EXPIRED:
	case FUTURE:
		return QUANTUM_VERDICT_TOKEN_EXPIRED;
	case OTHER_GROUP:
	case OLD_EPOCH:
	case NEW_EPOCH:
		return QUANTUM_VERDICT_TOKEN_FOREIGN;
	case CUT:
	case OTHER_TENANT:
	case OTHER_CID:
		return QUANTUM_VERDICT_BAD_TOKEN;
	default:
		return QUANTUM_VERDICT_ACCEPTED;
	}
}

static void
reuse(struct arena *a, struct world *w, enum abuse abuse)
{
	const uint64_t before = arena_verdicts(a, QUANTUM_VERDICT_TOKEN_USED);

	if (abuse == REUSED_AFTER) {
		arena_hang_up(a, 0);
		arena_forget(a, 0);
	}
	/* From its own address or another, repeated for a second: one try. */
	a->clients[1].dialed = a->clients[0].dialed;
	if (arena_below(a, 2) == 0)
		a->clients[1].addr = a->clients[0].addr;
	SIEGE_CHECK(a, !tries(a, 1), "a used token opened a second connection");
	arena_run(a, S);
	SIEGE_CHECK(a, arena_verdicts(a, QUANTUM_VERDICT_TOKEN_USED) > before + 1,
	            "the reuse was not repeated");
	w->reuses++;
}

static void
one_token(struct arena *a, struct world *w, uint32_t nr, enum abuse abuse)
{
	const enum quantum_verdict verdict = verdict_for(abuse);
	struct tally *tally = &w->tally[abuse];
	uint64_t before, audits[QUANTUM_NB_AUDITS];
	bool up;

	for (uint32_t i = 0; i < 2; i++) {
		a->clients[i].addr = arena_addr(1000 + 2 * nr + i);
		a->clients[i].nb_accepted = 0;
	}
	make_token(a, w, abuse);
	spoil(a, abuse);
	before = arena_verdicts(a, verdict);
	if (abuse == TWO_ADDRESSES) {
		a->clients[1].dialed = a->clients[0].dialed;
		arena_dial(a, 1);
		w->reuses++;
	}
	up = tries(a, 0) || (abuse == TWO_ADDRESSES && arena_up(a, 1));
	if (up && abuse != TWO_ADDRESSES)
		SIEGE_CHECK(
			a,
			quantum_server_token(a->clients[0].end[AT_SERVER].conn)->tenant_id.b[7] ==
				0x5a,
			"a session of another tenant");
	if (abuse == REUSED_AFTER || abuse == REUSED_BESIDE)
		reuse(a, w, abuse);
	SIEGE_CHECK(a, up == (verdict == QUANTUM_VERDICT_ACCEPTED), "token %u, abuse %d: %s", nr,
	            (int)abuse, up ? "opened" : "refused");
	SIEGE_CHECK(a, up || arena_verdicts(a, verdict) > before,
	            "token %u, abuse %d: refused for another reason", nr, (int)abuse);
	SIEGE_CHECK(a, a->clients[0].nb_accepted + a->clients[1].nb_accepted == (up ? 1 : 0),
	            "token %u, abuse %d: opened %u connections", nr, (int)abuse,
	            a->clients[0].nb_accepted + a->clients[1].nb_accepted);
	tally->nb++;
	tally->opened += up;
	tally->refused += !up;
	arena_audits(a, audits);
	for (unsigned t = 0; t < QUANTUM_NB_AUDITS; t++)
		w->audits[t] += audits[t];
	part(a);
}

/* ---- the table ---------------------------------------------------------------------------------
 */

/* Full: refused, and never a used token that opens again. */
static void
full_table(const struct siege_opts *o)
{
	enum { TABLE = 64, TOKENS = 150 };
	static struct quantum_client_conf used[TOKENS];
	struct arena_conf conf;
	struct arena a;
	unsigned opened = 0, again = 0;
	uint64_t audits[QUANTUM_NB_AUDITS];

	arena_conf_default(&conf, o->from, 2);
	conf.tokens_max = TABLE;
	conf.link.delay_ns = MS;
	arena_open(&a, &conf);
	for (unsigned t = 0; t < TOKENS; t++) {
		a.clients[0].addr = arena_addr(t);
		arena_token(&a, 0);
		must(&a, arena_seal(&a, 0), "sealing a token");
		used[opened] = a.clients[0].dialed;
		opened += tries(&a, 0);
		part(&a);
	}
	SIEGE_CHECK(&a, opened >= TABLE / 2 && opened <= TABLE, "%u of %u tokens opened", opened,
	            TABLE);
	SIEGE_CHECK(&a, arena_verdicts(&a, QUANTUM_VERDICT_TABLE_FULL) >= TOKENS - TABLE,
	            "the table was never full");
	for (unsigned t = 0; t < opened; t++) {
		a.clients[0].addr = arena_addr(1000 + t);
		a.clients[0].dialed = used[t];
		again += tries(&a, 0);
		part(&a);
	}
	SIEGE_CHECK(&a, again == 0, "%u used tokens opened again", again);
	arena_audits(&a, audits);
	SIEGE_CHECK(&a, audits[QUANTUM_AUDIT_TABLE_FULL] > 0, "a full table was not told");
	arena_run(&a, 60 * S);
	arena_connect(&a, 0);
	arena_run(&a, 150 * MS);
	SIEGE_CHECK(&a, arena_up(&a, 0), "the table does not empty");
	part(&a);
	arena_close(&a);
	printf("figure: tokens, table of %u: %u of %u opened, the rest refused, 0 opened again\n",
	       TABLE, opened, TOKENS);
}

void
tokens_run(const struct siege_opts *o)
{
	const uint32_t nb = o->full ? 10000 : 600;
	struct world w = { 0 };
	struct arena_conf conf;
	struct arena a = { .now_ns = ARENA_START_NS };
	uint64_t opened = 0, refused = 0;

	open_rings(&a, &w);
	arena_conf_default(&conf, o->from, 2);
	conf.ring = w.node.ring;
	conf.link.delay_ns = 2 * MS;
	arena_open(&a, &conf);
	for (uint32_t i = 0; i < nb; i++)
		one_token(&a, &w, i, (enum abuse)(i % NB_ABUSES));
	SIEGE_CHECK(&a, w.audits[QUANTUM_AUDIT_TOKEN_REUSED] == w.reuses,
	            "%llu reuses, %llu events of it", (unsigned long long)w.reuses,
	            (unsigned long long)w.audits[QUANTUM_AUDIT_TOKEN_REUSED]);
	SIEGE_CHECK(&a, w.audits[QUANTUM_AUDIT_TOKEN_FOREIGN] > 0, "foreign epochs were not told");
	for (unsigned k = 0; k < NB_ABUSES; k++) {
		opened += w.tally[k].opened;
		refused += w.tally[k].refused;
	}
	arena_close(&a);
	close_rings(&w);
	printf("figure: tokens, %u: %llu opened one connection each, %llu none; %llu reuses, as "
	       "many events\n",
	       nb, (unsigned long long)opened, (unsigned long long)refused,
	       (unsigned long long)w.reuses);
	full_table(o);
}
