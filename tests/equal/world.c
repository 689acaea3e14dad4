/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients, links, time and the hash; knows nothing of which server is behind. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <protect/provider.h>
#include <rng_fixed/rng_fixed.h>

#include "equal.h"

#define HEADERS    28u /* the link counts those of IP and UDP */
#define MEAN_NS    (6 * AEF_NS_PER_MS)
#define TURN_NS    (1ull << 53) /* the timer wheel comes round */
#define INSTANTS   50000000u
#define STEPS_HERE 10000u
#define KEYS_MAX   64u

void
world_fail(struct world *world, const char *fmt, ...)
{
	va_list ap;

	if (world->failed)
		return;
	world->failed = true;
	va_start(ap, fmt);
	(void)vsnprintf(world->failure, sizeof(world->failure), fmt, ap);
	va_end(ap);
}

void *
mem_take(size_t bytes)
{
	void *mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (mem == NULL)
		abort();
	return mem;
}

void
random_fill(struct aef_rng *rng, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)aef_rng_u64(rng);
}

void
pools_check(struct world *world, const struct quantum_env *env, const char *whose)
{
	for (uint32_t i = 0; i < quantum_env_nb_pools(env); i++) {
		const struct aef_pool *pool = quantum_env_pool(env, i);

		if (pool->in_use != 0)
			world_fail(world, "%s: %u of pool %s in use at the end", whose,
			           pool->in_use, pool->name);
	}
}

/* ---- buffers --------------------------------------------------------------------------------- */

struct equal_buf *
buf_get(struct world *world, uint32_t len)
{
	struct equal_buf *buf = calloc(1, sizeof(*buf) + len);

	if (buf == NULL)
		abort();
	buf->world = world;
	buf->refs = 1;
	buf->len = len;
	world->nb_bufs++;
	return buf;
}

void
buf_put(struct equal_buf *buf)
{
	if (--buf->refs > 0)
		return;
	buf->world->nb_bufs--;
	free(buf);
}

static void
ops_get(void *ctx, void *owner)
{
	(void)ctx;
	if (owner != NULL)
		((struct equal_buf *)owner)->refs++;
}

static void
ops_put(void *ctx, void *owner)
{
	(void)ctx;
	if (owner != NULL)
		buf_put(owner);
}

static void *
ops_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct equal_buf *buf = buf_get(ctx, bytes);

	*ret_data = buf->data;
	return buf;
}

struct quantum_buf_ops
buf_ops(struct world *world)
{
	return (struct quantum_buf_ops){ ops_get, ops_put, ops_alloc, world };
}

static struct equal_buf *
buf_copy(const struct equal_buf *buf)
{
	struct equal_buf *copy = buf_get(buf->world, buf->len);

	memcpy(copy, buf, sizeof(*buf) + buf->len);
	copy->refs = 1;
	return copy;
}

/* ---- the record ------------------------------------------------------------------------------ */

static void
record(struct world *world, enum equal_what what, uint32_t client, const uint8_t *data,
       uint32_t len)
{
	static const uint8_t key[16] = "one datagram...";
	struct {
		uint64_t at_ns;
		uint32_t what, client, len, zero;
	} head = { world->now_ns, what, client, len, 0 };

	aef_siphash_update(&world->hash, &head, sizeof(head));
	aef_siphash_update(&world->hash, data, len);
	if (world->nb_records == world->cap_records) {
		world->cap_records = world->cap_records == 0 ? 4096 : 2 * world->cap_records;
		world->records =
			realloc(world->records, world->cap_records * sizeof(*world->records));
		if (world->records == NULL)
			abort();
	}
	world->records[world->nb_records++] =
		(struct equal_record){ .at_ns = world->now_ns,
		                       .sum = aef_siphash64(key, data, len),
		                       .len = len,
		                       .client = (uint8_t)client,
		                       .what = (uint8_t)what };
}

/* ---- links ----------------------------------------------------------------------------------- */

static void
wire(struct world *world, struct equal_buf *buf, bool up)
{
	struct client *c = &world->client[buf->client];

	world->totals.datagrams++;
	world->totals.bytes += buf->len;
	record(world, up ? EQUAL_UP_IN : EQUAL_DOWN_IN, buf->client, buf->data, buf->len);
	if (link_send(&c->link[up ? 0 : 1], world->now_ns, buf, buf->len + HEADERS,
	              buf->ecn != 0 ? LINK_SEND_ECT : 0) != LINK_TAKEN)
		buf_put(buf);
}

