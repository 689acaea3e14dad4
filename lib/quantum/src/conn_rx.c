/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"

#define REPLAY_SPAN_NS   (10 * AEF_NS_PER_MS)
#define FAILED_OPENS_MAX (1ull << 36)

/* What the frames of one payload amount to. */
struct payload_rx {
	struct quantum_rx *rx;
	const uint8_t *payload;
	uint32_t len;
	void *owner;
	bool recovered; /* by FEC: only DATA and EXPIRED count */
	bool eliciting;
	bool acked; /* header ack, SACK and ACK_INFO were processed */
	bool has_source;
	uint8_t source_idx;
	uint16_t source_block;
};

static enum quantum_verdict
count(struct quantum_conn *conn, enum quantum_verdict verdict)
{
	conn->stats.verdicts[verdict]++;
	return verdict;
}

/* ---- prepare -----------------------------------------------------------------------------------
 */

static enum quantum_verdict
check_number(const struct quantum_conn *conn, uint64_t pn)
{
	switch (crypto_replay_check(&conn->replay, pn)) {
	case 0:
		return QUANTUM_VERDICT_ACCEPTED;
	case AEF_ERR_DUPLICATE:
		return QUANTUM_VERDICT_DUPLICATE;
	default:
		return QUANTUM_VERDICT_OLD;
	}
}

static enum quantum_verdict
name_key(struct quantum_conn *conn, struct quantum_rx *rx, uint32_t seq)
{
	enum quantum_verdict verdict;

	/* Nearest to the highest authenticated number plus one. */
	rx->pn = crypto_pn_expand(conn->acktr.end, seq);
	verdict = check_number(conn, rx->pn);
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return verdict;
	rx->op.key = crypto_rx_keys_get(&conn->keys->rx, rx->pn);
	if (rx->op.key == NULL) /* dropped before any crypto */
		return QUANTUM_VERDICT_NO_KEY;
	rx->op.pn = rx->pn;
	rx->op.tag = rx->data + rx->len - WIRE_TAG_BYTES;
	rx->op.ok = false;
	rx->needs_open = true;
	return QUANTUM_VERDICT_ACCEPTED;
}

static bool
cid_is_ours(const struct quantum_conn *conn, const struct aef_guuid *cid, uint64_t now_ns)
{
	if (conn->is_server)
		return aef_guuid_eq(cid, &conn->cid_s);
	/* A client takes C, and S once it knows it; C only a while longer. */
	return (aef_guuid_eq(cid, &conn->cid_c) && now_ns <= conn->cid_c_until_ns) ||
	       (conn->confirmed && aef_guuid_eq(cid, &conn->cid_s));
}

static enum quantum_verdict
prepare_protected(struct quantum_conn *conn, struct quantum_rx *rx, const struct wire_header *hdr,
                  uint64_t now_ns)
{
	if (conn->state == CONN_SYN_SENT)
		return QUANTUM_VERDICT_WRONG_CLASS;
	if (!cid_is_ours(conn, &hdr->cid, now_ns))
		return QUANTUM_VERDICT_UNKNOWN_CID;
	rx->under_s = (conn->is_server || conn->confirmed) && aef_guuid_eq(&hdr->cid, &conn->cid_s);
	rx->nb_sacks = (uint8_t)wire_protected_sacks(rx->len, hdr->payload_len);
	rx->op.aad = rx->data;
	rx->op.aad_len = WIRE_HEADER_BYTES + rx->nb_sacks * WIRE_SACK_BYTES;
	rx->op.text = rx->data + rx->op.aad_len;
	rx->op.text_len = hdr->payload_len;
	return name_key(conn, rx, hdr->seq);
}

static enum quantum_verdict
prepare_ack(struct quantum_conn *conn, struct quantum_rx *rx, const struct wire_header *hdr)
{
	if (!conn->is_server || !aef_guuid_eq(&hdr->cid, &conn->cid_c))
		return QUANTUM_VERDICT_WRONG_CLASS;
	rx->nb_sacks = 0;
	rx->op.aad = rx->data;
	rx->op.aad_len = WIRE_ACK_TEXT_AT;
	rx->op.text = rx->data + WIRE_ACK_TEXT_AT;
	rx->op.text_len = hdr->payload_len - WIRE_ACK_CLEAR_BYTES;
	return name_key(conn, rx, hdr->seq);
}

