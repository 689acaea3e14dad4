/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <crypto_null/null_provider.h>
#include <protect/provider.h>
#include <rng_fixed/rng_fixed.h>

#define EVENTS_AT_ONE_INSTANT 200000u
#define GUARD_KEYS            16384u /* of one run; many times what is used */
#define KEYS_MAX              12u

void
sim_fail(struct sim_world *world, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (world->failed)
		return;
	world->failed = true;
	n = snprintf(world->failure, sizeof(world->failure),
	             "at %llu.%06llu s: ", (unsigned long long)(world->now_ns / AEF_NS_PER_S),
	             (unsigned long long)(world->now_ns % AEF_NS_PER_S / 1000));
	va_start(ap, fmt);
	(void)vsnprintf(world->failure + n, sizeof(world->failure) - (size_t)n, fmt, ap);
	va_end(ap);
}

void
sim_log(const struct sim_world *world, const char *fmt, ...)
{
	va_list ap;

	if (!world->plan.opts.verbose)
		return;
	printf("%4llu.%06llu ", (unsigned long long)(world->now_ns / AEF_NS_PER_S),
	       (unsigned long long)(world->now_ns % AEF_NS_PER_S / 1000));
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* ---- buffers --------------------------------------------------------------------------------- */

struct sim_buf *
sim_buf_get(struct sim_world *world, uint32_t len)
{
	struct sim_buf *buf = malloc(sizeof(*buf) + len);

	if (buf == NULL)
		abort();
	memset(buf, 0, sizeof(*buf));
	buf->world = world;
	buf->refs = 1;
	buf->len = len;
	world->nb_bufs++;
	return buf;
}

void
sim_buf_put(struct sim_buf *buf)
{
	if (buf->refs == 0) {
		sim_fail(buf->world, "a buffer was given back more often than taken");
		return;
	}
	if (--buf->refs > 0)
		return;
	buf->world->nb_bufs--;
	free(buf);
}

static struct sim_buf *
buf_copy(const struct sim_buf *buf)
{
	struct sim_buf *copy = sim_buf_get(buf->world, buf->len);

	memcpy(copy, buf, sizeof(*buf) + buf->len);
	copy->refs = 1;
	return copy;
}

/* ---- links ----------------------------------------------------------------------------------- */

static void
hash_datagram(struct sim_world *world, const struct sim_buf *buf)
{
	struct {
		uint64_t now_ns;
		uint32_t client, len;
		uint32_t up, port;
	} head = { world->now_ns, buf->client, buf->len, buf->up, buf->from.port };

	aef_siphash_update(&world->hash, &head, sizeof(head));
	aef_siphash_update(&world->hash, buf->data, buf->len);
}

static void
record(struct sim_world *world, const struct sim_buf *buf)
{
	struct sim_buf **slot;

	if (aef_rng_below(&world->rng_hostile, 16) != 0)
		return;
	slot = &world->recorded[aef_rng_below(&world->rng_hostile, SIM_RECORDED)];
	if (*slot != NULL)
		sim_buf_put(*slot);
	*slot = buf_copy(buf);
}

void
sim_wire(struct sim_world *world, struct sim_buf *buf)
{
	struct sim_client *client = &world->client[buf->client];
	struct link *link = &client->link[buf->up ? 0 : 1];
	enum link_verdict verdict;

	world->totals.datagrams++;
	world->totals.bytes += buf->len;
	hash_datagram(world, buf);
	if (!world->healthy)
		record(world, buf);
	if (world->hooks != NULL && world->hooks->on_wire != NULL &&
	    world->hooks->on_wire(world->hooks->ctx, world, buf)) {
		sim_buf_put(buf);
		return;
	}
	/* A NAT knows the present binding only. */
	if (!buf->up && !quantum_addr_eq(&buf->to, &client->addr)) {
		world->totals.nat_dropped++;
		sim_buf_put(buf);
		return;
	}
	verdict = link_send(link, world->now_ns, buf, buf->len + 28,
	                    buf->ecn != 0 ? LINK_SEND_ECT : 0);
	if (verdict != LINK_TAKEN) {
		sim_log(world, "link of client %u %s drops number %llu: %s", buf->client,
		        buf->up ? "up" : "down", (unsigned long long)buf->pn,
		        link_verdict_name(verdict));
		sim_buf_put(buf);
	}
}

static void
deliver(struct sim_world *world, struct link *link)
{
	struct sim_buf *bufs[SIM_BURST];
	struct link_delivery d;
	unsigned nb = 0;

	while (nb < SIM_BURST && link_pop(link, world->now_ns, &d)) {
		struct sim_buf *buf = d.last ? d.pkt : buf_copy(d.pkt);
		/* The link counts IP and UDP headers; bits there are the kernel's to judge. */
		const uint32_t cut = d.cut_len > 28 ? d.cut_len - 28 : 0;

		if (d.nb_flips > 0) {
			const uint32_t len = buf->len;

			for (unsigned i = 0; i < d.nb_flips; i++) {
				const uint32_t byte = d.flips[i] / 8;

				if (byte < 28 || byte - 28 >= len)
					continue;
				buf->data[byte - 28] ^= (uint8_t)(1u << (d.flips[i] % 8));
				buf->tampered = true;
			}
		}
		if (cut < buf->len) {
			buf->len = cut;
			buf->tampered = true;
		}
		if (d.ce)
			buf->ecn = 3;
		bufs[nb++] = buf;
	}
	sim_arrive(world, bufs, nb);
	for (unsigned i = 0; i < nb; i++)
		sim_buf_put(bufs[i]);
}

static void
flush(struct link *link)
{
	struct link_delivery d;

	while (link_flush(link, &d))
		if (d.last)
			sim_buf_put(d.pkt);
}

void
sim_relink(struct sim_world *world, uint32_t i, bool healthy)
{
	struct sim_client *client = &world->client[i];

	for (unsigned dir = 0; dir < 2; dir++) {
		struct link_conf conf = client->link[dir].conf;

		if (healthy)
			sim_plan_heal(&conf);
		else
			sim_plan_link(&world->plan.opts, &client->link_rng, &conf);
		if (link_set_conf(&client->link[dir], &conf) != 0)
			sim_fail(world, "the link refuses its configuration");
	}
}

/* ---- life ------------------------------------------------------------------------------------ */

static void
client_start(struct sim_world *world, uint32_t i)
{
	struct sim_client *client = &world->client[i];
	struct aef_rng rng;

	sim_rng(&client->link_rng, world->plan.opts.seed, SIM_STREAM_LINK, 100 + i);
	sim_rng(&rng, world->plan.opts.seed, SIM_STREAM_LINK, 200 + i);
	for (unsigned dir = 0; dir < 2; dir++) {
		client->link_mem[dir] =
			aligned_alloc(64, (link_mem_bytes(SIM_LINK_SLOTS) + 63) & ~(size_t)63);
		if (client->link_mem[dir] == NULL ||
		    link_init(&client->link[dir], &world->plan.client[i].link[dir],
		              aef_rng_u64(&rng), world->now_ns, client->link_mem[dir],
		              SIM_LINK_SLOTS) != 0)
			abort();
	}
	client->addr = (struct quantum_addr){
		.ip = { [10] = 0xff,
		        [11] = 0xff,
		        [12] = 10,
		        [13] = 1,
		        [14] = (uint8_t)i,
		        [15] = 1 },
		.port = (uint16_t)(30000 + i),
	};
	client->connect_ns = world->now_ns + aef_rng_below(&rng, 500 * AEF_NS_PER_MS);
}

/*
 * Null protection is fast and clear to look at; the real one must not change a thing. Its keys come
 * from the seed, and few are held, so that connections take each other's places in the cache.
 */
static const struct crypto_provider *
protection_start(struct sim_world *world)
{
	const struct sim_opts *opts = &world->plan.opts;
	const uint32_t cipher = opts->value[SIM_CIPHER];
	struct protect_conf conf = { .keys_max = KEYS_MAX };

	if (cipher == 0 || (cipher == 2 && opts->seed % 4 != 0))
		return crypto_null_provider();
	rng_fixed_seed(opts->seed);
	if (protect_ring_create(1, &world->ring) != 0)
		abort();
	conf.ring = world->ring;
	if (protect_create(&conf, &world->protect) != 0)
		abort();
	return protect_provider(world->protect);
}

struct sim_world *
sim_world_create(const struct sim_plan *plan, const struct sim_hooks *hooks)
{
	struct sim_world *world = calloc(1, sizeof(*world));
	static const uint8_t key[16] = "trace of a run.";

	if (world == NULL)
		abort();
	world->plan = *plan;
	world->hooks = hooks;
	if (!guard_init(&world->guard, protection_start(world), GUARD_KEYS))
		abort();
	world->crypto = &world->guard.provider;
	world->now_ns = AEF_NS_PER_S; /* no special meaning of 0 is hit */
	world->sending = true;
	world->next_uid = 1;
	world->hostile_ns = world->now_ns;
	aef_siphash_init(&world->hash, key, false);
	sim_rng(&world->rng_secrets, plan->opts.seed, SIM_STREAM_SECRETS, 0);
	sim_rng(&world->rng_hostile, plan->opts.seed, SIM_STREAM_HOSTILE, 0);
	sim_rng(&world->rng_driver, plan->opts.seed, SIM_STREAM_DRIVER, 0);
	sim_server_start(world);
	for (uint32_t i = 0; i < plan->nb_clients; i++)
		client_start(world, i);
	return world;
}

void
sim_world_destroy(struct sim_world *world)
{
	while (world->nb_sessions > 0) {
		struct sim_session *ses = world->session[0];

		sim_end_drop(world, &ses->end[0]);
		sim_end_drop(world, &ses->end[1]);
		sim_sessions_sweep(world);
	}
	for (uint32_t i = 0; i < world->plan.nb_clients; i++) {
		struct sim_client *client = &world->client[i];

		if (client->env != NULL)
			sim_check_pools(world, client->env, "a client");
		free(client->env_mem);
		for (unsigned dir = 0; dir < 2; dir++) {
			flush(&client->link[dir]);
			free(client->link_mem[dir]);
		}
	}
	sim_server_stop(world);
	for (unsigned i = 0; i < SIM_RECORDED; i++)
		if (world->recorded[i] != NULL)
			sim_buf_put(world->recorded[i]);
	if (world->guard.nb_repeats != 0 || world->guard.nb_iv_changes != 0 || world->guard.full)
		sim_fail(world, "%llu of %llu packets repeat a number under their key (%llu keys)",
		         (unsigned long long)world->guard.nb_repeats,
		         (unsigned long long)world->guard.nb_seals,
		         (unsigned long long)world->guard.nb_keys);
	guard_fini(&world->guard);
	protect_destroy(world->protect);
	protect_ring_close(world->ring);
	if (world->nb_bufs != 0)
		sim_fail(world, "%llu buffers were never given back",
		         (unsigned long long)world->nb_bufs);
}

uint64_t
sim_trace_hash(struct sim_world *world)
{
	struct aef_siphash copy = world->hash;

	return aef_siphash_final64(&copy);
}

/* ---- actions --------------------------------------------------------------------------------- */

static void
rebind(struct sim_world *world, uint32_t i, bool ip)
{
	struct sim_client *client = &world->client[i];

	client->addr.port++;
	if (ip)
		client->addr.ip[15]++;
	world->totals.moves++;
}

static void
close_session(struct sim_world *world, uint32_t i, unsigned side)
{
	struct sim_session *ses = world->client[i].ses;
	struct sim_end *end = ses != NULL ? &ses->end[side] : NULL;

	if (end == NULL || end->conn == NULL || !quantum_conn_established(end->conn))
		return;
	quantum_conn_close(end->conn, 1234, "the simulator says so", world->now_ns);
	sim_service(world, end);
}

static void
migrate(struct sim_world *world, uint32_t i)
{
	struct sim_session *ses = world->client[i].ses;
	struct sim_end *end = ses != NULL ? &ses->end[0] : NULL;

	rebind(world, i, true);
	if (end == NULL || end->conn == NULL)
		return;
	if (quantum_conn_established(end->conn)) {
		if (quantum_conn_migrate(end->conn, world->now_ns) == 0)
			sim_service(world, end);
		return;
	}
	/* Another local address during the handshake asks for a new token. */
	sim_client_crash(world, i);
	world->client[i].connect_ns = world->now_ns;
}

static void
heal(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->plan.nb_clients; i++)
		sim_relink(world, i, true);
	world->healthy = true;
	world->sending = false;
}

