/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>

#include <rte_byteorder.h>

#include <base/err.h>
#include <base/rng.h>
#include <crypto_null/null_provider.h>

#include "echo.h"
#include "harness.h"
#include "lcore_priv.h"
#include "rig.h"

static struct rig rig;

static void
connect_all(void)
{
	ck_assert(rig_run_until(&rig, rig_all_connected, 5 * AEF_NS_PER_S));
}

static void
echo_some(unsigned nb, uint32_t len)
{
	for (unsigned n = 0; n < nb; n++)
		for (uint32_t i = 0; i < rig.nb_clients; i++)
			ck_assert_int_eq(
				client_send(&rig.clients[i], 1, n * 10 + i, len, rig.now_ns), 0);
	ck_assert(rig_run_until(&rig, rig_all_echoed, 20 * AEF_NS_PER_S));
	for (uint32_t i = 0; i < rig.nb_clients; i++)
		ck_assert_uint_eq(rig.clients[i].sum, rig.clients[i].sent_sum);
}

static void
close_all(void)
{
	for (uint32_t i = 0; i < rig.nb_clients; i++)
		quantum_conn_close(rig.clients[i].conn, 0, NULL, rig.now_ns);
	ck_assert(rig_run_until(&rig, rig_all_gone, 20 * AEF_NS_PER_S));
}

START_TEST(pipeline_client_over_ipv4_gets_its_messages_back)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);

	connect_all();
	echo_some(20, 100);
	echo_some(4, 5000);

	ck_assert_uint_eq(worker_stats(rig.worker)->connects, 1);
	close_all();
	ck_assert_uint_eq(worker_stats(rig.worker)->disconnects, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_client_over_ipv6_gets_its_messages_back)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, true);

	connect_all();
	echo_some(20, 1000);

	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_client_in_a_vlan_gets_its_messages_back)
{
	rig_open(&rig, &(struct rig_conf){ .vlan = 42 });
	rig_dial(&rig, 0, false);
	rig_dial(&rig, 0, true);

	connect_all();
	echo_some(20, 1000);

	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_lost_datagrams_are_made_good)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);
	rig_dial(&rig, 0, false);
	rig.drop_every = 10;

	connect_all();
	echo_some(40, 3000);

	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_datagram_on_the_wrong_lcore_reaches_its_owner)
{
	const struct pipeline_stats *first, *second;

	rig_open(&rig, &(struct rig_conf){ .lcores = 2 });
	rig_dial(&rig, 0, false);
	connect_all();
	first = pipeline_lcore_stats(rig.lcores[0]);
	second = pipeline_lcore_stats(rig.lcores[1]);

	rig.client_queue[0] = 1; /* its address changed, the NIC's hash too */
	echo_some(50, 1000);
	rig_run(&rig, 100 * AEF_NS_PER_MS); /* what is in flight arrives */

	ck_assert_uint_gt(rig_verdict(&rig, PIPELINE_VERDICT_HANDED_OVER), 50);
	ck_assert_uint_eq(first->handover_in, second->verdicts[PIPELINE_VERDICT_HANDED_OVER]);
	ck_assert_uint_eq(second->conns_accepted, 0);
	ck_assert_uint_eq(first->verdicts[PIPELINE_VERDICT_HANDED_OVER], 0);
	close_all();
	rig_close(&rig);
}
END_TEST

/* The same token from another port, which the NIC's hash brings to queue @p queue. */
static void
dial_again(uint8_t queue)
{
	struct client *c;
	const unsigned nr = rig.nb_clients++;

	client_nonce_reset();
	rig.client_queue[nr] = queue;
	c = &rig.clients[nr];
	client_open(c, 2, false, &rig.port.local, rig.now_ns);
	c->local.udp_port = (uint16_t)(50000 + nr);
	ck_assert_int_eq(net_path_make(&c->path, &c->local, c->local.udp_port, &rig.port.local.ipv4,
	                               rig.port.local.udp_port, rig.port.local.mac),
	                 0);
}

