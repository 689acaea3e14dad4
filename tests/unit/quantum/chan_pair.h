/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chan_pair.h - two ends of a connection's channels joined by a channel of frames that loses,
 * duplicates, reorders and misjudges; with counted buffers and bounded pools.
 */
#ifndef TESTS_UNIT_QUANTUM_CHAN_PAIR_H
#define TESTS_UNIT_QUANTUM_CHAN_PAIR_H

#include <base/err.h>
#include <base/rng.h>

#include "chan_priv.h"
#include "harness.h"

#define MS AEF_NS_PER_MS

struct buf {
	uint32_t refs;
	uint8_t data[];
};

static int64_t buf_live AEF_UNUSED;

static void
buf_get(void *ctx, void *owner)
{
	struct buf *buf = owner;

	(void)ctx;
	ck_assert_uint_gt(buf->refs, 0);
	buf->refs++;
}

static void
buf_put(void *ctx, void *owner)
{
	struct buf *buf = owner;

	(void)ctx;
	ck_assert_uint_gt(buf->refs, 0);
	if (--buf->refs == 0) {
		buf_live--;
		free(buf);
	}
}

static struct buf *
buf_new(size_t bytes)
{
	struct buf *buf = malloc(sizeof(*buf) + bytes + 1);

	ck_assert_ptr_nonnull(buf);
	buf->refs = 1;
	buf_live++;
	return buf;
}

static const struct quantum_buf_ops buf_ops = { .get = buf_get, .put = buf_put };

enum { P_CHANS, P_MSGS_OUT, P_MSGS_IN, P_SEGS, P_FRAMES, P_RANGES, P_NODES, P_KEYS, NB_POOLS };

struct pools {
	struct aef_pool pool[NB_POOLS];
	void *mem[NB_POOLS];
	struct quantum_chan_pools face;
};

static void
pools_init(struct pools *p, const uint32_t nb[NB_POOLS])
{
	static const size_t size[NB_POOLS] = {
		sizeof(struct quantum_chan),        sizeof(struct quantum_msg_out),
		sizeof(struct quantum_msg_in),      sizeof(struct quantum_seg_node),
		sizeof(struct quantum_frame),       sizeof(struct aef_range),
		sizeof(struct quantum_window_node), sizeof(struct quantum_key_table),
	};

	for (unsigned i = 0; i < NB_POOLS; i++) {
		p->mem[i] = malloc(aef_pool_mem_bytes(size[i], nb[i]));
		ck_assert_ptr_nonnull(p->mem[i]);
		aef_pool_init(&p->pool[i], "test", p->mem[i], size[i], nb[i]);
	}
	p->face = (struct quantum_chan_pools){
		.chans = &p->pool[P_CHANS],
		.msgs_out = &p->pool[P_MSGS_OUT],
		.msgs_in = &p->pool[P_MSGS_IN],
		.segs = &p->pool[P_SEGS],
		.frames = &p->pool[P_FRAMES],
		.ranges = &p->pool[P_RANGES],
		.nodes = &p->pool[P_NODES],
		.keys = &p->pool[P_KEYS],
		.buf = &buf_ops,
	};
}

static void AEF_UNUSED
pools_init_plenty(struct pools *p)
{
	static const uint32_t nb[NB_POOLS] = { 256, 8192, 8192, 32768, 32768, 4096, 2048, 32 };

	pools_init(p, nb);
}

/* Everything must have come back. */
static void AEF_UNUSED
pools_fini(struct pools *p)
{
	for (unsigned i = 0; i < NB_POOLS; i++) {
		ck_assert_msg(p->pool[i].in_use == 0, "pool %u: %u objects not returned", i,
		              p->pool[i].in_use);
		free(p->mem[i]);
	}
}

static uint8_t
pattern(unsigned channel, uint64_t seq, uint32_t at)
{
	return (uint8_t)(channel * 31 + seq * 7 + at * 13 + (at >> 8));
}

/* A message of the pattern in `nb_slices` pieces. */
static int AEF_UNUSED
send_pattern(struct quantum_chans *chs, unsigned channel, uint64_t seq, uint32_t len, uint64_t key,
             uint64_t now_ns)
{
	struct quantum_slice slices[3];
	struct quantum_chan_send send = {
		.slices = slices, .key = key, .cookie = seq, .notify = true
	};
	const unsigned nb = len >= 12 ? 3 : len > 0 ? 1 : 0;
	uint32_t at = 0;

	for (unsigned i = 0; i < nb; i++) {
		const uint32_t n = i + 1 == nb ? len - at : len / nb;
		struct buf *buf = buf_new(n);

		for (uint32_t j = 0; j < n; j++)
			buf->data[j] = pattern(channel, seq, at + j);
		/* So that a receiver can tell which one it is. */
		if (i == 0 && n >= 4)
			memcpy(buf->data, &(uint32_t){ (uint32_t)seq }, 4);
		slices[i] = (struct quantum_slice){ buf->data, n, buf };
		at += n;
	}
	send.nb_slices = nb;
	const int err = quantum_chans_send(chs, (uint16_t)channel, &send, now_ns);

	for (unsigned i = 0; err != 0 && i < nb; i++)
		buf_put(NULL, slices[i].owner);
	return err;
}

/* Sequence in the first 4 bytes; checks all others against the pattern. */
static uint32_t AEF_UNUSED
message_check(const struct quantum_msg *msg)
{
	uint8_t head[4] = { 0 };
	uint32_t at = 0, seq = 0, nb = 0;

	for (const struct quantum_seg *s = msg->segs; s != NULL; s = s->next)
		for (uint32_t i = 0; i < s->slice.len; i++, nb++)
			if (nb < 4)
				head[nb] = s->slice.data[i];
	ck_assert_uint_eq(nb, msg->len);
	memcpy(&seq, head, 4);
	for (const struct quantum_seg *s = msg->segs; s != NULL; s = s->next)
		for (uint32_t i = 0; i < s->slice.len; i++, at++)
			if (at >= 4 && s->slice.data[i] != pattern(msg->channel, seq, at))
				ck_abort_msg("wrong byte %u of message %u", at, seq);
	return seq;
}

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

/* Give every frame of a payload to the other end; the first error ends it. */
static int AEF_UNUSED
end_receive(struct end *e, const uint8_t *payload, uint32_t len, void *owner)
{
	struct aef_reader r = aef_reader_make(payload, len);
	struct wire_frame f;
	int err;

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
		if (err != 0)
			return err;
	}
	ck_assert_int_eq(err, AEF_ERR_AGAIN);
	return 0;
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