static void
send_again(struct sim_world *world)
{
	world->sending = true;
	world->calm = true;
	for (uint32_t i = 0; i < world->nb_sessions; i++)
		for (unsigned side = 0; side < 2; side++)
			if (world->session[i]->end[side].conn != NULL)
				sim_load_start(world, &world->session[i]->end[side]);
}

static void
close_all(struct sim_world *world)
{
	world->closing = true;
	for (uint32_t i = 0; i < world->plan.nb_clients; i++)
		close_session(world, i, i & 1);
}

/* An end whose peer vanished may need its idle time-out to notice. */
static void
the_end(struct sim_world *world)
{
	const bool long_enough = world->plan.end_ns - world->plan.heal_ns >= 45 * AEF_NS_PER_S;

	world->over = true;
	for (uint32_t i = 0; i < world->nb_sessions && !world->failed; i++) {
		const struct sim_session *ses = world->session[i];

		if (long_enough || world->client[ses->client].ses == ses)
			sim_fail(world, "session %u is still there after everything was closed",
			         ses->uid);
	}
}

static void
act(struct sim_world *world, const struct sim_action *a)
{
	const uint32_t i = a->client;
	const bool per_client =
		a->what >= SIM_ACT_CRASH_CLIENT && a->what <= SIM_ACT_CLOSE_BY_SERVER;
	uint8_t random[64];

	if ((per_client || a->what == SIM_ACT_LINK) && i >= world->plan.nb_clients)
		return;
	sim_log(world, "action %d client %u", a->what, i);
	switch (a->what) {
	case SIM_ACT_LINK:
		sim_relink(world, i, false);
		break;
	case SIM_ACT_RESTART_SERVER:
		sim_server_stop(world);
		sim_server_start(world);
		break;
	case SIM_ACT_CRASH_CLIENT:
		sim_client_crash(world, i);
		world->client[i].connect_ns = world->now_ns + AEF_NS_PER_S;
		break;
	case SIM_ACT_REBIND_PORT:
	case SIM_ACT_REBIND_IP:
		rebind(world, i, a->what == SIM_ACT_REBIND_IP);
		break;
	case SIM_ACT_MIGRATE:
		migrate(world, i);
		break;
	case SIM_ACT_CLOSE_BY_CLIENT:
	case SIM_ACT_CLOSE_BY_SERVER:
		close_session(world, i, a->what == SIM_ACT_CLOSE_BY_SERVER);
		break;
	case SIM_ACT_ROTATE_KEYS:
		for (unsigned b = 0; b < sizeof(random); b++)
			random[b] = (uint8_t)aef_rng_u64(&world->rng_secrets);
		if (quantum_server_keys_rotate(&world->server.keys, world->crypto, random) != 0)
			sim_fail(world, "server keys do not rotate");
		break;
	case SIM_ACT_HEAL:
		heal(world);
		break;
	case SIM_ACT_CHECK_DRAINED:
		sim_check_drained(world);
		break;
	case SIM_ACT_SEND_AGAIN:
		send_again(world);
		break;
	case SIM_ACT_STOP_SENDING:
		world->sending = false;
		break;
	case SIM_ACT_CLOSE_ALL:
		close_all(world);
		break;
	default:
		the_end(world);
		break;
	}
}

