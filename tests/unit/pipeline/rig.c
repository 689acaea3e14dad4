/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <crypto_null/null_provider.h>
#include <dpio/eal.h>

#include "echo.c"
#include "harness.h"

#define START_NS (1000ull * AEF_NS_PER_S)
#define SLAB_MB  4u

static struct dpio_pool clients_pool;

static void
eal_end(void)
{
	dpio_pool_destroy(&clients_pool);
	dpio_eal_stop();
}

static void
eal_once(void)
{
	char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct dpio_conf conf;

	if (dpio_eal_running())
		return;
	dpio_conf_defaults(&conf);
	conf.hugepages = DPIO_HUGEPAGES_NEVER;
	conf.memory_mb = 192;
	conf.lcores = 1;
	ck_assert_msg(dpio_eal_start(&conf, &error) == 0, "%s", buf);
	ck_assert_msg(dpio_pool_create(&clients_pool, "clients", 4096, 2048, &error) == 0, "%s",
	              buf);
	client_pool = clients_pool.mp;
	atexit(eal_end);
}

/* Each look at the clock takes tick_ns, as if work were done between two of them. */
static uint64_t
clock_ns(void *ctx)
{
	struct rig *rig = ctx;

	return rig->now_ns += rig->tick_ns;
}

static uint64_t
clock_unix_ms(void *ctx, uint64_t now_ns)
{
	(void)ctx;
	return now_ns / AEF_NS_PER_MS;
}

static void
defaults(struct rig_conf *conf)
{
	if (conf->service == NULL)
		conf->service = &echo_service;
	if (conf->lcores == 0)
		conf->lcores = 1;
	if (conf->conns == 0)
		conf->conns = 16;
	if (conf->ring_size == 0)
		conf->ring_size = 64;
	if (conf->descs == 0)
		conf->descs = 256;
	if (conf->credit_bytes == 0)
		conf->credit_bytes = 256u << 10;
	if (conf->credit_msgs == 0)
		conf->credit_msgs = 64;
	if (conf->mbufs == 0)
		conf->mbufs = 4096;
	if (conf->mesh_ring == 0)
		conf->mesh_ring = 64;
}

static void
port_open(struct rig *rig, struct aef_text *error)
{
	struct dpio_port_conf conf;

	dpio_port_conf_defaults(&conf);
	conf.name = "srv";
	conf.device = "rig_srv";
	conf.mac = "02:00:00:00:00:01";
	conf.ipv4 = "192.0.2.1/24";
	conf.ipv6 = "2001:db8::1/64";
	conf.vlan = rig->conf.vlan;
	conf.queues = rig->conf.lcores;
	for (unsigned i = 0; i < rig->conf.lcores; i++) {
		rig->wire_in[i] = rte_ring_create(i == 0 ? "rig_in0" : "rig_in1", 1024, 0,
		                                  RING_F_SP_ENQ | RING_F_SC_DEQ);
		rig->wire_out[i] = rte_ring_create(i == 0 ? "rig_out0" : "rig_out1", 1024, 0,
		                                   RING_F_SP_ENQ | RING_F_SC_DEQ);
		ck_assert(rig->wire_in[i] != NULL && rig->wire_out[i] != NULL);
	}
	ck_assert_msg(dpio_port_start_rings(&rig->port, &conf, rig->wire_in, rig->wire_out,
	                                    &rig->pool, error) == 0,
	              "%s", error->buf);
}

static void
lcore_open(struct rig *rig, uint8_t idx, struct aef_text *error)
{
	struct pipeline_conf conf;

	pipeline_conf_default(&conf);
	conf.idx = idx;
	conf.conns = rig->conf.conns;
	conf.conns_busy = 4;
	conf.tokens_max = 256;
	if (rig->conf.acks_per_source > 0)
		conf.acks_per_source = rig->conf.acks_per_source;
	conf.clock = rig->clock;
	conf.provider = crypto_null_provider();
	conf.codec = &rig->codec;
	conf.keys = &rig->keys;
	conf.mesh = rig->conf.lcores > 1 ? &rig->mesh : NULL;
	conf.seed = 1;
	conf.handshaker = rig->handshaker;
	rig->lcores[idx] = pipeline_lcore_create(&conf, error);
	ck_assert_msg(rig->lcores[idx] != NULL, "%s", error->buf);
	ck_assert_int_eq(
		pipeline_lcore_add_port(rig->lcores[idx], &rig->port, idx, &rig->pool, 1000), 0);
}

