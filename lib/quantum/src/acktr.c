/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "acktr_priv.h"

/* Canary 2 (docs/testing.md): acknowledge one number that was not received. */
#ifndef AEF_PLANT
#define AEF_PLANT 0
#endif

/* Runs of unreported numbers that are kept apart; beyond it they are merely reported later. */
#define FRESH_MAX (QUANTUM_ACK_BLOCKS_MAX + QUANTUM_ACK_MORE_MAX)

void
quantum_acktr_init(struct quantum_acktr *at, uint64_t first_pn, struct aef_pool *nodes,
                   const struct quantum_rtt *rtt)
{
	aef_assert(nodes->obj_size_bytes >= sizeof(struct aef_range));
	*at = (struct quantum_acktr){
		.nodes = nodes,
		.rtt = rtt,
		.ack = first_pn,
		.end = first_pn,
		.reported_end = first_pn,
		.floor = first_pn,
		.deadline_ns = AEF_TIME_NEVER,
	};
	aef_rangeset_init(&at->rcvd);
	aef_rangeset_init(&at->fresh);
	aef_rangeset_init(&at->recovered);
}

void
quantum_acktr_fini(struct quantum_acktr *at)
{
	if (at == NULL || at->nodes == NULL)
		return;
	aef_rangeset_clear(&at->rcvd, at->nodes);
	aef_rangeset_clear(&at->fresh, at->nodes);
	aef_rangeset_clear(&at->recovered, at->nodes);
}

static void
forget_lowest(struct quantum_acktr *at)
{
	const uint64_t end = aef_rangeset_lowest(&at->rcvd)->end;

	aef_rangeset_drop_below(&at->rcvd, at->nodes, end);
	at->nb_forgotten_ranges++;
}

/* Everything below `ack` needs no memory any more. */
static void
settle(struct quantum_acktr *at)
{
	const struct aef_range *lowest = aef_rangeset_lowest(&at->rcvd);

	while (lowest != NULL && lowest->first <= at->ack) {
		at->ack = aef_max_u64(at->ack, lowest->end);
		aef_rangeset_drop_below(&at->rcvd, at->nodes, at->ack);
		lowest = aef_rangeset_lowest(&at->rcvd);
	}
	aef_rangeset_drop_below(&at->fresh, at->nodes, at->ack);
	aef_rangeset_drop_below(&at->recovered, at->nodes, at->ack);
}

/* Put a number above `ack` into the set, at the price of the lowest range if need be. */
static int
remember(struct quantum_acktr *at, uint64_t pn)
{
	uint64_t added;
	int rc = aef_rangeset_add(&at->rcvd, at->nodes, pn, pn + 1, &added);

	if (rc == AEF_ERR_FULL && at->rcvd.nb_ranges > 0) {
		forget_lowest(at);
		rc = aef_rangeset_add(&at->rcvd, at->nodes, pn, pn + 1, &added);
	}
	if (rc != 0)
		return rc;
	if (added == 0)
		return AEF_ERR_DUPLICATE;
	if (at->rcvd.nb_ranges > QUANTUM_ACK_RANGES_MAX)
		forget_lowest(at);
	return 0;
}

static int
record(struct quantum_acktr *at, uint64_t pn)
{
	const struct aef_range *lowest = aef_rangeset_lowest(&at->rcvd);
	int rc;

	if (pn < at->ack)
		return AEF_ERR_RANGE;
	if (pn == at->ack) { /* in order, or the lowest hole: no node is needed */
		at->ack++;
		if (lowest != NULL || at->recovered.nb_ranges > 0)
			settle(at);
		return 0;
	}
	rc = remember(at, pn);
	if (rc != 0)
		return rc;
	/* Without a node the number is reported all the same while its range is among the blocks.
	 */
	if (at->fresh.nb_ranges >= FRESH_MAX ||
	    aef_rangeset_add(&at->fresh, at->nodes, pn, pn + 1, NULL) != 0)
		at->nb_unlisted++;
	return 0;
}

static void
count_ecn(struct quantum_acktr *at, uint8_t ecn)
{
	if (ecn == QUANTUM_ECN_CE) {
		at->nb_ce_pkts++;
		at->ce_repeat = QUANTUM_ACK_CE_REPEAT;
	} else if (ecn == QUANTUM_ECN_ECT0) {
		at->nb_ect0_pkts++;
	} else if (ecn == QUANTUM_ECN_ECT1) {
		at->nb_ect1_pkts++;
	}
}

