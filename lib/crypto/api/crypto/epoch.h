/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crypto/epoch.h - key schedule of one direction: the epoch is packet number >> 22.
 *
 *   key 32, iv 12 of epoch e = Expand(secret[e], "qts1 key", 44)
 *   secret[e + 1]            = Expand(secret[e], "qts1 ku", 32)
 *
 * The receiver has keys of e - 1, e and e + 1, where e is the epoch of the highest authenticated
 * number; e + 1 is derived ahead, so that no packet of a stranger causes a derivation. The sender
 * enters e + 1 only after a packet of e was acked, so it can never be two epochs ahead. A secret is
 * wiped as soon as its successor is derived: recorded traffic of an older epoch stays closed.
 *
 * Source:  DESIGN section 4; reference security, section 4.3; RFC 9001 section 6 (the reasoning).
 * Units:   times are nanoseconds.
 * Context: the thread that owns the connection. A key pointer is valid for the driver's burst:
 * until the next call below that may derive or drop keys.
 */
#ifndef CRYPTO_EPOCH_H
#define CRYPTO_EPOCH_H

#include <crypto/pn.h>
#include <crypto/provider.h>

#define CRYPTO_EPOCH_SHIFT 22u
#define CRYPTO_EPOCH_PKTS  (1ull << CRYPTO_EPOCH_SHIFT)
#define CRYPTO_EPOCH_MAX   (CRYPTO_PN_MAX >> CRYPTO_EPOCH_SHIFT)
/** The previous epoch's keys live this many PTO after the first packet of a new one. */
#define CRYPTO_EPOCH_PREV_PTOS 3u

static inline uint64_t
crypto_epoch(uint64_t pn)
{
	return pn >> CRYPTO_EPOCH_SHIFT;
}

/** First packet number of @p epoch: where a sender skips to when it forces a new epoch. */
static inline uint64_t
crypto_epoch_first_pn(uint64_t epoch)
{
	return epoch << CRYPTO_EPOCH_SHIFT;
}

/** Sending direction. Two keys, so that a burst that was prepared before an advance stays sealable.
 */
struct crypto_tx_keys {
	struct crypto_key key[2]; /* of epoch e at e & 1 */
	uint8_t next_secret[CRYPTO_SECRET_BYTES];
	uint64_t epoch;
	bool acked;    /* a packet of `epoch` was acked: epoch + 1 may be entered */
	bool has_prev; /* the key of epoch - 1 is still there */
	bool active;   /* between init and fini */
};

/** Receiving direction. */
struct crypto_rx_keys {
	struct crypto_key key[3];                 /* of epoch e at e % 3 */
	uint8_t next_secret[CRYPTO_SECRET_BYTES]; /* of epoch + 2 */
	uint64_t epoch;                           /* of the highest authenticated number */
	uint64_t prev_until_ns;                   /* AEF_TIME_NEVER without a previous epoch */
	bool has_prev;                            /* the key of epoch - 1 is still there */
	bool active;                              /* between init and fini */
};

/**
 * Start sending at epoch 0.
 *
 * @param tx     overwritten
 * @param crypto borrowed for the call, as everywhere below; always pass the same one
 * @param secret the direction's secret; the caller wipes its copy
 */
void crypto_tx_keys_init(struct crypto_tx_keys *tx, const struct crypto_provider *crypto,
                         const uint8_t secret[CRYPTO_SECRET_BYTES]);

/** Release and wipe all keys and secrets; a zeroed or finished object is accepted. */
void crypto_tx_keys_fini(struct crypto_tx_keys *tx, const struct crypto_provider *crypto);

/**
 * The key that seals @p pn.
 *
 * @return borrowed key, or NULL when the epoch of @p pn is neither the current one nor the previous
 *         one while that is kept: then advance first, or hold the packet back
 */
struct crypto_key *crypto_tx_keys_get(struct crypto_tx_keys *tx, uint64_t pn);

/** The peer acked @p pn: opens the way to the next epoch when @p pn belongs to the current one. */
void crypto_tx_keys_on_acked(struct crypto_tx_keys *tx, uint64_t pn);

/** True when crypto_tx_keys_advance() would succeed. */
bool crypto_tx_keys_can_advance(const struct crypto_tx_keys *tx);

/**
 * Enter the next epoch. The key of the one left stays until crypto_tx_keys_drop_prev() or the next
 * advance, for packets that were prepared but not sealed yet.
 *
 * @return 0; AEF_ERR_STATE while no packet of the current epoch is acked; AEF_ERR_LIMIT at the last
 */
AEF_MUST_CHECK int crypto_tx_keys_advance(struct crypto_tx_keys *tx,
                                          const struct crypto_provider *crypto);

/** Wipe the key of the epoch left: nothing prepared under it waits for sealing any more. */
void crypto_tx_keys_drop_prev(struct crypto_tx_keys *tx, const struct crypto_provider *crypto);

/** Start receiving at epoch 0: keys of 0 and 1 are derived. Parameters as crypto_tx_keys_init(). */
void crypto_rx_keys_init(struct crypto_rx_keys *rx, const struct crypto_provider *crypto,
                         const uint8_t secret[CRYPTO_SECRET_BYTES]);

/** Release and wipe all keys and secrets; a zeroed or finished object is accepted. */
void crypto_rx_keys_fini(struct crypto_rx_keys *rx, const struct crypto_provider *crypto);

/**
 * The key that opens @p pn; changes nothing.
 *
 * @return borrowed key, or NULL when the epoch has no key: drop the packet before any crypto
 */
struct crypto_key *crypto_rx_keys_get(struct crypto_rx_keys *rx, uint64_t pn);

/**
 * A packet @p pn verified under the key that crypto_rx_keys_get() gave. When it is the first of the
 * next epoch, that becomes current, the one after it is derived, and the previous one expires after
 * three probe time-outs.
 *
 * @param pto_ns the connection's probe time-out
 * @return true when the epoch advanced; then set a timer for prev_until_ns
 */
bool crypto_rx_keys_on_authenticated(struct crypto_rx_keys *rx,
                                     const struct crypto_provider *crypto, uint64_t pn,
                                     uint64_t now_ns, uint64_t pto_ns);

/**
 * Wipe the previous epoch's key when its time has come.
 *
 * @return true when it was dropped by this call; then also call crypto_replay_drop_prev()
 */
bool crypto_rx_keys_expire(struct crypto_rx_keys *rx, const struct crypto_provider *crypto,
                           uint64_t now_ns);

#endif
