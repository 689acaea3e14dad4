/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "conn_priv.h"

#define MOVES_WINDOW_NS       (10 * AEF_NS_PER_S)
#define ANSWERS_MAX           8u /* to challenges, per SRTT */
#define PMTU_TRIES            3u
#define PMTU_START_NS         (100 * AEF_NS_PER_MS)
#define PMTU_RETRY_NS         (600 * AEF_NS_PER_S) /* RFC 8899 5.1.1: PMTU_RAISE_TIMER */
#define PMTU_BLACK_HOLE       4u
#define PMTU_AFTER_HOLE_NS    (60 * AEF_NS_PER_S)
#define PMTU_TIMEOUTS         2u
#define PMTU_AFTER_TIMEOUT_NS (10 * AEF_NS_PER_S)

/* Header, blocks, FLOOR, challenge, tag. */
#define PATH_PKT_BYTES_MAX                                                                         \
	(WIRE_HEADER_BYTES + WIRE_SACKS_MAX * WIRE_SACK_BYTES + FLOOR_BYTES_MAX + 9 +              \
	 WIRE_TAG_BYTES)

/* Sizes worth trying: tunnelled and plain Ethernet, then jumbo frames. */
static const uint16_t pmtu_sizes[] = { 1400, 1452, 4052, WIRE_MTU_MAX };

/* ---- addresses ---------------------------------------------------------------------------------
 */

void
path_init(struct quantum_conn *conn, const struct quantum_addr *peer)
{
	conn->path = (struct path_state){ .peer = *peer, .retry_ns = AEF_TIME_NEVER };
}

/* At most a few validations in any 10 s, whatever arrives. */
static bool
may_validate(const struct path_state *path, uint64_t now_ns)
{
	const uint64_t oldest = path->moves_ns[path->next_move];

	return oldest == 0 || now_ns - oldest >= MOVES_WINDOW_NS;
}

void
path_on_packet(struct quantum_conn *conn, const struct quantum_rx *rx, bool is_highest,
               uint64_t now_ns)
{
	struct path_state *path = &conn->path;

	if (aef_likely(quantum_addr_eq(&rx->from, &path->peer)))
		return;
	if (path->validating) {
		/* Further apparent moves do not cancel a pending validation. */
		if (quantum_addr_eq(&rx->from, &path->candidate))
			path->candidate_rx_bytes += rx->len;
		return;
	}
	if (!conn->is_server || !conn->confirmed || !is_highest ||
	    rx->clas != WIRE_CLASS_PROTECTED || !may_validate(path, now_ns))
		return;
	path->moves_ns[path->next_move] = now_ns;
	path->next_move = (uint8_t)((path->next_move + 1) % CANDIDATE_MOVES);
	path->validating = true;
	path->candidate = rx->from;
	path->candidate_rx_bytes = rx->len;
	path->candidate_tx_bytes = 0;
	path->tries = 0;
	path->challenge_due = true;
	path->retry_ns = now_ns;
	aef_store_be64(path->challenge, aef_rng_u64(&conn->env->rng));
}

void
path_on_challenge(struct quantum_conn *conn, const struct quantum_rx *rx, const uint8_t value[8])
{
	/* Nothing leaves for elsewhere before S is confirmed. */
	if (conn->is_server && !conn->confirmed)
		return;
	/* One answer is owed at most: the latest. */
	conn->path.response_due = true;
	conn->path.response_to = rx->from;
	memcpy(conn->path.response, value, sizeof(conn->path.response));
}

static void
switch_path(struct quantum_conn *conn, uint64_t now_ns)
{
	struct path_state *path = &conn->path;
	const bool ip_changed =
		memcmp(path->peer.ip, path->candidate.ip, sizeof(path->peer.ip)) != 0;

	conn_trace(conn, now_ns, QUANTUM_TRACE_PATH, path->candidate.port, path->peer.port);
	path->peer = path->candidate;
	path->validating = false;
	path->retry_ns = AEF_TIME_NEVER;
	conn->stats.path_changes++;
	conn->events |= EVENT_PATH;
	/* What went to the old address must not hold back the first packet to the new one. */
	conn->probes = 1;
	if (!ip_changed)
		return;
	path_reset(conn, now_ns);
	/* The answer to the only challenge is the first thing known about the new path. */
	if (path->tries == 1 && now_ns > path->asked_ns)
		(void)!quantum_rtt_update(&conn->rtt, now_ns - path->asked_ns, 0, now_ns);
}

