/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <wire/frame.h>
#include <wire/header.h>

#include "rtx_detect_priv.h"

static_assert(QUANTUM_ACK_IN_MAX == WIRE_SACKS_MAX + WIRE_ACK_INFO_RANGES_MAX, "all ranges fit");
static_assert(QUANTUM_RECOVERED_IN_MAX == WIRE_ACK_INFO_RECOVERED_MAX, "all numbers fit");

/* ---- reading what the peer claims ---- */

/* Insert [first, end) so that the ranges stay sorted by their first number. */
static void
insert_range(struct quantum_rtx_ranges *got, uint64_t first, uint64_t end)
{
	uint32_t i = got->nb++;

	for (; i > 0 && got->r[i - 1].first > first; i--)
		got->r[i] = got->r[i - 1];
	got->r[i] = (struct quantum_ack_block){ .first = first, .end = end };
}

/* Join ranges that overlap or touch. */
static void
join_ranges(struct quantum_rtx_ranges *got)
{
	uint32_t last = 0;

	for (uint32_t i = 1; i < got->nb; i++) {
		if (got->r[i].first <= got->r[last].end)
			got->r[last].end = aef_max_u64(got->r[last].end, got->r[i].end);
		else
			got->r[++last] = got->r[i];
	}
	if (got->nb > 0)
		got->nb = last + 1;
}

static bool
ranges_touch(const struct quantum_rtx_ranges *got, uint64_t first, uint64_t end)
{
	for (uint32_t i = 0; i < got->nb; i++)
		if (got->r[i].first < end && first < got->r[i].end)
			return true;
	return false;
}

static bool
is_skipped(const struct quantum_rtx *rtx, uint64_t pn)
{
	for (uint32_t i = 0; i < rtx->nb_skips; i++)
		if (rtx->skips[i].first <= pn && pn < rtx->skips[i].end)
			return true;
	return false;
}

/*
 * Check the acknowledgement and keep of it what is evidence: the part at or above the highest FLOOR
 * sent. What lies below means nothing, so that it can be no violation either.
 */
static int
read_ranges(const struct quantum_rtx *rtx, const struct quantum_ack_in *in,
            struct quantum_rtx_ranges *got)
{
	const uint64_t floor = rtx->floor_sent;

	got->nb = 0;
	if (in->nb_blocks > QUANTUM_ACK_IN_MAX || in->nb_recovered > QUANTUM_RECOVERED_IN_MAX)
		return AEF_ERR_LIMIT;
	if (in->ack > rtx->next_pn)
		return AEF_ERR_PROTOCOL;
	if (in->ack > floor)
		insert_range(got, floor, in->ack);
	/* Backwards: peers name the highest first, so that each goes to the end. */
	for (uint32_t i = in->nb_blocks; i-- > 0;) {
		const struct quantum_ack_block *block = &in->blocks[i];

		if (block->first >= block->end || block->end > rtx->next_pn)
			return AEF_ERR_PROTOCOL;
		if (block->end <= floor)
			continue;
		if (block->first <= in->ack)
			return AEF_ERR_PROTOCOL;
		insert_range(got, aef_max_u64(block->first, floor), block->end);
	}
	join_ranges(got);
	for (uint32_t i = 0; i < rtx->nb_skips; i++)
		if (ranges_touch(got, aef_max_u64(rtx->skips[i].first, floor), rtx->skips[i].end))
			return AEF_ERR_PROTOCOL;
	for (uint32_t i = 0; i < in->nb_recovered; i++) {
		const uint64_t pn = in->recovered[i];

		if (pn >= rtx->next_pn || (pn >= floor && is_skipped(rtx, pn)))
			return AEF_ERR_PROTOCOL;
	}
	return 0;
}

/* ---- the reordering window ---- */

