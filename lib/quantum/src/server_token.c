/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/siphash.h>

#include "server_priv.h"

#define BUCKET_ENTRIES  8u
#define DERIVE_EVERY_NS (AEF_NS_PER_S / TOKEN_DERIVE_PER_S)

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

/*
 * The two buckets in which a token may be, one in each half of the table; the emptier one takes it,
 * the first one of two alike (Voecking's asymmetric choice). A table of one bucket has no halves.
 */
struct choice {
	uint32_t first, second; /* first <= second: the order of their locks */
};

static struct choice
choice_of(const struct token_table *table, const uint8_t *nonce)
{
	const uint64_t hash = aef_siphash64(table->hash_key, nonce, CRYPTO_NONCE_BYTES);
	const uint32_t half = table->nb_buckets / 2;

	return half == 0 ? (struct choice){ 0, 0 }
	                 : (struct choice){ (uint32_t)hash & (half - 1),
		                            half + ((uint32_t)(hash >> 32) & (half - 1)) };
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

static void
choice_lock(struct token_table *table, const struct choice *c)
{
	bucket_lock(table, c->first);
	if (c->second != c->first)
		bucket_lock(table, c->second);
}

static void
choice_unlock(struct token_table *table, const struct choice *c)
{
	bucket_unlock(table, c->first);
	if (c->second != c->first)
		bucket_unlock(table, c->second);
}

/*
 * The entry of the token in @p bucket, or NULL. Forgets what has expired, but for what a handshake
 * is being worked on: whoever works on it comes back to it. Under the lock.
 * @param ret_room a free entry, or NULL  @param ret_nb_used how many are not free
 */
static struct used_token *
bucket_find(struct token_table *table, uint32_t bucket, const uint8_t *nonce, uint64_t unix_ms,
            struct used_token **ret_room, unsigned *ret_nb_used)
{
	struct used_token *found = NULL;

	*ret_room = NULL;
	*ret_nb_used = 0;
	for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
		struct used_token *e = &table->entries[(size_t)bucket * BUCKET_ENTRIES + i];

		if (e->state > TOKEN_PENDING && unix_ms > e->expires_ms + CRYPTO_TOKEN_SKEW_MS) {
			e->state = TOKEN_FREE;
			table->past_ms[bucket] = aef_max_u64(table->past_ms[bucket], e->expires_ms);
		}
		if (e->state == TOKEN_FREE) {
			*ret_room = e;
			continue;
		}
		(*ret_nb_used)++;
		if (memcmp(e->nonce, nonce, sizeof(e->nonce)) == 0)
			found = e;
	}
	return found;
}

