/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#define BUF_CAP 700 /* small, so that encodings lie across buffers */

/* ---- memory ---- */

static void *
sys_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes > 0 ? bytes : 1);
}

static void
sys_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

struct aef_alloc
test_alloc(uint64_t budget_bytes)
{
	return (struct aef_alloc){ sys_alloc, sys_free, NULL, 0, budget_bytes };
}

struct buf {
	uint32_t refs;
	uint8_t data[BUF_CAP];
};

static void *
buf_alloc(void *ctx, uint8_t **ret_data, uint32_t *ret_cap)
{
	struct world *world = ctx;
	struct buf *buf;

	if (world->bufs >= world->bufs_max)
		return NULL;
	buf = malloc(sizeof(*buf));
	buf->refs = 1;
	world->bufs++;
	*ret_data = buf->data;
	*ret_cap = BUF_CAP;
	return buf;
}

static void
buf_ref(void *ctx, void *p)
{
	(void)ctx;
	((struct buf *)p)->refs++;
}

static void
buf_put(void *ctx, void *p)
{
	struct buf *buf = p;

	if (--buf->refs == 0) {
		((struct world *)ctx)->bufs--;
		free(buf);
	}
}

/* ---- pipes ---- */

static void
pipe_put(struct peer *peer, struct pipe_end *end, struct packet *packet)
{
	struct world *world = peer->world;
	const uint64_t delay_ms =
		aef_rng_range(&world->rng, peer->delay_min_ms, peer->delay_max_ms);

	packet->next = NULL;
	packet->due_ns = world->now_ns + delay_ms * AEF_NS_PER_MS;
	if (end->last != NULL) {
		packet->due_ns = aef_max_u64(packet->due_ns, end->last->due_ns);
		end->last->next = packet;
	} else {
		end->first = packet;
	}
	end->last = packet;
	end->bytes += packet->len;
}

static struct packet *
pipe_get(struct pipe_end *end, uint64_t now_ns)
{
	struct packet *packet = end->first;

	if (packet == NULL || packet->due_ns > now_ns)
		return NULL;
	end->first = packet->next;
	if (end->first == NULL)
		end->last = NULL;
	end->bytes -= packet->len;
	return packet;
}

static void
pipe_clear(struct pipe_end *end)
{
	struct packet *packet;

	while ((packet = pipe_get(end, UINT64_MAX)) != NULL)
		free(packet);
}

static int
client_send(void *ctx, const uint8_t *data, size_t len)
{
	struct peer *peer = ctx;
	struct packet *packet;

	if (!peer->connected)
		return AEF_ERR_CLOSED;
	packet = malloc(sizeof(*packet) + len);
	packet->len = len;
	memcpy(packet->data, data, len);
	pipe_put(peer, &peer->up, packet);
	return 0;
}

static struct peer *
peer_of(struct world *world, struct service_conn conn)
{
	for (uint32_t i = 0; i < WORLD_CLIENTS; i++) {
		if (world->peers[i].connected && world->peers[i].conn.id == conn.id)
			return &world->peers[i];
	}
	return NULL;
}

static int
reply_send(void *ctx, struct service_conn conn, const struct service_send *send,
           const struct service_slice *slices, uint32_t nb)
{
	struct world *world = ctx;
	struct peer *peer = peer_of(world, conn);
	struct packet *packet;
	size_t len = 0, at = 0;

	(void)send;
	if (peer == NULL)
		return AEF_ERR_CLOSED;
	for (uint32_t i = 0; i < nb; i++)
		len += slices[i].len;
	if (peer->credit != 0 && peer->down.bytes + len > peer->credit) {
		peer->refused = true;
		return AEF_ERR_FULL;
	}
	packet = malloc(sizeof(*packet) + len);
	packet->len = len;
	for (uint32_t i = 0; i < nb; i++) {
		ck_assert_ptr_nonnull(slices[i].owner);
		memcpy(packet->data + at, slices[i].data, slices[i].len);
		at += slices[i].len;
	}
	pipe_put(peer, &peer->down, packet);
	world->sends++;
	world->bytes_down += len;
	return 0;
}

