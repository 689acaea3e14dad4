/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Order of one packet: draw its loss fate (always, so that the streams stay aligned), scheduled
 * changes, mtu, outage, memory, queue, serializer, wire.
 */
#include <string.h>

#include <base/err.h>
#include <link/link.h>

#define NS_PER_S     1000000000ull
#define PPB          1000000000ull
#define OUTAGE_STEPS 64 /* random outages skipped one by one after a silence; then drawn anew */

static size_t
align16(size_t bytes)
{
	return (bytes + 15) & ~(size_t)15;
}

size_t
link_mem_bytes(uint32_t slots)
{
	return align16(aef_pool_mem_bytes(sizeof(struct link_entry), slots)) +
	       align16(sizeof(struct aef_heap_node) * slots) +
	       align16(sizeof(struct link_queued) * slots);
}

/* Any interval from half to one and a half times the mean. */
static void
outage_draw(struct link *link, uint64_t after_ns)
{
	const uint64_t mean = link->conf.outage_interval_ns;

	link->outage.start_ns =
		after_ns + mean / 2 + aef_rng_range(&link->rng_outage, 0, mean & ~1ull);
	link->outage.duration_ns = aef_rng_range(&link->rng_outage, 1, link->conf.outage_max_ns);
}

static bool
in_random_outage(struct link *link, uint64_t now_ns)
{
	if (link->conf.outage_interval_ns == 0)
		return false;
	for (unsigned i = 0; i < OUTAGE_STEPS; i++) {
		const struct link_outage *o = &link->outage;

		if (now_ns < o->start_ns)
			return false;
		if (now_ns - o->start_ns < o->duration_ns)
			return true;
		outage_draw(link, o->start_ns + o->duration_ns);
	}
	outage_draw(link, now_ns);
	return false;
}

static bool
in_outage(struct link *link, uint64_t now_ns)
{
	const uint64_t age_ns = now_ns - link->origin_ns;
	const bool random = in_random_outage(link, now_ns);

	for (uint32_t i = 0; i < link->conf.nb_outages; i++) {
		const struct link_outage *o = &link->conf.outages[i];

		if (age_ns >= o->start_ns && age_ns - o->start_ns < o->duration_ns)
			return true;
	}
	return random;
}

static void
apply_conf(struct link *link, const struct link_conf *conf)
{
	link->conf = *conf;
	link->busy_carry = 0; /* a remainder of another rate means nothing */
	if (conf->ge_p_ppb == 0)
		link->ge_bad = false;
	if (conf->outage_interval_ns != 0)
		outage_draw(link, link->now_ns);
}

int
link_init(struct link *link, const struct link_conf *conf, uint64_t seed, uint64_t now_ns,
          void *mem, uint32_t slots)
{
	struct aef_rng *const streams[] = {
		&link->rng_loss, &link->rng_burst,   &link->rng_jitter, &link->rng_reorder,
		&link->rng_dup,  &link->rng_corrupt, &link->rng_outage,
	};
	uint8_t *at = mem;

	aef_assert(mem != NULL && slots > 0);
	if (link_conf_check(conf, NULL, 0) != 0)
		return AEF_ERR_CONFIG;
	memset(link, 0, sizeof(*link));
	aef_pool_init(&link->entries, "link", at, sizeof(struct link_entry), slots);
	at += align16(aef_pool_mem_bytes(sizeof(struct link_entry), slots));
	aef_heap_init(&link->heap, (struct aef_heap_node *)(void *)at, slots);
	at += align16(sizeof(struct aef_heap_node) * slots);
	link->queue = (struct link_queued *)(void *)at;
	link->slots = slots;
	link->origin_ns = link->now_ns = link->busy_until_ns = now_ns;
	for (size_t i = 0; i < AEF_DIM(streams); i++)
		aef_rng_init(streams[i], aef_splitmix64(&seed));
	apply_conf(link, conf);
	return 0;
}

int
link_set_conf(struct link *link, const struct link_conf *conf)
{
	if (link_conf_check(conf, NULL, 0) != 0)
		return AEF_ERR_CONFIG;
	apply_conf(link, conf);
	return 0;
}

