/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bbr_sim.h - runs the sender and the path of bbr_plant.h: event by event, for a time, until a
 * state, for a number of rounds.
 */
#ifndef TESTS_UNIT_QUANTUM_BBR_SIM_H
#define TESTS_UNIT_QUANTUM_BBR_SIM_H

#include "bbr_plant.h"

/* Declare the @p nb oldest packets in flight lost although they will arrive. */
static inline void
sim_declare_spuriously(struct sim *s, unsigned nb)
{
	const uint8_t before = s->bbr.state;

	s->lost_declared = s->lost_arrived = 0;
	for (uint64_t n = s->ack_cursor; n < s->tail && s->lost_declared < nb; n++) {
		if (sim_at(s, n)->ack_ns == SIM_NEVER || sim_at(s, n)->state != SIM_FLYING)
			continue;
		sim_lose(s, n, NULL);
		s->lost_declared++;
	}
	sim_note_state(s, before);
}

/* Nothing is coming back: the tail is lost. */
static inline void
sim_timeout(struct sim *s)
{
	const uint8_t before = s->bbr.state;

	for (; s->loss_cursor < s->tail; s->loss_cursor++)
		sim_lose(s, s->loss_cursor, NULL);
	s->head = s->loss_cursor;
	s->last_progress_ns = s->now_ns;
	sim_note_state(s, before);
}

static inline uint64_t
sim_next_send_ns(struct sim *s)
{
	uint64_t at = s->now_ns;

	if (s->app_bytes_per_s == 0 || s->in_flight + s->mss > s->bbr.cwnd_bytes)
		return SIM_NEVER;
	if (s->app_bytes_per_s != UINT64_MAX && s->app_credit_x1e9 < s->mss * SIM_S)
		at += (s->mss * SIM_S - s->app_credit_x1e9) / s->app_bytes_per_s + 1;
	return aef_max_u64(at, quantum_pacer_ready_ns(&s->pacer, s->now_ns, s->mss));
}

/* One event; false at @p until_ns. */
static inline bool
sim_step(struct sim *s, uint64_t until_ns)
{
	sim_send_all(s);

	const uint64_t ack_ns = sim_next_ack_ns(s);
	const uint64_t send_ns = sim_next_send_ns(s);
	const uint64_t timeout_ns = s->in_flight > 0 && ack_ns == SIM_NEVER
	                                    ? s->last_progress_ns + 2 * s->rtt_ns + 100 * SIM_MS
	                                    : SIM_NEVER;
	const uint64_t next = aef_min_u64(aef_min_u64(ack_ns, send_ns), timeout_ns);

	if (next > until_ns) {
		s->now_ns = until_ns;
		return false;
	}
	s->now_ns = aef_max_u64(s->now_ns, next);
	if (ack_ns <= s->now_ns)
		sim_ack(s);
	else if (timeout_ns <= s->now_ns)
		sim_timeout(s);
	return true;
}

static inline void
sim_run(struct sim *s, uint64_t for_ns)
{
	const uint64_t until = s->now_ns + for_ns;

	while (sim_step(s, until))
		;
}

/* Run until the controller is in @p state; false when it is not within @p within_ns. */
static inline bool
sim_run_to(struct sim *s, enum quantum_bbr_state state, uint64_t within_ns)
{
	const uint64_t until = s->now_ns + within_ns;

	while (s->bbr.state != state)
		if (!sim_step(s, until))
			return false;
	return true;
}

/* Run until the controller left @p state. */
static inline bool
sim_run_out_of(struct sim *s, enum quantum_bbr_state state, uint64_t within_ns)
{
	const uint64_t until = s->now_ns + within_ns;

	while (s->bbr.state == state)
		if (!sim_step(s, until))
			return false;
	return true;
}

/* Run @p nb packet-timed rounds. */
static inline bool
sim_run_rounds(struct sim *s, uint64_t nb, uint64_t within_ns)
{
	const uint64_t until = s->now_ns + within_ns, end = s->bbr.round_count + nb;

	while (s->bbr.round_count < end)
		if (!sim_step(s, until))
			return false;
	return true;
}

static inline uint64_t
sim_bdp(const struct sim *s)
{
	return aef_mul_div_u64(s->link_bytes_per_s, s->rtt_ns, SIM_S);
}

/* The usual path: 10 Mbit/s, 40 ms, two BDP of buffer, 1200-byte datagrams. */
static inline void
sim_init_usual(struct sim *s)
{
	sim_init(s, 10 * SIM_MBIT, 40 * SIM_MS, 100000, 1200);
}

/* @p value within @p permille of @p of. */
#define ck_assert_near(value, of, permille)                                                        \
	do {                                                                                       \
		const uint64_t near_v = (value), near_o = (of);                                    \
		ck_assert_msg((near_v > near_o ? near_v - near_o : near_o - near_v) * 1000 <=      \
		                      near_o * (permille),                                         \
		              #value " is %llu, not near %llu", (unsigned long long)near_v,        \
		              (unsigned long long)near_o);                                         \
	} while (0)

#endif
