/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"

#define NO_ROOM_RETRY_NS (5 * AEF_NS_PER_MS)
#define EPOCH_LAST_PKTS  16u /* of an epoch, for closing */

/* ---- one packet --------------------------------------------------------------------------------
 */

/* A sender may leave a key epoch early: the rest of its numbers is never used. */
static void
leave_epoch(struct quantum_conn *conn)
{
	const uint64_t pn = quantum_rtx_pn_peek(&conn->rtx);
	const uint64_t epoch = crypto_epoch(pn);

	if (pn - crypto_epoch_first_pn(epoch) < conn->conf.epoch_pkts ||
	    epoch != conn->keys->tx.epoch || !crypto_tx_keys_can_advance(&conn->keys->tx) ||
	    fec_tx_is_open(conn)) /* the numbers of a block lie close together */
		return;
	/* No room to remember the gap: later. */
	(void)!quantum_rtx_pn_skip_to(&conn->rtx, crypto_epoch_first_pn(epoch + 1));
}

/*
 * The peer has acknowledged nothing of a whole epoch: there is no way on, and the last
 * numbers are for the CLOSE that says so.
 */
static bool
epoch_is_lost(const struct quantum_conn *conn, uint64_t pn)
{
	return (pn & (CRYPTO_EPOCH_PKTS - 1)) >= CRYPTO_EPOCH_PKTS - EPOCH_LAST_PKTS &&
	       !conn->keys->tx.acked && pn - conn->rtx.high_end >= CRYPTO_EPOCH_PKTS / 2;
}

bool
packet_allowed(struct quantum_conn *conn, uint64_t now_ns)
{
	const int err = quantum_rtx_pn_check(&conn->rtx);
	uint64_t pn;

	if (aef_unlikely(conn->conf.epoch_pkts != 0))
		leave_epoch(conn);
	pn = quantum_rtx_pn_peek(&conn->rtx);
	if (err == AEF_ERR_CLOSED) {
		conn_fail(conn, QUANTUM_CLOSE_NUMBERS, now_ns);
		return false;
	}
	if (err != 0)
		return false;
	if (aef_likely(crypto_tx_keys_get(&conn->keys->tx, pn) != NULL)) {
		if (aef_unlikely(epoch_is_lost(conn, pn)))
			conn_fail(conn, QUANTUM_CLOSE_PROTOCOL, now_ns);
		return conn_is_open(conn);
	}
	/* The next epoch is entered only after a packet of this one was acknowledged. */
	return crypto_tx_keys_advance(&conn->keys->tx, conn->env->crypto) == 0 &&
	       crypto_tx_keys_get(&conn->keys->tx, pn) != NULL;
}

void
packet_start(struct quantum_conn *conn, struct packet *p, struct quantum_tx *tx, uint32_t mtu,
             uint64_t now_ns)
{
	const uint32_t size = aef_min_u32(mtu, tx->cap);

	conn_ack_build(conn, &p->ack, now_ns);
	p->tx = tx;
	p->rec = NULL;
	p->flags = 0;
	p->hdr_flags = 0;
	p->to_path = false;
	p->payload = tx->data + WIRE_HEADER_BYTES + p->ack.ack.nb_blocks * WIRE_SACK_BYTES;
	p->w = aef_writer_make(p->payload, size - WIRE_TAG_BYTES - (size_t)(p->payload - tx->data));
	tx->ecn = conn->conf.ecn && conn->ecn_ok ? QUANTUM_ECN_ECT0 : 0;
	tx->to = conn->path.peer;
}

