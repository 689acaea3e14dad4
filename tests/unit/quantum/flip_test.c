/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flip_test.c - every bit of every packet type, flipped on its way, with real protection: no
 * session is created, the state of no connection changes, and at most one reply, smaller than the
 * packet, is caused. After each round the packet as it was still does its work.
 *
 * What may change: counters, the time of the last call, and places in the provider's cache of keys.
 */
#include <base/err.h>
#include <protect/provider.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"
#include "server_priv.h"

#define MS AEF_NS_PER_MS
#define FLIP_NS                                                                                    \
	(100 * MS)        /* time between two flips of a stranger: no rate limit hides anything    \
	                   */
#define FLIPS_A_RUN 1100u /* a token lives 120 s */

static struct pair p;
static struct protect_ring *ring;
static struct protect *protect;
static unsigned nb_flips, nb_replies;

/* ---- watching
 * ------------------------------------------------------------------------------------- */

/* All of a connection that a forged packet must not touch. */
struct snapshot {
	struct quantum_conn conn;
	struct conn_keys keys;
	uint8_t replay[CRYPTO_REPLAY_BLOCK_BYTES];
	uint64_t deadline_ns;
	uint32_t left[8];
};

static struct snapshot before, after;

static void
snapshot_take(struct snapshot *s, const struct pair_end *end)
{
	const struct quantum_env *env = end->env;
	const struct aef_pool *const pools[] = { &env->conns, &env->sent_pkts, &env->frames,
		                                 &env->segs,  &env->msgs_in,   &env->ranges,
		                                 &env->chans, &env->replays };

	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < AEF_DIM(pools); i++)
		s->left[i] = aef_pool_left(pools[i]);
	if (end->conn == NULL)
		return;
	memcpy(&s->conn, end->conn, sizeof(s->conn));
	memset(&s->conn.stats, 0, sizeof(s->conn.stats));
	s->conn.nb_failed_opens = 0;
	s->conn.now_ns = 0;
	s->deadline_ns = quantum_conn_deadline_ns(end->conn);
	if (end->conn->replay.cur.mem != NULL)
		memcpy(s->replay, end->conn->replay.cur.mem, sizeof(s->replay));
	memcpy(&s->keys, end->conn->keys, sizeof(s->keys));
	for (unsigned i = 0; i < AEF_DIM(s->keys.rx.key); i++)
		s->keys.rx.key[i].slot = 0;
	for (unsigned i = 0; i < AEF_DIM(s->keys.tx.key); i++)
		s->keys.tx.key[i].slot = 0;
}

/* Replies are counted, measured and dropped. */
struct watch {
	bool on;
	unsigned nb;
	uint32_t longest;
};

static struct watch watch;
static enum wire_class held; /* what does not arrive: this class, in that direction */
static bool held_to_server;

static bool
filter(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	struct wire_header hdr;

	(void)pair;
	if (watch.on) {
		watch.nb++;
		watch.longest = aef_max_u32(watch.longest, *len);
		return true;
	}
	return to_server == held_to_server && wire_classify(data, *len, &hdr) == held;
}

/* Hand every flip of @p data over, and look at both ends. @p wait_ns passes before each. */
static void
flip_bits(bool to_server, const uint8_t *data, uint32_t len, uint32_t first, uint32_t end,
          uint64_t wait_ns)
{
	static uint8_t copy[WIRE_MTU_MAX];
	static struct snapshot peer_before, peer_after;

	for (uint32_t bit = first; bit < end; bit++) {
		const unsigned pending = quantum_server_pending(p.srv);
		const uint32_t used = p.table.nb_used;

		p.now_ns += wait_ns;
		memcpy(copy, data, len);
		copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		watch = (struct watch){ .on = true };
		snapshot_take(&before, &p.client);
		snapshot_take(&peer_before, &p.server);
		(void)pair_hand(&p, to_server, copy, len);
		watch.on = false;
		snapshot_take(&after, &p.client);
		snapshot_take(&peer_after, &p.server);
		nb_flips++;
		nb_replies += watch.nb;

		ck_assert_msg(watch.nb <= 1, "byte %u bit %u: %u replies", bit / 8, bit % 8,
		              watch.nb);
		ck_assert_msg(watch.longest < len, "byte %u bit %u: a reply of %u bytes", bit / 8,
		              bit % 8, watch.longest);
		ck_assert_msg(p.table.nb_used == used && quantum_server_pending(p.srv) == pending,
		              "byte %u bit %u: a session", bit / 8, bit % 8);
		ck_assert_msg(memcmp(&before, &after, sizeof(before)) == 0,
		              "byte %u bit %u changes the client: verdict %d", bit / 8, bit % 8,
		              p.last_verdict);
		ck_assert_msg(memcmp(&peer_before, &peer_after, sizeof(before)) == 0,
		              "byte %u bit %u changes the server: verdict %d", bit / 8, bit % 8,
		              p.last_verdict);
	}
}