uint64_t
quantum_rtx_reo_wnd_ns(const struct quantum_rtx *rtx)
{
	const uint64_t srtt_ns = rtx->rtt->srtt_ns;
	const uint64_t min_ns = aef_min_u64(rtx->rtt->min_ns, srtt_ns);
	/* Below timer granularity nothing is reordering of the network (RFC 9002 6.1.2). */
	const uint64_t wnd_ns = aef_max_u64(rtx->reo_mult * min_ns / 4, QUANTUM_RTT_GRANULARITY_NS);

	if (AEF_PLANT == 1) /* Canary 1: any reordering is taken for loss. */
		return 0;
	return aef_min_u64(wnd_ns, srtt_ns);
}

/*
 * RFC 8985 6.2 step 4: as long as no reordering was ever seen, three ack-eliciting packets
 * delivered above, or a recovery that runs already, make waiting needless. Where repair packets
 * follow, a quarter of the round trip gives them time to arrive and the peer to say so: what is
 * resent before costs as much as the repair did.
 */
static uint64_t
window_of(const struct quantum_rtx *rtx, const struct quantum_sent *rec)
{
	if (!rtx->reordering_seen && (rec->flags & QUANTUM_SENT_SOURCE) == 0 &&
	    (rtx->in_recovery || rtx->acked_order_end > rec->order + QUANTUM_DUP_THRESH))
		return 0;
	return quantum_rtx_reo_wnd_ns(rtx);
}

uint64_t
quantum_rtx_reo_deadline_ns(const struct quantum_rtx *rtx)
{
	const struct quantum_sent *rec = quantum_rtx_oldest(rtx);

	if (rec == NULL || rec->order >= rtx->acked_order_end)
		return AEF_TIME_NEVER;
	return aef_add_sat_u64(rec->sent_ns, rtx->rack_rtt_ns + window_of(rtx, rec));
}

/*
 * A loss was wrong: widen, at most once per round trip, and remember for 16 recoveries. RFC 8985
 * adds a quarter of min_rtt each time; the lateness is known here, so up to twice the window is
 * taken at once when that much was needed.
 */
static void
widen_window(struct quantum_rtx *rtx, const struct quantum_sent *rec, uint64_t now_ns)
{
	const uint64_t late_ns =
		aef_sub_sat_u64(now_ns, aef_add_sat_u64(rec->sent_ns, rtx->rtt->srtt_ns));
	const uint64_t quarter_ns = aef_max_u64(rtx->rtt->min_ns / 4, 1);
	const uint64_t wanted = aef_min_u64(late_ns / quarter_ns + 1, 2 * (uint64_t)rtx->reo_mult);

	rtx->reordering_seen = true;
	rtx->reo_persist = QUANTUM_REO_PERSIST;
	if (rtx->reo_round_pn > rtx->acked_pn_end)
		return;
	rtx->reo_round_pn = rtx->next_pn;
	rtx->reo_mult = (uint32_t)aef_min_u64(aef_max_u64(wanted, rtx->reo_mult + 1), UINT8_MAX);
}

/* ---- losses ---- */

/*
 * Hand @p rec to the caller. It may stand in another list of this very result (recovered, then
 * declared lost); the lists of earlier results are gone and must not be touched.
 */
static void
put_out(const struct quantum_rtx *rtx, struct quantum_sent *rec, struct aef_list *list)
{
	if (rec->event == rtx->event)
		aef_list_remove(&rec->out);
	rec->event = rtx->event;
	aef_list_append(list, &rec->out);
}

/*
 * Persistent congestion (RFC 9002 7.6): two packets lost, three probe time-outs apart, both sent
 * after the first RTT sample, and of everything sent between them nothing delivered. Packets that
 * are not ack-eliciting have no record; the ranges at hand and the highest number reported before
 * this acknowledgement speak for them.
 */
