/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

static struct pair p;
static enum wire_class victim; /* class that is dropped */
static int victims_left;       /* that often */
static bool victim_to_server;

static bool
drop_class(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	struct wire_header hdr;

	(void)pair;
	if (to_server != victim_to_server || wire_classify(data, *len, &hdr) != victim ||
	    victims_left == 0)
		return false;
	victims_left--;
	return true;
}

static void
lose(enum wire_class clas, bool to_server, int nb)
{
	victim = clas;
	victim_to_server = to_server;
	victims_left = nb;
	p.filter = drop_class;
}

static void
must_establish_after(uint64_t ns)
{
	struct quantum_event ev;

	pair_connect(&p);
	pair_run(&p, ns);
	ck_assert(quantum_conn_established(p.client.conn));
	ck_assert_ptr_nonnull(p.server.conn);
	ck_assert_int_eq(pair_send(&p, &p.client, 0, 2000, 0), 0);
	ck_assert_int_eq(pair_send(&p, &p.server, 0, 2000, 0), 0);
	pair_run(&p, AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert_uint_eq(p.table.nb_used, 1);
	pair_fini(&p);
}

START_TEST(handshake_lost_packets_of_each_kind_are_made_good)
{
	static const struct {
		enum wire_class clas;
		bool to_server;
	} kinds[] = { { WIRE_CLASS_SYN, true },
		      { WIRE_CLASS_SYN_ACK, false },
		      { WIRE_CLASS_ACK, true },
		      { WIRE_CLASS_PROTECTED, false },
		      { WIRE_CLASS_PROTECTED, true } };

	for (unsigned i = 0; i < AEF_DIM(kinds); i++)
		for (int nb = 1; nb <= 3; nb++) {
			pair_init(&p, 10 + i);
			lose(kinds[i].clas, kinds[i].to_server, nb);
			must_establish_after(2 * AEF_NS_PER_S);
		}
}
END_TEST

static uint64_t sent_at[32];
static uint32_t seq_at[32];
static unsigned nb_sent;

static bool
note_and_drop(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	struct wire_header hdr;

	if (!to_server || wire_classify(data, *len, &hdr) != victim)
		return false;
	ck_assert_uint_lt(nb_sent, AEF_DIM(sent_at));
	seq_at[nb_sent] = hdr.seq;
	sent_at[nb_sent++] = pair->now_ns;
	return true;
}

static void
repetition(enum wire_class clas)
{
	struct quantum_event ev;

	pair_init(&p, 20);
	p.conf.limits.idle_timeout_ms = 60000;
	victim = clas;
	nb_sent = 0;
	p.filter = note_and_drop;
	pair_connect(&p);
	pair_run(&p, 10 * AEF_NS_PER_S);

	ck_assert_uint_eq(sent_at[1] - sent_at[0], 100 * MS);
	ck_assert_uint_eq(sent_at[2] - sent_at[1], 200 * MS);
	for (unsigned i = 3; i < nb_sent; i++)
		ck_assert_uint_eq(sent_at[i] - sent_at[i - 1], 400 * MS);
	ck_assert_uint_le(sent_at[nb_sent - 1] - PAIR_NS, 5 * AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_HANDSHAKE);
	pair_fini(&p);
}

/* 100, 200, then every 400 ms, 5 s in all; nothing else is sent. */
START_TEST(handshake_syn_and_ack_repeat_at_their_times_and_give_up_after_5_s)
{
	repetition(WIRE_CLASS_SYN);
	ck_assert_uint_eq(p.nb_to_client, 0);
	repetition(WIRE_CLASS_ACK);
	/* Each ACK under a new number. */
	for (unsigned i = 1; i < nb_sent; i++)
		ck_assert_uint_gt(seq_at[i], seq_at[i - 1]);
}
END_TEST

/* The first valid SYN+ACK stands; a second one, or a forged first one, changes nothing. */
START_TEST(handshake_keeps_the_first_valid_syn_ack)
{
	uint8_t first[WIRE_SYN_ACK_BYTES], forged[WIRE_SYN_ACK_BYTES];
	static const uint8_t random[64] = { 9 };
	struct wire_syn_ack kept;

	pair_init(&p, 30);
	lose(WIRE_CLASS_SYN_ACK, false, 1);
	pair_connect(&p);
	pair_run(&p, 15 * MS);
	memcpy(first, p.tap[PAIR_TO_CLIENT][WIRE_CLASS_SYN_ACK].data, sizeof(first));
	for (unsigned at = 6; at < sizeof(first); at += 3) {
		memcpy(forged, first, sizeof(first));
		forged[at] ^= 4;
		ck_assert_int_ne(pair_hand(&p, false, forged, sizeof(forged)),
		                 QUANTUM_VERDICT_ACCEPTED);
		ck_assert_int_eq(p.client.conn->state, CONN_SYN_SENT);
	}
	ck_assert_int_eq(pair_hand(&p, false, first, sizeof(first)), QUANTUM_VERDICT_ACCEPTED);
	kept = p.client.conn->hs.syn_ack;
	/* Another valid one, of the next epoch. */
	ck_assert_int_eq(quantum_server_keys_rotate(&p.keys, crypto_null_provider(), random), 0);
	(void)pair_hand(&p, true, p.tap[PAIR_TO_SERVER][WIRE_CLASS_SYN].data, WIRE_SYN_BYTES);
	ck_assert_int_eq(pair_hand(&p, false, p.tap[PAIR_TO_CLIENT][WIRE_CLASS_SYN_ACK].data,
	                           WIRE_SYN_ACK_BYTES),
	                 QUANTUM_VERDICT_WRONG_CLASS);
	ck_assert_int_eq(memcmp(&kept, &p.client.conn->hs.syn_ack, sizeof(kept)), 0);
	pair_run(&p, AEF_NS_PER_S);
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);
}
END_TEST

