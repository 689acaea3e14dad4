/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * soak_session.c - server and clients of one document, messages in flight, links that lose.
 *
 * Each link is in order (as a reliable channel is); the order between links is random. The way down
 * needs no queue: a client's next message is always the log entry after its version. A link up can
 * break: everything on it is lost, and the client sends again what is in flight.
 */
#include <stdlib.h>
#include <string.h>

#include "soak.h"

#define CLIENTS_MAX 8
#define OPS_MAX     400
#define LINK_MAX    8192

struct up_msg {
	uint64_t base, seq;
	struct text_op op;
};

struct peer {
	struct text_client client;
	struct text_rope rope;
	struct text_bridge bridge;
	struct up_msg *up;
	uint32_t up_head, up_nb;
};

struct commit {
	struct text_opref *ref;
	struct text_digest digest; /* after it */
	uint32_t author;
	uint64_t seq;
};

struct world {
	const struct soak_session_conf *conf;
	struct soak_session_stats stats;
	struct aef_alloc alloc;
	struct aef_rng rng;
	struct text_rope rope; /* server's head */
	struct peer peers[CLIENTS_MAX];
	uint32_t ops_max;
	struct commit log[OPS_MAX + 1];
	uint64_t head;
	const char *bad;
};

static struct text_opref *
log_get(void *ctx, uint64_t version)
{
	const struct world *w = ctx;

	return version >= 1 && version <= w->head ? w->log[version].ref : NULL;
}

static void
expect(struct world *w, bool ok, const char *what)
{
	if (!ok && w->bad == NULL)
		w->bad = what;
}

static void
link_up(struct world *w, struct peer *p, const struct text_client_msg *msg)
{
	struct up_msg *m;

	if (p->up_nb == LINK_MAX)
		return;
	m = &p->up[(p->up_head + p->up_nb++) % LINK_MAX];
	m->base = msg->base;
	m->seq = msg->seq;
	text_op_init(&m->op, &w->alloc);
	expect(w, text_op_copy(msg->op, &m->op) == 0, "copy");
}

/* A client edits, applies at once and sends. */
static void
edit(struct world *w, struct peer *p)
{
	const uint32_t nth = w->stats.ops;
	struct text_client_msg msg;
	struct soak_text doc;
	struct text_op op;

	text_op_init(&op, &w->alloc);
	soak_of_rope(&p->rope, &doc);
	soak_random_op(&w->rng, &doc, 2, &op);
	if (w->conf->empty != NULL && w->conf->empty[nth])
		text_op_reset(&op);
	if (w->conf->verbose && !text_op_is_empty(&op)) {
		printf("  client %u, %u in flight, base %llu", (unsigned)(p - w->peers),
		       text_client_in_flight(&p->client), (unsigned long long)p->client.version);
		soak_print("", NULL, &op);
	}
	w->stats.ops++;
	expect(w, text_op_apply(&p->rope, &op, NULL) == 0, "client cannot apply its own edit");
	expect(w, text_client_send(&p->client, &op, &msg) == 0, "send");
	link_up(w, p, &msg);
	if (text_client_in_flight(&p->client) > w->stats.in_flight_max)
		w->stats.in_flight_max = text_client_in_flight(&p->client);
	text_op_fini(&op);
}

static void
commit(struct world *w, struct peer *p, struct up_msg *m)
{
	struct commit *c = &w->log[w->head + 1];

	expect(w, text_op_apply(&w->rope, &m->op, NULL) == 0, "server cannot apply");
	c->digest = w->log[w->head].digest;
	text_digest_fold(&c->digest, &m->op);
	c->ref = text_opref_create(&m->op);
	c->author = (uint32_t)(p - w->peers);
	c->seq = m->seq;
	w->head++;
	text_bridge_committed(&p->bridge, w->head);
	for (uint32_t i = 0; i < w->stats.clients; i++) {
		if (&w->peers[i] != p)
			expect(w, text_bridge_push(&w->peers[i].bridge, w->head, c->ref) == 0,
			       "push");
	}
}

/* The server takes the next message of a link. */
static void
receive(struct world *w, struct peer *p)
{
	const struct text_log log = { log_get, w, w->head, w->rope.total.cps };
	struct up_msg *m = &p->up[p->up_head];
	uint64_t version = 0;
	int r;

	r = text_bridge_accept(&p->bridge, &log, m->base, m->seq, &m->op, &version);
	if (r == 0)
		commit(w, p, m);
	else if (r == AEF_ERR_DUPLICATE)
		expect(w,
		       version == 0 || (w->log[version].seq == m->seq &&
		                        w->log[version].author == (uint32_t)(p - w->peers)),
		       "stored version");
	else
		expect(w, false, "accept");
	text_op_fini(&m->op);
	p->up_head = (p->up_head + 1) % LINK_MAX;
	p->up_nb--;
}

/* A client takes the next log entry. */
static void
deliver(struct world *w, struct peer *p)
{
	const struct commit *c = &w->log[p->client.version + 1];
	struct text_op op;

	text_op_init(&op, &w->alloc);
	if (c->author == (uint32_t)(p - w->peers)) {
		expect(w, text_client_ack(&p->client, p->client.version + 1, c->seq, &op) == 0,
		       "ack");
	} else {
		expect(w, text_op_copy(&c->ref->op, &op) == 0, "copy");
		expect(w, text_client_foreign(&p->client, p->client.version + 1, &op) == 0,
		       "foreign");
		expect(w, text_op_apply(&p->rope, &op, NULL) == 0, "client cannot apply");
	}
	expect(w, text_digest_eq(&p->client.digest, &c->digest), "digest");
	text_op_fini(&op);
}