static enum quantum_verdict
prepare_class(struct quantum_conn *conn, struct quantum_rx *rx, const struct wire_header *hdr,
              uint64_t now_ns)
{
	switch (rx->clas) {
	case WIRE_CLASS_PROTECTED:
		return prepare_protected(conn, rx, hdr, now_ns);
	case WIRE_CLASS_ACK:
		return prepare_ack(conn, rx, hdr);
	case WIRE_CLASS_SYN_ACK:
	case WIRE_CLASS_VERSION_REPLY:
		return conn->is_server || !aef_guuid_eq(&hdr->cid, &conn->cid_c)
		               ? QUANTUM_VERDICT_WRONG_CLASS
		               : QUANTUM_VERDICT_ACCEPTED;
	case WIRE_CLASS_RST:
		if (conn->is_server || !conn->has_reset_token)
			return QUANTUM_VERDICT_WRONG_CLASS;
		/* It echoes what we sent last, and that is S by now. */
		return aef_guuid_eq(&hdr->cid, &conn->cid_s) ? QUANTUM_VERDICT_ACCEPTED
		                                             : QUANTUM_VERDICT_UNKNOWN_CID;
	case WIRE_CLASS_NOT_QUANTUM:
		return QUANTUM_VERDICT_NOT_QUANTUM;
	case WIRE_CLASS_BAD_LENGTH:
		return QUANTUM_VERDICT_BAD_LENGTH;
	case WIRE_CLASS_BAD_FLAGS:
		return QUANTUM_VERDICT_BAD_FLAGS;
	case WIRE_CLASS_UNKNOWN_VERSION:
		return QUANTUM_VERDICT_BAD_VERSION;
	default:
		return QUANTUM_VERDICT_WRONG_CLASS;
	}
}

AEF_HOT enum quantum_verdict
quantum_conn_rx_prepare(struct quantum_conn *conn, struct quantum_rx *rx, uint64_t now_ns)
{
	struct wire_header hdr;
	enum quantum_verdict verdict;

	rx->needs_open = false;
	if (conn->state >= CONN_DRAINING)
		return count(conn, QUANTUM_VERDICT_CLOSED);
	rx->clas = (uint8_t)wire_classify(rx->data, rx->len, &hdr);
	if (rx->clas != WIRE_CLASS_NOT_QUANTUM) {
		rx->flags = hdr.flags;
		rx->ack = hdr.ack;
	}
	verdict = prepare_class(conn, rx, &hdr, now_ns);
	return verdict == QUANTUM_VERDICT_ACCEPTED ? verdict : count(conn, verdict);
}

/* ---- frames ------------------------------------------------------------------------------------
 */

static enum quantum_verdict
verdict_of(struct quantum_conn *conn, int err, uint64_t now_ns)
{
	switch (err) {
	case 0:
		return QUANTUM_VERDICT_ACCEPTED;
	case AEF_ERR_FULL:
		return QUANTUM_VERDICT_NO_ROOM;
	case AEF_ERR_LIMIT:
		conn_fail(conn, QUANTUM_CLOSE_FLOW, now_ns);
		return QUANTUM_VERDICT_PROTOCOL;
	default:
		conn_fail(conn, QUANTUM_CLOSE_PROTOCOL, now_ns);
		return QUANTUM_VERDICT_PROTOCOL;
	}
}

static void
on_close(struct quantum_conn *conn, const struct wire_frame *f, uint64_t now_ns)
{
	const uint64_t why = f->close.code & 15;

	if (why == 0)
		conn_end(conn, QUANTUM_CLOSE_APP, true, f->close.code >> 4, now_ns);
	else
		conn_end(conn,
		         why <= QUANTUM_CLOSE_RESOURCES ? (enum quantum_close)why
		                                        : QUANTUM_CLOSE_PROTOCOL,
		         true, 0, now_ns);
}

static enum quantum_verdict
on_data(struct quantum_conn *conn, const struct payload_rx *p, const struct wire_frame_data *data,
        uint64_t now_ns)
{
	return verdict_of(conn, quantum_chans_on_data(&conn->chans, data, p->owner), now_ns);
}