START_TEST(pipeline_token_used_at_two_lcores_opens_one_connection)
{
	uint64_t accepted = 0;
	unsigned connected = 0;

	rig_open(&rig, &(struct rig_conf){ .lcores = 2 });
	dial_again(0);
	dial_again(1);
	rig_run(&rig, 2 * AEF_NS_PER_S);
	dial_again(1); /* and once more when the connection is long there */
	rig_run(&rig, 2 * AEF_NS_PER_S);

	for (uint8_t i = 0; i < rig.conf.lcores; i++)
		accepted += pipeline_lcore_stats(rig.lcores[i])->conns_accepted;
	for (uint32_t i = 0; i < rig.nb_clients; i++)
		connected += rig.clients[i].connected;
	ck_assert_uint_eq(accepted, 1);
	ck_assert_uint_eq(connected, 1);
	ck_assert_uint_ge(rig_quantum(&rig, QUANTUM_VERDICT_TOKEN_USED), 2);
	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_full_ring_between_lcores_drops_and_counts)
{
	struct rte_mbuf *frames[DPIO_BURST];
	unsigned nb;

	rig_open(&rig, &(struct rig_conf){ .lcores = 2, .mesh_ring = 32 });
	rig_dial(&rig, 0, false);
	connect_all();
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(client_send(&rig.clients[0], 1, i, 1000, rig.now_ns), 0);
	nb = client_tx(&rig.clients[0], frames, DPIO_BURST, rig.now_ns);
	ck_assert_uint_gt(nb, 4);

	/* The owner does not poll while the same datagrams come again and again. */
	for (unsigned round = 0; round < 12; round++) {
		for (unsigned i = 0; i < nb; i++)
			rig_inject(&rig, 1,
			           rte_pktmbuf_copy(frames[i], client_pool, 0, UINT32_MAX));
		ck_assert_uint_gt(pipeline_lcore_poll(rig.lcores[1]), 0);
	}

	ck_assert_uint_eq(rig_verdict(&rig, PIPELINE_VERDICT_HANDED_OVER), 32);
	ck_assert_uint_eq(rig_verdict(&rig, PIPELINE_VERDICT_DROP_HANDOVER_FULL), 12 * nb - 32);
	rte_pktmbuf_free_bulk(frames, nb);
	ck_assert(rig_run_until(&rig, rig_all_echoed, 20 * AEF_NS_PER_S));
	ck_assert_uint_gt(rig_quantum(&rig, QUANTUM_VERDICT_DUPLICATE), 0);
	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_stopped_worker_slows_the_client_down_and_loses_nothing)
{
	const struct delivery_stats *to_worker;
	unsigned sent = 0;
	int rc = 0;

	rig_open(&rig, &(struct rig_conf){ .ring_size = 32, .descs = 64, .credit_bytes = 20000 });
	rig_dial(&rig, 0, false);
	connect_all();
	to_worker = &rig.links[0].transport.stats;

	rig.worker_stopped = true;
	while (sent < 3000 && rc == 0) {
		rc = client_send(&rig.clients[0], 1, sent, 1000, rig.now_ns);
		sent += rc == 0;
	}
	rig_run(&rig, 5 * AEF_NS_PER_S);

	/* What the link took is bounded by its credit; the rest waits in engine and client. */
	ck_assert_uint_le(to_worker->bytes_out, 20000);
	ck_assert_uint_gt(to_worker->no_credit, 0);
	ck_assert_uint_le(rte_mempool_in_use_count(client_pool), 2000);
	ck_assert(!quantum_conn_drained(rig.clients[0].conn));
	rig.worker_stopped = false;
	ck_assert(rig_run_until(&rig, rig_all_echoed, 60 * AEF_NS_PER_S));
	ck_assert_uint_eq(rig.clients[0].sum, rig.clients[0].sent_sum);
	ck_assert_uint_eq(rig.clients[0].msgs, sent);
	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_small_ring_and_few_descriptors_carry_everything)
{
	rig_open(&rig, &(struct rig_conf){ .ring_size = 32, .descs = 16, .credit_msgs = 200 });
	for (unsigned i = 0; i < 4; i++)
		rig_dial(&rig, 0, i % 2 == 0);
	connect_all();

	echo_some(300, 60);
	echo_some(3, 50000);

	ck_assert_uint_gt(rig.links[0].transport.stats.no_desc + rig.links[0].worker.stats.no_desc,
	                  0);
	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_message_in_more_pieces_than_allowed_ends_its_connection)
{
	rig_open(&rig, &(struct rig_conf){ .descs = 2 });
	rig_dial(&rig, 0, false);
	connect_all();

	ck_assert_int_eq(client_send(&rig.clients[0], 1, 1, 50000, rig.now_ns), 0);

	ck_assert(rig_run_until(&rig, rig_all_gone, 20 * AEF_NS_PER_S));
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->msgs_scattered, 1);
	ck_assert_uint_eq(worker_stats(rig.worker)->msgs_in, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_without_a_free_slot_the_next_client_waits)
{
	rig_open(&rig, &(struct rig_conf){ .conns = 1 });
	rig_dial(&rig, 0, false);
	connect_all();

	rig_dial(&rig, 0, false);
	rig_run(&rig, AEF_NS_PER_S);

	ck_assert(!rig.clients[1].connected);
	ck_assert_uint_gt(rig_verdict(&rig, PIPELINE_VERDICT_DROP_NO_SLOT) +
	                          rig_quantum(&rig, QUANTUM_VERDICT_BUSY),
	                  0);
	ck_assert(rig.clients[0].connected && !rig.clients[0].closed);
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_empty_buffer_pool_is_counted_and_passes)
{
	struct rte_mbuf *taken[512];
	unsigned nb = 0;

	rig_open(&rig, &(struct rig_conf){ .mbufs = 512 });
	rig_dial(&rig, 0, false);
	connect_all();
	while (nb < 512 && (taken[nb] = rte_pktmbuf_alloc(rig.pool.mp)) != NULL)
		nb++;
	ck_assert_int_eq(client_send(&rig.clients[0], 1, 1, 1000, rig.now_ns), 0);
	for (unsigned i = 0; i < 100; i++)
		(void)pipeline_lcore_poll(rig.lcores[0]);
	for (unsigned i = 0; i < 3; i++) {
		struct rte_mbuf *frames[DPIO_BURST];
		const unsigned n = client_tx(&rig.clients[0], frames, DPIO_BURST, rig.now_ns);

		for (unsigned f = 0; f < n; f++)
			rig_inject(&rig, 0, frames[f]);
		(void)pipeline_lcore_poll(rig.lcores[0]);
		(void)worker_poll(rig.worker);
	}
	(void)pipeline_lcore_poll(rig.lcores[0]);

	ck_assert_uint_gt(pipeline_lcore_stats(rig.lcores[0])->tx_no_mbuf, 0);
	rte_pktmbuf_free_bulk(taken, nb);
	ck_assert(rig_run_until(&rig, rig_all_echoed, 20 * AEF_NS_PER_S));
	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_silent_client_is_forgotten_after_the_idle_time)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);
	connect_all();

	rig.drop_every = 1;
	rig_run(&rig, 70 * AEF_NS_PER_S);

	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->conns_open, 0);
	ck_assert_uint_eq(worker_stats(rig.worker)->disconnects, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_client_may_change_its_address)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);
	connect_all();
	echo_some(5, 500);

	/* A NAT gave it another port; the engine notices, the way back follows. */
	rig.clients[0].local.udp_port = 51000;
	rig.clients[0].path.local_port = 51000;
	ck_assert_int_eq(net_path_make(&rig.clients[0].path, &rig.clients[0].local, 51000,
	                               &rig.port.local.ipv4, rig.port.local.udp_port,
	                               rig.port.local.mac),
	                 0);
	echo_some(20, 2000);

	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->tx_no_path, 0);
	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_told_to_shut_closes_every_connection_and_accepts_none)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);
	rig_dial(&rig, 0, true);
	connect_all();

	pipeline_lcore_shut(rig.lcores[0]);
	ck_assert(rig_run_until(&rig, rig_all_gone, 20 * AEF_NS_PER_S));
	ck_assert_int_eq(rig.clients[0].why, QUANTUM_CLOSE_APP);
	rig_dial(&rig, 0, false);
	rig_run(&rig, AEF_NS_PER_S);

	ck_assert(!rig.clients[2].connected);
	ck_assert_uint_gt(rig_verdict(&rig, PIPELINE_VERDICT_DROP_SHUTTING), 0);
	rig_close(&rig);
}
END_TEST