/* Another address may be another path: nothing learnt about the old one holds. */
void
path_reset(struct quantum_conn *conn, uint64_t now_ns)
{
	quantum_rtt_init(&conn->rtt, QUANTUM_MAX_ACK_DELAY_NS);
	conn->rtx.path_pn = quantum_rtx_pn_peek(&conn->rtx);
	quantum_rate_on_path_change(&conn->rate, now_ns);
	quantum_bbr_on_path_change(&conn->bbr, 0, now_ns);
	quantum_pacer_set(&conn->pacer, conn->bbr.pacing_rate_bytes_per_s,
	                  conn->bbr.send_quantum_bytes, now_ns);
	pmtu_init(conn);
	quantum_bbr_set_mss(&conn->bbr, conn->pmtu.mtu);
	conn->ecn_acked = 0;
	conn->ce_base = conn->peer_ce;
	conn->ecn_ok = true;
	/* What is in flight on the old path must not hold back the first packet on the new one. */
	conn->probes = 1;
}

void
path_on_response(struct quantum_conn *conn, const struct quantum_rx *rx, const uint8_t value[8],
                 uint64_t now_ns)
{
	if (conn->path.validating && quantum_addr_eq(&rx->from, &conn->path.candidate) &&
	    crypto_equal(value, conn->path.challenge, sizeof(conn->path.challenge)))
		switch_path(conn, now_ns);
}

static int
path_packet(struct quantum_conn *conn, struct quantum_tx *tx, enum wire_frame_type type,
            uint64_t now_ns)
{
	struct path_state *path = &conn->path;
	const bool challenge = type == WIRE_FRAME_PATH_CHALLENGE;
	struct packet p;

	packet_start(conn, &p, tx, WIRE_MTU_BASE, now_ns);
	/* An answer leaves nothing behind: who asks in vain asks again. */
	p.rec = challenge ? quantum_rtx_sent_get(&conn->rtx) : NULL;
	if (challenge && p.rec == NULL)
		return 0;
	/* Without SACK details: the datagram stays small enough for the 3x limit. */
	p.ack.ack.need_info = false;
	conn_ack_write(&p.ack, &p.w);
	wire_path_encode(&p.w, type, challenge ? path->challenge : path->response);
	p.flags |= QUANTUM_SENT_PMTU; /* its loss says nothing about congestion */
	tx->to = challenge ? path->candidate : path->response_to;
	packet_finish(conn, &p, now_ns);
	/* An answer to the candidate counts like the question to it. */
	if (path->validating && quantum_addr_eq(&tx->to, &path->candidate))
		path->candidate_tx_bytes += tx->len;
	if (challenge)
		path->asked_ns = now_ns;
	return 1;
}

/* When the next answer may leave, whatever is asked. */
static uint64_t
answer_ns(const struct path_state *path, uint64_t srtt_ns)
{
	return path->answers < ANSWERS_MAX ? 0 : path->answers_ns + srtt_ns;
}

int
path_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns)
{
	struct path_state *path = &conn->path;

	if (aef_unlikely(path->response_due) && now_ns >= answer_ns(path, conn->rtt.srtt_ns)) {
		if (now_ns - path->answers_ns >= conn->rtt.srtt_ns) {
			path->answers_ns = now_ns;
			path->answers = 0;
		}
		path->answers++;
		path->response_due = false;
		return path_packet(conn, tx, WIRE_FRAME_PATH_RESPONSE, now_ns);
	}
	if (aef_likely(!path->challenge_due))
		return 0;
	path->challenge_due = false;
	path->tries++;
	path->retry_ns = now_ns + quantum_rtt_pto_ns(&conn->rtt);
	/* At most three times what came from there. */
	if (path->candidate_tx_bytes + PATH_PKT_BYTES_MAX > 3 * path->candidate_rx_bytes)
		return 0;
	return path_packet(conn, tx, WIRE_FRAME_PATH_CHALLENGE, now_ns);
}

uint64_t
path_deadline_ns(const struct quantum_conn *conn)
{
	const struct path_state *path = &conn->path;
	uint64_t at_ns = path->validating ? path->retry_ns : AEF_TIME_NEVER;

	if (path->challenge_due)
		return conn->now_ns;
	if (path->response_due)
		at_ns = aef_min_u64(at_ns, answer_ns(path, conn->rtt.srtt_ns));
	return aef_max_u64(at_ns, conn->now_ns);
}

bool
quantum_conn_may_send_to(const struct quantum_conn *conn, const struct quantum_addr *addr)
{
	const struct path_state *path = &conn->path;

	return quantum_addr_eq(addr, &path->peer) ||
	       (path->validating && quantum_addr_eq(addr, &path->candidate)) ||
	       (path->response_due && quantum_addr_eq(addr, &path->response_to));
}

void
path_on_deadline(struct quantum_conn *conn, uint64_t now_ns)
{
	struct path_state *path = &conn->path;

	if (!path->validating || path->challenge_due || now_ns < path->retry_ns)
		return;
	if (path->tries < PATH_TRIES_MAX) {
		path->challenge_due = true;
		return;
	}
	path->validating = false; /* stay where we are */
	path->retry_ns = AEF_TIME_NEVER;
}

int
quantum_conn_migrate(struct quantum_conn *conn, uint64_t now_ns)
{
	if (conn->is_server || conn->state != CONN_ESTABLISHED || !conn->confirmed)
		return AEF_ERR_STATE;
	conn->now_ns = now_ns;
	path_reset(conn, now_ns);
	conn->stats.path_changes++;
	return 0;
}