static int
reply_open(void *ctx, struct service_conn conn, uint16_t channel, const struct service_chan *chan)
{
	(void)ctx;
	(void)conn;
	(void)channel;
	ck_assert_uint_eq(chan->order, 0);
	ck_assert_uint_eq(chan->reliability, 0);
	return 0;
}

static int
reply_close(void *ctx, struct service_conn conn, uint64_t code, const char *reason)
{
	struct peer *peer = peer_of(ctx, conn);

	(void)code;
	(void)reason;
	if (peer != NULL)
		peer->closed++;
	return 0;
}

static uint64_t
reply_room(void *ctx, struct service_conn conn)
{
	const struct peer *peer = peer_of(ctx, conn);

	if (peer == NULL)
		return 0;
	return peer->credit == 0 ? UINT64_MAX : aef_sub_sat_u64(peer->credit, peer->down.bytes);
}

/* ---- the world ---- */

struct aef_guuid
world_id(uint64_t n)
{
	struct aef_guuid id = { .b = { 1, 2, 3 } };

	memcpy(id.b + 8, &n, sizeof(n));
	return id;
}

static struct service_now
now_of(const struct world *world)
{
	return (struct service_now){ world->now_ns, 1700000000000 + world->now_ns / 1000000 };
}

struct world *
world_create(uint64_t seed, const struct statesync_conf *conf)
{
	struct world *world = calloc(1, sizeof(*world));
	struct service_now now;

	aef_rng_init(&world->rng, seed);
	world->now_ns = AEF_NS_PER_S;
	world->bufs_max = UINT32_MAX;
	world->service_alloc = test_alloc(1u << 30);
	world->store_alloc = test_alloc(1u << 30);
	world->client_alloc = test_alloc(1u << 30);
	world->arena = (struct docmsg_arena){ malloc(DOCMSG_ARENA_BYTES), DOCMSG_ARENA_BYTES };
	ck_assert_int_eq(store_mem_create(&world->store_alloc, 1024, &world->store), 0);
	if (conf != NULL)
		world->conf = *conf;
	world->conf.codec = &msg_doc_codec;
	if (world->conf.store.ops == NULL)
		world->conf.store = store_mem_if(world->store);
	world->env = (struct service_env){
		.alloc = &world->service_alloc,
		.buf = { buf_alloc, buf_ref, buf_put, BUF_CAP, world },
		.reply = { .send = reply_send,
		           .open = reply_open,
		           .close = reply_close,
		           .room = reply_room,
		           .ctx = world },
		.conf = &world->conf,
		.seed = seed,
	};
	for (uint32_t i = 0; i < WORLD_CLIENTS; i++) {
		world->peers[i].world = world;
		world->peers[i].subject = WORLD_OWN;
	}
	now = now_of(world);
	ck_assert_int_eq(statesync_service.init(&world->env, &now, &world->svc), 0);
	return world;
}

void
world_destroy(struct world *world)
{
	for (uint32_t i = 0; i < WORLD_CLIENTS; i++) {
		struct peer *peer = &world->peers[i];

		if (peer->connected)
			world_cut(world, i);
		docclient_destroy(peer->dc);
	}
	statesync_service.fini(world->svc);
	store_mem_destroy(world->store);
	ck_assert_uint_eq(world->bufs, 0);
	ck_assert_uint_eq(world->service_alloc.used_bytes, 0);
	ck_assert_uint_eq(world->store_alloc.used_bytes, 0);
	ck_assert_uint_eq(world->client_alloc.used_bytes, 0);
	free(world->arena.mem);
	free(world);
}