static uint32_t
random_frame(struct aef_rng *rng, uint8_t *data)
{
	const uint32_t len = (uint32_t)aef_rng_below(rng, 1300);

	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)aef_rng_u64(rng);
	if (len >= WIRE_HEADER_BYTES && aef_rng_below(rng, 4) != 0) {
		const uint32_t magic = rte_cpu_to_be_32(WIRE_MAGIC);

		memcpy(data, &magic, 4);
		data[4] = aef_rng_below(rng, 4) == 0 ? (uint8_t)aef_rng_u64(rng) : WIRE_VERSION;
		if (aef_rng_below(rng, 2) == 0)
			data[5] = 1u << aef_rng_below(rng, 8);
	}
	return len;
}

START_TEST(pipeline_garbage_ends_in_counted_verdicts_and_harms_nobody)
{
	struct aef_rng rng;
	uint8_t data[1400];

	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);
	connect_all();
	aef_rng_init(&rng, 11);

	for (unsigned i = 0; i < 20000; i++) {
		const uint32_t len = random_frame(&rng, data);
		struct rte_mbuf *m = rig_frame(&rig.clients[0], data, (uint16_t)len);

		if (aef_rng_below(&rng, 8) == 0) /* also below UDP */
			rte_pktmbuf_mtod(m, uint8_t *)[aef_rng_below(&rng, m->data_len)] ^= 0x55;
		rig_inject(&rig, 0, m);
		if (i % 16 == 15)
			rig_run(&rig, 100 * AEF_NS_PER_US);
	}

	ck_assert_uint_gt(rig_quantum(&rig, QUANTUM_VERDICT_NOT_QUANTUM), 0);
	ck_assert_uint_gt(rig_quantum(&rig, QUANTUM_VERDICT_BAD_FLAGS), 0);
	ck_assert_uint_gt(rig_quantum(&rig, QUANTUM_VERDICT_BAD_LENGTH), 0);
	ck_assert_uint_gt(rig_quantum(&rig, QUANTUM_VERDICT_REPLIED_VERSION), 0);
	echo_some(20, 1000);
	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_mutated_datagrams_of_a_live_client_are_refused)
{
	struct aef_rng rng;

	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);
	connect_all();
	aef_rng_init(&rng, 12);

	for (unsigned i = 0; i < 300; i++) {
		struct client *c = &rig.clients[0];
		struct rte_mbuf *frames[DPIO_BURST];
		unsigned nb;

		ck_assert_int_eq(client_send(c, 1, i, 200, rig.now_ns), 0);
		nb = client_tx(c, frames, DPIO_BURST, rig.now_ns);
		for (unsigned f = 0; f < nb; f++) {
			struct rte_mbuf *m =
				rte_pktmbuf_copy(frames[f], client_pool, 0, UINT32_MAX);
			const uint16_t at = c->path.hdr_len;
			uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

			data[at + aef_rng_below(&rng, m->data_len - at)] ^=
				1 + aef_rng_below(&rng, 255);
			(void)net_tx_build(&c->path, data + at, (uint16_t)(m->data_len - at), 0,
			                   false);
			rig_inject(&rig, 0, m);
			rig_inject(&rig, 0, frames[f]);
		}
		rig_run(&rig, 2 * AEF_NS_PER_MS);
	}

	ck_assert(rig_run_until(&rig, rig_all_echoed, 20 * AEF_NS_PER_S));
	ck_assert_uint_eq(rig.clients[0].sum, rig.clients[0].sent_sum);
	ck_assert_uint_gt(rig_quantum(&rig, QUANTUM_VERDICT_BAD_TAG), 0);
	ck_assert_uint_gt(rig_quantum(&rig, QUANTUM_VERDICT_UNKNOWN_CID) +
	                          rig_quantum(&rig, QUANTUM_VERDICT_REPLIED_RESET),
	                  0);
	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_forgotten_connection_is_answered_with_a_reset)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);
	connect_all();
	echo_some(2, 100);

	/* The server loses its mind: another one, with the same reset key, at the same address. */
	rig_restart(&rig);
	ck_assert_int_eq(client_send(&rig.clients[0], 1, 1, 100, rig.now_ns), 0);
	rig_run(&rig, 5 * AEF_NS_PER_S);

	ck_assert(rig.clients[0].closed);
	ck_assert_int_eq(rig.clients[0].why, QUANTUM_CLOSE_RESET);
	ck_assert_uint_gt(pipeline_lcore_stats(rig.lcores[0])->tx_replies, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_keys_of_the_handshake_may_change_while_it_runs)
{
	static const uint8_t random[64] = { 9, 8, 7 };

	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);
	connect_all();

	ck_assert_int_eq(pipeline_keys_rotate(&rig.keys, crypto_null_provider(), random), 0);
	rig_dial(&rig, 0, false);
	connect_all();
	ck_assert_int_eq(pipeline_keys_rotate(&rig.keys, crypto_null_provider(), random), 0);
	rig_dial(&rig, 0, false);
	connect_all();

	echo_some(5, 100);
	close_all();
	rig_close(&rig);
}
END_TEST