/* Frames of a packet as sent; those of a recovered payload never come here. */
static enum quantum_verdict
on_control(struct quantum_conn *conn, struct payload_rx *p, const struct wire_frame *f,
           uint64_t now_ns)
{
	switch (f->type) {
	case WIRE_FRAME_ACCEPT:
		return verdict_of(conn, handshake_on_accept(conn, f, now_ns), now_ns);
	case WIRE_FRAME_LIMITS:
		/* The first one is in the handshake ACK: now a server knows what the client takes.
		 */
		if (conn->is_server && conn->peer_limits.message_bytes_max == 0)
			conn->events |= EVENT_CONNECTED;
		conn->peer_limits = f->limits;
		/* Never 0 again: CONNECTED is said once. */
		conn->peer_limits.message_bytes_max = aef_max_u32(f->limits.message_bytes_max, 1);
		quantum_chans_set_peer_limits(&conn->chans, &f->limits);
		break;
	case WIRE_FRAME_CREDIT:
		quantum_chans_on_credit(&conn->chans, f->credit.bytes);
		break;
	case WIRE_FRAME_CREDIT_CHANNEL:
		return verdict_of(conn,
		                  quantum_chans_on_credit_channel(&conn->chans, f->credit.channel,
		                                                  f->credit.bytes),
		                  now_ns);
	case WIRE_FRAME_PATH_CHALLENGE:
		path_on_challenge(conn, p->rx, f->path);
		break;
	case WIRE_FRAME_PATH_RESPONSE:
		path_on_response(conn, p->rx, f->path, now_ns);
		break;
	case WIRE_FRAME_CLOSE:
		on_close(conn, f, now_ns);
		break;
	case WIRE_FRAME_FEC_SOURCE:
		p->has_source = true;
		p->source_block = f->fec_source.block;
		p->source_idx = f->fec_source.idx;
		break;
	case WIRE_FRAME_FEC_REPAIR:
		return fec_rx_repair(conn, &f->fec_repair, p->owner, now_ns);
	default: /* PING, PADDING */
		break;
	}
	return QUANTUM_VERDICT_ACCEPTED;
}

static enum quantum_verdict
on_frame(struct quantum_conn *conn, struct payload_rx *p, const struct wire_frame *f,
         uint64_t now_ns)
{
	if (aef_likely(f->type == WIRE_FRAME_DATA))
		return on_data(conn, p, &f->data, now_ns);
	if (f->type == WIRE_FRAME_EXPIRED)
		return verdict_of(conn,
		                  quantum_chans_on_expired(&conn->chans, f->expired.channel,
		                                           f->expired.message, f->expired.bytes),
		                  now_ns);
	return p->recovered ? QUANTUM_VERDICT_ACCEPTED : on_control(conn, p, f, now_ns);
}

/* Who only receives hears the same acknowledgement in packet after packet; what was due by time is
 * the timer's. */
static bool
ack_is_known(const struct quantum_conn *conn, const struct quantum_rx *rx)
{
	return rx->nb_sacks == 0 &&
	       crypto_pn_expand(quantum_rtx_pn_peek(&conn->rtx), rx->ack) == conn->rtx.peer_ack;
}

/*
 * At most one ACK_INFO, then at most one FLOOR stand first; the acknowledgement is
 * processed behind them. What is left of the two meets on_frames(), which breaks the packet.
 */
static enum quantum_verdict
on_ack_part(struct quantum_conn *conn, struct payload_rx *p, struct aef_reader *r, uint64_t now_ns)
{
	struct wire_frame f;
	struct wire_frame_ack_info info;
	bool has_info = false;

	if (r->p < r->end && *r->p == WIRE_FRAME_ACK_INFO) {
		if (wire_frame_decode(r, &f) != 0)
			return QUANTUM_VERDICT_BAD_FRAME;
		info = f.ack_info;
		has_info = true;
	}
	if (r->p < r->end && *r->p == WIRE_FRAME_FLOOR) {
		/* It cannot pass the packet that carries it. */
		if (wire_frame_decode(r, &f) != 0 || f.floor > p->rx->pn)
			return QUANTUM_VERDICT_BAD_FRAME;
		quantum_acktr_on_floor(&conn->acktr, f.floor);
	}
	if (p->rx->clas == WIRE_CLASS_ACK) /* the client has nothing to acknowledge yet */
		return QUANTUM_VERDICT_ACCEPTED;
	if (!has_info && ack_is_known(conn, p->rx))
		return QUANTUM_VERDICT_ACCEPTED;
	if (conn_ack_received(conn, p->rx, has_info ? &info : NULL, now_ns) != 0) {
		conn_fail(conn, QUANTUM_CLOSE_PROTOCOL, now_ns);
		return QUANTUM_VERDICT_BAD_ACK;
	}
	return QUANTUM_VERDICT_ACCEPTED;
}

