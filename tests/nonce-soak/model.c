/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model.c - two ends on the protection layer.
 */
#include "model.h"

#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <protect/mem.h>

#define PTO_STEPS    300u /* longer than the longest way */
#define DELAY_STEPS  20u
#define SKIP_ONE_IN  100u /* numbers skipped at random, as against optimistic acks */
#define EPOCH_END_PN (CRYPTO_EPOCH_PKTS - 5)
#define WIRE_WRAP_PN ((1ull << 32) - 5)
#define LAST_PN      ((1ull << 62) - 5)

/* One secret for each direction, by the real way: a fresh psk and X25519 of fresh keys. */
static int
make_secrets(const struct crypto_provider *crypto, uint8_t ret[2][CRYPTO_SECRET_BYTES])
{
	static const char *const names[2] = { "c2s", "s2c" };
	uint8_t random[96], a[32], a_pub[32], b[32], b_pub[32], shared[32], prk[32];
	int rc;

	if ((rc = protect_random(random, sizeof(random))) != 0 ||
	    (rc = crypto->dh_keygen(crypto->ctx, random, a, a_pub)) != 0 ||
	    (rc = crypto->dh_keygen(crypto->ctx, random + 32, b, b_pub)) != 0 ||
	    (rc = crypto->dh(crypto->ctx, a, b_pub, shared)) != 0)
		return rc;
	crypto->hkdf_extract(crypto->ctx, random + 64, 32, shared, sizeof(shared), prk);
	for (unsigned i = 0; i < 2; i++)
		crypto->hkdf_expand(crypto->ctx, prk, names[i], 3, ret[i], CRYPTO_SECRET_BYTES);
	return 0;
}

/* The last epoch cannot be walked to, it is 2^40 steps away: the keys of epoch 0 are called its. */
static void
jump_to_last(struct model_end *end)
{
	end->tx.epoch = end->rx.epoch = CRYPTO_EPOCH_MAX;
	end->tx.key[CRYPTO_EPOCH_MAX & 1] = end->tx.key[0]; /* slot 0 still */
	end->rx.key[CRYPTO_EPOCH_MAX % 3] = end->rx.key[0];
	end->replay.cur.epoch = CRYPTO_EPOCH_MAX;
	end->next_pn = LAST_PN;
	end->highest = LAST_PN;
}

bool
model_connect(struct model *model, enum model_start start)
{
	uint8_t secrets[2][CRYPTO_SECRET_BYTES];

	if (make_secrets(model->crypto, secrets) != 0)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		struct model_end *end = &model->end[i];

		memset(end, 0, sizeof(*end));
		if (crypto_replay_init(&end->replay, &model->pool) != 0)
			return false;
		crypto_tx_keys_init(&end->tx, model->crypto, secrets[i]);
		crypto_rx_keys_init(&end->rx, model->crypto, secrets[1 - i]);
		if (start == MODEL_EPOCH_END)
			end->next_pn = EPOCH_END_PN;
		else if (start == MODEL_LAST)
			jump_to_last(end);
		end->highest = aef_max_u64(end->highest, end->next_pn);
	}
	/* 2^32 is 1,024 epochs away: walk there, a packet and its ack in each. */
	model->walking = true;
	while (start == MODEL_WIRE_WRAP && model->end[0].next_pn < WIRE_WRAP_PN) {
		for (unsigned i = 0; i < 2; i++) {
			struct model_end *end = &model->end[i];

			end->nb_in_epoch = MODEL_UPDATE;
			if (crypto_tx_keys_can_advance(&end->tx) &&
			    end->tx.epoch + 1 == crypto_epoch(WIRE_WRAP_PN)) {
				if (crypto_tx_keys_advance(&end->tx, model->crypto) != 0)
					return false;
				end->next_pn = WIRE_WRAP_PN;
				end->nb_in_epoch = 0;
			}
		}
		if (!model_step(model))
			return false;
	}
	model->walking = false;
	return true;
}