static void
write_header(struct quantum_conn *conn, struct packet *p, uint64_t pn, size_t payload_len)
{
	const struct quantum_ack *ack = &p->ack.ack;
	const bool use_s = !conn->is_server || conn->confirmed; /* */
	const struct wire_header hdr = {
		.version = WIRE_VERSION,
		.flags = (uint8_t)(p->hdr_flags | (ack->ece ? WIRE_FLAG_ECE : 0)),
		.payload_len = (uint16_t)payload_len,
		.seq = (uint32_t)pn,
		.ack = (uint32_t)ack->ack,
		.cid = use_s ? conn->cid_s : conn->cid_c,
	};
	uint8_t *at = p->tx->data + WIRE_HEADER_BYTES;

	wire_header_encode(p->tx->data, &hdr);
	for (uint32_t i = 0; i < ack->nb_blocks; i++, at += WIRE_SACK_BYTES) {
		aef_store_be32(at, (uint32_t)ack->blocks[i].first);
		aef_store_be32(at + 4, (uint32_t)ack->blocks[i].end);
	}
}

static void
account(struct quantum_conn *conn, struct packet *p, uint64_t now_ns)
{
	const uint32_t len = p->tx->len;
	const uint32_t cwnd_pkts = (uint32_t)(conn->bbr.cwnd_bytes / WIRE_MTU_BASE);
	struct quantum_sent *rec = p->rec;

	conn->stats.tx_pkts++;
	conn->stats.tx_bytes += len;
	quantum_acktr_on_sent(&conn->acktr, &p->ack.ack);
	conn_trace(conn, now_ns, QUANTUM_TRACE_PKT_SENT, p->tx->pn, len);
	if (rec == NULL) {
		conn->stats.acks_only_pkts++;
		quantum_rtx_on_sent_untracked(&conn->rtx, p->ack.floor, cwnd_pkts);
		return;
	}
	rec->bytes = len;
	rec->flags =
		(uint16_t)(p->flags | ((p->hdr_flags & WIRE_FLAG_PSH) != 0 ? QUANTUM_SENT_PSH : 0));
	rec->ecn = p->tx->ecn;
	rec->epoch = (uint32_t)crypto_epoch(p->tx->pn);
	rec->floor = p->ack.floor;
	conn->last_eliciting_ns = now_ns;
	quantum_bbr_on_send(&conn->bbr, &conn->rate, conn->rtx.bytes_in_flight, len, now_ns);
	quantum_rate_on_send(&conn->rate, &rec->rate, len, conn->rtx.bytes_in_flight, now_ns);
	/* A restart from idle has just changed the rate. */
	quantum_pacer_set(&conn->pacer, conn->bbr.pacing_rate_bytes_per_s,
	                  conn->bbr.send_quantum_bytes, now_ns);
	quantum_pacer_on_send(&conn->pacer, now_ns, len);
	quantum_rtx_on_sent(&conn->rtx, rec, now_ns, cwnd_pkts);
}

void
packet_finish(struct quantum_conn *conn, struct packet *p, uint64_t now_ns)
{
	const uint64_t pn = quantum_rtx_pn_peek(&conn->rtx);
	struct quantum_tx *tx = p->tx;

	if (p->w.p == p->payload) /* a payload is never empty */
		aef_write_u8(&p->w, WIRE_FRAME_PADDING);
	const size_t payload_len = (size_t)(p->w.p - p->payload);

	write_header(conn, p, pn, payload_len);
	tx->pn = pn;
	tx->len = (uint32_t)(p->w.p - tx->data) + WIRE_TAG_BYTES;
	tx->needs_seal = true;
	tx->op = (struct crypto_op){ .key = crypto_tx_keys_get(&conn->keys->tx, pn),
		                     .pn = pn,
		                     .aad = tx->data,
		                     .aad_len = (uint32_t)(p->payload - tx->data),
		                     .text = p->payload,
		                     .text_len = (uint32_t)payload_len,
		                     .tag = p->w.p };
	aef_assert_hot(tx->op.key != NULL && tx->len <= tx->cap);
	account(conn, p, now_ns);
}

/* ---- kinds of packets --------------------------------------------------------------------------
 */

/* Until the client was heard under S every packet of a server carries ACCEPT. */
static void
write_accept(const struct quantum_conn *conn, struct packet *p)
{
	if (conn->is_server && !conn->confirmed)
		wire_accept_encode(&p->w, &conn->cid_s, conn->reset_token, &conn->conf.limits);
}

