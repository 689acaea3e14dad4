/* SPDX-License-Identifier: BSD-3-Clause */
#include "chan_pair.h"

#define NB_CHANS 12u
#define NB_SEQS  4000u

/* What one channel sent and got. */
struct model {
	struct quantum_chan_conf conf;
	uint32_t nb_sent;
	uint32_t len[NB_SEQS];
	uint64_t key[NB_SEQS];
	uint8_t got[NB_SEQS];
	uint32_t nb_got;
	uint32_t next; /* ordered: sequences must rise */
	int64_t newest[128];
	uint32_t nb_results, nb_expired;
};

static struct model models[NB_CHANS];

static const struct quantum_chan_conf confs[NB_CHANS] = {
	{ .order = WIRE_ORDERED, .reliability = QUANTUM_FULL, .priority = 1 },
	{ .order = WIRE_ORDERED, .reliability = QUANTUM_DEADLINE, .deadline_ns = 60 * MS },
	{ .order = WIRE_ORDERED, .reliability = QUANTUM_TRIES, .tries = 2, .priority = 2 },
	{ .order = WIRE_ORDERED, .reliability = QUANTUM_NONE, .priority = 7 },
	{ .order = WIRE_UNORDERED, .reliability = QUANTUM_FULL, .weight = 3 },
	{ .order = WIRE_UNORDERED, .reliability = QUANTUM_DEADLINE, .deadline_ns = 30 * MS },
	{ .order = WIRE_UNORDERED, .reliability = QUANTUM_TRIES, .tries = 3, .priority = 3 },
	{ .order = WIRE_UNORDERED, .reliability = QUANTUM_NONE, .expedited = true },
	{ .order = WIRE_LATEST, .reliability = QUANTUM_FULL },
	{ .order = WIRE_LATEST, .reliability = QUANTUM_DEADLINE, .deadline_ns = 50 * MS },
	{ .order = WIRE_LATEST, .reliability = QUANTUM_TRIES, .tries = 2 },
	{ .order = WIRE_LATEST, .reliability = QUANTUM_NONE },
};

static uint16_t
chan_id(unsigned i)
{
	return (uint16_t)(i * 5461u); /* from 0 to the top of the id space */
}

static bool
all_arrive(const struct model *m)
{
	return m->conf.reliability == QUANTUM_FULL;
}

static void
models_reset(struct end *a)
{
	memset(models, 0, sizeof(models));
	for (unsigned i = 0; i < NB_CHANS; i++) {
		models[i].conf = confs[i];
		memset(models[i].newest, 0xff, sizeof(models[i].newest));
		ck_assert_int_eq(quantum_chans_open(&a->chs, chan_id(i), &confs[i]), 0);
	}
}

static void
send_some(struct end *a, struct link *l, uint32_t max_len)
{
	const unsigned i = (unsigned)aef_rng_below(&l->rng, NB_CHANS);
	struct model *m = &models[i];
	/* Only where the sequence need not be read from the message. */
	const bool may_be_short = m->conf.order != WIRE_LATEST && all_arrive(m);
	uint32_t len = (uint32_t)aef_rng_below(&l->rng,
	                                       aef_rng_chance_ppm(&l->rng, 50000) ? max_len : 300);
	const uint64_t key = aef_rng_below(&l->rng, 100);

	if (m->nb_sent == NB_SEQS)
		return;
	if (!may_be_short && len < 12)
		len = 12;
	const int err = send_pattern(&a->chs, chan_id(i), m->nb_sent, len, key, l->now_ns);

	if (err == AEF_ERR_FULL)
		return;
	ck_assert_int_eq(err, 0);
	m->len[m->nb_sent] = len;
	m->key[m->nb_sent] = key;
	m->nb_sent++;
}

