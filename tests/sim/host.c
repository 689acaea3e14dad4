/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver of the engine at both ends: what a pipeline lcore or a client library does, over the
 * simulated links.
 */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <crypto/token.h>
#include <wire/header.h>

#include "world.h"

#define TX_CAP          WIRE_MTU_MAX
#define IDLE_CALLS_MAX  8u
#define CALLS_MAX       100000u
#define TOKENS_MAX      4096u
#define HOSTILE_MEAN_NS (700 * AEF_NS_PER_MS)

static void
fill_random(struct aef_rng *rng, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)aef_rng_u64(rng);
}

static void *
take(size_t bytes)
{
	void *mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	if (mem == NULL)
		abort();
	return mem;
}

/* ---- reference counts --------------------------------------------------------------------------
 */

static void
ops_get(void *ctx, void *owner)
{
	struct sim_buf *buf = owner;

	(void)ctx;
	if (buf != NULL)
		buf->refs++;
}

static void
ops_put(void *ctx, void *owner)
{
	(void)ctx;
	if (owner != NULL)
		sim_buf_put(owner);
}

static void *
ops_alloc(void *ctx, uint32_t bytes, uint8_t **ret_data)
{
	struct sim_buf *buf = sim_buf_get(ctx, bytes);

	*ret_data = buf->data;
	return buf;
}

static void
on_trace(void *ctx, const struct quantum_conn *conn, uint64_t now_ns, enum quantum_trace what,
         uint64_t a, uint64_t b)
{
	struct sim_world *world = ctx;
	const struct sim_end *end = quantum_conn_user(conn);

	(void)now_ns;
	if (world->hooks != NULL && world->hooks->on_trace != NULL)
		world->hooks->on_trace(world->hooks->ctx, world, conn, what, a, b);
	if (end != NULL)
		sim_log(world, "%u%s %s %llu %llu", end->ses->uid, end->side ? "s" : "c",
		        quantum_trace_name(what), (unsigned long long)a, (unsigned long long)b);
}

static struct quantum_env *
env_make(struct sim_world *world, const struct quantum_env_conf *conf, void **ret_mem)
{
	const struct quantum_buf_ops ops = { ops_get, ops_put, ops_alloc, world };
	struct quantum_env *env;
	struct aef_rng rng;

	*ret_mem = take(quantum_env_bytes(conf) + quantum_env_secret_bytes(conf));
	sim_rng(&rng, aef_rng_u64(&world->rng_secrets), SIM_STREAM_ENGINE, 0);
	env = quantum_env_init(*ret_mem, (uint8_t *)*ret_mem + quantum_env_bytes(conf), conf,
	                       world->crypto, &ops, aef_rng_u64(&rng));
	if (world->plan.opts.verbose || (world->hooks != NULL && world->hooks->on_trace != NULL))
		quantum_env_set_trace(env, on_trace, world);
	return env;
}

/* ---- server ------------------------------------------------------------------------------------
 */

void
sim_server_start(struct sim_world *world)
{
	struct sim_server *s = &world->server;
	const uint32_t slots = world->plan.server_conns;
	static const uint8_t reset_key[32] = "the operator's, over restarts";
	uint8_t random[64], key[16];

	s->env = env_make(world, &world->plan.server_env, &s->env_mem);
	fill_random(&world->rng_secrets, key, sizeof(key));
	quantum_cid_codec_init(&s->codec, key);
	s->table_mem = take(quantum_table_bytes(slots));
	quantum_table_init(&s->table, s->table_mem, slots, 0, &s->codec,
	                   aef_rng_u64(&world->rng_secrets));
	fill_random(&world->rng_secrets, random, sizeof(random));
	if (quantum_server_keys_init(&s->keys, world->crypto, random, reset_key) != 0)
		sim_fail(world, "no server keys");
	s->server_mem = take(quantum_server_bytes(TOKENS_MAX));
	s->server = quantum_server_init(s->server_mem, TOKENS_MAX, s->env, &s->table, &s->keys,
	                                &world->plan.server_conf);
	s->addr = (struct quantum_addr){ .ip = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 },
		                         .port = 4433 };
}

