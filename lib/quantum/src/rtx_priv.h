/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/rtx_priv.h - sent packets: numbers, loss detection, probes, FLOOR.
 *
 * Sending:   pn_peek -> sent_get -> build the packet (frames hang on the record; floor_ns/floor_due
 *            say which FLOOR it carries) -> on_sent; or sent_put when nothing was sent. A packet
 * that is not ack-eliciting takes no record: on_sent_untracked. Receiving: result_init -> on_ack ->
 * caller empties result.acked (release frames, sent_put), result.lost (move the frames away; the
 * record stays ours) and result.recovered. Timer:     deadline_ns -> on_deadline -> the same
 * result, with nb_probes.
 *
 * Source:  DESIGN 2 "Numbers", "Acks" and 3; RFC 8985 (RACK-TLP); RFC 9002 6.2, 7.6; RFC 6298.
 * Units:   packet numbers 64 bits; times in nanoseconds; bytes as on the wire.
 * Context: the thread that owns the connection. Records come from a pool given at init.
 *
 * Records in `sent` are undecided, those in `lost` were declared lost and wait for the floor; both
 * are sorted by number, and every number in `lost` is below every number in `sent`, because packets
 * are declared lost from the lowest up.
 */
#ifndef QUANTUM_RTX_PRIV_H
#define QUANTUM_RTX_PRIV_H

#include <base/list.h>
#include <base/pool.h>
#include <base/rng.h>

#include "acktr_priv.h"
#include "rate_priv.h"
#include "rtt_priv.h"

#define QUANTUM_SKIPS_MAX     16           /* skipped numbers remembered; full: no further skip */
#define QUANTUM_SKIP_MEAN_MIN 256          /* lowest mean spacing of skips, DESIGN 2 */
#define QUANTUM_PN_AHEAD_MAX  (1ull << 30) /* above the highest acknowledged */
#define QUANTUM_PN_LAST       ((1ull << 62) - 1) /* clean close there */
#define QUANTUM_DUP_THRESH    3                  /* RFC 8985: advice while no reordering was seen */
#define QUANTUM_REO_PERSIST   16  /* recoveries after which a widened window shrinks */
#define QUANTUM_TAIL_PROBES   2   /* time-outs at PTO; later ones at RTO */
#define QUANTUM_PROBE_RECORDS 64u /* two each 3 s until any idle time-out worth having */

/* What one received acknowledgement may name: header and ACK_INFO, as far as the wire allows. */
#define QUANTUM_ACK_IN_MAX       256
#define QUANTUM_RECOVERED_IN_MAX 64

/* Flags of a sent record. The first group is set by the sender before on_sent. */
#define QUANTUM_SENT_PROBE     0x0001u /* sent because a timer asked for a probe */
#define QUANTUM_SENT_REPAIR    0x0002u /* FEC repair: never resent, lost without a probe */
#define QUANTUM_SENT_PMTU      0x0004u /* PMTU probe: its loss is no congestion */
#define QUANTUM_SENT_LAST_FRAG 0x0008u /* carries the last fragment of a message */
#define QUANTUM_SENT_PSH       0x0010u /* asks for an immediate acknowledgement */
#define QUANTUM_SENT_SOURCE    0x0020u /* protected by FEC: repair may be quicker than a resend */
/* Set here. */
#define QUANTUM_SENT_LOST      0x0100u /* declared lost; in result.acked: that was spurious */
#define QUANTUM_SENT_RECOVERED 0x0200u /* the peer repaired it: its frames count as delivered */
#define QUANTUM_SENT_ACKED     0x0400u

/* One ack-eliciting packet in flight. */
struct quantum_sent {
	struct aef_list node; /* in rtx.sent, then rtx.lost */
	struct aef_list out;  /* in one list of a result */
	uint64_t pn;
	uint64_t sent_ns;
	uint64_t order;   /* counts ack-eliciting packets only */
	uint64_t lost_ns; /* when declared lost */
	uint64_t event;   /* result in whose list `out` stands */
	uint32_t bytes;
	uint32_t episode;       /* recovery in which it was declared lost */
	uint16_t flags;         /* QUANTUM_SENT_* */
	uint8_t ecn;            /* code point it was sent with */
	uint32_t epoch;         /* key epoch */
	uint64_t floor;         /* FLOOR that it carried; 0: none */
	struct aef_list frames; /* of the connection, never looked at; empty when freed here */
	struct quantum_rate_pkt rate;
};

/* One acknowledgement as received, expanded to 64 bits. Any content is safe. */
struct quantum_ack_in {
	uint64_t ack;
	const struct quantum_ack_block *blocks; /* header and ACK_INFO, any order, may overlap */
	uint32_t nb_blocks;                     /* at most QUANTUM_ACK_IN_MAX are accepted */
	uint32_t nb_recovered;                  /* at most QUANTUM_RECOVERED_IN_MAX are accepted */
	const uint64_t *recovered;
	uint64_t delay_ns; /* of the highest number; 0 when not reported */
};

/*
 * What an acknowledgement or a timer changed. Lists hold struct quantum_sent by `out`; a record is
 * in one list only. `lost` and `recovered` are sorted by number, `acked` has spurious ones first.
 */