static void
start(uint64_t seed)
{
	const struct protect_conf conf = { .keys_max = 32 };
	struct protect_conf with_ring = conf;

	ck_assert_int_eq(protect_ring_create(0, &ring), 0);
	with_ring.ring = ring;
	ck_assert_int_eq(protect_create(&with_ring, &protect), 0);
	pair_provider = protect_provider(protect);
	pair_init(&p, seed);
	p.filter = filter;
	held = WIRE_CLASS_NOT_QUANTUM;
	nb_flips = nb_replies = 0;
}

static void
stop(const char *what)
{
	printf("figure: flips of %s: %u, %u caused a reply\n", what, nb_flips, nb_replies);
	pair_fini(&p);
	pair_provider = NULL;
	protect_destroy(protect);
	protect_ring_close(ring);
}

/* Run until a datagram of @p clas is sent in that direction, and keep it from arriving. */
static const struct pair_tap *
hold(bool to_server, enum wire_class clas)
{
	struct pair_tap *t = &p.tap[to_server][clas];

	held = clas;
	held_to_server = to_server;
	t->len = 0;
	for (unsigned i = 0; i < 300 && t->len == 0; i++)
		pair_run(&p, 1 * MS);
	ck_assert_uint_gt(t->len, 0);
	return t;
}

static void
let_pass(void)
{
	held = WIRE_CLASS_NOT_QUANTUM;
}

/* A client with a token that lives as long as tokens may. */
static void
dial(void)
{
	pair_connect(&p);
	p.token.expires_ms = p.token.issued_ms + CRYPTO_TOKEN_LIFE_MAX_MS;
	pair_seal_token(&p);
	pair_redial(&p);
}

/* The client is not needed for a while in which its timers would run out. */
static void
forget_client(void)
{
	quantum_conn_free(p.client.conn);
	p.client.conn = NULL;
}

static void
forget_server(void)
{
	quantum_server_release(p.srv, p.server.conn);
	p.server.conn = NULL;
}

/* ---- one test per type --------------------------------------------------------------------------
 */

/* */
START_TEST(flip_of_any_bit_of_a_syn_creates_nothing)
{
	static uint8_t syn[WIRE_SYN_BYTES];

	start(1);
	for (uint32_t first = 0; first < 8 * sizeof(syn); first += FLIPS_A_RUN) {
		dial();
		const struct pair_tap *t = hold(true, WIRE_CLASS_SYN);

		ck_assert_uint_eq(t->len, sizeof(syn));
		memcpy(syn, t->data, sizeof(syn));
		forget_client();
		flip_bits(true, syn, sizeof(syn), first,
		          aef_min_u32(8 * sizeof(syn), first + FLIPS_A_RUN), FLIP_NS);
		let_pass();
		pair_redial(&p); /* the same token still opens a connection */
		pair_run(&p, 1000 * MS);
		ck_assert(quantum_conn_established(p.client.conn) && p.server.conn != NULL);
		forget_server();
	}
	ck_assert_uint_eq(nb_flips, 4096);
	ck_assert_uint_ge(nb_replies, 128); /* nothing covers the client random yet */
	stop("SYN");
}
END_TEST

/* */
START_TEST(flip_of_any_bit_of_a_syn_ack_is_ignored)
{
	start(2);
	dial();
	const struct pair_tap *t = hold(false, WIRE_CLASS_SYN_ACK);

	ck_assert_uint_eq(t->len, WIRE_SYN_ACK_BYTES);
	flip_bits(false, t->data, t->len, 0, 8 * t->len, 0);
	ck_assert_uint_eq(p.client.conn->state, CONN_SYN_SENT);
	ck_assert_int_eq(pair_hand(&p, false, t->data, t->len), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_uint_eq(p.client.conn->state, CONN_ACK_SENT);
	ck_assert_uint_eq(nb_replies, 0);
	stop("SYN+ACK");
}
END_TEST

/* */
START_TEST(flip_of_any_bit_of_an_ack_creates_nothing)
{
	static uint8_t ack[WIRE_MTU_MAX];

	start(3);
	dial();
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 20, 0), 0);
	const struct pair_tap *t = hold(true, WIRE_CLASS_ACK);
	const uint32_t len = t->len;

	ck_assert_uint_gt(len, 320 + 20);
	memcpy(ack, t->data, len);
	forget_client();
	/* what only the tag covers costs public-key work, and the token's rate of it is limited */
	flip_bits(true, ack, len, 0, 8 * WIRE_HEADER_BYTES, 100 * MS);
	flip_bits(true, ack, len, 8 * WIRE_HEADER_BYTES, 8 * WIRE_ACK_TEXT_AT, 10 * MS);
	flip_bits(true, ack, len, 8 * WIRE_ACK_TEXT_AT, 8 * len, 100 * MS);
	ck_assert_uint_eq(quantum_server_verdicts(p.srv)[QUANTUM_VERDICT_RATE_TOKEN], 0);
	p.now_ns += 100 * MS;
	ck_assert_uint_eq(nb_replies,
	                  1); /* without its flag it is a packet of an unknown id: RST */
	(void)pair_hand(&p, true, ack, len); /* and as it was */
	ck_assert(p.server.conn != NULL);
	ck_assert_uint_gt(p.server.conn->last_rx_ns, 0);
	stop("ACK");
}
END_TEST

