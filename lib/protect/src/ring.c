/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.c - token keys in memory: readers without a lock, one writer.
 */
#include <stdlib.h>
#include <string.h>

#include <base/err.h>
#include <crypto/token.h>
#include <protect/mem.h>

#include "ring_priv.h"

#define FIRST_EPOCH 1u

static bool
usable(unsigned number)
{
	return number % 2 == 1;
}

/* The cell of @p epoch, and its number before anything of it is used; NULL: there is none. */
static struct protect_ring_cell *
cell_find(struct protect_ring *ring, uint16_t epoch, unsigned *ret_number)
{
	for (unsigned i = 0; i < PROTECT_RING_CELLS; i++) {
		struct protect_ring_cell *cell = &ring->cells[i];
		/* N1: pairs with N3 in cell_install(); the key was written before. */
		const unsigned number = atomic_load_explicit(&cell->number, memory_order_acquire);

		if (usable(number) &&
		    atomic_load_explicit(&cell->epoch, memory_order_relaxed) == epoch) {
			*ret_number = number;
			return cell;
		}
	}
	return NULL;
}

/* True when what was done with the key since @p number was read may be believed. */
static bool
cell_stands(struct protect_ring_cell *cell, unsigned number)
{
	/* N2: pairs with N4 in cell_wipe(); had a byte of the wiped key been read, the new number
	 * would be seen here. */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&cell->number, memory_order_relaxed) == number;
}

/* Writer: fill an unused cell. There is always one: live keys are at most three. */
static void
cell_install(struct protect_ring *ring, uint16_t epoch, const uint8_t key[PROTECT_RING_KEY_BYTES])
{
	struct protect_ring_cell *cell = ring->cells;
	unsigned number;

	while (usable(atomic_load_explicit(&cell->number, memory_order_relaxed)))
		cell++;
	aef_assert(cell < ring->cells + PROTECT_RING_CELLS);
	number = atomic_load_explicit(&cell->number, memory_order_relaxed);
	memcpy(cell->raw, key, PROTECT_RING_KEY_BYTES);
	protect_aead_expand(cell->raw, &cell->key);
	atomic_store_explicit(&cell->epoch, epoch, memory_order_relaxed);
	atomic_store_explicit(&cell->nb_seals, 0, memory_order_relaxed);
	/* N3: pairs with N1 in cell_find(). */
	atomic_store_explicit(&cell->number, number + 1, memory_order_release);
}

/* Writer: nobody uses the key from here on, and it is gone. */
static void
cell_wipe(struct protect_ring_cell *cell)
{
	const unsigned number = atomic_load_explicit(&cell->number, memory_order_relaxed);

	/* N4: pairs with N2 in cell_stands(); the number changes before the key does. */
	atomic_store_explicit(&cell->number, number + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	crypto_wipe(&cell->key, sizeof(cell->key));
	crypto_wipe(cell->raw, sizeof(cell->raw));
}

int
protect_ring_alloc(uint16_t group, struct protect_ring **ret_ring)
{
	void *mem;
	int rc;

	*ret_ring = NULL;
	if ((rc = protect_aead_init()) != 0 ||
	    (rc = protect_mem_alloc(sizeof(struct protect_ring), &mem)) != 0)
		return rc;
	*ret_ring = mem;
	(*ret_ring)->group = group;
	return 0;
}

int
protect_ring_create(uint16_t group, struct protect_ring **ret_ring)
{
	uint8_t key[PROTECT_RING_KEY_BYTES];
	int rc;

	if ((rc = protect_ring_alloc(group, ret_ring)) != 0)
		return rc;
	if ((rc = protect_random(key, sizeof(key))) != 0) {
		protect_ring_close(*ret_ring);
		*ret_ring = NULL;
		return rc;
	}
	cell_install(*ret_ring, FIRST_EPOCH, key);
	atomic_store(&(*ret_ring)->current, FIRST_EPOCH);
	crypto_wipe(key, sizeof(key));
	return 0;
}

void
protect_ring_close(struct protect_ring *ring)
{
	protect_mem_free(ring, sizeof(*ring));
}

uint16_t
protect_ring_group(const struct protect_ring *ring)
{
	return ring->group;
}

uint16_t
protect_ring_current(const struct protect_ring *ring)
{
	/* C1: pairs with C2 in protect_ring_apply() and protect_ring_refuse(); its key is there. */
	return (uint16_t)atomic_load_explicit(&ring->current, memory_order_acquire);
}

const char *
protect_key_state_name(enum protect_key_state state)
{
	switch (state) {
	case PROTECT_KEY_READY:
		return "ready";
	case PROTECT_KEY_CURRENT:
		return "current";
	case PROTECT_KEY_REVOKED:
		return "revoked";
	case PROTECT_KEY_PAST:
		return "past";
	case PROTECT_KEY_NONE:
		break;
	}
	return "none";
}

bool
protect_epoch_parse(const char *text, uint16_t *ret_epoch)
{
	char *end;
	const unsigned long epoch = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || epoch > UINT16_MAX)
		return false;
	*ret_epoch = (uint16_t)epoch;
	return true;
}