/* What is queued before the limits are known rides in the handshake ACK. */
START_TEST(handshake_ack_carries_data_that_arrives_with_the_connection)
{
	struct quantum_event ev;

	pair_init(&p, 40);
	pair_connect(&p);
	ck_assert_int_eq(pair_send(&p, &p.client, 15, 700, 0), 0);
	pair_run(&p, 35 * MS); /* SYN, SYN+ACK, ACK */

	ck_assert_uint_eq(p.nb_to_server, 2);
	ck_assert_ptr_nonnull(p.server.conn);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_MESSAGE, &ev));
	ck_assert_uint_eq(ev.msg.channel, 15);
	pair_fini(&p);
}
END_TEST

static bool
under(const struct pair_tap *t, const struct aef_guuid *cid)
{
	return memcmp(t->data + 6, cid->b, sizeof(cid->b)) == 0;
}

static unsigned nb_accepts;

static bool
holds(const uint8_t *data, uint32_t len, const uint8_t token[16])
{
	for (uint32_t i = 0; i + 16 <= len; i++)
		if (memcmp(data + i, token, 16) == 0)
			return true;
	return false;
}

static bool
check_ids(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	struct wire_header hdr;
	const enum wire_class clas = wire_classify(data, *len, &hdr);
	struct quantum_conn *server = pair->server.conn;

	if (clas == WIRE_CLASS_PROTECTED && to_server)
		ck_assert(aef_guuid_eq(&hdr.cid, &pair->client.conn->cid_s));
	if (clas == WIRE_CLASS_ACK || clas == WIRE_CLASS_SYN)
		ck_assert(aef_guuid_eq(&hdr.cid, &pair->client.conn->cid_c));
	if (clas == WIRE_CLASS_PROTECTED && !to_server && !server->confirmed) {
		ck_assert(aef_guuid_eq(&hdr.cid, &server->cid_c));
		/* Every packet repeats ACCEPT. */
		ck_assert(holds(data, *len, server->reset_token));
		nb_accepts++;
	}
	if (clas == WIRE_CLASS_PROTECTED && !to_server && server->confirmed)
		ck_assert(aef_guuid_eq(&hdr.cid, &server->cid_s));
	return to_server && clas == WIRE_CLASS_PROTECTED && pair->now_ns < PAIR_NS + 500 * MS;
}

