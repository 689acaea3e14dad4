/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <base/time.h>
#include <crypto/epoch.h>
#include <crypto_null/null_provider.h>

#include "harness.h"

#define PTO_NS (30 * AEF_NS_PER_MS)

/* The null provider with key_release counted, and slots that a cache would hand out. */
static unsigned nb_released;
static struct crypto_provider crypto;

static void
count_release(void *ctx, struct crypto_key *key)
{
	(void)ctx;
	ck_assert_uint_ne(key->slot, 0);
	key->slot = 0;
	nb_released++;
}

static const uint8_t secret[CRYPTO_SECRET_BYTES] = "thirty-two bytes of shared word";
static struct crypto_tx_keys tx;
static struct crypto_rx_keys rx;

static void
setup(void)
{
	crypto = *crypto_null_provider();
	crypto.key_release = count_release;
	nb_released = 0;
	crypto_tx_keys_init(&tx, &crypto, secret);
	crypto_rx_keys_init(&rx, &crypto, secret);
}

static void
teardown(void)
{
	static const struct crypto_tx_keys no_tx;
	static const struct crypto_rx_keys no_rx;

	crypto_tx_keys_fini(&tx, &crypto);
	crypto_rx_keys_fini(&rx, &crypto);
	crypto_tx_keys_fini(&tx, &crypto);
	crypto_rx_keys_fini(&rx, &crypto);
	ck_assert_mem_eq(&tx, &no_tx, sizeof(tx));
	ck_assert_mem_eq(&rx, &no_rx, sizeof(rx));
	ck_assert_ptr_null(crypto_tx_keys_get(&tx, 0));
	ck_assert_ptr_null(crypto_rx_keys_get(&rx, 0));
}

static void
assert_same_key(uint64_t pn)
{
	const struct crypto_key *a = crypto_tx_keys_get(&tx, pn);
	const struct crypto_key *b = crypto_rx_keys_get(&rx, pn);

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_mem_eq(a->key, b->key, CRYPTO_KEY_BYTES);
	ck_assert_mem_eq(a->iv, b->iv, CRYPTO_IV_BYTES);
}

START_TEST(epoch_keys_follow_the_labels_of_the_schedule)
{
	uint8_t want[44], next[32];

	setup();
	crypto.hkdf_expand(crypto.ctx, secret, "qts1 key", 8, want, sizeof(want));
	ck_assert_mem_eq(crypto_tx_keys_get(&tx, 0)->key, want, 32);
	ck_assert_mem_eq(crypto_tx_keys_get(&tx, 0)->iv, want + 32, 12);

	crypto.hkdf_expand(crypto.ctx, secret, "qts1 ku", 7, next, sizeof(next));
	crypto.hkdf_expand(crypto.ctx, next, "qts1 key", 8, want, sizeof(want));
	ck_assert_mem_eq(crypto_rx_keys_get(&rx, CRYPTO_EPOCH_PKTS)->key, want, 32);
	teardown();
}
END_TEST

START_TEST(epoch_sender_stays_until_a_packet_of_the_current_epoch_is_acked)
{
	setup();
	ck_assert_int_eq(crypto_tx_keys_advance(&tx, &crypto), AEF_ERR_STATE);
	ck_assert(!crypto_tx_keys_can_advance(&tx));
	ck_assert_ptr_null(crypto_tx_keys_get(&tx, CRYPTO_EPOCH_PKTS));
	crypto_tx_keys_on_acked(&tx, CRYPTO_EPOCH_PKTS); /* another epoch proves nothing */
	ck_assert(!crypto_tx_keys_can_advance(&tx));
	crypto_tx_keys_on_acked(&tx, CRYPTO_EPOCH_PKTS - 1);
	ck_assert_int_eq(crypto_tx_keys_advance(&tx, &crypto), 0);

	ck_assert_ptr_nonnull(crypto_tx_keys_get(&tx, CRYPTO_EPOCH_PKTS));
	ck_assert_ptr_nonnull(crypto_tx_keys_get(&tx, CRYPTO_EPOCH_PKTS - 1));
	ck_assert_int_eq(crypto_tx_keys_advance(&tx, &crypto), AEF_ERR_STATE);
	crypto_tx_keys_drop_prev(&tx, &crypto);
	crypto_tx_keys_drop_prev(&tx, &crypto);
	ck_assert_ptr_null(crypto_tx_keys_get(&tx, CRYPTO_EPOCH_PKTS - 1));
	ck_assert_ptr_nonnull(crypto_tx_keys_get(&tx, CRYPTO_EPOCH_PKTS));
	teardown();
}
END_TEST

START_TEST(epoch_sender_stops_at_the_last_epoch)
{
	setup();
	tx.epoch = CRYPTO_EPOCH_MAX;
	crypto_tx_keys_on_acked(&tx, CRYPTO_PN_MAX);

	ck_assert(!crypto_tx_keys_can_advance(&tx));
	ck_assert_int_eq(crypto_tx_keys_advance(&tx, &crypto), AEF_ERR_LIMIT);
	teardown();
}
END_TEST