enum protect_key_state
protect_ring_state(const struct protect_ring *ring, uint16_t epoch)
{
	unsigned number;

	if (protect_ring_bit(&ring->revoked, epoch))
		return PROTECT_KEY_REVOKED;
	if (cell_find((struct protect_ring *)ring, epoch, &number) != NULL)
		return epoch == protect_ring_current(ring) ? PROTECT_KEY_CURRENT
		                                           : PROTECT_KEY_READY;
	return protect_ring_bit(&ring->stored, epoch) ? PROTECT_KEY_PAST : PROTECT_KEY_NONE;
}

bool
protect_ring_next(const struct protect_ring_bits *revoked, uint16_t epoch, uint16_t *ret_next)
{
	for (uint16_t next = (uint16_t)(epoch + 1); next != epoch; next++) {
		if (!protect_ring_bit(revoked, next)) {
			*ret_next = next;
			return true;
		}
	}
	return false;
}

/* Writer: wipe every usable key that is not within one of the current epoch, or is revoked. */
static void
drop_refused(struct protect_ring *ring)
{
	for (unsigned i = 0; i < PROTECT_RING_CELLS; i++) {
		struct protect_ring_cell *cell = &ring->cells[i];
		const uint16_t epoch =
			(uint16_t)atomic_load_explicit(&cell->epoch, memory_order_relaxed);

		if (usable(atomic_load_explicit(&cell->number, memory_order_relaxed)) &&
		    (!protect_ring_near(protect_ring_current(ring), epoch) ||
		     protect_ring_bit(&ring->revoked, epoch)))
			cell_wipe(cell);
	}
}

/* Writer: @p key is the one of @p epoch from now on. */
static void
put_key(struct protect_ring *ring, uint16_t epoch, const uint8_t key[PROTECT_RING_KEY_BYTES])
{
	unsigned number;
	struct protect_ring_cell *cell = cell_find(ring, epoch, &number);

	if (cell != NULL && crypto_equal(cell->raw, key, PROTECT_RING_KEY_BYTES))
		return;
	if (cell != NULL)
		cell_wipe(cell);
	if (!protect_ring_bit(&ring->revoked, epoch))
		cell_install(ring, epoch, key);
}

/* Writer: wipe a key that the folder no longer has. */
static void
drop_missing(struct protect_ring *ring, const struct protect_ring_set *set)
{
	for (unsigned i = 0; i < PROTECT_RING_CELLS; i++) {
		struct protect_ring_cell *cell = &ring->cells[i];
		bool found = false;

		for (unsigned k = 0; k < set->nb; k++)
			found = found ||
			        set->epoch[k] ==
			                atomic_load_explicit(&cell->epoch, memory_order_relaxed);
		if (!found && usable(atomic_load_explicit(&cell->number, memory_order_relaxed)))
			cell_wipe(cell);
	}
}