static void
handshaker_open(struct rig *rig, struct aef_text *error)
{
	struct pipeline_handshaker_conf conf;

	if (rig->conf.handshakes == 0)
		return;
	pipeline_handshaker_conf_default(&conf);
	conf.nb_lcores = rig->conf.lcores;
	conf.slots = rig->conf.handshakes;
	conf.mark = rig->conf.handshakes_mark;
	rig->handshaker = pipeline_handshaker_create(&conf, error);
	ck_assert_msg(rig->handshaker != NULL, "%s", error->buf);
	rig->handshaker_provider = crypto_null_provider();
}

static void
worker_open(struct rig *rig, struct aef_text *error)
{
	struct worker_conf conf;

	worker_conf_default(&conf);
	conf.service = rig->conf.service;
	conf.alloc = &rig->alloc;
	conf.replies = rig->replies.mp;
	conf.clock = rig->clock;
	rig->worker = worker_create(&conf, error);
	ck_assert_msg(rig->worker != NULL, "%s", error->buf);
	for (uint8_t i = 0; i < rig->conf.lcores; i++) {
		struct delivery_conf link;

		delivery_conf_default(&link);
		link.name = i == 0 ? "l0" : "l1";
		link.ring_size = rig->conf.ring_size;
		link.descs = rig->conf.descs;
		link.slots = rig->conf.conns;
		link.credit_bytes = rig->conf.credit_bytes;
		link.credit_msgs = rig->conf.credit_msgs;
		ck_assert_msg(delivery_link_init(&rig->links[i], &link,
		                                 pipeline_lcore_bell(rig->lcores[i]),
		                                 worker_bell(rig->worker), error) == 0,
		              "%s", error->buf);
		ck_assert_int_eq(
			pipeline_lcore_add_worker(rig->lcores[i], &rig->links[i].transport), 0);
		ck_assert_int_eq(worker_add_link(rig->worker, &rig->links[i].worker, i), 0);
	}
	ck_assert_int_eq(worker_start(rig->worker, error), 0);
}

void
rig_open(struct rig *rig, const struct rig_conf *conf)
{
	static const uint8_t random[64] = { 1, 2, 3 }, reset[32] = { 4 }, cid_key[16] = { 5 };
	char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));

	eal_once();
	memset(rig, 0, sizeof(*rig));
	if (conf != NULL)
		rig->conf = *conf;
	defaults(&rig->conf);
	rig->now_ns = START_NS;
	rig->clock = (struct delivery_clock){ clock_ns, clock_unix_ms, rig };
	ck_assert_msg(dpio_pool_create(&rig->pool, "rig", rig->conf.mbufs, 2048, &error) == 0, "%s",
	              buf);
	ck_assert_msg(dpio_pool_create(&rig->replies, "replies", 256, 2048, &error) == 0, "%s",
	              buf);
	port_open(rig, &error);
	quantum_cid_codec_init(&rig->codec, cid_key);
	ck_assert_int_eq(pipeline_keys_init(&rig->keys, crypto_null_provider(), random, reset), 0);
	ck_assert_int_eq(pipeline_mesh_init(&rig->mesh, "rig", rig->conf.lcores,
	                                    rig->conf.mesh_ring, &error),
	                 0);
	handshaker_open(rig, &error);
	for (uint8_t i = 0; i < rig->conf.lcores; i++)
		lcore_open(rig, i, &error);
	rig->slab_mem = aligned_alloc(64, SLAB_MB << 20);
	worker_slab_init(&rig->slab, rig->slab_mem, SLAB_MB << 20);
	rig->alloc = worker_slab_alloc(&rig->slab);
	worker_open(rig, &error);
}

static void
verdicts_check(const struct rig *rig, uint8_t i)
{
	const struct pipeline_stats *stats = pipeline_lcore_stats(rig->lcores[i]);
	const struct dpio_stats *port = &pipeline_lcore_burst(rig->lcores[i], 0)->stats;
	uint64_t sum = 0, all = 0, engine = 0;

	for (unsigned v = 0; v < NET_NB_VERDICTS; v++)
		all += port->verdicts[v];
	ck_assert_uint_eq(all, port->rx_pkts);
	for (unsigned v = 0; v < PIPELINE_NB_VERDICTS; v++)
		sum += stats->verdicts[v];
	ck_assert_uint_eq(sum + stats->handshakes_held, port->verdicts[NET_VERDICT_UDP]);
	for (unsigned v = 0; v < QUANTUM_NB_VERDICTS; v++)
		engine += stats->quantum[v];
	ck_assert_uint_eq(engine, stats->verdicts[PIPELINE_VERDICT_QUANTUM]);
}