struct quantum_rtx_result {
	struct aef_list acked; /* taken from rtx: the caller gives each to quantum_rtx_sent_put */
	struct aef_list lost;  /* stay with rtx: the caller takes the frames away at once; when
	                        * flagged RECOVERED they count as delivered instead */
	struct aef_list recovered; /* stay with rtx: their frames count as delivered from now on */
	uint64_t acked_bytes;      /* all records in `acked` */
	uint64_t spurious_bytes;   /* those of them that had been declared lost */
	uint64_t lost_bytes;       /* all records in `lost` but PMTU probes: a congestion signal */
	uint64_t pmtu_lost_bytes;
	uint64_t inflight_before_bytes; /* bytes in flight before this event */
	uint64_t rtt_ns;                /* RTT sample, already fed to quantum_rtt; 0: none */
	uint32_t nb_acked, nb_spurious, nb_lost, nb_recovered;
	uint32_t nb_probes;    /* packets to send now, beyond the window if need be */
	bool is_rto;           /* nb_probes come from the RTO, not from a tail probe */
	bool recovery_started; /* first loss of a new recovery: the place to cut */
	bool recovery_ended;
	bool undo; /* every loss of the last recovery was spurious: undo its cut, before `lost`
	              counts */
	bool persistent; /* persistent congestion (RFC 9002 7.6) */
	bool moved;      /* ack or highest reported number advanced */
};

struct quantum_rtx {
	/* Written with every packet sent. */
	struct aef_list sent; /* undecided, ascending */
	uint64_t next_pn;
	uint64_t next_order;
	uint64_t bytes_in_flight; /* of the records in `sent` */
	uint32_t nb_sent;         /* records in `sent` */
	uint32_t nb_lost;         /* records in `lost` */
	uint32_t records_max;     /* bound of nb_sent + nb_lost + those being built */
	uint32_t nb_records;
	uint32_t nb_quiet;   /* records of `sent` with nothing to resend: FEC repair, recovered */
	uint32_t skip_in;    /* packets until the next skip */
	uint64_t floor_sent; /* highest FLOOR sent */

	/* Read and written with every acknowledgement. */
	struct aef_list lost;     /* declared lost, still at or above the floor */
	uint64_t peer_ack;        /* highest ack received */
	uint64_t high_end;        /* highest number reported + 1 */
	uint64_t prev_high_end;   /* its value before it last advanced */
	uint64_t acked_order_end; /* order of the newest acknowledged record + 1 */
	uint64_t event;           /* counts calls of on_ack and on_deadline */
	uint64_t acked_pn_end;    /* number of the newest acknowledged record + 1 (RACK.fack) */
	uint64_t rack_rtt_ns;     /* RTT of that record (RACK.rtt) */
	uint64_t path_pn;         /* lower numbers were sent on another path: no RTT sample */
	struct quantum_rtt *rtt;
	struct aef_pool *records;
	struct aef_rng *rng;

	/* Reordering window, recovery, timers. */
	uint32_t reo_mult;     /* quarters of min_rtt */
	uint32_t reo_persist;  /* recoveries left until the window shrinks */
	uint64_t reo_round_pn; /* widened at most once per round: until this number is acknowledged
	                        */
	bool reordering_seen;
	bool in_recovery;
	uint32_t episode;          /* counts recoveries */
	uint32_t episode_lost;     /* losses of this recovery */
	uint32_t episode_spurious; /* of them proven wrong */
	uint64_t recovery_end_pn;  /* recovery ends when a number at or above is acknowledged */
	uint32_t nb_timeouts;      /* in a row without progress */
	uint64_t
		timer_base_ns; /* backoff counts from here: last ack-eliciting packet or time-out */
	/* Run of losses with nothing acknowledged between them. */
	uint64_t run_first_pn, run_first_ns, run_last_pn, run_last_order;
	bool run_valid;

	/* Numbers skipped on purpose at or above floor_sent, ascending. */
	struct quantum_ack_block skips[QUANTUM_SKIPS_MAX];
	uint32_t nb_skips;

	/* Statistics. */
	uint64_t nb_sent_total, nb_acked_total, nb_lost_total, nb_spurious_total,
		nb_recovered_total;
	uint64_t nb_pto_total, nb_rto_total, nb_bad_acks;
};

/* What a connection hands over; everything is kept, nothing is owned. */
struct quantum_rtx_conf {
	uint64_t first_pn;
	uint32_t records_max;     /* bound of this connection; at least 1 */
	struct aef_pool *records; /* of struct quantum_sent, may be shared by connections */
	struct quantum_rtt *rtt;
	struct aef_rng *rng;
};

/** Start with nothing sent; @p conf is read only here, what it points at is kept. */
void quantum_rtx_init(struct quantum_rtx *rtx, const struct quantum_rtx_conf *conf);

/**
 * Take the next record that still holds something, for the end of a connection: the caller releases
 * its frames and gives it to quantum_rtx_sent_put.
 *
 * @return NULL when there is none left
 */
