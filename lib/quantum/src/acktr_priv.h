/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/acktr_priv.h - what we owe the peer: received packet numbers and when to report them.
 *
 * Order of calls: on_floor (if the packet carries FLOOR) and on_packet for every authenticated
 * packet that is no duplicate; should_ack or deadline say when an acknowledgement is due; build
 * before every packet that is sent, on_sent after it has left with that acknowledgement.
 *
 * Source:  DESIGN 2 "Acks"; RFC 2018 (order of blocks); RFC 9000 13.2 (when to acknowledge);
 *          reference/transport.md 3a.8 (every 2 at first, then every 10 or a quarter of an RTT).
 * Units:   packet numbers are 64 bits; ranges are half-open [first, end); times in nanoseconds.
 * Context: the thread that owns the connection. Nodes come from the pool given at init.
 */
#ifndef QUANTUM_ACKTR_PRIV_H
#define QUANTUM_ACKTR_PRIV_H

#include <base/rangeset.h>

#include "rtt_priv.h"

#define QUANTUM_ACK_BLOCKS_MAX    8   /* SACK blocks of a header */
#define QUANTUM_ACK_MORE_MAX      32  /* further ranges of one ACK_INFO */
#define QUANTUM_ACK_RANGES_MAX    256 /* ranges remembered; full: the lowest is forgotten */
#define QUANTUM_ACK_RECOVERED_MAX 32  /* recovered numbers listed and remembered */
#define QUANTUM_ACK_FIRST_PKTS    100 /* that many are acknowledged every 2, later ones every 10 */
#define QUANTUM_ACK_EVERY_FIRST   2
#define QUANTUM_ACK_EVERY         10
#define QUANTUM_ACK_PSH_PER_SRTT  8
#define QUANTUM_ACK_DELAY_INFO_NS (100 * AEF_NS_PER_US) /* a longer delay is reported */
#define QUANTUM_ACK_CE_REPEAT     4 /* acknowledgements that repeat a risen CE count */

/* ECN code points as in the IP header (RFC 3168 5). */
#define QUANTUM_ECN_NOT_ECT 0
#define QUANTUM_ECN_ECT1    1
#define QUANTUM_ECN_ECT0    2
#define QUANTUM_ECN_CE      3

/* Packet numbers [first, end). */
struct quantum_ack_block {
	uint64_t first;
	uint64_t end;
};

/* One acknowledgement, ready to be written: header fields, then what goes into ACK_INFO. */
struct quantum_ack {
	uint64_t ack; /* lowest number not received and not below the peer's floor */
	uint32_t nb_blocks;
	uint32_t nb_more;
	uint32_t nb_recovered;
	bool ece;          /* flag ECE: the CE count rose */
	bool need_info;    /* the packet must carry ACK_INFO */
	bool has_delay;    /* delay_ns is to be reported */
	uint64_t delay_ns; /* since the arrival of the highest number, when it is first reported */
	uint64_t highest;  /* highest number received (of which delay_ns speaks); 0 when none */
	uint64_t nb_ce_pkts; /* counts since the start of the connection */
	uint64_t nb_ect0_pkts;
	uint64_t nb_ect1_pkts;
	struct quantum_ack_block blocks[QUANTUM_ACK_BLOCKS_MAX];
	struct quantum_ack_block more[QUANTUM_ACK_MORE_MAX];
	uint64_t recovered[QUANTUM_ACK_RECOVERED_MAX]; /* ascending */
};