void
sim_server_stop(struct sim_world *world)
{
	struct sim_server *s = &world->server;

	for (uint32_t i = 0; i < world->nb_sessions; i++)
		sim_end_drop(world, &world->session[i]->end[1]);
	if (s->env != NULL) {
		sim_check_pools(world, s->env, "the server");
		if (s->table.nb_used != 0)
			sim_fail(world, "%u connections stay in the table", s->table.nb_used);
	}
	free(s->env_mem);
	free(s->table_mem);
	free(s->server_mem);
	s->env = NULL;
	s->env_mem = s->table_mem = s->server_mem = NULL;
	s->restarts++;
}

static struct quantum_now
both_clocks(const struct sim_world *world)
{
	return (struct quantum_now){ world->now_ns, SIM_UNIX_MS + world->now_ns / AEF_NS_PER_MS };
}

static void
end_open_channels(struct sim_world *world, struct sim_end *end)
{
	for (unsigned c = 0; c < end->ses->nb_chans; c++) {
		struct sim_chan *chan = &end->ses->chan[end->side][c];

		if (chan->open)
			continue;
		/* Before the peer's limits are known only low ids are allowed. */
		chan->open = quantum_conn_open(end->conn, chan->id, &chan->conf) == 0;
		if (!chan->open && (end->connected || chan->id < 16))
			sim_fail(world, "channel %u cannot be opened", chan->id);
	}
}

static void
end_start(struct sim_world *world, struct sim_end *end, struct quantum_conn *conn)
{
	end->conn = conn;
	end->deadline_ns = world->now_ns;
	quantum_conn_set_user(conn, end);
	sim_numbers_init(&end->got, world->plan.server_conf.first_pn);
	end_open_channels(world, end);
	sim_load_start(world, end);
}

void
sim_end_drop(struct sim_world *world, struct sim_end *end)
{
	struct quantum_stats s;

	if (end->conn == NULL)
		return;
	quantum_conn_stats(end->conn, &s);
	world->totals.lost += s.lost_pkts;
	world->totals.spurious += s.spurious_pkts;
	world->totals.recovered += s.fec_recovered_pkts;
	world->totals.retransmitted_bytes += s.tx_retransmit_bytes;
	world->totals.data_bytes += s.tx_data_bytes;
	if (end->side == 1)
		quantum_server_release(world->server.server, end->conn);
	else
		quantum_conn_free(end->conn);
	end->conn = NULL;
	sim_numbers_fini(&end->got);
}

/* ---- client ------------------------------------------------------------------------------------
 */

static struct sim_session *
session_make(struct sim_world *world, uint32_t client)
{
	struct sim_session *ses;

	if (world->nb_sessions == SIM_SESSIONS) {
		sim_fail(world, "too many sessions at a time");
		return NULL;
	}
	ses = calloc(1, sizeof(*ses));
	if (ses == NULL)
		abort();
	ses->uid = world->next_uid++;
	ses->client = client;
	fill_random(&world->rng_secrets, ses->cid.b, sizeof(ses->cid.b));
	ses->cid.b[6] = (uint8_t)(0x70 | (ses->cid.b[6] & 15));
	ses->cid.b[8] = (uint8_t)(0x80 | (ses->cid.b[8] & 63));
	ses->nb_chans = world->plan.client[client].nb_chans;
	for (unsigned side = 0; side < 2; side++) {
		ses->end[side].ses = ses;
		ses->end[side].side = side;
		sim_rng(&ses->end[side].rng, world->plan.opts.seed, SIM_STREAM_LOAD,
		        ses->uid * 2 + side);
		for (unsigned c = 0; c < ses->nb_chans; c++) {
			struct sim_chan *chan = &ses->chan[side][c];

			chan->id = world->plan.client[client].chan_id[c];
			chan->conf = world->plan.client[client].chan[side][c];
			chan->keys = 1 + (uint32_t)aef_rng_below(&ses->end[side].rng, SIM_KEYS_MAX);
		}
	}
	world->session[world->nb_sessions++] = ses;
	world->totals.sessions++;
	return ses;
}