static int
ack_only_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns)
{
	struct packet p;

	packet_start(conn, &p, tx, WIRE_MTU_BASE, now_ns);
	conn_ack_write(&p.ack, &p.w);
	write_accept(conn, &p);
	tx->ecn = 0;
	packet_finish(conn, &p, now_ns);
	return 1;
}

/* The last number of all is kept for the CLOSE that says so. */
static bool
close_allowed(struct quantum_conn *conn)
{
	return quantum_rtx_pn_peek(&conn->rtx) <= QUANTUM_PN_LAST &&
	       crypto_tx_keys_get(&conn->keys->tx, quantum_rtx_pn_peek(&conn->rtx)) != NULL;
}

static int
close_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns)
{
	struct packet p;

	if (!conn->close.send_due)
		return 0;
	conn->close.send_due = false;
	if (!packet_allowed(conn, now_ns) && !close_allowed(conn))
		return 0;
	conn->close.last_sent_ns = now_ns;
	packet_start(conn, &p, tx, WIRE_MTU_BASE, now_ns);
	conn_ack_write(&p.ack, &p.w);
	write_accept(conn, &p);
	/* FIN goes with CLOSE. The code tells the application's closes from ours. */
	wire_close_encode(&p.w,
	                  conn->close.why == QUANTUM_CLOSE_APP ? conn->close.code << 4
	                                                       : (uint64_t)conn->close.why,
	                  conn->close.reason, conn->close.reason_len);
	p.hdr_flags = WIRE_FLAG_FIN;
	tx->ecn = 0;
	packet_finish(conn, &p, now_ns);
	return 1;
}

static bool
add_frame(struct quantum_conn *conn, struct packet *p, uint8_t type)
{
	struct quantum_frame *frame = aef_pool_get(&conn->env->frames);

	if (frame == NULL)
		return false;
	*frame = (struct quantum_frame){ .type = type };
	aef_list_append(&p->rec->frames, &frame->node);
	return true;
}

/*
 * ACCEPT repeats in every packet until S was seen; other control frames are resent when lost.
 * Returns whether anything was written that the packet is worth sending for.
 */
static bool
write_control(struct quantum_conn *conn, struct packet *p)
{
	const uint8_t want = conn->want;

	write_accept(conn, p);
	if (conn->is_server && !conn->confirmed) {
		/* Without a record for it the time-out of this packet repeats it. */
		if ((conn->want & WANT_ACCEPT) != 0)
			(void)add_frame(conn, p, WIRE_FRAME_ACCEPT);
		conn->want &= (uint8_t)~WANT_ACCEPT;
	}
	if ((conn->want & WANT_LIMITS) != 0 && add_frame(conn, p, WIRE_FRAME_LIMITS)) {
		wire_limits_encode(&p->w, &conn->conf.limits);
		conn->want &= (uint8_t)~WANT_LIMITS;
	}
	if ((conn->want & WANT_PING) != 0) {
		aef_write_u8(&p->w, WIRE_FRAME_PING);
		conn->want &= (uint8_t)~WANT_PING;
	}
	return conn->want != want;
}

/* A probe with nothing new repeats what is in flight: the newest for the tail, else the oldest. */
static void
write_probe(struct quantum_conn *conn, struct packet *p, uint64_t now_ns)
{
	struct quantum_sent *rec = conn->rtx.nb_timeouts <= 1 ? quantum_rtx_newest(&conn->rtx)
	                                                      : quantum_rtx_oldest(&conn->rtx);
	bool wrote = false;

	if (rec != NULL)
		aef_list_foreach_safe (node, &rec->frames)
			wrote |= quantum_chans_resend(
				&conn->chans, aef_list_entry(node, struct quantum_frame, node),
				&p->w, &p->rec->frames, now_ns);
	if (!wrote)
		aef_write_u8(&p->w, WIRE_FRAME_PING);
}

