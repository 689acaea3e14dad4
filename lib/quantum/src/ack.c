/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"

#define ECN_VALIDATE_PKTS 10u

static_assert(WIRE_SACKS_MAX + WIRE_ACK_INFO_RANGES_MAX <= QUANTUM_ACK_IN_MAX &&
                      WIRE_ACK_INFO_RECOVERED_MAX <= QUANTUM_RECOVERED_IN_MAX,
              "whatever decodes fits");

void
conn_ack_build(struct quantum_conn *conn, struct conn_ack_out *ret_out, uint64_t now_ns)
{
	const uint64_t floor = quantum_rtx_floor(&conn->rtx, now_ns);

	quantum_acktr_build(&conn->acktr, now_ns, &ret_out->ack);
	ret_out->floor = quantum_rtx_floor_due(&conn->rtx, floor) ? floor : 0;
}

static void
write_ack_info(const struct quantum_ack *ack, struct aef_writer *w)
{
	uint8_t ranges[QUANTUM_ACK_MORE_MAX * WIRE_SACK_BYTES];
	uint8_t recovered[QUANTUM_ACK_RECOVERED_MAX * 4];
	const struct wire_frame_ack_info info = {
		.has_delay = ack->has_delay,
		.delay_us = ack->delay_ns / AEF_NS_PER_US,
		.has_ce = ack->nb_ce_pkts > 0,
		.ce_count = ack->nb_ce_pkts,
		.nb_ranges = ack->nb_more,
		.ranges = ranges,
		.nb_recovered = ack->nb_recovered,
		.recovered = recovered,
	};

	for (uint32_t i = 0; i < ack->nb_more; i++) {
		aef_store_be32(ranges + i * WIRE_SACK_BYTES, (uint32_t)ack->more[i].first);
		aef_store_be32(ranges + i * WIRE_SACK_BYTES + 4, (uint32_t)ack->more[i].end);
	}
	for (uint32_t i = 0; i < ack->nb_recovered; i++)
		aef_store_be32(recovered + (size_t)i * 4, (uint32_t)ack->recovered[i]);
	wire_ack_info_encode(w, &info);
}

/* Both stand in front of every other frame. */
void
conn_ack_write(const struct conn_ack_out *out, struct aef_writer *w)
{
	if (out->ack.need_info)
		write_ack_info(&out->ack, w);
	if (out->floor != 0)
		wire_floor_encode(w, out->floor);
}

void
conn_requeue(struct quantum_conn *conn, struct quantum_sent *rec, uint64_t now_ns)
{
	while (!aef_list_empty(&rec->frames)) {
		struct quantum_frame *frame =
			aef_list_entry(rec->frames.next, struct quantum_frame, node);

		aef_list_remove(&frame->node);
		conn_frame_lost(conn, frame, now_ns);
	}
}

static void
release_frames(struct quantum_conn *conn, struct quantum_sent *rec, uint64_t now_ns)
{
	while (!aef_list_empty(&rec->frames)) {
		struct quantum_frame *frame =
			aef_list_entry(rec->frames.next, struct quantum_frame, node);

		aef_list_remove(&frame->node);
		conn_frame_acked(conn, frame, now_ns);
	}
}

/* Of a repaired payload the peer used channel data only: control frames go again. */
static void
release_repaired(struct quantum_conn *conn, struct quantum_sent *rec, uint64_t now_ns)
{
	while (!aef_list_empty(&rec->frames)) {
		struct quantum_frame *frame =
			aef_list_entry(rec->frames.next, struct quantum_frame, node);

		aef_list_remove(&frame->node);
		if (frame->type == WIRE_FRAME_DATA || frame->type == WIRE_FRAME_EXPIRED)
			conn_frame_acked(conn, frame, now_ns);
		else
			conn_frame_lost(conn, frame, now_ns);
	}
}

static struct quantum_sent *
first_out(struct aef_list *list)
{
	return aef_list_entry(list->next, struct quantum_sent, out);
}