void
world_restart_service(struct world *world)
{
	const struct service_now now = now_of(world);

	statesync_service.fini(world->svc);
	ck_assert_uint_eq(world->service_alloc.used_bytes, 0);
	for (uint32_t i = 0; i < WORLD_CLIENTS; i++) {
		struct peer *peer = &world->peers[i];

		if (!peer->connected)
			continue;
		peer->connected = false;
		pipe_clear(&peer->up);
		pipe_clear(&peer->down);
		if (peer->dc != NULL)
			docclient_disconnected(peer->dc, world->now_ns);
	}
	ck_assert_int_eq(statesync_service.init(&world->env, &now, &world->svc), 0);
}

static void
on_change(void *ctx, const struct docclient_change *change)
{
	struct peer *peer = ctx;

	switch (change->what) {
	case DOCCLIENT_CHANGED:
		peer->changes++;
		break;
	case DOCCLIENT_ACKED:
		peer->acks++;
		break;
	case DOCCLIENT_LOADED:
		peer->loads++;
		break;
	case DOCCLIENT_LOST:
		peer->lost += change->count;
		break;
	default:
		break;
	}
	peer->last_version = change->version;
}

struct docclient *
world_client(struct world *world, uint32_t idx, uint64_t doc, uint32_t window)
{
	struct peer *peer = &world->peers[idx];
	const struct docclient_conf conf = {
		.doc = world_id(doc),
		.client_id = world_id(1000000 + idx),
		.codec = &msg_doc_codec,
		.alloc = &world->client_alloc,
		.io = { client_send, on_change, peer },
		.window = window,
		.create = true,
	};

	ck_assert_int_eq(docclient_create(&conf, &peer->dc), 0);
	return peer->dc;
}

void
world_connect(struct world *world, uint32_t idx)
{
	struct peer *peer = &world->peers[idx];
	const struct service_now now = now_of(world);
	const uint32_t subject = peer->subject == WORLD_OWN ? idx : peer->subject;
	const struct service_identity id = { .subject_id = world_id(2000000 + subject) };

	ck_assert(!peer->connected);
	peer->connected = true;
	peer->conn.id = ++world->next_conn;
	peer->user = NULL;
	peer->refused = false;
	statesync_service.on_connect(world->svc, peer->conn, &id, &now, &peer->user);
	if (peer->dc != NULL)
		docclient_connected(peer->dc, world->now_ns);
}

void
world_cut(struct world *world, uint32_t idx)
{
	struct peer *peer = &world->peers[idx];
	const struct service_now now = now_of(world);

	ck_assert(peer->connected);
	peer->connected = false;
	pipe_clear(&peer->up);
	pipe_clear(&peer->down);
	statesync_service.on_disconnect(world->svc, peer->conn, peer->user, SERVICE_GONE_IDLE,
	                                &now);
	if (peer->dc != NULL)
		docclient_disconnected(peer->dc, world->now_ns);
}

/* Hand a message to the service, in pieces. */
static void
deliver_up(struct world *world, struct peer *peer, const uint8_t *data, size_t len)
{
	const struct service_now now = now_of(world);
	const uint32_t cut = (uint32_t)(len > 3 && (len & 1) ? len / 3 : 0);
	const struct service_slice slices[2] = {
		{ data, cut > 0 ? cut : (uint32_t)len, NULL },
		{ data + cut, (uint32_t)(len - cut), NULL },
	};
	const struct service_msg msg = {
		.channel = 7,
		.len = (uint32_t)len,
		.nb_slices = cut > 0 ? 2 : 1,
		.slices = slices,
	};

	statesync_service.on_message(world->svc, peer->conn, peer->user, &msg, &now);
}

static void
keep_events(struct world *world, struct peer *peer, const struct packet *packet)
{
	const struct docmsg *events;
	const int nb =
		msg_doc_codec.decode(&world->arena, false, packet->data, packet->len, &events);

	ck_assert_int_ge(nb, 0);
	for (int i = 0; i < nb; i++) {
		ck_assert_uint_lt(peer->nb_events, WORLD_EVENTS);
		peer->events[peer->nb_events++] = events[i];
	}
}