/* PSH costs us a packet each time, so a peer gets a bounded number of them per round trip. */
static bool
psh_honoured(struct quantum_acktr *at, uint64_t now_ns)
{
	if (at->nb_psh == 0 || now_ns >= at->psh_start_ns + at->rtt->srtt_ns) {
		at->psh_start_ns = now_ns;
		at->nb_psh = 0;
	}
	if (at->nb_psh >= QUANTUM_ACK_PSH_PER_SRTT)
		return false;
	at->nb_psh++;
	return true;
}

/* A quarter of a round trip keeps at least four acknowledgements in it (reference 3a.8). */
static uint64_t
ack_delay_ns(const struct quantum_acktr *at)
{
	return aef_min_u64(QUANTUM_MAX_ACK_DELAY_NS,
	                   aef_max_u64(at->rtt->srtt_ns / 4, QUANTUM_RTT_GRANULARITY_NS));
}

/* An ack-eliciting packet was recorded: decide when it is acknowledged. */
static void
schedule(struct quantum_acktr *at, const struct quantum_acktr_pkt *pkt, bool out_of_order)
{
	const uint32_t every = at->nb_eliciting < QUANTUM_ACK_FIRST_PKTS ? QUANTUM_ACK_EVERY_FIRST
	                                                                 : QUANTUM_ACK_EVERY;
	const bool first = at->nb_eliciting == 0;

	at->nb_pending++;
	if (at->nb_eliciting < UINT32_MAX)
		at->nb_eliciting++;
	if (at->deadline_ns == AEF_TIME_NEVER)
		at->deadline_ns = aef_add_sat_u64(pkt->now_ns, ack_delay_ns(at));
	if (first || out_of_order || pkt->ecn == QUANTUM_ECN_CE || at->nb_pending >= every ||
	    at->fresh.nb_ranges > QUANTUM_ACK_BLOCKS_MAX)
		at->ack_now = true;
	/* Asked last: a PSH that changes nothing costs the peer nothing. */
	else if (pkt->psh && psh_honoured(at, pkt->now_ns))
		at->ack_now = true;
}

/* When to answer at once, when every 2 or 10, and when at the latest. */
int
quantum_acktr_on_packet(struct quantum_acktr *at, const struct quantum_acktr_pkt *pkt)
{
	const bool out_of_order = pkt->pn != at->end;
	const int rc = record(at, pkt->pn);

	count_ecn(at, pkt->ecn);
	if (rc != 0)
		return rc;
	at->latest_pn = pkt->pn;
	if (pkt->pn >= at->end) {
		at->end = pkt->pn + 1;
		at->highest_at_ns = pkt->now_ns;
	}
	if (pkt->eliciting)
		schedule(at, pkt, out_of_order);
	return 0;
}

void
quantum_acktr_on_floor(struct quantum_acktr *at, uint64_t floor)
{
	if (floor <= at->floor)
		return;
	at->floor = floor;
	if (floor <= at->ack)
		return;
	at->ack = floor;
	if (floor > at->end) { /* never received, so there is no delay of theirs to report */
		at->end = floor;
		at->reported_end = aef_max_u64(at->reported_end, floor);
	}
	settle(at);
}

void
quantum_acktr_on_recovered(struct quantum_acktr *at, uint64_t pn)
{
	if (pn < at->ack || aef_rangeset_has(&at->rcvd, pn, pn + 1))
		return;
	/* Full: forget the lowest; its data is resent in vain, which the channels discard. */
	while (at->recovered.nb_ranges > 0 &&
	       aef_rangeset_overlap(&at->recovered, 0, UINT64_MAX) >= QUANTUM_ACK_RECOVERED_MAX)
		aef_rangeset_drop_below(&at->recovered, at->nodes,
		                        aef_rangeset_lowest(&at->recovered)->first + 1);
	if (aef_rangeset_add(&at->recovered, at->nodes, pn, pn + 1, NULL) != 0)
		at->nb_unlisted++;
	at->ack_now = true; /* before the sender's reordering window ends and it resends */
}

static struct quantum_ack_block
block_of(const struct aef_range *range)
{
	return (struct quantum_ack_block){ .first = range->first, .end = range->end };
}

/* The range of the latest arrival, or NULL when that is below ack or was forgotten. */
static const struct aef_range *
latest_range(const struct quantum_acktr *at)
{
	for (struct aef_list *node = at->rcvd.ranges.prev; node != &at->rcvd.ranges;
	     node = node->prev) {
		const struct aef_range *range = aef_range_of(node);

		if (range->end <= at->latest_pn)
			return NULL;
		if (range->first <= at->latest_pn)
			return range;
	}
	return NULL;
}

