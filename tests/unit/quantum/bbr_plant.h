/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr_plant.h - one sender over one bottleneck in virtual time: the plant that the controller
 * steers.
 *
 *   application -> window, pacer -> (random loss | policer) -> queue -> link -> delay -> ACK
 *
 * Deterministic: FIFO link, ACK per packet (or released in batches), holes found after three
 * packets or by a timer. Everything is in the structure; a test changes the path by writing its
 * fields.
 */
#ifndef TESTS_UNIT_QUANTUM_BBR_PLANT_H
#define TESTS_UNIT_QUANTUM_BBR_PLANT_H

#include <check.h>
#include <string.h>

#include <base/rng.h>

#include "bbr_priv.h"
#include "pacer_priv.h"
#include "rate_priv.h"

#define SIM_MS    1000000ull
#define SIM_S     1000000000ull
#define SIM_RING  (1u << 16)
#define SIM_NEVER UINT64_MAX
#define SIM_MBIT  125000ull /* bytes per second */

enum sim_pkt_state { SIM_FLYING, SIM_ACKED, SIM_LOST };

struct sim_pkt {
	struct quantum_rate_pkt rate;
	uint64_t ack_ns; /* SIM_NEVER: the path dropped it */
	uint8_t state;
	bool is_ce;
};

struct sim {
	/* The path; tests write these. */
	uint64_t link_bytes_per_s;
	uint64_t rtt_ns; /* two-way propagation */
	uint64_t buffer_bytes;
	uint64_t ce_queue_bytes; /* mark above this queue; 0: never */
	uint64_t ack_batch_ns;   /* ACKs leave only at multiples of this; 0: at once */
	uint64_t policer_bytes_per_s, policer_burst_bytes; /* 0: no policer */
	uint32_t loss_ppm;
	uint64_t drop_from, drop_to; /* packet numbers [from, to) are dropped */
	/* The application: UINT64_MAX greedy, 0 silent, else a steady rate. */
	uint64_t app_bytes_per_s;

	uint64_t now_ns, link_free_ns, in_flight, lost_pkts, sent_pkts, dropped_pkts;
	uint64_t app_credit_x1e9, app_ns;
	uint64_t policer_tokens_x1e9, policer_ns;
	uint64_t head, tail, ack_cursor, loss_cursor; /* numbers */
	uint64_t last_progress_ns, max_queue_bytes, nb_entries[8], lost_declared, lost_arrived;
	bool app_was_dry;
	uint32_t mss;
	struct aef_rng rng;
	struct quantum_rate rate;
	struct quantum_pacer pacer;
	struct quantum_bbr bbr;
	struct sim_pkt pkts[SIM_RING];
};

static inline struct sim_pkt *
sim_at(struct sim *s, uint64_t number)
{
	return &s->pkts[number & (SIM_RING - 1)];
}

static inline void
sim_init(struct sim *s, uint64_t link_bytes_per_s, uint64_t rtt_ns, uint64_t buffer_bytes,
         uint32_t mss)
{
	memset(s, 0, sizeof(*s));
	s->link_bytes_per_s = link_bytes_per_s;
	s->rtt_ns = rtt_ns;
	s->buffer_bytes = buffer_bytes;
	s->app_bytes_per_s = UINT64_MAX;
	s->mss = mss;
	s->now_ns = SIM_S; /* not zero: zero must not be special */
	s->app_ns = s->policer_ns = s->last_progress_ns = s->now_ns;
	aef_rng_init(&s->rng, 42);

	const struct quantum_bbr_conf conf = { .rng = &s->rng, .mss_bytes = mss };

	quantum_rate_init(&s->rate, s->now_ns);
	quantum_bbr_init(&s->bbr, &conf, s->now_ns);
	quantum_pacer_init(&s->pacer, s->bbr.pacing_rate_bytes_per_s, s->bbr.send_quantum_bytes,
	                   s->now_ns);
}

static inline uint64_t
sim_queue_bytes(const struct sim *s)
{
	return s->link_free_ns <= s->now_ns
	               ? 0
	               : aef_mul_div_u64(s->link_free_ns - s->now_ns, s->link_bytes_per_s, SIM_S);
}

/* Change the application; what it had ready before is gone. */
static inline void
sim_set_app(struct sim *s, uint64_t app_bytes_per_s)
{
	s->app_bytes_per_s = app_bytes_per_s;
	s->app_credit_x1e9 = 0;
	s->app_ns = s->now_ns;
}

/* Change the link; what waits in the queue drains at the new rate. */
static inline void
sim_set_link(struct sim *s, uint64_t link_bytes_per_s)
{
	s->link_free_ns = s->now_ns + aef_mul_div_u64(sim_queue_bytes(s), SIM_S, link_bytes_per_s);
	s->link_bytes_per_s = link_bytes_per_s;
}

static inline bool
sim_policer_passes(struct sim *s)
{
	if (s->policer_bytes_per_s == 0)
		return true;
	s->policer_tokens_x1e9 = aef_min_u64(
		s->policer_tokens_x1e9 + (s->now_ns - s->policer_ns) * s->policer_bytes_per_s,
		s->policer_burst_bytes * SIM_S);
	s->policer_ns = s->now_ns;
	if (s->policer_tokens_x1e9 < s->mss * SIM_S)
		return false;
	s->policer_tokens_x1e9 -= s->mss * SIM_S;
	return true;
}

