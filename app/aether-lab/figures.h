/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every figure that the lab shows, taken at one moment from all of its threads.
 *
 * Units:   as named; counters since the start (or the last `clear`).
 * Context: main thread; the parts are filled by the threads that own them.
 */
#ifndef LAB_FIGURES_H
#define LAB_FIGURES_H

#include "lab.h"

/* Both ends' view of all connections together. */
struct lab_side {
	struct quantum_stats sum;                         /* counters added up */
	uint64_t cwnd_bytes, pacing_bytes_per_s, srtt_ns; /* medians */
	uint32_t nb_conns;
};

struct lab_figures {
	uint64_t at_ns;
	struct lab_side clients, appliance;
	struct aef_hist latency;     /* ns, since the start */
	struct aef_hist latency_now; /* since the figures before */
	uint64_t ops_made, ops_acked, ops_applied, ops_lost, ops_resent, ops_held, waits, blocked;
	uint64_t in_flight_sum, in_flight_max, held_max, digests, resyncs, snapshots;
	uint64_t ack_ns_sum, ack_ns_max;
	uint64_t latency_unknown, behind_ns_max;
	uint64_t client_bytes; /* memory of the documents */
	uint64_t connects, closes;
	struct link_stats up, down;
	uint64_t hashed;
	uint8_t hash[AEF_SHA256_BYTES];
	uint64_t rx_bad, rx_stray, tx_no_mbuf, tx_ring_full;
	struct pipeline_stats pipeline; /* of all transport lcores */
	struct worker_stats worker;     /* of all worker lcores */
	struct statesync_stats service;
	uint64_t ring_high, descs_high; /* of the delivery links */
	uint64_t pool_high, pool_size;  /* packet buffers of both pools */
	uint64_t client_busy_ns;
};

/** Take all figures; the interval histogram starts over. */
void lab_figures_take(struct lab *lab, struct lab_figures *ret_figures);

/** Forget counters of the clients' side: what `clear port stats` means for the lab's own. */
void lab_figures_clear(struct lab *lab);

/** Own operations not acknowledged just after an edit, mean in thousandths. */
uint64_t lab_in_flight_milli(const struct lab_figures *figures);

/** Nanoseconds of the transport lcores for one packet, received or sent. */
uint64_t lab_ns_per_packet(const struct lab_figures *now, const struct lab_figures *before);

#endif
