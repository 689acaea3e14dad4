/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rate.c - delivery-rate samples. The pipe's state is photographed when a packet leaves and
 * compared with its state when the packet's ACK arrives; the longer of the two spans gives the
 * rate.
 */
#include "rate_priv.h"

#define NS_PER_S 1000000000ull

void
quantum_rate_init(struct quantum_rate *rate, uint64_t now_ns)
{
	*rate = (struct quantum_rate){ .delivered_ns = now_ns, .first_sent_ns = now_ns };
}

void
quantum_rate_on_path_change(struct quantum_rate *rate, uint64_t now_ns)
{
	rate->path_start_ns = now_ns;
	rate->first_sent_ns = now_ns;
	rate->delivered_ns = now_ns;
	rate->app_limited_at_bytes = 0;
}

AEF_HOT void
quantum_rate_on_send(struct quantum_rate *rate, struct quantum_rate_pkt *pkt, uint32_t size_bytes,
                     uint64_t in_flight_before, uint64_t now_ns)
{
	aef_assert_hot(size_bytes > 0 && size_bytes < 1u << 24);

	/* With an empty pipe the span starts here: idle time is nobody's delivery time. */
	if (in_flight_before == 0) {
		rate->first_sent_ns = now_ns;
		rate->delivered_ns = now_ns;
	}
	const uint64_t tx_in_flight = in_flight_before + size_bytes;

	*pkt = (struct quantum_rate_pkt){
		.sent_ns = now_ns,
		.first_sent_ns = rate->first_sent_ns,
		.delivered_ns = rate->delivered_ns,
		.delivered_bytes = rate->delivered_bytes,
		.lost_bytes = rate->lost_bytes,
		.tx_in_flight_bytes = (uint32_t)aef_min_u64(tx_in_flight, UINT32_MAX),
		.size_bytes = size_bytes & 0xffffffu,
		.is_app_limited = rate->app_limited_at_bytes != 0,
	};
}

void
quantum_rate_sample_begin(struct quantum_rate_sample *sample)
{
	*sample = (struct quantum_rate_sample){ .rtt_ns = QUANTUM_RATE_NONE };
}

AEF_HOT void
quantum_rate_on_ack(struct quantum_rate *rate, struct quantum_rate_sample *sample,
                    struct quantum_rate_pkt *pkt, uint64_t number, uint64_t now_ns)
{
	if (pkt->is_acked)
		return;
	pkt->is_acked = 1;
	if (pkt->sent_ns < rate->path_start_ns)
		return;
	rate->delivered_bytes += pkt->size_bytes;
	rate->delivered_ns = now_ns;
	sample->newly_acked_bytes += pkt->size_bytes;

	/* The newest packet has the freshest photograph; numbers rise with send times. */
	if (sample->has_data && number <= sample->newest_number)
		return;
	sample->has_data = true;
	sample->newest_number = number;
	sample->prior_delivered_bytes = pkt->delivered_bytes;
	sample->prior_lost_bytes = pkt->lost_bytes;
	sample->is_app_limited = pkt->is_app_limited != 0;
	sample->tx_in_flight_bytes = pkt->tx_in_flight_bytes;
	sample->send_elapsed_ns = aef_sub_sat_u64(pkt->sent_ns, pkt->first_sent_ns);
	sample->ack_elapsed_ns = aef_sub_sat_u64(now_ns, pkt->delivered_ns);
	sample->rtt_ns = aef_sub_sat_u64(now_ns, pkt->sent_ns);
	rate->first_sent_ns = pkt->sent_ns;
}

void
quantum_rate_on_loss(struct quantum_rate *rate, struct quantum_rate_sample *sample,
                     const struct quantum_rate_pkt *pkt)
{
	if (pkt->sent_ns < rate->path_start_ns)
		return;
	rate->lost_bytes += pkt->size_bytes;
	if (sample != NULL)
		sample->newly_lost_bytes += pkt->size_bytes;
}

AEF_HOT void
quantum_rate_sample_finish(struct quantum_rate *rate, struct quantum_rate_sample *sample,
                           uint64_t min_rtt_ns)
{
	if (rate->app_limited_at_bytes != 0 && rate->delivered_bytes > rate->app_limited_at_bytes)
		rate->app_limited_at_bytes = 0;
	if (!sample->has_data)
		return;

	/* Losses of this very ACK count: they were sent before the packet that revealed them. */
	sample->lost_bytes = rate->lost_bytes - sample->prior_lost_bytes;
	sample->delivered_bytes = rate->delivered_bytes - sample->prior_delivered_bytes;
	sample->interval_ns = aef_max_u64(sample->send_elapsed_ns, sample->ack_elapsed_ns);

	/* A span below the shortest RTT cannot be a whole flight. min_rtt may be stale by this ACK.
	 */
	const uint64_t floor_ns =
		min_rtt_ns == QUANTUM_RATE_NONE ? 0 : aef_min_u64(min_rtt_ns, sample->rtt_ns);

	if (sample->interval_ns == 0 || sample->interval_ns < floor_ns)
		return;
	sample->delivery_rate_bytes_per_s =
		aef_mul_div_u64(sample->delivered_bytes, NS_PER_S, sample->interval_ns);
}

void
quantum_rate_mark_app_limited(struct quantum_rate *rate, uint64_t in_flight_bytes)
{
	rate->app_limited_at_bytes = aef_max_u64(rate->delivered_bytes + in_flight_bytes, 1);
}

void
quantum_rate_check_app_limited(struct quantum_rate *rate, uint64_t unsent_bytes,
                               uint64_t in_flight_bytes, uint64_t cwnd_bytes)
{
	if (unsent_bytes == 0 && in_flight_bytes < cwnd_bytes)
		quantum_rate_mark_app_limited(rate, in_flight_bytes);
}