static enum quantum_verdict
on_frames(struct quantum_conn *conn, struct payload_rx *p, struct aef_reader *r, uint64_t now_ns)
{
	struct wire_frame f;
	enum quantum_verdict verdict, total = QUANTUM_VERDICT_ACCEPTED;
	int err;

	while ((err = wire_frame_decode(r, &f)) == 0) {
		if ((f.type == WIRE_FRAME_ACK_INFO || f.type == WIRE_FRAME_FLOOR) && !p->recovered)
			return QUANTUM_VERDICT_BAD_FRAME;
		p->eliciting |= !wire_frame_is_passive(f.type);
		verdict = on_frame(conn, p, &f, now_ns);
		/* A frame without room must not hide a later one that would make room: go on, but
		 * leave the packet unacknowledged. What was taken twice is harmless. */
		if (verdict == QUANTUM_VERDICT_NO_ROOM)
			total = verdict;
		else if (verdict != QUANTUM_VERDICT_ACCEPTED)
			return verdict;
		if (conn->state >= CONN_CLOSING) /* by CLOSE: what follows is not read */
			return total;
	}
	return err == AEF_ERR_AGAIN ? total : QUANTUM_VERDICT_BAD_FRAME;
}

enum quantum_verdict
conn_rx_recovered(struct quantum_conn *conn, const struct fec_recovered *rec, void *owner,
                  uint64_t now_ns)
{
	struct payload_rx p = {
		.payload = rec->data, .len = rec->len, .owner = owner, .recovered = true
	};
	struct aef_reader r = aef_reader_make(rec->data, rec->len);

	return on_frames(conn, &p, &r, now_ns);
}

/* ---- commit ------------------------------------------------------------------------------------
 */

static void
confirm(struct quantum_conn *conn, bool under_s, uint64_t now_ns)
{
	if (conn->is_server) {
		conn->confirmed = true;
		conn->want &= (uint8_t)~WANT_ACCEPT;
	} else if (conn->cid_c_until_ns == AEF_TIME_NEVER && under_s) { /* */
		conn->cid_c_until_ns = now_ns + 3 * quantum_rtt_pto_ns(&conn->rtt);
	}
}

/* The window covers what arrives in 10 ms; without memory it stays as it is. */
static void
grow_replay(struct quantum_conn *conn, uint64_t now_ns)
{
	if (now_ns - conn->burst_start_ns >= REPLAY_SPAN_NS) {
		conn->burst_start_ns = now_ns;
		conn->burst_pkts = 0;
	}
	if (++conn->burst_pkts > crypto_replay_bits(&conn->replay) &&
	    crypto_replay_grow(&conn->replay, &conn->env->replays, 2 * conn->burst_pkts) != 0)
		conn->burst_pkts = 0; /* not before as many came again */
}

/* The number is new and its tag is right: only now does anything change. */
static enum quantum_verdict
authenticated(struct quantum_conn *conn, struct quantum_rx *rx, uint64_t now_ns)
{
	if (crypto_replay_commit(&conn->replay, &conn->env->replays, rx->pn) != 0)
		return check_number(conn, rx->pn) == QUANTUM_VERDICT_OLD
		               ? QUANTUM_VERDICT_OLD
		               : QUANTUM_VERDICT_DUPLICATE;
	(void)crypto_rx_keys_on_authenticated(&conn->keys->rx, conn->env->crypto, rx->pn, now_ns,
	                                      quantum_rtt_pto_ns(&conn->rtt));
	if (rx->clas == WIRE_CLASS_PROTECTED)
		confirm(conn, rx->under_s, now_ns);
	grow_replay(conn, now_ns);
	conn->last_rx_ns = now_ns;
	conn->stats.rx_pkts++;
	conn->stats.rx_bytes += rx->len;
	conn_trace(conn, now_ns, QUANTUM_TRACE_PKT_RECEIVED, rx->pn, rx->len);
	return QUANTUM_VERDICT_ACCEPTED;
}

static enum quantum_verdict
after_close(struct quantum_conn *conn, struct payload_rx *p, uint64_t now_ns)
{
	struct aef_reader r = aef_reader_make(p->payload, p->len);
	struct wire_frame f;

	if (conn->state != CONN_CLOSING)
		return QUANTUM_VERDICT_CLOSED;
	while (wire_frame_decode(&r, &f) == 0)
		if (f.type == WIRE_FRAME_CLOSE) {
			conn_set_state(conn, CONN_DRAINING, now_ns);
			return QUANTUM_VERDICT_CLOSED;
		}
	/* The peer did not hear our CLOSE: again, at most once per SRTT. */
	if (now_ns - conn->close.last_sent_ns >= conn->rtt.srtt_ns)
		conn->close.send_due = true;
	return QUANTUM_VERDICT_CLOSED;
}

