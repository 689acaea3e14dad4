/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chan_bench.h - what the tests of channels stand on: counted buffers, bounded pools, a pattern.
 */
#ifndef TESTS_UNIT_QUANTUM_CHAN_BENCH_H
#define TESTS_UNIT_QUANTUM_CHAN_BENCH_H

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

#endif