void
model_disconnect(struct model *model)
{
	for (unsigned i = 0; i < 2; i++) {
		crypto_tx_keys_fini(&model->end[i].tx, model->crypto);
		crypto_rx_keys_fini(&model->end[i].rx, model->crypto);
		crypto_replay_fini(&model->end[i].replay, &model->pool);
	}
}

/* A place for a packet on its way; NULL: the network is full, it is lost. */
static struct model_packet *
flight_place(struct model *model, struct model_end *end)
{
	for (unsigned tries = 0; tries < 6; tries++) {
		struct model_packet *p = &end->flight[aef_rng_below(&model->rng, MODEL_FLIGHT)];

		if (!p->there)
			return p;
	}
	return NULL;
}

/* The next number, in the next epoch when that is due and allowed. @return false: not now, or never
 */
static bool
take_number(struct model *model, struct model_end *end, uint64_t *ret_pn)
{
	if (end->next_pn > CRYPTO_PN_MAX) {
		/* nothing is left that could seal, however one asks. */
		const bool clean = crypto_tx_keys_get(&end->tx, end->next_pn) == NULL &&
		                   !crypto_tx_keys_can_advance(&end->tx) &&
		                   crypto_tx_keys_advance(&end->tx, model->crypto) != 0;

		if (!end->stopped)
			model->counts.clean_stops += clean;
		end->stopped = true;
		return false;
	}
	const bool crossed = crypto_epoch(end->next_pn) != end->tx.epoch;

	if (crossed || end->nb_in_epoch >= MODEL_UPDATE) {
		if (crypto_tx_keys_advance(&end->tx, model->crypto) == 0) {
			end->next_pn = crypto_epoch_first_pn(end->tx.epoch);
			end->nb_in_epoch = 0;
			model->counts.updates += !crossed;
			model->counts.crossings += crossed;
		} else if (crossed) {
			model->counts.held++;
			return false;
		}
	}
	*ret_pn = end->next_pn++;
	end->nb_in_epoch++;
	if (*ret_pn < LAST_PN && aef_rng_below(&model->rng, SKIP_ONE_IN) == 0)
		end->next_pn += 1 + aef_rng_below(&model->rng, 3);
	return true;
}

static void
send_burst(struct model *model, struct model_end *end)
{
	struct model_packet packets[MODEL_BURST];
	struct crypto_op ops[MODEL_BURST];
	unsigned nb = 0;
	uint64_t pn;

	const unsigned max = model->walking ? 1 : MODEL_BURST;

	while (nb < max && take_number(model, end, &pn)) {
		struct model_packet *p = &packets[nb];

		p->pn = pn;
		p->wire = (uint32_t)pn;
		p->there = true;
		p->copy = false;
		memset(p->aad, 0, sizeof(p->aad));
		aef_store_be32(p->aad + 22, p->wire);
		aef_store_be64(p->text, pn);
		aef_store_be64(p->text + 8, end->highest);
		ops[nb] = (struct crypto_op){
			.key = crypto_tx_keys_get(&end->tx, pn),
			.pn = pn,
			.aad = p->aad,
			.aad_len = sizeof(p->aad),
			.text = p->text,
			.text_len = sizeof(p->text),
			.tag = p->tag,
		};
		if (ops[nb].key == NULL) {
			model->counts.unexplained++;
			return;
		}
		nb++;
	}
	model->crypto->seal(model->crypto->ctx, ops, nb);
	for (unsigned i = 0; i < nb; i++) {
		struct model_packet *place = flight_place(model, end);

		model->counts.sent++;
		if (place == NULL ||
		    (!model->walking && aef_rng_chance_ppm(&model->rng, MODEL_LOSS_PPM))) {
			model->counts.lost++;
			continue;
		}
		packets[i].due = model->now;
		if (!model->walking)
			packets[i].due += 1 + aef_rng_below(&model->rng, DELAY_STEPS);
		*place = packets[i];
	}
}