void
world_from_client(struct world *world, uint32_t i, const uint8_t *data, uint32_t len, uint8_t ecn)
{
	struct equal_buf *buf = buf_get(world, len);

	memcpy(buf->data, data, len);
	buf->client = i;
	buf->ecn = ecn;
	buf->from = world->client[i].addr;
	wire(world, buf, true);
}

void
world_from_server(struct world *world, const struct quantum_addr *to, const uint8_t *data,
                  uint32_t len, uint8_t ecn)
{
	const uint32_t i = to->ip[14];
	struct equal_buf *buf;

	if (i >= world->plan.nb_clients) {
		world_fail(world, "the server sends to nobody");
		return;
	}
	buf = buf_get(world, len);
	memcpy(buf->data, data, len);
	buf->client = i;
	buf->ecn = ecn;
	/* A NAT knows the present binding only. */
	if (quantum_addr_eq(to, &world->client[i].addr)) {
		wire(world, buf, false);
		return;
	}
	record(world, EQUAL_DOWN_IN, i, buf->data, len);
	buf_put(buf);
}

static struct equal_buf *
delivered(const struct link_delivery *d)
{
	struct equal_buf *buf = d->last ? d->pkt : buf_copy(d->pkt);
	/* Bits of the headers are the kernel's, or the NIC's, to judge. */
	const uint32_t cut = d->cut_len > HEADERS ? d->cut_len - HEADERS : 0;

	for (unsigned i = 0; i < d->nb_flips; i++) {
		const uint32_t byte = d->flips[i] / 8;

		if (byte >= HEADERS && byte - HEADERS < buf->len)
			buf->data[byte - HEADERS] ^= (uint8_t)(1u << (d->flips[i] % 8));
	}
	buf->len = aef_min_u32(buf->len, cut);
	if (d->ce)
		buf->ecn = 3;
	return buf;
}

static unsigned
deliver(struct world *world, uint32_t i, unsigned dir)
{
	struct link_delivery d;
	unsigned nb = 0;

	for (; link_pop(&world->client[i].link[dir], world->now_ns, &d); nb++) {
		struct equal_buf *buf = delivered(&d);

		record(world, dir == 0 ? EQUAL_UP_OUT : EQUAL_DOWN_OUT, i, buf->data, buf->len);
		if (dir == 0)
			world->ops->arrive(world->server, buf);
		else
			client_arrive(world, i, buf);
		buf_put(buf);
	}
	return nb;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void
server_open(struct world *world)
{
	struct server_seed seed;

	seed.engine = aef_rng_u64(&world->rng_server);
	random_fill(&world->rng_server, seed.cid_key, sizeof(seed.cid_key));
	random_fill(&world->rng_server, seed.handshake, sizeof(seed.handshake));
	world->server = world->ops->open(world, &seed);
}

static void
client_start(struct world *world, uint32_t i)
{
	struct client *c = &world->client[i];
	const uint64_t seed = world->plan.opts.seed;

	sim_rng(&c->rng, seed, SIM_STREAM_LOAD, i);
	sim_rng(&c->link_rng, seed, SIM_STREAM_LINK, 100 + i);
	sim_rng(&c->secrets, seed, SIM_STREAM_SECRETS, 1 + i);
	for (unsigned dir = 0; dir < 2; dir++) {
		c->link_mem[dir] = mem_take(link_mem_bytes(EQUAL_LINK_SLOTS));
		if (link_init(&c->link[dir], &world->plan.client[i].link[dir], aef_rng_u64(&c->rng),
		              world->now_ns, c->link_mem[dir], EQUAL_LINK_SLOTS) != 0)
			abort();
	}
	c->addr = (struct quantum_addr){ .ip = { [10] = 0xff,
		                                 [11] = 0xff,
		                                 [12] = 10,
		                                 [13] = 1,
		                                 [14] = (uint8_t)i,
		                                 [15] = 1 },
		                         .port = (uint16_t)(30000 + i) };
	c->connect_ns = world->now_ns + aef_rng_below(&c->rng, 500 * AEF_NS_PER_MS);
	c->deadline_ns = AEF_TIME_NEVER;
	/* What waits in a server is bounded by its buffers, not by this test. */
	world->plan.client[i].mean_ns[0] = aef_max_u64(world->plan.client[i].mean_ns[0], MEAN_NS);
}

/* Both servers meet the same keys, so what is compared are the encrypted datagrams. */
static void
protection_start(struct world *world, uint64_t seed)
{
	struct protect_conf conf = { .keys_max = KEYS_MAX };

	rng_fixed_seed(seed);
	if (protect_ring_create(1, &world->ring) != 0)
		abort();
	conf.ring = world->ring;
	if (protect_create(&conf, &world->protect) != 0)
		abort();
	world->crypto = protect_provider(world->protect);
}

void
world_open(struct world *world, uint64_t seed, uint32_t trouble_s, const struct server_ops *ops)
{
	static const uint8_t key[16] = "trace of a run.";
	static const uint64_t starts[] = { AEF_NS_PER_S, 1000 * AEF_NS_PER_S, TURN_NS, 1ull << 32 };
	struct sim_opts opts;

	memset(world, 0, sizeof(*world));
	sim_opts_default(&opts);
	opts.seed = seed;
	opts.value[SIM_TROUBLE] = trouble_s;
	opts.value[SIM_HEALTH] = 20;
	sim_plan_make(&world->plan, &opts);
	/* Some runs cross the turn of the wheel or of a level of it. */
	world->start_ns = starts[seed % AEF_DIM(starts)];
	if (world->start_ns >= 1ull << 32)
		world->start_ns -= 3 * AEF_NS_PER_S;
	world->now_ns = world->start_ns;
	protection_start(world, seed);
	world->ops = ops;
	world->server_addr = (struct quantum_addr){ .ip = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 },
		                                    .port = EQUAL_UDP_PORT };
	world->sending = true;
	aef_siphash_init(&world->hash, key, false);
	sim_rng(&world->rng_server, seed, SIM_STREAM_SECRETS, 0);
	for (uint32_t i = 0; i < world->plan.nb_clients; i++)
		client_start(world, i);
	server_open(world);
}

