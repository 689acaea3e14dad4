/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver prepares a whole burst before it commits the first of it: what one datagram changes, the
 * next, already prepared, must not rely on.
 */
#include <base/err.h>

#include "conn_priv.h"
#include "harness.h"
#include "pair.h"

#define MS AEF_NS_PER_MS

static struct pair p;

/* Datagrams of the client, sealed and kept from the network. */
static struct burst {
	struct quantum_rx rx;
	uint8_t data[WIRE_MTU_BASE];
} burst[8];

static void
start(uint64_t seed)
{
	pair_init(&p, seed);
	p.conf.pmtud = false;
	pair_establish(&p);
	pair_run(&p, 500 * MS);
}

/* Seal frames as the client does, under number @p pn, into the n-th place. */
static void
seal(unsigned nth, uint64_t pn, const uint8_t *payload, uint32_t len)
{
	const struct crypto_provider *crypto = crypto_null_provider();
	struct quantum_conn *from = p.client.conn;
	struct burst *b = &burst[nth];
	const struct wire_header hdr = { .version = WIRE_VERSION,
		                         .payload_len = (uint16_t)len,
		                         .seq = (uint32_t)pn,
		                         .ack = (uint32_t)from->acktr.ack,
		                         .cid = from->cid_s };
	struct crypto_op op = { .key = crypto_tx_keys_get(&from->keys->tx, pn),
		                .pn = pn,
		                .aad = b->data,
		                .aad_len = WIRE_HEADER_BYTES,
		                .text = b->data + WIRE_HEADER_BYTES,
		                .text_len = len,
		                .tag = b->data + WIRE_HEADER_BYTES + len };

	wire_header_encode(b->data, &hdr);
	memcpy(op.text, payload, len);
	crypto->seal(crypto->ctx, &op, 1);
	b->rx = (struct quantum_rx){ .data = b->data,
		                     .len = WIRE_HEADER_BYTES + len + WIRE_TAG_BYTES,
		                     .from = p.client_addr };
}

static void
prepare_and_open(unsigned nb)
{
	const struct crypto_provider *crypto = crypto_null_provider();

	for (unsigned i = 0; i < nb; i++)
		ck_assert_int_eq(quantum_conn_rx_prepare(p.server.conn, &burst[i].rx, p.now_ns),
		                 QUANTUM_VERDICT_ACCEPTED);
	for (unsigned i = 0; i < nb; i++)
		crypto->open(crypto->ctx, &burst[i].rx.op, 1);
}

static enum quantum_verdict
commit(unsigned nth)
{
	return quantum_conn_rx_commit(p.server.conn, &burst[nth].rx, p.now_ns);
}

static const uint8_t ping[] = { WIRE_FRAME_PING };

/* The window judges again at the commit: prepare saw both copies as new. */
START_TEST(burst_of_two_copies_is_processed_once)
{
	start(60);
	const uint64_t pn = quantum_rtx_pn_peek(&p.client.conn->rtx);
	const uint64_t rx_pkts = p.server.conn->stats.rx_pkts;

	seal(0, pn, ping, sizeof(ping));
	seal(1, pn, ping, sizeof(ping));
	prepare_and_open(2);
	ck_assert_int_eq(commit(0), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(commit(1), QUANTUM_VERDICT_DUPLICATE);
	ck_assert_uint_eq(p.server.conn->stats.rx_pkts, rx_pkts + 1);
	pair_fini(&p);
}
END_TEST

/* The first of the burst moves the window past the second. */
START_TEST(burst_whose_first_moves_the_window_drops_what_falls_below_it)
{
	start(61);
	const uint64_t pn = quantum_rtx_pn_peek(&p.client.conn->rtx);

	seal(0, pn + 5000, ping, sizeof(ping));
	seal(1, pn, ping, sizeof(ping));
	prepare_and_open(2);
	ck_assert_int_eq(commit(0), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(commit(1), QUANTUM_VERDICT_OLD);
	pair_fini(&p);
}
END_TEST

/* */
START_TEST(burst_behind_the_peers_close_is_dropped)
{
	static const uint8_t close_frame[] = { WIRE_FRAME_CLOSE, 16, 0 };
	struct quantum_event ev;

	start(62);
	const uint64_t pn = quantum_rtx_pn_peek(&p.client.conn->rtx);

	seal(0, pn, close_frame, sizeof(close_frame));
	seal(1, pn + 1, ping, sizeof(ping));
	prepare_and_open(2);
	ck_assert_int_eq(commit(0), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(commit(1), QUANTUM_VERDICT_CLOSED);
	ck_assert_uint_eq(p.server.conn->stats.verdicts[QUANTUM_VERDICT_CLOSED], 1);
	ck_assert(pair_poll(&p, &p.server, QUANTUM_EVENT_CLOSED, &ev));
	pair_fini(&p);
}
END_TEST

/* Both carry the first numbers of the next epoch; the keys move once. */
START_TEST(burst_into_a_new_key_epoch_advances_it_once)
{
	start(63);
	struct quantum_conn *from = p.client.conn;

	crypto_tx_keys_on_acked(&from->keys->tx, 0);
	ck_assert_int_eq(crypto_tx_keys_advance(&from->keys->tx, crypto_null_provider()), 0);
	const uint64_t late = quantum_rtx_pn_peek(&from->rtx);

	seal(0, CRYPTO_EPOCH_PKTS, ping, sizeof(ping));
	seal(1, CRYPTO_EPOCH_PKTS + 1, ping, sizeof(ping));
	seal(2, late, ping, sizeof(ping));
	prepare_and_open(3);
	ck_assert_int_eq(commit(0), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(commit(1), QUANTUM_VERDICT_ACCEPTED);
	ck_assert_int_eq(commit(2), QUANTUM_VERDICT_ACCEPTED); /* the epoch before is still open */
	ck_assert_uint_eq(p.server.conn->keys->rx.epoch, 1);
	pair_fini(&p);
}
END_TEST

/* No memory to widen the window: it stays, and nothing else suffers. */
START_TEST(burst_beyond_the_window_without_memory_keeps_the_window)
{
	void *taken[64];
	unsigned nb = 0;

	start(64);
	const uint64_t pn = quantum_rtx_pn_peek(&p.client.conn->rtx);

	while ((taken[nb] = aef_pool_get(&p.server.env->replays)) != NULL)
		ck_assert_uint_lt(++nb, AEF_DIM(taken));
	for (uint64_t i = 0; i < 2 * CRYPTO_REPLAY_BLOCK_BITS + 100; i++) {
		seal(0, pn + i, ping, sizeof(ping));
		prepare_and_open(1);
		ck_assert_int_eq(commit(0), QUANTUM_VERDICT_ACCEPTED);
	}
	ck_assert_uint_eq(crypto_replay_bits(&p.server.conn->replay), CRYPTO_REPLAY_BLOCK_BITS);
	while (nb > 0)
		aef_pool_put(&p.server.env->replays, taken[--nb]);
	pair_fini(&p);
}
END_TEST

TEST_SUITE(burst, &burst_of_two_copies_is_processed_once,
           &burst_whose_first_moves_the_window_drops_what_falls_below_it,
           &burst_behind_the_peers_close_is_dropped, &burst_into_a_new_key_epoch_advances_it_once,
           &burst_beyond_the_window_without_memory_keeps_the_window)