int
link_schedule(struct link *link, const struct link_change *changes, uint32_t nb_changes)
{
	for (uint32_t i = 0; i < nb_changes; i++) {
		if (link_conf_check(&changes[i].conf, NULL, 0) != 0)
			return AEF_ERR_CONFIG;
		if (i > 0 && changes[i].at_ns < changes[i - 1].at_ns)
			return AEF_ERR_CONFIG;
	}
	link->changes = changes;
	link->nb_changes = nb_changes;
	return 0;
}

/* Bring the link to @p now_ns: clock, scheduled configurations, packets that left the queue. */
static void
advance(struct link *link, uint64_t now_ns)
{
	link->now_ns = aef_max_u64(link->now_ns, now_ns);
	while (link->nb_changes > 0 && link->changes->at_ns <= link->now_ns) {
		apply_conf(link, &link->changes->conf);
		link->changes++;
		link->nb_changes--;
	}
	while (link->nb_queued > 0 && link->queue[link->queue_head].depart_ns <= link->now_ns) {
		link->queued_bytes -= link->queue[link->queue_head].len;
		link->queue_head = link->queue_head + 1 == link->slots ? 0 : link->queue_head + 1;
		link->nb_queued--;
	}
}

/* Fate of one packet under both loss models: LINK_TAKEN or one of the two drops. */
static enum link_verdict
draw_loss(struct link *link)
{
	const struct link_conf *c = &link->conf;
	const bool random = aef_rng_chance_ppm(&link->rng_loss, c->loss_ppm);
	const uint64_t turn = aef_rng_below(&link->rng_burst, PPB);
	const uint64_t burst = aef_rng_below(&link->rng_burst, 1000000);

	if (c->ge_p_ppb != 0 && turn < (link->ge_bad ? c->ge_r_ppb : c->ge_p_ppb))
		link->ge_bad = !link->ge_bad;
	if (random)
		return LINK_DROP_RANDOM;
	if (c->ge_p_ppb != 0 && burst < (link->ge_bad ? c->ge_loss_bad_ppm : c->ge_loss_good_ppm))
		return LINK_DROP_BURST;
	return LINK_TAKEN;
}

static enum link_verdict
admit(struct link *link, uint32_t len)
{
	const struct link_conf *c = &link->conf;
	const bool outage = in_outage(link, link->now_ns);

	if (c->mtu_bytes != 0 && len > c->mtu_bytes)
		return LINK_DROP_MTU;
	if (outage)
		return LINK_DROP_OUTAGE;
	if (aef_pool_left(&link->entries) == 0 || link->nb_queued == link->slots)
		return LINK_DROP_FULL;
	if (c->queue_pkts != 0 && link->nb_queued >= c->queue_pkts)
		return LINK_DROP_QUEUE;
	if (c->queue_bytes != 0 && link->nb_queued > 0 && link->queued_bytes + len > c->queue_bytes)
		return LINK_DROP_QUEUE;
	return LINK_TAKEN;
}

/*
 * Queue @p len bytes and return when the last of them has left. The division's remainder is kept
 * while the serializer stays busy, so that a long train takes exactly bytes / rate.
 */
static uint64_t
serialize(struct link *link, uint32_t len)
{
	const uint64_t rate = link->conf.rate_bytes_per_s;
	const bool idle = link->busy_until_ns <= link->now_ns;

	if (rate == 0) /* what a finite rate queued before still goes first */
		return idle ? link->now_ns : link->busy_until_ns;
	if (idle) {
		link->busy_until_ns = link->now_ns;
		link->busy_carry = 0;
	}

	const uint64_t work = len * NS_PER_S + link->busy_carry; /* < 2^32 x 2^30 + 2^44 */

	link->busy_until_ns += work / rate;
	link->busy_carry = work % rate;

	uint64_t tail = (uint64_t)link->queue_head + link->nb_queued;

	if (tail >= link->slots)
		tail -= link->slots;
	link->queue[tail] = (struct link_queued){ .depart_ns = link->busy_until_ns, .len = len };
	link->nb_queued++;
	link->queued_bytes += len;
	link->stats.queue_pkts_max = aef_max_u32(link->stats.queue_pkts_max, link->nb_queued);
	link->stats.queue_bytes_max = aef_max_u64(link->stats.queue_bytes_max, link->queued_bytes);
	return link->busy_until_ns;
}