static bool
holds(const struct pipeline_keys *keys, const uint8_t *secret, size_t len)
{
	const uint8_t *at = (const uint8_t *)keys;

	for (size_t i = 0; i + len <= sizeof(*keys); i++)
		if (memcmp(at + i, secret, len) == 0)
			return true;
	return false;
}

/* Two rotations after its birth an epoch is over. */
START_TEST(pipeline_keys_that_ended_stand_nowhere)
{
	const struct crypto_provider *crypto = crypto_null_provider();
	struct pipeline_keys keys;
	uint8_t random[4][64];
	const uint8_t reset[32] = { 5 };

	for (unsigned i = 0; i < sizeof(random); i++)
		((uint8_t *)random)[i] = (uint8_t)(37 * i + i / 64 + 1);
	ck_assert_int_eq(pipeline_keys_init(&keys, crypto, random[0], reset), 0);
	ck_assert(holds(&keys, random[0], 16));
	for (unsigned i = 1; i < 4; i++) {
		ck_assert_int_eq(pipeline_keys_rotate(&keys, crypto, random[i]), 0);
		ck_assert(holds(&keys, random[i], 16));
		ck_assert(holds(&keys, random[i - 1], 16));
		ck_assert(holds(&keys, keys.set.dh_priv[(i - 1) & 1], 32));
		if (i > 1)
			ck_assert(!holds(&keys, random[i - 2], 16));
	}
}
END_TEST