/* The link up breaks and comes back. */
static void
reconnect(struct world *w, struct peer *p)
{
	struct text_client_msg msg;

	for (; p->up_nb > 0; p->up_nb--) {
		text_op_fini(&p->up[p->up_head].op);
		p->up_head = (p->up_head + 1) % LINK_MAX;
	}
	for (uint32_t i = 0; text_client_pending(&p->client, i, &msg) == 0; i++)
		link_up(w, p, &msg);
	w->stats.resends++;
}

/* One random event; `draining`: no new edits. */
static void
turn(struct world *w, bool draining)
{
	struct peer *p = &w->peers[aef_rng_below(&w->rng, w->stats.clients)];
	const uint64_t what = aef_rng_below(&w->rng, 100);

	if (what < 30 && !draining)
		edit(w, p);
	else if (what < 60 && p->up_nb > 0)
		receive(w, p);
	else if (what < 97 && p->client.version < w->head)
		deliver(w, p);
	else if (what == 98 && p->up_nb + text_client_in_flight(&p->client) < LINK_MAX / 2)
		reconnect(w, p);
	else if (what == 99 && p->up_nb == 0)
		expect(w, text_bridge_seen(&p->bridge, p->client.version, w->head) == 0, "seen");
}

static bool
is_drained(const struct world *w)
{
	for (uint32_t i = 0; i < w->stats.clients; i++) {
		const struct peer *p = &w->peers[i];

		if (p->up_nb > 0 || p->client.version < w->head || p->client.nb_out > 0)
			return false;
	}
	return true;
}

static void
world_init(struct world *w, const struct soak_session_conf *conf)
{
	struct soak_text doc = { .bytes = 0 };
	struct text_op first;

	memset(w, 0, sizeof(*w));
	w->conf = conf;
	w->alloc = soak_alloc(UINT64_MAX);
	aef_rng_init(&w->rng, conf->seed);
	w->stats.clients = 2 + (uint32_t)aef_rng_below(&w->rng, CLIENTS_MAX - 1);
	w->ops_max = 1 + (uint32_t)aef_rng_below(&w->rng, OPS_MAX - 1);
	if (conf->ops_max > 0)
		w->ops_max = conf->ops_max;
	soak_random_text(&w->rng, &doc, 30);
	text_rope_init(&w->rope, &w->alloc);
	text_op_init(&first, &w->alloc);
	expect(w, text_op_insert(&first, doc.data, doc.bytes) == 0, "first operation");
	expect(w, text_op_apply(&w->rope, &first, NULL) == 0, "first apply");
	text_op_fini(&first);
	for (uint32_t i = 0; i < w->stats.clients; i++) {
		struct peer *p = &w->peers[i];

		p->up = calloc(LINK_MAX, sizeof(*p->up));
		text_rope_init(&p->rope, &w->alloc);
		expect(w, text_rope_load(&p->rope, doc.data, doc.bytes) == 0, "load");
		expect(w, text_client_init(&p->client, &w->alloc, 0, 0, 0, NULL) == 0, "init");
		text_bridge_init(&p->bridge, &w->alloc, NULL, 0, 0, 0);
	}
}

static void
world_fini(struct world *w)
{
	for (uint32_t i = 0; i < w->stats.clients; i++) {
		struct peer *p = &w->peers[i];

		for (; p->up_nb > 0; p->up_nb--) {
			text_op_fini(&p->up[p->up_head].op);
			p->up_head = (p->up_head + 1) % LINK_MAX;
		}
		free(p->up);
		text_client_fini(&p->client);
		text_rope_fini(&p->rope);
		text_bridge_fini(&p->bridge);
	}
	for (uint64_t v = 1; v <= w->head; v++)
		text_opref_put(w->log[v].ref);
	text_rope_fini(&w->rope);
	expect(w, w->alloc.used_bytes == 0, "memory leaked");
}

const char *
soak_session(const struct soak_session_conf *conf, struct soak_session_stats *ret_stats)
{
	struct world *w = malloc(sizeof(*w));
	struct soak_text server, mine;
	const char *bad;

	if (w == NULL)
		return "no memory";
	world_init(w, conf);
	while (w->bad == NULL && w->stats.ops < w->ops_max)
		turn(w, false);
	while (w->bad == NULL && !is_drained(w))
		turn(w, true);
	soak_of_rope(&w->rope, &server);
	for (uint32_t i = 0; w->bad == NULL && i < w->stats.clients; i++) {
		soak_of_rope(&w->peers[i].rope, &mine);
		expect(w, soak_text_eq(&server, &mine), "texts differ");
	}
	expect(w, w->bad != NULL || w->head == w->stats.ops, "an operation was lost or doubled");
	world_fini(w);
	bad = w->bad;
	*ret_stats = w->stats;
	free(w);
	return bad;
}

void
soak_session_shrink(uint64_t seed)
{
	uint8_t empty[OPS_MAX] = { 0 };
	struct soak_session_conf conf = { .seed = seed, .ops_max = 1, .empty = empty };
	struct soak_session_stats stats;

	while (conf.ops_max < OPS_MAX && soak_session(&conf, &stats) == NULL)
		conf.ops_max++;
	for (uint32_t i = 0; i < conf.ops_max; i++) {
		empty[i] = 1;
		if (soak_session(&conf, &stats) == NULL)
			empty[i] = 0;
	}
	conf.verbose = true;
	printf("smallest form of session %llu, %u operations:\n", (unsigned long long)seed,
	       conf.ops_max);
	const char *bad = soak_session(&conf, &stats);

	printf("fails: %s\n", bad != NULL ? bad : "no longer");
}
