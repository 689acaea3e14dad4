/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The numbers that really arrived, kept apart from the engine: an end may acknowledge only these.
 * What an end is about to send is read before it is sealed, what it received after it was opened.
 */
#include <stdlib.h>
#include <string.h>

#include <base/bytes.h>
#include <crypto/pn.h>
#include <wire/handshake.h>
#include <wire/header.h>

#include "world.h"

void
sim_numbers_init(struct sim_numbers *set, uint64_t base)
{
	*set = (struct sim_numbers){ .base = base, .cum = base, .floor = base, .end = base };
}

void
sim_numbers_fini(struct sim_numbers *set)
{
	free(set->bits);
	set->bits = NULL;
	set->nb_words = 0;
}

static bool
has(const struct sim_numbers *set, uint64_t pn)
{
	const uint64_t i = pn - set->base;

	return pn >= set->base && i / 64 < set->nb_words &&
	       (set->bits[i / 64] >> (i % 64) & 1) != 0;
}

static void
put(struct sim_numbers *set, uint64_t pn)
{
	const uint64_t i = pn - set->base;
	const uint64_t need = i / 64 + 1;

	if (need > set->nb_words) {
		const uint64_t nb = need * 2 + 16;

		set->bits = realloc(set->bits, nb * sizeof(*set->bits));
		if (set->bits == NULL)
			abort();
		memset(set->bits + set->nb_words, 0, (nb - set->nb_words) * sizeof(*set->bits));
		set->nb_words = nb;
	}
	set->bits[i / 64] |= 1ull << (i % 64);
	if (pn >= set->end)
		set->end = pn + 1;
}

static void
advance(struct sim_numbers *set)
{
	if (set->cum < set->floor)
		set->cum = set->floor;
	while (has(set, set->cum))
		set->cum++;
}

static struct aef_reader
payload(const uint8_t *data, uint32_t len)
{
	struct wire_header hdr;
	const enum wire_class clas = wire_classify(data, len, &hdr);
	int nb;

	if (clas == WIRE_CLASS_ACK)
		return aef_reader_make(data + WIRE_ACK_TEXT_AT,
		                       hdr.payload_len - WIRE_ACK_CLEAR_BYTES);
	nb = clas == WIRE_CLASS_PROTECTED ? wire_protected_sacks(len, hdr.payload_len) : -1;
	if (nb < 0)
		return aef_reader_make(data, 0);
	return aef_reader_make(data + WIRE_HEADER_BYTES + (size_t)nb * WIRE_SACK_BYTES,
	                       hdr.payload_len);
}

static void
read_floor(struct sim_numbers *set, const uint8_t *data, uint32_t len)
{
	struct aef_reader r = payload(data, len);
	struct wire_frame f;

	while (r.p < r.end && (*r.p == WIRE_FRAME_ACK_INFO || *r.p == WIRE_FRAME_FLOOR) &&
	       wire_frame_decode(&r, &f) == 0)
		if (f.type == WIRE_FRAME_FLOOR && f.floor > set->floor)
			set->floor = f.floor;
}

void
sim_oracle_accepted(struct sim_world *world, struct sim_end *end, const struct sim_buf *buf,
                    const struct quantum_rx *rx)
{
	struct sim_numbers *set = &end->got;

	if (buf->tampered)
		sim_fail(world, "session %u side %u accepted a forged datagram as number %llu",
		         end->ses->uid, end->side, (unsigned long long)rx->pn);
	else if (buf->uid != end->ses->uid)
		sim_fail(world, "session %u side %u accepted a datagram of session %u",
		         end->ses->uid, end->side, buf->uid);
	else if (rx->pn != buf->pn)
		sim_fail(world, "session %u side %u took number %llu for %llu", end->ses->uid,
		         end->side, (unsigned long long)buf->pn, (unsigned long long)rx->pn);
	else if (has(set, buf->pn))
		sim_fail(world, "session %u side %u accepted number %llu twice", end->ses->uid,
		         end->side, (unsigned long long)buf->pn);
	else
		put(set, buf->pn);
	read_floor(set, buf->data, buf->len);
	advance(set);
}

/* Every number of [first, end) at or above the floor arrived. */
static void
check_range(struct sim_world *world, const struct sim_end *end, uint64_t first, uint64_t stop)
{
	const struct sim_numbers *set = &end->got;

	if (stop > set->end) {
		sim_fail(world,
		         "session %u side %u acknowledges up to %llu, highest seen is below %llu",
		         end->ses->uid, end->side, (unsigned long long)stop,
		         (unsigned long long)set->end);
		return;
	}
	for (uint64_t pn = aef_max_u64(first, set->cum); pn < stop; pn++) {
		/* A full word of numbers at a time. */
		const uint64_t i = pn - set->base;

		if (i % 64 == 0 && stop - pn >= 64 && set->bits[i / 64] == UINT64_MAX) {
			pn += 63;
			continue;
		}
		if (!has(set, pn)) {
			sim_fail(world, "session %u side %u acknowledges %llu, which never arrived",
			         end->ses->uid, end->side, (unsigned long long)pn);
			return;
		}
	}
}

static void
check_blocks(struct sim_world *world, const struct sim_end *end, const uint8_t *bytes, uint32_t nb)
{
	for (uint32_t i = 0; i < nb && !world->failed; i++) {
		const uint8_t *at = bytes + (size_t)i * WIRE_SACK_BYTES;

		check_range(world, end, crypto_pn_expand(end->got.end, aef_load_be32(at)),
		            crypto_pn_expand(end->got.end, aef_load_be32(at + 4)));
	}
}

void
sim_oracle_sent(struct sim_world *world, struct sim_end *end, const struct quantum_tx *tx)
{
	struct wire_header hdr;
	struct wire_frame f;
	struct aef_reader r;
	uint64_t ack;
	int nb;

	if (wire_classify(tx->data, tx->len, &hdr) != WIRE_CLASS_PROTECTED)
		return;
	ack = crypto_pn_expand(end->got.end, hdr.ack);
	if (ack > end->got.cum) {
		sim_fail(world, "session %u side %u acknowledges all below %llu, %llu is missing",
		         end->ses->uid, end->side, (unsigned long long)ack,
		         (unsigned long long)end->got.cum);
		return;
	}
	nb = wire_protected_sacks(tx->len, hdr.payload_len);
	if (nb > 0)
		check_blocks(world, end, tx->data + WIRE_HEADER_BYTES, (uint32_t)nb);
	r = payload(tx->data, tx->len);
	if (r.p < r.end && *r.p == WIRE_FRAME_ACK_INFO && wire_frame_decode(&r, &f) == 0)
		check_blocks(world, end, f.ack_info.ranges, f.ack_info.nb_ranges);
}
