/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>

#include "conn_priv.h"

#define CLOSE_PTOS 3u

/*
 * What both ends may use before they know the other's limits: every end grants at least this
 * so the handshake ACK can carry data.
 */
static const struct wire_limits limits_floor = {
	.message_bytes_max = 65536,
	.channels_max = 16,
	.credit_bytes = 65536,
	.credit_channel_bytes = 16384,
};

void
quantum_conn_conf_default(struct quantum_conn_conf *ret_conf)
{
	*ret_conf = (struct quantum_conn_conf){
		.limits = { .idle_timeout_ms = 60000,
		            .message_bytes_max = WIRE_MESSAGE_BYTES_MAX,
		            .channels_max = WIRE_CHANNELS_MAX,
		            .credit_bytes = 4u << 20,
		            .credit_channel_bytes = 1u << 20 },
		.keepalive_ns = 25 * AEF_NS_PER_S,
		.handshake_ns = 5 * AEF_NS_PER_S,
		.mtu_max_bytes = 1452,
		.queue_bytes_max = 16u << 20,
		.queue_msgs_max = 65536,
		.sent_pkts_max = 16384,
		.fec_k = FEC_K_MAX,
		.fec_m = FEC_M_MAX,
		.ecn = true,
		.pmtud = true,
	};
}

/* ---- life cycle --------------------------------------------------------------------------------
 */

static void
init_path(struct quantum_conn *conn, uint64_t now_ns)
{
	struct quantum_env *env = conn->env;
	const struct quantum_rtx_conf rtx = {
		.first_pn = conn->conf.first_pn,
		.records_max = conn->conf.sent_pkts_max,
		.records = &env->sent_pkts,
		.rtt = &conn->rtt,
		.rng = &env->rng,
	};
	const struct quantum_bbr_conf bbr = { .rng = &env->rng, .mss_bytes = WIRE_MTU_BASE };

	quantum_rtt_init(&conn->rtt, QUANTUM_MAX_ACK_DELAY_NS);
	quantum_acktr_init(&conn->acktr, conn->conf.first_pn, &env->ranges, &conn->rtt);
	quantum_rtx_init(&conn->rtx, &rtx);
	quantum_rate_init(&conn->rate, now_ns);
	quantum_bbr_init(&conn->bbr, &bbr, now_ns);
	quantum_pacer_init(&conn->pacer, conn->bbr.pacing_rate_bytes_per_s,
	                   conn->bbr.send_quantum_bytes, now_ns);
	pmtu_init(conn);
}

/* The peer may use the floor before it knows our limits. */
static void
at_least_floor(struct wire_limits *l)
{
	l->message_bytes_max = aef_max_u32(l->message_bytes_max, limits_floor.message_bytes_max);
	l->channels_max = aef_max_u32(l->channels_max, limits_floor.channels_max);
	l->credit_bytes = aef_max_u64(l->credit_bytes, limits_floor.credit_bytes);
	l->credit_channel_bytes =
		aef_max_u64(l->credit_channel_bytes, limits_floor.credit_channel_bytes);
}

struct quantum_conn *
conn_create(struct quantum_env *env, const struct quantum_conn_conf *conf,
            const struct quantum_addr *peer, bool is_server, uint64_t now_ns)
{
	struct quantum_conn *conn = aef_pool_get(&env->conns);
	struct conn_keys *keys = conn != NULL ? aef_pool_get(&env->secrets) : NULL;

	if (keys == NULL) {
		aef_pool_put(&env->conns, conn);
		return NULL;
	}
	memset(conn, 0, sizeof(*conn));
	conn->env = env;
	memset(keys, 0, sizeof(*keys));
	conn->keys = keys;
	conn->conf = *conf;
	conn->is_server = is_server;
	conn->now_ns = conn->created_ns = now_ns;
	conn->last_rx_ns = conn->last_eliciting_ns = now_ns;
	conn->cid_c_until_ns = AEF_TIME_NEVER;
	conn->ecn_ok = true;
	conn->chans_conf = (struct quantum_chans_conf){
		.limits = conf->limits,
		.queue_bytes_max = conf->queue_bytes_max,
		.queue_messages_max = conf->queue_msgs_max,
		.fair_share = is_server,
	};
	if (is_server)
		conn->conf.keepalive_ns = 0; /* the client keeps NAT bindings alive */
	at_least_floor(&conn->chans_conf.limits);
	conn->conf.limits = conn->chans_conf.limits;
	quantum_chans_init(&conn->chans, &env->chan_pools, &conn->chans_conf);
	quantum_chans_set_peer_limits(&conn->chans, &limits_floor);
	path_init(conn, peer);
	init_path(conn, now_ns);
	return conn;
}