static void
take_acked(struct quantum_conn *conn, struct quantum_rtx_result *res,
           struct quantum_rate_sample *sample, uint64_t now_ns)
{
	while (!aef_list_empty(&res->acked)) {
		struct quantum_sent *rec = first_out(&res->acked);

		aef_list_remove(&rec->out);
		conn_trace(conn, now_ns,
		           (rec->flags & QUANTUM_SENT_LOST) != 0 ? QUANTUM_TRACE_PKT_SPURIOUS
		                                                 : QUANTUM_TRACE_PKT_ACKED,
		           rec->pn, now_ns - rec->sent_ns);
		if (rec->ecn != 0)
			conn->ecn_acked++;
		quantum_rate_on_ack(&conn->rate, sample, &rec->rate, rec->pn, now_ns);
		crypto_tx_keys_on_acked(&conn->keys->tx, rec->pn);
		if (crypto_epoch(rec->pn) == conn->keys->tx.epoch) /* nothing older waits */
			crypto_tx_keys_drop_prev(&conn->keys->tx, conn->env->crypto);
		pmtu_on_acked(conn, rec, now_ns);
		release_frames(conn, rec, now_ns);
		quantum_rtx_sent_put(&conn->rtx, rec);
	}
}

/* The peer repaired it: not resent, but still a loss for congestion control in its time. */
static void
take_recovered(struct quantum_conn *conn, struct quantum_rtx_result *res, uint64_t now_ns)
{
	while (!aef_list_empty(&res->recovered)) {
		struct quantum_sent *rec = first_out(&res->recovered);

		aef_list_remove(&rec->out);
		release_repaired(conn, rec, now_ns);
	}
}

static void
take_lost(struct quantum_conn *conn, struct quantum_rtx_result *res,
          struct quantum_rate_sample *sample, uint64_t now_ns)
{
	while (!aef_list_empty(&res->lost)) {
		struct quantum_sent *rec = first_out(&res->lost);
		const bool recovered = (rec->flags & QUANTUM_SENT_RECOVERED) != 0;

		aef_list_remove(&rec->out);
		conn_trace(conn, now_ns, QUANTUM_TRACE_PKT_LOST, rec->pn, rec->bytes);
		pmtu_on_lost(conn, rec, now_ns);
		/* Planted bug 4: what FEC repaired is no loss to congestion control. */
		if ((rec->flags & QUANTUM_SENT_PMTU) == 0 && !(AEF_PLANT == 4 && recovered)) {
			quantum_rate_on_loss(&conn->rate, sample, &rec->rate);
			quantum_bbr_on_loss(&conn->bbr, &conn->rate, &rec->rate, rec->pn, now_ns);
		}
		if (recovered)
			release_repaired(conn, rec, now_ns);
		else
			conn_requeue(conn, rec, now_ns);
	}
}

/* A cut that proved wrong is taken back before the losses of the same event cut again. */
static void
before_losses(struct quantum_conn *conn, const struct quantum_rtx_result *res, uint64_t now_ns)
{
	conn->stats.lost_pkts += res->nb_lost;
	conn->stats.spurious_pkts += res->nb_spurious;
	if (res->undo)
		quantum_bbr_on_spurious_loss(&conn->bbr, &conn->rate, now_ns);
}

static void
after_losses(struct quantum_conn *conn, const struct quantum_rtx_result *res)
{
	if (res->persistent)
		quantum_bbr_on_persistent_congestion(&conn->bbr, &conn->rate,
		                                     conn->rtx.bytes_in_flight);
}

static void
set_pacer(struct quantum_conn *conn, uint64_t now_ns)
{
	quantum_pacer_set(&conn->pacer, conn->bbr.pacing_rate_bytes_per_s,
	                  conn->bbr.send_quantum_bytes, now_ns);
}

/* All of the first marked packets come back as CE: a mangled path; stop marking. */
static uint64_t
new_ce(struct quantum_conn *conn, const struct wire_frame_ack_info *info)
{
	uint64_t rise = 0;

	if (info != NULL && info->has_ce && info->ce_count > conn->peer_ce) {
		rise = info->ce_count - conn->peer_ce;
		conn->peer_ce = info->ce_count;
	}
	if (conn->ecn_ok && conn->ecn_acked >= ECN_VALIDATE_PKTS &&
	    conn->ecn_acked < 2 * ECN_VALIDATE_PKTS &&
	    conn->peer_ce - conn->ce_base >= conn->ecn_acked)
		conn->ecn_ok = false;
	return conn->ecn_ok ? rise : 0;
}

/* Expand what the wire carries to 64 bits, nearest to our next number. */
static uint32_t
read_blocks(const struct quantum_conn *conn, const uint8_t *bytes, uint32_t nb,
            struct quantum_ack_block *ret)
{
	const uint64_t near = quantum_rtx_pn_peek(&conn->rtx);