/*
 * Ranges below the blocks that hold unreported numbers: both sets are walked down together and the
 * walk ends with the last unreported number, so that old ranges cost nothing.
 */
static void
add_more(const struct quantum_acktr *at, struct aef_list *node, const struct aef_range *latest,
         struct quantum_ack *ack)
{
	const struct aef_list *fresh = at->fresh.ranges.prev;

	while (node != &at->rcvd.ranges && fresh != &at->fresh.ranges &&
	       ack->nb_more < QUANTUM_ACK_MORE_MAX) {
		const struct aef_range *range = aef_range_of(node);
		const struct aef_range *unreported =
			aef_list_entry((struct aef_list *)fresh, struct aef_range, node);

		if (unreported->first >= range->end) {
			fresh = fresh->prev;
			continue;
		}
		if (unreported->end > range->first && range != latest)
			ack->more[ack->nb_more++] = block_of(range);
		node = node->prev;
	}
}

static void
add_blocks(const struct quantum_acktr *at, struct quantum_ack *ack)
{
	const struct aef_range *latest = latest_range(at);
	struct aef_list *node = at->rcvd.ranges.prev;

	if (latest != NULL)
		ack->blocks[ack->nb_blocks++] = block_of(latest);
	for (; node != &at->rcvd.ranges && ack->nb_blocks < QUANTUM_ACK_BLOCKS_MAX;
	     node = node->prev)
		if (aef_range_of(node) != latest)
			ack->blocks[ack->nb_blocks++] = block_of(aef_range_of(node));
	add_more(at, node, latest, ack);
}

/* A late original fills the hole: then the number is no recovered one any more. */
static void
add_recovered(const struct quantum_acktr *at, struct quantum_ack *ack)
{
	aef_list_foreach (node, &at->recovered.ranges) {
		const struct aef_range *range = aef_range_of(node);

		for (uint64_t pn = range->first; pn < range->end; pn++) {
			if (ack->nb_recovered == QUANTUM_ACK_RECOVERED_MAX)
				return;
			if (!aef_rangeset_has(&at->rcvd, pn, pn + 1))
				ack->recovered[ack->nb_recovered++] = pn;
		}
	}
}

/* Canary 2: the lowest hole loses its first number, well-formed so that only its meaning is wrong.
 */
static void
plant_overack(struct quantum_ack *ack)
{
	ack->ack++;
	for (uint32_t i = 0; i < ack->nb_blocks; i++) {
		if (ack->blocks[i].first != ack->ack)
			continue;
		ack->ack = ack->blocks[i].end;
		ack->blocks[i] = ack->blocks[--ack->nb_blocks];
		break;
	}
}

/* ack is the lowest hole; first the range of the latest arrival, then highest first. */
void
quantum_acktr_build(const struct quantum_acktr *at, uint64_t now_ns, struct quantum_ack *ret_ack)
{
	struct quantum_ack *ack = ret_ack;

	ack->ack = at->ack;
	ack->nb_blocks = ack->nb_more = ack->nb_recovered = 0;
	ack->highest = at->end > 0 ? at->end - 1 : 0;
	ack->nb_ce_pkts = at->nb_ce_pkts;
	ack->nb_ect0_pkts = at->nb_ect0_pkts;
	ack->nb_ect1_pkts = at->nb_ect1_pkts;
	ack->ece = at->ce_repeat > 0;
	if (at->rcvd.nb_ranges > 0)
		add_blocks(at, ack);
	if (at->recovered.nb_ranges > 0)
		add_recovered(at, ack);
	ack->delay_ns = aef_sub_sat_u64(now_ns, at->highest_at_ns);
	ack->has_delay = at->end > at->reported_end && ack->delay_ns > QUANTUM_ACK_DELAY_INFO_NS;
	if (!ack->has_delay)
		ack->delay_ns = 0;
	ack->need_info = ack->has_delay || ack->ece || ack->nb_more > 0 || ack->nb_recovered > 0;
	if (AEF_PLANT == 2 && at->rcvd.nb_ranges > 0)
		plant_overack(ack);
}

void
quantum_acktr_on_sent(struct quantum_acktr *at, const struct quantum_ack *ack)
{
	at->reported_end = at->end;
	at->nb_pending = 0;
	at->ack_now = false;
	at->deadline_ns = AEF_TIME_NEVER;
	if (ack->ece && at->ce_repeat > 0)
		at->ce_repeat--;
	aef_rangeset_clear(&at->fresh, at->nodes);
}