static int
repair_tx(struct quantum_conn *conn, struct packet *p, uint64_t now_ns)
{
	p->ack.ack.need_info = false; /* room is kept for FLOOR only */
	conn_ack_write(&p->ack, &p->w);
	if (!fec_tx_repair_write(conn, &p->w)) {
		quantum_rtx_sent_put(&conn->rtx, p->rec);
		return 0;
	}
	p->flags |= QUANTUM_SENT_REPAIR;
	p->hdr_flags |= WIRE_FLAG_FEC;
	packet_finish(conn, p, now_ns);
	return 1;
}

static unsigned
write_frames(struct quantum_conn *conn, struct packet *p, bool *ret_protect, uint64_t now_ns)
{
	unsigned fill;
	bool control;

	conn_ack_write(&p->ack, &p->w);
	control = write_control(conn, p);
	*ret_protect = fec_tx_on(conn) && fec_tx_mark(conn, &p->w, p->payload);
	fill = quantum_chans_fill(&conn->chans, &p->w, &p->rec->frames, now_ns, true);
	if ((fill & QUANTUM_FILL_URG) != 0)
		p->hdr_flags |= WIRE_FLAG_URG | WIRE_FLAG_PSH;
	if ((fill & QUANTUM_FILL_IDLE) != 0) {
		p->hdr_flags |= WIRE_FLAG_PSH; /* the end of a burst: its ack must not wait */
		p->flags |= QUANTUM_SENT_LAST_FRAG;
	}
	if (control)
		fill |= QUANTUM_FILL_WROTE;
	return fill;
}

/* An empty pool fills when other connections are done: look again in a while. */
static int
no_room(struct quantum_conn *conn, uint64_t now_ns)
{
	conn->no_room_until_ns = now_ns + NO_ROOM_RETRY_NS;
	return 0;
}

/* Data, control and probes. 0: nothing came of it. */
static int
data_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns)
{
	struct packet p;
	bool protect;
	unsigned fill;

	packet_start(conn, &p, tx, conn->pmtu.mtu, now_ns);
	p.rec = conn->probes > 0 ? quantum_rtx_probe_get(&conn->rtx)
	                         : quantum_rtx_sent_get(&conn->rtx);
	if (p.rec == NULL)
		return no_room(conn, now_ns);
	if (conn->probes == 0 && fec_tx_repair_due(conn))
		return repair_tx(conn, &p, now_ns);
	fill = write_frames(conn, &p, &protect, now_ns);
	if (conn->probes > 0) {
		conn->probes--;
		p.flags |= QUANTUM_SENT_PROBE;
		p.hdr_flags |= WIRE_FLAG_PSH;
		if ((fill & QUANTUM_FILL_WROTE) == 0)
			write_probe(conn, &p, now_ns);
	} else if ((fill & QUANTUM_FILL_WROTE) == 0) {
		/* Credit or a pool stopped it: no packet, unless an ack is owed. */
		quantum_rtx_sent_put(&conn->rtx, p.rec);
		if ((fill & QUANTUM_FILL_NO_FRAME) != 0 || conn->want != 0)
			return no_room(conn, now_ns);
		/* What was given up on the way left EXPIRED behind, which may go. */
		conn->flow_blocked = aef_list_empty(&conn->chans.expired);
		return 0;
	}
	if (protect) {
		p.flags |= QUANTUM_SENT_SOURCE;
		fec_tx_add(conn, p.payload, (size_t)(p.w.p - p.payload),
		           quantum_rtx_pn_peek(&conn->rtx), now_ns);
	}
	packet_finish(conn, &p, now_ns);
	return 1;
}

static int
pmtu_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint16_t size, uint64_t now_ns)
{
	struct packet p;

	if (size > tx->cap) { /* our own buffers end the search */
		conn->pmtu.probe = 0;
		return 0;
	}
	packet_start(conn, &p, tx, size, now_ns);
	p.rec = quantum_rtx_sent_get(&conn->rtx);
	if (p.rec == NULL)
		return no_room(conn, now_ns);
	conn_ack_write(&p.ack, &p.w);
	aef_write_u8(&p.w, WIRE_FRAME_PING);
	memset(p.w.p, WIRE_FRAME_PADDING, aef_writer_left(&p.w));
	p.w.p = p.w.end;
	p.flags |= QUANTUM_SENT_PMTU;
	pmtu_on_probe_sent(conn);
	packet_finish(conn, &p, now_ns);
	return 1;
}