static int
token_make(struct sim_world *world, const struct sim_session *ses, struct quantum_client_conf *ret)
{
	const uint64_t unix_ms = both_clocks(world).unix_ms;
	struct crypto_token token = { .epoch = 1,
		                      .group = 1,
		                      .expires_ms = unix_ms + CRYPTO_TOKEN_LIFE_DEFAULT_MS,
		                      .issued_ms = unix_ms,
		                      .conn_id = ses->cid,
		                      .session_id = ses->cid,
		                      .session_epoch = 1 };
	uint8_t nonce[CRYPTO_NONCE_BYTES];

	fill_random(&world->rng_secrets, token.psk, sizeof(token.psk));
	fill_random(&world->rng_secrets, nonce, sizeof(nonce));
	fill_random(&world->rng_secrets, ret->random, sizeof(ret->random));
	fill_random(&world->rng_secrets, ret->dh_seed, sizeof(ret->dh_seed));
	memcpy(ret->psk, token.psk, sizeof(ret->psk));
	ret->cid = ses->cid;
	ret->server = world->server.addr;
	return world->crypto->token_seal(world->crypto->ctx, &token, nonce, ret->token);
}

void
sim_client_connect(struct sim_world *world, uint32_t i)
{
	struct sim_client *client = &world->client[i];
	struct sim_session *ses = session_make(world, i);
	struct quantum_client_conf conf;
	struct quantum_conn *conn;

	if (ses == NULL)
		return;
	client->ses = ses;
	if (client->env == NULL)
		client->env = env_make(world, &world->plan.client_env, &client->env_mem);
	if (token_make(world, ses, &conf) != 0 ||
	    quantum_conn_connect(client->env, &world->plan.client[i].conf, &conf, world->now_ns,
	                         &conn) != 0) {
		sim_fail(world, "client %u cannot connect", i);
		return;
	}
	sim_log(world, "client %u connects: session %u", i, ses->uid);
	end_start(world, &ses->end[0], conn);
	sim_service(world, &ses->end[0]);
}

void
sim_client_crash(struct sim_world *world, uint32_t i)
{
	struct sim_client *client = &world->client[i];

	if (client->ses != NULL)
		sim_end_drop(world, &client->ses->end[0]);
	client->ses = NULL;
	if (client->env == NULL)
		return;
	sim_check_pools(world, client->env, "a client");
	free(client->env_mem);
	client->env = NULL;
	client->env_mem = NULL;
}

/* ---- datagrams in
 * -------------------------------------------------------------------------------- */

static struct sim_session *
session_by_cid(struct sim_world *world, const struct aef_guuid *cid)
{
	for (uint32_t i = 0; i < world->nb_sessions; i++)
		if (aef_guuid_eq(&world->session[i]->cid, cid))
			return world->session[i];
	return NULL;
}

static void
reply(struct sim_world *world, const struct quantum_tx *tx, uint32_t client)
{
	struct sim_buf *buf;

	if (tx->len == 0)
		return;
	buf = sim_buf_get(world, tx->len);
	memcpy(buf->data, tx->data, tx->len);
	buf->client = client;
	buf->from = world->server.addr;
	buf->to = tx->to;
	sim_wire(world, buf);
}

/* A handshake ACK: the connection it makes, or the one it made before. */
static struct sim_end *
server_on_ack(struct sim_world *world, struct quantum_rx *rx, uint32_t client)
{
	struct sim_server *s = &world->server;
	const struct quantum_now now = both_clocks(world);
	uint8_t data[WIRE_MTU_BASE];
	struct quantum_tx tx = { .data = data, .cap = sizeof(data) };
	struct quantum_accept accept;
	struct quantum_conn *conn = NULL;
	struct sim_session *ses;
	enum quantum_verdict verdict;

	verdict = quantum_server_on_ack(s->server, rx, &now, &accept, &conn, &tx);
	reply(world, &tx, client);
	if (verdict == QUANTUM_VERDICT_ACCEPTED_DUPLICATE_ACK)
		return quantum_conn_user(conn);
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return NULL;
	ses = session_by_cid(world, &accept.cid);
	if (ses == NULL || ses->accepted) {
		/* Its client is gone; or the token opened twice, and that must not be. */
		if (ses != NULL)
			sim_fail(world, "the token of session %u was accepted twice", ses->uid);
		if (ses != NULL)
			return NULL;
	}
	if (quantum_accept_derive(world->crypto, &accept) != 0) {
		quantum_server_abandon(s->server, &accept);
		return NULL;
	}
	if (quantum_server_accept(s->server, &accept, &now, &conn) != 0)
		return NULL;
	if (ses == NULL) {
		quantum_server_release(s->server, conn);
		return NULL;
	}
	sim_log(world, "server accepts session %u", ses->uid);
	ses->accepted = true;
	end_start(world, &ses->end[1], conn);
	return &ses->end[1];
}