struct quantum_sent *quantum_rtx_drain(struct quantum_rtx *rtx);

/* ---- sending ---- */

/** Number of the next packet; it stays the same until on_sent or on_sent_untracked. */
static inline uint64_t
quantum_rtx_pn_peek(const struct quantum_rtx *rtx)
{
	return rtx->next_pn;
}

/**
 * 0 when the next number may be used; AEF_ERR_LIMIT when it is 2^30 above the highest acknowledged
 * one (wait for acknowledgements); AEF_ERR_CLOSED when numbers are used up (close cleanly).
 */
AEF_MUST_CHECK int quantum_rtx_pn_check(const struct quantum_rtx *rtx);

/**
 * Numbers may be used from @p pn on, for a sender that forces a new key epoch.
 *
 * @return 0; AEF_ERR_RANGE when @p pn is below the next number; AEF_ERR_FULL when the gap cannot be
 *         remembered (try again after the floor has moved)
 */
AEF_MUST_CHECK int quantum_rtx_pn_skip_to(struct quantum_rtx *rtx, uint64_t pn);

/**
 * A cleared record for the next ack-eliciting packet, `frames` empty.
 *
 * @return NULL when the connection's limit is reached or the pool is empty: send nothing
 *         ack-eliciting now
 */
struct quantum_sent *quantum_rtx_sent_get(struct quantum_rtx *rtx);

/** Probes may pass the connection's limit: when all of it is in flight they alone bring acks. */
struct quantum_sent *quantum_rtx_probe_get(struct quantum_rtx *rtx);

/** Give back a record from sent_get, result.acked or drain; its frames are the caller's business.
 */
void quantum_rtx_sent_put(struct quantum_rtx *rtx, struct quantum_sent *rec);

/**
 * The ack-eliciting packet of @p rec has left under the number of pn_peek.
 *
 * @param rec       from sent_get with bytes, flags, ecn, epoch, floor, frames, rate filled; taken
 * @param now_ns    send time
 * @param cwnd_pkts congestion window in packets: skips are spaced max(256, cwnd/2) on average
 */
void quantum_rtx_on_sent(struct quantum_rtx *rtx, struct quantum_sent *rec, uint64_t now_ns,
                         uint32_t cwnd_pkts);

/**
 * A packet that is not ack-eliciting has left under the number of pn_peek.
 *
 * @param floor FLOOR that it carried; 0: none
 */
void quantum_rtx_on_sent_untracked(struct quantum_rtx *rtx, uint64_t floor, uint32_t cwnd_pkts);

/**
 * FLOOR to send now: lowest number undecided, or lost less than SRTT + reordering window ago, or
 * the next number. Frees the lost records that it passes.
 */
uint64_t quantum_rtx_floor(struct quantum_rtx *rtx, uint64_t now_ns);

/** True when a packet that leaves now must carry FLOOR: the peer still waits below it. */
static inline bool
quantum_rtx_floor_due(const struct quantum_rtx *rtx, uint64_t floor)
{
	return rtx->peer_ack < floor;
}

/** Oldest undecided record: what a probe repeats when there is no new data. NULL: none. */
static inline struct quantum_sent *
quantum_rtx_oldest(const struct quantum_rtx *rtx)
{
	return aef_list_empty(&rtx->sent)
	               ? NULL
	               : aef_list_entry(rtx->sent.next, struct quantum_sent, node);
}

/** Newest undecided record: what a tail probe repeats. NULL: none. */
static inline struct quantum_sent *
quantum_rtx_newest(const struct quantum_rtx *rtx)
{
	return aef_list_empty(&rtx->sent)
	               ? NULL
	               : aef_list_entry(rtx->sent.prev, struct quantum_sent, node);
}

/* ---- receiving and time ---- */

/** Make @p res empty; before each on_ack and on_deadline. */
void quantum_rtx_result_init(struct quantum_rtx_result *res);

/**
 * Process one acknowledgement of the peer.
 *
 * @param res initialised; filled even when nothing changed
 * @return 0; AEF_ERR_PROTOCOL when it names a number never sent, one skipped on purpose at or above
 *         the highest FLOOR sent, or breaks the form of blocks; AEF_ERR_LIMIT for too many ranges
 * or recovered numbers. After an error nothing has changed but nb_bad_acks.
 */
AEF_MUST_CHECK int quantum_rtx_on_ack(struct quantum_rtx *rtx, const struct quantum_ack_in *in,
                                      uint64_t now_ns, struct quantum_rtx_result *res);

/** Earliest time at which on_deadline has something to do; AEF_TIME_NEVER: none. */
uint64_t quantum_rtx_deadline_ns(const struct quantum_rtx *rtx);

/** Time has come to deadline_ns (earlier calls do nothing): losses and probes come out in @p res.
 */
void quantum_rtx_on_deadline(struct quantum_rtx *rtx, uint64_t now_ns,
                             struct quantum_rtx_result *res);

/** Reordering window in force (RFC 8985 6.2 step 4), without the packet-count advice. */
uint64_t quantum_rtx_reo_wnd_ns(const struct quantum_rtx *rtx);

#endif