static void
take_one(const struct quantum_msg *msg)
{
	unsigned i = 0;

	while (chan_id(i) != msg->channel)
		i++;
	struct model *m = &models[i];
	uint32_t seq;

	if (m->conf.order != WIRE_LATEST && all_arrive(m) && msg->len < 12)
		seq = (uint32_t)msg->message;
	else
		seq = message_check(msg);
	ck_assert_uint_lt(seq, m->nb_sent);
	ck_assert_uint_eq(m->len[seq], msg->len);
	ck_assert_uint_eq(m->got[seq], 0);
	m->got[seq]++;
	m->nb_got++;
	if (m->conf.order == WIRE_ORDERED) {
		ck_assert_uint_ge(seq, m->next);
		if (all_arrive(m))
			ck_assert_uint_eq(seq, m->next);
		m->next = seq + 1;
	}
	if (m->conf.order == WIRE_LATEST) {
		ck_assert_uint_eq(m->key[seq], msg->key);
		ck_assert_int_gt((int64_t)seq, m->newest[msg->key]);
		m->newest[msg->key] = seq;
	}
}

static void
receive_some(struct end *b, struct link *l, uint32_t nb_max)
{
	struct quantum_msg msg;

	while (nb_max-- > 0 && quantum_chans_poll(&b->chs, &msg)) {
		take_one(&msg);
		if (aef_rng_chance_ppm(&l->rng, 500000)) {
			quantum_chans_discard(&b->chs, &msg);
			continue;
		}
		for (struct quantum_seg *s = msg.segs; s != NULL; s = s->next)
			buf_put(NULL, s->slice.owner);
		quantum_chans_consume(&b->chs, &msg);
	}
}

static void
results_take(struct end *a)
{
	struct quantum_chan_result sent;

	while (quantum_chans_poll_sent(&a->chs, &sent)) {
		unsigned i = 0;

		while (chan_id(i) != sent.channel)
			i++;
		models[i].nb_results++;
		models[i].nb_expired += sent.expired;
		ck_assert_uint_lt(sent.cookie, models[i].nb_sent);
	}
}

static void
step(struct end *a, struct end *b, struct link *l)
{
	l->now_ns += MS;
	if (quantum_chans_deadline(&a->chs) <= l->now_ns)
		quantum_chans_on_timer(&a->chs, l->now_ns);
	link_step(l, a, b);
	link_step(l, b, a);
	for (unsigned i = 0; i < 12 && a->nb_flying < 600 && end_transmit(a, l); i++)
		;
	while (end_transmit(b, l))
		;
	receive_some(b, l, (uint32_t)aef_rng_below(&l->rng, 200));
	results_take(a);
}

static bool
is_quiet(const struct end *a, const struct end *b)
{
	return a->nb_flying == 0 && b->nb_flying == 0 && a->chs.nb_messages == 0 &&
	       aef_list_empty(&b->chs.ready);
}

/* Both ends agree on every byte, once nothing is in flight. */
static void
totals_check(struct end *a, struct end *b)
{
	ck_assert_uint_eq(a->chs.flow_tx.charged, b->chs.flow_rx.charged);
	ck_assert_uint_eq(b->chs.flow_rx.consumed, b->chs.flow_rx.charged);
	ck_assert_uint_eq(b->chs.flow_rx.partial, 0);
	ck_assert_uint_eq(a->chs.flow_tx.limit, b->chs.flow_rx.granted);
	ck_assert_uint_eq(a->chs.reserved_bytes, 0);
	ck_assert_uint_eq(a->chs.queued_bytes, 0);
	ck_assert_uint_eq(a->chs.nb_unsent, 0);
	ck_assert_ptr_null(a->chs.oversize);
	for (unsigned i = 0; i < NB_CHANS; i++) {
		const struct quantum_chan *ca = quantum_window_get(&a->chs.table, chan_id(i));
		const struct quantum_chan *cb = quantum_window_get(&b->chs.table, chan_id(i));

		ck_assert_uint_eq(ca->tx.flow.charged, cb->rx.flow.charged);
		ck_assert_uint_eq(cb->rx.flow.consumed, cb->rx.flow.charged);
		ck_assert_uint_eq(cb->rx.flow.partial, 0);
		ck_assert_uint_eq(cb->rx.window.nb, 0);
		ck_assert_uint_eq(ca->tx.next_number, cb->rx.next);
	}
}

