/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_test.c - token keys in memory: which epochs open, revoking at once, readers beside the
 * writer.
 */
#include <pthread.h>

#include <base/err.h>
#include <crypto/token.h>
#include <protect/mem.h>

#include "harness.h"
#include "ring_priv.h"

static struct protect_aead_work work;

/* A token of @p epoch as far as a ring looks at it. */
static void
make_token(uint8_t token[CRYPTO_TOKEN_BYTES], uint8_t mark)
{
	memset(token, mark, CRYPTO_TOKEN_BYTES);
}

static int
seal(struct protect_ring *ring, uint16_t epoch, uint8_t token[CRYPTO_TOKEN_BYTES])
{
	make_token(token, 0x31);
	return protect_ring_seal(ring, protect_ring_group(ring), epoch, &work, token);
}

/* Open a copy, so that the same bytes can be tried again. */
static int
unseal(struct protect_ring *ring, uint16_t epoch, const uint8_t token[CRYPTO_TOKEN_BYTES])
{
	uint8_t copy[CRYPTO_TOKEN_BYTES];

	memcpy(copy, token, sizeof(copy));
	return protect_ring_unseal(ring, protect_ring_group(ring), epoch, &work, copy);
}

static struct protect_ring *
ring_at(uint16_t current)
{
	static struct protect_ring_set set;
	struct protect_ring *ring;

	memset(&set, 0, sizeof(set));
	set.group = 9;
	set.current = current;
	set.has_current = true;
	set.nb = PROTECT_RING_LIVE;
	for (unsigned i = 0; i < PROTECT_RING_LIVE; i++) {
		set.epoch[i] = (uint16_t)(current - 1 + i);
		memset(set.key[i], set.epoch[i] % 251 + 1, PROTECT_RING_KEY_BYTES);
		protect_ring_bit_set(&set.stored, set.epoch[i]);
	}
	ck_assert_int_eq(protect_ring_alloc(9, &ring), 0);
	protect_ring_apply(ring, &set);
	return ring;
}

/* What ring_at() would hold at @p current. */
static void
advance(struct protect_ring *ring, uint16_t current)
{
	static struct protect_ring_set set;

	memset(&set, 0, sizeof(set));
	set.current = current;
	set.nb = PROTECT_RING_LIVE;
	for (unsigned i = 0; i < PROTECT_RING_LIVE; i++) {
		set.epoch[i] = (uint16_t)(current - 1 + i);
		memset(set.key[i], set.epoch[i] % 251 + 1, PROTECT_RING_KEY_BYTES);
		protect_ring_bit_set(&set.stored, set.epoch[i]);
	}
	for (unsigned i = 0; i < PROTECT_RING_WORDS; i++)
		set.stored.word[i] |= ring->stored.word[i];
	protect_ring_apply(ring, &set);
}

