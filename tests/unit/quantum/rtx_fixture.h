/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/quantum/rtx_fixture.h - one sender with its pool and clock, and a caller that does
 * with each result what a connection does. setup() makes everything anew, so no test sees
 * another's.
 */
#ifndef TESTS_RTX_FIXTURE_H
#define TESTS_RTX_FIXTURE_H

#include <base/err.h>
#include <base/rng.h>

#include "harness.h"
#include "rtx_priv.h"

#define MS         AEF_NS_PER_MS
#define RTT        (40 * MS)
#define NB_RECORDS 1024
#define BYTES      1000u

static alignas(16) uint8_t mem[NB_RECORDS * 256];
static struct aef_pool pool;
static struct quantum_rtt rtt;
static struct aef_rng rng;
static struct quantum_rtx rtx;
static struct quantum_rtx_result res;
static uint64_t now;
static uint8_t fate[100000]; /* of each number from `base` on: what the last results said */
static uint64_t base;

enum { UNKNOWN, ACKED, LOST, SPURIOUS, RECOVERED };

AEF_UNUSED static void
setup_at(uint64_t first_pn)
{
	const struct quantum_rtx_conf conf = {
		.first_pn = first_pn,
		.records_max = NB_RECORDS,
		.records = &pool,
		.rtt = &rtt,
		.rng = &rng,
	};

	aef_pool_init(&pool, "sent", mem, sizeof(struct quantum_sent), NB_RECORDS);
	aef_rng_init(&rng, 3);
	quantum_rtt_init(&rtt, QUANTUM_MAX_ACK_DELAY_NS);
	quantum_rtx_init(&rtx, &conf);
	rtx.skip_in = UINT32_MAX; /* a test that wants skips says so */
	now = AEF_NS_PER_S;
	base = first_pn;
	memset(fate, UNKNOWN, sizeof(fate));
}

/* As setup_at(0), with one round trip measured: SRTT 40 ms, window 10 ms. */
AEF_UNUSED static void
setup(void)
{
	setup_at(0);
	ck_assert_int_eq(quantum_rtt_update(&rtt, RTT, 0, now), 0);
	now++;
}

AEF_UNUSED static uint64_t
send_flags(uint32_t flags)
{
	struct quantum_sent *rec = quantum_rtx_sent_get(&rtx);
	const uint64_t pn = quantum_rtx_pn_peek(&rtx);

	ck_assert_ptr_nonnull(rec);
	rec->bytes = BYTES;
	rec->flags = (uint16_t)flags;
	rec->floor = quantum_rtx_floor(&rtx, now);
	quantum_rtx_on_sent(&rtx, rec, now, 32);
	return pn;
}

AEF_UNUSED static void
send_many(unsigned n, uint64_t apart_ns)
{
	for (unsigned i = 0; i < n; i++) {
		send_flags(0);
		now += apart_ns;
	}
}

AEF_UNUSED static void
note_fate(const struct quantum_sent *rec, uint8_t what)
{
	if (rec->pn - base < AEF_DIM(fate))
		fate[rec->pn - base] = what;
}

/* Do with a result what a connection does, and note each number's fate. */
AEF_UNUSED static void
digest(void)
{
	uint32_t acked = 0, lost = 0, recovered = 0;

	aef_list_foreach_safe (node, &res.acked) {
		struct quantum_sent *rec = aef_list_entry(node, struct quantum_sent, out);

		note_fate(rec, rec->flags & QUANTUM_SENT_LOST ? SPURIOUS : ACKED);
		quantum_rtx_sent_put(&rtx, rec);
		acked++;
	}
	aef_list_foreach_safe (node, &res.lost) {
		note_fate(aef_list_entry(node, struct quantum_sent, out), LOST);
		lost++;
	}
	aef_list_foreach_safe (node, &res.recovered) {
		note_fate(aef_list_entry(node, struct quantum_sent, out), RECOVERED);
		recovered++;
	}
	ck_assert_uint_eq(acked, res.nb_acked);
	ck_assert_uint_eq(lost, res.nb_lost);
	ck_assert_uint_le(recovered, res.nb_recovered);
}

AEF_UNUSED static int
take_ack(const struct quantum_ack_in *in)
{
	int rc;

	quantum_rtx_result_init(&res);
	rc = quantum_rtx_on_ack(&rtx, in, now, &res);
	digest();
	return rc;
}

/* ack and at most one block; first == end: none. */
AEF_UNUSED static int
ack(uint64_t value, uint64_t first, uint64_t end)
{
	const struct quantum_ack_block block = { .first = first, .end = end };
	const struct quantum_ack_in in = {
		.ack = value,
		.blocks = &block,
		.nb_blocks = first < end,
	};

	return take_ack(&in);
}

AEF_UNUSED static int
ack_recovered(uint64_t value, uint64_t first, uint64_t end, uint64_t pn)
{
	const struct quantum_ack_block block = { .first = first, .end = end };
	const struct quantum_ack_in in = {
		.ack = value,
		.blocks = &block,
		.nb_blocks = first < end,
		.recovered = &pn,
		.nb_recovered = 1,
	};

	return take_ack(&in);
}

AEF_UNUSED static void
fire(void)
{
	quantum_rtx_result_init(&res);
	quantum_rtx_on_deadline(&rtx, now, &res);
	digest();
}

#endif
