/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/replay-soak - recorded packets, replayed.
 *
 * A sender seals packets; the network reorders them within the window; an attacker records each and
 * sends it three more times, shuffled, when it is 0 to 10,000 numbers old. The receiver does what
 * the engine does: number from its low half, key of its epoch, open, commit. Every replay is a
 * genuine packet whose tag verifies, so the window alone stands against it.
 *
 * Runs: the 2,048-number window in one epoch, across 2^32, up to 2^62 - 1, across forced epochs,
 * and with a window grown to 65,536. After each the pool of windows must be whole again.
 *
 * Usage: replay-soak [--packets N] [--seed N]     packets of each run; default 1000000, 1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <base/pool.h>
#include <base/rng.h>
#include <crypto/epoch.h>
#include <crypto/replay.h>
#include <protect/provider.h>

#define RECORDED   16384u /* packets kept, a ring; more than the oldest replay */
#define REPLAYS    3u
#define SKIP_EVERY 1000u
#define AGE_MAX    10000u
#define BURST      32u
#define AAD_BYTES  32u
#define TEXT       8u
#define WHEEL      32768u /* steps ahead for which something is planned */
#define PTO_STEPS  20000u
#define WINDOWS    80u

struct run_kind {
	const char *name;
	uint64_t first;      /* packet number */
	uint32_t window;     /* numbers */
	uint32_t reorder;    /* how late a fresh packet may be */
	uint32_t skip;       /* now and then so many numbers at most are left out */
	uint64_t epoch_pkts; /* a new epoch is forced after so many; 0: never */
};

static const struct run_kind kinds[] = {
	{ "window of 2048", 0, 2048, 2047, 0, 0 },
	{ "across 2^32", (1ull << 32) - 300000, 2048, 2047, 0, 0 },
	{ "up to 2^62 - 1", 0, 2048, 2047, 0, 0 }, /* the start depends on the number of packets */
	{ "skips of up to 6000", 77, 2048, 2047, 6000, 0 },
	{ "forced epochs", 0, 2048, 1000, 0, 50000 },
	{ "window of 65536", 5, 65536, 9000, 0, 0 },
};

struct record {
	uint64_t nr, pn;
	bool arrived; /* the original did */
	uint8_t aad[AAD_BYTES], text[TEXT], tag[CRYPTO_TAG_BYTES];
};

/* Something that arrives in a step: a fresh packet or a replay. */
struct arrival {
	uint64_t nr; /* of the packet, in order of sending */
	bool replay;
	struct arrival *next;
};

struct counts {
	uint64_t fresh, fresh_refused, replays, accepted,
		early; /* early: a replay before its original */
	uint64_t not_opened;
};

struct rig {
	const struct crypto_provider *crypto;
	const struct run_kind *kind;
	struct aef_pool pool;
	struct aef_rng rng;
	struct crypto_tx_keys tx;
	struct crypto_rx_keys rx;
	struct crypto_replay replay;
	struct counts counts;
	struct record *records; /* of packet nr at nr % RECORDED */
	struct arrival *wheel[WHEEL];
	struct arrival *free;
	uint64_t nb_packets;
	uint64_t highest; /* authenticated + 1 */
	uint64_t step;
};

static void
plan(struct rig *rig, uint64_t delay, uint64_t nr, bool replay)
{
	struct arrival *a = rig->free;
	struct arrival **at = &rig->wheel[(rig->step + delay) % WHEEL];

	if (a != NULL)
		rig->free = a->next;
	else if ((a = malloc(sizeof(*a))) == NULL)
		abort();
	*a = (struct arrival){ nr, replay, *at };
	*at = a;
}

static void
start_keys(struct rig *rig, uint64_t seed)
{
	const uint64_t epoch = crypto_epoch(rig->kind->first);
	uint8_t secret[CRYPTO_SECRET_BYTES] = { 0 };

	memcpy(secret, &seed, sizeof(seed));
	crypto_tx_keys_init(&rig->tx, rig->crypto, secret);
	crypto_rx_keys_init(&rig->rx, rig->crypto, secret);
	if (crypto_replay_init(&rig->replay, &rig->pool) != 0 ||
	    crypto_replay_grow(&rig->replay, &rig->pool, rig->kind->window) != 0)
		abort();
	/* Far epochs are not walked to: the keys of 0 and 1 are called those of @epoch and the
	 * next. */
	if (epoch > 0) {
		const struct crypto_key zero = rig->rx.key[0], one = rig->rx.key[1];

		memset(rig->rx.key, 0, sizeof(rig->rx.key));
		rig->rx.key[epoch % 3] = zero;
		rig->rx.key[(epoch + 1) % 3] = one;
		rig->rx.epoch = epoch;
		rig->tx.key[epoch & 1] = rig->tx.key[0];
		rig->tx.epoch = epoch;
		rig->replay.cur.epoch = epoch;
	}
	rig->highest = rig->kind->first;
}