static void
extend_run(struct quantum_rtx *rtx, const struct quantum_sent *rec,
           const struct quantum_rtx_ranges *got, struct quantum_rtx_result *res)
{
	const bool joined = rtx->run_valid && rec->order == rtx->run_last_order + 1 &&
	                    (got == NULL || !ranges_touch(got, rtx->run_last_pn, rec->pn));

	rtx->run_last_pn = rec->pn;
	rtx->run_last_order = rec->order;
	if (!joined) {
		rtx->run_valid = (rec->flags & QUANTUM_SENT_PMTU) == 0;
		rtx->run_first_pn = rec->pn;
		rtx->run_first_ns = rec->sent_ns;
		return;
	}
	if ((rec->flags & QUANTUM_SENT_PMTU) == 0 &&
	    rtx->run_first_ns > rtx->rtt->first_sample_at_ns &&
	    rtx->run_first_pn >= rtx->prev_high_end &&
	    rec->sent_ns - rtx->run_first_ns > 3 * quantum_rtt_pto_ns(rtx->rtt)) {
		res->persistent = true;
		rtx->run_valid = false;
	}
}

/* A packet sent after the last cut began a new recovery; others belong to the one that runs. */
static void
count_loss(struct quantum_rtx *rtx, struct quantum_sent *rec, struct quantum_rtx_result *res)
{
	if (rec->pn >= rtx->recovery_end_pn) {
		rtx->in_recovery = true;
		rtx->recovery_end_pn = rtx->next_pn;
		rtx->episode++;
		rtx->episode_lost = rtx->episode_spurious = 0;
		res->recovery_started = true;
	}
	rec->episode = rtx->episode;
	rtx->episode_lost++;
	res->lost_bytes += rec->bytes;
}

void
quantum_rtx_declare_oldest(struct quantum_rtx *rtx, uint64_t now_ns,
                           const struct quantum_rtx_ranges *got, struct quantum_rtx_result *res)
{
	struct quantum_sent *rec = quantum_rtx_oldest(rtx);

	quantum_rtx_unsend(rtx, rec);
	aef_list_append(&rtx->lost, &rec->node);
	rtx->nb_lost++;
	rec->flags |= QUANTUM_SENT_LOST;
	rec->lost_ns = now_ns;
	if ((rec->flags & QUANTUM_SENT_PMTU) != 0) {
		res->pmtu_lost_bytes += rec->bytes;
	} else {
		count_loss(rtx, rec, res);
	}
	extend_run(rtx, rec, got, res);
	put_out(rtx, rec, &res->lost);
	res->nb_lost++;
	rtx->nb_lost_total++;
}

void
quantum_rtx_detect_lost(struct quantum_rtx *rtx, uint64_t now_ns,
                        const struct quantum_rtx_ranges *got, struct quantum_rtx_result *res)
{
	/* "Never" is no time: a caller may hand a deadline back as the clock. */
	now_ns = aef_min_u64(now_ns, AEF_TIME_NEVER - 1);
	while (now_ns >= quantum_rtx_reo_deadline_ns(rtx))
		quantum_rtx_declare_oldest(rtx, now_ns, got, res);
}

/* ---- deliveries ---- */

static void
hand_out(struct quantum_rtx *rtx, struct quantum_sent *rec, struct quantum_rtx_result *res)
{
	rec->flags |= QUANTUM_SENT_ACKED;
	res->nb_acked++;
	res->acked_bytes += rec->bytes;
	rtx->nb_acked_total++;
	/* RACK.fack (RFC 8985 6.2 step 3): delivered below what was delivered before. */
	if (rec->pn < rtx->acked_pn_end)
		rtx->reordering_seen = true;
}

/* The packet arrived although it was declared lost. */
static void
take_spurious(struct quantum_rtx *rtx, struct quantum_sent *rec, uint64_t now_ns,
              struct quantum_rtx_result *res)
{
	aef_list_remove(&rec->node);
	rtx->nb_lost--;
	put_out(rtx, rec, &res->acked);
	hand_out(rtx, rec, res);
	res->nb_spurious++;
	res->spurious_bytes += rec->bytes;
	rtx->nb_spurious_total++;
	if ((rec->flags & QUANTUM_SENT_PMTU) != 0)
		return;
	if (rec->episode == rtx->episode)
		rtx->episode_spurious++;
	widen_window(rtx, rec, now_ns);
}