static void
models_check(void)
{
	for (unsigned i = 0; i < NB_CHANS; i++) {
		const struct model *m = &models[i];

		ck_assert_uint_eq(m->nb_results, m->nb_sent);
		if (!all_arrive(m))
			continue;
		if (m->conf.order != WIRE_LATEST) {
			ck_assert_uint_eq(m->nb_got, m->nb_sent);
			ck_assert_uint_eq(m->nb_expired, 0);
			continue;
		}
		/* The last value of every key got through. */
		for (uint32_t s = 0; s < m->nb_sent; s++)
			ck_assert_int_ge(m->newest[m->key[s]], (int64_t)s);
	}
}

static const uint32_t plenty[NB_POOLS] = { 256, 8192, 8192, 32768, 32768, 4096, 2048, 32 };

static void
differential(uint64_t seed, const uint32_t nb[NB_POOLS], uint32_t max_len, bool heal)
{
	struct pools pools_a, pools_b;
	struct end a, b;
	struct link l = {
		.loss_ppm = 100000, .dup_ppm = 100000, .spurious_ppm = 50000, .jitter_ms = 15
	};

	aef_rng_init(&l.rng, seed);
	pools_init_plenty(&pools_a);
	pools_init(&pools_b, nb);
	end_init(&a, &pools_a, 0, 0, max_len);
	end_init(&b, &pools_b, 96 << 10, 32 << 10, max_len);
	models_reset(&a);
	quantum_chans_set_peer_limits(&a.chs, &b.conf.limits);
	for (unsigned ms = 0; ms < 1500; ms++) {
		for (unsigned i = 0; i < 6; i++)
			send_some(&a, &l, max_len);
		step(&a, &b, &l);
	}
	if (heal) {
		l.loss_ppm = l.dup_ppm = l.spurious_ppm = 0;
		for (unsigned ms = 0; ms < 20000 && !is_quiet(&a, &b); ms++)
			step(&a, &b, &l);
		ck_assert_msg(is_quiet(&a, &b), "seed %lu does not drain: %u messages left",
		              (unsigned long)seed, a.chs.nb_messages);
		results_take(&a);
		totals_check(&a, &b);
		models_check();
	}
	if (nb[P_SEGS] < plenty[P_SEGS])
		ck_assert_uint_gt(b.refused, 0);
	end_fini(&a);
	end_fini(&b);
	pools_fini(&pools_a);
	pools_fini(&pools_b);
	ck_assert_int_eq(buf_live, 0);
}

static uint64_t
first_seed(void)
{
	const char *seed = getenv("AEF_SEED");

	return seed != NULL ? strtoull(seed, NULL, 0) : 1;
}

START_TEST(chan_every_kind_over_a_bad_link_keeps_its_promise)
{
	const uint64_t first = first_seed();

	for (uint64_t seed = first; seed < first + 6; seed++) {
		printf("chan: seed %lu\n", (unsigned long)seed);
		differential(seed, plenty, 64 << 10, true);
	}
}
END_TEST

START_TEST(chan_closed_at_any_moment_gives_everything_back)
{
	for (uint64_t seed = 100; seed < 104; seed++)
		differential(seed, plenty, 200 << 10, false);
}
END_TEST

START_TEST(chan_receiver_short_of_memory_refuses_and_recovers)
{
	static const uint32_t scarce[NB_POOLS] = { NB_CHANS, 1, 60, 320, 40, 1, 64, 4 };

	for (uint64_t seed = 200; seed < 203; seed++)
		differential(seed, scarce, 1000, true);
}
END_TEST

/* ---- two plain ends ------------------------------------------------------------------------- */

