/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model.h - two ends that send as fast as they can over a bad network, on the protection layer
 * alone: crypto_tx_keys and crypto_rx_keys, packet numbers, replay windows.
 */
#ifndef NONCE_SOAK_MODEL_H
#define NONCE_SOAK_MODEL_H

#include <base/pool.h>
#include <base/rng.h>
#include <crypto/epoch.h>
#include <crypto/replay.h>

#define MODEL_BURST      32u
#define MODEL_FLIGHT     1024u /* packets on the way in one direction */
#define MODEL_UPDATE     1000u /* packets under a key, then the next epoch is forced */
#define MODEL_LOSS_PPM   300000u
#define MODEL_AAD_BYTES  32u
#define MODEL_TEXT_BYTES 16u /* the number once more, and the highest one received + 1 */

struct model_packet {
	uint8_t aad[MODEL_AAD_BYTES];
	uint8_t text[MODEL_TEXT_BYTES];
	uint8_t tag[CRYPTO_TAG_BYTES];
	uint32_t wire; /* the low half of the number: all that a receiver is told */
	uint64_t pn;   /* what it is; for judging only */
	uint64_t due;
	bool copy; /* a second one of a packet that is on its way, too */
	bool there;
};

struct model_end {
	struct crypto_tx_keys tx;
	struct crypto_rx_keys rx;
	struct crypto_replay replay;
	uint64_t next_pn;
	uint64_t nb_in_epoch;
	uint64_t highest;                         /* authenticated number + 1 */
	bool stopped;                             /* no number is left */
	struct model_packet flight[MODEL_FLIGHT]; /* to the other end */
};

struct model_counts {
	uint64_t sent, lost, opened, updates, crossings, rebinds, copies;
	uint64_t copies_refused;
	uint64_t late_epoch;  /* its key is gone, as it must be */
	uint64_t late_window; /* below the window */
	uint64_t unexplained; /* a packet that should have opened did not, or opened wrongly */
	uint64_t held;        /* the epoch was used up and nothing of it acked yet */
	uint64_t clean_stops;
};

struct model {
	const struct crypto_provider *crypto;
	struct aef_pool pool; /* of replay windows */
	struct aef_rng rng;
	struct model_end end[2];
	bool walking; /* a packet a step, none lost: to get to far numbers quickly */
	uint64_t now;
	struct model_counts counts;
};

/** Where a session's numbers begin. */
enum model_start { MODEL_ZERO, MODEL_EPOCH_END, MODEL_WIRE_WRAP, MODEL_LAST, MODEL_STARTS };

/** Connect: fresh secrets by X25519 and HKDF, numbers at @p start. @return false: no memory */
bool model_connect(struct model *model, enum model_start start);

/** Both ends forget everything, as at a restart. */
void model_disconnect(struct model *model);

/** Each end sends a burst and receives what is due. @return false when both have stopped */
bool model_step(struct model *model);

/** The client's address changes: half of what is on its way is lost, the rest arrives twice. */
void model_rebind(struct model *model);

#endif
