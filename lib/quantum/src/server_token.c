/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/siphash.h>

#include "server_priv.h"

#define BUCKET_ENTRIES 8u

static_assert(sizeof(struct used_token) == AEF_CACHE_LINE, "an entry is a cache line");

static uint32_t
buckets_for(uint32_t tokens_max)
{
	uint32_t nb = 1;

	while (nb * BUCKET_ENTRIES < tokens_max)
		nb *= 2;
	return nb;
}

size_t
token_table_bytes(uint32_t tokens_max)
{
	return (size_t)buckets_for(tokens_max) * (BUCKET_ENTRIES * sizeof(struct used_token) +
	                                          sizeof(uint64_t) + sizeof(atomic_flag));
}

void
token_table_init(struct token_table *table, void *mem, uint32_t tokens_max, struct aef_rng *rng)
{
	table->nb_buckets = buckets_for(tokens_max);
	table->entries = mem;
	table->past_ms = (uint64_t *)(table->entries + (size_t)table->nb_buckets * BUCKET_ENTRIES);
	table->locks = (atomic_flag *)(table->past_ms + table->nb_buckets);
	for (uint32_t i = 0; i < table->nb_buckets; i++) {
		table->past_ms[i] = 0;
		atomic_flag_clear_explicit(&table->locks[i], memory_order_relaxed);
	}
	for (unsigned i = 0; i < sizeof(table->hash_key); i++)
		table->hash_key[i] = (uint8_t)aef_rng_u64(rng);
}

/* What tells one handshake from another; never 0. */
static uint64_t
transcript_hash(const struct token_table *table, const struct quantum_accept *accept)
{
	const struct wire_ack *ack = &accept->ack;
	struct aef_siphash sip;
	uint64_t hash;

	aef_siphash_init(&sip, table->hash_key, false);
	aef_siphash_update(&sip, ack->client_random, sizeof(ack->client_random));
	aef_siphash_update(&sip, ack->cookie, sizeof(ack->cookie));
	aef_siphash_update(&sip, ack->client_pub, sizeof(ack->client_pub));
	aef_siphash_update(&sip, &accept->from, sizeof(accept->from));
	hash = aef_siphash_final64(&sip);
	return hash != 0 ? hash : 1;
}

static uint32_t
bucket_of(const struct token_table *table, const uint8_t *nonce)
{
	return (uint32_t)aef_siphash64(table->hash_key, nonce, CRYPTO_NONCE_BYTES) &
	       (table->nb_buckets - 1);
}

/* Held for a few entries, once or twice in a handshake, so another lcore is never here for long. */
static void
bucket_lock(struct token_table *table, uint32_t bucket)
{
	while (atomic_flag_test_and_set_explicit(&table->locks[bucket], memory_order_acquire))
		;
}

static void
bucket_unlock(struct token_table *table, uint32_t bucket)
{
	atomic_flag_clear_explicit(&table->locks[bucket], memory_order_release);
}

/*
 * The entry of the token, or a free one for it, or NULL. Under the lock. One whose handshake is
 * being worked on is kept beyond its time: whoever works on it comes back to it.
 */
static struct used_token *
entry_find(struct token_table *table, uint32_t bucket, const uint8_t *nonce, uint64_t unix_ms)
{
	struct used_token *room = NULL;

	for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
		struct used_token *e = &table->entries[(size_t)bucket * BUCKET_ENTRIES + i];

		if (e->state > TOKEN_PENDING && unix_ms > e->expires_ms + CRYPTO_TOKEN_SKEW_MS) {
			e->state = TOKEN_FREE;
			table->past_ms[bucket] = aef_max_u64(table->past_ms[bucket], e->expires_ms);
		}
		if (e->state != TOKEN_FREE && memcmp(e->nonce, nonce, sizeof(e->nonce)) == 0)
			return e;
		if (e->state == TOKEN_FREE && room == NULL)
			room = e;
	}
	return room;
}

/*
 * Another handshake comes with a used token: the repetitions of its ACK are one try. Not told for
 * ever: its holder can make handshakes at will, and lines about others would be lost among them.
 */
static enum token_found
reused(struct used_token *e, uint64_t transcript)
{
	for (unsigned i = 0; i < TOKEN_REFUSED_MAX; i++)
		if (e->refused[i] == transcript)
			return TOKEN_REUSED_AGAIN;
	if (e->nb_told == TOKEN_TOLD_MAX)
		return TOKEN_REUSED_AGAIN;
	e->refused[e->nb_told++ % TOKEN_REFUSED_MAX] = transcript;
	return TOKEN_REUSED;
}

/*
 * A full bucket refuses: evicting would let a used token in again. So would a wall clock
 * that steps back behind the time at which an entry was forgotten, and with the captured ACK of a
 * moment ago the same keys, used from number 0 again: what is not younger than the youngest token
 * forgotten here is refused, whatever the clock says.
 */
enum token_found
token_table_consume(struct token_table *table, struct quantum_accept *accept, uint64_t unix_ms,
                    struct aef_guuid *ret_cid_s)
{
	const uint32_t bucket = bucket_of(table, accept->token.nonce);
	const uint64_t transcript = transcript_hash(table, accept);
	enum token_found found = TOKEN_NO_ROOM;
	struct used_token *e;

	bucket_lock(table, bucket);
	e = entry_find(table, bucket, accept->token.nonce, unix_ms);
	if ((e == NULL || e->state == TOKEN_FREE) &&
	    accept->token.expires_ms <= table->past_ms[bucket]) {
		found = TOKEN_PAST;
	} else if (e != NULL && e->state == TOKEN_FREE) {
		*e = (struct used_token){ .state = TOKEN_PENDING,
			                  .expires_ms = accept->token.expires_ms,
			                  .transcript = transcript };
		memcpy(e->nonce, accept->token.nonce, sizeof(e->nonce));
		accept->slot = (uint64_t)(e - table->entries);
		found = TOKEN_NEW;
	} else if (e != NULL && e->transcript != transcript) {
		found = reused(e, transcript);
	} else if (e != NULL) {
		*ret_cid_s = e->cid_s;
		found = e->state == TOKEN_PENDING ? TOKEN_OF_PENDING
		        : e->state == TOKEN_BOUND ? TOKEN_OF_CONN
		                                  : TOKEN_OF_NOTHING;
	}
	bucket_unlock(table, bucket);
	return found;
}

static void
set_state(struct token_table *table, const struct quantum_accept *accept, enum token_state state,
          const struct aef_guuid *cid_s)
{
	const uint32_t bucket = (uint32_t)(accept->slot / BUCKET_ENTRIES);
	struct used_token *e = &table->entries[accept->slot];

	bucket_lock(table, bucket);
	aef_assert(e->state == TOKEN_PENDING);
	e->state = (uint8_t)state;
	if (cid_s != NULL)
		e->cid_s = *cid_s;
	bucket_unlock(table, bucket);
}

void
token_table_give_back(struct token_table *table, const struct quantum_accept *accept)
{
	set_state(table, accept, TOKEN_FREE, NULL);
}

void
token_table_bind(struct token_table *table, const struct quantum_accept *accept,
                 const struct aef_guuid *cid_s)
{
	set_state(table, accept, cid_s != NULL ? TOKEN_BOUND : TOKEN_SPENT, cid_s);
}