/* ---- path MTU (RFC 8899) -----------------------------------------------------------------------
 */

static uint16_t
next_size(const struct quantum_conn *conn)
{
	for (unsigned i = 0; i < AEF_DIM(pmtu_sizes); i++)
		if (pmtu_sizes[i] > conn->pmtu.mtu && pmtu_sizes[i] <= conn->conf.mtu_max_bytes)
			return pmtu_sizes[i];
	return conn->conf.mtu_max_bytes > conn->pmtu.mtu && conn->conf.mtu_max_bytes < pmtu_sizes[0]
	               ? (uint16_t)conn->conf.mtu_max_bytes
	               : 0;
}

void
pmtu_init(struct quantum_conn *conn)
{
	conn->pmtu = (struct pmtu_state){ .mtu = WIRE_MTU_BASE };
	conn->pmtu.probe = conn->conf.pmtud ? next_size(conn) : 0;
	conn->pmtu.next_ns = conn->now_ns + PMTU_START_NS;
}

uint16_t
pmtu_probe_due(const struct quantum_conn *conn, uint64_t now_ns)
{
	const struct pmtu_state *pmtu = &conn->pmtu;

	return pmtu->probe != 0 && !pmtu->in_flight && conn->confirmed && now_ns >= pmtu->next_ns
	               ? pmtu->probe
	               : 0;
}

uint64_t
pmtu_deadline_ns(const struct quantum_conn *conn)
{
	return conn->pmtu.probe != 0 && !conn->pmtu.in_flight && conn->confirmed
	               ? conn->pmtu.next_ns
	               : AEF_TIME_NEVER;
}

void
pmtu_on_probe_sent(struct quantum_conn *conn)
{
	conn->pmtu.in_flight = true;
}

static void
set_mtu(struct quantum_conn *conn, uint16_t mtu, uint64_t now_ns)
{
	conn_trace(conn, now_ns, QUANTUM_TRACE_MTU, mtu, conn->pmtu.mtu);
	conn->pmtu.mtu = mtu;
	quantum_bbr_set_mss(&conn->bbr, mtu);
}

void
pmtu_on_acked(struct quantum_conn *conn, const struct quantum_sent *rec, uint64_t now_ns)
{
	struct pmtu_state *pmtu = &conn->pmtu;

	if (rec->bytes > WIRE_MTU_BASE) {
		pmtu->lost_full = 0;
		pmtu->passed_end = aef_max_u64(pmtu->passed_end, rec->pn + 1);
	}
	if ((rec->flags & QUANTUM_SENT_PMTU) == 0 || rec->bytes != pmtu->probe)
		return;
	set_mtu(conn, pmtu->probe, now_ns);
	pmtu->in_flight = false;
	pmtu->tries = 0;
	pmtu->probe = next_size(conn);
	pmtu->next_ns = now_ns;
}

static void
fall_back(struct quantum_conn *conn, uint64_t retry_ns, uint64_t now_ns)
{
	set_mtu(conn, WIRE_MTU_BASE, now_ns);
	conn->pmtu = (struct pmtu_state){ .mtu = WIRE_MTU_BASE, .next_ns = now_ns + retry_ns };
	conn->pmtu.probe = next_size(conn);
}

/*
 * Nothing comes back at all: a hole that swallows every large datagram leaves no
 * acknowledgement that would tell which ones were lost. Probes of the base size find out.
 */
void
pmtu_on_timeout(struct quantum_conn *conn, uint64_t now_ns)
{
	if (conn->rtx.nb_timeouts >= PMTU_TIMEOUTS && conn->pmtu.mtu > WIRE_MTU_BASE)
		fall_back(conn, PMTU_AFTER_TIMEOUT_NS, now_ns);
}

void
pmtu_on_lost(struct quantum_conn *conn, const struct quantum_sent *rec, uint64_t now_ns)
{
	struct pmtu_state *pmtu = &conn->pmtu;

	if ((rec->flags & QUANTUM_SENT_PMTU) != 0) {
		if (rec->bytes != pmtu->probe || !pmtu->in_flight)
			return;
		/* One lost probe is not "too big". */
		pmtu->in_flight = false;
		pmtu->tries++;
		pmtu->next_ns = now_ns;
		if (pmtu->tries >= PMTU_TRIES) {
			pmtu->tries = 0;
			pmtu->next_ns = now_ns + PMTU_RETRY_NS;
		}
		return;
	}
	/* What a later one of that size survived was a full queue, not a hole. */
	if (rec->bytes <= WIRE_MTU_BASE || pmtu->mtu <= WIRE_MTU_BASE || rec->pn < pmtu->passed_end)
		return;
	pmtu->lost_full++;
	if (pmtu->lost_full < PMTU_BLACK_HOLE)
		return;
	fall_back(conn, PMTU_AFTER_HOLE_NS, now_ns);
}