/* Late arrivals among the lost: below ack from the front, in the blocks from the back. */
static void
match_lost(struct quantum_rtx *rtx, const struct quantum_rtx_ranges *got, uint64_t ack,
           uint64_t now_ns, struct quantum_rtx_result *res)
{
	struct aef_list *node;
	uint32_t i = got->nb;

	while (!aef_list_empty(&rtx->lost) && quantum_sent_of(rtx->lost.next)->pn < ack)
		take_spurious(rtx, quantum_sent_of(rtx->lost.next), now_ns, res);
	node = rtx->lost.prev;
	/* All that is left lies at or above ack, so the walk ends at the lowest block. */
	while (i > 0 && got->r[i - 1].first >= ack && node != &rtx->lost) {
		struct quantum_sent *rec = quantum_sent_of(node);

		if (rec->pn < got->r[i - 1].first) {
			i--;
			continue;
		}
		node = node->prev;
		if (rec->pn < got->r[i - 1].end)
			take_spurious(rtx, rec, now_ns, res);
	}
}

/* Newly delivered packets; returns the newest if nothing newer was ever delivered, or NULL. */
static const struct quantum_sent *
match_sent(struct quantum_rtx *rtx, const struct quantum_rtx_ranges *got, uint64_t now_ns,
           struct quantum_rtx_result *res)
{
	const struct quantum_sent *newest = NULL;
	struct aef_list *node = rtx->sent.next;

	for (uint32_t i = 0; i < got->nb; i++) {
		while (node != &rtx->sent && quantum_sent_of(node)->pn < got->r[i].first)
			node = node->next;
		while (node != &rtx->sent && quantum_sent_of(node)->pn < got->r[i].end) {
			struct quantum_sent *rec = quantum_sent_of(node);

			node = node->next;
			quantum_rtx_unsend(rtx, rec);
			put_out(rtx, rec, &res->acked);
			hand_out(rtx, rec, res);
			if (rec->pn < rtx->acked_pn_end)
				continue;
			newest = rec;
			rtx->acked_pn_end = rec->pn + 1;
			rtx->acked_order_end = rec->order + 1;
			rtx->rack_rtt_ns = aef_sub_sat_u64(now_ns, rec->sent_ns);
		}
	}
	return newest;
}

/* ---- numbers that the peer repaired ---- */

static void
note_recovered(struct quantum_rtx *rtx, struct quantum_sent *rec, struct quantum_rtx_result *res)
{
	if ((rec->flags & QUANTUM_SENT_RECOVERED) != 0)
		return;
	if ((rec->flags & (QUANTUM_SENT_LOST | QUANTUM_SENT_REPAIR)) == 0)
		rtx->nb_quiet++;
	rec->flags |= QUANTUM_SENT_RECOVERED;
	put_out(rtx, rec, &res->recovered);
	res->nb_recovered++;
	rtx->nb_recovered_total++;
}

/* The records in `list` whose numbers are in the sorted `pns`; returns how many pns are used up. */
static uint32_t
match_recovered(struct quantum_rtx *rtx, struct aef_list *list, const uint64_t *pns,
                uint32_t nb_pns, struct quantum_rtx_result *res)
{
	struct aef_list *node = list->next;
	uint32_t i = 0;

	while (node != list && i < nb_pns) {
		struct quantum_sent *rec = quantum_sent_of(node);

		if (rec->pn > pns[i]) {
			i++;
			continue;
		}
		if (rec->pn == pns[i])
			note_recovered(rtx, rec, res);
		node = node->next;
	}
	return i;
}

