/* SPDX-License-Identifier: BSD-3-Clause */
#include "conn_priv.h"

#define UNCONFIRMED_NS (10 * AEF_NS_PER_S)

/* The smaller of both, at least 3 PTO. */
uint64_t
conn_idle_ns(const struct quantum_conn *conn)
{
	const uint64_t own = conn->conf.limits.idle_timeout_ms * AEF_NS_PER_MS;
	const uint64_t peer = conn->peer_limits.idle_timeout_ms * AEF_NS_PER_MS;
	const uint64_t idle = own == 0 ? peer : peer == 0 ? own : aef_min_u64(own, peer);

	if (idle == 0)
		return AEF_TIME_NEVER;
	return aef_max_u64(idle, 3 * quantum_rtt_pto_ns(&conn->rtt));
}

static uint64_t
idle_deadline_ns(const struct quantum_conn *conn)
{
	const uint64_t idle = aef_add_sat_u64(conn->last_rx_ns, conn_idle_ns(conn));

	/* An unconfirmed connection lives 10 s. */
	if (conn->is_server && !conn->confirmed)
		return aef_min_u64(idle, conn->created_ns + UNCONFIRMED_NS);
	return idle;
}

static uint64_t
keepalive_deadline_ns(const struct quantum_conn *conn)
{
	/* Often enough for a short idle time-out, too. */
	return conn->conf.keepalive_ns == 0 ? AEF_TIME_NEVER
	                                    : aef_add_sat_u64(conn->last_eliciting_ns,
	                                                      aef_min_u64(conn->conf.keepalive_ns,
	                                                                  conn_idle_ns(conn) / 2));
}

static uint64_t
send_deadline_ns(const struct quantum_conn *conn)
{
	if (conn->probes > 0)
		return aef_max_u64(conn->now_ns, conn->no_room_until_ns);
	if (!conn_window_open(conn))
		return AEF_TIME_NEVER;
	const bool due = conn_has_eliciting(conn);
	uint64_t at = due ? conn->now_ns : pmtu_deadline_ns(conn);

	if (at == AEF_TIME_NEVER)
		return at;
	at = aef_max_u64(at, conn->no_room_until_ns);
	return aef_max_u64(at, quantum_pacer_ready_ns(&conn->pacer, conn->now_ns, conn->pmtu.mtu));
}

static uint64_t
min3(uint64_t a, uint64_t b, uint64_t c)
{
	return aef_min_u64(a, aef_min_u64(b, c));
}

static uint64_t
established_deadline_ns(const struct quantum_conn *conn)
{
	const uint64_t rec =
		min3(quantum_rtx_deadline_ns(&conn->rtx), quantum_acktr_deadline_ns(&conn->acktr),
	             quantum_chans_deadline(&conn->chans));
	const uint64_t life =
		min3(idle_deadline_ns(conn), keepalive_deadline_ns(conn),
	             conn->keys->rx.has_prev ? conn->keys->rx.prev_until_ns : AEF_TIME_NEVER);

	return aef_max_u64(min3(min3(rec, life, fec_deadline_ns(conn)), path_deadline_ns(conn),
	                        send_deadline_ns(conn)),
	                   conn->stalled_until_ns);
}

uint64_t
quantum_conn_deadline_ns(const struct quantum_conn *conn)
{
	switch (conn->state) {
	case CONN_SYN_SENT:
	case CONN_ACK_SENT:
		return conn->hs.send_due ? conn->now_ns
		                         : aef_min_u64(conn->hs.retry_ns, conn->hs.give_up_ns);
	case CONN_ESTABLISHED:
		return established_deadline_ns(conn);
	case CONN_CLOSING:
		return conn->close.send_due ? conn->now_ns : conn->close.until_ns;
	case CONN_DRAINING:
		return conn->close.until_ns;
	default:
		return AEF_TIME_NEVER;
	}
}

static void
established_on_deadline(struct quantum_conn *conn, uint64_t now_ns)
{
	if (now_ns >= idle_deadline_ns(conn)) {
		conn_end(conn, QUANTUM_CLOSE_IDLE, false, 0, now_ns);
		return;
	}
	/* What a timer frees or finds lost may go although credit stopped the rest. */
	conn->flow_blocked = false;
	conn_ack_timer(conn, now_ns);
	if (now_ns >= quantum_chans_deadline(&conn->chans))
		quantum_chans_on_timer(&conn->chans, now_ns);
	fec_on_deadline(conn, now_ns);
	path_on_deadline(conn, now_ns);
	if (crypto_rx_keys_expire(&conn->keys->rx, conn->env->crypto, now_ns))
		crypto_replay_drop_prev(&conn->replay, &conn->env->replays);
	if (now_ns >= keepalive_deadline_ns(conn)) {
		conn->last_eliciting_ns = now_ns;
		conn->want |= WANT_PING;
	}
}

void
quantum_conn_on_deadline(struct quantum_conn *conn, uint64_t now_ns)
{
	conn->now_ns = now_ns;
	switch (conn->state) {
	case CONN_SYN_SENT:
	case CONN_ACK_SENT:
		handshake_on_deadline(conn, now_ns);
		break;
	case CONN_ESTABLISHED:
		established_on_deadline(conn, now_ns);
		break;
	case CONN_CLOSING:
	case CONN_DRAINING:
		if (now_ns >= conn->close.until_ns)
			conn_set_state(conn, CONN_CLOSED, now_ns);
		break;
	default:
		break;
	}
}
