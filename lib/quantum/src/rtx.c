/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>

#include "rtx_detect_priv.h"

void
quantum_rtx_init(struct quantum_rtx *rtx, const struct quantum_rtx_conf *conf)
{
	aef_assert(conf->records_max > 0);
	aef_assert(conf->records->obj_size_bytes >= sizeof(struct quantum_sent));
	*rtx = (struct quantum_rtx){
		.next_pn = conf->first_pn,
		.records_max = conf->records_max,
		.floor_sent = conf->first_pn,
		.peer_ack = conf->first_pn,
		.high_end = conf->first_pn,
		.prev_high_end = conf->first_pn,
		.acked_pn_end = conf->first_pn,
		.rtt = conf->rtt,
		.records = conf->records,
		.rng = conf->rng,
		.reo_mult = 1,
		.recovery_end_pn = conf->first_pn,
		.skip_in = 1 + (uint32_t)aef_rng_below(conf->rng, 2 * QUANTUM_SKIP_MEAN_MIN - 1),
	};
	aef_list_init(&rtx->sent);
	aef_list_init(&rtx->lost);
}

struct quantum_sent *
quantum_rtx_drain(struct quantum_rtx *rtx)
{
	struct quantum_sent *rec;

	if (!aef_list_empty(&rtx->lost)) {
		rec = quantum_sent_of(rtx->lost.next);
		aef_list_remove(&rec->node);
		rtx->nb_lost--;
		return rec;
	}
	rec = quantum_rtx_oldest(rtx);
	if (rec != NULL)
		quantum_rtx_unsend(rtx, rec);
	return rec;
}

void
quantum_rtx_result_init(struct quantum_rtx_result *res)
{
	memset(res, 0, sizeof(*res));
	aef_list_init(&res->acked);
	aef_list_init(&res->lost);
	aef_list_init(&res->recovered);
}

/* ---- numbers ---- */

int
quantum_rtx_pn_check(const struct quantum_rtx *rtx)
{
	if (rtx->next_pn >= QUANTUM_PN_LAST)
		return AEF_ERR_CLOSED;
	return rtx->next_pn - rtx->high_end >= QUANTUM_PN_AHEAD_MAX ? AEF_ERR_LIMIT : 0;
}

/* Remember [first, end) as never sent; the caller has seen to the room. */
static void
add_skip(struct quantum_rtx *rtx, uint64_t first, uint64_t end)
{
	struct quantum_ack_block *last = &rtx->skips[rtx->nb_skips - (rtx->nb_skips > 0)];

	if (rtx->nb_skips > 0 && last->end == first) {
		last->end = end;
		return;
	}
	aef_assert(rtx->nb_skips < QUANTUM_SKIPS_MAX);
	rtx->skips[rtx->nb_skips++] = (struct quantum_ack_block){ .first = first, .end = end };
}

int
quantum_rtx_pn_skip_to(struct quantum_rtx *rtx, uint64_t pn)
{
	if (pn < rtx->next_pn || pn > QUANTUM_PN_LAST)
		return AEF_ERR_RANGE;
	if (pn == rtx->next_pn)
		return 0;
	if (rtx->nb_skips == QUANTUM_SKIPS_MAX)
		return AEF_ERR_FULL;
	add_skip(rtx, rtx->next_pn, pn);
	rtx->next_pn = pn;
	return 0;
}

/* Below the highest FLOOR sent a skip proves nothing any more. */
static void
raise_floor_sent(struct quantum_rtx *rtx, uint64_t floor)
{
	uint32_t gone = 0;

	if (floor <= rtx->floor_sent)
		return;
	rtx->floor_sent = floor;
	while (gone < rtx->nb_skips && rtx->skips[gone].end <= floor)
		gone++;
	if (gone == 0)
		return;
	rtx->nb_skips -= gone;
	memmove(rtx->skips, rtx->skips + gone, rtx->nb_skips * sizeof(rtx->skips[0]));
}

/* The number is used; from time to time the next one is not, to catch made-up acknowledgements. */
static void
use_number(struct quantum_rtx *rtx, uint32_t cwnd_pkts)
{
	rtx->next_pn++;
	if (--rtx->skip_in > 0)
		return;
	const uint32_t mean = aef_max_u32(QUANTUM_SKIP_MEAN_MIN, cwnd_pkts / 2);

	if (rtx->nb_skips < QUANTUM_SKIPS_MAX) {
		add_skip(rtx, rtx->next_pn, rtx->next_pn + 1);
		rtx->next_pn++;
	}
	rtx->skip_in = 1 + (uint32_t)aef_rng_below(rtx->rng, 2 * (uint64_t)mean - 1);
}