struct duo {
	struct pools pools;
	struct end a, b;
	struct link l;
};

static void
duo_init(struct duo *d, uint64_t window, uint64_t window_chan, uint32_t message_max)
{
	memset(d, 0, sizeof(*d));
	aef_rng_init(&d->l.rng, 5);
	pools_init_plenty(&d->pools);
	end_init(&d->a, &d->pools, window, window_chan, message_max);
	end_init(&d->b, &d->pools, window, window_chan, message_max);
	quantum_chans_set_peer_limits(&d->a.chs, &d->b.conf.limits);
	quantum_chans_set_peer_limits(&d->b.chs, &d->a.conf.limits);
}

static void
duo_fini(struct duo *d)
{
	end_fini(&d->a);
	end_fini(&d->b);
	pools_fini(&d->pools);
	ck_assert_int_eq(buf_live, 0);
}

/* Until `nb` messages have come, taken at once. */
static void
duo_run(struct duo *d, uint32_t nb, uint64_t *ret_bytes)
{
	struct quantum_msg msg;
	uint64_t bytes = 0;

	for (unsigned ms = 0; ms < 60000 && nb > 0; ms++) {
		d->l.now_ns += MS;
		link_step(&d->l, &d->a, &d->b);
		link_step(&d->l, &d->b, &d->a);
		for (unsigned i = 0; i < 200 && end_transmit(&d->a, &d->l); i++)
			;
		while (end_transmit(&d->b, &d->l))
			;
		while (quantum_chans_poll(&d->b.chs, &msg)) {
			bytes += msg.len;
			nb--;
			(void)message_check(&msg);
			quantum_chans_discard(&d->b.chs, &msg);
		}
	}
	ck_assert_msg(nb == 0, "%u messages never came", nb);
	if (ret_bytes != NULL)
		*ret_bytes = bytes;
}

START_TEST(chan_message_of_16_mib_goes_through_windows_of_256_kib)
{
	static const struct quantum_chan_conf conf = { .order = WIRE_ORDERED };

	for (unsigned lossy = 0; lossy < 2; lossy++) {
		struct duo d;
		uint64_t bytes;

		duo_init(&d, 256 << 10, 256 << 10, WIRE_MESSAGE_BYTES_MAX);
		d.l.loss_ppm = lossy ? 20000 : 0;
		d.l.jitter_ms = lossy ? 5 : 0;
		ck_assert_int_eq(quantum_chans_open(&d.a.chs, 9, &conf), 0);
		ck_assert_int_eq(
			send_pattern(&d.a.chs, 9, 1, WIRE_MESSAGE_BYTES_MAX, 0, d.l.now_ns), 0);
		duo_run(&d, 1, &bytes);

		ck_assert_uint_eq(bytes, WIRE_MESSAGE_BYTES_MAX);
		ck_assert_uint_eq(d.b.chs.copied_bytes, 0);
		if (!lossy)
			ck_assert_uint_eq(d.a.chs.copied_bytes, WIRE_MESSAGE_BYTES_MAX);
		duo_fini(&d);
	}
}
END_TEST

START_TEST(chan_many_large_messages_share_a_small_window_without_deadlock)
{
	struct duo d;
	uint64_t bytes;

	/* 40 messages of 100 KiB on 40 channels, 64 KiB of credit for all of them. */
	duo_init(&d, 64 << 10, 64 << 10, 1 << 20);
	d.l.loss_ppm = 30000;
	for (unsigned i = 0; i < 40; i++) {
		const struct quantum_chan_conf conf = { .order = i % 2, .priority = i % 8 };

		ck_assert_int_eq(quantum_chans_open(&d.a.chs, (uint16_t)i, &conf), 0);
		ck_assert_int_eq(send_pattern(&d.a.chs, i, 1, 100 << 10, 0, d.l.now_ns), 0);
		ck_assert_int_eq(send_pattern(&d.a.chs, i, 2, 40 << 10, 0, d.l.now_ns), 0);
	}
	duo_run(&d, 80, &bytes);

	ck_assert_uint_eq(bytes, 40u * (140 << 10));
	duo_fini(&d);
}
END_TEST