/* ---- events ---------------------------------------------------------------------------------- */

enum source_kind {
	SOURCE_ACTION,
	SOURCE_HOSTILE,
	SOURCE_LINK,
	SOURCE_CONNECT,
	SOURCE_TIMER,
	SOURCE_SEND
};

struct source {
	uint64_t at_ns;
	enum source_kind kind;
	uint32_t client, dir;
	struct sim_end *end;
};

static void
consider(struct source *best, uint64_t at_ns, enum source_kind kind, uint32_t client, uint32_t dir)
{
	if (at_ns < best->at_ns)
		*best = (struct source){
			.at_ns = at_ns, .kind = kind, .client = client, .dir = dir
		};
}

/* The earliest event; of two at one instant the one looked at first, always the same. */
static struct source
next_source(struct sim_world *world)
{
	struct source best = { .at_ns = AEF_TIME_NEVER };

	if (world->next_action < world->plan.nb_actions)
		best.at_ns = world->plan.action[world->next_action].at_ns;
	if (!world->healthy &&
	    world->plan.opts.value[SIM_GARBAGE] + world->plan.opts.value[SIM_REPLAY] > 0)
		consider(&best, world->hostile_ns, SOURCE_HOSTILE, 0, 0);
	for (uint32_t i = 0; i < world->plan.nb_clients; i++) {
		const struct sim_client *client = &world->client[i];

		consider(&best, link_next_ns(&client->link[0]), SOURCE_LINK, i, 0);
		consider(&best, link_next_ns(&client->link[1]), SOURCE_LINK, i, 1);
		if (client->ses == NULL && !world->closing)
			consider(&best, client->connect_ns, SOURCE_CONNECT, i, 0);
	}
	for (uint32_t i = 0; i < world->nb_sessions; i++) {
		struct sim_session *ses = world->session[i];

		for (unsigned side = 0; side < 2; side++) {
			struct sim_end *end = &ses->end[side];

			if (end->conn == NULL)
				continue;
			if (end->deadline_ns < best.at_ns)
				best = (struct source){ end->deadline_ns, SOURCE_TIMER, 0, 0, end };
			if (world->sending && end->send_ns < best.at_ns)
				best = (struct source){ end->send_ns, SOURCE_SEND, 0, 0, end };
		}
	}
	return best;
}