static inline void
sim_send_one(struct sim *s)
{
	struct sim_pkt *p = sim_at(s, s->tail);
	const uint64_t queue = sim_queue_bytes(s);

	ck_assert_uint_lt(s->tail - s->head, SIM_RING - 1);
	quantum_bbr_on_send(&s->bbr, &s->rate, s->in_flight, s->mss, s->now_ns);
	quantum_rate_on_send(&s->rate, &p->rate, s->mss, s->in_flight, s->now_ns);
	quantum_pacer_set(&s->pacer, s->bbr.pacing_rate_bytes_per_s, s->bbr.send_quantum_bytes,
	                  s->now_ns);
	quantum_pacer_on_send(&s->pacer, s->now_ns, s->mss);
	p->state = SIM_FLYING;
	p->ack_ns = SIM_NEVER;
	p->is_ce = s->ce_queue_bytes != 0 && queue > s->ce_queue_bytes;
	s->tail++;
	s->sent_pkts++;
	s->in_flight += s->mss;
	if (queue + s->mss > s->buffer_bytes || !sim_policer_passes(s) ||
	    (s->tail > s->drop_from && s->tail <= s->drop_to) ||
	    (s->loss_ppm != 0 && aef_rng_chance_ppm(&s->rng, s->loss_ppm))) {
		s->dropped_pkts++;
		return;
	}
	s->max_queue_bytes = aef_max_u64(s->max_queue_bytes, queue);
	s->link_free_ns = aef_max_u64(s->link_free_ns, s->now_ns) +
	                  aef_mul_div_u64(s->mss, SIM_S, s->link_bytes_per_s);
	p->ack_ns = s->link_free_ns + s->rtt_ns;
	if (s->ack_batch_ns != 0)
		p->ack_ns = (p->ack_ns + s->ack_batch_ns - 1) / s->ack_batch_ns * s->ack_batch_ns;
}

/* Data that the application has ready, in whole packets. */
static inline bool
sim_app_has_data(struct sim *s)
{
	if (s->app_bytes_per_s == UINT64_MAX)
		return true;
	const uint64_t add = (s->now_ns - s->app_ns) * aef_min_u64(s->app_bytes_per_s, 1u << 30);

	s->app_credit_x1e9 = aef_min_u64(s->app_credit_x1e9 + add, 1000 * s->mss * SIM_S);
	s->app_ns = s->now_ns;
	return s->app_credit_x1e9 >= s->mss * SIM_S;
}

static inline void
sim_send_all(struct sim *s)
{
	while (sim_app_has_data(s)) {
		if (s->app_was_dry) /* before new data of the application is queued */
			quantum_rate_check_app_limited(&s->rate, 0, s->in_flight,
			                               s->bbr.cwnd_bytes);
		s->app_was_dry = false;
		if (s->in_flight + s->mss > s->bbr.cwnd_bytes ||
		    quantum_pacer_ready_ns(&s->pacer, s->now_ns, s->mss) > s->now_ns)
			return;
		if (s->app_bytes_per_s != UINT64_MAX)
			s->app_credit_x1e9 -= s->mss * SIM_S;
		sim_send_one(s);
	}
	s->app_was_dry = true;
}

static inline void
sim_lose(struct sim *s, uint64_t number, struct quantum_rate_sample *sample)
{
	struct sim_pkt *p = sim_at(s, number);

	if (p->state != SIM_FLYING)
		return;
	p->state = SIM_LOST;
	s->in_flight -= p->rate.size_bytes;
	s->lost_pkts++;
	quantum_rate_on_loss(&s->rate, sample, &p->rate);
	quantum_bbr_on_loss(&s->bbr, &s->rate, &p->rate, number, s->now_ns);
}

static inline uint64_t
sim_next_ack_ns(struct sim *s)
{
	while (s->ack_cursor < s->tail && sim_at(s, s->ack_cursor)->ack_ns == SIM_NEVER)
		s->ack_cursor++;
	return s->ack_cursor < s->tail ? sim_at(s, s->ack_cursor)->ack_ns : SIM_NEVER;
}

static inline void
sim_note_state(struct sim *s, uint8_t before)
{
	if (s->bbr.state != before)
		s->nb_entries[s->bbr.state]++;
	quantum_pacer_set(&s->pacer, s->bbr.pacing_rate_bytes_per_s, s->bbr.send_quantum_bytes,
	                  s->now_ns);
}

/* All ACKs that are due: one sample. */
static inline void
sim_ack(struct sim *s)
{
	struct quantum_rate_sample sample;
	const uint8_t before = s->bbr.state;
	bool was_spurious = false;

	quantum_rate_check_app_limited(&s->rate, s->app_was_dry ? 0 : s->mss, s->in_flight,
	                               s->bbr.cwnd_bytes);
	quantum_rate_sample_begin(&sample);
	while (sim_next_ack_ns(s) <= s->now_ns) {
		struct sim_pkt *p = sim_at(s, s->ack_cursor);

		quantum_rate_on_ack(&s->rate, &sample, &p->rate, s->ack_cursor, s->now_ns);
		sample.newly_ce_pkts += p->is_ce;
		if (p->state == SIM_FLYING)
			s->in_flight -= p->rate.size_bytes;
		else
			was_spurious = ++s->lost_arrived == s->lost_declared;
		p->state = SIM_ACKED;
		s->ack_cursor++;
	}
	for (; s->loss_cursor + 3 < s->ack_cursor; s->loss_cursor++)
		if (sim_at(s, s->loss_cursor)->ack_ns == SIM_NEVER)
			sim_lose(s, s->loss_cursor, &sample);
	s->head = aef_min_u64(s->loss_cursor, s->ack_cursor);
	s->last_progress_ns = s->now_ns;
	quantum_rate_sample_finish(&s->rate, &sample, s->bbr.min_rtt_ns);
	if (was_spurious)
		quantum_bbr_on_spurious_loss(&s->bbr, &s->rate, s->now_ns);
	quantum_bbr_on_ack(&s->bbr, &s->rate, &sample, s->in_flight, s->now_ns);
	sim_note_state(s, before);
}

#endif