static void
deliver_down(struct world *world, struct peer *peer)
{
	const struct service_now now = now_of(world);
	struct packet *packet;

	while ((packet = pipe_get(&peer->down, world->now_ns)) != NULL) {
		if (peer->dc != NULL)
			ck_assert_int_eq(docclient_receive(peer->dc, &world->arena, packet->data,
			                                   packet->len, world->now_ns),
			                 0);
		else
			keep_events(world, peer, packet);
		free(packet);
	}
	if (peer->refused && peer->connected && peer->down.bytes < peer->credit / 2) {
		peer->refused = false;
		statesync_service.on_writable(world->svc, peer->conn, peer->user, &now);
	}
}

void
world_tick(struct world *world)
{
	struct service_now now;
	struct packet *packet;

	world->now_ns += AEF_NS_PER_MS;
	now = now_of(world);
	for (uint32_t i = 0; i < WORLD_CLIENTS; i++) {
		struct peer *peer = &world->peers[i];

		while ((packet = pipe_get(&peer->up, world->now_ns)) != NULL) {
			deliver_up(world, peer, packet->data, packet->len);
			free(packet);
		}
	}
	(void)statesync_service.on_timer(world->svc, &now);
	for (uint32_t i = 0; i < WORLD_CLIENTS; i++) {
		deliver_down(world, &world->peers[i]);
		if (world->peers[i].dc != NULL && world->peers[i].connected)
			docclient_poll(world->peers[i].dc, world->now_ns);
	}
}

void
world_ticks(struct world *world, uint32_t nb)
{
	while (nb-- > 0)
		world_tick(world);
}

static bool
is_settled(const struct world *world)
{
	for (uint32_t i = 0; i < WORLD_CLIENTS; i++) {
		const struct peer *peer = &world->peers[i];

		if (!peer->connected)
			continue;
		if (peer->up.first != NULL || peer->down.first != NULL || peer->refused)
			return false;
		if (peer->dc != NULL && docclient_state(peer->dc) != DOCCLIENT_FAILED &&
		    (docclient_state(peer->dc) != DOCCLIENT_LIVE ||
		     docclient_in_flight(peer->dc) > 0))
			return false;
	}
	return statesync_stats(world->svc)->lagging == 0;
}

void
world_settle(struct world *world)
{
	uint32_t quiet = 0;

	for (uint32_t i = 0; i < 200000 && quiet < 5; i++) {
		world_tick(world);
		quiet = is_settled(world) ? quiet + 1 : 0;
	}
	ck_assert_uint_eq(quiet, 5);
}

/* ---- raw peers ---- */

void
world_request(struct world *world, uint32_t idx, const struct docmsg *msg)
{
	static uint8_t buf[DOCMSG_MSG_MAX];
	struct peer *peer = &world->peers[idx];
	const struct service_now now = now_of(world);
	const int64_t n = msg_doc_codec.encode(msg, buf, sizeof(buf));

	ck_assert_int_gt(n, 0);
	deliver_up(world, peer, buf, (size_t)n);
	(void)statesync_service.on_timer(world->svc, &now);
	deliver_down(world, peer);
}

void
world_open(struct world *world, uint32_t idx, uint64_t doc, uint64_t client, bool create)
{
	const struct docmsg msg = {
		.kind = DOCMSG_OPEN,
		.doc = world_id(doc),
		.u.open = { .client_id = world_id(client), .create = create },
	};

	if (!world->peers[idx].connected)
		world_connect(world, idx);
	world_request(world, idx, &msg);
}

void
world_apply(struct world *world, uint32_t idx, uint64_t doc, uint64_t base, uint64_t seq,
            const char *json)
{
	const struct docmsg_bytes data = { (const uint8_t *)json, (uint32_t)strlen(json) };
	const struct docmsg msg = {
		.kind = DOCMSG_APPLY,
		.doc = world_id(doc),
		.u.apply = { base, seq, &data, 1 },
	};

	world_request(world, idx, &msg);
}