static void
totals_add(struct world *world, const struct link_stats *s)
{
	world->totals.verdicts[0] += link_dropped(s);
	world->totals.verdicts[1] += s->duplicated;
	world->totals.verdicts[2] += s->corrupted + s->truncated;
	world->totals.verdicts[3] += s->reordered;
}

uint64_t
world_close(struct world *world)
{
	struct link_delivery d;

	for (uint32_t i = 0; i < world->plan.nb_clients; i++) {
		struct client *c = &world->client[i];

		quantum_conn_free(c->conn);
		if (c->env != NULL)
			pools_check(world, c->env, "a client");
		free(c->env_mem);
		for (unsigned dir = 0; dir < 2; dir++) {
			totals_add(world, &c->link[dir].stats);
			while (link_flush(&c->link[dir], &d))
				if (d.last)
					buf_put(d.pkt);
			free(c->link_mem[dir]);
		}
	}
	world->ops->close(world->server);
	protect_destroy(world->protect);
	protect_ring_close(world->ring);
	if (world->nb_bufs != 0)
		world_fail(world, "%llu buffers were never given back",
		           (unsigned long long)world->nb_bufs);
	return aef_siphash_final64(&world->hash);
}

void
world_forget(struct world *world)
{
	free(world->records);
	world->records = NULL;
}

/* ---- actions --------------------------------------------------------------------------------- */

static void
relink(struct world *world, uint32_t i, bool healthy)
{
	struct client *c = &world->client[i];

	for (unsigned dir = 0; dir < 2; dir++) {
		struct link_conf conf = c->link[dir].conf;

		if (healthy)
			sim_plan_heal(&conf);
		else
			sim_plan_link(&world->plan.opts, &c->link_rng, &conf);
		if (link_set_conf(&c->link[dir], &conf) != 0)
			world_fail(world, "the link refuses its configuration");
	}
}

static void
rebind(struct world *world, uint32_t i, bool ip)
{
	world->client[i].addr.port++;
	if (ip)
		world->client[i].addr.ip[15]++;
	world->totals.moves++;
}

static void
close_client(struct world *world, uint32_t i)
{
	struct client *c = &world->client[i];

	if (c->conn == NULL || !quantum_conn_established(c->conn))
		return;
	quantum_conn_close(c->conn, 1234, "the test says so", world->now_ns);
	client_service(world, i);
}

static void
migrate(struct world *world, uint32_t i)
{
	struct client *c = &world->client[i];

	rebind(world, i, true);
	if (c->conn != NULL && quantum_conn_established(c->conn) &&
	    quantum_conn_migrate(c->conn, world->now_ns) == 0)
		client_service(world, i);
}

static void
restart(struct world *world)
{
	world->ops->close(world->server);
	server_open(world);
	world->totals.restarts++;
}