/* A message is on its way, and one before it was lost, so that blocks are in the answer. */
static const struct pair_tap *
hold_protected(bool to_server)
{
	pair_establish(&p);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 90, 0), 0);
	(void)hold(true, WIRE_CLASS_PROTECTED);
	let_pass();
	if (!to_server) {
		ck_assert_int_eq(pair_send(&p, &p.client, 1, 50, 0), 0);
		return hold(false, WIRE_CLASS_PROTECTED);
	}
	return hold(true, WIRE_CLASS_PROTECTED);
}

/* */
START_TEST(flip_of_any_bit_of_a_protected_packet_to_the_server_changes_nothing)
{
	struct quantum_event ev;

	start(4);
	const struct pair_tap *t = hold_protected(true);

	flip_bits(true, t->data, t->len, 0, 8 * t->len, 0);
	ck_assert_int_eq(pair_hand(&p, true, t->data, t->len), QUANTUM_VERDICT_ACCEPTED);
	let_pass();
	pair_run(&p, 1000 * MS);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert(!pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	stop("protected packets to the server");
}
END_TEST

START_TEST(flip_of_any_bit_of_a_protected_packet_to_the_client_changes_nothing)
{
	struct wire_header hdr;

	start(5);
	const struct pair_tap *t = hold_protected(false);

	ck_assert_int_eq(wire_classify(t->data, t->len, &hdr), WIRE_CLASS_PROTECTED);
	ck_assert_int_ge(wire_protected_sacks(t->len, hdr.payload_len), 1);
	flip_bits(false, t->data, t->len, 0, 8 * t->len, 0);
	ck_assert_uint_eq(nb_replies, 0);
	ck_assert_int_eq(pair_hand(&p, false, t->data, t->len), QUANTUM_VERDICT_ACCEPTED);
	stop("protected packets to the client");
}
END_TEST

/* */
START_TEST(flip_of_any_bit_of_a_reset_ends_nothing)
{
	struct quantum_event ev;

	start(6);
	pair_establish(&p);
	forget_server();
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 90, 0), 0);
	const struct pair_tap *t = hold(false, WIRE_CLASS_RST);

	ck_assert_uint_eq(t->len, WIRE_RST_BYTES);
	flip_bits(false, t->data, t->len, 0, 8 * t->len, 0);
	ck_assert_uint_eq(nb_replies, 0);
	ck_assert(quantum_conn_established(p.client.conn));
	(void)pair_hand(&p, false, t->data, t->len);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_RESET);
	stop("RST");
}
END_TEST

/* */
START_TEST(flip_of_any_bit_of_busy_is_not_believed)
{
	struct quantum_event ev;

	start(7);
	dial();
	(void)hold(true, WIRE_CLASS_ACK);
	let_pass();
	quantum_server_set_busy(p.srv, QUANTUM_BUSY_SHUTDOWN);
	const struct pair_tap *t = hold(false, WIRE_CLASS_SYN_ACK);

	ck_assert_uint_eq(t->len, WIRE_BUSY_BYTES);
	ck_assert_uint_eq(p.client.conn->state, CONN_ACK_SENT);
	flip_bits(false, t->data, t->len, 0, 8 * t->len, 0);
	ck_assert_uint_eq(nb_replies, 0);
	(void)pair_hand(&p, false, t->data, t->len);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_BUSY, &ev));
	stop("BUSY");
}
END_TEST

TEST_SUITE(flip, &flip_of_any_bit_of_a_syn_creates_nothing,
           &flip_of_any_bit_of_a_syn_ack_is_ignored, &flip_of_any_bit_of_an_ack_creates_nothing,
           &flip_of_any_bit_of_a_protected_packet_to_the_server_changes_nothing,
           &flip_of_any_bit_of_a_protected_packet_to_the_client_changes_nothing,
           &flip_of_any_bit_of_a_reset_ends_nothing, &flip_of_any_bit_of_busy_is_not_believed)
