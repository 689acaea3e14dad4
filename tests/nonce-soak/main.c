/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/nonce-soak - no key ever seals twice under one number.
 *
 * Two ends send to each other on the protection layer: 30 % loss, an epoch skip every 1000 packets,
 * rebinds that lose and repeat what is on its way, restarts with new secrets, and numbers that
 * begin at 0 or 5 below 2^22, 2^32 and 2^62. A guard in front of the provider looks at every
 * packet.
 *
 * Usage: nonce-soak [--seals N] [--restarts N] [--seed N]     default 100000000, 100, 1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <protect/provider.h>

#include "guard.h"
#include "model.h"

#define REBIND_STEPS 100u
#define WINDOWS      8u
#define WALK_KEYS    2200u /* of a session that walks to 2^32 */

struct options {
	uint64_t seals, restarts, seed;
};

static bool
parse(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i += 2) {
		uint64_t *to = strcmp(argv[i], "--seals") == 0      ? &o->seals
		               : strcmp(argv[i], "--restarts") == 0 ? &o->restarts
		               : strcmp(argv[i], "--seed") == 0     ? &o->seed
		                                                    : NULL;
		char *end = NULL;

		if (to == NULL || i + 1 == argc)
			return false;
		*to = strtoull(argv[i + 1], &end, 10);
		if (*end != '\0')
			return false;
	}
	return o->seals > 0;
}

/* Sessions one after the other until @p nb packets are sealed. @return false: no memory, or stuck
 */
static bool
run(struct model *model, const struct guard *guard, const struct options *o)
{
	for (uint64_t session = 0; session <= o->restarts; session++) {
		const uint64_t until = o->seals / (o->restarts + 1) * (session + 1);
		enum model_start start = (enum model_start)(session % MODEL_STARTS);

		do { /* one that begins at the last numbers ends at once; another takes its place */
			const uint64_t before = guard->nb_seals;

			if (!model_connect(model, start))
				return false;
			for (uint64_t step = 1; model_step(model); step++) {
				if (step % REBIND_STEPS == 0)
					model_rebind(model);
				if (guard->nb_seals >= until)
					break;
			}
			model_disconnect(model);
			if (guard->nb_seals == before)
				return false;
			start = MODEL_ZERO;
		} while (guard->nb_seals < until);
	}
	return true;
}

static void
report(const struct model *model, const struct guard *guard, const struct options *o)
{
	const struct model_counts *c = &model->counts;

	printf("figure: nonce-soak: %llu packets sealed under %llu keys, %llu numbers not above "
	       "the one "
	       "before, %llu IVs changed\n",
	       (unsigned long long)guard->nb_seals, (unsigned long long)guard->nb_keys,
	       (unsigned long long)guard->nb_repeats, (unsigned long long)guard->nb_iv_changes);
	printf("figure: nonce-soak: %llu restarts, %llu lost, %llu opened, %llu epoch skips, %llu "
	       "epochs "
	       "crossed by counting, %llu rebinds, %llu copies of which %llu refused as seen, %llu "
	       "clean "
	       "stops at 2^62 - 1\n",
	       (unsigned long long)o->restarts, (unsigned long long)c->lost,
	       (unsigned long long)c->opened, (unsigned long long)c->updates,
	       (unsigned long long)c->crossings, (unsigned long long)c->rebinds,
	       (unsigned long long)c->copies, (unsigned long long)c->copies_refused,
	       (unsigned long long)c->clean_stops);
	printf("figure: nonce-soak: %llu of an epoch that was gone, %llu below the window, %llu "
	       "sendings "
	       "held back for an ack, %llu unexplained\n",
	       (unsigned long long)c->late_epoch, (unsigned long long)c->late_window,
	       (unsigned long long)c->held, (unsigned long long)c->unexplained);
}

/* Every kind of event has happened, and none of what must not. */
static bool
judge(const struct model *model, const struct guard *guard, const struct options *o, bool ran)
{
	const struct model_counts *c = &model->counts;
	/* Sessions 3, 7, 11 ... begin at the last numbers, and both ends stop. */
	const uint64_t stops = 2 * ((o->restarts + 1) / MODEL_STARTS);

	return ran && !guard->full && guard->nb_repeats == 0 && guard->nb_iv_changes == 0 &&
	       guard->nb_seals >= o->seals / (o->restarts + 1) * (o->restarts + 1) &&
	       c->unexplained == 0 && c->clean_stops == stops && c->copies_refused <= c->copies &&
	       c->opened > c->sent / 2 && (o->seals < 100000 || (c->updates > 0 && c->rebinds > 0));
}

int
main(int argc, char **argv)
{
	struct options o = { 100000000, 100, 1 };
	static struct model model;
	struct protect_conf conf = { .keys_max = 16 };
	struct protect *protect;
	struct guard guard;

	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: nonce-soak [--seals N] [--restarts N] [--seed N]\n");
		return 2;
	}
	const int rc = protect_create(&conf, &protect);

	if (rc != 0) {
		fprintf(stderr, "nonce-soak: %s\n", protect_create_text(rc));
		return 2;
	}
	const bool notices = guard_notices(protect_provider(protect));
	const uint64_t max_keys = 2 * o.seals / MODEL_UPDATE +
	                          WALK_KEYS * (o.restarts / MODEL_STARTS + 1) +
	                          8 * (o.restarts + 1);
	void *windows = calloc(1, aef_pool_mem_bytes(CRYPTO_REPLAY_BLOCK_BYTES, WINDOWS));

	if (!notices || windows == NULL ||
	    !guard_init(&guard, protect_provider(protect), max_keys)) {
		fprintf(stderr, "nonce-soak: the guard %s\n",
		        notices ? "has no memory" : "does not notice what it must");
		return 2;
	}
	aef_pool_init(&model.pool, "windows", windows, CRYPTO_REPLAY_BLOCK_BYTES, WINDOWS);
	aef_rng_init(&model.rng, o.seed);
	model.crypto = &guard.provider;
	printf("nonce-soak: seed %llu\n", (unsigned long long)o.seed);
	const bool ran = run(&model, &guard, &o);
	const bool good = judge(&model, &guard, &o, ran);

	report(&model, &guard, &o);
	guard_fini(&guard);
	free(windows);
	protect_destroy(protect);
	printf("%d passed, %d failed, 0 skipped\n", good, !good);
	return good ? 0 : 1;
}
