/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * send_bench.h - one sending end: fill a packet, read its frames, acknowledge or lose records.
 */
#ifndef TESTS_UNIT_QUANTUM_SEND_BENCH_H
#define TESTS_UNIT_QUANTUM_SEND_BENCH_H

#include "chan_pair.h"

/* One sending end, and what it wrote into one packet. */
struct bench {
	struct pools pools;
	struct end e;
	struct aef_list frames; /* records of all packets in flight, oldest first */
	uint8_t payload[9000];
	struct wire_frame got[64];
	unsigned nb_got;
	unsigned bits;
	uint32_t len;
};

static AEF_UNUSED void
setup_with(struct bench *t, uint64_t credit, uint64_t credit_chan,
           const struct quantum_chan_conf *conf)
{
	const struct wire_limits limits = { .message_bytes_max = 1 << 20,
		                            .channels_max = 16,
		                            .credit_bytes = credit,
		                            .credit_channel_bytes = credit_chan };

	pools_init_plenty(&t->pools);
	end_init(&t->e, &t->pools, 1 << 20, 1 << 20, 1 << 20);
	aef_list_init(&t->frames);
	quantum_chans_set_peer_limits(&t->e.chs, &limits);
	ck_assert_int_eq(quantum_chans_open(&t->e.chs, 1, conf), 0);
}

static AEF_UNUSED void
setup(struct bench *t, const struct quantum_chan_conf *conf)
{
	setup_with(t, 1 << 20, 1 << 20, conf);
}

static AEF_UNUSED void
teardown(struct bench *t)
{
	aef_list_foreach_safe (node, &t->frames) {
		aef_list_remove(node);
		ck_assert(quantum_chans_on_dropped(
			&t->e.chs, aef_list_entry(node, struct quantum_frame, node)));
	}
	end_fini(&t->e);
	pools_fini(&t->pools);
	ck_assert_int_eq(buf_live, 0);
}

static AEF_UNUSED void
put(struct bench *t, uint64_t seq, uint32_t len, uint64_t key, uint64_t now_ns)
{
	ck_assert_int_eq(send_pattern(&t->e.chs, 1, seq, len, key, now_ns), 0);
}

static AEF_UNUSED void
parse(struct bench *t, const struct aef_writer *w)
{
	ck_assert(!w->err);
	t->len = (uint32_t)(w->p - t->payload);
	struct aef_reader r = aef_reader_make(t->payload, t->len);

	t->nb_got = 0;
	while (wire_frame_decode(&r, &t->got[t->nb_got]) == 0)
		t->nb_got++;
	ck_assert(!r.err);
}

/* Fill one packet; `got` holds its frames. */
static AEF_UNUSED unsigned
fill(struct bench *t, uint32_t mtu, uint64_t now_ns, bool to_end_ok)
{
	struct aef_writer w = aef_writer_make(t->payload, mtu);

	t->bits = quantum_chans_fill(&t->e.chs, &w, &t->frames, now_ns, to_end_ok);
	parse(t, &w);
	return t->nb_got;
}

/* Oldest record in flight, out of its list. */
static AEF_UNUSED struct quantum_frame *
oldest(struct bench *t)
{
	struct aef_list *node = t->frames.next;

	ck_assert(!aef_list_empty(&t->frames));
	aef_list_remove(node);
	return aef_list_entry(node, struct quantum_frame, node);
}

static AEF_UNUSED void
ack(struct bench *t)
{
	ck_assert(quantum_chans_on_acked(&t->e.chs, oldest(t)));
}

static AEF_UNUSED void
lose(struct bench *t)
{
	ck_assert(quantum_chans_on_lost(&t->e.chs, oldest(t)));
}

static AEF_UNUSED struct quantum_chan *
chan(struct bench *t)
{
	return quantum_window_get(&t->e.chs.table, 1);
}

static AEF_UNUSED void
result(struct bench *t, uint64_t cookie, bool expired)
{
	struct quantum_chan_result sent;

	ck_assert(quantum_chans_poll_sent(&t->e.chs, &sent));
	ck_assert_uint_eq(sent.cookie, cookie);
	ck_assert_int_eq(sent.expired, expired);
	ck_assert_uint_eq(sent.channel, 1);
}

static AEF_UNUSED void
expired_frame(const struct wire_frame *f, uint64_t message, uint64_t bytes)
{
	ck_assert_uint_eq(f->type, WIRE_FRAME_EXPIRED);
	ck_assert_uint_eq(f->expired.channel, 1);
	ck_assert_uint_eq(f->expired.message, message);
	ck_assert_uint_eq(f->expired.bytes, bytes);
}

static const struct quantum_chan_conf ordered = { .order = WIRE_ORDERED };
static const struct quantum_chan_conf latest = { .order = WIRE_LATEST };

#endif