START_TEST(chan_small_messages_share_a_packet)
{
	static const struct quantum_chan_conf conf = { .order = WIRE_UNORDERED };
	struct duo d;

	duo_init(&d, 1 << 20, 1 << 20, 1 << 20);
	ck_assert_int_eq(quantum_chans_open(&d.a.chs, 1, &conf), 0);
	for (unsigned i = 0; i < 30; i++)
		ck_assert_int_eq(send_pattern(&d.a.chs, 1, i, 30, 0, 0), 0);
	duo_run(&d, 30, NULL);

	ck_assert_uint_eq(d.a.nb_packets, 1);
	duo_fini(&d);
}
END_TEST

START_TEST(chan_open_refuses_what_makes_no_sense)
{
	struct quantum_chan_conf conf = { .order = WIRE_LATEST + 1 };
	struct duo d;

	duo_init(&d, 1 << 20, 1 << 20, 1 << 20);
	ck_assert_int_eq(quantum_chans_open(&d.a.chs, 1, &conf), AEF_ERR_INVALID);
	conf = (struct quantum_chan_conf){ .reliability = QUANTUM_NONE + 1 };
	ck_assert_int_eq(quantum_chans_open(&d.a.chs, 1, &conf), AEF_ERR_INVALID);
	conf = (struct quantum_chan_conf){ .priority = QUANTUM_PRIORITIES };
	ck_assert_int_eq(quantum_chans_open(&d.a.chs, 1, &conf), AEF_ERR_INVALID);
	conf = (struct quantum_chan_conf){ .reliability = QUANTUM_TRIES };
	ck_assert_int_eq(quantum_chans_open(&d.a.chs, 1, &conf), AEF_ERR_INVALID);
	conf = (struct quantum_chan_conf){ 0 };
	ck_assert_int_eq(quantum_chans_open(&d.a.chs, 1, &conf), 0);
	ck_assert_int_eq(quantum_chans_open(&d.a.chs, 1, &conf), AEF_ERR_EXISTS);
	ck_assert_int_eq(send_pattern(&d.a.chs, 2, 1, 10, 0, 0), AEF_ERR_NOTFOUND);
	ck_assert_int_eq(send_pattern(&d.a.chs, 1, 1, (1 << 20) + 1, 0, 0), AEF_ERR_LIMIT);
	duo_fini(&d);
}
END_TEST