static uint64_t
draw_delay(struct link *link)
{
	const struct link_conf *c = &link->conf;
	const uint64_t width = 2 * c->jitter_ns;
	uint64_t at = aef_rng_range(&link->rng_jitter, 0, width);

	if (c->jitter_shape == LINK_JITTER_BELL) {
		for (unsigned i = 0; i < 3; i++)
			at += aef_rng_range(&link->rng_jitter, 0, width);
		at /= 4;
	}
	return aef_sub_sat_u64(c->delay_ns + at, c->jitter_ns);
}

static uint64_t
draw_arrival(struct link *link, uint64_t depart_ns, bool duplicate)
{
	const struct link_conf *c = &link->conf;
	const bool held = aef_rng_chance_ppm(&link->rng_reorder, c->reorder_ppm);
	const uint64_t extra_ns = aef_rng_range(&link->rng_reorder, 0, c->reorder_ns);
	uint64_t at_ns = depart_ns + draw_delay(link);

	if (c->keep_order)
		at_ns = aef_max_u64(at_ns, link->order_last_ns);
	if (held) {
		link->stats.held_back++;
		return at_ns + extra_ns;
	}
	if (!duplicate)
		link->order_last_ns = aef_max_u64(link->order_last_ns, at_ns);
	return at_ns;
}

static bool
has_flip(const struct link_delivery *d, uint32_t bit)
{
	for (uint8_t i = 0; i < d->nb_flips; i++) {
		if (d->flips[i] == bit)
			return true;
	}
	return false;
}

static void
draw_errors(struct link *link, struct link_delivery *d)
{
	const struct link_conf *c = &link->conf;
	struct aef_rng *rng = &link->rng_corrupt;
	const bool cut = aef_rng_chance_ppm(rng, c->truncate_ppm);
	const bool flip = aef_rng_chance_ppm(rng, c->corrupt_ppm);
	const uint32_t skip = c->corrupt_skip_bytes;

	if (cut && d->len > skip)
		d->cut_len = skip + (uint32_t)aef_rng_below(rng, d->len - skip);
	if (!flip || d->cut_len <= skip)
		return;

	const uint32_t bytes = aef_min_u32(d->cut_len - skip, (UINT32_MAX / 8) - skip);
	const uint32_t nb = (uint32_t)aef_rng_range(rng, 1, aef_max_u32(c->corrupt_bits, 1));

	/* At most 8 different ones out of at least 8: each draw is new with a chance of 1/8 or
	 * more. */
	while (d->nb_flips < nb) {
		const uint32_t bit = skip * 8 + (uint32_t)aef_rng_below(rng, bytes * 8);

		if (!has_flip(d, bit))
			d->flips[d->nb_flips++] = bit;
	}
}

static uint32_t
draw_copies(struct link *link)
{
	const struct link_conf *c = &link->conf;
	const bool dup = aef_rng_chance_ppm(&link->rng_dup, c->dup_ppm);
	const uint32_t nb =
		(uint32_t)aef_rng_range(&link->rng_dup, 1, aef_max_u32(c->dup_copies, 1));
	const uint32_t room = aef_pool_left(&link->entries) - 1; /* admit() left one at least */

	if (!dup)
		return 0;
	link->stats.dup_skipped += nb - aef_min_u32(nb, room);
	return aef_min_u32(nb, room);
}

/* Put the packet and its copies on the wire; the one that arrives last hands the packet over. */
static void
launch(struct link *link, const struct link_delivery *packet, uint64_t depart_ns)
{
	const uint32_t nb_copies = draw_copies(link);
	struct link_entry *last = NULL;

	for (uint32_t i = 0; i <= nb_copies; i++) {
		struct link_entry *e = aef_pool_get(&link->entries);

		aef_assert(e != NULL);
		e->order = link->next_order;
		e->delivery = *packet;
		e->delivery.duplicate = i > 0;
		e->delivery.deliver_ns = draw_arrival(link, depart_ns, i > 0);
		draw_errors(link, &e->delivery);

		const int err = aef_heap_push(&link->heap, e->delivery.deliver_ns, e, NULL);

		aef_assert(err == 0); /* as many nodes as entries */
		/* Equal times pop in the order of pushing, hence >=. */
		if (last == NULL || e->delivery.deliver_ns >= last->delivery.deliver_ns)
			last = e;
	}
	last->delivery.last = true;
	link->next_order++;
	link->stats.duplicated += nb_copies;
	link->stats.in_flight_max = aef_max_u32(link->stats.in_flight_max, link->heap.nb_nodes);
}