const struct docmsg *
world_last(const struct world *world, uint32_t idx, enum docmsg_kind kind)
{
	const struct peer *peer = &world->peers[idx];

	for (uint32_t i = peer->nb_events; i > 0; i--) {
		if (peer->events[i - 1].kind == kind)
			return &peer->events[i - 1];
	}
	return NULL;
}

uint32_t
world_count(const struct world *world, uint32_t idx, enum docmsg_kind kind)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i < world->peers[idx].nb_events; i++)
		nb += world->peers[idx].events[i].kind == kind;
	return nb;
}

/* ---- comparing ---- */

char *
rope_string(const struct text_rope *rope)
{
	char *text = malloc(rope->total.bytes + 1);
	const int64_t n =
		text_rope_read(rope, 0, rope->total.cps, (uint8_t *)text, rope->total.bytes);

	ck_assert_int_eq(n, rope->total.bytes);
	text[n] = '\0';
	return text;
}

char *
world_server_text(const struct world *world, uint64_t doc)
{
	const struct aef_guuid id = world_id(doc);
	struct statesync_doc_info info;

	ck_assert_int_eq(statesync_doc(world->svc, &id, &info), 0);
	return rope_string(info.rope);
}

void
world_assert_in_sync(const struct world *world, uint64_t doc, uint32_t nb)
{
	const struct aef_guuid id = world_id(doc);
	struct statesync_doc_info info;
	char *want = world_server_text(world, doc);

	ck_assert_int_eq(statesync_doc(world->svc, &id, &info), 0);
	for (uint32_t i = 0; i < nb; i++) {
		const struct docclient *dc = world->peers[i].dc;
		uint8_t digest[DOCMSG_DIGEST_BYTES];
		char *have = rope_string(docclient_text(dc));

		ck_assert_int_eq(docclient_error(dc), DOCCLIENT_OK);
		ck_assert_int_eq(docclient_state(dc), DOCCLIENT_LIVE);
		ck_assert_str_eq(have, want);
		ck_assert_uint_eq(docclient_version(dc), info.version);
		docclient_digest(dc, digest);
		ck_assert_mem_eq(digest, info.digest, sizeof(digest));
		ck_assert(text_rope_is_sound(docclient_text(dc)));
		free(have);
	}
	free(want);
}

void
world_join(struct world *world, uint32_t nb, uint32_t delay_ms)
{
	for (uint32_t i = 0; i < nb; i++) {
		world_client(world, i, 5, 0);
		world->peers[i].delay_min_ms = delay_ms / 2;
		world->peers[i].delay_max_ms = delay_ms;
		world_connect(world, i);
	}
	world_settle(world);
}

void
world_type(struct world *world, uint32_t idx, uint32_t pos, const char *text)
{
	ck_assert_int_eq(docclient_insert(world->peers[idx].dc, pos, (const uint8_t *)text,
	                                  strlen(text), world->now_ns),
	                 0);
}

int
world_random_edit(struct world *world, uint32_t idx)
{
	static const char *const words[] = {
		"a", "bc", "\xc3\xa9", "\xf0\x9f\x98\x80", "\"\n\\", "hello ", "\xe2\x80\x8f\x01"
	};
	struct docclient *dc = world->peers[idx].dc;
	const uint32_t cps = docclient_text(dc)->total.cps;
	const char *word = words[aef_rng_below(&world->rng, AEF_DIM(words))];
	const uint32_t pos = (uint32_t)aef_rng_below(&world->rng, cps + 1);
	uint32_t nb = (uint32_t)aef_rng_below(&world->rng, 4);

	if (nb > cps - pos)
		nb = cps - pos;
	if (aef_rng_chance_ppm(&world->rng, 600000))
		nb = 0;
	else if (aef_rng_chance_ppm(&world->rng, 500000))
		word = "";
	return docclient_replace(dc, pos, nb, (const uint8_t *)word, strlen(word), world->now_ns);
}