START_TEST(chan_all_65536_ids_can_be_used_and_no_more_than_the_limit)
{
	static const uint32_t nb[NB_POOLS] = { 65536, 1, 16, 16, 16, 16, 1100, 1 };
	struct wire_frame_data data = { .message = 0, .data = (const uint8_t *)"x" };
	struct pools pools;
	struct end e;
	struct buf *owner = buf_new(1);

	pools_init(&pools, nb);
	end_init(&e, &pools, 1 << 20, 1 << 20, 1 << 20);
	for (uint32_t id = 0; id < 65536; id++) {
		struct quantum_msg msg;

		data.channel = (uint16_t)id;
		ck_assert_int_eq(quantum_chans_on_data(&e.chs, &data, owner), 0);
		ck_assert(quantum_chans_poll(&e.chs, &msg));
		ck_assert_uint_eq(msg.channel, id);
		quantum_chans_consume(&e.chs, &msg);
	}
	ck_assert_uint_eq(pools.pool[P_CHANS].in_use, 65536);
	quantum_chans_fini(&e.chs);

	/* A lower limit is enforced. */
	e.conf.limits.channels_max = 8;
	quantum_chans_init(&e.chs, &pools.face, &e.conf);
	data.channel = 8;
	ck_assert_int_eq(quantum_chans_on_data(&e.chs, &data, owner), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(quantum_chans_on_expired(&e.chs, 8, 0, 0), AEF_ERR_PROTOCOL);
	ck_assert_int_eq(quantum_chans_on_credit_channel(&e.chs, 7, 0), AEF_ERR_PROTOCOL);
	end_fini(&e);
	buf_put(NULL, owner);
	pools_fini(&pools);
}
END_TEST

/* All but `left` objects of one pool, then everything works again once they are back. */
static void
exhaustion(unsigned which, uint32_t left)
{
	static void *hoard[32768];
	static const struct quantum_chan_conf latest = { .order = WIRE_LATEST };
	static const struct quantum_chan_conf ordered = { .order = WIRE_ORDERED };
	struct duo d;
	struct aef_pool *pool = &d.pools.pool[which];
	uint32_t nb_hoard = 0, nb_sent = 0;
	bool open_latest, open_ordered;

	duo_init(&d, 1 << 20, 1 << 20, 1 << 20);
	d.l.loss_ppm = 300000;
	d.l.jitter_ms = 20;
	while (aef_pool_left(pool) > left)
		hoard[nb_hoard++] = aef_pool_get(pool);
	open_latest = quantum_chans_open(&d.a.chs, 1, &latest) == 0;
	open_ordered = quantum_chans_open(&d.a.chs, 2, &ordered) == 0;
	for (unsigned i = 0; i < 12; i++) {
		if (open_latest)
			nb_sent += send_pattern(&d.a.chs, 1, i, 40, i, 0) == 0;
		if (open_ordered)
			nb_sent += send_pattern(&d.a.chs, 2, i, 5000, 0, 0) == 0;
	}
	for (unsigned ms = 0; ms < 60; ms++) {
		d.l.now_ns += MS;
		link_step(&d.l, &d.a, &d.b);
		link_step(&d.l, &d.b, &d.a);
		while (end_transmit(&d.a, &d.l))
			;
	}
	while (nb_hoard > 0)
		aef_pool_put(pool, hoard[--nb_hoard]);
	d.l.loss_ppm = 0;
	duo_run(&d, nb_sent, NULL);
	duo_fini(&d);
}

START_TEST(chan_any_pool_running_out_at_any_point_loses_nothing)
{
	for (unsigned which = 0; which < NB_POOLS; which++)
		for (uint32_t left = 0; left < 24; left++)
			exhaustion(which, left);
}
END_TEST

START_TEST(chan_records_of_other_frames_are_left_to_their_owner)
{
	struct quantum_frame frame = { .type = WIRE_FRAME_PATH_CHALLENGE };
	struct aef_writer w = { 0 };
	struct aef_list frames;
	struct duo d;

	duo_init(&d, 1 << 20, 1 << 20, 1 << 20);
	aef_list_init(&frames);
	ck_assert(!quantum_chans_on_acked(&d.a.chs, &frame));
	ck_assert(!quantum_chans_on_lost(&d.a.chs, &frame));
	ck_assert(!quantum_chans_on_dropped(&d.a.chs, &frame));
	ck_assert(!quantum_chans_resend(&d.a.chs, &frame, &w, &frames, 0));
	duo_fini(&d);
}
END_TEST

TEST_SUITE(chan, &chan_every_kind_over_a_bad_link_keeps_its_promise,
           &chan_closed_at_any_moment_gives_everything_back,
           &chan_receiver_short_of_memory_refuses_and_recovers,
           &chan_message_of_16_mib_goes_through_windows_of_256_kib,
           &chan_many_large_messages_share_a_small_window_without_deadlock,
           &chan_small_messages_share_a_packet, &chan_open_refuses_what_makes_no_sense,
           &chan_all_65536_ids_can_be_used_and_no_more_than_the_limit,
           &chan_any_pool_running_out_at_any_point_loses_nothing,
           &chan_records_of_other_frames_are_left_to_their_owner)