static void
handle(struct sim_world *world, const struct source *src)
{
	switch (src->kind) {
	case SOURCE_ACTION:
		act(world, &world->plan.action[world->next_action++]);
		break;
	case SOURCE_HOSTILE:
		sim_hostile(world);
		break;
	case SOURCE_LINK:
		deliver(world, &world->client[src->client].link[src->dir]);
		break;
	case SOURCE_CONNECT:
		sim_client_connect(world, src->client);
		break;
	case SOURCE_TIMER:
		quantum_conn_on_deadline(src->end->conn, world->now_ns);
		sim_service(world, src->end);
		break;
	default:
		sim_load_run(world, src->end);
		break;
	}
}

void
sim_world_run_until(struct sim_world *world, uint64_t until_ns)
{
	uint32_t nb_here = 0;

	while (!world->over && !world->failed) {
		const struct source src = next_source(world);

		if (src.at_ns > until_ns) {
			world->now_ns = aef_max_u64(world->now_ns, until_ns);
			return;
		}
		nb_here = src.at_ns > world->now_ns ? 0 : nb_here + 1;
		if (nb_here > EVENTS_AT_ONE_INSTANT) {
			sim_fail(world, "time stands still (event kind %d)", src.kind);
			return;
		}
		world->now_ns = aef_max_u64(world->now_ns, src.at_ns);
		handle(world, &src);
		sim_sessions_sweep(world);
	}
}

void
sim_world_run(struct sim_world *world)
{
	sim_world_run_until(world, AEF_TIME_NEVER - 1);
}