static struct sim_end *
server_end_for(struct sim_world *world, struct quantum_rx *rx, const struct sim_buf *buf)
{
	struct sim_server *s = &world->server;
	uint8_t data[WIRE_MTU_BASE];
	struct quantum_tx tx = { .data = data, .cap = sizeof(data) };
	const struct quantum_now now = both_clocks(world);
	struct wire_header hdr;
	const enum wire_class clas = wire_classify(rx->data, rx->len, &hdr);
	const struct aef_guuid *cid = &hdr.cid;
	void *conn = NULL;
	int16_t lcore;

	if (clas == WIRE_CLASS_ACK)
		return server_on_ack(world, rx, buf->client);
	if (clas == WIRE_CLASS_PROTECTED)
		quantum_table_lookup(&s->table, &cid, 1, &conn, &lcore);
	if (conn != NULL && !aef_guuid_eq(quantum_conn_local_cid(conn), &hdr.cid)) {
		sim_fail(world, "a datagram with a stale id reaches another connection");
		return NULL;
	}
	if (conn != NULL)
		return quantum_conn_user(conn);
	(void)quantum_server_on_stray(s->server, rx, &hdr, clas, &now, &tx);
	reply(world, &tx, buf->client);
	return NULL;
}

static struct sim_end *
end_for(struct sim_world *world, struct quantum_rx *rx, const struct sim_buf *buf)
{
	struct sim_session *ses = world->client[buf->client].ses;

	if (buf->up)
		return server_end_for(world, rx, buf);
	return ses != NULL && ses->end[0].conn != NULL ? &ses->end[0] : NULL;
}

static void
log_verdict(const struct sim_world *world, const struct sim_end *end, const struct sim_buf *buf,
            enum quantum_verdict verdict)
{
	sim_log(world, "%u%s %s number %llu of %u", end->ses->uid, end->side ? "s" : "c",
	        quantum_verdict_name(verdict), (unsigned long long)buf->pn, buf->uid);
}

void
sim_arrive(struct sim_world *world, struct sim_buf *const *bufs, unsigned nb)
{
	struct quantum_rx rx[SIM_BURST];
	struct crypto_op ops[SIM_BURST];
	struct sim_end *ends[SIM_BURST];
	unsigned op_of[SIM_BURST];
	unsigned nb_ops = 0;
	enum quantum_verdict verdict;

	for (unsigned i = 0; i < nb; i++) {
		rx[i] = (struct quantum_rx){ .data = bufs[i]->data,
			                     .len = bufs[i]->len,
			                     .ecn = bufs[i]->ecn,
			                     .owner = bufs[i],
			                     .from = bufs[i]->from };
		ends[i] = end_for(world, &rx[i], bufs[i]);
		if (ends[i] == NULL)
			continue;
		ends[i]->nb_prepared++;
		ends[i]->dirty = true;
		verdict = quantum_conn_rx_prepare(ends[i]->conn, &rx[i], world->now_ns);
		if (verdict != QUANTUM_VERDICT_ACCEPTED) {
			log_verdict(world, ends[i], bufs[i], verdict);
			rx[i].data = NULL;
			continue;
		}
		op_of[i] = nb_ops;
		if (rx[i].needs_open)
			ops[nb_ops++] = rx[i].op;
	}
	if (nb_ops > 0)
		world->crypto->open(world->crypto->ctx, ops, nb_ops);
	for (unsigned i = 0; i < nb; i++) {
		if (ends[i] == NULL || rx[i].data == NULL)
			continue;
		if (rx[i].needs_open)
			rx[i].op.ok = ops[op_of[i]].ok;
		verdict = quantum_conn_rx_commit(ends[i]->conn, &rx[i], world->now_ns);
		if (verdict != QUANTUM_VERDICT_ACCEPTED)
			log_verdict(world, ends[i], bufs[i], verdict);
		else if (rx[i].needs_open)
			sim_oracle_accepted(world, ends[i], bufs[i], &rx[i]);
	}
	for (unsigned i = 0; i < nb && !world->failed; i++)
		if (ends[i] != NULL && ends[i]->dirty)
			sim_service(world, ends[i]);
}

/* ---- datagrams out
 * ------------------------------------------------------------------------------- */