/* Tests start numbers elsewhere than at 0: then both directions begin in that epoch. */
static int
enter_first_epoch(struct quantum_conn *conn)
{
	const uint64_t epoch = crypto_epoch(conn->conf.first_pn);

	for (uint64_t e = 0; e < epoch; e++) {
		crypto_tx_keys_on_acked(&conn->keys->tx, crypto_epoch_first_pn(e));
		if (crypto_tx_keys_advance(&conn->keys->tx, conn->env->crypto) != 0)
			return AEF_ERR_LIMIT;
		(void)crypto_rx_keys_on_authenticated(&conn->keys->rx, conn->env->crypto,
		                                      crypto_epoch_first_pn(e + 1), conn->now_ns,
		                                      0);
	}
	return 0;
}

int
conn_set_keys(struct quantum_conn *conn, const uint8_t secret_tx[32], const uint8_t secret_rx[32])
{
	const int err = crypto_replay_init(&conn->replay, &conn->env->replays);

	if (err != 0)
		return err;
	crypto_tx_keys_init(&conn->keys->tx, conn->env->crypto, secret_tx);
	crypto_rx_keys_init(&conn->keys->rx, conn->env->crypto, secret_rx);
	return enter_first_epoch(conn);
}

void
conn_wipe_handshake(struct quantum_conn *conn)
{
	crypto_wipe(&conn->keys->client, sizeof(conn->keys->client));
}

/* Nothing is sealed or opened from here on. */
static void
wipe_keys(struct quantum_conn *conn)
{
	crypto_tx_keys_fini(&conn->keys->tx, conn->env->crypto);
	crypto_rx_keys_fini(&conn->keys->rx, conn->env->crypto);
	conn_wipe_handshake(conn);
}

void
conn_set_state(struct quantum_conn *conn, enum conn_state state, uint64_t now_ns)
{
	conn_trace(conn, now_ns, QUANTUM_TRACE_STATE, state, conn->state);
	conn->state = (uint8_t)state;
	if (state >= CONN_DRAINING) /* silent, and nothing that arrives matters */
		wipe_keys(conn);
}

void
conn_establish(struct quantum_conn *conn, const struct wire_limits *limits, uint64_t now_ns)
{
	conn->peer_limits = *limits;
	quantum_chans_set_peer_limits(&conn->chans, limits);
	/* The secret has done its work; a new attempt needs a new token. */
	conn_wipe_handshake(conn);
	conn_set_state(conn, CONN_ESTABLISHED, now_ns);
	conn->events |= EVENT_CONNECTED;
	pmtu_init(conn);
}

static void
drop_records(struct quantum_conn *conn)
{
	struct quantum_sent *rec;

	while ((rec = quantum_rtx_drain(&conn->rtx)) != NULL) {
		while (!aef_list_empty(&rec->frames)) {
			struct quantum_frame *frame =
				aef_list_entry(rec->frames.next, struct quantum_frame, node);

			aef_list_remove(&frame->node);
			if (!quantum_chans_on_dropped(&conn->chans, frame))
				aef_pool_put(&conn->env->frames, frame);
		}
		quantum_rtx_sent_put(&conn->rtx, rec);
	}
}