static void
act_on_client(struct world *world, const struct sim_action *a)
{
	const uint32_t i = a->client;

	if (i >= world->plan.nb_clients)
		return;
	switch (a->what) {
	case SIM_ACT_LINK:
		relink(world, i, false);
		break;
	case SIM_ACT_CRASH_CLIENT:
		if (world->client[i].conn != NULL)
			client_drop(world, i);
		break;
	case SIM_ACT_REBIND_PORT:
	case SIM_ACT_REBIND_IP:
		rebind(world, i, a->what == SIM_ACT_REBIND_IP);
		break;
	case SIM_ACT_MIGRATE:
		migrate(world, i);
		break;
	default:
		close_client(world, i);
		break;
	}
}

static void
act(struct world *world, const struct sim_action *a)
{
	uint8_t random[64];

	switch (a->what) {
	case SIM_ACT_LINK:
	case SIM_ACT_CRASH_CLIENT:
	case SIM_ACT_REBIND_PORT:
	case SIM_ACT_REBIND_IP:
	case SIM_ACT_MIGRATE:
	case SIM_ACT_CLOSE_BY_CLIENT:
		act_on_client(world, a);
		break;
	case SIM_ACT_RESTART_SERVER:
		restart(world);
		break;
	case SIM_ACT_ROTATE_KEYS:
		random_fill(&world->rng_server, random, sizeof(random));
		world->ops->rotate(world->server, random);
		break;
	case SIM_ACT_HEAL:
		for (uint32_t i = 0; i < world->plan.nb_clients; i++)
			relink(world, i, true);
		world->sending = false;
		break;
	case SIM_ACT_CLOSE_ALL:
		world->closing = true;
		for (uint32_t i = 0; i < world->plan.nb_clients; i++)
			close_client(world, i);
		break;
	case SIM_ACT_END:
		world->over = true;
		break;
	default: /* checks of the simulator, and what its server does by itself */
		break;
	}
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t
action_ns(const struct world *world)
{
	return world->next_action < world->plan.nb_actions
	               ? world->plan.action[world->next_action].at_ns + world->start_ns
	               : AEF_TIME_NEVER;
}

static uint64_t
client_next_ns(const struct world *world, const struct client *c)
{
	uint64_t next = aef_min_u64(link_next_ns(&c->link[0]), link_next_ns(&c->link[1]));

	if (c->conn == NULL)
		return world->closing ? next : aef_min_u64(next, c->connect_ns);
	next = aef_min_u64(next, c->deadline_ns);
	return world->sending ? aef_min_u64(next, c->send_ns) : next;
}

static uint64_t
next_ns(const struct world *world)
{
	uint64_t next = aef_min_u64(action_ns(world), world->ops->next_ns(world->server));

	for (uint32_t i = 0; i < world->plan.nb_clients; i++)
		next = aef_min_u64(next, client_next_ns(world, &world->client[i]));
	return next;
}

static unsigned
client_turn(struct world *world, uint32_t i)
{
	struct client *c = &world->client[i];
	unsigned work = deliver(world, i, 1);

	if (work > 0 && c->conn != NULL)
		client_service(world, i);
	if (c->conn == NULL && !world->closing && c->connect_ns <= world->now_ns) {
		client_connect(world, i);
		work++;
	}
	if (c->conn != NULL && c->deadline_ns <= world->now_ns) {
		client_timer(world, i);
		work++;
	}
	if (c->conn != NULL && world->sending && c->send_ns <= world->now_ns) {
		client_send(world, i);
		work++;
	}
	return work;
}

/* Everything that is due at this instant, in the one order. */
static void
instant(struct world *world)
{
	unsigned work, steps = 0;

	while (action_ns(world) <= world->now_ns && !world->over)
		act(world, &world->plan.action[world->next_action++]);
	do {
		work = 0;
		for (uint32_t i = 0; i < world->plan.nb_clients; i++)
			work += deliver(world, i, 0);
		while (world->ops->step(world->server) > 0 ||
		       world->ops->next_ns(world->server) <= world->now_ns)
			if (world->failed || ++steps > STEPS_HERE) {
				world_fail(world, "the server does not come to rest");
				return;
			}
		for (uint32_t i = 0; i < world->plan.nb_clients; i++)
			work += client_turn(world, i);
	} while (work > 0 && !world->failed);
}

void
world_run(struct world *world)
{
	for (uint32_t n = 0; !world->over && !world->failed; n++) {
		const uint64_t next = next_ns(world);

		if (n == INSTANTS || next == AEF_TIME_NEVER) {
			world_fail(world, "time does not pass");
			return;
		}
		world->now_ns = aef_max_u64(world->now_ns, next);
		instant(world);
	}
}