static void
send_out(struct sim_world *world, struct sim_end *end, const struct quantum_tx *tx)
{
	struct sim_buf *buf = sim_buf_get(world, tx->len);

	memcpy(buf->data, tx->data, tx->len);
	buf->ecn = tx->ecn;
	buf->up = end->side == 0;
	buf->client = end->ses->client;
	buf->has_pn = tx->needs_seal;
	buf->pn = tx->pn;
	buf->uid = end->ses->uid;
	buf->from = buf->up ? world->client[buf->client].addr : world->server.addr;
	buf->to = tx->to;
	sim_wire(world, buf);
}

/* One burst; returns the number of datagrams built. */
static unsigned
transmit(struct sim_world *world, struct sim_end *end)
{
	static uint8_t data[SIM_BURST][TX_CAP];
	struct quantum_tx tx[SIM_BURST];
	struct crypto_op ops[SIM_BURST];
	unsigned nb = 0, nb_ops = 0;

	for (; nb < SIM_BURST; nb++) {
		tx[nb] = (struct quantum_tx){ .data = data[nb], .cap = TX_CAP };
		if (quantum_conn_tx_prepare(end->conn, &tx[nb], world->now_ns) != 1)
			break;
		if (tx[nb].len > TX_CAP || tx[nb].len == 0)
			sim_fail(world, "a datagram of %u bytes", tx[nb].len);
		if (!tx[nb].needs_seal)
			continue;
		sim_oracle_sent(world, end, &tx[nb]);
		ops[nb_ops++] = tx[nb].op;
	}
	if (nb_ops > 0)
		world->crypto->seal(world->crypto->ctx, ops, nb_ops);
	for (unsigned i = 0; i < nb; i++) {
		const bool drop = !world->healthy &&
		                  aef_rng_chance_ppm(&world->rng_driver, world->plan.drop_ppm);

		quantum_conn_tx_commit(end->conn, &tx[i], !drop);
		if (!drop)
			send_out(world, end, &tx[i]);
	}
	return nb;
}

/* ---- events
 * -------------------------------------------------------------------------------------- */

static void
on_closed(struct sim_world *world, struct sim_end *end, const struct quantum_event *ev)
{
	const unsigned why = ev->closed.why;

	sim_log(world, "%u%s closed: why %u by %s", end->ses->uid, end->side ? "s" : "c", why,
	        ev->closed.by_peer ? "peer" : "itself");
	world->totals.closes[why & 15]++;
	end->closed = true;
	if ((world->tolerated >> why & 1) != 0)
		return;
	if (why == QUANTUM_CLOSE_PROTOCOL || why == QUANTUM_CLOSE_FLOW ||
	    why == QUANTUM_CLOSE_NUMBERS || why == QUANTUM_CLOSE_RESOURCES ||
	    why == QUANTUM_CLOSE_VERSION || why == QUANTUM_CLOSE_NONE)
		sim_fail(world, "session %u side %u: closed for reason %u%s", end->ses->uid,
		         end->side, why, ev->closed.by_peer ? " by the peer" : "");
	if (world->now_ns > world->plan.heal_ns + 10 * AEF_NS_PER_S && !world->closing &&
	    why == QUANTUM_CLOSE_IDLE && world->client[end->ses->client].ses == end->ses &&
	    end->ses->end[1 - end->side].conn != NULL && end->connected)
		sim_fail(world, "session %u side %u: idle time-out on a healthy link",
		         end->ses->uid, end->side);
}

static void
on_event(struct sim_world *world, struct sim_end *end, struct quantum_event *ev)
{
	struct quantum_seg *seg;

	if (world->hooks != NULL && world->hooks->on_event != NULL)
		world->hooks->on_event(world->hooks->ctx, world, end, ev);
	switch (ev->type) {
	case QUANTUM_EVENT_CONNECTED:
		end->connected = true;
		end_open_channels(world, end);
		sim_log(world, "%u%s connected", end->ses->uid, end->side ? "s" : "c");
		break;
	case QUANTUM_EVENT_MESSAGE:
		sim_check_message(world, end, &ev->msg);
		for (seg = ev->msg.segs; seg != NULL; seg = seg->next)
			ops_put(world, seg->slice.owner);
		quantum_conn_consume(end->conn, &ev->msg);
		break;
	case QUANTUM_EVENT_SENT:
		sim_check_sent(world, end, ev);
		break;
	case QUANTUM_EVENT_WRITABLE:
		end->blocked = false;
		break;
	case QUANTUM_EVENT_BUSY:
		world->client[end->ses->client].connect_ns =
			world->now_ns + ev->busy_ms * AEF_NS_PER_MS;
		break;
	case QUANTUM_EVENT_CLOSED:
		on_closed(world, end, ev);
		break;
	default:
		break;
	}
}