void
quantum_conn_free(struct quantum_conn *conn)
{
	struct quantum_env *env;

	if (conn == NULL)
		return;
	env = conn->env;
	drop_records(conn);
	quantum_chans_fini(&conn->chans);
	quantum_acktr_fini(&conn->acktr);
	fec_fini(conn);
	wipe_keys(conn);
	crypto_replay_fini(&conn->replay, &env->replays);
	aef_pool_put(&env->secrets, conn->keys);
	aef_pool_put(&env->conns, conn);
}

/* ---- ending ------------------------------------------------------------------------------------
 */

void
conn_end(struct quantum_conn *conn, enum quantum_close why, bool by_peer, uint64_t code,
         uint64_t now_ns)
{
	const bool silent = why == QUANTUM_CLOSE_IDLE || why == QUANTUM_CLOSE_RESET ||
	                    why == QUANTUM_CLOSE_HANDSHAKE || why == QUANTUM_CLOSE_REFUSED ||
	                    why == QUANTUM_CLOSE_VERSION;

	if (conn->state >= CONN_CLOSING)
		return;
	conn->close.why = why;
	conn->close.by_peer = by_peer;
	conn->close.code = code;
	conn->close.until_ns = now_ns + CLOSE_PTOS * quantum_rtt_pto_ns(&conn->rtt);
	conn->close.send_due = !by_peer && !silent;
	conn->close.last_sent_ns = now_ns;
	conn->events |= EVENT_CLOSED;
	conn_trace(conn, now_ns, QUANTUM_TRACE_CLOSED, why, code);
	if (silent || conn->state < CONN_ESTABLISHED)
		conn_set_state(conn, CONN_CLOSED, now_ns);
	else
		conn_set_state(conn, by_peer ? CONN_DRAINING : CONN_CLOSING, now_ns);
}

void
conn_fail(struct quantum_conn *conn, enum quantum_close why, uint64_t now_ns)
{
	conn_end(conn, why, false, 0, now_ns);
}

void
quantum_conn_close(struct quantum_conn *conn, uint64_t code, const char *reason, uint64_t now_ns)
{
	size_t len = 0;

	conn->now_ns = now_ns;
	while (reason != NULL && len < WIRE_CLOSE_REASON_MAX && reason[len] != '\0')
		len++;
	if (conn->state < CONN_CLOSING) {
		conn->close.reason_len = (uint8_t)len;
		if (len > 0)
			memcpy(conn->close.reason, reason, len);
	}
	conn_end(conn, QUANTUM_CLOSE_APP, false, code & (AEF_VARINT_MAX >> 4), now_ns);
}

/* ---- frames of sent packets --------------------------------------------------------------------
 */

void
conn_frame_acked(struct quantum_conn *conn, struct quantum_frame *frame, uint64_t now_ns)
{
	(void)now_ns;
	if (!quantum_chans_on_acked(&conn->chans, frame))
		aef_pool_put(&conn->env->frames, frame);
}

void
conn_frame_lost(struct quantum_conn *conn, struct quantum_frame *frame, uint64_t now_ns)
{
	(void)now_ns;
	if (quantum_chans_on_lost(&conn->chans, frame))
		return;
	if (frame->type == WIRE_FRAME_LIMITS)
		conn->want |= WANT_LIMITS;
	if (frame->type == WIRE_FRAME_ACCEPT && !conn->confirmed)
		conn->want |= WANT_ACCEPT;
	aef_pool_put(&conn->env->frames, frame);
}

/* ---- messages and events -----------------------------------------------------------------------
 */

int
quantum_conn_open(struct quantum_conn *conn, uint16_t channel, const struct quantum_chan_conf *conf)
{
	const int err = quantum_chans_open(&conn->chans, channel, conf);

	return err == AEF_ERR_EXISTS ? AEF_ERR_STATE : err;
}