#define TAKES 100000u

static atomic_bool rotated;
static atomic_uint taken;

/* The writer must not wait for more. */
static void *
torn_one(void *arg)
{
	atomic_fetch_add(&taken, TAKES);
	return arg;
}

/* Every byte of a cookie key says of which epoch it is. @return NULL, or a set that is torn */
static void *
keys_reader(void *arg)
{
	struct quantum_server_keys set = { 0 };
	bool last = false;

	while (!last) {
		last = atomic_load(&rotated);
		if (keys_take(arg, 0, &set) == 0)
			continue;
		atomic_fetch_add(&taken, 1);
		for (unsigned i = 0; i < sizeof(set.cookie_key[0]); i++)
			if (set.cookie_key[set.epoch & 1][i] != set.epoch ||
			    set.cookie_key[~set.epoch & 1][i] != (uint8_t)(set.epoch - 1))
				return torn_one(arg);
	}
	return NULL;
}

START_TEST(pipeline_keys_are_taken_whole_however_often_they_change)
{
	const struct crypto_provider *crypto = crypto_null_provider();
	static struct pipeline_keys keys;
	const uint8_t reset[32] = { 5 };
	struct quantum_server_keys set = { 0 };
	uint8_t random[64];
	pthread_t reader;
	unsigned i;
	void *torn;

	memset(random, 0, sizeof(random));
	memset(random + 16, 255, 16); /* of the epoch before the first */
	ck_assert_int_eq(pipeline_keys_init(&keys, crypto, random, reset), 0);
	atomic_store(&rotated, false);
	atomic_store(&taken, 0);
	ck_assert_int_eq(pthread_create(&reader, NULL, keys_reader, &keys), 0);
	for (i = 1; i <= 200000 || atomic_load(&taken) < TAKES; i++) {
		memset(random, (uint8_t)i, sizeof(random));
		ck_assert_int_eq(pipeline_keys_rotate(&keys, crypto, random), 0);
	}
	atomic_store(&rotated, true);
	pthread_join(reader, &torn);

	ck_assert_ptr_null(torn);
	ck_assert_uint_eq(keys_take(&keys, 1, &set), i);
	ck_assert_uint_eq(set.epoch, (i - 1) & 0xff);
	ck_assert_uint_eq(keys_take(&keys, i, NULL), i); /* nothing new, nothing copied */
}
END_TEST