/* C until the other end is known to know S; then S. */
START_TEST(handshake_ids_go_from_c_to_s)
{
	pair_init(&p, 41);
	nb_accepts = 0;
	p.filter = check_ids; /* loses what the client sends under S at first */
	pair_connect(&p);
	for (unsigned i = 0; i < 20; i++) {
		pair_run(&p, 50 * MS);
		if (p.server.conn != NULL)
			ck_assert_int_eq(pair_send(&p, &p.server, 1, 900, 0), 0);
	}
	ck_assert_uint_gt(nb_accepts, 3);
	ck_assert(p.server.conn->confirmed);
	ck_assert(under(&p.tap[PAIR_TO_CLIENT][WIRE_CLASS_PROTECTED], &p.server.conn->cid_s));
	pair_fini(&p);
}
END_TEST

/*
 * What stands behind CLOSE is not read: ACCEPT would open a connection again whose keys are
 * wiped, with an acknowledgement that is due for ever.
 */
START_TEST(handshake_accept_behind_close_does_not_open_the_connection_again)
{
	static const struct pair_craft under_c = { .under_c = true };
	const struct aef_guuid cid = { .b = { 1, 2, 3 } };
	const uint8_t reset[WIRE_RESET_BYTES] = { 4 };
	uint8_t payload[128];
	struct aef_writer w = aef_writer_make(payload, sizeof(payload));
	struct quantum_event ev;

	pair_init(&p, 45);
	victim = WIRE_CLASS_PROTECTED;
	victim_to_server = false;
	victims_left = 99;
	p.filter = drop_class;
	pair_connect(&p);
	pair_run(&p, 50 * MS);
	ck_assert_ptr_nonnull(p.server.conn);
	ck_assert(!quantum_conn_established(p.client.conn));
	wire_close_encode(&w, 16 * 7, NULL, 0);
	wire_accept_encode(&w, &cid, reset, &p.conf.limits);
	aef_write_u8(&w, WIRE_FRAME_PING);

	(void)pair_inject(&p, false, &under_c, payload, (size_t)(w.p - payload));

	ck_assert(!quantum_conn_established(p.client.conn));
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_uint_eq(ev.closed.code, 7);
	pair_run(&p, AEF_NS_PER_S);
	ck_assert_uint_eq(quantum_conn_deadline_ns(p.client.conn), AEF_TIME_NEVER);
	pair_fini(&p);
}
END_TEST

/* C in received headers: until 3 PTO after the first packet under S. */
START_TEST(handshake_client_accepts_c_for_3_pto_more)
{
	static const uint8_t ping[] = { WIRE_FRAME_PING };
	const struct pair_craft under_c = { .under_c = true };
	uint64_t grace;

	pair_init(&p, 42);
	pair_establish(&p);
	grace = p.client.conn->cid_c_until_ns;
	ck_assert_uint_ne(grace, AEF_TIME_NEVER);
	p.now_ns = aef_max_u64(p.now_ns, grace);
	p.client.conn->cid_c_until_ns = p.now_ns;
	ck_assert_int_eq(pair_inject(&p, false, &under_c, ping, 1), QUANTUM_VERDICT_ACCEPTED);
	p.now_ns++;
	ck_assert_int_eq(pair_inject(&p, false, &under_c, ping, 1), QUANTUM_VERDICT_UNKNOWN_CID);
	ck_assert_int_eq(pair_inject(&p, false, &(struct pair_craft){ 0 }, ping, 1),
	                 QUANTUM_VERDICT_ACCEPTED);
	pair_fini(&p);
}
END_TEST