struct quantum_acktr {
	/* Read and written with every packet. */
	struct aef_pool *nodes;        /* of struct aef_range; borrowed */
	const struct quantum_rtt *rtt; /* for SRTT; borrowed */
	uint64_t ack;                  /* everything below is received or below the floor */
	uint64_t end;                  /* highest received number + 1; 0: none yet */
	uint64_t highest_at_ns;        /* arrival of number end - 1 */
	uint64_t latest_pn;            /* number of the latest arrival */
	uint64_t deadline_ns;          /* of the delayed acknowledgement; AEF_TIME_NEVER: none */
	uint64_t reported_end;         /* `end` of the last acknowledgement sent */
	uint32_t nb_pending;           /* ack-eliciting packets not yet acknowledged */
	uint32_t nb_eliciting;         /* ack-eliciting packets so far, saturating */
	bool ack_now;
	uint8_t nb_psh;    /* honoured in the running SRTT */
	uint8_t ce_repeat; /* acknowledgements that still carry the CE count */
	uint64_t psh_start_ns;
	struct aef_rangeset rcvd;      /* received, above ack */
	struct aef_rangeset fresh;     /* received and not yet reported, at or above ack */
	struct aef_rangeset recovered; /* repaired by FEC, still holes */

	/* Statistics. */
	uint64_t floor; /* the peer's highest FLOOR */
	uint64_t nb_ce_pkts, nb_ect0_pkts, nb_ect1_pkts;
	uint64_t nb_unlisted;         /* arrivals or recoveries without a node to note them */
	uint64_t nb_forgotten_ranges; /* dropped because of QUANTUM_ACK_RANGES_MAX or an empty pool
	                               */
};

/**
 * Start with nothing received.
 *
 * @param first_pn the first number the peer will use
 * @param nodes    pool of struct aef_range; kept
 * @param rtt      path estimate that gives SRTT; kept
 */
void quantum_acktr_init(struct quantum_acktr *at, uint64_t first_pn, struct aef_pool *nodes,
                        const struct quantum_rtt *rtt);

/** Give all nodes back. */
void quantum_acktr_fini(struct quantum_acktr *at);

/* What acktr must know about one authenticated packet. */
struct quantum_acktr_pkt {
	uint64_t pn;
	uint64_t now_ns; /* arrival */
	bool eliciting;  /* carries anything but ACK_INFO, FLOOR, PADDING, CLOSE */
	bool psh;        /* flag PSH; ignored when not eliciting */
	uint8_t ecn;     /* QUANTUM_ECN_* of the IP header */
};

/**
 * Note an authenticated packet.
 *
 * @return 0; AEF_ERR_DUPLICATE when the number was known; AEF_ERR_RANGE when it lies below what ack
 *         already covers (a duplicate or a late packet below the floor: accepted, never reported);
 *         AEF_ERR_FULL when no node could be had (the packet stays unreported and will be resent)
 */
int quantum_acktr_on_packet(struct quantum_acktr *at, const struct quantum_acktr_pkt *pkt);

/** The peer's FLOOR: numbers below are not waited for any more. A lower one than before is ignored.
 */
void quantum_acktr_on_floor(struct quantum_acktr *at, uint64_t floor);

/** Number @p pn was repaired by FEC: it stays a hole and is listed until the floor passes it. */
void quantum_acktr_on_recovered(struct quantum_acktr *at, uint64_t pn);

/** When the delayed acknowledgement is due: 0 = now, AEF_TIME_NEVER = none is owed. */
static inline uint64_t
quantum_acktr_deadline_ns(const struct quantum_acktr *at)
{
	return at->ack_now ? 0 : at->deadline_ns;
}

/** True when a packet should be sent now just for the acknowledgement. */
static inline bool
quantum_acktr_should_ack(const struct quantum_acktr *at, uint64_t now_ns)
{
	return at->ack_now || now_ns >= at->deadline_ns;
}

/** True when something ack-eliciting is unreported: any packet that leaves anyway settles it. */
static inline bool
quantum_acktr_owes(const struct quantum_acktr *at)
{
	return at->ack_now || at->deadline_ns != AEF_TIME_NEVER;
}

/** Write the acknowledgement that a packet leaving at @p now_ns carries. Changes nothing. */
void quantum_acktr_build(const struct quantum_acktr *at, uint64_t now_ns,
                         struct quantum_ack *ret_ack);

/** The packet with @p ack (built since the last on_packet) has left: nothing is owed any more. */
void quantum_acktr_on_sent(struct quantum_acktr *at, const struct quantum_ack *ack);

#endif