static void
ring_drop(struct rte_ring *ring)
{
	void *mbuf;

	while (rte_ring_dequeue(ring, &mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(ring);
}

static void
node_close(struct rig *rig)
{
	for (uint8_t i = 0; i < rig->conf.lcores; i++)
		verdicts_check(rig, i);
	worker_destroy(rig->worker);
	ck_assert_uint_eq(rig->alloc.used_bytes, 0);
	for (uint8_t i = 0; i < rig->conf.lcores; i++) {
		pipeline_lcore_destroy(rig->lcores[i]);
		delivery_link_fini(&rig->links[i]);
	}
}

void
rig_restart(struct rig *rig)
{
	static const uint8_t cid_key[16] = { 66 };
	char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));

	node_close(rig);
	quantum_cid_codec_init(&rig->codec, cid_key);
	for (uint8_t i = 0; i < rig->conf.lcores; i++)
		lcore_open(rig, i, &error);
	worker_open(rig, &error);
}

void
rig_close(struct rig *rig)
{
	for (uint32_t i = 0; i < rig->nb_clients; i++)
		client_close(&rig->clients[i]);
	node_close(rig);
	pipeline_mesh_fini(&rig->mesh);
	pipeline_handshaker_destroy(rig->handshaker);
	dpio_port_stop(&rig->port);
	for (uint8_t i = 0; i < rig->conf.lcores; i++) {
		ring_drop(rig->wire_in[i]);
		ring_drop(rig->wire_out[i]);
	}
	ck_assert_uint_eq(rte_mempool_in_use_count(rig->pool.mp), 0);
	ck_assert_uint_eq(rte_mempool_in_use_count(rig->replies.mp), 0);
	ck_assert_uint_eq(rte_mempool_in_use_count(client_pool), 0);
	dpio_pool_destroy(&rig->pool);
	dpio_pool_destroy(&rig->replies);
	free(rig->slab_mem);
}

unsigned
rig_dial(struct rig *rig, uint8_t queue, bool v6)
{
	const unsigned nr = rig->nb_clients++;

	ck_assert_uint_lt(nr, RIG_CLIENTS_MAX);
	rig->client_queue[nr] = queue;
	client_open(&rig->clients[nr], nr + 2, v6, &rig->port.local, rig->now_ns);
	return nr;
}

static void
hash(struct rig *rig, const struct rte_mbuf *frame)
{
	const uint8_t *data = rte_pktmbuf_mtod(frame, const uint8_t *);
	uint64_t sum = rig->wire_hash ^ rig->now_ns;

	for (uint16_t i = 0; i < frame->data_len; i++)
		sum = (sum ^ data[i]) * 0x100000001b3ull;
	rig->wire_hash = sum;
}

void
rig_inject(struct rig *rig, uint8_t queue, struct rte_mbuf *frame)
{
	rig->frames_in++;
	hash(rig, frame);
	if ((rig->drop_every != 0 && rig->frames_in % rig->drop_every == 0) ||
	    rte_ring_enqueue(rig->wire_in[queue], frame) != 0)
		rte_pktmbuf_free(frame);
}

struct rte_mbuf *
rig_frame(const struct client *c, const void *data, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(client_pool);

	ck_assert_ptr_nonnull(m);
	if (len > 0)
		memcpy(rte_pktmbuf_append(m, len), data, len);
	(void)net_tx_build(&c->path, rte_pktmbuf_mtod(m, uint8_t *), len, 0, false);
	(void)rte_pktmbuf_prepend(m, c->path.hdr_len);
	return m;
}

static void
keep_ack(struct rig *rig, const struct client *c, const struct rte_mbuf *frame)
{
	const uint8_t *data = rte_pktmbuf_mtod_offset(frame, const uint8_t *, c->path.hdr_len);
	const uint16_t len = (uint16_t)(frame->data_len - c->path.hdr_len);
	struct wire_header hdr;

	if (rig->ack_len > 0 || wire_classify(data, len, &hdr) != WIRE_CLASS_ACK)
		return;
	memcpy(rig->ack, data, len);
	rig->ack_len = len;
}