/* Seal number @p pn and keep it. */
static void
record(struct rig *rig, uint64_t nr, uint64_t pn)
{
	struct record *r = &rig->records[nr % RECORDED];
	struct crypto_op op = { .key = crypto_tx_keys_get(&rig->tx, pn),
		                .pn = pn,
		                .aad = r->aad,
		                .aad_len = AAD_BYTES,
		                .text = r->text,
		                .text_len = TEXT,
		                .tag = r->tag };

	r->nr = nr;
	r->pn = pn;
	r->arrived = false;
	memset(r->aad, 7, sizeof(r->aad));
	aef_store_be64(r->text, pn);
	if (op.key == NULL)
		abort();
	rig->crypto->seal(rig->crypto->ctx, &op, 1);
}

/* The way of a received packet, as the engine goes it. @return 0: accepted */
static int
receive(struct rig *rig, const struct record *r)
{
	uint8_t text[TEXT], tag[CRYPTO_TAG_BYTES];
	const uint64_t pn = crypto_pn_expand(rig->highest, (uint32_t)r->pn);
	struct crypto_op op = { .key = crypto_rx_keys_get(&rig->rx, pn),
		                .pn = pn,
		                .aad = r->aad,
		                .aad_len = AAD_BYTES,
		                .text = text,
		                .text_len = TEXT,
		                .tag = tag };
	int rc;

	if (op.key == NULL)
		return AEF_ERR_NOTFOUND;
	memcpy(text, r->text, sizeof(text));
	memcpy(tag, r->tag, sizeof(tag));
	const int advice = crypto_replay_check(&rig->replay, pn);

	rig->crypto->open(rig->crypto->ctx, &op, 1);
	rig->counts.not_opened += !op.ok;
	if (!op.ok)
		return AEF_ERR_AUTH;
	rc = crypto_replay_commit(&rig->replay, &rig->pool, pn);
	if (rc != advice)
		abort(); /* what the check advised is what commit does */
	if (rc != 0)
		return rc;
	(void)crypto_rx_keys_on_authenticated(&rig->rx, rig->crypto, pn, rig->step, PTO_STEPS / 3);
	rig->highest = aef_max_u64(rig->highest, pn + 1);
	crypto_tx_keys_on_acked(&rig->tx, pn);
	return 0;
}

static void
arrive(struct rig *rig, const struct arrival *a)
{
	struct record *r = &rig->records[a->nr % RECORDED];

	if (r->nr != a->nr)
		abort(); /* the record was written over: RECORDED is too small */
	/* Behind a skip a late packet may be too old; then it must be refused. One of the epoch
	 * before has a window of its own. */
	const bool fits =
		crypto_epoch(r->pn) != rig->rx.epoch || r->pn + rig->kind->window >= rig->highest;
	const bool accepted = receive(rig, r) == 0;

	if (a->replay) {
		rig->counts.replays++;
		rig->counts.accepted += accepted;
		rig->counts.early += !r->arrived;
	} else {
		rig->counts.fresh++;
		rig->counts.fresh_refused += accepted != fits;
		r->arrived = true;
	}
}

/* One step: everything that is planned for it, in an order that depends on the plan alone. */
static void
take_step(struct rig *rig)
{
	struct arrival **at = &rig->wheel[rig->step % WHEEL];

	while (*at != NULL) {
		struct arrival *a = *at;

		*at = a->next;
		arrive(rig, a);
		a->next = rig->free;
		rig->free = a;
	}
	if (crypto_rx_keys_expire(&rig->rx, rig->crypto, rig->step))
		crypto_replay_drop_prev(&rig->replay, &rig->pool);
	if (crypto_replay_grow(&rig->replay, &rig->pool, rig->kind->window) != 0)
		abort();
	rig->step++;
}

static uint64_t
next_number(struct rig *rig, uint64_t nr, uint64_t pn)
{
	const bool forced = rig->kind->epoch_pkts != 0 && nr % rig->kind->epoch_pkts == 0;

	if (!forced && crypto_epoch(pn + 1) == rig->tx.epoch) {
		const uint64_t skip = rig->kind->skip != 0 && nr % SKIP_EVERY == 0
		                              ? aef_rng_below(&rig->rng, rig->kind->skip)
		                              : 0;

		return crypto_epoch(pn + 1 + skip) == rig->tx.epoch ? pn + 1 + skip : pn + 1;
	}
	if (crypto_tx_keys_advance(&rig->tx, rig->crypto) != 0)
		abort();
	return crypto_epoch_first_pn(rig->tx.epoch);
}