/* ---- records ---- */

static void
forget_lost(struct quantum_rtx *rtx)
{
	struct quantum_sent *rec = quantum_sent_of(rtx->lost.next);

	aef_assert_hot(aef_list_empty(&rec->frames));
	aef_list_remove(&rec->node);
	rtx->nb_lost--;
	quantum_rtx_sent_put(rtx, rec);
}

static struct quantum_sent *
record_get(struct quantum_rtx *rtx, uint32_t records_max)
{
	struct quantum_sent *rec;

	/* A lost packet is only remembered in case it was not: sending comes first. */
	if ((rtx->nb_records >= records_max || aef_pool_left(rtx->records) == 0) &&
	    !aef_list_empty(&rtx->lost))
		forget_lost(rtx);
	if (rtx->nb_records >= records_max)
		return NULL;
	rec = aef_pool_get(rtx->records);
	if (rec == NULL)
		return NULL;
	rtx->nb_records++;
	memset(rec, 0, sizeof(*rec));
	aef_list_init(&rec->node);
	aef_list_init(&rec->out);
	aef_list_init(&rec->frames);
	return rec;
}

struct quantum_sent *
quantum_rtx_sent_get(struct quantum_rtx *rtx)
{
	return record_get(rtx, rtx->records_max);
}

struct quantum_sent *
quantum_rtx_probe_get(struct quantum_rtx *rtx)
{
	return record_get(rtx, rtx->records_max + QUANTUM_PROBE_RECORDS);
}

void
quantum_rtx_sent_put(struct quantum_rtx *rtx, struct quantum_sent *rec)
{
	if (rec == NULL)
		return;
	aef_assert_hot(aef_list_empty(&rec->node));
	rtx->nb_records--;
	aef_pool_put(rtx->records, rec);
}

static bool
is_quiet(const struct quantum_sent *rec)
{
	return (rec->flags & (QUANTUM_SENT_REPAIR | QUANTUM_SENT_RECOVERED)) != 0;
}

void
quantum_rtx_unsend(struct quantum_rtx *rtx, struct quantum_sent *rec)
{
	aef_assert_hot(rtx->nb_sent > 0 && rtx->bytes_in_flight >= rec->bytes);
	aef_list_remove(&rec->node);
	rtx->nb_sent--;
	rtx->bytes_in_flight -= rec->bytes;
	if (is_quiet(rec))
		rtx->nb_quiet--;
}

void
quantum_rtx_on_sent(struct quantum_rtx *rtx, struct quantum_sent *rec, uint64_t now_ns,
                    uint32_t cwnd_pkts)
{
	rec->pn = rtx->next_pn;
	rec->sent_ns = now_ns;
	rec->order = rtx->next_order++;
	rec->flags &= 0xff; /* the rest is ours */
	aef_list_append(&rtx->sent, &rec->node);
	rtx->nb_sent++;
	rtx->nb_sent_total++;
	rtx->bytes_in_flight += rec->bytes;
	if (is_quiet(rec))
		rtx->nb_quiet++;
	rtx->timer_base_ns = now_ns;
	raise_floor_sent(rtx, rec->floor);
	use_number(rtx, cwnd_pkts);
}

void
quantum_rtx_on_sent_untracked(struct quantum_rtx *rtx, uint64_t floor, uint32_t cwnd_pkts)
{
	raise_floor_sent(rtx, floor);
	use_number(rtx, cwnd_pkts);
}

uint64_t
quantum_rtx_floor(struct quantum_rtx *rtx, uint64_t now_ns)
{
	while (!aef_list_empty(&rtx->lost)) {
		struct quantum_sent *rec = quantum_sent_of(rtx->lost.next);
		const uint64_t keep_ns = rtx->rtt->srtt_ns + quantum_rtx_reo_wnd_ns(rtx);

		if (now_ns <= aef_add_sat_u64(rec->lost_ns, keep_ns))
			return rec->pn;
		forget_lost(rtx);
	}
	const uint64_t floor =
		aef_list_empty(&rtx->sent) ? rtx->next_pn : quantum_rtx_oldest(rtx)->pn;

	/*
	 * A lower floor is allowed. Without a hole that the peer reported or that we made, numbers
	 * between its ack and the floor are just under way, and FLOOR would only cost bytes.
	 */
	if (rtx->high_end <= rtx->peer_ack && (rtx->nb_skips == 0 || rtx->skips[0].first >= floor))
		return aef_min_u64(floor, rtx->peer_ack);
	return floor;
}