	for (uint32_t i = 0; i < nb; i++) {
		ret[i].first = crypto_pn_expand(near, aef_load_be32(bytes + i * WIRE_SACK_BYTES));
		ret[i].end = crypto_pn_expand(near, aef_load_be32(bytes + i * WIRE_SACK_BYTES + 4));
	}
	return nb;
}

int
conn_ack_received(struct quantum_conn *conn, const struct quantum_rx *rx,
                  const struct wire_frame_ack_info *info, uint64_t now_ns)
{
	const uint64_t near = quantum_rtx_pn_peek(&conn->rtx);
	struct quantum_ack_block blocks[QUANTUM_ACK_IN_MAX];
	uint64_t recovered[QUANTUM_RECOVERED_IN_MAX];
	struct quantum_ack_in in = { .ack = crypto_pn_expand(near, rx->ack),
		                     .blocks = blocks,
		                     .recovered = recovered };
	struct quantum_rtx_result res;
	struct quantum_rate_sample sample;
	int err;

	in.nb_blocks = read_blocks(conn, rx->data + WIRE_HEADER_BYTES, rx->nb_sacks, blocks);
	if (info != NULL) {
		in.nb_blocks +=
			read_blocks(conn, info->ranges, info->nb_ranges, blocks + in.nb_blocks);
		in.nb_recovered = info->nb_recovered;
		for (uint32_t i = 0; i < info->nb_recovered; i++)
			recovered[i] = crypto_pn_expand(
				near, aef_load_be32(info->recovered + (size_t)i * 4));
		in.delay_ns = info->has_delay
		                      ? aef_min_u64(info->delay_us, 1ull << 40) * AEF_NS_PER_US
		                      : 0;
	}
	/* Before anything changes: was it the application that left the pipe empty? */
	quantum_rate_check_app_limited(&conn->rate, quantum_chans_peek(&conn->chans),
	                               conn->rtx.bytes_in_flight, conn->bbr.cwnd_bytes);
	quantum_rtx_result_init(&res);
	err = quantum_rtx_on_ack(&conn->rtx, &in, now_ns, &res);
	if (err != 0)
		return err;
	quantum_rate_sample_begin(&sample);
	take_acked(conn, &res, &sample, now_ns);
	sample.newly_ce_pkts = new_ce(conn, info);
	take_recovered(conn, &res, now_ns);
	before_losses(conn, &res, now_ns);
	take_lost(conn, &res, &sample, now_ns);
	after_losses(conn, &res);
	if (res.nb_acked == 0 && sample.newly_ce_pkts == 0)
		return 0;
	quantum_rate_sample_finish(&conn->rate, &sample, conn->rtt.min_ns);
	if (sample.has_data || sample.newly_ce_pkts > 0) {
		const uint8_t before = conn->bbr.state;

		quantum_bbr_on_ack(&conn->bbr, &conn->rate, &sample, conn->rtx.bytes_in_flight,
		                   now_ns);
		if (conn->bbr.state != before)
			conn_trace(conn, now_ns, QUANTUM_TRACE_BBR_STATE, conn->bbr.state,
			           conn->bbr.cwnd_bytes);
	}
	set_pacer(conn, now_ns);
	if (res.nb_acked > 0)
		conn->probes = 0;
	return 0;
}

void
conn_ack_timer(struct quantum_conn *conn, uint64_t now_ns)
{
	struct quantum_rtx_result res;

	if (now_ns < quantum_rtx_deadline_ns(&conn->rtx))
		return;
	quantum_rate_check_app_limited(&conn->rate, quantum_chans_peek(&conn->chans),
	                               conn->rtx.bytes_in_flight, conn->bbr.cwnd_bytes);
	quantum_rtx_result_init(&res);
	quantum_rtx_on_deadline(&conn->rtx, now_ns, &res);
	before_losses(conn, &res, now_ns);
	take_lost(conn, &res, NULL, now_ns);
	after_losses(conn, &res);
	if (res.nb_probes > 0) {
		conn->probes = (uint8_t)(res.nb_probes > PROBES_MAX ? PROBES_MAX : res.nb_probes);
		conn->stats.probes++;
		pmtu_on_timeout(conn, now_ns);
		if (res.is_rto)
			conn->stats.rtos++;
		conn_trace(conn, now_ns, QUANTUM_TRACE_PROBE, res.nb_probes, conn->rtx.nb_timeouts);
	}
	set_pacer(conn, now_ns);
}