/* It has no MAC: the attempt goes on, and only its end is told otherwise. */
START_TEST(handshake_version_reply_without_our_version_is_a_hint)
{
	struct quantum_event ev;
	uint8_t data[64];
	size_t len;

	pair_init(&p, 43);
	pair_connect(&p);
	len = wire_version_reply_encode(data, &p.dialed.cid);
	ck_assert_int_eq(pair_hand(&p, false, data, (uint32_t)len), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(p.client.conn->state, CONN_SYN_SENT); /* it lists our version */
	memset(data + WIRE_HEADER_BYTES, 7, len - WIRE_HEADER_BYTES);
	ck_assert_int_eq(pair_hand(&p, false, data, (uint32_t)len), QUANTUM_VERDICT_ACCEPTED);
	ck_assert(!pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	pair_run(&p, AEF_NS_PER_S);
	ck_assert(quantum_conn_established(p.client.conn)); /* it was forged */
	pair_fini(&p);

	pair_init(&p, 44);
	victim = WIRE_CLASS_SYN;
	victim_to_server = true;
	victims_left = 99;
	p.filter = drop_class;
	pair_connect(&p);
	memcpy(data + 6, p.dialed.cid.b, 16);
	ck_assert_int_eq(pair_hand(&p, false, data, (uint32_t)len), QUANTUM_VERDICT_ACCEPTED);
	pair_run(&p, 6 * AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_VERSION);
	p.filter = NULL;
	pair_establish(&p);
	memcpy(data + 6, p.dialed.cid.b, 16);
	(void)pair_hand(&p, false, data, (uint32_t)len);
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);
}
END_TEST

/* BUSY is believed only between ACK and ACCEPT, and only with its MAC. */
START_TEST(handshake_busy_out_of_its_time_or_forged_is_ignored)
{
	uint8_t data[WIRE_BUSY_BYTES];
	struct wire_busy busy = { .retry_after_ms = 1000 };
	const struct crypto_provider *crypto = crypto_null_provider();

	pair_init(&p, 44);
	lose(WIRE_CLASS_ACK, true, 100);
	pair_connect(&p);
	memcpy(busy.client_random, p.dialed.random, sizeof(busy.client_random));
	wire_busy_encode(data, &p.dialed.cid, &busy);
	handshake_mac(crypto, p.dialed.psk, MAC_LABEL_BUSY, data, WIRE_BUSY_MAC_AT,
	              data + WIRE_BUSY_MAC_AT);
	ck_assert_int_eq(pair_hand(&p, false, data, sizeof(data)), QUANTUM_VERDICT_WRONG_CLASS);
	pair_run(&p, 50 * MS);
	ck_assert_int_eq(p.client.conn->state, CONN_ACK_SENT);
	data[WIRE_BUSY_MAC_AT] ^= 1;
	ck_assert_int_eq(pair_hand(&p, false, data, sizeof(data)), QUANTUM_VERDICT_BAD_MAC);
	data[WIRE_BUSY_MAC_AT] ^= 1;
	data[WIRE_HEADER_BYTES + 17] ^= 1; /* reserved */
	ck_assert_int_eq(pair_hand(&p, false, data, sizeof(data)), QUANTUM_VERDICT_BAD_LENGTH);
	victims_left = 0;
	pair_run(&p, AEF_NS_PER_S);
	data[WIRE_HEADER_BYTES + 17] ^= 1;
	ck_assert_int_eq(pair_hand(&p, false, data, sizeof(data)), QUANTUM_VERDICT_WRONG_CLASS);
	ck_assert(quantum_conn_established(p.client.conn));
	pair_fini(&p);
}
END_TEST

START_TEST(handshake_configuration_outside_the_spec_is_refused)
{
	struct quantum_conn_conf conf;
	struct quantum_conn *conn;

	pair_init(&p, 45);
	for (unsigned i = 0; i < 6; i++) {
		quantum_conn_conf_default(&conf);
		conf.limits.message_bytes_max += i == 0;
		conf.limits.channels_max += i == 1;
		conf.mtu_max_bytes = i == 2 ? 1199 : i == 3 ? 8973 : 1452;
		conf.fec_k += i == 4;
		conf.fec_m += i == 5;
		ck_assert_int_eq(
			quantum_conn_connect(p.client.env, &conf, &p.dialed, p.now_ns, &conn),
			AEF_ERR_INVALID);
	}
	pair_fini(&p);
}
END_TEST

START_TEST(handshake_without_memory_refuses_and_tries_again)
{
	struct quantum_conn *conn[8], *extra;
	struct aef_pool *replays, *frames;

	pair_init(&p, 46);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(
			quantum_conn_connect(p.client.env, &p.conf, &p.dialed, p.now_ns, &conn[i]),
			0);
	ck_assert_int_eq(quantum_conn_connect(p.client.env, &p.conf, &p.dialed, p.now_ns, &extra),
	                 AEF_ERR_FULL);
	for (unsigned i = 0; i < 8; i++)
		quantum_conn_free(conn[i]);
	/* No replay window: the SYN+ACK is dropped and comes again. No frame: the ACK waits. */
	replays = &p.client.env->replays;
	frames = &p.client.env->frames;
	const uint32_t nb_replays = replays->nb_objs, nb_frames = frames->nb_objs;
	void *all_replays[256], **all_frames = calloc(nb_frames, sizeof(*all_frames));

	ck_assert_uint_le(nb_replays, 256);
	for (uint32_t i = 0; i < nb_replays; i++)
		all_replays[i] = aef_pool_get(replays);
	for (uint32_t i = 0; i < nb_frames; i++)
		all_frames[i] = aef_pool_get(frames);
	pair_connect(&p);
	pair_run(&p, 200 * MS);
	ck_assert_int_eq(p.client.conn->state, CONN_SYN_SENT);
	ck_assert_uint_gt(p.client.conn->stats.verdicts[QUANTUM_VERDICT_NO_ROOM], 0);
	for (uint32_t i = 0; i < nb_replays; i++)
		aef_pool_put(replays, all_replays[i]);
	pair_run(&p, 600 * MS);
	ck_assert_int_eq(p.client.conn->state, CONN_ACK_SENT);
	ck_assert_uint_eq(p.tap[PAIR_TO_SERVER][WIRE_CLASS_ACK].nb, 0);
	for (uint32_t i = 0; i < nb_frames; i++)
		aef_pool_put(frames, all_frames[i]);
	pair_run(&p, AEF_NS_PER_S);
	ck_assert(quantum_conn_established(p.client.conn));
	free(all_frames);
	pair_fini(&p);
}
END_TEST

/* Each field of the transcript changes both secrets; the two directions differ. */
START_TEST(handshake_secrets_depend_on_every_field)
{
	uint8_t token[WIRE_TOKEN_BYTES] = { 1 }, random[16] = { 2 }, cookie[16] = { 3 };
	uint8_t server_pub[32] = { 4 }, client_pub[32] = { 5 }, psk[32] = { 6 }, shared[32] = { 7 };
	uint8_t *const fields[] = { token, random, cookie, server_pub, client_pub, psk, shared };
	struct conn_transcript t = { token, random, cookie, server_pub, client_pub,
		                     psk,   shared, 1,      1 };
	struct conn_secrets base, other;

	handshake_secrets(crypto_null_provider(), &t, &base);
	ck_assert_int_ne(memcmp(base.c2s, base.s2c, 32), 0);
	for (unsigned i = 0; i < AEF_DIM(fields) + 2; i++) {
		if (i < AEF_DIM(fields))
			fields[i][9] ^= 1;
		t.cookie_epoch = i == AEF_DIM(fields) ? 2 : 1;
		t.dh_epoch = i == AEF_DIM(fields) + 1 ? 2 : 1;
		handshake_secrets(crypto_null_provider(), &t, &other);
		ck_assert_int_ne(memcmp(&base.c2s, &other.c2s, 32), 0);
		ck_assert_int_ne(memcmp(&base.s2c, &other.s2c, 32), 0);
		if (i < AEF_DIM(fields))
			fields[i][9] ^= 1;
	}
}
END_TEST

/* A connection whose client was never heard under S lives 10 s. */
START_TEST(handshake_unconfirmed_connection_of_the_server_lives_10_s)
{
	struct quantum_event ev;

	pair_init(&p, 47);
	lose(WIRE_CLASS_PROTECTED, true, 1000000);
	pair_connect(&p);
	pair_run(&p, 9 * AEF_NS_PER_S);
	ck_assert(quantum_conn_established(p.server.conn));
	pair_run(&p, 2 * AEF_NS_PER_S);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_IDLE);
	pair_fini(&p);
}
END_TEST

