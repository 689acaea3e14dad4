/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/conn_priv.h - the state of one connection and of what connections of a thread share.
 *
 * Files: conn.c life cycle and the public face; conn_rx.c datagram in; conn_tx.c datagram out;
 * conn_timer.c deadlines; handshake.c client side of the handshake and closing; server.c the
 * stateless server side; path.c addresses and path MTU; fec_block.c repair; ack.c acknowledgements
 * in both directions.
 *
 * Context: the thread that owns the env.
 */
#ifndef QUANTUM_CONN_PRIV_H
#define QUANTUM_CONN_PRIV_H

#include <crypto/epoch.h>
#include <crypto/replay.h>
#include <crypto/token.h>
#include <quantum/conn.h>

#include "acktr_priv.h"
#include "bbr_priv.h"
#include "chan_priv.h"
#include "fec_block_priv.h"
#include "handshake_priv.h"
#include "pacer_priv.h"
#include "path_priv.h"
#include "rtt_priv.h"
#include "rtx_priv.h"

#define PROBES_MAX 2u

enum conn_state {
	CONN_SYN_SENT,
	CONN_ACK_SENT,
	CONN_ESTABLISHED,
	CONN_CLOSING,  /* our CLOSE is sent; repeated when the peer goes on */
	CONN_DRAINING, /* the peer closed; silent */
	CONN_CLOSED,
};

struct close_state {
	enum quantum_close why;
	bool by_peer;
	bool send_due;
	bool reported;
	uint8_t reason_len;
	uint64_t code;
	uint64_t until_ns;
	uint64_t last_sent_ns;
	char reason[WIRE_CLOSE_REASON_MAX];
};

/* Control frames that are resent until acknowledged: bits of conn.want and of struct quantum_frame.
 */
enum conn_want {
	WANT_PING = 1 << 0,
	WANT_LIMITS = 1 << 1,
	WANT_ACCEPT = 1 << 2, /* at once; it is in every packet until confirmed anyway */
};

enum conn_event_bit {
	EVENT_CONNECTED = 1 << 0,
	EVENT_PATH = 1 << 1,
	EVENT_BUSY = 1 << 2,
	EVENT_WRITABLE = 1 << 3,
	EVENT_CLOSED = 1 << 4,
};

/*
 * All key material of a connection. It stands in the memory for secrets that the caller
 * gave to quantum_env_init(), and each part is overwritten as soon as it has done its work.
 */
struct conn_keys {
	struct crypto_rx_keys rx;
	struct crypto_tx_keys tx;
	struct quantum_client_conf client; /* token, psk, seed; until the handshake has ended */
};

struct quantum_env {
	struct quantum_env_conf conf;
	const struct crypto_provider *crypto;
	struct quantum_buf_ops buf;
	quantum_trace_fn trace;
	void *trace_ctx;
	struct aef_rng rng;
	struct quantum_chan_pools chan_pools;
	struct aef_pool conns, sent_pkts, frames, msgs_out, segs, msgs_in, ranges, chans, nodes,
		keys, fec_tx, fec_rx, replays, secrets;
	struct fec_codec fec;
};

struct quantum_conn {
	/* Read and written with every packet. */
	struct quantum_env *env;
	uint8_t state; /* enum conn_state */
	bool is_server;
	bool confirmed; /* server: a packet under S opened; client: ACCEPT opened */
	uint8_t want;   /* enum conn_want */
	uint8_t events; /* enum conn_event_bit */
	uint8_t probes; /* packets to send beyond the window */
	bool flow_blocked;
	uint64_t no_room_until_ns;  /* a pool of the env was empty: no data before then */
	uint64_t stalled_until_ns;  /* no number or key for a packet: no timer before then */
	uint64_t now_ns;            /* of the last call */
	uint64_t last_rx_ns;        /* authenticated */
	uint64_t last_eliciting_ns; /* ack-eliciting packet sent or received */
	uint64_t cid_c_until_ns;    /* client: C is accepted in received headers until then */
	struct aef_guuid cid_c, cid_s;
	struct conn_keys *keys; /* of the pool of secrets, as long as the connection lives */
	struct crypto_replay replay;
	uint64_t burst_start_ns; /* packets received since then, to size the replay window */
	uint32_t burst_pkts;
	struct quantum_rtt rtt;
	struct quantum_acktr acktr;
	struct quantum_rtx rtx;
	struct quantum_rate rate;
	struct quantum_bbr bbr;
	struct quantum_pacer pacer;
	struct quantum_chans chans;
	struct fec_state fec;
	struct path_state path;
	struct pmtu_state pmtu;