/* The entry of the token, or a free one for it, or NULL. Under both locks. */
static struct used_token *
entry_find(struct token_table *table, const struct choice *c, const uint8_t *nonce,
           uint64_t unix_ms)
{
	struct used_token *room[2], *found;
	unsigned nb_used[2];

	found = bucket_find(table, c->first, nonce, unix_ms, &room[0], &nb_used[0]);
	if (found == NULL)
		found = bucket_find(table, c->second, nonce, unix_ms, &room[1], &nb_used[1]);
	if (found != NULL)
		return found;
	return nb_used[0] <= nb_used[1] ? room[0] : room[1];
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
 * May public-key work be done for this unused token? Then it is charged. Who holds a token
 * makes at will ACKs that are right up to their tag, and this is all that stops the work for them.
 * The burst is for the client of which somebody sees each ACK and sends damaged copies before it:
 * its own ACK is worked on too.
 */
static bool
derive_take(struct used_token *e, uint64_t now_ns)
{
	if (e->derive_due_ns < now_ns)
		e->derive_due_ns = now_ns;
	if (e->derive_due_ns - now_ns > (TOKEN_DERIVE_BURST - 1) * DERIVE_EVERY_NS)
		return false;
	e->derive_due_ns += DERIVE_EVERY_NS;
	return true;
}

/* The ACK of @p accept has the token, which nobody has. */
static enum token_found
begin(struct token_table *table, struct used_token *e, struct quantum_accept *accept,
      uint64_t transcript, uint64_t now_ns)
{
	if (e->state == TOKEN_FREE) {
		*e = (struct used_token){ .expires_ms = accept->token.expires_ms };
		memcpy(e->nonce, accept->token.nonce, sizeof(e->nonce));
	}
	if (!derive_take(e, now_ns))
		return TOKEN_TOO_OFTEN;
	e->state = TOKEN_PENDING;
	e->transcript = transcript;
	accept->slot = (uint64_t)(e - table->entries);
	return TOKEN_NEW;
}

/*
 * Two full buckets refuse: evicting would let a used token in again. So would a wall clock
 * that steps back behind the time at which an entry was forgotten, and with the captured ACK of a
 * moment ago the same keys, used from number 0 again: what is not younger than the youngest token
 * forgotten here is refused, whatever the clock says.
 */
enum token_found
token_table_consume(struct token_table *table, struct quantum_accept *accept,
                    const struct quantum_now *now, struct aef_guuid *ret_cid_s)
{
	const struct choice c = choice_of(table, accept->token.nonce);
	const uint64_t transcript = transcript_hash(table, accept);
	enum token_found found = TOKEN_NO_ROOM;
	struct used_token *e;

	choice_lock(table, &c);
	e = entry_find(table, &c, accept->token.nonce, now->unix_ms);
	if ((e == NULL || e->state == TOKEN_FREE) &&
	    accept->token.expires_ms <=
	            aef_max_u64(table->past_ms[c.first], table->past_ms[c.second])) {
		found = TOKEN_PAST;
	} else if (e != NULL && (e->state == TOKEN_FREE || e->state == TOKEN_RETURNED)) {
		found = begin(table, e, accept, transcript, now->ns);
	} else if (e != NULL && e->transcript != transcript) {
		found = reused(e, transcript);
	} else if (e != NULL && e->state == TOKEN_BOUND) {
		*ret_cid_s = e->cid_s;
		found = TOKEN_OF_CONN;
	} else if (e != NULL) {
		found = e->state == TOKEN_PENDING ? TOKEN_OF_PENDING : TOKEN_OF_NOTHING;
	}
	choice_unlock(table, &c);
	return found;
}

/* The pending entry of @p accept, its bucket locked. */
static struct used_token *
pending_lock(struct token_table *table, const struct quantum_accept *accept)
{
	struct used_token *e = &table->entries[accept->slot];

	bucket_lock(table, (uint32_t)(accept->slot / BUCKET_ENTRIES));
	aef_assert(e->state == TOKEN_PENDING);
	return e;
}

static void
pending_unlock(struct token_table *table, const struct quantum_accept *accept)
{
	bucket_unlock(table, (uint32_t)(accept->slot / BUCKET_ENTRIES));
}

/* What was charged before for this token stays charged. */
void
token_table_give_back(struct token_table *table, const struct quantum_accept *accept)
{
	struct used_token *e = pending_lock(table, accept);

	e->derive_due_ns -= DERIVE_EVERY_NS;
	e->state = e->returned ? TOKEN_RETURNED : TOKEN_FREE;
	pending_unlock(table, accept);
}

void
token_table_return(struct token_table *table, const struct quantum_accept *accept)
{
	struct used_token *e = pending_lock(table, accept);

	e->returned = true;
	e->state = TOKEN_RETURNED;
	pending_unlock(table, accept);
}

void
token_table_bind(struct token_table *table, const struct quantum_accept *accept,
                 const struct aef_guuid *cid_s)
{
	struct used_token *e = pending_lock(table, accept);

	e->state = cid_s != NULL ? TOKEN_BOUND : TOKEN_SPENT;
	if (cid_s != NULL)
		e->cid_s = *cid_s;
	pending_unlock(table, accept);
}