static void
take_recovered(struct quantum_rtx *rtx, const struct quantum_ack_in *in,
               struct quantum_rtx_result *res)
{
	uint64_t pns[QUANTUM_RECOVERED_IN_MAX];
	uint32_t nb_pns = 0, used;

	for (uint32_t k = 0; k < in->nb_recovered; k++) {
		uint32_t i = nb_pns;

		if (in->recovered[k] < rtx->floor_sent)
			continue;
		for (; i > 0 && pns[i - 1] > in->recovered[k]; i--)
			pns[i] = pns[i - 1];
		pns[i] = in->recovered[k];
		nb_pns++;
	}
	used = match_recovered(rtx, &rtx->lost, pns, nb_pns, res);
	(void)match_recovered(rtx, &rtx->sent, pns + used, nb_pns - used, res);
}

/* ---- one acknowledgement ---- */

static void
note_progress(struct quantum_rtx *rtx, const struct quantum_rtx_ranges *got, uint64_t ack,
              struct quantum_rtx_result *res)
{
	const uint64_t end = got->nb > 0 ? got->r[got->nb - 1].end : 0;

	if (ack > rtx->peer_ack) {
		rtx->peer_ack = ack;
		res->moved = true;
	}
	if (end > rtx->high_end) {
		rtx->prev_high_end = rtx->high_end;
		rtx->high_end = end;
		res->moved = true;
	}
}

static void
end_recovery(struct quantum_rtx *rtx, struct quantum_rtx_result *res)
{
	if (!rtx->in_recovery || rtx->acked_pn_end <= rtx->recovery_end_pn)
		return;
	rtx->in_recovery = false;
	res->recovery_ended = true;
	if (rtx->reo_persist > 0 && --rtx->reo_persist == 0)
		rtx->reo_mult = 1;
}

/* Every loss of the last recovery turned out wrong: its cut is undone and forgotten. */
static void
maybe_undo(struct quantum_rtx *rtx, struct quantum_rtx_result *res)
{
	if (res->nb_spurious == 0 || rtx->episode_lost == 0 ||
	    rtx->episode_spurious < rtx->episode_lost)
		return;
	res->undo = true;
	rtx->in_recovery = false;
	rtx->episode_lost = rtx->episode_spurious = 0;
	rtx->recovery_end_pn = 0; /* the next loss is a new recovery */
}

/*
 * Below the highest FLOOR sent an acknowledgement says nothing; above it one of a
 * number never sent is a violation. One of a packet declared lost undoes the cut.
 */
int
quantum_rtx_on_ack(struct quantum_rtx *rtx, const struct quantum_ack_in *in, uint64_t now_ns,
                   struct quantum_rtx_result *res)
{
	struct quantum_rtx_ranges got;
	const struct quantum_sent *newest;
	const int rc = read_ranges(rtx, in, &got);

	rtx->event++;
	res->inflight_before_bytes = rtx->bytes_in_flight;
	if (rc != 0) {
		rtx->nb_bad_acks++;
		return rc;
	}
	note_progress(rtx, &got, in->ack, res);
	match_lost(rtx, &got, in->ack, now_ns, res);
	newest = match_sent(rtx, &got, now_ns, res);
	if (in->nb_recovered > 0)
		take_recovered(rtx, in, res);
	if (newest != NULL) {
		/* Two ends on one clock tick still are a round trip apart. */
		res->rtt_ns = aef_max_u64(rtx->rack_rtt_ns, 1);
		if (newest->pn < rtx->path_pn || /* of the path that was left */
		    quantum_rtt_update(rtx->rtt, res->rtt_ns, in->delay_ns, now_ns) != 0)
			res->rtt_ns = 0;
		end_recovery(rtx, res);
	}
	if (res->nb_acked > 0)
		rtx->nb_timeouts = 0;
	maybe_undo(rtx, res);
	quantum_rtx_detect_lost(rtx, now_ns, &got, res);
	return 0;
}