/* ---- timers ---- */

/*
 * The first time-outs are tail probes at PTO (RFC 8985 7.2, RFC 9002 6.2), doubled once; then the
 * retransmission time-out of RFC 6298 takes over and doubles each time. Both only send probes.
 */
static uint64_t
timeout_ns(const struct quantum_rtx *rtx)
{
	const uint32_t n = aef_min_u32(rtx->nb_timeouts, 32);
	uint64_t pto_ns = quantum_rtt_pto_ns(rtx->rtt);

	/* PSH on the last packet: its acknowledgement is not held back. */
	if (n == 0 && (quantum_rtx_newest(rtx)->flags & QUANTUM_SENT_PSH) != 0)
		pto_ns -= aef_min_u64(rtx->rtt->max_ack_delay_ns,
		                      pto_ns - aef_min_u64(pto_ns, rtx->rtt->srtt_ns));
	/*
	 * Silence is probed at least this often: nobody waits minutes for an editor to come back,
	 * nor for an estimate that a packet spoilt which came seconds late.
	 */
	const uint64_t most_ns = quantum_rtt_has_sample(rtx->rtt)
	                                 ? aef_max_u64(4 * rtx->rtt->min_ns, QUANTUM_BACKOFF_MAX_NS)
	                                 : QUANTUM_BACKOFF_MAX_NS;

	if (n < QUANTUM_TAIL_PROBES)
		return aef_min_u64(pto_ns << n, most_ns);
	const uint64_t rto_ns =
		aef_max_u64(quantum_rtt_rto_ns(rtx->rtt), pto_ns << (QUANTUM_TAIL_PROBES - 1));

	return aef_min_u64(rto_ns << (n - QUANTUM_TAIL_PROBES), most_ns);
}

static uint64_t
probe_deadline_ns(const struct quantum_rtx *rtx)
{
	if (aef_list_empty(&rtx->sent))
		return AEF_TIME_NEVER;
	/* Canary 5: the tail of a message is left without a timer. */
	if (AEF_PLANT == 5 && rtx->nb_sent == 1 &&
	    (quantum_rtx_oldest(rtx)->flags & QUANTUM_SENT_LAST_FRAG) != 0)
		return AEF_TIME_NEVER;
	return aef_add_sat_u64(rtx->timer_base_ns, timeout_ns(rtx));
}

uint64_t
quantum_rtx_deadline_ns(const struct quantum_rtx *rtx)
{
	return aef_min_u64(quantum_rtx_reo_deadline_ns(rtx), probe_deadline_ns(rtx));
}

static void
time_out(struct quantum_rtx *rtx, uint64_t now_ns, struct quantum_rtx_result *res)
{
	res->is_rto = rtx->nb_timeouts >= QUANTUM_TAIL_PROBES;
	res->nb_probes = res->is_rto ? 2 : 1;
	if (res->is_rto)
		rtx->nb_rto_total++;
	else
		rtx->nb_pto_total++;
	if (rtx->nb_timeouts < UINT32_MAX)
		rtx->nb_timeouts++;
	/* Also when no probe can leave: the next attempt waits its turn. */
	rtx->timer_base_ns = now_ns;
}

void
quantum_rtx_on_deadline(struct quantum_rtx *rtx, uint64_t now_ns, struct quantum_rtx_result *res)
{
	rtx->event++;
	res->inflight_before_bytes = rtx->bytes_in_flight;
	if (now_ns >= quantum_rtx_reo_deadline_ns(rtx)) {
		quantum_rtx_detect_lost(rtx, now_ns, NULL, res);
		return; /* what is found lost is resent and restarts the other timer */
	}
	if (now_ns < probe_deadline_ns(rtx))
		return;
	if (rtx->nb_quiet < rtx->nb_sent) {
		time_out(rtx, now_ns, res);
		return;
	}
	/* Nothing here would ever be resent: a probe would only measure the loss of repair. */
	while (!aef_list_empty(&rtx->sent))
		quantum_rtx_declare_oldest(rtx, now_ns, NULL, res);
}