/* A channel that nobody configured is ordered and reliable. */
static int
open_default(struct quantum_conn *conn, uint16_t channel)
{
	const struct quantum_chan_conf conf = { .priority = QUANTUM_PRIORITIES / 2, .weight = 1 };

	return quantum_chans_open(&conn->chans, channel, &conf);
}

int
quantum_conn_send(struct quantum_conn *conn, const struct quantum_send *send,
                  const struct quantum_slice *slices, uint32_t nb, uint64_t now_ns)
{
	const struct quantum_chan_send what = { .slices = slices,
		                                .nb_slices = nb,
		                                .notify = send->report,
		                                .key = send->key,
		                                .cookie = send->cookie };
	int err;

	if (conn->state >= CONN_CLOSING)
		return AEF_ERR_CLOSED;
	conn->now_ns = now_ns;
	/* Before the queue grows: was the pipe empty because there was nothing to send? */
	quantum_rate_check_app_limited(&conn->rate, quantum_chans_peek(&conn->chans),
	                               conn->rtx.bytes_in_flight, conn->bbr.cwnd_bytes);
	err = quantum_chans_send(&conn->chans, send->channel, &what, now_ns);
	if (err == AEF_ERR_NOTFOUND) {
		err = open_default(conn, send->channel);
		if (err == 0)
			err = quantum_chans_send(&conn->chans, send->channel, &what, now_ns);
	}
	if (err == AEF_ERR_FULL) /* also when no channel could be had: WRITABLE follows */
		conn->chans.want_writable = true;
	if (err == 0) {
		conn->flow_blocked = false;
		conn->stats.tx_msgs++;
	}
	return err;
}

static int
poll_bit(struct quantum_conn *conn, struct quantum_event *ev)
{
	if ((conn->events & EVENT_CONNECTED) != 0) {
		conn->events &= (uint8_t)~EVENT_CONNECTED;
		ev->type = QUANTUM_EVENT_CONNECTED;
		return 0;
	}
	if ((conn->events & EVENT_PATH) != 0) {
		conn->events &= (uint8_t)~EVENT_PATH;
		ev->type = QUANTUM_EVENT_PATH;
		ev->path = conn->path.peer;
		return 0;
	}
	if ((conn->events & EVENT_BUSY) != 0) {
		conn->events &= (uint8_t)~EVENT_BUSY;
		ev->type = QUANTUM_EVENT_BUSY;
		ev->busy_ms = conn->hs.busy_ms;
		return 0;
	}
	return AEF_ERR_AGAIN;
}

static int
poll_closed(struct quantum_conn *conn, struct quantum_event *ev)
{
	if ((conn->events & EVENT_CLOSED) == 0)
		return AEF_ERR_AGAIN;
	conn->events &= (uint8_t)~EVENT_CLOSED;
	conn->close.reported = true;
	ev->type = QUANTUM_EVENT_CLOSED;
	ev->closed.why = conn->close.why;
	ev->closed.by_peer = conn->close.by_peer;
	ev->closed.code = conn->close.code;
	return 0;
}

int
quantum_conn_poll(struct quantum_conn *conn, struct quantum_event *ret_event)
{
	struct quantum_chan_result result;

	if (conn->events != 0 && poll_bit(conn, ret_event) == 0)
		return 0;
	/* Before messages: a driver that cannot take one now must still learn of these. */
	if (quantum_chans_poll_sent(&conn->chans, &result)) {
		ret_event->type = QUANTUM_EVENT_SENT;
		ret_event->sent.channel = result.channel;
		ret_event->sent.expired = result.expired;
		ret_event->sent.message = result.message;
		ret_event->sent.cookie = result.cookie;
		if (result.expired)
			conn_trace(conn, conn->now_ns, QUANTUM_TRACE_MSG_EXPIRED, result.message,
			           result.channel);
		return 0;
	}
	if (quantum_chans_poll_writable(&conn->chans)) {
		ret_event->type = QUANTUM_EVENT_WRITABLE;
		return 0;
	}
	if (quantum_chans_poll(&conn->chans, &ret_event->msg)) {
		ret_event->type = QUANTUM_EVENT_MESSAGE;
		conn->stats.rx_msgs++;
		conn->stats.rx_data_bytes += ret_event->msg.len;
		conn_trace(conn, conn->now_ns, QUANTUM_TRACE_MSG_DELIVERED, ret_event->msg.message,
		           ret_event->msg.channel);
		return 0;
	}
	return poll_closed(conn, ret_event);
}