START_TEST(ring_in_memory_has_one_random_key_of_epoch_1)
{
	struct protect_ring *a, *b;
	uint8_t token[CRYPTO_TOKEN_BYTES];

	ck_assert_int_eq(protect_ring_create(7, &a), 0);
	ck_assert_int_eq(protect_ring_create(7, &b), 0);
	ck_assert_uint_eq(protect_ring_group(a), 7);
	ck_assert_uint_eq(protect_ring_current(a), 1);
	ck_assert_int_eq(protect_ring_state(a, 1), PROTECT_KEY_CURRENT);
	ck_assert_int_eq(protect_ring_state(a, 2), PROTECT_KEY_NONE);
	ck_assert_int_eq(seal(a, 1, token), 0);
	ck_assert_int_eq(unseal(a, 1, token), 0);
	ck_assert_int_eq(unseal(b, 1, token), AEF_ERR_AUTH);
	ck_assert_int_eq(unseal(a, 2, token), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(protect_ring_unseal(a, 8, 1, &work, token), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(protect_ring_seal(a, 8, 1, &work, token), AEF_ERR_NOTFOUND);
	protect_ring_close(a);
	protect_ring_close(b);
	protect_ring_close(NULL);
}
END_TEST

/* also around the end of the 16-bit circle. */
START_TEST(ring_accepts_the_epoch_before_the_current_one_and_the_one_after)
{
	static const uint16_t at[] = { 1, 2, 500, 65534, 65535, 0 };

	for (unsigned i = 0; i < AEF_DIM(at); i++) {
		struct protect_ring *ring = ring_at(at[i]);
		uint8_t tokens[5][CRYPTO_TOKEN_BYTES];

		for (int d = -1; d <= 1; d++) {
			const uint16_t epoch = (uint16_t)(at[i] + d);

			ck_assert_int_eq(seal(ring, epoch, tokens[d + 2]), 0);
			ck_assert_int_eq(unseal(ring, epoch, tokens[d + 2]), 0);
			ck_assert_int_eq(protect_ring_state(ring, epoch),
			                 d == 0 ? PROTECT_KEY_CURRENT : PROTECT_KEY_READY);
		}
		ck_assert_int_eq(seal(ring, (uint16_t)(at[i] + 2), tokens[4]), AEF_ERR_NOTFOUND);
		ck_assert_int_eq(seal(ring, (uint16_t)(at[i] - 2), tokens[0]), AEF_ERR_NOTFOUND);

		advance(ring, (uint16_t)(at[i] + 1));
		ck_assert_int_eq(unseal(ring, (uint16_t)(at[i] - 1), tokens[1]), AEF_ERR_NOTFOUND);
		ck_assert_int_eq(unseal(ring, at[i], tokens[2]), 0);
		ck_assert_int_eq(unseal(ring, (uint16_t)(at[i] + 1), tokens[3]), 0);
		ck_assert_int_eq(protect_ring_state(ring, (uint16_t)(at[i] - 1)), PROTECT_KEY_PAST);
		protect_ring_close(ring);
	}
}
END_TEST

START_TEST(ring_far_jump_of_the_current_epoch_finds_room_for_all_keys)
{
	struct protect_ring *ring = ring_at(10);
	uint8_t token[CRYPTO_TOKEN_BYTES];

	for (unsigned i = 0; i < 50; i++) {
		const uint16_t to = (uint16_t)(10 + 1000 * i);

		advance(ring, to);
		ck_assert_int_eq(seal(ring, (uint16_t)(to - 1), token), 0);
		ck_assert_int_eq(seal(ring, to, token), 0);
		ck_assert_int_eq(seal(ring, (uint16_t)(to + 1), token), 0);
	}
	protect_ring_close(ring);
}
END_TEST

START_TEST(ring_takes_another_key_for_a_known_epoch)
{
	struct protect_ring *ring = ring_at(10);
	static struct protect_ring_set set;
	uint8_t token[CRYPTO_TOKEN_BYTES];

	ck_assert_int_eq(seal(ring, 10, token), 0);
	memset(&set, 0, sizeof(set));
	set.current = 10;
	set.nb = 1;
	set.epoch[0] = 10;
	memset(set.key[0], 0xcc, PROTECT_RING_KEY_BYTES);
	protect_ring_apply(ring, &set);

	ck_assert_int_eq(unseal(ring, 10, token), AEF_ERR_AUTH);
	ck_assert_int_eq(protect_ring_state(ring, 9),
	                 PROTECT_KEY_NONE); /* the folder has it no more */
	ck_assert_int_eq(protect_ring_state(ring, 11), PROTECT_KEY_NONE);
	protect_ring_close(ring);
}
END_TEST

/* */
START_TEST(ring_revoked_current_epoch_gives_way_to_the_next_at_once)
{
	struct protect_ring *ring = ring_at(20);
	char error[PROTECT_ERROR_MAX];
	uint8_t token[3][CRYPTO_TOKEN_BYTES];

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(seal(ring, (uint16_t)(19 + i), token[i]), 0);
	ck_assert_int_eq(protect_ring_revoke(ring, 20, error), 0);

	ck_assert_uint_eq(protect_ring_current(ring), 21);
	ck_assert_int_eq(unseal(ring, 19, token[0]), AEF_ERR_NOTFOUND); /* two behind now */
	ck_assert_int_eq(unseal(ring, 20, token[1]), AEF_ERR_DENIED);
	ck_assert_int_eq(unseal(ring, 21, token[2]), 0);
	ck_assert_int_eq(protect_ring_state(ring, 20), PROTECT_KEY_REVOKED);
	ck_assert_int_eq(seal(ring, 20, token[1]), AEF_ERR_NOTFOUND);
	advance(ring, 20); /* a folder that still has it does not bring it back */
	ck_assert_int_eq(seal(ring, 20, token[1]), AEF_ERR_NOTFOUND);
	protect_ring_close(ring);
}
END_TEST

START_TEST(ring_in_memory_makes_a_key_when_its_only_one_is_revoked)
{
	struct protect_ring *ring;
	char error[PROTECT_ERROR_MAX];
	uint8_t token[CRYPTO_TOKEN_BYTES];

	ck_assert_int_eq(protect_ring_create(1, &ring), 0);
	ck_assert_int_eq(protect_ring_revoke(ring, 5, error), AEF_ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(error, "epoch 5"));
	for (uint16_t epoch = 1; epoch < 50; epoch++) {
		ck_assert_int_eq(seal(ring, epoch, token), 0);
		ck_assert_int_eq(protect_ring_revoke(ring, epoch, error), 0);
		ck_assert_int_eq(unseal(ring, epoch, token), AEF_ERR_DENIED);
		ck_assert_uint_eq(protect_ring_current(ring), epoch + 1);
	}
	ck_assert_int_eq(protect_ring_reload(ring, error), AEF_ERR_STATE);
	ck_assert_uint_gt(strlen(error), 20);
	protect_ring_close(ring);
}
END_TEST

START_TEST(ring_without_an_epoch_that_is_not_revoked_seals_nothing)
{
	struct protect_ring *ring = ring_at(3);
	char error[PROTECT_ERROR_MAX];
	uint8_t token[CRYPTO_TOKEN_BYTES];
	uint16_t next;

	for (unsigned epoch = 0; epoch < 65536; epoch++) {
		if (epoch != 3)
			protect_ring_bit_set(&ring->revoked, (uint16_t)epoch);
	}
	ck_assert(!protect_ring_next(&ring->revoked, 3, &next));
	ck_assert_int_eq(protect_ring_revoke(ring, 3, error), AEF_ERR_LIMIT);
	ck_assert_int_eq(seal(ring, 3, token), AEF_ERR_NOTFOUND);
	protect_ring_close(ring);
}
END_TEST

/* 2^31 by one process under one key. */
START_TEST(ring_stops_sealing_at_its_limit)
{
	struct protect_ring *ring;
	uint8_t token[CRYPTO_TOKEN_BYTES];

	ck_assert_int_eq(protect_ring_create(1, &ring), 0);
	atomic_store(&ring->cells[0].nb_seals, (1ull << 31) - 2);
	ck_assert_int_eq(seal(ring, 1, token), 0);
	ck_assert_int_eq(seal(ring, 1, token), 0);
	ck_assert_int_eq(seal(ring, 1, token), AEF_ERR_LIMIT);
	ck_assert_int_eq(seal(ring, 1, token), AEF_ERR_LIMIT);
	ck_assert_int_eq(unseal(ring, 1, token), AEF_ERR_AUTH); /* opening goes on */
	protect_ring_close(ring);
}
END_TEST

START_TEST(ring_wipes_a_key_that_it_drops)
{
	static const struct protect_aead_key zero;
	struct protect_ring *ring = ring_at(30);
	char error[PROTECT_ERROR_MAX];
	unsigned nb_live = 0;

	advance(ring, 32);
	ck_assert_int_eq(protect_ring_revoke(ring, 33, error), 0);
	for (unsigned i = 0; i < PROTECT_RING_CELLS; i++) {
		const struct protect_ring_cell *cell = &ring->cells[i];
		const bool live = atomic_load(&cell->number) % 2 == 1;

		nb_live += live;
		ck_assert_int_eq(live, memcmp(&cell->key, &zero, sizeof(zero)) != 0);
		ck_assert_int_eq(live, memcmp(cell->raw, &zero, sizeof(cell->raw)) != 0);
	}
	ck_assert_uint_eq(nb_live, 2);
	protect_ring_close(ring);
}
END_TEST

/* ---- readers beside the writer
 * -------------------------------------------------------------------- */

struct shared {
	struct protect_ring *ring;
	uint8_t forged[CRYPTO_TOKEN_BYTES]; /* right under the key that a wiped cell has */
	uint8_t good[CRYPTO_TOKEN_BYTES];   /* of epoch 100, which stays */
	uint8_t bad[CRYPTO_TOKEN_BYTES];    /* of epoch 101, which comes and goes */
	atomic_uint revoked;                /* even: 101 may open */
	atomic_bool stop;
};

struct reader {
	struct shared *shared;
	pthread_t thread;
	unsigned nb_forged, nb_good_refused, nb_late, nb_opened;
};

static void *
read_on(void *arg)
{
	struct reader *r = arg;
	struct shared *s = r->shared;
	struct protect_aead_work own;
	uint8_t token[CRYPTO_TOKEN_BYTES];

	while (!atomic_load(&s->stop)) {
		memcpy(token, s->forged, sizeof(token));
		r->nb_forged += protect_ring_unseal(s->ring, 9, 101, &own, token) == 0;
		memcpy(token, s->good, sizeof(token));
		r->nb_good_refused += protect_ring_unseal(s->ring, 9, 100, &own, token) != 0;
		memcpy(token, s->bad, sizeof(token));
		const unsigned before = atomic_load(&s->revoked);
		const bool ok = protect_ring_unseal(s->ring, 9, 101, &own, token) == 0;

		r->nb_opened += ok;
		/* Revoked before we began, and the same revocation still stands after we ended. */
		r->nb_late += ok && before % 2 == 1 && atomic_load(&s->revoked) == before;
	}
	return NULL;
}

/* A key that was wiped is known to everybody. A token sealed with it must not open, not even by a
 * reader that found the cell before and opens it after. */
START_TEST(ring_reader_beside_a_revocation_believes_nothing)
{
	static struct shared s;
	static struct reader readers[2];
	static struct protect_ring_set with, without;
	static const struct protect_aead_key wiped;
	unsigned nb_opened = 0;
	const struct protect_aead_text text = { s.forged, s.forged + CRYPTO_TOKEN_BODY_AT,
		                                CRYPTO_TOKEN_CLEAR_BYTES, CRYPTO_TOKEN_BODY_BYTES };

	memset(&s, 0, sizeof(s));
	s.ring = ring_at(100);
	memset(s.forged, 0x31, sizeof(s.forged));
	memcpy(work.nonce, s.forged + CRYPTO_TOKEN_NONCE_AT, CRYPTO_NONCE_BYTES);
	protect_aead_seal(&wiped, &work, &text, s.forged + CRYPTO_TOKEN_TAG_AT);
	ck_assert_int_eq(seal(s.ring, 100, s.good), 0);
	ck_assert_int_eq(seal(s.ring, 101, s.bad), 0);
	with.current = without.current = 100;
	with.nb = 2;
	without.nb = 1;
	with.epoch[0] = without.epoch[0] = 100;
	with.epoch[1] = 101;
	memset(with.key[0], 101, PROTECT_RING_KEY_BYTES);
	memset(without.key[0], 101, PROTECT_RING_KEY_BYTES);
	memset(with.key[1], 102, PROTECT_RING_KEY_BYTES);
	for (unsigned i = 0; i < AEF_DIM(readers); i++) {
		readers[i] = (struct reader){ .shared = &s };
		ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
	for (unsigned i = 0; i < 20000; i++) {
		protect_ring_apply(s.ring, &without);
		atomic_fetch_add(&s.revoked, 1);
		for (unsigned k = 0; k < i % 512; k++)
			(void)protect_ring_state(s.ring, 101); /* let readers meet it */
		atomic_fetch_add(&s.revoked, 1);
		protect_ring_apply(s.ring, &with);
	}
	atomic_store(&s.stop, true);
	for (unsigned i = 0; i < AEF_DIM(readers); i++) {
		pthread_join(readers[i].thread, NULL);
		ck_assert_uint_eq(readers[i].nb_forged, 0);
		ck_assert_uint_eq(readers[i].nb_good_refused, 0);
		ck_assert_uint_eq(readers[i].nb_late, 0);
		nb_opened += readers[i].nb_opened;
	}
	ck_assert_uint_gt(nb_opened, 0);
	protect_ring_close(s.ring);
}
END_TEST

START_TEST(ring_epochs_are_read_as_whole_numbers_only)
{
	static const char *const wrong[] = { "",    "-1",    "+1",
		                             " 1",  "1 ",    "x",
		                             "0x1", "65536", "99999999999999999999999" };
	uint16_t epoch = 7;

	for (unsigned i = 0; i < AEF_DIM(wrong); i++)
		ck_assert_msg(!protect_epoch_parse(wrong[i], &epoch), "'%s'", wrong[i]);
	ck_assert_uint_eq(epoch, 7);
	ck_assert(protect_epoch_parse("0", &epoch));
	ck_assert_uint_eq(epoch, 0);
	ck_assert(protect_epoch_parse("65535", &epoch));
	ck_assert_uint_eq(epoch, 65535);
}
END_TEST

TEST_SUITE(ring, &ring_epochs_are_read_as_whole_numbers_only,
           &ring_in_memory_has_one_random_key_of_epoch_1,
           &ring_accepts_the_epoch_before_the_current_one_and_the_one_after,
           &ring_far_jump_of_the_current_epoch_finds_room_for_all_keys,
           &ring_takes_another_key_for_a_known_epoch,
           &ring_revoked_current_epoch_gives_way_to_the_next_at_once,
           &ring_in_memory_makes_a_key_when_its_only_one_is_revoked,
           &ring_without_an_epoch_that_is_not_revoked_seals_nothing,
           &ring_stops_sealing_at_its_limit, &ring_wipes_a_key_that_it_drops,
           &ring_reader_beside_a_revocation_believes_nothing)