	/* Seldom. */
	struct quantum_conn_conf conf;
	struct quantum_chans_conf chans_conf;
	struct wire_limits peer_limits;
	uint8_t reset_token[WIRE_RESET_BYTES];
	bool has_reset_token;
	uint64_t peer_ce;   /* highest CE count the peer reported */
	uint64_t ce_base;   /* peer_ce when this path began */
	uint64_t ecn_acked; /* ECT packets acknowledged so far, for validation */
	bool ecn_ok;
	uint64_t created_ns;
	uint64_t nb_failed_opens; /* under the keys of this connection, all epochs */
	struct close_state close;
	struct handshake_state hs; /* client */
	struct crypto_token token; /* server */
	void *user;
	struct quantum_stats stats;
};

static inline void
conn_trace(const struct quantum_conn *conn, uint64_t now_ns, enum quantum_trace what, uint64_t a,
           uint64_t b)
{
	if (aef_unlikely(conn->env->trace != NULL))
		conn->env->trace(conn->env->trace_ctx, conn, now_ns, what, a, b);
}

static inline bool
conn_is_open(const struct quantum_conn *conn)
{
	return conn->state == CONN_ESTABLISHED;
}

/* conn.c */
struct quantum_conn *conn_create(struct quantum_env *env, const struct quantum_conn_conf *conf,
                                 const struct quantum_addr *peer, bool is_server, uint64_t now_ns);
AEF_MUST_CHECK int conn_set_keys(struct quantum_conn *conn, const uint8_t secret_tx[32],
                                 const uint8_t secret_rx[32]);
/** Overwrite what the handshake needed: its secrets have done their work. */
void conn_wipe_handshake(struct quantum_conn *conn);
void conn_set_state(struct quantum_conn *conn, enum conn_state state, uint64_t now_ns);
void conn_establish(struct quantum_conn *conn, const struct wire_limits *limits, uint64_t now_ns);
/** End with @p why: tells the peer when that makes sense, reports once, releases what is queued. */
void conn_fail(struct quantum_conn *conn, enum quantum_close why, uint64_t now_ns);
void conn_end(struct quantum_conn *conn, enum quantum_close why, bool by_peer, uint64_t code,
              uint64_t now_ns);
/** Give a frame record back, whoever it belongs to, as acknowledged or lost. */
void conn_frame_acked(struct quantum_conn *conn, struct quantum_frame *frame, uint64_t now_ns);
void conn_frame_lost(struct quantum_conn *conn, struct quantum_frame *frame, uint64_t now_ns);
uint64_t conn_idle_ns(const struct quantum_conn *conn);

/* conn_rx.c: frames of a payload that arrived or was recovered */
enum quantum_verdict conn_rx_recovered(struct quantum_conn *conn, const struct fec_recovered *rec,
                                       void *owner, uint64_t now_ns);

/* ack.c */
/** Build the acknowledgement for a packet that leaves now and write ACK_INFO and FLOOR. */
struct conn_ack_out {
	struct quantum_ack ack;
	uint64_t floor; /* 0: none in this packet */
};
void conn_ack_build(struct quantum_conn *conn, struct conn_ack_out *ret_out, uint64_t now_ns);
void conn_ack_write(const struct conn_ack_out *out, struct aef_writer *w);
/** Process header ack, SACK blocks and ACK_INFO of a received packet. */
AEF_MUST_CHECK int conn_ack_received(struct quantum_conn *conn, const struct quantum_rx *rx,
                                     const struct wire_frame_ack_info *info, uint64_t now_ns);
void conn_ack_timer(struct quantum_conn *conn, uint64_t now_ns);
/** Take the frames of a record away and queue them again. */
void conn_requeue(struct quantum_conn *conn, struct quantum_sent *rec, uint64_t now_ns);

/* conn_tx.c */
/** The congestion window lets one more full packet go. */
bool conn_window_open(const struct quantum_conn *conn);
/** Something ack-eliciting waits to be sent. */
bool conn_has_eliciting(const struct quantum_conn *conn);

struct packet {
	struct quantum_tx *tx;
	struct aef_writer w; /* over the payload */
	uint8_t *payload;
	struct conn_ack_out ack;
	struct quantum_sent *rec; /* NULL: nothing ack-eliciting */
	uint16_t flags;           /* of the record */
	uint8_t hdr_flags;
	bool to_path; /* not to the validated address */
};
/** Start a protected packet of at most @p mtu bytes: room for header, blocks and tag is set aside.
 */
/** Is there a number and a key for another packet? Enters the next key epoch when it is time. */
bool packet_allowed(struct quantum_conn *conn, uint64_t now_ns);
void packet_start(struct quantum_conn *conn, struct packet *p, struct quantum_tx *tx, uint32_t mtu,
                  uint64_t now_ns);
/** Finish it: header, key, accounting. The record, when there is one, is taken. */
void packet_finish(struct quantum_conn *conn, struct packet *p, uint64_t now_ns);

#endif