enum link_verdict
link_send(struct link *link, uint64_t now_ns, void *pkt, uint32_t len, uint32_t flags)
{
	advance(link, now_ns);
	link->stats.sent++;
	link->stats.sent_bytes += len;

	const enum link_verdict loss = draw_loss(link);
	enum link_verdict verdict = admit(link, len);

	if (verdict == LINK_TAKEN) {
		const struct link_conf *c = &link->conf;
		const bool ce = (flags & LINK_SEND_ECT) != 0 && c->ecn_bytes != 0 &&
		                link->queued_bytes > c->ecn_bytes;
		const uint64_t depart_ns = serialize(link, len);
		const struct link_delivery packet = {
			.pkt = pkt,
			.sent_ns = link->now_ns,
			.len = len,
			.cut_len = len,
			.ce = ce,
		};

		verdict = loss;
		if (verdict == LINK_TAKEN) {
			link->stats.ce_marked += ce;
			launch(link, &packet, depart_ns);
		}
	}
	link->stats.verdicts[verdict]++;
	return verdict;
}

static void
take_first(struct link *link, struct link_delivery *ret_delivery, uint64_t *ret_order)
{
	struct aef_heap_node node;
	const bool any = aef_heap_pop(&link->heap, &node);

	aef_assert(any);

	struct link_entry *e = node.item;

	*ret_delivery = e->delivery;
	*ret_order = e->order;
	aef_pool_put(&link->entries, e);
}

bool
link_pop(struct link *link, uint64_t now_ns, struct link_delivery *ret_delivery)
{
	struct link_stats *st = &link->stats;
	uint64_t order;

	if (link_next_ns(link) > now_ns || link->heap.nb_nodes == 0)
		return false;
	take_first(link, ret_delivery, &order);
	st->delivered++;
	st->delivered_bytes += ret_delivery->cut_len;
	st->corrupted += ret_delivery->nb_flips > 0;
	st->truncated += ret_delivery->cut_len < ret_delivery->len;
	if (ret_delivery->duplicate)
		return true;
	if (order < link->order_seen)
		st->reordered++;
	else
		link->order_seen = order + 1;
	return true;
}

bool
link_flush(struct link *link, struct link_delivery *ret_delivery)
{
	uint64_t order;

	if (link->heap.nb_nodes == 0) {
		link->busy_until_ns = link->order_last_ns = link->now_ns;
		link->busy_carry = 0;
		link->queued_bytes = 0;
		link->queue_head = link->nb_queued = 0;
		return false;
	}
	take_first(link, ret_delivery, &order);
	link->stats.flushed++;
	return true;
}

uint64_t
link_dropped(const struct link_stats *stats)
{
	uint64_t sum = 0;

	for (unsigned v = LINK_TAKEN + 1; v < LINK_NB_VERDICTS; v++)
		sum += stats->verdicts[v];
	return sum;
}

const char *
link_verdict_name(enum link_verdict verdict)
{
	static const char *const names[LINK_NB_VERDICTS] = {
		[LINK_TAKEN] = "taken",        [LINK_DROP_RANDOM] = "random",
		[LINK_DROP_BURST] = "burst",   [LINK_DROP_QUEUE] = "queue",
		[LINK_DROP_OUTAGE] = "outage", [LINK_DROP_MTU] = "mtu",
		[LINK_DROP_FULL] = "full",
	};

	return (unsigned)verdict < LINK_NB_VERDICTS ? names[verdict] : "unknown";
}

void
link_flip(const struct link_delivery *delivery, uint8_t *data, uint32_t len)
{
	for (uint8_t i = 0; i < delivery->nb_flips; i++) {
		const uint32_t bit = delivery->flips[i];

		if (bit / 8 < len)
			data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
}