static void
run(struct rig *rig)
{
	uint64_t pn = rig->kind->first;

	for (uint64_t nr = 1; nr <= rig->nb_packets; nr++) {
		/* Half in order, the rest up to `reorder` numbers late, the greatest lateness
		 * often. */
		const uint64_t kind = aef_rng_below(&rig->rng, 8);
		const uint64_t late = kind < 4 ? 0
		                      : kind == 4
		                              ? rig->kind->reorder
		                              : aef_rng_below(&rig->rng, rig->kind->reorder + 1);

		record(rig, nr, pn);
		/* In a step what was planned last comes first: a replay follows its original. */
		for (unsigned i = 0; i < REPLAYS; i++)
			plan(rig, late + aef_rng_below(&rig->rng, AGE_MAX + 1 - late), nr, true);
		plan(rig, late, nr, false);
		take_step(rig);
		if (nr < rig->nb_packets)
			pn = next_number(rig, nr, pn);
	}
	for (unsigned i = 0; i < WHEEL; i++)
		take_step(rig);
}

static bool
run_kind(struct rig *rig, const struct run_kind *kind, uint64_t seed)
{
	struct run_kind own = *kind;
	const uint32_t left = aef_pool_left(&rig->pool);

	if (kind == &kinds[2])
		own.first = CRYPTO_PN_MAX - (rig->nb_packets - 1);
	if (kind == &kinds[1] && own.first + rig->nb_packets <= 1ull << 32)
		own.first = (1ull << 32) - rig->nb_packets / 2;
	rig->kind = &own;
	rig->step = 0;
	memset(&rig->counts, 0, sizeof(rig->counts));
	aef_rng_init(&rig->rng, seed);
	start_keys(rig, seed + (uint64_t)(kind - kinds) * 1000003);
	run(rig);
	crypto_tx_keys_fini(&rig->tx, rig->crypto);
	crypto_rx_keys_fini(&rig->rx, rig->crypto);
	crypto_replay_fini(&rig->replay, &rig->pool);

	const struct counts *c = &rig->counts;

	printf("figure: replay-soak %s: %llu packets, %llu replays: %llu accepted twice, %llu "
	       "fresh refused\n",
	       kind->name, (unsigned long long)c->fresh, (unsigned long long)c->replays,
	       (unsigned long long)c->accepted, (unsigned long long)c->fresh_refused);
	return c->accepted == 0 && c->early == 0 && c->fresh_refused == 0 && c->not_opened == 0 &&
	       c->fresh == rig->nb_packets && c->replays == REPLAYS * rig->nb_packets &&
	       aef_pool_left(&rig->pool) == left;
}

int
main(int argc, char **argv)
{
	const struct protect_conf conf = { .keys_max = 8 };
	static struct rig rig;
	struct protect *protect;
	uint64_t seed = 1;
	unsigned nb_good = 0;

	rig.nb_packets = 1000000;
	for (int i = 1; i < argc; i += 2) {
		uint64_t *to = strcmp(argv[i], "--packets") == 0 ? &rig.nb_packets
		               : strcmp(argv[i], "--seed") == 0  ? &seed
		                                                 : NULL;

		if (to == NULL || i + 1 == argc || (*to = strtoull(argv[i + 1], NULL, 10)) == 0) {
			fprintf(stderr,
			        "usage: replay-soak [--packets N] [--seed N], both at least 1\n");
			return 2;
		}
	}
	const int rc = protect_create(&conf, &protect);

	if (rc != 0) {
		fprintf(stderr, "replay-soak: %s\n", protect_create_text(rc));
		return 2;
	}
	void *windows = calloc(1, aef_pool_mem_bytes(CRYPTO_REPLAY_BLOCK_BYTES, WINDOWS));

	rig.records = calloc(RECORDED, sizeof(*rig.records));
	if (windows == NULL || rig.records == NULL)
		return 2;
	aef_pool_init(&rig.pool, "windows", windows, CRYPTO_REPLAY_BLOCK_BYTES, WINDOWS);
	rig.crypto = protect_provider(protect);
	printf("replay-soak: seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < AEF_DIM(kinds); i++)
		nb_good += run_kind(&rig, &kinds[i], seed);
	while (rig.free != NULL) {
		struct arrival *a = rig.free;

		rig.free = a->next;
		free(a);
	}
	free(rig.records);
	free(windows);
	protect_destroy(protect);
	printf("%u passed, %u failed, 0 skipped\n", nb_good, (unsigned)AEF_DIM(kinds) - nb_good);
	return nb_good == AEF_DIM(kinds) ? 0 : 1;
}