START_TEST(pipeline_same_seed_gives_the_same_frames_and_times)
{
	uint64_t hash[2], at[2];

	for (unsigned run = 0; run < 2; run++) {
		rig_open(&rig, NULL);
		client_nonce_reset();
		rig_dial(&rig, 0, false);
		rig.drop_every = 7;
		connect_all();
		echo_some(30, 2500);
		hash[run] = rig.wire_hash;
		at[run] = rig.now_ns;
		close_all();
		rig_close(&rig);
	}

	ck_assert_uint_eq(hash[0], hash[1]);
	ck_assert_uint_eq(at[0], at[1]);
}
END_TEST

TEST_SUITE(pipeline, &pipeline_client_over_ipv4_gets_its_messages_back,
           &pipeline_client_over_ipv6_gets_its_messages_back,
           &pipeline_client_in_a_vlan_gets_its_messages_back,
           &pipeline_lost_datagrams_are_made_good,
           &pipeline_datagram_on_the_wrong_lcore_reaches_its_owner,
           &pipeline_token_used_at_two_lcores_opens_one_connection,
           &pipeline_full_ring_between_lcores_drops_and_counts,
           &pipeline_stopped_worker_slows_the_client_down_and_loses_nothing,
           &pipeline_small_ring_and_few_descriptors_carry_everything,
           &pipeline_message_in_more_pieces_than_allowed_ends_its_connection,
           &pipeline_without_a_free_slot_the_next_client_waits,
           &pipeline_empty_buffer_pool_is_counted_and_passes,
           &pipeline_silent_client_is_forgotten_after_the_idle_time,
           &pipeline_client_may_change_its_address,
           &pipeline_told_to_shut_closes_every_connection_and_accepts_none,
           &pipeline_garbage_ends_in_counted_verdicts_and_harms_nobody,
           &pipeline_mutated_datagrams_of_a_live_client_are_refused,
           &pipeline_forgotten_connection_is_answered_with_a_reset,
           &pipeline_keys_of_the_handshake_may_change_while_it_runs,
           &pipeline_keys_that_ended_stand_nowhere,
           &pipeline_keys_are_taken_whole_however_often_they_change,
           &pipeline_same_seed_gives_the_same_frames_and_times)