/* ---- what leaves next --------------------------------------------------------------------------
 */

bool
conn_window_open(const struct quantum_conn *conn)
{
	if (conn->rtx.nb_sent >= conn->rtx.records_max)
		return false;
	return conn->rtx.bytes_in_flight + conn->pmtu.mtu <= conn->bbr.cwnd_bytes ||
	       conn->rtx.bytes_in_flight == 0;
}

bool
conn_has_eliciting(const struct quantum_conn *conn)
{
	return conn->want != 0 || (!conn->flow_blocked && quantum_chans_peek(&conn->chans) != 0) ||
	       fec_tx_repair_due(conn);
}

/*
 * Who only acknowledges is never acknowledged, and could not enter the next key epoch: from
 * the middle of an epoch on one packet asks for it.
 */
static bool
epoch_needs_ack(const struct quantum_conn *conn)
{
	const uint64_t at = quantum_rtx_pn_peek(&conn->rtx) & (CRYPTO_EPOCH_PKTS - 1);

	return aef_unlikely(at >= CRYPTO_EPOCH_PKTS / 2) && !conn->keys->tx.acked &&
	       conn->rtx.nb_sent == 0;
}

static int
established_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns)
{
	uint16_t probe;
	uint8_t ask = 0;
	int built;

	if (!packet_allowed(conn, now_ns)) {
		/* No number or key until the peer acknowledges: no timer can help before. */
		conn->stalled_until_ns = now_ns + NO_ROOM_RETRY_NS;
		return conn->state == CONN_CLOSING ? close_tx(conn, tx, now_ns) : 0;
	}
	conn->stalled_until_ns = 0;
	built = path_tx(conn, tx, now_ns);
	if (built != 0)
		return built;
	if (conn->probes > 0 && now_ns >= conn->no_room_until_ns && data_tx(conn, tx, now_ns) == 1)
		return 1;
	if (now_ns >= conn->no_room_until_ns && conn_window_open(conn) &&
	    quantum_pacer_ready_ns(&conn->pacer, now_ns, conn->pmtu.mtu) <= now_ns) {
		/* Before data: a sender with a backlog would never come to it. */
		probe = pmtu_probe_due(conn, now_ns);
		if (probe != 0 && pmtu_tx(conn, tx, probe, now_ns) == 1)
			return 1;
		if (conn_has_eliciting(conn) && data_tx(conn, tx, now_ns) == 1)
			return 1;
	}
	if (!quantum_acktr_should_ack(&conn->acktr, now_ns))
		return 0;
	/* With a record, so that it is repeated until the client was heard under S. */
	if (conn->is_server && !conn->confirmed)
		ask |= WANT_ACCEPT;
	if (epoch_needs_ack(conn))
		ask |= WANT_PING;
	conn->want |= ask;
	if (ask != 0 && data_tx(conn, tx, now_ns) == 1)
		return 1;
	return ack_only_tx(conn, tx, now_ns);
}

int
quantum_conn_tx_prepare(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns)
{
	aef_assert_hot(tx->cap >= WIRE_MTU_BASE);
	conn->now_ns = now_ns;
	switch (conn->state) {
	case CONN_SYN_SENT:
	case CONN_ACK_SENT:
		return handshake_tx(conn, tx, now_ns);
	case CONN_ESTABLISHED:
		return established_tx(conn, tx, now_ns);
	case CONN_CLOSING:
		return close_tx(conn, tx, now_ns);
	default:
		return 0;
	}
}

void
quantum_conn_tx_commit(struct quantum_conn *conn, const struct quantum_tx *tx, bool sent)
{
	(void)tx;
	/* What the driver dropped is found like any other loss. */
	if (!sent)
		conn->stats.tx_dropped_pkts++;
}