static void
end_finish(struct sim_world *world, struct sim_end *end)
{
	struct sim_client *client = &world->client[end->ses->client];

	sim_end_drop(world, end);
	if (end->side != 0 || client->ses != end->ses)
		return;
	client->ses = NULL;
	client->connect_ns =
		aef_max_u64(client->connect_ns, world->now_ns + aef_rng_below(&world->rng_secrets,
	                                                                      300 * AEF_NS_PER_MS));
}

void
sim_service(struct sim_world *world, struct sim_end *end)
{
	unsigned idle = 0;
	struct quantum_event ev;

	end->dirty = false;
	for (unsigned calls = 0; !world->failed; calls++) {
		unsigned done = transmit(world, end);

		while (!world->failed && quantum_conn_poll(end->conn, &ev) == 0) {
			on_event(world, end, &ev);
			done++;
		}
		if (quantum_conn_finished(end->conn)) {
			end_finish(world, end);
			return;
		}
		end->deadline_ns = quantum_conn_deadline_ns(end->conn);
		if (end->deadline_ns > world->now_ns && done == 0)
			return;
		idle = done > 0 ? 0 : idle + 1;
		if (idle > IDLE_CALLS_MAX || calls > CALLS_MAX) {
			sim_fail(world,
			         "session %u side %u: deadline %llu ns ago makes no progress",
			         end->ses->uid, end->side,
			         (unsigned long long)(world->now_ns - end->deadline_ns));
			return;
		}
		if (end->deadline_ns <= world->now_ns)
			quantum_conn_on_deadline(end->conn, world->now_ns);
	}
}

void
sim_sessions_sweep(struct sim_world *world)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < world->nb_sessions; i++) {
		struct sim_session *ses = world->session[i];

		if (ses->end[0].conn != NULL || ses->end[1].conn != NULL) {
			world->session[kept++] = ses;
			continue;
		}
		for (unsigned dir = 0; dir < 2; dir++)
			for (unsigned c = 0; c < ses->nb_chans; c++)
				free(ses->chan[dir][c].sent);
		if (world->client[ses->client].ses == ses)
			world->client[ses->client].ses = NULL;
		free(ses);
	}
	world->nb_sessions = kept;
}

/* ---- hostile datagrams
 * ---------------------------------------------------------------------------- */

/* What is done to a copy of a recorded datagram; false: it stays what it was. */
static void
forge(struct sim_world *world, struct sim_buf *buf)
{
	struct aef_rng *rng = &world->rng_hostile;

	switch (aef_rng_below(rng, 5)) {
	case 0: /* garbage */
		fill_random(rng, buf->data, buf->len);
		break;
	case 1: /* one bit */
		buf->data[aef_rng_below(rng, buf->len)] ^= (uint8_t)(1u << aef_rng_below(rng, 8));
		break;
	case 2: /* other flags */
		buf->data[5] ^= (uint8_t)(1 + aef_rng_below(rng, 255));
		break;
	case 3: /* unknown version, padded as that asks */
		buf->data[4] = (uint8_t)(2 + aef_rng_below(rng, 250));
		break;
	default: /* shorter */
		buf->len = (uint32_t)aef_rng_below(rng, buf->len);
		break;
	}
	buf->tampered = true;
}

void
sim_hostile(struct sim_world *world)
{
	struct aef_rng *rng = &world->rng_hostile;
	const struct sim_buf *from = world->recorded[aef_rng_below(rng, SIM_RECORDED)];
	const bool replay = aef_rng_below(rng, 2) == 0;
	const bool elsewhere = aef_rng_below(rng, 3) == 0;
	struct sim_buf *buf;

	world->hostile_ns = world->now_ns + aef_rng_range(rng, 1, 2 * HOSTILE_MEAN_NS);
	if (from == NULL || !world->plan.opts.value[replay ? SIM_REPLAY : SIM_GARBAGE])
		return;
	buf = sim_buf_get(world, from->len);
	memcpy(buf, from, sizeof(*buf) + from->len);
	buf->refs = 1;
	if (elsewhere && buf->up)
		buf->from.port = (uint16_t)aef_rng_below(rng, 65536);
	if (!replay)
		forge(world, buf);
	sim_arrive(world, &buf, 1);
	sim_buf_put(buf);
}