/* A packet whose tag verified: only now may it change anything. */
static void
take_packet(struct model *model, struct model_end *end, const struct model_packet *p, uint64_t pn)
{
	const int rc = crypto_replay_commit(&end->replay, &model->pool, pn);

	if (rc == AEF_ERR_DUPLICATE) {
		model->counts.copies_refused++;
		return;
	}
	if (rc != 0) {
		model->counts.late_window++;
		return;
	}
	if (pn != p->pn || aef_load_be64(p->text) != pn) {
		model->counts.unexplained++;
		return;
	}
	model->counts.opened++;
	if (crypto_rx_keys_on_authenticated(&end->rx, model->crypto, pn, model->now, PTO_STEPS))
		end->highest = 0; /* so that the line below takes it; epochs only rise */
	end->highest = aef_max_u64(end->highest, pn + 1);
	const uint64_t ack = aef_load_be64(p->text + 8);

	if (ack > 0)
		crypto_tx_keys_on_acked(&end->tx, ack - 1);
}

/* Open up to a burst of what has arrived at @p end from @p from. */
static void
receive_burst(struct model *model, struct model_end *end, struct model_end *from, unsigned *ret_at)
{
	struct model_packet *packets[MODEL_BURST];
	struct crypto_op ops[MODEL_BURST];
	unsigned nb = 0;

	for (; *ret_at < MODEL_FLIGHT && nb < MODEL_BURST; ++*ret_at) {
		struct model_packet *p = &from->flight[*ret_at];

		if (!p->there || p->due > model->now)
			continue;
		p->there = false;
		const uint64_t pn = crypto_pn_expand(end->highest, p->wire);
		struct crypto_key *key = crypto_rx_keys_get(&end->rx, pn);

		if (key == NULL) {
			/* Right only for an epoch that is gone. */
			const bool gone = crypto_epoch(p->pn) < end->rx.epoch;

			model->counts.late_epoch += gone;
			model->counts.unexplained += !gone;
			continue;
		}
		packets[nb] = p;
		ops[nb++] = (struct crypto_op){ .key = key,
			                        .pn = pn,
			                        .aad = p->aad,
			                        .aad_len = sizeof(p->aad),
			                        .text = p->text,
			                        .text_len = sizeof(p->text),
			                        .tag = p->tag };
	}
	model->crypto->open(model->crypto->ctx, ops, nb);
	for (unsigned i = 0; i < nb; i++) {
		if (ops[i].ok)
			take_packet(model, end, packets[i], ops[i].pn);
		else
			model->counts.unexplained++;
	}
}

bool
model_step(struct model *model)
{
	model->now++;
	for (unsigned i = 0; i < 2; i++)
		send_burst(model, &model->end[i]);
	for (unsigned i = 0; i < 2; i++) {
		struct model_end *end = &model->end[i];

		if (crypto_rx_keys_expire(&end->rx, model->crypto, model->now))
			crypto_replay_drop_prev(&end->replay, &model->pool);
		for (unsigned at = 0; at < MODEL_FLIGHT;)
			receive_burst(model, end, &model->end[1 - i], &at);
	}
	return !model->end[0].stopped || !model->end[1].stopped;
}

void
model_rebind(struct model *model)
{
	model->counts.rebinds++;
	for (unsigned i = 0; i < 2; i++) {
		struct model_end *end = &model->end[i];

		for (unsigned k = 0; k < MODEL_FLIGHT; k++) {
			struct model_packet *p = &end->flight[k];

			if (!p->there)
				continue;
			struct model_packet *place = flight_place(model, end);

			if (aef_rng_below(&model->rng, 2) == 0) {
				p->there = false;
				model->counts.lost++;
			} else if (place != NULL) { /* from a third address, later */
				*place = *p;
				place->copy = true;
				place->due += DELAY_STEPS;
				model->counts.copies++;
			}
		}
	}
}