bool
quantum_conn_has_event(const struct quantum_conn *conn)
{
	return conn->events != 0 || !aef_list_empty(&conn->chans.ready) ||
	       !aef_list_empty(&conn->chans.results) || quantum_chans_is_writable(&conn->chans);
}

void
quantum_conn_consume(struct quantum_conn *conn, const struct quantum_msg *msg)
{
	quantum_chans_consume(&conn->chans, msg);
	conn->flow_blocked = false;
}

bool
quantum_conn_drained(const struct quantum_conn *conn)
{
	uint32_t nb_unread = 0;

	/* A result that was not polled yet keeps its message, but nothing is owed to the peer. */
	aef_list_foreach (node, &conn->chans.results)
		nb_unread++;
	return conn->chans.nb_messages == nb_unread;
}

bool
quantum_conn_finished(const struct quantum_conn *conn)
{
	return conn->state == CONN_CLOSED && conn->close.reported;
}

bool
quantum_conn_established(const struct quantum_conn *conn)
{
	return conn->state == CONN_ESTABLISHED;
}

/* ---- looking at it -----------------------------------------------------------------------------
 */

void
quantum_conn_stats(const struct quantum_conn *conn, struct quantum_stats *ret_stats)
{
	const bool has_rtt = quantum_rtt_has_sample(&conn->rtt);

	*ret_stats = conn->stats;
	ret_stats->copied_bytes = conn->chans.copied_bytes;
	ret_stats->tx_data_bytes = conn->chans.flow_tx.charged;
	ret_stats->tx_retransmit_bytes = conn->chans.copied_bytes - conn->chans.flow_tx.charged;
	ret_stats->fec_peer_recovered_pkts = conn->rtx.nb_recovered_total;
	ret_stats->expired_msgs = conn->chans.nb_expired;
	ret_stats->srtt_ns = has_rtt ? conn->rtt.srtt_ns : 0;
	ret_stats->rttvar_ns = has_rtt ? conn->rtt.rttvar_ns : 0;
	ret_stats->min_rtt_ns = has_rtt ? conn->rtt.min_ns : 0;
	ret_stats->rto_ns = quantum_rtt_rto_ns(&conn->rtt);
	ret_stats->cwnd_bytes = conn->bbr.cwnd_bytes;
	ret_stats->in_flight_bytes = conn->rtx.bytes_in_flight;
	ret_stats->pacing_bytes_per_s = conn->bbr.pacing_rate_bytes_per_s;
	ret_stats->bw_bytes_per_s = conn->bbr.bw;
	ret_stats->reo_window_ns = quantum_rtx_reo_wnd_ns(&conn->rtx);
	ret_stats->mtu_bytes = conn->pmtu.mtu;
	ret_stats->bbr_state = conn->bbr.state;
	ret_stats->fec_m = conn->conf.fec_always ? conn->conf.fec_m : conn->fec.level;
}

const struct aef_guuid *
quantum_conn_local_cid(const struct quantum_conn *conn)
{
	return conn->is_server ? &conn->cid_s : &conn->cid_c;
}

const struct quantum_addr *
quantum_conn_peer(const struct quantum_conn *conn)
{
	return &conn->path.peer;
}

void
quantum_conn_set_user(struct quantum_conn *conn, void *user)
{
	conn->user = user;
}

void *
quantum_conn_user(const struct quantum_conn *conn)
{
	return conn->user;
}