void
protect_ring_apply(struct protect_ring *ring, const struct protect_ring_set *set)
{
	for (unsigned i = 0; i < PROTECT_RING_WORDS; i++) {
		/* One writer: nothing comes between the two. What is revoked stays revoked. */
		atomic_fetch_or(&ring->revoked.word[i], set->revoked.word[i]);
		atomic_store(&ring->stored.word[i], set->stored.word[i]);
	}
	for (unsigned i = 0; i < set->nb; i++)
		put_key(ring, set->epoch[i], set->key[i]);
	/* C2: pairs with C1; the keys come first, so an issuer finds the one it is told. */
	atomic_store_explicit(&ring->current, set->current, memory_order_release);
	drop_refused(ring);
	drop_missing(ring, set);
}

int
protect_ring_refuse(struct protect_ring *ring, uint16_t epoch,
                    const uint8_t new_key[PROTECT_RING_KEY_BYTES])
{
	uint16_t next;
	unsigned number;
	int rc = 0;

	if (protect_ring_state(ring, epoch) == PROTECT_KEY_NONE)
		return AEF_ERR_NOTFOUND;
	protect_ring_bit_set(&ring->revoked, epoch);
	if (epoch == protect_ring_current(ring)) {
		if (!protect_ring_next(&ring->revoked, epoch, &next)) {
			rc = AEF_ERR_LIMIT;
		} else {
			if (cell_find(ring, next, &number) == NULL)
				cell_install(ring, next, new_key);
			/* C2: pairs with C1. */
			atomic_store_explicit(&ring->current, next, memory_order_release);
		}
	}
	drop_refused(ring);
	return rc;
}

int
protect_ring_seal(struct protect_ring *ring, uint16_t group, uint16_t epoch,
                  struct protect_aead_work *work, uint8_t *token)
{
	const struct protect_aead_text text = { token, token + CRYPTO_TOKEN_BODY_AT,
		                                CRYPTO_TOKEN_CLEAR_BYTES, CRYPTO_TOKEN_BODY_BYTES };
	unsigned number;
	struct protect_ring_cell *cell =
		group == ring->group ? cell_find(ring, epoch, &number) : NULL;

	if (cell == NULL)
		return AEF_ERR_NOTFOUND;
	if (atomic_fetch_add(&cell->nb_seals, 1) >= PROTECT_RING_SEALS_MAX)
		return AEF_ERR_LIMIT; /* */
	memcpy(work->nonce, token + CRYPTO_TOKEN_NONCE_AT, CRYPTO_NONCE_BYTES);
	protect_aead_seal(&cell->key, work, &text, token + CRYPTO_TOKEN_TAG_AT);
	return cell_stands(cell, number) ? 0 : AEF_ERR_NOTFOUND;
}

/* Why there is no key for a token: an audit log tells a revoked epoch from a foreign one. */
static int
no_cell(const struct protect_ring *ring, uint16_t group, uint16_t epoch)
{
	return group == ring->group && protect_ring_bit(&ring->revoked, epoch) ? AEF_ERR_DENIED
	                                                                       : AEF_ERR_NOTFOUND;
}

int
protect_ring_unseal(struct protect_ring *ring, uint16_t group, uint16_t epoch,
                    struct protect_aead_work *work, uint8_t *token)
{
	const struct protect_aead_text text = { token, token + CRYPTO_TOKEN_BODY_AT,
		                                CRYPTO_TOKEN_CLEAR_BYTES, CRYPTO_TOKEN_BODY_BYTES };
	unsigned number;
	/* group and epoch; only accepted epochs have a cell. */
	struct protect_ring_cell *cell =
		group == ring->group ? cell_find(ring, epoch, &number) : NULL;

	if (cell == NULL)
		return no_cell(ring, group, epoch);
	memcpy(work->nonce, token + CRYPTO_TOKEN_NONCE_AT, CRYPTO_NONCE_BYTES);
	const bool ok = protect_aead_open(&cell->key, work, &text, token + CRYPTO_TOKEN_TAG_AT);

	if (!cell_stands(cell, number))
		return no_cell(ring, group, epoch);
	return ok ? 0 : AEF_ERR_AUTH;
}