/* The CLOSE of a server that was not confirmed yet carries ACCEPT, too: the client learns
 * that it was connected, and why no longer. */
START_TEST(handshake_close_of_an_unconfirmed_server_carries_accept)
{
	struct quantum_event ev;

	pair_init(&p, 40);
	lose(WIRE_CLASS_PROTECTED, false, 1000);
	pair_connect(&p);
	for (unsigned i = 0; i < 100 && p.server.conn == NULL; i++)
		pair_run(&p, MS);
	ck_assert_ptr_nonnull(p.server.conn);
	pair_run(&p, 50 * MS);
	ck_assert(!p.server.conn->confirmed);
	victims_left = 0;
	quantum_conn_close(p.server.conn, 77, NULL, p.now_ns);
	pair_run(&p, 50 * MS);
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CONNECTED, &ev));
	ck_assert(pair_poll(&p, &p.client, QUANTUM_EVENT_CLOSED, &ev));
	ck_assert_int_eq(ev.closed.why, QUANTUM_CLOSE_APP);
	ck_assert_uint_eq(ev.closed.code, 77);
	pair_fini(&p);
}
END_TEST

static unsigned repairs, without_accept;

/* Opens what the server sends before the client was heard, and looks for ACCEPT. */
static bool
look_for_accept(struct pair *pair, bool to_server, uint8_t *data, uint32_t *len)
{
	uint8_t copy[WIRE_MTU_MAX];
	struct wire_header hdr;
	struct wire_frame f;
	bool found = false;

	if (to_server || wire_classify(data, *len, &hdr) != WIRE_CLASS_PROTECTED)
		return to_server && pair->server.conn != NULL;
	memcpy(copy, data, *len);
	const uint32_t at = WIRE_HEADER_BYTES +
	                    (uint32_t)wire_protected_sacks(*len, hdr.payload_len) * WIRE_SACK_BYTES;
	struct crypto_op op = { .key = crypto_rx_keys_get(&pair->client.conn->keys->rx, hdr.seq),
		                .pn = hdr.seq,
		                .aad = copy,
		                .aad_len = at,
		                .text = copy + at,
		                .text_len = hdr.payload_len,
		                .tag = copy + *len - WIRE_TAG_BYTES };
	struct aef_reader r = aef_reader_make(copy + at, hdr.payload_len);

	ck_assert_ptr_nonnull(op.key);
	crypto_null_provider()->open(crypto_null_provider()->ctx, &op, 1);
	ck_assert(op.ok);
	while (wire_frame_decode(&r, &f) == 0)
		found |= f.type == WIRE_FRAME_ACCEPT;
	without_accept += found ? 0 : 1;
	repairs += (hdr.flags & WIRE_FLAG_FEC) != 0 ? 1 : 0;
	return true;
}