static unsigned
clients_run(struct rig *rig)
{
	unsigned work = 0;

	for (uint8_t q = 0; q < rig->conf.lcores; q++) {
		void *frame;

		while (rte_ring_dequeue(rig->wire_out[q], &frame) == 0) {
			uint32_t i = 0;

			rig->frames_out++;
			hash(rig, frame);
			work++;
			while (i < rig->nb_clients &&
			       !client_rx(&rig->clients[i], frame, rig->now_ns))
				i++;
			if (i == rig->nb_clients)
				rte_pktmbuf_free(frame);
		}
	}
	for (uint32_t i = 0; i < rig->nb_clients; i++) {
		struct rte_mbuf *frames[DPIO_BURST];
		unsigned nb;

		(void)client_run(&rig->clients[i], rig->now_ns);
		nb = client_tx(&rig->clients[i], frames, DPIO_BURST, rig->now_ns);
		for (unsigned f = 0; f < nb; f++) {
			keep_ack(rig, &rig->clients[i], frames[f]);
			rig_inject(rig, rig->client_queue[i], frames[f]);
		}
		(void)client_run(&rig->clients[i], rig->now_ns);
		work += nb;
	}
	return work;
}

static unsigned
step(struct rig *rig)
{
	unsigned work = clients_run(rig);

	for (uint8_t i = 0; i < rig->conf.lcores; i++)
		work += pipeline_lcore_poll(rig->lcores[i]);
	if (rig->handshaker != NULL && !rig->handshaker_stopped)
		work += pipeline_handshaker_poll(rig->handshaker, rig->handshaker_provider);
	if (!rig->worker_stopped)
		work += worker_poll(rig->worker);
	return work;
}

static uint64_t
next_ns(const struct rig *rig)
{
	uint64_t next = worker_next_ns(rig->worker);

	for (uint8_t i = 0; i < rig->conf.lcores; i++)
		next = aef_min_u64(next, pipeline_lcore_next_ns(rig->lcores[i]));
	for (uint32_t i = 0; i < rig->nb_clients; i++)
		next = aef_min_u64(next, quantum_conn_deadline_ns(rig->clients[i].conn));
	return next;
}

bool
rig_run_until(struct rig *rig, bool (*done)(const struct rig *rig), uint64_t ns)
{
	const uint64_t end_ns = rig->now_ns + ns;
	unsigned idle = 0, polls = 0;

	while (rig->now_ns < end_ns) {
		if (done != NULL && done(rig))
			return true;
		ck_assert_msg(++polls < 20000000, "time does not pass");
		idle = step(rig) == 0 ? idle + 1 : 0;
		/* Two rounds: what one lcore did last may be work for one before it. */
		if (idle < 2)
			continue;
		rig->now_ns = aef_min_u64(end_ns, aef_max_u64(rig->now_ns + 1000, next_ns(rig)));
		idle = 0;
	}
	return done != NULL && done(rig);
}

void
rig_run(struct rig *rig, uint64_t ns)
{
	(void)rig_run_until(rig, NULL, ns);
}

uint64_t
rig_verdict(const struct rig *rig, enum pipeline_verdict verdict)
{
	uint64_t sum = 0;

	for (uint8_t i = 0; i < rig->conf.lcores; i++)
		sum += pipeline_lcore_stats(rig->lcores[i])->verdicts[verdict];
	return sum;
}

uint64_t
rig_quantum(const struct rig *rig, enum quantum_verdict verdict)
{
	uint64_t sum = 0;

	for (uint8_t i = 0; i < rig->conf.lcores; i++)
		sum += pipeline_lcore_stats(rig->lcores[i])->quantum[verdict];
	return sum;
}

bool
rig_all_connected(const struct rig *r)
{
	for (uint32_t i = 0; i < r->nb_clients; i++)
		if (!r->clients[i].connected)
			return false;
	return true;
}

bool
rig_all_echoed(const struct rig *r)
{
	for (uint32_t i = 0; i < r->nb_clients; i++)
		if (r->clients[i].bytes != r->clients[i].sent_bytes)
			return false;
	return true;
}

bool
rig_all_gone(const struct rig *r)
{
	for (uint8_t i = 0; i < r->conf.lcores; i++)
		if (pipeline_lcore_stats(r->lcores[i])->conns_open != 0)
			return false;
	for (uint32_t i = 0; i < r->nb_clients; i++)
		if (!r->clients[i].closed)
			return false;
	return true;
}