static void
note_arrival(struct quantum_conn *conn, const struct payload_rx *p, uint64_t now_ns)
{
	const struct quantum_acktr_pkt pkt = {
		.pn = p->rx->pn,
		.now_ns = now_ns,
		.eliciting = p->eliciting,
		.psh = (p->rx->flags & WIRE_FLAG_PSH) != 0,
		.ecn = p->rx->ecn,
	};

	if (pkt.ecn == QUANTUM_ECN_CE)
		conn->stats.ce_pkts++;
	if (pkt.eliciting)
		conn->last_eliciting_ns = now_ns;
	/* Known, below the floor, or no node: nothing is lost by not reporting it. */
	(void)quantum_acktr_on_packet(&conn->acktr, &pkt);
}

/* Nothing changes, but that so many would wear the key out. */
static enum quantum_verdict
bad_tag(struct quantum_conn *conn, uint64_t now_ns)
{
	if (++conn->nb_failed_opens >= FAILED_OPENS_MAX)
		conn_fail(conn, QUANTUM_CLOSE_PROTOCOL, now_ns);
	return QUANTUM_VERDICT_BAD_TAG;
}

static enum quantum_verdict
commit_protected(struct quantum_conn *conn, struct quantum_rx *rx, uint64_t now_ns)
{
	const bool is_highest = rx->pn >= conn->acktr.end;
	struct payload_rx p = {
		.rx = rx, .payload = rx->op.text, .len = rx->op.text_len, .owner = rx->owner
	};
	struct aef_reader r = aef_reader_make(p.payload, p.len);
	enum quantum_verdict verdict;

	if (!rx->op.ok)
		return bad_tag(conn, now_ns);
	verdict = authenticated(conn, rx, now_ns);
	if (verdict != QUANTUM_VERDICT_ACCEPTED)
		return verdict;
	if (aef_unlikely(conn->state >= CONN_CLOSING))
		return after_close(conn, &p, now_ns);
	path_on_packet(conn, rx, is_highest, now_ns);
	conn->flow_blocked = false;
	verdict = on_ack_part(conn, &p, &r, now_ns);
	if (verdict == QUANTUM_VERDICT_ACCEPTED)
		verdict = on_frames(conn, &p, &r, now_ns);
	if (verdict == QUANTUM_VERDICT_ACCEPTED && p.has_source)
		verdict = fec_rx_source(conn, p.source_block, p.source_idx,
		                        &(struct fec_held){ .data = p.payload,
		                                            .len = (uint16_t)p.len,
		                                            .owner = p.owner },
		                        now_ns);
	if (verdict == QUANTUM_VERDICT_BAD_FRAME)
		conn_fail(conn, QUANTUM_CLOSE_PROTOCOL, now_ns);
	if (verdict == QUANTUM_VERDICT_ACCEPTED)
		note_arrival(conn, &p, now_ns);
	return verdict;
}

static enum quantum_verdict
commit_reset(struct quantum_conn *conn, const struct quantum_rx *rx, uint64_t now_ns)
{
	if (!crypto_equal(rx->data + WIRE_HEADER_BYTES, conn->reset_token, WIRE_RESET_BYTES))
		return QUANTUM_VERDICT_BAD_TOKEN;
	conn_end(conn, QUANTUM_CLOSE_RESET, true, 0, now_ns);
	return QUANTUM_VERDICT_ACCEPTED;
}

AEF_HOT enum quantum_verdict
quantum_conn_rx_commit(struct quantum_conn *conn, struct quantum_rx *rx, uint64_t now_ns)
{
	conn->now_ns = now_ns;
	if (conn->state >= CONN_DRAINING) /* an earlier datagram of the burst ended it */
		return count(conn, QUANTUM_VERDICT_CLOSED);
	switch (rx->clas) {
	case WIRE_CLASS_PROTECTED:
	case WIRE_CLASS_ACK:
		return count(conn, commit_protected(conn, rx, now_ns));
	case WIRE_CLASS_SYN_ACK:
		return count(conn, handshake_on_syn_ack(conn, rx, now_ns));
	case WIRE_CLASS_VERSION_REPLY:
		handshake_on_version_reply(conn, rx);
		return count(conn, QUANTUM_VERDICT_ACCEPTED);
	default:
		return count(conn, commit_reset(conn, rx, now_ns));
	}
}