/* Every packet of an unconfirmed server repeats ACCEPT; no repair before that. */
START_TEST(handshake_every_packet_before_confirmation_carries_accept)
{
	pair_init(&p, 41);
	p.conf.fec_always = true;
	repairs = without_accept = 0;
	p.filter = look_for_accept;
	pair_connect(&p);
	pair_run(&p, 45 * MS);
	ck_assert_ptr_nonnull(p.server.conn);
	for (unsigned i = 0; i < 30; i++) {
		ck_assert_int_eq(pair_send(&p, &p.server, 0, 3000, 0), 0);
		pair_run(&p, 100 * MS);
	}
	quantum_conn_close(p.server.conn, 1, "enough", p.now_ns);
	pair_run(&p, 100 * MS);
	ck_assert_uint_gt(p.tap[PAIR_TO_CLIENT][WIRE_CLASS_PROTECTED].nb, 10);
	ck_assert_uint_eq(without_accept, 0);
	ck_assert_uint_eq(repairs, 0);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(handshake, &handshake_lost_packets_of_each_kind_are_made_good,
           &handshake_syn_and_ack_repeat_at_their_times_and_give_up_after_5_s,
           &handshake_keeps_the_first_valid_syn_ack,
           &handshake_ack_carries_data_that_arrives_with_the_connection,
           &handshake_ids_go_from_c_to_s, &handshake_client_accepts_c_for_3_pto_more,
           &handshake_version_reply_without_our_version_is_a_hint,
           &handshake_accept_behind_close_does_not_open_the_connection_again,
           &handshake_busy_out_of_its_time_or_forged_is_ignored,
           &handshake_configuration_outside_the_spec_is_refused,
           &handshake_without_memory_refuses_and_tries_again,
           &handshake_secrets_depend_on_every_field,
           &handshake_unconfirmed_connection_of_the_server_lives_10_s,
           &handshake_close_of_an_unconfirmed_server_carries_accept,
           &handshake_every_packet_before_confirmation_carries_accept)
