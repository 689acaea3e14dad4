/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chan_pair.h - two ends of a connection's channels joined by a channel of frames that loses,
 * duplicates, reorders and misjudges.
 */
#ifndef TESTS_UNIT_QUANTUM_CHAN_PAIR_H
#define TESTS_UNIT_QUANTUM_CHAN_PAIR_H

#include "chan_bench.h"

struct packet {
	struct aef_list node;
	struct aef_list frames;
	struct buf *buf;
	uint32_t len;
	uint64_t arrive_ns; /* AEF_TIME_NEVER: lost */
	uint64_t again_ns;  /* arrives a second time, or AEF_TIME_NEVER */
	uint64_t judge_ns;  /* the sender hears of its fate */
	bool arrived;
	bool judged;
	bool spurious; /* called lost although it arrives */
};

struct end {
	struct quantum_chans chs;
	struct quantum_chans_conf conf;
	struct aef_list flying; /* packets it sent */
	uint32_t nb_flying;
	uint32_t mtu;
	uint32_t refused; /* packets not acknowledged for want of memory */
	uint64_t nb_packets;
};

struct link {
	struct aef_rng rng;
	uint64_t now_ns;
	uint32_t loss_ppm, dup_ppm, spurious_ppm;
	uint32_t jitter_ms;
};

static void AEF_UNUSED
end_init(struct end *e, struct pools *pools, uint64_t window, uint64_t window_chan,
         uint32_t message_max)
{
	*e = (struct end){ .mtu = 1200 };
	e->conf = (struct quantum_chans_conf){
		.limits = { .message_bytes_max = message_max,
		            .channels_max = WIRE_CHANNELS_MAX,
		            .credit_bytes = window,
		            .credit_channel_bytes = window_chan },
		.queue_bytes_max = 64u << 20,
		.queue_messages_max = 8192,
	};
	aef_list_init(&e->flying);
	quantum_chans_init(&e->chs, &pools->face, &e->conf);
}

/*
 * Give every frame of a payload to the other end. One without memory does not keep the others of
 * its packet from being taken: the one that frees memory may be behind it.
 */
static int AEF_UNUSED
end_receive(struct end *e, const uint8_t *payload, uint32_t len, void *owner)
{
	struct aef_reader r = aef_reader_make(payload, len);
	struct wire_frame f;
	int err, ret = 0;

	while ((err = wire_frame_decode(&r, &f)) == 0) {
		switch (f.type) {
		case WIRE_FRAME_DATA:
			err = quantum_chans_on_data(&e->chs, &f.data, owner);
			break;
		case WIRE_FRAME_EXPIRED:
			err = quantum_chans_on_expired(&e->chs, f.expired.channel,
			                               f.expired.message, f.expired.bytes);
			break;
		case WIRE_FRAME_CREDIT:
			quantum_chans_on_credit(&e->chs, f.credit.bytes);
			break;
		case WIRE_FRAME_CREDIT_CHANNEL:
			err = quantum_chans_on_credit_channel(&e->chs, f.credit.channel,
			                                      f.credit.bytes);
			break;
		default:
			ck_abort_msg("frame %u", f.type);
		}
		if (err == AEF_ERR_FULL)
			ret = err;
		else if (err != 0)
			return err;
	}
	ck_assert_int_eq(err, AEF_ERR_AGAIN);
	return ret;
}

/* One packet on its way; false when there was nothing to send. */
static bool AEF_UNUSED
end_transmit(struct end *e, struct link *l)
{
	struct packet *p = calloc(1, sizeof(*p));

	ck_assert_ptr_nonnull(p);
	p->buf = buf_new(e->mtu);
	aef_list_init(&p->frames);
	struct aef_writer w = aef_writer_make(p->buf->data, e->mtu);
	const unsigned bits = quantum_chans_fill(&e->chs, &w, &p->frames, l->now_ns,
	                                         aef_rng_chance_ppm(&l->rng, 500000));

	ck_assert(!w.err);
	ck_assert_int_eq((bits & QUANTUM_FILL_WROTE) != 0, !aef_list_empty(&p->frames));
	if (!(bits & QUANTUM_FILL_WROTE)) {
		buf_put(NULL, p->buf);
		free(p);
		return false;
	}
	p->len = (uint32_t)(w.p - p->buf->data);
	p->arrive_ns = p->again_ns = AEF_TIME_NEVER;
	p->judge_ns = l->now_ns + (25 + l->jitter_ms) * MS;
	if (!aef_rng_chance_ppm(&l->rng, l->loss_ppm))
		p->arrive_ns = l->now_ns + (10 + aef_rng_below(&l->rng, l->jitter_ms + 1)) * MS;
	if (p->arrive_ns != AEF_TIME_NEVER && aef_rng_chance_ppm(&l->rng, l->dup_ppm))
		p->again_ns = l->now_ns + aef_rng_range(&l->rng, 1, 200) * MS;
	p->spurious = aef_rng_chance_ppm(&l->rng, l->spurious_ppm);
	if (p->spurious && aef_rng_chance_ppm(&l->rng, 500000))
		p->judge_ns = l->now_ns + 5 * MS; /* before it even arrives */
	aef_list_append(&e->flying, &p->node);
	e->nb_flying++;
	e->nb_packets++;
	return true;
}

static void
packet_judge(struct end *e, struct packet *p)
{
	const bool acked = p->arrived && !p->spurious;

	while (!aef_list_empty(&p->frames)) {
		struct quantum_frame *f =
			aef_list_entry(p->frames.next, struct quantum_frame, node);

		aef_list_remove(&f->node);
		if (acked)
			ck_assert(quantum_chans_on_acked(&e->chs, f));
		else
			ck_assert(quantum_chans_on_lost(&e->chs, f));
	}
	p->judged = true;
}

static void
packet_arrive(struct end *to, struct packet *p)
{
	const int err = end_receive(to, p->buf->data, p->len, p->buf);

	if (err == AEF_ERR_FULL) {
		to->refused++;
		return;
	}
	ck_assert_int_eq(err, 0);
	p->arrived = true;
}

/* What is due of the packets from `from` to `to`. */
static void AEF_UNUSED
link_step(struct link *l, struct end *from, struct end *to)
{
	aef_list_foreach_safe (node, &from->flying) {
		struct packet *p = aef_list_entry(node, struct packet, node);

		if (p->arrive_ns <= l->now_ns) {
			p->arrive_ns = AEF_TIME_NEVER;
			packet_arrive(to, p);
		}
		if (p->again_ns <= l->now_ns) {
			p->again_ns = AEF_TIME_NEVER;
			packet_arrive(to, p);
		}
		if (!p->judged && p->judge_ns <= l->now_ns)
			packet_judge(from, p);
		if (!p->judged || p->arrive_ns != AEF_TIME_NEVER || p->again_ns != AEF_TIME_NEVER)
			continue;
		aef_list_remove(&p->node);
		from->nb_flying--;
		buf_put(NULL, p->buf);
		free(p);
	}
}

/* As a connection closes: records in flight first, then the table. */
static void AEF_UNUSED
end_fini(struct end *e)
{
	aef_list_foreach_safe (node, &e->flying) {
		struct packet *p = aef_list_entry(node, struct packet, node);

		aef_list_foreach_safe (fnode, &p->frames) {
			aef_list_remove(fnode);
			ck_assert(quantum_chans_on_dropped(
				&e->chs, aef_list_entry(fnode, struct quantum_frame, node)));
		}
		aef_list_remove(&p->node);
		buf_put(NULL, p->buf);
		free(p);
	}
	quantum_chans_fini(&e->chs);
	quantum_chans_fini(&e->chs);
}

#endif