START_TEST(epoch_both_sides_agree_over_many_epochs)
{
	setup();
	for (uint64_t e = 0; e < 20; e++) {
		const uint64_t pn = crypto_epoch_first_pn(e) + e;

		assert_same_key(pn);
		ck_assert(crypto_rx_keys_on_authenticated(&rx, &crypto, pn, e, PTO_NS) == (e > 0));
		ck_assert(!crypto_rx_keys_on_authenticated(&rx, &crypto, pn + 1, e, PTO_NS));
		assert_same_key(pn + 1);
		crypto_tx_keys_on_acked(&tx, pn);
		ck_assert_int_eq(crypto_tx_keys_advance(&tx, &crypto), 0);
		assert_same_key(pn); /* the receiver has not heard of the advance yet */
	}
	teardown();
}
END_TEST

START_TEST(epoch_receiver_has_keys_of_three_epochs_only)
{
	const uint64_t p = CRYPTO_EPOCH_PKTS;

	setup();
	ck_assert_ptr_nonnull(crypto_rx_keys_get(&rx, p - 1));
	ck_assert_ptr_nonnull(crypto_rx_keys_get(&rx, p));
	ck_assert_ptr_null(crypto_rx_keys_get(&rx, 2 * p));
	ck_assert_ptr_null(crypto_rx_keys_get(&rx, CRYPTO_PN_MAX));
	ck_assert_ptr_null(crypto_rx_keys_get(&rx, UINT64_MAX));

	ck_assert(crypto_rx_keys_on_authenticated(&rx, &crypto, p + 7, 0, PTO_NS));
	ck_assert(crypto_rx_keys_on_authenticated(&rx, &crypto, 2 * p, 0, PTO_NS));
	ck_assert_ptr_null(crypto_rx_keys_get(&rx, 0));
	ck_assert_ptr_nonnull(crypto_rx_keys_get(&rx, p));
	ck_assert_ptr_nonnull(crypto_rx_keys_get(&rx, 3 * p));
	ck_assert_ptr_null(crypto_rx_keys_get(&rx, 4 * p));
	teardown();
}
END_TEST

START_TEST(epoch_previous_key_dies_after_three_probe_timeouts)
{
	const uint64_t p = CRYPTO_EPOCH_PKTS, now = 5 * AEF_NS_PER_S;

	setup();
	ck_assert(!crypto_rx_keys_expire(&rx, &crypto, UINT64_MAX - 1));
	ck_assert(crypto_rx_keys_on_authenticated(&rx, &crypto, p, now, PTO_NS));
	ck_assert_uint_eq(rx.prev_until_ns, now + 3 * PTO_NS);
	ck_assert(!crypto_rx_keys_expire(&rx, &crypto, now + 3 * PTO_NS - 1));
	ck_assert_ptr_nonnull(crypto_rx_keys_get(&rx, p - 1));

	ck_assert(crypto_rx_keys_expire(&rx, &crypto, now + 3 * PTO_NS));
	ck_assert_ptr_null(crypto_rx_keys_get(&rx, p - 1));
	ck_assert(!crypto_rx_keys_expire(&rx, &crypto, UINT64_MAX));
	ck_assert_uint_eq(rx.prev_until_ns, AEF_TIME_NEVER);
	ck_assert_ptr_nonnull(crypto_rx_keys_get(&rx, p));
	ck_assert_ptr_nonnull(crypto_rx_keys_get(&rx, 2 * p));
	ck_assert(crypto_rx_keys_on_authenticated(&rx, &crypto, 2 * p, now, UINT64_MAX));
	ck_assert_uint_eq(rx.prev_until_ns, UINT64_MAX); /* saturates */
	teardown();
}
END_TEST

START_TEST(epoch_destroyed_keys_are_released_and_wiped)
{
	static const struct crypto_key empty;
	struct crypto_key *first;

	setup();
	first = crypto_rx_keys_get(&rx, 0);
	first->slot = 9; /* the provider has expanded it */
	crypto_tx_keys_get(&tx, 0)->slot = 8;
	ck_assert(crypto_rx_keys_on_authenticated(&rx, &crypto, CRYPTO_EPOCH_PKTS, 0, PTO_NS));
	ck_assert_uint_eq(nb_released, 0);
	ck_assert(crypto_rx_keys_expire(&rx, &crypto, 3 * PTO_NS));

	ck_assert_uint_eq(nb_released, 1);
	ck_assert_mem_eq(first, &empty, sizeof(empty));
	teardown();
	ck_assert_uint_eq(nb_released, 2);
}
END_TEST

TEST_SUITE(epoch, &epoch_keys_follow_the_labels_of_the_schedule,
           &epoch_sender_stays_until_a_packet_of_the_current_epoch_is_acked,
           &epoch_sender_stops_at_the_last_epoch, &epoch_both_sides_agree_over_many_epochs,
           &epoch_receiver_has_keys_of_three_epochs_only,
           &epoch_previous_key_dies_after_three_probe_timeouts,
           &epoch_destroyed_keys_are_released_and_wiped)
